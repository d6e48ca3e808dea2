//! `bench wado`: how fast a source gives out the series of a study over WADO-RS.

use super::{Sample, print, round};
use crate::cli::connection::{Connection, Parties, Via, circumstances};
use crate::cli::images::{self, plan::Plan};
use crate::cli::output::{self, Format};
use crate::cli::stop::Stop;
use actors::{Fault, ImageRequest, Imaging, WantedSyntax};
use clap::Args;
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::time::Instant;
use transactions::rad107_wado_rs as rad107;

#[derive(Args, Debug)]
pub struct Wado {
    /// Study to fetch
    #[arg(long, value_name = "UID")]
    pub study: String,
    /// Patient of the study: a registry finds a study by its patient over XDS
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub repeat: u64,
    /// Series fetched at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub parallel: u64,
    /// WADO-RS base to ask instead of the manifest's
    #[arg(long, value_name = "URL")]
    pub wado: Option<String>,
    /// Protocol to find the manifest by; without it XDS where somebody answers it
    #[arg(long, value_enum)]
    pub via: Option<Via>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

pub async fn run(options: Wado) -> Result<(), Stop> {
    let parties = Parties::open(&options.connection)?;
    let manifests = images::registered(&parties, &options.study, options.patient.as_deref(), options.via).await?;
    let plan = Plan::of(&manifests, None, options.wado.as_deref())?;
    let rounds = (0..options.repeat).flat_map(|_| &plan.series);
    let bar = output::progress(options.repeat * plan.series.len() as u64, "series");
    let started = Instant::now();
    let parallel = usize::try_from(options.parallel).unwrap_or(1);
    let mut running = stream::iter(rounds)
        .map(|series| {
            let source =
                rad107::Client { name: series.base.clone(), base: series.base.clone(), http: parties.http.clone() };
            let request = ImageRequest {
                study: series.study.clone(),
                series: Some(series.series.clone()),
                instance: None,
                syntaxes: vec![WantedSyntax::AsStored],
            };
            async move {
                let asked = Instant::now();
                let counted = count(&source, &request).await?;
                Ok::<_, Fault>((asked.elapsed().as_secs_f64() * 1e6, counted))
            }
        })
        .buffer_unordered(parallel);
    let (mut micros, mut instances, mut octets) = (Vec::new(), 0_u64, 0_u64);
    while let Some(series) = running.next().await {
        let (took, (some, more)) = series?;
        micros.push(took);
        instances += some;
        octets += more;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
    let rate = octets as f64 / 1e6 / seconds;
    let facts = json!({ "repeat": options.repeat, "parallel": options.parallel, "instances": instances,
        "octets": octets, "seconds": round(seconds), "megabytes_per_second": round(rate) });
    let remark = format!(
        "{instances} instances, {:.0} MB in {seconds:.1} s: {rate:.0} MB/s, {:.0} instances/s",
        octets as f64 / 1e6,
        instances as f64 / seconds
    );
    print(options.format, &[("series", Sample::of(micros))], facts, &remark)
}

async fn count(source: &rad107::Client, request: &ImageRequest) -> Result<(u64, u64), Fault> {
    let cx = circumstances();
    let mut images = source.fetch(request, &cx).await.map_err(|r| r.first().clone())?;
    let (mut instances, mut octets) = (0, 0);
    while let Some(served) = images.instances.next().await {
        let mut served = served?;
        instances += 1;
        while let Some(piece) = served.body.next().await {
            octets += piece?.len() as u64;
        }
    }
    Ok((instances, octets))
}
