//! HL7 version 3: CDA R2 reports (IHE XDS-SD with the imaging header) and the patient identity feed ITI-44, to and from
//! the model. Sources: spec/reports.md 11 to 16, spec/mcwg.md 3.2 and 3.6, spec/xds.md 20.
//!
//! - [`cda`] writes our reports, reads anybody's, and says how they are registered.
//! - [`prpa`] is the content of ITI-44 messages and of their acknowledgement; the envelope around it is the `soap` crate's.
//! - [`pdf`] looks at a foreign PDF before it is wrapped; it never changes one.
//!
//! Nothing here routes a report, matches a patient or asks for the time: identifiers and times are passed in.
#![forbid(unsafe_code)]

pub mod cda;
mod datatypes;
mod details;
pub mod pdf;
pub mod prpa;

pub use datatypes::InstanceId;

/// Namespace of every HL7 version 3 element.
pub const NAMESPACE: &str = "urn:hl7-org:v3";

/// Why a message or document is not one we can read, and where. Never the value: it may be a patient's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are no acceptable XML.
    #[error("not readable as XML: {0}")]
    Xml(#[from] xml::XmlError),
    /// Another kind of message or document.
    #[error("expected {expected}, got {got}")]
    Root { expected: &'static str, got: String },
    /// Something without which the rest has no meaning is absent.
    #[error("expected {what} at {path}, got none")]
    Missing { path: String, what: &'static str },
    /// Something is there and breaks a rule.
    #[error("{path}: expected {expected}, got {got}")]
    Wrong { path: String, expected: &'static str, got: &'static str },
}
