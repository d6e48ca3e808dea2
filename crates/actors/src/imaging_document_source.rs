//! Imaging Document Source: from a study that has been quiet to a manifest in the registry, by steps that may each run
//! twice. Source: RAD TF-2 4.68; spec/dicom.md section 6; design section 5 (durable outbox).
//!
//! What a manifest will be called is written down before it is first sent, so that after a crash or a silent peer the
//! same submission is sent again, or found to have arrived.

mod reconciliation;
mod recording;
mod withdrawal;

pub use reconciliation::{Reconciliation, out_of_sync};

use crate::flows::Journal;
use crate::{
    Cx, DocumentContent, Fault, Found, Identity, PatientNews, ProvidedDocument, Refusal, Registry, Repository,
};
use bytes::Bytes;
use model::{
    Association, AssociationType, AvailabilityStatus, Code, DocumentEntry, DocumentQuery, Dtm, ObjectId, Oid, Patient,
    ReferenceId, ReferenceTerm, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, Submission, SubmissionSet,
    SubmissionSetStatus, UniqueId, Xon,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{
    InstanceSelect, Job, MetadataStore, NewJob, Publication, Sha256, StoreError, StoreExt, StoredInstance, StudySelect,
    StudyState,
};

pub(crate) const JOB: &str = "publish-manifest";
/// Node state: how the manifest under way is called, per study.
const ATTEMPT: &str = "publication-attempt";
/// Node state: SOP Instance UIDs that the current manifest lists, one a line, per study.
pub(crate) const LISTED: &str = "manifest-instances";
const MICROS: i64 = 1_000_000;
/// A study that is said to be complete meanwhile waits at most this long, microseconds.
const LONGEST_WAIT: i64 = MICROS / 4;
/// Studies looked at in one turn.
const MOST_DUE: usize = 10_000;
/// Equal to the content of no draft.
const UNKNOWN_CONTENT: Sha256 = Sha256([0; 32]);

/// The identity of a manifest that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestIdentity {
    pub sop_instance: SopInstanceUid,
    pub series_instance: SeriesInstanceUid,
    pub created: Dtm,
    /// entryUUID of its DocumentEntry.
    pub entry: ObjectId,
}

/// A manifest ready to be submitted.
pub struct DraftManifest {
    /// The KOS, Part 10.
    pub document: Bytes,
    pub entry: DocumentEntry,
    /// As the instances describe the patient.
    pub patient: Patient,
    /// Equal for two drafts that say the same.
    pub content: Sha256,
    /// What it lists.
    pub instances: Vec<SopInstanceUid>,
}

/// Why a study cannot be published until somebody acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPublishable {
    /// Nothing left that may be listed.
    NothingToList,
    /// In words for the operator: what is missing and where to mend it.
    Held(String),
}

/// Reads stored instances and writes manifests: the part that knows DICOM.
pub trait ManifestMaker: Send + Sync {
    /// Errors: see [`NotPublishable`]. Blocks while it reads the instances' headers.
    fn draft(
        &self,
        study: &StudyState,
        instances: &[StoredInstance],
        identity: &ManifestIdentity,
    ) -> Result<DraftManifest, NotPublishable>;

