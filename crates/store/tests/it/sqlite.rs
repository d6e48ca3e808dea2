//! The contract on SQLite, in a file and in memory, and what only a file can show.

use crate::contract::{read, write};
use crate::samples::*;
use model::DocumentEntry;
use store::*;
use tempfile::TempDir;

fn options() -> SqliteOptions {
    SqliteOptions { max_results: 25, readers: 2, ..SqliteOptions::default() }
}

fn in_a_file() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("metadata.sqlite"), options()).unwrap();
    (store, folder)
}

fn in_memory() -> (SqliteStore, ()) {
    (SqliteStore::in_memory_with(options()).unwrap(), ())
}

crate::contract_for!(file, super::super::in_a_file);
crate::contract_for!(memory, super::super::in_memory);

#[test]
fn everything_is_there_after_closing_and_opening() {
    let (store, folder) = in_a_file();
    let entries: Vec<DocumentEntry> = (0..20).map(|n| entry(&mut Dice(n))).collect();
    let all = entries.clone();
    write(&store, move |tx| all.iter().try_for_each(|entry| tx.put_entry(entry)));
    store.checkpoint().unwrap();
    // Queued work is finished before the store closes.
    drop(store.write(|tx| tx.put_state("test", "last", Some(b"x"))));
    drop(store);
    let file = folder.path().join("metadata.sqlite");
    let store = SqliteStore::open(&file, options()).unwrap();
    read(&store, |tx| {
        for entry in &entries {
            assert_eq!(tx.entry(&entry.id)?.as_ref(), Some(entry));
        }
        assert!(tx.state("test", "last")?.is_some());
        Ok(())
    });
}

#[test]
fn a_file_of_a_later_version_is_refused_untouched() {
    let (store, folder) = in_a_file();
    drop(store);
    let file = folder.path().join("metadata.sqlite");
    let raw = rusqlite::Connection::open(&file).unwrap();
    let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    raw.pragma_update(None, "user_version", version + 1).unwrap();
    drop(raw);
    let refused = SqliteStore::open(&file, options()).err();
    assert_eq!(refused, Some(StoreError::Newer { found: version + 1, supported: version }));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metadata.sqlite");
    std::fs::write(&file, vec![b'x'; 5000]).unwrap();
    assert!(matches!(SqliteStore::open(&file, options()), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_full_disk_refuses_the_new_and_keeps_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metadata.sqlite");
    let store = SqliteStore::open(&file, SqliteOptions { max_pages: Some(120), ..options() }).unwrap();
    let mut stored = Vec::new();
    let full = loop {
        let key = format!("{}", stored.len());
        let own = key.clone();
        match store.write_blocking(move |tx| tx.put_state("test", &own, Some(&[7; 3000]))) {
            Ok(()) => stored.push(key),
            Err(e) => break e,
        }
        assert!(stored.len() < 1000, "the limit was not reached");
    };
    assert!(matches!(full, StoreError::Full(_)), "{full:?}");
    assert!(full.is_temporary());
    read(&store, |tx| {
        for key in &stored {
            assert!(tx.state("test", key)?.is_some());
        }
        Ok(())
    });
    // With room again it goes on.
    let some = stored[0].clone();
    write(&store, move |tx| tx.put_state("test", &some, None));
    write(&store, |tx| tx.put_state("test", "new", Some(&[7; 2000])));
}

#[test]
fn a_damaged_record_is_named_and_does_not_bring_the_store_down() {
    let (store, folder) = in_a_file();
    let good = DocumentEntry { patient_id: patient_id("P1"), ..entry(&mut Dice(1)) };
    let bad = DocumentEntry { patient_id: patient_id("P2"), ..entry(&mut Dice(2)) };
    let (one, two) = (good.clone(), bad.clone());
    write(&store, move |tx| {
        tx.put_entry(&one)?;
        tx.put_entry(&two)
    });
    let raw = rusqlite::Connection::open(folder.path().join("metadata.sqlite")).unwrap();
    raw.execute("UPDATE entry SET record = x'0100ff' WHERE seq = 2", []).unwrap();
    assert!(matches!(store.read_blocking(|tx| tx.entry(&bad.id)), Err(StoreError::Corrupt { .. })));
    assert_eq!(read(&store, |tx| tx.entry(&good.id)), Some(good));
    raw.execute("UPDATE entry SET record = x'ff' WHERE seq = 2", []).unwrap();
    let newer = store.read_blocking(|tx| tx.entry(&bad.id));
    assert_eq!(newer, Err(StoreError::Newer { found: 255, supported: 1 }));
}

#[test]
fn the_last_handle_may_be_dropped_by_a_job() {
    let (store, _folder) = in_a_file();
    let store = std::sync::Arc::new(store);
    let (sender, receiver) = std::sync::mpsc::channel::<std::sync::Arc<SqliteStore>>();
    drop(store.write(move |tx| {
        let last = receiver.recv().ok();
        tx.put_state("test", "a", Some(b""))?;
        drop(last);
        Ok::<(), StoreError>(())
    }));
    sender.send(store).unwrap();
}

#[test]
fn queries_start_from_an_index_and_never_scan() {
    let (store, folder) = in_a_file();
    drop(store);
    let raw = rusqlite::Connection::open(folder.path().join("metadata.sqlite")).unwrap();
    for sql in [
        "SELECT key, seq, record FROM entry WHERE key BETWEEN 1 AND 2 ORDER BY key DESC",
        "SELECT p.key, s.key FROM patient p LEFT JOIN patient s ON s.survivor = p.key WHERE p.id = 'a' AND \
         p.domain = 'b' AND p.survivor IS NULL ORDER BY s.key",
        "SELECT key FROM reference WHERE id = 'a' AND hash = 1 AND key BETWEEN 1 AND 2",
        "SELECT key FROM reference WHERE id = 'a' AND key BETWEEN 1 AND 2",
        "SELECT key FROM unique_id WHERE value = 'a' AND kind = 0",
        "SELECT key FROM object WHERE id = 'a' AND kind = 0",
        "SELECT key, record FROM association WHERE source = 'a'",
        "SELECT key, record FROM association WHERE target = 'a'",
        "SELECT key, size, sha256 FROM instance WHERE uid = 'a' AND key BETWEEN 1 AND 2",
        "SELECT id FROM job WHERE state < 2 AND next_at <= 1 ORDER BY next_at, id LIMIT 1",
        "SELECT uid FROM study WHERE changed_at IS NOT NULL AND held IS NULL AND (last_received_at <= 1 OR \
         changed_at <= 2) ORDER BY changed_at LIMIT 3",
        "SELECT record FROM patient WHERE known = 1 AND survivor IS NULL AND family >= 'a' AND family < 'b' \
         ORDER BY family, id",
    ] {
        let mut plan = raw.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps: Vec<String> = plan.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let bad = steps
            .iter()
            .any(|step| (step.starts_with("SCAN") && !step.contains("INDEX")) || step.contains("TEMP B-TREE"));
        assert!(!bad, "{sql}: {steps:?}");
    }
}
