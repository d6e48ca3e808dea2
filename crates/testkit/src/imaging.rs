//! A source of images in memory.

use actors::{
    BoxFuture, Cx, Fault, ImageRequest, Images, Imaging, InstanceAddress, PickedImages, PlannedInstance, Refusal,
    ServedInstance, WantedSyntax,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";

/// One stored instance.
#[derive(Clone)]
pub struct FakeInstance {
    pub study: StudyInstanceUid,
    pub series: SeriesInstanceUid,
    pub instance: SopInstanceUid,
    pub transfer_syntax: TransferSyntaxUid,
    pub octets: Bytes,
    /// Octets after which it cannot be read further.
    pub break_after: Option<usize>,
}

impl FakeInstance {
    /// `size_octets` of content after the file meta group.
    pub fn new(study: &str, series: &str, instance: &str, transfer_syntax: &str, size_octets: usize) -> Self {
        FakeInstance {
            study: StudyInstanceUid::parse(study).expect("a UID"),
            series: SeriesInstanceUid::parse(series).expect("a UID"),
            instance: SopInstanceUid::parse(instance).expect("a UID"),
            transfer_syntax: TransferSyntaxUid::parse(transfer_syntax).expect("a UID"),
            octets: crate::dicom_file(instance, transfer_syntax, size_octets).into(),
            break_after: None,
        }
    }
}

/// Gives instances as they are stored, when their transfer syntax is wanted. It decodes nothing.
#[derive(Default)]
pub struct FakeImaging {
    pub instances: Mutex<Vec<FakeInstance>>,
    /// Says sizes beforehand.
    pub plans: bool,
    /// Answers every call, when there is one.
    pub fault: Mutex<Option<Fault>>,
    /// Pieces handed out so far, over all answers: how far a source was read.
    pub pieces: Arc<AtomicUsize>,
    /// Every request, in order.
    pub asked: Mutex<Vec<ImageRequest>>,
}

const PIECE_OCTETS: usize = 64 * 1024;

impl FakeImaging {
    pub fn of(instances: impl IntoIterator<Item = FakeInstance>) -> Self {
        FakeImaging { instances: Mutex::new(instances.into_iter().collect()), plans: true, ..FakeImaging::default() }
    }
}

fn acceptable(stored: &TransferSyntaxUid, wanted: &[WantedSyntax]) -> bool {
    wanted.iter().any(|wanted| match wanted {
        WantedSyntax::AsStored => true,
        WantedSyntax::Default => stored.as_str() == EXPLICIT_LE,
        WantedSyntax::Uid(uid) => uid == stored,
    })
}

impl Imaging for FakeImaging {
    fn fetch<'a>(&'a self, request: &'a ImageRequest, _: &'a Cx) -> BoxFuture<'a, Result<Images, Refusal>> {
        Box::pin(async move {
            self.asked.lock().expect("no panic").push(request.clone());
            if let Some(fault) = self.fault.lock().expect("no panic").clone() {
                return Err(fault.into());
            }
            let all = self.instances.lock().expect("no panic").clone();
            let found: Vec<FakeInstance> = all
                .into_iter()
                .filter(|i| {
                    i.study == request.study
                        && request.series.as_ref().is_none_or(|s| *s == i.series)
                        && request.instance.as_ref().is_none_or(|s| *s == i.instance)
                })
                .collect();
            if found.is_empty() {
                return Err(Fault::ImagesNotFound(format!("study {}", request.study)).into());
            }
            if let Some(other) = found.iter().find(|i| !acceptable(&i.transfer_syntax, &request.syntaxes)) {
                return Err(Fault::NotAcceptable(format!("stored as {}", other.transfer_syntax)).into());
            }
            let plan = self.plans.then(|| {
                let planned = found.iter().map(|i| PlannedInstance {
                    series: i.series.clone(),
                    sop_instance: i.instance.clone(),
                    transfer_syntax: i.transfer_syntax.clone(),
                    size_octets: i.octets.len() as u64,
                });
                planned.collect()
            });
            let (counter, planned) = (self.pieces.clone(), self.plans);
            let instances = stream::iter(found.into_iter().map(move |i| {
                let counter = counter.clone();
                let end = i.break_after.unwrap_or(i.octets.len());
                let (octets, broken) = (i.octets.clone(), i.break_after.is_some());
                let body = stream::unfold(0, move |at| {
                    let (octets, counter) = (octets.clone(), counter.clone());
                    async move {
                        if at < end {
                            counter.fetch_add(1, Ordering::SeqCst);
                            let next = end.min(at + PIECE_OCTETS);
                            return Some((Ok(octets.slice(at..next)), next));
                        }
                        (broken && at == end).then(|| (Err(Fault::Internal { log_id: "broken".to_owned() }), end + 1))
                    }
                });
                Ok(ServedInstance {
                    series: Some(i.series),
                    sop_instance: i.instance,
                    transfer_syntax: i.transfer_syntax,
                    size_octets: planned.then_some(i.octets.len() as u64),
                    body: Box::pin(body),
                })
            }));
            Ok(Images { plan, instances: Box::pin(instances) })
        })
    }

    fn pick<'a>(
        &'a self,
        wanted: &'a [InstanceAddress],
        syntaxes: &'a [WantedSyntax],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<PickedImages, Refusal>> {
        Box::pin(async move {
            let (mut outcomes, mut instances) = (Vec::new(), Vec::new());
            for InstanceAddress { study, series, instance } in wanted.iter().cloned() {
                let (series, instance) = (Some(series), Some(instance));
                let request = ImageRequest { study, series, instance, syntaxes: syntaxes.to_vec() };
                match self.fetch(&request, cx).await {
                    Ok(images) => {
                        outcomes.push(Ok(()));
                        instances.push(images.instances);
                    }
                    Err(refusal) => outcomes.push(Err(refusal.first().clone())),
                }
            }
            Ok(PickedImages { outcomes, instances: Box::pin(stream::iter(instances).flatten()) })
        })
    }
}
