//! ITI-68 on both sides. Field case B-051; spec/fhir.md section 10.

use crate::border::{Audited, edge, json, raw, refusal};
use actors::{BoxFuture, Cx, DocumentRequest, Fault, ProvidedDocument, Refusal, Registered, Repository, Retrieved};
use futures_util::StreamExt;
use model::{AvailabilityStatus, DocumentEntry, Oid, Submission};
use std::sync::Arc;
use testkit::{MemoryRegistry, MemoryRepository, Served, cx, entry, http_client, serve, unique_id};
use transactions::edge::fhir_client::FhirPeer;
use transactions::iti68_retrieve_document::{Client, Server};

struct Started {
    served: Served,
    repository: Arc<MemoryRepository>,
    registry: Arc<MemoryRegistry>,
    audited: Arc<Audited>,
}

/// A PDF under number 1, and a FHIR document under number 2.
fn start() -> Started {
    let pdf = DocumentEntry { mime_type: "application/pdf".to_owned(), ..entry(1) };
    let bundle = DocumentEntry { mime_type: "application/fhir+json".to_owned(), ..entry(2) };
    let missing = DocumentEntry { mime_type: "text/plain".to_owned(), ..entry(3) };
    let odd = DocumentEntry { unique_id: unique_id("2.25.4^a/b c\"d"), mime_type: "text/html".to_owned(), ..entry(4) };
    let registry = Arc::new(MemoryRegistry::of([pdf, bundle, missing, odd]));
    let repository = MemoryRepository::default()
        .with(unique_id("2.25.90001"), "application/pdf", content())
        .with(unique_id("2.25.90002"), "application/fhir+json", "{}")
        .with(unique_id("2.25.4^a/b c\"d"), "text/html", "<script>");
    let repository = Arc::new(repository);
    let (edge, audited, _) = edge();
    let served = serve(|_| Server { registry: registry.clone(), repository: repository.clone(), edge }.router());
    Started { served, repository, registry, audited }
}

fn content() -> Vec<u8> {
    (0..10_001_u32).map(|n| (n % 251) as u8).collect()
}

