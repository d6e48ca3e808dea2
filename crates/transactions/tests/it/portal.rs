//! The portal over real HTTP on loopback: who sees what, what is never shown, and how it says so.

#[path = "../../examples/portal/site.rs"]
mod site;

use crate::border::{Audited, edge};
use actors::{Fault, Imaging};
use model::{ManifestSeries, ObjectId};
use reqwest::{Method, StatusCode};
use site::Site;
use std::sync::Arc;
use testkit::{FixedClock, Served};
use transactions::portal::{Portal, router};

/// A portal with a radiograph of P0001, a small CT of P0012, a loop of P0005 and more.
struct Running {
    site: Site,
    served: Served,
    audited: Arc<Audited>,
    clock: Arc<FixedClock>,
    folder: tempfile::TempDir,
}

fn start() -> Running {
    start_with(|portal| portal)
}

fn start_with(change: impl FnOnce(Portal) -> Portal) -> Running {
    let wanted = [
        "seed/1/xr-chest/20260202",
        "seed/12/ct-chest/20260303",
        "seed/5/us-heart/20250626",
        "seed/7/xr-chest/20200117",
    ];
    let plans: Vec<_> = synth::seed_studies().into_iter().filter(|plan| wanted.contains(&plan.key.as_str())).collect();
    assert_eq!(plans.len(), wanted.len());
    let site = Site::of(&plans);
    let (edge, audited, clock) = edge();
    let folder = tempfile::tempdir().unwrap();
    let portal = change(site.portal(edge, &folder.path().join("portal")));
    let served = testkit::serve(|_| router(portal));
    Running { site, served, audited, clock, folder }
}

struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

