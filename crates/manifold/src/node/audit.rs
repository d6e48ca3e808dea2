//! The node's audit log: one JSON line per transaction in append-only files, on disk within a moment.

use super::metrics::Metrics;
use actors::{Cx, Journal};
use atna::{AuditSource, Endpoint, Side};
use std::sync::Arc;
use store::AuditLog;
use transactions::Transaction;
use transactions::edge::audit::{Action, Facts, Outcome};

pub struct NodeAudit {
    pub log: Arc<AuditLog>,
    pub node: String,
    pub public_url: String,
    pub metrics: Arc<Metrics>,
    pub journal: Arc<Journal>,
    /// Instances pass through this node without being stored.
    pub counts_received: bool,
}

impl NodeAudit {
    /// The node starts or stops.
    pub fn activity(&self, starts: bool, now_unix_micros: i64) {
        let source = AuditSource::new(self.node.clone());
        let event = atna::AuditEvent::application_activity(
            starts,
            now_unix_micros / 1000,
            source,
            Endpoint::new(&self.public_url),
        );
        self.append(now_unix_micros, &event);
    }

    fn append(&self, now_unix_micros: i64, event: &atna::AuditEvent) {
        if let Err(error) = self.log.append(now_unix_micros, event.encode_json().as_bytes()) {
            // A node that cannot audit says so loudly; stopping service would harm patients more than a gap that is known.
            tracing::error!(%error, "an audit record cannot be written");
        }
    }
}

impl transactions::edge::AuditLog for NodeAudit {
    fn record(&self, transaction: &'static Transaction, outcome: Outcome, facts: Facts, cx: &Cx) {
        self.write(transaction, None, outcome, facts, cx);
    }

    fn record_action(
        &self,
        transaction: &'static Transaction,
        action: Action,
        outcome: Outcome,
        facts: Facts,
        cx: &Cx,
    ) {
        self.write(transaction, Some(action), outcome, facts, cx);
    }
}

impl NodeAudit {
    fn write(
        &self,
        transaction: &'static Transaction,
        action: Option<Action>,
        outcome: Outcome,
        facts: Facts,
        cx: &Cx,
    ) {
        let id = if transaction.id == "DIMSE" { "C-STORE" } else { transaction.id };
        self.metrics.ended(id, &outcome, cx);
        let now = cx.now_unix_micros();
        self.journal.answered.add(now);
        // An archive counts what it stores itself.
        if self.counts_received && id == "C-STORE" && outcome == Outcome::Success {
            self.journal.received.add(now);
        }
        let Some(line) = atna::audited(id) else {
            tracing::error!(transaction = id, "the audit table has no line for a transaction");
            return;
        };
        let (result, why) = match outcome {
            Outcome::Success => (atna::Outcome::Success, None),
            Outcome::MinorFailure(why) => (atna::Outcome::MinorFailure, Some(why)),
            Outcome::SeriousFailure(why) => (atna::Outcome::SeriousFailure, Some(why)),
        };
        let address = cx.caller.address.map(|a| a.to_string()).unwrap_or_default();
        let name = if cx.caller.name.is_empty() { address.clone() } else { cx.caller.name.clone() };
        let caller = Endpoint::new(name).at(address);
        let node = Endpoint::new(&self.public_url).process(std::process::id().to_string());
        let source = AuditSource::new(self.node.clone());
        let mut event = line.event(Side::Server, result, now / 1000, source, caller, node).request(&cx.request_id);
        if let Some(action) = action {
            event = event.acting(action);
        }
        if let Some(why) = why {
            event = event.described(why);
        }
        if let Some(patient) = &facts.patient {
            event = event.patient(patient);
        }
        if let Some(query) = &facts.query {
            event = event.query(transaction.id, query.as_bytes());
        }
        for object in &facts.objects {
            if let Ok(id) = model::UniqueId::parse(object) {
                event = event.document(&id, None, None);
            }
        }
        self.append(now, &event);
    }
}
