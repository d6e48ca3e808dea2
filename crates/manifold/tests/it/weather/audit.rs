//! The audit log: every transaction leaves exactly one line where it was received, lines are only ever added, and no kind
//! of transaction is missing. Source: design section 11, ITI TF-2 3.20.

use super::client::{Client, check_refused, cx, patient, until, wait_for};
use super::modality::Modality;
use super::{documents, objects};
use crate::network::Files;
use actors::{Fault, Identity, PatientNews, UpdateKind};
use model::{
    CodeTerm, DocumentEntry, DocumentQuery, DocumentType, ExtraSlot, ObjectNames, Oid, PersonName, StoredQuery, Text,
    UniqueId,
};
use net::MllpClient;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use transactions::iti8_patient_identity_feed as iti8;

/// One node's log.
struct Log {
    folder: PathBuf,
    /// Everything read so far.
    seen: Vec<u8>,
    kinds: BTreeSet<String>,
}

impl Log {
    fn of(files: &Files, node: &str) -> Log {
        let folder = files.folder().join("data").join(node).join("audit");
        let mut log = Log { folder, seen: Vec::new(), kinds: BTreeSet::new() };
        log.news();
        log
    }

    /// Lines that came since the last look; what was there before must still be there unchanged.
    fn news(&mut self) -> Vec<Value> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&self.folder).expect("an audit folder").map(|f| f.expect("a file").path()).collect();
        files.sort();
        let octets: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).expect("an audit file")).collect();
        assert!(octets.starts_with(&self.seen), "lines that were there have changed");
        let whole = octets.iter().rposition(|o| *o == b'\n').map_or(0, |at| at + 1);
        let text = std::str::from_utf8(&octets[self.seen.len()..whole]).expect("UTF-8").to_owned();
        self.seen = octets[..whole].to_vec();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
        self.kinds.extend(lines.iter().map(kind));
        lines
    }

    /// Exactly one line of this transaction came, and no other line.
    fn check_one(&mut self, transaction: &str, succeeded: bool) -> Value {
        let mut lines = Vec::new();
        until(&format!("an audit line of {transaction}"), || {
            lines.extend(self.news());
            (!lines.is_empty()).then_some(())
        });
        assert_eq!(lines.iter().map(kind).collect::<Vec<_>>(), [transaction], "{lines:#?}");
        let line = lines.remove(0);
        assert_eq!(line["outcome"] == 0, succeeded, "{line:#}");
        for key in ["time", "event", "participants", "source"] {
            assert!(!line[key].is_null(), "no {key}: {line:#}");
        }
        line
    }
}

fn kind(line: &Value) -> String {
    line["transaction"].as_str().unwrap_or_default().to_owned()
}

