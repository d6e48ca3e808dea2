//! Searching by relations: `relatesto`, `relation`, `relationship` of a DocumentReference.
//! Source: spec/fhir.md sections 5.3, 9.1; http://hl7.org/fhir/R4/documentreference.html#search.

use super::parameters::{split_unescaped, unescape};
use super::{SearchError, token};
use crate::document_reference::relation_codes;
use crate::identifier::{object_id, to_unique_id};
use model::{Association, ObjectId, UniqueId};

/// The other document of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelationTarget {
    Entry(ObjectId),
    /// To be resolved to the entries that carry it.
    Document(UniqueId),
}

/// One relation to match: an entry meets it when it is the source of an association of this code to this target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationTerm {
    /// As in `relatesTo.code`. Absent: any.
    pub code: Option<String>,
    /// Absent: any.
    pub target: Option<RelationTarget>,
}

impl RelationTerm {
    /// `targets`: the entries that [`RelationTerm::target`] means.
    pub fn matches(&self, association: &Association, targets: &[ObjectId]) -> bool {
        let codes = relation_codes(association.kind);
        let code_ok = self.code.as_ref().map_or(!codes.is_empty(), |code| codes.contains(&code.as_str()));
        code_ok && (self.target.is_none() || targets.contains(&association.target))
    }
}

const SYSTEM: &str = "http://hl7.org/fhir/document-relationship-type";

/// `relatesto`: `DocumentReference/id`, `id`, or an address below our own base; of another server no document is known
/// here.
pub(super) fn relates_to(name: &str, value: &str, fhir_base: Option<&str>) -> Result<Vec<RelationTerm>, SearchError> {
    let references = token::alternatives(name, value)?;
    let targets = references.into_iter().filter_map(|text| entry(&unescape(text), fhir_base));
    Ok(targets.map(|target| RelationTerm { code: None, target: Some(target) }).collect())
}

/// `relatesto:identifier`: the masterIdentifier or the entryUUID of the other document.
pub(super) fn relates_to_identifier(name: &str, value: &str) -> Result<Vec<RelationTerm>, SearchError> {
    let mut terms = Vec::new();
    for token in token::tokens(name, value)? {
        let Some(text) = token.value.as_deref() else {
            return Err(SearchError::not_supported(name, "must have a value after the system", ""));
        };
        let entry = ObjectId::parse(text).ok().filter(ObjectId::is_uuid).map(RelationTarget::Entry);
        let document = to_unique_id(token.system.as_deref(), Some(text)).map(RelationTarget::Document);
        let targets = entry.into_iter().chain(document);
        terms.extend(targets.map(|target| RelationTerm { code: None, target: Some(target) }));
    }
    Ok(terms)
}

/// `relation`: a code of document-relationship-type. A code that R4 does not have is related to nothing.
pub(super) fn relation(name: &str, value: &str) -> Result<Vec<RelationTerm>, SearchError> {
    let tokens = token::tokens(name, value)?.into_iter();
    let known = tokens.filter(|token| token.system.as_deref().is_none_or(|system| system == SYSTEM));
    Ok(known.map(|token| RelationTerm { code: token.value, target: None }).collect())
}

/// `relationship`: both in one relation, as `reference$code`.
pub(super) fn relationship(name: &str, value: &str, fhir_base: Option<&str>) -> Result<Vec<RelationTerm>, SearchError> {
    let mut terms = Vec::new();
    for alternative in token::alternatives(name, value)? {
        let parts = split_unescaped(alternative, '$');
        let [reference, code] = parts.as_slice() else {
            return Err(SearchError::value(name, "must have the form reference$code", alternative));
        };
        let Some(target) = entry(&unescape(reference), fhir_base) else { continue };
        let codes = relation(name, code)?.into_iter().map(|term| term.code);
        terms.extend(codes.map(|code| RelationTerm { code, target: Some(target.clone()) }));
    }
    Ok(terms)
}

fn entry(reference: &str, fhir_base: Option<&str>) -> Option<RelationTarget> {
    let base = fhir_base.map(|base| base.trim_end_matches('/'));
    let relative = match base.and_then(|base| reference.strip_prefix(base)) {
        Some(rest) => rest.strip_prefix('/')?,
        None if reference.contains("://") => return None,
        None => reference,
    };
    let id = relative.strip_prefix("DocumentReference/").unwrap_or(relative);
    object_id(id).map(RelationTarget::Entry)
}
