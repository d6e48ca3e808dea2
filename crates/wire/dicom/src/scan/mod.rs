//! The bounded pre-scan: everything from outside passes through it before any other DICOM code sees a byte.
//!
//! It walks a file or a bare data set without recursion, checks every length against what holds it, skips values by
//! seeking, and gives back what an index or a retrieval needs: identifiers, a few wanted elements, where the pixels
//! are. Memory stays small whatever the object claims. PS3.5 sections 7, 8 and A.4; PS3.10 section 7.

mod pixels;
mod source;
mod walker;

use std::io::{Read, Seek};

use dicom_core::{Tag, VR};

pub use pixels::{Fragment, Layout, Pixels};
pub use source::{Inflated, Slice, Source, Stream};
pub use walker::{Limits, PIXEL_DATA, Token, Walker};
pub(crate) use walker::{implicit_vr, is_short};

use crate::dataset::{Collector, DataSet};
use crate::error::DecodeError;
use crate::part10::{self, FileMeta};
use crate::text::CharacterSet;
use crate::transfer_syntaxes::{Encoding, transfer_syntax};

/// Which top-level elements to keep besides identifiers and the description of the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep<'a> {
    /// None.
    Nothing,
    /// These, in tag order.
    Tags(&'a [Tag]),
    /// All but pixel data and private binary values.
    Everything,
    /// All but pixel data.
    PrivateBinaryToo,
}

/// How to scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options<'a> {
    /// Bounds.
    pub limits: Limits,
    /// Elements to keep.
    pub keep: Keep<'a>,
    /// Stop before pixel data and do not look into unwanted sequences: enough for an index, not enough as a check.
    pub header_only: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { limits: Limits::default(), keep: Keep::Nothing, header_only: false }
    }
}

/// What a scan found.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The file meta group; for a bare data set only the transfer syntax is filled in.
    pub meta: FileMeta,
    /// How the data set is encoded.
    pub encoding: Encoding,
    /// True if the data set is deflated: offsets then count in the inflated octets.
    pub deflated: bool,
    /// Offset of the data set in the file.
    pub data_set_offset: u64,
    /// Octets of the file or bare data set.
    pub length: u64,
    /// Elements and items walked.
    pub elements: u64,
    /// The kept elements.
    pub data_set: DataSet,
    /// Where the pixels are. After a header-only scan: `None`.
    pub pixels: Option<Pixels>,
}

impl Scan {
    /// (0008,0016) SOP Class UID, else what the file meta group says.
    pub fn sop_class_uid(&self) -> Option<String> {
        self.data_set.uid(Tag(0x0008, 0x0016)).or_else(|| non_empty(&self.meta.sop_class_uid))
    }

    /// (0008,0018) SOP Instance UID, else what the file meta group says.
    pub fn sop_instance_uid(&self) -> Option<String> {
        self.data_set.uid(Tag(0x0008, 0x0018)).or_else(|| non_empty(&self.meta.sop_instance_uid))
    }

    /// The transfer syntax UID.
    pub fn transfer_syntax_uid(&self) -> &str {
        &self.meta.transfer_syntax_uid
    }

