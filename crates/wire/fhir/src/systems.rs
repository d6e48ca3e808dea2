//! Coding schemes (OIDs, as XDS names them) and code systems (URIs, as FHIR does), both ways.
//! Source: spec/fhir.md section 3; ITI TF-3 4.2.3.1.2.

use crate::datatypes::{CodeableConcept, Coding};
use model::{Code, LocalizedString, Text, schemes};
use std::borrow::Cow;

pub const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
pub const DCM_UID: &str = "http://dicom.nema.org/resources/ontology/DCMUID";
pub const LOINC: &str = "http://loinc.org";
pub const SNOMED_CT: &str = "http://snomed.info/sct";
pub const IHE_FORMAT: &str = "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode";
pub const V2_0203: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
/// The system of identifiers and codes that are URIs themselves.
pub const RFC_3986: &str = "urn:ietf:rfc:3986";

/// OID and URI of one system. The first row of an OID is what we write; further rows are other spellings we read.
const SYSTEMS: &[(&str, &str)] = &[
    (schemes::DCM, DCM),
    (schemes::SNOMED_CT, SNOMED_CT),
    (schemes::LOINC, LOINC),
    (schemes::IHE_FORMAT, IHE_FORMAT),
    (schemes::CONFIDENTIALITY, "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"),
    (schemes::DICOM_UID_REGISTRY, DCM_UID),
    ("2.16.840.1.113883.5.8", "http://terminology.hl7.org/CodeSystem/v3-ActReason"),
    ("2.16.840.1.113883.5.4", "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
    ("2.16.840.1.113883.5.111", "http://terminology.hl7.org/CodeSystem/v3-RoleCode"),
    ("2.16.840.1.113883.5.110", "http://terminology.hl7.org/CodeSystem/v3-RoleClass"),
    ("2.16.840.1.113883.5.90", "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"),
    ("2.16.840.1.113883.5.1008", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"),
    ("2.16.840.1.113883.18.108", V2_0203),
    ("2.16.840.1.113883.6.3", "http://hl7.org/fhir/sid/icd-10"),
    ("2.16.840.1.113883.6.256", "http://radlex.org"),
    // Spellings found in the field.
    (schemes::DICOM_UID_REGISTRY, "http://dicom.nema.org/resources/CodeSystem/DICOM_UIDs"),
    (schemes::IHE_FORMAT, "https://profiles.ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"),
    (schemes::IHE_FORMAT, "http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem"),
    (schemes::CONFIDENTIALITY, "http://hl7.org/fhir/v3/Confidentiality"),
    (schemes::CONFIDENTIALITY, "http://terminology.hl7.org/ValueSet/v3-Confidentiality"),
    ("2.16.840.1.113883.6.256", "http://www.radlex.org"),
];

/// Systems without an OID that change their URI between releases: spelling read, spelling kept.
const ALIASES: &[(&str, &str)] = &[(
    "http://hl7.eu/fhir/eu-health-data-api/CodeSystem/eehrxf-document-priority-category-cs",
    "http://hl7.eu/fhir/health-data-api/CodeSystem/eehrxf-document-priority-category-cs",
)];

/// The system of a coding scheme: the registered URI, else `urn:oid:` and the OID; text that is no OID stays as it is.
/// `None` for an empty scheme.
pub fn system_of(scheme: &str) -> Option<Cow<'_, str>> {
    if scheme.is_empty() {
        return None;
    }
    if let Some((_, uri)) = SYSTEMS.iter().find(|(oid, _)| *oid == scheme) {
        return Some(Cow::Borrowed(*uri));
    }
    Some(if looks_like_oid(scheme) { Cow::Owned(format!("urn:oid:{scheme}")) } else { Cow::Borrowed(scheme) })
}

/// The coding scheme of a system: the OID where one is known or written, else the URI itself.
pub fn scheme_of(system: &str) -> &str {
    let system = system.trim();
    if let Some(oid) = strip_prefix_ignore_case(system, "urn:oid:") {
        return oid;
    }
    let bare = system.strip_suffix('/').unwrap_or(system);
    if let Some((oid, _)) = SYSTEMS.iter().find(|(_, uri)| *uri == bare) {
        return oid;
    }
    ALIASES.iter().find(|(alias, _)| *alias == bare).map_or(system, |(_, kept)| kept)
}

/// A code as a Coding.
pub fn coding(code: &Code) -> Coding<'_> {
    Coding {
        system: system_of(&code.scheme),
        code: present(&code.code),
        display: code.display.value().and_then(present),
    }
}

/// A code as a CodeableConcept of one coding; a code without code and scheme becomes text.
pub fn concept(code: &Code) -> CodeableConcept<'_> {
    if code.code.is_empty() && code.scheme.is_empty() {
        return CodeableConcept { coding: Vec::new(), text: code.display.value().and_then(present) };
    }
    CodeableConcept { coding: vec![coding(code)], text: None }
}

/// A Coding as a code. Absent parts become empty, which `Code::validate` then names.
pub fn code_of(coding: &Coding<'_>) -> Code {
    Code {
        code: coding.code.as_deref().unwrap_or("").trim().to_owned(),
        scheme: scheme_of(coding.system.as_deref().unwrap_or("")).to_owned(),
        display: text_of(coding.display.as_deref()),
    }
}

/// The first coding with system and code, else the first with a code, else the text as display name alone.
/// `None` when the concept is empty.
pub fn code_of_concept(concept: &CodeableConcept<'_>) -> Option<Code> {
    let has_code = |c: &&Coding<'_>| c.code.as_deref().is_some_and(|c| !c.is_empty());
    let best = concept.coding.iter().filter(has_code).find(|c| c.system.is_some());
    if let Some(coding) = best.or_else(|| concept.coding.iter().find(has_code)) {
        let mut code = code_of(coding);
        if code.display.is_empty() {
            code.display = text_of(concept.text.as_deref());
        }
        return Some(code);
    }
    let text = concept.text.as_deref().or_else(|| concept.coding.iter().find_map(|c| c.display.as_deref()))?;
    Some(Code { code: String::new(), scheme: String::new(), display: text_of(Some(text)) })
}

pub(crate) fn text_of(value: Option<&str>) -> Text {
    match value.map(str::trim) {
        None | Some("") => Text::default(),
        Some(value) => Text(vec![LocalizedString { value: value.to_owned(), lang: None, charset: None }]),
    }
}

/// FHIR has no empty strings: an empty text is an absent element.
pub(crate) fn present(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

pub(crate) fn looks_like_oid(text: &str) -> bool {
    text.contains('.')
        && text.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

pub(crate) fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    match text.get(..prefix.len()) {
        Some(head) if head.eq_ignore_ascii_case(prefix) => text.get(prefix.len()..),
        _ => None,
    }
}
