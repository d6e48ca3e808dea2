//! A database of every released format still opens, and everything in it is what was once put in. A fixture is never
//! edited; a new format adds one. `MAKE_FIXTURES=1` writes those that are missing.

use crate::contract::{read, write};
use crate::samples::*;
use model::*;
use std::path::{Path, PathBuf};
use store::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/made").join(name)
}

struct Content {
    entries: Vec<DocumentEntry>,
    set: SubmissionSet,
    folder: Folder,
    association: Association,
    patient: Patient,
    instance: StoredInstance,
    job: NewJob,
}

/// What is in the fixture of format 1; the choices of `Dice` belong to it.
fn content() -> Content {
    let mut dice = Dice(1);
    Content {
        entries: (0..12).map(|_| entry(&mut dice)).collect(),
        set: submission_set(&mut dice),
        folder: folder(&mut dice),
        association: association(&mut dice),
        patient: Patient { id: patient_id("P0001"), ..patient(&mut dice) },
        instance: StoredInstance {
            study: study("2.25.1"),
            series: series("2.25.1.1"),
            instance: sop("2.25.1.1.1"),
            sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
            transfer_syntax: TransferSyntaxUid::parse("1.2.840.10008.1.2.1").unwrap(),
            file: "ab/cd/2.25.1.1.1-00.dcm".to_owned(),
            size_octets: 10,
            sha256: Sha256::of(b"instance"),
            header: vec![1, 2, 3],
            patient_id: "P0001".to_owned(),
            patient_issuer: "2.999.7".to_owned(),
            received_at: 1,
            calling_ae: "CT1".to_owned(),
            held: Some("reason".to_owned()),
        },
        job: NewJob {
            kind: "publish".to_owned(),
            key: "2.25.1".to_owned(),
            payload: b"payload".to_vec(),
            not_before: 5,
            created_at: 4,
        },
    }
}

fn make(file: &Path) {
    let store = SqliteStore::open(file, SqliteOptions::default()).unwrap();
    write(&store, |tx| {
        let c = content();
        c.entries.iter().try_for_each(|entry| tx.put_entry(entry))?;
        tx.put_submission_set(&c.set)?;
        tx.put_folder(&c.folder)?;
        tx.put_association(&c.association)?;
        tx.put_patient(&c.patient)?;
        tx.add_instance(&c.instance)?;
        tx.enqueue(&c.job)?;
        tx.put_state("scope", "key", Some(b"value"))?;
        tx.put_document_inline(&unique("2.25.5"), "text/plain", b"bytes", DocumentState::Committed, 9)?;
        Ok(())
    });
    store.checkpoint().unwrap();
}

#[test]
fn a_database_of_format_1_still_opens_and_holds_what_it_held() {
    let kept = fixture("format-1.sqlite");
    if !kept.exists() && std::env::var_os("MAKE_FIXTURES").is_some() {
        make(&kept);
    }
    // Opening writes, and the fixture stays as it is.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metadata.sqlite");
    std::fs::copy(&kept, &file).unwrap();
    let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
    let c = content();
    read(&store, |tx| {
        for entry in &c.entries {
            assert_eq!(tx.entry(&entry.id)?.as_ref(), Some(entry));
        }
        assert_eq!(tx.submission_sets(Select::Ids(std::slice::from_ref(&c.set.id)))?, [c.set.clone()]);
        assert_eq!(tx.folders(Select::Ids(std::slice::from_ref(&c.folder.id)))?, [c.folder.clone()]);
        assert_eq!(tx.associations(std::slice::from_ref(&c.association.id))?, [c.association.clone()]);
        assert_eq!(tx.patient(&c.patient.id)?, Some(c.patient.clone()));
        let family = vec![vec![TextTerm::new(TextMode::Exact, &c.patient.name.family)]];
        let found = tx.find_patients(&PatientQuery { family, ..PatientQuery::default() })?;
        assert_eq!((found.patients, found.total), (vec![c.patient.clone()], Some(1)));
        assert!(tx.patient_domains()?.contains(&c.patient.id.domain));
        assert_eq!(tx.instances(InstanceSelect::Study(&c.instance.study))?, [c.instance.clone()]);
        assert_eq!(tx.job_about(&c.job.kind, &c.job.key)?.map(|job| job.payload), Some(c.job.payload.clone()));
        assert_eq!(tx.state("scope", "key")?, Some(b"value".to_vec()));
        assert_eq!(tx.document_bytes(&unique("2.25.5"))?, Some(b"bytes".to_vec()));
        // What is derived from the records leads to them: references, logical ids, unique ids.
        for query in (0..200).map(|seed| query(&mut Dice(seed), &c.entries)).filter(DocumentQuery::is_anchored) {
            let expected: Vec<_> = c.entries.iter().rev().filter(|e| query.matches(e)).cloned().collect();
            assert_eq!(tx.find(&query)?.entries, expected);
        }
        Ok(())
    });
}
