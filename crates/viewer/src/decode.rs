//! Encapsulated frames to samples: RLE (PS3.5 Annex G), JPEG by jpeg-decoder, JPEG-LS by `dicom::jpeg_ls`, JPEG 2000 by
//! openjp2.
//!
//! Sizes in the code stream are compared with the attributes before a decoder runs, because decoders trust them; what is
//! left of a decoder's panics is caught.

use crate::error::{RenderError, broken, refuse};
use crate::pixels::{Description, Photometric, Raw, short};
use dicom::VR;
use dicom::jpeg_ls;
use dicom::transfer_syntaxes::Codec;
use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_encoding::transfer_syntax::{Codec as RegistryCodec, TransferSyntaxIndex};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use std::borrow::Cow;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Most octets of one encoded frame.
const MOST_ENCODED: u64 = 512 << 20;

pub(crate) fn check_encoded_size(octets: u64) -> Result<(), RenderError> {
    if octets > MOST_ENCODED {
        return refuse(format!("the encoded frame has {octets} octets, at most {MOST_ENCODED} are decoded"));
    }
    Ok(())
}

/// Big-endian samples to little endian. 8-bit samples in OW come as swapped pairs (PS3.5 A.3).
pub(crate) fn swap_octets(octets: &mut [u8], bits_allocated: u16, vr: VR) {
    let width = match bits_allocated {
        8 | 1 if vr == VR::OW => 2,
        16 => 2,
        32 => 4,
        _ => 1,
    };
    if width > 1 {
        octets.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

/// Decodes one encapsulated frame.
pub(crate) fn encapsulated(
    codec: Codec,
    syntax: &str,
    encoded: &[u8],
    description: &Description,
) -> Result<Raw, RenderError> {
    let decoded = catch_unwind(AssertUnwindSafe(|| match codec {
        Codec::Rle => rle(encoded, description),
        Codec::Jpeg => jpeg(encoded, description),
        Codec::Jpeg2000 => jpeg_2000(syntax, encoded, description),
        Codec::JpegLs => jpeg_ls(encoded, description),
        Codec::JpegXl => refuse("JPEG XL is not decoded here; the original can be fetched"),
        Codec::Video => refuse("the object is a video; the original can be fetched"),
        Codec::Referenced => refuse("the pixels are elsewhere, the object only refers to them"),
        Codec::Uncompressed => plain(encoded.to_vec(), description),
        Codec::DeflatedFrame => plain(inflate(encoded, description)?, description),
        Codec::Native => broken(format!("fragments came, but transfer syntax {} has none", short(syntax))),
    }));
    match decoded {
        Ok(result) => result,
        Err(_) => broken("the decoder gave up on the frame"),
    }
}

fn samples(
    octets: Vec<u8>,
    bits: u16,
    photometric: Photometric,
    description: &Description,
) -> Result<Raw, RenderError> {
    let expected = description.count() * u64::from(bits) / 8;
    if (octets.len() as u64) < expected {
        return broken(format!("{expected} decoded octets were expected, {} came", octets.len()));
    }
    Ok(Raw { octets, skip_bits: 0, bits_allocated: bits, photometric, by_plane: false, subsampled: false })
}

/// Native samples of one frame.
fn plain(octets: Vec<u8>, description: &Description) -> Result<Raw, RenderError> {
    let (_, size, _) = description.native_frame(1);
    if (octets.len() as u64) < size {
        return broken(format!("{size} octets were expected, {} came", octets.len()));
    }
    Ok(Raw::native(octets, 0, description))
}

/// Inflates a frame, no further than it can be long.
fn inflate(encoded: &[u8], description: &Description) -> Result<Vec<u8>, RenderError> {
    let (_, size, _) = description.native_frame(1);
    let mut octets = Vec::new();
    flate2::read::DeflateDecoder::new(encoded).take(size).read_to_end(&mut octets)?;
    Ok(octets)
}

/// RLE: a header with up to 15 segment offsets, each segment packed by runs; most significant octets first.
fn rle(encoded: &[u8], description: &Description) -> Result<Raw, RenderError> {
    let width = usize::from(description.bits_allocated / 8);
    if width == 0 {
        return refuse("run-length encoding of single bits");
    }
    let word = |index: usize| {
        encoded.get(index * 4..index * 4 + 4).and_then(|o| o.first_chunk().map(|o| u32::from_le_bytes(*o) as usize))
    };
    let planes = width * usize::from(description.samples);
    let segments = word(0).unwrap_or(0);
    if segments != planes || segments > 15 {
        return broken(format!("{planes} run-length segments were expected, {segments} came"));
    }
    let pixels = (u64::from(description.rows) * u64::from(description.columns)) as usize;
    let mut octets = vec![0u8; description.octets()];
    let stride = planes;
    for segment in 0..segments {
        let start = word(1 + segment).unwrap_or(usize::MAX);
        let end = if segment + 1 < segments { word(2 + segment).unwrap_or(0) } else { encoded.len() };
        let Some(packed) = encoded.get(start..end.min(encoded.len())).filter(|_| start >= 64) else {
            return broken(format!("run-length segment {} lies outside the frame", segment + 1));
        };
        // Segment order: sample by sample, most significant octet first; we store least significant first.
        let (sample, octet) = (segment / width, segment % width);
        let place = sample * width + (width - 1 - octet);
        let unpacked = unpack(packed, pixels);
        if unpacked.len() < pixels {
            return broken(format!("run-length segment {} holds {} of {pixels} values", segment + 1, unpacked.len()));
        }
        for (pixel, value) in unpacked.into_iter().enumerate() {
            octets[pixel * stride + place] = value;
        }
    }
    samples(octets, description.bits_allocated, description.photometric, description)
}

/// Unpacks runs until `most` octets are there.
fn unpack(packed: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(most.min(packed.len().saturating_mul(64)));
    let mut rest = packed;
    while let [control, tail @ ..] = rest {
        if out.len() >= most {
            break;
        }
        match *control {
            literal @ 0..=127 => {
                let count = (usize::from(literal) + 1).min(tail.len());
                out.extend_from_slice(&tail[..count]);
                rest = &tail[count..];
            }
            128 => rest = tail,
            run => {
                let [value, after @ ..] = tail else { break };
                out.resize(out.len() + 257 - usize::from(run), *value);
                rest = after;
            }
        }
    }
    out.truncate(most);
    out
}

/// What a JPEG stream says before its first scan.
struct JpegHead {
    process: u8,
    precision: u8,
    rows: u32,
    columns: u32,
    components: Vec<u8>,
    jfif: bool,
    /// Colour transform of the Adobe marker.
    adobe: Option<u8>,
}

fn jpeg_head(encoded: &[u8]) -> Option<JpegHead> {
    let mut rest = encoded.strip_prefix(&[0xff, 0xd8])?;
    let (mut jfif, mut adobe) = (false, None);
    loop {
        let [0xff, marker, tail @ ..] = rest else { return None };
        match *marker {
            0xff => {
                rest = &rest[1..]; // fill
                continue;
            }
            0x01 | 0xd0..=0xd7 => {
                rest = tail;
                continue;
            }
            0xd8..=0xda => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(*tail.first_chunk()?));
        let body = tail.get(2..length)?;
        match *marker {
            0xe0 if body.starts_with(b"JFIF") => jfif = true,
            0xee if body.starts_with(b"Adobe") => adobe = body.get(11).copied(),
            // Start of frame, but not DHT, JPG and DAC.
            0xc0..=0xcf if !matches!(*marker, 0xc4 | 0xc8 | 0xcc) => {
                let [precision, r1, r0, c1, c0, count, components @ ..] = body else { return None };
                return Some(JpegHead {
                    process: *marker,
                    precision: *precision,
                    rows: u32::from(u16::from_be_bytes([*r1, *r0])),
                    columns: u32::from(u16::from_be_bytes([*c1, *c0])),
                    components: components.chunks_exact(3).take(usize::from(*count)).map(|c| c[0]).collect(),
                    jfif,
                    adobe,
                });
            }
            _ => {}
        }
        rest = tail.get(length..)?;
    }
}

fn jpeg(encoded: &[u8], description: &Description) -> Result<Raw, RenderError> {
    let Some(head) = jpeg_head(encoded) else {
        return broken("the frame does not start as a JPEG stream");
    };
    let lossless = head.process == 0xc3;
    if !matches!(head.process, 0xc0..=0xc3) {
        return refuse(format!("JPEG process with marker FF{:02X} is not decoded here", head.process));
    }
    if !lossless && head.precision != 8 {
        return refuse(format!("JPEG with {} bits is not decoded here; the original can be fetched", head.precision));
    }
    if (head.rows, head.columns) != (description.rows, description.columns) {
        return broken(format!(
            "the JPEG stream has {} x {} pixels, the attributes say {} x {}",
            head.rows, head.columns, description.rows, description.columns
        ));
    }
    if head.components.len() != usize::from(description.samples) {
        return broken(format!(
            "the JPEG stream has {} components, the attributes say {}",
            head.components.len(),
            description.samples
        ));
    }
    let mut decoder = jpeg_decoder::Decoder::new(encoded);
    decoder.set_max_decoding_buffer_size(description.count() as usize * 4 + (1 << 20));
    let colour = description.samples == 3;
    if colour && !lossless {
        decoder.set_color_transform(if holds_rgb(&head, description.photometric) {
            jpeg_decoder::ColorTransform::RGB
        } else {
            jpeg_decoder::ColorTransform::YCbCr
        });
    }
    let octets = match decoder.decode() {
        Ok(octets) => octets,
        Err(cause) => return broken(format!("JPEG: {cause}")),
    };
    let wide = octets.len() as u64 >= description.count() * 2;
    let (octets, bits) = match (lossless && wide, cfg!(target_endian = "big")) {
        (true, true) => (octets.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).collect(), 16),
        (true, false) => (octets, 16),
        (false, _) => (octets, 8),
    };
    let photometric = match (colour, lossless) {
        (false, _) => description.photometric,
        // Lossless streams are not transformed: the attributes say what the components are.
        (true, true) if matches!(description.photometric, Photometric::YbrFull422 | Photometric::YbrPartial422) => {
            Photometric::YbrFull
        }
        (true, true) => description.photometric,
        (true, false) => Photometric::Rgb,
    };
    samples(octets, bits, photometric, description)
}

/// Whether the components of a lossy stream are RGB already. The stream's own marks count more than the attributes:
/// files that say RGB around a JFIF stream are common, and JFIF is YCbCr by definition.
fn holds_rgb(head: &JpegHead, photometric: Photometric) -> bool {
    if head.components == *b"RGB" || head.adobe == Some(0) {
        return true;
    }
    if head.jfif || head.adobe == Some(1) {
        return false;
    }
    photometric == Photometric::Rgb
}

fn jpeg_ls(encoded: &[u8], description: &Description) -> Result<Raw, RenderError> {
    if !matches!(description.bits_allocated, 8 | 16) {
        return refuse(format!("JPEG-LS with {} bits allocated", description.bits_allocated));
    }
    let expected = jpeg_ls::Expected {
        rows: description.rows,
        columns: description.columns,
        samples_per_pixel: description.samples,
        bits_allocated: description.bits_allocated,
    };
    let mut frame = match jpeg_ls::decode(encoded, &expected) {
        Ok(frame) => frame,
        Err(cause) if cause.is_unsupported() => return refuse(format!("{cause}; the original can be fetched")),
        Err(cause) => return broken(cause.to_string()),
    };
    if description.signed {
        frame.extend_sign();
    }
    let photometric = match description.photometric {
        // No component of a JPEG-LS stream is subsampled, whatever the attributes say.
        Photometric::YbrFull422 | Photometric::YbrPartial422 => Photometric::YbrFull,
        as_is => as_is,
    };
    samples(frame.octets, description.bits_allocated, photometric, description)
}

/// Rows, columns and components in the SIZ segment of a JPEG 2000 code stream.
fn jpeg_2000_size(encoded: &[u8]) -> Option<(u32, u32, u16)> {
    // A bare code stream; a JP2 file would begin with a box and is not allowed in DICOM, but some writers embed one.
    let start = encoded.windows(4).position(|four| four == [0xff, 0x4f, 0xff, 0x51])?;
    let body = encoded.get(start + 8..start + 42)?;
    let word = |at: usize| body.get(at..at + 4).and_then(|o| o.first_chunk().map(|o| u32::from_be_bytes(*o)));
    // Capabilities are skipped: body starts at the reference grid size.
    let (width, height, left, top) = (word(0)?, word(4)?, word(8)?, word(12)?);
    let components = u16::from_be_bytes(*body.get(32..34)?.first_chunk()?);
    Some((height.checked_sub(top)?, width.checked_sub(left)?, components))
}

fn jpeg_2000(syntax: &str, encoded: &[u8], description: &Description) -> Result<Raw, RenderError> {
    if !matches!(description.bits_allocated, 8 | 16) {
        return refuse(format!("JPEG 2000 with {} bits allocated", description.bits_allocated));
    }
    let expected = (description.rows, description.columns, description.samples);
    match jpeg_2000_size(encoded) {
        Some(size) if size == expected => {}
        Some((rows, columns, components)) => {
            return broken(format!(
                "the JPEG 2000 stream has {rows} x {columns} pixels and {components} components, the attributes say {} x {} and {}",
                expected.0, expected.1, expected.2
            ));
        }
        None => return broken("the frame does not start as a JPEG 2000 code stream"),
    }
    let Some(known) = TransferSyntaxRegistry.get(syntax) else {
        return refuse(format!("transfer syntax {} is not known to the decoder", short(syntax)));
    };
    let RegistryCodec::EncapsulatedPixelData(Some(reader), _) = known.codec() else {
        return refuse(format!("transfer syntax {} has no decoder here", short(syntax)));
    };
    let frame = OneFrame { syntax, encoded, description };
    let mut octets = Vec::new();
    if let Err(cause) = reader.decode_frame(&frame, 0, &mut octets) {
        return broken(format!("JPEG 2000: {cause}"));
    }
    let photometric = match description.photometric {
        grey @ (Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Palette) => grey,
        // The decoder undoes the component transform; sub-sampled labels are wrong in JPEG 2000.
        Photometric::YbrFull => Photometric::YbrFull,
        _ => Photometric::Rgb,
    };
    samples(octets, description.bits_allocated, photometric, description)
}

/// One encoded frame as dicom-encoding's decoders want to see it.
struct OneFrame<'a> {
    syntax: &'a str,
    encoded: &'a [u8],
    description: &'a Description,
}

