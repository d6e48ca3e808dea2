//! Where the pixels of an object are: native octets, or fragments and the frames they make. PS3.5 A.4.

use std::ops::Range;

use dicom_core::{Tag, VR};

use super::source::Source;
use super::walker::{Token, Walker};
use crate::error::DecodeError;
use crate::transfer_syntaxes::Encoding;

/// The pixel data element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Pixel Data, Float Pixel Data or Double Float Pixel Data.
    pub tag: Tag,
    /// The VR.
    pub vr: VR,
    /// How native samples are written.
    pub encoding: Encoding,
    /// Where they are.
    pub layout: Layout,
}

/// How pixel data lies in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Plain samples.
    Native {
        /// Offset of the value.
        offset: u64,
        /// Octets of the value.
        length: u64,
    },
    /// Fragments of encapsulated data.
    Encapsulated {
        /// The basic offset table, empty if there is none.
        offset_table: Vec<u32>,
        /// The fragments, without the offset table.
        fragments: Vec<Fragment>,
    },
}

/// One fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Offset of its octets in the file.
    pub offset: u64,
    /// Octets.
    pub length: u64,
}

impl Pixels {
    /// Which fragments make each frame, if tables or counts tell. `None` if only the fragments' content can.
    ///
    /// `extended` is the value of (7FE0,0001), little endian. A table that points beside fragments is not believed.
    pub fn frames(&self, frames: u32, extended: Option<&[u8]>) -> Option<Vec<Range<usize>>> {
        let Layout::Encapsulated { offset_table, fragments } = &self.layout else { return None };
        let frames = frames as usize;
        if let Some(extended) = extended.filter(|value| value.len() >= 8) {
            let offsets = extended.chunks_exact(8).filter_map(|o| o.first_chunk().map(|o| u64::from_le_bytes(*o)));
            if let Some(found) = by_offsets(fragments, offsets, frames) {
                return Some(found);
            }
        }
        if let Some(found) = by_offsets(fragments, offset_table.iter().map(|offset| u64::from(*offset)), frames) {
            return Some(found);
        }
        if frames == 1 && !fragments.is_empty() {
            return Some(vec![Range { start: 0, end: fragments.len() }]);
        }
        (fragments.len() == frames).then(|| (0..frames).map(|at| at..at + 1).collect())
    }
}

fn by_offsets(fragments: &[Fragment], offsets: impl Iterator<Item = u64>, frames: usize) -> Option<Vec<Range<usize>>> {
    // Offsets count from the item header of the first fragment.
    let base = fragments.first()?.offset - 8;
    let mut starts = Vec::new();
    for offset in offsets {
        if starts.len() == frames {
            return None;
        }
        let wanted = base.checked_add(offset)?.checked_add(8)?;
        starts.push(fragments.binary_search_by_key(&wanted, |fragment| fragment.offset).ok()?);
    }
    if starts.len() != frames || starts.first() != Some(&0) || starts.windows(2).any(|pair| pair[0] >= pair[1]) {
        return None;
    }
    let ends = starts.iter().skip(1).copied().chain([fragments.len()]);
    Some(starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect())
}

/// Reads fragments after their start token: the first one is the basic offset table.
pub(super) fn read_fragments<S: Source>(walker: &mut Walker<S>) -> Result<Layout, DecodeError> {
    let mut offset_table = Vec::new();
    let mut fragments = Vec::new();
    let mut first = true;
    while let Some(token) = walker.next_token()? {
        match token {
            Token::Fragment { offset, length } if first => {
                first = false;
                let octets = walker.value(offset, length)?;
                offset_table =
                    octets.chunks_exact(4).filter_map(|o| o.first_chunk().map(|o| u32::from_le_bytes(*o))).collect();
            }
            Token::Fragment { offset, length } => fragments.push(Fragment { offset, length }),
            _ => break,
        }
    }
    Ok(Layout::Encapsulated { offset_table, fragments })
}
