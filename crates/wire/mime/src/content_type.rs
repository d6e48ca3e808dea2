//! `Content-Type`: type, subtype and parameters (RFC 2045 5.1), lenient in spelling as xds.md 4 lists.

use std::fmt;

use crate::{MimeError, shortened};

/// A media type with its parameters.
///
/// Shape: type, subtype and parameter names are lower case, values as written; the order of parameters is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    essence: String,
    parameters: Vec<(String, String)>,
}

/// Far more than any real header; a bound on work.
const MOST_PARAMETERS: usize = 32;

impl ContentType {
    /// A media type without parameters, from a constant such as `"application/soap+xml"`.
    pub fn new(essence: &str) -> ContentType {
        ContentType { essence: essence.to_ascii_lowercase(), parameters: Vec::new() }
    }

    /// The same with one more parameter.
    pub fn with(mut self, name: &str, value: &str) -> ContentType {
        self.parameters.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Reads a header value.
    ///
    /// Lenient: any order and case; values quoted or bare, bare ones with any character but `;` and white space (peers
    /// write `boundary=uuid:1+id=2` and `start=<x>`); folded lines; empty parameters (`;;`, a `;` at the end).
    /// Errors: no `type/subtype`; a parameter without `=`; a quote left open.
    pub fn parse(value: &str) -> Result<ContentType, MimeError> {
        let bad = || MimeError::ContentType(shortened(value));
        let (essence, mut rest) = match value.find(';') {
            Some(at) => (&value[..at], &value[at + 1..]),
            None => (value, ""),
        };
        let essence = essence.trim().to_ascii_lowercase();
        match essence.split_once('/') {
            Some((kind, subtype)) if is_token(kind) && is_token(subtype) => {}
            _ => return Err(bad()),
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c == ';' || c.is_ascii_whitespace());
            if rest.is_empty() {
                break;
            }
            let equals = rest.find(['=', ';']).ok_or_else(bad)?;
            let name = rest[..equals].trim().to_ascii_lowercase();
            if !rest[equals..].starts_with('=') || !is_token(&name) || parameters.len() >= MOST_PARAMETERS {
                return Err(bad());
            }
            rest = rest[equals + 1..].trim_start();
            let value = match rest.strip_prefix('"') {
                Some(quoted) => {
                    let (value, length) = unquoted(quoted).ok_or_else(bad)?;
                    rest = &quoted[length..];
                    value
                }
                None => {
                    let end = rest.find(|c: char| c == ';' || c.is_ascii_whitespace()).unwrap_or(rest.len());
                    let value = rest[..end].to_owned();
                    rest = &rest[end..];
                    value
                }
            };
            // Anything between a value and the next semicolon belongs to nothing.
            rest = rest.find(';').map_or("", |at| &rest[at..]);
            // Two different values of one parameter could be read differently by two readers of the same message.
            if parameters.iter().any(|(known, other)| *known == name && *other != value) {
                return Err(bad());
            }
            parameters.push((name, value));
        }
        Ok(ContentType { essence, parameters })
    }

    /// `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// Whether it is this `type/subtype`, whatever its parameters.
    pub fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// Whether it is some `multipart/...`.
    pub fn is_multipart(&self) -> bool {
        self.essence.starts_with("multipart/")
    }

    /// The value of a parameter, unquoted.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The boundary of a multipart.
    ///
    /// Errors: none, empty, longer than 70 characters, or with control characters.
    pub fn boundary(&self) -> Result<&str, MimeError> {
        let boundary = self.param("boundary").ok_or_else(|| MimeError::Boundary("none".into()))?;
        check_boundary(boundary)?;
        Ok(boundary)
    }
}

pub(crate) fn check_boundary(boundary: &str) -> Result<(), MimeError> {
    if boundary.is_empty()
        || boundary.len() > 70
        || boundary.ends_with(' ')
        || !boundary.bytes().all(|b| (0x20..0x7F).contains(&b))
    {
        return Err(MimeError::Boundary(shortened(boundary)));
    }
    Ok(())
}

impl fmt::Display for ContentType {
    /// The header value. Values are quoted unless they are tokens; a boundary always is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, value) in &self.parameters {
            if is_token(value) && name != "boundary" {
                write!(f, "; {name}={value}")?;
                continue;
            }
            write!(f, "; {name}=\"")?;
            for character in value.chars().filter(|c| !c.is_control()) {
                if matches!(character, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{character}")?;
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for ContentType {
    type Err = MimeError;

    fn from_str(value: &str) -> Result<ContentType, MimeError> {
        ContentType::parse(value)
    }
}

/// Reads a quoted string up to its closing quote: the value, and how much was read, the quote included.
fn unquoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, at + 1)),
            '\\' => value.push(characters.next()?.1),
            '\r' | '\n' => {} // a folded line
            other => value.push(other),
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b))
}
