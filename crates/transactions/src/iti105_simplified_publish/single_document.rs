//! One document that comes through the FHIR door without a submission set: the set is derived, the metadata are completed,
//! and it is published as a Bundle of ITI-65 would be. Source: spec/fhir.md section 7; MHD 2:3.105.4.1.3.

use crate::edge::fhir_place::FhirPlace;
use crate::edge::fhir_server::Refused;
use crate::iti65_provide_document_bundle::{Publication, derived_unique_id};
use crate::iti67_find_document_references::document_reference;
use crate::report_source::submission;
use actors::{Cx, DocumentContent, Fault, ProvidedDocument, Refusal};
use bytes::Bytes;
use fhir::metadata_defaults::MetadataDefaults;
use fhir::operation_outcome::Issue;
use http::StatusCode;
use model::{
    Association, AssociationType, AvailabilityStatus, Code, DocumentEntry, ObjectId, Oid, Submission, UniqueId,
};
use std::sync::Arc;

/// Publishes single documents.
#[derive(Clone)]
pub struct SingleDocuments {
    pub publication: Publication,
    /// Stand in for what the source leaves out.
    pub defaults: Arc<MetadataDefaults>,
    /// sourceId of the submission sets.
    pub source_id: Oid,
    /// Whether `replaces` is taken; without it only ITI-65 replaces.
    pub replaces: bool,
    pub place: FhirPlace,
}

/// A document and what came with it.
pub(crate) struct NewDocument {
    /// Its id is given here; absent codes are empty.
    pub entry: DocumentEntry,
    pub octets: Bytes,
    pub relations: Vec<(AssociationType, Target)>,
}

/// The document that a relation leads to.
pub(crate) enum Target {
    /// By its entryUUID, or by what the registry will not know.
    Object(ObjectId),
    /// By its uniqueId.
    Document(UniqueId),
}

/// What is registered, now or since the first time.
pub(crate) struct Registered {
    pub entry: DocumentEntry,
    /// Its DocumentReference as ITI-67 gives it.
    pub resource: Vec<u8>,
    pub is_new: bool,
    /// FHIR elements that this node filled.
    pub completed: Vec<&'static str>,
}

impl SingleDocuments {
    /// Publishes a document. The same document with the same metadata again is answered with what there is.
    ///
    /// Errors: those of ITI-65; a relation to a document that is not registered; a replacement where none is taken.
    pub(crate) async fn publish(&self, document: NewDocument, cx: &Cx) -> Result<Registered, Refused> {
        if document.relations.iter().any(|(kind, _)| kind.replaces()) && !self.replaces {
            return Err(replacement_refused());
        }
        let relations = self.resolved(document.relations, cx).await?;
        let came = |completed: DocumentEntry| NewSubmission {
            entry: completed,
            content_type_code: content_type_code(&document.entry),
            octets: document.octets.clone(),
            relations: relations.clone(),
        };
        let (mut entry, mut completed) = self.completed(&document.entry, cx).await?;
        let mut published = self.provide(came(entry.clone()), cx).await;
        if document.entry.creation_time.is_none() && published.as_ref().is_err_and(is_duplicate) {
            // It came twice at once, and the other one got its creationTime first.
            (entry, completed) = self.completed(&document.entry, cx).await?;
            published = self.provide(came(entry.clone()), cx).await;
        }
        let (id, is_new) = published?;
        let shown = document_reference(&*self.publication.registry, &id, &self.place, cx).await?;
        let gone = || Refusal::from(Fault::DocumentNotFound(entry.unique_id.clone()));
        let (entry, resource) = shown.ok_or_else(gone)?;
        Ok(Registered { entry, resource, is_new, completed })
    }

    /// The DocumentReference of a registered document.
    pub(crate) async fn shown(&self, id: &ObjectId, cx: &Cx) -> Result<Option<(DocumentEntry, Vec<u8>)>, Refused> {
        Ok(document_reference(&*self.publication.registry, id, &self.place, cx).await?)
    }

