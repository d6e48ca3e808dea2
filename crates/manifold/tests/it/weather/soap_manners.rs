//! How SOAP is spoken, on a live node: versions, addressing, packaging, encodings and HTTP. Source: ITI TF-2 Appendix V;
//! spec/xds.md sections 3 to 5.

use super::client::Client;
use super::wire::{
    self, APPROVED, Answer, FIND_DOCUMENTS, MESSAGE_ID, PROVIDE, QUERY, REGISTRY, REPOSITORY, RETRIEVE, addressed,
    mtom_type, package, post, send, soap12,
};
use super::{calm, documents, node};
use soap::names::{ADDRESSING_FAULT, SOAP, SOAP_FAULT};
use soap::{FaultCode, Subcode};
use std::io::{Read, Write};

const RESPONSE: &str = "urn:ihe:iti:2007:RegistryStoredQueryResponse";

fn query() -> String {
    wire::stored_query(FIND_DOCUMENTS, &[("$XDSDocumentEntryPatientId", &["'P0003^^^&2.999.7&ISO'"]), APPROVED])
}

/// An answer to [`query`] as it should be.
fn check_answered(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    let envelope = answer.envelope();
    assert_eq!(envelope.action(), Some(RESPONSE), "{what}: {}", answer.text());
    assert_eq!(envelope.addressing().relates_to.as_deref(), Some(MESSAGE_ID), "{what}");
    let body = envelope.body_named(ebxml::ns::QUERY, "AdhocQueryResponse").expect("the answer of a query");
    assert_eq!(body.attr("status"), Some("urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"), "{what}");
}

#[test]
fn soap_1_1_is_refused_and_never_answered_in_1_1() {
    let centre = node(calm(), "central");
    let text = format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>{}</e:Body></e:Envelope>",
        query()
    );
    for path in [REGISTRY, REPOSITORY] {
        for content_type in ["text/xml; charset=utf-8", "application/soap+xml; charset=UTF-8"] {
            let request = post(path, &format!("{content_type}\r\nSOAPAction: \"{QUERY}\""), text.as_bytes());
            let answer = send(&centre, &request);
            assert_eq!(answer.status, 500, "{}", answer.text());
            assert!(answer.content_type().starts_with("application/soap+xml"), "{}", answer.content_type());
            let (envelope, fault) = (answer.envelope(), answer.fault());
            assert_eq!(fault.code, FaultCode::VersionMismatch);
            assert_eq!(envelope.action(), Some(SOAP_FAULT));
            let upgrade = envelope.header_block(SOAP, "Upgrade").expect("what is spoken instead");
            let supported = upgrade.child(SOAP, "SupportedEnvelope").expect("an envelope");
            assert_eq!(supported.qname(supported.attr("qname").expect("a name")), Some((Some(SOAP), "Envelope")));
        }
    }
}

