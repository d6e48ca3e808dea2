//! WADO-RS of a whole study on loopback: north of the demo's network, nginx with one file of the same octets, and
//! Orthanc with DICOMweb, fetched in turns by one client that drops what comes.

use std::fs::File;

use anyhow::{Context, Result, bail};

use super::http::{self, Fetched};
use super::network::{self, Network};
use super::record::{Row, short};
use super::reference::{Nginx, Orthanc, Segments};
use super::{Ground, median, quantile};

const ACCEPT: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
const ROUNDS: usize = 5;
const QUIET_MS: u32 = 500;

pub fn run(ground: &Ground) -> Result<Vec<Row>> {
    let slices = ground.load(600, 60);
    let (study, uid) = ground.study(slices, 1)?;
    let network = Network::write(ground, "network", QUIET_MS)?;
    let _central = network.serve("central")?;
    let north = network.serve("north")?;
    network::send(&study, "NORTH", network.dicom_port())?;
    network.published(u64::from(slices))?;
    // A fresh process: nothing that receiving left in its memory hides what sending needs.
    north.stop();
    let north = network.serve("north")?;

    let orthanc = Orthanc::start(ground, "orthanc", Segments::AsInstalled)?;
    network::send(&study, "ORTHANC", orthanc.dicom_port)?;
    if orthanc.instances()? != u64::from(slices) {
        bail!("Orthanc has {} instances of {slices}", orthanc.instances()?);
    }

    let before = north.resident_mib()?;
    north.forget_peak()?;
    let north_port = network.http_port("north");
    let ours = format!("/dicomweb/studies/{uid}");
    let theirs = format!("/dicom-web/studies/{uid}");
    // The first answer is what nginx serves; it also brings every file into the system's cache, as does Orthanc's.
    let files = ground.inside("files")?;
    let mut kept = File::create(files.join("study")).context("creating the file for nginx")?;
    let first = http::fetch(north_port, &ours, ACCEPT, Some(&mut kept))?;
    drop(kept);
    let stored = network::octets(&study)?;
    if first.octets < stored {
        bail!("{} octets came of a study of {stored}", first.octets);
    }
    let nginx = Nginx::start(ground, &files)?;
    let fetch_nginx = || http::fetch(nginx.port, "/study", "*/*", None);
    let fetch_ours = || http::fetch(north_port, &ours, ACCEPT, None);
    let fetch_theirs = || http::fetch(orthanc.http_port, &theirs, ACCEPT, None);
    fetch_nginx()?;
    fetch_ours()?;
    let theirs_first = fetch_theirs()?;
    // Part heads differ by some octets a slice.
    if theirs_first.octets.abs_diff(stored) > 2000 * u64::from(slices) {
        bail!("Orthanc sent {} octets of a study of {stored}", theirs_first.octets);
    }

    let fetches: [&dyn Fn() -> Result<Fetched>; 3] = [&fetch_nginx, &fetch_ours, &fetch_theirs];
    let mut rates: [Vec<f64>; 3] = Default::default();
    let mut first_ms = Vec::new();
    for round in 0..ROUNDS {
        for turn in 0..fetches.len() {
            let which = (round + turn) % fetches.len();
            let fetched = fetches[which]()?;
            rates[which].push(fetched.rate());
            if which == 1 {
                first_ms.push(fetched.first_octet.as_secs_f64() * 1e3);
            }
        }
    }
    let grown = (north.peak_mib()? - before).max(0.0);
    let [nginx, ours, theirs] = rates.map(|rates| median(&rates));
    let shown = |rate: f64| format!("{rate:.0} MB/s");
    let load = format!("{slices} slices, {:.0} MB, median of {ROUNDS} in turns", first.octets as f64 / 1e6);
    Ok(vec![
        Row::at_least("WADO-RS to nginx with one file", shown(ours), shown(nginx), ours / nginx, 0.7),
        Row::at_least("WADO-RS to Orthanc with DICOMweb", shown(ours), shown(theirs), ours / theirs, 1.5),
        Row::under("first octet of the body, connecting included", median(&first_ms), "ms", 10.0),
        Row::under("growth of resident memory at its peak", grown, "MiB", 32.0),
        Row::fact("slowest first octet", format!("{} ms", short(quantile(&first_ms, 1.0)))),
        Row::fact("resident memory before", format!("{} MiB", short(before))),
        Row::fact("load", load),
    ])
}