    /// The entry with all that a registry asks for, and the elements that were filled.
    async fn completed(&self, came: &DocumentEntry, cx: &Cx) -> Result<(DocumentEntry, Vec<&'static str>), Refusal> {
        let mut entry = came.clone();
        entry.id = cx.identifiers.entry_uuid();
        let mut submitted = cx.now();
        if entry.creation_time.is_none() {
            // The same document again would else have another creationTime.
            let before = self.publication.entries(vec![entry.unique_id.clone()], cx).await?;
            submitted = before.into_iter().find_map(|known| known.creation_time).unwrap_or(submitted);
        }
        let filled = self.defaults.complete(&mut entry, &submitted);
        Ok((entry, filled))
    }

    async fn resolved(
        &self,
        relations: Vec<(AssociationType, Target)>,
        cx: &Cx,
    ) -> Result<Vec<(AssociationType, ObjectId)>, Refusal> {
        let mut out = Vec::with_capacity(relations.len());
        for (kind, target) in relations {
            let id = match target {
                Target::Object(id) => id,
                Target::Document(unique_id) => {
                    let known = self.publication.entries(vec![unique_id.clone()], cx).await?;
                    let current = known.iter().find(|e| e.availability_status == AvailabilityStatus::Approved);
                    let role = "target of a relation, by its uniqueId";
                    let unknown = || Fault::UnresolvedReference { id: unique_id.to_string(), role };
                    current.or(known.first()).ok_or_else(unknown)?.id.clone()
                }
            };
            out.push((kind, id));
        }
        Ok(out)
    }

    /// The entryUUID that the document has in the registry, and whether it is new there.
    async fn provide(&self, document: NewSubmission, cx: &Cx) -> Result<(ObjectId, bool), Refusal> {
        let id = document.entry.id.clone();
        let content = DocumentContent::Memory(document.octets.clone());
        let documents = vec![ProvidedDocument { entry_id: id.clone(), content }];
        let published = self.publication.publish(self.submission(document, cx), documents, cx).await?;
        Ok((published.id_of(&id).clone(), published.is_new()))
    }

    fn submission(&self, document: NewSubmission, cx: &Cx) -> Submission {
        let NewSubmission { entry, content_type_code, octets, relations } = document;
        let seed = [b"ITI-105\0", entry.unique_id.as_str().as_bytes(), b"\0", &octets].concat();
        let id = entry.id.clone();
        let mut submission = submission(entry, &[], self.source_id.clone(), cx);
        submission.set.unique_id = derived_unique_id(&seed);
        submission.set.authors.truncate(1);
        if let Some(code) = content_type_code {
            submission.set.content_type_code = code;
        }
        let relations = relations.into_iter().map(|(kind, target)| Association {
            id: cx.identifiers.entry_uuid(),
            kind,
            source: id.clone(),
            target,
            availability_status: AvailabilityStatus::Approved,
            home_community_id: None,
            submission_set_status: None,
            documentation: None,
            extra: Vec::new(),
        });
        submission.associations.extend(relations);
        submission
    }
}

/// A document whose metadata are complete.
struct NewSubmission {
    entry: DocumentEntry,
    content_type_code: Option<Code>,
    octets: Bytes,
    relations: Vec<(AssociationType, ObjectId)>,
}

/// The category where the source gives no type; else the set takes the type of its document.
fn content_type_code(came: &DocumentEntry) -> Option<Code> {
    let given = |code: &Code| !code.code.is_empty();
    (!given(&came.type_code) && given(&came.class_code)).then(|| came.class_code.clone())
}

fn is_duplicate(refusal: &Refusal) -> bool {
    refusal.faults().iter().any(|fault| matches!(fault, Fault::DuplicateUniqueId { .. }))
}

/// The option of the transaction has no replacement, its text has: a node decides. Source: spec/fhir.md section 20 (39).
fn replacement_refused() -> Refused {
    let text = "relatesTo replaces is not taken here: replace documents by ITI-65, or set simplified_replace = true in \
                actors.mhd_document_recipient";
    let issue = Issue::error("not-supported").diagnostics(text).expression("DocumentReference.relatesTo");
    Refused::new(StatusCode::UNPROCESSABLE_ENTITY, issue)
}
