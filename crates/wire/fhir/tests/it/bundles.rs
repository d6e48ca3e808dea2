//! Searchsets.

use crate::profiles::{assert_document_reference, assert_well_formed};
use crate::{entry, fixture, patient};
use fhir::bundle::*;
use fhir::document_reference::EncodeContext;
use fhir::operation_outcome::{Issue, OperationOutcome};
use model::{DocumentEntry, Dtm, ObjectId};
use serde_json::Value;

const BASE: &str = "https://central.example/fhir";

fn page(entries: &[DocumentEntry], total: u64, outcomes: &[OperationOutcome]) -> Vec<u8> {
    let links = Links {
        self_url: "https://central.example/fhir/DocumentReference?status=current",
        next: Some("https://n.example"),
        previous: None,
    };
    searchset(entries, &[], BASE, &EncodeContext::server(BASE), total, &links, outcomes)
}

#[test]
fn a_page_has_total_links_addresses_and_modes() {
    let second = DocumentEntry { id: ObjectId::from_uuid_bytes([7; 16]), ..entry() };
    let outcome = OperationOutcome::of(Issue::warning("incomplete").diagnostics("urn:oid:2.999.3 did not answer"));
    let bytes = page(&[entry(), second.clone()], 250, std::slice::from_ref(&outcome));
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_well_formed(&value, "Bundle");
    assert_eq!((&value["type"], &value["total"]), (&"searchset".into(), &250.into()));
    assert_eq!(value["link"][0]["relation"], "self");
    assert_eq!(value["link"][1]["relation"], "next");
    let entries = value["entry"].as_array().unwrap();
    assert_eq!(
        entries[0]["fullUrl"],
        "https://central.example/fhir/DocumentReference/0c287d32-01e3-4d87-9953-9fcc9404eb21"
    );
    assert_eq!(entries[1]["search"]["mode"], "match");
    assert_eq!(entries[2]["search"]["mode"], "outcome");
    assert_eq!(entries[2]["resource"]["resourceType"], "OperationOutcome");
    let urls: std::collections::HashSet<_> = entries.iter().map(|e| e["fullUrl"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), 3, "bdl-7");
    entries[..2].iter().for_each(|e| assert_document_reference(&e["resource"]));

    let read = decode_searchset(&bytes, None).unwrap();
    assert_eq!((read.total, read.next.as_deref()), (Some(250), Some("https://n.example")));
    let found: Vec<DocumentEntry> = read.documents.into_iter().map(|d| d.unwrap().received.entry).collect();
    assert_eq!(found, [entry(), second]);
    assert_eq!(read.outcomes, [outcome]);
}

#[test]
fn an_empty_page_has_no_entry_element() {
    let value: Value = serde_json::from_slice(&page(&[], 0, &[])).unwrap();
    assert_eq!(value["total"], 0);
    assert!(value.get("entry").is_none());
    assert!(decode_searchset(&page(&[], 0, &[]), None).unwrap().documents.is_empty());
}

#[test]
fn a_peers_page_is_read_whole() {
    let read = decode_searchset(&fixture("made/searchset-page1.json"), Some(&patient())).unwrap();
    assert_eq!(read.total, Some(3));
    assert_eq!(read.next.as_deref(), Some("https://mhd.example.org/fhir?_page=6f1c0b2e9a&_n=2"));
    let documents: Vec<_> = read.documents.into_iter().map(Result::unwrap).collect();
    assert_eq!(documents.len(), 2);
    let kos = &documents[0].received;
    assert!(kos.entry.is_kos());
    assert_eq!(kos.entry.patient_id, patient());
    assert_eq!(kos.entry.study_instance_uids().collect::<Vec<_>>(), ["1.2.250.1.59.40211.22756022.2.1.102"]);
    assert_eq!(kos.entry.service_start_time.as_ref().map(Dtm::as_str), Some("20260224152310"));
    assert_eq!(kos.entry.home_community_id.as_ref().unwrap().to_string(), "urn:oid:2.999.3.1");
    assert_eq!(documents[0].document_url(BASE).as_deref(), Some("https://mhd.example.org/fhir/Binary/b-kos"));
    let report = &documents[1].received.entry;
    assert_eq!(report.authors[0].person.as_ref().unwrap().as_str(), "HP-77^Curie^Irène^^^^^^&2.999.2&ISO");
    assert_eq!(report.authors[0].institutions[0].as_str(), "Hospital North Radiology^^^^^&2.999.5&ISO^^^^ORG-1");
    assert_eq!(report.authors[0].roles, ["66862007^Radiologist^^&2.16.840.1.113883.6.96&ISO"]);
    assert_eq!(read.outcomes.len(), 1);
}

#[test]
fn one_broken_document_does_not_lose_the_others() {
    let bytes = page(&[entry(), entry()], 2, &[]);
    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
    value["entry"][0]["resource"]["status"] = "entered-in-error".into();
    let read = decode_searchset(&serde_json::to_vec(&value).unwrap(), None).unwrap();
    assert!(read.documents[0].is_err() && read.documents[1].is_ok());
    value["entry"][0]["resource"]["status"] = serde_json::json!({"a": 1});
    let read = decode_searchset(&serde_json::to_vec(&value).unwrap(), None).unwrap();
    assert!(read.documents[0].is_err() && read.documents[1].is_ok());
}

#[test]
fn included_resources_resolve_references() {
    let mut value: Value = serde_json::from_slice(&page(&[entry()], 1, &[])).unwrap();
    value["entry"][0]["resource"]["subject"] = serde_json::json!({"reference": "Patient/77"});
    value["entry"].as_array_mut().unwrap().push(serde_json::json!({
        "fullUrl": "https://central.example/fhir/Patient/77", "search": {"mode": "include"},
        "resource": {"resourceType": "Patient", "id": "77", "identifier": [{"system": "urn:oid:2.999.7", "value": "P0001"}]}
    }));
    let read = decode_searchset(&serde_json::to_vec(&value).unwrap(), None).unwrap();
    assert_eq!(read.documents[0].as_ref().unwrap().received.entry.patient_id, patient());
}

#[test]
fn relative_addresses_are_joined_to_the_server() {
    let mut value: Value = serde_json::from_slice(&page(&[entry()], 1, &[])).unwrap();
    value["entry"][0]["resource"]["content"][0]["attachment"]["url"] = "Binary/1".into();
    let read = decode_searchset(&serde_json::to_vec(&value).unwrap(), None).unwrap();
    let url = read.documents[0].as_ref().unwrap().document_url("https://other.example");
    assert_eq!(url.as_deref(), Some("https://central.example/fhir/Binary/1"));
}

#[test]
fn what_is_no_searchset_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        r#"{"resourceType":"Patient"}"#,
        r#"{"resourceType":"Bundle","type":"transaction"}"#,
        r#"{"resourceType":"Bundle","type":"searchset","entry":{}}"#,
        "\u{feff}{",
    ] {
        assert!(decode_searchset(text.as_bytes(), None).is_err(), "{text}");
    }
    let outcome = fixture("made/outcome-duplicate.json");
    assert_eq!(decode_searchset(&outcome, None).unwrap().outcomes.len(), 1);
}
