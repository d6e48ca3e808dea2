//! Responses of the portal beyond those that all pages have: errors in its words, and what is not ours.

use super::problems::Trouble;
use super::{Asked, BASE, Here};
pub(super) use crate::edge::pages::json;
use crate::edge::pages::{self as shared, POLICY, answer, set};
use axum::body::Body;
use axum::response::Response;
use http::{StatusCode, header};
use pages::{ErrorPage, Template};

/// For what is not ours: it may do nothing but be looked at.
const FOREIGN_POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'self'";

/// A page of the portal.
pub(super) fn page(status: StatusCode, asked: &Asked, page: &impl Template) -> Response {
    shared::page(status, asked, BASE, page)
}

impl Here {
    /// The error page; the patient's name leads back to the timeline.
    pub(super) fn trouble(&self, asked: &Asked, patient: &str, trouble: Trouble) -> Response {
        tracing::warn!(request_id = asked.cx.request_id, reason = trouble.log, "the portal answers with an error page");
        // An unknown patient has no timeline to go back to.
        let patient = if trouble.leads_nowhere() { "" } else { patient };
        let (status, problem) = (trouble.status, trouble.problem(asked));
        page(status, asked, &ErrorPage::of(problem, &asked.here, self.frame(asked, patient)))
    }
}

/// A problem for a script.
pub(super) fn json_trouble(asked: &Asked, trouble: Trouble) -> Response {
    tracing::warn!(request_id = asked.cx.request_id, reason = trouble.log, "the portal answers with a problem");
    let (status, problem) = (trouble.status, trouble.problem(asked));
    let value = serde_json::json!({
        "what": problem.what, "who": problem.who, "advice": problem.advice, "reference": problem.reference,
    });
    answer(status, "application/json", POLICY, Body::from(value.to_string()))
}

/// Octets of somebody else's document or image; `save` names the file that a browser shall keep.
pub(super) fn foreign(content_type: &str, octets: bytes::Bytes, save: Option<&str>) -> Response {
    let mut response = answer(StatusCode::OK, content_type, FOREIGN_POLICY, Body::from(octets));
    let disposition = match save {
        Some(name) => format!("attachment; filename=\"{name}\""),
        None => "inline".to_owned(),
    };
    set(response.headers_mut(), header::CONTENT_DISPOSITION, &disposition);
    response
}
