//! Bytes to text: byte order marks, the XML declaration and the transport's charset (XML 1.0 appendix F, xds.md 3.10).

use crate::XmlError;

enum Encoding {
    Utf8,
    Utf16Little,
    Utf16Big,
    Latin1,
    Ascii,
}

/// Decodes a document; `charset` is what the transport said, if it said anything.
///
/// A byte order mark wins over the transport, the transport over the declaration.
pub(crate) fn decode(bytes: &[u8], charset: Option<&str>) -> Result<String, XmlError> {
    let (encoding, body) = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => (Encoding::Utf8, rest),
        [0xFF, 0xFE, rest @ ..] => (Encoding::Utf16Little, rest),
        [0xFE, 0xFF, rest @ ..] => (Encoding::Utf16Big, rest),
        [b'<', 0, ..] => (Encoding::Utf16Little, bytes),
        [0, b'<', ..] => (Encoding::Utf16Big, bytes),
        _ => (named(charset, bytes)?, bytes),
    };
    match encoding {
        Encoding::Utf8 => match std::str::from_utf8(body) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                let good = std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default();
                Err(XmlError::at(good, good.len(), "expected UTF-8, got a byte that is not"))
            }
        },
        Encoding::Utf16Little => utf16(body, u16::from_le_bytes),
        Encoding::Utf16Big => utf16(body, u16::from_be_bytes),
        Encoding::Latin1 => Ok(body.iter().map(|&byte| latin1(byte)).collect()),
        Encoding::Ascii => match body.iter().position(|byte| !byte.is_ascii()) {
            None => Ok(body.iter().map(|&byte| char::from(byte)).collect()),
            Some(at) => {
                let good: String = body[..at].iter().map(|&byte| char::from(byte)).collect();
                Err(XmlError::at(&good, at, "expected US-ASCII as declared, got a byte above 127"))
            }
        },
    }
}

/// The encoding that the transport or else the declaration names; UTF-8 when neither does.
fn named(charset: Option<&str>, bytes: &[u8]) -> Result<Encoding, XmlError> {
    // A charset nobody knows is the transport's mistake: the document itself may still be clear.
    if let Some(encoding) = charset.and_then(by_name) {
        return Ok(encoding);
    }
    match declared(bytes) {
        None => Ok(Encoding::Utf8),
        Some(name) => by_name(name).ok_or_else(|| XmlError {
            line: 1,
            column: 1,
            what: format!("expected encoding UTF-8, UTF-16 or ISO-8859-1, got {:?}", shortened(name)),
        }),
    }
}

fn by_name(name: &str) -> Option<Encoding> {
    let name = name.trim().to_ascii_lowercase();
    Some(match name.as_str() {
        // UTF-16 without a mark and without zero bytes is UTF-8 in truth: .NET string writers declare the encoding of
        // their memory, not of what they send.
        "utf-8" | "utf8" | "utf-16" | "utf-16le" | "utf-16be" => Encoding::Utf8,
        "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "l1" | "windows-1252" | "cp1252" => {
            Encoding::Latin1
        }
        "us-ascii" | "ascii" => Encoding::Ascii,
        _ => return None,
    })
}

/// The `encoding` of an XML declaration in an ASCII-compatible document.
fn declared(bytes: &[u8]) -> Option<&str> {
    let head = &bytes[..bytes.len().min(256)];
    let rest = head.strip_prefix(b"<?xml")?;
    let declaration = &rest[..memchr::memmem::find(rest, b"?>")?];
    let at = memchr::memmem::find(declaration, b"encoding")?;
    let value = declaration[at + b"encoding".len()..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    std::str::from_utf8(&value[..memchr::memchr(*quote, value)?]).ok()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, XmlError> {
    if !bytes.len().is_multiple_of(2) {
        return Err(XmlError { line: 1, column: 1, what: "expected UTF-16, got an odd number of bytes".into() });
    }
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut text = String::with_capacity(bytes.len() / 2);
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(character) => text.push(character),
            Err(_) => return Err(XmlError::at(&text, text.len(), "expected UTF-16, got half a surrogate pair")),
        }
    }
    Ok(text)
}

/// ISO-8859-1, with windows-1252 for 0x80..0x9F: the control characters there are never meant, and senders on Windows
/// declare the one while writing the other.
fn latin1(byte: u8) -> char {
    const WINDOWS: [char; 32] = [
        '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2C6}',
        '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}', '\u{90}', '\u{2018}', '\u{2019}',
        '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}',
        '\u{153}', '\u{9D}', '\u{17E}', '\u{178}',
    ];
    match byte {
        0x80..=0x9F => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// At most forty characters of something a peer wrote, for an error message.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}
