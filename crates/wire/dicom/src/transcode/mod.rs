//! A stored object as Explicit VR Little Endian with the same pixels. PS3.5 sections 8 and A; dicom.md 15 and 23.2.
//!
//! The object is scanned first and then written token by token: a native object is never held, of an encapsulated one
//! one frame at a time. What cannot be decoded is an error before the first byte is written, so that the answer can
//! still be 406.

mod frame;
mod rewrite;

use std::io::{Cursor, Read, Seek, Write};

use dicom_core::{Tag, VR};

pub use frame::{DecodedFrame, FrameDescription, decode_frame};

use crate::dicomweb::ExplicitLe;
use crate::error::DecodeError;
use crate::part10;
use crate::scan::{Inflated, Keep, Layout, Limits, Options, PIXEL_DATA, Scan, Source, Stream, Walker, scan_reader};
use crate::transfer_syntaxes::{Codec, EXPLICIT_LE, transfer_syntax};
use rewrite::{Change, Counter, Frames, Plan};

/// Why an object cannot become Explicit VR Little Endian.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// It does not pass the scan.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// No decoder here for its transfer syntax or sample format.
    #[error("cannot decode {transfer_syntax}: {reason}")]
    Unsupported {
        /// Its transfer syntax.
        transfer_syntax: String,
        /// What is missing.
        reason: String,
    },
    /// The description of its pixels is incomplete, contradicts itself or exceeds a limit.
    #[error("pixel description: {0}")]
    Description(String),
    /// The decoded pixels do not fit a 32-bit length.
    #[error("{0} octets of decoded pixels do not fit explicit little endian")]
    TooLong(u64),
    /// A frame does not decode.
    #[error("frame {frame} does not decode: {reason}")]
    Frame {
        /// From 1.
        frame: u32,
        /// What the decoder said.
        reason: String,
    },
    /// Output could not be written.
    #[error("cannot write: {0}")]
    Write(std::io::Error),
}

impl TranscodeError {
    /// What this means for content negotiation.
    pub fn explicit_le(&self) -> ExplicitLe {
        match self {
            Self::TooLong(_) => ExplicitLe::TooLong,
            _ => ExplicitLe::No,
        }
    }
}

/// True if objects of this transfer syntax and sample format can be expected to decode; `Transcoder` makes sure.
pub fn can_transcode(transfer_syntax_uid: &str, bits_allocated: u16, bits_stored: u16, samples_per_pixel: u16) -> bool {
    let Some(syntax) = transfer_syntax(transfer_syntax_uid) else { return false };
    match syntax.codec {
        Codec::Native => true,
        Codec::Rle | Codec::Uncompressed | Codec::DeflatedFrame => matches!(bits_allocated, 8 | 16 | 32),
        // The decoder has no 12-bit DCT, whatever the registry of codecs says.
        Codec::Jpeg if syntax.lossy => bits_stored <= 8 && matches!(samples_per_pixel, 1 | 3),
        Codec::Jpeg | Codec::JpegLs | Codec::Jpeg2000 => {
            matches!(bits_allocated, 8 | 16) && matches!(samples_per_pixel, 1 | 3)
        }
        Codec::JpegXl | Codec::Video | Codec::Referenced => false,
    }
}

/// One object, ready to be written in Explicit VR Little Endian.
pub struct Transcoder<R> {
    source: Stream<R>,
    scan: Scan,
    plan: Plan,
    limits: Limits,
    head: Vec<u8>,
    length: u64,
}

/// Transcodes an object in memory.
pub fn to_explicit_le(octets: &[u8]) -> Result<Vec<u8>, TranscodeError> {
    let mut transcoder = Transcoder::new(Cursor::new(octets), Limits::default())?;
    let mut out = Vec::with_capacity(usize::try_from(transcoder.length()).unwrap_or(0).min(64 << 20));
    transcoder.write(&mut out)?;
    Ok(out)
}

/// What the plan needs to know of the data set besides what every scan keeps.
const WANTED: &[Tag] = &[Tag(0x0028, 0x2110), Tag(0x0028, 0x2112), Tag(0x0028, 0x2114)];

impl<R: Read + Seek> Transcoder<R> {
    /// Scans the object, decides how it is converted, and decodes its first frame to make sure that it can be.
    ///
    /// Errors: whatever stands in the way; nothing has been written then.
    pub fn new(mut reader: R, limits: Limits) -> Result<Self, TranscodeError> {
        let options = Options { limits, keep: Keep::Tags(WANTED), header_only: false };
        let scan = scan_reader(&mut reader, &options)?;
        let mut source = Stream::new(reader)?;
        let plan = plan(&scan, &mut source)?;
        let meta = &scan.meta;
        let class = scan.sop_class_uid().unwrap_or_default();
        let instance = scan.sop_instance_uid().unwrap_or_default();
        let head = part10::file_meta(&class, &instance, EXPLICIT_LE, meta.source_ae_title.as_deref());
        let mut transcoder = Self { source, scan, plan, limits, head, length: 0 };
        let mut counter = Counter::default();
        transcoder.run(&mut counter)?;
        transcoder.length = transcoder.head.len() as u64 + counter.octets;
        Ok(transcoder)
    }

    /// Octets that `write` will write.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What the scan found.
    pub fn scan(&self) -> &Scan {
        &self.scan
    }

    /// Writes the object: preamble, file meta group, data set.
    ///
    /// Errors: a later frame that does not decode, or the writer's.
    pub fn write<W: Write>(&mut self, out: &mut W) -> Result<(), TranscodeError> {
        out.write_all(&self.head).map_err(TranscodeError::Write)?;
        self.run(&mut rewrite::Sink(out))
    }

