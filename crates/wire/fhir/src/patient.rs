//! Patient: the feed of ITI-104 and what a reader of demographics needs. Source: spec/fhir.md sections 3, 13; PIXm 3.1.0
//! `IHE.PIXm.Patient` (identifier and name at least once).

use crate::datatypes::{Extension, HumanName, Meta, Reference, Str};
use crate::error::DecodeError;
use crate::identifier::{domain, of_patient_id, patient_id, to_patient_id};
use crate::resource::{PatientLink, PatientResource, Resource};
use crate::search::{Parameters, SearchError, percent_encode_into};
use crate::{datetime, json, participant};
use model::{Dtm, Oid, Patient, PatientDetails, PatientId, PersonName, Sex};

/// Canonical of the profile that a feed meets.
pub const PROFILE: &str = "https://profiles.ihe.net/ITI/PIXm/StructureDefinition/IHE.PIXm.Patient";

/// Canonical of the profile of what a search answers.
pub const PDQM_PROFILE: &str = "https://profiles.ihe.net/ITI/PDQm/StructureDefinition/IHE.PDQm.Patient";
/// The extension that has the mother's maiden name.
const MOTHERS_MAIDEN_NAME: &str = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName";

/// One message of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientFeed {
    /// `id` is the identifier in the preferred domain, else the first whose domain is an OID.
    pub patient: Patient,
    /// False for a patient that was merged away.
    pub active: bool,
    /// The surviving patient of a merge (`link` replaced-by).
    pub replaced_by: Option<PatientId>,
    pub resource_id: Option<String>,
}

/// Reads a Patient. `preferred` is the domain whose identifier becomes `patient.id`: that of the conditional update.
///
/// Errors: not a Patient; no identifier whose system is an OID, none in `preferred`; no name; a birth date or gender
/// that is none; a `replaced-by` link that names no identifier.
pub fn decode(bytes: &[u8], preferred: Option<&Oid>) -> Result<PatientFeed, DecodeError> {
    match json::decode::<Resource<'_>>(bytes, "Patient")? {
        Resource::Patient(resource) => {
            if resource.name.iter().all(|n| participant::person_name(n).is_empty()) {
                return Err(DecodeError::required("Patient.name", "must be given at least once"));
            }
            from_resource(&resource, preferred)
        }
        _ => Err(DecodeError::structure("Patient", "must be a resource of that type")),
    }
}

/// The same from a wire struct, without the rule that a name is needed: what a search answers may have none.
pub fn from_resource(resource: &PatientResource<'_>, preferred: Option<&Oid>) -> Result<PatientFeed, DecodeError> {
    let Described { ids: listed, name, birth_date, sex, details } = described(resource)?;
    let mut ids: Vec<PatientId> = Vec::new();
    for id in listed {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        let rule = "must be given at least once, with a value and a system that is urn:oid: and an OID";
        return Err(DecodeError::required("Patient.identifier", rule));
    }
    let first = match preferred {
        Some(domain) => ids.iter().position(|id| id.domain == *domain).ok_or_else(|| {
            DecodeError::required("Patient.identifier", format!("must have one of the domain {domain}"))
        })?,
        None => 0,
    };
    let id = ids.remove(first);
    let replaced_by = match resource.link.iter().find(|l| l.r#type.as_deref() == Some("replaced-by")) {
        Some(link) => Some(survivor(link).ok_or_else(|| {
            DecodeError::required("Patient.link.other", "must name the surviving patient by an identifier")
        })?),
        None => None,
    };
    Ok(PatientFeed {
        patient: Patient { id, other_ids: ids, name, birth_date, sex, details },
        active: resource.active.unwrap_or(true),
        replaced_by,
        resource_id: resource.id.as_deref().map(str::to_owned),
    })
}

/// What a Patient says of a person, whether or not it has an identifier: the question of ITI-119.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// Those whose system is an OID.
    pub ids: Vec<PatientId>,
    pub name: PersonName,
    pub birth_date: Option<Dtm>,
    pub sex: Option<Sex>,
    pub details: PatientDetails,
}

