//! `bench query`: what the embedded store adds to the SQL under it. The same patient's rows are read twice: as entries by
//! [`store`], and as bare octets by a prepared statement on a connection of its own.

use super::{Numbers, Sample, print, round};
use crate::cli::output::{self, Format};
use crate::cli::stop::Stop;
use clap::Args;
use hl7v3::cda::EntryDefaults;
use model::{
    Code, DocumentEntry, DocumentQuery, Dtm, ObjectId, Oid, Patient, PatientId, PersonName, ReferenceId, Report,
    ReportContent, Sex, StudyInstanceUid, UniqueId, Xon, schemes,
};
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;
use store::{SqliteOptions, SqliteStore, StoreError, StoreExt};

#[derive(Args, Debug)]
pub struct Query {
    /// Patients in the store
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub patients: u64,
    /// Documents of each patient
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=5000))]
    pub documents: u64,
    /// Queries to measure
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(10..=10_000_000))]
    pub queries: u64,
    /// Keep the store there instead of a temporary folder; a store that is there already is not filled again
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

const DOMAIN: &str = "2.999.7";

pub fn run(options: &Query) -> Result<(), Stop> {
    let temporary = options.data.is_none().then(|| {
        std::env::temp_dir().join(format!(
            "manifold-bench-{}-{}",
            std::process::id(),
            super::circumstances().request_id
        ))
    });
    let folder = options.data.clone().or_else(|| temporary.clone()).unwrap_or_default();
    let outcome = measure(options, &folder);
    if let Some(folder) = temporary {
        // Left over files of a temporary folder are a nuisance, not a failure.
        let _ = std::fs::remove_dir_all(folder);
    }
    outcome
}

