//! How reports are registered.

use crate::support::*;
use hl7v3::cda::{self, EntryDefaults};
use model::*;

fn defaults() -> EntryDefaults {
    let id = ObjectId::parse("urn:uuid:22a0f9e0-4454-11dc-a6be-3603d6866807").unwrap();
    let events = vec![
        Code::new("CT", schemes::DCM, "Computed Tomography"),
        Code::new("67734004", schemes::SNOMED_CT, "Upper trunk"),
    ];
    EntryDefaults { event_code_list: events, ..EntryDefaults::new(id) }
}

fn references(entry: &DocumentEntry) -> Vec<String> {
    entry.reference_id_list.iter().map(ToString::to_string).collect()
}

#[test]
fn a_report_is_registered_with_its_links() {
    let report = report();
    let entry = cda::document_entry(&report, &defaults());
    assert_eq!(entry.validate(), []);
    assert_eq!(entry.class_code.code, "REPORTS");
    assert_eq!(entry.format_code.code, "urn:ihe:iti:xds-sd:pdf:2008");
    assert_eq!(entry.format_code.scheme, "1.3.6.1.4.1.19376.1.2.3");
    assert_eq!(entry.mime_type, "text/xml");
    assert_eq!(entry.type_code, report.kind);
    assert_eq!(entry.unique_id, report.unique_id);
    assert_eq!(entry.creation_time.as_ref(), Some(&report.effective_time));
    assert_eq!(entry.service_start_time, Some(dtm("20250603071500")));
    assert_eq!(entry.service_stop_time, Some(dtm("20250603072000")));
    assert_eq!(entry.legal_authenticator, report.legal_authenticator);
    assert_eq!(entry.source_patient_id, report.patient.other_ids.first().cloned());
    assert_eq!(entry.source_patient_info.name().map(|n| n.to_hl7()), Some("Exämple^Pat^Q.".into()));
    assert_eq!((entry.hash.as_ref(), entry.size_octets), (None, None));
    let events: Vec<_> = entry.event_code_list.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(events, ["CT", "67734004", "169069000"]);
    assert_eq!(
        references(&entry),
        [
            "2.25.7301.1^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
            "2.25.7301.2^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
            "ACC-2025-0042^^^&2.999.1.2.3&ISO^urn:ihe:iti:xds:2013:accession",
            "ACC-43^^^^urn:ihe:iti:xds:2013:accession",
            "PLC-77^^^&2.999.1.2.4&ISO^urn:ihe:iti:xds:2013:order",
        ]
    );
}

#[test]
fn a_text_report_has_the_text_format_and_a_long_title_is_cut() {
    let mut report = report();
    report.content = ReportContent::Text("x".into());
    report.title = "ä".repeat(200);
    let entry = cda::document_entry(&report, &defaults());
    assert_eq!(entry.format_code.code, "urn:ihe:iti:xds-sd:text:2008");
    assert_eq!(entry.title.value().map(|t| t.chars().count()), Some(128));
    assert_eq!(entry.validate(), []);
}

#[test]
fn our_document_registers_the_same_when_it_comes_back_as_a_foreign_one() {
    let report = report();
    let ours = cda::document_entry(&report, &defaults());
    let foreign = cda::decode(&cda::encode(&report)).unwrap().document_entry(&report.patient.id, &defaults()).unwrap();
    assert_eq!(foreign, ours);
}

#[test]
fn samples_of_others_register_by_what_they_are() {
    let patient = PatientId::new("P0001", oid("2.999.7"));
    for (name, format) in [
        ("cda-xds-sd-pdf.xml", "urn:ihe:iti:xds-sd:pdf:2008"),
        ("drimbox-cda-pdf-body-replaced.xml", "urn:ihe:iti:xds-sd:pdf:2008"),
        ("cda-ps320-imaging-report.xml", "urn:ihe:rad:CDA:ImagingReportStructuredHeadings:2013"),
    ] {
        let Some(path) = shared(&format!("reports/{name}")) else { return };
        let read = cda::decode(&std::fs::read(path).unwrap()).unwrap();
        let entry = read.document_entry(&patient, &defaults()).unwrap();
        assert_eq!(entry.validate(), [], "{name}");
        assert_eq!(entry.format_code.code, format, "{name}");
        assert_eq!(entry.study_instance_uids().count(), 1, "{name}");
        assert_ne!(entry.source_patient_id.as_ref(), Some(&patient), "{name}: the document's own id is the source's");
    }
}
