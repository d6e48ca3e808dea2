//! IPF, the platform that many XDS products stand on, meets a network: it encodes the requests, and its response validators
//! look at every answer. The client is `interop/ipf`.

use super::peers::{self, Peer};
use crate::network::Network;
use crate::weather::client::{Client, cx, patient, wait_for};
use actors::{Identity, PatientNews};
use model::{AvailabilityStatus, DocumentQuery, Oid, Patient, PatientId, PersonName};
use transactions::iti44_patient_identity_feed_v3 as iti44;

/// Where an Imaging Document Source answers RAD-69, and one of its instances as a manifest names it. Nothing without Python:
/// the client then says that it skips.
fn image() -> Vec<String> {
    if !peers::present(&[Peer::Python]) {
        return Vec::new();
    }
    let printed = peers::python("an_image.py", &[&Network::seeded().endpoints_file()]);
    printed.split_whitespace().map(str::to_owned).collect()
}

/// ITI-44: makes a patient known.
fn feed(node: &Client, id: &PatientId) {
    let name = PersonName { family: "Invented".into(), given: "Ipf".into(), ..PersonName::default() };
    let patient = Patient {
        id: id.clone(),
        other_ids: Vec::new(),
        name,
        birth_date: None,
        sex: None,
        details: Default::default(),
    };
    let device = |text: &str| Oid::parse(text).expect("an OID");
    let (sender, receiver) = (device("2.999.40.2"), device("2.999.40.3"));
    let client = iti44::Client { peer: node.peer("/xds/registry"), sender, receiver };
    wait_for(client.feed(&patient, PatientNews::Added, &cx())).expect("the node takes the patient");
}

#[test]
fn ipf_accepts_every_answer_and_what_it_published_is_in_the_registry() {
    if !peers::present(&[Peer::Ipf, Peer::Program("java")]) {
        return;
    }
    let network = super::scratch();
    let (node, id) = (Client::of(&network.http("central")), patient("IPF-1"));
    feed(&node, &id);
    let repository = network.node("central")["repository_unique_id"].as_str().expect("the centre has a repository");
    let mut arguments = vec![
        format!("registry={}", network.endpoint("central", "ITI-18")),
        format!("repository={}", network.endpoint("central", "ITI-41")),
        format!("repository-id={repository}"),
        format!("patient={}", id),
    ];
    arguments.extend(image());
    let printed = peers::ipf_client(&arguments);
    assert!(printed.contains("steps, all accepted"), "{printed}");
    assert!(printed.contains("RAD-69 gives an instance") || printed.contains("skipped: RAD-69"), "{printed}");

    let entries = node.find(&DocumentQuery::of_patient(id)).expect("the registry answers");
    let mut found: Vec<(&str, AvailabilityStatus)> =
        entries.iter().map(|entry| (entry.title.value().unwrap_or_default(), entry.availability_status)).collect();
    found.sort_by_key(|(title, _)| *title);
    use AvailabilityStatus::{Approved, Deprecated};
    assert_eq!(
        found,
        [
            ("Chest CT, report", Deprecated),
            ("Chest CT, report, corrected", Approved),
            ("Chest CT, second reading", Deprecated),
            ("Chest CT, second reading, renamed", Deprecated),
        ]
    );
    let current = entries.iter().find(|entry| entry.availability_status == Approved).expect("the replacement");
    assert_eq!(current.comments.value(), Some("two lungs & one <heart>"));
    let repository = current.repository_unique_id.as_ref().expect("the repository's id");
    assert_eq!(node.retrieve(repository, &current.unique_id), Ok(b"A finding after all.".to_vec()));
}
