//! ITI-86 Remove Documents. ITI TF-2 3.86 (trial implementation); spec/xds.md 19.4.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::error_code::{Side, remote_fault};
use crate::edge::registry_errors;
use crate::edge::soap_client::SoapPeer;
use crate::edge::soap_server::{SoapReply, SoapRequest, SoapTransaction};
use crate::iti42_register_document_set::invalid;
use crate::iti43_retrieve_document_set::{from_wire, to_wire};
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, Cx, DocumentRequest, Fault, Refusal, Repository};
use ebxml::{RegistryError, RegistryResponse, ResponseStatus, Severity};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-86",
    name: "Remove Documents",
    section: "ITI TF-2 3.86",
    binding: Binding::Soap {
        path: "/xds/repository",
        action: "urn:ihe:iti:2017:RemoveDocuments",
        response_action: "urn:ihe:iti:2017:RemoveDocumentsResponse",
        mtom: false,
    },
    access: Access::Administer,
};

/// Answers a Document Administrator.
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
                    request.envelope.body_named(ebxml::ns::RMD, "RemoveDocumentsRequest").map_err(|e| e.fault())?;
                ebxml::decode_remove_documents(&body)
            };
            let (asked, removed) = match decoded {
                Ok(requests) => {
                    let requests: Vec<DocumentRequest> = requests.into_iter().map(from_wire).collect();
                    let removed = self.repository.remove(&requests, cx).await;
                    (requests, removed)
                }
                Err(findings) => (Vec::new(), Err(invalid(findings))),
            };
            let faults = match &removed {
                Ok(faults) => faults.clone(),
                Err(refusal) => refusal.faults().to_vec(),
            };
            let outcome = match &removed {
                Ok(faults) if !faults.is_empty() => {
                    Outcome::MinorFailure(format!("{} of {} not removed", faults.len(), asked.len()))
                }
                other => Outcome::of(other),
            };
            let objects = asked.iter().map(|r| r.unique_id.to_string()).collect();
            self.edge.audit(&TRANSACTION, outcome, Facts { patient: None, objects, query: None }, cx);
            let errors: Vec<RegistryError> = faults.iter().map(error).collect();
            let some = removed.is_ok() && faults.len() < asked.len();
            let status = ResponseStatus::of(&errors, some);
            let response = RegistryResponse { status, errors };
            Ok(SoapReply::of(move |w| ebxml::encode_registry_response(&response, w)))
        })
    }
}

/// ITI-86 has three codes; whatever has none of its own is a removal that failed. Source: spec/xds.md 19.4, 25.2.
fn error(fault: &Fault) -> RegistryError {
    let error = registry_errors::error(fault, Side::Repository);
    match fault {
        Fault::DocumentNotFound(_) | Fault::UnknownRepository { .. } | Fault::Remote { .. } => error,
        _ => RegistryError { code: "XDSRemoveDocumentsError".into(), ..error },
    }
}

/// Asks a repository to remove documents. Shape: one fault for each that it did not remove.
pub(crate) async fn remove(peer: &SoapPeer, requests: &[DocumentRequest], cx: &Cx) -> Result<Vec<Fault>, Refusal> {
    let asked: Vec<ebxml::DocumentRequest> = requests.iter().map(to_wire).collect();
    let body = |w: &mut xml::XmlWriter, _: &soap::MtomWriter| ebxml::encode_remove_documents(&asked, w);
    let answer = peer.exchange(&TRANSACTION, body, Vec::new(), 0, cx).await?;
    let bad = |e: String| peer.unavailable(format!("sent a bad answer: {e}"));
    let body = answer.envelope.body_named(ebxml::ns::RS, "RegistryResponse").map_err(|e| bad(e.to_string()))?;
    let response = ebxml::decode_registry_response(&body).map_err(|e| bad(e.to_string()))?;
    let errors = response.errors.iter().filter(|e| e.severity == Severity::Error);
    Ok(errors.map(|e| remote_fault(&peer.name, &e.code, &e.context, e.location.as_deref())).collect())
}
