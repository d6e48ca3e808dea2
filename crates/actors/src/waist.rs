//! The narrow waist: four traits between everything that asks and everything that answers.

use crate::{Cx, Fault, Found, Refusal, SilentParty};
use bytes::Bytes;
use futures_util::Stream;
use model::{
    Association, DocumentEntry, DocumentQuery, HomeCommunityId, Invalid, ObjectId, Oid, Patient, PatientId,
    PatientQuery, RegistryObjects, RegistryQuery, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, Submission,
    TransferSyntaxUid, UniqueId,
};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
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

    /// Registers a submission that brings on-demand entries: documents that are made when they are asked for.
    ///
    /// Errors: as [`Registry::register`].
    /// Source: ITI TF-2 3.61.4.1.3.
    fn register_on_demand<'a>(
        &'a self,
        submission: Submission,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        let _ = (submission, cx);
        unsupported("registering on-demand entries")
    }

    /// Changes what is registered: new versions of entries and folders, statuses, associations. All or nothing.
    ///
    /// Errors: every rule of updates that is broken, and the registry's own; nothing is changed then.
    /// Source: ITI TF-2 3.57.4.1.3, 3.92.4.1.3; spec/xds.md 19.1, 19.2.
    fn update<'a>(
        &'a self,
        submission: Submission,
        kind: UpdateKind,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        let _ = (submission, kind, cx);
        unsupported("updating metadata")
    }

    /// Removes objects of any kind, and nothing else: all or nothing. The documents stay.
    ///
    /// Errors: `UnresolvedReference`, `ReferencesExist`, `Unreferenced`.
    /// Source: ITI TF-2 3.62.4.1.3; spec/xds.md 19.3.
    fn remove<'a>(&'a self, ids: &'a [ObjectId], cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        let _ = (ids, cx);
        unsupported("removing metadata")
    }

    /// Answers any stored query.
    ///
    /// Errors: `TooManyResults`; `MissingParameter` for a query over all patients where that is not allowed.
    /// Source: ITI TF-2 3.18.4.1.2.3.7, 3.51.4.1.2.
    fn query<'a>(&'a self, query: &'a RegistryQuery, cx: &'a Cx) -> BoxFuture<'a, Result<Answered, Refusal>> {
        let _ = (query, cx);
        unsupported("this stored query")
    }

    /// Associations that touch any of these objects, as source or as target. Unknown ids yield nothing.
    fn associations<'a>(
        &'a self,
        ids: &'a [ObjectId],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Found<Association>, Refusal>>;
}

/// For a registry behind a transaction that has no words for it.
fn unsupported<'a, T: Send + 'a>(what: &str) -> BoxFuture<'a, Result<T, Refusal>> {
    let fault = Fault::Unsupported(what.to_owned());
    Box::pin(async move { Err(fault.into()) })
}

/// Who may change what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// ITI-57: a Document Administrator.
    Full,
    /// ITI-92: anybody who may update, and only attributes of entries.
    Restricted,
}

/// Objects that a query found, and who did not answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    pub objects: RegistryObjects,
    pub silent: Vec<SilentParty>,
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

    /// Removes documents; their metadata stays, unless it was removed before (ITI-62).
    ///
    /// Shape: one fault for each document that is not there or not here, and the others are removed all the same.
    /// Source: spec/xds.md 19.4.
    fn remove<'a>(&'a self, requests: &'a [DocumentRequest], cx: &'a Cx) -> BoxFuture<'a, Result<Vec<Fault>, Refusal>> {
        let _ = (requests, cx);
        unsupported("removing documents")
    }

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

    /// Gives the files of instances, for attributes, frames and pictures.
    ///
    /// Errors: as [`Imaging::fetch`]; `Unsupported` from a source that has no files.
    fn open<'a>(&'a self, _: &'a ImageRequest, _: &'a Cx) -> BoxFuture<'a, Result<Vec<OpenInstance>, Refusal>> {
        unsupported("attributes, frames and pictures of instances at this source")
    }

    /// Gives instances that are named one by one, those of one series next to each other, and says of each beforehand
    /// whether it comes. The order of `syntaxes` is no preference: what is stored in one of them is not converted.
    ///
    /// Errors: as [`Imaging::fetch`], but per instance, in [`PickedImages::outcomes`]; `Unsupported` from a source that
    /// cannot tell before it sends, or that cannot be asked so.
    /// Source: RAD TF-2 4.69; spec/xds.md section 22.
    fn pick<'a>(
        &'a self,
        _wanted: &'a [InstanceAddress],
        _syntaxes: &'a [WantedSyntax],
        _cx: &'a Cx,
    ) -> BoxFuture<'a, Result<PickedImages, Refusal>> {
        let what = "fetching instances of several series by name at this source".to_owned();
        Box::pin(async move { Err(Fault::Unsupported(what).into()) })
    }
}

