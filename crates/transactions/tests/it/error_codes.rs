//! Every fault as `RegistryError`: the code is one that the table has for a transaction that can meet the fault, the
//! context is one sentence, and the location is where a machine looks. Source: ITI TF-3 Table 4.2.4.1-2; spec/xds.md 25.

use actors::{Fault, UpdateRule};
use ebxml::Severity;
use model::{Invalid, ObjectId, Oid};
use transactions::edge::error_code::{Side, error_code, location};
use transactions::edge::registry_errors::error;

/// Codes of a registry and a repository, with the transactions that the table gives them. P is ITI-41, R is ITI-42 and 61,
/// SQ is ITI-18, RS is ITI-43 and RAD-69, U is ITI-57, RU is ITI-92, D is ITI-62, RD is ITI-86.
const TABLE: [(&str, &str); 46] = [
    ("InvalidDocumentContent", "P"),
    ("UnresolvedReferenceException", "P R U D"),
    ("XDSDocumentUniqueIdError", "RS RD"),
    ("XDSDuplicateUniqueIdInRegistry", "P R"),
    ("XDSExtraMetadataNotSaved", "P R"),
    ("XDSMissingDocument", "P"),
    ("XDSMissingDocumentMetadata", "P"),
    ("XDSMissingHomeCommunityId", "SQ RS RU"),
    ("XDSNonIdenticalHash", "P R"),
    ("XDSNonIdenticalSize", "P R"),
    ("XDSPatientIdDoesNotMatch", "P R"),
    ("XDSRegistryBusy", "P R SQ"),
    ("XDSRepositoryBusy", "P RS"),
    ("XDSRegistryDeprecatedDocumentError", "P R"),
    ("XDSRegistryDuplicateUniqueIdInMessage", "P R U"),
    ("XDSRepositoryDuplicateUniqueIdInMessage", "P"),
    ("XDSRegistryError", "P R SQ"),
    ("XDSRepositoryError", "P RS"),
    ("XDSRegistryMetadataError", "P R"),
    ("XDSRepositoryMetadataError", "P"),
    ("XDSRegistryNotAvailable", "P"),
    ("XDSRegistryOutOfResources", "P R SQ"),
    ("XDSRepositoryOutOfResources", "P RS"),
    ("XDSResultNotSinglePatient", "SQ RS"),
    ("XDSStoredQueryMissingParam", "SQ"),
    ("XDSStoredQueryParamNumber", "SQ"),
    ("XDSTooManyResults", "SQ RS"),
    ("XDSUnavailableCommunity", "SQ RS"),
    ("XDSUnknownCommunity", "SQ RS RU"),
    ("XDSUnknownPatientId", "P R SQ"),
    ("XDSUnknownRepositoryId", "RS RD"),
    ("XDSUnknownStoredQuery", "SQ"),
    ("XDSMetadataUpdateError", "U RU"),
    ("XDSPatientIDReconciliationError", "U RU"),
    ("XDSMetadataUpdateOperationError", "U RU"),
    ("XDSMetadataVersionError", "U RU"),
    ("XDSObjectTypeError", "RU U"),
    ("XDSMetadataIdentifierError", "RU U"),
    ("XDSInvalidRequestException", "RU U"),
    ("UnmodifiableMetadataError", "RU U"),
    ("LocalPolicyRestrictionError", "RU U"),
    ("XDSMetadataAnnotationError", "RU U"),
    ("ReferencesExistException", "D"),
    ("XDSUnreferencedObjectException", "D"),
    ("XDSMetadataModelException", "D"),
    ("XDSRemoveDocumentsError", "RD"),
];

