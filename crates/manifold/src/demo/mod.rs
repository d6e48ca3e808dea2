//! `manifold demo`: a whole network in one process on loopback, with invented patients, studies and reports.
//! Source: design section 4.

mod network;
mod seed;

use crate::config;
use crate::node::{Node, RandomIdentifiers, SystemClock, stop_requested};
use actors::{Cx, PatientNews, Registry};
use anyhow::{Context, anyhow, bail};
use model::{DocumentQuery, Oid, PatientId, ReferenceId, ReferenceTerm, StudyInstanceUid, UniqueId};
pub use network::Architecture;
use network::{Layout, PATIENT_DOMAIN, own_numbers};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use synth::{Hospital, Part, StudyPlan};

pub struct DemoOptions {
    pub architecture: Architecture,
    /// Continues what an earlier run left there; absent means a temporary folder, removed at exit.
    pub data: Option<PathBuf>,
    pub port_base: u16,
    pub endpoints: Option<PathBuf>,
    /// No documents; the patients are known all the same.
    pub empty: bool,
    pub quiet_time_ms: u64,
    /// Write the nodes' files there and end.
    pub write_config: Option<PathBuf>,
}

impl DemoOptions {
    fn layout(&self, data: PathBuf) -> Layout {
        let DemoOptions { architecture, port_base, quiet_time_ms, .. } = *self;
        Layout { architecture, port_base, data, quiet_time_ms }
    }
}

/// Seeding that takes longer than this has failed.
const SEED_LIMIT: Duration = Duration::from_secs(120);

/// Runs until Ctrl-C. Errors: a busy port, named; a data folder in use; a seed that does not arrive.
pub async fn run(options: DemoOptions) -> anyhow::Result<()> {
    if let Some(folder) = &options.write_config {
        return write_config(&options, folder);
    }
    if let Some(file) = &options.endpoints {
        // A file of an earlier run would send its reader to ports where nobody listens, or somebody else.
        match std::fs::remove_file(file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("cannot remove the old {}", file.display()));
            }
            _ => {}
        }
    }
    let started = Instant::now();
    let temporary = match &options.data {
        Some(_) => None,
        None => Some(Temporary::new()?),
    };
    let data = match (&options.data, &temporary) {
        (Some(data), _) => data.clone(),
        (None, Some(temporary)) => temporary.0.clone(),
        (None, None) => bail!("there is no data folder"),
    };
    std::fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
    let data = std::fs::canonicalize(&data)?;
    let layout = options.layout(data.clone());
    check_ports(&layout)?;
    keep_architecture(&layout)?;
    network::write_lists(&data)?;
    let mut nodes = Vec::new();
    for file in layout.files(&data) {
        let config = config::parse(&file.toml, [], file.name)?;
        nodes.push(Node::start(config).await.with_context(|| format!("starting {}", file.name))?);
    }
    let network = Network { layout, nodes };
    let outcome = network.serve(&options, started).await;
    for node in network.nodes.into_iter().rev() {
        node.stop().await;
    }
    drop(temporary);
    outcome
}

struct Network {
    layout: Layout,
    nodes: Vec<Node>,
}

impl Network {
    async fn serve(&self, options: &DemoOptions, started: Instant) -> anyhow::Result<()> {
        let seeded = self.layout.data.join("seeded");
        let plans = self.layout.plans();
        self.feed_own_numbers(&plans).await?;
        let mut stop = std::pin::pin!(stop_requested());
        if !options.empty && !seeded.exists() {
            let seeding = self.seed(&plans);
            tokio::select! {
                outcome = seeding => outcome?,
                () = &mut stop => return Ok(()),
            }
            std::fs::write(&seeded, "the demo's documents are in place\n")?;
        }
        if let Some(file) = &options.endpoints {
            self.write_endpoints(file)?;
        }
        self.announce(options, started.elapsed());
        stop.await;
        Ok(())
    }

    /// The centre knows whom the hospitals' own numbers mean.
    async fn feed_own_numbers(&self, plans: &[StudyPlan]) -> anyhow::Result<()> {
        let Some(identity) = self.nodes.first().and_then(Node::identity) else { return Ok(()) };
        for plan in plans {
            let Some(number) = plan.id_in_objects else { continue };
            let id = self.patient(plan)?;
            let known = identity.find(&id, &cx()).await.map_err(|refusal| anyhow!("{refusal}"))?;
            let mut patient = known.ok_or_else(|| anyhow!("the centre does not know patient {}", id.id))?;
            patient.other_ids = vec![PatientId::new(number, Oid::parse(&own_numbers(plan.hospital))?)];
            let fed = identity.feed(&patient, PatientNews::Added, &cx()).await;
            fed.map_err(|refusal| anyhow!("{refusal}"))?;
        }
        Ok(())
    }

