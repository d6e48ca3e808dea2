//! Tokens of any encoding to Explicit VR Little Endian, value by value. PS3.5 7.1.2 and 7.5; dicom.md 15 (last lines).

use std::io::Write;
use std::ops::Range;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::TranscodeError;
use super::frame::{DecodedFrame, FrameDescription, decode_frame};
use crate::dataset::{number_width, padding, write_header, write_tag};
use crate::scan::{Fragment, PIXEL_DATA, Source, Token, Walker};

/// What to change besides the encoding.
pub(super) struct Plan {
    /// Top-level elements, in tag order.
    pub(super) changes: Vec<Change>,
    /// Frames to decode, if pixel data is encapsulated.
    pub(super) frames: Option<Frames>,
    /// Pixel Representation is 1.
    pub(super) signed: bool,
    /// Bits Allocated.
    pub(super) bits_allocated: u16,
}

/// One top-level element to put or leave out.
pub(super) struct Change {
    tag: Tag,
    put: Option<(VR, Vec<u8>)>,
}

impl Change {
    pub(super) fn put(tag: Tag, vr: VR, octets: &[u8]) -> Self {
        Self { tag, put: Some((vr, octets.to_vec())) }
    }

    pub(super) fn remove(tag: Tag) -> Self {
        Self { tag, put: None }
    }
}

/// The frames of encapsulated pixel data.
pub(super) struct Frames {
    pub(super) description: FrameDescription,
    pub(super) fragments: Vec<Fragment>,
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) total: u64,
    pub(super) first: Option<Vec<u8>>,
}

impl Frames {
    /// Decodes the first frame and keeps it. Gives the photometric interpretation after decoding.
    pub(super) fn with_first<S: Source>(mut self, source: &mut S) -> Result<(Self, String), TranscodeError> {
        let first = self.decode(0, source)?;
        self.first = Some(first.octets);
        Ok((self, first.photometric_interpretation))
    }

    fn decode<S: Source>(&self, frame: usize, source: &mut S) -> Result<DecodedFrame, TranscodeError> {
        let fail = |reason: String| TranscodeError::Frame { frame: frame as u32 + 1, reason };
        let range = self.ranges.get(frame).cloned().ok_or_else(|| fail("it is missing".into()))?;
        let fragments = self.fragments.get(range).unwrap_or_default();
        let length: u64 = fragments.iter().map(|fragment| fragment.length).sum();
        // No code stream is twice as long as what it encodes; small images have headers.
        if length > self.description.frame_octets() * 2 + (1 << 20) {
            return Err(fail(format!("{length} octets of code stream")));
        }
        if let [only] = fragments {
            let octets = source.octets(only.offset, only.length as usize)?;
            return decode_frame(&self.description, octets).map_err(fail);
        }
        let mut joined = Vec::with_capacity(length as usize);
        for fragment in fragments {
            joined.extend_from_slice(source.octets(fragment.offset, fragment.length as usize)?);
        }
        decode_frame(&self.description, &joined).map_err(fail)
    }
}

/// Where the data set goes; the length is found by a run that counts.
pub(super) trait Output {
    fn put(&mut self, octets: &[u8]) -> Result<(), TranscodeError>;
    /// True if values need not be read: only their length matters.
    fn counts_only(&self) -> bool;
    fn skip(&mut self, octets: u64);
}

/// Counts.
#[derive(Default)]
pub(super) struct Counter {
    pub(super) octets: u64,
}

impl Output for Counter {
    fn put(&mut self, octets: &[u8]) -> Result<(), TranscodeError> {
        self.octets += octets.len() as u64;
        Ok(())
    }

    fn counts_only(&self) -> bool {
        true
    }

    fn skip(&mut self, octets: u64) {
        self.octets += octets;
    }
}

/// Writes.
pub(super) struct Sink<'a, W>(pub(super) &'a mut W);

impl<W: Write> Output for Sink<'_, W> {
    fn put(&mut self, octets: &[u8]) -> Result<(), TranscodeError> {
        self.0.write_all(octets).map_err(TranscodeError::Write)
    }

    fn counts_only(&self) -> bool {
        false
    }

    fn skip(&mut self, _octets: u64) {}
}

/// A multiple of every number width.
const CHUNK: u64 = 64 * 1024;

