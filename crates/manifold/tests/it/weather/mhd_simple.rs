//! The short ways in at the FHIR door, ITI-105 and ITI-106: one document alone is in the registry for both doors, what comes
//! again changes nothing, what is refused leaves nothing. Source: spec/fhir.md sections 2, 7, 18, 20 (39).

use super::client::{Client, Sent, patient, wait_for};
use super::{calm, documents, node};
use crate::network::Files;
use hl7v3::cda;
use model::{
    AssociationType, AvailabilityStatus, Code, DocumentEntry, Dtm, Manifest, ManifestFlavour, ManifestInstance,
    ManifestSeries, ObjectId, Oid, Order, ReferenceId, Report, ReportContent, ReportStudy, RetrieveLocationUid,
    SeriesInstanceUid, SopClassUid, SopInstanceUid, StoredQuery, StudyInstanceUid, UniqueId, Xcn, Xon, schemes,
};
use serde_json::{Value, json};

const OCTETS: &[u8] = b"<report/>";

fn centre() -> Client {
    node(calm(), "central")
}

fn repository() -> Oid {
    Oid::parse("2.999.1.1").unwrap()
}

fn fresh() -> UniqueId {
    UniqueId::parse(&documents::fresh_unique_id()).unwrap()
}

fn subject(id: &str) -> Value {
    json!({"identifier": {"system": format!("urn:oid:{}", synth::PATIENT_DOMAIN), "value": id}})
}

/// What a thin source sends: no codes but the type.
fn simple(unique_id: &UniqueId) -> Value {
    json!({
        "resourceType": "DocumentReference", "status": "current", "subject": subject("P0009"),
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{unique_id}")},
        "type": {"coding": [{"system": "http://loinc.org", "code": "18748-4", "display": "Diagnostic imaging study"}]},
        "author": [{"reference": "#a"}, {"display": "Meitner"}],
        "contained": [{"resourceType": "Practitioner", "id": "a", "name": [{"family": "Curie"}]}],
        "content": [{"attachment": {"contentType": "text/xml", "title": "Knee", "data": soap::encode_base64(OCTETS)}}],
    })
}

