//! MHD and the FHIR patient feed, compared with ITI-18.

use super::peers::{self, Peer};
use crate::network::Network;

#[test]
fn iti_67_finds_by_every_parameter_what_iti_18_finds() {
    if peers::present(&[Peer::Python]) {
        peers::python("mhd.py", &[&"search", &Network::seeded().endpoints_file()]);
    }
}

#[test]
fn a_patient_is_unknown_until_iti_104_feeds_it_and_bad_codes_are_refused_in_words() {
    if peers::present(&[Peer::Python]) {
        peers::python("mhd.py", &[&"feed", &super::scratch().endpoints_file()]);
    }
}
