//! What is wrong with the data set of a message: which element, which rule, which value. PS3.4, PS3.7 Annex C.

use dicom_core::Tag;

use crate::dataset::{self, DataSet};
use crate::error::{DecodeError, TagText};
use crate::scan::{Limits, encoding_of};
use crate::text::CharacterSet;
use crate::uid::{self, UidError};

/// The longest data set of a query, an answer or a notification that is read, in octets.
pub const MOST_DATA_SET_OCTETS: usize = 16 << 20;

/// Why a data set cannot be used. Values are shown only of UIDs and coded states, which say nothing of a patient.
#[derive(Debug, thiserror::Error)]
pub enum ElementError {
    /// The octets are no data set.
    #[error("data set cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// More octets than are read.
    #[error("data set of more than {MOST_DATA_SET_OCTETS} octets")]
    TooLong,
    /// A message that must have a data set came without.
    #[error("no data set came where one was announced or is required")]
    NoDataSet,
    /// An element without which the message means nothing.
    #[error("{} is missing or empty", TagText(*.element))]
    Missing {
        /// The element.
        element: Tag,
    },
    /// An element that should be a UID and is none.
    #[error("{} {value:?}: {rule}", TagText(*.element))]
    Uid {
        /// The element.
        element: Tag,
        /// Its value, cut to 80 characters.
        value: String,
        /// The rule.
        rule: UidError,
    },
    /// An answer that belongs to another study or series than was asked for.
    #[error("{} {value}: expected {expected}, which was asked for", TagText(*.element))]
    Elsewhere {
        /// The element.
        element: Tag,
        /// What came.
        value: String,
        /// What was asked for.
        expected: String,
    },
    /// A coded value outside its list.
    #[error("{} {value:?}: expected {expected}", TagText(*.element))]
    Term {
        /// The element.
        element: Tag,
        /// What came, cut to 80 characters.
        value: String,
        /// The list.
        expected: &'static str,
    },
}

/// Reads the data set of a message within limits.
pub(super) fn read(octets: &[u8], transfer_syntax: &str, assumed: CharacterSet) -> Result<DataSet, ElementError> {
    if octets.len() > MOST_DATA_SET_OCTETS {
        return Err(ElementError::TooLong);
    }
    // A list of failed instances is one value, however long.
    let value_octets = MOST_DATA_SET_OCTETS as u64;
    let limits = Limits { depth: 16, elements: 1_000_000, value_octets, ..Limits::default() };
    let (encoding, deflated) = encoding_of(transfer_syntax)?;
    if deflated {
        return Err(DecodeError::UnreadableTransferSyntax(transfer_syntax.to_owned()).into());
    }
    Ok(dataset::decode_assuming(octets, encoding, limits, assumed)?)
}

/// A UID that must be there.
pub(super) fn required_uid(set: &DataSet, element: Tag) -> Result<String, ElementError> {
    optional_uid(set, element)?.ok_or(ElementError::Missing { element })
}

/// A UID that may be left out, but not be another text.
pub(super) fn optional_uid(set: &DataSet, element: Tag) -> Result<Option<String>, ElementError> {
    let Some(value) = set.uid(element) else { return Ok(None) };
    match uid::check(&value) {
        Ok(()) => Ok(Some(value)),
        Err(rule) => Err(ElementError::Uid { element, value: cut(&value), rule }),
    }
}

pub(super) fn cut(value: &str) -> String {
    value.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer_syntaxes::{DEFLATED_LE, EXPLICIT_LE};

    #[test]
    fn errors_name_the_element_its_rule_and_its_value() {
        let mut set = DataSet::new();
        set.put_text(Tag(0x0020, 0x000D), "1.2..3");
        let error = required_uid(&set, Tag(0x0020, 0x000D)).unwrap_err();
        assert_eq!(error.to_string(), "(0020,000D) \"1.2..3\": a UID component is empty at position 5");
        let error = required_uid(&set, Tag(0x0008, 0x0018)).unwrap_err();
        assert_eq!(error.to_string(), "(0008,0018) is missing or empty");
        let error = read(&[1, 2, 3], EXPLICIT_LE, CharacterSet::default()).unwrap_err();
        assert!(error.to_string().starts_with("data set cannot be read: "), "{error}");
        assert!(matches!(
            read(&vec![0; MOST_DATA_SET_OCTETS + 1], EXPLICIT_LE, CharacterSet::default()),
            Err(ElementError::TooLong)
        ));
        assert!(matches!(read(&[], DEFLATED_LE, CharacterSet::default()), Err(ElementError::Unreadable(_))));
    }
}
