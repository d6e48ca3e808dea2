//! What outside checks rely on: the demo's endpoints file, its documents, its end and its continuation. Source: design
//! section 4.

use super::client::{Client, patient, until};
use super::{calm, memory_peak_octets, node, objects};
use crate::network::{Files, MANIFOLD, Network, Process, folder, free_port_base};
use model::{DocumentEntry, DocumentQuery};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

/// Keys of the endpoints file and the request that shows whether a node answers it.
const SOAP: [(&str, &str); 12] = [
    ("ITI-18", "urn:ihe:iti:2007:RegistryStoredQuery"),
    ("ITI-42", "urn:ihe:iti:2007:RegisterDocumentSet-b"),
    ("ITI-57", "urn:ihe:iti:2010:UpdateDocumentSet"),
    ("ITI-61", "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry"),
    ("ITI-62", "urn:ihe:iti:2010:DeleteDocumentSet"),
    ("ITI-92", "urn:ihe:iti:2018:RestrictedUpdateDocumentSet"),
    ("ITI-86", "urn:ihe:iti:2017:RemoveDocuments"),
    ("ITI-44", "urn:hl7-org:v3:PRPA_IN201301UV02"),
    ("ITI-41", "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"),
    ("RAD-68", "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"),
    ("ITI-43", "urn:ihe:iti:2007:RetrieveDocumentSet"),
    ("RAD-69", "urn:ihe:rad:2009:RetrieveImagingDocumentSet"),
];
const FHIR: [(&str, &str); 4] = [
    ("ITI-67", "/DocumentReference?patient.identifier=urn:oid:2.999.7%7CP0001&status=current"),
    ("ITI-66", "/List?patient.identifier=urn:oid:2.999.7%7CP0001&code=submissionset&status=current"),
    ("ITI-78", "/Patient?family=DURAND"),
    ("ITI-83", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:2.999.7%7CP0001"),
];

fn manifold(arguments: &[&str]) -> Output {
    Command::new(MANIFOLD).args(arguments).output().expect("manifold runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every document of every patient, by uniqueId; ITI-67 pages as MHD has it.
fn found_by_iti67(network: &Network) -> BTreeMap<String, String> {
    let base = network.endpoint("central", "ITI-67");
    let origin = network.http("central");
    let client = Client::of(&origin);
    let mut found = BTreeMap::new();
    for number in 1..=12 {
        let first =
            format!("{base}/DocumentReference?patient.identifier=urn:oid:2.999.7%7CP{number:04}&status=current");
        let mut next = Some(first);
        while let Some(url) = next.take() {
            let path = url.strip_prefix(&origin).expect("pages are on the same node");
            let (status, text) = client.get(path).expect("an answer");
            assert_eq!(status, 200, "{text}");
            let bundle: Value = serde_json::from_str(&text).expect("a Bundle");
            for entry in bundle["entry"].as_array().into_iter().flatten() {
                let document = &entry["resource"];
                assert_eq!(document["resourceType"], "DocumentReference", "{entry:#}");
                let unique_id = document["masterIdentifier"]["value"].as_str().expect("a uniqueId").to_owned();
                let attachment = document["content"][0]["attachment"]["url"].as_str().expect("an address");
                found.insert(unique_id, attachment.to_owned());
            }
            let links = bundle["link"].as_array().into_iter().flatten();
            next = links.filter(|l| l["relation"] == "next").filter_map(|l| Some(l["url"].as_str()?.to_owned())).next();
        }
    }
    found
}

/// Current documents of all twelve patients by ITI-18.
fn found_by_iti18(centre: &Client) -> Vec<DocumentEntry> {
    let of = |number| DocumentQuery::of_patient(patient(&format!("P{number:04}"))).approved();
    (1..=12).flat_map(|number| centre.find(&of(number)).expect("an answer")).collect()
}

fn size_of(folder: &Path) -> (u64, u64) {
    let (mut files, mut octets) = (0, 0);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let meta = entry.metadata().expect("a file");
        if meta.is_dir() {
            let inner = size_of(&entry.path());
            (files, octets) = (files + inner.0, octets + inner.1);
        } else {
            (files, octets) = (files + 1, octets + meta.len());
        }
    }
    (files, octets)
}

#[test]
fn the_seeded_demo_keeps_its_contract_and_continues_where_it_was() {
    let network = Network::demo(&["--quiet-time-ms", "300"]);
    let centre = node(&network, "central");

    // Ready means found: all that the registry holds is there at once, by FHIR as by XDS.
    let by_fhir = found_by_iti67(&network);
    let by_xds: BTreeSet<String> =
        found_by_iti18(&centre).iter().map(|e| e.unique_id.to_string().replace("urn:oid:", "")).collect();
    let fhir_ids: BTreeSet<String> = by_fhir.keys().map(|id| id.replace("urn:oid:", "")).collect();
    assert_eq!(fhir_ids, by_xds);
    let plans = synth::seed_studies();
    let entries = found_by_iti18(&centre);
    for plan in &plans {
        let manifests = entries.iter().filter(|e| e.is_kos() && e.study_instance_uids().any(|s| s == plan.study_uid));
        assert_eq!(manifests.count(), 1, "current manifests of seeded study {}", plan.key);
        let reports = entries.iter().filter(|e| !e.is_kos() && e.study_instance_uids().any(|s| s == plan.study_uid));
        assert_eq!(reports.count(), usize::from(plan.report.is_some()), "reports of seeded study {}", plan.key);
    }
    let (unique_id, address) = by_fhir.iter().next().expect("a document");
    let path = address.strip_prefix(&network.http("central")).expect("documents are read at the centre");
    assert_eq!(centre.get(path).expect("an answer").0, 200, "{unique_id} at {address}");

    // Small enough to try, large enough to see something.
    let (mut instances, mut octets) = (0, 0);
    for name in ["north", "south"] {
        instances += node(&network, name).counts()["instances"].as_u64().expect("a number");
        octets += size_of(&network.folder().join("data").join(name).join("instances")).1;
    }
    assert!(instances > 50 && instances <= 400, "{instances} instances");
    assert!(octets <= 150_000_000, "{octets} octets");

    check_endpoints_file(&network);
    if let Some(peak) = memory_peak_octets(network.process_id()) {
        assert!(peak < 600 << 20, "the demo took {} MiB", peak >> 20);
    }

    // One more study, then a power cut: the same folder goes on.
    let added = objects::study("continued", Some("P0012"), 2);
    super::modality(&network, "north").store_all(&added);
    centre.await_manifest("P0012", &added[0].study);
    let before = found_by_iti18(&centre);
    let counts = ["central", "north", "south"].map(|name| node(&network, name).counts());
    let folder = network.kill();
    let data = folder.path().join("data");
    let network = Network::demo_on(&["--quiet-time-ms", "300"], &data, folder);
    let centre = node(&network, "central");
    let ids = |entries: &[DocumentEntry]| {
        entries.iter().map(|e| (e.unique_id.to_string(), e.id.to_string())).collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(&found_by_iti18(&centre)), ids(&before), "the same documents with the same ids");
    let after = found_by_iti67(&network);
    for unique_id in by_fhir.keys() {
        assert!(after.contains_key(unique_id), "{unique_id} was found before the restart");
    }
    for (name, before) in ["central", "north", "south"].iter().zip(counts) {
        assert_eq!(node(&network, name).counts(), before, "{name} was not seeded again");
    }
    let north = node(&network, "north");
    assert_eq!(north.images(&added[0].study).expect("images").len(), 2);
    network.stop();
}

/// A key is there if and only if the node answers it.
fn check_endpoints_file(network: &Network) {
    let file = network.endpoints();
    assert_eq!((&file["architecture"], &file["secure"]), (&"a".into(), &false.into()));
    assert_eq!(file["pid"], network.process_id());
    assert_eq!(file["patient_domain"], "2.999.7");
    assert_eq!(file["quiet_time_ms"], 300);
    assert!(Path::new(file["codes"].as_str().expect("a path")).is_file(), "{}", file["codes"]);
    let patients: Vec<&str> = file["patients"].as_array().unwrap().iter().filter_map(|p| p["id"].as_str()).collect();
    let expected: Vec<String> = (1..=12).map(|n| format!("P{n:04}")).collect();
    assert_eq!(patients, expected);
    for patient in file["patients"].as_array().unwrap() {
        for key in ["name", "birth_date", "sex"] {
            assert!(patient[key].as_str().is_some_and(|text| !text.is_empty()), "{patient}");
        }
    }
    let names: Vec<&str> = file["nodes"].as_array().unwrap().iter().filter_map(|n| n["name"].as_str()).collect();
    assert_eq!(names, ["central", "north", "south"]);
    for name in names {
        check_node(network, name);
    }
}

fn check_node(network: &Network, name: &str) {
    let (client, origin) = (node(network, name), network.http(name));
    let file = network.node(name);
    assert_eq!(file["home_community_id"], "urn:oid:2.999.1");
    assert!(!file["actors"].as_array().expect("a list").is_empty());
    let keys = file["endpoints"].as_object().expect("endpoints");
    let mut known: BTreeSet<&str> = BTreeSet::from(["DIMSE-AET"]);
    for (key, action) in SOAP {
        known.insert(key);
        let path = match key {
            "ITI-18" | "ITI-42" | "ITI-44" | "ITI-57" | "ITI-61" | "ITI-62" | "ITI-92" => "/xds/registry",
            "RAD-69" => "/xds/imaging",
            _ => "/xds/repository",
        };
        let answered = serves_action(&client, path, action);
        assert_eq!(keys.contains_key(key), answered, "{name} and {key}");
        if answered {
            assert_eq!(keys[key], format!("{origin}{path}"));
        }
    }
    for (key, request) in FHIR {
        known.insert(key);
        let (status, text) = client.get(&format!("/fhir{request}")).expect("an answer");
        assert_eq!(keys.contains_key(key), status == 200, "{name} and {key}: {status} {text}");
    }
    let fixed = [("ready", "/health/ready"), ("metrics", "/metrics"), ("portal", "/portal"), ("console", "/console")];
    for (key, path) in fixed.into_iter().chain([("viewer", "/viewer")]) {
        known.insert(key);
        let (status, _) = client.get(path).expect("an answer");
        assert_eq!(keys.contains_key(key), matches!(status, 200 | 303 | 307 | 308), "{name} and {key}: {status}");
    }
    // Of these the file says only where they are; other tests use them.
    for (key, value) in [
        ("RAD-107", "/dicomweb"),
        ("STOW-RS", "/dicomweb"),
        ("ITI-68", "/fhir"),
        ("ITI-104", "/fhir"),
        ("ITI-119", "/fhir"),
        ("ITI-65", "/fhir"),
        ("ITI-105", "/fhir"),
        ("ITI-106", "/fhir"),
    ] {
        known.insert(key);
        if let Some(given) = keys.get(key) {
            assert_eq!(*given, format!("{origin}{value}"), "{name} and {key}");
        }
    }
    for key in ["DIMSE", "MLLP", "ITI-8"] {
        known.insert(key);
        if let Some(address) = keys.get(key).and_then(Value::as_str) {
            std::net::TcpStream::connect(address).unwrap_or_else(|e| panic!("{name} and {key} at {address}: {e}"));
        }
    }
    assert_eq!(keys.contains_key("DIMSE"), name != "central");
    assert_eq!(keys.contains_key("ITI-8"), name == "central");
    assert!(!keys.contains_key("MLLP"), "reports are not taken by MLLP yet");
    let unknown: Vec<&String> = keys.keys().filter(|key| !known.contains(key.as_str())).collect();
    assert!(unknown.is_empty(), "{name} names {unknown:?}, which this test does not look at");
}

/// A node that serves an action answers an empty message of it with anything but "action not supported".
fn serves_action(client: &Client, path: &str, action: &str) -> bool {
    let text = super::hostile_http::ask_with_empty_body(client, path, action);
    !text.starts_with("HTTP/1.1 404") && !text.starts_with("HTTP/1.1 405") && !text.contains("ActionNotSupported")
}

#[test]
fn the_empty_demo_knows_its_patients_and_no_documents() {
    let files = Files::write(&[]);
    let central = files.serve("central", &[]);
    assert_eq!(Client::to(&central).counts()["patients"], 12);
    // Other tests publish in the calm network, so only its patients can be counted on.
    let centre = node(calm(), "central");
    assert!(centre.counts()["patients"].as_u64() >= Some(12));
}

#[test]
fn a_stale_endpoints_file_goes_at_the_start_and_control_c_leaves_nothing() {
    let (folder, port_base) = (folder(), free_port_base());
    let endpoints = folder.path().join("endpoints.json");
    std::fs::write(&endpoints, "stale").unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = Command::new(MANIFOLD);
    command.args(["demo", "--empty", "--port-base", &port_base.to_string(), "--endpoints"]).arg(&endpoints);
    command.env("TMPDIR", &temporary);
    let mut demo = Process::start(command, &folder.path().join("demo.log"), Path::new(""));
    let text = until("a fresh endpoints file", || std::fs::read_to_string(&endpoints).ok().filter(|t| t != "stale"));
    let file: Value = serde_json::from_str(&text).expect("whole JSON, or the file was not written atomically");
    assert_eq!(file["pid"], demo.id());
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 1, "the data are in a temporary folder");

    let status = demo.interrupt();
    let log = demo.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "the temporary folder is gone");
    let port = TcpListener::bind(("127.0.0.1", port_base));
    assert!(port.is_ok(), "the port is free again");
    assert!(log.contains("Ctrl-C") && log.contains("Loopback only, no authentication"), "{log}");
}

