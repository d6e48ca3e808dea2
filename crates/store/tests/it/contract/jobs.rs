//! Transactions: jobs do not disturb each other, and nobody is answered too early.

use super::{read, write};
use crate::samples::*;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use store::*;

fn put(tx: &mut dyn WriteTx, key: &str) -> Result<(), StoreError> {
    tx.put_state("test", key, Some(b""))
}

fn keys(store: &dyn MetadataStore) -> Vec<String> {
    read(store, |tx| tx.states("test", "", 1000)).into_iter().map(|(key, _)| key).collect()
}

/// An error of the caller's own.
#[derive(Debug, PartialEq)]
enum Refusal {
    Mine,
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(e: StoreError) -> Self {
        Refusal::Store(e)
    }
}

pub fn a_refused_job_undoes_only_itself(store: &dyn MetadataStore) {
    // Submitted together, so that they may share a commit.
    let good = store.write(|tx| put(tx, "a"));
    let refused = store.write(|tx| {
        put(tx, "b")?;
        Err::<(), _>(Refusal::Mine)
    });
    let also_good = store.write(|tx| put(tx, "c"));
    assert_eq!(block_on(refused), Err(Refusal::Mine));
    assert_eq!(block_on(good), Ok(()));
    assert_eq!(block_on(also_good), Ok(()));
    assert_eq!(keys(store), ["a", "c"]);
}

pub fn a_panic_undoes_only_its_job(store: &dyn MetadataStore) {
    let good = store.write(|tx| put(tx, "a"));
    let broken = store.write(|tx| -> Result<(), StoreError> {
        put(tx, "b")?;
        panic!("expected in this test")
    });
    let also_good = store.write(|tx| put(tx, "c"));
    assert_eq!(block_on(broken), Err(StoreError::Panicked));
    assert_eq!(block_on(good), Ok(()));
    assert_eq!(block_on(also_good), Ok(()));
    assert_eq!(keys(store), ["a", "c"]);
    // The same on the reading side, on both kinds of threads.
    let broken = store.read(|_| -> Result<(), StoreError> { panic!("expected in this test") });
    assert_eq!(block_on(broken), Err(StoreError::Closed));
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.read_blocking(|_| -> Result<(), StoreError> { panic!("expected in this test") })
    }));
    assert!(broken.is_err());
    for _ in 0..20 {
        assert_eq!(keys(store), ["a", "c"]);
        assert_eq!(block_on(store.read(|tx| tx.state("test", "a"))), Ok(Some(Vec::new())));
    }
}

pub fn a_job_sees_what_it_wrote_and_what_was_written_before(store: &dyn MetadataStore) {
    let first = store.write(|tx| put(tx, "a"));
    let second = store.write(|tx| {
        let dice = &mut Dice(1);
        let entry = entry(dice);
        tx.put_entry(&entry)?;
        let seen = tx.entry(&entry.id)? == Some(entry);
        Ok::<_, StoreError>((seen, tx.state("test", "a")?.is_some()))
    });
    assert_eq!(block_on(second), Ok((true, true)));
    assert_eq!(block_on(first), Ok(()));
}

pub fn many_threads_write_at_once_and_each_is_answered_after_its_commit(store: &dyn MetadataStore) {
    thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for n in 0..10 {
                    let key = format!("{thread}-{n}");
                    let own = key.clone();
                    write(store, move |tx| put(tx, &own));
                    assert!(read(store, |tx| tx.state("test", &key)).is_some());
                }
            });
        }
    });
    assert_eq!(keys(store).len(), 80);
}

pub fn a_reply_can_be_awaited(store: &dyn MetadataStore) {
    assert_eq!(block_on(store.write(|tx| put(tx, "a"))), Ok(()));
    assert_eq!(block_on(store.read(|tx| tx.state("test", "a"))), Ok(Some(Vec::new())));
    // A dropped future does not take its job back.
    drop(store.write(|tx| put(tx, "b")));
    write(store, |tx| put(tx, "c"));
    assert_eq!(keys(store), ["a", "b", "c"]);
}

pub fn a_read_sees_one_moment(store: &dyn MetadataStore) {
    read(store, |tx| {
        let before = tx.states("test", "", 10)?;
        // A backend may make the writer wait for the reader, so the write is not waited for here.
        drop(store.write(|tx| put(tx, "a")));
        for _ in 0..100 {
            assert_eq!(tx.states("test", "", 10)?, before);
        }
        Ok(())
    });
    write(store, |tx| put(tx, "b"));
    assert_eq!(keys(store), ["a", "b"]);
}

/// Runs a future without a runtime, as any executor would.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
