//! DocumentReference: published examples, and single rules.

use crate::profiles::assert_document_reference;
use crate::{dtm, entry, fixture, oid, patient, shared_data};
use fhir::document_reference::*;
use fhir::{DecodeErrorKind, Resource};
use model::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const BASE: &str = "https://central.example/fhir";

fn written(entry: &DocumentEntry) -> Value {
    let value = serde_json::from_slice(&encode(entry, &EncodeContext::server(BASE))).unwrap();
    assert_document_reference(&value);
    value
}

fn received(value: &Value) -> Result<Received, fhir::DecodeError> {
    decode(&serde_json::to_vec(value).unwrap(), &DecodeContext::default())
}

fn json_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            json_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "json") {
            out.push(path);
        }
    }
}

fn document_references(value: &Value, out: &mut Vec<Value>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| document_references(v, out)),
        Value::Object(map) => {
            if map.get("resourceType") == Some(&json!("DocumentReference")) {
                out.push(value.clone());
            }
            map.values().for_each(|v| document_references(v, out));
        }
        _ => {}
    }
}

// The elements that are mapped, with the wrong hash encodings of the guide and the two spellings of times folded.
fn mapped(value: &Value) -> Value {
    let codes = |concepts: &Value| -> Vec<Value> {
        let one = |c: &Value| {
            let coding = &c["coding"][0];
            let system = coding["system"].as_str().map(fhir::systems::scheme_of);
            json!([system, coding["code"], coding["display"]])
        };
        match concepts {
            Value::Array(list) => list.iter().map(one).collect(),
            Value::Null => vec![],
            single => vec![one(single)],
        }
    };
    let time = |t: &Value| t.as_str().map(|t| fhir::datetime::decode(t).unwrap().as_str().to_owned());
    let context = &value["context"];
    let attachment = &value["content"][0]["attachment"];
    let format = &value["content"][0]["format"];
    let related: Vec<Value> = context["related"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| json!(r["identifier"]["value"].as_str().unwrap().trim_start_matches("urn:oid:")))
        .collect();
    json!({
        "master": [value["masterIdentifier"]["system"], value["masterIdentifier"]["value"]],
        "status": value["status"],
        "type": codes(&value["type"]),
        "category": codes(&value["category"]),
        "description": value["description"],
        "security": codes(&value["securityLabel"]),
        "contentType": attachment["contentType"],
        "language": attachment["language"],
        "size": attachment["size"],
        "title": attachment["title"],
        "creation": time(&attachment["creation"]),
        "hash": attachment["hash"].is_string(),
        "format": [format["system"].as_str().map(fhir::systems::scheme_of), &format["code"]],
        "event": codes(&context["event"]),
        "facility": codes(&context["facilityType"]),
        "practice": codes(&context["practiceSetting"]),
        "start": time(&context["period"]["start"]),
        "end": time(&context["period"]["end"]),
        "related": related,
        "relatesTo": value["relatesTo"].as_array().map_or(0, Vec::len),
    })
}

