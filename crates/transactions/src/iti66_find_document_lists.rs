//! ITI-66 Find Document Lists: submission sets and folders. MHD 2:3.66; spec/fhir.md sections 2, 8.

mod lists;

pub use lists::Lists;

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, prefer, read_resource, resource, search_query, with_manners};
use crate::edge::operation_outcome;
use crate::edge::page_token::{PageKey, Position, bad_token};
use crate::edge::patient_identifier::{Registered, registered};
use crate::{Access, Binding, Transaction};
use actors::{Cx, Identity};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::{get, post};
use fhir::bundle::{Links, list_searchset};
use fhir::search::lists::decode;
use fhir::search::{Handling, Parameters, SearchOptions};
use http::StatusCode;
use model::Oid;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-66",
    name: "Find Document Lists",
    section: "MHD 2:3.66",
    binding: Binding::Http { method: "GET", path: "/fhir/List" },
    access: Access::Query,
};

/// Answers a consumer.
#[derive(Clone)]
pub struct Server {
    pub lists: Lists,
    /// The domain of the documents' patients; completes `patient.identifier=value` without a system.
    pub patient_domain: Option<Oid>,
    /// Translates identifiers of other domains, where this node knows the patients.
    pub identity: Option<Arc<dyn Identity>>,
    pub page_key: PageKey,
    /// Lists per page when the caller does not say, and at most.
    pub default_count: usize,
    pub max_count: usize,
    pub edge: Edge,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let (searched, posted, read) = (server.clone(), server.clone(), server);
        let search = move |request: Request| {
            let server = searched.clone();
            async move { server.search(request).await }
        };
        let post_search = move |request: Request| {
            let server = posted.clone();
            async move { server.search(request).await }
        };
        let read_one = move |id: Result<Path<String>, PathRejection>, request: Request| {
            let server = read.clone();
            async move { server.read(id.ok().map(|p| p.0), request).await }
        };
        let router = Router::new()
            .route("/fhir/List", get(search))
            .route("/fhir/List/_search", post(post_search))
            .route("/fhir/List/{id}", get(read_one));
        with_manners(router, &edge)
    }

    async fn search(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts::default();
        let answered = async {
            let query = search_query(&parts, body).await?;
            facts.query = Some(query.clone());
            self.answer(&query, &parts.headers, &mut facts, &cx).await
        }
        .await;
        let outcome = answered.as_ref().map_or_else(Refused::audit_outcome, |_| Outcome::Success);
        let response = match answered {
            Ok((format, body)) => resource(StatusCode::OK, format, body),
            Err(refused) => refused.respond_to(facts.query.as_deref().unwrap_or(""), &cx),
        };
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        response
    }

    async fn answer(
        &self,
        query: &str,
        headers: &http::HeaderMap,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<(Format, Vec<u8>), Refused> {
        let options = SearchOptions {
            handling: Handling::from_prefer(&prefer(headers)),
            patient_domain: self.patient_domain.clone(),
            fhir_base: Some(self.lists.place.base.clone()),
            default_count: self.default_count,
            max_count: self.max_count,
            ..SearchOptions::default()
        };
        let mut search = decode(query, &options)?;
        let format = Format::negotiate(headers, search.format.as_deref())?;
        let mut position = None;
        if let Some(token) = search.page_token.take() {
            let opened = self.page_key.open(&token, cx).map_err(bad_token)?;
            search = decode(&opened.query, &options)?;
            position = Some(opened);
        }
        facts.patient = search.patient_id.clone();
        let mut outcomes = operation_outcome::remarks(
            &search.ignored,
            search.patient_reference.is_some(),
            &search.target_communities,
            self.lists.place.home.as_ref(),
        );
        let elsewhere = !search.target_communities.is_empty()
            && self.lists.place.home.as_ref().is_some_and(|home| !search.target_communities.contains(home));
        search.nothing |= elsewhere || search.patient_reference.is_some();
        if let Some(id) = search.patient_id.clone() {
            match registered(&id, self.patient_domain.as_ref(), self.identity.as_deref(), cx).await? {
                Registered::Under(own) => search.patient_id = Some(own),
                Registered::Unknown(outcome) => {
                    search.nothing = true;
                    outcomes.push(outcome);
                }
            }
        }
        let mut silent = Vec::new();
        let mut found = self.lists.find(&search, &mut silent, cx).await?;
        let total = position.as_ref().map_or(found.len() as u64, |p| p.total);
        found.sort_by(|a, b| if search.ascending { a.key().cmp(&b.key()) } else { b.key().cmp(&a.key()) });
        if let Some(position) = &position {
            let (time, id) = position.after.split_once(' ').unwrap_or(("", ""));
            let after = (time.parse().unwrap_or(0), id);
            found.retain(|list| if search.ascending { list.key() > after } else { list.key() < after });
        }
        let size = if search.count_only { 0 } else { search.page_size };
        let more = found.len() > size && size > 0;
        found.truncate(size);
        let self_query = search.understood.query();
        let self_url = format!("{}/List?{self_query}", self.lists.place.base);
        let next_url = found.last().filter(|_| more).map(|last| {
            let (time, id) = last.key();
            let position = Position { query: self_query, total, after: format!("{time} {id}") };
            format!("{}/List?_page={}", self.lists.place.base, self.page_key.seal(&position, cx))
        });
        let lists = self.lists.encode(&found, &mut silent, cx).await?;
        outcomes.extend(silent.iter().map(operation_outcome::silent));
        let links = Links { self_url: &self_url, next: next_url.as_deref(), previous: None };
        Ok((format, list_searchset(lists, &self.lists.place.base, total, &links, &outcomes)))
    }

    async fn read(&self, id: Option<String>, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts { query: id.clone(), ..Facts::default() };
        let read = self.read_one(id.as_deref(), &parts, &mut facts, &cx).await;
        let outcome = read.as_ref().map_or_else(Refused::audit_outcome, |_| Outcome::Success);
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        match read {
            Ok((format, version, body)) => read_resource(format, body, version, None),
            Err(refused) => refused.respond(&cx),
        }
    }

    async fn read_one(
        &self,
        id: Option<&str>,
        parts: &http::request::Parts,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<(Format, u32, Vec<u8>), Refused> {
        let parameters = Parameters::decode(parts.uri.query().unwrap_or(""))?;
        let format = Format::negotiate(&parts.headers, parameters.first("_format"))?;
        let unknown = || Refused::not_found("a List of this id");
        let id = id.and_then(fhir::identifier::object_id).ok_or_else(unknown)?;
        let (list, body) = self.lists.one(id, cx).await?.ok_or_else(unknown)?;
        *facts = Facts { patient: Some(list.patient().clone()), objects: vec![list.unique_id()], query: None };
        Ok((format, list.version(), body))
    }
}
