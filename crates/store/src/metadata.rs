//! The metadata store seen from outside: jobs that read or write inside one transaction. Three methods carry
//! everything, so that a second backend has little to promise; [`StoreExt`] makes them pleasant.

use crate::reply::{Answer, Reply, reply};
use crate::{
    ArchiveRead, ArchiveWrite, DocumentRead, DocumentWrite, OutboxRead, OutboxWrite, PatientRead, PatientWrite,
    RegistryRead, RegistryWrite, StoreError,
};
use std::future::Future;

/// Everything a job may read, from one consistent snapshot. Inside a write job: including its own pending writes.
pub trait ReadTx: RegistryRead + PatientRead + DocumentRead + ArchiveRead + OutboxRead {}
impl<T: RegistryRead + PatientRead + DocumentRead + ArchiveRead + OutboxRead> ReadTx for T {}

/// Everything a job may change. All of it becomes visible and durable together, or not at all.
pub trait WriteTx: ReadTx + RegistryWrite + PatientWrite + DocumentWrite + ArchiveWrite + OutboxWrite {}
impl<T: ReadTx + RegistryWrite + PatientWrite + DocumentWrite + ArchiveWrite + OutboxWrite> WriteTx for T {}

/// What became of a job inside its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    /// Undo this job's changes, and only its own.
    Undo,
}

/// One unit of writing. Use [`StoreExt::write`] rather than implementing it.
pub trait WriteJob: Send {
    /// Runs once, on the writer's thread, inside its own savepoint.
    fn run(&mut self, tx: &mut dyn WriteTx) -> Verdict;
    /// Called once, after the commit is durable (or has failed, or the job was never run).
    fn done(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// One unit of reading. Use [`StoreExt::read`] rather than implementing it.
pub trait ReadJob: Send {
    fn run(self: Box<Self>, tx: Result<&dyn ReadTx, StoreError>);
}

/// Where metadata lives.
///
/// After a crash: every job whose `done` said `Ok` is there whole, every other job is absent whole. Jobs are applied in
/// the order in which they were submitted, one at a time, so a job that reads before it writes needs no lock.
pub trait MetadataStore: Send + Sync {
    /// Queues a write. Jobs queued at the same time share one commit.
    fn submit(&self, job: Box<dyn WriteJob>);
    /// Queues a read for one of the reader threads.
    fn schedule(&self, job: Box<dyn ReadJob>);
    /// Reads on the caller's own thread; no hop, for callers that may block for the time of a disk access. Not to be
    /// nested: the inner read may wait for a connection that only the outer one gives back.
    fn read_here(&self, job: &mut dyn FnMut(&dyn ReadTx)) -> Result<(), StoreError>;
    /// Makes everything committed so far part of the main file and empties the log beside it.
    fn checkpoint(&self) -> Result<(), StoreError>;
}

/// Closures instead of job objects. Works on `dyn MetadataStore`.
///
/// A job must not wait for another job of the same store, nor for anything slow: the next ones wait behind it.
///
/// ```
/// # use store::{SqliteStore, StoreError, StoreExt};
/// # fn main() -> Result<(), StoreError> {
/// let store = SqliteStore::in_memory()?;
/// let new: bool = store.write_blocking(|tx| {
///     let new = tx.state("poll", "pacs1")?.is_none();
///     tx.put_state("poll", "pacs1", Some(b"12"))?;
///     Ok::<_, StoreError>(new)
/// })?;
/// let cursor = store.read_blocking(|tx| tx.state("poll", "pacs1"))?;
/// assert_eq!((new, cursor), (true, Some(b"12".to_vec())));
/// // In async code: `store.write(move |tx| ...).await`, `store.read(move |tx| ...).await`.
/// # Ok(())
/// # }
/// ```
pub trait StoreExt: MetadataStore {
    /// Writes in one transaction and answers after the commit is durable. The closure's `Err` undoes its changes.
    fn write<T, E, F>(&self, f: F) -> impl Future<Output = Result<T, E>> + Send + 'static
    where
        F: FnOnce(&mut dyn WriteTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let pending = start_write(self, f);
        async move { pending.await.unwrap_or_else(|e| Err(e.into())) }
    }

    /// [`StoreExt::write`] for a thread that may block.
    fn write_blocking<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut dyn WriteTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        start_write(self, f).wait().unwrap_or_else(|e| Err(e.into()))
    }

    /// Reads from one snapshot on a reader thread.
    fn read<T, E, F>(&self, f: F) -> impl Future<Output = Result<T, E>> + Send + 'static
    where
        F: FnOnce(&dyn ReadTx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, pending) = reply();
        self.schedule(Box::new(Reading { f, answer }));
        async move { pending.await.unwrap_or_else(|e| Err(e.into())) }
    }

    /// Reads from one snapshot on this thread: the fastest way, tens of microseconds for one patient.
    fn read_blocking<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&dyn ReadTx) -> Result<T, E>,
        E: From<StoreError>,
    {
        let mut f = Some(f);
        let mut out = None;
        self.read_here(&mut |tx| {
            if let Some(f) = f.take() {
                out = Some(f(tx));
            }
        })?;
        out.unwrap_or_else(|| Err(StoreError::Closed.into()))
    }
}

impl<S: MetadataStore + ?Sized> StoreExt for S {}

fn start_write<S, T, E, F>(store: &S, f: F) -> Reply<Result<T, E>>
where
    S: MetadataStore + ?Sized,
    F: FnOnce(&mut dyn WriteTx) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (answer, pending) = reply();
    store.submit(Box::new(Writing { f: Some(f), result: None, answer }));
    pending
}

struct Writing<F, T, E> {
    f: Option<F>,
    result: Option<Result<T, E>>,
    answer: Answer<Result<T, E>>,
}

impl<F, T, E> WriteJob for Writing<F, T, E>
where
    F: FnOnce(&mut dyn WriteTx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut dyn WriteTx) -> Verdict {
        let Some(f) = self.f.take() else { return Verdict::Undo };
        let result = f(tx);
        let verdict = if result.is_ok() { Verdict::Keep } else { Verdict::Undo };
        self.result = Some(result);
        verdict
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Closed.into()),
            (Err(e), _) => Err(e.into()),
        };
        self.answer.send(result);
    }
}

struct Reading<F, T, E> {
    f: F,
    answer: Answer<Result<T, E>>,
}

impl<F, T, E> ReadJob for Reading<F, T, E>
where
    F: FnOnce(&dyn ReadTx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(self: Box<Self>, tx: Result<&dyn ReadTx, StoreError>) {
        let Reading { f, answer } = *self;
        answer.send(match tx {
            Ok(tx) => f(tx),
            Err(e) => Err(e.into()),
        });
    }
}
