//! The tables, and how older files become the present format. `PRAGMA user_version` counts the steps taken.
//!
//! Everything that belongs to one patient lies together: the row id of an entry is the patient's key in the upper bits
//! and a number counted per patient in the lower 24, so one range of the table is one patient, newest last.

use crate::StoreError;
use rusqlite::{Connection, TransactionBehavior};

/// Bits of a clustered key that count within the owner (patient or study).
pub(super) const SEQUENCE_BITS: u32 = 24;

/// First and last clustered key of an owner.
pub(super) fn key_range(owner: i64) -> (i64, i64) {
    let first = owner << SEQUENCE_BITS;
    (first, first | ((1 << SEQUENCE_BITS) - 1))
}

pub(super) fn owner_of(key: i64) -> i64 {
    key >> SEQUENCE_BITS
}

/// What has to be computed from the records after a step's statements.
type Then = fn(&Connection) -> Result<(), StoreError>;

/// A change of the format.
struct Step {
    sql: &'static str,
    then: Option<Then>,
}

/// A step that has been released is never edited.
const STEPS: &[Step] =
    &[Step { sql: V1, then: None }, Step { sql: PATIENT_INDEX, then: Some(super::patient_index::fill) }];

const PATIENT_INDEX: &str = "
-- What a search for patients is led by; kind: see patient_index.rs.
CREATE TABLE patient_text(kind INTEGER, text TEXT, patient INTEGER, PRIMARY KEY(kind, text, patient)) WITHOUT ROWID;
-- Domains that a feed has named an identifier of.
CREATE TABLE patient_domain(domain TEXT PRIMARY KEY) WITHOUT ROWID;
";

const V1: &str = "
-- The registration order: only grows.
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES('registration', 0);
-- And how many there are, because counting a large table reads all of it.
INSERT INTO counter VALUES('entry', 0), ('submission_set', 0), ('folder', 0), ('association', 0), ('document', 0);

-- known: named by the feed. survivor: key of the patient this one was merged into.
CREATE TABLE patient(
  key INTEGER PRIMARY KEY, domain TEXT NOT NULL, id TEXT NOT NULL, known INTEGER NOT NULL, survivor INTEGER,
  family TEXT NOT NULL, given TEXT NOT NULL, record BLOB);
CREATE UNIQUE INDEX patient_id ON patient(id, domain);
CREATE INDEX patient_family ON patient(family, id) WHERE known = 1 AND survivor IS NULL;
CREATE INDEX patient_survivor ON patient(survivor) WHERE survivor IS NOT NULL;
CREATE TABLE patient_other_id(id TEXT, domain TEXT, patient INTEGER, PRIMARY KEY(id, domain, patient)) WITHOUT ROWID;

-- key: patient's key and a number per patient. seq: order of registration over all. kind: 0 entry, 1 submission set,
-- 2 folder, 3 association. id: 16 octets of a UUID, or text.
CREATE TABLE object(id BLOB PRIMARY KEY, kind INTEGER NOT NULL, key INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE unique_id(value TEXT, kind INTEGER, key INTEGER, PRIMARY KEY(value, kind, key)) WITHOUT ROWID;
-- Versions after the first: their logical id differs from their own.
CREATE TABLE logical_id(value BLOB, kind INTEGER, key INTEGER, PRIMARY KEY(value, kind, key)) WITHOUT ROWID;
-- hash: of ReferenceId::match_key.
CREATE TABLE reference(id TEXT, hash INTEGER, key INTEGER, PRIMARY KEY(id, hash, key)) WITHOUT ROWID;
CREATE TABLE entry(key INTEGER PRIMARY KEY, seq INTEGER NOT NULL, record BLOB NOT NULL);
CREATE TABLE submission_set(key INTEGER PRIMARY KEY, seq INTEGER NOT NULL, record BLOB NOT NULL);
CREATE TABLE folder(key INTEGER PRIMARY KEY, seq INTEGER NOT NULL, record BLOB NOT NULL);
CREATE TABLE association(key INTEGER PRIMARY KEY, source BLOB NOT NULL, target BLOB NOT NULL, record BLOB NOT NULL);
CREATE INDEX association_source ON association(source);
CREATE INDEX association_target ON association(target);

-- state: 0 staged, 1 committed. Bytes of small documents lie apart, so that rows stay short.
CREATE TABLE document(
  key INTEGER PRIMARY KEY, unique_id TEXT NOT NULL UNIQUE, mime_type TEXT NOT NULL, size INTEGER NOT NULL,
  sha1 TEXT NOT NULL, sha256 BLOB NOT NULL, state INTEGER NOT NULL, inline INTEGER NOT NULL, stored_at INTEGER NOT NULL);
CREATE INDEX document_blob ON document(sha256) WHERE inline = 0;
CREATE INDEX document_staged ON document(stored_at) WHERE state = 0;
CREATE TABLE document_bytes(document INTEGER PRIMARY KEY, bytes BLOB NOT NULL);

-- changed_at: when the first change came that is not published yet.
CREATE TABLE study(
  key INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, patient_id TEXT NOT NULL, patient_issuer TEXT NOT NULL,
  calling_ae TEXT NOT NULL, instances INTEGER NOT NULL, size INTEGER NOT NULL, first_received_at INTEGER NOT NULL,
  last_received_at INTEGER NOT NULL, changed_at INTEGER, revision INTEGER NOT NULL, published_revision INTEGER NOT NULL,
  manifest TEXT, manifest_entry TEXT, content_hash BLOB, published_at INTEGER, held TEXT);
CREATE INDEX study_dirty ON study(changed_at) WHERE changed_at IS NOT NULL;
CREATE INDEX study_held ON study(key) WHERE held IS NOT NULL;
CREATE INDEX study_patient ON study(patient_id, patient_issuer);
-- key: study's key and a number per study.
CREATE TABLE instance(
  key INTEGER PRIMARY KEY, series TEXT NOT NULL, uid TEXT NOT NULL, sop_class TEXT NOT NULL, transfer_syntax TEXT NOT NULL,
  file TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, sha256 BLOB NOT NULL, header BLOB NOT NULL, patient_id TEXT NOT NULL,
  patient_issuer TEXT NOT NULL, received_at INTEGER NOT NULL, calling_ae TEXT NOT NULL, held TEXT);
CREATE INDEX instance_uid ON instance(uid);
CREATE INDEX instance_held ON instance(key) WHERE held IS NOT NULL;

-- state: 0 queued, 1 running, 2 failed, 3 done. again: payload for another run after the present one.
CREATE TABLE job(
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL,
  state INTEGER NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, last_error TEXT,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, again BLOB, again_at INTEGER);
CREATE UNIQUE INDEX job_about ON job(kind, key) WHERE state < 3;
CREATE INDEX job_next ON job(next_at) WHERE state < 2;
CREATE INDEX job_done ON job(updated_at) WHERE state = 3;
CREATE INDEX job_state ON job(state, id);
CREATE TABLE node_state(scope TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY(scope, key)) WITHOUT ROWID;
";

/// Takes the steps that are missing, all of them or none.
///
/// Errors: `Newer` when the file has had steps that this version does not know.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let supported = STEPS.len() as i64;
    if version > supported || version < 0 {
        return Err(StoreError::Newer { found: version, supported });
    }
    for step in STEPS.iter().skip(version as usize) {
        tx.execute_batch(step.sql)?;
        if let Some(then) = step.then {
            then(&tx)?;
        }
    }
    tx.pragma_update(None, "user_version", supported)?;
    tx.commit()?;
    Ok(())
}
