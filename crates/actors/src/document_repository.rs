//! Document Repository on this node's own store: bytes and metadata become durable together, or not at all.
//! Source: ITI TF-2 3.41.4.1.3, 3.43.4.1.3; spec/xds.md sections 13, 15, 17.

use crate::spool::Spool;
use crate::store_faults::{internal, storage};
use crate::{
    BoxFuture, Cx, DocumentContent, DocumentRegistry, DocumentRequest, Fault, ProvidedDocument, Refusal, Registered,
    Registry, Repository, Retrieved, RetrievedDocument, blob_stream, once, when_read,
};
use bytes::Bytes;
use model::{DocumentQuery, DocumentType, Invalid, ObjectId, Oid, Submission, UniqueId};
use std::collections::HashMap;
use std::sync::Arc;
use store::{
    BlobRef, BlobStore, BlobWriter, DocumentPlace, DocumentState, INLINE_LIMIT_OCTETS, MetadataStore, Put, Sha256,
    StoreError, StoreExt, StoredDocument, WriteTx, digest_of,
};

/// Where a repository registers.
#[derive(Clone)]
pub enum RegisterAt {
    /// The registry shares the store: documents and metadata are one commit.
    Local(DocumentRegistry),
    /// Documents are staged first, and given out once the registry has taken them.
    Peer(Arc<dyn Registry>),
}

/// A repository on the node's own store.
#[derive(Clone)]
pub struct DocumentRepository {
    unique_id: Oid,
    store: Arc<dyn MetadataStore>,
    blobs: Arc<dyn BlobStore>,
    register_at: RegisterAt,
}

/// A document whose hashes are known, ready to be recorded.
struct Ready {
    unique_id: UniqueId,
    mime_type: String,
    digest: BlobRef,
    /// Present when the document is small enough to live beside its metadata.
    inline: Option<Bytes>,
}

impl DocumentRepository {
    pub fn new(
        unique_id: Oid,
        store: Arc<dyn MetadataStore>,
        blobs: Arc<dyn BlobStore>,
        register_at: RegisterAt,
    ) -> Self {
        DocumentRepository { unique_id, store, blobs, register_at }
    }

    pub fn unique_id(&self) -> &Oid {
        &self.unique_id
    }

    /// Where an incoming document's bytes go while they arrive; see [`DocumentContent::Blob`].
    pub fn blobs(&self) -> &Arc<dyn BlobStore> {
        &self.blobs
    }

    /// Decides what became of documents staged before a time (unix microseconds) at which no request of now can have
    /// begun: given out when the registry knows them, removed when it does not, left alone while it does not answer.
    /// Shape: how many are left.
    pub async fn recover(&self, before: i64, cx: &Cx) -> Result<usize, Refusal> {
        let staged = self.store.read(move |tx| tx.staged_documents(before, 1000)).await;
        let staged = staged.map_err(|e| internal(e, &cx.request_id))?;
        let mut left = 0;
        for document in staged {
            let RegisterAt::Peer(registry) = &self.register_at else { continue };
            let query = DocumentQuery { unique_ids: vec![document.unique_id.clone()], ..DocumentQuery::default() };
            let known = match registry.find(&query, cx).await {
                Ok(found) => {
                    let known = found.items.iter().any(|e| e.repository_unique_id.as_ref() == Some(&self.unique_id));
                    if !known && !found.is_complete() {
                        left += 1;
                        continue;
                    }
                    known
                }
                Err(refusal) => {
                    tracing::warn!(request_id = cx.request_id, ?refusal, "cannot settle a staged document yet");
                    left += 1;
                    continue;
                }
            };
            match known {
                true => self.commit(vec![document.unique_id], cx).await?,
                false => self.discard(vec![document.unique_id], before, cx).await?,
            }
        }
        Ok(left)
    }

