//! `Fault` as HTTP status and FHIR issue, and a peer's OperationOutcome as a refusal. Source: spec/fhir.md section 2
//! (errors); the status for each XDS code is ours.

use super::error_code::{Side, error_code};
use actors::{Fault, Refusal};
use fhir::operation_outcome::{Issue, OperationOutcome};
use fhir::search::Ignored;
use http::StatusCode;
use model::{HomeCommunityId, Invalid, PatientId};

/// The HTTP status of a fault, for FHIR and DICOMweb alike.
pub fn status(fault: &Fault) -> StatusCode {
    map(fault).0
}

/// `issue.code`. Source: http://hl7.org/fhir/R4/valueset-issue-type.html.
pub fn issue_code(fault: &Fault) -> &'static str {
    map(fault).1
}

fn map(fault: &Fault) -> (StatusCode, &'static str) {
    match fault {
        Fault::UnknownPatient(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not-found"),
        Fault::InvalidMetadata(_) => (StatusCode::UNPROCESSABLE_ENTITY, "value"),
        Fault::InvalidDocument(_) | Fault::InvalidContent { .. } | Fault::PatientIdDoesNotMatch { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invariant")
        }
        Fault::DuplicateUniqueIdInMessage(_) => (StatusCode::UNPROCESSABLE_ENTITY, "duplicate"),
        Fault::DuplicateUniqueId { .. }
        | Fault::NonIdenticalHash(_)
        | Fault::NonIdenticalSize(_)
        | Fault::InstanceConflict(_) => (StatusCode::CONFLICT, "duplicate"),
        Fault::UnresolvedReference { .. } | Fault::MissingDocument(_) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "not-found")
        }
        Fault::MissingDocumentMetadata(_) => (StatusCode::UNPROCESSABLE_ENTITY, "required"),
        Fault::DeprecatedTarget(_)
        | Fault::Update { .. }
        | Fault::ReferencesExist { .. }
        | Fault::Unreferenced { .. } => (StatusCode::CONFLICT, "conflict"),
        Fault::DocumentNotFound(_) | Fault::ImagesNotFound(_) => (StatusCode::NOT_FOUND, "not-found"),
        // The document is registered, but this node has no way to the repository that holds it.
        Fault::UnknownRepository { .. } => (StatusCode::BAD_GATEWAY, "not-found"),
        Fault::UnknownQuery(_) => (StatusCode::BAD_REQUEST, "not-supported"),
        Fault::MissingParameter { .. } => (StatusCode::BAD_REQUEST, "required"),
        Fault::ParameterNumber { .. } | Fault::InvalidQuery(_) => (StatusCode::BAD_REQUEST, "value"),
        Fault::TooManyResults { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-costly"),
        Fault::NotSinglePatient => (StatusCode::BAD_REQUEST, "business-rule"),
        Fault::NotAcceptable(_) => (StatusCode::NOT_ACCEPTABLE, "not-supported"),
        Fault::InvalidInstance { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        Fault::Unsupported(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not-supported"),
        Fault::Denied(_) => (StatusCode::FORBIDDEN, "forbidden"),
        Fault::Busy => (StatusCode::SERVICE_UNAVAILABLE, "throttled"),
        Fault::OutOfResources(_) => (StatusCode::INSUFFICIENT_STORAGE, "no-store"),
        Fault::PeerUnavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "transient"),
        Fault::Remote { transient: true, .. } => (StatusCode::SERVICE_UNAVAILABLE, "transient"),
        Fault::Remote { transient: false, .. } => (StatusCode::BAD_GATEWAY, "processing"),
        Fault::Internal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "exception"),
    }
}

