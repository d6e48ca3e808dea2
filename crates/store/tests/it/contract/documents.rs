//! The repository's documents.

use super::{read, write};
use crate::samples::*;
use store::*;

fn blob_document(id: &str, bytes: &[u8], state: DocumentState) -> StoredDocument {
    let digest = digest_of(bytes);
    StoredDocument {
        unique_id: unique(id),
        mime_type: "application/pdf".to_owned(),
        size_octets: digest.size_octets,
        sha1: digest.sha1,
        sha256: digest.sha256,
        state,
        place: DocumentPlace::Blob,
        stored_at: 5,
    }
}

pub fn a_document_is_stored_once_and_never_with_other_bytes(store: &dyn MetadataStore) {
    let document = blob_document("2.25.1", b"one", DocumentState::Committed);
    for expected in [Put::Added, Put::AlreadyThere] {
        let new = document.clone();
        assert_eq!(write(store, move |tx| tx.put_document(&new)), expected);
    }
    let other = blob_document("2.25.1", b"two", DocumentState::Committed);
    let refused = store.write_blocking(move |tx| tx.put_document(&other));
    assert_eq!(refused, Err(StoreError::Conflict { what: "a document" }));
    // Two documents may have the same bytes.
    let twin = blob_document("2.25.2", b"one", DocumentState::Committed);
    write(store, move |tx| tx.put_document(&twin));
    let blob = document.sha256;
    read(store, |tx| {
        assert_eq!(tx.document(&unique("2.25.1"))?, Some(document.clone()));
        assert_eq!(tx.document(&unique("2.25.9"))?, None);
        assert_eq!(tx.document_bytes(&unique("2.25.1"))?, None);
        assert!(tx.blob_is_referenced(&blob)?);
        Ok(())
    });
    let removed = document.clone();
    assert_eq!(write(store, move |tx| tx.remove_document(&unique("2.25.1"))), Some(removed));
    assert!(read(store, |tx| tx.blob_is_referenced(&blob)));
    write(store, |tx| tx.remove_document(&unique("2.25.2")));
    assert!(!read(store, |tx| tx.blob_is_referenced(&blob)));
    assert_eq!(write(store, |tx| tx.remove_document(&unique("2.25.1"))), None);
}

pub fn a_staged_document_waits_for_its_commit(store: &dyn MetadataStore) {
    let staged = blob_document("2.25.1", b"one", DocumentState::Staged);
    let again = blob_document("2.25.2", b"two", DocumentState::Staged);
    let (one, two) = (staged.clone(), again.clone());
    write(store, move |tx| {
        tx.put_document(&one)?;
        tx.put_document(&two)
    });
    assert_eq!(read(store, |tx| tx.staged_documents(6, 10)), [staged.clone(), again.clone()]);
    assert_eq!(read(store, |tx| tx.staged_documents(5, 10)), []);
    write(store, |tx| tx.commit_document(&unique("2.25.1")));
    // The same document again, this time committed.
    let committed = StoredDocument { state: DocumentState::Committed, ..again };
    assert_eq!(write(store, move |tx| tx.put_document(&committed)), Put::AlreadyThere);
    assert_eq!(read(store, |tx| tx.staged_documents(6, 10)), []);
    // And staged again: committed it stays.
    write(store, move |tx| tx.put_document(&staged));
    let state = read(store, |tx| tx.document(&unique("2.25.1"))).map(|document| document.state);
    assert_eq!(state, Some(DocumentState::Committed));
    let missing = store.write_blocking(|tx| tx.commit_document(&unique("2.25.9")));
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
}

pub fn a_small_document_travels_with_the_metadata(store: &dyn MetadataStore) {
    let put = |bytes: &'static [u8]| {
        store.write_blocking(move |tx| {
            tx.put_document_inline(&unique("2.25.1"), "text/xml", bytes, DocumentState::Committed, 7)
        })
    };
    let document = put(b"<a/>").unwrap();
    assert_eq!((document.place, document.size_octets), (DocumentPlace::Inline, 4));
    assert_eq!(document.sha1, digest_of(b"<a/>").sha1);
    assert_eq!(put(b"<a/>"), Ok(document.clone()));
    assert_eq!(put(b"<b/>"), Err(StoreError::Conflict { what: "a document" }));
    read(store, |tx| {
        assert_eq!(tx.document(&unique("2.25.1"))?, Some(document.clone()));
        assert_eq!(tx.document_bytes(&unique("2.25.1"))?, Some(b"<a/>".to_vec()));
        assert!(!tx.blob_is_referenced(&document.sha256)?);
        Ok(())
    });
    let large = store.write_blocking(|tx| {
        let bytes = vec![0; INLINE_LIMIT_OCTETS + 1];
        tx.put_document_inline(&unique("2.25.2"), "text/xml", &bytes, DocumentState::Committed, 7)
    });
    assert!(matches!(large, Err(StoreError::Refused(_))));
    write(store, |tx| tx.remove_document(&unique("2.25.1")));
    assert_eq!(read(store, |tx| tx.document_bytes(&unique("2.25.1"))), None);
}
