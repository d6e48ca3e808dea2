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
use ebxml::{Content, RegistryError, RetrieveResponse, Severity};
use futures_util::StreamExt;
use model::Invalid;
use soap::Packaging;
use std::collections::HashSet;
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

const REQUEST: &str = "RetrieveDocumentSetRequest";

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
                let body = request.envelope.body_named(ebxml::ns::XDS, REQUEST).map_err(|e| e.fault())?;
                ebxml::decode_retrieve_request(&body)
            };
            let (wanted, retrieved) = match decoded {
                Ok(requests) if requests.len() <= MOST_DOCUMENTS => {
                    let wanted: Vec<DocumentRequest> = requests.into_iter().map(from_wire).collect();
                    let retrieved = self.repository.retrieve(&wanted, cx).await;
                    (wanted, retrieved)
                }
                Ok(requests) => {
                    let rule = format!("must ask for at most {MOST_DOCUMENTS} documents");
                    (Vec::new(), Err(unreadable(vec![Invalid::new(REQUEST, rule, requests.len().to_string())])))
                }
                Err(findings) => (Vec::new(), Err(unreadable(findings))),
            };
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
            let errors = errors(&wanted, &documents, &faults);
            Ok(match request.packaging {
                // What is too long for an envelope comes beside it all the same: that is the transaction's own form.
                Packaging::Plain if fit_inside(&documents, self.edge.message_octets) => {
                    reply_inside(documents, errors).await
                }
                Packaging::Plain | Packaging::Mtom => reply(documents, errors),
            })
        })
    }
}

/// Findings in a request for documents, which are answered as every other reason is: not with a SOAP fault.
fn unreadable(findings: Vec<Invalid>) -> Refusal {
    let faults = findings.into_iter().map(Fault::InvalidQuery).collect();
    Refusal::of(faults).unwrap_or_else(|| Fault::Unsupported("a request that cannot be read".into()).into())
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

/// One error for each document that is missing, with its DocumentUniqueId as location whatever the reason: that is how
/// consumers tell them apart. A reason that names no document is that of the next that nothing is said of, and the last
/// such reason that of all others. Source: spec/xds.md section 17, rule 3.
fn errors(wanted: &[DocumentRequest], documents: &[RetrievedDocument], faults: &[Fault]) -> Vec<RegistryError> {
    let mut errors = registry_errors::errors(faults, Side::Repository);
    let mut told: HashSet<String> = errors.iter().filter_map(|e| e.location.clone()).collect();
    told.extend(documents.iter().map(|d| d.request.unique_id.to_string()));
    let mut others: Vec<String> = Vec::new();
    for id in wanted.iter().map(|r| r.unique_id.to_string()) {
        if told.insert(id.clone()) {
            others.push(id);
        }
    }
    let mut others = others.into_iter();
    let mut last = None;
    for error in errors.iter_mut().filter(|e| e.location.is_none()) {
        error.location = others.next();
        last = Some(error.clone());
    }
    if let Some(last) = last {
        errors.extend(others.map(|id| last.clone().at(id)));
    }
    errors
}

/// The answer with its documents beside the envelope.
fn reply(documents: Vec<RetrievedDocument>, errors: Vec<RegistryError>) -> SoapReply {
    let mut heads = Vec::new();
    let mut attachments = Vec::new();
    for document in documents {
        heads.push((document.request, document.mime_type.clone()));
        attachments.push(Attachment { content_type: document.mime_type, body: document.body });
    }
    let body = move |w: &mut xml::XmlWriter, mtom: &soap::MtomWriter| {
        let part = |n: usize| Content::Part(mtom.content_id(n + 1).into());
        let documents = heads.iter().enumerate().map(|(n, (request, mime))| found(request, mime, part(n))).collect();
        ebxml::encode_retrieve_response(&RetrieveResponse::of(documents, errors), w);
    };
    SoapReply { body: Box::new(body), pieces: None, attachments }
}

/// Whether all documents have a place within the envelope of an answer, where base64 makes them longer by a third.
fn fit_inside(documents: &[RetrievedDocument], message_octets: usize) -> bool {
    let sizes: Option<Vec<u64>> = documents.iter().map(|d| d.size_octets).collect();
    sizes.is_some_and(|sizes| sizes.iter().sum::<u64>() <= message_octets as u64 / 2)
}

/// The answer with its documents inside, for who asked without MTOM. Source: spec/xds.md section 3, rule 8.
async fn reply_inside(documents: Vec<RetrievedDocument>, mut errors: Vec<RegistryError>) -> SoapReply {
    let mut read = Vec::new();
    for mut document in documents {
        let mut octets = Vec::new();
        let whole = loop {
            match document.body.next().await {
                Some(Ok(bytes)) => octets.extend_from_slice(&bytes),
                Some(Err(fault)) => break Err(fault),
                None => break Ok(()),
            }
        };
        match whole {
            Ok(()) => read.push((document.request, document.mime_type, octets)),
            Err(fault) => {
                let error = registry_errors::error(&fault, Side::Repository);
                errors.push(error.at(document.request.unique_id.to_string()));
            }
        }
    }
    SoapReply::of(move |w| {
        let documents = read.iter().map(|(request, mime, octets)| found(request, mime, Content::of(octets))).collect();
        ebxml::encode_retrieve_response(&RetrieveResponse::of(documents, errors), w);
    })
}

fn found<'c>(request: &DocumentRequest, mime_type: &str, content: Content<'c>) -> ebxml::RetrievedDocument<'c> {
    ebxml::RetrievedDocument {
        home_community_id: request.home_community_id.clone(),
        repository_unique_id: request.repository_unique_id.clone(),
        document_unique_id: request.unique_id.clone(),
        new_repository_unique_id: None,
        new_document_unique_id: None,
        mime_type: mime_type.to_owned(),
        content,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(unique_id: &str) -> DocumentRequest {
        DocumentRequest {
            home_community_id: None,
            repository_unique_id: model::Oid::parse("2.999.1").unwrap(),
            unique_id: model::UniqueId::parse(unique_id).unwrap(),
        }
    }

    fn locations(faults: &[Fault]) -> Vec<(String, String)> {
        let wanted = ["2.25.1", "2.25.2", "2.25.3", "2.25.2"].map(request);
        let found = RetrievedDocument {
            request: request("2.25.1"),
            mime_type: "text/plain".into(),
            size_octets: None,
            body: once(bytes::Bytes::new()),
        };
        let errors = errors(&wanted, &[found], faults);
        errors.into_iter().map(|e| (e.code, e.location.unwrap_or_default())).collect()
    }

    #[test]
    fn every_error_says_which_document_is_missing() {
        let pair = |code: &str, id: &str| (code.to_owned(), id.to_owned());
        let internal = || Fault::Internal { log_id: "7".into() };
        let gone = || Fault::DocumentNotFound(request("2.25.2").unique_id);
        let (not_there, broken) = (pair("XDSDocumentUniqueIdError", "2.25.2"), pair("XDSRepositoryError", "2.25.3"));
        assert_eq!(locations(&[gone(), internal()]), [not_there.clone(), broken.clone()]);
        assert_eq!(locations(&[internal(), gone()]), [broken, not_there]);
        // One reason for everything.
        assert_eq!(
            locations(&[Fault::Busy]),
            [pair("XDSRepositoryBusy", "2.25.2"), pair("XDSRepositoryBusy", "2.25.3")]
        );
    }
}