/// Reads it from a wire struct. Errors: more than 1000 of anything; a birth date or gender that is none.
pub fn described(resource: &PatientResource<'_>) -> Result<Described, DecodeError> {
    const MAX: usize = 1000;
    let lengths = [resource.identifier.len(), resource.name.len(), resource.telecom.len(), resource.address.len()];
    if lengths.into_iter().any(|length| length > MAX) {
        return Err(DecodeError::not_supported("Patient", "must have at most 1000 of each element", ""));
    }
    let birth_date = match resource.birth_date.as_deref() {
        Some(text) => {
            let rule = "must be a date as in 1977, 1977-05 or 1977-05-30";
            // The value is a patient's and stays out of the message.
            let date = datetime::decode(text).map_err(|_| DecodeError::value("Patient.birthDate", rule, ""))?;
            if date.as_str().len() > 8 {
                return Err(DecodeError::value("Patient.birthDate", rule, ""));
            }
            Some(date)
        }
        None => None,
    };
    let sex = match resource.gender.as_deref() {
        Some(code) => Some(
            sex(code)
                .ok_or_else(|| DecodeError::value("Patient.gender", "must be male, female, other or unknown", ""))?,
        ),
        None => None,
    };
    let maiden = resource.extension.iter().filter(|e| e.url.as_deref() == Some(MOTHERS_MAIDEN_NAME));
    Ok(Described {
        ids: resource.identifier.iter().filter_map(to_patient_id).collect(),
        name: best_name(&resource.name),
        birth_date,
        sex,
        details: PatientDetails {
            addresses: resource.address.iter().filter_map(participant::to_address).collect(),
            telecoms: resource.telecom.iter().filter_map(participant::to_telecom).collect(),
            mothers_maiden_name: maiden
                .filter_map(|e| e.value_string.as_deref())
                .map(|name| name.trim().to_owned())
                .find(|name| !name.is_empty())
                .unwrap_or_default(),
        },
    })
}

fn survivor(link: &PatientLink<'_>) -> Option<PatientId> {
    let other = link.other.as_ref()?;
    let logical = other.identifier.as_deref().and_then(to_patient_id);
    logical.or_else(|| id_of_reference(other.reference.as_deref()?))
}

// The name in use today, the official one first; a former name only when there is no other.
fn best_name(names: &[HumanName<'_>]) -> PersonName {
    let rank = |name: &HumanName<'_>| match name.r#use.as_deref() {
        Some("official") => 0,
        Some("usual") | None => 1,
        Some("old" | "maiden") => 3,
        Some(_) => 2,
    };
    let named = names.iter().filter(|n| !participant::person_name(n).is_empty());
    named.min_by_key(|n| rank(n)).map(participant::person_name).unwrap_or_default()
}

/// A patient as Patient resource, compact JSON.
pub fn encode(patient: &Patient) -> Vec<u8> {
    json::encode(&Resource::Patient(to_resource(patient)))
}

/// The merge message: the subsumed patient, inactive, replaced by the surviving one.
pub fn encode_merge(subsumed: &Patient, surviving: &PatientId) -> Vec<u8> {
    let mut resource = to_resource(subsumed);
    resource.active = Some(false);
    resource.link = vec![PatientLink {
        other: Some(Reference { identifier: Some(Box::new(of_patient_id(surviving))), ..Reference::default() }),
        r#type: Some("replaced-by".into()),
    }];
    json::encode(&Resource::Patient(resource))
}

/// A patient as wire struct.
pub fn to_resource(patient: &Patient) -> PatientResource<'_> {
    to_resource_in(patient, None)
}

/// The same with the identifiers of these domains alone.
pub fn to_resource_in<'a>(patient: &'a Patient, domains: Option<&[Oid]>) -> PatientResource<'a> {
    let details = &patient.details;
    let maiden = Some(&details.mothers_maiden_name).filter(|name| !name.is_empty()).map(|name| Extension {
        url: Some(MOTHERS_MAIDEN_NAME.into()),
        value_string: Some(name.as_str().into()),
        ..Extension::default()
    });
    let shown = |id: &&PatientId| domains.is_none_or(|domains| domains.contains(&id.domain));
    PatientResource {
        id: resource_id(&patient.id).map(Str::from),
        meta: Some(Meta { profile: vec![PROFILE.into(), PDQM_PROFILE.into()], ..Meta::default() }),
        extension: maiden.into_iter().collect(),
        identifier: patient.ids().filter(shown).map(of_patient_id).collect(),
        active: Some(true),
        name: human_name(&patient.name).into_iter().collect(),
        telecom: details.telecoms.iter().map(participant::of_telecom).collect(),
        gender: patient.sex.map(|sex| gender(sex).into()),
        birth_date: patient.birth_date.as_ref().map(|date| datetime::encode_date(date).into()),
        address: details.addresses.iter().map(participant::of_address).collect(),
        ..PatientResource::default()
    }
}

/// `None` for a name without any part.
pub(crate) fn human_name(name: &PersonName) -> Option<HumanName<'static>> {
    let part = |text: &str| (!text.is_empty()).then(|| Str::Owned(text.to_owned()));
    let out = HumanName {
        family: part(&name.family),
        given: [&name.given, &name.middle].into_iter().filter_map(|t| part(t)).collect(),
        prefix: part(&name.prefix).into_iter().collect(),
        suffix: part(&name.suffix).into_iter().collect(),
        ..HumanName::default()
    };
    (out != HumanName::default()).then_some(out)
}

