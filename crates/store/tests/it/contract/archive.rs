//! Instances and studies.

use super::{read, write};
use crate::samples::*;
use model::*;
use store::*;

fn instance(in_study: &str, in_series: &str, uid: &str, received_at: i64) -> StoredInstance {
    let content = format!("{in_study} {in_series} {uid}");
    StoredInstance {
        study: study(in_study),
        series: series(in_series),
        instance: sop(uid),
        sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
        transfer_syntax: TransferSyntaxUid::parse("1.2.840.10008.1.2.1").unwrap(),
        file: format!("ab/{in_study}/{uid}.dcm"),
        size_octets: 10,
        sha256: Sha256::of(content.as_bytes()),
        header: vec![1, 2, 3],
        patient_id: "P1".to_owned(),
        patient_issuer: "2.999.7".to_owned(),
        received_at,
        calling_ae: "CT1".to_owned(),
        held: None,
    }
}

fn add(store: &dyn MetadataStore, instance: &StoredInstance) -> Result<Put, StoreError> {
    let instance = instance.clone();
    store.write_blocking(move |tx| tx.add_instance(&instance))
}

fn due(store: &dyn MetadataStore, quiet_before: i64, changed_before: i64) -> Vec<String> {
    let studies = read(store, |tx| tx.studies(StudySelect::Due { quiet_before, changed_before }, 10));
    studies.iter().map(|state| state.study.as_str().to_owned()).collect()
}

pub fn the_same_instance_again_is_no_news_and_other_bytes_are_refused(store: &dyn MetadataStore) {
    let first = instance("2.25.1", "2.25.1.1", "2.25.1.1.1", 100);
    assert_eq!(add(store, &first), Ok(Put::Added));
    let before = read(store, |tx| tx.study(&first.study)).unwrap();
    assert_eq!(add(store, &StoredInstance { received_at: 200, ..first.clone() }), Ok(Put::AlreadyThere));
    let other = StoredInstance { sha256: Sha256::of(b"other"), file: "ab/c/d.dcm".to_owned(), ..first.clone() };
    assert_eq!(add(store, &other), Err(StoreError::Conflict { what: "an instance" }));
    read(store, |tx| {
        assert_eq!(tx.instances(InstanceSelect::Study(&first.study))?, [first.clone()]);
        assert_eq!(tx.study(&first.study)?, Some(before.clone()));
        assert!(tx.instance_file_is_referenced(&first.file)?);
        assert!(!tx.instance_file_is_referenced(&other.file)?);
        let counts = tx.counts()?;
        assert_eq!((counts.studies, counts.instances), (1, 1));
        Ok(())
    });
    assert_eq!((before.instances, before.size_octets, before.revision), (1, 10, 1));
    assert_eq!((before.first_received_at, before.last_received_at), (100, 100));
    assert!(before.is_dirty());
}

pub fn one_series_uid_in_two_studies_stays_apart(store: &dyn MetadataStore) {
    // field case B-007, and the instance UIDs were copied too.
    let a = instance("2.25.1", "2.25.7", "2.25.7.1", 100);
    let b = StoredInstance { patient_id: "P2".to_owned(), ..instance("2.25.2", "2.25.7", "2.25.7.1", 100) };
    assert_eq!(add(store, &a), Ok(Put::Added));
    assert_eq!(add(store, &b), Ok(Put::Added));
    read(store, |tx| {
        assert_eq!(tx.instances(InstanceSelect::Series(&a.study, &a.series))?, [a.clone()]);
        assert_eq!(tx.instances(InstanceSelect::Series(&b.study, &b.series))?, [b.clone()]);
        assert_eq!(tx.instances(InstanceSelect::Instance(&b.study, &b.instance))?, [b.clone()]);
        assert_eq!(tx.instances(InstanceSelect::Sop(&a.instance))?, [a.clone(), b.clone()]);
        assert_eq!(tx.instances(InstanceSelect::Series(&study("2.25.3"), &a.series))?, []);
        let of_patient = tx.studies(StudySelect::Patient { id: "P2", issuer: "2.999.7" }, 10)?;
        assert_eq!(of_patient.iter().map(|s| s.study.as_str()).collect::<Vec<_>>(), ["2.25.2"]);
        assert!(tx.studies(StudySelect::Patient { id: "P2", issuer: "2.999.8" }, 10)?.is_empty());
        Ok(())
    });
}

pub fn a_study_is_due_when_it_is_quiet_or_has_waited_too_long(store: &dyn MetadataStore) {
    add(store, &instance("2.25.1", "2.25.1.1", "2.25.1.1.1", 100)).unwrap();
    add(store, &instance("2.25.1", "2.25.1.1", "2.25.1.1.2", 190)).unwrap();
    add(store, &instance("2.25.2", "2.25.2.1", "2.25.2.1.1", 150)).unwrap();
    assert_eq!(read(store, |tx| tx.next_unpublished()), Some(150));
    assert!(due(store, 149, 99).is_empty());
    assert_eq!(due(store, 150, 0), ["2.25.2"]);
    assert_eq!(due(store, 0, 100), ["2.25.1"]);
    assert_eq!(due(store, 190, 0), ["2.25.1", "2.25.2"]);
    let limited = read(store, |tx| tx.studies(StudySelect::Due { quiet_before: 190, changed_before: 0 }, 1));
    assert_eq!(limited.len(), 1);
}

