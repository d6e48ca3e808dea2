//! The targets among pixels: JPEG-LS streams.

use crate::{alone, peak};
use dicom::jpeg_ls::{Expected, decode};
use dicom::scan::{Layout, Options, scan_slice};
use std::path::Path;
use testkit::fuzz::{Corpus, Random, Runs};

/// In `check`; `deep` has many more.
const RUNS: u64 = 20_000;

/// The frame, its lines, and the tables of a scan, whatever the stream says.
const MOST_OCTETS: usize = 512 << 10;

/// What both kinds of fixture are like.
const GREY: Expected = Expected { rows: 40, columns: 48, samples_per_pixel: 1, bits_allocated: 16 };
const COLOUR: Expected = Expected { samples_per_pixel: 3, bits_allocated: 8, ..GREY };

/// Segments that change how the rest is read: presets, restart intervals, lines, restart markers, ends.
const SEGMENTS: &[&[u8]] = &[
    &[0xFF, 0xF8, 0, 13, 1, 0, 255, 0, 3, 0, 7, 0, 21, 0, 3],
    &[0xFF, 0xF8, 0, 13, 1, 255, 255, 0, 0, 0, 0, 0, 0, 255, 255],
    &[0xFF, 0xDD, 0, 4, 0, 1],
    &[0xFF, 0xDD, 0, 6, 255, 255, 255, 255],
    &[0xFF, 0xDC, 0, 4, 0, 40],
    &[0xFF, 0xE8, 0, 7, b'm', b'r', b'f', b'x', 3],
    &[0xFF, 0xD0],
    &[0xFF, 0xD9],
    &[0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0],
    &[0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 9, 2, 0],
    &[0xFF, 0xFF, 0xFF],
    &[0xFF, 0x7F],
    &[0; 64],
];

/// The first frame of every JPEG-LS fixture.
fn streams() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/dicom/fixtures/made");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains("-jls-"))
        .collect();
    paths.sort();
    let first = |path: &std::path::PathBuf| {
        let octets = std::fs::read(path).expect("a fixture");
        let scan = scan_slice(&octets, &Options::default()).expect("a DICOM file");
        let Some(Layout::Encapsulated { fragments, .. }) = scan.pixels.map(|pixels| pixels.layout) else {
            panic!("{} is not compressed", path.display())
        };
        let (start, length) = (fragments[0].offset as usize, fragments[0].length as usize);
        octets[start..start + length].to_vec()
    };
    let streams: Vec<_> = paths.iter().map(first).collect();
    assert!(streams.len() > 5, "the fixtures have moved");
    streams
}

fn with_segment(input: &[u8], random: &mut Random) -> Vec<u8> {
    let at = random.below(input.len() + 1);
    let after = at + random.below(2) * random.below(input.len() + 1 - at);
    let segment = *random.choose(SEGMENTS);
    [&input[..at], segment, &input[after..]].concat()
}

#[test]
fn jpeg_ls() {
    let _turn = alone();
    let corpus = Corpus::new(streams(), &[]);
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        let input = if random.below(2) == 0 { input.to_vec() } else { with_segment(input, random) };
        let expected = *random.choose(&[GREY, COLOUR]);
        let (result, octets) = peak(|| decode(&input, &expected));
        assert!(octets <= MOST_OCTETS, "JPEG-LS allocated {octets} octets");
        if let Ok(mut frame) = result {
            let samples = expected.rows * expected.columns * u32::from(expected.samples_per_pixel);
            assert_eq!(frame.octets.len(), samples as usize * usize::from(expected.bits_allocated / 8));
            frame.extend_sign();
        }
    });
}
