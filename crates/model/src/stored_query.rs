//! Everything ITI-18 and ITI-51 can ask of a registry, by the names of ITI TF-2 3.18.4.1.2.3.7, and what it answers.
//! Source: spec/xds.md 16.2, 16.3.

use crate::{
    Association, AssociationType, AvailabilityStatus, CodeTerm, DocumentEntry, DocumentQuery, DtmRange, Folder,
    ObjectId, Oid, PatientId, SubmissionSet, UniqueId, like_matches,
};

/// Which objects, by one of the names they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectNames {
    Ids(Vec<ObjectId>),
    UniqueIds(Vec<UniqueId>),
    /// Every version of each.
    LogicalIds(Vec<ObjectId>),
}

/// Submission sets of a patient. Every criterion must be met; values of one `Vec` are alternatives; an empty one and an
/// open range do not restrict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionSetQuery {
    pub patient_id: PatientId,
    pub source_ids: Vec<Oid>,
    pub submission_time: DtmRange,
    /// LIKE patterns against the whole authorPerson value.
    pub author_person: Vec<String>,
    pub content_type_codes: Vec<CodeTerm>,
    pub statuses: Vec<AvailabilityStatus>,
}

impl SubmissionSetQuery {
    pub fn matches(&self, set: &SubmissionSet) -> bool {
        let written_by = |pattern: &String| {
            let persons = set.authors.iter().filter_map(|a| a.person.as_ref());
            persons.into_iter().any(|person| like_matches(pattern, person.as_str()))
        };
        set.patient_id == self.patient_id
            && (self.source_ids.is_empty() || self.source_ids.contains(&set.source_id))
            && self.submission_time.contains(set.submission_time.start())
            && (self.author_person.is_empty() || self.author_person.iter().any(written_by))
            && (self.content_type_codes.is_empty()
                || self.content_type_codes.iter().any(|term| term.matches(&set.content_type_code)))
            && has_status(&self.statuses, set.availability_status)
    }
}

/// Folders of a patient; see [`SubmissionSetQuery`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderQuery {
    /// Absent only in [`StoredQuery::FindFoldersForMultiplePatients`].
    pub patient_id: Option<PatientId>,
    pub last_update_time: DtmRange,
    /// An AND of ORs.
    pub codes: Vec<Vec<CodeTerm>>,
    pub statuses: Vec<AvailabilityStatus>,
}

impl FolderQuery {
    pub fn matches(&self, folder: &Folder) -> bool {
        let coded = |or: &Vec<CodeTerm>| folder.code_list.iter().any(|code| or.iter().any(|term| term.matches(code)));
        self.patient_id.as_ref().is_none_or(|id| *id == folder.patient_id)
            && folder.last_update_time.as_ref().is_none_or(|time| self.last_update_time.contains(time.start()))
            && self.codes.iter().all(|or| or.is_empty() || coded(or))
            && has_status(&self.statuses, folder.availability_status)
    }
}

/// One stored query. A `documents` is a filter: it has no patient and names nothing; empty `document_types` mean
/// stable entries only, as everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredQuery {
    FindDocuments(DocumentQuery),
    FindDocumentsByReferenceId(DocumentQuery),
    FindSubmissionSets(SubmissionSetQuery),
    FindFolders(FolderQuery),
    GetAll {
        patient_id: PatientId,
        documents: DocumentQuery,
        submission_set_statuses: Vec<AvailabilityStatus>,
        folder_statuses: Vec<AvailabilityStatus>,
    },
    /// Whatever the status or type.
    GetDocuments(ObjectNames),
    GetFolders(ObjectNames),
    /// Associations whose source or target is one of these.
    GetAssociations {
        ids: Vec<ObjectId>,
    },
    GetDocumentsAndAssociations(ObjectNames),
    /// Submission sets that brought, or refer to, one of these entries, folders or memberships.
    GetSubmissionSets {
        ids: Vec<ObjectId>,
    },
    GetSubmissionSetAndContents {
        submission_set: ObjectNames,
        documents: DocumentQuery,
    },
    GetFolderAndContents {
        folder: ObjectNames,
        documents: DocumentQuery,
    },
    GetFoldersForDocument(ObjectNames),
    GetRelatedDocuments {
        document: ObjectNames,
        association_types: Vec<AssociationType>,
        documents: DocumentQuery,
    },
    /// ITI-51. No patient: all of them, which a registry may refuse.
    FindDocumentsForMultiplePatients {
        patient_ids: Vec<PatientId>,
        documents: DocumentQuery,
    },
    FindDocumentsByReferenceIdForMultiplePatients {
        patient_ids: Vec<PatientId>,
        documents: DocumentQuery,
    },
    FindFoldersForMultiplePatients {
        patient_ids: Vec<PatientId>,
        folders: FolderQuery,
    },
}