pub fn settled_studies_are_walked_in_the_order_of_their_uids(store: &dyn MetadataStore) {
    for (number, uid) in ["2.25.3", "2.25.1", "2.25.2", "2.25.4"].into_iter().enumerate() {
        let object = format!("2.25.9.{number}");
        add(store, &instance(uid, &format!("{uid}.1"), &object, 100)).unwrap();
    }
    let settled = |after: &str| -> Vec<String> {
        let found = read(store, |tx| tx.studies(StudySelect::Settled { after }, 10));
        found.iter().map(|state| state.study.to_string()).collect()
    };
    assert!(settled("").is_empty(), "nothing is published yet");
    for uid in ["2.25.1", "2.25.2", "2.25.3"] {
        let entry = publication(None);
        store.write_blocking(move |tx| tx.mark_published(&study(uid), 1, Some(&entry))).unwrap();
    }
    assert_eq!(settled(""), ["2.25.1", "2.25.2", "2.25.3"]);
    assert_eq!(settled("2.25.1"), ["2.25.2", "2.25.3"]);
    store.write_blocking(|tx| tx.hold_study(&study("2.25.2"), Some("why"))).unwrap();
    store.write_blocking(|tx| tx.touch_study(&study("2.25.3"), 400)).unwrap();
    assert_eq!(settled(""), ["2.25.1"]);
}

fn publication(entry: Option<ObjectId>) -> Publication {
    Publication { manifest: unique("2.25.500"), entry, content_hash: Sha256::of(b"content"), published_at: 300 }
}

pub fn what_comes_while_publishing_makes_the_study_due_again(store: &dyn MetadataStore) {
    let uid = study("2.25.1");
    add(store, &instance("2.25.1", "2.25.1.1", "2.25.1.1.1", 100)).unwrap();
    let read_at = read(store, |tx| tx.study(&uid)).unwrap().revision;
    add(store, &instance("2.25.1", "2.25.1.1", "2.25.1.1.2", 250)).unwrap();
    let (key, first) = (uid.clone(), publication(None));
    write(store, move |tx| tx.mark_published(&key, read_at, Some(&first)));
    let state = read(store, |tx| tx.study(&uid)).unwrap();
    assert_eq!(state.publication, Some(publication(None)));
    assert!(state.is_dirty());
    assert!(due(store, 249, 249).is_empty());
    assert_eq!(due(store, 250, 0), ["2.25.1"]);
    let (key, second) = (uid.clone(), publication(Some(uuid(5))));
    write(store, move |tx| tx.mark_published(&key, state.revision, Some(&second)));
    let key = uid.clone();
    // Looked at and found unchanged: what was published stays.
    write(store, move |tx| tx.mark_published(&key, state.revision, None));
    let state = read(store, |tx| tx.study(&uid)).unwrap();
    assert_eq!(state.publication, Some(publication(Some(uuid(5)))));
    assert!(!state.is_dirty());
    assert!(due(store, i64::MAX, i64::MAX).is_empty());
    assert_eq!(read(store, |tx| tx.next_unpublished()), None);
    let key = uid.clone();
    write(store, move |tx| tx.touch_study(&key, 400));
    assert_eq!(due(store, 0, 400), ["2.25.1"]);
    let missing = store.write_blocking(|tx| tx.mark_published(&study("2.25.9"), 1, None));
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
}

pub fn a_held_study_waits_until_somebody_lets_it_go(store: &dyn MetadataStore) {
    let uid = study("2.25.1");
    let first = instance("2.25.1", "2.25.1.1", "2.25.1.1.1", 100);
    add(store, &first).unwrap();
    let key = uid.clone();
    write(store, move |tx| tx.hold_study(&key, Some("the patient is unknown")));
    assert!(due(store, 1000, 1000).is_empty());
    let held = read(store, |tx| tx.studies(StudySelect::Held, 10));
    assert_eq!(held[0].held.as_deref(), Some("the patient is unknown"));
    let key = uid.clone();
    write(store, move |tx| tx.hold_study(&key, None));
    assert_eq!(due(store, 1000, 1000), ["2.25.1"]);
    // An instance can be held by itself; that changes what there is to publish.
    let revision = read(store, |tx| tx.study(&uid)).unwrap().revision;
    let key = uid.clone();
    write(store, move |tx| {
        tx.mark_published(&key, revision, None)?;
        tx.hold_instance(&key, &sop("2.25.1.1.1"), Some("no patient id"))
    });
    assert_eq!(due(store, 1000, 1000), ["2.25.1"]);
    let held = StoredInstance { held: Some("no patient id".to_owned()), ..first };
    assert_eq!(read(store, |tx| tx.held_instances(10)), [held]);
    let missing = store.write_blocking(|tx| tx.hold_instance(&study("2.25.1"), &sop("2.25.9"), None));
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
}

