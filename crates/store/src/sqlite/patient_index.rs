//! What leads to the patients of a query: folded texts, birth dates and numbers, in one table by kind, and the
//! identifiers. An index gives candidates; [`PatientQuery::matches`] decides.

use super::tx::Tx;
use crate::record::decode_patient;
use crate::{FoundPatients, StoreError};
use model::{AllOf, Patient, PatientIdTerm, PatientQuery, Telecom, TelecomSystem, TextTerm, fold, starts};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// Longer texts are found by their beginning.
const MOST_CHARS: usize = 64;

/// Kinds of rows in `patient_text`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Family = 0,
    Given = 1,
    /// First second of the birth date, 14 digits.
    BirthDate = 2,
    MothersMaidenName = 3,
    /// [`Telecom::match_key`].
    Telecom = 4,
    City = 5,
    PostalCode = 6,
    /// Prefix and suffix.
    NameAffix = 7,
}

fn cut(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

/// The rows of one patient, each once.
fn rows(patient: &Patient) -> BTreeSet<(Kind, String)> {
    let (name, details) = (&patient.name, &patient.details);
    let mut out = BTreeSet::new();
    let mut add = |kind: Kind, text: &str| {
        for part in starts(&fold(text)) {
            out.insert((kind, cut(part)));
        }
    };
    add(Kind::Family, &name.family);
    for given in std::iter::once(name.given.as_str()).chain(name.middle.split(' ')) {
        add(Kind::Given, given);
    }
    add(Kind::NameAffix, &name.prefix);
    add(Kind::NameAffix, &name.suffix);
    add(Kind::MothersMaidenName, &details.mothers_maiden_name);
    for address in &details.addresses {
        add(Kind::City, &address.city);
        add(Kind::PostalCode, &address.postal_code);
    }
    for telecom in &details.telecoms {
        out.insert((Kind::Telecom, cut(&Telecom::match_key(telecom.system, &telecom.value))));
    }
    if let Some(date) = &patient.birth_date {
        out.insert((Kind::BirthDate, format!("{:014}", date.start())));
    }
    out
}

/// Enters a patient's rows, and remembers its domains, which stay known whatever becomes of the patient.
pub(super) fn enter(conn: &Connection, key: i64, patient: &Patient) -> Result<(), StoreError> {
    let mut insert =
        conn.prepare_cached("INSERT OR IGNORE INTO patient_text(kind, text, patient) VALUES(?1, ?2, ?3)")?;
    for (kind, text) in rows(patient) {
        insert.execute((kind as i64, text, key))?;
    }
    let mut domain = conn.prepare_cached("INSERT OR IGNORE INTO patient_domain(domain) VALUES(?1)")?;
    for id in patient.ids() {
        domain.execute([id.domain.as_str()])?;
    }
    Ok(())
}

pub(super) fn leave(conn: &Connection, key: i64, patient: &Patient) -> Result<(), StoreError> {
    let mut delete = conn.prepare_cached("DELETE FROM patient_text WHERE kind = ?1 AND text = ?2 AND patient = ?3")?;
    for (kind, text) in rows(patient) {
        delete.execute((kind as i64, text, key))?;
    }
    Ok(())
}

/// Enters every patient that an older format knew.
pub(super) fn fill(conn: &Connection) -> Result<(), StoreError> {
    let mut statement = conn.prepare("SELECT key, record FROM patient WHERE record IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let record = row.get_ref(1)?.as_blob().map_err(|_| StoreError::corrupt("patient", "is no blob"))?;
        enter(conn, row.get(0)?, &decode_patient(record)?)?;
    }
    Ok(())
}

/// A range of one kind of rows: from this text, up to but without that one.
struct Range {
    kind: Kind,
    low: String,
    high: String,
}

fn by_prefix(kind: Kind, prefix: &str) -> Range {
    let low = cut(prefix);
    Range { kind, high: format!("{low}{}", char::MAX), low }
}

/// The ranges that hold every match of one list of alternatives; `None` when one of them leads nowhere.
fn of_texts(terms: &[TextTerm], kinds: &[Kind]) -> Option<Vec<Range>> {
    let mut out = Vec::new();
    for term in terms {
        let prefix = term.prefix()?;
        out.extend(kinds.iter().map(|kind| by_prefix(*kind, &prefix)));
    }
    Some(out)
}

/// The best index for a query: what tells persons apart best comes first.
fn best(query: &PatientQuery) -> Option<Vec<Range>> {
    let telecom = query.telecom.iter().find_map(|terms| {
        let mut out = Vec::new();
        for term in terms {
            let value = term.value.as_deref()?;
            // A value has two forms, as number and as text, when nothing says which it is.
            let mut keys: Vec<String> = match term.system {
                Some(system) => vec![Telecom::match_key(system, value)],
                None => [TelecomSystem::Phone, TelecomSystem::Email].map(|s| Telecom::match_key(s, value)).into(),
            };
            keys.dedup();
            out.extend(keys.iter().map(|key| by_prefix(Kind::Telecom, key)));
        }
        Some(out)
    });
    // From one day to another, in two criteria of one alternative each.
    let between = || {
        let single = query.birth_date.iter().filter(|terms| terms.len() == 1).map(|terms| terms[0].first_second());
        let both = single.fold(model::DtmRange::default(), |all, one| model::DtmRange {
            from: all.from.max(one.from),
            to: match (all.to, one.to) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        });
        let (from, to) = (both.from?, both.to?);
        Some(vec![Range { kind: Kind::BirthDate, low: format!("{from:014}"), high: format!("{to:014}") }])
    };
    let dates = |closed: bool| {
        query.birth_date.iter().find_map(|terms| {
            let mut out = Vec::new();
            for term in terms {
                let range = term.first_second();
                if range.is_open() || closed && (range.from.is_none() || range.to.is_none()) {
                    return None;
                }
                out.push(Range {
                    kind: Kind::BirthDate,
                    low: range.from.map_or_else(String::new, |from| format!("{from:014}")),
                    high: range.to.map_or_else(|| char::MAX.to_string(), |to| format!("{to:014}")),
                });
            }
            Some(out)
        })
    };
    let texts = |lists: &AllOf<TextTerm>, kinds: &[Kind]| lists.iter().find_map(|terms| of_texts(terms, kinds));
    telecom
        .or_else(|| dates(true))
        .or_else(between)
        .or_else(|| texts(&query.family, &[Kind::Family]))
        .or_else(|| texts(&query.mothers_maiden_name, &[Kind::MothersMaidenName]))
        .or_else(|| texts(&query.given, &[Kind::Given]))
        .or_else(|| texts(&query.name, &[Kind::Family, Kind::Given, Kind::NameAffix]))
        .or_else(|| texts(&query.postal_code, &[Kind::PostalCode]))
        .or_else(|| texts(&query.city, &[Kind::City]))
        .or_else(|| dates(false))
}

impl Tx<'_> {
    /// Keys of all patients that can match, in order; `None` when nothing leads to them.
    fn candidates(&self, query: &PatientQuery) -> Result<Option<BTreeSet<i64>>, StoreError> {
        let by_id = query.ids.iter().find(|terms| !terms.iter().any(|t| matches!(t, PatientIdTerm::Domain(_))));
        let mut out = BTreeSet::new();
        if let Some(terms) = by_id {
            for term in terms {
                let (own, other) = match term {
                    PatientIdTerm::Exact(id) => ((&id.id, Some(&id.domain)), Some((&id.id, Some(&id.domain)))),
                    PatientIdTerm::AnyDomain(id) => ((id, None), Some((id, None))),
                    PatientIdTerm::Own(id) => ((&id.id, Some(&id.domain)), None),
                    PatientIdTerm::Domain(_) => continue,
                };
                let sql = "SELECT key FROM patient WHERE id = ?1 AND (?2 IS NULL OR domain = ?2)";
                out.extend(self.all(sql, (own.0, own.1.map(model::Oid::as_str)), |row| Ok(row.get::<_, i64>(0)?))?);
                if let Some((id, domain)) = other {
                    let sql = "SELECT patient FROM patient_other_id WHERE id = ?1 AND (?2 IS NULL OR domain = ?2)";
                    out.extend(self.all(sql, (id, domain.map(model::Oid::as_str)), |row| Ok(row.get::<_, i64>(0)?))?);
                }
            }
            return Ok(Some(out));
        }
        let ranges = match best(query) {
            Some(ranges) => ranges,
            None => {
                let text = query.begins.iter().map(|text| text.trim()).find(|text| !text.is_empty());
                let Some(text) = text else { return Ok(None) };
                let sql = "SELECT key FROM patient WHERE id >= ?1 AND id < ?2";
                let high = format!("{text}{}", char::MAX);
                out.extend(self.all(sql, (text, high), |row| Ok(row.get::<_, i64>(0)?))?);
                let word = fold(text.split([' ', ',']).next().unwrap_or(text));
                if word.is_empty() { Vec::new() } else { vec![by_prefix(Kind::Family, &word)] }
            }
        };
        for range in ranges {
            let sql = "SELECT patient FROM patient_text WHERE kind = ?1 AND text >= ?2 AND text < ?3";
            let params = (range.kind as i64, range.low, range.high);
            out.extend(self.all(sql, params, |row| Ok(row.get::<_, i64>(0)?))?);
        }
        Ok(Some(out))
    }

    /// Answers a query. A patient's place is where it became known, so that a page never repeats one.
    pub(super) fn query_patients(&self, query: &PatientQuery) -> Result<FoundPatients, StoreError> {
        let limit =
            query.page.as_ref().map_or(self.options.max_results, |page| page.size.min(self.options.max_results));
        let after = match query.page.as_ref().and_then(|page| page.after.as_deref()) {
            Some(text) => Some(i64::from_str_radix(text, 16).map_err(|_| StoreError::BadPage)?),
            None => None,
        };
        let everybody = PatientQuery { page: query.page.clone(), ..PatientQuery::default() } == *query;
        let mut found = FoundPatients::default();
        let (mut matched, mut last, mut more) = (0, None, false);
        // False: enough was seen.
        let mut offer = |key: i64, record: &[u8]| -> Result<bool, StoreError> {
            if everybody && found.patients.len() >= limit {
                more = true;
                return Ok(false);
            }
            let patient = decode_patient(record)?;
            if query.matches(&patient) {
                matched += 1;
                if found.patients.len() < limit {
                    found.patients.push(patient);
                    last = Some(key);
                } else {
                    more = true;
                    return Ok(after.is_none());
                }
            }
            Ok(true)
        };
        let from = after.unwrap_or(i64::MIN);
        match self.candidates(query)? {
            Some(keys) => {
                let sql = "SELECT record FROM patient WHERE key = ?1 AND known = 1 AND survivor IS NULL";
                let mut statement = self.prepare(sql)?;
                for key in keys.into_iter().filter(|key| *key > from) {
                    let mut rows = statement.query([key])?;
                    if let Some(row) = rows.next()?
                        && !offer(key, blob(row, 0)?)?
                    {
                        break;
                    }
                }
            }
            None => {
                let sql = "SELECT key, record FROM patient WHERE key > ?1 AND known = 1 AND survivor IS NULL \
                           ORDER BY key";
                let mut statement = self.prepare(sql)?;
                let mut rows = statement.query([from])?;
                while let Some(row) = rows.next()? {
                    if !offer(row.get(0)?, blob(row, 1)?)? {
                        break;
                    }
                }
            }
        }
        if after.is_none() {
            found.total = Some(matched);
        }
        if everybody {
            let sql = "SELECT count(*) FROM patient WHERE known = 1 AND survivor IS NULL";
            let all: i64 = self.one(sql, [], |row| row.get(0))?.unwrap_or(0);
            found.total = Some(usize::try_from(all).unwrap_or(0));
        }
        if more && query.page.is_none() {
            return Err(StoreError::TooMany { limit });
        }
        found.next = last.filter(|_| more).map(|key| format!("{key:x}"));
        Ok(found)
    }
}

fn blob<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> Result<&'r [u8], StoreError> {
    row.get_ref(column)?.as_blob().map_err(|_| StoreError::corrupt("patient", "is no blob"))
}
