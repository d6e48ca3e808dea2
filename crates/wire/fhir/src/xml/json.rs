//! JSON as a tree that keeps the text of numbers: `1.0` is another decimal than `1` (http://hl7.org/fhir/R4/json.html).

use super::{MAX_NODES, ROOT};
use crate::DecodeError;
use crate::json::{MAX_OCTETS, wrong};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

/// A value. Texts are borrowed from the body unless they have escapes.
pub(super) enum Json<'a> {
    Null,
    Boolean(bool),
    /// As it was written.
    Number(&'a str),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl Json<'_> {
    /// Takes out of objects what says nothing, from the inside out. A null in an array stands for an element that has
    /// extensions only, and stays.
    pub(super) fn drop_empty(&mut self) {
        match self {
            Json::Object(fields) => {
                fields.iter_mut().for_each(|(_, value)| value.drop_empty());
                fields.retain(|(_, value)| !value.says_nothing());
            }
            Json::Array(values) => values.iter_mut().for_each(Json::drop_empty),
            Json::Null | Json::Boolean(_) | Json::Number(_) | Json::Text(_) => {}
        }
    }

    fn says_nothing(&self) -> bool {
        match self {
            Json::Null => true,
            Json::Boolean(_) | Json::Number(_) => false,
            Json::Text(text) => text.is_empty(),
            Json::Array(values) => values.is_empty(),
            Json::Object(fields) => fields.is_empty(),
        }
    }
}

/// Reads a body.
///
/// Errors: too large, not UTF-8, not JSON, nested deeper than 127, more than [`MAX_NODES`] values.
pub(super) fn read(bytes: &[u8]) -> Result<Json<'_>, DecodeError> {
    if bytes.len() > MAX_OCTETS {
        let rule = format!("must have at most {MAX_OCTETS} octets, has {}", bytes.len());
        return Err(DecodeError::structure(ROOT, rule));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::structure(ROOT, "must be UTF-8"))?;
    let reader = Reader { text, at: Cell::new(0), values: Cell::new(0) };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize(&mut deserializer).and_then(|json| deserializer.end().map(|()| json));
    read.map_err(|error| match reader.values.get() > MAX_NODES {
        true => DecodeError::structure(ROOT, format!("must have at most {MAX_NODES} values")),
        false => wrong(ROOT, &error),
    })
}

/// serde_json gives numbers as floats, but visits them in the order of the text: a second cursor finds their digits.
struct Reader<'a> {
    text: &'a str,
    at: Cell<usize>,
    values: Cell<usize>,
}

impl<'a> Reader<'a> {
    /// The text of the next number. Called once for each, so all calls together walk the body once.
    fn number(&self) -> &'a str {
        let bytes = self.text.as_bytes();
        let mut at = self.at.get();
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    at += 1;
                    while let Some(&byte) = bytes.get(at) {
                        match byte {
                            b'"' => break,
                            b'\\' => at += 2,
                            _ => at += 1,
                        }
                    }
                    at += 1;
                }
                b'-' | b'0'..=b'9' => break,
                _ => at += 1,
            }
        }
        let rest = self.text.get(at..).unwrap_or_default();
        let inside = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let length = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        self.at.set(at + length);
        &rest[..length]
    }

    fn count<E: Error>(&self) -> Result<(), E> {
        self.values.set(self.values.get() + 1);
        if self.values.get() > MAX_NODES { Err(E::custom("too many values")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for &Reader<'de> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Reader<'de> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(self.number()))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(self.number()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(self.number()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            fields.push((name, map.next_value_seed(self)?));
        }
        Ok(Json::Object(fields))
    }
}

/// The name of a field; serde's own `Cow` would copy every one.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(Name)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
