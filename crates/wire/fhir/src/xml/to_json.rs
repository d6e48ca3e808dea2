//! XML to JSON: arrays for what repeats, numbers and booleans without quotes, `_name` beside a primitive with more than a
//! value, the narrative as text.

use super::schema::{Kind, SCHEMA, Type};
use super::{FHIR, MAX_DEPTH, MAX_NODES, MAX_WRITTEN_OCTETS, ROOT, XHTML, is_number, structure, too_large, within};
use crate::DecodeError;
use crate::json::MAX_OCTETS;
use xml::{Document, Element, Limits};

/// Attributes of this namespace say where a schema is; they are no content.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A resource in JSON, compact, its elements in the order of the specification.
///
/// Shape: elements may come in any order; comments and processing instructions are left out.
/// Errors (all `structure`): not well-formed, a DTD, past a limit, not a resource of R4, an unknown element or attribute or
/// one of another namespace, text between elements, an element that is empty or appears too often.
/// Source: http://hl7.org/fhir/R4/xml.html, json.html.
pub fn to_json(xml: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let limits = Limits { size_octets: MAX_OCTETS, depth: MAX_DEPTH, nodes: MAX_NODES, attributes: 64, namespaces: 16 };
    let document = Document::parse(xml, limits)
        .map_err(|error| DecodeError::structure(ROOT, format!("must be well-formed XML: {error}")))?;
    let mut out = Out { json: Vec::with_capacity(xml.len()), depth: 0 };
    let root = document.root();
    out.resource(root).map_err(within(root.name(), None))?;
    Ok(out.json)
}

struct Out {
    json: Vec<u8>,
    depth: usize,
}

/// What stands at a place of a type.
enum Item<'a> {
    Attribute(&'a str),
    Element(Element<'a>),
}

struct Found<'a> {
    place: (usize, usize),
    item: Item<'a>,
}

impl Out {
    fn resource(&mut self, element: Element<'_>) -> Result<(), DecodeError> {
        in_namespace(element, FHIR)?;
        let ty = SCHEMA.resource(element.name()).ok_or_else(|| structure("must be a resource type of FHIR R4"))?;
        self.object(element, ty)
    }

    fn object(&mut self, element: Element<'_>, ty: &'static Type) -> Result<(), DecodeError> {
        let found = found(element, ty)?;
        self.open(b'{')?;
        let mut first = true;
        if ty.kind == Kind::Resource {
            self.name(&mut first, "", "resourceType");
            self.text(ty.name);
        } else if found.is_empty() {
            return Err(structure("must have a value or other content"));
        }
        let mut rest = found.as_slice();
        while let Some(head) = rest.first() {
            let count = rest.iter().take_while(|one| one.place.0 == head.place.0).count();
            let (group, after) = rest.split_at(count);
            self.group(group, ty, &mut first)?;
            rest = after;
        }
        self.close(b'}');
        if self.json.len() > MAX_WRITTEN_OCTETS {
            return Err(too_large());
        }
        Ok(())
    }

