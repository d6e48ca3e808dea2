//! Identifiers: uniqueId, entryUUID, patient ids and reference ids to and from FHIR Identifier.
//! Source: spec/fhir.md sections 0 (union of 4.2.3 and 4.2.4), 3, 17; MHD identifier profiles.

use crate::datatypes::{CodeableConcept, Coding, Identifier, Reference, Str};
use crate::systems::{DCM, RFC_3986, V2_0203, looks_like_oid, strip_prefix_ignore_case};
use model::{Hd, ObjectId, Oid, PatientId, ReferenceId, UniqueId, reference_types};

/// The system of DICOM UIDs.
pub const DICOM_UID: &str = "urn:dicom:uid";
/// MHD 4.2.4: tells entryUUID from uniqueId in `identifier.type`.
pub const MHD_IDENTIFIER_TYPE: &str = "https://profiles.ihe.net/ITI/MHD/CodeSystem/IHE.MHD.MHDIdentifierType";

pub(crate) const ENTRY_UUID: &str = "entryUUID";
pub(crate) const UNIQUE_ID: &str = "uniqueId";

/// The FHIR resource id of an object: the UUID of its entryUUID. A symbolic id is given back as it is.
pub fn resource_id(id: &ObjectId) -> &str {
    id.as_str().strip_prefix("urn:uuid:").unwrap_or(id.as_str())
}

/// The entryUUID of a resource id. `None` when the id is no UUID, and then no object of ours has it.
pub fn object_id(resource_id: &str) -> Option<ObjectId> {
    ObjectId::parse(&format!("urn:uuid:{resource_id}")).ok()
}

/// System and value of a uniqueId: OIDs and UUIDs as URNs, `root^ext` split, `system|value` split.
pub fn of_unique_id(id: &UniqueId) -> (Str<'_>, Str<'_>) {
    let text = id.as_str();
    if looks_like_oid(text) {
        return (RFC_3986.into(), format!("urn:oid:{text}").into());
    }
    if let Some((root, ext)) = text.split_once('^').filter(|(root, ext)| looks_like_oid(root) && !ext.is_empty()) {
        return (format!("urn:oid:{root}").into(), ext.into());
    }
    if let Some((system, value)) = text.split_once('|').filter(|(s, v)| s.contains(':') && !v.is_empty()) {
        return (system.into(), value.into());
    }
    (RFC_3986.into(), text.into())
}

/// The uniqueId of an identifier, the reverse of [`of_unique_id`]. Four spellings of one UID give the same uniqueId.
/// `None` without a value, or with one that is too long.
pub fn to_unique_id(system: Option<&str>, value: Option<&str>) -> Option<UniqueId> {
    let value = value.map(str::trim).filter(|v| !v.is_empty())?;
    let folded = fold_uid(value);
    let text = match system.map(str::trim) {
        None | Some("" | RFC_3986 | DICOM_UID) => folded.to_owned(),
        Some(system) => match strip_prefix_ignore_case(system, "urn:oid:") {
            Some(root) => format!("{root}^{value}"),
            None => format!("{system}|{value}"),
        },
    };
    UniqueId::parse(&text).ok()
}

/// `urn:oid:1.2.3` without its prefix; anything else as it is.
pub(crate) fn fold_uid(value: &str) -> &str {
    match strip_prefix_ignore_case(value, "urn:oid:") {
        Some(oid) if looks_like_oid(oid) => oid,
        _ => value,
    }
}

pub(crate) fn mhd_identifier<'a>(kind: &'static str, system: Str<'a>, value: Str<'a>) -> Identifier<'a> {
    let r#use = if kind == ENTRY_UUID { "official" } else { "usual" };
    Identifier {
        r#use: Some(r#use.into()),
        r#type: Some(CodeableConcept {
            coding: vec![Coding { system: Some(MHD_IDENTIFIER_TYPE.into()), code: Some(kind.into()), display: None }],
            text: None,
        }),
        system: Some(system),
        value: Some(value),
        assigner: None,
    }
}

