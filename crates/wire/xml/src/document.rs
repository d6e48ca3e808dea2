//! A parsed document: one flat list of nodes in document order, texts as slices of the source.

use std::collections::HashMap;

use uppsala::{PullEvent, PullParser};

use crate::decode::{decode, shortened};
use crate::element::Element;
use crate::limits::{self, Limits};
use crate::normalise::{is_suspect, raw_values, resolved};
use crate::{XmlError, position};

/// "No namespace", "no prefix" and "no parent".
pub(crate) const NONE: u32 = u32::MAX;

/// A piece of the source, or of the side buffer for text that is not verbatim in the source (`&amp;`, CRLF).
#[derive(Clone, Copy)]
pub(crate) struct Span {
    start: u32,
    end: u32,
    resolved: bool,
}

/// An element or a piece of text. Descendants of node `i` are `i + 1 .. end`.
pub(crate) struct Node {
    pub(crate) parent: u32,
    pub(crate) end: u32,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Text(Span),
    /// Which of the document's start tags.
    Element(u32),
}

/// What a start tag said.
pub(crate) struct Start {
    pub(crate) namespace: u32,
    pub(crate) name: u32,
    pub(crate) attributes: (u32, u32),
    pub(crate) declarations: (u32, u32),
    /// From the opening `<` to after the end tag.
    pub(crate) source: (u32, u32),
}

pub(crate) struct AttributeNode {
    pub(crate) namespace: u32,
    pub(crate) name: u32,
    pub(crate) value: Span,
}

/// `xmlns:prefix="namespace"`; `prefix` is `NONE` for the default, `namespace` is `NONE` for `xmlns=""`.
pub(crate) struct Declaration {
    pub(crate) prefix: u32,
    pub(crate) namespace: u32,
}

/// A well-formed, namespace-resolved document. Immutable; comments and processing instructions are gone.
///
/// Its `Debug` shows sizes only: documents hold patient data.
pub struct Document {
    pub(crate) source: String,
    resolved: String,
    names: Vec<Box<str>>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) starts: Vec<Start>,
    pub(crate) attributes: Vec<AttributeNode>,
    pub(crate) declarations: Vec<Declaration>,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("root", &self.root().name())
            .field("octets", &self.source.len())
            .field("nodes", &self.nodes.len())
            .finish()
    }
}

impl Document {
    /// Parses bytes in UTF-8, in UTF-16 with a byte order mark, or in ISO-8859-1 by declaration.
    ///
    /// Errors: not well-formed, any DTD, an encoding other than these, or past a limit.
    /// Source: XML 1.0, Namespaces in XML 1.0.
    pub fn parse(bytes: &[u8], limits: Limits) -> Result<Document, XmlError> {
        Document::parse_as(bytes, None, limits)
    }

    /// Parses bytes for which the transport named a `charset`; it wins over the XML declaration.
    pub fn parse_as(bytes: &[u8], charset: Option<&str>, limits: Limits) -> Result<Document, XmlError> {
        check_size(bytes.len(), &limits)?;
        Document::parse_text(decode(bytes, charset)?, limits)
    }

    /// Parses text that is already decoded.
    pub fn parse_text(source: String, limits: Limits) -> Result<Document, XmlError> {
        // UTF-16 and ISO-8859-1 can grow by half and to the double when decoded; that is bounded and allowed.
        check_size(source.len() / 3, &limits)?;
        limits::scan(&source, &limits)?;
        let mut builder = Builder::new(&source);
        let mut parser = PullParser::new(&source).with_forbid_dtd(true).with_max_depth(limits.depth as u32);
        while let Some(event) = parser.next_event().map_err(|error| translated(error, &source))? {
            builder.take(event)?;
        }
        if builder.nodes.is_empty() {
            return Err(XmlError::at(&source, source.len(), "expected an element, got none"));
        }
        let Builder { resolved, names, nodes, starts, attributes, declarations, .. } = builder;
        Ok(Document { resolved, names, nodes, starts, attributes, declarations, source })
    }

    /// The outermost element.
    pub fn root(&self) -> Element<'_> {
        Element::new(self, 0)
    }

    /// The whole document as text, without a byte order mark, exactly as it came.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn text_of(&self, span: Span) -> &str {
        let from = if span.resolved { &self.resolved } else { &self.source };
        &from[span.start as usize..span.end as usize]
    }

    pub(crate) fn name_of(&self, name: u32) -> Option<&str> {
        self.names.get(name as usize).map(AsRef::as_ref)
    }

    pub(crate) fn position(&self, offset: u32) -> (usize, usize) {
        position(&self.source, offset as usize)
    }
}

fn check_size(octets: usize, limits: &Limits) -> Result<(), XmlError> {
    // Offsets are kept in 32 bits, whatever the caller allows.
    let most = limits.size_octets.min(1 << 30);
    if octets > most {
        return Err(XmlError { line: 1, column: 1, what: format!("expected at most {most} octets, got {octets}") });
    }
    Ok(())
}

/// Collects the parser's events into the flat list.
struct Builder<'s> {
    source: &'s str,
    resolved: String,
    names: Vec<Box<str>>,
    known: HashMap<Box<str>, u32>,
    nodes: Vec<Node>,
    starts: Vec<Start>,
    open: Vec<u32>,
    attributes: Vec<AttributeNode>,
    declarations: Vec<Declaration>,
}

