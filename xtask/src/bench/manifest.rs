//! The manifest of a large study from its files, all of them in the system's cache: `manifold manifest make`, its start
//! included, beside pydicom and highdicom, whose imports are left out.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::record::{Row, short};
use super::{Ground, median};
use crate::command;

const SCRIPT: &str = "xtask/bench/manifest.py";
const ROUNDS: usize = 3;

pub fn run(ground: &Ground) -> Result<Vec<Row>> {
    let instances = ground.load(5000, 200);
    let (study, _) = ground.study(instances, 3)?;
    if !ground.python.exists() {
        bail!("no Python with pydicom and highdicom; `cargo xtask peers` installs it");
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let made = ground.folder.join("ours.dcm");
        let mut make = Command::new(&ground.program);
        make.args(["manifest", "make"]).arg(&study).arg("-o").arg(&made);
        make.args(["--institution", "North Hospital^^^^^&2.999.1.2&ISO^^^^1", "--patient-issuer", "2.999.7"]);
        make.args(["--location-uid", "2.25.301", "--base-url", "https://north.example/dicomweb"]);
        make.args(["--accession-issuer", "2.999.1.2.3", "--placer-issuer", "2.999.1.2.4"]);
        let started = Instant::now();
        command::output(&mut make)?;
        let took = started.elapsed().as_secs_f64();
        let mut python = Command::new(&ground.python);
        python.arg(ground.root.join(SCRIPT)).arg(&study).arg(ground.folder.join("theirs.dcm"));
        // The last manifest of ours is read by pydicom, too: it must list every instance.
        python.arg(&made);
        let printed = command::output(&mut python)?;
        let printed: Value = serde_json::from_str(&printed).context("the script printed no JSON")?;
        for side in ["theirs", "ours"] {
            if printed["listed"][side] != instances {
                bail!("{side} lists {} instances of {instances}", printed["listed"][side]);
            }
        }
        // The first round brings the files into the cache.
        if round > 0 {
            ours.push(took);
            theirs.push(printed["seconds"].as_f64().context("the script says no seconds")?);
        }
    }
    let (ours, theirs) = (median(&ours), median(&theirs));
    let shown = |seconds: f64| format!("{} s", short(seconds));
    Ok(vec![
        Row::at_least("manifest to pydicom and highdicom", shown(ours), shown(theirs), theirs / ours, 20.0),
        Row::fact("load", format!("{instances} CT files of 512 x 512, median of {ROUNDS}")),
    ])
}
