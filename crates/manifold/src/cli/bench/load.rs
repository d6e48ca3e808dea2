//! `bench load`: many clients ask a running node at once, or register at it; latencies as the clients see them.

use super::query::{event_codes, invented_report};
use super::{Sample, print, round};
use crate::cli::connection::{Connection, Parties, Via, circumstances};
use crate::cli::output::{self, Format};
use crate::cli::stop::Stop;
use actors::Cx;
use clap::Args;
use hl7v3::cda::EntryDefaults;
use model::{DocumentQuery, Oid, PatientId, ReferenceId, Sha1Hash, Submission};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use transactions::report_source;

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
    /// Asks for so many invented patients, B0000000 and on, in no order, as --per-patient made them
    #[arg(long, value_name = "N", conflicts_with_all = ["patient", "register"], value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub invented: Option<u64>,
    /// Registers so many invented entries by ITI-42 instead of asking, one in each submission; they stay in the node
    #[arg(long, value_name = "N", conflicts_with_all = ["requests", "via"], value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub register: Option<u64>,
    /// With --register: invented patients B0000000, B0000001, ... with so many entries each, at a node that accepts
    /// unknown patients
    #[arg(long, value_name = "N", requires = "register", conflicts_with = "patient", value_parser = clap::value_parser!(u64).range(1..=5000))]
    pub per_patient: Option<u64>,
    /// With --per-patient: number of the first patient
    #[arg(long, value_name = "N", requires = "per_patient", default_value_t = 0)]
    pub first_patient: u64,
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
    if let Some(entries) = options.register {
        return register(&options, &parties, patients, entries).await;
    }
    let registry = parties.registry_via(options.via)?;
    let domain = parties.patient_id("B")?.domain;
    let next = Arc::new(AtomicU64::new(0));
    let bar = output::progress(options.requests, "requests");
    let started = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..options.clients {
        let (registry, next, patients, bar) = (registry.clone(), next.clone(), patients.clone(), bar.clone());
        let (requests, invented, domain) = (options.requests, options.invented, domain.clone());
        clients.push(tokio::spawn(async move {
            let (mut micros, mut documents, mut failures) = (Vec::new(), 0_u64, Vec::new());
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= requests {
                    return (micros, documents, failures);
                }
                let patient = match invented {
                    // A number without a common divisor spreads them over the whole store.
                    Some(patients) => invented_patient(n.wrapping_mul(7_919_777) % patients, &domain),
                    None => patients[usize::try_from(n % patients.len() as u64).unwrap_or(0)].clone(),
                };
                let query = DocumentQuery::of_patient(patient).approved();
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

fn invented_patient(number: u64, domain: &Oid) -> PatientId {
    PatientId::new(format!("B{number:07}"), domain.clone())
}

/// What is registered, and for whom.
struct Registration {
    entries: u64,
    patients: Vec<PatientId>,
    /// Entries of each invented patient, and the first of them.
    invented: Option<(u64, u64)>,
    domain: Oid,
}

impl Registration {
    fn submission(&self, n: u64, cx: &Cx) -> Result<Submission, model::Invalid> {
        let patient = match self.invented {
            Some((each, first)) => invented_patient(first + n / each, &self.domain),
            None => self.patients[usize::try_from(n % self.patients.len() as u64).unwrap_or(0)].clone(),
        };
        let uid = || cx.identifiers.uid();
        let report = invented_report(&patient, &uid(), &uid(), cx.now())?;
        let mut defaults = EntryDefaults::new(cx.identifiers.entry_uuid());
        defaults.event_code_list = event_codes();
        let mut entry = hl7v3::cda::document_entry(&report, &defaults);
        entry.reference_id_list.push(ReferenceId::accession(uid(), Oid::parse("2.999.1.2.3").ok()));
        entry.repository_unique_id = Some(Oid::parse("2.999.1.1")?);
        entry.source_patient_id = Some(PatientId::new(format!("L{n}"), Oid::parse("2.999.1.2")?));
        let mut hash = [0; 20];
        hash[..8].copy_from_slice(&n.to_be_bytes());
        (entry.hash, entry.size_octets) = (Some(Sha1Hash::from_bytes(hash)), Some(40_000));
        Ok(report_source::submission(entry, &[], Oid::parse("2.999.1")?, cx))
    }
}

async fn register(options: &Load, parties: &Parties, patients: Vec<PatientId>, entries: u64) -> Result<(), Stop> {
    let registry = parties.registry()?;
    let invented = options.per_patient.map(|each| (each, options.first_patient));
    let domain = parties.patient_id("B")?.domain;
    let what = Arc::new(Registration { entries, patients, invented, domain });
    let next = Arc::new(AtomicU64::new(0));
    let bar = output::progress(entries, "entries");
    let started = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..options.clients {
        let (registry, next, what, bar) = (registry.clone(), next.clone(), what.clone(), bar.clone());
        clients.push(tokio::spawn(async move {
            let mut micros = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= what.entries {
                    return Ok::<_, Stop>(micros);
                }
                let cx = circumstances();
                let submission = what.submission(n, &cx).map_err(Stop::failed)?;
                let asked = Instant::now();
                registry.register(submission, &cx).await?;
                micros.push(asked.elapsed().as_secs_f64() * 1e6);
                bar.inc(1);
            }
        }));
    }
    let mut micros = Vec::new();
    for client in clients {
        micros.extend(client.await.map_err(|e| Stop::failed(format!("a client broke off: {e}")))??);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
    let rate = micros.len() as f64 / seconds;
    let facts = json!({ "clients": options.clients, "entries": entries, "seconds": round(seconds),
        "entries_per_second": round(rate) });
    let remark = format!(
        "{entries} entries by {} clients, one in each submission, in {seconds:.1} s: {rate:.0} per second; they stay there",
        options.clients
    );
    print(options.format, &[("ITI-42", Sample::of(micros))], facts, &remark)
}
