//! The patient of a search: `patient`, `subject` and their identifiers, chained or as a modifier.
//! Source: spec/fhir.md sections 8, 9.1, 9.2; field case B-053.

use super::token::{self, Token};
use super::{SearchError, SearchOptions, unescape};
use crate::identifier::patient_id;
use crate::patient::id_of_reference;
use model::PatientId;

/// Whom a search is about, as far as it is read.
#[derive(Default)]
pub(super) struct Subject {
    pub id: Option<PatientId>,
    /// A literal reference that is not of this node's making.
    pub reference: Option<String>,
    /// Nobody can be meant: the answer is empty.
    pub nobody: bool,
}

impl Subject {
    /// Takes one parameter. `None`: it is not about the patient.
    pub(super) fn read(&mut self, name: &str, value: &str, options: &SearchOptions) -> Option<Result<(), SearchError>> {
        match name {
            "patient" | "subject" | "patient:Patient" | "subject:Patient" => Some(self.patient(name, value, options)),
            "patient.identifier"
            | "patient:identifier"
            | "subject.identifier"
            | "subject:identifier"
            | "patient:Patient.identifier"
            | "subject:Patient.identifier" => Some(self.identifier(name, value, options)),
            _ => None,
        }
    }

    fn patient(&mut self, name: &str, value: &str, options: &SearchOptions) -> Result<(), SearchError> {
        // Clients without chaining send the identifier here.
        if value.contains('|') {
            return self.identifier(name, value, options);
        }
        let references = token::alternatives(name, value)?;
        let [reference] = references.as_slice() else {
            return Err(SearchError::not_supported(name, "must name one patient", ""));
        };
        let reference =
            if reference.contains('/') { unescape(reference) } else { format!("Patient/{}", unescape(reference)) };
        // An absolute reference may be another server's patient, even when its id looks like ours.
        let base = options.fhir_base.as_deref().map(|b| b.trim_end_matches('/'));
        let below = base.and_then(|b| reference.strip_prefix(b)).is_some_and(|rest| rest.starts_with("/Patient/"));
        let own = below || !reference.contains("://");
        match id_of_reference(&reference).filter(|_| own) {
            Some(id) => self.one(id),
            None if self.reference.as_ref().is_some_and(|before| *before != reference) => {
                return Err(SearchError::not_supported(name, "must name one patient", ""));
            }
            None => self.reference = Some(reference),
        }
        Ok(())
    }

    // B-053: with a system that patient, `|v` nobody (our patients all have a system), `v` the affinity domain's.
    fn identifier(&mut self, name: &str, value: &str, options: &SearchOptions) -> Result<(), SearchError> {
        let mut found: Vec<PatientId> = Vec::new();
        for Token { system, value } in token::tokens(name, value)? {
            let Some(value) = value else {
                let rule = "must have an identifier after the system: all documents of a domain are not a search";
                return Err(SearchError::not_supported(name, rule, ""));
            };
            let id = match system.as_deref() {
                Some("") => None,
                // A system that is no OID names no patient of ours; it must never widen the search.
                Some(system) => patient_id(system, &value),
                None => {
                    let domain = options.patient_domain.clone().ok_or_else(|| {
                        SearchError::value(name, "must have the form system|value, with urn:oid: as the system", "")
                    })?;
                    Some(PatientId::new(value.trim(), domain))
                }
            };
            found.extend(id.filter(|id| !found.contains(id)));
        }
        match found.len() {
            0 => self.nobody = true,
            1 => self.one(found.remove(0)),
            _ => return Err(SearchError::not_supported(name, "must name one patient", "")),
        }
        Ok(())
    }

    fn one(&mut self, id: PatientId) {
        match &self.id {
            Some(before) if *before != id => self.nobody = true,
            _ => self.id = Some(id),
        }
    }
}
