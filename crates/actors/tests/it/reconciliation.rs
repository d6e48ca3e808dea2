//! Published studies are compared with the registry and with what is stored. Source: spec/dicom.md section 6.

use crate::bench::{SECOND, wait};
use crate::fakes::{Act, silence};
use crate::publish::Network;
use crate::samples::*;
use actors::*;
use model::AvailabilityStatus::{Approved, Deprecated};
use store::StoreExt;

const ONE: &str = "2.25.71";
const OTHER: &str = "2.25.72";

/// Two published studies, compared one a second.
fn published() -> Network {
    let mut network = Network::new();
    network.source.policy.reconcile_micros = SECOND;
    network.receive(ONE, "2.25.711");
    network.receive(ONE, "2.25.712");
    network.receive(OTHER, "2.25.721");
    network.settle();
    assert_eq!((network.manifests(ONE).len(), network.manifests(OTHER).len()), (1, 1));
    network
}

/// As often as it takes to look at every study.
fn round(network: &Network) {
    for _ in 0..4 {
        network.pass(SECOND);
        network.turn();
    }
}

fn apart(network: &Network) -> usize {
    wait(out_of_sync(&*network.here.store)).unwrap()
}

fn nothing_happens(network: &Network) {
    let sent = network.repository.times();
    round(network);
    assert_eq!((network.repository.times(), apart(network)), (sent, 0));
    assert_eq!((network.state(ONE).held, network.state(OTHER).held), (None, None));
}

#[test]
fn what_is_as_it_was_published_stays_so() {
    nothing_happens(&published());
}

#[test]
fn a_manifest_that_somebody_deprecated_is_held_and_published_anew_when_it_goes_on() {
    let network = published();
    let id = network.manifests(ONE)[0].id.clone();
    network.centre.store.write_blocking(move |tx| tx.set_status(&id, Deprecated)).unwrap();
    round(&network);
    let reason = network.state(ONE).held.unwrap();
    assert!(reason.contains("deprecated at the registry") && reason.contains("manifold replay"), "{reason}");
    assert_eq!((apart(&network), network.state(OTHER).held), (1, None));
    assert_eq!(network.repository.times(), 2, "nothing is published against somebody's will");
    network.release(ONE);
    let now = network.here.cx.now_unix_micros();
    network.here.store.write_blocking(move |tx| tx.touch_study(&study(ONE), now)).unwrap();
    network.settle();
    let current: Vec<_> = network.manifests(ONE).into_iter().filter(|m| m.availability_status == Approved).collect();
    assert_eq!((current.len(), network.manifests(ONE).len()), (1, 2));
    nothing_happens(&network);
}

#[test]
fn a_manifest_that_the_registry_has_lost_is_held() {
    let network = published();
    let id = network.manifests(OTHER)[0].id.clone();
    network.centre.store.write_blocking(move |tx| tx.remove_object(&id)).unwrap();
    round(&network);
    assert!(network.state(OTHER).held.unwrap().contains("does not have this study's manifest any more"));
    assert_eq!(apart(&network), 1);
}

#[test]
fn a_registry_that_does_not_answer_has_said_nothing() {
    let network = published();
    for act in [|| Act::Partly, || Act::Refuse(silence())] {
        network.registry.on_find.plan((0..4).map(|_| act()));
        nothing_happens(&network);
    }
}

#[test]
fn instances_whose_files_are_gone_leave_the_manifest() {
    let network = published();
    network.maker.lose(&["2.25.712"]);
    round(&network);
    network.settle();
    assert_eq!(network.current(ONE).unwrap(), ["2.25.711"]);
    assert_eq!(network.manifests(ONE).len(), 2);
    nothing_happens(&network);
}

#[test]
fn a_study_none_of_whose_files_is_there_waits_for_somebody() {
    let network = published();
    network.maker.lose(&["2.25.721"]);
    round(&network);
    assert!(network.state(OTHER).held.unwrap().contains("mounted"));
    assert!(network.current(OTHER).is_some(), "nothing is withdrawn by itself");
    assert_eq!(apart(&network), 1);
}
