//! ITI-67 on both sides. Field cases B-049, B-053; spec/fhir.md sections 2, 9.

use crate::border::{Audited, edge, json, raw, refusal};
use actors::{Fault, Registry, SilentParty};
use model::{
    Association, AssociationType, AvailabilityStatus, Code, CodeTerm, DocumentEntry, DocumentQuery, Dtm,
    HomeCommunityId, Oid, Page, Patient, PatientId, PeriodMatch, RegionMap, schemes,
};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use testkit::{
    FixedClock, MemoryIdentity, MemoryRegistry, Served, cx, domain, entry, entry_of, http_client, patient, patient_id,
    serve,
};
use transactions::edge::fhir_client::FhirPeer;
use transactions::edge::fhir_place::FhirPlace;
use transactions::edge::page_token::PageKey;
use transactions::iti67_find_document_references::{Client, Server};

struct Started {
    served: Served,
    registry: Arc<MemoryRegistry>,
    audited: Arc<Audited>,
    clock: Arc<FixedClock>,
}

fn start(entries: Vec<DocumentEntry>) -> Started {
    let registry = Arc::new(MemoryRegistry::of(entries));
    let (edge, audited, clock) = edge();
    let identity = Arc::new(MemoryIdentity::new(domain()));
    let linked = PatientId::new("H1", Oid::parse("2.999.8").unwrap());
    identity.patients.lock().unwrap().push(Patient { other_ids: vec![linked], ..patient("P1", "Muster", "Eva") });
    let regions = RegionMap {
        rules: Vec::new(),
        equivalents: vec![("69536005".to_owned(), Code::new("774007", schemes::SNOMED_CT, "Head and neck"))],
    };
    let served = serve(|url| {
        Server {
            registry: registry.clone(),
            place: FhirPlace {
                base: format!("{url}/fhir"),
                home: HomeCommunityId::parse("urn:oid:2.999.1").ok(),
                patients: true,
            },
            patient_domain: Some(domain()),
            identity: Some(identity),
            regions: Arc::new(regions),
            page_key: PageKey::new([7; 32]),
            default_count: 100,
            max_count: 1000,
            edge,
        }
        .router()
    });
    Started { served, registry, audited, clock }
}

impl Started {
    fn url(&self, query: &str) -> String {
        format!("{}/fhir/DocumentReference?{query}", self.served.url)
    }

    fn relate(&self, kind: AssociationType, source: u32, target: u32) {
        self.registry.associations.lock().unwrap().push(Association {
            id: entry(1000 * source + target).id,
            kind,
            source: entry(source).id,
            target: entry(target).id,
            availability_status: AvailabilityStatus::Approved,
            home_community_id: None,
            submission_set_status: None,
            documentation: None,
            extra: Vec::new(),
        });
    }

    async fn get(&self, query: &str) -> reqwest::Response {
        reqwest::get(self.url(query)).await.unwrap()
    }

    async fn bundle(&self, query: &str) -> Value {
        let response = self.get(query).await;
        assert_eq!(response.status(), 200, "{query}: {}", response.text().await.unwrap());
        json(self.get(query).await).await
    }
}

const P1: &str = "patient.identifier=urn:oid:2.999.7%7CP1";

fn titles(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let matches = entries.iter().filter(|e| e["search"]["mode"] == "match");
    matches
        .map(|e| e["resource"]["content"][0]["attachment"]["title"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let matches = entries.iter().filter(|e| e["search"]["mode"] == "match");
    matches.map(|e| e["resource"]["id"].as_str().unwrap_or_default().to_owned()).collect()
}

fn link<'a>(bundle: &'a Value, relation: &str) -> Option<&'a str> {
    bundle["link"].as_array()?.iter().find(|l| l["relation"] == relation)?["url"].as_str()
}

#[tokio::test]
async fn a_search_answers_a_searchset_that_consumers_can_follow() {
    let started = start(vec![entry(1), entry_of("P2", 2), entry(3)]);
    let bundle = started.bundle(&format!("{P1}&status=current")).await;
    assert_eq!(bundle["type"], "searchset");
    assert_eq!(bundle["total"], 2);
    let own = started.url("");
    assert!(link(&bundle, "self").unwrap().starts_with(&own), "{bundle}");
    assert_eq!(link(&bundle, "next"), None);
    let first = &bundle["entry"][0];
    let id = first["resource"]["id"].as_str().unwrap();
    assert_eq!(first["fullUrl"], format!("{}/fhir/DocumentReference/{id}", started.served.url));
    let attachment = &first["resource"]["content"][0]["attachment"];
    assert_eq!(attachment["url"], format!("{}/fhir/document/2.25.90003", started.served.url), "newest first");
    let _ = started.audited.0.lock().unwrap().drain(1..);
    assert_eq!(started.audited.one(), ("ITI-67", true));
}

