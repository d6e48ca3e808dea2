//! Deleting what the archive keeps: `DELETE /archive/studies/UID`, `.../series/UID`, `.../instances/UID`. The manifest follows:
//! it is replaced, or withdrawn when nothing is left. Source: spec/dicom.md section 6; PS3.15 A.5.3.5 (audit).

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::operation_outcome;
use crate::{Access, Binding, Transaction};
use actors::{Cx, ImageRequest, ImagingArchive};
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::delete;
use dicom::dicomweb::Target;
use http::StatusCode;
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ARCHIVE-DELETE",
    name: "Delete instances of the archive",
    section: "none: an operator's request",
    binding: Binding::Http { method: "DELETE", path: "/archive/studies/{study}" },
    access: Access::Administer,
};

const BASE: &str = "/archive";

/// Takes requests.
pub struct Server {
    pub archive: ImagingArchive,
    pub edge: Edge,
}

impl Server {
    pub fn router(self) -> Router {
        let server = Arc::new(self);
        let answer = move |request: Request| {
            let server = server.clone();
            async move { server.answer(request).await }
        };
        Router::new().route("/archive/studies/{*what}", delete(answer))
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let below = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
        let deleted = match wanted(below) {
            Ok(wanted) => self.delete(&wanted, &cx).await,
            Err(refused) => Err(refused),
        };
        let outcome = match &deleted {
            Ok(_) => Outcome::Success,
            Err((_, reason)) => Outcome::MinorFailure(reason.clone()),
        };
        let objects = below.split('/').filter(|part| part.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned);
        let facts = Facts { objects: objects.collect(), ..Facts::default() };
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        match deleted {
            Ok(count) => (StatusCode::OK, format!("{count} instances deleted\n")).into_response(),
            Err((status, reason)) => (status, format!("{reason} (reference {})\n", cx.request_id)).into_response(),
        }
    }

    async fn delete(&self, wanted: &ImageRequest, cx: &Cx) -> Result<usize, (StatusCode, String)> {
        let refused = |refusal: actors::Refusal| {
            let fault = refusal.first();
            (operation_outcome::status(fault), operation_outcome::diagnostics(fault))
        };
        self.archive.delete(wanted, cx).await.map_err(refused)
    }
}

fn wanted(path: &str) -> Result<ImageRequest, (StatusCode, String)> {
    let target = Target::parse(path).map_err(|e| (StatusCode::BAD_REQUEST, e.to_string()))?;
    let bad = |e: model::Invalid| (StatusCode::BAD_REQUEST, format!("{} {}", e.field, e.rule));
    Ok(ImageRequest {
        study: StudyInstanceUid::parse(&target.study).map_err(bad)?,
        series: target.series.as_deref().map(SeriesInstanceUid::parse).transpose().map_err(bad)?,
        instance: target.instance.as_deref().map(SopInstanceUid::parse).transpose().map_err(bad)?,
        syntaxes: Vec::new(),
    })
}