#[test]
fn a_busy_port_is_named_and_nothing_starts() {
    let (folder, port_base) = (folder(), free_port_base());
    for offset in [0, 11, 20] {
        let port = port_base + offset;
        let _taken = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let endpoints = folder.path().join("endpoints.json");
        std::fs::write(&endpoints, "stale").unwrap();
        let data = folder.path().join("data");
        let output = Command::new(MANIFOLD)
            .args(["demo", "--empty", "--port-base", &port_base.to_string(), "--endpoints"])
            .arg(&endpoints)
            .arg("--data")
            .arg(&data)
            .output()
            .expect("manifold runs");
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(&port.to_string()), "{}", said(&output));
        assert!(!endpoints.exists(), "a stale endpoints file would send its reader to somebody else");
    }
}

#[test]
fn a_second_node_on_the_same_data_is_refused() {
    let files = Files::write(&[]);
    let central = files.serve("central", &[]);
    let other_port = free_port_base();
    let output = Command::new(MANIFOLD)
        .arg("serve")
        .arg(files.path("central"))
        .env("MANIFOLD__LISTEN__HTTP", format!("\"127.0.0.1:{other_port}\""))
        .output()
        .expect("manifold runs");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("in use"), "{}", said(&output));
    assert_eq!(Client::to(&central).counts()["patients"], 12);
}

#[test]
fn what_this_version_lacks_is_said_with_exit_code_2() {
    for arguments in [["demo", "--secure"], ["demo", "--architecture=b"]] {
        let output = manifold(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains("not available in this version"), "{arguments:?}: {}", said(&output));
    }
}
