//! The patient, the creator and the requests of a manifest. Source: spec/mcwg.md 4.8; MADO profiles MadoPatient, MadoCreator,
//! MadoRequestedProcedure and the identifier profiles of accession and placer numbers.

use super::DEVICE_TYPE;
use super::deviations::Deviations;
use super::resources::{CreatorDevice, ServiceRequest};
use super::time;
use crate::datatypes::{CodeableConcept, Coding, Identifier, Reference, Str};
use crate::identifier::{of_patient_id, to_patient_id};
use crate::participant::person_name;
use crate::patient::{gender, human_name, sex};
use crate::resource::{DeviceName, PatientResource};
use crate::systems::{DCM, V2_0203, present, strip_prefix_ignore_case};
use model::{Manifest, Oid, Order, PatientId, PersonName, Sex};

/// `use` of the identifier that is (0010,0020).
const USUAL: &str = "usual";
/// `use` of those in (0010,1002).
const SECONDARY: &str = "secondary";

pub(super) fn patient(manifest: &Manifest) -> PatientResource<'_> {
    let used = |id: Identifier<'static>, how: &'static str| Identifier { r#use: Some(how.into()), ..id };
    let main = manifest.patient_id.as_ref().map(|id| used(owned(of_patient_id(id)), USUAL));
    let text = present(manifest.patient_id_text.trim());
    let main = main.or_else(|| {
        text.map(|text| Identifier {
            r#use: Some(USUAL.into()),
            value: Some(text.into_owned().into()),
            ..Identifier::default()
        })
    });
    let others = manifest.other_patient_ids.iter().map(|id| used(owned(of_patient_id(id)), SECONDARY));
    PatientResource {
        id: Some("patient".into()),
        identifier: main.into_iter().chain(others).collect(),
        name: human_name(&manifest.patient_name).into_iter().collect(),
        gender: manifest.sex.map(|sex| gender(sex).into()),
        birth_date: time::date_time(manifest.birth_date.as_deref(), None, None).map(Str::from),
        ..PatientResource::default()
    }
}

