//! `/rendered` and `/thumbnail`: pictures of images; documents and videos as they are. PS3.18 8.3.5, 8.7.4, 10.4.1.1.3;
//! spec/dicom.md section 18.

use super::{Asked, answer, bulk, on_thread, picture_refused, scan, unreadable};
use crate::rad107_wado_rs::Refused;
use actors::{Cx, Fault, OpenInstance, read_ahead};
use axum::body::Body;
use axum::response::Response;
use dicom::Tag;
use dicom::dicomweb::PartWriter;
use dicom::scan::Layout;
use dicom::transfer_syntaxes::{Codec, transfer_syntax};
use fhir::search::Parameters;
use http::{StatusCode, header};
use viewer::{Format, Function, Object, Region, RenderError, RenderRequest, Rendered, Source, Window};

const ENCAPSULATED_DOCUMENT: Tag = Tag(0x0042, 0x0011);
const MIME_TYPE_OF_ENCAPSULATED_DOCUMENT: Tag = Tag(0x0042, 0x0012);
const ENCAPSULATED_DOCUMENT_LENGTH: Tag = Tag(0x0042, 0x0015);
/// Side of a thumbnail, pixels.
const THUMBNAIL: u32 = 256;
/// Quality of pictures for which none is asked.
const QUALITY: u8 = 90;

/// The picture of one frame, the document or the video that the instance is.
pub(super) async fn rendered(
    one: OpenInstance,
    frames: Vec<u32>,
    asked: &Asked<'_>,
    cx: &Cx,
) -> Result<Response, Refused> {
    if frames.len() > 1 {
        return Err(Refused::new(StatusCode::NOT_ACCEPTABLE, "one picture is one frame: ask for each by itself"));
    }
    let request = render_request(asked)?;
    let path = one.path.clone();
    let opened = on_thread(move || Object::open(Source::Kept(path))).await?;
    let object = opened.map_err(|e| picture_refused(&one, &e, cx))?;
    if transfer_syntax(object.transfer_syntax_uid()).is_some_and(|known| known.codec == Codec::Video) {
        let path = one.path.clone();
        let found = on_thread(move || scan(&path)).await?.map_err(|reason| unreadable(&one, &reason, cx))?;
        if let Some(Layout::Encapsulated { fragments, .. }) = found.pixels.as_ref().map(|pixels| &pixels.layout) {
            return bulk::video(one, found.transfer_syntax_uid(), fragments, asked, cx).await;
        }
    }
    let refused = match format(asked) {
        Ok(format) => {
            let request = RenderRequest { format, ..request };
            let frame = frames.first().copied().unwrap_or(1);
            let made = on_thread(move || object.render(frame, &request)).await?;
            match made {
                Ok(picture) => return Ok(of(picture)),
                Err(error) => picture_refused(&one, &error, cx),
            }
        }
        Err(refused) => refused,
    };
    match document(&one, cx).await? {
        Some((kind, octets)) => bulk::sent(bulk::Stored::Memory(octets), &kind, asked, cx),
        None => Err(refused),
    }
}

/// The document inside an instance and its media type. Source: PS3.3 C.24.2.
async fn document(one: &OpenInstance, cx: &Cx) -> Result<Option<(String, Vec<u8>)>, Refused> {
    let path = one.path.clone();
    let found = on_thread(move || scan(&path)).await?.map_err(|reason| unreadable(one, &reason, cx))?;
    let set = &found.data_set;
    let Some(octets) = set.octets(ENCAPSULATED_DOCUMENT) else { return Ok(None) };
    let kind = set.text(MIME_TYPE_OF_ENCAPSULATED_DOCUMENT).map(|kind| kind.trim().to_ascii_lowercase());
    let kind = kind.filter(|kind| kind.contains('/')).unwrap_or_else(|| super::OCTET_STREAM.to_owned());
    let length = set.octets(ENCAPSULATED_DOCUMENT_LENGTH).and_then(|octets| octets.try_into().ok());
    let length = length.map_or(octets.len(), |octets| u32::from_le_bytes(octets) as usize);
    Ok(Some((kind, octets[..length.min(octets.len())].to_vec())))
}

/// A picture of every image of a study or a series, its first frame, one part each.
pub(super) async fn rendered_each(opened: Vec<OpenInstance>, asked: &Asked<'_>, cx: &Cx) -> Result<Response, Refused> {
    let request = RenderRequest { format: format(asked)?, ..render_request(asked)? };
    let mut rest = opened.into_iter();
    let log_id = cx.request_id.clone();
    // What holds no image is passed over; what should be one and is broken ends the answer.
    let mut next = move || -> Result<Option<Rendered>, Fault> {
        for one in rest.by_ref() {
            match Object::open(Source::Path(&one.path)).and_then(|object| object.render(1, &request)) {
                Ok(picture) => return Ok(Some(picture)),
                Err(RenderError::NotRenderable(_) | RenderError::TooLarge { .. }) => {}
                Err(error) => {
                    tracing::error!(log_id, instance = %one.address.instance, %error, "a picture cannot be made");
                    return Err(Fault::Internal { log_id: log_id.clone() });
                }
            }
        }
        Ok(None)
    };
    let (first, mut next) = on_thread(move || (next(), next)).await?;
    let Some(first) = first.map_err(|fault| Refused::from(&actors::Refusal::from(fault)))? else {
        return Err(Refused::new(StatusCode::NOT_ACCEPTABLE, "there is no image of which a picture can be made"));
    };
    let mut writer = PartWriter::of_type(cx.identifiers.uuid(), first.mime);
    let content_type = writer.content_type();
    let mut ready = Some(first);
    let mut ended = false;
    let body = read_ahead(move || {
        if ended {
            return Ok(None);
        }
        let picture = match ready.take() {
            Some(picture) => Some(picture),
            None => next()?,
        };
        let Some(picture) = picture else {
            ended = true;
            return Ok(Some(writer.close().into()));
        };
        let mut piece = writer.typed_head(picture.mime, picture.bytes.len() as u64);
        piece.extend_from_slice(&picture.bytes);
        Ok(Some(piece.into()))
    });
    Ok(answer(StatusCode::OK, &content_type, Body::from_stream(body)))
}

