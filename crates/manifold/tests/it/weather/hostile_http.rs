//! HTTP that is no SOAP, no FHIR and no end: a clear answer or a closed connection, and others are served meanwhile.

use super::client::Client;
use super::{calm, documents, memory_peak_octets, node};
use crate::network::Files;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn open(client: &Client) -> TcpStream {
    let address = client.base().strip_prefix("http://").expect("a loopback address");
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
    stream
}

/// Sends octets as they are and reads until the other side closes or answers. Shape: what came; empty when it closed.
fn exchange(client: &Client, request: &[u8]) -> String {
    let mut stream = open(client);
    // A node that has seen enough may close while we still write.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: weather\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// A refusal in so many words, and a node that works as before.
fn check_refused(client: &Client, request: &[u8], words: &[&str]) {
    let shown = String::from_utf8_lossy(&request[..request.len().min(120)]).into_owned();
    let answer = exchange(client, request);
    assert!((400..=599).contains(&status(&answer)), "{shown}\n{answer}");
    for word in words {
        assert!(answer.to_lowercase().contains(&word.to_lowercase()), "no {word} in the answer to {shown}\n{answer}");
    }
    assert!(!answer.contains("panicked") && !answer.contains("src/"), "{answer}");
    check_alive(client);
}

fn check_alive(client: &Client) {
    assert_eq!(client.get("/health/ready").expect("an answer").0, 200);
}

const PLAIN: &str = "application/soap+xml; charset=utf-8; action=\"urn:ihe:iti:2007:RegistryStoredQuery\"";
const MTOM: &str = "multipart/related; boundary=b; type=\"application/xop+xml\"; start=\"<root>\"; \
    start-info=\"application/soap+xml\"; action=\"urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b\"";

fn envelope(action: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
         <s:Header><a:Action s:mustUnderstand=\"1\">{action}</a:Action><a:MessageID>urn:uuid:0fbfdced-6c01-4d09-a110-2201afedaa02</a:MessageID>\
         <a:To>http://weather/</a:To></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[test]
fn content_types_that_are_no_soap_are_refused() {
    let centre = node(calm(), "central");
    for path in ["/xds/registry", "/xds/repository"] {
        for content_type in ["text/plain", "application/json", "multipart/related", "", "a/b; boundary="] {
            check_refused(&centre, &post(path, content_type, b"{\"resourceType\": \"Bundle\"}"), &["content-type"]);
        }
    }
}

#[test]
fn bodies_that_are_no_message_are_refused() {
    let centre = node(calm(), "central");
    let action = "urn:ihe:iti:2007:RegistryStoredQuery";
    let bomb = format!(
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>{}",
        envelope(action, "<x>&b;</x>")
    );
    let deep = envelope(action, &format!("{}{}", "<x>".repeat(100_000), "</x>".repeat(100_000)));
    let wide = envelope(action, &format!("<x {}/>", (0..50_000).map(|n| format!("a{n}='' ")).collect::<String>()));
    let bodies: [(&str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("noise", vec![0xff; 1000]),
        ("no end", b"<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>".to_vec()),
        ("another root", b"<html/>".to_vec()),
        ("a DTD", bomb.into_bytes()),
        ("depth", deep.into_bytes()),
        ("width", wide.into_bytes()),
        ("another action", envelope("urn:nobody:serves:this", "").into_bytes()),
        ("another body", envelope(action, "<x xmlns=\"urn:x\"/>").into_bytes()),
    ];
    for (what, body) in bodies {
        let answer = exchange(&centre, &post("/xds/registry", PLAIN, &body));
        assert!((400..=599).contains(&status(&answer)), "{what}: {answer}");
        assert!(answer.contains("Fault"), "{what} gets a SOAP fault: {answer}");
        check_alive(&centre);
    }
}

#[test]
fn a_message_that_breaks_off_is_refused_and_leaves_nothing() {
    let centre = node(calm(), "central");
    let part = unfinished("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", 300_000);
    for body in [part.clone(), part[..400].to_owned(), "--b\r\n".to_owned(), "--b--\r\n".to_owned(), "prose".to_owned()]
    {
        check_refused(&centre, &post("/xds/repository", MTOM, body.as_bytes()), &["Fault"]);
    }
    // The connection ends in the middle of the attachment.
    let whole = post("/xds/repository", MTOM, part.as_bytes());
    for cut in [whole.len() / 2, whole.len() - 1] {
        let mut stream = open(&centre);
        stream.write_all(&whole[..cut]).expect("the octets go out");
        drop(stream);
    }
    check_alive(&centre);
    // And the repository takes the next document.
    let submission = documents::report("P0008", &documents::fresh_unique_id());
    centre.provide(submission, &vec![b'y'; 100_000]).expect("a document after the noise");
}

#[test]
fn heads_beyond_all_measure_end_the_connection() {
    let centre = node(calm(), "central");
    let one = format!("GET /health/ready HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(300_000));
    let many: String = (0..20_000).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = format!("GET /health/ready HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(300_000));
    let unfinished = format!("GET / HTTP/1.1\r\nX: {}", "b".repeat(1 << 20));
    for request in [one, many, long, unfinished] {
        let answer = exchange(&centre, request.as_bytes());
        assert!(answer.is_empty() || (400..=499).contains(&status(&answer)), "{answer}");
        check_alive(&centre);
    }
    for noise in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"]
    {
        // Nobody says more: what a node may wait for is over.
        let mut stream = open(&centre);
        let _ = stream.write_all(noise);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        check_alive(&centre);
    }
}

#[test]
fn many_who_speak_slowly_do_not_keep_others_out() {
    let network = calm();
    let centre = node(network, "central");
    let before = memory_peak_octets(network.process_id());
    let mut slow: Vec<TcpStream> = (0..200).map(|_| open(&centre)).collect();
    for stream in &mut slow {
        stream.write_all(b"POST /xds/registry HTTP/1.1\r\nHost: x\r\nX-").expect("the octets go out");
    }
    for stream in slow.iter_mut().take(50) {
        stream
            .write_all(b"Slow: 1\r\nContent-Type: application/soap+xml\r\nContent-Length: 4000000\r\n\r\n<")
            .expect("more");
    }
    for _ in 0..10 {
        check_alive(&centre);
    }
    let submission = documents::report("P0008", &documents::fresh_unique_id());
    centre.provide(submission, b"<report/>").expect("others are served");
    if let (Some(before), Some(after)) = (before, memory_peak_octets(network.process_id())) {
        assert!(after.saturating_sub(before) < 128 << 20, "the node grew by {} MiB", (after - before) >> 20);
    }
}

#[test]
fn whoever_goes_silent_gives_the_place_back() {
    let files = Files::write(&[]);
    let limits = [("MANIFOLD__LIMITS__HTTP_CONNECTIONS", "4"), ("MANIFOLD__LIMITS__IDLE_MS", "300")];
    let central = files.serve("central", &limits);
    let centre = Client::to(&central);
    let whole = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let no_end =
        format!("POST /xds/registry HTTP/1.1\r\nHost: x\r\nContent-Type: {PLAIN}\r\nContent-Length: 99\r\n\r\n<");
    let in_a_part = post("/xds/repository", MTOM, unfinished("urn:x", 100_000).as_bytes());
    let in_a_part = &in_a_part[..in_a_part.len() - 10];
    let beginnings: [(&str, &[u8]); 7] = [
        ("nothing", b""),
        ("one letter", b"P"),
        ("half a head", b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-"),
        ("a request and then nothing", whole.as_bytes()),
        ("half an envelope", no_end.as_bytes()),
        ("half an attachment", in_a_part),
        ("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ];
    for (what, beginning) in beginnings {
        let mut silent: Vec<TcpStream> = (0..4).map(|_| open(&centre)).collect();
        for stream in &mut silent {
            stream.write_all(beginning).expect("the octets go out");
        }
        // All places are taken; whoever comes next waits for one, and gets it while the silent ones are still there.
        assert_eq!(status(&exchange(&centre, &get("/health/ready"))), 200, "after {what}");
    }
    // A node that is asked to end does not wait for those who say nothing.
    let _silent: Vec<TcpStream> = (0..8).map(|_| open(&centre)).collect();
    central.stop();
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
}

#[test]
fn paths_and_bodies_of_the_rest_interfaces_are_refused_in_their_own_words() {
    let (centre, hospital) = (node(calm(), "central"), node(calm(), "north"));
    for path in [
        "/fhir/DocumentReference",
        "/fhir/DocumentReference?patient.identifier=%ff%fe",
        "/fhir/DocumentReference?status=current&patient.identifier=urn:oid:2.999.7%7CP0001&date=ge20xx",
        "/fhir/document/..%2f..%2f..%2fetc%2fpasswd",
        "/fhir/nothing",
    ] {
        check_refused(&centre, &get(path), &["OperationOutcome"]);
    }
    for path in [
        "/dicomweb/studies/1.2.3.4",
        "/dicomweb/studies/..%2f..%2f..%2fetc%2fpasswd",
        "/dicomweb/studies/1/series/2/instances/3",
        "/nothing/at/all",
    ] {
        check_refused(&hospital, &get(path), &[]);
    }
    check_refused(&centre, &post("/health/replay", "application/json", b"{\"id\": 1, \"more\": 2}"), &[]);
}

/// A message with an attachment of so many octets, without its end.
fn unfinished(action: &str, octets: usize) -> String {
    format!(
        "--b\r\nContent-Type: application/xop+xml; type=\"application/soap+xml\"\r\nContent-ID: <root>\r\n\r\n{}\r\n\
         --b\r\nContent-Type: application/pdf\r\nContent-ID: <one>\r\n\r\n{}",
        envelope(action, "<x/>"),
        "x".repeat(octets)
    )
}

/// The whole answer to a message of that action with an attachment to which nothing refers.
pub fn ask_with_attachment(client: &Client, path: &str, action: &str, octets: usize) -> String {
    let content_type = MTOM.replace("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", action);
    exchange(client, &post(path, &content_type, format!("{}\r\n--b--\r\n", unfinished(action, octets)).as_bytes()))
}

/// The whole answer to a message of that action with nothing in its body.
pub fn ask_with_empty_body(client: &Client, path: &str, action: &str) -> String {
    let content_type = format!("application/soap+xml; charset=utf-8; action=\"{action}\"");
    exchange(client, &post(path, &content_type, envelope(action, "").as_bytes()))
}
