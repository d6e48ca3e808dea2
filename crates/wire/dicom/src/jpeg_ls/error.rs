//! What can be wrong with a JPEG-LS stream: the segment, where it begins, the rule and the value. ITU-T T.87 Annex C.

/// Why a stream does not decode. Messages name segments, offsets and numbers, never samples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("JPEG-LS {segment} at offset {offset}: {problem}")]
pub struct JpegLsError {
    /// The marker segment, or `scan` for entropy-coded data.
    pub segment: &'static str,
    /// Octets from the start of the stream.
    pub offset: usize,
    /// The rule and the value.
    pub problem: Problem,
}

impl JpegLsError {
    /// True if the stream may be right but uses what is not decoded here.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.problem, Problem::Unsupported(_))
    }
}

/// The rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The stream ends, or runs into a marker, before everything is there.
    #[error("data ends {0}")]
    Truncated(String),
    /// A value differs from what the data set or the stream itself says.
    #[error("expected {expected} {what}, got {found}")]
    Differs {
        /// What is counted.
        what: &'static str,
        /// The value that should be there.
        expected: u32,
        /// The value that is there.
        found: u32,
    },
    /// A value is outside what T.87 allows.
    #[error("{what} is {found}, allowed are {least} to {most}")]
    Range {
        /// The parameter.
        what: &'static str,
        /// Smallest value.
        least: u32,
        /// Largest value.
        most: u32,
        /// The value that came.
        found: u32,
    },
    /// A segment that may not stand here, or not again.
    #[error("{0}")]
    Misplaced(&'static str),
    /// A code that no encoder writes.
    #[error("line {line} holds an impossible code")]
    Code {
        /// Line of the scan, from 1.
        line: u32,
    },
    /// More entropy-coded data than the lines need.
    #[error("{0} octets are left over after the last line")]
    LeftOver(usize),
    /// Part of the standard, or of an extension, that is not decoded here.
    #[error("{0} is not supported")]
    Unsupported(String),
}
