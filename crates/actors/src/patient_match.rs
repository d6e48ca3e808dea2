//! Who is probably meant by a description of a person, for ITI-119. Source: PDQm 2:3.119; the rule is ours.
//!
//! **The rule.** Each thing that the description names has a weight, and agrees with a patient from 0 to 1. The score is
//! the sum of weight times agreement over the sum of the weights.
//!
//! | what | weight | agreement |
//! |---|---|---|
//! | an identifier | 40 | 1 the same; 0 another one of that domain; not counted when the patient has none of the domain |
//! | family name | 20 | 1 equal without case and accents; 0.7 one letter differs, or one is the start of the other |
//! | birth date | 20 | 1 equal, or equal as far as both are known; 0.5 two of year, month and day equal |
//! | given name | 12 | as the family name; 0.7 for an initial |
//! | gender | 4 | 1 equal, 0 not |
//! | address | 4 | share of city, postal code, state and country that is equal, of those the description has |
//!
//! What the patient has no value for agrees by half. Names and birth dates are shared by people, so that without an
//! identifier that agrees no score is above 0.94. Grades: certain from 0.95, probable from 0.8, possible from 0.5; what
//! is below is not answered.

use crate::{Cx, Found, Identity, Refusal};
use model::{
    Address, BirthDateTerm, Dtm, Page, Patient, PatientDetails, PatientId, PatientIdTerm, PatientQuery, PersonName,
    Sex, TextMode, TextTerm, fold,
};

/// A person as somebody describes it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Description {
    pub ids: Vec<PatientId>,
    pub name: PersonName,
    pub birth_date: Option<Dtm>,
    pub sex: Option<Sex>,
    pub details: PatientDetails,
}

impl Description {
    /// True when nothing in it leads to anybody: neither an identifier nor a family name nor a birth date.
    pub fn leads_nowhere(&self) -> bool {
        self.ids.is_empty() && self.name.family.trim().is_empty() && self.birth_date.is_none()
    }
}

/// How sure a match is. Source: http://hl7.org/fhir/R4/valueset-match-grade.html.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchGrade {
    Possible,
    Probable,
    Certain,
}

impl MatchGrade {
    pub fn code(self) -> &'static str {
        match self {
            MatchGrade::Possible => "possible",
            MatchGrade::Probable => "probable",
            MatchGrade::Certain => "certain",
        }
    }

    /// `None` below what is answered.
    fn of(thousandths: u32) -> Option<Self> {
        match thousandths {
            950.. => Some(MatchGrade::Certain),
            800.. => Some(MatchGrade::Probable),
            500.. => Some(MatchGrade::Possible),
            _ => None,
        }
    }
}

/// A patient that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientMatch {
    pub patient: Patient,
    /// 500 to 1000.
    pub thousandths: u32,
    pub grade: MatchGrade,
}

/// Most patients that one criterion brings to be compared. A family name that more people have than that needs a birth
/// date or an identifier beside it to find all of them.
const CANDIDATES: usize = 500;

/// Everybody who may be meant, best first; equal scores in the order in which they became known.
///
/// Errors: those of [`Identity::query`].
pub async fn matches(
    identity: &dyn Identity,
    described: &Description,
    cx: &Cx,
) -> Result<Found<PatientMatch>, Refusal> {
    let any = PatientQuery { page: Some(Page { size: CANDIDATES, after: None }), ..PatientQuery::default() };
    let mut queries = Vec::new();
    if !described.ids.is_empty() {
        let ids = described.ids.iter().take(20).cloned().map(PatientIdTerm::Exact).collect();
        queries.push(PatientQuery { ids: vec![ids], ..any.clone() });
    }
    let birth = described
        .birth_date
        .as_ref()
        .map(|date| vec![vec![BirthDateTerm::Overlaps(date.start(), date.end().saturating_add(1))]]);
    // The first two letters: one that is wrong comes later more often than not, and the birth date finds the others.
    let family: String = fold(&described.name.family).chars().take(2).collect();
    if !family.is_empty() {
        let start = vec![vec![TextTerm::new(TextMode::Start, &family)]];
        let whole = vec![vec![TextTerm::new(TextMode::Start, &described.name.family)]];
        queries.push(PatientQuery { family: whole, ..any.clone() });
        if let Some(birth) = &birth {
            queries.push(PatientQuery { family: start, birth_date: birth.clone(), ..any.clone() });
        }
    }
    if let Some(birth_date) = birth {
        queries.push(PatientQuery { birth_date, ..any });
    }
    let mut candidates: Vec<Patient> = Vec::new();
    let mut silent = Vec::new();
    for query in &queries {
        let found = identity.query(query, cx).await?;
        for patient in found.items {
            if !candidates.iter().any(|known| known.id == patient.id) {
                candidates.push(patient);
            }
        }
        silent.extend(found.silent);
    }
    let scored = candidates.into_iter().filter_map(|patient| {
        let thousandths = score(described, &patient);
        Some(PatientMatch { grade: MatchGrade::of(thousandths)?, patient, thousandths })
    });
    let mut matches: Vec<PatientMatch> = scored.collect();
    matches.sort_by_key(|found| std::cmp::Reverse(found.thousandths));
    Ok(Found { silent, ..Found::all(matches) })
}