#[test]
fn addressing_that_is_missing_doubled_or_of_a_draft_is_refused_by_name() {
    let centre = node(calm(), "central");
    let good = addressed(QUERY);
    let action = format!("<a:Action s:mustUnderstand=\"1\">{QUERY}</a:Action>");
    let id = format!("<a:MessageID>{MESSAGE_ID}</a:MessageID>");
    assert!(good.contains(&action) && good.contains(&id));
    let drafted = |name: &str, draft: &str| {
        good.replace(
            &format!("<a:{name}"),
            &format!("<w:{name} xmlns:w=\"http://schemas.xmlsoap.org/ws/{draft}/addressing\""),
        )
        .replace(&format!("</a:{name}>"), &format!("</w:{name}>"))
    };
    let (required, invalid) = (Subcode::MessageAddressingHeaderRequired, Subcode::InvalidAddressingHeader);
    for (what, header, subcode, word) in [
        ("no Action", good.replace(&action, ""), &required, "Action"),
        ("no MessageID", good.replace(&id, ""), &required, "MessageID"),
        ("no header block", String::new(), &required, "Action"),
        ("an empty Action", good.replace(QUERY, " "), &invalid, "Action"),
        ("two Actions", format!("{good}{action}"), &invalid, "Action"),
        ("two MessageIDs", format!("{good}{id}"), &invalid, "MessageID"),
        ("two Tos", format!("{good}<a:To>http://elsewhere/</a:To>"), &invalid, "To"),
        ("two ReplyTos", format!("{good}<a:ReplyTo><a:Address>http://x/</a:Address></a:ReplyTo>"), &invalid, "ReplyTo"),
        ("Action of 2004", drafted("Action", "2004/08"), &invalid, "2004/08"),
        ("MessageID of 2004", drafted("MessageID", "2004/08"), &invalid, "2004/08"),
        ("To of 2003", drafted("To", "2003/03"), &invalid, "2003/03"),
        ("another Action", good.replace(QUERY, "urn:nobody:serves:this"), &Subcode::ActionNotSupported, "urn:nobody"),
    ] {
        // No action in the Content-Type either.
        let request = post(REGISTRY, "application/soap+xml; charset=UTF-8", soap12(&header, &query()).as_bytes());
        let answer = send(&centre, &request);
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        let (envelope, fault) = (answer.envelope(), answer.fault());
        assert_eq!((fault.code, fault.subcode.as_ref()), (FaultCode::Sender, Some(subcode)), "{what}");
        assert_eq!(envelope.action(), Some(ADDRESSING_FAULT), "{what}");
        assert!(answer.text().contains(word), "{what}: no {word} in {}", answer.text());
        check_must_understand_action(&answer, what);
    }
    // What is not addressing's business does not disturb: no ReplyTo, one that must be understood, strange SOAPActions.
    let reply_to = "<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>";
    assert!(good.contains(reply_to));
    for (what, header) in [
        ("no ReplyTo", good.replace(reply_to, "")),
        ("ReplyTo to be understood", good.replace("<a:ReplyTo>", "<a:ReplyTo s:mustUnderstand=\"true\">")),
        ("Action without mustUnderstand", good.replace(" s:mustUnderstand=\"1\"", "")),
        ("From and FaultTo", format!("{good}<a:From><a:Address>urn:x</a:Address></a:From>")),
        ("white space", good.replace(QUERY, &format!("\r\n  {QUERY}\t"))),
        ("another block first", format!("<x:y xmlns:x=\"urn:x\"/>{good}")),
    ] {
        let content_type = "application/soap+xml; charset=UTF-8\r\nSOAPAction: \"urn:something:else\"";
        let answer = send(&centre, &post(REGISTRY, content_type, soap12(&header, &query()).as_bytes()));
        check_answered(&answer, what);
    }
}

fn check_must_understand_action(answer: &Answer, what: &str) {
    let envelope = answer.envelope();
    let action = envelope.header_block(soap::names::WSA, "Action").expect("an Action");
    assert_eq!(action.attr_ns(SOAP, "mustUnderstand"), Some("1"), "{what}");
    assert_eq!(action.text(), action.trimmed(), "{what}");
}

#[test]
fn a_header_that_must_be_understood_and_is_not_is_named() {
    let centre = node(calm(), "central");
    let blocks = "<x:Coverage xmlns:x=\"urn:example:x\" s:mustUnderstand=\"true\"/><y xmlns=\"urn:example:y\" s:mustUnderstand=\"1\"/>";
    let whole = soap12(&format!("{}{blocks}", addressed(QUERY)), &query());
    let requests = [
        ("plain", post(REGISTRY, &soap::plain_content_type(QUERY), whole.as_bytes())),
        ("MTOM", post(REPOSITORY, &mtom_type(RETRIEVE), &package(&whole.replace(QUERY, RETRIEVE), &[]))),
    ];
    for (what, request) in requests {
        let answer = send(&centre, &request);
        assert_eq!(answer.status, 500, "{what}: {}", answer.text());
        assert_eq!(answer.is_mtom(), what == "MTOM", "a fault is packed as the request was");
        let (envelope, fault) = (answer.envelope(), answer.fault());
        assert_eq!(fault.code, FaultCode::MustUnderstand, "{what}");
        assert_eq!(envelope.addressing().relates_to.as_deref(), Some(MESSAGE_ID), "{what}");
        let named: Vec<_> = envelope
            .header_blocks()
            .filter(|block| block.is(SOAP, "NotUnderstood"))
            .map(|block| {
                let (namespace, name) = block.qname(block.attr("qname").expect("a name")).expect("a bound prefix");
                (namespace.unwrap_or_default().to_owned(), name.to_owned())
            })
            .collect();
        let expected =
            [("urn:example:x", "Coverage"), ("urn:example:y", "y")].map(|(n, l)| (n.to_owned(), l.to_owned()));
        assert_eq!(named, expected, "{what}");
    }
    let other = whole.replace("s:mustUnderstand=\"true\"", "s:mustUnderstand=\"false\"").replace(
        "s:mustUnderstand=\"1\"/></s:Header>",
        "s:mustUnderstand=\"1\" s:role=\"urn:example:somebody\"/></s:Header>",
    );
    check_answered(&send(&centre, &post(REGISTRY, &soap::plain_content_type(QUERY), other.as_bytes())), "for others");
}

