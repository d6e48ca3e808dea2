//! Why a command ends without having done what was asked, and the exit code that says so (design.md section 2).

use std::fmt;
use std::process::ExitCode;

/// The sentence for standard error and the kind of failure.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was understood and could not be done: exit code 1.
    Failed(String),
    /// It was asked wrongly, or this version cannot do it: exit code 2.
    Usage(String),
    /// The output already says everything: exit code 1 without a word.
    Told,
}

impl Stop {
    pub fn failed(reason: impl fmt::Display) -> Self {
        Stop::Failed(reason.to_string())
    }

    pub fn usage(reason: impl fmt::Display) -> Self {
        Stop::Usage(reason.to_string())
    }

    pub fn not_available(what: &str) -> Self {
        Stop::Usage(format!("{what} is not available in this version"))
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Stop::Failed(_) | Stop::Told => ExitCode::from(1),
            Stop::Usage(_) => ExitCode::from(2),
        }
    }

    pub fn message(&self) -> Option<&str> {
        match self {
            Stop::Failed(text) | Stop::Usage(text) => Some(text),
            Stop::Told => None,
        }
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Stop::Failed(format!("{error:#}"))
    }
}

impl From<actors::Refusal> for Stop {
    fn from(refusal: actors::Refusal) -> Self {
        Stop::Failed(refusal.to_string())
    }
}

impl From<actors::Fault> for Stop {
    fn from(fault: actors::Fault) -> Self {
        Stop::Failed(fault.to_string())
    }
}

impl From<net::NetError> for Stop {
    fn from(error: net::NetError) -> Self {
        Stop::Failed(error.to_string())
    }
}
