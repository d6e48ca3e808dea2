//! Whoever knows that a study has changed says so over HTTP: `POST /pacs_proxy/studies/UID`, or
//! `POST /pacs_proxy/studies?accession=NUMBER`, which the PACS is asked for. 202: it will be looked at.
//! Source: spec/dicom.md section 22.6.

use super::Looks;
use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::operation_outcome;
use crate::{Access, Binding, Transaction};
use actors::{Cx, Fault};
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use model::StudyInstanceUid;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "PACS-LOOK",
    name: "Look at a study of the PACS",
    section: "none: a trigger of the PACS proxy",
    binding: Binding::Http { method: "POST", path: "/pacs_proxy/studies/{study}" },
    access: Access::Publish,
};

const BASE: &str = "/pacs_proxy/studies";

/// Takes requests.
pub struct Server {
    pub looks: Looks,
    pub edge: Edge,
}

/// Status and sentence of what was not done.
type Refused = (StatusCode, String);

fn refused(fault: Fault) -> Refused {
    (operation_outcome::status(&fault), operation_outcome::diagnostics(&fault))
}

impl Server {
    pub fn router(self) -> Router {
        let server = Arc::new(self);
        let answer = move |request: Request| {
            let server = server.clone();
            async move { server.answer(request).await }
        };
        Router::new().route(BASE, post(answer.clone())).route("/pacs_proxy/studies/{study}", post(answer))
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let uid = parts.uri.path().strip_prefix(BASE).unwrap_or_default().trim_matches('/');
        let looked = match uid {
            "" => self.by_accession(parts.uri.query().unwrap_or_default(), &cx).await,
            uid => self.by_uid(uid, &cx).await,
        };
        let (outcome, objects) = match &looked {
            Ok(studies) => (Outcome::Success, studies.iter().map(ToString::to_string).collect()),
            Err((_, reason)) => (Outcome::MinorFailure(reason.clone()), Vec::new()),
        };
        self.edge.audit(&TRANSACTION, outcome, Facts { objects, ..Facts::default() }, &cx);
        match looked {
            Ok(studies) => {
                let lines: String = studies.iter().map(|study| format!("{study}\n")).collect();
                (StatusCode::ACCEPTED, lines).into_response()
            }
            Err((status, reason)) => (status, format!("{reason} (reference {})\n", cx.request_id)).into_response(),
        }
    }

    /// Who names a study answers for it too.
    async fn by_uid(&self, uid: &str, cx: &Cx) -> Result<Vec<StudyInstanceUid>, Refused> {
        let study = StudyInstanceUid::parse(uid);
        let study = study.map_err(|e| (StatusCode::BAD_REQUEST, format!("Study Instance UID {}", e.rule)))?;
        let (observer, uid, at) = (self.looks.observer.clone(), study.clone(), cx.clone());
        let resumed = tokio::task::spawn_blocking(move || observer.resume(&uid, &at)).await;
        resumed.unwrap_or(Err(Fault::Busy)).map_err(refused)?;
        self.looks.study(&study, cx).await.map_err(refused)?;
        Ok(vec![study])
    }

    async fn by_accession(&self, query: &str, cx: &Cx) -> Result<Vec<StudyInstanceUid>, Refused> {
        let wanted = "must be /pacs_proxy/studies/UID or /pacs_proxy/studies?accession=NUMBER";
        let bad = || (StatusCode::BAD_REQUEST, wanted.to_owned());
        let parameters = fhir::search::Parameters::decode(query).map_err(|_| bad())?;
        let accession_number = parameters.first("accession").filter(|text| !text.is_empty()).ok_or_else(bad)?;
        self.looks.accession(accession_number, cx).await.map_err(refused)
    }
}
