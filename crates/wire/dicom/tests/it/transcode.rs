//! Stored objects as Explicit VR Little Endian: the same pixels, whatever they were stored in.

use std::io::Cursor;
use std::path::PathBuf;

use dicom::dicomweb::ExplicitLe;
use dicom::scan::{Keep, Layout, Limits, Options, scan_slice};
use dicom::transcode::{TranscodeError, Transcoder, can_transcode, to_explicit_le};
use dicom::transfer_syntaxes::{EXPLICIT_LE, IMPLICIT_LE, JPEG_BASELINE, JPEG_EXTENDED};
use dicom::{DataSet, Tag, VR, part10, tags};
use proptest::prelude::*;

use crate::make;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/made").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The data set without pixel data, and the pixels.
fn read(octets: &[u8]) -> (DataSet, Vec<u8>) {
    let scan = scan_slice(octets, &Options { keep: Keep::Everything, ..Options::default() }).unwrap();
    assert_eq!(scan.transfer_syntax_uid(), EXPLICIT_LE);
    let Some(Layout::Native { offset, length }) = scan.pixels.as_ref().map(|pixels| &pixels.layout) else {
        return (scan.data_set, Vec::new());
    };
    (scan.data_set.clone(), octets[*offset as usize..(*offset + *length) as usize].to_vec())
}