fn owned(id: Identifier<'_>) -> Identifier<'static> {
    let text = |text: Option<Str<'_>>| text.map(|text| Str::Owned(text.into_owned()));
    Identifier { system: text(id.system), value: text(id.value), ..Identifier::default() }
}

/// What a Patient says of (0010,xxxx).
#[derive(Default)]
pub(super) struct ReadPatient {
    pub(super) id: Option<PatientId>,
    /// The id when its issuer is unknown.
    pub(super) id_text: String,
    pub(super) other_ids: Vec<PatientId>,
    pub(super) name: PersonName,
    pub(super) birth_date: Option<String>,
    pub(super) sex: Option<Sex>,
}

/// Reads a Patient. The id is the identifier with `use` usual, else the first; values stay out of deviations.
pub(super) fn read_patient(patient: &PatientResource<'_>, deviations: &mut Deviations) -> ReadPatient {
    let valued = |id: &&Identifier<'_>| id.value.as_deref().is_some_and(|value| !value.trim().is_empty());
    let ids: Vec<&Identifier<'_>> = patient.identifier.iter().filter(valued).collect();
    let told = ids.iter().any(|id| id.r#use.as_deref() == Some(SECONDARY));
    let usual = ids.iter().position(|id| id.r#use.as_deref() == Some(USUAL));
    let main = usual.or((!told && !ids.is_empty()).then_some(0));
    let mut out = ReadPatient::default();
    for (at, id) in ids.iter().enumerate() {
        let known = to_patient_id(id);
        if known.is_none() {
            let rule = "must have a system that is urn:oid: and an OID";
            deviations.tell("Patient.identifier", rule, id.system.as_deref().unwrap_or(""));
        }
        match known {
            Some(id) if Some(at) == main => out.id = Some(id),
            Some(id) => out.other_ids.push(id),
            None if Some(at) == main => out.id_text = id.value.as_deref().unwrap_or("").trim().to_owned(),
            None => {}
        }
    }
    out.name = patient.name.iter().map(person_name).find(|name| !name.is_empty()).unwrap_or_default();
    if let Some(text) = patient.birth_date.as_deref() {
        out.birth_date = time::read(text).map(|local| local.date);
        if out.birth_date.is_none() {
            deviations.tell("Patient.birthDate", "must be a day, which DICOM needs", "");
        }
    }
    if let Some(code) = patient.gender.as_deref() {
        out.sex = sex(code);
        if out.sex.is_none() {
            deviations.tell("Patient.gender", "must be male, female, other or unknown", code);
        }
    }
    out
}

/// The creator: (0008,0070), at the organisation of (0008,0080).
pub(super) fn device<'a>(manifest: &'a Manifest, owner: Option<Reference<'a>>) -> CreatorDevice<'a> {
    let name = Some(manifest.manufacturer.trim()).filter(|name| !name.is_empty()).unwrap_or("unknown");
    let coding = Coding {
        system: Some(DEVICE_TYPE.into()),
        code: Some("mado-creator".into()),
        display: Some("MADO Creator".into()),
    };
    CreatorDevice {
        id: Some("device".into()),
        manufacturer: present(manifest.manufacturer.trim()),
        device_name: vec![DeviceName { name: Some(name.into()), r#type: Some("manufacturer-name".into()) }],
        r#type: Some(CodeableConcept { coding: vec![coding], text: None }),
        owner,
    }
}

/// A number that is told from others by its type.
struct NumberType {
    v2: &'static str,
    dcm: (&'static str, &'static str),
}

const ACCESSION: NumberType = NumberType { v2: "ACSN", dcm: ("121022", "Accession Number") };
const PLACER: NumberType = NumberType { v2: "PLAC", dcm: ("121020", "Placer Order Number") };

fn number<'a>(value: &'a str, issuer: Option<&Oid>, kind: &NumberType) -> Option<Identifier<'a>> {
    let value = present(value.trim())?;
    let (code, display) = kind.dcm;
    let coding = vec![
        Coding { system: Some(V2_0203.into()), code: Some(kind.v2.into()), display: None },
        Coding { system: Some(DCM.into()), code: Some(code.into()), display: Some(display.into()) },
    ];
    Some(Identifier {
        r#type: Some(CodeableConcept { coding, text: None }),
        system: issuer.map(|oid| format!("urn:oid:{oid}").into()),
        value: Some(value),
        ..Identifier::default()
    })
}

/// The accession number of a request, as `ImagingStudy.basedOn` and the ServiceRequest have it.
pub(super) fn accession(order: &Order) -> Option<Identifier<'_>> {
    number(&order.accession_number, order.accession_issuer.as_ref(), &ACCESSION)
}

pub(super) fn request<'a>(order: &'a Order, id: String, patient: Reference<'a>) -> ServiceRequest<'a> {
    let placer = number(&order.placer_order_number, order.placer_issuer.as_ref(), &PLACER);
    ServiceRequest {
        id: Some(id.into()),
        identifier: accession(order).into_iter().chain(placer).collect(),
        status: Some("completed".into()),
        intent: Some("order".into()),
        subject: Some(patient),
    }
}

/// The request behind these identifiers; `None` when there is neither number.
pub(super) fn read_order(identifiers: &[Identifier<'_>], deviations: &mut Deviations) -> Option<Order> {
    let mut find = |kind: &NumberType| {
        let of_kind = |id: &&Identifier<'_>| {
            let codings = id.r#type.iter().flat_map(|kind| &kind.coding);
            codings
                .filter_map(|c| Some((c.system.as_deref()?, c.code.as_deref()?)))
                .any(|(system, code)| (system == V2_0203 && code == kind.v2) || (system == DCM && code == kind.dcm.0))
        };
        let Some(id) = identifiers.iter().find(of_kind) else { return (String::new(), None) };
        let system = id.system.as_deref().unwrap_or("");
        let issuer = strip_prefix_ignore_case(system.trim(), "urn:oid:").and_then(|oid| Oid::parse(oid).ok());
        if issuer.is_none() {
            let rule = "of an accession or order number must have a system that is urn:oid: and an OID";
            deviations.tell("ServiceRequest.identifier", rule, system);
        }
        (id.value.as_deref().unwrap_or("").trim().to_owned(), issuer)
    };
    let (accession_number, accession_issuer) = find(&ACCESSION);
    let (placer_order_number, placer_issuer) = find(&PLACER);
    let empty = accession_number.is_empty() && placer_order_number.is_empty();
    (!empty).then_some(Order { accession_number, accession_issuer, placer_order_number, placer_issuer })
}
