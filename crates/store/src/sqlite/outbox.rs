//! [`OutboxRead`] and [`OutboxWrite`] on SQLite.

use super::tx::Tx;
use crate::outbox::{Job, JobId, JobState, NewJob};
use crate::{OutboxRead, OutboxWrite, StoreError};
use rusqlite::{Params, Row};

const QUEUED: i64 = 0;
const RUNNING: i64 = 1;
const FAILED: i64 = 2;
const DONE: i64 = 3;

const JOB: &str =
    "SELECT id, kind, key, payload, state, attempts, next_at, last_error, created_at, updated_at FROM job ";

fn number(state: JobState) -> i64 {
    match state {
        JobState::Queued => QUEUED,
        JobState::Running => RUNNING,
        JobState::Failed => FAILED,
        JobState::Done => DONE,
    }
}

fn job(row: &Row<'_>) -> Result<Job, StoreError> {
    Ok(Job {
        id: row.get(0)?,
        kind: row.get(1)?,
        key: row.get(2)?,
        payload: row.get(3)?,
        state: match row.get::<_, i64>(4)? {
            QUEUED => JobState::Queued,
            RUNNING => JobState::Running,
            FAILED => JobState::Failed,
            DONE => JobState::Done,
            _ => return Err(StoreError::corrupt("job", "has an unknown state")),
        },
        attempts: row.get(5)?,
        next_at: row.get(6)?,
        last_error: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
    })
}

impl Tx<'_> {
    fn jobs_where(&self, condition: &str, params: impl Params) -> Result<Vec<Job>, StoreError> {
        self.all(&format!("{JOB}{condition}"), params, job)
    }

    /// A running job becomes queued again, with the payload that came meanwhile. Shape: whether there was one.
    fn run_again(&self, id: JobId, now: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE job SET state = 0, attempts = 0, payload = again, next_at = coalesce(again_at, ?2), \
                   again = NULL, again_at = NULL, last_error = NULL, updated_at = ?2 \
                   WHERE id = ?1 AND state = 1 AND again IS NOT NULL";
        Ok(self.execute(sql, [id, now])? > 0)
    }
}

