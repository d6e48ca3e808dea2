//! Small objects made in code: data sets, files, and elements written by hand where a builder would refuse.

use dicom::{DataSet, Tag, VR, part10, tags};

/// A CT slice of 4 x 4 pixels of 16 bits.
pub fn ct() -> DataSet {
    let mut set = DataSet::new();
    set.put_text(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192");
    set.put_text(tags::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2");
    set.put_text(tags::SOP_INSTANCE_UID, "2.25.1.3");
    set.put_text(tags::STUDY_DATE, "20250603");
    set.put_text(tags::ACCESSION_NUMBER, "ACC-1");
    set.put_text(tags::MODALITY, "CT");
    set.put_text(tags::STUDY_DESCRIPTION, "CT Schädel");
    set.put_text(tags::PATIENT_NAME, "Müller^Änne");
    set.put_text(tags::PATIENT_ID, "P0001");
    set.put_text(tags::STUDY_INSTANCE_UID, "2.25.1.1");
    set.put_text(tags::SERIES_INSTANCE_UID, "2.25.1.2");
    set.put_text(tags::SERIES_NUMBER, "3");
    set.put_text(tags::INSTANCE_NUMBER, "7");
    set.put_items(tags::PROCEDURE_CODE_SEQUENCE, vec![code("169069000", "SCT", "CT of chest")]);
    let mut request = DataSet::new();
    request.put_text(tags::ACCESSION_NUMBER, "ACC-1");
    request.put_items(tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, vec![issuer("2.999.1.2.3")]);
    request.put_text(tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST, "PLC-1");
    set.put_items(tags::REQUEST_ATTRIBUTES_SEQUENCE, vec![request]);
    set.put_items(tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, vec![issuer("2.999.7")]);
    set.put_u16(tags::SAMPLES_PER_PIXEL, 1);
    set.put_text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    set.put_u16(tags::ROWS, 4);
    set.put_u16(tags::COLUMNS, 4);
    set.put_u16(tags::BITS_ALLOCATED, 16);
    set.put_u16(tags::BITS_STORED, 12);
    set.put_u16(tags::HIGH_BIT, 11);
    set.put_u16(tags::PIXEL_REPRESENTATION, 0);
    set.put_octets(tags::PIXEL_DATA, VR::OW, (0..32).collect::<Vec<u8>>());
    set
}

pub fn code(value: &str, scheme: &str, meaning: &str) -> DataSet {
    let mut item = DataSet::new();
    item.put_text(tags::CODE_VALUE, value);
    item.put_text(tags::CODING_SCHEME_DESIGNATOR, scheme);
    item.put_text(tags::CODE_MEANING, meaning);
    item
}

pub fn issuer(oid: &str) -> DataSet {
    let mut item = DataSet::new();
    item.put_text(tags::UNIVERSAL_ENTITY_ID, oid);
    item.put_text(tags::UNIVERSAL_ENTITY_ID_TYPE, "ISO");
    item
}

/// Meta group and the given octets as data set.
pub fn file(transfer_syntax_uid: &str, data_set: &[u8]) -> Vec<u8> {
    let mut out = part10::file_meta("1.2.840.10008.5.1.4.1.1.2", "2.25.1.3", transfer_syntax_uid, Some("CT1"));
    out.extend_from_slice(data_set);
    out
}

/// An explicit little endian element with a length of the caller's choice.
pub fn element(tag: Tag, vr: &str, length: u32, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&tag.0.to_le_bytes());
    out.extend_from_slice(&tag.1.to_le_bytes());
    out.extend_from_slice(vr.as_bytes());
    if matches!(vr, "OB" | "OW" | "SQ" | "UN" | "UT") {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&length.to_le_bytes());
    } else {
        out.extend_from_slice(&(length as u16).to_le_bytes());
    }
    out.extend_from_slice(value);
    out
}

pub fn item(length: u32, value: &[u8]) -> Vec<u8> {
    let mut out = vec![0xFE, 0xFF, 0x00, 0xE0];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(value);
    out
}

pub const ITEM_END: [u8; 8] = [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0];
pub const SEQUENCE_END: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
