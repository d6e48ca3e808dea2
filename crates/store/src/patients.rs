//! Patients as the identity feed made them known, and their merges. Source: ITI-8, ITI-44, ITI-104; spec/xds.md 20.

use crate::StoreError;
use model::{Oid, Patient, PatientId, PatientQuery};

/// Where an id stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatientState {
    /// No feed named it (documents may still refer to it).
    Unknown,
    Active,
    /// Subsumed; the id is the one at the end of the chain of merges.
    MergedInto(PatientId),
}

/// A page of patients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPatients {
    pub patients: Vec<Patient>,
    /// Where the next page begins; absent on the last.
    pub next: Option<String>,
    /// How many there are over all pages; absent where a page after the first does not know.
    pub total: Option<usize>,
}

pub trait PatientRead {
    /// The patient under exactly this id; subsumed and unknown ones are absent.
    fn patient(&self, id: &PatientId) -> Result<Option<Patient>, StoreError>;
    fn patient_state(&self, id: &PatientId) -> Result<PatientState, StoreError>;
    /// Active patients that meet every criterion, in the order in which they became known.
    /// Errors: `BadPage`; `TooMany` without a page.
    fn find_patients(&self, query: &PatientQuery) -> Result<FoundPatients, StoreError>;
    /// Every domain that an identifier was ever known of.
    fn patient_domains(&self) -> Result<Vec<Oid>, StoreError>;
    /// Ids that were merged into this one, directly or through others.
    fn subsumed_by(&self, id: &PatientId) -> Result<Vec<PatientId>, StoreError>;
}

pub trait PatientWrite {
    /// Makes a patient known or replaces what was known. Errors: `Refused` for a subsumed id.
    fn put_patient(&mut self, patient: &Patient) -> Result<(), StoreError>;
    /// Makes a patient unknown again. What it owns stays, and so do those that were merged into it.
    /// Shape: false when it was not active, and nothing changed.
    fn remove_patient(&mut self, id: &PatientId) -> Result<bool, StoreError>;
    /// Records that `subsumed` is from now on `survivor`. Irreversible; chains are allowed.
    /// Errors: `Refused` when they are equal, or either is not active.
    fn merge_patients(&mut self, survivor: &PatientId, subsumed: &PatientId) -> Result<(), StoreError>;
}
