//! What WADO-RS offers of instances beside the instances: attributes, single elements, frames and pictures. Each can be
//! switched off. PS3.18 10.4; spec/dicom.md sections 13, 17, 18.

mod attributes;
mod bulk;
mod frames;
mod pictures;

use super::{Refused, Server, joined};
use actors::{Cx, ImageRequest, OpenInstance, WantedSyntax};
use axum::body::Body;
use axum::response::Response;
use dicom::Tag;
use dicom::dicomweb::{MediaRange, Resource, Target, media_ranges};
use dicom::scan::{Keep, Options, Scan, scan_reader};
use fhir::search::Parameters;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use std::fs::File;
use std::io::BufReader;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;
use viewer::RenderError;

const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";
const OCTET_STREAM: &str = "application/octet-stream";
/// Pictures are as many at once as there are processors to make them.
static RENDERING: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from))));

/// What a client takes.
struct Asked<'a> {
    headers: &'a HeaderMap,
    parameters: Parameters,
    /// The `accept` parameter.
    accept: Option<String>,
}

/// How octets of one media type go out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Single,
    Multipart,
}

impl Asked<'_> {
    fn ranges(&self) -> Vec<MediaRange> {
        media_ranges(joined(self.headers).as_deref(), self.accept.as_deref())
    }

    /// How octets of one media type are wanted. Errors: 406.
    fn form(&self, part_type: &str) -> Result<Sent, Refused> {
        let own = essence(part_type);
        let group = own.split('/').next().unwrap_or_default();
        let takes = |wanted: &str| {
            wanted == own || wanted == "*/*" || wanted.strip_suffix("/*") == Some(group) || wanted == OCTET_STREAM
        };
        for range in self.ranges() {
            match (range.essence.as_str(), range.kind.as_deref()) {
                ("multipart/related", kind) if takes(kind.unwrap_or("*/*")) => return Ok(Sent::Multipart),
                ("multipart/*", _) => return Ok(Sent::Multipart),
                (wanted, _) if takes(wanted) => return Ok(Sent::Single),
                _ => {}
            }
        }
        Err(Refused::new(StatusCode::NOT_ACCEPTABLE, format!("accept: this is given as {own}")))
    }
}

impl Server {
    /// Answers for a resource that is not the instances themselves.
    pub(super) async fn resource(
        &self,
        target: &Target,
        resource: Resource,
        request: &ImageRequest,
        (uri, headers): (&Uri, &HeaderMap),
        accept: Option<String>,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        if !self.resources.iter().any(|offered| offered == resource.name()) {
            let text = format!("resource type {} is not offered", resource.name());
            return Err(Refused::new(StatusCode::NOT_FOUND, text));
        }
        let request = ImageRequest { syntaxes: vec![WantedSyntax::AsStored], ..request.clone() };
        let parameters = Parameters::decode(uri.query().unwrap_or_default());
        let parameters = parameters.map_err(|e| Refused::new(StatusCode::BAD_REQUEST, e.to_string()))?;
        let asked = Asked { headers, parameters, accept };
        let opened = self.imaging.open(&request, cx).await.map_err(|refusal| Refused::from(&refusal))?;
        let base = format!(
            "{}{}",
            self.dicomweb_base,
            Target { study: target.study.clone(), series: None, instance: None }.path()
        );
        match resource {
            Resource::Metadata => attributes::metadata(opened, base, &asked, cx),
            Resource::Bulkdata(group, element) => bulk::bulkdata(first(opened)?, Tag(group, element), &asked, cx).await,
            Resource::Frames(frames) => frames::frames_of(first(opened)?, frames, &asked, cx).await,
            Resource::Rendered(_) if target.instance.is_none() => pictures::rendered_each(opened, &asked, cx).await,
            Resource::Rendered(frames) => pictures::rendered(first(opened)?, frames, &asked, cx).await,
            Resource::Thumbnail(frames) => pictures::thumbnail(opened, frames, &asked, cx).await,
            Resource::Instances => Err(Refused::new(StatusCode::NOT_FOUND, "the instances are another resource")),
        }
    }
}

fn first(opened: Vec<OpenInstance>) -> Result<OpenInstance, Refused> {
    opened.into_iter().next().ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "there is no such instance"))
}

fn scan(path: &std::path::Path) -> Result<Scan, String> {
    let file = File::open(path).map_err(|e| e.kind().to_string())?;
    let options = Options { keep: Keep::PrivateBinaryToo, ..Options::default() };
    scan_reader(BufReader::new(file), &options).map_err(|e| e.to_string())
}

/// Type and subtype, without parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or(OCTET_STREAM)
}

fn picture_refused(one: &OpenInstance, error: &RenderError, cx: &Cx) -> Refused {
    let status = match error {
        RenderError::NotRenderable(_) | RenderError::TooLarge { .. } | RenderError::Broken(_) => {
            StatusCode::NOT_ACCEPTABLE
        }
        RenderError::NoSuchFrame { .. } => StatusCode::NOT_FOUND,
        RenderError::BadRequest(_) => StatusCode::BAD_REQUEST,
        RenderError::Dicom(_) | RenderError::Io(_) => {
            return unreadable(one, &error.to_string(), cx);
        }
    };
    Refused::new(status, error.to_string())
}

fn unreadable(one: &OpenInstance, reason: &str, cx: &Cx) -> Refused {
    let instance = &one.address.instance;
    tracing::error!(request_id = cx.request_id, %instance, reason, "a stored instance cannot be read");
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("instance {instance} cannot be read here"))
}

/// Work that takes a processor, not more of it at once than there are processors.
async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
    let gone = |_| Refused::new(StatusCode::SERVICE_UNAVAILABLE, "the node stops");
    let permit = RENDERING.clone().acquire_owned().await.map_err(gone)?;
    let done = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    done.await.map_err(|error| {
        tracing::error!(%error, "an instance could not be looked into");
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the instance could not be looked into")
    })
}

fn answer(status: StatusCode, content_type: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(content_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
