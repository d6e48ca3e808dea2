//! RAD-107 on both sides. Field cases B-001, B-003, B-005, B-007, B-010, B-012.

use crate::border::{Audited, Raw, edge, raw};
use actors::{Fault, ImageRequest, Imaging, WantedSyntax};
use futures_util::StreamExt;
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use testkit::{FakeImaging, FakeInstance, Served, cx, http_client, serve};
use transactions::rad107_wado_rs::{Client, Server};

const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";

fn start(imaging: FakeImaging) -> (Served, Arc<FakeImaging>, Arc<Audited>) {
    let imaging = Arc::new(imaging);
    let (edge, audited, _) = edge();
    let served = serve(|_| {
        let dicomweb_base = "https://north.example/dicomweb".to_owned();
        Server { imaging: imaging.clone(), dicomweb_base, resources: Vec::new(), stores: false, edge }.router()
    });
    (served, imaging, audited)
}

fn two() -> FakeImaging {
    FakeImaging::of([
        FakeInstance::new("2.25.1", "2.25.11", "2.25.111", EXPLICIT, 100_000),
        FakeInstance::new("2.25.1", "2.25.12", "2.25.121", EXPLICIT, 300_000),
    ])
}

/// One compressed instance.
fn compressed() -> FakeImaging {
    FakeImaging::of([FakeInstance::new("2.25.1", "2.25.11", "2.25.111", JPEG_LOSSLESS, 5_000)])
}

const INSTANCE: &str = "/dicomweb/studies/2.25.1/series/2.25.11/instances/2.25.111";

/// The octets between delimiters, by the boundary in the head.
fn parts(answer: &Raw) -> Vec<(String, Vec<u8>)> {
    let content_type = answer.header("content-type").unwrap();
    let boundary = content_type.split("boundary=\"").nth(1).unwrap().trim_end_matches('"');
    let delimiter = format!("--{boundary}");
    let find = |from: usize| {
        answer.body[from..].windows(delimiter.len()).position(|w| w == delimiter.as_bytes()).map(|at| from + at)
    };
    let mut parts = Vec::new();
    let mut at = find(0).expect("a first delimiter");
    loop {
        let start = at + delimiter.len();
        if answer.body[start..].starts_with(b"--") {
            return parts;
        }
        at = find(start).expect("a further delimiter");
        // CRLF behind the delimiter and in front of the next one belong to them.
        let part = &answer.body[start + 2..at - 2];
        let blank = part.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        parts.push((String::from_utf8(part[..blank].to_vec()).unwrap(), part[blank + 4..].to_vec()));
    }
}

