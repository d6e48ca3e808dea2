//! `Fault` as an HL7 v2 acknowledgement. Source: HL7 tables 0008 and 0357; spec/reports.md section 4.

use super::operation_outcome::diagnostics;
use actors::{Fault, Refusal, SUBSUMED};
use hl7v2::condition::{self, Condition};
use hl7v2::{Ack, AckCode, ErrorDetail, Location, Severity};

/// AE: the content is at fault, sending it again changes nothing. AR: it could not be looked at now.
fn ack_code(fault: &Fault) -> (AckCode, Condition) {
    match fault {
        Fault::Busy
        | Fault::OutOfResources(_)
        | Fault::PeerUnavailable { .. }
        | Fault::Internal { .. }
        | Fault::Remote { transient: true, .. } => (AckCode::Reject, condition::INTERNAL),
        Fault::UnknownPatient(_) | Fault::UnknownRepository { .. } | Fault::UnknownQuery(_) => {
            (AckCode::Error, condition::UNKNOWN_KEY)
        }
        Fault::DuplicateUniqueIdInMessage(_) | Fault::DuplicateUniqueId { .. } => {
            (AckCode::Error, condition::DUPLICATE_KEY)
        }
        Fault::MissingDocument(_) | Fault::MissingDocumentMetadata(_) | Fault::MissingParameter { .. } => {
            (AckCode::Error, condition::REQUIRED_FIELD_MISSING)
        }
        Fault::Unsupported(_) => (AckCode::Reject, condition::UNSUPPORTED_EVENT),
        Fault::InvalidMetadata(_) => (AckCode::Error, condition::UNKNOWN_KEY),
        Fault::InvalidDocument(_)
        | Fault::InvalidContent { .. }
        | Fault::NonIdenticalHash(_)
        | Fault::NonIdenticalSize(_)
        | Fault::PatientIdDoesNotMatch { .. }
        | Fault::UnresolvedReference { .. }
        | Fault::DeprecatedTarget(_)
        | Fault::DocumentNotFound(_)
        | Fault::ParameterNumber { .. }
        | Fault::InvalidQuery(_)
        | Fault::TooManyResults { .. }
        | Fault::NotSinglePatient
        | Fault::ImagesNotFound(_)
        | Fault::NotAcceptable(_)
        | Fault::InstanceConflict(_)
        | Fault::InvalidInstance { .. }
        | Fault::Denied(_)
        | Fault::Update { .. }
        | Fault::ReferencesExist { .. }
        | Fault::Unreferenced { .. }
        | Fault::Remote { transient: false, .. } => (AckCode::Error, condition::DATA_TYPE),
    }
}

/// Where a patient's identifier stands in a feed: MRG-1 of the one that goes, PID-3 of every other.
fn location(fault: &Fault) -> Option<Location> {
    match fault {
        Fault::InvalidMetadata(invalid) if invalid.field == SUBSUMED => Some(Location::field("MRG", 1)),
        Fault::InvalidMetadata(invalid) if invalid.field.contains("patientId") => Some(Location::field("PID", 3)),
        _ => None,
    }
}

/// All faults of a refusal, each as an ERR; the code is that of the first.
pub fn refusal(refusal: &Refusal) -> Ack {
    let errors = refusal.faults().iter().map(|fault| {
        let location = location(fault);
        let text = match (fault, location) {
            (Fault::InvalidMetadata(invalid), Some(location)) => format!("{location} {}", invalid.rule),
            _ => diagnostics(fault),
        };
        ErrorDetail { location, condition: ack_code(fault).1, severity: Severity::Error, text }
    });
    Ack { code: ack_code(refusal.first()).0, errors: errors.collect() }
}

/// One error at a place of the message. `rule` is a sentence without its subject.
pub fn error(code: AckCode, location: Location, condition: Condition, rule: &str) -> Ack {
    let text = format!("{location} {rule}");
    Ack { code, errors: vec![ErrorDetail { location: Some(location), condition, severity: Severity::Error, text }] }
}
