//! Instances on their way from the PACS: who asks for the same series shares one retrieval, at most so many run at a
//! time in the order they were asked for, what nobody waits for any more is cancelled, and what has arrived is kept a
//! while for the next. Source: spec/dicom.md section 22.4.

use super::{PacsRetrieve, Wanted};
use crate::{Cx, Fault, ReceivedInstance};
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::{StoreError, TransitFile, TransitFiles, TransitWriter};
use tokio::sync::{Semaphore, mpsc};

/// An instance that has arrived. Its file goes with the last one that holds it.
pub(super) struct Arrival {
    pub received: ReceivedInstance,
    pub file: TransitFile,
    /// Unix microseconds.
    pub at: i64,
}

type Key = (StudyInstanceUid, SeriesInstanceUid);

/// How long an arrival waits for readers to let go of what they have read.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it waits before it looks again for what may go.
const GLANCE: Duration = Duration::from_millis(20);

/// An instance that arrives.
pub struct Arriving {
    transfers: Arc<Transfers>,
    writer: TransitWriter,
}

impl Arriving {
    /// Blocks while there is no space, up to a minute. Errors: `Full`, `Io`.
    pub fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.writer.write(octets, GLANCE) {
                Err(StoreError::Full(_)) if Instant::now() < until && self.may_fit(octets) => {
                    self.transfers.make_room(&mut self.transfers.table());
                }
                outcome => return outcome,
            }
        }
    }

    fn may_fit(&self, octets: &[u8]) -> bool {
        self.writer.size_octets() + octets.len() as u64 <= self.transfers.files.max_octets()
    }

    /// What was written so far.
    pub fn read_back(&self) -> Result<std::fs::File, StoreError> {
        self.writer.read_back()
    }

    /// It is whole. Shape: whether somebody waits for it.
    pub fn land(self, received: ReceivedInstance, cx: &Cx) -> bool {
        let Arriving { transfers, writer } = self;
        transfers.landed(Arrival { received, file: writer.finish(), at: cx.now_unix_micros() })
    }
}

/// One retrieval and those who wait for it.
struct Transfer {
    wanted: Wanted,
    /// Each reader has a queue of its own: what it has read, it lets go of.
    readers: Mutex<Vec<Reader>>,
    cancel: Arc<AtomicBool>,
}

struct Reader {
    number: u64,
    queue: mpsc::UnboundedSender<Next>,
}

impl Transfer {
    fn readers(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Table {
    active: Vec<Arc<Transfer>>,
    kept: HashMap<Key, HashMap<SopInstanceUid, Arc<Arrival>>>,
}

/// The retrievals of one proxy.
pub struct Transfers {
    retrieve: Arc<dyn PacsRetrieve>,
    files: Arc<TransitFiles>,
    slots: Arc<Semaphore>,
    /// What has arrived serves others for so long, microseconds.
    keep_micros: i64,
    readers: AtomicU64,
    table: Mutex<Table>,
}

impl Transfers {
    /// At most `parallel` retrievals run at a time; the others wait their turn.
    pub fn new(
        retrieve: Arc<dyn PacsRetrieve>,
        files: Arc<TransitFiles>,
        parallel: usize,
        keep_micros: i64,
    ) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(parallel.max(1)));
        let (readers, table) = Default::default();
        Arc::new(Transfers { retrieve, files, slots, keep_micros, readers, table })
    }

