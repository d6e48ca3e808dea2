//! The demo's network as separate processes that share nothing but the wire. Source: design section 4, --write-config.

use super::client::Client;
use super::modality::Modality;
use super::{documents, objects};
use crate::network::Files;
use model::{Oid, UniqueId};

#[test]
fn three_processes_are_the_same_network() {
    let files = Files::write(&["--quiet-time-ms", "1500"]);
    let nodes = ["central", "north", "south"].map(|name| files.serve(name, &[]));
    let [central, north, south] = &nodes;
    let centre = Client::to(central);
    for (hospital, title) in [(north, "NORTH"), (south, "SOUTH")] {
        let study = objects::study(&format!("processes-{title}"), Some("P0003"), 3);
        let mut sender = Modality::connect(&hospital.endpoint("DIMSE"), title).expect("an association");
        sender.store_all(&study);
        sender.release();
        let manifest = centre.await_manifest("P0003", &study[0].study);
        let repository = manifest.repository_unique_id.clone().expect("a repository");
        let holder = if title == "SOUTH" { Client::to(south) } else { centre.clone() };
        let octets = holder.retrieve(&repository, &manifest.unique_id).expect("the manifest");
        assert_eq!(dicom::kos::decode(&octets).expect("a manifest").manifests[0].instances().count(), 3);
        let images = Client::to(hospital).images(&study[0].study).expect("images");
        assert_eq!(images.len(), 3);
    }
    // The south's own repository registers at the centre.
    let unique_id = UniqueId::parse(&documents::fresh_unique_id()).unwrap();
    let south = Client::to(south);
    south.provide(documents::report("P0003", unique_id.as_str()), b"<report/>").expect("a report");
    let entry = centre.with_unique_id(&unique_id).expect("an answer").pop().expect("the report is registered");
    assert_eq!(entry.repository_unique_id, Oid::parse("2.999.1.3").ok());
    for node in nodes {
        node.stop();
    }
}
