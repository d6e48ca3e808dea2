//! SOAP on the server side: one path, many transactions told apart by action; attachments go to disk while they arrive.
//! Source: ITI TF-2 Appendix V; spec/xds.md sections 3-5.

use super::soap_replies::{AsyncReplies, Destination};
use super::spooling::{Spooled, Spooling};
use super::{Edge, wsdl};
use crate::{Binding, Transaction};
use actors::spool::Spool;
use actors::{BoxFuture, ByteStream, Cx, DocumentContent, Fault};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::{HeaderValue, StatusCode, Uri, header};
use model::ObjectId;
use soap::{MessageEvent, MessageReader, MtomWriter, Packaging, Parts};
use std::sync::Arc;
use xml::XmlWriter;

/// One transaction's server side.
pub trait SoapTransaction: Send + Sync {
    fn transaction(&self) -> &'static Transaction;

    /// Answers a message whose envelope, addressing and action are checked.
    ///
    /// Errors: a SOAP fault only for what cannot be read as this transaction at all; everything about metadata, queries
    /// and documents is a reply.
    fn respond<'a>(&'a self, request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>>;
}

pub struct SoapRequest {
    pub envelope: soap::Envelope,
    pub packaging: Packaging,
    /// Attachments by Content-ID: small ones in memory, others in the blob store.
    pub parts: Parts<DocumentContent>,
    /// Why an attachment is not among `parts` although it came: there is no room for it.
    pub no_room: Option<Fault>,
}

/// Writes the content of `soap:Body`; attachment `n` (from 1) is referred to as `mtom.content_id(n)`.
pub type WriteBody = Box<dyn FnOnce(&mut XmlWriter, &MtomWriter) + Send>;

/// Writes the next piece of `soap:Body`; false after the last.
pub type WritePiece = Box<dyn FnMut(&mut XmlWriter) -> bool + Send>;

pub struct SoapReply {
    pub body: WriteBody,
    /// What follows `body` piece by piece, so that a long answer is never in memory as a whole. Elements that `body` left
    /// open are closed at the end. Not together with attachments.
    pub pieces: Option<WritePiece>,
    pub attachments: Vec<Attachment>,
}

impl SoapReply {
    pub fn of(body: impl FnOnce(&mut XmlWriter) + Send + 'static) -> Self {
        SoapReply { body: Box::new(move |w, _| body(w)), pieces: None, attachments: Vec::new() }
    }
}

/// A document beside the envelope.
pub struct Attachment {
    pub content_type: String,
    pub body: ByteStream,
}

/// XML nodes of a request: more than a thousand entries fit; what is larger would be a tree of many times its size in memory.
const MOST_NODES: usize = 250_000;

/// Bounds on a request with an envelope of at most so many octets.
pub fn request_limits(envelope_octets: usize) -> soap::Limits {
    let limits = soap::Limits::default();
    soap::Limits { envelope_octets, xml: xml::Limits { nodes: MOST_NODES, ..limits.xml }, ..limits }
}

/// The transactions served at one path. `spool` takes attachments; absent means that none is expected.
pub struct SoapEndpoint {
    pub edge: Edge,
    pub transactions: Vec<Arc<dyn SoapTransaction>>,
    pub spool: Option<Arc<dyn Spool>>,
    /// What peers post to, as the WSDL tells them: the public URL and the path.
    pub address: String,
    /// Where answers may be posted that a request does not wait for.
    pub replies: AsyncReplies,
}

impl SoapEndpoint {
    pub fn router(self, path: &str) -> Router {
        let endpoint = Arc::new(self);
        let shared = endpoint.clone();
        let answer = move |request: Request| {
            let endpoint = shared.clone();
            async move { endpoint.answer(request).await }
        };
        let described = endpoint.clone();
        let at = path.to_owned();
        let describe = move |uri: Uri| async move { described.describe(&at, uri.query().unwrap_or_default()) };
        Router::new().route(path, post(answer).get(describe))
    }