#[tokio::test]
async fn a_study_comes_as_one_part_per_instance_with_the_stored_octets_and_a_known_length() {
    let (served, imaging, audited) = start(two());
    let answer = raw(served.address, "GET /dicomweb/studies/2.25.1", &["Accept: */*"]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
    assert_eq!(answer.header("transfer-encoding"), None);
    let parts = parts(&answer);
    let stored = imaging.instances.lock().unwrap().clone();
    assert_eq!(parts.len(), 2);
    for ((head, octets), stored) in parts.iter().zip(&stored) {
        assert_eq!(*octets, stored.octets, "stored octets");
        assert_eq!(&octets[128..132], b"DICM");
        assert!(head.contains(&format!("Content-Type: application/dicom; transfer-syntax={EXPLICIT}")), "{head}");
        assert!(head.contains(&format!("Content-Length: {}", stored.octets.len())), "{head}");
        let place = format!(
            "Content-Location: https://north.example/dicomweb/studies/2.25.1/series/{}/instances/{}",
            stored.series, stored.instance
        );
        assert!(head.contains(&place), "{head}");
    }
    assert_eq!(audited.one(), ("RAD-107", true));
}

#[tokio::test]
async fn a_study_whose_sizes_are_not_known_comes_in_chunks() {
    let (served, _, _) = start(FakeImaging { plans: false, ..two() });
    let answer = raw(served.address, "GET /dicomweb/studies/2.25.1", &["Accept: */*"]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert!(answer.body.ends_with(b"\r\n0\r\n\r\n"));
}

async fn check_accept(imaging: FakeImaging, accept: Option<&str>, status: u16) -> Raw {
    let (served, _, audited) = start(imaging);
    let header = accept.map(|a| format!("Accept: {a}"));
    let headers: Vec<&str> = header.iter().map(String::as_str).collect();
    let answer = raw(served.address, &format!("GET {INSTANCE}"), &headers).await;
    let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
    assert_eq!(answer.status, status, "{accept:?}: {body}");
    assert_eq!(audited.one(), ("RAD-107", status == 200));
    if status != 200 {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["reference"].as_str(), answer.header("x-request-id"));
        assert!(problem["detail"].as_str().unwrap().len() > 10);
    }
    answer
}

#[tokio::test]
async fn every_spelling_of_accept_gets_the_instance() {
    for accept in [
        Some("multipart/related; type=\"application/dicom\""),
        Some("multipart/related; type=application/dicom"),
        Some("multipart/related ; type = \"application/dicom\""),
        Some(
            "image/unknown;q=0, multipart/related; type=\"application/octet-stream\";q=0.9, multipart/related; type=\"application/dicom\";q=0.5",
        ),
        Some("*/*"),
        Some("multipart/*"),
        Some("application/dicom"),
        None,
    ] {
        let accept = accept.map(|a| a.trim_start_matches("image/unknown;q=0, "));
        check_accept(two(), accept, 200).await;
    }
}

#[tokio::test]
async fn what_is_not_to_be_had_is_406_and_a_contradiction_is_400() {
    check_accept(two(), Some("application/dicom+json"), 406).await;
    check_accept(two(), Some("text/html"), 406).await;
    check_accept(
        two(),
        Some("multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.4.90"),
        406,
    )
    .await;
    check_accept(two(), Some("image/png, multipart/related; type=\"application/dicom\""), 400).await;
}

#[tokio::test]
async fn compressed_octets_go_out_only_when_they_are_asked_for() {
    // B-001: without transfer-syntax explicit little endian is meant, which this source cannot make.
    check_accept(compressed(), Some("multipart/related; type=\"application/dicom\""), 406).await;
    for accept in [
        "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
        "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.4.70",
        "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.4.90;q=0.9, multipart/related; type=\"application/dicom\"; transfer-syntax=*;q=0.1",
        "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90, multipart/related; type=\"application/dicom\"; transfer-syntax=*;q=0.1",
    ] {
        let answer = check_accept(compressed(), Some(accept), 200).await;
        assert_eq!(parts(&answer)[0].1, compressed().instances.lock().unwrap()[0].octets);
    }
}

#[tokio::test]
async fn one_instance_comes_bare_when_that_is_asked_for() {
    let answer = check_accept(two(), Some("application/dicom"), 200).await;
    assert_eq!(answer.header("content-type"), Some("application/dicom; transfer-syntax=1.2.840.10008.1.2.1"));
    assert_eq!(answer.body, two().instances.lock().unwrap()[0].octets);
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
    // Not for a series, even of one instance.
    let (served, _, _) = start(two());
    let answer =
        raw(served.address, "GET /dicomweb/studies/2.25.1/series/2.25.11", &["Accept: application/dicom"]).await;
    assert_eq!(answer.status, 406);
}

#[tokio::test]
async fn the_accept_parameter_wins_over_the_header() {
    let (served, _, _) = start(two());
    let path = format!("GET {INSTANCE}?accept=application/dicom%2Bjson");
    assert_eq!(raw(served.address, &path, &["Accept: */*"]).await.status, 406);
    let path = format!("GET {INSTANCE}?accept=application/dicom&other=1");
    assert_eq!(raw(served.address, &path, &["Accept: text/html"]).await.status, 200);
    let path = format!("GET {INSTANCE}?accept=*/*");
    assert_eq!(raw(served.address, &path, &[]).await.status, 400);
}

#[tokio::test]
async fn a_path_that_names_nothing_is_refused_with_a_sentence() {
    let (served, imaging, audited) = start(two());
    let long = "1".repeat(65);
    for (path, status) in [
        ("/dicomweb/studies/1.2.abc..3", 400),
        (&format!("/dicomweb/studies/{long}"), 400),
        ("/dicomweb/studies/%00", 400),
        ("/dicomweb/studies/..%2F..%2Fetc", 400),
        ("/dicomweb/studies/%zz", 400),
        ("/dicomweb/studies//series/2.25.11", 400),
        ("/dicomweb/studies/2.25.1/series/x", 400),
        ("/dicomweb/studies/2.25.1/series/2.25.11/instances/..", 400),
        ("/dicomweb/studies/2.25.1/series/2.25.11/instances/", 400),
        ("/dicomweb/studies/2.25.999", 404),
        ("/dicomweb/studies/2.25.1/series/2.25.999", 404),
        ("/dicomweb/studies", 404),
        ("/dicomweb/studies/2.25.1/metadata", 404),
        ("/dicomweb/studies/2.25.1/series/2.25.11/instances/2.25.111/frames/1", 404),
        ("/dicomweb/studies/2.25.1/series/2.25.11/instances/2.25.111/rendered", 404),
        ("/dicomweb/studies/2.25.1/series", 400),
        ("/dicomweb/elsewhere", 404),
        ("/dicomweb", 404),
        ("/dicomweb/", 404),
    ] {
        let answer = raw(served.address, &format!("GET {path}"), &["Accept: */*"]).await;
        assert_eq!(answer.status, status, "{path}: {}", String::from_utf8_lossy(&answer.body));
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(audited.one(), ("RAD-107", false), "{path}");
    }
    assert!(
        imaging.asked.lock().unwrap().iter().all(|r| r.study.as_str().starts_with("2.25")),
        "no bad UID got through"
    );
}

#[tokio::test]
async fn a_trailing_slash_and_leading_zeros_are_taken_literally_or_left_out() {
    let (served, imaging, _) = start(FakeImaging::of([FakeInstance::new("1.2.053", "1.2.05", "1.2.07", EXPLICIT, 10)]));
    assert_eq!(raw(served.address, "GET /dicomweb/studies/1.2.053/", &["Accept: */*"]).await.status, 200);
    assert_eq!(imaging.asked.lock().unwrap()[0].study.as_str(), "1.2.053");
    assert_eq!(raw(served.address, "GET /dicomweb/studies/1.2.53", &["Accept: */*"]).await.status, 404);
}

#[tokio::test]
async fn a_series_uid_in_two_studies_gives_each_its_own_instances() {
    let (served, _, _) = start(FakeImaging::of([
        FakeInstance::new("2.25.1", "2.25.5", "2.25.51", EXPLICIT, 10),
        FakeInstance::new("2.25.2", "2.25.5", "2.25.52", EXPLICIT, 10),
    ]));
    for (study, instance) in [("2.25.1", "2.25.51"), ("2.25.2", "2.25.52")] {
        let path = format!("GET /dicomweb/studies/{study}/series/2.25.5");
        let answer = raw(served.address, &path, &["Accept: */*"]).await;
        let parts = parts(&answer);
        assert_eq!(parts.len(), 1);
        assert!(parts[0].0.contains(&format!("/instances/{instance}")));
    }
}

#[tokio::test]
async fn head_says_what_get_would_and_other_methods_are_refused_with_allow() {
    let (served, _, _) = start(two());
    let answer = raw(served.address, "HEAD /dicomweb/studies/2.25.1", &["Accept: */*"]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_empty());
    assert!(answer.header("content-length").unwrap().parse::<u64>().unwrap() > 400_000);
    for path in ["/dicomweb/studies", "/dicomweb/studies/2.25.1", INSTANCE] {
        let answer = raw(served.address, &format!("OPTIONS {path}"), &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (204, Some("GET,HEAD,OPTIONS")), "{path}");
        let answer = raw(served.address, &format!("DELETE {path}"), &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD,OPTIONS")), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test]
async fn a_source_that_cannot_answer_is_named() {
    for (fault, status) in [
        (Fault::PeerUnavailable { peer: "pacs1".into(), reason: "no association".into() }, 503),
        (Fault::Busy, 503),
        (Fault::Denied("no".into()), 403),
        (Fault::Internal { log_id: "x".into() }, 500),
    ] {
        let imaging = two();
        *imaging.fault.lock().unwrap() = Some(fault.clone());
        let answer = check_accept(imaging, Some("*/*"), status).await;
        let body = String::from_utf8(answer.body).unwrap();
        if let Fault::PeerUnavailable { peer, .. } = fault {
            assert!(body.contains(&peer), "{body}");
        }
    }
}

/// An instance that cannot be read to its end.
fn breaking(plans: bool) -> FakeImaging {
    let mut good = FakeInstance::new("2.25.1", "2.25.11", "2.25.111", EXPLICIT, 1000);
    let mut bad = FakeInstance::new("2.25.1", "2.25.11", "2.25.112", EXPLICIT, 1_000_000);
    bad.break_after = Some(500_000);
    good.break_after = None;
    FakeImaging { plans, ..FakeImaging::of([good, bad]) }
}

#[tokio::test]
async fn a_fault_in_the_middle_breaks_the_connection_instead_of_ending_the_answer() {
    for plans in [true, false] {
        let (served, _, _) = start(breaking(plans));
        let answer = raw(served.address, "GET /dicomweb/studies/2.25.1", &["Accept: */*"]).await;
        assert_eq!(answer.status, 200);
        match answer.header("content-length") {
            Some(length) => assert!(answer.body.len() < length.parse::<usize>().unwrap()),
            None => assert!(!answer.body.ends_with(b"0\r\n\r\n"), "the last chunk came"),
        }
        assert!(!answer.body.windows(6).any(|w| w == b"--\r\n0\r"), "the close delimiter came");
        let response = reqwest::get(format!("{}/dicomweb/studies/2.25.1", served.url)).await.unwrap();
        assert!(response.bytes().await.is_err(), "a client must see that it is incomplete");
    }
}

fn request(syntaxes: Vec<WantedSyntax>) -> ImageRequest {
    ImageRequest { study: StudyInstanceUid::parse("2.25.1").unwrap(), series: None, instance: None, syntaxes }
}

fn client(served: &Served) -> Client {
    Client { name: "north".into(), base: format!("{}/dicomweb", served.url), http: http_client() }
}

/// UIDs and octets of everything, and the fault that ended it.
async fn read_all(client: &Client, request: &ImageRequest) -> (Vec<(String, Vec<u8>)>, Option<Fault>) {
    let mut images = client.fetch(request, &cx()).await.unwrap();
    let mut found = Vec::new();
    while let Some(instance) = images.instances.next().await {
        let mut instance = match instance {
            Ok(instance) => instance,
            Err(fault) => return (found, Some(fault)),
        };
        let mut octets = Vec::new();
        while let Some(piece) = instance.body.next().await {
            match piece {
                Ok(piece) => octets.extend_from_slice(&piece),
                Err(fault) => return (found, Some(fault)),
            }
        }
        found.push((instance.sop_instance.to_string(), octets));
    }
    (found, None)
}

#[tokio::test]
async fn a_client_reads_what_a_server_sends() {
    for plans in [true, false] {
        let (served, imaging, _) = start(FakeImaging { plans, ..two() });
        let (found, fault) = read_all(&client(&served), &request(vec![WantedSyntax::AsStored])).await;
        assert_eq!(fault, None);
        let stored = imaging.instances.lock().unwrap().clone();
        assert_eq!(found.len(), 2);
        for ((uid, octets), stored) in found.iter().zip(&stored) {
            assert_eq!(*uid, stored.instance.to_string());
            assert_eq!(*octets, stored.octets);
        }
    }
}

#[tokio::test]
async fn a_client_tells_a_broken_answer_from_a_whole_one() {
    for plans in [true, false] {
        let (served, _, _) = start(breaking(plans));
        let (found, fault) = read_all(&client(&served), &request(vec![WantedSyntax::AsStored])).await;
        assert_eq!(found.len(), 1, "what was complete counts");
        assert!(matches!(fault, Some(Fault::PeerUnavailable { ref peer, .. }) if peer == "north"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_client_may_leave_an_instance_unread_and_go_on() {
    let (served, _, _) = start(two());
    let client = client(&served);
    let mut images = client.fetch(&request(vec![WantedSyntax::AsStored]), &cx()).await.unwrap();
    let first = images.instances.next().await.unwrap().unwrap();
    assert_eq!(first.sop_instance.as_str(), "2.25.111");
    assert_eq!(first.transfer_syntax.as_str(), EXPLICIT);
    drop(first);
    let second = images.instances.next().await.unwrap().unwrap();
    assert_eq!(second.sop_instance.as_str(), "2.25.121");
    drop(second);
    assert!(images.instances.next().await.is_none());
}

#[tokio::test]
async fn a_client_says_which_transfer_syntaxes_it_takes() {
    let (served, imaging, _) = start(compressed());
    let client = client(&served);
    let jpeg = WantedSyntax::Uid(TransferSyntaxUid::parse(JPEG_LOSSLESS).unwrap());
    let (found, _) = read_all(&client, &request(vec![jpeg.clone(), WantedSyntax::Default])).await;
    assert_eq!(found.len(), 1);
    assert_eq!(imaging.asked.lock().unwrap()[0].syntaxes, [jpeg, WantedSyntax::Default]);
    let refused = client.fetch(&request(vec![WantedSyntax::Default]), &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::NotAcceptable(_)), "{refused:?}");
    let other =
        ImageRequest { study: StudyInstanceUid::parse("2.25.9").unwrap(), ..request(vec![WantedSyntax::AsStored]) };
    let refused = client.fetch(&other, &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::ImagesNotFound(_)), "{refused:?}");
}

#[tokio::test]
async fn an_instance_is_asked_for_below_its_series() {
    let (served, imaging, _) = start(two());
    let wanted = ImageRequest {
        series: Some(SeriesInstanceUid::parse("2.25.12").unwrap()),
        instance: Some(SopInstanceUid::parse("2.25.121").unwrap()),
        ..request(vec![WantedSyntax::AsStored])
    };
    let (found, _) = read_all(&client(&served), &wanted).await;
    assert_eq!(found.len(), 1);
    assert_eq!(imaging.asked.lock().unwrap()[0].instance, wanted.instance);
}

#[tokio::test]
async fn a_server_in_front_of_a_client_passes_instances_through() {
    let (far, _, _) = start(two());
    let (edge, _, _) = edge();
    let near = serve(|url| {
        let imaging = Arc::new(client(&far));
        Server { imaging, dicomweb_base: format!("{url}/dicomweb"), resources: Vec::new(), stores: false, edge }
            .router()
    });
    let (found, fault) = read_all(&client(&near), &request(vec![WantedSyntax::AsStored])).await;
    assert_eq!((found.len(), fault), (2, None));
    assert_eq!(found[1].1, two().instances.lock().unwrap()[1].octets);
}

#[tokio::test]
async fn a_reader_that_stops_holds_the_source_back() {
    let big = FakeImaging::of([FakeInstance::new("2.25.1", "2.25.11", "2.25.111", EXPLICIT, 256 << 20)]);
    let (served, imaging, _) = start(big);
    let mut response = reqwest::get(format!("{}/dicomweb/studies/2.25.1", served.url)).await.unwrap();
    response.chunk().await.unwrap();
    // The source is asked only as fast as the socket takes it: buffers of both ends hold a few megabytes at most.
    tokio::task::yield_now().await;
    let pieces = imaging.pieces.load(Ordering::SeqCst);
    assert!(pieces < 1024, "{pieces} pieces of 64 KiB were read for a reader that took one");
    drop(response);
}

#[tokio::test]
async fn a_silent_or_strange_server_is_unavailable() {
    let gone = Client { name: "north".into(), base: "http://127.0.0.1:9/dicomweb".into(), http: http_client() };
    let refused = gone.fetch(&request(vec![WantedSyntax::AsStored]), &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::PeerUnavailable { .. }), "{refused:?}");
    for (content_type, body) in [
        ("text/html", "<html>"),
        ("multipart/related; type=\"application/dicom\"", "x"),
        ("multipart/related; type=\"application/dicom\"; boundary=b", ""),
        ("multipart/related; type=\"application/dicom\"; boundary=b", "--b\r\n\r\nno dicom\r\n--b--\r\n"),
        ("multipart/related; type=\"application/dicom\"; boundary=b", "--b\r\n\r\n"),
    ] {
        let served = serve(|_| {
            let answer = move || async move { ([("content-type", content_type)], body) };
            axum::Router::new().route("/dicomweb/studies/2.25.1", axum::routing::get(answer))
        });
        let fault = match client(&served).fetch(&request(vec![WantedSyntax::AsStored]), &cx()).await {
            Err(refused) => refused.first().clone(),
            Ok(mut images) => images.instances.next().await.unwrap().err().unwrap(),
        };
        assert!(matches!(fault, Fault::PeerUnavailable { .. }), "{content_type} {body}: {fault:?}");
    }
}

#[tokio::test]
async fn an_instance_that_cannot_be_begun_is_an_error_and_not_a_broken_answer() {
    let mut bad = FakeInstance::new("2.25.1", "2.25.11", "2.25.111", EXPLICIT, 1000);
    bad.break_after = Some(0);
    check_accept(FakeImaging::of([bad]), Some("*/*"), 500).await;
}

#[tokio::test]
async fn another_transaction_may_add_its_method_to_a_study() {
    let (edge, _, _) = edge();
    let served = serve(|_| {
        let server = Server {
            imaging: Arc::new(two()),
            dicomweb_base: "http://x/dicomweb".into(),
            resources: Vec::new(),
            stores: false,
            edge,
        };
        let store = || axum::routing::post(|| async { "stored" });
        let stow = axum::Router::new().route("/dicomweb/studies", store()).route("/dicomweb/studies/{study}", store());
        server.router().merge(stow)
    });
    for path in ["/dicomweb/studies", "/dicomweb/studies/2.25.1"] {
        assert_eq!(raw(served.address, &format!("POST {path}"), &["Content-Length: 0"]).await.body, b"stored");
        let answer = raw(served.address, &format!("DELETE {path}"), &[]).await;
        assert_eq!(answer.status, 405);
        assert!(answer.header("allow").unwrap().contains("POST"));
    }
    assert_eq!(raw(served.address, "GET /dicomweb/studies/2.25.1", &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn wado_uri_is_refused_with_the_address_to_use_instead() {
    let (served, imaging, audited) = start(two());
    let uids = "studyUID=2.25.1&seriesUID=2.25.11&objectUID=2.25.111";
    for path in ["/dicomweb", "/dicomweb/", "/dicomweb/wado", "/wado"] {
        let path = format!("{path}?requestType=WADO&{uids}&contentType=application%2Fdicom");
        let answer = raw(served.address, &format!("GET {path}"), &["Accept: application/dicom"]).await;
        assert_eq!(answer.status, 501, "{path}");
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("RAD-107") && detail.contains(&format!("https://north.example{INSTANCE}")), "{detail}");
        assert_eq!(audited.one(), ("RAD-107", false), "{path}");
    }
    for query in ["", "?requestType=WADO&studyUID=../..&seriesUID=1&objectUID=%3Cb%3E", "?studyUID=%FF"] {
        let answer = raw(served.address, &format!("GET /wado{query}"), &[]).await;
        assert_eq!(answer.status, 501, "{query}");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.contains("/studies/{study}/series/{series}/instances/{instance}"), "{text}");
        audited.one();
    }
    assert!(imaging.asked.lock().unwrap().is_empty());
}
