//! ITI-104 Patient Identity Feed FHIR: add, revise, resolve duplicates, remove. PIXm 2:3.104; spec/fhir.md sections 2, 13.

mod client;

pub use client::Client;

use crate::edge::Edge;
use crate::edge::audit::{Action, Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, Return, etag, fhir_body, resource, with_manners};
use crate::{Access, Binding, Transaction};
use actors::{Cx, Fault, Identity, PatientNews, SUBSUMED, SURVIVOR};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::{post, put};
use fhir::operation_outcome::{Issue, OperationOutcome};
use fhir::search::Parameters;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use model::{Oid, Patient, PatientId, PatientQuery};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-104",
    name: "Patient Identity Feed FHIR",
    section: "PIXm 2:3.104",
    binding: Binding::Http { method: "PUT", path: "/fhir/Patient" },
    access: Access::Identity,
};

/// Largest Patient, octets.
const BODY_OCTETS: usize = 1 << 20;

/// Answers sources of patient identity.
///
/// What is fed is one patient of the affinity domain with its identifiers in other domains, which links them. A
/// conditional update by an identifier of another domain is about the patient that has it.
///
/// **Remove.** DELETE by an identifier of the affinity domain makes the patient unknown: ITI-78 and ITI-83 find it no
/// more, and publishing for it is refused as for an unknown patient. Its documents stay as they are, under its id, and
/// are found by that id; when it is fed again it is known again and has them. DELETE by an identifier of another domain
/// takes that identifier off its patient. Who was merged into a removed patient stays merged. A second DELETE is 204 too.
#[derive(Clone)]
pub struct Server {
    pub identity: Arc<dyn Identity>,
    /// The affinity domain.
    pub domain: Oid,
    /// Public address of `/fhir`, without a slash at the end.
    pub fhir_base: String,
    pub edge: Edge,
}

