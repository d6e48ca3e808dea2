//! The accession number of each study as its first instance has it, so that an operator finds the study by it.

use model::StudyInstanceUid;
use store::{OutboxRead, StoreError, WriteTx};

/// Node state: the accession number, per study.
const OF_STUDY: &str = "study-accession";
/// Node state: studies by accession number; keys are the number, a separator and the study.
const BY_NUMBER: &str = "accession-study";
const SEPARATOR: char = '\u{1f}';

fn plain(number: &str) -> String {
    number.trim().chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Notes the accession number of a study that is new; an empty one is none.
pub(crate) fn note(tx: &mut dyn WriteTx, study: &StudyInstanceUid, number: &str) -> Result<(), StoreError> {
    let number = plain(number);
    if number.is_empty() {
        return Ok(());
    }
    tx.put_state(OF_STUDY, study.as_str(), Some(number.as_bytes()))?;
    tx.put_state(BY_NUMBER, &format!("{number}{SEPARATOR}{study}"), Some(b""))
}

pub(super) fn of<T: OutboxRead + ?Sized>(tx: &T, study: &StudyInstanceUid) -> Result<Option<String>, StoreError> {
    Ok(tx.state(OF_STUDY, study.as_str())?.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Studies with this accession number; some may be gone meanwhile.
pub(super) fn find<T: OutboxRead + ?Sized>(
    tx: &T,
    number: &str,
    limit: usize,
) -> Result<Vec<StudyInstanceUid>, StoreError> {
    let prefix = format!("{}{SEPARATOR}", plain(number));
    let keys = tx.states(BY_NUMBER, &prefix, limit)?;
    let of_number = keys.iter().map_while(|(key, _)| key.strip_prefix(&prefix));
    Ok(of_number.filter_map(|uid| StudyInstanceUid::parse(uid).ok()).collect())
}
