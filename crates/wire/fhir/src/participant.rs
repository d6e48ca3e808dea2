//! People, organisations and patients behind a document: XCN, XON, XTN and sourcePatientInfo to and from contained
//! resources. Source: spec/fhir.md sections 3 and 5.1 (author rows), TF-3 4.2.3.2.1, 4.2.3.2.23.

use crate::datatypes::{Address, CodeableConcept, Coding, ContactPoint, HumanName, Identifier, Reference, Str};
use crate::identifier::{fold_uid, of_patient_id, to_patient_id};
use crate::resource::{Device, Organization, PatientResource, Practitioner, PractitionerRole, Resolve, Resource};
use crate::systems::{RFC_3986, looks_like_oid, scheme_of, strip_prefix_ignore_case, system_of};
use crate::{datetime, patient};
use model::{
    Author, Hd, Oid, PatientId, PersonName, SourcePatientInfo, Telecom, TelecomSystem, TelecomUse, Xcn, Xon, Xtn,
    escape, split_escaped, unescape,
};

fn owned(text: String) -> Option<Str<'static>> {
    (!text.is_empty()).then_some(Str::Owned(text))
}

fn text<'t>(value: &'t Option<Str<'_>>) -> Option<&'t str> {
    value.as_deref().map(str::trim).filter(|t| !t.is_empty())
}

// ---- writing ----

/// Adds one author: its contained resources, whose ids begin with `id`, to `contained`, its references to `authors`.
///
/// Shape: a person alone is a Practitioner, one organisation alone an Organization; everything else is a
/// PractitionerRole, one per institution, all with the same practitioner, by which they are joined again.
pub(crate) fn write_author<'a>(
    author: &'a Author,
    id: &str,
    contained: &mut Vec<Resource<'a>>,
    authors: &mut Vec<Reference<'a>>,
) {
    let telecom: Vec<ContactPoint<'a>> = author.telecommunications.iter().filter_map(contact_point).collect();
    let plain = author.roles.is_empty() && author.specialties.is_empty();
    let id = id.to_owned();
    if plain && author.institutions.is_empty() {
        authors.push(Reference::to(format!("#{id}")));
        contained.push(Resource::Practitioner(practitioner(author.person.as_ref(), id, telecom)));
        return;
    }
    if plain && author.person.is_none() && author.institutions.len() == 1 {
        authors.push(Reference::to(format!("#{id}")));
        contained.push(Resource::Organization(organization(&author.institutions[0], id, telecom)));
        return;
    }
    let person_id = format!("{id}-person");
    // Also an empty practitioner: it is what holds several institutions together.
    let person = (author.person.is_some() || author.institutions.len() > 1).then(|| {
        contained.push(Resource::Practitioner(practitioner(author.person.as_ref(), person_id.clone(), Vec::new())));
        format!("#{person_id}")
    });
    let institutions: Vec<Option<&Xon>> = match author.institutions.as_slice() {
        [] => vec![None],
        list => list.iter().map(Some).collect(),
    };
    for (i, institution) in institutions.into_iter().enumerate() {
        let role_id = if i == 0 { id.clone() } else { format!("{id}-{}", i + 1) };
        let organization = institution.map(|xon| {
            let organization_id = format!("{role_id}-organization");
            contained.push(Resource::Organization(organization(xon, organization_id.clone(), Vec::new())));
            Reference::to(format!("#{organization_id}"))
        });
        authors.push(Reference::to(format!("#{role_id}")));
        let first = i == 0;
        contained.push(Resource::PractitionerRole(PractitionerRole {
            id: Some(role_id.into()),
            practitioner: person.clone().map(Reference::to),
            organization,
            code: if first { author.roles.iter().map(|r| role(r)).collect() } else { Vec::new() },
            specialty: if first { author.specialties.iter().map(|r| role(r)).collect() } else { Vec::new() },
            telecom: if first { telecom.clone() } else { Vec::new() },
        }));
    }
}

pub(crate) fn practitioner<'a>(xcn: Option<&Xcn>, id: String, telecom: Vec<ContactPoint<'a>>) -> Practitioner<'a> {
    let (identifier, name) = xcn.map_or((Vec::new(), Vec::new()), |xcn| {
        let authority = Hd::parse(xcn.as_str().split('^').nth(8).unwrap_or("")).ok().and_then(|hd| hd.oid);
        let identifier = owned(xcn.component(1)).map(|value| Identifier {
            system: authority.map(|oid| Str::Owned(format!("urn:oid:{oid}"))),
            value: Some(value),
            ..Identifier::default()
        });
        let name = HumanName {
            family: owned(xcn.component(2)),
            given: [3, 4].into_iter().filter_map(|n| owned(xcn.component(n))).collect(),
            prefix: owned(xcn.component(6)).into_iter().collect(),
            suffix: owned(xcn.component(5)).into_iter().collect(),
            ..HumanName::default()
        };
        let named = name != HumanName::default();
        (identifier.into_iter().collect(), if named { vec![name] } else { Vec::new() })
    });
    Practitioner { id: Some(id.into()), identifier, name, telecom }
}

