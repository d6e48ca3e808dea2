//! Tests of SOAP messages: envelopes, faults, packaging, and the messages of real peers.

use std::path::Path;

use bytes::Bytes;
use soap::{DecodeError, Envelope, Limits, MessageReader, Parts};

mod envelope;
mod fault;
mod header_include;
mod message;
mod peers;
mod roundtrip;
mod xop;

/// An envelope around header blocks and a body.
fn soap12(header: &str, body: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

fn decode(text: &str) -> Result<Envelope, DecodeError> {
    Envelope::decode(text.as_bytes(), None, xml::Limits::default())
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Splits a captured HTTP request into its Content-Type and body.
fn http(message: &[u8]) -> (String, Bytes) {
    let text = String::from_utf8_lossy(message);
    let (head, _) =
        text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n")).or_else(|| text.split_once("\n \n")).unwrap();
    let body = message[head.len()..].trim_ascii_start();
    let content_type = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().starts_with("content-type:").then(|| line[13..].trim().to_owned()))
        .unwrap();
    (content_type, Bytes::copy_from_slice(body))
}

/// Reads a message in pieces; the answer must be the same in any.
fn read(content_type: &str, body: &[u8]) -> Result<(Envelope, Parts<Bytes>), DecodeError> {
    let whole = MessageReader::read_all(content_type, Bytes::copy_from_slice(body), Limits::default());
    for size in [1, 17, 1000] {
        let pieces = message::in_pieces(content_type, body, size, Limits::default());
        match (&whole, pieces) {
            (Ok((envelope, parts)), Ok((other, others))) => {
                assert_eq!(envelope.document().source(), other.document().source());
                assert!(parts.iter().eq(others.iter()));
            }
            (Err(error), Err(other)) => assert_eq!(error, &other),
            (whole, pieces) => panic!("{whole:?} at once, {pieces:?} in pieces of {size}"),
        }
    }
    whole
}
