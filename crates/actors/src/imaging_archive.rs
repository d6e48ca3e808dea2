//! The imaging archive: instances come in and are durable before anybody is told so; only what a current manifest lists
//! goes out. Source: PS3.4 B (storage), RAD TF-2 4.69 and 4.107; R-70 (the right to a manifest is the right to its images).

use crate::flows::{self, Journal};
use crate::imaging_document_source::LISTED;
use crate::store_faults::{internal, storage};
use crate::{
    BoxFuture, Cx, Fault, ImageRequest, Images, Imaging, InstanceAddress, InstanceStream, OpenInstance, PickedImages,
    PlannedInstance, Refusal, ServedInstance, WantedSyntax, blob_stream, read_ahead,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{
    ArchiveRead, BlobReader, InstanceFile, InstanceFiles, InstanceSelect, InstanceWriter, MetadataStore, OutboxRead,
    Put, Sha256, StoreError, StoreExt, StoredInstance,
};

/// How a stored instance is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The stored octets.
    AsStored,
    /// In Explicit VR Little Endian.
    ExplicitLe,
}

/// Decides and makes the form in which instances go out: the part that knows codecs.
pub trait InstanceDelivery: Send + Sync {
    /// Errors: `NotAcceptable` with what is stored and what was asked.
    fn decide(&self, stored: &StoredInstance, wanted: &[WantedSyntax]) -> Result<Delivered, Fault>;
    /// The whole file in Explicit VR Little Endian, in pieces. Blocks.
    fn explicit_le(&self, file: &Path, sink: &mut dyn FnMut(Bytes) -> Result<(), Fault>) -> Result<(), Fault>;
}

/// An instance whose header was read and found in order.
pub struct ReceivedInstance {
    /// Absent when the object does not say.
    pub study: Option<StudyInstanceUid>,
    pub series: Option<SeriesInstanceUid>,
    pub instance: SopInstanceUid,
    pub sop_class: SopClassUid,
    pub transfer_syntax: TransferSyntaxUid,
    /// (0010,0020); empty when absent.
    pub patient_id: String,
    /// OID of the domain of the patient id; empty when unknown.
    pub patient_issuer: String,
    /// (0008,0050); empty when absent.
    pub accession: String,
    pub calling_ae: String,
    /// Versioned bytes for [`InstanceDelivery`].
    pub header: Vec<u8>,
}

/// What became of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    Stored,
    /// The same octets were there already.
    AlreadyThere,
    /// Stored, but not published, and why.
    Held(String),
}

/// Takes instances that are sent to this node.
pub trait InstanceReceiver: Send + Sync {
    /// Begins to receive one. Blocks. Errors: `OutOfResources`.
    fn begin(&self, cx: &Cx) -> Result<Box<dyn IncomingInstance>, Fault>;
}

/// An instance that is being received. Dropped before it is kept, it leaves nothing behind.
pub trait IncomingInstance: Send {
    /// Blocks. Errors: `OutOfResources`; then it can only be dropped.
    fn write(&mut self, octets: &[u8]) -> Result<(), Fault>;
    /// What was written so far. Errors: `OutOfResources`.
    fn read_back(&self) -> Result<std::fs::File, Fault>;
    /// It is whole, and its header says this of it. Blocks. Errors: as [`ImagingArchive::accept`].
    fn keep(self: Box<Self>, received: ReceivedInstance, cx: &Cx) -> Result<Accepted, Fault>;
}

/// Of an archive.
struct Storing {
    archive: ImagingArchive,
    writer: InstanceWriter,
    log_id: String,
}

impl InstanceReceiver for ImagingArchive {
    fn begin(&self, cx: &Cx) -> Result<Box<dyn IncomingInstance>, Fault> {
        Ok(Box::new(Storing { archive: self.clone(), writer: self.receive(cx)?, log_id: cx.request_id.clone() }))
    }
}

impl IncomingInstance for Storing {
    fn write(&mut self, octets: &[u8]) -> Result<(), Fault> {
        self.writer.write(octets).map_err(|e| storage(e, &self.log_id).first().clone())
    }

    fn read_back(&self) -> Result<std::fs::File, Fault> {
        self.writer.read_back().map_err(|e| storage(e, &self.log_id).first().clone())
    }

    fn keep(self: Box<Self>, received: ReceivedInstance, cx: &Cx) -> Result<Accepted, Fault> {
        self.archive.accept(self.writer, received, cx)
    }
}

