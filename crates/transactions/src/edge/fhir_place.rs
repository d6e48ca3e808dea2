//! What DocumentReferences and Lists need to know of the node that shows them.

use fhir::document_reference::EncodeContext;
use model::{HomeCommunityId, PatientId};

#[derive(Clone, Debug)]
pub struct FhirPlace {
    /// Public address of `/fhir`, without a slash at the end.
    pub base: String,
    /// The community of objects that name none.
    pub home: Option<HomeCommunityId>,
    /// Patients can be read here, and are referred to.
    pub patients: bool,
}

impl FhirPlace {
    /// For a DocumentReference without its relations.
    pub fn context(&self) -> EncodeContext<'_> {
        EncodeContext {
            home_community_id: self.home.as_ref(),
            patient_base: self.patients.then_some(self.base.as_str()),
            ..EncodeContext::server(&self.base)
        }
    }

    /// Where a Patient is; none where there are none, and for an id that is too long for FHIR.
    pub fn patient(&self, id: &PatientId) -> Option<String> {
        let id = fhir::patient::resource_id(id).filter(|_| self.patients)?;
        Some(format!("{}/Patient/{id}", self.base))
    }
}
