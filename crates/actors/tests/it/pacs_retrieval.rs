//! Images of a PACS behind the proxy: shared, bounded, in turn, cancelled, and never mistaken for whole when they are not.
//! Source: spec/dicom.md sections 16, 22.4.

use crate::archive::{EXPLICIT_LE, Turning};
use crate::bench::Bench;
use crate::samples::study;
use actors::*;
use futures_util::StreamExt;
use model::*;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use store::{Sha256, StoreExt, StoredInstance, TransitFiles};

const STUDY: &str = "2.25.9";

/// A PACS that sends what it has of what is wanted.
#[derive(Default)]
pub struct FakeRetrieve {
    transfers: OnceLock<Arc<Transfers>>,
    /// SOP Instance UID to octets.
    has: Mutex<HashMap<String, Vec<u8>>>,
    /// What it says to the retrievals to come; then it tells the truth.
    says: Mutex<VecDeque<Result<String, Fault>>>,
    /// Instances that it leaves out when it is asked for the series.
    shy: Mutex<Vec<String>>,
    asked: Mutex<Vec<Option<String>>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
    /// Waits for the other side before each instance.
    slow: AtomicBool,
    cancelled: AtomicUsize,
}

impl FakeRetrieve {
    fn transfers(&self) -> &Arc<Transfers> {
        self.transfers.get().unwrap()
    }

    async fn send(&self, wanted: &Wanted, cancel: &AtomicBool, cx: &Cx) -> Result<String, Fault> {
        let mut instances: Vec<(String, Vec<u8>)> = {
            let has = self.has.lock().unwrap();
            let shy = self.shy.lock().unwrap();
            let of_series = |uid: &str| uid.starts_with(&format!("{}.", wanted.series));
            let meant = |uid: &str| match &wanted.instance {
                Some(instance) => uid == instance.as_str(),
                None => of_series(uid) && !shy.iter().any(|shy| shy == uid),
            };
            has.iter().filter(|(uid, _)| meant(uid)).map(|(uid, octets)| (uid.clone(), octets.clone())).collect()
        };
        instances.sort();
        let mut sent = 0;
        for (uid, octets) in instances {
            if self.slow.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if cancel.load(Ordering::SeqCst) {
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                return Ok("cancelled".into());
            }
            let transfers = self.transfers().clone();
            let written = tokio::task::spawn_blocking(move || {
                let mut arriving = transfers.receive()?;
                arriving.write(&octets).map(|()| arriving)
            });
            let Ok(arriving) = written.await.unwrap() else { continue };
            let received = ReceivedInstance {
                study: Some(wanted.study.clone()),
                series: Some(wanted.series.clone()),
                instance: SopInstanceUid::parse(&uid).unwrap(),
                sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
                transfer_syntax: TransferSyntaxUid::parse(EXPLICIT_LE).unwrap(),
                patient_id: String::new(),
                accession: String::new(),
                patient_issuer: String::new(),
                calling_ae: "PACS1".into(),
                header: Vec::new(),
            };
            arriving.land(received, cx);
            sent += 1;
        }
        match self.says.lock().unwrap().pop_front() {
            Some(said) => said,
            None => Ok(format!("0000, {sent} sent")),
        }
    }
}

impl PacsRetrieve for FakeRetrieve {
    fn name(&self) -> &str {
        "pacs1"
    }

    fn retrieve<'a>(
        &'a self,
        wanted: &'a Wanted,
        cancel: Arc<AtomicBool>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(wanted.instance.as_ref().map(ToString::to_string));
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_running.fetch_max(running, Ordering::SeqCst);
            let outcome = self.send(wanted, &cancel, cx).await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            outcome
        })
    }
}

struct Proxy {
    bench: Bench,
    pacs: Arc<FakeRetrieve>,
    transfers: Arc<Transfers>,
    imaging: ProxyImaging,
}

impl Proxy {
    fn new() -> Self {
        Proxy::with(1 << 20, 2)
    }