/// An archive on the node's own store.
#[derive(Clone)]
pub struct ImagingArchive {
    store: Arc<dyn MetadataStore>,
    files: Arc<InstanceFiles>,
    delivery: Arc<dyn InstanceDelivery>,
    journal: Option<Arc<Journal>>,
}

impl ImagingArchive {
    pub fn new(store: Arc<dyn MetadataStore>, files: Arc<InstanceFiles>, delivery: Arc<dyn InstanceDelivery>) -> Self {
        ImagingArchive { store, files, delivery, journal: None }
    }

    /// Counts what it stores.
    #[must_use]
    pub fn counting(self, journal: Arc<Journal>) -> Self {
        ImagingArchive { journal: Some(journal), ..self }
    }

    /// Begins to receive an instance. Blocks. Errors: `OutOfResources`.
    pub fn receive(&self, cx: &Cx) -> Result<InstanceWriter, Fault> {
        self.files.create().map_err(|e| storage(e, &cx.request_id).first().clone())
    }

    /// Keeps a received instance: file first, then its row; durable when it answers. Blocks.
    ///
    /// Errors: `InstanceConflict` when other octets are stored under this identity (the first are kept),
    /// `OutOfResources`.
    pub fn accept(&self, writer: InstanceWriter, received: ReceivedInstance, cx: &Cx) -> Result<Accepted, Fault> {
        let failed = |e: StoreError| storage(e, &cx.request_id).first().clone();
        let held = held_reason(&received);
        let study = received.study.unwrap_or_else(|| own_study(&received.instance));
        let series = received.series.unwrap_or_else(|| own_series(&received.instance));
        let file: InstanceFile = writer.finish(&study, &received.instance).map_err(failed)?;
        let row = StoredInstance {
            study,
            series,
            instance: received.instance,
            sop_class: received.sop_class,
            transfer_syntax: received.transfer_syntax,
            file: file.name.clone(),
            size_octets: file.size_octets,
            sha256: file.sha256,
            header: received.header,
            patient_id: received.patient_id,
            patient_issuer: received.patient_issuer,
            received_at: cx.now_unix_micros(),
            calling_ae: received.calling_ae,
            held: held.clone(),
        };
        let uid = row.instance.to_string();
        let accession = received.accession;
        let put = self.store.write_blocking(move |tx| {
            let put = tx.add_instance(&row)?;
            if put == Put::Added && tx.study(&row.study)?.is_some_and(|study| study.instances == 1) {
                flows::note_accession(tx, &row.study, &accession)?;
            }
            // What a study was held for may be mended by what has come; if not, it is held again.
            if put == Put::Added && row.held.is_none() {
                tx.hold_study(&row.study, None)?;
            }
            Ok(put)
        });
        match put {
            Ok(Put::Added) => {
                if let Some(journal) = &self.journal {
                    journal.received.add(cx.now_unix_micros());
                }
                Ok(held.map_or(Accepted::Stored, Accepted::Held))
            }
            Ok(Put::AlreadyThere) => Ok(Accepted::AlreadyThere),
            Err(StoreError::Conflict { .. }) => {
                if let Err(error) = self.files.remove(&file.name) {
                    tracing::warn!(%error, "cannot remove the file of a refused instance; it goes at the next start");
                }
                Err(Fault::InstanceConflict(uid))
            }
            Err(error) => {
                // Without a row the file is an orphan that nobody was promised; when the same octets were stored before, it
                // is theirs. What cannot be told now is swept at the next start.
                if self.store.read_blocking(|tx| tx.instance_file_is_referenced(&file.name)) == Ok(false) {
                    let _ = self.files.remove(&file.name);
                }
                Err(failed(error))
            }
        }
    }

