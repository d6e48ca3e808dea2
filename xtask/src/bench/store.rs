//! C-STORE of a study on one association, every object durable before its answer: north of the demo's network and
//! Orthanc, each empty at the start of its turn, fed by dcmtk's storescu. Orthanc has two turns: as installed, and without
//! a wait in its sockets that would flatter us.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::network::{self, Network};
use super::record::{Row, short};
use super::reference::{Orthanc, Segments};
use super::{Ground, http, median};

const ROUNDS: usize = 3;
const QUIET_MS: u32 = 2000;
const SYNCS_FOR: Duration = Duration::from_secs(3);

pub fn run(ground: &Ground) -> Result<Vec<Row>> {
    let slices = ground.load(600, 60);
    let (study, _) = ground.study(slices, 1)?;
    let megabytes = network::octets(&study)? as f64 / 1e6;
    let syncs_before = syncs_per_second(&ground.folder, SYNCS_FOR)?;
    let turns: [&dyn Fn() -> Result<f64>; 3] =
        [&|| manifold(ground, &study, slices), &|| orthanc(ground, &study, slices, Segments::AsInstalled), &|| {
            orthanc(ground, &study, slices, Segments::AtOnce)
        }];
    let mut seconds: [Vec<f64>; 3] = Default::default();
    for round in 0..ROUNDS {
        for turn in 0..turns.len() {
            let which = (round + turn) % turns.len();
            seconds[which].push(turns[which]()?);
        }
    }
    let syncs_after = syncs_per_second(&ground.folder, SYNCS_FOR)?;
    let [ours, installed, at_once] = seconds.map(|seconds| median(&seconds));
    let shown = |seconds: f64| {
        format!("{:.0} objects/s, {:.0} MB/s, {} s", f64::from(slices) / seconds, megabytes / seconds, short(seconds))
    };
    let syncs = format!("{syncs_before:.0}/s before, {syncs_after:.0}/s after");
    let load = format!("{slices} slices, {megabytes:.0} MB, median of {ROUNDS} in turns, storescu's own time included");
    Ok(vec![
        Row::at_least("C-STORE to Orthanc as installed", shown(ours), shown(installed), installed / ours, 3.0),
        Row::at_least("C-STORE to Orthanc with TCP_NODELAY=1", shown(ours), shown(at_once), at_once / ours, 3.0),
        Row::fact("4 KiB written and fdatasync, same folder", syncs),
        Row::fact("load", load),
    ])
}

fn manifold(ground: &Ground, study: &Path, slices: u32) -> Result<f64> {
    let network = Network::write(ground, "network", QUIET_MS)?;
    let central = network.serve("central")?;
    let north = network.serve("north")?;
    let seconds = network::send(study, "NORTH", network.dicom_port())?;
    let status = http::json(network.http_port("north"), "/health/status")?;
    if status["counts"]["instances"] != slices {
        bail!("north has {} instances of {slices}", status["counts"]["instances"]);
    }
    north.stop();
    central.stop();
    clear(&network.folder)?;
    Ok(seconds)
}

fn orthanc(ground: &Ground, study: &Path, slices: u32, segments: Segments) -> Result<f64> {
    let orthanc = Orthanc::start(ground, "orthanc", segments)?;
    let seconds = network::send(study, "ORTHANC", orthanc.dicom_port)?;
    if orthanc.instances()? != u64::from(slices) {
        bail!("Orthanc has {} instances of {slices}", orthanc.instances()?);
    }
    orthanc.stop();
    clear(&ground.folder.join("orthanc"))?;
    Ok(seconds)
}

/// Removes what a turn stored, and waits until the disk has nothing left to write of it.
fn clear(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    crate::command::run(&mut std::process::Command::new("sync"))
}

/// How often a second this disk makes 4 KiB durable that are appended to a file whose blocks are there already.
pub(super) fn syncs_per_second(folder: &Path, limit: Duration) -> Result<f64> {
    const BLOCK: usize = 4096;
    const BLOCKS: u64 = 4096;
    let path = folder.join("syncs");
    let failed = || format!("measuring syncs on {}", path.display());
    let file = File::create(&path).with_context(failed)?;
    let block = [0x5a; BLOCK];
    for at in 0..BLOCKS {
        file.write_all_at(&block, at * BLOCK as u64).with_context(failed)?;
    }
    file.sync_all().with_context(failed)?;
    let started = Instant::now();
    let mut count = 0;
    while count < BLOCKS && started.elapsed() < limit {
        file.write_all_at(&block, count * BLOCK as u64).with_context(failed)?;
        file.sync_data().with_context(failed)?;
        count += 1;
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    fs::remove_file(&path).with_context(failed)?;
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_makes_some_blocks_durable_a_second() {
        let folder = tempfile::tempdir().unwrap();
        assert!(syncs_per_second(folder.path(), Duration::from_millis(20)).unwrap() > 0.0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
