//! The demo's studies (design.md section 4): two hospitals, priors across several years, every kind of object.
//!
//! Limits that a test guards: at most 400 instances and 150 MB.

use crate::plan::{Code, Contrast, Hospital, Region, SeriesKind, SeriesPlan, StudyPlan, code};
use crate::reports;

const CHEST: Code = code("51185008", "SCT", "Chest");
const ABDOMEN: Code = code("818983003", "SCT", "Abdomen");
const HEAD: Code = code("69536005", "SCT", "Head");
const LUMBAR: Code = code("122496007", "SCT", "Lumbar spine");
const HEART: Code = code("80891009", "SCT", "Heart");
const BREAST: Code = code("76752008", "SCT", "Breast");

const CT_CHEST: Code = code("169069000", "SCT", "CT of chest");
const CT_ABDOMEN: Code = code("169070004", "SCT", "CT of abdomen");
const CT_HEAD: Code = code("303653007", "SCT", "CT of head");
const MR_HEAD: Code = code("816077007", "SCT", "MRI of brain");
const MR_SPINE: Code = code("241648001", "SCT", "MRI of lumbar spine");
const XR_CHEST: Code = code("399208008", "SCT", "Plain chest X-ray");
const ECHO: Code = code("40701008", "SCT", "Echocardiography");
const MAMMOGRAPHY: Code = code("71651007", "SCT", "Mammography");

/// One line of the table below, before series and identifiers are filled in.
struct Line {
    patient: usize,
    hospital: Hospital,
    date: &'static str,
    time: &'static str,
    kind: Kind,
    accession: u32,
    report: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ChestXray { inverted: bool },
    ChestCt { slices: u32, size: u16, notes: bool },
    AbdomenCt { slices: u32, size: u16 },
    HeadCt { slices: u32, size: u16 },
    HeadMr { slices: u32, grows: bool },
    SpineMr { axial: bool },
    Echo,
    Mammography,
}

use Hospital::{North, South};

const fn line(
    patient: usize,
    hospital: Hospital,
    date: &'static str,
    time: &'static str,
    kind: Kind,
    accession: u32,
    report: bool,
) -> Line {
    Line { patient, hospital, date, time, kind, accession, report }
}

/// The first patient has the longest history, so that one timeline shows every case: priors at both hospitals, a study
/// without report, one that was replaced and whose objects carry a former name. Accession numbers 3001 and 3002 exist
/// at both hospitals for different patients: only the issuer tells them apart.
const LINES: &[Line] = &[
    line(0, North, "20210518", "081230", Kind::ChestXray { inverted: false }, 1874, true),
    line(0, South, "20231107", "142205", Kind::ChestCt { slices: 24, size: 256, notes: false }, 2413, true),
    line(0, South, "20251130", "171640", Kind::HeadMr { slices: 14, grows: true }, 2977, false),
    line(0, South, "20260202", "093412", Kind::ChestXray { inverted: true }, 3001, true),
    line(0, North, "20260312", "101503", Kind::ChestCt { slices: 40, size: 512, notes: true }, 3002, true),
    line(1, South, "20220914", "113020", Kind::AbdomenCt { slices: 20, size: 256 }, 2120, true),
    line(1, North, "20260120", "150745", Kind::AbdomenCt { slices: 28, size: 512 }, 2988, true),
    line(2, South, "20260214", "031908", Kind::HeadCt { slices: 20, size: 512 }, 3002, true),
    line(2, South, "20260216", "104500", Kind::HeadMr { slices: 14, grows: false }, 3010, true),
    line(3, North, "20240305", "084510", Kind::Mammography, 2501, true),
    line(3, North, "20260310", "085525", Kind::Mammography, 3001, true),
    line(4, South, "20250626", "120118", Kind::Echo, 2811, true),
    line(4, South, "20250626", "123355", Kind::ChestXray { inverted: true }, 2812, true),
    line(5, North, "20260224", "164050", Kind::SpineMr { axial: true }, 3015, true),
    line(6, South, "20200117", "101010", Kind::ChestXray { inverted: true }, 1502, true),
    line(7, North, "20250921", "224417", Kind::HeadCt { slices: 16, size: 256 }, 2904, false),
    line(8, South, "20251008", "133302", Kind::AbdomenCt { slices: 20, size: 256 }, 2918, true),
    line(9, South, "20230612", "091500", Kind::SpineMr { axial: false }, 2330, true),
    line(9, North, "20260109", "114827", Kind::Echo, 2969, true),
    line(10, North, "20260226", "190533", Kind::ChestXray { inverted: false }, 3018, true),
    line(11, South, "20260303", "082244", Kind::ChestCt { slices: 20, size: 256, notes: false }, 3021, true),
];

