//! Data sets of the invented objects: the modules that all kinds share (PS3.3 C.7), and one file per kind.

pub(crate) mod ct;
pub(crate) mod document;
pub(crate) mod mg;
pub(crate) mod mr;
pub(crate) mod projection;
pub(crate) mod us;

use crate::instances::Instance;
use crate::plan::{Code, SeriesPlan, StudyPlan};
use crate::{SynthError, phantom::Plane};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR, value::DataSetSequence};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

/// A data set under construction; value representations come from the dictionary.
pub(crate) struct DataSet(pub InMemDicomObject, Option<Pixels>);

/// Pixel data is kept beside the data set: the library would copy it octet by octet while it writes.
struct Pixels {
    vr: VR,
    bytes: Vec<u8>,
}

impl DataSet {
    pub(crate) fn new() -> DataSet {
        DataSet(InMemDicomObject::new_empty(), None)
    }

    fn vr(tag: Tag) -> VR {
        StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed())
    }

    /// A text or number string; several values are separated by backslashes.
    pub(crate) fn text(&mut self, tag: Tag, value: impl Into<String>) -> &mut DataSet {
        let value: String = value.into();
        let value = if value.is_empty() { PrimitiveValue::Empty } else { PrimitiveValue::from(value) };
        self.0.put(DataElement::new(tag, Self::vr(tag), value));
        self
    }

    /// A decimal string, at most 16 characters.
    pub(crate) fn decimals(&mut self, tag: Tag, values: &[f32]) -> &mut DataSet {
        let text: Vec<String> = values.iter().map(|value| decimal(*value)).collect();
        self.text(tag, text.join("\\"))
    }

    /// Unsigned 16-bit values.
    pub(crate) fn short(&mut self, tag: Tag, value: u16) -> &mut DataSet {
        self.0.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        self
    }

    /// Any primitive value with the dictionary's VR.
    pub(crate) fn value(&mut self, tag: Tag, value: PrimitiveValue) -> &mut DataSet {
        self.0.put(DataElement::new(tag, Self::vr(tag), value));
        self
    }

    /// A sequence; no items is an empty sequence.
    pub(crate) fn sequence(&mut self, tag: Tag, items: Vec<DataSet>) -> &mut DataSet {
        let items: Vec<InMemDicomObject> = items.into_iter().map(|item| item.0).collect();
        self.0.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
        self
    }

    /// A sequence of one code.
    pub(crate) fn code(&mut self, tag: Tag, code: Code) -> &mut DataSet {
        self.sequence(tag, vec![code_item(code)])
    }

    /// 8-bit or little-endian 16-bit pixels; only the whole object has them, an item of a sequence does not.
    pub(crate) fn pixels(&mut self, vr: VR, bytes: Vec<u8>) -> &mut DataSet {
        self.1 = Some(Pixels { vr, bytes });
        self
    }
}

/// At most 16 characters, no needless digits.
pub(crate) fn decimal(value: f32) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

/// A code sequence item.
pub(crate) fn code_item(code: Code) -> DataSet {
    let mut item = DataSet::new();
    item.text(tags::CODE_VALUE, code.value)
        .text(tags::CODING_SCHEME_DESIGNATOR, code.scheme)
        .text(tags::CODE_MEANING, code.meaning);
    item
}

/// `HHMMSS` some seconds later, not beyond the end of the day.
pub(crate) fn later(time: &str, seconds: u32) -> String {
    let number = |range: std::ops::Range<usize>| time.get(range).and_then(|t| t.parse::<u32>().ok()).unwrap_or(0);
    let total = (number(0..2) * 3600 + number(2..4) * 60 + number(4..6) + seconds).min(86_399);
    format!("{:02}{:02}{:02}", total / 3600, total / 60 % 60, total % 60)
}

/// Everything that one instance needs to know about where it stands.
pub(crate) struct Place<'a> {
    pub plan: &'a StudyPlan,
    pub series: &'a SeriesPlan,
    /// Index in the series, from 0.
    pub index: u32,
}

