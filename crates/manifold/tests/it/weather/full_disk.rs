//! A node whose space is used up refuses with the standard's code, keeps what it has, and goes on when there is room.

use super::client::{Client, check_refused};
use super::modality::Modality;
use super::{documents, objects};
use crate::network::Files;
use dicom::tags;
use model::{Oid, UniqueId};

const SMALL: (&str, &str) = ("MANIFOLD__LIMITS__STORED_OCTETS", "200000");

#[test]
fn a_full_archive_refuses_objects_and_keeps_what_it_has() {
    let files = Files::write(&["--quiet-time-ms", "100"]);
    let central = files.serve("central", &[]);
    let centre = Client::to(&central);
    let north = files.serve("north", &[SMALL]);
    let connect = |address: String| Modality::connect(&address, "NORTH").expect("an association");
    let mut sender = connect(north.endpoint("DIMSE"));
    let small = objects::study("full-small", Some("P0001"), 2);
    sender.store_all(&small);
    let mut tail = objects::head(tags::PIXEL_DATA, b"OW", 300_000);
    tail.resize(tail.len() + 300_000, 1);
    let large = objects::with_tail(&synth::uid("weather/full/large"), &tail);
    for _ in 0..3 {
        let answer = sender.store(&large);
        assert_eq!(answer.status & 0xff00, 0xa700, "{}", answer.comment);
        assert!(answer.comment.contains("no room left"), "{}", answer.comment);
        assert_eq!(sender.echo(), 0);
    }
    // What was begun and refused takes no room: a small one still fits.
    sender.store_all(&[objects::member("full-small", Some("P0001"), 3)]);
    centre.await_manifest("P0001", &small[0].study);
    let hospital = Client::to(&north);
    assert_eq!(hospital.counts()["instances"], 3);
    drop(sender);
    north.stop();

    let north = files.serve("north", &[]);
    let mut sender = connect(north.endpoint("DIMSE"));
    sender.store_all(std::slice::from_ref(&large));
    centre.await_manifest("P0001", &large.study);
    let hospital = Client::to(&north);
    let images = hospital.images(&small[0].study).expect("earlier images");
    assert_eq!(images.len(), 3);
    assert!(images.iter().any(|(uid, file)| *uid == small[0].uid && file.ends_with(&small[0].data_set)));
    assert_eq!(hospital.images(&large.study).expect("the large image").len(), 1);
}

#[test]
fn a_full_repository_refuses_documents_and_keeps_what_it_has() {
    let files = Files::write(&[]);
    let repository = Oid::parse("2.999.1.1").unwrap();
    let central = files.serve("central", &[SMALL]);
    let centre = Client::to(&central);
    let (first, second) = (documents::fresh_unique_id(), documents::fresh_unique_id());
    let (fits, too_large) = (vec![b'a'; 120_000], vec![b'b'; 150_000]);
    centre.provide(documents::report("P0001", &first), &fits).expect("there is room for this");
    for _ in 0..3 {
        let outcome = centre.provide(documents::report("P0001", &second), &too_large);
        check_refused(outcome, "XDSRepositoryOutOfResources", &["no room left", "nothing of this request was kept"]);
    }
    let (first, second) = (UniqueId::parse(&first).unwrap(), UniqueId::parse(&second).unwrap());
    assert!(centre.with_unique_id(&second).expect("an answer").is_empty());
    assert_eq!(centre.retrieve(&repository, &first).expect("the first"), fits);
    central.stop();

    let central = files.serve("central", &[]);
    let centre = Client::to(&central);
    centre.provide(documents::report("P0001", second.as_str()), &too_large).expect("now there is room");
    assert_eq!(centre.retrieve(&repository, &second).expect("the second"), too_large);
    assert_eq!(centre.retrieve(&repository, &first).expect("the first"), fits);
}
