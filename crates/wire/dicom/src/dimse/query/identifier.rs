//! Identifiers as they are sent: criteria and return keys to a data set, and unique keys for retrieval.
//! PS3.4 C.4.1.1.3.1, C.4.2.1.4.1.

use std::marker::PhantomData;

use dicom_core::{Tag, VR};
use encoding_rs::WINDOWS_1252;
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use super::answer::{Found, Match, read_answer};
use super::criteria::{BadKey, InstanceCriteria, SeriesCriteria, StudyCriteria, single};
use super::matches::{InstanceMatch, SeriesMatch, StudyMatch};
use super::{Level, ReturnKeys};
use crate::dataset::DataSet;
use crate::dimse::ElementError;
use crate::header::Issuer;
use crate::tags;
use crate::text::CharacterSet;
use crate::transfer_syntaxes::IMPLICIT_LE;

/// The character set a request is written in, (0008,0005).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestCharacterSet {
    /// `ISO_IR 192`.
    #[default]
    Utf8,
    /// `ISO_IR 100`, for a PACS that refuses or does not know the other.
    Latin1,
}

/// What is known about one PACS and changes what is sent to it or how its answers are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quirks {
    /// What is asked for.
    pub return_keys: ReturnKeys,
    /// How requests are written.
    pub request_character_set: RequestCharacterSet,
    /// How text is read in answers that do not declare a character set.
    pub default_character_set: CharacterSet,
}

/// The identifier of a C-FIND whose answers are `M`.
#[derive(Debug, Clone)]
pub struct Query<M> {
    set: DataSet,
    default_character_set: CharacterSet,
    answers: PhantomData<fn() -> M>,
}

impl Query<StudyMatch> {
    /// Studies that meet every criterion.
    ///
    /// Errors: [`BadKey`] for a value that would match something else than itself or does not fit its VR.
    pub fn studies(criteria: &StudyCriteria, quirks: &Quirks) -> Result<Self, BadKey> {
        let mut query = Self::new(quirks);
        query.uids(tags::STUDY_INSTANCE_UID, criteria.studies.iter().map(StudyInstanceUid::as_str))?;
        if let Some(patient) = &criteria.patient {
            query.single(tags::PATIENT_ID, &patient.id, 64, quirks)?;
            query.issuer(&patient.issuer, quirks)?;
        }
        if let Some(number) = &criteria.accession_number {
            query.single(tags::ACCESSION_NUMBER, number, 16, quirks)?;
        }
        if let Some(range) = &criteria.date {
            query.set.put_octets(tags::STUDY_DATE, VR::DA, range.as_str());
        }
        if let Some(range) = &criteria.time {
            query.set.put_octets(tags::STUDY_TIME, VR::TM, range.as_str());
        }
        if let Some(modality) = &criteria.modality_in_study {
            query.single(tags::MODALITIES_IN_STUDY, modality, 16, quirks)?;
        }
        Ok(query)
    }
}

impl Query<SeriesMatch> {
    /// Series of one study. Errors: as for studies.
    pub fn series(criteria: &SeriesCriteria, quirks: &Quirks) -> Result<Self, BadKey> {
        let mut query = Self::new(quirks);
        query.uids(tags::STUDY_INSTANCE_UID, [criteria.study.as_str()])?;
        query.uids(tags::SERIES_INSTANCE_UID, criteria.series.iter().map(SeriesInstanceUid::as_str))?;
        if let Some(modality) = &criteria.modality {
            query.single(tags::MODALITY, modality, 16, quirks)?;
        }
        Ok(query)
    }
}

impl Query<InstanceMatch> {
    /// Instances of one series. Errors: more UIDs than one element can hold.
    pub fn instances(criteria: &InstanceCriteria, quirks: &Quirks) -> Result<Self, BadKey> {
        let mut query = Self::new(quirks);
        query.uids(tags::STUDY_INSTANCE_UID, [criteria.study.as_str()])?;
        query.uids(tags::SERIES_INSTANCE_UID, [criteria.series.as_str()])?;
        query.uids(tags::SOP_INSTANCE_UID, criteria.instances.iter().map(SopInstanceUid::as_str))?;
        Ok(query)
    }
}

impl<M: Match> Query<M> {
    fn new(quirks: &Quirks) -> Self {
        let mut set = DataSet::new();
        let term = match quirks.request_character_set {
            RequestCharacterSet::Utf8 => "ISO_IR 192",
            RequestCharacterSet::Latin1 => "ISO_IR 100",
        };
        set.put_text(tags::SPECIFIC_CHARACTER_SET, term);
        set.put_text(tags::QUERY_RETRIEVE_LEVEL, M::LEVEL.as_str());
        set.put_empty(M::LEVEL.unique_key());
        for key in quirks.return_keys.of(M::LEVEL) {
            set.put_empty(key);
        }
        Self { set, default_character_set: quirks.default_character_set, answers: PhantomData }
    }

    /// The level, (0008,0052).
    pub fn level(&self) -> Level {
        M::LEVEL
    }

    /// The identifier in a transfer syntax of C-FIND: Implicit or Explicit VR Little Endian.
    pub fn encode(&self, transfer_syntax: &str) -> Vec<u8> {
        encode(&self.set, transfer_syntax)
    }

    /// Reads one answer.
    ///
    /// Errors: the data set cannot be read, has no unique key or an invalid one, or belongs to another study or series.
    pub fn decode(&self, octets: &[u8], transfer_syntax: &str) -> Result<Found<M>, ElementError> {
        read_answer(octets, transfer_syntax, &self.set, self.default_character_set)
    }