impl Started {
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = reqwest::Client::new().get(format!("{}/fhir/{path}", self.served.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

const PDF: &str = "document/2.25.90001";

fn binary(n: u32) -> String {
    format!("Binary/{}", entry(n).id.as_str().strip_prefix("urn:uuid:").unwrap())
}

#[tokio::test]
async fn a_document_comes_as_it_was_stored_and_no_browser_runs_it() {
    let started = start();
    let response = started.get(PDF, &[]).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-length", "10001"),
        ("etag", "\"0000000000000000000000000000000000000001\""),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment; filename=\"2.25.90001.pdf\""),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert_eq!(response.bytes().await.unwrap(), content());
    assert_eq!(started.audited.one(), ("ITI-68", true));
}

#[tokio::test]
async fn a_unique_id_with_any_characters_has_an_address() {
    let started = start();
    let url =
        fhir::document_reference::document_url(&format!("{}/fhir", started.served.url), &unique_id("2.25.4^a/b c\"d"));
    let response = reqwest::get(url).await.unwrap();
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"2.25.4_a_b_c_d.html\"");
    assert_eq!(response.text().await.unwrap(), "<script>");
}

async fn check(path: &str, accept: Option<&str>, status: u16, content_type: &str) {
    let started = start();
    let header = accept.map(|a| format!("Accept: {a}"));
    let headers: Vec<&str> = header.iter().map(String::as_str).collect();
    let answer = raw(started.served.address, &format!("GET /fhir/{path}"), &headers).await;
    assert_eq!((answer.status, answer.header("content-type").unwrap()), (status, content_type), "{path} {accept:?}");
    assert_eq!(started.audited.one(), ("ITI-68", status == 200));
}

#[tokio::test]
async fn accept_decides_between_the_stored_bytes_and_nothing() {
    const FHIR: &str = "application/fhir+json";
    for accept in [None, Some("*/*"), Some("application/pdf"), Some("APPLICATION/PDF;q=0.3"), Some("application/*")] {
        check(PDF, accept, 200, "application/pdf").await;
    }
    check(PDF, Some("application/fhir+json, */*;q=0.1"), 200, "application/pdf").await;
    for accept in ["application/fhir+json", "application/dicom", "text/html", "application/pdf;q=0, */*"] {
        check(PDF, Some(accept), 406, FHIR).await;
    }
    check("document/2.25.90002", Some(FHIR), 200, FHIR).await;
    check("document/2.25.90002", Some("application/dicom"), 406, FHIR).await;
}

#[tokio::test]
async fn a_binary_follows_the_rules_of_fhir() {
    const FHIR: &str = "application/fhir+json";
    for accept in [None, Some("*/*"), Some("application/pdf"), Some("application/fhir+json, application/pdf")] {
        check(&binary(1), accept, 200, "application/pdf").await;
    }
    check(&binary(1), Some("application/fhir+json"), 200, FHIR).await;
    check(&binary(1), Some("application/fhir+xml"), 200, "application/fhir+xml").await;
    check(&binary(1), Some("application/fhir+xml;q=0.5, application/fhir+json;q=0.5"), 200, FHIR).await;
    check(PDF, Some("application/fhir+xml"), 406, "application/fhir+xml").await;
    // A FHIR document is never wrapped.
    check(&binary(2), Some(FHIR), 200, FHIR).await;
    let started = start();
    assert_eq!(started.get(&binary(2), &[("accept", FHIR)]).await.text().await.unwrap(), "{}");
    let response = started.get(&binary(1), &[("accept", FHIR)]).await;
    let length: u64 = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(response.headers().get("content-disposition").is_none());
    let octets = response.bytes().await.unwrap();
    assert_eq!(octets.len() as u64, length);
    let resource: serde_json::Value = serde_json::from_slice(&octets).unwrap();
    assert_eq!((&resource["resourceType"], &resource["contentType"]), (&"Binary".into(), &"application/pdf".into()));
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.decode(resource["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, content());
    let response = started.get(&binary(1), &[("accept", "application/fhir+xml")]).await;
    let length: u64 = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let xml = response.bytes().await.unwrap();
    assert_eq!(xml.len() as u64, length);
    let same: serde_json::Value = serde_json::from_slice(&fhir::xml::to_json(&xml).unwrap()).unwrap();
    assert_eq!(same, resource);
}

#[tokio::test]
async fn what_is_known_already_is_304_without_asking_the_repository() {
    let started = start();
    let etag = "\"0000000000000000000000000000000000000001\"";
    for wanted in [etag, "*", &format!("\"x\", W/{etag}")] {
        let response = started.get(PDF, &[("if-none-match", wanted)]).await;
        assert_eq!(response.status(), 304);
        assert_eq!(response.headers()["etag"], etag);
    }
    assert_eq!(started.repository.calls(), 0);
    assert_eq!(started.get(PDF, &[("if-none-match", "\"x\"")]).await.status(), 200);
    assert_eq!(
        started.get(&binary(1), &[("if-none-match", etag), ("accept", "application/fhir+json")]).await.status(),
        200
    );
}

/// A peer's repository: it gives documents without saying how long they are.
struct Unmeasured(MemoryRepository);

impl Repository for Unmeasured {
    fn provide<'a>(
        &'a self,
        submission: Submission,
        documents: Vec<ProvidedDocument>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Registered, Refusal>> {
        self.0.provide(submission, documents, cx)
    }

    fn retrieve<'a>(
        &'a self,
        requests: &'a [DocumentRequest],
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Retrieved, Refusal>> {
        Box::pin(async move {
            let mut retrieved = self.0.retrieve(requests, cx).await?;
            retrieved.documents.iter_mut().for_each(|d| d.size_octets = None);
            Ok(retrieved)
        })
    }
}

#[tokio::test]
async fn a_document_at_a_peer_is_as_long_as_its_entry_says() {
    let registered = DocumentEntry { size_octets: Some(10_001), ..entry(1) };
    let unmeasured = DocumentEntry { size_octets: None, ..entry(2) };
    let registry = Arc::new(MemoryRegistry::of([registered, unmeasured]));
    let repository = MemoryRepository::default().with(unique_id("2.25.90001"), "application/dicom", content()).with(
        unique_id("2.25.90002"),
        "application/dicom",
        content(),
    );
    let (edge, _, _) = edge();
    let served = serve(|_| Server { registry, repository: Arc::new(Unmeasured(repository)), edge }.router());
    let url = |n: u32| format!("{}/fhir/document/2.25.9000{n}", served.url);
    let head = reqwest::Client::new().head(url(1)).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"10001".parse().unwrap()));
    assert_eq!(head.headers()["accept-ranges"], "bytes");
    let ranged = |n| reqwest::Client::new().get(url(n)).header("range", "bytes=5-9").send();
    let part = ranged(1).await.unwrap();
    assert_eq!((part.status().as_u16(), &part.headers()["content-range"]), (206, &"bytes 5-9/10001".parse().unwrap()));
    assert_eq!(part.bytes().await.unwrap(), content()[5..10]);
    // Nobody knows how long this one is: it comes whole.
    let whole = ranged(2).await.unwrap();
    assert_eq!((whole.status().as_u16(), whole.headers().get("accept-ranges")), (200, None));
    assert_eq!(whole.bytes().await.unwrap(), content());
}

#[tokio::test]
async fn a_range_is_cut_out() {
    let started = start();
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=999-2500", 999, 2501),
        ("bytes=10000-", 10_000, 10_001),
        ("bytes=-10", 9991, 10_001),
        ("bytes=5-999999", 5, 10_001),
        ("bytes=-999999", 0, 10_001),
    ] {
        let response = started.get(PDF, &[("range", range)]).await;
        assert_eq!(response.status(), 206, "{range}");
        assert_eq!(response.headers()["content-range"], format!("bytes {from}-{}/10001", to - 1));
        assert_eq!(response.bytes().await.unwrap(), content()[from..to]);
    }
    for whole in ["bytes=0-1,5-6", "pages=1-2", "bytes=5-1", "bytes=a-b"] {
        assert_eq!(started.get(PDF, &[("range", whole)]).await.status(), 200, "{whole}");
    }
    let response = started.get(PDF, &[("range", "bytes=20000-")]).await;
    assert_eq!(response.headers()["content-range"], "bytes */10001");
    assert_eq!(refusal(response).await, (416, "value".to_owned()));
    let changed = [("range", "bytes=0-0"), ("if-range", "\"other\"")];
    assert_eq!(started.get(PDF, &changed).await.status(), 200);
}

