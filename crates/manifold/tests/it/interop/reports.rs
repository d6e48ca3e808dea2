//! Reports as CDA: valid by HL7's schema but for the extension elements of DICOM, and their PDF untouched.

use super::peers::{self, Peer};
use crate::network::{Network, folder};
use std::path::Path;
use std::process::Command;

const SCHEMA: &str = "data/reports/schema/infrastructure/cda/CDA.xsd";

fn validate(folder: &Path) {
    if peers::present(&[Peer::Program("xmllint"), Peer::Shared(SCHEMA)]) {
        peers::xmllint(&peers::shared(SCHEMA), &peers::files(folder, "xml"));
    }
}

#[test]
fn every_seeded_report_is_a_valid_cda_document_with_a_readable_pdf() {
    if !peers::present(&[Peer::Python]) {
        return;
    }
    let folder = folder();
    peers::python("reports.py", &[&"seeded", &Network::seeded().endpoints_file(), &folder.path()]);
    validate(folder.path());
    if peers::present(&[Peer::Program("pdftotext")]) {
        for pdf in peers::files(folder.path(), "pdf") {
            let mut command = Command::new(peers::path(Peer::Program("pdftotext")));
            command.arg(&pdf).arg("-");
            assert!(!peers::succeed(command).trim().is_empty(), "{} has no text", pdf.display());
        }
    }
}

#[test]
fn a_published_pdf_comes_back_octet_by_octet() {
    if !peers::present(&[Peer::Python]) {
        return;
    }
    let (network, folder) = (super::scratch(), folder());
    let pdf = folder.path().join("report.pdf");
    peers::python("reports.py", &[&"make_pdf", &pdf]);
    let file = pdf.to_str().expect("a path in UTF-8");
    let study = "2.25.4711000000000000000000000000000001";
    let mut arguments = vec!["publish", "--report", file, "--patient", "P0003", "--study", study, "--title", "Report"];
    arguments.extend(["--institution", "North Hospital^^^^^&2.999.1.2&ISO^^^^1", "--node", "north"]);
    let output = network.manifold(&arguments);
    assert!(output.status.success(), "{}", peers::both(&output));
    peers::python("reports.py", &[&"published", &network.endpoints_file(), &"P0003", &pdf, &folder.path()]);
    validate(folder.path());
}
