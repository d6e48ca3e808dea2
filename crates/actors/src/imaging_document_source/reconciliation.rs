//! Keeping manifests true: one published study after the other is compared with the registry and with what is stored. What
//! is gone here leaves the manifest; a manifest that is not current there any more is held for somebody to decide.
//! Source: spec/dicom.md section 6.

use super::{ATTEMPT, ImagingDocumentSource, LISTED, LONGEST_WAIT, UNKNOWN_CONTENT, complete};
use crate::flows::{self, FlowEvent, FlowEventKind, Obstacle};
use crate::{Cx, Refusal};
use model::{AvailabilityStatus, DocumentQuery, SopInstanceUid, StudyInstanceUid};
use std::sync::{Mutex, PoisonError};
use store::{
    InstanceSelect, MetadataStore, Publication, StoreError, StoreExt, StoredInstance, StudySelect, StudyState,
};

/// Most studies that are counted.
const MOST: usize = 100_000;

const NOTHING_THERE: &str = "none of this study's files is in the archive any more; see that its folder is mounted, then \
    `manifold replay`, or delete the study here so that its manifest is withdrawn";

/// Where the walk over the studies is.
#[derive(Debug, Default)]
pub struct Reconciliation(Mutex<Walk>);

#[derive(Debug, Default)]
struct Walk {
    /// The study that was looked at last; empty at the begin of a round.
    after: String,
    /// Unix microseconds.
    next_at: i64,
}

/// A published study and what was found of it.
struct Looked {
    state: StudyState,
    instances: Vec<StoredInstance>,
    /// There is a manifest that the registry is supposed to show.
    listed: bool,
}

/// Published studies whose manifest is not known to be true: changed or held since.
pub async fn out_of_sync(store: &dyn MetadataStore) -> Result<usize, StoreError> {
    let studies = store.read(|tx| {
        let mut studies = tx.studies(StudySelect::Due { quiet_before: i64::MAX, changed_before: i64::MAX }, MOST)?;
        studies.extend(tx.studies(StudySelect::Held, MOST)?);
        Ok::<_, StoreError>(studies)
    });
    Ok(studies.await?.iter().filter(|study| study.publication.is_some()).count())
}

impl ImagingDocumentSource {
    /// Looks at the next published study when it is time. Shape: how long until the next, microseconds.
    pub(super) async fn reconcile(&self, cx: &Cx) -> i64 {
        let pace = self.policy.reconcile_micros;
        if pace <= 0 {
            return LONGEST_WAIT;
        }
        let now = cx.now_unix_micros();
        let after = {
            let mut walk = self.walk();
            if walk.next_at > now {
                return walk.next_at - now;
            }
            walk.next_at = now + pace;
            walk.after.clone()
        };
        match self.next_settled(after).await {
            Ok(Some(looked)) => {
                self.walk().after = looked.state.study.to_string();
                if let Err(refusal) = self.compare(looked, cx).await {
                    // Who does not answer has said nothing of the study; the next round asks again.
                    tracing::debug!(
                        request_id = cx.request_id,
                        ?refusal,
                        "a manifest was not compared with the registry"
                    );
                }
            }
            // The round is over.
            Ok(None) => self.walk().after.clear(),
            Err(error) => tracing::error!(request_id = cx.request_id, %error, "cannot look for studies to compare"),
        }
        pace
    }

    fn walk(&self) -> std::sync::MutexGuard<'_, Walk> {
        self.reconciliation.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next_settled(&self, after: String) -> Result<Option<Looked>, StoreError> {
        self.store
            .read(move |tx| {
                let Some(state) = tx.studies(StudySelect::Settled { after: &after }, 1)?.pop() else { return Ok(None) };
                let instances = tx.instances(InstanceSelect::Study(&state.study))?;
                let listed = tx.state(LISTED, state.study.as_str())?.is_some();
                Ok(Some(Looked { state, instances, listed }))
            })
            .await
    }

