//! JPEG-LS: what the standard's own example, an encoder written for these tests and dcmcjpls write is read back.

mod encoder;
mod hostile;
mod peers;

use dicom::jpeg_ls::{Expected, Frame, JpegLsError, decode};
use encoder::{Options, Picture, encode};

/// What the data set would say of a picture.
fn expected(picture: &Picture) -> Expected {
    Expected {
        rows: picture.height as u32,
        columns: picture.width as u32,
        samples_per_pixel: picture.planes.len() as u16,
        bits_allocated: if picture.precision > 8 { 16 } else { 8 },
    }
}

/// Samples by component as a decoded frame has them.
fn pixels(planes: &[Vec<u16>], bits_allocated: u16) -> Vec<u8> {
    let mut out = Vec::new();
    for at in 0..planes[0].len() {
        for plane in planes {
            out.extend_from_slice(&plane[at].to_le_bytes()[..usize::from(bits_allocated / 8)]);
        }
    }
    out
}

/// Numbers that look random, the same every time.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Slopes, flat areas, edges and noise, so that every kind of code occurs.
fn picture(width: usize, height: usize, precision: u32, components: usize) -> Picture {
    let mut noise = Noise(u64::from(precision) << 32 | (width * height * components) as u64);
    let maximum = (1_i64 << precision) - 1;
    let plane = |component: usize, noise: &mut Noise| {
        let mut plane = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let slope = maximum * (x + y + component) as i64 / (width + height + components) as i64;
                let value = match (x * 4 / width, y * 4 / height) {
                    (0, _) | (_, 0) => maximum / 3,
                    (1, 1) => noise.below(maximum as u64 + 1) as i64,
                    (2, 1) if noise.below(16) == 0 => maximum,
                    (2, 1) => 0,
                    (3, row) if row > 1 => slope + noise.below(5) as i64 - 2,
                    _ => slope + noise.below(maximum as u64 / 64 + 1) as i64,
                };
                plane.push(value.clamp(0, maximum) as u16);
            }
        }
        plane
    };
    Picture { width, height, precision, planes: (0..components).map(|at| plane(at, &mut noise)).collect() }
}

fn check(picture: &Picture, options: Options) {
    let (stream, found) = encode(picture, options);
    let expected = expected(picture);
    let name = format!("{} bits, {} components, {options:?}", picture.precision, picture.planes.len());
    let frame = decode(&stream, &expected).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(frame.precision, picture.precision, "{name}");
    assert!(frame.octets == pixels(&found, expected.bits_allocated), "{name}: other samples");
    for (plane, found) in picture.planes.iter().zip(&found) {
        assert!(
            plane.iter().zip(found).all(|(a, b)| i32::from(a.abs_diff(*b)) <= options.near),
            "{name}: beyond the bound"
        );
    }
}

fn decoded(stream: &[u8], picture: &Picture) -> Result<Frame, JpegLsError> {
    decode(stream, &expected(picture))
}

#[test]
fn the_example_of_the_standard_decodes() {
    // T.87 H.3: four lines of four samples.
    #[rustfmt::skip]
    let stream = [
        0xFF, 0xD8, 0xFF, 0xF7, 0x00, 0x0B, 0x08, 0x00, 0x04, 0x00, 0x04, 0x01, 0x01, 0x11, 0x00, 0xFF, 0xDA, 0x00, 0x08,
        0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0xC0, 0x00, 0x00, 0x6C, 0x80, 0x20, 0x8E, 0x01, 0xC0, 0x00, 0x00, 0x57, 0x40,
        0x00, 0x00, 0x6E, 0xE6, 0x00, 0x00, 0x01, 0xBC, 0x18, 0x00, 0x00, 0x05, 0xD8, 0x00, 0x00, 0x91, 0x60, 0xFF, 0xD9,
    ];
    #[rustfmt::skip]
    let samples = [
        0, 0, 90, 74,
        68, 50, 43, 205,
        64, 145, 145, 145,
        100, 145, 145, 145,
    ];
    let expected = Expected { rows: 4, columns: 4, samples_per_pixel: 1, bits_allocated: 8 };
    assert_eq!(decode(&stream, &expected).unwrap().octets, samples);
    // The encoder of these tests writes the same.
    let plane = samples.map(u16::from).to_vec();
    let picture = Picture { width: 4, height: 4, precision: 8, planes: vec![plane] };
    assert_eq!(encode(&picture, Options::default()).0, stream);
}

#[test]
fn every_precision_number_of_components_and_interleaving_comes_back() {
    for precision in 2..=16 {
        for components in 1..=4 {
            for interleave in 0..=2 {
                for near in [0, 1, 3, 7] {
                    if near > (1 << precision) / 2 - 1 {
                        continue;
                    }
                    let picture = picture(37, 29, precision, components);
                    check(&picture, Options { near, interleave, ..Options::default() });
                }
            }
        }
    }
}

#[test]
fn narrow_and_flat_pictures_come_back() {
    for (width, height) in [(1, 1), (1, 9), (2, 5), (9, 1), (3000, 2)] {
        for interleave in 0..=2 {
            check(&picture(width, height, 12, 3), Options { interleave, ..Options::default() });
            let flat = Picture { width, height, precision: 8, planes: vec![vec![7; width * height]; 3] };
            check(&flat, Options { interleave, ..Options::default() });
        }
    }
    // Runs so long that a segment of them has 32768 samples.
    let long = Picture { width: 60_000, height: 40, precision: 8, planes: vec![vec![0; 2_400_000]] };
    check(&long, Options::default());
}

