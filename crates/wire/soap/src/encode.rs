//! Writing envelopes: requests, responses, with their addressing (xds.md 3).

use xml::XmlWriter;

use crate::names::{ANONYMOUS, SOAP, WSA};

/// The header of an outgoing message. Identifiers are made by the caller.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// `wsa:Action`; always written with `mustUnderstand`.
    pub action: &'a str,
    /// `wsa:MessageID`, `urn:uuid:...`.
    pub message_id: Option<&'a str>,
    /// `wsa:RelatesTo`: the request's MessageID, byte for byte.
    pub relates_to: Option<&'a str>,
    /// `wsa:To`.
    pub to: Option<&'a str>,
    /// Address of `wsa:ReplyTo`.
    pub reply_to: Option<&'a str>,
    /// Further header blocks as XML that declares its own namespaces: `wsse:Security` and the like.
    pub blocks: &'a [u8],
}

/// Shows the addressing; further blocks hold tokens.
impl std::fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head")
            .field("action", &self.action)
            .field("message_id", &self.message_id)
            .field("relates_to", &self.relates_to)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

impl<'a> Head<'a> {
    /// Of a request that is answered on the same connection.
    pub fn request(action: &'a str, message_id: &'a str, to: &'a str) -> Head<'a> {
        Head {
            action,
            message_id: Some(message_id),
            relates_to: None,
            to: Some(to),
            reply_to: Some(ANONYMOUS),
            blocks: b"",
        }
    }

    /// Of an answer on the same connection.
    pub fn response(action: &'a str, relates_to: Option<&'a str>) -> Head<'a> {
        Head { action, message_id: None, relates_to, to: None, reply_to: None, blocks: b"" }
    }
}

/// Writes an envelope; `body` writes the one element of the body and declares its own namespaces.
///
/// Shape: UTF-8 without declaration; the prefixes `s` and `a` are bound to SOAP 1.2 and WS-Addressing.
pub fn encode(head: &Head<'_>, body: impl FnOnce(&mut XmlWriter)) -> Vec<u8> {
    let mut w = begin(head);
    body(&mut w);
    w.finish()
}

/// Writes an envelope up to the start of its body, for messages that are sent in pieces; finishing the writer closes it.
pub fn begin(head: &Head<'_>) -> XmlWriter {
    let mut w = XmlWriter::with_capacity(4096);
    w.start("s:Envelope").ns("s", SOAP).ns("a", WSA);
    w.start("s:Header");
    w.start("a:Action").attr("s:mustUnderstand", "1").text(head.action).end();
    w.leaf_opt("a:MessageID", head.message_id);
    w.leaf_opt("a:RelatesTo", head.relates_to);
    if let Some(address) = head.reply_to {
        w.start("a:ReplyTo").leaf("a:Address", address).end();
    }
    w.leaf_opt("a:To", head.to);
    w.raw(head.blocks);
    w.end();
    w.start("s:Body");
    w
}
