//! ITI-65 Provide Document Bundle. MHD 2:3.65; spec/fhir.md sections 2, 6.

mod client;
mod publication;

pub use client::Client;
pub use publication::Publication;

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::fhir_server::{Format, Refused, fhir_body, prefer, resource, with_manners};
use crate::iti42_register_document_set::facts;
use crate::iti66_find_document_lists::Lists;
use crate::iti67_find_document_references::document_reference;
use crate::{Access, Binding, Transaction};
use actors::{Cx, DocumentContent, ProvidedDocument, Sha256};
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use fhir::document_reference::document_url;
use fhir::identifier::resource_id;
use fhir::metadata_defaults::MetadataDefaults;
use fhir::operation_outcome::OperationOutcome;
use fhir::provide_bundle::{self, BundleEntry, EntryKind, ProvideContext, ProvidedBundle, encode_response};
use fhir::search::Parameters;
use http::StatusCode;
use model::{ObjectId, UniqueId};
use publication::Published;
use serde_json::value::RawValue;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-65",
    name: "Provide Document Bundle",
    section: "MHD 2:3.65",
    binding: Binding::Http { method: "POST", path: "/fhir" },
    access: Access::Publish,
};

/// Largest Bundle with its documents, octets. Larger documents come by ITI-41, which streams.
pub const BUNDLE_OCTETS: usize = 32 << 20;

/// Answers a source.
#[derive(Clone)]
pub struct Server {
    pub publication: Publication,
    /// Stand in for what Minimal metadata leave out.
    pub defaults: Arc<MetadataDefaults>,
    /// Where what was published is shown.
    pub lists: Lists,
    pub edge: Edge,
}

impl Server {
    pub fn router(self) -> Router {
        let edge = self.edge.clone();
        let server = Arc::new(self);
        let route = || {
            let server = server.clone();
            post(move |request: Request| {
                let server = server.clone();
                async move { server.answer(request).await }
            })
        };
        with_manners(Router::new().route("/fhir", route()).route("/fhir/", route()), &edge)
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let cx = self.edge.cx(&parts);
        let mut known = Facts::default();
        let answered = async {
            let query = parts.uri.query().unwrap_or("");
            let format = Format::negotiate(&parts.headers, Parameters::decode(query)?.first("_format"))?;
            let body = fhir_body(&parts.headers, body, BUNDLE_OCTETS).await?;
            let (provided, published) = self.provide(&body, &mut known, &cx).await?;
            let resources = if prefer(&parts.headers).contains("return=representation") {
                self.representation(&provided, &published, &cx).await?
            } else {
                Vec::new()
            };
            Ok::<_, Refused>((format, self.response(&provided, &published, &resources, &cx)))
        }
        .await;
        let outcome = answered.as_ref().map_or_else(Refused::audit_outcome, |_| Outcome::Success);
        self.edge.audit(&TRANSACTION, outcome, known, &cx);
        match answered {
            Ok((format, body)) => resource(StatusCode::OK, format, body),
            Err(refused) => refused.respond(&cx),
        }
    }

    async fn provide(&self, body: &[u8], known: &mut Facts, cx: &Cx) -> Result<(Vec<BundleEntry>, Published), Refused> {
        let mut bundle = self.decode(body, cx).map_err(refused)?;
        *known = facts(&bundle.submission);
        self.publication.place_in_folders(&mut bundle, cx).await?;
        let ProvidedBundle { submission, documents, entries, .. } = bundle;
        let documents = documents
            .into_iter()
            .map(|document| ProvidedDocument {
                entry_id: document.entry_id,
                content: DocumentContent::Memory(Arc::unwrap_or_clone(document.octets).into()),
            })
            .collect();
        let published = self.publication.publish(submission, documents, cx).await?;
        Ok((entries, published))
    }

    fn decode(&self, body: &[u8], cx: &Cx) -> Result<ProvidedBundle, Vec<fhir::DecodeError>> {
        let fresh_id = || cx.identifiers.entry_uuid();
        let context =
            ProvideContext { fresh_id: &fresh_id, derive_unique_id: &derived_unique_id, defaults: &self.defaults };
        provide_bundle::decode(body, &context)
    }

