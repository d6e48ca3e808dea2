//! Grey images: modality LUT, windows, VOI LUT, inversion, padding.

use crate::made::{Made, samples};
use dicom_core::VR;
use dicom_dictionary_std::tags;
use viewer::{Format, Function, RenderRequest, Source, Window};

fn with_window(window: Window) -> RenderRequest {
    RenderRequest { window: Some(window), ..RenderRequest::default() }
}

#[test]
fn a_window_of_the_whole_range_keeps_the_upper_eight_bits() {
    let file = Made::grey16(1, 4, &[0, 1024, 2048, 4095]).us(tags::BITS_STORED, 12).us(tags::HIGH_BIT, 11).file();
    assert_eq!(samples(&file, with_window(Window::linear(2048.0, 4096.0))), [0, 64, 128, 255]);
}

#[test]
fn rescaled_values_meet_the_first_window_of_the_file() {
    // -1000, 0, 40 and 400 HU; the window is 40/400: 0 HU is (0 - 39.5) / 399 + 0.5.
    let made = Made::grey16(1, 4, &[24, 1024, 1064, 1424])
        .text(tags::RESCALE_INTERCEPT, VR::DS, "-1024")
        .text(tags::RESCALE_SLOPE, VR::DS, "1")
        .text(tags::WINDOW_CENTER, VR::DS, "40\\-500")
        .text(tags::WINDOW_WIDTH, VR::DS, "400\\1500");
    let file = made.file();
    assert_eq!(samples(&file, RenderRequest::default()), [0, 102, 128, 255]);
    // The second window: -1000 is (-1000 + 500.5) / 1499 + 0.5.
    let lung = RenderRequest { preset: 1, ..RenderRequest::default() };
    assert_eq!(samples(&file, lung.clone()), [43, 213, 219, 255]);
    let picture = viewer::render(Source::Bytes(&file), 1, &lung).unwrap();
    assert_eq!(picture.window, Some(Window::linear(-500.0, 1500.0)));
}

#[test]
fn signed_values_and_inversion_of_both_kinds() {
    let signed = |photometric: &str| {
        Made::grey16(1, 3, &[0xff9c, 0, 100]) // -100, 0, 100
            .us(tags::PIXEL_REPRESENTATION, 1)
            .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric)
            .file()
    };
    let exact = Window { center: 0.0, width: 200.0, function: Function::LinearExact };
    let inverted = RenderRequest { invert: true, ..with_window(exact) };
    assert_eq!(samples(&signed("MONOCHROME2"), with_window(exact)), [0, 128, 255]);
    assert_eq!(samples(&signed("MONOCHROME1"), with_window(exact)), [255, 128, 0]);
    assert_eq!(samples(&signed("MONOCHROME1"), inverted), [0, 128, 255]);
}

#[test]
fn the_functions_of_the_file_are_used() {
    let file = |function: &str| {
        Made::grey16(1, 3, &[0, 50, 100])
            .text(tags::WINDOW_CENTER, VR::DS, "50")
            .text(tags::WINDOW_WIDTH, VR::DS, "100")
            .text(tags::VOILUT_FUNCTION, VR::CS, function)
            .file()
    };
    assert_eq!(samples(&file("LINEAR_EXACT"), RenderRequest::default()), [0, 128, 255]);
    assert_eq!(samples(&file("SIGMOID"), RenderRequest::default()), [30, 128, 225]);
}

#[test]
fn padding_is_background_and_does_not_widen_the_automatic_window() {
    let made = |photometric: &str| {
        Made::grey16(1, 4, &[0xf830, 100, 150, 200]) // -2000 is padding
            .us(tags::PIXEL_REPRESENTATION, 1)
            .ss(tags::PIXEL_PADDING_VALUE, -2000)
            .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric)
            .file()
    };
    let shades = samples(&made("MONOCHROME2"), RenderRequest::default());
    assert_eq!(shades, [0, 0, 128, 255]);
    assert_eq!(samples(&made("MONOCHROME1"), RenderRequest::default()), [0, 255, 128, 0]);
}

#[test]
fn lookup_tables_of_the_file_replace_rescale_and_window() {
    let table = |values: &[u16]| {
        Made::empty().words(tags::LUT_DESCRIPTOR, VR::US, &[values.len() as u16, 0, 8]).words(
            tags::LUT_DATA,
            VR::OW,
            values,
        )
    };
    let voi = Made::grey16(1, 4, &[0, 1, 2, 9]).item(tags::VOILUT_SEQUENCE, table(&[255, 100, 7])).file();
    assert_eq!(samples(&voi, RenderRequest::default()), [255, 100, 7, 7]);
    assert_eq!(viewer::render(Source::Bytes(&voi), 1, &RenderRequest::default()).unwrap().window, None);
    let modality = Made::grey16(1, 3, &[0, 1, 2]).item(tags::MODALITY_LUT_SEQUENCE, table(&[200, 0, 100])).file();
    let exact = Window { center: 100.0, width: 200.0, function: Function::LinearExact };
    assert_eq!(samples(&modality, with_window(exact)), [255, 0, 128]);
}

#[test]
fn eight_bit_and_single_bit_images_have_their_values() {
    let eight = Made::image(2, 2, 8, "MONOCHROME2", 1).pixels(VR::OB, vec![0, 85, 170, 255]).file();
    assert_eq!(samples(&eight, with_window(Window::linear(128.0, 256.0))), [0, 85, 170, 255]);
    // 0b0000_0110: pixels are taken from the lowest bit.
    let mask = Made::image(1, 4, 1, "MONOCHROME2", 1).pixels(VR::OB, vec![0b0000_0110, 0]).file();
    assert_eq!(samples(&mask, RenderRequest::default()), [0, 255, 255, 0]);
}

#[test]
fn pictures_are_jpeg_on_request_and_never_larger_than_asked_for() {
    let pixels: Vec<u16> = (0..64 * 64).map(|index| (index % 64) * 60).collect();
    let file = Made::grey16(64, 64, &pixels).file();
    let request = RenderRequest { max_width: Some(32), max_height: Some(20), ..RenderRequest::default() };
    let picture = viewer::render(Source::Bytes(&file), 1, &request).unwrap();
    assert_eq!((picture.mime, picture.width, picture.height, picture.lossy), ("image/jpeg", 20, 20, true));
    assert!(picture.bytes.starts_with(&[0xff, 0xd8]) && picture.bytes.ends_with(&[0xff, 0xd9]));
    let png = RenderRequest { format: Format::Png, ..RenderRequest::default() };
    assert!(!viewer::render(Source::Bytes(&file), 1, &png).unwrap().lossy);
}

#[test]
fn pixels_that_are_not_square_are_shown_in_the_shape_of_the_body() {
    let file = Made::grey16(2, 2, &[0; 4]).text(tags::PIXEL_SPACING, VR::DS, "2\\1").file();
    let picture = viewer::render(Source::Bytes(&file), 1, &RenderRequest::default()).unwrap();
    assert_eq!((picture.width, picture.height), (2, 4));
    let file = Made::grey16(2, 2, &[0; 4]).text(tags::PIXEL_ASPECT_RATIO, VR::IS, "1\\2").file();
    let picture = viewer::render(Source::Bytes(&file), 1, &RenderRequest::default()).unwrap();
    assert_eq!((picture.width, picture.height), (4, 2));
}
