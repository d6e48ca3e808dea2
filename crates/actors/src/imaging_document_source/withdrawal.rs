//! Taking manifests back: of a study of which nothing is left, and of the patient that a study was wrongly of. A manifest
//! is deprecated, never emptied. Source: spec/dicom.md section 6; RAD TF-2 4.68; ITI TF-2 3.57.

use super::{ImagingDocumentSource, complete, institution, symbolic};
use crate::{Cx, Refusal, UpdateKind};
use model::{
    Association, AssociationType, AvailabilityStatus, DocumentEntry, DocumentQuery, ExtraSlot, PatientId, ReferenceId,
    ReferenceTerm, StudyInstanceUid, Submission, SubmissionSet, Text, UniqueId,
};
use store::Publication;

impl ImagingDocumentSource {
    /// Current manifests of a study that stand where the one that was published last does: of the same patient, from the
    /// same institution.
    pub(super) async fn standing(
        &self,
        study: &StudyInstanceUid,
        publication: &Publication,
        cx: &Cx,
    ) -> Result<Vec<DocumentEntry>, Refusal> {
        let last = DocumentQuery { unique_ids: vec![publication.manifest.clone()], ..DocumentQuery::default() };
        let last = self.registry.find(&last, cx).await?;
        let Some(own) = last.items.first() else {
            complete(&last)?;
            return Ok(Vec::new());
        };
        let query = DocumentQuery {
            reference_ids: vec![vec![ReferenceTerm::Exact(ReferenceId::study(study))]],
            ..DocumentQuery::of_patient(own.patient_id.clone())
        };
        let found = self.registry.find(&query.approved(), cx).await?;
        complete(&found)?;
        let ours = found.items.into_iter().filter(|entry| entry.is_kos() && institution(entry) == institution(own));
        Ok(ours.collect())
    }

    /// The manifest that was published last, when it is current under another patient than this one: a replacement cannot
    /// cross patients, so it is taken back once the right one is there.
    pub(super) async fn of_another_patient(
        &self,
        study: &StudyInstanceUid,
        publication: Option<&Publication>,
        patient: &PatientId,
        cx: &Cx,
    ) -> Result<Vec<DocumentEntry>, Refusal> {
        let Some(publication) = publication else { return Ok(Vec::new()) };
        let standing = self.standing(study, publication, cx).await?;
        Ok(standing.into_iter().filter(|entry| entry.patient_id != *patient).collect())
    }

    /// Deprecates manifests. Doing it twice is not the same as once: ask what is current first.
    pub(super) async fn withdraw(&self, manifests: &[DocumentEntry], cx: &Cx) -> Result<(), Refusal> {
        for manifest in manifests {
            self.administrator.update(self.withdrawal(manifest, cx), UpdateKind::Full, cx).await?;
            tracing::info!(request_id = cx.request_id, manifest = %manifest.unique_id, "manifest withdrawn");
        }
        Ok(())
    }

    fn withdrawal(&self, manifest: &DocumentEntry, cx: &Cx) -> Submission {
        let slot = |name: &str, status: AvailabilityStatus| ExtraSlot {
            name: name.to_owned(),
            values: vec![status.urn().to_owned()],
        };
        let set = SubmissionSet {
            id: cx.identifiers.entry_uuid(),
            availability_status: AvailabilityStatus::Approved,
            home_community_id: None,
            title: Text::default(),
            comments: Text::default(),
            authors: manifest.authors.clone(),
            content_type_code: self.policy.content_type_code.clone(),
            patient_id: manifest.patient_id.clone(),
            source_id: self.policy.source_id.clone(),
            unique_id: UniqueId::parse(&cx.identifiers.uid()).unwrap_or_else(|_| manifest.unique_id.clone()),
            submission_time: cx.now(),
            intended_recipients: Vec::new(),
            extra: Vec::new(),
        };
        let change = Association {
            id: symbolic("withdrawal"),
            kind: AssociationType::UpdateAvailabilityStatus,
            source: set.id.clone(),
            target: manifest.id.clone(),
            availability_status: AvailabilityStatus::Approved,
            home_community_id: None,
            submission_set_status: None,
            documentation: None,
            extra: vec![
                slot("OriginalStatus", AvailabilityStatus::Approved),
                slot("NewStatus", AvailabilityStatus::Deprecated),
            ],
        };
        Submission { set, entries: Vec::new(), folders: Vec::new(), associations: vec![change] }
    }
}
