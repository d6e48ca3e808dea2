//! Relations of an ITI-67 search: entries found by what they relate to, and what `_include` asks for beside them.
//! Source: spec/fhir.md sections 2, 9.1; http://hl7.org/fhir/R4/search.html#include.

use actors::{Cx, Refusal, Registry, SilentParty};
use fhir::search::{DocumentSearch, RelationTarget, RelationTerm};
use model::{Association, DocumentEntry, DocumentQuery, DocumentType, ObjectId};
use std::collections::HashSet;

/// Both kinds, whatever their status.
fn any_of(query: DocumentQuery) -> DocumentQuery {
    DocumentQuery { document_types: vec![DocumentType::Stable, DocumentType::OnDemand], ..query }
}

/// Turns the relations of a search into ids of entries, which every query of it then has to meet too.
///
/// Shape: who did not answer. A search that nothing can meet has no queries afterwards.
/// Errors: `TooManyResults` for a relation without a target among too many documents.
pub(super) async fn narrow(
    search: &mut DocumentSearch,
    registry: &dyn Registry,
    cx: &Cx,
) -> Result<Vec<SilentParty>, Refusal> {
    let mut silent = Vec::new();
    for alternatives in std::mem::take(&mut search.relations) {
        let mut terms: Vec<(RelationTerm, Vec<ObjectId>)> = Vec::new();
        for term in alternatives {
            let targets = match &term.target {
                None => Vec::new(),
                Some(RelationTarget::Entry(id)) => vec![id.clone()],
                Some(RelationTarget::Document(unique_id)) => {
                    let query = DocumentQuery { unique_ids: vec![unique_id.clone()], ..DocumentQuery::default() };
                    let found = registry.find(&any_of(query), cx).await?;
                    silent.extend(found.silent);
                    found.items.into_iter().map(|entry| entry.id).collect()
                }
            };
            terms.push((term, targets));
        }
        // Targets lead to their sources; without one, every document the search could mean is asked for its own.
        let mut ends: Vec<ObjectId> = terms.iter().flat_map(|(_, targets)| targets.clone()).collect();
        if terms.iter().any(|(term, _)| term.target.is_none()) {
            for query in &search.queries {
                let found = registry.find(&DocumentQuery { page: None, ..query.clone() }, cx).await?;
                silent.extend(found.silent);
                ends.extend(found.items.into_iter().map(|entry| entry.id));
            }
        }
        let found = registry.associations(&ends, cx).await?;
        silent.extend(found.silent);
        let meets = |a: &&Association| terms.iter().any(|(term, targets)| term.matches(a, targets));
        let sources: HashSet<&ObjectId> = found.items.iter().filter(meets).map(|a| &a.source).collect();
        for query in &mut search.queries {
            if query.entry_ids.is_empty() {
                query.entry_ids = sources.iter().map(|id| (*id).clone()).collect();
            } else {
                query.entry_ids.retain(|id| sources.contains(id));
            }
        }
        search.queries.retain(|query| !query.entry_ids.is_empty());
    }
    Ok(silent)
}

/// What an answer carries beside its matches.
#[derive(Default)]
pub(super) struct Beside {
    pub documents: Vec<DocumentEntry>,
    /// Of the included documents.
    pub associations: Vec<Association>,
    pub silent: Vec<SilentParty>,
}

/// The documents that those of the page relate to, each once, and none that is on the page.
pub(super) async fn related(
    page: &[DocumentEntry],
    associations: &[Association],
    registry: &dyn Registry,
    cx: &Cx,
) -> Result<Beside, Refusal> {
    let mut known: HashSet<&ObjectId> = page.iter().map(|entry| &entry.id).collect();
    let sources = known.clone();
    let leads_away = |a: &&Association| a.kind.is_relationship() && sources.contains(&a.source);
    let mut targets = Vec::new();
    for association in associations.iter().filter(leads_away) {
        if known.insert(&association.target) {
            targets.push(association.target.clone());
        }
    }
    if targets.is_empty() {
        return Ok(Beside::default());
    }
    let query = any_of(DocumentQuery { entry_ids: targets.clone(), ..DocumentQuery::default() });
    let documents = registry.find(&query, cx).await?;
    let associations = registry.associations(&targets, cx).await?;
    let silent = documents.silent.into_iter().chain(associations.silent).collect();
    Ok(Beside { documents: documents.items, associations: associations.items, silent })
}
