//! What is observed of a PACS: new, grown, changed and vanished studies, with a PACS that fails or forgets.
//! Source: spec/dicom.md sections 6, 22.6.

use crate::bench::{Bench, SECOND, wait};
use crate::pacs_retrieval::FakeRetrieve;
use crate::publish::{Network, QUIET};
use crate::samples::study;
use actors::*;
use model::*;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use store::TransitFiles;

const POLL: i64 = 60 * SECOND;
const APART: i64 = 600 * SECOND;
/// The bench begins on 2025-03-14.
const TODAY: &str = "20250314";

#[derive(Clone)]
struct OneStudy {
    date: &'static str,
    says: &'static str,
    instances: Vec<(&'static str, &'static str)>,
}

/// A PACS in memory that counts what it is asked.
#[derive(Default)]
pub struct FakePacs {
    studies: Mutex<BTreeMap<String, OneStudy>>,
    counts: Mutex<bool>,
    fault: Mutex<Option<Fault>>,
    /// Why no study can be looked into.
    pub unreadable: Mutex<Option<Fault>>,
    study_queries: AtomicUsize,
    inventories: AtomicUsize,
}

impl FakePacs {
    pub fn put(&self, uid: &str, instances: &[(&'static str, &'static str)]) {
        self.put_of(uid, TODAY, instances);
    }

    pub fn put_of(&self, uid: &str, date: &'static str, instances: &[(&'static str, &'static str)]) {
        let one = OneStudy { date, says: "CT", instances: instances.to_vec() };
        self.studies.lock().unwrap().insert(uid.to_owned(), one);
    }

    pub fn says(&self, uid: &str, says: &'static str) {
        self.studies.lock().unwrap().get_mut(uid).unwrap().says = says;
    }

    fn remove(&self, uid: &str) {
        self.studies.lock().unwrap().remove(uid);
    }

    fn begin(&self) -> Result<(), Fault> {
        self.fault.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn listed(&self, uid: &str, one: &OneStudy) -> ListedStudy {
        let counts = *self.counts.lock().unwrap();
        let count = if counts { one.instances.len().to_string() } else { String::new() };
        ListedStudy {
            study: study(uid),
            date: Some(one.date.to_owned()),
            patient_id: "P0001".into(),
            patient_issuer: String::new(),
            summary: format!("{} {count}", one.says).into_bytes(),
            counts,
        }
    }

    /// Questions at the level of studies, and inventories, since the last time.
    pub fn asked(&self) -> (usize, usize) {
        (self.study_queries.swap(0, Ordering::SeqCst), self.inventories.swap(0, Ordering::SeqCst))
    }
}

impl Pacs for FakePacs {
    fn name(&self) -> &str {
        "pacs1"
    }

    fn ae_title(&self) -> &str {
        "PACS1"
    }

    fn studies<'a>(
        &'a self,
        first: &'a str,
        last: &'a str,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<ListedStudy>, Fault>> {
        Box::pin(async move {
            self.study_queries.fetch_add(1, Ordering::SeqCst);
            self.begin()?;
            let studies = self.studies.lock().unwrap();
            let found = studies.iter().filter(|(_, one)| (first..=last).contains(&one.date));
            Ok(found.map(|(uid, one)| self.listed(uid, one)).collect())
        })
    }

    fn study<'a>(
        &'a self,
        study: &'a StudyInstanceUid,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Option<ListedStudy>, Fault>> {
        Box::pin(async move {
            self.study_queries.fetch_add(1, Ordering::SeqCst);
            self.begin()?;
            let studies = self.studies.lock().unwrap();
            Ok(studies.get(study.as_str()).map(|one| self.listed(study.as_str(), one)))
        })
    }

    fn inventory<'a>(
        &'a self,
        study: &'a ListedStudy,
        _: &'a HashMap<SopInstanceUid, ListedInstance>,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Inventory, Fault>> {
        Box::pin(async move {
            self.inventories.fetch_add(1, Ordering::SeqCst);
            self.begin()?;
            self.unreadable.lock().unwrap().clone().map_or(Ok(()), Err)?;
            let studies = self.studies.lock().unwrap();
            let Some(one) = studies.get(study.study.as_str()) else { return Ok(Inventory::default()) };
            let instances = one.instances.iter().map(|(uid, header)| ListedInstance {
                series: SeriesInstanceUid::parse(&format!("{}.1", study.study)).unwrap(),
                instance: SopInstanceUid::parse(uid).unwrap(),
                sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
                header: header.as_bytes().to_vec(),
            });
            let header = one.says.as_bytes().to_vec();
            Ok(Inventory { accession: "ACC-7".into(), header, instances: instances.collect() })
        })
    }
}

