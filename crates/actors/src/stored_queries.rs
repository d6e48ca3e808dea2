//! What each stored query finds in this node's own store. Source: ITI TF-2 3.18.4.1.2.3.7; spec/xds.md 16.3.

use crate::{Fault, Refusal, RegistryPolicy};
use model::{
    Association, AssociationType, AvailabilityStatus, DocumentEntry, DocumentQuery, Folder, FolderQuery, ObjectId,
    ObjectNames, PatientId, RegistryObjects, RegistryQuery, StoredQuery, SubmissionSet,
};
use std::collections::{HashMap, HashSet};
use store::{ReadTx, Select, StoreError};

/// Why a query found nothing to answer with.
pub(crate) enum NotAnswered {
    Refused(Refusal),
    Store(StoreError),
}

impl From<StoreError> for NotAnswered {
    fn from(error: StoreError) -> Self {
        NotAnswered::Store(error)
    }
}

impl From<Fault> for NotAnswered {
    fn from(fault: Fault) -> Self {
        NotAnswered::Refused(fault.into())
    }
}

/// Associations for each object that a query may return: every document has two or three.
const ASSOCIATIONS_FOR_EACH: usize = 10;

pub(crate) fn answer(
    tx: &dyn ReadTx,
    query: &RegistryQuery,
    policy: &RegistryPolicy,
) -> Result<RegistryObjects, NotAnswered> {
    let asked = Asked { tx, query };
    let objects = asked.answer(policy)?;
    let limit = policy.query_limit;
    let held = objects.len() - objects.associations.len();
    if held > limit || objects.associations.len() > limit.saturating_mul(ASSOCIATIONS_FOR_EACH) {
        return Err(Fault::TooManyResults { limit }.into());
    }
    Ok(objects)
}

struct Asked<'a> {
    tx: &'a dyn ReadTx,
    query: &'a RegistryQuery,
}

