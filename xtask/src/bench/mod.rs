//! `cargo xtask bench`: the numbers of docs/performance.md. Each measurement sets manifold beside a reference program under
//! the same load in one run, prints both and their ratio, and writes its section of that page with date, commit and
//! machine. A target that is missed is said, and is no failure; a measurement that could not be made is.

mod http;
mod manifest;
mod mhd;
mod network;
mod process;
mod record;
mod reference;
mod register;
mod registry;
mod start;
mod store;
mod wado;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::Ended;
use crate::command;
use crate::workspace::Workspace;
use record::{Circumstances, Row};

struct Measurement {
    name: &'static str,
    what: &'static str,
    run: fn(&Ground) -> Result<Vec<Row>>,
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement { name: "wado", what: "a study of 315 MB over WADO-RS, beside nginx and Orthanc", run: wado::run },
    Measurement { name: "store", what: "C-STORE of 600 CT slices, each durable, beside Orthanc", run: store::run },
    Measurement {
        name: "registry",
        what: "queries by patient over 10^4 and 10^6 entries, beside bare SQL and each other",
        run: registry::run,
    },
    Measurement {
        name: "register",
        what: "ITI-42 durably, beside the disk's syncs, up to 10^6 entries; queries by patient on the way; ITI-41 and ITI-43 of 1 GiB",
        run: register::run,
    },
    Measurement { name: "mhd", what: "ITI-67 by patient with 8 clients, beside a HAPI FHIR JPA server", run: mhd::run },
    Measurement {
        name: "manifest",
        what: "the manifest of 5000 instances from files, beside pydicom and highdicom",
        run: manifest::run,
    },
    Measurement { name: "start", what: "the demo until it is ready, and a node's memory at rest", run: start::run },
];

const HELP: &str = "\
usage: cargo xtask bench [NAME]... [--small] [--program FILE] [--list]

  --small         a fraction of the load, to see that everything works; nothing is recorded
  --program FILE  measure this program instead of building one (cargo build --release -p manifold)
  --list          name the measurements";

/// What a measurement stands on.
struct Ground {
    /// The release build of manifold.
    program: PathBuf,
    /// An empty folder on the disk that is measured, removed afterwards.
    folder: PathBuf,
    /// Python with pydicom and highdicom.
    python: PathBuf,
    /// What `cargo xtask peers --bench` installed.
    peers: PathBuf,
    /// The workspace, for scripts.
    root: PathBuf,
    small: bool,
}

impl Ground {
    /// A size of the load: the whole, or what is enough to see that it works.
    fn load<T>(&self, whole: T, small: T) -> T {
        if self.small { small } else { whole }
    }

    /// A folder inside, made when it is not there.
    fn inside(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(folder)
    }

    /// One study of CT slices of 512 x 512 as files: the folder they are in, and its Study Instance UID.
    fn study(&self, slices: u32, seed: u32) -> Result<(PathBuf, String)> {
        let patient = self.folder.join(format!("study-{slices}-{seed}"));
        let (seed, slices) = (seed.to_string(), slices.to_string());
        let synth = ["--seed", &seed, "--slices", &slices];
        command::output(std::process::Command::new(&self.program).arg("synth").arg(&patient).args(synth))?;
        let study = only_entry(&only_entry(&patient)?)?;
        let uid = study.file_name().context("a study's folder has a name")?.to_string_lossy().into_owned();
        Ok((study, uid))
    }
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let entry = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?.next();
    Ok(entry.with_context(|| format!("{} is empty", folder.display()))??.path())
}

/// Runs the named measurements, or all.
///
/// Errors: the program does not build, a reference program is missing, or a measurement could not be made.
pub fn run(args: &[String]) -> Result<Ended> {
    let Some(options) = Options::parse(args) else { return Ok(Ended::Unusable) };
    if options.list {
        MEASUREMENTS.iter().for_each(|m| println!("{:<10} {}", m.name, m.what));
        return Ok(Ended::Well);
    }
    let workspace = Workspace::load()?;
    let program = match &options.program {
        Some(program) => fs::canonicalize(program).with_context(|| format!("no program at {}", program.display()))?,
        None => {
            let build = ["build", "--quiet", "--release", "--locked", "-p", "manifold"];
            command::run(command::cargo().args(build).current_dir(&workspace.root))?;
            workspace.target.join("release/manifold")
        }
    };
    for measurement in options.measurements {
        let circumstances = Circumstances::now(&workspace.root, measurement.name)?;
        println!("{}: {}", measurement.name, measurement.what);
        println!("  {circumstances}");
        let folder = workspace.target.join("bench").join(measurement.name);
        start_over(&folder)?;
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let ground = Ground {
            program: program.clone(),
            folder: folder.clone(),
            python: workspace.peers().join("py/bin/python"),
            peers: workspace.peers(),
            root: workspace.root.clone(),
            small: options.small,
        };
        // A failed measurement leaves its folder: the logs in it say why.
        let rows = (measurement.run)(&ground)
            .with_context(|| format!("{}: not measured; logs are in {}", measurement.name, folder.display()))?;
        rows.iter().for_each(|row| println!("  {row}"));
        start_over(&folder)?;
        if !options.small {
            record::write(&workspace.root, measurement.name, &circumstances, &rows)?;
        }
    }
    Ok(Ended::Well)
}

fn start_over(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}

struct Options {
    measurements: Vec<&'static Measurement>,
    small: bool,
    list: bool,
    program: Option<PathBuf>,
}

impl Options {
    /// Nothing, and a word about it on standard error, when the arguments are wrong.
    fn parse(args: &[String]) -> Option<Self> {
        let mut options = Self { measurements: Vec::new(), small: false, list: false, program: None };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match (arg.as_str(), MEASUREMENTS.iter().find(|m| m.name == arg)) {
                ("--small", _) => options.small = true,
                ("--list", _) => options.list = true,
                ("--program", _) => match args.next() {
                    Some(file) => options.program = Some(file.into()),
                    None => {
                        eprintln!("error: --program needs a file\n\n{HELP}");
                        return None;
                    }
                },
                (_, Some(measurement)) => options.measurements.push(measurement),
                (unknown, None) => {
                    eprintln!("error: there is no measurement or flag `{unknown}`\n\n{HELP}");
                    return None;
                }
            }
        }
        if options.measurements.is_empty() {
            options.measurements = MEASUREMENTS.iter().collect();
        }
        Some(options)
    }
}

/// The value in the middle; of an even number, the upper of the two.
fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share of all lies; 0 of none.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Option<Options> {
        Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_name_everything_is_measured_and_an_unknown_one_is_refused() {
        assert_eq!(parse(&["--small"]).unwrap().measurements.len(), MEASUREMENTS.len());
        assert_eq!(parse(&["wado"]).unwrap().measurements[0].name, "wado");
        assert!(parse(&["wadoo"]).is_none());
        assert!(parse(&["--program"]).is_none());
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let values = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!((median(&values), quantile(&values, 0.99), quantile(&values, 0.0)), (3.0, 5.0, 1.0));
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn every_measurement_has_its_place_in_the_page() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(record::PAGE);
        let page = fs::read_to_string(page).unwrap();
        for measurement in MEASUREMENTS {
            assert!(page.contains(&record::opening(measurement.name)), "{}", measurement.name);
        }
    }
}
