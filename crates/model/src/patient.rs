//! Who a document is about: demographics as the identity feed knows them, and as a source once wrote them.
//! Source: ITI TF-3 4.2.3.2.23 (sourcePatientInfo), ITI-44, ITI-104.

use crate::{Dtm, Invalid, PatientDetails, PatientId, escape, split_escaped, unescape};
use std::fmt;

/// Administrative sex: HL7 M, F, O, U.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sex {
    Male,
    Female,
    Other,
    Unknown,
}

impl Sex {
    pub fn code(self) -> &'static str {
        match self {
            Sex::Male => "M",
            Sex::Female => "F",
            Sex::Other => "O",
            Sex::Unknown => "U",
        }
    }

    /// `None` for anything but M, F, O, U.
    pub fn from_code(code: &str) -> Option<Self> {
        match code.trim() {
            "M" => Some(Sex::Male),
            "F" => Some(Sex::Female),
            "O" => Some(Sex::Other),
            "U" => Some(Sex::Unknown),
            _ => None,
        }
    }
}

/// A person's name. Debug hides it. DICOM orders prefix before suffix, HL7 suffix before prefix.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct PersonName {
    pub family: String,
    pub given: String,
    pub middle: String,
    pub prefix: String,
    pub suffix: String,
}

impl PersonName {
    /// From the alphabetic group of a DICOM PN (`family^given^middle^prefix^suffix`).
    pub fn from_dicom(pn: &str) -> Self {
        let group = pn.split('=').next().unwrap_or("");
        let mut parts = group.split('^').map(|p| p.trim().to_owned());
        let mut next = || parts.next().unwrap_or_default();
        PersonName { family: next(), given: next(), middle: next(), prefix: next(), suffix: next() }
    }

    pub fn to_dicom(&self) -> String {
        let text = [&self.family, &self.given, &self.middle, &self.prefix, &self.suffix].map(|s| s.as_str()).join("^");
        text.trim_end_matches('^').to_owned()
    }

    /// From an HL7 XPN (`family^given^middle^suffix^prefix`); subcomponents of the family name are dropped.
    pub fn from_hl7(xpn: &str) -> Self {
        let parts = split_escaped(xpn, '^');
        let part = |i: usize| parts.get(i).map(|p| unescape(p)).unwrap_or_default();
        let family = parts.first().map(|p| unescape(p.split('&').next().unwrap_or(""))).unwrap_or_default();
        PersonName { family, given: part(1), middle: part(2), suffix: part(3), prefix: part(4) }
    }

    pub fn to_hl7(&self) -> String {
        let text = [&self.family, &self.given, &self.middle, &self.suffix, &self.prefix].map(|s| escape(s)).join("^");
        text.trim_end_matches('^').to_owned()
    }

    /// `FAMILY, Given Middle`, as pages show it.
    pub fn display(&self) -> String {
        let mut given = vec![self.prefix.as_str(), self.given.as_str(), self.middle.as_str(), self.suffix.as_str()];
        given.retain(|p| !p.is_empty());
        match (self.family.is_empty(), given.is_empty()) {
            (true, true) => String::new(),
            (false, true) => self.family.to_uppercase(),
            (true, false) => given.join(" "),
            (false, false) => format!("{}, {}", self.family.to_uppercase(), given.join(" ")),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.family.is_empty() && self.given.is_empty() && self.middle.is_empty()
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(***)")
    }
}

/// A patient as the identity feed made it known. Debug hides demographics.
#[derive(Clone, PartialEq, Eq)]
pub struct Patient {
    pub id: PatientId,
    /// Identifiers of the same person in other domains.
    pub other_ids: Vec<PatientId>,
    pub name: PersonName,
    /// Day precision, or less where the source knew less.
    pub birth_date: Option<Dtm>,
    pub sex: Option<Sex>,
    pub details: PatientDetails,
}

impl Patient {
    /// Its own identifier, then those of other domains.
    pub fn ids(&self) -> impl Iterator<Item = &PatientId> {
        std::iter::once(&self.id).chain(&self.other_ids)
    }
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Patient({:?})", self.id)
    }
}

/// sourcePatientInfo: lines `PID-n|value` exactly as submitted; never rewritten.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct SourcePatientInfo(pub Vec<String>);

impl SourcePatientInfo {
    pub fn of(ids: &[PatientId], name: &PersonName, birth_date: Option<&Dtm>, sex: Option<Sex>) -> Self {
        let mut lines: Vec<String> = ids.iter().map(|id| format!("PID-3|{id}")).collect();
        if !name.is_empty() {
            lines.push(format!("PID-5|{}", name.to_hl7()));
        }
        if let Some(date) = birth_date {
            lines.push(format!("PID-7|{}", date.as_str().chars().take(8).collect::<String>()));
        }
        if let Some(sex) = sex {
            lines.push(format!("PID-8|{}", sex.code()));
        }
        SourcePatientInfo(lines)
    }

    /// Values of one PID field, repetitions separated.
    pub fn field<'a>(&'a self, n: u8) -> impl Iterator<Item = &'a str> + 'a {
        self.0
            .iter()
            .filter_map(move |line| {
                let rest = line.strip_prefix("PID-")?;
                let (number, value) = rest.split_once('|')?;
                (number.parse() == Ok(n)).then_some(value)
            })
            .flat_map(|value| value.split('~'))
            .filter(|value| !value.is_empty())
    }

    pub fn ids(&self) -> Vec<PatientId> {
        self.field(3).filter_map(|text| PatientId::parse(text).ok()).collect()
    }

    pub fn name(&self) -> Option<PersonName> {
        self.field(5).next().map(PersonName::from_hl7)
    }

    /// Birth date to the day; a time behind it is cut off.
    pub fn birth_date(&self) -> Option<Dtm> {
        self.field(7).next().and_then(|text| Dtm::parse(&text.chars().take(8).collect::<String>()).ok())
    }

    pub fn sex(&self) -> Option<Sex> {
        self.field(8).next().and_then(Sex::from_code)
    }

    pub(crate) fn validate(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        for line in &self.0 {
            let ok = line
                .strip_prefix("PID-")
                .and_then(|rest| rest.split_once('|'))
                .is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
            if !ok {
                let start: String = line.chars().take(8).collect();
                found.push(Invalid::new("sourcePatientInfo", "must have values of the form PID-n|value", start));
            }
        }
        for n in [7, 8] {
            if self.field(n).count() > 1 {
                found.push(Invalid::new("sourcePatientInfo", format!("may have PID-{n} at most once"), ""));
            }
        }
        found
    }
}

impl fmt::Debug for SourcePatientInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourcePatientInfo({} lines)", self.0.len())
    }
}
