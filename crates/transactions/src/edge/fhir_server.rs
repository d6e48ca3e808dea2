//! Manners of every FHIR endpoint: which representation, how a body is read, how a refusal looks, and what happens to
//! a path or method that nobody serves. Source: spec/fhir.md section 2; ITI TF-2 Appendix Z.

use super::Edge;
use super::operation_outcome;
use actors::{Cx, Refusal};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::middleware::map_response_with_state;
use axum::response::Response;
use fhir::operation_outcome::{Issue, OperationOutcome};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// The id that finds the log line, in every answer that is an error.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The JSON form that the caller asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// The caller named `fhirVersion=4.0`; the answer names it too.
    fhir_version: bool,
}

impl Format {
    /// From `_format`, which wins, or `Accept`.
    ///
    /// Errors: nothing that is acceptable is JSON, or another FHIR version is asked for: 406.
    /// Deviation: ITI TF-2 Z.6 demands XML too; this version writes JSON only.
    pub fn negotiate(headers: &HeaderMap, format: Option<&str>) -> Result<Format, Refused> {
        let texts: Vec<&str> = match format.map(str::trim).filter(|f| !f.is_empty()) {
            Some(format) => vec![format],
            None => headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect(),
        };
        if texts.iter().all(|t| t.trim().is_empty()) {
            return Ok(Format::default());
        }
        let ranges = || texts.iter().flat_map(|t| t.split(',')).filter_map(MediaRange::read).take(64);
        let json = |range: &MediaRange| {
            let fits = match range.essence.as_str() {
                "application/fhir+json" | "application/json" | "text/json" | "*/*" | "application/*" => true,
                // Short names belong to `_format` only; no header can hold them by mistake.
                "json" => format.is_some(),
                _ => false,
            };
            fits && range.quality > 0 && range.fhir_version.as_deref().is_none_or(|v| v == "4.0" || v == "4.0.1")
        };
        match ranges().find(json) {
            Some(range) => Ok(Format { fhir_version: range.fhir_version.is_some() }),
            None => Err(Refused::new(
                StatusCode::NOT_ACCEPTABLE,
                Issue::error("not-supported")
                    .diagnostics("this server answers application/fhir+json of FHIR 4.0 only; name it in Accept"),
            )),
        }
    }

    fn content_type(self) -> &'static str {
        if self.fhir_version { "application/fhir+json; fhirVersion=4.0" } else { fhir::MEDIA_TYPE }
    }
}

/// One range of an `Accept` header.
#[derive(Debug)]
pub(crate) struct MediaRange {
    pub essence: String,
    /// Thousandths.
    pub quality: u16,
    pub fhir_version: Option<String>,
}

impl MediaRange {
    /// `None` for an empty one.
    pub fn read(text: &str) -> Option<MediaRange> {
        let mut pieces = text.split(';');
        // A `+` in a query string that was not escaped arrives as a blank.
        let essence = pieces.next()?.trim().to_ascii_lowercase().replace("fhir json", "fhir+json");
        let mut range = MediaRange { essence, quality: 1000, fhir_version: None };
        for piece in pieces {
            let Some((name, value)) = piece.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.quality = value.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16),
                "fhirversion" => range.fhir_version = Some(value.to_owned()),
                _ => {}
            }
        }
        (!range.essence.is_empty()).then_some(range)
    }
}

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

    /// As HTTP, with the id that finds the log line.
    pub fn respond(&self, cx: &Cx) -> Response {
        refused(self.status, &self.outcome, &cx.request_id)
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
        };
        Refused { status, outcome: error.outcome() }
    }
}

/// A resource as JSON.
pub fn resource(status: StatusCode, format: Format, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn refused(status: StatusCode, outcome: &OperationOutcome, request_id: &str) -> Response {
    let mut outcome = outcome.clone();
    for issue in outcome.issues.iter_mut().take(1) {
        let text = issue.diagnostics.take().unwrap_or_else(|| "the request was refused".to_owned());
        issue.diagnostics = Some(format!("{text} (reference {request_id})"));
    }
    let mut response = resource(status, Format::default(), fhir::operation_outcome::encode(&outcome));
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

/// Checks the `Content-Type` of a request body against `accepted`; only UTF-8 is taken.
///
/// Errors: 415.
pub fn check_content_type(headers: &HeaderMap, accepted: &[&str]) -> Result<(), Refused> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let mut pieces = text.split(';');
    let essence = pieces.next().unwrap_or("").trim().to_ascii_lowercase();
    let utf8 = pieces.filter_map(|p| p.split_once('=')).all(|(name, value)| {
        let value = value.trim().trim_matches('"').to_ascii_lowercase();
        match name.trim().to_ascii_lowercase().as_str() {
            "charset" => matches!(value.as_str(), "utf-8" | "utf8" | "us-ascii"),
            "fhirversion" => matches!(value.as_str(), "4.0" | "4.0.1"),
            _ => true,
        }
    });
    if accepted.contains(&essence.as_str()) && utf8 {
        return Ok(());
    }
    let text = format!("the body must be {} in UTF-8, FHIR 4.0", accepted.join(" or "));
    Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Issue::error("not-supported").diagnostics(text)))
}

/// Media types of a FHIR body that is read.
pub const JSON: &[&str] = &["application/fhir+json", "application/json", "text/json"];
/// Media type of a search that is posted.
pub const FORM: &[&str] = &["application/x-www-form-urlencoded"];

/// Gives every refusal that the router makes by itself (unknown method, unreadable path) an OperationOutcome.
pub fn with_manners(router: Router, edge: &Edge) -> Router {
    router.layer(map_response_with_state(edge.clone(), explain))
}

async fn explain(State(edge): State<Edge>, response: Response) -> Response {
    let status = response.status();
    let bare = !response.headers().contains_key(header::CONTENT_TYPE)
        || response.headers().get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/plain"));
    if !bare || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (code, text) = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            ("not-supported", "this method is not offered here; the Allow header lists them")
        }
        StatusCode::NOT_FOUND => ("not-found", "there is nothing at this address"),
        _ => ("invalid", "the request cannot be read"),
    };
    let request_id = actors::short_id(&edge.identifiers.uuid());
    let outcome = OperationOutcome::of(Issue::error(code).diagnostics(text));
    let mut explained = refused(status, &outcome, &request_id);
    if let Some(allow) = response.headers().get(header::ALLOW) {
        explained.headers_mut().insert(header::ALLOW, allow.clone());
    }
    explained
}

/// What the node as a whole answers below `/fhir`: the CapabilityStatement, and 404 for every resource type that no
/// transaction serves.
pub struct Base {
    /// The CapabilityStatement as JSON, made once at start by [`fhir::capability::encode`].
    pub metadata: Bytes,
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
        let router = Router::new().route("/fhir/metadata", get(answer)).route("/fhir/{*rest}", any(nothing));
        with_manners(router, &self.edge)
    }
}
