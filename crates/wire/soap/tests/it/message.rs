//! Packaging: the root wherever it stands, attachments as a stream, transfer encodings, limits.

use bytes::Bytes;
use soap::{DecodeError, Envelope, FaultCode, Limits, MessageEvent, MessageReader, MtomWriter, Packaging, Parts};

use crate::{read, soap12};

/// Reads a message fed in pieces of one size.
pub fn in_pieces(
    content_type: &str,
    body: &[u8],
    size: usize,
    limits: Limits,
) -> Result<(Envelope, Parts<Bytes>), DecodeError> {
    let mut reader = MessageReader::new(content_type, limits)?;
    let mut envelope = None;
    let mut parts = Parts::new();
    let mut part = (String::new(), Vec::new());
    let mut pieces = body.chunks(size);
    loop {
        match reader.next_event()? {
            None => match pieces.next() {
                Some(piece) => reader.feed(Bytes::copy_from_slice(piece))?,
                None => reader.finish(),
            },
            Some(MessageEvent::Envelope(found)) => assert!(envelope.replace(*found).is_none()),
            Some(MessageEvent::PartStart { content_id, .. }) => part = (content_id.unwrap_or_default(), Vec::new()),
            Some(MessageEvent::PartData(data)) => {
                assert!(!data.is_empty());
                part.1.extend_from_slice(&data);
            }
            Some(MessageEvent::PartEnd) => parts.insert(&part.0, Bytes::from(std::mem::take(&mut part.1))),
            Some(MessageEvent::End) => break,
        }
    }
    assert!(matches!(reader.next_event(), Ok(None)));
    Ok((envelope.expect("an envelope before the end"), parts))
}

const MTOM: &str = r#"multipart/related; boundary=b; type="application/xop+xml"; start="<root@x>"; start-info="application/soap+xml"; action="urn:act""#;

fn root() -> String {
    let envelope = soap12("<a:MessageID>m</a:MessageID>", "<d/>");
    format!("--b\r\nContent-Type: application/xop+xml\r\nContent-ID: <root@x>\r\n\r\n{envelope}\r\n")
}

fn part(id: &str, content: &str) -> String {
    format!("--b\r\nContent-ID: <{id}>\r\nContent-Type: a/b\r\n\r\n{content}\r\n")
}

fn listed(parts: &Parts<Bytes>) -> Vec<(&str, &[u8])> {
    parts.iter().map(|(id, content)| (id, content.as_ref())).collect()
}

#[test]
fn the_root_is_found_by_start_wherever_it_stands() {
    let (one, two) = (part("1", "one"), part("2", "two\r\n"));
    let expected: [(&str, &[u8]); 2] = [("1", b"one"), ("2", b"two\r\n")];
    for order in [root() + &one + &two, one.clone() + &root() + &two, one.clone() + &two + &root()] {
        for start in ["<root@x>", "root@x"] {
            let content_type = MTOM.replace("<root@x>", start);
            let (envelope, parts) = read(&content_type, (order.clone() + "--b--").as_bytes()).unwrap();
            assert_eq!((envelope.action(), envelope.message_id()), (Some("urn:act"), Some("m")));
            assert_eq!(listed(&parts), expected);
        }
    }
}

#[test]
fn without_start_the_first_part_is_the_root() {
    let content_type = MTOM.replace("start=\"<root@x>\";", "");
    let (_, parts) = read(&content_type, (root() + &part("1", "") + "--b--").as_bytes()).unwrap();
    assert_eq!(listed(&parts), [("1", &b""[..])]);
    let anonymous = root().replace("Content-ID: <root@x>\r\n", "");
    assert!(read(&content_type, (anonymous + "--b--").as_bytes()).is_ok());
    assert!(read(&content_type, (part("1", "") + &root() + "--b--").as_bytes()).is_err());
}

#[test]
fn a_start_that_names_no_part_says_what_there_was() {
    let content_type = MTOM.replace("root@x", "nobody");
    let error = read(&content_type, (root() + &part("1", "") + "--b--").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "mime packaging: expected a root part with Content-ID <nobody>, got <root@x>, <1>");
    assert_eq!(error.fault().code, FaultCode::Sender);
    let none = read(&content_type, b"--b--").unwrap_err();
    assert!(none.to_string().ends_with("got no part"), "{none}");
}

#[test]
fn transfer_encodings_of_root_and_attachments_are_undone() {
    let envelope = soap::encode_base64(soap12("", "<d/>").as_bytes());
    let body = format!(
        "--b\r\nContent-ID: <root@x>\r\nContent-Transfer-Encoding: BASE64\r\n\r\n{}\r\n{}\r\n\
         --b\r\nContent-ID: <1>\r\nContent-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n\
         --b\r\nContent-ID: <2>\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db\r\n\
         --b\r\nContent-ID: <3>\r\nContent-Transfer-Encoding: 8bit\r\n\r\n=3D\r\n--b--",
        &envelope[..50],
        &envelope[50..]
    );
    let (_, parts) = read(MTOM, body.as_bytes()).unwrap();
    assert_eq!(listed(&parts), [("1", &b"hello"[..]), ("2", b"a=b"), ("3", b"=3D")]);
    let unknown = body.replace("8bit", "x-zip");
    assert!(matches!(read(MTOM, unknown.as_bytes()), Err(DecodeError::Mime(_))));
}

