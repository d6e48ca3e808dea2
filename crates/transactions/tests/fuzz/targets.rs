//! The targets: SOAP, MTOM, ebRIM and stored queries.

use crate::{alone, peak};
use bytes::Bytes;
use soap::{MessageEvent, MessageReader};
use std::path::Path;
use testkit::fuzz::{Corpus, Random, Runs};

/// In `check`; `deep` has many more.
const RUNS: u64 = 20_000;

/// What a mutant of at most 64 KiB may make a decoder allocate: the tree of the densest XML there is, and copies of it.
const MOST_OCTETS: usize = 16 << 20;

const WORDS: &[&str] = &[
    "&amp;",
    "&#0;",
    "&#xFFFF;",
    "&lt;",
    "<!DOCTYPE x [<!ENTITY a \"b\">]>",
    "<![CDATA[",
    "]]>",
    "<?xml version=\"1.1\"?>",
    "xmlns=\"\"",
    "xmlns:rim=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\"",
    "urn:uuid:",
    "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1",
    "urn:oid:2.999.1",
    "urn:ihe:iti:xds:2013:referenceIdList",
    "^^^&amp;2.999.7&amp;ISO",
    "^^^^urn:ihe:iti:xds:2013:accession",
    "('",
    "')",
    "','",
    "''",
    "%",
    "_",
    "20250230",
    "99999999999999999999",
    "-1",
    "18446744073709551616",
    "Original",
    "PreviousVersion",
    "returnType=\"ObjectRef\"",
    "<rim:Slot name=\"",
    "<rim:ValueList>",
    "</rim:Value>",
    "<xop:Include href=\"cid:",
    "cid:%",
    "quoted-printable",
    "base64",
    "\r\n--",
    "--\r\n",
    "Content-Type: ",
    "Content-ID: <",
    "\u{feff}",
    "\u{202e}",
];

fn folder(relative: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(relative);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a fixture")).collect()
}

/// Bodies of every transaction, ours and other systems'.
fn bodies() -> Vec<Vec<u8>> {
    let all = [folder("wire/ebxml/fixtures/made"), folder("wire/ebxml/fixtures/peer")].concat();
    assert!(all.len() > 20, "the fixtures have moved");
    all
}

fn enveloped(action: &str, body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let body = text.split_once("?>").filter(|_| text.starts_with("<?xml")).map_or(&*text, |(_, rest)| rest);
    format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>\
         <a:Action s:mustUnderstand=\"1\">{action}</a:Action><a:MessageID>urn:uuid:0f6f1c0e-3f2a-4e0b-9a55-000000000001</a:MessageID>\
         <a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo></s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
    .into_bytes()
}

fn xml(bytes: &[u8]) -> Option<xml::Document> {
    xml::Document::parse(bytes, xml::Limits::default()).ok()
}

/// Everything that reads a body, on every element there is; what is understood is written again.
fn decode_all(element: &xml::Element) {
    let mut out = xml::XmlWriter::new();
    if let Ok(decoded) = ebxml::decode_submission(element) {
        let _ = decoded.value.validate();
        ebxml::encode_submission(&decoded.value, &mut out);
    }
    if let Ok(decoded) = ebxml::decode_update(element) {
        ebxml::encode_update(&decoded.value, &mut out);
    }
    if let Ok(decoded) = ebxml::decode_provide(element) {
        for document in &decoded.value.documents {
            let _ = document.content.octets();
        }
    }
    if let Ok(query) = ebxml::decode_query(element) {
        ebxml::encode_query(&query, &mut out);
    }
    if let Ok(response) = ebxml::decode_query_response(element) {
        ebxml::encode_query_response(&response, &mut out);
    }
    if let Ok(requests) = ebxml::decode_retrieve_request(element) {
        ebxml::encode_retrieve_request(&requests, &mut out);
    }
    let _ = ebxml::decode_retrieve_response(element);
    let _ = ebxml::decode_registry_response(element);
    let _ = ebxml::decode_remove_objects(element);
    let _ = ebxml::decode_remove_documents(element);
}

