//! What a query matches on, checked once. PS3.4 C.2.2.2 (single value, list of UID, range).

use std::fmt;

use dicom_core::Tag;
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use crate::error::TagText;
use crate::header::Issuer;
use crate::tags;
use crate::values::{is_date, is_time};

/// Why a value cannot be matched on. The value is not shown: it may be of a patient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {rule}", TagText(*.element))]
pub struct BadKey {
    /// The key.
    pub element: Tag,
    /// The rule.
    pub rule: &'static str,
}

/// A range of days, both ends included; an end may be open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRange {
    text: String,
}

impl DateRange {
    /// `YYYYMMDD` each. Errors: an end that is no day, both ends open, or the last before the first.
    pub fn new(first: Option<&str>, last: Option<&str>) -> Result<Self, BadKey> {
        let bad = |rule| BadKey { element: tags::STUDY_DATE, rule };
        if [first, last].into_iter().flatten().any(|day| !is_date(day)) {
            return Err(bad("a day of the range is no date YYYYMMDD"));
        }
        Ok(Self { text: range(first, last).map_err(bad)? })
    }
}

/// A range of times of day, both ends included; an end may be open.
///
/// A PACS matches it by itself, on every day of a date range, unless combined date-time matching was agreed (P26).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRange {
    text: String,
}

impl TimeRange {
    /// `HHMM[SS[.F]]` each. Errors: an end that is no time, both ends open, or the last before the first.
    pub fn new(first: Option<&str>, last: Option<&str>) -> Result<Self, BadKey> {
        let bad = |rule| BadKey { element: tags::STUDY_TIME, rule };
        if [first, last].into_iter().flatten().any(|time| !is_time(time)) {
            return Err(bad("a time of the range is no time HHMMSS"));
        }
        Ok(Self { text: range(first, last).map_err(bad)? })
    }
}

fn range(first: Option<&str>, last: Option<&str>) -> Result<String, &'static str> {
    match (first, last) {
        (None, None) => Err("a range needs one end at least"),
        (Some(first), Some(last)) if last < first => Err("a range ends before it begins"),
        (Some(first), Some(last)) if first == last => Ok(first.to_owned()),
        (first, last) => Ok(format!("{}-{}", first.unwrap_or(""), last.unwrap_or(""))),
    }
}

/// One patient's id, with its issuer where the PACS knows several.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientCriterion {
    /// (0010,0020), exactly.
    pub id: String,
    /// (0010,0021) and (0010,0024); nothing of it is sent where it is empty.
    pub issuer: Issuer,
}

/// What studies are looked for; every criterion must hold, none finds all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StudyCriteria {
    /// Any of these studies.
    pub studies: Vec<StudyInstanceUid>,
    /// The patient.
    pub patient: Option<PatientCriterion>,
    /// (0008,0050), exactly.
    pub accession_number: Option<String>,
    /// (0008,0020).
    pub date: Option<DateRange>,
    /// (0008,0030).
    pub time: Option<TimeRange>,
    /// (0008,0061), which many PACS do not match on. (0008,0060) is a key of series: at this level some refuse it (P27).
    pub modality_in_study: Option<String>,
}

/// Which series of one study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesCriteria {
    /// The study.
    pub study: StudyInstanceUid,
    /// Any of these; all when empty.
    pub series: Vec<SeriesInstanceUid>,
    /// (0008,0060).
    pub modality: Option<String>,
}

impl SeriesCriteria {
    /// Every series of a study.
    pub fn of(study: StudyInstanceUid) -> Self {
        Self { study, series: Vec::new(), modality: None }
    }
}

/// Which instances of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceCriteria {
    /// The study.
    pub study: StudyInstanceUid,
    /// The series.
    pub series: SeriesInstanceUid,
    /// Any of these; all when empty.
    pub instances: Vec<SopInstanceUid>,
}

impl InstanceCriteria {
    /// Every instance of a series.
    pub fn of(study: StudyInstanceUid, series: SeriesInstanceUid) -> Self {
        Self { study, series, instances: Vec::new() }
    }
}

impl DateRange {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

impl TimeRange {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// A value that matches itself and nothing else.
pub(super) fn single(element: Tag, value: &str, most: usize) -> Result<&str, BadKey> {
    let value = value.trim();
    let rule = if value.is_empty() {
        "a value to match must not be empty, which would match everything"
    } else if value.chars().count() > most {
        "the value is longer than its VR allows"
    } else if value.contains(['*', '?']) {
        "* and ? would be wildcards"
    } else if value.contains('\\') || value.chars().any(char::is_control) {
        "backslashes and controls cannot be matched"
    } else {
        return Ok(value);
    };
    Err(BadKey { element, rule })
}

impl fmt::Debug for PatientCriterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatientCriterion").field("id", &"***").field("issuer", &self.issuer).finish()
    }
}

impl fmt::Debug for StudyCriteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StudyCriteria")
            .field("studies", &self.studies)
            .field("patient", &self.patient)
            .field("accession_number", &self.accession_number.as_ref().map(|_| "***"))
            .field("date", &self.date)
            .field("time", &self.time)
            .field("modality_in_study", &self.modality_in_study)
            .finish()
    }
}