/// Registering on demand, updating and removing, each with its clients' side and a refusal.
fn administration(centre: &Client, log: &mut Log) {
    let mut registered = documents::report("P0001", &documents::fresh_unique_id());
    let entry = &mut registered.entries[0];
    entry.repository_unique_id = Some(Oid::parse("2.999.1.99").unwrap());
    (entry.hash, entry.size_octets) = (Some(model::Sha1Hash::from_bytes([1; 20])), Some(1));
    centre.register(registered.clone()).expect("a registration");
    log.check_one("ITI-42", true);
    let unique_id = registered.entries[0].unique_id.clone();
    let first = centre.with_unique_id(&unique_id).expect("an answer").pop().expect("the entry");
    log.check_one("ITI-18", true);

    let version = |number: &str| {
        let mut update = documents::report("P0001", &documents::fresh_unique_id());
        let id = update.entries[0].id.clone();
        update.entries[0] = DocumentEntry { id, title: Text::plain("Second reading"), ..first.clone() };
        let mark = ExtraSlot { name: "PreviousVersion".into(), values: vec![number.into()] };
        update.associations[0].extra.push(mark);
        update
    };
    check_refused(
        centre.update(version("7"), UpdateKind::Full),
        "XDSMetadataVersionError",
        &["PreviousVersion must be 1"],
    );
    log.check_one("ITI-57", false);
    centre.update(version("1"), UpdateKind::Full).expect("an update");
    log.check_one("ITI-57", true);
    centre.update(version("2"), UpdateKind::Restricted).expect("a restricted update");
    log.check_one("ITI-92", true);
    let all =
        centre.query(StoredQuery::GetDocuments(ObjectNames::LogicalIds(vec![first.id.clone()]))).expect("versions");
    log.check_one("ITI-18", true);
    assert_eq!(all.entries.iter().map(|e| e.version).collect::<Vec<_>>(), [Some(3), Some(2), Some(1)]);
    assert_eq!(all.entries[0].title.value(), Some("Second reading"));

    let mut on_demand = documents::report("P0001", &documents::fresh_unique_id());
    let entry = &mut on_demand.entries[0];
    (entry.document_type, entry.creation_time) = (DocumentType::OnDemand, None);
    (entry.hash, entry.size_octets) = (None, None);
    entry.repository_unique_id = Some(Oid::parse("2.999.1.99").unwrap());
    centre.register_on_demand(on_demand.clone()).expect("an on-demand entry");
    log.check_one("ITI-61", true);

    let set = StoredQuery::GetSubmissionSetAndContents {
        submission_set: ObjectNames::UniqueIds(vec![on_demand.set.unique_id.clone()]),
        documents: DocumentQuery { document_types: vec![DocumentType::OnDemand], ..DocumentQuery::default() },
    };
    let objects = centre.query(set.clone()).expect("an answer");
    log.check_one("ITI-18", true);
    let entry = objects.entries[0].id.clone();
    check_refused(centre.remove(std::slice::from_ref(&entry)), "ReferencesExistException", &["refers to it"]);
    log.check_one("ITI-62", false);
    centre
        .remove(&[entry, objects.submission_sets[0].id.clone(), objects.associations[0].id.clone()])
        .expect("a removal");
    log.check_one("ITI-62", true);
    assert!(centre.query(set).expect("an answer").is_empty());
    log.check_one("ITI-18", true);

    let population = StoredQuery::FindDocumentsForMultiplePatients {
        patient_ids: vec![patient("P0001"), patient("P0002")],
        documents: DocumentQuery {
            statuses: vec![model::AvailabilityStatus::Approved],
            class_codes: vec![CodeTerm::of(&first.class_code.code, &first.class_code.scheme)],
            ..DocumentQuery::default()
        },
    };
    assert!(!centre.query(population).expect("an answer").entries.is_empty());
    log.check_one("ITI-51", true);

    let repository = Oid::parse("2.999.1.1").unwrap();
    let unique_id = UniqueId::parse(&documents::fresh_unique_id()).unwrap();
    centre.provide(documents::report("P0001", unique_id.as_str()), b"<report/>").expect("a report");
    log.check_one("ITI-41", true);
    assert_eq!(centre.remove_document(&repository, &unique_id), []);
    log.check_one("ITI-86", true);
    let faults = centre.remove_document(&repository, &unique_id);
    assert!(matches!(&faults[..], [Fault::Remote { code, .. }] if code == "XDSDocumentUniqueIdError"), "{faults:?}");
    log.check_one("ITI-86", false);
}

