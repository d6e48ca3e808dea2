//! Lists: submission sets and folders there and back, published examples, and single rules.

use crate::{dtm, oid, patient, shared_data};
use fhir::DecodeErrorKind;
use fhir::list::*;
use model::*;
use serde_json::{Value, json};

fn set() -> SubmissionSet {
    SubmissionSet {
        id: ObjectId::parse("urn:uuid:ca16dfe1-4237-5ea8-bd51-d746443427ec").unwrap(),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: Some(HomeCommunityId::parse("urn:oid:2.999.3.1").unwrap()),
        title: Text::plain("CT chest"),
        comments: Text::plain("after the fall"),
        authors: vec![Author {
            person: Some(Xcn::parse("HP-77^Curie^Irène^^^^^^&2.999.2&ISO").unwrap()),
            institutions: vec![Xon::parse("Hospital North^^^^^&2.999.5&ISO^^^^ORG-1").unwrap()],
            roles: vec!["66862007^Radiologist^^&2.16.840.1.113883.6.96&ISO".into()],
            ..Author::default()
        }],
        content_type_code: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        patient_id: patient(),
        source_id: oid("2.999.7.7"),
        unique_id: UniqueId::parse("2.999.9.2.1").unwrap(),
        submission_time: dtm("20260301083000"),
        intended_recipients: vec![
            "Hospital South^^^^^&2.999.5&ISO^^^^ORG-2|HP-12^Bohr^Niels".into(),
            "|HP-13^Meitner^Lise|^^Internet^lise@example.org".into(),
        ],
        extra: vec![],
    }
}

fn folder() -> Folder {
    Folder {
        id: ObjectId::parse("urn:uuid:ca16dfe1-4237-5ea8-bd51-d746443427ed").unwrap(),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Deprecated,
        home_community_id: None,
        title: Text::plain("Oncology"),
        comments: Text::default(),
        code_list: vec![Code::new("1", "2.999.8", "one"), Code::new("2", "2.999.8", "two")],
        patient_id: patient(),
        unique_id: UniqueId::parse("2.999.9.3.1").unwrap(),
        last_update_time: Some(dtm("20260301083000")),
        extra: vec![],
    }
}

fn read(value: &Value) -> Result<ReceivedList, fhir::DecodeError> {
    decode(&serde_json::to_vec(value).unwrap(), &ListContext::default())
}

fn written(set: &SubmissionSet) -> Value {
    let members = ["DocumentReference/1".to_owned()];
    serde_json::from_slice(&encode_submission_set(set, &ListEncodeContext { members: &members, ..Default::default() }))
        .unwrap()
}

#[test]
fn a_submission_set_comes_back_whole() {
    let received = read(&written(&set())).unwrap();
    assert!(received.kind == Kind::SubmissionSet(Box::new(set())));
    assert!(received.has_entry_uuid);
    assert_eq!(received.members, ["DocumentReference/1"]);
    assert!(received.warnings.is_empty());
}

#[test]
fn an_organisation_as_author_is_an_extension_of_the_source() {
    let institutions = vec![Xon::parse("Hospital North^^^^^&2.999.5&ISO^^^^ORG-1").unwrap()];
    let set = SubmissionSet { authors: vec![Author { institutions, ..Author::default() }], ..set() };
    let value = written(&set);
    assert_eq!(value["source"]["reference"], Value::Null);
    assert_eq!(value["source"]["extension"][0]["valueReference"]["reference"], "#author");
    assert!(read(&value).unwrap().kind == Kind::SubmissionSet(Box::new(set)));
}

#[test]
fn a_folder_comes_back_whole_and_retired_where_it_is_deprecated() {
    let octets = encode_folder(&folder(), &ListEncodeContext::default());
    let mut value: Value = serde_json::from_slice(&octets).unwrap();
    assert_eq!(value["status"], "retired");
    assert!(read(&value).unwrap().kind == Kind::Folder(Box::new(folder())));
    // As the guide's table has it.
    value["status"] = json!("superseded");
    assert!(read(&value).unwrap().kind == Kind::Folder(Box::new(folder())));
}

#[test]
fn identifiers_are_told_apart_by_type_by_use_and_by_their_value() {
    for strip in [&["use"][..], &["type"], &["use", "type"]] {
        let mut value = written(&set());
        for identifier in value["identifier"].as_array_mut().unwrap() {
            strip.iter().for_each(|key| drop(identifier.as_object_mut().unwrap().remove(*key)));
        }
        assert!(read(&value).unwrap().kind == Kind::SubmissionSet(Box::new(set())), "without {strip:?}");
    }
}

#[test]
fn a_source_id_is_read_with_and_without_system_and_prefix() {
    for identifier in [
        json!({"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.999.7.7"}),
        json!({"value": "urn:oid:2.999.7.7"}),
        json!({"value": "2.999.7.7"}),
    ] {
        let mut value = written(&set());
        value["extension"][0]["valueIdentifier"] = identifier;
        assert!(read(&value).unwrap().kind == Kind::SubmissionSet(Box::new(set())));
    }
}

#[test]
fn every_broken_rule_names_its_element() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str, DecodeErrorKind); 8] = [
        ("code", |v| v["code"]["coding"][0]["code"] = json!("shoppinglist"), "List.code", DecodeErrorKind::Value),
        ("status", |v| v["status"] = json!("entered-in-error"), "List.status", DecodeErrorKind::Value),
        ("no date", |v| drop(v.as_object_mut().unwrap().remove("date")), "List.date", DecodeErrorKind::Required),
        ("date", |v| v["date"] = json!("yesterday"), "List.date", DecodeErrorKind::Value),
        (
            "no sourceId",
            |v| drop(v["extension"].as_array_mut().unwrap().remove(0)),
            "List.extension(ihe-sourceId)",
            DecodeErrorKind::Required,
        ),
        ("no uniqueId", |v| v["identifier"] = json!([]), "List.identifier", DecodeErrorKind::Required),
        ("subject", |v| v["subject"] = json!({"reference": "Patient/77"}), "List.subject", DecodeErrorKind::Required),
        ("member", |v| v["entry"][0]["item"] = json!({}), "List.entry[0].item", DecodeErrorKind::Required),
    ];
    for (what, change, path, kind) in cases {
        let mut value = written(&set());
        change(&mut value);
        let error = read(&value).expect_err(what);
        assert_eq!((error.path.as_str(), error.kind), (path, kind), "{what}");
    }
}

#[test]
fn published_lists_are_read() {
    let Some(dir) = shared_data("fhir/mhd-4.2.3/example") else { return };
    let unique_id = UniqueId::parse("2.25.1").unwrap();
    let patient = patient();
    let mut count = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("List-") {
            continue;
        }
        let cx = ListContext { patient: Some(&patient), unique_id: Some(&unique_id), resolve: None };
        match decode(&std::fs::read(&path).unwrap(), &cx) {
            Ok(_) => count += 1,
            // A plain list that is none of MHD's.
            Err(error) => assert_eq!(error.path, "List.code", "{path:?}: {error}"),
        }
    }
    assert!(count >= 6, "{count} lists read");
}
