//! ITI-83 Mobile Patient Identifier Cross-reference Query: `$ihe-pix`. PIXm 2:3.83; spec/fhir.md section 13.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, fhir_body, resource, with_manners};
use crate::iti78_mobile_patient_demographics_query::{TARGET_SYSTEM, said};
use crate::{Access, Binding, Transaction};
use actors::{Cx, Identity};
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use fhir::parameters::{PixQuestion, PixTarget};
use http::{Method, StatusCode};
use model::{Oid, Patient, PatientId, PatientIdTerm, PatientQuery};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-83",
    name: "Mobile Patient Identifier Cross-reference Query",
    section: "PIXm 2:3.83",
    binding: Binding::Http { method: "GET", path: "/fhir/Patient/$ihe-pix" },
    access: Access::Identity,
};

const BODY_OCTETS: usize = 64 * 1024;
/// The words of PIXm.
const UNKNOWN_ID: &str = "sourceIdentifier Patient Identifier not found";
const UNKNOWN_AUTHORITY: &str = "sourceIdentifier Assigning Authority not found";

/// Answers consumers of cross-references.
///
/// Linked are the identifiers that feeds gave together: a patient's own in the affinity domain, and those of other
/// domains. Domains are the affinity domain, every one that a feed has named, and this server, whose system is its base
/// address and whose values are `Patient/` and an id. An identifier that was merged away gets an empty answer, one that
/// was removed is not found.
#[derive(Clone)]
pub struct Server {
    pub identity: Arc<dyn Identity>,
    /// Public address of `/fhir`, without a slash at the end.
    pub fhir_base: String,
    pub edge: Edge,
}

/// Whom is asked for.
struct Source {
    id: PatientId,
    /// Named as a resource of this server.
    is_resource: bool,
}

/// Which identifiers are wanted; without any target, all.
#[derive(Default)]
struct Targets {
    given: bool,
    domains: Vec<Oid>,
    this_server: bool,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let on_any = move |request: Request| {
            let server = server.clone();
            async move { server.answer(request).await }
        };
        // Some clients escape the dollar sign.
        let mut router = Router::new();
        for path in ["/fhir/Patient/$ihe-pix", "/fhir/Patient/%24ihe-pix"] {
            router = router.route(path, get(on_any.clone()).post(on_any.clone()));
        }
        with_manners(router, &edge)
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts::default();
        let answered = self.respond(&parts, body, &mut facts, &cx).await;
        let outcome = match &answered {
            Ok(_) => Outcome::Success,
            Err(refused) => refused.audit_outcome(),
        };
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        answered.unwrap_or_else(|refused| refused.respond(&cx))
    }

    async fn respond(
        &self,
        parts: &http::request::Parts,
        body: axum::body::Body,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Response, Refused> {
        let query = parts.uri.query().unwrap_or("");
        let question = if parts.method == Method::POST {
            let body = fhir_body(&parts.headers, body, BODY_OCTETS).await?;
            fhir::parameters::decode_pix(&body)?
        } else {
            facts.query = Some(query.to_owned());
            fhir::parameters::pix_of_query(query)?
        };
        let of_url = fhir::search::Parameters::decode(query)?;
        let format = of_url.first("_format").or(question.format.as_deref());
        let format = Format::negotiate(&parts.headers, format)?;
        let known = self.identity.domains(cx).await?;
        let source = self.source(&question, &known)?;
        facts.patient = Some(source.id.clone());
        let targets = self.targets(&question, &known)?;
        let term = if source.is_resource { PatientIdTerm::Own } else { PatientIdTerm::Exact };
        let query = PatientQuery { ids: vec![vec![term(source.id.clone())]], ..PatientQuery::default() };
        let found = self.identity.query(&query, cx).await?.items;
        if found.is_empty() && self.identity.survivor(&source.id, cx).await?.is_none() {
            return Err(said(StatusCode::NOT_FOUND, "not-found", UNKNOWN_ID));
        }
        let mut answer = Vec::new();
        for patient in &found {
            self.add(patient, &source, &targets, &mut answer);
        }
        Ok(resource(StatusCode::OK, format, fhir::parameters::encode_pix(&answer)))
    }

    fn is_base(&self, system: &str) -> bool {
        system.trim_end_matches('/') == self.fhir_base
    }

    fn source(&self, question: &PixQuestion, known: &[Oid]) -> Result<Source, Refused> {
        let (system, value) = &question.source;
        if self.is_base(system) {
            let id = value.strip_prefix("Patient/").unwrap_or(value);
            let id = fhir::patient::id_of_resource_id(id);
            let id = id.ok_or_else(|| said(StatusCode::NOT_FOUND, "not-found", UNKNOWN_ID))?;
            return Ok(Source { id, is_resource: true });
        }
        let domain = domain(system).filter(|domain| known.contains(domain));
        let domain = domain.ok_or_else(|| said(StatusCode::BAD_REQUEST, "code-invalid", UNKNOWN_AUTHORITY))?;
        Ok(Source { id: PatientId::new(value.as_str(), domain), is_resource: false })
    }

    fn targets(&self, question: &PixQuestion, known: &[Oid]) -> Result<Targets, Refused> {
        let mut targets = Targets { given: !question.targets.is_empty(), ..Targets::default() };
        for system in &question.targets {
            if self.is_base(system) {
                targets.this_server = true;
                continue;
            }
            let domain = domain(system).filter(|domain| known.contains(domain));
            let unknown = || said(StatusCode::FORBIDDEN, "code-invalid", TARGET_SYSTEM);
            targets.domains.push(domain.ok_or_else(unknown)?);
        }
        Ok(targets)
    }

    /// What is linked to the source through one patient; the source itself is not.
    fn add(&self, patient: &Patient, source: &Source, targets: &Targets, answer: &mut Vec<PixTarget>) {
        let wanted = |id: &&PatientId| !targets.given || targets.domains.contains(&id.domain);
        let is_source = |id: &PatientId| !source.is_resource && *id == source.id;
        let ids: Vec<&PatientId> = patient.ids().filter(wanted).filter(|id| !is_source(id)).collect();
        let resource = fhir::patient::resource_id(&patient.id).filter(|_| !source.is_resource);
        if let Some(id) = resource.filter(|_| !targets.given || targets.this_server || !ids.is_empty()) {
            let reference = format!("Patient/{id}");
            answer.push(PixTarget::Patient(reference.clone()));
            if targets.this_server {
                answer.push(PixTarget::Identifier { system: self.fhir_base.clone(), value: reference });
            }
        }
        answer.extend(
            ids.into_iter()
                .map(|id| PixTarget::Identifier { system: format!("urn:oid:{}", id.domain), value: id.id.clone() }),
        );
    }
}

fn domain(system: &str) -> Option<Oid> {
    Oid::parse(system.strip_prefix("urn:oid:").unwrap_or(system)).ok()
}