pub(crate) fn organization<'a>(xon: &Xon, id: String, telecom: Vec<ContactPoint<'a>>) -> Organization<'a> {
    let identifier = xon.identifier().map(|(value, authority)| {
        let (system, value) = match authority {
            Some(oid) => (Some(format!("urn:oid:{oid}").into()), value),
            None if looks_like_oid(&value) => (Some(RFC_3986.into()), format!("urn:oid:{value}")),
            None => (None, value),
        };
        Identifier { system, value: Some(value.into()), ..Identifier::default() }
    });
    Organization { id: Some(id.into()), identifier: identifier.into_iter().collect(), name: owned(xon.name()), telecom }
}

// `code^^^&OID&ISO`, or free text.
fn role(text: &str) -> CodeableConcept<'_> {
    let parts = split_escaped(text, '^');
    let scheme = parts.get(3).and_then(|hd| Hd::parse(hd).ok()).and_then(|hd| hd.oid);
    match (parts.first().filter(|code| !code.is_empty()), scheme) {
        (Some(code), Some(oid)) => {
            let system = system_of(oid.as_str()).map(|s| Str::Owned(s.into_owned()));
            let display = parts.get(1).and_then(|d| owned(unescape(d)));
            CodeableConcept { coding: vec![Coding { system, code: owned(unescape(code)), display }], text: None }
        }
        _ => CodeableConcept { coding: Vec::new(), text: Some(text.into()) },
    }
}

fn contact_point(xtn: &Xtn) -> Option<ContactPoint<'static>> {
    Telecom::from_xtn(xtn).map(|telecom| of_telecom(&telecom))
}

/// A telecom value; a mobile number is mobile whoever pays for it.
pub(crate) fn of_telecom(telecom: &Telecom) -> ContactPoint<'static> {
    let system = match telecom.system {
        TelecomSystem::Phone => "phone",
        TelecomSystem::Fax => "fax",
        TelecomSystem::Email => "email",
        TelecomSystem::Url => "url",
    };
    let usage = telecom.usage.map(|usage| match usage {
        TelecomUse::Home => "home",
        TelecomUse::Work => "work",
        TelecomUse::Mobile => "mobile",
    });
    ContactPoint { system: Some(system.into()), value: owned(telecom.value.clone()), r#use: usage.map(Str::from) }
}

/// `None` without a value. What is neither fax nor an address on the net is a telephone.
pub(crate) fn to_telecom(point: &ContactPoint<'_>) -> Option<Telecom> {
    let system = match point.system.as_deref() {
        Some("email") => TelecomSystem::Email,
        Some("url") => TelecomSystem::Url,
        Some("fax") => TelecomSystem::Fax,
        _ => TelecomSystem::Phone,
    };
    let usage = match point.r#use.as_deref() {
        Some("work") => Some(TelecomUse::Work),
        Some("home") => Some(TelecomUse::Home),
        Some("mobile") => Some(TelecomUse::Mobile),
        _ => None,
    };
    Some(Telecom { system, usage, value: text(&point.value)?.to_owned() })
}

