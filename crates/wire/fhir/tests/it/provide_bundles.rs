//! ITI-65 Bundles: published ones, there and back, and every rule of the Bundle itself.

use crate::{dtm, entry, oid, patient, shared_data};
use fhir::DecodeError;
use fhir::metadata_defaults::MetadataDefaults;
use fhir::provide_bundle::*;
use model::*;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

fn fresh() -> impl Fn() -> ObjectId {
    let next = AtomicU32::new(1);
    move || {
        let mut bytes = [0xee; 16];
        bytes[12..].copy_from_slice(&next.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        ObjectId::from_uuid_bytes(bytes)
    }
}

fn derive(seed: &[u8]) -> UniqueId {
    let sum = seed.iter().fold(7u64, |sum, octet| sum.wrapping_mul(31).wrapping_add(u64::from(*octet)));
    UniqueId::parse(&format!("2.25.{sum}")).unwrap()
}

fn read_bytes(bytes: &[u8]) -> Result<ProvidedBundle, Vec<DecodeError>> {
    let fresh_id = fresh();
    decode(
        bytes,
        &ProvideContext { fresh_id: &fresh_id, derive_unique_id: &derive, defaults: &MetadataDefaults::default() },
    )
}

fn read(value: &Value) -> Result<ProvidedBundle, Vec<DecodeError>> {
    read_bytes(&serde_json::to_vec(value).unwrap())
}

fn link(id: &str, kind: AssociationType, source: &ObjectId, target: &ObjectId) -> Association {
    Association {
        id: ObjectId::parse(id).unwrap(),
        kind,
        source: source.clone(),
        target: target.clone(),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: vec![],
    }
}

/// Two documents, the second made of the first, which replaces a registered one; a new folder with both.
fn submission() -> Submission {
    let uuid = |n: u8| ObjectId::from_uuid_bytes([n; 16]);
    let set = SubmissionSet {
        id: uuid(1),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("CT chest"),
        comments: Text::default(),
        authors: vec![],
        content_type_code: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        patient_id: patient(),
        source_id: oid("2.999.7.7"),
        unique_id: UniqueId::parse("2.999.9.2.1").unwrap(),
        submission_time: dtm("20260301083000"),
        intended_recipients: vec![],
        extra: vec![],
    };
    let first = DocumentEntry { id: uuid(2), ..entry() };
    let second = DocumentEntry { id: uuid(3), unique_id: UniqueId::parse("2.25.18").unwrap(), ..entry() };
    let folder = Folder {
        id: uuid(4),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("Oncology"),
        comments: Text::default(),
        code_list: vec![Code::new("1", "2.999.8", "one")],
        patient_id: patient(),
        unique_id: UniqueId::parse("2.999.9.3.1").unwrap(),
        last_update_time: None,
        extra: vec![],
    };
    let original = |id: &str, target: &ObjectId| Association {
        submission_set_status: Some(SubmissionSetStatus::Original),
        ..link(id, AssociationType::HasMember, &set.id, target)
    };
    let in_folder = |id: &str, target: &ObjectId| link(id, AssociationType::HasMember, &folder.id, target);
    let of_set =
        |id: &str, target: &str| link(id, AssociationType::HasMember, &set.id, &ObjectId::parse(target).unwrap());
    let associations = vec![
        original("m1", &first.id),
        original("m2", &second.id),
        link("m3", AssociationType::HasMember, &set.id, &folder.id),
        link("r1", AssociationType::Rplc, &first.id, &uuid(9)),
        link("r2", AssociationType::Xfrm, &second.id, &first.id),
        in_folder("f1", &first.id),
        of_set("f1s", "f1"),
        in_folder("f2", &second.id),
        of_set("f2s", "f2"),
    ];
    Submission { set, entries: vec![first, second], folders: vec![folder], associations }
}

fn bundle_of(submission: &Submission, patch: bool) -> Value {
    let documents: Vec<_> =
        submission.entries.iter().map(|e| DocumentToProvide { entry_id: &e.id, octets: b"octets" }).collect();
    serde_json::from_slice(&encode(submission, &documents, ProvideOptions { patch, extra_slots: false })).unwrap()
}

/// Everything but the ids of associations, which FHIR does not carry.
fn comparable(submission: &Submission) -> (Submission, Vec<String>) {
    let mut plain = submission.clone();
    let name = |id: &ObjectId| match plain.associations.iter().find(|a| a.id == *id) {
        Some(a) => format!("({}>{})", a.source, a.target),
        None => id.to_string(),
    };
    let mut links: Vec<String> = plain
        .associations
        .iter()
        .map(|a| format!("{:?} {} {} {:?}", a.kind, name(&a.source), name(&a.target), a.submission_set_status))
        .collect();
    links.sort();
    plain.associations.clear();
    (plain, links)
}

#[test]
fn a_submission_comes_back_whole() {
    let submission = submission();
    let provided = read(&bundle_of(&submission, true)).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(comparable(&provided.submission), comparable(&submission));
    assert_eq!(provided.submission.validate(), []);
    let octets: Vec<_> = provided.documents.iter().map(|d| (d.entry_id.clone(), d.octets.as_slice())).collect();
    assert_eq!(octets, submission.entries.iter().map(|e| (e.id.clone(), &b"octets"[..])).collect::<Vec<_>>());
    let kinds: Vec<_> = provided
        .entries
        .iter()
        .map(|entry| match &entry.kind {
            EntryKind::SubmissionSet(_) => "set",
            EntryKind::Document(_) => "document",
            EntryKind::Folder { is_new: true, .. } => "folder",
            EntryKind::Folder { .. } => "old folder",
            EntryKind::Patch(_) => "patch",
            EntryKind::Content(_) => "content",
            EntryKind::Patient(_) => "patient",
        })
        .collect();
    assert_eq!(kinds, ["set", "document", "document", "content", "content", "folder", "patch"]);
    assert!(provided.entries.iter().all(|e| e.warnings.is_empty()));
}

#[test]
fn a_replacement_without_patch_is_taken_with_a_warning_and_a_patch_without_replacement_is_refused() {
    let provided = read(&bundle_of(&submission(), false)).unwrap_or_else(|e| panic!("{e:?}"));
    assert!(provided.entries[1].warnings[0].contains("without a PATCH"));
    let mut value = bundle_of(&submission(), true);
    value["entry"][1]["resource"].as_object_mut().unwrap().remove("relatesTo");
    let findings = read(&value).err().unwrap();
    assert_eq!(findings[0].path, "Bundle.entry[6].request.url");
}

#[test]
fn a_full_url_is_no_entry_uuid() {
    let mut value = bundle_of(&submission(), true);
    for entry in value["entry"].as_array_mut().unwrap() {
        if let Some(identifiers) = entry["resource"].get_mut("identifier").and_then(Value::as_array_mut) {
            identifiers.retain(|i| i["use"] != "official");
        }
        entry["resource"].as_object_mut().unwrap().remove("id");
    }
    let provided = read(&value).unwrap_or_else(|e| panic!("{e:?}"));
    let fresh = |id: &ObjectId| id.as_str().starts_with("urn:uuid:eeeeeeee");
    assert!(fresh(&provided.submission.set.id) && provided.submission.entries.iter().all(|e| fresh(&e.id)));
    assert_eq!(provided.submission.validate(), []);
}

#[test]
fn every_broken_rule_of_the_bundle_names_its_entry() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 17] = [
        ("type", |v| v["type"] = json!("batch"), "Bundle.type"),
        ("no bundle", |v| v["resourceType"] = json!("List"), "Bundle"),
        ("method", |v| v["entry"][0]["request"]["method"] = json!("PUT"), "Bundle.entry[0].request.method"),
        ("no request", |v| v["entry"][1]["request"] = json!(null), "Bundle.entry[1].request.method"),
        ("no resource", |v| v["entry"][1]["resource"] = json!(null), "Bundle.entry[1].resource"),
        (
            "two sets",
            |v| {
                let mut set = v["entry"][0].clone();
                set["fullUrl"] = json!("urn:uuid:11111111-0000-4000-8000-000000000001");
                v["entry"].as_array_mut().unwrap().push(set);
            },
            "Bundle.entry",
        ),
        ("no set", |v| drop(v["entry"].as_array_mut().unwrap().remove(0)), "Bundle.entry"),
        (
            "other resource",
            |v| v["entry"][3]["resource"] = json!({"resourceType": "Observation"}),
            "Bundle.entry[3].resource",
        ),
        ("same fullUrl", |v| v["entry"][2]["fullUrl"] = v["entry"][1]["fullUrl"].clone(), "Bundle.entry[2].fullUrl"),
        ("base64", |v| v["entry"][3]["resource"]["data"] = json!("***"), "Bundle.entry[3].resource.data"),
        (
            "content type",
            |v| v["entry"][3]["resource"]["contentType"] = json!("text/plain"),
            "Bundle.entry[3].resource.contentType",
        ),
        (
            "dangling url",
            |v| {
                v["entry"][1]["resource"]["content"][0]["attachment"]["url"] = json!("https://elsewhere.example/1");
            },
            "Bundle.entry[1].resource.content[0].attachment.url",
        ),
        ("status", |v| v["entry"][1]["resource"]["status"] = json!("superseded"), "Bundle.entry[1].resource.status"),
        (
            "wrong hash",
            |v| {
                v["entry"][1]["resource"]["content"][0]["attachment"]["hash"] = json!("abc");
            },
            "Bundle.entry[1].resource.content[0].attachment.hash",
        ),
        (
            "other patch",
            |v| {
                v["entry"][6]["resource"]["parameter"][0]["part"][2]["valueCode"] = json!("current");
            },
            "Bundle.entry[6].resource.parameter",
        ),
        (
            "member",
            |v| v["entry"][0]["resource"]["entry"][0]["item"] = v["entry"][3]["fullUrl"].clone(),
            "Bundle.entry[0].resource",
        ),
        (
            "collection",
            |v| v["entry"][3]["resource"] = json!({"resourceType": "Bundle", "type": "collection"}),
            "Bundle.entry[3].resource.type",
        ),
    ];
    for (what, change, path) in cases {
        let mut value = bundle_of(&submission(), true);
        change(&mut value);
        let findings = read(&value).err().unwrap_or_else(|| panic!("{what} was accepted"));
        assert!(findings.iter().any(|f| f.path == path), "{what}: {findings:?}");
    }
}

