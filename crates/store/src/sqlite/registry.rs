//! [`RegistryRead`] and [`RegistryWrite`] on SQLite. Source: ITI TF-3 4.2; spec/xds.md 12-14, 16.3.

use super::find::{find, find_or_scan, reference_hash};
use super::owned::{ASSOCIATION, ENTRY, FOLDER, Owned, SUBMISSION_SET};
use super::schema::owner_of;
use super::tx::{Ident, Tx};
use crate::record::{decode_association, encode_association};
use crate::{Counts, Found, ObjectKind, RegistryRead, RegistryWrite, Select, StoreError};
use model::{
    Association, AssociationType, AvailabilityStatus, DocumentEntry, DocumentQuery, Folder, ObjectId, Oid, PatientId,
    SubmissionSet, UniqueId,
};
use rusqlite::Row;
use std::collections::{BTreeMap, HashSet};

fn kind_of(number: i64) -> Result<ObjectKind, StoreError> {
    match number {
        ENTRY => Ok(ObjectKind::DocumentEntry),
        SUBMISSION_SET => Ok(ObjectKind::SubmissionSet),
        FOLDER => Ok(ObjectKind::Folder),
        ASSOCIATION => Ok(ObjectKind::Association),
        _ => Err(StoreError::corrupt("object", "has an unknown kind")),
    }
}

/// Which patients' records carry a subsumed id, looked up once per patient and answer.
#[derive(Default)]
pub(super) struct Owners(BTreeMap<i64, Option<PatientId>>);

