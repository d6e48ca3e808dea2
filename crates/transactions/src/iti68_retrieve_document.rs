//! ITI-68 Retrieve Document. MHD 2:3.68; spec/fhir.md sections 10 and 17; FHIR R4 Binary; RFC 9110 (ranges, conditions).

mod client;
mod convert;
mod range;
mod representation;

pub use client::{Client, FetchedDocument};

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Refused, with_manners};
use crate::edge::streams::begun;
use crate::{Access, Binding, Transaction};
use actors::{ByteStream, Cx, DocumentRequest, Fault, Refusal, Registry, Repository, RetrievedDocument};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::get;
use convert::converted;
use fhir::operation_outcome::Issue;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::{AvailabilityStatus, DocumentEntry, DocumentQuery, UniqueId};
use range::{Part, Range};
use representation::{Representation, binary, binary_octets, represent};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-68",
    name: "Retrieve Document",
    section: "MHD 2:3.68",
    binding: Binding::Http { method: "GET", path: "/fhir/document/{unique_id}" },
    access: Access::Retrieve,
};

/// Gives out documents at their one address, and as FHIR Binary.
#[derive(Clone)]
pub struct Server {
    /// Says which repository holds a document.
    pub registry: Arc<dyn Registry>,
    /// Routes by repositoryUniqueId, to this node's repository or a peer's.
    pub repository: Arc<dyn Repository>,
    pub edge: Edge,
}

/// How a document is named in the request.
enum Address {
    UniqueId(String),
    /// Resource id of the entry.
    Binary(String),
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let of_document = server.clone();
        let document = move |id: Result<Path<String>, PathRejection>, request: Request| {
            let server = of_document.clone();
            async move { server.answer(id.ok().map(|p| Address::UniqueId(p.0)), request).await }
        };
        let binary = move |id: Result<Path<String>, PathRejection>, request: Request| {
            let server = server.clone();
            async move { server.answer(id.ok().map(|p| Address::Binary(p.0)), request).await }
        };
        let router =
            Router::new().route("/fhir/document/{unique_id}", get(document)).route("/fhir/Binary/{id}", get(binary));
        with_manners(router, &edge)
    }

    async fn answer(&self, address: Option<Address>, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts::default();
        let answered =
            self.retrieve(address, &parts.headers, parts.method == http::Method::HEAD, &mut facts, &cx).await;
        let outcome = match &answered {
            Ok(_) => Outcome::Success,
            Err(refused) => refused.audit_outcome(),
        };
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        answered.unwrap_or_else(|refused| refused.respond(&cx))
    }

    async fn retrieve(
        &self,
        address: Option<Address>,
        headers: &HeaderMap,
        head: bool,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        let unknown = || Refused::not_found("a document at this address");
        let as_binary = matches!(address, Some(Address::Binary(_)));
        let query = match address.ok_or_else(unknown)? {
            Address::UniqueId(text) => {
                facts.objects.push(text.clone());
                let id = UniqueId::parse(&text).map_err(|_| unknown())?;
                DocumentQuery { unique_ids: vec![id], ..DocumentQuery::default() }
            }
            Address::Binary(text) => {
                facts.objects.push(text.clone());
                let id = fhir::identifier::object_id(&text).ok_or_else(unknown)?;
                DocumentQuery { entry_ids: vec![id], ..DocumentQuery::default() }
            }
        };
        let found = self.registry.find(&query, cx).await?;
        // The same document may be registered twice; readers of a link mean the one that is current.
        let current = found.items.iter().position(|e| e.availability_status == AvailabilityStatus::Approved);
        let silent = found.silent.into_iter().next();
        let entry = match (found.items.into_iter().nth(current.unwrap_or(0)), silent) {
            (Some(entry), _) => entry,
            (None, Some(party)) => return Err(Refusal::from(party.fault).into()),
            (None, None) => return Err(unknown()),
        };
        facts.patient = Some(entry.patient_id.clone());
        facts.objects = vec![entry.unique_id.to_string()];
        let accept = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
        let representation = represent(accept, &entry, as_binary).ok_or_else(|| {
            let text = format!("this document is {}; nothing else that was asked for is available", entry.mime_type);
            Refused::new(StatusCode::NOT_ACCEPTABLE, Issue::error("not-supported").diagnostics(text))
        })?;
        let etag = entry.hash.as_ref().map(|hash| match representation.generated() {
            None => format!("\"{hash}\""),
            Some((_, form)) => format!("\"{hash}-{form}\""),
        });
        if let (Some(etag), Some(wanted)) = (&etag, headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()))
            && matches_etag(wanted, etag)
        {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            decorate(response.headers_mut(), &entry, representation, Some(etag));
            return Ok(response);
        }
        let document = self.fetch(&entry, cx).await?;
        // A peer's repository does not say how long its answer will be; the metadata do.
        let size_octets = document.size_octets.or(entry.size_octets);
        let mut response = Response::new(Body::empty());
        decorate(response.headers_mut(), &entry, representation, etag.as_deref());
        let (body, size) = match representation {
            Representation::Binary(form) => {
                let size = size_octets.map(|octets| binary_octets(&entry, form, octets));
                (binary(&entry, form, document.body), size)
            }
            Representation::Stored => (document.body, size_octets),
            Representation::FhirManifest | Representation::Kos => {
                let octets = converted(representation, document.body, size_octets).await?;
                let size = octets.len() as u64;
                let body: ByteStream = Box::pin(futures_util::stream::once(async move { Ok(octets) }));
                (body, Some(size))
            }
        };
        let body = match (Range::of(headers, etag.as_deref()), size) {
            (Some(range), Some(size)) => match range.of_size(size) {
                Some(part) => {
                    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                    response.headers_mut().insert(header::CONTENT_RANGE, text(&part.content_range(size)));
                    response.headers_mut().insert(header::CONTENT_LENGTH, part.len().into());
                    part.cut(body)
                }
                None => {
                    let issue = Issue::error("value").diagnostics(format!("the document has {size} octets"));
                    let mut refused = Refused::new(StatusCode::RANGE_NOT_SATISFIABLE, issue).respond(cx);
                    refused.headers_mut().insert(header::CONTENT_RANGE, text(&format!("bytes */{size}")));
                    return Ok(refused);
                }
            },
            (_, Some(size)) => {
                response.headers_mut().insert(header::CONTENT_LENGTH, size.into());
                Part::whole(size).cut(body)
            }
            (_, None) => body,
        };
        if size.is_some() {
            response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        if !head {
            let request_id = cx.request_id.clone();
            *response.body_mut() = Body::from_stream(futures_util::StreamExt::inspect(body, move |piece| {
                if let Err(fault) = piece {
                    tracing::error!(request_id, ?fault, "a document broke off");
                }
            }));
        }
        Ok(response)
    }

    async fn fetch(&self, entry: &DocumentEntry, cx: &Cx) -> Result<RetrievedDocument, Refused> {
        let repository_unique_id = entry.repository_unique_id.clone().ok_or_else(|| {
            let issue = Issue::error("incomplete").diagnostics("the registry does not say which repository holds it");
            Refused::new(StatusCode::BAD_GATEWAY, issue)
        })?;
        let wanted = DocumentRequest {
            home_community_id: entry.home_community_id.clone(),
            repository_unique_id,
            unique_id: entry.unique_id.clone(),
        };
        let mut retrieved = self.repository.retrieve(std::slice::from_ref(&wanted), cx).await?;
        match retrieved.documents.pop() {
            Some(document) => {
                let body = begun(document.body).await.map_err(Refusal::from)?;
                Ok(RetrievedDocument { body, ..document })
            }
            None => {
                let refusal = Refusal::of(retrieved.faults);
                Err(refusal.unwrap_or_else(|| Fault::DocumentNotFound(wanted.unique_id).into()).into())
            }
        }
    }
}

