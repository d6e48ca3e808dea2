//! The resources that occur alone, contained or in a Bundle, told apart by `resourceType`.
//! Source: http://hl7.org/fhir/R4; spec/fhir.md section 4.

use crate::datatypes::{
    Address, CodeableConcept, ContactPoint, Extension, HumanName, Identifier, Meta, Reference, Str, elements,
};
use crate::document_reference::DocumentReference;
use crate::list::List;
use crate::operation_outcome::OperationOutcome;
use serde::{Deserialize, Serialize};

/// Any resource of ours; every other type is read as `Other` and never written.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "resourceType")]
pub enum Resource<'a> {
    DocumentReference(Box<DocumentReference<'a>>),
    List(Box<List<'a>>),
    Patient(PatientResource<'a>),
    Practitioner(Practitioner<'a>),
    PractitionerRole(PractitionerRole<'a>),
    Organization(Organization<'a>),
    Device(Device<'a>),
    RelatedPerson(RelatedPerson<'a>),
    OperationOutcome(OperationOutcome),
    #[serde(other)]
    Other,
}

/// Follows a reference that leaves a resource (`Patient/1`, `urn:uuid:...`) to what it names.
pub type Resolve<'c> = &'c dyn Fn(&str) -> Option<Resource<'static>>;

impl Resource<'_> {
    /// The resource id, or the id of a contained resource.
    pub fn id(&self) -> Option<&str> {
        match self {
            Resource::DocumentReference(r) => r.id.as_deref(),
            Resource::List(r) => r.id.as_deref(),
            Resource::Patient(r) => r.id.as_deref(),
            Resource::Practitioner(r) => r.id.as_deref(),
            Resource::PractitionerRole(r) => r.id.as_deref(),
            Resource::Organization(r) => r.id.as_deref(),
            Resource::Device(r) => r.id.as_deref(),
            Resource::RelatedPerson(r) => r.id.as_deref(),
            Resource::OperationOutcome(_) | Resource::Other => None,
        }
    }

    /// `resourceType`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Resource::DocumentReference(_) => "DocumentReference",
            Resource::List(_) => "List",
            Resource::Patient(_) => "Patient",
            Resource::Practitioner(_) => "Practitioner",
            Resource::PractitionerRole(_) => "PractitionerRole",
            Resource::Organization(_) => "Organization",
            Resource::Device(_) => "Device",
            Resource::RelatedPerson(_) => "RelatedPerson",
            Resource::OperationOutcome(_) => "OperationOutcome",
            Resource::Other => "Resource",
        }
    }
}

elements! {
    PatientResource<'a> {
        id: Option<Str<'a>>,
        meta: Option<Meta<'a>>,
        extension: Vec<Extension<'a>>,
        identifier: Vec<Identifier<'a>>,
        active: Option<bool>,
        name: Vec<HumanName<'a>>,
        telecom: Vec<ContactPoint<'a>>,
        gender: Option<Str<'a>>,
        birth_date: Option<Str<'a>>,
        address: Vec<Address<'a>>,
        link: Vec<PatientLink<'a>>,
    }
    PatientLink<'a> { other: Option<Reference<'a>>, r#type: Option<Str<'a>>, }
    Practitioner<'a> {
        id: Option<Str<'a>>,
        identifier: Vec<Identifier<'a>>,
        name: Vec<HumanName<'a>>,
        telecom: Vec<ContactPoint<'a>>,
    }
    PractitionerRole<'a> {
        id: Option<Str<'a>>,
        practitioner: Option<Reference<'a>>,
        organization: Option<Reference<'a>>,
        code: Vec<CodeableConcept<'a>>,
        specialty: Vec<CodeableConcept<'a>>,
        telecom: Vec<ContactPoint<'a>>,
    }
    Organization<'a> {
        id: Option<Str<'a>>,
        identifier: Vec<Identifier<'a>>,
        name: Option<Str<'a>>,
        telecom: Vec<ContactPoint<'a>>,
    }
    Device<'a> {
        id: Option<Str<'a>>,
        identifier: Vec<Identifier<'a>>,
        manufacturer: Option<Str<'a>>,
        device_name: Vec<DeviceName<'a>>,
        owner: Option<Reference<'a>>,
    }
    DeviceName<'a> { name: Option<Str<'a>>, r#type: Option<Str<'a>>, }
    RelatedPerson<'a> {
        id: Option<Str<'a>>,
        patient: Option<Reference<'a>>,
        identifier: Vec<Identifier<'a>>,
        name: Vec<HumanName<'a>>,
        telecom: Vec<ContactPoint<'a>>,
    }
}
