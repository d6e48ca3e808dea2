//! Whole invented objects that break no rule; a test changes the one thing that it is about.

use model::*;

pub fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

pub fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

pub fn unique(text: &str) -> UniqueId {
    UniqueId::parse(text).unwrap()
}

pub fn dtm(text: &str) -> Dtm {
    Dtm::parse(text).unwrap()
}

pub fn patient(id: &str) -> PatientId {
    PatientId::new(id, oid("2.999.7"))
}

pub fn code(code: &str, scheme: &str) -> Code {
    Code::new(code, scheme, format!("display of {code}"))
}

pub fn entry(object: &str) -> DocumentEntry {
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
        authors: vec![Author { person: Some(Xcn::from_name("Roe", "Richard")), ..Author::default() }],
        class_code: code("IMAGES", schemes::IHE_CLASS),
        type_code: code("18748-4", schemes::LOINC),
        format_code: code(DocumentEntry::KOS_SOP_CLASS, schemes::DICOM_UID_REGISTRY),
        healthcare_facility_type_code: code("22232009", schemes::SNOMED_CT),
        practice_setting_code: code("394914008", schemes::SNOMED_CT),
        confidentiality_codes: vec![code("N", schemes::CONFIDENTIALITY)],
        event_code_list: vec![code("CT", schemes::DCM), code("67734004", schemes::SNOMED_CT)],
        patient_id: patient("P0001"),
        unique_id: unique("2.25.1"),
        creation_time: Some(dtm("20250314091500")),
        hash: Some(Sha1Hash::from_bytes([7; 20])),
        size_octets: Some(1234),
        language_code: "en".into(),
        legal_authenticator: None,
        repository_unique_id: Some(oid("2.999.1.1")),
        service_start_time: Some(dtm("202503140830")),
        service_stop_time: Some(dtm("202503140900")),
        source_patient_id: Some(PatientId::new("MRN77", oid("2.999.2.7"))),
        source_patient_info: SourcePatientInfo(vec!["PID-5|Doe^Jane".into()]),
        uri: None,
        reference_id_list: vec![ReferenceId::study(&StudyInstanceUid::parse("2.25.77").unwrap())],
        document_availability: None,
        submission_time: None,
        extra: Vec::new(),
    }
}

pub fn set() -> SubmissionSet {
    SubmissionSet {
        id: id("set"),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::default(),
        comments: Text::default(),
        authors: Vec::new(),
        content_type_code: code("IMG", "2.999.30.4"),
        patient_id: patient("P0001"),
        source_id: oid("2.999.20.1"),
        unique_id: unique("2.25.1001"),
        submission_time: dtm("20250314091730"),
        intended_recipients: Vec::new(),
        extra: Vec::new(),
    }
}

pub fn folder(object: &str) -> Folder {
    Folder {
        id: id(object),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("Oncology work-up"),
        comments: Text::default(),
        code_list: vec![code("EPI", "2.999.30.5")],
        patient_id: patient("P0001"),
        unique_id: unique("2.25.2001"),
        last_update_time: None,
        extra: Vec::new(),
    }
}

pub fn association(object: &str, kind: AssociationType, source: &str, target: &str) -> Association {
    Association {
        id: id(object),
        kind,
        source: id(source),
        target: id(target),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: Vec::new(),
    }
}

pub fn member(object: &str, target: &str, status: Option<SubmissionSetStatus>) -> Association {
    let association = association(object, AssociationType::HasMember, "set", target);
    Association { submission_set_status: status, ..association }
}

/// One document in one folder, as section 14 of the specification shows it.
pub fn submission() -> Submission {
    Submission {
        set: set(),
        entries: vec![entry("doc")],
        folders: vec![folder("folder")],
        associations: vec![
            member("a1", "doc", Some(SubmissionSetStatus::Original)),
            member("a2", "folder", None),
            association("a3", AssociationType::HasMember, "folder", "doc"),
            member("a4", "a3", None),
        ],
    }
}

pub fn manifest() -> Manifest {
    let instance = |n: u32| ManifestInstance {
        sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
        sop_instance: SopInstanceUid::parse(&format!("2.25.77.1.{n}")).unwrap(),
        instance_number: Some(n.to_string()),
        number_of_frames: None,
        significant: Vec::new(),
        key_object_note: None,
    };
    Manifest {
        flavour: ManifestFlavour::Mcwg,
        sop_instance: SopInstanceUid::parse("2.25.9").unwrap(),
        series_instance: SeriesInstanceUid::parse("2.25.90").unwrap(),
        study: StudyInstanceUid::parse("2.25.77").unwrap(),
        own_study: StudyInstanceUid::parse("2.25.77").unwrap(),
        patient_id: Some(patient("P0001")),
        patient_id_text: "P0001".into(),
        other_patient_ids: Vec::new(),
        patient_name: PersonName { family: "Doe".into(), given: "Jane".into(), ..PersonName::default() },
        birth_date: Some("19700102".into()),
        sex: Some(Sex::Female),
        study_date: Some("20250314".into()),
        study_time: Some("093000".into()),
        study_description: None,
        study_id: None,
        referring_physician: None,
        orders: Vec::new(),
        procedures: Vec::new(),
        regions: Vec::new(),
        manufacturer: "manifold".into(),
        institution: None,
        content_date: "20250314".into(),
        content_time: "100000".into(),
        timezone: Some("+0100".into()),
        display_uri: None,
        series: vec![ManifestSeries {
            uid: SeriesInstanceUid::parse("2.25.77.1").unwrap(),
            modality: Some("CT".into()),
            description: None,
            number: None,
            date: None,
            time: None,
            region: None,
            laterality: None,
            retrieve_location_uid: None,
            retrieve_url: None,
            retrieve_ae_title: None,
            instances: vec![instance(1), instance(2)],
        }],
    }
}

/// Field names of findings, in order.
pub fn fields(found: &[Invalid]) -> Vec<&str> {
    found.iter().map(|invalid| invalid.field.as_str()).collect()
}