#[test]
fn every_published_example_is_read_and_written_without_loss() {
    let Some(data) = shared_data("fhir") else { return };
    let mut files = Vec::new();
    json_files(&data, &mut files);
    json_files(&data.join("../mado/ihe-mado"), &mut files);
    files.sort();
    let asked = patient();
    let dir = data.join("mhd-4.2.3/example");
    let resolve = |reference: &str| -> Option<Resource<'static>> {
        let path = dir.join(format!("{}.json", reference.replace('/', "-")));
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    };
    let cx = DecodeContext { patient: Some(&asked), resolve: Some(&resolve), full_url: None };
    let (mut read, mut refused) = (0, 0);
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(value) = serde_json::from_slice::<Value>(&std::fs::read(&file).unwrap()) else { continue };
        let mut found = Vec::new();
        document_references(&value, &mut found);
        for original in found {
            let received = match decode(&serde_json::to_vec(&original).unwrap(), &cx) {
                Ok(received) => received,
                Err(e) => {
                    // Only examples without any uniqueId, and none of those that claim an MHD profile.
                    assert_eq!(e.path, "DocumentReference.masterIdentifier", "{name}: {e}");
                    assert!(original.get("masterIdentifier").is_none(), "{name}");
                    refused += 1;
                    continue;
                }
            };
            read += 1;
            let url = received.url.clone().unwrap_or_else(|| "urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001".into());
            let associations: Vec<Association> = received
                .relates_to
                .iter()
                .map(|r| Association {
                    id: ObjectId::parse("a").unwrap(),
                    kind: r.kind,
                    source: received.entry.id.clone(),
                    target: r.entry_id().unwrap_or_else(|| ObjectId::parse(&r.target).unwrap()),
                    availability_status: AvailabilityStatus::Approved,
                    home_community_id: None,
                    submission_set_status: None,
                    documentation: None,
                    extra: vec![],
                })
                .collect();
            let relations = Relations::of(&associations);
            let encode_cx = EncodeContext {
                relations: Some(&relations),
                imaging_extensions: false,
                ..EncodeContext::submission(&url)
            };
            let bytes = encode(&received.entry, &encode_cx);
            let rewritten: Value = serde_json::from_slice(&bytes).unwrap();
            assert_document_reference(&rewritten);
            let mut expected = mapped(&original);
            let actual = mapped(&rewritten);
            // MADO has modality and region as extensions only; we give them back as events.
            if original["context"].get("event").is_none() {
                expected["event"] = actual["event"].clone();
            }
            assert_eq!(actual, expected, "{name}");
            let again = decode(&bytes, &cx).unwrap();
            let first_second = |e: &DocumentEntry| e.submission_time.as_ref().map(model::Dtm::start);
            assert_eq!(first_second(&again.entry), first_second(&received.entry), "{name}");
            // An instant is to the second, whatever a peer wrote.
            let again_entry =
                DocumentEntry { submission_time: received.entry.submission_time.clone(), ..again.entry.clone() };
            assert_eq!(again_entry, received.entry, "{name}");
            assert_eq!(again.relates_to.len(), received.relates_to.len(), "{name}");
        }
    }
    assert!(read >= 35 && refused >= 4, "{read} read, {refused} refused");
}

#[test]
fn the_comprehensive_example_reads_as_an_entry() {
    let asked = patient();
    let cx = DecodeContext { patient: Some(&asked), ..DecodeContext::default() };
    let received = decode(&fixture("spec/documentreference-comprehensive.json"), &cx).unwrap();
    let entry = received.entry;
    assert_eq!(entry.id.as_str(), "urn:uuid:0c287d32-01e3-4d87-9953-9fcc9404eb21");
    assert_eq!(entry.unique_id.as_str(), "1.2.840.113556.1.8000.2554.58783.21864.3474.19410.44358.58254.41281.46340");
    assert_eq!(entry.availability_status, AvailabilityStatus::Approved);
    assert!(entry.type_code.means(&Code::new("55107-7", schemes::LOINC, "")));
    assert!(entry.class_code.means(&Code::new("11369-6", schemes::LOINC, "")));
    assert!(entry.format_code.means(&Code::new("urn:ihe:iti:xds-sd:text:2008", schemes::IHE_FORMAT, "")));
    assert!(entry.confidentiality_codes[0].means(&Code::new("N", schemes::CONFIDENTIALITY, "")));
    assert_eq!(entry.creation_time, Some(dtm("20210101045050")));
    assert_eq!(entry.service_start_time, Some(dtm("20210101045050")));
    assert_eq!(entry.size_octets, Some(190));
    assert_eq!(entry.hash.as_ref().unwrap().as_str(), "8a38f2633006fd535149c44a3a73f312437b3478");
    assert_eq!(entry.authors[0].telecommunications[0].as_str(), "^^Internet^JohnMoehrke@gmail.com");
    assert_eq!(entry.reference_id_list[0].kind, reference_types::UNIQUE_ID);
    assert_eq!(received.subject, Subject::Reference("Patient/ex-patient".into()));
    assert_eq!(received.relates_to[0].kind, AssociationType::Apnd);
    assert_eq!(received.relates_to[0].target, "DocumentReference/ex-documentreference");
    assert_eq!(received.warnings.len(), 1, "{:?}", received.warnings);
}

