//! RAD-107 WADO-RS Retrieve: instances of a study, a series or one by one. RAD TF-2 4.107; PS3.18 8.7 and 10.4;
//! spec/dicom.md sections 12 to 16.

mod client;
mod resources;
mod sending;

pub use client::Client;

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::REQUEST_ID;
use crate::edge::operation_outcome;
use crate::edge::streams::begun;
use crate::{Access, Binding, Transaction};
use actors::{Cx, Fault, ImageRequest, Images, Imaging, Refusal, ServedInstance, WantedSyntax};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::{any, get};
use dicom::dicomweb::{Acceptable, Acceptance, Part, PartWriter, Representation, Resource, Syntax, Target};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid};
use sending::{Heads, Sending};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "RAD-107",
    name: "WADO-RS Retrieve",
    section: "RAD TF-2 4.107",
    binding: Binding::Http { method: "GET", path: "/dicomweb/studies/{study}" },
    access: Access::Retrieve,
};

const BASE: &str = "/dicomweb";
const ALLOWED: &str = "GET,HEAD,OPTIONS";
const ALLOWED_WITH_POST: &str = "GET,HEAD,OPTIONS,POST";

/// Answers an image consumer.
#[derive(Clone)]
pub struct Server {
    /// This node's archive, a PACS behind it, or a peer.
    pub imaging: Arc<dyn Imaging>,
    /// Public address of `/dicomweb`, without a slash at the end; for Content-Location.
    pub dicomweb_base: String,
    /// What is offered beside the instances: `metadata`, `bulkdata`, `frames`, `rendered`, `thumbnail`.
    pub resources: Vec<String>,
    /// The node takes objects at the same addresses (STOW-RS).
    pub stores: bool,
    pub edge: Edge,
}

/// Why nothing is sent, in a sentence for the client.
struct Refused {
    status: StatusCode,
    text: String,
}

impl Refused {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Refused { status, text: text.into() }
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        let texts: Vec<String> = refusal.faults().iter().map(operation_outcome::diagnostics).collect();
        Refused::new(operation_outcome::status(refusal.first()), texts.join("; "))
    }
}