#[test]
fn an_answer_is_packed_and_addressed_as_its_request() {
    let centre = node(calm(), "central");
    let submission = documents::report("P0003", &documents::fresh_unique_id());
    let unique_id = submission.entries[0].unique_id.as_str();
    let bad = documents::report("P9999", &documents::fresh_unique_id());
    let provide = wire::provide(&submission);
    let there = wire::retrieve("2.999.1.1", unique_id);
    let absent = wire::retrieve("2.999.1.1", "2.25.404");
    let document: &[(&str, &[u8])] = &[("one@weather", b"<report/>")];
    let provided = format!("{PROVIDE}Response");
    let retrieved = format!("{RETRIEVE}Response");
    for (what, answer, action) in [
        ("ITI-41", wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &provide, document), provided.as_str()),
        ("ITI-41 refused", wire::ask_mtom(&centre, REPOSITORY, PROVIDE, &wire::provide(&bad), document), &provided),
        ("ITI-43", wire::ask_mtom(&centre, REPOSITORY, RETRIEVE, &there, &[]), &retrieved),
        ("ITI-43 of nothing", wire::ask_mtom(&centre, REPOSITORY, RETRIEVE, &absent, &[]), &retrieved),
        ("another body", wire::ask_mtom(&centre, REPOSITORY, RETRIEVE, "<x/>", &[]), SOAP_FAULT),
        ("another action", wire::ask_mtom(&centre, REPOSITORY, "urn:x", "<x/>", &[]), ADDRESSING_FAULT),
    ] {
        assert!(answer.is_mtom(), "{what}: {}", answer.content_type());
        check_head(&answer, action, what);
    }
    for (what, answer, action) in [
        ("ITI-18", wire::ask(&centre, REGISTRY, QUERY, &query()), RESPONSE),
        ("ITI-18 refused", wire::ask(&centre, REGISTRY, QUERY, &wire::stored_query("urn:uuid:1", &[])), RESPONSE),
        ("another body", wire::ask(&centre, REGISTRY, QUERY, "<x/>"), SOAP_FAULT),
    ] {
        assert!(answer.content_type().starts_with("application/soap+xml"), "{what}: {}", answer.content_type());
        check_head(&answer, action, what);
    }
}

fn check_head(answer: &Answer, action: &str, what: &str) {
    let envelope = answer.envelope();
    assert_eq!(envelope.action(), Some(action), "{what}");
    assert_eq!(envelope.addressing().relates_to.as_deref(), Some(MESSAGE_ID), "{what}");
    check_must_understand_action(answer, what);
    // The action is in the Content-Type as well, and the same.
    assert!(answer.content_type().contains(&format!("action=\"{action}\"")), "{what}: {}", answer.content_type());
    if answer.is_mtom() {
        for part in ["type=\"application/xop+xml\"", "start-info=\"application/soap+xml\"", "boundary=\"", "start=\"<"]
        {
            assert!(answer.content_type().contains(part), "{what}: no {part} in {}", answer.content_type());
        }
    }
}

/// Clients without MTOM publish and retrieve: a plain request is answered in plain SOAP, documents inside.
#[test]
fn a_client_without_mtom_is_answered_without_mtom() {
    let centre = node(calm(), "central");
    let submission = documents::report("P0003", &documents::fresh_unique_id());
    let octets: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    let answer = wire::ask(&centre, REPOSITORY, PROVIDE, &wire::provide_inline(&submission, &octets));
    assert!(!answer.is_mtom(), "{}", answer.content_type());
    assert_eq!(answer.errors(), []);
    let unique_id = submission.entries[0].unique_id.as_str();
    let requests = wire::document_request("2.999.1.1", unique_id) + &wire::document_request("2.999.1.1", "2.25.404");
    let body =
        wire::retrieve("2.999.1.1", unique_id).replace(&wire::document_request("2.999.1.1", unique_id), &requests);
    let answer = wire::ask(&centre, REPOSITORY, RETRIEVE, &body);
    assert!(!answer.is_mtom(), "{}", answer.content_type());
    assert_eq!(answer.response_status(), "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess");
    let envelope = answer.envelope();
    let body = envelope.body();
    let response = ebxml::decode_retrieve_response(&body).expect("an answer");
    assert_eq!(response.documents.len(), 1);
    let content = response.documents[0].content.octets().expect("inside").expect("base64");
    assert!(content == octets, "the octets of the document");
    // The same, asked for with MTOM, comes beside the envelope.
    let (envelope, parts) =
        wire::ask_mtom(&centre, REPOSITORY, RETRIEVE, &wire::retrieve("2.999.1.1", unique_id), &[]).message();
    let body = envelope.body();
    let document = body.descendants().find(|e| e.name() == "Document").expect("a document");
    let soap::Binary::Part(href) = soap::binary(document).expect("a reference") else { panic!("inline") };
    assert!(parts.get(&href).is_some_and(|part| part[..] == octets[..]));
}

