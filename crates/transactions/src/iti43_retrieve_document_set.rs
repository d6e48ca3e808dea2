//! ITI-43 Retrieve Document Set. ITI TF-2 3.43; spec/xds.md section 17.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::error_code::Side;
use crate::edge::registry_errors;
use crate::edge::soap_client::SoapPeer;
use crate::edge::soap_server::{Attachment, SoapReply, SoapRequest, SoapTransaction};
use crate::{Access, Binding, Transaction};
use actors::{
    BoxFuture, ByteStream, Cx, DocumentRequest, Fault, Refusal, Repository, Retrieved, RetrievedDocument, once,
};
use ebxml::{Content, RetrieveResponse, Severity};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-43",
    name: "Retrieve Document Set",
    section: "ITI TF-2 3.43",
    binding: Binding::Soap {
        path: "/xds/repository",
        action: "urn:ihe:iti:2007:RetrieveDocumentSet",
        response_action: "urn:ihe:iti:2007:RetrieveDocumentSetResponse",
        mtom: true,
    },
    access: Access::Retrieve,
};

/// Most documents in one request.
const MOST_DOCUMENTS: usize = 1000;

/// Answers a consumer.
pub struct Server {
    pub repository: Arc<dyn Repository>,
    pub edge: Edge,
}

impl SoapTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        &TRANSACTION
    }

    fn respond<'a>(&'a self, request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>> {
        Box::pin(async move {
            let decoded = {
                let body =
                    request.envelope.body_named(ebxml::ns::XDS, "RetrieveDocumentSetRequest").map_err(|e| e.fault())?;
                ebxml::decode_retrieve_request(&body)
            };
            let wanted: Vec<DocumentRequest> = decoded
                .map_err(|findings| {
                    let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
                    soap::Fault::sender(text.join("; "))
                })?
                .into_iter()
                .map(from_wire)
                .collect();
            if wanted.len() > MOST_DOCUMENTS {
                let text = format!("at most {MOST_DOCUMENTS} documents may be asked for at once, got {}", wanted.len());
                return Err(soap::Fault::sender(text));
            }
            let retrieved = self.repository.retrieve(&wanted, cx).await;
            let objects = wanted.iter().map(|r| r.unique_id.to_string()).collect();
            let outcome = match &retrieved {
                Ok(retrieved) if !retrieved.faults.is_empty() => {
                    Outcome::MinorFailure(format!("{} of {} not found", retrieved.faults.len(), wanted.len()))
                }
                other => Outcome::of(other),
            };
            self.edge.audit(&TRANSACTION, outcome, Facts { patient: None, objects, query: None }, cx);
            let (documents, faults) = match retrieved {
                Ok(retrieved) => (retrieved.documents, retrieved.faults),
                Err(refusal) => (Vec::new(), refusal.faults().to_vec()),
            };
            Ok(reply(documents, &faults))
        })
    }
}

/// A DocumentRequest as the waist knows it.
pub(crate) fn from_wire(request: ebxml::DocumentRequest) -> DocumentRequest {
    DocumentRequest {
        home_community_id: request.home_community_id,
        repository_unique_id: request.repository_unique_id,
        unique_id: request.document_unique_id,
    }
}

pub(crate) fn to_wire(request: &DocumentRequest) -> ebxml::DocumentRequest {
    ebxml::DocumentRequest {
        home_community_id: request.home_community_id.clone(),
        repository_unique_id: request.repository_unique_id.clone(),
        document_unique_id: request.unique_id.clone(),
    }
}

fn reply(documents: Vec<RetrievedDocument>, faults: &[Fault]) -> SoapReply {
    let errors = registry_errors::errors(faults, Side::Repository);
    let mut heads = Vec::new();
    let mut attachments = Vec::new();
    for document in documents {
        heads.push((document.request, document.mime_type.clone()));
        attachments.push(Attachment { content_type: document.mime_type, body: document.body });
    }
    let body = move |w: &mut xml::XmlWriter, mtom: &soap::MtomWriter| {
        let documents = heads
            .into_iter()
            .enumerate()
            .map(|(n, (request, mime_type))| ebxml::RetrievedDocument {
                home_community_id: request.home_community_id,
                repository_unique_id: request.repository_unique_id,
                document_unique_id: request.unique_id,
                new_repository_unique_id: None,
                new_document_unique_id: None,
                mime_type,
                content: Content::Part(mtom.content_id(n + 1).into()),
            })
            .collect();
        ebxml::encode_retrieve_response(&RetrieveResponse::of(documents, errors), w);
    };
    SoapReply { body: Box::new(body), pieces: None, attachments }
}