impl Server {
    /// Everything below `/dicomweb`. Other transactions may add methods to `/dicomweb/studies` and to a study (STOW-RS).
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let answer = move |request: Request| {
            let server = server.clone();
            async move { server.answer(request).await }
        };
        let shared = || get(answer.clone()).options(answer.clone());
        Router::new()
            .route("/wado", any(answer.clone()))
            .route("/dicomweb", any(answer.clone()))
            .route("/dicomweb/", any(answer.clone()))
            .route("/dicomweb/studies", shared())
            .route("/dicomweb/studies/{study}", shared())
            .route("/dicomweb/{*resource}", any(answer.clone()))
            .layer(map_response_with_state(edge, explain))
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let cx = self.edge.cx(&parts);
        match parts.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                let stored_at =
                    |path: &str| path == "studies" || path.starts_with("studies/") && path.matches('/').count() == 1;
                let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default().trim_matches('/');
                let allowed = if self.stores && stored_at(path) { ALLOWED_WITH_POST } else { ALLOWED };
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
                return response;
            }
            _ => return not_allowed(&cx.request_id),
        }
        let mut facts = Facts { query: Some(parts.uri.path().chars().take(300).collect()), ..Facts::default() };
        let answered = self.retrieve(&parts.uri, &parts.headers, &mut facts, &cx).await;
        let outcome = match &answered {
            Ok(_) => Outcome::Success,
            Err(refused) if refused.status == StatusCode::INTERNAL_SERVER_ERROR => {
                Outcome::SeriousFailure(refused.text.clone())
            }
            Err(refused) => Outcome::MinorFailure(format!("HTTP {} {}", refused.status.as_u16(), refused.text)),
        };
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        answered.unwrap_or_else(|refused| problem(&refused, &cx.request_id))
    }

    async fn retrieve(&self, uri: &Uri, headers: &HeaderMap, facts: &mut Facts, cx: &Cx) -> Result<Response, Refused> {
        if let Some(refused) = self.wado_uri(uri) {
            return Err(refused);
        }
        let below = uri.path().strip_prefix(BASE).unwrap_or("");
        let (target, resource) = Target::parse_resource(below).map_err(|e| {
            let status = StatusCode::from_u16(e.status()).unwrap_or(StatusCode::NOT_FOUND);
            Refused::new(status, e.to_string())
        })?;
        facts.objects.push(target.study.clone());
        let accept = joined(headers);
        let parameter = accept_parameter(uri)?;
        let bad = |e: model::Invalid| Refused::new(StatusCode::BAD_REQUEST, format!("{} {}", e.field, e.rule));
        let mut request = ImageRequest {
            study: StudyInstanceUid::parse(&target.study).map_err(bad)?,
            series: target.series.as_deref().map(SeriesInstanceUid::parse).transpose().map_err(bad)?,
            instance: target.instance.as_deref().map(SopInstanceUid::parse).transpose().map_err(bad)?,
            syntaxes: Vec::new(),
        };
        if resource != Resource::Instances {
            return self.resource(&target, resource, &request, (uri, headers), parameter, cx).await;
        }
        let acceptance = Acceptance::negotiate(accept.as_deref(), parameter.as_deref(), &target).map_err(|e| {
            Refused::new(StatusCode::from_u16(e.status()).unwrap_or(StatusCode::NOT_ACCEPTABLE), e.to_string())
        })?;
        let mut refused = Refused::new(StatusCode::NOT_ACCEPTABLE, "nothing that is accepted can be sent");
        for (representation, syntaxes) in runs(&acceptance) {
            request.syntaxes = syntaxes;
            match self.imaging.fetch(&request, cx).await {
                Ok(images) => return self.send(images, representation, &request, cx).await,
                Err(refusal) => {
                    let not_acceptable = matches!(refusal.first(), Fault::NotAcceptable(_));
                    refused = Refused::from(&refusal);
                    if !not_acceptable {
                        break;
                    }
                }
            }
        }
        Err(refused)
    }

    async fn send(
        &self,
        mut images: Images,
        representation: Representation,
        request: &ImageRequest,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        // The first instance is opened before the status is sent, so that what fails at once is said in so many words.
        let failed = |fault: Fault| Refused::from(&Refusal::from(fault));
        let first = match images.instances.next().await {
            Some(Ok(first)) => ServedInstance { body: begun(first.body).await.map_err(failed)?, ..first },
            Some(Err(fault)) => return Err(failed(fault)),
            None => {
                let refusal = Refusal::from(Fault::ImagesNotFound(format!("study {}", request.study)));
                return Err(Refused::from(&refusal));
            }
        };
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let (content_type, length, heads) = match representation {
            Representation::SinglePart => {
                let content_type = format!("application/dicom; transfer-syntax={}", first.transfer_syntax);
                let length = first.size_octets;
                let size = length;
                (content_type, length, Heads::Bare { size, sent: false })
            }
            Representation::Multipart => {
                let mut writer = PartWriter::new(cx.identifiers.uuid());
                let content_type = writer.content_type();
                let base = self.study_location(request);
                match images.plan.take() {
                    Some(plan) => {
                        let places: Vec<String> = plan.iter().map(|p| at(&base, &p.series, &p.sop_instance)).collect();
                        let parts: Vec<Part<'_>> = plan
                            .iter()
                            .zip(&places)
                            .map(|(planned, place)| Part {
                                transfer_syntax: planned.transfer_syntax.as_str(),
                                content_length: Some(planned.size_octets),
                                content_location: Some(place),
                            })
                            .collect();
                        let (heads, close, total) = writer.plan(&parts);
                        (content_type, total, Heads::planned(plan, heads, close))
                    }
                    None => (content_type, None, Heads::AsTheyCome { writer, base, closed: false }),
                }
            }
        };
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_str(&content_type)
                .map_err(|_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer has no legal content type"))?,
        );
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = Body::from_stream(Sending::new(first, images.instances, heads, cx.request_id.clone()));
        Ok(response)
    }

    /// WADO-URI (RAD-55) is not offered (R-44: one WADO-RS request fetches a study); who asks is told where to ask.
    fn wado_uri(&self, uri: &Uri) -> Option<Refused> {
        let parameters = fhir::search::Parameters::decode(uri.query().unwrap_or_default()).ok();
        let parameter = |name: &str| parameters.as_ref()?.first(name).map(str::trim);
        let asked = uri.path().trim_end_matches('/') == "/wado"
            || matches!(uri.path(), "/dicomweb" | "/dicomweb/" | "/dicomweb/wado")
                && parameter("requestType").is_some();
        if !asked {
            return None;
        }
        let instead = || {
            let study = StudyInstanceUid::parse(parameter("studyUID")?).ok()?;
            let series = SeriesInstanceUid::parse(parameter("seriesUID")?).ok()?;
            let instance = SopInstanceUid::parse(parameter("objectUID")?).ok()?;
            Some(at(&format!("{}/studies/{study}", self.dicomweb_base), &series, &instance))
        };
        let instead = instead().unwrap_or_else(|| {
            format!("{}/studies/{{study}}/series/{{series}}/instances/{{instance}}", self.dicomweb_base)
        });
        let text = format!(
            "WADO-URI (RAD-55) is not offered here; use WADO-RS (RAD-107): GET {instead} \
             with Accept: multipart/related; type=\"application/dicom\"; transfer-syntax=*"
        );
        Some(Refused::new(StatusCode::NOT_IMPLEMENTED, text))
    }

    fn study_location(&self, request: &ImageRequest) -> String {
        format!("{}/studies/{}", self.dicomweb_base, request.study)
    }
}