    /// Instances that cannot be had any more, though their rows say that they are there. Blocks.
    fn lost(&self, _: &[StoredInstance]) -> Vec<SopInstanceUid> {
        Vec::new()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownPatientAtSource {
    /// Send the patient to the identity manager first.
    Feed,
    /// Hold the study, with its reason.
    Hold,
}

#[derive(Clone, Debug)]
pub struct SourcePolicy {
    /// A study is complete when nothing came for this many microseconds; may be changed while the node runs.
    pub quiet_micros: Arc<AtomicI64>,
    /// But it is published at the latest after this long.
    pub max_delay_micros: i64,
    pub unknown_patient: UnknownPatientAtSource,
    /// Domain of the patient ids under which documents are registered.
    pub patient_domain: Oid,
    /// Time between two published studies that are compared with the registry, microseconds; 0 for never.
    pub reconcile_micros: i64,
    /// SubmissionSet.sourceId.
    pub source_id: Oid,
    pub content_type_code: Code,
    /// Studies published at the same time.
    pub parallel: usize,
}

/// Publishes the studies of the node's archive.
pub struct ImagingDocumentSource {
    pub store: Arc<dyn MetadataStore>,
    pub maker: Arc<dyn ManifestMaker>,
    pub identity: Option<Arc<dyn Identity>>,
    /// Who knows which patient of the affinity domain has an id of another domain (PIX).
    pub cross_reference: Option<Arc<dyn Identity>>,
    pub registry: Arc<dyn Registry>,
    /// Where manifests are withdrawn (ITI-57): the registry, by a door that has words for it.
    pub administrator: Arc<dyn Registry>,
    pub repository: Arc<dyn Repository>,
    pub policy: SourcePolicy,
    /// Told of everything that ends.
    pub journal: Arc<Journal>,
    pub reconciliation: Reconciliation,
}

/// One manifest under way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attempt {
    revision: u64,
    identity: ManifestIdentity,
    set: ObjectId,
    set_unique_id: String,
    /// What it lists; instances that came later belong to the next.
    instances: Vec<String>,
}

enum Step {
    /// Done, or nothing to do.
    Published {
        attempt: Box<Attempt>,
        content: Sha256,
        listed: Vec<SopInstanceUid>,
        entry: ObjectId,
    },
    Unchanged {
        revision: u64,
    },
    /// Nothing is left, and no manifest says otherwise.
    Withdrawn {
        revision: u64,
        publication: Publication,
    },
    Held(String),
    Refused(Refusal),
}

/// Says that a study is complete, so that it is published without waiting for the quiet time. Shape: whether there was
/// anything to publish.
pub async fn study_is_complete(
    store: &dyn MetadataStore,
    study: &StudyInstanceUid,
    cx: &Cx,
) -> Result<bool, StoreError> {
    let (study, now) = (study.clone(), cx.now_unix_micros());
    store
        .write(move |tx| {
            let state = tx.study(&study)?.filter(|state| state.is_dirty() && state.held.is_none());
            let Some(state) = state else { return Ok(false) };
            tx.enqueue(&job(&state, now))?;
            Ok(true)
        })
        .await
}

pub(crate) fn job(study: &StudyState, now: i64) -> NewJob {
    let (key, payload) = (study.study.to_string(), study.revision.to_string().into_bytes());
    NewJob { kind: JOB.into(), key, payload, not_before: now, created_at: now }
}

impl ImagingDocumentSource {
    /// Queues jobs for the studies that are due and runs what is queued; returns how long to wait (microseconds) before
    /// calling again, at most a second when something failed.
    pub async fn turn(&self, cx: &Cx) -> i64 {
        if let Err(error) = self.queue_due(cx).await {
            tracing::error!(request_id = cx.request_id, %error, "cannot look for studies to publish");
            return MICROS;
        }
        let now = cx.now_unix_micros();
        let parallel = self.policy.parallel;
        // The lease outlasts every time limit of the peers; after a crash the next start frees it.
        let claimed = self.store.write(move |tx| tx.claim(&[JOB], now, now + 600 * MICROS, parallel)).await;
        let jobs = match claimed {
            Ok(jobs) => jobs,
            Err(error) => {
                let error: StoreError = error;
                tracing::error!(request_id = cx.request_id, %error, "cannot take publishing jobs");
                return MICROS;
            }
        };
        let again = jobs.len() == parallel;
        futures_util::future::join_all(jobs.into_iter().map(|job| self.run(job, cx))).await;
        let reconciled = self.reconcile(cx).await;
        if again { 0 } else { self.wait(cx).await.min(reconciled) }
    }

    async fn wait(&self, cx: &Cx) -> i64 {
        let now = cx.now_unix_micros();
        let quiet = self.policy.quiet_micros.load(Ordering::Relaxed);
        let next: Result<Option<i64>, StoreError> = self
            .store
            .read(move |tx| {
                let job = tx.next_job_at(&[JOB])?;
                // One that was due before is queued, or given up until somebody acts: it needs no haste.
                let study = tx.next_unpublished()?.map(|at| at + quiet).filter(|at| *at > now);
                Ok(job.into_iter().chain(study).min())
            })
            .await;
        let until = next.ok().flatten().map_or(LONGEST_WAIT, |at| at - now);
        until.clamp(20_000, LONGEST_WAIT)
    }

