//! Failures of other systems around registries, each a test under its number in the list of field cases, over the wire.

use super::client::{Client, check_refused, cx};
use super::refusals::registered_by_hand;
use super::wire::{self, APPROVED, FIND_DOCUMENTS, QUERY, REGISTRY};
use super::{calm, documents, node};
use crate::network::Files;
use actors::UpdateKind;
use model::{
    AvailabilityStatus, Code, DocumentEntry, DocumentQuery, ExtraSlot, ObjectId, ObjectNames, SourcePatientInfo,
    StoredQuery, Submission, Text, UniqueId, schemes,
};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn b_031_what_is_wrong_with_a_query_is_in_the_answer_of_a_query() {
    let centre = node(calm(), "central");
    let patient = ("$XDSDocumentEntryPatientId", &["'P0001^^^&2.999.7&ISO'"][..]);
    let number = ("$XDSDocumentEntryCreationTimeFrom", &["2025x"][..]);
    for (query, code, words) in [
        (
            wire::stored_query("urn:uuid:00000000-0000-4000-8000-000000000000", &[patient, APPROVED]),
            "XDSUnknownStoredQuery",
            ["AdhocQuery.id", "urn:uuid:00000000-0000-4000-8000-000000000000"],
        ),
        (
            wire::stored_query(FIND_DOCUMENTS, &[patient, APPROVED, number]),
            "XDSRegistryError",
            ["$XDSDocumentEntryCreationTimeFrom", "2025x"],
        ),
    ] {
        let answer = wire::ask(&centre, REGISTRY, QUERY, &query);
        assert_eq!(answer.status, 200, "no SOAP fault: {}", answer.text());
        let envelope = answer.envelope();
        assert_eq!(envelope.action(), Some("urn:ihe:iti:2007:RegistryStoredQueryResponse"));
        let body = envelope.body_named(ebxml::ns::QUERY, "AdhocQueryResponse").expect("the answer of a query");
        assert_eq!(body.attr("status"), Some("urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"));
        let children: Vec<&str> = body.children().map(|e| e.name()).collect();
        assert_eq!(children, ["RegistryErrorList", "RegistryObjectList"], "{}", answer.text());
        let errors = answer.errors();
        assert_eq!(errors.iter().map(|e| e.code.as_str()).collect::<Vec<_>>(), [code]);
        assert!(words.iter().all(|word| errors[0].context.contains(word)), "{}", errors[0].context);
    }
}

