//! The Bundle of ITI-65 to its parts: which entry is what, by which method it comes, and the resource itself.
//! `assemble` makes the submission of them. Source: spec/fhir.md section 6.

use super::ProvidedBundle;
use super::assemble::assemble;
use crate::bundle::Pool;
use crate::datatypes::Str;
use crate::error::DecodeError;
use crate::json;
use crate::metadata_defaults::MetadataDefaults;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{ObjectId, UniqueId};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// What the recipient adds to a Bundle.
pub struct ProvideContext<'c> {
    /// A fresh entryUUID each time.
    pub fresh_id: &'c dyn Fn() -> ObjectId,
    /// The uniqueId of a submission set or folder without one, made of what must tell it from others: the same content
    /// gives the same id, so that a repeated submission is recognised.
    pub derive_unique_id: &'c dyn Fn(&[u8]) -> UniqueId,
    /// Stand in for what Minimal metadata leave out.
    pub defaults: &'c MetadataDefaults,
}

/// Most entries of a Bundle.
const MAX_ENTRIES: usize = 5000;

#[derive(Deserialize)]
struct WireBundle<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
    #[serde(default)]
    r#type: Str<'a>,
    #[serde(default, borrow)]
    entry: Vec<WireEntry<'a>>,
}

#[derive(Deserialize)]
struct WireEntry<'a> {
    #[serde(rename = "fullUrl", default)]
    full_url: Option<String>,
    #[serde(default, borrow)]
    resource: Option<&'a RawValue>,
    #[serde(default)]
    request: Option<WireRequest>,
}

#[derive(Deserialize)]
struct WireRequest {
    #[serde(default)]
    method: String,
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
    /// Of a Bundle.
    #[serde(default)]
    r#type: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct WireBinary<'a> {
    #[serde(rename = "contentType", default)]
    content_type: Option<String>,
    #[serde(default, borrow)]
    data: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WireParameters {
    #[serde(default)]
    parameter: Vec<WireParameter>,
}

#[derive(Deserialize)]
struct WireParameter {
    #[serde(default)]
    name: String,
    #[serde(rename = "valueCode", default)]
    value_code: Option<String>,
    #[serde(rename = "valueString", default)]
    value_string: Option<String>,
    #[serde(default)]
    part: Vec<WireParameter>,
}

/// One entry, taken apart.
pub(super) struct Part<'a> {
    pub full_url: Option<String>,
    pub url: String,
    pub put: bool,
    pub kind: PartKind<'a>,
}