#[test]
fn an_entry_is_written_as_mhd_has_it() {
    let study = StudyInstanceUid::parse("2.25.99").unwrap();
    let mut e = entry();
    e.hash = Some(Sha1Hash::parse("0a4d55a8d778e5022fab701977c5d840bbc486d0").unwrap());
    e.event_code_list.push(Code::new("774007", schemes::SNOMED_CT, "Head and neck"));
    e.event_code_list.push(Code::new("24558-9", schemes::LOINC, "US Abdomen"));
    e.home_community_id = Some(HomeCommunityId::parse("urn:oid:2.999.3").unwrap());
    e.reference_id_list = vec![ReferenceId::study(&study), ReferenceId::accession("A1", Some(oid("2.999.5")))];
    e.authors = vec![Author {
        person: Some(Xcn::parse("HP-77^Curie^Irène^^^Dr.^^^&2.999.2&ISO").unwrap()),
        institutions: vec![Xon::parse("North^^^^^&2.999.5&ISO^^^^N1").unwrap(), Xon::parse("Lab").unwrap()],
        roles: vec!["66862007^^^&2.16.840.1.113883.6.96&ISO".into()],
        ..Author::default()
    }];
    let v = written(&e);
    assert_eq!(v["meta"]["profile"][0], COMPREHENSIVE);
    assert_eq!(v["id"], "0c287d32-01e3-4d87-9953-9fcc9404eb21");
    assert_eq!(v["masterIdentifier"]["value"], "urn:oid:2.25.17");
    assert_eq!(v["subject"]["identifier"], json!({"system": "urn:oid:2.999.7", "value": "P0001"}));
    assert_eq!(v["content"][0]["attachment"]["url"], "https://central.example/fhir/document/2.25.17");
    assert_eq!(v["content"][0]["attachment"]["hash"], "Ck1VqNd45QIvq3AZd8XYQLvEhtA=");
    assert_eq!(v["content"][0]["attachment"]["creation"], "2026-03-01T08:25:10Z");
    assert_eq!(v["content"][0]["format"]["system"], "http://dicom.nema.org/resources/ontology/DCMUID");
    assert_eq!(v["category"][0]["coding"][0]["system"], "urn:oid:1.3.6.1.4.1.19376.1.2.6.1");
    assert_eq!(v["context"]["event"][0]["coding"][0]["system"], "http://dicom.nema.org/resources/ontology/DCM");
    assert_eq!(v["context"]["period"], json!({"start": "2026-02-24T15:23:10Z"}));
    let related = &v["context"]["related"];
    assert_eq!(related[0]["identifier"]["system"], "urn:dicom:uid");
    assert_eq!(related[0]["identifier"]["value"], "urn:oid:2.25.99");
    assert_eq!(related[0]["identifier"]["type"]["coding"][1]["code"], reference_types::STUDY_INSTANCE_UID);
    assert_eq!(related[1]["identifier"]["system"], "urn:oid:2.999.5");
    assert_eq!(related[1]["identifier"]["type"]["coding"][0]["code"], "ACSN");
    assert_eq!(v["extension"][0]["valueOid"], "urn:oid:2.999.3");
    assert_eq!(v["extension"][1]["valueCodeableConcept"]["coding"][0]["code"], "CT");
    assert_eq!(v["extension"][2]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"], "774007");
    assert_eq!(v["extension"].as_array().unwrap().len(), 3, "a procedure is neither modality nor region");
    assert_eq!(v["author"].as_array().unwrap().len(), 2, "one role per institution");
    assert!(!v.to_string().contains("null"));
}

#[test]
fn an_entry_without_comprehensive_metadata_is_minimal() {
    let profile = |e: &DocumentEntry| written(e)["meta"]["profile"][0].as_str().unwrap().to_owned();
    assert_eq!(profile(&entry()), COMPREHENSIVE);
    let on_demand = DocumentEntry { creation_time: None, document_type: DocumentType::OnDemand, ..entry() };
    assert_eq!(profile(&on_demand), MINIMAL);
    let no_source =
        DocumentEntry { source_patient_id: None, source_patient_info: SourcePatientInfo::default(), ..entry() };
    assert_eq!(profile(&no_source), MINIMAL);
    let empty = || Code::new("", "", "");
    let bare = DocumentEntry {
        class_code: empty(),
        type_code: empty(),
        format_code: empty(),
        healthcare_facility_type_code: empty(),
        practice_setting_code: empty(),
        confidentiality_codes: vec![],
        event_code_list: vec![],
        service_start_time: None,
        source_patient_id: None,
        source_patient_info: SourcePatientInfo::default(),
        ..entry()
    };
    assert_eq!(profile(&bare), MINIMAL);
    assert!(written(&bare).get("context").is_none());
}

#[test]
fn a_size_beyond_unsigned_int_is_left_out() {
    let size = |octets| {
        written(&DocumentEntry { size_octets: Some(octets), ..entry() })["content"][0]["attachment"]["size"].clone()
    };
    assert_eq!(size(2_147_483_647), 2_147_483_647u64);
    assert_eq!(size(2_147_483_648), Value::Null);
}

#[test]
fn relations_are_written_from_the_new_document() {
    let target = ObjectId::parse("urn:uuid:50383ae5-49e5-4dea-b0e6-660cb9e7b91f").unwrap();
    let association = |kind| Association {
        id: ObjectId::parse("a").unwrap(),
        kind,
        source: entry().id,
        target: target.clone(),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: vec![],
    };
    for (kind, codes, back) in [
        (AssociationType::Rplc, vec!["replaces"], Some(AssociationType::Rplc)),
        (AssociationType::Xfrm, vec!["transforms"], Some(AssociationType::Xfrm)),
        (AssociationType::Apnd, vec!["appends"], Some(AssociationType::Apnd)),
        (AssociationType::Signs, vec!["signs"], Some(AssociationType::Signs)),
        (AssociationType::XfrmRplc, vec!["replaces", "transforms"], Some(AssociationType::XfrmRplc)),
        (AssociationType::IsSnapshotOf, vec!["transforms"], Some(AssociationType::Xfrm)),
        (AssociationType::HasMember, vec![], None),
    ] {
        let associations = [association(kind)];
        let relations = Relations::of(&associations);
        let cx = EncodeContext { relations: Some(&relations), ..EncodeContext::server(BASE) };
        let bytes = encode(&entry(), &cx);
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_document_reference(&value);
        let written: Vec<&str> =
            value["relatesTo"].as_array().into_iter().flatten().map(|r| r["code"].as_str().unwrap()).collect();
        assert_eq!(written, codes);
        let read = decode(&bytes, &DecodeContext::default()).unwrap().relates_to;
        assert_eq!(read.first().map(|r| r.kind), back);
        assert!(read.iter().all(|r| r.entry_id() == Some(target.clone())));
    }
}

#[test]
fn identifiers_are_told_apart_by_type_then_use_then_prefix() {
    let uuid = "urn:uuid:50383ae5-49e5-4dea-b0e6-660cb9e7b91f";
    let typed = |code: &str| json!({"coding": [{"system": fhir::identifier::MHD_IDENTIFIER_TYPE, "code": code}]});
    let rfc = "urn:ietf:rfc:3986";
    for (what, identifier, expected) in [
        ("4.2.4", json!([{"type": typed("entryUUID"), "system": rfc, "value": uuid}]), uuid),
        ("4.2.3", json!([{"use": "official", "system": rfc, "value": uuid}]), uuid),
        (
            "type beats use",
            json!([
                {"use": "official", "type": typed("uniqueId"), "system": rfc, "value": "urn:uuid:11111111-1111-1111-1111-111111111111"},
                {"use": "usual", "type": typed("entryUUID"), "system": rfc, "value": uuid}
            ]),
            uuid,
        ),
        ("4.0.1", json!([{"system": rfc, "value": uuid.to_uppercase().replace("URN:UUID", "urn:uuid")}]), uuid),
        (
            "none: the resource id",
            json!([{"system": "urn:oid:2.999", "value": "x"}]),
            "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001",
        ),
    ] {
        let mut value = written(&entry());
        value["id"] = json!("aaaaaaaa-0000-4000-8000-000000000001");
        value["identifier"] = identifier;
        assert_eq!(received(&value).unwrap().entry.id.as_str(), expected, "{what}");
    }
    let mut value = written(&entry());
    let map = value.as_object_mut().unwrap();
    map.remove("id");
    map.remove("identifier");
    let bytes = serde_json::to_vec(&value).unwrap();
    let cx = DecodeContext { full_url: Some(uuid), ..DecodeContext::default() };
    assert_eq!(decode(&bytes, &cx).unwrap().entry.id.as_str(), uuid);
    assert!(!decode(&bytes, &DecodeContext::default()).unwrap().entry.id.is_uuid());
}

#[test]
fn four_spellings_of_a_uid_are_one_unique_id() {
    for (system, id, expected) in [
        (json!("urn:ietf:rfc:3986"), "urn:oid:2.25.17", "2.25.17"),
        (json!("urn:dicom:uid"), "urn:oid:2.25.17", "2.25.17"),
        (json!("urn:dicom:uid"), "2.25.17", "2.25.17"),
        (json!("urn:ietf:rfc:3986"), "2.25.17", "2.25.17"),
        (Value::Null, "URN:OID:2.25.17", "2.25.17"),
        (json!("urn:oid:2.999.1"), "doc-1", "2.999.1^doc-1"),
        (
            json!("urn:ietf:rfc:3986"),
            "urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001",
            "urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001",
        ),
        (json!("http://ids.example"), "doc-1", "http://ids.example|doc-1"),
    ] {
        let mut value = written(&entry());
        value["masterIdentifier"]["system"] = system;
        value["masterIdentifier"]["value"] = json!(id);
        assert_eq!(received(&value).unwrap().entry.unique_id.as_str(), expected);
    }
}

#[test]
fn hashes_are_told_apart_by_length() {
    let hello = "0a4d55a8d778e5022fab701977c5d840bbc486d0";
    for (text, warns) in [
        ("Ck1VqNd45QIvq3AZd8XYQLvEhtA=", false),
        ("MGE0ZDU1YThkNzc4ZTUwMjJmYWI3MDE5NzdjNWQ4NDBiYmM0ODZkMA==", true),
        ("0A4D55A8D778E5022FAB701977C5D840BBC486D0", true),
    ] {
        let mut value = written(&entry());
        value["content"][0]["attachment"]["hash"] = json!(text);
        let received = received(&value).unwrap();
        assert_eq!(received.entry.hash.unwrap().as_str(), hello);
        assert_eq!(!received.warnings.is_empty(), warns);
    }
    for text in ["pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=", "AAAA", "not base64", "zz"] {
        let mut value = written(&entry());
        value["content"][0]["attachment"]["hash"] = json!(text);
        let error = received(&value).unwrap_err();
        assert_eq!(
            (error.kind, error.path.as_str()),
            (DecodeErrorKind::Value, "DocumentReference.content[0].attachment.hash")
        );
    }
}

#[test]
fn an_error_names_the_element_and_no_patient() {
    for (element, wrong, path) in [
        ("status", json!("entered-in-error"), "DocumentReference.status"),
        ("status", Value::Null, "DocumentReference.status"),
        ("masterIdentifier", json!({"system": "urn:ietf:rfc:3986"}), "DocumentReference.masterIdentifier"),
        ("subject", json!({"display": "Anna Muster"}), "DocumentReference.subject"),
        ("subject", json!({"reference": "Patient/unknown"}), "DocumentReference.subject"),
        ("modifierExtension", json!([{"url": "http://x.example"}]), "DocumentReference.modifierExtension"),
        ("implicitRules", json!("http://x.example"), "DocumentReference.implicitRules"),
        ("content", json!([{"attachment": {}}]), "DocumentReference.content[0].attachment.contentType"),
        ("content", json!("x"), "DocumentReference"),
        ("context", json!({"period": {"start": "yesterday"}}), "DocumentReference.context.period.start"),
        ("resourceType", json!("Patient"), "DocumentReference"),
    ] {
        let mut value = written(&entry());
        value[element] = wrong;
        let error = received(&value).unwrap_err();
        assert_eq!(error.path, path);
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("Muster") && !text.contains("P0001"), "{text}");
        }
        assert!(error.outcome().is_error());
    }
}