impl Asked<'_> {
    fn answer(&self, policy: &RegistryPolicy) -> Result<RegistryObjects, NotAnswered> {
        let entries = |entries| RegistryObjects { entries, ..RegistryObjects::default() };
        let folders = |folders| RegistryObjects { folders, ..RegistryObjects::default() };
        Ok(match &self.query.stored {
            StoredQuery::FindDocuments(query) | StoredQuery::FindDocumentsByReferenceId(query) => {
                entries(self.tx.find(query)?.entries)
            }
            StoredQuery::FindSubmissionSets(query) => {
                let mut submission_sets = self.tx.submission_sets(Select::Patient(&query.patient_id))?;
                submission_sets.retain(|set| query.matches(set));
                RegistryObjects { submission_sets, ..RegistryObjects::default() }
            }
            StoredQuery::FindFolders(query) => folders(self.find_folders(query)?),
            StoredQuery::GetAll { patient_id, documents, submission_set_statuses, folder_statuses } => {
                self.all_of(patient_id, documents, submission_set_statuses, folder_statuses)?
            }
            StoredQuery::GetDocuments(names) => entries(self.entries(names)?),
            StoredQuery::GetFolders(names) => folders(self.folders(names)?),
            StoredQuery::GetAssociations { ids } => {
                RegistryObjects { associations: self.associations_of(ids)?, ..RegistryObjects::default() }
            }
            StoredQuery::GetDocumentsAndAssociations(names) => {
                let entries = self.entries(names)?;
                let ids: Vec<ObjectId> = entries.iter().map(|e| e.id.clone()).collect();
                RegistryObjects { associations: self.associations_of(&ids)?, entries, ..RegistryObjects::default() }
            }
            StoredQuery::GetSubmissionSets { ids } => self.submission_sets_of(ids)?,
            StoredQuery::GetSubmissionSetAndContents { submission_set, documents } => {
                self.submission_set_and_contents(submission_set, documents)?
            }
            StoredQuery::GetFolderAndContents { folder, documents } => self.folder_and_contents(folder, documents)?,
            StoredQuery::GetFoldersForDocument(names) => {
                let mut found: Vec<Folder> = Vec::new();
                for entry in self.entries(names)? {
                    for (folder, membership) in self.tx.folders_containing(&entry.id)? {
                        if self.query.counts(&membership) && !found.iter().any(|f| f.id == folder.id) {
                            found.push(folder);
                        }
                    }
                }
                folders(found)
            }
            StoredQuery::GetRelatedDocuments { document, association_types, documents } => {
                self.related_documents(document, association_types, documents)?
            }
            StoredQuery::FindDocumentsForMultiplePatients { patient_ids, documents }
            | StoredQuery::FindDocumentsByReferenceIdForMultiplePatients { patient_ids, documents } => {
                if patient_ids.is_empty() && !documents.is_anchored() {
                    population(policy, "$XDSDocumentEntryPatientId")?;
                }
                entries(self.of_patients(patient_ids, documents, policy.query_limit)?)
            }
            StoredQuery::FindFoldersForMultiplePatients { patient_ids, folders: query } => {
                if patient_ids.is_empty() {
                    population(policy, "$XDSFolderPatientId")?;
                    return Ok(folders(self.tx.scan_folders(&|folder| query.matches(folder))?));
                }
                let mut found = Vec::new();
                for patient_id in distinct(patient_ids) {
                    let one = FolderQuery { patient_id: Some(patient_id.clone()), ..query.clone() };
                    found.extend(self.find_folders(&one)?);
                }
                folders(found)
            }
        })
    }

    fn entries(&self, names: &ObjectNames) -> Result<Vec<DocumentEntry>, StoreError> {
        match names {
            ObjectNames::Ids(ids) => self.tx.entries(Select::Ids(ids)),
            ObjectNames::UniqueIds(ids) => {
                let versions = self.tx.entries(Select::UniqueIds(ids))?;
                Ok(self.current(versions, |e| (e.logical_id.as_ref().unwrap_or(&e.id), e.version)))
            }
            ObjectNames::LogicalIds(ids) => each(ids, |id| self.tx.entries(Select::LogicalId(id))),
        }
    }

    fn folders(&self, names: &ObjectNames) -> Result<Vec<Folder>, StoreError> {
        match names {
            ObjectNames::Ids(ids) => self.tx.folders(Select::Ids(ids)),
            ObjectNames::UniqueIds(ids) => {
                let versions = self.tx.folders(Select::UniqueIds(ids))?;
                Ok(self.current(versions, |f| (f.logical_id.as_ref().unwrap_or(&f.id), f.version)))
            }
            ObjectNames::LogicalIds(ids) => each(ids, |id| self.tx.folders(Select::LogicalId(id))),
        }
    }

    /// Leaves out versions of which there is a newer one, unless the query wants them: versions share their uniqueId, and
    /// a reader that knows none would take them for different objects.
    fn current<T>(&self, mut versions: Vec<T>, version: impl Fn(&T) -> (&ObjectId, Option<u32>)) -> Vec<T> {
        if !self.query.former_versions {
            let mut newest: HashMap<ObjectId, Option<u32>> = HashMap::new();
            for (logical_id, number) in versions.iter().map(&version) {
                let known = newest.entry(logical_id.clone()).or_default();
                *known = number.max(*known);
            }
            versions.retain(|object| {
                let (logical_id, number) = version(object);
                newest.get(logical_id) == Some(&number)
            });
        }
        versions
    }

    fn submission_sets(&self, names: &ObjectNames) -> Result<Vec<SubmissionSet>, StoreError> {
        match names {
            // A submission set has no versions.
            ObjectNames::Ids(ids) | ObjectNames::LogicalIds(ids) => self.tx.submission_sets(Select::Ids(ids)),
            ObjectNames::UniqueIds(ids) => self.tx.submission_sets(Select::UniqueIds(ids)),
        }
    }

    /// Associations that touch any of these and have a status that counts.
    fn associations_of(&self, ids: &[ObjectId]) -> Result<Vec<Association>, StoreError> {
        let mut associations = self.tx.associations_of(ids)?;
        associations.retain(|association| self.query.counts(association));
        Ok(associations)
    }

    fn find_folders(&self, query: &FolderQuery) -> Result<Vec<Folder>, StoreError> {
        let Some(patient_id) = &query.patient_id else { return Ok(Vec::new()) };
        let mut folders = self.tx.folders(Select::Patient(patient_id))?;
        folders.retain(|folder| query.matches(folder));
        Ok(folders)
    }

    fn of_patients(
        &self,
        patient_ids: &[PatientId],
        documents: &DocumentQuery,
        limit: usize,
    ) -> Result<Vec<DocumentEntry>, NotAnswered> {
        if patient_ids.is_empty() {
            return Ok(self.tx.find_or_scan(documents)?.entries);
        }
        let mut found = Vec::new();
        for patient_id in distinct(patient_ids) {
            let one = DocumentQuery { patient_id: Some(patient_id.clone()), ..documents.clone() };
            found.extend(self.tx.find(&one)?.entries);
            if found.len() > limit {
                return Err(Fault::TooManyResults { limit }.into());
            }
        }
        Ok(found)
    }

    fn all_of(
        &self,
        patient_id: &PatientId,
        documents: &DocumentQuery,
        submission_set_statuses: &[AvailabilityStatus],
        folder_statuses: &[AvailabilityStatus],
    ) -> Result<RegistryObjects, StoreError> {
        let of_patient = DocumentQuery { patient_id: Some(patient_id.clone()), ..documents.clone() };
        let entries = self.tx.find(&of_patient)?.entries;
        let mut submission_sets = self.tx.submission_sets(Select::Patient(patient_id))?;
        submission_sets.retain(|set| submission_set_statuses.contains(&set.availability_status));
        let mut folders = self.tx.folders(Select::Patient(patient_id))?;
        folders.retain(|folder| folder_statuses.contains(&folder.availability_status));
        let ids = entries.iter().map(|e| &e.id).chain(submission_sets.iter().map(|s| &s.id));
        let ids: Vec<ObjectId> = ids.chain(folders.iter().map(|f| &f.id)).cloned().collect();
        let associations = self.associations_of(&ids)?;
        Ok(RegistryObjects { entries, submission_sets, folders, associations })
    }

    fn submission_sets_of(&self, ids: &[ObjectId]) -> Result<RegistryObjects, StoreError> {
        let mut associations = self.associations_of(ids)?;
        associations.retain(|a| a.kind == AssociationType::HasMember && ids.contains(&a.target));
        let sources: Vec<ObjectId> = associations.iter().map(|a| a.source.clone()).collect();
        let submission_sets = self.tx.submission_sets(Select::Ids(&sources))?;
        // A folder has members too, and is no submission set.
        associations.retain(|a| submission_sets.iter().any(|set| set.id == a.source));
        Ok(RegistryObjects { submission_sets, associations, ..RegistryObjects::default() })
    }

    fn submission_set_and_contents(
        &self,
        names: &ObjectNames,
        documents: &DocumentQuery,
    ) -> Result<RegistryObjects, StoreError> {
        let submission_sets = self.submission_sets(names)?;
        let sets: Vec<ObjectId> = submission_sets.iter().map(|set| set.id.clone()).collect();
        let mut members = self.associations_of(&sets)?;
        members.retain(|a| a.kind == AssociationType::HasMember && sets.contains(&a.source));
        let targets: Vec<ObjectId> = members.iter().map(|a| a.target.clone()).collect();
        let mut entries = self.tx.entries(Select::Ids(&targets))?;
        entries.retain(|entry| documents.matches(entry));
        let folders = self.tx.folders(Select::Ids(&targets))?;
        let held = |id: &ObjectId| entries.iter().any(|e| e.id == *id) || folders.iter().any(|f| f.id == *id);
        // Memberships in folders that this submission made, as far as both ends are in the answer.
        let mut memberships = self.tx.associations(&targets)?;
        memberships.retain(|a| self.query.counts(a) && held(&a.source) && held(&a.target));
        members.retain(|a| held(&a.target) || memberships.iter().any(|m| m.id == a.target));
        members.extend(memberships);
        Ok(RegistryObjects { associations: members, entries, submission_sets, folders })
    }

    fn folder_and_contents(
        &self,
        names: &ObjectNames,
        documents: &DocumentQuery,
    ) -> Result<RegistryObjects, StoreError> {
        let folders = self.folders(names)?;
        let ids: Vec<ObjectId> = folders.iter().map(|f| f.id.clone()).collect();
        let mut associations = self.associations_of(&ids)?;
        associations.retain(|a| a.kind == AssociationType::HasMember && ids.contains(&a.source));
        let targets: Vec<ObjectId> = associations.iter().map(|a| a.target.clone()).collect();
        let mut entries = self.tx.entries(Select::Ids(&targets))?;
        entries.retain(|entry| documents.matches(entry));
        associations.retain(|a| entries.iter().any(|e| e.id == a.target));
        Ok(RegistryObjects { associations, entries, folders, ..RegistryObjects::default() })
    }

    /// One hop from the document; nothing at all when nothing is related.
    fn related_documents(
        &self,
        names: &ObjectNames,
        kinds: &[AssociationType],
        documents: &DocumentQuery,
    ) -> Result<RegistryObjects, StoreError> {
        let given: Vec<ObjectId> = self.entries(names)?.into_iter().map(|e| e.id).collect();
        let mut associations = self.associations_of(&given)?;
        associations.retain(|a| kinds.contains(&a.kind));
        let ends: Vec<ObjectId> = associations.iter().flat_map(|a| [a.source.clone(), a.target.clone()]).collect();
        let mut entries = self.tx.entries(Select::Ids(&ends))?;
        entries.retain(|entry| documents.matches(entry) || given.contains(&entry.id));
        let held = |id: &ObjectId| entries.iter().any(|e| e.id == *id);
        associations.retain(|a| held(&a.source) && held(&a.target));
        if associations.is_empty() {
            entries.clear();
        }
        entries.retain(|e| associations.iter().any(|a| a.source == e.id || a.target == e.id));
        Ok(RegistryObjects { associations, entries, ..RegistryObjects::default() })
    }
}

/// A query over everybody is answered only where the configuration says so.
fn population(policy: &RegistryPolicy, parameter: &str) -> Result<(), Fault> {
    if policy.population_queries {
        return Ok(());
    }
    let rule = "is required here: this registry answers no query over all its patients (population_queries = false)";
    Err(Fault::MissingParameter { parameter: parameter.to_owned(), rule: rule.to_owned() })
}

fn distinct<T: Eq + std::hash::Hash>(items: &[T]) -> impl Iterator<Item = &T> {
    let mut seen = HashSet::new();
    items.iter().filter(move |item| seen.insert(*item))
}

fn each<T>(ids: &[ObjectId], select: impl Fn(&ObjectId) -> Result<Vec<T>, StoreError>) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    for id in distinct(ids) {
        all.extend(select(id)?);
    }
    Ok(all)
}
