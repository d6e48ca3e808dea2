//! Invented model values for the tests of this crate.

use crate::{Frame, Reader, Texts, TimeZone};
use model::{
    Association, AssociationType, Author, AvailabilityStatus, Code, DocumentEntry, DocumentType, Dtm, ObjectId, Oid,
    Patient, PatientId, PersonName, ReferenceId, RegionMap, Sex, SourcePatientInfo, StudyInstanceUid, Text, UniqueId,
    Xcn, Xon, schemes,
};

pub(crate) fn dtm(text: &str) -> Dtm {
    Dtm::parse(text).unwrap()
}

pub(crate) fn reader() -> Reader {
    Reader { texts: Texts::default(), zone: TimeZone::UTC, now: dtm("20260320101500") }
}

pub(crate) fn frame() -> Frame {
    Frame {
        texts: Texts::default(),
        base: "/portal".into(),
        patient: "P0001".into(),
        node: "central".into(),
        here: "/portal/patient/P0001".into(),
    }
}

pub(crate) fn patient() -> Patient {
    Patient {
        id: PatientId::new("P0001", Oid::parse("2.999.7").unwrap()),
        other_ids: Vec::new(),
        name: PersonName::from_dicom("DURAND^Anne"),
        birth_date: Some(dtm("19610412")),
        sex: Some(Sex::Female),
        details: Default::default(),
    }
}

pub(crate) fn regions() -> RegionMap {
    RegionMap { rules: Vec::new(), equivalents: Vec::new() }
}

/// The id of an entry with a one-word name.
pub(crate) fn entry_id(name: &str) -> ObjectId {
    ObjectId::parse(&format!(
        "urn:uuid:00000000-0000-4000-8000-{:012x}",
        name.bytes().fold(0u64, |n, b| n * 256 + u64::from(b))
    ))
    .unwrap()
}

fn entry(name: &str, study: &str, accession: &str) -> DocumentEntry {
    let patient = patient();
    DocumentEntry {
        id: entry_id(name),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: "application/dicom".into(),
        home_community_id: None,
        title: Text::plain("CT chest"),
        comments: Text::default(),
        authors: vec![Author {
            institutions: vec![Xon::parse("North Hospital^^^^^&2.999.1.2&ISO^^^^1").unwrap()],
            ..Author::default()
        }],
        class_code: Code::new("IMAGES", schemes::IHE_CLASS, "Images"),
        type_code: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        format_code: Code::new(DocumentEntry::KOS_SOP_CLASS, schemes::DICOM_UID_REGISTRY, "DICOM Manifest"),
        healthcare_facility_type_code: Code::new("22232009", schemes::SNOMED_CT, "Hospital"),
        practice_setting_code: Code::new("394914008", schemes::SNOMED_CT, "Radiology"),
        confidentiality_codes: vec![Code::new("N", schemes::CONFIDENTIALITY, "normal")],
        event_code_list: vec![
            Code::new("CT", schemes::DCM, "Computed Tomography"),
            Code::new("67734004", schemes::SNOMED_CT, "Upper trunk"),
            Code::new("169069000", schemes::SNOMED_CT, "CT of chest"),
        ],
        source_patient_info: SourcePatientInfo::of(
            std::slice::from_ref(&patient.id),
            &patient.name,
            patient.birth_date.as_ref(),
            patient.sex,
        ),
        source_patient_id: Some(patient.id.clone()),
        patient_id: patient.id,
        unique_id: UniqueId::parse(&format!("2.25.77.{name}")).unwrap(),
        creation_time: Some(dtm("20260312103000")),
        hash: None,
        size_octets: Some(48_000),
        language_code: "en".into(),
        legal_authenticator: None,
        repository_unique_id: Some(Oid::parse("2.999.1.1").unwrap()),
        service_start_time: Some(dtm("20260312091503")),
        service_stop_time: None,
        uri: None,
        reference_id_list: vec![
            ReferenceId::study(&StudyInstanceUid::parse(study).unwrap()),
            ReferenceId::accession(accession, Some(Oid::parse("2.999.1.2.3").unwrap())),
        ],
        document_availability: None,
        submission_time: None,
        extra: Vec::new(),
    }
}

pub(crate) fn ct_study(name: &str, study: &str, accession: &str) -> DocumentEntry {
    entry(name, study, accession)
}

pub(crate) fn ct_report(name: &str, study: &str, accession: &str) -> DocumentEntry {
    let mut report = entry(name, study, accession);
    report.mime_type = "text/xml".into();
    report.title = Text::plain("CT of the chest");
    report.class_code = Code::new("REPORTS", schemes::IHE_CLASS, "Reports");
    report.format_code = Code::new("urn:ihe:iti:xds-sd:pdf:2008", schemes::IHE_FORMAT, "PDF in CDA");
    report.authors[0].person = Some(Xcn::parse("^LINDQVIST^Märta^^^Dr.").unwrap());
    report.creation_time = Some(dtm("20260312113000"));
    report
}

pub(crate) fn deprecated(mut entry: DocumentEntry) -> DocumentEntry {
    entry.availability_status = AvailabilityStatus::Deprecated;
    entry
}

fn association(kind: AssociationType, source: &str, target: &str) -> Association {
    Association {
        id: entry_id("assoc"),
        kind,
        source: entry_id(source),
        target: entry_id(target),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: Vec::new(),
    }
}

pub(crate) fn rplc(source: &str, target: &str) -> Association {
    association(AssociationType::Rplc, source, target)
}

pub(crate) fn xfrm(source: &str, target: &str) -> Association {
    association(AssociationType::Xfrm, source, target)
}

pub(crate) fn apnd(source: &str, target: &str) -> Association {
    association(AssociationType::Apnd, source, target)
}

/// Fails where the page is not well-formed: pages are written in the common subset of HTML and XML.
pub(crate) fn well_formed(html: &str) {
    let mut reader = quick_xml::Reader::from_str(html);
    reader.config_mut().check_end_names = true;
    let mut depth = 0;
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => break,
            Ok(quick_xml::events::Event::Start(start)) => {
                depth += 1;
                start.attributes().for_each(|a| assert!(a.is_ok(), "{a:?} in {start:?}"));
            }
            Ok(quick_xml::events::Event::End(_)) => depth -= 1,
            Ok(_) => {}
            Err(error) => panic!("{error} at {}: {html}", reader.buffer_position()),
        }
    }
    assert_eq!(depth, 0, "an element is open at the end");
}
