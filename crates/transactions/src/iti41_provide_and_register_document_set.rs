//! ITI-41 Provide and Register Document Set-b, and RAD-68, which is the same on the wire. ITI TF-2 3.41, RAD TF-2 4.68;
//! spec/xds.md sections 15, 21.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::error_code::Side;
use crate::edge::registry_errors;
use crate::edge::soap_client::SoapPeer;
use crate::edge::soap_server::{Attachment, SoapReply, SoapRequest, SoapTransaction};
use crate::iti42_register_document_set::{facts, invalid, registered, response};
use crate::{Access, Binding, Transaction, iti43_retrieve_document_set as iti43, iti86_remove_documents as iti86};
use actors::{
    BoxFuture, Cx, DocumentContent, DocumentRequest, Fault, ProvidedDocument, Refusal, Registered, Repository,
    Retrieved, once,
};
use ebxml::Content;
use model::{DocumentEntry, Invalid, Submission};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-41",
    name: "Provide and Register Document Set-b",
    section: "ITI TF-2 3.41",
    binding: Binding::Soap {
        path: "/xds/repository",
        action: "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b",
        response_action: "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse",
        mtom: true,
    },
    access: Access::Publish,
};

/// RAD-68 has no action of its own; what it carries tells.
pub static RAD_68: Transaction = Transaction {
    id: "RAD-68",
    name: "Provide and Register Imaging Document Set - MTOM/XOP",
    section: "RAD TF-2 4.68",
    binding: Binding::Soap {
        path: "/xds/repository",
        action: "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b",
        response_action: "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse",
        mtom: true,
    },
    access: Access::Publish,
};

/// Looks into a document before it is stored. Errors: the document is not what its metadata says.
pub trait DocumentCheck: Send + Sync {
    /// Whether it has anything to say of such a document.
    fn concerns(&self, entry: &DocumentEntry) -> bool;
    /// Blocks.
    fn check(&self, entry: &DocumentEntry, content: &DocumentContent) -> Result<(), Fault>;
}

/// Answers a source.
pub struct Server {
    pub repository: Arc<dyn Repository>,
    pub checks: Vec<Arc<dyn DocumentCheck>>,
    pub edge: Edge,
}

/// A request as understood: what it brings or why it is refused, and the metadata that was not kept.
type Read = (Result<(Submission, Vec<ProvidedDocument>), Refusal>, Vec<Invalid>);

impl Server {
    fn read(&self, request: &mut SoapRequest) -> Result<Read, soap::Fault> {
        let SoapRequest { envelope, parts, no_room, .. } = request;
        let body =
            envelope.body_named(ebxml::ns::XDS, "ProvideAndRegisterDocumentSetRequest").map_err(|e| e.fault())?;
        let decoded = match ebxml::decode_provide(&body) {
            Ok(decoded) => decoded,
            Err(findings) => return Ok((Err(refused(findings)), Vec::new())),
        };
        let mut documents = Vec::new();
        for document in decoded.value.documents {
            let content = match &document.content {
                Content::Part(_) => {
                    let href = body
                        .children_named(ebxml::ns::XDS, "Document")
                        .find(|d| d.attr("id").is_some_and(|id| id.trim() == document.id.as_str()))
                        .map(soap::binary);
                    let Some(Ok(soap::Binary::Part(href))) = href else {
                        return Err(soap::Fault::sender(format!("Document {} has no readable content", document.id)));
                    };
                    match parts.take(&href) {
                        Some(content) => content,
                        // Not for the lack of a part: `respond` says why.
                        None if no_room.is_some() => continue,
                        None => {
                            return Err(soap::Fault::sender(format!(
                                "Document {} refers to cid:{} but the message has no part with that Content-ID",
                                document.id,
                                href.as_str()
                            )));
                        }
                    }
                }
                Content::Inline(_) => match document.content.octets() {
                    Some(Ok(octets)) => DocumentContent::Memory(octets.into()),
                    Some(Err(e)) => return Err(soap::Fault::sender(format!("Document {}: {e}", document.id))),
                    None => continue,
                },
            };
            documents.push(ProvidedDocument { entry_id: document.id, content });
        }
        Ok((Ok((decoded.value.submission, documents)), decoded.not_kept))
    }
}

/// Provides documents that pass every check. Errors: those of all checks, else the repository's.
pub(crate) async fn checked(
    repository: &dyn Repository,
    checks: &[Arc<dyn DocumentCheck>],
    submission: Submission,
    documents: Vec<ProvidedDocument>,
    cx: &Cx,
) -> Result<Registered, Refusal> {
    let mut looks = Vec::new();
    for document in &documents {
        let Some(entry) = submission.entry(&document.entry_id) else { continue };
        for check in checks.iter().filter(|check| check.concerns(entry)) {
            looks.push((check.clone(), entry.clone(), document.content.clone()));
        }
    }
    let mut faults = Vec::new();
    if !looks.is_empty() {
        let looked = tokio::task::spawn_blocking(move || {
            let faults = looks.iter().filter_map(|(check, entry, content)| check.check(entry, content).err());
            faults.collect::<Vec<_>>()
        });
        faults = looked.await.unwrap_or_else(|error| {
            tracing::error!(request_id = cx.request_id, %error, "a document could not be looked into");
            vec![Fault::Internal { log_id: cx.request_id.clone() }]
        });
    }
    match Refusal::of(faults) {
        Some(refusal) => Err(refusal),
        None => repository.provide(submission, documents, cx).await,
    }
}

