//! A data set in memory: elements in tag order, items inside sequences, text decoded by the character set that holds
//! at its place. Small data sets only (headers, key object selections, commands); pixels never come here on reading.
//! PS3.5 section 7.

mod collect;
mod write;

use std::fmt;

use dicom_core::{Tag, VR};

pub(crate) use collect::{Collector, number_width};
pub use collect::{decode, decode_assuming, decode_with};
pub(crate) use write::{padding, write_header, write_tag};

use crate::error::TagText;
use crate::scan::implicit_vr;
use crate::text::CharacterSet;
use crate::uid;

/// The value of an element.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Octets, numbers little endian whatever the source was.
    Octets(Vec<u8>),
    /// The items of a sequence.
    Items(Vec<DataSet>),
    /// Fragments of encapsulated pixel data, the basic offset table first. Only for writing.
    Fragments(Vec<Vec<u8>>),
}

/// One element.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    /// The tag.
    pub tag: Tag,
    /// The VR.
    pub vr: VR,
    /// The value.
    pub value: Value,
}

/// A data set or an item. `Debug` shows tags, VRs and lengths, never values.
#[derive(Clone, PartialEq, Eq)]
pub struct DataSet {
    charset: CharacterSet,
    elements: Vec<Element>,
}

impl Default for DataSet {
    fn default() -> Self {
        Self::new()
    }
}

impl DataSet {
    /// An empty data set whose text is UTF-8; put (0008,0005) `ISO_IR 192` into the outermost one.
    pub fn new() -> Self {
        Self { charset: CharacterSet::UTF_8, elements: Vec::new() }
    }

    pub(crate) fn with_charset(charset: CharacterSet) -> Self {
        Self { charset, elements: Vec::new() }
    }

    /// The character set that holds here, own or inherited.
    pub fn charset(&self) -> CharacterSet {
        self.charset
    }

    /// The elements in tag order.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// True if there is no element.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The element of a tag.
    pub fn element(&self, tag: Tag) -> Option<&Element> {
        self.position(tag).ok().map(|at| &self.elements[at])
    }

    /// True if the element is there, with or without a value.
    pub fn contains(&self, tag: Tag) -> bool {
        self.position(tag).is_ok()
    }

    /// The octets of an element as they are, numbers little endian.
    pub fn octets(&self, tag: Tag) -> Option<&[u8]> {
        match self.element(tag)?.value {
            Value::Octets(ref octets) => Some(octets),
            _ => None,
        }
    }

    /// The first value as text; `None` if the element is absent or empty.
    pub fn text(&self, tag: Tag) -> Option<String> {
        let element = self.element(tag)?;
        let Value::Octets(octets) = &element.value else { return None };
        let first = if matches!(element.vr, VR::LT | VR::ST | VR::UT | VR::UR) || !octets.contains(&b'\\') {
            self.charset.decode(octets, element.vr)
        } else {
            self.charset.decode_values(octets, element.vr).into_iter().next()?
        };
        Some(first).filter(|text| !text.is_empty())
    }

    /// Every value as text.
    pub fn texts(&self, tag: Tag) -> Vec<String> {
        match self.element(tag) {
            Some(Element { vr, value: Value::Octets(octets), .. }) => self.charset.decode_values(octets, *vr),
            _ => Vec::new(),
        }
    }

    /// A UID without its padding; `None` if absent or empty.
    pub fn uid(&self, tag: Tag) -> Option<String> {
        let text = String::from_utf8_lossy(self.octets(tag)?);
        let first = uid::trim(text.split('\\').next().unwrap_or_default());
        (!first.is_empty()).then(|| first.to_owned())
    }

    /// The first value as a whole number: binary, or decimal text (`"12.0"` and padding included).
    pub fn integer(&self, tag: Tag) -> Option<i64> {
        let element = self.element(tag)?;
        let Value::Octets(octets) = &element.value else { return None };
        match element.vr {
            VR::US => octets.first_chunk().map(|o| i64::from(u16::from_le_bytes(*o))),
            VR::SS => octets.first_chunk().map(|o| i64::from(i16::from_le_bytes(*o))),
            VR::UL => octets.first_chunk().map(|o| i64::from(u32::from_le_bytes(*o))),
            VR::SL => octets.first_chunk().map(|o| i64::from(i32::from_le_bytes(*o))),
            VR::SV => octets.first_chunk().map(|o| i64::from_le_bytes(*o)),
            VR::UV => octets.first_chunk().and_then(|o| i64::try_from(u64::from_le_bytes(*o)).ok()),
            VR::UN if octets.len() == 2 => octets.first_chunk().map(|o| i64::from(u16::from_le_bytes(*o))),
            _ => {
                let text = self.text(tag)?;
                text.parse().ok().or_else(|| {
                    let number: f64 = text.parse().ok()?;
                    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
                })
            }
        }
    }