impl Owners {
    /// The id under which objects of this owner are given out, when it is not the one they carry.
    pub(super) fn survivor(&mut self, tx: &Tx<'_>, owner: i64) -> Result<Option<&PatientId>, StoreError> {
        if let std::collections::btree_map::Entry::Vacant(vacant) = self.0.entry(owner) {
            let sql = "SELECT s.id, s.domain FROM patient p JOIN patient s ON s.key = p.survivor WHERE p.key = ?1";
            let names = tx.one(sql, [owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
            vacant.insert(names.map(|(id, domain)| patient_id(id, domain)).transpose()?);
        }
        Ok(self.0.get(&owner).and_then(Option::as_ref))
    }
}

/// An id read back from the patient table.
pub(super) fn patient_id(id: String, domain: String) -> Result<PatientId, StoreError> {
    let domain = Oid::parse(&domain).map_err(|e| StoreError::corrupt("patient", e.rule))?;
    Ok(PatientId { id, domain })
}

fn record<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8], StoreError> {
    row.get_ref(column)?.as_blob().map_err(|_| StoreError::corrupt("record", "is no blob"))
}

impl Tx<'_> {
    /// Keys of the patients whose objects are found under an id: its own first, then those merged into it. Empty for
    /// an unknown or subsumed id.
    pub(super) fn owners_found_under(&self, id: &PatientId) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT p.key, s.key FROM patient p LEFT JOIN patient s ON s.survivor = p.key \
                   WHERE p.id = ?1 AND p.domain = ?2 AND p.survivor IS NULL ORDER BY s.key";
        let mut owners = Vec::new();
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query((&id.id, id.domain.as_str()))?;
        while let Some(row) = rows.next()? {
            if owners.is_empty() {
                owners.push(row.get(0)?);
            }
            owners.extend(row.get::<_, Option<i64>>(1)?);
        }
        Ok(owners)
    }

    fn keys<T: Owned>(&self, which: Select<'_>) -> Result<Vec<i64>, StoreError> {
        let key = |row: &Row<'_>| Ok(row.get::<_, i64>(0)?);
        let mut keys = Vec::new();
        match which {
            Select::Ids(ids) => {
                for id in ids {
                    keys.extend(self.key_of::<T>(id)?);
                }
            }
            Select::UniqueIds(ids) => {
                for id in ids {
                    let sql = "SELECT key FROM unique_id WHERE value = ?1 AND kind = ?2";
                    keys.extend(self.all(sql, (id.as_str(), T::KIND), key)?);
                }
            }
            Select::LogicalId(id) => {
                keys.extend(self.key_of::<T>(id)?);
                let sql = "SELECT key FROM logical_id WHERE value = ?1 AND kind = ?2";
                keys.extend(self.all(sql, (Ident::of(id), T::KIND), key)?);
            }
            // Read as ranges; see `objects`.
            Select::Patient(_) => {}
        }
        let mut seen = HashSet::with_capacity(keys.len());
        keys.retain(|key| seen.insert(*key));
        Ok(keys)
    }

    fn key_of<T: Owned>(&self, id: &ObjectId) -> Result<Option<i64>, StoreError> {
        self.one("SELECT key FROM object WHERE id = ?1 AND kind = ?2", (Ident::of(id), T::KIND), |row| row.get(0))
    }

    fn objects<T: Owned>(&self, which: Select<'_>) -> Result<Vec<T>, StoreError> {
        let mut names = Owners::default();
        let mut rows: Vec<(i64, T)> = Vec::new();
        let mut read = |row: &Row<'_>| {
            let mut object = T::decode(record(row, 2)?)?;
            if let Some(survivor) = names.survivor(self, owner_of(row.get(0)?))? {
                *object.patient_id() = survivor.clone();
            }
            Ok::<_, StoreError>((row.get::<_, i64>(1)?, object))
        };
        if let Select::Patient(id) = which {
            for owner in self.owners_found_under(id)? {
                let (first, last) = super::schema::key_range(owner);
                rows.extend(self.all(T::BY_RANGE, [first, last], &mut read)?);
            }
        } else {
            for key in self.keys::<T>(which)? {
                rows.extend(self.all(T::BY_KEY, [key], &mut read)?);
            }
        }
        if let Select::LogicalId(id) = which {
            // The id itself may be that of an object whose logical id is another.
            rows.retain(|(_, object)| object.logical_id() == Some(id));
        }
        if matches!(which, Select::LogicalId(_) | Select::Patient(_)) {
            rows.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        }
        Ok(rows.into_iter().map(|(_, object)| object).collect())
    }

    fn claim_id(&self, id: &ObjectId, kind: i64, key: i64, what: &'static str) -> Result<(), StoreError> {
        let sql = "INSERT INTO object(id, kind, key) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING";
        if self.execute(sql, (Ident::of(id), kind, key))? == 0 {
            return Err(StoreError::Conflict { what });
        }
        Ok(())
    }

    /// The key of a patient, who becomes a row when there is none: unknown to the feed, but able to own objects.
    fn owner_key(&self, id: &PatientId) -> Result<i64, StoreError> {
        let params = (&id.id, id.domain.as_str());
        if let Some(key) =
            self.one("SELECT key FROM patient WHERE id = ?1 AND domain = ?2", params, |row| row.get(0))?
        {
            return Ok(key);
        }
        self.execute("INSERT INTO patient(id, domain, known, family, given) VALUES(?1, ?2, 0, '', '')", params)?;
        Ok(self.conn.last_insert_rowid())
    }

    fn put_owned<T: Owned>(&self, object: &T) -> Result<i64, StoreError> {
        let record = encoded(object)?;
        let key = self.next_key(T::TABLE, self.owner_key(object.patient())?)?;
        self.claim_id(object.id(), T::KIND, key, T::WHAT)?;
        self.execute(T::INSERT, (key, self.next_registration()?, record))?;
        self.execute(
            "INSERT INTO unique_id(value, kind, key) VALUES(?1, ?2, ?3)",
            (object.unique_id().as_str(), T::KIND, key),
        )?;
        self.index_logical_id(object, key)?;
        self.count(T::NAME, 1)?;
        Ok(key)
    }

    fn index_logical_id<T: Owned>(&self, object: &T, key: i64) -> Result<(), StoreError> {
        if let Some(logical) = object.logical_id().filter(|logical| *logical != object.id()) {
            let sql = "INSERT INTO logical_id(value, kind, key) VALUES(?1, ?2, ?3)";
            self.execute(sql, (Ident::of(logical), T::KIND, key))?;
        }
        Ok(())
    }

    fn stored<T: Owned>(&self, key: i64) -> Result<T, StoreError> {
        let rows = self.all(T::BY_KEY, [key], |row| T::decode(record(row, 2)?))?;
        rows.into_iter().next().ok_or_else(|| StoreError::corrupt("object", "has an id and no record"))
    }

    /// Shape: the key, and the object as it was.
    fn update_owned<T: Owned>(&self, object: &T) -> Result<(i64, T), StoreError> {
        let key = self.key_of::<T>(object.id())?.ok_or(StoreError::Missing { what: T::WHAT })?;
        let before: T = self.stored(key)?;
        if before.unique_id() != object.unique_id() {
            return Err(StoreError::Refused("the uniqueId of a stored object cannot change"));
        }
        let survivor = Owners::default().survivor(self, owner_of(key))?.cloned();
        if before.patient() != object.patient() && survivor.as_ref() != Some(object.patient()) {
            return Err(StoreError::Refused("the patient of a stored object cannot change"));
        }
        self.execute(T::UPDATE, (key, encoded(object)?))?;
        if before.logical_id() != object.logical_id() {
            if let Some(logical) = before.logical_id() {
                let sql = "DELETE FROM logical_id WHERE value = ?1 AND kind = ?2 AND key = ?3";
                self.execute(sql, (Ident::of(logical), T::KIND, key))?;
            }
            self.index_logical_id(object, key)?;
        }
        Ok((key, before))
    }

    fn index_references(&self, entry: &DocumentEntry, key: i64) -> Result<(), StoreError> {
        for reference in &entry.reference_id_list {
            let sql = "INSERT INTO reference(id, hash, key) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING";
            self.execute(sql, (&reference.id, reference_hash(reference), key))?;
        }
        Ok(())
    }

    fn forget_references(&self, entry: &DocumentEntry, key: i64) -> Result<(), StoreError> {
        for reference in &entry.reference_id_list {
            let sql = "DELETE FROM reference WHERE id = ?1 AND hash = ?2 AND key = ?3";
            self.execute(sql, (&reference.id, reference_hash(reference), key))?;
        }
        Ok(())
    }

    fn change_status<T: Owned>(&self, key: i64, status: AvailabilityStatus) -> Result<(), StoreError> {
        let mut object: T = self.stored(key)?;
        object.set_status(status);
        self.execute(T::UPDATE, (key, object.encode()))?;
        Ok(())
    }

    fn forget_owned<T: Owned>(&self, object: &T, key: i64) -> Result<(), StoreError> {
        self.count(T::NAME, -1)?;
        self.execute(
            "DELETE FROM unique_id WHERE value = ?1 AND kind = ?2 AND key = ?3",
            (object.unique_id().as_str(), T::KIND, key),
        )?;
        if let Some(logical) = object.logical_id() {
            let sql = "DELETE FROM logical_id WHERE value = ?1 AND kind = ?2 AND key = ?3";
            self.execute(sql, (Ident::of(logical), T::KIND, key))?;
        }
        Ok(())
    }

    fn association_at(&self, key: i64) -> Result<Option<Association>, StoreError> {
        let sql = "SELECT record FROM association WHERE key = ?1";
        Ok(self.all(sql, [key], |row| decode_association(record(row, 0)?))?.pop())
    }
}

