//! The keys a query asks to have returned, per level. PS3.4 C.6.2.1; spec/dicom.md 22.3.

use dicom_core::Tag;

use super::Level;
use crate::tags;

const STUDY: &[Tag] = &[
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE,
    tags::RETRIEVE_AE_TITLE,
    tags::INSTANCE_AVAILABILITY,
    tags::MODALITIES_IN_STUDY,
    tags::SOP_CLASSES_IN_STUDY,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::STUDY_DESCRIPTION,
    tags::PROCEDURE_CODE_SEQUENCE,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_ID,
    tags::NUMBER_OF_STUDY_RELATED_SERIES,
    tags::NUMBER_OF_STUDY_RELATED_INSTANCES,
    tags::RETRIEVE_LOCATION_UID,
];

const SERIES: &[Tag] = &[
    tags::SERIES_DATE,
    tags::SERIES_TIME,
    tags::MODALITY,
    tags::MANUFACTURER,
    tags::SERIES_DESCRIPTION,
    tags::BODY_PART_EXAMINED,
    tags::PROTOCOL_NAME,
    tags::SERIES_NUMBER,
    tags::NUMBER_OF_SERIES_RELATED_INSTANCES,
    tags::PERFORMED_PROCEDURE_STEP_START_DATE,
    tags::PERFORMED_PROCEDURE_STEP_START_TIME,
    tags::REQUEST_ATTRIBUTES_SEQUENCE,
];

const IMAGE: &[Tag] = &[
    tags::SOP_CLASS_UID,
    tags::INSTANCE_NUMBER,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::CONCEPT_NAME_CODE_SEQUENCE,
    tags::VERIFICATION_FLAG,
    tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT,
];

/// What a PACS is asked to return beside the unique keys. Keys of another level are never among them: some PACS refuse
/// the query or answer nothing then (P27).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnKeys {
    left_out: Vec<Tag>,
}

impl ReturnKeys {
    /// Every key that a manifest can use.
    pub fn all() -> Self {
        Self { left_out: Vec::new() }
    }

    /// All but these: for a PACS that refuses a query, answers nothing or takes long when it is asked for one of them.
    pub fn without(mut self, keys: &[Tag]) -> Self {
        self.left_out.extend_from_slice(keys);
        self
    }

    /// The keys of a level, in order.
    pub fn of(&self, level: Level) -> impl Iterator<Item = Tag> + '_ {
        let keys = match level {
            Level::Study => STUDY,
            Level::Series => SERIES,
            Level::Image => IMAGE,
        };
        keys.iter().copied().filter(|key| !self.left_out.contains(key))
    }
}

impl Default for ReturnKeys {
    fn default() -> Self {
        Self::all()
    }
}
