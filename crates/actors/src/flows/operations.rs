//! The questions and the one command of an operator, over the node's own store.

use super::{FlowEvent, FlowEventKind, Journal, MINUTES, Obstacle, ObstacleKind, accessions, events, obstacle};
use crate::imaging_document_source::{JOB, LISTED};
use crate::store_faults::{internal, storage};
use crate::{Cx, Fault, PacsObserver, UnreadStudy};
use model::{SopInstanceUid, StudyInstanceUid, UniqueId};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{
    Counts, InstanceSelect, JobState, MetadataStore, ReadTx, StageCounts, StoreError, StoreExt, StudyListing,
    StudyStage, StudyState, WriteTx,
};

/// Instances held back that are listed.
const MOST_HELD: usize = 20;
/// Studies that one command tries again.
const MOST_RETRIED: usize = 10_000;

/// Where a study is on its way to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Until it has been quiet for long enough: at the earliest at this time, unix microseconds.
    Waiting {
        due_at: Option<i64>,
    },
    /// A manifest is being made or sent, or will be within a moment.
    UnderWay,
    /// The last attempt failed; the next is at this time.
    Retrying {
        obstacle: Obstacle,
        attempts: u32,
        next_at: i64,
    },
    /// Given up until somebody acts.
    Failed {
        obstacle: Obstacle,
        attempts: u32,
    },
    /// Not tried until somebody acts.
    Held {
        obstacle: Obstacle,
    },
    Published {
        at: i64,
        manifest: UniqueId,
    },
    /// Its manifest was taken back: nothing of it is left to list.
    Withdrawn {
        at: i64,
    },
    /// There was nothing to publish.
    Nothing,
}

impl Progress {
    pub fn stage(&self) -> StudyStage {
        match self {
            Progress::Waiting { .. } | Progress::UnderWay => StudyStage::Waiting,
            Progress::Retrying { .. } | Progress::Failed { .. } | Progress::Held { .. } => StudyStage::Stuck,
            Progress::Published { .. } | Progress::Withdrawn { .. } | Progress::Nothing => StudyStage::Settled,
        }
    }
}

/// A study on its way. Debug shows no patient.
#[derive(Clone, PartialEq, Eq)]
pub struct StudyFlow {
    pub study: StudyInstanceUid,
    /// Of its first instance.
    pub accession: Option<String>,
    /// (0010,0020) of its first instance.
    pub patient_id: String,
    /// OID; empty when unknown.
    pub patient_issuer: String,
    pub calling_ae: String,
    pub instances: u64,
    pub size_octets: u64,
    /// Unix microseconds.
    pub first_received_at: i64,
    pub last_received_at: i64,
    pub progress: Progress,
}

impl std::fmt::Debug for StudyFlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StudyFlow({} {:?})", self.study, self.progress)
    }
}

/// An instance that is stored and not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldInstance {
    pub study: StudyInstanceUid,
    pub instance: SopInstanceUid,
    pub calling_ae: String,
    pub reason: String,
    pub received_at: i64,
}

/// Which studies a list shows.
#[derive(Clone, Debug, Default)]
pub struct FlowQuery {
    /// A Study Instance UID, an accession number, a patient id or an AE title, whole; empty for every study.
    pub text: String,
    pub stage: Option<StudyStage>,
    /// Goes on behind this study.
    pub before: Option<StudyInstanceUid>,
    pub limit: usize,
}

/// Part of a list, latest arrival first.
#[derive(Clone, Debug, Default)]
pub struct FlowPage {
    pub studies: Vec<StudyFlow>,
    /// There are more behind the last one.
    pub more: bool,
}

/// Per minute of the last hour, oldest first.
#[derive(Clone, Debug)]
pub struct Throughput {
    pub started_at: i64,
    pub received: [u32; MINUTES],
    pub published: [u32; MINUTES],
    pub failed: [u32; MINUTES],
    pub answered: [u32; MINUTES],
}