    /// Sends everything, then waits until the centre shows it. A study is complete when its association is over.
    async fn seed(&self, plans: &[StudyPlan]) -> anyhow::Result<()> {
        self.nodes.iter().for_each(|node| node.hold_studies_open(true));
        let registry = self.registry()?;
        let of = |hospital| plans.iter().filter(move |plan| plan.hospital == hospital);
        tokio::try_join!(
            self.send_studies(of(Hospital::North), &*registry),
            self.send_studies(of(Hospital::South), &*registry),
        )?;
        let regions = config::read_regions(None)?;
        for plan in plans {
            self.await_manifest(&*registry, plan, plan.instance_count(Part::All)).await?;
            if let Some(id) = seed::report_id(plan)?
                && !self.knows(&*registry, &id).await?
            {
                seed::report(&self.layout, plan, &regions).await?;
                self.until(&format!("report {id}"), async || self.knows(&*registry, &id).await).await?;
            }
        }
        self.nodes.iter().for_each(|node| node.hold_studies_open(false));
        tracing::info!(studies = plans.len(), "the demo's documents are in place");
        Ok(())
    }

    /// The studies of one hospital, one after the other; one that grows is sent in two parts.
    async fn send_studies(
        &self,
        plans: impl Iterator<Item = &StudyPlan>,
        registry: &dyn Registry,
    ) -> anyhow::Result<()> {
        for plan in plans {
            self.send(plan, Part::First).await?;
            if plan.grows() {
                self.await_manifest(registry, plan, plan.instance_count(Part::First)).await?;
                self.send(plan, Part::Later).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, plan: &StudyPlan, part: Part) -> anyhow::Result<()> {
        let (layout, sent) = (self.layout.clone(), plan.clone());
        let sending = tokio::task::spawn_blocking(move || seed::send(&layout, &sent, part));
        sending.await.map_err(|_| anyhow!("sending study {} failed", plan.study_uid))??;
        self.hospital(plan)?.study_is_complete(&StudyInstanceUid::parse(&plan.study_uid)?).await
    }

    fn hospital(&self, plan: &StudyPlan) -> anyhow::Result<&Node> {
        let name = self.layout.archive(plan.hospital);
        let node = self.nodes.iter().find(|n| n.config().node.name == name);
        node.ok_or_else(|| anyhow!("there is no node {name}"))
    }

    fn registry(&self) -> anyhow::Result<Arc<dyn Registry>> {
        let central = self.nodes.first().and_then(Node::registry);
        central.ok_or_else(|| anyhow!("the centre plays no registry"))
    }

    /// Waits until the study's current manifest covers all instances sent.
    async fn await_manifest(&self, registry: &dyn Registry, plan: &StudyPlan, instances: u32) -> anyhow::Result<()> {
        let study = StudyInstanceUid::parse(&plan.study_uid)?;
        let node = self.hospital(plan)?;
        let query = DocumentQuery {
            reference_ids: vec![vec![ReferenceTerm::Exact(ReferenceId::study(&study))]],
            ..DocumentQuery::of_patient(self.patient(plan)?).approved()
        };
        self.until(&format!("the manifest of study {}", plan.study_uid), async || {
            let published = node.is_published(&study, u64::from(instances)).await?;
            Ok(published && registry.find(&query, &cx()).await?.items.iter().any(|e| e.is_kos()))
        })
        .await
    }

    async fn knows(&self, registry: &dyn Registry, id: &UniqueId) -> anyhow::Result<bool> {
        let query = DocumentQuery { unique_ids: vec![id.clone()], ..DocumentQuery::default() };
        Ok(!registry.find(&query, &cx()).await?.items.is_empty())
    }

    async fn until(&self, what: &str, mut arrived: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let limit = Instant::now() + SEED_LIMIT;
        while !arrived().await? {
            if Instant::now() > limit {
                bail!("{what} did not arrive within {} s; `manifold status` says why", SEED_LIMIT.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn patient(&self, plan: &StudyPlan) -> anyhow::Result<PatientId> {
        let person = plan.person().ok_or_else(|| anyhow!("plan {} has no patient", plan.key))?;
        Ok(PatientId::new(person.id, Oid::parse(PATIENT_DOMAIN)?))
    }

    fn write_endpoints(&self, file: &Path) -> anyhow::Result<()> {
        let nodes: Vec<Value> = self.nodes.iter().map(Node::endpoints).collect();
        let patients: Vec<Value> = synth::PATIENTS
            .iter()
            .map(|p| json!({"id": p.id, "name": p.name, "birth_date": p.birth_date_iso(), "sex": p.sex}))
            .collect();
        let text = serde_json::to_string_pretty(&json!({
            "architecture": self.layout.architecture.letter(),
            "secure": false,
            "pid": std::process::id(),
            "quiet_time_ms": self.layout.quiet_time_ms,
            "patient_domain": PATIENT_DOMAIN,
            "codes": self.layout.codes(),
            "patients": patients,
            "nodes": nodes,
        }))?;
        let beside = file.with_extension("tmp");
        std::fs::write(&beside, text).with_context(|| format!("cannot write {}", beside.display()))?;
        std::fs::rename(&beside, file).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(())
    }

    fn announce(&self, options: &DemoOptions, took: Duration) {
        let file = options.endpoints.as_ref().map(|f| f.display().to_string());
        let file = file.unwrap_or_else(|| "FILE (run the demo with --endpoints FILE)".to_owned());
        let portal = format!("{}/portal", self.layout.url("central"));
        println!(
            "manifold demo, architecture {}, ready after {:.1} s. Loopback only, no authentication.\n",
            self.layout.architecture.letter().to_ascii_uppercase(),
            took.as_secs_f64()
        );
        for node in self.layout.nodes() {
            let plays = match (self.layout.architecture, *node) {
                (Architecture::DistributedPacs, "central") => "registry, repository, identity, FHIR, portal",
                (Architecture::DistributedPacs, _) => "archive, imaging source, reports",
                (Architecture::CentralArchive, _) => {
                    "registry, repository, identity, FHIR, portal, archive, imaging source"
                }
            };
            println!("  {node:<8} {plays:<44}  {}", self.layout.url(node));
            for (of, port) in self.layout.ports() {
                let (dicom, mllp) = (self.layout.dicom_port(node), self.layout.mllp_port(node));
                match port {
                    _ if of != *node => {}
                    port if port == dicom => println!("           DICOM {} at 127.0.0.1:{port}", node.to_uppercase()),
                    port if port == mllp => println!("           HL7 v2 (ITI-8) at 127.0.0.1:{port}"),
                    _ => {}
                }
            }
        }
        let archive = self.layout.archive(Hospital::North);
        let console = format!("{}/console", self.layout.url(archive));
        println!("\n  Open  {portal}\n        {console}   what flows, what is stuck; every node has one");
        println!("\n  Try   manifold query --endpoints {file} --patient P0001");
        println!("        manifold status --endpoints {file} --node {archive}");
        let (title, port) = (archive.to_uppercase(), self.layout.dicom_port(archive));
        println!("        storescu -aec {title} 127.0.0.1 {port} image.dcm");
        println!("\n  Ctrl-C ends it.");
    }
}

fn cx() -> Cx {
    Cx::local("demo", Arc::new(SystemClock), Arc::new(RandomIdentifiers))
}

/// A busy port is named before anything starts.
fn check_ports(layout: &Layout) -> anyhow::Result<()> {
    for (node, port) in layout.ports() {
        std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|e| {
            anyhow!("port {port}, which {node} needs, cannot be used: {e}; choose others with --port-base")
        })?;
    }
    Ok(())
}

/// A folder continues the network that began in it, no other.
fn keep_architecture(layout: &Layout) -> anyhow::Result<()> {
    let (file, letter) = (layout.data.join("architecture"), layout.architecture.letter());
    match std::fs::read_to_string(&file) {
        Ok(text) if text.trim() != letter.to_string() => {
            bail!(
                "{} holds a network of architecture {}; give --data another folder",
                layout.data.display(),
                text.trim()
            )
        }
        Ok(_) => Ok(()),
        Err(_) => {
            std::fs::write(&file, format!("{letter}\n")).with_context(|| format!("cannot write {}", file.display()))
        }
    }
}

fn write_config(options: &DemoOptions, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let folder = std::fs::canonicalize(folder)?;
    network::write_lists(&folder)?;
    let data = match &options.data {
        Some(data) => std::path::absolute(data)?,
        None => folder.join("data"),
    };
    let layout = options.layout(data);
    for file in layout.files(&folder) {
        config::parse(&file.toml, [], file.name)?;
        let path = folder.join(format!("{}.toml", file.name));
        std::fs::write(&path, &file.toml).with_context(|| format!("cannot write {}", path.display()))?;
        println!("manifold serve {}", path.display());
    }
    Ok(())
}

/// A folder that goes when this value goes.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> anyhow::Result<Self> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let folder = std::env::temp_dir().join(format!("manifold-demo-{}", &id[..12]));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Temporary(folder))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "cannot remove the temporary folder");
        }
    }
}