#[test]
fn lists_have_a_bound() {
    for (element, one) in [
        ("author", json!({"reference": "#a"})),
        ("contained", json!({"resourceType": "Practitioner", "id": "a"})),
        ("extension", json!({"url": "http://x.example"})),
    ] {
        let mut value = written(&entry());
        value[element] = Value::Array(vec![one; 1001]);
        assert_eq!(received(&value).unwrap_err().path, format!("DocumentReference.{element}"));
    }
}

#[test]
fn a_subject_is_resolved_by_identifier_then_reference_then_question() {
    let other = PatientId::new("P0002", oid("2.999.7"));
    let check = |subject: Value, cx: &DecodeContext<'_>, expected: &PatientId| {
        let mut value = written(&entry());
        value["subject"] = subject;
        assert_eq!(decode(&serde_json::to_vec(&value).unwrap(), cx).unwrap().entry.patient_id, *expected);
    };
    let asked = DecodeContext { patient: Some(&other), ..DecodeContext::default() };
    let ours = fhir::patient::resource_id(&patient()).unwrap();
    check(json!({"identifier": {"system": "urn:oid:2.999.7", "value": "P0001"}}), &asked, &patient());
    check(json!({"reference": format!("Patient/{ours}")}), &asked, &patient());
    check(json!({"reference": "Patient/77"}), &asked, &other);
    check(Value::Null, &asked, &other);
    let resolve = |reference: &str| -> Option<Resource<'static>> {
        (reference == "Patient/77").then(|| {
            let text = r#"{"resourceType":"Patient","identifier":[{"system":"urn:oid:2.999.7","value":"P0001"}]}"#;
            serde_json::from_str(text).unwrap()
        })
    };
    let cx = DecodeContext { patient: Some(&other), resolve: Some(&resolve), ..DecodeContext::default() };
    check(json!({"reference": "Patient/77"}), &cx, &patient());
}

