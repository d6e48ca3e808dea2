//! Acknowledgements in original mode: MSH, MSA, ERR. Sources: spec/reports.md section 4; HL7 v2.3.1 and v2.5.1 2.16,
//! ITI TF-2 Appendix C.2.3.

use crate::{Charset, DecodeError, Message, Writer};
use model::Dtm;
use std::fmt;

/// MSA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckCode {
    /// AA: accepted and durable.
    Accept,
    /// AE: the content is at fault; the same again would fail again.
    Error,
    /// AR: not for us, or not now.
    Reject,
}

impl AckCode {
    pub fn code(self) -> &'static str {
        match self {
            AckCode::Accept => "AA",
            AckCode::Error => "AE",
            AckCode::Reject => "AR",
        }
    }

    /// Leniency: peers in enhanced mode answer with commit codes, which mean the same here.
    pub fn named(code: &str) -> Option<Self> {
        match code.trim() {
            "AA" | "CA" => Some(AckCode::Accept),
            "AE" | "CE" => Some(AckCode::Error),
            "AR" | "CR" => Some(AckCode::Reject),
            _ => None,
        }
    }
}

/// HL7 table 0357: what is wrong, as a number and its name.
pub mod condition {
    pub type Condition = (u16, &'static str);
    pub const SEGMENT_SEQUENCE: Condition = (100, "Segment sequence error");
    pub const REQUIRED_FIELD_MISSING: Condition = (101, "Required field missing");
    pub const DATA_TYPE: Condition = (102, "Data type error");
    pub const TABLE_VALUE: Condition = (103, "Table value not found");
    pub const UNSUPPORTED_MESSAGE_TYPE: Condition = (200, "Unsupported message type");
    pub const UNSUPPORTED_EVENT: Condition = (201, "Unsupported event code");
    pub const UNKNOWN_KEY: Condition = (204, "Unknown key identifier");
    pub const DUPLICATE_KEY: Condition = (205, "Duplicate key identifier");
    pub const INTERNAL: Condition = (207, "Application internal error");
}

/// A place in a message: segment, which one of that name, field, repetition, component; all counted from 1, 0 where the
/// place ends before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    pub segment: &'static str,
    pub sequence: usize,
    pub field: usize,
    pub repetition: usize,
    pub component: usize,
}

impl Location {
    /// Field `n` of the first segment of a name.
    pub const fn field(segment: &'static str, field: usize) -> Self {
        Location { segment, sequence: 1, field, repetition: 0, component: 0 }
    }

    pub const fn component(mut self, repetition: usize, component: usize) -> Self {
        self.repetition = repetition;
        self.component = component;
        self
    }
}

impl fmt::Display for Location {
    /// `PID-3.4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.segment)?;
        if self.field > 0 {
            write!(f, "-{}", self.field)?;
        }
        if self.component > 0 {
            write!(f, ".{}", self.component)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorDetail {
    pub location: Option<Location>,
    pub condition: condition::Condition,
    pub severity: Severity,
    /// A sentence that names no patient.
    pub text: String,
}

/// What a receiver says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    pub code: AckCode,
    pub errors: Vec<ErrorDetail>,
}

impl Ack {
    pub fn accept() -> Self {
        Ack { code: AckCode::Accept, errors: Vec::new() }
    }

    /// The answer to `message`, or to octets that were no message at all. It has the version and the character set of
    /// what it answers; sender and receiver change places.
    ///
    /// Shape: before version 2.5 the reason is in MSA-3 and ERR-1, from then on in ERR-2, 3, 4 and 8.
    pub fn encode(&self, message: Option<&Message>, control_id: &str, now: &Dtm) -> Vec<u8> {
        let header = message.map(Message::header).unwrap_or_default();
        let version = if header.version.is_empty() { "2.3.1" } else { header.version.as_str() };
        let has_fields = is_at_least(version, 5);
        let mut w = Writer::new();
        for n in [5, 6, 3, 4] {
            let field = message.map(|m| m.field("MSH", n));
            let parts: Vec<String> =
                (1..=3).map(|c| field.map(|f| f.component(c).text().into_owned()).unwrap_or_default()).collect();
            w.components(&[&parts[0], &parts[1], &parts[2]]);
        }
        w.field(&format!("{}+0000", now.as_str())).skip(1);
        w.components(&["ACK", &header.trigger, "ACK"]);
        w.field(control_id);
        w.field(if header.processing_id.is_empty() { "P" } else { &header.processing_id });
        w.field(version);
        let stated = message.map(|m| m.field("MSH", 18).component(1).text().into_owned()).unwrap_or_default();
        // What MSH-18 says wrongly is not said again.
        let charset = message.map_or(Charset::UTF_8, Message::charset);
        let known = message.is_some_and(|m| m.charset_flaw().is_none()) && Charset::named(&stated).is_some();
        w.skip(5).field(if known { &stated } else { charset.name() });
        w.segment("MSA").field(self.code.code()).field(&header.control_id);
        if let (Some(first), false) = (self.errors.first(), has_fields) {
            w.field(&first.text);
        }
        for error in &self.errors {
            let number = error.condition.0.to_string();
            let place = error.location.map(|l| {
                [l.sequence, l.field, l.repetition, l.component]
                    .map(|n| if n == 0 { String::new() } else { n.to_string() })
            });
            let (segment, place) = (error.location.map_or("", |l| l.segment), place.unwrap_or_default());
            w.segment("ERR");
            if has_fields {
                w.skip(1).components(&[segment, &place[0], &place[1], &place[2], &place[3]]);
                w.components(&[&number, error.condition.1, "HL70357"]);
                w.field(if error.severity == Severity::Error { "E" } else { "W" });
                w.skip(3).field(&error.text);
            } else {
                w.nested(&[segment, &place[0], &place[1]], &[&number, &error.text, "HL70357"]);
            }
        }
        w.finish(charset)
    }
}

/// Whether version 2.x has at least this x. What is no version is an old one.
fn is_at_least(version: &str, minor: u32) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(2)), Some(Ok(came))) if came >= minor)
}

/// An acknowledgement as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub code: AckCode,
    /// MSA-2: the message it is about.
    pub control_id: String,
    /// The receiver's reasons, as far as it gives any.
    pub texts: Vec<String>,
}

impl Ack {
    /// Reads what a receiver answered.
    ///
    /// Errors: octets that are no message; no MSA, or one without a code of table 0008.
    pub fn decode(octets: &[u8]) -> Result<Answer, AnswerError> {
        let message = Message::decode(octets)?;
        let msa = message.segment("MSA").ok_or(AnswerError::NoAcknowledgement)?;
        let code = AckCode::named(&msa.field(1).text()).ok_or(AnswerError::NoAcknowledgement)?;
        let mut texts = vec![msa.field(3).text().into_owned()];
        for error in message.named("ERR").take(20) {
            let candidates = [
                error.field(8).text(),
                error.field(3).component(2).text(),
                error.field(1).component(4).subcomponent(2),
            ];
            texts.extend(candidates.into_iter().find(|text| !text.trim().is_empty()).map(|text| text.into_owned()));
        }
        texts.retain(|text| !text.trim().is_empty());
        texts.dedup();
        Ok(Answer { code, control_id: msa.field(2).text().into_owned(), texts })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error(transparent)]
    Message(#[from] DecodeError),
    #[error("expected an acknowledgement with AA, AE or AR in MSA-1")]
    NoAcknowledgement,
}
