//! Streams that end early, lie about their size, use what is not decoded, or are simply damaged.

use std::time::{Duration, Instant};

use dicom::jpeg_ls::{Expected, Problem, decode};

use super::encoder::{Options, Picture, encode};
use super::{decoded, expected, picture};

/// Streams of every kind, small.
fn streams() -> Vec<(Vec<u8>, Picture)> {
    let mut out = Vec::new();
    for (components, precision) in [(1, 8), (1, 12), (3, 8)] {
        let picture = picture(19, 11, precision, components);
        for interleave in 0..=2 {
            for near in [0, 2] {
                let presets = (near == 0).then_some([0, 5, 20, 80, 31]);
                for interval in [0, 4] {
                    let options = Options { near, interleave, presets, interval, ..Options::default() };
                    out.push((encode(&picture, options).0, picture.clone()));
                }
            }
        }
    }
    out
}

#[test]
fn a_stream_that_ends_early_is_an_error_wherever_it_ends() {
    for (stream, picture) in streams() {
        assert!(decoded(&stream, &picture).is_ok());
        for end in 0..stream.len() {
            assert!(decoded(&stream[..end], &picture).is_err(), "{end} of {} octets are a picture", stream.len());
        }
    }
    // The end of the stream may be there and the samples not: no grey rest.
    let (stream, picture) = streams().swap_remove(0);
    let scan = stream.windows(2).position(|two| two == [0xFF, 0xDA]).unwrap() + 10;
    for end in scan..stream.len() - 4 {
        let cut = [&stream[..end], &[0xFF, 0xD9]].concat();
        let error = decoded(&cut, &picture).map(drop).unwrap_err();
        assert!(matches!(error.problem, Problem::Truncated(_)), "{error}");
    }
}

#[test]
fn no_single_wrong_bit_makes_it_panic_or_hang() {
    for (stream, picture) in streams() {
        let started = Instant::now();
        for at in 0..stream.len() * 8 {
            let mut damaged = stream.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            if let Ok(frame) = decoded(&damaged, &picture) {
                assert_eq!(frame.octets.len(), decoded(&stream, &picture).unwrap().octets.len());
            }
        }
        assert!(started.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn what_differs_from_the_data_set_is_refused_by_name() {
    let picture = picture(19, 11, 12, 3);
    let (stream, _) = encode(&picture, Options { interleave: 2, ..Options::default() });
    let right = expected(&picture);
    for (wrong, message) in [
        (Expected { rows: 12, ..right }, "expected 12 rows, got 11"),
        (Expected { columns: 18, ..right }, "expected 18 columns, got 19"),
        (Expected { samples_per_pixel: 1, ..right }, "expected 1 components, got 3"),
        (Expected { bits_allocated: 8, ..right }, "precision is 12, allowed are 2 to 8"),
    ] {
        let error = decode(&stream, &wrong).map(drop).unwrap_err();
        assert_eq!(error.to_string(), format!("JPEG-LS SOF55 at offset 2: {message}"));
        assert!(!error.is_unsupported());
    }
}

#[test]
fn a_short_stream_of_a_huge_picture_is_refused_before_it_costs_anything() {
    let mut stream = encode(&picture(19, 11, 8, 1), Options::default()).0;
    stream[7..11].copy_from_slice(&[0xFF; 4]);
    let huge = Expected { rows: 65_535, columns: 65_535, samples_per_pixel: 1, bits_allocated: 8 };
    let error = decode(&stream, &huge).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "JPEG-LS SOF55 at offset 2: data ends long before line 65535");
}

#[test]
fn what_is_not_decoded_says_what_it_is() {
    let picture = picture(19, 11, 8, 3);
    let (stream, _) = encode(&picture, Options { interleave: 1, ..Options::default() });
    let scan = stream.windows(2).position(|two| two == [0xFF, 0xDA]).unwrap();
    let with = |at: usize, octet: u8| {
        let mut stream = stream.clone();
        stream[at] = octet;
        stream
    };
    let inserted = |segment: &[u8]| [&stream[..scan], segment, &stream[scan..]].concat();
    for (stream, message) in [
        (with(13, 0x21), "subsampling of components"),
        (with(3, 0xC0), "another process than JPEG-LS"),
        (with(scan + 6, 1), "a mapping table"),
        (with(scan + 13, 2), "a point transform (2)"),
        (inserted(&[0xFF, 0xF8, 0, 5, 2, 1, 1]), "a mapping table"),
        (inserted(&[0xFF, 0xF8, 0, 8, 4, 2, 0, 0, 0, 0]), "a size beyond 65535"),
    ] {
        let error = decoded(&stream, &picture).map(drop).unwrap_err();
        assert!(error.is_unsupported() && error.to_string().contains(message), "{error}");
    }
}

#[test]
fn segments_in_the_wrong_place_are_refused() {
    let picture = picture(19, 11, 8, 3);
    let (stream, _) = encode(&picture, Options::default());
    let scans: Vec<usize> = (0..stream.len() - 1).filter(|at| stream[*at..*at + 2] == [0xFF, 0xDA]).collect();
    let header = &stream[2..scans[0]];
    let refused = |stream: Vec<u8>| decoded(&stream, &picture).map(drop).unwrap_err().to_string();
    let check = |stream: Vec<u8>, message: &str| {
        let error = refused(stream);
        assert!(error.contains(message), "{error}");
    };
    check(Vec::new(), "SOI");
    check(stream[2..].to_vec(), "SOI");
    check([&stream[..scans[0]], header, &stream[scans[0]..]].concat(), "a second frame header");
    check([&stream[..2], &stream[scans[0]..]].concat(), "no frame header before it");
    check([&stream[..scans[1]], &stream[scans[0]..]].concat(), "a component comes a second time");
    check([&stream[..scans[2]], &[0xFF, 0xD9]].concat(), "a component is missing");
    check([&stream[..scans[0]], &[0xFF, 0xDC, 0, 4, 0, 11], &stream[scans[0]..]].concat(), "no scan before it");
    check([&stream[..scans[1]], &[0xFF, 0xD0], &stream[scans[1]..]].concat(), "unexpected between segments");
    let more = [&stream[..scans[1]], &[0x12, 0x34, 0x56], &stream[scans[1]..]].concat();
    check(more, "octets are left over");
    let mut near = stream.clone();
    near[scans[0] + 7] = 200;
    check(near, "NEAR is 200, allowed are 0 to 127");
}
