//! DICOM files: preamble, `DICM` and the file meta group. PS3.10 section 7.

use dicom_core::{Tag, VR};

use crate::dataset::DataSet;
use crate::error::{DecodeError, Problem};
use crate::scan::{Limits, Slice, Source, Token, Walker};
use crate::transfer_syntaxes::Encoding;
use crate::uid;

/// Our implementation class UID.
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.190146760391483735946186273440293177645";
/// Our implementation version name, at most 16 characters.
pub const IMPLEMENTATION_VERSION_NAME: &str = "MANIFOLD_0_1";

/// The attributes of a file meta group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileMeta {
    /// (0002,0002) Media Storage SOP Class UID.
    pub sop_class_uid: String,
    /// (0002,0003) Media Storage SOP Instance UID.
    pub sop_instance_uid: String,
    /// (0002,0010) Transfer Syntax UID.
    pub transfer_syntax_uid: String,
    /// (0002,0012) Implementation Class UID.
    pub implementation_class_uid: Option<String>,
    /// (0002,0013) Implementation Version Name.
    pub implementation_version_name: Option<String>,
    /// (0002,0016) Source Application Entity Title.
    pub source_ae_title: Option<String>,
}

/// Preamble, prefix and file meta group for a data set that came without: prepend them to the octets as received.
pub fn file_meta(
    sop_class_uid: &str,
    sop_instance_uid: &str,
    transfer_syntax_uid: &str,
    source_ae_title: Option<&str>,
) -> Vec<u8> {
    let mut group = DataSet::new();
    group.put_octets(Tag(0x0002, 0x0001), VR::OB, [0, 1]);
    group.put_octets(Tag(0x0002, 0x0002), VR::UI, sop_class_uid);
    group.put_octets(Tag(0x0002, 0x0003), VR::UI, sop_instance_uid);
    group.put_octets(Tag(0x0002, 0x0010), VR::UI, transfer_syntax_uid);
    group.put_octets(Tag(0x0002, 0x0012), VR::UI, IMPLEMENTATION_CLASS_UID);
    group.put_octets(Tag(0x0002, 0x0013), VR::SH, IMPLEMENTATION_VERSION_NAME);
    if let Some(title) = source_ae_title.filter(|title| !title.is_empty()) {
        group.put_octets(Tag(0x0002, 0x0016), VR::AE, title);
    }
    let body = group.encode_explicit_le();
    let mut out = Vec::with_capacity(144 + body.len());
    out.resize(128, 0);
    out.extend_from_slice(b"DICM");
    let mut length = DataSet::new();
    length.put_u32(Tag(0x0002, 0x0000), body.len() as u32);
    out.extend_from_slice(&length.encode_explicit_le());
    out.extend_from_slice(&body);
    out
}

/// A whole file in Explicit VR Little Endian; SOP class and instance are taken from (0008,0016) and (0008,0018).
pub fn encode(data_set: &DataSet) -> Vec<u8> {
    encode_as(data_set, crate::transfer_syntaxes::EXPLICIT_LE)
}

/// A whole file whose pixel data, if any, already is in the given transfer syntax.
///
/// Only syntaxes in little endian without deflation can be written; the data set is explicit unless it is Implicit VR LE.
pub fn encode_as(data_set: &DataSet, transfer_syntax_uid: &str) -> Vec<u8> {
    let class = data_set.uid(Tag(0x0008, 0x0016)).unwrap_or_default();
    let instance = data_set.uid(Tag(0x0008, 0x0018)).unwrap_or_default();
    let mut out = file_meta(&class, &instance, transfer_syntax_uid, None);
    if transfer_syntax_uid == crate::transfer_syntaxes::IMPLICIT_LE {
        out.extend_from_slice(&data_set.encode_implicit_le());
    } else {
        out.extend_from_slice(&data_set.encode_explicit_le());
    }
    out
}

/// Reads preamble and file meta group at the begin of a file; the octets after `head` are not needed unless the group is
/// longer. Shape: the attributes and the offset at which the data set begins.
///
/// Errors: no DICOM file, a broken group, no transfer syntax.
pub fn file_meta_of(head: &[u8]) -> Result<(FileMeta, usize), DecodeError> {
    let (meta, start) = read_meta(&mut Slice(head))?;
    Ok((meta, usize::try_from(start).unwrap_or(head.len()).min(head.len())))
}

/// Reads preamble and file meta group: the attributes and the offset at which the data set begins.
///
/// The group length is not trusted: writers get it wrong, so the group ends where another group begins.
pub(crate) fn read_meta<S: Source>(source: &mut S) -> Result<(FileMeta, u64), DecodeError> {
    if !source.holds(132)? {
        return Err(DecodeError::NotDicom(format!(
            "expected a 128-octet preamble and DICM, got {} octets",
            source.known_len()
        )));
    }
    if source.octets(128, 4)? != b"DICM" {
        return Err(DecodeError::NotDicom("expected DICM at offset 128, got something else".into()));
    }
    let limits = Limits { elements: 64, value_octets: 1024, depth: 1, ..Limits::default() };
    let mut meta = FileMeta::default();
    let mut walker = Walker::new(&mut *source, 132, Encoding::EXPLICIT_LE, limits);
    while let Some(tag) = walker.peek_top_tag()? {
        if tag.0 != 2 {
            break;
        }
        match walker.next_token()? {
            Some(Token::Element { tag, offset, length, .. }) => {
                let field = match tag.1 {
                    0x0002 => &mut meta.sop_class_uid,
                    0x0003 => &mut meta.sop_instance_uid,
                    0x0010 => &mut meta.transfer_syntax_uid,
                    0x0012 => meta.implementation_class_uid.get_or_insert_default(),
                    0x0013 => meta.implementation_version_name.get_or_insert_default(),
                    0x0016 => meta.source_ae_title.get_or_insert_default(),
                    _ => continue,
                };
                let value = walker.value(offset, length)?;
                *field = uid::trim(&String::from_utf8_lossy(value)).to_owned();
            }
            Some(_) => {
                return Err(DecodeError::Structure {
                    path: crate::error::TagText(tag).to_string(),
                    offset: walker.position(),
                    problem: Problem::UndefinedLength,
                });
            }
            None => break,
        }
    }
    let start = walker.position();
    if meta.transfer_syntax_uid.is_empty() {
        return Err(DecodeError::NoTransferSyntax);
    }
    Ok((meta, start))
}
