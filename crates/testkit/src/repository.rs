//! A repository in memory.

use actors::{
    BoxFuture, Cx, DocumentContent, DocumentRequest, Fault, ProvidedDocument, Refusal, Registered, Repository,
    Retrieved, RetrievedDocument,
};
use bytes::Bytes;
use futures_util::stream;
use model::{Submission, UniqueId};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Documents by uniqueId. Counts how often it is asked.
#[derive(Default)]
pub struct MemoryRepository {
    documents: Mutex<HashMap<UniqueId, (String, Bytes)>>,
    /// Answers every retrieve, when there is one.
    pub fault: Mutex<Option<Fault>>,
    /// Octets after which every document breaks off.
    pub break_after: Mutex<Option<usize>>,
    calls: AtomicUsize,
}

impl MemoryRepository {
    pub fn with(self, unique_id: UniqueId, mime_type: &str, octets: impl Into<Bytes>) -> Self {
        let document = (mime_type.to_owned(), octets.into());
        self.documents.lock().expect("no panic").insert(unique_id, document);
        self
    }

    /// Calls since the last time this was asked.
    pub fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

impl Repository for MemoryRepository {
    fn provide<'a>(
        &'a self,
        submission: Submission,
        documents: Vec<ProvidedDocument>,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async move {
            for document in documents {
                let Some(entry) = submission.entry(&document.entry_id) else {
                    return Err(Fault::MissingDocumentMetadata(document.entry_id.to_string()).into());
                };
                let DocumentContent::Memory(octets) = document.content else {
                    return Err(Fault::Unsupported("a document that is not in memory".to_owned()).into());
                };
                let kept = (entry.mime_type.clone(), octets);
                self.documents.lock().expect("no panic").insert(entry.unique_id.clone(), kept);
            }
            Ok(Registered::default())
        })
    }

    fn retrieve<'a>(&'a self, requests: &'a [DocumentRequest], _: &'a Cx) -> BoxFuture<'a, Result<Retrieved, Refusal>> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let mut retrieved = Retrieved { documents: Vec::new(), faults: Vec::new() };
            if let Some(fault) = self.fault.lock().expect("no panic").clone() {
                retrieved.faults.push(fault);
                return Ok(retrieved);
            }
            for request in requests {
                let found = self.documents.lock().expect("no panic").get(&request.unique_id).cloned();
                let Some((mime_type, octets)) = found else {
                    retrieved.faults.push(Fault::DocumentNotFound(request.unique_id.clone()));
                    continue;
                };
                let size_octets = Some(octets.len() as u64);
                let mut pieces: Vec<Result<Bytes, Fault>> =
                    octets.chunks(1000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
                if let Some(after) = *self.break_after.lock().expect("no panic") {
                    pieces.truncate(after / 1000);
                    pieces.push(Err(Fault::Internal { log_id: "broken".to_owned() }));
                }
                let body = Box::pin(stream::iter(pieces));
                let request = request.clone();
                retrieved.documents.push(RetrievedDocument { request, mime_type, size_octets, body });
            }
            Ok(retrieved)
        })
    }
}
