//! PACS proxy: a PACS that speaks DIMSE becomes an imaging document source. What the PACS holds is observed and kept as
//! rows of the node's store, so that the same source publishes it; images are brought when somebody asks for them.
//! Source: spec/dicom.md sections 6, 22; spec/mcwg.md section 6.

mod imaging;
mod missed;
mod notices;
mod observation;
mod transfers;
mod unread;

pub use imaging::ProxyImaging;
pub use notices::StepEnd;
pub use observation::{ObservationPolicy, PacsObserver, PacsSync};
pub use transfers::{Arriving, Transfers};
pub use unread::UnreadStudy;

use crate::{BoxFuture, Cx, Fault};
use model::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::{MetadataStore, StoreError, StoreExt};

/// Node state: what the PACS says of a study, per study. The value is [`KnownStudy::encode`].
const STUDY: &str = "pacs-study";

/// A study as a PACS lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedStudy {
    pub study: StudyInstanceUid,
    /// `YYYYMMDD`; absent when the PACS does not say or says no date.
    pub date: Option<String>,
    pub patient_id: String,
    /// OID of the domain of the patient id; empty when the PACS does not say.
    pub patient_issuer: String,
    /// Versioned bytes of everything it says at this level: equal bytes, nothing changed.
    pub summary: Vec<u8>,
    /// The PACS counts the instances of its studies, so that equal summaries mean equal content.
    pub counts: bool,
}

/// An instance as a PACS lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedInstance {
    pub series: SeriesInstanceUid,
    pub instance: SopInstanceUid,
    pub sop_class: SopClassUid,
    /// Versioned bytes for the manifest maker.
    pub header: Vec<u8>,
}

/// Everything a PACS lists of one study.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// (0008,0050); empty when the PACS does not say.
    pub accession: String,
    /// Versioned bytes for the manifest maker: what is said of the study and its series.
    pub header: Vec<u8>,
    pub instances: Vec<ListedInstance>,
}

/// What a proxy asks its PACS. Every answer is whole: what the PACS said in part, or not at all, is an error.
pub trait Pacs: Send + Sync {
    /// The name under which the operator knows it.
    fn name(&self) -> &str;

    /// Its AE title, which says what its identifiers mean.
    fn ae_title(&self) -> &str;

    /// Studies with a date from `first` to `last`, both `YYYYMMDD` and included. One query when nothing is amiss.
    fn studies<'a>(
        &'a self,
        first: &'a str,
        last: &'a str,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<ListedStudy>, Fault>>;

    /// One study, whatever its date.
    fn study<'a>(
        &'a self,
        study: &'a StudyInstanceUid,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Option<ListedStudy>, Fault>>;

    /// Series and instances of a study, without asking at the level of studies. Instances of `known` have been looked into
    /// before: their headers stand for themselves. A study that is not there has no instances.
    fn inventory<'a>(
        &'a self,
        study: &'a ListedStudy,
        known: &'a HashMap<SopInstanceUid, ListedInstance>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Inventory, Fault>>;
}

/// What is to be brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub study: StudyInstanceUid,
    pub series: SeriesInstanceUid,
    /// Absent: the whole series.
    pub instance: Option<SopInstanceUid>,
}

/// Has the PACS send instances; they arrive at [`Transfers`].
pub trait PacsRetrieve: Send + Sync {
    /// The name under which the operator knows the PACS.
    fn name(&self) -> &str;

    /// Asks, and returns when the PACS says that it is done.
    ///
    /// Shape: in words, what the PACS said; it is not believed: what has arrived counts.
    /// Errors: the PACS refused, broke off or cannot be reached. Setting `cancel` ends it soon.
    fn retrieve<'a>(
        &'a self,
        wanted: &'a Wanted,
        cancel: Arc<AtomicBool>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<String, Fault>>;
}

/// What is kept of a study between two looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownStudy {
    pub listed: ListedStudy,
    /// As in [`Inventory`].
    pub header: Vec<u8>,
}

impl KnownStudy {
    /// Version 1, then each part with its length before it, 32 bits, big endian.
    pub fn encode(&self) -> Vec<u8> {
        let ListedStudy { study: _, date, patient_id, patient_issuer, summary, counts } = &self.listed;
        let date = date.as_deref().unwrap_or("");
        let parts = [date.as_bytes(), patient_id.as_bytes(), patient_issuer.as_bytes(), summary, &self.header];
        let mut out = vec![1, u8::from(*counts)];
        for part in parts {
            out.extend_from_slice(&(part.len() as u32).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    pub fn decode(study: StudyInstanceUid, bytes: &[u8]) -> Option<Self> {
        let ([1, counts], mut rest) = bytes.split_first_chunk::<2>()? else { return None };
        let mut part = || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (part, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            rest = after;
            Some(part.to_vec())
        };
        let mut text = || String::from_utf8(part()?).ok();
        let (date, patient_id, patient_issuer) = (text()?, text()?, text()?);
        let (summary, header) = (part()?, part()?);
        let date = Some(date).filter(|date| !date.is_empty());
        let listed = ListedStudy { study, date, patient_id, patient_issuer, summary, counts: *counts == 1 };
        Some(KnownStudy { listed, header })
    }
}

/// What is kept of the studies of the PACS beside their rows, for the manifest maker.
pub struct PacsRecords {
    pub store: Arc<dyn MetadataStore>,
}

impl PacsRecords {
    /// [`Inventory::header`] of a study, or why the study must not be published. Blocks. Errors: the store's.
    pub fn study_header(&self, study: &StudyInstanceUid) -> Result<Result<Option<Vec<u8>>, String>, StoreError> {
        self.store.read_blocking(|tx| {
            if let Some(reason) = notices::suspension(tx, study)? {
                return Ok(Err(reason));
            }
            let state = tx.state(STUDY, study.as_str())?;
            let known = state.and_then(|bytes| KnownStudy::decode(study.clone(), &bytes));
            Ok(Ok(known.map(|known| known.header)))
        })
    }
}
