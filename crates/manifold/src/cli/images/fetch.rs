//! Fetching series by WADO-RS or RAD-69 into files. A file gets its name only when it is whole, so what has a name is never
//! fetched again.

use super::super::connection::circumstances;
use super::super::stop::Stop;
use super::plan::{Plan, SeriesPlan};
use super::shown;
use actors::{Fault, ImageRequest, Imaging, InstanceAddress, InstanceStream, ServedInstance, WantedSyntax};
use aws_lc_rs::digest;
use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use model::{SeriesInstanceUid, SopInstanceUid};
use net::HttpClient;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use transactions::{rad69_retrieve_imaging_document_set as rad69, rad107_wado_rs as rad107};

/// Where files go.
pub struct Folder {
    root: PathBuf,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Fetched {
    pub received: HashSet<SopInstanceUid>,
    pub present: HashSet<SopInstanceUid>,
    /// What came without being listed.
    pub unlisted: Vec<SopInstanceUid>,
    /// Why something did not come.
    pub faults: Vec<String>,
    /// Octets received.
    pub octets: u64,
}

impl Fetched {
    /// Listed instances that are not there.
    pub fn missing<'a>(&self, plan: &'a Plan) -> Vec<(&'a SeriesInstanceUid, &'a SopInstanceUid)> {
        plan.instances().filter(|(_, i)| !self.received.contains(i) && !self.present.contains(i)).collect()
    }

    fn add(&mut self, other: Fetched) {
        self.received.extend(other.received);
        self.present.extend(other.present);
        self.unlisted.extend(other.unlisted);
        self.faults.extend(other.faults);
        self.octets += other.octets;
    }
}

impl Folder {
    pub fn open(root: &Path) -> Result<Self, Stop> {
        std::fs::create_dir_all(root)
            .map_err(|e| Stop::failed(format!("cannot create the folder {}: {e}", root.display())))?;
        Ok(Folder { root: root.to_owned() })
    }

    /// UIDs are digits and dots without empty components, so no peer can name a path of its own.
    fn name(&self, series: &SeriesInstanceUid, instance: &SopInstanceUid) -> PathBuf {
        PathBuf::from(series.as_str()).join(format!("{instance}.dcm"))
    }

    pub fn path(&self, series: &SeriesInstanceUid, instance: &SopInstanceUid) -> PathBuf {
        self.root.join(self.name(series, instance))
    }

