//! One frame: fragments in, native little endian samples out. PS3.5 A.4 and Annex G (RLE).
//!
//! Sizes in the code stream are compared with Rows and Columns before a decoder allocates anything, and decoders run
//! where a panic of theirs is caught. The colour of a JPEG stream is decided here: what is in the stream (Adobe marker)
//! before what the data set says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jpeg_decoder::ColorTransform;

use super::TranscodeError;
use crate::jpeg_ls;
use crate::scan::{Layout, Pixels, Source};
use crate::transfer_syntaxes::Codec;

/// The longest decoded frame, in octets.
const MAX_FRAME: u64 = 256 << 20;

/// What the data set says of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameDescription {
    /// How it is compressed.
    pub codec: Codec,
    /// True for a lossy transfer syntax.
    pub lossy: bool,
    /// (0028,0010).
    pub rows: u16,
    /// (0028,0011).
    pub columns: u16,
    /// (0028,0002).
    pub samples_per_pixel: u16,
    /// (0028,0100).
    pub bits_allocated: u16,
    /// (0028,0101).
    pub bits_stored: u16,
    /// (0028,0103) is 1.
    pub signed: bool,
    /// (0028,0004).
    pub photometric_interpretation: String,
}

/// A decoded frame.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodedFrame {
    /// Samples, little endian, the samples of a pixel together.
    pub octets: Vec<u8>,
    /// What they are now.
    pub photometric_interpretation: String,
}

impl FrameDescription {
    /// Octets of a decoded frame.
    pub fn frame_octets(&self) -> u64 {
        self.pixels() * u64::from(self.samples_per_pixel) * u64::from(self.bits_allocated / 8)
    }

    fn pixels(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.columns)
    }

    /// Refuses what no frame has, and frames beyond the limit.
    pub fn check(&self) -> Result<(), TranscodeError> {
        let say = |text: String| Err(TranscodeError::Description(text));
        if self.rows == 0 || self.columns == 0 {
            return say(format!("{} rows and {} columns", self.rows, self.columns));
        }
        if !matches!(self.samples_per_pixel, 1 | 3 | 4) {
            return say(format!("{} samples per pixel", self.samples_per_pixel));
        }
        if !matches!(self.bits_allocated, 1 | 8 | 16 | 32 | 64)
            || self.bits_stored > self.bits_allocated
            || self.bits_stored == 0
        {
            return say(format!("{} bits allocated, {} stored", self.bits_allocated, self.bits_stored));
        }
        if self.frame_octets() > MAX_FRAME {
            return say(format!("a frame of {} octets, at most {MAX_FRAME} are decoded", self.frame_octets()));
        }
        Ok(())
    }
}

/// Decodes one frame whose fragments have been joined.
///
/// Errors: the decoder's reason, without any content.
pub fn decode_frame(description: &FrameDescription, octets: &[u8]) -> Result<DecodedFrame, String> {
    // Decoders are other people's code on a peer's bytes: a panic is a frame that does not decode.
    let decoded = catch_unwind(AssertUnwindSafe(|| match description.codec {
        Codec::Rle => rle(description, octets).map(|octets| keep(description, octets)),
        Codec::Uncompressed => Ok(keep(description, octets.to_vec())),
        Codec::DeflatedFrame => inflate(description, octets).map(|octets| keep(description, octets)),
        Codec::Jpeg => jpeg(description, octets),
        Codec::JpegLs => jpeg_ls(description, octets),
        Codec::Jpeg2000 => jpeg_2000(description, octets),
        _ => Err("no decoder".to_owned()),
    }))
    .unwrap_or_else(|_| Err("the decoder gave up".to_owned()))?;
    let (expected, got) = (description.frame_octets(), decoded.octets.len() as u64);
    if got < expected || got > expected + 1 {
        return Err(format!("expected {expected} octets, got {got}"));
    }
    let mut decoded = decoded;
    decoded.octets.truncate(expected as usize);
    Ok(decoded)
}

fn keep(description: &FrameDescription, octets: Vec<u8>) -> DecodedFrame {
    DecodedFrame { octets, photometric_interpretation: description.photometric_interpretation.clone() }
}

