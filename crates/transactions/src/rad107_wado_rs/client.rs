//! Asks a source for instances: an `Imaging` over WADO-RS. RAD TF-2 4.107; spec/dicom.md sections 14, 15.

use super::file_meta::{FileMeta, MOST_OCTETS, file_meta};
use actors::{
    BoxFuture, ByteStream, Cx, Fault, ImageRequest, Images, Imaging, InstanceStream, Refusal, ServedInstance,
    WantedSyntax,
};
use bytes::{Bytes, BytesMut};
use dicom::dicomweb::{CLIENT_ACCEPT, PartEvent, PartReader, Target};
use futures_util::stream;
use http::{StatusCode, header};
use model::SeriesInstanceUid;
use net::HttpClient;
use tokio::sync::oneshot;

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
            Ok(Images { plan: None, instances: instances(reading, request.series.clone(), partial) })
        })
    }
}

/// An answer being read.
struct Reading {
    peer: String,
    reader: PartReader,
    response: reqwest::Response,
}

impl Reading {
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

/// Where the answer stands when the next instance is asked for.
enum Place {
    Between(Box<Reading>),
    /// The instance before is being read by its consumer.
    Lent(oneshot::Receiver<Lent>),
    Done,
}

struct Lent {
    reading: Box<Reading>,
    /// The consumer stopped before the instance's end.
    inside: bool,
}

fn instances(reading: Reading, series: Option<SeriesInstanceUid>, partial: bool) -> InstanceStream {
    let peer = reading.peer.clone();
    let state = (Place::Between(Box::new(reading)), peer, series);
    Box::pin(stream::unfold(state, move |(place, peer, series)| async move {
        let reading = match place {
            Place::Between(reading) => Ok(reading),
            Place::Lent(back) => match back.await {
                Ok(lent) => after_instance(lent).await,
                Err(_) => {
                    let reason = "broke off an instance".to_owned();
                    Err(Fault::PeerUnavailable { peer: peer.clone(), reason })
                }
            },
            Place::Done => return None,
        };
        let begun = match reading {
            Ok(reading) => begin(reading, series.clone()).await,
            Err(fault) => Err(fault),
        };
        match begun {
            Ok(Some((served, back))) => Some((Ok(served), (Place::Lent(back), peer, series))),
            Ok(None) if partial => {
                let reason = "sent a part of the instances only (HTTP 206)".to_owned();
                let fault = Fault::PeerUnavailable { peer: peer.clone(), reason };
                Some((Err(fault), (Place::Done, peer, series)))
            }
            Ok(None) => None,
            Err(fault) => Some((Err(fault), (Place::Done, peer, series))),
        }
    }))
}

/// Goes on to the end of an instance that its consumer did not read to the end.
async fn after_instance(lent: Lent) -> Result<Box<Reading>, Fault> {
    let Lent { mut reading, mut inside } = lent;
    while inside {
        match reading.next().await? {
            PartEvent::End => inside = false,
            PartEvent::Data(_) | PartEvent::Start { .. } => {}
            PartEvent::Complete => return Err(reading.broken("ended inside an instance".to_owned())),
        }
    }
    Ok(reading)
}

type Begun = (ServedInstance, oneshot::Receiver<Lent>);

/// Reads the head of the next instance. `None` when the answer is complete.
async fn begin(mut reading: Box<Reading>, series: Option<SeriesInstanceUid>) -> Result<Option<Begun>, Fault> {
    match reading.next().await? {
        PartEvent::Complete => return Ok(None),
        PartEvent::Start { .. } => {}
        PartEvent::Data(_) | PartEvent::End => return Err(reading.broken("sent octets outside a part".to_owned())),
    }
    let mut first = BytesMut::new();
    let mut whole = false;
    let (sop_instance, transfer_syntax) = loop {
        match file_meta(&first) {
            FileMeta::Known { sop_instance, transfer_syntax } => break (sop_instance, transfer_syntax),
            FileMeta::More if !whole && first.len() < MOST_OCTETS => {}
            FileMeta::More | FileMeta::None => {
                return Err(reading.broken("sent a part that is no DICOM file with a file meta group".to_owned()));
            }
        }
        match reading.next().await? {
            PartEvent::Data(octets) => first.extend_from_slice(&octets),
            PartEvent::End => whole = true,
            PartEvent::Start { .. } | PartEvent::Complete => {
                return Err(reading.broken("ended inside an instance".to_owned()));
            }
        }
    };
    let (sender, back) = oneshot::channel();
    let body = Body { lent: Some(Lent { reading, inside: !whole }), first: Some(first.freeze()), back: Some(sender) };
    let body: ByteStream = Box::pin(stream::unfold(body, |mut body| async move {
        if let Some(first) = body.first.take() {
            return Some((Ok(first), body));
        }
        loop {
            let lent = body.lent.as_mut()?;
            if !lent.inside {
                return None;
            }
            match lent.reading.next().await {
                Ok(PartEvent::Data(octets)) => return Some((Ok::<Bytes, Fault>(octets), body)),
                Ok(PartEvent::End) => lent.inside = false,
                Ok(PartEvent::Start { .. } | PartEvent::Complete) => {
                    let fault = lent.reading.broken("ended inside an instance".to_owned());
                    body.lent = None;
                    return Some((Err(fault), body));
                }
                Err(fault) => {
                    body.lent = None;
                    return Some((Err(fault), body));
                }
            }
        }
    }));
    let served = ServedInstance { series, sop_instance, transfer_syntax, size_octets: None, body };
    Ok(Some((served, back)))
}

/// Gives the answer back for the next instance, wherever its consumer stopped.
struct Body {
    lent: Option<Lent>,
    first: Option<Bytes>,
    back: Option<oneshot::Sender<Lent>>,
}

impl Drop for Body {
    fn drop(&mut self) {
        if let (Some(lent), Some(back)) = (self.lent.take(), self.back.take()) {
            let _ = back.send(lent);
        }
    }
}
