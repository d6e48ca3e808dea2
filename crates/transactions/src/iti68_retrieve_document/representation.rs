//! Which form of a document an `Accept` header gets: the stored bytes, a Binary resource around them, or the other form of a
//! manifest. Source: spec/fhir.md sections 10 and 17; http://hl7.org/fhir/R4/binary.html#rest; design section 3.

use crate::edge::fhir_server::MediaRange;
use actors::{ByteStream, Fault};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::DocumentEntry;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Representation {
    /// Byte for byte.
    Stored,
    /// A Binary resource with the bytes in base64, in this form.
    Binary(Form),
    /// The FHIR manifest of a stored KOS.
    FhirManifest,
    /// The KOS of a stored FHIR manifest.
    Kos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Xml,
}

impl Representation {
    /// The form that a manifest has besides its own; `None` for every other document.
    fn other_of(entry: &DocumentEntry, stored: &str) -> Option<Representation> {
        match stored {
            "application/dicom" if entry.is_kos() => Some(Representation::FhirManifest),
            fhir::MEDIA_TYPE if entry.is_fhir_manifest() => Some(Representation::Kos),
            _ => None,
        }
    }

    /// Media type and ending of the hash in the entity tag; `None` for what is stored.
    pub(super) fn generated(self) -> Option<(&'static str, &'static str)> {
        match self {
            Representation::Stored => None,
            Representation::Binary(Form::Json) => Some((fhir::MEDIA_TYPE, "binary")),
            Representation::Binary(Form::Xml) => Some((fhir::xml::MEDIA_TYPE, "binary-xml")),
            Representation::FhirManifest => Some((fhir::MEDIA_TYPE, "fhir")),
            Representation::Kos => Some(("application/dicom", "dicom")),
        }
    }
}

/// What of a document is acceptable; `None` is 406.
///
/// Shape: stored bytes whenever they are acceptable at all; a wrapper only at the Binary address, when a FHIR type is
/// asked for and the document itself is none; a manifest in its other form when only that is asked for. No `Accept` is
/// taken as `*/*`.
pub(super) fn represent<'a>(
    accept: impl Iterator<Item = &'a str>,
    entry: &DocumentEntry,
    as_binary: bool,
) -> Option<Representation> {
    let stored = essence(&entry.mime_type);
    let ranges: Vec<MediaRange> = accept.flat_map(|t| t.split(',')).filter_map(MediaRange::read).take(64).collect();
    if ranges.is_empty() {
        return Some(Representation::Stored);
    }
    let stored_ok = acceptable(&ranges, &stored);
    let wrapped = |range: &MediaRange| match range.essence.as_str() {
        "application/fhir+json" | "application/json" => Some((range.quality, 1, Form::Json)),
        "application/fhir+xml" | "application/xml" => Some((range.quality, 0, Form::Xml)),
        _ => None,
    };
    let wrapper = ranges.iter().filter_map(wrapped).filter(|(quality, ..)| *quality > 0);
    let wrapper = wrapper.max_by_key(|(quality, tie, _)| (*quality, *tie)).map(|(.., form)| form);
    // A FHIR type named beside a wildcard is what FHIR clients send by habit; raw bytes are right for them too, but the
    // wrapper was named.
    let named = ranges.iter().any(|r| r.essence == stored && r.quality > 0);
    let wrapper = wrapper.filter(|_| as_binary && !stored.starts_with("application/fhir+"));
    match (stored_ok, wrapper) {
        (true, Some(form)) if !named && !ranges.iter().any(|r| r.essence == "*/*" && r.quality > 0) => {
            Some(Representation::Binary(form))
        }
        (true, _) => Some(Representation::Stored),
        (false, Some(form)) => Some(Representation::Binary(form)),
        (false, None) => {
            let other = Representation::other_of(entry, &stored)?;
            let (media_type, _) = other.generated()?;
            acceptable(&ranges, media_type).then_some(other)
        }
    }
}

fn acceptable(ranges: &[MediaRange], media_type: &str) -> bool {
    let main = media_type.split('/').next().unwrap_or("");
    let fits = |range: &&MediaRange| {
        range.essence == media_type
            || range.essence == "*/*"
            || range.essence.strip_suffix("/*").is_some_and(|wanted| wanted == main)
    };
    // The most exact range decides, so that `application/pdf;q=0, */*` refuses a PDF.
    let exactness = |range: &&MediaRange| (range.essence == media_type, range.essence != "*/*");
    ranges.iter().filter(fits).max_by_key(exactness).is_some_and(|range| range.quality > 0)
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// What stands before the base64 text, and after it.
fn frame(entry: &DocumentEntry, form: Form) -> (Vec<u8>, Vec<u8>) {
    let id = entry.id.as_str().strip_prefix("urn:uuid:").unwrap_or(entry.id.as_str());
    match form {
        Form::Json => {
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            let (id, mime_type) = (quoted(id), quoted(&entry.mime_type));
            let head = format!(r#"{{"resourceType":"Binary","id":{id},"contentType":{mime_type},"data":""#);
            (head.into_bytes(), b"\"}".to_vec())
        }
        Form::Xml => {
            let mut w = xml::XmlWriter::new();
            w.declaration().start("Binary").ns("", "http://hl7.org/fhir");
            w.start("id").attr("value", id).end();
            w.start("contentType").attr("value", &entry.mime_type).end();
            w.raw(b"<data value=\"");
            let head = w.take();
            w.raw(b"\"/>").end();
            (head, w.finish())
        }
    }
}

/// Octets of the Binary resource around `octets` of document.
pub(super) fn binary_octets(entry: &DocumentEntry, form: Form, octets: u64) -> u64 {
    let (head, tail) = frame(entry, form);
    head.len() as u64 + octets.div_ceil(3) * 4 + tail.len() as u64
}

/// A Binary resource around a document, encoded while it passes.
pub(super) fn binary(entry: &DocumentEntry, form: Form, body: ByteStream) -> ByteStream {
    let (head, tail) = frame(entry, form);
    let start = stream::once(async move { Ok(Bytes::from(head)) });
    // Up to two octets wait for the third, since padding may only stand at the end.
    let data = stream::unfold((Some(body), Vec::new()), |(body, mut waiting): (_, Vec<u8>)| async move {
        let mut body: ByteStream = body?;
        loop {
            match body.next().await {
                Some(Ok(piece)) => {
                    waiting.extend_from_slice(&piece);
                    let whole = waiting.len() - waiting.len() % 3;
                    if whole == 0 {
                        continue;
                    }
                    let rest = waiting.split_off(whole);
                    return Some((Ok(Bytes::from(STANDARD.encode(&waiting))), (Some(body), rest)));
                }
                Some(Err(fault)) => return Some((Err::<Bytes, Fault>(fault), (None, Vec::new()))),
                None if waiting.is_empty() => return None,
                None => return Some((Ok(Bytes::from(STANDARD.encode(&waiting))), (None, Vec::new()))),
            }
        }
    });
    let end = stream::once(async move { Ok(Bytes::from(tail)) });
    // After a fault nothing more may come; the transport breaks off at the first error it is given.
    Box::pin(start.chain(data).chain(end))
}