impl Place<'_> {
    pub(crate) fn uid(&self) -> String {
        self.plan.instance_uid(self.series, self.index)
    }

    /// Seconds after the study time at which this image was made.
    pub(crate) fn seconds(&self) -> u32 {
        60 * self.series.number.min(40) + self.index
    }

    /// Patient, study, series, equipment and SOP common modules.
    pub(crate) fn common(&self, sop_class: &str) -> DataSet {
        let (plan, series) = (self.plan, self.series);
        let person = plan.person();
        let series_time = later(plan.time, 60 * series.number.min(40));
        let made = later(plan.time, self.seconds() + 20);
        let mut set = DataSet::new();
        set.text(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192")
            .text(tags::INSTANCE_CREATION_DATE, plan.date)
            .text(tags::INSTANCE_CREATION_TIME, made)
            .text(tags::SOP_CLASS_UID, sop_class)
            .text(tags::SOP_INSTANCE_UID, self.uid())
            .text(tags::TIMEZONE_OFFSET_FROM_UTC, plan.utc_offset())
            // Patient
            .text(tags::PATIENT_NAME, plan.object_name())
            .text(tags::PATIENT_ID, plan.object_id())
            .text(tags::PATIENT_BIRTH_DATE, person.map_or("", |p| p.birth_date))
            .text(tags::PATIENT_SEX, person.map_or("", |p| p.sex))
            // Study
            .text(tags::STUDY_DATE, plan.date)
            .text(tags::STUDY_TIME, plan.time)
            .text(tags::ACCESSION_NUMBER, plan.accession.as_str())
            .text(tags::REFERRING_PHYSICIAN_NAME, plan.referring)
            .text(tags::STUDY_DESCRIPTION, plan.description)
            .code(tags::PROCEDURE_CODE_SEQUENCE, plan.procedure)
            .text(tags::STUDY_INSTANCE_UID, plan.study_uid.as_str())
            .text(tags::STUDY_ID, plan.procedure_id.as_str())
            // Series
            .text(tags::MODALITY, series.modality)
            .text(tags::SERIES_INSTANCE_UID, series.uid.as_str())
            .text(tags::SERIES_NUMBER, series.number.to_string())
            .text(tags::SERIES_DATE, plan.date)
            .text(tags::SERIES_TIME, series_time)
            .text(tags::SERIES_DESCRIPTION, series.description.as_str())
            .text(tags::INSTANCE_NUMBER, (self.index + 1).to_string())
            // Equipment
            .text(tags::MANUFACTURER, "Manifold Invented Devices")
            .text(tags::INSTITUTION_NAME, plan.hospital.institution())
            .text(tags::INSTITUTION_ADDRESS, plan.hospital.address())
            .text(tags::STATION_NAME, plan.calling_ae)
            .text(tags::MANUFACTURER_MODEL_NAME, format!("Phantom {}", series.modality))
            .text(tags::DEVICE_SERIAL_NUMBER, format!("{}-0001", plan.calling_ae))
            .text(tags::SOFTWARE_VERSIONS, "1");
        if let Some(age) = self.age() {
            set.text(tags::PATIENT_AGE, age);
        }
        set
    }

    fn age(&self) -> Option<String> {
        let born: u32 = self.plan.person()?.birth_date.parse().ok()?;
        let today: u32 = self.plan.date.parse().ok()?;
        Some(format!("{:03}Y", today.checked_sub(born)? / 10_000))
    }

    /// What all images add: acquisition and content time, the request they answer.
    pub(crate) fn image(&self, sop_class: &str, image_type: &str) -> DataSet {
        let plan = self.plan;
        let time = later(plan.time, self.seconds());
        let mut set = self.common(sop_class);
        let mut request = DataSet::new();
        request
            .text(tags::ACCESSION_NUMBER, plan.accession.as_str())
            .text(tags::STUDY_INSTANCE_UID, plan.study_uid.as_str())
            .text(tags::REQUESTED_PROCEDURE_DESCRIPTION, plan.description)
            .code(tags::REQUESTED_PROCEDURE_CODE_SEQUENCE, plan.procedure)
            .text(tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION, plan.description)
            .text(tags::SCHEDULED_PROCEDURE_STEP_ID, format!("S{}", plan.procedure_id))
            .text(tags::REQUESTED_PROCEDURE_ID, plan.procedure_id.as_str());
        set.text(tags::IMAGE_TYPE, image_type)
            .text(tags::ACQUISITION_DATE, plan.date)
            .text(tags::ACQUISITION_TIME, time.as_str())
            .text(tags::CONTENT_DATE, plan.date)
            .text(tags::CONTENT_TIME, time)
            .sequence(tags::REQUEST_ATTRIBUTES_SEQUENCE, vec![request])
            .text(tags::PERFORMED_PROCEDURE_STEP_START_DATE, plan.date)
            .text(tags::PERFORMED_PROCEDURE_STEP_START_TIME, plan.time)
            .text(tags::PERFORMED_PROCEDURE_STEP_ID, format!("S{}", plan.procedure_id))
            .text(tags::PERFORMED_PROCEDURE_STEP_DESCRIPTION, plan.description)
            .text(tags::PROTOCOL_NAME, self.series.description.as_str())
            .text(tags::BODY_PART_EXAMINED, plan.body_part)
            .text(tags::ACQUISITION_NUMBER, "1")
            .text(tags::LOSSY_IMAGE_COMPRESSION, "00");
        set
    }

    /// Frame of reference and image plane modules.
    pub(crate) fn plane(&self, set: &mut DataSet, plane: &Plane, thickness: f32, location: f32) {
        let [r, c] = [plane.along_row, plane.down_column];
        set.text(tags::FRAME_OF_REFERENCE_UID, crate::uid(&format!("frame/{}", self.plan.key)))
            .text(tags::POSITION_REFERENCE_INDICATOR, "")
            .text(tags::PATIENT_POSITION, "HFS")
            .decimals(tags::IMAGE_POSITION_PATIENT, &plane.origin)
            .decimals(tags::IMAGE_ORIENTATION_PATIENT, &[r[0], r[1], r[2], c[0], c[1], c[2]])
            .decimals(tags::PIXEL_SPACING, &[plane.pixel, plane.pixel])
            .decimals(tags::SLICE_THICKNESS, &[thickness])
            .decimals(tags::SLICE_LOCATION, &[location]);
    }
}

