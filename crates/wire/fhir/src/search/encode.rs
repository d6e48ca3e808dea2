//! [`DocumentQuery`] to an ITI-67 query string, for the consumer side. Source: spec/fhir.md sections 9, 16.

use super::{escape, percent_encode_into};
use crate::datetime::{self, second_after, second_before};
use crate::document_reference::status;
use crate::identifier::{DICOM_UID, of_unique_id};
use crate::systems::{RFC_3986, system_of};
use model::{CodeTerm, DocumentQuery, DtmRange, PeriodMatch, ReferenceId, ReferenceTerm, reference_types};

/// A query string and how faithful it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// `name=value&...`, percent-encoded.
    pub query: String,
    /// False when FHIR could not say everything: keep only the answers that `DocumentQuery::matches`.
    pub exact: bool,
}

/// A query as ITI-67 parameters. What FHIR cannot say is left out, so the answer is never too narrow.
pub fn encode(query: &DocumentQuery) -> Encoded {
    let mut out = Writer { query: String::new(), exact: true };
    if let Some(patient) = &query.patient_id {
        out.add("patient.identifier", &format!("urn:oid:{}|{}", patient.domain, escape(&patient.id)));
    }
    let statuses: Vec<&str> = query.statuses.iter().map(|s| status(*s)).collect();
    out.add("status", &statuses.join(","));
    let token = |system: &str, value: &str| format!("{}|{}", escape(system), escape(value));
    let entry_ids = query.entry_ids.iter().map(|id| token(RFC_3986, id.as_str()));
    out.any("identifier", entry_ids.collect());
    let unique_ids = query.unique_ids.iter().map(|id| {
        let (system, value) = of_unique_id(id);
        token(&system, &value)
    });
    out.any("identifier", unique_ids.collect());
    for terms in &query.reference_ids {
        out.references(terms);
    }
    out.codes("category", &query.class_codes);
    out.codes("type", &query.type_codes);
    out.codes("format", &query.format_codes);
    out.codes("setting", &query.practice_setting_codes);
    out.codes("facility", &query.healthcare_facility_type_codes);
    for terms in &query.event_code_list {
        out.codes("event", terms);
    }
    for terms in &query.confidentiality_codes {
        out.codes("security-label", terms);
    }
    out.range("creation", &query.creation_time);
    for period in &query.periods {
        out.period("period", period);
    }
    for time in &query.submission_time {
        out.period("date", time);
    }
    // Bounds on start and stop as such have no parameter; overlap is the nearest that is never too narrow.
    if let Some(from) = query.service_start_time.from.into_iter().chain(query.service_stop_time.from).max() {
        out.date("period", "ge", from);
        out.exact = false;
    }
    if let Some(to) = query.service_start_time.to.into_iter().chain(query.service_stop_time.to).min() {
        out.date("period", "lt", to);
        out.exact = false;
    }
    out.any("contenttype", query.mime_types.iter().map(|t| escape(t)).collect());
    out.any("language", query.language_codes.iter().map(|t| escape(t)).collect());
    out.any("author.family", query.author_family.iter().map(|n| escape(n)).collect());
    out.any("author.given", query.author_given.iter().map(|n| escape(n)).collect());
    out.exact &= query.author_person.is_empty();
    if let Some(page) = &query.page {
        out.add("_count", &page.size.to_string());
    }
    Encoded { query: out.query, exact: out.exact }
}

struct Writer {
    query: String,
    exact: bool,
}

impl Writer {
    fn add(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if !self.query.is_empty() {
            self.query.push('&');
        }
        percent_encode_into(name, &mut self.query);
        self.query.push('=');
        percent_encode_into(value, &mut self.query);
    }

    fn any(&mut self, name: &str, values: Vec<String>) {
        self.add(name, &values.join(","));
    }

    fn codes(&mut self, name: &str, terms: &[CodeTerm]) {
        let text = |term: &CodeTerm| {
            let code = term.code.as_deref().map(escape).unwrap_or_default();
            match term.scheme.as_deref() {
                None => code,
                Some(scheme) => format!("{}|{code}", system_of(scheme).map(|s| escape(&s)).unwrap_or_default()),
            }
        };
        // A term that says nothing allows everything: then the parameter is not needed.
        if terms.iter().all(|t| t.code.is_some() || t.scheme.as_deref().is_some_and(|s| !s.is_empty())) {
            self.any(name, terms.iter().map(text).collect());
        } else {
            self.exact = false;
        }
    }

    fn references(&mut self, terms: &[ReferenceTerm]) {
        let mut values = Vec::with_capacity(terms.len());
        for term in terms {
            let value = match term {
                ReferenceTerm::Exact(id) => self.reference(id),
                ReferenceTerm::Parts { id: Some(id), authority, kind } => {
                    self.exact &= kind.is_none();
                    match authority.as_deref() {
                        None => escape(id),
                        Some("") => format!("|{}", escape(id)),
                        Some(oid) => format!("urn:oid:{oid}|{}", escape(id)),
                    }
                }
                // A pattern or a type alone: one such alternative makes the whole parameter unsayable.
                ReferenceTerm::Like(_) | ReferenceTerm::Parts { id: None, .. } => {
                    self.exact = false;
                    return;
                }
            };
            values.push(value);
        }
        self.any("related:identifier", values);
    }

    fn reference(&mut self, id: &ReferenceId) -> String {
        if id.kind == reference_types::STUDY_INSTANCE_UID {
            return format!("{DICOM_UID}|urn:oid:{}", escape(&id.id));
        }
        // The type has no place in a token.
        self.exact = false;
        match id.authority.as_ref().and_then(|hd| hd.oid.as_ref()) {
            Some(oid) => format!("urn:oid:{oid}|{}", escape(&id.id)),
            None => escape(&id.id),
        }
    }

    fn range(&mut self, name: &str, range: &DtmRange) {
        if let Some(from) = range.from {
            self.date(name, "ge", from);
        }
        if let Some(to) = range.to {
            self.date(name, "lt", to);
        }
    }

    fn period(&mut self, name: &str, period: &PeriodMatch) {
        if period.negate {
            self.exact = false;
            return;
        }
        if let Some(v) = period.start_at_least {
            self.date(name, "sa", second_before(v));
        }
        if let Some(v) = period.start_at_most {
            self.date(name, "le", v);
        }
        if let Some(v) = period.stop_at_least {
            self.date(name, "ge", v);
        }
        if let Some(v) = period.stop_at_most {
            self.date(name, "eb", second_after(v));
        }
    }

    fn date(&mut self, name: &str, prefix: &str, time: u64) {
        match datetime::from_digits(time) {
            Some(dtm) => self.add(name, &format!("{prefix}{}", datetime::encode(&dtm))),
            None => self.exact = false,
        }
    }
}