    fn with(transit_octets: u64, parallel: usize) -> Self {
        let bench = Bench::new();
        let files = TransitFiles::open(&bench.folder.path().join("transit"), transit_octets).unwrap();
        let pacs = Arc::new(FakeRetrieve::default());
        let transfers = Transfers::new(pacs.clone(), Arc::new(files), parallel, 60_000_000);
        pacs.transfers.set(transfers.clone()).ok().unwrap();
        let imaging = ProxyImaging::new(bench.store.clone(), transfers.clone(), pacs.clone(), Arc::new(Turning));
        Proxy { bench, pacs, transfers, imaging }
    }

    /// Series 1 and 2 with so many instances of so many octets each, published and at the PACS.
    fn fill(&self, counts: [usize; 2], octets: usize) -> Vec<String> {
        let mut all = Vec::new();
        for (n, count) in counts.into_iter().enumerate() {
            let series = format!("{STUDY}.{}", n + 1);
            for i in 0..count {
                let uid = format!("{series}.{}", 100 + i);
                let row = row(&series, &uid);
                self.bench.store.write_blocking(move |tx| tx.add_instance(&row)).unwrap();
                self.pacs.has.lock().unwrap().insert(uid.clone(), vec![i as u8; octets]);
                all.push(uid);
            }
        }
        let listed = all.join("\n").into_bytes();
        self.bench.store.write_blocking(move |tx| tx.put_state("manifest-instances", STUDY, Some(&listed))).unwrap();
        all
    }

    fn request(series: Option<u32>, instance: Option<&str>) -> ImageRequest {
        ImageRequest {
            study: study(STUDY),
            series: series.map(|n| SeriesInstanceUid::parse(&format!("{STUDY}.{n}")).unwrap()),
            instance: instance.map(|uid| SopInstanceUid::parse(uid).unwrap()),
            syntaxes: vec![WantedSyntax::AsStored],
        }
    }

    /// Everything that comes, and the fault that ended it.
    async fn fetch(&self, request: ImageRequest) -> (Vec<(String, Vec<u8>)>, Option<Fault>) {
        let images = match self.imaging.fetch(&request, &self.bench.cx).await {
            Ok(images) => images,
            Err(refusal) => return (Vec::new(), Some(refusal.first().clone())),
        };
        let (mut instances, mut here) = (images.instances, Vec::new());
        while let Some(next) = instances.next().await {
            match next {
                Ok(served) => {
                    let (mut body, mut octets) = (served.body, Vec::new());
                    while let Some(piece) = body.next().await {
                        octets.extend_from_slice(&piece.unwrap());
                    }
                    here.push((served.sop_instance.to_string(), octets));
                }
                Err(fault) => {
                    assert!(instances.next().await.is_none(), "nothing follows a fault");
                    return (here, Some(fault));
                }
            }
        }
        (here, None)
    }

    async fn names(&self, request: ImageRequest) -> Vec<String> {
        let (here, fault) = self.fetch(request).await;
        assert_eq!(fault, None);
        let mut names: Vec<String> = here.into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    }

    fn asked(&self) -> Vec<Option<String>> {
        std::mem::take(&mut *self.pacs.asked.lock().unwrap())
    }
}

fn row(series: &str, uid: &str) -> StoredInstance {
    StoredInstance {
        study: study(STUDY),
        series: SeriesInstanceUid::parse(series).unwrap(),
        instance: SopInstanceUid::parse(uid).unwrap(),
        sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
        transfer_syntax: TransferSyntaxUid::parse("1.2.840.10008.1.2").unwrap(),
        file: format!("pacs/{STUDY}/{uid}"),
        size_octets: 0,
        sha256: Sha256([0; 32]),
        header: Vec::new(),
        patient_id: "P0001".into(),
        patient_issuer: String::new(),
        received_at: 1,
        calling_ae: "PACS1".into(),
        held: None,
    }
}

