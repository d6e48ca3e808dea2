//! Manners of every FHIR endpoint: JSON or XML, how a body is read, how a refusal looks, conditional reads, and what happens
//! to a path or method that nobody serves. Source: spec/fhir.md section 2; ITI TF-2 Appendix Z.

mod format;
mod manners;

pub(crate) use format::MediaRange;
pub use format::{FORM, Format, check_content_type, fhir_body};
pub use manners::with_manners;

use super::Edge;
use super::operation_outcome;
use actors::{Cx, Refusal};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use fhir::operation_outcome::{Issue, OperationOutcome};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use model::Dtm;
use std::time::{Duration, UNIX_EPOCH};

/// The id that finds the log line, in every answer that is an error.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a caller wants to see of what it wrote: `Prefer: return=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Return {
    Minimal,
    #[default]
    Representation,
    OperationOutcome,
}

impl Return {
    pub fn of(headers: &HeaderMap) -> Self {
        match prefer(headers).as_str() {
            p if p.contains("return=minimal") => Return::Minimal,
            p if p.contains("return=operationoutcome") => Return::OperationOutcome,
            _ => Return::Representation,
        }
    }
}

/// All `Prefer` headers, lower case.
pub fn prefer(headers: &HeaderMap) -> String {
    let values: Vec<&str> = headers.get_all("prefer").iter().filter_map(|v| v.to_str().ok()).collect();
    values.join(", ").to_ascii_lowercase()
}

/// A refusal that knows its status.
#[derive(Clone, Debug)]
pub struct Refused {
    pub status: StatusCode,
    pub outcome: OperationOutcome,
}

impl Refused {
    pub fn new(status: StatusCode, issue: Issue) -> Self {
        Refused { status, outcome: OperationOutcome::of(issue) }
    }

    pub fn not_found(what: &str) -> Self {
        Refused::new(StatusCode::NOT_FOUND, Issue::error("not-found").diagnostics(format!("{what} is not known here")))
    }

    /// As HTTP, with the id that finds the log line; in the form that the request asks for.
    pub fn respond(&self, cx: &Cx) -> Response {
        refused(self.status, &self.outcome, &cx.request_id)
    }

    /// [`respond`](Self::respond) to a search whose parameters came in the body too.
    pub fn respond_to(&self, query: &str, cx: &Cx) -> Response {
        let mut response = self.respond(cx);
        response.extensions_mut().insert(RefusalBody { query: Some(query.to_owned()) });
        response
    }

    /// How the audit record says it.
    pub fn audit_outcome(&self) -> super::audit::Outcome {
        let text = self.outcome.issues.first().map(|i| i.code.clone()).unwrap_or_default();
        let text = format!("HTTP {} {text}", self.status.as_u16());
        // A peer that does not answer is no failure of this node.
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            super::audit::Outcome::SeriousFailure(text)
        } else {
            super::audit::Outcome::MinorFailure(text)
        }
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        let (status, outcome) = operation_outcome::outcome(refusal);
        Refused { status, outcome }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused::from(&refusal)
    }
}

impl From<fhir::search::SearchError> for Refused {
    fn from(error: fhir::search::SearchError) -> Self {
        Refused { status: StatusCode::BAD_REQUEST, outcome: error.outcome() }
    }
}

impl From<fhir::DecodeError> for Refused {
    fn from(error: fhir::DecodeError) -> Self {
        let status = match error.kind {
            fhir::DecodeErrorKind::Structure => StatusCode::BAD_REQUEST,
            fhir::DecodeErrorKind::Required | fhir::DecodeErrorKind::Value | fhir::DecodeErrorKind::NotSupported => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            fhir::DecodeErrorKind::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Refused { status, outcome: error.outcome() }
    }
}

/// Marks an answer that is a resource this server wrote, and no document.
#[derive(Clone, Copy)]
struct IsResource;

/// Marks a refusal, written as JSON: [`with_manners`] decides on its form.
#[derive(Clone, Default)]
struct RefusalBody {
    /// Parameters of the search, where those of the address are not all.
    query: Option<String>,
}

/// A resource, given as JSON, in the form that was asked for.
pub fn resource(status: StatusCode, format: Format, json: Vec<u8>) -> Response {
    let mut status = status;
    let body = match format.is_xml() && !json.is_empty() {
        false => json,
        true => fhir::xml::to_xml(&json).unwrap_or_else(|error| {
            tracing::error!(%error, "a resource of this server has no XML form");
            status = StatusCode::INTERNAL_SERVER_ERROR;
            let issue = Issue::error("exception").diagnostics("the answer cannot be written as XML; ask for JSON");
            let json = fhir::operation_outcome::encode(&OperationOutcome::of(issue));
            fhir::xml::to_xml(&json).unwrap_or_default()
        }),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.extensions_mut().insert(IsResource);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A resource that was read by its id, with what a conditional read needs.
///
/// Shape: `ETag: W/"<version>-<digest>"`. The digest makes it change with everything that changes: a deprecation or a new
/// association of a document gives it no new version. `modified` is the time of its last change, where that is known.
pub fn read_resource(format: Format, json: Vec<u8>, version: u32, modified: Option<&Dtm>) -> Response {
    let tag = etag(format.is_xml(), &json, version);
    let mut response = resource(StatusCode::OK, format, json);
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, etag);
    }
    let seconds = modified.and_then(|at| u64::try_from(at.unix_seconds()).ok());
    if let Some(seconds) = seconds.filter(|seconds| *seconds < LATEST_SECONDS) {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        if let Ok(date) = HeaderValue::from_str(&date) {
            headers.insert(header::LAST_MODIFIED, date);
        }
    }
    response
}

/// The entity tag of a resource: its version and a digest, because not every change makes a version.
pub fn etag(xml: bool, json: &[u8], version: u32) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, json);
    let hex: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let form = if xml { "x" } else { "" };
    format!("W/\"{version}-{hex}{form}\"")
}

