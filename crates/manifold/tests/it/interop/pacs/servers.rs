//! The PACS that the tests start: dcmtk's dcmqrscp, Orthanc, and the scripts on pynetdicom that behave badly.

use crate::interop::peers::{Peer, path, present, python_command};
use dicom::dimse::{ProposedContext, RequestorConfig, status};
use net::DimseClient;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use synth::{Instance, StudyPlan};
use tempfile::TempDir;

/// A PACS that listens.
pub struct Server {
    pub address: String,
    pub ae_title: &'static str,
    /// Base of its REST interface, which the node behind it never sees.
    pub rest: Option<String>,
    command: Vec<String>,
    child: Child,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

impl Server {
    fn start(command: Vec<String>, ae_title: &'static str, port: u16, rest: Option<String>, folder: TempDir) -> Server {
        let child = spawn(&command, &folder);
        let mut server = Server { address: format!("127.0.0.1:{port}"), ae_title, rest, command, child, folder };
        server.await_port();
        server
    }

    fn await_port(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let rest = self.rest.as_deref().map(|url| url.trim_start_matches("http://").to_owned());
        for address in [Some(self.address.clone()), rest].into_iter().flatten() {
            while TcpStream::connect(&address).is_err() {
                let over = self.child.try_wait().expect("a child").is_some() || Instant::now() > deadline;
                let said = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                assert!(!over, "{} does not listen:\n{}", self.ae_title, said());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on what it has.
    pub fn restart(&mut self) {
        self.child = spawn(&self.command, &self.folder);
        self.await_port();
    }

    /// Deletes a study, series or instance by its UID.
    pub fn delete(&self, kind: &str, uid: &str) {
        let found = self.ask("POST", "/tools/lookup", uid);
        let found: serde_json::Value = serde_json::from_str(&found).expect("JSON of Orthanc");
        let all = found.as_array().expect("a list");
        let one = all.iter().find(|one| one["Type"] == kind).unwrap_or_else(|| panic!("no {kind} {uid}: {found}"));
        self.ask("DELETE", one["Path"].as_str().expect("a path"), "");
    }

    /// The body of an answer of its REST interface.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let address = self.rest.as_deref().expect("a PACS with REST").trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("Orthanc listens");
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}")
            .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains(" 200 OK"), "{method} {path}: {answer}");
        answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
    }
}

fn spawn(command: &[String], folder: &TempDir) -> Child {
    let log = std::fs::File::create(folder.path().join("log")).expect("a log");
    Command::new(&command[0])
        .args(&command[1..])
        // Its answers are small segments that would wait for our acknowledgements.
        .env("TCP_NODELAY", "1")
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .stdin(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// dcmqrscp that sends to `destination` when asked to move to PROXY.
pub fn dcmqrscp(destination: u16) -> Option<Server> {
    present(&[Peer::Program("dcmqrscp")]).then_some(())?;
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    std::fs::create_dir(&store).expect("a folder");
    let port = free_port();
    let text = format!(
        "NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n\
         HostTable BEGIN\nproxy = (PROXY, 127.0.0.1, {destination})\nHostTable END\n\
         VendorTable BEGIN\nVendorTable END\n\
         AETable BEGIN\nDCMQRSCP {} RW (200, 1024mb) ANY\nAETable END\n",
        store.display()
    );
    let file = folder.path().join("dcmqrscp.cfg");
    std::fs::write(&file, text).expect("a file");
    let program = path(Peer::Program("dcmqrscp")).display().to_string();
    let command = vec![program, "-c".to_owned(), file.display().to_string()];
    Some(Server::start(command, "DCMQRSCP", port, None, folder))
}

/// Where Orthanc is: it is installed where only root looks.
fn orthanc_program() -> Option<PathBuf> {
    let fixed = PathBuf::from("/usr/sbin/Orthanc");
    if fixed.is_file() {
        return Some(fixed);
    }
    present(&[Peer::Program("Orthanc")]).then(|| path(Peer::Program("Orthanc")))
}

/// Orthanc that sends to `destination` when asked to move to PROXY.
pub fn orthanc(destination: u16) -> Option<Server> {
    let program = orthanc_program()?;
    let folder = tempfile::tempdir().expect("a folder");
    let (port, http) = (free_port(), free_port());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = format!(
        r#"{{"StorageDirectory": "{}", "IndexDirectory": "{}", "Plugins": [], "HttpServerEnabled": true, "HttpPort": {http},
        "RemoteAccessAllowed": false, "AuthenticationEnabled": false,
        "DicomPort": {port}, "DicomAet": "ORTHANC", "DicomCheckCalledAet": false, "DicomAlwaysAllowFind": true,
        "DicomAlwaysAllowGet": true, "DicomAlwaysAllowMove": true,
        "DicomModalities": {{"proxy": ["PROXY", "127.0.0.1", {destination}]}}}}"#,
        path("storage"),
        path("index")
    );
    let file = folder.path().join("orthanc.json");
    std::fs::write(&file, text).expect("a file");
    let command = vec![program.display().to_string(), file.display().to_string()];
    Some(Server::start(command, "ORTHANC", port, Some(format!("http://127.0.0.1:{http}")), folder))
}

/// The PACS of `tests/peers/nasty_pacs.py`: addresses by AE title.
pub struct Nasty {
    child: Child,
    pub addresses: BTreeMap<String, String>,
}

impl Drop for Nasty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn nasty(titles: &[&str]) -> Option<Nasty> {
    present(&[Peer::Python]).then_some(())?;
    let mut command = python_command("nasty_pacs.py", &[]);
    command.args(titles);
    let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("the script runs");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let addresses = lines.take(titles.len()).map(|line| {
        let line = line.expect("a line");
        let (title, port) = line.split_once(' ').expect("TITLE PORT");
        (title.to_owned(), format!("127.0.0.1:{port}"))
    });
    let addresses = addresses.collect();
    Some(Nasty { child, addresses })
}

/// Every object of a plan.
pub fn objects(plan: &StudyPlan) -> Vec<Instance> {
    let mut objects = Vec::new();
    synth::write_instances(plan, |object| {
        objects.push(object);
        Ok(())
    })
    .expect("a study can be made");
    objects
}

/// The data set of a file.
pub fn data_set(file: &[u8]) -> &[u8] {
    assert_eq!(&file[128..132], b"DICM");
    // (0002,0000) comes first: its value is the length of the rest of the group.
    let length = u32::from_le_bytes(file[140..144].try_into().expect("four octets"));
    &file[144 + length as usize..]
}

/// Sends objects to a PACS as a modality does.
pub fn send<'a>(pacs: &Server, objects: impl IntoIterator<Item = &'a Instance>) {
    send_to(&pacs.address, "CT1", pacs.ae_title, objects);
}

