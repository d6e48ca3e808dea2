//! The twelve invented patients of the demo (design.md section 4), as the registry knows them.

/// The assigning authority of every demo patient id.
pub const PATIENT_DOMAIN: &str = "2.999.7";

/// One invented patient, as the patient registry knows the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patient {
    /// Identifier in [`PATIENT_DOMAIN`].
    pub id: &'static str,
    /// Name in DICOM PN form, `Family^Given`.
    pub name: &'static str,
    /// Birth date, `YYYYMMDD`.
    pub birth_date: &'static str,
    /// Sex as in DICOM (0010,0040): `F`, `M` or `O`.
    pub sex: &'static str,
}

impl Patient {
    /// Family name.
    pub fn family(&self) -> &'static str {
        self.name.split('^').next().unwrap_or(self.name)
    }

    /// Given name; empty when the patient has none.
    pub fn given(&self) -> &'static str {
        self.name.split('^').nth(1).unwrap_or("")
    }

    /// The name as people read it, for example `DURAND, Anne`.
    pub fn display_name(&self) -> String {
        readable_name(self.name)
    }

    /// Birth date as `YYYY-MM-DD`.
    pub fn birth_date_iso(&self) -> String {
        iso_date(self.birth_date)
    }
}

/// `Family^Given` as `Family, Given`.
pub(crate) fn readable_name(pn: &str) -> String {
    let mut parts = pn.split('^').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some(family), Some(given)) => format!("{family}, {given}"),
        (Some(family), None) => family.to_string(),
        _ => String::new(),
    }
}

/// `YYYYMMDD` as `YYYY-MM-DD`; anything else unchanged.
pub(crate) fn iso_date(da: &str) -> String {
    match (da.get(..4), da.get(4..6), da.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => da.to_string(),
    }
}

const fn patient(id: &'static str, name: &'static str, birth_date: &'static str, sex: &'static str) -> Patient {
    Patient { id, name, birth_date, sex }
}

/// The patients, P0001 to P0012.
pub const PATIENTS: [Patient; 12] = [
    patient("P0001", "DURAND^Anne", "19610412", "F"),
    patient("P0002", "MÜLLER^Jürgen", "19540923", "M"),
    patient("P0003", "GARCÍA NÚÑEZ^María José", "19470131", "F"),
    patient("P0004", "ŁUKASIŃSKA^Agnieszka", "19720608", "F"),
    patient("P0005", "SØRENSEN^Åse", "19581117", "F"),
    patient("P0006", "NOVÁK^Jiří", "19850226", "M"),
    patient("P0007", "PAPADOPOULOS^Giórgos", "19390705", "M"),
    patient("P0008", "O'BRIEN^Séamus", "19911213", "M"),
    patient("P0009", "ȘTEFĂNESCU^Ioana", "19690319", "F"),
    patient("P0010", "D'ANGELO^Nicolò", "19630830", "M"),
    patient("P0011", "ÞORSTEINSDÓTTIR^Guðrún", "20030504", "F"),
    patient("P0012", "SZABÓ^Erzsébet", "19500222", "F"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_run_from_p0001_and_every_name_has_two_parts() {
        for (index, patient) in PATIENTS.iter().enumerate() {
            assert_eq!(patient.id, format!("P{:04}", index + 1));
            assert!(!patient.family().is_empty() && !patient.given().is_empty());
            assert_eq!(patient.birth_date.len(), 8);
            assert!(patient.name.len() <= 64 && !patient.name.contains('\\'));
        }
        assert_eq!(PATIENTS[0].display_name(), "DURAND, Anne");
        assert_eq!(PATIENTS[0].birth_date_iso(), "1961-04-12");
    }
}
