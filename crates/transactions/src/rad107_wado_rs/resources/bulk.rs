//! `/bulkdata`, and whatever else goes out as octets that are stored: whole or a range of them, by themselves or as the only
//! part of a multipart. PS3.18 8.7.3 and 10.4.1.1.5; spec/dicom.md section 18.

use super::{Asked, EXPLICIT_LE, OCTET_STREAM, Sent, answer, frames, on_thread, scan, unreadable};
use crate::rad107_wado_rs::Refused;
use actors::{Cx, Fault, OpenInstance, read_ahead};
use axum::body::Body;
use axum::response::Response;
use dicom::Tag;
use dicom::dicomweb::PartWriter;
use dicom::dicomweb::json::{INLINE_OCTETS, key};
use dicom::scan::{Fragment, Layout, Scan};
use dicom::transfer_syntaxes::{Codec, transfer_syntax};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Octets that can be sent.
pub(super) enum Stored {
    Memory(Vec<u8>),
    /// Stretches of a file, one behind the other: where each begins and how long it is.
    File {
        path: PathBuf,
        stretches: Vec<(u64, u64)>,
        hold: Option<std::sync::Arc<dyn std::any::Any + Send + Sync>>,
    },
}

impl Stored {
    fn length(&self) -> u64 {
        match self {
            Stored::Memory(octets) => octets.len() as u64,
            Stored::File { stretches, .. } => stretches.iter().map(|(_, length)| length).sum(),
        }
    }

    /// The octets from one place to another, between what goes before and behind them.
    fn body(self, (from, to): (u64, u64), before: Vec<u8>, behind: Vec<u8>, cx: &Cx) -> Body {
        let (path, stretches, hold) = match self {
            Stored::Memory(octets) => {
                let octets = &octets[from as usize..to as usize];
                return Body::from([&before, octets, &behind].concat());
            }
            Stored::File { path, stretches, hold } => (path, stretches, hold),
        };
        let mut left = within(&stretches, from, to).into_iter();
        let (mut at, mut rest) = (0, 0);
        let (mut before, mut behind) = (Some(before), Some(behind));
        let mut file: Option<File> = None;
        let log_id = cx.request_id.clone();
        Body::from_stream(read_ahead(move || {
            let _held = &hold;
            let lost = |error: std::io::Error| {
                tracing::error!(log_id, %error, "stored octets cannot be read");
                Fault::Internal { log_id: log_id.clone() }
            };
            if let Some(octets) = before.take().filter(|octets| !octets.is_empty()) {
                return Ok(Some(octets.into()));
            }
            while rest == 0 {
                let Some(next) = left.next() else {
                    return Ok(behind.take().filter(|octets| !octets.is_empty()).map(Into::into));
                };
                (at, rest) = next;
            }
            let mut opened = match file.take() {
                Some(file) => file,
                None => File::open(&path).map_err(lost)?,
            };
            let mut piece = vec![0; rest.min(256 * 1024) as usize];
            opened.seek(SeekFrom::Start(at)).map_err(lost)?;
            opened.read_exact(&mut piece).map_err(lost)?;
            file = Some(opened);
            at += piece.len() as u64;
            rest -= piece.len() as u64;
            Ok(Some(piece.into()))
        }))
    }
}

/// The stretches that hold the octets from one place to another, counted over all of them.
fn within(stretches: &[(u64, u64)], from: u64, to: u64) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let mut begin = 0;
    for (offset, length) in stretches {
        let (first, last) = (from.max(begin), to.min(begin + length));
        if first < last {
            found.push((offset + first - begin, last - first));
        }
        begin += length;
    }
    found
}

