//! Bytes from outside to a data set, within limits, in whatever encoding a writer chose. PS3.10 section 7; spec/dicom.md
//! section 10 (Implicit VR LE, deflated, no preamble, no group 2).

use dicom_core::VR;

use super::decode::DecodeError;
use super::finding::Findings;
use crate::scan::{Keep, Options, scan_slice};
use crate::sop_classes::KEY_OBJECT_SELECTION;
use crate::transfer_syntaxes::{EXPLICIT_LE, Encoding};
use crate::{DataSet, Limits, dataset, tags};

/// Longest object that is read.
pub const MOST_OCTETS: usize = 64 << 20;

/// Bounds of the reader: room for the 200 000 references that spec/dicom.md section 10 asks for, and no more.
const LIMITS: Limits = Limits {
    depth: 64,
    elements: 3_000_000,
    fragments: 16,
    value_octets: 1 << 20,
    kept_octets: 160 << 20,
    inflated_octets: MOST_OCTETS as u64,
};

/// Reads a key object selection of any transfer syntax.
///
/// Errors: too long, broken encoding, or another SOP class.
pub(super) fn open(bytes: &[u8], findings: &mut Findings) -> Result<DataSet, DecodeError> {
    if bytes.len() > MOST_OCTETS {
        return Err(DecodeError::TooLong { octets: bytes.len() });
    }
    let set = if bytes.get(128..132) == Some(b"DICM") {
        file(bytes, findings)?
    } else if bytes.starts_with(&[2, 0]) {
        findings.add_file("must begin with a preamble of 128 octets and DICM");
        let mut whole = Vec::with_capacity(bytes.len() + 132);
        whole.resize(128, 0);
        whole.extend_from_slice(b"DICM");
        whole.extend_from_slice(bytes);
        file(&whole, findings)?
    } else {
        bare(bytes, findings)?
    };
    let class = set.uid(tags::SOP_CLASS_UID).unwrap_or_default();
    if class != KEY_OBJECT_SELECTION {
        return Err(DecodeError::NotAKeyObjectSelection { sop_class: class.chars().take(64).collect() });
    }
    Ok(set)
}

fn file(bytes: &[u8], findings: &mut Findings) -> Result<DataSet, DecodeError> {
    let options = Options { limits: LIMITS, keep: Keep::Everything, header_only: false };
    let mut scan = scan_slice(bytes, &options)?;
    if scan.transfer_syntax_uid() != EXPLICIT_LE {
        let rule = "should be Explicit VR Little Endian, 1.2.840.10008.1.2.1";
        findings.warning(&[tags::TRANSFER_SYNTAX_UID], rule, scan.transfer_syntax_uid());
    }
    for (meta, own, tag) in [
        (&scan.meta.sop_class_uid, tags::SOP_CLASS_UID, tags::MEDIA_STORAGE_SOP_CLASS_UID),
        (&scan.meta.sop_instance_uid, tags::SOP_INSTANCE_UID, tags::MEDIA_STORAGE_SOP_INSTANCE_UID),
    ] {
        match scan.data_set.uid(own) {
            Some(uid) if uid != *meta => findings.error(&[tag], format!("must equal {uid} of the data set"), meta),
            Some(_) => {}
            None => scan.data_set.put_octets(own, VR::UI, meta.as_bytes()),
        }
    }
    Ok(scan.data_set)
}

/// A data set without file meta group: explicit if two capital letters stand where a VR would.
fn bare(bytes: &[u8], findings: &mut Findings) -> Result<DataSet, DecodeError> {
    let Some(head) = bytes.first_chunk::<8>() else {
        return Err(
            crate::DecodeError::NotDicom(format!("expected a file or data set, got {} octets", bytes.len())).into()
        );
    };
    // Only a data set that begins with group 0008 is taken for one; anything could be guessed from other bytes.
    if head[..2] != [8, 0] {
        return Err(crate::DecodeError::NotDicom("expected DICM at offset 128, got something else".into()).into());
    }
    let explicit = VR::from_binary([head[4], head[5]]).is_some();
    let set = dataset::decode_with(bytes, Encoding { explicit, big_endian: false }, LIMITS)?;
    findings.add_file("must begin with a preamble, DICM and a file meta group");
    Ok(set)
}
