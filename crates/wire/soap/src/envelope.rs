//! Reading envelopes: structure, addressing, what must be understood (SOAP 1.2 part 1: 5; WS-Addressing 1.0; xds.md 3).

use mime::ContentType;
use xml::{Document, Element};

use crate::error::DecodeError;
use crate::fault::{Fault, FaultCode};
use crate::names::{ANONYMOUS, SOAP, WSA, WSA_DRAFTS};

/// The addressing headers of a message, trimmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressing {
    /// `wsa:Action`.
    pub action: Option<String>,
    /// `wsa:MessageID`.
    pub message_id: Option<String>,
    /// `wsa:RelatesTo` of the default relationship, reply.
    pub relates_to: Option<String>,
    /// `wsa:To`.
    pub to: Option<String>,
    /// Address of `wsa:ReplyTo`.
    pub reply_to: Option<String>,
    /// Address of `wsa:FaultTo`.
    pub fault_to: Option<String>,
    /// Address of `wsa:From`.
    pub from: Option<String>,
}

impl Addressing {
    /// Whether the answer goes back on the same connection.
    pub fn is_synchronous(&self) -> bool {
        self.reply_to.as_deref().is_none_or(|address| address == ANONYMOUS)
    }
}

/// A SOAP 1.2 message that was read. Its `Debug` shows the addressing and the name of the body, not its content.
pub struct Envelope {
    pub(crate) document: Document,
    addressing: Addressing,
    transport_action: Option<String>,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envelope")
            .field("addressing", &self.addressing)
            .field("body", &self.body().name())
            .finish_non_exhaustive()
    }
}

impl Envelope {
    /// Reads an envelope; `content_type` is that of the HTTP message or of the root part.
    ///
    /// Errors: not XML, not SOAP 1.2, header and body not one each in this order, not exactly one element in the body,
    /// addressing headers doubled or of a draft.
    /// Source: xds.md 3, rules 1 to 7.
    pub fn decode(
        bytes: &[u8],
        content_type: Option<&ContentType>,
        limits: xml::Limits,
    ) -> Result<Envelope, DecodeError> {
        let charset = content_type.and_then(|known| known.param("charset"));
        let document = Document::parse_as(bytes, charset, limits)?;
        Envelope::from_document(document, content_type.and_then(transport_action))
    }

    pub(crate) fn from_document(document: Document, transport_action: Option<String>) -> Result<Envelope, DecodeError> {
        let addressing = check(&document)?;
        Ok(Envelope { document, addressing, transport_action })
    }

    pub(crate) fn into_parts(self) -> (Document, Option<String>) {
        (self.document, self.transport_action)
    }

    pub(crate) fn set_transport_action(&mut self, action: Option<String>) {
        if self.transport_action.is_none() {
            self.transport_action = action;
        }
    }

    /// The addressing headers.
    pub fn addressing(&self) -> &Addressing {
        &self.addressing
    }

    /// What is asked or answered: `wsa:Action`, or else the `action` of the Content-Type.
    ///
    /// Deviation: the specification wants both to be equal; where they differ the header wins, because stacks that leave
    /// an old `action` in the Content-Type are common and harmless.
    pub fn action(&self) -> Option<&str> {
        self.addressing.action.as_deref().or(self.transport_action.as_deref())
    }

    /// The MessageID, which an answer relates to.
    pub fn message_id(&self) -> Option<&str> {
        self.addressing.message_id.as_deref()
    }

