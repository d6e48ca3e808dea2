//! The iterative walker over an encoded data set: no recursion, every length checked against what holds it.
//! PS3.5 section 7 (elements, sequences, items), Annex A (transfer syntaxes).

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::source::Source;
use crate::error::{DecodeError, Problem, TagText};
use crate::transfer_syntaxes::Encoding;

/// Bounds on what a peer may make us look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nested sequences.
    pub depth: usize,
    /// Elements and items in all.
    pub elements: u64,
    /// Fragments of pixel data.
    pub fragments: usize,
    /// Octets of one kept value.
    pub value_octets: u64,
    /// Octets of all kept values.
    pub kept_octets: u64,
    /// Octets of an inflated data set.
    pub inflated_octets: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            elements: 4_000_000,
            fragments: 1_000_000,
            value_octets: 4 << 20,
            kept_octets: 64 << 20,
            inflated_octets: 512 << 20,
        }
    }
}

/// What stands in the data set, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// An element with a value of known length.
    Element {
        /// The tag.
        tag: Tag,
        /// The VR as written, or from the dictionary in implicit encoding; `None` for a VR no standard names.
        vr: VR,
        /// Offset of the value.
        offset: u64,
        /// Octets of the value.
        length: u64,
        /// How the value is written.
        encoding: Encoding,
    },
    /// A sequence begins.
    SequenceStart {
        /// The tag.
        tag: Tag,
    },
    /// A sequence ends.
    SequenceEnd {
        /// The tag.
        tag: Tag,
    },
    /// An item begins.
    ItemStart,
    /// An item ends.
    ItemEnd,
    /// Fragments of encapsulated data begin.
    FragmentsStart {
        /// The tag.
        tag: Tag,
        /// The VR.
        vr: VR,
    },
    /// One fragment; the first one is the basic offset table.
    Fragment {
        /// Offset of its octets.
        offset: u64,
        /// Octets.
        length: u64,
    },
    /// Fragments end.
    FragmentsEnd,
}

#[derive(Debug)]
enum Frame {
    Sequence { tag: Tag, end: Option<u64>, bound: u64, items: u32, encoding: Encoding },
    Item { end: Option<u64>, bound: u64, encoding: Encoding },
    Fragments { tag: Tag, count: usize },
}

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_DELIMITER: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_DELIMITER: Tag = Tag(0xFFFE, 0xE0DD);
/// Pixel Data.
pub const PIXEL_DATA: Tag = Tag(0x7FE0, 0x0010);
const UNDEFINED: u32 = 0xFFFF_FFFF;

/// Walks a data set token by token.
pub struct Walker<S> {
    source: S,
    position: u64,
    encoding: Encoding,
    stack: Vec<Frame>,
    depth: usize,
    elements: u64,
    limits: Limits,
    last: Tag,
}

impl<S: Source> Walker<S> {
    /// Starts at `position` of `source`.
    pub fn new(source: S, position: u64, encoding: Encoding, limits: Limits) -> Self {
        Self { source, position, encoding, stack: Vec::new(), depth: 0, elements: 0, limits, last: Tag(0, 0) }
    }

    /// Offset of what comes next.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Elements and items seen so far.
    pub fn elements(&self) -> u64 {
        self.elements
    }

    /// True outside any sequence.
    pub fn at_top(&self) -> bool {
        self.stack.is_empty()
    }

    /// The bytes of a value whose token was given.
    pub fn value(&mut self, offset: u64, length: u64) -> Result<&[u8], DecodeError> {
        if length > self.limits.value_octets {
            let limit = self.limits.value_octets;
            return Err(self.fail(offset, Problem::TooLong { length, limit }));
        }
        self.source.octets(offset, length as usize)
    }

    /// The source, to read long values piecewise.
    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// Leaves a sequence of defined length that has just begun. Returns false if its length is not known.
    pub fn skip_sequence(&mut self) -> bool {
        if let Some(Frame::Sequence { end: Some(end), items: 0, encoding, .. }) = self.stack.last() {
            self.position = *end;
            self.encoding = *encoding;
            self.stack.pop();
            self.depth -= 1;
            true
        } else {
            false
        }
    }

