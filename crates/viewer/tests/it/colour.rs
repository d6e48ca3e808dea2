//! Colour images made here: planes, palettes, chroma shared by two pixels.

use crate::made::{Made, samples};
use dicom_core::VR;
use dicom_dictionary_std::tags;
use viewer::RenderRequest;

#[test]
fn rgb_by_pixel_and_by_plane_give_the_same_picture() {
    let pixels = vec![255, 0, 0, 0, 128, 7];
    let by_pixel = Made::image(1, 2, 8, "RGB", 3).us(tags::PLANAR_CONFIGURATION, 0).pixels(VR::OB, pixels.clone());
    let planes = vec![255, 0, 0, 128, 0, 7];
    let by_plane = Made::image(1, 2, 8, "RGB", 3).us(tags::PLANAR_CONFIGURATION, 1).pixels(VR::OB, planes);
    assert_eq!(samples(&by_pixel.file(), RenderRequest::default()), pixels);
    assert_eq!(samples(&by_plane.file(), RenderRequest::default()), pixels);
}

#[test]
fn two_pixels_share_their_chroma_in_422() {
    // Y Y Cb Cr: two greys of different luma.
    let file = Made::image(1, 2, 8, "YBR_FULL_422", 3).pixels(VR::OB, vec![10, 200, 128, 128]).file();
    assert_eq!(samples(&file, RenderRequest::default()), [10, 10, 10, 200, 200, 200]);
}

#[test]
fn palettes_give_colours_and_inversion_their_negatives() {
    let descriptor = [3u16, 0, 16];
    let made = Made::image(1, 3, 8, "PALETTE COLOR", 1)
        .words(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, VR::US, &descriptor)
        .words(tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, VR::US, &descriptor)
        .words(tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, VR::US, &descriptor)
        .words(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, VR::OW, &[0, 0xffff, 0x8080])
        .words(tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA, VR::OW, &[0, 0, 0x8080])
        .words(tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA, VR::OW, &[0xffff, 0, 0x8080])
        .pixels(VR::OB, vec![0, 1, 2]);
    let file = made.file();
    assert_eq!(samples(&file, RenderRequest::default()), [0, 0, 255, 255, 0, 0, 128, 128, 128]);
    let inverted = RenderRequest { invert: true, ..RenderRequest::default() };
    assert_eq!(samples(&file, inverted), [255, 255, 0, 0, 255, 255, 127, 127, 127]);
}