    /// The first value as an unsigned 16-bit number.
    pub fn u16(&self, tag: Tag) -> Option<u16> {
        self.integer(tag).and_then(|number| u16::try_from(number).ok())
    }

    /// The first value as a decimal number.
    pub fn decimal(&self, tag: Tag) -> Option<f64> {
        let element = self.element(tag)?;
        let Value::Octets(octets) = &element.value else { return None };
        match element.vr {
            VR::FL => octets.first_chunk().map(|o| f64::from(f32::from_le_bytes(*o))),
            VR::FD => octets.first_chunk().map(|o| f64::from_le_bytes(*o)),
            VR::DS | VR::IS => self.text(tag)?.parse().ok(),
            _ => self.integer(tag).map(|number| number as f64),
        }
    }

    /// The items of a sequence; none if absent or empty.
    pub fn items(&self, tag: Tag) -> &[DataSet] {
        match self.element(tag) {
            Some(Element { value: Value::Items(items), .. }) => items,
            _ => &[],
        }
    }

    /// The first item of a sequence.
    pub fn item(&self, tag: Tag) -> Option<&DataSet> {
        self.items(tag).first()
    }

    /// Puts an element, replacing one of the same tag.
    pub fn put(&mut self, element: Element) {
        match self.elements.last() {
            Some(last) if (last.tag.0, last.tag.1) >= (element.tag.0, element.tag.1) => {
                match self.position(element.tag) {
                    Ok(at) => self.elements[at] = element,
                    Err(at) => self.elements.insert(at, element),
                }
            }
            _ => self.elements.push(element),
        }
    }

    /// Takes an element out.
    pub fn remove(&mut self, tag: Tag) -> Option<Element> {
        self.position(tag).ok().map(|at| self.elements.remove(at))
    }

    /// Puts octets of any VR; numbers little endian. Odd lengths are padded on writing.
    pub fn put_octets(&mut self, tag: Tag, vr: VR, octets: impl Into<Vec<u8>>) {
        self.put(Element { tag, vr, value: Value::Octets(octets.into()) });
    }

    /// Puts one text value, VR from the dictionary. A backslash would separate values, so it becomes a slash.
    pub fn put_text(&mut self, tag: Tag, text: &str) {
        let vr = text_vr(tag);
        let text = if matches!(vr, VR::LT | VR::ST | VR::UT | VR::UR) || !text.contains('\\') {
            text.to_owned()
        } else {
            text.replace('\\', "/")
        };
        self.put_octets(tag, vr, text);
    }

    /// Puts several text values, VR from the dictionary.
    pub fn put_texts<T: AsRef<str>>(&mut self, tag: Tag, texts: &[T]) {
        let joined: Vec<String> = texts.iter().map(|text| text.as_ref().replace('\\', "/")).collect();
        self.put_octets(tag, text_vr(tag), joined.join("\\"));
    }

    /// Puts an element without a value (type 2), VR from the dictionary.
    pub fn put_empty(&mut self, tag: Tag) {
        match implicit_vr(tag) {
            VR::SQ => self.put_items(tag, Vec::new()),
            vr => self.put_octets(tag, vr, Vec::new()),
        }
    }

    /// Puts an unsigned 16-bit number (VR US).
    pub fn put_u16(&mut self, tag: Tag, number: u16) {
        self.put_octets(tag, VR::US, number.to_le_bytes());
    }

    /// Puts an unsigned 32-bit number (VR UL).
    pub fn put_u32(&mut self, tag: Tag, number: u32) {
        self.put_octets(tag, VR::UL, number.to_le_bytes());
    }

    /// Puts a sequence.
    pub fn put_items(&mut self, tag: Tag, items: Vec<DataSet>) {
        self.put(Element { tag, vr: VR::SQ, value: Value::Items(items) });
    }

    /// Puts encapsulated pixel data: one fragment per frame, with an empty basic offset table.
    pub fn put_encapsulated(&mut self, frames: Vec<Vec<u8>>) {
        let mut fragments = vec![Vec::new()];
        fragments.extend(frames);
        self.put(Element { tag: crate::scan::PIXEL_DATA, vr: VR::OB, value: Value::Fragments(fragments) });
    }

    fn position(&self, tag: Tag) -> Result<usize, usize> {
        self.elements.binary_search_by(|element| (element.tag.0, element.tag.1).cmp(&(tag.0, tag.1)))
    }
}

fn text_vr(tag: Tag) -> VR {
    match implicit_vr(tag) {
        VR::UN | VR::SQ => VR::LO,
        vr => vr,
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", TagText(self.tag), self.vr.to_string())?;
        match &self.value {
            Value::Octets(octets) => write!(f, "{} octets", octets.len()),
            Value::Items(items) => write!(f, "{} items", items.len()),
            Value::Fragments(fragments) => write!(f, "{} fragments", fragments.len()),
        }
    }
}

impl fmt::Debug for DataSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.elements).finish()
    }
}
