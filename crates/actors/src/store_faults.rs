//! What a store's failure means to whoever asked.

use crate::{Fault, Refusal};
use store::StoreError;

/// For reads: whatever went wrong is ours; the request id finds the log line.
pub(crate) fn internal(error: StoreError, request_id: &str) -> Refusal {
    tracing::error!(request_id, %error, "the store failed");
    Fault::Internal { log_id: request_id.to_owned() }.into()
}

/// For writes: a full disk is said in so many words.
pub(crate) fn storage(error: StoreError, request_id: &str) -> Refusal {
    match error {
        StoreError::Full(what) => {
            tracing::error!(request_id, what, "no room left");
            Fault::OutOfResources(format!("no room left: {what}")).into()
        }
        error => internal(error, request_id),
    }
}
