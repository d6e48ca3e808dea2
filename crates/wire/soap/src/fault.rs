//! SOAP 1.2 faults, with the WS-Addressing and WS-Security subcodes (SOAP 1.2 part 1: 5.4; xds.md 5).

use std::fmt;

use xml::{Element, XmlWriter};

use crate::encode::{Head, encode};
use crate::names::{ADDRESSING_FAULT, SOAP, SOAP_FAULT, WSA, WSSE};

/// Whose mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// Not a SOAP 1.2 envelope.
    VersionMismatch,
    /// A header block that must be understood is not.
    MustUnderstand,
    /// An encoding style that is not known.
    DataEncodingUnknown,
    /// The sender's.
    Sender,
    /// Ours.
    Receiver,
}

impl FaultCode {
    /// The local name in the envelope's namespace.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultCode::VersionMismatch => "VersionMismatch",
            FaultCode::MustUnderstand => "MustUnderstand",
            FaultCode::DataEncodingUnknown => "DataEncodingUnknown",
            FaultCode::Sender => "Sender",
            FaultCode::Receiver => "Receiver",
        }
    }

    fn named(name: &str) -> Option<FaultCode> {
        use FaultCode::{DataEncodingUnknown, MustUnderstand, Receiver, Sender, VersionMismatch};
        [VersionMismatch, MustUnderstand, DataEncodingUnknown, Sender, Receiver]
            .into_iter()
            .find(|code| code.as_str() == name)
    }
}

/// What exactly, where a standard has a word for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subcode {
    /// WS-Addressing: the action is not served here.
    ActionNotSupported,
    /// WS-Addressing: a header is doubled or malformed.
    InvalidAddressingHeader,
    /// WS-Addressing: a header is missing.
    MessageAddressingHeaderRequired,
    /// WS-Addressing: the `To` or `ReplyTo` cannot be reached.
    DestinationUnreachable,
    /// WS-Security: the header could not be processed.
    InvalidSecurity,
    /// WS-Security: the token is not valid.
    InvalidSecurityToken,
    /// WS-Security: the token could not be authenticated.
    FailedAuthentication,
    /// WS-Security: a signature does not hold.
    FailedCheck,
    /// WS-Security: there is no token.
    SecurityTokenUnavailable,
    /// WS-Security: a kind of token that is not known.
    UnsupportedSecurityToken,
    /// Any other: namespace and local name. Boxed, so that a `Result` with a fault stays small.
    Other(Box<(String, String)>),
}

impl Subcode {
    /// Namespace and local name.
    pub fn qname(&self) -> (&str, &str) {
        match self {
            Subcode::ActionNotSupported => (WSA, "ActionNotSupported"),
            Subcode::InvalidAddressingHeader => (WSA, "InvalidAddressingHeader"),
            Subcode::MessageAddressingHeaderRequired => (WSA, "MessageAddressingHeaderRequired"),
            Subcode::DestinationUnreachable => (WSA, "DestinationUnreachable"),
            Subcode::InvalidSecurity => (WSSE, "InvalidSecurity"),
            Subcode::InvalidSecurityToken => (WSSE, "InvalidSecurityToken"),
            Subcode::FailedAuthentication => (WSSE, "FailedAuthentication"),
            Subcode::FailedCheck => (WSSE, "FailedCheck"),
            Subcode::SecurityTokenUnavailable => (WSSE, "SecurityTokenUnavailable"),
            Subcode::UnsupportedSecurityToken => (WSSE, "UnsupportedSecurityToken"),
            Subcode::Other(other) => (&other.0, &other.1),
        }
    }

    fn from_qname(namespace: &str, name: &str) -> Subcode {
        use Subcode::{
            ActionNotSupported, DestinationUnreachable, FailedAuthentication, FailedCheck, InvalidAddressingHeader,
            InvalidSecurity, InvalidSecurityToken, MessageAddressingHeaderRequired, SecurityTokenUnavailable,
            UnsupportedSecurityToken,
        };
        [
            ActionNotSupported,
            InvalidAddressingHeader,
            MessageAddressingHeaderRequired,
            DestinationUnreachable,
            InvalidSecurity,
            InvalidSecurityToken,
            FailedAuthentication,
            FailedCheck,
            SecurityTokenUnavailable,
            UnsupportedSecurityToken,
        ]
        .into_iter()
        .find(|known| known.qname() == (namespace, name))
        .unwrap_or_else(|| Subcode::Other(Box::new((namespace.to_owned(), name.to_owned()))))
    }
}

