//! The pre-scan: what it finds, and that hostile input fails fast with the place and the rule.

use std::io::{Cursor, Read, Seek, SeekFrom};

use dicom::dataset;
use dicom::error::Problem;
use dicom::scan::{Keep, Layout, Options, scan_reader, scan_slice};
use dicom::transfer_syntaxes::{DEFLATED_LE, EXPLICIT_LE, Encoding, IMPLICIT_LE, JPEG_LOSSLESS_SV1};
use dicom::{DataSet, DecodeError, Tag, VR, part10, tags};
use proptest::prelude::*;

use crate::make;

fn problem(octets: &[u8]) -> (String, Problem) {
    let from_slice = scan_slice(octets, &Options::default()).unwrap_err();
    let from_reader = scan_reader(Cursor::new(octets), &Options::default()).unwrap_err();
    assert_eq!(from_slice.to_string(), from_reader.to_string());
    match from_slice {
        DecodeError::Structure { path, problem, .. } => (path, problem),
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_is_found_with_its_identifiers_and_pixels_in_every_native_encoding() {
    let set = make::ct();
    for (syntax, body) in [
        (EXPLICIT_LE, set.encode_explicit_le()),
        (IMPLICIT_LE, set.encode_implicit_le()),
        (DEFLATED_LE, deflate(&set.encode_explicit_le())),
    ] {
        let file = make::file(syntax, &body);
        let scan = scan_reader(Cursor::new(&file), &Options { keep: Keep::Everything, ..Options::default() }).unwrap();
        assert_eq!(scan.transfer_syntax_uid(), syntax);
        assert_eq!(scan.sop_class_uid().as_deref(), Some("1.2.840.10008.5.1.4.1.1.2"));
        assert_eq!(scan.sop_instance_uid().as_deref(), Some("2.25.1.3"));
        assert_eq!(scan.meta.source_ae_title.as_deref(), Some("CT1"));
        assert_eq!(scan.data_set.text(tags::PATIENT_NAME).as_deref(), Some("Müller^Änne"));
        let Layout::Native { offset, length } = scan.pixels.unwrap().layout else { panic!("native expected") };
        assert_eq!(length, 32);
        if !scan.deflated {
            assert_eq!(file[offset as usize..][..32], (0..32).collect::<Vec<u8>>());
        }
    }
}

fn deflate(octets: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(octets).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_deflate_bomb_stops_at_the_limit() {
    let mut set = make::ct();
    set.put_octets(tags::PIXEL_DATA, VR::OW, vec![0; 8 << 20]);
    let file = make::file(DEFLATED_LE, &deflate(&set.encode_explicit_le()));
    let mut options = Options::default();
    options.limits.inflated_octets = 1 << 20;
    let error = scan_slice(&file, &options).unwrap_err().to_string();
    assert!(error.contains("grows beyond 1048576 octets"), "{error}");
}

/// A file of any length whose end is zeros that nobody stored; counts what is read of it.
struct Vast {
    head: Vec<u8>,
    length: u64,
    position: u64,
    read: u64,
}

impl Read for Vast {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = (self.length - self.position).min(out.len() as u64) as usize;
        for (at, octet) in (self.position..).zip(&mut out[..count]) {
            *octet = self.head.get(at as usize).copied().unwrap_or(0);
        }
        self.position += count as u64;
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Vast {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.length.saturating_add_signed(by),
            SeekFrom::Current(by) => self.position.saturating_add_signed(by),
        };
        Ok(self.position)
    }
}

#[test]
fn four_gigabytes_of_pixels_are_skipped_and_not_read() {
    let mut set = make::ct();
    set.remove(tags::PIXEL_DATA);
    let mut head = part10::encode(&set);
    head.extend(make::element(tags::PIXEL_DATA, "OW", 0xFFFF_FFF0, &[]));
    let length = head.len() as u64 + 0xFFFF_FFF0;
    let mut vast = Vast { head, length, position: 0, read: 0 };
    let scan = scan_reader(&mut vast, &Options::default()).unwrap();
    assert_eq!(scan.length, length);
    assert!(vast.read < 64 * 1024, "{}", vast.read);
    vast.length -= 1;
    assert!(scan_reader(&mut vast, &Options::default()).is_err());
}

#[test]
fn what_is_no_dicom_file_is_said_so() {
    let error = scan_slice(b"GIF89a", &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "not a DICOM file: expected a 128-octet preamble and DICM, got 6 octets");
    let error = scan_slice(&[0; 200], &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "not a DICOM file: expected DICM at offset 128, got something else");
}

#[test]
fn a_small_file_that_claims_four_gigabytes_fails_on_the_length() {
    let body = make::element(Tag(0x7FE0, 0x0010), "OW", 0xFFFF_FFF0, &[0; 4]);
    let (path, problem) = problem(&make::file(EXPLICIT_LE, &body));
    assert_eq!(path, "(7FE0,0010)");
    assert_eq!(problem, Problem::Beyond { declared: 0xFFFF_FFF0, left: 4 });
    let body = make::element(Tag(0x0008, 0x0119), "UT", 0x8000_0000, &[]);
    assert!(scan_slice(&make::file(EXPLICIT_LE, &body), &Options::default()).is_err());
}

#[test]
fn sequences_nested_256_deep_are_refused_and_64_deep_are_read() {
    let nested = |depth: usize| {
        let mut body = Vec::new();
        for _ in 0..depth {
            body.extend(make::element(Tag(0x0040, 0xA730), "SQ", u32::MAX, &make::item(u32::MAX, &[])));
        }
        for _ in 0..depth {
            body.extend_from_slice(&make::ITEM_END);
            body.extend_from_slice(&make::SEQUENCE_END);
        }
        make::file(EXPLICIT_LE, &body)
    };
    let (path, found) = problem(&nested(256));
    assert_eq!(found, Problem::TooDeep { limit: 64 });
    assert!(path.starts_with("(0040,A730)[1]....") && path.len() < 200, "{path}");
    assert!(scan_slice(&nested(64), &Options { keep: Keep::Everything, ..Options::default() }).is_ok());
}

#[test]
fn a_file_cut_anywhere_fails_or_ends_between_elements() {
    let file = part10::encode(&make::ct());
    let whole = scan_slice(&file, &Options::default()).unwrap().elements;
    for end in 0..file.len() {
        match scan_slice(&file[..end], &Options::default()) {
            Ok(scan) => assert!(scan.elements < whole && scan.pixels.is_none()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn an_item_that_reaches_beyond_its_sequence_names_the_path() {
    let inner = make::item(100, &make::element(Tag(0x0008, 0x0100), "SH", 2, b"AB"));
    let mut body = make::element(Tag(0x0008, 0x1032), "SQ", inner.len() as u32, &inner);
    body.extend(vec![0x20; 400]);
    let (path, found) = problem(&make::file(EXPLICIT_LE, &body));
    assert_eq!(path, "(0008,1032)[0]");
    assert_eq!(found, Problem::Beyond { declared: 100, left: 10 });
}

#[test]
fn fragments_and_frames_are_listed() {
    let mut set = make::ct();
    set.put_text(tags::NUMBER_OF_FRAMES, "2");
    set.put_encapsulated(vec![vec![1; 10], vec![2; 7]]);
    let file = part10::encode_as(&set, JPEG_LOSSLESS_SV1);
    let scan = scan_slice(&file, &Options::default()).unwrap();
    let pixels = scan.pixels.clone().unwrap();
    let Layout::Encapsulated { ref fragments, .. } = pixels.layout else { panic!("fragments expected") };
    assert_eq!(fragments.iter().map(|fragment| fragment.length).collect::<Vec<_>>(), [10, 8]);
    assert_eq!(file[fragments[1].offset as usize], 2);
    assert_eq!(pixels.frames(scan.number_of_frames(), None), Some(vec![0..1, 1..2]));
    assert_eq!(pixels.frames(1, None).as_deref(), Some(&[std::ops::Range { start: 0, end: 2 }][..]));
    assert_eq!(pixels.frames(5, None), None);
    let table: Vec<u8> = [0_u64, 18].iter().flat_map(|offset| offset.to_le_bytes()).collect();
    assert_eq!(pixels.frames(2, Some(&table)), Some(vec![0..1, 1..2]));
}

#[test]
fn big_endian_values_come_out_little_endian() {
    let mut body = Vec::new();
    body.extend_from_slice(&[0x00, 0x28, 0x00, 0x10, b'U', b'S', 0x00, 0x02, 0x02, 0x00]);
    body.extend_from_slice(&[0x00, 0x28, 0x00, 0x11, b'U', b'S', 0x00, 0x02, 0x01, 0x00]);
    let set = dataset::decode(&body, Encoding::EXPLICIT_BE).unwrap();
    assert_eq!((set.u16(tags::ROWS), set.u16(tags::COLUMNS)), (Some(512), Some(256)));
}

#[test]
fn unknown_of_undefined_length_is_read_as_an_implicit_sequence() {
    let inner = [0x08, 0x00, 0x00, 0x01, 2, 0, 0, 0, b'A', b'B'];
    let mut body = make::element(Tag(0x0009, 0x1010), "UN", u32::MAX, &make::item(inner.len() as u32, &inner));
    body.extend_from_slice(&make::SEQUENCE_END);
    body.extend(make::element(Tag(0x0010, 0x0020), "LO", 2, b"P1"));
    let set = dataset::decode(&body, Encoding::EXPLICIT_LE).unwrap();
    assert_eq!(set.item(Tag(0x0009, 0x1010)).unwrap().text(tags::CODE_VALUE).as_deref(), Some("AB"));
    assert_eq!(set.text(tags::PATIENT_ID).as_deref(), Some("P1"));
}

#[test]
fn a_nested_character_set_holds_inside_its_item_only() {
    let mut inner = make::element(Tag(0x0008, 0x0005), "CS", 10, b"ISO_IR 144");
    inner.extend(make::element(Tag(0x0008, 0x0104), "LO", 2, b"\xBB\xEE"));
    let mut body = make::element(Tag(0x0008, 0x0005), "CS", 10, b"ISO_IR 126");
    body.extend(make::element(
        Tag(0x0008, 0x1032),
        "SQ",
        inner.len() as u32 + 8,
        &make::item(inner.len() as u32, &inner),
    ));
    body.extend(make::element(Tag(0x0010, 0x0010), "PN", 2, b"\xC4\xE9"));
    let set = dataset::decode(&body, Encoding::EXPLICIT_LE).unwrap();
    assert_eq!(set.items(tags::PROCEDURE_CODE_SEQUENCE)[0].text(tags::CODE_MEANING).as_deref(), Some("Лю"));
    assert_eq!(set.text(tags::PATIENT_NAME).as_deref(), Some("Δι"));
}

#[test]
fn debug_output_shows_no_values() {
    let shown = format!("{:?}", make::ct());
    assert!(!shown.contains("ller") && !shown.contains("P0001"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..600), explicit: bool, big_endian: bool) {
        let _ = dataset::decode(&octets, Encoding { explicit, big_endian });
        let _ = scan_slice(&make::file(EXPLICIT_LE, &octets), &Options { keep: Keep::Everything, ..Options::default() });
    }

    #[test]
    fn mutated_files_never_panic_and_both_sources_agree(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), deflated: bool) {
        let body = make::ct().encode_explicit_le();
        let mut file = if deflated { make::file(DEFLATED_LE, &deflate(&body)) } else { make::file(EXPLICIT_LE, &body) };
        for (at, octet) in changes {
            let at = at.index(file.len());
            file[at] = octet;
        }
        let options = Options { keep: Keep::Everything, ..Options::default() };
        let one = scan_slice(&file, &options);
        let two = scan_reader(Cursor::new(&file), &options);
        prop_assert_eq!(one.is_ok(), two.is_ok());
        if let (Ok(one), Ok(two)) = (one, two) {
            prop_assert_eq!(one.data_set, two.data_set);
        }
        let _ = dicom::Header::from_slice(&file);
    }

    #[test]
    fn what_is_written_reads_back(values in proptest::collection::vec((0x0010_u16..0x0040, any::<u16>(), "[ -\\[\\]-~äß]{0,20}"), 0..20)) {
        let mut set = DataSet::new();
        set.put_text(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192");
        let mut item = DataSet::new();
        for (group, element, text) in values {
            item.put_octets(Tag(group | 1, element | 0x1000), VR::LO, text);
        }
        set.put_items(tags::PROCEDURE_CODE_SEQUENCE, vec![item]);
        let back = dataset::decode(&set.encode_explicit_le(), Encoding::EXPLICIT_LE).unwrap();
        prop_assert_eq!(back.encode_explicit_le(), set.encode_explicit_le());
        let item = &set.items(tags::PROCEDURE_CODE_SEQUENCE)[0];
        let back = &back.items(tags::PROCEDURE_CODE_SEQUENCE)[0];
        for element in item.elements() {
            prop_assert_eq!(back.text(element.tag), item.text(element.tag));
        }
    }
}