/// The public address of one instance.
fn at(study: &str, series: &SeriesInstanceUid, instance: &SopInstanceUid) -> String {
    format!("{study}/series/{series}/instances/{instance}")
}

/// What is accepted, in order, cut where the representation changes: one attempt each.
fn runs(acceptance: &Acceptance) -> Vec<(Representation, Vec<WantedSyntax>)> {
    let mut runs: Vec<(Representation, Vec<WantedSyntax>)> = Vec::new();
    for Acceptable { representation, syntax } in &acceptance.alternatives {
        let wanted = match syntax {
            Syntax::Any => WantedSyntax::AsStored,
            Syntax::Default => WantedSyntax::Default,
            Syntax::Uid(uid) => match TransferSyntaxUid::parse(uid) {
                Ok(uid) => WantedSyntax::Uid(uid),
                Err(_) => continue,
            },
        };
        match runs.last_mut() {
            Some((last, syntaxes)) if last == representation => syntaxes.push(wanted),
            _ => runs.push((*representation, vec![wanted])),
        }
    }
    runs
}

/// Several `Accept` headers are one list.
fn joined(headers: &HeaderMap) -> Option<String> {
    let values: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The `accept` query parameter; other parameters are ignored (PS3.18 8.3.1).
fn accept_parameter(uri: &Uri) -> Result<Option<String>, Refused> {
    let Some(query) = uri.query().filter(|q| q.to_ascii_lowercase().contains("accept")) else { return Ok(None) };
    // The plus of a media type such as application/dicom+json is a plus here, not a blank.
    let parameters = fhir::search::Parameters::decode(&query.replace('+', "%2B"))
        .map_err(|e| Refused::new(StatusCode::BAD_REQUEST, e.to_string()))?;
    Ok(parameters.first("accept").map(str::to_owned))
}

/// A refusal that the router made by itself gets a sentence too.
async fn explain(State(edge): State<Edge>, response: Response) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && !response.headers().contains_key(header::CONTENT_TYPE) {
        let mut explained = not_allowed(&actors::short_id(&edge.identifiers.uuid()));
        if let Some(allow) = response.headers().get(header::ALLOW) {
            explained.headers_mut().insert(header::ALLOW, allow.clone());
        } else {
            explained.headers_mut().remove(header::ALLOW);
        }
        return explained;
    }
    response
}

fn not_allowed(request_id: &str) -> Response {
    let text = "this method is not offered here; GET instances with WADO-RS";
    let mut response = problem(&Refused::new(StatusCode::METHOD_NOT_ALLOWED, text), request_id);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(ALLOWED));
    response
}

fn problem(refused: &Refused, request_id: &str) -> Response {
    tracing::debug!(request_id, status = refused.status.as_u16(), "a retrieval was refused");
    let title = refused.status.canonical_reason().unwrap_or("Refused");
    let body = serde_json::json!({
        "status": refused.status.as_u16(),
        "title": title,
        "detail": refused.text,
        "reference": request_id,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = refused.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    if refused.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    }
    response
}