/// The plans of every seeded study, in a fixed order (by patient, then by date).
///
/// Shape: at most 400 instances and 150 MB together; two runs give equal plans.
/// Source: design.md section 4.
pub fn seed_studies() -> Vec<StudyPlan> {
    LINES.iter().map(plan).collect()
}

/// Two hospitals' own numbering: the same Patient ID and the same accession number at both, for two people. The
/// modalities are other ones than those of the seeded studies, since who issues an id follows from who sends.
pub fn studies_under_own_numbers() -> [StudyPlan; 2] {
    let xray = Kind::ChestXray { inverted: false };
    [
        (line(7, North, "20260318", "081500", xray, 3101, false), "CR31"),
        (line(8, South, "20260318", "092000", xray, 3101, false), "CR41"),
    ]
    .map(|(line, calling_ae)| StudyPlan { calling_ae, id_in_objects: Some("1001"), ..plan(&line) })
}

fn plan(line: &Line) -> StudyPlan {
    let (word, description, procedure, body_part, region, modality) = words(line.kind);
    let key = format!("seed/{}/{word}/{}", line.patient + 1, line.date);
    let calling_ae = calling_ae(line.hospital, modality);
    let mut plan = StudyPlan {
        study_uid: crate::uid(&format!("study/{key}")),
        hospital: line.hospital,
        calling_ae,
        patient: line.patient,
        name_in_objects: (line.kind == Kind::HeadMr { slices: 14, grows: true }).then_some("MARTIN^Anne"),
        id_in_objects: None,
        date: line.date,
        time: line.time,
        description,
        accession: format!("A{}", line.accession),
        placer_order: format!("P{}", 700_000 + line.accession),
        filler_order: format!("F{}", 400_000 + line.accession),
        procedure_id: format!("RP{}", line.accession),
        procedure,
        body_part,
        region,
        modality,
        referring: match line.hospital {
            North => "BERGSTRÖM^Lena^^Dr.",
            South => "KOWALCZYK^Piotr^^Dr.",
        },
        series: Vec::new(),
        report: None,
        key,
    };
    plan.series = series(line, &plan.key);
    if line.report {
        plan.report = Some(reports::write(&plan));
    }
    plan
}

fn words(kind: Kind) -> (&'static str, &'static str, Code, &'static str, Code, &'static str) {
    match kind {
        Kind::ChestXray { .. } => ("xr-chest", "Chest X-ray, two views", XR_CHEST, "CHEST", CHEST, "CR"),
        Kind::ChestCt { .. } => ("ct-chest", "CT chest", CT_CHEST, "CHEST", CHEST, "CT"),
        Kind::AbdomenCt { .. } => ("ct-abdomen", "CT abdomen with contrast", CT_ABDOMEN, "ABDOMEN", ABDOMEN, "CT"),
        Kind::HeadCt { .. } => ("ct-head", "CT head", CT_HEAD, "HEAD", HEAD, "CT"),
        Kind::HeadMr { .. } => ("mr-head", "MR head", MR_HEAD, "HEAD", HEAD, "MR"),
        Kind::SpineMr { .. } => ("mr-spine", "MR lumbar spine", MR_SPINE, "LSPINE", LUMBAR, "MR"),
        Kind::Echo => ("us-heart", "Echocardiography", ECHO, "HEART", HEART, "US"),
        Kind::Mammography => ("mg", "Mammography, two views each", MAMMOGRAPHY, "BREAST", BREAST, "MG"),
    }
}

fn calling_ae(hospital: Hospital, modality: &str) -> &'static str {
    match (hospital, modality) {
        (North, "CT") => "CT1",
        (North, "MR") => "MR1",
        (North, "CR") => "CR1",
        (North, "US") => "US1",
        (North, _) => "MG1",
        (South, "CT") => "CT2",
        (South, "MR") => "MR2",
        (South, "CR") => "CR2",
        (South, "US") => "US2",
        (South, _) => "MG2",
    }
}

