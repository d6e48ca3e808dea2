//! ITI-119: who is meant by a description. Spec/fhir.md section 14.

use crate::border::{Audited, edge, json, refusal};
use crate::iti78::people;
use serde_json::{Value, json as value};
use std::sync::Arc;
use testkit::{MemoryIdentity, Served, domain, patient, serve};
use transactions::iti119_patient_demographics_match::Server;

fn start() -> (Served, Arc<MemoryIdentity>, Arc<Audited>) {
    let identity = Arc::new(MemoryIdentity::new(domain()));
    *identity.patients.lock().unwrap() = people();
    let (edge, audited, _) = edge();
    let known = identity.clone();
    (serve(|url| Server { identity: known, fhir_base: format!("{url}/fhir"), edge }.router()), identity, audited)
}

async fn ask(served: &Served, body: Value) -> reqwest::Response {
    let request = reqwest::Client::new().post(format!("{}/fhir/Patient/$match", served.url));
    request.header("content-type", "application/fhir+json").body(body.to_string()).send().await.unwrap()
}

fn parameters(patient: Value, more: &[Value]) -> Value {
    let mut list = vec![value!({"name": "resource", "resource": patient})];
    list.extend_from_slice(more);
    value!({"resourceType": "Parameters", "parameter": list})
}

fn anna() -> Value {
    value!({"resourceType": "Patient", "name": [{"family": "MULLER", "given": ["Anna"]}], "birthDate": "1961-04-12",
        "gender": "female"})
}

fn found(bundle: &Value) -> Vec<(String, f64, String)> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries
        .map(|entry| {
            let search = &entry["search"];
            assert_eq!(search["mode"], "match");
            let grade = &search["extension"][0];
            assert_eq!(grade["url"], "http://hl7.org/fhir/StructureDefinition/match-grade");
            let id = entry["resource"]["id"].as_str().unwrap().to_owned();
            (id, search["score"].as_f64().unwrap(), grade["valueCode"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_description_finds_who_may_be_meant_best_first() {
    let (served, identity, audited) = start();
    identity.patients.lock().unwrap().push(patient("P4", "Miller", "Anna"));
    let expected = [("2.999.7-P1".to_owned(), 0.94, "probable".to_owned())];
    for body in [anna(), parameters(anna(), &[])] {
        let bundle = json(ask(&served, body).await).await;
        assert_eq!((&bundle["type"], &bundle["total"]), (&"searchset".into(), &2.into()));
        let found = found(&bundle);
        assert_eq!(found[..1], expected);
        assert!(found[1].0 == "2.999.7-P4" && found[1].1 < 0.94, "{found:?}");
        assert_eq!(audited.one(), ("ITI-119", true));
    }
    let one = json(ask(&served, parameters(anna(), &[value!({"name": "count", "valueInteger": 1})])).await).await;
    assert_eq!((found(&one).len(), &one["total"]), (1, &2.into()));
    let records = audited.0.lock().unwrap();
    assert!(records.iter().all(|(_, _, facts)| facts.query.is_none()), "the description is nobody's record");
}

#[tokio::test]
async fn only_a_certain_match_of_one_person_is_given_when_that_is_asked_for() {
    let (served, identity, _) = start();
    let certain = [value!({"name": "onlyCertainMatches", "valueBoolean": true})];
    let bundle = json(ask(&served, parameters(anna(), &certain)).await).await;
    assert_eq!((&bundle["total"], bundle.get("entry")), (&0.into(), None), "a name and a date are no certainty");
    let mut known = anna();
    known["identifier"] = value!([{"system": "urn:oid:2.999.8", "value": "A1"}]);
    let bundle = json(ask(&served, parameters(known.clone(), &certain)).await).await;
    assert_eq!(found(&bundle), [("2.999.7-P1".to_owned(), 1.0, "certain".to_owned())]);
    let twin = model::Patient { id: testkit::patient_id("P5"), ..people()[0].clone() };
    identity.patients.lock().unwrap().push(twin);
    let bundle = json(ask(&served, parameters(known, &certain)).await).await;
    assert_eq!(bundle.get("entry"), None, "two persons cannot both be certain");
}

#[tokio::test]
async fn what_is_no_description_is_refused_without_its_data() {
    let (served, _, audited) = start();
    for (body, status) in [
        (value!({"resourceType": "Patient"}), 422),
        (value!({"resourceType": "Patient", "gender": "female"}), 422),
        (value!({"resourceType": "Parameters"}), 422),
        (value!({"resourceType": "Observation"}), 400),
        (value!({"resourceType": "Patient", "birthDate": "12.4.1961"}), 422),
    ] {
        let response = ask(&served, body.clone()).await;
        assert_eq!(refusal(response).await.0, status, "{body}");
        assert_eq!(audited.one(), ("ITI-119", false));
    }
    let text = ask(&served, value!({"resourceType": "Patient", "birthDate": "12.4.1961"})).await.text().await.unwrap();
    assert!(!text.contains("12.4"), "{text}");
}
