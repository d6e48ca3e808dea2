//! Objects and associations that lie: each is answered with the right status and a word about what is wrong, and the
//! node neither grows nor falls. Source: PS3.4 Table B.2-1, PS3.8 9.3.4; design section 6.

use super::client::Client;
use super::modality::Modality;
use super::{memory_peak_octets, objects};
use crate::network::{Files, Served};
use dicom::tags;
use objects::Object;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// More than any of these tests may make the node grow.
const MOST_GROWTH: u64 = 48 << 20;

fn connect(north: &Served) -> Modality {
    Modality::connect(&north.endpoint("DIMSE"), "NORTH").expect("an association")
}

/// Sends it, expects a refusal of the A900 family whose comment holds one of these words, and shows that association and
/// node go on.
fn check_refused(sender: &mut Modality, object: &Object, words: &[&str]) {
    let answer = sender.store(object);
    assert_eq!(answer.status & 0xff00, 0xa900, "{}: {}", object.uid, answer.comment);
    assert!(words.iter().any(|word| answer.comment.contains(word)), "{}: {words:?}: {}", object.uid, answer.comment);
    // LO: what is longer is cut by the reader, so the culprit has to be within.
    assert!(answer.comment.chars().count() <= 64, "{}", answer.comment);
    assert_eq!(sender.echo(), 0);
}

#[test]
fn objects_that_lie_are_refused_by_name_and_cost_nothing() {
    let files = Files::write(&[]);
    let north = files.serve("north", &[]);
    let mut sender = connect(&north);
    let good = objects::study("hostile-good", Some("P0001"), 3);
    sender.store_all(&good[..1]);
    let before = memory_peak_octets(north.process_id());
    let uid = |key: &str| synth::uid(&format!("weather/hostile/{key}"));

    let mut truncated = objects::member("hostile-truncated", Some("P0001"), 1);
    truncated.data_set.truncate(truncated.data_set.len() - 50);
    check_refused(&mut sender, &truncated, &["(7FE0,0010)"]);

    let mut cut_in_head = objects::member("hostile-cut", Some("P0001"), 1);
    cut_in_head.data_set.truncate(101);
    check_refused(&mut sender, &cut_in_head, &["(0008,"]);

    let noise = b"%PDF-1.7 this is no data set at all, however long one looks at it".repeat(20);
    let noise = Object { study: uid("study"), uid: uid("noise"), data_set: noise };
    check_refused(&mut sender, &noise, &["(", "offset"]);

    let empty = Object { study: uid("study"), uid: uid("empty"), data_set: Vec::new() };
    check_refused(&mut sender, &empty, &["empty"]);

    for depth in [256, 20_000] {
        let nested = objects::with_tail(&uid(&format!("nested-{depth}")), &objects::nested(depth));
        check_refused(&mut sender, &nested, &["nested"]);
    }

    for (key, tag, vr) in [("pixels", tags::PIXEL_DATA, b"OW"), ("text", tags::TEXT_VALUE, b"UT")] {
        let mut tail = objects::head(tag, vr, 0xffff_fffe);
        tail.extend_from_slice(&[0; 64]);
        let huge = objects::with_tail(&uid(key), &tail);
        check_refused(&mut sender, &huge, &["4294967294", &format!("({:04X},{:04X})", tag.0, tag.1)]);
    }

    let mut impostor = objects::member("hostile-impostor", Some("P0001"), 1);
    impostor.uid = uid("another");
    check_refused(&mut sender, &impostor, &["(0008,0018)"]);

    sender.store_all(&good[1..]);
    sender.release();
    let counts = Client::to(&north).counts();
    assert_eq!(counts["instances"], 3, "nothing of what was refused is kept: {counts}");
    check_growth(&north, before);
}

#[test]
fn a_large_object_passes_through_without_being_held() {
    let files = Files::write(&[]);
    let north = files.serve("north", &[]);
    let mut sender = connect(&north);
    sender.store_all(&objects::study("large-warm-up", Some("P0001"), 1));
    let before = memory_peak_octets(north.process_id());
    let pixels = 96 << 20;
    let mut tail = objects::head(tags::PIXEL_DATA, b"OW", pixels);
    tail.resize(tail.len() + pixels as usize, 7);
    let large = objects::with_tail(&synth::uid("weather/large"), &tail);
    sender.store_all(&[large]);
    check_growth(&north, before);
}

fn check_growth(north: &Served, before: Option<u64>) {
    let after = memory_peak_octets(north.process_id());
    if let (Some(before), Some(after)) = (before, after) {
        let growth = after.saturating_sub(before);
        assert!(growth < MOST_GROWTH, "the node grew by {} MiB", growth >> 20);
    }
}

#[test]
fn noise_on_the_dicom_port_ends_that_connection_and_nothing_else() {
    let files = Files::write(&[]);
    let north = files.serve("north", &[]);
    let address = north.endpoint("DIMSE");
    let mut claims_4_gib = vec![0x01, 0x00, 0xff, 0xff, 0xff, 0xff];
    claims_4_gib.resize(4096, 0);
    let first_messages: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &claims_4_gib,
        // P-DATA and a release before any association.
        &[0x04, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 3],
        &[0x05, 0, 0, 0, 0, 4, 0, 0, 0, 0],
        &[0xff; 512],
    ];
    for message in first_messages {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
        stream.write_all(message).expect("the octets go out");
        let mut answer = Vec::new();
        // Abort, reject or just the end: all of them are an end. A reset is one too.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || matches!(answer[0], 0x03 | 0x07), "{answer:?}");
    }
    // Half a request and then nothing: it may wait, others are served.
    let mut silent = TcpStream::connect(&address).expect("a connection");
    silent.write_all(&[0x01, 0x00, 0x00, 0x00, 0x01]).expect("the octets go out");
    let mut sender = connect(&north);
    sender.store_all(&objects::study("after-noise", Some("P0001"), 1));
    sender.release();
}

#[test]
fn more_associations_than_the_limit_are_rejected_for_the_moment() {
    let files = Files::write(&[]);
    let north = files.serve("north", &[("MANIFOLD__LIMITS__DICOM_ASSOCIATIONS", "2")]);
    let mut first = connect(&north);
    let second = connect(&north);
    let refused = Modality::connect(&north.endpoint("DIMSE"), "NORTH").err().expect("a third association is too many");
    let refused = refused.to_string().to_lowercase();
    assert!(refused.contains("transient") || refused.contains("temporary"), "{refused}");
    assert_eq!(first.echo(), 0, "those that are there go on");
    second.release();
    super::client::until("room for another", || Modality::connect(&north.endpoint("DIMSE"), "NORTH").ok());
}
