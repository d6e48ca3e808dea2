//! What all transactions share at the node's border: who calls, the audit record, the answer's form, and the one place
//! where a fault becomes a standard's code.

pub mod audit;
pub mod dimse_status;
pub mod error_code;
pub mod fhir_client;
pub mod fhir_place;
pub mod fhir_server;
pub(crate) mod file_meta;
pub mod hl7_ack;
pub mod instance_parts;
pub mod mllp_server;
pub mod operation_outcome;
pub mod page_token;
pub(crate) mod pages;
pub mod patient_identifier;
pub mod registry_errors;
pub mod soap_client;
pub mod soap_replies;
pub mod soap_server;
mod spooling;
pub mod streams;
pub mod wsdl;

use crate::Transaction;
use actors::{Caller, Clock, Cx, Identifiers, short_id};
use net::PeerAddress;
use std::sync::Arc;

/// What the border needs of its node.
#[derive(Clone)]
pub struct Edge {
    pub clock: Arc<dyn Clock>,
    pub identifiers: Arc<dyn Identifiers>,
    pub audit: Arc<dyn AuditLog>,
    /// Largest message without its attachments, octets.
    pub message_octets: usize,
    /// Largest attachment or document, octets.
    pub document_octets: u64,
    /// Origins whose pages may use the FHIR endpoint from a browser.
    pub cors_origins: Arc<[http::HeaderValue]>,
}

/// Where audit records go. An implementation must not lose what it took.
pub trait AuditLog: Send + Sync {
    fn record(&self, transaction: &'static Transaction, outcome: audit::Outcome, facts: audit::Facts, cx: &Cx);

    /// The same with the action named. A log that does not tell actions apart need not implement it.
    fn record_action(
        &self,
        transaction: &'static Transaction,
        _action: audit::Action,
        outcome: audit::Outcome,
        facts: audit::Facts,
        cx: &Cx,
    ) {
        self.record(transaction, outcome, facts, cx);
    }
}

impl Edge {
    /// The circumstances of a request: caller from the connection, a fresh id, the trace it belongs to.
    pub fn cx(&self, parts: &http::request::Parts) -> Cx {
        let address = parts.extensions.get::<PeerAddress>().map(|peer| peer.0.ip());
        let traceparent = parts.headers.get("traceparent").and_then(|v| v.to_str().ok());
        Cx {
            caller: Caller { name: String::new(), address },
            purpose_of_use: None,
            request_id: short_id(&self.identifiers.uuid()),
            traceparent: traceparent.filter(|t| t.len() <= 64).map(str::to_owned),
            clock: self.clock.clone(),
            identifiers: self.identifiers.clone(),
            began_unix_micros: self.clock.now_unix_micros(),
        }
    }
}
