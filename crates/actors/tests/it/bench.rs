//! A store in a folder of its own, a clock that is told the time, identifiers that count.

use crate::samples::*;
use actors::*;
use model::*;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use store::{Counts, FileBlobs, FileOptions, MetadataStore, ReadTx, SqliteOptions, SqliteStore, StoreError, StoreExt};

pub const SECOND: i64 = 1_000_000;
/// 2025-03-14T12:00:00Z.
pub const NOON: i64 = 1_741_953_600 * SECOND;

pub struct FixedClock(AtomicI64);

impl FixedClock {
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now_unix_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts from a number of its own, so that two nodes of a test never make the same identifier.
pub struct Counting(AtomicU64);

impl Counting {
    fn new() -> Self {
        static NODES: AtomicU64 = AtomicU64::new(1);
        Counting(AtomicU64::new(NODES.fetch_add(1, Ordering::SeqCst) << 32))
    }
}

impl Identifiers for Counting {
    fn uuid(&self) -> [u8; 16] {
        let number = u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        (0xb000_0000_0000_4000_8000_0000_0000_0000_u128 + number).to_be_bytes()
    }
}

pub struct Bench {
    pub store: Arc<dyn MetadataStore>,
    pub blobs: Arc<FileBlobs>,
    pub clock: Arc<FixedClock>,
    pub cx: Cx,
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Bench::with_files(FileOptions::default())
    }

    pub fn with_files(options: FileOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("metadata.sqlite"), SqliteOptions::default()).unwrap();
        Bench::over(store, folder, options)
    }

    /// With a store in memory, for tests of many steps.
    pub fn in_memory() -> Self {
        Bench::over(SqliteStore::in_memory().unwrap(), tempfile::tempdir().unwrap(), FileOptions::default())
    }

    fn over(store: SqliteStore, folder: tempfile::TempDir, options: FileOptions) -> Self {
        let blobs = Arc::new(FileBlobs::open(&folder.path().join("blobs"), options).unwrap());
        let clock = Arc::new(FixedClock(AtomicI64::new(NOON)));
        let cx = Cx::local("test", clock.clone(), Arc::new(Counting::new()));
        Bench { store: Arc::new(store), blobs, clock, cx, folder }
    }

    /// With P0001 and P0002 known.
    pub fn with_patients() -> Self {
        let bench = Bench::new();
        bench.know("P0001");
        bench.know("P0002");
        bench
    }

    pub fn know(&self, id: &str) {
        let patient = patient(id, "Doe", "Jane");
        self.store.write_blocking(move |tx| tx.put_patient(&patient)).unwrap();
    }

    pub fn registry(&self) -> DocumentRegistry {
        self.registry_with(policy())
    }

    pub fn registry_with(&self, policy: RegistryPolicy) -> DocumentRegistry {
        DocumentRegistry::new(self.store.clone(), policy)
    }

    pub fn repository(&self, register_at: RegisterAt) -> DocumentRepository {
        DocumentRepository::new(oid(REPOSITORY), self.store.clone(), self.blobs.clone(), register_at)
    }

    pub fn read<T: Send + 'static>(&self, f: impl FnOnce(&dyn ReadTx) -> Result<T, StoreError>) -> T {
        self.store.read_blocking(f).unwrap()
    }

    pub fn counts(&self) -> Counts {
        self.read(|tx| tx.counts())
    }

    pub fn entry(&self, id: &ObjectId) -> DocumentEntry {
        self.read(|tx| tx.entry(id)).unwrap()
    }

    pub fn status(&self, id: &ObjectId) -> AvailabilityStatus {
        self.entry(id).availability_status
    }

    /// Finished and unfinished blob files.
    pub fn blob_files(&self) -> usize {
        files_below(&self.folder.path().join("blobs"))
    }

    /// Registers, and expects it to be accepted.
    pub fn accept(&self, submission: Submission) -> Accepted {
        let registered = wait(self.registry().register(submission, &self.cx)).unwrap();
        assert_eq!(registered.warnings, []);
        Accepted { ids: registered.ids }
    }

    /// Registers, and expects exactly these faults (as Debug tells them) and no change.
    pub fn refuse(&self, submission: Submission) -> Vec<Fault> {
        let before = self.counts();
        let refusal = wait(self.registry().register(submission, &self.cx)).unwrap_err();
        assert_eq!(self.counts(), before, "something of a refused submission was kept");
        refusal.faults().to_vec()
    }
}

/// An accepted submission's ids.
pub struct Accepted {
    pub ids: Vec<(ObjectId, ObjectId)>,
}

impl Accepted {
    /// What an id of the message has become.
    pub fn id(&self, symbolic: &str) -> ObjectId {
        let symbolic = id(symbolic);
        self.ids.iter().find(|(from, _)| *from == symbolic).map(|(_, to)| to.clone()).unwrap()
    }
}

pub fn policy() -> RegistryPolicy {
    RegistryPolicy {
        population_queries: false,
        patient_domain: oid(DOMAIN),
        accept_unknown_patients: false,
        value_sets: ValueSets::default(),
        query_limit: 100,
    }
}

/// Runs one future to its end. One runtime serves all tests, as one serves a node.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    use std::sync::OnceLock;
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME
        .get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    runtime.block_on(future)
}

/// The whole of a body.
pub fn whole(body: ByteStream) -> Result<Vec<u8>, Fault> {
    use futures_util::StreamExt;
    wait(async move {
        let mut body = body;
        let mut out = Vec::new();
        while let Some(piece) = body.next().await {
            out.extend_from_slice(&piece?);
        }
        Ok(out)
    })
}

fn files_below(folder: &Path) -> usize {
    let mut count = 0;
    for item in std::fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        count += if item.file_type().unwrap().is_dir() { files_below(&item.path()) } else { 1 };
    }
    count
}