#[test]
fn every_spelling_of_a_content_type_and_every_encoding_is_read() {
    let centre = node(calm(), "central");
    let whole = soap12(&addressed(QUERY), &query());
    let utf_16 = |little: bool, mark: bool| -> Vec<u8> {
        let text = format!("{}{whole}", if mark { "\u{feff}" } else { "" });
        text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    };
    let declared = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{whole}");
    let marked = format!("\u{feff}{whole}");
    for (what, content_type, body) in [
        ("as we write", soap::plain_content_type(QUERY), whole.clone().into_bytes()),
        ("no charset", "application/soap+xml".into(), whole.clone().into_bytes()),
        ("lower case", "application/soap+xml;charset=utf-8".into(), whole.clone().into_bytes()),
        ("quoted", "application/soap+xml; charset=\"UTF-8\"".into(), whole.clone().into_bytes()),
        ("upper case", "Application/SOAP+XML; CHARSET=UTF-8".into(), whole.clone().into_bytes()),
        (
            "action first",
            format!("application/soap+xml; action=\"{QUERY}\"; charset=UTF-8"),
            whole.clone().into_bytes(),
        ),
        ("bare action", format!("application/soap+xml;action={QUERY}"), whole.clone().into_bytes()),
        ("another parameter", "application/soap+xml; charset=UTF-8; profile=x".into(), whole.clone().into_bytes()),
        ("a mark", "application/soap+xml".into(), marked.into_bytes()),
        ("Latin", "application/soap+xml".into(), declared.clone().into_bytes()),
        ("Latin by charset", "application/soap+xml; charset=ISO-8859-1".into(), declared.into_bytes()),
        ("UTF-16, little end", "application/soap+xml; charset=UTF-16".into(), utf_16(true, true)),
        ("UTF-16, big end", "application/soap+xml; charset=utf-16".into(), utf_16(false, true)),
        ("UTF-16 by its mark alone", "application/soap+xml".into(), utf_16(true, true)),
        ("UTF-16LE", "application/soap+xml; charset=UTF-16LE".into(), utf_16(true, false)),
        // The transport's mistake; the document itself is clear.
        ("a charset that nobody knows", "application/soap+xml; charset=x-nobody".into(), whole.clone().into_bytes()),
    ] {
        check_answered(&send(&centre, &post(REGISTRY, &content_type, &body)), what);
    }
    for (what, body) in [
        ("an encoding that nobody knows", format!("<?xml version=\"1.0\" encoding=\"x-nobody\"?>{whole}").into_bytes()),
        ("what is no UTF-8", [whole.as_bytes(), b"\xff"].concat()),
        ("half a character", utf_16(true, true)[..whole.len() * 2 - 1].to_vec()),
    ] {
        let answer = send(&centre, &post(REGISTRY, "application/soap+xml", &body));
        assert_eq!((answer.status, answer.fault().code), (400, FaultCode::Sender), "{what}: {}", answer.text());
    }
}

