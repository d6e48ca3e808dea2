//! One answer from a worker thread, awaited by a future of any runtime or by a blocked thread.

use crate::StoreError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

enum State<T> {
    Waiting(Option<Waker>),
    Answered(T),
    Taken,
    Dropped,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing can panic while the lock is held, so a poisoned lock still guards a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The promise of one answer. Await it, or call [`Reply::wait`]. Dropping it does not cancel the job.
///
/// Errors: `Closed` when the worker went away without an answer.
pub struct Reply<T>(Arc<Shared<T>>);

/// The worker's end: consumed by the answer.
pub(crate) struct Answer<T>(Option<Arc<Shared<T>>>);

pub(crate) fn reply<T>() -> (Answer<T>, Reply<T>) {
    let shared = Arc::new(Shared { state: Mutex::new(State::Waiting(None)), changed: Condvar::new() });
    (Answer(Some(shared.clone())), Reply(shared))
}

impl<T> Answer<T> {
    pub(crate) fn send(mut self, value: T) {
        if let Some(shared) = self.0.take() {
            settle(&shared, State::Answered(value));
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            settle(&shared, State::Dropped);
        }
    }
}

fn settle<T>(shared: &Shared<T>, outcome: State<T>) {
    let before = std::mem::replace(&mut *shared.lock(), outcome);
    shared.changed.notify_all();
    if let State::Waiting(Some(waker)) = before {
        waker.wake();
    }
}

impl<T> Reply<T> {
    /// Blocks this thread until the answer is there. Not for async tasks: await the reply there.
    pub fn wait(self) -> Result<T, StoreError> {
        let mut state = self.0.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Answered(value) => return Ok(value),
                State::Dropped | State::Taken => return Err(StoreError::Closed),
                waiting => {
                    *state = waiting;
                    state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Answered(value) => Poll::Ready(Ok(value)),
            State::Dropped | State::Taken => Poll::Ready(Err(StoreError::Closed)),
            State::Waiting(_) => {
                *state = State::Waiting(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}