/// Where a fault comes from, as the table abbreviates it: at a registry, and at a repository. A fault that one side never
/// has gives nothing for it. No `_`: a new fault does not build until its codes are looked up.
fn raised_by(fault: &Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::UnknownPatient(_)
        | Fault::InvalidMetadata(_)
        | Fault::PatientIdDoesNotMatch { .. }
        | Fault::UnresolvedReference { .. }
        | Fault::DeprecatedTarget(_)
        | Fault::DuplicateUniqueId { .. }
        | Fault::NonIdenticalHash(_)
        | Fault::NonIdenticalSize(_) => ("R", "P"),
        Fault::DuplicateUniqueIdInMessage(_) => ("R", "P"),
        Fault::InvalidDocument(_)
        | Fault::InvalidContent { .. }
        | Fault::MissingDocument(_)
        | Fault::MissingDocumentMetadata(_) => ("", "P"),
        Fault::DocumentNotFound(_) | Fault::UnknownRepository { .. } => ("", "RS"),
        Fault::Update { .. } => ("U", ""),
        Fault::ReferencesExist { .. } | Fault::Unreferenced { .. } => ("D", ""),
        Fault::UnknownQuery(_)
        | Fault::MissingParameter { .. }
        | Fault::ParameterNumber { .. }
        | Fault::TooManyResults { .. }
        | Fault::NotSinglePatient => ("SQ", ""),
        Fault::InvalidQuery(_) => ("SQ", "RS"),
        Fault::Unsupported(_) | Fault::Denied(_) | Fault::Internal { .. } | Fault::Busy | Fault::OutOfResources(_) => {
            ("SQ", "RS")
        }
        // What a repository depends on is its registry, whose own codes it passes on.
        Fault::PeerUnavailable { .. } | Fault::Remote { .. } => ("SQ", "P"),
        // Of images, which no transaction with these codes hands out.
        Fault::ImagesNotFound(_)
        | Fault::NotAcceptable(_)
        | Fault::InstanceConflict(_)
        | Fault::InvalidInstance { .. } => ("SQ", "RS"),
    }
}

/// One of every kind, and where a machine finds what is wrong.
fn faults() -> Vec<(Fault, Option<&'static str>)> {
    let uid = || testkit::unique_id("2.25.1");
    let id = |n: u8| ObjectId::parse(&format!("urn:uuid:a0000000-0000-4000-8000-00000000000{n}")).unwrap();
    const FIRST: Option<&str> = Some("urn:uuid:a0000000-0000-4000-8000-000000000001");
    let patient = testkit::patient_id;
    let oid = || Oid::parse("2.999.66").unwrap();
    let invalid = |field: &str| Invalid::new(field, "must be y", "a value\nof two lines").on("D1");
    let text = |text: &str| text.to_owned();
    let mut faults = vec![
        (Fault::UnknownPatient(patient("P1")), None),
        (Fault::InvalidMetadata(invalid("DocumentEntry.x")), Some("D1")),
        (Fault::InvalidDocument(invalid("DocumentEntry.hash")), Some("D1")),
        (Fault::InvalidContent { unique_id: text("2.25.1"), reason: text("is no manifest") }, Some("2.25.1")),
        (Fault::DuplicateUniqueIdInMessage(text("2.25.1")), Some("2.25.1")),
        (Fault::DuplicateUniqueId { kind: "Folder", unique_id: text("2.25.1") }, Some("2.25.1")),
        (Fault::NonIdenticalHash(uid()), Some("2.25.1")),
        (Fault::NonIdenticalSize(uid()), Some("2.25.1")),
        (Fault::PatientIdDoesNotMatch { object: text("D1"), expected: patient("P1"), came: patient("P2") }, Some("D1")),
        (Fault::UnresolvedReference { id: text("D9"), role: "targetObject" }, Some("D9")),
        (Fault::DeprecatedTarget(id(1)), FIRST),
        (Fault::ReferencesExist { id: id(1), by: id(2) }, FIRST),
        (Fault::Unreferenced { id: id(1), reason: "without its submission set" }, FIRST),
        (Fault::MissingDocument(text("D1")), Some("D1")),
        (Fault::MissingDocumentMetadata(text("D1")), Some("D1")),
        (Fault::DocumentNotFound(uid()), Some("2.25.1")),
        (Fault::UnknownRepository { repository: oid(), unique_id: uid() }, Some("2.25.1")),
        (Fault::UnknownQuery(text("urn:uuid:1")), None),
        (Fault::MissingParameter { parameter: text("$uuid"), rule: text("is required") }, Some("$uuid")),
        (Fault::ParameterNumber { parameter: text("$uuid"), rule: text("must have one value, not 2") }, Some("$uuid")),
        (Fault::InvalidQuery(Invalid::new("$uuid", "must be y", "z")), Some("$uuid")),
        (Fault::InvalidQuery(Invalid::new("DocumentRequest.x", "must be y", "z").on("2.25.1")), Some("2.25.1")),
        (Fault::TooManyResults { limit: 7 }, None),
        (Fault::NotSinglePatient, None),
        (Fault::ImagesNotFound(text("study 2.25.7")), None),
        (Fault::NotAcceptable(text("nothing that Accept names can be made")), None),
        (Fault::InstanceConflict(text("2.25.1")), Some("2.25.1")),
        (Fault::InvalidInstance { instance: text("2.25.1"), reason: text("has no study") }, Some("2.25.1")),
        (Fault::Unsupported(text("this")), None),
        (Fault::Denied(text("no consent")), None),
        (Fault::Busy, None),
        (Fault::OutOfResources(text("the disk is full")), None),
        (Fault::PeerUnavailable { peer: text("central"), reason: text("it is silent") }, None),
        (Fault::Internal { log_id: text("7") }, None),
    ];
    use UpdateRule::{Annotation, Identifier, ObjectKind, Operation, Other, Patient, Request, Unmodifiable, Version};
    for rule in [Other, Version, Operation, Patient, ObjectKind, Identifier, Unmodifiable, Annotation, Request] {
        faults
            .push((Fault::Update { rule, object: text("D1"), reason: text("PreviousVersion must be 1") }, Some("D1")));
    }
    // What another registry says is passed on, on one line.
    let context = text("D1: something is wrong\r\n\tand more");
    let remote = |location: Option<&str>| Fault::Remote {
        peer: text("central"),
        code: text("XDSRegistryError"),
        context: context.clone(),
        location: location.map(str::to_owned),
        transient: false,
    };
    faults.extend([(remote(None), None), (remote(Some("D1")), Some("D1"))]);
    faults
}

