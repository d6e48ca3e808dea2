//! The NIST XDS toolkit's plans for a Document Registry and a Document Repository, replayed against a node of its own.
//! `cargo xtask nist` shows one line per plan. Source: spec xds.md section 28, way 2.
//!
//! Two lists belong to it: `nist-skipped.txt` has the plans that do not apply, each with its reason;
//! `nist-failing.txt` has the plans that do not pass yet, each with its reason. A plan that fails without being in the
//! second list fails this test, and so does one that is in it and passes (`UPDATE_GOLDEN=1` takes its line out).

use crate::network::{MANIFOLD, Process, folder, free_port_base};
use net::{ClientTls, HttpClient, HttpClientOptions};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::nist::{HttpPeer, Kit, List, PATIENT_DOMAIN, Peer, Reply, Runner, Test, Verdicts, group};

fn lists() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")
}

fn list(name: &str) -> List {
    let path = lists().join(name);
    let text = std::fs::read_to_string(&path).expect("the list is there");
    List::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data")
}

/// The node under test; the folder goes with it.
struct Node {
    _process: Process,
    peer: Box<dyn Peer>,
    _folder: tempfile::TempDir,
}

/// What a node for some of the tests is like.
struct Setting {
    /// What happens to a code that the kit's value sets do not have.
    check: &'static str,
    /// Both sides show a certificate.
    tls: bool,
    takes: fn(&str) -> bool,
}

/// These send messages as they were recorded, with codes that the kit's value sets no longer have.
const OLD_CODES: [&str; 2] = ["PnrXop", "PnrNoXop"];
/// This says that it wants TLS.
const OVER_TLS: &str = "12028";

const SETTINGS: [Setting; 3] = [
    Setting { check: "refuse", tls: false, takes: |test| !OLD_CODES.contains(&test) && test != OVER_TLS },
    Setting { check: "warn", tls: false, takes: |test| OLD_CODES.contains(&test) },
    Setting { check: "refuse", tls: true, takes: |test| test == OVER_TLS },
];

/// A node over mutual TLS.
struct TlsPeer {
    base: String,
    http: HttpClient,
    runtime: tokio::runtime::Runtime,
}

impl Peer for TlsPeer {
    fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Reply, String> {
        let request = self.http.post(&format!("{}{path}", self.base)).header("Content-Type", content_type);
        self.runtime.block_on(async {
            let response = self.http.send(request.body(body.to_vec())).await.map_err(|error| error.to_string())?;
            let header = response.headers().get("content-type").and_then(|value| value.to_str().ok());
            let (status, content_type) = (response.status().as_u16(), header.unwrap_or_default().to_owned());
            let body = response.bytes().await.map_err(|error| error.to_string())?.to_vec();
            Ok(Reply { status, content_type, body })
        })
    }
}

/// Writes `ca.pem`, and a certificate and key for each side. Shape: a client that trusts the authority and shows itself.
fn certificates(folder: &Path) -> HttpClient {
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a certificate can be written");
        path
    };
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = write("ca.pem", params.self_signed(&key).expect("an authority").pem());
    let issuer = Issuer::new(params, key);
    let sign = |side: &str| {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        (write(&format!("{side}.pem"), certificate.pem()), write(&format!("{side}.key"), key.serialize_pem()))
    };
    sign("node");
    let (certificate, key) = sign("kit");
    let tls = ClientTls { ca: Some(ca), certificate: Some(certificate), key: Some(key) };
    HttpClient::new(&HttpClientOptions { tls, ..HttpClientOptions::default() }).expect("a client")
}

