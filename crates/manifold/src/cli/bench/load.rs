//! `bench load`: many clients ask a running node at once; latencies as the clients see them.

use super::{Sample, print, round};
use crate::cli::connection::{Connection, Parties, Via, circumstances};
use crate::cli::output::{self, Format};
use crate::cli::stop::Stop;
use clap::Args;
use model::{DocumentQuery, PatientId};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[derive(Args, Debug)]
pub struct Load {
    /// Patients to ask for, in turn; without it P0001 to P0012
    #[arg(long, value_name = "ID")]
    pub patient: Vec<String>,
    /// Clients at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub clients: u64,
    /// Requests of all clients together
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub requests: u64,
    /// Protocol to ask by; without it XDS where somebody answers it
    #[arg(long, value_enum)]
    pub via: Option<Via>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

pub async fn run(options: Load) -> Result<(), Stop> {
    let parties = Parties::open(&options.connection)?;
    let mut names = options.patient.clone();
    if names.is_empty() {
        names = (1..=12).map(|n| format!("P{n:04}")).collect();
    }
    let patients: Vec<PatientId> = names.iter().map(|n| parties.patient_id(n)).collect::<Result<_, _>>()?;
    let registry = parties.registry_via(options.via)?;
    let next = Arc::new(AtomicU64::new(0));
    let bar = output::progress(options.requests, "requests");
    let started = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..options.clients {
        let (registry, next, patients, bar) = (registry.clone(), next.clone(), patients.clone(), bar.clone());
        let requests = options.requests;
        clients.push(tokio::spawn(async move {
            let (mut micros, mut documents, mut failures) = (Vec::new(), 0_u64, Vec::new());
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= requests {
                    return (micros, documents, failures);
                }
                let patient = &patients[usize::try_from(n % patients.len() as u64).unwrap_or(0)];
                let query = DocumentQuery::of_patient(patient.clone()).approved();
                let asked = Instant::now();
                match registry.find(&query, &circumstances()).await {
                    Ok(found) => {
                        micros.push(asked.elapsed().as_secs_f64() * 1e6);
                        documents += found.items.len() as u64;
                    }
                    Err(refusal) => failures.push(refusal.to_string()),
                }
                bar.inc(1);
            }
        }));
    }
    let (mut micros, mut documents, mut failures) = (Vec::new(), 0, Vec::new());
    for client in clients {
        let (some, count, failed) =
            client.await.map_err(|e| Stop::failed(format!("a client of the measurement broke off: {e}")))?;
        micros.extend(some);
        documents += count;
        failures.extend(failed);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let answered = micros.len();
    let rate = answered as f64 / seconds.max(f64::MIN_POSITIVE);
    let facts = json!({ "clients": options.clients, "requests": options.requests, "failed": failures.len(),
        "seconds": round(seconds), "requests_per_second": round(rate), "documents": documents });
    let remark = format!(
        "{answered} answers by {} clients in {seconds:.1} s: {rate:.0} per second, {documents} documents, {} failed",
        options.clients,
        failures.len()
    );
    print(options.format, &[("query", Sample::of(micros))], facts, &remark)?;
    match failures.first() {
        Some(first) => Err(Stop::failed(format!("{} requests failed; the first: {first}", failures.len()))),
        None => Ok(()),
    }
}
