//! Nodes of the demo's network as processes of their own: what `manifold demo --write-config` wrote, each served.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::process::{Running, free_ports};
use super::{Ground, http};
use crate::command;

/// Configuration files of one network, and where its nodes listen.
pub struct Network {
    program: PathBuf,
    pub folder: PathBuf,
    base: u16,
}

const STARTS_WITHIN: Duration = Duration::from_secs(120);

impl Network {
    /// Writes the files into a folder of that name; nothing runs yet.
    ///
    /// Errors: the program refuses.
    pub fn write(ground: &Ground, name: &str, quiet_time_ms: u32) -> Result<Self> {
        let folder = ground.inside(name)?;
        let base = free_ports()?;
        let mut demo = Command::new(&ground.program);
        demo.arg("demo").arg("--write-config").arg(&folder);
        demo.args(["--port-base", &base.to_string(), "--quiet-time-ms", &quiet_time_ms.to_string()]);
        command::output(&mut demo)?;
        Ok(Self { program: ground.program.clone(), folder, base })
    }

    /// The port of a node's services over HTTP: `central` or `north`.
    pub fn http_port(&self, node: &str) -> u16 {
        self.base + if node == "central" { 0 } else { 10 }
    }

    /// Where north takes C-STORE.
    pub fn dicom_port(&self) -> u16 {
        self.base + 11
    }

    /// Starts a node and waits until it answers.
    ///
    /// Errors: it ends, or does not answer.
    pub fn serve(&self, node: &str) -> Result<Running> {
        let file = self.folder.join(format!("{node}.toml"));
        serve(&self.program, node, &self.folder, &file, self.http_port(node))
    }

    /// Waits until north has published a study and nothing waits any more.
    ///
    /// Errors: a study is held, or a minute passes.
    pub fn published(&self, instances: u64) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let status = http::json(self.http_port("north"), "/health/status")?;
            let waits = |list: &serde_json::Value| list.as_array().is_some_and(|list| !list.is_empty());
            if waits(&status["studies"]["held"]) || waits(&status["held_instances"]) {
                bail!("north holds the study back: {}", status["studies"]["held"]);
            }
            let stored = status["counts"]["instances"] == instances;
            if stored && status["studies"]["published"] == 1 && !waits(&status["studies"]["waiting"]) {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("north did not publish {instances} instances: {status}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Starts a node from its file and waits until it answers.
///
/// Errors: it ends, or does not answer.
pub fn serve(
    program: &std::path::Path,
    name: &str,
    folder: &std::path::Path,
    file: &std::path::Path,
    port: u16,
) -> Result<Running> {
    // Logs at their default level: what a node writes in production is part of what it costs.
    let mut node = Running::start(name, folder, Command::new(program).arg("serve").arg(file))?;
    node.until("it answers", STARTS_WITHIN, || http::answers(port, "/health/ready"))?;
    Ok(node)
}

/// Sends a folder over one association with dcmtk's storescu; gives back the seconds it took.
///
/// Errors: storescu is missing or says that something failed.
pub fn send(folder: &std::path::Path, called: &str, port: u16) -> Result<f64> {
    let started = Instant::now();
    let mut storescu = Command::new("storescu");
    // Only the contexts that the files need, and no wait at the end of each answer: dcmtk's own defaults otherwise.
    storescu.args(["--required", "--scan-directories", "--no-halt", "-aet", "CT1", "-aec", called]);
    storescu.arg("127.0.0.1").arg(port.to_string()).arg(folder);
    command::output(&mut storescu)?;
    Ok(started.elapsed().as_secs_f64())
}

/// Octets of the files in a folder.
///
/// Errors: it cannot be read.
pub fn octets(folder: &std::path::Path) -> Result<u64> {
    let mut octets = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        octets += entry?.metadata()?.len();
    }
    Ok(octets)
}