#[tokio::test]
async fn head_says_what_get_would() {
    let started = start();
    let answer = raw(started.served.address, &format!("HEAD /fhir/{PDF}"), &[]).await;
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("10001"), 0));
}

#[tokio::test]
async fn an_unknown_document_is_404() {
    let started = start();
    for path in ["document/2.25.1", "document/%20", "document/%FF", "Binary/x", &binary(77), "document/2.25.90003"] {
        assert_eq!(refusal(started.get(path, &[]).await).await, (404, "not-found".to_owned()), "{path}");
        assert_eq!(started.audited.one(), ("ITI-68", false));
    }
}

#[tokio::test]
async fn a_superseded_document_stays_readable_and_a_current_one_goes_first() {
    let started = start();
    let old = DocumentEntry {
        availability_status: AvailabilityStatus::Deprecated,
        mime_type: "text/old".to_owned(),
        id: entry(50).id,
        ..entry(1)
    };
    started.registry.entries.lock().unwrap().push(old);
    assert_eq!(started.get(PDF, &[]).await.headers()["content-type"], "application/pdf");
    started.registry.entries.lock().unwrap().retain(|e| e.mime_type == "text/old");
    assert_eq!(started.get(PDF, &[]).await.status(), 200);
}

#[tokio::test]
async fn a_repository_that_is_silent_is_named() {
    let started = start();
    let silent = Fault::PeerUnavailable { peer: "south".to_owned(), reason: "time-out".to_owned() };
    *started.repository.fault.lock().unwrap() = Some(silent);
    let response = started.get(PDF, &[]).await;
    let text = response.text().await.unwrap();
    assert!(text.contains("south"), "{text}");
    assert_eq!(refusal(started.get(PDF, &[]).await).await, (503, "transient".to_owned()));
    let unknown =
        Fault::UnknownRepository { repository: Oid::parse("2.999.5").unwrap(), unique_id: unique_id("2.25.90001") };
    *started.repository.fault.lock().unwrap() = Some(unknown);
    assert_eq!(refusal(started.get(PDF, &[]).await).await.0, 502);
    started.registry.entries.lock().unwrap()[0].repository_unique_id = None;
    assert_eq!(refusal(started.get(PDF, &[]).await).await.0, 502);
}

