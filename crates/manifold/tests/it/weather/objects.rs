//! Small DICOM objects made in code, good ones and such as no sane modality sends.

use dicom::{DataSet, Tag, VR, tags};

pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";

/// An object as a modality sends it: its identity and the data set in Explicit VR Little Endian.
#[derive(Clone)]
pub struct Object {
    pub study: String,
    pub uid: String,
    pub data_set: Vec<u8>,
}

/// What tells one object from another.
pub struct Plan<'a> {
    /// Absent: the object names no patient.
    pub patient: Option<&'a str>,
    pub study: &'a str,
    pub series: &'a str,
    pub uid: &'a str,
    pub number: u32,
}

/// A CT slice of 8 x 8 pixels; the pixels follow from the UID.
pub fn slice(plan: &Plan) -> Object {
    Object { study: plan.study.to_owned(), uid: plan.uid.to_owned(), data_set: data_set(plan).encode_explicit_le() }
}

pub fn data_set(plan: &Plan) -> DataSet {
    let mut set = DataSet::new();
    set.put_text(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192");
    set.put_text(tags::SOP_CLASS_UID, CT);
    set.put_text(tags::SOP_INSTANCE_UID, plan.uid);
    set.put_text(tags::STUDY_DATE, "20260301");
    set.put_text(tags::STUDY_TIME, "101500");
    set.put_text(tags::ACCESSION_NUMBER, "W0001");
    set.put_text(tags::MODALITY, "CT");
    set.put_text(tags::STUDY_DESCRIPTION, "CT in bad weather");
    set.put_text(tags::PATIENT_NAME, "WEATHER^Bad");
    if let Some(patient) = plan.patient {
        set.put_text(tags::PATIENT_ID, patient);
    }
    set.put_text(tags::STUDY_INSTANCE_UID, plan.study);
    set.put_text(tags::SERIES_INSTANCE_UID, plan.series);
    set.put_text(tags::STUDY_ID, "1");
    set.put_text(tags::SERIES_NUMBER, "1");
    set.put_text(tags::INSTANCE_NUMBER, &plan.number.to_string());
    set.put_u16(tags::SAMPLES_PER_PIXEL, 1);
    set.put_text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    set.put_u16(tags::ROWS, 8);
    set.put_u16(tags::COLUMNS, 8);
    set.put_u16(tags::BITS_ALLOCATED, 16);
    set.put_u16(tags::BITS_STORED, 12);
    set.put_u16(tags::HIGH_BIT, 11);
    set.put_u16(tags::PIXEL_REPRESENTATION, 0);
    set.put_octets(tags::PIXEL_DATA, VR::OW, pixels(plan.uid));
    set
}

fn pixels(uid: &str) -> Vec<u8> {
    let octets = uid.as_bytes();
    (0..64).flat_map(|n| [octets[n % octets.len()], (n % 16) as u8]).collect()
}

/// A study of `count` slices; all UIDs follow from `key`.
pub fn study(key: &str, patient: Option<&str>, count: u32) -> Vec<Object> {
    (1..=count).map(|number| member(key, patient, number)).collect()
}

/// The slice of that number of [`study`].
pub fn member(key: &str, patient: Option<&str>, number: u32) -> Object {
    slice(&Plan {
        patient,
        study: &study_uid(key),
        series: &synth::uid(&format!("weather/series/{key}")),
        uid: &synth::uid(&format!("weather/instance/{key}/{number}")),
        number,
    })
}

pub fn study_uid(key: &str) -> String {
    synth::uid(&format!("weather/study/{key}"))
}

/// The identifying elements of an object and then `tail`, which may be anything.
pub fn with_tail(uid: &str, tail: &[u8]) -> Object {
    let mut set = DataSet::new();
    set.put_text(tags::SOP_CLASS_UID, CT);
    set.put_text(tags::SOP_INSTANCE_UID, uid);
    set.put_text(tags::PATIENT_ID, "P0001");
    let study = synth::uid(&format!("{uid}/study"));
    set.put_text(tags::STUDY_INSTANCE_UID, &study);
    set.put_text(tags::SERIES_INSTANCE_UID, &synth::uid(&format!("{uid}/series")));
    let mut octets = set.encode_explicit_le();
    octets.extend_from_slice(tail);
    Object { study, uid: uid.to_owned(), data_set: octets }
}

/// A sequence in a sequence in a sequence, `depth` deep, all of undefined length and all closed.
pub fn nested(depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..depth {
        out.extend_from_slice(&head(tags::CONTENT_SEQUENCE, b"SQ", u32::MAX));
        out.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
    for _ in 0..depth {
        out.extend_from_slice(&[0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0]);
        out.extend_from_slice(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    }
    out
}

/// The head of an explicit little endian element of a long VR that claims a length.
pub fn head(tag: Tag, vr: &[u8; 2], length: u32) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&tag.0.to_le_bytes());
    out.extend_from_slice(&tag.1.to_le_bytes());
    out.extend_from_slice(vr);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&length.to_le_bytes());
    out
}
