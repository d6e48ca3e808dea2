//! Everything written is valid by the OASIS and IHE schemas, if xmllint and the schemas are at hand.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ebxml::*;

use crate::support::{fixture, shared_xds, written};
use crate::values::{answer, retrieved, submission};

/// `None` when it cannot be checked here.
pub fn validator() -> Option<std::path::PathBuf> {
    let schema = shared_xds()?.join("validate/all.xsd");
    if Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: xmllint not present");
        return None;
    }
    Some(schema)
}

pub fn check_valid(schema: &Path, name: &str, bytes: &[u8]) {
    let mut child = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn everything_written_is_valid() {
    let Some(schema) = validator() else { return };
    for name in [
        "iti18_find_documents.xml",
        "iti18_find_by_reference.xml",
        "iti18_get_documents.xml",
        "iti18_get_associations.xml",
        "iti18_answer.xml",
        "iti18_failure.xml",
        "iti42_request.xml",
        "iti43_request.xml",
        "iti43_response.xml",
        "rad69_request.xml",
        "response_success.xml",
        "response_warning.xml",
        "response_failure.xml",
    ] {
        check_valid(&schema, name, fixture(&format!("made/{name}")).as_bytes());
    }
    let inline = [ProvidedDocument { id: submission().entries[0].id.clone(), content: Content::of(b"octets") }];
    check_valid(&schema, "ITI-41", &written(|xml| encode_provide(&submission(), &inline, xml)));
    check_valid(&schema, "retrieved", &written(|xml| encode_retrieve_response(&retrieved(), xml)));
    check_valid(&schema, "answer", &written(|xml| encode_query_response(&answer(), xml)));
}
