//! Binary content in XML: `xop:Include` and inline base64 (XOP 1.0, RFC 2392, xds.md 4).

use std::borrow::Cow;
use std::collections::HashMap;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use xml::{Element, XmlWriter};

use crate::error::DecodeError;
use crate::names::XOP;

/// Reads with or without padding and does not mind stray bits at the end; writes with padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The part that an `xop:Include` names: `cid:` and a Content-ID, possibly percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Href(String);

impl Href {
    /// The Content-ID as written, without `cid:` and angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The Content-ID with percent-encoding undone.
    pub fn decoded(&self) -> Cow<'_, str> {
        percent_decoded(&self.0)
    }

    /// Whether a part with this Content-ID (angle brackets or not) is meant.
    pub fn is(&self, content_id: &str) -> bool {
        let content_id = bare(content_id);
        self.0 == content_id || self.decoded() == content_id || self.decoded() == percent_decoded(content_id)
    }
}

/// What an element of type `xs:base64Binary` holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Binary {
    /// Base64 in place, decoded.
    Inline(Vec<u8>),
    /// A reference to a part.
    Part(Href),
}

impl std::fmt::Debug for Binary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Binary::Inline(octets) => write!(f, "Inline({} octets)", octets.len()),
            Binary::Part(href) => write!(f, "Part({:?})", href.as_str()),
        }
    }
}

/// Reads binary content: an `xop:Include`, or base64 with any white space in it.
///
/// Errors: both at once, another element, a reference that is not `cid:` (never fetched), or not base64.
pub fn binary(element: Element<'_>) -> Result<Binary, DecodeError> {
    let bad = |what: &str| DecodeError::Binary { path: element.path(), what: what.to_owned() };
    let mut children = element.children();
    let Some(include) = children.next() else {
        return match decode_base64(&element.text()) {
            Some(octets) => Ok(Binary::Inline(octets)),
            None => Err(bad("expected base64 or xop:Include, got other text")),
        };
    };
    if !include.is(XOP, "Include") {
        return Err(bad("expected base64 or xop:Include, got another element"));
    }
    // White space around it is not allowed either, but harmless: pretty-printers put it there.
    if children.next().is_some() || !element.own_text().trim().is_empty() {
        return Err(bad("expected xop:Include alone, got more beside it"));
    }
    let href = include.attr("href").ok_or_else(|| bad("expected a href in xop:Include, got none"))?.trim();
    let is_cid = href.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:"));
    if !is_cid || bare(&href[4..]).is_empty() {
        return Err(bad("expected a cid: reference in xop:Include, got another"));
    }
    Ok(Binary::Part(Href(bare(&href[4..]).to_owned())))
}

/// Decodes base64 text with any white space in it; `None` when it is something else.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if bytes.iter().any(|byte| byte.is_ascii_whitespace()) {
        let packed: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        return BASE64.decode(packed).ok();
    }
    BASE64.decode(bytes).ok()
}

/// Encodes base64 without line breaks, as XOP wants it.
pub fn encode_base64(octets: &[u8]) -> String {
    BASE64.encode(octets)
}

/// Writes `xop:Include` for a part; to be the only content of its element.
pub fn include(w: &mut XmlWriter, content_id: &str) {
    let mut href = String::with_capacity(content_id.len() + 4);
    href.push_str("cid:");
    for byte in bare(content_id).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
            href.push(char::from(byte));
        } else {
            href.push_str(&format!("%{byte:02X}"));
        }
    }
    w.start("xop:Include").ns("xop", XOP).attr("href", &href).end();
}

/// What the caller spooled of each part, found again by reference.
#[derive(Clone)]
pub struct Parts<T> {
    parts: Vec<Option<(String, T)>>,
    /// By Content-ID as written.
    written: HashMap<String, usize>,
    /// By Content-ID with percent-encoding undone.
    decoded: HashMap<String, usize>,
}

/// Shows how many, not what they hold.
impl<T> std::fmt::Debug for Parts<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parts({})", self.len())
    }
}

impl<T> Default for Parts<T> {
    fn default() -> Parts<T> {
        Parts { parts: Vec::new(), written: HashMap::new(), decoded: HashMap::new() }
    }
}

impl<T> Parts<T> {
    /// No parts yet.
    pub fn new() -> Parts<T> {
        Parts::default()
    }

    /// Keeps a part under its Content-ID; of two with the same, the first stays the one that is found.
    pub fn insert(&mut self, content_id: &str, part: T) {
        let content_id = bare(content_id);
        let at = self.parts.len();
        self.written.entry(content_id.to_owned()).or_insert(at);
        self.decoded.entry(percent_decoded(content_id).into_owned()).or_insert(at);
        self.parts.push(Some((content_id.to_owned(), part)));
    }

    /// The part that is meant: equal as written, or else after percent-decoding.
    pub fn get(&self, href: &Href) -> Option<&T> {
        self.parts.get(self.position(href)?)?.as_ref().map(|(_, part)| part)
    }

    /// Takes the part out; a second reference to it finds nothing.
    pub fn take(&mut self, href: &Href) -> Option<T> {
        let at = self.position(href)?;
        self.parts.get_mut(at)?.take().map(|(_, part)| part)
    }

    /// The parts left, with their Content-IDs, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.parts.iter().flatten().map(|(content_id, part)| (content_id.as_str(), part))
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn position(&self, href: &Href) -> Option<usize> {
        self.written.get(href.as_str()).or_else(|| self.decoded.get(href.decoded().as_ref())).copied()
    }
}

/// Without white space and angle brackets.
pub(crate) fn bare(content_id: &str) -> &str {
    let inner = content_id.trim();
    let inner = inner.strip_prefix('<').unwrap_or(inner);
    inner.strip_suffix('>').unwrap_or(inner).trim()
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |offset: usize| bytes.get(at + offset).and_then(|&byte| char::from(byte).to_digit(16));
        match (bytes[at], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    match String::from_utf8(out) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(_) => Cow::Borrowed(text),
    }
}
