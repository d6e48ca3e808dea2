//! The console over real HTTP on loopback: what it says of flows, what a command does and to whom it is refused.

use crate::border::{Audited, edge};
use actors::Fault;
use reqwest::{Method, StatusCode};
use std::sync::Arc;
use testkit::{Hospital, Served};
use transactions::console::{Console, FirstStudy, router};

const STUDY: &str = "2.25.77";

struct Running {
    hospital: Hospital,
    served: Served,
    audited: Arc<Audited>,
    _folder: tempfile::TempDir,
}

fn start() -> Running {
    let (edge, audited, clock) = edge();
    let folder = tempfile::tempdir().unwrap();
    let hospital = Hospital::new(folder.path(), clock);
    let console = Console {
        operations: hospital.operations(),
        edge,
        peers: vec![("central".into(), "http://127.0.0.1:18000".into())],
        pacs: None,
        time_zone: pages::TimeZone::UTC,
        node: "north".into(),
        first_study: FirstStudy::Send("storescu -aec NORTH 127.0.0.1 18011 image.dcm".into()),
    };
    let served = testkit::serve(|_| router(console));
    Running { hospital, served, audited, _folder: folder }
}

struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

impl Running {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut request = client.request(method, format!("{}{path}", self.served.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[]).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, headers).await
    }

    fn own_origin(&self) -> [(&str, &str); 1] {
        [("origin", self.served.url.as_str())]
    }

    fn registry_is_down(&self, fault: Option<Fault>) {
        *self.hospital.registry.fault.lock().unwrap() = fault;
    }

    fn records(&self) -> Vec<(&'static str, bool)> {
        let mut records = self.audited.0.lock().unwrap();
        let seen =
            records.iter().map(|(id, outcome, _)| (*id, *outcome == transactions::edge::audit::Outcome::Success));
        let seen = seen.collect();
        records.clear();
        seen
    }
}

fn silence() -> Fault {
    Fault::PeerUnavailable { peer: "central".into(), reason: "connection refused".into() }
}

fn refusal() -> Fault {
    let (code, context) =
        ("XDSRegistryMetadataError".into(), "classCode must be of the value set; got `P0001^^^&2.999.7&ISO`".into());
    Fault::Remote { peer: "central".into(), code, context, location: None, transient: false }
}

