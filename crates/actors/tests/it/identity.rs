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
fn no_patient_takes_the_identifier_of_another() {
    let bench = Bench::new();
    let at = |domain: &str, id: &str| PatientId::new(id, oid(domain));
    let with = |id: &str, others: &[PatientId]| Patient { other_ids: others.to_vec(), ..patient(id, "Doe", "Jane") };
    let hospital = at("2.999.8", "H1");
    feed(&bench, &with("A1", std::slice::from_ref(&hospital)), PatientNews::Added).unwrap();
    feed(&bench, &with("A2", &[]), PatientNews::Added).unwrap();
    for (taking, domain) in [(patient_id("A2"), DOMAIN), (patient_id("NEW"), DOMAIN)] {
        let refusal = feed(&bench, &with("A1", &[hospital.clone(), taking]), PatientNews::Revised).unwrap_err();
        assert!(refusal.to_string().contains(&format!("one identifier of {domain}")), "{refusal}");
    }
    let refusal = feed(&bench, &with("A2", std::slice::from_ref(&hospital)), PatientNews::Revised).unwrap_err();
    let text = refusal.to_string();
    assert!(text.contains("2.999.8") && !text.contains("H1") && !text.contains("A1"), "{text}");
    assert_eq!(find(&bench, "A1"), Some(with("A1", std::slice::from_ref(&hospital))));
    assert_eq!(find(&bench, "A2"), Some(with("A2", &[])));
    // Once it is taken away there, and once the two are one, it is free.
    wait(identity(&bench).remove(&hospital, &bench.cx)).unwrap();
    feed(&bench, &with("A2", std::slice::from_ref(&hospital)), PatientNews::Revised).unwrap();
    merge(&bench, "A1", "A2").unwrap();
    feed(&bench, &with("A1", &[patient_id("A2"), hospital.clone()]), PatientNews::Revised).unwrap();
    assert_eq!(find(&bench, "A1"), Some(with("A1", &[hospital])));
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

fn merge(bench: &Bench, survivor: &str, subsumed: &str) -> Result<(), Refusal> {
    wait(identity(bench).merge(&patient(survivor, "Doe", "Jane"), &patient_id(subsumed), &bench.cx))
}

fn documents(bench: &Bench, id: &str) -> Vec<DocumentEntry> {
    wait(bench.registry().find(&DocumentQuery::of_patient(patient_id(id)), &bench.cx)).unwrap().items
}

#[test]
fn a_chain_of_merges_brings_every_document_to_the_survivor() {
    let bench = Bench::new();
    for (n, id) in ["P1", "P2", "P3"].into_iter().enumerate() {
        feed(&bench, &patient(id, "Doe", "Jane"), PatientNews::Added).unwrap();
        bench.accept(of_patient(submission(&format!("2.25.{n}")), id));
    }
    let sources: Vec<_> =
        documents(&bench, "P1").into_iter().map(|e| (e.source_patient_id, e.source_patient_info)).collect();
    merge(&bench, "P2", "P1").unwrap();
    merge(&bench, "P3", "P2").unwrap();
    let found = documents(&bench, "P3");
    assert_eq!(found.iter().map(|e| e.unique_id.as_str()).collect::<Vec<_>>(), ["2.25.2", "2.25.1", "2.25.0"]);
    assert!(found.iter().all(|e| e.patient_id == patient_id("P3")));
    let first = &found[2];
    assert_eq!(vec![(first.source_patient_id.clone(), first.source_patient_info.clone())], sources);
    for gone in ["P1", "P2"] {
        assert!(documents(&bench, gone).is_empty());
        assert!(find(&bench, gone).is_none());
        assert_eq!(bench.refuse(of_patient(submission("2.25.9"), gone)), [Fault::UnknownPatient(patient_id(gone))]);
        assert!(feed(&bench, &patient(gone, "Doe", "Jane"), PatientNews::Revised).is_err());
    }
    // By id and by association the survivor's objects are the survivor's too.
    let by_id = DocumentQuery { entry_ids: vec![first.id.clone()], ..DocumentQuery::default() };
    assert_eq!(wait(bench.registry().find(&by_id, &bench.cx)).unwrap().items[0].patient_id, patient_id("P3"));
    bench.accept(of_patient(related("2.25.10", AssociationType::Rplc, &first.id), "P3"));
}

#[test]
fn a_merge_that_breaks_a_rule_is_refused_and_changes_nothing() {
    let bench = Bench::new();
    for id in ["P1", "P2", "P3"] {
        feed(&bench, &patient(id, "Doe", "Jane"), PatientNews::Added).unwrap();
        bench.accept(of_patient(submission(&format!("2.25.{}", &id[1..])), id));
    }
    let lenient = bench.registry_with(RegistryPolicy { accept_unknown_patients: true, ..crate::bench::policy() });
    wait(lenient.register(of_patient(submission("2.25.4"), "P4"), &bench.cx)).unwrap();
    merge(&bench, "P2", "P1").unwrap();
    let into = |id: &str| wait(identity(&bench).survivor(&patient_id(id), &bench.cx)).unwrap();
    assert_eq!((into("P1"), into("P2"), into("P9")), (Some(patient_id("P2")), None, None));
    let state = || ["P1", "P2", "P3", "P4", "P9"].map(|id| (find(&bench, id), documents(&bench, id).len()));
    let before = state();
    for (survivor, subsumed, field) in [
        ("P3", "P3", SUBSUMED),
        ("P9", "P9", SUBSUMED),
        // Subsumed already, by the same or another.
        ("P2", "P1", SUBSUMED),
        ("P3", "P1", SUBSUMED),
        // A circle.
        ("P1", "P2", SURVIVOR),
        ("P1", "P3", SURVIVOR),
        // Nobody fed it; documents alone make no patient.
        ("P3", "P9", SUBSUMED),
        ("P3", "P4", SUBSUMED),
    ] {
        let refusal = merge(&bench, survivor, subsumed).unwrap_err();
        assert!(!refusal.is_transient() && !refusal.to_string().contains(subsumed), "{refusal}");
        assert!(
            matches!(refusal.first(), Fault::InvalidMetadata(invalid) if invalid.field == field),
            "{survivor} {subsumed}"
        );
        assert!(state() == before, "{survivor} {subsumed}");
    }
    let foreign = |id: &str| Patient { id: PatientId::new(id, oid("2.999.8")), ..patient(id, "Doe", "Jane") };
    let id = identity(&bench);
    for (survivor, subsumed, field) in [
        (foreign("P2"), patient_id("P3"), SURVIVOR),
        (patient("P2", "Doe", "Jane"), foreign("P3").id, SUBSUMED),
        (foreign("P2"), foreign("P3").id, SURVIVOR),
    ] {
        let refusal = wait(id.merge(&survivor, &subsumed, &bench.cx)).unwrap_err();
        assert!(matches!(refusal.first(), Fault::InvalidMetadata(invalid) if invalid.field == field), "{refusal}");
        assert!(refusal.to_string().contains("2.999.8") && state() == before);
    }
}

#[test]
fn a_survivor_that_nobody_named_is_known_as_the_merge_gives_it() {
    let bench = Bench::new();
    feed(&bench, &patient("P1", "Doe", "Jane"), PatientNews::Added).unwrap();
    feed(&bench, &patient("P3", "Known", "Before"), PatientNews::Added).unwrap();
    merge(&bench, "P2", "P1").unwrap();
    assert_eq!(find(&bench, "P2"), Some(patient("P2", "Doe", "Jane")));
    merge(&bench, "P3", "P2").unwrap();
    assert_eq!(find(&bench, "P3"), Some(patient("P3", "Known", "Before")));
}

fn other(id: &str, domain: &str) -> PatientId {
    PatientId::new(id, oid(domain))
}

#[test]
fn identifiers_of_other_domains_add_up_and_a_merge_carries_them() {
    let bench = Bench::new();
    let with = |id: &str, family: &str, others: &[PatientId]| Patient {
        other_ids: others.to_vec(),
        ..patient(id, family, "Jane")
    };
    let (a1, a2, b1, c1) =
        (other("A1", "2.999.8"), other("A2", "2.999.8"), other("B1", "2.999.9"), other("C1", "2.999.10"));
    feed(&bench, &with("P1", "Doe", std::slice::from_ref(&a1)), PatientNews::Added).unwrap();
    feed(&bench, &with("P1", "Stale", std::slice::from_ref(&b1)), PatientNews::Added).unwrap();
    assert_eq!(find(&bench, "P1"), Some(with("P1", "Doe", &[a1.clone(), b1.clone()])));
    feed(&bench, &with("P1", "Smith", std::slice::from_ref(&a2)), PatientNews::Revised).unwrap();
    assert_eq!(find(&bench, "P1"), Some(with("P1", "Smith", &[a2.clone(), b1.clone()])));
    feed(&bench, &with("P2", "Smith", std::slice::from_ref(&c1)), PatientNews::Added).unwrap();
    let identity = identity(&bench);
    wait(identity.merge(&patient("P2", "x", "y"), &patient_id("P1"), &bench.cx)).unwrap();
    assert_eq!(find(&bench, "P2"), Some(with("P2", "Smith", &[c1, a2.clone(), b1])));
    let domains = wait(identity.domains(&bench.cx)).unwrap();
    assert!(["2.999.8", "2.999.9", "2.999.10", DOMAIN].into_iter().all(|d| domains.contains(&oid(d))));
    assert!(wait(identity.remove(&a2, &bench.cx)).unwrap());
    assert!(!wait(identity.remove(&a1, &bench.cx)).unwrap());
    assert!(wait(identity.query(&PatientQuery::of_id(a2), &bench.cx)).unwrap().items.is_empty());
}

#[test]
fn a_removed_patient_is_known_again_when_it_is_fed_again() {
    let bench = Bench::new();
    for _ in 0..2 {
        feed(&bench, &patient("P1", "Doe", "Jane"), PatientNews::Added).unwrap();
        assert!(wait(identity(&bench).remove(&patient_id("P1"), &bench.cx)).unwrap());
        assert_eq!(find(&bench, "P1"), None);
    }
    assert!(!wait(identity(&bench).remove(&patient_id("P1"), &bench.cx)).unwrap());
}

#[test]
fn a_match_is_scored_by_what_agrees() {
    let bench = Bench::new();
    let a1 = other("A1", "2.999.8");
    let jane = Patient { other_ids: vec![a1.clone()], ..patient("P1", "Müller", "Jane") };
    let twin = Patient { birth_date: Dtm::parse("19700202").ok(), ..patient("P2", "Muller", "Jane") };
    let far = Patient { birth_date: Dtm::parse("19330303").ok(), ..patient("P3", "Zorn", "Max") };
    for known in [&jane, &twin, &far] {
        feed(&bench, known, PatientNews::Added).unwrap();
    }
    let asked = Description {
        name: PersonName { family: "muller".into(), given: "J".into(), ..PersonName::default() },
        birth_date: Dtm::parse("19700102").ok(),
        sex: Some(Sex::Female),
        ..Description::default()
    };
    let check = |asked: &Description, expected: &[(&str, u32, MatchGrade)]| {
        let found = wait(matches(&identity(&bench), asked, &bench.cx)).unwrap().items;
        let got: Vec<_> = found.iter().map(|m| (m.patient.id.id.as_str(), m.thousandths, m.grade)).collect();
        assert_eq!(got, expected);
    };
    // (20 + 20 + 12 * 0.7 + 4) / 56, and half of the birth date for the other one.
    check(&asked, &[("P1", 935, MatchGrade::Probable), ("P2", 757, MatchGrade::Possible)]);
    let ids = vec![a1];
    check(
        &Description { ids: ids.clone(), ..asked.clone() },
        &[("P1", 962, MatchGrade::Certain), ("P2", 757, MatchGrade::Possible)],
    );
    check(&Description { ids, ..Description::default() }, &[("P1", 1000, MatchGrade::Certain)]);
    // Another number in the same domain speaks against it.
    let wrong = Description { ids: vec![other("A7", "2.999.8")], ..asked };
    check(&wrong, &[("P2", 757, MatchGrade::Possible), ("P1", 545, MatchGrade::Possible)]);
    assert!(Description { sex: Some(Sex::Male), ..Description::default() }.leads_nowhere());
}
