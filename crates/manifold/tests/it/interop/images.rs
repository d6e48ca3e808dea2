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
fn dicomweb_client_retrieves_every_seeded_study_of_a_central_archive() {
    if peers::present(&[Peer::Python]) {
        let network = Network::demo(&["--architecture", "c"]);
        peers::python("images.py", &[&"seeded", &network.endpoints_file()]);
    }
}

#[test]
fn dicomtrolley_retrieves_a_seeded_study_by_rad_69() {
    if peers::present(&[Peer::Python]) {
        peers::python("images.py", &[&"rad69", &Network::seeded().endpoints_file()]);
    }
}

#[test]
fn attributes_frames_and_pictures_are_what_pydicom_makes_of_the_objects() {
    if peers::present(&[Peer::Python]) {
        peers::python("dicomweb_resources.py", &[&"images", &Network::seeded().endpoints_file()]);
    }
}

#[test]
fn attributes_frames_and_pictures_of_pydicoms_files_are_what_pydicom_makes_of_them() {
    let Some(sent) = pydicom_files::sent() else { return };
    let list = peers::tests("fixtures/made/pydicom-files.tsv");
    peers::python("dicomweb_resources.py", &[&"pydicom", &sent.network.endpoints_file(), &list]);
}

#[test]
fn dicomweb_client_stores_by_stow_rs_and_is_told_what_was_not_stored() {
    if peers::present(&[Peer::Python]) {
        let network = Network::demo(&["--architecture", "c", "--empty", "--quiet-time-ms", "500"]);
        peers::python("stow.py", &[&network.endpoints_file(), &network.folder()]);
    }
}

#[test]
fn documents_and_videos_come_as_they_are() {
    if peers::present(&[Peer::Python]) {
        let network = Network::demo(&["--empty"]);
        peers::python("dicomweb_resources.py", &[&"documents", &network.endpoints_file(), &network.folder()]);
    }
}

#[test]
fn what_comes_back_of_pydicoms_files_is_what_was_sent_or_its_pixels() {
    let Some(sent) = pydicom_files::sent() else { return };
    let list = peers::tests("fixtures/made/pydicom-files.tsv");
    peers::python("images.py", &[&"pydicom", &sent.network.endpoints_file(), &list]);
}
