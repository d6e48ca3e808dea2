//! Architecture C: the centre keeps the images of two hospitals, whose numbers are the same for different people and orders.
//! Source: design section 4; RAD TF-2 4.68.4.1.2.3; spec/dicom.md section 4.

use super::client::{Client, patient, until};
use super::modality::Modality;
use super::objects;
use crate::network::{MANIFOLD, Network};
use dicom::dimse::ProposedContext;
use model::{AssociationType, DocumentQuery, ReferenceTerm};
use serde_json::json;
use std::process::Command;

#[test]
fn two_hospitals_in_one_archive_are_kept_apart_by_who_issued_a_number() {
    let network = Network::demo(&["--architecture", "c", "--quiet-time-ms", "300"]);
    assert_eq!(network.endpoints()["architecture"], "c");
    let centre = Client::of(&network.http("central"));
    let [north, south] = synth::studies_under_own_numbers();
    assert_eq!((north.object_id(), &north.accession), (south.object_id(), &south.accession));
    for (plan, own, accessions) in [(&north, "2.999.1.2.1", "2.999.1.2.3"), (&south, "2.999.1.4.1", "2.999.1.4.3")] {
        let person = plan.person().expect("a patient").id;
        let found = centre.current_manifests(person, &plan.study_uid).expect("an answer");
        assert_eq!(found.len(), 1, "{}", plan.key);
        let entry = &found[0];
        let source = entry.source_patient_id.as_ref().expect("a sourcePatientId");
        assert_eq!((source.id.as_str(), source.domain.as_str()), (plan.object_id(), own));
        let accession =
            entry.reference_id_list.iter().find(|id| id.id == plan.accession).expect("the accession number");
        assert!(accession.to_string().contains(accessions), "{accession:?}");
        // Asked with its issuer, the number means one order.
        let query = DocumentQuery {
            reference_ids: vec![vec![ReferenceTerm::Exact(accession.clone())]],
            ..DocumentQuery::of_patient(patient(person)).approved()
        };
        assert_eq!(centre.find(&query).expect("an answer").len(), 1);
        // By the hospital's own number too, at the FHIR door.
        let path = format!(
            "/DocumentReference?patient.identifier=urn:oid:{own}%7C{}&status=current&related:identifier=urn:dicom:uid%7Curn:oid:{}",
            plan.object_id(),
            plan.study_uid
        );
        let (status, bundle) = centre.fhir("GET", &path, None);
        assert_eq!((status, &bundle["total"]), (200, &1.into()), "{bundle:#}");
        // The images as they were sent, and a picture.
        let images = centre.images(&plan.study_uid).expect("images");
        assert_eq!(images.len() as u32, plan.instance_count(synth::Part::All));
        let page = format!("/dicomweb/studies/{}/thumbnail", plan.study_uid);
        assert_eq!(centre.get(&page).expect("an answer").0, 200);
    }
    let others = synth::seed_studies();
    for plan in &others {
        let person = plan.person().expect("a patient").id;
        let found = centre.current_manifests(person, &plan.study_uid).expect("an answer");
        assert_eq!(found.len(), 1, "{}", plan.key);
        assert_eq!(found[0].authors[0].institutions[0].name(), plan.hospital.institution());
    }
    a_number_that_nobody_has(&network, &centre);
    let (data, ports) = (network.folder().join("data"), network.port_base().to_string());
    let _folder = network.stop();
    // The folder continues this network and no other.
    let output = Command::new(MANIFOLD).args(["demo", "--port-base", &ports, "--data"]).arg(&data).output();
    let output = output.expect("manifold runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("a network of architecture c"), "{said}");
}

/// A study under a hospital's own number that the identity manager does not know waits, says why, and is published when
/// the patient is fed with that number.
fn a_number_that_nobody_has(network: &Network, centre: &Client) {
    let study = objects::study("own number", Some("4711"), 1);
    let address = network.endpoint("central", "DIMSE");
    let contexts = ProposedContext::to_store([(objects::CT, objects::EXPLICIT_LE)]).expect("a context");
    let mut sender = Modality::connect_as("CR31", &address, "CENTRAL", contexts).expect("an association");
    sender.store_all(&study);
    sender.release();
    let study = &study[0].study;
    let held = || {
        let status = centre.status();
        let held = status["studies"]["held"].as_array()?.iter().find(|held| held["study"] == study.as_str())?.clone();
        Some(held["reason"].as_str().expect("a reason").to_owned())
    };
    let reason = until("the study is held", held);
    assert!(reason.contains("2.999.1.2.1") && reason.contains("ITI-8") && !reason.contains("4711"), "{reason}");
    let identifier = |domain: &str, id: &str| json!({"system": format!("urn:oid:{domain}"), "value": id});
    let fed = json!({
        "resourceType": "Patient",
        "identifier": [identifier("2.999.7", "W4711"), identifier("2.999.1.2.1", "4711")],
        "name": [{"family": "Weather", "given": ["Fair"]}],
    });
    let (status, text) = centre.put_json("/fhir/Patient?identifier=urn:oid:2.999.7%7CW4711", &fed);
    assert!((200..300).contains(&status), "{text}");
    assert_eq!(centre.post_json("/health/replay", &json!({"all": true})).0, 200);
    centre.await_manifest("W4711", study);
}

#[test]
fn manifests_follow_what_is_deleted_and_what_is_lost_in_the_archive_and_at_the_registry() {
    let network = Network::demo(&["--architecture", "c", "--empty", "--quiet-time-ms", "200"]);
    let centre = Client::of(&network.http("central"));
    let store = |objects: &[objects::Object]| {
        let mut sender = Modality::connect(&network.endpoint("central", "DIMSE"), "CENTRAL").expect("an association");
        sender.store_all(objects);
        sender.release();
    };
    let lists = |study: &str, count: usize| {
        until(&format!("a manifest of {count}"), || {
            let current = centre.current_manifests("P0007", study).expect("an answer");
            let entry = current.first()?;
            let octets = centre.retrieve(entry.repository_unique_id.as_ref()?, &entry.unique_id).ok()?;
            let listed = dicom::kos::decode(&octets).expect("a manifest").manifests[0].instances().count();
            (listed == count).then_some(())
        });
    };
    let apart = |wanted: f64| {
        until(&format!("{wanted} manifests out of sync"), || {
            let (_, text) = centre.get("/metrics").expect("the node answers");
            let line = text.lines().find_map(|line| line.strip_prefix("manifold_manifests_out_of_sync "))?.to_owned();
            (line.parse() == Ok(wanted)).then_some(())
        });
    };

    // Deleted by an operator: replaced, then withdrawn.
    let study = objects::study("deleted", Some("P0007"), 3);
    let (uid, series) = (&study[0].study, synth::uid("weather/series/deleted"));
    store(&study);
    lists(uid, 3);
    let instance = format!("/archive/studies/{uid}/series/{series}/instances/{}", study[2].uid);
    assert_eq!(centre.delete(&instance), (200, "1 instances deleted\n".to_owned()));
    lists(uid, 2);
    assert!(
        centre.get(&format!("/dicomweb/studies/{uid}/series/{series}/instances/{}", study[2].uid)).unwrap().0 == 404
    );
    let (status, text) = centre.delete(&instance);
    assert!(status == 404 && text.contains(&study[2].uid), "{status} {text}");
    let output = network.manifold(&["delete", "--study", uid]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("2 instances deleted"), "{out}{err}");
    let output = network.manifold(&["delete", "--study", uid]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(uid.as_str()));
    until("the manifest is withdrawn", || {
        centre.current_manifests("P0007", uid).expect("an answer").is_empty().then_some(())
    });
    assert_eq!(centre.delete("/archive/studies/x").0, 400);
    // It comes again: published again.
    store(&study[..1]);
    lists(uid, 1);

    // Lost on the disk.
    let lost = objects::study("lost", Some("P0007"), 2);
    store(&lost);
    lists(&lost[0].study, 2);
    let files = network.folder().join("data/central/instances");
    let mut found = Vec::new();
    files_below(&files, &mut found);
    let of_lost: Vec<_> = found
        .iter()
        .filter(|file| std::fs::read(file).unwrap().windows(lost[1].uid.len()).any(|w| w == lost[1].uid.as_bytes()))
        .collect();
    assert_eq!(of_lost.len(), 1);
    std::fs::remove_file(of_lost[0]).unwrap();
    lists(&lost[0].study, 1);
    assert_eq!(centre.images(&lost[0].study).expect("images").len(), 1);

    // Removed at the registry by somebody: held, and published anew when told so.
    apart(0.0);
    let manifest = centre.current_manifests("P0007", &lost[0].study).expect("an answer").remove(0);
    let mut ids = vec![manifest.id.clone()];
    for association in centre.associations(&[manifest.id]) {
        ids.push(association.id);
        if association.kind == AssociationType::HasMember {
            ids.push(association.source);
        }
    }
    centre.remove(&ids).expect("removed");
    apart(1.0);
    let held = centre.status()["studies"]["held"][0]["reason"].as_str().expect("a reason").to_owned();
    assert!(held.contains("the registry does not have this study's manifest any more"), "{held}");
    assert_eq!(centre.post_json("/health/replay", &json!({"all": true})).0, 200);
    lists(&lost[0].study, 1);
    apart(0.0);
}

fn files_below(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        match entry.file_type().expect("a type").is_dir() {
            true => files_below(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}