pub(super) fn run<S: Source, O: Output>(mut walker: Walker<S>, plan: &Plan, out: &mut O) -> Result<(), TranscodeError> {
    let mut changes = plan.changes.iter().peekable();
    let mut head = Vec::with_capacity(64);
    // Sequences being left out, counted by depth; and whether fragments are being left out.
    let mut left_out = 0_usize;
    let mut in_fragments = false;
    loop {
        let top = walker.at_top();
        let Some(token) = walker.next_token()? else { break };
        if left_out > 0 {
            match token {
                Token::SequenceStart { .. } => left_out += 1,
                Token::SequenceEnd { .. } => left_out -= 1,
                _ => {}
            }
            continue;
        }
        if in_fragments {
            in_fragments = token != Token::FragmentsEnd;
            continue;
        }
        let mut replaced = false;
        if let (true, Token::Element { tag, .. } | Token::SequenceStart { tag } | Token::FragmentsStart { tag, .. }) =
            (top, token)
        {
            while let Some(change) = changes.next_if(|change| order(change.tag) <= order(tag)) {
                replaced |= change.tag == tag;
                put_change(change, &mut head, out)?;
            }
        }
        head.clear();
        match token {
            Token::Element { .. } if replaced => {}
            // Group lengths would be wrong now, padding at the end is needless.
            Token::Element { tag, .. } if tag.1 == 0 || tag == Tag(0xFFFC, 0xFFFC) => {}
            Token::Element { tag, vr, offset, length, encoding } => {
                let vr = if encoding.explicit { vr } else { resolve(tag, vr, plan.signed) };
                let width = match vr {
                    _ if !encoding.big_endian => 1,
                    // Pixels of 32 and 64 bits are numbers of that size, whatever OW says.
                    VR::OW if top && tag == PIXEL_DATA && plan.bits_allocated > 16 => {
                        usize::from(plan.bits_allocated / 8)
                    }
                    vr => number_width(vr),
                };
                let padded = length + length % 2;
                let fits = u32::try_from(padded).map_err(|_| TranscodeError::TooLong(length))?;
                write_header(&mut head, tag, vr, fits, true);
                out.put(&head)?;
                copy(walker.source(), offset, length, width, out)?;
                if padded > length {
                    out.put(&[padding(vr)])?;
                }
            }
            Token::SequenceStart { .. } if replaced => left_out = 1,
            Token::SequenceStart { tag } => {
                write_header(&mut head, tag, VR::SQ, u32::MAX, true);
                out.put(&head)?;
            }
            Token::SequenceEnd { .. } => put_item(Tag(0xFFFE, 0xE0DD), 0, &mut head, out)?,
            Token::ItemStart => put_item(Tag(0xFFFE, 0xE000), u32::MAX, &mut head, out)?,
            Token::ItemEnd => put_item(Tag(0xFFFE, 0xE00D), 0, &mut head, out)?,
            Token::FragmentsStart { tag, .. } => {
                in_fragments = true;
                if let (true, PIXEL_DATA, Some(frames)) = (top, tag, &plan.frames) {
                    put_frames(frames, walker.source(), &mut head, out)?;
                }
                // Encapsulated data elsewhere is an icon: without its pixels the rest of the item still stands.
            }
            Token::Fragment { .. } | Token::FragmentsEnd => {}
        }
    }
    for change in changes {
        put_change(change, &mut head, out)?;
    }
    Ok(())
}

fn order(tag: Tag) -> (u16, u16) {
    (tag.0, tag.1)
}

fn put_change<O: Output>(change: &Change, head: &mut Vec<u8>, out: &mut O) -> Result<(), TranscodeError> {
    let Some((vr, octets)) = &change.put else { return Ok(()) };
    head.clear();
    write_header(head, change.tag, *vr, (octets.len() + octets.len() % 2) as u32, true);
    head.extend_from_slice(octets);
    if octets.len() % 2 == 1 {
        head.push(padding(*vr));
    }
    out.put(head)
}

fn put_item<O: Output>(tag: Tag, length: u32, head: &mut Vec<u8>, out: &mut O) -> Result<(), TranscodeError> {
    write_tag(head, tag);
    head.extend_from_slice(&length.to_le_bytes());
    out.put(head)
}

fn put_frames<S: Source, O: Output>(
    frames: &Frames,
    source: &mut S,
    head: &mut Vec<u8>,
    out: &mut O,
) -> Result<(), TranscodeError> {
    let vr = if frames.description.bits_allocated > 8 { VR::OW } else { VR::OB };
    let padded = frames.total + frames.total % 2;
    write_header(head, PIXEL_DATA, vr, padded as u32, true);
    out.put(head)?;
    if out.counts_only() {
        out.skip(padded);
        return Ok(());
    }
    for frame in 0..frames.ranges.len() {
        match &frames.first {
            Some(first) if frame == 0 => out.put(first)?,
            _ => out.put(&frames.decode(frame, source)?.octets)?,
        }
    }
    if padded > frames.total {
        out.put(&[0])?;
    }
    Ok(())
}

fn copy<S: Source, O: Output>(
    source: &mut S,
    offset: u64,
    length: u64,
    width: usize,
    out: &mut O,
) -> Result<(), TranscodeError> {
    if out.counts_only() {
        out.skip(length);
        return Ok(());
    }
    let mut done = 0;
    while done < length {
        let count = (length - done).min(CHUNK) as usize;
        let octets = source.octets(offset + done, count)?;
        if width > 1 {
            let mut swapped = octets.to_vec();
            swapped.chunks_exact_mut(width).for_each(<[u8]>::reverse);
            out.put(&swapped)?;
        } else {
            out.put(octets)?;
        }
        done += count as u64;
    }
    Ok(())
}

/// The VR of an implicit element where the dictionary leaves it to Pixel Representation.
fn resolve(tag: Tag, vr: VR, signed: bool) -> VR {
    let depends = signed
        && vr == VR::US
        && StandardDataDictionary.by_tag(tag).is_some_and(|entry| matches!(entry.vr(), VirtualVr::Xs));
    if depends { VR::SS } else { vr }
}
