//! ITI-67 Find Document References. MHD 2:3.67; spec/fhir.md sections 2, 9.

mod client;
mod order;
mod related;

pub use client::Client;

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_place::FhirPlace;
use crate::edge::fhir_server::{Format, Refused, prefer, read_resource, resource, search_query, with_manners};
use crate::edge::operation_outcome;
use crate::edge::page_token::{BadToken, PageKey, Position, bad_token};
use crate::edge::patient_identifier::{Registered, registered};
use crate::{Access, Binding, Transaction};
use actors::{Cx, Found, Identity, Refusal, Registry, SilentParty};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::{get, post};
use fhir::bundle::{Links, searchset};
use fhir::document_reference::{EncodeContext, Relations};
use fhir::search::{DocumentSearch, Handling, SearchOptions};
use http::StatusCode;
use model::{
    AvailabilityStatus, CodeTerm, DocumentEntry, DocumentQuery, ObjectId, Oid, Page, PatientId, RegionMap, schemes,
};
use order::{decode_position, sorted};
use related::Beside;
use std::collections::HashSet;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-67",
    name: "Find Document References",
    section: "MHD 2:3.67",
    binding: Binding::Http { method: "GET", path: "/fhir/DocumentReference" },
    access: Access::Query,
};

/// Answers a consumer.
#[derive(Clone)]
pub struct Server {
    /// This node, a peer or a federation.
    pub registry: Arc<dyn Registry>,
    pub place: FhirPlace,
    /// The domain of the documents' patients; completes `patient.identifier=value` without a system.
    pub patient_domain: Option<Oid>,
    /// Translates identifiers of other domains, where this node knows the patients.
    pub identity: Option<Arc<dyn Identity>>,
    /// Codes that mean the same region.
    pub regions: Arc<RegionMap>,
    pub page_key: PageKey,
    /// Entries per page when the caller does not say, and at most.
    pub default_count: usize,
    pub max_count: usize,
    pub edge: Edge,
}

/// A search that was answered.
struct Answered {
    body: Vec<u8>,
    format: Format,
}

