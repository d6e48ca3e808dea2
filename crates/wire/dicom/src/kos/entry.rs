//! The registry metadata of a manifest: Manifest to DocumentEntry, without a wire format.
//! spec/dicom.md section 9, spec/mcwg.md 3.1, 3.2 and 3.5; RAD TF-2 4.68, ITI TF-3 4.2.3.2.

use model::{
    Author, AvailabilityStatus, Code, DocumentEntry, DocumentType, Manifest, ObjectId, Oid, PatientId, ReferenceId,
    SourcePatientInfo, Text, UniqueId, Xcn, Xon, schemes,
};

use super::modalities::modality_name;
use crate::sop_classes::KEY_OBJECT_SELECTION;
use crate::values::is_date;

/// What the affinity domain and the deployment say about every manifest of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDefaults {
    /// Id of the entry within its submission.
    pub id: ObjectId,
    /// The patient as the affinity domain knows them: never taken from the manifest.
    pub patient_id: PatientId,
    /// Domain of a source patient id whose issuer the manifest does not give.
    pub source_patient_domain: Option<Oid>,
    /// Usually IMAGES.
    pub class_code: Code,
    /// typeCode, coarse ("Diagnostic imaging study").
    pub type_code: Code,
    /// Put the first procedure into typeCode as XDS-I.b and WIA have it; eventCodeList has it in any case.
    pub procedure_as_type_code: bool,
    /// healthcareFacilityTypeCode.
    pub healthcare_facility_type_code: Code,
    /// practiceSettingCode.
    pub practice_setting_code: Code,
    /// confidentialityCode, at least one.
    pub confidentiality_codes: Vec<Code>,
    /// languageCode: a KOS has none of its own.
    pub language_code: String,
    /// authorInstitution when the manifest names none.
    pub institution: Option<Xon>,
    /// Authors besides the institution, such as a department.
    pub authors: Vec<Author>,
}

/// The DocumentEntry of a manifest, as the source submits it.
///
/// Shape: approved and stable; size, hash and repository are left to the repository. eventCodeList holds modalities,
/// then regions, then procedures, each once and with a display name.
/// Units: times UTC.
/// Source: spec/dicom.md section 9, spec/mcwg.md 3.2.
pub fn document_entry(manifest: &Manifest, defaults: &EntryDefaults) -> DocumentEntry {
    let source_patient_id = source_patient_id(manifest, defaults);
    let ids: Vec<PatientId> = source_patient_id
        .iter()
        .chain(manifest.other_patient_ids.iter().filter(|id| source_patient_id.as_ref() != Some(id)))
        .cloned()
        .collect();
    let birth_date = manifest.birth_date.as_deref().filter(|date| is_date(date));
    let birth_date = birth_date.and_then(|date| model::Dtm::parse(date).ok());
    let procedure = manifest.procedures.iter().find(|code| code.validate("").is_ok());
    DocumentEntry {
        id: defaults.id.clone(),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: "application/dicom".to_owned(),
        home_community_id: None,
        title: title(manifest),
        comments: Text::default(),
        authors: authors(manifest, defaults),
        class_code: defaults.class_code.clone(),
        type_code: procedure
            .filter(|_| defaults.procedure_as_type_code)
            .map_or_else(|| defaults.type_code.clone(), with_display),
        format_code: format_code(),
        healthcare_facility_type_code: defaults.healthcare_facility_type_code.clone(),
        practice_setting_code: defaults.practice_setting_code.clone(),
        confidentiality_codes: defaults.confidentiality_codes.clone(),
        event_code_list: event_codes(manifest),
        patient_id: defaults.patient_id.clone(),
        unique_id: UniqueId::from(&manifest.sop_instance),
        creation_time: manifest.content_time_utc(),
        hash: None,
        size_octets: None,
        language_code: defaults.language_code.clone(),
        legal_authenticator: None,
        repository_unique_id: None,
        service_start_time: manifest.study_start(),
        service_stop_time: None,
        source_patient_info: SourcePatientInfo::of(&ids, &manifest.patient_name, birth_date.as_ref(), manifest.sex),
        source_patient_id,
        uri: None,
        reference_id_list: references(manifest),
        document_availability: None,
        submission_time: None,
        extra: Vec::new(),
    }
}

/// formatCode of every KOS manifest.
pub fn format_code() -> Code {
    Code::new(KEY_OBJECT_SELECTION, schemes::DICOM_UID_REGISTRY, "DICOM Manifest")
}

fn source_patient_id(manifest: &Manifest, defaults: &EntryDefaults) -> Option<PatientId> {
    if manifest.patient_id.is_some() {
        return manifest.patient_id.clone();
    }
    let id = manifest.patient_id_text.trim();
    let domain = defaults.source_patient_domain.clone()?;
    (!id.is_empty()).then(|| PatientId::new(id, domain))
}

/// Study Description, else what the procedure is called; 128 characters are allowed.
fn title(manifest: &Manifest) -> Text {
    let description = manifest.study_description.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let procedure = || manifest.procedures.first().map(Code::label).filter(|text| !text.is_empty());
    match description.or_else(procedure) {
        Some(text) => Text::plain(text.chars().take(128).collect::<String>()),
        None => Text::default(),
    }
}

fn authors(manifest: &Manifest, defaults: &EntryDefaults) -> Vec<Author> {
    let mut authors = Vec::new();
    if let Some(institution) = manifest.institution.as_ref().or(defaults.institution.as_ref()) {
        authors.push(Author { institutions: vec![institution.clone()], ..Author::default() });
    }
    authors.extend(defaults.authors.iter().cloned());
    if authors.is_empty() && !manifest.manufacturer.trim().is_empty() {
        // An author is required; the device that wrote the manifest is one (XCN.2 of a device is its name).
        let device = Xcn::from_name(manifest.manufacturer.trim(), "");
        authors.push(Author { person: Some(device), ..Author::default() });
    }
    authors
}

fn event_codes(manifest: &Manifest) -> Vec<Code> {
    let modalities = manifest
        .acquisition_modalities()
        .into_iter()
        .map(|code| Code::new(code, schemes::DCM, modality_name(code).unwrap_or(code)));
    let mut out: Vec<Code> = Vec::new();
    let others = manifest.regions.iter().chain(&manifest.procedures).map(with_display);
    for code in modalities.chain(others) {
        if code.validate("eventCodeList").is_ok() && !out.iter().any(|other| other.means(&code)) {
            out.push(code);
        }
    }
    out
}

/// Every eventCode has a display name; a code without one is shown as itself.
fn with_display(code: &Code) -> Code {
    match code.display.value() {
        Some(text) if !text.trim().is_empty() => code.clone(),
        _ => Code::new(code.code.clone(), code.scheme.clone(), code.code.clone()),
    }
}

/// Study, accession numbers and placer numbers: the same list goes on the report. Source: spec/mcwg.md 3.4.
fn references(manifest: &Manifest) -> Vec<ReferenceId> {
    let mut out = vec![ReferenceId::study(&manifest.study)];
    let accessions = manifest.orders.iter().map(|o| (&o.accession_number, &o.accession_issuer, true));
    let placers = manifest.orders.iter().map(|o| (&o.placer_order_number, &o.placer_issuer, false));
    for (number, issuer, is_accession) in accessions.chain(placers) {
        let number = number.trim();
        if number.is_empty() {
            continue;
        }
        let reference = match is_accession {
            true => ReferenceId::accession(number, issuer.clone()),
            false => ReferenceId::order(number, issuer.clone()),
        };
        if !out.contains(&reference) {
            out.push(reference);
        }
    }
    out
}
