//! Publishing through the FHIR door: the repository behind ITI-41, and the answer of the first time for a submission
//! that comes again. Source: spec/fhir.md sections 2 (errors), 6 (processing); ITI TF-2 3.41.4.1.3.

use crate::iti41_provide_and_register_document_set::{DocumentCheck, checked};
use actors::{Cx, DocumentContent, Fault, ProvidedDocument, Refusal, Registry, Repository};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use fhir::provide_bundle::ProvidedBundle;
use model::{
    AssociationType, AvailabilityStatus, DocumentEntry, DocumentQuery, DocumentType, Invalid, ObjectId, ObjectNames,
    RegistryObjects, RegistryQuery, Sha1Hash, StoredQuery, Submission, UniqueId,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Where documents of ITI-65 and ITI-105 go.
#[derive(Clone)]
pub struct Publication {
    pub repository: Arc<dyn Repository>,
    /// The registry that the repository registers at.
    pub registry: Arc<dyn Registry>,
    pub checks: Vec<Arc<dyn DocumentCheck>>,
}

/// What was published, now or the first time.
pub struct Published {
    /// Ids of the submission to those of the first time; empty when this was the first.
    before: HashMap<ObjectId, ObjectId>,
}

impl Published {
    /// False when it came before.
    pub fn is_new(&self) -> bool {
        self.before.is_empty()
    }

    /// The entryUUID that an object of the submission has in the registry.
    pub fn id_of<'a>(&'a self, id: &'a ObjectId) -> &'a ObjectId {
        self.before.get(id).unwrap_or(id)
    }
}

/// What the registry has of a submission.
enum Earlier {
    /// Nothing.
    New,
    /// All of it.
    Same(Published),
    /// A part, or other content under the same uniqueId.
    Differs(Refusal),
}

impl Publication {
    /// Stores and registers: all or nothing, durable when it answers. What came before, document by document and with
    /// the same metadata, is not registered again: the ids of the first time are given.
    ///
    /// Shape: all ids of `submission` are UUIDs.
    /// Errors: those of ITI-41; a uniqueId that is registered with other content, with other metadata, or in a
    /// submission of other documents.
    pub async fn publish(
        &self,
        mut submission: Submission,
        documents: Vec<ProvidedDocument>,
        cx: &Cx,
    ) -> Result<Published, Refusal> {
        self.resolve_targets(&mut submission, cx).await?;
        let hashes: HashMap<ObjectId, (Sha1Hash, u64)> =
            documents.iter().filter_map(|d| Some((d.entry_id.clone(), hash_and_size(&d.content)?))).collect();
        match self.earlier(&submission, &hashes, cx).await? {
            Earlier::New => {}
            Earlier::Same(published) => {
                return match Refusal::of(contradictions(&submission, &hashes)) {
                    Some(refusal) => Err(refusal),
                    None => Ok(published),
                };
            }
            Earlier::Differs(refusal) => return Err(refusal),
        }
        let kept = submission.clone();
        match checked(&*self.repository, &self.checks, submission, documents, cx).await {
            Ok(_) => Ok(Published { before: HashMap::new() }),
            // The same submission may have come twice at once.
            Err(refusal) if refusal.faults().iter().any(|f| matches!(f, Fault::DuplicateUniqueId { .. })) => {
                match self.earlier(&kept, &hashes, cx).await? {
                    Earlier::Same(published) => Ok(published),
                    Earlier::New | Earlier::Differs(_) => Err(refusal),
                }
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// A document of the registry may be named by its uniqueId.
    async fn resolve_targets(&self, submission: &mut Submission, cx: &Cx) -> Result<(), Refusal> {
        for at in 0..submission.associations.len() {
            let target = submission.associations[at].target.as_str();
            let Some(Ok(unique_id)) = target.strip_prefix("urn:oid:").map(UniqueId::parse) else { continue };
            let known = self.entries(vec![unique_id], cx).await?;
            let current = known.iter().find(|e| e.availability_status == AvailabilityStatus::Approved);
            // A superseded one is named too: the registry says what is wrong with it.
            if let Some(entry) = current.or(known.first()) {
                submission.associations[at].target = entry.id.clone();
            }
        }
        Ok(())
    }

    /// Adds the documents that the Bundle puts into folders of the registry, without those that are there already.
    /// What else such a folder says differently is left as it is, and the entry is told so.
    pub async fn place_in_folders(&self, bundle: &mut ProvidedBundle, cx: &Cx) -> Result<(), Refusal> {
        for update in std::mem::take(&mut bundle.folder_updates) {
            let id = update.folder.id.clone();
            let found = self.query(StoredQuery::GetFolders(ObjectNames::Ids(vec![id.clone()])), cx).await?;
            let known = self.registry.associations(std::slice::from_ref(&id), cx).await?.items;
            let holds = |document: &ObjectId| {
                known.iter().any(|a| a.kind == AssociationType::HasMember && a.source == id && a.target == *document)
            };
            for document in update.members.iter().filter(|document| !holds(document)) {
                let fresh_id = || cx.identifiers.entry_uuid();
                bundle.add_to_folder(&id, document, &fresh_id);
            }
            let Some(folder) = found.folders.first() else { continue };
            let came = &update.folder;
            let same_codes = came.code_list.len() == folder.code_list.len()
                && came.code_list.iter().zip(&folder.code_list).all(|(a, b)| a.means(b));
            if came.title.value() != folder.title.value() || !same_codes {
                let text = "PartialFolderContentNotProcessed: a folder takes documents; its title and codes stay";
                bundle.entries[update.entry].warnings.push(text.to_owned());
            }
        }
        Ok(())
    }

    async fn query(&self, query: StoredQuery, cx: &Cx) -> Result<RegistryObjects, Refusal> {
        Ok(self.registry.query(&RegistryQuery::from(query), cx).await?.objects)
    }

    /// The registered documents of these uniqueIds, whatever their status.
    pub(crate) async fn entries(&self, unique_ids: Vec<UniqueId>, cx: &Cx) -> Result<Vec<DocumentEntry>, Refusal> {
        let document_types = vec![DocumentType::Stable, DocumentType::OnDemand];
        let query = DocumentQuery { unique_ids, document_types, ..DocumentQuery::default() };
        Ok(self.registry.find(&query, cx).await?.items)
    }

    async fn earlier(
        &self,
        submission: &Submission,
        hashes: &HashMap<ObjectId, (Sha1Hash, u64)>,
        cx: &Cx,
    ) -> Result<Earlier, Refusal> {
        if submission.entries.is_empty() {
            return self.earlier_set(submission, cx).await;
        }
        let unique_ids = submission.entries.iter().map(|e| e.unique_id.clone()).collect();
        let registered = self.entries(unique_ids, cx).await?;
        if registered.is_empty() {
            return Ok(Earlier::New);
        }
        let mut before = HashMap::new();
        let mut faults = Vec::new();
        for entry in &submission.entries {
            let twins = || registered.iter().filter(|e| e.unique_id == entry.unique_id);
            let content = hashes.get(&entry.id);
            let same_content = |e: &&DocumentEntry| {
                content.is_some_and(|(hash, size)| e.hash.as_ref() == Some(hash) && e.size_octets == Some(*size))
            };
            match twins().filter(same_content).find(|twin| means_the_same(entry, twin)) {
                Some(twin) => {
                    before.insert(entry.id.clone(), twin.id.clone());
                }
                None if twins().next().is_some() && !twins().any(|twin| same_content(&twin)) => {
                    faults.push(Fault::NonIdenticalHash(entry.unique_id.clone()));
                }
                // Registered with other metadata, or alone: a new submission with an old document.
                None => {
                    let known = twins().next().unwrap_or(&registered[0]).unique_id.to_string();
                    faults.push(Fault::DuplicateUniqueId { kind: "DocumentEntry", unique_id: known });
                }
            }
        }
        if let Some(refusal) = Refusal::of(faults) {
            return Ok(Earlier::Differs(refusal));
        }
        if !self.related_alike(submission, &before, cx).await? {
            let unique_id = submission.entries[0].unique_id.to_string();
            return Ok(Earlier::Differs(Fault::DuplicateUniqueId { kind: "DocumentEntry", unique_id }.into()));
        }
        let first = before.get(&submission.entries[0].id).cloned();
        let sets = self.query(StoredQuery::GetSubmissionSets { ids: first.into_iter().collect() }, cx).await?;
        if let Some(set) = sets.submission_sets.first() {
            before.insert(submission.set.id.clone(), set.id.clone());
        }
        match self.earlier_folders(submission, &mut before, cx).await? {
            Some(refusal) => Ok(Earlier::Differs(refusal)),
            None => Ok(Earlier::Same(Published { before })),
        }
    }

    /// Whether every relation of the submission is registered between the documents of the first time.
    async fn related_alike(
        &self,
        submission: &Submission,
        before: &HashMap<ObjectId, ObjectId>,
        cx: &Cx,
    ) -> Result<bool, Refusal> {
        if !submission.associations.iter().any(|a| a.kind.is_relationship()) {
            return Ok(true);
        }
        let ids: Vec<ObjectId> = before.values().cloned().collect();
        let registered = self.registry.associations(&ids, cx).await?.items;
        let was = |id: &ObjectId| before.get(id).unwrap_or(id).clone();
        let mut relations = submission.associations.iter().filter(|a| a.kind.is_relationship());
        Ok(relations.all(|a| {
            let (source, target) = (was(&a.source), was(&a.target));
            registered.iter().any(|r| r.kind == a.kind && r.source == source && r.target == target)
        }))
    }

    /// A submission without documents is known by its own uniqueId.
    async fn earlier_set(&self, submission: &Submission, cx: &Cx) -> Result<Earlier, Refusal> {
        let names = ObjectNames::UniqueIds(vec![submission.set.unique_id.clone()]);
        let query =
            StoredQuery::GetSubmissionSetAndContents { submission_set: names, documents: DocumentQuery::default() };
        let found = self.query(query, cx).await?;
        let Some(set) = found.submission_sets.first() else { return Ok(Earlier::New) };
        let came = &submission.set;
        let same = set.patient_id == came.patient_id
            && set.source_id == came.source_id
            && set.submission_time == came.submission_time
            && set.content_type_code.means(&came.content_type_code);
        if !same {
            let unique_id = came.unique_id.to_string();
            return Ok(Earlier::Differs(Fault::DuplicateUniqueId { kind: "SubmissionSet", unique_id }.into()));
        }
        let mut before = HashMap::from([(came.id.clone(), set.id.clone())]);
        match self.earlier_folders(submission, &mut before, cx).await? {
            Some(refusal) => Ok(Earlier::Differs(refusal)),
            None => Ok(Earlier::Same(Published { before })),
        }
    }

    async fn earlier_folders(
        &self,
        submission: &Submission,
        before: &mut HashMap<ObjectId, ObjectId>,
        cx: &Cx,
    ) -> Result<Option<Refusal>, Refusal> {
        if submission.folders.is_empty() {
            return Ok(None);
        }
        let names = submission.folders.iter().map(|f| f.unique_id.clone()).collect();
        let found = self.query(StoredQuery::GetFolders(ObjectNames::UniqueIds(names)), cx).await?;
        for folder in &submission.folders {
            let Some(known) = found.folders.iter().find(|f| f.unique_id == folder.unique_id) else {
                let unique_id = submission.set.unique_id.to_string();
                return Ok(Some(Fault::DuplicateUniqueId { kind: "SubmissionSet", unique_id }.into()));
            };
            before.insert(folder.id.clone(), known.id.clone());
        }
        Ok(None)
    }
}

/// Whether a registered entry is what came, apart from what the registry and time add to it.
fn means_the_same(came: &DocumentEntry, registered: &DocumentEntry) -> bool {
    let bare = |entry: &DocumentEntry| DocumentEntry {
        id: came.id.clone(),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        hash: None,
        size_octets: None,
        repository_unique_id: None,
        submission_time: None,
        document_availability: None,
        uri: None,
        home_community_id: None,
        ..entry.clone()
    };
    bare(came) == bare(registered)
}

/// Hashes and sizes that are not those of the octets; the repository finds them in what it stores.
fn contradictions(submission: &Submission, hashes: &HashMap<ObjectId, (Sha1Hash, u64)>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for entry in &submission.entries {
        let Some((hash, size)) = hashes.get(&entry.id) else { continue };
        let mut wrong = |field: &str, came: String, actual: String| {
            let rule = format!("must be that of the document's octets, {actual}");
            let invalid = Invalid::new(format!("DocumentEntry.{field}"), rule, came).on(entry.id.as_str());
            faults.push(Fault::InvalidDocument(invalid));
        };
        if let Some(came) = entry.hash.as_ref().filter(|came| *came != hash) {
            wrong("hash", came.to_string(), hash.to_string());
        }
        if let Some(came) = entry.size_octets.filter(|came| came != size) {
            wrong("size", came.to_string(), size.to_string());
        }
    }
    faults
}

/// `None` for what is not in memory, which no FHIR door sends.
fn hash_and_size(content: &DocumentContent) -> Option<(Sha1Hash, u64)> {
    match content {
        DocumentContent::Memory(octets) => {
            let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, octets);
            Some((Sha1Hash::from_bytes(sha1.as_ref().try_into().ok()?), octets.len() as u64))
        }
        DocumentContent::Blob(blob) => Some((blob.sha1.clone(), blob.size_octets)),
        DocumentContent::File(_) => None,
    }
}
