//! What entries, submission sets and folders have in common as rows: clustered by patient, one record each, a uniqueId and
//! perhaps a logical id.

use super::tx::Clustered;
use crate::StoreError;
use crate::record::{
    Memo, decode_entry, decode_folder, decode_submission_set, encode_entry, encode_folder, encode_submission_set,
};
use model::{AvailabilityStatus, DocumentEntry, Folder, ObjectId, PatientId, SubmissionSet, UniqueId};

/// Numbers of the kinds in the table of ids.
pub(super) const ENTRY: i64 = 0;
pub(super) const SUBMISSION_SET: i64 = 1;
pub(super) const FOLDER: i64 = 2;
pub(super) const ASSOCIATION: i64 = 3;

/// An object that belongs to a patient: entry, submission set or folder.
pub(super) trait Owned: Sized + PartialEq {
    const KIND: i64;
    const TABLE: Clustered;
    const NAME: &'static str;
    const WHAT: &'static str;
    const BY_KEY: &'static str;
    const BY_RANGE: &'static str;
    const INSERT: &'static str;
    const UPDATE: &'static str;
    fn decode(record: &[u8]) -> Result<Self, StoreError>;
    fn encode(&self) -> Vec<u8>;
    fn id(&self) -> &ObjectId;
    fn logical_id(&self) -> Option<&ObjectId>;
    fn unique_id(&self) -> &UniqueId;
    fn patient_id(&mut self) -> &mut PatientId;
    fn patient(&self) -> &PatientId;
    fn set_status(&mut self, status: AvailabilityStatus);
}

macro_rules! owned {
    ($type:ty, $kind:expr, $table:expr, $what:literal, $name:literal, $decode:path, $encode:path, $logical:expr) => {
        impl Owned for $type {
            const KIND: i64 = $kind;
            const TABLE: Clustered = $table;
            const NAME: &'static str = $name;
            const WHAT: &'static str = $what;
            const BY_KEY: &'static str = concat!("SELECT key, seq, record FROM ", $name, " WHERE key = ?1");
            const BY_RANGE: &'static str =
                concat!("SELECT key, seq, record FROM ", $name, " WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC");
            const INSERT: &'static str = concat!("INSERT INTO ", $name, "(key, seq, record) VALUES(?1, ?2, ?3)");
            const UPDATE: &'static str = concat!("UPDATE ", $name, " SET record = ?2 WHERE key = ?1");
            fn decode(record: &[u8]) -> Result<Self, StoreError> {
                $decode(record)
            }
            fn encode(&self) -> Vec<u8> {
                $encode(self)
            }
            fn id(&self) -> &ObjectId {
                &self.id
            }
            fn logical_id(&self) -> Option<&ObjectId> {
                let logical: fn(&Self) -> Option<&ObjectId> = $logical;
                logical(self)
            }
            fn unique_id(&self) -> &UniqueId {
                &self.unique_id
            }
            fn patient_id(&mut self) -> &mut PatientId {
                &mut self.patient_id
            }
            fn patient(&self) -> &PatientId {
                &self.patient_id
            }
            fn set_status(&mut self, status: AvailabilityStatus) {
                self.availability_status = status;
            }
        }
    };
}

fn decode_one_entry(record: &[u8]) -> Result<DocumentEntry, StoreError> {
    decode_entry(record, &mut Memo::default())
}

owned!(DocumentEntry, ENTRY, Clustered::Entry, "a document entry", "entry", decode_one_entry, encode_entry, |entry| {
    entry.logical_id.as_ref()
});
owned!(
    SubmissionSet,
    SUBMISSION_SET,
    Clustered::SubmissionSet,
    "a submission set",
    "submission_set",
    decode_submission_set,
    encode_submission_set,
    |_| None
);
owned!(Folder, FOLDER, Clustered::Folder, "a folder", "folder", decode_folder, encode_folder, |folder| folder
    .logical_id
    .as_ref());
