//! JSON to XML: elements in the order of the specification, values and ids as attributes, the narrative as XHTML.

use super::json::{Json, read};
use super::schema::{Kind, SCHEMA, Type};
use super::{FHIR, MAX_WRITTEN_OCTETS, ROOT, XHTML, is_number, structure, too_large, within};
use crate::DecodeError;
use std::borrow::Cow;
use xml::{Document, Limits, XmlWriter};

/// A resource in XML, with its declaration, compact.
///
/// Shape: every element of the input is in the output; characters that XML cannot carry become U+FFFD.
/// Errors (all `structure`): not JSON, past a limit, not a resource of R4, an unknown element, a JSON type that the element
/// does not have, null where no extension stands for it, an empty text, array or object, a narrative that is not a div.
/// Source: http://hl7.org/fhir/R4/xml.html, json.html.
pub fn to_xml(json: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let tree = read(json)?;
    let mut out = Out { w: XmlWriter::with_capacity(json.len() + json.len() / 4 + 256) };
    out.w.declaration();
    let name = resource_type(&tree).map_err(within(ROOT, None))?;
    out.resource(&tree, true).map_err(within(name, None))?;
    Ok(out.w.finish())
}

/// Whether JSON is a resource of R4 and nothing else, so that no element is dropped without a word. What is there and says
/// nothing (null, empty texts, arrays and objects, which some libraries write) is passed over.
///
/// Errors: otherwise those of [`to_xml`].
pub fn check_json(json: &[u8]) -> Result<(), DecodeError> {
    let mut tree = read(json)?;
    tree.drop_empty();
    let mut out = Out { w: XmlWriter::with_capacity(json.len() + json.len() / 4 + 256) };
    let name = resource_type(&tree).map_err(within(ROOT, None))?;
    out.resource(&tree, true).map_err(within(name, None))
}

struct Out {
    w: XmlWriter,
}

impl Out {
    fn resource(&mut self, json: &Json<'_>, root: bool) -> Result<(), DecodeError> {
        let name = resource_type(json)?;
        let ty = SCHEMA.resource(name).ok_or_else(|| structure("must be a resource type of FHIR R4"))?;
        self.w.start(ty.name);
        if root {
            self.w.ns("", FHIR);
        }
        self.object(json, ty)?;
        self.w.end();
        Ok(())
    }

    /// The attributes and content of the element just started.
    fn object(&mut self, json: &Json<'_>, ty: &'static Type) -> Result<(), DecodeError> {
        let fields = fields(json, ty)?;
        for field in &fields {
            let element = &ty.elements[field.place.0];
            let name = &element.choices[field.place.1].0;
            if element.attribute {
                match field.value {
                    Some(Json::Text(text)) if !text.is_empty() => self.w.attr(name, text),
                    _ => return Err(within(name, None)(structure("must be a text"))),
                };
            }
        }
        for field in fields.iter().filter(|field| !ty.elements[field.place.0].attribute) {
            self.element(field, ty).map_err(|(error, index)| within(field.name(ty), index)(error))?;
        }
        if self.w.len() > MAX_WRITTEN_OCTETS {
            return Err(too_large());
        }
        Ok(())
    }

    /// One element with all its repetitions. An error comes with the number of the repetition.
    fn element(&mut self, field: &Field<'_, '_>, ty: &'static Type) -> Result<(), (DecodeError, Option<usize>)> {
        let element = &ty.elements[field.place.0];
        let (name, of) = &element.choices[field.place.1];
        let of = SCHEMA.get(*of);
        if !element.repeats {
            return self.one(name, of, field.value, field.more).map_err(|error| (error, None));
        }
        let list = |json: Option<&'_ Json<'_>>| match json {
            None => Ok(0),
            Some(Json::Array(items)) if !items.is_empty() => Ok(items.len()),
            Some(_) => Err((structure("must be an array that is not empty"), None)),
        };
        let count = list(field.value)?.max(list(field.more)?);
        for index in 0..count {
            let at = |json| item(json, index);
            self.one(name, of, at(field.value), at(field.more)).map_err(|error| (error, Some(index)))?;
        }
        Ok(())
    }

    fn one(
        &mut self,
        name: &str,
        of: &'static Type,
        value: Option<&Json<'_>>,
        more: Option<&Json<'_>>,
    ) -> Result<(), DecodeError> {
        match of.kind {
            Kind::Complex => {
                self.w.start(name);
                self.object(value.unwrap_or(&Json::Null), of)?;
                self.w.end();
            }
            Kind::Resource | Kind::AnyResource => {
                self.w.start(name);
                self.resource(value.unwrap_or(&Json::Null), false)?;
                self.w.end();
            }
            Kind::Xhtml => self.narrative(value)?,
            Kind::Boolean | Kind::Whole | Kind::Decimal | Kind::Text => {
                let value = match value {
                    None | Some(Json::Null) => None,
                    Some(json) => Some(primitive(json, of.kind)?),
                };
                let more = more.filter(|json| !matches!(json, Json::Null));
                if value.is_none() && more.is_none() {
                    return Err(structure("must have a value or an extension"));
                }
                self.w.start(name).attr_opt("value", value.as_deref());
                if let Some(more) = more {
                    self.object(more, SCHEMA.get(SCHEMA.element))?;
                }
                self.w.end();
            }
        }
        Ok(())
    }

