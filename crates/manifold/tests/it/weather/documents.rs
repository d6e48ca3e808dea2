//! Documents to publish: small, with metadata that the demo's centre accepts, so that a test changes one thing.

use super::client::{cx, patient};
use model::{
    AvailabilityStatus, Code, DocumentEntry, DocumentType, ObjectId, Oid, ReferenceId, SourcePatientInfo,
    StudyInstanceUid, Submission, Text, UniqueId, schemes,
};
use transactions::report_source;

/// A report as PDF-less CDA of a few words: enough for a repository, which looks only into manifests.
pub fn report(patient_id: &str, unique_id: &str) -> Submission {
    let entry = entry(patient_id, unique_id);
    report_source::submission(entry, &[], Oid::parse("2.999.1.2.8").expect("an OID"), &cx())
}

/// A manifest's metadata around the octets of some manifest.
pub fn manifest(patient_id: &str, unique_id: &str, study: &str) -> Submission {
    let mut entry = entry(patient_id, unique_id);
    entry.class_code = Code::new("IMAGES", schemes::IHE_CLASS, "Images");
    entry.format_code = dicom::kos::format_code();
    entry.mime_type = "application/dicom".into();
    entry.reference_id_list = vec![ReferenceId::study(&StudyInstanceUid::parse(study).expect("a UID"))];
    report_source::submission(entry, &[], Oid::parse("2.999.1.2.9").expect("an OID"), &cx())
}

fn entry(patient_id: &str, unique_id: &str) -> DocumentEntry {
    let cx = cx();
    DocumentEntry {
        id: cx.identifiers.entry_uuid(),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: "text/xml".into(),
        home_community_id: None,
        title: Text::plain("Report in bad weather"),
        comments: Text::default(),
        authors: Vec::new(),
        class_code: Code::new("REPORTS", schemes::IHE_CLASS, "Reports"),
        type_code: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        format_code: Code::new("urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3", "Scanned document, PDF"),
        healthcare_facility_type_code: Code::new("22232009", schemes::SNOMED_CT, "Hospital"),
        practice_setting_code: Code::new("394914008", schemes::SNOMED_CT, "Radiology"),
        confidentiality_codes: vec![Code::new("N", schemes::CONFIDENTIALITY, "normal")],
        event_code_list: Vec::new(),
        patient_id: patient(patient_id),
        unique_id: UniqueId::parse(unique_id).expect("a uniqueId"),
        creation_time: Some(cx.now()),
        hash: None,
        size_octets: None,
        language_code: "en".into(),
        legal_authenticator: None,
        repository_unique_id: None,
        service_start_time: None,
        service_stop_time: None,
        source_patient_id: Some(patient(patient_id)),
        source_patient_info: SourcePatientInfo::default(),
        uri: None,
        reference_id_list: Vec::new(),
        document_availability: None,
        submission_time: None,
        extra: Vec::new(),
    }
}

/// A uniqueId that nobody used yet.
pub fn fresh_unique_id() -> String {
    cx().identifiers.uid()
}

pub fn entry_id(submission: &Submission) -> &ObjectId {
    &submission.entries[0].id
}
