//! The PACS that the tests start: dcmtk's dcmqrscp, Orthanc, and a script on pynetdicom that behaves badly. Each gets a
//! port of its own and is ended with the test.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A PACS that listens.
pub struct Pacs {
    pub address: String,
    pub ae_title: &'static str,
    child: Child,
    _folder: TempDir,
}

impl Drop for Pacs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says that a peer is missing, or fails where peers are required.
fn missing(what: &str) {
    let required = std::env::var_os("MANIFOLD_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "peer {what} is missing; run cargo xtask peers");
    eprintln!("skipped: peer {what} missing; run cargo xtask check");
}

fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // Orthanc is installed where only root looks.
    let found = std::env::split_paths(&folders)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        missing(name);
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn started(mut command: Command, ae_title: &'static str, port: u16, folder: TempDir) -> Pacs {
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let child = command.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null()).spawn().unwrap();
    let mut pacs = Pacs { address: format!("127.0.0.1:{port}"), ae_title, child, _folder: folder };
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(&pacs.address).is_err() {
        let over = pacs.child.try_wait().unwrap().is_some() || Instant::now() > deadline;
        let said = || std::fs::read_to_string(pacs._folder.path().join("log")).unwrap_or_default();
        assert!(!over, "{ae_title} does not listen:\n{}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
    pacs
}

/// dcmqrscp that sends to `destination` when asked to move to MANIFOLD.
pub fn dcmqrscp(destination: u16) -> Option<Pacs> {
    let program = program("dcmqrscp")?;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let port = free_port();
    let text = format!(
        "NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n\
         HostTable BEGIN\nmanifold = (MANIFOLD, 127.0.0.1, {destination})\nHostTable END\n\
         VendorTable BEGIN\nVendorTable END\n\
         AETable BEGIN\nDCMQRSCP {} RW (200, 1024mb) ANY\nAETable END\n",
        store.display()
    );
    let file = folder.path().join("dcmqrscp.cfg");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(file);
    // Its answers are small segments that would wait for our acknowledgements.
    command.env("TCP_NODELAY", "1");
    Some(started(command, "DCMQRSCP", port, folder))
}

/// Orthanc that sends to `destination` when asked to move to MANIFOLD.
pub fn orthanc(destination: u16) -> Option<Pacs> {
    let program = program("Orthanc")?;
    let folder = tempfile::tempdir().unwrap();
    let (port, http) = (free_port(), free_port());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = format!(
        r#"{{"StorageDirectory": "{}", "IndexDirectory": "{}", "Plugins": [], "HttpServerEnabled": false, "HttpPort": {http},
        "DicomPort": {port}, "DicomAet": "ORTHANC", "DicomCheckCalledAet": false, "DicomAlwaysAllowFind": true,
        "DicomAlwaysAllowGet": true, "DicomAlwaysAllowMove": true,
        "DicomModalities": {{"manifold": ["MANIFOLD", "127.0.0.1", {destination}]}}}}"#,
        path("storage"),
        path("index")
    );
    let file = folder.path().join("orthanc.json");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(program);
    command.arg(file).env("TCP_NODELAY", "1");
    Some(started(command, "ORTHANC", port, folder))
}

/// The script of `tests/peers`; what it does is chosen by the AE title it is called by.
pub fn nasty_pacs(destination: u16) -> Option<Pacs> {
    let peers = std::env::var_os("MANIFOLD_PEERS").map(PathBuf::from);
    let peers = peers.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("../peers"));
    let python = peers.join("py/bin/python");
    if !python.is_file() {
        missing("Python");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/nasty_pacs.py");
    let mut command = Command::new(python);
    command.args(["-B", "-X", "utf8"]).arg(script).arg(destination.to_string());
    let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port: u16 = line.trim().parse().expect("the script says its port");
    let folder = tempfile::tempdir().unwrap();
    Some(Pacs { address: format!("127.0.0.1:{port}"), ae_title: "NASTY", child, _folder: folder })
}
