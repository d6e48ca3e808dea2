//! `/frames`: single frames, as they are stored or decoded. PS3.18 8.7.3.3 and 10.4.1.1.6; spec/dicom.md section 18.

use super::{Asked, EXPLICIT_LE, OCTET_STREAM, Sent, answer, essence, on_thread, picture_refused};
use crate::rad107_wado_rs::Refused;
use actors::{Cx, Fault, OpenInstance, read_ahead};
use axum::body::Body;
use axum::response::Response;
use dicom::dicomweb::{PartWriter, Syntax};
use dicom::transfer_syntaxes::{Codec, transfer_syntax};
use http::StatusCode;
use viewer::{Object, RenderError, Source};

/// The media type of a compressed frame. Source: PS3.18 Table 8.7.3-5.
fn media_type(transfer_syntax: &str) -> &'static str {
    let Some(number) = transfer_syntax.strip_prefix("1.2.840.10008.1.2.") else { return OCTET_STREAM };
    match number {
        "5" => "image/dicom-rle",
        "4.50" | "4.51" | "4.57" | "4.70" => "image/jpeg",
        "4.80" | "4.81" => "image/jls",
        "4.90" | "4.91" => "image/jp2",
        "4.92" | "4.93" => "image/jpx",
        "4.201" | "4.202" | "4.203" => "image/jphc",
        "4.110" | "4.111" | "4.112" => "image/jxl",
        _ => OCTET_STREAM,
    }
}

/// In which form frames are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    AsStored,
    Decoded,
}

impl Asked<'_> {
    /// How frames stored in a transfer syntax are sent, and whether one may come without a multipart around it.
    fn frames(&self, stored: &str, compressed: bool) -> Result<(Wanted, Sent), Refused> {
        let own = media_type(stored);
        for range in self.ranges() {
            let (wanted, form) = match (range.essence.as_str(), range.kind.as_deref()) {
                ("multipart/related", kind) => (kind.unwrap_or("*/*"), Sent::Multipart),
                ("multipart/*" | "*/*", _) => ("*/*", Sent::Multipart),
                (essence, _) => (essence, Sent::Single),
            };
            for syntax in &range.syntaxes {
                let any_type = matches!(wanted, "*/*" | "application/*") || wanted == OCTET_STREAM;
                let found = match syntax {
                    Syntax::Any if any_type || wanted == own => Some(Wanted::AsStored),
                    Syntax::Uid(uid) if uid == stored && (any_type || wanted == own) => Some(Wanted::AsStored),
                    Syntax::Uid(uid) if uid == EXPLICIT_LE && any_type => Some(Wanted::Decoded),
                    Syntax::Default if compressed && wanted == own && wanted != OCTET_STREAM => Some(Wanted::AsStored),
                    Syntax::Default if any_type => Some(Wanted::Decoded),
                    _ => None,
                };
                if let Some(wanted) = found {
                    return Ok((wanted, form));
                }
            }
        }
        let text = format!(
            "accept: frames stored in {stored} are given as multipart/related with type=\"{OCTET_STREAM}\" or type=\"{own}\""
        );
        Err(Refused::new(StatusCode::NOT_ACCEPTABLE, text))
    }
}

pub(super) async fn frames_of(
    one: OpenInstance,
    frames: Vec<u32>,
    asked: &Asked<'_>,
    cx: &Cx,
) -> Result<Response, Refused> {
    let path = one.path.clone();
    let opened = on_thread(move || Object::open(Source::Kept(path))).await?;
    let object = opened.map_err(|e| picture_refused(&one, &e, cx))?;
    let (count, syntax) = (object.frames(), object.transfer_syntax_uid().to_owned());
    if let Some(beyond) = frames.iter().find(|frame| **frame > count) {
        let text = format!("the instance has {count} frames, there is no frame {beyond}");
        return Err(Refused::new(StatusCode::NOT_FOUND, text));
    }
    let known = transfer_syntax(&syntax);
    if known.is_some_and(|known| known.codec == Codec::Video) {
        let text = "frames of a video are not given one by one; its stream is /rendered or /bulkdata/7FE00010";
        return Err(Refused::new(StatusCode::NOT_ACCEPTABLE, text));
    }
    let compressed = known.is_none_or(|known| !known.is_native());
    let (wanted, form) = asked.frames(&syntax, compressed)?;
    if form == Sent::Single && frames.len() > 1 {
        let text = "accept: several frames come as multipart/related";
        return Err(Refused::new(StatusCode::NOT_ACCEPTABLE, text));
    }
    let as_stored = wanted == Wanted::AsStored && compressed;
    let part_type = match as_stored {
        true => format!("{}; transfer-syntax={syntax}", media_type(&syntax)),
        false => format!("{OCTET_STREAM}; transfer-syntax={EXPLICIT_LE}"),
    };
    let read = move |object: &Object<'_>, frame: u32| -> Result<Vec<u8>, RenderError> {
        if as_stored { Ok(object.stored_frame(frame)?.octets) } else { object.decoded_frame(frame) }
    };
    // The first frame is read before the status is sent, so that what cannot be decoded is said in so many words.
    let first_frame = frames[0];
    let (object, begun) = on_thread(move || {
        let begun = read(&object, first_frame);
        (object, begun)
    })
    .await?;
    let begun = begun.map_err(|e| picture_refused(&one, &e, cx))?;
    if form == Sent::Single {
        return Ok(answer(StatusCode::OK, &part_type, Body::from(begun)));
    }
    let mut writer = PartWriter::of_type(cx.identifiers.uuid(), essence(&part_type));
    let content_type = writer.content_type();
    let (log_id, mut rest) = (cx.request_id.clone(), frames.into_iter().skip(1));
    let mut next = Some(begun);
    let mut ended = false;
    let body = read_ahead(move || {
        let Some(octets) = next.take() else {
            if ended {
                return Ok(None);
            }
            ended = true;
            return Ok(Some(writer.close().into()));
        };
        let mut piece = writer.typed_head(&part_type, octets.len() as u64);
        piece.extend_from_slice(&octets);
        next = match rest.next() {
            Some(frame) => Some(read(&object, frame).map_err(|error| {
                tracing::error!(log_id, instance = %one.address.instance, %error, frame, "a frame cannot be read");
                Fault::Internal { log_id: log_id.clone() }
            })?),
            None => None,
        };
        Ok(Some(piece.into()))
    });
    Ok(answer(StatusCode::OK, &content_type, Body::from_stream(body)))
}
