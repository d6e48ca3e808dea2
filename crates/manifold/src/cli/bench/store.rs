//! `bench store`: how fast an archive takes an invented study by C-STORE, until every object is acknowledged.

use super::{Sample, print, round};
use crate::cli::connection::{Connection, Parties, circumstances};
use crate::cli::output::{self, Format};
use crate::cli::publish;
use crate::cli::stop::Stop;
use clap::Args;
use dicom::dimse::{ProposedContext, RequestorConfig, status};
use dicom::scan::{Keep, Options, scan_slice};
use net::DimseClient;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use synth::Instance;

#[derive(Args, Debug)]
pub struct Store {
    /// Images of the study, kept in memory while they are sent
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=4000))]
    pub slices: u32,
    /// Rows and columns of an image, 16 bits per pixel
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u16).range(16..=2048))]
    pub size: u16,
    /// Associations at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=32))]
    pub associations: u64,
    /// Which study is invented; without it a new one
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Archive to send to, instead of the endpoints file's
    #[arg(long, value_name = "HOST:PORT", requires = "aet")]
    pub dicom: Option<String>,
    /// AE title of that archive
    #[arg(long, value_name = "AET", requires = "dicom")]
    pub aet: Option<String>,
    /// AE title to send as
    #[arg(long, value_name = "AET", default_value = "MANIFOLD")]
    pub calling_aet: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

pub async fn run(options: Store) -> Result<(), Stop> {
    let parties = Parties::open(&options.connection)?;
    let (address, called) = match (&options.dicom, &options.aet) {
        (Some(address), Some(aet)) => (address.clone(), aet.clone()),
        _ => publish::archive(&parties)?,
    };
    let seed = options.seed.unwrap_or_else(|| {
        let uuid = circumstances().identifiers.uuid();
        u64::from_be_bytes(uuid[..8].try_into().unwrap_or_default())
    });
    let study = synth::study_of(options.slices, options.size, options.size, seed);
    let mut instances = Vec::with_capacity(options.slices as usize);
    let bar = output::progress(u64::from(options.slices), "images made");
    for index in 0..study.len() {
        instances.push(study.instance(index).map_err(Stop::failed)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let octets: u64 = instances.iter().map(|i| i.bytes.len() as u64).sum();
    let instances = Arc::new(instances);
    let started = Instant::now();
    let mut senders = Vec::new();
    for first in 0..options.associations {
        let (instances, address, called) = (instances.clone(), address.clone(), called.clone());
        let (calling, step) = (options.calling_aet.clone(), options.associations);
        senders.push(tokio::task::spawn_blocking(move || {
            let own = instances.iter().enumerate().filter(|(n, _)| *n as u64 % step == first).map(|(_, i)| i);
            send(&address, &called, &calling, own)
        }));
    }
    let mut micros = Vec::new();
    for sender in senders {
        micros.extend(sender.await.map_err(|e| Stop::failed(format!("sending broke off: {e}")))??);
    }
    let seconds = started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
    let rate = octets as f64 / 1e6 / seconds;
    let facts = json!({ "study_uid": study.study_uid(), "slices": options.slices, "size": options.size,
        "associations": options.associations, "octets": octets, "seconds": round(seconds),
        "megabytes_per_second": round(rate) });
    let remark = format!(
        "{} objects, {:.0} MB in {seconds:.1} s: {rate:.0} MB/s, {:.0} objects/s; study {} of P0001 stays in the node",
        options.slices,
        octets as f64 / 1e6,
        f64::from(options.slices) / seconds,
        study.study_uid()
    );
    print(options.format, &[("C-STORE", Sample::of(micros))], facts, &remark)
}

fn send<'a>(
    address: &str,
    called: &str,
    calling: &str,
    instances: impl Iterator<Item = &'a Instance> + Clone,
) -> Result<Vec<f64>, Stop> {
    let contexts = ProposedContext::to_store(instances.clone().map(|i| (i.sop_class, i.transfer_syntax)))
        .map_err(|count| Stop::failed(format!("{count} presentation contexts do not fit one association")))?;
    let mut micros = Vec::new();
    if contexts.is_empty() {
        return Ok(micros);
    }
    let mut association =
        DimseClient::connect(address, RequestorConfig::new(calling, called, contexts), Duration::from_secs(10))?;
    let header = Options { keep: Keep::Nothing, header_only: true, ..Options::default() };
    for instance in instances {
        let context = association
            .context_for(instance.sop_class, instance.transfer_syntax)
            .ok_or_else(|| Stop::failed(format!("{called} does not take the invented images")))?;
        let scan = scan_slice(&instance.bytes, &header).map_err(Stop::failed)?;
        let start = usize::try_from(scan.data_set_offset).unwrap_or(0);
        let mut data_set = instance.bytes.get(start..).unwrap_or_default();
        let asked = Instant::now();
        let response = association.store(context, instance.sop_class, &instance.uid, &mut data_set)?;
        micros.push(asked.elapsed().as_secs_f64() * 1e6);
        if response.status() != Some(status::SUCCESS) {
            let comment = response.error_comment().unwrap_or_default();
            let code = response.status().unwrap_or(status::PROCESSING_FAILURE);
            return Err(Stop::failed(format!("{called} refused an image with status {code:04x}: {comment}")));
        }
    }
    association.release()?;
    Ok(micros)
}