    /// The tag of the next element outside any sequence, without taking it. `None` at the end of the data set.
    pub fn peek_top_tag(&mut self) -> Result<Option<Tag>, DecodeError> {
        if !self.source.holds(self.position + 8)? {
            return Ok(None);
        }
        let big_endian = self.encoding.big_endian;
        Ok(Some(tag_of(self.source.octets(self.position, 4)?, big_endian)))
    }

    /// The next token; `None` at the end.
    pub fn next_token(&mut self) -> Result<Option<Token>, DecodeError> {
        match self.stack.last() {
            None => self.next_element(u64::MAX),
            Some(Frame::Item { end, bound, encoding }) => {
                let (end, bound, encoding) = (*end, *bound, *encoding);
                if end == Some(self.position) {
                    self.encoding = encoding;
                    self.stack.pop();
                    return Ok(Some(Token::ItemEnd));
                }
                self.next_element(bound)
            }
            Some(Frame::Sequence { tag, end, bound, encoding, .. }) => {
                let (tag, end, bound, outer) = (*tag, *end, *bound, *encoding);
                if end == Some(self.position) {
                    return Ok(Some(self.leave_sequence(tag, outer)));
                }
                self.next_item(tag, end, bound, outer)
            }
            Some(Frame::Fragments { .. }) => self.next_fragment(),
        }
    }

    fn leave_sequence(&mut self, tag: Tag, outer: Encoding) -> Token {
        self.encoding = outer;
        self.stack.pop();
        self.depth -= 1;
        Token::SequenceEnd { tag }
    }