    /// Deletes what is stored of a study, a series of it or one instance; its manifest follows by the imaging source.
    /// Shape: how many instances.
    ///
    /// Errors: `ImagesNotFound`; `OutOfResources`.
    pub async fn delete(&self, wanted: &ImageRequest, cx: &Cx) -> Result<usize, Refusal> {
        let (request, at) = (wanted.clone(), cx.now_unix_micros());
        let removed: Result<Vec<String>, StoreError> = self
            .store
            .write(move |tx| {
                let gone: Vec<SopInstanceUid> = rows(tx, &request)?.into_iter().map(|row| row.instance).collect();
                if gone.is_empty() {
                    return Ok(Vec::new());
                }
                // What the study was held for may be just this.
                tx.hold_study(&request.study, None)?;
                tx.remove_instances(&request.study, &gone, at)
            })
            .await;
        let files = removed.map_err(|e| storage(e, &cx.request_id))?;
        if files.is_empty() {
            return Err(not_found(wanted));
        }
        let (count, store) = (files.len(), self.files.clone());
        let deleted = tokio::task::spawn_blocking(move || {
            for file in &files {
                if let Err(error) = store.remove(file) {
                    tracing::warn!(%error, "cannot remove the file of a deleted instance; it goes at the next start");
                }
            }
        });
        let _ = deleted.await;
        tracing::info!(request_id = cx.request_id, study = %wanted.study, instances = count, "instances deleted");
        Ok(count)
    }

    /// Where a stored instance's file is.
    pub fn path(&self, instance: &StoredInstance) -> Result<PathBuf, StoreError> {
        self.files.path(&instance.file)
    }
}

/// The rows that a request means, where the current manifest of the study lists them.
///
/// Errors: `ImagesNotFound`.
pub(crate) async fn permitted_rows(
    store: &dyn MetadataStore,
    request: &ImageRequest,
    cx: &Cx,
) -> Result<Vec<StoredInstance>, Refusal> {
    let wanted = request.clone();
    let found = store
        .read(move |tx| {
            let rows = rows(tx, &wanted)?;
            permitted(tx, &wanted.study, rows)
        })
        .await;
    let rows: Vec<StoredInstance> = found.map_err(|e: StoreError| internal(e, &cx.request_id))?;
    if rows.is_empty() {
        return Err(not_found(request));
    }
    Ok(rows)
}

/// What is stored of it, permitted or not.
fn rows<T: ArchiveRead + ?Sized>(tx: &T, wanted: &ImageRequest) -> Result<Vec<StoredInstance>, StoreError> {
    let select = match (&wanted.series, &wanted.instance) {
        (_, Some(instance)) => InstanceSelect::Instance(&wanted.study, instance),
        (Some(series), None) => InstanceSelect::Series(&wanted.study, series),
        (None, None) => InstanceSelect::Study(&wanted.study),
    };
    let mut rows = tx.instances(select)?;
    rows.retain(|row| wanted.series.as_ref().is_none_or(|series| *series == row.series));
    Ok(rows)
}

fn not_found(request: &ImageRequest) -> Refusal {
    let what = match (&request.series, &request.instance) {
        (_, Some(instance)) => format!("instance {instance} of study {}", request.study),
        (Some(series), None) => format!("series {series} of study {}", request.study),
        (None, None) => format!("study {}", request.study),
    };
    Fault::ImagesNotFound(what).into()
}

/// The one decision about images: an instance goes out if and only if the current manifest of its study lists it.
/// Policies about users and purposes are added here and nowhere else.
fn permitted<T: ArchiveRead + OutboxRead + ?Sized>(
    tx: &T,
    study: &StudyInstanceUid,
    rows: Vec<StoredInstance>,
) -> Result<Vec<StoredInstance>, StoreError> {
    if rows.is_empty() {
        return Ok(rows);
    }
    let listed = tx.state(LISTED, study.as_str())?.unwrap_or_default();
    let listed = String::from_utf8(listed).unwrap_or_default();
    let listed: HashSet<&str> = listed.lines().collect();
    Ok(rows.into_iter().filter(|row| row.held.is_none() && listed.contains(row.instance.as_str())).collect())
}

