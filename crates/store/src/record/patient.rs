//! A patient's demographics as a stored record. Version 2; version 1 had no details.

use super::bytes::{Memo, Reader, Writer, version_of};
use crate::StoreError;
use model::{Address, Patient, PatientDetails, PersonName, Sex, Telecom, TelecomSystem, TelecomUse};

const V2: u8 = 2;

pub(crate) fn encode_patient(patient: &Patient) -> Vec<u8> {
    let mut w = Writer::new(V2);
    w.patient_id(&patient.id);
    w.list(&patient.other_ids, Writer::patient_id);
    let name = &patient.name;
    for part in [&name.family, &name.given, &name.middle, &name.prefix, &name.suffix] {
        w.text(part);
    }
    w.option(patient.birth_date.as_ref(), |w, date| w.text(date.as_str()));
    w.option(patient.sex.as_ref(), |w, sex| w.text(sex.code()));
    let details = &patient.details;
    w.text(&details.mothers_maiden_name);
    w.list(&details.addresses, |w, address| {
        w.list(&address.lines, |w, line| w.text(line));
        for part in [&address.city, &address.state, &address.postal_code, &address.country] {
            w.text(part);
        }
    });
    w.list(&details.telecoms, |w, telecom| {
        w.byte(match telecom.system {
            TelecomSystem::Phone => 0,
            TelecomSystem::Fax => 1,
            TelecomSystem::Email => 2,
            TelecomSystem::Url => 3,
        });
        w.byte(match telecom.usage {
            None => 0,
            Some(TelecomUse::Home) => 1,
            Some(TelecomUse::Work) => 2,
            Some(TelecomUse::Mobile) => 3,
        });
        w.text(&telecom.value);
    });
    w.finish()
}

/// Errors: `Newer`, `Corrupt`.
pub(crate) fn decode_patient(record: &[u8]) -> Result<Patient, StoreError> {
    let (version, rest) = version_of(record, V2, "patient")?;
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
        details: if version < V2 { PatientDetails::default() } else { details(&mut r)? },
    };
    r.end()?;
    Ok(patient)
}

fn details(r: &mut Reader<'_>) -> Result<PatientDetails, StoreError> {
    Ok(PatientDetails {
        mothers_maiden_name: r.text()?,
        addresses: r.list(|r| {
            Ok(Address {
                lines: r.list(Reader::text)?,
                city: r.text()?,
                state: r.text()?,
                postal_code: r.text()?,
                country: r.text()?,
            })
        })?,
        telecoms: r.list(|r| {
            Ok(Telecom {
                system: match r.byte()? {
                    0 => TelecomSystem::Phone,
                    1 => TelecomSystem::Fax,
                    2 => TelecomSystem::Email,
                    3 => TelecomSystem::Url,
                    _ => return Err(r.wrong("a telecom system that is unknown")),
                },
                usage: match r.byte()? {
                    0 => None,
                    1 => Some(TelecomUse::Home),
                    2 => Some(TelecomUse::Work),
                    3 => Some(TelecomUse::Mobile),
                    _ => return Err(r.wrong("a telecom use that is unknown")),
                },
                value: r.text()?,
            })
        })?,
    })
}
