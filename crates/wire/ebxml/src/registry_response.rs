//! rs:RegistryResponse and rs:RegistryErrorList. Source: spec/xds.md sections 7, 25.1; ITI TF-3 4.2.4.

use model::Invalid;
use xml::{Element, XmlWriter};

use crate::error::{DecodeError, expect};
use crate::names::{ns, same_urn, status};

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseStatus {
    Success,
    /// Some results, and at least one error. Only queries and retrievals know it.
    PartialSuccess,
    Failure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Warning,
    Error,
}

/// One finding of the answering side; `code` is chosen by the edge.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryError {
    /// Bare token such as `XDSUnknownPatientId`.
    pub code: String,
    /// A sentence for people, with the offending value.
    pub context: String,
    /// The document's uniqueId (ITI-43, RAD-69), the community (XCA), else an object id.
    pub location: Option<String>,
    pub severity: Severity,
}

/// The context may quote a patient id; logs print Debug, so it stays out of it.
impl std::fmt::Debug for RegistryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistryError({:?} {})", self.severity, self.code)
    }
}

impl RegistryError {
    pub fn error(code: impl Into<String>, context: impl Into<String>) -> Self {
        let (code, context) = (code.into(), context.into());
        RegistryError { code, context, location: None, severity: Severity::Error }
    }

    pub fn warning(code: impl Into<String>, context: impl Into<String>) -> Self {
        RegistryError { severity: Severity::Warning, ..RegistryError::error(code, context) }
    }

    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }
}

impl ResponseStatus {
    /// The status that section 25.1 asks for when there are these errors and, for queries and retrievals, results.
    pub fn of(errors: &[RegistryError], has_results: bool) -> Self {
        let failed = errors.iter().any(|e| e.severity == Severity::Error);
        match (failed, has_results) {
            (false, _) => ResponseStatus::Success,
            (true, true) => ResponseStatus::PartialSuccess,
            (true, false) => ResponseStatus::Failure,
        }
    }

    pub(crate) fn urn(self) -> &'static str {
        match self {
            ResponseStatus::Success => status::SUCCESS,
            ResponseStatus::PartialSuccess => status::PARTIAL_SUCCESS,
            ResponseStatus::Failure => status::FAILURE,
        }
    }

    /// Reads @status. Errors: absent or unknown.
    pub(crate) fn read(element: &Element) -> Result<Self, DecodeError> {
        let written = element.attr("status").unwrap_or_default().trim();
        // Leniency: PartialSuccess is IHE's own, and some write it under the namespace of the other two.
        let known = [
            (status::SUCCESS, ResponseStatus::Success),
            (status::FAILURE, ResponseStatus::Failure),
            (status::PARTIAL_SUCCESS, ResponseStatus::PartialSuccess),
            (status::OASIS_PARTIAL_SUCCESS, ResponseStatus::PartialSuccess),
        ];
        known.into_iter().find(|(urn, _)| same_urn(written, urn)).map(|(_, status)| status).ok_or_else(|| {
            let field = format!("{}.status", element.name());
            Invalid::new(field, "must be the URN of Success, PartialSuccess or Failure", written).into()
        })
    }
}

/// The answer to ITI-41, 42, 61 and RAD-68, and the first part of ITI-43's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryResponse {
    pub status: ResponseStatus,
    /// Errors and warnings.
    pub errors: Vec<RegistryError>,
}

impl RegistryResponse {
    /// The answer to a submission: Success with at most warnings, else Failure.
    pub fn of(errors: Vec<RegistryError>) -> Self {
        RegistryResponse { status: ResponseStatus::of(&errors, false), errors }
    }

    pub fn success() -> Self {
        RegistryResponse { status: ResponseStatus::Success, errors: Vec::new() }
    }
}

/// Writes rs:RegistryResponse with its own namespace declaration.
pub fn encode_registry_response(response: &RegistryResponse, xml: &mut XmlWriter) {
    xml.start("rs:RegistryResponse").ns("rs", ns::RS).attr("status", response.status.urn());
    encode_errors(&response.errors, xml);
    xml.end();
}

/// Reads rs:RegistryResponse.
///
/// Leniency: an answer that says Success and lists an error of severity Error is read as Failure; one that says Failure
/// and lists none is taken as it is (both are invalid by section 25.1, and the peer has not done what was asked).
/// Errors: another element, no status or an unknown one.
pub fn decode_registry_response(element: &Element) -> Result<RegistryResponse, DecodeError> {
    expect(element, ns::RS, "rs:RegistryResponse")?;
    let errors = decode_errors(element);
    let status = reconciled(ResponseStatus::read(element)?, &errors, false);
    Ok(RegistryResponse { status, errors })
}

/// Success beside an error is no success.
pub(crate) fn reconciled(status: ResponseStatus, errors: &[RegistryError], has_results: bool) -> ResponseStatus {
    match status {
        ResponseStatus::Success => ResponseStatus::of(errors, has_results),
        other => other,
    }
}

/// Writes rs:RegistryErrorList; the prefix `rs` must be declared.
pub(crate) fn encode_errors(errors: &[RegistryError], xml: &mut XmlWriter) {
    let Some(highest) = errors.iter().map(|e| e.severity).max() else { return };
    xml.start("rs:RegistryErrorList").attr("highestSeverity", severity_urn(highest));
    for error in errors {
        xml.start("rs:RegistryError").attr("errorCode", &error.code).attr("codeContext", &error.context);
        xml.attr_opt("location", error.location.as_deref()).attr("severity", severity_urn(error.severity)).end();
    }
    xml.end();
}

/// The errors of a response.
///
/// Leniency: codeContext is required by the schema and sometimes missing; severity defaults to Error, and an unknown
/// one counts as Error too. highestSeverity is not looked at.
pub(crate) fn decode_errors(response: &Element) -> Vec<RegistryError> {
    response
        .children_named(ns::RS, "RegistryErrorList")
        .flat_map(|list| list.children_named(ns::RS, "RegistryError"))
        .map(|error| {
            let text = |name: &str| error.attr(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
            let warning = error.attr("severity").is_some_and(|s| same_urn(s.trim(), status::WARNING));
            RegistryError {
                code: text("errorCode").unwrap_or_default(),
                context: text("codeContext").unwrap_or_default(),
                location: text("location"),
                severity: if warning { Severity::Warning } else { Severity::Error },
            }
        })
        .collect()
}

fn severity_urn(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => status::ERROR,
        Severity::Warning => status::WARNING,
    }
}
