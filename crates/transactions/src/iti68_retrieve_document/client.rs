//! Fetches documents from a peer: by address, or as a `Repository` over ITI-67 and ITI-68. MHD 2:3.68.

use crate::edge::fhir_client::FhirPeer;
use crate::edge::operation_outcome;
use crate::iti67_find_document_references as iti67;
use actors::{
    BoxFuture, ByteStream, Cx, DocumentRequest, Fault, ProvidedDocument, Refusal, Registered, Repository, Retrieved,
    RetrievedDocument,
};
use futures_util::stream;
use http::{StatusCode, header};
use model::Submission;

/// Asks a peer for documents.
#[derive(Clone)]
pub struct Client {
    pub peer: FhirPeer,
    /// The peer is a node of ours: a document's address follows from its uniqueId, and no search is needed.
    pub address_from_unique_id: bool,
}

/// A document on its way in.
pub struct FetchedDocument {
    pub mime_type: String,
    pub size_octets: Option<u64>,
    pub body: ByteStream,
}

impl Client {
    /// Fetches the bytes at an `attachment.url` of this peer.
    ///
    /// Errors: `PeerUnavailable` without an answer; `Remote` for a refusal, HTTP 404 included.
    pub async fn fetch(&self, url: &str, accept: Option<&str>, cx: &Cx) -> Result<FetchedDocument, Refusal> {
        let url = self.peer.absolute(url);
        let request = self.peer.http.get(&url).header(header::ACCEPT, accept.unwrap_or("*/*"));
        let mut response = self.peer.send(request, cx).await?;
        let status = response.status();
        if status != StatusCode::OK {
            let mut body = Vec::new();
            while let Ok(Some(chunk)) = response.chunk().await {
                body.extend_from_slice(&chunk);
                if body.len() > 256 * 1024 {
                    break;
                }
            }
            return Err(operation_outcome::refusal(&self.peer.name, status, &body, None));
        }
        let mime_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let mime_type = mime_type.unwrap_or("application/octet-stream").to_owned();
        let size_octets = response.content_length();
        let name = self.peer.name.clone();
        let body = stream::unfold(Some(response), move |response| {
            let name = name.clone();
            async move {
                let mut response = response?;
                match response.chunk().await {
                    Ok(Some(chunk)) => Some((Ok(chunk), Some(response))),
                    Ok(None) => None,
                    Err(_) => {
                        let reason = "broke off a document".to_owned();
                        Some((Err(Fault::PeerUnavailable { peer: name, reason }), None))
                    }
                }
            }
        });
        Ok(FetchedDocument { mime_type, size_octets, body: Box::pin(body) })
    }

    async fn one(&self, request: &DocumentRequest, cx: &Cx) -> Result<RetrievedDocument, Refusal> {
        let not_found = || Refusal::from(Fault::DocumentNotFound(request.unique_id.clone()));
        let url = if self.address_from_unique_id {
            fhir::document_reference::document_url(&self.peer.base, &request.unique_id)
        } else {
            let registry = iti67::Client { peer: self.peer.clone(), most_entries: 1000 };
            registry.address(&request.unique_id, cx).await?.ok_or_else(not_found)?
        };
        let fetched = self.fetch(&url, None, cx).await.map_err(|refusal| match refusal.first() {
            Fault::Remote { code, .. } if code.starts_with("HTTP 404") => not_found(),
            _ => refusal,
        })?;
        Ok(RetrievedDocument {
            request: request.clone(),
            mime_type: fetched.mime_type,
            size_octets: fetched.size_octets,
            body: fetched.body,
        })
    }
}

impl Repository for Client {
    fn provide<'a>(
        &'a self,
        _: Submission,
        _: Vec<ProvidedDocument>,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("providing over ITI-68".to_owned()).into()) })
    }

    fn retrieve<'a>(
        &'a self,
        requests: &'a [DocumentRequest],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Retrieved, Refusal>> {
        Box::pin(async move {
            let mut retrieved = Retrieved { documents: Vec::new(), faults: Vec::new() };
            for request in requests {
                match self.one(request, cx).await {
                    Ok(document) => retrieved.documents.push(document),
                    Err(refusal) => retrieved.faults.extend(refusal.faults().iter().cloned()),
                }
            }
            Ok(retrieved)
        })
    }
}