/// The contained Patient for sourcePatientId and sourcePatientInfo: PID-3, 5, 7, 8, 11. `None` when both are empty.
/// The identifier that is sourcePatientId has `use` usual where PID-3 lists it too, else it is the first one and has
/// `use` secondary.
pub(crate) fn source_patient<'a>(
    id: Option<&'a PatientId>,
    info: &'a SourcePatientInfo,
    resource_id: &'static str,
) -> Option<PatientResource<'a>> {
    let listed = info.ids();
    let mut identifier = Vec::with_capacity(listed.len() + 1);
    let as_identifier = |p: &PatientId| Identifier {
        r#use: (Some(p) == id).then_some("usual".into()),
        system: Some(format!("urn:oid:{}", p.domain).into()),
        value: Some(p.id.clone().into()),
        ..Identifier::default()
    };
    if let Some(id) = id.filter(|id| !listed.contains(id)) {
        identifier.push(Identifier { r#use: Some("secondary".into()), ..of_patient_id(id) });
    }
    identifier.extend(listed.iter().map(as_identifier));
    let patient = PatientResource {
        id: Some(resource_id.into()),
        identifier,
        name: info.field(5).filter_map(|xpn| patient::human_name(&PersonName::from_hl7(xpn))).collect(),
        gender: info.sex().map(|sex| patient::gender(sex).into()),
        birth_date: info.birth_date().map(|date| datetime::encode_date(&date).into()),
        address: info.field(11).filter_map(address).collect(),
        ..PatientResource::default()
    };
    (id.is_some() || !info.0.is_empty()).then_some(patient)
}

// XAD: street^other^city^state^zip^country.
fn address(xad: &str) -> Option<Address<'static>> {
    let parts = split_escaped(xad, '^');
    let part = |n: usize| parts.get(n - 1).map(|p| unescape(p.split('&').next().unwrap_or(""))).unwrap_or_default();
    let address = model::Address::from_components(part);
    (!address.is_empty()).then(|| of_address(&address))
}

pub(crate) fn of_address(address: &model::Address) -> Address<'static> {
    let part = |text: &String| owned(text.clone());
    Address {
        line: address.lines.iter().filter_map(part).collect(),
        city: part(&address.city),
        state: part(&address.state),
        postal_code: part(&address.postal_code),
        country: part(&address.country),
        ..Address::default()
    }
}

/// `None` for one without any part; a text is a line when there is nothing else.
pub(crate) fn to_address(address: &Address<'_>) -> Option<model::Address> {
    let part = |value: &Option<Str<'_>>| text(value).unwrap_or("").to_owned();
    let lines = address.line.iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
    let mut out = model::Address {
        lines: lines.collect(),
        city: part(&address.city),
        state: part(&address.state),
        postal_code: part(&address.postal_code),
        country: part(&address.country),
    };
    if out.is_empty() {
        out.lines.extend(text(&address.text).map(str::to_owned));
    }
    (!out.is_empty()).then_some(out)
}

// ---- reading ----

/// Where references lead: the contained resources, then the caller's own.
pub(crate) struct Participants<'r, 'c> {
    pub contained: &'r [Resource<'r>],
    pub resolve: Option<Resolve<'c>>,
}

