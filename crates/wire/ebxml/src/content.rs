//! The octets of a document inside a SOAP body: an xop:Include that names a MIME part, or base64 text.
//! Source: spec/xds.md section 4 (MTOM/XOP), xs:base64Binary.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Invalid;
use xml::{Element, XmlWriter};

use crate::names::ns;

/// Where a document's octets are.
#[derive(Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// In the MIME part with this Content-ID: the href without `cid:`, as written (percent-encoding included: compare
    /// it as it is first, then decoded).
    Part(Cow<'a, str>),
    /// Here, as base64 text that may hold white space; borrowed from the document it was read from.
    Inline(Cow<'a, str>),
}

/// Shows sizes only: documents hold patient data.
impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Part(cid) => write!(f, "Part({cid})"),
            Content::Inline(text) => write!(f, "Inline({} octets of base64)", text.len()),
        }
    }
}

impl<'a> Content<'a> {
    /// Base64 of these octets.
    pub fn of(octets: &[u8]) -> Content<'static> {
        Content::Inline(Cow::Owned(STANDARD.encode(octets)))
    }

    /// In the MIME part with this Content-ID (given without angle brackets); what a URL cannot hold is percent-encoded.
    pub fn part(content_id: &str) -> Content<'static> {
        let mut cid = String::with_capacity(content_id.len());
        for byte in content_id.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => cid.push(char::from(byte)),
                byte if b"@-._~:!$&'()*+,;=".contains(&byte) => cid.push(char::from(byte)),
                byte => cid.push_str(&format!("%{byte:02X}")),
            }
        }
        Content::Part(Cow::Owned(cid))
    }

    /// The Content-ID with percent-encoding resolved; `None` for inline content.
    pub fn content_id(&self) -> Option<String> {
        match self {
            Content::Part(cid) => Some(percent_decoded(cid)),
            Content::Inline(_) => None,
        }
    }

    /// The octets of inline content, in one copy; `None` when they are in another part.
    ///
    /// Errors: not base64. White space anywhere is allowed.
    pub fn octets(&self) -> Option<Result<Vec<u8>, Invalid>> {
        match self {
            Content::Part(_) => None,
            Content::Inline(text) => Some(decoded(text)),
        }
    }

    /// Reads what an element of type xs:base64Binary holds.
    ///
    /// Errors: an Include without href, with a scheme other than `cid:` (never fetched: that would let a peer make us
    /// read its choice of address), or beside other content.
    pub(crate) fn read(element: Element<'a>, field: &str) -> Result<Content<'a>, Invalid> {
        let Some(child) = element.children().next() else { return Ok(Content::Inline(element.text())) };
        // White space around Include is not allowed by XOP and harmless, so pretty-printed messages are read.
        let alone = element.children().count() == 1 && element.own_text().trim().is_empty();
        if !child.is(ns::XOP, "Include") || !alone {
            return Err(Invalid::new(field, "must hold one xop:Include or base64 text", child.name()));
        }
        let href = child.attr("href").unwrap_or_default().trim();
        match href.split_at_checked(4) {
            Some((scheme, cid)) if scheme.eq_ignore_ascii_case("cid:") && !cid.is_empty() => {
                Ok(Content::Part(Cow::Borrowed(cid)))
            }
            _ => Err(Invalid::new(field, "must be a reference of the form cid:content-id", href)),
        }
    }

    /// Writes it into the open element.
    pub(crate) fn write(&self, xml: &mut XmlWriter) {
        match self {
            Content::Part(cid) => {
                xml.start("xop:Include").ns("xop", ns::XOP).attr("href", &format!("cid:{cid}")).end();
            }
            Content::Inline(text) => {
                xml.text(text);
            }
        }
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, Invalid> {
    // Whole groups of four go to the decoder in pieces, so that line breaks cost no second copy of the document.
    const PIECE: usize = 4096;
    let mut octets = Vec::with_capacity(text.len() / 4 * 3);
    let mut piece = [0; PIECE];
    let mut filled = 0;
    let mut ended = false;
    let wrong = || Invalid::new("Document", "must be base64", "");
    for byte in text.bytes().filter(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
        if ended {
            return Err(wrong());
        }
        piece[filled] = byte;
        filled += 1;
        if filled == PIECE {
            STANDARD.decode_vec(piece, &mut octets).map_err(|_| wrong())?;
            // Padding is only allowed at the very end.
            ended = byte == b'=';
            filled = 0;
        }
    }
    STANDARD.decode_vec(&piece[..filled], &mut octets).map_err(|_| wrong())?;
    Ok(octets)
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[at], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
