//! Images of a PACS behind the proxy: the instances that a manifest lists, brought from the PACS when they are asked for
//! and sent on as they arrive. What does not arrive is a fault in the stream, never an end of it.
//! Source: RAD TF-2 4.107, 4.69; spec/dicom.md sections 16, 22.4.

use super::transfers::{Arrival, Next, Ticket, Transfers};
use super::{PacsRetrieve, Wanted};
use crate::imaging_archive::{listed_rows, permitted_rows, served};
use crate::store_faults::internal;
use crate::{
    BoxFuture, Cx, Delivered, Fault, ImageRequest, Images, Imaging, InstanceAddress, InstanceDelivery, InstanceStream,
    OpenInstance, PickedImages, Refusal, ServedInstance, WantedSyntax,
};
use futures_util::stream;
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use store::{MetadataStore, StoreError, StoreExt, StoredInstance};

/// The PACS's images.
#[derive(Clone)]
pub struct ProxyImaging {
    store: Arc<dyn MetadataStore>,
    transfers: Arc<Transfers>,
    pacs: Arc<dyn PacsRetrieve>,
    delivery: Arc<dyn InstanceDelivery>,
}

impl ProxyImaging {
    pub fn new(
        store: Arc<dyn MetadataStore>,
        transfers: Arc<Transfers>,
        pacs: Arc<dyn PacsRetrieve>,
        delivery: Arc<dyn InstanceDelivery>,
    ) -> Self {
        ProxyImaging { store, transfers, pacs, delivery }
    }

    fn gathering(&self, rows: Vec<StoredInstance>, cx: &Cx) -> Gathering {
        let mut series: Vec<Series> = Vec::new();
        for row in rows {
            match series.iter_mut().find(|s| s.study == row.study && s.series == row.series) {
                Some(known) => known.missing.push(row.instance),
                None => series.push(Series { study: row.study, series: row.series, missing: vec![row.instance] }),
            }
        }
        Gathering { proxy: self.clone(), cx: cx.clone(), rest: series.into(), current: None }
    }

    fn serve(&self, arrival: Arc<Arrival>, syntaxes: &[WantedSyntax], log_id: &str) -> Result<ServedInstance, Fault> {
        let row = row_of(&arrival);
        let delivered = self.delivery.decide(&row, syntaxes)?;
        self.deliver(arrival, row, delivered, log_id)
    }

    fn deliver(
        &self,
        arrival: Arc<Arrival>,
        row: StoredInstance,
        delivered: Delivered,
        log_id: &str,
    ) -> Result<ServedInstance, Fault> {
        let path = arrival.file.path().to_owned();
        let open = || arrival.file.open().map(Some);
        let mut sent = served(&row, delivered, &self.delivery, open, path, log_id)?;
        // The file is there until its last octet is on its way.
        sent.body = Box::pin(stream::unfold((sent.body, arrival), |(mut body, arrival)| async move {
            let piece = futures_util::StreamExt::next(&mut body).await?;
            Some((piece, (body, arrival)))
        }));
        Ok(sent)
    }
}

/// An arrival as the archive would have its row.
fn row_of(arrival: &Arrival) -> StoredInstance {
    let r = &arrival.received;
    StoredInstance {
        // Only what says both is ever waited for.
        study: r.study.clone().unwrap_or_else(|| crate::imaging_archive::own_study(&r.instance)),
        series: r.series.clone().unwrap_or_else(|| crate::imaging_archive::own_series(&r.instance)),
        instance: r.instance.clone(),
        sop_class: r.sop_class.clone(),
        transfer_syntax: r.transfer_syntax.clone(),
        file: String::new(),
        size_octets: arrival.file.size_octets(),
        sha256: store::Sha256([0; 32]),
        header: r.header.clone(),
        patient_id: r.patient_id.clone(),
        patient_issuer: r.patient_issuer.clone(),
        received_at: arrival.at,
        calling_ae: r.calling_ae.clone(),
        held: None,
    }
}

/// Instances of one series that are still to come.
struct Series {
    study: StudyInstanceUid,
    series: SeriesInstanceUid,
    missing: Vec<SopInstanceUid>,
}

/// The series at hand.
struct Current {
    series: Series,
    missing: HashSet<SopInstanceUid>,
    here: VecDeque<Arc<Arrival>>,
    ticket: Option<Ticket>,
    /// What is or was asked for: nothing yet, the series, or one instance by its name.
    asked: Option<Option<SopInstanceUid>>,
}

/// Series after series until everything that was wanted is here.
struct Gathering {
    proxy: ProxyImaging,
    cx: Cx,
    rest: VecDeque<Series>,
    current: Option<Current>,
}

impl Gathering {
    /// The next instance in the order of arrival. `None`: all were.
    ///
    /// Errors: an instance that the PACS does not send, with what it said.
    async fn next(&mut self) -> Option<Result<Arc<Arrival>, Fault>> {
        loop {
            let Some(current) = &mut self.current else {
                let series = self.rest.pop_front()?;
                let kept = self.proxy.transfers.kept(&series.study, &series.series);
                let mut missing: HashSet<SopInstanceUid> = series.missing.iter().cloned().collect();
                let here = kept.into_iter().filter(|a| missing.remove(&a.received.instance)).collect();
                self.current = Some(Current { series, missing, here, ticket: None, asked: None });
                continue;
            };
            if let Some(arrival) = current.here.pop_front() {
                return Some(Ok(arrival));
            }
            if current.missing.is_empty() {
                self.current = None;
                continue;
            }
            let Some(ticket) = &mut current.ticket else {
                let wanted = current.next_wanted();
                current.ticket = Some(self.proxy.transfers.begin(wanted, &self.cx));
                continue;
            };
            match ticket.next().await {
                Next::Arrived(arrival) => {
                    if current.missing.remove(&arrival.received.instance) {
                        return Some(Ok(arrival));
                    }
                }
                Next::Ended(outcome) => {
                    current.ticket = None;
                    // Some of it may have gone to somebody who came before us.
                    let kept = self.proxy.transfers.kept(&current.series.study, &current.series.series);
                    let taken = |missing: &mut HashSet<SopInstanceUid>, arrival: &Arc<Arrival>| {
                        missing.remove(&arrival.received.instance)
                    };
                    current.here.extend(kept.into_iter().filter(|arrival| taken(&mut current.missing, arrival)));
                    let hopeless = matches!(&current.asked, Some(Some(name)) if current.missing.contains(name));
                    match outcome {
                        Err(fault) if !current.missing.is_empty() => return Some(Err(fault)),
                        Ok(said) if hopeless => return Some(Err(self.not_sent(&said))),
                        _ => {}
                    }
                }
            }
        }
    }

