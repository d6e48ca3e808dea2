//! Choosing a patient, and the timeline.

use super::problems::{Kind, Trouble, silent};
use super::{Asked, Here, VIEW_TIMELINE, answers};
use crate::edge::audit::{Facts, Outcome};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use pages::{Filter, PatientsPage, TimelinePage, urls};
use std::sync::Arc;

/// Patients in one list; more letters find the others.
const MOST_PATIENTS: usize = 50;

pub(super) async fn patients(State(here): State<Arc<Here>>, request: Request) -> Response {
    let asked = here.asked(&request.into_parts().0);
    match here.patients_page(&asked).await {
        Ok(page) => answers::page(StatusCode::OK, &asked, &page),
        Err(trouble) => here.trouble(&asked, "", trouble),
    }
}

pub(super) async fn timeline(State(here): State<Arc<Here>>, Path(patient): Path<String>, request: Request) -> Response {
    let asked = here.asked(&request.into_parts().0);
    let page = here.timeline_page(&patient, &asked).await;
    let outcome = match &page {
        Ok(page) if page.silent.is_empty() => Outcome::Success,
        Ok(_) => Outcome::MinorFailure("a source has not answered".to_owned()),
        Err(trouble) => Outcome::MinorFailure(trouble.log.clone()),
    };
    let query = serde_json::json!({ "statuses": "all", "page": asked.here }).to_string();
    let facts = Facts { patient: here.patient_id(&patient).ok(), query: Some(query), ..Facts::default() };
    here.portal.edge.audit(&VIEW_TIMELINE, outcome, facts, &asked.cx);
    match page {
        Ok(page) => answers::page(StatusCode::OK, &asked, &page),
        Err(trouble) => here.trouble(&asked, "", trouble),
    }
}

pub(super) async fn nothing_here(State(here): State<Arc<Here>>, request: Request) -> Response {
    let asked = here.asked(&request.into_parts().0);
    here.trouble(&asked, "", Trouble::of(Kind::NoPage, ""))
}

impl Here {
    async fn patients_page(&self, asked: &Asked) -> Result<PatientsPage, Trouble> {
        let text: String = asked.parameter("q").unwrap_or("").trim().chars().take(128).collect();
        let mut found = self.portal.identity.search(&text, MOST_PATIENTS + 1, &asked.cx).await?;
        let more = found.items.len() > MOST_PATIENTS || found.next.is_some();
        found.items.truncate(MOST_PATIENTS);
        let name = |patient: &model::Patient| urls::patient_name(&patient.id, &self.portal.patient_domain);
        let silent = silent(&found.silent, asked.texts);
        let frame = self.frame(asked, "");
        Ok(PatientsPage::of(&text, &found.items, name, more, silent, frame, &asked.reader))
    }

    async fn timeline_page(&self, patient: &str, asked: &Asked) -> Result<TimelinePage, Trouble> {
        let case = self.case(patient, asked).await?;
        let filter = Filter::of(|name| asked.parameter(name));
        let input = self.input(&case, &filter);
        Ok(TimelinePage::of(&input, self.frame(asked, patient), &asked.reader))
    }
}