fn inflate(description: &FrameDescription, octets: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(description.frame_octets() as usize + 1);
    flate2::Decompress::new(false)
        .decompress_vec(octets, &mut out, flate2::FlushDecompress::Finish)
        .map_err(|_| "deflated frame is broken".to_owned())?;
    Ok(out)
}

/// RLE Lossless: one segment per octet of a sample, most significant first. Source: PS3.5 Annex G.
fn rle(description: &FrameDescription, octets: &[u8]) -> Result<Vec<u8>, String> {
    let word = |at: usize| {
        octets.get(at * 4..at * 4 + 4).and_then(|four| four.first_chunk()).map(|four| u32::from_le_bytes(*four))
    };
    let width = usize::from(description.bits_allocated / 8);
    let segments = usize::from(description.samples_per_pixel) * width;
    let count = word(0).ok_or("RLE header is cut")? as usize;
    if count != segments || count > 15 {
        return Err(format!("expected {segments} RLE segments, got {count}"));
    }
    let pixels = description.pixels() as usize;
    let stride = segments;
    let mut out = vec![0; pixels * stride];
    for segment in 0..segments {
        let start = word(segment + 1).ok_or("RLE header is cut")? as usize;
        let end =
            if segment + 1 < segments { word(segment + 2).ok_or("RLE header is cut")? as usize } else { octets.len() };
        let packed = octets.get(start..end).filter(|_| start >= 64).ok_or("RLE segment lies outside the frame")?;
        // Segment 0 is the most significant octet of the first sample; little endian wants it last.
        let (sample, octet) = (segment / width, segment % width);
        let offset = sample * width + (width - 1 - octet);
        unpack(packed, out.iter_mut().skip(offset).step_by(stride))?;
    }
    Ok(out)
}

fn unpack<'a>(packed: &[u8], mut out: impl ExactSizeIterator<Item = &'a mut u8>) -> Result<(), String> {
    let mut at = 0;
    while out.len() > 0 {
        let control = *packed.get(at).ok_or("RLE segment ends too early")? as i8;
        at += 1;
        if control >= 0 {
            let run = packed.get(at..at + control as usize + 1).ok_or("RLE segment ends too early")?;
            at += run.len();
            for (octet, place) in run.iter().zip(out.by_ref()) {
                *place = *octet;
            }
        } else if control != i8::MIN {
            let octet = *packed.get(at).ok_or("RLE segment ends too early")?;
            at += 1;
            for place in out.by_ref().take(usize::from(control.unsigned_abs()) + 1) {
                *place = octet;
            }
        }
    }
    Ok(())
}

fn jpeg(description: &FrameDescription, octets: &[u8]) -> Result<DecodedFrame, String> {
    let found = jpeg_header(octets).ok_or("no JPEG frame header")?;
    let expected = (description.columns, description.rows, description.samples_per_pixel);
    if (found.columns, found.rows, u16::from(found.components)) != expected {
        return Err(format!(
            "expected {} x {} pixels of {} samples, the JPEG stream has {} x {} of {}",
            expected.0, expected.1, expected.2, found.columns, found.rows, found.components
        ));
    }
    let photometric = description.photometric_interpretation.as_str();
    // Lossless streams are never converted; for DCT streams an Adobe marker knows better than the data set.
    let ycbcr = !found.lossless
        && found.components == 3
        && match found.adobe_transform {
            Some(transform) => transform == 1,
            None => photometric.starts_with("YBR"),
        };
    let mut decoder = jpeg_decoder::Decoder::new(octets);
    decoder.set_max_decoding_buffer_size(MAX_FRAME as usize);
    if found.components == 3 {
        decoder.set_color_transform(if ycbcr { ColorTransform::YCbCr } else { ColorTransform::RGB });
    }
    let octets = decoder.decode().map_err(|error| error.to_string())?;
    let samples = description.pixels() as usize * usize::from(found.components);
    let octets = resize_samples(octets, samples, description)?;
    let photometric_interpretation =
        if found.components == 3 && !found.lossless { "RGB".to_owned() } else { photometric.to_owned() };
    Ok(DecodedFrame { octets, photometric_interpretation })
}

