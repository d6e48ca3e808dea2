//! Ultrasound multi-frame images (PS3.3 A.7): an echocardiography loop with frame time and region calibration.

use super::{DataSet, Place, finish, grey};
use crate::SynthError;
use crate::instances::Instance;
use crate::phantom::ultrasound::{COLUMNS, PIXEL_CM, ROWS, Sector, Speckle};
use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};

/// One loop of one beat.
pub(crate) fn instance(place: &Place<'_>, frames: u16) -> Result<Instance, SynthError> {
    let speckle = Speckle::new(&place.plan.key);
    let sector = Sector::new();
    let mut bytes = Vec::with_capacity(ROWS * COLUMNS * usize::from(frames));
    for index in 0..usize::from(frames) {
        bytes.extend_from_slice(&sector.frame(&speckle, index, usize::from(frames)));
    }
    // One beat at 68 per minute.
    let frame_time = 60_000.0 / 68.0 / f32::from(frames.max(1));

    let mut region = DataSet::new();
    region
        .value(tags::REGION_SPATIAL_FORMAT, PrimitiveValue::from(1u16)) // 2D
        .value(tags::REGION_DATA_TYPE, PrimitiveValue::from(1u16)) // tissue
        .value(tags::REGION_FLAGS, PrimitiveValue::from(0u32))
        .value(tags::REGION_LOCATION_MIN_X0, PrimitiveValue::from(40u32))
        .value(tags::REGION_LOCATION_MIN_Y0, PrimitiveValue::from(22u32))
        .value(tags::REGION_LOCATION_MAX_X1, PrimitiveValue::from(600u32))
        .value(tags::REGION_LOCATION_MAX_Y1, PrimitiveValue::from(432u32))
        .value(tags::PHYSICAL_UNITS_X_DIRECTION, PrimitiveValue::from(3u16)) // cm
        .value(tags::PHYSICAL_UNITS_Y_DIRECTION, PrimitiveValue::from(3u16))
        .value(tags::PHYSICAL_DELTA_X, PrimitiveValue::from(f64::from(PIXEL_CM)))
        .value(tags::PHYSICAL_DELTA_Y, PrimitiveValue::from(f64::from(PIXEL_CM)));

    let mut set = place.image(uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE, "ORIGINAL\\PRIMARY");
    grey(&mut set, ROWS, COLUMNS, (8, 8), false, "MONOCHROME2");
    set.text(tags::PATIENT_ORIENTATION, "")
        .text(tags::NUMBER_OF_FRAMES, frames.to_string())
        .value(tags::FRAME_INCREMENT_POINTER, PrimitiveValue::Tags([tags::FRAME_TIME].as_slice().into()))
        .decimals(tags::FRAME_TIME, &[frame_time])
        .text(tags::CINE_RATE, (1000.0 / frame_time).round().to_string())
        .text(tags::RECOMMENDED_DISPLAY_FRAME_RATE, (1000.0 / frame_time).round().to_string())
        .text(tags::PREFERRED_PLAYBACK_SEQUENCING, "")
        .value(tags::PREFERRED_PLAYBACK_SEQUENCING, PrimitiveValue::from(0u16))
        .text(tags::HEART_RATE, "68")
        .text(tags::TRANSDUCER_TYPE, "SECTOR_PHASED")
        .sequence(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, vec![region])
        .pixels(VR::OB, bytes);
    finish(set, uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE, place.uid())
}
