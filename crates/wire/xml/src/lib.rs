//! XML for every codec: a bounded reader and a fast writer, and nothing that knows a standard.
//!
//! Implements XML 1.0 (Fifth Edition) and Namespaces in XML 1.0 without DTD; see spec `crates.md` 4.7 and `xds.md` 3.10.
//! Parsing stands on `uppsala`, which never shows in this interface.
//!
//! Reading:
//! ```
//! use xml::{Document, Limits};
//! let document = Document::parse(
//!     br#"<q:Query xmlns:q="urn:q" id="7"><q:Slot name="$a"> one </q:Slot><q:Slot name="$b"/></q:Query>"#,
//!     Limits::default(),
//! )?;
//! let query = document.root();
//! assert!(query.is("urn:q", "Query"));
//! assert_eq!(query.attr("id"), Some("7"));
//! let first = query.child("urn:q", "Slot").ok_or("no slot")?;
//! assert_eq!(first.text(), " one ");
//! assert_eq!(first.trimmed(), "one");
//! assert_eq!(first.path(), "Query/Slot[1]");
//! assert_eq!(query.children_named("urn:q", "Slot").count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Writing:
//! ```
//! let mut w = xml::XmlWriter::new();
//! w.start("q:Query").attr("xmlns:q", "urn:q").attr("id", "a<b");
//! w.leaf("q:Value", "x & y");
//! w.end();
//! assert_eq!(w.finish(), br#"<q:Query xmlns:q="urn:q" id="a&lt;b"><q:Value>x &amp; y</q:Value></q:Query>"#);
//! ```
#![forbid(unsafe_code)]

mod decode;
mod document;
mod element;
mod limits;
mod normalise;
mod writer;

pub use document::Document;
pub use element::{Attribute, Children, Element};
pub use limits::Limits;
pub use writer::XmlWriter;

/// Why bytes are not a document we accept, and where.
///
/// Units: `line` and `column` count from 1, `column` in bytes of the text as UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct XmlError {
    /// Line of the offending character.
    pub line: usize,
    /// Byte column of the offending character.
    pub column: usize,
    /// What was expected and what came; names of elements at most, never their text.
    pub what: String,
}

impl XmlError {
    /// An error at byte `offset` of `text`.
    pub(crate) fn at(text: &str, offset: usize, what: impl Into<String>) -> XmlError {
        let (line, column) = position(text, offset);
        XmlError { line, column, what: what.into() }
    }
}

/// Line and byte column (from 1) of a byte offset.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
    (line, column)
}