/// Everything at a glance.
#[derive(Clone, Debug)]
pub struct FlowOverview {
    pub stages: StageCounts,
    pub counts: Counts,
    /// The studies that are stuck, those that came first first; at most as many as asked for.
    pub stuck: Vec<StudyFlow>,
    /// Instances that are stored and not published, newest first; a few.
    pub held_instances: Vec<HeldInstance>,
    /// Newest first.
    pub events: Vec<FlowEvent>,
    pub throughput: Throughput,
}

/// One study with what happened to it.
#[derive(Clone, Debug)]
pub struct StudyRecord {
    pub flow: StudyFlow,
    pub held_instances: Vec<HeldInstance>,
    /// Newest first.
    pub history: Vec<FlowEvent>,
}

/// What became of a wish to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It is tried now.
    Now,
    /// It was being tried already.
    UnderWay,
}

/// Why a study is not tried again.
#[derive(Clone, Debug, PartialEq)]
pub enum RetryRefusal {
    UnknownStudy,
    /// Nothing is in its way.
    NotStuck(Box<Progress>),
    Fault(Fault),
}

/// An operator's view of one node.
#[derive(Clone)]
pub struct Operations {
    pub store: Arc<dyn MetadataStore>,
    pub journal: Arc<Journal>,
    /// Quiet time of the node's imaging source, microseconds; absent where there is none.
    pub quiet_micros: Option<Arc<AtomicI64>>,
    /// The PACS behind the node: studies that it does not let be read are stuck too.
    pub pacs: Option<Arc<PacsObserver>>,
}

impl Operations {
    /// The numbers, what is stuck and what happened. `also` are studies that the reader has before him: they are in the
    /// list of the stuck ones although they may be so no more.
    pub async fn overview(
        &self,
        stuck: usize,
        also: Vec<StudyInstanceUid>,
        events: usize,
        cx: &Cx,
    ) -> Result<FlowOverview, Fault> {
        let (this, now, journal) = (self.clone(), cx.now_unix_micros(), self.journal.clone());
        let throughput = Throughput {
            started_at: journal.started_at,
            received: journal.received.last_hour(now),
            published: journal.published.last_hour(now),
            failed: journal.failed.last_hour(now),
            answered: journal.answered.last_hour(now),
        };
        let read: Result<FlowOverview, StoreError> = self
            .store
            .read(move |tx| {
                let listing = StudyListing { stage: Some(StudyStage::Stuck), ..StudyListing::default() };
                let mut flows = Vec::new();
                for state in tx.list_studies(&listing, JOB, stuck)? {
                    flows.push(this.flow(tx, state, now)?);
                }
                let mut stages = tx.stage_counts(JOB)?;
                for (before, flow) in this.unread(tx, now)? {
                    match before {
                        Some(StudyStage::Waiting) => stages.waiting = stages.waiting.saturating_sub(1),
                        Some(StudyStage::Settled) => stages.settled = stages.settled.saturating_sub(1),
                        Some(StudyStage::Stuck) | None => {}
                    }
                    stages.stuck += 1;
                    flows.push(flow);
                }
                flows.truncate(stuck);
                for study in also {
                    if flows.iter().all(|flow| flow.study != study)
                        && let Some(state) = tx.study(&study)?
                    {
                        flows.push(this.flow(tx, state, now)?);
                    }
                }
                flows.sort_by_key(|flow| flow.first_received_at);
                Ok(FlowOverview {
                    stages,
                    counts: tx.counts()?,
                    stuck: flows,
                    held_instances: held(tx, None)?,
                    events: events::recent(tx, events)?,
                    throughput,
                })
            })
            .await;
        read.map_err(|e| internal(e, &cx.request_id).first().clone())
    }

