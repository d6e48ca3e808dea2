//! Why a message is not one we accept, and the fault that says so to the peer (xds.md 5).

use mime::MimeError;
use xml::XmlError;

use crate::fault::{Fault, FaultCode, Subcode};

/// Why bytes are not a SOAP 1.2 message we accept: where, what was expected, what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The HTTP `Content-Type` is not one of a SOAP message.
    #[error("content type: expected application/soap+xml or multipart/related with type application/xop+xml, got {0}")]
    ContentType(String),
    /// The MIME packaging is broken.
    #[error("mime packaging: {0}")]
    Mime(#[from] MimeError),
    /// A part's text is not XML.
    #[error("xml: {0}")]
    Xml(#[from] XmlError),
    /// The outermost element is not the SOAP 1.2 envelope.
    #[error("expected a SOAP 1.2 envelope (http://www.w3.org/2003/05/soap-envelope), got {found}")]
    Version {
        /// What the outermost element is instead.
        found: String,
    },
    /// An element that is missing, doubled or misplaced.
    #[error("{path}: {what}")]
    Structure {
        /// The element.
        path: String,
        /// What was expected and what came.
        what: String,
    },
    /// A WS-Addressing header that is doubled, malformed, or of a draft.
    #[error("{path}: {what}")]
    Addressing {
        /// The header.
        path: String,
        /// What was expected and what came.
        what: String,
    },
    /// An `xop:Include` or base64 content that cannot be resolved.
    #[error("{path}: {what}")]
    Binary {
        /// The element that should hold binary content.
        path: String,
        /// What was expected and what came.
        what: String,
    },
    /// No part is the one that `start` names.
    #[error("mime packaging: expected a root part with Content-ID <{start}>, got {found}")]
    NoRoot {
        /// What the parameter says; empty when it is absent.
        start: String,
        /// The Content-IDs that came.
        found: String,
    },
    /// The envelope is longer than allowed.
    #[error("expected an envelope of at most {limit} octets, got more")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

impl DecodeError {
    /// The fault that tells the sender: always its own mistake, so `Sender` or `VersionMismatch`.
    pub fn fault(&self) -> Fault {
        let (code, subcode) = match self {
            DecodeError::Version { .. } => (FaultCode::VersionMismatch, None),
            DecodeError::Addressing { .. } => (FaultCode::Sender, Some(Subcode::InvalidAddressingHeader)),
            DecodeError::ContentType(_)
            | DecodeError::Mime(_)
            | DecodeError::Xml(_)
            | DecodeError::Structure { .. }
            | DecodeError::Binary { .. }
            | DecodeError::NoRoot { .. }
            | DecodeError::TooLarge { .. } => (FaultCode::Sender, None),
        };
        Fault { subcode, ..Fault::new(code, self.to_string()) }
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Fault {
        error.fault()
    }
}
