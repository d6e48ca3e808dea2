//! One image as a picture, and what its file says of where it lies. Rendering is the `viewer` crate's, on blocking threads
//! and never more at once than there are processors.

use super::instances::{InstanceFile, InstanceKey};
use super::problems::{Kind, Trouble};
use super::{Asked, Here, answers};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use model::{ManifestSeries, SeriesInstanceUid, SopInstanceUid};
use serde_json::{Value, json};
use std::sync::Arc;
use viewer::{Format, Function, Geometry, Object, RenderRequest, Rendered, Source, SpacingSource, Window};

/// The window that was used, `center;width`.
static WINDOW: HeaderName = HeaderName::from_static("manifold-window");

/// Pictures wider or higher than this are not made.
const MOST_WIDTH: u32 = 4096;
/// Quality of pictures; thumbnails are small and many.
const QUALITY: u8 = 90;
const THUMBNAIL_WIDTH: u32 = 200;

/// Patient, entry, series, instance, frame: as they stand in the address.
type Address = (String, String, String, String, String);

pub(super) async fn picture(State(here): State<Arc<Here>>, Path(address): Path<Address>, request: Request) -> Response {
    let asked = here.asked(&request.into_parts().0);
    match here.picture(address, &asked).await {
        Ok(response) => response,
        Err(trouble) => answers::json_trouble(&asked, trouble),
    }
}

pub(super) async fn geometry(
    State(here): State<Arc<Here>>,
    Path(address): Path<Address>,
    request: Request,
) -> Response {
    let asked = here.asked(&request.into_parts().0);
    match here.geometry(address, &asked).await {
        Ok(value) => answers::json(&value),
        Err(trouble) => answers::json_trouble(&asked, trouble),
    }
}

impl Here {
    async fn picture(&self, address: Address, asked: &Asked) -> Result<Response, Trouble> {
        let request = render_request(asked)?;
        let frame = frame(&address)?;
        let file = self.instance(&address, asked).await?;
        let rendered: Rendered = self
            .on_thread(move || {
                let object = Object::open(Source::Path(file.path()))?;
                object.render(frame, &request)
            })
            .await?;
        let window = rendered.window.map(|window| format!("{};{}", window.center, window.width));
        let mut response = answers::foreign(rendered.mime, rendered.bytes.into(), None);
        if let Some(value) = window.and_then(|window| HeaderValue::from_str(&window).ok()) {
            response.headers_mut().insert(WINDOW.clone(), value);
        }
        Ok(response)
    }

    async fn geometry(&self, address: Address, asked: &Asked) -> Result<Value, Trouble> {
        let frame = frame(&address)?;
        let file = self.instance(&address, asked).await?;
        let geometry = self.on_thread(move || Object::open(Source::Path(file.path()))?.geometry(frame)).await?;
        Ok(geometry_data(&geometry))
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, viewer::RenderError> + Send + 'static,
    ) -> Result<T, Trouble> {
        // The permit goes into the thread: a caller who leaves does not let one more thread begin.
        let Ok(permit) = self.rendering.clone().acquire_owned().await else {
            return Err(Trouble::of(Kind::Busy, ""));
        };
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        match done.await {
            Ok(result) => result.map_err(Trouble::from),
            Err(_) => Err(Trouble::of(Kind::Internal, "")),
        }
    }

    /// The file of an instance that the patient's current manifest lists, and of no other.
    async fn instance(&self, address: &Address, asked: &Asked) -> Result<Arc<InstanceFile>, Trouble> {
        let (patient, entry, series, instance, _) = address;
        let opened = self.open(patient, entry, asked).await?;
        let not_listed = || Trouble::of(Kind::NoImages, "");
        let series = SeriesInstanceUid::parse(series).map_err(|_| not_listed())?;
        let instance = SopInstanceUid::parse(instance).map_err(|_| not_listed())?;
        let listed = opened.manifest.series.iter().find(|known| known.uid == series);
        let listed = listed.filter(|known| known.instances.iter().any(|i| i.sop_instance == instance));
        let Some(listed) = listed else { return Err(not_listed()) };
        let source = self.portal.imaging.source(listed)?;
        let study = opened.manifest.study.clone();
        let key = InstanceKey { source: source_name(listed), study, series, instance };
        self.instances.file(key, source.as_ref(), &asked.cx).await
    }
}

fn frame(address: &Address) -> Result<u32, Trouble> {
    address.4.parse().map_err(|_| Trouble::of(Kind::NoImages, ""))
}

fn source_name(series: &ManifestSeries) -> String {
    let location = series.retrieve_location_uid.as_ref().map(|uid| uid.as_str()).unwrap_or("");
    format!("{} {location}", series.wado_base().unwrap_or(""))
}

fn render_request(asked: &Asked) -> Result<RenderRequest, Trouble> {
    let bad = |name: &str| Trouble::of(Kind::BadRequest, name);
    let number = |name: &str| -> Result<Option<f64>, Trouble> {
        match asked.parameter(name).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Some(value)),
                _ => Err(bad(name)),
            },
        }
    };
    let window = match (number("c")?, number("w")?) {
        (Some(center), Some(width)) if width > 0.0 => {
            let function = match asked.parameter("shape") {
                None => Function::default(),
                Some(shape) => Function::from_term(shape).ok_or_else(|| bad("shape"))?,
            };
            Some(Window { center, width, function })
        }
        (None, None) => None,
        _ => return Err(bad("w")),
    };
    let width = match asked.parameter("width").filter(|text| !text.is_empty()) {
        None => MOST_WIDTH,
        Some(text) => text.parse::<u32>().map_err(|_| bad("width"))?.clamp(16, MOST_WIDTH),
    };
    Ok(RenderRequest {
        window,
        max_width: Some(width),
        max_height: Some(width),
        invert: asked.parameter("invert") == Some("1"),
        format: Format::Jpeg(if width <= THUMBNAIL_WIDTH { 75 } else { QUALITY }),
        ..RenderRequest::default()
    })
}

fn geometry_data(geometry: &Geometry) -> Value {
    let spacing = geometry.spacing.map(|spacing| {
        let source = match spacing.source {
            SpacingSource::Patient => "patient",
            SpacingSource::Detector => "detector",
            SpacingSource::Film => "film",
            SpacingSource::UltrasoundRegion => "region",
        };
        json!({ "column_mm": spacing.column_mm, "row_mm": spacing.row_mm, "source": source })
    });
    let edges = geometry
        .edges
        .as_ref()
        .map(|edges| json!({ "left": edges.left, "right": edges.right, "top": edges.top, "bottom": edges.bottom }));
    let windows: Vec<Value> = geometry
        .windows
        .iter()
        .map(|preset| {
            let shape = match preset.window.function {
                Function::Linear => None,
                Function::LinearExact => Some("linear-exact"),
                Function::Sigmoid => Some("sigmoid"),
            };
            json!({
                "name": preset.explanation, "center": preset.window.center, "width": preset.window.width, "shape": shape,
            })
        })
        .collect();
    json!({
        "rows": geometry.rows,
        "columns": geometry.columns,
        "frames": geometry.frames,
        "spacing": spacing,
        "edges": edges,
        "slice_mm": geometry.slice_mm,
        "thickness_mm": geometry.thickness_mm,
        "frame_time_ms": geometry.frame_time_ms,
        "laterality": geometry.laterality,
        "windows": windows,
    })
}