/// A hospital whose PACS is observed, and the centre it publishes to.
pub struct Proxy {
    pub network: Network,
    pub pacs: Arc<FakePacs>,
    pub observer: PacsObserver,
}

impl Proxy {
    pub fn new() -> Self {
        Proxy::with_reconcile(0)
    }

    fn with_reconcile(reconcile_micros: i64) -> Self {
        let pacs = Arc::new(FakePacs::default());
        *pacs.counts.lock().unwrap() = true;
        let network = Network::new();
        let observer = observer(&network.here, &pacs, reconcile_micros);
        Proxy { network, pacs, observer }
    }

    pub fn observe(&self) {
        wait(self.observer.turn(&self.network.here.cx));
    }

    pub fn poll(&self) {
        self.network.pass(POLL);
        self.observe();
    }

    pub fn publish(&self) {
        self.network.pass(QUIET);
        self.network.turn();
    }

    pub fn instances(&self, uid: &str) -> Vec<String> {
        let uid = study(uid);
        let rows = self.network.here.read(|tx| tx.instances(store::InstanceSelect::Study(&uid)));
        rows.into_iter().map(|row| row.instance.to_string()).collect()
    }

    pub fn restart(&mut self) {
        self.observer = observer(&self.network.here, &self.pacs, 0);
    }
}

pub fn observer(bench: &Bench, pacs: &Arc<FakePacs>, reconcile_micros: i64) -> PacsObserver {
    let files = Arc::new(TransitFiles::open(&bench.folder.path().join("transit"), 1 << 20).unwrap());
    let transfers = Transfers::new(Arc::new(FakeRetrieve::default()), files, 1, SECOND);
    let policy = ObservationPolicy {
        poll_micros: POLL,
        window_days: 2,
        confirm_queries: 2,
        confirm_apart_micros: APART,
        reconcile_micros,
    };
    PacsObserver::new(bench.store.clone(), pacs.clone(), transfers, policy)
}

pub const A: &str = "2.25.77";
pub const B: &str = "2.25.78";

#[test]
fn a_study_of_the_pacs_is_published_and_grows() {
    let proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.observe();
    assert_eq!(proxy.instances(A), ["2.25.1"]);
    proxy.publish();
    assert_eq!(proxy.network.current(A).unwrap(), ["2.25.1"]);
    proxy.pacs.put(A, &[("2.25.1", ""), ("2.25.2", "")]);
    proxy.poll();
    proxy.publish();
    assert_eq!(proxy.network.current(A).unwrap(), ["2.25.1", "2.25.2"]);
    assert_eq!(proxy.network.manifests(A).len(), 2);
}

#[test]
fn while_nothing_changes_a_poll_is_one_question() {
    let proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.pacs.put(B, &[("2.25.2", "")]);
    proxy.observe();
    assert_eq!(proxy.pacs.asked(), (1, 2));
    for _ in 0..3 {
        proxy.poll();
        assert_eq!(proxy.pacs.asked(), (1, 0));
    }
    // Between polls nothing at all.
    proxy.network.pass(POLL / 2);
    proxy.observe();
    assert_eq!(proxy.pacs.asked(), (0, 0));
    // A PACS that counts nothing has to be looked into every time.
    *proxy.pacs.counts.lock().unwrap() = false;
    proxy.poll();
    proxy.pacs.asked();
    proxy.poll();
    assert_eq!(proxy.pacs.asked(), (1, 2));
}