    /// `blobs` receives every blob that came or was written, also when the submission is refused.
    fn prepare(
        &self,
        submission: &mut Submission,
        documents: Vec<ProvidedDocument>,
        blobs: &mut Vec<Sha256>,
    ) -> Result<Vec<Ready>, Refusal> {
        let mut faults = Vec::new();
        let mut contents: HashMap<ObjectId, DocumentContent> = HashMap::new();
        for document in documents {
            if let DocumentContent::Blob(blob) = &document.content {
                blobs.push(blob.sha256);
            }
            let (id, known) = (document.entry_id.to_string(), submission.entry(&document.entry_id).is_some());
            // A second document of the same entry has no metadata of its own either.
            if contents.insert(document.entry_id, document.content).is_some() || !known {
                faults.push(Fault::MissingDocumentMetadata(id));
            }
        }
        let mut ready: Vec<Ready> = Vec::new();
        for entry in &mut submission.entries {
            let Some(content) = contents.remove(&entry.id) else {
                faults.push(Fault::MissingDocument(entry.id.to_string()));
                continue;
            };
            let (digest, inline) = match content {
                DocumentContent::Blob(digest) => (digest, None),
                DocumentContent::Memory(bytes) if bytes.len() <= INLINE_LIMIT_OCTETS => {
                    (digest_of(&bytes), Some(bytes))
                }
                DocumentContent::Memory(bytes) => (self.blobs.put(&bytes).map_err(|e| storage(e, "provide"))?, None),
                DocumentContent::File(path) => {
                    let bytes = std::fs::read(&path)
                        .map_err(|e| Fault::OutOfResources(format!("cannot read the document: {}", e.kind())))?;
                    (self.blobs.put(&bytes).map_err(|e| storage(e, "provide"))?, None)
                }
            };
            if inline.is_none() {
                blobs.push(digest.sha256);
            }
            let mut wrong = |field: &str, submitted: String, actual: String| {
                let rule = format!("must be that of the document's octets, {actual}");
                let invalid = Invalid::new(format!("DocumentEntry.{field}"), rule, submitted).on(entry.id.as_str());
                faults.push(Fault::InvalidDocument(invalid));
            };
            if let Some(hash) = entry.hash.as_ref().filter(|hash| **hash != digest.sha1) {
                wrong("hash", hash.to_string(), digest.sha1.to_string());
            }
            if let Some(size) = entry.size_octets.filter(|size| *size != digest.size_octets) {
                wrong("size", size.to_string(), digest.size_octets.to_string());
            }
            entry.hash = Some(digest.sha1.clone());
            entry.size_octets = Some(digest.size_octets);
            entry.repository_unique_id = Some(self.unique_id.clone());
            let twin = ready.iter().find(|r| r.unique_id == entry.unique_id);
            if twin.is_some_and(|twin| twin.digest != digest) {
                faults.push(Fault::DuplicateUniqueIdInMessage(entry.unique_id.to_string()));
            }
            let (unique_id, mime_type) = (entry.unique_id.clone(), entry.mime_type.clone());
            ready.push(Ready { unique_id, mime_type, digest, inline });
        }
        match Refusal::of(faults) {
            Some(refusal) => Err(refusal),
            None => Ok(ready),
        }
    }

    async fn store_and_register(
        &self,
        submission: Submission,
        ready: Vec<Ready>,
        cx: &Cx,
    ) -> Result<Registered, Refusal> {
        let now = cx.now_unix_micros();
        match &self.register_at {
            RegisterAt::Local(registry) => {
                let (blobs, request_id) = (self.blobs.clone(), cx.request_id.clone());
                let alongside = Box::new(move |tx: &mut dyn WriteTx| {
                    record_all(tx, &*blobs, &ready, DocumentState::Committed, now, &request_id).map(|_| ())
                });
                registry.register_with(submission, DocumentType::Stable, Some(alongside), cx).await
            }
            RegisterAt::Peer(registry) => {
                let (blobs, request_id) = (self.blobs.clone(), cx.request_id.clone());
                let all: Vec<UniqueId> = ready.iter().map(|d| d.unique_id.clone()).collect();
                let added = self
                    .store
                    .write(move |tx| {
                        let added = record_all(tx, &*blobs, &ready, DocumentState::Staged, now, &request_id)?;
                        Ok::<_, Failed>(added)
                    })
                    .await
                    .map_err(|Failed(refusal)| refusal)?;
                let registered = registry.register(submission, cx).await;
                // A registry that did not answer may have registered all the same; `recover` finds out.
                match &registered {
                    Ok(_) => self.commit(all, cx).await?,
                    Err(refusal) if refusal.is_transient() => {}
                    Err(_) => self.discard(added, now + 1, cx).await?,
                }
                registered
            }
        }
    }

    /// Gives staged documents out.
    async fn commit(&self, documents: Vec<UniqueId>, cx: &Cx) -> Result<(), Refusal> {
        let committed: Result<(), StoreError> =
            self.store.write(move |tx| documents.iter().try_for_each(|id| tx.commit_document(id))).await;
        committed.map_err(|e| storage(e, &cx.request_id))
    }

    /// Removes documents, with their blobs, that were staged before a time and still are: one that another request has
    /// brought again meanwhile is that request's, and may be registered already.
    async fn discard(&self, documents: Vec<UniqueId>, before: i64, cx: &Cx) -> Result<(), Refusal> {
        let removed = self
            .store
            .write(move |tx| {
                let mut removed = Vec::new();
                for id in &documents {
                    let found = tx.document(id)?;
                    if found.is_some_and(|d| d.state == DocumentState::Staged && d.stored_at < before) {
                        removed.extend(tx.remove_document(id)?);
                    }
                }
                Ok::<_, StoreError>(removed)
            })
            .await
            .map_err(|e| storage(e, &cx.request_id))?;
        let blobs = removed.iter().filter(|d| d.place == DocumentPlace::Blob).map(|d| d.sha256).collect();
        self.drop_unused(blobs).await;
        Ok(())
    }

