//! What a kill at any moment leaves: the files are copied as they lie, without closing anything, and opened elsewhere.
//! (Real kills of whole nodes are tested with the program.)

use crate::contract::{read, write};
use crate::samples::*;
use std::fs;
use std::path::Path;
use store::*;

fn copy(from: &Path, to: &Path) {
    for item in fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else if !path.to_string_lossy().ends_with("-shm") {
            // The shared-memory index is rebuilt from the log after a crash.
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn what_was_answered_is_there_and_what_was_not_is_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let database = |folder: &Path| folder.join("metadata.sqlite");
    let store = SqliteStore::open(&database(folder.path()), SqliteOptions::default()).unwrap();
    let blobs = FileBlobs::open(&folder.path().join("blobs"), FileOptions::default()).unwrap();
    let blob = blobs.put(b"answered").unwrap();
    let document = StoredDocument {
        unique_id: unique("2.25.1"),
        mime_type: "text/plain".to_owned(),
        size_octets: blob.size_octets,
        sha1: blob.sha1.clone(),
        sha256: blob.sha256,
        state: DocumentState::Committed,
        place: DocumentPlace::Blob,
        stored_at: 1,
    };
    write(&store, move |tx| {
        tx.put_document(&document)?;
        tx.put_state("test", "answered", Some(b""))
    });
    // In flight: a blob without a row, half a blob, and a transaction that has not committed.
    let orphan = blobs.put(b"orphan").unwrap();
    let mut half = blobs.create().unwrap();
    half.write(b"half").unwrap();
    let crashed = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().to_owned(), crashed.path().to_owned());
    write(&store, move |tx| {
        tx.put_state("test", "open 1", Some(b""))?;
        tx.put_state("test", "open 2", Some(b""))?;
        copy(&from, &to);
        Ok(())
    });

    let store = SqliteStore::open(&database(crashed.path()), SqliteOptions::default()).unwrap();
    let blobs = FileBlobs::open(&crashed.path().join("blobs"), FileOptions::default()).unwrap();
    let swept = blobs.sweep(&mut |name| store.read_blocking(|tx| tx.blob_is_referenced(name))).unwrap();
    assert_eq!((swept.unfinished, swept.orphans), (1, 1));
    assert!(!blobs.contains(&orphan.sha256).unwrap());
    read(&store, |tx| {
        let kept = tx.document(&unique("2.25.1"))?.unwrap();
        assert!(blobs.contains(&kept.sha256)?);
        let states: Vec<String> = tx.states("test", "", 10)?.into_iter().map(|(key, _)| key).collect();
        assert_eq!(states, ["answered"]);
        Ok(())
    });
}
