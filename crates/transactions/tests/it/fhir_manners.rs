//! Manners of every FHIR address: JSON and XML, conditional reads, gzip, CORS. Spec/fhir.md sections 2, 16, 20 (37), 21.3.

use crate::border::{Raw, edge, raw};
use model::{AvailabilityStatus, DocumentEntry, RegionMap};
use serde_json::Value;
use std::sync::Arc;
use testkit::{MemoryIdentity, MemoryRegistry, Served, domain, entry, patient, patient_id, serve};
use transactions::edge::fhir_place::FhirPlace;
use transactions::edge::fhir_server::Base;
use transactions::edge::page_token::PageKey;
use transactions::{
    iti67_find_document_references, iti78_mobile_patient_demographics_query, iti104_patient_identity_feed_fhir,
};

struct Started {
    served: Served,
    registry: Arc<MemoryRegistry>,
    identity: Arc<MemoryIdentity>,
}

/// DocumentReference, Patient and metadata of one node.
fn start() -> Started {
    let registry = Arc::new(MemoryRegistry::of((1..30).map(entry)));
    let identity = Arc::new(MemoryIdentity::new(domain()));
    let (edge, _, _) = edge();
    let served = serve(|url| {
        let fhir_base = format!("{url}/fhir");
        let capability = fhir::capability::Capability {
            base_url: &fhir_base,
            software: "test",
            date: "2026-01-01",
            ..Default::default()
        };
        let documents = iti67_find_document_references::Server {
            registry: registry.clone(),
            place: FhirPlace { base: fhir_base.clone(), home: None, patients: true },
            patient_domain: Some(domain()),
            identity: None,
            regions: Arc::new(RegionMap { rules: Vec::new(), equivalents: Vec::new() }),
            page_key: PageKey::new([7; 32]),
            default_count: 100,
            max_count: 1000,
            edge: edge.clone(),
        };
        let metadata = fhir::capability::encode(&capability).into();
        let identity = identity.clone();
        let found = iti78_mobile_patient_demographics_query::Server {
            identity: identity.clone(),
            fhir_base: fhir_base.clone(),
            page_key: PageKey::new([7; 32]),
            default_count: 100,
            max_count: 1000,
            edge: edge.clone(),
        };
        let patients = iti104_patient_identity_feed_fhir::Server {
            identity,
            domain: domain(),
            fhir_base: fhir_base.clone(),
            edge: edge.clone(),
        };
        let base = Base { metadata, openapi: "{}".into(), edge };
        documents.router().merge(patients.router()).merge(found.router()).merge(base.router())
    });
    Started { served, registry, identity }
}

const XML: &str = "Accept: application/fhir+xml";
const P1: &str = "patient.identifier=urn:oid:2.999.7%7CP1";

impl Started {
    async fn raw(&self, request: &str, headers: &[&str]) -> Raw {
        raw(self.served.address, request, headers).await
    }

    async fn put(&self, content_type: &str, body: Vec<u8>) -> reqwest::Response {
        let url = format!("{}/fhir/Patient?identifier=urn:oid:2.999.7%7CP1&_format=xml", self.served.url);
        reqwest::Client::new().put(url).header("content-type", content_type).body(body).send().await.unwrap()
    }
}

fn document(n: u32) -> String {
    format!("/fhir/DocumentReference/{}", entry(n).id.as_str().trim_start_matches("urn:uuid:"))
}

fn of_xml(answer: &Raw) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/fhir+xml"));
    let json = fhir::xml::to_json(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.head));
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test]
async fn the_xml_form_of_an_answer_says_what_the_json_form_says() {
    let started = start();
    for path in [
        format!("/fhir/DocumentReference?{P1}&_count=5"),
        format!("/fhir/DocumentReference?{P1}&colour=red"),
        document(3),
        "/fhir/metadata".to_owned(),
    ] {
        let json = started.raw(&format!("GET {path}"), &["Accept: application/fhir+json"]).await;
        assert_eq!((json.status, json.header("content-type")), (200, Some("application/fhir+json")), "{path}");
        let xml = started.raw(&format!("GET {path}"), &[XML]).await;
        assert_eq!(xml.status, 200, "{path}");
        let (mut one, mut other): (Value, Value) = (serde_json::from_slice(&json.body).unwrap(), of_xml(&xml));
        for page in [&mut one, &mut other] {
            // The position in a next link is sealed anew each time.
            page.as_object_mut().unwrap().remove("link");
        }
        assert_eq!(one, other, "{path}");
        assert_eq!(xml.header("vary"), Some("Accept"), "{path}");
    }
}

