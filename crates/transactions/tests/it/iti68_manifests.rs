//! ITI-68 with a manifest asked for in the form it is not stored in. spec/fhir.md sections 10 and 17.

use crate::border::{Audited, edge, json, raw, refusal};
use dicom::kos;
use model::{Code, DocumentEntry, Manifest, ManifestFlavour, schemes};
use std::sync::Arc;
use testkit::{MemoryRegistry, MemoryRepository, Served, entry, serve, unique_id};
use transactions::iti68_retrieve_document::Server;
use transactions::manifest_forms::{MOST_OCTETS, Unconvertible, fhir_of_kos, kos_of_fhir};

/// The KOS flavours of one study, from the crate that writes them.
const MADO: &[u8] = include_bytes!("../../../wire/dicom/fixtures/made/kos-mado.dcm");
const MCWG: &[u8] = include_bytes!("../../../wire/dicom/fixtures/made/kos-mcwg.dcm");
const FHIR: &str = "application/fhir+json";
const DICOM: &str = "application/dicom";

struct Started {
    served: Served,
    audited: Arc<Audited>,
}

/// A KOS under number 1, its FHIR manifest under 2, DICOM that is no manifest under 3, broken ones under 4 and 5, a long one
/// under 6.
fn start() -> Started {
    let fhir_manifest = |n| DocumentEntry {
        mime_type: FHIR.to_owned(),
        format_code: Code::new(DocumentEntry::FHIR_MANIFEST, schemes::IHE_FORMAT, "MADO FHIR manifest"),
        ..entry(n)
    };
    let report = Code::new("1.2.840.10008.5.1.4.1.1.88.33", schemes::DICOM_UID_REGISTRY, "SR");
    let entries = [
        entry(1),
        fhir_manifest(2),
        DocumentEntry { format_code: report, ..entry(3) },
        entry(4),
        fhir_manifest(5),
        DocumentEntry { size_octets: Some(MOST_OCTETS + 1), ..entry(6) },
    ];
    let repository = MemoryRepository::default()
        .with(unique_id("2.25.90001"), DICOM, MADO)
        .with(unique_id("2.25.90002"), FHIR, fhir_of_kos(MADO).unwrap())
        .with(unique_id("2.25.90003"), DICOM, MADO)
        .with(unique_id("2.25.90004"), DICOM, &MADO[..600])
        .with(unique_id("2.25.90005"), FHIR, r#"{"resourceType":"Bundle"}"#)
        .with(unique_id("2.25.90006"), DICOM, vec![0; MOST_OCTETS as usize + 1]);
    let (edge, audited, _) = edge();
    let registry = Arc::new(MemoryRegistry::of(entries));
    let served = serve(|_| Server { registry, repository: Arc::new(repository), edge }.router());
    Started { served, audited }
}

impl Started {
    async fn get(&self, path: &str, accept: Option<&str>) -> reqwest::Response {
        let request = reqwest::Client::new().get(format!("{}/fhir/{path}", self.served.url));
        let request = accept.iter().fold(request, |request, accept| request.header("accept", *accept));
        request.send().await.unwrap()
    }
}

fn binary(n: u32) -> String {
    format!("Binary/{}", entry(n).id.as_str().strip_prefix("urn:uuid:").unwrap())
}

#[tokio::test]
async fn a_kos_comes_as_fhir_manifest_when_only_that_is_asked_for() {
    let started = start();
    for accept in [FHIR, "application/fhir+json;q=0.5, text/html", "application/dicom;q=0, */*"] {
        let response = started.get("document/2.25.90001", Some(accept)).await;
        assert_eq!(response.status(), 200, "{accept}");
        let headers = response.headers().clone();
        for (name, value) in [
            ("content-type", FHIR),
            ("etag", "\"0000000000000000000000000000000000000001-fhir\""),
            ("content-disposition", "attachment; filename=\"2.25.90001.json\""),
            ("vary", "Accept"),
        ] {
            assert_eq!(headers[name], value, "{accept}");
        }
        let octets = response.bytes().await.unwrap();
        assert_eq!(headers["content-length"], octets.len().to_string());
        assert_eq!(octets, fhir_of_kos(MADO).unwrap(), "the same KOS gives the same octets");
        let bundle: serde_json::Value = serde_json::from_slice(&octets).unwrap();
        assert_eq!((&bundle["resourceType"], &bundle["type"]), (&"Bundle".into(), &"document".into()));
        // Pitfall 42: another document, so another uniqueId; the KOS is named.
        let relation = &bundle["entry"][0]["resource"]["relatesTo"][0]["targetIdentifier"]["value"];
        assert_eq!(relation, "urn:oid:2.25.7000.900.1");
        assert_ne!(&bundle["identifier"]["value"], relation);
        assert_eq!(started.audited.one(), ("ITI-68", true));
    }
}

#[tokio::test]
async fn a_kos_comes_as_it_is_stored_whenever_that_is_acceptable() {
    let started = start();
    for accept in [None, Some("*/*"), Some(DICOM), Some("application/*"), Some("application/fhir+json, */*;q=0.1")] {
        let response = started.get("document/2.25.90001", accept).await;
        assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &DICOM.parse().unwrap()));
        assert_eq!(response.bytes().await.unwrap(), MADO, "{accept:?}");
    }
    // At the Binary address a FHIR type means the wrapper.
    let response = started.get(&binary(1), Some(FHIR)).await;
    assert_eq!(json(response).await["resourceType"], "Binary");
}

