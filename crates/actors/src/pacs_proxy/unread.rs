//! Studies that the PACS lists and does not let be read, for an operator.

use super::PacsObserver;
use crate::{Cx, Fault};
use model::StudyInstanceUid;

/// A study that could not be read from the PACS.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreadStudy {
    pub study: StudyInstanceUid,
    /// When the first look of a row failed, unix microseconds.
    pub since: i64,
    /// When the next look is.
    pub again: i64,
    pub fault: Fault,
}

impl UnreadStudy {
    /// `before`: what was known of the look before.
    pub(super) fn of(study: StudyInstanceUid, fault: Fault, again: i64, before: Option<UnreadStudy>, cx: &Cx) -> Self {
        let since = before.map_or(cx.now_unix_micros(), |before| before.since);
        UnreadStudy { study, since, again, fault }
    }
}

impl PacsObserver {
    /// Studies that cannot be read, in the order of their UIDs.
    pub fn unread(&self) -> Vec<UnreadStudy> {
        self.schedule().failed.values().cloned().collect()
    }

    /// One of them.
    pub(crate) fn unread_one(&self, study: &StudyInstanceUid) -> Option<UnreadStudy> {
        self.schedule().failed.get(study).cloned()
    }

    pub(crate) fn ae_title(&self) -> &str {
        self.pacs.ae_title()
    }
}