/// What an identifier of a DocumentReference says it is: by type (4.2.4), else by use (4.2.0 to 4.2.3).
pub(crate) fn mhd_kind<'i>(identifier: &'i Identifier<'_>) -> Option<&'i str> {
    let typed = identifier.r#type.iter().flat_map(|t| &t.coding);
    let typed = typed.filter(|c| c.system.as_deref() == Some(MHD_IDENTIFIER_TYPE)).find_map(|c| c.code.as_deref());
    typed.or(match identifier.r#use.as_deref() {
        Some("official") => Some(ENTRY_UUID),
        Some("usual") => Some(UNIQUE_ID),
        _ => None,
    })
}

/// A patient id: system is the OID of the domain.
pub fn of_patient_id(id: &PatientId) -> Identifier<'_> {
    Identifier {
        system: Some(format!("urn:oid:{}", id.domain).into()),
        value: Some(id.id.as_str().into()),
        ..Identifier::default()
    }
}

/// The patient id of an identifier. `None` without a value or when the system is no OID.
pub fn to_patient_id(identifier: &Identifier<'_>) -> Option<PatientId> {
    patient_id(identifier.system.as_deref()?, identifier.value.as_deref()?)
}

pub(crate) fn patient_id(system: &str, value: &str) -> Option<PatientId> {
    let value = value.trim();
    let domain = domain(system)?;
    (!value.is_empty()).then(|| PatientId::new(value, domain))
}

/// The OID of a patient domain: `urn:oid:1.2.3`, or the OID alone, which some peers write.
pub(crate) fn domain(system: &str) -> Option<Oid> {
    let system = system.trim();
    Oid::parse(strip_prefix_ignore_case(system, "urn:oid:").unwrap_or(system)).ok()
}

/// A reference id type and the codings that imaging adds to its URN.
struct ReferenceType {
    kind: &'static str,
    v2: Option<&'static str>,
    /// DCM code and meaning.
    dcm: Option<(&'static str, &'static str)>,
}

const REFERENCE_TYPES: &[ReferenceType] = &[
    ReferenceType { kind: reference_types::STUDY_INSTANCE_UID, v2: None, dcm: Some(("110180", "Study Instance UID")) },
    ReferenceType { kind: reference_types::ACCESSION, v2: Some("ACSN"), dcm: Some(("121022", "Accession Number")) },
    ReferenceType { kind: reference_types::ORDER, v2: Some("PLAC"), dcm: Some(("121020", "Placer Order Number")) },
    ReferenceType { kind: reference_types::ENCOUNTER, v2: Some("VN"), dcm: None },
];

