//! What a node allows, and a search as it was understood. Source: spec/fhir.md sections 2, 9.

use super::{RelationTerm, percent_encode_into};
use model::{DocumentQuery, DocumentType, HomeCommunityId, Oid};

/// What to do with a parameter nobody here understands: `Prefer: handling`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handling {
    /// Leave it out, and say so.
    #[default]
    Lenient,
    Strict,
}

impl Handling {
    /// From the value of a `Prefer` header; anything but `handling=strict` is lenient.
    pub fn from_prefer(header: &str) -> Self {
        let strict = header.split([',', ';']).any(|p| p.trim().eq_ignore_ascii_case("handling=strict"));
        if strict { Handling::Strict } else { Handling::Lenient }
    }
}

/// What the node allows and how the caller asked.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    pub handling: Handling,
    /// The affinity domain: completes `patient.identifier=value` without a system. Absent: such a value is refused.
    pub patient_domain: Option<Oid>,
    /// Public FHIR base: absolute `patient` references below it are this node's own.
    pub fhir_base: Option<String>,
    pub default_count: usize,
    pub max_count: usize,
    /// Kinds of entries answered; ITI-67 has no parameter for it.
    pub document_types: Vec<DocumentType>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions {
            handling: Handling::Lenient,
            patient_domain: None,
            fhir_base: None,
            default_count: 100,
            max_count: 1000,
            document_types: vec![DocumentType::Stable, DocumentType::OnDemand],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    LastUpdated,
    Date,
    Creation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

/// `_total`; MHD wants the accurate number in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    None,
    Estimate,
    Accurate,
}

/// A parameter that was left out, and why; a warning of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    pub parameter: String,
    pub reason: &'static str,
}

/// A search as understood.
#[derive(Clone, Debug, Default)]
pub struct DocumentSearch {
    /// None: nothing can match, the answer is empty. Two: an identifier is a UUID and may be entryUUID or uniqueId;
    /// the answer is the union. Otherwise one.
    pub queries: Vec<DocumentQuery>,
    /// A literal `patient` reference that is not of this node's making: to be resolved to `patient_id` of every query
    /// before it is asked.
    pub patient_reference: Option<String>,
    /// `_count=0` or `_summary=count`: only the number is wanted; `page.size` is 0 then.
    pub count_only: bool,
    pub total: Option<Total>,
    pub sort: Vec<Sort>,
    /// `_format` as it came, a blank in `application/fhir json` put back to `+`.
    pub format: Option<String>,
    /// Opaque position of a next link; such a search need not name anything else.
    pub page_token: Option<String>,
    pub target_communities: Vec<HomeCommunityId>,
    /// Relations that an entry must have, AND of ORs: to be resolved to `entry_ids` of every query before it is asked.
    pub relations: Vec<Vec<RelationTerm>>,
    /// `_include`: the documents that the matches relate to are wanted beside them.
    pub include_related: bool,
    pub ignored: Vec<Ignored>,
    pub(super) understood: Understood,
}

impl DocumentSearch {
    /// The query, when it is one, which is every search but those by UUID and those that match nothing.
    pub fn query(&self) -> Option<&DocumentQuery> {
        match self.queries.as_slice() {
            [query] => Some(query),
            _ => None,
        }
    }

    /// The page asked for.
    pub fn page_size(&self) -> usize {
        self.queries.first().and_then(|q| q.page.as_ref()).map_or(0, |p| p.size)
    }

    /// The self link's query: the parameters as understood, `_count` as it was clamped.
    pub fn self_query(&self) -> String {
        self.understood.query()
    }
}

/// Parameters of a search that count, in order.
#[derive(Clone, Debug, Default)]
pub struct Understood(Vec<(String, String)>);

impl Understood {
    pub(super) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// As a query string.
    pub fn query(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.0 {
            if !out.is_empty() {
                out.push('&');
            }
            percent_encode_into(name, &mut out);
            out.push('=');
            percent_encode_into(value, &mut out);
        }
        out
    }
}
