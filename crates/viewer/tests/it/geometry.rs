//! Where frames lie: spacing and its source, letters, position, windows.

use crate::made::Made;
use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use viewer::{Geometry, Source, SpacingSource};

fn geometry(made: Made) -> Geometry {
    viewer::geometry(Source::Bytes(&made.file()), 1).unwrap()
}

fn image() -> Made {
    Made::grey16(2, 3, &[0; 6])
}

#[test]
fn an_axial_slice_has_letters_spacing_and_a_place() {
    let found = geometry(
        image()
            .text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0")
            .text(tags::IMAGE_POSITION_PATIENT, VR::DS, "-100\\-90.5\\42.25")
            .text(tags::PIXEL_SPACING, VR::DS, "0.5\\0.25")
            .text(tags::SLICE_THICKNESS, VR::DS, "3")
            .text(tags::FRAME_OF_REFERENCE_UID, VR::UI, "2.25.7")
            .text(tags::WINDOW_CENTER, VR::DS, "40\\-600")
            .text(tags::WINDOW_WIDTH, VR::DS, "400\\1500")
            .text(tags::WINDOW_CENTER_WIDTH_EXPLANATION, VR::LO, "SOFT\\LUNG"),
    );
    let edges = found.edges.unwrap();
    assert_eq!([edges.left, edges.right, edges.top, edges.bottom], ["R", "L", "A", "P"]);
    let spacing = found.spacing.unwrap();
    assert_eq!((spacing.row_mm, spacing.column_mm, spacing.source), (0.5, 0.25, SpacingSource::Patient));
    assert_eq!(found.slice_mm, Some(42.25));
    assert_eq!((found.thickness_mm, found.rows, found.columns, found.frames), (Some(3.0), 2, 3, 1));
    assert_eq!(found.frame_of_reference_uid.as_deref(), Some("2.25.7"));
    let names: Vec<&str> = found.windows.iter().map(|preset| preset.explanation.as_str()).collect();
    assert_eq!(names, ["SOFT", "LUNG"]);
}

#[test]
fn radiographs_have_the_spacing_of_the_detector_and_written_letters() {
    let found = geometry(image().text(tags::IMAGER_PIXEL_SPACING, VR::DS, "0.2\\0.2").text(
        tags::PATIENT_ORIENTATION,
        VR::CS,
        "P\\FL",
    ));
    assert_eq!(found.spacing.unwrap().source, SpacingSource::Detector);
    let edges = found.edges.unwrap();
    assert_eq!([edges.left, edges.right, edges.top, edges.bottom], ["A", "P", "HR", "FL"]);
    assert_eq!((found.slice_mm, found.position), (None, None));
}

#[test]
fn ultrasound_is_calibrated_by_its_region_and_unknown_spacing_is_not_guessed() {
    let mut region = Made::empty().us(tags::PHYSICAL_UNITS_X_DIRECTION, 3).us(tags::PHYSICAL_UNITS_Y_DIRECTION, 3);
    for tag in [tags::PHYSICAL_DELTA_X, tags::PHYSICAL_DELTA_Y] {
        region = region.value(tag, VR::FD, PrimitiveValue::from(0.04f64));
    }
    let found = geometry(image().item(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, region));
    let spacing = found.spacing.unwrap();
    assert_eq!((spacing.column_mm, spacing.source), (0.4, SpacingSource::UltrasoundRegion));
    let bare = geometry(image().text(tags::PIXEL_SPACING, VR::DS, "0\\0"));
    assert_eq!((bare.spacing, bare.edges, bare.windows.len()), (None, None, 0));
}

#[test]
fn an_enhanced_object_takes_its_plane_from_functional_groups() {
    let shared = Made::empty()
        .item(
            tags::PIXEL_MEASURES_SEQUENCE,
            Made::empty().text(tags::PIXEL_SPACING, VR::DS, "2\\2").text(tags::SLICE_THICKNESS, VR::DS, "5"),
        )
        .item(
            tags::PLANE_ORIENTATION_SEQUENCE,
            Made::empty().text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "0\\1\\0\\0\\0\\-1"),
        );
    let at = |x: &str| {
        Made::empty().item(
            tags::PLANE_POSITION_SEQUENCE,
            Made::empty().text(tags::IMAGE_POSITION_PATIENT, VR::DS, &format!("{x}\\-10\\20")),
        )
    };
    let file = Made::image(1, 1, 8, "MONOCHROME2", 1)
        .text(tags::NUMBER_OF_FRAMES, VR::IS, "2")
        .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, shared)
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, vec![at("1"), at("6")])
        .pixels(VR::OB, vec![0, 0])
        .file();
    let second = viewer::geometry(Source::Bytes(&file), 2).unwrap();
    assert_eq!(second.position, Some([6.0, -10.0, 20.0]));
    assert_eq!(second.slice_mm, Some(-6.0)); // the normal of a sagittal plane points to the right
    assert_eq!(second.thickness_mm, Some(5.0));
    assert_eq!(second.edges.unwrap().left, "A");
}
