//! The node's memory: metadata behind [`MetadataStore`], bytes behind [`BlobStore`], DICOM files in [`InstanceFiles`],
//! the local audit log. Only here and in `net` does the program touch the world; no IHE rule and no wire format is here.
//!
//! Nothing is acknowledged before it is durable. Times are given by the caller, in unix microseconds.
//!
//! Start with [`SqliteStore::open`], [`StoreExt`] and the traits that make up [`ReadTx`] and [`WriteTx`].

mod archive;
mod audit_log;
mod blobs;
mod documents;
mod error;
mod files;
mod metadata;
mod outbox;
mod patients;
mod record;
mod registry;
mod reply;
mod sqlite;

pub use archive::{
    ArchiveRead, ArchiveWrite, InstanceSelect, Publication, StageCounts, StoredInstance, StudyListing, StudySelect,
    StudyStage, StudyState,
};
pub use audit_log::{AuditLines, AuditLog, AuditOptions};
pub use blobs::{BlobReader, BlobRef, BlobStore, BlobWriter, Sha256, Swept, digest_of};
pub use documents::{
    DocumentPlace, DocumentRead, DocumentState, DocumentWrite, INLINE_LIMIT_OCTETS, Put, StoredDocument,
};
pub use error::StoreError;
pub use files::{
    FileBlobs, FileOptions, InstanceFile, InstanceFiles, InstanceWriter, TransitFile, TransitFiles, TransitWriter,
};
pub use metadata::{MetadataStore, ReadJob, ReadTx, StoreExt, Verdict, WriteJob, WriteTx};
pub use outbox::{Job, JobId, JobState, NewJob, OutboxRead, OutboxWrite};
pub use patients::{FoundPatients, PatientRead, PatientState, PatientWrite};
pub use registry::{Counts, Found, ObjectKind, RegistryRead, RegistryWrite, Select};
pub use reply::Reply;
pub use sqlite::{SqliteOptions, SqliteStore};