#[test]
fn b_033_a_slot_that_may_be_there_once_is_refused_twice_and_event_codes_are_and_and_or() {
    let centre = node(calm(), "central");
    centre.feed("B033");
    let patient = ("$XDSDocumentEntryPatientId", &["'B033^^^&2.999.7&ISO'"][..]);
    let event = |values: &'static [&'static str]| ("$XDSDocumentEntryEventCodeList", values);
    const CT: &str = "('CT^^1.2.840.10008.2.16.4')";
    const MR: &str = "('MR^^1.2.840.10008.2.16.4')";
    const EITHER: &str = "('CT^^1.2.840.10008.2.16.4','MR^^1.2.840.10008.2.16.4')";
    const CHEST: &str = "('43799004^^2.16.840.1.113883.6.96')";
    const CHEST_OR_CT: &str = "('43799004^^2.16.840.1.113883.6.96','CT^^1.2.840.10008.2.16.4')";
    let mut named = Vec::new();
    for (modality, region) in [("CT", "43799004"), ("CT", "818981001"), ("MR", "43799004"), ("MR", "818981001")] {
        let mut submission = documents::report("B033", &documents::fresh_unique_id());
        submission.entries[0].event_code_list =
            vec![Code::new(modality, schemes::DCM, modality), Code::new(region, schemes::SNOMED_CT, region)];
        named.push((submission.entries[0].unique_id.clone(), format!("{modality} {region}")));
        centre.register(registered_by_hand(submission)).expect("a registration");
    }
    // As the registry answers; no client of ours filters what comes.
    let ask = |slots: &[(&str, &[&str])]| {
        let query = wire::stored_query(FIND_DOCUMENTS, &[&[patient, APPROVED], slots].concat());
        wire::ask(&centre, REGISTRY, QUERY, &query)
    };
    let count = |slots: &[(&str, &[&str])]| -> BTreeSet<String> {
        let answer = ask(slots);
        assert_eq!(answer.errors(), [], "{}", answer.text());
        let envelope = answer.envelope();
        let entries = ebxml::decode_query_response(&envelope.body()).expect("an answer").entries;
        let name = |e: &DocumentEntry| named.iter().find(|(id, _)| *id == e.unique_id).map(|(_, name)| name.clone());
        entries.iter().map(|e| name(e).expect("one of the four")).collect()
    };
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(count(&[]).len(), 4);
    assert_eq!(count(&[event(&[CT])]), set(&["CT 43799004", "CT 818981001"]));
    assert_eq!(count(&[event(&[EITHER])]).len(), 4, "one slot with two values means OR");
    assert_eq!(count(&[event(&[CT, MR])]).len(), 4, "and so does one slot with two lists");
    assert_eq!(count(&[event(&[CT]), event(&[MR])]), set(&[]), "two slots mean AND");
    assert_eq!(count(&[event(&[CT]), event(&[CHEST])]), set(&["CT 43799004"]));
    assert_eq!(count(&[event(&[EITHER]), event(&[CHEST])]), set(&["CT 43799004", "MR 43799004"]));
    assert_eq!(count(&[event(&[CHEST_OR_CT])]).len(), 3);

    let deprecated = (APPROVED.0, &["('urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated')"][..]);
    let answer = ask(&[deprecated]);
    let errors = answer.errors();
    assert_eq!(errors.iter().map(|e| e.code.as_str()).collect::<Vec<_>>(), ["XDSStoredQueryParamNumber"]);
    assert!(errors[0].context.contains("$XDSDocumentEntryStatus must be given in one slot"), "{}", errors[0].context);
    assert!(!answer.text().contains("ExtrinsicObject"), "never the first slot alone");
}

#[test]
fn b_035_everything_about_the_patient_of_the_source_comes_back_as_it_was_sent() {
    let centre = node(calm(), "central");
    let long: Vec<String> = (0..12).map(|n| format!("PID-3|SOME-LONG-IDENTIFIER-{n:03}^^^&2.999.7.{n}&ISO")).collect();
    assert!(long.iter().map(String::len).sum::<usize>() > 256);
    let text = |lines: &[&str]| lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
    for (what, lines, shown) in [
        (
            "three ids in one line",
            text(&["PID-3|A1^^^&2.999.7.1&ISO~B2^^^&2.999.7.2&ISO~C3^^^&2.999.7.3&ISO", "PID-5|Doe^Jane"]),
            vec!["A1", "B2", "C3", "urn:oid:2.999.7.1", "urn:oid:2.999.7.2", "urn:oid:2.999.7.3", "Doe"],
        ),
        ("ids longer than a value may be", long, vec!["SOME-LONG-IDENTIFIER-000", "SOME-LONG-IDENTIFIER-011"]),
        ("two names", text(&["PID-5|Doe^Jane", "PID-5|Roe^Joan", "PID-8|F"]), vec!["Doe", "Jane", "Roe", "Joan"]),
        ("a time of birth", text(&["PID-5|Doe^Jane", "PID-7|197001021530"]), vec!["1970-01-02"]),
    ] {
        let mut submission = documents::report("P0004", &documents::fresh_unique_id());
        submission.entries[0].source_patient_info = SourcePatientInfo(lines.clone());
        let unique_id = submission.entries[0].unique_id.clone();
        centre.register(registered_by_hand(submission)).unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
        let entry = centre.with_unique_id(&unique_id).expect("an answer").pop().expect("the document");
        assert_eq!(entry.source_patient_info.0, lines, "{what}");

        let document = by_iti_67(&centre, "P0004", &unique_id);
        let contained = document["contained"].as_array().expect("contained resources");
        let patient = contained.iter().find(|r| r["resourceType"] == "Patient").expect("the source's patient");
        let seen = patient.to_string();
        for word in shown {
            assert!(seen.contains(word), "{what}: no {word} in {patient:#}");
        }
    }
}