impl Imaging for ImagingArchive {
    fn fetch<'a>(&'a self, request: &'a ImageRequest, cx: &'a Cx) -> BoxFuture<'a, Result<Images, Refusal>> {
        Box::pin(async move {
            let rows = permitted_rows(&*self.store, request, cx).await?;
            let mut parts = Vec::with_capacity(rows.len());
            for row in rows {
                let delivered = self.delivery.decide(&row, &request.syntaxes)?;
                parts.push((row, delivered));
            }
            let verbatim = parts.iter().all(|(_, delivered)| *delivered == Delivered::AsStored);
            let plan = verbatim.then(|| {
                let planned = parts.iter().map(|(row, _)| PlannedInstance {
                    series: row.series.clone(),
                    sop_instance: row.instance.clone(),
                    transfer_syntax: row.transfer_syntax.clone(),
                    size_octets: row.size_octets,
                });
                planned.collect()
            });
            Ok(Images { plan, instances: self.instances(parts, cx) })
        })
    }

    fn open<'a>(&'a self, request: &'a ImageRequest, cx: &'a Cx) -> BoxFuture<'a, Result<Vec<OpenInstance>, Refusal>> {
        Box::pin(async move {
            let rows = permitted_rows(&*self.store, request, cx).await?;
            let opened = rows.into_iter().map(|row| {
                let path = self.files.path(&row.file).map_err(|e| lost(&row, &cx.request_id, &e))?;
                let (study, series, instance) = (row.study, row.series, row.instance);
                let address = InstanceAddress { study, series, instance };
                Ok(OpenInstance { address, transfer_syntax: row.transfer_syntax, path, hold: None })
            });
            opened.collect::<Result<_, Fault>>().map_err(Refusal::from)
        })
    }

    fn pick<'a>(
        &'a self,
        wanted: &'a [InstanceAddress],
        syntaxes: &'a [WantedSyntax],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<PickedImages, Refusal>> {
        Box::pin(async move {
            let addresses = wanted.to_vec();
            let found = self.store.read(move |tx| listed_rows(tx, &addresses)).await;
            let found: Vec<Option<StoredInstance>> = found.map_err(|e: StoreError| internal(e, &cx.request_id))?;
            let (mut parts, mut outcomes) = (Vec::new(), Vec::with_capacity(wanted.len()));
            for (address, row) in wanted.iter().zip(found) {
                let Some(row) = row else {
                    let InstanceAddress { study, series, instance } = address;
                    let what = format!("instance {instance} of series {series} of study {study}");
                    outcomes.push(Err(Fault::ImagesNotFound(what)));
                    continue;
                };
                let as_stored =
                    syntaxes.iter().any(|s| matches!(s, WantedSyntax::Uid(uid) if *uid == row.transfer_syntax));
                let delivered = match as_stored {
                    true => Ok(Delivered::AsStored),
                    false => self.delivery.decide(&row, syntaxes),
                };
                outcomes.push(delivered.map(|delivered| parts.push((row, delivered))));
            }
            Ok(PickedImages { outcomes, instances: self.instances(parts, cx) })
        })
    }
}

/// The row of each address, where a current manifest lists the instance in that series of that study. Each study is read
/// once, however many of its instances are asked for.
pub(crate) fn listed_rows<T: ArchiveRead + OutboxRead + ?Sized>(
    tx: &T,
    addresses: &[InstanceAddress],
) -> Result<Vec<Option<StoredInstance>>, StoreError> {
    let mut studies: HashMap<&StudyInstanceUid, HashMap<SopInstanceUid, StoredInstance>> = HashMap::new();
    let mut several = HashSet::new();
    let mut seen = HashSet::new();
    for address in addresses {
        if !seen.insert(&address.study) {
            several.insert(&address.study);
        }
    }
    for address in addresses {
        if studies.contains_key(&address.study) {
            continue;
        }
        // A study of which one instance is wanted is not read as a whole.
        let select = match several.contains(&address.study) {
            true => InstanceSelect::Study(&address.study),
            false => InstanceSelect::Instance(&address.study, &address.instance),
        };
        let rows = permitted(tx, &address.study, tx.instances(select)?)?;
        studies.insert(&address.study, rows.into_iter().map(|row| (row.instance.clone(), row)).collect());
    }
    let row = |address: &InstanceAddress| {
        let row = studies.get(&address.study)?.get(&address.instance)?;
        (row.series == address.series).then(|| row.clone())
    };
    Ok(addresses.iter().map(row).collect())
}

impl ImagingArchive {
    /// Each is opened when the one before was taken.
    fn instances(&self, parts: Vec<(StoredInstance, Delivered)>, cx: &Cx) -> InstanceStream {
        let (archive, log_id) = (self.clone(), cx.request_id.clone());
        Box::pin(stream::unfold(parts.into_iter(), move |mut parts| {
            let (archive, log_id) = (archive.clone(), log_id.clone());
            async move {
                let (row, delivered) = parts.next()?;
                let served = match archive.serve(&row, delivered, &log_id) {
                    Ok(served) if delivered == Delivered::ExplicitLe => started(served).await,
                    served => served,
                };
                Some((served, parts))
            }
        }))
    }