impl SoapTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        &TRANSACTION
    }

    fn respond<'a>(&'a self, mut request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>> {
        Box::pin(async move {
            let (read, not_kept) = self.read(&mut request)?;
            let (transaction, facts, provided) = match read {
                Ok((submission, documents)) => {
                    let imaging = submission.entries.iter().any(DocumentEntry::is_kos);
                    let facts = facts(&submission);
                    let transaction = if imaging { &RAD_68 } else { &TRANSACTION };
                    let provided = match request.no_room.take() {
                        Some(fault) => Err(fault.into()),
                        None => checked(&*self.repository, &self.checks, submission, documents, cx).await,
                    };
                    (transaction, facts, provided)
                }
                Err(refusal) => (&TRANSACTION, Facts::default(), Err(refusal)),
            };
            self.edge.audit(transaction, Outcome::of(&provided), facts, cx);
            let mut response = response(provided, Side::Repository);
            response.errors.extend(not_kept.iter().map(registry_errors::not_kept));
            Ok(SoapReply::of(move |w| ebxml::encode_registry_response(&response, w)))
        })
    }
}

/// Findings of the decoder as a refusal. Hash and size are the repository's own to check, and one that cannot be read
/// cannot agree with the document either. Source: ITI TF-2 3.41.4.1.3; spec/xds.md section 25.
fn refused(findings: Vec<Invalid>) -> Refusal {
    let fault = |finding: Invalid| match finding.field.as_str() {
        "DocumentEntry.hash" | "DocumentEntry.size" => Fault::InvalidDocument(finding),
        _ => Fault::InvalidMetadata(finding),
    };
    Refusal::of(findings.into_iter().map(fault).collect()).unwrap_or_else(|| invalid(Vec::new()))
}

/// Provides to a repository and retrieves from it: a `Repository` over ITI-41 and ITI-43.
pub struct Client {
    pub peer: SoapPeer,
    /// Most octets of documents that a retrieve of several keeps in memory.
    pub memory_octets: u64,
}

impl Repository for Client {
    fn provide<'a>(
        &'a self,
        submission: Submission,
        documents: Vec<ProvidedDocument>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async move {
            let mut attachments = Vec::new();
            let mut ids = Vec::new();
            for document in documents {
                let entry = submission.entry(&document.entry_id);
                let mime = entry.map_or("application/octet-stream", |e| e.mime_type.as_str()).to_owned();
                let body = match document.content {
                    DocumentContent::Memory(bytes) => once(bytes),
                    DocumentContent::File(path) => file_stream(path)?,
                    DocumentContent::Blob(_) => {
                        return Err(Fault::Unsupported("forwarding a document out of the blob store".into()).into());
                    }
                };
                ids.push(document.entry_id);
                attachments.push(Attachment { content_type: mime, body });
            }
            let body = |w: &mut xml::XmlWriter, mtom: &soap::MtomWriter| {
                let documents: Vec<_> = ids
                    .iter()
                    .enumerate()
                    .map(|(n, id)| ebxml::ProvidedDocument {
                        id: id.clone(),
                        content: Content::Part(mtom.content_id(n + 1).into()),
                    })
                    .collect();
                ebxml::encode_provide(&submission, &documents, w);
            };
            let answer = self.peer.exchange(&TRANSACTION, body, attachments, 0, cx).await?;
            registered(&self.peer, &answer.envelope, Some(&submission.set.patient_id))?;
            Ok(Registered::default())
        })
    }

    fn remove<'a>(&'a self, requests: &'a [DocumentRequest], cx: &'a Cx) -> BoxFuture<'a, Result<Vec<Fault>, Refusal>> {
        Box::pin(iti86::remove(&self.peer, requests, cx))
    }

    fn retrieve<'a>(
        &'a self,
        requests: &'a [DocumentRequest],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Retrieved, Refusal>> {
        Box::pin(iti43::retrieve(&self.peer, requests, self.memory_octets, cx))
    }
}

fn file_stream(path: std::path::PathBuf) -> Result<actors::ByteStream, Refusal> {
    let broken = |e: std::io::Error| Fault::OutOfResources(format!("cannot read the document to send: {}", e.kind()));
    let mut file = std::fs::File::open(path).map_err(broken)?;
    Ok(actors::read_ahead(move || {
        let mut buffer = vec![0; 256 * 1024];
        let count = std::io::Read::read(&mut file, &mut buffer).map_err(broken)?;
        buffer.truncate(count);
        Ok((count > 0).then(|| buffer.into()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_that_is_none_is_the_repositorys_finding_and_other_metadata_the_registrys() {
        let hash = Invalid::new("DocumentEntry.hash", "must be a SHA-1 of 40 hexadecimal digits", "123e2");
        let title = Invalid::new("DocumentEntry.title", "must have at most 128 characters", "x");
        let refusal = refused(vec![hash.clone(), title.clone()]);
        assert_eq!(refusal.faults(), [Fault::InvalidDocument(hash), Fault::InvalidMetadata(title)]);
    }
}
