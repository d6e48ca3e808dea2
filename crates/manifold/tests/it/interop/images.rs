//! Images by WADO-RS and RAD-69, asked for with dicomweb-client and dicomtrolley and read with pydicom.

use super::peers::{self, Peer};
use super::pydicom_files;
use crate::network::Network;

#[test]
fn dicomweb_client_retrieves_every_seeded_study_from_the_node_that_its_manifest_names() {
    if peers::present(&[Peer::Python]) {
        peers::python("images.py", &[&"seeded", &Network::seeded().endpoints_file()]);
    }
}

#[test]
fn dicomtrolley_retrieves_a_seeded_study_by_rad_69() {
    if peers::present(&[Peer::Python]) {
        peers::python("images.py", &[&"rad69", &Network::seeded().endpoints_file()]);
    }
}

#[test]
fn what_comes_back_of_pydicoms_files_is_what_was_sent_or_its_pixels() {
    let Some(sent) = pydicom_files::sent() else { return };
    let list = peers::tests("fixtures/made/pydicom-files.tsv");
    peers::python("images.py", &[&"pydicom", &sent.network.endpoints_file(), &list]);
}
