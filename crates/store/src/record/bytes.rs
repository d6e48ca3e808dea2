//! The primitives of stored records: numbers, texts, frequent texts, lists; writing to a vector and reading from a
//! slice. Reading trusts nothing: a damaged record is an error, never a panic or a huge allocation.
//!
//! Layout: version octet; length of the fields; fields, in which a text is only a length; all texts in one piece, so that
//! one check for UTF-8 serves them all.

use crate::StoreError;
use model::{Oid, Xcn, Xon};

/// Texts that many records share. Their place in the list is what is stored: only ever append.
const FREQUENT: &[&str] = &[
    "1.2.840.10008.2.16.4",
    "1.2.840.10008.2.6.1",
    "2.16.840.1.113883.6.96",
    "2.16.840.1.113883.6.1",
    "1.3.6.1.4.1.19376.1.2.6.1",
    "1.3.6.1.4.1.19376.1.2.3",
    "2.16.840.1.113883.5.25",
    "urn:ihe:iti:xds:2016:studyInstanceUID",
    "urn:ihe:iti:xds:2013:accession",
    "urn:ihe:iti:xds:2013:order",
    "urn:ihe:iti:xds:2013:uniqueId",
    "urn:ihe:iti:xds:2013:referral",
    "urn:ihe:iti:xds:2015:encounterId",
    "urn:ihe:iti:xdw:2013:workflowInstanceId",
    "1.2.840.10008.5.1.4.1.1.88.59",
    "application/dicom",
    "application/pdf",
    "text/xml",
    "application/fhir+json",
    "application/xml",
    "text/plain",
    "UTF-8",
    "en",
    "en-US",
    "en-GB",
    "de",
    "de-CH",
    "fr",
    "fr-CH",
    "it",
    "es",
    "pl",
    "pl-PL",
    "IMAGES",
    "REPORTS",
    "N",
    "CT",
    "MR",
    "US",
    "CR",
    "DX",
    "MG",
    "urn:ihe:rad:TEXT",
    "urn:ihe:rad:PDF",
    "urn:ihe:rad:CDA:ImagingReportStructuredHeadings:2013",
    "2.999.7",
];

pub(super) struct Writer {
    version: u8,
    fields: Vec<u8>,
    texts: String,
}

impl Writer {
    pub(super) fn new(version: u8) -> Self {
        Writer { version, fields: Vec::with_capacity(256), texts: String::with_capacity(768) }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut whole = Vec::with_capacity(1 + 9 + self.fields.len() + self.texts.len());
        whole.push(self.version);
        push_number(&mut whole, self.fields.len() as u64);
        whole.extend_from_slice(&self.fields);
        whole.extend_from_slice(self.texts.as_bytes());
        whole
    }

    pub(super) fn byte(&mut self, value: u8) {
        self.fields.push(value);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.fields.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, value: u64) {
        push_number(&mut self.fields, value);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.texts.push_str(text);
    }

    /// A text that may be in the table: an odd number is a place in it, an even one twice a length.
    pub(super) fn word(&mut self, text: &str) {
        match FREQUENT.iter().position(|word| *word == text) {
            Some(at) => self.number(at as u64 * 2 + 1),
            None => {
                self.number(text.len() as u64 * 2);
                self.texts.push_str(text);
            }
        }
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    /// Presence octet, then the value.
    pub(super) fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        match value {
            Some(value) => {
                self.byte(1);
                write(self, value);
            }
            None => self.byte(0),
        }
    }
}

/// Seven bits an octet, lowest first; the top bit says that more follow.
fn push_number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Values of the record read last, which the next one of the same patient is likely to repeat: copying is faster than
/// checking again.
#[derive(Default)]
pub(crate) struct Memo {
    pub(super) oids: Vec<Oid>,
    pub(super) persons: Vec<Xcn>,
    pub(super) organisations: Vec<Xon>,
}