/// The year 9999 ends; HTTP dates have four digits.
const LATEST_SECONDS: u64 = 253_402_300_800;

fn refused(status: StatusCode, outcome: &OperationOutcome, request_id: &str) -> Response {
    let mut outcome = outcome.clone();
    // Where a specification gives the words (then they are the details too), they stay as they are; the header has the id.
    for issue in outcome.issues.iter_mut().take(1).filter(|i| i.details.is_none() || i.details != i.diagnostics) {
        let text = issue.diagnostics.take().unwrap_or_else(|| "the request was refused".to_owned());
        issue.diagnostics = Some(format!("{text} (reference {request_id})"));
    }
    let mut response = resource(status, Format::default(), fhir::operation_outcome::encode(&outcome));
    response.extensions_mut().insert(RefusalBody::default());
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    }
    response
}

/// Reads a request body of at most `limit` octets.
///
/// Errors: larger: 413; broken off: 400.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, Refused> {
    use futures_util::StreamExt;
    let mut data = body.into_data_stream();
    let mut out = bytes::BytesMut::new();
    while let Some(chunk) = data.next().await {
        let chunk = chunk.map_err(|_| {
            let issue = Issue::error("structure").diagnostics("the request broke off before its end");
            Refused::new(StatusCode::BAD_REQUEST, issue)
        })?;
        if out.len() + chunk.len() > limit {
            let text = format!("the request body may have at most {limit} octets");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, Issue::error("too-long").diagnostics(text)));
        }
        out.extend_from_slice(&chunk);
    }
    Ok(out.freeze())
}

/// The parameters of a search: those of the URL, and of the form when it is posted.
///
/// Errors: a form of more than 64 KiB, of another type or not in UTF-8.
pub async fn search_query(parts: &http::request::Parts, body: Body) -> Result<String, Refused> {
    const FORM_OCTETS: usize = 64 * 1024;
    let query = parts.uri.query().unwrap_or("").to_owned();
    if parts.method != http::Method::POST {
        return Ok(query);
    }
    let form = read_body(body, FORM_OCTETS).await?;
    if form.is_empty() {
        return Ok(query);
    }
    check_content_type(&parts.headers, FORM)?;
    let form = std::str::from_utf8(&form).map_err(|_| {
        let issue = Issue::error("structure").diagnostics("the form must be UTF-8");
        Refused::new(StatusCode::BAD_REQUEST, issue)
    })?;
    Ok(if query.is_empty() { form.to_owned() } else { format!("{query}&{form}") })
}

/// What the node as a whole answers below `/fhir`: the CapabilityStatement, the OpenAPI document, and 404 for every resource type that no
/// transaction serves.
///
/// The base itself is not served here: a transaction that is posted to it routes `/fhir` and `/fhir/` alike (spec/fhir.md
/// section 2; fhir-kit-client sends the latter).
pub struct Base {
    /// The CapabilityStatement as JSON, made once at start by [`fhir::capability::encode`].
    pub metadata: Bytes,
    /// The OpenAPI document as JSON.
    pub openapi: Bytes,
    pub edge: Edge,
}

impl Base {
    pub fn router(self) -> Router {
        use axum::routing::{any, get};
        let (metadata, edge) = (self.metadata, self.edge.clone());
        let answer = move |headers: HeaderMap, uri: http::Uri| {
            let (metadata, edge) = (metadata.clone(), edge.clone());
            async move {
                let format = fhir::search::Parameters::decode(uri.query().unwrap_or(""))
                    .ok()
                    .and_then(|p| p.first("_format").map(str::to_owned));
                match Format::negotiate(&headers, format.as_deref()) {
                    Ok(format) => resource(StatusCode::OK, format, metadata.to_vec()),
                    Err(r) => refused(r.status, &r.outcome, &actors::short_id(&edge.identifiers.uuid())),
                }
            }
        };
        let edge = self.edge.clone();
        let nothing = move || {
            let edge = edge.clone();
            async move {
                let issue = Issue::error("not-supported")
                    .diagnostics("this resource type or operation is not offered; GET metadata lists what is");
                let id = actors::short_id(&edge.identifiers.uuid());
                refused(StatusCode::NOT_FOUND, &OperationOutcome::of(issue), &id)
            }
        };
        let openapi = self.openapi;
        let describe = move || {
            let openapi = openapi.clone();
            async move { ([(header::CONTENT_TYPE, "application/json")], openapi) }
        };
        let router = Router::new()
            .route("/fhir/metadata", get(answer))
            .route("/fhir/openapi.json", get(describe))
            .route("/fhir/{*rest}", any(nothing));
        with_manners(router, &self.edge)
    }
}
