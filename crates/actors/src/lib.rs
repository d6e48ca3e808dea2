//! What IHE actors do, in no protocol: the four traits that everything meets at, the rules of a registry, a repository,
//! an identity manager and an imaging source, and the faults the domain refuses with. No codec, no socket.
//!
//! The traits are [`Registry`], [`Repository`], [`Imaging`] and [`Identity`]. A node's own store, a remote peer and a
//! whole federation implement them alike. Source: spec ITI TF-1 (actors), RAD TF-1.

mod cx;
mod document_registry;
mod document_repository;
mod document_update;
mod fault;
mod flows;
mod imaging_archive;
mod imaging_document_source;
mod metadata_removal;
mod pacs_proxy;
mod partial;
mod patient_identity;
mod patient_match;
mod registration;
mod repository_directory;
mod store_faults;
mod stored_queries;
mod stream;
mod waist;

pub use cx::{Caller, Clock, Cx, Identifiers, short_id};
pub use document_registry::{DocumentRegistry, RegistryPolicy};
pub use document_repository::{DocumentRepository, RegisterAt};
pub use fault::{Fault, Refusal, UpdateRule};
pub use flows::{
    FlowEvent, FlowEventKind, FlowOverview, FlowPage, FlowQuery, HeldInstance, Journal, MINUTES, Minutes, Obstacle,
    ObstacleKind, Operations, PeerReport, PeerState, Progress, Retried, RetryRefusal, StudyFlow, StudyRecord,
    Throughput,
};
pub use imaging_archive::{
    Accepted, Delivered, ImagingArchive, IncomingInstance, InstanceDelivery, InstanceReceiver, ReceivedInstance,
};
pub use imaging_document_source::{
    DraftManifest, ImagingDocumentSource, ManifestIdentity, ManifestMaker, NotPublishable, Reconciliation,
    SourcePolicy, UnknownPatientAtSource, out_of_sync, study_is_complete,
};
pub use pacs_proxy::{
    Arriving, Inventory, KnownStudy, ListedInstance, ListedStudy, ObservationPolicy, Pacs, PacsObserver, PacsRecords,
    PacsRetrieve, PacsSync, ProxyImaging, StepEnd, Transfers, UnreadStudy, Wanted,
};
pub use partial::{Found, SilentParty};
pub use patient_identity::{PatientIdentity, linked};
pub use patient_match::{Description, MatchGrade, PatientMatch, matches, score};
pub use repository_directory::RepositoryDirectory;
pub use stream::{blob_stream, once, read_ahead, when_read};
pub use waist::{
    Answered, BoxFuture, ByteStream, DocumentContent, DocumentRequest, Identity, ImageRequest, Images, Imaging,
    InstanceAddress, InstanceStream, OpenInstance, PatientNews, PickedImages, PlannedInstance, ProvidedDocument,
    Registered, Registry, Repository, Retrieved, RetrievedDocument, SUBSUMED, SURVIVOR, ServedInstance, UpdateKind,
    WantedSyntax,
};

/// Rows and files of the archive, as the part that knows DICOM sees them.
pub use store::{
    Counts, InstanceFiles, InstanceWriter, Sha256, StageCounts, StoredInstance, StudyStage, StudyState, TransitFile,
    TransitFiles,
};

/// Where documents go while they arrive: what a server of the waist needs of the store.
pub mod spool {
    use crate::BoxFuture;
    pub use store::{BlobRef, BlobStore, BlobWriter, INLINE_LIMIT_OCTETS, Sha256, StoreError};

    /// Takes the octets of attachments before anybody knows what becomes of them.
    pub trait Spool: Send + Sync {
        /// Begins one. Blocks. Errors: `Full`, `Io`.
        fn create(&self) -> Result<Box<dyn BlobWriter>, StoreError>;

        /// The request is over: removes those of its attachments that became no document.
        fn release<'a>(&'a self, blobs: Vec<Sha256>) -> BoxFuture<'a, ()>;
    }
}
