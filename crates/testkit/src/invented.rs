//! Invented patients, entries and objects. Identifiers are under 2.25 and 2.999.

use model::{
    AvailabilityStatus, Code, DocumentEntry, DocumentType, Dtm, ObjectId, Oid, Patient, PatientId, PersonName, Sex,
    Sha1Hash, SourcePatientInfo, StudyInstanceUid, Text, UniqueId, schemes,
};

/// The affinity domain of every test.
pub fn domain() -> Oid {
    Oid::parse("2.999.7").expect("an OID")
}

pub fn patient_id(id: &str) -> PatientId {
    PatientId::new(id, domain())
}

pub fn patient(id: &str, family: &str, given: &str) -> Patient {
    Patient {
        id: patient_id(id),
        other_ids: Vec::new(),
        name: PersonName { family: family.to_owned(), given: given.to_owned(), ..PersonName::default() },
        birth_date: Dtm::parse("19610412").ok(),
        sex: Some(Sex::Female),
        details: Default::default(),
    }
}

pub fn unique_id(text: &str) -> UniqueId {
    UniqueId::parse(text).expect("a uniqueId")
}

/// Entry number `n` of patient P1: a manifest of a CT study of the head.
pub fn entry(n: u32) -> DocumentEntry {
    entry_of("P1", n)
}

/// Entry number `n`, of a patient.
pub fn entry_of(patient: &str, n: u32) -> DocumentEntry {
    let mut uuid = [0x11; 16];
    uuid[12..].copy_from_slice(&n.to_be_bytes());
    let study = StudyInstanceUid::parse(&format!("2.25.7000{n}")).expect("a UID");
    DocumentEntry {
        id: ObjectId::from_uuid_bytes(uuid),
        logical_id: None,
        version: Some(1),
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: "application/dicom".to_owned(),
        home_community_id: None,
        title: Text::plain(format!("CT head {n}")),
        comments: Text::default(),
        authors: Vec::new(),
        class_code: Code::new("IMAGES", schemes::IHE_CLASS, "Images"),
        type_code: Code::new("25045-6", schemes::LOINC, "CT"),
        format_code: Code::new("1.2.840.10008.5.1.4.1.1.88.59", schemes::DICOM_UID_REGISTRY, "KOS"),
        healthcare_facility_type_code: Code::new("22232009", schemes::SNOMED_CT, "Hospital"),
        practice_setting_code: Code::new("394914008", schemes::SNOMED_CT, "Radiology"),
        confidentiality_codes: vec![Code::new("N", schemes::CONFIDENTIALITY, "normal")],
        event_code_list: vec![
            Code::new("CT", schemes::DCM, "Computed Tomography"),
            Code::new("774007", schemes::SNOMED_CT, "Head and neck"),
        ],
        patient_id: patient_id(patient),
        unique_id: unique_id(&format!("2.25.9000{n}")),
        creation_time: Dtm::parse(&format!("202601{:02}120000", n % 28 + 1)).ok(),
        hash: Sha1Hash::parse(&format!("{n:040x}")).ok(),
        size_octets: None,
        language_code: "en".to_owned(),
        legal_authenticator: None,
        repository_unique_id: Oid::parse("2.999.1.1").ok(),
        service_start_time: Dtm::parse(&format!("202601{:02}110000", n % 28 + 1)).ok(),
        service_stop_time: None,
        source_patient_id: Some(patient_id(patient)),
        source_patient_info: SourcePatientInfo::of(&[patient_id(patient)], &PersonName::default(), None, None),
        uri: None,
        reference_id_list: vec![model::ReferenceId::study(&study)],
        document_availability: None,
        submission_time: None,
        extra: Vec::new(),
    }
}

/// A DICOM file whose file meta group says who it is, with `octets` octets of other content behind it.
pub fn dicom_file(sop_instance: &str, transfer_syntax: &str, octets: usize) -> Vec<u8> {
    let mut file = dicom::part10::file_meta("1.2.840.10008.5.1.4.1.1.2", sop_instance, transfer_syntax, None);
    // Content that looks like delimiters must not disturb anybody.
    let pattern = b"\r\n--boundary\r\nContent-Type: application/dicom\r\n\r\nDICM";
    file.extend(pattern.iter().cycle().take(octets));
    file
}
