//! Peers that obey the contract of the waist until their script says otherwise, and a manifest maker without DICOM.

use crate::bench::Bench;
use crate::samples::*;
use actors::*;
use model::*;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use store::{Sha256, StoredInstance, StudyState};
use tokio::sync::Notify;

/// What a peer does with one call.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers.
    Answer,
    /// Never got it.
    LoseRequest,
    /// Did it; the answer got lost.
    LoseAnswer,
    /// Says no.
    Refuse(Fault),
    /// Does it, and never answers: for a crash of the caller. `Script::hung` tells when.
    HangAfter,
    /// Never answers, and does nothing.
    HangBefore,
    /// Does it when `FakeRepository::arrive` is called; the caller hears nothing.
    Late,
    /// Answers, with somebody silent behind it (queries only).
    Partly,
}

/// Acts of the calls to come; when it is empty, every call is answered.
#[derive(Default)]
pub struct Script {
    acts: Mutex<VecDeque<Act>>,
    pub hung: Notify,
}

impl Script {
    pub fn plan(&self, acts: impl IntoIterator<Item = Act>) {
        self.acts.lock().unwrap().extend(acts);
    }

    pub fn clear(&self) {
        self.acts.lock().unwrap().clear();
    }

    fn next(&self) -> Act {
        self.acts.lock().unwrap().pop_front().unwrap_or(Act::Answer)
    }
}

pub fn silence() -> Fault {
    Fault::PeerUnavailable { peer: "centre".into(), reason: "no answer".into() }
}

async fn hang<T>(script: &Script) -> T {
    script.hung.notify_one();
    std::future::pending().await
}

/// A remote registry.
pub struct FakeRegistry {
    pub real: DocumentRegistry,
    pub on_register: Script,
    pub on_find: Script,
    pub on_update: Script,
}

impl FakeRegistry {
    pub fn over(bench: &Bench) -> Arc<Self> {
        let (on_register, on_find, on_update) = Default::default();
        Arc::new(FakeRegistry { real: bench.registry(), on_register, on_find, on_update })
    }
}

impl Registry for FakeRegistry {
    fn register<'a>(&'a self, submission: Submission, cx: &'a Cx) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async move {
            match self.on_register.next() {
                Act::Answer | Act::Partly => self.real.register(submission, cx).await,
                Act::LoseRequest | Act::Late => Err(silence().into()),
                Act::LoseAnswer => {
                    let _ = self.real.register(submission, cx).await;
                    Err(silence().into())
                }
                Act::Refuse(fault) => Err(fault.into()),
                Act::HangAfter => {
                    let _ = self.real.register(submission, cx).await;
                    hang(&self.on_register).await
                }
                Act::HangBefore => hang(&self.on_register).await,
            }
        })
    }

    fn update<'a>(
        &'a self,
        submission: Submission,
        kind: UpdateKind,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async move {
            match self.on_update.next() {
                Act::Answer | Act::Partly => self.real.update(submission, kind, cx).await,
                Act::LoseRequest | Act::Late => Err(silence().into()),
                Act::LoseAnswer => {
                    let _ = self.real.update(submission, kind, cx).await;
                    Err(silence().into())
                }
                Act::Refuse(fault) => Err(fault.into()),
                Act::HangAfter => {
                    let _ = self.real.update(submission, kind, cx).await;
                    hang(&self.on_update).await
                }
                Act::HangBefore => hang(&self.on_update).await,
            }
        })
    }

    fn find<'a>(
        &'a self,
        query: &'a DocumentQuery,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<DocumentEntry>, Refusal>> {
        Box::pin(async move {
            match self.on_find.next() {
                Act::Answer => self.real.find(query, cx).await,
                Act::Refuse(fault) => Err(fault.into()),
                // The part that holds the documents is the silent one.
                Act::Partly => {
                    let silent = vec![SilentParty { name: "east".into(), fault: silence() }];
                    Ok(Found { items: Vec::new(), next: None, total: None, silent })
                }
                Act::HangAfter | Act::HangBefore => hang(&self.on_find).await,
                Act::LoseRequest | Act::LoseAnswer | Act::Late => Err(silence().into()),
            }
        })
    }

    fn associations<'a>(
        &'a self,
        ids: &'a [ObjectId],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<Association>, Refusal>> {
        self.real.associations(ids, cx)
    }
}

/// One call of `provide`.
pub struct Provided {
    pub submission: Submission,
    pub documents: Vec<(ObjectId, DocumentContent)>,
}

/// A remote repository; remembers what it was sent.
pub struct FakeRepository {
    real: DocumentRepository,
    pub on_provide: Script,
    pub sent: Mutex<Vec<Submission>>,
    late: Mutex<Vec<Provided>>,
}

impl FakeRepository {
    pub fn over(bench: &Bench) -> Arc<Self> {
        let real = bench.repository(RegisterAt::Local(bench.registry()));
        Arc::new(FakeRepository { real, on_provide: Script::default(), sent: Mutex::default(), late: Mutex::default() })
    }