    /// Removes the blobs that no document uses. What fails here is swept at start.
    async fn drop_unused(&self, blobs: Vec<Sha256>) {
        for blob in blobs {
            let used: Result<bool, StoreError> = self.store.read(move |tx| tx.blob_is_referenced(&blob)).await;
            if used != Ok(false) {
                continue;
            }
            // Asked again where documents are recorded, one job at a time: the same bytes may be on their way in with
            // another submission, which must find them or be told that they are gone (see `record`).
            let files = self.blobs.clone();
            let removed: Result<(), StoreError> = self
                .store
                .write(move |tx| if tx.blob_is_referenced(&blob)? { Ok(()) } else { files.remove(&blob) })
                .await;
            if let Err(error) = removed {
                tracing::warn!(%error, "cannot remove the file of a refused document; it goes at the next start");
            }
        }
    }

    /// Whether the registry names this repository as the place of a document; no when it does not answer.
    async fn is_registered(&self, document: &UniqueId, cx: &Cx) -> bool {
        let RegisterAt::Peer(registry) = &self.register_at else { return false };
        let query = DocumentQuery { unique_ids: vec![document.clone()], ..DocumentQuery::default() };
        let found = registry.find(&query, cx).await;
        found.is_ok_and(|f| f.items.iter().any(|e| e.repository_unique_id.as_ref() == Some(&self.unique_id)))
    }

    async fn open(&self, request: &DocumentRequest, cx: &Cx) -> Result<RetrievedDocument, Fault> {
        if request.repository_unique_id != self.unique_id {
            let repository = request.repository_unique_id.clone();
            return Err(Fault::UnknownRepository { repository, unique_id: request.unique_id.clone() });
        }
        let id = request.unique_id.clone();
        let found = self
            .store
            .read(move |tx| {
                let Some(document) = tx.document(&id)? else { return Ok(None) };
                let inline = match document.place {
                    DocumentPlace::Inline => tx.document_bytes(&id)?,
                    DocumentPlace::Blob => None,
                };
                Ok::<_, StoreError>(Some((document, inline)))
            })
            .await
            .map_err(|e| first(internal(e, &cx.request_id)))?;
        let not_found = || Fault::DocumentNotFound(request.unique_id.clone());
        let (document, inline) = found.ok_or_else(not_found)?;
        // The registry shows a document from the moment it has taken it, and we hear of that a little later, or only at
        // the next `recover` when its answer was lost. Whoever asks in between has found it there.
        if document.state != DocumentState::Committed && !self.is_registered(&document.unique_id, cx).await {
            return Err(not_found());
        }
        let body = match inline {
            Some(bytes) => once(Bytes::from(bytes)),
            None => {
                let there = self.blobs.contains(&document.sha256).map_err(|e| first(internal(e, &cx.request_id)))?;
                if !there {
                    return Err(not_found());
                }
                let (blobs, sha256, log_id) = (self.blobs.clone(), document.sha256, cx.request_id.clone());
                when_read(move || {
                    let opened = blobs.open(&sha256).map_err(|e| first(internal(e, &log_id)))?;
                    let gone = || Fault::Internal { log_id: log_id.clone() };
                    Ok(blob_stream(Arc::from(opened.ok_or_else(gone)?), log_id.clone()))
                })
            }
        };
        let (mime_type, size_octets) = (document.mime_type, Some(document.size_octets));
        Ok(RetrievedDocument { request: request.clone(), mime_type, size_octets, body })
    }
}

impl Spool for DocumentRepository {
    fn create(&self) -> Result<Box<dyn BlobWriter>, StoreError> {
        self.blobs.create()
    }

    fn release<'a>(&'a self, blobs: Vec<Sha256>) -> BoxFuture<'a, ()> {
        Box::pin(self.drop_unused(blobs))
    }
}