    fn count(&mut self) -> Result<(), DecodeError> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            let limit = self.limits.elements;
            return Err(self.fail(self.position, Problem::TooManyElements { limit }));
        }
        Ok(())
    }

    fn next_item(
        &mut self,
        tag: Tag,
        end: Option<u64>,
        bound: u64,
        outer: Encoding,
    ) -> Result<Option<Token>, DecodeError> {
        self.count()?;
        let (found, length) = self.item_header(bound)?;
        match found {
            ITEM => {
                let body = self.position + 8;
                let item_end = if length == UNDEFINED {
                    None
                } else {
                    self.check_length(self.position, body, u64::from(length), bound)?;
                    Some(body + u64::from(length))
                };
                if let Some(Frame::Sequence { items, .. }) = self.stack.last_mut() {
                    *items = items.saturating_add(1);
                }
                self.position = body;
                let encoding = self.encoding;
                self.stack.push(Frame::Item { end: item_end, bound: item_end.unwrap_or(bound), encoding });
                Ok(Some(Token::ItemStart))
            }
            SEQUENCE_DELIMITER if end.is_none() => {
                self.position += 8;
                Ok(Some(self.leave_sequence(tag, outer)))
            }
            other => Err(self.fail(self.position, Problem::NotAnItem(TagText(other)))),
        }
    }

    fn next_fragment(&mut self) -> Result<Option<Token>, DecodeError> {
        let (found, length) = self.item_header(u64::MAX)?;
        let header = self.position;
        match found {
            ITEM if length != UNDEFINED => {
                let limit = self.limits.fragments;
                let mut over = false;
                if let Some(Frame::Fragments { count, .. }) = self.stack.last_mut() {
                    *count += 1;
                    over = *count > limit.saturating_add(1);
                }
                if over {
                    return Err(self.fail(header, Problem::TooManyFragments { limit }));
                }
                let offset = header + 8;
                self.check_length(header, offset, u64::from(length), u64::MAX)?;
                self.position = offset + u64::from(length);
                Ok(Some(Token::Fragment { offset, length: u64::from(length) }))
            }
            ITEM => Err(self.fail(header, Problem::UndefinedLength)),
            SEQUENCE_DELIMITER => {
                self.position += 8;
                self.stack.pop();
                Ok(Some(Token::FragmentsEnd))
            }
            other => Err(self.fail(header, Problem::NotAnItem(TagText(other)))),
        }
    }

    fn item_header(&mut self, bound: u64) -> Result<(Tag, u32), DecodeError> {
        let end = self.position + 8;
        if end > bound || !self.source.holds(end)? {
            return Err(self.fail(self.position, Problem::Truncated("before a sequence ends")));
        }
        let big_endian = self.encoding.big_endian;
        let octets = self.source.octets(self.position, 8)?;
        Ok((tag_of(octets, big_endian), u32_of(&octets[4..], big_endian)))
    }

    fn next_element(&mut self, bound: u64) -> Result<Option<Token>, DecodeError> {
        let start = self.position;
        if start >= bound || !self.source.holds(start + 8)? {
            return self.end_of_data(start, bound);
        }
        if start + 8 > bound {
            return Err(self.fail(start, Problem::Truncated("within an element header")));
        }
        self.count()?;
        let Encoding { explicit, big_endian } = self.encoding;
        let octets = self.source.octets(start, 8)?;
        let tag = tag_of(octets, big_endian);
        let head: [u8; 8] = [octets[0], octets[1], octets[2], octets[3], octets[4], octets[5], octets[6], octets[7]];
        if tag.0 == 0xFFFE {
            return self.delimiter(tag, start);
        }
        self.last = tag;
        // Some writers put implicit elements into an explicit data set: no VR has octets outside A-Z.
        let written = explicit && head[4].is_ascii_uppercase() && head[5].is_ascii_uppercase();
        let (vr, length, header) = if written {
            match VR::from_binary([head[4], head[5]]) {
                Some(vr) if is_short(vr) => (vr, u32::from(u16_of(&head[6..], big_endian)), 8),
                // A VR of a later edition has the long form (PS3.5 6.2.2) and is passed on as unknown.
                known => {
                    if start + 12 > bound || !self.source.holds(start + 12)? {
                        return Err(self.fail(start, Problem::Truncated("within an element header")));
                    }
                    let octets = self.source.octets(start + 8, 4)?;
                    (known.unwrap_or(VR::UN), u32_of(octets, big_endian), 12)
                }
            }
        } else {
            (implicit_vr(tag), u32_of(&head[4..], big_endian), 8)
        };
        let value = start + header;
        self.position = value;
        if length == UNDEFINED {
            return self.undefined(tag, vr, written, start, bound);
        }
        self.check_length(start, value, u64::from(length), bound)?;
        let end = value + u64::from(length);
        if vr == VR::SQ {
            self.enter(tag, Some(end), end, Encoding { explicit: written, big_endian }, start)?;
            return Ok(Some(Token::SequenceStart { tag }));
        }
        self.position = end;
        let encoding = Encoding { explicit: written, big_endian };
        Ok(Some(Token::Element { tag, vr, offset: value, length: u64::from(length), encoding }))
    }

    fn undefined(
        &mut self,
        tag: Tag,
        vr: VR,
        written: bool,
        start: u64,
        bound: u64,
    ) -> Result<Option<Token>, DecodeError> {
        let fragments =
            tag == PIXEL_DATA || (written && matches!(vr, VR::OB | VR::OW | VR::OD | VR::OF | VR::OL | VR::OV));
        if fragments {
            self.stack.push(Frame::Fragments { tag, count: 0 });
            return Ok(Some(Token::FragmentsStart { tag, vr }));
        }
        if written && !matches!(vr, VR::SQ | VR::UN) {
            return Err(self.fail(start, Problem::UndefinedLength));
        }
        // UN of undefined length holds items in implicit little endian (PS3.5 6.2.2 Note 4).
        let inner = if written && vr == VR::UN {
            Encoding::IMPLICIT_LE
        } else {
            Encoding { explicit: written, big_endian: self.encoding.big_endian }
        };
        self.enter(tag, None, bound, inner, start)?;
        Ok(Some(Token::SequenceStart { tag }))
    }

    fn enter(
        &mut self,
        tag: Tag,
        end: Option<u64>,
        bound: u64,
        inner: Encoding,
        start: u64,
    ) -> Result<(), DecodeError> {
        if self.depth >= self.limits.depth {
            let limit = self.limits.depth;
            return Err(self.fail(start, Problem::TooDeep { limit }));
        }
        self.depth += 1;
        self.stack.push(Frame::Sequence { tag, end, bound, items: 0, encoding: self.encoding });
        self.encoding = inner;
        Ok(())
    }

    fn delimiter(&mut self, tag: Tag, start: u64) -> Result<Option<Token>, DecodeError> {
        if let (ITEM_DELIMITER, Some(Frame::Item { end: None, encoding, .. })) = (tag, self.stack.last()) {
            self.encoding = *encoding;
            self.stack.pop();
            self.position = start + 8;
            return Ok(Some(Token::ItemEnd));
        }
        Err(self.fail(start, Problem::Unexpected(TagText(tag))))
    }

    fn end_of_data(&mut self, start: u64, bound: u64) -> Result<Option<Token>, DecodeError> {
        if !self.stack.is_empty() {
            let what = if start >= bound { "before an item ends" } else { "within a sequence" };
            return Err(self.fail(start, Problem::Truncated(what)));
        }
        let left = self.source.known_len().saturating_sub(start);
        if left > 0 {
            // Up to seven octets of zeros after the last element do no harm; anything else is a cut header.
            let rest = self.source.octets(start, left as usize)?;
            if rest.iter().any(|octet| *octet != 0) {
                return Err(self.fail(start, Problem::Truncated("within an element header")));
            }
        }
        Ok(None)
    }

    fn check_length(&mut self, at: u64, value: u64, length: u64, bound: u64) -> Result<(), DecodeError> {
        let end = value.saturating_add(length);
        if end > bound {
            let left = bound.saturating_sub(value);
            return Err(self.fail(at, Problem::Beyond { declared: length, left }));
        }
        if !self.source.holds(end)? {
            let left = self.source.known_len().saturating_sub(value);
            return Err(self.fail(at, Problem::Beyond { declared: length, left }));
        }
        Ok(())
    }

    fn fail(&self, offset: u64, problem: Problem) -> DecodeError {
        DecodeError::Structure { path: self.path(), offset, problem }
    }

    /// Where the walker is, for messages: the outermost and innermost eight sequences at most.
    fn path(&self) -> String {
        let mut steps = Vec::new();
        for frame in &self.stack {
            match frame {
                Frame::Sequence { tag, items, .. } => steps.push(format!("{}[{items}]", TagText(*tag))),
                Frame::Fragments { tag, count } => steps.push(format!("{} fragment {count}", TagText(*tag))),
                Frame::Item { .. } => {}
            }
        }
        if steps.len() > 6 {
            let cut = steps.len() - 5;
            steps.splice(1..cut, ["...".to_owned()]);
        }
        if !matches!(self.stack.last(), Some(Frame::Fragments { .. } | Frame::Sequence { .. })) {
            steps.push(TagText(self.last).to_string());
        }
        steps.join(".")
    }
}

