//! A writer of Explicit VR Little Endian that puts octets straight into their place: a manifest of thousands of
//! instances is built without a tree. Sequences and items have defined lengths. PS3.5 sections 6.2 and 7.

use dicom_core::{Tag, VR};

use crate::scan::is_short;

/// Octets under construction. The caller writes tags in ascending order.
pub(super) struct Writer {
    octets: Vec<u8>,
}

impl Writer {
    /// Continues after what is there, such as a file meta group.
    pub(super) fn after(octets: Vec<u8>) -> Self {
        Self { octets }
    }

    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    /// A UID, padded with NUL.
    pub(super) fn uid(&mut self, tag: Tag, uid: &str) {
        self.element(tag, VR::UI, uid.as_bytes(), 0);
    }

    /// A value of one line: control characters become spaces, a backslash (which would separate values) a slash, outer
    /// spaces go, and what is longer than `limit` characters is cut.
    pub(super) fn line(&mut self, tag: Tag, vr: VR, text: &str, limit: usize) {
        self.element(tag, vr, one_line(text, limit).as_bytes(), b' ');
    }

    /// An identifying value of one line: like [`Writer::line`], but never cut.
    ///
    /// Deviation: a number longer than its VR allows is written in full, because half an identifier names another thing.
    pub(super) fn identifier(&mut self, tag: Tag, vr: VR, text: &str) {
        self.element(tag, vr, one_line(text, usize::MAX).as_bytes(), b' ');
    }

    /// A text of many lines (UT).
    pub(super) fn paragraph(&mut self, tag: Tag, text: &str) {
        let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect();
        self.element(tag, VR::UT, clean.trim_end().as_bytes(), b' ');
    }

    /// An element without a value.
    pub(super) fn empty(&mut self, tag: Tag, vr: VR) {
        self.element(tag, vr, &[], b' ');
    }

    /// A sequence, whose items the closure writes.
    pub(super) fn sequence(&mut self, tag: Tag, items: impl FnOnce(&mut Self)) {
        self.tag(tag);
        self.octets.extend_from_slice(b"SQ\0\0");
        self.with_length(items);
    }

    /// An item within [`Writer::sequence`], whose elements the closure writes.
    pub(super) fn item(&mut self, elements: impl FnOnce(&mut Self)) {
        self.tag(Tag(0xFFFE, 0xE000));
        self.with_length(elements);
    }

    fn with_length(&mut self, inner: impl FnOnce(&mut Self)) {
        let at = self.octets.len();
        self.octets.extend_from_slice(&[0; 4]);
        inner(self);
        // `encode` bounds the number of instances, so that this cannot overflow.
        let length = u32::try_from(self.octets.len() - at - 4).unwrap_or(u32::MAX);
        self.octets[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }

    fn tag(&mut self, tag: Tag) {
        self.octets.extend_from_slice(&tag.0.to_le_bytes());
        self.octets.extend_from_slice(&tag.1.to_le_bytes());
    }

    fn element(&mut self, tag: Tag, vr: VR, value: &[u8], padding: u8) {
        self.tag(tag);
        self.octets.extend_from_slice(&vr.to_bytes());
        let value = if is_short(vr) { fitting(value) } else { value };
        let length = value.len() + value.len() % 2;
        if is_short(vr) {
            self.octets.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        } else {
            self.octets.extend_from_slice(&[0; 2]);
            self.octets.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
        self.octets.extend_from_slice(value);
        if length > value.len() {
            self.octets.push(padding);
        }
    }
}

/// What a 16-bit length can hold, cut between characters.
fn fitting(value: &[u8]) -> &[u8] {
    const MOST: usize = 0xFFFE;
    if value.len() <= MOST {
        return value;
    }
    let mut end = MOST;
    while end > 0 && value[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    &value[..end]
}

fn one_line(text: &str, limit: usize) -> String {
    let clean: String = text
        .chars()
        .map(|c| {
            if c == '\\' {
                '/'
            } else if c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect();
    let clean = clean.trim();
    match clean.char_indices().nth(limit) {
        Some((end, _)) => clean[..end].trim_end().to_owned(),
        None => clean.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags;

    #[test]
    fn values_are_padded_by_their_kind_and_lengths_are_filled_in() {
        let mut writer = Writer::after(Vec::new());
        writer.sequence(tags::REFERENCED_SOP_SEQUENCE, |writer| {
            writer.item(|writer| {
                writer.uid(tags::REFERENCED_SOP_CLASS_UID, "1.2.3");
                writer.line(tags::CODE_MEANING, VR::LO, " a\\b\n", 64);
            });
        });
        let expected = [
            &b"\x08\x00\x99\x11SQ\0\0\x22\0\0\0"[..],
            b"\xFE\xFF\x00\xE0\x1A\0\0\0",
            b"\x08\x00\x50\x11UI\x06\x001.2.3\0",
            b"\x08\x00\x04\x01LO\x04\x00a/b ",
        ]
        .concat();
        assert_eq!(writer.into_octets(), expected);
    }

    #[test]
    fn text_is_cut_by_characters_but_identifiers_are_not() {
        assert_eq!(one_line("äöü", 2), "äö");
        let long = "ä".repeat(40_000);
        let mut writer = Writer::after(Vec::new());
        writer.identifier(tags::PATIENT_ID, VR::LO, &long);
        let octets = writer.into_octets();
        assert_eq!(octets.len(), 8 + 0xFFFE);
        assert!(std::str::from_utf8(&octets[8..]).is_ok());
    }
}
