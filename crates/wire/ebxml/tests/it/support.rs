//! What the tests share: fixtures, parsing, and writing to bytes.

use std::path::{Path, PathBuf};

use xml::{Document, Element, Limits, XmlWriter};

/// `../shared/data/xds` beside the workspace; `None`, with a word about it, when it is not there.
pub fn shared_xds() -> Option<PathBuf> {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = crate_dir.ancestors().map(|dir| dir.join("../shared/data/xds")).find(|dir| dir.is_dir());
    if found.is_none() {
        eprintln!("skipped: ../shared/data/xds not present");
    }
    found
}

pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn parse(bytes: &[u8]) -> Document {
    Document::parse(bytes, Limits::default()).unwrap()
}

/// What `write` writes; every element it opened is closed.
pub fn written(write: impl FnOnce(&mut XmlWriter)) -> Vec<u8> {
    let mut xml = XmlWriter::new();
    write(&mut xml);
    assert_eq!(xml.depth(), 0, "an element was left open");
    xml.finish()
}

/// The first element of this local name, the root included: bodies are taken out of their envelopes with it.
pub fn find<'d>(document: &'d Document, name: &str) -> Element<'d> {
    document.root().descendants().find(|e| e.name() == name).unwrap_or_else(|| panic!("no {name}"))
}

pub fn sentences(findings: &[model::Invalid]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
