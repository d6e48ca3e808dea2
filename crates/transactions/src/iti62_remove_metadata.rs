//! ITI-62 Remove Metadata, formerly Delete Document Set. ITI TF-2 3.62 (trial implementation); spec/xds.md 19.3.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::error_code::Side;
use crate::edge::registry_errors;
use crate::edge::soap_client::SoapPeer;
use crate::edge::soap_server::{SoapReply, SoapRequest, SoapTransaction};
use crate::iti42_register_document_set::registered;
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, Cx, Fault, Refusal, Registry};
use ebxml::RegistryResponse;
use model::{Invalid, ObjectId};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-62",
    name: "Remove Metadata",
    section: "ITI TF-2 3.62",
    binding: Binding::Soap {
        path: "/xds/registry",
        action: "urn:ihe:iti:2010:DeleteDocumentSet",
        response_action: "urn:ihe:iti:2010:DeleteDocumentSetResponse",
        mtom: false,
    },
    access: Access::Administer,
};

/// Answers a Document Administrator.
pub struct Server {
    pub registry: Arc<dyn Registry>,
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
                    request.envelope.body_named(ebxml::ns::LCM, "RemoveObjectsRequest").map_err(|e| e.fault())?;
                ebxml::decode_remove_objects(&body)
            };
            let objects = decoded.as_ref().map(|ids| ids.iter().map(ObjectId::to_string).collect());
            let objects = objects.unwrap_or_default();
            let removed = match decoded {
                Ok(ids) => self.registry.remove(&ids, cx).await,
                Err(findings) => Err(refused(findings)),
            };
            let facts = Facts { patient: None, objects, query: None };
            self.edge.audit(&TRANSACTION, Outcome::of(&removed), facts, cx);
            let errors = match &removed {
                Ok(()) => Vec::new(),
                Err(refusal) => registry_errors::errors(refusal.faults(), Side::Registry),
            };
            let response = RegistryResponse::of(errors);
            Ok(SoapReply::of(move |w| ebxml::encode_registry_response(&response, w)))
        })
    }
}

/// Findings of the decoder as a refusal. An id that is none is the id of nothing; the rest has no code in this transaction.
fn refused(findings: Vec<Invalid>) -> Refusal {
    let fault = |finding: Invalid| match finding.field.as_str() {
        "ObjectRef.id" => Fault::UnresolvedReference { id: finding.value, role: "ObjectRef.id" },
        _ => Fault::InvalidQuery(finding),
    };
    let faults = findings.into_iter().map(fault).collect();
    Refusal::of(faults).unwrap_or_else(|| Fault::Unsupported("a request that cannot be read".into()).into())
}

/// Asks a registry to remove objects.
pub(crate) async fn remove(peer: &SoapPeer, ids: &[ObjectId], cx: &Cx) -> Result<(), Refusal> {
    let body = |w: &mut xml::XmlWriter, _: &soap::MtomWriter| ebxml::encode_remove_objects(ids, w);
    let answer = peer.exchange(&TRANSACTION, body, Vec::new(), 0, cx).await?;
    registered(peer, &answer.envelope, None)
}
