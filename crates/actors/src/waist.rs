//! The narrow waist: four traits between everything that asks and everything that answers.

use crate::{Cx, Fault, Found, Refusal};
use bytes::Bytes;
use futures_util::Stream;
use model::{
    Association, DocumentEntry, DocumentQuery, HomeCommunityId, Invalid, ObjectId, Oid, Patient, PatientId,
    SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, Submission, TransferSyntaxUid, UniqueId,
};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use store::BlobRef;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send>>;

/// Which documents exist.
pub trait Registry: Send + Sync {
    /// Registers a submission: all or nothing, durable when it answers.
    ///
    /// Errors: every rule of ITI TF-2 3.42.4.1.3 that is broken, all at once.
    fn register<'a>(&'a self, submission: Submission, cx: &'a Cx) -> BoxFuture<'a, Result<Registered, Refusal>>;

    /// Finds the entries that meet every criterion given.
    ///
    /// Shape: newest registration first; the status criterion decides whether deprecated entries show.
    /// Errors: `TooManyResults` past the node's limit when no page is asked for.
    /// Source: ITI TF-2 3.18.4.1.2.3.7.1, MHD 2:3.67.4.1.3.
    fn find<'a>(&'a self, query: &'a DocumentQuery, cx: &'a Cx)
    -> BoxFuture<'a, Result<Found<DocumentEntry>, Refusal>>;

    /// Associations that touch any of these objects, as source or as target. Unknown ids yield nothing.
    fn associations<'a>(
        &'a self,
        ids: &'a [ObjectId],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<Association>, Refusal>>;
}

/// What a registry answers to a submission it accepted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registered {
    /// Symbolic id to the entryUUID it became; UUIDs map to themselves. Empty when a remote registry does not say.
    pub ids: Vec<(ObjectId, ObjectId)>,
    /// Rules that were broken and tolerated.
    pub warnings: Vec<Invalid>,
}

/// A document on its way in.
pub struct ProvidedDocument {
    /// Id of the DocumentEntry it belongs to.
    pub entry_id: ObjectId,
    pub content: DocumentContent,
}

/// Bytes of a document that is being provided.
#[derive(Clone, Debug)]
pub enum DocumentContent {
    Memory(Bytes),
    /// Already durable in the receiving repository's own blob store, named by content.
    Blob(BlobRef),
    /// On the sender's disk.
    File(PathBuf),
}

/// One document wanted from one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRequest {
    pub home_community_id: Option<HomeCommunityId>,
    pub repository_unique_id: Oid,
    pub unique_id: UniqueId,
}

/// One document on its way out.
pub struct RetrievedDocument {
    pub request: DocumentRequest,
    pub mime_type: String,
    /// Known for stored documents.
    pub size_octets: Option<u64>,
    pub body: ByteStream,
}

/// Documents that were found, and one fault for each that was not.
pub struct Retrieved {
    pub documents: Vec<RetrievedDocument>,
    pub faults: Vec<Fault>,
}

/// Bytes of documents.
pub trait Repository: Send + Sync {
    /// Stores documents and registers their metadata: all or nothing, durable when it answers.
    ///
    /// Errors: the registry's, all of them; `MissingDocument`, `MissingDocumentMetadata`, `InvalidDocument` for a hash or
    /// size that differs from the bytes; `OutOfResources`.
    /// Source: ITI TF-2 3.41.4.1.3.
    fn provide<'a>(
        &'a self,
        submission: Submission,
        documents: Vec<ProvidedDocument>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>>;

    /// Gives the bytes as they were stored.
    ///
    /// Errors: one fault per document that cannot be had, in `Retrieved::faults`; never an error for the whole request
    /// unless the request itself is at fault.
    /// Source: ITI TF-2 3.43.4.1.3.
    fn retrieve<'a>(&'a self, requests: &'a [DocumentRequest], cx: &'a Cx)
    -> BoxFuture<'a, Result<Retrieved, Refusal>>;
}

/// A transfer syntax the caller takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedSyntax {
    /// Whatever it is stored in, unchanged.
    AsStored,
    /// Nothing was said: Explicit VR Little Endian, or what the standard lets stand in for it.
    Default,
    Uid(TransferSyntaxUid),
}

/// Instances wanted from a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRequest {
    pub study: StudyInstanceUid,
    pub series: Option<SeriesInstanceUid>,
    pub instance: Option<SopInstanceUid>,
    /// Best first; at least one.
    pub syntaxes: Vec<WantedSyntax>,
}

/// Instances on their way out.
pub struct Images {
    /// Number of instances, and octets of each in order, when the source knows before it reads them.
    pub plan: Option<Vec<PlannedInstance>>,
    pub instances: InstanceStream,
}

/// What is known of an instance before its octets come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedInstance {
    pub series: SeriesInstanceUid,
    pub sop_instance: SopInstanceUid,
    pub transfer_syntax: TransferSyntaxUid,
    pub size_octets: u64,
}

/// One instance on its way out.
pub struct ServedInstance {
    pub series: Option<SeriesInstanceUid>,
    pub sop_instance: SopInstanceUid,
    pub transfer_syntax: TransferSyntaxUid,
    pub size_octets: Option<u64>,
    pub body: ByteStream,
}

pub type InstanceStream = Pin<Box<dyn Stream<Item = Result<ServedInstance, Fault>> + Send>>;

/// Instances of studies.
pub trait Imaging: Send + Sync {
    /// Gives instances as DICOM Part 10 files, one after the other.
    ///
    /// Errors: `ImagesNotFound` for what no current manifest lists; `NotAcceptable` when no accepted transfer syntax can
    /// be produced; a fault in the stream means the answer is incomplete.
    /// Source: RAD TF-2 4.107, PS3.18 10.4.
    fn fetch<'a>(&'a self, request: &'a ImageRequest, cx: &'a Cx) -> BoxFuture<'a, Result<Images, Refusal>>;
}

/// What an identity feed says of a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatientNews {
    /// Here is a patient: what is known of it already stays, so that a hospital's old data overwrite nothing.
    Added,
    /// Demographics changed, and these are the right ones.
    Revised,
}

/// Who patients are.
pub trait Identity: Send + Sync {
    /// Makes a patient known, or brings its demographics up to date. Doing it twice is the same as once.
    ///
    /// Errors: `InvalidMetadata` for an identifier of another domain, or one that was merged away.
    /// Source: ITI TF-2 3.44, PIXm 2:3.104.
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>>;

    /// The patient with this identifier.
    fn find<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>>;

    /// Patients whose identifier or name starts with `text`; all when it is empty.
    fn search<'a>(&'a self, text: &'a str, limit: usize, cx: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>>;
}
