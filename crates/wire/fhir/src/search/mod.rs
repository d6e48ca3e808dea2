//! Search strings: ITI-67 queries to and from [`model::DocumentQuery`].
//! Source: spec/fhir.md sections 2 (query parameters), 9, 17; http://hl7.org/fhir/R4/search.html.

mod date;
mod decode;
mod encode;
pub mod lists;
mod parameters;
mod relations;
mod subject;
mod token;
mod understood;

pub(crate) use date::birth_date;
pub use decode::decode;
pub use encode::{Encoded, encode};
pub(crate) use parameters::percent_decode;
pub use parameters::{Parameters, escape, percent_encode, percent_encode_into, unescape};
pub use relations::{RelationTarget, RelationTerm};
pub(crate) use token::{alternatives as split_alternatives, split_token};
pub use understood::{DocumentSearch, Handling, Ignored, SearchOptions, Sort, SortKey, Total, Understood};

use crate::capability::SearchParameter;
use crate::operation_outcome::{Issue, OperationOutcome};
use model::CodeTerm;
use std::fmt;
use token::Token;

/// Why a search was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SearchErrorKind {
    /// A required parameter is missing.
    Missing,
    /// A value breaks its rule.
    Value,
    /// A parameter, modifier or prefix that is not answered here.
    NotSupported,
}

/// One refused parameter: which, by which rule, and what came (empty where it could be a patient's).
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct SearchError {
    pub kind: SearchErrorKind,
    pub parameter: String,
    pub rule: String,
    pub value: String,
}

impl SearchError {
    pub fn missing(parameter: &str, rule: &str) -> Self {
        SearchError::new(SearchErrorKind::Missing, parameter, rule, "")
    }

    pub fn value(parameter: &str, rule: &str, value: &str) -> Self {
        SearchError::new(SearchErrorKind::Value, parameter, rule, value)
    }

    pub fn not_supported(parameter: &str, rule: &str, value: &str) -> Self {
        SearchError::new(SearchErrorKind::NotSupported, parameter, rule, value)
    }

    fn new(kind: SearchErrorKind, parameter: &str, rule: &str, value: &str) -> Self {
        let cut = |text: &str| text.chars().take(80).collect();
        SearchError { kind, parameter: cut(parameter), rule: rule.to_owned(), value: cut(value) }
    }

    /// The `issue.code` of FHIR for this kind; the status is 400 for all of them.
    pub fn issue_code(&self) -> &'static str {
        match self.kind {
            SearchErrorKind::Missing => "required",
            SearchErrorKind::Value => "value",
            SearchErrorKind::NotSupported => "not-supported",
        }
    }

    /// The same as an OperationOutcome of one error, the parameter in `expression`.
    pub fn outcome(&self) -> OperationOutcome {
        let issue = Issue::error(self.issue_code()).diagnostics(self.to_string());
        OperationOutcome::of(issue.expression(format!("http.{}", self.parameter)))
    }
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {} {}", self.parameter, self.rule)?;
        if !self.value.is_empty() {
            write!(f, "; got `{}`", self.value)?;
        }
        Ok(())
    }
}

// Logs print Debug; a value may be a patient's, so it stays out of it.
impl fmt::Debug for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SearchError({:?}: {} {})", self.kind, self.parameter, self.rule)
    }
}

/// The parameters [`decode`] answers, for the CapabilityStatement.
///
/// The guide's own statement declares `type` as a reference and misspells `_lastUpdated`; these are right.
pub const PARAMETERS: &[SearchParameter] = &[
    parameter("_id", "token", Some("http://hl7.org/fhir/SearchParameter/Resource-id")),
    parameter("patient", "reference", Some("http://hl7.org/fhir/SearchParameter/clinical-patient")),
    parameter("patient.identifier", "token", None),
    parameter("subject", "reference", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-subject")),
    parameter("subject.identifier", "token", None),
    parameter("status", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-status")),
    parameter("identifier", "token", Some("http://hl7.org/fhir/SearchParameter/clinical-identifier")),
    parameter("category", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-category")),
    parameter("type", "token", Some("http://hl7.org/fhir/SearchParameter/clinical-type")),
    parameter("setting", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-setting")),
    parameter("facility", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-facility")),
    parameter("event", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-event")),
    parameter("format", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-format")),
    parameter("security-label", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-security-label")),
    parameter("creation", "date", Some("https://profiles.ihe.net/ITI/MHD/SearchParameter/DocumentReference-Creation")),
    SearchParameter {
        documentation: Some("When the document was submitted; `_sort` takes it too."),
        ..parameter("date", "date", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-date"))
    },
    SearchParameter {
        documentation: Some("The same time as `date`."),
        ..parameter("_lastUpdated", "date", Some("http://hl7.org/fhir/SearchParameter/Resource-lastUpdated"))
    },
    SearchParameter {
        documentation: Some("The time of service overlaps the value; an entry without an end counts as still running."),
        ..parameter("period", "date", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-period"))
    },
    parameter("contenttype", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-contenttype")),
    parameter("language", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-language")),
    parameter("author.family", "string", None),
    parameter("author.given", "string", None),
    SearchParameter {
        documentation: Some("As related:identifier=system|value; study UIDs with system urn:dicom:uid."),
        ..parameter("related", "reference", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-related"))
    },
    parameter("encounter.identifier", "token", None),
    SearchParameter {
        documentation: Some("Documents that replace, append, transform or sign this one; as relatesto:identifier too."),
        ..parameter("relatesto", "reference", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-relatesto"))
    },
    parameter("relation", "token", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-relation")),
    parameter("relationship", "composite", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-relationship")),
    SearchParameter {
        documentation: Some("The `attachment.url` of a document of this server, as it stands there."),
        ..parameter("location", "uri", Some("http://hl7.org/fhir/SearchParameter/DocumentReference-location"))
    },
    parameter("study-instance-uid", "token", None),
    parameter("accession-number", "token", None),
    parameter("modality", "token", None),
    parameter("anatomical-region", "token", None),
    parameter("bodysite", "token", None),
    COMMUNITIES,
];

/// What [`decode`] takes beside criteria.
pub const RESULT_PARAMETERS: &[&str] = &["_count", "_sort", "_summary", "_total", "_include", "_format", "_pretty"];

/// Values of `_include` that bring something. Authors are contained in the documents already; Patients have no place in an
/// answer of ITI-67, whose slices are closed (MHD, IHE.MHD.FindDocumentReferencesResponseMessage).
pub const INCLUDES: &[&str] = &["DocumentReference:relatesto"];

const COMMUNITIES: SearchParameter = SearchParameter {
    documentation: Some("Home community ids; other communities than this one find nothing here."),
    ..parameter("targetCommunityIdList", "token", None)
};

const fn parameter(name: &'static str, kind: &'static str, definition: Option<&'static str>) -> SearchParameter {
    SearchParameter { name, kind, definition, documentation: None }
}

/// `base` and a relative path with exactly one slash between them.
pub(crate) fn join_url(base: &str, path: &str) -> String {
    format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'))
}

fn one_date<'a>(name: &str, value: &'a str) -> Result<&'a str, SearchError> {
    match token::alternatives(name, value)?.as_slice() {
        [text] => Ok(*text),
        _ => Err(SearchError::not_supported(name, "takes one date per parameter; repeat it for AND", "")),
    }
}

fn codes(name: &str, value: &str) -> Result<Vec<CodeTerm>, SearchError> {
    Ok(token::tokens(name, value)?.into_iter().map(Token::code_term).collect())
}