/// What happened, in a sentence that names no patient.
pub fn diagnostics(fault: &Fault) -> String {
    // The value of a field about a patient may be the patient's; FHIR servers log outcomes (spec/fhir.md section 2).
    let without_value = |invalid: &Invalid| {
        let at = invalid.object.as_ref().map(|o| format!("{o}: ")).unwrap_or_default();
        if invalid.field.to_ascii_lowercase().contains("patient") || invalid.value.is_empty() {
            format!("{at}{} {}", invalid.field, invalid.rule)
        } else {
            invalid.to_string()
        }
    };
    match fault {
        Fault::UnknownPatient(_) => {
            "the patient is not known to this registry; feed the identity first (ITI-8, ITI-44 or ITI-104)".to_owned()
        }
        Fault::PatientIdDoesNotMatch { object, .. } => {
            format!("{object}: the patient differs from the submission's; all its objects belong to one patient")
        }
        Fault::InvalidMetadata(invalid) | Fault::InvalidDocument(invalid) | Fault::InvalidQuery(invalid) => {
            without_value(invalid)
        }
        other => other.to_string(),
    }
}

/// One fault as an issue: the XDS code in `details`, the sentence in `diagnostics`.
pub fn issue(fault: &Fault) -> Issue {
    Issue::error(issue_code(fault)).details(error_code(fault, Side::Registry)).diagnostics(diagnostics(fault))
}

/// A party that did not answer a search, as a warning beside what was found.
pub fn silent(party: &actors::SilentParty) -> OperationOutcome {
    let text = format!("the answer is incomplete: {} did not answer: {}", party.name, diagnostics(&party.fault));
    OperationOutcome::of(
        Issue::warning("incomplete").details(error_code(&party.fault, Side::Registry)).diagnostics(text),
    )
}

/// What the reader of a search's answer has to know beside the matches: parameters that were left out, a patient of
/// another server, communities that cannot be reached.
pub fn remarks(
    ignored: &[Ignored],
    foreign_patient: bool,
    communities: &[HomeCommunityId],
    home: Option<&HomeCommunityId>,
) -> Vec<OperationOutcome> {
    let mut issues: Vec<Issue> = ignored
        .iter()
        .map(|ignored| {
            Issue::warning("not-supported")
                .diagnostics(format!("parameter {} {}; it was left out", ignored.parameter, ignored.reason))
                .expression(format!("http.{}", ignored.parameter))
        })
        .collect();
    if foreign_patient {
        let text = "the patient reference is not of this server; search by patient.identifier=system|value";
        issues.push(Issue::warning("not-found").diagnostics(text).expression("http.patient"));
    }
    for community in communities.iter().filter(|c| home.is_some_and(|home| home != *c)) {
        let text = format!("community {community} cannot be reached from here");
        issues.push(Issue::warning("incomplete").details("XDSUnknownCommunity").diagnostics(text));
    }
    if issues.is_empty() { Vec::new() } else { vec![OperationOutcome { issues }] }
}

/// All faults of a refusal, and the status of the first.
pub fn outcome(refusal: &Refusal) -> (StatusCode, OperationOutcome) {
    let issues = refusal.faults().iter().map(issue).collect();
    (status(refusal.first()), OperationOutcome { issues })
}

/// What a peer's refusal means. `patient` is whom the request was about.
pub fn refusal(peer: &str, status: StatusCode, body: &[u8], patient: Option<&PatientId>) -> Refusal {
    let transient = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let remote = |code: String, context: String| Fault::Remote {
        peer: peer.to_owned(),
        code,
        context,
        location: None,
        transient,
    };
    let issues = fhir::operation_outcome::decode(body).map(|o| o.issues).unwrap_or_default();
    let errors = issues.iter().filter(|i| {
        matches!(i.severity, fhir::operation_outcome::Severity::Fatal | fhir::operation_outcome::Severity::Error)
    });
    let faults = errors.take(32).map(|issue| match (issue.details.as_deref(), patient) {
        (Some("XDSUnknownPatientId"), Some(patient)) => Fault::UnknownPatient(patient.clone()),
        (details, _) => {
            let code = details.filter(|d| d.len() <= 64 && !d.contains(' ')).unwrap_or(&issue.code);
            let text = issue.diagnostics.as_deref().or(details).unwrap_or("no reason was given");
            remote(format!("HTTP {} {code}", status.as_u16()), text.chars().take(500).collect())
        }
    });
    let answered = format!("HTTP {}", status.as_u16());
    Refusal::of(faults.collect())
        .unwrap_or_else(|| remote(answered, "the answer holds no OperationOutcome that says why".to_owned()).into())
}