#[tokio::test]
async fn nothing_found_is_an_empty_bundle_and_not_an_error() {
    let started = start(vec![entry(1)]);
    let bundle = started.bundle("patient.identifier=urn:oid:2.999.7%7CP9&status=current").await;
    assert_eq!(bundle["total"], 0);
    assert_eq!(bundle.get("entry"), None);
}

#[tokio::test]
async fn a_posted_search_is_the_union_of_form_and_address() {
    let started = start(vec![entry(1), entry_of("P2", 2)]);
    let url = format!("{}/fhir/DocumentReference/_search?{P1}", started.served.url);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let client = reqwest::Client::new();
    let post = |body: &'static str| client.post(&url).header(form[0].0, form[0].1).body(body).send();
    let bundle = json(post("status=current").await.unwrap()).await;
    assert_eq!(bundle["total"], 1);
    let bundle = json(post("").await.unwrap()).await;
    assert_eq!(bundle["total"], 1);
    let response = client.post(&url).header("content-type", "text/plain").body("status=current").send().await.unwrap();
    assert_eq!(refusal(response).await, (415, "not-supported".to_owned()));
    let long = "x".repeat(70_000);
    let response = client.post(&url).header(form[0].0, form[0].1).body(long).send().await.unwrap();
    assert_eq!(refusal(response).await, (413, "too-long".to_owned()));
}

#[tokio::test]
async fn one_page_needs_the_same_few_calls_whatever_its_size() {
    // B-049.
    for count in [1, 50, 500] {
        let started = start((0..count).map(entry).collect());
        let bundle = started.bundle(&format!("{P1}&_count=1000")).await;
        assert_eq!(titles(&bundle).len(), count as usize);
        // `bundle` asks twice.
        assert_eq!(started.registry.calls(), 4, "find and associations, twice");
    }
}

#[tokio::test]
async fn next_links_lead_through_everything_once_while_documents_come() {
    let started = start((0..25).map(entry).collect());
    let mut bundle = started.bundle(&format!("{P1}&_count=10")).await;
    let mut seen = ids(&bundle);
    assert_eq!(bundle["total"], 25);
    started.registry.entries.lock().unwrap().extend((100..110).map(entry));
    while let Some(next) = link(&bundle, "next").map(str::to_owned) {
        assert!(!next.contains("P1") && !next.contains("2.999.7"), "a patient shows in {next}");
        bundle = json(reqwest::get(next).await.unwrap()).await;
        assert_eq!(bundle["total"], 25, "the number stays that of the search");
        seen.extend(ids(&bundle));
    }
    assert_eq!(seen.len(), 25);
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), 25);
}

