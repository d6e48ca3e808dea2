//! How a C-FIND, C-MOVE or C-GET ended, in words that do not believe a PACS too much. PS3.4 C.4.1.1.4, C.4.2.1.5 to
//! C.4.2.1.9; spec/dicom.md 22.3, 22.4.

use std::fmt;

use dicom_core::Tag;

use super::command::CommandSet;
use super::element_error;
use super::operation::Response;
use super::status_meaning::{StatusKind, StatusMeaning, status_meaning};
use crate::error::TagText;
use crate::tags;
use crate::text::CharacterSet;

/// How a C-FIND ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindOutcome {
    /// What the final status says.
    pub status: StatusMeaning,
    /// (0000,0902).
    pub comment: Option<String>,
    /// (0000,0901): keys the PACS took offence at.
    pub offending: Vec<Tag>,
    /// Answers that came, readable or not, those after a cancellation included.
    pub answers: u64,
    /// True if an answer came with FF01: optional keys are not supported.
    pub keys_not_supported: bool,
    /// True if we asked for an end: then there may be more answers.
    pub cancelled: bool,
}

impl FindOutcome {
    /// Reads the final response.
    pub fn of(command: &CommandSet, answers: u64, keys_not_supported: bool, cancelled: bool) -> Self {
        Self {
            status: meaning(command),
            comment: command.error_comment(),
            offending: command.offending_elements(),
            answers,
            keys_not_supported,
            cancelled,
        }
    }

    /// True if every match has been told, as far as the PACS says; some cap their answers and say nothing.
    pub fn is_complete(&self) -> bool {
        !self.cancelled && matches!(self.status.kind, StatusKind::Success | StatusKind::Warning)
    }
}

impl fmt::Display for FindOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} answers", self.status, self.answers)?;
        remarks(f, self.comment.as_deref(), &self.offending)
    }
}

/// The counters of a retrieval, `None` where the PACS does not say. They wrap at 65535, and some PACS invent them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubOperations {
    /// (0000,1020).
    pub remaining: Option<u16>,
    /// (0000,1021).
    pub completed: Option<u16>,
    /// (0000,1022).
    pub failed: Option<u16>,
    /// (0000,1023).
    pub warning: Option<u16>,
}

impl SubOperations {
    /// Those of a response.
    pub fn of(command: &CommandSet) -> Self {
        let [remaining, completed, failed, warning] = command.sub_operations();
        Self { remaining, completed, failed, warning }
    }

    /// What this response leaves out, as an earlier one said it.
    fn or(self, earlier: Self) -> Self {
        Self {
            remaining: self.remaining.or(earlier.remaining),
            completed: self.completed.or(earlier.completed),
            failed: self.failed.or(earlier.failed),
            warning: self.warning.or(earlier.warning),
        }
    }
}

/// What a retrieval came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetrieveResult {
    /// Everything was sent, as far as the PACS says.
    Complete,
    /// Some was sent and some was not.
    PartlyFailed,
    /// Nothing was sent, whatever the status says: success without an object means that there was none.
    NothingMoved,
    /// It ended because we asked for it.
    Cancelled,
    /// The PACS refused or failed before anything was sent.
    Refused,
}

/// How a C-MOVE or C-GET ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrieveOutcome {
    /// What it came to.
    pub result: RetrieveResult,
    /// What the final status says.
    pub status: StatusMeaning,
    /// The last counters that were said.
    pub sub_operations: SubOperations,
    /// (0008,0058).
    pub failed_instances: Vec<String>,
    /// (0000,0902).
    pub comment: Option<String>,
    /// (0000,0901).
    pub offending: Vec<Tag>,
}

impl RetrieveOutcome {
    /// Reads the final response. `last` are the counters of the last pending one, `arrived` is how many objects came on
    /// this association if they come on it (C-GET), which is worth more than any counter.
    pub fn of(
        response: &Response,
        transfer_syntax: &str,
        last: SubOperations,
        arrived: Option<u64>,
        cancelled: bool,
    ) -> Self {
        let command = &response.command;
        let status = meaning(command);
        let sub_operations = SubOperations::of(command).or(last);
        let failed_instances = match &response.data_set {
            Ok(Some(octets)) => failed_instances(octets, transfer_syntax),
            Ok(None) | Err(_) => Vec::new(),
        };
        let said = match (sub_operations.completed, sub_operations.warning) {
            (None, None) => None,
            (completed, warning) => Some(u64::from(completed.unwrap_or(0)) + u64::from(warning.unwrap_or(0))),
        };
        let moved = arrived.or(said);
        let failed = sub_operations.failed.unwrap_or(0) > 0 || !failed_instances.is_empty();
        let result = match status.kind {
            StatusKind::Cancel => RetrieveResult::Cancelled,
            _ if cancelled => RetrieveResult::Cancelled,
            StatusKind::Success | StatusKind::Warning if moved == Some(0) => RetrieveResult::NothingMoved,
            StatusKind::Success if !failed => RetrieveResult::Complete,
            // A warning without failures: every object arrived, some were changed on the way.
            StatusKind::Warning if !failed && sub_operations.failed == Some(0) => RetrieveResult::Complete,
            StatusKind::Success | StatusKind::Warning => RetrieveResult::PartlyFailed,
            StatusKind::Failure | StatusKind::Pending if moved.unwrap_or(0) > 0 => RetrieveResult::PartlyFailed,
            StatusKind::Failure | StatusKind::Pending => RetrieveResult::Refused,
        };
        Self {
            result,
            status,
            sub_operations,
            failed_instances,
            comment: command.error_comment(),
            offending: command.offending_elements(),
        }
    }
}

impl fmt::Display for RetrieveOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = match self.result {
            RetrieveResult::Complete => "complete",
            RetrieveResult::PartlyFailed => "partly failed",
            RetrieveResult::NothingMoved => "nothing moved",
            RetrieveResult::Cancelled => "cancelled",
            RetrieveResult::Refused => "refused",
        };
        write!(f, "{result}: {}", self.status)?;
        let counts = &self.sub_operations;
        let named = [("completed", counts.completed), ("with a warning", counts.warning), ("failed", counts.failed)];
        for (what, count) in named {
            if let Some(count) = count {
                write!(f, "; {count} {what}")?;
            }
        }
        remarks(f, self.comment.as_deref(), &self.offending)
    }
}

fn remarks(f: &mut fmt::Formatter<'_>, comment: Option<&str>, offending: &[Tag]) -> fmt::Result {
    if let Some(comment) = comment {
        write!(f, "; the peer says {comment:?}")?;
    }
    for tag in offending {
        write!(f, "; offending {}", TagText(*tag))?;
    }
    Ok(())
}

fn meaning(command: &CommandSet) -> StatusMeaning {
    status_meaning(command.command_field(), command.status().unwrap_or(0xFFFF))
}

/// (0008,0058); what is none is left out, and so is a data set that cannot be read: the counters tell that some failed.
fn failed_instances(octets: &[u8], transfer_syntax: &str) -> Vec<String> {
    let set = element_error::read(octets, transfer_syntax, CharacterSet::default()).ok();
    let mut uids = set.map(|set| set.texts(tags::FAILED_SOP_INSTANCE_UID_LIST)).unwrap_or_default();
    uids.retain(|uid| crate::uid::check(uid).is_ok());
    uids
}