fn send(client: &Client, headers: &[(&'static str, &str)], body: &Value) -> Sent {
    client.send("/fhir/DocumentReference", headers, body)
}

/// Status, `issue.code`, XDS code and sentence of a refusal.
fn refusal((status, answer): (u16, &Value)) -> (u16, String, String, String) {
    assert_eq!(answer["resourceType"], "OperationOutcome", "{status} {answer:#}");
    let issue = &answer["issue"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (status, text(&issue["code"]), text(&issue["details"]["text"]), text(&issue["diagnostics"]))
}

fn id_of(location: &str) -> ObjectId {
    let id = location.split("/DocumentReference/").nth(1).expect("a DocumentReference");
    ObjectId::parse(&format!("urn:uuid:{id}")).expect("a UUID")
}

fn registered(client: &Client, unique_id: &UniqueId) -> Vec<DocumentEntry> {
    client.with_unique_id(unique_id).expect("an answer")
}

#[test]
fn one_document_alone_is_at_both_doors_with_a_set_of_its_own() {
    let (centre, unique_id) = (centre(), fresh());
    let sent = send(&centre, &[], &simple(&unique_id));
    assert_eq!(sent.status, 201, "{:#}", sent.body);
    let location = sent.header("location");
    let (base, at) = location.split_once("/fhir").expect("an address");
    assert_eq!(base, centre.base());
    // The answer is what ITI-67 shows, with its version.
    let (status, read) = centre.fhir("GET", at, None);
    assert_eq!((status, &read), (200, &sent.body));
    assert!(sent.header("etag").starts_with("W/\"1-"), "{}", sent.header("etag"));
    let attachment = &sent.body["content"][0]["attachment"];
    assert!(attachment["data"].is_null(), "{attachment}");
    let url = attachment["url"].as_str().expect("an address").strip_prefix(centre.base()).expect("an absolute one");
    assert_eq!(centre.get(url), Ok((200, String::from_utf8(OCTETS.to_vec()).unwrap())));
    assert_eq!((attachment["size"].as_u64(), attachment["title"].as_str()), (Some(9), Some("Knee")));

    // The XDS door.
    let entry = registered(&centre, &unique_id).pop().expect("the entry");
    assert_eq!(entry.id, id_of(&location));
    assert_eq!((entry.type_code.code.as_str(), entry.class_code.code.as_str()), ("18748-4", "UNK"));
    assert_eq!((entry.language_code.as_str(), entry.authors.len()), ("und", 2));
    assert_eq!(centre.retrieve(&repository(), &unique_id).unwrap(), OCTETS);
    let sets = centre.query(StoredQuery::GetSubmissionSets { ids: vec![entry.id.clone()] }).unwrap().submission_sets;
    let set = &sets[0];
    assert_eq!((set.content_type_code.code.as_str(), set.authors.len()), ("18748-4", 1));
    assert_eq!(set.patient_id, patient("P0009"));
    assert!(set.source_id.as_str().starts_with("2.25."), "{}", set.source_id);
}

#[test]
fn what_a_source_prefers_to_see_is_what_it_gets() {
    let centre = centre();
    let minimal = send(&centre, &[("prefer", "return=minimal")], &simple(&fresh()));
    assert_eq!((minimal.status, &minimal.body), (201, &Value::Null));
    assert!(minimal.header("location").contains("/DocumentReference/") && !minimal.header("etag").is_empty());
    let told = send(&centre, &[("prefer", "return=OperationOutcome")], &simple(&fresh()));
    assert_eq!((told.status, told.body["resourceType"].as_str()), (201, Some("OperationOutcome")));
    let said = told.body["issue"][0]["diagnostics"].as_str().unwrap();
    assert!(said.contains("category") && said.contains("securityLabel"), "{said}");
    // XML in, XML out.
    let xml = fhir::xml::to_xml(&serde_json::to_vec(&simple(&fresh())).unwrap()).unwrap();
    let http = net::HttpClient::new(&Default::default()).unwrap();
    let request = http.post(&format!("{}/fhir/DocumentReference?_format=xml", centre.base()));
    let request = request.header("content-type", "application/fhir+xml").body(xml);
    let (status, text) = wait_for(async {
        let answer = http.send(request).await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    });
    assert_eq!((status, text.contains("<DocumentReference xmlns")), (201, true), "{text}");
}

#[test]
fn the_same_document_again_is_the_first_one_and_another_under_its_name_is_refused() {
    let (centre, unique_id) = (centre(), fresh());
    let sent = simple(&unique_id);
    let first = send(&centre, &[], &sent);
    // creationTime was completed with the time of the first: it must not make the second another document.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let again = send(&centre, &[], &sent);
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    let entry = registered(&centre, &unique_id).pop().expect("the entry");
    let sets = centre.query(StoredQuery::GetSubmissionSets { ids: vec![entry.id] }).unwrap().submission_sets;
    assert_eq!(sets.len(), 1);
    // Many at once are one.
    let unique_id = fresh();
    let at_once = simple(&unique_id);
    let locations: Vec<(u16, String)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| send(&centre, &[], &at_once))).collect();
        all.into_iter().map(|one| one.join().expect("an answer")).map(|s| (s.status, s.header("location"))).collect()
    });
    assert!(locations.iter().all(|(status, at)| [200, 201].contains(status) && *at == locations[0].1), "{locations:?}");
    assert_eq!(registered(&centre, &unique_id).len(), 1);

    let refused = |change: fn(&mut Value)| {
        let mut other = sent.clone();
        change(&mut other);
        let answer = send(&centre, &[], &other);
        let (status, code, details, _) = refusal((answer.status, &answer.body));
        (status, code, details)
    };
    let told = |status: u16, code: &str, details: &str| (status, code.to_owned(), details.to_owned());
    let octets = refused(|v| v["content"][0]["attachment"]["data"] = json!("b3RoZXI="));
    assert_eq!(octets, told(409, "duplicate", "XDSNonIdenticalHash"));
    let title = refused(|v| v["content"][0]["attachment"]["title"] = json!("Hip"));
    assert_eq!(title, told(409, "duplicate", "XDSDuplicateUniqueIdInRegistry"));
    let hash = refused(|v| v["content"][0]["attachment"]["hash"] = json!("2jmj7l5rSw0yVb/vlWAYkK/YBwk="));
    assert_eq!(hash, told(422, "invariant", "XDSRepositoryMetadataError"));
}

