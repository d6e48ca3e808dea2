//! Messages made to exhaust whoever reads them: each is refused within a bound of memory, and the time it took is printed
//! (with `MANIFOLD_TIMED=1`, which wants an optimised build, it is asserted too: the processor's time, where the system
//! tells it, so that a busy machine does not fail the run).

use crate::{alone, peak};
use bytes::Bytes;
use soap::{MessageEvent, MessageReader};
use std::time::{Duration, Instant};

const MOST_OCTETS: usize = 64 << 20;
const LONGEST: Duration = Duration::from_millis(100);

/// As a node reads: 16 MiB for an envelope.
fn limits() -> soap::Limits {
    transactions::edge::soap_server::request_limits(16 << 20)
}

/// Reads pieces of a message until it is refused or understood; the envelope's own refusal counts.
fn read(content_type: &str, pieces: impl Iterator<Item = Bytes>) -> Result<(), String> {
    let mut reader = MessageReader::new(content_type, limits()).map_err(|e| e.to_string())?;
    let mut pieces = pieces.fuse();
    loop {
        match reader.next_event().map_err(|e| e.to_string())? {
            Some(MessageEvent::Envelope(envelope)) => {
                let body = envelope.body();
                ebxml::decode_submission(&body).map_err(|findings| findings[0].to_string())?;
            }
            Some(MessageEvent::End) => return Ok(()),
            Some(_) => {}
            None => match pieces.next() {
                Some(piece) => reader.feed(piece).map_err(|e| e.to_string())?,
                None => reader.finish(),
            },
        }
    }
}

/// How long this thread has had a processor. Linux tells; the first number is nanoseconds.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

fn refused(what: &str, content_type: &str, pieces: impl Iterator<Item = Bytes>) -> String {
    let (started, before) = (Instant::now(), on_processor());
    let (result, octets) = peak(|| read(content_type, pieces));
    let took = match (before, on_processor()) {
        (Some(before), Some(after)) => after - before,
        _ => started.elapsed(),
    };
    let reason = result.expect_err("a bomb was taken for a message");
    eprintln!("{what}: refused after {took:?} and {} KiB: {reason}", octets / 1024);
    assert!(octets <= MOST_OCTETS, "{what} allocated {octets} octets");
    if std::env::var_os("MANIFOLD_TIMED").is_some() {
        assert!(took <= LONGEST, "{what} took {took:?}");
    }
    reason
}

const PLAIN: &str = "application/soap+xml; charset=UTF-8";
const HEAD: &str = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
    <s:Header><a:Action>urn:ihe:iti:2007:RegisterDocumentSet-b</a:Action></s:Header><s:Body>\
    <lcm:SubmitObjectsRequest xmlns:lcm=\"urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0\" xmlns:rim=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\">\
    <rim:RegistryObjectList><rim:ExtrinsicObject id=\"d\">";
const TAIL: &str = "</rim:ExtrinsicObject></rim:RegistryObjectList></lcm:SubmitObjectsRequest></s:Body></s:Envelope>";

/// The same piece again and again between two others, never together in memory.
fn repeated(head: &str, piece: &str, times: usize, tail: &str) -> impl Iterator<Item = Bytes> + use<> {
    let at_once = (64 * 1024 / piece.len()).max(1);
    let block = Bytes::from(piece.repeat(at_once));
    let last = Bytes::from(piece.repeat(times % at_once));
    std::iter::once(Bytes::from(head.to_owned()))
        .chain(std::iter::repeat_n(block, times / at_once))
        .chain([last, Bytes::from(tail.to_owned())])
}

fn once(text: String) -> impl Iterator<Item = Bytes> {
    std::iter::once(Bytes::from(text))
}

#[test]
fn external_and_expanding_entities() {
    let _turn = alone();
    let external = format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{HEAD}&e;{TAIL}");
    assert!(refused("XXE", PLAIN, once(external)).to_lowercase().contains("dtd"));
    let mut laughs = String::from("<!DOCTYPE x [<!ENTITY a0 \"ha\">");
    for n in 1..30 {
        laughs += &format!("<!ENTITY a{n} \"&a{0};&a{0};&a{0};&a{0};&a{0};&a{0};&a{0};&a{0};\">", n - 1);
    }
    refused("a billion laughs", PLAIN, once(format!("{laughs}]>{HEAD}&a29;{TAIL}")));
    refused("an entity nobody declared", PLAIN, once(format!("{HEAD}&a29;{TAIL}")));
}

#[test]
fn too_much_xml() {
    let _turn = alone();
    for (what, slot) in [
        ("10^6 slots", "<rim:Slot name=\"a\"><rim:ValueList/></rim:Slot>"),
        ("10^6 small slots", "<rim:Slot/>"),
        ("10^6 empty elements", "<a/>"),
    ] {
        refused(what, PLAIN, repeated(HEAD, slot, 1_000_000, TAIL));
    }
    // As many as fit below the limit of an envelope, so that nothing but the slots themselves is to blame.
    let fit = (15 << 20) / "<rim:Slot name=\"a\"/>".len();
    refused("slots to the envelope's limit", PLAIN, repeated(HEAD, "<rim:Slot name=\"a\"/>", fit, TAIL));
    // As many as are built into a tree.
    refused("slots to the limit of nodes", PLAIN, repeated(HEAD, "<rim:Slot name=\"a\"/>", 124_000, TAIL));
    refused(
        "a value without end",
        PLAIN,
        repeated(&format!("{HEAD}<rim:Slot name=\"a\"><rim:ValueList><rim:Value>"), "a", 40 << 20, TAIL),
    );
    refused("elements a million deep", PLAIN, repeated(HEAD, "<a>", 1_000_000, TAIL));
    refused("a million attributes", PLAIN, repeated(&format!("{HEAD}<a "), "b=\"\" ", 1_000_000, "/>"));
    let namespaces: String = (0..20_000).map(|n| format!("xmlns:n{n}=\"urn:x:{n}\" ")).collect();
    refused("namespaces", PLAIN, once(format!("{HEAD}<a {namespaces}/>{TAIL}")));
}

#[test]
fn too_much_mime() {
    let _turn = alone();
    let mtom = "multipart/related; boundary=\"b\"; type=\"application/xop+xml\"; start-info=\"application/soap+xml\"";
    let part = "--b\r\nContent-ID: <x>\r\n\r\n\r\n";
    let elsewhere = format!("{mtom}; start=\"<root>\"");
    refused("a million parts", &elsewhere, repeated("", part, 1_000_000, "--b--\r\n"));
    refused("a header without end", mtom, repeated("--b\r\nContent-ID: <", "x", 40 << 20, ">\r\n\r\n"));
    refused("headers without number", mtom, repeated("--b\r\n", "X-A: b\r\n", 2_000_000, "\r\n--b--"));
    refused("a preamble without end", mtom, repeated("", "a", 64 << 20, "--b\r\n"));
    refused(
        "an envelope without end in a part",
        mtom,
        repeated("--b\r\nContent-Type: application/xop+xml\r\n\r\n<a>", "a", 40 << 20, "--b--"),
    );
}
