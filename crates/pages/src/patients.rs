//! Choosing a patient: a search box and the patients found.

use crate::timeline::Silent;
use crate::{Frame, Reader, Texts, identity, urls, words};
use askama::Template;
use model::Patient;

/// One patient in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientRow {
    pub name: String,
    pub born: String,
    pub born_iso: String,
    pub age: String,
    pub sex: String,
    pub id: String,
    pub domain: String,
    pub href: String,
}

/// The page.
#[derive(Template)]
#[template(path = "patients.html")]
pub struct PatientsPage {
    pub frame: Frame,
    /// What was typed.
    pub text: String,
    pub rows: Vec<PatientRow>,
    /// More were found than are shown.
    pub more: bool,
    pub silent: Vec<Silent>,
    pub as_of: String,
}

impl PatientsPage {
    /// `name` gives a patient's name in addresses.
    pub fn of(
        text: &str,
        patients: &[Patient],
        name: impl Fn(&Patient) -> String,
        more: bool,
        silent: Vec<Silent>,
        frame: Frame,
        reader: &Reader,
    ) -> PatientsPage {
        let texts = reader.texts;
        let row = |patient: &Patient| PatientRow {
            name: identity::display_name(texts, patient),
            born: match &patient.birth_date {
                Some(birth) => reader.day(birth),
                None => texts.say("patient.no_birth_date").to_owned(),
            },
            born_iso: patient.birth_date.as_ref().map(|birth| reader.when(birth).iso).unwrap_or_default(),
            age: patient
                .birth_date
                .as_ref()
                .and_then(|birth| reader.age(birth))
                .map(|years| texts.count("age", years as usize))
                .unwrap_or_default(),
            sex: identity::sex(texts, patient.sex),
            id: patient.id.id.clone(),
            domain: patient.id.domain.as_str().to_owned(),
            href: urls::patient(&frame.base, &name(patient)),
        };
        let mut rows: Vec<PatientRow> = patients.iter().map(row).collect();
        rows.sort_by_cached_key(|row| (words::sort_key(&row.name), row.id.clone()));
        let as_of = reader.when(&reader.now).time;
        PatientsPage { text: text.to_owned(), rows, more, silent, as_of, frame }
    }

    fn t(&self) -> Texts {
        self.frame.texts
    }
}