/// Of several instances the one in the middle that is an image; of its frames the one in the middle.
pub(super) async fn thumbnail(
    opened: Vec<OpenInstance>,
    frames: Vec<u32>,
    asked: &Asked<'_>,
    cx: &Cx,
) -> Result<Response, Refused> {
    let mut request = RenderRequest { format: format(asked)?, ..render_request(asked)? };
    request.max_width.get_or_insert(THUMBNAIL);
    request.max_height.get_or_insert(THUMBNAIL);
    let middle = opened.len() / 2;
    let mut in_order: Vec<OpenInstance> = opened;
    in_order.rotate_left(middle);
    let mut refused = Refused::new(StatusCode::NOT_FOUND, "there is no image of which a thumbnail can be made");
    // A study may begin with reports and notes; it is not searched to its end for a picture.
    const TRIES: usize = 16;
    for one in in_order.into_iter().take(TRIES) {
        let (path, frame, request) = (one.path.clone(), frames.first().copied(), request.clone());
        let made = on_thread(move || {
            let object = Object::open(Source::Path(&path))?;
            object.render(frame.unwrap_or_else(|| object.frames().div_ceil(2).max(1)), &request)
        });
        match made.await? {
            Ok(picture) => return Ok(of(picture)),
            Err(error) => refused = picture_refused(&one, &error, cx),
        }
    }
    Err(refused)
}

fn of(picture: Rendered) -> Response {
    let length = picture.bytes.len() as u64;
    let mut response = answer(StatusCode::OK, picture.mime, Body::from(picture.bytes));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

/// The picture format that is wanted. Errors: 400, 406.
fn format(asked: &Asked<'_>) -> Result<Format, Refused> {
    for range in asked.ranges() {
        let wanted = match (range.essence.as_str(), range.kind.as_deref()) {
            ("multipart/related", Some(kind)) => kind,
            ("multipart/related" | "multipart/*", None) => "*/*",
            (essence, _) => essence,
        };
        match wanted {
            "image/jpeg" | "image/*" | "*/*" => return Ok(Format::Jpeg(quality(&asked.parameters)?)),
            "image/png" => return Ok(Format::Png),
            _ => {}
        }
    }
    Err(Refused::new(StatusCode::NOT_ACCEPTABLE, "accept: pictures are given as image/jpeg or image/png"))
}

fn bad(text: &str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, text)
}

fn quality(parameters: &Parameters) -> Result<u8, Refused> {
    let Some(text) = parameters.first("quality") else { return Ok(QUALITY) };
    let number = text.trim().parse().ok().filter(|number| (1..=100).contains(number));
    number.ok_or_else(|| bad("quality: must be a whole number from 1 to 100"))
}

/// `viewport`, `window` and `quality`. Errors: 400 for a value that is none.
fn render_request(asked: &Asked<'_>) -> Result<RenderRequest, Refused> {
    quality(&asked.parameters)?;
    let mut request = RenderRequest::default();
    if let Some(text) = asked.parameters.first("viewport") {
        let (width, height, region) = viewport(text).ok_or_else(|| {
            bad("viewport: must be width,height of at least 1, or width,height,x,y,width,height where the last four name a \
                 part of the image in its pixels, negative sizes mirror it and any of the four may be empty")
        })?;
        (request.max_width, request.max_height, request.region) = (Some(width), Some(height), region);
        request.enlarge = true;
    }
    if let Some(text) = asked.parameters.first("window") {
        request.window = Some(window(text).ok_or_else(|| {
            bad("window: must be center,width,function with a width above 0 and a function of linear, linear-exact or sigmoid")
        })?);
    }
    Ok(request)
}

/// Width and height of the picture, and the part of the image that it shows. Source: PS3.18 8.3.5.1.4.
fn viewport(text: &str) -> Option<(u32, u32, Option<Region>)> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| *side > 0);
    let place = |text: &str| match text {
        "" => Some(0),
        text => text.parse::<u32>().ok(),
    };
    // A length with its sign; nothing is all there is.
    let length = |text: &str| match text {
        "" => Some((None, false)),
        text => text.parse::<i32>().ok().filter(|n| *n != 0).map(|n| (Some(n.unsigned_abs()), n < 0)),
    };
    match parts.as_slice() {
        [width, height] => Some((side(width)?, side(height)?, None)),
        [width, height, x, y, columns, rows] => {
            let ((columns, mirror), (rows, flip)) = (length(columns)?, length(rows)?);
            let region = Region { x: place(x)?, y: place(y)?, width: columns, height: rows, mirror, flip };
            Some((side(width)?, side(height)?, Some(region)))
        }
        _ => None,
    }
}

fn window(text: &str) -> Option<Window> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [center, width, function] = parts.as_slice() else { return None };
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let function = match *function {
        "linear" => Function::Linear,
        "linear-exact" => Function::LinearExact,
        "sigmoid" => Function::Sigmoid,
        _ => return None,
    };
    Some(Window { center: number(center)?, width: number(width).filter(|width| *width > 0.0)?, function })
}