    /// What was on its way all the time arrives.
    pub async fn arrive(&self, cx: &Cx) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for Provided { submission, documents } in late {
            let documents = documents.into_iter().map(|(entry_id, content)| ProvidedDocument { entry_id, content });
            let _ = self.real.provide(submission, documents.collect(), cx).await;
        }
    }

    pub fn times(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

impl Repository for FakeRepository {
    fn provide<'a>(
        &'a self,
        submission: Submission,
        documents: Vec<ProvidedDocument>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        self.sent.lock().unwrap().push(submission.clone());
        Box::pin(async move {
            match self.on_provide.next() {
                Act::Answer | Act::Partly => self.real.provide(submission, documents, cx).await,
                Act::LoseRequest => Err(silence().into()),
                Act::LoseAnswer => {
                    let _ = self.real.provide(submission, documents, cx).await;
                    Err(silence().into())
                }
                Act::Refuse(fault) => Err(fault.into()),
                Act::HangAfter => {
                    let _ = self.real.provide(submission, documents, cx).await;
                    hang(&self.on_provide).await
                }
                Act::HangBefore => hang(&self.on_provide).await,
                Act::Late => {
                    let documents = documents.into_iter().map(|d| (d.entry_id, d.content)).collect();
                    self.late.lock().unwrap().push(Provided { submission, documents });
                    Err(silence().into())
                }
            }
        })
    }

    fn retrieve<'a>(
        &'a self,
        requests: &'a [DocumentRequest],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Retrieved, Refusal>> {
        self.real.retrieve(requests, cx)
    }
}

/// A remote identity manager.
pub struct FakeIdentity {
    real: PatientIdentity,
    pub on_feed: Script,
}

impl FakeIdentity {
    pub fn over(bench: &Bench) -> Arc<Self> {
        let real = PatientIdentity::new(bench.store.clone(), oid(DOMAIN));
        Arc::new(FakeIdentity { real, on_feed: Script::default() })
    }
}

impl Identity for FakeIdentity {
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            match self.on_feed.next() {
                Act::Refuse(fault) => Err(fault.into()),
                Act::LoseRequest => Err(silence().into()),
                Act::LoseAnswer => {
                    let _ = self.real.feed(patient, news, cx).await;
                    Err(silence().into())
                }
                _ => self.real.feed(patient, news, cx).await,
            }
        })
    }

    fn merge<'a>(
        &'a self,
        survivor: &'a Patient,
        subsumed: &'a PatientId,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        self.real.merge(survivor, subsumed, cx)
    }

    fn find<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>> {
        self.real.find(id, cx)
    }

    fn survivor<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<Option<PatientId>, Refusal>> {
        self.real.survivor(id, cx)
    }

    fn search<'a>(&'a self, text: &'a str, limit: usize, cx: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        self.real.search(text, limit, cx)
    }
}

/// The slot in which [`FakeMaker`] tells what a manifest lists.
pub const LISTED_SLOT: &str = "urn:example:listed";

/// Makes documents that say which instances they list.
pub struct FakeMaker {
    pub institution: Xon,
    /// Why nothing can be made at the moment.
    pub trouble: Mutex<Option<NotPublishable>>,
    /// Whose the studies are, against what their instances said first; of another domain as `ID@DOMAIN`.
    pub patient: Mutex<Option<String>>,
    /// Instances whose files are gone.
    lost: Mutex<Vec<String>>,
}

impl FakeMaker {
    pub fn new(institution: &str) -> Arc<Self> {
        Arc::new(FakeMaker {
            institution: Xon::parse(institution).unwrap(),
            trouble: Mutex::new(None),
            patient: Mutex::new(None),
            lost: Mutex::default(),
        })
    }

    pub fn lose(&self, instances: &[&str]) {
        self.lost.lock().unwrap().extend(instances.iter().map(|uid| (*uid).to_owned()));
    }
}

impl ManifestMaker for FakeMaker {
    fn lost(&self, instances: &[StoredInstance]) -> Vec<SopInstanceUid> {
        let lost = self.lost.lock().unwrap();
        let gone = instances.iter().filter(|row| lost.iter().any(|uid| uid == row.instance.as_str()));
        gone.map(|row| row.instance.clone()).collect()
    }

    fn draft(
        &self,
        study: &StudyState,
        instances: &[StoredInstance],
        identity: &ManifestIdentity,
    ) -> Result<DraftManifest, NotPublishable> {
        if let Some(trouble) = self.trouble.lock().unwrap().clone() {
            return Err(trouble);
        }
        if instances.is_empty() {
            return Err(NotPublishable::NothingToList);
        }
        let patient_text = self.patient.lock().unwrap().clone().unwrap_or_else(|| study.patient_id.clone());
        let (text_of_id, domain) = patient_text.split_once('@').unwrap_or((&patient_text, DOMAIN));
        let id = PatientId::new(text_of_id, oid(domain));
        let instances: Vec<SopInstanceUid> = instances.iter().map(|i| i.instance.clone()).collect();
        let listed: Vec<String> = instances.iter().map(ToString::to_string).collect();
        let text = listed.join("\n");
        let author = Author { institutions: vec![self.institution.clone()], ..Author::default() };
        let entry = DocumentEntry {
            id: identity.entry.clone(),
            unique_id: UniqueId::from(&identity.sop_instance),
            patient_id: id.clone(),
            authors: vec![author],
            hash: None,
            size_octets: None,
            repository_unique_id: None,
            creation_time: Some(identity.created.clone()),
            reference_id_list: vec![ReferenceId::study(&study.study)],
            extra: vec![ExtraSlot { name: LISTED_SLOT.into(), values: listed }],
            ..entry("x", "2.25.1")
        };
        Ok(DraftManifest {
            document: format!("{} {}\n{text}", identity.sop_instance, identity.series_instance).into(),
            entry,
            patient: Patient { id, ..patient(&patient_text, "Doe", "Jane") },
            content: Sha256::of(text.as_bytes()),
            instances,
        })
    }
}