#[test]
fn an_entry_without_full_url_is_taken_when_nobody_refers_to_it() {
    let without = |n: usize| {
        let mut value = bundle_of(&submission(), true);
        value["entry"][n].as_object_mut().unwrap().remove("fullUrl");
        read(&value)
    };
    assert!(without(6).is_ok(), "nobody refers to a PATCH");
    let findings = without(3).err().expect("a document without its Binary");
    let paths: Vec<&str> = findings.iter().map(|f| f.path.as_str()).collect();
    assert!(paths.contains(&"Bundle.entry[1].resource.content[0].attachment.url"), "{paths:?}");
    assert!(paths.contains(&"Bundle.entry[3].fullUrl"), "{paths:?}");
}

#[test]
fn the_european_category_is_one_under_both_its_systems() {
    let system = |text: &str| fhir::systems::scheme_of(text).to_owned();
    let (r4, r5) = ("http://hl7.eu/fhir/health-data-api", "http://hl7.eu/fhir/eu-health-data-api");
    let end = "CodeSystem/eehrxf-document-priority-category-cs";
    assert_eq!(system(&format!("{r4}/{end}")), system(&format!("{r5}/{end}")));
}

#[test]
fn minimal_metadata_are_completed_and_the_sender_is_told() {
    let mut value = bundle_of(&submission(), true);
    let document = value["entry"][1]["resource"].as_object_mut().unwrap();
    for element in ["type", "category", "securityLabel", "context", "author"] {
        document.remove(element);
    }
    document["content"][0].as_object_mut().unwrap().remove("format");
    let attachment = document["content"][0]["attachment"].as_object_mut().unwrap();
    attachment.remove("language");
    attachment.remove("creation");
    let provided = read(&value).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(provided.submission.validate(), []);
    let entry = &provided.submission.entries[0];
    assert_eq!(entry.class_code.code, "UNK");
    assert_eq!(entry.language_code, "und");
    assert_eq!(entry.creation_time, Some(provided.submission.set.submission_time.clone()));
    assert_eq!(entry.source_patient_id, Some(patient()));
    assert!(provided.entries[1].warnings[0].contains("securityLabel"));
}

