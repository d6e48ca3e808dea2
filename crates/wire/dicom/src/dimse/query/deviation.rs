//! What a PACS does otherwise than the standard says, and what was made of it. spec/dicom.md 22.3; P41, P43.

use std::fmt;

use dicom_core::Tag;

use crate::error::TagText;

/// One leniency that was needed to read an answer; no value of a patient is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deviation {
    /// Text beyond ASCII under no (0008,0005).
    CharacterSetMissing {
        /// The defined term it was read as.
        read_as: &'static str,
    },
    /// (0008,0005) is no defined term, or misspelt.
    CharacterSetMisspelt {
        /// The defined term it was read as.
        read_as: &'static str,
    },
    /// Text is not in the character set that (0008,0005) declares.
    CharacterSetWrong {
        /// The defined term it was read as.
        read_as: &'static str,
    },
    /// Escape sequences of ISO 2022 where (0008,0005) declares no code extensions; they are followed.
    EscapesUndeclared,
    /// A date with dots, dashes or slashes; read as meant.
    DateSpelling(Tag),
    /// A text that is no date; the value is unknown.
    DateUnreadable(Tag),
    /// A time with colons; read as meant.
    TimeSpelling(Tag),
    /// A text that is no time; the value is unknown.
    TimeUnreadable(Tag),
    /// (0008,0201) is no offset such as `+0100`; it is unknown.
    TimezoneUnreadable,
    /// A value that is no UID, beside the unique key; it is unknown.
    UidUnreadable(Tag),
    /// A component of a UID with a leading zero; kept as it is (B-012).
    UidLeadingZero(Tag),
    /// A UID padded with spaces.
    UidPadding(Tag),
    /// A text that ends with NUL.
    TrailingNul(Tag),
    /// A key that was asked for and is not in the answer, not even empty.
    KeyMissing(Tag),
    /// An attribute that was not asked for; ignored.
    KeyNotAsked(Tag),
    /// A number of objects that is 0 although this answer says that there are some; it is unknown.
    CountZero(Tag),
    /// A number that is none, or negative; it is unknown.
    NumberUnreadable(Tag),
    /// Several modalities in one value, such as `CT/SR`; taken apart.
    ModalitiesJoined,
    /// An availability that is no defined term; it is unknown.
    AvailabilityUnknown,
    /// (0008,0052) is missing.
    LevelMissing,
    /// (0008,0052) names another level than was asked for.
    LevelOther,
}

impl Deviation {
    /// The element it is about.
    pub fn element(&self) -> Tag {
        use crate::tags;
        match *self {
            Self::CharacterSetMissing { .. }
            | Self::CharacterSetMisspelt { .. }
            | Self::CharacterSetWrong { .. }
            | Self::EscapesUndeclared => tags::SPECIFIC_CHARACTER_SET,
            Self::TimezoneUnreadable => tags::TIMEZONE_OFFSET_FROM_UTC,
            Self::ModalitiesJoined => tags::MODALITIES_IN_STUDY,
            Self::AvailabilityUnknown => tags::INSTANCE_AVAILABILITY,
            Self::LevelMissing | Self::LevelOther => tags::QUERY_RETRIEVE_LEVEL,
            Self::DateSpelling(element)
            | Self::DateUnreadable(element)
            | Self::TimeSpelling(element)
            | Self::TimeUnreadable(element)
            | Self::UidUnreadable(element)
            | Self::UidLeadingZero(element)
            | Self::UidPadding(element)
            | Self::TrailingNul(element)
            | Self::KeyMissing(element)
            | Self::KeyNotAsked(element)
            | Self::CountZero(element)
            | Self::NumberUnreadable(element) => element,
        }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", TagText(self.element()))?;
        match self {
            Self::CharacterSetMissing { read_as } => write!(f, "is missing; text was read as {read_as}"),
            Self::CharacterSetMisspelt { read_as } => write!(f, "is no defined term; it was read as {read_as}"),
            Self::CharacterSetWrong { read_as } => write!(f, "does not fit the text, which was read as {read_as}"),
            Self::EscapesUndeclared => f.write_str("declares no code extensions, but text has escape sequences"),
            Self::DateSpelling(_) => f.write_str("is a date with separators"),
            Self::DateUnreadable(_) => f.write_str("is no date"),
            Self::TimeSpelling(_) => f.write_str("is a time with colons"),
            Self::TimeUnreadable(_) => f.write_str("is no time"),
            Self::TimezoneUnreadable => f.write_str("is no offset such as +0100"),
            Self::UidUnreadable(_) => f.write_str("is no UID"),
            Self::UidLeadingZero(_) => f.write_str("has a UID component with a leading zero"),
            Self::UidPadding(_) => f.write_str("is a UID padded with spaces"),
            Self::TrailingNul(_) => f.write_str("is a text that ends with NUL"),
            Self::KeyMissing(_) => f.write_str("was asked for and is not in the answer"),
            Self::KeyNotAsked(_) => f.write_str("was not asked for"),
            Self::CountZero(_) => f.write_str("is 0 although there is something"),
            Self::NumberUnreadable(_) => f.write_str("is no number of the kind"),
            Self::ModalitiesJoined => f.write_str("has several modalities in one value"),
            Self::AvailabilityUnknown => f.write_str("is no defined term"),
            Self::LevelMissing => f.write_str("is missing"),
            Self::LevelOther => f.write_str("names another level"),
        }
    }
}
