//! `Fault` as `RegistryError/@errorCode`, and back for a client. Source: ITI TF-3 Table 4.2.4.1-2; spec/xds.md 25.

use actors::{Fault, UpdateRule};

/// Which side found the fault: some codes say so in their name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Registry,
    Repository,
}

pub fn error_code(fault: &Fault, side: Side) -> &str {
    let by_side = |registry: &'static str, repository: &'static str| match side {
        Side::Registry => registry,
        Side::Repository => repository,
    };
    match fault {
        Fault::UnknownPatient(_) => "XDSUnknownPatientId",
        Fault::InvalidMetadata(_) => "XDSRegistryMetadataError",
        Fault::InvalidDocument(_) => "XDSRepositoryMetadataError",
        Fault::InvalidContent { .. } => "InvalidDocumentContent",
        Fault::DuplicateUniqueIdInMessage(_) => {
            by_side("XDSRegistryDuplicateUniqueIdInMessage", "XDSRepositoryDuplicateUniqueIdInMessage")
        }
        Fault::DuplicateUniqueId { .. } => "XDSDuplicateUniqueIdInRegistry",
        Fault::NonIdenticalHash(_) => "XDSNonIdenticalHash",
        Fault::NonIdenticalSize(_) => "XDSNonIdenticalSize",
        Fault::PatientIdDoesNotMatch { .. } => "XDSPatientIdDoesNotMatch",
        Fault::UnresolvedReference { .. } => "UnresolvedReferenceException",
        Fault::DeprecatedTarget(_) => "XDSRegistryDeprecatedDocumentError",
        Fault::Update { rule, .. } => match rule {
            UpdateRule::Other => "XDSMetadataUpdateError",
            UpdateRule::Version => "XDSMetadataVersionError",
            UpdateRule::Operation => "XDSMetadataUpdateOperationError",
            UpdateRule::Patient => "XDSPatientIDReconciliationError",
            UpdateRule::ObjectKind => "XDSObjectTypeError",
            UpdateRule::Identifier => "XDSMetadataIdentifierError",
            UpdateRule::Unmodifiable => "UnmodifiableMetadataError",
            UpdateRule::Annotation => "XDSMetadataAnnotationError",
            UpdateRule::Request => "XDSInvalidRequestException",
        },
        Fault::ReferencesExist { .. } => "ReferencesExistException",
        Fault::Unreferenced { .. } => "XDSUnreferencedObjectException",
        Fault::MissingDocument(_) => "XDSMissingDocument",
        Fault::MissingDocumentMetadata(_) => "XDSMissingDocumentMetadata",
        Fault::DocumentNotFound(_) => "XDSDocumentUniqueIdError",
        Fault::UnknownRepository { .. } => "XDSUnknownRepositoryId",
        Fault::UnknownQuery(_) => "XDSUnknownStoredQuery",
        Fault::MissingParameter { .. } => "XDSStoredQueryMissingParam",
        Fault::ParameterNumber { .. } => "XDSStoredQueryParamNumber",
        Fault::TooManyResults { .. } => "XDSTooManyResults",
        Fault::NotSinglePatient => "XDSResultNotSinglePatient",
        Fault::Busy => by_side("XDSRegistryBusy", "XDSRepositoryBusy"),
        Fault::OutOfResources(_) => by_side("XDSRegistryOutOfResources", "XDSRepositoryOutOfResources"),
        // The only party a repository depends on is its registry; the table has a code for exactly that.
        Fault::PeerUnavailable { .. } => by_side("XDSRegistryError", "XDSRegistryNotAvailable"),
        Fault::Remote { code, .. } => code,
        // The table has no code for these; codeContext says what happened.
        // RAD-69: an instance is a document there, its SOP Instance UID the uniqueId.
        Fault::ImagesNotFound(_) => by_side("XDSRegistryError", "XDSDocumentUniqueIdError"),
        Fault::InvalidQuery(_)
        | Fault::NotAcceptable(_)
        | Fault::InstanceConflict(_)
        | Fault::InvalidInstance { .. }
        | Fault::Unsupported(_)
        | Fault::Denied(_)
        | Fault::Internal { .. } => by_side("XDSRegistryError", "XDSRepositoryError"),
    }
}

/// Where the fault lies, when a machine can use it: the uniqueId for a retrieve and for whatever a uniqueId is wrong
/// about, else the object's id, else the parameter of a query.
pub fn location(fault: &Fault) -> Option<String> {
    match fault {
        Fault::DocumentNotFound(id)
        | Fault::UnknownRepository { unique_id: id, .. }
        | Fault::NonIdenticalHash(id)
        | Fault::NonIdenticalSize(id) => Some(id.to_string()),
        Fault::InvalidContent { unique_id: id, .. }
        | Fault::DuplicateUniqueIdInMessage(id)
        | Fault::DuplicateUniqueId { unique_id: id, .. }
        | Fault::UnresolvedReference { id, .. }
        | Fault::MissingDocument(id)
        | Fault::MissingDocumentMetadata(id)
        | Fault::InstanceConflict(id)
        | Fault::InvalidInstance { instance: id, .. } => Some(id.clone()),
        Fault::InvalidMetadata(invalid) | Fault::InvalidDocument(invalid) => invalid.object.clone(),
        Fault::InvalidQuery(invalid) => {
            invalid.object.clone().or_else(|| Some(invalid.field.clone())).filter(|place| !place.is_empty())
        }
        Fault::PatientIdDoesNotMatch { object, .. } | Fault::Update { object, .. } => Some(object.clone()),
        Fault::DeprecatedTarget(id) | Fault::ReferencesExist { id, .. } | Fault::Unreferenced { id, .. } => {
            Some(id.to_string())
        }
        Fault::MissingParameter { parameter, .. } | Fault::ParameterNumber { parameter, .. } => Some(parameter.clone()),
        Fault::Remote { location, .. } => location.clone(),
        // What these are about is no place in the message.
        Fault::UnknownPatient(_)
        | Fault::UnknownQuery(_)
        | Fault::TooManyResults { .. }
        | Fault::NotSinglePatient
        | Fault::ImagesNotFound(_)
        | Fault::NotAcceptable(_)
        | Fault::Unsupported(_)
        | Fault::Denied(_)
        | Fault::Busy
        | Fault::OutOfResources(_)
        | Fault::PeerUnavailable { .. }
        | Fault::Internal { .. } => None,
    }
}

/// A peer's error as a fault: its code and words are kept, and whether asking again may help.
pub fn remote_fault(peer: &str, code: &str, context: &str, location: Option<&str>) -> Fault {
    let transient = matches!(
        code,
        "XDSRegistryBusy"
            | "XDSRepositoryBusy"
            | "XDSRegistryNotAvailable"
            | "XDSRegistryOutOfResources"
            | "XDSRepositoryOutOfResources"
            | "XDSRegistryError"
            | "XDSRepositoryError"
    );
    Fault::Remote {
        peer: peer.to_owned(),
        code: code.to_owned(),
        context: context.to_owned(),
        location: location.map(str::to_owned),
        transient,
    }
}
