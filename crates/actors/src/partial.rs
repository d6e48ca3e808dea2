//! An incomplete answer is a value: what was found, and who did not answer. Source: spec/cross-community.md section 9.

use crate::Fault;

/// A party that should have answered and did not.
#[derive(Clone, Debug, PartialEq)]
pub struct SilentParty {
    /// Community, repository or peer, as the reader knows it.
    pub name: String,
    pub fault: Fault,
}

/// What was found. Absence is only claimed when `silent` is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    pub items: Vec<T>,
    /// Position of the next page; absent on the last.
    pub next: Option<String>,
    /// Number over all pages, when it is known.
    pub total: Option<u64>,
    pub silent: Vec<SilentParty>,
}

impl<T> Found<T> {
    pub fn all(items: Vec<T>) -> Self {
        let total = Some(items.len() as u64);
        Found { items, next: None, total, silent: Vec::new() }
    }

    pub fn is_complete(&self) -> bool {
        self.silent.is_empty()
    }
}
