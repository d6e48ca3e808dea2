//! Programs that run beside a measurement: started with their output in a log, asked for their memory, ended for sure.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command;

/// A program that is ended when this value goes.
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

const ENDS_WITHIN: Duration = Duration::from_secs(20);

impl Running {
    /// Starts it; what it prints goes to `NAME.log` in the folder.
    ///
    /// Errors: it cannot be started.
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let errors = output.try_clone().context("sharing the log")?;
        let shown = command::describe(command);
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = child.with_context(|| format!("cannot start `{shown}`"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Waits until `ready` holds.
    ///
    /// Errors: the program ends first, or the time passes; the last line that it printed is told.
    pub fn until(&mut self, what: &str, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let end = Instant::now() + limit;
        while !ready() {
            if let Some(status) = self.child.try_wait().with_context(|| format!("looking after {}", self.name))? {
                bail!("{} ended with {status} before {what}: {}", self.name, self.last_line());
            }
            if Instant::now() > end {
                bail!("{}: {what} did not come within {} s: {}", self.name, limit.as_secs(), self.last_line());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn last_line(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().last().unwrap_or("it printed nothing").to_owned()
    }

    /// Resident memory now, in MiB.
    ///
    /// Errors: there is no /proc.
    pub fn resident_mib(&self) -> Result<f64> {
        self.status_mib("VmRSS:")
    }

    /// Most resident memory since [`Running::forget_peak`], in MiB.
    ///
    /// Errors: as [`Running::resident_mib`].
    pub fn peak_mib(&self) -> Result<f64> {
        self.status_mib("VmHWM:")
    }

    /// Lets the peak begin anew.
    ///
    /// Errors: as [`Running::resident_mib`].
    pub fn forget_peak(&self) -> Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").context("clearing the peak of the memory")
    }

    fn status_mib(&self, key: &str) -> Result<f64> {
        let file = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)).with_context(|| format!("{file}: no {key}"))?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().with_context(|| format!("{file}: {key}"))?;
        Ok(kib / 1024.0)
    }

    /// Asks it to end, and ends it when it does not.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        command::succeeds(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
        let end = Instant::now() + ENDS_WITHIN;
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // It did not listen; whatever comes of this, there is nothing more to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A port that nobody listens on at this moment.
///
/// Errors: the machine has none left.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

/// The first of forty free ports in a row, below those that the system gives to clients.
///
/// Errors: there are none.
pub fn free_ports() -> Result<u16> {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut bases = (21_000..32_000).step_by(100);
    bases.find(|base| (*base..base + 40).all(is_free)).context("no forty free ports in a row")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_too_early_is_told_with_its_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        let mut running = Running::start("x", folder.path(), shell.args(["-c", "echo why; exit 3"])).unwrap();
        let error = running.until("it is ready", Duration::from_secs(60), || false).unwrap_err().to_string();
        assert!(error.contains("before it is ready: why"), "{error}");
    }

    #[test]
    fn a_program_has_memory_and_ends_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let running = Running::start("x", folder.path(), Command::new("sleep").arg("600")).unwrap();
        if Path::new("/proc/self/status").exists() {
            assert!(running.resident_mib().unwrap() > 0.0);
        }
        running.stop();
    }
}