/// Brings decoded samples of one or two octets to the size of Bits Allocated.
fn resize_samples(octets: Vec<u8>, samples: usize, description: &FrameDescription) -> Result<Vec<u8>, String> {
    let wanted = usize::from(description.bits_allocated / 8);
    let have = if octets.len() == samples {
        1
    } else if octets.len() == samples * 2 {
        2
    } else {
        return Err(format!("expected {samples} samples, got {} octets", octets.len()));
    };
    match (have, wanted) {
        (1, 1) => Ok(octets),
        // The decoder gives words in the order of this machine.
        (2, 2) => Ok(words(&octets).flat_map(u16::to_le_bytes).collect()),
        (1, 2) => Ok(octets.into_iter().flat_map(|octet| [octet, 0]).collect()),
        (2, 1) if words(&octets).all(|word| word < 256) => Ok(words(&octets).map(|word| word as u8).collect()),
        _ => Err(format!("samples of {have} octets do not fit {} bits allocated", description.bits_allocated)),
    }
}

fn words(octets: &[u8]) -> impl Iterator<Item = u16> {
    octets.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]]))
}

struct JpegHeader {
    rows: u16,
    columns: u16,
    components: u8,
    lossless: bool,
    adobe_transform: Option<u8>,
}

/// Reads markers up to the frame header. Source: ITU-T T.81 B.2.
fn jpeg_header(octets: &[u8]) -> Option<JpegHeader> {
    if octets.get(..2)? != [0xFF, 0xD8] {
        return None;
    }
    let mut at = 2;
    let mut adobe_transform = None;
    loop {
        while *octets.get(at)? != 0xFF {
            at += 1;
        }
        while *octets.get(at)? == 0xFF {
            at += 1;
        }
        let marker = octets[at];
        at += 1;
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            continue;
        }
        let length = usize::from(u16::from_be_bytes([*octets.get(at)?, *octets.get(at + 1)?]));
        let segment = octets.get(at + 2..at + length.max(2))?;
        match marker {
            0xEE if segment.starts_with(b"Adobe") => adobe_transform = segment.get(11).copied(),
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                return Some(JpegHeader {
                    rows: u16::from_be_bytes([*segment.get(1)?, *segment.get(2)?]),
                    columns: u16::from_be_bytes([*segment.get(3)?, *segment.get(4)?]),
                    components: *segment.get(5)?,
                    lossless: matches!(marker, 0xC3 | 0xC7 | 0xCB | 0xCF),
                    adobe_transform,
                });
            }
            0xD9 | 0xDA => return None,
            _ => {}
        }
        at += length.max(2);
    }
}

fn jpeg_ls(description: &FrameDescription, octets: &[u8]) -> Result<DecodedFrame, String> {
    let expected = jpeg_ls::Expected {
        rows: u32::from(description.rows),
        columns: u32::from(description.columns),
        samples_per_pixel: description.samples_per_pixel,
        bits_allocated: description.bits_allocated,
    };
    let mut frame = jpeg_ls::decode(octets, &expected).map_err(|error| error.to_string())?;
    if description.signed {
        frame.extend_sign();
    }
    let mut decoded = keep(description, frame.octets);
    // No component of a JPEG-LS stream is subsampled, whatever the data set says.
    if decoded.photometric_interpretation == "YBR_FULL_422" {
        decoded.photometric_interpretation = "YBR_FULL".to_owned();
    }
    Ok(decoded)
}

