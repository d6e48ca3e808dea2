//! `--reconcile`: fetched files carry the registry's patient; what the source wrote is kept in Original Attributes
//! Sequence. Only the elements concerned are rewritten, pixels are copied as they are. Source: PS3.3 C.12.1.1.9 (Original
//! Attributes), C.7.1.1 (Patient); spec/mcwg.md (registry identity wins).

use super::super::retrieve::beside;
use super::super::stop::Stop;
use super::fetch::Folder;
use super::plan::Plan;
use dicom::scan::{Keep, Limits, Options, Stream, Walker, scan_reader};
use dicom::text::CharacterSet;
use dicom::transfer_syntaxes::Encoding;
use dicom::{DataSet, Element, Tag, VR, Value};
use model::{Dtm, Patient};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

const CHARACTER_SET: Tag = Tag(0x0008, 0x0005);
const NAME: Tag = Tag(0x0010, 0x0010);
const ID: Tag = Tag(0x0010, 0x0020);
const ISSUER: Tag = Tag(0x0010, 0x0021);
const ISSUER_QUALIFIERS: Tag = Tag(0x0010, 0x0024);
const BIRTH_DATE: Tag = Tag(0x0010, 0x0030);
const SEX: Tag = Tag(0x0010, 0x0040);
const UNIVERSAL_ID: Tag = Tag(0x0040, 0x0032);
const UNIVERSAL_ID_TYPE: Tag = Tag(0x0040, 0x0033);
const ORIGINAL_ATTRIBUTES: Tag = Tag(0x0400, 0x0561);
const MODIFIED_ATTRIBUTES: Tag = Tag(0x0400, 0x0550);
const MODIFICATION_TIME: Tag = Tag(0x0400, 0x0562);
const MODIFYING_SYSTEM: Tag = Tag(0x0400, 0x0563);
const SOURCE_OF_PREVIOUS: Tag = Tag(0x0400, 0x0564);
const REASON: Tag = Tag(0x0400, 0x0565);