/// A record that is sure to be read back as the same object.
fn encoded<T: Owned>(object: &T) -> Result<Vec<u8>, StoreError> {
    let record = object.encode();
    // A value built around its own rules (an Xcn without any name) would be unreadable for ever.
    match T::decode(&record) {
        Ok(read) if read == *object => Ok(record),
        _ => Err(StoreError::Refused("the object has a value that does not survive being written and read")),
    }
}

impl RegistryRead for Tx<'_> {
    fn find(&self, query: &DocumentQuery) -> Result<Found, StoreError> {
        find(self, query)
    }

    fn find_or_scan(&self, query: &DocumentQuery) -> Result<Found, StoreError> {
        find_or_scan(self, query)
    }

    fn scan_folders(&self, wanted: &dyn Fn(&Folder) -> bool) -> Result<Vec<Folder>, StoreError> {
        let mut names = Owners::default();
        let mut statement = self.prepare("SELECT key, seq, record FROM folder")?;
        let mut rows = statement.query([])?;
        let mut found: Vec<(i64, Folder)> = Vec::new();
        while let Some(row) = rows.next()? {
            let mut folder = Folder::decode(record(row, 2)?)?;
            if let Some(survivor) = names.survivor(self, owner_of(row.get(0)?))? {
                folder.patient_id = survivor.clone();
            }
            if wanted(&folder) {
                found.push((row.get(1)?, folder));
            }
        }
        found.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        Ok(found.into_iter().map(|(_, folder)| folder).collect())
    }

    fn entries(&self, which: Select<'_>) -> Result<Vec<DocumentEntry>, StoreError> {
        self.objects(which)
    }

    fn submission_sets(&self, which: Select<'_>) -> Result<Vec<SubmissionSet>, StoreError> {
        self.objects(which)
    }

    fn folders(&self, which: Select<'_>) -> Result<Vec<Folder>, StoreError> {
        self.objects(which)
    }

    fn associations(&self, ids: &[ObjectId]) -> Result<Vec<Association>, StoreError> {
        let mut out = Vec::new();
        let mut seen = HashSet::new();
        for id in ids {
            let sql = "SELECT key FROM object WHERE id = ?1 AND kind = 3";
            if let Some(key) = self.one(sql, [Ident::of(id)], |row| row.get::<_, i64>(0))?
                && seen.insert(key)
            {
                out.extend(self.association_at(key)?);
            }
        }
        Ok(out)
    }

    fn associations_of(&self, ids: &[ObjectId]) -> Result<Vec<Association>, StoreError> {
        let mut found = BTreeMap::new();
        for id in ids {
            for sql in [
                "SELECT key, record FROM association WHERE source = ?1",
                "SELECT key, record FROM association WHERE target = ?1",
            ] {
                let rows = self.all(sql, [Ident::of(id)], |row| {
                    Ok((row.get::<_, i64>(0)?, decode_association(record(row, 1)?)?))
                })?;
                found.extend(rows);
            }
        }
        Ok(found.into_values().collect())
    }

    fn folders_containing(&self, entry: &ObjectId) -> Result<Vec<(Folder, Association)>, StoreError> {
        let sql = "SELECT record FROM association WHERE target = ?1 ORDER BY key";
        let mut out = Vec::new();
        for association in self.all(sql, [Ident::of(entry)], |row| decode_association(record(row, 0)?))? {
            if association.kind == AssociationType::HasMember
                && let Some(folder) = self.folders(Select::Ids(std::slice::from_ref(&association.source)))?.pop()
            {
                out.push((folder, association));
            }
        }
        Ok(out)
    }

    fn object_kind(&self, id: &ObjectId) -> Result<Option<ObjectKind>, StoreError> {
        let kind = self.one("SELECT kind FROM object WHERE id = ?1", [Ident::of(id)], |row| row.get(0))?;
        kind.map(kind_of).transpose()
    }

    fn unique_id_uses(&self, id: &UniqueId) -> Result<Vec<ObjectKind>, StoreError> {
        // In the order of the key, which is that of the kinds. DISTINCT would open a table of its own for each question.
        let mut kinds =
            self.all("SELECT kind FROM unique_id WHERE value = ?1", [id.as_str()], |row| kind_of(row.get(0)?))?;
        kinds.dedup();
        Ok(kinds)
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        let count = |sql: &str| -> Result<u64, StoreError> {
            Ok(self.one(sql, [], |row| row.get::<_, i64>(0))?.unwrap_or(0).max(0) as u64)
        };
        Ok(Counts {
            entries: count("SELECT value FROM counter WHERE name = 'entry'")?,
            submission_sets: count("SELECT value FROM counter WHERE name = 'submission_set'")?,
            folders: count("SELECT value FROM counter WHERE name = 'folder'")?,
            associations: count("SELECT value FROM counter WHERE name = 'association'")?,
            patients: count("SELECT count(*) FROM patient WHERE known = 1 AND survivor IS NULL")?,
            documents: count("SELECT value FROM counter WHERE name = 'document'")?,
            studies: count("SELECT count(*) FROM study")?,
            instances: count("SELECT coalesce(sum(instances), 0) FROM study")?,
            jobs_waiting: count("SELECT count(*) FROM job WHERE state < 2")?,
            jobs_failed: count("SELECT count(*) FROM job WHERE state = 2")?,
        })
    }
}

