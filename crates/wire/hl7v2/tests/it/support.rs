//! What the tests share.

use model::{Dtm, Oid, Patient, PatientId, PersonName, Sex};
use std::path::{Path, PathBuf};

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Samples beside the workspace.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    let found = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/reports").join(name));
    if found.is_err() {
        eprintln!("skipped: ../shared/data/reports/{name} not present");
    }
    found.ok()
}

pub fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

pub fn dtm(text: &str) -> Dtm {
    Dtm::parse(text).unwrap()
}

pub fn patient() -> Patient {
    Patient {
        id: PatientId::new("P-0042", oid("2.999.7")),
        other_ids: vec![PatientId::new("77", oid("2.999.8"))],
        name: PersonName {
            family: "Müller".into(),
            given: "Zoë".into(),
            middle: "M".into(),
            suffix: "Jr".into(),
            prefix: "Dr".into(),
        },
        birth_date: Some(dtm("19610412")),
        sex: Some(Sex::Female),
        details: Default::default(),
    }
}

/// No namespace is known.
pub fn nowhere(_: &str) -> Option<Oid> {
    None
}

/// A message of one segment after MSH.
pub fn message(segment: &str) -> hl7v2::Message {
    let text = format!("MSH|^~\\&|A|B|C|D|2025||ORU^R01|1|P|2.5.1||||||UNICODE UTF-8\r{segment}\r");
    hl7v2::Message::decode(text.as_bytes()).unwrap()
}
