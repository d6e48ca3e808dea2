//! [`ArchiveRead`] and [`ArchiveWrite`] on SQLite: instances lie together per study; a study row says how far its
//! publication is.

use super::schema::{key_range, owner_of};
use super::tx::{Clustered, Tx};
use crate::archive::{
    InstanceSelect, Publication, StageCounts, StoredInstance, StudyListing, StudySelect, StudyStage, StudyState,
};
use crate::{ArchiveRead, ArchiveWrite, Put, Sha256, StoreError};
use model::{
    Invalid, ObjectId, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid, UniqueId,
};
use rusqlite::types::Value;
use rusqlite::{Params, Row, params_from_iter};

const STUDY: &str = "SELECT uid, patient_id, patient_issuer, calling_ae, instances, size, first_received_at, \
    last_received_at, revision, published_revision, manifest, manifest_entry, content_hash, published_at, held FROM study ";

const INSTANCE: &str = "SELECT s.uid, i.series, i.uid, i.sop_class, i.transfer_syntax, i.file, i.size, i.sha256, \
    i.header, i.patient_id, i.patient_issuer, i.received_at, i.calling_ae, i.held \
    FROM instance i JOIN study s ON s.key = i.key >> 24 ";

/// Studies whose job has an error. ?1: the kind of those jobs.
const TROUBLED: &str = "(SELECT key FROM job WHERE kind = ?1 AND state < 3 AND last_error IS NOT NULL)";

/// Studies that are held or whose job has an error. CROSS JOIN: of the few jobs each finds its study by the index.
const STUCK: &str = "key IN (SELECT key FROM study WHERE held IS NOT NULL UNION SELECT s.key FROM job j CROSS JOIN study s \
    ON s.uid = j.key WHERE j.kind = ?1 AND j.state < 3 AND j.last_error IS NOT NULL)";

fn wrong(e: Invalid) -> StoreError {
    StoreError::corrupt("instance or study", e.rule)
}

fn checked<T>(row: &Row<'_>, column: usize, parse: impl Fn(&str) -> Result<T, Invalid>) -> Result<T, StoreError> {
    parse(row.get_ref(column)?.as_str().unwrap_or_default()).map_err(wrong)
}

fn size(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    Ok(row.get::<_, i64>(column)?.max(0) as u64)
}

fn study_state(row: &Row<'_>) -> Result<StudyState, StoreError> {
    let publication = match row.get::<_, Option<String>>(10)? {
        Some(manifest) => Some(Publication {
            manifest: UniqueId::parse(&manifest).map_err(wrong)?,
            entry: row.get::<_, Option<String>>(11)?.map(|id| ObjectId::parse(&id)).transpose().map_err(wrong)?,
            content_hash: Sha256(row.get(12)?),
            published_at: row.get(13)?,
        }),
        None => None,
    };
    Ok(StudyState {
        study: checked(row, 0, StudyInstanceUid::parse)?,
        patient_id: row.get(1)?,
        patient_issuer: row.get(2)?,
        calling_ae: row.get(3)?,
        instances: size(row, 4)?,
        size_octets: size(row, 5)?,
        first_received_at: row.get(6)?,
        last_received_at: row.get(7)?,
        revision: size(row, 8)?,
        published_revision: size(row, 9)?,
        publication,
        held: row.get(14)?,
    })
}

fn stored_instance(row: &Row<'_>) -> Result<StoredInstance, StoreError> {
    Ok(StoredInstance {
        study: checked(row, 0, StudyInstanceUid::parse)?,
        series: checked(row, 1, SeriesInstanceUid::parse)?,
        instance: checked(row, 2, SopInstanceUid::parse)?,
        sop_class: checked(row, 3, SopClassUid::parse)?,
        transfer_syntax: checked(row, 4, TransferSyntaxUid::parse)?,
        file: row.get(5)?,
        size_octets: size(row, 6)?,
        sha256: Sha256(row.get(7)?),
        header: row.get(8)?,
        patient_id: row.get(9)?,
        patient_issuer: row.get(10)?,
        received_at: row.get(11)?,
        calling_ae: row.get(12)?,
        held: row.get(13)?,
    })
}