/// The DocumentReference of a document.
fn by_iti_67(centre: &Client, patient: &str, unique_id: &UniqueId) -> Value {
    let path =
        format!("/fhir/DocumentReference?patient.identifier=urn:oid:2.999.7%7C{patient}&status=current&_count=500");
    let (status, text) = centre.get(&path).expect("an answer");
    assert_eq!(status, 200, "{text}");
    let bundle: Value = serde_json::from_str(&text).expect("a Bundle");
    let found = bundle["entry"].as_array().into_iter().flatten().map(|e| &e["resource"]);
    let is_it = |r: &&Value| {
        r["masterIdentifier"]["value"].as_str().is_some_and(|v| v.trim_start_matches("urn:oid:") == unique_id.as_str())
    };
    found.into_iter().find(is_it).unwrap_or_else(|| panic!("{unique_id} is not there: {text}")).clone()
}

#[test]
fn b_037_metadata_that_nobody_knows_is_kept_and_given_back_also_after_an_update() {
    let centre = node(calm(), "central");
    let slot = |values: &[&str]| ExtraSlot {
        name: "urn:example:2019:deletionStatus".into(),
        values: values.iter().map(|v| (*v).to_owned()).collect(),
    };
    let (of_entry, of_set) = (vec![slot(&["kept", "for 10 years & more"])], vec![slot(&["never"])]);
    let mut submission = documents::report("P0004", &documents::fresh_unique_id());
    submission.entries[0].extra = of_entry.clone();
    submission.set.extra = of_set.clone();
    let unique_id = submission.entries[0].unique_id.clone();
    let set = StoredQuery::GetSubmissionSetAndContents {
        submission_set: ObjectNames::UniqueIds(vec![submission.set.unique_id.clone()]),
        documents: DocumentQuery::default(),
    };
    let body = wire::register(&registered_by_hand(submission));
    let answer = wire::ask(&centre, REGISTRY, wire::REGISTER, &body);
    assert_eq!(answer.errors(), [], "it is stored, so nothing is to be warned about");
    let objects = centre.query(set.clone()).expect("an answer");
    assert_eq!((&objects.submission_sets[0].extra, &objects.entries[0].extra), (&of_set, &of_entry));

    // An update sends the whole entry again, with another title.
    let first = objects.entries[0].clone();
    let mut update = documents::report("P0004", unique_id.as_str());
    let id = update.entries[0].id.clone();
    update.entries[0] = DocumentEntry { id, title: Text::plain("Second reading"), ..first.clone() };
    update.associations[0].extra.push(ExtraSlot { name: "PreviousVersion".into(), values: vec!["1".into()] });
    centre.update(update, UpdateKind::Full).expect("an update");
    let versions = StoredQuery::GetDocuments(ObjectNames::LogicalIds(vec![first.id]));
    let versions = centre.query(versions).expect("an answer").entries;
    assert_eq!(versions.iter().map(|e| e.version).collect::<Vec<_>>(), [Some(2), Some(1)]);
    assert!(versions.iter().all(|e| e.extra == of_entry));
    assert_eq!(centre.query(set).expect("an answer").submission_sets[0].extra, of_set);
}

