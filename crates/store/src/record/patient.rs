//! A patient's demographics as a stored record. Version 1.

use super::bytes::{Memo, Reader, Writer, version_of};
use crate::StoreError;
use model::{Patient, PersonName, Sex};

const V1: u8 = 1;

pub(crate) fn encode_patient(patient: &Patient) -> Vec<u8> {
    let mut w = Writer::new(V1);
    w.patient_id(&patient.id);
    w.list(&patient.other_ids, Writer::patient_id);
    let name = &patient.name;
    for part in [&name.family, &name.given, &name.middle, &name.prefix, &name.suffix] {
        w.text(part);
    }
    w.option(patient.birth_date.as_ref(), |w, date| w.text(date.as_str()));
    w.option(patient.sex.as_ref(), |w, sex| w.text(sex.code()));
    w.finish()
}

/// Errors: `Newer`, `Corrupt`.
pub(crate) fn decode_patient(record: &[u8]) -> Result<Patient, StoreError> {
    let (_, rest) = version_of(record, V1, "patient")?;
    let mut memo = Memo::default();
    let mut r = Reader::new(rest, "patient", &mut memo)?;
    let patient = Patient {
        id: r.patient_id()?,
        other_ids: r.list(Reader::patient_id)?,
        name: PersonName {
            family: r.text()?,
            given: r.text()?,
            middle: r.text()?,
            prefix: r.text()?,
            suffix: r.text()?,
        },
        birth_date: r.option(Reader::dtm)?,
        sex: r.option(|r| {
            let code = r.str()?;
            Sex::from_code(code).ok_or_else(|| r.wrong("a sex that is none of M, F, O, U"))
        })?,
    };
    r.end()?;
    Ok(patient)
}
