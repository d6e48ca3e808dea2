//! One answer of a C-FIND: the bounded decoding, what was needed to read it, and values in the form the standard wants.
//! PS3.4 C.4.1.1.3.2; spec/dicom.md 22.3.

use dicom_core::{Tag, VR};

use super::{Deviation, Level};
use crate::dataset::{DataSet, Value};
use crate::dimse::ElementError;
use crate::dimse::element_error;
use crate::tags;
use crate::text::CharacterSet;
use crate::uid;
use crate::values::{is_date, is_offset, is_time, respelt_date, respelt_time};

/// A value, and what the PACS did otherwise than the standard says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<M> {
    /// The value.
    pub value: M,
    /// Each deviation once, in the order of reading.
    pub deviations: Vec<Deviation>,
}

/// What an answer of one level is read as.
pub trait Match: Sized {
    /// The level.
    const LEVEL: Level;

    #[doc(hidden)]
    fn read(answer: &mut Answer<'_>) -> Result<Self, ElementError>;
}

pub(super) fn read_answer<M: Match>(
    octets: &[u8],
    transfer_syntax: &str,
    asked: &DataSet,
    assumed: CharacterSet,
) -> Result<Found<M>, ElementError> {
    let set = element_error::read(octets, transfer_syntax, assumed)?;
    let mut answer = Answer { set: &set, asked, deviations: Vec::new() };
    answer.look_at_level(M::LEVEL);
    answer.look_at_character_set();
    answer.look_at_keys();
    let value = M::read(&mut answer)?;
    Ok(Found { value, deviations: answer.deviations })
}

/// An answer being read.
pub struct Answer<'a> {
    set: &'a DataSet,
    asked: &'a DataSet,
    deviations: Vec<Deviation>,
}

/// What a PACS may say of every object without being asked. Source: PS3.4 C.4.1.1.3.2, C.1.3.
const MAY_BE_ADDED: &[Tag] = &[
    tags::SPECIFIC_CHARACTER_SET,
    tags::QUERY_RETRIEVE_LEVEL,
    tags::RETRIEVE_AE_TITLE,
    tags::INSTANCE_AVAILABILITY,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::STORAGE_MEDIA_FILE_SET_ID,
    tags::STORAGE_MEDIA_FILE_SET_UID,
    tags::RETRIEVE_LOCATION_UID,
];

