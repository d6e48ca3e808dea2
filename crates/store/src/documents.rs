//! What a document repository keeps: which bytes belong to a uniqueId. Source: ITI TF-2 3.41, 3.43; spec/xds.md 13.

use crate::{Sha256, StoreError};
use model::{Sha1Hash, UniqueId};

/// Documents up to this size may live in the metadata transaction: one commit and one fsync for both.
pub const INLINE_LIMIT_OCTETS: usize = 64 * 1024;

/// Whether a document may be given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentState {
    /// Stored, but its registration elsewhere is not confirmed yet.
    Staged,
    Committed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentPlace {
    /// In the metadata store: [`DocumentRead::document_bytes`].
    Inline,
    /// In the blob store, under `sha256`.
    Blob,
}

/// One document of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    pub unique_id: UniqueId,
    pub mime_type: String,
    pub size_octets: u64,
    pub sha1: Sha1Hash,
    pub sha256: Sha256,
    pub state: DocumentState,
    pub place: DocumentPlace,
    /// Unix microseconds.
    pub stored_at: i64,
}

pub trait DocumentRead {
    fn document(&self, id: &UniqueId) -> Result<Option<StoredDocument>, StoreError>;
    /// The bytes of an inline document; absent for one in the blob store.
    fn document_bytes(&self, id: &UniqueId) -> Result<Option<Vec<u8>>, StoreError>;
    /// Staged documents stored before a time (unix microseconds), oldest first, at most `limit`.
    fn staged_documents(&self, before: i64, limit: usize) -> Result<Vec<StoredDocument>, StoreError>;
    /// True when a document lives in the blob of this name.
    fn blob_is_referenced(&self, blob: &Sha256) -> Result<bool, StoreError>;
}

/// What putting something under an identity did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Added,
    /// The same content was there already.
    AlreadyThere,
}

pub trait DocumentWrite {
    /// Records a document whose blob is durable already. The same content again changes nothing, except that a staged
    /// document becomes committed when `document.state` says so. Errors: `Conflict` for other content.
    fn put_document(&mut self, document: &StoredDocument) -> Result<Put, StoreError>;
    /// Stores a small document with its bytes; hashes are computed here. Errors: `Conflict`; `Refused` past
    /// [`INLINE_LIMIT_OCTETS`].
    fn put_document_inline(
        &mut self,
        id: &UniqueId,
        mime_type: &str,
        bytes: &[u8],
        state: DocumentState,
        stored_at: i64,
    ) -> Result<StoredDocument, StoreError>;
    /// Errors: `Missing`.
    fn commit_document(&mut self, id: &UniqueId) -> Result<(), StoreError>;
    /// Forgets a document. Shape: what was there; its blob may be removed after the commit when
    /// [`DocumentRead::blob_is_referenced`] says no.
    fn remove_document(&mut self, id: &UniqueId) -> Result<Option<StoredDocument>, StoreError>;
}