impl RegistryWrite for Tx<'_> {
    fn put_entry(&mut self, entry: &DocumentEntry) -> Result<(), StoreError> {
        let key = self.put_owned(entry)?;
        self.index_references(entry, key)
    }

    fn update_entry(&mut self, entry: &DocumentEntry) -> Result<(), StoreError> {
        let (key, before) = self.update_owned(entry)?;
        if before.reference_id_list != entry.reference_id_list {
            self.forget_references(&before, key)?;
            self.index_references(entry, key)?;
        }
        Ok(())
    }

    fn put_submission_set(&mut self, set: &SubmissionSet) -> Result<(), StoreError> {
        self.put_owned(set).map(|_| ())
    }

    fn put_folder(&mut self, folder: &Folder) -> Result<(), StoreError> {
        self.put_owned(folder).map(|_| ())
    }

    fn update_folder(&mut self, folder: &Folder) -> Result<(), StoreError> {
        self.update_owned(folder).map(|_| ())
    }

    fn put_association(&mut self, association: &Association) -> Result<(), StoreError> {
        let record = encode_association(association);
        if decode_association(&record).ok().as_ref() != Some(association) {
            return Err(StoreError::Refused("the association does not survive being written and read"));
        }
        let sql = "INSERT INTO association(source, target, record) VALUES(?1, ?2, ?3)";
        self.execute(sql, (Ident::of(&association.source), Ident::of(&association.target), record))?;
        self.count("association", 1)?;
        self.claim_id(&association.id, ASSOCIATION, self.conn.last_insert_rowid(), "an association")
    }

    fn set_status(&mut self, id: &ObjectId, status: AvailabilityStatus) -> Result<(), StoreError> {
        let sql = "SELECT kind, key FROM object WHERE id = ?1";
        let found = self.one(sql, [Ident::of(id)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let (kind, key) = found.ok_or(StoreError::Missing { what: "an object" })?;
        match kind_of(kind)? {
            ObjectKind::DocumentEntry => self.change_status::<DocumentEntry>(key, status),
            ObjectKind::SubmissionSet => self.change_status::<SubmissionSet>(key, status),
            ObjectKind::Folder => self.change_status::<Folder>(key, status),
            ObjectKind::Association => {
                let mut association =
                    self.association_at(key)?.ok_or(StoreError::Missing { what: "an association" })?;
                association.availability_status = status;
                let sql = "UPDATE association SET record = ?2 WHERE key = ?1";
                self.execute(sql, (key, encode_association(&association)))?;
                Ok(())
            }
        }
    }

    fn remove_object(&mut self, id: &ObjectId) -> Result<(), StoreError> {
        let sql = "DELETE FROM object WHERE id = ?1 RETURNING kind, key";
        let found = self.one(sql, [Ident::of(id)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let (kind, key) = found.ok_or(StoreError::Missing { what: "an object" })?;
        match kind_of(kind)? {
            ObjectKind::DocumentEntry => {
                let entry: DocumentEntry = self.stored(key)?;
                self.forget_owned(&entry, key)?;
                self.forget_references(&entry, key)?;
                self.execute("DELETE FROM entry WHERE key = ?1", [key])?;
            }
            ObjectKind::SubmissionSet => {
                self.forget_owned(&self.stored::<SubmissionSet>(key)?, key)?;
                self.execute("DELETE FROM submission_set WHERE key = ?1", [key])?;
            }
            ObjectKind::Folder => {
                self.forget_owned(&self.stored::<Folder>(key)?, key)?;
                self.execute("DELETE FROM folder WHERE key = ?1", [key])?;
            }
            ObjectKind::Association => {
                self.execute("DELETE FROM association WHERE key = ?1", [key])?;
                self.count("association", -1)?;
            }
        }
        Ok(())
    }
}
