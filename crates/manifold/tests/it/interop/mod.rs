//! Other people's programs meet a running network: dcmtk, pydicom, dicomweb-client, python-hl7, hl7apy, zeep, IPF, HAPI,
//! Orthanc, pynetdicom, npm fhir, fhir-kit-client, fhir.resources, dciodvfy, xmllint, and clients written in Python from the specifications alone.

mod console;
mod documents;
mod fhir;
mod fhir_answers;
mod fhir_answers_lists;
mod fhir_answers_patients;
mod fhir_peers;
mod fhir_publish;
mod fhir_statement;
mod fhir_xml;
mod field_cases;
mod identity;
mod images;
mod ipf;
mod pacs;
pub mod peers;
mod portal;
mod pydicom_files;
mod recorded;
mod reports;
mod wsdl;

use crate::network::Network;
use std::sync::OnceLock;

/// An empty demo for tests that add to it; each uses patients or studies of its own.
fn scratch() -> &'static Network {
    static SCRATCH: OnceLock<Network> = OnceLock::new();
    SCRATCH.get_or_init(|| Network::demo(&["--empty", "--quiet-time-ms", "300"]))
}
