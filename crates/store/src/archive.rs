//! What an imaging archive keeps about DICOM instances and their studies: where the bytes are, when a study was last
//! added to, and how far its publication is. Source: RAD TF-2 4.68 (what is published), design: actors.imaging_archive.

use crate::{Put, Sha256, StoreError};
use model::{ObjectId, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid, UniqueId};
use std::fmt;

/// One stored instance. Debug hides the patient.
///
/// Identity is study and SOP Instance UID; a series belongs to one study (two studies may carry the same Series
/// Instance UID by accident and stay apart).
#[derive(Clone, PartialEq, Eq)]
pub struct StoredInstance {
    pub study: StudyInstanceUid,
    pub series: SeriesInstanceUid,
    pub instance: SopInstanceUid,
    pub sop_class: SopClassUid,
    pub transfer_syntax: TransferSyntaxUid,
    /// Name inside the instance files, as [`crate::InstanceFile::name`] gave it, and no other instance's. There is no such
    /// file for an instance that stays at its PACS.
    pub file: String,
    pub size_octets: u64,
    pub sha256: Sha256,
    /// Versioned bytes that only the caller reads: the attributes a manifest or a DICOMweb search needs.
    pub header: Vec<u8>,
    /// (0010,0020) as it came.
    pub patient_id: String,
    /// OID of the domain that the calling AE's patient ids belong to; empty when unknown.
    pub patient_issuer: String,
    /// Unix microseconds.
    pub received_at: i64,
    pub calling_ae: String,
    /// Why the instance is stored but not published.
    pub held: Option<String>,
}

impl fmt::Debug for StoredInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredInstance")
            .field("study", &self.study.as_str())
            .field("series", &self.series.as_str())
            .field("instance", &self.instance.as_str())
            .field("size_octets", &self.size_octets)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

/// What was last published of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// uniqueId of the manifest document.
    pub manifest: UniqueId,
    /// entryUUID of the manifest, once the registry gave or took one.
    pub entry: Option<ObjectId>,
    /// The caller's hash over what the manifest says; equal hash, nothing to publish.
    pub content_hash: Sha256,
    /// Unix microseconds.
    pub published_at: i64,
}

/// A study and where its publication stands. Debug hides the patient.
#[derive(Clone, PartialEq, Eq)]
pub struct StudyState {
    pub study: StudyInstanceUid,
    /// Of the first instance.
    pub patient_id: String,
    pub patient_issuer: String,
    pub calling_ae: String,
    pub instances: u64,
    pub size_octets: u64,
    /// Unix microseconds.
    pub first_received_at: i64,
    pub last_received_at: i64,
    /// Grows with every change of the study's instances.
    pub revision: u64,
    /// The revision that was last published (or looked at and found unchanged); 0 for never.
    pub published_revision: u64,
    pub publication: Option<Publication>,
    /// Why nothing is published until somebody acts.
    pub held: Option<String>,
}

impl StudyState {
    pub fn is_dirty(&self) -> bool {
        self.revision > self.published_revision
    }
}

impl fmt::Debug for StudyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StudyState")
            .field("study", &self.study.as_str())
            .field("instances", &self.instances)
            .field("revision", &self.revision)
            .field("published_revision", &self.published_revision)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

/// Which studies to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StudySelect<'a> {
    /// Changed since their publication, not held, and either quiet (nothing came since `quiet_before`) or waiting for
    /// so long (first unpublished change before `changed_before`) that they are published all the same. Oldest change
    /// first. Units: unix microseconds.
    Due {
        quiet_before: i64,
        changed_before: i64,
    },
    Held,
    /// By patient id text and issuer.
    Patient {
        id: &'a str,
        issuer: &'a str,
    },
    /// Published and not changed since, in the order of their UIDs from behind this one on. For a walk over all of them.
    Settled {
        after: &'a str,
    },
    All,
}

