//! `bench publish`: how fast a repository takes invented reports by ITI-41 or ITI-65, until each is registered.

use super::query::{event_codes, invented_report};
use super::{Sample, print, round};
use crate::cli::connection::{Connection, Parties, Via, circumstances};
use crate::cli::output::{self, Format};
use crate::cli::stop::Stop;
use actors::{DocumentContent, ProvidedDocument};
use clap::Args;
use hl7v3::cda::EntryDefaults;
use model::Oid;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use transactions::report_source::{self, Outgoing};

#[derive(Args, Debug)]
pub struct Publish {
    /// Patient the reports are about
    #[arg(long, value_name = "ID")]
    pub patient: String,
    /// Reports of all clients together
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub reports: u64,
    /// Clients at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub clients: u64,
    /// Instead of a report, each time a document of so many octets, streamed from a file without content
    #[arg(long, value_name = "N")]
    pub octets: Option<u64>,
    /// By ITI-41 or by ITI-65; without it by ITI-41 where somebody answers that
    #[arg(long, value_enum)]
    pub via: Option<Via>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

pub async fn run(options: Publish) -> Result<(), Stop> {
    let parties = Parties::open(&options.connection)?;
    let patient = parties.patient_id(&options.patient)?;
    let (party, repository) = parties.publish_to(options.via)?;
    let file = options.octets.map(empty_file).transpose()?.map(Arc::new);
    let next = Arc::new(AtomicU64::new(0));
    let bar = output::progress(options.reports, "reports");
    let started = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..options.clients {
        let (next, repository, patient, bar) = (next.clone(), repository.clone(), patient.clone(), bar.clone());
        let (reports, file) = (options.reports, file.clone());
        clients.push(tokio::spawn(async move {
            let mut micros = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < reports {
                let cx = circumstances();
                let (id, study) = (cx.identifiers.uid(), cx.identifiers.uid());
                let report = invented_report(&patient, &id, &study, cx.now()).map_err(Stop::failed)?;
                let outgoing = Outgoing {
                    study_codes: report.studies.iter().map(|s| (s.study.clone(), event_codes())).collect(),
                    report: &report,
                    replaces: Vec::new(),
                    source_id: Oid::parse("2.999.1").map_err(Stop::failed)?,
                };
                let asked = Instant::now();
                match &file {
                    None => drop(report_source::publish(outgoing, &*repository, &cx).await?),
                    Some(file) => {
                        let entry =
                            hl7v3::cda::document_entry(&report, &EntryDefaults::new(cx.identifiers.entry_uuid()));
                        let content = DocumentContent::File(file.0.clone());
                        let documents = vec![ProvidedDocument { entry_id: entry.id.clone(), content }];
                        let submission = report_source::submission(entry, &[], outgoing.source_id, &cx);
                        repository.provide(submission, documents, &cx).await?;
                    }
                }
                micros.push(asked.elapsed().as_secs_f64() * 1e6);
                bar.inc(1);
            }
            Ok::<_, Stop>(micros)
        }));
    }
    let mut micros = Vec::new();
    for client in clients {
        micros.extend(client.await.map_err(|e| Stop::failed(format!("a client broke off: {e}")))??);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
    let rate = micros.len() as f64 / seconds;
    let facts = json!({ "clients": options.clients, "reports": options.reports, "seconds": round(seconds),
        "reports_per_second": round(rate) });
    let remark = format!(
        "{} reports by {} clients to {} in {seconds:.1} s: {rate:.0} per second; they stay there",
        micros.len(),
        options.clients,
        party.name
    );
    let transaction = if options.via == Some(Via::Mhd) { "ITI-65" } else { "ITI-41" };
    print(options.format, &[(transaction, Sample::of(micros))], facts, &remark)
}

/// A file in the system's temporary folder, removed when nobody needs it any more.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Left over it is a nuisance, not a failure.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn empty_file(octets: u64) -> Result<Temporary, Stop> {
    let name = format!("manifold-bench-{}-{}", std::process::id(), circumstances().request_id);
    let path = std::env::temp_dir().join(name);
    let made = std::fs::File::create(&path).and_then(|file| file.set_len(octets));
    made.map_err(|e| Stop::failed(format!("cannot make {}: {e}", path.display())))?;
    Ok(Temporary(path))
}