impl StoredQuery {
    /// True when the answer may hold objects of several patients (ITI-51).
    pub fn spans_patients(&self) -> bool {
        matches!(
            self,
            StoredQuery::FindDocumentsForMultiplePatients { .. }
                | StoredQuery::FindDocumentsByReferenceIdForMultiplePatients { .. }
                | StoredQuery::FindFoldersForMultiplePatients { .. }
        )
    }

    /// The one patient asked about, when the query names one.
    pub fn patient_id(&self) -> Option<&PatientId> {
        match self {
            StoredQuery::FindDocuments(query) | StoredQuery::FindDocumentsByReferenceId(query) => {
                query.patient_id.as_ref()
            }
            StoredQuery::FindSubmissionSets(query) => Some(&query.patient_id),
            StoredQuery::FindFolders(query) => query.patient_id.as_ref(),
            StoredQuery::GetAll { patient_id, .. } => Some(patient_id),
            StoredQuery::FindDocumentsForMultiplePatients { patient_ids, .. }
            | StoredQuery::FindDocumentsByReferenceIdForMultiplePatients { patient_ids, .. }
            | StoredQuery::FindFoldersForMultiplePatients { patient_ids, .. } => match patient_ids.as_slice() {
                [one] => Some(one),
                _ => None,
            },
            StoredQuery::GetDocuments(_)
            | StoredQuery::GetFolders(_)
            | StoredQuery::GetAssociations { .. }
            | StoredQuery::GetDocumentsAndAssociations(_)
            | StoredQuery::GetSubmissionSets { .. }
            | StoredQuery::GetSubmissionSetAndContents { .. }
            | StoredQuery::GetFolderAndContents { .. }
            | StoredQuery::GetFoldersForDocument(_)
            | StoredQuery::GetRelatedDocuments { .. } => None,
        }
    }
}

/// A stored query, and which associations count for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryQuery {
    pub stored: StoredQuery,
    /// `$XDSAssociationStatus` of metadata update; empty means Approved only.
    pub association_statuses: Vec<AvailabilityStatus>,
    /// `$MetadataLevel` 2 of metadata update: what a uniqueId names is given in all its versions, not in the current alone.
    pub former_versions: bool,
}

impl RegistryQuery {
    pub fn counts(&self, association: &Association) -> bool {
        match self.association_statuses.as_slice() {
            [] => association.availability_status == AvailabilityStatus::Approved,
            statuses => statuses.contains(&association.availability_status),
        }
    }
}

impl From<StoredQuery> for RegistryQuery {
    fn from(stored: StoredQuery) -> Self {
        RegistryQuery { stored, association_statuses: Vec::new(), former_versions: false }
    }
}

/// Objects of a registry, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryObjects {
    pub entries: Vec<DocumentEntry>,
    pub submission_sets: Vec<SubmissionSet>,
    pub folders: Vec<Folder>,
    pub associations: Vec<Association>,
}

impl RegistryObjects {
    pub fn len(&self) -> usize {
        self.entries.len() + self.submission_sets.len() + self.folders.len() + self.associations.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when the objects belong to more than one patient.
    pub fn span_patients(&self) -> bool {
        let mut patients = self.entries.iter().map(|e| &e.patient_id);
        let mut others =
            self.submission_sets.iter().map(|s| &s.patient_id).chain(self.folders.iter().map(|f| &f.patient_id));
        let Some(first) = patients.next().or_else(|| others.next()) else { return false };
        patients.any(|id| id != first) || others.any(|id| id != first)
    }
}

fn has_status(wanted: &[AvailabilityStatus], status: AvailabilityStatus) -> bool {
    wanted.is_empty() || wanted.contains(&status)
}
