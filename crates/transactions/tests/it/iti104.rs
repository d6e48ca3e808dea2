//! ITI-104 on both sides, with the reads of ITI-78 beside it. Spec/fhir.md section 13.

use crate::border::{Audited, edge, json, refusal};
use actors::{Fault, Identity, PatientNews, SUBSUMED};
use model::{Oid, Patient, PatientId};
use std::sync::Arc;
use testkit::{MemoryIdentity, Served, cx, domain, http_client, patient, patient_id, serve};
use transactions::edge::fhir_client::FhirPeer;
use transactions::iti104_patient_identity_feed_fhir::{Client, Server};

struct Started {
    served: Served,
    identity: Arc<MemoryIdentity>,
    audited: Arc<Audited>,
}

fn start() -> Started {
    let identity = Arc::new(MemoryIdentity::new(domain()));
    let (edge, audited, _) = edge();
    let served = serve(|url| {
        let fhir_base = format!("{url}/fhir");
        let patients = crate::iti78::server(identity.clone(), &fhir_base, edge.clone());
        Server { identity: identity.clone(), domain: domain(), fhir_base, edge }.router().merge(patients.router())
    });
    Started { served, identity, audited }
}

impl Started {
    fn url(&self, rest: &str) -> String {
        format!("{}/fhir/Patient{rest}", self.served.url)
    }

    async fn put(&self, condition: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = reqwest::Client::new().put(self.url(condition)).header("content-type", "application/fhir+json");
        request.body(body).send().await.unwrap()
    }

    async fn post(&self, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = reqwest::Client::new().post(self.url("")).header("content-type", "application/fhir+json");
        request.body(body).send().await.unwrap()
    }

    async fn get(&self, rest: &str) -> reqwest::Response {
        reqwest::get(self.url(rest)).await.unwrap()
    }

    fn known(&self) -> Vec<Patient> {
        self.identity.patients.lock().unwrap().clone()
    }
}

const CONDITION: &str = "?identifier=urn:oid:2.999.7%7CP1";

#[tokio::test]
async fn a_conditional_update_adds_and_then_revises() {
    let started = start();
    let response = started.put(CONDITION, fhir::patient::encode(&patient("P1", "Muster", "Anna"))).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], started.url("/2.999.7-P1"));
    assert_eq!(json(response).await["resourceType"], "Patient");
    assert_eq!(started.audited.one(), ("ITI-104", true));
    // A raw bar is read as well.
    let response =
        started.put("?identifier=urn:oid:2.999.7|P1", fhir::patient::encode(&patient("P1", "Meister", "Anna"))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(started.known(), [patient("P1", "Meister", "Anna")]);
}

