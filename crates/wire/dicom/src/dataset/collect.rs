//! Tokens of the walker to a data set in memory, without recursion and within limits.

use dicom_core::{Tag, VR};

use super::{DataSet, Element, Value};
use crate::error::{DecodeError, Problem};
use crate::scan::{Limits, Slice, Source, Token, Walker};
use crate::text::CharacterSet;
use crate::transfer_syntaxes::Encoding;

struct Open {
    set: DataSet,
    tag: Tag,
    items: Vec<DataSet>,
}

/// Builds a data set from tokens.
pub(crate) struct Collector {
    current: DataSet,
    open: Vec<Open>,
    kept: u64,
}

impl Collector {
    pub(crate) fn new(charset: CharacterSet) -> Self {
        Self { current: DataSet::with_charset(charset), open: Vec::new(), kept: 0 }
    }

    /// True while a kept sequence is being filled.
    pub(crate) fn in_sequence(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes one token. Fragments (an icon in a sequence) are left out.
    pub(crate) fn take<S: Source>(
        &mut self,
        walker: &mut Walker<S>,
        token: Token,
        limits: &Limits,
    ) -> Result<(), DecodeError> {
        match token {
            Token::Element { tag, vr, offset, length, encoding } => {
                self.kept += length + 16;
                if self.kept > limits.kept_octets {
                    let problem = Problem::TooLong { length: self.kept, limit: limits.kept_octets };
                    return Err(DecodeError::Structure { path: "kept values".into(), offset, problem });
                }
                let mut octets = walker.value(offset, length)?.to_vec();
                if encoding.big_endian {
                    swap(&mut octets, vr);
                }
                // An empty declaration says nothing: what was assumed or inherited holds.
                if tag == Tag(0x0008, 0x0005) && octets.iter().any(|octet| !matches!(octet, b' ' | 0)) {
                    self.current.charset = CharacterSet::from_value(&octets);
                }
                self.current.put(Element { tag, vr, value: Value::Octets(octets) });
            }
            Token::SequenceStart { tag } => {
                let inner = DataSet::with_charset(self.current.charset);
                let set = std::mem::replace(&mut self.current, inner);
                self.open.push(Open { set, tag, items: Vec::new() });
            }
            Token::ItemStart => {
                if let Some(open) = self.open.last() {
                    self.current = DataSet::with_charset(open.set.charset);
                }
            }
            Token::ItemEnd => {
                if let Some(open) = self.open.last_mut() {
                    let empty = DataSet::with_charset(open.set.charset);
                    open.items.push(std::mem::replace(&mut self.current, empty));
                }
            }
            Token::SequenceEnd { .. } => {
                if let Some(Open { mut set, tag, items }) = self.open.pop() {
                    set.put(Element { tag, vr: VR::SQ, value: Value::Items(items) });
                    self.current = set;
                }
            }
            Token::FragmentsStart { .. } | Token::Fragment { .. } | Token::FragmentsEnd => {}
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> DataSet {
        self.current
    }
}

/// Decodes a whole data set from memory, e.g. one that came over an association.
///
/// Errors: `DecodeError` for every broken length, depth or count.
pub fn decode(octets: &[u8], encoding: Encoding) -> Result<DataSet, DecodeError> {
    decode_with(octets, encoding, Limits::default())
}

/// `decode` with limits of the caller's choice.
pub fn decode_with(octets: &[u8], encoding: Encoding, limits: Limits) -> Result<DataSet, DecodeError> {
    decode_assuming(octets, encoding, limits, CharacterSet::default())
}

/// The same where a sender that declares no character set is known to write in `charset`.
pub fn decode_assuming(
    octets: &[u8],
    encoding: Encoding,
    limits: Limits,
    charset: CharacterSet,
) -> Result<DataSet, DecodeError> {
    let mut walker = Walker::new(Slice(octets), 0, encoding, limits);
    let mut collector = Collector::new(charset);
    while let Some(token) = walker.next_token()? {
        collector.take(&mut walker, token, &limits)?;
    }
    Ok(collector.finish())
}

/// Turns the numbers of a big endian value into little endian, in place.
pub(crate) fn swap(octets: &mut [u8], vr: VR) {
    let width = number_width(vr);
    if width > 1 {
        octets.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

/// Octets of one number of the VR; 1 for text and opaque values.
pub(crate) fn number_width(vr: VR) -> usize {
    match vr {
        VR::US | VR::SS | VR::OW | VR::AT => 2,
        VR::UL | VR::SL | VR::FL | VR::OF | VR::OL => 4,
        VR::FD | VR::OD | VR::OV | VR::SV | VR::UV => 8,
        _ => 1,
    }
}
