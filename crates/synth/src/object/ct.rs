//! CT images (PS3.3 A.3): Hounsfield units through the modality LUT, windows per region.

use super::{DataSet, Place, finish, grey};
use crate::instances::Instance;
use crate::phantom::picture::soften;
use crate::phantom::tissue::Hounsfield;
use crate::phantom::{Plane, Scene, abdomen, chest, head};
use crate::plan::{Hospital, Region};
use crate::random::{Grain, Random};
use crate::{StudyPlan, SynthError};
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};

/// A body that can be cut into CT slices.
pub(crate) struct Body {
    region: Region,
    scene: Scene,
    grain: Grain,
}

impl Body {
    pub(crate) fn new(plan: &StudyPlan, region: Region) -> Body {
        // The body belongs to the patient, not to the study: priors show the same anatomy.
        let person = format!("{}/{region:?}", plan.patient);
        let scene = match region {
            Region::Chest => chest::scene(&person, nodule_radius(plan)),
            Region::Abdomen => abdomen::scene(&person),
            Region::Head | Region::Spine => head::scene(plan.patient == 2),
        };
        Body { region, scene, grain: Grain::new(Random::from_words(&plan.key).next()) }
    }

    fn geometry(&self, index: u32, count: u32, size: usize) -> (Plane, f32) {
        // Instance 1 is the highest slice of the trunk and the lowest of the head, as scanners number them.
        let upwards = count.saturating_sub(1).saturating_sub(index);
        match self.region {
            Region::Chest => (chest::plane(chest::slice_z(upwards, count), size), chest::spacing(count)),
            Region::Abdomen => (abdomen::plane(abdomen::slice_z(upwards, count), size), abdomen::spacing(count)),
            Region::Head | Region::Spine => (head::plane(head::slice_z(index, count), size), head::spacing(count)),
        }
    }
}

/// Radius of the nodule in the first patient's right lower lobe at the time of a study, 0 when there is none.
pub(crate) fn nodule_radius(plan: &StudyPlan) -> f32 {
    match (plan.patient, plan.date.get(..4)) {
        (0, Some("2026")) => 7.0,
        (0, Some("2023")) => 4.5,
        _ => 0.0,
    }
}

/// The slice of a chest series that shows the nodule best.
pub(crate) fn nodule_slice(count: u32) -> u32 {
    let distance = |index: &u32| (chest::slice_z(count - 1 - index, count) - chest::nodule(1.0).centre[2]).abs();
    (0..count).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
}

/// One slice.
pub(crate) fn instance(place: &Place<'_>, body: &Body, size: u16) -> Result<Instance, SynthError> {
    let (plan, region) = (place.plan, body.region);
    let size = usize::from(size);
    let (plane, spacing) = body.geometry(place.index, place.series.instances, size);
    let mut values = body.scene.cut(plane).show(&Hounsfield);
    soften(&mut values, size);
    let (deviation, kernel) = match region {
        Region::Chest => (13.0, "B40"),
        Region::Abdomen => (10.0, "B30"),
        Region::Head | Region::Spine => (2.4, "H30"),
    };
    let mut random = Random::new(u64::from(place.index) * 7919 + 13);
    let shift = ((random.next() & 255) as usize, (random.next() & 255) as usize);
    // The north scanner stores unsigned 12 bits with an offset; the south one signed 16 bits with padding outside its
    // round field of view.
    let signed = plan.hospital == Hospital::South;
    let (intercept, padding) = if signed { (0.0, Some(-2000i16)) } else { (-1024.0, None) };
    let half = size as f32 / 2.0;
    let mut bytes = vec![0u8; size * size * 2];
    let (lowest, highest) = if signed { (-1024.0, 3071.0) } else { (0.0, 4095.0) };
    let lines = values.chunks(size.max(1)).zip(bytes.chunks_mut(2 * size.max(1)));
    for (row, (line, stored)) in lines.enumerate() {
        let dy = row as f32 + 0.5 - half;
        let grain = body.grain.row(row + shift.1);
        for (column, (value, stored)) in line.iter().zip(stored.chunks_exact_mut(2)).enumerate() {
            let dx = column as f32 + 0.5 - half;
            let off_centre = (dx * dx + dy * dy) / (half * half);
            // Noise is strongest in the middle of the body and weak in air.
            let strength = if *value < -900.0 { 0.45 } else { 1.15 - 0.5 * off_centre.min(1.0) };
            let noisy = value + deviation * strength * grain[(column + shift.0) % Grain::SIZE] - intercept;
            let number = match padding {
                Some(padding) if off_centre > 1.0 => padding,
                _ => noisy.clamp(lowest, highest) as i16,
            };
            stored.copy_from_slice(&number.to_le_bytes());
        }
    }

    let mut set = place.image(uids::CT_IMAGE_STORAGE, "ORIGINAL\\PRIMARY\\AXIAL");
    place.plane(&mut set, &plane, spacing, plane.origin[2]);
    grey(&mut set, size, size, if signed { (16, 16) } else { (16, 12) }, signed, "MONOCHROME2");
    let (centre, width, names) = match region {
        Region::Chest => ("40\\-550", "400\\1500", "MEDIASTINUM\\LUNG"),
        Region::Abdomen => ("50", "400", "ABDOMEN"),
        Region::Head | Region::Spine => ("35\\500", "80\\2500", "BRAIN\\BONE"),
    };
    set.decimals(tags::RESCALE_INTERCEPT, &[intercept])
        .text(tags::RESCALE_SLOPE, "1")
        .text(tags::RESCALE_TYPE, "HU")
        .text(tags::WINDOW_CENTER, centre)
        .text(tags::WINDOW_WIDTH, width)
        .text(tags::WINDOW_CENTER_WIDTH_EXPLANATION, names)
        .text(tags::KVP, "120")
        .text(tags::X_RAY_TUBE_CURRENT, "210")
        .text(tags::EXPOSURE_TIME, "500")
        .text(tags::EXPOSURE, "105")
        .text(tags::CONVOLUTION_KERNEL, kernel)
        .text(tags::GANTRY_DETECTOR_TILT, "0")
        .text(tags::ROTATION_DIRECTION, "CW")
        .decimals(tags::RECONSTRUCTION_DIAMETER, &[plane.pixel * size as f32]);
    if region == Region::Abdomen {
        set.text(tags::CONTRAST_BOLUS_AGENT, "Iodinated contrast medium, 300 mg/ml")
            .text(tags::CONTRAST_BOLUS_VOLUME, "100");
    }
    if let Some(padding) = padding {
        pad(&mut set, padding);
    }
    set.pixels(VR::OW, bytes);
    finish(set, uids::CT_IMAGE_STORAGE, place.uid())
}

fn pad(set: &mut DataSet, padding: i16) {
    // US or SS by Pixel Representation; the dictionary cannot know.
    set.0.put(DataElement::new(tags::PIXEL_PADDING_VALUE, VR::SS, PrimitiveValue::from(padding)));
}
