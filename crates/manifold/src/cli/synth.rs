//! `manifold synth`: the demo's invented studies and reports as files.

use super::output;
use super::stop::Stop;
use clap::Args;
use std::path::PathBuf;

/// Writes invented studies (DICOM) and reports (PDF) to a folder: DIR/patient/study/.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold synth samples\n  manifold publish samples/P0001 --endpoints demo.json --node north"
)]
pub struct Synth {
    /// Folder to write to; it is made when it is not there
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Only the studies of this patient, such as P0001
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// Instead of the demo's studies, one CT study of --slices images that depends on this number
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Images of the study that --seed makes
    #[arg(long, value_name = "N", default_value_t = 50, requires = "seed", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub slices: u32,
}

pub fn run(options: Synth) -> Result<(), Stop> {
    if let Some(seed) = options.seed {
        return one_study(&options, seed);
    }
    let mut plans = synth::seed_studies();
    if let Some(id) = &options.patient {
        plans.retain(|plan| plan.person().is_some_and(|p| p.id == id));
        if plans.is_empty() {
            return Err(Stop::usage(format!("there are no invented studies of `{id}`; patients are P0001 to P0012")));
        }
    }
    let bar = output::progress(plans.len() as u64, "studies");
    let mut files = 0;
    for plan in &plans {
        files += synth::write_tree(&options.dir, std::slice::from_ref(plan)).map_err(Stop::failed)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    output::print(&format!("{files} files of {} studies in {}\n", plans.len(), options.dir.display()))
}

fn one_study(options: &Synth, seed: u64) -> Result<(), Stop> {
    let study = synth::study_of(options.slices, 512, 512, seed);
    let folder = options.dir.join("P0001").join(study.study_uid());
    let failed = |e: std::io::Error| Stop::failed(format!("cannot write to {}: {e}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let bar = output::progress(u64::from(options.slices), "images");
    for index in 0..study.len() {
        let instance = study.instance(index).map_err(Stop::failed)?;
        std::fs::write(folder.join(format!("{}.dcm", instance.uid)), &instance.bytes).map_err(failed)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    output::print(&format!("{} files of one study in {}\n", options.slices, folder.display()))
}
