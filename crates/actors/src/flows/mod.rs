//! What an operator asks of a node's flows: how many studies are where, what is in the way of which and since when, whom
//! the node reaches, what happened lately; and the one thing an operator does to them: trying again. In no protocol.
//! Source: design section 10; ui.md.

mod accessions;
mod events;
mod minutes;
mod obstacle;
mod operations;
mod peers;

pub use events::{FlowEvent, FlowEventKind};
pub use minutes::{MINUTES, Minutes};
pub use obstacle::{Obstacle, ObstacleKind};
pub use operations::{
    FlowOverview, FlowPage, FlowQuery, HeldInstance, Operations, Progress, Retried, RetryRefusal, StudyFlow,
    StudyRecord, Throughput,
};
pub use peers::{PeerReport, PeerState};

pub(crate) use accessions::note as note_accession;
pub(crate) use events::record;
pub(crate) use obstacle::{clear, meet};

pub(crate) use peers::nameless;

use peers::Heard;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{MetadataStore, StoreExt};

/// What happens at a node, counted and noted as it happens. Numbers and what is known of peers are in memory and begin
/// with the process; events are in the store.
pub struct Journal {
    store: Arc<dyn MetadataStore>,
    /// Unix microseconds.
    pub started_at: i64,
    /// Instances stored.
    pub received: Minutes,
    /// Manifests published, replaced or withdrawn.
    pub published: Minutes,
    /// Attempts to publish that failed.
    pub failed: Minutes,
    /// Transactions answered, whatever the answer.
    pub answered: Minutes,
    peers: Mutex<BTreeMap<String, Heard>>,
}

impl Journal {
    pub fn new(store: Arc<dyn MetadataStore>, now: i64) -> Self {
        let (received, published) = (Minutes::default(), Minutes::default());
        let (failed, answered) = (Minutes::default(), Minutes::default());
        Journal { store, started_at: now, received, published, failed, answered, peers: Mutex::default() }
    }

    /// A peer answered a call, or why it did not. What a URL says behind its `?` may name a patient and is left out.
    pub fn heard(&self, peer: &str, outcome: Result<(), String>, now: i64) {
        let outcome = outcome.map_err(|words| nameless(&words));
        let change = {
            let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            peers.entry(peer.to_owned()).or_default().hear(outcome, now)
        };
        let Some((kind, words)) = change else { return };
        let event = FlowEvent { peer: Some(peer.to_owned()), words, ..FlowEvent::of(kind, now) };
        // Nobody waits for it: a call does not fail because it cannot be noted.
        drop(self.store.write(move |tx| record(tx, &event)));
    }

    /// What is known of a peer.
    pub fn peer(&self, name: &str, address: &str) -> PeerReport {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.get(name).cloned().unwrap_or_default().report(name, address)
    }
}
