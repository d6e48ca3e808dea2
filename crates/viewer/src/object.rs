//! An opened object: its attributes and where its frames lie; frames are read one at a time.

use crate::error::{RenderError, broken, refuse};
use crate::pixels::{Description, Raw};
use crate::{Geometry, RenderRequest, Rendered, decode, tags};
use dicom::scan::{Inflated, Keep, Layout, Options, Scan, Slice, Source as Octets, Stream, scan_reader, scan_slice};
use dicom::transfer_syntaxes::{Codec, transfer_syntax};
use dicom::{DataSet, Tag};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// A DICOM file (PS3.10), in memory or stored.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The whole file in memory.
    Bytes(&'a [u8]),
    /// A stored file; only headers and the wanted frame are read.
    Path(&'a Path),
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
        let scan = match source {
            Source::Bytes(bytes) => scan_slice(bytes, &options)?,
            Source::Path(path) => scan_reader(BufReader::new(File::open(path)?), &options)?,
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

    /// Reads and decodes one frame.
    pub(crate) fn frame(&self, frame: u32, description: &Description) -> Result<Raw, RenderError> {
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
                    return Ok(Raw::native(self.read(offset + start, size)?, skip_bits, description));
                }
                // Octets are swapped in pairs or fours: read whole ones, then cut.
                let (from, to) = (start & !3, end.next_multiple_of(4).min(*length));
                let mut octets = self.read(offset + from, to - from)?;
                decode::swap_octets(&mut octets, description.bits_allocated, pixels.vr);
                octets.drain(..(start - from) as usize);
                octets.truncate(size as usize);
                Ok(Raw::native(octets, skip_bits, description))
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
                let syntax = self.scan.transfer_syntax_uid();
                let codec = transfer_syntax(syntax).map(|known| known.codec);
                match codec {
                    Some(codec) => decode::encapsulated(codec, syntax, &encoded, description),
                    None => refuse(format!("transfer syntax {syntax} is not known")),
                }
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
            return match self.source {
                Source::Bytes(bytes) => Ok(Inflated::new(Slice(bytes), start, limit).octets(offset, size)?.to_vec()),
                Source::Path(path) => {
                    let stream = Stream::new(BufReader::new(File::open(path)?))?;
                    Ok(Inflated::new(stream, start, limit).octets(offset, size)?.to_vec())
                }
            };
        }
        match self.source {
            Source::Bytes(bytes) => {
                let start = usize::try_from(offset).ok();
                let part = start.and_then(|start| bytes.get(start..start.checked_add(size)?));
                part.map_or_else(|| broken("the file ends within pixel data"), |part| Ok(part.to_vec()))
            }
            Source::Path(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                let mut octets = vec![0; size];
                file.read_exact(&mut octets)?;
                Ok(octets)
            }
        }
    }
}