    /// What became of each entry, as ITI-66 and ITI-67 show it now; documents themselves are not given back.
    async fn representation(
        &self,
        entries: &[BundleEntry],
        published: &Published,
        cx: &Cx,
    ) -> Result<Vec<Option<Box<RawValue>>>, Refused> {
        let mut resources = Vec::with_capacity(entries.len());
        for entry in entries {
            let octets = match &entry.kind {
                EntryKind::SubmissionSet(id) | EntryKind::Folder { id, .. } => {
                    self.lists.one(published.id_of(id).clone(), cx).await?.map(|(_, octets)| octets)
                }
                EntryKind::Document(id) | EntryKind::Patch(id) => {
                    let id = published.id_of(id);
                    let shown = document_reference(&*self.lists.registry, id, &self.lists.place, cx).await?;
                    shown.map(|(_, octets)| octets)
                }
                EntryKind::Content(_) | EntryKind::Patient(_) => None,
            };
            let text = octets.and_then(|octets| String::from_utf8(octets).ok());
            resources.push(text.and_then(|text| RawValue::from_string(text).ok()));
        }
        Ok(resources)
    }

    /// `resources`: one for each entry, or none at all.
    fn response(
        &self,
        entries: &[BundleEntry],
        published: &Published,
        resources: &[Option<Box<RawValue>>],
        cx: &Cx,
    ) -> Vec<u8> {
        const CREATED: &str = "201 Created";
        const OK: &str = "200 OK";
        let now = fhir::datetime::encode_instant(&cx.now());
        let at = |kind: &str, id: &ObjectId| format!("{kind}/{}", resource_id(published.id_of(id)));
        let outcome = |entry: &BundleEntry| {
            let (status, location, version) = match &entry.kind {
                EntryKind::SubmissionSet(id) => (CREATED, at("List", id), Some(1)),
                EntryKind::Document(id) => (CREATED, at("DocumentReference", id), Some(1)),
                EntryKind::Folder { id, is_new: true } => (CREATED, at("List", id), Some(1)),
                EntryKind::Folder { id, is_new: false } => (OK, at("List", id), None),
                EntryKind::Patch(id) => (OK, at("DocumentReference", id), None),
                EntryKind::Content(unique_id) => (CREATED, document_url(&self.lists.place.base, unique_id), None),
                EntryKind::Patient(id) => {
                    let id = fhir::patient::resource_id(id);
                    (OK, id.map_or_else(|| "Patient".to_owned(), |id| format!("Patient/{id}")), None)
                }
            };
            let last_modified = (status == CREATED).then_some(now.clone());
            (status, location, version, last_modified)
        };
        let answers: Vec<_> = entries.iter().map(|entry| (entry, outcome(entry))).collect();
        let outcomes = answers.iter().enumerate().map(|(i, (entry, (status, location, version, last_modified)))| {
            provide_bundle::Outcome {
                status,
                location: location.clone(),
                version: *version,
                last_modified: last_modified.as_deref(),
                resource: resources.get(i).and_then(|resource| resource.as_deref()),
                warnings: &entry.warnings,
            }
        });
        encode_response(outcomes.collect())
    }
}

/// The same content gives the same OID: a UUID of the content's hash, below 2.25.
pub(crate) fn derived_unique_id(content: &[u8]) -> UniqueId {
    let digest = Sha256::of(content).0;
    let mut number = [0; 16];
    number.copy_from_slice(&digest[..16]);
    // RFC 9562: version 8, a UUID of one's own making.
    number[6] = number[6] & 0x0f | 0x80;
    number[8] = number[8] & 0x3f | 0x80;
    let text = format!("2.25.{}", u128::from_be_bytes(number));
    UniqueId::parse(&text).expect("an OID is a uniqueId")
}

/// All findings of a decoder as one answer. A document without its octets has its own code, as in ITI-41.
pub(crate) fn refused(findings: Vec<fhir::DecodeError>) -> Refused {
    let issues = findings.iter().flat_map(|finding| {
        let mut outcome = finding.outcome();
        let missing = finding.path.ends_with("attachment.url");
        for issue in &mut outcome.issues {
            let code = if missing { "XDSMissingDocument" } else { "XDSRegistryMetadataError" };
            issue.details.get_or_insert_with(|| code.to_owned());
            if missing {
                issue.code = "not-found".to_owned();
            }
        }
        outcome.issues
    });
    let outcome = OperationOutcome { issues: issues.collect() };
    let status = findings.into_iter().next().map_or(StatusCode::UNPROCESSABLE_ENTITY, |f| Refused::from(f).status);
    Refused { status, outcome }
}