    fn run<O: rewrite::Output>(&mut self, out: &mut O) -> Result<(), TranscodeError> {
        let Self { source, scan, plan, limits, .. } = self;
        if scan.deflated {
            let inflated = Inflated::new(source, scan.data_set_offset, limits.inflated_octets);
            return rewrite::run(Walker::new(inflated, 0, scan.encoding, *limits), plan, out);
        }
        rewrite::run(Walker::new(source, scan.data_set_offset, scan.encoding, *limits), plan, out)
    }
}

/// Decides what changes in the data set besides its encoding.
fn plan<S: Source>(scan: &Scan, source: &mut S) -> Result<Plan, TranscodeError> {
    let set = &scan.data_set;
    let mut plan = Plan {
        changes: Vec::new(),
        frames: None,
        signed: set.u16(Tag(0x0028, 0x0103)) == Some(1),
        bits_allocated: set.u16(Tag(0x0028, 0x0100)).unwrap_or(16),
    };
    let uid = scan.transfer_syntax_uid();
    let syntax = transfer_syntax(uid).ok_or_else(|| unsupported(uid, "it is not known here"))?;
    if syntax.codec == Codec::Referenced {
        return Err(unsupported(uid, "the object holds a reference instead of pixels"));
    }
    let Some(pixels) = &scan.pixels else { return Ok(plan) };
    if matches!(pixels.layout, Layout::Native { .. }) {
        if pixels.tag == PIXEL_DATA && !syntax.is_native() {
            return Err(TranscodeError::Description(format!("pixel data is not encapsulated, as {uid} has it")));
        }
        return Ok(plan);
    }
    let description = describe(scan, syntax.codec)?;
    if pixels.tag != PIXEL_DATA
        || !can_transcode(uid, description.bits_allocated, description.bits_stored, description.samples_per_pixel)
    {
        let (bits, samples) = (description.bits_stored, description.samples_per_pixel);
        return Err(unsupported(uid, &format!("no decoder for {bits} bits and {samples} samples per pixel")));
    }
    let frames = scan.number_of_frames();
    let ranges = match pixels.frames(frames, set.octets(Tag(0x7FE0, 0x0001))) {
        Some(ranges) => ranges,
        None => frame::by_markers(pixels, frames, source)?,
    };
    let total = u64::from(frames) * description.frame_octets();
    if total > u64::from(u32::MAX) - 1 {
        return Err(TranscodeError::TooLong(total));
    }
    let Layout::Encapsulated { fragments, .. } = &pixels.layout else { return Ok(plan) };
    let frames = Frames { description, fragments: fragments.clone(), ranges, total, first: None };
    let (frames, photometric) = frames.with_first(source)?;
    if photometric != set.text(Tag(0x0028, 0x0004)).unwrap_or_default() {
        plan.changes.push(Change::put(Tag(0x0028, 0x0004), VR::CS, photometric.as_bytes()));
    }
    if frames.description.samples_per_pixel > 1 {
        plan.changes.push(Change::put(Tag(0x0028, 0x0006), VR::US, &0_u16.to_le_bytes()));
    }
    if syntax.lossy {
        if set.text(Tag(0x0028, 0x2110)).as_deref() != Some("01") {
            plan.changes.push(Change::put(Tag(0x0028, 0x2110), VR::CS, b"01"));
        }
        let method: Option<&[u8]> = match syntax.codec {
            Codec::Jpeg => Some(b"ISO_10918_1"),
            Codec::JpegLs => Some(b"ISO_14495_1"),
            Codec::Jpeg2000 if uid.starts_with("1.2.840.10008.1.2.4.20") => Some(b"ISO_15444_15"),
            Codec::Jpeg2000 => Some(b"ISO_15444_1"),
            _ => None,
        };
        if let (Some(method), false) = (method, set.contains(Tag(0x0028, 0x2114))) {
            plan.changes.push(Change::put(Tag(0x0028, 0x2114), VR::CS, method));
        }
    }
    // Offset tables describe fragments that are gone.
    for element in [0x0001, 0x0002, 0x0003] {
        plan.changes.push(Change::remove(Tag(0x7FE0, element)));
    }
    plan.frames = Some(frames);
    Ok(plan)
}

fn unsupported(uid: &str, reason: &str) -> TranscodeError {
    TranscodeError::Unsupported { transfer_syntax: uid.to_owned(), reason: reason.to_owned() }
}

fn describe(scan: &Scan, codec: Codec) -> Result<FrameDescription, TranscodeError> {
    let set = &scan.data_set;
    let need = |tag: Tag, name: &str| {
        set.u16(tag).ok_or_else(|| TranscodeError::Description(format!("{name} is missing or no 16-bit number")))
    };
    let description = FrameDescription {
        codec,
        lossy: transfer_syntax(scan.transfer_syntax_uid()).is_some_and(|syntax| syntax.lossy),
        rows: need(Tag(0x0028, 0x0010), "Rows")?,
        columns: need(Tag(0x0028, 0x0011), "Columns")?,
        samples_per_pixel: need(Tag(0x0028, 0x0002), "Samples per Pixel")?,
        bits_allocated: need(Tag(0x0028, 0x0100), "Bits Allocated")?,
        bits_stored: set.u16(Tag(0x0028, 0x0101)).unwrap_or(need(Tag(0x0028, 0x0100), "Bits Allocated")?),
        signed: set.u16(Tag(0x0028, 0x0103)) == Some(1),
        photometric_interpretation: set.text(Tag(0x0028, 0x0004)).unwrap_or_default(),
    };
    description.check()?;
    Ok(description)
}