#[test]
fn other_headers_and_another_description_make_a_new_manifest_due() {
    let proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", "1"), ("2.25.2", "2")]);
    proxy.observe();
    proxy.publish();
    let state = |proxy: &Proxy| proxy.network.state(A);
    assert!(!state(&proxy).is_dirty());
    proxy.pacs.put(A, &[("2.25.1", "1"), ("2.25.2", "3")]);
    proxy.pacs.says(A, "CT again");
    proxy.poll();
    assert!(state(&proxy).is_dirty());
    assert_eq!(proxy.instances(A), ["2.25.1", "2.25.2"]);
    proxy.publish();
    proxy.pacs.says(A, "MR");
    proxy.poll();
    assert!(state(&proxy).is_dirty(), "what is said of the study is in the manifest");
}

#[test]
fn what_is_missed_once_is_not_gone() {
    let mut proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", ""), ("2.25.2", "")]);
    proxy.observe();
    proxy.publish();
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.poll();
    assert_eq!(proxy.instances(A).len(), 2);
    assert_eq!(wait(proxy.observer.sync()).unwrap().out_of_sync, 1);
    // Looks too close together do not count.
    for _ in 0..3 {
        proxy.observer.look_at(study(A));
        proxy.observe();
    }
    assert_eq!(proxy.instances(A).len(), 2);
    // It comes back: the count begins anew.
    proxy.pacs.put(A, &[("2.25.1", ""), ("2.25.2", "")]);
    proxy.poll();
    assert_eq!(wait(proxy.observer.sync()).unwrap().out_of_sync, 0);
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.network.pass(APART);
    proxy.poll();
    assert_eq!(proxy.instances(A).len(), 2);
    // What was missed is remembered over a restart, and looked for again in time.
    proxy.restart();
    proxy.observe();
    assert_eq!(proxy.instances(A).len(), 2);
    proxy.network.pass(APART);
    proxy.observe();
    assert_eq!(proxy.instances(A), ["2.25.1"]);
    proxy.publish();
    assert_eq!(proxy.network.current(A).unwrap(), ["2.25.1"]);
}

#[test]
fn a_deleted_study_is_withdrawn_and_one_that_comes_back_is_published_again() {
    let proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.pacs.put(B, &[("2.25.2", "")]);
    proxy.observe();
    proxy.publish();
    proxy.pacs.remove(A);
    proxy.poll();
    proxy.publish();
    assert!(proxy.network.current(A).is_some(), "missed once");
    proxy.network.pass(APART);
    proxy.observe();
    proxy.publish();
    assert_eq!(proxy.network.current(A), None);
    assert_eq!(proxy.network.current(B).unwrap(), ["2.25.2"]);
    assert!(proxy.network.served(A).is_empty());
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.poll();
    proxy.publish();
    assert_eq!(proxy.network.current(A).unwrap(), ["2.25.1"]);
}

#[test]
fn the_only_study_of_a_pacs_can_be_deleted() {
    let proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.observe();
    proxy.publish();
    proxy.pacs.remove(A);
    proxy.poll();
    proxy.network.pass(APART);
    proxy.observe();
    proxy.publish();
    assert_eq!(proxy.network.current(A), None);
}

#[test]
fn a_pacs_that_lists_nothing_any_more_is_not_believed_for_a_day() {
    let proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.pacs.put(B, &[("2.25.2", "")]);
    proxy.observe();
    proxy.publish();
    let studies = std::mem::take(&mut *proxy.pacs.studies.lock().unwrap());
    for _ in 0..5 {
        proxy.network.pass(APART);
        proxy.poll();
    }
    proxy.publish();
    assert!(proxy.network.current(A).is_some() && proxy.network.current(B).is_some());
    assert_eq!(wait(proxy.observer.sync()).unwrap().out_of_sync, 2);
    *proxy.pacs.studies.lock().unwrap() = studies;
    proxy.poll();
    assert_eq!(wait(proxy.observer.sync()).unwrap().out_of_sync, 0);
    proxy.pacs.studies.lock().unwrap().clear();
    for _ in 0..150 {
        proxy.network.pass(APART);
        proxy.poll();
    }
    proxy.publish();
    assert_eq!((proxy.network.current(A), proxy.network.current(B)), (None, None));
}

