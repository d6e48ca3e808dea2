//! What can be asked of a registry: one query value for ITI-18 and ITI-67, with their AND/OR semantics.
//! Source: ITI TF-2 3.18.4.1.2.3, MHD 2:3.67.4.1.2; spec/xds.md section 16, spec/fhir.md section 9.

use crate::{
    AvailabilityStatus, Code, DocumentEntry, DocumentType, Dtm, ObjectId, PatientId, ReferenceId, UniqueId, fold,
};
use std::fmt;

/// A code to match. XDS always gives both parts; FHIR may leave either out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CodeTerm {
    /// Absent: any code of the scheme.
    pub code: Option<String>,
    /// Absent: any scheme. `Some("")`: only codes without a scheme, which never occur in a registry.
    pub scheme: Option<String>,
}

impl CodeTerm {
    pub fn of(code: impl Into<String>, scheme: impl Into<String>) -> Self {
        CodeTerm { code: Some(code.into()), scheme: Some(scheme.into()) }
    }

    pub fn matches(&self, code: &Code) -> bool {
        self.code.as_ref().is_none_or(|c| *c == code.code) && self.scheme.as_ref().is_none_or(|s| *s == code.scheme)
    }
}

/// A reference id to match. Debug hides numbers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ReferenceTerm {
    /// A whole CXi; compared by [`ReferenceId::match_key`].
    Exact(ReferenceId),
    /// A CXi with `%` or `_`.
    Like(String),
    /// Parts of it, as FHIR's `related:identifier=authority|id` gives them; `authority` is an OID.
    Parts { id: Option<String>, authority: Option<String>, kind: Option<String> },
}

impl fmt::Debug for ReferenceTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReferenceTerm::Exact(reference) => write!(f, "Exact({reference:?})"),
            ReferenceTerm::Like(_) => f.write_str("Like(***)"),
            ReferenceTerm::Parts { authority, kind, .. } => write!(f, "Parts({authority:?} {kind:?})"),
        }
    }
}

impl ReferenceTerm {
    pub fn matches(&self, reference: &ReferenceId) -> bool {
        match self {
            ReferenceTerm::Exact(wanted) => wanted.match_key() == reference.match_key(),
            ReferenceTerm::Like(pattern) => like_matches(pattern, &reference.to_string()),
            ReferenceTerm::Parts { id, authority, kind } => {
                let oid = reference.authority.as_ref().and_then(|hd| hd.oid.as_ref()).map(|o| o.as_str());
                id.as_ref().is_none_or(|id| *id == reference.id)
                    && kind.as_ref().is_none_or(|kind| *kind == reference.kind)
                    && authority.as_ref().is_none_or(|a| match a.as_str() {
                        "" => oid.is_none(),
                        a => oid == Some(a),
                    })
            }
        }
    }
}

/// A half-open range of times in the 14-digit form of [`Dtm::start`]: `from` ≤ value < `to`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DtmRange {
    pub from: Option<u64>,
    pub to: Option<u64>,
}

impl DtmRange {
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    pub fn contains(&self, value: u64) -> bool {
        self.from.is_none_or(|from| from <= value) && self.to.is_none_or(|to| value < to)
    }
}

/// One condition on a time with a start and a stop, from FHIR's `period` and `date`: bounds on both, in the 14-digit form
/// and inclusive. A service without a stop is still running; one without a start began at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeriodMatch {
    pub start_at_least: Option<u64>,
    pub start_at_most: Option<u64>,
    pub stop_at_least: Option<u64>,
    pub stop_at_most: Option<u64>,
    /// `ne`: the whole condition is turned round.
    pub negate: bool,
}