#[test]
fn plain_messages_are_read_too() {
    let text = soap12("<a:MessageID>m</a:MessageID>", "<d/>");
    for content_type in
        ["application/soap+xml; charset=UTF-8; action=\"urn:act\"", "text/xml; action=urn:act", "application/xml"]
    {
        let (envelope, parts) = read(content_type, text.as_bytes()).unwrap();
        assert!(parts.is_empty());
        assert_eq!(envelope.action(), content_type.contains("action").then_some("urn:act"));
        assert_eq!(MessageReader::new(content_type, Limits::default()).unwrap().packaging(), Packaging::Plain);
    }
    let latin: Vec<u8> = soap12("", "<d>\u{E4}</d>").chars().map(|c| c as u8).collect();
    let (envelope, _) = read("application/soap+xml; charset=ISO-8859-1", &latin).unwrap();
    assert_eq!(envelope.body().text(), "ä");
}

#[test]
fn soap_1_1_is_refused_politely() {
    let text = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><b/></e:Body></e:Envelope>";
    let fault = read("text/xml; charset=utf-8", text.as_bytes()).unwrap_err().fault();
    assert_eq!(fault.code, FaultCode::VersionMismatch);
    assert!(fault.reason.contains("http://schemas.xmlsoap.org/soap/envelope/"), "{fault}");
}

#[test]
fn other_content_types_are_refused_at_once() {
    for content_type in ["application/json", "multipart/form-data; boundary=b", "text/plain"] {
        assert!(matches!(MessageReader::new(content_type, Limits::default()), Err(DecodeError::ContentType(_))));
    }
    assert!(matches!(
        MessageReader::new("multipart/related; type=\"application/xop+xml\"", Limits::default()),
        Err(DecodeError::Mime(_))
    ));
    assert!(matches!(MessageReader::new("", Limits::default()), Err(DecodeError::Mime(_))));
}

#[test]
fn what_is_cut_short_is_an_error_in_any_packaging() {
    let mtom = root() + &part("1", "one") + "--b--";
    for length in 0..mtom.len() {
        let cut = &mtom[..length];
        // A delimiter at the very end of a body that HTTP calls complete closes it.
        let closed = ["--b", "--b\r", "--b\r\n", "--b-"].iter().any(|end| cut.ends_with(&format!("\r\n{end}")));
        assert_eq!(in_pieces(MTOM, cut.as_bytes(), 1000, Limits::default()).is_ok(), closed, "{cut}");
    }
    let plain = soap12("", "<d/>");
    for length in 0..plain.len() {
        assert!(in_pieces("application/soap+xml", &plain.as_bytes()[..length], 1000, Limits::default()).is_err());
    }
}

#[test]
fn the_envelope_is_limited_the_attachments_are_not() {
    let limits = Limits { envelope_octets: soap12("<a:MessageID>m</a:MessageID>", "<d/>").len(), ..Limits::default() };
    let body = root() + &part("1", &"x".repeat(10_000)) + "--b--";
    assert!(in_pieces(MTOM, body.as_bytes(), 100, limits).is_ok());
    let smaller = Limits { envelope_octets: limits.envelope_octets - 1, ..limits };
    for size in [1, 100, 100_000] {
        let error = in_pieces(MTOM, body.as_bytes(), size, smaller).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge { limit: smaller.envelope_octets });
        let plain = soap12("<a:MessageID>m</a:MessageID>", "<d/>");
        let error = in_pieces("application/soap+xml", plain.as_bytes(), size, smaller).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge { limit: smaller.envelope_octets });
    }
}

#[test]
fn we_write_the_exact_form_of_the_specification() {
    let writer = MtomWriter::new([0x0A; 16]);
    let hex = "0a".repeat(16);
    assert_eq!(
        writer.content_type("urn:act"),
        format!(
            "multipart/related; boundary=\"MIMEBoundary_{hex}\"; type=\"application/xop+xml\"; start=\"<0.{hex}@manifold>\"; \
             start-info=\"application/soap+xml\"; action=\"urn:act\""
        )
    );
    let mut body = writer.root(b"<e/>");
    body.extend(writer.part(1, "application/pdf"));
    body.extend(b"PDF");
    body.extend(writer.close());
    assert_eq!(
        String::from_utf8(body).unwrap(),
        format!(
            "--MIMEBoundary_{hex}\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n\
             Content-Transfer-Encoding: binary\r\nContent-ID: <0.{hex}@manifold>\r\n\r\n<e/>\r\n\
             --MIMEBoundary_{hex}\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\
             Content-ID: <1.{hex}@manifold>\r\n\r\nPDF\r\n--MIMEBoundary_{hex}--\r\n"
        )
    );
    assert_eq!(soap::plain_content_type("urn:act"), "application/soap+xml; charset=UTF-8; action=\"urn:act\"");
}

#[test]
fn an_answer_without_attachments_is_packed_as_it_was_asked() {
    for packaging in [Packaging::Plain, Packaging::Mtom] {
        let message = soap::package(packaging, "urn:act", [1; 16], soap12("", "<d/>").into_bytes());
        let reader = MessageReader::new(&message.content_type, Limits::default()).unwrap();
        assert_eq!(reader.packaging(), packaging);
        let (envelope, parts) = read(&message.content_type, &message.body).unwrap();
        assert_eq!((envelope.action(), parts.len()), (Some("urn:act"), 0));
    }
}
