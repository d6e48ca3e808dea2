//! Answering a [`DocumentQuery`]: which index leads to the candidates, and [`DocumentQuery::matches`] on each of them.
//! A patient has tens of entries that lie together, so reading them all and deciding in one place is both the fastest
//! way and the one that cannot disagree with the model. Source: ITI TF-2 3.18.4.1.2.3.

use super::registry::Owners;
use super::schema::{key_range, owner_of};
use super::tx::{Ident, Tx};
use crate::record::{Memo, decode_entry, peek_entry};
use crate::{Found, StoreError};
use model::{DocumentEntry, DocumentQuery, DocumentType, PatientId, ReferenceId, ReferenceTerm};
use rusqlite::Row;
use std::collections::HashSet;

/// Where a page ended: order of registration, and the key of the entry there.
#[derive(Clone, Copy)]
struct Position {
    seq: i64,
    key: i64,
}

impl Position {
    const START: Position = Position { seq: i64::MAX, key: i64::MAX };

    fn parse(text: &str) -> Result<Self, StoreError> {
        let number = |t: &str| i64::from_str_radix(t, 16).ok().filter(|n| *n >= 0);
        text.split_once('-')
            .and_then(|(seq, key)| Some(Position { seq: number(seq)?, key: number(key)? }))
            .ok_or(StoreError::BadPage)
    }

    fn to_text(self) -> String {
        format!("{:x}-{:x}", self.seq, self.key)
    }
}

/// Entries that matched, newest first once finished.
struct Collector<'q> {
    query: &'q DocumentQuery,
    after: Position,
    /// Stop being interested past so many.
    wanted: usize,
    counting: bool,
    count: usize,
    /// Where the entry of the same index is; apart from it, because entries are large and moving them costs.
    positions: Vec<Position>,
    entries: Vec<DocumentEntry>,
    memo: Memo,
}

impl Collector<'_> {
    /// Looks at one row. `owner` replaces the patient id that the record names, for merged patients.
    fn offer(&mut self, position: Position, record: &[u8], owner: Option<&PatientId>) -> Result<(), StoreError> {
        if position.seq >= self.after.seq || !self.may_match(record)? {
            return Ok(());
        }
        let mut entry = decode_entry(record, &mut self.memo)?;
        if let Some(owner) = owner {
            entry.patient_id = owner.clone();
        }
        if self.query.matches(&entry) {
            self.count += 1;
            if !self.counting {
                self.positions.push(position);
                self.entries.push(entry);
            }
        }
        Ok(())
    }

    /// Cheap reasons why a record cannot match; never wrong about one that does.
    fn may_match(&self, record: &[u8]) -> Result<bool, StoreError> {
        let (status, kind) = peek_entry(record)?;
        let q = self.query;
        let kind_ok = if q.document_types.is_empty() {
            kind == DocumentType::Stable || !q.entry_ids.is_empty() || !q.unique_ids.is_empty()
        } else {
            q.document_types.contains(&kind)
        };
        Ok(kind_ok && (q.statuses.is_empty() || q.statuses.contains(&status)))
    }

    fn is_full(&self) -> bool {
        !self.counting && self.entries.len() >= self.wanted
    }
}

pub(super) fn find(tx: &Tx<'_>, query: &DocumentQuery) -> Result<Found, StoreError> {
    if query.is_anchored() { find_or_scan(tx, query) } else { Err(StoreError::NotAnchored) }
}

/// [`find`], and where no index leads to the candidates every entry is one.
pub(super) fn find_or_scan(tx: &Tx<'_>, query: &DocumentQuery) -> Result<Found, StoreError> {
    let limit = query.page.as_ref().map_or(tx.options.max_results, |page| page.size.min(tx.options.max_results));
    let after = match query.page.as_ref().and_then(|page| page.after.as_deref()) {
        Some(text) => Position::parse(text)?,
        None => Position::START,
    };
    let counting = query.page.as_ref().is_some_and(|page| page.size == 0);
    let mut collector = Collector {
        query,
        after,
        wanted: limit + 1,
        counting,
        count: 0,
        positions: Vec::new(),
        entries: Vec::with_capacity(if counting { 0 } else { limit.min(16) }),
        memo: Memo::default(),
    };
    collect(tx, query, &mut collector)?;
    if counting {
        return Ok(Found { entries: Vec::new(), next: None, total: Some(collector.count) });
    }
    let Collector { mut positions, mut entries, .. } = collector;
    // One patient's rows come in order already.
    if !positions.is_sorted_by(|earlier, later| earlier.seq > later.seq) {
        let mut both: Vec<_> = positions.into_iter().zip(entries).collect();
        both.sort_by_key(|(position, _)| std::cmp::Reverse(position.seq));
        (positions, entries) = both.into_iter().unzip();
    }
    let more = entries.len() > limit;
    if more && query.page.is_none() {
        return Err(StoreError::TooMany { limit });
    }
    entries.truncate(limit);
    positions.truncate(limit);
    let next = positions.last().filter(|_| more).map(|position| position.to_text());
    let whole = next.is_none() && after.seq == i64::MAX;
    Ok(Found { total: whole.then_some(entries.len()), entries, next })
}

