//! The FHIR manifest: the tables of spec/fhir.md section 17 and spec/mcwg.md 4.8 as assertions on what is written, and
//! reading it back.

use crate::oid;
use crate::profiles::assert_well_formed;
use fhir::DecodeErrorKind;
use fhir::manifest::{Decoded, EncodeError, decode, encode};
use model::{
    Code, KeyObjectNote, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, Order, PatientId, PersonName,
    RetrieveLocationUid, SeriesInstanceUid, Sex, SopClassUid, SopInstanceUid, StudyInstanceUid, UniqueId, Xon, schemes,
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The number of the UUID 0f31c1e2-5d1b-8a3c-9d4e-6f7081920000.
pub const NUMBER: u128 = 0x0f31_c1e2_5d1b_8a3c_9d4e_6f70_8192_0000;

const KO: &str = "1.2.840.10008.5.1.4.1.1.88.59";

pub fn sop_instance(text: &str) -> SopInstanceUid {
    SopInstanceUid::parse(text).unwrap()
}

/// Names a KOS as the manifests here are named.
pub fn name(_: &UniqueId) -> (SopInstanceUid, SeriesInstanceUid) {
    (sop_instance("2.25.8.900.1"), SeriesInstanceUid::parse("2.25.8.900").unwrap())
}

fn instance(class: &str, uid: &str, number: u32) -> ManifestInstance {
    ManifestInstance {
        sop_class: SopClassUid::parse(class).unwrap(),
        sop_instance: sop_instance(uid),
        instance_number: Some(number.to_string()),
        number_of_frames: None,
        significant: Vec::new(),
        key_object_note: None,
    }
}

/// A study of two CT slices, an ultrasound loop and a key object note, with everything that the map has a place for.
pub fn manifest() -> Manifest {
    let uid = StudyInstanceUid::parse("2.25.8").unwrap();
    let series = |number: u32, modality: &str, instances: Vec<ManifestInstance>| ManifestSeries {
        uid: SeriesInstanceUid::parse(&format!("2.25.8.{number}")).unwrap(),
        modality: Some(modality.to_owned()),
        description: Some(format!("Serie {number} für {modality}")),
        number: Some(number.to_string()),
        date: Some("20250603".to_owned()),
        time: Some("091530.25".to_owned()),
        region: Some(Code::new("51185008", schemes::SNOMED_CT, "Chest")),
        laterality: Some(Code::new("7771000", schemes::SNOMED_CT, "Left")),
        retrieve_location_uid: Some(RetrieveLocationUid::parse("2.25.9.9").unwrap()),
        retrieve_url: Some("https://img.example.org/rs".to_owned()),
        retrieve_ae_title: None,
        instances,
    };
    let mut loop_ = instance("1.2.840.10008.5.1.4.1.1.3.1", "2.25.8.2.1", 1);
    loop_.number_of_frames = Some(30);
    let mut note = instance(KO, "2.25.8.3.1", 1);
    let title = Code::new("113000", schemes::DCM, "Of Interest");
    note.key_object_note = Some(KeyObjectNote { title, description: Some("Rundherd, 8 mm".to_owned()) });
    let ct = "1.2.840.10008.5.1.4.1.1.2";
    Manifest {
        flavour: ManifestFlavour::Mado,
        sop_instance: sop_instance("2.25.8.900.1"),
        series_instance: SeriesInstanceUid::parse("2.25.8.900").unwrap(),
        own_study: uid.clone(),
        study: uid,
        patient_id: Some(PatientId::new("P0001", oid("2.999.7"))),
        patient_id_text: String::new(),
        other_patient_ids: vec![PatientId::new("X1", oid("2.999.8"))],
        patient_name: PersonName::from_dicom("Exämple^Pat^Q^Dr."),
        birth_date: Some("19700101".to_owned()),
        sex: Some(Sex::Female),
        study_date: Some("20250603".to_owned()),
        study_time: Some("091500".to_owned()),
        study_description: Some("CT Thorax <nativ>".to_owned()),
        study_id: None,
        referring_physician: None,
        orders: vec![
            Order {
                accession_number: "ACC-1".to_owned(),
                accession_issuer: Some(oid("2.25.9.2")),
                placer_order_number: "PLC-1".to_owned(),
                placer_issuer: Some(oid("2.25.9.3")),
            },
            Order { accession_number: "ACC-2".to_owned(), accession_issuer: Some(oid("2.25.9.2")), ..Order::default() },
        ],
        procedures: vec![Code::new("169069000", schemes::SNOMED_CT, "CT of chest")],
        regions: vec![Code::new("67734004", schemes::SNOMED_CT, "Upper trunk")],
        manufacturer: "manifold".to_owned(),
        institution: Some(Xon::parse("Example Hospital^^^^^&2.25.9.5&ISO^^^^H1").unwrap()),
        content_date: "20250603".to_owned(),
        content_time: "101530".to_owned(),
        timezone: Some("+0200".to_owned()),
        display_uri: Some("https://view.example.org/?study=2.25.8&a=b".to_owned()),
        series: vec![
            series(1, "CT", vec![instance(ct, "2.25.8.1.1", 1), instance(ct, "2.25.8.1.2", 2)]),
            series(2, "US", vec![loop_]),
            series(3, "KO", vec![note]),
        ],
    }
}

pub fn written(manifest: &Manifest) -> Value {
    serde_json::from_slice(&encode(manifest, NUMBER).unwrap()).unwrap()
}

pub fn read(bytes: &[u8]) -> Decoded {
    decode(bytes, &name).unwrap()
}

/// The resources of a type, and a look-up by fullUrl.
fn resources<'v>(bundle: &'v Value, kind: &str) -> Vec<&'v Value> {
    let all = bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    all.filter(|resource| resource["resourceType"] == kind).collect()
}

