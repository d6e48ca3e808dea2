//! What can be asked of an identity manager: one query value for ITI-78 and for the candidates of ITI-119.
//! Source: PDQm 2:3.78.4.1.2; spec/fhir.md section 14.

use crate::{Address, DtmRange, Oid, Page, Patient, PatientId, Sex, Telecom, TelecomSystem, fold, starts};
use std::fmt;

/// How a text is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextMode {
    /// The value, or a word in it, starts so; case and accents do not count.
    Start,
    /// The whole value, as it is written.
    Exact,
    /// Somewhere in the value; case and accents do not count.
    Contains,
}

/// A text to match. Debug hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TextTerm {
    mode: TextMode,
    /// As it came when exact, folded otherwise.
    text: String,
}

impl TextTerm {
    pub fn new(mode: TextMode, text: &str) -> Self {
        let text = if mode == TextMode::Exact { text.to_owned() } else { fold(text) };
        TextTerm { mode, text }
    }

    pub fn mode(&self) -> TextMode {
        self.mode
    }

    pub fn matches(&self, value: &str) -> bool {
        match self.mode {
            TextMode::Exact => value == self.text,
            TextMode::Contains => fold(value).contains(&self.text),
            TextMode::Start => {
                let value = fold(value);
                self.text.is_empty() && !value.is_empty() || starts(&value).any(|part| part.starts_with(&self.text))
            }
        }
    }

    /// What the folded value, or the rest of it from some word on, has to start with. `None` when nothing is known of it.
    pub fn prefix(&self) -> Option<String> {
        match self.mode {
            TextMode::Start => Some(self.text.clone()),
            TextMode::Exact => Some(fold(&self.text)),
            TextMode::Contains => None,
        }
        .filter(|prefix| !prefix.is_empty())
    }
}

impl fmt::Debug for TextTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(***)", self.mode)
    }
}

/// An identifier to match. Debug hides the number.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum PatientIdTerm {
    /// Exactly this one.
    Exact(PatientId),
    /// This number, of whatever domain.
    AnyDomain(String),
    /// Any identifier of this domain.
    Domain(Oid),
    /// The identifier that is the patient's own here, which is what a resource id stands for.
    Own(PatientId),
}

impl PatientIdTerm {
    pub fn matches(&self, patient: &Patient) -> bool {
        match self {
            PatientIdTerm::Exact(id) => patient.ids().any(|other| other == id),
            PatientIdTerm::AnyDomain(id) => patient.ids().any(|other| other.id == *id),
            PatientIdTerm::Domain(domain) => patient.ids().any(|other| other.domain == *domain),
            PatientIdTerm::Own(id) => patient.id == *id,
        }
    }
}

impl fmt::Debug for PatientIdTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatientIdTerm::Exact(id) => write!(f, "Exact({id:?})"),
            PatientIdTerm::AnyDomain(_) => f.write_str("AnyDomain(***)"),
            PatientIdTerm::Domain(domain) => write!(f, "Domain({domain})"),
            PatientIdTerm::Own(id) => write!(f, "Own({id:?})"),
        }
    }
}

/// A number or address on the net to match; `system` absent: any. Debug hides the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TelecomTerm {
    pub system: Option<TelecomSystem>,
    /// Absent: any of the system.
    pub value: Option<String>,
}

impl TelecomTerm {
    pub fn matches(&self, telecom: &Telecom) -> bool {
        self.system.is_none_or(|system| system == telecom.system)
            && self.value.as_ref().is_none_or(|value| {
                Telecom::match_key(telecom.system, value) == Telecom::match_key(telecom.system, &telecom.value)
            })
    }
}

impl fmt::Debug for TelecomTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TelecomTerm({:?})", self.system)
    }
}

/// What a year is in times of 14 digits.
const YEAR: u64 = 10_000_000_000;

/// A condition on the birth date, which is known to a day, a month or a year.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum BirthDateTerm {
    /// All of the birth date lies within: first second, and the second after the last.
    Within(u64, u64),
    /// Not so.
    NotWithin(u64, u64),
    /// Some of it lies before this second.
    Before(u64),
    /// Some of it lies at or after this second.
    From(u64),
    /// All of it lies before, or at or after this second.
    AllBefore(u64),
    AllFrom(u64),
    /// They share a second.
    Overlaps(u64, u64),
}

impl BirthDateTerm {
    pub fn matches(self, first: u64, last: u64) -> bool {
        match self {
            BirthDateTerm::Within(from, to) => from <= first && last < to,
            BirthDateTerm::NotWithin(from, to) => !(from <= first && last < to),
            BirthDateTerm::Before(to) => first < to,
            BirthDateTerm::From(from) => last >= from,
            BirthDateTerm::AllBefore(to) => last < to,
            BirthDateTerm::AllFrom(from) => first >= from,
            BirthDateTerm::Overlaps(from, to) => first < to && last >= from,
        }
    }

