//! What makes the proxy look at a study before the next poll: availability notifications, procedure steps, reports, and
//! whoever asks over HTTP. Source: spec/dicom.md sections 22.5, 22.6.

pub mod http;
pub mod ian;
pub mod mpps;
pub mod oru;

use super::PacsQueries;
use actors::{Cx, Fault, PacsObserver};
use dicom::dimse::{CommandSet, status};
use model::StudyInstanceUid;
use std::sync::Arc;

/// Has studies looked at.
#[derive(Clone)]
pub struct Looks {
    pub observer: Arc<PacsObserver>,
    pub queries: Arc<PacsQueries>,
}

impl Looks {
    /// A study is looked at soon, whatever becomes of this node. Errors: the store's.
    async fn study(&self, study: &StudyInstanceUid, cx: &Cx) -> Result<(), Fault> {
        let (observer, study, at) = (self.observer.clone(), study.clone(), cx.clone());
        let asked = tokio::task::spawn_blocking(move || observer.ask(&study, &at)).await;
        asked.unwrap_or(Err(Fault::Busy))
    }

    /// The studies of an accession number are looked at soon.
    ///
    /// Shape: their UIDs, which the PACS was asked for. Errors: the PACS does not answer or knows none; the store's.
    async fn accession(&self, accession_number: &str, cx: &Cx) -> Result<Vec<StudyInstanceUid>, Fault> {
        let studies = self.queries.of_accession(accession_number).await?;
        if studies.is_empty() {
            let peer = &self.queries.line.address.name;
            return Err(Fault::ImagesNotFound(format!("a study with this accession number at {peer}")));
        }
        for study in &studies {
            self.study(study, cx).await?;
        }
        Ok(studies)
    }
}

/// The answer to a notification.
fn answer(request: &CommandSet, outcome: &Result<(), (u16, String)>) -> CommandSet {
    match outcome {
        Ok(()) => CommandSet::response(request, status::SUCCESS, None, false),
        Err((code, comment)) => CommandSet::response(request, *code, Some(comment), false),
    }
}
