//! `_sort`: an order that is not the registry's own is made here, from all matches, and cut into pages whose positions
//! hold while documents come and go. Source: spec/fhir.md section 2 (`_sort`).

use fhir::search::{Sort, SortKey};
use model::{DocumentEntry, Dtm};
use std::cmp::Ordering;

/// Where an entry stands in any of the orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    submitted: u64,
    created: u64,
    id: String,
}

impl Place {
    /// A time that is not known comes first in ascending order, as for on-demand entries, which have no creation time.
    fn of(entry: &DocumentEntry) -> Place {
        let first = |time: &Option<Dtm>| time.as_ref().map_or(0, Dtm::start);
        Place {
            submitted: first(&entry.submission_time),
            created: first(&entry.creation_time),
            id: entry.id.to_string(),
        }
    }

    fn compare(&self, other: &Place, sort: &[Sort]) -> Ordering {
        let by_times = sort.iter().map(|one| {
            let ascending = match one.key {
                SortKey::Date | SortKey::LastUpdated => self.submitted.cmp(&other.submitted),
                SortKey::Creation => self.created.cmp(&other.created),
            };
            if one.descending { ascending.reverse() } else { ascending }
        });
        by_times.fold(Ordering::Equal, Ordering::then).then_with(|| self.id.cmp(&other.id))
    }
}

/// What decides of an order: newest submission first when none is asked for. A key that stands there twice says nothing
/// new the second time.
fn decisive(sort: &[Sort]) -> Vec<Sort> {
    let mut keys: Vec<Sort> = Vec::new();
    for one in sort {
        let is_creation = |s: &Sort| s.key == SortKey::Creation;
        if !keys.iter().any(|key| is_creation(key) == is_creation(one)) {
            keys.push(*one);
        }
    }
    if keys.is_empty() {
        keys.push(Sort { key: SortKey::Date, descending: true });
    }
    keys
}

/// A page of `size` from `entries`, and the position after it.
pub(super) fn sorted(
    entries: Vec<DocumentEntry>,
    sort: &[Sort],
    after: Option<&Place>,
    size: usize,
) -> (Vec<DocumentEntry>, Option<String>) {
    let sort = decisive(sort);
    let mut placed: Vec<(Place, DocumentEntry)> = entries.into_iter().map(|e| (Place::of(&e), e)).collect();
    placed.sort_by(|a, b| a.0.compare(&b.0, &sort));
    let start = after.map_or(0, |after| placed.partition_point(|(p, _)| p.compare(after, &sort) != Ordering::Greater));
    let end = start.saturating_add(size).min(placed.len());
    let last = placed[start..end].last().filter(|_| end < placed.len());
    let next = last.map(|(place, _)| format!("{} {} {}", place.submitted, place.created, place.id));
    (placed.drain(start..end).map(|(_, entry)| entry).collect(), next)
}

pub(super) fn decode_position(text: &str) -> Result<Place, ()> {
    let mut words = text.splitn(3, ' ');
    let mut next = || words.next().ok_or(());
    let submitted = next()?.parse().map_err(|_| ())?;
    let created = next()?.parse().map_err(|_| ())?;
    Ok(Place { submitted, created, id: next()?.to_owned() })
}
