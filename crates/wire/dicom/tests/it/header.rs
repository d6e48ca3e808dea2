//! Headers for the index.

use std::io::Cursor;

use dicom::header::{Code, Header};
use dicom::{part10, tags};

use crate::make;

#[test]
fn a_header_has_what_the_index_needs_and_debug_hides_the_patient() {
    let header = Header::read(Cursor::new(part10::encode(&make::ct()))).unwrap();
    assert_eq!(header.study_instance_uid, "2.25.1.1");
    assert_eq!(header.patient.name.as_deref(), Some("Müller^Änne"));
    assert_eq!(header.patient.issuer.oid(), Some("2.999.7"));
    assert_eq!(header.requests[0].placer_order_number.as_deref(), Some("PLC-1"));
    assert_eq!(header.requests[0].accession_issuer.oid(), Some("2.999.1.2.3"));
    assert_eq!(
        header.procedure_codes,
        [Code { value: "169069000".into(), scheme: "SCT".into(), meaning: "CT of chest".into() }]
    );
    assert_eq!((header.series_number, header.instance_number), (Some(3), Some(7)));
    assert_eq!((header.rows, header.bits_stored, header.number_of_frames), (Some(4), Some(12), Some(1)));
    let shown = format!("{header:?} {:?}", header.requests);
    for hidden in ["ller", "P0001", "ACC-1", "PLC-1"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn uids_are_trimmed_of_spaces_and_keep_leading_zeros() {
    // B-012
    let mut set = make::ct();
    set.put_octets(tags::STUDY_INSTANCE_UID, dicom::VR::UI, *b"2.25.1055.05453119 ");
    let header = Header::from_slice(&part10::encode(&set)).unwrap();
    assert_eq!(header.study_instance_uid, "2.25.1055.05453119");
}

#[test]
fn a_slice_that_ends_within_pixel_data_is_enough() {
    let file = part10::encode(&make::ct());
    assert_eq!(Header::from_slice(&file[..file.len() - 20]).unwrap().sop_instance_uid, "2.25.1.3");
}

#[test]
fn a_header_says_which_character_set_was_assumed() {
    // B-023
    for (term, name, assumed) in [
        ("ISO_IR 192", "Müller^Änne".as_bytes(), None),
        ("ISO IR 192", "Müller^Änne".as_bytes(), Some("ISO_IR 192")),
        ("ISO_IR 100", "Müller^Änne".as_bytes(), Some("ISO_IR 192")),
        ("ISO_IR 192", b"M\xFCller^\xC4nne", Some("ISO_IR 100")),
        ("iso_ir 100", b"M\xFCller^\xC4nne", Some("ISO_IR 100")),
        ("ISO 2022 IR 6, IS", b"M\xFCller^\xC4nne", Some("ISO_IR 100")),
    ] {
        let mut set = make::ct();
        set.put_text(tags::STUDY_DESCRIPTION, "CT");
        set.put_text(tags::SPECIFIC_CHARACTER_SET, term);
        set.put_octets(tags::PATIENT_NAME, dicom::VR::PN, name);
        let header = Header::from_slice(&part10::encode(&set)).unwrap();
        assert_eq!(header.patient.name.as_deref(), Some("Müller^Änne"), "{term}");
        assert_eq!(header.character_set_assumed.is_some(), assumed.is_some(), "{term}");
    }
}