impl Participants<'_, '_> {
    /// The resource a reference names, owned or not, as the closure sees it.
    pub(crate) fn with<T>(
        &self,
        reference: &Reference<'_>,
        read: impl FnOnce(&Resource<'_>) -> Option<T>,
    ) -> Option<T> {
        let target = text(&reference.reference)?;
        match target.strip_prefix('#') {
            Some(id) => self.contained.iter().find(|r| r.id() == Some(id)).and_then(read),
            None => self.resolve.and_then(|resolve| resolve(target)).as_ref().and_then(read),
        }
    }

    /// All authors; several PractitionerRoles of the same practitioner in a row are one XDS author.
    pub(crate) fn authors(&self, references: &[Reference<'_>]) -> Vec<Author> {
        let mut out: Vec<Author> = Vec::new();
        let mut last_practitioner: Option<String> = None;
        for reference in references {
            let practitioner = self.with(reference, |r| match r {
                Resource::PractitionerRole(role) => role.practitioner.as_ref()?.reference.as_deref().map(str::to_owned),
                _ => None,
            });
            let Some(author) = self.author(reference) else { continue };
            let same = practitioner.is_some() && practitioner == last_practitioner;
            last_practitioner = practitioner;
            match out.last_mut().filter(|_| same) {
                Some(previous) => merge(previous, author),
                None => out.push(author),
            }
        }
        out
    }

    pub(crate) fn author(&self, reference: &Reference<'_>) -> Option<Author> {
        let found = self.with(reference, |r| Some(self.author_of(r)));
        let author = found.unwrap_or_else(|| {
            // Nothing to follow: an identifier or a display name still says who it was.
            let person = logical_person(reference);
            Author { person, ..Author::default() }
        });
        (author != Author::default()).then_some(author)
    }

    fn author_of(&self, resource: &Resource<'_>) -> Author {
        match resource {
            Resource::PractitionerRole(role) => {
                let mut author = Author {
                    roles: role.code.iter().filter_map(role_text).collect(),
                    specialties: role.specialty.iter().filter_map(role_text).collect(),
                    telecommunications: role.telecom.iter().filter_map(xtn).collect(),
                    ..Author::default()
                };
                for reference in [&role.practitioner, &role.organization].into_iter().flatten() {
                    // One step only: a role that leads to a role would go round in circles.
                    let found = self.with(reference, |r| match r {
                        Resource::PractitionerRole(_) => None,
                        other => Some(self.author_of(other)),
                    });
                    if let Some(found) = found {
                        merge(&mut author, found);
                    }
                }
                if author.person.is_none() {
                    author.person = role.practitioner.as_ref().and_then(logical_person);
                }
                if author.institutions.is_empty() {
                    author.institutions.extend(role.organization.as_ref().and_then(logical_organization));
                }
                author
            }
            Resource::Organization(organization) => Author {
                institutions: xon(organization.name.as_deref(), &organization.identifier).into_iter().collect(),
                telecommunications: organization.telecom.iter().filter_map(xtn).collect(),
                ..Author::default()
            },
            Resource::Device(device) => {
                let owner = device.owner.as_ref();
                let institution = owner.and_then(|owner| {
                    self.with(owner, |r| match r {
                        Resource::Organization(o) => xon(o.name.as_deref(), &o.identifier),
                        _ => None,
                    })
                    .or_else(|| logical_organization(owner))
                });
                Author {
                    person: device_person(device),
                    institutions: institution.into_iter().collect(),
                    ..Author::default()
                }
            }
            other => {
                let telecom = match other {
                    Resource::Practitioner(p) => p.telecom.as_slice(),
                    Resource::Patient(p) => p.telecom.as_slice(),
                    Resource::RelatedPerson(p) => p.telecom.as_slice(),
                    _ => &[],
                };
                Author {
                    person: person(other),
                    telecommunications: telecom.iter().filter_map(xtn).collect(),
                    ..Author::default()
                }
            }
        }
    }

    /// A reference to a person as XCN, for legalAuthenticator.
    pub(crate) fn authenticator(&self, reference: &Reference<'_>) -> Option<Xcn> {
        let found = self.with(reference, |r| self.author_of(r).person);
        found.or_else(|| logical_person(reference))
    }
}

fn merge(into: &mut Author, from: Author) {
    if into.person.is_none() {
        into.person = from.person;
    }
    let add = |list: &mut Vec<Xon>, more: Vec<Xon>| list.extend(more);
    add(&mut into.institutions, from.institutions);
    into.roles.extend(from.roles);
    into.specialties.extend(from.specialties);
    into.telecommunications.extend(from.telecommunications);
}

fn person(resource: &Resource<'_>) -> Option<Xcn> {
    let (identifier, name) = match resource {
        Resource::Practitioner(p) => (&p.identifier, &p.name),
        Resource::Patient(p) => (&p.identifier, &p.name),
        Resource::RelatedPerson(p) => (&p.identifier, &p.name),
        _ => return None,
    };
    let name = name.first().map(person_name).unwrap_or_default();
    xcn(identifier.first(), &name)
}

fn device_person(device: &Device<'_>) -> Option<Xcn> {
    // TF-3 4.2.3.2.1: a device is named by manufacturer and model in the name components.
    let model = device.device_name.iter().find_map(|n| text(&n.name)).unwrap_or("");
    let manufacturer = text(&device.manufacturer).unwrap_or("");
    let name = match (manufacturer, model) {
        ("", model) => PersonName { family: model.to_owned(), ..PersonName::default() },
        (manufacturer, model) => {
            PersonName { family: manufacturer.to_owned(), given: model.to_owned(), ..PersonName::default() }
        }
    };
    xcn(device.identifier.first(), &name)
}

fn logical_person(reference: &Reference<'_>) -> Option<Xcn> {
    let family = text(&reference.display).unwrap_or("").to_owned();
    xcn(reference.identifier.as_deref(), &PersonName { family, ..PersonName::default() })
}

fn logical_organization(reference: &Reference<'_>) -> Option<Xon> {
    let identifier: Vec<Identifier<'_>> = reference.identifier.as_deref().cloned().into_iter().collect();
    xon(text(&reference.display), &identifier)
}

/// The parts of a HumanName; text stands for the family name only when there is nothing else.
pub(crate) fn person_name(name: &HumanName<'_>) -> PersonName {
    let join = |list: &[Str<'_>]| list.iter().map(|t| t.trim()).filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ");
    let mut given = name.given.iter().map(|t| t.trim()).filter(|t| !t.is_empty());
    let first = given.next().unwrap_or("").to_owned();
    let mut out = PersonName {
        family: text(&name.family).unwrap_or("").to_owned(),
        given: first,
        middle: given.collect::<Vec<_>>().join(" "),
        prefix: join(&name.prefix),
        suffix: join(&name.suffix),
    };
    if out.is_empty() {
        out.family = text(&name.text).unwrap_or("").to_owned();
    }
    out
}

fn xcn(identifier: Option<&Identifier<'_>>, name: &PersonName) -> Option<Xcn> {
    let id = identifier.and_then(|i| text(&i.value)).unwrap_or("");
    let authority = identifier.and_then(|i| text(&i.system)).and_then(|system| {
        strip_prefix_ignore_case(system, "urn:oid:").and_then(|oid| Oid::parse(oid).ok()).map(Hd::of)
    });
    let parts = [
        escape(fold_uid(id)),
        escape(&name.family),
        escape(&name.given),
        escape(&name.middle),
        escape(&name.suffix),
        escape(&name.prefix),
        String::new(),
        String::new(),
        authority.map(|hd| hd.to_string()).unwrap_or_default(),
    ];
    Xcn::parse(parts.join("^").trim_end_matches('^')).ok()
}

pub(crate) fn xon(name: Option<&str>, identifiers: &[Identifier<'_>]) -> Option<Xon> {
    let identifier = identifiers.first();
    let value = identifier.and_then(|i| text(&i.value));
    let system = identifier.and_then(|i| text(&i.system));
    let name = name.map(str::trim).filter(|n| !n.is_empty()).or(value)?;
    let oid = system.and_then(|s| strip_prefix_ignore_case(s, "urn:oid:")).filter(|oid| Oid::parse(oid).is_ok());
    let text = match (value, oid) {
        (Some(value), Some(oid)) => format!("{}^^^^^&{oid}&ISO^^^^{}", escape(name), escape(value)),
        (Some(value), None) if looks_like_oid(fold_uid(value)) => {
            format!("{}^^^^^^^^^{}", escape(name), fold_uid(value))
        }
        _ => escape(name),
    };
    Xon::parse(&text).or_else(|_| Xon::parse(&escape(name))).ok()
}

// The reverse of `role`: coded when the system has an OID, else text.
fn role_text(concept: &CodeableConcept<'_>) -> Option<String> {
    let coding = concept.coding.iter().find(|c| text(&c.code).is_some());
    let coded = coding.and_then(|c| {
        let scheme = scheme_of(text(&c.system)?);
        Oid::parse(scheme).ok()?;
        let display = c.display.as_deref().map(escape).unwrap_or_default();
        Some(format!("{}^{display}^^&{scheme}&ISO", escape(text(&c.code)?)))
    });
    let plain = || text(&concept.text).or_else(|| coding.and_then(|c| text(&c.display).or(text(&c.code))));
    coded.or_else(|| plain().map(str::to_owned))
}

fn xtn(point: &ContactPoint<'_>) -> Option<Xtn> {
    to_telecom(point)?.to_xtn()
}

/// sourcePatientId and sourcePatientInfo of a Patient: PID-3 for every identifier, then PID-5, 7, 8, 11.
pub(crate) fn read_source_patient(patient: &PatientResource<'_>) -> (Option<PatientId>, SourcePatientInfo) {
    let usual = patient.identifier.iter().find(|i| i.r#use.as_deref() == Some("usual")).and_then(to_patient_id);
    let mut ids: Vec<PatientId> = patient.identifier.iter().filter_map(to_patient_id).collect();
    let unlisted = usual.is_none() && patient.identifier.first().and_then(|i| i.r#use.as_deref()) == Some("secondary");
    let id = usual.or_else(|| ids.first().cloned());
    if unlisted && !ids.is_empty() {
        ids.remove(0);
    }
    let mut lines: Vec<String> = ids.iter().map(|id| format!("PID-3|{id}")).collect();
    for name in &patient.name {
        let name = person_name(name).to_hl7();
        if !name.is_empty() {
            lines.push(format!("PID-5|{name}"));
        }
    }
    let birth = patient.birth_date.as_deref().and_then(|date| datetime::decode(date).ok());
    if let Some(birth) = birth {
        lines.push(format!("PID-7|{}", birth.as_str().chars().take(8).collect::<String>()));
    }
    if let Some(sex) = patient.gender.as_deref().and_then(patient::sex) {
        lines.push(format!("PID-8|{}", sex.code()));
    }
    for address in patient.address.iter().filter_map(to_address) {
        let line = address.to_components().map(|part| escape(&part)).join("^");
        lines.push(format!("PID-11|{}", line.trim_end_matches('^')));
    }
    (id, SourcePatientInfo(lines))
}
