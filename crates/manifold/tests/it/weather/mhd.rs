//! The FHIR door as a way in: what ITI-65 publishes is in the registry for both doors, what it refuses leaves nothing, and
//! what comes again changes nothing. Source: spec/fhir.md sections 5, 6, 8, 20, 21.

use super::client::{Client, patient};
use super::{calm, documents, node};
use fhir::provide_bundle::{DocumentToProvide, ProvideOptions, encode};
use model::{
    Association, AssociationType, AvailabilityStatus, Code, Folder, ObjectId, Oid, StoredQuery, Submission,
    SubmissionSetStatus, Text, UniqueId,
};
use serde_json::{Value, json};

pub const OCTETS: &[u8] = b"<report/>";

fn centre() -> Client {
    node(calm(), "central")
}

/// The Bundle of a submission in which every document has the same octets.
pub fn bundle(submission: &Submission) -> Value {
    let documents: Vec<_> =
        submission.entries.iter().map(|e| DocumentToProvide { entry_id: &e.id, octets: OCTETS }).collect();
    let octets = encode(submission, &documents, ProvideOptions { patch: true, extra_slots: false });
    serde_json::from_slice(&octets).expect("JSON")
}

fn report(patient_id: &str) -> Submission {
    documents::report(patient_id, &documents::fresh_unique_id())
}

/// The Bundle of a report that nobody published yet.
pub fn report_bundle(patient_id: &str) -> Value {
    bundle(&report(patient_id))
}

fn post(client: &Client, bundle: &Value) -> (u16, Value) {
    client.fhir("POST", "", Some(bundle))
}

fn accepted(client: &Client, bundle: &Value) -> Value {
    let (status, answer) = post(client, bundle);
    assert_eq!(status, 200, "{answer:#}");
    assert_eq!(answer["type"], "transaction-response");
    let asked = bundle["entry"].as_array().expect("entries").len();
    assert_eq!(answer["entry"].as_array().expect("entries").len(), asked, "{answer:#}");
    answer
}