    pub fn files(&self) -> &Arc<TransitFiles> {
        &self.files
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An instance begins to arrive. Blocks. Errors: `Io`.
    pub fn receive(self: &Arc<Self>) -> Result<Arriving, StoreError> {
        Ok(Arriving { transfers: self.clone(), writer: self.files.create()? })
    }

    fn landed(&self, arrival: Arrival) -> bool {
        let (Some(study), Some(series)) = (arrival.received.study.clone(), arrival.received.series.clone()) else {
            return false;
        };
        let arrival = Arc::new(arrival);
        let mut table = self.table();
        let mut awaited = false;
        for transfer in table.active.iter().filter(|t| t.wanted.study == study && t.wanted.series == series) {
            if transfer.wanted.instance.as_ref().is_none_or(|wanted| *wanted == arrival.received.instance) {
                awaited = true;
                for reader in transfer.readers().iter() {
                    // The queue is no longer than the space for files in transit allows.
                    let _ = reader.queue.send(Next::Arrived(arrival.clone()));
                }
            }
        }
        if awaited {
            let instance = arrival.received.instance.clone();
            table.kept.entry((study, series)).or_default().insert(instance, arrival);
            self.make_room(&mut table);
        }
        awaited
    }

    /// Lets go of the oldest that nobody reads until half of the space is free again, which arrivals may wait for.
    fn make_room(&self, table: &mut Table) {
        if self.files.used_octets() <= self.files.max_octets() / 2 {
            return;
        }
        let mut idle: Vec<(i64, Key, SopInstanceUid, u64)> = Vec::new();
        for (key, instances) in &table.kept {
            for (instance, arrival) in instances.iter().filter(|(_, arrival)| Arc::strong_count(arrival) == 1) {
                idle.push((arrival.at, key.clone(), instance.clone(), arrival.file.size_octets()));
            }
        }
        idle.sort_by_key(|(at, ..)| *at);
        let mut excess = self.files.used_octets().saturating_sub(self.files.max_octets() / 2);
        for (_, key, instance, octets) in idle {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(octets);
            if let Some(instances) = table.kept.get_mut(&key) {
                instances.remove(&instance);
            }
        }
        table.kept.retain(|_, instances| !instances.is_empty());
    }

    /// Forgets what has been kept longer than it should; to be called now and then.
    pub fn forget_old(&self, now: i64) {
        let mut table = self.table();
        for instances in table.kept.values_mut() {
            instances.retain(|_, arrival| now - arrival.at < self.keep_micros);
        }
        table.kept.retain(|_, instances| !instances.is_empty());
    }

    /// Forgets instances whose content may have changed at the PACS.
    pub fn forget(&self, study: &StudyInstanceUid) {
        self.table().kept.retain(|(kept, _), _| kept != study);
    }

    /// Instances that are here already.
    pub(super) fn kept(&self, study: &StudyInstanceUid, series: &SeriesInstanceUid) -> Vec<Arc<Arrival>> {
        let table = self.table();
        let kept = table.kept.get(&(study.clone(), series.clone()));
        kept.map(|instances| instances.values().cloned().collect()).unwrap_or_default()
    }

    /// Begins a retrieval, or joins one that brings the same.
    pub(super) fn begin(self: &Arc<Self>, wanted: Wanted, cx: &Cx) -> Ticket {
        let mut table = self.table();
        let covers = |t: &&Arc<Transfer>| {
            let same = t.wanted.study == wanted.study && t.wanted.series == wanted.series;
            let whole = t.wanted.instance.is_none() || t.wanted.instance == wanted.instance;
            same && whole && !t.cancel.load(Ordering::Relaxed)
        };
        let transfer = table.active.iter().find(covers).cloned();
        let transfer = transfer.unwrap_or_else(|| {
            let transfer =
                Arc::new(Transfer { wanted, readers: Mutex::default(), cancel: Arc::new(AtomicBool::new(false)) });
            table.active.push(transfer.clone());
            tokio::spawn(self.clone().run(transfer.clone(), cx.clone()));
            transfer
        });
        // Within the lock: a transfer is never cancelled while somebody joins it.
        let (queue, arrivals) = mpsc::unbounded_channel();
        let number = self.readers.fetch_add(1, Ordering::Relaxed);
        transfer.readers().push(Reader { number, queue });
        Ticket { transfers: self.clone(), transfer, arrivals, number }
    }

    /// Brings instances and shows each as it arrives.
    ///
    /// Shape: what the PACS said in the end. Errors: the retrieval's.
    pub async fn bring(
        self: &Arc<Self>,
        wanted: Wanted,
        mut each: impl FnMut(&ReceivedInstance, &std::path::Path) + Send,
        cx: &Cx,
    ) -> Result<String, Fault> {
        let mut ticket = self.begin(wanted, cx);
        loop {
            match ticket.next().await {
                Next::Arrived(arrival) => each(&arrival.received, arrival.file.path()),
                Next::Ended(outcome) => return outcome,
            }
        }
    }

    async fn run(self: Arc<Self>, transfer: Arc<Transfer>, cx: Cx) {
        let slot = self.slots.clone().acquire_owned().await;
        let outcome = if transfer.cancel.load(Ordering::Relaxed) {
            Ok("nobody waited for it any more".to_owned())
        } else {
            self.retrieve.retrieve(&transfer.wanted, transfer.cancel.clone(), &cx).await
        };
        drop(slot);
        if let Err(fault) = &outcome {
            let wanted = &transfer.wanted;
            tracing::warn!(request_id = cx.request_id, pacs = self.retrieve.name(), study = %wanted.study, series = %wanted.series, %fault, "a retrieval from the PACS failed");
        }
        let mut table = self.table();
        table.active.retain(|active| !Arc::ptr_eq(active, &transfer));
        for reader in transfer.readers().iter() {
            let _ = reader.queue.send(Next::Ended(outcome.clone()));
        }
    }
}

/// What comes next of a retrieval.
pub(super) enum Next {
    Arrived(Arc<Arrival>),
    /// Nothing more comes, and what the PACS said to it.
    Ended(Result<String, Fault>),
}

/// A reader of one retrieval: what arrives from when it joined. When the last one goes, the retrieval is cancelled.
pub(super) struct Ticket {
    transfers: Arc<Transfers>,
    transfer: Arc<Transfer>,
    arrivals: mpsc::UnboundedReceiver<Next>,
    number: u64,
}

impl Ticket {
    /// The next instance in the order of arrival.
    pub(super) async fn next(&mut self) -> Next {
        self.arrivals.recv().await.unwrap_or_else(|| {
            let peer = self.transfers.retrieve.name().to_owned();
            Next::Ended(Err(Fault::PeerUnavailable { peer, reason: "the retrieval ended without a word".to_owned() }))
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let _table = self.transfers.table();
        let mut readers = self.transfer.readers();
        readers.retain(|reader| reader.number != self.number);
        if readers.is_empty() {
            self.transfer.cancel.store(true, Ordering::Relaxed);
        }
    }
}
