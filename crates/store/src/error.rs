//! What a store can refuse or fail at, in the store's own words. No path, no SQL value and no patient is in a message.

use std::io;

/// Why a store did not do what it was asked. Nothing of a failed write is kept unless a variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk, or the limit given in the options, leaves no room. Nothing was stored; earlier data is intact.
    #[error("no room left: {0}")]
    Full(&'static str),
    /// Something else is stored under this identity; the first one is kept.
    #[error("{what} is already stored with other content")]
    Conflict { what: &'static str },
    /// A change names something that is not there.
    #[error("{what} to change is not stored")]
    Missing { what: &'static str },
    /// More results than the configured limit; the caller has to narrow the query or ask for pages.
    #[error("more than {limit} results")]
    TooMany { limit: usize },
    /// The query starts from neither patient, entryUUID, uniqueId nor a whole reference id.
    #[error("the query names no patient, entryUUID, uniqueId or reference id to start from")]
    NotAnchored,
    /// The page position was not made by this store.
    #[error("the page position is not one this store gave")]
    BadPage,
    /// A value the caller passed cannot be stored.
    #[error("{0}")]
    Refused(&'static str),
    /// A stored record or file is not what was once written.
    #[error("stored {what} cannot be read: {detail}")]
    Corrupt { what: &'static str, detail: String },
    /// The data belongs to a newer version of this program.
    #[error("the data has format {found}, this version reads up to {supported}")]
    Newer { found: i64, supported: i64 },
    /// The operating system refused a file operation.
    #[error("{step} failed: {kind}")]
    Io { step: &'static str, kind: io::ErrorKind },
    /// The database refused; `code` is SQLite's extended result code.
    #[error("database error {code}: {message}")]
    Database { code: i32, message: String },
    /// The job panicked; its changes are undone.
    #[error("the job failed unexpectedly; its changes are undone")]
    Panicked,
    /// The store is closed or closing.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// An I/O failure at a named step; a full disk or quota becomes [`StoreError::Full`].
    pub(crate) fn io(step: &'static str) -> impl Fn(io::Error) -> StoreError {
        move |e| match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full("the disk is full"),
            kind => StoreError::Io { step, kind },
        }
    }

    pub(crate) fn corrupt(what: &'static str, detail: impl Into<String>) -> StoreError {
        StoreError::Corrupt { what, detail: detail.into() }
    }

    /// True when trying the same again later can succeed without anybody changing the request.
    pub fn is_temporary(&self) -> bool {
        matches!(self, StoreError::Full(_) | StoreError::Io { .. } | StoreError::Database { .. } | StoreError::Closed)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        match &e {
            rusqlite::Error::SqliteFailure(failure, message) => match failure.code {
                rusqlite::ErrorCode::DiskFull => StoreError::Full("the database cannot grow"),
                // Which constraint it was is known where the statement is; this is the net below it.
                rusqlite::ErrorCode::ConstraintViolation => StoreError::Conflict { what: "an object" },
                rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase => {
                    StoreError::corrupt("database", failure.to_string())
                }
                _ => StoreError::Database {
                    code: failure.extended_code,
                    message: message.clone().unwrap_or_else(|| failure.to_string()),
                },
            },
            other => StoreError::Database { code: 0, message: other.to_string() },
        }
    }
}
