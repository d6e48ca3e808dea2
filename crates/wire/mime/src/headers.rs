//! The header lines of one part (RFC 2045 3, RFC 2046 5.1).

use crate::{ContentType, MimeError};

/// Header lines in their order; names compare without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    lines: Vec<(String, String)>,
}

impl Headers {
    /// Reads a block of header lines, without the empty line after it; CRLF or LF, folded lines joined by a space.
    pub(crate) fn parse(block: &[u8], part: usize) -> Result<Headers, MimeError> {
        let bad = |what| MimeError::Header { part, what };
        let mut lines: Vec<(String, String)> = Vec::new();
        for line in block.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            if line.iter().any(|&byte| byte < 0x20 && byte != b'\t') {
                return Err(bad("a control character"));
            }
            // Header values are ASCII; file names in Latin-1 or UTF-8 occur and concern nobody here.
            let line = String::from_utf8_lossy(line);
            if line.starts_with([' ', '\t']) {
                let (_, value) = lines.last_mut().ok_or_else(|| bad("a folded line first"))?;
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad("a line without a colon"))?;
            let name = name.trim_end();
            if name.is_empty() || name.bytes().any(|byte| byte <= b' ' || byte >= 0x7F) {
                return Err(bad("a name with spaces or none"));
            }
            lines.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Headers { lines })
    }

    /// The first value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All lines, names as written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// `Content-ID` without its angle brackets.
    pub fn content_id(&self) -> Option<&str> {
        self.get("Content-ID").map(|value| {
            let inner = value.strip_prefix('<').unwrap_or(value);
            inner.strip_suffix('>').unwrap_or(inner).trim()
        })
    }

    /// `Content-Type`, if there is one.
    pub fn content_type(&self) -> Option<Result<ContentType, MimeError>> {
        self.get("Content-Type").map(ContentType::parse)
    }

    /// `Content-Transfer-Encoding`; `binary` when the header is absent.
    pub fn transfer_encoding(&self) -> &str {
        self.get("Content-Transfer-Encoding").unwrap_or("binary")
    }
}
