//! The main job through every pair of doors: published by RAD-68 and ITI-41 or by ITI-65, read by ITI-18 and ITI-43 or by
//! ITI-67 and ITI-68 - a study that grows, its report, the command line and the portal; and in architecture C.
//! Source; design sections 2 and 4.

use super::client::{Client, patient, until};
use super::modality::Modality;
use super::{documents, mhd, objects};
use crate::network::{Files, MANIFOLD, Served};
use model::{AvailabilityStatus, DocumentEntry, Submission};
use serde_json::Value;
use std::process::Command;

const PATIENT: &str = "P0003";

/// `manifold` against addresses of the centre.
fn manifold(centre: &Client, arguments: &[&str]) -> Vec<u8> {
    let at = |path: &str| format!("{}{path}", centre.base());
    let output = Command::new(MANIFOLD)
        .args(arguments)
        .args(["--registry", &at("/xds/registry"), "--repository", &at("/xds/repository"), "--fhir", &at("/fhir")])
        .output()
        .expect("manifold runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Everything that the command line lists of the patient, by uniqueId.
fn listed(centre: &Client, via: &str) -> Vec<String> {
    let patient = patient(PATIENT).to_string();
    let octets =
        manifold(centre, &["query", "--patient", &patient, "--status", "current", "--via", via, "--format", "json"]);
    let answer: Value = serde_json::from_slice(&octets).expect("JSON");
    let documents = answer["documents"].as_array().or_else(|| answer.as_array()).expect("documents");
    documents.iter().map(|d| d["unique_id"].as_str().expect("a uniqueId").to_owned()).collect()
}

fn page(portal: &Client, path: &str) -> String {
    let (status, text) = portal.get(path).expect("an answer");
    assert_eq!(status, 200, "{path}: {text}");
    text
}

/// A study sent in two parts becomes a manifest that replaces the one before.
fn grown_study(centre: &Client, archive: &Served, name: &str) -> DocumentEntry {
    let study = objects::study(name, Some(PATIENT), 4);
    let title = archive.endpoint("DIMSE-AET");
    let mut sender = Modality::connect(&archive.endpoint("DIMSE"), &title).expect("an association");
    sender.store_all(&study[..2]);
    let first = centre.await_manifest(PATIENT, &study[0].study);
    sender.store_all(&study[2..]);
    sender.release();
    let second = until("a manifest of the grown study", || {
        centre.current_manifests(PATIENT, &study[0].study).expect("an answer").into_iter().find(|m| m.id != first.id)
    });
    let all = centre.manifests(PATIENT, &study[0].study).expect("an answer");
    let old = all.iter().find(|m| m.id == first.id).expect("the first manifest");
    assert_eq!(old.availability_status, AvailabilityStatus::Deprecated);
    assert_eq!(centre.replacements(std::slice::from_ref(&second.id)), [(second.id.clone(), first.id)]);
    let repository = second.repository_unique_id.clone().expect("a repository");
    let octets = centre.retrieve(&repository, &second.unique_id).expect("the manifest");
    assert_eq!(dicom::kos::decode(&octets).expect("a manifest").manifests[0].instances().count(), 4);
    assert_eq!(Client::to(archive).images(&study[0].study).expect("images").len(), 4);
    second
}

/// The command line lists both documents, and the report is read as it was published.
fn found_and_read(centre: &Client, manifest: &DocumentEntry, report: &Submission, via: &str) {
    let unique_ids = listed(centre, via);
    for wanted in [&manifest.unique_id, &report.entries[0].unique_id] {
        assert!(unique_ids.contains(&wanted.to_string()), "{via}: {unique_ids:?}");
    }
    let octets = manifold(centre, &["retrieve", report.entries[0].unique_id.as_str(), "-o", "-", "--via", via]);
    assert_eq!(octets, mhd::OCTETS, "{via}");
}

fn on_the_timeline(portal: &Client, manifest: &DocumentEntry, report: &Submission) {
    let timeline = page(portal, &format!("/portal/patient/{PATIENT}"));
    for entry in [&manifest.id, &report.entries[0].id] {
        let id = entry.as_str().trim_start_matches("urn:uuid:");
        assert!(timeline.contains(id), "{timeline}");
    }
}

#[test]
fn the_main_job_works_with_the_images_in_the_centre() {
    let files = Files::write(&["--architecture", "c", "--quiet-time-ms", "500"]);
    let central = files.serve("central", &[]);
    let centre = Client::to(&central);
    let manifest = grown_study(&centre, &central, "central archive");
    let report = documents::report(PATIENT, &documents::fresh_unique_id());
    centre.provide(report.clone(), mhd::OCTETS).expect("a report");
    for via in ["xds", "mhd"] {
        found_and_read(&centre, &manifest, &report, via);
    }
    on_the_timeline(&centre, &manifest, &report);
    central.stop();
}

#[test]
fn the_main_job_works_through_all_four_pairs_of_doors() {
    let files = Files::write(&["--quiet-time-ms", "500"]);
    let central = files.serve("central", &[]);
    let centre = Client::to(&central);
    for publish_by in ["rad68", "iti65"] {
        let source = [("MANIFOLD__ACTORS__IMAGING_DOCUMENT_SOURCE__PUBLISH_BY", publish_by)];
        let north = files.serve("north", &source);
        let manifest = grown_study(&centre, &north, &format!("four ways {publish_by}"));
        let report = documents::report(PATIENT, &documents::fresh_unique_id());
        match publish_by {
            "iti65" => {
                let (status, answer) = centre.fhir("POST", "", Some(&mhd::bundle(&report)));
                assert_eq!(status, 200, "{answer:#}");
            }
            _ => {
                centre.provide(report.clone(), mhd::OCTETS).expect("a report");
            }
        }
        for via in ["xds", "mhd"] {
            found_and_read(&centre, &manifest, &report, via);
            // A portal in the south that reads the centre through this door.
            let reads = [("MANIFOLD__ACTORS__PORTAL__READS", "central"), ("MANIFOLD__ACTORS__PORTAL__VIA", via)];
            let south = files.serve("south", &reads);
            on_the_timeline(&Client::to(&south), &manifest, &report);
            south.stop();
        }
        north.stop();
    }
    central.stop();
}
