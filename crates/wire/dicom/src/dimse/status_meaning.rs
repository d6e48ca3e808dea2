//! What the statuses of responses mean, in words an operator can act on.
//! PS3.7 Annex C, PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5, C.4.3.1.4; spec/dicom.md 22.3, 22.4.

use super::command::field;

/// The kind of a status. Source: PS3.7 Annex C.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusKind {
    /// Done.
    Success,
    /// More responses follow.
    Pending,
    /// Ended on request.
    Cancel,
    /// Done, with something to know.
    Warning,
    /// Not done.
    Failure,
}

/// A status with its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusMeaning {
    /// The status, (0000,0900).
    pub status: u16,
    /// Its kind.
    pub kind: StatusKind,
    /// What it says.
    pub text: &'static str,
}

impl std::fmt::Display for StatusMeaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {:04X}, {}", self.status, self.text)
    }
}

/// What a status means in a response with this command field (a request's is taken too).
pub fn status_meaning(command_field: u16, status: u16) -> StatusMeaning {
    let kind = kind(status);
    let text = of_service(command_field | 0x8000, status).or_else(|| of_any(status)).unwrap_or(match kind {
        StatusKind::Success => "done",
        StatusKind::Pending => "more follows",
        StatusKind::Cancel => "ended because it was cancelled",
        StatusKind::Warning => "done with a warning that the standard does not name",
        StatusKind::Failure => "failed for a reason that the standard does not name",
    });
    StatusMeaning { status, kind, text }
}

fn kind(status: u16) -> StatusKind {
    match status {
        0x0000 => StatusKind::Success,
        0xFF00 | 0xFF01 => StatusKind::Pending,
        0xFE00 => StatusKind::Cancel,
        // 0107 and 0116: attribute list error, attribute value out of range.
        0x0001 | 0x0107 | 0x0116 | 0xB000..=0xBFFF => StatusKind::Warning,
        _ => StatusKind::Failure,
    }
}

fn of_service(response: u16, status: u16) -> Option<&'static str> {
    Some(match (response, status) {
        (field::C_FIND_RSP, 0xFF00) => "a match",
        (field::C_FIND_RSP, 0xFF01) => "a match; some optional keys are not supported",
        (field::C_FIND_RSP, 0xA700) => "refused: out of resources; ask for less at a time",
        (field::C_FIND_RSP, 0xA900) => {
            "the identifier does not match the SOP class: a key or the level is not supported"
        }
        (field::C_FIND_RSP, 0xC000..=0xCFFF) => "unable to process the query",
        (field::C_MOVE_RSP | field::C_GET_RSP, 0xFF00) => "sub-operations go on",
        (field::C_MOVE_RSP | field::C_GET_RSP, 0xB000) => "one or more sub-operations failed or gave a warning",
        (field::C_MOVE_RSP | field::C_GET_RSP, 0xA701) => "refused: out of resources, cannot count the matches",
        (field::C_MOVE_RSP | field::C_GET_RSP, 0xA702) => "refused: out of resources, cannot perform sub-operations",
        (field::C_MOVE_RSP, 0xA801) => {
            "the move destination is unknown: the peer must be told our AE title, host and port"
        }
        (field::C_MOVE_RSP | field::C_GET_RSP, 0xA900) => {
            "the identifier does not match the SOP class: the level or a key is not supported"
        }
        (field::C_MOVE_RSP | field::C_GET_RSP, 0xC000..=0xCFFF) => "unable to process the retrieval",
        (field::C_STORE_RSP, 0xB000) => "stored; attributes were coerced",
        (field::C_STORE_RSP, 0xB006) => "stored; attributes were discarded",
        (field::C_STORE_RSP, 0xB007) => "stored; the data set does not match the SOP class",
        (field::C_STORE_RSP, 0xA900..=0xA9FF) => "the data set does not match the SOP class",
        (field::C_STORE_RSP, 0xC000..=0xCFFF) => "the data set cannot be understood",
        _ => return None,
    })
}

fn of_any(status: u16) -> Option<&'static str> {
    Some(match status {
        0x0105 => "no such attribute",
        0x0106 => "an attribute has an invalid value",
        0x0107 => "done; some attributes were not taken",
        0x0110 => "processing failure",
        0x0111 => "the SOP instance exists already",
        0x0112 => "no such SOP instance",
        0x0113 => "no such event type",
        0x0114 => "no such argument",
        0x0115 => "an argument has an invalid value",
        0x0116 => "done; an attribute value was out of range",
        0x0117 => "the SOP instance UID is invalid",
        0x0118 => "no such SOP class",
        0x0119 => "SOP class and instance do not belong together",
        0x0120 => "an attribute is missing",
        0x0121 => "an attribute has no value",
        0x0122 => "the SOP class is not supported",
        0x0123 => "no such action",
        0x0124 => "not authorized",
        0x0131 => "the transaction UID is in use already",
        0x0210 => "the message id is in use already",
        0x0211 => "the operation is not known",
        0x0212 => "an argument is of the wrong type",
        0x0213 => "resource limit",
        0xA700..=0xA7FF => "refused: out of resources",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_told_by_service_and_kind() {
        use StatusKind::{Cancel, Failure, Pending, Success, Warning};
        for (command, status, kind, words) in [
            (field::C_FIND_RQ, 0x0000, Success, "done"),
            (field::C_FIND_RSP, 0xFF01, Pending, "optional keys"),
            (field::C_FIND_RSP, 0xA700, Failure, "ask for less"),
            (field::C_FIND_RSP, 0xC001, Failure, "unable to process the query"),
            (field::C_MOVE_RSP, 0xA801, Failure, "AE title, host and port"),
            (field::C_GET_RSP, 0xA801, Failure, "does not name"),
            (field::C_MOVE_RSP, 0xB000, Warning, "sub-operations failed"),
            (field::C_STORE_RSP, 0xB000, Warning, "coerced"),
            (field::C_STORE_RSP, 0xA7FF, Failure, "out of resources"),
            (field::C_GET_RSP, 0xFE00, Cancel, "cancelled"),
            (field::N_ACTION_RSP, 0x0131, Failure, "transaction UID"),
            (field::N_CREATE_RSP, 0x0116, Warning, "out of range"),
            (field::C_ECHO_RSP, 0x0211, Failure, "not known"),
        ] {
            let meaning = status_meaning(command, status);
            assert_eq!(meaning.kind, kind, "{command:04X} {status:04X}");
            assert!(meaning.text.contains(words), "{meaning}");
        }
        assert_eq!(
            status_meaning(field::C_FIND_RSP, 0xA900).to_string(),
            "status A900, the identifier does not match the SOP class: a key or the level is not supported"
        );
    }
}
