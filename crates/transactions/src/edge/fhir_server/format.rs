//! JSON or XML: what a caller asks for, and what a request body is. Source: spec/fhir.md section 2; ITI TF-2 Z.6;
//! http://hl7.org/fhir/R4/http.html#mime-type; RFC 9110 12.5.1.

use super::Refused;
use axum::body::{Body, Bytes};
use fhir::operation_outcome::Issue;
use http::{HeaderMap, StatusCode, header};

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    xml: bool,
    /// The caller named `fhirVersion=4.0`; the answer names it too.
    fhir_version: bool,
}

impl Format {
    /// From `_format`, which wins, or `Accept` with its q-values. JSON when both forms are as welcome, or none is named.
    ///
    /// Errors: neither is acceptable, or another FHIR version is asked for: 406.
    pub fn negotiate(headers: &HeaderMap, format: Option<&str>) -> Result<Format, Refused> {
        let texts: Vec<&str> = match format.map(str::trim).filter(|f| !f.is_empty()) {
            Some(format) => vec![format],
            None => headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect(),
        };
        if texts.iter().all(|t| t.trim().is_empty()) {
            return Ok(Format::default());
        }
        let ranges: Vec<MediaRange> = texts
            .iter()
            .flat_map(|t| t.split(','))
            .filter_map(MediaRange::read)
            .take(64)
            .filter(|range| range.fhir_version.as_deref().is_none_or(|v| v == "4.0" || v == "4.0.1"))
            .collect();
        // The most exact range decides, so that `application/fhir+json;q=0, */*` means XML.
        let best = |xml: bool| {
            let fitting = ranges.iter().filter_map(|range| Some((exactness(range, xml, format.is_some())?, range)));
            fitting.max_by_key(|(exact, range)| (*exact, range.quality)).map(|(_, range)| range)
        };
        let quality = |range: Option<&MediaRange>| range.map_or(0, |range| range.quality);
        let (json, xml) = (best(false), best(true));
        let wanted = if quality(xml) > quality(json) { xml } else { json };
        match wanted.filter(|range| range.quality > 0) {
            Some(range) => Ok(Format { xml: quality(xml) > quality(json), fhir_version: range.fhir_version.is_some() }),
            None => Err(Refused::new(
                StatusCode::NOT_ACCEPTABLE,
                Issue::error("not-supported").diagnostics(
                    "this server answers application/fhir+json and application/fhir+xml of FHIR 4.0; name one of them",
                ),
            )),
        }
    }

    /// As [`negotiate`](Self::negotiate) with `_format` of a query string; JSON where nothing fits: for what must be said
    /// in any case.
    pub(super) fn of_refusal(headers: &HeaderMap, query: &str) -> Format {
        let parameters = fhir::search::Parameters::decode(query).ok();
        let format = parameters.as_ref().and_then(|p| p.first("_format"));
        Format::negotiate(headers, format).unwrap_or_default()
    }

    pub fn is_xml(self) -> bool {
        self.xml
    }

    pub(super) fn content_type(self) -> &'static str {
        match (self.xml, self.fhir_version) {
            (false, false) => fhir::MEDIA_TYPE,
            (false, true) => "application/fhir+json; fhirVersion=4.0",
            (true, false) => fhir::xml::MEDIA_TYPE,
            (true, true) => "application/fhir+xml; fhirVersion=4.0",
        }
    }
}

/// How exactly a range names a form; `None` when it does not mean it.
fn exactness(range: &MediaRange, xml: bool, in_query: bool) -> Option<u8> {
    match range.essence.as_str() {
        "application/fhir+json" | "application/json" | "text/json" => (!xml).then_some(3),
        "application/fhir+xml" | "application/xml" | "text/xml" => xml.then_some(3),
        // Short names belong to `_format` only; no header can hold them by mistake.
        "json" => (in_query && !xml).then_some(3),
        "xml" => (in_query && xml).then_some(3),
        "application/*" => Some(2),
        "text/*" => Some(1),
        "*/*" => Some(0),
        _ => None,
    }
}

/// One range of an `Accept` header.
#[derive(Debug)]
pub(crate) struct MediaRange {
    pub essence: String,
    /// Thousandths.
    pub quality: u16,
    pub fhir_version: Option<String>,
}

impl MediaRange {
    /// `None` for an empty one.
    pub fn read(text: &str) -> Option<MediaRange> {
        let mut pieces = text.split(';');
        // A `+` in a query string that was not escaped arrives as a blank.
        let essence = pieces.next()?.trim().to_ascii_lowercase().replace("fhir ", "fhir+");
        let mut range = MediaRange { essence, quality: 1000, fhir_version: None };
        for piece in pieces {
            let Some((name, value)) = piece.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.quality = value.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16),
                "fhirversion" => range.fhir_version = Some(value.to_owned()),
                _ => {}
            }
        }
        (!range.essence.is_empty()).then_some(range)
    }
}