#[tokio::test]
async fn a_document_that_breaks_off_is_not_a_whole_one() {
    let started = start();
    *started.repository.break_after.lock().unwrap() = Some(5000);
    let url = |path: &str| format!("{}/fhir/{path}", started.served.url);
    for (path, accept) in [(PDF, "*/*"), (&binary(1), "application/fhir+json")] {
        // The server may break off before the head left its buffer, or after.
        let broken = match reqwest::Client::new().get(url(path)).header("accept", accept).send().await {
            Ok(response) => response.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(broken, "{path}");
        let fault = match client(&started).fetch(&url(path), Some(accept), &cx()).await {
            Err(refused) => Some(refused.first().clone()),
            Ok(mut document) => loop {
                match document.body.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(fault)) => break Some(fault),
                    None => break None,
                }
            },
        };
        assert!(matches!(fault, Some(Fault::PeerUnavailable { .. })), "the client sees it: {fault:?}");
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_begun_is_an_error_and_not_a_broken_answer() {
    let started = start();
    *started.repository.break_after.lock().unwrap() = Some(0);
    assert_eq!(refusal(started.get(PDF, &[]).await).await, (500, "exception".to_owned()));
}

fn client(started: &Started) -> Client {
    let peer = FhirPeer {
        name: "central".to_owned(),
        base: format!("{}/fhir", started.served.url),
        http: http_client(),
        message_octets: 1 << 20,
    };
    Client { peer, address_from_unique_id: true }
}

#[tokio::test]
async fn a_client_is_a_repository() {
    let started = start();
    let wanted: Vec<DocumentRequest> = ["2.25.90001", "2.25.90003", "2.25.1"]
        .map(|id| DocumentRequest {
            home_community_id: None,
            repository_unique_id: Oid::parse("2.999.1.1").unwrap(),
            unique_id: unique_id(id),
        })
        .to_vec();
    let retrieved = client(&started).retrieve(&wanted, &cx()).await.unwrap();
    assert_eq!(retrieved.documents.len(), 1);
    assert_eq!(retrieved.documents[0].mime_type, "application/pdf");
    assert_eq!(retrieved.documents[0].size_octets, Some(10_001));
    let missing = ["2.25.90003", "2.25.1"].map(|id| Fault::DocumentNotFound(unique_id(id)));
    assert_eq!(retrieved.faults, missing);
    let response = started.get(PDF, &[]).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_client_reads_the_reason_of_a_refusal() {
    let started = start();
    *started.repository.fault.lock().unwrap() = Some(Fault::Busy);
    let refused =
        client(&started).fetch(&format!("{}/fhir/{PDF}", started.served.url), None, &cx()).await.err().unwrap();
    assert!(refused.is_transient());
    assert!(refused.to_string().contains("too many requests"), "{refused}");
    let outcome = json(started.get(PDF, &[]).await).await;
    assert_eq!(outcome["resourceType"], "OperationOutcome");
}