pub(crate) fn gender(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "male",
        Sex::Female => "female",
        Sex::Other => "other",
        Sex::Unknown => "unknown",
    }
}

pub(crate) fn sex(code: &str) -> Option<Sex> {
    match code {
        "male" => Some(Sex::Male),
        "female" => Some(Sex::Female),
        "other" => Some(Sex::Other),
        "unknown" => Some(Sex::Unknown),
        _ => None,
    }
}

/// The identifier of a conditional create, update or delete: `identifier=system|value`, and nothing else.
///
/// Errors: no identifier, more than one, another parameter, no value, or a system that is no OID.
/// Source: PIXm 2:3.104.4.1.2.
pub fn decode_condition(query: &str) -> Result<PatientId, SearchError> {
    let parameters = Parameters::decode(query)?;
    let mut found = None;
    for (name, value) in parameters.iter() {
        if name == "_format" || name == "_pretty" {
            continue;
        }
        if name != "identifier" {
            return Err(SearchError::value(name, "is not allowed in this condition, only identifier is", ""));
        }
        if found.is_some() {
            return Err(SearchError::value(name, "must be given once", ""));
        }
        if crate::search::split_alternatives(name, value)?.len() != 1 {
            return Err(SearchError::value(name, "must be one identifier; a comma in it is written \\,", ""));
        }
        let (system, id) = value.split_once('|').unwrap_or(("", value));
        let id = patient_id(system, &crate::search::unescape(id));
        found = Some(id.ok_or_else(|| {
            SearchError::value(
                name,
                "must be urn:oid: with the OID of the domain, a bar and the patient's identifier",
                "",
            )
        })?);
    }
    found.ok_or_else(|| SearchError::missing("identifier", "is required"))
}

/// The query string of a conditional update: `identifier=urn%3Aoid%3A...%7C...`.
pub fn encode_condition(id: &PatientId) -> String {
    let mut out = String::from("identifier=");
    percent_encode_into(&format!("urn:oid:{}|{}", id.domain, crate::search::escape(&id.id)), &mut out);
    out
}

/// The resource id of a patient: `OID-identifier`, characters that FHIR forbids in an id as `.` and two hexadecimal
/// digits. `None` when that has more than 64 characters; such a patient is known by identifier only.
pub fn resource_id(id: &PatientId) -> Option<String> {
    let mut out = format!("{}-", id.domain);
    for byte in id.id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => out.push(char::from(byte)),
            other => out.push_str(&format!(".{other:02x}")),
        }
    }
    (out.len() <= 64).then_some(out)
}

/// The identifiers of a Patient that are not said to be old.
pub(crate) fn present_ids(patient: &PatientResource<'_>) -> Vec<PatientId> {
    let present = patient.identifier.iter().filter(|id| id.r#use.as_deref() != Some("old"));
    present.filter_map(to_patient_id).collect()
}

/// Who is meant by an identifier and by the identifiers that a reference leads to: the identifier, else the first of them.
///
/// Errors: they contradict each other, or the reference leads to two of one domain.
pub(crate) fn agreed(
    path: &str,
    named: Option<PatientId>,
    referred: &[PatientId],
) -> Result<Option<PatientId>, DecodeError> {
    let Some(id) = named.clone().or_else(|| referred.first().cloned()) else { return Ok(None) };
    let mut same = referred.iter().filter(|other| other.domain == id.domain).peekable();
    if same.peek().is_none() || named.is_some() && same.clone().any(|other| *other == id) {
        return Ok(Some(id));
    }
    if same.all(|other| *other == id) {
        return Ok(Some(id));
    }
    let rule = match named {
        Some(_) => "must be one patient: identifier and reference lead to two of one domain",
        None => "must lead to a Patient with one identifier of a domain that is not old",
    };
    Err(DecodeError::value(path, rule, ""))
}

/// The reverse of [`resource_id`].
pub fn id_of_resource_id(text: &str) -> Option<PatientId> {
    let (oid, escaped) = text.split_once('-')?;
    let domain = domain(oid)?;
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'.' {
            let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok())?;
            if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    let id = String::from_utf8(bytes).ok().filter(|id| !id.is_empty())?;
    let id = PatientId::new(id, domain);
    // One patient has one address: other ways to escape the same id are none.
    (resource_id(&id).as_deref() == Some(text)).then_some(id)
}

/// The patient of `Patient/<id>`, relative or absolute, when the id is one that [`resource_id`] makes.
pub fn id_of_reference(reference: &str) -> Option<PatientId> {
    let rest = match reference.rsplit_once("Patient/") {
        Some((before, rest)) if before.is_empty() || before.ends_with('/') => rest,
        _ => return None,
    };
    id_of_resource_id(rest.split('/').next()?)
}