#[test]
fn if_none_exist_makes_a_document_only_when_there_is_none() {
    let (centre, unique_id) = (centre(), fresh());
    let condition = format!("identifier=urn:ietf:rfc:3986|urn:oid:{unique_id}");
    let first = send(&centre, &[("if-none-exist", &condition)], &simple(&unique_id));
    assert_eq!(first.status, 201, "{:#}", first.body);
    // Another document, which the condition keeps out.
    let other = fresh();
    let second = send(&centre, &[("if-none-exist", &condition)], &simple(&other));
    assert_eq!((second.status, &second.body), (200, &first.body));
    assert_eq!(second.header("location"), first.header("location"));
    assert!(registered(&centre, &other).is_empty());
    send(&centre, &[], &simple(&other));
    let either = format!("identifier=urn:oid:{unique_id},urn:oid:{other}");
    let several = send(&centre, &[("if-none-exist", &either)], &simple(&fresh()));
    assert_eq!(refusal((several.status, &several.body)).1, "multiple-matches");
    assert_eq!(several.status, 412);
    let by_type = send(&centre, &[("if-none-exist", "type=18748-4")], &simple(&fresh()));
    assert_eq!(refusal((by_type.status, &by_type.body)).1, "not-supported");
    assert_eq!(by_type.status, 400);
}

#[test]
fn what_a_simple_publication_may_not_say_is_refused_and_leaves_nothing() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, u16, &str, &str); 10] = [
        (
            "a url",
            |v| v["content"][0]["attachment"]["url"] = json!("http://h.example/1"),
            422,
            "not-supported",
            "XDSRegistryMetadataError",
        ),
        (
            "no data",
            |v| drop(v["content"][0]["attachment"].as_object_mut().unwrap().remove("data")),
            422,
            "required",
            "XDSRegistryMetadataError",
        ),
        (
            "an entryUUID",
            |v| {
                v["identifier"] = json!([{"use": "official", "system": "urn:ietf:rfc:3986",
                    "value": "urn:uuid:0c287d32-01e3-4d87-9953-9fcc9404eb21"}]);
            },
            422,
            "value",
            "XDSRegistryMetadataError",
        ),
        ("superseded", |v| v["status"] = json!("superseded"), 422, "value", "XDSRegistryMetadataError"),
        (
            "no patient",
            |v| drop(v.as_object_mut().unwrap().remove("subject")),
            422,
            "required",
            "XDSRegistryMetadataError",
        ),
        ("unknown patient", |v| v["subject"] = subject("NOBODY"), 422, "not-found", "XDSUnknownPatientId"),
        (
            "hash",
            |v| v["content"][0]["attachment"]["hash"] = json!("2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
            422,
            "invariant",
            "XDSRepositoryMetadataError",
        ),
        ("size", |v| v["content"][0]["attachment"]["size"] = json!(4), 422, "invariant", "XDSRepositoryMetadataError"),
        (
            "relation to nobody",
            |v| {
                let target = json!({"reference": "DocumentReference/00000000-0000-4000-8000-0000000000ab"});
                v["relatesTo"] = json!([{"code": "appends", "target": target}]);
            },
            422,
            "not-found",
            "UnresolvedReferenceException",
        ),
        (
            "a code outside the value set",
            |v| {
                let code = json!({"system": format!("urn:oid:{}", schemes::IHE_CLASS), "code": "WRONG"});
                v["category"] = json!([{"coding": [code]}]);
            },
            422,
            "value",
            "XDSRegistryMetadataError",
        ),
    ];
    let centre = centre();
    for (what, change, status, code, details) in cases {
        let unique_id = fresh();
        let mut sent = simple(&unique_id);
        change(&mut sent);
        let answer = send(&centre, &[], &sent);
        let (came, issue, xds, sentence) = refusal((answer.status, &answer.body));
        assert_eq!((came, issue.as_str(), xds.as_str()), (status, code, details), "{what}: {sentence}");
        assert!(!sentence.contains("NOBODY"), "{what}: {sentence}");
        assert!(registered(&centre, &unique_id).is_empty(), "{what} was registered");
        assert!(centre.retrieve(&repository(), &unique_id).is_err(), "{what} was stored");
    }
    let mut long = simple(&fresh());
    long["content"][0]["attachment"]["data"] = json!("A".repeat(28 << 20));
    let answer = send(&centre, &[], &long);
    assert_eq!((answer.status, refusal((answer.status, &answer.body)).1.as_str()), (413, "too-long"));
    let (status, _) = centre.fhir("GET", "/DocumentReference/$generate-metadata", None);
    assert_eq!(status, 405, "the operation changes something");
}

