//! Modality Performed Procedure Step: what a modality says of its work, in N-CREATE and N-SET.
//! PS3.4 Annex F.7; spec/dicom.md 22.5, 22.6.

use std::fmt;

use dicom_core::VR;

use super::element_error::{self, ElementError, cut};
use super::references::SopReference;
use crate::dataset::DataSet;
use crate::header::{Code, codes};
use crate::tags;
use crate::text::CharacterSet;

/// (0040,0252).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepStatus {
    /// `IN PROGRESS`.
    InProgress,
    /// `COMPLETED`.
    Completed,
    /// `DISCONTINUED`.
    Discontinued,
}

impl StepStatus {
    /// The defined term.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Discontinued => "DISCONTINUED",
        }
    }
}

/// The data set of an N-CREATE or N-SET, as far as it says which study is complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcedureStep {
    /// (0040,0252); an N-SET may leave it out.
    pub status: Option<StepStatus>,
    /// (0040,0270): what the step was scheduled for. Only an N-CREATE says it.
    pub scheduled: Vec<ScheduledStep>,
    /// (0008,0060).
    pub modality: Option<String>,
    /// (0040,0281): why it was discontinued.
    pub discontinuation: Vec<Code>,
    /// (0040,0340).
    pub series: Vec<PerformedSeries>,
}

/// One item of (0040,0270).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ScheduledStep {
    /// (0020,000D).
    pub study: Option<String>,
    /// (0008,0050).
    pub accession_number: Option<String>,
}

/// One item of (0040,0340).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformedSeries {
    /// (0020,000E).
    pub series: String,
    /// (0008,0054).
    pub retrieve_ae_title: Option<String>,
    /// (0008,1140).
    pub images: Vec<SopReference>,
    /// (0040,0220).
    pub others: Vec<SopReference>,
}

impl ProcedureStep {
    /// Reads the data set.
    ///
    /// Errors: a status that is no defined term, a series without a valid UID, a reference without its two UIDs.
    pub fn decode(octets: &[u8], transfer_syntax: &str) -> Result<Self, ElementError> {
        let set = element_error::read(octets, transfer_syntax, CharacterSet::default())?;
        let mut scheduled = Vec::new();
        for item in set.items(tags::SCHEDULED_STEP_ATTRIBUTES_SEQUENCE) {
            scheduled.push(ScheduledStep {
                study: element_error::optional_uid(item, tags::STUDY_INSTANCE_UID)?,
                accession_number: item.text(tags::ACCESSION_NUMBER),
            });
        }
        let series: Result<Vec<_>, _> =
            set.items(tags::PERFORMED_SERIES_SEQUENCE).iter().map(PerformedSeries::read).collect();
        Ok(Self {
            status: status(&set)?,
            scheduled,
            modality: set.text(tags::MODALITY),
            discontinuation: codes(&set, tags::PERFORMED_PROCEDURE_STEP_DISCONTINUATION_REASON_CODE_SEQUENCE),
            series: series?,
        })
    }

    /// True if it was discontinued because the wrong worklist entry had been chosen (110514, DCM): the images may be of
    /// another patient, so nothing is to be published before they are corrected.
    pub fn is_wrong_worklist_entry(&self) -> bool {
        let reason = self.discontinuation.iter().any(|code| code.value == "110514" && code.scheme == "DCM");
        self.status == Some(StepStatus::Discontinued) && reason
    }