pub(super) struct Reader<'a> {
    /// Fields not read yet, and texts not read yet.
    rest: &'a [u8],
    texts: &'a str,
    what: &'static str,
    pub(super) memo: &'a mut Memo,
}

/// The version octet of a record, and the rest of it.
///
/// Errors: `Corrupt` for an empty record; `Newer` past `supported`.
pub(super) fn version_of<'a>(
    record: &'a [u8],
    supported: u8,
    what: &'static str,
) -> Result<(u8, &'a [u8]), StoreError> {
    match record.split_first() {
        Some((version, _)) if *version > supported => {
            Err(StoreError::Newer { found: i64::from(*version), supported: i64::from(supported) })
        }
        Some((0, _)) | None => Err(StoreError::corrupt(what, "has no version")),
        Some((version, rest)) => Ok((*version, rest)),
    }
}

/// The number with which the fields begin, without looking at anything else.
pub(super) fn first_number(rest: &[u8], what: &'static str) -> Result<u64, StoreError> {
    let mut reader = Reader { rest, texts: "", what, memo: &mut Memo::default() };
    reader.number()?;
    reader.number()
}

impl<'a> Reader<'a> {
    /// Reads what is behind the version octet.
    pub(super) fn new(rest: &'a [u8], what: &'static str, memo: &'a mut Memo) -> Result<Self, StoreError> {
        let mut reader = Reader { rest, texts: "", what, memo };
        let length = reader.number()?;
        let fields = reader.raw(usize::try_from(length).unwrap_or(usize::MAX))?;
        let texts = std::str::from_utf8(reader.rest).map_err(|_| reader.wrong("a text that is no UTF-8"))?;
        (reader.rest, reader.texts) = (fields, texts);
        Ok(reader)
    }

    #[cold]
    pub(super) fn wrong(&self, detail: &str) -> StoreError {
        StoreError::corrupt(self.what, detail)
    }

    /// Errors: octets are left over.
    pub(super) fn end(&self) -> Result<(), StoreError> {
        if self.rest.is_empty() && self.texts.is_empty() { Ok(()) } else { Err(self.wrong("octets behind its end")) }
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, StoreError> {
        match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                Ok(*byte)
            }
            None => Err(self.wrong("ends too early")),
        }
    }

    #[inline]
    pub(super) fn raw(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        match self.rest.split_at_checked(length) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(self.wrong("ends too early")),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let mut out = [0; N];
        out.copy_from_slice(self.raw(N)?);
        Ok(out)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.wrong("a number that is too long"))
    }

    #[inline]
    fn slice(&mut self, length: u64) -> Result<&'a str, StoreError> {
        match self.texts.split_at_checked(usize::try_from(length).unwrap_or(usize::MAX)) {
            Some((text, rest)) => {
                self.texts = rest;
                Ok(text)
            }
            None => Err(self.wrong("a text that ends too early")),
        }
    }

    #[inline]
    pub(super) fn str(&mut self) -> Result<&'a str, StoreError> {
        let length = self.number()?;
        self.slice(length)
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        self.str().map(str::to_owned)
    }

    #[inline]
    pub(super) fn word_str(&mut self) -> Result<&'a str, StoreError> {
        let number = self.number()?;
        if number & 1 == 0 {
            return self.slice(number >> 1);
        }
        let at = usize::try_from(number >> 1).unwrap_or(usize::MAX);
        FREQUENT.get(at).copied().ok_or_else(|| self.wrong("a frequent text this version does not know"))
    }

    #[inline]
    pub(super) fn word(&mut self) -> Result<String, StoreError> {
        self.word_str().map(str::to_owned)
    }

    #[inline]
    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        // Every item takes an octet at least, so a count beyond the rest is damage, not a reason to allocate.
        if count > self.rest.len() {
            return Err(self.wrong("a list longer than the record"));
        }
        let mut out = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            out.push(read(self)?);
        }
        Ok(out)
    }

    #[inline]
    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(self.wrong("a presence mark that is neither 0 nor 1")),
        }
    }
}
