//! The DIMSE side of `actors::PacsObserver` and `actors::ProxyImaging`: questions to a PACS, retrieval from it, and what
//! is kept of its answers. Source: spec/dicom.md section 22.

mod pacs;
mod quirks;
mod receiver;
mod records;
mod retrieval;
mod survey;
pub mod triggers;

pub use pacs::PacsQueries;
pub use quirks::{BadQuirk, PacsQuirks};
pub use receiver::ProxyReceiver;
pub use records::study_instances;
pub use retrieval::{Retrieval, RetrieveBy};
pub use survey::{Step, Survey, Verdict};

use actors::Fault;
use dicom::dimse::{ProposedContext, RequestorConfig};
use net::{DimseClient, Listener};
use std::sync::Arc;
use std::time::Duration;

/// How a PACS is reached.
#[derive(Clone, Debug)]
pub struct PacsAddress {
    /// The name under which the operator knows it.
    pub name: String,
    /// `host:port`.
    pub address: String,
    pub ae_title: String,
    /// Ours, as the PACS knows it.
    pub calling_ae_title: String,
    pub connect_timeout: Duration,
    /// Without an octet for so long, an association is given up; a recall from tape takes minutes.
    pub idle_timeout: Duration,
    pub quirks: PacsQuirks,
    /// Is told whether associations come about.
    pub listener: Option<Listener>,
}

impl PacsAddress {
    /// Opens an association. Blocks.
    fn connect(&self, contexts: Vec<ProposedContext>) -> Result<DimseClient, Fault> {
        let calling = self.quirks.calling_ae_title.as_ref().unwrap_or(&self.calling_ae_title);
        let idle_timeout_ms = u64::try_from(self.idle_timeout.as_millis()).unwrap_or(u64::MAX);
        let config = RequestorConfig { idle_timeout_ms, ..RequestorConfig::new(calling, &self.ae_title, contexts) };
        let opened = DimseClient::connect(&self.address, config, self.connect_timeout).map_err(|e| e.to_string());
        if let Some(listener) = &self.listener {
            listener.hear(opened.as_ref().map(|_| ()).map_err(Clone::clone));
        }
        opened.map_err(|reason| self.silent(reason))
    }

    fn silent(&self, reason: String) -> Fault {
        Fault::PeerUnavailable { peer: self.name.clone(), reason }
    }
}

/// Associations with one PACS, one after the other where it bears no more.
#[derive(Clone)]
pub struct PacsLine {
    pub address: Arc<PacsAddress>,
    slots: Arc<tokio::sync::Semaphore>,
}

impl PacsLine {
    /// `most`: associations that we open at the same time.
    pub fn new(address: PacsAddress, most: usize) -> Self {
        let most = if address.quirks.one_association { 1 } else { most.max(1) };
        PacsLine { address: Arc::new(address), slots: Arc::new(tokio::sync::Semaphore::new(most)) }
    }

    /// Runs what blocks on an association, in its turn.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PacsAddress) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let closed = |_| self.address.silent("the node stops".to_owned());
        let slot = self.slots.clone().acquire_owned().await.map_err(closed)?;
        let address = self.address.clone();
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&address);
            drop(slot);
            outcome
        });
        done.await
            .unwrap_or_else(|_| Err(self.address.silent("the conversation broke off; the log says where".to_owned())))
    }
}