/// Asks a repository. One document streams; several are kept in memory up to `memory_octets`.
pub(crate) async fn retrieve(
    peer: &SoapPeer,
    requests: &[DocumentRequest],
    memory_octets: u64,
    cx: &Cx,
) -> Result<Retrieved, Refusal> {
    let asked: Vec<ebxml::DocumentRequest> = requests.iter().map(to_wire).collect();
    let body = |w: &mut xml::XmlWriter, _: &soap::MtomWriter| ebxml::encode_retrieve_request(&asked, w);
    if requests.len() == 1 {
        let answer = peer.exchange_streamed(&TRANSACTION, body, cx).await?;
        let mut first = answer.first;
        return read(peer, &answer.envelope, requests, |cid| first.take_if(|(id, _)| same_id(id, cid)).map(|(_, s)| s));
    }
    let answer = peer.exchange(&TRANSACTION, body, Vec::new(), memory_octets, cx).await?;
    let mut parts: Vec<_> = answer.parts.iter().map(|(id, bytes)| (id.to_owned(), bytes.clone())).collect();
    read(peer, &answer.envelope, requests, |cid| {
        let at = parts.iter().position(|(id, _)| same_id(id, cid))?;
        Some(once(parts.swap_remove(at).1))
    })
}

fn same_id(content_id: &str, cid: &str) -> bool {
    let bare = content_id.trim().trim_start_matches('<').trim_end_matches('>');
    bare == cid || Content::Part(cid.into()).content_id().as_deref() == Some(bare)
}

fn read(
    peer: &SoapPeer,
    envelope: &soap::Envelope,
    requests: &[DocumentRequest],
    mut part: impl FnMut(&str) -> Option<ByteStream>,
) -> Result<Retrieved, Refusal> {
    let bad = |e: String| peer.unavailable(format!("sent a bad answer: {e}"));
    let body = envelope.body_named(ebxml::ns::XDS, "RetrieveDocumentSetResponse").map_err(|e| bad(e.to_string()))?;
    let response = ebxml::decode_retrieve_response(&body).map_err(|e| bad(e.to_string()))?;
    let mut retrieved = Retrieved { documents: Vec::new(), faults: Vec::new() };
    for document in response.documents {
        let Some(request) = requests.iter().find(|r| r.unique_id == document.document_unique_id) else { continue };
        let (size_octets, body) = match &document.content {
            Content::Part(cid) => {
                let body = part(cid).ok_or_else(|| bad(format!("no part with Content-ID {cid}")))?;
                (None, body)
            }
            Content::Inline(_) => match document.content.octets() {
                Some(Ok(octets)) => (Some(octets.len() as u64), once(octets.into())),
                Some(Err(e)) => return Err(bad(e.to_string()).into()),
                None => continue,
            },
        };
        let mime_type = document.mime_type;
        retrieved.documents.push(RetrievedDocument { request: request.clone(), mime_type, size_octets, body });
    }
    for error in response.errors.iter().filter(|e| e.severity == Severity::Error) {
        let request = requests.iter().find(|r| Some(r.unique_id.as_str()) == error.location.as_deref());
        retrieved.faults.push(match (error.code.as_str(), request) {
            ("XDSDocumentUniqueIdError", Some(request)) => Fault::DocumentNotFound(request.unique_id.clone()),
            (code, _) => {
                crate::edge::error_code::remote_fault(&peer.name, code, &error.context, error.location.as_deref())
            }
        });
    }
    if retrieved.documents.is_empty() && retrieved.faults.is_empty() {
        return Err(bad("neither a document nor an error".into()).into());
    }
    Ok(retrieved)
}