    /// A list of studies.
    pub async fn studies(&self, query: FlowQuery, cx: &Cx) -> Result<FlowPage, Fault> {
        let (this, now) = (self.clone(), cx.now_unix_micros());
        let read: Result<FlowPage, StoreError> = self
            .store
            .read(move |tx| {
                let FlowQuery { text, stage, before, limit } = query;
                let listing = StudyListing { stage, before: before.clone(), ..StudyListing::default() };
                let mut studies = Vec::new();
                if before.is_none() && matches!(stage, None | Some(StudyStage::Stuck)) {
                    let unread = this.unread(tx, now)?.into_iter().map(|(_, flow)| flow);
                    studies.extend(unread.filter(|flow| text.is_empty() || text == flow.study.as_str()).take(limit));
                }
                if !text.is_empty() {
                    let mut named = accessions::find(tx, &text, limit)?;
                    named.extend(StudyInstanceUid::parse(&text));
                    named.retain(|_| before.is_none());
                    for study in named {
                        let Some(state) = tx.study(&study)? else { continue };
                        let flow = this.flow(tx, state, now)?;
                        let is_new = studies.iter().all(|known: &StudyFlow| known.study != flow.study);
                        if is_new && stage.is_none_or(|stage| stage == flow.progress.stage()) {
                            studies.push(flow);
                        }
                    }
                }
                let found = match text.is_empty() {
                    true => tx.list_studies(&listing, JOB, limit + 1)?,
                    false => {
                        let of_patient = StudyListing { patient_id: Some(text.clone()), ..StudyListing::default() };
                        match tx.list_studies(&of_patient, JOB, 1)?.is_empty() {
                            false => {
                                let listing = StudyListing { patient_id: Some(text), ..listing };
                                tx.list_studies(&listing, JOB, limit + 1)?
                            }
                            true => {
                                let listing = StudyListing { calling_ae: Some(text), ..listing };
                                tx.list_studies(&listing, JOB, limit + 1)?
                            }
                        }
                    }
                };
                let more = found.len() > limit;
                for state in found.into_iter().take(limit) {
                    if studies.iter().all(|known| known.study != state.study) {
                        studies.push(this.flow(tx, state, now)?);
                    }
                }
                Ok(FlowPage { studies, more })
            })
            .await;
        read.map_err(|e| internal(e, &cx.request_id).first().clone())
    }

    /// One study and its history.
    pub async fn study(&self, study: &StudyInstanceUid, cx: &Cx) -> Result<Option<StudyRecord>, Fault> {
        let (this, now, study) = (self.clone(), cx.now_unix_micros(), study.clone());
        let read: Result<Option<StudyRecord>, StoreError> = self
            .store
            .read(move |tx| {
                let flow = match tx.study(&study)? {
                    Some(state) => this.flow(tx, state, now)?,
                    None => match this.pacs.as_ref().and_then(|pacs| pacs.unread_one(&study)) {
                        Some(unread) => this.unread_flow(unread),
                        None => return Ok(None),
                    },
                };
                let (held_instances, history) = (held(tx, Some(&study))?, events::history(tx, &study)?);
                Ok(Some(StudyRecord { flow, held_instances, history }))
            })
            .await;
        read.map_err(|e| internal(e, &cx.request_id).first().clone())
    }

    /// Tries a study that is stuck again, now and as if it were the first time. `who` asks, for the history.
    pub async fn retry(&self, study: &StudyInstanceUid, who: &str, cx: &Cx) -> Result<Retried, RetryRefusal> {
        let (this, now, study, who) = (self.clone(), cx.now_unix_micros(), study.clone(), who.to_owned());
        let written: Result<Result<Retried, RetryRefusal>, StoreError> = self
            .store
            .write(move |tx| {
                if let Some(pacs) = this.pacs.as_ref().filter(|pacs| pacs.unread_one(&study).is_some()) {
                    pacs.look_at(study.clone());
                    events::record(tx, &retried(&study, &who, now))?;
                    return Ok(Ok(Retried::Now));
                }
                let Some(state) = tx.study(&study)? else { return Ok(Err(RetryRefusal::UnknownStudy)) };
                let flow = this.flow(tx, state, now)?;
                if flow.progress.stage() != StudyStage::Stuck {
                    return Ok(Err(RetryRefusal::NotStuck(Box::new(flow.progress))));
                }
                Ok(Ok(again(tx, &flow, &who, now)?))
            })
            .await;
        let failed = |e| RetryRefusal::Fault(storage(e, &cx.request_id).first().clone());
        written.map_err(failed)?
    }

