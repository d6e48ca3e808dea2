//! The short way in at the FHIR door, ITI-105: one document alone is in the registry for both doors, what comes again changes
//! nothing, what is refused leaves nothing. Source: spec/fhir.md sections 2, 4, 7, 20 (39).

use super::client::{Client, Sent, patient, wait_for};
use super::{calm, documents, node};
use crate::network::Files;
use model::{AssociationType, AvailabilityStatus, DocumentEntry, ObjectId, Oid, StoredQuery, UniqueId, schemes};
use serde_json::{Value, json};

const OCTETS: &[u8] = b"<report/>";

pub(super) fn centre() -> Client {
    node(calm(), "central")
}

pub(super) fn repository() -> Oid {
    Oid::parse("2.999.1.1").unwrap()
}

pub(super) fn fresh() -> UniqueId {
    UniqueId::parse(&documents::fresh_unique_id()).unwrap()
}

pub(super) fn subject(id: &str) -> Value {
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
pub(super) fn refusal((status, answer): (u16, &Value)) -> (u16, String, String, String) {
    assert_eq!(answer["resourceType"], "OperationOutcome", "{status} {answer:#}");
    let issue = &answer["issue"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (status, text(&issue["code"]), text(&issue["details"]["text"]), text(&issue["diagnostics"]))
}

pub(super) fn id_of(location: &str) -> ObjectId {
    let id = location.split("/DocumentReference/").nth(1).expect("a DocumentReference");
    ObjectId::parse(&format!("urn:uuid:{id}")).expect("a UUID")
}

pub(super) fn registered(client: &Client, unique_id: &UniqueId) -> Vec<DocumentEntry> {
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
fn a_node_that_may_replaces_and_names_the_source_it_is_told() {
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
    assert_eq!(centre.replacements(std::slice::from_ref(&old)), [(new.clone(), old)]);
    assert_eq!(registered(&centre, &number)[0].availability_status, AvailabilityStatus::Deprecated);
    let sets = centre.query(StoredQuery::GetSubmissionSets { ids: vec![new] }).unwrap().submission_sets;
    assert_eq!(sets[0].source_id.as_str(), "2.999.105");
    // It comes too late for the first one now.
    let mut late = next.clone();
    late["masterIdentifier"]["value"] = json!(format!("urn:oid:{}", fresh()));
    let refused = send(&centre, &[], &late);
    assert_eq!((refused.status, refusal((refused.status, &refused.body)).1.as_str()), (409, "conflict"));
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
