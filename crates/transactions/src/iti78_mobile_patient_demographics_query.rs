//! ITI-78 Mobile Patient Demographics Query: search by criteria, and reading one Patient.
//! PDQm 2:3.78; spec/fhir.md sections 2, 14.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, prefer, read_resource, resource, search_query, with_manners};
use crate::edge::operation_outcome;
use crate::edge::page_token::{PageKey, Position, bad_token};
use crate::{Access, Binding, Transaction};
use actors::{Cx, Found, Identity};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::{get, post};
use fhir::bundle::{Links, patient_searchset};
use fhir::operation_outcome::{Issue, OperationOutcome};
use fhir::patient_search::{PatientSearch, PatientSearchOptions};
use fhir::search::{Handling, Parameters};
use http::StatusCode;
use model::{Patient, PatientIdTerm};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-78",
    name: "Mobile Patient Demographics Query",
    section: "PDQm 2:3.78",
    binding: Binding::Http { method: "GET", path: "/fhir/Patient" },
    access: Access::Identity,
};

/// The words of PDQm for a domain that is not known.
pub(crate) const TARGET_SYSTEM: &str = "targetSystem not found";

/// Answers consumers of demographics. Patients that were merged away or removed are not among the answers.
#[derive(Clone)]
pub struct Server {
    pub identity: Arc<dyn Identity>,
    /// Public address of `/fhir`, without a slash at the end.
    pub fhir_base: String,
    pub page_key: PageKey,
    /// Patients per page when the caller does not say, and at most.
    pub default_count: usize,
    pub max_count: usize,
    pub edge: Edge,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let (searched, one) = (server.clone(), server);
        let on_search = move |request: Request| {
            let server = searched.clone();
            async move { server.answer(None, request).await }
        };
        let on_one = move |id: Result<Path<String>, PathRejection>, request: Request| {
            let server = one.clone();
            async move { server.answer(Some(id.map(|p| p.0).unwrap_or_default()), request).await }
        };
        let router = Router::new()
            .route("/fhir/Patient", get(on_search.clone()))
            .route("/fhir/Patient/_search", post(on_search))
            .route("/fhir/Patient/{id}", get(on_one));
        with_manners(router, &edge)
    }

    async fn answer(&self, id: Option<String>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts::default();
        let answered = self.respond(id, &parts, body, &mut facts, &cx).await;
        let outcome = match &answered {
            Ok(_) => Outcome::Success,
            Err(refused) => refused.audit_outcome(),
        };
        let query = facts.query.clone().unwrap_or_default();
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        answered.unwrap_or_else(|refused| refused.respond_to(&query, &cx))
    }

    async fn respond(
        &self,
        id: Option<String>,
        parts: &http::request::Parts,
        body: axum::body::Body,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        if let Some(id) = id {
            facts.query = Some(id.clone());
            let parameters = Parameters::decode(parts.uri.query().unwrap_or(""))?;
            let format = Format::negotiate(&parts.headers, parameters.first("_format"))?;
            return self.read(&id, format, facts, cx).await;
        }
        let query = search_query(parts, body).await?;
        facts.query = Some(query.clone());
        self.search(&query, &parts.headers, facts, cx).await
    }

    async fn read(&self, id: &str, format: Format, facts: &mut Facts, cx: &Cx) -> Result<Response, Refused> {
        let unknown = || Refused::not_found("a Patient of this id");
        let id = fhir::patient::id_of_resource_id(id).ok_or_else(unknown)?;
        facts.patient = Some(id.clone());
        let patient = self.identity.find(&id, cx).await?.ok_or_else(unknown)?;
        // Patients have no versions, and when one changed is not recorded: the digest alone tells.
        Ok(read_resource(format, fhir::patient::encode(&patient), 1, None))
    }

    async fn search(
        &self,
        query: &str,
        headers: &http::HeaderMap,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        let options = PatientSearchOptions {
            handling: Handling::from_prefer(&prefer(headers)),
            default_count: self.default_count,
            max_count: self.max_count,
        };
        let mut search = fhir::patient_search::decode(query, &options)?;
        let format = Format::negotiate(headers, search.format.as_deref())?;
        let mut total = None;
        if let Some(token) = search.page_token.take() {
            let position = self.page_key.open(&token, cx).map_err(bad_token)?;
            search = fhir::patient_search::decode(&position.query, &options)?;
            total = Some(position.total);
            if let Some(page) = &mut search.query.page {
                page.after = Some(position.after);
            }
        }
        facts.patient = search.query.ids.iter().flatten().find_map(|term| match term {
            PatientIdTerm::Exact(id) | PatientIdTerm::Own(id) => Some(id.clone()),
            PatientIdTerm::AnyDomain(_) | PatientIdTerm::Domain(_) => None,
        });
        if search.unknown_domain || search.domains.is_some() {
            let known = self.identity.domains(cx).await?;
            if search.unknown_domain || search.domains.iter().flatten().any(|domain| !known.contains(domain)) {
                return Err(said(StatusCode::NOT_FOUND, "not-found", TARGET_SYSTEM));
            }
        }
        let found = self.find(&search, cx).await?;
        let total = total.or(found.total).unwrap_or(found.items.len() as u64);
        let mut outcomes: Vec<OperationOutcome> = found.silent.iter().map(operation_outcome::silent).collect();
        outcomes.extend(operation_outcome::remarks(&search.ignored, false, &[], None));
        let self_query = search.self_query();
        let self_url = format!("{}/Patient?{self_query}", self.fhir_base);
        let next = found.next.map(|after| {
            let token = self.page_key.seal(&Position { query: self_query, total, after }, cx);
            format!("{}/Patient?_page={token}", self.fhir_base)
        });
        let links = Links { self_url: &self_url, next: next.as_deref(), previous: None };
        let domains = search.domains.as_deref();
        let body = patient_searchset(&found.items, domains, &self.fhir_base, total, &links, &outcomes);
        Ok(resource(StatusCode::OK, format, body))
    }

    async fn find(&self, search: &PatientSearch, cx: &Cx) -> Result<Found<Patient>, Refused> {
        if search.nobody {
            return Ok(Found::all(Vec::new()));
        }
        Ok(self.identity.query(&search.query, cx).await?)
    }
}

/// A refusal in the words of a specification.
pub(crate) fn said(status: StatusCode, code: &'static str, words: &str) -> Refused {
    Refused::new(status, Issue::error(code).details(words).diagnostics(words))
}