impl OutboxRead for Tx<'_> {
    fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        Ok(self.jobs_where("WHERE id = ?1", [id])?.pop())
    }

    fn job_about(&self, kind: &str, key: &str) -> Result<Option<Job>, StoreError> {
        Ok(self.jobs_where("WHERE kind = ?1 AND key = ?2 AND state < 3", [kind, key])?.pop())
    }

    fn jobs(&self, state: Option<JobState>, limit: usize) -> Result<Vec<Job>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match state {
            Some(state) => self.jobs_where("WHERE state = ?1 ORDER BY id LIMIT ?2", [number(state), limit]),
            None => self.jobs_where("ORDER BY id LIMIT ?1", [limit]),
        }
    }

    fn next_job_at(&self, kinds: &[&str]) -> Result<Option<i64>, StoreError> {
        if kinds.is_empty() {
            return Ok(self.one("SELECT min(next_at) FROM job WHERE state < 2", [], |row| row.get(0))?.flatten());
        }
        let mut earliest: Option<i64> = None;
        for kind in kinds {
            let sql = "SELECT next_at FROM job WHERE state < 2 AND kind = ?1 ORDER BY next_at LIMIT 1";
            if let Some(at) = self.one(sql, [kind], |row| row.get::<_, i64>(0))? {
                earliest = Some(earliest.map_or(at, |earlier| earlier.min(at)));
            }
        }
        Ok(earliest)
    }

    fn state(&self, scope: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.one("SELECT value FROM node_state WHERE scope = ?1 AND key = ?2", [scope, key], |row| row.get(0))
    }

    fn states(&self, scope: &str, after: &str, limit: usize) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let sql = "SELECT key, value FROM node_state WHERE scope = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.all(sql, (scope, after, limit), |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl OutboxWrite for Tx<'_> {
    fn enqueue(&mut self, new: &NewJob) -> Result<JobId, StoreError> {
        if let Some(present) = self.job_about(&new.kind, &new.key)? {
            let sql = match present.state {
                JobState::Running => {
                    "UPDATE job SET again = ?2, again_at = min(coalesce(again_at, ?3), ?3), updated_at = ?4 WHERE id = ?1"
                }
                JobState::Queued => {
                    "UPDATE job SET payload = ?2, next_at = min(next_at, ?3), updated_at = ?4 WHERE id = ?1"
                }
                JobState::Failed | JobState::Done => {
                    "UPDATE job SET payload = ?2, next_at = ?3, updated_at = ?4, state = 0, attempts = 0 WHERE id = ?1"
                }
            };
            self.execute(sql, (present.id, &new.payload, new.not_before, new.created_at))?;
            return Ok(present.id);
        }
        let sql = "INSERT INTO job(kind, key, payload, state, attempts, next_at, created_at, updated_at) \
                   VALUES(?1, ?2, ?3, 0, 0, ?4, ?5, ?5) RETURNING id";
        let params = (&new.kind, &new.key, &new.payload, new.not_before, new.created_at);
        self.one(sql, params, |row| row.get(0))?.ok_or_else(|| StoreError::corrupt("job", "no id"))
    }

    fn claim(&mut self, kinds: &[&str], now: i64, lease_until: i64, limit: usize) -> Result<Vec<Job>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut due = Vec::new();
        if kinds.is_empty() {
            due = self.jobs_where("WHERE state < 2 AND next_at <= ?1 ORDER BY next_at, id LIMIT ?2", [now, limit])?;
        }
        for kind in kinds {
            let condition = "WHERE state < 2 AND next_at <= ?1 AND kind = ?3 ORDER BY next_at, id LIMIT ?2";
            due.extend(self.jobs_where(condition, (now, limit, kind))?);
        }
        due.sort_by_key(|job| (job.next_at, job.id));
        due.dedup_by_key(|job| job.id);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        for job in &mut due {
            // A lease that ended means that the runner is gone; what came meanwhile is the newer wish.
            let sql = "UPDATE job SET state = 1, attempts = attempts + 1, next_at = ?2, updated_at = ?3, \
                       payload = coalesce(again, payload), again = NULL, again_at = NULL WHERE id = ?1 \
                       RETURNING payload, attempts";
            let taken = self.one(sql, [job.id, lease_until, now], |row| Ok((row.get(0)?, row.get(1)?)))?;
            (job.payload, job.attempts) = taken.ok_or_else(|| StoreError::corrupt("job", "vanished"))?;
            job.state = JobState::Running;
            job.next_at = lease_until;
            job.updated_at = now;
        }
        Ok(due)
    }

    fn complete(&mut self, id: JobId, now: i64) -> Result<bool, StoreError> {
        if self.run_again(id, now)? {
            return Ok(true);
        }
        let sql = "UPDATE job SET state = 3, last_error = NULL, updated_at = ?2 WHERE id = ?1 AND state = 1";
        Ok(self.execute(sql, [id, now])? > 0)
    }

    fn attempt_failed(&mut self, id: JobId, error: &str, again_at: Option<i64>, now: i64) -> Result<bool, StoreError> {
        let Some(again_at) = again_at else {
            // Given up, unless somebody has asked for something newer meanwhile.
            if self.run_again(id, now)? {
                return Ok(true);
            }
            let sql =
                "UPDATE job SET state = 2, last_error = ?2, next_at = ?3, updated_at = ?3 WHERE id = ?1 AND state = 1";
            return Ok(self.execute(sql, (id, error, now))? > 0);
        };
        let sql = "UPDATE job SET state = 0, last_error = ?2, next_at = ?3, updated_at = ?4, \
                   payload = coalesce(again, payload), again = NULL, again_at = NULL WHERE id = ?1 AND state = 1";
        Ok(self.execute(sql, (id, error, again_at, now))? > 0)
    }

    fn replay(&mut self, id: Option<JobId>, now: i64) -> Result<usize, StoreError> {
        match id {
            Some(id) => {
                let sql = "UPDATE job SET state = 0, attempts = 0, next_at = ?2, updated_at = ?2 \
                           WHERE id = ?1 AND state IN (0, 2)";
                self.execute(sql, [id, now])
            }
            None => {
                let sql = "UPDATE job SET state = 0, attempts = 0, next_at = ?1, updated_at = ?1 WHERE state IN (0, 2)";
                self.execute(sql, [now])
            }
        }
    }

    fn release_leases(&mut self, now: i64) -> Result<usize, StoreError> {
        let sql = "UPDATE job SET state = 0, next_at = ?1, updated_at = ?1, payload = coalesce(again, payload), \
                   again = NULL, again_at = NULL WHERE state = 1";
        self.execute(sql, [now])
    }

    fn forget_done(&mut self, before: i64) -> Result<usize, StoreError> {
        self.execute("DELETE FROM job WHERE state = 3 AND updated_at < ?1", [before])
    }

    fn put_state(&mut self, scope: &str, key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        match value {
            Some(value) => {
                let sql = "INSERT INTO node_state(scope, key, value) VALUES(?1, ?2, ?3) \
                           ON CONFLICT(scope, key) DO UPDATE SET value = excluded.value";
                self.execute(sql, (scope, key, value))?
            }
            None => self.execute("DELETE FROM node_state WHERE scope = ?1 AND key = ?2", [scope, key])?,
        };
        Ok(())
    }
}