fn by_url(bundle: &Value) -> HashMap<&str, &Value> {
    let entries = bundle["entry"].as_array().unwrap();
    entries.iter().map(|entry| (entry["fullUrl"].as_str().unwrap(), &entry["resource"])).collect()
}

fn references<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| references(v, out)),
        Value::Object(map) => {
            out.extend(map.get("reference").and_then(Value::as_str));
            map.values().for_each(|v| references(v, out));
        }
        _ => {}
    }
}

/// What holds of every manifest Bundle, whatever is in it.
pub fn assert_manifest(bundle: &Value) {
    assert_well_formed(bundle, "Bundle");
    assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("document")));
    assert_eq!(bundle["identifier"]["system"], "urn:ietf:rfc:3986");
    assert!(bundle["identifier"]["value"].as_str().unwrap().starts_with("urn:oid:2.25."));
    assert!(bundle["timestamp"].as_str().unwrap().contains('T'));
    assert_eq!(bundle["entry"][0]["resource"]["resourceType"], "Composition");
    for (kind, least, most) in [
        ("Composition", 1, 1),
        ("ImagingStudy", 1, 1),
        ("Patient", 1, 1),
        ("Device", 1, 1),
        ("Organization", 0, 1),
        ("Endpoint", 1, usize::MAX),
    ] {
        let count = resources(bundle, kind).len();
        assert!((least..=most).contains(&count), "{count} of {kind}");
    }
    let known = by_url(bundle);
    assert_eq!(known.len(), bundle["entry"].as_array().unwrap().len(), "each fullUrl once");
    let mut used = Vec::new();
    references(bundle, &mut used);
    used.iter().for_each(|reference| assert!(known.contains_key(reference), "{reference} is not in the Bundle"));
    let composition = resources(bundle, "Composition")[0];
    assert_eq!(composition["identifier"], bundle["identifier"]);
    assert_eq!((&composition["status"], &composition["text"]["status"]), (&json!("final"), &json!("generated")));
    for required in ["type", "subject", "date", "author", "title"] {
        assert!(composition.get(required).is_some(), "Composition.{required}");
    }
    let study = resources(bundle, "ImagingStudy")[0];
    assert_eq!(study["status"], "available");
    let series = study["series"].as_array().unwrap();
    assert_eq!(study["numberOfSeries"], series.len());
    for one in series {
        assert_eq!(one["numberOfInstances"], one["instance"].as_array().unwrap().len());
        assert!(one["uid"].is_string() && one["modality"].is_object());
        let endpoint = known[one["endpoint"][0]["reference"].as_str().unwrap()];
        assert_eq!(endpoint["connectionType"]["code"], "dicom-wado-rs");
    }
    assert_eq!(composition["section"].as_array().unwrap().len(), series.len());
}

fn entry_of<'v>(bundle: &'v mut Value, kind: &str) -> &'v mut Value {
    let entries = bundle["entry"].as_array_mut().unwrap();
    &mut entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == kind).unwrap()["resource"]
}

