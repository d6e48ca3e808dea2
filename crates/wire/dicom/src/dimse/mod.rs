//! DIMSE without sockets: the association machine, its negotiation, and command sets. PS3.7 and PS3.8.
//!
//! `Association` takes bytes and gives back events and bytes; `net` drives it. PDU types and their encoding are
//! dicom-ul's; P-DATA is cut here so that pixels pass through as slices of what was read.

mod association;
mod command;
mod event;
mod negotiation;
mod pdata;

pub use association::Association;
pub use command::{CommandSet, field, status};
pub use event::{DimseError, Event};
pub use negotiation::{
    AcceptedContext, AcceptorConfig, AssociationRequest, ProposedContext, Rejection, RequestorConfig, Services,
};