impl Answer<'_> {
    pub(super) fn set(&self) -> &DataSet {
        self.set
    }

    pub(super) fn deviates(&mut self, deviation: Deviation) {
        if !self.deviations.contains(&deviation) {
            self.deviations.push(deviation);
        }
    }

    fn look_at_level(&mut self, level: Level) {
        match self.set.text(tags::QUERY_RETRIEVE_LEVEL) {
            None => self.deviates(Deviation::LevelMissing),
            Some(text) if text != level.as_str() => self.deviates(Deviation::LevelOther),
            Some(_) => {}
        }
    }

    fn look_at_character_set(&mut self) {
        let charset = self.set.charset();
        let declared = self.set.text(tags::SPECIFIC_CHARACTER_SET).is_some();
        if declared && charset.is_assumed() {
            self.deviates(Deviation::CharacterSetMisspelt { read_as: charset.term() });
        }
        let mut found = Vec::new();
        texts_beyond_ascii(self.set, 0, &mut |charset, octets| {
            if octets.contains(&0x1B) {
                if !charset.is_extended() {
                    found.push(Deviation::EscapesUndeclared);
                }
                return;
            }
            let read_as = charset.correction(octets);
            if !declared {
                found.push(Deviation::CharacterSetMissing { read_as: read_as.unwrap_or(charset.term()) });
            } else if let Some(read_as) = read_as {
                found.push(Deviation::CharacterSetWrong { read_as });
            }
        });
        for deviation in found {
            self.deviates(deviation);
        }
    }

    fn look_at_keys(&mut self) {
        let (set, asked) = (self.set, self.asked);
        for element in asked.elements() {
            // The level is looked at by itself; no character set is needed for plain text.
            let apart = [tags::SPECIFIC_CHARACTER_SET, tags::QUERY_RETRIEVE_LEVEL].contains(&element.tag);
            if !apart && !set.contains(element.tag) {
                self.deviates(Deviation::KeyMissing(element.tag));
            }
        }
        for element in set.elements() {
            let group_length = element.tag.1 == 0;
            if !group_length && !asked.contains(element.tag) && !MAY_BE_ADDED.contains(&element.tag) {
                self.deviates(Deviation::KeyNotAsked(element.tag));
            }
            if let Value::Octets(octets) = &element.value {
                let end = octets.iter().rfind(|octet| **octet != b' ');
                if is_text(element.vr) && end == Some(&0) {
                    self.deviates(Deviation::TrailingNul(element.tag));
                }
                if element.vr == VR::UI && octets.last() == Some(&b' ') {
                    self.deviates(Deviation::UidPadding(element.tag));
                }
            }
        }
    }

    /// The unique key of the level.
    pub(super) fn unique_key(&mut self, element: Tag) -> Result<String, ElementError> {
        let value = element_error::required_uid(self.set, element)?;
        self.look_at_uid(element, &value);
        Ok(value)
    }

    /// A unique key of a level above: as asked for where the answer leaves it out.
    pub(super) fn parent_key(&mut self, element: Tag) -> Result<String, ElementError> {
        let expected = self.asked.uid(element).ok_or(ElementError::Missing { element })?;
        match element_error::optional_uid(self.set, element)? {
            Some(value) if value != expected => Err(ElementError::Elsewhere { element, value, expected }),
            Some(_) | None => Ok(expected),
        }
    }

    /// A UID that is of use, but not needed.
    pub(super) fn uid(&mut self, element: Tag) -> Option<String> {
        match element_error::optional_uid(self.set, element) {
            Ok(Some(value)) => {
                self.look_at_uid(element, &value);
                Some(value)
            }
            Ok(None) => None,
            Err(_) => {
                self.deviates(Deviation::UidUnreadable(element));
                None
            }
        }
    }

    /// Several UIDs; what is none is left out.
    pub(super) fn uids(&mut self, element: Tag) -> Vec<String> {
        let mut values = self.set.texts(element);
        let before = values.len();
        values.retain(|value| uid::check(value).is_ok());
        if values.len() < before {
            self.deviates(Deviation::UidUnreadable(element));
        }
        values
    }

    fn look_at_uid(&mut self, element: Tag, value: &str) {
        if uid::has_leading_zero(value) {
            self.deviates(Deviation::UidLeadingZero(element));
        }
    }

    pub(super) fn text(&self, element: Tag) -> Option<String> {
        self.set.text(element)
    }

    pub(super) fn texts(&self, element: Tag) -> Vec<String> {
        let mut values = self.set.texts(element);
        values.retain(|value| !value.is_empty());
        values
    }

    pub(super) fn date(&mut self, element: Tag) -> Option<String> {
        let text = self.text(element)?;
        if is_date(&text) {
            return Some(text);
        }
        let respelt = respelt_date(&text);
        let known = respelt.is_some();
        self.deviates(if known { Deviation::DateSpelling(element) } else { Deviation::DateUnreadable(element) });
        respelt
    }

    pub(super) fn time(&mut self, element: Tag) -> Option<String> {
        let text = self.text(element)?;
        if is_time(&text) {
            return Some(text);
        }
        let respelt = respelt_time(&text);
        let known = respelt.is_some();
        self.deviates(if known { Deviation::TimeSpelling(element) } else { Deviation::TimeUnreadable(element) });
        respelt
    }

    pub(super) fn timezone(&mut self) -> Option<String> {
        let text = self.text(tags::TIMEZONE_OFFSET_FROM_UTC)?;
        if is_offset(&text) {
            return Some(text);
        }
        self.deviates(Deviation::TimezoneUnreadable);
        None
    }

    /// How many objects there are. A missing or zero number says nothing: the objects are looked for all the same (P43).
    pub(super) fn count(&mut self, element: Tag) -> Option<u32> {
        let count = self.number(element)?;
        if count == 0 {
            self.deviates(Deviation::CountZero(element));
            return None;
        }
        Some(count)
    }

    /// A number that is not negative.
    pub(super) fn number(&mut self, element: Tag) -> Option<u32> {
        self.integer(element).and_then(|number| {
            let number = u32::try_from(number).ok();
            if number.is_none() {
                self.deviates(Deviation::NumberUnreadable(element));
            }
            number
        })
    }

    pub(super) fn integer(&mut self, element: Tag) -> Option<i64> {
        let number = self.set.integer(element);
        if number.is_none()
            && self.set.octets(element).is_some_and(|octets| !octets.iter().all(|o| matches!(o, 0 | b' ')))
        {
            self.deviates(Deviation::NumberUnreadable(element));
        }
        number
    }
}

fn is_text(vr: VR) -> bool {
    use VR::{AE, AS, CS, DA, DS, DT, IS, LO, LT, PN, SH, ST, TM, UC, UR, UT};
    matches!(vr, AE | AS | CS | DA | DS | DT | IS | LO | LT | PN | SH | ST | TM | UC | UR | UT)
}

/// Tells of every text that (0008,0005) has a say in and that is not plain ASCII. The decoder has bounded the depth.
fn texts_beyond_ascii(set: &DataSet, depth: usize, tell: &mut dyn FnMut(CharacterSet, &[u8])) {
    for element in set.elements() {
        match &element.value {
            Value::Octets(octets) => {
                let subject = matches!(element.vr, VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT);
                if subject && (!octets.is_ascii() || octets.contains(&0x1B)) {
                    tell(set.charset(), octets);
                }
            }
            Value::Items(items) if depth < 16 => {
                items.iter().for_each(|item| texts_beyond_ascii(item, depth + 1, tell));
            }
            Value::Items(_) | Value::Fragments(_) => {}
        }
    }
}