fn jpeg_2000(description: &FrameDescription, octets: &[u8]) -> Result<DecodedFrame, String> {
    let found = jpeg_2000_header(octets).ok_or("no JPEG 2000 code stream header")?;
    let expected = (u32::from(description.columns), u32::from(description.rows), description.samples_per_pixel);
    if (found.columns, found.rows, found.components) != expected || found.subsampled {
        return Err(format!(
            "expected {} x {} pixels of {} samples, the code stream has {} x {} of {}",
            expected.0, expected.1, expected.2, found.columns, found.rows, found.components
        ));
    }
    let image = jpeg2k::Image::from_bytes(octets).map_err(|error| error.to_string())?;
    let pixels = description.pixels() as usize;
    let (width, samples) = (usize::from(description.bits_allocated / 8), usize::from(found.components));
    let mut out = vec![0; pixels * width * samples];
    let components = image.components();
    if components.len() != samples || components.iter().any(|component| component.data().len() != pixels) {
        return Err("the code stream decodes to other components than it announces".to_owned());
    }
    for (at, component) in components.iter().enumerate() {
        for (place, sample) in out.chunks_exact_mut(width * samples).zip(component.data()) {
            place[at * width..(at + 1) * width].copy_from_slice(&sample.to_le_bytes()[..width]);
        }
    }
    // The component transform of the code stream has been undone, so the samples are what it was applied to.
    let photometric = description.photometric_interpretation.as_str();
    let rgb = samples == 3 && (found.component_transform || matches!(photometric, "YBR_RCT" | "YBR_ICT"));
    let photometric_interpretation = if rgb { "RGB".to_owned() } else { photometric.to_owned() };
    Ok(DecodedFrame { octets: out, photometric_interpretation })
}

struct Jpeg2000Header {
    rows: u32,
    columns: u32,
    components: u16,
    subsampled: bool,
    component_transform: bool,
}

/// Reads SIZ and COD, in a bare code stream or within the boxes of a JP2 file. Source: ITU-T T.800 A.5, A.6.
fn jpeg_2000_header(octets: &[u8]) -> Option<Jpeg2000Header> {
    let head = octets.get(..octets.len().min(64 * 1024))?;
    let start = head.windows(4).position(|four| four == [0xFF, 0x4F, 0xFF, 0x51])?;
    let stream = &octets[start + 2..];
    let long =
        |at: usize| stream.get(at..at + 4).and_then(|four| four.first_chunk()).map(|four| u32::from_be_bytes(*four));
    let length = usize::from(u16::from_be_bytes([*stream.get(2)?, *stream.get(3)?]));
    let components = u16::from_be_bytes([*stream.get(38)?, *stream.get(39)?]);
    let mut subsampled = false;
    for component in 0..usize::from(components) {
        let sampling = stream.get(40 + component * 3 + 1..40 + component * 3 + 3)?;
        subsampled |= sampling != [1, 1];
    }
    let mut component_transform = false;
    let mut at = 2 + length;
    while let Some([0xFF, marker]) = stream.get(at..at + 2) {
        if *marker == 0x52 {
            component_transform = *stream.get(at + 8)? == 1;
            break;
        }
        if *marker == 0x90 {
            break;
        }
        at += 2 + usize::from(u16::from_be_bytes([*stream.get(at + 2)?, *stream.get(at + 3)?]));
    }
    Some(Jpeg2000Header {
        columns: long(6)?.checked_sub(long(14)?)?,
        rows: long(10)?.checked_sub(long(18)?)?,
        components,
        subsampled,
        component_transform,
    })
}

/// Frames of fragments that no table describes: a frame begins where a fragment begins with a start marker.
pub(super) fn by_markers<S: Source>(
    pixels: &Pixels,
    frames: u32,
    source: &mut S,
) -> Result<Vec<std::ops::Range<usize>>, TranscodeError> {
    let Layout::Encapsulated { fragments, .. } = &pixels.layout else { return Ok(Vec::new()) };
    let mut starts = Vec::new();
    for (at, fragment) in fragments.iter().enumerate() {
        let begin = source.octets(fragment.offset, fragment.length.min(4) as usize)?;
        if begin.starts_with(&[0xFF, 0xD8, 0xFF]) || begin.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) {
            starts.push(at);
        }
    }
    if starts.len() != frames as usize || starts.first() != Some(&0) {
        let count = fragments.len();
        return Err(TranscodeError::Description(format!(
            "{count} fragments cannot be told apart into {frames} frames"
        )));
    }
    let ends = starts.iter().skip(1).copied().chain([fragments.len()]);
    Ok(starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect())
}
