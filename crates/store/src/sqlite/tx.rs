//! One transaction on one connection: what the traits' implementations share.

use super::SqliteOptions;
use super::schema::{SEQUENCE_BITS, key_range};
use crate::StoreError;
use model::ObjectId;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};

/// Reads and writes inside the transaction that is open on `conn`. Readers get it as `&dyn ReadTx` only.
pub(super) struct Tx<'c> {
    pub(super) conn: &'c Connection,
    pub(super) options: &'c SqliteOptions,
}

impl Tx<'_> {
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    /// Runs a statement; shape: rows changed.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.prepare(sql)?.execute(params)?)
    }

    /// The first row, when there is one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.prepare(sql)?.query_row(params, read).optional()?)
    }

    /// Every row.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(read(row)?);
        }
        Ok(out)
    }

    /// The next number of the registration order.
    pub(super) fn next_registration(&self) -> Result<i64, StoreError> {
        // Two statements, because RETURNING makes SQLite keep an undo journal for the first.
        self.execute("UPDATE counter SET value = value + 1 WHERE name = 'registration'", [])?;
        let sql = "SELECT value FROM counter WHERE name = 'registration'";
        self.one(sql, [], |row| row.get(0))?.ok_or_else(|| StoreError::corrupt("counter", "registration is missing"))
    }

    /// Corrects how many there are of something, by the name of its table.
    pub(super) fn count(&self, name: &str, change: i64) -> Result<(), StoreError> {
        self.execute("UPDATE counter SET value = value + ?2 WHERE name = ?1", (name, change))?;
        Ok(())
    }

    /// The next clustered key of an owner in a table that lies clustered.
    pub(super) fn next_key(&self, table: Clustered, owner: i64) -> Result<i64, StoreError> {
        let (first, last) = key_range(owner);
        let sql = match table {
            Clustered::Entry => "SELECT max(key) FROM entry WHERE key BETWEEN ?1 AND ?2",
            Clustered::SubmissionSet => "SELECT max(key) FROM submission_set WHERE key BETWEEN ?1 AND ?2",
            Clustered::Folder => "SELECT max(key) FROM folder WHERE key BETWEEN ?1 AND ?2",
            Clustered::Instance => "SELECT max(key) FROM instance WHERE key BETWEEN ?1 AND ?2",
        };
        let highest: Option<i64> = self.one(sql, [first, last], |row| row.get(0))?.flatten();
        match highest {
            None => Ok(first),
            Some(key) if key < last => Ok(key + 1),
            Some(_) if owner < 1 << (63 - SEQUENCE_BITS) => {
                Err(StoreError::Full("one patient or study has reached the limit of 16 million objects"))
            }
            Some(_) => Err(StoreError::corrupt("key", "out of range")),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Clustered {
    Entry,
    SubmissionSet,
    Folder,
    Instance,
}

/// An object id as it is stored: the 16 octets of a UUID, or the text of anything else.
pub(super) enum Ident<'a> {
    Uuid([u8; 16]),
    Text(&'a str),
}

impl<'a> Ident<'a> {
    pub(super) fn of(id: &'a ObjectId) -> Self {
        uuid_bytes(id.as_str()).map_or(Ident::Text(id.as_str()), Ident::Uuid)
    }
}

impl ToSql for Ident<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Ident::Uuid(bytes) => ValueRef::Blob(bytes),
            Ident::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// The octets of `urn:uuid:` and a lower-case UUID.
pub(crate) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let hex = text.strip_prefix("urn:uuid:")?.as_bytes();
    if hex.len() != 36 {
        return None;
    }
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 16];
    let mut at = 0;
    for byte in &mut out {
        if matches!(at, 8 | 13 | 18 | 23) {
            if hex[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = digit(hex[at])? << 4 | digit(hex[at + 1])?;
        at += 2;
    }
    Some(out)
}
