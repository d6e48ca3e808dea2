//! What a document registry keeps: entries, submission sets, folders and associations (ITI TF-3 4.2), how they are
//! found (ITI TF-2 3.18, spec/xds.md 16.3) and changed (spec/xds.md 12-14). The rules themselves are in `actors`.

use crate::StoreError;
use model::{
    Association, AvailabilityStatus, DocumentEntry, DocumentQuery, Folder, ObjectId, PatientId, SubmissionSet, UniqueId,
};

/// Documents that meet a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Newest registration first.
    pub entries: Vec<DocumentEntry>,
    /// Where the next page starts; absent at the end.
    pub next: Option<String>,
    /// How many there are in all, when that is known without extra work: for a page of size 0, and for a whole answer.
    pub total: Option<usize>,
}

/// What an id or uniqueId names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    DocumentEntry,
    SubmissionSet,
    Folder,
    Association,
}

/// Which objects of one kind. Shape of the answer: by ids and uniqueIds in the order asked, each object once, unknown
/// ones left out; by patient newest first.
#[derive(Clone, Copy)]
pub enum Select<'a> {
    Ids(&'a [ObjectId]),
    UniqueIds(&'a [UniqueId]),
    /// All versions that share a logicalID, newest first.
    LogicalId(&'a ObjectId),
    Patient(&'a PatientId),
}

/// Numbers for status pages. Units: objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub entries: u64,
    pub submission_sets: u64,
    pub folders: u64,
    pub associations: u64,
    pub patients: u64,
    pub documents: u64,
    pub studies: u64,
    pub instances: u64,
    pub jobs_waiting: u64,
    pub jobs_failed: u64,
}

/// Objects of a subsumed patient are given back with the surviving patient's id, and are found under that id only.
pub trait RegistryRead {
    /// Finds the entries that meet every criterion, exactly as [`DocumentQuery::matches`] decides.
    ///
    /// Shape: newest registration first; a page stays valid while others register, replace or deprecate.
    /// Errors: `NotAnchored`; `BadPage`; `TooMany` when no page was asked for and the limit is passed.
    /// Source: ITI TF-2 3.18.4.1.2.3.7.
    fn find(&self, query: &DocumentQuery) -> Result<Found, StoreError>;
    /// [`RegistryRead::find`] for queries over a population: where no index leads to the candidates, every entry of
    /// every patient is read. It takes seconds for a million of them.
    fn find_or_scan(&self, query: &DocumentQuery) -> Result<Found, StoreError>;
    /// Reads every folder of every patient; shape: those wanted, newest first.
    fn scan_folders(&self, wanted: &dyn Fn(&Folder) -> bool) -> Result<Vec<Folder>, StoreError>;
    fn entries(&self, which: Select<'_>) -> Result<Vec<DocumentEntry>, StoreError>;
    fn submission_sets(&self, which: Select<'_>) -> Result<Vec<SubmissionSet>, StoreError>;
    fn folders(&self, which: Select<'_>) -> Result<Vec<Folder>, StoreError>;
    /// Associations by their own ids, in the order asked.
    fn associations(&self, ids: &[ObjectId]) -> Result<Vec<Association>, StoreError>;
    /// Associations whose source or target is one of `ids`, each once, oldest first.
    fn associations_of(&self, ids: &[ObjectId]) -> Result<Vec<Association>, StoreError>;
    /// Folders that hold the entry, each with the HasMember that says so; whatever their statuses.
    fn folders_containing(&self, entry: &ObjectId) -> Result<Vec<(Folder, Association)>, StoreError>;
    fn object_kind(&self, id: &ObjectId) -> Result<Option<ObjectKind>, StoreError>;
    /// The kinds of objects that carry this uniqueId, each once; empty when it is free.
    fn unique_id_uses(&self, id: &UniqueId) -> Result<Vec<ObjectKind>, StoreError>;
    fn counts(&self) -> Result<Counts, StoreError>;

    fn entry(&self, id: &ObjectId) -> Result<Option<DocumentEntry>, StoreError> {
        Ok(self.entries(Select::Ids(std::slice::from_ref(id)))?.pop())
    }

    fn entries_by_ids(&self, ids: &[ObjectId]) -> Result<Vec<DocumentEntry>, StoreError> {
        self.entries(Select::Ids(ids))
    }

    fn entries_with_unique_id(&self, id: &UniqueId) -> Result<Vec<DocumentEntry>, StoreError> {
        self.entries(Select::UniqueIds(std::slice::from_ref(id)))
    }
}

/// Errors common to the `put_` methods: `Conflict` when the id is taken by any object.
pub trait RegistryWrite {
    /// Registers an entry as the newest. Its patient need not be known (whether it must is a rule of `actors`).
    fn put_entry(&mut self, entry: &DocumentEntry) -> Result<(), StoreError>;
    /// Replaces an entry's content in place. Errors: `Missing`; `Refused` when patient or uniqueId change.
    fn update_entry(&mut self, entry: &DocumentEntry) -> Result<(), StoreError>;
    fn put_submission_set(&mut self, set: &SubmissionSet) -> Result<(), StoreError>;
    fn put_folder(&mut self, folder: &Folder) -> Result<(), StoreError>;
    /// As [`RegistryWrite::update_entry`].
    fn update_folder(&mut self, folder: &Folder) -> Result<(), StoreError>;
    fn put_association(&mut self, association: &Association) -> Result<(), StoreError>;
    /// Sets availabilityStatus of an object of any kind. Errors: `Missing`.
    fn set_status(&mut self, id: &ObjectId, status: AvailabilityStatus) -> Result<(), StoreError>;
    /// Removes one object of any kind and nothing else. Errors: `Missing`.
    fn remove_object(&mut self, id: &ObjectId) -> Result<(), StoreError>;
}
