//! An opened object: its attributes and where its frames lie; frames are read one at a time.

use crate::error::{RenderError, broken, refuse};
use crate::pixels::{Description, Raw};
use crate::{Geometry, RenderRequest, Rendered, decode, tags};
use dicom::scan::{Inflated, Keep, Layout, Options, Scan, Slice, Source as Octets, Stream, scan_reader, scan_slice};
use dicom::transfer_syntaxes::{Codec, transfer_syntax};
use dicom::{DataSet, Tag};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A DICOM file (PS3.10), in memory or stored.
#[derive(Debug, Clone)]
pub enum Source<'a> {
    /// The whole file in memory.
    Bytes(&'a [u8]),
    /// A stored file; only headers and the wanted frame are read.
    Path(&'a Path),
    /// The same; the object keeps the name for itself.
    Kept(PathBuf),
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Source::Bytes(bytes)
    }
}

impl<'a> From<&'a Path> for Source<'a> {
    fn from(path: &'a Path) -> Self {
        Source::Path(path)
    }
}

/// One frame as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredFrame {
    /// Its octets.
    pub octets: Vec<u8>,
    /// They are a stream of the object's transfer syntax, not samples.
    pub compressed: bool,
}

impl std::fmt::Debug for StoredFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredFrame({} octets, compressed {})", self.octets.len(), self.compressed)
    }
}

enum Stored {
    Native(Raw),
    Encoded(Vec<u8>),
}

/// Samples of single bits begin anywhere in an octet; those of a frame by itself begin at its first bit.
fn from_first_bit(raw: Raw, description: &Description) -> Vec<u8> {
    if raw.skip_bits == 0 {
        return raw.octets;
    }
    let count = description.count() as usize;
    let mut out = vec![0; count.div_ceil(8)];
    for at in 0..count {
        let from = at + raw.skip_bits as usize;
        if raw.octets.get(from / 8).is_some_and(|octet| octet >> (from % 8) & 1 == 1) {
            out[at / 8] |= 1 << (at % 8);
        }
    }
    out
}

/// An object whose headers have been read and checked.
pub struct Object<'a> {
    source: Source<'a>,
    scan: Scan,
}

impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("frames", &self.frames()).finish_non_exhaustive()
    }
}

impl<'a> Object<'a> {
    /// Scans the object within bounds; reads no pixels.
    ///
    /// Errors: `Dicom` when it is not well-formed, `Io` when it cannot be read.
    pub fn open(source: Source<'a>) -> Result<Object<'a>, RenderError> {
        let options = Options { keep: Keep::Tags(tags::WANTED), ..Options::default() };
        let of_file = |path: &Path| Ok::<_, RenderError>(scan_reader(BufReader::new(File::open(path)?), &options)?);
        let scan = match &source {
            Source::Bytes(bytes) => scan_slice(bytes, &options)?,
            Source::Path(path) => of_file(path)?,
            Source::Kept(path) => of_file(path)?,
        };
        Ok(Object { source, scan })
    }

    /// Number of frames, at least 1.
    pub fn frames(&self) -> u32 {
        self.scan.number_of_frames()
    }

    /// Renders one frame, counted from 1, as a picture.
    ///
    /// Shape: grey images as grey pictures, colour as RGB; never larger than asked for.
    /// Errors: `NotRenderable` and `TooLarge` say why there is no picture; `Broken` that the pixel data lies.
    /// Source: rendering chain of PS3.3 C.11 and PS3.18 8.3.5.
    pub fn render(&self, frame: u32, request: &RenderRequest) -> Result<Rendered, RenderError> {
        crate::render::render(self, frame, request)
    }

    /// Spacing, orientation and position of one frame, counted from 1, and the windows that the file offers.
    pub fn geometry(&self, frame: u32) -> Result<Geometry, RenderError> {
        self.check_frame(frame)?;
        Ok(crate::geometry::geometry(self, frame))
    }

    pub(crate) fn data_set(&self) -> &DataSet {
        &self.scan.data_set
    }

    /// An attribute's data set for a frame: the frame's functional group, the shared one, else the top level.
    pub(crate) fn group(&self, frame: u32, sequence: Tag) -> Option<&DataSet> {
        let own = self.data_set().items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        own.get(frame.saturating_sub(1) as usize)
            .and_then(|groups| groups.item(sequence))
            .or_else(|| self.data_set().item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).and_then(|g| g.item(sequence)))
    }

