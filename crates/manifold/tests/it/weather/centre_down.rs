//! The centre is away: hospitals go on receiving, say what waits and for whom, and catch up by themselves.

use super::client::{Client, check_refused, until};
use super::modality::Modality;
use super::{documents, objects};
use crate::network::{Files, Served};
use model::{AvailabilityStatus, Oid, UniqueId};

fn modality(served: &Served) -> Modality {
    Modality::connect(&served.endpoint("DIMSE"), &served.endpoint("DIMSE-AET")).expect("an association")
}

#[test]
fn a_study_sent_while_the_centre_is_down_waits_with_its_reason_and_arrives_once() {
    let files = Files::write(&["--quiet-time-ms", "100"]);
    let north = files.serve("north", &[]);
    let study = objects::study("centre-down", Some("P0001"), 3);
    let mut sender = modality(&north);
    sender.store_all(&study);
    sender.release();
    let hospital = Client::to(&north);
    let job = until("a job that says whom it waits for", || {
        let jobs = hospital.status()["jobs"].as_array().expect("a list of jobs").clone();
        jobs.into_iter().find(|job| job["error"].as_str().is_some_and(|e| e.contains("central")))
    });
    assert_eq!(job["key"], study[0].study);
    assert!(job["next_at"].as_i64().is_some_and(|at| at > 0), "{job}");

    let central = files.serve("central", &[]);
    let centre = Client::to(&central);
    let current = centre.await_manifest("P0001", &study[0].study);
    until("an empty outbox", || (hospital.status()["jobs"].as_array()?.is_empty()).then_some(()));
    let all = centre.manifests("P0001", &study[0].study).expect("an answer");
    assert_eq!(all.len(), 1, "one manifest was registered once");
    let document = centre.retrieve(&Oid::parse("2.999.1.1").unwrap(), &current.unique_id).expect("the manifest");
    let listed = dicom::kos::decode(&document).expect("a manifest").manifests[0].instances().count();
    assert_eq!(listed, 3);
}

#[test]
fn a_centre_that_dies_in_the_middle_changes_nothing_for_who_sends() {
    let files = Files::write(&["--quiet-time-ms", "100"]);
    let central = files.serve("central", &[]);
    let north = files.serve("north", &[]);
    let (hospital, centre) = (Client::to(&north), Client::to(&central));
    let before = objects::study("before-the-death", Some("P0002"), 2);
    let mut sender = modality(&north);
    sender.store_all(&before);
    centre.await_manifest("P0002", &before[0].study);

    central.kill();
    let after = objects::study("after-the-death", Some("P0003"), 2);
    sender.store_all(&after);
    sender.store_all(&[objects::member("before-the-death", Some("P0002"), 3)]);
    until("two jobs that wait", || {
        let jobs = hospital.status()["jobs"].as_array()?.clone();
        let waiting = jobs.iter().filter(|job| job["error"].as_str().is_some_and(|e| e.contains("central")));
        (waiting.count() == 2).then_some(())
    });

    let _central = files.serve("central", &[]);
    until("an empty outbox", || hospital.status()["jobs"].as_array()?.is_empty().then_some(()));
    assert_eq!(centre.current_manifests("P0003", &after[0].study).expect("an answer").len(), 1);
    let grown = centre.manifests("P0002", &before[0].study).expect("an answer");
    let approved = grown.iter().filter(|e| e.availability_status == AvailabilityStatus::Approved).count();
    assert_eq!((grown.len(), approved), (2, 1), "the grown study has one current manifest and the one it replaced");
    assert_eq!(hospital.images(&before[0].study).expect("images").len(), 3);
}

#[test]
fn a_repository_whose_registry_is_away_says_so_and_takes_the_document_later() {
    let files = Files::write(&[]);
    let south = files.serve("south", &[]);
    let hospital = Client::to(&south);
    let repository = Oid::parse("2.999.1.3").unwrap();
    let unique_id = documents::fresh_unique_id();
    // One in the database, one in a file.
    for document in [b"<report/>".to_vec(), vec![b'r'; 200_000]] {
        let unique_id = UniqueId::parse(&format!("{unique_id}.{}", document.len())).unwrap();
        let submission = documents::report("P0004", unique_id.as_str());
        check_refused(hospital.provide(submission, &document), "XDSRegistryNotAvailable", &["central"]);
        assert!(hospital.retrieve(&repository, &unique_id).is_err(), "it is not given out");
    }

    let central = files.serve("central", &[]);
    let centre = Client::to(&central);
    for document in [b"<report/>".to_vec(), vec![b'r'; 200_000]] {
        let unique_id = UniqueId::parse(&format!("{unique_id}.{}", document.len())).unwrap();
        assert!(centre.with_unique_id(&unique_id).expect("an answer").is_empty());
        hospital.provide(documents::report("P0004", unique_id.as_str()), &document).expect("the second attempt works");
        assert_eq!(centre.with_unique_id(&unique_id).expect("an answer").len(), 1);
        assert_eq!(hospital.retrieve(&repository, &unique_id).expect("the document"), document);
    }
}
