//! What a PACS says of a study, a series and an instance: the values a proxy and a manifest need.
//! PS3.4 Tables C.6-5 ff. (keys), PS3.3 C.7 (attributes); spec/dicom.md 22.3.

use std::fmt;

use dicom_core::Tag;
use model::{Invalid, RetrieveLocationUid, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid};

use super::answer::{Answer, Match};
use super::{Deviation, Level};
use crate::dimse::ElementError;
use crate::header::{Code, Issuer, Patient, Request, codes, request};
use crate::{tags, uid};

/// How soon objects can be had, (0008,0056).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Availability {
    /// At once.
    Online,
    /// After a recall, which may take minutes.
    Nearline,
    /// After somebody has put in a medium.
    Offline,
    /// Not at all.
    Unavailable,
}

impl Availability {
    /// Reads a defined term.
    pub fn from_term(term: &str) -> Option<Self> {
        Some(match term.to_ascii_uppercase().as_str() {
            "ONLINE" => Self::Online,
            "NEARLINE" => Self::Nearline,
            "OFFLINE" => Self::Offline,
            "UNAVAILABLE" => Self::Unavailable,
            _ => return None,
        })
    }

    /// The defined term.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Nearline => "NEARLINE",
            Self::Offline => "OFFLINE",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

/// Where objects are, as far as an answer says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// (0008,0056).
    pub availability: Option<Availability>,
    /// (0008,0054).
    pub retrieve_ae_titles: Vec<String>,
    /// (0040,E011).
    pub retrieve_location: Option<RetrieveLocationUid>,
}

/// A study of a PACS. Absent and empty are the same.
///
/// Units: dates `YYYYMMDD`, times `HHMMSS.FFFFFF`, in the time zone stated or else that of the site.
#[derive(Clone, PartialEq, Eq)]
pub struct StudyMatch {
    /// (0020,000D).
    pub study: StudyInstanceUid,
    /// The patient with the issuer of the id.
    pub patient: Patient,
    /// (0008,0020).
    pub date: Option<String>,
    /// (0008,0030).
    pub time: Option<String>,
    /// (0008,0050).
    pub accession_number: Option<String>,
    /// (0008,0051).
    pub accession_issuer: Issuer,
    /// (0020,0010).
    pub id: Option<String>,
    /// (0008,1030).
    pub description: Option<String>,
    /// (0008,0090).
    pub referring_physician_name: Option<String>,
    /// (0008,1032).
    pub procedure_codes: Vec<Code>,
    /// (0008,0061); some PACS say only one of several, so that series tell better.
    pub modalities: Vec<String>,
    /// (0008,0062); what a C-GET proposes.
    pub sop_classes: Vec<String>,
    /// (0020,1206), `None` where it is unknown.
    pub number_of_series: Option<u32>,
    /// (0020,1208), `None` where it is unknown.
    pub number_of_instances: Option<u32>,
    /// Where it is.
    pub location: Location,
    /// (0008,0201).
    pub timezone: Option<String>,
}

/// A series of a PACS. Units as for studies.
#[derive(Clone, PartialEq, Eq)]
pub struct SeriesMatch {
    /// (0020,000D), as asked for.
    pub study: StudyInstanceUid,
    /// (0020,000E).
    pub series: SeriesInstanceUid,
    /// (0008,0060).
    pub modality: Option<String>,
    /// (0020,0011).
    pub number: Option<i64>,
    /// (0008,103E).
    pub description: Option<String>,
    /// (0008,0021).
    pub date: Option<String>,
    /// (0008,0031).
    pub time: Option<String>,
    /// (0018,0015).
    pub body_part: Option<String>,
    /// (0018,1030).
    pub protocol_name: Option<String>,
    /// (0008,0070).
    pub manufacturer: Option<String>,
    /// (0020,1209), `None` where it is unknown.
    pub number_of_instances: Option<u32>,
    /// (0040,0244).
    pub performed_step_start_date: Option<String>,
    /// (0040,0245).
    pub performed_step_start_time: Option<String>,
    /// (0040,0275).
    pub requests: Vec<Request>,
    /// Where it is.
    pub location: Location,
    /// (0008,0201).
    pub timezone: Option<String>,
}