    async fn queue_due(&self, cx: &Cx) -> Result<(), StoreError> {
        let now = cx.now_unix_micros();
        let quiet_before = now - self.policy.quiet_micros.load(Ordering::Relaxed);
        let changed_before = now - self.policy.max_delay_micros;
        // Given-up and waiting studies are due as well, so the limit is far above what a node ever has of them; and an
        // idle turn writes nothing.
        let due: Vec<NewJob> = self
            .store
            .read(move |tx| {
                let mut due = Vec::new();
                for study in tx.studies(StudySelect::Due { quiet_before, changed_before }, MOST_DUE)? {
                    let new = job(&study, now);
                    // A job that was given up stays so until a person replays it or the study changes.
                    if tx.job_about(JOB, &new.key)?.is_none_or(|job| job.payload != new.payload) {
                        due.push(new);
                    }
                }
                Ok::<_, StoreError>(due)
            })
            .await?;
        if due.is_empty() {
            return Ok(());
        }
        self.store.write(move |tx| due.iter().try_for_each(|job| tx.enqueue(job).map(|_| ()))).await
    }

    async fn run(&self, job: Job, cx: &Cx) {
        let Ok(study) = StudyInstanceUid::parse(&job.key) else { return };
        let outcome = self.publish(&study, cx).await.unwrap_or_else(Step::Refused);
        if let Err(error) = self.record(&job, &study, outcome, cx).await {
            tracing::error!(request_id = cx.request_id, %error, study = study.as_str(), "cannot record a publication");
        }
    }

    async fn publish(&self, study: &StudyInstanceUid, cx: &Cx) -> Result<Step, Refusal> {
        let uid = study.clone();
        let loaded: Result<_, StoreError> = self
            .store
            .read(move |tx| {
                let state = tx.study(&uid)?;
                let instances = tx.instances(InstanceSelect::Study(&uid))?;
                let attempt = tx.state(ATTEMPT, uid.as_str())?;
                Ok((state, instances, attempt.and_then(|bytes| Attempt::decode(&bytes))))
            })
            .await;
        let (state, instances, attempt) = loaded.map_err(|e| crate::store_faults::internal(e, &cx.request_id))?;
        let Some(state) = state else { return Ok(Step::Unchanged { revision: 0 }) };
        let instances: Vec<StoredInstance> = instances.into_iter().filter(|i| i.held.is_none()).collect();
        if let Some(attempt) = attempt {
            let registered = self.registered(&attempt, cx).await?;
            let listed = instances.iter().filter(|i| attempt.instances.iter().any(|uid| uid == i.instance.as_str()));
            let draft = self.draft(&state, listed.cloned().collect(), attempt.identity.clone(), cx).await?;
            match (registered, draft) {
                (_, Err(NotPublishable::Held(reason))) => return Ok(Step::Held(reason)),
                (None, Ok(draft)) => return self.send(&state, draft, attempt, cx).await,
                (Some(entry), Ok(draft)) => {
                    self.leave_other_patients(&state, &draft, cx).await?;
                    // What arrived was made before some of its instances went away: then it says something else.
                    let same = entry.hash.is_none_or(|hash| hash == store::digest_of(&draft.document).sha1);
                    let content = if same { draft.content } else { UNKNOWN_CONTENT };
                    let (attempt, listed) = (Box::new(attempt), draft.instances);
                    return Ok(Step::Published { attempt, content, listed, entry: entry.id });
                }
                (Some(entry), Err(NotPublishable::NothingToList)) => {
                    let (attempt, content, listed) = (Box::new(attempt), UNKNOWN_CONTENT, Vec::new());
                    return Ok(Step::Published { attempt, content, listed, entry: entry.id });
                }
                // It never arrived and there is nothing of it left: begin anew with what there is.
                (None, Err(NotPublishable::NothingToList)) => self.keep_attempt(study, None, cx).await?,
            }
        }
        let identity = ManifestIdentity {
            sop_instance: own_uid(cx, SopInstanceUid::parse),
            series_instance: own_uid(cx, SeriesInstanceUid::parse),
            created: cx.now(),
            entry: cx.identifiers.entry_uuid(),
        };
        let draft = match self.draft(&state, instances.clone(), identity.clone(), cx).await? {
            Ok(draft) => draft,
            Err(NotPublishable::NothingToList) if state.publication.is_none() => {
                return Ok(Step::Held("no instance of this study may be listed in a manifest".into()));
            }
            Err(NotPublishable::NothingToList) => return self.withdraw_all(&state, cx).await,
            Err(NotPublishable::Held(reason)) => return Ok(Step::Held(reason)),
        };
        if state.publication.as_ref().is_some_and(|p| p.content_hash == draft.content) {
            return Ok(Step::Unchanged { revision: state.revision });
        }
        let attempt = Attempt {
            revision: state.revision,
            identity,
            set: cx.identifiers.entry_uuid(),
            set_unique_id: cx.identifiers.uid(),
            instances: instances.iter().map(|i| i.instance.to_string()).collect(),
        };
        self.keep_attempt(study, Some(attempt.encode()), cx).await?;
        self.send(&state, draft, attempt, cx).await
    }