/// What the audit record needs, whatever became of the search.
#[derive(Default)]
struct Asked {
    patient: Option<PatientId>,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let (searched, posted, read) = (server.clone(), server.clone(), server);
        let router = Router::new()
            .route(
                "/fhir/DocumentReference",
                get(move |request: Request| {
                    let server = searched.clone();
                    async move { server.search(request).await }
                }),
            )
            .route(
                "/fhir/DocumentReference/_search",
                post(move |request: Request| {
                    let server = posted.clone();
                    async move { server.search(request).await }
                }),
            )
            .route(
                "/fhir/DocumentReference/{id}",
                get(move |id: Result<Path<String>, PathRejection>, request: Request| {
                    let server = read.clone();
                    async move { server.read(id.ok().map(|p| p.0), request).await }
                }),
            );
        with_manners(router, &edge)
    }

    async fn search(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut asked = Asked::default();
        let mut query = String::new();
        let answered = async {
            query = search_query(&parts, body).await?;
            self.answer(&query, &parts.headers, &mut asked, &cx).await
        }
        .await;
        let outcome = match &answered {
            Ok(_) => Outcome::Success,
            Err(refused) => refused.audit_outcome(),
        };
        let response = match answered {
            Ok(answered) => resource(StatusCode::OK, answered.format, answered.body),
            Err(refused) => refused.respond_to(&query, &cx),
        };
        let facts = Facts { patient: asked.patient, objects: Vec::new(), query: Some(query) };
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        response
    }

    async fn answer(
        &self,
        query: &str,
        headers: &http::HeaderMap,
        asked: &mut Asked,
        cx: &Cx,
    ) -> Result<Answered, Refused> {
        let options = SearchOptions {
            handling: Handling::from_prefer(&prefer(headers)),
            patient_domain: self.patient_domain.clone(),
            fhir_base: Some(self.place.base.clone()),
            default_count: self.default_count,
            max_count: self.max_count,
            ..SearchOptions::default()
        };
        let mut search = fhir::search::decode(query, &options)?;
        let format = Format::negotiate(headers, search.format.as_deref())?;
        let mut position = None;
        if let Some(token) = search.page_token.take() {
            let opened = self.page_key.open(&token, cx).map_err(bad_token)?;
            search = fhir::search::decode(&opened.query, &options)?;
            position = Some(opened);
        }
        asked.patient = search.queries.first().and_then(|q| q.patient_id.clone());
        let mut outcomes = operation_outcome::remarks(
            &search.ignored,
            search.patient_reference.is_some(),
            &search.target_communities,
            self.place.home.as_ref(),
        );
        let elsewhere = !search.target_communities.is_empty()
            && self.place.home.as_ref().is_some_and(|home| !search.target_communities.contains(home));
        if search.patient_reference.is_some() || elsewhere {
            search.queries.clear();
        }
        let patient = search.queries.first().and_then(|query| query.patient_id.clone());
        if let Some(id) = patient {
            let found = registered(&id, self.patient_domain.as_ref(), self.identity.as_deref(), cx).await?;
            match found {
                Registered::Under(own) => {
                    search.queries.iter_mut().for_each(|query| query.patient_id = Some(own.clone()));
                }
                Registered::Unknown(outcome) => {
                    search.queries.clear();
                    outcomes.push(outcome);
                }
            }
        }
        for query in &mut search.queries {
            self.expand_regions(query);
        }
        let narrowed = related::narrow(&mut search, &*self.registry, cx).await?;
        let found = self.find(&search, position.as_ref(), cx).await?;
        let mut silent: Vec<SilentParty> = narrowed.into_iter().chain(found.silent).collect();
        let total = found.total.unwrap_or(found.items.len() as u64);
        let self_query = search.self_query();
        let self_url = format!("{}/DocumentReference?{self_query}", self.place.base);
        let next_url = found.next.map(|after| {
            let token = self.page_key.seal(&Position { query: self_query, total, after }, cx);
            format!("{}/DocumentReference?_page={token}", self.place.base)
        });
        let associations = if found.items.is_empty() {
            Vec::new()
        } else {
            // One call for the whole page (field case B-049).
            let ids: Vec<_> = found.items.iter().map(|e| e.id.clone()).collect();
            let found = self.registry.associations(&ids, cx).await?;
            silent.extend(found.silent);
            found.items
        };
        let beside = if search.include_related {
            related::related(&found.items, &associations, &*self.registry, cx).await?
        } else {
            Beside::default()
        };
        silent.extend(beside.silent);
        outcomes.extend(parties(silent).iter().map(operation_outcome::silent));
        let relations = Relations::of(associations.iter().chain(&beside.associations));
        let encode = EncodeContext { relations: Some(&relations), ..self.place.context() };
        let links = Links { self_url: &self_url, next: next_url.as_deref(), previous: None };
        let body = searchset(&found.items, &beside.documents, &self.place.base, &encode, total, &links, &outcomes);
        Ok(Answered { body, format })
    }

    /// The entries of the page, the position after it, and the number over all pages.
    async fn find(
        &self,
        search: &DocumentSearch,
        position: Option<&Position>,
        cx: &Cx,
    ) -> Result<Found<DocumentEntry>, Refused> {
        let size = search.page_size();
        let after = position.map(|p| p.after.as_str());
        let by_order = !search.sort.is_empty();
        match search.queries.as_slice() {
            [] => Ok(Found::all(Vec::new())),
            [query] if !by_order || search.count_only => {
                let page = Page { size, after: after.map(str::to_owned) };
                let query = DocumentQuery { page: Some(page), ..query.clone() };
                let mut found = self.registry.find(&query, cx).await?;
                found.total = match (position, found.total) {
                    (Some(position), _) => Some(position.total),
                    (None, Some(total)) => Some(total),
                    (None, None) if found.next.is_none() => Some(found.items.len() as u64),
                    (None, None) => {
                        let count = DocumentQuery { page: Some(Page { size: 0, after: None }), ..query };
                        self.registry.find(&count, cx).await?.total
                    }
                };
                if search.count_only {
                    (found.items, found.next) = (Vec::new(), None);
                }
                Ok(found)
            }
            queries => {
                let mut found = Found::all(Vec::<DocumentEntry>::new());
                let mut seen = HashSet::new();
                for query in queries {
                    let query = DocumentQuery { page: None, ..query.clone() };
                    let part = self.registry.find(&query, cx).await?;
                    for entry in part.items {
                        if seen.insert(entry.id.clone()) {
                            found.items.push(entry);
                        }
                    }
                    found.silent.extend(part.silent);
                }
                found.total = Some(position.map_or(found.items.len() as u64, |p| p.total));
                if search.count_only {
                    found.items.clear();
                    return Ok(found);
                }
                let after = after.map(decode_position).transpose().map_err(|()| bad_token(BadToken::Unknown))?;
                (found.items, found.next) = sorted(found.items, &search.sort, after.as_ref(), size);
                Ok(found)
            }
        }
    }

    /// A region that is asked for finds documents that carry an equivalent code of another deployment.
    fn expand_regions(&self, query: &mut DocumentQuery) {
        for terms in &mut query.event_code_list {
            let asked: Vec<String> = terms
                .iter()
                .filter(|t| t.scheme.as_deref() != Some(schemes::DCM))
                .filter_map(|t| t.code.clone())
                .collect();
            for code in asked {
                for same in self.regions.same_region(&code) {
                    let known = |t: &CodeTerm| t.code.as_deref() == Some(&same) && t.scheme.is_none();
                    if same != code && !terms.iter().any(known) {
                        terms.push(CodeTerm { code: Some(same), scheme: None });
                    }
                }
            }
        }
    }

    async fn read(&self, id: Option<String>, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let read = self.read_one(id.as_deref(), &parts, &cx).await;
        let (outcome, facts) = match &read {
            Ok((entry, _, _)) => (
                Outcome::Success,
                Facts {
                    patient: Some(entry.patient_id.clone()),
                    objects: vec![entry.unique_id.to_string()],
                    query: None,
                },
            ),
            Err(refused) => (refused.audit_outcome(), Facts { query: id, ..Facts::default() }),
        };
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        match read {
            Ok((entry, format, body)) => {
                // When a document was deprecated is not recorded, only when it was submitted.
                let current = entry.availability_status == AvailabilityStatus::Approved;
                let modified = entry.submission_time.as_ref().filter(|_| current);
                read_resource(format, body, entry.version.unwrap_or(1), modified)
            }
            Err(refused) => refused.respond(&cx),
        }
    }

    async fn read_one(
        &self,
        id: Option<&str>,
        parts: &http::request::Parts,
        cx: &Cx,
    ) -> Result<(DocumentEntry, Format, Vec<u8>), Refused> {
        let parameters = fhir::search::Parameters::decode(parts.uri.query().unwrap_or(""))?;
        let format = Format::negotiate(&parts.headers, parameters.first("_format"))?;
        let unknown = || Refused::not_found("a DocumentReference of this id");
        let id = id.and_then(fhir::identifier::object_id).ok_or_else(unknown)?;
        let (entry, body) = document_reference(&*self.registry, &id, &self.place, cx).await?.ok_or_else(unknown)?;
        Ok((entry, format, body))
    }
}