#[tokio::test]
async fn a_study_is_brought_series_by_series_and_kept_for_the_next() {
    let proxy = Proxy::new();
    let all = proxy.fill([3, 2], 10);
    assert_eq!(proxy.names(Proxy::request(None, None)).await, all);
    assert_eq!(proxy.asked(), [None, None]);
    assert_eq!(proxy.names(Proxy::request(Some(2), None)).await, all[3..]);
    assert_eq!(proxy.asked(), [] as [Option<String>; 0], "it was here already");
    proxy.transfers.forget(&study(STUDY));
    assert_eq!(proxy.names(Proxy::request(Some(1), Some(&all[1]))).await, [all[1].clone()]);
    assert_eq!(proxy.asked(), [Some(all[1].clone())]);
    proxy.transfers.forget_old(proxy.bench.cx.now_unix_micros() + 61_000_000);
    assert_eq!(proxy.transfers.files().used_octets(), 0);
}

#[tokio::test]
async fn only_what_the_manifest_lists_is_brought() {
    let proxy = Proxy::new();
    let all = proxy.fill([3, 0], 10);
    let listed = all[1].clone().into_bytes();
    proxy.bench.store.write_blocking(move |tx| tx.put_state("manifest-instances", STUDY, Some(&listed))).unwrap();
    assert_eq!(proxy.names(Proxy::request(None, None)).await, [all[1].clone()]);
    let (_, fault) = proxy.fetch(Proxy::request(Some(1), Some(&all[0]))).await;
    assert!(matches!(fault, Some(Fault::ImagesNotFound(_))), "{fault:?}");
}

#[tokio::test]
async fn readers_of_the_same_series_share_one_retrieval() {
    let proxy = Proxy::new();
    let all = proxy.fill([20, 0], 10);
    proxy.pacs.slow.store(true, Ordering::SeqCst);
    let readers = (0..8).map(|n| {
        let proxy = &proxy;
        async move {
            // They come one after the other, some in the middle.
            tokio::time::sleep(Duration::from_millis(30 * n)).await;
            proxy.names(Proxy::request(Some(1), None)).await
        }
    });
    for names in futures_util::future::join_all(readers).await {
        assert_eq!(names, all);
    }
    assert_eq!(proxy.asked(), [None]);
}

#[tokio::test]
async fn what_a_series_does_not_bring_is_asked_for_by_name() {
    let proxy = Proxy::new();
    let all = proxy.fill([4, 0], 10);
    *proxy.pacs.shy.lock().unwrap() = vec![all[1].clone(), all[3].clone()];
    assert_eq!(proxy.names(Proxy::request(Some(1), None)).await, all);
    assert_eq!(proxy.asked().len(), 3);
}

#[tokio::test]
async fn an_instance_that_does_not_come_is_a_fault_that_says_what_the_pacs_said() {
    let proxy = Proxy::new();
    let all = proxy.fill([3, 2], 10);
    proxy.pacs.has.lock().unwrap().remove(&all[1]);
    let (here, fault) = proxy.fetch(Proxy::request(None, None)).await;
    assert_eq!(here.len(), 2);
    let Some(Fault::PeerUnavailable { peer, reason }) = fault else { panic!("{fault:?}") };
    assert_eq!(peer, "pacs1");
    assert!(reason.contains("did not send 1 of 3 instances") && reason.contains("0000, 0 sent"), "{reason}");
    // Success without anything.
    proxy.pacs.has.lock().unwrap().clear();
    proxy.transfers.forget(&study(STUDY));
    let (here, fault) = proxy.fetch(Proxy::request(Some(2), None)).await;
    assert!(here.is_empty() && matches!(fault, Some(Fault::PeerUnavailable { .. })), "{fault:?}");
}

