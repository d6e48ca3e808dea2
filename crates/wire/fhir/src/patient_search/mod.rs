//! Search strings of ITI-78 to [`PatientQuery`]. Source: PDQm 2:3.78.4.1.2; spec/fhir.md sections 2, 14;
//! http://hl7.org/fhir/R4/search.html.

mod decode;

pub use decode::decode;

use crate::capability::SearchParameter;
use crate::search::{Handling, Ignored};
use model::{Oid, PatientQuery};

/// What the node allows and how the caller asked.
#[derive(Clone, Debug)]
pub struct PatientSearchOptions {
    pub handling: Handling,
    pub default_count: usize,
    pub max_count: usize,
}

/// A search as understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatientSearch {
    /// `page.size` is 0 when only the number is wanted.
    pub query: PatientQuery,
    /// The domains whose identifiers are answered, of `identifier=system|,system|`; absent: all.
    pub domains: Option<Vec<Oid>>,
    /// A domain was chosen whose system is no OID: no domain of ours.
    pub unknown_domain: bool,
    /// A criterion that nobody can meet, such as a resource id that is none of this node's or `active=false`.
    pub nobody: bool,
    pub format: Option<String>,
    /// Opaque position of a next link.
    pub page_token: Option<String>,
    pub ignored: Vec<Ignored>,
    understood: Vec<(String, String)>,
}

impl PatientSearch {
    pub fn page_size(&self) -> usize {
        self.query.page.as_ref().map_or(0, |page| page.size)
    }

    /// The self link's query: the parameters as understood, `_count` as it was clamped.
    pub fn self_query(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.understood {
            if !out.is_empty() {
                out.push('&');
            }
            crate::search::percent_encode_into(name, &mut out);
            out.push('=');
            crate::search::percent_encode_into(value, &mut out);
        }
        out
    }
}

/// The parameters [`decode`] answers, for the CapabilityStatement.
pub const PARAMETERS: &[SearchParameter] = &[
    parameter("_id", "token", "http://hl7.org/fhir/SearchParameter/Resource-id"),
    parameter("active", "token", "http://hl7.org/fhir/SearchParameter/Patient-active"),
    SearchParameter {
        documentation: Some("A list of system| alone chooses the domains whose identifiers are answered."),
        ..parameter("identifier", "token", "http://hl7.org/fhir/SearchParameter/Patient-identifier")
    },
    parameter("family", "string", "http://hl7.org/fhir/SearchParameter/individual-family"),
    parameter("given", "string", "http://hl7.org/fhir/SearchParameter/individual-given"),
    parameter("name", "string", "http://hl7.org/fhir/SearchParameter/Patient-name"),
    parameter("telecom", "token", "http://hl7.org/fhir/SearchParameter/individual-telecom"),
    parameter("birthdate", "date", "http://hl7.org/fhir/SearchParameter/individual-birthdate"),
    parameter("address", "string", "http://hl7.org/fhir/SearchParameter/individual-address"),
    parameter("address-city", "string", "http://hl7.org/fhir/SearchParameter/individual-address-city"),
    parameter("address-country", "string", "http://hl7.org/fhir/SearchParameter/individual-address-country"),
    parameter("address-postalcode", "string", "http://hl7.org/fhir/SearchParameter/individual-address-postalcode"),
    parameter("address-state", "string", "http://hl7.org/fhir/SearchParameter/individual-address-state"),
    parameter("gender", "token", "http://hl7.org/fhir/SearchParameter/individual-gender"),
    parameter(
        "mothersMaidenName",
        "string",
        "http://hl7.org/fhir/SearchParameter/patient-extensions-Patient-mothersMaidenName",
    ),
    SearchParameter {
        documentation: Some("The start of a name or of an identifier; only the first page is answered."),
        ..parameter("_content", "string", "http://hl7.org/fhir/SearchParameter/Resource-content")
    },
];

/// What [`decode`] takes beside criteria.
pub const RESULT_PARAMETERS: &[&str] = &["_count", "_summary", "_total", "_format", "_pretty"];

const fn parameter(name: &'static str, kind: &'static str, definition: &'static str) -> SearchParameter {
    SearchParameter { name, kind, definition: Some(definition), documentation: None }
}
