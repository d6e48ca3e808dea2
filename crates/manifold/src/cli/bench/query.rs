//! `bench query`: what the registry adds to the SQL under it. One patient's documents are asked for twice, in the same
//! order of patients: as entries of [`Registry::find`], and as bare octets of the same rows by a prepared statement.

use super::{Numbers, Sample, print, round};
use crate::cli::connection::circumstances;
use crate::cli::output::{self, Format};
use crate::cli::stop::Stop;
use crate::config;
use actors::{DocumentRegistry, Registry, RegistryPolicy};
use clap::Args;
use hl7v3::cda::EntryDefaults;
use model::{
    Code, DocumentEntry, DocumentQuery, Dtm, ObjectId, Oid, Patient, PatientId, PersonName, ReferenceId, Report,
    ReportContent, Sex, StudyInstanceUid, UniqueId, Xon, schemes,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use store::{MetadataStore, SqliteOptions, SqliteStore, StoreError, StoreExt};

#[derive(Args, Debug)]
pub struct Query {
    /// Patients in the store
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub patients: u64,
    /// Entries in the store, instead of --patients
    #[arg(long, value_name = "N", conflicts_with = "patients", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub entries: Option<u64>,
    /// Documents of each patient
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=5000))]
    pub documents: u64,
    /// Queries to measure
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(10..=10_000_000))]
    pub queries: u64,
    /// How often they are measured; what is told is the run in the middle
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    pub runs: u64,
    /// Callers at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub clients: u64,
    /// Keep the store there instead of a temporary folder, as a node's data folder; a store that is there already is not
    /// filled again
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

const DOMAIN: &str = "2.999.7";
/// As a node opens it.
const CACHE_KIB: u32 = 4 * 1024;
const MOST_RESULTS: usize = 10_000;
/// Patients that share one commit when the store is filled.
const PATIENTS_AT_ONCE: u64 = 500;

pub fn run(options: &Query) -> Result<(), Stop> {
    let temporary = options.data.is_none().then(|| {
        std::env::temp_dir().join(format!("manifold-bench-{}-{}", std::process::id(), circumstances().request_id))
    });
    let folder = options.data.clone().or_else(|| temporary.clone()).unwrap_or_default();
    let outcome = measure(options, &folder);
    if let Some(folder) = temporary {
        // Left over files of a temporary folder are a nuisance, not a failure.
        let _ = std::fs::remove_dir_all(folder);
    }
    outcome
}

/// What is asked, of what size.
#[derive(Clone, Copy)]
struct Load {
    patients: u64,
    documents: u64,
    queries: u64,
    clients: u64,
}

fn measure(options: &Query, folder: &Path) -> Result<(), Stop> {
    let patients = options.entries.map_or(options.patients, |entries| entries.div_ceil(options.documents));
    let load = Load { patients, documents: options.documents, queries: options.queries, clients: options.clients };
    std::fs::create_dir_all(folder).map_err(|e| Stop::failed(format!("cannot create {}: {e}", folder.display())))?;
    let file = folder.join("manifold.sqlite");
    let store_options = SqliteOptions { cache_kib: CACHE_KIB, max_results: MOST_RESULTS, ..SqliteOptions::default() };
    let store: Arc<dyn MetadataStore> = Arc::new(SqliteStore::open(&file, store_options).map_err(|e| broken(&e))?);
    fill(&*store, &load).map_err(|e| broken(&e))?;
    let policy = RegistryPolicy {
        patient_domain: Oid::parse(DOMAIN).map_err(Stop::failed)?,
        accept_unknown_patients: false,
        value_sets: config::read_codes(None).map_err(Stop::failed)?,
        query_limit: MOST_RESULTS,
        population_queries: false,
    };
    let registry = DocumentRegistry::new(store, policy);
    // Both page caches are warm before anything counts.
    let warm = Load { queries: load.queries.div_ceil(10), ..load };
    by_registry(&registry, warm, 0)?;
    by_sql(&file, warm, 0)?;
    let bar = output::progress(options.runs, "runs");
    let mut runs = Vec::new();
    for number in 0..options.runs {
        // The one that comes second profits from the other; they take turns.
        let (find, sql) = if number % 2 == 0 {
            let find = by_registry(&registry, load, number)?;
            (find, by_sql(&file, load, number)?)
        } else {
            let sql = by_sql(&file, load, number)?;
            (by_registry(&registry, load, number)?, sql)
        };
        runs.push((find.per_second / sql.per_second, find, sql));
        bar.inc(1);
    }
    bar.finish_and_clear();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = runs.len() / 2;
    let Some((ratio, find, sql)) = runs.into_iter().nth(middle) else { return Ok(()) };
    let facts = json!({ "patients": load.patients, "documents_per_patient": load.documents, "queries": load.queries,
        "clients": load.clients, "runs": options.runs, "find_per_second": round(find.per_second),
        "sql_per_second": round(sql.per_second), "ratio": (ratio * 1000.0).round() / 1000.0 });
    let remark = format!(
        "{} documents per answer, {} patients, {} callers: {:.0} answers per second, {ratio:.2} of {:.0} by bare SQL",
        load.documents, load.patients, load.clients, find.per_second, sql.per_second
    );
    let samples = [("find", Sample::of(find.micros)), ("bare SQL", Sample::of(sql.micros))];
    print(options.format, &samples, facts, &remark)
}

