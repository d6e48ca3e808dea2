//! Fault: what the domain refuses, in the domain's words. Each standard's code is chosen once, at the edge.

use model::{Invalid, ObjectId, Oid, PatientId, UniqueId};
use std::fmt;

/// Which rule of a metadata update was broken: ITI-57, ITI-92. Each has a code of its own in ITI TF-3 4.2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateRule {
    /// Any rule that has no better name.
    Other,
    /// The version that is updated is not the current one.
    Version,
    /// What the submission asks for is no operation, or contradicts another.
    Operation,
    /// Objects of different patients would be tied together.
    Patient,
    /// The kind of object cannot be updated so.
    ObjectKind,
    /// uniqueId or logicalID.
    Identifier,
    /// An attribute that this transaction cannot change.
    Unmodifiable,
    /// The marks of the update on its associations.
    Annotation,
    /// More, or other, than the transaction may carry.
    Request,
}

/// One reason to refuse, or to answer in part. The texts of `Display` may leave the node; `Debug` is safe for logs.
#[derive(Clone, PartialEq)]
pub enum Fault {
    /// The identity feed never named this patient.
    UnknownPatient(PatientId),
    /// Metadata breaks a rule, found by the registry.
    InvalidMetadata(Invalid),
    /// Metadata contradicts the document, found by the repository.
    InvalidDocument(Invalid),
    /// The document's content is not what its metadata says.
    InvalidContent {
        unique_id: String,
        reason: String,
    },
    DuplicateUniqueIdInMessage(String),
    /// A submission set or folder reuses a uniqueId.
    DuplicateUniqueId {
        kind: &'static str,
        unique_id: String,
    },
    /// A document's uniqueId is known with other content.
    NonIdenticalHash(UniqueId),
    NonIdenticalSize(UniqueId),
    PatientIdDoesNotMatch {
        object: String,
        expected: PatientId,
        came: PatientId,
    },
    UnresolvedReference {
        id: String,
        role: &'static str,
    },
    DeprecatedTarget(ObjectId),
    /// An update of metadata that breaks a rule of updates.
    Update {
        rule: UpdateRule,
        /// Id of the object.
        object: String,
        reason: String,
    },
    /// Something that stays refers to an object that is to be removed.
    ReferencesExist {
        id: ObjectId,
        by: ObjectId,
    },
    /// An object that stays would be left without what it cannot be without.
    Unreferenced {
        id: ObjectId,
        reason: &'static str,
    },
    MissingDocument(String),
    MissingDocumentMetadata(String),
    DocumentNotFound(UniqueId),
    UnknownRepository {
        repository: Oid,
        unique_id: UniqueId,
    },
    UnknownQuery(String),
    MissingParameter {
        parameter: String,
        rule: String,
    },
    /// A single-valued parameter with several values, or two alternatives at once.
    ParameterNumber {
        parameter: String,
        rule: String,
    },
    InvalidQuery(Invalid),
    TooManyResults {
        limit: usize,
    },
    NotSinglePatient,
    /// Study, series or instance that no current manifest lists.
    ImagesNotFound(String),
    /// Nothing that the caller accepts can be produced.
    NotAcceptable(String),
    /// The same SOP Instance UID came with other bytes; the first is kept.
    InstanceConflict(String),
    /// A DICOM object that cannot be accepted.
    InvalidInstance {
        instance: String,
        reason: String,
    },
    Unsupported(String),
    Denied(String),
    Busy,
    /// Storage is exhausted; nothing of the request was kept.
    OutOfResources(String),
    /// A remote party did not answer, or not as agreed.
    PeerUnavailable {
        peer: String,
        reason: String,
    },
    /// A remote party refused; its own code and words.
    Remote {
        peer: String,
        code: String,
        context: String,
        location: Option<String>,
        transient: bool,
    },
    /// Our own fault; the id finds the log line.
    Internal {
        log_id: String,
    },
}

