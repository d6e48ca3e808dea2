//! ITI-83: who is linked, and the exact words of each refusal. Spec/fhir.md section 13; pitfall 26.

use crate::border::{Audited, edge, json, refusal};
use crate::iti78::{elsewhere, people};
use actors::{Identity, PatientNews};
use serde_json::{Value, json as value};
use std::sync::Arc;
use testkit::{MemoryIdentity, Served, cx, domain, patient, patient_id, serve};
use transactions::iti83_mobile_patient_identifier_cross_reference_query::Server;

struct Started {
    served: Served,
    identity: Arc<MemoryIdentity>,
    audited: Arc<Audited>,
}

async fn start() -> Started {
    let identity = Arc::new(MemoryIdentity::new(domain()));
    for patient in people() {
        identity.feed(&patient, PatientNews::Added, &cx()).await.unwrap();
    }
    let (edge, audited, _) = edge();
    let known = identity.clone();
    let served = serve(|url| Server { identity: known, fhir_base: format!("{url}/fhir"), edge }.router());
    Started { served, identity, audited }
}

impl Started {
    async fn ask(&self, query: &str) -> reqwest::Response {
        reqwest::get(format!("{}/fhir/Patient/$ihe-pix?{query}", self.served.url)).await.unwrap()
    }

    async fn check(&self, query: &str, expected: Value) {
        let response = self.ask(query).await;
        assert_eq!(response.status(), 200, "{query}");
        let mut answer = json(response).await;
        assert_eq!(answer["resourceType"], "Parameters");
        assert_eq!(answer["parameter"].take(), expected, "{query}");
        assert_eq!(self.audited.one(), ("ITI-83", true));
    }
}

fn identifier(system: &str, id: &str) -> Value {
    value!({"name": "targetIdentifier", "valueIdentifier": {"system": system, "value": id}})
}

fn reference(id: &str) -> Value {
    value!({"name": "targetId", "valueReference": {"reference": id}})
}

const A1: &str = "sourceIdentifier=urn:oid:2.999.8%7CA1";

#[tokio::test]
async fn linked_identifiers_are_answered_without_the_source() {
    let started = start().await;
    let own = || identifier("urn:oid:2.999.7", "P1");
    let other = || identifier("urn:oid:2.999.8", "A1");
    let resource = || reference("Patient/2.999.7-P1");
    started.check(A1, value!([resource(), own()])).await;
    started.check("sourceIdentifier=urn:oid:2.999.7|P1", value!([resource(), other()])).await;
    started.check(&format!("{A1}&targetSystem=urn:oid:2.999.7"), value!([resource(), own()])).await;
    started.check(&format!("{A1}&targetSystem=urn:oid:2.999.8"), Value::Null).await;
    started.check("sourceIdentifier=urn:oid:2.999.7|P3&targetSystem=urn:oid:2.999.8", Value::Null).await;
    // This server is a domain too.
    let base = format!("{}/fhir", started.served.url);
    started
        .check(&format!("{A1}&targetSystem={base}"), value!([resource(), identifier(&base, "Patient/2.999.7-P1")]))
        .await;
    started.check(&format!("sourceIdentifier={base}|Patient/2.999.7-P1"), value!([own(), other()])).await;
}

#[tokio::test]
async fn refusals_have_the_status_code_and_words_of_the_profile() {
    let started = start().await;
    for (query, status, code, words) in [
        ("sourceIdentifier=urn:oid:2.999.8|A9", 404, "not-found", "sourceIdentifier Patient Identifier not found"),
        ("sourceIdentifier=urn:oid:2.999.99|A1", 400, "code-invalid", "sourceIdentifier Assigning Authority not found"),
        (
            "sourceIdentifier=http://x.example.org|A1",
            400,
            "code-invalid",
            "sourceIdentifier Assigning Authority not found",
        ),
        ("sourceIdentifier=A1", 400, "code-invalid", "sourceIdentifier Assigning Authority not found"),
        (
            "sourceIdentifier=urn:oid:2.999.8|A1&targetSystem=urn:oid:2.999.7&targetSystem=urn:oid:2.999.99",
            403,
            "code-invalid",
            "targetSystem not found",
        ),
    ] {
        let response = started.ask(query).await;
        assert_eq!(response.status(), status, "{query}");
        assert!(response.headers().contains_key("x-request-id"));
        let outcome = json(response).await;
        let issue = &outcome["issue"][0];
        assert_eq!((&issue["code"], &issue["diagnostics"]), (&code.into(), &words.into()), "{query}");
        assert_eq!(issue["details"]["text"], words);
        assert_eq!(started.audited.one(), ("ITI-83", false));
    }
    for query in ["", "sourceIdentifier=urn:oid:2.999.8|A1&sourceIdentifier=urn:oid:2.999.8|A2", &format!("{A1}&x=1")] {
        assert_eq!(refusal(started.ask(query).await).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn a_merged_identifier_is_linked_to_nobody_and_the_survivor_has_both() {
    let started = start().await;
    started.identity.merge(&patient("P3", "x", "y"), &patient_id("P1"), &cx()).await.unwrap();
    started.check("sourceIdentifier=urn:oid:2.999.7|P1", Value::Null).await;
    let survivor = value!([reference("Patient/2.999.7-P3"), identifier("urn:oid:2.999.7", "P3")]);
    started.check(A1, survivor).await;
    assert!(started.identity.remove(&elsewhere("A1"), &cx()).await.unwrap());
    assert_eq!(started.ask(A1).await.status(), 404);
    assert!(started.identity.remove(&patient_id("P3"), &cx()).await.unwrap());
    assert_eq!(started.ask("sourceIdentifier=urn:oid:2.999.7|P3").await.status(), 404);
}

#[tokio::test]
async fn a_question_may_be_posted() {
    let started = start().await;
    let ask = async |body: Value| {
        let request = reqwest::Client::new().post(format!("{}/fhir/Patient/$ihe-pix", started.served.url));
        request.header("content-type", "application/fhir+json").body(body.to_string()).send().await.unwrap()
    };
    for source in [
        value!({"name": "sourceIdentifier", "valueString": "urn:oid:2.999.8|A1"}),
        value!({"name": "sourceIdentifier", "valueIdentifier": {"system": "urn:oid:2.999.8", "value": "A1"}}),
    ] {
        let target = value!({"name": "targetSystem", "valueUri": "urn:oid:2.999.7"});
        let answer = json(ask(value!({"resourceType": "Parameters", "parameter": [source, target]})).await).await;
        assert_eq!(answer["parameter"][1], identifier("urn:oid:2.999.7", "P1"));
    }
    assert_eq!(refusal(ask(value!({"resourceType": "Parameters"})).await).await.0, 422);
    assert_eq!(refusal(ask(value!({"resourceType": "Patient"})).await).await.0, 400);
}
