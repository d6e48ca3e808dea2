//! The embedded metadata store: SQLite through rusqlite, no async runtime and no pool between caller and statement.
//!
//! One writer thread applies jobs in order, many to a commit (`WAL`, `synchronous=FULL`). Reads run in parallel, each on
//! a connection of its own: on the caller's thread, or on reader threads for async callers. Statements are cached per
//! connection.

mod archive;
mod documents;
mod find;
mod outbox;
mod owned;
mod patient_index;
mod patients;
mod queue;
mod registry;
mod schema;
mod tx;
mod writer;

use crate::StoreError;
use crate::metadata::{MetadataStore, ReadJob, ReadTx, WriteJob};
use crate::reply::reply;
use queue::Queue;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tx::Tx;
pub(crate) use tx::uuid_bytes;
use writer::Work;

/// How a store is opened. `SqliteOptions::default()` is right for a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Most results of one query without a page; also the largest page.
    pub max_results: usize,
    /// Most jobs that share one commit.
    pub group_limit: usize,
    /// Threads (and connections) for async reads, and as many connections for reads on the caller's thread.
    pub readers: usize,
    /// Page cache of each reading connection in KiB; the system's file cache stands behind it.
    pub cache_kib: u32,
    pub writer_cache_kib: u32,
    /// The database may not grow past this many pages of 4096 octets; for testing a full disk.
    pub max_pages: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(2, |n| n.get());
        SqliteOptions {
            max_results: 10_000,
            group_limit: 512,
            readers: cores.clamp(2, 8),
            cache_kib: 8 * 1024,
            writer_cache_kib: 64 * 1024,
            max_pages: None,
        }
    }
}

/// A [`MetadataStore`] in one SQLite file. Dropping it finishes what is queued and closes the file.
pub struct SqliteStore {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    location: Location,
    options: SqliteOptions,
    writes: Queue<Work>,
    reads: Queue<Box<dyn ReadJob>>,
    idle: Mutex<Idle>,
    returned: Condvar,
}

/// Connections for reads on callers' threads: opened when needed, up to the limit.
#[derive(Default)]
struct Idle {
    connections: Vec<Connection>,
    opened: usize,
}

#[derive(Clone, Debug)]
enum Location {
    File(std::path::PathBuf),
    /// SQLite's shared in-memory file system, by name.
    Memory(String),
}

impl SqliteStore {
    /// Opens the database file, creating it (and its folder) and bringing its format up to date.
    ///
    /// Errors: `Newer` when a later version wrote it; `Corrupt`; `Io`; `Database`.
    pub fn open(file: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(StoreError::io("creating the database folder"))?;
        }
        Self::start(Location::File(file.to_owned()), options)
    }

    /// A store that lives as long as this value; for tests and short-lived nodes.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::in_memory_with(SqliteOptions::default())
    }

    /// [`SqliteStore::in_memory`] with options.
    pub fn in_memory_with(options: SqliteOptions) -> Result<Self, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("file:/manifold-{}?vfs=memdb", NEXT.fetch_add(1, Ordering::Relaxed));
        Self::start(Location::Memory(name), options)
    }

    fn start(location: Location, options: SqliteOptions) -> Result<Self, StoreError> {
        let mut writer = connect(&location, options.writer_cache_kib)?;
        schema::migrate(&mut writer)?;
        if let Some(pages) = options.max_pages {
            writer.pragma_update(None, "max_page_count", pages)?;
        }
        let readers = (0..options.readers.max(1))
            .map(|_| connect(&location, options.cache_kib))
            .collect::<Result<Vec<_>, _>>()?;
        let shared = Arc::new(Shared {
            location,
            options,
            writes: Queue::new(),
            reads: Queue::new(),
            idle: Mutex::default(),
            returned: Condvar::new(),
        });
        let mut store = SqliteStore { shared, threads: Vec::new() };
        let shared = store.shared.clone();
        store.spawn("store-writer", move || writer::run(&writer, &shared.writes, &shared.options))?;
        for connection in readers {
            let shared = store.shared.clone();
            store.spawn("store-reader", move || {
                while let Some(job) = shared.reads.take() {
                    // A job that panics drops its answer, which tells its caller; the thread goes on.
                    let _ = catch_unwind(AssertUnwindSafe(|| run_read(&connection, &shared.options, job)));
                    abandon(&connection);
                }
            })?;
        }
        Ok(store)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(body);
        self.threads.push(spawned.map_err(StoreError::io("starting a store thread"))?);
        Ok(())
    }
}

