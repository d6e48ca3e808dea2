//! `_sort`: an order that is not the registry's own is made here, from all matches, and cut into pages whose positions
//! hold while documents come and go. Source: spec/fhir.md section 2 (`_sort`).

use fhir::search::{Sort, SortKey};
use model::DocumentEntry;
use std::cmp::Ordering;

/// Where the page before ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct After {
    /// How many came before; for orders by time of registration.
    offset: usize,
    /// The creation time of the last one, in the form of [`creation`].
    creation: u64,
    id: String,
}

/// False when the registry's own order, newest registration first, is the one that was asked for.
pub(super) fn needs_all(sort: &[Sort]) -> bool {
    match sort.first() {
        None => false,
        Some(first) => first.key == SortKey::Creation || !first.descending,
    }
}

/// A page of `size` from `entries`, which come newest registration first, and the position after it.
pub(super) fn sorted(
    mut entries: Vec<DocumentEntry>,
    sort: &[Sort],
    after: Option<&After>,
    size: usize,
) -> (Vec<DocumentEntry>, Option<String>) {
    let first = sort.first();
    match first {
        Some(Sort { key: SortKey::Creation, descending }) => {
            entries
                .sort_by(|a, b| by_creation((creation(a), a.id.as_str()), (creation(b), b.id.as_str()), *descending));
        }
        // The registry keeps no other time than the order of registration.
        Some(Sort { descending: false, .. }) => entries.reverse(),
        Some(_) | None => {}
    }
    let start = match (after, first) {
        (None, _) => 0,
        (Some(after), Some(Sort { key: SortKey::Creation, descending })) => entries.partition_point(|e| {
            let here = (creation(e), e.id.as_str());
            by_creation(here, (after.creation, &after.id), *descending) != Ordering::Greater
        }),
        (Some(after), _) => match entries.iter().position(|e| e.id.as_str() == after.id) {
            Some(at) => at + 1,
            None => after.offset.min(entries.len()),
        },
    };
    let end = start.saturating_add(size).min(entries.len());
    let more = end < entries.len();
    let page: Vec<DocumentEntry> = entries.drain(start..end).collect();
    let next = page.last().filter(|_| more).map(|last| format!("{end} {} {}", creation(last), last.id));
    (page, next)
}

pub(super) fn decode_position(text: &str) -> Result<After, ()> {
    let mut words = text.splitn(3, ' ');
    let mut next = || words.next().ok_or(());
    let offset = next()?.parse().map_err(|_| ())?;
    let creation = next()?.parse().map_err(|_| ())?;
    Ok(After { offset, creation, id: next()?.to_owned() })
}

/// On-demand entries have no time yet and come first in ascending order.
fn creation(entry: &DocumentEntry) -> u64 {
    entry.creation_time.as_ref().map_or(0, model::Dtm::start)
}

fn by_creation(a: (u64, &str), b: (u64, &str), descending: bool) -> Ordering {
    let time = if descending { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) };
    time.then_with(|| a.1.cmp(b.1))
}
