//! ITI-105 and ITI-106: a DocumentReference with its octets, a document that tells its own metadata, and every rule.

use crate::{dtm, entry, oid, patient, shared_data};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fhir::document_bundle::{self, DocumentBundle};
use fhir::document_reference::{EncodeContext, encode};
use fhir::generate_metadata::{self, Document, Input};
use fhir::simplified_publish::{SimplifiedPublish, decode};
use fhir::{DecodeError, DecodeErrorKind};
use model::{AssociationType, DocumentEntry, ObjectId, Oid, PatientId, ReferenceId, UniqueId, schemes};
use serde_json::{Value, json};

const OCTETS: &[u8] = b"Hello World";

/// A DocumentReference of the Simplified profile.
fn simplified() -> Value {
    let mut value: Value = serde_json::from_slice(&encode(&entry(), &EncodeContext::submission("urn:x"))).unwrap();
    value.as_object_mut().unwrap().remove("id");
    value["identifier"].as_array_mut().unwrap().retain(|i| i["use"] != "official");
    let attachment = value["content"][0]["attachment"].as_object_mut().unwrap();
    attachment.remove("url");
    attachment.insert("data".into(), json!(STANDARD.encode(OCTETS)));
    value
}

fn octets(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn published(value: &Value) -> Result<SimplifiedPublish, DecodeError> {
    decode(&octets(value), 100)
}

#[test]
fn a_simplified_document_reference_is_the_entry_and_its_octets() {
    let read = published(&simplified()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(read.octets, OCTETS);
    assert_eq!(read.entry, DocumentEntry { id: read.entry.id.clone(), ..entry() });
    assert_eq!(read.warnings, Vec::<String>::new());
    let mut broken = simplified();
    // Lines of base64, as some libraries write them.
    broken["content"][0]["attachment"]["data"] = json!("SGVsbG8g\r\nV29ybGQ=\n");
    assert_eq!(published(&broken).expect("a document").octets, OCTETS);
}

#[test]
fn what_the_simplified_profile_forbids_is_told_by_its_place() {
    use DecodeErrorKind::{NotSupported, Required, Structure, TooLong, Value as Wrong};
    type Change = fn(&mut Value);
    let attachment = "DocumentReference.content[0].attachment";
    let cases: [(&str, Change, DecodeErrorKind, &str); 12] = [
        ("a url", |v| v["content"][0]["attachment"]["url"] = json!("http://h.example/1"), NotSupported, attachment),
        (
            "no data",
            |v| drop(v["content"][0]["attachment"].as_object_mut().unwrap().remove("data")),
            Required,
            "DocumentReference.content[0].attachment.data",
        ),
        ("no content", |v| v["content"] = json!([]), Required, "DocumentReference.content[0].attachment.data"),
        (
            "no base64",
            |v| v["content"][0]["attachment"]["data"] = json!("%%%%"),
            Wrong,
            "DocumentReference.content[0].attachment.data",
        ),
        (
            "too long",
            |v| v["content"][0]["attachment"]["data"] = json!(STANDARD.encode([7; 101])),
            TooLong,
            "DocumentReference.content[0].attachment.data",
        ),
        (
            "an entryUUID",
            |v| {
                v["identifier"] = json!([{"use": "official", "system": "urn:ietf:rfc:3986",
                    "value": "urn:uuid:0c287d32-01e3-4d87-9953-9fcc9404eb21"}]);
            },
            Wrong,
            "DocumentReference.identifier",
        ),
        ("superseded", |v| v["status"] = json!("superseded"), Wrong, "DocumentReference.status"),
        ("no patient", |v| drop(v.as_object_mut().unwrap().remove("subject")), Required, "DocumentReference.subject"),
        (
            "no uniqueId",
            |v| {
                v.as_object_mut().unwrap().remove("masterIdentifier");
                v["identifier"] = json!([]);
            },
            Required,
            "DocumentReference.masterIdentifier",
        ),
        (
            "two contents",
            |v| {
                let one = v["content"][0].clone();
                v["content"].as_array_mut().unwrap().push(one);
            },
            Wrong,
            "DocumentReference.content",
        ),
        (
            "two categories",
            |v| {
                let one = v["category"][0].clone();
                v["category"].as_array_mut().unwrap().push(one);
            },
            Wrong,
            "DocumentReference.category",
        ),
        ("another resource", |v| v["resourceType"] = json!("Binary"), Structure, "DocumentReference"),
    ];
    for (what, change, kind, path) in cases {
        let mut value = simplified();
        change(&mut value);
        let error = published(&value).err().unwrap_or_else(|| panic!("{what} was read"));
        assert_eq!((error.kind, error.path.as_str()), (kind, path), "{what}: {error}");
    }
}

#[test]
fn a_document_may_be_as_long_as_is_said_and_no_longer() {
    let long = |octets: usize, most: usize| {
        let mut value = simplified();
        value["content"][0]["attachment"]["data"] = json!(STANDARD.encode(vec![7; octets]));
        decode(&serde_json::to_vec(&value).unwrap(), most).map(|read| read.octets.len()).map_err(|e| e.kind)
    };
    for most in 1..9 {
        assert_eq!(long(most, most), Ok(most));
        assert_eq!(long(most + 1, most), Err(DecodeErrorKind::TooLong), "{most}");
    }
}

#[test]
fn published_samples_of_simplified_publish_are_read() {
    let Some(path) = shared_data("fhir/derived/simplified-publish.json") else { return };
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    value["subject"] = json!({"identifier": {"system": "urn:oid:2.999.7", "value": "P0001"}});
    let read = decode(&octets(&value), 1 << 20).unwrap_or_else(|e| panic!("{e}"));
    assert!(read.octets.starts_with(b"<?xml") && read.octets.len() as u64 == read.entry.size_octets.unwrap());
    assert_eq!(read.entry.authors.len(), 1);
    let guide = "fhir/mhd-4.2.3/example/DocumentReference-ex-DocumentReferenceSimplifiedPublish.json";
    let Some(path) = shared_data(guide) else { return };
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    // Nobody but the guide's own server knows its patient.
    let error = published(&value).err().expect("a refusal");
    assert_eq!((error.kind, error.path.as_str()), (DecodeErrorKind::Required, "DocumentReference.subject"));
    value["subject"] = json!({"identifier": {"system": "urn:oid:2.999.7", "value": "P0001"}});
    let read = published(&value).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((read.octets.as_slice(), read.entry.mime_type.as_str()), (OCTETS, "text/plain"));
}

fn parameters(resource: &Value) -> Value {
    json!({"resourceType": "Parameters", "parameter": [{"name": "document", "resource": resource}]})
}

#[test]
fn the_operation_takes_one_document_and_metadata_for_one_that_has_none() {
    let binary = json!({"resourceType": "Binary", "contentType": "text/xml", "data": STANDARD.encode(OCTETS)});
    let read = |value: &Value| generate_metadata::decode(&octets(value), 100);
    match read(&parameters(&binary)) {
        Ok(Input::Document(Document::Binary { content_type, octets })) => {
            assert_eq!((&*content_type, &*octets), ("text/xml", OCTETS))
        }
        _ => panic!("a Binary"),
    }
    let bundle = json!({"resourceType": "Bundle", "type": "document", "entry": []});
    match read(&parameters(&bundle)) {
        Ok(Input::Document(Document::Bundle(text))) => assert_eq!(text, octets(&bundle), "the text as it came"),
        _ => panic!("a Bundle"),
    }
    let mut two = parameters(&binary);
    two["parameter"].as_array_mut().unwrap().push(json!({"name": "subject"}));
    let resource = "Parameters.parameter[0].resource";
    let changed = |pointer: &str, to: Value| {
        let mut value = parameters(&binary);
        *value.pointer_mut(pointer).unwrap() = to;
        value
    };
    for (value, path) in [
        (two, "Parameters.parameter[1].name".to_owned()),
        (json!({"resourceType": "Parameters"}), "Parameters.parameter".to_owned()),
        (json!({"resourceType": "Binary"}), "Parameters".to_owned()),
        (changed("/parameter/0/name", json!("resource")), "Parameters.parameter[0].name".to_owned()),
        (parameters(&json!({"resourceType": "Bundle", "type": "collection"})), format!("{resource}.type")),
        (parameters(&json!({"resourceType": "Patient"})), resource.to_owned()),
        (parameters(&json!({"resourceType": "Binary", "contentType": "text/xml"})), format!("{resource}.data")),
        (changed("/parameter/0/resource/contentType", json!("")), format!("{resource}.contentType")),
        (changed("/parameter/0/resource/data", json!("?")), format!("{resource}.data")),
        (changed("/parameter/0/resource/data", json!(STANDARD.encode([1; 101]))), format!("{resource}.data")),
    ] {
        let error = read(&value).err().unwrap_or_else(|| panic!("{path} was read"));
        assert_eq!(error.path, path, "{error}");
    }
    let twice = json!([parameters(&binary)["parameter"][0], parameters(&binary)["parameter"][0]]);
    let error = read(&json!({"resourceType": "Parameters", "parameter": twice})).err().expect("a refusal");
    assert_eq!(error.path, "Parameters.parameter[1].name");
    let answer: Value = serde_json::from_slice(&generate_metadata::encode("DocumentReference/1")).unwrap();
    let reference = json!({"reference": "DocumentReference/1"});
    let wanted = json!([{"name": "DocumentReference", "valueReference": reference}]);
    assert_eq!((&answer["resourceType"], &answer["parameter"]), (&json!("Parameters"), &wanted));
}

#[test]
fn a_pdf_comes_with_its_metadata_beside_it() {
    let pdf = json!({"resourceType": "Binary", "contentType": "application/pdf", "data": STANDARD.encode(OCTETS)});
    let metadata = json!({
        "resourceType": "DocumentReference", "status": "current",
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.999.17.1"},
        "subject": {"identifier": {"system": "urn:oid:2.999.7", "value": "P0001"}},
        "content": [{"attachment": {"title": "Knee"}}],
    });
    let both = |resource: &Value, metadata: &Value| {
        let document = json!({"name": "document", "resource": resource});
        let metadata = json!({"name": "metadata", "resource": metadata});
        let forward = json!({"resourceType": "Parameters", "parameter": [document, metadata]});
        let backward = json!({"resourceType": "Parameters", "parameter": [metadata, document]});
        [forward, backward].map(|value| generate_metadata::decode(&octets(&value), 100))
    };
    for read in both(&pdf, &metadata) {
        let Ok(Input::Described(read)) = read else { panic!("a document with its metadata") };
        assert_eq!((read.octets.as_slice(), read.entry.mime_type.as_str()), (OCTETS, "application/pdf"));
        assert_eq!((read.entry.unique_id.as_str(), read.entry.title.value()), ("2.999.17.1", Some("Knee")));
    }
    let changed = |pointer: &str, to: Value| {
        let mut value = metadata.clone();
        *value.pointer_mut(pointer).unwrap() = to;
        value
    };
    let attachment = "DocumentReference.content[0].attachment";
    for (document, metadata, path) in [
        (&pdf, json!({"resourceType": "Patient"}), "DocumentReference".to_owned()),
        (&pdf, changed("/status", json!("superseded")), "DocumentReference.status".to_owned()),
        (&pdf, changed("/content/0/attachment", json!({"data": "eA=="})), attachment.to_owned()),
        (
            &pdf,
            changed("/content/0/attachment", json!({"contentType": "text/plain"})),
            format!("{attachment}.contentType"),
        ),
        (&pdf, changed("/subject", json!({})), "DocumentReference.subject".to_owned()),
    ] {
        for read in both(document, &metadata) {
            let error = read.err().unwrap_or_else(|| panic!("{path} was read"));
            assert_eq!(error.path, path, "{error}");
        }
    }
    // What has its metadata inside takes none.
    let bundle = json!({"resourceType": "Bundle", "type": "document", "entry": []});
    let kos = json!({"resourceType": "Binary", "contentType": "Application/DICOM", "data": "AAAA"});
    for document in [&bundle, &kos] {
        let [first, second] = both(document, &metadata).map(|read| read.err().expect("a refusal").path);
        assert_eq!((first.as_str(), second.as_str()), ("Parameters.parameter[1]", "Parameters.parameter[0]"));
    }
}

#[test]
fn a_document_of_two_patients_or_not_to_be_shared_is_refused() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut value = simplified();
        change(&mut value);
        published(&value).map(|_| ()).unwrap_err()
    };
    for subject in [
        json!({"identifier": {"system": "urn:oid:2.999.7", "value": "P0001"}, "reference": "Patient/2.999.7-P0002"}),
        json!({"identifier": {"system": "urn:oid:2.999.7", "value": "P0001"}, "reference": "#p"}),
        json!({"reference": "#q"}),
    ] {
        let error = refused(&|value| {
            value["subject"] = subject.clone();
            let system = "urn:oid:2.999.7";
            for (id, patients) in [("p", vec!["P0002"]), ("q", vec!["P0001", "P0002"])] {
                let identifier: Vec<Value> = patients.iter().map(|p| json!({"system": system, "value": p})).collect();
                let patient = json!({"resourceType": "Patient", "id": id, "identifier": identifier});
                match value["contained"].as_array_mut() {
                    Some(contained) => contained.push(patient),
                    None => value["contained"] = json!([patient]),
                }
            }
        });
        assert_eq!((error.kind, error.path.as_str()), (DecodeErrorKind::Value, "DocumentReference.subject"), "{error}");
        assert!(!error.to_string().contains("P000"), "{error}");
    }
    for status in ["preliminary", "entered-in-error"] {
        let error = refused(&|value| value["docStatus"] = json!(status));
        assert_eq!(error.path, "DocumentReference.docStatus");
    }
    // An old identifier contradicts nobody, and final is what every document here is.
    let mut value = simplified();
    value["docStatus"] = json!("final");
    value["subject"] = json!({"reference": "#old"});
    let identifier = |id: &str, r#use: &str| json!({"system": "urn:oid:2.999.7", "value": id, "use": r#use});
    let patient = json!({"resourceType": "Patient", "id": "old",
        "identifier": [identifier("P0009", "old"), identifier("P0001", "official")]});
    value["contained"].as_array_mut().expect("participants").push(patient);
    let read = published(&value).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(read.entry.patient_id.id, "P0001");
}