impl MetadataStore for SqliteStore {
    fn submit(&self, job: Box<dyn WriteJob>) {
        if let Err(Work::Job(job)) = self.shared.writes.push(Work::Job(job)) {
            job.done(Err(StoreError::Closed));
        }
    }

    fn schedule(&self, job: Box<dyn ReadJob>) {
        if let Err(job) = self.shared.reads.push(job) {
            job.run(Err(StoreError::Closed));
        }
    }

    fn read_here(&self, job: &mut dyn FnMut(&dyn ReadTx)) -> Result<(), StoreError> {
        let borrowed = self.shared.borrow()?;
        let Some(connection) = &borrowed.connection else { return Err(StoreError::Closed) };
        begin_read(connection)?;
        job(&Tx { conn: connection, options: &self.shared.options });
        end_read(connection);
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        let (answer, pending) = reply();
        let _ = self.shared.writes.push(Work::Checkpoint(answer));
        pending.wait()?
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.shared.writes.close();
        self.shared.reads.close();
        for thread in self.threads.drain(..) {
            // The last handle may be dropped by a job, on a thread of ours: that one ends by itself.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

fn connect(location: &Location, cache_kib: u32) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let conn = match location {
        // No URI here: a path may contain `?` or `%`.
        Location::File(file) => Connection::open_with_flags(file, flags & !OpenFlags::SQLITE_OPEN_URI)?,
        Location::Memory(name) => Connection::open_with_flags(name, flags)?,
    };
    // Other processes look into the file (`manifold status`); ours never wait for each other in WAL.
    conn.busy_timeout(Duration::from_secs(30))?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    // temp_store stays as it is: an undo journal kept in memory makes a job with many writes quadratic.
    // Pages that many commits change are copied into the file once; 16 MiB are read again after a crash in a moment.
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 4000, |_| Ok(()))?;
    // A burst may make the log long; afterwards it need not stay so.
    conn.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    // Without this, SQLite prepares a statement anew for every value bound when a partial index is on the table.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(256);
    Ok(conn)
}

fn begin_read(conn: &Connection) -> Result<(), StoreError> {
    conn.prepare_cached("BEGIN")?.execute([])?;
    Ok(())
}

fn end_read(conn: &Connection) {
    // Ending a read transaction can only fail when SQLite has ended it already.
    let _ = conn.prepare_cached("COMMIT").and_then(|mut s| s.execute([]));
}

/// Ends a transaction that a panic left open.
fn abandon(conn: &Connection) {
    if !conn.is_autocommit() {
        let _ = conn.execute_batch("ROLLBACK");
    }
}

fn run_read(conn: &Connection, options: &SqliteOptions, job: Box<dyn ReadJob>) {
    match begin_read(conn) {
        Ok(()) => {
            job.run(Ok(&Tx { conn, options }));
            end_read(conn);
        }
        Err(e) => job.run(Err(e)),
    }
}

/// A reading connection on loan to a caller's thread; returned when dropped, also by a panic.
struct Borrowed<'a> {
    shared: &'a Shared,
    connection: Option<Connection>,
}

impl Shared {
    fn borrow(&self) -> Result<Borrowed<'_>, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = idle.connections.pop() {
                return Ok(Borrowed { shared: self, connection: Some(connection) });
            }
            if idle.opened < self.options.readers.max(1) * 2 {
                idle.opened += 1;
                drop(idle);
                return match connect(&self.location, self.options.cache_kib) {
                    Ok(connection) => Ok(Borrowed { shared: self, connection: Some(connection) }),
                    Err(e) => {
                        self.idle.lock().unwrap_or_else(PoisonError::into_inner).opened -= 1;
                        Err(e)
                    }
                };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            abandon(&connection);
            self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).connections.push(connection);
            self.shared.returned.notify_one();
        }
    }
}
