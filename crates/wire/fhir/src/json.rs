//! JSON in and out, with the limits that hostile input meets. Depth is limited by serde_json itself (128).

use crate::DecodeError;
use serde::{Serialize, de::DeserializeOwned};

/// The largest body that is read as JSON; documents travel as streams and are not read here.
pub(crate) const MAX_OCTETS: usize = 32 << 20;

/// Errors: too large, not UTF-8, not JSON, or a JSON type that the element does not have. The message names the place
/// but never the value.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], path: &str) -> Result<T, DecodeError> {
    if bytes.len() > MAX_OCTETS {
        return Err(DecodeError::structure(
            path,
            format!("must have at most {MAX_OCTETS} octets, has {}", bytes.len()),
        ));
    }
    // Peers on Windows put a byte order mark in front; RFC 8259 lets a reader ignore it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|e| wrong(path, &e))
}

/// The place and kind of a JSON error. serde's own text can quote the value, which may be a patient's.
pub(crate) fn wrong(path: &str, error: &serde_json::Error) -> DecodeError {
    let (line, column) = (error.line(), error.column());
    let what = match error.classify() {
        serde_json::error::Category::Syntax => "is not well-formed JSON",
        serde_json::error::Category::Eof => "ends before its JSON is complete",
        serde_json::error::Category::Data => "has an element of the wrong JSON type",
        serde_json::error::Category::Io => "could not be read",
    };
    DecodeError::structure(path, format!("{what} (line {line}, column {column})"))
}

/// The compact form.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    encode_with(value, 4096)
}

/// The compact form, with room for `capacity` octets at the start.
pub(crate) fn encode_with<T: Serialize>(value: &T, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    // Our structs have string keys and no failing Serialize, so writing them to memory cannot fail.
    let _ = serde_json::to_writer(&mut out, value);
    out
}
