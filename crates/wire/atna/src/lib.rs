//! Audit messages (ATNA): what happened, by whom, to what, as a value, and its two encodings: the XML of DICOM PS3.15 A.5
//! for audit repositories, and one line of JSON for the node's own append-only log. Source: spec/security.md 6.
//!
//! [`EVENTS`] is the table of transactions: which codes, which action, which side is the source. Whether something is
//! audited is not decided here. Patient identifiers stand in participant objects and nowhere else.
//!
//! ```
//! use atna::{AuditSource, Endpoint, Outcome, Side, audited};
//! let find = audited("ITI-18").ok_or("no such transaction")?;
//! let consumer = Endpoint::new("http://consumer.example").at("192.0.2.1");
//! let registry = Endpoint::new("https://north.example/xds/registry").process("4711");
//! let event = find
//!     .event(Side::Server, Outcome::Success, 1_748_942_700_123, AuditSource::new("north"), consumer, registry)
//!     .patient(&model::PatientId::parse("P0001^^^&2.999.7&ISO")?)
//!     .query("urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d", b"<query:AdhocQueryRequest/>");
//! let line = event.encode_json();
//! assert!(!line.contains('\n'));
//! let message = event.encode_xml();
//! assert!(message.starts_with(b"<AuditMessage><EventIdentification EventActionCode=\"E\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod coded;
mod event;
mod events;
mod json;
mod message;

pub use coded::{Coded, codes};
pub use event::{
    Action, ActiveParticipant, AuditEvent, AuditSource, Detail, Endpoint, ObjectRole, ObjectType, Outcome,
    ParticipantObject, SecurityAlert, SopClassCount,
};
pub use events::{EVENTS, Patients, Recording, Side, TransactionAudit, audited};
pub use json::LineError;
