//! SOAP 1.2 with WS-Addressing and MTOM/XOP: bytes to envelopes and back, for both sides; the body is somebody else's.
//!
//! Implements SOAP 1.2 part 1, WS-Addressing 1.0 core and SOAP binding, MTOM, XOP, RFC 2387 and 2392, as profiled by ITI
//! TF-2 Appendix V; see spec `xds.md` 3, 4, 5, 27 and field cases B-046, B-048. No sockets, no clock, no randomness:
//! identifiers and random bytes are passed in.
//!
//! A server, in whatever pieces the body comes:
//! ```
//! use soap::{Binary, Fault, Head, MessageEvent, MessageReader, Limits, Parts};
//! # const NS: &str = "urn:ihe:iti:xds-b:2007";
//! # const ACTION: &str = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";
//! fn answer(content_type: &str, pieces: &[&[u8]], random: [u8; 16]) -> Result<soap::Message, Fault> {
//!     let mut reader = MessageReader::new(content_type, Limits::default()).map_err(|e| e.fault())?;
//!     let packaging = reader.packaging(); // answer as you were asked; refuse Plain here if you must
//!     let mut envelope = None;
//!     let mut parts: Parts<Vec<u8>> = Parts::new(); // a real server spools to disk and keeps the file here
//!     let mut part = (String::new(), Vec::new());
//!     let mut pieces = pieces.iter();
//!     loop {
//!         match reader.next_event().map_err(|e| e.fault())? {
//!             None => match pieces.next() {
//!                 Some(piece) => reader.feed(bytes::Bytes::copy_from_slice(piece)).map_err(|e| e.fault())?,
//!                 None => reader.finish(), // only when HTTP said that the body is complete
//!             },
//!             Some(MessageEvent::Envelope(found)) => envelope = Some(*found),
//!             Some(MessageEvent::PartStart { content_id, .. }) => part = (content_id.unwrap_or_default(), Vec::new()),
//!             Some(MessageEvent::PartData(bytes)) => part.1.extend_from_slice(&bytes),
//!             Some(MessageEvent::PartEnd) => parts.insert(&part.0, std::mem::take(&mut part.1)),
//!             Some(MessageEvent::End) => break,
//!         }
//!     }
//!     let envelope = envelope.ok_or_else(|| Fault::sender("expected an envelope, got none"))?;
//!     envelope.check_request(&[(soap::names::WSSE, "Security")])?; // the blocks this transaction processes
//!     if envelope.action() != Some(ACTION) {
//!         return Err(Fault::action_not_supported(envelope.action().unwrap_or_default()));
//!     }
//!     let request = envelope.body_named(NS, "ProvideAndRegisterDocumentSetRequest").map_err(|e| e.fault())?;
//!     for document in request.children_named(NS, "Document") {
//!         let _octets = match soap::binary(document).map_err(|e| e.fault())? {
//!             Binary::Inline(octets) => octets,
//!             Binary::Part(href) => parts.take(&href).ok_or_else(|| Fault::sender("no such part"))?,
//!         };
//!     }
//!     let head = Head::response("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse", envelope.message_id());
//!     let answer = soap::encode(&head, |w| {
//!         w.start("rs:RegistryResponse").ns("rs", "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0");
//!         w.attr("status", "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success").end();
//!     });
//!     Ok(soap::package(packaging, head.action, random, answer))
//! }
//! // A fault is a message too, packed as the request was:
//! let fault = answer("text/plain", &[], [0; 16]).unwrap_err();
//! let body = fault.encode(None); // or the request's MessageID, once the envelope was read
//! let (_status, _message) = (fault.http_status(), soap::package(soap::Packaging::Plain, fault.action(), [0; 16], body));
//! ```
//!
//! A client; attachments are sent between `part` and the next piece, from wherever they lie:
//! ```
//! use soap::{Head, Limits, MessageReader, MtomWriter};
//! let (random, message_id) = ([1; 16], "urn:uuid:0f6f1c0e-3f2a-4e0b-9a55-000000000001");
//! let mtom = MtomWriter::new(random);
//! let head = Head::request("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", message_id, "https://rep.example/xds");
//! let envelope = soap::encode(&head, |w| {
//!     w.start("x:ProvideAndRegisterDocumentSetRequest").ns("x", "urn:ihe:iti:xds-b:2007");
//!     w.start("x:Document").attr("id", "D1");
//!     soap::include(w, &mtom.content_id(1));
//!     w.end().end();
//! });
//! let content_type = mtom.content_type(head.action);
//! let mut body = mtom.root(&envelope);
//! body.extend(mtom.part(1, "application/pdf"));
//! body.extend(b"%PDF-1.4 ...");
//! body.extend(mtom.close());
//!
//! // The answer, here the request itself; also on HTTP 4xx and 5xx.
//! let (answer, parts) = MessageReader::read_all(&content_type, body.into(), Limits::default())?;
//! answer.check_response(message_id, &[])?; // the peer's fault, if it is one
//! assert_eq!(parts.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod encode;
mod envelope;
mod error;
mod fault;
mod header;
pub mod names;
mod reader;
mod writer;
mod xop;

pub use encode::{Head, begin, encode};
pub use envelope::{Addressing, Envelope};
pub use error::DecodeError;
pub use fault::{Fault, FaultCode, Subcode};
pub use reader::{Limits, MessageEvent, MessageReader, Packaging};
pub use writer::{Message, MtomWriter, package, plain_content_type};
pub use xop::{Binary, Href, Parts, binary, decode_base64, encode_base64, include};
