//! Patients as feeds tell of them. Source: spec/xds.md 20; ITI TF-2 3.44, PIXm 2:3.104.

use crate::bench::{Bench, wait};
use crate::samples::*;
use actors::*;
use model::*;
use store::StoreExt;

fn identity(bench: &Bench) -> PatientIdentity {
    PatientIdentity::new(bench.store.clone(), oid(DOMAIN))
}

fn feed(bench: &Bench, patient: &Patient, news: PatientNews) -> Result<(), Refusal> {
    wait(identity(bench).feed(patient, news, &bench.cx))
}

fn find(bench: &Bench, id: &str) -> Option<Patient> {
    wait(identity(bench).find(&patient_id(id), &bench.cx)).unwrap()
}

#[test]
fn an_added_patient_is_known_and_old_data_overwrite_nothing() {
    let bench = Bench::new();
    assert_eq!(find(&bench, "P1"), None);
    feed(&bench, &patient("P1", "Doe", "Jane"), PatientNews::Added).unwrap();
    feed(&bench, &patient("P1", "Stale", "Name"), PatientNews::Added).unwrap();
    assert_eq!(find(&bench, "P1"), Some(patient("P1", "Doe", "Jane")));
    assert_eq!(bench.counts().patients, 1);
}

#[test]
fn a_revision_replaces_what_was_known_and_may_be_the_first_news() {
    let bench = Bench::new();
    feed(&bench, &patient("P1", "Doe", "Jane"), PatientNews::Revised).unwrap();
    for _ in 0..2 {
        feed(&bench, &patient("P1", "Smith", "Jane"), PatientNews::Revised).unwrap();
        assert_eq!(find(&bench, "P1"), Some(patient("P1", "Smith", "Jane")));
    }
}

#[test]
fn a_patient_that_only_documents_knew_is_added() {
    let bench = Bench::new();
    let lenient = bench.registry_with(RegistryPolicy { accept_unknown_patients: true, ..crate::bench::policy() });
    wait(lenient.register(submission("2.25.1"), &bench.cx)).unwrap();
    assert_eq!(find(&bench, "P0001"), None);
    feed(&bench, &patient("P0001", "Doe", "Jane"), PatientNews::Added).unwrap();
    assert_eq!(find(&bench, "P0001"), Some(patient("P0001", "Doe", "Jane")));
    bench.accept(submission("2.25.2"));
}

#[test]
fn an_id_of_another_domain_is_refused() {
    let bench = Bench::new();
    let mut foreign = patient("P1", "Doe", "Jane");
    foreign.id.domain = oid("2.999.8");
    for news in [PatientNews::Added, PatientNews::Revised] {
        let refusal = feed(&bench, &foreign, news).unwrap_err();
        assert!(matches!(refusal.first(), Fault::InvalidMetadata(invalid) if invalid.field == "patientId"));
        assert!(!refusal.to_string().contains("P1"));
    }
    assert_eq!(bench.counts().patients, 0);
}

#[test]
fn a_patient_that_was_merged_away_is_not_fed_again() {
    let bench = Bench::with_patients();
    bench.store.write_blocking(|tx| tx.merge_patients(&patient_id("P0002"), &patient_id("P0001"))).unwrap();
    for news in [PatientNews::Added, PatientNews::Revised] {
        let refusal = feed(&bench, &patient("P0001", "Doe", "Jane"), news).unwrap_err();
        assert!(matches!(refusal.first(), Fault::InvalidMetadata(_)));
        assert!(!refusal.is_transient());
    }
    assert_eq!(find(&bench, "P0001"), None);
}

#[test]
fn patients_are_found_by_the_start_of_their_id_or_name() {
    let bench = Bench::new();
    for (id, family, given) in [
        ("P1", "Doe", "Jane"),
        ("P2", "Doe", "John"),
        ("P10", "van Dyke", "Jan"),
        ("Q1", "Ärmel", "Zoë"),
        ("D1", "Pa", "Di"),
    ] {
        feed(&bench, &patient(id, family, given), PatientNews::Added).unwrap();
    }
    let search = |text: &str, limit: usize| {
        let found = wait(identity(&bench).search(text, limit, &bench.cx)).unwrap();
        assert!(found.is_complete());
        let mut ids: Vec<String> = found.items.into_iter().map(|p| p.id.id).collect();
        ids.sort();
        ids
    };
    for (text, expected) in [
        ("", &["D1", "P1", "P10", "P2", "Q1"][..]),
        ("  ", &["D1", "P1", "P10", "P2", "Q1"]),
        ("P1", &["P1", "P10"]),
        ("P", &["D1", "P1", "P10", "P2"]),
        ("do", &["P1", "P2"]),
        ("Doe Jo", &["P2"]),
        ("DOE, Jane", &["P1"]),
        ("Doe,", &["P1", "P2"]),
        ("van", &["P10"]),
        ("van Dyke", &["P10"]),
        ("Van Dyke, Jan", &["P10"]),
        ("van Dyke Jane", &[]),
        ("ärm", &["Q1"]),
        ("x", &[]),
        ("%", &[]),
        ("p1", &[]),
    ] {
        assert_eq!(search(text, 10), expected, "{text:?}");
    }
    assert_eq!(search("", 2).len(), 2);
    assert_eq!(search("P", 3).len(), 3);
    assert_eq!(search("P", 0).len(), 0);
    search(&", ".repeat(500), 10);
}
