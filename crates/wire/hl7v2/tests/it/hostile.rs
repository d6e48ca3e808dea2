//! Properties, and messages that nobody sends by mistake.

use crate::support::*;
use hl7v2::adt::{self, AdtFeed, Envelope, Event};
use hl7v2::mllp::{Deframer, frame};
use hl7v2::{Ack, Charset, DecodeError, Message, Writer};
use proptest::prelude::*;

/// Reads every part of whatever could be read at all.
fn survive(octets: &[u8]) {
    if let Ok(message) = Message::decode(octets) {
        for segment in message.segments() {
            for n in 0..40 {
                let field = segment.field(n);
                let _ = (field.text(), field.is_null());
                for repetition in field.repetitions().take(10) {
                    for c in 0..10 {
                        let _ = (repetition.component(c).text(), repetition.component(c).subcomponent(2));
                    }
                }
            }
        }
        let _ = AdtFeed::decode(&message).map(|feed| feed.patient(&oid("2.999.7"), &nowhere));
        let answer = Ack::accept().encode(Some(&message), "1", &dtm("2025"));
        assert!(!answer.iter().any(|b| matches!(b, 0x0b | 0x1c)), "an answer must fit in its frame");
        assert!(Ack::decode(&answer).is_ok(), "an answer must be a message: {:?}", String::from_utf8_lossy(&answer));
    }
    let _ = Ack::decode(octets);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_back(one in any::<String>(), two in any::<String>()) {
        prop_assume!(one != "\"\"" && two != "\"\"");
        let mut w = Writer::new();
        w.field("A").segment("NTE").components(&[&one, &two]).nested(&[&two], &["x", &one]);
        let message = Message::decode(&w.finish(Charset::UTF_8)).unwrap();
        // A message of one character set says so in MSH-18; without it UTF-8 is found by looking.
        prop_assert_eq!(message.field("NTE", 1).component(1).text(), one.as_str());
        prop_assert_eq!(message.field("NTE", 1).component(2).text(), two.as_str());
        prop_assert_eq!(message.field("NTE", 2).component(2).subcomponent(2), one.as_str());
    }

    #[test]
    fn any_patient_survives_a_feed(id in "\\PC{1,20}", family in "\\PC{0,20}", given in "\\PC{0,20}") {
        let quotes = |text: &str| text.trim() == "\"\"";
        prop_assume!(!id.trim().is_empty() && !quotes(&id) && !quotes(&family) && !quotes(&given));
        let mut sent = patient();
        sent.id.id = id.trim().to_owned();
        sent.name.family = family.trim().to_owned();
        sent.name.given = given.trim().to_owned();
        let now = dtm("20250101000000");
        let envelope = Envelope { sending_application: "a", sending_facility: "b", receiving_application: "c",
            receiving_facility: "d", control_id: "1", now: &now };
        let octets = adt::encode_patient(&sent, Event::Add, &envelope);
        let feed = AdtFeed::decode(&Message::decode(&octets).unwrap()).unwrap();
        prop_assert!(feed.patient(&sent.id.domain, &nowhere) == Some(sent));
    }

    #[test]
    fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        survive(&octets);
        survive(&[b"MSH", &octets[..]].concat());
        survive(&[b"MSH|^~\\&|", &octets[..]].concat());
        let mut deframer = Deframer::new(100);
        let _ = deframer.feed(&octets);
        while deframer.next_frame().is_some() {}
    }

    #[test]
    fn any_octets_without_frame_marks_survive_a_frame(octets in proptest::collection::vec(any::<u8>(), 0..300), cut in 1usize..50) {
        let octets: Vec<u8> = octets.into_iter().filter(|b| !matches!(b, 0x0b | 0x1c)).collect();
        let mut deframer = Deframer::new(300);
        for piece in frame(&octets).chunks(cut) {
            deframer.feed(piece).unwrap();
        }
        prop_assert_eq!(deframer.next_frame(), Some(octets));
    }
}

/// A seeded walk: the same messages every time, each a real one with some octets changed, cut or doubled.
#[test]
fn messages_changed_at_random_are_survived() {
    let seeds = ["made/adt-a04.hl7", "made/adt-a08-latin1.hl7", "made/adt-a40.hl7"].map(fixture);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).unwrap_or(0)
    };
    let signs = b"|^~\\&\r\n\x0b\x1c\x0d\"X.\xc3\xff\0";
    for turn in 0..3000 {
        let mut octets = seeds[turn % seeds.len()].clone();
        for _ in 0..=next(6) {
            let at = next(octets.len());
            match next(5) {
                0 => octets[at] = u8::try_from(next(256)).unwrap_or(0),
                1 => octets[at] = signs[next(signs.len())],
                2 => octets.insert(at, signs[next(signs.len())]),
                3 => octets.truncate(at.max(1)),
                _ => {
                    let end = (at + next(40)).min(octets.len());
                    let part = octets[at..end].to_vec();
                    octets.splice(at..at, part);
                }
            }
        }
        survive(&octets);
    }
}

#[test]
fn long_and_repetitive_messages_are_read_once() {
    let head = "MSH|^~\\&|A|B|C|D|2025||ADT^A04|1|P|2.3.1\r";
    for part in ["|", "~", "^", "&", "\\", "\\X41\\", "\\.sp9\\", "\\E"] {
        let text = format!("{head}PID|||{}", part.repeat(300_000));
        let message = Message::decode(text.as_bytes()).unwrap();
        let _ = (message.field("PID", 3).text(), AdtFeed::decode(&message));
    }
    let text = format!("{head}{}", "ZZZ\r".repeat(200_000));
    assert_eq!(Message::decode(text.as_bytes()).unwrap_err(), DecodeError::TooManySegments);
}
