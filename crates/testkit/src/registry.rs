//! A registry in memory.

use actors::{BoxFuture, Cx, Fault, Found, Refusal, Registered, Registry, SilentParty};
use model::{Association, DocumentEntry, DocumentQuery, Invalid, ObjectId, Submission};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Entries in the order in which they were registered. Counts how often it is asked.
#[derive(Default)]
pub struct MemoryRegistry {
    pub entries: Mutex<Vec<DocumentEntry>>,
    pub associations: Mutex<Vec<Association>>,
    pub silent: Mutex<Vec<SilentParty>>,
    /// Answers every call, when there is one.
    pub fault: Mutex<Option<Fault>>,
    /// Most entries without pages; 0 is no limit.
    pub limit: AtomicUsize,
    calls: AtomicUsize,
    /// Every query, in order.
    pub asked: Mutex<Vec<DocumentQuery>>,
}

impl MemoryRegistry {
    pub fn of(entries: impl IntoIterator<Item = DocumentEntry>) -> Self {
        MemoryRegistry { entries: Mutex::new(entries.into_iter().collect()), ..MemoryRegistry::default() }
    }

    /// Calls since the last time this was asked.
    pub fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }

    fn begin(&self) -> Result<(), Refusal> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.fault.lock().expect("no panic").clone() {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }
}

impl Registry for MemoryRegistry {
    fn register<'a>(&'a self, submission: Submission, _: &'a Cx) -> BoxFuture<'a, Result<Registered, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            self.entries.lock().expect("no panic").extend(submission.entries);
            self.associations.lock().expect("no panic").extend(submission.associations);
            Ok(Registered::default())
        })
    }

    fn find<'a>(&'a self, query: &'a DocumentQuery, _: &'a Cx) -> BoxFuture<'a, Result<Found<DocumentEntry>, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            self.asked.lock().expect("no panic").push(query.clone());
            if !query.is_anchored() {
                return Err(Fault::InvalidQuery(Invalid::new("query", "must name a patient or a document", "")).into());
            }
            let entries = self.entries.lock().expect("no panic");
            let silent = self.silent.lock().expect("no panic").clone();
            let found: Vec<(usize, &DocumentEntry)> =
                entries.iter().enumerate().rev().filter(|(_, e)| query.matches(e)).collect();
            let total = found.len() as u64;
            let limit = self.limit.load(Ordering::SeqCst);
            let Some(page) = &query.page else {
                if limit > 0 && found.len() > limit {
                    return Err(Fault::TooManyResults { limit }.into());
                }
                let items = found.into_iter().map(|(_, e)| e.clone()).collect();
                return Ok(Found { items, next: None, total: Some(total), silent });
            };
            // A position is the registration that the page before ended with, so that new ones do not disturb.
            let before = match page.after.as_deref().map(str::parse::<usize>) {
                None => usize::MAX,
                Some(Ok(before)) => before,
                Some(Err(_)) => return Err(Fault::InvalidQuery(Invalid::new("page", "is no position", "")).into()),
            };
            let rest: Vec<_> = found.into_iter().filter(|(at, _)| *at < before).collect();
            let more = page.size > 0 && rest.len() > page.size;
            let items: Vec<_> = rest.iter().take(page.size).collect();
            let next = items.last().filter(|_| more).map(|(at, _)| at.to_string());
            // As stores do: the number is known for a page of size 0 and for a whole answer only.
            let total = (page.size == 0 || (!more && page.after.is_none())).then_some(total);
            Ok(Found { items: items.into_iter().map(|(_, e)| (*e).clone()).collect(), next, total, silent })
        })
    }

    fn associations<'a>(
        &'a self,
        ids: &'a [ObjectId],
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<Association>, Refusal>> {
        Box::pin(async move {
            self.begin()?;
            let all = self.associations.lock().expect("no panic");
            let touched = all.iter().filter(|a| ids.contains(&a.source) || ids.contains(&a.target));
            Ok(Found::all(touched.cloned().collect()))
        })
    }
}