    /// Lines of sha256sum, with paths as seen from the folder of the list.
    pub fn sha256_list(&self, plan: &Plan, list: &Path) -> Result<String, Stop> {
        let beside = list.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let inside = same(beside, &self.root);
        let mut text = String::new();
        for (series, instance) in plan.instances() {
            let path = self.path(series, instance);
            if !path.exists() {
                continue;
            }
            let failed = |e: std::io::Error| Stop::failed(format!("cannot read {}: {e}", path.display()));
            let sum = sha256(&path).map_err(failed)?;
            let name = if inside { self.name(series, instance) } else { path.clone() };
            let _ = writeln!(text, "{sum}  {}", name.display());
        }
        Ok(text)
    }
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((std::fs::canonicalize(a), std::fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => context.update(&buffer[..count]),
        }
    }
    let mut text = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Where a series is fetched.
pub enum Source {
    Wado(rad107::Client),
    Rad69(rad69::Client),
}

impl Source {
    /// The WADO-RS base of the plan.
    pub fn wado(http: &HttpClient, plan: &SeriesPlan) -> Self {
        Source::Wado(rad107::Client { name: plan.base.clone(), base: plan.base.clone(), http: http.clone() })
    }
}

/// Fetches what is not there, several series at once.
///
/// Errors: only what makes going on pointless, such as a full disk; everything else is in [`Fetched::faults`].
pub async fn fetch(
    sources: &[Source],
    plan: &Plan,
    folder: &Folder,
    parallel: usize,
    bar: &ProgressBar,
) -> Result<Fetched, Stop> {
    let mut all = Fetched::default();
    let running =
        stream::iter(sources.iter().zip(&plan.series)).map(|(source, series)| one(source, series, folder, bar));
    let mut running = running.buffer_unordered(parallel);
    while let Some(outcome) = running.next().await {
        all.add(outcome?);
    }
    Ok(all)
}

async fn one(source: &Source, plan: &SeriesPlan, folder: &Folder, bar: &ProgressBar) -> Result<Fetched, Stop> {
    let mut fetched = Fetched::default();
    let directory = folder.root.join(plan.series.as_str());
    std::fs::create_dir_all(&directory)
        .map_err(|e| Stop::failed(format!("cannot create the folder {}: {e}", directory.display())))?;
    for instance in &plan.instances {
        if is_whole(&folder.path(&plan.series, instance), instance) {
            fetched.present.insert(instance.clone());
            bar.inc(1);
        }
    }
    let wanted: Vec<&SopInstanceUid> = plan.instances.iter().filter(|i| !fetched.present.contains(*i)).collect();
    let source = match source {
        Source::Wado(source) => source,
        Source::Rad69(source) => {
            by_name(source, &wanted, plan, folder, bar, &mut fetched).await?;
            return Ok(fetched);
        }
    };
    // A series that is nearly there is completed one by one; anything else comes in one answer.
    let requests: Vec<Option<&SopInstanceUid>> = match wanted.len() {
        0 => return Ok(fetched),
        few if few <= fetched.present.len() => wanted.iter().map(|i| Some(*i)).collect(),
        _ => vec![None],
    };
    for instance in requests {
        let request = ImageRequest {
            study: plan.study.clone(),
            series: Some(plan.series.clone()),
            instance: instance.cloned(),
            syntaxes: vec![WantedSyntax::AsStored],
        };
        if let Err(fault) = answer(source, &request, plan, folder, bar, &mut fetched).await? {
            fetched.faults.push(format!("{}: {fault}", shown(plan)));
        }
    }
    Ok(fetched)
}

/// The instances that are missing, by one RAD-69 request that names them.
async fn by_name(
    source: &rad69::Client,
    wanted: &[&SopInstanceUid],
    plan: &SeriesPlan,
    folder: &Folder,
    bar: &ProgressBar,
    fetched: &mut Fetched,
) -> Result<(), Stop> {
    if wanted.is_empty() {
        return Ok(());
    }
    let address = |instance: &&SopInstanceUid| InstanceAddress {
        study: plan.study.clone(),
        series: plan.series.clone(),
        instance: (*instance).clone(),
    };
    let wanted: Vec<InstanceAddress> = wanted.iter().map(address).collect();
    let picked = match source.pick(&wanted, &[WantedSyntax::AsStored], &circumstances()).await {
        Ok(picked) => picked,
        Err(refusal) => {
            fetched.faults.push(format!("{}: {refusal}", shown(plan)));
            return Ok(());
        }
    };
    for fault in picked.outcomes.into_iter().filter_map(Result::err) {
        fetched.faults.push(format!("{}: {fault}", shown(plan)));
    }
    if let Err(fault) = take(picked.instances, plan, folder, bar, fetched).await? {
        fetched.faults.push(format!("{}: {fault}", shown(plan)));
    }
    Ok(())
}

/// A file that is there under its final name and is what its name says.
fn is_whole(path: &Path, instance: &SopInstanceUid) -> bool {
    let Ok(file) = File::open(path) else { return false };
    dicom::Header::read(file).is_ok_and(|h| h.sop_instance_uid == instance.as_str())
}

/// Reads one answer to its end. Outer errors are ours (the disk), inner ones the source's.
async fn answer(
    source: &rad107::Client,
    request: &ImageRequest,
    plan: &SeriesPlan,
    folder: &Folder,
    bar: &ProgressBar,
    fetched: &mut Fetched,
) -> Result<Result<(), Fault>, Stop> {
    let cx = circumstances();
    match source.fetch(request, &cx).await {
        Ok(images) => take(images.instances, plan, folder, bar, fetched).await,
        Err(refusal) => Ok(Err(refusal.first().clone())),
    }
}

/// Keeps instances as they come. Outer errors are ours (the disk), inner ones the source's.
async fn take(
    mut instances: InstanceStream,
    plan: &SeriesPlan,
    folder: &Folder,
    bar: &ProgressBar,
    fetched: &mut Fetched,
) -> Result<Result<(), Fault>, Stop> {
    while let Some(next) = instances.next().await {
        let served = match next {
            Ok(served) => served,
            Err(fault) => return Ok(Err(fault)),
        };
        let instance = served.sop_instance.clone();
        let known = fetched.present.contains(&instance) || fetched.received.contains(&instance);
        if known {
            continue;
        }
        if !plan.instances.contains(&instance) {
            fetched.unlisted.push(instance);
            continue;
        }
        match keep(served, &folder.path(&plan.series, &instance), &instance).await? {
            Ok(octets) => {
                fetched.octets += octets;
                fetched.received.insert(instance);
                bar.inc(1);
            }
            Err(fault) => return Ok(Err(fault)),
        }
    }
    Ok(Ok(()))
}

/// Writes an instance beside its name and renames it when it is whole.
async fn keep(mut served: ServedInstance, path: &Path, instance: &SopInstanceUid) -> Result<Result<u64, Fault>, Stop> {
    let part = super::super::retrieve::beside(path, "part");
    let failed = |e: std::io::Error| Stop::failed(format!("cannot write {}: {e}", part.display()));
    let mut file = File::create(&part).map_err(failed)?;
    let mut octets = 0;
    while let Some(piece) = served.body.next().await {
        match piece {
            Ok(piece) => {
                octets += piece.len() as u64;
                file.write_all(&piece).map_err(failed)?;
            }
            Err(fault) => {
                let _ = std::fs::remove_file(&part);
                return Ok(Err(fault));
            }
        }
    }
    drop(file);
    // The file meta group named it; the data set has the last word.
    if !is_whole(&part, instance) {
        let _ = std::fs::remove_file(&part);
        let reason = format!("sent octets as instance {instance} that are not that instance");
        return Ok(Err(Fault::InvalidInstance { instance: instance.to_string(), reason }));
    }
    std::fs::rename(&part, path).map_err(failed)?;
    Ok(Ok(octets))
}
