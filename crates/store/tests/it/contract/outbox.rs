//! Jobs and the node's own state.

use super::{read, write};
use store::*;

fn job(key: &str, payload: &[u8], not_before: i64) -> NewJob {
    NewJob {
        kind: "publish".to_owned(),
        key: key.to_owned(),
        payload: payload.to_vec(),
        not_before,
        created_at: not_before,
    }
}

fn enqueue(store: &dyn MetadataStore, new: NewJob) -> JobId {
    write(store, move |tx| tx.enqueue(&new))
}

fn claim(store: &dyn MetadataStore, now: i64) -> Vec<Job> {
    write(store, move |tx| tx.claim(&["publish"], now, now + 100, 10))
}

fn find(store: &dyn MetadataStore, id: JobId) -> Job {
    read(store, |tx| tx.job(id)).unwrap()
}

pub fn a_job_is_claimed_once_and_done_with_its_result(store: &dyn MetadataStore) {
    let id = enqueue(store, job("2.25.1", b"one", 10));
    enqueue(store, NewJob { kind: "feed".to_owned(), ..job("2.25.1", b"feed", 5) });
    assert!(claim(store, 9).is_empty());
    assert_eq!(read(store, |tx| tx.next_job_at(&["publish"])), Some(10));
    assert_eq!(read(store, |tx| tx.next_job_at(&[])), Some(5));
    let claimed = claim(store, 10);
    assert_eq!(claimed.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
    assert_eq!((claimed[0].state, claimed[0].attempts), (JobState::Running, 1));
    assert_eq!(find(store, id), claimed[0]);
    assert!(claim(store, 11).is_empty());
    // The result and the end of the job are one transaction: undone together.
    let undone: Result<(), StoreError> = store.write_blocking(move |tx| {
        tx.put_state("result", "2.25.1", Some(b"done"))?;
        tx.complete(id, 20)?;
        Err(StoreError::Refused("no"))
    });
    assert!(undone.is_err());
    assert_eq!(find(store, id).state, JobState::Running);
    assert_eq!(read(store, |tx| tx.state("result", "2.25.1")), None);
    assert!(write(store, move |tx| tx.complete(id, 20)));
    assert!(!write(store, move |tx| tx.complete(id, 21)));
    assert_eq!(find(store, id).state, JobState::Done);
    assert_eq!(read(store, |tx| tx.job_about("publish", "2.25.1")), None);
    // A done job does not stand in the way of the next about the same.
    let next = enqueue(store, job("2.25.1", b"two", 30));
    assert_ne!(next, id);
    assert_eq!(write(store, |tx| tx.forget_done(20)), 0);
    assert_eq!(write(store, |tx| tx.forget_done(21)), 1);
    assert_eq!(read(store, |tx| tx.jobs(None, 10)).len(), 2);
    let counts = read(store, |tx| tx.counts());
    assert_eq!((counts.jobs_waiting, counts.jobs_failed), (2, 0));
}

pub fn one_job_per_key_takes_the_newest_wish(store: &dyn MetadataStore) {
    let id = enqueue(store, job("2.25.1", b"one", 10));
    assert_eq!(enqueue(store, job("2.25.1", b"two", 50)), id);
    let waiting = find(store, id);
    assert_eq!((waiting.payload.as_slice(), waiting.next_at), (&b"two"[..], 10));
    assert_eq!(claim(store, 10)[0].payload, b"two");
    // Asked for while it runs: runs again afterwards.
    assert_eq!(enqueue(store, job("2.25.1", b"three", 12)), id);
    assert_eq!(enqueue(store, job("2.25.1", b"four", 15)), id);
    assert!(claim(store, 20).is_empty());
    assert!(write(store, move |tx| tx.complete(id, 20)));
    let again = claim(store, 20);
    assert_eq!((again[0].payload.as_slice(), again[0].attempts), (&b"four"[..], 1));
    assert!(write(store, move |tx| tx.complete(id, 30)));
    assert_eq!(find(store, id).state, JobState::Done);
    assert!(claim(store, 1000).is_empty());
}

pub fn a_failed_job_waits_for_a_replay(store: &dyn MetadataStore) {
    let id = enqueue(store, job("2.25.1", b"one", 10));
    claim(store, 10);
    assert!(write(store, move |tx| tx.attempt_failed(id, "the centre did not answer", Some(60), 15)));
    let waiting = find(store, id);
    assert_eq!((waiting.state, waiting.next_at, waiting.attempts), (JobState::Queued, 60, 1));
    assert_eq!(waiting.last_error.as_deref(), Some("the centre did not answer"));
    assert!(claim(store, 59).is_empty());
    assert_eq!(claim(store, 60)[0].attempts, 2);
    assert!(write(store, move |tx| tx.attempt_failed(id, "refused", None, 61)));
    assert!(!write(store, move |tx| tx.attempt_failed(id, "refused", None, 62)));
    assert_eq!(read(store, |tx| tx.jobs(Some(JobState::Failed), 10)), [find(store, id)]);
    assert!(claim(store, 1000).is_empty());
    assert_eq!(write(store, move |tx| tx.replay(Some(id + 1), 70)), 0);
    assert_eq!(write(store, move |tx| tx.replay(Some(id), 70)), 1);
    assert_eq!(claim(store, 70)[0].attempts, 1);
    assert!(write(store, move |tx| tx.attempt_failed(id, "refused", None, 71)));
    assert_eq!(write(store, |tx| tx.replay(None, 80)), 1);
    // New work about the same revives a failed job too.
    claim(store, 80);
    write(store, move |tx| tx.attempt_failed(id, "refused", None, 81));
    assert_eq!(enqueue(store, job("2.25.1", b"new", 90)), id);
    assert_eq!(claim(store, 90)[0].payload, b"new");
}

pub fn a_lease_that_ends_is_claimed_again(store: &dyn MetadataStore) {
    let id = enqueue(store, job("2.25.1", b"one", 10));
    claim(store, 10);
    assert_eq!(read(store, |tx| tx.next_job_at(&["publish"])), Some(110));
    assert!(claim(store, 109).is_empty());
    enqueue(store, job("2.25.1", b"two", 50));
    let again = claim(store, 110);
    assert_eq!((again[0].id, again[0].attempts, again[0].payload.as_slice()), (id, 2, &b"two"[..]));
    // After a start nobody holds a lease.
    assert_eq!(write(store, |tx| tx.release_leases(120)), 1);
    assert_eq!(claim(store, 120)[0].attempts, 3);
}

pub fn named_state_is_kept_per_scope(store: &dyn MetadataStore) {
    write(store, |tx| {
        for (scope, key) in [("poll", "b"), ("poll", "a"), ("poll", "c"), ("other", "a")] {
            tx.put_state(scope, key, Some(key.as_bytes()))?;
        }
        tx.put_state("poll", "c", None)?;
        tx.put_state("poll", "a", Some(b"new"))
    });
    read(store, |tx| {
        assert_eq!(tx.state("poll", "a")?, Some(b"new".to_vec()));
        assert_eq!(tx.state("poll", "c")?, None);
        let all = [("a".to_owned(), b"new".to_vec()), ("b".to_owned(), b"b".to_vec())];
        assert_eq!(tx.states("poll", "", 10)?, all);
        assert_eq!(tx.states("poll", "a", 10)?, all[1..]);
        assert_eq!(tx.states("poll", "", 1)?, all[..1]);
        Ok(())
    });
}