#[test]
fn every_spelling_of_a_package_is_read() {
    let centre = node(calm(), "central");
    let start = "type=\"application/xop+xml\"; start=\"<root@weather>\"; start-info=\"application/soap+xml\"";
    // Content-Type; the boundary in the body; the Content-ID of the attachment as its part and the reference spell it.
    let whole = |boundary: &str| format!("multipart/related; boundary=\"{boundary}\"; {start}");
    let plain = whole("boundary");
    let id = "one@weather";
    for (what, content_type, boundary, content_id, href) in [
        ("as we write", plain.clone(), "boundary", "<one@weather>", id),
        ("another order", format!("multipart/related; {start}; boundary=boundary"), "boundary", "<one@weather>", id),
        ("upper case", format!("Multipart/Related; BOUNDARY=\"boundary\"; {start}"), "boundary", "<one@weather>", id),
        ("no start", "multipart/related; boundary=boundary".into(), "boundary", "<one@weather>", id),
        ("a bare start", plain.replace("<root@weather>", "root@weather"), "boundary", "<one@weather>", id),
        ("start-info of SOAP 1.1", plain.replace("application/soap+xml", "text/xml"), "boundary", "<one@weather>", id),
        ("no start-info", plain.replace("; start-info=\"application/soap+xml\"", ""), "boundary", "<one@weather>", id),
        (
            "an action in start-info",
            plain.replace("\"application/soap+xml\"", &format!("\"application/soap+xml; action=\\\"{PROVIDE}\\\"\"")),
            "boundary",
            "<one@weather>",
            id,
        ),
        (
            ".NET's boundary",
            whole("uuid:376733a6-6a2d-4583+id=17"),
            "uuid:376733a6-6a2d-4583+id=17",
            "<one@weather>",
            id,
        ),
        ("Java's boundary", whole("----=_Part_1.2"), "----=_Part_1.2", "<one@weather>", id),
        ("an id without brackets", plain.clone(), "boundary", "one@weather", id),
        ("an encoded reference", plain.clone(), "boundary", "<urn:ihe+one@weather>", "urn%3Aihe%2Bone%40weather"),
        ("an id that is a URL", plain.clone(), "boundary", "<http://tempuri.org/1>", "http://tempuri.org/1"),
    ] {
        let submission = documents::report("P0003", &documents::fresh_unique_id());
        let envelope =
            soap12(&addressed(PROVIDE), &wire::provide(&submission).replace("cid:one@weather", &format!("cid:{href}")));
        let body = String::from_utf8(package(&envelope, &[(id, b"<report/>")])).unwrap();
        let body = body
            .replace("--boundary", &format!("--{boundary}"))
            .replace("Content-ID: <one@weather>", &format!("Content-ID: {content_id}"));
        check_stored(&centre, &submission, &send(&centre, &post(REPOSITORY, &content_type, body.as_bytes())), what);
    }
    // Parts in any order, the root last; what is around the parts is nobody's business.
    let submission = documents::report("P0003", &documents::fresh_unique_id());
    let body = package(&soap12(&addressed(PROVIDE), &wire::provide(&submission)), &[(id, b"<report/>")]);
    let text = String::from_utf8(body).unwrap();
    let pieces: Vec<&str> = text.split("--boundary").collect();
    let turned = format!("preamble\r\n--boundary{}--boundary{}--boundary--\r\nepilogue", pieces[2], pieces[1]);
    check_stored(&centre, &submission, &send(&centre, &post(REPOSITORY, &plain, turned.as_bytes())), "root last");
}

fn check_stored(centre: &Client, submission: &model::Submission, answer: &Answer, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    assert_eq!(answer.errors(), [], "{what}");
    let repository = model::Oid::parse("2.999.1.1").unwrap();
    let stored = centre.retrieve(&repository, &submission.entries[0].unique_id);
    assert_eq!(stored.expect("the document"), b"<report/>", "{what}");
}

#[test]
fn bodies_come_in_chunks_and_after_a_question() {
    let centre = node(calm(), "central");
    let whole = soap12(&addressed(QUERY), &query());
    let head = |rest: &str| {
        format!(
            "POST {REGISTRY} HTTP/1.1\r\nhOST: weather\r\ncontent-TYPE: {}\r\nConnection: close\r\n{rest}\r\n\r\n",
            soap::plain_content_type(QUERY)
        )
    };
    for size in [1, 7, 4096] {
        let mut request = head("Transfer-Encoding: chunked").into_bytes();
        for piece in whole.as_bytes().chunks(size) {
            request.extend(format!("{:x}\r\n", piece.len()).bytes());
            request.extend(piece);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
        check_answered(&send(&centre, &request), &format!("chunks of {size}"));
    }
    // The head alone; the body follows when the node wants it.
    let mut stream = wire::open(&centre);
    let asking = head(&format!("Expect: 100-continue\r\nContent-Length: {}", whole.len()));
    stream.write_all(asking.as_bytes()).expect("the head goes out");
    let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut interim = vec![0; expected.len()];
    stream.read_exact(&mut interim).expect("an invitation");
    assert_eq!(String::from_utf8_lossy(&interim), String::from_utf8_lossy(expected));
    stream.write_all(whole.as_bytes()).expect("the body goes out");
    check_answered(&wire::read(stream), "after 100 Continue");
}
