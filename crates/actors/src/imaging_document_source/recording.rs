//! What became of one attempt to publish: the study's state, its job and what an operator is told, in one transaction.
//! Source: design section 5 (durable outbox), section 10.

use super::{ATTEMPT, ImagingDocumentSource, LISTED, MICROS, Step};
use crate::flows::{self, FlowEvent, FlowEventKind, Obstacle};
use crate::{Cx, Refusal};
use model::{SopInstanceUid, StudyInstanceUid, UniqueId};
use store::{Job, Publication, StoreError, StoreExt};

impl ImagingDocumentSource {
    pub(super) async fn record(
        &self,
        job: &Job,
        study: &StudyInstanceUid,
        step: Step,
        cx: &Cx,
    ) -> Result<(), StoreError> {
        let (job_id, attempts, study) = (job.id, job.attempts, study.clone());
        let now = cx.now_unix_micros();
        let request_id = cx.request_id.clone();
        let minutes = match &step {
            Step::Published { .. } | Step::Withdrawn { .. } => Some(&self.journal.published),
            Step::Held(_) | Step::Refused(_) => Some(&self.journal.failed),
            Step::Unchanged { .. } => None,
        };
        let written = self.store.write(move |tx| {
            let key = study.as_str();
            let event = |kind, words: String| FlowEvent { words: Some(words), ..FlowEvent::study(kind, &study, now) };
            match step {
                Step::Published { attempt, content, listed, entry } => {
                    let replaces = tx.state(LISTED, key)?.is_some();
                    let publication = Publication {
                        manifest: UniqueId::from(&attempt.identity.sop_instance),
                        entry: Some(entry),
                        content_hash: content,
                        published_at: now,
                    };
                    tx.mark_published(&study, attempt.revision, Some(&publication))?;
                    let listed: Vec<&str> = listed.iter().map(SopInstanceUid::as_str).collect();
                    tx.put_state(LISTED, key, Some(listed.join("\n").as_bytes()))?;
                    tx.put_state(ATTEMPT, key, None)?;
                    tx.complete(job_id, now)?;
                    flows::clear(tx, &study)?;
                    let kind = if replaces { FlowEventKind::Replaced } else { FlowEventKind::Published };
                    flows::record(tx, &event(kind, publication.manifest.to_string()))?;
                    tracing::info!(request_id, study = key, manifest = %publication.manifest, "manifest published");
                }
                Step::Unchanged { revision } => {
                    if revision > 0 {
                        tx.mark_published(&study, revision, None)?;
                    }
                    tx.complete(job_id, now)?;
                    flows::clear(tx, &study)?;
                }
                Step::Withdrawn { revision, publication } => {
                    tx.mark_published(&study, revision, Some(&publication))?;
                    tx.put_state(LISTED, key, None)?;
                    tx.complete(job_id, now)?;
                    flows::clear(tx, &study)?;
                    flows::record(tx, &event(FlowEventKind::Withdrawn, publication.manifest.to_string()))?;
                }
                Step::Held(reason) => {
                    tracing::warn!(request_id, study = key, reason, "study held");
                    tx.hold_study(&study, Some(&reason))?;
                    tx.complete(job_id, now)?;
                    if flows::meet(tx, &study, Obstacle::held(&reason, now))? {
                        flows::record(tx, &event(FlowEventKind::Held, reason))?;
                    }
                }
                Step::Refused(refusal) => {
                    tracing::warn!(request_id, study = key, ?refusal, attempts, "manifest not published");
                    let again = again_at(&refusal, attempts, now);
                    tx.attempt_failed(job_id, &refusal.to_string(), again, now)?;
                    let is_new = flows::meet(tx, &study, Obstacle::of(&refusal, now))?;
                    let kind = if again.is_none() { FlowEventKind::Failed } else { FlowEventKind::Delayed };
                    // The same again and again is one event.
                    if is_new || again.is_none() {
                        flows::record(tx, &event(kind, flows::nameless(&refusal.to_string())))?;
                    }
                }
            }
            Ok::<_, StoreError>(())
        });
        written.await?;
        if let Some(minutes) = minutes {
            minutes.add(now);
        }
        Ok(())
    }
}

/// When to try again: soon, then ever later up to ten seconds while the other side may come back; three times in all
/// when it refused, because a replaced target or a first answer that got lost mends itself by asking again.
fn again_at(refusal: &Refusal, attempts: u32, now: i64) -> Option<i64> {
    if !refusal.is_transient() && attempts >= 3 {
        return None;
    }
    let delay = (MICROS / 2) << attempts.min(6);
    Some(now + delay.min(10 * MICROS))
}
