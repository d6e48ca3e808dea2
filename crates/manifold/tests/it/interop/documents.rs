//! Documents and their metadata on the wire: the same octets by ITI-43 and ITI-68, every body as its schema wants it,
//! stored queries that find what they must.

use super::peers::{self, Peer};
use super::pydicom_files;
use crate::network::Network;
use tempfile::TempDir;

/// Of all SOAP bodies but those of HL7 v3.
const SCHEMA: &str = "data/xds/validate/all.xsd";

/// Runs a script that writes SOAP messages to a folder, and validates them where the schemas are.
fn with_bodies(script: &str) -> Option<TempDir> {
    if !peers::present(&[Peer::Python]) {
        return None;
    }
    let network = Network::seeded();
    let folder = crate::network::folder();
    peers::python(script, &[&network.endpoints_file(), &folder.path()]);
    if peers::present(&[Peer::Program("xmllint"), Peer::Shared(SCHEMA)]) {
        peers::xmllint(&peers::shared(SCHEMA), &peers::files(folder.path(), "xml"));
    }
    Some(folder)
}

#[test]
fn every_document_has_the_octets_that_its_metadata_says_by_iti_43_and_by_iti_68() {
    let Some(folder) = with_bodies("documents.py") else { return };
    pydicom_files::check_with_dciodvfy(folder.path());
    pydicom_files::check_with_dsrdump(folder.path());
}

#[test]
fn stored_queries_find_what_an_evaluation_in_python_finds() {
    with_bodies("stored_queries.py");
}
