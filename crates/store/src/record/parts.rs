//! How values that occur in several objects are stored. Part of version 1 of every record; a change here needs a new
//! version of all of them.

use super::bytes::{Reader, Writer};
use crate::StoreError;
use crate::sqlite::uuid_bytes;
use model::{
    Author, AvailabilityStatus, Code, Dtm, ExtraSlot, Hd, HomeCommunityId, Invalid, LocalizedString, ObjectId, Oid,
    PatientId, ReferenceId, Sha1Hash, Text, UniqueId, Xcn, Xon, Xtn,
};

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Writer {
    pub(super) fn status(&mut self, status: AvailabilityStatus) {
        self.byte(match status {
            AvailabilityStatus::Approved => 0,
            AvailabilityStatus::Deprecated => 1,
        });
    }

    /// A UUID in 16 octets behind a 1, any other id as text behind a 0.
    pub(super) fn object_id(&mut self, id: &ObjectId) {
        match uuid_bytes(id.as_str()) {
            Some(bytes) => {
                self.byte(1);
                self.raw(&bytes);
            }
            None => {
                self.byte(0);
                self.text(id.as_str());
            }
        }
    }

    pub(super) fn patient_id(&mut self, id: &PatientId) {
        self.text(&id.id);
        self.word(id.domain.as_str());
    }

    pub(super) fn strings(&mut self, texts: &[String]) {
        self.list(texts, |w, text| w.text(text));
    }

    /// One number says how many renderings; a single one without language and charset is 1, others are the count + 1.
    pub(super) fn localized(&mut self, text: &Text) {
        match text.0.as_slice() {
            [] => self.byte(0),
            [LocalizedString { value, lang: None, charset: None }] => {
                self.byte(1);
                self.text(value);
            }
            many => {
                self.number(many.len() as u64 + 1);
                for one in many {
                    self.text(&one.value);
                    self.option(one.lang.as_ref(), |w, lang| w.word(lang));
                    self.option(one.charset.as_ref(), |w, charset| w.word(charset));
                }
            }
        }
    }

    pub(super) fn code(&mut self, code: &Code) {
        self.word(&code.code);
        self.word(&code.scheme);
        self.localized(&code.display);
    }

    pub(super) fn codes(&mut self, codes: &[Code]) {
        self.list(codes, Writer::code);
    }

    pub(super) fn authors(&mut self, authors: &[Author]) {
        self.list(authors, |w, author| {
            w.option(author.person.as_ref(), |w, person| w.text(person.as_str()));
            w.list(&author.institutions, |w, institution| w.text(institution.as_str()));
            w.strings(&author.roles);
            w.strings(&author.specialties);
            w.list(&author.telecommunications, |w, telecommunication| w.text(telecommunication.as_str()));
        });
    }

    pub(super) fn references(&mut self, references: &[ReferenceId]) {
        self.list(references, |w, reference| {
            w.text(&reference.id);
            w.word(&reference.kind);
            w.option(reference.authority.as_ref(), |w, hd| {
                w.option(hd.namespace.as_ref(), |w, namespace| w.text(namespace));
                w.option(hd.oid.as_ref(), |w, oid| w.word(oid.as_str()));
            });
            w.option(reference.home.as_ref(), |w, home| w.text(home));
        });
    }

    pub(super) fn extra(&mut self, slots: &[ExtraSlot]) {
        self.list(slots, |w, slot| {
            w.text(&slot.name);
            w.strings(&slot.values);
        });
    }
}