#[tokio::test]
async fn every_refusal_comes_in_the_form_that_was_asked_for() {
    let started = start();
    for (request, status) in [
        ("GET /fhir/DocumentReference?status=current", 400),
        ("GET /fhir/DocumentReference/unknown", 404),
        ("GET /fhir/Observation/1", 404),
        ("GET /fhir/nothing/at/all", 404),
        ("DELETE /fhir/DocumentReference", 405),
        ("DELETE /fhir/metadata", 405),
        ("PUT /fhir/Patient?identifier=urn:oid:2.999.7%7CP1", 415),
    ] {
        let answer = started.raw(request, &[XML]).await;
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(of_xml(&answer)["resourceType"], "OperationOutcome", "{request}");
        assert!(answer.header("x-request-id").is_some(), "{request}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{request}");
        let answer = started.raw(request, &["Accept: text/html"]).await;
        assert_eq!(answer.header("content-type"), Some("application/fhir+json"), "{request}");
    }
    let answer = started.raw("GET /fhir/metadata?_format=html", &[XML]).await;
    assert_eq!((answer.status, answer.header("content-type")), (406, Some("application/fhir+json")));
    // Parameters of a posted search count too.
    let url = format!("{}/fhir/DocumentReference/_search", started.served.url);
    let request = reqwest::Client::new().post(url).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body("status=current&_format=xml").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (400, &"application/fhir+xml".parse().unwrap())
    );
}

