//! Real files of many makers and transfer syntaxes, sent by dcmtk's `storescu` to an empty network: each is accepted, held
//! or refused as `fixtures/pydicom-files.tsv` says, and the manifests that follow satisfy other people's checkers.

use super::peers::{self, Peer};
use crate::network::Network;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Some of the files call themselves by UIDs of arcs that do not exist; their manifests have to as well. UIDs that we make
/// are under 2.25.
fn is_of_the_files(error: &str) -> bool {
    error.starts_with("Error - Illegal root for UID uses non-existent ISO arc") && !error.contains("\"2.25.")
}

/// What dsrdump says of its own limits for every document in UTF-8, and for every one that names a template.
const DSRDUMP_CANNOT: [&str; 2] = [
    "W: The VR checker does not support this Specific Character Set: ISO_IR 192",
    "W: Check for template constraints not yet supported",
];

/// An empty demo that got all files, and the folder of the manifests made of them.
pub struct Sent {
    pub network: Network,
    pub manifests: PathBuf,
}

/// Sends once for all tests. None: a peer is missing.
pub fn sent() -> Option<&'static Sent> {
    static SENT: OnceLock<Option<Sent>> = OnceLock::new();
    SENT.get_or_init(|| {
        peers::present(&[Peer::Python, Peer::Program("storescu")]).then(|| {
            let network = Network::demo(&["--empty"]);
            let manifests = network.folder().join("manifests");
            std::fs::create_dir(&manifests).expect("a folder for the manifests");
            let list = peers::tests("fixtures/made/pydicom-files.tsv");
            peers::python("pydicom_files.py", &[&"send", &network.endpoints_file(), &list, &manifests]);
            Sent { network, manifests }
        })
    })
    .as_ref()
}

#[test]
fn each_of_pydicoms_files_is_published_held_or_refused_as_the_list_says() {
    sent();
}

#[test]
fn dciodvfy_finds_no_error_in_any_manifest() {
    if let Some(sent) = sent() {
        check_with_dciodvfy(&sent.manifests);
    }
}

#[test]
fn dsrdump_prints_every_manifest_without_a_complaint() {
    if let Some(sent) = sent() {
        check_with_dsrdump(&sent.manifests);
    }
}

/// Every manifest of a folder; dciodvfy knows what the standard wants of each attribute.
pub fn check_with_dciodvfy(folder: &Path) {
    if !peers::present(&[Peer::Dciodvfy]) {
        return;
    }
    for manifest in manifests(folder) {
        let output = Command::new(peers::path(Peer::Dciodvfy)).arg(&manifest).output().expect("dciodvfy runs");
        let text = peers::both(&output);
        let errors = text.lines().filter(|line| line.starts_with("Error") && !is_of_the_files(line));
        let errors: Vec<&str> = errors.collect();
        assert!(errors.is_empty(), "{}: {errors:#?}\n{text}", manifest.display());
        assert!(text.contains("KeyObjectSelectionDocument"), "{}: is it a manifest?\n{text}", manifest.display());
    }
}

/// Every manifest of a folder; dsrdump builds the document tree of its content.
pub fn check_with_dsrdump(folder: &Path) {
    if !peers::present(&[Peer::Program("dsrdump")]) {
        return;
    }
    for manifest in manifests(folder) {
        let mut command = Command::new(peers::path(Peer::Program("dsrdump")));
        let output = command.arg(&manifest).output().expect("dsrdump runs");
        let complaints = String::from_utf8_lossy(&output.stderr);
        let complaints: Vec<&str> = complaints.lines().filter(|line| !DSRDUMP_CANNOT.contains(line)).collect();
        assert!(output.status.success() && complaints.is_empty(), "{}: {complaints:#?}", manifest.display());
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains("Key Object Selection Document"), "{printed}");
    }
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let manifests = peers::files(folder, "dcm");
    assert!(!manifests.is_empty(), "no manifests in {}", folder.display());
    manifests
}