    /// Tries everything that is stuck again. Shape: how many studies.
    pub async fn retry_all(&self, who: &str, cx: &Cx) -> Result<Vec<StudyInstanceUid>, Fault> {
        let (this, now, who) = (self.clone(), cx.now_unix_micros(), who.to_owned());
        let written: Result<Vec<StudyInstanceUid>, StoreError> = self
            .store
            .write(move |tx| {
                let listing = StudyListing { stage: Some(StudyStage::Stuck), ..StudyListing::default() };
                let mut retried = Vec::new();
                if let Some(pacs) = &this.pacs {
                    for unread in pacs.unread() {
                        pacs.look_at(unread.study.clone());
                        retried.push(unread.study);
                    }
                }
                for state in tx.list_studies(&listing, JOB, MOST_RETRIED)? {
                    let flow = this.flow(tx, state, now)?;
                    if again(tx, &flow, &who, now)? == Retried::Now {
                        retried.push(flow.study);
                    }
                }
                Ok(retried)
            })
            .await;
        written.map_err(|e| storage(e, &cx.request_id).first().clone())
    }

    fn flow<T: ReadTx + ?Sized>(&self, tx: &T, state: StudyState, now: i64) -> Result<StudyFlow, StoreError> {
        let mut progress = self.progress(tx, &state, now)?;
        if progress.stage() != StudyStage::Stuck
            && let Some(unread) = self.pacs.as_ref().and_then(|pacs| pacs.unread_one(&state.study))
        {
            progress = unread_progress(unread);
        }
        Ok(StudyFlow {
            accession: accessions::of(tx, &state.study)?,
            study: state.study,
            patient_id: state.patient_id,
            patient_issuer: state.patient_issuer,
            calling_ae: state.calling_ae,
            instances: state.instances,
            size_octets: state.size_octets,
            first_received_at: state.first_received_at,
            last_received_at: state.last_received_at,
            progress,
        })
    }

    /// Studies that cannot be read from the PACS, beyond those that are stuck in the store: where they are in it, if they
    /// are, and how they are shown.
    fn unread<T: ReadTx + ?Sized>(&self, tx: &T, now: i64) -> Result<Vec<(Option<StudyStage>, StudyFlow)>, StoreError> {
        let Some(pacs) = &self.pacs else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for unread in pacs.unread() {
            match tx.study(&unread.study)? {
                None => all.push((None, self.unread_flow(unread))),
                Some(state) => match self.progress(tx, &state, now)?.stage() {
                    StudyStage::Stuck => {}
                    stage => all.push((Some(stage), self.flow(tx, state, now)?)),
                },
            }
        }
        Ok(all)
    }

    /// A study of which nothing has been read.
    fn unread_flow(&self, unread: UnreadStudy) -> StudyFlow {
        StudyFlow {
            study: unread.study.clone(),
            accession: None,
            patient_id: String::new(),
            patient_issuer: String::new(),
            calling_ae: self.pacs.as_ref().map(|pacs| pacs.ae_title().to_owned()).unwrap_or_default(),
            instances: 0,
            size_octets: 0,
            first_received_at: unread.since,
            last_received_at: unread.since,
            progress: unread_progress(unread),
        }
    }

