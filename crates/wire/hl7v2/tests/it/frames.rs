//! Frames in a stream that comes in any pieces.

use crate::support::shared;
use hl7v2::mllp::{Deframer, FrameError, frame};

fn frames(deframer: &mut Deframer) -> Vec<String> {
    std::iter::from_fn(|| deframer.next_frame()).map(|f| String::from_utf8(f).unwrap()).collect()
}

#[test]
fn frames_come_whole_however_the_stream_is_cut() {
    let mut stream = b"\r\n ".to_vec();
    stream.extend(frame(b"MSH|one\r"));
    stream.extend(frame(b""));
    stream.extend(b"\n");
    stream.extend(frame(b"MSH|two"));
    for piece in 1..=stream.len() {
        let mut deframer = Deframer::new(8);
        for octets in stream.chunks(piece) {
            deframer.feed(octets).unwrap();
        }
        assert_eq!(frames(&mut deframer), ["MSH|one\r", "", "MSH|two"], "{piece}");
        assert!(deframer.is_between_frames());
        assert_eq!(deframer.take_garbage(), 0);
    }
}

#[test]
fn octets_between_frames_are_skipped_counted_and_bounded() {
    let mut deframer = Deframer::new(100);
    deframer.feed(b"GET / HTTP/1.1\r\n").unwrap();
    deframer.feed(&frame(b"MSH")).unwrap();
    deframer.feed(b"xy").unwrap();
    assert_eq!(frames(&mut deframer), ["MSH"]);
    assert_eq!((deframer.take_garbage(), deframer.take_garbage()), (14, 0));
    let refused = deframer.feed(&[b'x'; 5000]).unwrap_err();
    assert!(matches!(refused, FrameError::NotMllp { .. }));
    assert_eq!(deframer.feed(&frame(b"MSH")).unwrap_err(), refused);
}

#[test]
fn a_broken_frame_ends_the_stream_and_what_was_whole_can_be_taken() {
    for (broken, expected) in [
        (&b"\x0bMSH\x1cMSH"[..], FrameError::LoneEnd(b'M')),
        (b"\x0bMSH\x1c\x1c\r", FrameError::LoneEnd(0x1c)),
        (b"\x0bMSH\r\x0bMSH\x1c\r", FrameError::StartInside),
        (b"\x0b123456789\x1c\r", FrameError::TooLong { limit: 8 }),
    ] {
        let mut deframer = Deframer::new(8);
        let stream = [&frame(b"12345678")[..], broken].concat();
        assert_eq!(deframer.feed(&stream), Err(expected), "{broken:?}");
        assert_eq!(frames(&mut deframer), ["12345678"]);
        assert!(deframer.feed(&frame(b"MSH")).is_err());
        assert_eq!(frames(&mut deframer), Vec::<String>::new());
    }
}

#[test]
fn an_endless_message_is_refused_at_the_limit() {
    let mut deframer = Deframer::new(1000);
    deframer.feed(b"\x0b").unwrap();
    assert!(!deframer.is_between_frames());
    let refused = (0..20).find_map(|_| deframer.feed(&[b'x'; 100]).err());
    assert_eq!(refused, Some(FrameError::TooLong { limit: 1000 }));
}

#[test]
fn two_samples_in_one_read_are_two_messages() {
    let Some(stream) = shared("mllp-two-frames-one-buffer.bin") else { return };
    let mut deframer = Deframer::new(1 << 20);
    deframer.feed(&stream).unwrap();
    let found: Vec<Vec<u8>> = std::iter::from_fn(|| deframer.next_frame()).collect();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|m| hl7v2::Message::decode(m).unwrap().header().code == "ORU"));
}