#[test]
fn presets_are_kept_to() {
    for presets in [[0, 9, 9, 9, 31], [0, 3, 4, 5, 3], [4000, 0, 0, 0, 0], [0, 0, 0, 0, 255], [4095, 18, 67, 276, 64]] {
        for near in [0, 2] {
            let mut picture = picture(40, 40, 12, 1);
            let most = if presets[0] == 0 { 4095 } else { presets[0] };
            picture.planes[0].iter_mut().for_each(|sample| *sample = (*sample).min(most));
            check(&picture, Options { near, presets: Some(presets), ..Options::default() });
        }
    }
}

#[test]
fn restart_markers_begin_anew() {
    for interval in [1, 2, 7, 28, 29, 30, 300] {
        for interleave in 0..=2 {
            check(&picture(37, 29, 8, 3), Options { interleave, interval, ..Options::default() });
        }
        check(&picture(37, 29, 12, 1), Options { near: 2, interval, ..Options::default() });
    }
    let picture = picture(37, 29, 8, 1);
    let (mut stream, _) = encode(&picture, Options { interval: 2, ..Options::default() });
    let marker = stream.windows(2).position(|two| two == [0xFF, 0xD1]).unwrap();
    stream[marker + 1] = 0xD2;
    let error = decoded(&stream, &picture).map(drop).unwrap_err().to_string();
    assert_eq!(error, format!("JPEG-LS RST at offset {marker}: expected 209 as restart marker, got 210"));
}

#[test]
fn the_number_of_lines_may_stand_at_the_end() {
    for interleave in 0..=2 {
        check(&picture(20, 13, 8, 3), Options { interleave, lines_at_the_end: true, ..Options::default() });
    }
    let picture = picture(20, 13, 8, 1);
    let (stream, _) = encode(&picture, Options { lines_at_the_end: true, ..Options::default() });
    let segment = stream.windows(2).position(|two| two == [0xFF, 0xDC]).unwrap();
    let mut other = stream.clone();
    other[segment + 5] = 14;
    let error = decoded(&other, &picture).map(drop).unwrap_err().to_string();
    assert_eq!(error, format!("JPEG-LS DNL at offset {segment}: expected 13 rows, got 14"));
    let mut without = stream;
    without.drain(segment..segment + 6);
    let error = decoded(&without, &picture).map(drop).unwrap_err().to_string();
    assert!(error.contains("EOI") && error.contains("how many lines"), "{error}");
}

#[test]
fn colour_transforms_are_undone() {
    for precision in [8, 16] {
        let before = picture(40, 30, precision, 3);
        let (range, mask) = (1_i32 << precision, (1_i32 << precision) - 1);
        for transform in 1..=3 {
            let mut picture = before.clone();
            for at in 0..before.planes[0].len() {
                let [r, g, b] = [0, 1, 2].map(|plane| i32::from(before.planes[plane][at]));
                let coded = match transform {
                    1 => [r - g + range / 2, g, b - g + range / 2],
                    2 => [r - g + range / 2, g, b - ((r + g) >> 1) - range / 2],
                    _ => {
                        let (v2, v3) = ((b - g + range / 2) & mask, (r - g + range / 2) & mask);
                        [g + ((v2 + v3) >> 2) - range / 4, v2, v3]
                    }
                };
                for (plane, value) in picture.planes.iter_mut().zip(coded) {
                    plane[at] = (value & mask) as u16;
                }
            }
            for interleave in 0..=2 {
                let options = Options { transform: Some(transform), interleave, ..Options::default() };
                let frame = decoded(&encode(&picture, options).0, &picture).unwrap();
                let same = frame.octets == pixels(&before.planes, expected(&before).bits_allocated);
                assert!(same, "transform {transform} of {precision} bits, {options:?}");
            }
        }
    }
    let picture = picture(4, 4, 8, 3);
    let (stream, _) = encode(&picture, Options { transform: Some(5), interleave: 1, ..Options::default() });
    let error = decoded(&stream, &picture).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "JPEG-LS APP8 at offset 2: colour transform 5 is not supported");
    assert!(error.is_unsupported());
}

#[test]
fn segments_that_say_nothing_about_samples_are_passed_over() {
    let picture = picture(9, 9, 8, 1);
    let (stream, found) = encode(&picture, Options::default());
    let mut longer = vec![0xFF, 0xD8];
    for (marker, body) in [(0xE8, &b"SPIFF\0\x01\0"[..]), (0xE0, b"JFIF\0"), (0xFE, b"hello"), (0xEF, b"")] {
        longer.extend([0xFF, 0xFF, 0xFF, marker, 0, body.len() as u8 + 2]);
        longer.extend(body);
    }
    longer.extend(&stream[2..]);
    longer.push(0);
    assert_eq!(decoded(&longer, &picture).unwrap().octets, pixels(&found, 8));
}

#[test]
fn few_bits_in_many_and_numbers_with_a_sign() {
    let picture = picture(9, 9, 6, 1);
    let (stream, found) = encode(&picture, Options::default());
    let wide = Expected { bits_allocated: 16, ..expected(&picture) };
    let mut frame = decode(&stream, &wide).unwrap();
    assert_eq!(frame.octets, pixels(&found, 16));
    frame.extend_sign();
    let signed: Vec<u8> = found[0].iter().flat_map(|v| (((*v << 10) as i16) >> 10).to_le_bytes()).collect();
    assert_eq!(frame.octets, signed);
    let mut frame = decode(&stream, &expected(&picture)).unwrap();
    frame.extend_sign();
    let signed: Vec<u8> = found[0].iter().map(|v| (((*v as u8) << 2) as i8 >> 2) as u8).collect();
    assert_eq!(frame.octets, signed);
}