/// Which instances to list.
#[derive(Clone, Copy, Debug)]
pub enum InstanceSelect<'a> {
    Study(&'a StudyInstanceUid),
    Series(&'a StudyInstanceUid, &'a SeriesInstanceUid),
    /// At most one.
    Instance(&'a StudyInstanceUid, &'a SopInstanceUid),
    /// In whatever study; several only when studies share a SOP Instance UID by accident.
    Sop(&'a SopInstanceUid),
}

/// How far a study is, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StudyStage {
    /// Changed since its publication; nothing is in its way.
    Waiting,
    /// Held, or its job has an error: waiting for the next attempt, or given up.
    Stuck,
    /// Nothing is to be published.
    Settled,
}

/// Which studies a list shows; criteria that are absent are met by all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StudyListing {
    pub stage: Option<StudyStage>,
    /// (0010,0020) as it came, whatever its domain.
    pub patient_id: Option<String>,
    pub calling_ae: Option<String>,
    /// Only studies that came before this one.
    pub before: Option<StudyInstanceUid>,
}

/// How many studies are at each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCounts {
    pub waiting: u64,
    pub stuck: u64,
    pub settled: u64,
}

pub trait ArchiveRead {
    fn study(&self, study: &StudyInstanceUid) -> Result<Option<StudyState>, StoreError>;
    fn studies(&self, which: StudySelect<'_>, limit: usize) -> Result<Vec<StudyState>, StoreError>;
    /// Latest arrival of a first instance first. `job_kind`: of the jobs that publish, whose key is the study.
    fn list_studies(&self, listing: &StudyListing, job_kind: &str, limit: usize)
    -> Result<Vec<StudyState>, StoreError>;
    fn stage_counts(&self, job_kind: &str) -> Result<StageCounts, StoreError>;
    /// Held instances are in the list. Order of arrival.
    fn instances(&self, which: InstanceSelect<'_>) -> Result<Vec<StoredInstance>, StoreError>;
    /// Instances held with a reason, newest first.
    fn held_instances(&self, limit: usize) -> Result<Vec<StoredInstance>, StoreError>;
    /// True when a row owns the instance file of this name.
    fn instance_file_is_referenced(&self, file: &str) -> Result<bool, StoreError>;
    /// The earliest time at which a dirty study that is not held received something; for setting a timer.
    fn next_unpublished(&self) -> Result<Option<i64>, StoreError>;
}

pub trait ArchiveWrite {
    /// Records an instance whose file is durable already, and marks its study as changed. The same bytes again change
    /// nothing. Errors: `Conflict` when other bytes are stored under this identity (the first are kept).
    fn add_instance(&mut self, instance: &StoredInstance) -> Result<Put, StoreError>;
    /// Sets or clears why an instance is held; its study counts as changed. Errors: `Missing`.
    fn hold_instance(
        &mut self,
        study: &StudyInstanceUid,
        instance: &SopInstanceUid,
        reason: Option<&str>,
    ) -> Result<(), StoreError>;
    /// Forgets instances; their study counts as changed, and is forgotten itself only by
    /// [`ArchiveWrite::remove_study`]. Shape: file names to delete after the commit.
    fn remove_instances(
        &mut self,
        study: &StudyInstanceUid,
        instances: &[SopInstanceUid],
        at: i64,
    ) -> Result<Vec<String>, StoreError>;
    /// Forgets a study with all its instances. Shape: file names to delete after the commit.
    fn remove_study(&mut self, study: &StudyInstanceUid) -> Result<Vec<String>, StoreError>;
    /// Says that the study as of `revision` is published, or needs no publication (`None` keeps the previous one).
    /// Clears a hold. Errors: `Missing`.
    fn mark_published(
        &mut self,
        study: &StudyInstanceUid,
        revision: u64,
        publication: Option<&Publication>,
    ) -> Result<(), StoreError>;
    /// Says why the study is not published, or with `None` lets it go on. Errors: `Missing`.
    fn hold_study(&mut self, study: &StudyInstanceUid, reason: Option<&str>) -> Result<(), StoreError>;
    /// Makes a study due again though no instance came: demographics or rules changed. Errors: `Missing`.
    fn touch_study(&mut self, study: &StudyInstanceUid, at: i64) -> Result<(), StoreError>;
}
