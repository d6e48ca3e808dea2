//! Every transaction over real HTTP on loopback, against fakes of the four traits.

mod border;
mod console;
mod document_metadata;
mod error_codes;
mod fhir_manners;
mod iti104;
mod iti119;
mod iti18;
mod iti44;
mod iti67;
mod iti68;
mod iti68_manifests;
mod iti78;
mod iti8;
mod iti83;
mod outcomes;
mod portal;
mod rad107;
mod rad69;
mod soap_manners;