/// One run: every query's time, and how many came a second over all callers.
struct Run {
    micros: Vec<f64>,
    per_second: f64,
}

fn by_registry(registry: &DocumentRegistry, load: Load, run: u64) -> Result<Run, Stop> {
    in_parallel(load, run, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|e| Stop::failed(format!("cannot start a caller: {e}")))?;
        let (registry, cx) = (registry.clone(), circumstances());
        Ok(move |patient: &PatientId| {
            let query = DocumentQuery::of_patient(patient.clone()).approved();
            let started = Instant::now();
            let found = runtime.block_on(registry.find(&query, &cx));
            let took = started.elapsed();
            let found = found.map_err(|refusal| Stop::failed(format!("the registry refused: {refusal}")))?;
            Ok((took.as_secs_f64() * 1e6, found.items.len() as u64))
        })
    })
}

fn by_sql(file: &Path, load: Load, run: u64) -> Result<Run, Stop> {
    let failed = |e: rusqlite::Error| Stop::failed(format!("bare SQL: {e}"));
    in_parallel(load, run, || {
        let connection =
            rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        connection.pragma_update(None, "cache_size", -i64::from(CACHE_KIB)).map_err(failed)?;
        Ok(move |patient: &PatientId| {
            let started = Instant::now();
            let rows = bare(&connection, patient).map_err(failed)?;
            Ok((started.elapsed().as_secs_f64() * 1e6, rows))
        })
    })
}

/// Every caller has a thread and visits patients in an order of its own, the same for both ways of asking.
fn in_parallel<C, A>(load: Load, run: u64, caller: C) -> Result<Run, Stop>
where
    C: Fn() -> Result<A, Stop> + Sync,
    A: FnMut(&PatientId) -> Result<(f64, u64), Stop>,
{
    let each = load.queries.div_ceil(load.clients);
    let one = |client: u64| -> Result<(Vec<f64>, f64), Stop> {
        let mut ask = caller()?;
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15 ^ ((run + 1) << 8) ^ client);
        let patients: Vec<PatientId> =
            (0..each).map(|_| patient_id(numbers.below(load.patients))).collect::<Result<_, _>>()?;
        let mut micros = Vec::with_capacity(patients.len());
        let started = Instant::now();
        for patient in &patients {
            let (took, found) = ask(patient)?;
            if found != load.documents {
                return Err(Stop::failed(format!(
                    "expected {} documents of a patient, found {found}; another --data holds another store",
                    load.documents
                )));
            }
            micros.push(took);
        }
        Ok((micros, started.elapsed().as_secs_f64()))
    };
    let outcomes: Vec<Result<(Vec<f64>, f64), Stop>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..load.clients).map(|client| scope.spawn(move || one(client))).collect();
        let ended = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(Stop::failed("a caller of the measurement broke off")))
        };
        threads.into_iter().map(ended).collect()
    });
    let (mut all, mut longest) = (Vec::new(), f64::MIN_POSITIVE);
    for outcome in outcomes {
        let (micros, seconds) = outcome?;
        all.extend(micros);
        longest = longest.max(seconds);
    }
    Ok(Run { per_second: all.len() as f64 / longest, micros: all })
}

fn broken(error: &StoreError) -> Stop {
    Stop::failed(format!("the store of the measurement: {error}"))
}

/// The columns and records of the rows that the store's own query reads, as octets.
fn bare(connection: &rusqlite::Connection, patient: &PatientId) -> Result<u64, rusqlite::Error> {
    let mut owner = connection.prepare_cached("SELECT key FROM patient WHERE id = ?1 AND domain = ?2")?;
    let owner: i64 = owner.query_row((&patient.id, patient.domain.as_str()), |row| row.get(0))?;
    let mut rows = connection
        .prepare_cached("SELECT key, seq, record FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC")?;
    let first = owner << 24;
    let mut rows = rows.query((first, first | 0x00FF_FFFF))?;
    let mut fetched: Vec<(i64, i64, Vec<u8>)> = Vec::new();
    while let Some(row) = rows.next()? {
        fetched.push((row.get(0)?, row.get(1)?, row.get(2)?));
    }
    Ok(std::hint::black_box(fetched).len() as u64)
}

