//! What every SOAP path does before any transaction: its WSDL, and answers that are posted elsewhere. Spec/xds.md
//! sections 2, 3, 26.

use crate::border::{edge, raw};
use actors::spool;
use axum::Router;
use axum::routing::post;
use model::Oid;
use std::sync::Arc;
use testkit::{MemoryIdentity, Served, domain, http_client, serve};
use tokio::sync::mpsc;
use transactions::edge::soap_replies::{AsyncReplies, ReplyAddress};
use transactions::edge::soap_server::SoapEndpoint;
use transactions::iti44_patient_identity_feed_v3::Server;

/// An identity manager that posts answers to addresses below `known`.
fn registry(known: Option<&str>) -> Served {
    let identity = Arc::new(MemoryIdentity::new(domain()));
    let (edge, ..) = edge();
    let transactions = Server::all(identity, domain(), Oid::parse("2.999.1.9").unwrap(), edge.clone());
    let spool: Option<Arc<dyn spool::Spool>> = None;
    let address = |url: &str| ReplyAddress { name: "consumer".into(), url: url.into(), http: http_client() };
    let replies = AsyncReplies(Arc::new(known.map(address).into_iter().collect()));
    serve(|base| {
        let address = format!("{base}/xds/registry");
        SoapEndpoint { edge, transactions, spool, address, replies }.router("/xds/registry")
    })
}

/// A consumer's side: what is posted to it, and its content type. The first posts are refused.
fn consumer(refused: usize) -> (Served, mpsc::UnboundedReceiver<(String, String)>) {
    let (posted, came) = mpsc::unbounded_channel();
    let left = Arc::new(std::sync::atomic::AtomicUsize::new(refused));
    let take = move |headers: http::HeaderMap, body: String| async move {
        if left.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok() {
            return http::StatusCode::SERVICE_UNAVAILABLE;
        }
        let content_type = headers["content-type"].to_str().unwrap().to_owned();
        posted.send((content_type, body)).unwrap();
        http::StatusCode::ACCEPTED
    };
    use std::sync::atomic::Ordering::SeqCst;
    (serve(|_| Router::new().route("/async/{id}", post(take))), came)
}

async fn ask(at: &Served, reply_to: &str, fault_to: Option<&str>, body: &str) -> (u16, String) {
    let fault_to = fault_to.map(|a| format!("<a:FaultTo><a:Address>{a}</a:Address></a:FaultTo>")).unwrap_or_default();
    let text = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
         <s:Header><a:Action s:mustUnderstand=\"1\">urn:hl7-org:v3:PRPA_IN201301UV02</a:Action>\
         <a:MessageID>urn:uuid:0f6f1c0e-3f2a-4e0b-9a55-000000000001</a:MessageID>\
         <a:ReplyTo><a:Address>{reply_to}</a:Address></a:ReplyTo>{fault_to}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    );
    let request = reqwest::Client::new()
        .post(format!("{}/xds/registry", at.url))
        .header("content-type", "application/soap+xml; charset=UTF-8")
        .body(text);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// A patient is added.
const FEED: &str = include_str!("../../../wire/hl7v3/fixtures/made/PRPA_IN201301UV02.xml");

#[tokio::test(flavor = "multi_thread")]
async fn the_wsdl_and_everything_it_imports_is_there() {
    let served = registry(None);
    let get = |url: String| async move {
        let response = reqwest::get(&url).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/xml; charset=utf-8".parse().unwrap()),
            "{url}"
        );
        response.text().await.unwrap()
    };
    for name in ["wsdl", "WSDL"] {
        let text = get(format!("{}/xds/registry?{name}", served.url)).await;
        let document = xml_of(&text);
        let address = document.root().descendants().find(|e| e.name() == "address").unwrap().attr("location").unwrap();
        assert_eq!(address, format!("{}/xds/registry", served.url));
        let port = document.root().descendants().find(|e| e.name() == "portType").unwrap();
        assert_eq!(port.children().count(), 3, "add, revise, merge");
        let mut waiting: Vec<String> = imports(&text);
        assert!(!waiting.is_empty());
        let mut seen = std::collections::BTreeSet::new();
        while let Some(url) = waiting.pop() {
            if seen.insert(url.clone()) {
                waiting.extend(imports(&get(url).await));
            }
        }
    }
    for request in ["GET /xds/registry", "GET /xds/registry?xsd=../../etc/passwd", "GET /xds/registry?singleWsdl"] {
        let answer = raw(served.address, request, &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{request}");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.contains("SOAP 1.2 is posted here") && text.contains("?wsdl"), "{text}");
    }
}

fn xml_of(text: &str) -> xml::Document {
    xml::Document::parse(text.as_bytes(), xml::Limits::default()).unwrap()
}

fn imports(text: &str) -> Vec<String> {
    let document = xml_of(text);
    let imports = document.root().descendants().filter(|e| e.name() == "import");
    imports.map(|e| e.attr("schemaLocation").unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_goes_where_the_request_wants_it() {
    let (consumer, mut came) = consumer(1);
    let at = registry(Some(&format!("{}/async", consumer.url)));
    let to = format!("{}/async/7", consumer.url);
    assert_eq!(ask(&at, &to, None, FEED).await, (202, String::new()));
    // Refused once, it is posted again.
    let (content_type, body) = came.recv().await.unwrap();
    assert!(content_type.starts_with("application/soap+xml"), "{content_type}");
    let envelope = soap::Envelope::decode(body.as_bytes(), None, xml::Limits::default()).unwrap();
    assert_eq!(envelope.addressing().relates_to.as_deref(), Some("urn:uuid:0f6f1c0e-3f2a-4e0b-9a55-000000000001"));
    assert_eq!(envelope.addressing().to.as_deref(), Some(to.as_str()));
    assert_eq!(envelope.action(), Some("urn:hl7-org:v3:MCCI_IN000002UV01"));
    assert!(envelope.message_id().is_some_and(|id| id.starts_with("urn:uuid:")));
    assert_eq!(envelope.body().name(), "MCCI_IN000002UV01");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_goes_where_faults_are_wanted_and_nothing_goes_to_nowhere() {
    let (consumer, mut came) = consumer(0);
    let at = registry(Some(&consumer.url));
    let (answers, faults) = (format!("{}/async/answers", consumer.url), format!("{}/async/faults", consumer.url));
    assert_eq!(ask(&at, &answers, Some(&faults), "<x/>").await.0, 202);
    let (_, body) = came.recv().await.unwrap();
    assert!(body.contains(&faults) && body.contains("Fault"), "{body}");
    let none = "http://www.w3.org/2005/08/addressing/none";
    assert_eq!(ask(&at, none, None, FEED).await.0, 202);
    assert_eq!(ask(&at, &answers, None, FEED).await.0, 202);
    let (_, body) = came.recv().await.unwrap();
    assert!(body.contains(&answers), "the next that comes is the one after: {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_nobody_configured_is_never_called() {
    let (consumer, mut came) = consumer(0);
    let at = registry(Some("https://consumer.example/async"));
    for to in [
        format!("{}/async/7", consumer.url),
        "http://169.254.169.254/latest/meta-data".into(),
        "file:///etc/passwd".into(),
    ] {
        let (status, body) = ask(&at, &to, None, FEED).await;
        assert_eq!(status, 400, "{body}");
        assert!(body.contains("DestinationUnreachable") && body.contains("reply_to"), "{body}");
    }
    let (status, body) = ask(&at, "https://consumer.example/async/1", Some("http://127.0.0.1/"), FEED).await;
    assert!(status == 400 && body.contains("FaultTo"), "{body}");
    assert!(came.try_recv().is_err());
}
