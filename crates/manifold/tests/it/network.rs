//! Starts the real `manifold` program for tests: a demo network in one process, or single nodes from written files, each
//! on ports of its own and with a folder of its own. What is started here ends with its owner, and with the test program
//! however that ends. Source: design section 4.

#![allow(dead_code, reason = "two families of tests share this; neither uses all of it")]

use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The program under test.
pub const MANIFOLD: &str = env!("CARGO_BIN_EXE_manifold");
/// A start that takes longer than this has failed. No test measures time with it.
const START_LIMIT: Duration = Duration::from_secs(150);
/// Ports below those that the system gives to outgoing connections.
const FIRST_BASE: u16 = 18_100;
const BASES: u16 = 140;

/// A running demo, or a demo network whose nodes run as processes of their own.
pub struct Network {
    // Before the folder, so that nobody writes there any more when it goes.
    process: Option<Process>,
    endpoints: Value,
    port_base: u16,
    folder: TempDir,
}

impl Network {
    /// The seeded demo that all tests share; nothing that a test does to it may disturb another.
    pub fn seeded() -> &'static Network {
        static SEEDED: OnceLock<Network> = OnceLock::new();
        SEEDED.get_or_init(|| Network::demo(&[]))
    }

    /// Starts `manifold demo` with further arguments, such as `--empty`, and waits until it is ready.
    pub fn demo(arguments: &[&str]) -> Network {
        let folder = folder();
        let data = folder.path().join("data");
        Network::demo_on(arguments, &data, folder)
    }

    /// The same on a data folder that may hold what an earlier demo left. `folder` goes with the network.
    pub fn demo_on(arguments: &[&str], data: &Path, folder: TempDir) -> Network {
        for _ in 0..20 {
            let port_base = free_port_base();
            let endpoints = folder.path().join("endpoints.json");
            // The demo deletes a file of an earlier run too, but we may look before it does.
            let _ = std::fs::remove_file(&endpoints);
            let log = folder.path().join("demo.log");
            let mut command = Command::new(MANIFOLD);
            command.args(["demo", "--port-base", &port_base.to_string(), "--endpoints"]).arg(&endpoints);
            command.arg("--data").arg(data).args(arguments);
            // Printed when a test fails; the demo says nothing of itself otherwise.
            command.env("RUST_LOG", "warn");
            let mut process = Process::start(command, &log, folder.path());
            match process.await_file(&endpoints) {
                Ok(text) => {
                    let endpoints = serde_json::from_str(&text).expect("the endpoints file is JSON");
                    return Network { process: Some(process), endpoints, port_base, folder };
                }
                // Somebody took the port between our look and the start.
                Err(log) if is_busy_port(&log) => {}
                Err(log) => panic!("manifold demo {arguments:?} did not become ready:\n{log}"),
            }
        }
        panic!("no free range of ports");
    }

    /// The address of one endpoint as the endpoints file gives it, such as `("central", "ITI-18")`.
    pub fn endpoint(&self, node: &str, key: &str) -> String {
        let text = self.node(node)["endpoints"][key].as_str();
        text.unwrap_or_else(|| panic!("node {node} has no endpoint {key}: {:#}", self.endpoints)).to_owned()
    }

    /// The address of a node's HTTP port: `http://127.0.0.1:N`.
    pub fn http(&self, node: &str) -> String {
        let ready = self.endpoint(node, "ready");
        ready.split("/health/").next().unwrap_or(&ready).to_owned()
    }

    pub fn node(&self, name: &str) -> &Value {
        let nodes = self.endpoints["nodes"].as_array().expect("the endpoints file lists nodes");
        nodes.iter().find(|node| node["name"] == name).unwrap_or_else(|| panic!("no node {name}"))
    }

    /// The whole endpoints file.
    pub fn endpoints(&self) -> &Value {
        &self.endpoints
    }

    pub fn endpoints_file(&self) -> PathBuf {
        self.folder.path().join("endpoints.json")
    }

    pub fn port_base(&self) -> u16 {
        self.port_base
    }

    /// A folder that goes with the network; a test may write there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the demo wrote to standard output and error so far.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    pub fn process_id(&self) -> u32 {
        self.process.as_ref().map(Process::id).expect("the network is one process")
    }

    /// Ends the demo at once, as a power cut would; gives back the folder, in which `data` continues.
    pub fn kill(mut self) -> TempDir {
        self.process.take().expect("the network is one process").kill();
        self.folder
    }

    /// Ends the demo as Ctrl-C does and waits for it; gives back the folder.
    pub fn stop(mut self) -> TempDir {
        self.process.take().expect("the network is one process").stop();
        self.folder
    }

    /// Runs a `manifold` command against this network: `--endpoints FILE` is added behind the arguments.
    pub fn manifold(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(MANIFOLD);
        command.args(arguments).arg("--endpoints").arg(self.endpoints_file());
        command.output().expect("manifold runs")
    }
}

/// The files of a demo network (`--write-config`), for tests that run, lose or replace single nodes.
pub struct Files {
    pub port_base: u16,
    folder: TempDir,
}