/// True if the length of the VR takes two octets in explicit encoding. Source: PS3.5 Table 7.1-2.
pub(crate) fn is_short(vr: VR) -> bool {
    !matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    )
}

/// The VR of a tag where none is written. Source: PS3.6, PS3.5 A.1.
pub(crate) fn implicit_vr(tag: Tag) -> VR {
    if tag.1 == 0 {
        return VR::UL;
    }
    if tag.0 & 1 == 1 {
        return if (0x10..=0xFF).contains(&tag.1) { VR::LO } else { VR::UN };
    }
    match StandardDataDictionary.by_tag(tag).map(|entry| entry.vr()) {
        Some(VirtualVr::Exact(vr)) => vr,
        Some(VirtualVr::Xs) => VR::US,
        Some(VirtualVr::Ox | VirtualVr::Px | VirtualVr::Lt) => VR::OW,
        Some(_) | None => VR::UN,
    }
}

fn tag_of(octets: &[u8], big_endian: bool) -> Tag {
    Tag(u16_of(octets, big_endian), u16_of(&octets[2..], big_endian))
}

fn u16_of(octets: &[u8], big_endian: bool) -> u16 {
    let pair = [octets[0], octets[1]];
    if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
}

fn u32_of(octets: &[u8], big_endian: bool) -> u32 {
    let four = [octets[0], octets[1], octets[2], octets[3]];
    if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
}
