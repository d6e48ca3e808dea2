//! ITI-78: search by every parameter, pages, domains. Spec/fhir.md sections 2, 14.

use crate::border::{Audited, edge, json, refusal};
use model::{Address, Dtm, Oid, Patient, PatientDetails, PatientId, Sex, Telecom, TelecomSystem};
use std::sync::Arc;
use testkit::{FixedClock, MemoryIdentity, Served, domain, patient, serve};
use transactions::edge::Edge;
use transactions::edge::page_token::PageKey;
use transactions::iti78_mobile_patient_demographics_query::Server;

pub fn server(identity: Arc<MemoryIdentity>, fhir_base: &str, edge: Edge) -> Server {
    Server {
        identity,
        fhir_base: fhir_base.to_owned(),
        page_key: PageKey::new([7; 32]),
        default_count: 100,
        max_count: 1000,
        edge,
    }
}

struct Started {
    served: Served,
    audited: Arc<Audited>,
    clock: Arc<FixedClock>,
}

impl Started {
    async fn get(&self, rest: &str) -> reqwest::Response {
        reqwest::get(format!("{}/fhir/Patient{rest}", self.served.url)).await.unwrap()
    }

    /// The ids of an answer.
    async fn ids(&self, query: &str) -> Vec<String> {
        let response = self.get(query).await;
        assert_eq!(response.status(), 200, "{query}");
        ids(&json(response).await)
    }
}

fn ids(bundle: &serde_json::Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten().filter(|e| e["search"]["mode"] == "match");
    entries.map(|e| e["resource"]["id"].as_str().unwrap().trim_start_matches("2.999.7-").to_owned()).collect()
}

pub fn elsewhere(id: &str) -> PatientId {
    PatientId::new(id, Oid::parse("2.999.8").unwrap())
}

pub fn people() -> Vec<Patient> {
    let phone = Telecom { system: TelecomSystem::Phone, usage: None, value: "+41 31 555 01 02".into() };
    let bern = Address {
        lines: vec!["Hauptstrasse 1".into()],
        city: "Bern".into(),
        state: "BE".into(),
        postal_code: "3000".into(),
        country: "CH".into(),
    };
    vec![
        Patient {
            other_ids: vec![elsewhere("A1")],
            details: PatientDetails {
                addresses: vec![bern],
                telecoms: vec![phone],
                mothers_maiden_name: "Ünal".into(),
            },
            ..patient("P1", "Müller", "Anna")
        },
        Patient { sex: Some(Sex::Male), birth_date: Dtm::parse("1970").ok(), ..patient("P2", "Muller", "Karl") },
        patient("P3", "de la Cruz", "José"),
    ]
}

fn start(people: Vec<Patient>) -> Started {
    let identity = Arc::new(MemoryIdentity::new(domain()));
    identity.seen.lock().unwrap().extend(people.iter().flat_map(|p| p.ids().map(|id| id.domain.clone())));
    *identity.patients.lock().unwrap() = people;
    let (edge, audited, clock) = edge();
    let served = serve(|url| server(identity, &format!("{url}/fhir"), edge).router());
    Started { served, audited, clock }
}

#[tokio::test]
async fn every_parameter_finds_whom_it_should() {
    let started = start(people());
    for (query, expected) in [
        ("", "P1 P2 P3"),
        ("?_id=2.999.7-P1,2.999.7-P3", "P1 P3"),
        ("?_id=nobody", ""),
        ("?active=true", "P1 P2 P3"),
        ("?active=false", ""),
        ("?identifier=urn:oid:2.999.8%7CA1", "P1"),
        ("?identifier=A1", "P1"),
        ("?identifier=%7CA1", ""),
        ("?identifier=http://example.org/x%7CA1", ""),
        ("?family=MULL", "P1 P2"),
        ("?family=m%C3%BCll", "P1 P2"),
        ("?family=cruz", "P3"),
        ("?family:exact=M%C3%BCller", "P1"),
        ("?family:contains=ULL", "P1 P2"),
        ("?family=muller&family=mul&gender=male", "P2"),
        ("?family=nobody,cruz", "P3"),
        ("?given=jose", "P3"),
        ("?name=anna", "P1"),
        ("?mothersMaidenName=unal", "P1"),
        ("?telecom=%2B41315550102", "P1"),
        ("?telecom=phone%7C%2B41%2031%20555%2001%2002", "P1"),
        ("?telecom=email%7Ca@example.org", ""),
        ("?address=hauptstr", "P1"),
        ("?address-city=bern&address-state=be&address-postalcode=30&address-country=ch", "P1"),
        ("?address-city=basel", ""),
        ("?gender=female", "P1 P3"),
        ("?birthdate=1961-04-12", "P1 P3"),
        ("?birthdate=1961", "P1 P3"),
        ("?birthdate=ge1965", "P2"),
        ("?birthdate=lt1965", "P1 P3"),
        ("?birthdate=gt1961-04-11&birthdate=lt1961-04-13", "P1 P3"),
        ("?birthdate=ne1970", "P1 P3"),
        ("?birthdate=1970-05", ""),
        ("?birthdate=ap1970-05", "P2"),
    ] {
        assert_eq!(started.ids(query).await.join(" "), expected, "{query}");
        assert_eq!(started.audited.one(), ("ITI-78", true));
    }
}

