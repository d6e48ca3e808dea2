//! ITI-57 Update Document Set and ITI-92 Restricted Update Document Set: the same message, more or less of it allowed.
//! ITI TF-2 3.57, 3.92 (trial implementation); spec/xds.md 19.1, 19.2.

use crate::edge::Edge;
use crate::edge::soap_server::{SoapReply, SoapRequest, SoapTransaction};
use crate::iti42_register_document_set::respond;
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, Cx, Registry, UpdateKind};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-57",
    name: "Update Document Set",
    section: "ITI TF-2 3.57",
    binding: Binding::Soap {
        path: "/xds/registry",
        action: "urn:ihe:iti:2010:UpdateDocumentSet",
        response_action: "urn:ihe:iti:2010:UpdateDocumentSetResponse",
        mtom: false,
    },
    access: Access::Administer,
};

pub static RESTRICTED: Transaction = Transaction {
    id: "ITI-92",
    name: "Restricted Update Document Set",
    section: "ITI TF-2 3.92",
    binding: Binding::Soap {
        path: "/xds/registry",
        action: "urn:ihe:iti:2018:RestrictedUpdateDocumentSet",
        response_action: "urn:ihe:iti:2018:RestrictedUpdateDocumentSetResponse",
        mtom: false,
    },
    access: Access::Administer,
};

pub(crate) fn transaction(kind: UpdateKind) -> &'static Transaction {
    match kind {
        UpdateKind::Full => &TRANSACTION,
        UpdateKind::Restricted => &RESTRICTED,
    }
}

/// Answers a Document Administrator, or an Update Initiator.
pub struct Server {
    pub kind: UpdateKind,
    pub registry: Arc<dyn Registry>,
    pub edge: Edge,
}

impl SoapTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        transaction(self.kind)
    }

    fn respond<'a>(&'a self, request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>> {
        Box::pin(async move {
            let update = |submission| self.registry.update(submission, self.kind, cx);
            respond(self.transaction(), &self.edge, &request, ebxml::decode_update, update, cx).await
        })
    }
}
