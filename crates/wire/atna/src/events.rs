//! Which codes each transaction is audited with, for both of its sides. Data, in the order of the ids.
//! Source: spec/security.md 6.2 and data/fhir/derived/audit-events.tsv; C-STORE and STOW-RS: DICOM PS3.15
//! A.5.3.7; procedure steps, availability and reasons to look at a study: ours, on the Procedure Record of PS3.15 A.5.3.9; the console's: ours,
//! on Query and Export.

use crate::coded::Coded;
use crate::codes::{self, IHE_EVENT_TYPES, IHE_TRANSACTIONS, INTERACTIONS};
use crate::event::{Action, AuditEvent, AuditSource, Endpoint, Outcome};
use std::borrow::Cow;

/// Who records: the side that asked or the side that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Client,
    Server,
}

/// How many patient objects an event has; where many are possible, one event is written per patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Patients {
    None,
    Optional,
    One,
    Many,
}

/// What one side records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    pub event_id: Coded,
    /// The first is what happens unless the message says otherwise.
    pub actions: &'static [Action],
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionAudit {
    pub id: &'static str,
    pub name: &'static str,
    pub client: Recording,
    pub server: Recording,
    /// The side that sends the data or the question: role 110153. The other one has role 110152.
    pub source: Side,
    /// EventTypeCode is the RESTful interaction followed by the transaction.
    pub rest: bool,
    pub patients: Patients,
}

impl TransactionAudit {
    pub fn recording(&self, side: Side) -> &Recording {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// EventTypeCode for an action.
    pub fn type_codes(&self, action: Action) -> Vec<Coded> {
        if self.rest {
            return vec![interaction(action), Coded::of(self.id, IHE_EVENT_TYPES, self.name)];
        }
        // What is no IHE transaction needs no type: the event id says it all.
        match self.id.starts_with("ITI-") || self.id.starts_with("RAD-") {
            true => vec![Coded::of(self.id, IHE_TRANSACTIONS, self.name)],
            false => Vec::new(),
        }
    }

    /// A record of this transaction by `side`; the client is who asked, whichever way the data went.
    pub fn event(
        &self,
        side: Side,
        outcome: Outcome,
        time_unix_ms: i64,
        recorder: AuditSource,
        client: Endpoint,
        server: Endpoint,
    ) -> AuditEvent {
        let recording = self.recording(side);
        let action = recording.actions.first().copied().unwrap_or(Action::Execute);
        let participants = match self.source {
            Side::Client => {
                [client.participant(vec![codes::SOURCE], true), server.participant(vec![codes::DESTINATION], false)]
            }
            Side::Server => {
                [server.participant(vec![codes::SOURCE], false), client.participant(vec![codes::DESTINATION], true)]
            }
        };
        AuditEvent {
            transaction: Cow::Borrowed(self.id),
            event_id: recording.event_id.clone(),
            type_codes: self.type_codes(action),
            action,
            outcome,
            outcome_description: None,
            time_unix_ms,
            purpose_of_use: Vec::new(),
            participants: participants.into(),
            source: recorder,
            objects: Vec::new(),
            request_id: None,
        }
    }
}

/// The RESTful interaction that an action is.
pub(crate) fn interaction(action: Action) -> Coded {
    let name = match action {
        Action::Create => "create",
        Action::Read => "read",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Execute => "search",
    };
    Coded::of(name, INTERACTIONS, name)
}

/// The line of a transaction.
pub fn audited(id: &str) -> Option<&'static TransactionAudit> {
    EVENTS.iter().find(|line| line.id == id)
}

const C: &[Action] = &[Action::Create];
const R: &[Action] = &[Action::Read];
const U: &[Action] = &[Action::Update];
const D: &[Action] = &[Action::Delete];
const E: &[Action] = &[Action::Execute];
const CUD: &[Action] = &[Action::Create, Action::Update, Action::Delete];

/// Both sides record the same.
const fn both(
    id: &'static str,
    name: &'static str,
    event_id: Coded,
    actions: &'static [Action],
    source: Side,
    rest: bool,
    patients: Patients,
) -> TransactionAudit {
    let client = Recording { event_id, actions };
    // Coded has a destructor, so it cannot be copied here: match on what it was made of.
    let server = Recording { event_id: again(&client.event_id), actions };
    TransactionAudit { id, name, client, server, source, rest, patients }
}

const fn again(code: &Coded) -> Coded {
    match (&code.code, &code.system, &code.display) {
        (Cow::Borrowed(code), Cow::Borrowed(system), Cow::Borrowed(display)) => Coded::of(code, system, display),
        _ => panic!("the table is made of constants"),
    }
}

const fn query(id: &'static str, name: &'static str, patients: Patients) -> TransactionAudit {
    both(id, name, codes::QUERY, E, Side::Client, false, patients)
}

const fn search(id: &'static str, name: &'static str, patients: Patients) -> TransactionAudit {
    both(id, name, codes::REST, E, Side::Client, true, patients)
}

const fn feed(id: &'static str, name: &'static str) -> TransactionAudit {
    both(id, name, codes::PATIENT_RECORD, CUD, Side::Client, false, Patients::One)
}