/// Image pixel module without the pixels, for grey images.
pub(crate) fn grey(set: &mut DataSet, rows: usize, columns: usize, bits: (u16, u16), signed: bool, photometric: &str) {
    set.short(tags::SAMPLES_PER_PIXEL, 1)
        .text(tags::PHOTOMETRIC_INTERPRETATION, photometric)
        .short(tags::ROWS, rows as u16)
        .short(tags::COLUMNS, columns as u16)
        .short(tags::BITS_ALLOCATED, bits.0)
        .short(tags::BITS_STORED, bits.1)
        .short(tags::HIGH_BIT, bits.1 - 1)
        .short(tags::PIXEL_REPRESENTATION, u16::from(signed));
}

/// Writes the data set as a DICOM file (PS3.10), Explicit VR Little Endian.
pub(crate) fn finish(set: DataSet, sop_class: &'static str, uid: String) -> Result<Instance, SynthError> {
    let failed = |cause: String| SynthError::Object(cause);
    let object = set
        .0
        .with_meta(
            FileMetaTableBuilder::new()
                .media_storage_sop_class_uid(sop_class)
                .media_storage_sop_instance_uid(uid.as_str())
                .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
                .implementation_class_uid(crate::uid("implementation/synth"))
                .implementation_version_name("MANIFOLD_SYNTH"),
        )
        .map_err(|cause| failed(cause.to_string()))?;
    let pixels = set.1;
    let mut bytes = Vec::with_capacity(pixels.as_ref().map_or(0, |pixels| pixels.bytes.len()) + 8192);
    object.write_all(&mut bytes).map_err(|cause| failed(cause.to_string()))?;
    // Pixel Data (7FE0,0010) is the last element of every image; explicit VR, length in 32 bits, even (PS3.5 7.1.2).
    if let Some(Pixels { vr, bytes: pixels }) = pixels {
        let padding = pixels.len() % 2;
        let length = u32::try_from(pixels.len() + padding).map_err(|cause| failed(cause.to_string()))?;
        bytes.extend_from_slice(&[0xe0, 0x7f, 0x10, 0x00]);
        bytes.extend_from_slice(&vr.to_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&pixels);
        bytes.resize(bytes.len() + padding, 0);
    }
    Ok(Instance { uid, sop_class, transfer_syntax: uids::EXPLICIT_VR_LITTLE_ENDIAN, bytes })
}

/// 16-bit values as little-endian bytes.
pub(crate) fn little_endian(values: impl Iterator<Item = u16>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * values.size_hint().0);
    values.for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_strings_are_short_and_exact_enough() {
        assert_eq!(decimal(0.7421875), "0.7422");
        assert_eq!(decimal(-165.0), "-165");
        assert_eq!(decimal(-0.00001), "0");
        assert!(decimal(-1234.5679).len() <= 16);
    }

    #[test]
    fn times_move_forward_within_the_day() {
        assert_eq!(later("101503", 60), "101603");
        assert_eq!(later("235959", 60), "235959");
    }
}
