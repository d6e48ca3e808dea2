//! Patients and merges.

use super::{read, write};
use crate::samples::*;
use model::*;
use store::{MetadataStore, PatientSearch, PatientState, Select, StoreError, StoreExt};

fn person(id: &str, name: &str, birth: &str) -> Patient {
    Patient {
        id: patient_id(id),
        other_ids: vec![PatientId::new(format!("M{id}"), oid("2.999.8"))],
        name: PersonName::from_dicom(name),
        birth_date: Dtm::parse(birth).ok(),
        sex: Some(Sex::Female),
    }
}

fn put(store: &dyn MetadataStore, patients: &[Patient]) {
    let patients = patients.to_vec();
    write(store, move |tx| patients.iter().try_for_each(|patient| tx.put_patient(patient)));
}

pub fn a_patient_is_known_once_the_feed_names_it(store: &dyn MetadataStore) {
    let entry = DocumentEntry { patient_id: patient_id("P1"), ..entry(&mut Dice(1)) };
    write(store, move |tx| tx.put_entry(&entry));
    read(store, |tx| {
        assert_eq!(tx.patient_state(&patient_id("P1"))?, PatientState::Unknown);
        assert_eq!(tx.patient(&patient_id("P1"))?, None);
        assert_eq!(tx.patients(&PatientSearch { limit: 10, ..PatientSearch::default() })?, []);
        Ok(())
    });
    let first = person("P1", "Muster^Anna", "19610412");
    put(store, std::slice::from_ref(&first));
    let second = Patient { other_ids: vec![], name: PersonName::from_dicom("Meier^Anna"), ..first.clone() };
    read(store, |tx| {
        assert_eq!(tx.patient_state(&patient_id("P1"))?, PatientState::Active);
        assert_eq!(tx.patient(&patient_id("P1"))?, Some(first.clone()));
        assert_eq!(tx.patients_with_other_id(&first.other_ids[0])?, [first.clone()]);
        Ok(())
    });
    put(store, std::slice::from_ref(&second));
    read(store, |tx| {
        assert_eq!(tx.patient(&patient_id("P1"))?, Some(second.clone()));
        assert_eq!(tx.patients_with_other_id(&first.other_ids[0])?, []);
        assert_eq!(tx.entries(Select::Patient(&patient_id("P1")))?.len(), 1);
        Ok(())
    });
}

pub fn patients_are_searched_by_start_of_name_and_id(store: &dyn MetadataStore) {
    let people = [
        person("P0001", "Muster^Anna", "19610412"),
        person("P0002", "MÜLLER^Jean", "19700102"),
        person("P0010", "Müller^Anna", "19610101"),
        Patient { id: PatientId::new("P0003", oid("2.999.77")), ..person("", "Zorn^Max", "2001") },
    ];
    put(store, &people);
    let check = |search: PatientSearch, expected: &[&str]| {
        let found = read(store, |tx| tx.patients(&PatientSearch { limit: search.limit.max(3), ..search.clone() }));
        let ids: Vec<&str> = found.iter().map(|patient| patient.id.id.as_str()).collect();
        assert_eq!(ids, expected, "{search:?}");
    };
    let some = |text: &str| Some(text.to_owned());
    let any = PatientSearch::default;
    check(PatientSearch { family: some("mü"), ..any() }, &["P0002", "P0010"]);
    check(PatientSearch { family: some("M"), given: some("ANNA"), ..any() }, &["P0001", "P0010"]);
    check(PatientSearch { id: some("P00"), ..any() }, &["P0001", "P0002", "P0003"]);
    check(PatientSearch { id: some("P001"), ..any() }, &["P0010"]);
    check(PatientSearch { id: some("P00"), birth_date: some("1961"), ..any() }, &["P0001", "P0010"]);
    check(PatientSearch { domain: some("2.999.77"), ..any() }, &["P0003"]);
    check(PatientSearch { sex: Some(Sex::Male), ..any() }, &[]);
    check(PatientSearch { id: some("%"), ..any() }, &[]);
}

pub fn a_merged_patient_is_found_under_the_survivor_only(store: &dyn MetadataStore) {
    let dice = &mut Dice(3);
    let people = ["P1", "P2", "P3"].map(|id| person(id, "Muster^Anna", "19610412"));
    put(store, &people);
    let entries: Vec<DocumentEntry> = ["P1", "P2", "P3", "P1", "P2"]
        .map(|id| DocumentEntry { patient_id: patient_id(id), document_type: DocumentType::Stable, ..entry(dice) })
        .to_vec();
    let set = SubmissionSet { patient_id: patient_id("P1"), ..submission_set(dice) };
    let (all, s) = (entries.clone(), set.clone());
    write(store, move |tx| {
        tx.put_submission_set(&s)?;
        all.iter().try_for_each(|entry| tx.put_entry(entry))
    });
    write(store, |tx| tx.merge_patients(&patient_id("P2"), &patient_id("P1")));
    write(store, |tx| tx.merge_patients(&patient_id("P3"), &patient_id("P2")));
    let survivor = patient_id("P3");
    let renamed: Vec<DocumentEntry> =
        entries.iter().rev().map(|e| DocumentEntry { patient_id: survivor.clone(), ..e.clone() }).collect();
    let query = DocumentQuery::of_patient(survivor.clone());
    read(store, |tx| {
        assert_eq!(tx.find(&query)?.entries, renamed);
        for old in ["P1", "P2"] {
            assert_eq!(tx.patient_state(&patient_id(old))?, PatientState::MergedInto(survivor.clone()));
            assert_eq!(tx.patient(&patient_id(old))?, None);
            assert_eq!(tx.find(&DocumentQuery::of_patient(patient_id(old)))?.entries, []);
        }
        assert_eq!(tx.subsumed_by(&survivor)?, [patient_id("P1"), patient_id("P2")]);
        assert_eq!(tx.entry(&entries[0].id)?.map(|e| e.patient_id), Some(survivor.clone()));
        let by_id = DocumentQuery { entry_ids: vec![entries[0].id.clone()], ..DocumentQuery::default() };
        assert_eq!(tx.find(&by_id)?.entries[0].patient_id, survivor);
        assert_eq!(tx.submission_sets(Select::Patient(&survivor))?[0].patient_id, survivor);
        Ok(())
    });
    // Pages run over the whole chain in one order.
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let paged = DocumentQuery { page: Some(Page { size: 2, after }), ..query.clone() };
        let page = read(store, |tx| tx.find(&paged));
        pages.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, renamed);
    let refused = store.write_blocking(|tx| tx.put_patient(&person("P1", "Muster^Anna", "1961")));
    assert!(matches!(refused, Err(StoreError::Refused(_))));
}

pub fn a_wrong_merge_changes_nothing(store: &dyn MetadataStore) {
    put(store, &["P1", "P2", "P3"].map(|id| person(id, "Muster^Anna", "19610412")));
    write(store, |tx| tx.merge_patients(&patient_id("P2"), &patient_id("P1")));
    for (survivor, subsumed) in [("P1", "P1"), ("P3", "P1"), ("P1", "P3"), ("P9", "P3"), ("P3", "P9")] {
        let refused = store.write_blocking(move |tx| tx.merge_patients(&patient_id(survivor), &patient_id(subsumed)));
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{survivor} {subsumed}");
    }
    read(store, |tx| {
        assert_eq!(tx.patient_state(&patient_id("P3"))?, PatientState::Active);
        assert_eq!(tx.patient_state(&patient_id("P1"))?, PatientState::MergedInto(patient_id("P2")));
        Ok(())
    });
}
