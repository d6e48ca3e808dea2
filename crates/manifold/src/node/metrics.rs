//! What a node tells Prometheus: how many transactions ended how and how long each took, and how much there is.
//! Source: design section 10.

use actors::{Cx, PacsSync, PeerReport, PeerState};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use store::Counts;
use transactions::edge::audit::Outcome;

/// Upper bounds in seconds: what a query takes, what a document takes, what somebody gives up waiting for.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    transaction: &'static str,
    /// `success`, `refused` or `failed`.
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    transaction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPeer {
    peer: String,
}

pub struct Metrics {
    registry: Registry,
    transactions: Family<Ended, Counter>,
    seconds: Family<Named, Histogram>,
    /// In the order of [`values`].
    gauges: Vec<Gauge>,
    /// Of the peers that were called.
    peers: Family<OfPeer, Gauge>,
    out_of_sync: Gauge,
    polled_at: Gauge,
}

/// Gauges: name, help and value.
fn values(counts: &Counts) -> [(&'static str, &'static str, u64); 7] {
    [
        ("manifold_document_entries", "Registered document entries", counts.entries),
        ("manifold_patients", "Known patients", counts.patients),
        ("manifold_documents", "Documents in the repository", counts.documents),
        ("manifold_studies", "Studies in the archive", counts.studies),
        ("manifold_instances", "Instances in the archive", counts.instances),
        ("manifold_jobs_waiting", "Jobs in the outbox that wait", counts.jobs_waiting),
        ("manifold_jobs_failed", "Jobs in the outbox that were given up", counts.jobs_failed),
    ]
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let transactions = Family::default();
        let seconds = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> Histogram);
        registry.register(
            "manifold_transactions",
            "Transactions this node answered, by outcome",
            Family::<Ended, Counter>::clone(&transactions),
        );
        registry.register(
            "manifold_transaction_seconds",
            "Time from a request's arrival until its outcome was certain",
            Family::<Named, Histogram>::clone(&seconds),
        );
        let peers = Family::default();
        registry.register(
            "manifold_peer_answers",
            "1 for a peer that answered the last call, 0 for one that did not",
            Family::<OfPeer, Gauge>::clone(&peers),
        );
        let mut gauges = Vec::new();
        for (name, help, _) in values(&Counts::default()) {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauges.push(gauge);
        }
        let (out_of_sync, polled_at) = (Gauge::default(), Gauge::default());
        registry.register(
            "manifold_manifests_out_of_sync",
            "Published studies whose manifest is not known to list what is there",
            out_of_sync.clone(),
        );
        Metrics { registry, transactions, seconds, gauges, peers, out_of_sync, polled_at }
    }

    /// The same for a node in front of a PACS.
    pub fn with_pacs() -> Self {
        let mut metrics = Metrics::new();
        metrics.registry.register(
            "manifold_pacs_polled_timestamp_seconds",
            "When the PACS answered a poll last, Unix time",
            metrics.polled_at.clone(),
        );
        metrics
    }

    /// Published studies whose manifest may be untrue.
    pub fn apart(&self, out_of_sync: usize) {
        self.out_of_sync.set(i64::try_from(out_of_sync).unwrap_or(i64::MAX));
    }

    /// What calls found of a peer.
    pub fn peer(&self, report: &PeerReport) {
        let answers = match report.state {
            PeerState::NotCalled => return,
            PeerState::Answers => 1,
            PeerState::Silent { .. } => 0,
        };
        self.peers.get_or_create(&OfPeer { peer: report.name.clone() }).set(answers);
    }

    /// How far the picture of the PACS is from the PACS.
    pub fn observed(&self, sync: &PacsSync) {
        self.apart(sync.out_of_sync);
        self.polled_at.set(sync.polled_at.unwrap_or_default().div_euclid(1_000_000));
    }

    /// One transaction ended.
    pub fn ended(&self, transaction: &'static str, outcome: &Outcome, cx: &Cx) {
        let outcome = match outcome {
            Outcome::Success => "success",
            Outcome::MinorFailure(_) => "refused",
            Outcome::SeriousFailure(_) => "failed",
        };
        self.transactions.get_or_create(&Ended { transaction, outcome }).inc();
        let micros = (cx.now_unix_micros() - cx.began_unix_micros).max(0);
        self.seconds.get_or_create(&Named { transaction }).observe(micros as f64 / 1e6);
    }

    /// Everything, in the text format of OpenMetrics.
    pub fn text(&self, counts: &Counts) -> String {
        for (gauge, (_, _, value)) in self.gauges.iter().zip(values(counts)) {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_counted_by_outcome_and_timed() {
        let metrics = Metrics::new();
        let cx = testkit::cx();
        metrics.ended("ITI-18", &Outcome::Success, &cx);
        metrics.ended("ITI-18", &Outcome::Success, &cx);
        metrics.ended("ITI-18", &Outcome::MinorFailure("why".into()), &cx);
        let silent = PeerState::Silent { since: 0 };
        for (name, state) in [("central", PeerState::Answers), ("south", silent), ("east", PeerState::NotCalled)] {
            let (name, address) = (name.to_owned(), String::new());
            metrics.peer(&PeerReport { name, address, state, last_success: None, last_error: None });
        }
        let text = metrics.text(&Counts { entries: 7, ..Counts::default() });
        for line in [
            "manifold_transactions_total{transaction=\"ITI-18\",outcome=\"success\"} 2",
            "manifold_transactions_total{transaction=\"ITI-18\",outcome=\"refused\"} 1",
            "manifold_transaction_seconds_count{transaction=\"ITI-18\"} 3",
            "manifold_transaction_seconds_bucket{le=\"0.001\",transaction=\"ITI-18\"} 3",
            "manifold_document_entries 7",
            "manifold_peer_answers{peer=\"central\"} 1",
            "manifold_peer_answers{peer=\"south\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line} in\n{text}");
        }
        assert!(!text.contains("east"), "nobody has called it");
    }
}
