//! Messages of any kind: parts, escapes, character sets, what careless senders do.

use crate::support::*;
use hl7v2::{Charset, CharsetFlaw, DecodeError, Message, Writer};

#[test]
fn parts_are_counted_as_the_standard_counts() {
    let message = message("PID|1||a^b&c^^d~e^f||x");
    let msh = message.segment("MSH").unwrap();
    assert_eq!((msh.field(1).raw(), msh.field(2).raw(), msh.field(3).raw()), ("|", "^~\\&", "A"));
    let header = message.header();
    assert_eq!((header.code.as_str(), header.trigger.as_str(), header.version.as_str()), ("ORU", "R01", "2.5.1"));
    let field = message.field("PID", 3);
    assert_eq!(field.component(2).subcomponent(2), "c");
    assert_eq!(field.component(2).text(), "b");
    assert_eq!(field.component(4).text(), "d");
    let second: Vec<String> = field.repetitions().map(|r| r.component(2).text().into_owned()).collect();
    assert_eq!(second, ["b", "f"]);
    for (segment, n) in [("PID", 4), ("PID", 6), ("PID", 0), ("PID", 9999), ("NTE", 1)] {
        assert!(message.field(segment, n).is_empty(), "{segment}-{n}");
    }
    assert!(field.component(0).is_empty() && field.component(9).is_empty());
}

#[test]
fn other_delimiters_are_read_not_assumed() {
    let text = "MSH#*+!%#A#B#C#D#2025##ADT*A04#1#P#2.3.1\rPID###1*2%3+4!R!5";
    let message = Message::decode(text.as_bytes()).unwrap();
    assert_eq!(message.header().trigger, "A04");
    let texts: Vec<String> =
        message.field("PID", 3).repetitions().map(|r| r.component(1).text().into_owned()).collect();
    assert_eq!(texts, ["1", "4+5"]);
    assert_eq!(message.field("PID", 3).component(2).subcomponent(2), "3");
}

