//! Work that survives a crash: jobs that are queued in the same transaction as the change that calls for them, run at
//! least once, and finish in the same transaction as what they achieved. Also named state of a node's own.

use crate::StoreError;

/// A job to queue. Debug shows no payload.
#[derive(Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Which step runs it: `publish`, `deprecate`, `feed`.
    pub kind: String,
    /// What it is about; at most one job per kind and key is unfinished.
    pub key: String,
    /// Versioned bytes that only the caller reads.
    pub payload: Vec<u8>,
    /// Not before this time, unix microseconds.
    pub not_before: i64,
    /// Unix microseconds.
    pub created_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waits for its time; after a failed attempt too.
    Queued,
    /// Claimed, until its lease ends.
    Running,
    /// Given up; waits for a person (`replay`).
    Failed,
    Done,
}

pub type JobId = i64;

#[derive(Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub key: String,
    pub payload: Vec<u8>,
    pub state: JobState,
    /// Attempts begun.
    pub attempts: u32,
    /// When it runs next (queued) or when its lease ends (running). Unix microseconds.
    pub next_at: i64,
    pub last_error: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl std::fmt::Debug for NewJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewJob({} {} octets)", self.kind, self.payload.len())
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({} {} {:?} attempts {})", self.id, self.kind, self.state, self.attempts)
    }
}

pub trait OutboxRead {
    fn job(&self, id: JobId) -> Result<Option<Job>, StoreError>;
    /// The unfinished (queued, running or failed) job about `key`.
    fn job_about(&self, kind: &str, key: &str) -> Result<Option<Job>, StoreError>;
    /// Jobs in a state, or in all, oldest first.
    fn jobs(&self, state: Option<JobState>, limit: usize) -> Result<Vec<Job>, StoreError>;
    /// When the next queued job of these kinds is due or the next lease ends; for setting a timer. No kinds means all.
    fn next_job_at(&self, kinds: &[&str]) -> Result<Option<i64>, StoreError>;
    /// The node's own state under a name, as [`OutboxWrite::put_state`] left it.
    fn state(&self, scope: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// All keys of a scope with their values, ordered by key, starting behind `after`.
    fn states(&self, scope: &str, after: &str, limit: usize) -> Result<Vec<(String, Vec<u8>)>, StoreError>;
}

pub trait OutboxWrite {
    /// Queues a job. When one about the same kind and key waits or has failed, that one takes over the new payload,
    /// keeps the earlier time and is queued; when one is running, it is queued again with the new payload when it ends.
    fn enqueue(&mut self, job: &NewJob) -> Result<JobId, StoreError>;
    /// Takes jobs that are due, or whose lease has ended, for `lease_until - now`; each attempt is counted.
    /// No kinds means all.
    fn claim(&mut self, kinds: &[&str], now: i64, lease_until: i64, limit: usize) -> Result<Vec<Job>, StoreError>;
    /// Ends a job well, in the transaction of its result. False when it is not running: somebody else ended it, and
    /// the caller's other writes in this transaction should be undone.
    fn complete(&mut self, id: JobId, now: i64) -> Result<bool, StoreError>;
    /// Ends an attempt: again at `again_at`, or given up when there is none. False when it is not running.
    fn attempt_failed(&mut self, id: JobId, error: &str, again_at: Option<i64>, now: i64) -> Result<bool, StoreError>;
    /// Queues failed jobs (one, or all) now, with their attempts forgotten; a queued one is made due.
    /// Shape: how many.
    fn replay(&mut self, id: Option<JobId>, now: i64) -> Result<usize, StoreError>;
    /// Queues every running job: for a start, when nobody can be running one.
    fn release_leases(&mut self, now: i64) -> Result<usize, StoreError>;
    /// Deletes jobs done before a time. Shape: how many.
    fn forget_done(&mut self, before: i64) -> Result<usize, StoreError>;
    /// Sets (or with `None` removes) a named piece of the node's own state.
    fn put_state(&mut self, scope: &str, key: &str, value: Option<&[u8]>) -> Result<(), StoreError>;
}