    /// The div goes over byte for byte; only its namespace is added when it has none.
    fn narrative(&mut self, json: Option<&Json<'_>>) -> Result<(), DecodeError> {
        let Some(Json::Text(text)) = json else { return Err(structure("must be a text")) };
        let document = Document::parse_text(text.clone().into_owned(), narrative_limits())
            .map_err(|error| structure(format!("must be well-formed XHTML: {error}")))?;
        let div = document.root();
        match (div.namespace(), div.name()) {
            (Some(XHTML), "div") => {
                self.w.raw(div.source().as_bytes());
            }
            (None, "div") => {
                self.w.raw(format!("<div xmlns=\"{XHTML}\"").as_bytes());
                self.w.raw(&div.source().as_bytes()["<div".len()..]);
            }
            _ => return Err(structure("must be a div of the XHTML namespace")),
        }
        Ok(())
    }
}

fn narrative_limits() -> Limits {
    Limits { nodes: super::MAX_NODES, ..Limits::default() }
}

/// A field of an object with its sibling of the same name with `_`.
struct Field<'j, 'a> {
    place: (usize, usize),
    value: Option<&'j Json<'a>>,
    more: Option<&'j Json<'a>>,
}

impl Field<'_, '_> {
    fn name(&self, ty: &'static Type) -> &'static str {
        &ty.elements[self.place.0].choices[self.place.1].0
    }
}

/// The fields of an object in the order of the specification.
fn fields<'j, 'a>(json: &'j Json<'a>, ty: &Type) -> Result<Vec<Field<'j, 'a>>, DecodeError> {
    let Json::Object(fields) = json else { return Err(structure("must be a JSON object")) };
    if fields.is_empty() {
        return Err(structure("must not be empty"));
    }
    let is_resource = ty.kind == Kind::Resource;
    let mut found: Vec<Field<'j, 'a>> = Vec::with_capacity(fields.len());
    for (name, json) in fields {
        if is_resource && name == "resourceType" {
            continue;
        }
        let unknown = || within(name, None)(structure(format!("is not an element of {}", ty.name)));
        let (plain, is_more) = name.strip_prefix('_').map_or((name.as_ref(), false), |plain| (plain, true));
        let place = ty.place(plain).ok_or_else(unknown)?;
        let element = &ty.elements[place.0];
        let kind = SCHEMA.get(element.choices[place.1].1).kind;
        if is_more && (element.attribute || kind == Kind::Xhtml || !kind.is_primitive()) {
            return Err(unknown());
        }
        found.push(match is_more {
            true => Field { place, value: None, more: Some(json) },
            false => Field { place, value: Some(json), more: None },
        });
    }
    found.sort_by_key(|field| field.place);
    let mut merged: Vec<Field<'j, 'a>> = Vec::with_capacity(found.len());
    for field in found {
        match merged.last_mut() {
            Some(last) if last.place.0 == field.place.0 => {
                let twice = |rule: &str| {
                    within(ty.elements[field.place.0].choices[field.place.1].0.as_ref(), None)(structure(rule))
                };
                if last.place.1 != field.place.1 {
                    return Err(twice("must be of one type"));
                }
                if (last.value.is_some() && field.value.is_some()) || (last.more.is_some() && field.more.is_some()) {
                    return Err(twice("must appear once"));
                }
                last.value = last.value.or(field.value);
                last.more = last.more.or(field.more);
            }
            _ => merged.push(field),
        }
    }
    Ok(merged)
}

/// An item of an array; the shorter of the two arrays of a primitive ends in nulls.
fn item<'j, 'a>(json: Option<&'j Json<'a>>, index: usize) -> Option<&'j Json<'a>> {
    match json {
        Some(Json::Array(items)) => items.get(index),
        _ => None,
    }
}

fn resource_type<'j>(json: &'j Json<'_>) -> Result<&'j str, DecodeError> {
    let Json::Object(fields) = json else { return Err(structure("must be a JSON object")) };
    let mut named = fields.iter().filter(|(name, _)| name == "resourceType");
    match (named.next(), named.next()) {
        (Some((_, Json::Text(name))), None) => Ok(name),
        _ => Err(structure("must have one resourceType")),
    }
}

fn primitive<'j>(json: &'j Json<'_>, kind: Kind) -> Result<Cow<'j, str>, DecodeError> {
    match (kind, json) {
        (Kind::Boolean, Json::Boolean(value)) => Ok(Cow::Borrowed(if *value { "true" } else { "false" })),
        (Kind::Whole, Json::Number(text)) if is_number(text, true) => Ok(Cow::Borrowed(text)),
        (Kind::Decimal, Json::Number(text)) => Ok(Cow::Borrowed(text)),
        (Kind::Text, Json::Text(text)) if !text.is_empty() => Ok(Cow::Borrowed(text)),
        (Kind::Boolean, _) => Err(structure("must be true or false")),
        (Kind::Whole, _) => Err(structure("must be a whole number")),
        (Kind::Decimal, _) => Err(structure("must be a number")),
        _ => Err(structure("must be a text that is not empty")),
    }
}
