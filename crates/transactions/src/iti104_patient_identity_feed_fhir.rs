//! ITI-104 Patient Identity Feed FHIR, and the reads of Patient that nodes of ours ask each other with.
//! PIXm 2:3.104; spec/fhir.md sections 2, 13.

mod client;

pub use client::Client;

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{
    FORM, Format, Refused, Return, check_content_type, fhir_body, read_body, read_resource, resource, with_manners,
};
use crate::edge::operation_outcome;
use crate::{Access, Binding, Transaction};
use actors::{Cx, Fault, Found, Identity, PatientNews, SUBSUMED, SURVIVOR};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::{get, post};
use fhir::bundle::{Links, patient_searchset};
use fhir::operation_outcome::{Issue, OperationOutcome};
use fhir::search::Parameters;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use model::{Oid, Patient, PatientId};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-104",
    name: "Patient Identity Feed FHIR",
    section: "PIXm 2:3.104",
    binding: Binding::Http { method: "PUT", path: "/fhir/Patient" },
    access: Access::Identity,
};

/// Largest Patient or form, octets.
const BODY_OCTETS: usize = 1 << 20;
/// Patients in one answer when the caller does not say, and at most.
const DEFAULT_COUNT: usize = 100;
const MOST_PATIENTS: usize = 1000;
/// Most alternatives of a name.
const MOST_NAMES: usize = 10;
/// Most alternatives of one identifier parameter.
const MOST_IDENTIFIERS: usize = 100;