/// An entry of referenceIdList. The XDS type is written as a coding beside those of MADO, so nothing is lost.
pub fn of_reference_id(id: &ReferenceId) -> Identifier<'_> {
    let mut coding = Vec::with_capacity(3);
    if let Some(known) = REFERENCE_TYPES.iter().find(|t| t.kind == id.kind) {
        if let Some(code) = known.v2 {
            coding.push(Coding { system: Some(V2_0203.into()), code: Some(code.into()), display: None });
        }
        if let Some((code, display)) = known.dcm {
            let (code, display) = (Some(code.into()), Some(display.into()));
            coding.push(Coding { system: Some(DCM.into()), code, display });
        }
    }
    if !id.kind.is_empty() {
        coding.push(Coding { system: Some(RFC_3986.into()), code: Some(id.kind.as_str().into()), display: None });
    }
    let oid = id.authority.as_ref().and_then(|hd| hd.oid.as_ref());
    let namespace = id.authority.as_ref().and_then(|hd| hd.namespace.as_deref());
    let is_study = id.kind == reference_types::STUDY_INSTANCE_UID;
    let (system, value): (Option<Str<'_>>, Str<'_>) = match (oid, namespace) {
        _ if is_study => (Some(DICOM_UID.into()), format!("urn:oid:{}", id.id).into()),
        (Some(oid), _) => (Some(format!("urn:oid:{oid}").into()), id.id.as_str().into()),
        (None, Some(namespace)) if namespace.contains(':') => (Some(namespace.into()), id.id.as_str().into()),
        (None, _) if looks_like_oid(&id.id) => (Some(RFC_3986.into()), format!("urn:oid:{}", id.id).into()),
        (None, _) if id.id.starts_with("urn:") => (Some(RFC_3986.into()), id.id.as_str().into()),
        (None, _) => (None, id.id.as_str().into()),
    };
    // An authority that has no place in `system` goes to the assigner.
    let assigner_oid = oid.filter(|_| is_study).map(|oid| {
        Box::new(Identifier {
            system: Some(RFC_3986.into()),
            value: Some(format!("urn:oid:{oid}").into()),
            ..Identifier::default()
        })
    });
    let assigner_name = namespace.filter(|n| is_study || oid.is_some() || !n.contains(':'));
    let assigner = (assigner_oid.is_some() || assigner_name.is_some()).then(|| {
        Box::new(Reference { identifier: assigner_oid, display: assigner_name.map(Str::from), ..Reference::default() })
    });
    let r#type = (!coding.is_empty()).then_some(CodeableConcept { coding, text: None });
    Identifier { r#use: None, r#type, system, value: Some(value), assigner }
}

/// The reference id of an identifier in `context.related` or `context.encounter`; `fallback` is the type when nothing
/// tells it. `None` without a value.
pub fn to_reference_id(identifier: &Identifier<'_>, fallback: &str) -> Option<ReferenceId> {
    let value = identifier.value.as_deref().map(str::trim).filter(|v| !v.is_empty())?;
    let system = identifier.system.as_deref().map(str::trim).filter(|s| !s.is_empty());
    let codings = || identifier.r#type.iter().flat_map(|t| &t.coding);
    let has = |system: &str, code: &str| {
        codings().any(|c| c.system.as_deref() == Some(system) && c.code.as_deref() == Some(code))
    };
    let urn = codings().filter(|c| c.system.as_deref() == Some(RFC_3986)).find_map(|c| c.code.as_deref());
    let kind = urn.map(str::to_owned).unwrap_or_else(|| {
        let known = REFERENCE_TYPES
            .iter()
            .find(|t| t.v2.is_some_and(|code| has(V2_0203, code)) || t.dcm.is_some_and(|(code, _)| has(DCM, code)));
        match known {
            Some(known) => known.kind.to_owned(),
            None if system == Some(DICOM_UID) => reference_types::STUDY_INSTANCE_UID.to_owned(),
            None => fallback.to_owned(),
        }
    });
    let mut authority = None;
    let id = match system {
        None | Some(RFC_3986 | DICOM_UID) => fold_uid(value).to_owned(),
        Some(system) => {
            let oid = strip_prefix_ignore_case(system, "urn:oid:").and_then(|oid| Oid::parse(oid).ok());
            authority = Some(match oid {
                Some(oid) => Hd::of(oid),
                None => Hd { namespace: Some(system.to_owned()), oid: None },
            });
            if kind == reference_types::STUDY_INSTANCE_UID { fold_uid(value).to_owned() } else { value.to_owned() }
        }
    };
    if let Some(assigner) = &identifier.assigner {
        let oid = assigner.identifier.as_ref().and_then(|i| i.value.as_deref());
        let oid = oid.and_then(|v| Oid::parse(fold_uid(v)).ok());
        let namespace = assigner.display.as_deref().filter(|n| !n.is_empty()).map(str::to_owned);
        match &mut authority {
            Some(hd) if hd.namespace.is_none() => hd.namespace = namespace,
            None if oid.is_some() || namespace.is_some() => authority = Some(Hd { namespace, oid }),
            _ => {}
        }
    }
    Some(ReferenceId { id, authority, kind, home: None })
}
