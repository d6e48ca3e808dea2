//! Digital mammography images for presentation (PS3.3 A.27): laterality, view codes, patient orientation.

use super::{DataSet, Place, code_item, finish, grey, little_endian};
use crate::SynthError;
use crate::instances::Instance;
use crate::phantom::breast::{COLUMNS, PIXEL, ROWS, image};
use crate::plan::code;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

const SOP_CLASS: &str = uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION;

/// One of four views: right CC, left CC, right MLO, left MLO.
pub(crate) fn instance(place: &Place<'_>) -> Result<Instance, SynthError> {
    let plan = place.plan;
    let (left, oblique) = (place.index % 2 == 1, place.index % 4 >= 2);
    // The breast belongs to the patient; both views of a side share its size.
    let person = format!("{}/breast", plan.patient);
    let bytes = little_endian(image(&person, left, oblique).into_iter());

    let orientation = match (left, oblique) {
        (false, false) => "P\\L",
        (true, false) => "A\\R",
        (false, true) => "P\\FL",
        (true, true) => "A\\FR",
    };
    let view = if oblique {
        code("399368009", "SCT", "medio-lateral oblique")
    } else {
        code("399162004", "SCT", "cranio-caudal")
    };
    let mut view_item = code_item(view);
    view_item.sequence(tags::VIEW_MODIFIER_CODE_SEQUENCE, Vec::new());

    let mut set = place.image(SOP_CLASS, "ORIGINAL\\PRIMARY");
    grey(&mut set, ROWS, COLUMNS, (16, 12), false, "MONOCHROME2");
    set.text(tags::PRESENTATION_INTENT_TYPE, "FOR PRESENTATION")
        .text(tags::PATIENT_ORIENTATION, orientation)
        .text(tags::IMAGE_LATERALITY, if left { "L" } else { "R" })
        .code(tags::ANATOMIC_REGION_SEQUENCE, plan.region)
        .sequence(tags::VIEW_CODE_SEQUENCE, vec![view_item])
        .text(tags::BURNED_IN_ANNOTATION, "NO")
        .text(tags::PIXEL_INTENSITY_RELATIONSHIP, "LOG")
        .value(tags::PIXEL_INTENSITY_RELATIONSHIP_SIGN, dicom_core::PrimitiveValue::from(-1i16))
        .text(tags::RESCALE_INTERCEPT, "0")
        .text(tags::RESCALE_SLOPE, "1")
        .text(tags::RESCALE_TYPE, "US")
        .text(tags::PRESENTATION_LUT_SHAPE, "IDENTITY")
        .text(tags::WINDOW_CENTER, "1700")
        .text(tags::WINDOW_WIDTH, "3200")
        .text(tags::PARTIAL_VIEW, "NO")
        .text(tags::BREAST_IMPLANT_PRESENT, "NO")
        .text(tags::ORGAN_EXPOSED, "BREAST")
        .text(tags::POSITIONER_TYPE, "MAMMOGRAPHIC")
        .text(
            tags::POSITIONER_PRIMARY_ANGLE,
            if !oblique {
                "0"
            } else if left {
                "50"
            } else {
                "-50"
            },
        )
        .text(tags::KVP, "28")
        .text(tags::EXPOSURE, "60")
        .text(tags::ANODE_TARGET_MATERIAL, "TUNGSTEN")
        .text(tags::FILTER_MATERIAL, "RHODIUM")
        .text(tags::BODY_PART_THICKNESS, "52")
        .text(tags::COMPRESSION_FORCE, "95")
        .text(tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR, "1.05")
        .text(tags::DETECTOR_TYPE, "DIRECT")
        .text(tags::DETECTOR_ID, "D1")
        .decimals(tags::IMAGER_PIXEL_SPACING, &[PIXEL, PIXEL])
        .sequence(tags::ACQUISITION_CONTEXT_SEQUENCE, Vec::<DataSet>::new())
        .pixels(VR::OW, bytes);
    finish(set, SOP_CLASS, place.uid())
}
