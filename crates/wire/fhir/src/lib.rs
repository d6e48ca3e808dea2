//! FHIR R4 resources and search strings to and from the model: bytes in, bytes out, no HTTP.
//! Source: spec/fhir.md (MHD 4.2.3 and 4.2.4, PIXm 3.1.0), FHIR 4.0.1.
//!
//! Start with [`document_reference`] (DocumentEntry), [`list`] (SubmissionSet, Folder), [`provide_bundle`] (ITI-65),
//! [`simplified_publish`] (ITI-105), [`generate_metadata`] and [`document_bundle`] (ITI-106), [`search`] (query strings of
//! ITI-66 and ITI-67), [`bundle`] (searchsets), [`patient`] (ITI-104), [`patient_search`] (ITI-78), [`parameters`] (ITI-83,
//! ITI-119), [`operation_outcome`] and [`capability`]. All of them read and write JSON;
//! [`xml`] turns it into FHIR XML and back.
//!
//! Wire structs have no `Debug`: they hold names and identifiers of patients.

pub mod bundle;
pub mod capability;
pub mod datatypes;
pub mod datetime;
pub mod document_bundle;
pub mod document_reference;
mod error;
pub mod generate_metadata;
pub mod identifier;
mod json;
pub mod list;
pub mod manifest;
pub mod metadata_defaults;
pub mod operation_outcome;
pub mod parameters;
mod participant;
pub mod patient;
pub mod patient_search;
pub mod provide_bundle;
mod resource;
pub mod search;
pub mod simplified_publish;
pub mod systems;
pub mod xml;

pub use error::{DecodeError, DecodeErrorKind};
pub use resource::{
    Device, DeviceName, Organization, PatientLink, PatientResource, Practitioner, PractitionerRole, RelatedPerson,
    Resolve, Resource,
};

/// Media type of every body this crate writes, those of [`xml`] excepted.
pub const MEDIA_TYPE: &str = "application/fhir+json";
/// The FHIR release all of this is written for.
pub const FHIR_VERSION: &str = "4.0.1";
