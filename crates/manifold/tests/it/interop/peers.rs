//! The programs that the tests talk to: a Python with DICOM, SOAP and FHIR libraries, Java on IPF and HAPI, dcmtk, xmllint.
//! `cargo xtask check` installs them and sets `MANIFOLD_PEERS`; without them a test says that it skips, unless
//! `MANIFOLD_REQUIRE_PEERS=1`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a test needs beside `manifold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The venv with pydicom, pynetdicom, dicomweb-client, fhir.resources, lxml, requests and zeep.
    Python,
    /// `interop/ipf`, built. Required in CI only: elsewhere Maven may find no repository of packages.
    Ipf,
    /// `interop/hapi`, built; required as [`Peer::Ipf`] is.
    Hapi,
    /// The npm packages fhir, fhir-kit-client and @seriousme/openapi-schema-validator.
    NpmFhir,
    Dciodvfy,
    /// playwright-core and axe-core.
    BrowserTools,
    /// A program of the system, such as `storescu`.
    Program(&'static str),
    /// A folder beside the workspace that is not part of the project: schemas of others.
    Shared(&'static str),
}

/// True when all are there. Otherwise says what is missing; panics where it is required.
pub fn present(peers: &[Peer]) -> bool {
    let required = std::env::var_os("MANIFOLD_REQUIRE_PEERS").is_some_and(|v| v == "1");
    for peer in peers {
        let required = required && (!matches!(peer, Peer::Ipf | Peer::Hapi) || std::env::var_os("CI").is_some());
        match peer {
            Peer::Shared(path) if !shared(path).exists() => {
                eprintln!("skipped: ../shared/{path} not present");
                return false;
            }
            Peer::Shared(_) => {}
            _ if !path(*peer).is_file() => {
                assert!(!required, "peer {peer:?} is missing; run cargo xtask peers");
                eprintln!("skipped: peer {peer:?} missing; run cargo xtask check");
                return false;
            }
            _ => {}
        }
    }
    true
}

/// Where a program is, or would be.
pub fn path(peer: Peer) -> PathBuf {
    match peer {
        Peer::Python => venv().join("python"),
        Peer::Dciodvfy => venv().join("dciodvfy"),
        Peer::Ipf => installed().join("ipf/classes/manifold/interop/Client.class"),
        Peer::Hapi => installed().join("hapi/classes/manifold/interop/Hapi.class"),
        Peer::NpmFhir => npm().join("node_modules/fhir-kit-client/package.json"),
        Peer::BrowserTools => npm().join("node_modules/axe-core/axe.min.js"),
        Peer::Program(name) => {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file());
            found.unwrap_or_else(|| PathBuf::from(name))
        }
        Peer::Shared(path) => shared(path),
    }
}

/// A file or folder beside the workspace.
pub fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path)
}

fn venv() -> PathBuf {
    installed().join("py/bin")
}

/// The folder that holds `node_modules`.
pub fn npm() -> PathBuf {
    installed().join("npm")
}

fn installed() -> PathBuf {
    let peers = std::env::var_os("MANIFOLD_PEERS").map(PathBuf::from);
    // Where `cargo xtask peers` installs them.
    peers.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("../peers"))
}

/// A file of `tests/`.
pub fn tests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// Runs a script of `tests/peers/`. Panics with its output when it fails.
pub fn python(script: &str, arguments: &[&dyn AsRef<OsStr>]) -> String {
    succeed(python_command(script, arguments))
}

/// The command that runs a script of `tests/peers/`.
pub fn python_command(script: &str, arguments: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = Command::new(path(Peer::Python));
    command.args(["-B", "-X", "utf8"]).arg(tests("peers").join(script));
    command.args(arguments.iter().map(|argument| argument.as_ref()));
    command
}

/// Runs the client on IPF; arguments are `NAME=VALUE`. Panics with its output when an answer was refused.
pub fn ipf_client(arguments: &[String]) -> String {
    let mut command = java("ipf", "Client");
    command.args(arguments);
    succeed(command)
}

/// The command that runs `interop/hapi`: its validator or its client.
pub fn hapi(arguments: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = java("hapi", "Hapi");
    command.args(arguments.iter().map(|argument| argument.as_ref()));
    command
}

/// The command that runs a class of one of the programs in Java.
fn java(program: &str, class: &str) -> Command {
    let mut command = Command::new(path(Peer::Program("java")));
    let folder = installed().join(program);
    let classes = std::env::join_paths([folder.join("classes"), folder.join("lib/*")]).expect("paths without colons");
    // It lives for seconds: the first compiler and one collector start quickest and leave the cores to others.
    command.args(["-Xmx2g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp"]);
    command.arg(classes).arg(format!("manifold.interop.{class}"));
    command
}

/// The command that runs `tests/peers/fhir.mjs`: the validator or the client of npm.
pub fn npm_fhir(arguments: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = node("fhir.mjs");
    command.args(arguments.iter().map(|argument| argument.as_ref()));
    command
}

/// The command that runs an ES module of `tests/peers/` with the packages of npm.
pub fn node(module: &str) -> Command {
    let mut command = Command::new(path(Peer::Program("node")));
    command.arg(tests("peers").join(module)).env("MANIFOLD_PEERS", npm());
    command
}

/// Runs a command and gives back what it printed. Panics when it fails.
pub fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = both(&output);
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    println!("{text}");
    text
}

/// Standard output, then standard error.
pub fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Validates XML files against a schema. Panics with what xmllint says.
pub fn xmllint(schema: &Path, files: &[PathBuf]) {
    assert!(!files.is_empty(), "nothing to validate");
    let mut command = Command::new(path(Peer::Program("xmllint")));
    command.args(["--nonet", "--huge", "--noout", "--schema"]).arg(schema).args(files);
    succeed(command);
}

/// The files of a folder with this extension, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry of the folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}
