//! SOAP on the client side: one exchange with a peer, attachments streamed out, the answer's attachments in memory or
//! streamed. Source: ITI TF-2 Appendix V; spec/xds.md sections 3-5.

use super::soap_server::{Attachment, attach};
use crate::{Binding, Transaction};
use actors::{ByteStream, Cx, Fault};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header;
use model::ObjectId;
use net::HttpClient;
use soap::{MessageEvent, MessageReader, MtomWriter, Parts};
use xml::XmlWriter;

/// A peer's SOAP address.
#[derive(Clone)]
pub struct SoapPeer {
    /// How people call it; in every error.
    pub name: String,
    pub url: String,
    pub http: HttpClient,
    /// Largest envelope, octets.
    pub message_octets: usize,
}

/// An answer whose attachments are in memory.
pub struct SoapAnswer {
    pub envelope: soap::Envelope,
    pub parts: Parts<Bytes>,
}

/// An answer whose first attachment is still arriving.
pub struct StreamedAnswer {
    pub envelope: soap::Envelope,
    /// Absent when there is no attachment.
    pub first: Option<(String, ByteStream)>,
}

impl SoapPeer {
    /// Sends a message and reads the whole answer. `attachment_octets` bounds the attachments together.
    ///
    /// Errors: `PeerUnavailable` when there is no answer or none that can be read; a SOAP fault becomes `Remote`.
    pub async fn exchange(
        &self,
        transaction: &Transaction,
        body: impl FnOnce(&mut XmlWriter, &MtomWriter),
        attachments: Vec<Attachment>,
        attachment_octets: u64,
        cx: &Cx,
    ) -> Result<SoapAnswer, Fault> {
        let mut reading = self.send(transaction, body, attachments, cx).await?;
        let mut envelope = None;
        let mut parts = Parts::new();
        let mut part: Option<(String, BytesMut)> = None;
        let mut total = 0;
        loop {
            match reading.next().await? {
                MessageEvent::Envelope(found) => envelope = Some(*found),
                MessageEvent::PartStart { content_id, .. } => {
                    part = Some((content_id.unwrap_or_default(), BytesMut::new()));
                }
                MessageEvent::PartData(bytes) => {
                    total += bytes.len() as u64;
                    if total > attachment_octets {
                        return Err(self.unavailable(format!("sent more than {attachment_octets} octets of documents")));
                    }
                    if let Some((_, buffer)) = &mut part {
                        buffer.extend_from_slice(&bytes);
                    }
                }
                MessageEvent::PartEnd => {
                    if let Some((id, buffer)) = part.take() {
                        parts.insert(&id, buffer.freeze());
                    }
                }
                MessageEvent::End => break,
            }
        }
        let envelope = self.checked(envelope, &reading.message_id)?;
        Ok(SoapAnswer { envelope, parts })
    }