/// Media types of a resource in a request body.
const RESOURCE: &[&str] =
    &["application/fhir+json", "application/json", "text/json", "application/fhir+xml", "application/xml", "text/xml"];
/// Longer bodies are looked into where they hold nobody up, octets.
const AT_ONCE: usize = 64 * 1024;
/// Media type of a search that is posted.
pub const FORM: &[&str] = &["application/x-www-form-urlencoded"];

/// Reads the resource in a request body of at most `limit` octets and gives it as JSON, whichever form it came in.
///
/// Errors: a `Content-Type` that is neither: 415; larger: 413; broken off, or no resource of R4: 400.
pub async fn fhir_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refused> {
    let essence = content_type(headers, RESOURCE)?;
    let bytes = super::read_body(body, limit).await?;
    let length = bytes.len();
    let xml = essence.ends_with("xml");
    let read = move || match xml {
        true => fhir::xml::to_json(&bytes).map(Bytes::from),
        false => fhir::xml::check_json(&bytes).map(|()| bytes),
    };
    if length <= AT_ONCE {
        return Ok(read()?);
    }
    let converted = tokio::task::spawn_blocking(read).await;
    let failed = || Issue::error("exception").diagnostics("the body could not be converted");
    let converted = converted.map_err(|error| {
        tracing::error!(%error, "a body could not be converted");
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, failed())
    })?;
    Ok(converted?)
}

/// Checks the `Content-Type` of a request body against `accepted`; only UTF-8 is taken.
///
/// Errors: 415.
pub fn check_content_type(headers: &HeaderMap, accepted: &[&str]) -> Result<(), Refused> {
    content_type(headers, accepted).map(|_| ())
}

/// The media type of a request body without its parameters.
fn content_type(headers: &HeaderMap, accepted: &[&str]) -> Result<String, Refused> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let mut pieces = text.split(';');
    let essence = pieces.next().unwrap_or("").trim().to_ascii_lowercase();
    let utf8 = pieces.filter_map(|p| p.split_once('=')).all(|(name, value)| {
        let value = value.trim().trim_matches('"').to_ascii_lowercase();
        match name.trim().to_ascii_lowercase().as_str() {
            "charset" => matches!(value.as_str(), "utf-8" | "utf8" | "us-ascii"),
            "fhirversion" => matches!(value.as_str(), "4.0" | "4.0.1"),
            _ => true,
        }
    });
    if accepted.contains(&essence.as_str()) && utf8 {
        return Ok(essence);
    }
    let text = format!("the body must be {} in UTF-8, FHIR 4.0", accepted.join(" or "));
    Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Issue::error("not-supported").diagnostics(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[track_caller]
    fn check(accept: Option<&str>, format: Option<&str>, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        let got = Format::negotiate(&headers, format);
        assert_eq!(got.as_ref().ok().map(|f| f.content_type()), expected, "{accept:?} {format:?}");
    }

    const JSON: Option<&str> = Some("application/fhir+json");
    const XML: Option<&str> = Some("application/fhir+xml");

    #[test]
    fn accept_is_read_with_its_qualities_and_json_wins_ties() {
        check(None, None, JSON);
        for json in
            ["*/*", "application/*", "text/json", "application/fhir+xml, application/fhir+json", "text/*, */*;q=0.1"]
        {
            check(Some(json), None, JSON);
        }
        // What HAPI's client sends.
        check(Some("application/fhir+xml;q=1.0, application/fhir+json;q=1.0, application/xml+fhir;q=0.9"), None, JSON);
        for xml in [
            "application/fhir+xml",
            "text/xml",
            "application/fhir+json;q=0.5, application/xml",
            "application/fhir+json;q=0, */*",
            "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8",
        ] {
            check(Some(xml), None, XML);
        }
        for neither in
            ["text/html", "application/fhir+json;q=0", "*/*;q=0", "json", "application/fhir+xml; fhirVersion=5.0"]
        {
            check(Some(neither), None, None);
        }
        check(Some("application/fhir+xml; fhirVersion=4.0"), None, Some("application/fhir+xml; fhirVersion=4.0"));
        check(Some("application/fhir+json; fhirVersion=5.0, application/xml;q=0.1"), None, XML);
    }

    #[test]
    fn format_wins_over_accept() {
        for xml in ["xml", "application/xml", "text/xml", "application/fhir+xml", "application/fhir xml"] {
            check(Some("application/fhir+json"), Some(xml), XML);
        }
        for json in ["json", "application/json", "text/json", "application/fhir+json", "application/fhir json"] {
            check(Some("application/fhir+xml"), Some(json), JSON);
        }
        check(Some("application/fhir+xml"), Some(" "), XML);
        for neither in ["html", "ttl", "application/fhir+turtle"] {
            check(Some("*/*"), Some(neither), None);
        }
    }
}