#[test]
fn whose_study_it_is_is_never_guessed() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut bundle = written(&manifest());
        change(&mut bundle);
        decode(&serde_json::to_vec(&bundle).unwrap(), &name).expect_err("a refusal").path
    };
    let nobody = json!({"reference": "urn:uuid:00000000-0000-4000-8000-000000000404"});
    let another = |bundle: &mut Value| {
        let patient = json!({"resourceType": "Patient", "id": "other",
            "identifier": [{"system": "urn:oid:2.999.7", "value": "P0002"}]});
        let url = "urn:uuid:00000000-0000-4000-8000-000000000002";
        bundle["entry"].as_array_mut().unwrap().push(json!({"fullUrl": url, "resource": patient}));
        json!({"reference": url})
    };
    assert_eq!(refused(&|b| entry_of(b, "ImagingStudy")["subject"] = nobody.clone()), "ImagingStudy.subject");
    assert_eq!(refused(&|b| entry_of(b, "Composition")["subject"] = nobody.clone()), "Composition.subject");
    let differs = |bundle: &mut Value| {
        let other = another(bundle);
        entry_of(bundle, "Composition")["subject"] = other;
    };
    assert_eq!(refused(&differs), "Composition.subject");
    let unsaid = |bundle: &mut Value| {
        another(bundle);
        for kind in ["ImagingStudy", "Composition"] {
            entry_of(bundle, kind).as_object_mut().unwrap().remove("subject");
        }
    };
    assert_eq!(refused(&unsaid), "ImagingStudy.subject");
    for status in ["entered-in-error", "cancelled"] {
        assert_eq!(refused(&|b| entry_of(b, "ImagingStudy")["status"] = json!(status)), "ImagingStudy.status");
    }
}

#[test]
fn what_cannot_be_read_is_counted() {
    let mut bundle = written(&manifest());
    assert_eq!(read(&serde_json::to_vec(&bundle).unwrap()).left_out, 0);
    let study = entry_of(&mut bundle, "ImagingStudy");
    study["series"][0]["instance"][0]["uid"] = json!("no uid");
    study["series"][1]["uid"] = json!("none either");
    let decoded = read(&serde_json::to_vec(&bundle).unwrap());
    assert_eq!((decoded.left_out, decoded.manifest.series.len()), (2, 2));
}

#[test]
fn the_document_is_a_bundle_with_a_composition_about_the_study() {
    let bundle = written(&manifest());
    assert_manifest(&bundle);
    assert_eq!(bundle["meta"]["profile"][0], fhir::manifest::PROFILE);
    assert_eq!(bundle["identifier"]["value"], format!("urn:oid:2.25.{NUMBER}"));
    assert_eq!(bundle["timestamp"], "2025-06-03T10:15:30+02:00");
    assert_eq!(bundle["entry"][0]["fullUrl"], "urn:uuid:0f31c1e2-5d1b-8a3c-9d4e-000000000001");
    let known = by_url(&bundle);
    let composition = resources(&bundle, "Composition")[0];
    assert_eq!(composition["type"]["coding"][0]["code"], "18748-4");
    assert_eq!(composition["category"][0]["coding"][0]["code"], "Medical-Imaging");
    assert_eq!(composition["title"], "CT Thorax <nativ>");
    let authors: Vec<&Value> = composition["author"]
        .as_array()
        .unwrap()
        .iter()
        .map(|author| &known[author["reference"].as_str().unwrap()]["resourceType"])
        .collect();
    assert_eq!(authors, ["Device", "Organization"]);
    let subject = known[composition["event"][0]["detail"][0]["reference"].as_str().unwrap()];
    assert_eq!(subject["resourceType"], "ImagingStudy");
    let div = composition["text"]["div"].as_str().unwrap();
    for said in [
        "2.25.8<",
        "EXÄMPLE",
        "manifold",
        "2025-06-03T09:15:00+02:00",
        "CT, US, KO",
        "Upper trunk",
        "ACC-1",
        "ACC-2",
        "CT of chest",
        "CT Thorax &lt;nativ&gt;",
        "<a href=\"https://view.example.org/?study=2.25.8&amp;a=b\">",
    ] {
        assert!(div.contains(said), "{said} is not in {div}");
    }
    let section = &composition["section"][0];
    assert_eq!(section["title"], "Series 1 CT");
    for said in ["2.25.8.1", "Serie 1 für CT", ">2<", "Chest", "Left"] {
        assert!(section["text"]["div"].as_str().unwrap().contains(said), "{said}");
    }
}