#[tokio::test]
async fn a_next_link_of_a_posted_search_works_with_get() {
    let started = start((0..5).map(entry).collect());
    let url = format!("{}/fhir/DocumentReference/_search", started.served.url);
    let post = reqwest::Client::new().post(url).header("content-type", "application/x-www-form-urlencoded");
    let bundle = json(post.body(format!("{P1}&_count=3")).send().await.unwrap()).await;
    let next = json(reqwest::get(link(&bundle, "next").unwrap()).await.unwrap()).await;
    assert_eq!(ids(&next).len(), 2);
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_refused_and_an_old_one_is_gone() {
    let started = start((0..5).map(entry).collect());
    assert_eq!(refusal(started.get("_page=AAAA").await).await, (400, "value".to_owned()));
    assert_eq!(refusal(started.get("_page=!").await).await, (400, "value".to_owned()));
    let bundle = started.bundle(&format!("{P1}&_count=3")).await;
    let next = link(&bundle, "next").unwrap();
    let altered = format!("{}A", &next[..next.len() - 1]);
    if altered != next {
        assert_eq!(refusal(reqwest::get(altered).await.unwrap()).await.0, 400);
    }
    started.clock.advance_micros(25 * 3600 * 1_000_000);
    assert_eq!(refusal(reqwest::get(next).await.unwrap()).await, (410, "expired".to_owned()));
}

#[tokio::test]
async fn a_sorted_search_keeps_its_order_over_pages() {
    let started = start((0..25).map(entry).collect());
    for (sort, descending) in [("creation", false), ("-creation", true)] {
        let mut bundle = started.bundle(&format!("{P1}&_count=10&_sort={sort}")).await;
        let mut times = Vec::new();
        loop {
            let page = bundle["entry"].as_array().unwrap();
            let creation =
                |e: &Value| e["resource"]["content"][0]["attachment"]["creation"].as_str().unwrap().to_owned();
            times.extend(page.iter().map(creation));
            let Some(next) = link(&bundle, "next").map(str::to_owned) else { break };
            bundle = json(reqwest::get(next).await.unwrap()).await;
        }
        let mut sorted = times.clone();
        sorted.sort();
        if descending {
            sorted.reverse();
        }
        assert_eq!(times, sorted);
        assert_eq!(times.len(), 25);
    }
}

/// Submitted in another order than they were registered in: 3 first, then 1, 4, 2.
fn submitted() -> Vec<DocumentEntry> {
    let times = [(1, "20260110120000"), (2, "20260112"), (3, "20260109235959"), (4, "20260110120000")];
    let at = |(n, time): (u32, &str)| DocumentEntry { submission_time: Dtm::parse(time).ok(), ..entry(n) };
    times.into_iter().map(at).collect()
}

#[tokio::test]
async fn the_time_of_submission_is_shown_searched_and_sorted_by() {
    let mut entries = submitted();
    // One of a registry that does not say when.
    entries.push(entry(5));
    let started = start(entries);
    let read = started.bundle(&format!("{P1}&_sort=date")).await;
    let dates: Vec<&Value> = read["entry"].as_array().unwrap().iter().map(|e| &e["resource"]["date"]).collect();
    let (same, day) = ("2026-01-10T12:00:00Z", "2026-01-12T00:00:00Z");
    assert_eq!(dates, [&Value::Null, &"2026-01-09T23:59:59Z".into(), &same.into(), &same.into(), &day.into()]);
    for (query, expected) in [
        ("_sort=date", &[5, 3, 1, 4, 2][..]),
        ("_sort=_lastUpdated", &[5, 3, 1, 4, 2]),
        ("_sort=-date", &[2, 1, 4, 3, 5]),
        ("_sort=-_lastUpdated", &[2, 1, 4, 3, 5]),
        ("date=ge2026-01-10&_sort=date", &[1, 4, 2]),
        ("date=lt2026-01-10", &[3]),
        ("date=2026-01-10&_sort=date", &[1, 4]),
        ("date=ne2026-01-10&_sort=date", &[3, 2]),
        ("date=sa2026-01-10T11:59:59Z&date=eb2026-01-12&_sort=date", &[1, 4]),
        ("_lastUpdated=gt2026-01-11", &[2]),
        ("date=gt2030", &[]),
    ] {
        let expected: Vec<String> = expected.iter().map(|n| format!("CT head {n}")).collect();
        let bundle = started.bundle(&format!("{P1}&{query}")).await;
        assert_eq!(titles(&bundle), expected, "{query}");
        let own = link(&bundle, "self").unwrap();
        assert!(own.replace("%3A", ":").ends_with(query), "{own}");
        // The same in pages of one.
        let mut bundle = started.bundle(&format!("{P1}&{query}&_count=1")).await;
        let mut paged = titles(&bundle);
        while let Some(next) = link(&bundle, "next").map(str::to_owned) {
            bundle = json(reqwest::get(next).await.unwrap()).await;
            paged.extend(titles(&bundle));
        }
        assert_eq!(paged, expected, "{query}");
    }
}

#[tokio::test]
async fn a_second_key_decides_between_equals() {
    let mut entries = submitted();
    entries[0].creation_time = Dtm::parse("20250101").ok();
    entries[3].creation_time = Dtm::parse("20240101").ok();
    let started = start(entries);
    for (sort, expected) in [("date,creation", [3, 4, 1, 2]), ("date,-date,-creation", [3, 1, 4, 2])] {
        let bundle = started.bundle(&format!("{P1}&_sort={sort}")).await;
        assert_eq!(titles(&bundle), expected.map(|n| format!("CT head {n}")), "{sort}");
    }
}

#[tokio::test]
async fn a_client_asks_by_the_time_of_submission() {
    let started = start(submitted());
    let client = client(&started);
    let since = |time| PeriodMatch { stop_at_least: Some(time), ..PeriodMatch::default() };
    let within = |negate| PeriodMatch {
        start_at_least: Some(20260110000000),
        stop_at_most: Some(20260110235959),
        negate,
        ..PeriodMatch::default()
    };
    // FHIR cannot say the last one; the client decides it.
    for (condition, expected) in
        [(since(20260110000000), &[1, 2, 4][..]), (within(false), &[1, 4]), (within(true), &[2, 3])]
    {
        let query = DocumentQuery { submission_time: vec![condition], ..DocumentQuery::of_patient(patient_id("P1")) };
        let found = client.find(&query, &cx()).await.unwrap().items;
        let mut found: Vec<_> = found.into_iter().map(|e| e.id).collect();
        found.sort();
        let mut expected: Vec<_> = expected.iter().map(|n| entry(*n).id).collect();
        expected.sort();
        assert_eq!(found, expected, "{condition:?}");
    }
}

#[tokio::test]
async fn a_count_is_a_number_and_no_entries() {
    let started = start((0..5).map(entry).collect());
    for query in ["_count=0", "_summary=count"] {
        let bundle = started.bundle(&format!("{P1}&{query}")).await;
        assert_eq!((&bundle["total"], bundle.get("entry"), link(&bundle, "next")), (&5.into(), None, None));
    }
    let clamped = started.bundle(&format!("{P1}&_count=5000")).await;
    assert!(link(&clamped, "self").unwrap().contains("_count=1000"));
}

#[tokio::test]
async fn relations_of_the_page_stand_in_relates_to() {
    let started = start(vec![entry(1), entry(2)]);
    started.relate(AssociationType::Rplc, 2, 1);
    let bundle = started.bundle(P1).await;
    let relation = &bundle["entry"][0]["resource"]["relatesTo"][0];
    assert_eq!(relation["code"], "replaces", "{bundle}");
    let old = entry(1).id.to_string().replace("urn:uuid:", "DocumentReference/");
    assert!(relation["target"]["reference"].as_str().unwrap().ends_with(&old), "{relation}");
}

#[tokio::test]
async fn a_patient_can_be_named_by_an_identifier_of_another_domain() {
    let started = start(vec![entry(1), entry_of("P2", 2)]);
    let title = entry(1).title.value().unwrap().to_owned();
    check_found(&started, "patient.identifier=urn:oid:2.999.8%7CH1", &[&title]).await;
    // Who is not known is not said to have no documents.
    let bundle = started.bundle("patient.identifier=urn:oid:2.999.8%7CH2").await;
    let outcome = &bundle["entry"][0]["resource"]["issue"][0];
    assert_eq!((&bundle["total"], outcome["severity"].as_str()), (&0.into(), Some("warning")), "{bundle}");
    let text = outcome["diagnostics"].as_str().unwrap();
    assert!(text.contains("2.999.8") && text.contains("2.999.7") && !text.contains("H2"), "{text}");
}

fn fhir_id(n: u32) -> String {
    entry(n).id.to_string().replace("urn:uuid:", "")
}

async fn check_found(started: &Started, query: &str, expected: &[&str]) {
    let bundle = started.bundle(query).await;
    assert_eq!(titles(&bundle), expected, "{query}: {bundle}");
    assert_eq!(bundle["total"], expected.len(), "{query}");
}

#[tokio::test]
async fn documents_are_found_by_what_they_relate_to() {
    let started = start(vec![entry(1), entry(2), entry(3), entry(4), entry_of("P2", 5)]);
    started.relate(AssociationType::Rplc, 2, 1);
    started.relate(AssociationType::Apnd, 3, 1);
    started.relate(AssociationType::XfrmRplc, 4, 2);
    started.relate(AssociationType::Signs, 5, 1);
    let (one, two, base) = (fhir_id(1), fhir_id(2), format!("{}/fhir", started.served.url));
    let [t2, t3, t4, t5] = [2, 3, 4, 5].map(|n| entry(n).title.value().unwrap().to_owned());
    let (t2, t3, t4, t5) = (t2.as_str(), t3.as_str(), t4.as_str(), t5.as_str());
    for reference in [one.clone(), format!("DocumentReference/{one}"), format!("{base}/DocumentReference/{one}")] {
        check_found(&started, &format!("relatesto={reference}"), &[t5, t3, t2]).await;
        check_found(&started, &format!("relatesto={reference}&{P1}"), &[t3, t2]).await;
    }
    check_found(&started, &format!("relatesto=https://elsewhere.example/fhir/DocumentReference/{one}&{P1}"), &[]).await;
    check_found(&started, &format!("relatesto={one},{two}&{P1}"), &[t4, t3, t2]).await;
    check_found(&started, &format!("relatesto={one}&relatesto={two}"), &[]).await;
    let unique_id = entry(1).unique_id;
    for identifier in [format!("urn:ietf:rfc:3986%7Curn:oid:{unique_id}"), format!("urn:uuid:{one}")] {
        check_found(&started, &format!("relatesto:identifier={identifier}&{P1}"), &[t3, t2]).await;
    }
    check_found(&started, &format!("{P1}&relation=replaces"), &[t4, t2]).await;
    check_found(&started, &format!("{P1}&relation=transforms,appends"), &[t4, t3]).await;
    check_found(&started, &format!("{P1}&relation=signs"), &[]).await;
    check_found(&started, &format!("{P1}&relation=replaces&relatesto={one}"), &[t2]).await;
    check_found(&started, &format!("relationship={one}$appends"), &[t3]).await;
    check_found(&started, &format!("relationship={one}$appends,{two}$replaces&_sort=creation"), &[t3, t4]).await;
    let pages = started.bundle(&format!("relatesto={one}&_count=2")).await;
    assert_eq!((titles(&pages).len(), &pages["total"]), (2, &3.into()));
    let next = json(reqwest::get(link(&pages, "next").unwrap()).await.unwrap()).await;
    assert_eq!(titles(&next), [t2]);
}

#[tokio::test]
async fn relations_alone_or_badly_written_are_refused() {
    check_refused("relation=replaces", 400, "required").await;
    check_refused(&format!("{P1}&relationship=appends"), 400, "value").await;
    check_refused(&format!("{P1}&relatesto.status=current"), 400, "not-supported").await;
    check_refused(&format!("{P1}&relatesto:identifier=urn:x%7C"), 400, "not-supported").await;
}

#[tokio::test]
async fn a_document_is_found_by_its_address() {
    let started = start(vec![entry(1), entry(2)]);
    let bundle = started.bundle(P1).await;
    for found in bundle["entry"].as_array().unwrap() {
        let resource = &found["resource"];
        let url = resource["content"][0]["attachment"]["url"].as_str().unwrap();
        let title = resource["content"][0]["attachment"]["title"].as_str().unwrap();
        check_found(&started, &format!("location={}", url.replace('%', "%25")), &[title]).await;
    }
    check_found(&started, "location=https://elsewhere.example/fhir/document/1.2.3", &[]).await;
}

#[tokio::test]
async fn included_documents_follow_the_matches_and_are_not_counted() {
    let started = start(vec![entry(1), entry(2), entry(3)]);
    started.relate(AssociationType::Rplc, 2, 1);
    started.relate(AssociationType::Apnd, 3, 2);
    started.relate(AssociationType::Xfrm, 1, 9);
    let (two, three) = (fhir_id(2), fhir_id(3));
    let includes = "_include=DocumentReference:relatesto:DocumentReference";
    let bundle = started.bundle(&format!("_id={two},{three}&{includes}&_include=DocumentReference:author")).await;
    assert_eq!(bundle["total"], 2);
    assert!(link(&bundle, "self").unwrap().contains("_include"));
    let modes: Vec<(&str, &str)> = bundle["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let (kind, mode) = (&entry["resource"]["resourceType"], &entry["search"]["mode"]);
            (kind.as_str().unwrap(), mode.as_str().unwrap())
        })
        .collect();
    let document = "DocumentReference";
    assert_eq!(modes, [(document, "match"), (document, "match"), (document, "include")]);
    let [_, second, included] = bundle["entry"].as_array().unwrap().as_slice() else { panic!("{bundle}") };
    // The document that was replaced is shown whole, with its own relation.
    assert!(included["fullUrl"].as_str().unwrap().ends_with(&fhir_id(1)));
    assert_eq!(included["resource"]["relatesTo"][0]["code"], "transforms");
    let patient = format!("{}/fhir/Patient/2.999.7-P1", started.served.url);
    assert_eq!(second["resource"]["subject"]["reference"], patient, "a place with patients refers to them");
    let read = fhir::bundle::decode_searchset(&serde_json::to_vec(&bundle).unwrap(), None).unwrap();
    assert_eq!(read.documents.len(), 2, "what is included is no match");
    let plain = started.bundle(&format!("_id={two},{three}")).await;
    assert_eq!(plain["entry"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_include_that_brings_nothing_here_is_said_so() {
    let started = start(vec![entry(1)]);
    for value in ["DocumentReference:encounter", "List:subject", "*", "DocumentReference:subject"] {
        let bundle = started.bundle(&format!("{P1}&_include={value}")).await;
        let last = bundle["entry"].as_array().unwrap().last().unwrap();
        assert_eq!(last["search"]["mode"], "outcome", "{value}: {bundle}");
        let text = last["resource"]["issue"][0]["diagnostics"].as_str().unwrap();
        assert!(text.contains("_include"), "{text}");
    }
}

#[tokio::test]
async fn a_region_finds_the_equivalents_of_other_deployments() {
    let mut other = entry(2);
    other.event_code_list = vec![Code::new("69536005", schemes::SNOMED_CT, "Head structure")];
    let started = start(vec![entry(1), other]);
    for code in ["http://snomed.info/sct%7C774007", "774007", "69536005", "http://snomed.info/sct%7C69536005"] {
        let bundle = started.bundle(&format!("{P1}&event={code}")).await;
        assert_eq!(bundle["total"], 2, "{code}");
    }
    let modality = "http://dicom.nema.org/resources/ontology/DCM%7CCT";
    assert_eq!(started.bundle(&format!("{P1}&event={modality}")).await["total"], 1);
}

async fn check_refused(query: &str, status: u16, code: &str) {
    let started = start(vec![entry(1)]);
    assert_eq!(refusal(started.get(query).await).await, (status, code.to_owned()), "{query}");
    assert_eq!(started.audited.one(), ("ITI-67", false), "{query}");
}

#[tokio::test]
async fn a_bad_parameter_is_400_and_says_which() {
    check_refused("status=current", 400, "required").await;
    check_refused(&format!("{P1}&creation=yesterday"), 400, "value").await;
    check_refused(&format!("{P1}&_count=many"), 400, "value").await;
    check_refused("patient.identifier=%ZZ", 400, "value").await;
    check_refused(&format!("{P1}&_format=ttl"), 406, "not-supported").await;
}

#[tokio::test]
async fn an_unknown_parameter_is_left_out_and_said_or_refused_when_strict() {
    let started = start(vec![entry(1)]);
    let bundle = started.bundle(&format!("{P1}&colour=red")).await;
    let outcome = bundle["entry"].as_array().unwrap().iter().find(|e| e["search"]["mode"] == "outcome").unwrap();
    assert!(outcome["resource"]["issue"][0]["diagnostics"].as_str().unwrap().contains("colour"));
    assert_eq!(bundle["total"], 1, "outcomes do not count");
    assert!(!link(&bundle, "self").unwrap().contains("colour"));
    let strict =
        reqwest::Client::new().get(started.url(&format!("{P1}&colour=red"))).header("prefer", "handling=strict");
    assert_eq!(refusal(strict.send().await.unwrap()).await, (400, "not-supported".to_owned()));
}

/// `form` is `json` or `xml`.
async fn check_accept(accept: Option<&str>, query: &str, status: u16, form: &str) {
    let started = start(vec![entry(1)]);
    let header = accept.map(|a| format!("Accept: {a}"));
    let headers: Vec<&str> = header.iter().map(String::as_str).collect();
    let answer = raw(started.served.address, &format!("GET /fhir/DocumentReference?{P1}{query}"), &headers).await;
    assert_eq!(answer.status, status, "{accept:?} {query}");
    let content_type = answer.header("content-type").unwrap();
    assert!(content_type.starts_with(&format!("application/fhir+{form}")), "{accept:?} {query} {content_type}");
}

#[tokio::test]
async fn accept_and_format_choose_json_or_xml_and_anything_else_is_406() {
    check_accept(None, "", 200, "json").await;
    for accept in [
        "*/*",
        "application/json",
        "application/fhir+json; fhirVersion=4.0",
        "application/fhir+xml;q=1.0, application/fhir+json;q=1.0",
        "application/*",
    ] {
        check_accept(Some(accept), "", 200, "json").await;
    }
    check_accept(Some("application/fhir+xml"), "", 200, "xml").await;
    check_accept(Some("application/fhir+xml"), "&_count=many", 400, "xml").await;
    for accept in ["text/html", "application/fhir+json; fhirVersion=5.0", "application/fhir+json;q=0"] {
        check_accept(Some(accept), "", 406, "json").await;
        check_accept(Some(accept), "&_format=json", 200, "json").await;
        check_accept(Some(accept), "&_format=xml", 200, "xml").await;
    }
    for form in ["json", "xml"] {
        for format in [
            form,
            &format!("application/{form}"),
            &format!("application/fhir%2B{form}"),
            &format!("application/fhir+{form}"),
            &format!("text/{form}"),
        ] {
            check_accept(Some("application/fhir+json, application/fhir+xml"), &format!("&_format={format}"), 200, form)
                .await;
        }
    }
}

#[tokio::test]
async fn a_document_reference_can_be_read_by_its_id() {
    let mut old = entry(1);
    old.availability_status = AvailabilityStatus::Deprecated;
    let started = start(vec![old]);
    let read = |id: &str| reqwest::get(format!("{}/fhir/DocumentReference/{id}", started.served.url));
    let id = entry(1).id.to_string().replace("urn:uuid:", "");
    let resource = json(read(&id).await.unwrap()).await;
    assert_eq!((&resource["resourceType"], &resource["status"]), (&"DocumentReference".into(), &"superseded".into()));
    assert_eq!(started.audited.one(), ("ITI-67", true));
    for unknown in ["00000000-0000-4000-8000-000000000000", "x", "x%2Fy", "%FF"] {
        assert_eq!(refusal(read(unknown).await.unwrap()).await, (404, "not-found".to_owned()), "{unknown}");
        assert_eq!(started.audited.one(), ("ITI-67", false));
    }
}

#[tokio::test]
async fn a_method_that_is_not_offered_says_which_are() {
    let started = start(vec![]);
    let response = reqwest::Client::new().delete(started.url("")).send().await.unwrap();
    assert!(response.headers()["allow"].to_str().unwrap().contains("GET"));
    assert_eq!(refusal(response).await, (405, "not-supported".to_owned()));
    let head = reqwest::Client::new().head(started.url(P1)).send().await.unwrap();
    assert_eq!(head.status(), 200);
}

#[tokio::test]
async fn faults_and_silence_of_the_registry_are_told_apart() {
    let started = start(vec![entry(1)]);
    let party = SilentParty {
        name: "south".to_owned(),
        fault: Fault::PeerUnavailable { peer: "south".to_owned(), reason: "time-out".to_owned() },
    };
    *started.registry.silent.lock().unwrap() = vec![party.clone()];
    let bundle = started.bundle(P1).await;
    let outcome = bundle["entry"].as_array().unwrap().iter().find(|e| e["search"]["mode"] == "outcome").unwrap();
    let issue = &outcome["resource"]["issue"][0];
    assert_eq!((&issue["severity"], &issue["code"]), (&"warning".into(), &"incomplete".into()));
    assert!(issue["diagnostics"].as_str().unwrap().contains("south"));
    *started.registry.fault.lock().unwrap() = Some(party.fault);
    let response = started.get(P1).await;
    assert_eq!(response.headers()["retry-after"], "30");
    assert_eq!(refusal(response).await, (503, "transient".to_owned()));
    *started.registry.fault.lock().unwrap() = Some(Fault::TooManyResults { limit: 3 });
    assert_eq!(refusal(started.get(P1).await).await, (413, "too-costly".to_owned()));
}

#[tokio::test]
async fn a_patient_of_another_server_is_not_ours_and_is_said_so() {
    let started = start(vec![entry(1)]);
    let bundle = started.bundle("patient=https://other.example/fhir/Patient/1").await;
    assert_eq!(bundle["total"], 0);
    assert_eq!(bundle["entry"][0]["search"]["mode"], "outcome");
    let own = fhir::patient::resource_id(&patient_id("P1")).unwrap();
    assert_eq!(started.bundle(&format!("patient=Patient/{own}")).await["total"], 1);
    assert_eq!(started.bundle("patient.identifier=P1").await["total"], 1, "the domain is known");
    assert_eq!(started.bundle("patient.identifier=%7CP1").await["total"], 0, "B-053");
}

fn client(started: &Started) -> Client {
    let peer = FhirPeer {
        name: "central".to_owned(),
        base: format!("{}/fhir", started.served.url),
        http: http_client(),
        message_octets: 64 << 20,
    };
    Client { peer, most_entries: 10_000 }
}

#[tokio::test]
async fn a_client_finds_what_the_registry_has_over_all_pages() {
    let started = start((0..250).map(entry).collect());
    let found = client(&started).find(&DocumentQuery::of_patient(patient_id("P1")).approved(), &cx()).await.unwrap();
    assert_eq!((found.items.len(), found.total), (250, Some(250)));
    let mut expected = entry(249);
    // FHIR has no place for these.
    (expected.version, expected.repository_unique_id) = (None, None);
    let mut got = found.items[0].clone();
    expected.home_community_id = HomeCommunityId::parse("urn:oid:2.999.1").ok();
    got.version = None;
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_client_goes_page_by_page_when_it_is_asked_to() {
    let started = start((0..25).map(entry).collect());
    let client = client(&started);
    let mut query = DocumentQuery::of_patient(patient_id("P1"));
    let mut seen = 0;
    let mut after = None;
    loop {
        query.page = Some(Page { size: 10, after });
        let found = client.find(&query, &cx()).await.unwrap();
        assert_eq!(found.total, Some(25));
        seen += found.items.len();
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, 25);
    query.page = Some(Page { size: 0, after: None });
    let counted = client.find(&query, &cx()).await.unwrap();
    assert_eq!((counted.items.len(), counted.total), (0, Some(25)));
}

#[tokio::test]
async fn a_client_filters_what_fhir_cannot_say() {
    let started = start((0..5).map(entry).collect());
    let mut query = DocumentQuery::of_patient(patient_id("P1"));
    query.service_start_time.from = Some(20_260_104_000_000);
    query.class_codes = vec![CodeTerm::of("IMAGES", schemes::IHE_CLASS)];
    let found = client(&started).find(&query, &cx()).await.unwrap();
    assert_eq!(found.items.len(), 2, "those that began on the fourth or later");
}

#[tokio::test]
async fn a_client_gives_relations_of_which_an_entry_is_the_source() {
    let started = start(vec![entry(1), entry(2)]);
    started.registry.associations.lock().unwrap().push(Association {
        id: entry(99).id,
        kind: AssociationType::Xfrm,
        source: entry(2).id,
        target: entry(1).id,
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: Vec::new(),
    });
    let found = client(&started).associations(&[entry(2).id], &cx()).await.unwrap();
    assert_eq!(found.items.len(), 1);
    assert_eq!((&found.items[0].source, &found.items[0].target), (&entry(2).id, &entry(1).id));
    assert_eq!(found.items[0].kind, AssociationType::Xfrm);
}

#[tokio::test]
async fn a_client_names_the_peer_in_every_failure_and_no_patient() {
    let started = start(vec![]);
    *started.registry.fault.lock().unwrap() = Some(Fault::Busy);
    let query = DocumentQuery::of_patient(patient_id("SECRET"));
    let refused = client(&started).find(&query, &cx()).await.err().unwrap();
    assert!(refused.is_transient() && refused.to_string().contains("central"), "{refused}");
    let mut gone = client(&started);
    gone.peer.base = "http://127.0.0.1:9/fhir".to_owned();
    let refused = gone.find(&query, &cx()).await.err().unwrap();
    assert!(refused.to_string().contains("central") && !refused.to_string().contains("SECRET"), "{refused}");
    started.registry.limit.store(1, Ordering::SeqCst);
}

#[tokio::test]
async fn links_are_followed_at_the_address_that_is_configured() {
    let peer = FhirPeer {
        name: "central".to_owned(),
        base: "http://10.0.0.1:8080/fhir".to_owned(),
        http: http_client(),
        message_octets: 1,
    };
    for (link, expected) in [
        ("http://10.0.0.1:8080/fhir/x?_page=1", "http://10.0.0.1:8080/fhir/x?_page=1"),
        ("https://central.example/fhir/x?_page=1", "http://10.0.0.1:8080/fhir/x?_page=1"),
        ("DocumentReference?x", "http://10.0.0.1:8080/fhir/DocumentReference?x"),
    ] {
        assert_eq!(peer.absolute(link), expected);
    }
}