    /// Sends a message and reads the answer up to its first attachment, which streams. Peers put the envelope first;
    /// one that does not is read whole.
    pub async fn exchange_streamed(
        &self,
        transaction: &Transaction,
        body: impl FnOnce(&mut XmlWriter, &MtomWriter),
        cx: &Cx,
    ) -> Result<StreamedAnswer, Fault> {
        let ArrivingAnswer { envelope, parts } = self.exchange_arriving(transaction, body, cx).await?;
        let Some(ArrivingParts { mut begun, reading }) = parts else {
            return Ok(StreamedAnswer { envelope, first: None });
        };
        let stream = stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading?;
            loop {
                match reading.next().await {
                    Ok(MessageEvent::PartData(bytes)) => return Some((Ok(bytes), Some(reading))),
                    Ok(MessageEvent::PartEnd | MessageEvent::End) => return None,
                    Ok(MessageEvent::Envelope(_) | MessageEvent::PartStart { .. }) => {}
                    Err(fault) => return Some((Err(fault), None)),
                }
            }
        });
        let first = Some((begun.take().unwrap_or_default(), Box::pin(stream) as ByteStream));
        Ok(StreamedAnswer { envelope, first })
    }

    /// Sends a message and reads the answer up to its first attachment; all of them are read as they arrive.
    ///
    /// Errors: as [`SoapPeer::exchange`]; `PeerUnavailable` when attachments come before the envelope that names them.
    pub async fn exchange_arriving(
        &self,
        transaction: &Transaction,
        body: impl FnOnce(&mut XmlWriter, &MtomWriter),
        cx: &Cx,
    ) -> Result<ArrivingAnswer, Fault> {
        let mut reading = self.send(transaction, body, Vec::new(), cx).await?;
        let mut envelope = None;
        loop {
            match reading.next().await? {
                MessageEvent::Envelope(found) => envelope = Some(*found),
                MessageEvent::PartStart { content_id, .. } => {
                    let envelope = self.checked(envelope, &reading.message_id)?;
                    let begun = Some(content_id.unwrap_or_default());
                    return Ok(ArrivingAnswer { envelope, parts: Some(ArrivingParts { begun, reading }) });
                }
                MessageEvent::PartData(_) | MessageEvent::PartEnd => {}
                MessageEvent::End => break,
            }
        }
        Ok(ArrivingAnswer { envelope: self.checked(envelope, &reading.message_id)?, parts: None })
    }

    async fn send(
        &self,
        transaction: &Transaction,
        body: impl FnOnce(&mut XmlWriter, &MtomWriter),
        attachments: Vec<Attachment>,
        cx: &Cx,
    ) -> Result<Reading, Fault> {
        let Binding::Soap { action, mtom: as_mtom, .. } = transaction.binding else {
            return Err(Fault::Unsupported(format!("{} over SOAP", transaction.id)));
        };
        let mtom = MtomWriter::new(cx.identifiers.uuid());
        let message_id = ObjectId::from_uuid_bytes(cx.identifiers.uuid()).to_string();
        let head = soap::Head::request(action, &message_id, &self.url);
        let envelope = soap::encode(&head, |w| body(w, &mtom));
        let mut request = self.http.post(&self.url);
        if let Some(traceparent) = &cx.traceparent {
            request = request.header("traceparent", traceparent);
        }
        let request =
            if as_mtom {
                request
                    .header(header::CONTENT_TYPE, mtom.content_type(action))
                    .body(reqwest::Body::wrap_stream(attach(mtom, envelope, attachments)))
            } else {
                request.header(header::CONTENT_TYPE, soap::plain_content_type(action)).body(envelope)
            };
        let response = self.http.send(request).await.map_err(|e| self.unavailable(e.to_string()))?;
        let status = response.status();
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let limits = soap::Limits { envelope_octets: self.message_octets, ..soap::Limits::default() };
        let reader = MessageReader::new(content_type, limits)
            .map_err(|e| self.unavailable(format!("answered HTTP {} with `{content_type}`: {e}", status.as_u16())))?;
        Ok(Reading { peer: self.name.clone(), reader, response, message_id })
    }

    fn checked(&self, envelope: Option<soap::Envelope>, message_id: &str) -> Result<soap::Envelope, Fault> {
        let envelope = envelope.ok_or_else(|| self.unavailable("sent no SOAP envelope first".into()))?;
        envelope.check_response(message_id, &[(soap::names::WSSE, "Security")]).map_err(|fault| Fault::Remote {
            peer: self.name.clone(),
            code: format!("SOAP fault {}", fault.code.as_str()),
            context: fault.reason.clone(),
            location: None,
            transient: fault.code == soap::FaultCode::Receiver,
        })?;
        Ok(envelope)
    }

    pub fn unavailable(&self, reason: String) -> Fault {
        Fault::PeerUnavailable { peer: self.name.clone(), reason }
    }
}

/// An answer whose attachments are still arriving.
pub struct ArrivingAnswer {
    pub envelope: soap::Envelope,
    /// Absent when there is no attachment.
    pub parts: Option<ArrivingParts>,
}

/// Attachments in the order in which the peer sends them.
pub struct ArrivingParts {
    /// Content-ID of the part whose beginning was read and not told yet.
    begun: Option<String>,
    reading: Reading,
}

impl ArrivingParts {
    /// The next event: `PartStart`, `PartData`, `PartEnd`, and `End` at last.
    pub async fn next(&mut self) -> Result<MessageEvent, Fault> {
        match self.begun.take() {
            Some(id) => Ok(MessageEvent::PartStart { content_id: Some(id), content_type: None }),
            None => self.reading.next().await,
        }
    }
}

/// An answer being read.
struct Reading {
    peer: String,
    reader: MessageReader,
    response: reqwest::Response,
    message_id: String,
}

impl Reading {
    async fn next(&mut self) -> Result<MessageEvent, Fault> {
        let unavailable = |peer: &str, reason: String| Fault::PeerUnavailable { peer: peer.to_owned(), reason };
        loop {
            let event = self.reader.next_event();
            if let Some(event) = event.map_err(|e| unavailable(&self.peer, format!("sent a bad message: {e}")))? {
                return Ok(event);
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => {
                    self.reader.feed(bytes).map_err(|e| unavailable(&self.peer, format!("sent a bad message: {e}")))?;
                }
                Ok(None) => self.reader.finish(),
                Err(error) => return Err(unavailable(&self.peer, format!("broke off its answer: {error}"))),
            }
        }
    }
}
