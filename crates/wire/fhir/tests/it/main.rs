//! Tests of the FHIR codec: bytes mean what the specification says, and come back unchanged.

mod bundles;
mod capabilities;
mod document_references;
mod lists;
mod manifest_random;
mod manifest_samples;
mod manifests;
mod outcomes;
mod patient_operations;
mod patients;
mod profiles;
mod provide_bundles;
mod round_trips;
mod searches;
mod single_documents;
mod times;
mod xml_forms;

use model::{AvailabilityStatus, Code, DocumentEntry, DocumentType, Dtm, ObjectId, Oid, PatientId, UniqueId, schemes};
use std::path::PathBuf;

/// `../shared/data` beside the workspace, when it is there.
fn shared_data(what: &str) -> Option<PathBuf> {
    let mut dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while dir.pop() {
        let found = dir.join("../shared/data").join(what);
        if dir.join("Cargo.lock").exists() && found.exists() {
            return Some(found);
        }
    }
    eprintln!("skipped: ../shared/data/{what} not present");
    None
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).unwrap()
}

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

fn dtm(text: &str) -> Dtm {
    Dtm::parse(text).unwrap()
}

fn patient() -> PatientId {
    PatientId::new("P0001", oid("2.999.7"))
}

/// An entry with everything that Comprehensive metadata demands and nothing more.
fn entry() -> DocumentEntry {
    let code = |code: &str, scheme: &str, display: &str| Code::new(code, scheme, display);
    let id = PatientId::new("L-17", oid("2.999.1.2"));
    DocumentEntry {
        id: ObjectId::parse("urn:uuid:0c287d32-01e3-4d87-9953-9fcc9404eb21").unwrap(),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: "application/dicom".into(),
        home_community_id: None,
        title: model::Text::plain("CT chest"),
        comments: model::Text::default(),
        authors: vec![],
        class_code: code("IMAGES", schemes::IHE_CLASS, "Images"),
        type_code: code("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        format_code: code(DocumentEntry::KOS_SOP_CLASS, schemes::DICOM_UID_REGISTRY, "Key Object Selection Document"),
        healthcare_facility_type_code: code("79491001", schemes::SNOMED_CT, "Hospital-based radiology facility"),
        practice_setting_code: code("394914008", schemes::SNOMED_CT, "Radiology"),
        confidentiality_codes: vec![code("N", schemes::CONFIDENTIALITY, "normal")],
        event_code_list: vec![code("CT", schemes::DCM, "Computed Tomography")],
        patient_id: patient(),
        unique_id: UniqueId::parse("2.25.17").unwrap(),
        creation_time: Some(dtm("20260301082510")),
        hash: None,
        size_octets: Some(10240),
        language_code: "en".into(),
        legal_authenticator: None,
        repository_unique_id: None,
        service_start_time: Some(dtm("20260224152310")),
        service_stop_time: None,
        source_patient_id: Some(id.clone()),
        source_patient_info: model::SourcePatientInfo(vec![format!("PID-3|{id}"), "PID-5|Muster^Anna".into()]),
        uri: None,
        reference_id_list: vec![],
        document_availability: None,
        submission_time: None,
        extra: vec![],
    }
}
