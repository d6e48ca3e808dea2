//! The identity band and the differences between what a document says of its patient and what the registry knows. Neither
//! is hidden, neither is put right. ui.md, principle 5.

use crate::{Reader, Texts};
use model::{Dtm, Manifest, Patient, PatientId, PersonName, Sex, SourcePatientInfo};

/// Who this page is about, in sight on every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityBand {
    /// `DURAND, Anne`.
    pub name: String,
    /// `12 April 1961`, or that it is not known.
    pub born: String,
    pub born_iso: String,
    /// `64 years`; empty when unknown.
    pub age: String,
    pub sex: String,
    pub id: String,
    pub domain: String,
    /// Address of the patient's timeline.
    pub href: String,
}

/// One thing that a document says otherwise than the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `Name`.
    pub what: String,
    pub in_document: String,
    pub in_registry: String,
}

/// What a document says of its patient.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Demographics {
    pub ids: Vec<PatientId>,
    pub name: Option<PersonName>,
    pub birth_date: Option<Dtm>,
    pub sex: Option<Sex>,
}

impl From<&SourcePatientInfo> for Demographics {
    fn from(info: &SourcePatientInfo) -> Self {
        Demographics { ids: info.ids(), name: info.name(), birth_date: info.birth_date(), sex: info.sex() }
    }
}

impl From<&Manifest> for Demographics {
    fn from(manifest: &Manifest) -> Self {
        Demographics {
            ids: manifest.patient_id.iter().chain(&manifest.other_patient_ids).cloned().collect(),
            name: Some(manifest.patient_name.clone()).filter(|name| !name.is_empty()),
            birth_date: manifest.birth_date.as_deref().and_then(|date| Dtm::parse(date.trim()).ok()),
            sex: manifest.sex,
        }
    }
}

pub(crate) fn sex(texts: Texts, sex: Option<Sex>) -> String {
    let key = match sex {
        Some(Sex::Male) => "sex.male",
        Some(Sex::Female) => "sex.female",
        Some(Sex::Other) => "sex.other",
        Some(Sex::Unknown) | None => "sex.unknown",
    };
    texts.say(key).to_owned()
}

pub(crate) fn display_name(texts: Texts, patient: &Patient) -> String {
    let name = patient.name.display();
    if name.is_empty() { texts.say("patient.no_name").to_owned() } else { name }
}

impl IdentityBand {
    pub fn of(patient: &Patient, href: &str, reader: &Reader) -> IdentityBand {
        let texts = reader.texts;
        let birth = patient.birth_date.as_ref();
        let age = birth.and_then(|birth| reader.age(birth)).map(|years| texts.count("age", years as usize));
        IdentityBand {
            name: display_name(texts, patient),
            born: birth.map_or_else(|| texts.say("patient.no_birth_date").to_owned(), |birth| reader.day(birth)),
            born_iso: birth.map(|birth| reader.when(birth).iso).unwrap_or_default(),
            age: age.unwrap_or_default(),
            sex: sex(texts, patient.sex),
            id: patient.id.id.clone(),
            domain: patient.id.domain.as_str().to_owned(),
            href: href.to_owned(),
        }
    }
}

/// Letters and digits in lower case: how a name is written does not make another person of it.
fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn same_name(a: &PersonName, b: &PersonName) -> bool {
    // A middle name is written as part of the given names or apart, and left out by many.
    let given = |name: &PersonName| folded(&format!("{}{}", name.given, name.middle));
    let starts = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
    folded(&a.family) == folded(&b.family)
        && (given(a).is_empty() == given(b).is_empty())
        && starts(&given(a), &given(b))
}

fn same_date(a: &Dtm, b: &Dtm) -> bool {
    // A year and a day of that year say nothing against each other.
    let shorter = a.as_str().len().min(b.as_str().len()).min(8);
    a.as_str()[..shorter] == b.as_str()[..shorter]
}

/// What the document says otherwise than the registry; what either leaves out is no difference.
pub fn differences(inside: &Demographics, patient: &Patient, reader: &Reader) -> Vec<Difference> {
    let texts = reader.texts;
    let mut out = Vec::new();
    let mut differ = |key: &str, in_document: String, in_registry: String| {
        out.push(Difference { what: texts.say(key).to_owned(), in_document, in_registry });
    };
    if let Some(name) = &inside.name
        && !name.is_empty()
        && !patient.name.is_empty()
        && !same_name(name, &patient.name)
    {
        differ("difference.name", name.display(), patient.name.display());
    }
    if let (Some(inside), Some(known)) = (&inside.birth_date, &patient.birth_date)
        && !same_date(inside, known)
    {
        differ("difference.birth_date", reader.day(inside), reader.day(known));
    }
    if let (Some(inside), Some(known)) = (inside.sex, patient.sex)
        && inside != known
        && inside != Sex::Unknown
        && known != Sex::Unknown
    {
        differ("difference.sex", sex(texts, Some(inside)), sex(texts, Some(known)));
    }
    let same_domain = inside.ids.iter().find(|id| id.domain == patient.id.domain);
    if let Some(id) = same_domain
        && !inside.ids.contains(&patient.id)
    {
        differ("difference.id", id.id.clone(), patient.id.id.clone());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{dtm, patient, reader};

    fn inside(name: &str, birth_date: &str, sex: Option<Sex>) -> Demographics {
        Demographics {
            ids: vec![patient().id],
            name: Some(PersonName::from_dicom(name)),
            birth_date: Some(dtm(birth_date)),
            sex,
        }
    }

    #[test]
    fn the_band_says_who_it_is_in_words() {
        let band = IdentityBand::of(&patient(), "/portal/patient/P0001", &reader());
        assert_eq!(
            (band.name.as_str(), band.born.as_str(), band.age.as_str(), band.sex.as_str()),
            ("DURAND, Anne", "12 April 1961", "64 years", "female")
        );
        let unknown = Patient { birth_date: None, sex: None, name: PersonName::default(), ..patient() };
        let band = IdentityBand::of(&unknown, "", &reader());
        assert_eq!((band.name.as_str(), band.born.as_str()), ("name not known", "birth date not known"));
    }

    #[test]
    fn a_former_name_is_a_difference_with_both_values() {
        let found = differences(&inside("MARTIN^Anne", "19610412", Some(Sex::Female)), &patient(), &reader());
        let name =
            Difference { what: "Name".into(), in_document: "MARTIN, Anne".into(), in_registry: "DURAND, Anne".into() };
        assert_eq!(found, [name]);
    }

    #[test]
    fn birth_date_sex_and_identifier_are_compared() {
        let mut wrong = inside("DURAND^Anne", "19610413", Some(Sex::Male));
        wrong.ids[0].id = "P0002".into();
        let whats: Vec<String> = differences(&wrong, &patient(), &reader()).into_iter().map(|d| d.what).collect();
        assert_eq!(whats, ["Birth date", "Sex", "Patient number"]);
    }

    #[test]
    fn another_spelling_or_a_missing_value_is_no_difference() {
        for name in ["Durand^ANNE", "DURAND^Anne^Marie", "DURAND^Anne Marie"] {
            assert!(differences(&inside(name, "1961", Some(Sex::Unknown)), &patient(), &reader()).is_empty(), "{name}");
        }
        assert!(differences(&Demographics::default(), &patient(), &reader()).is_empty());
    }
}
