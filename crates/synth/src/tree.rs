//! `manifold synth DIR`: plans as files, `DIR/<patient>/<study>/<instance>.dcm` and `report.pdf`.

use crate::{StudyPlan, SynthError, report_pdf, write_instances};
use std::path::{Path, PathBuf};

/// Writes the objects and reports of plans below `dir`; returns how many files were written.
///
/// Shape: folders are made as needed; files of the same name are overwritten with the same content.
/// Errors: `Io` names the path; `Object` and `Pdf` when something could not be made.
pub fn write_tree(dir: &Path, plans: &[StudyPlan]) -> Result<usize, SynthError> {
    let mut files = 0;
    for plan in plans {
        let Some(patient) = plan.person() else {
            return Err(SynthError::Plan(format!("{}: no patient number {}", plan.key, plan.patient)));
        };
        let folder = dir.join(patient.id).join(&plan.study_uid);
        let io = |path: PathBuf| move |source| SynthError::Io { path, source };
        std::fs::create_dir_all(&folder).map_err(io(folder.clone()))?;
        let mut write = |name: String, bytes: &[u8]| {
            let path = folder.join(name);
            files += 1;
            std::fs::write(&path, bytes).map_err(io(path))
        };
        write_instances(plan, |instance| write(format!("{}.dcm", instance.uid), &instance.bytes))?;
        if plan.has_report() {
            write("report.pdf".to_string(), &report_pdf(plan, patient)?)?;
        }
    }
    Ok(files)
}