#[test]
fn a_pacs_in_trouble_loses_nothing() {
    let proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.observe();
    proxy.publish();
    let down = Fault::PeerUnavailable { peer: "pacs1".into(), reason: "connection refused".into() };
    *proxy.pacs.fault.lock().unwrap() = Some(down.clone());
    for _ in 0..5 {
        proxy.network.pass(APART);
        proxy.observer.look_at(study(A));
        proxy.observe();
    }
    let sync = wait(proxy.observer.sync()).unwrap();
    assert_eq!((sync.fault, sync.out_of_sync), (Some(down), 1));
    assert_eq!(proxy.instances(A), ["2.25.1"]);
    *proxy.pacs.fault.lock().unwrap() = None;
    proxy.poll();
    assert_eq!(wait(proxy.observer.sync()).unwrap().fault, None);
    assert_eq!(wait(proxy.observer.sync()).unwrap().out_of_sync, 0);
    proxy.publish();
    assert_eq!(proxy.network.current(A).unwrap(), ["2.25.1"]);
}

#[test]
fn somebody_says_so_and_the_study_is_looked_at_at_once() {
    let proxy = Proxy::new();
    proxy.observe();
    proxy.pacs.asked();
    proxy.pacs.put_of(A, "20240101", &[("2.25.1", "")]);
    proxy.observer.look_at(study(A));
    proxy.observe();
    assert_eq!(proxy.instances(A), ["2.25.1"]);
    assert_eq!(proxy.pacs.asked(), (1, 1));
    // Of a study that nobody has, nothing is kept.
    proxy.observer.look_at(study("2.25.404"));
    proxy.observe();
    assert!(proxy.instances("2.25.404").is_empty());
    assert_eq!(wait(proxy.observer.sync()).unwrap().out_of_sync, 0);
}

#[test]
fn reconciliation_finds_what_no_poll_asks_for() {
    let proxy = Proxy::with_reconcile(10 * SECOND);
    proxy.pacs.put_of(A, "20200101", &[("2.25.1", ""), ("2.25.2", "")]);
    proxy.pacs.put_of(B, "20200102", &[("2.25.3", "")]);
    proxy.observer.look_at(study(A));
    proxy.observer.look_at(study(B));
    proxy.observe();
    proxy.publish();
    proxy.pacs.put_of(A, "20200101", &[("2.25.1", "")]);
    proxy.pacs.asked();
    for _ in 0..2 {
        proxy.network.pass(10 * SECOND);
        proxy.observe();
    }
    let (_, inventories) = proxy.pacs.asked();
    assert_eq!(inventories, 2, "each once");
    assert_eq!(wait(proxy.observer.sync()).unwrap().out_of_sync, 1);
    proxy.network.pass(APART);
    proxy.observe();
    proxy.publish();
    assert_eq!(proxy.network.current(A).unwrap(), ["2.25.1"]);
}

#[test]
fn a_study_with_another_date_is_not_gone() {
    let proxy = Proxy::new();
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.observe();
    proxy.pacs.put_of(A, "20190101", &[("2.25.1", "")]);
    proxy.poll();
    assert_eq!(wait(proxy.observer.sync()).unwrap().out_of_sync, 0);
    assert_eq!(proxy.instances(A), ["2.25.1"]);
}

#[test]
fn what_is_known_of_a_study_is_read_back() {
    let known = KnownStudy {
        listed: ListedStudy {
            study: study(A),
            date: Some(TODAY.into()),
            patient_id: "P".into(),
            patient_issuer: "2.999.7".into(),
            summary: vec![1, 2],
            counts: true,
        },
        header: vec![3],
    };
    let bytes = known.encode();
    assert_eq!(KnownStudy::decode(study(A), &bytes), Some(known));
    for end in 0..bytes.len() {
        assert_eq!(KnownStudy::decode(study(A), &bytes[..end]), None);
    }
}