#[tokio::test]
async fn a_body_in_xml_is_the_same_as_one_in_json() {
    let (first, second) = (start(), start());
    let json = fhir::patient::encode(&patient("P1", "Muster", "Anna"));
    let response = first.put("application/json; charset=utf-8", json.clone()).await;
    assert_eq!(response.status(), 201);
    let written = response.bytes().await.unwrap();
    for content_type in ["application/fhir+xml", "text/xml; charset=UTF-8", "application/xml; fhirVersion=4.0"] {
        let response = second.put(content_type, fhir::xml::to_xml(&json).unwrap()).await;
        assert!(response.status().is_success(), "{content_type}");
        assert_eq!(response.headers()["content-type"], "application/fhir+xml");
        assert_eq!(response.bytes().await.unwrap(), written);
    }
    assert_eq!(*first.identity.patients.lock().unwrap(), *second.identity.patients.lock().unwrap());
    for (content_type, body, status) in [
        ("application/fhir+xml", &b"{}"[..], 400),
        ("application/fhir+xml", b"<Patient/>", 400),
        ("application/fhir+xml", br#"<Patient xmlns="http://hl7.org/fhir"><nam/></Patient>"#, 400),
        ("application/fhir+xml", br#"<Patient xmlns="http://hl7.org/fhir"/>"#, 422),
        ("application/fhir+json", b"<Patient/>", 400),
        ("application/fhir+xml; charset=iso-8859-1", b"<Patient/>", 415),
        ("application/fhir+xml; fhirVersion=5.0", b"<Patient/>", 415),
        ("text/plain", b"<Patient/>", 415),
    ] {
        let response = second.put(content_type, body.to_vec()).await;
        assert_eq!(response.status(), status, "{content_type} {}", String::from_utf8_lossy(body));
        let outcome = fhir::xml::to_json(&response.bytes().await.unwrap()).unwrap();
        assert!(String::from_utf8_lossy(&outcome).starts_with(r#"{"resourceType":"OperationOutcome""#));
    }
}

#[tokio::test]
async fn a_read_is_304_until_something_changes() {
    let started = start();
    started.registry.entries.lock().unwrap()[0].submission_time = model::Dtm::parse("20260224152310").ok();
    let answer = started.raw(&format!("GET {}", document(1)), &[]).await;
    let etag = answer.header("etag").unwrap().to_owned();
    assert!(etag.starts_with("W/\"1-"), "{etag}");
    assert_eq!(answer.header("last-modified"), Some("Tue, 24 Feb 2026 15:23:10 GMT"));
    let ask = |header: String| {
        let started = &started;
        async move { started.raw(&format!("GET {}", document(1)), &[&header]).await }
    };
    for known in [etag.clone(), etag.replace("W/", ""), "*".to_owned(), format!("\"other\", {etag}")] {
        let answer = ask(format!("If-None-Match: {known}")).await;
        assert_eq!((answer.status, answer.body.len(), answer.header("etag")), (304, 0, Some(etag.as_str())), "{known}");
    }
    assert_eq!(ask("If-None-Match: W/\"other\"".into()).await.status, 200);
    assert_eq!(ask("If-Modified-Since: Tue, 24 Feb 2026 15:23:10 GMT".into()).await.status, 304);
    for since in ["Tue, 24 Feb 2026 15:23:09 GMT", "yesterday"] {
        assert_eq!(ask(format!("If-Modified-Since: {since}")).await.status, 200, "{since}");
    }
    let head = started.raw(&format!("HEAD {}", document(1)), &[&format!("If-None-Match: {etag}")]).await;
    assert_eq!(head.status, 304);
    let xml = started.raw(&format!("GET {}", document(1)), &[XML, &format!("If-None-Match: {etag}")]).await;
    assert_eq!(xml.status, 200, "the other form is another representation");
    // A deprecation gives an entry no new version, and when it happened is not recorded.
    let deprecate = |e: &mut DocumentEntry| e.availability_status = AvailabilityStatus::Deprecated;
    deprecate(&mut started.registry.entries.lock().unwrap()[0]);
    assert_eq!(ask(format!("If-None-Match: {etag}")).await.status, 200);
    assert_eq!(ask("If-Modified-Since: Tue, 24 Feb 2026 15:23:10 GMT".into()).await.status, 200);
    // A search is no read.
    let search = started.raw(&format!("GET /fhir/DocumentReference?{P1}"), &["If-None-Match: *"]).await;
    assert_eq!((search.status, search.header("etag")), (200, None));
}

#[tokio::test]
async fn a_patient_is_304_too() {
    let started = start();
    started.identity.patients.lock().unwrap().push(patient("P1", "Muster", "Anna"));
    let path = format!("GET /fhir/Patient/{}", fhir::patient::resource_id(&patient_id("P1")).unwrap());
    let known = format!("If-None-Match: {}", started.raw(&path, &[]).await.header("etag").unwrap());
    assert_eq!(started.raw(&path, &[&known]).await.status, 304);
    started.identity.patients.lock().unwrap()[0].name.given = "Anne".to_owned();
    assert_eq!(started.raw(&path, &[&known]).await.status, 200);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let started = start();
    for path in ["/fhir/metadata".to_owned(), document(1), format!("/fhir/DocumentReference?{P1}"), document(99)] {
        let (get, head) =
            (started.raw(&format!("GET {path}"), &[]).await, started.raw(&format!("HEAD {path}"), &[]).await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_who_can_read_it() {
    let started = start();
    let search = format!("GET /fhir/DocumentReference?{P1}");
    let plain = started.raw(&search, &[]).await;
    assert_eq!(plain.header("content-encoding"), None);
    for accept in ["Accept: application/fhir+json", XML] {
        let answer = started.raw(&search, &["Accept-Encoding: gzip", accept]).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")));
        assert!(answer.body.len() < plain.body.len() / 4, "{} of {}", answer.body.len(), plain.body.len());
    }
    let small = started.raw("GET /fhir/DocumentReference/unknown", &["Accept-Encoding: gzip"]).await;
    assert_eq!((small.status, small.header("content-encoding")), (404, None));
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_ask_and_others_not() {
    let started = start();
    let preflight =
        ["Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: content-type,if-none-exist"];
    let allowed = ["Origin: https://viewer.example", preflight[0], preflight[1]];
    for path in ["/fhir/DocumentReference", "/fhir/Patient", "/fhir/metadata"] {
        let answer = started.raw(&format!("OPTIONS {path}"), &allowed).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (200, Some("https://viewer.example"))
        );
        assert!(answer.header("access-control-allow-methods").unwrap().contains("PUT"));
        let foreign = started.raw(&format!("OPTIONS {path}"), &["Origin: https://other.example", preflight[0]]).await;
        assert_eq!(foreign.header("access-control-allow-origin"), None);
    }
    for path in [document(1), document(99)] {
        let answer = started.raw(&format!("GET {path}"), &["Origin: https://viewer.example"]).await;
        let exposed = answer.header("access-control-expose-headers").unwrap().to_ascii_lowercase();
        for name in ["location", "etag", "content-location", "last-modified", "x-request-id"] {
            assert!(exposed.split(',').any(|one| one.trim() == name), "{name} of {exposed}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://viewer.example"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}