/// Data goes from the client to the server: one exports, the other imports.
const fn push(
    id: &'static str,
    name: &'static str,
    exported: &'static [Action],
    imported: &'static [Action],
) -> TransactionAudit {
    TransactionAudit {
        id,
        name,
        client: Recording { event_id: codes::EXPORT, actions: exported },
        server: Recording { event_id: codes::IMPORT, actions: imported },
        source: Side::Client,
        rest: false,
        patients: Patients::One,
    }
}

/// Data goes from the server to the client.
const fn pull(id: &'static str, name: &'static str, sent: Coded, received: Coded) -> TransactionAudit {
    TransactionAudit {
        id,
        name,
        client: Recording { event_id: received, actions: C },
        server: Recording { event_id: sent, actions: R },
        source: Side::Server,
        rest: false,
        patients: Patients::Optional,
    }
}

/// Instances go from the client to the server.
const fn store(id: &'static str, name: &'static str) -> TransactionAudit {
    TransactionAudit {
        id,
        name,
        client: Recording { event_id: codes::INSTANCES_TRANSFERRED, actions: R },
        server: Recording { event_id: codes::INSTANCES_TRANSFERRED, actions: C },
        source: Side::Client,
        rest: false,
        patients: Patients::One,
    }
}

use Patients::{Many, One, Optional};

/// The table, by transaction id.
pub static EVENTS: &[TransactionAudit] = &[
    both("ARCHIVE-DELETE", "Delete instances of the archive", codes::STUDY_DELETED, D, Side::Client, false, Optional),
    store("C-STORE", "Store"),
    store("STOW-RS", "Store Instances"),
    both("FLOW-RETRY", "Try a Stuck Study Again", codes::EXPORT, E, Side::Client, false, Optional),
    query("FLOW-VIEW", "Open a Study in the Console", Optional),
    feed("ITI-8", "Patient Identity Feed"),
    query("ITI-18", "Registry Stored Query", Optional),
    query("ITI-38", "Cross Gateway Query", Optional),
    pull("ITI-39", "Cross Gateway Retrieve", codes::EXPORT, codes::IMPORT),
    push("ITI-41", "Provide and Register Document Set-b", R, C),
    push("ITI-42", "Register Document Set-b", R, C),
    pull("ITI-43", "Retrieve Document Set", codes::EXPORT, codes::IMPORT),
    feed("ITI-44", "Patient Identity Feed HL7 V3"),
    query("ITI-51", "Multi-Patient Stored Query", Many),
    query("ITI-55", "Cross Gateway Patient Discovery", Many),
    query("ITI-56", "Patient Location Query", One),
    push("ITI-57", "Update Document Set", U, U),
    push("ITI-61", "Register On-Demand Document Entry", R, C),
    both("ITI-62", "Remove Metadata", codes::PATIENT_RECORD, D, Side::Client, false, Optional),
    push("ITI-65", "Provide Document Bundle", R, C),
    search("ITI-66", "Find Document Lists", One),
    search("ITI-67", "Find Document References", One),
    both("ITI-68", "Retrieve Document", codes::REST, R, Side::Server, true, One),
    search("ITI-78", "Mobile Patient Demographics Query", Many),
    search("ITI-83", "Mobile Patient Identifier Cross-reference Query", One),
    both("ITI-86", "Remove Documents", codes::PATIENT_RECORD, D, Side::Client, false, Optional),
    push("ITI-92", "Restricted Update Document Set", U, U),
    both("ITI-104", "Patient Identity Feed FHIR", codes::REST, CUD, Side::Client, true, One),
    both("ITI-105", "Simplified Publish", codes::REST, C, Side::Client, true, One),
    both("ITI-106", "Generate Metadata", codes::REST, C, Side::Client, true, One),
    search("ITI-119", "Patient Demographics Match", Many),
    both("ORU", "Report", codes::PROCEDURE_RECORD, R, Side::Client, false, Optional),
    both("PACS-LOOK", "Look at a Study of the PACS", codes::PROCEDURE_RECORD, R, Side::Client, false, Optional),
    both("RAD-6", "Modality Procedure Step In Progress", codes::PROCEDURE_RECORD, C, Side::Client, false, Optional),
    both(
        "RAD-7",
        "Modality Procedure Step Completed/Discontinued",
        codes::PROCEDURE_RECORD,
        U,
        Side::Client,
        false,
        Optional,
    ),
    both("RAD-49", "Instance Availability Notification", codes::PROCEDURE_RECORD, U, Side::Client, false, Optional),
    push("RAD-68", "Provide and Register Imaging Document Set", R, C),
    pull("RAD-69", "Retrieve Imaging Document Set", codes::INSTANCES_TRANSFERRED, codes::INSTANCES_ACCESSED),
    pull(
        "RAD-75",
        "Cross Gateway Retrieve Imaging Document Set",
        codes::INSTANCES_TRANSFERRED,
        codes::INSTANCES_ACCESSED,
    ),
    both("RAD-106", "Invoke Image Display", codes::INSTANCES_ACCESSED, R, Side::Server, false, Optional),
    pull("RAD-107", "WADO-RS Retrieve", codes::INSTANCES_TRANSFERRED, codes::INSTANCES_ACCESSED),
];