#[tokio::test]
async fn a_fhir_manifest_comes_as_kos_when_only_that_is_asked_for() {
    let started = start();
    for accept in [None, Some("*/*"), Some(FHIR)] {
        let response = started.get("document/2.25.90002", accept).await;
        assert_eq!(response.bytes().await.unwrap(), fhir_of_kos(MADO).unwrap(), "{accept:?}");
    }
    for path in ["document/2.25.90002".to_owned(), binary(2)] {
        let response = started.get(&path, Some(DICOM)).await;
        assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &DICOM.parse().unwrap()));
        assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"2.25.90002.dcm\"");
        let octets = response.bytes().await.unwrap();
        assert_eq!(kos::check(&octets), []);
        assert_eq!(kos::decode(&octets).unwrap().manifests[0].study.as_str(), "2.25.7000");
    }
}

#[tokio::test]
async fn what_cannot_be_converted_is_406_and_says_why() {
    let started = start();
    for (path, accept, reason) in [
        ("document/2.25.90003", FHIR, "this document is application/dicom"),
        ("document/2.25.90004", FHIR, "cannot be given as application/fhir+json: it is no manifest"),
        ("document/2.25.90005", DICOM, "cannot be given as application/dicom: it is no FHIR manifest: ImagingStudy"),
        ("document/2.25.90006", FHIR, "a manifest is converted up to 16777216"),
        ("document/2.25.90001", "application/fhir+xml", "this document is application/dicom"),
        ("document/2.25.90001", "application/fhir+json;q=0, text/html", "this document is application/dicom"),
    ] {
        let response = started.get(path, Some(accept)).await;
        let text = response.text().await.unwrap();
        assert!(text.contains(reason), "{path} {accept}: {text}");
        let response = started.get(path, Some(accept)).await;
        if accept == "application/fhir+xml" {
            // The refusal has the form that was asked for.
            assert_eq!(
                (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
                (406, accept)
            );
        } else {
            assert_eq!(refusal(response).await, (406, "not-supported".to_owned()), "{path} {accept}");
        }
        assert_eq!(started.audited.0.lock().unwrap().drain(..).filter(|r| r.0 == "ITI-68").count(), 2);
        // The stored octets come all the same.
        assert_eq!(started.get(path, None).await.status(), 200, "{path}");
        started.audited.one();
    }
}

#[tokio::test]
async fn head_conditions_and_ranges_are_about_the_form_that_is_given() {
    let started = start();
    let whole = fhir_of_kos(MADO).unwrap();
    let accept = format!("Accept: {FHIR}");
    let path = "/fhir/document/2.25.90001";
    let head = raw(started.served.address, &format!("HEAD {path}"), &[&accept]).await;
    assert_eq!((head.status, head.header("content-length")), (200, Some(whole.len().to_string().as_str())));
    let part = raw(started.served.address, &format!("GET {path}"), &[&accept, "Range: bytes=0-14"]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &whole[..15]));
    let etag = "\"0000000000000000000000000000000000000001-fhir\"";
    let known =
        raw(started.served.address, &format!("GET {path}"), &[&accept, &format!("If-None-Match: {etag}")]).await;
    assert_eq!(known.status, 304);
}

/// What the map between the two forms has no place for. Source: spec/mcwg.md 4.8.
fn mapped(octets: &[u8]) -> Manifest {
    let mut manifest = kos::decode(octets).unwrap().manifests.remove(0);
    let (sop_instance, series_instance) = (manifest.study.as_str(), "2.25.1");
    manifest.sop_instance = model::SopInstanceUid::parse(sop_instance).unwrap();
    manifest.series_instance = model::SeriesInstanceUid::parse(series_instance).unwrap();
    manifest.flavour = ManifestFlavour::Mado;
    (manifest.study_id, manifest.referring_physician) = (None, None);
    for series in &mut manifest.series {
        series.retrieve_ae_title = None;
        series.retrieve_url = series.wado_base().map(str::to_owned);
        series.instances.iter_mut().for_each(|instance| instance.significant.clear());
    }
    manifest
}

#[test]
fn a_kos_as_fhir_and_back_says_the_same_under_uids_of_its_own() {
    for octets in [MADO, MCWG] {
        let fhir = fhir_of_kos(octets).unwrap();
        let back = kos_of_fhir(&fhir).unwrap();
        assert!(mapped(&back) == mapped(octets));
        assert_eq!(kos_of_fhir(&fhir).unwrap(), back);
        let uid = |octets: &[u8]| kos::decode(octets).unwrap().manifests[0].sop_instance.clone();
        assert_ne!(uid(&back), uid(octets), "one UID stands for one sequence of octets");
    }
}

#[test]
fn a_key_image_note_and_a_kos_of_two_studies_have_no_fhir_form() {
    let set = dicom::scan::scan_slice(
        MCWG,
        &dicom::scan::Options { keep: dicom::scan::Keep::Everything, ..dicom::scan::Options::default() },
    );
    let set = set.unwrap().data_set;
    let mut note = set.clone();
    let mut title = set.item(dicom::tags::CONCEPT_NAME_CODE_SEQUENCE).unwrap().clone();
    title.put_text(dicom::tags::CODE_VALUE, "113000");
    note.put_items(dicom::tags::CONCEPT_NAME_CODE_SEQUENCE, vec![title]);
    let refused = fhir_of_kos(&dicom::part10::encode(&note));
    assert!(matches!(refused, Err(Unconvertible::NotAKos(_))), "{refused:?}");
    let evidence = dicom::tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE;
    let mut other = set.items(evidence)[0].clone();
    other.put_text(dicom::tags::STUDY_INSTANCE_UID, "2.25.7001");
    let mut both = set.clone();
    both.put_items(evidence, vec![set.items(evidence)[0].clone(), other]);
    let refused = fhir_of_kos(&dicom::part10::encode(&both));
    assert!(matches!(refused, Err(Unconvertible::SeveralStudies(2))), "{refused:?}");
}