impl Running {
    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[]).await
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = reqwest::Client::new().request(method, format!("{}{path}", self.served.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    /// Path of a patient's first report or study.
    async fn first(&self, patient: &str, kind: &str) -> String {
        let html = self.get(&format!("/portal/patient/{patient}")).await.text();
        let start = html.find(&format!("/portal/patient/{patient}/{kind}/")).expect("a link");
        html[start..].split('"').next().unwrap().to_owned()
    }

    async fn images(&self, study: &str) -> serde_json::Value {
        let answer = self.get(&format!("{study}/images")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Path of one image of the first series.
    async fn image(&self, study: &str, n: usize) -> String {
        let images = self.images(study).await;
        let series =
            images["series"].as_array().unwrap().iter().find(|s| !s["instances"].as_array().unwrap().is_empty());
        let series = series.unwrap();
        let (uid, sop) = (series["uid"].as_str().unwrap(), series["instances"][n][0].as_str().unwrap());
        format!("{study}/series/{uid}/instance/{sop}/frame/1")
    }
}

#[tokio::test]
async fn every_page_is_guarded_and_answers_head() {
    let portal = start();
    let report = portal.first("P0001", "report").await;
    let study = portal.first("P0001", "study").await;
    for path in ["/portal", "/portal/", "/portal?q=dur", "/portal/patient/P0001", &report, &study] {
        let answer = portal.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(answer.body.len() < 60 * 1024, "{path} has {} octets", answer.body.len());
        let head = portal.send(Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
    }
    let html = portal.get("/portal").await.text();
    let asset = html.split("href=\"").find(|part| part.starts_with("/portal/assets/portal")).unwrap();
    let answer = portal.get(asset.split('"').next().unwrap()).await;
    assert!(
        answer.header("cache-control").contains("immutable") && answer.header("content-type").starts_with("text/css")
    );
    assert_eq!(portal.get("/portal/assets/portal.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn documents_and_images_are_shown_under_their_own_patient_only() {
    let portal = start();
    let report = portal.first("P0001", "report").await;
    let study = portal.first("P0001", "study").await;
    let image = portal.image(&study, 0).await;
    let paths = [
        report.clone(),
        format!("{report}/document"),
        study.clone(),
        format!("{study}/images"),
        format!("{study}/count"),
        image.clone(),
        format!("{image}/geometry"),
    ];
    for path in &paths {
        assert_eq!(portal.get(path).await.status, StatusCode::OK, "{path}");
        let other = path.replace("P0001", "P0012");
        let answer = portal.get(&other).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{other}");
        assert!(!answer.text().contains("DURAND"), "{other}");
        assert_eq!(portal.get(&path.replace("P0001", "NOBODY")).await.status, StatusCode::NOT_FOUND);
    }
    // The domain may be written out, and another domain is another patient.
    let written = report.replace("P0001", "P0001%5E%5E%5E%262.999.7%26ISO");
    assert_eq!(portal.get(&written).await.status, StatusCode::OK);
    let foreign = report.replace("P0001", "P0001%5E%5E%5E%262.999.8%26ISO");
    assert_eq!(portal.get(&foreign).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn images_that_the_manifest_does_not_list_are_not_there() {
    let portal = start();
    let study = portal.first("P0001", "study").await;
    let other = portal.first("P0012", "study").await;
    let foreign = portal.image(&other, 0).await;
    // The source has this instance; the right to one manifest is no right to another study.
    let path = foreign.replace(&other, &study);
    assert_eq!(portal.get(&path).await.status, StatusCode::NOT_FOUND);
    for path in [
        format!("{study}/series/x/instance/y/frame/1"),
        format!("{study}/series/2.25.1/instance/2.25.2/frame/1"),
        format!("{}999", portal.image(&study, 0).await),
    ] {
        let answer = portal.get(&path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(problem["what"].as_str().is_some_and(|what| !what.is_empty()), "{problem}");
        assert!(problem["reference"].as_str().is_some_and(|reference| reference.len() == 16), "{problem}");
    }
    for frame in ["0", "2", "-1", "x", "99999999999"] {
        let path = portal.image(&study, 0).await.replace("/frame/1", &format!("/frame/{frame}"));
        assert_eq!(portal.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_picture_has_the_window_of_the_file_or_the_one_asked_for() {
    let portal = start();
    let study = portal.first("P0012", "study").await;
    let image = portal.image(&study, 3).await;
    let plain = portal.get(&image).await;
    assert_eq!((plain.status, plain.header("content-type")), (StatusCode::OK, "image/jpeg"));
    assert!(plain.header("content-security-policy").contains("sandbox"));
    assert_eq!(plain.header("manifold-window"), "40;400");
    let lung = portal.get(&format!("{image}?c=-600&w=1500")).await;
    assert_eq!(lung.header("manifold-window"), "-600;1500");
    assert_ne!(lung.body, plain.body);
    assert_ne!(portal.get(&format!("{image}?invert=1")).await.body, plain.body);
    assert!(portal.get(&format!("{image}?width=64")).await.body.len() < plain.body.len());
    for query in
        ["c=40", "w=400", "c=x&w=1", "c=40&w=0", "c=40&w=-1", "c=nan&w=inf", "width=wide", "c=1&w=1&shape=round"]
    {
        assert_eq!(portal.get(&format!("{image}?{query}")).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let geometry = portal.get(&format!("{image}/geometry")).await;
    let geometry: serde_json::Value = serde_json::from_slice(&geometry.body).unwrap();
    assert_eq!(geometry["spacing"]["source"], "patient");
    assert_eq!(geometry["edges"]["left"], "R");
    assert_eq!(geometry["windows"][0]["width"], 400.0);
}

#[tokio::test]
async fn an_instance_is_fetched_once_however_many_ask() {
    let portal = start();
    let study = portal.first("P0005", "study").await;
    let image = portal.image(&study, 0).await;
    let frames: Vec<String> = (1..=8).map(|n| image.replace("/frame/1", &format!("/frame/{n}"))).collect();
    let answers = futures_util::future::join_all(frames.iter().map(|frame| portal.get(frame))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(portal.site.imaging.asked.lock().unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(portal.folder.path().join("portal")).unwrap().count(), 1);
}

#[tokio::test]
async fn the_folder_of_images_never_outgrows_its_limit() {
    let limit = 300_000;
    let portal = start_with(|portal| Portal { cache_octets: limit, ..portal });
    let study = portal.first("P0012", "study").await;
    for n in 0..6 {
        assert_eq!(portal.get(&portal.image(&study, n).await).await.status, StatusCode::OK);
        let files = std::fs::read_dir(portal.folder.path().join("portal")).unwrap();
        let octets: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(octets <= limit, "{octets} octets");
    }
    // The loop alone is larger than the limit.
    let answer = portal.get(&portal.image(&portal.first("P0005", "study").await, 0).await).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text().contains("it has more than"));
}

#[tokio::test]
async fn a_source_that_fails_is_named_and_asked_again_next_time() {
    let portal = start();
    let study = portal.first("P0001", "study").await;
    let image = portal.image(&study, 0).await;
    let fault = Fault::PeerUnavailable { peer: "South Hospital".into(), reason: "refused".into() };
    *portal.site.imaging.fault.lock().unwrap() = Some(fault);
    let answer = portal.get(&image).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(answer.text().contains("South Hospital has not answered"));
    *portal.site.imaging.fault.lock().unwrap() = None;
    assert_eq!(portal.get(&image).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_manifest_does_not_make_the_portal_call_whom_it_does_not_know() {
    let refuse = |_: &ManifestSeries| -> Result<Arc<dyn Imaging>, Fault> {
        Err(Fault::Denied("the manifest names a place that this node does not know".into()))
    };
    let portal = start_with(|portal| Portal { imaging: Arc::new(refuse), ..portal });
    let study = portal.first("P0001", "study").await;
    let answer = portal.get(&portal.image(&study, 0).await).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("does not know"));
    assert!(portal.site.imaging.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_withdrawn_study_gives_no_images_after_half_a_minute() {
    let portal = start();
    let study = portal.first("P0001", "study").await;
    let image = portal.image(&study, 0).await;
    assert_eq!(portal.get(&image).await.status, StatusCode::OK);
    let uuid = study.rsplit('/').next().unwrap();
    portal.site.deprecate(&ObjectId::parse(&format!("urn:uuid:{uuid}")).unwrap());
    portal.clock.advance_micros(31_000_000);
    for path in [&image, &study, &format!("{study}/images")] {
        assert_eq!(portal.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(portal.get("/portal/patient/P0001").await.text().contains("No images"));
}

#[tokio::test]
async fn a_report_is_shown_as_what_it_is_and_kept_in_a_sandbox() {
    let portal = start();
    let report = portal.first("P0001", "report").await;
    let html = portal.get(&report).await.text();
    assert!(html.contains("type=\"application/pdf\"") && html.contains("Dr. Chiara FERRARI"), "{html}");
    let document = portal.get(&format!("{report}/document")).await;
    assert_eq!(document.header("content-type"), "application/pdf");
    assert!(document.body.starts_with(b"%PDF-"));
    assert!(document.header("content-security-policy").starts_with("sandbox"));
    assert_eq!(document.header("content-disposition"), "inline");
    let saved = portal.get(&format!("{report}/document?save=1")).await;
    assert_eq!(saved.header("content-disposition"), "attachment; filename=\"report-20260202.pdf\"");
    // What calls itself HTML is never shown as a page of ours.
    let uuid = report.rsplit('/').next().unwrap().to_owned();
    for entry in portal.site.registry.0.entries.lock().unwrap().iter_mut() {
        if entry.id.as_str().ends_with(&uuid) {
            entry.mime_type = "text/html".into();
        }
    }
    let html = portal.get(&report).await.text();
    assert!(html.contains("It is of the kind “text/html”"), "{html}");
    let document = portal.get(&format!("{report}/document")).await;
    assert_eq!(document.header("content-type"), "application/octet-stream");
    assert!(document.header("content-disposition").starts_with("attachment"));
}

#[tokio::test]
async fn a_report_that_its_repository_lost_keeps_its_page() {
    let portal = start();
    let report = portal.first("P0007", "report").await;
    let answer = portal.get(&report).await;
    assert_eq!(answer.status, StatusCode::OK);
    let html = answer.text();
    assert!(html.contains("PAPADOPOULOS") && html.contains("The report is listed, but it cannot be had"), "{html}");
    assert_eq!(portal.get(&format!("{report}/document")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_silent_party_is_in_sight_and_nothing_is_claimed_to_be_absent() {
    let portal = start();
    let html = portal.get(&format!("/portal/patient/{}", site::SILENT)).await.text();
    assert!(html.contains("Region West has not answered") && html.contains("no answer within 8 s"), "{html}");
    assert!(!html.contains("No examination has been shared yet"));
    let missing = format!("/portal/patient/{}/study/00000000-0000-4000-8000-000000000000", site::SILENT);
    assert_eq!(portal.get(&missing).await.status, StatusCode::GATEWAY_TIMEOUT);
    let html = portal.get(&format!("/portal/patient/{}", site::EMPTY)).await.text();
    assert!(html.contains("No examination has been shared yet"));
}

#[tokio::test]
async fn what_is_opened_is_audited_and_what_is_refused_too() {
    let portal = start();
    let take = || -> Vec<(&'static str, bool, Option<String>, usize)> {
        let records = std::mem::take(&mut *portal.audited.0.lock().unwrap());
        let success = |outcome| outcome == transactions::edge::audit::Outcome::Success;
        records.into_iter().map(|(id, o, f)| (id, success(o), f.patient.map(|p| p.id), f.objects.len())).collect()
    };
    let report = portal.first("P0001", "report").await;
    let study = portal.first("P0001", "study").await;
    take();
    portal.get(&report).await;
    assert_eq!(take(), [("ITI-68", true, Some("P0001".to_owned()), 1)]);
    portal.get(&study).await;
    assert_eq!(take(), [("RAD-106", true, Some("P0001".to_owned()), 1)]);
    portal.get("/portal/patient/NOBODY").await;
    assert_eq!(take(), [("ITI-67", false, Some("NOBODY".to_owned()), 0)]);
    let image = portal.image(&study, 0).await;
    portal.get(&image).await;
    assert_eq!(take(), []);
}

#[tokio::test]
async fn an_unreachable_registry_is_an_error_page_with_a_reference() {
    let portal = start();
    let fault = Fault::PeerUnavailable { peer: "central".into(), reason: "refused".into() };
    *portal.site.registry.0.fault.lock().unwrap() = Some(fault);
    let answer = portal.get("/portal/patient/P0001").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    let html = answer.text();
    assert!(html.contains("central has not answered") && html.contains("Try again"), "{html}");
    assert!(html.contains(answer.header("x-request-id")));
    assert_eq!(portal.get("/portal/nothing/here").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_chosen_language_is_remembered_and_an_unknown_one_ignored() {
    let portal = start();
    for (query, headers) in
        [("", [("accept-language", "xx;q=1, en;q=0.1")]), ("?lang=xx", [("cookie", "manifold_language=yy")])]
    {
        let answer = portal.send(Method::GET, &format!("/portal{query}"), &headers).await;
        assert!(answer.text().contains("<html lang=\"en\""));
        assert_eq!(answer.header("set-cookie"), "");
    }
    let answer = portal.get("/portal?lang=en&q=x").await;
    assert!(answer.header("set-cookie").starts_with("manifold_language=en; Path=/portal"));
}