#[test]
fn the_kos_is_another_document_with_a_unique_id_of_its_own() {
    // Pitfall 42: two documents never share a uniqueId.
    let bundle = written(&manifest());
    assert_ne!(bundle["identifier"]["value"], "urn:oid:2.25.8.900.1");
    let relation = &resources(&bundle, "Composition")[0]["relatesTo"];
    let expected = json!([{ "code": "transforms",
        "targetIdentifier": { "system": "urn:ietf:rfc:3986", "value": "urn:oid:2.25.8.900.1" } }]);
    assert_eq!(*relation, expected);
    let decoded = read(&encode(&manifest(), NUMBER).unwrap());
    assert_eq!(decoded.kos, Some(sop_instance("2.25.8.900.1")));
    assert_eq!(decoded.unique_id.as_str(), format!("2.25.{NUMBER}"));
}

#[test]
fn the_imaging_study_has_what_the_map_names() {
    let bundle = written(&manifest());
    let study = resources(&bundle, "ImagingStudy")[0];
    let uid = json!({ "type": { "coding": [{ "system": "http://dicom.nema.org/resources/ontology/DCM",
        "code": "110180", "display": "Study Instance UID" }] }, "system": "urn:dicom:uid", "value": "urn:oid:2.25.8" });
    assert_eq!(study["identifier"], json!([uid]));
    let region = &study["extension"][0];
    assert!(region["url"].as_str().unwrap().ends_with("/MadoAnatomicalRegionExtension"));
    assert_eq!(region["valueCodeableConcept"]["coding"][0]["code"], "67734004");
    let codes: Vec<&Value> = study["modality"].as_array().unwrap().iter().map(|m| &m["code"]).collect();
    assert_eq!(codes, ["CT", "US", "KO"]);
    assert_eq!(study["started"], "2025-06-03T09:15:00+02:00");
    assert_eq!(study["description"], "CT Thorax <nativ>");
    assert_eq!(study["procedureCode"][0]["coding"][0]["code"], "169069000");
    assert_eq!((&study["numberOfSeries"], &study["numberOfInstances"]), (&json!(3), &json!(4)));
    let accession = &study["basedOn"][0]["identifier"];
    assert_eq!((&accession["system"], &accession["value"]), (&json!("urn:oid:2.25.9.2"), &json!("ACC-1")));
    let types: Vec<&Value> = accession["type"]["coding"].as_array().unwrap().iter().map(|c| &c["code"]).collect();
    assert_eq!(types, ["ACSN", "121022"]);
    let request = by_url(&bundle)[study["basedOn"][0]["reference"].as_str().unwrap()];
    assert_eq!(request["resourceType"], "ServiceRequest");
    assert_eq!(request["identifier"][1]["type"]["coding"][0]["code"], "PLAC");
    assert_eq!(request["identifier"][1]["value"], "PLC-1");
    let series = &study["series"][0];
    assert_eq!((&series["uid"], &series["number"]), (&json!("2.25.8.1"), &json!(1)));
    assert_eq!(series["modality"]["code"], "CT");
    assert_eq!(series["started"], "2025-06-03T09:15:30.25+02:00");
    assert_eq!((&series["bodySite"]["code"], &series["laterality"]["code"]), (&json!("51185008"), &json!("7771000")));
    let slice = &series["instance"][1];
    assert_eq!((&slice["uid"], &slice["number"]), (&json!("2.25.8.1.2"), &json!(2)));
    let class = json!({ "system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2.840.10008.5.1.4.1.1.2" });
    assert_eq!(slice["sopClass"], class);
    let frames = &study["series"][1]["instance"][0]["extension"][0];
    assert!(frames["url"].as_str().unwrap().ends_with("/MadoNumberOfFrames"));
    assert_eq!(frames["valueInteger"], 30);
    let note = &study["series"][2]["instance"][0];
    assert!(note["extension"][0]["url"].as_str().unwrap().ends_with("/MadoKeyObjectDocumentTitle"));
    assert_eq!(note["extension"][0]["valueCodeableConcept"]["coding"][0]["code"], "113000");
    assert_eq!(note["title"], "Rundherd, 8 mm");
}

