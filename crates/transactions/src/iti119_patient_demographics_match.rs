//! ITI-119 Patient Demographics Match: `$match`. How matches are scored is in `actors::matches`.
//! PDQm 2:3.119; spec/fhir.md section 14.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, fhir_body, resource, with_manners};
use crate::edge::operation_outcome;
use crate::{Access, Binding, Transaction};
use actors::{Cx, Description, Identity, MatchGrade};
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use fhir::bundle::{Scored, match_searchset};
use fhir::operation_outcome::{Issue, OperationOutcome};
use fhir::search::Parameters;
use http::StatusCode;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-119",
    name: "Patient Demographics Match",
    section: "PDQm 2:3.119",
    binding: Binding::Http { method: "POST", path: "/fhir/Patient/$match" },
    access: Access::Identity,
};

/// Largest question, octets. It describes a person, so that no record but its identifier is made of it.
const BODY_OCTETS: usize = 1 << 20;
/// Most matches of one answer.
const MOST_MATCHES: usize = 100;

/// Answers consumers that describe a person.
#[derive(Clone)]
pub struct Server {
    pub identity: Arc<dyn Identity>,
    /// Public address of `/fhir`, without a slash at the end.
    pub fhir_base: String,
    pub edge: Edge,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let on_post = move |request: Request| {
            let server = server.clone();
            async move { server.answer(request).await }
        };
        // Some clients escape the dollar sign.
        let router = Router::new()
            .route("/fhir/Patient/$match", post(on_post.clone()))
            .route("/fhir/Patient/%24match", post(on_post));
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
        let query = Parameters::decode(parts.uri.query().unwrap_or(""))?;
        let format = Format::negotiate(&parts.headers, query.first("_format"))?;
        let body = fhir_body(&parts.headers, body, BODY_OCTETS).await?;
        let question = fhir::parameters::decode_match(&body)?;
        let asked = question.described;
        let described = Description {
            ids: asked.ids,
            name: asked.name,
            birth_date: asked.birth_date,
            sex: asked.sex,
            details: asked.details,
        };
        facts.patient = described.ids.first().cloned();
        if described.leads_nowhere() {
            let text = "the Patient must have an identifier with an OID as system, a family name or a birth date";
            let issue = Issue::error("required").diagnostics(text).expression("Patient");
            return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, issue));
        }
        let mut found = actors::matches(self.identity.as_ref(), &described, cx).await?;
        if question.only_certain {
            found.items.retain(|found| found.grade == MatchGrade::Certain);
            // Two persons cannot both be the one that is meant.
            if found.items.len() > 1 {
                found.items.clear();
            }
        }
        let total = found.items.len() as u64;
        found.items.truncate(question.count.unwrap_or(MOST_MATCHES).min(MOST_MATCHES));
        let scored: Vec<Scored<'_>> = found
            .items
            .iter()
            .map(|m| Scored { patient: &m.patient, thousandths: m.thousandths, grade: m.grade.code() })
            .collect();
        let outcomes: Vec<OperationOutcome> = found.silent.iter().map(operation_outcome::silent).collect();
        Ok(resource(StatusCode::OK, format, match_searchset(&scored, &self.fhir_base, total, &outcomes)))
    }
}