/// Two patients that are one.
struct Merging {
    subsumed: Patient,
    /// The source named the subsumed one by its own identifier, not only by those of other domains.
    has_own_id: bool,
    survivor: PatientId,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let (type_level, one) = (server.clone(), server);
        let on_type = move |request: Request| {
            let server = type_level.clone();
            async move { server.answer(None, request).await }
        };
        let on_one = move |id: Result<Path<String>, PathRejection>, request: Request| {
            let server = one.clone();
            async move { server.answer(Some(id.map(|p| p.0).unwrap_or_default()), request).await }
        };
        let router = Router::new()
            .route("/fhir/Patient", post(on_type.clone()).put(on_type.clone()).delete(on_type))
            .route("/fhir/Patient/{id}", put(on_one.clone()).delete(on_one));
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
        let action = match parts.method {
            Method::DELETE => Action::Delete,
            Method::POST => Action::Create,
            _ => Action::Update,
        };
        self.edge.audit_action(&TRANSACTION, action, outcome, facts, &cx);
        answered.unwrap_or_else(|refused| refused.respond(&cx))
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
        let format = Format::negotiate(&parts.headers, Parameters::decode(query)?.first("_format"))?;
        let condition = match (&id, &parts.method) {
            (Some(id), _) => Some(fhir::patient::id_of_resource_id(id).ok_or_else(|| {
                let text = "the id must be one this server gives: the OID of the domain, a dash and the identifier";
                Refused::new(StatusCode::BAD_REQUEST, Issue::error("value").diagnostics(text))
            })?),
            (None, &Method::POST) => None,
            (None, _) => Some(fhir::patient::decode_condition(query)?),
        };
        facts.patient = condition.clone();
        if let (Some(condition), &Method::DELETE) = (&condition, &parts.method) {
            return self.remove(condition, cx).await;
        }
        let news = if condition.is_some() { PatientNews::Revised } else { PatientNews::Added };
        let body = fhir_body(&parts.headers, body, BODY_OCTETS).await?;
        let feed = fhir::patient::decode(&body, None)?;
        let mut patient = feed.patient;
        let own = patient.ids().find(|id| id.domain == self.domain).cloned();
        if let (Some(id), Some(came)) = (&id, &feed.resource_id)
            && id != came
        {
            let text = "must be the id in the address";
            return Err(Refused::new(
                StatusCode::BAD_REQUEST,
                Issue::error("value").diagnostics(text).expression("Patient.id"),
            ));
        }
        match &condition {
            Some(condition) => patient = self.meant(patient, condition, cx).await?,
            None => {
                patient = own.as_ref().and_then(|own| with_id(patient.clone(), own)).unwrap_or(patient);
            }
        }
        match (feed.active, feed.replaced_by) {
            (true, None) => {
                if news == PatientNews::Added
                    && let Some(known) = self.existing(&parts.headers, cx).await?
                {
                    facts.patient = Some(known.id.clone());
                    let told = || fhir::patient::encode(&known);
                    return Ok(changed(StatusCode::OK, format, &parts.headers, told, "the patient was known"));
                }
                self.feed(patient, news, format, &parts.headers, facts, cx).await
            }
            (false, Some(survivor)) if news == PatientNews::Revised => {
                let merging = Merging { subsumed: patient, has_own_id: own.is_some(), survivor };
                self.merge(merging, format, &parts.headers, facts, cx).await
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

    /// The patients that a condition means. Errors: several: 412.
    async fn only(&self, condition: &PatientId, cx: &Cx) -> Result<Option<Patient>, Refused> {
        let mut found = self.identity.query(&PatientQuery::of_id(condition.clone()), cx).await?.items;
        if found.len() > 1 {
            let text = "the identifier of the condition is one of several patients; name one that only one has";
            return Err(Refused::new(
                StatusCode::PRECONDITION_FAILED,
                Issue::error("multiple-matches").diagnostics(text).expression("http.identifier"),
            ));
        }
        Ok(found.pop())
    }

    /// The patient that an update is about, under its own identifier.
    async fn meant(&self, patient: Patient, condition: &PatientId, cx: &Cx) -> Result<Patient, Refused> {
        if !patient.ids().any(|id| id == condition) {
            let text = "the identifier in the address must be one of the identifiers of the Patient";
            return Err(unprocessable("invariant", text, "Patient.identifier"));
        }
        let told = patient.ids().find(|id| id.domain == self.domain).cloned();
        if let Some(gone) = told.filter(|told| told != condition)
            && self.identity.survivor(&gone, cx).await?.is_some()
        {
            // Merged away: its other identifiers are the survivor's now, and it is still the one that this is about.
            return Ok(with_id(patient.clone(), &gone).unwrap_or(patient));
        }
        let known = self.only(condition, cx).await?;
        let own = if condition.domain == self.domain {
            condition.clone()
        } else {
            let told = patient.ids().find(|id| id.domain == self.domain).cloned();
            match (known, told) {
                (Some(known), Some(told)) if known.id != told => {
                    let text = "the identifier in the address is of another patient of the affinity domain";
                    return Err(unprocessable("invariant", text, "Patient.identifier"));
                }
                (Some(known), _) => known.id,
                (None, told) => told.unwrap_or_else(|| condition.clone()),
            }
        };
        Ok(with_id(patient.clone(), &own).unwrap_or_else(|| {
            // The source does not know the patient's own identifier, but this node does.
            let others = patient.ids().cloned().collect();
            Patient { id: own, other_ids: others, ..patient }
        }))
    }

    /// The patient that an `If-None-Exist` finds. Source: http://hl7.org/fhir/R4/http.html#ccreate.
    async fn existing(&self, headers: &HeaderMap, cx: &Cx) -> Result<Option<Patient>, Refused> {
        let Some(condition) = headers.get("if-none-exist") else { return Ok(None) };
        let text = condition.to_str().unwrap_or_default();
        let condition = fhir::patient::decode_condition(text.rsplit_once('?').map_or(text, |(_, query)| query))?;
        self.only(&condition, cx).await
    }

    async fn remove(&self, condition: &PatientId, cx: &Cx) -> Result<Response, Refused> {
        self.only(condition, cx).await?;
        self.identity.remove(condition, cx).await?;
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// Resolve Duplicate Patient; the same again changes nothing. Source: PIXm 2:3.104.4.3; spec/fhir.md section 13.
    async fn merge(
        &self,
        merging: Merging,
        format: Format,
        headers: &HeaderMap,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        let Merging { subsumed, has_own_id, survivor } = merging;
        facts.patient = Some(subsumed.id.clone());
        let survivor = match survivor.domain == self.domain {
            true => survivor,
            false => self.only(&survivor, cx).await?.map_or(survivor, |known| known.id),
        };
        let told = || fhir::patient::encode_merge(&subsumed, &survivor);
        let done = |said: &str| Ok(changed(StatusCode::OK, format, headers, told, said));
        if self.identity.survivor(&subsumed.id, cx).await?.as_ref() == Some(&survivor) {
            return done("the patient was merged before");
        }
        if subsumed.id == survivor && !has_own_id {
            // Named by identifiers that the survivor has taken over: so they were merged.
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
        check_if_match(headers, before.as_ref())?;
        self.identity.feed(&patient, news, cx).await?;
        // What is known now, which may be more or less than what came.
        let known = self.identity.find(&patient.id, cx).await?;
        let known = known.as_ref().unwrap_or(&patient);
        let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        let mut response = changed(status, format, headers, || fhir::patient::encode(known), "the patient is known");
        if let Some(id) = fhir::patient::resource_id(&patient.id)
            && let Ok(location) = HeaderValue::from_str(&format!("{}/Patient/{id}", self.fhir_base))
        {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }
}

/// A source that says which version it changes changes no other. Source: http://hl7.org/fhir/R4/http.html#concurrency.
///
/// Errors: 412.
fn check_if_match(headers: &HeaderMap, known: Option<&Patient>) -> Result<(), Refused> {
    let Some(wanted) = headers.get(header::IF_MATCH) else { return Ok(()) };
    let wanted = wanted.to_str().unwrap_or_default();
    let tags: Vec<String> = known
        .map(|known| {
            let octets = fhir::patient::encode(known);
            [false, true].map(|xml| etag(xml, &octets, 1)).into()
        })
        .unwrap_or_default();
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let same = wanted.split(',').any(|one| tags.iter().any(|tag| bare(tag) == bare(one)));
    if same || wanted.trim() == "*" && known.is_some() {
        return Ok(());
    }
    let text = "the patient is not in the version that If-Match names; read it and try again";
    let issue = Issue::error("conflict").diagnostics(text).expression("http.If-Match");
    Err(Refused::new(StatusCode::PRECONDITION_FAILED, issue))
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

/// One of the patient's identifiers becomes its own; `None` when it is not one of them.
fn with_id(mut patient: Patient, id: &PatientId) -> Option<Patient> {
    if patient.id != *id {
        let other = patient.other_ids.iter_mut().find(|other| *other == id)?;
        std::mem::swap(other, &mut patient.id);
    }
    Some(patient)
}