    pub(crate) fn check_frame(&self, frame: u32) -> Result<(), RenderError> {
        let frames = self.frames();
        if (1..=frames).contains(&frame) { Ok(()) } else { Err(RenderError::NoSuchFrame { asked: frame, frames }) }
    }

    /// Refuses reports, waveforms and other objects without pixels, in words.
    pub(crate) fn check_image(&self) -> Result<(), RenderError> {
        if self.scan.pixels.is_some() { Ok(()) } else { refuse("the object holds no image") }
    }

    /// The octets of one frame, counted from 1, as they are stored: samples in little endian, single bits from the first
    /// bit of the first octet on, or the frame's own compressed stream.
    ///
    /// Errors: `NotRenderable` for an object without pixels of whole numbers; `Broken`, `TooLarge`.
    /// Source: PS3.18 8.7.3.3.
    pub fn stored_frame(&self, frame: u32) -> Result<StoredFrame, RenderError> {
        let description = Description::read(self.data_set())?;
        Ok(match self.stored(frame, &description)? {
            Stored::Native(raw) => StoredFrame { octets: from_first_bit(raw, &description), compressed: false },
            Stored::Encoded(octets) => StoredFrame { octets, compressed: true },
        })
    }

    /// The samples of one frame, counted from 1, in little endian, decompressed where they are compressed; then a sample
    /// with a sign has it in all its bits.
    ///
    /// Errors: as [`Object::stored_frame`], and `NotRenderable` for what cannot be decoded here.
    pub fn decoded_frame(&self, frame: u32) -> Result<Vec<u8>, RenderError> {
        let description = Description::read(self.data_set())?;
        let mut raw = self.frame(frame, &description)?;
        let compressed = transfer_syntax(self.scan.transfer_syntax_uid()).is_none_or(|known| !known.is_native());
        if compressed && description.signed && raw.bits_allocated == 16 {
            // Some streams hold two's complement and call it a number without a sign.
            let spare = 16u16.saturating_sub(description.bits_stored);
            for pair in raw.octets.chunks_exact_mut(2) {
                let sample = i16::from_le_bytes([pair[0], pair[1]]);
                pair.copy_from_slice(&(sample << spare >> spare).to_le_bytes());
            }
        }
        Ok(from_first_bit(raw, &description))
    }

    /// The transfer syntax of the object.
    pub fn transfer_syntax_uid(&self) -> &str {
        self.scan.transfer_syntax_uid()
    }

    /// Reads and decodes one frame.
    pub(crate) fn frame(&self, frame: u32, description: &Description) -> Result<Raw, RenderError> {
        let encoded = match self.stored(frame, description)? {
            Stored::Native(raw) => return Ok(raw),
            Stored::Encoded(encoded) => encoded,
        };
        let syntax = self.scan.transfer_syntax_uid();
        match transfer_syntax(syntax).map(|known| known.codec) {
            Some(codec) => decode::encapsulated(codec, syntax, &encoded, description),
            None => refuse(format!("transfer syntax {syntax} is not known")),
        }
    }

