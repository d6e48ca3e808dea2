//! Other decoders and encoders: what dcmcjpls compresses comes out as from dcmdjpls, CharLS (as pyjpegls) reads the
//! streams of the encoder of these tests as we do, and the samples that pydicom bundles have the pixels it finds in them.

use std::path::Path;
use std::process::Command;

use dicom::jpeg_ls::decode;
use dicom::scan::{Layout, Options as ScanOptions, scan_slice};
use dicom::transcode::to_explicit_le;
use dicom::{DataSet, VR, part10, tags};

use super::encoder::{Options, encode};
use super::{expected, picture, pixels};
use crate::make;
use crate::tools::{Folder, find, has_module};

/// What an object to compress is like.
#[derive(Clone, Copy, Debug)]
struct Kind {
    allocated: u16,
    stored: u16,
    signed: bool,
    samples: u16,
    frames: usize,
}

const fn grey(allocated: u16, stored: u16, signed: bool) -> Kind {
    Kind { allocated, stored, signed, samples: 1, frames: 1 }
}

const COLOUR: Kind = Kind { allocated: 8, stored: 8, signed: false, samples: 3, frames: 1 };

/// The object and its pixels, which are all of its frames.
fn object(kind: Kind) -> (DataSet, Vec<u8>) {
    let (width, height) = (61, 47);
    let mut all = Vec::new();
    for frame in 0..kind.frames {
        let mut picture = picture(width + frame, height, u32::from(kind.stored), usize::from(kind.samples));
        picture.planes.iter_mut().for_each(|plane| plane.truncate(width * height));
        if kind.signed {
            // The sign fills the bits above.
            let half = 1 << (kind.stored - 1);
            picture.planes[0].iter_mut().for_each(|sample| *sample = sample.wrapping_sub(half));
        }
        all.extend(pixels(&picture.planes, kind.allocated));
    }
    let mut set = make::ct();
    set.put_u16(tags::ROWS, height as u16);
    set.put_u16(tags::COLUMNS, width as u16);
    set.put_u16(tags::SAMPLES_PER_PIXEL, kind.samples);
    set.put_u16(tags::BITS_ALLOCATED, kind.allocated);
    set.put_u16(tags::BITS_STORED, kind.stored);
    set.put_u16(tags::HIGH_BIT, kind.stored - 1);
    set.put_u16(tags::PIXEL_REPRESENTATION, u16::from(kind.signed));
    if kind.samples == 3 {
        set.put_text(tags::PHOTOMETRIC_INTERPRETATION, "RGB");
        set.put_u16(tags::PLANAR_CONFIGURATION, 0);
    }
    if kind.frames > 1 {
        set.put_text(tags::NUMBER_OF_FRAMES, &kind.frames.to_string());
    }
    let vr = if kind.allocated == 8 { VR::OB } else { VR::OW };
    set.put_octets(tags::PIXEL_DATA, vr, all.clone());
    (set, all)
}

/// Native pixels of a file.
fn native(octets: &[u8]) -> Vec<u8> {
    let scan = scan_slice(octets, &ScanOptions::default()).unwrap();
    match scan.pixels.map(|pixels| pixels.layout) {
        Some(Layout::Native { offset, length }) => octets[offset as usize..(offset + length) as usize].to_vec(),
        _ => panic!("no native pixels"),
    }
}

fn run(program: &Path, arguments: &[&str], from: &Path, to: &Path) {
    let output = Command::new(program).args(arguments).arg(from).arg(to).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{} {arguments:?}: {text}", program.display());
}

/// The bits that are stored, as numbers.
fn numbers(octets: &[u8], kind: Kind) -> Vec<i32> {
    let words: Vec<u16> = match kind.allocated {
        8 => octets.iter().map(|octet| u16::from(*octet)).collect(),
        _ => octets.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect(),
    };
    let unused = 16 - kind.stored;
    let number = |word: u16| match kind.signed {
        true => i32::from((word << unused) as i16 >> unused),
        false => i32::from(word << unused >> unused),
    };
    words.into_iter().map(number).collect()
}