/// Status, `issue.code`, XDS code and sentence of a refusal.
fn refused(client: &Client, bundle: &Value) -> (u16, String, String, String) {
    let (status, answer) = post(client, bundle);
    assert_eq!(answer["resourceType"], "OperationOutcome", "{status} {answer:#}");
    let issue = &answer["issue"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (status, text(&issue["code"]), text(&issue["details"]["text"]), text(&issue["diagnostics"]))
}

fn search(client: &Client, what: &str) -> Vec<Value> {
    let (status, answer) = client.fhir("GET", &format!("/{what}"), None);
    assert_eq!(status, 200, "{what}: {answer:#}");
    let entries = answer["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().filter(|e| e["search"]["mode"] == "match").map(|e| e["resource"].clone()).collect()
}

fn by_unique_id(client: &Client, unique_id: &UniqueId) -> Vec<Value> {
    search(client, &format!("DocumentReference?identifier=urn:oid:{unique_id}"))
}

/// Where entry `n` of the request went, and the entryUUID behind it.
fn location(answer: &Value, n: usize) -> (String, ObjectId) {
    let location = answer["entry"][n]["response"]["location"].as_str().expect("a location").to_owned();
    let id = location.rsplit('/').next().expect("an id");
    (location.clone(), ObjectId::parse(&format!("urn:uuid:{id}")).expect("a UUID"))
}

#[test]
fn what_one_door_takes_both_doors_show_with_the_same_octets() {
    let centre = centre();
    let submission = report("P0004");
    let answer = accepted(&centre, &bundle(&submission));
    assert_eq!(answer["entry"][0]["response"]["status"], "201 Created");
    let (at, id) = location(&answer, 1);
    assert_eq!(id, submission.entries[0].id, "a given entryUUID is kept");

    // The XDS door: what was sent, and what a repository and a registry add.
    let unique_id = &submission.entries[0].unique_id;
    let entry = centre.with_unique_id(unique_id).unwrap().pop().expect("the entry");
    assert_eq!(entry.title.value(), submission.entries[0].title.value());
    assert_eq!(entry.size_octets, Some(OCTETS.len() as u64));
    let repository = Oid::parse("2.999.1.1").unwrap();
    assert_eq!(entry.repository_unique_id.as_ref(), Some(&repository));
    assert_eq!(centre.retrieve(&repository, unique_id).unwrap(), OCTETS);

    // The FHIR door: search, read, the document, and the list that brought it.
    let found = by_unique_id(&centre, unique_id);
    assert_eq!(found.len(), 1);
    let (status, read) = centre.fhir("GET", &format!("/{at}"), None);
    assert_eq!((status, &read), (200, &found[0]));
    let set = search(&centre, &format!("List?identifier=urn:oid:{}&code=submissionset", submission.set.unique_id));
    assert_eq!(set[0]["entry"][0]["item"]["reference"], at.as_str());
    let (list_at, _) = location(&answer, 0);
    assert_eq!(centre.fhir("GET", &format!("/{list_at}"), None), (200, set[0].clone()));
    let of_patient = search(
        &centre,
        &format!("List?patient.identifier=urn:oid:{}%7CP0004&status=current&code=submissionset", synth::PATIENT_DOMAIN),
    );
    assert!(of_patient.contains(&set[0]));
}

#[test]
fn a_source_that_asks_for_it_sees_what_it_published() {
    let centre = centre();
    let sent = bundle(&report("P0004"));
    let answer = centre.send("/fhir", &[("prefer", "return=representation")], &sent);
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    for n in 0..2 {
        let (at, _) = location(&answer.body, n);
        let (status, read) = centre.fhir("GET", &format!("/{at}"), None);
        assert_eq!((status, &answer.body["entry"][n]["resource"]), (200, &read), "{at}");
    }
    // The document itself is not given back (pitfall 47).
    assert!(answer.body["entry"][2].get("resource").is_none(), "{:#}", answer.body);
    let plain = accepted(&centre, &sent);
    assert!(plain["entry"].as_array().unwrap().iter().all(|entry| entry.get("resource").is_none()), "{plain:#}");
}

#[test]
fn the_same_again_changes_nothing_and_the_answer_is_the_first_one() {
    let centre = centre();
    let sent = bundle(&report("P0004"));
    let first = accepted(&centre, &sent);
    let again = accepted(&centre, &sent);
    for n in 0..3 {
        assert_eq!(again["entry"][n]["response"]["location"], first["entry"][n]["response"]["location"]);
    }
    // A client that builds everything anew but the document: idempotent by masterIdentifier.
    let mut rebuilt = sent.clone();
    rebuilt["entry"][0]["resource"]["identifier"] = json!([]);
    let fresh = "urn:uuid:7c1f5a9e-0001-4000-8000-00000000f00d";
    rebuilt["entry"][1]["fullUrl"] = json!(fresh);
    rebuilt["entry"][1]["resource"]["identifier"].as_array_mut().unwrap().retain(|i| i["use"] != "official");
    rebuilt["entry"][1]["resource"].as_object_mut().unwrap().remove("id");
    rebuilt["entry"][0]["resource"]["entry"][0]["item"]["reference"] = json!(fresh);
    let answer = accepted(&centre, &rebuilt);
    assert_eq!(answer["entry"][1]["response"]["location"], first["entry"][1]["response"]["location"]);
    assert_eq!(answer["entry"][0]["response"]["location"], first["entry"][0]["response"]["location"]);
    let unique_id = sent["entry"][1]["resource"]["masterIdentifier"]["value"].as_str().unwrap();
    assert_eq!(search(&centre, &format!("DocumentReference?identifier={unique_id}")).len(), 1);
}

#[test]
fn the_same_document_with_other_metadata_or_octets_is_a_conflict() {
    let centre = centre();
    let sent = bundle(&report("P0004"));
    accepted(&centre, &sent);
    let mut titled = sent.clone();
    titled["entry"][1]["resource"]["content"][0]["attachment"]["title"] = json!("another title");
    let (status, code, details, _) = refused(&centre, &titled);
    assert_eq!((status, code.as_str(), details.as_str()), (409, "duplicate", "XDSDuplicateUniqueIdInRegistry"));
    let mut related = sent.clone();
    let another = report("P0004");
    accepted(&centre, &bundle(&another));
    let target = format!("DocumentReference/{}", another.entries[0].id.as_str().trim_start_matches("urn:uuid:"));
    related["entry"][1]["resource"]["relatesTo"] = json!([{"code": "appends", "target": {"reference": target}}]);
    assert_eq!(refused(&centre, &related).0, 409, "a relation that was not there the first time");
    let mut other = sent.clone();
    other["entry"][2]["resource"]["data"] = json!("b3RoZXI=");
    let (status, code, details, _) = refused(&centre, &other);
    assert_eq!((status, code.as_str(), details.as_str()), (409, "duplicate", "XDSNonIdenticalHash"));
}

#[test]
fn a_replacement_supersedes_at_both_doors_and_only_once() {
    let centre = centre();
    let first = report("P0004");
    accepted(&centre, &bundle(&first));
    let old = first.entries[0].id.clone();
    let replace = || {
        let mut next = report("P0004");
        let rplc = Association {
            id: ObjectId::parse("r").unwrap(),
            kind: AssociationType::Rplc,
            source: next.entries[0].id.clone(),
            target: old.clone(),
            ..next.associations[0].clone()
        };
        next.associations.push(Association { submission_set_status: None, ..rplc });
        next
    };
    let next = replace();
    let mut sent = bundle(&next);
    // With the PATCH of the guide.
    let patched = sent["entry"].as_array().unwrap().iter().any(|e| e["request"]["method"] == "PATCH");
    assert!(patched, "{sent:#}");
    accepted(&centre, &sent);
    accepted(&centre, &sent);
    let superseded = by_unique_id(&centre, &first.entries[0].unique_id);
    assert_eq!(superseded[0]["status"], "superseded");
    let entry = centre.with_unique_id(&first.entries[0].unique_id).unwrap().pop().unwrap();
    assert_eq!(entry.availability_status, AvailabilityStatus::Deprecated);
    let current = by_unique_id(&centre, &next.entries[0].unique_id);
    let target = format!("DocumentReference/{}", old.as_str().trim_start_matches("urn:uuid:"));
    assert_eq!(current[0]["relatesTo"], json!([{"code": "replaces", "target": {"reference": target}}]));
    assert_eq!(centre.replacements(std::slice::from_ref(&old)), [(next.entries[0].id.clone(), old.clone())]);
    // Once more, without the PATCH: it comes too late.
    sent = bundle(&replace());
    sent["entry"].as_array_mut().unwrap().retain(|e| e["request"]["method"] != "PATCH");
    let (status, code, details, _) = refused(&centre, &sent);
    assert_eq!((status, code.as_str()), (409, "conflict"), "{details}");
    // The document it would have replaced may be named by its uniqueId too.
    let appended = report("P0004");
    let mut sent = bundle(&appended);
    let unique_id = format!("urn:oid:{}", next.entries[0].unique_id);
    sent["entry"][1]["resource"]["relatesTo"] =
        json!([{"code": "appends", "target": {"identifier": {"system": "urn:ietf:rfc:3986", "value": unique_id}}}]);
    accepted(&centre, &sent);
    let links = centre.associations(&[appended.entries[0].id.clone()]);
    assert!(links.iter().any(|a| a.kind == AssociationType::Apnd && a.target == next.entries[0].id));
}

#[test]
fn folders_are_made_filled_and_found() {
    let centre = centre();
    let mut submission = report("P0005");
    let folder = Folder {
        id: ObjectId::from_uuid_bytes(rand()),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("Knee"),
        comments: Text::default(),
        code_list: vec![submission.entries[0].type_code.clone()],
        patient_id: patient("P0005"),
        unique_id: UniqueId::parse(&documents::fresh_unique_id()).unwrap(),
        last_update_time: None,
        extra: vec![],
    };
    let model = submission.associations[0].clone();
    let member = |id: &str, source: &ObjectId, target: &ObjectId| Association {
        id: ObjectId::parse(id).unwrap(),
        source: source.clone(),
        target: target.clone(),
        submission_set_status: None,
        ..model.clone()
    };
    let links = [
        member("f", &submission.set.id, &folder.id),
        member("m", &folder.id, &submission.entries[0].id),
        member("s", &submission.set.id, &ObjectId::parse("m").unwrap()),
    ];
    submission.associations.extend(links);
    submission.folders.push(folder.clone());
    let answer = accepted(&centre, &bundle(&submission));
    let (document_at, _) = location(&answer, 1);
    let (at, id) = location(&answer, 3);
    let (status, list) = centre.fhir("GET", &format!("/{at}"), None);
    assert_eq!(status, 200, "{list:#}");
    assert_eq!(list["code"]["coding"][0]["code"], "folder");
    assert_eq!(list["entry"], json!([{"item": {"reference": document_at}}]));

    // Another document joins; the folder says differently what it is called, which stays.
    let second = report("P0005");
    let mut sent = bundle(&second);
    let mut resource = list.clone();
    resource["title"] = json!("Shoulder");
    let added = sent["entry"][1]["fullUrl"].clone();
    resource["entry"].as_array_mut().unwrap().push(json!({"item": {"reference": added}}));
    sent["entry"].as_array_mut().unwrap().push(json!({
        "fullUrl": format!("{}/fhir/{at}", centre.base()), "resource": resource,
        "request": {"method": "PUT", "url": at},
    }));
    let answer = accepted(&centre, &sent);
    let outcome = &answer["entry"][3]["response"];
    assert_eq!(outcome["status"], "200 OK");
    assert!(
        outcome["outcome"]["issue"][0]["diagnostics"].as_str().unwrap().contains("PartialFolderContentNotProcessed")
    );
    let found = search(
        &centre,
        &format!("List?patient.identifier=urn:oid:{}%7CP0005&code=folder&status=current", synth::PATIENT_DOMAIN),
    );
    let list = found.iter().find(|l| l["id"] == list["id"]).expect("the folder");
    assert_eq!((list["title"].as_str(), list["entry"].as_array().unwrap().len()), (Some("Knee"), 2));
    let objects = centre.query(StoredQuery::GetFolders(model::ObjectNames::Ids(vec![id]))).unwrap();
    assert_eq!(objects.folders[0].unique_id, folder.unique_id);
}

fn rand() -> [u8; 16] {
    let mut bytes = [0; 16];
    let text = documents::fresh_unique_id();
    let number: u128 = text.trim_start_matches("2.25.").parse().expect("a number");
    bytes.copy_from_slice(&number.to_be_bytes());
    bytes
}

#[test]
fn minimal_metadata_are_completed_and_the_sender_is_told() {
    let centre = centre();
    let submission = report("P0004");
    let mut sent = bundle(&submission);
    let document = sent["entry"][1]["resource"].as_object_mut().unwrap();
    for element in ["type", "category", "context", "securityLabel"] {
        document.remove(element);
    }
    sent["entry"][0]["resource"]["extension"]
        .as_array_mut()
        .unwrap()
        .retain(|e| !e["url"].as_str().unwrap().contains("designation"));
    let answer = accepted(&centre, &sent);
    let told = answer["entry"][1]["response"]["outcome"]["issue"][0]["diagnostics"].as_str().unwrap();
    assert!(told.contains("category, type"), "{told}");
    let entry = centre.with_unique_id(&submission.entries[0].unique_id).unwrap().pop().unwrap();
    assert_eq!((entry.class_code.code.as_str(), entry.confidentiality_codes[0].code.as_str()), ("UNK", "N"));
    assert_eq!(entry.source_patient_id, Some(patient("P0004")));
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_code_and_leaves_nothing() {
    type Change = fn(&mut Value);
    let unknown = format!("urn:oid:{}", synth::PATIENT_DOMAIN);
    let cases: [(&str, Change, u16, &str, &str); 9] = [
        (
            "unknown patient",
            |b| {
                for n in [0, 1] {
                    b["entry"][n]["resource"]["subject"] = json!({"identifier": {"system": format!("urn:oid:{}", synth::PATIENT_DOMAIN), "value": "NOBODY"}});
                }
            },
            422,
            "not-found",
            "XDSUnknownPatientId",
        ),
        (
            "two patients",
            |b| {
                b["entry"][1]["resource"]["subject"] =
                    json!({"identifier": {"system": format!("urn:oid:{}", synth::PATIENT_DOMAIN), "value": "P0001"}});
            },
            422,
            "invariant",
            "XDSPatientIdDoesNotMatch",
        ),
        (
            "hash",
            |b| {
                b["entry"][1]["resource"]["content"][0]["attachment"]["hash"] = json!("2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
            },
            422,
            "invariant",
            "XDSRepositoryMetadataError",
        ),
        (
            "size",
            |b| b["entry"][1]["resource"]["content"][0]["attachment"]["size"] = json!(4),
            422,
            "invariant",
            "XDSRepositoryMetadataError",
        ),
        (
            "no document",
            |b| {
                b["entry"][1]["resource"]["content"][0]["attachment"]["url"] =
                    json!("urn:uuid:00000000-0000-4000-8000-0000000000aa");
            },
            422,
            "not-found",
            "XDSMissingDocument",
        ),
        (
            "relation to nobody",
            |b| {
                b["entry"][1]["resource"]["relatesTo"] = json!([{"code": "appends", "target": {"reference": "DocumentReference/00000000-0000-4000-8000-0000000000ab"}}]);
            },
            422,
            "not-found",
            "UnresolvedReferenceException",
        ),
        ("no member", |b| b["entry"][0]["resource"]["entry"] = json!([]), 422, "value", "XDSRegistryMetadataError"),
        (
            "a code outside the value set",
            |b| {
                b["entry"][1]["resource"]["category"][0]["coding"][0]["code"] = json!("WRONG");
            },
            422,
            "value",
            "XDSRegistryMetadataError",
        ),
        (
            "a report that is a DICOM object",
            |b| {
                b["entry"][1]["resource"]["content"][0]["attachment"]["contentType"] = json!("application/dicom");
                b["entry"][2]["resource"]["contentType"] = json!("application/dicom");
            },
            422,
            "value",
            "XDSRegistryMetadataError",
        ),
    ];
    let centre = centre();
    for (what, change, status, code, details) in cases {
        let submission = report("P0006");
        let mut sent = bundle(&submission);
        change(&mut sent);
        let (came, issue, xds, sentence) = refused(&centre, &sent);
        assert_eq!((came, issue.as_str(), xds.as_str()), (status, code, details), "{what}: {sentence}");
        assert!(!sentence.contains("NOBODY") && !sentence.contains(&unknown), "{what}: {sentence}");
        let unique_id = &submission.entries[0].unique_id;
        assert!(centre.with_unique_id(unique_id).unwrap().is_empty(), "{what} was registered");
        assert!(centre.retrieve(&Oid::parse("2.999.1.1").unwrap(), unique_id).is_err(), "{what} was stored");
    }
    let (status, answer) = centre.fhir("POST", "", Some(&json!({"resourceType": "Bundle", "type": "batch"})));
    assert_eq!((status, answer["issue"][0]["expression"][0].as_str()), (422, Some("Bundle.type")));
    let (status, _) = centre.fhir("POST", "/", Some(&bundle(&report("P0006"))));
    assert_eq!(status, 200, "with a slash at the end it is the same address");
    let (status, _) = centre.fhir("GET", "", None);
    assert_eq!(status, 405);
}

#[test]
fn a_reference_to_a_registered_document_is_a_member_too() {
    let centre = centre();
    let first = report("P0005");
    accepted(&centre, &bundle(&first));
    let second = report("P0005");
    let mut sent = bundle(&second);
    let old = first.entries[0].id.as_str().trim_start_matches("urn:uuid:").to_owned();
    sent["entry"][0]["resource"]["entry"]
        .as_array_mut()
        .unwrap()
        .push(json!({"item": {"reference": format!("DocumentReference/{old}")}}));
    accepted(&centre, &sent);
    let links = centre.associations(std::slice::from_ref(&second.set.id));
    let status = |target: &ObjectId| links.iter().find(|a| a.target == *target).and_then(|a| a.submission_set_status);
    assert_eq!(status(&first.entries[0].id), Some(SubmissionSetStatus::Reference));
    assert_eq!(status(&second.entries[0].id), Some(SubmissionSetStatus::Original));
}

#[test]
fn lists_are_searched_by_every_parameter_and_in_pages() {
    let centre = centre();
    let own = format!("L{}", documents::fresh_unique_id().rsplit('.').next().expect("a number"));
    centre.feed(&own);
    let condition = format!("urn:oid:{}%7C{own}", synth::PATIENT_DOMAIN);
    let base = format!("List?patient.identifier={condition}");
    let mut sets = Vec::new();
    for n in 0..5 {
        let mut submission = report(&own);
        submission.set.source_id = Oid::parse(&format!("2.999.40.{n}")).unwrap();
        submission.set.content_type_code = Code::new("18748-4", model::schemes::LOINC, "Diagnostic imaging study");
        submission.set.submission_time = model::Dtm::parse(&format!("2026010{}120000", n + 1)).unwrap();
        submission.set.authors =
            vec![model::Author { person: Some(model::Xcn::from_name("Müller", "Zoë")), ..Default::default() }];
        accepted(&centre, &bundle(&submission));
        sets.push(submission.set);
    }
    let count = |query: &str| search(&centre, &format!("{base}&{query}")).len();
    for (query, expected) in [
        ("code=submissionset&status=current", 5),
        ("code=https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes%7Csubmissionset", 5),
        ("code=folder", 0),
        ("status=retired", 0),
        ("date=ge2026-01-02&date=lt2026-01-04", 2),
        ("date=2026-01-05", 1),
        ("sourceId=urn:oid:2.999.40.3", 1),
        ("sourceId=urn:ietf:rfc:3986%7Curn:oid:2.999.40.3,2.999.40.4", 2),
        ("designationType=http://loinc.org%7C18748-4", 5),
        ("designationType=http://loinc.org%7C1", 0),
        ("source.family=muller&source.given=Zo", 5),
        ("source.family=Meier", 0),
        (&format!("identifier=urn:oid:{}", sets[2].unique_id), 1),
        (&format!("_id={}", sets[2].id.as_str().trim_start_matches("urn:uuid:")), 1),
        ("_count=0", 0),
    ] {
        assert_eq!(count(query), expected, "{query}");
    }
    // Two at a time, oldest first.
    let mut path = format!("{base}&code=submissionset&_count=2&_sort=date");
    let mut seen = Vec::new();
    loop {
        let (status, page) = centre.fhir("GET", &format!("/{path}"), None);
        assert_eq!((status, page["total"].as_u64()), (200, Some(5)), "{page:#}");
        seen.extend(
            page["entry"].as_array().unwrap().iter().map(|e| e["resource"]["date"].as_str().unwrap().to_owned()),
        );
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|l| l["relation"] == "next") else { break };
        let url = next["url"].as_str().unwrap();
        assert!(!url.contains(&own), "{url}");
        path = url.split("/fhir/").nth(1).unwrap().to_owned();
    }
    let mut sorted = seen.clone();
    sorted.sort();
    assert_eq!((seen.len(), &seen), (5, &sorted));
    let (status, answer) = centre.fhir("GET", "/List?code=submissionset", None);
    assert_eq!((status, answer["issue"][0]["code"].as_str()), (400, Some("required")));
    let (status, _) = centre.fhir("GET", "/List/00000000-0000-4000-8000-0000000000ff", None);
    assert_eq!(status, 404);
}