pub(super) enum PartKind<'a> {
    SubmissionSet(&'a RawValue),
    Folder(&'a RawValue),
    Document(&'a RawValue),
    /// The id of the DocumentReference that becomes superseded.
    Patch(String),
    Content {
        content_type: Option<String>,
        octets: Arc<Vec<u8>>,
        /// A Bundle of type document, as its text came.
        is_fhir: bool,
    },
    Patient(Option<&'a RawValue>),
    /// Wrong, and said so already.
    Refused,
}

/// Reads a Bundle of ITI-65.
///
/// Errors: every finding: not a Bundle of type transaction; an entry the profile has no slice for, or with a method it
/// may not have; not exactly one submission set; a Binary that no document points to; a document without its octets;
/// what the resources themselves break. Rules of metadata (`Submission::validate`) and of the registry come later.
/// Source: MHD 2:3.65.4.1.2, 2:3.65.4.1.3.
pub fn decode(bytes: &[u8], cx: &ProvideContext<'_>) -> Result<ProvidedBundle, Vec<DecodeError>> {
    let structure = |rule: String| vec![DecodeError::structure("Bundle", rule)];
    if bytes.len() > json::MAX_OCTETS {
        return Err(structure(format!("must have at most {} octets, has {}", json::MAX_OCTETS, bytes.len())));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bundle: WireBundle<'_> = serde_json::from_slice(bytes).map_err(|e| vec![json::wrong("Bundle", &e)])?;
    if bundle.resource_type != "Bundle" {
        return Err(structure("must be a resource of that type".to_owned()));
    }
    if bundle.r#type != "transaction" {
        return Err(vec![DecodeError::value("Bundle.type", "must be transaction", &bundle.r#type)]);
    }
    if bundle.entry.len() > MAX_ENTRIES {
        let rule = format!("must have at most {MAX_ENTRIES} entries, has {}", bundle.entry.len());
        return Err(vec![DecodeError::structure("Bundle.entry", rule)]);
    }
    let mut findings = Vec::new();
    let mut parts = Vec::with_capacity(bundle.entry.len());
    for (i, entry) in bundle.entry.iter().enumerate() {
        let (method, url) = entry.request.as_ref().map_or(("", ""), |r| (r.method.as_str(), r.url.as_str()));
        let kind = kind(i, entry.resource, method, url).unwrap_or_else(|finding| {
            findings.push(finding);
            PartKind::Refused
        });
        let (full_url, url) = (entry.full_url.clone(), url.to_owned());
        parts.push(Part { full_url, url, put: method == "PUT", kind });
    }
    let pool = Pool::new(bundle.entry.iter().map(|entry| (entry.full_url.as_deref(), entry.resource)));
    for (i, url) in pool.repeated() {
        let rule = "must not occur twice in the Bundle (bdl-7)";
        findings.push(DecodeError::value(format!("Bundle.entry[{i}].fullUrl"), rule, url));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    assemble(parts, &pool, cx)
}

fn kind<'a>(i: usize, resource: Option<&'a RawValue>, method: &str, url: &str) -> Result<PartKind<'a>, DecodeError> {
    let path = |element: &str| format!("Bundle.entry[{i}].{element}");
    let Some(raw) = resource else {
        // GET Patient/1: whoever it is has to be known.
        if method == "GET" && url.starts_with("Patient") {
            return Ok(PartKind::Patient(None));
        }
        return Err(DecodeError::required(path("resource"), "is required"));
    };
    let read = |e: &serde_json::Error| json::wrong(&path("resource"), e);
    let head: Head<'_> = serde_json::from_str(raw.get()).map_err(|e| read(&e))?;
    let allowed = |methods: &[&str]| match methods.contains(&method) {
        true => Ok(()),
        false => {
            let rule = format!("must be {} for a {}", methods.join(" or "), head.resource_type);
            Err(DecodeError::value(path("request.method"), rule, method))
        }
    };
    match &*head.resource_type {
        "List" => {
            let crate::Resource::List(list) = serde_json::from_str(raw.get()).map_err(|e| read(&e))? else {
                return Err(DecodeError::structure(path("resource"), "must be a List"));
            };
            match crate::list::is_folder(&list) {
                Some(true) => allowed(&["POST", "PUT"]).map(|()| PartKind::Folder(raw)),
                Some(false) => allowed(&["POST"]).map(|()| PartKind::SubmissionSet(raw)),
                None => {
                    let rule = "must be submissionset or folder of MHDlistTypes";
                    Err(DecodeError::value(path("resource.code"), rule, ""))
                }
            }
        }
        "DocumentReference" => allowed(&["POST"]).map(|()| PartKind::Document(raw)),
        "Parameters" => {
            allowed(&["PATCH"])?;
            let parameters: WireParameters = serde_json::from_str(raw.get()).map_err(|e| read(&e))?;
            patch(&parameters, url)
                .map(PartKind::Patch)
                .map_err(|(element, rule, value)| DecodeError::value(path(element), rule, &value))
        }
        "Binary" => {
            allowed(&["POST"])?;
            let binary: WireBinary<'_> = serde_json::from_str(raw.get()).map_err(|e| read(&e))?;
            let octets = base64(binary.data.as_deref().unwrap_or(""));
            let octets = octets.ok_or_else(|| DecodeError::value(path("resource.data"), "must be base64", ""))?;
            Ok(PartKind::Content { content_type: binary.content_type, octets: octets.into(), is_fhir: false })
        }
        "Bundle" => {
            allowed(&["POST"])?;
            let is_document = head.r#type.as_ref().and_then(|t| t.as_str()) == Some("document");
            if !is_document {
                let rule = "must be document: a Bundle of another type travels as a Binary";
                return Err(DecodeError::value(path("resource.type"), rule, ""));
            }
            let octets = Arc::new(raw.get().as_bytes().to_vec());
            Ok(PartKind::Content { content_type: None, octets, is_fhir: true })
        }
        "Patient" => allowed(&["GET", "POST", "PUT"]).map(|()| PartKind::Patient(Some(raw))),
        other => {
            let rule = "is not one of the resources of this transaction: List, DocumentReference, Parameters, Binary, \
                        Bundle, Patient";
            Err(DecodeError::not_supported(path("resource"), rule, other))
        }
    }
}

/// The base64 of a FHIR body, in which blanks and line ends may stand.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        return STANDARD.decode(bare).ok();
    }
    STANDARD.decode(text).ok()
}

/// The document that `IHE.MHD.Patch.Parameters` supersedes. Errors: element, rule and value of any other patch.
fn patch(parameters: &WireParameters, url: &str) -> Result<String, (&'static str, &'static str, String)> {
    const OPERATION: &str = "resource.parameter";
    let [operation] = parameters.parameter.as_slice() else {
        return Err((OPERATION, "must be exactly one", parameters.parameter.len().to_string()));
    };
    if operation.name != "operation" {
        return Err((OPERATION, "must have the name operation", operation.name.clone()));
    }
    let part = |name: &str| {
        let found = operation.part.iter().find(|p| p.name == name);
        found.and_then(|p| p.value_code.as_deref().or(p.value_string.as_deref())).unwrap_or("")
    };
    for (name, wanted, rule) in [
        ("type", "replace", "must be of type replace: nothing else is patched here"),
        (
            "path",
            "DocumentReference.status",
            "must have the path DocumentReference.status: nothing else is patched here",
        ),
        ("value", "superseded", "must have the value superseded: nothing else is set here"),
    ] {
        if part(name) != wanted {
            return Err((OPERATION, rule, part(name).to_owned()));
        }
    }
    let id = url.strip_prefix("DocumentReference/").filter(|id| !id.is_empty() && !id.contains(['/', '?']));
    id.map(str::to_owned).ok_or_else(|| ("request.url", "must be DocumentReference/ and an id", url.to_owned()))
}