impl<'s> Builder<'s> {
    fn new(source: &'s str) -> Builder<'s> {
        Builder {
            source,
            resolved: String::new(),
            names: Vec::new(),
            known: HashMap::new(),
            nodes: Vec::with_capacity(source.len() / 48),
            starts: Vec::with_capacity(source.len() / 96),
            open: Vec::new(),
            attributes: Vec::with_capacity(source.len() / 96),
            declarations: Vec::new(),
        }
    }

    fn take(&mut self, event: PullEvent<'s>) -> Result<(), XmlError> {
        match event {
            PullEvent::StartElement { name, attributes, namespace_declarations, byte_start, byte_end, .. } => {
                let raw = match attributes.iter().any(|attribute| is_suspect(&attribute.value)) {
                    true => raw_values(self.source.get(byte_start..byte_end).unwrap_or_default()),
                    false => Vec::new(),
                };
                let declared = self.declarations.len() as u32;
                for (prefix, namespace) in namespace_declarations {
                    if namespace.is_empty() && !prefix.is_empty() {
                        // Namespaces in XML 1.0, 2.2; the parser below lets it pass.
                        let what = format!("expected a namespace for prefix {}, got none", shortened(&prefix));
                        return Err(XmlError::at(self.source, byte_start, what));
                    }
                    let prefix = self.optional(Some(&prefix));
                    let namespace = self.optional(Some(&namespace));
                    self.declarations.push(Declaration { prefix, namespace });
                }
                let first = self.attributes.len() as u32;
                for (number, attribute) in attributes.iter().enumerate() {
                    let namespace = self.optional(attribute.name.namespace_uri.as_deref());
                    let name = self.interned(&attribute.name.local_name);
                    let value = match raw.get(number) {
                        Some(raw) if is_suspect(&attribute.value) => self.span(&resolved(raw)),
                        _ => self.span(&attribute.value),
                    };
                    self.attributes.push(AttributeNode { namespace, name, value });
                }
                let start = Start {
                    namespace: self.optional(name.namespace_uri.as_deref()),
                    name: self.interned(&name.local_name),
                    attributes: (first, self.attributes.len() as u32),
                    declarations: (declared, self.declarations.len() as u32),
                    source: (byte_start as u32, byte_start as u32),
                };
                let id = self.nodes.len() as u32;
                self.push(Kind::Element(self.starts.len() as u32));
                self.starts.push(start);
                self.open.push(id);
            }
            PullEvent::EndElement { byte_end, .. } => {
                let end = self.nodes.len() as u32;
                if let Some(node) = self.open.pop().and_then(|id| self.nodes.get_mut(id as usize)) {
                    node.end = end;
                    if let Kind::Element(start) = node.kind
                        && let Some(start) = self.starts.get_mut(start as usize)
                    {
                        start.source.1 = byte_end as u32;
                    }
                }
            }
            PullEvent::Text { content, .. } | PullEvent::CData { content, .. } => {
                if !content.is_empty() && !self.open.is_empty() {
                    let span = self.span(&content);
                    self.push(Kind::Text(span));
                }
            }
            PullEvent::XmlDeclaration(_)
            | PullEvent::Doctype(_)
            | PullEvent::StartNamespace { .. }
            | PullEvent::EndNamespace
            | PullEvent::Comment { .. }
            | PullEvent::ProcessingInstruction { .. } => {}
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind) {
        let parent = self.open.last().copied().unwrap_or(NONE);
        let end = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { parent, end, kind });
    }

    fn optional(&mut self, name: Option<&str>) -> u32 {
        match name {
            None | Some("") => NONE,
            Some(name) => self.interned(name),
        }
    }

    fn interned(&mut self, name: &str) -> u32 {
        if let Some(&known) = self.known.get(name) {
            return known;
        }
        let id = self.names.len() as u32;
        self.names.push(name.into());
        self.known.insert(name.into(), id);
        id
    }

    /// Where a text lies: in the source if the parser left it there, else copied to the side buffer.
    ///
    /// Comparing the content as well makes a wrong guess impossible, whatever the addresses are.
    fn span(&mut self, text: &str) -> Span {
        let start = (text.as_ptr() as usize).wrapping_sub(self.source.as_ptr() as usize);
        let end = start.wrapping_add(text.len());
        if self.source.get(start..end) == Some(text) {
            return Span { start: start as u32, end: end as u32, resolved: false };
        }
        let start = self.resolved.len() as u32;
        self.resolved.push_str(text);
        Span { start, end: self.resolved.len() as u32, resolved: true }
    }
}

/// The parser's error in our words; whatever it quotes from character references is dropped, it may be content.
fn translated(error: uppsala::XmlError, source: &str) -> XmlError {
    let (message, line, column) = match error {
        uppsala::XmlError::Parse(error) => (error.message, error.line, error.column),
        uppsala::XmlError::WellFormedness(error) => (error.message, error.line, error.column),
        uppsala::XmlError::Namespace(error) => (error.message, error.line, error.column),
        uppsala::XmlError::UnexpectedEof => {
            return XmlError::at(source, source.len(), "expected more, got the end of the document");
        }
        other => (other.to_string(), 0, 0),
    };
    let message = match message.split_once(':') {
        Some((head, _)) if head.contains("reference") => head,
        _ => &message,
    };
    let mut what: String = message.chars().take(160).collect();
    if let Some(first) = what.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    if what.is_empty() {
        what = shortened("not well-formed");
    }
    XmlError { line: line.max(1), column: column.max(1), what }
}
