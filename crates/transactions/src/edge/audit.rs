//! The decision to audit: every transaction leaves one record, whatever became of it. The record's form is `atna`'s.
//! Source: ITI TF-2 3.20; spec/security.md section 6.

use super::Edge;
use crate::Transaction;
use actors::{Cx, Refusal};
use model::PatientId;

pub use atna::Action;

/// How it ended, in the words of EventOutcomeIndicator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// The request was refused or only partly answered; the text says why, without patient data.
    MinorFailure(String),
    /// This node failed.
    SeriousFailure(String),
}

impl Outcome {
    pub fn of<T>(result: &Result<T, Refusal>) -> Self {
        match result {
            Ok(_) => Outcome::Success,
            Err(refusal) if refusal.faults().iter().any(|f| matches!(f, actors::Fault::Internal { .. })) => {
                Outcome::SeriousFailure(format!("{:?}", refusal.first()))
            }
            Err(refusal) => Outcome::MinorFailure(format!("{:?}", refusal.first())),
        }
    }
}

/// What a record says beyond who, when and which transaction.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub patient: Option<PatientId>,
    /// uniqueIds of documents or submission sets, study UIDs.
    pub objects: Vec<String>,
    /// The query as it was understood; never logged elsewhere.
    pub query: Option<String>,
}

impl Edge {
    /// Writes the record of one transaction in which this node was the receiver.
    pub fn audit(&self, transaction: &'static Transaction, outcome: Outcome, facts: Facts, cx: &Cx) {
        self.audit.record(transaction, outcome, facts, cx);
    }

    /// The same for a transaction that may create, update or delete, of which the message says which.
    pub fn audit_action(
        &self,
        transaction: &'static Transaction,
        action: Action,
        outcome: Outcome,
        facts: Facts,
        cx: &Cx,
    ) {
        self.audit.record_action(transaction, action, outcome, facts, cx);
    }
}