impl PeriodMatch {
    pub fn matches(&self, start: Option<&Dtm>, stop: Option<&Dtm>) -> bool {
        let low = start.map_or(0, Dtm::start);
        let high = stop.map_or(u64::MAX, Dtm::end);
        let inside = self.start_at_least.is_none_or(|v| low >= v)
            && self.start_at_most.is_none_or(|v| low <= v)
            && self.stop_at_least.is_none_or(|v| high >= v)
            && self.stop_at_most.is_none_or(|v| high <= v);
        inside != self.negate
    }
}

/// Where to go on, and how many at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// 0 asks for the number only.
    pub size: usize,
    /// Opaque position a store gave with the previous page.
    pub after: Option<String>,
}

/// Documents of a registry. Every criterion must be met (AND); values inside one `Vec` are alternatives (OR); a
/// `Vec<Vec<_>>` is an AND of ORs. An empty `Vec` and an open range do not restrict.
///
/// It starts from a patient, entryUUIDs, uniqueIds or reference ids: one of the four must be there, so that an index
/// answers it. [`DocumentQuery::is_anchored`] says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentQuery {
    pub patient_id: Option<PatientId>,
    pub entry_ids: Vec<ObjectId>,
    pub unique_ids: Vec<UniqueId>,
    pub reference_ids: Vec<Vec<ReferenceTerm>>,
    pub statuses: Vec<AvailabilityStatus>,
    /// Empty means stable entries only (spec/xds.md 16.3); GetDocuments lists both.
    pub document_types: Vec<DocumentType>,
    /// documentAvailability URNs; an entry without one is online.
    pub document_availabilities: Vec<String>,
    pub class_codes: Vec<CodeTerm>,
    pub type_codes: Vec<CodeTerm>,
    pub format_codes: Vec<CodeTerm>,
    pub practice_setting_codes: Vec<CodeTerm>,
    pub healthcare_facility_type_codes: Vec<CodeTerm>,
    pub event_code_list: Vec<Vec<CodeTerm>>,
    pub confidentiality_codes: Vec<Vec<CodeTerm>>,
    pub creation_time: DtmRange,
    pub service_start_time: DtmRange,
    pub service_stop_time: DtmRange,
    /// All must be met; from FHIR `period`.
    pub periods: Vec<PeriodMatch>,
    /// Conditions on the time of submission, from FHIR `date`: it begins and ends with what its precision covers. All
    /// must be met, and an entry without the time meets none.
    pub submission_time: Vec<PeriodMatch>,
    /// mimeType and languageCode, without regard to case; from FHIR `contenttype` and `language`. ITI-18 has no parameter.
    pub mime_types: Vec<String>,
    pub language_codes: Vec<String>,
    /// LIKE patterns against the whole authorPerson value.
    pub author_person: Vec<String>,
    /// FHIR author.family and author.given: prefix match without regard to case and accents.
    pub author_family: Vec<String>,
    pub author_given: Vec<String>,
    /// Absent: everything, up to the node's limit.
    pub page: Option<Page>,
}

impl DocumentQuery {
    pub fn of_patient(patient_id: PatientId) -> Self {
        DocumentQuery { patient_id: Some(patient_id), ..DocumentQuery::default() }
    }

    pub fn approved(mut self) -> Self {
        self.statuses = vec![AvailabilityStatus::Approved];
        self
    }

    pub fn is_anchored(&self) -> bool {
        self.patient_id.is_some()
            || !self.entry_ids.is_empty()
            || !self.unique_ids.is_empty()
            || self.reference_ids.iter().any(|or| {
                !or.is_empty()
                    && or.iter().all(|term| match term {
                        ReferenceTerm::Exact(_) => true,
                        ReferenceTerm::Parts { id, .. } => id.is_some(),
                        ReferenceTerm::Like(_) => false,
                    })
            })
    }

