//! Computed radiography images (PS3.3 A.2) of the chest.

use super::{Place, ct, finish, grey, little_endian};
use crate::SynthError;
use crate::instances::Instance;
use crate::phantom::picture::letters;
use crate::phantom::radiograph;
use crate::random::Random;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

/// One radiograph; `inverted` stores it as MONOCHROME1.
pub(crate) fn instance(place: &Place<'_>, lateral: bool, inverted: bool) -> Result<Instance, SynthError> {
    let plan = place.plan;
    let seed = Random::from_words(&plan.key).next();
    let person = format!("{}/Chest", plan.patient);
    let mut pixels = radiograph::image(&person, lateral, ct::nodule_radius(plan), seed);
    let marker = if lateral { "L" } else { "R" };
    letters(&mut pixels, radiograph::COLUMNS, (60, 70), 6, marker, 3950);
    let bytes = little_endian(pixels.iter().map(|value| if inverted { 4095 - value } else { *value }));

    let mut set = place.image(uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE, "ORIGINAL\\PRIMARY");
    let photometric = if inverted { "MONOCHROME1" } else { "MONOCHROME2" };
    grey(&mut set, radiograph::ROWS, radiograph::COLUMNS, (16, 12), false, photometric);
    set.text(tags::PATIENT_ORIENTATION, if lateral { "P\\F" } else { "L\\F" })
        .text(tags::VIEW_POSITION, if lateral { "LL" } else { "PA" })
        .text(tags::KVP, "125")
        .text(tags::PLATE_ID, "P17")
        .text(tags::DISTANCE_SOURCE_TO_DETECTOR, "1800")
        .text(tags::EXPOSURE, "3")
        .decimals(tags::IMAGER_PIXEL_SPACING, &[radiograph::PIXEL, radiograph::PIXEL])
        .text(tags::WINDOW_CENTER, "2048")
        .text(tags::WINDOW_WIDTH, "4096")
        .pixels(VR::OW, bytes);
    finish(set, uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE, place.uid())
}
