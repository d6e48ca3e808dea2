//! Installs what the interoperability tests talk to and what the check itself runs: Debian packages when we are root,
//! a Python venv, npm packages and programs in Java (built by Maven) under the target folder, and cargo-deny beside them.
//!
//! Everything is pinned; a stamp holding the pins' text tells whether an installation is current, and is written last,
//! so that an interrupted installation is done again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{self, find_program};
use crate::workspace::Workspace;

const CARGO_DENY: &str = "0.20.2";
const INTERPRETERS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// What a system package is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The check and its tests.
    Check,
    /// Comparisons in docs/performance.md only.
    Bench,
}

/// How to see that a package is there, whoever installed it: a newer Node from elsewhere is as good as Debian's.
#[derive(Debug, Clone, Copy)]
enum Probe {
    Program(&'static str),
    File(&'static str),
    /// A Python of 3.11 or later that can make a venv with pip in it.
    PythonVenv,
}

struct SystemPackage {
    name: &'static str,
    group: Group,
    probe: Probe,
}

const fn package(name: &'static str, group: Group, probe: Probe) -> SystemPackage {
    SystemPackage { name, group, probe }
}

const SYSTEM_PACKAGES: &[SystemPackage] = &[
    package("dcmtk", Group::Check, Probe::Program("storescu")),
    package("libxml2-utils", Group::Check, Probe::Program("xmllint")),
    package("chromium", Group::Check, Probe::Program("chromium")),
    // Chromium draws boxes for letters when no font is there.
    package("fonts-liberation", Group::Check, Probe::File("/usr/share/fonts/truetype/liberation")),
    package("python3-venv", Group::Check, Probe::PythonVenv),
    package("nodejs", Group::Check, Probe::Program("node")),
    package("npm", Group::Check, Probe::Program("npm")),
    package("nginx-light", Group::Check, Probe::Program("nginx")),
    package("poppler-utils", Group::Check, Probe::Program("pdftotext")),
    package("curl", Group::Check, Probe::Program("curl")),
    package("default-jdk-headless", Group::Check, Probe::Program("javac")),
    package("maven", Group::Check, Probe::Program("mvn")),
    package("orthanc", Group::Check, Probe::Program("Orthanc")),
    package("orthanc-dicomweb", Group::Bench, Probe::File("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")),
];

/// System packages are missing and we cannot install them: not root, or not Debian.
#[derive(Debug)]
pub struct MissingPackages {
    packages: Vec<&'static str>,
}

impl fmt::Display for MissingPackages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "system packages are missing; as root on Debian run this, then try again:\n\
             apt-get install --yes --no-install-recommends {}",
            self.packages.join(" ")
        )
    }
}

impl std::error::Error for MissingPackages {}

/// Installs whatever of the groups is missing; says nothing about what is there.
///
/// Errors: [`MissingPackages`] when root is needed; any installer that fails.
pub fn install(workspace: &Workspace, groups: &[Group]) -> Result<()> {
    install_system_packages(groups)?;
    install_python(workspace).context("installing the Python peers")?;
    install_npm(workspace).context("installing the npm peers")?;
    for program in JAVA_PROGRAMS.iter().filter(|program| groups.contains(&program.group)) {
        install_java(workspace, program)?;
    }
    install_cargo_deny(workspace).context("installing cargo-deny")
}

fn install_system_packages(groups: &[Group]) -> Result<()> {
    let packages = missing(groups);
    if packages.is_empty() {
        return Ok(());
    }
    if !is_root() || find_program("apt-get").is_none() {
        return Err(MissingPackages { packages }.into());
    }
    println!("installing {}", packages.join(" "));
    command::run(apt_get().arg("update"))?;
    command::run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(&packages))?;
    let still = missing(groups);
    if !still.is_empty() {
        bail!("apt-get installed them, but these are still not found: {}", still.join(" "));
    }
    Ok(())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    // Packages of servers start them when installed; in run level 1 they do not. Tests start their own.
    command.env("RUNLEVEL", "1");
    command
}

fn missing(groups: &[Group]) -> Vec<&'static str> {
    let wanted = SYSTEM_PACKAGES.iter().filter(|package| groups.contains(&package.group));
    wanted.filter(|package| !is_there(package.probe)).map(|package| package.name).collect()
}

fn is_there(probe: Probe) -> bool {
    match probe {
        Probe::Program(name) => find_program(name).is_some(),
        Probe::File(path) => Path::new(path).exists(),
        Probe::PythonVenv => python().is_some(),
    }
}

fn is_root() -> bool {
    command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn python() -> Option<&'static str> {
    let test = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    INTERPRETERS.into_iter().find(|python| command::succeeds(Command::new(python).args(["-c", test])))
}

fn install_python(workspace: &Workspace) -> Result<()> {
    let requirements = workspace.root.join("xtask/peers/python/requirements.txt");
    let pins = read(&requirements)?;
    let (folder, stamp) = (workspace.peers().join("py"), workspace.peers().join("py.stamp"));
    let interpreter = folder.join("bin/python");
    if is_current(&stamp, &pins) && command::succeeds(Command::new(&interpreter).arg("--version")) {
        return Ok(());
    }
    println!("installing the Python peers");
    start_over(&folder, &stamp)?;
    let python = python().context("no Python 3.11 with venv and ensurepip")?;
    command::run(Command::new(python).args(["-m", "venv"]).arg(&folder))?;
    let flags = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"];
    command::run(Command::new(&interpreter).args(flags).arg(&requirements))?;
    write(&stamp, &pins)
}