/// The score by the rule of this file, in thousandths.
pub fn score(described: &Description, patient: &Patient) -> u32 {
    // Weight, and agreement in hundredths.
    let mut parts: Vec<(u32, u32)> = Vec::new();
    let agree = |known: bool, agreement: u32| if known { agreement } else { 50 };
    let id = identifiers(&described.ids, patient);
    parts.extend(id.map(|agreement| (40, agreement)));
    let (asked, known) = (&described.name, &patient.name);
    if !asked.family.trim().is_empty() {
        parts.push((20, agree(!known.family.is_empty(), text(&asked.family, &known.family))));
    }
    if !asked.given.trim().is_empty() {
        let others =
            std::iter::once(known.given.as_str()).chain(known.middle.split(' ')).filter(|name| !name.is_empty());
        let best = others.map(|name| text(&asked.given, name)).max();
        parts.push((12, best.unwrap_or(50)));
    }
    if let Some(asked) = &described.birth_date {
        parts.push((20, patient.birth_date.as_ref().map_or(50, |known| date(asked, known))));
    }
    if let Some(asked) = described.sex.filter(|sex| *sex != Sex::Unknown) {
        parts.push((4, patient.sex.map_or(50, |known| if known == asked { 100 } else { 0 })));
    }
    if let Some(asked) = described.details.addresses.first().filter(|address| has_place(address)) {
        let best = patient.details.addresses.iter().map(|known| place(asked, known)).max();
        parts.push((4, best.unwrap_or(50)));
    }
    let weights: u32 = parts.iter().map(|(weight, _)| weight).sum();
    if weights == 0 {
        return 0;
    }
    let sum: u32 = parts.iter().map(|(weight, agreement)| weight * agreement).sum();
    let thousandths = sum * 10 / weights;
    if id == Some(100) { thousandths } else { thousandths.min(940) }
}

/// `None` when the patient has no identifier of any domain that is named.
fn identifiers(asked: &[PatientId], patient: &Patient) -> Option<u32> {
    if asked.iter().any(|id| patient.ids().any(|known| known == id)) {
        return Some(100);
    }
    asked.iter().any(|id| patient.ids().any(|known| known.domain == id.domain)).then_some(0)
}

fn text(asked: &str, known: &str) -> u32 {
    let (asked, known) = (fold(asked), fold(known));
    match () {
        () if asked == known => 100,
        () if asked.starts_with(&known) || known.starts_with(&asked) || one_letter_apart(&asked, &known) => 70,
        () => 0,
    }
}

/// One letter is another, missing, or more.
fn one_letter_apart(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let (short, long) = if left.len() <= right.len() { (&left, &right) } else { (&right, &left) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long.iter()).take_while(|(a, b)| a == b).count();
    let rest = if short.len() == long.len() { same + 1 } else { same };
    short.get(rest..).unwrap_or_default() == long.get(same + 1..).unwrap_or_default()
}

fn date(asked: &Dtm, known: &Dtm) -> u32 {
    let (asked, known) = (asked.as_str(), known.as_str());
    if asked.starts_with(known) || known.starts_with(asked) {
        return 100;
    }
    let same = [(0, 4), (4, 6), (6, 8)]
        .into_iter()
        .filter(|(from, to)| asked.get(*from..*to).is_some_and(|part| known.get(*from..*to) == Some(part)));
    if same.count() >= 2 { 50 } else { 0 }
}

fn parts(address: &Address) -> [&str; 4] {
    [&address.city, &address.postal_code, &address.state, &address.country].map(String::as_str)
}

fn has_place(address: &Address) -> bool {
    parts(address).iter().any(|part| !part.is_empty())
}

fn place(asked: &Address, known: &Address) -> u32 {
    let pairs = || parts(asked).into_iter().zip(parts(known)).filter(|(asked, _)| !asked.is_empty());
    let same = pairs().filter(|(asked, known)| fold(asked) == fold(known)).count() as u32;
    same * 100 / (pairs().count().max(1) as u32)
}