pub fn send_to<'a>(address: &str, calling: &str, called: &str, objects: impl IntoIterator<Item = &'a Instance>) {
    let objects: Vec<&Instance> = objects.into_iter().collect();
    let mut pairs: Vec<(&str, &str)> = objects.iter().map(|one| (one.sop_class, one.transfer_syntax)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let contexts = ProposedContext::to_store(pairs).expect("they fit");
    let mut config = RequestorConfig::new(calling, called, contexts);
    config.idle_timeout_ms = 30_000;
    let mut client = DimseClient::connect(address, config, Duration::from_secs(5)).expect("an association");
    for one in objects {
        let context = client.context_for(one.sop_class, one.transfer_syntax).expect("the PACS takes this class");
        let answer = client.store(context, one.sop_class, &one.uid, &mut data_set(&one.bytes)).expect("an answer");
        assert_eq!(answer.status(), Some(status::SUCCESS), "{}", one.uid);
    }
    client.release().expect("a release");
}

/// Files by what their elements are: a PACS may write lengths and group lengths in its own way.
pub fn same(file: &[u8], sent: &[u8]) {
    let read = |file: &[u8]| {
        let encoding = dicom::transfer_syntaxes::Encoding::EXPLICIT_LE;
        let mut set = dicom::dataset::decode(data_set(file), encoding).expect("Explicit VR Little Endian");
        let group_lengths: Vec<_> = set.elements().iter().map(|e| e.tag).filter(|tag| tag.1 == 0).collect();
        for tag in group_lengths {
            set.remove(tag);
        }
        set
    };
    assert!(read(file) == read(sent), "the object has changed on the way");
}
