//! Names and values of a query string: percent and form decoding once, FHIR's own escapes, both ways.
//! Source: spec/fhir.md section 2 (query parameters); http://hl7.org/fhir/R4/search.html#escaping.

use super::SearchError;

const MAX_OCTETS: usize = 64 * 1024;
const MAX_PARAMETERS: usize = 256;

/// Decoded parameters in the order they came. A POST body joins the URL's query by `&`: the union counts.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    list: Vec<(String, String)>,
}

impl Parameters {
    /// Shape: `+` is a blank, as in forms; a parameter without `=` has an empty value; a leading `?` is dropped.
    /// Errors: more than 64 KiB or 256 parameters; a percent sequence that is none; not UTF-8; a control character; a
    /// value that is encoded twice.
    pub fn decode(query: &str) -> Result<Self, SearchError> {
        if query.len() > MAX_OCTETS {
            return Err(SearchError::value("(all)", "must have at most 65536 octets together", ""));
        }
        let mut list = Vec::new();
        for pair in query.strip_prefix('?').unwrap_or(query).split('&').filter(|p| !p.is_empty()) {
            if list.len() == MAX_PARAMETERS {
                return Err(SearchError::value("(all)", "must be at most 256", ""));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name =
                percent_decode(name).ok_or_else(|| SearchError::value("(name)", "is not UTF-8 percent-encoded", ""))?;
            let decoded = percent_decode(value)
                .ok_or_else(|| SearchError::value(&name, "must be UTF-8, percent-encoded once", ""))?;
            if decoded.chars().any(char::is_control) {
                return Err(SearchError::value(&name, "must not have control characters", ""));
            }
            // A proxy or client that encodes twice asks for something it did not mean; guessing would widen a search. An
            // address has escapes of its own.
            if is_encoded(&decoded) && name != "location" {
                return Err(SearchError::value(&name, "is percent-encoded twice", ""));
            }
            list.push((name, decoded));
        }
        Ok(Parameters { list })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of a name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }
}

/// `+` is a blank, as in forms. None for what is not UTF-8, percent-encoded.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = match first {
            b'%' => {
                let hex = tail.get(..2).filter(|h| h.iter().all(u8::is_ascii_hexdigit))?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
                &tail[2..]
            }
            b'+' => {
                bytes.push(b' ');
                tail
            }
            other => {
                bytes.push(other);
                tail
            }
        };
    }
    String::from_utf8(bytes).ok()
}

fn is_encoded(text: &str) -> bool {
    text.match_indices('%')
        .any(|(at, _)| text.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
}

/// Percent-encodes everything but unreserved characters, and appends.
pub fn percent_encode_into(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                out.push('%');
                out.push(char::from(HEX[usize::from(other >> 4)]));
                out.push(char::from(HEX[usize::from(other & 15)]));
            }
        }
    }
}

/// Percent-encodes everything but unreserved characters.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    percent_encode_into(text, &mut out);
    out
}

/// Escapes `\`, `|`, `,` and `$` of one search value.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '|' | ',' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Resolves the four escapes; any other backslash stays.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next) if c == '\\' && matches!(next, '\\' | '|' | ',' | '$') => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// Parts between unescaped separators, still escaped.
pub(super) fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}