#[test]
fn relations_are_made_but_a_replacement_needs_a_word_of_the_operator() {
    let centre = centre();
    let first = send(&centre, &[], &simple(&fresh()));
    let old = id_of(&first.header("location"));
    let relating = |code: &str| {
        let mut value = simple(&fresh());
        let at = first.header("location");
        let target = at.split("/fhir/").nth(1).expect("a path").to_owned();
        value["relatesTo"] = json!([{"code": code, "target": {"reference": target}}]);
        value
    };
    for (code, kind) in
        [("appends", AssociationType::Apnd), ("transforms", AssociationType::Xfrm), ("signs", AssociationType::Signs)]
    {
        let sent = send(&centre, &[], &relating(code));
        assert_eq!((sent.status, sent.body["relatesTo"][0]["code"].as_str()), (201, Some(code)), "{:#}", sent.body);
        let links = centre.associations(&[id_of(&sent.header("location"))]);
        assert!(links.iter().any(|a| a.kind == kind && a.target == old), "{code}: {links:?}");
    }
    let sent = send(&centre, &[], &relating("replaces"));
    let (status, code, _, sentence) = refusal((sent.status, &sent.body));
    assert_eq!((status, code.as_str()), (422, "not-supported"));
    assert!(sentence.contains("simplified_replace") && sentence.contains("ITI-65"), "{sentence}");
    let (_, read) = centre.fhir("GET", &format!("/DocumentReference?_id={}", &old.as_str()[9..]), None);
    assert_eq!(read["entry"][0]["resource"]["status"], "current");
}

#[test]
fn a_node_that_may_replaces_by_both_and_names_the_source_it_is_told() {
    let files = Files::write(&["--empty"]);
    let served = files.serve(
        "central",
        &[
            ("MANIFOLD__ACTORS__MHD_DOCUMENT_RECIPIENT__SIMPLIFIED_REPLACE", "true"),
            ("MANIFOLD__ACTORS__MHD_DOCUMENT_RECIPIENT__SOURCE_ID", "2.999.105"),
        ],
    );
    let centre = Client::to(&served);
    let number = fresh();
    let first = send(&centre, &[], &simple(&number));
    let mut next = simple(&fresh());
    let target = json!({"identifier": {"system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{number}")}});
    next["relatesTo"] = json!([{"code": "replaces", "target": target}]);
    let sent = send(&centre, &[], &next);
    assert_eq!((sent.status, sent.body["relatesTo"][0]["code"].as_str()), (201, Some("replaces")), "{:#}", sent.body);
    let (old, new) = (id_of(&first.header("location")), id_of(&sent.header("location")));
    assert_eq!(centre.replacements(&[old.clone()]), [(new.clone(), old)]);
    assert_eq!(registered(&centre, &number)[0].availability_status, AvailabilityStatus::Deprecated);
    let sets = centre.query(StoredQuery::GetSubmissionSets { ids: vec![new] }).unwrap().submission_sets;
    assert_eq!(sets[0].source_id.as_str(), "2.999.105");
    // It comes too late for the first one now.
    let mut late = next.clone();
    late["masterIdentifier"]["value"] = json!(format!("urn:oid:{}", fresh()));
    let refused = send(&centre, &[], &late);
    assert_eq!((refused.status, refusal((refused.status, &refused.body)).1.as_str()), (409, "conflict"));

    // A correction names what it corrects.
    let report = cda_report(&fresh(), "P0010");
    let entry = generated(&centre, &binary("text/xml", &cda::encode(&report)), &report.unique_id);
    let next = Report { replaces: Some(report.unique_id.clone()), version: 2, ..cda_report(&fresh(), "P0010") };
    let corrected = generated(&centre, &binary("text/xml", &cda::encode(&next)), &next.unique_id);
    assert_eq!(centre.replacements(&[entry.id.clone()]), [(corrected.id, entry.id)]);
    let unknown = Report { replaces: Some(fresh()), ..cda_report(&fresh(), "P0010") };
    let (status, answer) = generate(&centre, &binary("text/xml", &cda::encode(&unknown)));
    let (status, code, details, _) = refusal((status, &answer));
    assert_eq!((status, code.as_str(), details.as_str()), (422, "not-found", "UnresolvedReferenceException"));
}

