//! Model values that hold everything once, for golden files, the schemas and refusals.

use ebxml::{Content, DocumentRequest, ObjectRef, QueryResponse, RegistryError, RetrieveResponse, RetrievedDocument};
use model::*;

pub fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

pub fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

pub fn uid(text: &str) -> UniqueId {
    UniqueId::parse(text).unwrap()
}

pub fn dtm(text: &str) -> Dtm {
    Dtm::parse(text).unwrap()
}

pub fn home() -> HomeCommunityId {
    HomeCommunityId::parse("urn:oid:2.999.1").unwrap()
}

pub fn patient() -> PatientId {
    PatientId::new("P-0042", oid("2.999.7"))
}

fn author() -> Author {
    Author {
        person: Some(Xcn::parse("^Roe^Richard^^^Dr").unwrap()),
        institutions: vec![Xon::parse("St Example & Sons^^^^^^^^^2.999.3.1").unwrap(), Xon::parse("Other").unwrap()],
        roles: vec!["radiologist^^^&2.999.4&ISO".to_owned()],
        specialties: vec!["Radiology".to_owned()],
        telecommunications: vec![Xtn::parse("^NET^Internet^roe@hospital.example").unwrap()],
    }
}

fn text(values: &[(&str, Option<&str>, Option<&str>)]) -> Text {
    let string = |(value, lang, charset): &(&str, Option<&str>, Option<&str>)| LocalizedString {
        value: (*value).to_owned(),
        lang: lang.map(str::to_owned),
        charset: charset.map(str::to_owned),
    };
    Text(values.iter().map(string).collect())
}