    fn not_sent(&self, said: &str) -> Fault {
        let peer = self.proxy.pacs.name().to_owned();
        let (missing, of, series) = match &self.current {
            Some(current) => (current.missing.len(), current.series.missing.len(), current.series.series.to_string()),
            None => (0, 0, String::new()),
        };
        let reason = format!("did not send {missing} of {of} instances of series {series}: {said}");
        Fault::PeerUnavailable { peer, reason }
    }
}

impl Current {
    /// The series first; then, one by one, what it did not bring.
    fn next_wanted(&mut self) -> Wanted {
        let whole = self.asked.is_none() && self.series.missing.len() > 1;
        let instance = if whole { None } else { self.missing.iter().next().cloned() };
        self.asked = Some(instance.clone());
        Wanted { study: self.series.study.clone(), series: self.series.series.clone(), instance }
    }
}

impl Imaging for ProxyImaging {
    fn fetch<'a>(&'a self, request: &'a ImageRequest, cx: &'a Cx) -> BoxFuture<'a, Result<Images, Refusal>> {
        Box::pin(async move {
            let rows = permitted_rows(&*self.store, request, cx).await?;
            let (gathering, syntaxes) = (self.gathering(rows, cx), request.syntaxes.clone());
            let instances: InstanceStream = Box::pin(stream::unfold(Some((gathering, syntaxes)), |state| async move {
                let (mut gathering, syntaxes) = state?;
                let served = match gathering.next().await? {
                    Ok(arrival) => {
                        let proxy = gathering.proxy.clone();
                        proxy.serve(arrival, &syntaxes, &gathering.cx.request_id)
                    }
                    Err(fault) => Err(fault),
                };
                // After a fault there is nothing more: the reader must not take the rest for everything.
                let state = served.is_ok().then_some((gathering, syntaxes));
                Some((served, state))
            }));
            Ok(Images { plan: None, instances })
        })
    }

    /// Everything is brought first, and stays until the last of it has been read.
    fn open<'a>(&'a self, request: &'a ImageRequest, cx: &'a Cx) -> BoxFuture<'a, Result<Vec<OpenInstance>, Refusal>> {
        Box::pin(async move {
            let rows = permitted_rows(&*self.store, request, cx).await?;
            let mut opened = Vec::with_capacity(rows.len());
            let mut gathering = self.gathering(rows, cx);
            while let Some(next) = gathering.next().await {
                let arrival = next?;
                let StoredInstance { study, series, instance, transfer_syntax, .. } = row_of(&arrival);
                let address = InstanceAddress { study, series, instance };
                let path = arrival.file.path().to_owned();
                opened.push(OpenInstance { address, transfer_syntax, path, hold: Some(arrival) });
            }
            Ok(opened)
        })
    }

    /// Everything is brought first, because the answer says of each instance beforehand whether it comes.
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
            let mut here: HashMap<(StudyInstanceUid, SopInstanceUid), Arc<Arrival>> = HashMap::new();
            let mut failed = None;
            let mut gathering = self.gathering(found.iter().flatten().cloned().collect(), cx);
            while let Some(next) = gathering.next().await {
                match next {
                    Ok(arrival) => {
                        let row = row_of(&arrival);
                        here.insert((row.study, row.instance), arrival);
                    }
                    Err(fault) => {
                        failed = Some(fault);
                        gathering.current = None;
                    }
                }
            }
            let (mut outcomes, mut instances) = (Vec::with_capacity(wanted.len()), Vec::new());
            for (address, row) in wanted.iter().zip(found) {
                let InstanceAddress { study, series, instance } = address;
                let arrival = here.get(&(study.clone(), instance.clone()));
                outcomes.push(match (row, arrival) {
                    (None, _) => {
                        let what = format!("instance {instance} of series {series} of study {study}");
                        Err(Fault::ImagesNotFound(what))
                    }
                    (Some(_), None) => Err(failed.clone().unwrap_or_else(|| gathering.not_sent("no more was said"))),
                    (Some(_), Some(arrival)) => {
                        let row = row_of(arrival);
                        let as_stored =
                            syntaxes.iter().any(|s| matches!(s, WantedSyntax::Uid(uid) if *uid == row.transfer_syntax));
                        let delivered = match as_stored {
                            true => Ok(Delivered::AsStored),
                            false => self.delivery.decide(&row, syntaxes),
                        };
                        delivered.map(|delivered| instances.push((arrival.clone(), row, delivered)))
                    }
                });
            }
            let (proxy, log_id) = (self.clone(), cx.request_id.clone());
            let instances = instances
                .into_iter()
                .map(move |(arrival, row, delivered)| proxy.deliver(arrival, row, delivered, &log_id));
            Ok(PickedImages { outcomes, instances: Box::pin(stream::iter(instances)) })
        })
    }
}