pub fn removed_instances_give_their_files_back(store: &dyn MetadataStore) {
    let uid = study("2.25.1");
    let all: Vec<StoredInstance> =
        (1..=3).map(|n| instance("2.25.1", "2.25.1.1", &format!("2.25.1.1.{n}"), 100 + n)).collect();
    for instance in &all {
        add(store, instance).unwrap();
    }
    let key = uid.clone();
    write(store, move |tx| tx.mark_published(&key, 3, Some(&publication(None))));
    let key = uid.clone();
    let files = write(store, move |tx| tx.remove_instances(&key, &[sop("2.25.1.1.2"), sop("2.25.9")], 500));
    assert_eq!(files, [all[1].file.clone()]);
    let state = read(store, |tx| tx.study(&uid)).unwrap();
    assert_eq!((state.instances, state.size_octets), (2, 20));
    assert_eq!(due(store, 500, 0), ["2.25.1"]);
    // A removed instance may come back, with other bytes too.
    let back = StoredInstance { sha256: Sha256::of(b"new"), ..all[1].clone() };
    assert_eq!(add(store, &back), Ok(Put::Added));
    let key = uid.clone();
    let mut files = write(store, move |tx| tx.remove_study(&key));
    files.sort();
    assert_eq!(files, all.iter().map(|i| i.file.clone()).collect::<Vec<_>>());
    assert_eq!(read(store, |tx| tx.study(&uid)), None);
    assert!(read(store, |tx| tx.instances(InstanceSelect::Study(&uid))).is_empty());
}

pub fn studies_are_listed_and_counted_by_how_far_they_are(store: &dyn MetadataStore) {
    const KIND: &str = "publish";
    for n in 1..=6 {
        let study = format!("2.25.{n}");
        let first = instance(&study, &format!("{study}.1"), &format!("{study}.1.1"), 100 + n);
        let odd = if n % 2 == 1 { "MR1" } else { "CT1" };
        add(store, &StoredInstance { calling_ae: odd.to_owned(), ..first }).unwrap();
    }
    write(store, |tx| {
        tx.mark_published(&study("2.25.1"), 1, Some(&publication(None)))?;
        tx.hold_study(&study("2.25.2"), Some("no issuer"))?;
        // 3 waits for the next attempt, 4 was given up, 5 is under way without an error; another kind is another matter.
        for (uid, kind) in [("2.25.3", KIND), ("2.25.4", KIND), ("2.25.5", KIND), ("2.25.6", "other")] {
            let new = NewJob { kind: kind.into(), key: uid.into(), payload: vec![], not_before: 0, created_at: 0 };
            let id = tx.enqueue(&new)?;
            tx.claim(&[kind], 10, 20, 10)?;
            match uid {
                "2.25.3" => tx.attempt_failed(id, "silent", Some(900), 10)?,
                "2.25.5" => true,
                _ => tx.attempt_failed(id, "refused", None, 10)?,
            };
        }
        Ok(())
    });
    let list = |listing: StudyListing, limit| -> Vec<String> {
        let found = read(store, |tx| tx.list_studies(&listing, KIND, limit));
        found.iter().map(|state| state.study.to_string()).collect()
    };
    let at = |stage| StudyListing { stage: Some(stage), ..StudyListing::default() };
    assert_eq!(list(at(StudyStage::Settled), 10), ["2.25.1"]);
    assert_eq!(list(at(StudyStage::Stuck), 10), ["2.25.4", "2.25.3", "2.25.2"]);
    assert_eq!(list(at(StudyStage::Waiting), 10), ["2.25.6", "2.25.5"]);
    let counts = read(store, |tx| tx.stage_counts(KIND));
    assert_eq!(counts, StageCounts { waiting: 2, stuck: 3, settled: 1 });
    // Pages are told apart by the last study of the one before.
    let all = StudyListing::default();
    assert_eq!(list(all.clone(), 4), ["2.25.6", "2.25.5", "2.25.4", "2.25.3"]);
    let before = Some(study("2.25.3"));
    assert_eq!(list(StudyListing { before: before.clone(), ..all.clone() }, 4), ["2.25.2", "2.25.1"]);
    let odd = StudyListing { calling_ae: Some("MR1".into()), ..all.clone() };
    assert_eq!(list(odd.clone(), 10), ["2.25.5", "2.25.3", "2.25.1"]);
    assert_eq!(list(StudyListing { before, patient_id: Some("P1".into()), ..odd }, 10), ["2.25.1"]);
    assert!(list(StudyListing { patient_id: Some("P9".into()), ..all.clone() }, 10).is_empty());
    assert!(list(StudyListing { before: Some(study("2.25.9")), ..all }, 10).is_empty());
}