/// Answers sources of patient identity, and readers.
#[derive(Clone)]
pub struct Server {
    pub identity: Arc<dyn Identity>,
    /// The affinity domain.
    pub domain: Oid,
    /// Public address of `/fhir`, without a slash at the end.
    pub fhir_base: String,
    pub edge: Edge,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let (type_level, searched, one) = (server.clone(), server.clone(), server);
        let on_type = move |request: Request| {
            let server = type_level.clone();
            async move { server.answer(None, request).await }
        };
        let on_search = move |request: Request| {
            let server = searched.clone();
            async move { server.answer(None, request).await }
        };
        let on_one = move |id: Result<Path<String>, PathRejection>, request: Request| {
            let server = one.clone();
            async move { server.answer(Some(id.map(|p| p.0).unwrap_or_default()), request).await }
        };
        let router = Router::new()
            .route("/fhir/Patient", get(on_type.clone()).post(on_type.clone()).put(on_type))
            .route("/fhir/Patient/_search", post(on_search))
            .route("/fhir/Patient/{id}", get(on_one.clone()).put(on_one));
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
        let response = answered.unwrap_or_else(|refused| match &facts.query {
            Some(query) => refused.respond_to(query, &cx),
            None => refused.respond(&cx),
        });
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        response
    }

    async fn respond(
        &self,
        id: Option<String>,
        parts: &http::request::Parts,
        body: axum::body::Body,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        let query = parts.uri.query().unwrap_or("");
        let searching = parts.uri.path().ends_with("/_search");
        let reading = parts.method == Method::GET || parts.method == Method::HEAD;
        if reading || searching {
            let mut query = query.to_owned();
            if searching {
                let form = read_body(body, BODY_OCTETS).await?;
                if !form.is_empty() {
                    check_content_type(&parts.headers, FORM)?;
                    let text = String::from_utf8_lossy(&form);
                    query = if query.is_empty() { text.into_owned() } else { format!("{query}&{text}") };
                }
            }
            facts.query = Some(query.clone());
            let parameters = Parameters::decode(&query)?;
            let format = Format::negotiate(&parts.headers, parameters.first("_format"))?;
            return match id {
                Some(id) => self.read(&id, format, facts, cx).await,
                None => self.search(&parameters, format, facts, cx).await,
            };
        }
        let format = Format::negotiate(&parts.headers, Parameters::decode(query)?.first("_format"))?;
        let condition = match (&id, parts.method == Method::PUT) {
            (Some(id), _) => Some(fhir::patient::id_of_resource_id(id).ok_or_else(|| {
                let text = "the id must be one this server gives: the OID of the domain, a dash and the identifier";
                Refused::new(StatusCode::BAD_REQUEST, Issue::error("value").diagnostics(text))
            })?),
            (None, true) => Some(fhir::patient::decode_condition(query)?),
            (None, false) => None,
        };
        let news = if condition.is_some() { PatientNews::Revised } else { PatientNews::Added };
        let body = fhir_body(&parts.headers, body, BODY_OCTETS).await?;
        let preferred = condition.as_ref().map_or(&self.domain, |c| &c.domain);
        let feed = fhir::patient::decode(&body, Some(preferred))?;
        facts.patient = Some(feed.patient.id.clone());
        let mut patient = feed.patient;
        if let Some(condition) = condition {
            patient = with_id(patient, &condition)?;
        }
        match (feed.active, feed.replaced_by) {
            (true, None) => self.feed(patient, news, format, &parts.headers, facts, cx).await,
            (false, Some(survivor)) if news == PatientNews::Revised => {
                self.merge(patient, survivor, format, &parts.headers, facts, cx).await
            }
            (false, Some(_)) => {
                Err(unprocessable("invariant", "a merge must be an update of the subsumed patient", "Patient.link"))
            }
            (true, Some(_)) => {
                let text = "must be false in a Patient that another one replaces";
                Err(unprocessable("invariant", text, "Patient.active"))
            }
            (false, None) => {
                let text =
                    "a patient can be merged into another one, with a link of type replaced-by, and not deactivated";
                Err(unprocessable("not-supported", text, "Patient.active"))
            }
        }
    }

    /// Resolve Duplicate Patient; the same again changes nothing. Source: PIXm 2:3.104.4.3; spec/fhir.md section 13.
    async fn merge(
        &self,
        subsumed: Patient,
        survivor: PatientId,
        format: Format,
        headers: &HeaderMap,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        facts.patient = Some(subsumed.id.clone());
        let told = || fhir::patient::encode_merge(&subsumed, &survivor);
        let done = |said: &str| Ok(changed(StatusCode::OK, format, headers, told, said));
        if self.identity.survivor(&subsumed.id, cx).await?.as_ref() == Some(&survivor) {
            return done("the patient was merged before");
        }
        let text = "must name a patient that is known here and was not merged into another one itself";
        let unknown = || unprocessable("not-found", text, "Patient.link.other");
        let surviving = self.identity.find(&survivor, cx).await?.ok_or_else(unknown)?;
        self.identity.merge(&surviving, &subsumed.id, cx).await.map_err(|refusal| match refusal.first() {
            Fault::InvalidMetadata(invalid) if invalid.field == SURVIVOR => {
                unprocessable("business-rule", &refusal.to_string(), "Patient.link.other")
            }
            Fault::InvalidMetadata(invalid) if invalid.field == SUBSUMED => {
                unprocessable("business-rule", &refusal.to_string(), "Patient.identifier")
            }
            _ => Refused::from(&refusal),
        })?;
        done("the patient is merged")
    }

    async fn feed(
        &self,
        patient: Patient,
        news: PatientNews,
        format: Format,
        headers: &HeaderMap,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        facts.patient = Some(patient.id.clone());
        let before = self.identity.find(&patient.id, cx).await?;
        self.identity.feed(&patient, news, cx).await?;
        // What is known now: an old hospital's data do not replace what an identity source said.
        let known = match (&before, news) {
            (Some(before), PatientNews::Added) => before,
            _ => &patient,
        };
        let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        let mut response = changed(status, format, headers, || fhir::patient::encode(known), "the patient is known");
        if let Some(id) = fhir::patient::resource_id(&patient.id)
            && let Ok(location) = HeaderValue::from_str(&format!("{}/Patient/{id}", self.fhir_base))
        {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
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
        parameters: &Parameters,
        format: Format,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        let wanted = Wanted::read(parameters, &self.domain)?;
        let found = match &wanted.ids {
            Some(ids) => {
                let mut found = Vec::new();
                for id in ids {
                    facts.patient.get_or_insert_with(|| id.clone());
                    found.extend(self.identity.find(id, cx).await?);
                }
                Found::all(found)
            }
            None => {
                let mut found = Found::all(Vec::<Patient>::new());
                for text in &wanted.texts {
                    let part = self.identity.search(text, MOST_PATIENTS, cx).await?;
                    for patient in part.items {
                        if !found.items.iter().any(|p| p.id == patient.id) {
                            found.items.push(patient);
                        }
                    }
                    found.silent.extend(part.silent);
                }
                found
            }
        };
        let mut patients = found.items;
        patients.retain(|p| wanted.keeps(p));
        let total = patients.len() as u64;
        patients.truncate(wanted.count);
        let mut outcomes: Vec<OperationOutcome> = found.silent.iter().map(operation_outcome::silent).collect();
        outcomes.extend(wanted.ignored.iter().map(|name| {
            let text = format!("parameter {name} is not a parameter of this search; it was left out");
            OperationOutcome::of(Issue::warning("not-supported").diagnostics(text))
        }));
        let self_url = format!("{}/Patient?{}", self.fhir_base, wanted.self_query);
        let links = Links { self_url: &self_url, ..Links::default() };
        let body = patient_searchset(&patients, &self.fhir_base, total, &links, &outcomes);
        Ok(resource(StatusCode::OK, format, body))
    }
}

fn unprocessable(code: &'static str, text: &str, place: &str) -> Refused {
    Refused::new(StatusCode::UNPROCESSABLE_ENTITY, Issue::error(code).diagnostics(text).expression(place))
}

