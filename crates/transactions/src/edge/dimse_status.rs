//! `Fault` as a C-STORE status. Source: PS3.4 Table B.2-1, PS3.7 C.4 and 9.1.1.1.9.

use actors::Fault;

/// Stored, but something of it keeps it from being published: success when only the patient's identity is missing,
/// "data set does not match SOP class (warning)" when a UID of type 1 is.
pub fn held(reason: &str) -> u16 {
    if reason.contains("Instance UID") { 0xb007 } else { 0x0000 }
}

/// What (0000,0902) says: 64 characters, so it begins with what is wrong and leaves out the UID, which the response
/// carries anyway.
pub fn comment(fault: &Fault) -> String {
    match fault {
        Fault::InvalidInstance { reason, .. } => reason.clone(),
        Fault::InstanceConflict(_) => "stored with other content already; the first is kept".to_owned(),
        fault => fault.to_string(),
    }
}

pub fn c_store(fault: &Fault) -> u16 {
    match fault {
        Fault::InstanceConflict(_) => 0x0111,
        Fault::OutOfResources(_) | Fault::Busy => 0xa700,
        Fault::InvalidInstance { .. } => 0xa900,
        Fault::Denied(_) => 0x0124,
        Fault::UnknownPatient(_)
        | Fault::InvalidMetadata(_)
        | Fault::InvalidDocument(_)
        | Fault::InvalidContent { .. }
        | Fault::DuplicateUniqueIdInMessage(_)
        | Fault::DuplicateUniqueId { .. }
        | Fault::NonIdenticalHash(_)
        | Fault::NonIdenticalSize(_)
        | Fault::PatientIdDoesNotMatch { .. }
        | Fault::UnresolvedReference { .. }
        | Fault::DeprecatedTarget(_)
        | Fault::Update { .. }
        | Fault::ReferencesExist { .. }
        | Fault::Unreferenced { .. }
        | Fault::MissingDocument(_)
        | Fault::MissingDocumentMetadata(_)
        | Fault::DocumentNotFound(_)
        | Fault::UnknownRepository { .. }
        | Fault::UnknownQuery(_)
        | Fault::MissingParameter { .. }
        | Fault::ParameterNumber { .. }
        | Fault::InvalidQuery(_)
        | Fault::TooManyResults { .. }
        | Fault::NotSinglePatient
        | Fault::ImagesNotFound(_)
        | Fault::NotAcceptable(_)
        | Fault::Unsupported(_)
        | Fault::PeerUnavailable { .. }
        | Fault::Remote { .. }
        | Fault::Internal { .. } => 0xc000,
    }
}
