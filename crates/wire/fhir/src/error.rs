//! What a resource did wrong: where, which rule, what came. Source: spec/fhir.md section 2 (table of errors).

use std::fmt;

/// Which kind of rule was broken; the edge turns it into a status and `issue.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecodeErrorKind {
    /// Not JSON, or not the resource it should be (`structure`, 400).
    Structure,
    /// A required element is missing (`required`, 422).
    Required,
    /// An element has a value that its rule forbids (`value`, 422).
    Value,
    /// Legal FHIR that this system does not take (`not-supported`, 422).
    NotSupported,
    /// A document larger than is taken here (`too-long`, 413).
    TooLong,
}

/// One broken rule. Shape: `path` is FHIRPath-like (`DocumentReference.content[0].attachment.hash`), `rule` a sentence
/// without a full stop, `value` what came, cut to 80 characters and empty where it could be a patient's.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct DecodeError {
    pub kind: DecodeErrorKind,
    pub path: String,
    pub rule: String,
    pub value: String,
}

impl DecodeError {
    fn new(kind: DecodeErrorKind, path: impl Into<String>, rule: impl Into<String>, value: &str) -> Self {
        DecodeError { kind, path: path.into(), rule: rule.into(), value: value.chars().take(80).collect() }
    }

    pub fn structure(path: impl Into<String>, rule: impl Into<String>) -> Self {
        DecodeError::new(DecodeErrorKind::Structure, path, rule, "")
    }

    pub fn required(path: impl Into<String>, rule: impl Into<String>) -> Self {
        DecodeError::new(DecodeErrorKind::Required, path, rule, "")
    }

    pub fn value(path: impl Into<String>, rule: impl Into<String>, value: &str) -> Self {
        DecodeError::new(DecodeErrorKind::Value, path, rule, value)
    }

    pub fn not_supported(path: impl Into<String>, rule: impl Into<String>, value: &str) -> Self {
        DecodeError::new(DecodeErrorKind::NotSupported, path, rule, value)
    }

    pub fn too_long(path: impl Into<String>, rule: impl Into<String>) -> Self {
        DecodeError::new(DecodeErrorKind::TooLong, path, rule, "")
    }

    /// The `issue.code` of FHIR for this kind.
    pub fn issue_code(&self) -> &'static str {
        match self.kind {
            DecodeErrorKind::Structure => "structure",
            DecodeErrorKind::Required => "required",
            DecodeErrorKind::Value => "value",
            DecodeErrorKind::NotSupported => "not-supported",
            DecodeErrorKind::TooLong => "too-long",
        }
    }

    /// The same as an OperationOutcome of one error.
    pub fn outcome(&self) -> crate::operation_outcome::OperationOutcome {
        use crate::operation_outcome::{Issue, OperationOutcome};
        OperationOutcome::of(
            Issue::error(self.issue_code()).diagnostics(self.to_string()).expression(self.path.clone()),
        )
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.rule)?;
        if !self.value.is_empty() {
            write!(f, "; got `{}`", self.value)?;
        }
        Ok(())
    }
}

// Logs print Debug; a value may be a patient's, so it stays out of it.
impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({:?}: {} {})", self.kind, self.path, self.rule)
    }
}