/// An instance that can be read from any place.
pub struct OpenInstance {
    pub address: InstanceAddress,
    pub transfer_syntax: TransferSyntaxUid,
    pub path: PathBuf,
    /// What keeps the file there.
    pub hold: Option<Arc<dyn std::any::Any + Send + Sync>>,
}

/// One instance, with the series and study that it has to be in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstanceAddress {
    pub study: StudyInstanceUid,
    pub series: SeriesInstanceUid,
    pub instance: SopInstanceUid,
}

/// The answer to a list of instances.
pub struct PickedImages {
    /// One for each that was asked for, in that order.
    pub outcomes: Vec<Result<(), Fault>>,
    /// Those whose outcome is `Ok`. A local source keeps the order asked for, a remote one may not.
    pub instances: InstanceStream,
}

/// What an identity feed says of a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatientNews {
    /// Here is a patient: what is known of it already stays, so that a hospital's old data overwrite nothing.
    Added,
    /// Demographics changed, and these are the right ones.
    Revised,
}

/// Field of an `InvalidMetadata` that is about the patient who remains of a merge.
pub const SURVIVOR: &str = "surviving patientId";
/// Field of an `InvalidMetadata` that is about the patient who goes in a merge.
pub const SUBSUMED: &str = "subsumed patientId";

/// Who patients are.
pub trait Identity: Send + Sync {
    /// Makes a patient known, or brings its demographics up to date. Doing it twice is the same as once. Its identifiers
    /// of other domains are added to those that are known; revised news replaces those of the domains it names.
    ///
    /// Errors: `InvalidMetadata` for an identifier of another domain, or one that was merged away.
    /// Source: ITI TF-2 3.44, PIXm 2:3.104.
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>>;

    /// From now on `subsumed` is `survivor`: its documents and its identifiers of other domains are the survivor's, and
    /// it takes no new ones. Irreversible; chains are allowed. A survivor that nobody named before becomes known as it is given; what is known of one stays.
    ///
    /// Errors: `InvalidMetadata`, with nothing changed, whose field is [`SURVIVOR`] or [`SUBSUMED`]: an identifier of
    /// another domain; both the same; either of them subsumed already; a subsumed one that is not known.
    /// Source: ITI TF-2 3.8.4.2.4, 3.44.4.3; spec/xds.md 20.
    fn merge<'a>(
        &'a self,
        survivor: &'a Patient,
        subsumed: &'a PatientId,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<(), Refusal>>;

    /// Into whom a patient was merged, at the end of the chain. None for one that was not, and where nobody can say.
    fn survivor<'a>(&'a self, _: &'a PatientId, _: &'a Cx) -> BoxFuture<'a, Result<Option<PatientId>, Refusal>> {
        Box::pin(async { Ok(None) })
    }

    /// Takes an identifier away. A patient loses its own one by becoming unknown: it is neither found nor published for,
    /// until it is fed again; its documents stay as they are, under its id. One of another domain is no longer its.
    ///
    /// Shape: false when no patient has it, and nothing changed.
    /// Errors: `InvalidMetadata` for one that several patients have; `Unsupported` where nobody can be asked so.
    /// Source: PIXm 2:3.104.4.4 (Remove Patient).
    fn remove<'a>(&'a self, _: &'a PatientId, _: &'a Cx) -> BoxFuture<'a, Result<bool, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("removing a patient at this party".to_owned()).into()) })
    }

    /// The patient with this identifier.
    fn find<'a>(&'a self, id: &'a PatientId, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>>;

    /// Patients whose identifier or name starts with `text`; all when it is empty.
    fn search<'a>(&'a self, text: &'a str, limit: usize, cx: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>>;

    /// Patients that meet every criterion, page by page in a stable order.
    ///
    /// Errors: `InvalidQuery` for a page that is none; `TooManyResults` without a page; `Unsupported` where nobody can
    /// be asked so.
    /// Source: PDQm 2:3.78.
    fn query<'a>(&'a self, _: &'a PatientQuery, _: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("searching patients by criteria at this party".to_owned()).into()) })
    }

    /// Domains of which identifiers can be asked for: the patients' own, and those that a feed has named.
    fn domains<'a>(&'a self, _: &'a Cx) -> BoxFuture<'a, Result<Vec<Oid>, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("naming the identifier domains of this party".to_owned()).into()) })
    }
}