fn collect(tx: &Tx<'_>, query: &DocumentQuery, collector: &mut Collector<'_>) -> Result<(), StoreError> {
    let owners = match &query.patient_id {
        Some(id) => {
            let owners = tx.owners_found_under(id)?;
            if owners.is_empty() {
                return Ok(());
            }
            Some(owners)
        }
        None => None,
    };
    let is_candidate = |key: i64| owners.as_ref().is_none_or(|owners| owners.contains(&owner_of(key)));
    let mut keys = Vec::new();
    if !query.entry_ids.is_empty() {
        for id in &query.entry_ids {
            let sql = "SELECT key FROM object WHERE id = ?1 AND kind = 0";
            keys.extend(tx.one(sql, [Ident::of(id)], |row| row.get::<_, i64>(0))?);
        }
    } else if !query.unique_ids.is_empty() {
        for id in &query.unique_ids {
            let sql = "SELECT key FROM unique_id WHERE value = ?1 AND kind = 0";
            keys.extend(tx.all(sql, [id.as_str()], |row| Ok(row.get::<_, i64>(0)?))?);
        }
    } else if let Some(terms) = indexed_references(query) {
        for term in terms {
            reference_keys(tx, term, owners.as_deref(), &mut keys)?;
        }
    } else if let (Some(owners), Some(patient)) = (&owners, &query.patient_id) {
        return scan_owners(tx, owners, patient, collector);
    } else {
        return scan_all(tx, collector);
    }
    let mut seen = HashSet::with_capacity(keys.len());
    keys.retain(|key| is_candidate(*key) && seen.insert(*key));
    let mut names = Owners::default();
    for key in keys {
        let mut statement = tx.prepare("SELECT key, seq, record FROM entry WHERE key = ?1")?;
        let mut rows = statement.query([key])?;
        if let Some(row) = rows.next()? {
            offer_row(collector, row, names.survivor(tx, owner_of(key))?)?;
        }
    }
    Ok(())
}

/// All entries of a patient, newest first; of several merged ones, each in turn.
fn scan_owners(
    tx: &Tx<'_>,
    owners: &[i64],
    patient: &PatientId,
    collector: &mut Collector<'_>,
) -> Result<(), StoreError> {
    let single = owners.len() == 1;
    for (at, owner) in owners.iter().enumerate() {
        let (first, mut last) = key_range(*owner);
        if (first..=last).contains(&collector.after.key) {
            last = collector.after.key - 1;
        }
        let mut statement =
            tx.prepare("SELECT key, seq, record FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC")?;
        let mut rows = statement.query([first, last])?;
        while let Some(row) = rows.next()? {
            // The first owner is the patient asked for; the others' records name a subsumed id.
            offer_row(collector, row, (at > 0).then_some(patient))?;
            if single && collector.is_full() {
                break;
            }
        }
    }
    Ok(())
}

/// Every entry of everybody. What has been found is in no order of registration, so nothing is full before the end.
fn scan_all(tx: &Tx<'_>, collector: &mut Collector<'_>) -> Result<(), StoreError> {
    let mut names = Owners::default();
    let mut statement = tx.prepare("SELECT key, seq, record FROM entry")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        offer_row(collector, row, names.survivor(tx, owner_of(row.get(0)?))?)?;
    }
    Ok(())
}

fn offer_row(collector: &mut Collector<'_>, row: &Row<'_>, owner: Option<&PatientId>) -> Result<(), StoreError> {
    let position = Position { key: row.get(0)?, seq: row.get(1)? };
    let record = row.get_ref(2)?.as_blob().map_err(|_| StoreError::corrupt("document entry", "is no blob"))?;
    collector.offer(position, record, owner)
}

/// The first group of reference ids of which an index knows every alternative.
fn indexed_references(query: &DocumentQuery) -> Option<&[ReferenceTerm]> {
    let indexed = |term: &ReferenceTerm| match term {
        ReferenceTerm::Exact(_) => true,
        ReferenceTerm::Parts { id, .. } => id.is_some(),
        ReferenceTerm::Like(_) => false,
    };
    query.reference_ids.iter().find(|or| !or.is_empty() && or.iter().all(indexed)).map(Vec::as_slice)
}

fn reference_keys(
    tx: &Tx<'_>,
    term: &ReferenceTerm,
    owners: Option<&[i64]>,
    keys: &mut Vec<i64>,
) -> Result<(), StoreError> {
    let whole = [(0, i64::MAX)];
    let ranges: Vec<(i64, i64)> = match owners {
        Some(owners) => owners.iter().map(|owner| key_range(*owner)).collect(),
        None => whole.to_vec(),
    };
    let key = |row: &Row<'_>| Ok(row.get::<_, i64>(0)?);
    for (first, last) in ranges {
        match term {
            ReferenceTerm::Exact(reference) => {
                let sql = "SELECT key FROM reference WHERE id = ?1 AND hash = ?2 AND key BETWEEN ?3 AND ?4";
                keys.extend(tx.all(sql, (&reference.id, reference_hash(reference), first, last), key)?);
            }
            ReferenceTerm::Parts { id: Some(id), .. } => {
                let sql = "SELECT key FROM reference WHERE id = ?1 AND key BETWEEN ?2 AND ?3";
                keys.extend(tx.all(sql, (id, first, last), key)?);
            }
            ReferenceTerm::Parts { .. } | ReferenceTerm::Like(_) => {}
        }
    }
    Ok(())
}

/// FNV-1a over [`ReferenceId::match_key`]. Stored, so it never changes; equal hashes of different keys cost a look at
/// the entry and nothing else.
pub(super) fn reference_hash(reference: &ReferenceId) -> i64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in reference.match_key().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash as i64
}
