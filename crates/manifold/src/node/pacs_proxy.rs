//! `[actors.pacs_proxy]` becomes an observer of a PACS, its images, and what wakes the observer.

use super::Opened;
use super::peers::listener;
use super::wiring::micros;
use crate::config::{self, NodeConfig, PacsProxy, Trigger};
use actors::{
    Cx, Imaging, InstanceReceiver, ObservationPolicy, PacsObserver, PacsRecords, ProxyImaging, Transfers, TransitFiles,
};
use anyhow::{Context, anyhow};
use axum::Router;
use dicom::dimse::{AcceptorConfig, Services};
use model::SopClassUid;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store::{InstanceSelect, StoreError, StoreExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use transactions::c_store::{self, Notified};
use transactions::edge::mllp_server::MllpTransaction;
use transactions::pacs_proxy::triggers::{Looks, http, ian, mpps, oru};
use transactions::pacs_proxy::{PacsAddress, PacsLine, PacsQueries, PacsQuirks, ProxyReceiver, Retrieval, RetrieveBy};
use transactions::{instance_delivery, manifest_maker};

/// How long what has arrived from the PACS serves others who ask for it.
const KEPT: Duration = Duration::from_secs(60);
/// Time to reach the PACS.
const CONNECT: Duration = Duration::from_secs(10);

/// The proxy of one PACS.
pub(super) struct Proxy {
    options: PacsProxy,
    ae_title: String,
    pub(super) observer: Arc<PacsObserver>,
    pub(super) imaging: Arc<dyn Imaging>,
    receiver: Arc<dyn InstanceReceiver>,
    looks: Looks,
    timezone: Option<String>,
}

impl Proxy {
    /// Errors: a folder that cannot be used; a configuration that was not checked.
    pub(super) fn new(options: &PacsProxy, config: &NodeConfig, opened: &Opened) -> anyhow::Result<Self> {
        let unchecked = || anyhow!("actors.pacs_proxy is not complete");
        let pacs = options.pacs(config).ok_or_else(unchecked)?;
        let ae_title = pacs.ae_title.clone().ok_or_else(unchecked)?;
        let quirks = PacsQuirks::parse(options.quirks.iter().map(String::as_str))?;
        let timezone = quirks.timezone.clone();
        let line = PacsLine::new(
            PacsAddress {
                name: options.peer.clone(),
                address: pacs.address.clone().ok_or_else(unchecked)?,
                ae_title: ae_title.clone(),
                calling_ae_title: calling_ae_title(options, config),
                connect_timeout: CONNECT,
                idle_timeout: Duration::from_millis(options.idle_ms),
                quirks,
                listener: Some(listener(&options.peer, &opened.journal, &opened.edge.clock)),
            },
            options.parallel,
        );
        let folder = config.resolve(&config.node.data).join("transit");
        let files = TransitFiles::open(&folder, options.transit_octets).context("opening the folder for transit")?;
        // Questions have an association to themselves, so that they never wait for images, where the PACS bears two.
        let retrieve_line = if line.address.quirks.one_association {
            line.clone()
        } else {
            PacsLine::new((*line.address).clone(), options.parallel)
        };
        let receiver_of_gets = Arc::new(OnceLock::new());
        let store = opened.store.clone();
        let retrieval = Arc::new(Retrieval {
            line: retrieve_line,
            by: match options.images() {
                config::Images::MoveTo(destination) => RetrieveBy::Move { destination: destination.to_owned() },
                config::Images::Get => RetrieveBy::Get,
            },
            classes: Arc::new(move |wanted| {
                let rows = store.read_blocking(|tx| tx.instances(InstanceSelect::Study(&wanted.study)));
                let rows = rows.unwrap_or_else(|error: StoreError| {
                    tracing::error!(%error, "the classes of a series cannot be read");
                    Vec::new()
                });
                let of_series = rows.into_iter().filter(|row| row.series == wanted.series);
                let wanted_one = |uid: &model::SopInstanceUid| wanted.instance.as_ref().is_none_or(|one| one == uid);
                of_series.filter(|row| wanted_one(&row.instance)).map(|row| row.sop_class).collect::<Vec<SopClassUid>>()
            }),
            receiver: receiver_of_gets.clone(),
            instance_octets: config.limits.instance_octets,
        });
        let keep = i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX);
        let transfers = Transfers::new(retrieval.clone(), Arc::new(files), options.parallel, keep);
        let queries = Arc::new(PacsQueries { line, transfers: transfers.clone() });
        let policy = ObservationPolicy {
            poll_micros: micros(options.poll_ms),
            window_days: options.window_days,
            confirm_queries: options.confirm_missing.queries,
            confirm_apart_micros: micros(options.confirm_missing.apart_ms),
            reconcile_micros: micros(options.reconcile_ms),
        };
        let observer = Arc::new(PacsObserver::new(opened.store.clone(), queries.clone(), transfers.clone(), policy));
        let told = Arc::new(OnceLock::new());
        if options.has(Trigger::Cstore) {
            let _ = told.set(observer.clone());
        }
        let receiver: Arc<dyn InstanceReceiver> =
            Arc::new(ProxyReceiver { transfers: transfers.clone(), observer: told });
        let _ = receiver_of_gets.set(receiver.clone());
        let delivery = Arc::new(instance_delivery::Delivery);
        let imaging = Arc::new(ProxyImaging::new(opened.store.clone(), transfers, retrieval, delivery));
        let looks = Looks { observer: observer.clone(), queries };
        Ok(Proxy { options: options.clone(), ae_title, observer, imaging, receiver, looks, timezone })
    }

    /// What the manifest maker reads.
    pub(super) fn headers(&self, opened: &Opened) -> manifest_maker::Headers {
        let records = PacsRecords { store: opened.store.clone() };
        manifest_maker::Headers::Pacs { records, timezone: self.timezone.clone() }
    }

    pub(super) fn router(&self, opened: &Opened) -> Router {
        match self.options.has(Trigger::Http) {
            true => http::Server { looks: self.looks.clone(), edge: opened.edge.clone() }.router(),
            false => Router::new(),
        }
    }

    pub(super) fn mllp(&self, opened: &Opened) -> Option<Arc<dyn MllpTransaction>> {
        let server = || oru::Server { looks: self.looks.clone(), edge: opened.edge.clone() };
        self.options.has(Trigger::Oru).then(|| Arc::new(server()) as Arc<dyn MllpTransaction>)
    }

    /// What the DICOM port takes, and from whom: objects of the PACS, notifications of it and of those that may.
    pub(super) fn dimse(&self, config: &NodeConfig, opened: &Opened) -> (c_store::Service, AcceptorConfig) {
        let observer = || self.observer.clone();
        let edge = || opened.edge.clone();
        let mut notified: Vec<Arc<dyn Notified>> = Vec::new();
        if self.options.has(Trigger::Ian) {
            notified.push(Arc::new(ian::Server { observer: observer(), edge: edge() }));
        }
        if self.options.has(Trigger::Mpps) {
            notified.push(Arc::new(mpps::Server { observer: observer(), edge: edge() }));
        }
        let others = notified.iter().map(|service| service.sop_class().to_owned()).collect();
        let storage = self.options.move_destination.is_some() || self.options.has(Trigger::Cstore);
        let titles = config.listen.dicom.iter().map(|dicom| dicom.ae_title.clone());
        let mut ae_titles: Vec<String> = titles.chain(self.options.move_destination.clone()).collect();
        ae_titles.dedup();
        let acceptor = AcceptorConfig {
            ae_titles,
            services: Services { verification: true, storage, others },
            ..AcceptorConfig::default()
        };
        let service = c_store::Service {
            receiver: self.receiver.clone(),
            callers: vec![self.ae_title.clone()],
            notifiers: if notified.is_empty() { Vec::new() } else { self.options.notifiers.clone() },
            notified,
            edge: edge(),
            instance_octets: config.limits.instance_octets,
        };
        (service, acceptor)
    }

    /// Observes until the node stops.
    pub(super) fn observe(&self, cx: Cx, mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
        let observer = self.observer.clone();
        tokio::spawn(async move {
            while !*stopped.borrow() {
                // A look that hangs is given up with the node; what it would have written is found again.
                let wait = tokio::select! {
                    wait = observer.turn(&cx) => wait,
                    _ = stopped.changed() => break,
                };
                let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stopped.changed() => break,
                }
            }
        })
    }
}

/// Our title towards the PACS; a quirk may say otherwise.
fn calling_ae_title(options: &PacsProxy, config: &NodeConfig) -> String {
    let listening = config.listen.dicom.as_ref().map(|dicom| dicom.ae_title.clone());
    let named = || config.node.name.to_ascii_uppercase().chars().take(16).collect();
    options.move_destination.clone().or(listening).unwrap_or_else(named)
}
