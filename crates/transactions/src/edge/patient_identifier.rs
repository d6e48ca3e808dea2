//! A patient who is asked for by an identifier of another domain than that of the documents. Source: spec/fhir.md 9.1
//! (`patient.identifier` means an identifier of the patient, and documents are registered under one of them).

use actors::{Cx, Identity, Refusal};
use fhir::operation_outcome::{Issue, OperationOutcome};
use model::{Oid, PatientId, PatientQuery};

/// Under which identifier the documents are.
pub enum Registered {
    Under(PatientId),
    /// Nobody here can say; and what the caller is told.
    Unknown(OperationOutcome),
}

/// `domain` is that of the documents; `identity` knows the patients, where this node does.
///
/// Errors: those of [`Identity::query`].
pub async fn registered(
    id: &PatientId,
    domain: Option<&Oid>,
    identity: Option<&dyn Identity>,
    cx: &Cx,
) -> Result<Registered, Refusal> {
    let Some(domain) = domain.filter(|domain| **domain != id.domain) else { return Ok(Registered::Under(id.clone())) };
    let found = match identity {
        Some(identity) => identity.query(&PatientQuery::of_id(id.clone()), cx).await?.items,
        None => Vec::new(),
    };
    if let [patient] = found.as_slice()
        && patient.id.domain == *domain
    {
        return Ok(Registered::Under(patient.id.clone()));
    }
    let why = match (identity, found.len()) {
        (None, _) => "nobody here translates identifiers",
        (Some(_), 0) => "no patient with it is known here",
        (Some(_), _) => "several patients have it",
    };
    let text =
        format!("documents are registered under identifiers of {domain}; this one is of {}, and {why}", id.domain);
    let issue = Issue::warning("not-found").diagnostics(text).expression("http.patient.identifier");
    Ok(Registered::Unknown(OperationOutcome::of(issue)))
}
