//! How much of a document we are willing to hold, and the scan that enforces it before the parser sees the text.

use crate::XmlError;
use crate::decode::shortened;
use crate::normalise::{attribute_name, is_declaration};

/// Bounds on one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Size of the input in octets.
    pub size_octets: usize,
    /// Nesting of elements.
    pub depth: usize,
    /// Elements and attributes and pieces of text, all together.
    pub nodes: usize,
    /// Attributes (namespace declarations included) on one element.
    pub attributes: usize,
    /// Namespace declarations in scope at one place.
    pub namespaces: usize,
}

impl Default for Limits {
    /// 32 MiB, 64 deep, two million nodes: ten thousand registry entries in one answer fit, a bomb does not.
    fn default() -> Limits {
        Limits { size_octets: 32 << 20, depth: 64, nodes: 2_000_000, attributes: 128, namespaces: 256 }
    }
}

impl Limits {
    /// The default limits for a document of at most `size_octets`.
    pub fn of_size(size_octets: usize) -> Limits {
        Limits { size_octets, ..Limits::default() }
    }
}

/// A namespace name longer than this is an attack: the parser copies names, so long ones times many elements is quadratic.
const LONGEST_NAMESPACE: usize = 2048;

/// Refuses what exceeds the limits, and any DTD, without building anything.
///
/// The parser checks attributes against each other and looks prefixes up linearly; this scan keeps both harmless. It need
/// not notice malformed text, only never count less than the parser would.
pub(crate) fn scan(text: &str, limits: &Limits) -> Result<(), XmlError> {
    let bytes = text.as_bytes();
    let mut open: Vec<usize> = Vec::new(); // namespace declarations of each open element
    let mut in_scope = 0;
    let mut nodes = 0usize;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'<', &bytes[at..]) {
        let start = at + found;
        nodes += usize::from(found > 0) + usize::from(bytes.get(start + 1) != Some(&b'/'));
        if nodes > limits.nodes {
            return Err(XmlError::at(text, start, format!("expected at most {} nodes, got more", limits.nodes)));
        }
        let rest = &bytes[start..];
        at = if rest.starts_with(b"<!--") {
            skip(rest, 4, b"-->").map_or(bytes.len(), |length| start + length)
        } else if rest.starts_with(b"<![CDATA[") {
            skip(rest, 9, b"]]>").map_or(bytes.len(), |length| start + length)
        } else if rest.starts_with(b"<?") {
            skip(rest, 2, b"?>").map_or(bytes.len(), |length| start + length)
        } else if rest.starts_with(b"<!") {
            return Err(XmlError::at(text, start, "expected an element, got a DTD or another declaration"));
        } else if rest.starts_with(b"</") {
            in_scope -= open.pop().unwrap_or(0);
            memchr::memchr(b'>', rest).map_or(bytes.len(), |length| start + length + 1)
        } else {
            let tag = tag(text, start, limits)?;
            nodes += tag.attributes;
            if in_scope + tag.namespaces > limits.namespaces {
                let what = format!("expected at most {} namespaces in scope, got more", limits.namespaces);
                return Err(XmlError::at(text, start, what));
            }
            if open.len() >= limits.depth {
                let what = format!("expected elements nested at most {} deep, got deeper", limits.depth);
                return Err(XmlError::at(text, start, what));
            }
            if !tag.empty {
                open.push(tag.namespaces);
                in_scope += tag.namespaces;
            }
            tag.end
        };
    }
    Ok(())
}

fn skip(rest: &[u8], from: usize, mark: &[u8]) -> Option<usize> {
    memchr::memmem::find(&rest[from..], mark).map(|found| from + found + mark.len())
}

struct Tag {
    end: usize,
    attributes: usize,
    namespaces: usize,
    empty: bool,
}

/// Measures the start tag at `start`.
fn tag(text: &str, start: usize, limits: &Limits) -> Result<Tag, XmlError> {
    let bytes = text.as_bytes();
    let mut tag = Tag { end: bytes.len(), attributes: 0, namespaces: 0, empty: false };
    let mut at = start + 1;
    while let Some(found) = memchr::memchr3(b'>', b'"', b'\'', &bytes[at..]) {
        let mark = at + found;
        if bytes[mark] == b'>' {
            tag.empty = bytes[mark - 1] == b'/';
            tag.end = mark + 1;
            return Ok(tag);
        }
        tag.attributes += 1;
        if tag.attributes > limits.attributes {
            let what = format!("expected at most {} attributes on an element, got more", limits.attributes);
            return Err(XmlError::at(text, start, what));
        }
        let close = match memchr::memchr(bytes[mark], &bytes[mark + 1..]) {
            Some(length) => mark + 1 + length,
            None => return Ok(tag), // the parser will say that it ends too early
        };
        let name = attribute_name(&text[at..mark]);
        if is_declaration(name) {
            tag.namespaces += 1;
            if close - mark > LONGEST_NAMESPACE {
                let name = shortened(name);
                let what = format!("expected a namespace of at most {LONGEST_NAMESPACE} octets, got more at {name}");
                return Err(XmlError::at(text, mark, what));
            }
        }
        at = close + 1;
    }
    Ok(tag)
}
