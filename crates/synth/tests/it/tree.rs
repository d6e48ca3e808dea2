//! Plans as files.

use synth::{SeriesKind, seed_studies, write_tree};

#[test]
fn a_tree_has_one_folder_per_study_with_its_objects_and_report() {
    let mut plan = seed_studies().into_iter().find(|plan| plan.modality == "MR" && plan.has_report()).unwrap();
    plan.series.truncate(1);
    plan.series[0].instances = 2;
    if let SeriesKind::Mr { size, .. } = &mut plan.series[0].kind {
        *size = 32;
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(write_tree(folder.path(), std::slice::from_ref(&plan)).unwrap(), 3);
    let study = folder.path().join(plan.person().unwrap().id).join(&plan.study_uid);
    let mut names: Vec<String> =
        std::fs::read_dir(&study).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.contains(&"report.pdf".to_string()));
    assert_eq!(names.iter().filter(|name| name.ends_with(".dcm")).count(), 2);

    let blocked = folder.path().join("file");
    std::fs::write(&blocked, b"").unwrap();
    assert!(write_tree(&blocked, std::slice::from_ref(&plan)).unwrap_err().to_string().contains("could not write"));
}