impl Files {
    /// Writes `central.toml`, `north.toml` and `south.toml`; further arguments are those of `demo`.
    pub fn write(arguments: &[&str]) -> Files {
        let (port_base, folder) = (free_port_base(), folder());
        let mut command = Command::new(MANIFOLD);
        command.args(["demo", "--port-base", &port_base.to_string(), "--write-config"]).arg(folder.path());
        let output = command.args(arguments).output().expect("manifold runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Files { port_base, folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, node: &str) -> PathBuf {
        self.folder.path().join(format!("{node}.toml"))
    }

    /// `manifold serve NODE.toml` with environment variables such as `MANIFOLD__PEERS__CENTRAL__URL`; waits until ready.
    pub fn serve(&self, node: &str, environment: &[(&str, &str)]) -> Served {
        let mut process = self.start(node, environment);
        match process.await_file(&self.endpoints_of(node)) {
            Ok(text) => Served { process, endpoints: serde_json::from_str(&text).expect("the endpoints file is JSON") },
            Err(log) => panic!("manifold serve {node}.toml did not become ready:\n{log}"),
        }
    }

    /// The same without waiting.
    pub fn start(&self, node: &str, environment: &[(&str, &str)]) -> Process {
        let endpoints = self.endpoints_of(node);
        // A file of an earlier run of the same node would say ready too soon.
        let _ = std::fs::remove_file(&endpoints);
        let mut command = Command::new(MANIFOLD);
        command.arg("serve").arg(self.path(node)).arg("--endpoints").arg(&endpoints);
        command.envs(environment.iter().copied());
        let log = self.folder.path().join(format!("{node}.log"));
        let earlier = self.history(node);
        std::fs::write(self.folder.path().join(format!("{node}.earlier.log")), earlier).expect("the log can be kept");
        Process::start(command, &log, Path::new(""))
    }

    /// What a node wrote in all its runs.
    pub fn history(&self, node: &str) -> String {
        let read = |name: String| std::fs::read(self.folder.path().join(name)).unwrap_or_default();
        let octets = [read(format!("{node}.earlier.log")), read(format!("{node}.log"))].concat();
        String::from_utf8_lossy(&octets).into_owned()
    }

    fn endpoints_of(&self, node: &str) -> PathBuf {
        self.folder.path().join(format!("{node}.endpoints.json"))
    }
}

/// One node in a process of its own.
pub struct Served {
    process: Process,
    pub endpoints: Value,
}

impl Served {
    pub fn endpoint(&self, key: &str) -> String {
        let text = self.endpoints["nodes"][0]["endpoints"][key].as_str();
        text.unwrap_or_else(|| panic!("no endpoint {key}: {:#}", self.endpoints)).to_owned()
    }

    pub fn log(&self) -> String {
        self.process.log()
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(self) {
        self.process.kill();
    }

    /// Ends it as Ctrl-C does and waits for it.
    pub fn stop(self) {
        self.process.stop();
    }
}

/// A program with its output in a file, and a shell that ends it when this test program is gone.
pub struct Process {
    child: Child,
    watchdog: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; `folder` is removed when this test program ends before the process was ended (empty: nothing is).
    pub fn start(mut command: Command, log: &Path, folder: &Path) -> Process {
        let output = std::fs::File::create(log).expect("the log can be written");
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("a second handle")).stderr(output);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // Shared networks live in statics, which are never dropped; the pipe closes however this program ends.
        let script =
            "trap '' INT TERM; cat >/dev/null; kill -9 \"$0\" 2>/dev/null; sleep 0.2; [ -z \"$1\" ] || rm -rf \"$1\"";
        let watchdog = Command::new("sh")
            .args(["-c", script, &child.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        Process { child, watchdog, log: log.to_owned() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits for a file that appears whole. Err: the log, when the program ended or took too long.
    pub fn await_file(&mut self, file: &Path) -> Result<String, String> {
        let limit = Instant::now() + START_LIMIT;
        loop {
            if let Ok(text) = std::fs::read_to_string(file) {
                return Ok(text);
            }
            let ended = self.child.try_wait().expect("the program can be waited for");
            if let Some(status) = ended {
                return Err(format!("{status}\n{}", self.log()));
            }
            if Instant::now() > limit {
                return Err(format!("not ready after {START_LIMIT:?}\n{}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.end();
    }

    /// Presses Ctrl-C and waits for the end.
    pub fn interrupt(&mut self) -> ExitStatus {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        self.child.wait().expect("the program can be waited for")
    }

    fn stop(mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let status = self.child.wait().expect("the program can be waited for");
        assert!(status.success(), "it did not end well: {status}\n{}", self.log());
    }

    fn end(&mut self) {
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), tail(&self.log(), 60));
        }
    }
}

/// The last lines of a log.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// A folder under cargo's target folder.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("network-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the test")
}

/// The first of a hundred ports of which none was taken when we looked; no two calls of one program give the same.
pub fn free_port_base() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 17 % u32::from(BASES)).unwrap_or(0);
    for _ in 0..BASES {
        let turn = TAKEN.fetch_add(1, Ordering::Relaxed);
        let base = FIRST_BASE + (start + turn) % BASES * 100;
        if (base..base + 100).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return base;
        }
    }
    panic!("no free range of ports");
}

fn is_busy_port(log: &str) -> bool {
    log.contains("cannot be used") || log.contains("cannot listen on")
}