    /// The one element in the body.
    pub fn body(&self) -> Element<'_> {
        let root = self.document.root();
        // `check` has seen it, so neither default is ever taken.
        root.child(SOAP, "Body").and_then(|body| body.children().next()).unwrap_or(root)
    }

    /// The element in the body, if it has the expected name.
    pub fn body_named(&self, namespace: &str, name: &str) -> Result<Element<'_>, DecodeError> {
        let body = self.body();
        if body.is(namespace, name) {
            return Ok(body);
        }
        let what = format!("expected {{{namespace}}}{name}, got {}", qualified(body));
        Err(DecodeError::Structure { path: "Envelope/Body".into(), what })
    }

    /// The header blocks in document order.
    pub fn header_blocks(&self) -> impl Iterator<Item = Element<'_>> {
        self.document.root().child(SOAP, "Header").into_iter().flat_map(|header| header.children())
    }

    /// The first header block of a name, such as `wsse:Security`.
    pub fn header_block(&self, namespace: &str, name: &str) -> Option<Element<'_>> {
        self.header_blocks().find(|block| block.is(namespace, name))
    }

    /// The whole document, for checks of signatures.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The fault in the body, if it is one. To be asked first by clients, also when the HTTP status is 4xx or 5xx.
    pub fn fault(&self) -> Option<Fault> {
        Fault::decode(self.body())
    }

    /// Checks what every receiver of a request must: nothing to be understood that is not, an action, a MessageID.
    ///
    /// `understood` lists the header blocks (namespace, local name) that the transaction processes, beside addressing.
    /// Errors: `MustUnderstand` with the names, or `MessageAddressingHeaderRequired`.
    pub fn check_request(&self, understood: &[(&str, &str)]) -> Result<(), Fault> {
        self.check_understood(understood)?;
        if self.action().is_none() {
            return Err(Fault::header_required("Action"));
        }
        if self.addressing.message_id.is_none() {
            return Err(Fault::header_required("MessageID"));
        }
        Ok(())
    }

    /// Checks the answer to the request `message_id`, as a client: no fault, nothing unknown to be understood, related to it.
    ///
    /// Lenient: an answer without `RelatesTo` on the same connection can only be the answer; a wrong one is refused.
    /// Errors: the peer's fault, or one of our own words.
    pub fn check_response(&self, message_id: &str, understood: &[(&str, &str)]) -> Result<(), Fault> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        self.check_understood(understood)?;
        match self.addressing.relates_to.as_deref() {
            Some(other) if other != message_id => {
                Err(Fault::sender(format!("expected an answer that relates to {message_id}, got one to {other}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses header blocks for us that must be understood and are not in `understood`.
    pub fn check_understood(&self, understood: &[(&str, &str)]) -> Result<(), Fault> {
        let mut unknown = Vec::new();
        for block in self.header_blocks() {
            let namespace = block.namespace().unwrap_or_default();
            if namespace == WSA || understood.iter().any(|(ns, name)| block.is(ns, name)) || !is_for_us(block) {
                continue;
            }
            match block.attr_ns(SOAP, "mustUnderstand").map(str::trim) {
                Some("1" | "true") => unknown.push((namespace.to_owned(), block.name().to_owned())),
                None | Some("0" | "false") => {}
                Some(_) => {
                    let path = block.path();
                    return Err(Fault::sender(format!(
                        "{path}: expected mustUnderstand 0, 1, false or true, got another"
                    )));
                }
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = unknown.iter().map(|(namespace, name)| format!("{{{namespace}}}{name}")).collect();
        let reason = format!("header blocks that must be understood are not: {}", names.join(", "));
        Err(Fault { not_understood: unknown, ..Fault::new(FaultCode::MustUnderstand, reason) })
    }
}

/// Whether a block is addressed to the ultimate receiver or the next node, which we both are.
fn is_for_us(block: Element<'_>) -> bool {
    match block.attr_ns(SOAP, "role").map(str::trim) {
        None | Some("") => true,
        Some(role) => {
            role.strip_prefix(SOAP).is_some_and(|name| matches!(name, "/role/next" | "/role/ultimateReceiver"))
        }
    }
}

/// The action that the transport names: `action` of the content type, or that inside its `start-info` or `type`.
pub(crate) fn transport_action(content_type: &ContentType) -> Option<String> {
    let nested = |name| {
        let inner = ContentType::parse(content_type.param(name)?).ok()?;
        inner.param("action").map(str::to_owned)
    };
    let action = content_type.param("action").map(str::to_owned);
    action.or_else(|| nested("start-info")).or_else(|| nested("type")).filter(|action| !action.trim().is_empty())
}

fn qualified(element: Element<'_>) -> String {
    let namespace: String = element.namespace().unwrap_or_default().chars().take(120).collect();
    let name: String = element.name().chars().take(60).collect();
    format!("{{{namespace}}}{name}")
}

/// Checks the structure and reads the addressing.
fn check(document: &Document) -> Result<Addressing, DecodeError> {
    let root = document.root();
    if !root.is(SOAP, "Envelope") {
        return Err(DecodeError::Version { found: qualified(root) });
    }
    let structure = |at: Element<'_>, what: String| DecodeError::Structure { path: at.path(), what };
    let mut header = None;
    let mut body = None;
    for child in root.children() {
        if child.is(SOAP, "Header") && header.is_none() && body.is_none() {
            header = Some(child);
        } else if child.is(SOAP, "Body") && body.is_none() {
            body = Some(child);
        } else {
            return Err(structure(
                root,
                format!("expected one Header and then one Body, got also {}", qualified(child)),
            ));
        }
    }
    let body = body.ok_or_else(|| structure(root, "expected a Body, got none".into()))?;
    match body.children().count() {
        1 => {}
        count => return Err(structure(body, format!("expected exactly one element, got {count}"))),
    }
    addressing(header)
}

fn addressing(header: Option<Element<'_>>) -> Result<Addressing, DecodeError> {
    let mut read = Addressing::default();
    for block in header.into_iter().flat_map(|header| header.children()) {
        let namespace = block.namespace().unwrap_or_default();
        if WSA_DRAFTS.contains(&namespace) {
            let what = format!("expected WS-Addressing {WSA}, got {namespace}");
            return Err(DecodeError::Addressing { path: block.path(), what });
        }
        if namespace != WSA {
            continue;
        }
        let (field, value) = match block.name() {
            "Action" => (&mut read.action, block.trimmed()),
            "MessageID" => (&mut read.message_id, block.trimmed()),
            "To" => (&mut read.to, block.trimmed()),
            "ReplyTo" => (&mut read.reply_to, address(block)?),
            "FaultTo" => (&mut read.fault_to, address(block)?),
            "From" => (&mut read.from, address(block)?),
            "RelatesTo" => {
                let reply = block.attr("RelationshipType").is_none_or(|kind| {
                    // The default, its name in the namespace, and the QName of older stacks.
                    kind.trim() == "http://www.w3.org/2005/08/addressing/reply" || kind.trim().ends_with(":Reply")
                });
                if reply && read.relates_to.is_none() {
                    read.relates_to = Some(block.trimmed().into_owned()).filter(|value| !value.is_empty());
                }
                continue;
            }
            _ => continue,
        };
        if field.is_some() {
            let what = format!("expected wsa:{} at most once, got it again", block.name());
            return Err(DecodeError::Addressing { path: block.path(), what });
        }
        if value.is_empty() {
            let what = format!("expected a value in wsa:{}, got none", block.name());
            return Err(DecodeError::Addressing { path: block.path(), what });
        }
        *field = Some(value.into_owned());
    }
    Ok(read)
}

fn address(endpoint: Element<'_>) -> Result<std::borrow::Cow<'_, str>, DecodeError> {
    match endpoint.child(WSA, "Address") {
        Some(address) => Ok(address.trimmed()),
        None => Err(DecodeError::Addressing { path: endpoint.path(), what: "expected wsa:Address, got none".into() }),
    }
}