    fn serve(&self, row: &StoredInstance, delivered: Delivered, log_id: &str) -> Result<ServedInstance, Fault> {
        let path = self.files.path(&row.file).map_err(|e| lost(row, log_id, &e))?;
        served(row, delivered, &self.delivery, || self.files.open_file(&row.file), path, log_id)
    }
}

fn lost(row: &StoredInstance, log_id: &str, reason: &dyn std::fmt::Display) -> Fault {
    tracing::error!(log_id, instance = row.instance.as_str(), %reason, "a stored instance cannot be read");
    Fault::Internal { log_id: log_id.to_owned() }
}

/// A file on its way out, as it is or converted.
pub(crate) fn served(
    row: &StoredInstance,
    delivered: Delivered,
    delivery: &Arc<dyn InstanceDelivery>,
    open: impl FnOnce() -> Result<Option<Box<dyn BlobReader>>, StoreError>,
    path: PathBuf,
    log_id: &str,
) -> Result<ServedInstance, Fault> {
    let (series, sop_instance) = (Some(row.series.clone()), row.instance.clone());
    match delivered {
        Delivered::AsStored => {
            let file = open().map_err(|e| lost(row, log_id, &e))?.ok_or_else(|| lost(row, log_id, &"file missing"))?;
            Ok(ServedInstance {
                series,
                sop_instance,
                transfer_syntax: row.transfer_syntax.clone(),
                size_octets: Some(row.size_octets),
                body: blob_stream(Arc::from(file), log_id.to_owned()),
            })
        }
        Delivered::ExplicitLe => {
            let transfer_syntax = TransferSyntaxUid::parse("1.2.840.10008.1.2.1").map_err(|e| lost(row, log_id, &e))?;
            let delivery = delivery.clone();
            Ok(ServedInstance {
                series,
                sop_instance,
                transfer_syntax,
                size_octets: None,
                body: pushed(move |sink| delivery.explicit_le(&path, sink)),
            })
        }
    }
}

/// Waits for the first octets of a converted instance, so that one that cannot be decoded after all is refused in words,
/// not by an answer that breaks off.
async fn started(mut served: ServedInstance) -> Result<ServedInstance, Fault> {
    if let Some(first) = served.body.next().await.transpose()? {
        served.body = Box::pin(stream::iter([Ok(first)]).chain(served.body));
    }
    Ok(served)
}

/// A stream of what `produce` pushes from a blocking thread; held back by a short queue.
fn pushed(
    produce: impl FnOnce(&mut dyn FnMut(Bytes) -> Result<(), Fault>) -> Result<(), Fault> + Send + 'static,
) -> crate::ByteStream {
    let (sender, receiver) = std::sync::mpsc::sync_channel::<Result<Bytes, Fault>>(4);
    std::thread::spawn(move || {
        let gone = || Fault::PeerUnavailable { peer: "the reader".into(), reason: "went away".into() };
        let outcome = produce(&mut |bytes| sender.send(Ok(bytes)).map_err(|_| gone()));
        if let Err(fault) = outcome {
            let _ = sender.send(Err(fault));
        }
    });
    read_ahead(move || receiver.recv().map_or(Ok(None), |item| item.map(Some)))
}

fn held_reason(received: &ReceivedInstance) -> Option<String> {
    if received.study.is_none() {
        return Some("the object has no Study Instance UID (0020,000D)".into());
    }
    if received.series.is_none() {
        return Some("the object has no Series Instance UID (0020,000E)".into());
    }
    if received.patient_id.is_empty() {
        return Some("the object has no Patient ID (0010,0020)".into());
    }
    None
}

/// A study of its own for an object that names none: it stays visible, and can never be mixed up with another's.
pub(crate) fn own_study(instance: &SopInstanceUid) -> StudyInstanceUid {
    StudyInstanceUid::parse(&derived(instance, "study")).expect("a UID made from a number is well-formed")
}

pub(crate) fn own_series(instance: &SopInstanceUid) -> SeriesInstanceUid {
    SeriesInstanceUid::parse(&derived(instance, "series")).expect("a UID made from a number is well-formed")
}

fn derived(instance: &SopInstanceUid, what: &str) -> String {
    let digest = Sha256::of(format!("{what} of {instance}").as_bytes());
    let mut number = [0; 16];
    number.copy_from_slice(&digest.0[..16]);
    format!("2.25.{}", u128::from_be_bytes(number))
}