/// `$generate-metadata` of one document.
fn generate(client: &Client, resource: &Value) -> (u16, Value) {
    let body = json!({"resourceType": "Parameters", "parameter": [{"name": "document", "resource": resource}]});
    client.fhir("POST", "/DocumentReference/$generate-metadata", Some(&body))
}

fn binary(content_type: &str, octets: &[u8]) -> Value {
    json!({"resourceType": "Binary", "contentType": content_type, "data": soap::encode_base64(octets)})
}

/// The document that was published, by what the answer refers to.
fn generated(client: &Client, resource: &Value, unique_id: &UniqueId) -> DocumentEntry {
    let (status, answer) = generate(client, resource);
    assert_eq!((status, &answer["resourceType"]), (200, &json!("Parameters")), "{answer:#}");
    assert_eq!(answer["parameter"][0]["name"], "DocumentReference");
    let reference = answer["parameter"][0]["valueReference"]["reference"].as_str().expect("a reference");
    let (status, read) = client.fhir("GET", &format!("/{reference}"), None);
    assert_eq!((status, read["status"].as_str()), (200, Some("current")), "{read:#}");
    let entry = registered(client, unique_id).pop().expect("the entry");
    assert_eq!(entry.id, id_of(&format!("/{reference}")));
    // The same again is the same.
    assert_eq!(generate(client, resource), (200, answer));
    entry
}

fn order() -> Order {
    Order {
        accession_number: "A17".into(),
        accession_issuer: Some(Oid::parse("2.999.9").unwrap()),
        placer_order_number: String::new(),
        placer_issuer: None,
    }
}

fn cda_report(unique_id: &UniqueId, patient_id: &str) -> Report {
    let time = |text: &str| Dtm::parse(text).unwrap();
    Report {
        unique_id: unique_id.clone(),
        set_id: fresh(),
        version: 1,
        replaces: None,
        patient: model::Patient {
            id: patient(patient_id),
            other_ids: vec![model::PatientId::new("L-17", Oid::parse("2.999.1.2").unwrap())],
            name: model::PersonName::from_dicom("Muster^Anna"),
            birth_date: Some(time("19770530")),
            sex: Some(model::Sex::Female),
            details: Default::default(),
        },
        title: "CT knee".into(),
        kind: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
        language: "de".into(),
        effective_time: time("20260301082510"),
        author: Some(Xcn::from_name("Curie", "Irène")),
        institution: Xon::parse("Hospital North").unwrap(),
        legal_authenticator: Some(Xcn::from_name("Curie", "Irène")),
        studies: vec![ReportStudy {
            study: StudyInstanceUid::parse("2.25.1717").unwrap(),
            start: Some(time("20260224152310")),
            stop: None,
            procedure: None,
        }],
        orders: vec![order()],
        content: ReportContent::Pdf(b"%PDF-1.4".to_vec()),
    }
}

#[test]
fn a_cda_is_published_with_what_its_header_says() {
    let (centre, unique_id) = (centre(), fresh());
    let octets = cda::encode(&cda_report(&unique_id, "P0010"));
    let entry = generated(&centre, &binary("text/xml; charset=utf-8", &octets), &unique_id);
    assert_eq!(
        (entry.mime_type.as_str(), entry.format_code.code.as_str()),
        ("text/xml", "urn:ihe:iti:xds-sd:pdf:2008")
    );
    assert_eq!((entry.title.value(), entry.language_code.as_str()), (Some("CT knee"), "de"));
    assert_eq!((entry.type_code.code.as_str(), &entry.patient_id), ("18748-4", &patient("P0010")));
    assert_eq!(entry.creation_time, Some(Dtm::parse("20260301082510").unwrap()));
    assert_eq!(entry.service_start_time, Some(Dtm::parse("20260224152310").unwrap()));
    assert_eq!(entry.source_patient_id.map(|id| id.id), Some("L-17".to_owned()));
    let study = ReferenceId::study(&StudyInstanceUid::parse("2.25.1717").unwrap());
    assert!(entry.reference_id_list.contains(&study));
    assert!(entry.reference_id_list.iter().any(|id| id.id == "A17"), "{:?}", entry.reference_id_list);
    assert_eq!(centre.retrieve(&repository(), &unique_id).unwrap(), octets);
    // What it lacks is the recipient's.
    assert_eq!((entry.class_code.code.as_str(), entry.practice_setting_code.code.as_str()), ("UNK", "UNK"));

    // A correction replaces, which only ITI-65 does here.
    let next = Report { replaces: Some(unique_id.clone()), version: 2, ..cda_report(&fresh(), "P0010") };
    let (status, answer) = generate(&centre, &binary("text/xml", &cda::encode(&next)));
    assert_eq!(refusal((status, &answer)).1, "not-supported");
    assert_eq!(registered(&centre, &unique_id)[0].availability_status, AvailabilityStatus::Approved);
}

