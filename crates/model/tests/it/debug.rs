//! Logs print Debug: nothing that tells who a patient is may be in it.

use crate::samples::{entry, manifest, oid, patient, submission};
use model::*;
use std::fmt::Debug;

/// Values that occur nowhere else.
const SECRETS: [&str; 7] = ["Xsecret", "19330303", "Yhidden", "Zaccession", "Worder", "Vnumber", "Ustreet"];

fn check(name: &str, value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{name} prints {secret}: {text}");
        }
    }
}

fn name() -> PersonName {
    PersonName { family: "Xsecret".into(), given: "Yhidden".into(), ..PersonName::default() }
}

fn someone() -> Patient {
    Patient {
        id: patient("Vnumber"),
        other_ids: vec![PatientId::new("Vnumber", oid("2.999.9"))],
        name: name(),
        birth_date: Some(Dtm::parse("19330303").unwrap()),
        sex: Some(Sex::Other),
        details: PatientDetails {
            addresses: vec![Address { city: "Ustreet".into(), ..Address::default() }],
            telecoms: vec![Telecom { system: TelecomSystem::Phone, usage: None, value: "Vnumber".into() }],
            mothers_maiden_name: "Xsecret".into(),
        },
    }
}

fn order() -> Order {
    Order {
        accession_number: "Zaccession".into(),
        accession_issuer: Some(oid("2.999.8")),
        placer_order_number: "Worder".into(),
        placer_issuer: None,
    }
}

fn source_info() -> SourcePatientInfo {
    let mut info = SourcePatientInfo::of(&[patient("Vnumber")], &name(), Some(&Dtm::parse("19330303").unwrap()), None);
    info.0.push("PID-11|Ustreet".into());
    info
}

#[test]
fn no_patient_is_printed() {
    check("PatientId", &patient("Vnumber"));
    check("Patient", &someone());
    check("PatientDetails", &(&someone().details, &someone().details.addresses, &someone().details.telecoms));
    let term = || vec![vec![TextTerm::new(TextMode::Exact, "Xsecret")]];
    let ids = vec![vec![PatientIdTerm::Exact(patient("Vnumber")), PatientIdTerm::AnyDomain("Vnumber".into())]];
    let telecom = vec![vec![TelecomTerm { system: None, value: Some("Vnumber".into()) }]];
    check("PatientQuery", &PatientQuery { ids, family: term(), telecom, ..PatientQuery::default() });
    check("PersonName", &name());
    check("SourcePatientInfo", &source_info());
    check("Order", &order());
    check("Xcn", &Xcn::from_name("Xsecret", "Yhidden"));
    check("Invalid", &Invalid::new("PID-5", "must be something", "Xsecret").on("doc"));
    let mut document = entry("doc");
    document.patient_id = patient("Vnumber");
    document.source_patient_id = Some(patient("Vnumber"));
    document.source_patient_info = source_info();
    check("DocumentEntry", &document);
    let mut whole = submission();
    whole.set.patient_id = patient("Vnumber");
    whole.folders[0].patient_id = patient("Vnumber");
    whole.entries = vec![document];
    check("Submission", &whole);
    check("DocumentQuery", &DocumentQuery::of_patient(patient("Vnumber")));
}

#[test]
fn no_patient_is_printed_with_a_manifest() {
    let mut manifest = manifest();
    manifest.patient_id = Some(patient("Vnumber"));
    manifest.patient_id_text = "Vnumber".into();
    manifest.other_patient_ids = vec![patient("Vnumber")];
    manifest.patient_name = name();
    manifest.birth_date = Some("19330303".into());
    manifest.referring_physician = Some("Xsecret".into());
    manifest.orders = vec![order()];
    check("Manifest", &manifest);
}

#[test]
fn no_patient_is_printed_with_a_report() {
    let report = Report {
        unique_id: UniqueId::parse("2.25.5").unwrap(),
        set_id: UniqueId::parse("2.25.6").unwrap(),
        version: 1,
        replaces: None,
        patient: someone(),
        title: "CT report".into(),
        kind: Code::new("18748-4", schemes::LOINC, ""),
        confidentiality: Code::new("N", schemes::CONFIDENTIALITY, ""),
        language: "en".into(),
        effective_time: Dtm::parse("2025").unwrap(),
        author: Some(Xcn::from_name("Xsecret", "")),
        institution: Xon::parse("North").unwrap(),
        legal_authenticator: Some(Xcn::from_name("Xsecret", "")),
        studies: Vec::new(),
        orders: vec![order()],
        content: ReportContent::Text("Xsecret Yhidden".into()),
    };
    check("Report", &report);
    check("Pdf", &ReportContent::Pdf(b"Xsecret".to_vec()));
}

#[test]
fn a_reference_shows_its_type_and_not_its_number() {
    let accession = ReferenceId::accession("Zaccession", Some(oid("2.999.8")));
    check("ReferenceId", &accession);
    check("ReferenceTerm::Exact", &ReferenceTerm::Exact(accession.clone()));
    check("ReferenceTerm::Like", &ReferenceTerm::Like("Zaccession%".into()));
    let parts = ReferenceTerm::Parts { id: Some("Zaccession".into()), authority: None, kind: None };
    check("ReferenceTerm::Parts", &parts);
    assert!(format!("{accession:?}").contains("accession"));
}

#[test]
fn a_finding_cuts_long_values_and_tells_them_only_to_whom_it_may() {
    let finding = Invalid::new("title", "is too long", "ä".repeat(500)).within("DocumentEntry").on("doc");
    assert_eq!(finding.value.chars().count(), 80);
    assert_eq!(finding.field, "DocumentEntry.title");
    assert!(finding.to_string().starts_with("doc: DocumentEntry.title is too long; got `ä"));
    assert_eq!(Invalid::new("", "x", "").within("hash").field, "hash");
}