impl PixelDataObject for OneFrame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.syntax
    }
    fn rows(&self) -> Option<u16> {
        u16::try_from(self.description.rows).ok()
    }
    fn cols(&self) -> Option<u16> {
        u16::try_from(self.description.columns).ok()
    }
    fn samples_per_pixel(&self) -> Option<u16> {
        Some(self.description.samples)
    }
    fn bits_allocated(&self) -> Option<u16> {
        Some(self.description.bits_allocated)
    }
    fn bits_stored(&self) -> Option<u16> {
        Some(self.description.bits_stored)
    }
    fn photometric_interpretation(&self) -> Option<&str> {
        None
    }
    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }
    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }
    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.encoded))
    }
    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        None
    }
    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData { fragments: vec![self.encoded.to_vec()].into(), offset_table: Vec::new().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(rows: u32, columns: u32, bits: u16) -> Description {
        Description {
            rows,
            columns,
            samples: 1,
            photometric: Photometric::Monochrome2,
            by_plane: false,
            bits_allocated: bits,
            bits_stored: bits,
            high_bit: bits - 1,
            signed: false,
        }
    }

    fn rle_frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut frame = vec![0u8; 64];
        frame[..4].copy_from_slice(&(segments.len() as u32).to_le_bytes());
        for (index, segment) in segments.iter().enumerate() {
            let at = frame.len() as u32;
            frame[4 + index * 4..8 + index * 4].copy_from_slice(&at.to_le_bytes());
            frame.extend_from_slice(segment);
        }
        frame
    }

    #[test]
    fn run_length_segments_make_sixteen_bit_samples() {
        // 0x01FF four times: a run of 4 high octets, then 4 literal low octets.
        let frame = rle_frame(&[&[0xfd, 0x01], &[0x03, 0xff, 0xfe, 0xfd, 0xfc]]);
        let raw = rle(&frame, &grey(2, 2, 16)).unwrap();
        assert_eq!(raw.octets, [0xff, 0x01, 0xfe, 0x01, 0xfd, 0x01, 0xfc, 0x01]);
    }

    #[test]
    fn broken_run_length_frames_are_refused_without_panic() {
        let good = rle_frame(&[&[0xfd, 0x01], &[0x03, 0xff, 0xfe, 0xfd, 0xfc]]);
        for cut in 0..good.len() {
            let _ = rle(&good[..cut], &grey(2, 2, 16));
        }
        assert!(rle(&rle_frame(&[&[0xfd, 0x01]]), &grey(2, 2, 16)).is_err());
        assert!(rle(&rle_frame(&[&[0x81, 7]]), &grey(64, 64, 8)).is_err());
    }

    #[test]
    fn a_jpeg_stream_of_another_size_than_the_attributes_is_refused_before_decoding() {
        let mut encoded = Vec::new();
        jpeg_encoder::Encoder::new(&mut encoded, 90)
            .encode(&[100; 16 * 8], 16, 8, jpeg_encoder::ColorType::Luma)
            .unwrap();
        let raw = jpeg(&encoded, &grey(8, 16, 8)).unwrap();
        assert!(raw.octets.iter().all(|value| value.abs_diff(100) <= 1));
        assert!(matches!(jpeg(&encoded, &grey(16, 8, 8)), Err(RenderError::Broken(_))));
        for cut in 0..encoded.len() {
            let _ = encapsulated(Codec::Jpeg, "", &encoded[..cut], &grey(8, 16, 8));
        }
    }

    #[test]
    fn twelve_bit_jpeg_and_jpeg_xl_are_politely_refused() {
        let twelve = [0xff, 0xd8, 0xff, 0xc1, 0, 11, 12, 0, 8, 0, 16, 1, 1, 0x11, 0, 0xff, 0xda];
        let message = jpeg(&twelve, &grey(8, 16, 16)).unwrap_err().to_string();
        assert!(message.starts_with("not renderable: JPEG with 12 bits"), "{message}");
        let message = encapsulated(Codec::JpegXl, "", &[], &grey(8, 16, 16)).unwrap_err().to_string();
        assert!(message.starts_with("not renderable: JPEG XL"), "{message}");
    }

    #[test]
    fn jpeg_ls_of_another_size_is_broken_and_what_is_not_decoded_is_refused() {
        // 2 x 2 pixels of 8 bits.
        let mut stream = [
            0xff, 0xd8, 0xff, 0xf7, 0, 11, 8, 0, 2, 0, 2, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0xf0,
            0xff, 0xd9,
        ];
        let raw = encapsulated(Codec::JpegLs, "", &stream, &grey(2, 2, 8)).unwrap();
        assert_eq!((raw.octets, raw.bits_allocated), (vec![0; 4], 8));
        let wide = encapsulated(Codec::JpegLs, "", &stream, &grey(2, 2, 16)).unwrap();
        assert_eq!((wide.octets, wide.bits_allocated), (vec![0; 8], 16));
        let message = encapsulated(Codec::JpegLs, "", &stream, &grey(2, 3, 8)).unwrap_err().to_string();
        assert_eq!(message, "pixel data is broken: JPEG-LS SOF55 at offset 2: expected 3 columns, got 2");
        stream[21] = 1; // a mapping table
        let message = encapsulated(Codec::JpegLs, "", &stream, &grey(2, 2, 8)).unwrap_err().to_string();
        assert!(message.starts_with("not renderable: JPEG-LS SOS"), "{message}");
    }

    #[test]
    fn big_endian_samples_are_swapped() {
        let mut octets = [1, 2, 3, 4];
        swap_octets(&mut octets, 16, VR::OW);
        assert_eq!(octets, [2, 1, 4, 3]);
        swap_octets(&mut octets, 8, VR::OB);
        assert_eq!(octets, [2, 1, 4, 3]);
    }
}
