//! [`DocumentRead`] and [`DocumentWrite`] on SQLite. Source: spec/xds.md 13.

use super::tx::Tx;
use crate::documents::{DocumentPlace, DocumentState, INLINE_LIMIT_OCTETS, Put, StoredDocument};
use crate::{DocumentRead, DocumentWrite, Sha256, StoreError, digest_of};
use model::{Sha1Hash, UniqueId};
use rusqlite::Row;

const COLUMNS: &str = "SELECT unique_id, mime_type, size, sha1, sha256, state, inline, stored_at FROM document ";

fn document(row: &Row<'_>) -> Result<StoredDocument, StoreError> {
    let wrong = |e: model::Invalid| StoreError::corrupt("document", e.rule);
    Ok(StoredDocument {
        unique_id: UniqueId::parse(row.get_ref(0)?.as_str().unwrap_or_default()).map_err(wrong)?,
        mime_type: row.get(1)?,
        size_octets: row.get::<_, i64>(2)?.max(0) as u64,
        sha1: Sha1Hash::parse(row.get_ref(3)?.as_str().unwrap_or_default()).map_err(wrong)?,
        sha256: Sha256(row.get(4)?),
        state: if row.get(5)? { DocumentState::Committed } else { DocumentState::Staged },
        place: if row.get(6)? { DocumentPlace::Inline } else { DocumentPlace::Blob },
        stored_at: row.get(7)?,
    })
}

fn by_id(tx: &Tx<'_>, id: &UniqueId) -> Result<Option<StoredDocument>, StoreError> {
    Ok(tx.all(&format!("{COLUMNS} WHERE unique_id = ?1"), [id.as_str()], document)?.pop())
}

impl DocumentRead for Tx<'_> {
    fn document(&self, id: &UniqueId) -> Result<Option<StoredDocument>, StoreError> {
        by_id(self, id)
    }

    fn document_bytes(&self, id: &UniqueId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT b.bytes FROM document d JOIN document_bytes b ON b.document = d.key WHERE d.unique_id = ?1";
        self.one(sql, [id.as_str()], |row| row.get(0))
    }

    fn staged_documents(&self, before: i64, limit: usize) -> Result<Vec<StoredDocument>, StoreError> {
        let sql = format!("{COLUMNS} WHERE state = 0 AND stored_at < ?1 ORDER BY stored_at LIMIT ?2");
        self.all(&sql, (before, limit as i64), document)
    }

    fn blob_is_referenced(&self, blob: &Sha256) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM document WHERE sha256 = ?1 AND inline = 0 LIMIT 1";
        Ok(self.one(sql, [&blob.0], |_| Ok(()))?.is_some())
    }
}

impl Tx<'_> {
    /// Shape: the row's key when it is new; `None` when the same content was there.
    fn insert_document(&self, new: &StoredDocument) -> Result<Option<i64>, StoreError> {
        let committed = new.state == DocumentState::Committed;
        if let Some(present) = by_id(self, &new.unique_id)? {
            if present.sha256 != new.sha256 || present.size_octets != new.size_octets {
                return Err(StoreError::Conflict { what: "a document" });
            }
            if committed && present.state == DocumentState::Staged {
                self.execute("UPDATE document SET state = 1 WHERE unique_id = ?1", [new.unique_id.as_str()])?;
            }
            return Ok(None);
        }
        let sql = "INSERT INTO document(unique_id, mime_type, size, sha1, sha256, state, inline, stored_at) \
                   VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let params = (
            new.unique_id.as_str(),
            &new.mime_type,
            new.size_octets as i64,
            new.sha1.as_str(),
            &new.sha256.0,
            committed,
            new.place == DocumentPlace::Inline,
            new.stored_at,
        );
        self.execute(sql, params)?;
        let key = self.conn.last_insert_rowid();
        self.count("document", 1)?;
        Ok(Some(key))
    }
}

impl DocumentWrite for Tx<'_> {
    fn put_document(&mut self, document: &StoredDocument) -> Result<Put, StoreError> {
        if document.place == DocumentPlace::Inline {
            return Err(StoreError::Refused("an inline document is stored together with its bytes"));
        }
        Ok(if self.insert_document(document)?.is_some() { Put::Added } else { Put::AlreadyThere })
    }

    fn put_document_inline(
        &mut self,
        id: &UniqueId,
        mime_type: &str,
        bytes: &[u8],
        state: DocumentState,
        stored_at: i64,
    ) -> Result<StoredDocument, StoreError> {
        if bytes.len() > INLINE_LIMIT_OCTETS {
            return Err(StoreError::Refused("an inline document has at most 64 KiB"));
        }
        let digest = digest_of(bytes);
        let new = StoredDocument {
            unique_id: id.clone(),
            mime_type: mime_type.to_owned(),
            size_octets: digest.size_octets,
            sha1: digest.sha1,
            sha256: digest.sha256,
            state,
            place: DocumentPlace::Inline,
            stored_at,
        };
        match self.insert_document(&new)? {
            Some(key) => {
                self.execute("INSERT INTO document_bytes(document, bytes) VALUES(?1, ?2)", (key, bytes))?;
                Ok(new)
            }
            None => by_id(self, id)?.ok_or_else(|| StoreError::corrupt("document", "vanished")),
        }
    }

    fn commit_document(&mut self, id: &UniqueId) -> Result<(), StoreError> {
        match self.execute("UPDATE document SET state = 1 WHERE unique_id = ?1", [id.as_str()])? {
            0 => Err(StoreError::Missing { what: "a document" }),
            _ => Ok(()),
        }
    }

    fn remove_document(&mut self, id: &UniqueId) -> Result<Option<StoredDocument>, StoreError> {
        let removed = by_id(self, id)?;
        if removed.is_some() {
            self.count("document", -1)?;
            let sql = "DELETE FROM document_bytes WHERE document IN (SELECT key FROM document WHERE unique_id = ?1)";
            self.execute(sql, [id.as_str()])?;
            self.execute("DELETE FROM document WHERE unique_id = ?1", [id.as_str()])?;
        }
        Ok(removed)
    }
}
