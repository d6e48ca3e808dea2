//! The writer thread: group commit. Everything queued runs in one transaction, each job under its own savepoint; one
//! commit, one fsync; then all are answered. A job that is alone needs no savepoint: undoing it undoes the transaction.

use super::SqliteOptions;
use super::queue::Queue;
use super::tx::Tx;
use crate::StoreError;
use crate::metadata::{Verdict, WriteJob};
use crate::reply::Answer;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) enum Work {
    Job(Box<dyn WriteJob>),
    Checkpoint(Answer<Result<(), StoreError>>),
}

pub(super) fn run(conn: &Connection, queue: &Queue<Work>, options: &SqliteOptions) {
    let mut taken = Vec::new();
    while let Some(first) = queue.take() {
        taken.push(first);
        queue.take_more(options.group_limit.saturating_sub(1), &mut taken);
        let mut jobs = Vec::with_capacity(taken.len());
        let mut checkpoints = Vec::new();
        for work in taken.drain(..) {
            match work {
                Work::Job(job) => jobs.push(job),
                Work::Checkpoint(answer) => checkpoints.push(answer),
            }
        }
        let mut waiting = jobs.into_iter();
        while waiting.len() > 0 {
            run_group(conn, options, &mut waiting);
        }
        for answer in checkpoints {
            answer.send(checkpoint(conn));
        }
    }
}

fn checkpoint(conn: &Connection) -> Result<(), StoreError> {
    // A reader may keep the log from being emptied; what is committed is durable in it all the same.
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Runs jobs in one transaction until none is left or SQLite gave the transaction up; answers those it ran.
fn run_group(
    conn: &Connection,
    options: &SqliteOptions,
    waiting: &mut impl ExactSizeIterator<Item = Box<dyn WriteJob>>,
) {
    if let Err(e) = execute(conn, "BEGIN IMMEDIATE") {
        waiting.for_each(|job| job.done(Err(e.clone())));
        return;
    }
    let mut ran: Vec<(Box<dyn WriteJob>, Result<(), StoreError>)> = Vec::new();
    let alone = waiting.len() == 1;
    for mut job in waiting.by_ref() {
        let outcome = if alone { run_alone(conn, options, job.as_mut()) } else { run_job(conn, options, job.as_mut()) };
        match outcome {
            Ok(outcome) => ran.push((job, outcome)),
            Err(e) => {
                // The transaction is gone or unusable (disk full, I/O error): with it every job of this group.
                let _ = execute(conn, "ROLLBACK");
                job.done(Err(e.clone()));
                ran.into_iter().for_each(|(job, _)| job.done(Err(e.clone())));
                return;
            }
        }
    }
    // A job that was alone and undid itself has ended the transaction.
    let committed = if conn.is_autocommit() { Ok(()) } else { execute(conn, "COMMIT") };
    if committed.is_err() {
        let _ = execute(conn, "ROLLBACK");
    }
    for (job, outcome) in ran {
        job.done(committed.clone().and(outcome));
    }
}

/// One job that has the transaction to itself. Shape: as [`run_job`]; a job that is undone leaves no transaction.
fn run_alone(
    conn: &Connection,
    options: &SqliteOptions,
    job: &mut dyn WriteJob,
) -> Result<Result<(), StoreError>, StoreError> {
    let verdict = run_caught(conn, options, job)?;
    if !matches!(verdict, Ok(Verdict::Keep)) {
        execute(conn, "ROLLBACK")?;
    }
    Ok(verdict.map(|_| ()))
}

/// One job under its savepoint. Shape: outer error, the transaction is lost; inner error, the job panicked.
fn run_job(
    conn: &Connection,
    options: &SqliteOptions,
    job: &mut dyn WriteJob,
) -> Result<Result<(), StoreError>, StoreError> {
    execute(conn, "SAVEPOINT job")?;
    let verdict = run_caught(conn, options, job)?;
    if !matches!(verdict, Ok(Verdict::Keep)) {
        execute(conn, "ROLLBACK TO job")?;
    }
    execute(conn, "RELEASE job")?;
    Ok(verdict.map(|_| ()))
}

/// Runs a job. Errors: outer, SQLite has given the transaction up; inner, the job panicked.
fn run_caught(
    conn: &Connection,
    options: &SqliteOptions,
    job: &mut dyn WriteJob,
) -> Result<Result<Verdict, StoreError>, StoreError> {
    let verdict = catch_unwind(AssertUnwindSafe(|| job.run(&mut Tx { conn, options })));
    if conn.is_autocommit() {
        // It rolls back by itself when it cannot go on.
        return Err(StoreError::Full("the database could not write, and undid the whole transaction"));
    }
    Ok(verdict.map_err(|_| StoreError::Panicked))
}

fn execute(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
