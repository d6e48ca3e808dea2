//! A configuration becomes a running node: stores are opened, actors wired to each other and to peers, listeners bound.
//! Architectures A, B and C differ here only in what the configuration says.

mod audit;
mod capability;
mod clock;
mod console;
mod endpoints;
mod metrics;
mod openapi;
mod pacs_proxy;
mod peers;
mod signals;
mod status;
mod wiring;

pub use clock::{RandomIdentifiers, SystemClock};
pub use endpoints::endpoints;
pub use openapi::document as openapi;
pub use signals::stop_requested;

use crate::config::NodeConfig;
use actors::{Cx, Identity, ImagingArchive, Journal, Registry};
use anyhow::{Context, anyhow};
use dicom::dimse::AcceptorConfig;
use net::{DimseServer, HttpLimits, HttpServer, MllpLimits, MllpServer, ServerTls};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::{
    AuditOptions, BlobStore, FileBlobs, FileOptions, InstanceFiles, MetadataStore, SqliteOptions, SqliteStore, StoreExt,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use transactions::c_store;
use transactions::edge::Edge;
use transactions::edge::mllp_server::MllpEndpoint;
use wiring::{Wiring, micros, quiet_micros};

/// A running node.
pub struct Node {
    config: NodeConfig,
    http: HttpServer,
    dicom: Option<DimseServer>,
    mllp: Option<MllpServer>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    audit: Arc<audit::NodeAudit>,
    store: Arc<dyn MetadataStore>,
    registry: Option<Arc<dyn Registry>>,
    identity: Option<Arc<dyn Identity>>,
    quiet_micros: Arc<AtomicI64>,
    // Last, so that it is closed when nobody uses it any more.
    _lock: std::fs::File,
}

impl Node {
    /// Opens, wires and listens. When it returns, every endpoint answers.
    ///
    /// Errors: a busy port, a data folder that another node uses, a file that cannot be read; each says which.
    pub async fn start(config: NodeConfig) -> anyhow::Result<Node> {
        let http_listener = bind(config.listen.http, "listen.http")?;
        let dicom_listener = match &config.listen.dicom {
            Some(dicom) if config.takes_dicom() => Some(bind(dicom.address, "listen.dicom")?),
            _ => None,
        };
        let mllp_listener = config.listen.mllp.map(|address| bind(address, "listen.mllp")).transpose()?;
        let opened = Opened::open(&config)?;
        let (stop, stopped) = watch::channel(false);
        let mut wiring = Wiring::new(&config, &opened)?;
        wiring.registry()?;
        wiring.repository()?;
        wiring.imaging()?;
        wiring.readers()?;
        let tasks = wiring.start_tasks(stopped);
        let Wiring { router, archive, proxy, registry, own_identity: identity, quiet_micros, hl7v2, .. } = wiring;
        let tls = config.listen.tls.as_ref().map(|tls| ServerTls {
            certificate: config.resolve(&tls.certificate),
            key: config.resolve(&tls.key),
            client_ca: tls.client_ca.as_ref().map(|p| config.resolve(p)),
        });
        let idle = Duration::from_millis(config.limits.idle_ms);
        let limits = HttpLimits::default();
        let limits = HttpLimits {
            connections: config.limits.http_connections,
            headers: limits.headers.min(idle),
            body: idle,
            ..limits
        };
        let http = net::listen(http_listener, tls.as_ref(), router, limits)?;
        let dimse = match (archive, proxy) {
            (Some(archive), _) => Some(archive_service(archive, &config, &opened)),
            (None, Some(proxy)) => Some(proxy.dimse(&config, &opened)),
            (None, None) => None,
        };
        let dicom = match (dicom_listener, dimse) {
            (Some(listener), Some((service, acceptor))) => {
                let acceptor = AcceptorConfig { idle_timeout_ms: config.limits.idle_ms, ..acceptor };
                Some(net::listen_dimse(listener, acceptor, Arc::new(service), config.limits.dicom_associations)?)
            }
            _ => None,
        };
        let mllp = match mllp_listener {
            Some(listener) => {
                let service = Arc::new(MllpEndpoint { edge: opened.edge.clone(), transactions: hl7v2 });
                let limits = MllpLimits {
                    connections: config.limits.mllp_connections,
                    idle,
                    message_octets: opened.edge.message_octets,
                    ..MllpLimits::default()
                };
                Some(net::listen_mllp(listener, tls.as_ref(), service, limits)?)
            }
            None => None,
        };
        opened.audit.activity(true, opened.edge.clock.now_unix_micros());
        tracing::info!(node = config.node.name, http = %http.address(), "node started");
        Ok(Node {
            config,
            http,
            dicom,
            mllp,
            stop,
            tasks,
            audit: opened.audit,
            store: opened.store,
            registry,
            identity,
            quiet_micros,
            _lock: opened.lock,
        })
    }

    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// Its part of the endpoints file.
    pub fn endpoints(&self) -> serde_json::Value {
        endpoints(&self.config)
    }

    /// The registry that this node's documents are in.
    pub fn registry(&self) -> Option<Arc<dyn Registry>> {
        self.registry.clone()
    }

    /// Who the patients of this node's registry are.
    pub fn identity(&self) -> Option<Arc<dyn Identity>> {
        self.identity.clone()
    }

    /// While `held_open`, a study is complete only when [`Node::study_is_complete`] says so.
    pub fn hold_studies_open(&self, held_open: bool) {
        let quiet = if held_open { micros(86_400_000) } else { quiet_micros(&self.config) };
        self.quiet_micros.store(quiet, Ordering::Relaxed);
    }

    /// Publishes a study without waiting for the quiet time.
    pub async fn study_is_complete(&self, study: &model::StudyInstanceUid) -> anyhow::Result<()> {
        let cx = Cx::local("node", Arc::new(SystemClock), Arc::new(RandomIdentifiers));
        actors::study_is_complete(&*self.store, study, &cx).await.map_err(|e| anyhow!(e))?;
        Ok(())
    }

    /// True when the study's last publication covers everything stored, which is this many instances.
    pub async fn is_published(&self, study: &model::StudyInstanceUid, instances: u64) -> anyhow::Result<bool> {
        let study = study.clone();
        let state = self.store.read(move |tx| tx.study(&study)).await;
        let state: Option<store::StudyState> = state.map_err(|e: store::StoreError| anyhow!(e))?;
        Ok(state.is_some_and(|s| s.instances == instances && s.publication.is_some() && !s.is_dirty()))
    }

    /// Stops taking requests, finishes what is under way, closes the stores.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if let Some(dicom) = self.dicom {
            dicom.stop().await;
        }
        if let Some(mllp) = self.mllp {
            mllp.stop().await;
        }
        self.http.stop().await;
        for task in self.tasks {
            let _ = task.await;
        }
        self.audit.activity(false, actors::Clock::now_unix_micros(&SystemClock));
        tracing::info!(node = self.config.node.name, "node stopped");
    }
}