#[test]
fn every_transaction_leaves_exactly_one_line() {
    let files = Files::write(&["--quiet-time-ms", "50"]);
    let (central, north) = (files.serve("central", &[]), files.serve("north", &[]));
    let (centre, hospital) = (Client::to(&central), Client::to(&north));
    let (mut at_centre, mut at_hospital) = (Log::of(&files, "central"), Log::of(&files, "north"));

    // A study: one line per object where it arrives; at the centre what publishing takes, and one manifest.
    let study = objects::study("audited", Some("W0001"), 2);
    let mut sender = Modality::connect(&north.endpoint("DIMSE"), "NORTH").expect("an association");
    for object in &study {
        sender.store_all(std::slice::from_ref(object));
        let line = at_hospital.check_one("C-STORE", true);
        assert!(line.to_string().contains(&object.uid), "{line:#}");
    }
    let mut truncated = objects::member("audited", Some("W0001"), 3);
    truncated.data_set.truncate(300);
    assert_ne!(sender.store(&truncated).status, 0);
    at_hospital.check_one("C-STORE", false);
    // Our own looking would add lines of ITI-18, so the hospital is asked whether it is done.
    until("the publication", || {
        let status = hospital.status();
        (status["studies"]["published"] == 1 && status["jobs"].as_array()?.is_empty()).then_some(())
    });
    let lines = at_centre.news();
    for (transaction, count) in [("ITI-44", 1), ("RAD-68", 1), ("ITI-41", 0), ("ITI-42", 0)] {
        assert_eq!(lines.iter().filter(|l| kind(l) == transaction).count(), count, "{transaction}: {lines:#?}");
    }
    let manifest = centre.current_manifests("W0001", &study[0].study).expect("an answer").pop().expect("the manifest");
    at_centre.check_one("ITI-18", true);

    let repository = Oid::parse("2.999.1.1").unwrap();
    let unique_id = UniqueId::parse(&documents::fresh_unique_id()).unwrap();
    centre.provide(documents::report("P0001", unique_id.as_str()), b"<report/>").expect("a report");
    let line = at_centre.check_one("ITI-41", true);
    assert!(line.to_string().contains("P0001"), "the audit log is where patients are named: {line:#}");
    check_refused(centre.provide(documents::report("P9999", "2.25.1"), b"<x/>"), "XDSUnknownPatientId", &[]);
    at_centre.check_one("ITI-41", false);
    let mut by_hand = documents::report("P0001", &documents::fresh_unique_id());
    assert!(centre.register(by_hand.clone()).is_err(), "hash, size and repository are missing");
    at_centre.check_one("ITI-42", false);
    let entry = &mut by_hand.entries[0];
    entry.repository_unique_id = Some(Oid::parse("2.999.1.99").unwrap());
    entry.hash = Some(model::Sha1Hash::parse("da39a3ee5e6b4b0d3255bfef95601890afd80709").unwrap());
    entry.size_octets = Some(0);
    centre.register(by_hand).expect("a registration");
    at_centre.check_one("ITI-42", true);

    centre.find(&DocumentQuery::of_patient(patient("P0001"))).expect("an answer");
    at_centre.check_one("ITI-18", true);
    centre.associations(std::slice::from_ref(&manifest.id));
    at_centre.check_one("ITI-18", true);
    centre.retrieve(&repository, &unique_id).expect("the report");
    at_centre.check_one("ITI-43", true);
    assert!(centre.retrieve(&repository, &UniqueId::parse("2.25.2").unwrap()).is_err());
    at_centre.check_one("ITI-43", false);

    administration(&centre, &mut at_centre);

    let fhir = |path: &str, expected: u16| {
        let (status, text) = centre.get(&format!("/fhir{path}")).expect("an answer");
        assert_eq!(status, expected, "{text}");
    };
    fhir("/DocumentReference?patient.identifier=urn:oid:2.999.7%7CP0001&status=current", 200);
    at_centre.check_one("ITI-67", true);
    fhir("/DocumentReference?status=current", 400);
    at_centre.check_one("ITI-67", false);
    fhir(&format!("/document/{unique_id}"), 200);
    at_centre.check_one("ITI-68", true);
    fhir("/document/2.25.2", 404);
    at_centre.check_one("ITI-68", false);
    fhir("/List?patient.identifier=urn:oid:2.999.7%7CP0001&code=submissionset", 200);
    at_centre.check_one("ITI-66", true);
    fhir("/List?code=submissionset", 400);
    at_centre.check_one("ITI-66", false);
    let (status, answer) = centre.fhir("POST", "", Some(&super::mhd::report_bundle("P0001")));
    assert_eq!(status, 200, "{answer:#}");
    at_centre.check_one("ITI-65", true);
    let (status, answer) = centre.fhir("POST", "", Some(&super::mhd::report_bundle("NOBODY")));
    assert_eq!(status, 422, "{answer:#}");
    at_centre.check_one("ITI-65", false);
    let simple = |subject: &str| {
        serde_json::json!({
            "resourceType": "DocumentReference", "status": "current",
            "masterIdentifier": {"value": format!("urn:oid:{}", documents::fresh_unique_id())},
            "subject": {"identifier": {"system": "urn:oid:2.999.7", "value": subject}},
            "content": [{"attachment": {"contentType": "text/xml", "data": "PHIvPg=="}}],
        })
    };
    let (status, text) = centre.post_json("/fhir/DocumentReference", &simple("P0001"));
    assert_eq!(status, 201, "{text}");
    at_centre.check_one("ITI-105", true);
    assert_eq!(centre.post_json("/fhir/DocumentReference", &simple("P9999")).0, 422);
    at_centre.check_one("ITI-105", false);
    let pdf = serde_json::json!({"resourceType": "Binary", "contentType": "application/pdf", "data": "JVBERi0="});
    let pdf = serde_json::json!({"resourceType": "Parameters", "parameter": [{"name": "document", "resource": pdf}]});
    assert_eq!(centre.post_json("/fhir/DocumentReference/$generate-metadata", &pdf).0, 422);
    at_centre.check_one("ITI-106", false);
    let (status, text) = feed(&centre, "W0002");
    assert!((200..300).contains(&status), "{text}");
    at_centre.check_one("ITI-104", true);
    fhir("/Patient?family=Weather", 200);
    at_centre.check_one("ITI-78", true);
    fhir("/Patient/$ihe-pix?sourceIdentifier=urn:oid:2.999.7%7CW0002", 200);
    at_centre.check_one("ITI-83", true);
    fhir("/Patient/$ihe-pix?sourceIdentifier=urn:oid:2.999.99%7CW0002", 400);
    at_centre.check_one("ITI-83", false);
    let described = serde_json::json!({"resourceType": "Patient", "name": [{"family": "Weather"}]});
    let (status, text) = centre.post_json("/fhir/Patient/$match", &described);
    assert_eq!(status, 200, "{text}");
    at_centre.check_one("ITI-119", true);

    hospital.images(&study[0].study).expect("images");
    at_hospital.check_one("RAD-107", true);
    assert!(hospital.images("2.25.3").is_err());
    at_hospital.check_one("RAD-107", false);

    let mllp = MllpClient::new(&central.endpoint("ITI-8"), None, Duration::from_secs(60), 1 << 20).expect("an address");
    let ris = iti8::Client { name: "central".into(), mllp, facility: "north".into() };
    let named = |id: &str| model::Patient {
        id: patient(id),
        other_ids: Vec::new(),
        name: PersonName::from_dicom("WEATHER^Bad"),
        birth_date: None,
        sex: None,
        details: Default::default(),
    };
    wait_for(async { ris.feed(&named("W0003"), PatientNews::Added, &cx()).await }).expect("a patient");
    at_centre.check_one("ITI-8", true);
    let itself = wait_for(async { ris.merge(&named("W0003"), &patient("W0003"), &cx()).await });
    assert!(itself.is_err(), "a patient merged with itself");
    // A merge is two events: the survivor changed, the other went.
    let lines = at_centre.news();
    assert!(lines.len() == 2 && lines.iter().all(|l| kind(l) == "ITI-8" && !l["outcome"].is_null()), "{lines:#?}");

    let series = synth::uid("weather/series/audited");
    let file = hospital.image_by_rad69(&study[0].study, &series, &study[0].uid).expect("an image");
    assert_eq!(&file[128..132], b"DICM");
    at_hospital.check_one("RAD-69", true);
    assert!(hospital.image_by_rad69(&study[0].study, "2.25.4", &study[0].uid).is_err(), "the series of another");
    at_hospital.check_one("RAD-69", false);

    // Pages about the node's health are no transactions.
    centre.status();
    assert_eq!(centre.get("/metrics").expect("an answer").0, 200);
    fhir("/metadata", 200);
    assert_eq!(at_centre.news(), Vec::<Value>::new());

    for (served, log) in [(&central, &at_centre), (&north, &at_hospital)] {
        let keys = served.endpoints["nodes"][0]["endpoints"].as_object().expect("endpoints").keys();
        let missing: Vec<&String> =
            keys.filter(|k| (k.starts_with("ITI-") || k.starts_with("RAD-")) && !log.kinds.contains(*k)).collect();
        assert!(missing.is_empty(), "{missing:?} are answered; here nobody looks whether they leave a line");
    }

    // The end and the next start are lines too, and nothing is lost in between.
    sender.release();
    north.stop();
    let north = files.serve("north", &[]);
    let lines = at_hospital.news();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines.iter().all(|l| l["event"]["code"] == "110100"), "{lines:#?}");
    north.kill();
    let _north = files.serve("north", &[]);
    assert_eq!(at_hospital.news().len(), 1, "after a kill there is only the start");
}

/// ITI-104 of one patient.
fn feed(centre: &Client, id: &str) -> (u16, String) {
    let body = serde_json::json!({
        "resourceType": "Patient",
        "identifier": [{"system": "urn:oid:2.999.7", "value": id}],
        "name": [{"family": "Weather", "given": ["Bad"]}],
        "gender": "female",
        "birthDate": "1970-01-01",
    });
    centre.put_json(&format!("/fhir/Patient?identifier=urn:oid:2.999.7%7C{id}"), &body)
}