#[tokio::test]
async fn every_page_is_guarded_answers_head_and_says_where_commands_come_from() {
    let console = start();
    console.hospital.receive(STUDY, "A1");
    for path in ["/console", "/console/", "/console?q=CT1&stage=stuck", &format!("/console/study/{STUDY}")] {
        let answer = console.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(answer.body.len() < 60 * 1024);
        let head = console.send(Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
    }
    let german = console.get("/console?lang=de").await;
    assert!(german.body.contains("Gegenstellen") && german.header("set-cookie").contains("Path=/console"));
    let style = german.body.split("href=\"").find(|part| part.starts_with("/console/assets/console")).unwrap();
    assert_eq!(console.get(style.split('"').next().unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_empty_console_teaches_how_the_first_study_comes() {
    let console = start();
    let page = console.get("/console").await.body;
    for expected in ["Nothing has come yet", "storescu -aec NORTH 127.0.0.1 18011 image.dcm", "Nothing is stuck."] {
        assert!(page.contains(expected), "no {expected}");
    }
    assert!(page.contains("not called since this node started"), "no traffic is invented");
}

#[tokio::test]
async fn a_study_that_is_stuck_is_shown_with_its_reason_and_published_by_the_button() {
    let console = start();
    console.hospital.receive(STUDY, "A1");
    console.registry_is_down(Some(silence()));
    console.hospital.journal.heard("central", Err("cannot reach it: connection refused".into()), 0);
    console.hospital.publish().await;
    let page = console.get("/console").await.body;
    for expected in [
        "1 study is stuck, 1 peer is down",
        "Objects received, minute by minute: 1 in all",
        "central does not answer: <span lang=\"en\">connection refused</span>",
        "Accession A1",
        "has not answered since",
        "Did not work, is tried again",
    ] {
        assert!(page.contains(expected), "no {expected} in {page}");
    }
    assert!(!page.contains("P0001"), "the list names no patient");

    console.registry_is_down(None);
    let path = format!("/console/study/{STUDY}/retry");
    assert!(page.contains(&format!("method=\"post\" action=\"{path}\"")));
    let answer = console.post(&path, &console.own_origin()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let back = answer.header("location").to_owned();
    assert_eq!(back, format!("/console?done=now&also={STUDY}#stuck-{STUDY}"));
    assert_eq!(console.records(), [("FLOW-RETRY", true)]);
    console.hospital.turn().await;
    let page = console.get(back.split('#').next().unwrap()).await.body;
    // The peer is heard of by calls only, and none has told yet that it is back.
    for expected in ["<h1", "1 peer is down", "It is being tried.", &format!("id=\"stuck-{STUDY}\""), "Published"] {
        assert!(page.contains(expected), "no {expected} in {page}");
    }
    // Its past, with who asked.
    let page = console.get(&format!("/console/study/{STUDY}")).await.body;
    assert!(page.contains("Tried again by 127.0.0.1") && page.contains("P0001 (2.999.7)"));
    assert_eq!(console.records(), [("FLOW-VIEW", true)]);
    // The script's question is not audited, and names no patient.
    let live = console.get(&format!("/console/study/{STUDY}?live=1")).await.body;
    assert!(!live.contains("P0001"));
    assert!(console.records().is_empty());
}

#[tokio::test]
async fn what_was_given_up_and_what_is_held_are_told_apart_and_tried_together() {
    let console = start();
    console.hospital.receive(STUDY, "A1");
    console.registry_is_down(Some(refusal()));
    for _ in 0..4 {
        console.hospital.publish().await;
    }
    *console.hospital.not_publishable.lock().unwrap() = Some("nothing says who issues the ids of CT1".into());
    console.hospital.receive("2.25.78", "");
    console.hospital.publish().await;
    let page = console.get("/console").await.body;
    for expected in [
        "2 studies are stuck",
        "central refused the manifest: <span lang=\"en\">classCode must be of the value set; got …</span>",
        "<code>XDSRegistryMetadataError</code>",
        "Given up",
        "No manifest is sent: <span lang=\"en\">nothing says who issues the ids of CT1</span>",
    ] {
        assert!(page.contains(expected), "no {expected} in {page}");
    }
    assert!(!page.contains("P0001"), "the list names no patient, even where the registry does");
    *console.hospital.not_publishable.lock().unwrap() = None;
    console.registry_is_down(None);
    let answer = console.post("/console/retry", &[("accept", "application/json")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, r#"{"words":"2 studies are being tried."}"#));
    console.hospital.turn().await;
    assert!(console.get("/console").await.body.contains("Everything is flowing"));
    let answer = console.post("/console/retry", &[("accept-language", "fr")]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/console?done=0"));
    assert!(console.get("/console?done=0").await.body.contains("Nothing was stuck."));
}

#[tokio::test]
async fn a_command_that_has_no_object_says_so_in_words() {
    let console = start();
    console.hospital.receive(STUDY, "A1");
    let json = [("accept", "application/json")];
    for study in ["2.25.404", "no-uid", "..%2f"] {
        let path = format!("/console/study/{study}/retry");
        let answer = console.post(&path, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{study}");
        assert!(answer.body.contains("This study is not here"), "{}", answer.body);
        let answer = console.post(&path, &json).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{study}");
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["what"], "This study is not here");
        assert!(problem["reference"].as_str().is_some_and(|reference| reference.len() == 16));
    }
    assert!(console.records().iter().all(|record| *record == ("FLOW-RETRY", false)));
    let path = format!("/console/study/{STUDY}/retry");
    let answer = console.post(&path, &json).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("There is nothing to try again") && answer.body.contains("Waiting"));
    console.hospital.publish().await;
    let answer = console.post(&path, &[("accept-language", "de")]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("Es gibt nichts neu zu versuchen"));
}

#[tokio::test]
async fn a_command_from_another_origin_is_refused_and_nothing_is_done() {
    let console = start();
    console.hospital.receive(STUDY, "A1");
    console.registry_is_down(Some(silence()));
    console.hospital.publish().await;
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:1")],
    ] {
        for path in [format!("/console/study/{STUDY}/retry"), "/console/retry".to_owned()] {
            let answer = console.post(&path, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
            assert!(answer.body.contains("This was not asked for by the console"));
            assert_eq!(console.records(), [("FLOW-RETRY", false)]);
        }
    }
    assert!(!console.get(&format!("/console/study/{STUDY}")).await.body.contains("Tried again"));
    // A command is no question.
    for path in [format!("/console/study/{STUDY}/retry"), "/console/retry".to_owned()] {
        assert_eq!(console.get(&path).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn studies_are_searched_and_paged_and_odd_addresses_are_refused() {
    let console = start();
    for n in 1..=20 {
        console.hospital.receive(&format!("2.25.{n}"), &format!("ACC{n}"));
    }
    console.hospital.publish().await;
    let rows = |page: &str| page.matches("class=\"row study-row\"").count();
    for (query, expected) in
        [("q=ACC7", 1), ("q=2.25.9", 1), ("q=P0001", 15), ("q=CT1", 15), ("q=nobody", 0), ("stage=stuck", 0)]
    {
        let page = console.get(&format!("/console?{query}")).await.body;
        assert_eq!(rows(&page), expected, "{query}");
    }
    let first = console.get("/console").await.body;
    assert!(rows(&first) == 15 && first.contains("id=\"study-2.25.20\"") && !first.contains("id=\"study-2.25.5\""));
    let older = first.split("href=\"").find(|part| part.starts_with("/console?before=")).unwrap();
    let second = console.get(older.split('#').next().unwrap()).await.body;
    assert!(rows(&second) == 5 && second.contains("id=\"study-2.25.5\"") && second.contains("Newest"));
    for odd in ["stage=nonsense", "before=x", "also=x", "also=2.25.1,%3Cscript%3E"] {
        let answer = console.get(&format!("/console?{odd}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{odd}");
        assert!(answer.body.contains("This request cannot be understood"));
    }
    let odd = console.get("/console?q=%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(odd.status == StatusCode::OK && !odd.body.contains("<script>alert"));
    for path in ["/console/nothing", "/console/study/2.25.404", "/console/study/x"] {
        let answer = console.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.contains("id=\"reference\""), "{path}");
    }
}