    fn uids<'a>(&mut self, element: Tag, uids: impl IntoIterator<Item = &'a str>) -> Result<(), BadKey> {
        put_uids(&mut self.set, element, uids)
    }

    fn single(&mut self, element: Tag, value: &str, most: usize, quirks: &Quirks) -> Result<(), BadKey> {
        let octets = written(element, single(element, value, most)?, quirks)?;
        let vr = crate::scan::implicit_vr(element);
        self.set.put_octets(element, vr, octets);
        Ok(())
    }

    fn issuer(&mut self, issuer: &Issuer, quirks: &Quirks) -> Result<(), BadKey> {
        if let Some(namespace) = &issuer.namespace {
            self.single(tags::ISSUER_OF_PATIENT_ID, namespace, 64, quirks)?;
        }
        if let Some(id) = &issuer.universal_id {
            let mut item = DataSet::new();
            for (element, value) in [
                (tags::UNIVERSAL_ENTITY_ID, id.as_str()),
                (tags::UNIVERSAL_ENTITY_ID_TYPE, issuer.universal_id_type.as_deref().unwrap_or("ISO")),
            ] {
                let octets = written(element, single(element, value, 64)?, quirks)?;
                item.put_octets(element, crate::scan::implicit_vr(element), octets);
            }
            self.set.put_items(tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, vec![item]);
        }
        Ok(())
    }
}

/// Text in the character set of the request.
fn written(element: Tag, value: &str, quirks: &Quirks) -> Result<Vec<u8>, BadKey> {
    match quirks.request_character_set {
        RequestCharacterSet::Utf8 => Ok(value.as_bytes().to_vec()),
        RequestCharacterSet::Latin1 => {
            let latin_1 = value.chars().all(|c| u32::from(c) < 0x80 || (0xA0..=0xFF).contains(&u32::from(c)));
            let rule = "ISO_IR 100, in which requests to this PACS are written, cannot express the value";
            latin_1.then(|| WINDOWS_1252.encode(value).0.into_owned()).ok_or(BadKey { element, rule })
        }
    }
}

fn put_uids<'a>(set: &mut DataSet, element: Tag, uids: impl IntoIterator<Item = &'a str>) -> Result<(), BadKey> {
    let mut joined = String::new();
    for uid in uids {
        if !joined.is_empty() {
            joined.push('\\');
        }
        joined.push_str(uid);
    }
    // A longer value would have another VR in Explicit VR, which nobody reads.
    if joined.len() > 0xFFFE {
        return Err(BadKey { element, rule: "a list of UIDs must fit 65534 octets: ask for it in parts" });
    }
    set.put_octets(element, VR::UI, joined);
    Ok(())
}

fn encode(set: &DataSet, transfer_syntax: &str) -> Vec<u8> {
    if transfer_syntax == IMPLICIT_LE { set.encode_implicit_le() } else { set.encode_explicit_le() }
}

/// What a C-MOVE or C-GET is to fetch: unique keys only, all that the standard allows without relational retrieval.
#[derive(Debug, Clone)]
pub struct Retrieve {
    level: Level,
    set: DataSet,
}

impl Retrieve {
    /// Whole studies. Errors: more UIDs than one element can hold, or none.
    pub fn studies(studies: &[StudyInstanceUid]) -> Result<Self, BadKey> {
        Self::new(Level::Study, &[], studies.iter().map(StudyInstanceUid::as_str).collect())
    }

    /// Series of one study. Errors: more UIDs than one element can hold, or none.
    pub fn series(study: &StudyInstanceUid, series: &[SeriesInstanceUid]) -> Result<Self, BadKey> {
        let series = series.iter().map(SeriesInstanceUid::as_str).collect();
        Self::new(Level::Series, &[(tags::STUDY_INSTANCE_UID, study.as_str())], series)
    }

    /// Instances of one series. Errors: more UIDs than one element can hold, or none.
    pub fn instances(
        study: &StudyInstanceUid,
        series: &SeriesInstanceUid,
        instances: &[SopInstanceUid],
    ) -> Result<Self, BadKey> {
        let parents = [(tags::STUDY_INSTANCE_UID, study.as_str()), (tags::SERIES_INSTANCE_UID, series.as_str())];
        Self::new(Level::Image, &parents, instances.iter().map(SopInstanceUid::as_str).collect())
    }

    fn new(level: Level, parents: &[(Tag, &str)], uids: Vec<&str>) -> Result<Self, BadKey> {
        let element = level.unique_key();
        if uids.is_empty() {
            return Err(BadKey { element, rule: "at least one UID is needed to retrieve" });
        }
        let mut set = DataSet::new();
        set.put_text(tags::QUERY_RETRIEVE_LEVEL, level.as_str());
        for (element, uid) in parents {
            set.put_octets(*element, VR::UI, *uid);
        }
        put_uids(&mut set, element, uids)?;
        Ok(Self { level, set })
    }

    /// The level, (0008,0052).
    pub fn level(&self) -> Level {
        self.level
    }

    /// The identifier in a transfer syntax of C-MOVE and C-GET: Implicit or Explicit VR Little Endian.
    pub fn encode(&self, transfer_syntax: &str) -> Vec<u8> {
        encode(&self.set, transfer_syntax)
    }
}
