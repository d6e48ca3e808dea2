//! Provides to a recipient and retrieves from its responder: a `Repository` over ITI-65 and ITI-68.
//! MHD 2:3.65; spec/fhir.md section 6.

use crate::edge::fhir_client::FhirPeer;
use crate::iti68_retrieve_document as iti68;
use actors::{
    BoxFuture, Cx, DocumentContent, DocumentRequest, Fault, ProvidedDocument, Refusal, Registered, Repository,
    Retrieved,
};
use bytes::Bytes;
use fhir::provide_bundle::{DocumentToProvide, ProvideOptions, encode};
use http::{StatusCode, header};
use model::Submission;

/// Publishes at a peer over FHIR.
#[derive(Clone)]
pub struct Client {
    pub peer: FhirPeer,
    pub retrieve: iti68::Client,
    pub options: ProvideOptions,
}

impl Client {
    async fn octets(content: DocumentContent) -> Result<Bytes, Refusal> {
        let limit = super::BUNDLE_OCTETS as u64 / 4 * 3;
        match content {
            DocumentContent::Memory(octets) => Ok(octets),
            DocumentContent::File(path) => {
                let read = tokio::task::spawn_blocking(move || {
                    let size = std::fs::metadata(&path)?.len();
                    if size > limit { Ok(None) } else { std::fs::read(&path).map(Some) }
                });
                let read = read.await.map_err(|_| Fault::OutOfResources("reading the document failed".to_owned()))?;
                let kind = |e: std::io::Error| Fault::OutOfResources(format!("cannot read the document: {}", e.kind()));
                let text = || format!("a document of more than {limit} octets in an ITI-65 Bundle; use ITI-41");
                Ok(read.map_err(kind)?.ok_or_else(|| Fault::Unsupported(text()))?.into())
            }
            DocumentContent::Blob(_) => {
                Err(Fault::Unsupported("forwarding a document out of the blob store".to_owned()).into())
            }
        }
    }
}

impl Repository for Client {
    fn provide<'a>(
        &'a self,
        submission: Submission,
        documents: Vec<ProvidedDocument>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async move {
            let mut contents = Vec::with_capacity(documents.len());
            for document in documents {
                contents.push((document.entry_id, Client::octets(document.content).await?));
            }
            let to_provide: Vec<_> =
                contents.iter().map(|(entry_id, octets)| DocumentToProvide { entry_id, octets }).collect();
            let body = encode(&submission, &to_provide, self.options);
            let request = self.peer.http.post(&self.peer.base);
            let request =
                request.header(header::CONTENT_TYPE, fhir::MEDIA_TYPE).header(header::ACCEPT, fhir::MEDIA_TYPE);
            let answer = self.peer.exchange(request.body(body), cx, Some(&submission.set.patient_id)).await?;
            match answer.status {
                StatusCode::OK => Ok(Registered::default()),
                other => Err(self.peer.unavailable(format!("answered a Bundle with HTTP {}", other.as_u16())).into()),
            }
        })
    }

    fn retrieve<'a>(
        &'a self,
        requests: &'a [DocumentRequest],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Retrieved, Refusal>> {
        self.retrieve.retrieve(requests, cx)
    }
}
