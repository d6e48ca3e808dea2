//! NetError: a connection that could not be made, kept or trusted.

use thiserror::Error;

#[derive(Debug, Error)]
pub enum NetError {
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: String, reason: String },
    #[error("cannot connect to {url}: {reason}")]
    Connect { url: String, reason: String },
    #[error("{url} did not answer within {seconds} s")]
    Timeout { url: String, seconds: u64 },
    #[error("{url} broke off the answer: {reason}")]
    Broken { url: String, reason: String },
    #[error("{what} {path}: {reason}")]
    Tls { what: &'static str, path: String, reason: String },
}

/// The innermost cause in plain words: the outer ones only say that something failed.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
