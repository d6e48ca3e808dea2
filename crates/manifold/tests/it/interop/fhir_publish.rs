//! HAPI's client, fhir-kit-client and fhir.resources as Document Sources: each builds its own Bundle of ITI-65, provides it,
//! and finds, reads and retrieves what it sent. Programs: `interop/hapi`, `tests/peers/fhir_publish.{mjs,py}`.

use super::peers::{self, Peer};
use crate::weather::client::{Client, cx};

/// Base address, patient domain and a patient of this call's own, known to the node.
fn known_patient() -> [String; 3] {
    let network = super::scratch();
    let patient = format!("SOURCE{}", actors::short_id(&cx().identifiers.uuid()));
    Client::of(&network.http("central")).feed(&patient);
    [network.endpoint("central", "ITI-65"), synth::PATIENT_DOMAIN.to_owned(), patient]
}

#[test]
fn the_hapi_client_provides_in_json_and_in_xml_and_gets_it_back() {
    if peers::present(&[Peer::Hapi, Peer::Program("java")]) {
        let mut command = peers::hapi(&[&"publish"]);
        command.args(known_patient());
        peers::succeed(command);
    }
}

#[test]
fn fhir_kit_client_provides_and_gets_it_back() {
    if peers::present(&[Peer::NpmFhir, Peer::Program("node")]) {
        let mut command = peers::node("fhir_publish.mjs");
        command.args(known_patient());
        peers::succeed(command);
    }
}

#[test]
fn fhir_resources_writes_a_bundle_strictly_and_gets_it_back() {
    if peers::present(&[Peer::Python]) {
        let [base, domain, patient] = known_patient();
        peers::python("fhir_publish.py", &[&base, &domain, &patient]);
    }
}