/// One element of an instance. Compressed pixels are all frames of it, a video is its stream.
pub(super) async fn bulkdata(one: OpenInstance, tag: Tag, asked: &Asked<'_>, cx: &Cx) -> Result<Response, Refused> {
    let path = one.path.clone();
    let found = on_thread(move || scan(&path)).await?;
    let found = found.map_err(|reason| unreadable(&one, &reason, cx))?;
    let plain = format!("{OCTET_STREAM}; transfer-syntax={EXPLICIT_LE}");
    let pixels = found.pixels.as_ref().filter(|pixels| pixels.tag == tag);
    match pixels.map(|pixels| (&pixels.layout, pixels.encoding.big_endian)) {
        Some((Layout::Encapsulated { fragments, .. }, _)) => {
            let syntax = found.transfer_syntax_uid();
            if transfer_syntax(syntax).is_some_and(|known| known.codec == Codec::Video) {
                return video(one, syntax, fragments, asked, cx).await;
            }
        }
        Some((Layout::Native { offset, length }, false)) if !found.deflated => {
            let stretches = vec![(*offset, *length)];
            return sent(Stored::File { path: one.path, stretches, hold: one.hold }, &plain, asked, cx);
        }
        Some(_) => {}
        None => return sent(Stored::Memory(element(&found, tag)?), &plain, asked, cx),
    }
    let frames = (1..=found.number_of_frames()).collect();
    frames::frames_of(one, frames, asked, cx).await
}

/// Octets of an element too long to be told with the attributes. Errors: 404.
fn element(found: &Scan, tag: Tag) -> Result<Vec<u8>, Refused> {
    let octets = found.data_set.octets(tag).filter(|octets| octets.len() > INLINE_OCTETS);
    let missing = || format!("the instance has no bulk data of element {}", key(tag));
    octets.map(<[u8]>::to_vec).ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, missing()))
}

/// The stream of a video, as it is stored. Source: PS3.5 8.2.5 to 8.2.9; PS3.18 Table 8.7.3-4.
pub(super) async fn video(
    one: OpenInstance,
    syntax: &str,
    fragments: &[Fragment],
    asked: &Asked<'_>,
    cx: &Cx,
) -> Result<Response, Refused> {
    let kind = if syntax.contains(".4.100") || syntax.contains(".4.101") { "video/mpeg" } else { "video/mp4" };
    let stretches = fragments.iter().map(|part| (part.offset, part.length)).collect();
    let stored = Stored::File { path: one.path, stretches, hold: one.hold };
    sent(stored, &format!("{kind}; transfer-syntax={syntax}"), asked, cx)
}

/// Octets of one media type, as the client wants them around.
pub(super) fn sent(stored: Stored, part_type: &str, asked: &Asked<'_>, cx: &Cx) -> Result<Response, Refused> {
    let length = stored.length();
    if asked.form(part_type)? == Sent::Multipart {
        let mut writer = PartWriter::of_type(cx.identifiers.uuid(), super::essence(part_type));
        let (before, behind) = (writer.typed_head(part_type, length), writer.close());
        let total = before.len() as u64 + length + behind.len() as u64;
        let mut response = answer(StatusCode::OK, &writer.content_type(), stored.body((0, length), before, behind, cx));
        response.headers_mut().insert(header::CONTENT_LENGTH, total.into());
        return Ok(response);
    }
    let wanted = range(asked.headers, length)?;
    let (from, to) = wanted.unwrap_or((0, length));
    let status = if wanted.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = answer(status, part_type, stored.body((from, to), Vec::new(), Vec::new(), cx));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, (to - from).into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if wanted.is_some()
        && let Ok(range) = HeaderValue::from_str(&format!("bytes {from}-{}/{length}", to.saturating_sub(1)))
    {
        headers.insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// The one range that is asked for, from and behind; several are answered by the whole. Errors: 416.
fn range(headers: &HeaderMap, length: u64) -> Result<Option<(u64, u64)>, Refused> {
    let Some(text) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let Some((first, last)) = text.strip_prefix("bytes=").filter(|t| !t.contains(',')).and_then(|t| t.split_once('-'))
    else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let found = match (number(first), number(last)) {
        (Some(first), last) if first < length => {
            Some((first, last.map_or(length, |last| last.saturating_add(1).min(length))))
        }
        (None, Some(last)) if last > 0 && first.trim().is_empty() => Some((length.saturating_sub(last), length)),
        _ => None,
    };
    match found.filter(|(from, to)| from < to) {
        Some(found) => Ok(Some(found)),
        None => {
            let text = format!("range: the element has {length} octets");
            Err(Refused::new(StatusCode::RANGE_NOT_SATISFIABLE, text))
        }
    }
}