#[test]
fn escapes_are_resolved_once_and_after_splitting() {
    for (escaped, expected) in [
        (r"1\F\2\S\3\T\4\R\5\E\6\P\7", r"1|2^3&4~5\6#7"),
        (r"a\.br\b\.sp2\c\.sp\d\.ce\e", "a\nb\n\nc\nd\ne"),
        (r"\H\bold\N\ \.fi\\.nf\\.in+4\\.ti-2\x\.sk3\y", "bold x   y"),
        (r"Ex\XC3A4\mple \XC3\\XA4\", "Example \u{e4}".replace("Exa", "Ex\u{e4}").as_str()),
        (r"\X41\\X0D\", "A\r"),
        (r"\E\F\E\", r"\F\"),
        (r"\Z12\\C2842\\M284242\.", "."),
        // What is no sequence stays.
        (r"C:\temp\F", r"C:\temp\F"),
        (r"a\\b\Q\c\", r"a\\b\Q\c\"),
        (r"\X4\\X4G\\X\", r"\X4\\X4G\\X\"),
        (r"\.sp1x\\.\", r"\.sp1x\\.\"),
        ("\\XFF\\", "\u{fffd}"),
    ] {
        assert_eq!(message(&format!("NTE|{escaped}")).field("NTE", 1).text(), expected, "{escaped}");
    }
    assert_eq!(message(r"NTE|\.sp4000000000\").field("NTE", 1).text().len(), 100);
}

#[test]
fn hexadecimal_is_in_the_character_set_of_the_message() {
    let text = "MSH|^~\\&|A|B|C|D|2025||ORU^R01|1|P|2.5.1||||||8859/1\rNTE|\\XE4\\";
    assert_eq!(Message::decode(text.as_bytes()).unwrap().field("NTE", 1).text(), "\u{e4}");
}

#[test]
fn a_value_to_be_deleted_is_told_from_no_statement() {
    let message = message("PID|\"\"||\"\"^x");
    assert!(message.field("PID", 1).is_null() && !message.field("PID", 2).is_null());
    assert_eq!(message.field("PID", 3).component(1).text(), "");
}

fn in_set(name: &str, octets: &[u8]) -> Message {
    let head = format!("MSH|^~\\&|A|B|C|D|2025||ORU^R01|1|P|2.5.1||||||{name}\rNTE|");
    Message::decode(&[head.as_bytes(), octets].concat()).unwrap()
}

#[test]
fn character_sets_are_what_msh_18_says_if_that_fits() {
    for (name, octets, expected) in [
        ("UNICODE UTF-8", "Zo\u{eb}".as_bytes(), "Zo\u{eb}"),
        ("8859/1", b"Zo\xeb", "Zo\u{eb}"),
        ("8859/2", b"\xa3\xf3d\xbc", "\u{141}\u{f3}d\u{17a}"),
        ("8859/5", b"\xb8\xd2\xd0\xdd", "\u{418}\u{432}\u{430}\u{43d}"),
        ("8859/15", b"\xa4", "\u{20ac}"),
        ("windows-1252", b"\x80", "\u{20ac}"),
        ("ASCII~ISO IR87", b"\x1b$B;3ED\x1b(B", "\u{5c71}\u{7530}"),
        ("GB 18030-2000", b"\xcd\xf5", "\u{738b}"),
        ("KS X 1001", b"\xb1\xe8", "\u{ae40}"),
    ] {
        let message = in_set(name, octets);
        assert_eq!(message.field("NTE", 1).text(), expected, "{name}");
        assert_eq!(message.charset_flaw(), None, "{name}");
    }
}

#[test]
fn a_wrong_or_missing_character_set_is_bridged_and_told() {
    for (name, octets, expected, flaw) in [
        ("", "Zo\u{eb}".as_bytes(), "Zo\u{eb}", Some(CharsetFlaw::Unstated)),
        ("", b"Zo\xeb", "Zo\u{eb}", Some(CharsetFlaw::Unstated)),
        ("ASCII", b"Zo\xeb", "Zo\u{eb}", Some(CharsetFlaw::Unstated)),
        ("FR", b"Zo\xeb", "Zo\u{eb}", Some(CharsetFlaw::Unknown("FR".into()))),
        ("UNICODE UTF-16", b"Zo\xeb", "Zo\u{eb}", Some(CharsetFlaw::Unknown("UNICODE UTF-16".into()))),
        ("UTF-8", b"Zo\xeb", "Zo\u{eb}", Some(CharsetFlaw::DoesNotFit("UNICODE UTF-8".into()))),
        ("FR", b"Zoe", "Zoe", None),
        ("", b"Zoe", "Zoe", None),
    ] {
        let message = in_set(name, octets);
        assert_eq!(message.field("NTE", 1).text(), expected, "{name}");
        assert_eq!(message.charset_flaw(), flaw.as_ref(), "{name}");
    }
}

#[test]
fn line_feeds_and_blank_lines_are_tolerated() {
    for text in ["MSH|^~\\&|A\nPID|1\n", "\r\nMSH|^~\\&|A\r\nPID|1\r\n\r\n", "\u{feff}MSH|^~\\&|A\rPID|1"] {
        let message = Message::decode(text.as_bytes()).unwrap();
        assert_eq!(message.field("PID", 1).raw(), "1", "{text:?}");
        assert_eq!(message.segments().count(), 2);
    }
}

#[test]
fn what_is_no_message_is_refused_with_a_reason() {
    for (octets, expected) in [
        (&b""[..], DecodeError::NoHeader),
        (b"PID|1", DecodeError::NoHeader),
        (b"MSH", DecodeError::NoHeader),
        (b"MSH|", DecodeError::Delimiters("MSH-2 must name at least a component and a repetition separator")),
        (b"MSH|^|A", DecodeError::Delimiters("MSH-2 must name at least a component and a repetition separator")),
        (b"MSH|^^\\&|A", DecodeError::Delimiters("MSH-1 and MSH-2 must be signs that all differ")),
        (b"MSHA^~\\&A", DecodeError::Delimiters("MSH-1 and MSH-2 must be signs, no letters, digits, spaces or quotes")),
        (b"MSH|^~\\&!;|A", DecodeError::Delimiters("MSH-2 must have at most five signs")),
        (b"MSH|^~\\&|A\rPID|a\rb|c", DecodeError::Segment { number: 3 }),
        (b"MSH|^~\\&|A\rPIDX|a", DecodeError::Segment { number: 2 }),
        (b"\xff\xfeM\0S\0H\0", DecodeError::Wide),
        (b"M\0S\0H\0", DecodeError::Wide),
    ] {
        assert_eq!(Message::decode(octets).unwrap_err(), expected, "{octets:?}");
    }
}

#[test]
fn nothing_of_a_patient_is_in_debug() {
    let message = Message::decode(&fixture("made/adt-a04.hl7")).unwrap();
    assert_eq!(format!("{message:?}"), "Message(MSH EVN PID PV1 ZZZ)");
}

#[test]
fn text_cannot_leave_its_field() {
    let hostile = "a|b^c&d~e\\f\rMSH|x\u{b}\u{1c}\r\ng";
    let mut w = Writer::new();
    w.field("A")
        .segment("NTE")
        .field("1")
        .nested(&[hostile, ""], &[hostile, "z"])
        .skip(3)
        .segment("ZZZ")
        .field(hostile);
    let octets = w.finish(Charset::UTF_8);
    assert!(!octets.iter().any(|b| matches!(b, 0x0b | 0x1c | b'\n')));
    let message = Message::decode(&octets).unwrap();
    assert_eq!(message.segments().count(), 3);
    assert_eq!(message.field("NTE", 2).component(1).text(), hostile);
    assert_eq!(message.field("NTE", 2).component(3).text(), hostile);
    assert_eq!(message.field("NTE", 2).component(3).subcomponent(2), "z");
    assert_eq!(message.field("ZZZ", 1).text(), hostile);
}

#[test]
fn what_a_set_does_not_have_becomes_a_question_mark() {
    assert_eq!(Charset::WINDOWS_1252.encode("Zo\u{eb} \u{141}"), b"Zo\xeb ?");
}

#[test]
fn the_samples_of_reports_read_as_they_say() {
    for (name, text) in [
        ("oru-r01-latin1.hl7", "Kein akuter Befund f\u{fc}r Ex\u{e4}mple."),
        ("oru-r01-no-msh18-latin1-bytes.hl7", "Kein akuter Befund f\u{fc}r Ex\u{e4}mple."),
        ("oru-r01-hex-escape.hl7", "Line one\r\nline two, ratio 1|2, a~b, c\\d"),
    ] {
        let Some(octets) = shared(name) else { return };
        let message = Message::decode(&octets).unwrap();
        assert_eq!(message.field("PID", 5).component(1).text(), "Ex\u{e4}mple", "{name}");
        assert_eq!(message.named("OBX").last().unwrap().field(5).text(), text, "{name}");
    }
}