    /// The meaning of the query, on one entry: what every store must agree with.
    pub fn matches(&self, entry: &DocumentEntry) -> bool {
        let any = |terms: &[CodeTerm], code: &Code| terms.is_empty() || terms.iter().any(|t| t.matches(code));
        let any_text =
            |wanted: &[String], text: &str| wanted.is_empty() || wanted.iter().any(|w| w.eq_ignore_ascii_case(text));
        let all_any = |and: &[Vec<CodeTerm>], codes: &[Code]| {
            and.iter().all(|or| or.is_empty() || codes.iter().any(|c| or.iter().any(|t| t.matches(c))))
        };
        let in_range = |range: &DtmRange, value: Option<&Dtm>| {
            // An entry without the time is not restricted by it (spec/xds.md 16.1).
            range.is_open() || value.is_none_or(|v| range.contains(v.start()))
        };
        let type_ok = if self.document_types.is_empty() {
            !self.entry_ids.is_empty() || !self.unique_ids.is_empty() || entry.document_type == DocumentType::Stable
        } else {
            self.document_types.contains(&entry.document_type)
        };
        self.patient_id.as_ref().is_none_or(|p| *p == entry.patient_id)
            && (self.entry_ids.is_empty() || self.entry_ids.contains(&entry.id))
            && (self.unique_ids.is_empty() || self.unique_ids.contains(&entry.unique_id))
            && self
                .reference_ids
                .iter()
                .all(|or| or.is_empty() || entry.reference_id_list.iter().any(|r| or.iter().any(|t| t.matches(r))))
            && (self.statuses.is_empty() || self.statuses.contains(&entry.availability_status))
            && type_ok
            && (self.document_availabilities.is_empty()
                || self.document_availabilities.iter().any(|wanted| *wanted == entry.availability()))
            && any_text(&self.mime_types, &entry.mime_type)
            && any_text(&self.language_codes, &entry.language_code)
            && any(&self.class_codes, &entry.class_code)
            && any(&self.type_codes, &entry.type_code)
            && any(&self.format_codes, &entry.format_code)
            && any(&self.practice_setting_codes, &entry.practice_setting_code)
            && any(&self.healthcare_facility_type_codes, &entry.healthcare_facility_type_code)
            && all_any(&self.event_code_list, &entry.event_code_list)
            && all_any(&self.confidentiality_codes, &entry.confidentiality_codes)
            && (entry.document_type == DocumentType::OnDemand
                || in_range(&self.creation_time, entry.creation_time.as_ref()))
            && in_range(&self.service_start_time, entry.service_start_time.as_ref())
            && in_range(&self.service_stop_time, entry.service_stop_time.as_ref())
            && self.period_matches(entry)
            && self.submission_matches(entry)
            && self.author_matches(entry)
    }

    fn period_matches(&self, entry: &DocumentEntry) -> bool {
        let start = entry.service_start_time.as_ref();
        // Imaging documents say when the study began and no more. Taken as running since, every study ever made would
        // be found from any day on, so a service without a stop was over when it began (spec/fhir.md 9.3).
        let stop = entry.service_stop_time.as_ref().or(start);
        self.periods.iter().all(|p| p.matches(start, stop))
    }

    fn submission_matches(&self, entry: &DocumentEntry) -> bool {
        let time = entry.submission_time.as_ref();
        self.submission_time.iter().all(|p| time.is_some() && p.matches(time, time))
    }

    fn author_matches(&self, entry: &DocumentEntry) -> bool {
        let persons = || entry.authors.iter().filter_map(|a| a.person.as_ref());
        let starts = |wanted: &[String], component: usize| {
            wanted.is_empty()
                || persons().any(|p| {
                    let value = fold(&p.component(component));
                    wanted.iter().any(|w| value.starts_with(&fold(w)))
                })
        };
        (self.author_person.is_empty()
            || persons().any(|p| self.author_person.iter().any(|pattern| like_matches(pattern, p.as_str()))))
            && starts(&self.author_family, 2)
            && starts(&self.author_given, 3)
    }
}

/// SQL LIKE without escape: `%` any text, `_` one character; case matters. Iterative, so hostile patterns cost at most
/// length x length.
pub fn like_matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '_' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}
