//! `/metadata`: the attributes of instances in the DICOM JSON model. PS3.18 10.4.1.1.2 and annex F; spec/dicom.md 17.

use super::{Asked, answer, scan};
use crate::rad107_wado_rs::{Refused, at};
use actors::{Cx, Fault, OpenInstance, read_ahead};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use dicom::Tag;
use dicom::dicomweb::MediaRange;
use dicom::dicomweb::json::{bulk_data, encode, key};
use http::StatusCode;

/// An array of objects, one for each instance, written as they are read.
pub(super) fn metadata(
    opened: Vec<OpenInstance>,
    base: String,
    asked: &Asked<'_>,
    cx: &Cx,
) -> Result<Response, Refused> {
    let takes = |range: &MediaRange| {
        matches!(range.essence.as_str(), "application/dicom+json" | "application/json" | "application/*" | "*/*")
    };
    if !asked.ranges().iter().any(takes) {
        let text = "accept: attributes are given as application/dicom+json";
        return Err(Refused::new(StatusCode::NOT_ACCEPTABLE, text));
    }
    let log_id = cx.request_id.clone();
    let mut rest = opened.into_iter();
    let mut begun = false;
    let mut ended = false;
    let body = read_ahead(move || {
        if ended {
            return Ok(None);
        }
        let Some(one) = rest.next() else {
            ended = true;
            return Ok(Some(Bytes::from_static(if begun { b"]" } else { b"[]" })));
        };
        let object = attributes(&one, &base).map_err(|reason| {
            tracing::error!(log_id, instance = %one.address.instance, reason, "a stored instance cannot be read");
            Fault::Internal { log_id: log_id.clone() }
        })?;
        let before = if begun { "," } else { "[" };
        begun = true;
        Ok(Some(format!("{before}{object}").into()))
    });
    Ok(answer(StatusCode::OK, "application/dicom+json", Body::from_stream(body)))
}

fn attributes(one: &OpenInstance, base: &str) -> Result<String, String> {
    let scan = scan(&one.path)?;
    let place = at(base, &one.address.series, &one.address.instance);
    let address = |tag: Tag| Some(format!("{place}/bulkdata/{}", key(tag)));
    let mut object = encode(&scan.data_set, &address);
    if let (Some(map), Some(pixels)) = (object.as_object_mut(), &scan.pixels) {
        map.insert(key(pixels.tag), bulk_data(pixels.vr, &format!("{place}/bulkdata/{}", key(pixels.tag))));
        // What the frames and the bulk data are stored in.
        map.insert("00083002".to_owned(), serde_json::json!({"vr": "UI", "Value": [scan.transfer_syntax_uid()]}));
    }
    Ok(object.to_string())
}