fn install_npm(workspace: &Workspace) -> Result<()> {
    let from = workspace.root.join("xtask/peers/npm");
    let (package, lock) = (read(&from.join("package.json"))?, read(&from.join("package-lock.json"))?);
    let (folder, stamp) = (workspace.peers().join("npm"), workspace.peers().join("npm.stamp"));
    let pins = format!("{package}{lock}");
    if is_current(&stamp, &pins) && folder.join("node_modules").is_dir() {
        return Ok(());
    }
    println!("installing the npm peers");
    start_over(&folder, &stamp)?;
    write(&folder.join("package.json"), &package)?;
    write(&folder.join("package-lock.json"), &lock)?;
    // Scripts of packages are not run: one would try to download a browser; the tests use Debian's.
    let flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    command::run(Command::new("npm").args(flags).current_dir(&folder))?;
    write(&stamp, &pins)
}

/// A Java program of ours on somebody's libraries: its folder below `interop` and below the peers, and what it is.
struct JavaProgram {
    folder: &'static str,
    what: &'static str,
    group: Group,
}

const JAVA_PROGRAMS: [JavaProgram; 3] = [
    JavaProgram { folder: "ipf", what: "the client on IPF", group: Group::Check },
    JavaProgram { folder: "hapi", what: "the client and validator on HAPI", group: Group::Check },
    JavaProgram { folder: "hapi-jpa", what: "the HAPI FHIR JPA server", group: Group::Bench },
];

/// Builds one of [`JAVA_PROGRAMS`]. Where Maven finds no repository of packages the tests go on without it, except in CI.
fn install_java(workspace: &Workspace, program: &JavaProgram) -> Result<()> {
    let from = workspace.root.join("interop").join(program.folder);
    let mut pins = read(&from.join("pom.xml"))?;
    for file in java_files(&from.join("src/main/java/manifold/interop"))? {
        pins.push_str(&read(&file)?);
    }
    let folder = workspace.peers().join(program.folder);
    let stamp = workspace.peers().join(format!("{}.stamp", program.folder));
    if is_current(&stamp, &pins) && folder.join("lib").is_dir() {
        return Ok(());
    }
    println!("building {}", program.what);
    start_over(&folder, &stamp)?;
    let out = format!("-Dout={}", folder.display());
    let built = command::run(
        Command::new("mvn")
            .args(["--batch-mode", "--quiet", "-Dstyle.color=never", &out, "compile"])
            .current_dir(&from),
    );
    match built {
        Ok(()) => write(&stamp, &pins),
        Err(error) if std::env::var_os("CI").is_some() => Err(error.context(format!("building {}", program.what))),
        Err(error) => {
            println!("skipped: {} could not be built ({error}); what needs it will say so", program.what);
            fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))
        }
    }
}

/// Sorted, so that they read the same every time.
fn java_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "java"));
    files.sort();
    Ok(files)
}

fn install_cargo_deny(workspace: &Workspace) -> Result<()> {
    let installed = Command::new(cargo_deny(workspace)).arg("--version").output();
    if installed
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == format!("cargo-deny {CARGO_DENY}"))
    {
        return Ok(());
    }
    println!("installing cargo-deny {CARGO_DENY}");
    let build = workspace.tools().join("build");
    // Unoptimised and without its optional parts it builds in a third of the time, and runs in under a second.
    let flags = ["install", "--quiet", "--locked", "--force", "--profile", "dev", "--no-default-features", "--config"];
    let install = command::run(
        command::cargo()
            .args(flags)
            .args(["profile.dev.debug=false", &format!("cargo-deny@{CARGO_DENY}"), "--root"])
            .arg(workspace.tools())
            .env("CARGO_TARGET_DIR", &build)
            .current_dir(std::env::temp_dir()),
    );
    if build.exists() {
        fs::remove_dir_all(&build).with_context(|| format!("removing {}", build.display()))?;
    }
    install
}

/// Where the check's own cargo-deny is.
pub fn cargo_deny(workspace: &Workspace) -> std::path::PathBuf {
    workspace.tools().join("bin/cargo-deny")
}

fn is_current(stamp: &Path, pins: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text == pins)
}

/// Leaves `folder` there and empty, and no stamp.
fn start_over(folder: &Path, stamp: &Path) -> Result<()> {
    if stamp.exists() {
        fs::remove_file(stamp).with_context(|| format!("removing {}", stamp.display()))?;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_packages_are_told_as_one_apt_line() {
        let text = MissingPackages { packages: vec!["dcmtk", "curl"] }.to_string();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("apt-get")).collect();
        assert_eq!(lines, ["apt-get install --yes --no-install-recommends dcmtk curl"]);
    }

    #[test]
    fn an_installation_is_current_only_with_the_same_pins() {
        let folder = tempfile::tempdir().unwrap();
        let (peers, stamp) = (folder.path().join("py"), folder.path().join("py.stamp"));
        assert!(!is_current(&stamp, "a==1"));
        start_over(&peers, &stamp).unwrap();
        write(&stamp, "a==1").unwrap();
        assert!(is_current(&stamp, "a==1"));
        assert!(!is_current(&stamp, "a==2"));
        start_over(&peers, &stamp).unwrap();
        assert!(!is_current(&stamp, "a==1"));
    }
}
