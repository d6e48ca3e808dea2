//! C-FIND, C-MOVE and C-GET in the study root: what is asked, what identifies the objects, and what comes back.
//! PS3.4 Annex C; spec/dicom.md 22.3, 22.4.
//!
//! A [`Query`] is made of criteria and of what is known about the PACS ([`Quirks`]); it writes the identifier and reads
//! the answers as [`StudyMatch`], [`SeriesMatch`] or [`InstanceMatch`]. What a PACS does otherwise than the standard says
//! is a [`Deviation`] beside the value.

mod answer;
mod criteria;
mod deviation;
mod identifier;
mod keys;
mod matches;

pub use answer::{Found, Match};
pub use criteria::{BadKey, DateRange, InstanceCriteria, PatientCriterion, SeriesCriteria, StudyCriteria, TimeRange};
pub use deviation::Deviation;
pub use identifier::{Query, Quirks, RequestCharacterSet, Retrieve};
pub use keys::ReturnKeys;
pub use matches::{Availability, InstanceMatch, Location, SeriesMatch, StudyMatch};
pub use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use dicom_core::Tag;

use crate::tags;

/// The levels of the study root, (0008,0052).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// `STUDY`.
    Study,
    /// `SERIES`.
    Series,
    /// `IMAGE`.
    Image,
}

impl Level {
    /// The defined term.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Study => "STUDY",
            Self::Series => "SERIES",
            Self::Image => "IMAGE",
        }
    }

    /// The unique key.
    pub fn unique_key(self) -> Tag {
        match self {
            Self::Study => tags::STUDY_INSTANCE_UID,
            Self::Series => tags::SERIES_INSTANCE_UID,
            Self::Image => tags::SOP_INSTANCE_UID,
        }
    }
}
