//! What happens on an association, and what goes wrong. PS3.8 section 7, PS3.7 section 9.

use std::fmt;

use bytes::Bytes;

use super::command::CommandSet;
use super::negotiation::{AcceptedContext, AssociationRequest};
use crate::error::DecodeError;

/// What went wrong on an association. Each of them ends it: the abort is in the output already.
#[derive(Debug, thiserror::Error)]
pub enum DimseError {
    /// A PDU type PS3.8 does not have.
    #[error("PDU type {0:#04x} is unknown")]
    UnknownPdu(u8),
    /// A PDU that may not come now.
    #[error("PDU type {pdu:#04x} is not expected {state}")]
    UnexpectedPdu {
        /// The type.
        pdu: u8,
        /// When it came.
        state: &'static str,
    },
    /// A PDU longer than we read.
    #[error("PDU of {length} octets, at most {limit} are read")]
    PduTooLong {
        /// Its length.
        length: u32,
        /// The limit.
        limit: u32,
    },
    /// A PDU whose inside is broken.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// The PDU.
        what: &'static str,
        /// The reason.
        reason: String,
    },
    /// A PDV on a context nobody agreed on.
    #[error("presentation context {0} was not accepted")]
    UnknownContext(u8),
    /// A command set longer than any real one.
    #[error("command set of more than {0} octets")]
    CommandTooLong(usize),
    /// Data in the middle of a command, or the reverse.
    #[error("fragments of command and data set are mixed")]
    Mixed,
    /// A command set that cannot be read.
    #[error("command set is broken: {0}")]
    Command(#[from] DecodeError),
    /// Nothing can be sent or fed now.
    #[error("association is {0}")]
    Closed(&'static str),
    /// A configuration that cannot be put on the wire.
    #[error("cannot propose an association: {0}")]
    Proposal(String),
}

/// What happened, in order. `Debug` shows how long data is, not what it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// Acceptor: a peer asks. Answer with `accept` or `reject`.
    Requested(AssociationRequest),
    /// Requestor: the peer agreed to these contexts (there may be none).
    Accepted(Vec<AcceptedContext>),
    /// The association was refused, by the peer or, before anybody was asked, by us.
    Rejected {
        /// False if trying again later may help.
        permanent: bool,
        /// Why.
        reason: String,
    },
    /// A whole command.
    Command {
        /// The presentation context.
        context: u8,
        /// The command.
        command: CommandSet,
        /// True if the peer announced a data set. Some peers send one unannounced: ignore such data.
        has_data: bool,
    },
    /// A piece of a data set, as it came.
    Data {
        /// The presentation context.
        context: u8,
        /// The octets, a slice of what was fed.
        octets: Bytes,
        /// True for the end of the data set.
        last: bool,
    },
    /// The association ended in good order.
    Released,
    /// It ended otherwise.
    Aborted(String),
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(request) => f.debug_tuple("Requested").field(request).finish(),
            Self::Accepted(contexts) => f.debug_tuple("Accepted").field(contexts).finish(),
            Self::Rejected { permanent, reason } => {
                f.debug_struct("Rejected").field("permanent", permanent).field("reason", reason).finish()
            }
            Self::Command { context, command, has_data } => f
                .debug_struct("Command")
                .field("context", context)
                .field("field", &command.command_field())
                .field("status", &command.status())
                .field("has_data", has_data)
                .finish(),
            Self::Data { context, octets, last } => f
                .debug_struct("Data")
                .field("context", context)
                .field("octets", &octets.len())
                .field("last", last)
                .finish(),
            Self::Released => f.write_str("Released"),
            Self::Aborted(reason) => f.debug_tuple("Aborted").field(reason).finish(),
        }
    }
}
