//! ITI-18 requests: stored queries with their parameters. Source: spec/xds.md section 16; ITI TF-2 3.18.4.1.2.

mod coding;
mod decode;
mod encode;
mod parameters;

use model::{
    AvailabilityStatus, CodeTerm, DocumentQuery, HomeCommunityId, Invalid, ObjectNames, ReferenceTerm, RegistryQuery,
    StoredQuery, escape,
};

pub use decode::decode_query;
pub use encode::encode_query;

/// What the answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReturnType {
    /// Whole objects.
    LeafClass,
    /// Their ids.
    ObjectRef,
}

/// q:AdhocQueryRequest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryRequest {
    pub query: RegistryQuery,
    pub return_type: ReturnType,
    /// The community asked, as a gateway needs it.
    pub home_community_id: Option<HomeCommunityId>,
}

/// Why a query is refused. The edge chooses the code; the text is its context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The body is no q:AdhocQueryRequest: a SOAP fault, not an answer.
    #[error("expected q:AdhocQueryRequest, got {0}")]
    NotAQuery(String),
    /// A query id that IHE does not know (XDSUnknownStoredQuery).
    #[error("AdhocQuery.id must be the id of a stored query; got `{0}`")]
    Unknown(String),
    /// A query that IHE knows and this version does not answer (XDSUnknownStoredQuery).
    #[error("AdhocQuery.id names the stored query {name}, which is not supported yet; got `{id}`")]
    Unsupported { id: String, name: &'static str },
    /// XDSStoredQueryMissingParam.
    #[error("{parameter} {rule}")]
    MissingParameter { parameter: &'static str, rule: &'static str },
    /// XDSStoredQueryParamNumber.
    #[error("{parameter} {rule}")]
    ParameterNumber { parameter: &'static str, rule: String },
    /// A value that breaks the coding or its datatype (XDSRegistryError).
    #[error("{0}")]
    InvalidParameter(Invalid),
    /// Something beside the parameters: returnType, home, structure (XDSRegistryError).
    #[error("{0}")]
    InvalidRequest(Invalid),
}

/// The stored query that asks for these documents.
///
/// Shape: what ITI-18 cannot express (periods, times of submission, parts of names, codes without scheme, pages) is left
/// out, so the answer may hold more than was asked: filter it with [`DocumentQuery::matches`].
/// Errors: neither a patient nor entryUUIDs nor uniqueIds are given; ITI-18 has no other way to begin.
pub fn query_for_documents(query: &DocumentQuery) -> Result<StoredQuery, Invalid> {
    let mut query = query.clone();
    query.page = None;
    query.periods.clear();
    query.submission_time.clear();
    query.author_family.clear();
    query.mime_types.clear();
    query.language_codes.clear();
    query.author_given.clear();
    if !query.entry_ids.is_empty() || !query.unique_ids.is_empty() {
        return Ok(StoredQuery::GetDocuments(if query.entry_ids.is_empty() {
            ObjectNames::UniqueIds(query.unique_ids)
        } else {
            ObjectNames::Ids(query.entry_ids)
        }));
    }
    if query.patient_id.is_none() {
        let rule = "must be given: a stored query finds documents of one patient, or by entryUUID or uniqueId";
        return Err(Invalid::new("patientId", rule, ""));
    }
    // An alternative that cannot be written makes its whole OR unwritable: leaving out the alternative alone would
    // lose documents.
    let whole = |terms: &Vec<CodeTerm>| terms.iter().all(is_complete) && !terms.is_empty();
    for terms in [
        &mut query.class_codes,
        &mut query.type_codes,
        &mut query.format_codes,
        &mut query.practice_setting_codes,
        &mut query.healthcare_facility_type_codes,
    ] {
        if !whole(terms) {
            terms.clear();
        }
    }
    query.event_code_list.retain(whole);
    query.confidentiality_codes.retain(whole);
    query.reference_ids.retain(|terms| !terms.is_empty());
    for term in query.reference_ids.iter_mut().flatten() {
        if let ReferenceTerm::Parts { id, authority, kind } = term {
            let escaped = |part: &Option<String>| part.as_deref().map_or("%".to_owned(), escape);
            let authority = match authority.as_deref() {
                None => "%".to_owned(),
                Some("") => String::new(),
                Some(oid) => format!("%&{}&ISO", escape(oid)),
            };
            *term = ReferenceTerm::Like(format!("{}^^^{authority}^{}%", escaped(id), escaped(kind)));
        }
    }
    if query.statuses.is_empty() {
        query.statuses = vec![AvailabilityStatus::Approved, AvailabilityStatus::Deprecated];
    }
    if query.reference_ids.is_empty() {
        Ok(StoredQuery::FindDocuments(query))
    } else {
        Ok(StoredQuery::FindDocumentsByReferenceId(query))
    }
}

fn is_complete(term: &CodeTerm) -> bool {
    let given = |part: &Option<String>| part.as_deref().is_some_and(|p| !p.is_empty());
    given(&term.code) && given(&term.scheme)
}