/// An instance of a PACS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceMatch {
    /// (0020,000D), as asked for.
    pub study: StudyInstanceUid,
    /// (0020,000E), as asked for.
    pub series: SeriesInstanceUid,
    /// (0008,0018).
    pub sop_instance: SopInstanceUid,
    /// (0008,0016); some PACS do not say it, a C-STORE does.
    pub sop_class: Option<SopClassUid>,
    /// (0020,0013).
    pub number: Option<i64>,
    /// (0028,0008), `None` where it is unknown.
    pub number_of_frames: Option<u32>,
    /// (0028,0010).
    pub rows: Option<u32>,
    /// (0028,0011).
    pub columns: Option<u32>,
    /// (0042,0012).
    pub mime_type: Option<String>,
    /// (0040,A493).
    pub verification_flag: Option<String>,
    /// (0040,A043): the title of a document.
    pub title: Option<Code>,
    /// Where it is.
    pub location: Location,
}

impl Match for StudyMatch {
    const LEVEL: Level = Level::Study;

    fn read(answer: &mut Answer<'_>) -> Result<Self, ElementError> {
        let uid = answer.unique_key(tags::STUDY_INSTANCE_UID)?;
        let mut issuer = Issuer::of(answer.set(), tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE);
        issuer.namespace = answer.text(tags::ISSUER_OF_PATIENT_ID).or(issuer.namespace);
        Ok(Self {
            study: checked(tags::STUDY_INSTANCE_UID, &uid, StudyInstanceUid::parse)?,
            patient: Patient {
                id: answer.text(tags::PATIENT_ID),
                issuer,
                name: answer.text(tags::PATIENT_NAME),
                birth_date: answer.date(tags::PATIENT_BIRTH_DATE),
                sex: answer.text(tags::PATIENT_SEX),
            },
            date: answer.date(tags::STUDY_DATE),
            time: answer.time(tags::STUDY_TIME),
            accession_number: answer.text(tags::ACCESSION_NUMBER),
            accession_issuer: Issuer::of(answer.set(), tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE),
            id: answer.text(tags::STUDY_ID),
            description: answer.text(tags::STUDY_DESCRIPTION),
            referring_physician_name: answer.text(tags::REFERRING_PHYSICIAN_NAME),
            procedure_codes: codes(answer.set(), tags::PROCEDURE_CODE_SEQUENCE),
            modalities: modalities(answer),
            sop_classes: answer.uids(tags::SOP_CLASSES_IN_STUDY),
            number_of_series: answer.count(tags::NUMBER_OF_STUDY_RELATED_SERIES),
            number_of_instances: answer.count(tags::NUMBER_OF_STUDY_RELATED_INSTANCES),
            location: location(answer),
            timezone: answer.timezone(),
        })
    }
}

impl Match for SeriesMatch {
    const LEVEL: Level = Level::Series;

    fn read(answer: &mut Answer<'_>) -> Result<Self, ElementError> {
        let study = answer.parent_key(tags::STUDY_INSTANCE_UID)?;
        let uid = answer.unique_key(tags::SERIES_INSTANCE_UID)?;
        Ok(Self {
            study: checked(tags::STUDY_INSTANCE_UID, &study, StudyInstanceUid::parse)?,
            series: checked(tags::SERIES_INSTANCE_UID, &uid, SeriesInstanceUid::parse)?,
            modality: answer.text(tags::MODALITY),
            number: answer.integer(tags::SERIES_NUMBER),
            description: answer.text(tags::SERIES_DESCRIPTION),
            date: answer.date(tags::SERIES_DATE),
            time: answer.time(tags::SERIES_TIME),
            body_part: answer.text(tags::BODY_PART_EXAMINED),
            protocol_name: answer.text(tags::PROTOCOL_NAME),
            manufacturer: answer.text(tags::MANUFACTURER),
            number_of_instances: answer.count(tags::NUMBER_OF_SERIES_RELATED_INSTANCES),
            performed_step_start_date: answer.date(tags::PERFORMED_PROCEDURE_STEP_START_DATE),
            performed_step_start_time: answer.time(tags::PERFORMED_PROCEDURE_STEP_START_TIME),
            requests: answer.set().items(tags::REQUEST_ATTRIBUTES_SEQUENCE).iter().map(request).collect(),
            location: location(answer),
            timezone: answer.timezone(),
        })
    }
}