/// The answer to a change, with as much in it as the caller prefers.
fn changed(
    status: StatusCode,
    format: Format,
    headers: &HeaderMap,
    representation: impl FnOnce() -> Vec<u8>,
    outcome: &str,
) -> Response {
    let body = match Return::of(headers) {
        Return::Representation => representation(),
        Return::Minimal => Vec::new(),
        Return::OperationOutcome => {
            let issue = Issue::new(fhir::operation_outcome::Severity::Information, "informational");
            fhir::operation_outcome::encode(&OperationOutcome::of(issue.diagnostics(outcome)))
        }
    };
    let empty = body.is_empty();
    let mut response = resource(status, format, body);
    if empty {
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    response
}

/// The body's identifier of the condition becomes the patient's id.
fn with_id(mut patient: Patient, id: &PatientId) -> Result<Patient, Refused> {
    if patient.id == *id {
        return Ok(patient);
    }
    match patient.other_ids.iter_mut().find(|other| *other == id) {
        Some(other) => {
            std::mem::swap(other, &mut patient.id);
            Ok(patient)
        }
        None => {
            let text = "the identifier in the address must be one of the identifiers of the Patient";
            Err(unprocessable("invariant", text, "Patient.identifier"))
        }
    }
}

/// A search for patients as understood.
struct Wanted {
    /// Alternatives; `None` when none were given.
    ids: Option<Vec<PatientId>>,
    /// For [`Identity::search`]: the union is what the other criteria choose from.
    texts: Vec<String>,
    name: Vec<String>,
    family: Vec<String>,
    given: Vec<String>,
    count: usize,
    self_query: String,
    ignored: Vec<String>,
}

impl Wanted {
    fn read(parameters: &Parameters, domain: &Oid) -> Result<Wanted, Refused> {
        let mut wanted = Wanted {
            ids: None,
            texts: Vec::new(),
            name: Vec::new(),
            family: Vec::new(),
            given: Vec::new(),
            count: DEFAULT_COUNT,
            self_query: String::new(),
            ignored: Vec::new(),
        };
        let bad = |name: &str, rule: &str| Refused::from(fhir::search::SearchError::value(name, rule, ""));
        for (name, value) in parameters.iter().filter(|(_, value)| !value.trim().is_empty()) {
            match name {
                "identifier" => wanted.restrict(value.split(',').take(MOST_IDENTIFIERS).filter_map(|token| {
                    let token = fhir::search::unescape(token.trim());
                    match token.split_once('|') {
                        Some((system, id)) => {
                            let oid = Oid::parse(system.strip_prefix("urn:oid:").unwrap_or(system)).ok()?;
                            (!id.is_empty()).then(|| PatientId::new(id, oid))
                        }
                        None => Some(PatientId::new(token, domain.clone())),
                    }
                })),
                "_id" => wanted.restrict(
                    value
                        .split(',')
                        .take(MOST_IDENTIFIERS)
                        .filter_map(|id| fhir::patient::id_of_resource_id(id.trim())),
                ),
                "_content" => wanted.texts.push(value.to_owned()),
                "name" => wanted.name.push(value.to_lowercase()),
                "family" => wanted.family.push(value.to_lowercase()),
                "given" => wanted.given.push(value.to_lowercase()),
                "_count" => {
                    let count: usize = value.parse().map_err(|_| bad(name, "must be a whole number, 0 or more"))?;
                    wanted.count = count.min(MOST_PATIENTS);
                }
                "_format" | "_pretty" | "_total" => {}
                _ => {
                    wanted.ignored.push(name.chars().take(80).collect());
                    continue;
                }
            }
            if !wanted.self_query.is_empty() {
                wanted.self_query.push('&');
            }
            fhir::search::percent_encode_into(name, &mut wanted.self_query);
            wanted.self_query.push('=');
            fhir::search::percent_encode_into(value, &mut wanted.self_query);
        }
        if wanted.texts.is_empty() {
            let alternatives = |texts: &[String]| -> Vec<String> {
                let all = texts.iter().take(1).flat_map(|t| t.split(',')).map(|t| t.trim().to_owned());
                all.filter(|t| !t.is_empty()).take(MOST_NAMES).collect()
            };
            wanted.texts = alternatives(&wanted.family);
            if wanted.texts.is_empty() {
                // The node's own search knows family names and identifiers; a given name has to be looked for in all.
                wanted.texts = alternatives(&wanted.name);
                wanted.texts.push(String::new());
            }
        }
        Ok(wanted)
    }

    fn restrict(&mut self, ids: impl Iterator<Item = PatientId>) {
        let mut ids: Vec<PatientId> = ids.collect();
        if let Some(before) = &self.ids {
            ids.retain(|id| before.contains(id));
        }
        ids.dedup();
        self.ids = Some(ids);
    }

    fn keeps(&self, patient: &Patient) -> bool {
        let name = &patient.name;
        let starts = |texts: &[String], parts: &[&String]| {
            texts.iter().all(|text| {
                text.split(',').any(|one| {
                    parts.iter().any(|part| {
                        part.to_lowercase().split([' ', '-']).any(|word| word.starts_with(one))
                            || part.to_lowercase().starts_with(one)
                    })
                })
            })
        };
        starts(&self.family, &[&name.family])
            && starts(&self.given, &[&name.given, &name.middle])
            && starts(&self.name, &[&name.family, &name.given, &name.middle, &name.prefix, &name.suffix])
    }
}
