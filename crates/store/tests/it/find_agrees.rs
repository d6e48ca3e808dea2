//! `find` means what `DocumentQuery::matches` means: random entries, random queries, random changes, page by page.

use crate::samples::{Dice, entry, query};
use model::{AvailabilityStatus, DocumentEntry, DocumentQuery, DocumentType, Page, ReferenceTerm};
use proptest::prelude::*;
use store::{MetadataStore, SqliteStore, StoreError, StoreExt};

fn stored(store: &dyn MetadataStore, entries: &[DocumentEntry]) {
    let entries = entries.to_vec();
    store
        .write_blocking(move |tx| -> Result<(), StoreError> {
            entries.iter().try_for_each(|entry| tx.put_entry(entry))
        })
        .unwrap();
}

/// Newest first, as the model would filter.
fn expected(entries: &[DocumentEntry], query: &DocumentQuery) -> Vec<DocumentEntry> {
    entries.iter().rev().filter(|entry| query.matches(entry)).cloned().collect()
}

fn check(store: &dyn MetadataStore, entries: &[DocumentEntry], query: &DocumentQuery, size: usize) {
    let all = store.read_blocking(|tx| tx.find(query));
    if !query.is_anchored() {
        assert_eq!(all, Err(StoreError::NotAnchored));
        return;
    }
    let wanted = expected(entries, query);
    let all = all.unwrap();
    assert_eq!(all.entries, wanted, "{query:?}");
    assert_eq!(all.total, Some(wanted.len()));
    let paged = |size, after| DocumentQuery { page: Some(Page { size, after }), ..query.clone() };
    let count = store.read_blocking(|tx| tx.find(&paged(0, None))).unwrap();
    assert_eq!((count.total, count.entries.len()), (Some(wanted.len()), 0));
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = store.read_blocking(|tx| tx.find(&paged(size, after))).unwrap();
        assert!(page.entries.len() <= size);
        pages.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, wanted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_store_finds_exactly_what_the_query_matches(seed: u64, count in 0usize..50) {
        let mut dice = Dice(seed);
        let mut entries: Vec<DocumentEntry> = (0..count).map(|_| entry(&mut dice)).collect();
        let store = SqliteStore::in_memory().unwrap();
        stored(&store, &entries);
        for round in 0..40 {
            if round == 20 {
                change_some(&store, &mut entries, &mut dice);
            }
            let query = query(&mut dice, &entries);
            let size = 1 + dice.below(4);
            check(&store, &entries, &query, size);
        }
        for query in leading_to_each(&entries) {
            check(&store, &entries, &query, 3);
        }
    }
}

/// For every entry the queries that start from one thing it carries, and nothing else.
fn leading_to_each(entries: &[DocumentEntry]) -> Vec<DocumentQuery> {
    let any = || DocumentQuery {
        document_types: vec![DocumentType::Stable, DocumentType::OnDemand],
        ..DocumentQuery::default()
    };
    let by_term = |term| DocumentQuery { reference_ids: vec![vec![term]], ..any() };
    let mut queries = Vec::new();
    for entry in entries {
        queries.push(DocumentQuery { entry_ids: vec![entry.id.clone()], ..any() });
        queries.push(DocumentQuery { unique_ids: vec![entry.unique_id.clone()], ..any() });
        queries.push(DocumentQuery { patient_id: Some(entry.patient_id.clone()), ..any() });
        for reference in &entry.reference_id_list {
            queries.push(by_term(ReferenceTerm::Exact(reference.clone())));
            let id = Some(reference.id.clone());
            queries.push(by_term(ReferenceTerm::Parts { id, authority: None, kind: None }));
        }
    }
    queries
}

/// Deprecates, revives, rewrites and removes some entries, in the store and in `entries`.
fn change_some(store: &dyn MetadataStore, entries: &mut Vec<DocumentEntry>, dice: &mut Dice) {
    let mut kept = Vec::new();
    for mut present in std::mem::take(entries) {
        let id = present.id.clone();
        match dice.below(5) {
            0 => {
                present.availability_status =
                    dice.pick(&[AvailabilityStatus::Approved, AvailabilityStatus::Deprecated]);
                let status = present.availability_status;
                store.write_blocking(move |tx| tx.set_status(&id, status)).unwrap();
            }
            1 => {
                let fresh = entry(dice);
                present = DocumentEntry {
                    id: present.id,
                    patient_id: present.patient_id,
                    unique_id: present.unique_id,
                    ..fresh
                };
                let changed = present.clone();
                store.write_blocking(move |tx| tx.update_entry(&changed)).unwrap();
            }
            2 => {
                store.write_blocking(move |tx| tx.remove_object(&id)).unwrap();
                continue;
            }
            _ => {}
        }
        kept.push(present);
    }
    *entries = kept;
}

#[test]
fn a_page_goes_on_where_it_ended_while_others_register_and_deprecate() {
    let mut dice = Dice(7);
    let mut entries: Vec<DocumentEntry> = (0..9).map(|_| entry(&mut dice)).collect();
    for present in &mut entries {
        present.patient_id = crate::samples::patient_id("P1");
        present.document_type = DocumentType::Stable;
    }
    let store = SqliteStore::in_memory().unwrap();
    stored(&store, &entries[..6]);
    let query = |after| DocumentQuery {
        page: Some(Page { size: 2, after }),
        ..DocumentQuery::of_patient(crate::samples::patient_id("P1"))
    };
    let first = store.read_blocking(|tx| tx.find(&query(None))).unwrap();
    assert_eq!(first.entries, [entries[5].clone(), entries[4].clone()]);
    stored(&store, &entries[6..]);
    let gone = entries[4].id.clone();
    store.write_blocking(move |tx| tx.remove_object(&gone)).unwrap();
    let second = store.read_blocking(|tx| tx.find(&query(first.next))).unwrap();
    assert_eq!(second.entries, [entries[3].clone(), entries[2].clone()]);
    for wrong in ["", "x", "1", "-", "zz-1", "-1--1"] {
        let answer = store.read_blocking(|tx| tx.find(&query(Some(wrong.to_owned()))));
        assert_eq!(answer, Err(StoreError::BadPage), "{wrong}");
    }
}