    fn stored(&self, frame: u32, description: &Description) -> Result<Stored, RenderError> {
        self.check_frame(frame)?;
        let Some(pixels) = &self.scan.pixels else {
            return refuse("the object holds no image");
        };
        if pixels.tag != tags::PIXEL_DATA {
            return refuse("pixels are floating point numbers");
        }
        match &pixels.layout {
            Layout::Native { offset, length } => {
                let (start, size, skip_bits) = description.native_frame(frame);
                let Some(end) = start.checked_add(size).filter(|end| end <= length) else {
                    return broken(format!(
                        "frame {frame} needs octets {start} to {}, the element has {length}",
                        start.saturating_add(size)
                    ));
                };
                if !pixels.encoding.big_endian {
                    return Ok(Stored::Native(Raw::native(self.read(offset + start, size)?, skip_bits, description)));
                }
                // Octets are swapped in pairs or fours: read whole ones, then cut.
                let (from, to) = (start & !3, end.next_multiple_of(4).min(*length));
                let mut octets = self.read(offset + from, to - from)?;
                decode::swap_octets(&mut octets, description.bits_allocated, pixels.vr);
                octets.drain(..(start - from) as usize);
                octets.truncate(size as usize);
                Ok(Stored::Native(Raw::native(octets, skip_bits, description)))
            }
            Layout::Encapsulated { fragments, .. } => {
                let extended = self.data_set().octets(tags::EXTENDED_OFFSET_TABLE);
                let ranges = match pixels.frames(self.frames(), extended) {
                    Some(ranges) => ranges,
                    None => self.frames_by_content(fragments)?,
                };
                let Some(parts) = ranges.get(frame as usize - 1).and_then(|range| fragments.get(range.clone())) else {
                    return broken(format!("no fragment belongs to frame {frame}"));
                };
                let total: u64 = parts.iter().map(|part| part.length).sum();
                decode::check_encoded_size(total)?;
                let mut encoded = Vec::new();
                for part in parts {
                    encoded.extend_from_slice(&self.read(part.offset, part.length)?);
                }
                Ok(Stored::Encoded(encoded))
            }
        }
    }

    /// Frames of a multi-frame object without an offset table: a JPEG or JPEG 2000 stream starts in its own fragment.
    fn frames_by_content(
        &self,
        fragments: &[dicom::scan::Fragment],
    ) -> Result<Vec<std::ops::Range<usize>>, RenderError> {
        let codec = transfer_syntax(self.scan.transfer_syntax_uid()).map(|known| known.codec);
        if !matches!(codec, Some(Codec::Jpeg | Codec::Jpeg2000)) {
            return broken("fragments do not tell which frame they belong to");
        }
        let mut starts = Vec::new();
        for (index, fragment) in fragments.iter().enumerate() {
            let first = self.read(fragment.offset, fragment.length.min(4))?;
            if matches!(first.as_slice(), [0xff, 0xd8, ..] | [0xff, 0x4f, 0xff, 0x51]) {
                starts.push(index);
            }
        }
        let ends = starts.iter().skip(1).copied().chain([fragments.len()]);
        Ok(starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect())
    }

    /// Octets of the file, or of the inflated data set when it is deflated. The scan has checked that they are there.
    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, RenderError> {
        let Ok(size) = usize::try_from(length) else {
            return broken("a length does not fit memory");
        };
        if self.scan.deflated {
            let start = self.scan.data_set_offset;
            let limit = Options::default().limits.inflated_octets;
            return match self.bytes_or_path() {
                Ok(bytes) => Ok(Inflated::new(Slice(bytes), start, limit).octets(offset, size)?.to_vec()),
                Err(path) => {
                    let stream = Stream::new(BufReader::new(File::open(path)?))?;
                    Ok(Inflated::new(stream, start, limit).octets(offset, size)?.to_vec())
                }
            };
        }
        match self.bytes_or_path() {
            Ok(bytes) => {
                let start = usize::try_from(offset).ok();
                let part = start.and_then(|start| bytes.get(start..start.checked_add(size)?));
                part.map_or_else(|| broken("the file ends within pixel data"), |part| Ok(part.to_vec()))
            }
            Err(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                let mut octets = vec![0; size];
                file.read_exact(&mut octets)?;
                Ok(octets)
            }
        }
    }

    fn bytes_or_path(&self) -> Result<&[u8], &Path> {
        match &self.source {
            Source::Bytes(bytes) => Ok(bytes),
            Source::Path(path) => Err(path),
            Source::Kept(path) => Err(path),
        }
    }
}