#[tokio::test]
async fn get_and_post_say_the_same() {
    let started = start(people());
    let post = async |url_part: &str, form: &str| {
        let url = format!("{}/fhir/Patient/_search{url_part}", started.served.url);
        let request = reqwest::Client::new().post(url).header("content-type", "application/x-www-form-urlencoded");
        ids(&json(request.body(form.to_owned()).send().await.unwrap()).await)
    };
    assert_eq!(post("", "family=mull&gender=male").await, ["P2"]);
    assert_eq!(post("?family=mull", "gender=male").await, ["P2"]);
    assert_eq!(post("?family=mull", "").await, ["P1", "P2"]);
}

#[tokio::test]
async fn chosen_domains_are_answered_alone_and_unknown_ones_refused() {
    let started = start(people());
    let bundle = json(started.get("?identifier=urn:oid:2.999.8%7C").await).await;
    assert_eq!(ids(&bundle), ["P1"]);
    let identifiers = &bundle["entry"][0]["resource"]["identifier"];
    assert_eq!(identifiers, &serde_json::json!([{"system": "urn:oid:2.999.8", "value": "A1"}]));
    let both = json(started.get("?identifier=urn:oid:2.999.8%7C,urn:oid:2.999.7%7C&family=mull").await).await;
    assert_eq!(both["entry"][0]["resource"]["identifier"].as_array().unwrap().len(), 2);
    let one = json(started.get("?identifier=P1&identifier=urn:oid:2.999.8%7C").await).await;
    assert_eq!(one["entry"][0]["resource"]["identifier"][0]["value"], "A1");
    for unknown in ["urn:oid:2.999.99", "http://example.org/x"] {
        let response = started.get(&format!("?identifier={unknown}%7C,urn:oid:2.999.8%7C")).await;
        assert_eq!(response.status(), 404);
        assert!(response.headers().contains_key("x-request-id"));
        let issue = json(response).await["issue"][0].clone();
        assert_eq!((&issue["code"], &issue["diagnostics"]), (&"not-found".into(), &"targetSystem not found".into()));
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_keep_their_total() {
    let people: Vec<Patient> = (0..25).map(|n| patient(&format!("P{n:02}"), "Muster", "Anna")).collect();
    let started = start(people);
    let mut bundle = json(started.get("?family=must&_count=10").await).await;
    let mut seen = Vec::new();
    loop {
        assert_eq!(bundle["total"], 25);
        let links = bundle["link"].as_array().unwrap();
        let link =
            |relation: &str| links.iter().find(|l| l["relation"] == relation).map(|l| l["url"].as_str().unwrap());
        assert!(link("self").unwrap().ends_with("/fhir/Patient?family=must&_count=10"), "{bundle}");
        seen.extend(ids(&bundle));
        let Some(next) = link("next") else { break };
        assert!(!next.contains("must"), "{next}");
        bundle = json(reqwest::get(next).await.unwrap()).await;
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted());
    let counted = json(started.get("?_count=0").await).await;
    assert_eq!((&counted["total"], counted.get("entry")), (&25.into(), None));
    assert_eq!(started.ids("?_count=5000").await.len(), 25);
    let first = json(started.get("?_count=10").await).await;
    let next = first["link"][1]["url"].as_str().unwrap().to_owned();
    started.clock.advance_micros(25 * 3600 * 1_000_000);
    assert_eq!(refusal(reqwest::get(next).await.unwrap()).await, (410, "expired".to_owned()));
    assert_eq!(refusal(started.get("?_page=x").await).await.0, 400);
}

#[tokio::test]
async fn what_is_not_understood_is_named_or_refused() {
    let started = start(people());
    let bundle = json(started.get("?colour=red&_sort=family&family=cruz").await).await;
    assert_eq!((ids(&bundle), &bundle["total"]), (vec!["P3".to_owned()], &1.into()));
    assert_eq!(bundle["entry"].as_array().unwrap().len(), 2);
    assert_eq!(bundle["entry"][1]["resource"]["issue"].as_array().unwrap().len(), 2, "two warnings");
    assert!(bundle["link"][0]["url"].as_str().unwrap().ends_with("?family=cruz"));
    let strict = reqwest::Client::new().get(format!("{}/fhir/Patient?colour=red", started.served.url));
    assert_eq!(refusal(strict.header("prefer", "handling=strict").send().await.unwrap()).await.0, 400);
    for wrong in [
        "?birthdate=12.4.1961",
        "?gender=M",
        "?active=perhaps",
        "?family:sounds=x",
        "?identifier:of-type=x",
        "?_count=-1",
        "?_total=x",
        "?telecom=pager%7C1",
        "?family=%FF",
    ] {
        let response = started.get(wrong).await;
        let text = response.text().await.unwrap();
        assert!(text.contains("OperationOutcome") && !text.contains("12.4.1961"), "{wrong}: {text}");
        assert_eq!(refusal(started.get(wrong).await).await.0, 400, "{wrong}");
    }
    assert_eq!(refusal(started.get("?_format=text/html").await).await, (406, "not-supported".to_owned()));
}

#[tokio::test]
async fn one_patient_is_read_with_all_that_is_known() {
    let started = start(people());
    let read = json(started.get("/2.999.7-P1").await).await;
    assert_eq!(read["telecom"][0]["value"], "+41 31 555 01 02");
    assert_eq!(read["address"][0]["city"], "Bern");
    assert_eq!(read["extension"][0]["valueString"], "Ünal");
    assert_eq!(refusal(started.get("/2.999.7-P9").await).await, (404, "not-found".to_owned()));
}