fn series(line: &Line, key: &str) -> Vec<SeriesPlan> {
    let make = |number: u32, description: &str, modality: &'static str, kind: SeriesKind, instances: u32| SeriesPlan {
        uid: crate::uid(&format!("series/{key}/{number}")),
        number,
        description: description.to_string(),
        modality,
        kind,
        instances,
        later: 0,
    };
    match line.kind {
        Kind::ChestXray { inverted } => vec![
            make(1, "Chest PA", "CR", SeriesKind::Cr { lateral: false, inverted }, 1),
            make(2, "Chest lateral", "CR", SeriesKind::Cr { lateral: true, inverted }, 1),
        ],
        Kind::ChestCt { slices, size, notes } => {
            let ct = SeriesKind::Ct { region: Region::Chest, size };
            let mut all = vec![make(2, "Chest axial soft tissue", "CT", ct, slices)];
            if notes {
                all.push(make(800, "Findings", "SR", SeriesKind::Sr, 1));
                all.push(make(801, "Key images", "KO", SeriesKind::KeyNote, 1));
            }
            all
        }
        Kind::AbdomenCt { slices, size } => {
            let ct = SeriesKind::Ct { region: Region::Abdomen, size };
            vec![make(2, "Abdomen axial portal venous", "CT", ct, slices)]
        }
        Kind::HeadCt { slices, size } => {
            let ct = SeriesKind::Ct { region: Region::Head, size };
            vec![make(2, "Head axial", "CT", ct, slices)]
        }
        Kind::HeadMr { slices, grows } => {
            let mr = |contrast| SeriesKind::Mr { region: Region::Head, contrast, size: 256, sagittal: false };
            let mut all = vec![
                make(2, "T1 axial", "MR", mr(Contrast::T1), slices),
                make(3, "T2 axial", "MR", mr(Contrast::T2), slices),
                make(4, "FLAIR axial", "MR", mr(Contrast::Flair), slices),
            ];
            if grows {
                // The scanner sent the FLAIR series a day late: the manifest is replaced.
                all[2].later = slices;
            } else {
                all.push(make(5, "DWI b1000 axial", "MR", mr(Contrast::Dwi), slices));
            }
            all
        }
        Kind::SpineMr { axial } => {
            let mr = |contrast, sagittal| SeriesKind::Mr { region: Region::Spine, contrast, size: 256, sagittal };
            let mut all = vec![
                make(2, "T1 sagittal", "MR", mr(Contrast::T1, true), 11),
                make(3, "T2 sagittal", "MR", mr(Contrast::T2, true), 11),
            ];
            if axial {
                all.push(make(4, "T2 axial", "MR", mr(Contrast::T2, false), 8));
            }
            all
        }
        Kind::Echo => vec![make(1, "Apical four chamber", "US", SeriesKind::Us { frames: 24 }, 1)],
        Kind::Mammography => vec![make(1, "CC and MLO", "MG", SeriesKind::Mg, 4)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;
    use std::collections::HashSet;

    #[test]
    fn the_seed_stays_within_its_limits_and_covers_every_kind() {
        let plans = seed_studies();
        let instances: u32 = plans.iter().map(|plan| plan.instance_count(Part::All)).sum();
        assert!(instances <= 400, "{instances} instances");
        let modalities: HashSet<&str> =
            plans.iter().flat_map(|plan| plan.series.iter().map(|series| series.modality)).collect();
        for modality in ["CT", "MR", "CR", "US", "MG", "SR", "KO"] {
            assert!(modalities.contains(modality), "{modality}");
        }
        assert_eq!(plans.iter().filter(|plan| plan.grows()).count(), 1);
        assert_eq!(plans.iter().filter(|plan| plan.name_in_objects.is_some()).count(), 1);
        assert!((0..12).all(|patient| plans.iter().any(|plan| plan.patient == patient)));
        assert_eq!(plans, seed_studies());
    }

    #[test]
    fn all_pixels_together_stay_below_the_size_limit() {
        use crate::phantom::{breast, radiograph, ultrasound};
        let octets = |kind: SeriesKind| match kind {
            SeriesKind::Ct { size, .. } | SeriesKind::Mr { size, .. } => 2 * usize::from(size) * usize::from(size),
            SeriesKind::Cr { .. } => 2 * radiograph::ROWS * radiograph::COLUMNS,
            SeriesKind::Us { frames } => usize::from(frames) * ultrasound::ROWS * ultrasound::COLUMNS,
            SeriesKind::Mg => 2 * breast::ROWS * breast::COLUMNS,
            SeriesKind::Sr | SeriesKind::KeyNote => 0,
        };
        let all = seed_studies();
        let series = all.iter().flat_map(|plan| &plan.series);
        // Headers are below 4 KiB.
        let total: usize = series.map(|s| s.instances as usize * (octets(s.kind) + 4096)).sum();
        assert!(total < 150_000_000, "{total} octets");
    }

    #[test]
    fn keys_and_uids_are_unique_and_identifiers_fit_their_types() {
        let plans = seed_studies();
        let mut seen = HashSet::new();
        for plan in &plans {
            assert!(seen.insert(plan.key.clone()) && seen.insert(plan.study_uid.clone()));
            assert!(plan.accession.len() <= 16 && plan.calling_ae.len() <= 16 && plan.procedure_id.len() <= 16);
            for series in &plan.series {
                assert!(seen.insert(series.uid.clone()));
                for index in 0..series.instances {
                    assert!(seen.insert(plan.instance_uid(series, index)));
                }
            }
        }
    }
}
