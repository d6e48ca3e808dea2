//! Asks a source for instances: an `Imaging` over WADO-RS. RAD TF-2 4.107; spec/dicom.md sections 14, 15.

use crate::edge::instance_parts::{PartSource, instances};
use actors::{BoxFuture, Cx, Fault, ImageRequest, Images, Imaging, Refusal, WantedSyntax};
use bytes::BytesMut;
use dicom::dicomweb::{CLIENT_ACCEPT, PartEvent, PartReader, Target};
use http::{StatusCode, header};
use net::HttpClient;

/// Fetches instances at a peer.
#[derive(Clone)]
pub struct Client {
    /// How people call the peer; in every error.
    pub name: String,
    /// DICOMweb base, without a slash at the end.
    pub base: String,
    pub http: HttpClient,
}

impl Client {
    fn unavailable(&self, reason: String) -> Fault {
        Fault::PeerUnavailable { peer: self.name.clone(), reason }
    }

    async fn refused(&self, mut response: reqwest::Response, what: String) -> Fault {
        let status = response.status();
        let mut body = BytesMut::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > 64 * 1024 {
                break;
            }
        }
        let detail = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|v| v.get("detail").and_then(|d| d.as_str()).map(|d| d.chars().take(500).collect::<String>()));
        match status {
            StatusCode::NOT_FOUND => Fault::ImagesNotFound(what),
            StatusCode::NOT_ACCEPTABLE => {
                let reason = detail.unwrap_or_else(|| "nothing that was asked for can be sent".to_owned());
                Fault::NotAcceptable(format!("{}: {reason}", self.name))
            }
            status => Fault::Remote {
                peer: self.name.clone(),
                code: format!("HTTP {}", status.as_u16()),
                context: detail.unwrap_or_else(|| "no reason was given".to_owned()),
                location: None,
                transient: status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
                    || status == StatusCode::TOO_MANY_REQUESTS,
            },
        }
    }
}

/// The `Accept` header for these syntaxes, best first.
fn accept(wanted: &[WantedSyntax]) -> String {
    if matches!(wanted, [] | [WantedSyntax::AsStored]) {
        return CLIENT_ACCEPT.to_owned();
    }
    let ranges: Vec<String> = wanted
        .iter()
        .enumerate()
        .map(|(n, syntax)| {
            // Three digits are all that a q-value may have.
            let quality = 1000_usize.saturating_sub(n * 10).max(1);
            let syntax = match syntax {
                WantedSyntax::AsStored => "; transfer-syntax=*".to_owned(),
                WantedSyntax::Default => String::new(),
                WantedSyntax::Uid(uid) => format!("; transfer-syntax={uid}"),
            };
            let quality = if n == 0 { String::new() } else { format!("; q=0.{quality:03}") };
            format!("multipart/related; type=\"application/dicom\"{syntax}{quality}")
        })
        .collect();
    ranges.join(", ")
}

impl Imaging for Client {
    fn fetch<'a>(&'a self, request: &'a ImageRequest, cx: &'a Cx) -> BoxFuture<'a, Result<Images, Refusal>> {
        Box::pin(async move {
            if request.instance.is_some() && request.series.is_none() {
                return Err(Fault::Unsupported("fetching an instance without naming its series".to_owned()).into());
            }
            let target = Target {
                study: request.study.to_string(),
                series: request.series.as_ref().map(ToString::to_string),
                instance: request.instance.as_ref().map(ToString::to_string),
            };
            let url = format!("{}{}", self.base, target.path());
            let mut sent = self.http.get(&url).header(header::ACCEPT, accept(&request.syntaxes));
            if let Some(traceparent) = &cx.traceparent {
                sent = sent.header("traceparent", traceparent);
            }
            let response = self.http.send(sent).await.map_err(|e| self.unavailable(e.to_string()))?;
            let status = response.status();
            if status != StatusCode::OK && status != StatusCode::PARTIAL_CONTENT {
                let what = target.path().trim_start_matches('/').to_owned();
                return Err(self.refused(response, what).await.into());
            }
            let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
            let reader = PartReader::new(content_type)
                .map_err(|e| self.unavailable(format!("answered with `{content_type}`: {e}")))?;
            let partial = status == StatusCode::PARTIAL_CONTENT;
            let reading = Reading { peer: self.name.clone(), reader, response };
            let instances = instances(reading, self.name.clone(), request.series.clone(), partial);
            Ok(Images { plan: None, instances })
        })
    }
}

/// An answer being read.
struct Reading {
    peer: String,
    reader: PartReader,
    response: reqwest::Response,
}

impl PartSource for Reading {
    fn broken(&self, reason: String) -> Fault {
        Fault::PeerUnavailable { peer: self.peer.clone(), reason }
    }

    async fn next(&mut self) -> Result<PartEvent, Fault> {
        loop {
            let event = self.reader.next_event().map_err(|e| self.broken(format!("sent a bad answer: {e}")))?;
            if let Some(event) = event {
                return Ok(event);
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.reader.feed(chunk),
                Ok(None) => {
                    self.reader.finish();
                    // Everything came, and still there is nothing to say: the answer was empty.
                    let last = self.reader.next_event().map_err(|e| self.broken(format!("sent a bad answer: {e}")))?;
                    return last.ok_or_else(|| self.broken("sent an empty answer".to_owned()));
                }
                Err(_) => return Err(self.broken("broke off the images".to_owned())),
            }
        }
    }
}
