//! Broken and boastful objects end in an error, never in a panic or in a large allocation.

use crate::made::Made;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use std::path::Path;
use viewer::{RenderError, RenderRequest, Source, Window};

fn refused(file: &[u8]) -> RenderError {
    viewer::render(Source::Bytes(file), 1, &RenderRequest::default()).unwrap_err()
}

#[test]
fn attributes_that_contradict_the_pixels_are_refused() {
    assert!(matches!(refused(&Made::grey16(4, 4, &[0; 3]).file()), RenderError::Broken(_)));
    assert!(matches!(refused(&Made::grey16(0, 4, &[0; 3]).file()), RenderError::NotRenderable(_)));
    let boastful = Made::image(65_535, 65_535, 8, "RGB", 3).pixels(VR::OB, vec![0; 8]).file();
    assert!(matches!(refused(&boastful), RenderError::TooLarge { .. }));
    for (tag, value) in [
        (tags::BITS_STORED, 17),
        (tags::BITS_STORED, 0),
        (tags::HIGH_BIT, 16),
        (tags::HIGH_BIT, 3),
        (tags::BITS_ALLOCATED, 12),
        (tags::SAMPLES_PER_PIXEL, 3),
    ] {
        let file = Made::grey16(1, 1, &[0]).us(tag, value).file();
        assert!(matches!(refused(&file), RenderError::NotRenderable(_)), "{tag:?} {value}");
    }
    let many = Made::grey16(1, 1, &[0]).text(tags::NUMBER_OF_FRAMES, VR::IS, "4294967295").file();
    let last = viewer::render(Source::Bytes(&many), u32::MAX, &RenderRequest::default());
    assert!(matches!(last, Err(RenderError::Broken(_))));
}

#[test]
fn numbers_that_are_none_fall_back_instead_of_spreading() {
    let file = Made::grey16(1, 2, &[0, 100])
        .text(tags::RESCALE_SLOPE, VR::DS, "nan")
        .text(tags::RESCALE_INTERCEPT, VR::DS, "1e999")
        .text(tags::WINDOW_CENTER, VR::DS, "inf")
        .text(tags::WINDOW_WIDTH, VR::DS, "-1")
        .text(tags::PIXEL_SPACING, VR::DS, "1e-300\\1e300")
        .file();
    let picture = viewer::render(Source::Bytes(&file), 1, &RenderRequest::default()).unwrap();
    assert_eq!((picture.width, picture.height), (2, 1));
}

#[test]
fn requests_out_of_range_are_refused() {
    let file = Made::grey16(1, 1, &[0]).file();
    for request in [
        RenderRequest { max_width: Some(0), ..RenderRequest::default() },
        RenderRequest { window: Some(Window::linear(0.0, 0.0)), ..RenderRequest::default() },
        RenderRequest { window: Some(Window::linear(f64::NAN, 1.0)), ..RenderRequest::default() },
    ] {
        let answer = viewer::render(Source::Bytes(&file), 1, &request);
        assert!(matches!(answer, Err(RenderError::BadRequest(_))));
    }
}

#[test]
fn files_cut_anywhere_and_flipped_bytes_do_not_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/peer");
    for name in
        ["MR_small_RLE.dcm", "SC_rgb_small_odd_jpeg.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"]
    {
        let file = std::fs::read(folder.join(name)).unwrap();
        for step in 0..60 {
            let cut = file.len() * step / 60;
            let _ = viewer::render(Source::Bytes(&file[..cut]), 1, &RenderRequest::default());
            let mut flipped = file.clone();
            let at = (file.len() * step / 60 + 350).min(file.len() - 1);
            flipped[at] ^= 0xff;
            let _ = viewer::render(Source::Bytes(&flipped), 1, &RenderRequest::default());
            let _ = viewer::geometry(Source::Bytes(&flipped), 1);
        }
    }
}

#[test]
fn objects_without_pixels_say_so() {
    let file = Made::empty().text(tags::SOP_INSTANCE_UID, VR::UI, "2.25.1").file();
    assert_eq!(refused(&file).to_string(), "not renderable: the object holds no image");
    assert!(matches!(refused(b"not dicom at all"), RenderError::Dicom(_)));
}
