//! A data set to octets: explicit or implicit VR little endian, defined lengths throughout. PS3.5 section 7, Annex A.

use dicom_core::{Tag, VR};

use super::{DataSet, Element, Value};
use crate::scan::is_short;

impl DataSet {
    /// The data set in Explicit VR Little Endian.
    pub fn encode_explicit_le(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, true);
        out
    }

    /// The data set in Implicit VR Little Endian.
    pub fn encode_implicit_le(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, false);
        out
    }

    fn write(&self, out: &mut Vec<u8>, explicit: bool) {
        for element in &self.elements {
            element.write(out, explicit);
        }
    }
}

impl Element {
    fn write(&self, out: &mut Vec<u8>, explicit: bool) {
        match &self.value {
            Value::Octets(octets) => {
                let length = octets.len() + octets.len() % 2;
                write_header(out, self.tag, self.vr, length as u32, explicit);
                out.extend_from_slice(octets);
                if octets.len() % 2 == 1 {
                    out.push(padding(self.vr));
                }
            }
            Value::Items(items) => {
                write_header(out, self.tag, VR::SQ, 0, explicit);
                let start = out.len();
                for item in items {
                    write_tag(out, Tag(0xFFFE, 0xE000));
                    let at = out.len();
                    out.extend_from_slice(&[0; 4]);
                    item.write(out, explicit);
                    patch(out, at, at + 4);
                }
                patch(out, start - 4, start);
            }
            Value::Fragments(fragments) => {
                write_header(out, self.tag, self.vr, u32::MAX, explicit);
                for fragment in fragments {
                    write_tag(out, Tag(0xFFFE, 0xE000));
                    out.extend_from_slice(&((fragment.len() + fragment.len() % 2) as u32).to_le_bytes());
                    out.extend_from_slice(fragment);
                    if fragment.len() % 2 == 1 {
                        out.push(0);
                    }
                }
                write_tag(out, Tag(0xFFFE, 0xE0DD));
                out.extend_from_slice(&[0; 4]);
            }
        }
    }
}

/// Writes the length of what follows `body` into the four octets at `at`.
fn patch(out: &mut [u8], at: usize, body: usize) {
    let length = (out.len() - body) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

pub(crate) fn write_tag(out: &mut Vec<u8>, tag: Tag) {
    out.extend_from_slice(&tag.0.to_le_bytes());
    out.extend_from_slice(&tag.1.to_le_bytes());
}

/// Writes an element header. A short-form value that is too long becomes UN (PS3.5 6.2.2 Note 2).
pub(crate) fn write_header(out: &mut Vec<u8>, tag: Tag, vr: VR, length: u32, explicit: bool) {
    write_tag(out, tag);
    if !explicit {
        out.extend_from_slice(&length.to_le_bytes());
        return;
    }
    let vr = if is_short(vr) && length > 0xFFFE { VR::UN } else { vr };
    out.extend_from_slice(&vr.to_bytes());
    if is_short(vr) {
        out.extend_from_slice(&(length as u16).to_le_bytes());
    } else {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&length.to_le_bytes());
    }
}

pub(crate) fn padding(vr: VR) -> u8 {
    match vr {
        VR::UI | VR::OB | VR::OW | VR::UN | VR::OD | VR::OF | VR::OL | VR::OV => 0,
        _ => b' ',
    }
}
