//! What the registry knows of one patient: entries of every version, how they relate, who did not answer.

use super::problems::{Kind, Trouble, silent};
use super::{Asked, Here};
use actors::Found;
use model::{
    Association, AvailabilityStatus, DocumentEntry, DocumentQuery, DocumentType, ObjectId, Page, Patient, PatientId,
};
use pages::{Filter, Silent, TimelineInput, episodes};

/// One page of a query, and the most that one timeline shows.
const PAGE_ENTRIES: usize = 500;
const MOST_ENTRIES: usize = 5000;

/// A patient and the documents.
pub(super) struct Case {
    pub patient: Patient,
    pub entries: Vec<DocumentEntry>,
    pub associations: Vec<Association>,
    pub silent: Vec<Silent>,
    pub truncated: Option<usize>,
}

fn query_of(patient: &PatientId) -> DocumentQuery {
    DocumentQuery {
        statuses: vec![AvailabilityStatus::Approved, AvailabilityStatus::Deprecated],
        document_types: vec![DocumentType::Stable, DocumentType::OnDemand],
        ..DocumentQuery::of_patient(patient.clone())
    }
}

impl Here {
    /// The patient id in an address: a whole CX, or an identifier of the portal's own domain.
    pub(super) fn patient_id(&self, name: &str) -> Result<PatientId, Trouble> {
        let plain = !name.is_empty() && name.len() <= 256 && !name.chars().any(char::is_control);
        if !plain {
            return Err(Trouble::of(Kind::UnknownPatient, ""));
        }
        Ok(PatientId::parse(name).unwrap_or_else(|_| PatientId::new(name, self.portal.patient_domain.clone())))
    }

    pub(super) async fn patient(&self, id: &PatientId, asked: &Asked) -> Result<Patient, Trouble> {
        match self.portal.identity.find(id, &asked.cx).await? {
            Some(patient) => Ok(patient),
            None => Err(Trouble::of(Kind::UnknownPatient, "")),
        }
    }

    /// Everything that is known of a patient's documents.
    pub(super) async fn case(&self, name: &str, asked: &Asked) -> Result<Case, Trouble> {
        let id = self.patient_id(name)?;
        let patient = self.patient(&id, asked).await?;
        let (mut entries, mut parties, mut after) = (Vec::<DocumentEntry>::new(), Vec::new(), None);
        let truncated = loop {
            let query = DocumentQuery { page: Some(Page { size: PAGE_ENTRIES, after }), ..query_of(&patient.id) };
            let found: Found<DocumentEntry> = self.portal.registry.find(&query, &asked.cx).await?;
            // A peer's answer is not believed about whom it is.
            entries.extend(found.items.into_iter().filter(|entry| entry.patient_id == patient.id));
            for party in found.silent {
                if !parties.contains(&party) {
                    parties.push(party);
                }
            }
            after = found.next;
            match after {
                None => break None,
                Some(_) if entries.len() >= MOST_ENTRIES => break Some(entries.len()),
                Some(_) => {}
            }
        };
        let mut associations = Vec::new();
        let ids: Vec<ObjectId> = entries.iter().map(|entry| entry.id.clone()).collect();
        for ids in ids.chunks(PAGE_ENTRIES) {
            let found = self.portal.registry.associations(ids, &asked.cx).await?;
            associations.extend(found.items);
            for party in found.silent {
                if !parties.contains(&party) {
                    parties.push(party);
                }
            }
        }
        let silent = silent(&parties, asked.texts);
        Ok(Case { patient, entries, associations, silent, truncated })
    }

    /// One entry, checked to be this patient's.
    pub(super) async fn entry(&self, name: &str, entry: &str, asked: &Asked) -> Result<DocumentEntry, Trouble> {
        let (patient, id) = (self.patient_id(name)?, entry_id(entry)?);
        let query = DocumentQuery { entry_ids: vec![id.clone()], ..query_of(&patient) };
        let found = self.portal.registry.find(&query, &asked.cx).await?;
        match found.items.into_iter().find(|entry| entry.id == id && entry.patient_id == patient) {
            Some(entry) => Ok(entry),
            // Absence is claimed only when everybody has answered.
            None => Err(match found.silent.first() {
                Some(party) => Trouble::of(Kind::Silent, &party.name),
                None => Trouble::of(Kind::NoDocument, ""),
            }),
        }
    }

    /// What the pages are made from.
    pub(super) fn input<'a>(&'a self, case: &'a Case, filter: &'a Filter) -> TimelineInput<'a> {
        let manifests = case.entries.iter().filter(|entry| episodes::is_manifest(entry));
        let counts = manifests.filter_map(|entry| {
            let manifest = self.documents.manifest(&entry.unique_id)?;
            Some((entry.unique_id.clone(), super::studies::image_count(&manifest)))
        });
        TimelineInput {
            patient: &case.patient,
            entries: &case.entries,
            associations: &case.associations,
            regions: &self.portal.regions,
            filter,
            silent: case.silent.clone(),
            image_counts: counts.collect(),
            truncated: case.truncated,
        }
    }
}

impl Case {
    pub(super) fn entry(&self, id: &ObjectId) -> Option<&DocumentEntry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }
}

/// The entryUUID in an address, with or without `urn:uuid:`.
pub(super) fn entry_id(text: &str) -> Result<ObjectId, Trouble> {
    let bare = text.strip_prefix("urn:uuid:").unwrap_or(text);
    ObjectId::parse(&format!("urn:uuid:{bare}")).map_err(|_| Trouble::of(Kind::NoDocument, ""))
}
