//! What an operator asks a node: is it alive, is it ready, what waits and why. `/health/*` and `/metrics`.

use super::metrics::Metrics;
use actors::{Clock, Journal, PacsObserver, PeerReport, PeerState};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{JobState, MetadataStore, StoreError, StoreExt, StudySelect};

/// Most lines of one list.
const MOST: usize = 1000;

#[derive(Clone)]
pub struct Status {
    pub node: String,
    pub store: Arc<dyn MetadataStore>,
    pub clock: Arc<dyn Clock>,
    /// Name and address of every peer.
    pub peers: Vec<(String, String)>,
    pub metrics: Arc<Metrics>,
    pub journal: Arc<Journal>,
    /// The PACS behind this node.
    pub pacs: Option<ObservedPacs>,
}

/// A PACS and who looks at it.
#[derive(Clone)]
pub struct ObservedPacs {
    pub name: String,
    pub observer: Arc<PacsObserver>,
}

impl ObservedPacs {
    async fn report(&self) -> Result<Value, StoreError> {
        let sync = self.observer.sync().await?;
        Ok(json!({
            "name": self.name,
            "manifests_out_of_sync": sync.out_of_sync,
            "polled_at": sync.polled_at.map(seconds),
            "fault": sync.fault.map(|fault| fault.to_string()),
        }))
    }
}

impl Status {
    pub fn router(self) -> Router {
        Router::new()
            .route("/health/live", get(|| async { "live\n" }))
            .route("/health/ready", get(ready))
            .route("/health/status", get(status))
            .route("/health/replay", post(replay))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

async fn ready(State(status): State<Status>) -> Response {
    match status.store.read(|tx| tx.counts()).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            let error: StoreError = error;
            (StatusCode::SERVICE_UNAVAILABLE, format!("the store does not answer: {error}\n")).into_response()
        }
    }
}

async fn status(State(status): State<Status>) -> Response {
    let report = async {
        let mut report = report(&status).await?;
        if let Some(pacs) = &status.pacs {
            report["pacs"] = pacs.report().await?;
        }
        Ok::<_, StoreError>(report)
    };
    match report.await {
        Ok(report) => Json(report).into_response(),
        Err(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("the store does not answer: {error}\n")).into_response()
        }
    }
}

async fn report(status: &Status) -> Result<Value, StoreError> {
    let node = status.node.clone();
    let peers: Vec<Value> =
        status.peers.iter().map(|(name, address)| peer(&status.journal.peer(name, address))).collect();
    status
        .store
        .read(move |tx| {
            let counts = tx.counts()?;
            let studies = tx.studies(StudySelect::All, MOST)?;
            let published = studies.iter().filter(|s| s.publication.is_some() && !s.is_dirty()).count();
            let waiting: Vec<Value> = studies
                .iter()
                .filter(|s| s.is_dirty() && s.held.is_none())
                .map(|s| json!({"study": s.study.as_str(), "instances": s.instances, "since": seconds(s.last_received_at)}))
                .collect();
            let held: Vec<Value> = studies
                .iter()
                .filter_map(|s| {
                    let reason = s.held.as_ref()?;
                    Some(json!({"study": s.study.as_str(), "reason": reason, "since": seconds(s.last_received_at)}))
                })
                .collect();
            let held_instances: Vec<Value> = tx
                .held_instances(MOST)?
                .iter()
                .map(|i| {
                    json!({"study": i.study.as_str(), "instance": i.instance.as_str(), "calling_ae": i.calling_ae,
                        "reason": i.held, "since": seconds(i.received_at)})
                })
                .collect();
            let mut jobs = Vec::new();
            for state in [JobState::Running, JobState::Queued, JobState::Failed] {
                for job in tx.jobs(Some(state), MOST)? {
                    jobs.push(json!({"id": job.id, "kind": job.kind, "key": job.key, "state": name(job.state),
                        "attempts": job.attempts, "next_at": seconds(job.next_at), "error": job.last_error}));
                }
            }
            Ok(json!({
                "node": node,
                "studies": {"published": published, "waiting": waiting, "held": held},
                "held_instances": held_instances,
                "jobs": jobs,
                "peers": peers,
                "counts": {
                    "entries": counts.entries, "submission_sets": counts.submission_sets, "folders": counts.folders,
                    "associations": counts.associations, "patients": counts.patients, "documents": counts.documents,
                    "studies": counts.studies, "instances": counts.instances,
                    "jobs_waiting": counts.jobs_waiting, "jobs_failed": counts.jobs_failed,
                },
            }))
        })
        .await
}

/// A peer as the node's calls found it; a key is there when something is known.
fn peer(report: &PeerReport) -> Value {
    let (state, since) = match report.state {
        PeerState::NotCalled => ("not called yet", None),
        PeerState::Answers => ("answers", None),
        PeerState::Silent { since } => ("does not answer", Some(seconds(since))),
    };
    let mut value = json!({"name": report.name, "url": report.address, "state": state});
    let known = [
        ("since", since.map(Value::from)),
        ("last_success", report.last_success.map(|at| seconds(at).into())),
        ("last_error", report.last_error.as_ref().map(|(_, words)| words.as_str().into())),
    ];
    for (key, known) in known {
        if let Some(known) = known {
            value[key] = known;
        }
    }
    value
}

fn seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

fn name(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Failed => "failed",
        JobState::Done => "done",
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    id: Option<i64>,
    #[serde(default)]
    all: bool,
}

/// Queues failed jobs again; with `all`, held studies are looked at again too.
async fn replay(State(status): State<Status>, Json(wanted): Json<Replay>) -> Response {
    if wanted.id.is_none() && !wanted.all {
        return (StatusCode::BAD_REQUEST, "expected {\"id\": N} or {\"all\": true}\n").into_response();
    }
    let now = status.clock.now_unix_micros();
    let replayed: Result<usize, StoreError> = status
        .store
        .write(move |tx| {
            let mut count = tx.replay(wanted.id, now)?;
            if wanted.all {
                for study in tx.studies(StudySelect::Held, MOST)? {
                    tx.hold_study(&study.study, None)?;
                    tx.touch_study(&study.study, now)?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await;
    match replayed {
        Ok(count) => Json(json!({ "replayed": count })).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("the store refused: {error}\n")).into_response(),
    }
}

async fn metrics(State(status): State<Status>) -> Response {
    let counted = async {
        let counts = status.store.read(|tx| tx.counts()).await?;
        match &status.pacs {
            Some(pacs) => status.metrics.observed(&pacs.observer.sync().await?),
            None => status.metrics.apart(actors::out_of_sync(&*status.store).await?),
        }
        Ok::<_, StoreError>(counts)
    };
    let counts = match counted.await {
        Ok(counts) => counts,
        Err(error) => {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("the store does not answer: {error}\n")).into_response();
        }
    };
    for (name, address) in &status.peers {
        status.metrics.peer(&status.journal.peer(name, address));
    }
    let text = status.metrics.text(&counts);
    ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}
