//! The portal in headless Chromium, over the seeded demo: ui.md's checks at phone and desktop width, by axe-core too.

use super::peers::{self, Peer};
use crate::network::Network;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn chromium_finds_a_patient_filters_reads_and_looks_without_an_axe_violation() {
    if !peers::present(&[Peer::BrowserTools, Peer::Program("node"), Peer::Program("chromium")]) {
        return;
    }
    let network = Network::seeded();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pages/browser/portal.mjs");
    let shots = shots();
    let mut command = Command::new(peers::path(Peer::Program("node")));
    command.arg(script).arg(network.http("central")).arg(&shots).env("MANIFOLD_PEERS", peers::npm());
    println!("screenshots are in {}", shots.display());
    peers::succeed(command);
}

/// Where the pictures stay for somebody to look at.
fn shots() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("portal")
}