impl Fault {
    /// True when trying again later may succeed without a change by anyone.
    pub fn is_transient(&self) -> bool {
        match self {
            Fault::Busy | Fault::OutOfResources(_) | Fault::PeerUnavailable { .. } | Fault::Internal { .. } => true,
            Fault::Remote { transient, .. } => *transient,
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::UnknownPatient(id) => write!(
                f,
                "patientId must be known to this registry, fed by ITI-8, ITI-44 or ITI-104 before; got `{id}`"
            ),
            Fault::InvalidMetadata(invalid) | Fault::InvalidDocument(invalid) | Fault::InvalidQuery(invalid) => {
                invalid.fmt(f)
            }
            Fault::InvalidContent { unique_id, reason } => write!(f, "document {unique_id}: {reason}"),
            Fault::DuplicateUniqueIdInMessage(id) => {
                write!(f, "uniqueId {id} occurs more than once in this submission")
            }
            Fault::DuplicateUniqueId { kind, unique_id } => {
                write!(f, "{kind} uniqueId {unique_id} is already registered")
            }
            Fault::NonIdenticalHash(id) => {
                write!(f, "document uniqueId {id} is already registered with another hash; the first is kept")
            }
            Fault::NonIdenticalSize(id) => {
                write!(f, "document uniqueId {id} is already registered with another size; the first is kept")
            }
            Fault::PatientIdDoesNotMatch { object, expected, came } => {
                write!(
                    f,
                    "{object}: patientId must be {expected}, since all objects of a submission and the documents it relates to belong to one patient; got `{came}`"
                )
            }
            Fault::UnresolvedReference { id, role } => {
                write!(f, "{role} {id} is neither in this submission nor in the registry")
            }
            Fault::DeprecatedTarget(id) => {
                write!(f, "sourceObject or targetObject {id} is deprecated and takes no new association")
            }
            Fault::Update { object, reason, .. } => write!(f, "{object}: {reason}"),
            Fault::ReferencesExist { id, by } => {
                write!(f, "{id} cannot be removed while {by}, which is not in this request, refers to it")
            }
            Fault::Unreferenced { id, reason } => write!(f, "{id} would be left {reason}"),
            Fault::MissingDocument(id) => write!(f, "DocumentEntry {id} has no Document with that id in the request"),
            Fault::MissingDocumentMetadata(id) => {
                write!(f, "Document {id} has no DocumentEntry with that id in the request")
            }
            Fault::DocumentNotFound(id) => write!(f, "DocumentUniqueId {id} names no document of this repository"),
            Fault::UnknownRepository { repository, .. } => {
                write!(f, "RepositoryUniqueId {repository} is not this repository and no peer is configured for it")
            }
            Fault::UnknownQuery(id) => {
                write!(f, "AdhocQuery.id must name a stored query that is answered here; got `{id}`")
            }
            Fault::MissingParameter { parameter, rule } => write!(f, "{parameter} {rule}"),
            Fault::ParameterNumber { parameter, rule } => write!(f, "{parameter} {rule}"),
            Fault::TooManyResults { limit } => {
                write!(f, "more than {limit} objects match; narrow the query by date, class or type")
            }
            Fault::NotSinglePatient => {
                write!(f, "the ids belong to more than one patient; ask for ObjectRef or for one patient at a time")
            }
            Fault::ImagesNotFound(what) => write!(f, "{what} is not listed in any current manifest of this source"),
            Fault::NotAcceptable(reason) => f.write_str(reason),
            Fault::InstanceConflict(uid) => {
                write!(f, "SOP Instance UID {uid} is stored with other content; the first is kept")
            }
            Fault::InvalidInstance { instance, reason } => write!(f, "{instance}: {reason}"),
            Fault::Unsupported(what) => write!(f, "{what} is not supported here"),
            Fault::Denied(reason) => write!(f, "refused by policy: {reason}"),
            Fault::Busy => write!(f, "this node has too many requests at the moment; try again"),
            Fault::OutOfResources(what) => write!(f, "{what}; nothing of this request was kept"),
            Fault::PeerUnavailable { peer, reason } => write!(f, "{peer} did not answer: {reason}"),
            Fault::Remote { peer, code, context, .. } => write!(f, "{peer} answered {code}: {context}"),
            Fault::Internal { log_id } => write!(f, "an internal error happened; its log line has the id {log_id}"),
        }
    }
}

// Identifiers of patients stay out of logs.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::UnknownPatient(id) => write!(f, "UnknownPatient({id:?})"),
            Fault::Update { rule, object, .. } => write!(f, "Update({rule:?} {object})"),
            Fault::PatientIdDoesNotMatch { object, .. } => write!(f, "PatientIdDoesNotMatch({object})"),
            Fault::InvalidMetadata(i) | Fault::InvalidDocument(i) | Fault::InvalidQuery(i) => write!(f, "{i:?}"),
            Fault::Remote { peer, code, .. } => write!(f, "Remote({peer}: {code})"),
            other => f.write_str(&other.to_string()),
        }
    }
}

impl std::error::Error for Fault {}

/// Why a request failed: at least one fault, all that were found.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    faults: Vec<Fault>,
}

impl Refusal {
    /// `None` for an empty list: nothing was wrong.
    pub fn of(faults: Vec<Fault>) -> Option<Self> {
        (!faults.is_empty()).then_some(Refusal { faults })
    }

    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub fn first(&self) -> &Fault {
        &self.faults[0]
    }

    pub fn is_transient(&self) -> bool {
        self.faults.iter().all(Fault::is_transient)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal { faults: vec![fault] }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
