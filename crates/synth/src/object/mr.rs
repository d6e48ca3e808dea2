//! MR images (PS3.3 A.4): spin-echo signals of the head and the lumbar spine.

use super::{Place, finish, grey};
use crate::instances::Instance;
use crate::phantom::picture::soften;
use crate::phantom::tissue::Signal;
use crate::phantom::{Plane, Scene, Section, head, spine};
use crate::plan::{Contrast, Region};
use crate::random::Random;
use crate::{StudyPlan, SynthError};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use std::collections::HashMap;

/// A body that can be cut into MR slices.
pub(crate) struct Body {
    pub(crate) region: Region,
    scene: Scene,
    /// Slices cut so far, by index, number of slices, size and direction.
    sections: HashMap<(u32, u32, usize, bool), Section>,
}

impl Body {
    pub(crate) fn new(plan: &StudyPlan, region: Region) -> Body {
        let scene = match region {
            Region::Spine => spine::scene(&format!("{}/spine", plan.patient)),
            _ => head::scene(plan.patient == 2),
        };
        Body { region, scene, sections: HashMap::new() }
    }

    fn geometry(&self, index: u32, count: u32, size: usize, sagittal: bool) -> (Plane, f32, f32) {
        match (self.region, sagittal) {
            (Region::Spine, true) => {
                let x = spine::slice_x(index, count);
                (spine::sagittal(x, size), x, 4.4)
            }
            (Region::Spine, false) => {
                let z = spine::slice_z(index, count);
                (spine::axial(z, size), z, 4.4)
            }
            _ => {
                let z = head::slice_z(index, count);
                (head::plane(z, size), z, head::spacing(count))
            }
        }
    }
}

/// Timing and appearance of one weighting.
struct Sequence {
    name: &'static str,
    scanning: &'static str,
    variant: &'static str,
    repetition: f32,
    echo: f32,
    inversion: Option<f32>,
    train: u16,
    window: (f32, f32),
}

fn sequence(contrast: Contrast) -> Sequence {
    let make = |name, scanning, variant, repetition, echo, inversion, train, window| Sequence {
        name,
        scanning,
        variant,
        repetition,
        echo,
        inversion,
        train,
        window,
    };
    match contrast {
        Contrast::T1 => make("se", "SE", "NONE", 520.0, 11.0, None, 1, (420.0, 840.0)),
        Contrast::T2 => make("tse", "SE", "SK", 4200.0, 98.0, None, 15, (440.0, 880.0)),
        Contrast::Flair => make("tirm", "SE\\IR", "SK", 9000.0, 115.0, Some(2400.0), 16, (250.0, 500.0)),
        Contrast::Dwi => make("ep2d_b1000", "EP", "SK", 5200.0, 95.0, None, 96, (300.0, 600.0)),
    }
}

/// One slice.
pub(crate) fn instance(
    place: &Place<'_>,
    body: &mut Body,
    contrast: Contrast,
    size: u16,
    sagittal: bool,
) -> Result<Instance, SynthError> {
    let size = usize::from(size);
    let (plane, location, spacing) = body.geometry(place.index, place.series.instances, size, sagittal);
    // Series of one study show the same slices: each is cut once.
    let key = (place.index, place.series.instances, size, sagittal);
    let section = body.sections.entry(key).or_insert_with(|| body.scene.cut(plane));
    let mut values = section.show(&Signal::new(contrast));
    soften(&mut values, size);
    if contrast == Contrast::Dwi {
        // Echo-planar images are coarse.
        soften(&mut values, size);
        soften(&mut values, size);
    }
    let surface_coil = body.region == Region::Spine;
    let mut random = Random::from_words(&format!("{}/{}/{}", place.plan.key, place.series.number, place.index));
    let mut bytes = vec![0u8; size * size * 2];
    let lines = values.chunks(size.max(1)).zip(bytes.chunks_mut(2 * size.max(1)));
    for (row, (line, stored)) in lines.enumerate() {
        for (column, (value, stored)) in line.iter().zip(stored.chunks_exact_mut(2)).enumerate() {
            let [x, y, z] = plane.at(column as f32, row as f32);
            // A spine coil lies behind the patient: signal falls towards the front. A head coil is nearly even.
            let gain = if surface_coil { (1.0 + y * 0.0045).clamp(0.4, 1.3) } else { 1.0 + z * 0.0006 - x * 0.0004 };
            let (re, im) = (value * gain + 9.0 * random.normal(), 9.0 * random.normal());
            let magnitude = (re * re + im * im).sqrt().clamp(0.0, 4095.0) as u16;
            stored.copy_from_slice(&magnitude.to_le_bytes());
        }
    }

    let timing = sequence(contrast);
    // A surface coil makes near fat very bright.
    let window = if surface_coil && contrast == Contrast::T1 { (760.0, 1520.0) } else { timing.window };
    let mut set = place.image(uids::MR_IMAGE_STORAGE, "ORIGINAL\\PRIMARY\\OTHER");
    place.plane(&mut set, &plane, spacing * 0.9, location);
    grey(&mut set, size, size, (16, 12), false, "MONOCHROME2");
    set.text(tags::SCANNING_SEQUENCE, timing.scanning)
        .text(tags::SEQUENCE_VARIANT, timing.variant)
        .text(tags::SCAN_OPTIONS, "")
        .text(tags::MR_ACQUISITION_TYPE, "2D")
        .text(tags::SEQUENCE_NAME, timing.name)
        .decimals(tags::REPETITION_TIME, &[timing.repetition])
        .decimals(tags::ECHO_TIME, &[timing.echo])
        .text(tags::ECHO_TRAIN_LENGTH, timing.train.to_string())
        .text(tags::MAGNETIC_FIELD_STRENGTH, "1.5")
        .text(tags::IMAGED_NUCLEUS, "1H")
        .text(tags::NUMBER_OF_AVERAGES, "2")
        .text(tags::FLIP_ANGLE, "90")
        .text(tags::ECHO_NUMBERS, "1")
        .decimals(tags::SPACING_BETWEEN_SLICES, &[spacing])
        .decimals(tags::WINDOW_CENTER, &[window.0])
        .decimals(tags::WINDOW_WIDTH, &[window.1]);
    if let Some(inversion) = timing.inversion {
        set.decimals(tags::INVERSION_TIME, &[inversion]);
    }
    set.pixels(VR::OW, bytes);
    finish(set, uids::MR_IMAGE_STORAGE, place.uid())
}