/// Compresses, decodes here and there, compares.
fn check(kind: Kind, near: i32, arguments: &[&str]) {
    let (Some(compress), Some(decompress)) = (find("dcmcjpls"), find("dcmdjpls")) else { return };
    let mut of_this_check = format!("jpeg-ls-{kind:?}-{near}{}", arguments.concat());
    of_this_check.retain(|letter| letter.is_ascii_alphanumeric() || "+-".contains(letter));
    let folder = Folder::new(&of_this_check);
    let [original, compressed, theirs] = ["native", "jls", "theirs"].map(|name| folder.0.join(name));
    let (set, pixels) = object(kind);
    std::fs::write(&original, part10::encode(&set)).unwrap();
    let deviation = near.to_string();
    let mut all = vec!["+un"];
    if near > 0 {
        all.extend(["+en", "+md", &deviation]);
    }
    all.extend(arguments);
    run(&compress, &all, &original, &compressed);
    run(&decompress, &[], &compressed, &theirs);
    let name = format!("{kind:?}, NEAR {near}, {arguments:?}");
    let ours = to_explicit_le(&std::fs::read(&compressed).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (ours, theirs) = (native(&ours), native(&std::fs::read(&theirs).unwrap()));
    // Odd lengths are padded.
    assert_eq!(ours.len(), pixels.len() + pixels.len() % 2, "{name}");
    let (ours, theirs, before) = (numbers(&ours, kind), numbers(&theirs, kind), numbers(&pixels, kind));
    assert!(ours == theirs, "{name}: other samples than dcmdjpls");
    let furthest = ours.iter().zip(before).map(|(a, b)| (a - b).abs()).max();
    assert!(furthest <= Some(near), "{name}: off by {furthest:?}");
}

#[test]
fn lossless_grey_objects_of_dcmcjpls_come_back() {
    for (allocated, stored) in [(8, 8), (16, 10), (16, 12), (16, 16)] {
        for signed in [false, true] {
            check(grey(allocated, stored, signed), 0, &["+pr"]);
        }
        // As many bits as are stored; of numbers with a sign DCMTK 3.6.7 dies there.
        check(grey(allocated, stored, false), 0, &["+pc"]);
    }
}

#[test]
fn near_lossless_grey_objects_of_dcmcjpls_stay_within_the_bound() {
    for near in 1..=7 {
        for (allocated, stored) in [(8, 8), (16, 12), (16, 16)] {
            check(grey(allocated, stored, false), near, &[]);
        }
    }
}

#[test]
fn colour_objects_of_dcmcjpls_come_back_in_every_interleaving() {
    for interleave in ["+il", "+is", "+in", "+iv"] {
        for near in [0, 1, 2, 5, 7] {
            check(COLOUR, near, &[interleave]);
        }
    }
}

#[test]
fn presets_frames_and_fragments_of_dcmcjpls_are_understood() {
    let presets = ["+t1", "5", "+t2", "30", "+t3", "90", "+rs", "16"];
    check(grey(16, 12, false), 0, &presets);
    check(grey(16, 16, false), 3, &presets);
    // With +is and +rs DCMTK 3.6.7 ends by a signal.
    check(COLOUR, 0, &[&presets[..], &["+il"]].concat());
    check(COLOUR, 0, &[&presets[..6], &["+is"]].concat());
    let frames = Kind { frames: 3, ..grey(16, 12, true) };
    check(frames, 0, &[]);
    check(Kind { signed: false, ..frames }, 2, &["+pc"]);
    // Several fragments a frame, told apart by the offset table and without it.
    check(frames, 0, &["+fs", "1"]);
    check(frames, 0, &["+fs", "1", "-ot"]);
    check(Kind { frames: 2, ..COLOUR }, 0, &["+in"]);
}

fn python(module: &str, script: &str, folder: &Folder) -> Option<String> {
    let python = find("python3").filter(|python| has_module(python, module))?;
    let output = Command::new(python).args(["-c", script]).arg(&folder.0).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn charls_finds_the_same_samples_in_the_streams_of_these_tests() {
    const SCRIPT: &str = "
import pathlib, sys
import jpeg_ls, numpy
count = 0
for stream in sorted(pathlib.Path(sys.argv[1]).glob('*.jls')):
    samples, info = jpeg_ls.decode_pixel_data(stream.read_bytes())
    samples = numpy.frombuffer(samples, 'u1' if info['bits_per_sample'] <= 8 else '<u2')
    if info['components'] > 1 and info['interleave_mode'] == 0:
        samples = samples.reshape(info['components'], -1).T
    assert samples.tobytes() == stream.with_suffix('.raw').read_bytes(), stream.name
    count += 1
print(count)
";
    let folder = Folder::new("jpeg-ls-charls");
    let mut count = 0;
    for precision in 2..=16 {
        let picture = picture(37, 29, precision, if precision % 2 == 0 { 1 } else { 3 });
        for interleave in if picture.planes.len() == 1 { 0..=0 } else { 0..=2 } {
            for (near, interval) in [(0, 0), (1, 0), (0, 3), (0, 1)] {
                let (stream, _) = encode(&picture, Options { near, interleave, interval, ..Options::default() });
                let frame = decode(&stream, &expected(&picture)).unwrap();
                let name = format!("{precision}-{interleave}-{near}-{interval}");
                std::fs::write(folder.0.join(format!("{name}.jls")), stream).unwrap();
                std::fs::write(folder.0.join(format!("{name}.raw")), frame.octets).unwrap();
                count += 1;
            }
        }
    }
    if let Some(compared) = python("jpeg_ls", SCRIPT, &folder) {
        assert_eq!(compared.trim(), count.to_string());
    }
}

#[test]
fn the_samples_of_pydicom_have_the_pixels_that_it_finds() {
    const SCRIPT: &str = "
import os, pathlib, sys
import pydicom, pydicom.data, pydicom.pixels
root = pathlib.Path(os.path.dirname(pydicom.data.__file__)) / 'test_files'
for path in sorted(root.glob('*.dcm')):
    data = pydicom.dcmread(path, force=True, stop_before_pixels=True)
    if data.file_meta.get('TransferSyntaxUID') in ('1.2.840.10008.1.2.4.80', '1.2.840.10008.1.2.4.81'):
        raw = pydicom.pixels.pixel_array(path, raw=True).tobytes()
        (pathlib.Path(sys.argv[1]) / path.name).write_bytes(raw)
        print(path)
";
    let folder = Folder::new("jpeg-ls-pydicom");
    let python = find("python3").filter(|python| has_module(python, "pydicom"));
    if !python.is_some_and(|python| has_module(&python, "jpeg_ls")) {
        return;
    }
    let Some(listed) = self::python("pydicom", SCRIPT, &folder) else { return };
    assert!(listed.lines().count() >= 4, "{listed}");
    for path in listed.lines().map(Path::new) {
        let ours = to_explicit_le(&std::fs::read(path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let theirs = std::fs::read(folder.0.join(path.file_name().unwrap())).unwrap();
        let mut ours = native(&ours);
        ours.truncate(theirs.len());
        assert!(ours == theirs, "{}: other pixels", path.display());
    }
}
