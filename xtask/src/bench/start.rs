//! How long the demo takes until it is ready, and what a hospital's node needs when nothing happens.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::network::Network;
use super::process::{Running, free_ports};
use super::record::{Row, short};
use super::{Ground, median, quantile};

const ROUNDS: usize = 3;
const READY_WITHIN: Duration = Duration::from_secs(60);
const QUIET_MS: u32 = 2000;

pub fn run(ground: &Ground) -> Result<Vec<Row>> {
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        seconds.push(demo(ground)?);
    }
    let network = Network::write(ground, "network", QUIET_MS)?;
    let _central = network.serve("central")?;
    let north = network.serve("north")?;
    let rest = Duration::from_secs(ground.load(30, 5));
    thread::sleep(rest);
    let resident = north.resident_mib()?;
    Ok(vec![
        Row::under("demo until ready", median(&seconds), "s", 5.0),
        Row::under(&format!("resident memory of north {} s after start", rest.as_secs()), resident, "MiB", 60.0),
        Row::fact("slowest start of the demo", format!("{} s of {ROUNDS}", short(quantile(&seconds, 1.0)))),
    ])
}

/// Seconds until the endpoints file is there: it is written when everything is.
fn demo(ground: &Ground) -> Result<f64> {
    let (data, endpoints) = (ground.folder.join("demo"), ground.folder.join("endpoints.json"));
    let base = free_ports()?.to_string();
    let mut demo = Command::new(&ground.program);
    demo.args(["demo", "--port-base", &base, "--data"]).arg(&data).arg("--endpoints").arg(&endpoints);
    let started = Instant::now();
    let mut running = Running::start("demo", &ground.folder, &mut demo)?;
    running.until("it is ready", READY_WITHIN, || endpoints.exists())?;
    let took = started.elapsed().as_secs_f64();
    running.stop();
    if endpoints.exists() {
        fs::remove_file(&endpoints).with_context(|| format!("removing {}", endpoints.display()))?;
    }
    fs::remove_dir_all(&data).with_context(|| format!("removing {}", data.display()))?;
    Ok(took)
}
