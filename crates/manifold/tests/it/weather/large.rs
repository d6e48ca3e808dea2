//! Very large instances and studies of very many: memory stays where it is, and everything arrives.
//! MANIFOLD_LARGE_OCTETS sets the size of the one instance (`deep`: 2 GiB), MANIFOLD_LARGE_INSTANCES how many the other study
//! has (`deep`: 100,000). Source: design section 6.

use super::client::{Client, until};
use super::memory_peak_octets;
use super::modality::Modality;
use super::objects::{self, CT, EXPLICIT_LE};
use crate::network::Network;
use dicom::dimse::{ProposedContext, RequestorConfig, status};
use dicom::tags;
use net::DimseClient;
use std::io::Read;
use std::time::Duration;

/// What a transfer may add to a node's memory, whatever its size.
const GROWTH: u64 = 64 << 20;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn peak(network: &Network) -> u64 {
    memory_peak_octets(network.process_id()).expect("the system says how much memory a process had")
}

#[test]
fn an_instance_of_many_octets_passes_through_without_growing_the_node() {
    let octets = number("MANIFOLD_LARGE_OCTETS", 256 << 20);
    let network = Network::demo(&["--empty", "--architecture", "c", "--quiet-time-ms", "300"]);
    let centre = Client::of(&network.http("central"));
    // Something small first, so that what every transfer needs is there.
    let small = objects::study("before the large one", Some("P0008"), 1);
    let mut sender = Modality::connect(&network.endpoint("central", "DIMSE"), "CENTRAL").expect("an association");
    sender.store_all(&small);
    sender.release();
    centre.await_manifest("P0008", &small[0].study);
    centre.images(&small[0].study).expect("images");
    let before = peak(&network);

    let uid = synth::uid("weather/large");
    let study = objects::study_uid("large");
    let plan = objects::Plan {
        patient: Some("P0008"),
        study: &study,
        series: &synth::uid("weather/large/series"),
        uid: &uid,
        number: 1,
    };
    let mut set = objects::data_set(&plan);
    set.remove(tags::PIXEL_DATA);
    let mut head = set.encode_explicit_le();
    head.extend(objects::head(tags::PIXEL_DATA, b"OW", u32::try_from(octets).expect("fewer than 4 GiB")));
    let length = head.len() as u64 + octets;
    let contexts = ProposedContext::to_store([(CT, EXPLICIT_LE)]).expect("a context");
    let config = RequestorConfig::new("CT1", "CENTRAL", contexts);
    let address = network.endpoint("central", "DIMSE");
    let mut client = DimseClient::connect(&address, config, Duration::from_secs(5)).expect("an association");
    let context = client.context_for(CT, EXPLICIT_LE).expect("CT images");
    let mut data_set = head.as_slice().chain(std::io::repeat(0x5A).take(octets));
    let response = client.store(context, CT, &uid, &mut data_set).expect("an answer");
    assert_eq!(response.status(), Some(status::SUCCESS), "{:?}", response.error_comment());
    client.release().expect("a release");

    centre.await_manifest("P0008", &study);
    let path = format!("/dicomweb/studies/{study}/series/{}/instances/{uid}", plan.series);
    let (status, came) = centre.count(&path, "application/dicom");
    assert!(status == 200 && came >= length, "{status}: {came} octets of {length}");
    let (status, came) = centre.count(&format!("{path}/bulkdata/7FE00010"), "application/octet-stream");
    assert_eq!((status, came), (200, octets));
    let growth = peak(&network).saturating_sub(before);
    println!("{octets} octets in and out twice: {growth} octets of memory more than before");
    assert!(growth < GROWTH, "the node grew by {growth} octets for an instance of {octets}");
}

#[test]
fn a_study_of_many_instances_is_published_fetched_and_deleted_whole() {
    let count = u32::try_from(number("MANIFOLD_LARGE_INSTANCES", 3_000)).expect("a number of instances");
    let network = Network::demo(&["--empty", "--architecture", "c", "--quiet-time-ms", "1000"]);
    let centre = Client::of(&network.http("central"));
    let study = objects::study_uid("many");
    std::thread::scope(|scope| {
        // Several associations, as a scanner with many series would.
        for part in 0..4 {
            let (address, share) = (network.endpoint("central", "DIMSE"), count / 4 + u32::from(part < count % 4));
            scope.spawn(move || {
                let mut sender = Modality::connect(&address, "CENTRAL").expect("an association");
                for number in 0..share {
                    sender.store_all(&[objects::member("many", Some("P0009"), number * 4 + part + 1)]);
                }
                sender.release();
            });
        }
    });
    until("a manifest of all", || {
        let current = centre.current_manifests("P0009", &study).expect("an answer").pop()?;
        let octets = centre.retrieve(current.repository_unique_id.as_ref()?, &current.unique_id).ok()?;
        (dicom::kos::decode(&octets).expect("a manifest").manifests[0].instances().count() == count as usize)
            .then_some(())
    });
    let (status, octets) = centre.count(&format!("/dicomweb/studies/{study}"), "*/*");
    assert!(status == 200 && octets > u64::from(count) * 600, "{status}: {octets} octets");
    let (status, octets) = centre.count(&format!("/dicomweb/studies/{study}/metadata"), "application/dicom+json");
    assert!(status == 200 && octets > u64::from(count) * 600, "{status}: {octets} octets");
    assert_eq!(centre.delete(&format!("/archive/studies/{study}")), (200, format!("{count} instances deleted\n")));
    until("the manifest is withdrawn", || {
        centre.current_manifests("P0009", &study).expect("an answer").is_empty().then_some(())
    });
}
