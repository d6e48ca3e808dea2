//! The documents we write: schema, goldens, the PDF inside, and that they read back as what they were made of.

use crate::support::*;
use hl7v3::cda::{self, Content, Relation, Wrapping};
use model::*;

#[track_caller]
fn check_valid(report: &Report, wrapping: &Wrapping) -> Vec<u8> {
    let bytes = cda::encode_with(report, wrapping);
    if let Some(schema) = shared("reports/schema/infrastructure/cda/CDA.xsd") {
        check_schema(&schema, &without(&bytes, cda::DICOM_NAMESPACE));
    }
    for element in parse(&bytes).root().descendants() {
        for attribute in element.attributes() {
            assert!(!attribute.value.is_empty(), "{}/@{} is empty (B-056)", element.path(), attribute.name);
        }
    }
    bytes
}

fn wrapping() -> Wrapping {
    Wrapping {
        device: Some(oid("2.999.1.9")),
        country: Some("CHE".into()),
        template_ids: vec![oid("2.999.1.10")],
        study_codes: vec![(
            StudyInstanceUid::parse("2.25.7301.1").unwrap(),
            vec![
                Code::new("CT", "DCM", "Computed Tomography"),
                Code::new("67734004", schemes::SNOMED_CT, "Upper trunk"),
            ],
        )],
        ..Wrapping::default()
    }
}

#[test]
fn a_full_report_is_valid_and_stays_as_it_is() {
    check_golden("report.xml", &check_valid(&report(), &wrapping()));
}

#[test]
fn a_report_of_which_little_is_known_is_valid() {
    let mut report = report();
    report.title = " ".into();
    report.replaces = None;
    report.version = 1;
    report.patient.other_ids.clear();
    report.patient.name = PersonName::default();
    report.patient.birth_date = None;
    report.patient.sex = Some(Sex::Unknown);
    report.author = None;
    report.legal_authenticator = None;
    report.institution = Xon::parse("Example Hospital").unwrap();
    report.studies.clear();
    report.orders = vec![Order::default()];
    report.language = String::new();
    report.content = ReportContent::Text("Nodule < 4 mm, stable.\r\nNo \u{1} change.".into());
    check_golden("report-little.xml", &check_valid(&report, &Wrapping::default()));
    report.orders.clear();
    check_valid(&report, &Wrapping::default());
}

#[test]
fn whatever_a_source_wrote_the_document_is_valid() {
    let mut report = report();
    report.unique_id = UniqueId::parse("urn:uuid:22A0F9E0-4454-11dc-a6be-3603d6866807").unwrap();
    report.set_id = UniqueId::parse("https://ris.example/report/7?a=<b>").unwrap();
    report.title = "a\u{b}b\u{1f}".into();
    report.patient.name.family = "\u{2}".into();
    report.patient.birth_date = Some(dtm("197001011200"));
    report.patient.sex = Some(Sex::Other);
    report.language = "de CH".into();
    report.author = Some(Xcn::parse("^Smith&van&&").unwrap());
    report.institution = Xon::parse("A & B^^^^^^^^^2.999.3").unwrap();
    report.effective_time = dtm("2025");
    report.orders[0].placer_issuer = None;
    report.orders[0].accession_number = "<cr>\u{1}".into();
    for (code, scheme) in [("CT CHEST", "99EXH"), ("", "99EXH"), ("CT", "99 EXH"), ("CT", ""), ("1", "urn:oid:2.999.5")]
    {
        report.kind = Code::new(code, scheme, "");
        report.studies[0].procedure = Some(Code::new(code, scheme, "words"));
        check_valid(&report, &Wrapping { model_name: String::new(), ..wrapping() });
    }
}

#[test]
fn the_pdf_comes_out_as_it_went_in() {
    for length in [0usize, 1, 2, 3, 1000, 1 << 20] {
        let mut pdf = PDF.to_vec();
        pdf.extend((0..length).map(|i| (i * 31 % 256) as u8));
        let mut report = report();
        report.content = ReportContent::Pdf(pdf.clone());
        let read = cda::decode(&cda::encode(&report)).unwrap();
        assert_eq!(read.content, Content::NonXml { media_type: "application/pdf".into(), bytes: pdf.clone() });
        assert_eq!(read.pdf(), Some(pdf.as_slice()));
    }
}

#[test]
fn a_report_reads_back_as_what_it_was_made_of() {
    let report = report();
    let read = cda::decode(&check_valid(&report, &wrapping())).unwrap();
    assert_eq!(read.template_ids, ["1.3.6.1.4.1.19376.1.2.20", "2.999.1.10"]);
    assert_eq!(read.unique_id.as_ref(), Some(&report.unique_id));
    assert_eq!((read.set_id.as_ref(), read.version), (Some(&report.set_id), Some(2)));
    assert_eq!(read.related.len(), 1);
    assert_eq!(read.related[0].relation, Relation::Replaces);
    assert_eq!(Some(&read.related[0].unique_id), report.replaces.as_ref());
    assert_eq!(read.title.as_ref(), Some(&report.title));
    assert_eq!(read.kind.as_ref(), Some(&report.kind));
    assert_eq!(read.effective_time.as_ref(), Some(&report.effective_time));
    assert_eq!(read.confidentiality.as_ref(), Some(&report.confidentiality));
    assert_eq!(read.language.as_deref(), Some("en"));
    assert_eq!(read.patient_ids, [report.patient.id.clone(), report.patient.other_ids[0].clone()]);
    assert!(read.patient_name == report.patient.name);
    assert_eq!((read.birth_date.as_ref(), read.sex), (report.patient.birth_date.as_ref(), report.patient.sex));
    assert_eq!(read.authors.len(), 1, "the scanner is no author");
    assert_eq!(read.authors[0].person, report.author);
    assert_eq!(read.authors[0].institutions, std::slice::from_ref(&report.institution));
    assert_eq!(read.custodian.as_ref(), Some(&report.institution));
    assert_eq!(read.legal_authenticator, report.legal_authenticator);
    assert_eq!(read.orders, report.orders);
    assert_eq!(read.studies.len(), 2);
    for (read, written) in read.studies.iter().zip(&report.studies) {
        assert_eq!(read.study.as_ref(), Some(&written.study));
        assert_eq!(read.procedure, written.procedure);
        assert_eq!((&read.start, &read.stop), (&written.start, &written.stop));
        assert_eq!(read.performer.as_ref(), Some(&report.institution));
    }
    let translations: Vec<_> = read.studies[0].translations.iter().map(|c| (&*c.code, &*c.scheme)).collect();
    assert_eq!(translations, [("CT", schemes::DCM), ("67734004", schemes::SNOMED_CT)]);
    assert!(cda::findings(&report).iter().all(|f| f.field == "order.accessionNumber"));
}

#[test]
fn a_study_uid_that_the_schema_refuses_is_left_out_and_reported() {
    let mut report = report();
    report.studies = vec![study("2.25.01.7")];
    let read = cda::decode(&check_valid(&report, &Wrapping::default())).unwrap();
    assert_eq!(read.studies.len(), 1);
    assert_eq!(read.studies[0].study, None);
    assert!(cda::findings(&report).iter().any(|f| f.field == "serviceEvent.id"));
}

#[test]
fn a_text_report_is_a_text_body_with_its_line_ends() {
    let text = "Größe: 4 mm\r\n\tstable\n";
    let mut report = report();
    report.content = ReportContent::Text(text.into());
    let read = cda::decode(&check_valid(&report, &Wrapping::default())).unwrap();
    assert_eq!(read.text().as_deref(), Some(text));
    assert_eq!(read.pdf(), None);
}