#[test]
fn the_patient_may_be_an_entry_and_subjects_may_name_it_or_be_left_out() {
    let mut value = bundle_of(&submission(), true);
    let url = "urn:uuid:11111111-0000-4000-8000-00000000000a";
    let identifier = json!({"system": "urn:oid:2.999.7", "value": "P0001"});
    for change in [json!({"reference": url}), json!(null)] {
        for i in [0, 1, 2, 5] {
            value["entry"][i]["resource"]["subject"] = change.clone();
        }
        let mut with_patient = value.clone();
        with_patient["entry"].as_array_mut().unwrap().push(json!({
            "fullUrl": url,
            "resource": {"resourceType": "Patient", "identifier": [identifier], "name": [{"family": "Muster"}]},
            "request": {"method": "POST", "url": "Patient"},
        }));
        let provided = read(&with_patient).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(provided.submission.set.patient_id, patient());
        assert!(provided.entries[7].kind == EntryKind::Patient(patient()));
        // GET: by condition, without a resource.
        with_patient["entry"][7] = json!({
            "fullUrl": url, "request": {"method": "GET", "url": "Patient?identifier=urn:oid:2.999.7|P0001"},
        });
        assert_eq!(read(&with_patient).unwrap_or_else(|e| panic!("{e:?}")).submission.set.patient_id, patient());
        assert!(read(&value).is_err());
    }
}