    async fn compare(&self, looked: Looked, cx: &Cx) -> Result<(), Refusal> {
        let Looked { state, instances, listed } = looked;
        let failed = |error: StoreError| crate::store_faults::storage(error, &cx.request_id);
        let kept: Vec<StoredInstance> = instances.into_iter().filter(|instance| instance.held.is_none()).collect();
        let Some(publication) = &state.publication else { return Ok(()) };
        let (maker, count) = (self.maker.clone(), kept.len());
        let lost = tokio::task::spawn_blocking(move || maker.lost(&kept)).await.unwrap_or_default();
        if !lost.is_empty() && lost.len() == count {
            // More likely a folder that is not mounted than a study that is gone: nothing is withdrawn by itself.
            return self.hold(&state, publication, NOTHING_THERE, cx).await.map_err(failed);
        }
        if !lost.is_empty() {
            return self.leave_out(&state.study, lost, cx).await.map_err(failed);
        }
        let query = DocumentQuery { unique_ids: vec![publication.manifest.clone()], ..DocumentQuery::default() };
        let found = self.registry.find(&query, cx).await?;
        let Some(reason) = difference(found.items.first().map(|entry| entry.availability_status), listed) else {
            return Ok(());
        };
        if found.items.is_empty() {
            complete(&found)?;
        }
        self.hold(&state, publication, reason, cx).await.map_err(failed)
    }

    /// Instances whose files are gone are promised to nobody any more.
    async fn leave_out(&self, study: &StudyInstanceUid, lost: Vec<SopInstanceUid>, cx: &Cx) -> Result<(), StoreError> {
        tracing::error!(
            request_id = cx.request_id,
            study = study.as_str(),
            lost = lost.len(),
            "stored instances are gone"
        );
        let (study, now) = (study.clone(), cx.now_unix_micros());
        self.store
            .write(move |tx| {
                for instance in &lost {
                    tx.hold_instance(&study, instance, Some("its file is gone from the archive"))?;
                }
                tx.touch_study(&study, now)
            })
            .await
    }

    /// Somebody has changed at the registry what this source published; whether on purpose only a person can say.
    async fn hold(
        &self,
        seen: &StudyState,
        publication: &Publication,
        reason: &'static str,
        cx: &Cx,
    ) -> Result<(), StoreError> {
        let (request_id, now) = (cx.request_id.clone(), cx.now_unix_micros());
        let (seen, publication) = (seen.clone(), publication.clone());
        self.store
            .write(move |tx| {
                let as_seen = tx.study(&seen.study)?.is_some_and(|now| now == seen);
                if !as_seen || tx.state(ATTEMPT, seen.study.as_str())?.is_some() {
                    return Ok(());
                }
                tracing::warn!(request_id, study = %seen.study, manifest = %publication.manifest, reason, "out of sync");
                // When it goes on, it is published anew, though nothing of it has changed here.
                let publication = Publication { content_hash: UNKNOWN_CONTENT, ..publication };
                tx.mark_published(&seen.study, seen.revision, Some(&publication))?;
                tx.hold_study(&seen.study, Some(reason))?;
                if flows::meet(tx, &seen.study, Obstacle::held(reason, now))? {
                    let held = FlowEvent::study(FlowEventKind::Held, &seen.study, now);
                    flows::record(tx, &FlowEvent { words: Some(reason.to_owned()), ..held })?;
                }
                Ok(())
            })
            .await
    }
}

/// Why what the registry says of a manifest is not what was published. `listed`: it is supposed to be current.
fn difference(status: Option<AvailabilityStatus>, listed: bool) -> Option<&'static str> {
    match (status, listed) {
        (Some(AvailabilityStatus::Approved), true) | (Some(AvailabilityStatus::Deprecated) | None, false) => None,
        (None, true) => Some(
            "the registry does not have this study's manifest any more; `manifold replay` publishes it anew, or remove the study here",
        ),
        (Some(_), true) => Some(
            "this study's manifest is deprecated at the registry, not by this source; `manifold replay` publishes it anew",
        ),
        (Some(_), false) => {
            Some("the registry shows a manifest of this study that was withdrawn; `manifold replay` looks at it again")
        }
    }
}