/// What an archive's DICOM port takes: objects of anybody.
fn archive_service(
    archive: ImagingArchive,
    config: &NodeConfig,
    opened: &Opened,
) -> (c_store::Service, AcceptorConfig) {
    let service = c_store::Service {
        receiver: Arc::new(archive),
        callers: Vec::new(),
        notified: Vec::new(),
        notifiers: Vec::new(),
        edge: opened.edge.clone(),
        instance_octets: config.limits.instance_octets,
    };
    let ae_title = config.listen.dicom.as_ref().map(|d| d.ae_title.clone());
    (service, AcceptorConfig { ae_titles: ae_title.into_iter().collect(), ..AcceptorConfig::default() })
}

fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("{key}: cannot listen on {address}"))
}

/// The stores of a node, swept of what a crash left.
struct Opened {
    store: Arc<dyn MetadataStore>,
    blobs: Arc<dyn BlobStore>,
    files: Arc<InstanceFiles>,
    audit: Arc<audit::NodeAudit>,
    metrics: Arc<metrics::Metrics>,
    journal: Arc<Journal>,
    edge: Edge,
    lock: std::fs::File,
}

impl Opened {
    fn open(config: &NodeConfig) -> anyhow::Result<Self> {
        let data = config.resolve(&config.node.data);
        std::fs::create_dir_all(&data).with_context(|| format!("node.data: cannot create {}", data.display()))?;
        let lock = std::fs::File::create(data.join("lock")).context("node.data: cannot create the lock file")?;
        lock.try_lock().map_err(|_| anyhow!("node.data: {} is in use by another running node", data.display()))?;
        let options =
            SqliteOptions { max_results: config.limits.query_results, cache_kib: 4 * 1024, ..SqliteOptions::default() };
        let store: Arc<dyn MetadataStore> =
            Arc::new(SqliteStore::open(&data.join("manifold.sqlite"), options).context("opening the store")?);
        let max_octets = (config.limits.stored_octets > 0).then_some(config.limits.stored_octets);
        let file_options = FileOptions { max_octets };
        let blobs = FileBlobs::open(&data.join("documents"), file_options).context("opening the documents")?;
        let files = InstanceFiles::open(&data.join("instances"), file_options).context("opening the instances")?;
        blobs.sweep(&mut |blob| store.read_blocking(|tx| tx.blob_is_referenced(blob)))?;
        files.sweep(&mut |name| store.read_blocking(|tx| tx.instance_file_is_referenced(name)))?;
        let clock = Arc::new(SystemClock);
        let now = actors::Clock::now_unix_micros(&SystemClock);
        store.write_blocking(move |tx| tx.release_leases(now)).context("freeing jobs of an earlier run")?;
        let log =
            store::AuditLog::open(&data.join("audit"), AuditOptions::default()).context("opening the audit log")?;
        let journal = Arc::new(Journal::new(store.clone(), now));
        let metrics = Arc::new(match config.actors.pacs_proxy {
            Some(_) => metrics::Metrics::with_pacs(),
            None => metrics::Metrics::new(),
        });
        let audit = Arc::new(audit::NodeAudit {
            log: Arc::new(log),
            node: config.node.name.clone(),
            public_url: config.node.public_url.clone(),
            metrics: metrics.clone(),
            journal: journal.clone(),
            counts_received: config.actors.pacs_proxy.is_some(),
        });
        let edge = Edge {
            clock,
            identifiers: Arc::new(RandomIdentifiers),
            audit: audit.clone(),
            message_octets: usize::try_from(config.limits.message_octets).unwrap_or(usize::MAX),
            document_octets: config.limits.document_octets,
            cors_origins: config.listen.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect(),
        };
        Ok(Opened { store, blobs: Arc::new(blobs), files: Arc::new(files), audit, metrics, journal, edge, lock })
    }

    fn cx(&self, role: &str) -> Cx {
        Cx::local(role, self.edge.clock.clone(), self.edge.identifiers.clone())
    }
}
