//! Refusals and warnings as a `RegistryErrorList`, and a peer's list as a refusal. Source: spec/xds.md section 25.

use super::error_code::{Side, error_code, location, remote_fault};
use actors::{Fault, Refusal};
use ebxml::{RegistryError, Severity};
use model::{Invalid, PatientId};

pub fn errors(faults: &[Fault], side: Side) -> Vec<RegistryError> {
    faults.iter().map(|fault| error(fault, side)).collect()
}

pub fn error(fault: &Fault, side: Side) -> RegistryError {
    // A relayed error keeps the other side's own sentence.
    let context = match fault {
        Fault::Remote { context, .. } => context.clone(),
        fault => fault.to_string(),
    };
    let error = RegistryError::error(error_code(fault, side), one_line(&context));
    match location(fault) {
        Some(location) => error.at(location),
        None => error,
    }
}

/// Value sets that only warn.
pub fn warning(invalid: &Invalid) -> RegistryError {
    let warning = RegistryError::warning("XDSRegistryMetadataError", one_line(&invalid.to_string()));
    match &invalid.object {
        Some(object) => warning.at(object.clone()),
        None => warning,
    }
}

/// Metadata that was understood but not kept.
pub fn not_kept(invalid: &Invalid) -> RegistryError {
    let warning = RegistryError::warning("XDSExtraMetadataNotSaved", one_line(&invalid.to_string()));
    match &invalid.object {
        Some(object) => warning.at(object.clone()),
        None => warning,
    }
}

/// A sentence that quotes what came, on one line: an attribute of XML has no others, and neither has a log.
fn one_line(sentence: &str) -> String {
    sentence
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What a peer's list of errors means to a submission of `patient`; `None` when it holds no error.
pub fn refusal(peer: &str, errors: &[RegistryError], patient: Option<&PatientId>) -> Option<Refusal> {
    let faults = errors.iter().filter(|e| e.severity == Severity::Error).map(|e| match (e.code.as_str(), patient) {
        ("XDSUnknownPatientId", Some(patient)) => Fault::UnknownPatient(patient.clone()),
        (code, _) => remote_fault(peer, code, &e.context, e.location.as_deref()),
    });
    Refusal::of(faults.collect())
}