/// Who did not answer, each once: an answer may take several questions.
fn parties(silent: Vec<SilentParty>) -> Vec<SilentParty> {
    let mut each: Vec<SilentParty> = Vec::new();
    for party in silent {
        if !each.contains(&party) {
            each.push(party);
        }
    }
    each
}

/// One entry of the registry and its DocumentReference, with its relations. `None`: everybody has answered, and nobody
/// has it.
pub(crate) async fn document_reference(
    registry: &dyn Registry,
    id: &ObjectId,
    place: &FhirPlace,
    cx: &Cx,
) -> Result<Option<(DocumentEntry, Vec<u8>)>, Refusal> {
    let query = DocumentQuery { entry_ids: vec![id.clone()], ..DocumentQuery::default() };
    let found = registry.find(&query, cx).await?;
    let entry = match (found.items.into_iter().next(), found.silent.first()) {
        (Some(entry), _) => entry,
        (None, Some(party)) => return Err(party.fault.clone().into()),
        (None, None) => return Ok(None),
    };
    let associations = registry.associations(std::slice::from_ref(id), cx).await?;
    let relations = Relations::of(&associations.items);
    let encode = EncodeContext { relations: Some(&relations), ..place.context() };
    let body = fhir::document_reference::encode(&entry, &encode);
    Ok(Some((entry, body)))
}
