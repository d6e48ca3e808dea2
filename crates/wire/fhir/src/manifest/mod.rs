//! The FHIR imaging study manifest of MADO: a document Bundle about one study, written from a [`model::Manifest`] and read
//! into one. Source: spec/fhir.md section 17, spec/mcwg.md 4.8 (tables "FHIR manifest content" and "KOS <-> FHIR map").
//!
//! Kept both ways: study, series and instances with what describes them, requests, procedures, regions, patient, creator,
//! locations, viewer and the time of the manifest with its offset. Not kept, because the map has no place for it: the
//! KOS's own series and study, Study ID, the referring physician, AE titles, which note flags which image, numbers that are
//! no unsigned integers, and a time without its date. A retrieve URL becomes its base; hours and minutes become seconds.

mod decode;
mod deviations;
mod encode;
mod narrative;
mod people;
mod resources;
mod time;

pub use decode::{Decoded, MAX_ENTRIES, decode};
pub use encode::{EncodeError, encode};

/// Canonical of the Bundle's profile.
pub const PROFILE: &str = "https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoFhirBundle";

const REGION: &str = "https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoAnatomicalRegionExtension";
const LOCATION_UID: &str = "https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoRetrieveLocationUIDExtension";
const NUMBER_OF_FRAMES: &str = "https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoNumberOfFrames";
const NOTE_TITLE: &str = "https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoKeyObjectDocumentTitle";
/// The same under the name that the profiles have and their samples have not.
const NOTE_TITLE_OTHER: &str = "https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoKoDocumentTitle";
const DATA_ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const CONNECTION_TYPE: &str = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type";
const MADO_CONNECTION_TYPE: &str = "https://profiles.ihe.net/RAD/MADO/CodeSystem/MadoEndpointConnectionTypes";
const PAYLOAD_TYPE: &str = "http://terminology.hl7.org/CodeSystem/endpoint-payload-type";
const DEVICE_TYPE: &str = "https://profiles.ihe.net/RAD/MADO/CodeSystem/MadoDeviceType";
/// `Endpoint.address` is required; this stands in when only the location UID is known.
const NO_ADDRESS: &str = "http://notspecified";