#[test]
fn every_fault_has_a_code_of_its_transactions() {
    for (fault, _) in faults() {
        let (registry, repository) = raised_by(&fault);
        assert!(!registry.is_empty() || !repository.is_empty());
        for (side, transaction) in [(Side::Registry, registry), (Side::Repository, repository)] {
            let code = error_code(&fault, side);
            let row = TABLE.iter().find(|(known, _)| *known == code).unwrap_or_else(|| panic!("{code} is in no table"));
            let fits = transaction.is_empty() || row.1.split(' ').any(|known| known == transaction);
            assert!(fits, "{fault:?}: {code} is no code of {transaction}, but of {}", row.1);
            // The name of the side that speaks is not the other's, where a code has one.
            let said = error(&fault, side);
            assert_eq!((said.code.as_str(), said.severity), (code, Severity::Error));
        }
    }
}

#[test]
fn every_context_is_one_sentence_that_shows_nothing_of_the_program() {
    for (fault, _) in faults() {
        for side in [Side::Registry, Side::Repository] {
            let context = error(&fault, side).context;
            assert!(!context.is_empty() && !context.ends_with('.') && context.trim() == context, "`{context}`");
            for foreign in ["\n", "\r", "\t", ". ", "src/", ".rs", "panicked", "Some(", "Err(", "Fault", "PatientId("] {
                assert!(!context.contains(foreign), "`{foreign}` in `{context}`");
            }
        }
    }
}

#[test]
fn every_location_is_where_a_machine_looks() {
    for (fault, expected) in faults() {
        assert_eq!(location(&fault).as_deref(), expected, "{fault:?}");
        assert_eq!(error(&fault, Side::Registry).location.as_deref(), expected, "{fault:?}");
    }
}