    /// GET: the WSDL and its schemas, and for anything else what this address is.
    fn describe(&self, path: &str, query: &str) -> Response {
        const XML: &str = "text/xml; charset=utf-8";
        if query.eq_ignore_ascii_case("wsdl") {
            let served = self.transactions.iter().map(|t| t.transaction());
            return respond(StatusCode::OK, XML, Body::from(wsdl::wsdl(path, &self.address, served)));
        }
        if let Some(schema) = query.strip_prefix("xsd=").and_then(wsdl::schema) {
            return respond(
                StatusCode::OK,
                XML,
                Body::from(schema.replace("\"?xsd=", &format!("\"{}?xsd=", self.address))),
            );
        }
        let text = format!("SOAP 1.2 is posted here; {}?wsdl describes it\n", self.address);
        let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", Body::from(text));
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        response
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let mut spooled = Spooled::new(self.spool.clone());
        let outcome = self.exchange(content_type, body, &mut spooled, &cx).await;
        spooled.release().await;
        match outcome {
            Ok(response) => response,
            Err(Refused { fault, packaging, relates_to }) => {
                tracing::warn!(request_id = cx.request_id, fault = %fault, "SOAP request refused");
                let message = soap::package(
                    packaging,
                    fault.action(),
                    self.edge.identifiers.uuid(),
                    fault.encode(relates_to.as_deref()),
                );
                let status = StatusCode::from_u16(fault.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                respond(status, &message.content_type, Body::from(message.body))
            }
        }
    }

    async fn exchange(
        &self,
        content_type: &str,
        body: Body,
        spooled: &mut Spooled,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        let limits = request_limits(self.edge.message_octets);
        let reader = MessageReader::new(content_type, limits).map_err(|e| Refused::of(e.fault(), Packaging::Plain))?;
        // Deviation: where the framework wants MTOM a plain message is read too, with its documents inside, because clients
        // without MTOM are common; the answer is plain then as well.
        let packaging = reader.packaging();
        let request = self.receive(reader, body, spooled).await.map_err(|fault| Refused::of(fault, packaging))?;
        let relates_to = request.envelope.message_id().map(str::to_owned);
        let refused = |fault| Refused { fault, packaging, relates_to: relates_to.clone() };
        request.envelope.check_request(&[(soap::names::WSSE, "Security")]).map_err(refused)?;
        let action = request.envelope.action().unwrap_or_default().to_owned();
        let found = self.transactions.iter().find(|t| actions(t.transaction()).0 == action);
        let transaction = found.ok_or_else(|| refused(soap::Fault::action_not_supported(&action)))?;
        let response_action = actions(transaction.transaction()).1;
        let destination = self.replies.destination(request.envelope.addressing()).map_err(refused)?;
        let outcome = transaction.respond(request, cx).await;
        let Some(destination) = destination else {
            let head = soap::Head::response(response_action, relates_to.as_deref());
            let packed = self.pack(packaging, &head, outcome.map_err(refused)?, &cx.request_id);
            return Ok(respond(StatusCode::OK, &packed.content_type, packed.body));
        };
        // What was asked for is done, and durable, before the request is accepted.
        self.post(destination, packaging, response_action, relates_to.as_deref(), outcome, cx);
        Ok(respond_empty(StatusCode::ACCEPTED))
    }

    /// Posts an answer in the background to where the request wants it.
    fn post(
        &self,
        destination: Destination,
        packaging: Packaging,
        response_action: &str,
        relates_to: Option<&str>,
        outcome: Result<SoapReply, soap::Fault>,
        cx: &Cx,
    ) {
        let message_id = ObjectId::from_uuid_bytes(self.edge.identifiers.uuid()).to_string();
        let address = match &outcome {
            Ok(_) => &destination.reply_to,
            Err(_) => &destination.fault_to,
        };
        // Nobody wants to know.
        let Some(address) = address.clone() else { return };
        let addressed = |action| soap::Head {
            message_id: Some(&message_id),
            to: Some(&address.url),
            ..soap::Head::response(action, relates_to)
        };
        let packed = match outcome {
            Ok(reply) => self.pack(packaging, &addressed(response_action), reply, &cx.request_id),
            Err(fault) => {
                let envelope = fault.encode_with(&addressed(fault.action()));
                let message = soap::package(packaging, fault.action(), self.edge.identifiers.uuid(), envelope);
                Packed { content_type: message.content_type, body: Body::from(message.body) }
            }
        };
        let request_id = cx.request_id.clone();
        tokio::spawn(async move { address.post(&packed.content_type, packed.body, &request_id).await });
    }

    /// Reads the message: the envelope into memory, attachments into memory while small and into the spool beyond.
    async fn receive(
        &self,
        mut reader: MessageReader,
        body: Body,
        spooled: &mut Spooled,
    ) -> Result<SoapRequest, soap::Fault> {
        let packaging = reader.packaging();
        let mut data = body.into_data_stream();
        let mut envelope = None;
        let mut parts = Parts::new();
        let mut part: Option<(String, Spooling)> = None;
        let mut no_room_for = None;
        loop {
            let event = reader.next_event().map_err(|e| e.fault())?;
            match event {
                None => match data.next().await {
                    Some(Ok(bytes)) => reader.feed(bytes).map_err(|e| e.fault())?,
                    Some(Err(_)) => return Err(soap::Fault::sender("the request broke off before its end")),
                    None => reader.finish(),
                },
                Some(MessageEvent::Envelope(found)) => envelope = Some(*found),
                Some(MessageEvent::PartStart { content_id, .. }) => {
                    part = Some((content_id.unwrap_or_default(), Spooling::Memory(BytesMut::new())));
                }
                Some(MessageEvent::PartData(bytes)) => {
                    if let Some((_, spooling)) = &mut part {
                        spooling.write(bytes, self.spool.as_ref(), self.edge.document_octets).await?;
                    }
                }
                Some(MessageEvent::PartEnd) => {
                    if let Some((id, spooling)) = part.take() {
                        match spooling.finish().await? {
                            Ok(content) => {
                                spooled.keep(&content);
                                parts.insert(&id, content);
                            }
                            // The rest of the message is read all the same, so that the answer is the transaction's.
                            Err(fault) => no_room_for = Some(fault),
                        }
                    }
                }
                Some(MessageEvent::End) => break,
            }
        }
        let envelope = envelope.ok_or_else(|| soap::Fault::sender("expected a SOAP envelope, got none"))?;
        Ok(SoapRequest { envelope, packaging, parts, no_room: no_room_for })
    }

    fn pack(&self, packaging: Packaging, head: &soap::Head, reply: SoapReply, request_id: &str) -> Packed {
        let mtom = MtomWriter::new(self.edge.identifiers.uuid());
        let action = head.action;
        let mut envelope = soap::begin(head);
        (reply.body)(&mut envelope, &mtom);
        if let Some(mut pieces) = reply.pieces {
            let more = write_pieces(&mut envelope, &mut pieces);
            if more && packaging == Packaging::Plain {
                let content_type = soap::plain_content_type(action);
                return Packed { content_type, body: streamed(envelope, pieces) };
            }
            while more && write_pieces(&mut envelope, &mut pieces) {}
        }
        let envelope = envelope.finish();
        if packaging == Packaging::Plain && reply.attachments.is_empty() {
            return Packed { content_type: soap::plain_content_type(action), body: Body::from(envelope) };
        }
        let content_type = mtom.content_type(action);
        let body = attach(mtom, envelope, reply.attachments);
        let request_id = request_id.to_owned();
        let body = body.inspect(move |item| {
            if let Err(fault) = item {
                tracing::error!(request_id, ?fault, "an answer broke off");
            }
        });
        Packed { content_type, body: Body::from_stream(body) }
    }
}

/// An answer ready to be sent.
struct Packed {
    content_type: String,
    body: Body,
}

/// An answer is sent as it is written, in pieces of this size; a shorter one has a Content-Length.
const PIECE_OCTETS: usize = 64 * 1024;

/// Writes until there is a piece to send; false when the answer is complete.
fn write_pieces(w: &mut XmlWriter, pieces: &mut WritePiece) -> bool {
    let limit = w.len() + PIECE_OCTETS;
    while w.len() < limit {
        if !pieces(w) {
            return false;
        }
    }
    true
}

fn streamed(mut envelope: XmlWriter, pieces: WritePiece) -> Body {
    let first = envelope.take();
    let rest = stream::unfold(Some((envelope, pieces)), |state| async move {
        let (mut envelope, mut pieces) = state?;
        let more = write_pieces(&mut envelope, &mut pieces);
        Some(if more { (envelope.take(), Some((envelope, pieces))) } else { (envelope.finish(), None) })
    });
    let first = stream::once(async move { first });
    Body::from_stream(first.chain(rest).map(|piece| Ok::<_, std::convert::Infallible>(Bytes::from(piece))))
}

/// The octets of an MTOM message: root part, then each attachment as it comes, then the end.
pub(super) fn attach(
    mtom: MtomWriter,
    envelope: Vec<u8>,
    attachments: Vec<Attachment>,
) -> impl futures_util::Stream<Item = Result<Bytes, Fault>> + Send + 'static {
    let piece = |bytes: Vec<u8>| stream::once(async move { Ok(Bytes::from(bytes)) });
    let root = piece(mtom.root(&envelope));
    let close = piece(mtom.close());
    let documents = attachments.into_iter().enumerate().map(move |(n, attachment)| {
        let head = mtom.part(n + 1, &attachment.content_type);
        stream::once(async move { Ok(Bytes::from(head)) }).chain(attachment.body)
    });
    root.chain(stream::iter(documents).flatten()).chain(close)
}

/// A fault with what is needed to send it.
struct Refused {
    fault: soap::Fault,
    packaging: Packaging,
    relates_to: Option<String>,
}

impl Refused {
    fn of(fault: soap::Fault, packaging: Packaging) -> Self {
        Refused { fault, packaging, relates_to: None }
    }
}

fn actions(transaction: &Transaction) -> (&'static str, &'static str) {
    match transaction.binding {
        Binding::Soap { action, response_action, .. } => (action, response_action),
        Binding::Http { .. } | Binding::Dimse { .. } | Binding::Mllp { .. } => ("", ""),
    }
}

fn respond_empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn respond(status: StatusCode, content_type: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}