    /// All repetitions of one element.
    fn group(&mut self, group: &[Found<'_>], ty: &'static Type, first: &mut bool) -> Result<(), DecodeError> {
        let (number, choice) = group[0].place;
        let element = &ty.elements[number];
        let (name, of) = &element.choices[choice];
        let of = SCHEMA.get(*of);
        if group.iter().any(|one| one.place.1 != choice) {
            return Err(within(name, None)(structure("must be of one type")));
        }
        if !element.repeats && group.len() > 1 {
            return Err(within(name, None)(structure("must appear once")));
        }
        if of.kind.is_primitive() {
            return self.primitives(group, name, element.repeats, of.kind, first);
        }
        self.name(first, "", name);
        self.repeated(element.repeats, group, |out, one, index| {
            let Item::Element(element) = one.item else { return Ok(()) };
            let written = match of.kind {
                Kind::Resource | Kind::AnyResource => out.contained(element),
                _ => out.object(element, of),
            };
            written.map_err(within(name, index))
        })
    }

    /// An array of all, or the only one as it is.
    fn repeated<'x, T>(
        &mut self,
        repeats: bool,
        items: &'x [T],
        mut write: impl FnMut(&mut Out, &'x T, Option<usize>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if repeats {
            self.open(b'[')?;
        }
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.json.push(b',');
            }
            write(self, item, repeats.then_some(index))?;
        }
        if repeats {
            self.close(b']');
        }
        Ok(())
    }

    fn primitives(
        &mut self,
        group: &[Found<'_>],
        name: &str,
        repeats: bool,
        kind: Kind,
        first: &mut bool,
    ) -> Result<(), DecodeError> {
        let mut any_value = false;
        let mut any_more = false;
        for (index, one) in group.iter().enumerate() {
            let (value, more) = match &one.item {
                Item::Attribute(_) => (true, false),
                Item::Element(_) if kind == Kind::Xhtml => (true, false),
                Item::Element(element) => (element.attr("value").is_some(), has_more(*element)),
            };
            if !value && !more {
                let index = repeats.then_some(index);
                return Err(within(name, index)(structure("must have a value or an extension")));
            }
            any_value |= value;
            any_more |= more;
        }
        if any_value {
            self.name(first, "", name);
            self.repeated(repeats, group, |out, one, index| {
                let written = match &one.item {
                    Item::Attribute(text) => out.primitive(text, kind),
                    Item::Element(element) if kind == Kind::Xhtml => out.narrative(*element),
                    Item::Element(element) => match element.attr("value") {
                        Some(text) => out.primitive(text, kind),
                        None => {
                            out.json.extend_from_slice(b"null");
                            Ok(())
                        }
                    },
                };
                written.map_err(within(name, index))
            })?;
        }
        if any_more {
            self.name(first, "_", name);
            self.repeated(repeats, group, |out, one, index| match &one.item {
                Item::Element(element) if has_more(*element) => {
                    out.object(*element, SCHEMA.get(SCHEMA.element)).map_err(within(name, index))
                }
                _ => {
                    out.json.extend_from_slice(b"null");
                    Ok(())
                }
            })?;
        }
        if !any_more {
            // An element with nothing but a value was not looked into yet.
            for (index, one) in group.iter().enumerate() {
                if let Item::Element(element) = one.item
                    && kind != Kind::Xhtml
                {
                    found(element, SCHEMA.get(SCHEMA.element)).map_err(within(name, repeats.then_some(index)))?;
                }
            }
        }
        Ok(())
    }

    /// The one resource inside `contained`, `resource` or `outcome`.
    fn contained(&mut self, element: Element<'_>) -> Result<(), DecodeError> {
        no_text(element)?;
        if let Some(attribute) = element.attributes().find(|a| a.namespace != Some(XSI)) {
            return Err(within(attribute.name, None)(structure("is not an attribute here")));
        }
        let mut children = element.children();
        match (children.next(), children.next()) {
            (Some(resource), None) => self.resource(resource),
            _ => Err(structure("must hold one resource")),
        }
    }

    fn primitive(&mut self, text: &str, kind: Kind) -> Result<(), DecodeError> {
        match kind {
            Kind::Boolean if matches!(text, "true" | "false") => self.json.extend_from_slice(text.as_bytes()),
            Kind::Boolean => return Err(structure("must be true or false")),
            Kind::Whole if is_number(text, true) => self.json.extend_from_slice(text.as_bytes()),
            Kind::Whole => return Err(structure("must be a whole number")),
            Kind::Decimal if is_number(text, false) => self.json.extend_from_slice(text.as_bytes()),
            Kind::Decimal => return Err(structure("must be a number")),
            _ if text.is_empty() => return Err(structure("must not be empty")),
            _ => self.text(text),
        }
        Ok(())
    }

    /// The div as it stands; with the declarations of prefixes that it uses from further out.
    fn narrative(&mut self, div: Element<'_>) -> Result<(), DecodeError> {
        let source = div.source();
        let alone = Document::parse_text(source.to_owned(), Limits { nodes: MAX_NODES, ..Limits::default() });
        match alone {
            Ok(alone) if alone.root().namespace() == Some(XHTML) => self.text(source),
            _ => {
                let whole = div.to_xml();
                // Many small divs below long declarations would grow without end.
                if whole.len() > source.len() + 1024 {
                    return Err(structure("must declare the namespaces it uses itself"));
                }
                self.text(&whole);
            }
        }
        Ok(())
    }

    fn name(&mut self, first: &mut bool, prefix: &str, name: &str) {
        if !std::mem::replace(first, false) {
            self.json.push(b',');
        }
        self.json.push(b'"');
        self.json.extend_from_slice(prefix.as_bytes());
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    fn text(&mut self, text: &str) {
        // Writing a text to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.json, text);
    }

    fn open(&mut self, bracket: u8) -> Result<(), DecodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(structure(format!("must be nested at most {MAX_DEPTH} deep")));
        }
        self.json.push(bracket);
        Ok(())
    }

    fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        self.json.push(bracket);
    }
}

/// What an element of a type holds, in the order of the specification; repetitions in the order they came.
fn found<'a>(element: Element<'a>, ty: &Type) -> Result<Vec<Found<'a>>, DecodeError> {
    no_text(element)?;
    let mut found = Vec::new();
    let is_primitive = std::ptr::eq(ty, SCHEMA.get(SCHEMA.element));
    for attribute in element.attributes() {
        let place = match attribute.namespace {
            Some(XSI) => continue,
            Some(_) => None,
            // The value of a primitive, whose other content is an Element.
            None if is_primitive && attribute.name == "value" => continue,
            None => ty.place(attribute.name).filter(|place| ty.elements[place.0].attribute),
        };
        let unknown = || within(attribute.name, None)(structure(format!("is not an attribute of {}", ty.name)));
        found.push(Found { place: place.ok_or_else(unknown)?, item: Item::Attribute(attribute.value) });
    }
    for child in element.children() {
        let name = child.name();
        let unknown = || within(name, None)(structure(format!("is not an element of {}", ty.name)));
        let place = ty.place(name).filter(|place| !ty.elements[place.0].attribute).ok_or_else(unknown)?;
        let kind = SCHEMA.get(ty.elements[place.0].choices[place.1].1).kind;
        let namespace = if kind == Kind::Xhtml { XHTML } else { FHIR };
        in_namespace(child, namespace).map_err(within(name, None))?;
        found.push(Found { place, item: Item::Element(child) });
    }
    found.sort_by_key(|one| one.place.0);
    Ok(found)
}

fn has_more(element: Element<'_>) -> bool {
    element.attr("id").is_some() || element.children().next().is_some()
}

fn in_namespace(element: Element<'_>, namespace: &str) -> Result<(), DecodeError> {
    match element.namespace() == Some(namespace) {
        true => Ok(()),
        false => Err(structure(format!("must be in the namespace {namespace}"))),
    }
}

fn no_text(element: Element<'_>) -> Result<(), DecodeError> {
    match element.own_text().bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
        true => Ok(()),
        false => Err(structure("must not hold text between its elements")),
    }
}