#[test]
fn b_038_a_replacement_of_the_wrong_thing_is_refused_and_nothing_of_it_stays() {
    // A network of its own, so that nobody else publishes.
    let files = Files::write(&[]);
    let central = files.serve("central", &[]);
    let centre = Client::to(&central);
    let publish = |patient: &str| {
        let submission = registered_by_hand(documents::report(patient, &documents::fresh_unique_id()));
        let unique_id = submission.entries[0].unique_id.clone();
        centre.register(submission).expect("a registration");
        centre.with_unique_id(&unique_id).expect("an answer").pop().expect("the document")
    };
    let replacing = |target: &ObjectId| -> Submission {
        let mut submission = documents::report("P0001", &documents::fresh_unique_id());
        let link = model::Association {
            id: cx().identifiers.entry_uuid(),
            kind: model::AssociationType::Rplc,
            source: submission.entries[0].id.clone(),
            target: target.clone(),
            submission_set_status: None,
            ..submission.associations[0].clone()
        };
        submission.associations.push(link);
        submission
    };
    let (ours, theirs, old) = (publish("P0001"), publish("P0002"), publish("P0001"));
    centre.register(registered_by_hand(replacing(&old.id))).expect("a replacement");
    let before = centre.counts();
    let unknown = ObjectId::parse("urn:uuid:00000000-0000-4000-8000-000000000099").unwrap();
    let by_unique_id = ObjectId::parse(ours.unique_id.as_str()).unwrap();
    for (what, target, code, words) in [
        ("an unknown entryUUID", &unknown, "UnresolvedReferenceException", vec!["targetObject", unknown.as_str()]),
        ("a uniqueId", &by_unique_id, "UnresolvedReferenceException", vec!["targetObject", by_unique_id.as_str()]),
        ("another patient's", &theirs.id, "XDSPatientIdDoesNotMatch", vec!["patientId", "P0001", "P0002"]),
        ("a deprecated one", &old.id, "XDSRegistryDeprecatedDocumentError", vec!["targetObject", old.id.as_str()]),
    ] {
        let words: Vec<&str> = words;
        check_refused(centre.register(registered_by_hand(replacing(target))), code, &words);
        check_refused(centre.provide(replacing(target), b"<report/>"), code, &words);
        assert_eq!(centre.counts(), before, "something of the replacement of {what} stayed");
    }
    for entry in [ours, theirs] {
        let now = centre.with_unique_id(&entry.unique_id).expect("an answer").pop().expect("the document");
        assert_eq!(now.availability_status, AvailabilityStatus::Approved);
    }
}

#[test]
fn b_051_a_link_has_the_public_address_and_leads_to_the_octets_that_are_stated() {
    let files = Files::write(&[]);
    // Behind a proxy with another host and a path of its own.
    let public = "https://imaging.example/region";
    let central = files.serve("central", &[("MANIFOLD__NODE__PUBLIC_URL", public)]);
    let centre = Client::of(&format!("http://127.0.0.1:{}", files.port_base));
    let report = documents::report("P0004", &documents::fresh_unique_id());
    let octets = b"<report>what was sent</report>";
    centre.provide(report.clone(), octets).expect("a report");
    let unique_id = &report.entries[0].unique_id;
    let (status, found) = centre.fhir("GET", &format!("/DocumentReference?identifier=urn:oid:{unique_id}"), None);
    assert_eq!(status, 200, "{found:#}");
    let entry = &found["entry"][0];
    let id = entry["resource"]["id"].as_str().expect("an id");
    assert_eq!(entry["fullUrl"], format!("{public}/fhir/DocumentReference/{id}"));
    let attachment = &entry["resource"]["content"][0]["attachment"];
    let url = attachment["url"].as_str().expect("a url");
    let path = url.strip_prefix(public).unwrap_or_else(|| panic!("{url}"));
    let (status, body) = centre.get(path).expect("an answer");
    assert_eq!((status, body.as_bytes()), (200, &octets[..]));
    assert_eq!(attachment["size"], octets.len());
    let registered = centre.with_unique_id(unique_id).expect("an answer").pop().expect("the entry");
    let cx = fhir::document_reference::EncodeContext::server(public);
    let written = fhir::document_reference::encode(&registered, &cx);
    let written: Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(
        attachment["hash"], written["content"][0]["attachment"]["hash"],
        "that of the entry, which is the octets'"
    );
    let links = found["link"].as_array().expect("links");
    assert!(links[0]["url"].as_str().expect("a url").starts_with(public), "{links:?}");
    central.stop();
}