/// A report that says everything a Composition can say of a document.
fn report() -> Value {
    json!({
        "resourceType": "Bundle", "type": "document", "timestamp": "2026-03-01T09:25:10+01:00",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001"},
        "entry": [
            {"fullUrl": "http://h.example/Composition/c", "resource": {
                "resourceType": "Composition", "status": "final", "language": "de", "title": " CT Thorax ",
                "type": {"coding": [{"system": "http://loinc.org", "code": "85430-7", "display": "Report"}]},
                "category": [{"coding": [{"system": "urn:oid:2.999.5", "code": "REPORTS", "display": "Reports"}]}],
                "subject": {"reference": "Patient/p"}, "date": "2026-03-01T09:25:10+01:00",
                "author": [{"reference": "Practitioner/a"}],
                "attester": [
                    {"mode": "personal", "party": {"reference": "Patient/p"}},
                    {"mode": "legal", "party": {"reference": "Practitioner/a"}},
                ],
                "confidentiality": "R",
                "relatesTo": [
                    {"code": "replaces", "targetIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.25.5"}},
                    {"code": "appends", "targetReference": {"reference": "Composition/old"}},
                ],
                "event": [{
                    "code": [{"coding": [{"system": "http://snomed.info/sct", "code": "51185008"}]}],
                    "period": {"start": "2026-02-24T16:23:10+01:00", "end": "2026-02-24T16:40:00+01:00"},
                    "detail": [{"identifier": {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.4"}}],
                }],
            }},
            {"fullUrl": "http://h.example/Patient/p", "resource": {
                "resourceType": "Patient", "gender": "female", "birthDate": "1977-05-30",
                "identifier": [
                    {"system": "urn:oid:2.999.1.2", "value": "L-17"}, {"system": "urn:oid:2.999.7", "value": "P0001"},
                ],
                "name": [{"family": "Muster", "given": ["Anna"]}],
            }},
            {"fullUrl": "http://h.example/Practitioner/a", "resource": {
                "resourceType": "Practitioner", "name": [{"family": "Curie", "given": ["Irène"]}],
            }},
            {"fullUrl": "http://h.example/ImagingStudy/s", "resource": {
                "resourceType": "ImagingStudy", "started": "2026-02-24T16:23:10+01:00",
                "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.4"}],
                "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}],
            }},
            {"fullUrl": "http://h.example/ServiceRequest/o", "resource": {
                "resourceType": "ServiceRequest", "identifier": [
                    {"system": "urn:oid:2.999.9", "value": "A1", "type": {"coding": [
                        {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}},
                    {"system": "urn:oid:2.999.9", "value": "says nothing"},
                ],
            }},
        ],
    })
}

fn described(value: &Value, domain: Option<&Oid>) -> Result<DocumentBundle, Vec<DecodeError>> {
    document_bundle::decode(&octets(value), ObjectId::parse("document").unwrap(), domain)
}

#[test]
fn a_fhir_document_says_of_itself_what_its_composition_says() {
    let DocumentBundle { entry, relates_to } =
        described(&report(), Some(&oid("2.999.7"))).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(entry.unique_id.as_str(), "urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001");
    assert_eq!((entry.patient_id, entry.mime_type.as_str()), (patient(), "application/fhir+json"));
    assert_eq!(entry.source_patient_id, Some(PatientId::new("L-17", oid("2.999.1.2"))));
    assert!(entry.source_patient_info.0.iter().any(|line| line == "PID-5|Muster^Anna"));
    assert_eq!((entry.title.value(), entry.language_code.as_str()), (Some("CT Thorax"), "de"));
    assert_eq!((entry.type_code.code.as_str(), entry.class_code.code.as_str()), ("85430-7", "REPORTS"));
    assert_eq!(entry.creation_time, Some(dtm("20260301082510")));
    assert_eq!(entry.service_start_time, Some(dtm("20260224152310")));
    assert_eq!(entry.service_stop_time, Some(dtm("20260224154000")));
    let confidentiality = &entry.confidentiality_codes[0];
    assert_eq!((confidentiality.code.as_str(), confidentiality.scheme.as_str()), ("R", schemes::CONFIDENTIALITY));
    let events: Vec<(&str, Option<&str>)> =
        entry.event_code_list.iter().map(|c| (c.code.as_str(), c.display.value())).collect();
    assert_eq!(events, [("51185008", Some("51185008")), ("CT", Some("CT"))]);
    assert_eq!(entry.authors[0].person.as_ref().map(|p| p.component(2)), Some("Curie".to_owned()));
    assert_eq!(entry.legal_authenticator.map(|p| p.component(2)), Some("Curie".to_owned()));
    let study = ReferenceId::study(&model::StudyInstanceUid::parse("1.2.3.4").unwrap());
    assert_eq!(entry.reference_id_list, [study, ReferenceId::accession("A1", Some(oid("2.999.9")))]);
    assert_eq!(relates_to, [(AssociationType::Rplc, UniqueId::parse("2.25.5").unwrap())]);
    assert!(entry.format_code.code.is_empty() && entry.practice_setting_code.code.is_empty());
}

#[test]
fn a_fhir_document_of_two_patients_or_not_finished_is_refused() {
    let domain = oid("2.999.7");
    let path = |change: &dyn Fn(&mut Value)| {
        let mut value = report();
        change(&mut value);
        let findings = described(&value, Some(&domain)).err().expect("a refusal");
        findings.iter().map(|finding| finding.path.clone()).collect::<Vec<_>>()
    };
    let composition = "Bundle.entry[0].resource";
    for status in ["preliminary", "entered-in-error", "registered"] {
        assert_eq!(path(&|v| v["entry"][0]["resource"]["status"] = json!(status)), [format!("{composition}.status")]);
    }
    let other = json!({"system": "urn:oid:2.999.7", "value": "P0002"});
    assert_eq!(
        path(&|v| v["entry"][0]["resource"]["subject"]["identifier"] = other.clone()),
        [format!("{composition}.subject")]
    );
    assert_eq!(
        path(&|v| v["entry"][1]["resource"]["identifier"].as_array_mut().unwrap().push(other.clone())),
        [format!("{composition}.subject")]
    );
}

#[test]
fn a_fhir_document_without_what_it_is_known_by_is_refused_with_all_that_is_missing() {
    let domain = oid("2.999.7");
    let findings = |change: fn(&mut Value)| {
        let mut value = report();
        change(&mut value);
        let findings = described(&value, Some(&domain)).err().unwrap_or_default();
        findings.into_iter().map(|f| (f.kind, f.path)).collect::<Vec<_>>()
    };
    use DecodeErrorKind::{Required, Value as Wrong};
    let at = |element: &str| format!("Bundle.entry[0].resource{element}");
    let missing = findings(|v| {
        v.as_object_mut().unwrap().remove("identifier");
        v["entry"][1]["resource"]["identifier"].as_array_mut().unwrap().pop();
        v["entry"][0]["resource"]["date"] = json!("yesterday");
    });
    let wanted = [(Required, "Bundle.identifier".to_owned()), (Required, at(".subject")), (Wrong, at(".date"))];
    assert_eq!(missing, wanted);
    assert_eq!(findings(|v| v["type"] = json!("collection")), [(Wrong, "Bundle.type".to_owned())]);
    assert_eq!(findings(|v| drop(v["entry"].as_array_mut().unwrap().remove(0))), [(Wrong, at(""))]);
    assert_eq!(findings(|v| v["entry"] = json!([])), [(Required, at(""))]);
    // Without a domain of its own, a node takes the first identifier there is.
    let any = described(&report(), None).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(any.entry.patient_id, PatientId::new("L-17", oid("2.999.1.2")));
}

#[test]
fn the_sample_report_document_tells_its_study() {
    let Some(path) = shared_data("fhir/derived/report-fhir-document.json") else { return };
    let bytes = std::fs::read(path).unwrap();
    let read = document_bundle::decode(&bytes, ObjectId::parse("document").unwrap(), Some(&oid("2.999.1.1")));
    let entry = read.unwrap_or_else(|e| panic!("{e:?}")).entry;
    assert_eq!((entry.type_code.code.as_str(), entry.title.value()), ("85430-7", Some("CT chest report")));
    assert_eq!(entry.reference_id_list[0].id, "1.2.250.1.59.40211.22756022.2.1.102");
    assert_eq!(entry.service_start_time, Some(dtm("20260224152310")), "no event: the start of the study");
    assert_eq!(entry.event_code_list[0].code, "CT");
}