/// Reads a message in pieces of random size, as a connection brings it.
fn read(content_type: &str, message: &[u8], random: &mut Random) -> Option<soap::Envelope> {
    let limits = soap::Limits { envelope_octets: 1 << 20, ..soap::Limits::default() };
    let mut reader = MessageReader::new(content_type, limits).ok()?;
    let mut rest = message;
    let mut envelope = None;
    loop {
        match reader.next_event() {
            Ok(Some(MessageEvent::Envelope(found))) => envelope = Some(*found),
            Ok(Some(MessageEvent::End)) | Err(_) => return envelope,
            Ok(Some(_)) => {}
            Ok(None) if rest.is_empty() => reader.finish(),
            Ok(None) => {
                let (piece, more) = rest.split_at((1 + random.below(4096)).min(rest.len()));
                rest = more;
                if reader.feed(Bytes::copy_from_slice(piece)).is_err() {
                    return envelope;
                }
            }
        }
    }
}

/// What the server does with an envelope before any transaction sees it.
fn look_at(envelope: &soap::Envelope) {
    if let Err(fault) = envelope.check_request(&[(soap::names::WSSE, "Security")]) {
        let _ = fault.encode(envelope.message_id());
    }
    let _ = envelope.check_response("urn:uuid:0f6f1c0e-3f2a-4e0b-9a55-000000000001", &[]);
    let body = envelope.body();
    decode_all(&body);
    for element in body.descendants().take(2000) {
        if element.name() == "Document" {
            let _ = soap::binary(element);
        }
    }
}

fn within_bounds(what: &str, work: impl FnOnce()) {
    let ((), octets) = peak(work);
    assert!(octets <= MOST_OCTETS, "{what} allocated {octets} octets for a message of at most 64 KiB");
}

#[test]
fn ebrim() {
    let _turn = alone();
    let corpus = Corpus::new(bodies(), WORDS);
    Runs::of_environment(RUNS).each(&corpus, |input, _| {
        within_bounds("ebRIM", || {
            let Some(document) = xml(input) else { return };
            decode_all(&document.root());
        });
    });
}

#[test]
fn soap_envelopes() {
    let _turn = alone();
    let actions = ["urn:ihe:iti:2007:RegistryStoredQuery", "urn:ihe:iti:2007:RegisterDocumentSet-b"];
    let messages = bodies().iter().enumerate().map(|(n, body)| enveloped(actions[n % 2], body)).collect();
    let corpus = Corpus::new(messages, WORDS);
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        let types = [
            "application/soap+xml; charset=UTF-8",
            "application/soap+xml; action=\"urn:x\"",
            "application/soap+xml; charset=UTF-16",
        ];
        let content_type = *random.choose(&types);
        within_bounds("SOAP", || {
            if let Some(envelope) = read(content_type, input, random) {
                look_at(&envelope);
            }
        });
    });
}

#[test]
fn mtom_messages() {
    let _turn = alone();
    let writer = soap::MtomWriter::new([7; 16]);
    let action = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";
    let content_type = writer.content_type(action);
    let mut messages = Vec::new();
    for body in bodies() {
        let mut message = writer.root(&enveloped(action, &body));
        message.extend(writer.part(1, "application/dicom"));
        message.extend(b"\0\x01DICM\r\n--not the end\r\n");
        message.extend(writer.part(2, "text/plain"));
        message.extend(b"Hello");
        message.extend(writer.close());
        messages.push(message);
    }
    let corpus = Corpus::new(messages, WORDS);
    let types = Corpus::new(
        vec![content_type.clone().into_bytes()],
        &["; boundary=", "\"", ";", "start=\"", "type=", "multipart/related", "=\"\\\""],
    );
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        // Mostly the right content type: a wrong one ends early.
        let content_type = match random.below(5) {
            0 => String::from_utf8_lossy(&types.mutant(random)).into_owned(),
            _ => content_type.clone(),
        };
        within_bounds("MTOM", || {
            if let Some(envelope) = read(&content_type, input, random) {
                look_at(&envelope);
            }
        });
    });
}