#[tokio::test]
async fn a_create_makes_known_and_overwrites_nothing() {
    let started = start();
    let response = started.post(fhir::patient::encode(&patient("P1", "Muster", "Anna"))).await;
    assert_eq!(response.status(), 201);
    let response = started.post(fhir::patient::encode(&patient("P1", "Alt", "Anna"))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(json(response).await["name"][0]["family"], "Muster", "what is known is answered");
    assert_eq!(started.known(), [patient("P1", "Muster", "Anna")]);
}

#[tokio::test]
async fn the_identifier_in_the_address_must_be_one_of_the_patients() {
    let started = start();
    let mut two = patient("H9", "Muster", "Anna");
    two.id.domain = Oid::parse("2.999.8").unwrap();
    two.other_ids = vec![patient_id("P1")];
    assert_eq!(started.put(CONDITION, fhir::patient::encode(&two)).await.status(), 201);
    assert_eq!(started.known()[0].id, patient_id("P1"));
    let response = started.put(CONDITION, fhir::patient::encode(&patient("P2", "Muster", "Anna"))).await;
    assert_eq!(refusal(response).await.0, 422);
    assert_eq!(started.known().len(), 1);
}

fn elsewhere(id: &str) -> PatientId {
    PatientId::new(id, Oid::parse("2.999.8").unwrap())
}

#[tokio::test]
async fn a_source_of_another_domain_revises_the_patient_that_has_its_identifier() {
    let started = start();
    let linked = Patient { other_ids: vec![elsewhere("A1")], ..patient("P1", "Muster", "Anna") };
    started.put(CONDITION, fhir::patient::encode(&linked)).await;
    let own_view = Patient { id: elsewhere("A1"), ..patient("P1", "Meister", "Anna") };
    let by_a1 = "?identifier=urn:oid:2.999.8%7CA1";
    assert_eq!(started.put(by_a1, fhir::patient::encode(&own_view)).await.status(), 200);
    assert_eq!(started.known(), [Patient { name: own_view.name, ..linked.clone() }]);
    let stolen = Patient { other_ids: vec![elsewhere("A1")], ..patient("P2", "Meister", "Anna") };
    assert_eq!(refusal(started.put(by_a1, fhir::patient::encode(&stolen)).await).await.0, 422);
    // Two patients that claim one number: nobody can say which is meant.
    started.put("?identifier=urn:oid:2.999.7%7CP2", fhir::patient::encode(&stolen)).await;
    let refused = refusal(started.put(by_a1, fhir::patient::encode(&linked)).await).await;
    assert_eq!(refused, (412, "multiple-matches".to_owned()));
    let delete = reqwest::Client::new().delete(started.url(by_a1)).send().await.unwrap();
    assert_eq!(refusal(delete).await.0, 412);
    assert_eq!(started.known().len(), 2);
}

#[tokio::test]
async fn if_none_exist_creates_only_what_is_not_there() {
    let started = start();
    let linked = |id: &str| Patient { other_ids: vec![elsewhere("A1")], ..patient(id, "Muster", "Anna") };
    let create = async |condition: &str, body: Vec<u8>| {
        let request = reqwest::Client::new().post(started.url("")).header("content-type", "application/fhir+json");
        request.header("if-none-exist", condition).body(body).send().await.unwrap()
    };
    let by_a1 = "identifier=urn:oid:2.999.8|A1";
    assert_eq!(create(by_a1, fhir::patient::encode(&linked("P1"))).await.status(), 201);
    let response = create(by_a1, fhir::patient::encode(&patient("P2", "Other", "Anna"))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(json(response).await["name"][0]["family"], "Muster");
    assert_eq!(started.known(), [linked("P1")]);
    started.post(fhir::patient::encode(&linked("P2"))).await;
    assert_eq!(refusal(create(by_a1, fhir::patient::encode(&linked("P3"))).await).await.0, 412);
    assert_eq!(refusal(create("name=x", fhir::patient::encode(&linked("P3"))).await).await.0, 400);
}

#[tokio::test]
async fn a_removed_patient_is_not_found_until_it_is_fed_again() {
    let started = start();
    let linked = Patient { other_ids: vec![elsewhere("A1")], ..patient("P1", "Muster", "Anna") };
    let delete = async |rest: &str| reqwest::Client::new().delete(started.url(rest)).send().await.unwrap();
    started.put(CONDITION, fhir::patient::encode(&linked)).await;
    assert_eq!(started.audited.one(), ("ITI-104", true));
    // The identifier of another domain goes alone.
    assert_eq!(delete("?identifier=urn:oid:2.999.8%7CA1").await.status(), 204);
    assert_eq!(started.audited.one(), ("ITI-104", true));
    assert_eq!(started.known(), [patient("P1", "Muster", "Anna")]);
    for _ in 0..2 {
        let response = delete(CONDITION).await;
        assert_eq!(response.status(), 204);
        assert!(response.bytes().await.unwrap().is_empty());
        assert!(started.known().is_empty());
    }
    assert_eq!(json(started.get(CONDITION).await).await["total"], 0);
    assert_eq!(started.get("/2.999.7-P1").await.status(), 404);
    assert_eq!(started.put(CONDITION, fhir::patient::encode(&linked)).await.status(), 201);
    assert_eq!(delete("/2.999.7-P1").await.status(), 204);
    assert!(started.known().is_empty());
    for wrong in ["", "?name=x", "?identifier=P1", "/x"] {
        assert_eq!(refusal(delete(wrong).await).await.0, 400, "{wrong}");
    }
}

async fn check_refused(condition: &str, body: &str, status: u16) {
    let started = start();
    let (got, _) = refusal(started.put(condition, body.to_owned()).await).await;
    assert_eq!(got, status, "{condition} {body}");
    assert_eq!(started.audited.one(), ("ITI-104", false));
    assert!(started.known().is_empty());
}

#[tokio::test]
async fn what_cannot_be_a_feed_is_refused() {
    let good = String::from_utf8(fhir::patient::encode(&patient("P1", "Muster", "Anna"))).unwrap();
    check_refused("", &good, 400).await;
    check_refused("?identifier=P1", &good, 400).await;
    check_refused("?name=x", &good, 400).await;
    check_refused(CONDITION, "{", 400).await;
    check_refused(CONDITION, r#"{"resourceType":"Observation"}"#, 400).await;
    check_refused(CONDITION, r#"{"resourceType":"Patient"}"#, 422).await;
    check_refused("?identifier=urn:oid:2.999.8%7CP1", &good.replace("2.999.7", "2.999.8"), 422).await;
    check_refused(CONDITION, &good.replace("\"active\":true", "\"active\":false"), 422).await;
    let started = start();
    let request = reqwest::Client::new().put(started.url(CONDITION)).header("content-type", "application/fhir+turtle");
    assert_eq!(refusal(request.body("<Patient/>").send().await.unwrap()).await.0, 415);
    assert_eq!(refusal(started.put(CONDITION, "x".repeat(2 << 20)).await).await.0, 413);
    *started.identity.fault.lock().unwrap() = Some(Fault::Busy);
    assert_eq!(refusal(started.put(CONDITION, good).await).await, (503, "throttled".to_owned()));
}

#[tokio::test]
async fn a_caller_chooses_what_it_gets_back() {
    let started = start();
    for (prefer, kind) in [("return=minimal", None), ("return=OperationOutcome", Some("OperationOutcome"))] {
        let request = reqwest::Client::new().put(started.url(CONDITION)).header("content-type", "application/json");
        let body = fhir::patient::encode(&patient("P1", "Muster", "Anna"));
        let response = request.header("prefer", prefer).body(body).send().await.unwrap();
        assert!(response.status().is_success());
        match kind {
            None => assert!(response.bytes().await.unwrap().is_empty()),
            Some(kind) => assert_eq!(json(response).await["resourceType"], kind),
        }
    }
}

#[tokio::test]
async fn patients_are_read_and_found() {
    let started = start();
    *started.identity.patients.lock().unwrap() =
        vec![patient("P1", "Muster", "Anna"), patient("P2", "Mustermann", "Karl"), patient("Q3", "Zen", "Anna")];
    assert_eq!(json(started.get("/2.999.7-P1").await).await["name"][0]["family"], "Muster");
    for unknown in ["/2.999.7-P9", "/x", "/%FF"] {
        assert_eq!(refusal(started.get(unknown).await).await, (404, "not-found".to_owned()));
    }
    for (query, total) in [
        (CONDITION, 1),
        ("?identifier=P1", 1),
        ("?identifier=urn:oid:2.999.7%7CP1,urn:oid:2.999.7%7CP2", 2),
        ("?identifier=urn:oid:2.999.9%7CP1", 0),
        ("?identifier=%7CP1", 0),
        ("?_id=2.999.7-P2", 1),
        ("?family=muster", 2),
        ("?family=muster&given=karl", 1),
        ("?given=anna", 2),
        ("?name=anna", 2),
        ("?name=muster", 2),
        ("?_content=P", 2),
        ("", 3),
        ("?colour=red", 3),
    ] {
        let bundle = json(started.get(query).await).await;
        assert_eq!(bundle["total"], total, "{query}: {bundle}");
    }
    let one = json(started.get("?_count=1").await).await;
    assert_eq!((&one["total"], one["entry"].as_array().unwrap().len()), (&3.into(), 1));
    let post = reqwest::Client::new()
        .post(started.url("/_search"))
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(json(post.body("family=zen").send().await.unwrap()).await["total"], 1);
}

#[tokio::test]
async fn the_answer_is_what_is_stored() {
    let started = start();
    let both = Patient { other_ids: vec![elsewhere("H1")], ..patient("P1", "Muster", "Anna") };
    started.put(CONDITION, fhir::patient::encode(&both)).await;
    let told = json(started.put(CONDITION, fhir::patient::encode(&patient("P1", "Muster", "Anna"))).await).await;
    assert_eq!(told, json(started.get("/2.999.7-P1").await).await);
    assert!(told.to_string().contains("H1"), "{told}");
    let old = Patient { other_ids: vec![elsewhere("H1")], ..patient("P1", "Stale", "Name") };
    let told = json(started.post(fhir::patient::encode(&old)).await).await;
    assert_eq!(told, json(started.get("/2.999.7-P1").await).await);
}

#[tokio::test]
async fn a_version_that_is_not_there_is_not_changed() {
    let started = start();
    let put = |tag: String, family: &'static str| {
        let body = fhir::patient::encode(&patient("P1", family, "Anna"));
        let request =
            reqwest::Client::new().put(started.url(CONDITION)).header("content-type", "application/fhir+json");
        request.header("if-match", tag).body(body).send()
    };
    assert_eq!(put("*".into(), "Muster").await.unwrap().status(), 412, "nobody is there");
    started.put(CONDITION, fhir::patient::encode(&patient("P1", "Muster", "Anna"))).await;
    let tag = started.get("/2.999.7-P1").await.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(put("W/\"99\"".into(), "Smith").await.unwrap().status(), 412);
    assert_eq!(started.known()[0].name.family, "Muster");
    assert_eq!(put(tag.clone(), "Smith").await.unwrap().status(), 200);
    assert_eq!(put(tag, "Jones").await.unwrap().status(), 412, "it has changed since");
    assert_eq!(put("*".into(), "Jones").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_merge_is_the_same_twice_however_the_patients_are_named() {
    let started = start();
    let hospital = elsewhere("H1");
    let subsumed = Patient { other_ids: vec![hospital.clone()], ..patient("P1", "Muster", "Anna") };
    let survivor = Patient { other_ids: vec![elsewhere("H2")], ..patient("P2", "Muster", "Anna") };
    for known in [&subsumed, &survivor] {
        started.put(&format!("?{}", fhir::patient::encode_condition(&known.id)), fhir::patient::encode(known)).await;
    }
    let by_hospital = format!("?{}", fhir::patient::encode_condition(&hospital));
    // The survivor by the identifier that its hospital gave.
    let body = fhir::patient::encode_merge(&subsumed, &elsewhere("H2"));
    for _ in 0..2 {
        let response = started.put(&by_hospital, body.clone()).await;
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    }
    let survivor = started.identity.survivor(&patient_id("P1"), &cx()).await.unwrap();
    assert_eq!(survivor, Some(patient_id("P2")));
}

#[tokio::test]
async fn an_address_names_one_patient_in_one_way() {
    let started = start();
    started.put(CONDITION, fhir::patient::encode(&patient("P1", "Muster", "Anna"))).await;
    assert_eq!(started.get("/2.999.7-.50.31").await.status(), 404);
    let mut other: serde_json::Value =
        serde_json::from_slice(&fhir::patient::encode(&patient("P1", "X", "Y"))).unwrap();
    other["id"] = "2.999.7-P9".into();
    assert_eq!(started.put("/2.999.7-P1", other.to_string()).await.status(), 400);
    let two = "?identifier=urn:oid:2.999.7%7CP1,urn:oid:2.999.7%7CP2";
    assert_eq!(started.put(two, fhir::patient::encode(&patient("P1", "X", "Y"))).await.status(), 400);
    assert_eq!(started.known()[0].name.family, "Muster");
}

fn client(started: &Started) -> Client {
    Client {
        peer: FhirPeer {
            name: "central".to_owned(),
            base: format!("{}/fhir", started.served.url),
            http: http_client(),
            message_octets: 1 << 20,
        },
    }
}

#[tokio::test]
async fn a_client_feeds_finds_and_searches() {
    let started = start();
    let client = client(&started);
    let anna = patient("P 1/ä", "Muster", "Anna");
    client.feed(&anna, PatientNews::Added, &cx()).await.unwrap();
    client.feed(&patient("P 1/ä", "Alt", "Anna"), PatientNews::Added, &cx()).await.unwrap();
    assert_eq!(client.find(&anna.id, &cx()).await.unwrap(), Some(anna.clone()));
    let revised = patient("P 1/ä", "Neu", "Anna");
    client.feed(&revised, PatientNews::Revised, &cx()).await.unwrap();
    assert_eq!(client.find(&anna.id, &cx()).await.unwrap(), Some(revised.clone()));
    assert_eq!(client.find(&patient_id("P9"), &cx()).await.unwrap(), None);
    assert_eq!(client.search("neu", 10, &cx()).await.unwrap().items, [revised]);
    assert_eq!(client.search("", 10, &cx()).await.unwrap().items.len(), 1);
    let stranger = PatientId::new("X", Oid::parse("2.999.8").unwrap());
    let refused = client.feed(&Patient { id: stranger, ..anna }, PatientNews::Revised, &cx()).await.err().unwrap();
    assert!(!refused.is_transient());
}

fn merge(subsumed: &str, survivor: PatientId) -> Vec<u8> {
    fhir::patient::encode_merge(&patient(subsumed, "Muster", "Anna"), &survivor)
}

#[tokio::test]
async fn a_merge_leaves_the_survivor_and_may_be_said_twice() {
    let started = start();
    for id in ["P1", "P2"] {
        started
            .put(&format!("?identifier=urn:oid:2.999.7%7C{id}"), fhir::patient::encode(&patient(id, "M", "A")))
            .await;
    }
    started.audited.0.lock().unwrap().clear();
    for _ in 0..2 {
        let response = started.put(CONDITION, merge("P1", patient_id("P2"))).await;
        assert_eq!(response.status(), 200);
        assert_eq!(started.audited.one(), ("ITI-104", true));
        let told = json(response).await;
        assert_eq!((&told["active"], &told["link"][0]["type"]), (&false.into(), &"replaced-by".into()));
        assert_eq!(started.known(), [patient("P2", "M", "A")]);
    }
    assert_eq!(started.get("/2.999.7-P1").await.status(), 404);
}

#[tokio::test]
async fn a_merge_that_breaks_a_rule_is_refused_with_its_place() {
    let started = start();
    let p2 = "?identifier=urn:oid:2.999.7%7CP2";
    started.put(CONDITION, fhir::patient::encode(&patient("P1", "M", "A"))).await;
    started.put(p2, fhir::patient::encode(&patient("P2", "M", "A"))).await;
    let check = async |response: reqwest::Response, place: &str| {
        assert_eq!(response.status(), 422, "{place}");
        assert_eq!(json(response).await["issue"][0]["expression"][0], place);
        assert_eq!(started.known().len(), 2);
    };
    let stranger = PatientId::new("P2", Oid::parse("2.999.8").unwrap());
    check(started.put(CONDITION, merge("P1", patient_id("P9"))).await, "Patient.link.other").await;
    check(started.put(CONDITION, merge("P1", stranger)).await, "Patient.link.other").await;
    check(started.put(CONDITION, merge("P1", patient_id("P1"))).await, "Patient.identifier").await;
    let nobody = "?identifier=urn:oid:2.999.7%7CP9";
    check(started.put(nobody, merge("P9", patient_id("P1"))).await, "Patient.identifier").await;
    check(started.put(p2, merge("P1", patient_id("P2"))).await, "Patient.identifier").await;
    check(started.post(merge("P1", patient_id("P2"))).await, "Patient.link").await;
    let text = String::from_utf8(merge("P1", patient_id("P2"))).unwrap();
    check(started.put(CONDITION, text.replace("\"active\":false", "\"active\":true")).await, "Patient.active").await;
    // A circle.
    assert_eq!(started.put(CONDITION, merge("P1", patient_id("P2"))).await.status(), 200);
    let response = started.put(p2, merge("P2", patient_id("P1"))).await;
    assert_eq!(response.status(), 422);
    assert_eq!(json(response).await["issue"][0]["expression"][0], "Patient.link.other");
    assert_eq!(started.known(), [patient("P2", "M", "A")]);
}

#[tokio::test]
async fn a_client_merges_and_names_the_survivor_before() {
    let started = start();
    let client = client(&started);
    client.feed(&patient("P1", "Muster", "Anna"), PatientNews::Added, &cx()).await.unwrap();
    let survivor = patient("P2", "Meister", "Anna");
    for _ in 0..2 {
        client.merge(&survivor, &patient_id("P1"), &cx()).await.unwrap();
        assert_eq!(started.known(), std::slice::from_ref(&survivor));
    }
    let refused = client.merge(&patient("P3", "a", "b"), &patient_id("P9"), &cx()).await.err().unwrap();
    assert!(!refused.is_transient() && refused.to_string().contains(SUBSUMED), "{refused}");
}

#[tokio::test]
async fn a_manager_that_knows_put_only_is_fed_all_the_same() {
    let fed = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = fed.clone();
    let served = serve(|_| {
        let put = move |headers: http::HeaderMap, body: bytes::Bytes| {
            assert_eq!(headers.get_all("accept").iter().collect::<Vec<_>>(), ["application/fhir+json"]);
            kept.lock().unwrap().push(body);
            async { http::StatusCode::CREATED }
        };
        axum::Router::new().route("/fhir/Patient", axum::routing::put(put))
    });
    let peer = FhirPeer { base: format!("{}/fhir", served.url), ..client(&start()).peer };
    Client { peer }.feed(&patient("P1", "Muster", "Anna"), PatientNews::Added, &cx()).await.unwrap();
    assert_eq!(fed.lock().unwrap().len(), 1);
}
