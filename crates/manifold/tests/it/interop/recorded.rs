//! What our own nodes send each other, as schemas see it: three nodes in processes of their own, with recorders between
//! them.

use super::peers::{self, Peer};
use crate::network::{Files, MANIFOLD, Process, Served};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const SCHEMA: &str = "data/xds/validate/all.xsd";
const HL7V3: &str = "data/xds/ipf-hl7v3/schema/HL7V3/NE2008/multicacheschemas";

/// A recorder and its address.
struct Recorder {
    _process: Process,
    url: String,
}

impl Recorder {
    fn start(name: &str, target: &str, kept: &Path, folder: &Path) -> Recorder {
        let port_file = folder.join(format!("{name}.port"));
        let command = peers::python_command("recorder.py", &[&target, &kept, &port_file]);
        let mut process = Process::start(command, &folder.join(format!("{name}.log")), Path::new(""));
        let port = process.await_file(&port_file).unwrap_or_else(|log| panic!("the recorder did not start:\n{log}"));
        Recorder { _process: process, url: format!("http://127.0.0.1:{port}") }
    }
}

#[test]
fn every_body_that_nodes_send_each_other_is_as_its_schema_wants_it() {
    if !peers::present(&[Peer::Python, Peer::Program("xmllint"), Peer::Shared(SCHEMA), Peer::Shared(HL7V3)]) {
        return;
    }
    let files = Files::write(&["--quiet-time-ms", "300"]);
    let folder = files.folder();
    let kept = folder.join("kept");
    std::fs::create_dir(&kept).expect("a folder for the messages");
    let url = |offset: u16| format!("http://127.0.0.1:{}", files.port_base + offset);
    let to_central = Recorder::start("to-central", &url(0), &kept, folder);
    let to_south = Recorder::start("to-south", &url(20), &kept, folder);
    let centre = [("MANIFOLD__PEERS__CENTRAL__URL", to_central.url.as_str())];
    let central = files.serve("central", &[("MANIFOLD__PEERS__SOUTH__URL", &to_south.url)]);
    let north = files.serve("north", &centre);
    let south = files.serve("south", &centre);

    let endpoints = endpoints(folder, &[&central, &north, &south], &to_central.url);
    peers::python("recorded.py", &[&"images", &endpoints, &folder]);
    let report = folder.join("report.pdf");
    peers::python("reports.py", &[&"make_pdf", &report]);
    let mut publish = Command::new(MANIFOLD);
    publish.args(["publish", "--patient", "P0001", "--study", "2.25.815", "--title", "Report", "--node", "central"]);
    publish
        .args(["--institution", "North Hospital^^^^^&2.999.1.2&ISO^^^^1"])
        .arg("--report")
        .arg(&report)
        .arg("--endpoints")
        .arg(&endpoints);
    peers::succeed(publish);

    peers::python("recorded.py", &[&"kept", &report, &kept]);
    let (of_hl7v3, others): (Vec<PathBuf>, Vec<PathBuf>) =
        peers::files(&kept, "xml").into_iter().partition(|file| hl7v3(file).is_some());
    peers::xmllint(&peers::shared(SCHEMA), &others);
    for file in of_hl7v3 {
        let message = hl7v3(&file).expect("an HL7 v3 message");
        let body = folder.join(file.file_name().expect("a file"));
        peers::python("soap.py", &[&"body", &file, &body]);
        peers::xmllint(&peers::shared(HL7V3).join(format!("{message}.xsd")), &[body]);
    }
}

/// The endpoints file of nodes that run apart; the centre's repository is reached through the recorder.
fn endpoints(folder: &Path, nodes: &[&Served], to_central: &str) -> PathBuf {
    let mut nodes: Vec<Value> = nodes.iter().map(|node| node.endpoints["nodes"][0].clone()).collect();
    nodes[0]["endpoints"]["ITI-41"] = json!(format!("{to_central}/xds/repository"));
    let all = json!({"patient_domain": "2.999.7", "patients": [], "nodes": nodes});
    let file = folder.join("endpoints.json");
    std::fs::write(&file, all.to_string()).expect("the endpoints file can be written");
    file
}

/// The HL7 v3 message that a recorded file holds.
fn hl7v3(file: &Path) -> Option<String> {
    let name = file.file_stem()?.to_str()?.rsplit('-').next()?.to_owned();
    (name.starts_with("PRPA_") || name.starts_with("MCCI_")).then_some(name)
}