#[test]
fn patient_creator_and_endpoints_are_entries_of_their_own() {
    let bundle = written(&manifest());
    let patient = resources(&bundle, "Patient")[0];
    assert_eq!(patient["identifier"][0], json!({ "use": "usual", "system": "urn:oid:2.999.7", "value": "P0001" }));
    assert_eq!(patient["identifier"][1], json!({ "use": "secondary", "system": "urn:oid:2.999.8", "value": "X1" }));
    assert_eq!((&patient["gender"], &patient["birthDate"]), (&json!("female"), &json!("1970-01-01")));
    let device = resources(&bundle, "Device")[0];
    assert_eq!(device["manufacturer"], "manifold");
    assert_eq!(device["type"]["coding"][0]["code"], "mado-creator");
    let organization = by_url(&bundle)[device["owner"]["reference"].as_str().unwrap()];
    assert_eq!(organization["name"], "Example Hospital");
    assert_eq!(organization["identifier"][0], json!({ "system": "urn:oid:2.25.9.5", "value": "H1" }));
    let endpoints = resources(&bundle, "Endpoint");
    assert_eq!(endpoints.len(), 2, "series at one place share their endpoint");
    let viewer = endpoints[0];
    assert_eq!(viewer["connectionType"]["code"], "web-viewer");
    assert_eq!(viewer["payloadMimeType"], json!(["text/html"]));
    assert_eq!(viewer["address"], "https://view.example.org/?study=2.25.8&a=b");
    let wado = endpoints[1];
    assert_eq!(wado["address"], "https://img.example.org/rs");
    assert_eq!(wado["payloadType"], json!([{ "text": "DICOM WADO-RS" }]));
    assert!(wado["extension"][0]["url"].as_str().unwrap().ends_with("/MadoRetrieveLocationUIDExtension"));
    assert_eq!(wado["extension"][0]["valueString"], "2.25.9.9");
}

#[test]
fn what_is_required_and_unknown_says_so() {
    let mut manifest = manifest();
    manifest.series[0].modality = None;
    manifest.series[0].retrieve_url = None;
    (manifest.institution, manifest.patient_id) = (None, None);
    manifest.patient_id_text = "P0001".to_owned();
    manifest.series[1].retrieve_url = Some("https://img.example.org/rs/studies/2.25.8/series/2.25.8.2".to_owned());
    let bundle = written(&manifest);
    assert_manifest(&bundle);
    let absent =
        json!([{ "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown" }]);
    let study = resources(&bundle, "ImagingStudy")[0];
    assert_eq!(study["series"][0]["modality"], json!({ "extension": absent }));
    let endpoint = by_url(&bundle)[study["series"][0]["endpoint"][0]["reference"].as_str().unwrap()];
    assert_eq!(endpoint["address"], "http://notspecified");
    assert_eq!(endpoint["_address"], json!({ "extension": absent }));
    assert_eq!(endpoint["extension"][0]["valueString"], "2.25.9.9");
    let endpoint = by_url(&bundle)[study["series"][1]["endpoint"][0]["reference"].as_str().unwrap()];
    assert_eq!(endpoint["address"], "https://img.example.org/rs", "a series-level URL becomes its base");
    let read = read(&encode(&manifest, NUMBER).unwrap()).manifest;
    manifest.series[1].retrieve_url = Some("https://img.example.org/rs".to_owned());
    assert!(read == manifest);
}

#[test]
fn what_was_written_reads_back_without_a_deviation() {
    let decoded = read(&encode(&manifest(), NUMBER).unwrap());
    assert!(decoded.manifest == manifest());
    assert_eq!(decoded.deviations, []);
}

#[test]
fn a_manifest_without_time_or_instances_has_no_fhir_form() {
    let mut manifest = manifest();
    manifest.content_time.clear();
    assert_eq!(encode(&manifest, NUMBER), Err(EncodeError::ContentTime));
    manifest.series.clear();
    assert_eq!(encode(&manifest, NUMBER), Err(EncodeError::Empty));
}

fn check_refused(change: impl FnOnce(&mut Value), kind: DecodeErrorKind, path: &str) {
    let mut bundle = written(&manifest());
    change(&mut bundle);
    let error = decode(&serde_json::to_vec(&bundle).unwrap(), &name).unwrap_err();
    assert_eq!((error.kind, error.path.as_str()), (kind, path));
}