    /// Where the first second of a date that matches can lie; open when nothing is known.
    pub fn first_second(self) -> DtmRange {
        match self {
            BirthDateTerm::Within(from, to) => DtmRange { from: Some(from), to: Some(to) },
            BirthDateTerm::Before(to) | BirthDateTerm::AllBefore(to) => DtmRange { from: None, to: Some(to) },
            BirthDateTerm::AllFrom(from) => DtmRange { from: Some(from), to: None },
            // A date that is known to the year only began at most a year before.
            BirthDateTerm::Overlaps(from, to) => DtmRange { from: Some(from - from % YEAR), to: Some(to) },
            BirthDateTerm::From(from) => DtmRange { from: Some(from - from % YEAR), to: None },
            BirthDateTerm::NotWithin(..) => DtmRange::default(),
        }
    }
}

impl fmt::Debug for BirthDateTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDateTerm(***)")
    }
}

/// Whether a text is the start of the patient's own identifier, or of the family name and, behind a blank or comma, of the
/// given name. Case and accents of names do not count.
pub fn begins(patient: &Patient, text: &str) -> bool {
    const SPLITS: usize = 8;
    let text = text.trim();
    let starts = |value: &str, start: &str| fold(value).starts_with(&fold(start));
    let name = &patient.name;
    // The whole text first: `van Dyke` is a family name.
    patient.id.id.starts_with(text)
        || starts(&name.family, text)
        || text.match_indices([' ', ',']).take(SPLITS).any(|(at, _)| {
            let family = text[..at].trim_end_matches([' ', ',']);
            let given = text[at..].trim_matches([' ', ',']);
            !family.is_empty() && starts(&name.family, family) && starts(&name.given, given)
        })
}

/// Lists of alternatives, of each of which one has to match.
pub type AllOf<T> = Vec<Vec<T>>;

/// Criteria of a search for patients, all of which must be met; without any, every patient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatientQuery {
    pub ids: AllOf<PatientIdTerm>,
    pub family: AllOf<TextTerm>,
    /// Any given name, the first or another.
    pub given: AllOf<TextTerm>,
    /// Any part of the name.
    pub name: AllOf<TextTerm>,
    pub mothers_maiden_name: AllOf<TextTerm>,
    /// Any part of an address.
    pub address: AllOf<TextTerm>,
    pub city: AllOf<TextTerm>,
    pub state: AllOf<TextTerm>,
    pub postal_code: AllOf<TextTerm>,
    pub country: AllOf<TextTerm>,
    pub telecom: AllOf<TelecomTerm>,
    pub birth_date: AllOf<BirthDateTerm>,
    pub sex: AllOf<Sex>,
    /// Each as [`begins`] compares it: what somebody has typed so far.
    pub begins: Vec<String>,
    /// Absent: all. Of size 0: only how many there are.
    pub page: Option<Page>,
}

impl PatientQuery {
    /// Patients with this identifier, whichever domain it is of.
    pub fn of_id(id: PatientId) -> Self {
        PatientQuery { ids: vec![vec![PatientIdTerm::Exact(id)]], ..PatientQuery::default() }
    }

    /// True when the patient meets every criterion. This is the meaning; indexes only lead to candidates.
    pub fn matches(&self, patient: &Patient) -> bool {
        fn all<T>(lists: &AllOf<T>, mut one: impl FnMut(&T) -> bool) -> bool {
            lists.iter().all(|alternatives| alternatives.iter().any(&mut one))
        }
        let (name, details) = (&patient.name, &patient.details);
        let given = || std::iter::once(name.given.as_str()).chain(name.middle.split(' '));
        let in_addresses = |lists: &AllOf<TextTerm>, part: fn(&Address) -> &str| {
            all(lists, |term| details.addresses.iter().any(|a| !part(a).is_empty() && term.matches(part(a))))
        };
        let birth = patient.birth_date.as_ref().map(|date| (date.start(), date.end()));
        all(&self.ids, |term| term.matches(patient))
            && all(&self.family, |term| term.matches(&name.family))
            && all(&self.given, |term| given().any(|part| term.matches(part)))
            && all(&self.name, |term| {
                let parts = [&name.family, &name.prefix, &name.suffix];
                given().chain(parts.into_iter().map(String::as_str)).any(|part| term.matches(part))
            })
            && all(&self.mothers_maiden_name, |term| term.matches(&details.mothers_maiden_name))
            && all(&self.address, |term| details.addresses.iter().flat_map(Address::parts).any(|p| term.matches(p)))
            && in_addresses(&self.city, |a| &a.city)
            && in_addresses(&self.state, |a| &a.state)
            && in_addresses(&self.postal_code, |a| &a.postal_code)
            && in_addresses(&self.country, |a| &a.country)
            && all(&self.telecom, |term| details.telecoms.iter().any(|t| term.matches(t)))
            && all(&self.birth_date, |term| birth.is_some_and(|(first, last)| term.matches(first, last)))
            && all(&self.sex, |sex| patient.sex == Some(*sex))
            && self.begins.iter().all(|text| begins(patient, text))
    }
}
