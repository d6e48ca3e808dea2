//! ITI-106 Generate Metadata. MHD 2:3.106; spec/fhir.md section 7.

use crate::document_metadata::{self, Described};
use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, fhir_body, resource, with_manners};
use crate::iti65_provide_document_bundle::BUNDLE_OCTETS;
use crate::iti105_simplified_publish::{
    DOCUMENT_OCTETS, NewDocument, SingleDocuments, Target, facts_of, metadata_refused, new_document,
};
use crate::{Access, Binding, Transaction};
use actors::Cx;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use fhir::generate_metadata::{self, Document, Input};
use fhir::operation_outcome::OperationOutcome;
use fhir::search::Parameters;
use http::StatusCode;
use model::Oid;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-106",
    name: "Generate Metadata",
    section: "MHD 2:3.106",
    binding: Binding::Http { method: "POST", path: "/fhir/DocumentReference/$generate-metadata" },
    access: Access::Publish,
};

/// Answers a source that has a document and no metadata: the document is published with what it says of itself.
#[derive(Clone)]
pub struct Server {
    pub documents: SingleDocuments,
    /// The affinity domain: of a patient's identifiers in a document, its own is the one that counts.
    pub patient_domain: Option<Oid>,
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
            .route("/fhir/DocumentReference/$generate-metadata", post(on_post.clone()))
            .route("/fhir/DocumentReference/%24generate-metadata", post(on_post));
        with_manners(router, &edge)
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts::default();
        let answered = self.respond(&parts, body, &mut facts, &cx).await;
        let outcome = answered.as_ref().map_or_else(Refused::audit_outcome, |_| Outcome::Success);
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        match answered {
            Ok((format, body)) => resource(StatusCode::OK, format, body),
            Err(refused) => refused.respond(&cx),
        }
    }

    async fn respond(
        &self,
        parts: &http::request::Parts,
        body: Body,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<(Format, Vec<u8>), Refused> {
        let query = parts.uri.query().unwrap_or("");
        let format = Format::negotiate(&parts.headers, Parameters::decode(query)?.first("_format"))?;
        let body = fhir_body(&parts.headers, body, BUNDLE_OCTETS).await?;
        let input = generate_metadata::decode(&body, DOCUMENT_OCTETS).map_err(metadata_refused)?;
        drop(body);
        let document = match input {
            Input::Document(document) => self.described(document, cx).await?,
            Input::Described(received) => new_document(*received, cx).0,
        };
        *facts = facts_of(&document.entry);
        let registered = self.documents.publish(document, cx).await?;
        let reference = format!("DocumentReference/{}", fhir::identifier::resource_id(&registered.entry.id));
        Ok((format, generate_metadata::encode(&reference)))
    }

    /// A document with what it says of itself.
    async fn described(&self, document: Document, cx: &Cx) -> Result<NewDocument, Refused> {
        let id = cx.identifiers.entry_uuid();
        let (domain, defaults) = (self.patient_domain.clone(), self.documents.defaults.clone());
        let described =
            tokio::task::spawn_blocking(move || document_metadata::describe(document, id, domain.as_ref(), &defaults));
        let described = described.await.map_err(|error| {
            tracing::error!(request_id = cx.request_id, %error, "a document could not be looked into");
            Refused::from(&actors::Refusal::from(actors::Fault::Internal { log_id: cx.request_id.clone() }))
        })?;
        let Described { entry, octets, relations } = described.map_err(findings_refused)?;
        let relations = relations.into_iter().map(|(kind, unique_id)| (kind, Target::Document(unique_id))).collect();
        Ok(NewDocument { entry, octets: octets.into(), relations })
    }
}

/// All findings as one answer; the first one gives the status.
fn findings_refused(findings: Vec<fhir::DecodeError>) -> Refused {
    let mut all = findings.into_iter().map(metadata_refused);
    let first = all.next().unwrap_or(Refused {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        outcome: OperationOutcome { issues: Vec::new() },
    });
    all.fold(first, |mut refused, next| {
        refused.outcome.issues.extend(next.outcome.issues);
        refused
    })
}
