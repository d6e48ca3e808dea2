//! Studies of any size for benchmarks and tests: one base slice is made once and shifted, so that writing is what costs.

use crate::instances::Instance;
use crate::object::{DataSet, Place, code_item, finish, grey};
use crate::phantom::Plane;
use crate::plan::{Code, Hospital, Region, SeriesKind, SeriesPlan, StudyPlan, code};
use crate::random::{Random, noise};
use crate::{SynthError, uid};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

/// A CT study of any number of slices, made instance by instance.
#[derive(Clone)]
pub struct StudyOf {
    plan: StudyPlan,
    rows: u16,
    columns: u16,
    base: Vec<u8>,
    heavy: bool,
}

/// A CT study of `slices` images of `rows` x `columns` 16-bit pixels.
///
/// Shape: deterministic from `seed`; patient P0001; 600 slices of 512 x 512 are 315 MB.
pub fn study_of(slices: u32, rows: u16, columns: u16, seed: u64) -> StudyOf {
    let code: Code = code("169069000", "SCT", "CT of chest");
    let key = format!("bench/{slices}/{rows}x{columns}/{seed}");
    let series = SeriesPlan {
        uid: uid(&format!("series/{key}/1")),
        number: 1,
        description: "Benchmark".to_string(),
        modality: "CT",
        kind: SeriesKind::Ct { region: Region::Chest, size: rows },
        instances: slices,
        later: 0,
    };
    let plan = StudyPlan {
        study_uid: uid(&format!("study/{key}")),
        key,
        hospital: Hospital::North,
        calling_ae: "CT1",
        patient: 0,
        name_in_objects: None,
        id_in_objects: None,
        date: "20260401",
        time: "090000",
        description: "CT chest",
        accession: format!("B{:08}", seed % 100_000_000),
        placer_order: format!("PB{seed}"),
        filler_order: format!("FB{seed}"),
        procedure_id: format!("RB{:08}", seed % 100_000_000),
        procedure: code,
        body_part: "CHEST",
        region: crate::plan::code("51185008", "SCT", "Chest"),
        modality: "CT",
        referring: "BERGSTRÖM^Lena^^Dr.",
        series: vec![series],
        report: None,
    };
    StudyOf { plan, rows, columns, base: base_slice(rows, columns, seed), heavy: false }
}

/// A study of many small images with large headers (about 12 KB each): the worst case for whatever reads headers.
pub fn headers_study(instances: u32, seed: u64) -> StudyOf {
    let mut study = study_of(instances, 16, 16, seed ^ 0x4865_6164);
    study.heavy = true;
    study
}

/// A round body with soft noise, 12 bits.
fn base_slice(rows: u16, columns: u16, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let salt = (random.next() & 0xffff) as u32;
    let mut bytes = Vec::with_capacity(usize::from(rows) * usize::from(columns) * 2);
    for row in 0..rows {
        let y = f32::from(row) / f32::from(rows.max(1)) * 2.0 - 1.0;
        for column in 0..columns {
            let x = f32::from(column) / f32::from(columns.max(1)) * 2.0 - 1.0;
            let inside = x * x / 0.8 + y * y / 0.5 < 1.0;
            let level = if inside { 1060.0 + 60.0 * noise(x * 9.0, y * 9.0, 0.0, salt) } else { 24.0 };
            let value = (level + 10.0 * random.normal()).clamp(0.0, 4095.0) as u16;
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
    bytes
}

impl StudyOf {
    /// Study Instance UID.
    pub fn study_uid(&self) -> &str {
        &self.plan.study_uid
    }

    /// The plan behind it; its only series holds every instance.
    pub fn plan(&self) -> &StudyPlan {
        &self.plan
    }

    /// Number of instances.
    pub fn len(&self) -> u32 {
        self.plan.series.first().map_or(0, |series| series.instances)
    }

    /// Whether there are no instances.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One instance, index from 0; any order.
    ///
    /// Errors: `Plan` when the index is beyond the last instance.
    pub fn instance(&self, index: u32) -> Result<Instance, SynthError> {
        let series = self.plan.series.first().filter(|series| index < series.instances);
        let Some(series) = series else {
            return Err(SynthError::Plan(format!("instance {index} was asked for, the study has {}", self.len())));
        };
        let place = Place { plan: &self.plan, series, index };
        let z = index as f32 * 0.7;
        let mut plane = Plane::axial([0.0, 0.0, z], 360.0, usize::from(self.columns.max(1)));
        plane.rows = usize::from(self.rows);
        let mut set = place.image(uids::CT_IMAGE_STORAGE, "ORIGINAL\\PRIMARY\\AXIAL");
        place.plane(&mut set, &plane, 0.7, z);
        grey(&mut set, usize::from(self.rows), usize::from(self.columns), (16, 12), false, "MONOCHROME2");
        set.text(tags::RESCALE_INTERCEPT, "-1024")
            .text(tags::RESCALE_SLOPE, "1")
            .text(tags::RESCALE_TYPE, "HU")
            .text(tags::WINDOW_CENTER, "40")
            .text(tags::WINDOW_WIDTH, "400")
            .text(tags::KVP, "120");
        if self.heavy {
            weigh_down(&mut set, index);
        }
        // A shift by rows makes every slice different without another pass over the noise.
        let mut bytes = self.base.clone();
        let line = usize::from(self.columns) * 2;
        if !bytes.is_empty() {
            let shift = (index as usize * 3 % usize::from(self.rows.max(1))) * line;
            bytes.rotate_left(shift);
        }
        set.pixels(VR::OW, bytes);
        finish(set, uids::CT_IMAGE_STORAGE, place.uid())
    }

    /// Makes every instance in order and hands each to `sink`; errors as [`crate::write_instances`].
    pub fn write(&self, mut sink: impl FnMut(Instance) -> Result<(), SynthError>) -> Result<(), SynthError> {
        (0..self.len()).try_for_each(|index| sink(self.instance(index)?))
    }
}

/// Adds what enhanced scanners send: long comments and a sequence with many items.
fn weigh_down(set: &mut DataSet, index: u32) {
    set.text(tags::IMAGE_COMMENTS, format!("{} {index}", "Made to be long. ".repeat(250)));
    let items = (0..40)
        .map(|item| {
            let mut reference = DataSet::new();
            reference
                .text(tags::REFERENCED_SOP_CLASS_UID, uids::CT_IMAGE_STORAGE)
                .text(tags::REFERENCED_SOP_INSTANCE_UID, uid(&format!("reference/{index}/{item}")))
                .sequence(
                    tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
                    vec![code_item(code("121311", "DCM", "Localizer"))],
                );
            reference
        })
        .collect();
    set.sequence(tags::REFERENCED_IMAGE_SEQUENCE, items);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_of_any_size_has_distinct_instances_of_the_expected_weight() {
        let study = study_of(3, 64, 32, 1);
        let mut seen = Vec::new();
        study
            .write(|instance| {
                assert!(instance.bytes.len() > 64 * 32 * 2);
                seen.push(instance);
                Ok(())
            })
            .unwrap();
        assert_eq!(seen.len(), 3);
        assert!(seen[0].uid != seen[1].uid && seen[0].bytes != seen[1].bytes);
        assert_eq!(seen[2], study.instance(2).unwrap());
        assert!(study.instance(3).is_err());
        let heavy = headers_study(1, 1).instance(0).unwrap();
        assert!(heavy.bytes.len() > 10_000, "{}", heavy.bytes.len());
    }
}
