//! ITI-105 Simplified Publish. MHD 2:3.105; spec/fhir.md sections 2, 4, 7.

mod single_document;

pub use single_document::SingleDocuments;
pub(crate) use single_document::{NewDocument, Registered, Target};

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, Return, fhir_body, read_resource, resource, with_manners};
use crate::iti65_provide_document_bundle::BUNDLE_OCTETS;
use crate::{Access, Binding, Transaction};
use actors::{Cx, Refusal};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use fhir::operation_outcome::{Issue, OperationOutcome, Severity};
use fhir::search::{Handling, Parameters, SearchOptions};
use fhir::simplified_publish::{self, SimplifiedPublish};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::{DocumentEntry, ObjectId};
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-105",
    name: "Simplified Publish",
    section: "MHD 2:3.105",
    binding: Binding::Http { method: "POST", path: "/fhir/DocumentReference" },
    access: Access::Publish,
};

/// Largest document inside a resource, octets: its base64 and the metadata have to fit into a body. Larger documents come by
/// ITI-41, which streams.
pub const DOCUMENT_OCTETS: usize = 20 << 20;

/// Answers a source.
#[derive(Clone)]
pub struct Server {
    pub documents: SingleDocuments,
    pub edge: Edge,
}

/// What a source is told.
struct Answer {
    status: StatusCode,
    format: Format,
    shown: Return,
    entry: DocumentEntry,
    resource: Vec<u8>,
    remarks: Vec<String>,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let on_post = move |request: Request| {
            let server = server.clone();
            async move { server.answer(request).await }
        };
        with_manners(Router::new().route("/fhir/DocumentReference", post(on_post)), &edge)
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut facts = Facts::default();
        let answered = self.respond(&parts, body, &mut facts, &cx).await;
        let outcome = answered.as_ref().map_or_else(Refused::audit_outcome, |_| Outcome::Success);
        self.edge.audit(&TRANSACTION, outcome, facts, &cx);
        match answered {
            Ok(answer) => self.response(answer),
            Err(refused) => refused.respond(&cx),
        }
    }

    async fn respond(
        &self,
        parts: &http::request::Parts,
        body: Body,
        facts: &mut Facts,
        cx: &Cx,
    ) -> Result<Answer, Refused> {
        let query = parts.uri.query().unwrap_or("");
        let format = Format::negotiate(&parts.headers, Parameters::decode(query)?.first("_format"))?;
        let shown = Return::of(&parts.headers);
        let body = fhir_body(&parts.headers, body, BUNDLE_OCTETS).await?;
        if let Some((entry, resource)) = self.existing(&parts.headers, cx).await? {
            *facts = facts_of(&entry);
            let remarks = vec!["a document of this identifier was published before; this one was not".to_owned()];
            return Ok(Answer { status: StatusCode::OK, format, shown, entry, resource, remarks });
        }
        let received = simplified_publish::decode(&body, DOCUMENT_OCTETS).map_err(metadata_refused)?;
        drop(body);
        let (document, warnings) = new_document(received, cx);
        *facts = facts_of(&document.entry);
        let Registered { entry, resource, is_new, completed } = self.documents.publish(document, cx).await?;
        let mut remarks = warnings;
        if !completed.is_empty() {
            remarks.push(format!("this server completed {}", completed.join(", ")));
        }
        if !is_new {
            remarks.push("the same document was published before; nothing changed".to_owned());
        }
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Answer { status, format, shown, entry, resource, remarks })
    }

    /// The document that an `If-None-Exist` finds. Source: http://hl7.org/fhir/R4/http.html#ccreate.
    ///
    /// Errors: another condition than identifiers: 400; several documents: 412.
    async fn existing(&self, headers: &HeaderMap, cx: &Cx) -> Result<Option<(DocumentEntry, Vec<u8>)>, Refused> {
        let Some(condition) = headers.get("if-none-exist") else { return Ok(None) };
        let text = condition.to_str().unwrap_or_default();
        let text = text.rsplit_once('?').map_or(text, |(_, query)| query);
        let named = Parameters::decode(text)?;
        if named.iter().next().is_none() || named.iter().any(|(name, _)| name != "identifier") {
            let text = "If-None-Exist must be identifier=system|value: that is what tells a document from others";
            let issue = Issue::error("not-supported").diagnostics(text).expression("http.If-None-Exist");
            return Err(Refused::new(StatusCode::BAD_REQUEST, issue));
        }
        let options = SearchOptions { handling: Handling::Strict, ..SearchOptions::default() };
        let search = fhir::search::decode(text, &options)?;
        let mut found: Vec<DocumentEntry> = Vec::new();
        for query in search.queries {
            let query = model::DocumentQuery { page: None, ..query };
            let answered = self.documents.publication.registry.find(&query, cx).await?;
            if let Some(party) = answered.silent.first() {
                // Absence is only claimed when everybody has answered.
                return Err(Refusal::from(party.fault.clone()).into());
            }
            for entry in answered.items {
                if !found.iter().any(|known| known.id == entry.id) {
                    found.push(entry);
                }
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [entry] => self.documents.shown(&entry.id, cx).await,
            _ => {
                let text = "the identifier of the condition is one of several documents; name one that only one has";
                let issue = Issue::error("multiple-matches").diagnostics(text).expression("http.If-None-Exist");
                Err(Refused::new(StatusCode::PRECONDITION_FAILED, issue))
            }
        }
    }

    /// The answer with its address and version, and as much in it as the source prefers.
    fn response(&self, answer: Answer) -> Response {
        let Answer { status, format, shown, entry, resource: json, remarks } = answer;
        let id = fhir::identifier::resource_id(&entry.id);
        let location = HeaderValue::from_str(&format!("{}/DocumentReference/{id}", self.documents.place.base));
        // The version is that of the resource, whatever of it is shown.
        let mut response = read_resource(format, json, entry.version.unwrap_or(1), entry.submission_time.as_ref());
        match shown {
            Return::Representation => {}
            Return::Minimal => {
                *response.body_mut() = Body::empty();
                response.headers_mut().remove(header::CONTENT_TYPE);
            }
            Return::OperationOutcome => {
                let told = |text: &String| Issue::new(Severity::Information, "informational").diagnostics(text);
                let mut issues: Vec<Issue> = remarks.iter().map(told).collect();
                if issues.is_empty() {
                    issues.push(told(&"the document is published".to_owned()));
                }
                let outcome = fhir::operation_outcome::encode(&OperationOutcome { issues });
                *response.body_mut() = resource(status, format, outcome).into_body();
            }
        }
        *response.status_mut() = status;
        if let Ok(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// What is to be published, and what was noticed in reading it.
pub(crate) fn new_document(received: SimplifiedPublish, cx: &Cx) -> (NewDocument, Vec<String>) {
    let SimplifiedPublish { entry, octets, relates_to, warnings } = received;
    let relations = relates_to.into_iter().map(|relation| {
        // A reference that can be no id at all stands for an object that nobody has.
        let id = relation.entry_id().or_else(|| ObjectId::parse(&relation.target).ok());
        (relation.kind, Target::Object(id.unwrap_or_else(|| cx.identifiers.entry_uuid())))
    });
    (NewDocument { entry, octets: octets.into(), relations: relations.collect() }, warnings)
}

pub(crate) fn facts_of(entry: &DocumentEntry) -> Facts {
    Facts { patient: Some(entry.patient_id.clone()), objects: vec![entry.unique_id.to_string()], query: None }
}

/// A finding in metadata, with the XDS code of what it is to a registry.
pub(crate) fn metadata_refused(finding: fhir::DecodeError) -> Refused {
    let mut refused = Refused::from(finding);
    if refused.status == StatusCode::UNPROCESSABLE_ENTITY {
        for issue in &mut refused.outcome.issues {
            issue.details.get_or_insert_with(|| "XDSRegistryMetadataError".to_owned());
        }
    }
    refused
}
