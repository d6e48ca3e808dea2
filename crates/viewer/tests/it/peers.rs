//! Objects written by other software: known pixels through every decoder, and polite refusals.

use crate::made::{decoded, png};
use std::path::{Path, PathBuf};
use viewer::{Function, Object, RenderRequest, Source, Window};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/peer").join(name)
}

/// Checks the pixels at (column, row) of a frame, each channel within a tolerance.
fn check_colours(name: &str, frame: u32, tolerance: u8, expected: &[((usize, usize), [u8; 3])]) {
    let path = fixture(name);
    let picture = viewer::render(Source::Path(&path), frame, &png(RenderRequest::default())).unwrap();
    let samples = decoded(&picture);
    for ((column, row), colour) in expected {
        let at = (row * picture.width as usize + column) * 3;
        let found = &samples[at..at + 3];
        let near = found.iter().zip(colour).all(|(a, b)| a.abs_diff(*b) <= tolerance);
        assert!(near, "{name}: {colour:?} was expected at {column},{row}, {found:?} came");
    }
}

#[test]
fn the_same_slice_is_the_same_picture_in_every_transfer_syntax() {
    // 905 is the first pixel: (905 - 0) / 2000 of the range below.
    let window = Window { center: 1000.0, width: 2000.0, function: Function::LinearExact };
    let request = png(RenderRequest { window: Some(window), ..RenderRequest::default() });
    let render = |name: &str| decoded(&viewer::render(Source::Path(&fixture(name)), 1, &request).unwrap());
    let expected = render("MR_small_RLE.dcm");
    assert_eq!(expected[..4], [115, 130, 156, 161]); // 905, 1019, 1227, 1259
    assert_eq!(render("MR_small_bigendian.dcm"), expected);
    assert_eq!(render("MR_small_jp2klossless.dcm"), expected);
    assert_eq!(render("MR_small_jpeg_ls_lossless.dcm"), expected);
}

#[test]
fn colours_of_other_writers_come_out_right() {
    let corners = [((0, 0), [255, 0, 0]), ((99, 99), [255, 255, 255]), ((50, 50), [128, 128, 255])];
    check_colours("SC_rgb_jpeg_gdcm.dcm", 1, 0, &corners);
    check_colours("SC_rgb_rle_2frame.dcm", 1, 0, &corners);
    check_colours("SC_rgb_rle_2frame.dcm", 2, 0, &[((99, 99), [0, 0, 0])]);
    check_colours("SC_rgb_rle_16bit_2frame.dcm", 1, 0, &corners);
    check_colours("SC_rgb_dcmtk_ybr_422.dcm", 1, 4, &corners);
    check_colours("SC_ybr_full_422_uncompressed.dcm", 1, 4, &corners);
    let odd = [((0, 0), [166, 141, 52]), ((1, 1), [63, 87, 176]), ((2, 2), [158, 158, 158])];
    check_colours("SC_rgb_small_odd_big_endian.dcm", 1, 0, &odd);
    check_colours("SC_rgb_small_odd_jpeg.dcm", 1, 4, &odd);
}

#[test]
fn jpeg_ls_is_the_same_picture_in_every_interleaving_and_near_it_when_that_is_how_it_was_made() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/dicom/fixtures/made");
    let render = |name: &str| {
        decoded(&viewer::render(Source::Path(&folder.join(name)), 1, &png(RenderRequest::default())).unwrap())
    };
    for name in ["rgb-jls-line.dcm", "rgb-jls-sample.dcm", "rgb-jls-none.dcm"] {
        assert!(render(name) == render("rgb-native.dcm"), "{name}");
    }
    let (near, native) = (render("rgb-jls-near.dcm"), render("rgb-native.dcm"));
    assert_eq!(near.iter().zip(&native).map(|(a, b)| a.abs_diff(*b)).max(), Some(3));
    for name in ["mono-jls-lossless.dcm", "mono-jls-presets.dcm"] {
        assert!(render(name) == render("mono-native.dcm"), "{name}");
    }
}

#[test]
fn deflated_and_wide_objects_are_rendered() {
    let path = fixture("image_dfl.dcm");
    assert_eq!(viewer::render(Source::Path(&path), 1, &RenderRequest::default()).unwrap().width, 512);
    let path = fixture("rtdose.dcm");
    let object = Object::open(Source::Path(&path)).unwrap();
    assert_eq!(object.frames(), 15);
    assert_eq!(object.render(15, &RenderRequest::default()).unwrap().width, 10);
}

#[test]
fn what_cannot_be_decoded_is_refused_in_words() {
    let path = fixture("JPGExtended.dcm");
    let error = viewer::render(Source::Path(&path), 1, &RenderRequest::default()).unwrap_err().to_string();
    assert!(error.starts_with("not renderable: ") && error.contains("JPEG with 12 bits"), "{error}");
}

#[test]
fn an_rgb_stream_marked_so_is_not_converted() {
    let path = fixture("SC_jpeg_no_color_transform.dcm");
    let picture = viewer::render(Source::Path(&path), 1, &png(RenderRequest::default())).unwrap();
    assert_eq!((picture.width, picture.height, picture.window), (256, 256, None));
}