/// Why a file stays as it is.
#[derive(Debug, thiserror::Error)]
enum Unchanged {
    #[error("cannot be read: {0}")]
    Decode(#[from] dicom::DecodeError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("cannot be brought to a form that can be changed: {0}")]
    Transcode(String),
    #[error("the patient's name cannot be written in its character set {0}")]
    CharacterSet(&'static str),
}

/// What changes: elements to put (in tag order), and tags that go.
struct Change {
    put: Vec<Element>,
    remove: Vec<Tag>,
}

/// Reconciles every file of the plan that is there. Shape: the number of files that were changed.
///
/// Errors: a file that cannot be changed, named; files before it are done, and doing it again goes on.
pub fn files(folder: &Folder, plan: &Plan, patient: &Patient, now: &Dtm) -> Result<usize, Stop> {
    let mut changed = 0;
    for (series, instance) in plan.instances() {
        let path = folder.path(series, instance);
        if !path.exists() {
            continue;
        }
        let done = one(&path, patient, now)
            .map_err(|e| Stop::failed(format!("{} keeps its source's patient: {e}", path.display())))?;
        changed += usize::from(done);
    }
    Ok(changed)
}

/// True when the file was changed, false when it said the same already.
fn one(path: &Path, patient: &Patient, now: &Dtm) -> Result<bool, Unchanged> {
    let options = Options { keep: Keep::Everything, ..Options::default() };
    let mut scan = scan_reader(File::open(path)?, &options)?;
    let part = beside(path, "part");
    let mut source = path;
    let plain = beside(path, "plain");
    if scan.deflated || scan.encoding.big_endian {
        let octets = dicom::transcode::to_explicit_le(&std::fs::read(path)?);
        std::fs::write(&plain, octets.map_err(|e| Unchanged::Transcode(e.to_string()))?)?;
        source = &plain;
        scan = scan_reader(File::open(source)?, &options)?;
    }
    let outcome = match change(&scan.data_set, patient, now) {
        Ok(Some(change)) => rewrite(source, &part, scan.data_set_offset, scan.encoding, &change)
            .and_then(|()| Ok(std::fs::rename(&part, path)?))
            .map(|()| true),
        Ok(None) => Ok(false),
        Err(unchanged) => Err(unchanged),
    };
    if source != path {
        let _ = std::fs::remove_file(&plain);
    }
    outcome
}

/// What has to change; `None` when the file says all of it already.
fn change(set: &DataSet, patient: &Patient, now: &Dtm) -> Result<Option<Change>, Unchanged> {
    let name = patient.name.to_dicom();
    let birth_date = patient.birth_date.as_ref().and_then(|d| d.as_str().get(..8)).map(str::to_owned);
    let sex = patient.sex.map(|s| s.code().to_owned());
    let issuer = set.item(ISSUER_QUALIFIERS).and_then(|i| i.text(UNIVERSAL_ID));
    let differs = |tag, wanted: &str| set.text(tag).unwrap_or_default() != wanted;
    let mut texts: Vec<(Tag, VR, String)> = Vec::new();
    if !name.is_empty() && differs(NAME, &name) {
        texts.push((NAME, VR::PN, name));
    }
    if differs(ID, &patient.id.id) {
        texts.push((ID, VR::LO, patient.id.id.clone()));
    }
    for (tag, vr, value) in [(BIRTH_DATE, VR::DA, birth_date), (SEX, VR::CS, sex)] {
        if let Some(value) = value.filter(|v| differs(tag, v)) {
            texts.push((tag, vr, value));
        }
    }
    let new_issuer = issuer.as_deref() != Some(patient.id.domain.as_str());
    if texts.is_empty() && !new_issuer {
        return Ok(None);
    }
    let utf8 = charset_for(set, &texts)?;
    let mut original = DataSet::new();
    let mut put: Vec<Element> = Vec::new();
    let mut remove = Vec::new();
    for (tag, vr, text) in texts {
        keep(set, tag, vr, &mut original);
        let octets = match utf8 {
            Charset::Latin1 => text.chars().map(|c| c as u8).collect(),
            Charset::Utf8 | Charset::BecomesUtf8 => text.into_bytes(),
        };
        put.push(Element { tag, vr, value: Value::Octets(octets) });
    }
    if new_issuer {
        // The old issuer's name does not belong to the new id.
        if set.contains(ISSUER) {
            keep(set, ISSUER, VR::LO, &mut original);
            remove.push(ISSUER);
        }
        keep(set, ISSUER_QUALIFIERS, VR::SQ, &mut original);
        let mut item = DataSet::new();
        item.put_text(UNIVERSAL_ID, patient.id.domain.as_str());
        item.put_text(UNIVERSAL_ID_TYPE, "ISO");
        put.push(Element { tag: ISSUER_QUALIFIERS, vr: VR::SQ, value: Value::Items(vec![item]) });
    }
    if utf8 == Charset::BecomesUtf8 {
        keep(set, CHARACTER_SET, VR::CS, &mut original);
        put.push(Element { tag: CHARACTER_SET, vr: VR::CS, value: Value::Octets(b"ISO_IR 192".to_vec()) });
    }
    let mut item = DataSet::new();
    item.put_items(MODIFIED_ATTRIBUTES, vec![original]);
    item.put_text(MODIFICATION_TIME, &format!("{now}+0000"));
    item.put_text(MODIFYING_SYSTEM, "manifold");
    item.put_empty(SOURCE_OF_PREVIOUS);
    item.put_text(REASON, "COERCE");
    let mut items = set.items(ORIGINAL_ATTRIBUTES).to_vec();
    items.push(item);
    put.push(Element { tag: ORIGINAL_ATTRIBUTES, vr: VR::SQ, value: Value::Items(items) });
    put.sort_by_key(|e| (e.tag.0, e.tag.1));
    Ok(Some(Change { put, remove }))
}

/// Puts the element as it was, or an empty one where there was none.
fn keep(set: &DataSet, tag: Tag, vr: VR, original: &mut DataSet) {
    original.put(set.element(tag).cloned().unwrap_or_else(|| match vr {
        VR::SQ => Element { tag, vr, value: Value::Items(Vec::new()) },
        _ => Element { tag, vr, value: Value::Octets(Vec::new()) },
    }));
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charset {
    /// UTF-8 is declared, or everything is ASCII.
    Utf8,
    Latin1,
    /// Everything in the file is ASCII, so declaring UTF-8 changes no meaning.
    BecomesUtf8,
}

fn charset_for(set: &DataSet, texts: &[(Tag, VR, String)]) -> Result<Charset, Unchanged> {
    if texts.iter().all(|(_, _, text)| text.is_ascii()) {
        return Ok(Charset::Utf8);
    }
    let charset = set.octets(CHARACTER_SET).map(CharacterSet::from_value).unwrap_or_default();
    match charset.term() {
        "ISO_IR 192" => Ok(Charset::Utf8),
        "ISO_IR 100" if texts.iter().all(|(_, _, t)| t.chars().all(|c| u32::from(c) <= 0xFF)) => Ok(Charset::Latin1),
        _ if is_ascii(set) => Ok(Charset::BecomesUtf8),
        term => Err(Unchanged::CharacterSet(term)),
    }
}

/// True when no text anywhere has an octet above 127, or an escape to another set.
fn is_ascii(set: &DataSet) -> bool {
    const TEXT: [VR; 10] = [VR::PN, VR::LO, VR::SH, VR::ST, VR::LT, VR::UT, VR::UC, VR::CS, VR::UN, VR::AE];
    set.elements().iter().all(|element| match &element.value {
        Value::Octets(octets) => !TEXT.contains(&element.vr) || octets.iter().all(|b| b.is_ascii() && *b != 0x1B),
        Value::Items(items) => items.iter().all(is_ascii),
        Value::Fragments(_) => true,
    })
}

/// Copies the file with the change. Only what stands outside sequences is looked at.
fn rewrite(from: &Path, to: &Path, start: u64, encoding: Encoding, change: &Change) -> Result<(), Unchanged> {
    let places = places(from, start, encoding)?;
    let mut file = File::open(from)?;
    let end = file.seek(SeekFrom::End(0))?;
    let mut out = BufWriter::with_capacity(256 * 1024, File::create(to)?);
    copy(&mut file, 0, start, &mut out)?;
    let mut put = change.put.iter().peekable();
    for (at, (tag, from)) in places.iter().enumerate() {
        let next = places.get(at + 1).map_or(end, |(_, next)| *next);
        let mut replaced = change.remove.contains(tag);
        // A group length (retired) would no longer be right.
        replaced |= tag.1 == 0 && matches!(tag.0, 0x0008 | 0x0010 | 0x0400);
        while let Some(element) = put.next_if(|e| (e.tag.0, e.tag.1) <= (tag.0, tag.1)) {
            replaced |= element.tag == *tag;
            write(&mut out, element, encoding)?;
        }
        if !replaced {
            copy(&mut file, *from, next, &mut out)?;
        }
    }
    for element in put {
        write(&mut out, element, encoding)?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}

fn places(path: &Path, start: u64, encoding: Encoding) -> Result<Vec<(Tag, u64)>, Unchanged> {
    let mut walker = Walker::new(Stream::new(File::open(path)?)?, start, encoding, Limits::default());
    let mut places = Vec::new();
    loop {
        if walker.at_top() {
            match walker.peek_top_tag()? {
                Some(tag) => places.push((tag, walker.position())),
                None => return Ok(places),
            }
        }
        if walker.next_token()?.is_none() {
            return Ok(places);
        }
    }
}

fn copy(file: &mut File, from: u64, to: u64, out: &mut impl Write) -> Result<(), Unchanged> {
    file.seek(SeekFrom::Start(from))?;
    let copied = io::copy(&mut file.take(to.saturating_sub(from)), out)?;
    if copied != to.saturating_sub(from) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(())
}

fn write(out: &mut impl Write, element: &Element, encoding: Encoding) -> Result<(), Unchanged> {
    let mut set = DataSet::new();
    set.put(element.clone());
    let octets = if encoding.explicit { set.encode_explicit_le() } else { set.encode_implicit_le() };
    Ok(out.write_all(&octets)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom::transfer_syntaxes::{EXPLICIT_LE, IMPLICIT_LE};
    use model::{Oid, PatientId, PersonName, Sex};

    fn registered(name: &str) -> Patient {
        Patient {
            id: PatientId::new("P0001", Oid::parse("2.999.7").unwrap()),
            other_ids: vec![],
            name: PersonName::from_dicom(name),
            birth_date: Some(Dtm::parse("19610412").unwrap()),
            sex: Some(Sex::Female),
            details: Default::default(),
        }
    }

    fn object(charset: Option<&str>, name: &[u8]) -> DataSet {
        let mut set = DataSet::new();
        if let Some(charset) = charset {
            set.put_text(CHARACTER_SET, charset);
        }
        set.put_octets(Tag(0x0008, 0x0016), VR::UI, "1.2.840.10008.5.1.4.1.1.2");
        set.put_octets(Tag(0x0008, 0x0018), VR::UI, "2.25.1");
        set.put_octets(NAME, VR::PN, name);
        set.put_text(ID, "LOCAL7");
        set.put_text(ISSUER, "NORTH");
        set.put_octets(Tag(0x0020, 0x000D), VR::UI, "2.25.2");
        set.put_octets(Tag(0x7FE0, 0x0010), VR::OW, vec![7; 64]);
        set
    }

    fn reconcile(set: &DataSet, syntax: &str, patient: &Patient) -> Result<(bool, DataSet, Vec<u8>), Unchanged> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.dcm");
        std::fs::write(&path, dicom::part10::encode_as(set, syntax)).unwrap();
        let changed = one(&path, patient, &Dtm::parse("20260312101500").unwrap())?;
        assert!(
            !one(&path, patient, &Dtm::parse("20260312101501").unwrap()).unwrap(),
            "doing it twice changes nothing"
        );
        let options = Options { keep: Keep::Everything, ..Options::default() };
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside the file");
        Ok((changed, dicom::scan::scan_slice(&bytes, &options).unwrap().data_set, bytes))
    }

    #[track_caller]
    fn check_original(set: &DataSet, tag: Tag, expected: &str) {
        let item = set.items(ORIGINAL_ATTRIBUTES).last().unwrap();
        assert_eq!(item.text(REASON).as_deref(), Some("COERCE"));
        let modified = item.item(MODIFIED_ATTRIBUTES).unwrap();
        assert_eq!(modified.text(tag).unwrap_or_default(), expected);
    }

    #[test]
    fn the_registrys_patient_replaces_the_sources_and_the_source_is_kept() {
        for syntax in [EXPLICIT_LE, IMPLICIT_LE] {
            let (changed, set, bytes) =
                reconcile(&object(None, b"OLD^Name"), syntax, &registered("DURAND^Anne")).unwrap();
            assert!(changed);
            assert_eq!(set.text(NAME).as_deref(), Some("DURAND^Anne"));
            assert_eq!(set.text(ID).as_deref(), Some("P0001"));
            assert_eq!(set.text(BIRTH_DATE).as_deref(), Some("19610412"));
            assert_eq!(set.text(SEX).as_deref(), Some("F"));
            assert_eq!(set.text(ISSUER), None);
            assert_eq!(set.item(ISSUER_QUALIFIERS).unwrap().text(UNIVERSAL_ID).as_deref(), Some("2.999.7"));
            check_original(&set, NAME, "OLD^Name");
            check_original(&set, ID, "LOCAL7");
            check_original(&set, ISSUER, "NORTH");
            check_original(&set, BIRTH_DATE, "");
            assert!(bytes.ends_with(&[7; 64]), "pixels are copied as they are");
            assert_eq!(set.uid(Tag(0x0008, 0x0018)).as_deref(), Some("2.25.1"));
        }
    }

    #[test]
    fn a_second_registry_change_is_added_to_the_first() {
        let (_, set, _) = reconcile(&object(None, b"OLD^Name"), EXPLICIT_LE, &registered("DURAND^Anne")).unwrap();
        let mut again = set.clone();
        again.put_octets(Tag(0x7FE0, 0x0010), VR::OW, vec![7; 64]);
        let (_, set, _) = reconcile(&again, EXPLICIT_LE, &registered("MARTIN^Anne")).unwrap();
        assert_eq!(set.items(ORIGINAL_ATTRIBUTES).len(), 2);
        check_original(&set, NAME, "DURAND^Anne");
    }

    #[test]
    fn names_are_written_in_the_files_character_set_or_utf_8_where_that_is_safe() {
        let patient = registered("MÜLLER^Zoë");
        let (_, set, bytes) = reconcile(&object(Some("ISO_IR 100"), b"OLD"), EXPLICIT_LE, &patient).unwrap();
        assert_eq!(set.text(NAME).as_deref(), Some("MÜLLER^Zoë"));
        assert!(bytes.windows(3).any(|w| w == b"M\xDCL"));
        let (_, set, _) = reconcile(&object(Some("ISO_IR 192"), b"OLD"), EXPLICIT_LE, &patient).unwrap();
        assert_eq!(set.text(NAME).as_deref(), Some("MÜLLER^Zoë"));
        let (_, set, _) = reconcile(&object(None, b"OLD"), EXPLICIT_LE, &patient).unwrap();
        assert_eq!(set.text(NAME).as_deref(), Some("MÜLLER^Zoë"));
        assert_eq!(set.text(CHARACTER_SET).as_deref(), Some("ISO_IR 192"));
    }

    #[test]
    fn a_file_whose_character_set_has_no_such_letters_stays_as_it_is() {
        let set = object(Some("ISO_IR 144"), b"\xB8\xD2\xD0\xDD\xDE\xD2");
        let error = reconcile(&set, EXPLICIT_LE, &registered("MÜLLER^Zoë")).unwrap_err();
        assert_eq!(error.to_string(), "the patient's name cannot be written in its character set ISO_IR 144");
    }
}