fn patient_id(number: u64) -> Result<PatientId, Stop> {
    Ok(PatientId::new(format!("B{number:07}"), Oid::parse(DOMAIN).map_err(Stop::failed)?))
}

fn fill(store: &dyn MetadataStore, load: &Load) -> Result<(), StoreError> {
    let wanted = load.patients * load.documents;
    if store.read_blocking(|tx| tx.counts())?.entries >= wanted {
        return Ok(());
    }
    let bar = output::progress(wanted, "documents stored");
    let mut number = 0;
    while number < load.patients {
        let (first, last) = (number, load.patients.min(number + PATIENTS_AT_ONCE));
        let documents = load.documents;
        store.write_blocking(move |tx| {
            for number in first..last {
                let Ok(id) = patient_id(number) else { continue };
                tx.put_patient(&patient(id.clone()))?;
                for entry in (0..documents).filter_map(|n| entry(&id, number, n).ok()) {
                    tx.put_entry(&entry)?;
                }
            }
            Ok::<(), StoreError>(())
        })?;
        bar.inc((last - first) * documents);
        number = last;
    }
    bar.finish_and_clear();
    store.checkpoint()
}

fn patient(id: PatientId) -> Patient {
    Patient {
        id,
        other_ids: vec![],
        name: PersonName::from_dicom("DURAND^Anne"),
        birth_date: Dtm::parse("19610412").ok(),
        sex: Some(Sex::Female),
        details: Default::default(),
    }
}

/// An entry as large and as rich as those of real reports.
fn entry(patient: &PatientId, number: u64, n: u64) -> Result<DocumentEntry, model::Invalid> {
    let uid = |kind: u64| format!("2.25.{}", 1_000_000_000_000 + kind * 100_000_000_000 + number * 10_000 + n);
    let uuid = ((number as u128) << 64 | n as u128 | 1 << 127).to_be_bytes();
    let date = Dtm::from_unix_seconds(1_600_000_000 + i64::try_from(n).unwrap_or(0) * 86_400);
    let mut report = invented_report(patient, &uid(1), &uid(2), date)?;
    report.patient.other_ids = vec![PatientId::new(format!("L{number}"), Oid::parse("2.999.1.2")?)];
    let mut defaults = EntryDefaults::new(ObjectId::from_uuid_bytes(uuid));
    defaults.event_code_list = event_codes();
    let mut entry = hl7v3::cda::document_entry(&report, &defaults);
    entry.reference_id_list.push(ReferenceId::accession(format!("A{number}{n}"), Oid::parse("2.999.1.2.3").ok()));
    entry.repository_unique_id = Some(Oid::parse("2.999.1.1")?);
    entry.size_octets = Some(40_000);
    Ok(entry)
}

pub fn event_codes() -> Vec<Code> {
    vec![Code::new("CT", schemes::DCM, "Computed Tomography"), Code::new("67734004", schemes::SNOMED_CT, "Upper trunk")]
}

/// A report nobody wrote.
pub fn invented_report(patient: &PatientId, unique_id: &str, study: &str, date: Dtm) -> Result<Report, model::Invalid> {
    Ok(Report {
        unique_id: UniqueId::parse(unique_id)?,
        set_id: UniqueId::parse(unique_id)?,
        version: 1,
        replaces: None,
        patient: self::patient(patient.clone()),
        title: "CT of the chest".into(),
        kind: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
        language: "en".into(),
        effective_time: date.clone(),
        author: None,
        institution: Xon::parse("North Hospital^^^^^&2.999.1.2&ISO^^^^1")?,
        legal_authenticator: None,
        studies: vec![model::ReportStudy {
            study: StudyInstanceUid::parse(study)?,
            procedure: Some(Code::new("169069000", schemes::SNOMED_CT, "CT of chest")),
            start: Some(date),
            stop: None,
        }],
        orders: vec![],
        content: ReportContent::Text("No finding: this report was invented for a measurement.".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_measurement_runs_and_keeps_its_store() {
        let dir = tempfile::tempdir().unwrap();
        let options = Query {
            patients: 1000,
            entries: Some(12),
            documents: 4,
            queries: 10,
            runs: 2,
            clients: 2,
            data: Some(dir.path().to_owned()),
            format: Format::Json,
        };
        run(&options).unwrap();
        run(&options).unwrap();
        let other = Query { documents: 3, ..options };
        assert!(matches!(run(&other), Err(Stop::Failed(text)) if text.contains("another --data")));
    }

    #[test]
    fn what_the_store_is_filled_with_is_what_a_registry_would_accept() {
        let patient = patient_id(7).unwrap();
        let entry = entry(&patient, 7, 3).unwrap();
        assert_eq!(entry.validate(), vec![]);
    }
}
