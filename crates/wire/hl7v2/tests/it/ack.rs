//! Acknowledgements.

use crate::support::*;
use hl7v2::{Ack, AckCode, ErrorDetail, Location, Message, Severity, condition};

fn error() -> Ack {
    Ack {
        code: AckCode::Error,
        errors: vec![ErrorDetail {
            location: Some(Location::field("PID", 3).component(1, 4)),
            condition: condition::UNKNOWN_KEY,
            severity: Severity::Error,
            text: "PID-3 must have an identifier of 2.999.7; got A&B|C".into(),
        }],
    }
}

fn golden(name: &str, octets: &[u8]) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path(name), octets).unwrap();
    }
    assert_eq!(String::from_utf8_lossy(octets), String::from_utf8_lossy(&fixture(name)), "{name}");
}

#[test]
fn an_error_is_told_as_the_version_has_it() {
    for version in ["2.3.1", "2.5.1"] {
        let text = String::from_utf8(fixture("made/adt-a04.hl7")).unwrap().replace("2.3.1", version);
        let message = Message::decode(text.as_bytes()).unwrap();
        let octets = error().encode(Some(&message), "G0001", &dtm("20250605080001"));
        golden(&format!("made/ack-ae-{version}.hl7"), &octets);
        let answer = Ack::decode(&octets).unwrap();
        assert_eq!((answer.code, answer.control_id.as_str()), (AckCode::Error, "A0001"));
        assert_eq!(answer.texts, ["PID-3 must have an identifier of 2.999.7; got A&B|C"]);
    }
}

#[test]
fn an_answer_goes_back_in_the_set_it_came_in() {
    let octets = String::from_utf8(fixture("made/adt-a40.hl7")).unwrap();
    let octets = octets.replace("|PIS|", "|P\u{ef}S|").replace("|2.3.1", "|2.3.1||||||8859/1");
    let latin: Vec<u8> = octets.chars().map(|c| c as u8).collect();
    let answer = Ack::accept().encode(Some(&Message::decode(&latin).unwrap()), "1", &dtm("2025"));
    assert!(
        answer.starts_with(b"MSH|^~\\&|REG|AD|P\xefS|HOSP|2025+0000||ACK^A40^ACK|1|P|2.3.1||||||8859/1\rMSA|AA|MSG2\r")
    );
}

#[test]
fn octets_that_are_no_message_can_be_answered() {
    let reject = Ack { code: AckCode::Reject, errors: Vec::new() };
    let answer = Ack::decode(&reject.encode(None, "1", &dtm("2025"))).unwrap();
    assert_eq!((answer.code, answer.control_id.as_str()), (AckCode::Reject, ""));
}

#[test]
fn answers_of_others_are_read() {
    for (name, code, text) in [
        ("ack-aa.hl7", AckCode::Accept, None),
        ("ack-ae.hl7", AckCode::Error, Some("Encapsulated document data missing")),
        ("ack-ar.hl7", AckCode::Reject, Some("Unsupported message type")),
    ] {
        let Some(octets) = shared(name) else { return };
        let answer = Ack::decode(&octets).unwrap();
        assert_eq!((answer.code, answer.control_id.as_str()), (code, "M0001"), "{name}");
        assert_eq!(answer.texts.first().map(String::as_str), text, "{name}");
    }
    for text in ["MSH|^~\\&|A\rPID|1", "MSH|^~\\&|A\rMSA|XX|1", "MSA|AA|1"] {
        assert!(Ack::decode(text.as_bytes()).is_err(), "{text}");
    }
}