#[test]
fn what_is_no_manifest_is_refused_by_place() {
    use DecodeErrorKind::{NotSupported, Required, Structure, Value};
    check_refused(|b| b["resourceType"] = "List".into(), Structure, "Bundle");
    check_refused(|b| drop(b["entry"].as_array_mut().unwrap().remove(1)), Required, "ImagingStudy");
    check_refused(
        |b| b["entry"][1]["resource"]["identifier"][0]["value"] = "x".into(),
        Value,
        "ImagingStudy.identifier",
    );
    check_refused(|b| b["timestamp"] = "2025-06".into(), Required, "Bundle.timestamp");
    check_refused(|b| b["entry"][1]["resource"]["series"] = json!([]), Required, "ImagingStudy.series");
    check_refused(|b| b["entry"][1]["resource"]["series"] = "x".into(), Structure, "ImagingStudy");
    let twice = |b: &mut serde_json::Value| {
        let study = b["entry"][1].clone();
        b["entry"].as_array_mut().unwrap().push(study);
    };
    check_refused(twice, NotSupported, "ImagingStudy");
    let nameless = |b: &mut serde_json::Value| {
        b.as_object_mut().unwrap().remove("identifier");
        b["entry"][0]["resource"].as_object_mut().unwrap().remove("identifier");
    };
    check_refused(nameless, Required, "Bundle.identifier");
    for bytes in [&b""[..], b"{", b"[]", b"{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":3}]}"] {
        assert!(decode(bytes, &name).is_err());
    }
}

fn check_deviation(change: impl FnOnce(&mut Value), path: &str, rule: &str) -> Manifest {
    let mut bundle = written(&manifest());
    change(&mut bundle);
    let decoded = read(&serde_json::to_vec(&bundle).unwrap());
    let found = decoded.deviations.iter().any(|d| d.path == path && d.rule.contains(rule));
    assert!(found, "no {path} {rule} in {:?}", decoded.deviations);
    decoded.manifest
}

#[test]
fn what_is_otherwise_than_the_profile_is_read_and_told() {
    let study = |b: &mut Value, field: &str, value: Value| b["entry"][1]["resource"][field] = value;
    check_deviation(|b| b["type"] = "collection".into(), "Bundle.type", "document");
    check_deviation(|b| study(b, "numberOfSeries", json!(7)), "ImagingStudy.numberOfSeries", "count the series");
    check_deviation(|b| b["entry"].as_array_mut().unwrap().swap(0, 1), "Composition", "first entry");
    let number = |b: &mut Value| b["entry"][1]["resource"]["series"][0]["numberOfInstances"] = json!(7);
    check_deviation(number, "ImagingStudy.series.numberOfInstances", "count the instances");
    let twice = |b: &mut Value| b["entry"][1]["resource"]["series"][0]["instance"][1]["uid"] = "2.25.8.1.1".into();
    let read = check_deviation(twice, "ImagingStudy.series.instance.uid", "once");
    assert_eq!(read.instance_count(), 3);
    let class = |b: &mut Value| b["entry"][1]["resource"]["series"][0]["instance"][1]["sopClass"] = json!({});
    assert_eq!(check_deviation(class, "ImagingStudy.series.instance.sopClass", "UID").instance_count(), 3);
    let lost = |b: &mut Value| b["entry"][1]["resource"]["series"][0]["endpoint"][0]["reference"] = "urn:uuid:x".into();
    let read = check_deviation(lost, "ImagingStudy.series.endpoint", "dicom-wado-rs");
    assert_eq!((&read.series[0].retrieve_url, &read.series[0].retrieve_location_uid), (&None, &None));
    let place = |b: &mut Value| b["entry"][6]["resource"]["extension"][0]["valueString"] = "ACME".into();
    check_deviation(place, "Endpoint.extension", "OID");
    // Another offset than the document's is converted to it.
    let zone = |b: &mut Value| {
        study(b, "started", "2025-06-03T05:15:00-02:00".into());
        b["type"] = "collection".into();
    };
    assert_eq!(check_deviation(zone, "Bundle.type", "document").study_time.as_deref(), Some("091500"));
    // Pitfall 41: a bare UID is the same as one with its prefix.
    let bare = |b: &mut Value| {
        b["entry"][1]["resource"]["identifier"][0]["value"] = "2.25.8".into();
        b["type"] = "collection".into();
    };
    assert_eq!(check_deviation(bare, "Bundle.type", "document").study.as_str(), "2.25.8");
}
