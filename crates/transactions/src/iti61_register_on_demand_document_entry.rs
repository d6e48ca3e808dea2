//! ITI-61 Register On-Demand Document Entry. ITI TF-2 3.61; spec/xds.md section 18.

use crate::edge::Edge;
use crate::edge::soap_server::{SoapReply, SoapRequest, SoapTransaction};
use crate::iti42_register_document_set::respond;
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, Cx, Registry};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-61",
    name: "Register On-Demand Document Entry",
    section: "ITI TF-2 3.61",
    binding: Binding::Soap {
        path: "/xds/registry",
        action: "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry",
        // Irregular: the text has no "Entry" in it.
        response_action: "urn:ihe:iti:2010:RegisterOnDemandDocumentResponse",
        mtom: false,
    },
    access: Access::Publish,
};

/// Answers an On-Demand Document Source.
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
            let register = |submission| self.registry.register_on_demand(submission, cx);
            respond(&TRANSACTION, &self.edge, &request, ebxml::decode_submission, register, cx).await
        })
    }
}
