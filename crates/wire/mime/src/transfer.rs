//! Undoing `Content-Transfer-Encoding` as a stream (RFC 2045 6): binary kinds, base64, quoted-printable.

use bytes::Bytes;

use crate::{MimeError, shortened};

/// Decodes the content of one part piece by piece.
#[derive(Clone)]
pub struct TransferDecoder(State);

impl std::fmt::Debug for TransferDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            State::Identity => "TransferDecoder(binary)",
            State::Base64 { .. } => "TransferDecoder(base64)",
            State::QuotedPrintable { .. } => "TransferDecoder(quoted-printable)",
        })
    }
}

#[derive(Clone)]
enum State {
    Identity,
    /// The sextets of an unfinished group, how many, and how many `=` have come.
    Base64 {
        group: u32,
        sextets: u8,
        padding: u8,
    },
    /// An unfinished `=XX` or soft line break, and white space that may turn out to stand at the end of a line.
    QuotedPrintable {
        pending: Vec<u8>,
        spaces: Vec<u8>,
    },
}

impl TransferDecoder {
    /// A decoder for the value of the header.
    ///
    /// Errors: an encoding that is not in RFC 2045.
    pub fn new(encoding: &str) -> Result<TransferDecoder, MimeError> {
        let encoding = encoding.trim();
        Ok(TransferDecoder(match encoding.to_ascii_lowercase().as_str() {
            "binary" | "8bit" | "7bit" | "" => State::Identity,
            "base64" => State::Base64 { group: 0, sextets: 0, padding: 0 },
            "quoted-printable" => State::QuotedPrintable { pending: Vec::new(), spaces: Vec::new() },
            _ => return Err(MimeError::TransferEncoding(shortened(encoding))),
        }))
    }

    /// Decodes the next piece; binary content passes through uncopied.
    pub fn feed(&mut self, bytes: Bytes) -> Result<Bytes, MimeError> {
        match &mut self.0 {
            State::Identity => Ok(bytes),
            State::Base64 { group, sextets, padding } => base64(&bytes, group, sextets, padding).map(Bytes::from),
            State::QuotedPrintable { pending, spaces } => quoted_printable(&bytes, pending, spaces).map(Bytes::from),
        }
    }

    /// Ends the part and gives what was held back.
    ///
    /// Errors: a group or an escape left unfinished.
    pub fn finish(self) -> Result<Bytes, MimeError> {
        match self.0 {
            State::Identity => Ok(Bytes::new()),
            State::Base64 { group, sextets, padding } => {
                let bad = |what| Err(MimeError::Encoded { encoding: "base64", what });
                // Senders that leave the padding off are understood; a padding that contradicts the content is not.
                match (sextets, padding) {
                    (0, 0) => Ok(Bytes::new()),
                    (2, 0 | 2) => Ok(vec![(group >> 4) as u8].into()),
                    (3, 0 | 1) => Ok(vec![(group >> 10) as u8, (group >> 2) as u8].into()),
                    (1, _) => bad("a single character at the end"),
                    _ => bad("padding that does not fit"),
                }
            }
            State::QuotedPrintable { pending, .. } => match pending.as_slice() {
                [] | [b'='] => Ok(Bytes::new()),
                _ => Err(MimeError::Encoded { encoding: "quoted-printable", what: "an escape cut short" }),
            },
        }
    }
}

fn base64(bytes: &[u8], group: &mut u32, sextets: &mut u8, padding: &mut u8) -> Result<Vec<u8>, MimeError> {
    let bad = |what| MimeError::Encoded { encoding: "base64", what };
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    for &byte in bytes {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'=' => {
                *padding = padding.saturating_add(1);
                continue;
            }
            _ => return Err(bad("a character that is not in the alphabet")),
        };
        if *padding > 0 {
            return Err(bad("content after the padding"));
        }
        *group = *group << 6 | u32::from(value);
        *sextets += 1;
        if *sextets == 4 {
            out.extend_from_slice(&group.to_be_bytes()[1..]);
            *group = 0;
            *sextets = 0;
        }
    }
    Ok(out)
}

fn quoted_printable(bytes: &[u8], pending: &mut Vec<u8>, spaces: &mut Vec<u8>) -> Result<Vec<u8>, MimeError> {
    let bad = || MimeError::Encoded { encoding: "quoted-printable", what: "an = without two hexadecimal digits" };
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match (pending.as_slice(), byte) {
            ([], b'=') => {
                out.append(spaces);
                pending.push(byte);
            }
            ([], b' ' | b'\t') => {
                // White space at the end of a line was added on the way. Lines are short; a long run is content.
                spaces.push(byte);
                if spaces.len() > 1000 {
                    out.append(spaces);
                }
            }
            ([], b'\r') => {
                spaces.clear();
                out.push(byte);
            }
            ([], b'\n') => {
                spaces.clear();
                out.push(byte);
            }
            ([], _) => {
                out.append(spaces);
                out.push(byte);
            }
            ([b'='], b'\n') | ([b'=', b'\r'], b'\n') => pending.clear(),
            ([b'='], b' ' | b'\t') => {} // padding between a soft break and its line end
            ([b'='], _) => pending.push(byte),
            ([b'=', high], _) => {
                let digit = |d: u8| char::from(d).to_digit(16).map(|value| value as u8);
                out.push(digit(*high).ok_or_else(bad)? << 4 | digit(byte).ok_or_else(bad)?);
                pending.clear();
            }
            _ => return Err(bad()),
        }
    }
    Ok(out)
}
