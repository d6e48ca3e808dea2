//! DIMSE without sockets: the association machine, its negotiation, and command sets. PS3.7 and PS3.8.
//!
//! `Association` takes bytes and gives back events and bytes; `net` drives it. PDU types and their encoding are
//! dicom-ul's; P-DATA is cut here so that pixels pass through as slices of what was read. `Operation` follows one request
//! of ours to its final response; `query` has the identifiers of C-FIND, C-MOVE and C-GET; `commitment`,
//! `instance_availability` and `procedure_step` have the data sets of the normalized services.

mod association;
mod command;
pub mod commitment;
mod element_error;
mod event;
pub mod instance_availability;
mod negotiation;
mod normalized;
mod operation;
mod outcome;
mod pdata;
pub mod procedure_step;
pub mod query;
mod references;
mod status_meaning;

pub use association::Association;
pub use command::{CommandSet, field, status};
pub use element_error::{ElementError, MOST_DATA_SET_OCTETS};
pub use event::{DimseError, Event};
pub use negotiation::{
    AcceptedContext, AcceptorConfig, AssociationRequest, ExtendedNegotiation, ProposedContext, Rejection,
    RequestorConfig, Services,
};
pub use operation::{Operation, Response, Step};
pub use outcome::{FindOutcome, RetrieveOutcome, RetrieveResult, SubOperations};
pub use references::SopReference;
pub use status_meaning::{StatusKind, StatusMeaning, status_meaning};