/// A message could not be processed as the transaction at all.
///
/// Whatever concerns metadata, queries or documents is a `RegistryResponse`, not this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose mistake.
    pub code: FaultCode,
    /// What exactly.
    pub subcode: Option<Subcode>,
    /// For a human reader, in English.
    pub reason: String,
    /// With `MustUnderstand`: the header blocks (namespace, local name) that were not.
    pub not_understood: Vec<(String, String)>,
    /// With a WS-Addressing subcode: the header in question, such as `Action`.
    pub problem_header: Option<&'static str>,
    /// Content of `Detail` as XML, self-contained.
    pub detail: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "soap fault {}", self.code.as_str())?;
        if let Some(subcode) = &self.subcode {
            write!(f, "/{}", subcode.qname().1)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// A fault without further detail.
    pub fn new(code: FaultCode, reason: impl Into<String>) -> Fault {
        Fault {
            code,
            subcode: None,
            reason: reason.into(),
            not_understood: Vec::new(),
            problem_header: None,
            detail: None,
        }
    }

    /// The sender's mistake.
    pub fn sender(reason: impl Into<String>) -> Fault {
        Fault::new(FaultCode::Sender, reason)
    }

    /// Our own failure; `reason` names a log id, not a cause.
    pub fn receiver(reason: impl Into<String>) -> Fault {
        Fault::new(FaultCode::Receiver, reason)
    }

    /// The action is not served at this address.
    pub fn action_not_supported(action: &str) -> Fault {
        let action: String = action.chars().take(200).collect();
        Fault {
            problem_header: Some("Action"),
            ..Fault::sender(format!(
                "The [action] cannot be processed at the receiver: {action} is not served at this address."
            ))
            .with(Subcode::ActionNotSupported)
        }
    }

    /// A WS-Addressing header that we need is missing.
    pub fn header_required(name: &'static str) -> Fault {
        Fault {
            problem_header: Some(name),
            ..Fault::sender(format!(
                "A required header representing a Message Addressing Property is not present: wsa:{name}."
            ))
            .with(Subcode::MessageAddressingHeaderRequired)
        }
    }

    /// The same with a subcode.
    pub fn with(self, subcode: Subcode) -> Fault {
        Fault { subcode: Some(subcode), ..self }
    }

    /// HTTP status of the answer that carries it: 400 for `Sender`, else 500 (SOAP 1.2 part 2: 7.5.2.2).
    pub fn http_status(&self) -> u16 {
        match self.code {
            FaultCode::Sender => 400,
            FaultCode::VersionMismatch
            | FaultCode::MustUnderstand
            | FaultCode::DataEncodingUnknown
            | FaultCode::Receiver => 500,
        }
    }

    /// `wsa:Action` of the message that carries it.
    pub fn action(&self) -> &'static str {
        match &self.subcode {
            Some(subcode) if subcode.qname().0 == WSA => ADDRESSING_FAULT,
            _ => SOAP_FAULT,
        }
    }

    /// The whole envelope; `relates_to` is the request's MessageID if it could be read.
    pub fn encode(&self, relates_to: Option<&str>) -> Vec<u8> {
        self.encode_with(&Head::response(self.action(), relates_to))
    }

    /// The whole envelope with this addressing; header blocks of `head` are not written.
    pub fn encode_with(&self, head: &Head<'_>) -> Vec<u8> {
        let mut blocks = XmlWriter::with_capacity(256);
        for (namespace, name) in &self.not_understood {
            blocks.start("s:NotUnderstood").ns("s", SOAP).ns("n", namespace).attr("qname", &format!("n:{name}")).end();
        }
        if self.code == FaultCode::VersionMismatch {
            blocks.start("s:Upgrade").ns("s", SOAP);
            blocks.start("s:SupportedEnvelope").attr("qname", "s:Envelope").end();
            blocks.end();
        }
        let head = Head { blocks: &blocks.finish(), ..*head };
        encode(&head, |w| self.write(w))
    }

    /// Writes `s:Fault`; the prefix `s` is the envelope's.
    fn write(&self, w: &mut XmlWriter) {
        w.start("s:Fault");
        w.start("s:Code");
        w.leaf("s:Value", &format!("s:{}", self.code.as_str()));
        if let Some(subcode) = &self.subcode {
            let (namespace, name) = subcode.qname();
            w.start("s:Subcode").start("s:Value").ns("c", namespace).text(&format!("c:{name}")).end().end();
        }
        w.end();
        w.start("s:Reason").start("s:Text").attr("xml:lang", "en").text(&self.reason).end().end();
        if self.detail.is_some() || self.problem_header.is_some() {
            w.start("s:Detail");
            if let Some(header) = self.problem_header {
                w.leaf("a:ProblemHeaderQName", &format!("a:{header}"));
            }
            if let Some(detail) = &self.detail {
                w.raw(detail.as_bytes());
            }
            w.end();
        }
        w.end();
    }

    /// Reads `s:Fault`; `None` when the element is not one.
    ///
    /// Lenient: a code we do not know counts as `Receiver`; a missing reason is empty.
    pub fn decode(element: Element<'_>) -> Option<Fault> {
        if !element.is(SOAP, "Fault") {
            return None;
        }
        let code = element.child(SOAP, "Code");
        let qname = |at: Element<'_>| {
            let value = at.child(SOAP, "Value")?;
            let text = value.trimmed();
            let (namespace, name) = value.qname(&text)?;
            Some((namespace.unwrap_or_default().to_owned(), name.to_owned()))
        };
        let value = code.and_then(qname).filter(|(namespace, _)| namespace == SOAP);
        let subcode = code.and_then(|code| code.child(SOAP, "Subcode")).and_then(qname);
        let texts = || element.child(SOAP, "Reason").into_iter().flat_map(|reason| reason.children());
        let english = texts().find(|text| {
            let language = text.attr_ns("http://www.w3.org/XML/1998/namespace", "lang");
            language.is_some_and(|language| language.starts_with("en"))
        });
        let reason = english.or_else(|| texts().next()).map(|text| text.trimmed().into_owned());
        let detail = element.child(SOAP, "Detail");
        let detail: Option<String> = detail.map(|detail| detail.children().map(|child| child.to_xml()).collect());
        Some(Fault {
            code: value.and_then(|(_, name)| FaultCode::named(&name)).unwrap_or(FaultCode::Receiver),
            subcode: subcode.map(|(namespace, name)| Subcode::from_qname(&namespace, &name)),
            reason: reason.unwrap_or_default(),
            not_understood: Vec::new(),
            problem_header: None,
            detail: detail.filter(|detail| !detail.is_empty()),
        })
    }
}
