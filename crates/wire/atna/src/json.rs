//! The record as one line of JSON, for the append-only log on the node, and back. Source: design section 11,
//! spec/security.md 6.4.
//!
//! The form is ours and versioned by `v`. A line never holds a line break: JSON escapes it.

use crate::coded::Coded;
use crate::event::{Action, ActiveParticipant, AuditEvent, AuditSource, Outcome, ParticipantObject};
use crate::message::{time_of, time_text};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Why a line of the log cannot be read. Never its text: it holds patient identifiers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("expected one JSON object of an audit record, got something else at column {column}")]
    Json { column: usize },
    #[error("expected record version 1, got {got}")]
    Version { got: u32 },
    #[error("expected a time such as 2025-06-03T09:25:00.123Z, got another form")]
    Time,
}

#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    time: String,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    transaction: Cow<'static, str>,
    event: Coded,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<Coded>,
    action: Action,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome_text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    purpose: Vec<Coded>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    participants: Vec<ActiveParticipant>,
    source: AuditSource,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    objects: Vec<ParticipantObject>,
}

impl AuditEvent {
    /// One line, without the line break at its end.
    pub fn encode_json(&self) -> String {
        let event = self.clone();
        let line = Line {
            v: 1,
            time: time_text(event.time_unix_ms),
            transaction: event.transaction,
            event: event.event_id,
            types: event.type_codes,
            action: event.action,
            outcome: event.outcome,
            outcome_text: event.outcome_description,
            purpose: event.purpose_of_use,
            request: event.request_id,
            participants: event.participants,
            source: event.source,
            objects: event.objects,
        };
        // Only strings, numbers and lists of them: there is no key that is no string and no number that is not finite.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Reads a line of the log, of this version or an earlier one.
    ///
    /// Errors: no JSON, another version, no time.
    pub fn decode_json(line: &str) -> Result<AuditEvent, LineError> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let json = |error: serde_json::Error| LineError::Json { column: error.column() };
        let Version { v } = serde_json::from_str(line).map_err(json)?;
        if v != 1 {
            return Err(LineError::Version { got: v });
        }
        let line: Line = serde_json::from_str(line).map_err(json)?;
        Ok(AuditEvent {
            transaction: line.transaction,
            event_id: line.event,
            type_codes: line.types,
            action: line.action,
            outcome: line.outcome,
            outcome_description: line.outcome_text,
            time_unix_ms: time_of(&line.time).ok_or(LineError::Time)?,
            purpose_of_use: line.purpose,
            participants: line.participants,
            source: line.source,
            objects: line.objects,
            request_id: line.request,
        })
    }
}

/// Bytes as base64 text, which is also how the XML has them.
pub(crate) mod base64_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| STANDARD.decode(text).map_err(|_| D::Error::custom("expected base64")))
            .transpose()
    }
}
