//! What the tests need of a node's border, and requests that no well-behaved client would send.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use testkit::{CountedIdentifiers, FixedClock};
use transactions::Transaction;
use transactions::edge::audit::{Facts, Outcome};
use transactions::edge::{AuditLog, Edge};

/// Audit records in order.
#[derive(Default)]
pub struct Audited(pub Mutex<Vec<(&'static str, Outcome, Facts)>>);

impl AuditLog for Audited {
    fn record(&self, transaction: &'static Transaction, outcome: Outcome, facts: Facts, _: &actors::Cx) {
        self.0.lock().unwrap().push((transaction.id, outcome, facts));
    }
}

impl Audited {
    /// The one record since the last time, its transaction and whether it was a success.
    pub fn one(&self) -> (&'static str, bool) {
        let mut records = self.0.lock().unwrap();
        let record = records.pop().expect("a record");
        assert!(records.is_empty(), "more than one record: {records:?} and {record:?}");
        (record.0, record.1 == Outcome::Success)
    }
}

pub fn edge() -> (Edge, Arc<Audited>, Arc<FixedClock>) {
    let (audited, clock) = (Arc::new(Audited::default()), Arc::new(FixedClock::default()));
    let edge = Edge {
        clock: clock.clone(),
        identifiers: Arc::new(CountedIdentifiers::default()),
        audit: audited.clone(),
        message_octets: 1 << 20,
        document_octets: 1 << 30,
        cors_origins: Arc::new([http::HeaderValue::from_static("https://viewer.example")]),
    };
    (edge, audited, clock)
}

/// An answer as its octets came.
#[derive(Debug)]
pub struct Raw {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Raw {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|l| l.split_once(':'));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }
}

/// Sends a request line and headers as they are, and reads until the server closes.
pub async fn raw(address: std::net::SocketAddr, request: &str, headers: &[&str]) -> Raw {
    let mut text = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A server that breaks off may reset; what came until then counts.
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Raw { status, head, body: answer[end + 4..].to_vec() }
    })
    .await
    .unwrap()
}

pub async fn json(response: reqwest::Response) -> serde_json::Value {
    let bytes = response.bytes().await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&bytes)))
}

/// Status and `issue.code` of a refusal, which must be an OperationOutcome with a reference id.
pub async fn refusal(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let reference = response.headers().get("x-request-id").expect("a reference").to_str().unwrap().to_owned();
    assert_eq!(response.headers()["content-type"], "application/fhir+json");
    let outcome = json(response).await;
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    let issue = &outcome["issue"][0];
    assert!(issue["diagnostics"].as_str().unwrap().contains(&reference), "{issue}");
    (status, issue["code"].as_str().unwrap().to_owned())
}
