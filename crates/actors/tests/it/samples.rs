//! Invented submissions that break no rule; a test changes the one thing that it is about.

use actors::{DocumentContent, ProvidedDocument};
use model::*;

pub const DOMAIN: &str = "2.999.7";
pub const REPOSITORY: &str = "2.999.1.1";

pub fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

pub fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

/// An entryUUID that nobody registered.
pub fn uuid(number: u32) -> ObjectId {
    id(&format!("urn:uuid:a0000000-0000-4000-8000-{number:012}"))
}

pub fn unique(text: &str) -> UniqueId {
    UniqueId::parse(text).unwrap()
}

pub fn dtm(text: &str) -> Dtm {
    Dtm::parse(text).unwrap()
}

pub fn patient_id(id: &str) -> PatientId {
    PatientId::new(id, oid(DOMAIN))
}

pub fn patient(id: &str, family: &str, given: &str) -> Patient {
    Patient {
        id: patient_id(id),
        other_ids: Vec::new(),
        name: PersonName { family: family.into(), given: given.into(), ..PersonName::default() },
        birth_date: Some(dtm("19700102")),
        sex: Some(Sex::Female),
        details: Default::default(),
    }
}

pub fn code(code: &str, scheme: &str) -> Code {
    Code::new(code, scheme, "")
}

pub fn study(uid: &str) -> StudyInstanceUid {
    StudyInstanceUid::parse(uid).unwrap()
}

/// A document's entry as a repository sends it: `object` is its id in the message, `unique_id` its uniqueId.
pub fn entry(object: &str, unique_id: &str) -> DocumentEntry {
    DocumentEntry {
        id: id(object),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: "application/dicom".into(),
        home_community_id: None,
        title: Text::plain("CT Thorax"),
        comments: Text::default(),
        authors: Vec::new(),
        class_code: code("IMAGES", schemes::IHE_CLASS),
        type_code: code("18748-4", schemes::LOINC),
        format_code: code(DocumentEntry::KOS_SOP_CLASS, schemes::DICOM_UID_REGISTRY),
        healthcare_facility_type_code: code("22232009", schemes::SNOMED_CT),
        practice_setting_code: code("394914008", schemes::SNOMED_CT),
        confidentiality_codes: vec![code("N", schemes::CONFIDENTIALITY)],
        event_code_list: vec![code("CT", schemes::DCM), code("67734004", schemes::SNOMED_CT)],
        patient_id: patient_id("P0001"),
        unique_id: unique(unique_id),
        creation_time: Some(dtm("20250314091500")),
        hash: Some(Sha1Hash::from_bytes([7; 20])),
        size_octets: Some(1234),
        language_code: "en".into(),
        legal_authenticator: None,
        repository_unique_id: Some(oid(REPOSITORY)),
        service_start_time: Some(dtm("202503140830")),
        service_stop_time: None,
        source_patient_id: Some(PatientId::new("MRN77", oid("2.999.2.7"))),
        source_patient_info: SourcePatientInfo::default(),
        uri: None,
        reference_id_list: vec![ReferenceId::study(&study("2.25.77"))],
        document_availability: None,
        submission_time: None,
        extra: Vec::new(),
    }
}

pub fn set(unique_id: &str) -> SubmissionSet {
    SubmissionSet {
        id: id("set"),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::default(),
        comments: Text::default(),
        authors: Vec::new(),
        content_type_code: code("IMG", "2.999.30.4"),
        patient_id: patient_id("P0001"),
        source_id: oid("2.999.20.1"),
        unique_id: unique(unique_id),
        submission_time: dtm("20250314091730"),
        intended_recipients: Vec::new(),
        extra: Vec::new(),
    }
}

pub fn folder(object: &str, unique_id: &str) -> Folder {
    Folder {
        id: id(object),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("Oncology work-up"),
        comments: Text::default(),
        code_list: vec![code("EPI", "2.999.30.5")],
        patient_id: patient_id("P0001"),
        unique_id: unique(unique_id),
        last_update_time: None,
        extra: Vec::new(),
    }
}

pub fn association(object: &str, kind: AssociationType, source: &ObjectId, target: &ObjectId) -> Association {
    Association {
        id: id(object),
        kind,
        source: source.clone(),
        target: target.clone(),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: Vec::new(),
    }
}

/// A HasMember from the set to a document of the message.
pub fn original(object: &str, target: &str) -> Association {
    let member = association(object, AssociationType::HasMember, &id("set"), &id(target));
    Association { submission_set_status: Some(SubmissionSetStatus::Original), ..member }
}

/// One document; the set's uniqueId follows from the document's.
pub fn submission(unique_id: &str) -> Submission {
    Submission {
        set: set(&format!("{unique_id}.1")),
        entries: vec![entry("doc", unique_id)],
        folders: Vec::new(),
        associations: vec![original("member", "doc")],
    }
}

/// [`submission`] of a document that is related to a registered one.
pub fn related(unique_id: &str, kind: AssociationType, target: &ObjectId) -> Submission {
    let mut submission = submission(unique_id);
    submission.associations.push(association("relation", kind, &id("doc"), target));
    submission
}

/// [`submission`] of a document in a new folder.
pub fn in_folder(unique_id: &str) -> Submission {
    let mut submission = submission(unique_id);
    submission.folders.push(folder("folder", &format!("{unique_id}.2")));
    submission.associations.extend([
        association("member-2", AssociationType::HasMember, &id("set"), &id("folder")),
        association("content", AssociationType::HasMember, &id("folder"), &id("doc")),
        association("member-3", AssociationType::HasMember, &id("set"), &id("content")),
    ]);
    submission
}

/// [`submission`] with every object belonging to somebody.
pub fn of_patient(mut submission: Submission, patient: &str) -> Submission {
    submission.set.patient_id = patient_id(patient);
    submission.entries.iter_mut().for_each(|e| e.patient_id = patient_id(patient));
    submission.folders.iter_mut().for_each(|f| f.patient_id = patient_id(patient));
    submission
}

/// As a source sends it to a repository: hash, size and repository are not said.
pub fn unhashed(mut submission: Submission) -> Submission {
    for entry in &mut submission.entries {
        (entry.hash, entry.size_octets, entry.repository_unique_id) = (None, None, None);
    }
    submission
}

pub fn document(object: &str, bytes: &[u8]) -> ProvidedDocument {
    ProvidedDocument { entry_id: id(object), content: DocumentContent::Memory(bytes.to_vec().into()) }
}

/// Bytes that are too many to live beside their metadata; different for different seeds.
pub fn large(seed: u8) -> Vec<u8> {
    vec![seed; 100_000]
}