#[tokio::test]
async fn a_failed_retrieval_is_a_fault_unless_everything_came() {
    let proxy = Proxy::new();
    let all = proxy.fill([2, 0], 10);
    let broken = Fault::PeerUnavailable { peer: "pacs1".into(), reason: "aborted".into() };
    proxy.pacs.says.lock().unwrap().push_back(Err(broken.clone()));
    assert_eq!(proxy.names(Proxy::request(None, None)).await, all, "it broke after the last one");
    proxy.transfers.forget(&study(STUDY));
    proxy.pacs.says.lock().unwrap().push_back(Err(broken.clone()));
    proxy.pacs.has.lock().unwrap().remove(&all[1]);
    assert_eq!(proxy.fetch(Proxy::request(None, None)).await.1, Some(broken));
}

#[tokio::test]
async fn a_reader_that_goes_away_cancels_what_nobody_else_reads() {
    let proxy = Proxy::new();
    proxy.fill([50, 0], 10);
    proxy.pacs.slow.store(true, Ordering::SeqCst);
    let mut images = proxy.imaging.fetch(&Proxy::request(Some(1), None), &proxy.bench.cx).await.unwrap();
    assert!(images.instances.next().await.unwrap().is_ok());
    let mut other = proxy.imaging.fetch(&Proxy::request(Some(1), None), &proxy.bench.cx).await.unwrap();
    // The first one was here already, the second is waited for.
    assert!(other.instances.next().await.unwrap().is_ok());
    assert!(other.instances.next().await.unwrap().is_ok());
    drop(images);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(proxy.pacs.cancelled.load(Ordering::SeqCst), 0, "somebody reads it still");
    drop(other);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(proxy.pacs.cancelled.load(Ordering::SeqCst), 1);
    // Who comes now does not join the dead.
    proxy.pacs.slow.store(false, Ordering::SeqCst);
    assert_eq!(proxy.names(Proxy::request(Some(1), None)).await.len(), 50);
}

#[tokio::test]
async fn no_more_retrievals_run_than_the_pacs_bears() {
    let proxy = Proxy::with(1 << 20, 2);
    let all = proxy.fill([6, 6], 10);
    proxy.pacs.slow.store(true, Ordering::SeqCst);
    let requests = all.iter().enumerate().map(|(n, uid)| Proxy::request(Some(1 + n as u32 / 6), Some(uid)));
    let fetched = futures_util::future::join_all(requests.map(|request| proxy.names(request))).await;
    assert!(fetched.iter().all(|names| names.len() == 1));
    assert_eq!(proxy.pacs.most_running.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_larger_than_the_space_passes_through_it() {
    let proxy = Proxy::with(1000, 1);
    let all = proxy.fill([40, 0], 100);
    assert_eq!(proxy.names(Proxy::request(None, None)).await, all);
    assert!(proxy.transfers.files().used_octets() <= 1000);
}

#[tokio::test]
async fn a_list_of_instances_says_beforehand_which_come() {
    let proxy = Proxy::new();
    let all = proxy.fill([2, 1], 10);
    proxy.pacs.has.lock().unwrap().remove(&all[1]);
    let address = |series: u32, uid: &str| InstanceAddress {
        study: study(STUDY),
        series: SeriesInstanceUid::parse(&format!("{STUDY}.{series}")).unwrap(),
        instance: SopInstanceUid::parse(uid).unwrap(),
    };
    let wanted = [address(1, &all[0]), address(1, &all[1]), address(2, &all[2]), address(2, "2.25.404")];
    let picked = proxy.imaging.pick(&wanted, &[WantedSyntax::AsStored], &proxy.bench.cx).await.unwrap();
    let outcomes = &picked.outcomes;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(Fault::PeerUnavailable { .. })), "{outcomes:?}");
    assert!(matches!(outcomes[3], Err(Fault::ImagesNotFound(_))), "{outcomes:?}");
    let names: Vec<String> = picked.instances.map(|one| one.unwrap().sop_instance.to_string()).collect().await;
    assert_eq!(names, [all[0].clone(), all[2].clone()]);
}
