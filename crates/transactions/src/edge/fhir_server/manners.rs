//! What every answer below `/fhir` gets on its way out: an OperationOutcome for a refusal of the router, the form that was
//! asked for, 304 for what the caller has already, gzip, and CORS. Source: spec/fhir.md sections 2, 16; RFC 9110 13.

use super::format::Format;
use super::{IsResource, REQUEST_ID, RefusalBody, refused, resource};
use crate::edge::Edge;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use fhir::operation_outcome::{Issue, OperationOutcome};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::time::Duration;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Octets below which gzip saves nothing.
const SMALL: u64 = 1024;

/// Gives the routes of a FHIR transaction the manners of the endpoint.
pub fn with_manners(router: Router, edge: &Edge) -> Router {
    let gzip = CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest);
    let router = router
        .layer(from_fn_with_state(edge.clone(), polish))
        .layer(gzip.compress_when(SizeAbove::new(SMALL).and(IsResourceBody)));
    if edge.cors_origins.is_empty() { router } else { router.layer(cors(&edge.cors_origins)) }
}

/// Documents are given as they are: many are compressed already, and their length and ranges must stay true.
#[derive(Clone, Copy)]
struct IsResourceBody;

impl Predicate for IsResourceBody {
    fn should_compress<B: http_body::Body>(&self, response: &http::Response<B>) -> bool {
        response.extensions().get::<IsResource>().is_some()
    }
}

fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_MODIFIED_SINCE,
            header::IF_NONE_MATCH,
            header::RANGE,
            HeaderName::from_static("if-none-exist"),
            HeaderName::from_static("prefer"),
            HeaderName::from_static("traceparent"),
        ])
        .expose_headers([
            header::LOCATION,
            header::ETAG,
            header::CONTENT_LOCATION,
            header::LAST_MODIFIED,
            REQUEST_ID.clone(),
        ])
        .max_age(Duration::from_secs(600))
}

async fn polish(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let reading = request.method() == Method::GET || request.method() == Method::HEAD;
    let headers = request.headers().clone();
    let query = request.uri().query().unwrap_or("").to_owned();
    let mut response = explained(next.run(request).await, &edge);
    if let Some(refusal) = response.extensions_mut().remove::<RefusalBody>() {
        let format = Format::of_refusal(&headers, refusal.query.as_deref().unwrap_or(&query));
        if format.is_xml() {
            response = in_xml(response, format).await;
        }
    }
    if reading && response.status() == StatusCode::OK && has_already(&headers, response.headers()) {
        response = not_modified(&response);
    }
    if response.extensions().get::<IsResource>().is_some() {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    }
    response
}

/// Every refusal that the router makes by itself (unknown method, unreadable path) with an OperationOutcome.
fn explained(response: Response, edge: &Edge) -> Response {
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

/// A refusal in JSON once more in XML, with all its headers.
async fn in_xml(response: Response, format: Format) -> Response {
    let (parts, body) = response.into_parts();
    // Refusals are written from memory and short, so reading one back cannot fail.
    let json = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut written = resource(parts.status, format, json.to_vec());
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            written.headers_mut().insert(name.clone(), value.clone());
        }
    }
    written
}

/// Whether the caller's copy is the one it would get. `If-None-Match` wins. Source: RFC 9110 13.2.2.
fn has_already(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let text = |headers: &HeaderMap, name: HeaderName| {
        headers.get(name).and_then(|v| v.to_str().ok()).map(|v| v.trim().to_owned())
    };
    let Some(etag) = text(answer, header::ETAG) else { return false };
    if let Some(wanted) = text(request, header::IF_NONE_MATCH) {
        let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        return wanted == "*" || wanted.split(',').any(|one| plain(one) == plain(&etag));
    }
    let date = |text: Option<String>| httpdate::parse_http_date(&text?).ok();
    match (date(text(request, header::IF_MODIFIED_SINCE)), date(text(answer, header::LAST_MODIFIED))) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

fn not_modified(response: &Response) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    for name in [header::ETAG, header::LAST_MODIFIED, header::CACHE_CONTROL, header::VARY, header::CONTENT_LOCATION] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}
