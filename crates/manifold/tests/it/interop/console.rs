//! The console of a hospital whose registry is down, in headless Chromium: what is stuck and why, who is down; and when
//! the registry is back, the button publishes the study and the row changes in its place.

use super::peers::{self, Peer};
use crate::network::Files;
use crate::weather::client::{Client, until};
use crate::weather::modality::Modality;
use crate::weather::objects;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn chromium_sees_a_study_stuck_behind_a_dead_registry_and_mends_it_with_the_keyboard() {
    if !peers::present(&[Peer::BrowserTools, Peer::Program("node"), Peer::Program("chromium")]) {
        return;
    }
    let files = Files::write(&["--quiet-time-ms", "100"]);
    let north = files.serve("north", &[]);
    let study = objects::study("console", Some("P0001"), 3);
    let mut sender = Modality::connect(&north.endpoint("DIMSE"), &north.endpoint("DIMSE-AET")).expect("an association");
    sender.store_all(&study);
    sender.release();
    let hospital = Client::to(&north);
    until("a study that is stuck", || {
        let jobs = hospital.status()["jobs"].as_array()?.clone();
        jobs.iter().any(|job| job["attempts"].as_u64() > Some(1)).then_some(())
    });
    let peer = hospital.status()["peers"][0].clone();
    assert_eq!((&peer["name"], &peer["state"]), (&"central".into(), &"does not answer".into()), "{peer}");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pages/browser/console.mjs");
    let shots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("console");
    println!("screenshots are in {}", shots.display());
    let mut command = Command::new(peers::path(Peer::Program("node")));
    command.arg(script).arg(north.endpoint("console")).arg(&shots).arg(&study[0].study);
    command.env("MANIFOLD_PEERS", peers::npm()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut browser = command.spawn().expect("node runs");
    let mut lines = BufReader::new(browser.stdout.take().expect("its output")).lines();
    let mut said = Vec::new();
    let asked = lines.by_ref().map_while(Result::ok).any(|line| {
        said.push(line.clone());
        line == "ready"
    });
    assert!(asked, "the browser ended before the registry was asked for: {said:?}");
    let central = files.serve("central", &[]);
    writeln!(browser.stdin.take().expect("its input"), "up").expect("the browser listens");
    said.extend(lines.map_while(Result::ok));
    assert!(browser.wait().expect("an end").success(), "{said:?}");
    let current = Client::to(&central).current_manifests("P0001", &study[0].study).expect("an answer");
    assert_eq!(current.len(), 1);
}