/// Weak comparison. Source: RFC 9110 13.1.2.
fn matches_etag(wanted: &str, etag: &str) -> bool {
    wanted.trim() == "*"
        || wanted.split(',').any(|one| {
            let one = one.trim();
            one.strip_prefix("W/").unwrap_or(one) == etag
        })
}

/// Documents come from anybody, so a browser must neither guess their type nor run what is in them.
fn decorate(headers: &mut HeaderMap, entry: &DocumentEntry, representation: Representation, etag: Option<&str>) {
    let media_type = representation.generated().map_or(entry.mime_type.as_str(), |(media_type, _)| media_type);
    let content_type =
        HeaderValue::from_str(media_type).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, content_type);
    if let Some(etag) = etag {
        headers.insert(header::ETAG, text(etag));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    if !matches!(representation, Representation::Binary(_)) {
        let name = file_name(entry, media_type);
        headers.insert(header::CONTENT_DISPOSITION, text(&format!("attachment; filename=\"{name}\"")));
    }
}

/// The uniqueId with an ending that fits; no title, which may name a patient.
fn file_name(entry: &DocumentEntry, media_type: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let stem: String = entry.unique_id.as_str().chars().map(kept).take(100).collect();
    let ending = match media_type.split(';').next().unwrap_or("").trim() {
        "application/pdf" => ".pdf",
        "text/xml" | "application/xml" | "application/hl7-v3+xml" | "application/fhir+xml" => ".xml",
        "application/dicom" => ".dcm",
        "application/fhir+json" | "application/json" => ".json",
        "text/plain" => ".txt",
        "text/html" => ".html",
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        _ => "",
    };
    format!("{}{ending}", stem.trim_start_matches('.'))
}

/// Only for text that is made here of visible ASCII.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}