fn check_same(name: &str, native: &str) {
    let (expected, pixels) = read(&fixture(native));
    let (set, found) = read(&to_explicit_le(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}")));
    assert!(found == pixels, "{name}: pixels differ");
    for element in expected.elements() {
        assert_eq!(set.element(element.tag), Some(element), "{name}");
    }
}

#[test]
fn lossless_objects_come_out_bit_by_bit() {
    for name in [
        "native",
        "implicit",
        "big-endian",
        "deflated",
        "rle",
        "j2k-lossless",
        "jpeg-lossless-sv1",
        "jpeg-lossless-p14",
        "jls-lossless",
        "jls-presets",
    ] {
        check_same(&format!("mono-{name}.dcm"), "mono-native.dcm");
    }
    for name in ["rle", "j2k-lossless", "jpeg-lossless-sv1", "jls-line", "jls-sample", "jls-none"] {
        check_same(&format!("rgb-{name}.dcm"), "rgb-native.dcm");
    }
}

#[test]
fn a_lossy_object_is_decoded_to_rgb_and_keeps_its_mark() {
    let (_, pixels) = read(&fixture("rgb-native.dcm"));
    for name in ["rgb-jpeg-baseline-ybr.dcm", "rgb-jpeg-baseline-rgb.dcm"] {
        let (set, found) = read(&to_explicit_le(&fixture(name)).unwrap());
        assert_eq!(set.text(tags::PHOTOMETRIC_INTERPRETATION).as_deref(), Some("RGB"), "{name}");
        assert_eq!(set.u16(tags::PLANAR_CONFIGURATION), Some(0));
        assert_eq!(set.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref(), Some("01"));
        assert_eq!(found.len(), pixels.len());
        let far = found.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(far < Some(24), "{name}: {far:?}");
    }
}

#[test]
fn a_near_lossless_object_stays_within_its_bound_and_is_marked_lossy() {
    for (name, native, near) in [("mono-jls-near.dcm", "mono-native.dcm", 2), ("rgb-jls-near.dcm", "rgb-native.dcm", 3)]
    {
        let (expected, pixels) = read(&fixture(native));
        let (set, found) = read(&to_explicit_le(&fixture(name)).unwrap());
        let width = usize::from(expected.u16(tags::BITS_ALLOCATED).unwrap() / 8);
        let sample = |octets: &[u8]| octets.iter().rev().fold(0, |value, octet| value << 8 | i32::from(*octet));
        assert_eq!(found.len(), pixels.len());
        let both = found.chunks_exact(width).zip(pixels.chunks_exact(width));
        let furthest = both.map(|(a, b)| (sample(a) - sample(b)).abs()).max();
        assert_eq!(furthest, Some(near), "{name}");
        assert_eq!(set.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref(), Some("01"));
        assert_eq!(set.text(tags::LOSSY_IMAGE_COMPRESSION_METHOD).as_deref(), Some("ISO_14495_1"));
    }
}

#[test]
fn what_cannot_be_decoded_is_an_error_before_anything_is_written() {
    let error = to_explicit_le(&fixture("mono-jpeg-extended-12bit.dcm")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot decode 1.2.840.10008.1.2.4.51: no decoder for 12 bits and 1 samples per pixel"
    );
    assert_eq!(error.explicit_le(), ExplicitLe::No);
    assert!(!can_transcode(JPEG_EXTENDED, 16, 12, 1));
    assert!(can_transcode(JPEG_BASELINE, 8, 8, 3));
    assert!(can_transcode("1.2.840.10008.1.2.4.80", 16, 12, 1));
    assert!(!can_transcode("1.2.840.10008.1.2.4.110", 8, 8, 1));
    assert!(!can_transcode("2.25.1", 8, 8, 1));
}

#[test]
fn a_description_that_lies_is_refused() {
    // The data set claims what the code stream has not; no decoder is asked for 65535 x 65535 pixels.
    for name in ["mono-j2k-lossless.dcm", "mono-jpeg-lossless-sv1.dcm", "mono-rle.dcm", "mono-jls-lossless.dcm"] {
        let mut octets = fixture(name);
        let at = octets.windows(4).position(|four| four == [0x28, 0x00, 0x10, 0x00]).unwrap();
        for rows in [0_u16, 41, u16::MAX] {
            octets[at + 8..at + 10].copy_from_slice(&rows.to_le_bytes());
            assert!(to_explicit_le(&octets).is_err(), "{name} with {rows} rows");
        }
    }
    let mut set = make::ct();
    set.put_text(tags::NUMBER_OF_FRAMES, "2000000000");
    set.put_encapsulated(vec![vec![0; 64]]);
    let error = to_explicit_le(&part10::encode_as(&set, dicom::transfer_syntaxes::RLE)).unwrap_err();
    assert!(matches!(error, TranscodeError::Description(_)), "{error}");
}

#[test]
fn pixels_that_do_not_fit_are_too_long() {
    let mut set = make::ct();
    set.put_u16(tags::ROWS, 8000);
    set.put_u16(tags::COLUMNS, 8000);
    set.put_text(tags::NUMBER_OF_FRAMES, "40");
    set.put_encapsulated(vec![vec![0; 64]; 40]);
    let error = to_explicit_le(&part10::encode_as(&set, dicom::transfer_syntaxes::RLE)).unwrap_err();
    assert_eq!(error.explicit_le(), ExplicitLe::TooLong);
}

#[test]
fn private_elements_and_long_values_of_implicit_objects_become_unknown() {
    let mut set = make::ct();
    set.put_octets(Tag(0x0009, 0x0010), VR::LO, *b"ACME");
    set.put_octets(Tag(0x0009, 0x1001), VR::LO, *b"private ");
    set.put_octets(Tag(0x3006, 0x0050), VR::DS, vec![b'1'; 70_000]);
    set.put_u16(tags::PIXEL_REPRESENTATION, 1);
    set.put_octets(tags::SMALLEST_IMAGE_PIXEL_VALUE, VR::SS, (-5_i16).to_le_bytes());
    let file = make::file(IMPLICIT_LE, &set.encode_implicit_le());
    let (explicit, _) = read(&to_explicit_le(&file).unwrap());
    assert_eq!(explicit.element(Tag(0x0009, 0x0010)).unwrap().vr, VR::LO);
    assert_eq!(explicit.octets(Tag(0x3006, 0x0050)).map(<[u8]>::len), Some(70_000));
    assert_eq!(explicit.element(Tag(0x3006, 0x0050)).unwrap().vr, VR::UN);
    assert_eq!(explicit.integer(tags::SMALLEST_IMAGE_PIXEL_VALUE), Some(-5));
    let request = explicit.item(tags::REQUEST_ATTRIBUTES_SEQUENCE).unwrap();
    assert_eq!(request.text(tags::ACCESSION_NUMBER).as_deref(), Some("ACC-1"));
}

#[test]
fn the_length_is_known_before_writing() {
    for name in ["mono-implicit.dcm", "mono-deflated.dcm", "rgb-jpeg-baseline-ybr.dcm", "mono-rle.dcm"] {
        let mut transcoder = Transcoder::new(Cursor::new(fixture(name)), Limits::default()).unwrap();
        let mut out = Vec::new();
        transcoder.write(&mut out).unwrap();
        assert_eq!(out.len() as u64, transcoder.length(), "{name}");
        let mut again = Vec::new();
        transcoder.write(&mut again).unwrap();
        assert!(again == out, "{name}");
    }
}

#[test]
fn a_file_without_pixels_is_rewritten_too() {
    let mut set = make::ct();
    set.remove(tags::PIXEL_DATA);
    let file = make::file(IMPLICIT_LE, &set.encode_implicit_le());
    let (explicit, pixels) = read(&to_explicit_le(&file).unwrap());
    assert_eq!(explicit.encode_explicit_le(), set.encode_explicit_le());
    assert!(pixels.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn mutated_objects_never_panic(name in 0_usize..6, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let names = ["mono-j2k-lossless", "rgb-jpeg-baseline-ybr", "mono-jpeg-lossless-sv1", "rgb-rle", "mono-deflated", "mono-implicit"];
        let mut octets = fixture(&format!("{}.dcm", names[name]));
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        let _ = to_explicit_le(&octets);
    }
}