pub fn entry(entry_id: &str) -> DocumentEntry {
    DocumentEntry {
        id: id(entry_id),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: "application/dicom".to_owned(),
        home_community_id: Some(home()),
        title: text(&[
            ("CT thorax <manifest> & \"more\"", Some("en"), Some("UTF-8")),
            ("TDM thorax", Some("fr-CH"), None),
        ]),
        comments: text(&[("two\nlines", None, None)]),
        authors: vec![author(), Author { person: Some(Xcn::parse("2.999.5^Device").unwrap()), ..Author::default() }],
        class_code: Code::new("IMAGES", schemes::IHE_CLASS, "Images"),
        type_code: Code::new("24627-2", schemes::LOINC, "CT Chest"),
        format_code: Code::new(DocumentEntry::KOS_SOP_CLASS, schemes::DICOM_UID_REGISTRY, "Manifest"),
        healthcare_facility_type_code: Code::new("HOSP", "2.999.30.2", "Hospital"),
        practice_setting_code: Code { display: Text::default(), ..Code::new("RAD", "2.999.30.3", "") },
        confidentiality_codes: vec![
            Code::new("N", schemes::CONFIDENTIALITY, "Normal"),
            Code::new("R", schemes::CONFIDENTIALITY, "Restricted"),
        ],
        event_code_list: vec![
            Code::new("CT", schemes::DCM, "Computed Tomography"),
            Code::new("51185008", schemes::SNOMED_CT, "Thorax"),
        ],
        patient_id: patient(),
        unique_id: uid("2.999.5.1^part"),
        creation_time: Some(dtm("20250314091500")),
        hash: Some(Sha1Hash::parse("6b1f2c7de0a94c5d8e3f70912ab4c6d8e0f1a2b3").unwrap()),
        size_octets: Some(31_844),
        language_code: "en-GB".to_owned(),
        legal_authenticator: Some(Xcn::parse("^Roe^Richard").unwrap()),
        repository_unique_id: Some(oid("2.999.10.1")),
        service_start_time: Some(dtm("202503140830")),
        service_stop_time: Some(dtm("2025031409")),
        source_patient_id: Some(PatientId::new("MRN&77", oid("2.999.2.7"))),
        source_patient_info: SourcePatientInfo(
            [
                "PID-3|MRN77^^^&2.999.2.7&ISO~X1^^^&2.999.2.8&ISO",
                "PID-3|more",
                "PID-5|Doe^Jane",
                "PID-7|19700102",
                "PID-8|F",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        uri: Some("IHE_XDM/SUBSET01/DOC0001".to_owned()),
        reference_id_list: vec![
            ReferenceId::accession("A-2025-0099", Some(oid("2.999.2.8"))),
            ReferenceId::study(&StudyInstanceUid::parse("2.25.7001").unwrap()),
        ],
        document_availability: Some("urn:ihe:iti:2010:DocumentAvailability:Online".to_owned()),
        submission_time: None,
        extra: vec![
            ExtraSlot {
                name: "urn:example:2019:colour".to_owned(),
                values: vec!["red".to_owned(), "g & b".to_owned()],
            },
            ExtraSlot { name: "urn:example:2019:empty".to_owned(), values: Vec::new() },
        ],
    }
}

pub fn set(set_id: &str) -> SubmissionSet {
    SubmissionSet {
        id: id(set_id),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("CT submission"),
        comments: Text::default(),
        authors: vec![author()],
        content_type_code: Code::new("IMG", "2.999.30.4", "Imaging procedure"),
        patient_id: patient(),
        source_id: oid("2.999.20.1"),
        unique_id: uid("2.999.6.1"),
        submission_time: dtm("20250314091730"),
        intended_recipients: vec![
            "Some Hospital^^^^^^^^^2.999.3.2|^Wel^Marcus|^^Internet^mwel@healthcare.example".to_owned(),
        ],
        extra: vec![ExtraSlot { name: "urn:example:2019:batch".to_owned(), values: vec!["7".to_owned()] }],
    }
}

pub fn folder(folder_id: &str) -> Folder {
    Folder {
        id: id(folder_id),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("Oncology work-up"),
        comments: Text::plain("comment"),
        code_list: vec![Code::new("EPI", "2.999.30.5", "Episode")],
        patient_id: patient(),
        unique_id: uid("2.999.8.1"),
        last_update_time: None,
        extra: Vec::new(),
    }
}

pub fn association(association_id: &str, kind: AssociationType, source: &str, target: &str) -> Association {
    Association {
        id: id(association_id),
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

/// Two documents, one replacing another, and a folder with one of them.
pub fn submission() -> Submission {
    let member = AssociationType::HasMember;
    let original = |a: Association| Association { submission_set_status: Some(SubmissionSetStatus::Original), ..a };
    let mut second = entry("D2");
    second.unique_id = uid("2.999.5.2");
    second.document_type = DocumentType::OnDemand;
    second.creation_time = None;
    Submission {
        set: set("S1"),
        entries: vec![entry("D1"), second],
        folders: vec![folder("sub1")], // an id that looks like one that the writer would make up
        associations: vec![
            original(association("A1", member, "S1", "D1")),
            original(association("A2", member, "S1", "D2")),
            association("A3", member, "S1", "sub1"),
            association("A4", member, "sub1", "D1"),
            association("A5", member, "S1", "A4"),
            Association {
                documentation: Some(Code::new("1", "2.999.30.6", "corrected")),
                extra: vec![ExtraSlot { name: "urn:example:2019:why".to_owned(), values: vec!["typo".to_owned()] }],
                ..association("A6", AssociationType::Rplc, "D1", "urn:uuid:a0000000-0000-4000-8000-000000000001")
            },
        ],
    }
}

pub fn registered(n: u32) -> String {
    format!("urn:uuid:a0000000-0000-4000-8000-{n:012}")
}

/// As a registry answers: everything assigned.
pub fn answer() -> QueryResponse {
    let entry_id = registered(1);
    let folder_id = registered(3);
    QueryResponse {
        errors: vec![RegistryError::warning("XDSRegistryError", "a \"warning\" with <angles>").at("urn:oid:2.999.1")],
        entries: vec![
            DocumentEntry { logical_id: Some(id(&entry_id)), version: Some(1), ..entry(&entry_id) },
            DocumentEntry { availability_status: AvailabilityStatus::Deprecated, ..entry(&registered(2)) },
        ],
        submission_sets: vec![SubmissionSet { home_community_id: Some(home()), ..set(&registered(4)) }],
        folders: vec![Folder {
            logical_id: Some(id(&folder_id)),
            version: Some(12),
            last_update_time: Some(dtm("20250314091731")),
            ..folder(&folder_id)
        }],
        associations: vec![Association {
            home_community_id: Some(home()),
            submission_set_status: Some(SubmissionSetStatus::Original),
            ..association(&registered(5), AssociationType::HasMember, &registered(4), &entry_id)
        }],
        object_refs: vec![
            ObjectRef { id: id(&registered(6)), home_community_id: Some(home()) },
            ObjectRef { id: id(&registered(7)), home_community_id: None },
        ],
        ..QueryResponse::success()
    }
}

pub fn retrieve_requests() -> Vec<DocumentRequest> {
    let request = |home_community_id, document: &str| DocumentRequest {
        home_community_id,
        repository_unique_id: oid("2.999.10.1"),
        document_unique_id: uid(document),
    };
    vec![request(None, "2.999.5.1"), request(Some(home()), "2.999.5.404")]
}

pub fn retrieved() -> RetrieveResponse<'static> {
    let document = |unique_id: &str, content| RetrievedDocument {
        home_community_id: None,
        repository_unique_id: oid("2.999.10.1"),
        document_unique_id: uid(unique_id),
        new_repository_unique_id: None,
        new_document_unique_id: None,
        mime_type: "text/plain".to_owned(),
        content,
    };
    RetrieveResponse::of(
        vec![
            document("2.999.5.1", Content::of(b"Hello\n")),
            RetrievedDocument {
                home_community_id: Some(home()),
                new_repository_unique_id: Some(oid("2.999.10.2")),
                new_document_unique_id: Some(uid("2.999.5.9.20250314")),
                ..document("2.999.5.9", Content::of(b"<a/>"))
            },
        ],
        vec![RegistryError::error("XDSDocumentUniqueIdError", "no such document here").at("2.999.5.404")],
    )
}
