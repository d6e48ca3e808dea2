//! HL7 v2 on the server side: one port, transactions told apart by MSH-9. Every message is answered once, with the
//! acknowledgement of original mode. Source: ITI TF-2 Appendix C.2; spec/reports.md sections 2 and 4.

use super::{Edge, hl7_ack};
use crate::{Binding, Transaction};
use actors::{BoxFuture, Caller, Cx, short_id};
use hl7v2::{Ack, AckCode, Header, Location, Message, condition};
use net::{MllpPeer, MllpService};
use std::sync::Arc;

/// One transaction's server side. Which messages are its own, its binding says.
pub trait MllpTransaction: Send + Sync {
    fn transaction(&self) -> &'static Transaction;

    /// Answers a message of one of the binding's events. What `Accept` says is durable.
    fn respond<'a>(&'a self, message: &'a Message, cx: &'a Cx) -> BoxFuture<'a, Ack>;
}

/// The transactions served on one port.
pub struct MllpEndpoint {
    pub edge: Edge,
    pub transactions: Vec<Arc<dyn MllpTransaction>>,
}

impl MllpEndpoint {
    fn cx(&self, header: &Header, peer: &MllpPeer) -> Cx {
        let name = match (header.sending_application.as_str(), header.sending_facility.as_str()) {
            ("", "") => String::new(),
            _ => hl7v2::adt::sender(header).chars().take(80).collect(),
        };
        Cx {
            caller: Caller { name, address: Some(peer.address.ip()) },
            purpose_of_use: None,
            request_id: short_id(&self.edge.identifiers.uuid()),
            traceparent: None,
            clock: self.edge.clock.clone(),
            identifiers: self.edge.identifiers.clone(),
            began_unix_micros: self.edge.clock.now_unix_micros(),
        }
    }

    async fn answer(&self, message: &Message, header: &Header, cx: &Cx) -> Ack {
        let missing = condition::REQUIRED_FIELD_MISSING;
        if header.code.is_empty() {
            return hl7_ack::error(
                AckCode::Reject,
                Location::field("MSH", 9),
                missing,
                "must name the type of the message",
            );
        }
        if header.control_id.is_empty() {
            let rule = "must have an id that this acknowledgement could name";
            return hl7_ack::error(AckCode::Error, Location::field("MSH", 10), missing, rule);
        }
        let served = |transaction: &Transaction| match &transaction.binding {
            Binding::Mllp { message, events } => Some((*message, *events)),
            Binding::Soap { .. } | Binding::Http { .. } | Binding::Dimse { .. } => None,
        };
        let mut type_known = false;
        let mut ours = Vec::new();
        for transaction in &self.transactions {
            let Some((code, events)) = served(transaction.transaction()) else { continue };
            ours.push(format!("{code}^{}", events.join(&format!(", {code}^"))));
            if code == header.code {
                type_known = true;
                if events.contains(&header.trigger.as_str()) {
                    return transaction.respond(message, cx).await;
                }
            }
        }
        let came: String = format!("{}^{}", header.code, header.trigger).chars().take(20).collect();
        let (condition, component) = match type_known {
            true => (condition::UNSUPPORTED_EVENT, 2),
            false => (condition::UNSUPPORTED_MESSAGE_TYPE, 1),
        };
        let rule = format!("must be a message that is served here: {}; got {came}", ours.join(", "));
        hl7_ack::error(AckCode::Reject, Location::field("MSH", 9).component(1, component), condition, &rule)
    }
}

impl MllpService for MllpEndpoint {
    fn respond<'a>(&'a self, octets: Vec<u8>, peer: &'a MllpPeer) -> BoxFuture<'a, Vec<u8>> {
        Box::pin(async move {
            let decoded = Message::decode(&octets);
            let header = decoded.as_ref().map(Message::header).unwrap_or_default();
            let cx = self.cx(&header, peer);
            let mut ack = match &decoded {
                Ok(message) => self.answer(message, &header, &cx).await,
                Err(error) => Ack {
                    code: AckCode::Reject,
                    errors: vec![hl7v2::ErrorDetail {
                        location: None,
                        condition: condition::SEGMENT_SEQUENCE,
                        severity: hl7v2::Severity::Error,
                        text: error.to_string(),
                    }],
                },
            };
            for error in &mut ack.errors {
                tracing::warn!(request_id = cx.request_id, peer = %peer.address, reason = error.text, "HL7 v2 message refused");
                error.text = format!("{} (reference {})", error.text, cx.request_id);
            }
            let control_id = short_id(&cx.identifiers.uuid());
            ack.encode(decoded.as_ref().ok(), &control_id, &cx.now())
        })
    }
}
