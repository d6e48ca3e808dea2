//! [`PatientRead`] and [`PatientWrite`] on SQLite. A merge points at the surviving patient; those merged into the
//! subsumed one before are pointed on, so that the chain is always one step long. Source: spec/xds.md 20.

use super::patient_index;
use super::registry::patient_id;
use super::tx::Tx;
use crate::record::{decode_patient, encode_patient};
use crate::{FoundPatients, PatientRead, PatientState, PatientWrite, StoreError};
use model::{Oid, Patient, PatientId, PatientQuery};
use rusqlite::Row;

fn patient(row: &Row<'_>) -> Result<Patient, StoreError> {
    let record = row.get_ref(0)?.as_blob().map_err(|_| StoreError::corrupt("patient", "is no blob"))?;
    decode_patient(record)
}

fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

struct Stand {
    key: i64,
    known: bool,
    survivor: Option<i64>,
}

impl Tx<'_> {
    fn stand(&self, id: &PatientId) -> Result<Option<Stand>, StoreError> {
        let sql = "SELECT key, known, survivor FROM patient WHERE id = ?1 AND domain = ?2";
        self.one(sql, (&id.id, id.domain.as_str()), |row| {
            Ok(Stand { key: row.get(0)?, known: row.get(1)?, survivor: row.get(2)? })
        })
    }

    fn active_key(&self, id: &PatientId) -> Result<i64, StoreError> {
        match self.stand(id)? {
            Some(Stand { key, known: true, survivor: None }) => Ok(key),
            _ => Err(StoreError::Refused("a merge needs two patients that are known and not subsumed")),
        }
    }

    /// Takes what the present record of a patient put into other tables out of them.
    fn forget(&self, key: i64) -> Result<(), StoreError> {
        let record = self.all("SELECT record FROM patient WHERE key = ?1 AND record IS NOT NULL", [key], patient)?;
        for id in record.iter().flat_map(|patient| &patient.other_ids) {
            let sql = "DELETE FROM patient_other_id WHERE id = ?1 AND domain = ?2 AND patient = ?3";
            self.execute(sql, (&id.id, id.domain.as_str(), key))?;
        }
        record.iter().try_for_each(|patient| patient_index::leave(self.conn, key, patient))
    }
}

impl PatientRead for Tx<'_> {
    fn patient(&self, id: &PatientId) -> Result<Option<Patient>, StoreError> {
        let sql = "SELECT record FROM patient WHERE id = ?1 AND domain = ?2 AND known = 1 AND survivor IS NULL";
        Ok(self.all(sql, (&id.id, id.domain.as_str()), patient)?.pop())
    }

    fn patient_state(&self, id: &PatientId) -> Result<PatientState, StoreError> {
        match self.stand(id)? {
            Some(Stand { survivor: Some(survivor), .. }) => {
                let sql = "SELECT id, domain FROM patient WHERE key = ?1";
                let names = self.one(sql, [survivor], |row| Ok((row.get(0)?, row.get(1)?)))?;
                let (id, domain) = names.ok_or_else(|| StoreError::corrupt("patient", "survivor is missing"))?;
                Ok(PatientState::MergedInto(patient_id(id, domain)?))
            }
            Some(Stand { known: true, .. }) => Ok(PatientState::Active),
            _ => Ok(PatientState::Unknown),
        }
    }

    fn find_patients(&self, query: &PatientQuery) -> Result<FoundPatients, StoreError> {
        self.query_patients(query)
    }

    fn patient_domains(&self) -> Result<Vec<Oid>, StoreError> {
        self.all("SELECT domain FROM patient_domain ORDER BY domain", [], |row| {
            Oid::parse(row.get_ref(0)?.as_str().unwrap_or_default())
                .map_err(|_| StoreError::corrupt("patient_domain", "is no OID"))
        })
    }

    fn subsumed_by(&self, id: &PatientId) -> Result<Vec<PatientId>, StoreError> {
        let sql = "SELECT s.id, s.domain FROM patient s JOIN patient p ON s.survivor = p.key \
                   WHERE p.id = ?1 AND p.domain = ?2 ORDER BY s.key";
        self.all(sql, (&id.id, id.domain.as_str()), |row| patient_id(row.get(0)?, row.get(1)?))
    }
}

impl PatientWrite for Tx<'_> {
    fn put_patient(&mut self, patient: &Patient) -> Result<(), StoreError> {
        let record = encode_patient(patient);
        if decode_patient(&record).ok().as_ref() != Some(patient) {
            return Err(StoreError::Refused("the patient does not survive being written and read"));
        }
        let id = &patient.id;
        match self.stand(id)? {
            Some(Stand { survivor: Some(_), .. }) => {
                return Err(StoreError::Refused("a subsumed patient cannot be changed"));
            }
            Some(stand) => self.forget(stand.key)?,
            None => {}
        }
        let sql = "INSERT INTO patient(id, domain, known, family, given, record) VALUES(?1, ?2, 1, ?3, ?4, ?5) \
                   ON CONFLICT(id, domain) DO UPDATE SET known = 1, family = ?3, given = ?4, record = ?5 RETURNING key";
        let name = &patient.name;
        let params = (&id.id, id.domain.as_str(), fold(&name.family), fold(&name.given), record);
        let key = self.one(sql, params, |row| row.get::<_, i64>(0))?;
        let key = key.ok_or_else(|| StoreError::corrupt("patient", "has no key"))?;
        for other in &patient.other_ids {
            let sql = "INSERT INTO patient_other_id(id, domain, patient) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING";
            self.execute(sql, (&other.id, other.domain.as_str(), key))?;
        }
        patient_index::enter(self.conn, key, patient)
    }

    fn remove_patient(&mut self, id: &PatientId) -> Result<bool, StoreError> {
        let Some(Stand { key, known: true, survivor: None }) = self.stand(id)? else { return Ok(false) };
        self.forget(key)?;
        self.execute("UPDATE patient SET known = 0, family = '', given = '', record = NULL WHERE key = ?1", [key])?;
        Ok(true)
    }

    fn merge_patients(&mut self, survivor: &PatientId, subsumed: &PatientId) -> Result<(), StoreError> {
        if survivor == subsumed {
            return Err(StoreError::Refused("a patient cannot be merged into itself"));
        }
        let (into, from) = (self.active_key(survivor)?, self.active_key(subsumed)?);
        self.execute("UPDATE patient SET survivor = ?1 WHERE key = ?2 OR survivor = ?2", [into, from])?;
        Ok(())
    }
}
