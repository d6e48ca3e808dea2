//! HAPI FHIR, the npm packages fhir and fhir-kit-client, and Python's fhir.resources meet the FHIR door: as validators of
//! every kind of answer, and as Document Consumers. Programs: `interop/hapi`, `tests/peers/fhir.mjs`, `fhir_resources.py`.

use super::fhir_answers::Answers;
use super::peers::{self, Peer};
use crate::network::Network;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A patient of the demo with more documents than fit on a page of two.
const PATIENT: &str = "P0001";
/// StructureDefinitions of MHD 4.2.3, PIXm 3.1 and PDQm 3.2.
const GUIDES: &str = "data/fhir";

fn answers() -> &'static Answers {
    static ANSWERS: OnceLock<Answers> = OnceLock::new();
    ANSWERS.get_or_init(|| Answers::collect(Network::seeded(), super::scratch()))
}

/// HAPI's validator, with the guides when they are there: what it printed.
fn hapi_validates(paths: &[&Path]) -> String {
    let guides = peers::shared(GUIDES);
    let mut command = peers::hapi(&[&"validate"]);
    if peers::present(&[Peer::Shared(GUIDES)]) {
        command.arg("--profiles").arg(guides);
    } else {
        eprintln!("validating against R4 only");
    }
    command.args(paths);
    peers::succeed(command)
}

/// Lines `severity | file | place | message` that say more than a warning.
fn errors(printed: &str) -> Vec<&str> {
    printed.lines().filter(|line| line.starts_with("error | ") || line.starts_with("fatal | ")).collect()
}

#[test]
fn hapis_validator_finds_no_error_in_any_answer() {
    if !peers::present(&[Peer::Hapi, Peer::Program("java")]) {
        return;
    }
    let printed = hapi_validates(&[answers().folder()]);
    let found = errors(&printed);
    assert!(found.is_empty(), "{} errors:\n{}", found.len(), found.join("\n"));
    let closing = printed.lines().last().unwrap_or_default();
    let files = answers().files("json").len() + answers().files("xml").len();
    assert!(closing.starts_with(&format!("{files} resources against R4")), "{closing}");
    println!("{closing}");
}

/// A validator that knows no definitions finds nothing, and so would prove nothing.
#[test]
fn hapis_validator_finds_what_r4_and_the_guides_forbid() {
    if !peers::present(&[Peer::Hapi, Peer::Program("java")]) {
        return;
    }
    let folder = crate::network::folder();
    let broken = |name: &str, change: &dyn Fn(&mut Value)| -> PathBuf {
        let good = std::fs::read_to_string(answers().folder().join(name)).expect("an answer");
        let mut resource: Value = serde_json::from_str(&good).expect("JSON");
        change(&mut resource);
        let file = folder.path().join(format!("{}-{name}", folder.path().read_dir().expect("files").count()));
        std::fs::write(&file, resource.to_string()).expect("a file");
        file
    };
    let lose_identifier = |document: &mut Value| {
        document.as_object_mut().expect("a document").remove("masterIdentifier");
    };
    let r4 = broken("read.json", &|document| document["status"] = "approved".into());
    let mhd = broken("read.json", &|document| lose_identifier(document));
    let entry = broken("search-page.json", &|bundle| lose_identifier(&mut bundle["entry"][0]["resource"]));
    let printed = hapi_validates(&[&r4, &mhd, &entry]);
    let of = |file: &Path| {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        errors(&printed).iter().filter(|line| line.contains(name)).count()
    };
    assert!(of(&r4) > 0, "{printed}");
    for file in [&mhd, &entry] {
        assert_eq!(of(file) > 0, peers::shared(GUIDES).exists(), "{}: {printed}", file.display());
    }
}

#[test]
fn npm_fhir_finds_no_error_in_any_answer_and_each_survives_the_way_through_xml() {
    if !peers::present(&[Peer::NpmFhir, Peer::Program("node")]) {
        return;
    }
    let mut command = peers::npm_fhir(&[&"validate"]);
    command.args(answers().files("json")).args(answers().files("xml"));
    let printed = peers::succeed(command);
    let found = errors(&printed);
    assert!(found.is_empty(), "{} errors:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_hapi_client_searches_by_pages_reads_and_retrieves() {
    if !peers::present(&[Peer::Hapi, Peer::Program("java")]) {
        return;
    }
    let network = Network::seeded();
    let domain = network.endpoints()["patient_domain"].as_str().expect("a domain");
    let arguments = [
        format!("base={}", network.endpoint("central", "ITI-67")),
        format!("domain={domain}"),
        format!("patient={PATIENT}"),
    ];
    let mut command = peers::hapi(&[&"client"]);
    command.args(arguments);
    peers::succeed(command);
}

#[test]
fn fhir_kit_client_searches_by_pages_reads_and_retrieves() {
    if !peers::present(&[Peer::NpmFhir, Peer::Program("node")]) {
        return;
    }
    let network = Network::seeded();
    let domain = network.endpoints()["patient_domain"].as_str().expect("a domain");
    let base = network.endpoint("central", "ITI-67");
    peers::succeed(peers::npm_fhir(&[&"client", &base, &domain, &PATIENT]));
}

#[test]
fn fhir_resources_reads_every_answer_strictly_and_writes_it_again() {
    if !peers::present(&[Peer::Python]) {
        return;
    }
    let endpoints = Network::seeded().endpoints_file();
    let mut command = peers::python_command("fhir_resources.py", &[&endpoints, &PATIENT]);
    command.args(answers().files("json"));
    peers::succeed(command);
}