#[test]
fn stored_queries() {
    let _turn = alone();
    let queries: Vec<Vec<u8>> =
        bodies().into_iter().filter(|body| String::from_utf8_lossy(body).contains("AdhocQuery")).collect();
    let values = Corpus::new(
        [
            "'P1^^^&2.999.7&ISO'",
            "('a','b')",
            "('c^^s')",
            "20250101",
            "'20250101'",
            "('urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1')",
        ]
        .map(|value| value.as_bytes().to_vec())
        .to_vec(),
        WORDS,
    );
    let names = [
        "$XDSDocumentEntryPatientId",
        "$XDSDocumentEntryStatus",
        "$XDSDocumentEntryEventCodeList",
        "$XDSDocumentEntryReferenceIdList",
        "$XDSDocumentEntryCreationTimeFrom",
        "$XDSDocumentEntryType",
        "$XDSDocumentEntryEntryUUID",
        "$XDSDocumentEntryUniqueId",
        "$uuid",
        "$patientId",
        "$XDSSubmissionSetPatientId",
        "$XDSSubmissionSetStatus",
        "$XDSFolderPatientId",
        "$XDSFolderStatus",
        "$XDSFolderCodeList",
        "$AssociationTypes",
        "$XDSAssociationStatus",
        "$MetadataLevel",
        "$XDSSubmissionSetEntryUUID",
        "$XDSFolderUniqueId",
    ];
    let ids = [
        "14d4debf-8f97-4251-9a74-a90016b0af0d",
        "12941a89-e02e-4be5-967c-ce4bfc8fe492",
        "f26abbcb-ac74-4422-8a30-edb644bbc1a9",
        "958f3006-baad-4929-a4de-ff1114824431",
        "10b545ea-725c-446d-9b95-8aeb444eddf3",
        "5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4",
        "a7ae438b-4bc2-4642-93e9-be891f7bb155",
        "e8e3cb2c-e39c-46b9-99e4-c12f57260b83",
        "d90e5407-b356-4d91-a89f-873917b4b0e6",
        "3d1bdb10-39a2-11de-89c2-2f44d94eaa9f",
    ];
    let corpus = Corpus::new(queries, WORDS);
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        // Half of them are damaged requests, half are whole ones with values that are none.
        let built;
        let input = if random.below(2) == 0 {
            input
        } else {
            let mut slots = String::new();
            for _ in 0..1 + random.below(6) {
                let value = String::from_utf8_lossy(&values.mutant(random)).into_owned();
                let value = value.replace('&', "&amp;").replace('<', "&lt;").replace(|c: char| c.is_control(), " ");
                let name = random.choose(&names);
                slots += &format!(
                    "<rim:Slot name=\"{name}\"><rim:ValueList><rim:Value>{value}</rim:Value></rim:ValueList></rim:Slot>"
                );
            }
            built = format!(
                "<q:AdhocQueryRequest xmlns:q=\"{}\" xmlns:rim=\"{}\"><q:ResponseOption returnType=\"LeafClass\"/>\
                 <rim:AdhocQuery id=\"urn:uuid:{}\">{slots}</rim:AdhocQuery></q:AdhocQueryRequest>",
                ebxml::ns::QUERY,
                ebxml::ns::RIM,
                random.choose(&ids)
            );
            built.as_bytes()
        };
        within_bounds("a stored query", || {
            let Some(document) = xml(input) else { return };
            if let Ok(request) = ebxml::decode_query(&document.root()) {
                // What was understood is the same when it is written and read again.
                let mut out = xml::XmlWriter::new();
                ebxml::encode_query(&request, &mut out);
                let written = out.finish();
                let again = xml::Document::parse(&written, xml::Limits::default()).expect("what we write is XML");
                assert_eq!(ebxml::decode_query(&again.root()), Ok(request));
            }
        });
    });
}