fn measure(options: &Query, folder: &std::path::Path) -> Result<(), Stop> {
    let failed = |e: StoreError| Stop::failed(format!("the store of the measurement: {e}"));
    std::fs::create_dir_all(folder).map_err(|e| Stop::failed(format!("cannot create {}: {e}", folder.display())))?;
    let file = folder.join("bench.sqlite");
    let store = SqliteStore::open(&file, SqliteOptions::default()).map_err(failed)?;
    fill(&store, options).map_err(failed)?;
    let sql = |e: rusqlite::Error| Stop::failed(format!("bare SQL: {e}"));
    let connection =
        rusqlite::Connection::open_with_flags(&file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql)?;
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let (mut by_store, mut by_sql) = (Vec::new(), Vec::new());
    let bar = output::progress(options.queries, "queries");
    // The first tenth warms both page caches and is not counted.
    let warm = options.queries / 10;
    for n in 0..options.queries + warm {
        let patient = patient_id(numbers.below(options.patients))?;
        let query = DocumentQuery::of_patient(patient.clone()).approved();
        let started = Instant::now();
        let found = store.read_blocking(|tx| tx.find(&query)).map_err(failed)?;
        let took = started.elapsed();
        let started = Instant::now();
        let rows = bare(&connection, &patient).map_err(sql)?;
        let bare_took = started.elapsed();
        if found.entries.len() as u64 != rows || rows != options.documents {
            return Err(Stop::failed(format!(
                "expected {} documents of a patient, the store found {} and SQL {rows}; another --data holds another store",
                options.documents,
                found.entries.len()
            )));
        }
        if n >= warm {
            by_store.push(took.as_secs_f64() * 1e6);
            by_sql.push(bare_took.as_secs_f64() * 1e6);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let (by_store, by_sql) = (Sample::of(by_store), Sample::of(by_sql));
    let ratio = by_store.quantile(0.5) / by_sql.quantile(0.5).max(f64::MIN_POSITIVE);
    let facts = json!({ "patients": options.patients, "documents_per_patient": options.documents,
        "queries": options.queries, "ratio_p50": round(ratio) });
    let remark = format!(
        "{} documents per answer, {} patients: the store needs {ratio:.1} times the bare SQL (median), decoding included",
        options.documents, options.patients
    );
    print(options.format, &[("store find", by_store), ("bare SQL", by_sql)], facts, &remark)
}

/// The rows that the store's own query reads, as octets.
fn bare(connection: &rusqlite::Connection, patient: &PatientId) -> Result<u64, rusqlite::Error> {
    let mut owner = connection.prepare_cached("SELECT key FROM patient WHERE id = ?1 AND domain = ?2")?;
    let owner: i64 = owner.query_row((&patient.id, patient.domain.as_str()), |row| row.get(0))?;
    let mut rows = connection
        .prepare_cached("SELECT key, seq, record FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC")?;
    let first = owner << 24;
    let mut rows = rows.query((first, first | 0x00FF_FFFF))?;
    let (mut count, mut octets) = (0, 0);
    while let Some(row) = rows.next()? {
        octets += row.get_ref(2)?.as_blob().map_or(0, <[u8]>::len);
        count += 1;
    }
    std::hint::black_box(octets);
    Ok(count)
}

fn patient_id(number: u64) -> Result<PatientId, Stop> {
    Ok(PatientId::new(format!("B{number:07}"), Oid::parse(DOMAIN).map_err(Stop::failed)?))
}

fn fill(store: &SqliteStore, options: &Query) -> Result<(), StoreError> {
    let wanted = options.patients * options.documents;
    if store.read_blocking(|tx| tx.counts())?.entries >= wanted {
        return Ok(());
    }
    let bar = output::progress(wanted, "documents stored");
    for number in 0..options.patients {
        let Ok(patient) = patient_id(number) else { continue };
        let entries: Vec<DocumentEntry> =
            (0..options.documents).filter_map(|n| entry(&patient, number, n).ok()).collect();
        let count = entries.len() as u64;
        store.write_blocking(move |tx| {
            for entry in &entries {
                tx.put_entry(entry)?;
            }
            Ok::<(), StoreError>(())
        })?;
        bar.inc(count);
    }
    bar.finish_and_clear();
    Ok(())
}

/// An entry as large and as rich as those of real reports.
fn entry(patient: &PatientId, number: u64, n: u64) -> Result<DocumentEntry, model::Invalid> {
    let uid = |kind: u64| format!("2.25.{}", 1_000_000_000_000 + kind * 1_000_000_000 + number * 10_000 + n);
    let uuid = ((number as u128) << 64 | n as u128 | 1 << 127).to_be_bytes();
    let date = Dtm::from_unix_seconds(1_600_000_000 + i64::try_from(n).unwrap_or(0) * 86_400);
    let report = Report {
        unique_id: UniqueId::parse(&uid(1))?,
        set_id: UniqueId::parse(&uid(1))?,
        version: 1,
        replaces: None,
        patient: Patient {
            id: patient.clone(),
            other_ids: vec![PatientId::new(format!("L{number}"), Oid::parse("2.999.1.2")?)],
            name: PersonName::from_dicom("DURAND^Anne"),
            birth_date: Some(Dtm::parse("19610412")?),
            sex: Some(Sex::Female),
        },
        title: "CT of the chest".into(),
        kind: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
        language: "en".into(),
        effective_time: date.clone(),
        author: None,
        institution: Xon::parse("North Hospital^^^^^&2.999.1.2&ISO^^^^1")?,
        legal_authenticator: None,
        studies: vec![model::ReportStudy {
            study: StudyInstanceUid::parse(&uid(2))?,
            procedure: Some(Code::new("169069000", schemes::SNOMED_CT, "CT of chest")),
            start: Some(date),
            stop: None,
        }],
        orders: vec![],
        content: ReportContent::Text(String::new()),
    };
    let mut defaults = EntryDefaults::new(ObjectId::from_uuid_bytes(uuid));
    defaults.event_code_list = vec![
        Code::new("CT", schemes::DCM, "Computed Tomography"),
        Code::new("67734004", schemes::SNOMED_CT, "Upper trunk"),
    ];
    let mut entry = hl7v3::cda::document_entry(&report, &defaults);
    entry.reference_id_list.push(ReferenceId::accession(format!("A{number}{n}"), Oid::parse("2.999.1.2.3").ok()));
    entry.repository_unique_id = Some(Oid::parse("2.999.1.1")?);
    entry.size_octets = Some(40_000);
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_measurement_runs_and_keeps_its_store() {
        let dir = tempfile::tempdir().unwrap();
        let options =
            Query { patients: 3, documents: 4, queries: 10, data: Some(dir.path().to_owned()), format: Format::Json };
        run(&options).unwrap();
        run(&options).unwrap();
        let other = Query { documents: 3, ..options };
        assert!(matches!(run(&other), Err(Stop::Failed(text)) if text.contains("another --data")));
    }
}