#[test]
fn a_list_without_unique_id_gets_the_same_one_each_time() {
    let mut value = bundle_of(&submission(), true);
    value["entry"][0]["resource"].as_object_mut().unwrap().remove("identifier");
    let once = read(&value).unwrap_or_else(|e| panic!("{e:?}")).submission.set.unique_id;
    assert_eq!(read(&value).unwrap_or_else(|e| panic!("{e:?}")).submission.set.unique_id, once);
    value["entry"][3]["resource"]["data"] = json!("b3RoZXI=");
    assert_ne!(read(&value).unwrap_or_else(|e| panic!("{e:?}")).submission.set.unique_id, once);
}

#[test]
fn a_document_bundle_is_kept_as_its_text_came() {
    let text = r#"{ "resourceType":"Bundle", "type":"document",  "identifier":{"value":"1.0"} }"#;
    let mut value = bundle_of(&submission(), true);
    value["entry"][1]["resource"]["content"][0]["attachment"]["contentType"] = json!("application/fhir+json");
    value["entry"][3]["resource"] = json!("PLACE");
    let bytes = serde_json::to_string(&value).unwrap().replace("\"PLACE\"", text);
    let provided = read_bytes(bytes.as_bytes()).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(provided.documents[0].octets.as_slice(), text.as_bytes());
    // As XML, when the metadata say so: the recipient serialises a Bundle that it holds as a resource.
    let as_xml = bytes.replace("application/fhir+json", "application/fhir+xml");
    let provided = read_bytes(as_xml.as_bytes()).unwrap_or_else(|e| panic!("{e:?}"));
    assert!(String::from_utf8_lossy(&provided.documents[0].octets).contains("<type value=\"document\"/>"));
    let wrong = bytes.replace("application/fhir+json", "application/json");
    let findings = read_bytes(wrong.as_bytes()).err().unwrap();
    assert_eq!(findings[0].path, "Bundle.entry[1].resource.content[0].attachment.contentType");
}

