//! Makes small objects and reads pictures back.

use dicom_core::{DataElement, PrimitiveValue, Tag, VR, value::DataSetSequence};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use viewer::{Format, RenderRequest, Rendered, Source};

/// An object under construction: a 16-bit unsigned MONOCHROME2 image unless changed.
pub struct Made {
    set: InMemDicomObject,
}

impl Made {
    pub fn grey16(rows: u16, columns: u16, pixels: &[u16]) -> Made {
        let bytes: Vec<u8> = pixels.iter().flat_map(|value| value.to_le_bytes()).collect();
        Made::image(rows, columns, 16, "MONOCHROME2", 1).pixels(VR::OW, bytes)
    }

    pub fn image(rows: u16, columns: u16, bits: u16, photometric: &str, samples: u16) -> Made {
        let made = Made { set: InMemDicomObject::new_empty() };
        made.text(tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
            .text(tags::SOP_INSTANCE_UID, VR::UI, "2.25.1")
            .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric)
            .us(tags::SAMPLES_PER_PIXEL, samples)
            .us(tags::ROWS, rows)
            .us(tags::COLUMNS, columns)
            .us(tags::BITS_ALLOCATED, bits)
            .us(tags::BITS_STORED, bits)
            .us(tags::HIGH_BIT, bits - 1)
            .us(tags::PIXEL_REPRESENTATION, 0)
    }

    pub fn us(mut self, tag: Tag, value: u16) -> Made {
        self.set.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        self
    }

    pub fn ss(mut self, tag: Tag, value: i16) -> Made {
        self.set.put(DataElement::new(tag, VR::SS, PrimitiveValue::from(value)));
        self
    }

    pub fn text(mut self, tag: Tag, vr: VR, value: &str) -> Made {
        self.set.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        self
    }

    pub fn words(mut self, tag: Tag, vr: VR, values: &[u16]) -> Made {
        self.set.put(DataElement::new(tag, vr, PrimitiveValue::U16(values.into())));
        self
    }

    pub fn value(mut self, tag: Tag, vr: VR, value: PrimitiveValue) -> Made {
        self.set.put(DataElement::new(tag, vr, value));
        self
    }

    pub fn item(mut self, tag: Tag, item: Made) -> Made {
        self.set.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(vec![item.set])));
        self
    }

    pub fn items(mut self, tag: Tag, items: Vec<Made>) -> Made {
        let items: Vec<InMemDicomObject> = items.into_iter().map(|item| item.set).collect();
        self.set.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
        self
    }

    pub fn pixels(mut self, vr: VR, bytes: Vec<u8>) -> Made {
        self.set.put(DataElement::new(tags::PIXEL_DATA, vr, PrimitiveValue::from(bytes)));
        self
    }

    pub fn empty() -> Made {
        Made { set: InMemDicomObject::new_empty() }
    }

    pub fn file(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.set
            .with_meta(
                FileMetaTableBuilder::new()
                    .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
                    .media_storage_sop_class_uid(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
                    .media_storage_sop_instance_uid("2.25.1"),
            )
            .unwrap()
            .write_all(&mut bytes)
            .unwrap();
        bytes
    }
}

pub fn png(request: RenderRequest) -> RenderRequest {
    RenderRequest { format: Format::Png, ..request }
}

/// Renders frame 1 as PNG and gives its samples.
pub fn samples(file: &[u8], request: RenderRequest) -> Vec<u8> {
    decoded(&viewer::render(Source::Bytes(file), 1, &png(request)).unwrap())
}

/// The samples of a PNG picture.
pub fn decoded(picture: &Rendered) -> Vec<u8> {
    assert_eq!(picture.mime, "image/png");
    let decoder = png::Decoder::new(std::io::Cursor::new(&picture.bytes));
    let mut reader = decoder.read_info().unwrap();
    let mut out = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut out).unwrap();
    assert_eq!((info.width, info.height), (picture.width, picture.height));
    out.truncate(info.buffer_size());
    out
}
