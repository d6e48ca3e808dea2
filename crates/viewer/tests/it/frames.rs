//! Multi-frame objects: the right frame, and a refusal that says how many there are.

use crate::made::{Made, decoded, png};
use dicom_core::VR;
use dicom_dictionary_std::tags;
use viewer::{Object, Region, RenderError, RenderRequest, Source, Window};

fn three_frames() -> Vec<u8> {
    Made::image(1, 2, 8, "MONOCHROME2", 1)
        .text(tags::NUMBER_OF_FRAMES, VR::IS, "3")
        .pixels(VR::OB, vec![1, 2, 3, 4, 5, 6])
        .file()
}

#[test]
fn each_frame_is_found_in_memory_and_in_a_stored_file() {
    let file = three_frames();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.dcm");
    std::fs::write(&path, &file).unwrap();
    let request = png(RenderRequest { window: Some(Window::linear(128.0, 256.0)), ..RenderRequest::default() });
    for source in [Source::Bytes(&file), Source::Path(&path)] {
        let object = Object::open(source).unwrap();
        assert_eq!(object.frames(), 3);
        for frame in 1..=3u8 {
            let picture = object.render(u32::from(frame), &request).unwrap();
            assert_eq!(decoded(&picture), [frame * 2 - 1, frame * 2]);
        }
    }
}

#[test]
fn a_frame_that_is_not_there_is_refused_with_the_number_of_frames() {
    let file = three_frames();
    for asked in [0, 4] {
        let error = viewer::render(Source::Bytes(&file), asked, &RenderRequest::default()).unwrap_err();
        assert!(matches!(error, RenderError::NoSuchFrame { frames: 3, .. }), "{error}");
    }
}

#[test]
fn single_bit_frames_follow_each_other_without_padding() {
    // Two frames of three pixels: 101 then 010, lowest bit first: 0b010_101.
    let file = Made::image(1, 3, 1, "MONOCHROME2", 1)
        .text(tags::NUMBER_OF_FRAMES, VR::IS, "2")
        .pixels(VR::OB, vec![0b0001_0101, 0])
        .file();
    let object = Object::open(Source::Bytes(&file)).unwrap();
    let request = png(RenderRequest::default());
    assert_eq!(decoded(&object.render(1, &request).unwrap()), [255, 0, 255]);
    assert_eq!(decoded(&object.render(2, &request).unwrap()), [0, 255, 0]);
}

#[test]
fn functional_groups_give_each_frame_its_own_window_and_rescale() {
    let group = |center: &str, intercept: &str| {
        Made::empty()
            .item(
                tags::FRAME_VOILUT_SEQUENCE,
                Made::empty().text(tags::WINDOW_CENTER, VR::DS, center).text(tags::WINDOW_WIDTH, VR::DS, "256"),
            )
            .item(
                tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
                Made::empty().text(tags::RESCALE_INTERCEPT, VR::DS, intercept).text(tags::RESCALE_SLOPE, VR::DS, "1"),
            )
    };
    let file = Made::image(1, 1, 8, "MONOCHROME2", 1)
        .text(tags::NUMBER_OF_FRAMES, VR::IS, "2")
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, vec![group("128", "0"), group("-128", "-200")])
        .pixels(VR::OB, vec![50, 50])
        .file();
    let object = Object::open(Source::Bytes(&file)).unwrap();
    let request = png(RenderRequest::default());
    assert_eq!(decoded(&object.render(1, &request).unwrap()), [50]);
    let second = object.render(2, &request).unwrap();
    assert_eq!(second.window, Some(Window::linear(-128.0, 256.0)));
    assert_eq!(decoded(&second), [106]); // 50 - 200 = -150, from -256
}

#[test]
fn frames_without_a_window_share_one_so_that_a_loop_does_not_flicker() {
    let loop_of = |bits: u16, pixels: Vec<u8>| {
        Made::image(1, 2, bits, "MONOCHROME2", 1)
            .text(tags::NUMBER_OF_FRAMES, VR::IS, "3")
            .pixels(VR::OW, pixels)
            .file()
    };
    let words: Vec<u8> = [0u16, 100, 0, 1000, 0, 5000].iter().flat_map(|word| word.to_le_bytes()).collect();
    let deep = loop_of(16, words);
    let object = Object::open(Source::Bytes(&deep)).unwrap();
    let windows: Vec<_> =
        (1..=3).map(|frame| object.render(frame, &RenderRequest::default()).unwrap().window).collect();
    assert!(windows.iter().all(|window| *window == windows[1]), "{windows:?}");
    // Eight bits are shown as they are.
    let eight = loop_of(8, vec![10, 20, 30, 40, 50, 60]);
    let picture = viewer::render(Source::Bytes(&eight), 2, &png(RenderRequest::default())).unwrap();
    assert_eq!(decoded(&picture), [30, 40]);
}

#[test]
fn a_region_is_cut_out_and_mirrored_and_one_beside_the_image_is_refused() {
    let file = Made::image(2, 3, 8, "MONOCHROME2", 1).pixels(VR::OB, vec![1, 2, 3, 4, 5, 6]).file();
    let whole = Region { x: 0, y: 0, width: None, height: None, mirror: false, flip: false };
    let shown = |region: Region| {
        let window = Some(Window::linear(128.0, 256.0));
        let request = png(RenderRequest { window, region: Some(region), ..RenderRequest::default() });
        viewer::render(Source::Bytes(&file), 1, &request).map(|picture| (picture.width, decoded(&picture)))
    };
    assert_eq!(shown(whole).unwrap(), (3, vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(shown(Region { x: 1, y: 1, width: Some(9), ..whole }).unwrap(), (2, vec![5, 6]));
    assert_eq!(shown(Region { width: Some(2), mirror: true, flip: true, ..whole }).unwrap(), (2, vec![5, 4, 2, 1]));
    for beside in [Region { x: 3, ..whole }, Region { y: 2, ..whole }, Region { width: Some(0), ..whole }] {
        assert!(matches!(shown(beside), Err(RenderError::BadRequest(_))), "{beside:?}");
    }
}