impl Tx<'_> {
    fn study_key(&self, study: &StudyInstanceUid) -> Result<Option<i64>, StoreError> {
        self.one("SELECT key FROM study WHERE uid = ?1", [study.as_str()], |row| row.get(0))
    }

    fn instances_where(&self, condition: &str, params: impl Params) -> Result<Vec<StoredInstance>, StoreError> {
        self.all(&format!("{INSTANCE}{condition}"), params, stored_instance)
    }

    /// Key, size and hash of the instance that has this identity.
    fn present(&self, study: i64, instance: &SopInstanceUid) -> Result<Option<(i64, i64, Sha256)>, StoreError> {
        let (first, last) = key_range(study);
        let sql = "SELECT key, size, sha256 FROM instance WHERE uid = ?1 AND key BETWEEN ?2 AND ?3";
        self.one(sql, (instance.as_str(), first, last), |row| Ok((row.get(0)?, row.get(1)?, Sha256(row.get(2)?))))
    }

    fn study_changed(&self, sql: &str, params: impl Params) -> Result<(), StoreError> {
        match self.execute(sql, params)? {
            0 => Err(StoreError::Missing { what: "a study" }),
            _ => Ok(()),
        }
    }
}

impl ArchiveRead for Tx<'_> {
    fn study(&self, study: &StudyInstanceUid) -> Result<Option<StudyState>, StoreError> {
        Ok(self.all(&format!("{STUDY} WHERE uid = ?1"), [study.as_str()], study_state)?.pop())
    }

    fn studies(&self, which: StudySelect<'_>, limit: usize) -> Result<Vec<StudyState>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match which {
            StudySelect::Due { quiet_before, changed_before } => self.all(
                &format!(
                    "{STUDY} WHERE changed_at IS NOT NULL AND held IS NULL AND (last_received_at <= ?1 OR \
                     changed_at <= ?2) ORDER BY changed_at LIMIT ?3"
                ),
                [quiet_before, changed_before, limit],
                study_state,
            ),
            StudySelect::Held => {
                self.all(&format!("{STUDY} WHERE held IS NOT NULL ORDER BY key LIMIT ?1"), [limit], study_state)
            }
            StudySelect::Patient { id, issuer } => self.all(
                &format!("{STUDY} WHERE patient_id = ?1 AND patient_issuer = ?2 ORDER BY key DESC LIMIT ?3"),
                (id, issuer, limit),
                study_state,
            ),
            StudySelect::Settled { after } => self.all(
                &format!(
                    "{STUDY} WHERE uid > ?1 AND changed_at IS NULL AND held IS NULL AND manifest IS NOT NULL \
                     ORDER BY uid LIMIT ?2"
                ),
                (after, limit),
                study_state,
            ),
            StudySelect::All => self.all(&format!("{STUDY} ORDER BY key DESC LIMIT ?1"), [limit], study_state),
        }
    }

    fn list_studies(
        &self,
        listing: &StudyListing,
        job_kind: &str,
        limit: usize,
    ) -> Result<Vec<StudyState>, StoreError> {
        let stage = match listing.stage {
            // Named so that it is a parameter of every statement.
            None => "?1 IS NOT NULL".to_owned(),
            Some(StudyStage::Waiting) => {
                format!("changed_at IS NOT NULL AND held IS NULL AND uid NOT IN {TROUBLED}")
            }
            Some(StudyStage::Stuck) => STUCK.to_owned(),
            Some(StudyStage::Settled) => format!("changed_at IS NULL AND held IS NULL AND uid NOT IN {TROUBLED}"),
        };
        let mut sql = format!("{STUDY} WHERE {stage}");
        let criteria = [
            (" AND patient_id = ?", listing.patient_id.as_deref()),
            (" AND calling_ae = ?", listing.calling_ae.as_deref()),
            (" AND key < (SELECT key FROM study WHERE uid = ?)", listing.before.as_ref().map(StudyInstanceUid::as_str)),
        ];
        let mut params = vec![Value::from(job_kind.to_owned())];
        for (criterion, value) in criteria {
            let Some(value) = value else { continue };
            params.push(Value::from(value.to_owned()));
            sql.push_str(&criterion.replace('?', &format!("?{}", params.len())));
        }
        params.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
        sql.push_str(&format!(" ORDER BY key DESC LIMIT ?{}", params.len()));
        self.all(&sql, params_from_iter(params), study_state)
    }

    fn stage_counts(&self, job_kind: &str) -> Result<StageCounts, StoreError> {
        let count = |condition: &str| -> Result<u64, StoreError> {
            let sql = format!("SELECT count(*) FROM study WHERE {condition}");
            Ok(self.one(&sql, [job_kind], |row| row.get::<_, i64>(0))?.unwrap_or(0).max(0) as u64)
        };
        let all = count("?1 IS NOT NULL")?;
        let stuck = count(STUCK)?;
        let waiting = count(&format!("changed_at IS NOT NULL AND held IS NULL AND uid NOT IN {TROUBLED}"))?;
        Ok(StageCounts { waiting, stuck, settled: all.saturating_sub(waiting + stuck) })
    }

    fn instances(&self, which: InstanceSelect<'_>) -> Result<Vec<StoredInstance>, StoreError> {
        let range = |study: &StudyInstanceUid| Ok::<_, StoreError>(self.study_key(study)?.map(key_range));
        match which {
            InstanceSelect::Study(study) => match range(study)? {
                Some((first, last)) => {
                    self.instances_where("WHERE i.key BETWEEN ?1 AND ?2 ORDER BY i.key", [first, last])
                }
                None => Ok(Vec::new()),
            },
            InstanceSelect::Series(study, series) => match range(study)? {
                Some((first, last)) => self.instances_where(
                    "WHERE i.key BETWEEN ?1 AND ?2 AND i.series = ?3 ORDER BY i.key",
                    (first, last, series.as_str()),
                ),
                None => Ok(Vec::new()),
            },
            InstanceSelect::Instance(study, instance) => match range(study)? {
                Some((first, last)) => self
                    .instances_where("WHERE i.uid = ?1 AND i.key BETWEEN ?2 AND ?3", (instance.as_str(), first, last)),
                None => Ok(Vec::new()),
            },
            InstanceSelect::Sop(instance) => {
                self.instances_where("WHERE i.uid = ?1 ORDER BY i.key", [instance.as_str()])
            }
        }
    }

    fn held_instances(&self, limit: usize) -> Result<Vec<StoredInstance>, StoreError> {
        self.instances_where("WHERE i.held IS NOT NULL ORDER BY i.received_at DESC LIMIT ?1", [limit as i64])
    }

    fn instance_file_is_referenced(&self, file: &str) -> Result<bool, StoreError> {
        Ok(self.one("SELECT 1 FROM instance WHERE file = ?1", [file], |_| Ok(()))?.is_some())
    }

    fn next_unpublished(&self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(last_received_at) FROM study WHERE changed_at IS NOT NULL AND held IS NULL";
        Ok(self.one(sql, [], |row| row.get(0))?.flatten())
    }
}