/// A registry, a repository and a patient identity manager on a port of their own, with the value sets of the kit.
fn start(codes_xml: &Path, Setting { check, tls, .. }: &Setting) -> Node {
    let folder = folder();
    let codes = folder.path().join("codes.toml");
    let output = Command::new(MANIFOLD)
        .args(["config", "codes", "import"])
        .arg(codes_xml)
        .arg("--output")
        .arg(&codes)
        .output()
        .expect("manifold runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&codes).expect("the value sets were written");
    let text = text.replace("check = \"refuse\"", &format!("check = \"{check}\""));
    std::fs::write(&codes, text).expect("the value sets can be written");
    let port = free_port_base();
    let address = format!("127.0.0.1:{port}");
    let (scheme, listen_tls, peer): (_, _, Box<dyn Peer>) = if *tls {
        let http = certificates(folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let peer = TlsPeer { base: format!("https://localhost:{port}"), http, runtime };
        let keys = "[listen.tls]\ncertificate = \"node.pem\"\nkey = \"node.key\"\nclient_ca = \"ca.pem\"\n\n";
        ("https", keys, Box::new(peer))
    } else {
        ("http", "", Box::new(HttpPeer { address: address.clone() }))
    };
    let config = folder.path().join("kit.toml");
    let text = format!(
        "[node]\nname = \"kit\"\nhome_community_id = \"urn:oid:2.999.390\"\npublic_url = \"{scheme}://localhost:{port}\"\n\
         data = \"data\"\n\n[listen]\nhttp = \"{address}\"\n\n{listen_tls}[affinity_domain]\npatient_domain = \"{PATIENT_DOMAIN}\"\n\
         codes = \"codes.toml\"\nunknown_patient = \"refuse\"\n\n[actors.document_registry]\n\
         population_queries = true\n\
         [actors.document_repository]\nunique_id = \"2.999.390.1\"\n[actors.patient_identity_manager]\n"
    );
    std::fs::write(&config, text).expect("the configuration can be written");
    let endpoints = folder.path().join("endpoints.json");
    let mut command = Command::new(MANIFOLD);
    command.arg("serve").arg(&config).arg("--endpoints").arg(&endpoints).env("RUST_LOG", "warn");
    let mut process = Process::start(command, &folder.path().join("kit.log"), Path::new(""));
    if let Err(log) = process.await_file(&endpoints) {
        panic!("manifold serve kit.toml did not become ready:\n{log}");
    }
    Node { _process: process, peer, _folder: folder }
}

#[test]
fn a_node_does_what_the_plans_of_the_nist_kit_expect_of_registry_and_repository() {
    let (kit, codes) = (shared().join("nist/tests"), shared().join("xds/nist-testkit/env/codes.xml"));
    let Some(kit) = Kit::open(&kit).filter(|_| codes.is_file()) else {
        eprintln!("skipped: ../shared/data/nist/tests or ../shared/data/xds/nist-testkit/env/codes.xml not present");
        return;
    };
    let (skipped, failing) = (list("nist-skipped.txt"), list("nist-failing.txt"));
    let tests = kit.tests().expect("the kit can be read");
    assert_eq!(
        skipped.unknown(&tests),
        Vec::<String>::new(),
        "nist-skipped.txt names plans that the kit does not have"
    );
    assert_eq!(
        failing.unknown(&tests),
        Vec::<String>::new(),
        "nist-failing.txt names plans that the kit does not have"
    );
    let leave_out = |test: &str, section: &str| skipped.reason(test, section).is_some();
    let mut ran = Vec::new();
    for setting in &SETTINGS {
        let node = start(&codes, setting);
        let mut runner = Runner::new(&kit, &*node.peer, &leave_out);
        let ours = |test: &&Test| group(test).is_some() && (setting.takes)(&test.name);
        tests.iter().filter(ours).for_each(|test| runner.run(test));
        for (what, times) in &runner.ignored {
            println!("ignored: {what}, {times} times");
        }
        ran.extend_from_slice(runner.ran());
    }
    let verdicts = Verdicts::of(&tests, &ran, &skipped);
    println!("{}", verdicts.report());
    let listed =
        |plan: &str| plan.split_once('/').is_some_and(|(test, section)| failing.reason(test, section).is_some());
    let passing: Vec<&str> = verdicts.passed().filter(|plan| listed(plan)).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        forget(&passing);
    } else {
        assert_eq!(passing, Vec::<&str>::new(), "take these lines out of nist-failing.txt: the plans pass");
    }
    let unexpected: Vec<String> =
        verdicts.failed().filter(|(plan, _)| !listed(plan)).map(|(plan, reason)| format!("{plan}  {reason}")).collect();
    let (left_out, all) = verdicts.left_out();
    assert!(left_out * 20 <= all, "{left_out} of {all} plans are left out, more than one in twenty");
    assert!(unexpected.is_empty(), "{} plans fail:\n{}", unexpected.len(), unexpected.join("\n"));
}

/// Takes plans out of the list of failing ones.
fn forget(passing: &[&str]) {
    let path = lists().join("nist-failing.txt");
    let text = std::fs::read_to_string(&path).expect("the list is there");
    let names = |line: &str| line.split('|').next().is_some_and(|plan| passing.contains(&plan.trim()));
    let kept: String = text.lines().filter(|line| !names(line)).map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, kept).expect("the list can be written");
}