    /// (0028,0008) Number of Frames, 1 if absent.
    pub fn number_of_frames(&self) -> u32 {
        self.data_set
            .integer(Tag(0x0028, 0x0008))
            .and_then(|frames| u32::try_from(frames).ok())
            .filter(|frames| *frames > 0)
            .unwrap_or(1)
    }
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Scans a DICOM file in memory.
pub fn scan_slice(octets: &[u8], options: &Options<'_>) -> Result<Scan, DecodeError> {
    scan_file(Slice(octets), options)
}

/// Scans a DICOM file from a seekable reader, holding a small window only.
pub fn scan_reader<R: Read + Seek>(reader: R, options: &Options<'_>) -> Result<Scan, DecodeError> {
    scan_file(Stream::new(reader)?, options)
}

/// Scans a bare data set in memory, as an association delivers it.
pub fn scan_data_set_slice(
    octets: &[u8],
    transfer_syntax_uid: &str,
    options: &Options<'_>,
) -> Result<Scan, DecodeError> {
    let meta = FileMeta { transfer_syntax_uid: transfer_syntax_uid.to_owned(), ..FileMeta::default() };
    scan_data_set(Slice(octets), meta, 0, options)
}

/// Scans a bare data set from a seekable reader.
pub fn scan_data_set_reader<R: Read + Seek>(
    reader: R,
    transfer_syntax_uid: &str,
    options: &Options<'_>,
) -> Result<Scan, DecodeError> {
    let meta = FileMeta { transfer_syntax_uid: transfer_syntax_uid.to_owned(), ..FileMeta::default() };
    scan_data_set(Stream::new(reader)?, meta, 0, options)
}

fn scan_file<S: Source>(mut source: S, options: &Options<'_>) -> Result<Scan, DecodeError> {
    let (meta, start) = part10::read_meta(&mut source)?;
    scan_data_set(source, meta, start, options)
}

/// How to read data sets of a transfer syntax. Unknown ones are encapsulated, hence explicit little endian (PS3.5 A.4).
pub fn encoding_of(transfer_syntax_uid: &str) -> Result<(Encoding, bool), DecodeError> {
    match transfer_syntax(transfer_syntax_uid) {
        Some(syntax) => Ok((syntax.encoding, syntax.deflated)),
        // GE private: implicit little endian with pixels in big endian. Nobody could serve it.
        None if transfer_syntax_uid == "1.2.840.113619.5.2" => {
            Err(DecodeError::UnreadableTransferSyntax(transfer_syntax_uid.to_owned()))
        }
        None => Ok((Encoding::EXPLICIT_LE, false)),
    }
}

fn scan_data_set<S: Source>(source: S, meta: FileMeta, start: u64, options: &Options<'_>) -> Result<Scan, DecodeError> {
    let (encoding, deflated) = encoding_of(&meta.transfer_syntax_uid)?;
    let length = source.known_len();
    if deflated {
        let inflated = Inflated::new(source, start, options.limits.inflated_octets);
        let walker = Walker::new(inflated, 0, encoding, options.limits);
        return walk(walker, options).map(|found| found.into_scan(meta, encoding, deflated, start, length));
    }
    let walker = Walker::new(source, start, encoding, options.limits);
    walk(walker, options).map(|found| found.into_scan(meta, encoding, deflated, start, length))
}

struct Found {
    data_set: DataSet,
    pixels: Option<Pixels>,
    elements: u64,
}

impl Found {
    fn into_scan(self, meta: FileMeta, encoding: Encoding, deflated: bool, data_set_offset: u64, length: u64) -> Scan {
        let Self { data_set, pixels, elements } = self;
        Scan { meta, encoding, deflated, data_set_offset, length, elements, data_set, pixels }
    }
}

/// Identifiers and the description of the pixels: kept by every scan.
fn always(tag: Tag) -> bool {
    match tag.0 {
        0x0008 => matches!(tag.1, 0x0005 | 0x0016 | 0x0018),
        0x0020 => matches!(tag.1, 0x000D | 0x000E),
        0x0028 => matches!(tag.1, 0x0002 | 0x0004 | 0x0006 | 0x0008 | 0x0010 | 0x0011 | 0x0100..=0x0103 | 0x2110),
        0x7FE0 => matches!(tag.1, 0x0001 | 0x0002),
        _ => false,
    }
}

fn wanted(tag: Tag, vr: VR, keep: Keep<'_>) -> bool {
    let bulk = tag.0 == 0x7FE0 && tag.1 >= 0x0008;
    match keep {
        Keep::Nothing => always(tag),
        Keep::Tags(tags) => always(tag) || tags.binary_search_by(|one| (one.0, one.1).cmp(&(tag.0, tag.1))).is_ok(),
        Keep::PrivateBinaryToo => !bulk,
        Keep::Everything => !(bulk || tag.0 & 1 == 1 && matches!(vr, VR::OB | VR::OW | VR::UN)),
    }
}

fn walk<S: Source>(mut walker: Walker<S>, options: &Options<'_>) -> Result<Found, DecodeError> {
    let limits = options.limits;
    let mut collector = Collector::new(CharacterSet::default());
    let mut pixels: Option<Pixels> = None;
    // Depth of sequences inside one that is not kept.
    let mut ignored = 0_usize;
    loop {
        if options.header_only && walker.at_top() {
            match walker.peek_top_tag()? {
                Some(Tag(group, element)) if group > 0x7FE0 || (group == 0x7FE0 && element >= 0x0008) => break,
                _ => {}
            }
        }
        let Some(token) = walker.next_token()? else { break };
        if ignored > 0 {
            match token {
                Token::SequenceStart { .. } if !(options.header_only && walker.skip_sequence()) => {
                    ignored += 1;
                }
                Token::SequenceEnd { .. } => ignored -= 1,
                _ => {}
            }
            continue;
        }
        if collector.in_sequence() {
            collector.take(&mut walker, token, &limits)?;
            continue;
        }
        match token {
            Token::Element { tag, vr, offset, length, encoding } => {
                if tag.0 == 0x7FE0 && tag.1 >= 0x0008 {
                    pixels = Some(Pixels { tag, vr, encoding, layout: Layout::Native { offset, length } });
                } else if wanted(tag, vr, options.keep) {
                    collector.take(&mut walker, token, &limits)?;
                }
            }
            Token::SequenceStart { tag } => {
                if wanted(tag, VR::SQ, options.keep) {
                    collector.take(&mut walker, token, &limits)?;
                } else if !(options.header_only && walker.skip_sequence()) {
                    ignored = 1;
                }
            }
            Token::FragmentsStart { tag, vr } => {
                let layout = pixels::read_fragments(&mut walker)?;
                if tag == PIXEL_DATA {
                    pixels = Some(Pixels { tag, vr, encoding: Encoding::EXPLICIT_LE, layout });
                }
            }
            _ => {}
        }
    }
    let elements = walker.elements();
    Ok(Found { data_set: collector.finish(), pixels, elements })
}