impl ArchiveWrite for Tx<'_> {
    fn add_instance(&mut self, new: &StoredInstance) -> Result<Put, StoreError> {
        let study = match self.study_key(&new.study)? {
            Some(key) => {
                if let Some((_, size, sha256)) = self.present(key, &new.instance)? {
                    return if sha256 == new.sha256 && size == new.size_octets as i64 {
                        Ok(Put::AlreadyThere)
                    } else {
                        Err(StoreError::Conflict { what: "an instance" })
                    };
                }
                key
            }
            None => {
                let sql = "INSERT INTO study(uid, patient_id, patient_issuer, calling_ae, instances, size, \
                           first_received_at, last_received_at, revision, published_revision) \
                           VALUES(?1, ?2, ?3, ?4, 0, 0, ?5, ?5, 0, 0) RETURNING key";
                let params =
                    (new.study.as_str(), &new.patient_id, &new.patient_issuer, &new.calling_ae, new.received_at);
                self.one(sql, params, |row| row.get(0))?.ok_or_else(|| StoreError::corrupt("study", "no key"))?
            }
        };
        let key = self.next_key(Clustered::Instance, study)?;
        let sql = "INSERT INTO instance(key, series, uid, sop_class, transfer_syntax, file, size, sha256, header, \
                   patient_id, patient_issuer, received_at, calling_ae, held) \
                   VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        self.execute(
            sql,
            (
                key,
                new.series.as_str(),
                new.instance.as_str(),
                new.sop_class.as_str(),
                new.transfer_syntax.as_str(),
                &new.file,
                new.size_octets as i64,
                &new.sha256.0,
                &new.header,
                &new.patient_id,
                &new.patient_issuer,
                new.received_at,
                &new.calling_ae,
                &new.held,
            ),
        )?;
        let sql = "UPDATE study SET instances = instances + 1, size = size + ?2, last_received_at = \
                   max(last_received_at, ?3), changed_at = coalesce(changed_at, ?3), revision = revision + 1 \
                   WHERE key = ?1";
        self.execute(sql, (study, new.size_octets as i64, new.received_at))?;
        Ok(Put::Added)
    }

    fn hold_instance(
        &mut self,
        study: &StudyInstanceUid,
        instance: &SopInstanceUid,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let missing = StoreError::Missing { what: "an instance" };
        let owner = self.study_key(study)?.ok_or(missing.clone())?;
        let (key, _, _) = self.present(owner, instance)?.ok_or(missing)?;
        self.execute("UPDATE instance SET held = ?2 WHERE key = ?1", (key, reason))?;
        let sql = "UPDATE study SET revision = revision + 1, changed_at = coalesce(changed_at, last_received_at) \
                   WHERE key = ?1";
        self.study_changed(sql, [owner_of(key)])
    }

    fn remove_instances(
        &mut self,
        study: &StudyInstanceUid,
        instances: &[SopInstanceUid],
        at: i64,
    ) -> Result<Vec<String>, StoreError> {
        let Some(owner) = self.study_key(study)? else { return Ok(Vec::new()) };
        let mut files = Vec::new();
        for instance in instances {
            let Some((key, size, _)) = self.present(owner, instance)? else { continue };
            let sql = "DELETE FROM instance WHERE key = ?1 RETURNING file";
            files.extend(self.all(sql, [key], |row| Ok(row.get::<_, String>(0)?))?);
            let sql = "UPDATE study SET instances = instances - 1, size = size - ?2, revision = revision + 1, \
                       changed_at = coalesce(changed_at, ?3), last_received_at = max(last_received_at, ?3) WHERE key = ?1";
            self.execute(sql, (owner, size, at))?;
        }
        Ok(files)
    }

    fn remove_study(&mut self, study: &StudyInstanceUid) -> Result<Vec<String>, StoreError> {
        let Some(owner) = self.study_key(study)? else { return Ok(Vec::new()) };
        let (first, last) = key_range(owner);
        let sql = "DELETE FROM instance WHERE key BETWEEN ?1 AND ?2 RETURNING file";
        let files = self.all(sql, [first, last], |row| Ok(row.get::<_, String>(0)?))?;
        self.execute("DELETE FROM study WHERE key = ?1", [owner])?;
        Ok(files)
    }

    fn mark_published(
        &mut self,
        study: &StudyInstanceUid,
        revision: u64,
        publication: Option<&Publication>,
    ) -> Result<(), StoreError> {
        // What came after `revision` came at the earliest now that it was read, so its wait starts with the last arrival.
        let sql = "UPDATE study SET published_revision = max(published_revision, ?2), held = NULL, \
                   changed_at = CASE WHEN revision <= ?2 THEN NULL ELSE last_received_at END WHERE uid = ?1";
        self.study_changed(sql, (study.as_str(), revision as i64))?;
        if let Some(publication) = publication {
            let sql = "UPDATE study SET manifest = ?2, manifest_entry = ?3, content_hash = ?4, published_at = ?5 \
                       WHERE uid = ?1";
            let entry = publication.entry.as_ref().map(ObjectId::as_str);
            let manifest = publication.manifest.as_str();
            let params = (study.as_str(), manifest, entry, &publication.content_hash.0, publication.published_at);
            self.study_changed(sql, params)?;
        }
        Ok(())
    }

    fn hold_study(&mut self, study: &StudyInstanceUid, reason: Option<&str>) -> Result<(), StoreError> {
        self.study_changed("UPDATE study SET held = ?2 WHERE uid = ?1", (study.as_str(), reason))
    }

    fn touch_study(&mut self, study: &StudyInstanceUid, at: i64) -> Result<(), StoreError> {
        let sql = "UPDATE study SET revision = revision + 1, changed_at = coalesce(changed_at, ?2) WHERE uid = ?1";
        self.study_changed(sql, (study.as_str(), at))
    }
}
