//! FHIR XML: a resource in JSON to XML and back, bytes to bytes. Nothing of a resource is lost or changed on the way.
//! Source: http://hl7.org/fhir/R4/xml.html, json.html, narrative.html; spec/fhir.md sections 2, 16.
//!
//! Driven by `schema/r4.txt`, a table of every type and resource of R4: what is not in it is refused, never dropped.

#[cfg(test)]
mod generated;
mod json;
mod schema;
mod to_json;
mod to_xml;

use crate::DecodeError;

pub use to_json::to_json;
pub use to_xml::{check_json, to_xml};

/// Media type of FHIR XML.
pub const MEDIA_TYPE: &str = "application/fhir+xml";

const FHIR: &str = "http://hl7.org/fhir";
const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Values of JSON, or nodes of XML (elements, attributes, texts), in one body. A Bundle of ten thousand resources fits.
const MAX_NODES: usize = 1_000_000;
/// Objects and arrays in each other: as deep as serde_json reads, so that what is written can be read.
const MAX_DEPTH: usize = 127;
/// What a body may grow to: names stand twice in XML, and characters are escaped.
const MAX_WRITTEN_OCTETS: usize = 3 * crate::json::MAX_OCTETS;

/// Stands for the root in an error before its type is known.
const ROOT: &str = "Resource";

fn structure(rule: impl Into<String>) -> DecodeError {
    DecodeError::structure("", rule)
}

/// Puts a step before the path of an error: each level adds its own on the way out, so the good path costs nothing.
fn within(name: &str, index: Option<usize>) -> impl FnOnce(DecodeError) -> DecodeError + '_ {
    move |mut error| {
        let mut path = printable(name);
        if let Some(index) = index {
            path.push_str(&format!("[{index}]"));
        }
        if !error.path.is_empty() {
            path.push('.');
            path.push_str(&error.path);
        }
        error.path = path;
        error
    }
}

/// A name that a peer wrote, for the path of an error.
fn printable(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':') { c } else { '?' };
    name.chars().take(64).map(kept).collect()
}

fn too_large() -> DecodeError {
    structure(format!("must have at most {MAX_WRITTEN_OCTETS} octets in the other format"))
}

/// Whether a text is a number of this kind as JSON and FHIR write it. Source: http://hl7.org/fhir/R4/datatypes.html.
fn is_number(text: &str, whole: bool) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let integer = digits(rest);
    if integer == 0 || (integer > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[integer..];
    if whole {
        return rest.is_empty();
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let count = digits(exponent);
        if count == 0 {
            return false;
        }
        rest = &exponent[count..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_json_and_fhir_both_call_one() {
        for text in ["0", "-0", "1.0", "-12.50", "1e3", "1.5E-10", "9007199254740993"] {
            assert!(is_number(text, false), "{text}");
        }
        for text in ["", "-", "01", "+1", ".5", "1.", "1e", "0x1", "1 ", "NaN", "1.2.3"] {
            assert!(!is_number(text, false), "{text}");
        }
        assert!(is_number("-7", true) && !is_number("7.0", true) && !is_number("7e1", true));
    }
}
