//! OperationOutcome: what went wrong or is incomplete. Source: spec/fhir.md section 2 (errors), http.html.

use crate::datatypes::{CodeableConcept, Str};
use crate::error::DecodeError;
use crate::json;
use serde::{Deserialize, Serialize};

/// Severity of an issue, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Fatal,
    Error,
    Warning,
    Information,
}

impl Severity {
    pub fn code(self) -> &'static str {
        match self {
            Severity::Fatal => "fatal",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }

    // R5 servers also say `success`; what is unknown is no failure. None at all is taken as one.
    fn read(code: &str) -> Self {
        match code {
            "fatal" => Severity::Fatal,
            "error" | "" => Severity::Error,
            "warning" => Severity::Warning,
            _ => Severity::Information,
        }
    }
}

/// One issue. `details` is a code such as `XDSUnknownPatientId`; `diagnostics` a sentence without patient data;
/// `expression` names elements or search parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub severity: Severity,
    /// `issue.code`, of the value set issue-type.
    pub code: String,
    pub details: Option<String>,
    pub diagnostics: Option<String>,
    pub expression: Vec<String>,
}

impl Issue {
    pub fn new(severity: Severity, code: impl Into<String>) -> Self {
        Issue { severity, code: code.into(), details: None, diagnostics: None, expression: Vec::new() }
    }

    pub fn error(code: impl Into<String>) -> Self {
        Issue::new(Severity::Error, code)
    }

    pub fn warning(code: impl Into<String>) -> Self {
        Issue::new(Severity::Warning, code)
    }

    pub fn details(mut self, text: impl Into<String>) -> Self {
        self.details = Some(text.into());
        self
    }

    pub fn diagnostics(mut self, text: impl Into<String>) -> Self {
        self.diagnostics = Some(text.into());
        self
    }

    pub fn expression(mut self, path: impl Into<String>) -> Self {
        self.expression.push(path.into());
        self
    }
}

/// All issues of one answer. A written outcome has at least one: FHIR demands it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationOutcome {
    pub issues: Vec<Issue>,
}

impl OperationOutcome {
    pub fn of(issue: Issue) -> Self {
        OperationOutcome { issues: vec![issue] }
    }

    /// True when something failed, false for warnings and information alone.
    pub fn is_error(&self) -> bool {
        self.issues.iter().any(|i| matches!(i.severity, Severity::Fatal | Severity::Error))
    }
}

/// An outcome as compact JSON.
pub fn encode(outcome: &OperationOutcome) -> Vec<u8> {
    json::encode(&crate::Resource::OperationOutcome(outcome.clone()))
}

/// Errors: not an OperationOutcome.
pub fn decode(bytes: &[u8]) -> Result<OperationOutcome, DecodeError> {
    match json::decode::<crate::Resource<'_>>(bytes, "OperationOutcome")? {
        crate::Resource::OperationOutcome(outcome) => Ok(outcome),
        _ => Err(DecodeError::structure("OperationOutcome", "must be a resource of that type")),
    }
}

#[derive(Serialize, Deserialize)]
struct WireOutcome<'a> {
    #[serde(default)]
    issue: Vec<WireIssue<'a>>,
}

#[derive(Serialize, Deserialize)]
struct WireIssue<'a> {
    #[serde(default)]
    severity: Str<'a>,
    #[serde(default)]
    code: Str<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<CodeableConcept<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    diagnostics: Option<Str<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expression: Vec<Str<'a>>,
    // Deprecated in R4; older servers still write it.
    #[serde(default, skip_serializing)]
    location: Vec<Str<'a>>,
}

impl Serialize for OperationOutcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |t: &'_ Option<String>| t.clone().filter(|t| !t.is_empty()).map(Str::Owned);
        let mut issue: Vec<WireIssue<'_>> = Vec::with_capacity(self.issues.len().max(1));
        for i in &self.issues {
            issue.push(WireIssue {
                severity: i.severity.code().into(),
                code: i.code.as_str().into(),
                details: text(&i.details).map(|t| CodeableConcept { coding: Vec::new(), text: Some(t) }),
                diagnostics: text(&i.diagnostics),
                expression: i.expression.iter().map(|e| Str::from(e.as_str())).collect(),
                location: Vec::new(),
            });
        }
        if issue.is_empty() {
            issue.push(WireIssue {
                severity: Severity::Information.code().into(),
                code: "informational".into(),
                details: None,
                diagnostics: None,
                expression: Vec::new(),
                location: Vec::new(),
            });
        }
        WireOutcome { issue }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OperationOutcome {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireOutcome::deserialize(deserializer)?;
        let issues = wire.issue.into_iter().map(|i| {
            let coded = i.details.as_ref().and_then(|d| d.coding.iter().find_map(|c| c.code.clone()));
            let text = i.details.as_ref().and_then(|d| d.text.clone());
            let expression = if i.expression.is_empty() { i.location } else { i.expression };
            Issue {
                severity: Severity::read(&i.severity),
                code: i.code.into_owned(),
                details: text.or(coded).map(Str::into_owned),
                diagnostics: i.diagnostics.map(Str::into_owned),
                expression: expression.into_iter().map(Str::into_owned).collect(),
            }
        });
        Ok(OperationOutcome { issues: issues.collect() })
    }
}