#[test]
fn a_fhir_document_is_published_with_what_its_composition_says() {
    let centre = centre();
    let number = fresh();
    let document = json!({
        "resourceType": "Bundle", "type": "document", "timestamp": "2026-03-01T09:25:10+01:00",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": format!("urn:oid:{number}")},
        "entry": [
            {"fullUrl": "urn:uuid:cfe88e31-6c3a-54c5-bfca-803e5afe4031", "resource": {
                "resourceType": "Composition", "status": "final", "title": "CT knee", "language": "de",
                "type": {"coding": [{"system": "http://loinc.org", "code": "18748-4", "display": "Imaging study"}]},
                "subject": {"reference": "urn:uuid:2f46196b-c1c1-53cb-aabd-dde4acc2aa4f"},
                "date": "2026-03-01T09:25:10+01:00", "author": [{"display": "Curie"}],
            }},
            {"fullUrl": "urn:uuid:2f46196b-c1c1-53cb-aabd-dde4acc2aa4f", "resource": {
                "resourceType": "Patient", "identifier": [subject("P0011")["identifier"]],
            }},
            {"fullUrl": "urn:uuid:6d1d738d-641f-5192-991e-c6c9e5cf2005", "resource": {
                "resourceType": "ImagingStudy", "status": "available",
                "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:2.25.1718"}],
                "subject": {"reference": "urn:uuid:2f46196b-c1c1-53cb-aabd-dde4acc2aa4f"},
            }},
        ],
    });
    let entry = generated(&centre, &document, &number);
    assert_eq!((entry.mime_type.as_str(), &entry.patient_id), ("application/fhir+json", &patient("P0011")));
    assert_eq!((entry.title.value(), entry.type_code.code.as_str()), (Some("CT knee"), "18748-4"));
    assert_eq!(entry.reference_id_list, [ReferenceId::study(&StudyInstanceUid::parse("2.25.1718").unwrap())]);
    let stored: Value = serde_json::from_slice(&centre.retrieve(&repository(), &number).unwrap()).unwrap();
    assert_eq!(stored, document);
}

/// A manifest of a study of two images.
fn manifest() -> Manifest {
    let image = |n: u32| ManifestInstance {
        sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
        sop_instance: SopInstanceUid::parse(&format!("2.25.1720.{n}")).unwrap(),
        instance_number: None,
        number_of_frames: None,
        significant: Vec::new(),
        key_object_note: None,
    };
    let series = ManifestSeries {
        uid: SeriesInstanceUid::parse("2.25.1720").unwrap(),
        modality: Some("CT".into()),
        description: None,
        number: Some("2".into()),
        date: None,
        time: None,
        region: None,
        laterality: None,
        retrieve_location_uid: Some(RetrieveLocationUid::parse("2.25.301").unwrap()),
        retrieve_url: None,
        retrieve_ae_title: None,
        instances: vec![image(1), image(2)],
    };
    let study = StudyInstanceUid::parse("2.25.1719").unwrap();
    Manifest {
        flavour: ManifestFlavour::Mado,
        sop_instance: SopInstanceUid::parse(&documents::fresh_unique_id()).unwrap(),
        series_instance: SeriesInstanceUid::parse(&documents::fresh_unique_id()).unwrap(),
        study: study.clone(),
        own_study: study,
        patient_id: Some(patient("P0012")),
        patient_id_text: String::new(),
        other_patient_ids: Vec::new(),
        patient_name: model::PersonName::from_dicom("MUSTER^Anna"),
        birth_date: Some("19770530".into()),
        sex: Some(model::Sex::Female),
        study_date: Some("20260312".into()),
        study_time: Some("101503".into()),
        study_description: Some("CT knee".into()),
        study_id: None,
        referring_physician: None,
        orders: vec![order()],
        procedures: Vec::new(),
        regions: vec![Code::new("61685007", schemes::SNOMED_CT, "Lower extremity")],
        manufacturer: "manifold".into(),
        institution: None,
        content_date: "20260312".into(),
        content_time: "103000".into(),
        timezone: Some("+0100".into()),
        display_uri: None,
        series: vec![series],
    }
}

