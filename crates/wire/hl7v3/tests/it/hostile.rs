//! Properties: any text comes back, any bytes are survived.

use crate::support::*;
use hl7v3::{cda, pdf, prpa};
use model::*;
use proptest::prelude::*;

/// What a reader may see of a text: XML cannot carry some characters, and HL7 v3 has no outer white space.
fn carried(text: &str) -> String {
    let illegal = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    text.trim().replace(illegal, "").trim().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_the_header_comes_back(title in any::<String>(), family in any::<String>(), number in any::<String>()) {
        let mut report = report();
        report.title = title.clone();
        report.patient.name = PersonName { family: family.clone(), given: "G".into(), ..PersonName::default() };
        report.orders[0].accession_number = number.clone();
        let bytes = cda::encode(&report);
        let read = cda::decode(&bytes).unwrap();
        prop_assert_eq!(read.title.unwrap_or_default(), carried(&title));
        prop_assert_eq!(read.patient_name.family, carried(&family));
        prop_assert_eq!(&read.orders[0].accession_number, &carried(&number));
    }

    #[test]
    fn any_patient_survives_a_feed(id in "\\PC{1,20}", family in any::<String>()) {
        prop_assume!(!carried(&id).is_empty());
        let mut patient = report().patient;
        patient.id.id = carried(&id);
        patient.name.family = carried(&family);
        let transmission = prpa::Transmission {
            id: hl7v3::InstanceId::root("2.999.1"),
            creation_time: dtm("20250101"),
            sender: oid("2.999.2"),
            receiver: oid("2.999.3"),
        };
        let bytes = prpa::encode_add(&patient, &transmission);
        let feed = prpa::decode(&parse(&bytes).root()).unwrap();
        prop_assert!(feed.patient(&patient.id.domain) == Some(patient));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = cda::decode(&bytes);
        let _ = pdf::check(&bytes);
        let mut whole = b"%PDF-1.7\n".to_vec();
        whole.extend(&bytes);
        whole.extend(b"/Type/XRef startxref %%EOF");
        prop_assert!(pdf::check(&whole).is_ok());
    }

    #[test]
    fn a_document_cut_or_changed_anywhere_is_survived(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = cda::encode(&report());
        let at = at.index(bytes.len());
        let _ = cda::decode(&bytes[..at]);
        bytes[at] = byte;
        let _ = cda::decode(&bytes);
    }
}

#[test]
fn a_pdf_of_nothing_but_stream_keywords_takes_one_pass() {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    bytes.extend(b"stream\n".repeat(300_000));
    bytes.extend(b"trailer startxref 0 %%EOF");
    assert!(pdf::check(&bytes).is_ok());
}

#[test]
fn the_sample_pdf_is_one_page_and_harmless() {
    let Some(path) = shared("reports/tiny-report.pdf") else { return };
    let facts = pdf::check(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!((facts.version.as_str(), facts.pages_estimate, facts.encrypted), ("1.4", 1, false));
    assert_eq!(facts.active_content, []);
}

#[test]
fn a_deep_document_is_refused_and_a_long_flat_one_is_read_once() {
    let deep = format!("<ClinicalDocument xmlns='urn:hl7-org:v3'>{}", "<a>".repeat(100_000));
    assert!(cda::decode(deep.as_bytes()).is_err());
    let text = "<content>&amp;</content>x &lt; ".repeat(20_000);
    let body =
        format!("<structuredBody><component><section><text>{text}</text></section></component></structuredBody>");
    let flat = format!("<ClinicalDocument xmlns='urn:hl7-org:v3'><component>{body}</component></ClinicalDocument>");
    assert!(cda::decode(flat.as_bytes()).is_ok());
}
