//! Bytes of documents, and manifests as they were read. Documents never change, so the last ones are kept in memory.

use super::Asked;
use super::Here;
use super::problems::{Kind, Trouble};
use actors::{DocumentRequest, Fault};
use bytes::{Bytes, BytesMut};
use dicom::kos::{self, Titles};
use futures_util::StreamExt;
use model::{DocumentEntry, Manifest, UniqueId};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// A document larger than this is not shown in a page.
const MOST_OCTETS: u64 = 64 << 20;
const KEPT_OCTETS: usize = 32 << 20;
const KEPT_MANIFESTS: usize = 256;

/// A document as the repository gave it.
#[derive(Clone)]
pub(super) struct Document {
    pub mime_type: String,
    pub octets: Bytes,
}

/// The documents and manifests read last, oldest first.
#[derive(Default)]
pub(super) struct DocumentCache {
    documents: Mutex<VecDeque<(DocumentRequest, Document)>>,
    manifests: Mutex<VecDeque<(UniqueId, Arc<Manifest>)>>,
}

impl DocumentCache {
    /// A manifest that has been read already.
    pub fn manifest(&self, id: &UniqueId) -> Option<Arc<Manifest>> {
        let kept = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == id).map(|(_, manifest)| manifest.clone())
    }

    fn keep_manifest(&self, id: &UniqueId, manifest: &Arc<Manifest>) {
        let mut kept = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| known != id);
        kept.push_back((id.clone(), manifest.clone()));
        while kept.len() > KEPT_MANIFESTS {
            kept.pop_front();
        }
    }

    fn document(&self, request: &DocumentRequest) -> Option<Document> {
        let kept = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == request).map(|(_, document)| document.clone())
    }

    fn keep_document(&self, request: &DocumentRequest, document: &Document) {
        if document.octets.len() > KEPT_OCTETS / 4 {
            return;
        }
        let mut kept = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| known != request);
        kept.push_back((request.clone(), document.clone()));
        let mut total: usize = kept.iter().map(|(_, document)| document.octets.len()).sum();
        while total > KEPT_OCTETS {
            match kept.pop_front() {
                Some((_, old)) => total -= old.octets.len(),
                None => break,
            }
        }
    }
}

impl Here {
    /// The bytes of an entry that the caller has checked to be the patient's.
    pub(super) async fn document(&self, entry: &DocumentEntry, asked: &Asked) -> Result<Document, Trouble> {
        let Some(repository) = entry.repository_unique_id.clone() else {
            return Err(Fault::DocumentNotFound(entry.unique_id.clone()).into());
        };
        let request = DocumentRequest {
            home_community_id: entry.home_community_id.clone(),
            repository_unique_id: repository,
            unique_id: entry.unique_id.clone(),
        };
        if let Some(document) = self.documents.document(&request) {
            return Ok(document);
        }
        let limit = MOST_OCTETS.min(self.portal.edge.document_octets);
        let requests = [request];
        let mut retrieved = self.portal.repository.retrieve(&requests, &asked.cx).await?;
        let [request] = requests;
        let at = retrieved.documents.iter().position(|document| document.request.unique_id == request.unique_id);
        let Some(at) = at else {
            return Err(match retrieved.faults.first() {
                Some(fault) => fault.into(),
                None => Fault::DocumentNotFound(request.unique_id).into(),
            });
        };
        let mut came = retrieved.documents.swap_remove(at);
        let too_large = || Trouble::of(Kind::NotShown, format!("the document has more than {limit} octets"));
        if came.size_octets.is_some_and(|size| size > limit) {
            return Err(too_large());
        }
        let mut octets = BytesMut::new();
        while let Some(piece) = came.body.next().await {
            let piece = piece?;
            if (octets.len() + piece.len()) as u64 > limit {
                return Err(too_large());
            }
            octets.extend_from_slice(&piece);
        }
        let document = Document { mime_type: came.mime_type, octets: octets.freeze() };
        self.documents.keep_document(&request, &document);
        Ok(document)
    }

    /// The manifest of an entry that the caller has checked to be the patient's.
    pub(super) async fn manifest(&self, entry: &DocumentEntry, asked: &Asked) -> Result<Arc<Manifest>, Trouble> {
        if !entry.is_kos() {
            return Err(Trouble::of(Kind::NotImages, entry.format_code.label()));
        }
        if let Some(manifest) = self.documents.manifest(&entry.unique_id) {
            return Ok(manifest);
        }
        let document = self.document(entry, asked).await?;
        let decoded = tokio::task::spawn_blocking(move || kos::decode_titled(&document.octets, Titles::Any)).await;
        let decoded = match decoded {
            Ok(Ok(decoded)) => decoded,
            Ok(Err(error)) => return Err(Trouble::of(Kind::NotShown, error.to_string())),
            Err(_) => return Err(Trouble::of(Kind::Internal, "")),
        };
        let study = entry.study_instance_uids().next();
        let mut manifests = decoded.manifests;
        let at = manifests.iter().position(|manifest| Some(manifest.study.as_str()) == study).unwrap_or(0);
        if at >= manifests.len() {
            return Err(Trouble::of(Kind::NoImages, ""));
        }
        let manifest = Arc::new(manifests.swap_remove(at));
        self.documents.keep_manifest(&entry.unique_id, &manifest);
        Ok(manifest)
    }
}
