//! What the tests share: sample data, schema validation, goldens, an invented report.

use model::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use xml::{Document, Limits};

/// `../shared/data/<name>` beside the workspace; `None`, with a word about it, when it is not there.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(4)?.join("shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: ../shared/data/{name} not present");
    None
}

pub fn parse(bytes: &[u8]) -> Document {
    Document::parse(bytes, Limits::default()).unwrap()
}

/// Validates with xmllint, when it is installed.
#[track_caller]
pub fn check_schema(schema: &Path, xml: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), xml).unwrap();
    let mut xmllint = Command::new("xmllint");
    xmllint.args(["--nonet", "--huge", "--noout", "--schema"]).arg(schema).arg(file.path());
    match xmllint.output() {
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words}\n{}", String::from_utf8_lossy(xml));
        }
        Err(_) => eprintln!("skipped: xmllint is not installed"),
    }
}

/// Compares with a file under fixtures/made, or writes it when UPDATE_GOLDEN is set.
#[track_caller]
pub fn check_golden(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/made").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let expected = std::fs::read(&path).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(bytes), String::from_utf8_lossy(&expected), "{}", path.display());
}

/// The document without the elements of one namespace, and nothing else taken out.
pub fn without(xml: &[u8], namespace: &str) -> Vec<u8> {
    let document = parse(xml);
    let mut text = document.source().to_owned();
    let ranges: Vec<_> =
        document.root().descendants().filter(|e| e.namespace() == Some(namespace)).map(|e| e.range()).collect();
    for range in ranges.into_iter().rev() {
        text.replace_range(range, "");
    }
    text.into_bytes()
}

pub const PDF: &[u8] =
    b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<</Type/Page>>\nendobj\ntrailer\n<<>>\nstartxref\n0\n%%EOF\r\n";

pub fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

pub fn dtm(text: &str) -> Dtm {
    Dtm::parse(text).unwrap()
}

pub fn study(uid: &str) -> ReportStudy {
    ReportStudy {
        study: StudyInstanceUid::parse(uid).unwrap(),
        procedure: Some(Code::new("169069000", schemes::SNOMED_CT, "CT of chest")),
        start: Some(dtm("20250603071500")),
        stop: Some(dtm("20250603072000")),
    }
}

pub fn report() -> Report {
    Report {
        unique_id: UniqueId::parse("2.25.7301.5.2").unwrap(),
        set_id: UniqueId::parse("2.25.7301.5.0").unwrap(),
        version: 2,
        replaces: Some(UniqueId::parse("2.25.7301.5.1").unwrap()),
        patient: Patient {
            id: PatientId::new("P0001", oid("2.999.7")),
            other_ids: vec![PatientId::new("LOCAL-1", oid("2.999.1.2"))],
            name: PersonName {
                family: "Exämple".into(),
                given: "Pat".into(),
                middle: "Q.".into(),
                ..PersonName::default()
            },
            birth_date: Some(dtm("19700101")),
            sex: Some(Sex::Female),
            details: Default::default(),
        },
        title: "CT chest <corrected> & \"signed\"".into(),
        kind: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
        language: "en".into(),
        effective_time: dtm("20250604065500"),
        author: Some(Xcn::parse("R200^Radio^Rita^^^Dr.^^^&2.999.1.6&ISO").unwrap()),
        institution: Xon::parse("Example Hospital^^^^^&2.999.1.2&ISO^^^^1").unwrap(),
        legal_authenticator: Some(Xcn::parse("R200^Radio^Rita^^^Dr.^^^&2.999.1.6&ISO").unwrap()),
        studies: vec![study("2.25.7301.1"), study("2.25.7301.2")],
        orders: vec![
            Order {
                accession_number: "ACC-2025-0042".into(),
                accession_issuer: Some(oid("2.999.1.2.3")),
                placer_order_number: "PLC-77".into(),
                placer_issuer: Some(oid("2.999.1.2.4")),
            },
            Order { accession_number: "ACC-43".into(), ..Order::default() },
        ],
        content: ReportContent::Pdf(PDF.to_vec()),
    }
}