#[test]
fn an_old_folder_comes_with_put_and_says_what_is_to_be_in_it() {
    let mut value = bundle_of(&submission(), true);
    value["entry"][5]["request"] = json!({"method": "PUT", "url": "List/0c287d32-01e3-4d87-9953-9fcc9404eb21"});
    value["entry"][5]["resource"]["entry"]
        .as_array_mut()
        .unwrap()
        .push(json!({"item": {"reference": "DocumentReference/0c287d32-01e3-4d87-9953-9fcc9404eb22"}}));
    let mut provided = read(&value).unwrap_or_else(|e| panic!("{e:?}"));
    assert!(provided.submission.folders.is_empty());
    let update = &provided.folder_updates[0];
    assert_eq!(update.folder.id.as_str(), "urn:uuid:0c287d32-01e3-4d87-9953-9fcc9404eb21");
    assert_eq!(update.members.len(), 3);
    let (folder, document) = (update.folder.id.clone(), update.members[0].clone());
    provided.add_to_folder(&folder, &document, &|| ObjectId::from_uuid_bytes([8; 16]));
    let added = &provided.submission.associations[provided.submission.associations.len() - 2..];
    assert_eq!((&added[0].source, &added[0].target), (&folder, &document));
    assert_eq!((&added[1].source, &added[1].target), (&provided.submission.set.id, &added[0].id));
}

#[test]
fn the_answer_has_one_entry_for_each_of_the_request() {
    let warnings = ["the metadata are Minimal".to_owned()];
    let body = encode_response(vec![
        Outcome {
            status: "201 Created",
            location: "List/1".into(),
            version: Some(1),
            last_modified: Some("2026-03-01T08:30:00Z"),
            resource: None,
            warnings: &warnings,
        },
        Outcome {
            status: "200 OK",
            location: "Patient/1".into(),
            version: None,
            last_modified: None,
            resource: None,
            warnings: &[],
        },
    ]);
    let value: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(value["type"], "transaction-response");
    let outcome = json!({
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "informational", "diagnostics": "the metadata are Minimal"}],
    });
    let expected = json!([
        {"response": {"status": "201 Created", "location": "List/1", "etag": "W/\"1\"",
                      "lastModified": "2026-03-01T08:30:00Z", "outcome": outcome}},
        {"response": {"status": "200 OK", "location": "Patient/1"}},
    ]);
    assert_eq!(value["entry"], expected);
}

#[test]
fn published_bundles_are_read_or_refused_for_a_stated_reason() {
    let Some(data) = shared_data("fhir") else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(data.join("mhd-4.2.3/example")).unwrap().map(|f| f.unwrap().path()).collect();
    files.extend(std::fs::read_dir(data.join("derived")).unwrap().map(|f| f.unwrap().path()));
    // Patients that only the guide's own server knows.
    let foreign = "subject must be a reference to a Patient known here";
    // A Patient comes along whose identifier is of a domain without an OID, which no registry of XDS can have.
    let foreign_domain = "must have a system of urn:oid: and an OID";
    // Minimal lets a document be about nobody; a registry keeps none without its patient.
    let nobody = "resource.subject is required";
    let mut seen = 0;
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".json") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let is_request = serde_json::from_slice::<Value>(&bytes)
            .is_ok_and(|v| v["resourceType"] == "Bundle" && v["type"] == "transaction");
        if !is_request {
            continue;
        }
        seen += 1;
        let refused_for: Vec<String> = match read_bytes(&bytes) {
            Ok(provided) => {
                // What is left is for the repository (hashes) and the registry (patient, replaced documents).
                assert_eq!(provided.submission.validate(), [], "{name}");
                continue;
            }
            Err(findings) => findings.iter().map(ToString::to_string).collect(),
        };
        assert!(
            refused_for.iter().all(|reason| reason.contains(foreign)
                || reason.contains(foreign_domain)
                || (name.contains("SimpleContained") && reason.contains(nobody))
                // Two entries to show how they hang together, and no submission.
                || name.contains("dummyBundle")
                // Made for a server that adds the document to a folder whose id the example does not give.
                || (name.contains("addToFolder") && reason.contains("List/ and the id of a folder"))),
            "{name}: {refused_for:?}"
        );
    }
    assert!(seen >= 12, "{seen} Bundles");
}
