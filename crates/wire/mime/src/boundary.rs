//! Writing multipart: the exact bytes between the contents of the parts (RFC 2046 5.1.1).

use crate::MimeError;
use crate::content_type::check_boundary;

/// A boundary and the delimiters made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary(String);

impl Boundary {
    /// A boundary from sixteen random bytes: so many that no content contains it by accident.
    pub fn from_random(random: [u8; 16]) -> Boundary {
        let mut text = String::with_capacity(45);
        text.push_str("MIMEBoundary_");
        for byte in random {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        Boundary(text)
    }

    /// A boundary that is given.
    ///
    /// Errors: empty, longer than 70 characters, or with characters that a header cannot carry.
    pub fn new(boundary: &str) -> Result<Boundary, MimeError> {
        check_boundary(boundary)?;
        Ok(Boundary(boundary.to_owned()))
    }

    /// The value of the `boundary` parameter, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the content of the first part: delimiter, headers, empty line.
    pub fn first_part(&self, headers: &[(&str, &str)]) -> Vec<u8> {
        self.part(b"--", headers)
    }

    /// What stands between the content of a part and that of the next.
    pub fn next_part(&self, headers: &[(&str, &str)]) -> Vec<u8> {
        self.part(b"\r\n--", headers)
    }

    /// What stands after the content of the last part.
    pub fn close(&self) -> Vec<u8> {
        [b"\r\n--", self.0.as_bytes(), b"--\r\n"].concat()
    }

    fn part(&self, dashes: &[u8], headers: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(dashes);
        out.extend_from_slice(self.0.as_bytes());
        out.extend_from_slice(b"\r\n");
        for (name, value) in headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            // A line break in a value would begin a header of its own.
            out.extend(value.bytes().filter(|byte| !byte.is_ascii_control()));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}