    fn progress<T: ReadTx + ?Sized>(&self, tx: &T, state: &StudyState, now: i64) -> Result<Progress, StoreError> {
        let noted = || obstacle::met(tx, &state.study);
        if let Some(reason) = &state.held {
            // One that was held by a version that noted no obstacle is as old as its last instance.
            let held = Obstacle::held(reason, state.last_received_at);
            let noted = noted()?.filter(|noted| noted.kind == ObstacleKind::Held);
            return Ok(Progress::Held { obstacle: noted.unwrap_or(held) });
        }
        if let Some(job) = tx.job_about(JOB, state.study.as_str())? {
            let Some(words) = job.last_error else { return Ok(Progress::UnderWay) };
            let obstacle = noted()?.unwrap_or(Obstacle {
                since: job.created_at,
                at: job.updated_at,
                kind: ObstacleKind::Other,
                party: None,
                code: None,
                words,
            });
            let attempts = job.attempts;
            return Ok(match job.state {
                JobState::Failed => Progress::Failed { obstacle, attempts },
                JobState::Queued | JobState::Running | JobState::Done => {
                    let next_at = if job.state == JobState::Queued { job.next_at.max(now) } else { now };
                    Progress::Retrying { obstacle, attempts, next_at }
                }
            });
        }
        if state.is_dirty() {
            let quiet = self.quiet_micros.as_ref().map(|quiet| quiet.load(Ordering::Relaxed));
            let due_at = quiet.map(|quiet| state.last_received_at.saturating_add(quiet));
            return Ok(match due_at {
                Some(at) if at <= now => Progress::UnderWay,
                due_at => Progress::Waiting { due_at },
            });
        }
        Ok(match &state.publication {
            None => Progress::Nothing,
            Some(publication) => match tx.state(LISTED, state.study.as_str())? {
                Some(_) => Progress::Published { at: publication.published_at, manifest: publication.manifest.clone() },
                None => Progress::Withdrawn { at: state.last_received_at },
            },
        })
    }
}

/// Queues the study's job, or lets a held study go on, and notes who wanted it.
fn again(tx: &mut dyn WriteTx, flow: &StudyFlow, who: &str, now: i64) -> Result<Retried, StoreError> {
    if matches!(flow.progress, Progress::Held { .. }) {
        tx.hold_study(&flow.study, None)?;
        if let Some(state) = tx.study(&flow.study)? {
            tx.enqueue(&crate::imaging_document_source::job(&state, now))?;
        }
    } else if let Some(job) = tx.job_about(JOB, flow.study.as_str())?
        && tx.replay(Some(job.id), now)? == 0
    {
        return Ok(Retried::UnderWay);
    }
    events::record(tx, &retried(&flow.study, who, now))?;
    Ok(Retried::Now)
}

fn retried(study: &StudyInstanceUid, who: &str, now: i64) -> FlowEvent {
    let who = Some(who.to_owned()).filter(|who| !who.is_empty());
    FlowEvent { who, ..FlowEvent::study(FlowEventKind::Retried, study, now) }
}

fn unread_progress(unread: UnreadStudy) -> Progress {
    let UnreadStudy { since, again, fault, .. } = unread;
    let obstacle = Obstacle { since, ..Obstacle::of(&fault.into(), since) };
    Progress::Retrying { obstacle, attempts: 0, next_at: again }
}

fn held<T: ReadTx + ?Sized>(tx: &T, study: Option<&StudyInstanceUid>) -> Result<Vec<HeldInstance>, StoreError> {
    let instances = match study {
        Some(study) => tx.instances(InstanceSelect::Study(study))?,
        None => tx.held_instances(MOST_HELD)?,
    };
    let of = |i: store::StoredInstance| {
        let (study, instance, calling_ae, received_at) = (i.study, i.instance, i.calling_ae, i.received_at);
        Some(HeldInstance { study, instance, calling_ae, reason: i.held?, received_at })
    };
    Ok(instances.into_iter().filter_map(of).take(MOST_HELD).collect())
}