impl Match for InstanceMatch {
    const LEVEL: Level = Level::Image;

    fn read(answer: &mut Answer<'_>) -> Result<Self, ElementError> {
        let study = answer.parent_key(tags::STUDY_INSTANCE_UID)?;
        let series = answer.parent_key(tags::SERIES_INSTANCE_UID)?;
        let uid = answer.unique_key(tags::SOP_INSTANCE_UID)?;
        Ok(Self {
            study: checked(tags::STUDY_INSTANCE_UID, &study, StudyInstanceUid::parse)?,
            series: checked(tags::SERIES_INSTANCE_UID, &series, SeriesInstanceUid::parse)?,
            sop_instance: checked(tags::SOP_INSTANCE_UID, &uid, SopInstanceUid::parse)?,
            sop_class: answer.uid(tags::SOP_CLASS_UID).and_then(|uid| SopClassUid::parse(&uid).ok()),
            number: answer.integer(tags::INSTANCE_NUMBER),
            number_of_frames: answer.count(tags::NUMBER_OF_FRAMES),
            rows: answer.number(tags::ROWS),
            columns: answer.number(tags::COLUMNS),
            mime_type: answer.text(tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT),
            verification_flag: answer.text(tags::VERIFICATION_FLAG),
            title: codes(answer.set(), tags::CONCEPT_NAME_CODE_SEQUENCE).into_iter().next(),
            location: location(answer),
        })
    }
}

/// A UID that was checked already, as its type of the model.
fn checked<T>(element: Tag, value: &str, parse: fn(&str) -> Result<T, Invalid>) -> Result<T, ElementError> {
    parse(value).map_err(|_| match uid::check(value) {
        Err(rule) => ElementError::Uid { element, value: value.to_owned(), rule },
        Ok(()) => ElementError::Missing { element },
    })
}

fn modalities(answer: &mut Answer<'_>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for value in answer.texts(tags::MODALITIES_IN_STUDY) {
        let separators = ['/', ',', ';', '+', ' ', '|'];
        let parts: Vec<&str> = value.split(separators).filter(|part| !part.is_empty()).collect();
        if parts.len() > 1 {
            answer.deviates(Deviation::ModalitiesJoined);
        }
        for part in parts {
            if !out.iter().any(|known| known == part) {
                out.push(part.to_owned());
            }
        }
    }
    out
}

fn location(answer: &mut Answer<'_>) -> Location {
    let term = answer.text(tags::INSTANCE_AVAILABILITY);
    let availability = term.as_deref().and_then(Availability::from_term);
    if term.is_some() && availability.is_none() {
        answer.deviates(Deviation::AvailabilityUnknown);
    }
    Location {
        availability,
        retrieve_ae_titles: answer.texts(tags::RETRIEVE_AE_TITLE),
        retrieve_location: answer
            .uid(tags::RETRIEVE_LOCATION_UID)
            .and_then(|uid| RetrieveLocationUid::parse(&uid).ok()),
    }
}

impl fmt::Debug for StudyMatch {
    /// Patient, request and free text are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StudyMatch")
            .field("study", &self.study)
            .field("patient", &self.patient)
            .field("date", &self.date)
            .field("modalities", &self.modalities)
            .field("number_of_series", &self.number_of_series)
            .field("number_of_instances", &self.number_of_instances)
            .field("location", &self.location)
            .field("timezone", &self.timezone)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SeriesMatch {
    /// Requests and free text are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeriesMatch")
            .field("study", &self.study)
            .field("series", &self.series)
            .field("modality", &self.modality)
            .field("number", &self.number)
            .field("number_of_instances", &self.number_of_instances)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
