//! Studies that change: a new manifest replaces the old one, and a study that cannot be published disturbs nobody.

use super::client::until;
use super::{calm, modality, node, objects};
use model::AvailabilityStatus;

#[test]
fn a_study_that_grows_gets_a_manifest_that_replaces_the_first() {
    let (network, study) = (calm(), objects::study("grows", Some("P0005"), 2));
    let centre = node(network, "central");
    let mut sender = modality(network, "north");
    sender.store_all(&study);
    let first = centre.await_manifest("P0005", &study[0].study);
    assert_eq!(first.reference_id_list.iter().filter(|r| r.id == study[0].study).count(), 1);

    sender.store_all(&[objects::member("grows", Some("P0005"), 3)]);
    let second = until("the second manifest", || {
        let current = centre.current_manifests("P0005", &study[0].study).expect("an answer");
        current.into_iter().find(|e| e.unique_id != first.unique_id)
    });
    let all = centre.manifests("P0005", &study[0].study).expect("an answer");
    assert_eq!(all.len(), 2);
    let status = |id| all.iter().find(|e| e.unique_id == id).map(|e| e.availability_status);
    assert_eq!(status(first.unique_id.clone()), Some(AvailabilityStatus::Deprecated));
    assert_eq!(status(second.unique_id.clone()), Some(AvailabilityStatus::Approved));
    for ids in [[first.id.clone()], [second.id.clone()]] {
        assert_eq!(centre.replacements(&ids), [(second.id.clone(), first.id.clone())]);
    }
    let repository = second.repository_unique_id.clone().expect("a repository");
    let document = centre.retrieve(&repository, &second.unique_id).expect("the manifest");
    let decoded = dicom::kos::decode(&document).expect("a manifest");
    assert_eq!(decoded.manifests[0].instances().count(), 3);
    // The old manifest can still be had: whoever refers to it finds it.
    centre.retrieve(&repository, &first.unique_id).expect("the replaced manifest");
}

#[test]
fn the_same_objects_again_change_nothing() {
    let (network, study) = (calm(), objects::study("again", Some("P0005"), 2));
    let (centre, hospital) = (node(network, "central"), node(network, "north"));
    let mut sender = modality(network, "north");
    sender.store_all(&study);
    let first = centre.await_manifest("P0005", &study[0].study);
    sender.store_all(&study);
    // A study of its own shows that the source has had its turn after the repetition.
    let later = objects::study("again-later", Some("P0005"), 1);
    sender.store_all(&later);
    centre.await_manifest("P0005", &later[0].study);
    let all = centre.manifests("P0005", &study[0].study).expect("an answer");
    assert_eq!(all.iter().map(|e| &e.unique_id).collect::<Vec<_>>(), [&first.unique_id]);
    assert_eq!(hospital.images(&study[0].study).expect("images").len(), 2);
}

#[test]
fn an_object_without_patient_id_is_kept_and_shown_and_others_are_published() {
    let (network, nameless) = (calm(), objects::study("nameless", None, 1));
    let (centre, hospital) = (node(network, "central"), node(network, "north"));
    let mut sender = modality(network, "north");
    let answer = sender.store(&nameless[0]);
    assert_eq!(answer.status, 0, "{}", answer.comment);
    let neighbour = objects::study("neighbour-of-nameless", Some("P0006"), 1);
    sender.store_all(&neighbour);
    centre.await_manifest("P0006", &neighbour[0].study);

    let status = hospital.status();
    let held = status["held_instances"].as_array().expect("a list");
    let shown = held.iter().find(|i| i["instance"] == nameless[0].uid).expect("the held instance is shown");
    assert!(shown["reason"].as_str().is_some_and(|r| r.contains("(0010,0020)")), "{shown}");
    assert_eq!(shown["calling_ae"], "CT1");
    assert!(hospital.images(&nameless[0].study).is_err(), "what no manifest lists is not given out");
}

#[test]
fn other_octets_under_a_known_uid_are_refused_and_the_first_are_kept() {
    let (network, study) = (calm(), objects::study("twins", Some("P0007"), 1));
    let (centre, hospital) = (node(network, "central"), node(network, "north"));
    let mut sender = modality(network, "north");
    sender.store_all(&study);
    let mut twin = study[0].clone();
    let last = twin.data_set.len() - 1;
    twin.data_set[last] ^= 0xff;
    let answer = sender.store(&twin);
    assert_eq!(answer.status, 0x0111, "{}", answer.comment);
    assert!(answer.comment.contains("the first is kept"), "{}", answer.comment);
    centre.await_manifest("P0007", &study[0].study);
    let files = hospital.images(&study[0].study).expect("images");
    assert_eq!(files.len(), 1);
    assert!(files[0].1.ends_with(&study[0].data_set), "the octets of the first object are given out");
    // After the refusal the first may still come again.
    assert_eq!(sender.store(&study[0]).status, 0);
}