impl Repository for DocumentRepository {
    fn provide<'a>(
        &'a self,
        mut submission: Submission,
        documents: Vec<ProvidedDocument>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async move {
            let mut blobs = Vec::new();
            let registered = match self.prepare(&mut submission, documents, &mut blobs) {
                Ok(ready) => self.store_and_register(submission, ready, cx).await,
                Err(refusal) => Err(refusal),
            };
            // After a success too: a document that was here before, inside the metadata, does not use its new blob.
            self.drop_unused(blobs).await;
            registered
        })
    }

    fn remove<'a>(&'a self, requests: &'a [DocumentRequest], cx: &'a Cx) -> BoxFuture<'a, Result<Vec<Fault>, Refusal>> {
        Box::pin(async move {
            let mut faults = Vec::new();
            let mut ids: Vec<UniqueId> = Vec::new();
            for request in requests {
                if request.repository_unique_id != self.unique_id {
                    let (repository, unique_id) = (request.repository_unique_id.clone(), request.unique_id.clone());
                    faults.push(Fault::UnknownRepository { repository, unique_id });
                } else if !ids.contains(&request.unique_id) {
                    ids.push(request.unique_id.clone());
                }
            }
            let removed = self
                .store
                .write(move |tx| {
                    let mut removed = Vec::new();
                    let mut missing = Vec::new();
                    for id in ids {
                        match tx.remove_document(&id)? {
                            Some(document) => removed.push(document),
                            None => missing.push(Fault::DocumentNotFound(id)),
                        }
                    }
                    Ok::<_, StoreError>((removed, missing))
                })
                .await;
            let (removed, missing) = removed.map_err(|e| storage(e, &cx.request_id))?;
            let blobs = removed.iter().filter(|d| d.place == DocumentPlace::Blob).map(|d| d.sha256).collect();
            self.drop_unused(blobs).await;
            faults.extend(missing);
            Ok(faults)
        })
    }

    fn retrieve<'a>(
        &'a self,
        requests: &'a [DocumentRequest],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Retrieved, Refusal>> {
        Box::pin(async move {
            let mut retrieved = Retrieved { documents: Vec::new(), faults: Vec::new() };
            for request in requests {
                match self.open(request, cx).await {
                    Ok(document) => retrieved.documents.push(document),
                    Err(fault) => retrieved.faults.push(fault),
                }
            }
            Ok(retrieved)
        })
    }
}

struct Failed(Refusal);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Failed(storage(error, "provide"))
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Failed(refusal)
    }
}

/// Records documents; shape: those that were not there before. Errors: all conflicts, or the first failure of ours.
fn record_all(
    tx: &mut dyn WriteTx,
    blobs: &dyn BlobStore,
    documents: &[Ready],
    state: DocumentState,
    now: i64,
    request_id: &str,
) -> Result<Vec<UniqueId>, Refusal> {
    let (mut added, mut faults) = (Vec::new(), Vec::new());
    for document in documents {
        match record(tx, blobs, document, state, now, request_id) {
            Ok(Put::Added) => added.push(document.unique_id.clone()),
            Ok(Put::AlreadyThere) => {}
            Err(fault) if fault.is_transient() => return Err(fault.into()),
            Err(fault) => faults.push(fault),
        }
    }
    Refusal::of(faults).map_or(Ok(added), Err)
}

fn record(
    tx: &mut dyn WriteTx,
    blobs: &dyn BlobStore,
    document: &Ready,
    state: DocumentState,
    now: i64,
    request_id: &str,
) -> Result<Put, Fault> {
    let failed = |error: StoreError| first(storage(error, request_id));
    let existed = tx.document(&document.unique_id).map_err(failed)?;
    if let Some(existed) = &existed
        && state == DocumentState::Staged
        && existed.state == DocumentState::Staged
        && existed.sha256 == document.digest.sha256
    {
        // Staged anew with the time of this request: whoever settles the earlier attempt leaves it alone (`discard`).
        tx.remove_document(&document.unique_id).map_err(failed)?;
    }
    let outcome = match &document.inline {
        Some(bytes) => tx
            .put_document_inline(&document.unique_id, &document.mime_type, bytes, state, now)
            .map(|_| if existed.is_some() { Put::AlreadyThere } else { Put::Added }),
        // Only while a refused submission with the same bytes is being tidied away; the next attempt brings them again.
        None if !blobs.contains(&document.digest.sha256).map_err(failed)? => return Err(Fault::Busy),
        // One that an earlier attempt staged is not this request's to remove, whoever recorded it last.
        None => tx
            .put_document(&StoredDocument {
                unique_id: document.unique_id.clone(),
                mime_type: document.mime_type.clone(),
                size_octets: document.digest.size_octets,
                sha1: document.digest.sha1.clone(),
                sha256: document.digest.sha256,
                state,
                place: DocumentPlace::Blob,
                stored_at: now,
            })
            .map(|put| if existed.is_some() { Put::AlreadyThere } else { put }),
    };
    outcome.map_err(|error| match error {
        StoreError::Conflict { .. } => Fault::NonIdenticalHash(document.unique_id.clone()),
        error => failed(error),
    })
}

fn first(refusal: Refusal) -> Fault {
    refusal.first().clone()
}