#[test]
fn a_manifest_is_published_with_what_it_lists() {
    let (centre, manifest) = (centre(), manifest());
    let unique_id = UniqueId::from(&manifest.sop_instance);
    let octets = dicom::kos::encode(&manifest).expect("a manifest");
    let entry = generated(&centre, &binary("application/dicom", &octets), &unique_id);
    assert!(entry.is_kos() && entry.mime_type == "application/dicom");
    assert_eq!(entry.patient_id, patient("P0012"));
    assert!(entry.reference_id_list.contains(&ReferenceId::study(&manifest.study)));
    assert!(entry.reference_id_list.iter().any(|id| id.id == "A17"), "{:?}", entry.reference_id_list);
    let codes: Vec<&str> = entry.event_code_list.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["CT", "61685007"]);
    assert_eq!(entry.service_start_time, Some(Dtm::parse("20260312091503").unwrap()));
    assert_eq!(centre.retrieve(&repository(), &unique_id).unwrap(), octets);
}

#[test]
fn a_document_that_says_too_little_is_refused_with_what_is_missing() {
    let centre = centre();
    let unique_id = fresh();
    let cda = String::from_utf8(cda::encode(&cda_report(&unique_id, "P0010"))).unwrap();
    let stranger = cda.replace(&format!("root=\"{}\"", synth::PATIENT_DOMAIN), "root=\"2.999.77\"");
    let nobody = cda.replace("P0010", "NOBODY");
    for (what, content_type, octets, status, code, words) in [
        ("a PDF", "application/pdf", "%PDF-1.4".to_owned(), 422, "required", "ITI-105"),
        ("a text", "text/plain", "Hello World".to_owned(), 422, "not-supported", "ITI-105"),
        ("no CDA", "text/xml", "<report/>".to_owned(), 422, "value", "CDA"),
        ("no manifest", "application/dicom", "Hello World".to_owned(), 422, "value", "manifest"),
        ("no JSON", "application/fhir+json", "{".to_owned(), 400, "structure", "Bundle"),
        ("another domain", "text/xml", stranger, 422, "required", "affinity domain"),
        ("unknown patient", "text/xml", nobody, 422, "not-found", "patient"),
    ] {
        let (came, answer) = generate(&centre, &binary(content_type, octets.as_bytes()));
        let (came, issue, _, sentence) = refusal((came, &answer));
        assert_eq!((came, issue.as_str()), (status, code), "{what}: {sentence}");
        assert!(sentence.contains(words) && !sentence.contains("NOBODY"), "{what}: {sentence}");
    }
    assert!(registered(&centre, &unique_id).is_empty());
}

#[test]
fn the_capability_statement_names_the_short_ways_in() {
    let (_, statement) = centre().fhir("GET", "/metadata", None);
    let claims = statement["instantiates"].to_string();
    assert!(
        claims.contains("DocumentRecipient.Simplified") && claims.contains("DocumentRecipient.Generate"),
        "{claims}"
    );
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let documents: Vec<&Value> = resources.iter().filter(|r| r["type"] == "DocumentReference").collect();
    let [documents] = documents.as_slice() else { panic!("{resources:#?}") };
    let codes = documents["interaction"].to_string();
    assert!(["create", "read", "search-type"].iter().all(|code| codes.contains(code)), "{codes}");
    assert_eq!(documents["conditionalCreate"], true);
    assert_eq!(documents["operation"][0]["name"], "generate-metadata");
}