    /// Of the study nothing is left that may be listed: its manifests are deprecated.
    async fn withdraw_all(&self, state: &StudyState, cx: &Cx) -> Result<Step, Refusal> {
        let Some(publication) = &state.publication else { return Ok(Step::Unchanged { revision: state.revision }) };
        let standing = self.standing(&state.study, publication, cx).await?;
        match self.withdraw(&standing, cx).await {
            Ok(()) => {
                let publication = Publication { content_hash: UNKNOWN_CONTENT, ..publication.clone() };
                Ok(Step::Withdrawn { revision: state.revision, publication })
            }
            Err(refusal) if matches!(refusal.first(), Fault::Unsupported(_)) => {
                let ids: Vec<String> = standing.iter().map(|entry| entry.id.to_string()).collect();
                let reason = "every instance that the published manifest lists is gone or rejected, and the registry's door \
                              takes no deprecation (ITI-57)";
                Ok(Step::Held(format!("{reason}; deprecate {} there", ids.join(", "))))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// A study that became another patient's has its right manifest now: the wrong one is taken back.
    async fn leave_other_patients(&self, state: &StudyState, draft: &DraftManifest, cx: &Cx) -> Result<(), Refusal> {
        let wrong = self.of_another_patient(&state.study, state.publication.as_ref(), &draft.entry.patient_id, cx);
        self.withdraw(&wrong.await?, cx).await
    }

    async fn keep_attempt(&self, study: &StudyInstanceUid, attempt: Option<Vec<u8>>, cx: &Cx) -> Result<(), Refusal> {
        let key = study.to_string();
        let written: Result<(), StoreError> =
            self.store.write(move |tx| tx.put_state(ATTEMPT, &key, attempt.as_deref())).await;
        written.map_err(|e| crate::store_faults::storage(e, &cx.request_id))
    }

    /// The outer error: who knows the patients does not answer now.
    async fn draft(
        &self,
        state: &StudyState,
        instances: Vec<StoredInstance>,
        identity: ManifestIdentity,
        cx: &Cx,
    ) -> Result<Result<DraftManifest, NotPublishable>, Refusal> {
        let (maker, state) = (self.maker.clone(), state.clone());
        let made = tokio::task::spawn_blocking(move || maker.draft(&state, &instances, &identity)).await;
        match made {
            Ok(Ok(draft)) => self.in_the_domain(draft, cx).await,
            Ok(Err(reason)) => Ok(Err(reason)),
            Err(_) => Ok(Err(NotPublishable::Held("reading the instances failed; the log says where".into()))),
        }
    }

    /// The draft under the id by which the affinity domain knows the patient now. Source: ITI TF-1 5, ITI TF-2 3.83.
    async fn in_the_domain(
        &self,
        mut draft: DraftManifest,
        cx: &Cx,
    ) -> Result<Result<DraftManifest, NotPublishable>, Refusal> {
        let local = draft.entry.patient_id.clone();
        let ours = &self.policy.patient_domain;
        let known = if local.domain == *ours {
            match &self.identity {
                Some(identity) => identity.survivor(&local, cx).await?,
                None => None,
            }
        } else {
            let found = match &self.cross_reference {
                Some(patients) => patients.find(&local, cx).await?.filter(|patient| patient.id.domain == *ours),
                None => None,
            };
            let Some(found) = found else {
                return Ok(Err(NotPublishable::Held(format!(
                    "the study's patient id is of {}, documents are registered under {ours}, and nobody there is known to have it; \
                     feed the patient with both ids (ITI-8, ITI-44 or ITI-104), then `manifold replay`; or set patient_id_issuer \
                     of the calling AE, or send the id in (0010,1002)",
                    local.domain
                ))));
            };
            Some(found.id)
        };
        if let Some(known) = known {
            // The same instances of somebody else are another manifest.
            let content = [draft.content.0.as_slice(), known.to_string().as_bytes()].concat();
            draft.content = Sha256::of(&content);
            draft.entry.patient_id = known.clone();
            draft.patient.id = known;
            if local.domain != *ours && !draft.patient.other_ids.contains(&local) {
                draft.patient.other_ids.push(local);
            }
        }
        Ok(Ok(draft))
    }

    async fn send(&self, state: &StudyState, draft: DraftManifest, attempt: Attempt, cx: &Cx) -> Result<Step, Refusal> {
        if self.policy.unknown_patient == UnknownPatientAtSource::Feed
            && let Some(identity) = &self.identity
        {
            identity.feed(&draft.patient, PatientNews::Added, cx).await?;
        }
        let replaced = self.current(&draft.entry, cx).await?;
        let submission = self.submission(&draft.entry, &attempt, &replaced);
        let content = DocumentContent::Memory(draft.document.clone());
        let document = ProvidedDocument { entry_id: draft.entry.id.clone(), content };
        match self.repository.provide(submission, vec![document], cx).await {
            Ok(_) => {
                self.leave_other_patients(state, &draft, cx).await?;
                let entry = attempt.identity.entry.clone();
                let (attempt, listed) = (Box::new(attempt), draft.instances);
                Ok(Step::Published { attempt, content: draft.content, listed, entry })
            }
            Err(refusal) => {
                let unknown = refusal.faults().iter().any(|f| matches!(f, Fault::UnknownPatient(_)));
                if unknown && self.policy.unknown_patient == UnknownPatientAtSource::Hold {
                    let reason = "the registry does not know this patient; feed the identity (ITI-8, ITI-44 or ITI-104), then `manifold replay`";
                    return Ok(Step::Held(reason.into()));
                }
                Err(refusal)
            }
        }
    }

    /// The entry of an attempt that reached the registry though we never heard of it.
    async fn registered(&self, attempt: &Attempt, cx: &Cx) -> Result<Option<DocumentEntry>, Refusal> {
        let unique_ids = vec![UniqueId::from(&attempt.identity.sop_instance)];
        let query = DocumentQuery { unique_ids, ..DocumentQuery::default() };
        let found = self.registry.find(&query, cx).await?;
        if found.items.is_empty() {
            complete(&found)?;
        }
        Ok(found.items.into_iter().next())
    }

    /// Approved manifests of the same study by the same institution: what this one replaces.
    async fn current(&self, draft: &DocumentEntry, cx: &Cx) -> Result<Vec<ObjectId>, Refusal> {
        let Some(study) = draft.study_instance_uids().next().and_then(|s| StudyInstanceUid::parse(s).ok()) else {
            return Ok(Vec::new());
        };
        let query = DocumentQuery {
            reference_ids: vec![vec![ReferenceTerm::Exact(ReferenceId::study(&study))]],
            ..DocumentQuery::of_patient(draft.patient_id.clone()).approved()
        };
        let found = self.registry.find(&query, cx).await?;
        complete(&found)?;
        let ours = found.items.into_iter().filter(|e| e.is_kos() && institution(e) == institution(draft));
        Ok(ours.filter(|e| e.unique_id != draft.unique_id).map(|e| e.id).collect())
    }

    fn submission(&self, entry: &DocumentEntry, attempt: &Attempt, replaced: &[ObjectId]) -> Submission {
        let approved = AvailabilityStatus::Approved;
        let association = |n: usize, kind, source: &ObjectId, target: &ObjectId| Association {
            id: symbolic(&format!("association-{n}")),
            kind,
            source: source.clone(),
            target: target.clone(),
            availability_status: approved,
            home_community_id: None,
            submission_set_status: None,
            documentation: None,
            extra: Vec::new(),
        };
        let set = SubmissionSet {
            id: attempt.set.clone(),
            availability_status: approved,
            home_community_id: None,
            title: entry.title.clone(),
            comments: model::Text::default(),
            authors: entry.authors.clone(),
            content_type_code: self.policy.content_type_code.clone(),
            patient_id: entry.patient_id.clone(),
            source_id: self.policy.source_id.clone(),
            unique_id: UniqueId::parse(&attempt.set_unique_id).unwrap_or_else(|_| entry.unique_id.clone()),
            submission_time: attempt.identity.created.clone(),
            intended_recipients: Vec::new(),
            extra: Vec::new(),
        };
        let mut member = association(0, AssociationType::HasMember, &set.id, &entry.id);
        member.submission_set_status = Some(SubmissionSetStatus::Original);
        let mut associations = vec![member];
        for (n, target) in replaced.iter().enumerate() {
            associations.push(association(n + 1, AssociationType::Rplc, &entry.id, target));
        }
        Submission { set, entries: vec![entry.clone()], folders: Vec::new(), associations }
    }
}

/// Who published a manifest.
fn institution(entry: &DocumentEntry) -> Option<&Xon> {
    entry.authors.iter().find_map(|author| author.institutions.first())
}

/// What is absent from an answer in which somebody was silent may be there all the same.
fn complete(found: &Found<DocumentEntry>) -> Result<(), Refusal> {
    match found.silent.first() {
        Some(silent) => {
            Err(Fault::PeerUnavailable { peer: silent.name.clone(), reason: silent.fault.to_string() }.into())
        }
        None => Ok(()),
    }
}

fn own_uid<T>(cx: &Cx, parse: fn(&str) -> Result<T, model::Invalid>) -> T {
    // 2.25 and a decimal number of at most 39 digits is a UID whatever the number.
    parse(&cx.identifiers.uid()).expect("a UID made from a UUID is well-formed")
}

fn symbolic(id: &str) -> ObjectId {
    ObjectId::parse(id).expect("a short literal is a symbolic id")
}

impl Attempt {
    /// Lines: version, revision, SOP UID, series UID, time, entryUUID, set UUID, set uniqueId, then instances.
    fn encode(&self) -> Vec<u8> {
        let mut lines = vec![
            "1".to_owned(),
            self.revision.to_string(),
            self.identity.sop_instance.to_string(),
            self.identity.series_instance.to_string(),
            self.identity.created.to_string(),
            self.identity.entry.to_string(),
            self.set.to_string(),
            self.set_unique_id.clone(),
        ];
        lines.extend(self.instances.iter().cloned());
        lines.join("\n").into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.lines();
        if lines.next()? != "1" {
            return None;
        }
        Some(Attempt {
            revision: lines.next()?.parse().ok()?,
            identity: ManifestIdentity {
                sop_instance: SopInstanceUid::parse(lines.next()?).ok()?,
                series_instance: SeriesInstanceUid::parse(lines.next()?).ok()?,
                created: Dtm::parse(lines.next()?).ok()?,
                entry: ObjectId::parse(lines.next()?).ok()?,
            },
            set: ObjectId::parse(lines.next()?).ok()?,
            set_unique_id: lines.next()?.to_owned(),
            instances: lines.map(str::to_owned).collect(),
        })
    }
}
