//! Data sets as JSON. PS3.18 Annex F; spec/dicom.md section 17.

use crate::dataset::{DataSet, Element, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dicom_core::{Tag, VR};
use serde_json::{Map, Number, Value as Json, json};

/// Longer binary values are given by their address, octets.
pub const INLINE_OCTETS: usize = 1024;

/// One data set as an object of the DICOM JSON Model.
///
/// Shape: keys in tag order; text is UTF-8 whatever the object was written in; numbers where the text is one, else the
/// text, so that nothing is lost; `bulk` gives the address of a binary value at the top level that is too long to stand
/// here, and what has none is left out.
pub fn encode(set: &DataSet, bulk: &dyn Fn(Tag) -> Option<String>) -> Json {
    object(set, Some(bulk))
}

fn object(set: &DataSet, bulk: Option<&dyn Fn(Tag) -> Option<String>>) -> Json {
    let mut out = Map::new();
    for element in set.elements() {
        if let Some(value) = attribute(set, element, bulk) {
            out.insert(key(element.tag), value);
        }
    }
    Json::Object(out)
}

/// Eight digits of a tag, as keys have them.
pub fn key(tag: Tag) -> String {
    format!("{:04X}{:04X}", tag.0, tag.1)
}

/// A value that is somewhere else.
pub fn bulk_data(vr: VR, address: &str) -> Json {
    json!({"vr": vr.to_string(), "BulkDataURI": address})
}

fn attribute(set: &DataSet, element: &Element, bulk: Option<&dyn Fn(Tag) -> Option<String>>) -> Option<Json> {
    let vr = element.vr;
    let octets = match &element.value {
        Value::Items(items) => {
            let items: Vec<Json> = items.iter().map(|item| object(item, None)).collect();
            return Some(with_values(vr, items));
        }
        Value::Octets(octets) => octets,
        // Pixels are never inside.
        Value::Fragments(_) => return None,
    };
    if octets.is_empty() {
        return Some(json!({"vr": vr.to_string()}));
    }
    match vr {
        VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW | VR::UN => {
            if octets.len() <= INLINE_OCTETS || bulk.is_none() {
                return Some(json!({"vr": vr.to_string(), "InlineBinary": STANDARD.encode(octets)}));
            }
            let address = bulk.and_then(|bulk| bulk(element.tag))?;
            Some(bulk_data(vr, &address))
        }
        VR::LT | VR::ST | VR::UT | VR::UR => {
            let text = set.charset().decode(octets, vr);
            Some(with_values(vr, vec![Json::String(text)]))
        }
        VR::PN => Some(with_values(vr, set.texts(element.tag).iter().map(|name| person(name)).collect())),
        VR::DS | VR::IS => Some(with_values(vr, set.texts(element.tag).iter().map(|text| number(text)).collect())),
        VR::AT => {
            let tags = octets.chunks_exact(4).map(|four| {
                let half = |at: usize| u16::from_le_bytes([four[at], four[at + 1]]);
                Json::String(format!("{:04X}{:04X}", half(0), half(2)))
            });
            Some(with_values(vr, tags.collect()))
        }
        VR::US => Some(with_values(vr, numbers(octets, |o| Json::from(u16::from_le_bytes(o))))),
        VR::SS => Some(with_values(vr, numbers(octets, |o| Json::from(i16::from_le_bytes(o))))),
        VR::UL => Some(with_values(vr, numbers(octets, |o| Json::from(u32::from_le_bytes(o))))),
        VR::SL => Some(with_values(vr, numbers(octets, |o| Json::from(i32::from_le_bytes(o))))),
        VR::UV => Some(with_values(vr, numbers(octets, |o| Json::from(u64::from_le_bytes(o))))),
        VR::SV => Some(with_values(vr, numbers(octets, |o| Json::from(i64::from_le_bytes(o))))),
        // The shortest text that reads back as the same number of 32 bits.
        VR::FL => Some(with_values(vr, numbers(octets, |o| real(f32::from_le_bytes(o).to_string())))),
        VR::FD => Some(with_values(vr, numbers(octets, |o| real(f64::from_le_bytes(o).to_string())))),
        _ => {
            let texts = set.texts(element.tag);
            Some(with_values(vr, texts.into_iter().map(|text| filled(text).map_or(Json::Null, Json::String)).collect()))
        }
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// No value at all has no `Value`; an empty one among others is null.
fn with_values(vr: VR, values: Vec<Json>) -> Json {
    if values.iter().all(Json::is_null) {
        return json!({"vr": vr.to_string()});
    }
    json!({"vr": vr.to_string(), "Value": values})
}

fn numbers<const N: usize>(octets: &[u8], read: impl Fn([u8; N]) -> Json) -> Vec<Json> {
    octets.chunks_exact(N).filter_map(|part| part.first_chunk().map(|part| read(*part))).collect()
}

/// What is no number in JSON (not a number, infinite) is null.
fn real(text: String) -> Json {
    text.parse::<f64>().ok().and_then(Number::from_f64).map_or(Json::Null, Json::Number)
}

/// DS and IS: a number where it is one, the text where it is not.
fn number(text: &str) -> Json {
    let text = text.trim();
    if text.is_empty() {
        return Json::Null;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Json::from(whole);
    }
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Json::Number(number),
        None => Json::String(text.to_owned()),
    }
}

/// The component groups of a name.
fn person(name: &str) -> Json {
    let mut out = Map::new();
    for (key, group) in ["Alphabetic", "Ideographic", "Phonetic"].into_iter().zip(name.split('=')) {
        if !group.is_empty() {
            out.insert(key.to_owned(), Json::String(group.to_owned()));
        }
    }
    if out.is_empty() { Json::Null } else { Json::Object(out) }
}