    /// The data set of an N-SET. That of an N-CREATE has the patient and the schedule too, which only a modality knows.
    pub fn update(&self) -> DataSet {
        let mut set = DataSet::new();
        set.put_text(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192");
        if let Some(status) = self.status {
            set.put_text(tags::PERFORMED_PROCEDURE_STEP_STATUS, status.as_str());
        }
        if !self.discontinuation.is_empty() {
            let items = self.discontinuation.iter().map(|code| {
                let mut item = DataSet::new();
                item.put_text(tags::CODE_VALUE, &code.value);
                item.put_text(tags::CODING_SCHEME_DESIGNATOR, &code.scheme);
                item.put_text(tags::CODE_MEANING, &code.meaning);
                item
            });
            set.put_items(tags::PERFORMED_PROCEDURE_STEP_DISCONTINUATION_REASON_CODE_SEQUENCE, items.collect());
        }
        if !self.series.is_empty() {
            set.put_items(tags::PERFORMED_SERIES_SEQUENCE, self.series.iter().map(PerformedSeries::write).collect());
        }
        set
    }

    /// The data set of an N-CREATE as far as these values go: schedule and modality beside what `update` has. Type 2 attributes that are not known here are empty.
    pub fn create(&self) -> DataSet {
        let mut set = self.update();
        for element in [
            tags::PATIENT_NAME,
            tags::PATIENT_ID,
            tags::PATIENT_BIRTH_DATE,
            tags::PATIENT_SEX,
            tags::STUDY_ID,
            tags::PERFORMED_STATION_NAME,
            tags::PERFORMED_LOCATION,
            tags::PERFORMED_PROCEDURE_STEP_END_DATE,
            tags::PERFORMED_PROCEDURE_STEP_END_TIME,
            tags::PERFORMED_PROCEDURE_STEP_DESCRIPTION,
            tags::PERFORMED_PROCEDURE_TYPE_DESCRIPTION,
            tags::PROCEDURE_CODE_SEQUENCE,
            tags::PERFORMED_PROTOCOL_CODE_SEQUENCE,
        ] {
            set.put_empty(element);
        }
        if self.series.is_empty() {
            set.put_empty(tags::PERFORMED_SERIES_SEQUENCE);
        }
        set.put_text(tags::MODALITY, self.modality.as_deref().unwrap_or(""));
        let scheduled = self.scheduled.iter().map(|step| {
            let mut item = DataSet::new();
            item.put_octets(tags::STUDY_INSTANCE_UID, VR::UI, step.study.as_deref().unwrap_or(""));
            item.put_text(tags::ACCESSION_NUMBER, step.accession_number.as_deref().unwrap_or(""));
            item
        });
        set.put_items(tags::SCHEDULED_STEP_ATTRIBUTES_SEQUENCE, scheduled.collect());
        set
    }
}

fn status(set: &DataSet) -> Result<Option<StepStatus>, ElementError> {
    let element = tags::PERFORMED_PROCEDURE_STEP_STATUS;
    let Some(term) = set.text(element) else { return Ok(None) };
    match term.to_ascii_uppercase().as_str() {
        "IN PROGRESS" => Ok(Some(StepStatus::InProgress)),
        "COMPLETED" => Ok(Some(StepStatus::Completed)),
        "DISCONTINUED" => Ok(Some(StepStatus::Discontinued)),
        _ => {
            let expected = "IN PROGRESS, COMPLETED or DISCONTINUED";
            Err(ElementError::Term { element, value: cut(&term), expected })
        }
    }
}

impl PerformedSeries {
    fn read(item: &DataSet) -> Result<Self, ElementError> {
        Ok(Self {
            series: element_error::required_uid(item, tags::SERIES_INSTANCE_UID)?,
            retrieve_ae_title: item.text(tags::RETRIEVE_AE_TITLE),
            images: SopReference::read_all(item, tags::REFERENCED_IMAGE_SEQUENCE)?,
            others: SopReference::read_all(item, tags::REFERENCED_NON_IMAGE_COMPOSITE_SOP_INSTANCE_SEQUENCE)?,
        })
    }

    fn write(&self) -> DataSet {
        let mut item = DataSet::new();
        item.put_octets(tags::RETRIEVE_AE_TITLE, VR::AE, self.retrieve_ae_title.as_deref().unwrap_or(""));
        item.put_octets(tags::SERIES_INSTANCE_UID, VR::UI, self.series.as_str());
        for element in
            [tags::SERIES_DESCRIPTION, tags::PERFORMING_PHYSICIAN_NAME, tags::OPERATORS_NAME, tags::PROTOCOL_NAME]
        {
            item.put_empty(element);
        }
        item.put_items(tags::REFERENCED_IMAGE_SEQUENCE, SopReference::write_all(&self.images));
        let others = SopReference::write_all(&self.others);
        item.put_items(tags::REFERENCED_NON_IMAGE_COMPOSITE_SOP_INSTANCE_SEQUENCE, others);
        item
    }
}

impl fmt::Debug for ScheduledStep {
    /// The accession number is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduledStep").field("study", &self.study).finish_non_exhaustive()
    }
}