/// A value that was read shortly before, or a new one, remembered when there is room.
#[inline]
fn remembered<T: Clone>(
    seen: &mut Vec<T>,
    text: &str,
    text_of: impl Fn(&T) -> &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<T, Invalid> {
    if let Some(value) = seen.iter().find(|value| text_of(value) == text) {
        return Ok(value.clone());
    }
    let value = parse(text)?;
    if seen.len() < 8 {
        seen.push(value.clone());
    }
    Ok(value)
}

impl Reader<'_> {
    /// A value that was checked when it was stored; that it no longer passes is damage.
    #[inline]
    pub(super) fn checked<T>(&self, value: Result<T, Invalid>) -> Result<T, StoreError> {
        value.map_err(|e| self.wrong(&format!("{} {}", e.field, e.rule)))
    }

    pub(super) fn status(&mut self) -> Result<AvailabilityStatus, StoreError> {
        match self.byte()? {
            0 => Ok(AvailabilityStatus::Approved),
            1 => Ok(AvailabilityStatus::Deprecated),
            _ => Err(self.wrong("a status that is neither 0 nor 1")),
        }
    }

    pub(super) fn object_id(&mut self) -> Result<ObjectId, StoreError> {
        if self.byte()? == 0 {
            let text = self.str()?;
            return self.checked(ObjectId::parse(text));
        }
        let mut text = *b"urn:uuid:00000000-0000-0000-0000-000000000000";
        let mut at = 9;
        for byte in self.array::<16>()? {
            if text[at] == b'-' {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        self.checked(ObjectId::parse(std::str::from_utf8(&text).unwrap_or_default()))
    }

    pub(super) fn unique_id(&mut self) -> Result<UniqueId, StoreError> {
        let text = self.str()?;
        self.checked(UniqueId::parse(text))
    }

    pub(super) fn oid(&mut self) -> Result<Oid, StoreError> {
        let text = self.word_str()?;
        let parsed = remembered(&mut self.memo.oids, text, Oid::as_str, Oid::parse);
        self.checked(parsed)
    }

    pub(super) fn home(&mut self) -> Result<HomeCommunityId, StoreError> {
        let text = self.str()?;
        self.checked(HomeCommunityId::parse(text))
    }

    pub(super) fn patient_id(&mut self) -> Result<PatientId, StoreError> {
        let id = self.text()?;
        Ok(PatientId { id, domain: self.oid()? })
    }

    pub(super) fn dtm(&mut self) -> Result<Dtm, StoreError> {
        let text = self.str()?;
        self.checked(Dtm::parse(text))
    }

    pub(super) fn sha1(&mut self) -> Result<Sha1Hash, StoreError> {
        let mut text = [0; 40];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.array::<20>()?) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        self.checked(Sha1Hash::parse(std::str::from_utf8(&text).unwrap_or_default()))
    }

    pub(super) fn xcn(&mut self) -> Result<Xcn, StoreError> {
        let text = self.str()?;
        let parsed = remembered(&mut self.memo.persons, text, Xcn::as_str, Xcn::parse);
        self.checked(parsed)
    }

    pub(super) fn strings(&mut self) -> Result<Vec<String>, StoreError> {
        self.list(Reader::text)
    }

    pub(super) fn localized(&mut self) -> Result<Text, StoreError> {
        match self.number()? {
            0 => Ok(Text::default()),
            1 => Ok(Text(vec![LocalizedString { value: self.text()?, lang: None, charset: None }])),
            more => {
                let mut out = Vec::new();
                for _ in 0..more - 1 {
                    let value = self.text()?;
                    out.push(LocalizedString {
                        value,
                        lang: self.option(Reader::word)?,
                        charset: self.option(Reader::word)?,
                    });
                }
                Ok(Text(out))
            }
        }
    }

    pub(super) fn code(&mut self) -> Result<Code, StoreError> {
        Ok(Code { code: self.word()?, scheme: self.word()?, display: self.localized()? })
    }

    pub(super) fn codes(&mut self) -> Result<Vec<Code>, StoreError> {
        self.list(Reader::code)
    }

    pub(super) fn authors(&mut self) -> Result<Vec<Author>, StoreError> {
        self.list(|r| {
            Ok(Author {
                person: r.option(Reader::xcn)?,
                institutions: r.list(|r| {
                    let text = r.str()?;
                    let parsed = remembered(&mut r.memo.organisations, text, Xon::as_str, Xon::parse);
                    r.checked(parsed)
                })?,
                roles: r.strings()?,
                specialties: r.strings()?,
                telecommunications: r.list(|r| {
                    let text = r.str()?;
                    r.checked(Xtn::parse(text))
                })?,
            })
        })
    }

    pub(super) fn references(&mut self) -> Result<Vec<ReferenceId>, StoreError> {
        self.list(|r| {
            Ok(ReferenceId {
                id: r.text()?,
                kind: r.word()?,
                authority: r.option(|r| Ok(Hd { namespace: r.option(Reader::text)?, oid: r.option(Reader::oid)? }))?,
                home: r.option(Reader::text)?,
            })
        })
    }

    pub(super) fn extra(&mut self) -> Result<Vec<ExtraSlot>, StoreError> {
        self.list(|r| Ok(ExtraSlot { name: r.text()?, values: r.strings()? }))
    }
}
