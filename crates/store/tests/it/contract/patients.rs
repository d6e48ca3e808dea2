//! Patients and merges.

use super::{read, write};
use crate::samples::*;
use model::*;
use store::{MetadataStore, PatientState, Select, StoreError, StoreExt};

fn person(id: &str, name: &str, birth: &str) -> Patient {
    Patient {
        id: patient_id(id),
        other_ids: vec![PatientId::new(format!("M{id}"), oid("2.999.8"))],
        name: PersonName::from_dicom(name),
        birth_date: Dtm::parse(birth).ok(),
        sex: Some(Sex::Female),
        details: Default::default(),
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
        assert_eq!(tx.find_patients(&PatientQuery::default())?.patients, []);
        Ok(())
    });
    let first = person("P1", "Muster^Anna", "19610412");
    put(store, std::slice::from_ref(&first));
    let second = Patient { other_ids: vec![], name: PersonName::from_dicom("Meier^Anna"), ..first.clone() };
    read(store, |tx| {
        assert_eq!(tx.patient_state(&patient_id("P1"))?, PatientState::Active);
        assert_eq!(tx.patient(&patient_id("P1"))?, Some(first.clone()));
        assert_eq!(tx.find_patients(&PatientQuery::of_id(first.other_ids[0].clone()))?.patients, [first.clone()]);
        Ok(())
    });
    put(store, std::slice::from_ref(&second));
    read(store, |tx| {
        assert_eq!(tx.patient(&patient_id("P1"))?, Some(second.clone()));
        assert_eq!(tx.find_patients(&PatientQuery::of_id(first.other_ids[0].clone()))?.patients, []);
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
    let check = |text: &str, expected: &[&str]| {
        let query = PatientQuery { begins: vec![text.to_owned()], ..PatientQuery::default() };
        let found = read(store, |tx| tx.find_patients(&query)).patients;
        let ids: Vec<&str> = found.iter().map(|patient| patient.id.id.as_str()).collect();
        assert_eq!(ids, expected, "{text:?}");
    };
    check("mu", &["P0001", "P0002", "P0010"]);
    check("mül", &["P0002", "P0010"]);
    check("MULLER, anna", &["P0010"]);
    check("M ANNA", &["P0001", "P0010"]);
    check("P00", &["P0001", "P0002", "P0010", "P0003"]);
    check("P001", &["P0010"]);
    check(" ", &["P0001", "P0002", "P0010", "P0003"]);
    check("%", &[]);
    // With another criterion, and by the years that a date may lie in.
    let found = |query: PatientQuery| {
        let found = read(store, |tx| tx.find_patients(&query)).patients;
        found.into_iter().map(|patient| patient.id.id).collect::<Vec<_>>()
    };
    let begins = vec!["P00".to_owned()];
    let family = vec![vec![TextTerm::new(TextMode::Start, "Mul")]];
    assert_eq!(found(PatientQuery { begins, family, ..PatientQuery::default() }), ["P0002", "P0010"]);
    let overlaps = vec![vec![BirthDateTerm::Overlaps(20010601000000, 20010602000000)]];
    assert_eq!(found(PatientQuery { birth_date: overlaps, ..PatientQuery::default() }), ["P0003"]);
    let between = [BirthDateTerm::From(19610201000000), BirthDateTerm::Before(19700103000000)];
    let between = between.map(|term| vec![term]).to_vec();
    assert_eq!(found(PatientQuery { birth_date: between, ..PatientQuery::default() }), ["P0001", "P0002"]);
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

pub fn a_search_means_what_the_query_says_page_by_page(store: &dyn MetadataStore) {
    let mut dice = Dice(11);
    let mut known: Vec<Patient> = Vec::new();
    for number in 0..120 {
        let id =
            PatientId::new(format!("P{}", number % 100), oid(if number % 3 == 0 { "2.999.77" } else { "2.999.7" }));
        let patient = Patient { id, ..detailed_patient(&mut dice) };
        put(store, std::slice::from_ref(&patient));
        match known.iter_mut().find(|p| p.id == patient.id) {
            Some(before) => *before = patient,
            None => known.push(patient),
        }
    }
    let mut answered = 0;
    for _ in 0..1500 {
        let query = patient_query(&mut dice);
        let wanted: Vec<&Patient> = known.iter().filter(|p| query.matches(p)).collect();
        match store.read_blocking(|tx| tx.find_patients(&query)) {
            Ok(all) => {
                assert!(all.patients.iter().eq(wanted.iter().copied()), "{query:?}");
                assert_eq!((all.total, all.next), (Some(wanted.len()), None));
            }
            Err(StoreError::TooMany { limit }) => assert!(wanted.len() > limit),
            Err(error) => panic!("{error}"),
        }
        answered += usize::from(!wanted.is_empty() && wanted.len() < known.len());
        let size = 1 + dice.below(20);
        let page = |size, after| PatientQuery { page: Some(Page { size, after }), ..query.clone() };
        let count = read(store, |tx| tx.find_patients(&page(0, None)));
        assert_eq!((count.total, count.patients.len()), (Some(wanted.len()), 0));
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let found = read(store, |tx| tx.find_patients(&page(size, after.clone())));
            assert!(found.patients.len() <= size && found.total.is_none_or(|total| total == wanted.len()));
            pages.extend(found.patients);
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        assert!(pages.iter().eq(wanted.iter().copied()), "{query:?}: {} of {}", pages.len(), wanted.len());
    }
    assert!(answered > 300, "the queries say something: {answered}");
    let bad = PatientQuery { page: Some(Page { size: 1, after: Some("x".to_owned()) }), ..PatientQuery::default() };
    assert_eq!(store.read_blocking(|tx| tx.find_patients(&bad)), Err(StoreError::BadPage));
}

pub fn a_removed_patient_is_unknown_until_it_is_fed_again(store: &dyn MetadataStore) {
    let people = ["P1", "P2"].map(|id| person(id, "Muster^Anna", "19610412"));
    put(store, &people);
    let entry =
        DocumentEntry { patient_id: patient_id("P1"), document_type: DocumentType::Stable, ..entry(&mut Dice(1)) };
    let kept = entry.clone();
    write(store, move |tx| tx.put_entry(&entry));
    write(store, |tx| tx.merge_patients(&patient_id("P1"), &patient_id("P2")));
    let remove = |id: &'static str| store.write_blocking(move |tx| tx.remove_patient(&patient_id(id))).unwrap();
    assert_eq!([remove("P2"), remove("P9"), remove("P1"), remove("P1")], [false, false, true, false]);
    read(store, |tx| {
        assert_eq!(tx.patient_state(&patient_id("P1"))?, PatientState::Unknown);
        assert_eq!(tx.patient_state(&patient_id("P2"))?, PatientState::MergedInto(patient_id("P1")));
        assert_eq!(tx.patient(&patient_id("P1"))?, None);
        let other = people[0].other_ids[0].clone();
        for query in [PatientQuery::of_id(patient_id("P1")), PatientQuery::of_id(other), PatientQuery::default()] {
            assert_eq!(tx.find_patients(&query)?.patients, []);
        }
        assert_eq!(tx.entries(Select::Patient(&patient_id("P1")))?, [kept.clone()]);
        Ok(())
    });
    put(store, &people[..1]);
    assert_eq!(read(store, |tx| tx.patient(&patient_id("P1"))), Some(people[0].clone()));
}

pub fn a_domain_stays_known(store: &dyn MetadataStore) {
    assert_eq!(read(store, |tx| tx.patient_domains()), []);
    put(store, &[person("P1", "Muster^Anna", "19610412")]);
    write(store, |tx| tx.remove_patient(&patient_id("P1")).map(|_| ()));
    assert_eq!(read(store, |tx| tx.patient_domains()), [oid("2.999.7"), oid("2.999.8")]);
}
