//! The answer to a Bundle of ITI-65: one entry for each of the request, in its order. Source: spec/fhir.md section 6.

use crate::datatypes::Str;
use crate::json;
use crate::operation_outcome::{Issue, OperationOutcome};
use crate::resource::Resource;
use serde::Serialize;
use serde_json::value::RawValue;

/// What became of one entry.
pub struct Outcome<'a> {
    /// `201 Created`, `200 OK`.
    pub status: &'static str,
    /// Where the resource is: `DocumentReference/<id>`, or the absolute address of a document.
    pub location: String,
    pub version: Option<u32>,
    /// FHIR instant.
    pub last_modified: Option<&'a str>,
    /// Shown under `Prefer: return=representation`: a resource as JSON.
    pub resource: Option<&'a RawValue>,
    pub warnings: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireBundle<'a> {
    resource_type: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<WireEntry<'a>>,
}

#[derive(Serialize)]
struct WireEntry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a RawValue>,
    response: WireResponse<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireResponse<'a> {
    status: &'static str,
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<Str<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Resource<'static>>,
}

/// A Bundle of type transaction-response, compact JSON.
pub fn encode_response(outcomes: Vec<Outcome<'_>>) -> Vec<u8> {
    let entry = outcomes
        .into_iter()
        .map(|outcome| {
            let issues: Vec<Issue> = outcome
                .warnings
                .iter()
                .map(|text| Issue::warning("informational").diagnostics(text.as_str()))
                .collect();
            WireEntry {
                resource: outcome.resource,
                response: WireResponse {
                    status: outcome.status,
                    location: outcome.location,
                    etag: outcome.version.map(|version| format!("W/\"{version}\"")),
                    last_modified: outcome.last_modified.map(Str::from),
                    outcome: (!issues.is_empty()).then_some(Resource::OperationOutcome(OperationOutcome { issues })),
                },
            }
        })
        .collect();
    json::encode(&WireBundle { resource_type: "Bundle", r#type: "transaction-response", entry })
}
