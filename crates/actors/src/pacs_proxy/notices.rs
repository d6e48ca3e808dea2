//! What others say of studies of the PACS: that one is to be looked at, that a modality has finished its work, that its
//! images are of the wrong patient. Kept in the store before it is acknowledged. Source: spec/dicom.md sections 22.5, 22.6.

use super::PacsObserver;
use crate::store_faults::internal;
use crate::{Cx, Fault};
use model::StudyInstanceUid;
use store::{ReadTx, StoreError, StoreExt, WriteTx};

/// Node state: studies that somebody asked to look at.
const ASKED: &str = "pacs-asked";
/// Node state: a modality's procedure step, by its SOP Instance UID. Lines: unix microseconds, then its studies.
const STEP: &str = "pacs-step";
/// Node state: why a study must not be published, per study.
const SUSPENDED: &str = "pacs-suspended";
/// A procedure step that nobody ended is forgotten after so long, microseconds.
const STEP_FORGOTTEN: i64 = 30 * 86_400_000_000;
/// Most procedure steps that are remembered.
const MOST: usize = 10_000;

/// How a modality's procedure step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// Its images are complete.
    Completed,
    /// It was broken off; what there is may be looked at.
    Discontinued,
    /// The wrong worklist entry had been chosen: the images may be of another patient.
    WrongWorklistEntry,
}

/// Why a study is not published, in words.
pub(super) fn suspension(tx: &dyn ReadTx, study: &StudyInstanceUid) -> Result<Option<String>, StoreError> {
    Ok(tx.state(SUSPENDED, study.as_str())?.and_then(|reason| String::from_utf8(reason).ok()))
}

/// The study is as it should be now.
pub(super) fn resume(tx: &mut dyn WriteTx, study: &StudyInstanceUid) -> Result<(), StoreError> {
    tx.put_state(SUSPENDED, study.as_str(), None)
}

/// Studies that were asked for and not looked at yet.
pub(super) fn asked(tx: &dyn ReadTx, most: usize) -> Result<Vec<StudyInstanceUid>, StoreError> {
    let asked = tx.states(ASKED, "", most)?;
    Ok(asked.iter().filter_map(|(study, _)| StudyInstanceUid::parse(study).ok()).collect())
}

/// A study that was asked for has been looked at.
pub(super) fn answered(tx: &mut dyn WriteTx, study: &StudyInstanceUid) -> Result<(), StoreError> {
    tx.put_state(ASKED, study.as_str(), None)
}

fn failed(error: StoreError, cx: &Cx) -> Fault {
    internal(error, &cx.request_id).first().clone()
}

impl PacsObserver {
    /// Somebody says that a study is new or has changed: it is looked at now, or after a restart. Blocks.
    ///
    /// Errors: the store's.
    pub fn ask(&self, study: &StudyInstanceUid, cx: &Cx) -> Result<(), Fault> {
        let uid = study.clone();
        let kept = self.store.write_blocking(move |tx| tx.put_state(ASKED, uid.as_str(), Some(b"")));
        kept.map_err(|e: StoreError| failed(e, cx))?;
        self.look_at(study.clone());
        Ok(())
    }

    /// Somebody answers for a study whose publication was suspended. Blocks. Errors: the store's.
    pub fn resume(&self, study: &StudyInstanceUid, cx: &Cx) -> Result<(), Fault> {
        let (uid, now) = (study.clone(), cx.now_unix_micros());
        let resumed = self.store.write_blocking(move |tx| {
            if suspension(tx, &uid)?.is_some() {
                resume(tx, &uid)?;
                if tx.study(&uid)?.is_some() {
                    tx.hold_study(&uid, None)?;
                    tx.touch_study(&uid, now)?;
                }
            }
            Ok(())
        });
        resumed.map_err(|e: StoreError| failed(e, cx))
    }

    /// A modality begins: which studies it works at. Blocks. Shape: false when the step is known already.
    ///
    /// Errors: the store's.
    pub fn step_begins(&self, step: &str, studies: &[StudyInstanceUid], cx: &Cx) -> Result<bool, Fault> {
        let now = cx.now_unix_micros();
        let lines: Vec<&str> = studies.iter().map(StudyInstanceUid::as_str).collect();
        let (step, lines) = (step.to_owned(), format!("{now}\n{}", lines.join("\n")).into_bytes());
        let begun = self.store.write_blocking(move |tx| {
            for (old, lines) in tx.states(STEP, "", MOST)? {
                if now - read_step(&lines).0 > STEP_FORGOTTEN {
                    tx.put_state(STEP, &old, None)?;
                }
            }
            let is_new = tx.state(STEP, &step)?.is_none();
            if is_new {
                tx.put_state(STEP, &step, Some(&lines))?;
            }
            Ok::<_, StoreError>(is_new)
        });
        begun.map_err(|e| failed(e, cx))
    }

    /// A modality has ended: its studies are looked at, or not published any more. Blocks.
    ///
    /// Shape: the studies; `None` when the step was never begun. Errors: the store's.
    pub fn step_ends(&self, step: &str, end: StepEnd, cx: &Cx) -> Result<Option<Vec<StudyInstanceUid>>, Fault> {
        let now = cx.now_unix_micros();
        let name = step.to_owned();
        let ended = self.store.write_blocking(move |tx| {
            let Some(lines) = tx.state(STEP, &name)? else { return Ok::<_, StoreError>(None) };
            let (_, studies) = read_step(&lines);
            tx.put_state(STEP, &name, None)?;
            for study in &studies {
                match end {
                    StepEnd::Completed | StepEnd::Discontinued => tx.put_state(ASKED, study.as_str(), Some(b""))?,
                    StepEnd::WrongWorklistEntry => {
                        let reason = "the modality says that the wrong worklist entry was chosen (110514): the images may be \
                                      of another patient; published when the PACS says something else of the study, or \
                                      when somebody asks for it by POST /pacs_proxy/studies/UID";
                        tx.put_state(SUSPENDED, study.as_str(), Some(reason.as_bytes()))?;
                        // What was published stays and is seen to be wrong.
                        if tx.study(study)?.is_some() {
                            tx.touch_study(study, now)?;
                        }
                    }
                }
            }
            Ok(Some(studies))
        });
        let studies = ended.map_err(|e| failed(e, cx))?;
        if end != StepEnd::WrongWorklistEntry {
            for study in studies.iter().flatten() {
                self.look_at(study.clone());
            }
        }
        Ok(studies)
    }
}

fn read_step(lines: &[u8]) -> (i64, Vec<StudyInstanceUid>) {
    let mut lines = std::str::from_utf8(lines).unwrap_or_default().lines();
    let at = lines.next().and_then(|at| at.parse().ok()).unwrap_or_default();
    (at, lines.filter_map(|uid| StudyInstanceUid::parse(uid).ok()).collect())
}