#[test]
fn imaging_references_are_recognised_by_any_of_their_types() {
    for (identifier, expected) in [
        (json!({"system": "urn:dicom:uid", "value": "2.25.9"}), "2.25.9^^^^urn:ihe:iti:xds:2016:studyInstanceUID"),
        (
            json!({"system": "urn:dicom:uid", "value": "urn:oid:2.25.9"}),
            "2.25.9^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
        ),
        (
            json!({"type": {"coding": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110180"}]}, "value": "2.25.9"}),
            "2.25.9^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
        ),
        (
            json!({"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}, "system": "urn:oid:2.999.5", "value": "A1"}),
            "A1^^^&2.999.5&ISO^urn:ihe:iti:xds:2013:accession",
        ),
        (
            json!({"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]}, "system": "urn:oid:2.999.5", "value": "O1"}),
            "O1^^^&2.999.5&ISO^urn:ihe:iti:xds:2013:order",
        ),
        (
            json!({"type": {"coding": [{"system": "urn:ietf:rfc:3986", "code": "urn:ihe:iti:xds:2013:referral"}]}, "system": "urn:oid:2.999.5", "value": "R1"}),
            "R1^^^&2.999.5&ISO^urn:ihe:iti:xds:2013:referral",
        ),
    ] {
        let mut value = written(&entry());
        value["context"]["related"] = json!([{"identifier": identifier}]);
        assert_eq!(received(&value).unwrap().entry.reference_id_list[0].to_string(), expected);
    }
}

#[test]
fn a_device_author_and_its_owner_are_read() {
    let mut value = written(&entry());
    value["contained"] = json!([
        {"resourceType": "Device", "id": "d", "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.999.8.1"}],
         "manufacturer": "Maker", "deviceName": [{"name": "PACS", "type": "user-friendly-name"}], "owner": {"reference": "#o"}},
        {"resourceType": "Organization", "id": "o", "name": "North"},
        value["contained"][0]
    ]);
    value["author"] = json!([{"reference": "#d"}, {"display": "Somebody"}, {"reference": "#missing"}]);
    let authors = received(&value).unwrap().entry.authors;
    assert_eq!(authors[0].person.as_ref().unwrap().as_str(), "2.999.8.1^Maker^PACS");
    assert_eq!(authors[0].institutions[0].name(), "North");
    assert_eq!(authors[1].person.as_ref().unwrap().component(2), "Somebody");
    assert_eq!(authors.len(), 2);
}

#[test]
fn document_urls_encode_what_a_path_cannot_hold() {
    let url = |id: &str| document_url("https://x.example/fhir/", &UniqueId::parse(id).unwrap());
    assert_eq!(url("2.25.17"), "https://x.example/fhir/document/2.25.17");
    assert_eq!(url("2.999.1^a/b?c"), "https://x.example/fhir/document/2.999.1%5Ea%2Fb%3Fc");
    assert_eq!(url("../x"), "https://x.example/fhir/document/..%2Fx");
}
