//! Submission sets and folders as Lists: found, and encoded with their members. MHD 2:3.66.4.1.3.

use crate::edge::fhir_place::FhirPlace;
use crate::edge::fhir_server::Refused;
use actors::{Cx, Refusal, Registry, SilentParty};
use fhir::identifier::resource_id;
use fhir::list::{ListEncodeContext, encode_folder, encode_submission_set};
use fhir::search::lists::ListSearch;
use model::{
    AssociationType, DocumentQuery, DocumentType, Folder, FolderQuery, ObjectId, ObjectNames, PatientId, RegistryQuery,
    StoredQuery, SubmissionSet, SubmissionSetQuery,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Members looked up at once.
const CHUNK: usize = 1000;

/// The Lists of a registry.
#[derive(Clone)]
pub struct Lists {
    pub registry: Arc<dyn Registry>,
    pub place: FhirPlace,
}

/// One list that was found.
pub(crate) enum Listed {
    Set(SubmissionSet),
    Folder(Folder),
}

impl Listed {
    pub(super) fn id(&self) -> &ObjectId {
        match self {
            Listed::Set(set) => &set.id,
            Listed::Folder(folder) => &folder.id,
        }
    }

    pub(super) fn patient(&self) -> &PatientId {
        match self {
            Listed::Set(set) => &set.patient_id,
            Listed::Folder(folder) => &folder.patient_id,
        }
    }

    pub(super) fn version(&self) -> u32 {
        match self {
            Listed::Set(_) => 1,
            Listed::Folder(folder) => folder.version.unwrap_or(1),
        }
    }

    pub(super) fn unique_id(&self) -> String {
        match self {
            Listed::Set(set) => set.unique_id.to_string(),
            Listed::Folder(folder) => folder.unique_id.to_string(),
        }
    }

    /// Place in the order by date; a folder without its time comes last.
    pub(super) fn key(&self) -> (u64, &str) {
        let time = match self {
            Listed::Set(set) => set.submission_time.start(),
            Listed::Folder(folder) => folder.last_update_time.as_ref().map_or(0, |time| time.start()),
        };
        (time, self.id().as_str())
    }

    pub(super) fn encode(&self, cx: &ListEncodeContext<'_>) -> Vec<u8> {
        match self {
            Listed::Set(set) => encode_submission_set(set, cx),
            Listed::Folder(folder) => encode_folder(folder, cx),
        }
    }
}

impl Lists {
    /// Every list that meets the search, in any order.
    pub(super) async fn find(
        &self,
        search: &ListSearch,
        silent: &mut Vec<SilentParty>,
        cx: &Cx,
    ) -> Result<Vec<Listed>, Refused> {
        let mut found = Vec::new();
        if search.nothing {
            return Ok(found);
        }
        let mut queries = Vec::new();
        match &search.patient_id {
            Some(patient) => {
                if search.submission_sets {
                    queries.push(StoredQuery::FindSubmissionSets(SubmissionSetQuery {
                        patient_id: patient.clone(),
                        source_ids: Vec::new(),
                        submission_time: Default::default(),
                        author_person: Vec::new(),
                        content_type_codes: Vec::new(),
                        statuses: search.statuses.clone(),
                    }));
                }
                if search.folders {
                    let (patient_id, statuses) = (Some(patient.clone()), search.statuses.clone());
                    queries.push(StoredQuery::FindFolders(FolderQuery { patient_id, statuses, ..Default::default() }));
                }
            }
            None => {
                let (mut ids, unique_ids) = search.identifiers.clone().unwrap_or_default();
                ids.extend(search.ids.iter().flatten().cloned());
                for names in [ObjectNames::Ids(ids), ObjectNames::UniqueIds(unique_ids)] {
                    if !matches!(&names, ObjectNames::Ids(ids) if ids.is_empty())
                        && !matches!(&names, ObjectNames::UniqueIds(ids) if ids.is_empty())
                    {
                        queries.extend(self.by_name(names, search));
                    }
                }
            }
        }
        let mut seen = HashSet::new();
        for query in queries {
            let answered = self.registry.query(&RegistryQuery::from(query), cx).await?;
            silent.extend(answered.silent);
            let sets = answered.objects.submission_sets.into_iter().filter(|set| search.matches_set(set));
            let folders = answered.objects.folders.into_iter().filter(|folder| search.matches_folder(folder));
            let lists = sets.map(Listed::Set).chain(folders.map(Listed::Folder)).filter(|list| match list {
                Listed::Set(_) => search.submission_sets,
                Listed::Folder(_) => search.folders,
            });
            found.extend(lists.filter(|list| seen.insert(list.id().clone())));
        }
        Ok(found)
    }

    fn by_name(&self, names: ObjectNames, search: &ListSearch) -> Vec<StoredQuery> {
        let mut queries = Vec::new();
        if search.submission_sets {
            // No document has this availability: the set alone is wanted.
            let documents =
                DocumentQuery { document_availabilities: vec!["urn:none".to_owned()], ..DocumentQuery::default() };
            queries.push(StoredQuery::GetSubmissionSetAndContents { submission_set: names.clone(), documents });
        }
        if search.folders {
            queries.push(StoredQuery::GetFolders(names));
        }
        queries
    }

    /// Lists with their members, which three calls find for the whole page.
    pub(super) async fn encode(
        &self,
        lists: &[Listed],
        silent: &mut Vec<SilentParty>,
        cx: &Cx,
    ) -> Result<Vec<(String, Vec<u8>)>, Refused> {
        if lists.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ObjectId> = lists.iter().map(|list| list.id().clone()).collect();
        let links = self.registry.associations(&ids, cx).await?;
        silent.extend(links.silent);
        let mut members: HashMap<&ObjectId, Vec<&ObjectId>> = HashMap::new();
        for link in links.items.iter().filter(|a| a.kind == AssociationType::HasMember) {
            members.entry(&link.source).or_default().push(&link.target);
        }
        let targets: Vec<ObjectId> =
            ids.iter().filter_map(|id| members.get(id)).flatten().map(|id| (*id).clone()).collect();
        // A set lists documents and folders; the memberships of old folders, which it lists in XDS too, FHIR does not.
        let mut kinds: HashMap<ObjectId, &str> = HashMap::new();
        for chunk in targets.chunks(CHUNK) {
            let document_types = vec![DocumentType::Stable, DocumentType::OnDemand];
            let query = DocumentQuery { entry_ids: chunk.to_vec(), document_types, ..DocumentQuery::default() };
            let entries = self.registry.find(&query, cx).await?;
            kinds.extend(entries.items.into_iter().map(|e| (e.id, "DocumentReference")));
            let query = StoredQuery::GetFolders(ObjectNames::Ids(chunk.to_vec()));
            let folders = self.registry.query(&RegistryQuery::from(query), cx).await?;
            kinds.extend(folders.objects.folders.into_iter().map(|f| (f.id, "List")));
        }
        let encoded = lists.iter().map(|list| {
            let members = members.get(list.id()).into_iter().flatten();
            let reference = |id: &&ObjectId| Some(format!("{}/{}", kinds.get(*id)?, resource_id(id)));
            let members: Vec<String> = members.filter_map(reference).collect();
            let patient = self.place.patient(list.patient());
            let context = ListEncodeContext {
                members: &members,
                home_community_id: self.place.home.as_ref(),
                patient_reference: patient.as_deref(),
            };
            (resource_id(list.id()).to_owned(), list.encode(&context))
        });
        Ok(encoded.collect())
    }

    /// One List by its id, and its resource. `None`: everybody has answered, and nobody has it.
    pub(crate) async fn one(&self, id: ObjectId, cx: &Cx) -> Result<Option<(Listed, Vec<u8>)>, Refused> {
        let search = ListSearch::of_id(id);
        let mut silent = Vec::new();
        let mut found = self.find(&search, &mut silent, cx).await?;
        found.truncate(1);
        let encoded = self.encode(&found, &mut silent, cx).await?;
        match (found.pop(), encoded.into_iter().next(), silent.into_iter().next()) {
            (Some(list), Some((_, body)), _) => Ok(Some((list, body))),
            (_, _, Some(party)) => Err(Refusal::from(party.fault).into()),
            _ => Ok(None),
        }
    }
}
