//! The octets of written manifests: goldens that other tools open, order of tags, limits of values.

use std::path::PathBuf;

use dicom::kos::{EncodeError, decode, encode};
use dicom::scan::{Keep, Options, scan_slice};
use dicom::{DataSet, Tag, VR, Value, tags};
use model::{Manifest, ManifestFlavour, Xon};

use super::make::{self, manifest};

fn check_golden(name: &str, octets: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/made").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, octets).unwrap();
    }
    let golden = std::fs::read(&path).unwrap_or_default();
    assert!(golden == octets, "{} differs; UPDATE_GOLDEN=1 rewrites it", path.display());
}

#[test]
fn the_mcwg_manifest_of_the_example_study_is_written_as_before() {
    check_golden("kos-mcwg.dcm", &encode(&manifest(ManifestFlavour::Mcwg)).unwrap());
}

#[test]
fn the_xdsi_manifest_of_the_example_study_is_written_as_before() {
    check_golden("kos-xdsi.dcm", &encode(&manifest(ManifestFlavour::Xdsi)).unwrap());
}

#[test]
fn the_mado_manifest_of_the_example_study_is_written_as_before() {
    check_golden("kos-mado.dcm", &encode(&manifest(ManifestFlavour::Mado)).unwrap());
}

pub fn data_set(octets: &[u8]) -> DataSet {
    scan_slice(octets, &Options { keep: Keep::Everything, ..Options::default() }).unwrap().data_set
}

#[test]
fn tags_ascend_and_lengths_are_even_at_every_depth() {
    // The reader sorts and trims, so the octets are walked here: a data set written again from the tree must be the same.
    for flavour in [ManifestFlavour::Mcwg, ManifestFlavour::Xdsi, ManifestFlavour::Mado] {
        let octets = encode(&manifest(flavour)).unwrap();
        let start = 132 + 12 + u32::from_le_bytes(*octets[140..].first_chunk().unwrap()) as usize;
        assert_eq!(data_set(&octets).encode_explicit_le(), &octets[start..]);
    }
}

#[test]
fn an_mcwg_manifest_carries_the_extensions_where_the_recommendation_puts_them() {
    let set = data_set(&encode(&manifest(ManifestFlavour::Mcwg)).unwrap());
    assert_eq!(set.text(tags::ACCESSION_NUMBER), None);
    assert!(set.contains(tags::ACCESSION_NUMBER));
    assert_eq!(set.text(tags::SERIES_NUMBER).as_deref(), Some("59"));
    let request = set.item(tags::REFERENCED_REQUEST_SEQUENCE).unwrap();
    assert_eq!(request.text(tags::ACCESSION_NUMBER).as_deref(), Some("ACC-2025-0042"));
    let issuer = request.item(tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE).unwrap();
    assert_eq!(issuer.text(Tag(0x0040, 0x0032)).as_deref(), Some("2.25.9.2"));
    let series =
        set.item(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE).unwrap().items(tags::REFERENCED_SERIES_SEQUENCE);
    assert_eq!(series.len(), 5);
    assert_eq!(
        series[0].text(tags::RETRIEVE_URL).as_deref(),
        Some("https://img.example.org/dicomweb/studies/2.25.7000/series/2.25.7000.1")
    );
    assert_eq!(series[0].uid(tags::RETRIEVE_LOCATION_UID).as_deref(), Some("2.25.9.9"));
    assert_eq!(series[0].text(tags::MODALITY).as_deref(), Some("CT"));
    let flagged = &series[0].items(tags::REFERENCED_SOP_SEQUENCE)[1];
    let related = flagged.item(tags::RELATED_SERIES_SEQUENCE).unwrap();
    assert_eq!(related.uid(tags::SERIES_INSTANCE_UID).as_deref(), Some("2.25.7000.5"));
    let note = related.item(tags::REFERENCED_SOP_SEQUENCE).unwrap();
    assert_eq!(note.uid(tags::REFERENCED_SOP_INSTANCE_UID).as_deref(), Some("2.25.7000.5.1"));
    assert_eq!(
        note.item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE).unwrap().text(tags::CODE_VALUE).as_deref(),
        Some("113000")
    );
    let kin = &series[4].items(tags::REFERENCED_SOP_SEQUENCE)[0];
    assert_eq!(kin.item(tags::CONTENT_SEQUENCE).unwrap().text(tags::TEXT_VALUE).as_deref(), Some("Rundherd, 8 mm"));
    assert_eq!(series[1].items(tags::REFERENCED_SOP_SEQUENCE)[0].integer(tags::NUMBER_OF_FRAMES), Some(30));
    let types: Vec<_> =
        set.items(tags::CONTENT_SEQUENCE).iter().filter_map(|item| item.text(tags::VALUE_TYPE)).collect();
    assert_eq!(types, ["IMAGE", "IMAGE", "IMAGE", "WAVEFORM", "COMPOSITE", "COMPOSITE"]);
}

#[test]
fn an_xdsi_manifest_has_plain_evidence_the_base_url_and_the_single_accession_number() {
    let set = data_set(&encode(&manifest(ManifestFlavour::Xdsi)).unwrap());
    assert_eq!(set.text(tags::ACCESSION_NUMBER).as_deref(), Some("ACC-2025-0042"));
    let series = set
        .item(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE)
        .unwrap()
        .item(tags::REFERENCED_SERIES_SEQUENCE)
        .unwrap();
    let found: Vec<Tag> = series.elements().iter().map(|element| element.tag).collect();
    let expected = [
        tags::RETRIEVE_AE_TITLE,
        tags::RETRIEVE_URL,
        tags::REFERENCED_SOP_SEQUENCE,
        tags::SERIES_INSTANCE_UID,
        tags::RETRIEVE_LOCATION_UID,
    ];
    assert_eq!(found, expected);
    assert_eq!(series.text(tags::RETRIEVE_URL).as_deref(), Some("https://img.example.org/dicomweb"));
}

#[test]
fn the_institution_is_shortened_in_its_name_only() {
    let check = |xon: &str, expected: &str| {
        let manifest = Manifest { institution: Some(Xon::parse(xon).unwrap()), ..manifest(ManifestFlavour::Mcwg) };
        let set = data_set(&encode(&manifest).unwrap());
        assert_eq!(set.text(tags::INSTITUTION_NAME).as_deref(), Some(expected));
    };
    let long = "Universitätsklinikum der Landeshauptstadt, Zentrum für Radiologie und Nuklearmedizin";
    check(
        &format!("{long}^^^^^&2.25.9.5&ISO^^^^H1"),
        "Universitätsklinikum der Landeshauptstad^^^^^&2.25.9.5&ISO^^^^H1",
    );
    check(long, &long.chars().take(64).collect::<String>());
    check("Klinik A \\T\\ B^^^^^&2.25.9.5&ISO^^^^H1", "Klinik A & B^^^^^&2.25.9.5&ISO^^^^H1");
    let oid = "2.25.123456789012345678901234567890123456789";
    check(&format!("Klinik^^^^^&{oid}&ISO^^^^{oid}"), "Klinik");
}

#[test]
fn identifiers_are_never_cut_and_text_is() {
    let mut manifest = manifest(ManifestFlavour::Mcwg);
    manifest.orders[0].accession_number = "ACC-2025-0042-LONGER-THAN-16".to_owned();
    manifest.study_description = Some("ä".repeat(80));
    let read = decode(&encode(&manifest).unwrap()).unwrap().manifests.remove(0);
    assert_eq!(read.orders, manifest.orders);
    assert_eq!(read.study_description, Some("ä".repeat(64)));
}

#[test]
fn several_accession_numbers_leave_the_one_at_the_top_empty() {
    let mut study = make::study();
    study[0].orders[0].accession_number = "ACC-2025-0043".to_owned();
    let manifest = dicom::kos::build(&study, &make::source(ManifestFlavour::Xdsi), &make::new_manifest()).unwrap();
    let set = data_set(&encode(&manifest).unwrap());
    assert_eq!(set.text(tags::ACCESSION_NUMBER), None);
    assert_eq!(set.items(tags::REFERENCED_REQUEST_SEQUENCE).len(), 2);
}

#[test]
fn a_taken_series_number_is_not_used_again() {
    let mut manifest = manifest(ManifestFlavour::Mcwg);
    manifest.series[0].number = Some("59".to_owned());
    manifest.series[1].number = Some("60".to_owned());
    assert_eq!(data_set(&encode(&manifest).unwrap()).text(tags::SERIES_NUMBER).as_deref(), Some("61"));
}

#[test]
fn a_scheme_without_a_designator_gets_a_private_one_that_is_explained() {
    let mut manifest = manifest(ManifestFlavour::Mcwg);
    manifest.procedures.push(model::Code::new("KT-17", "2.999.44", "KT Thorax nativ, hausintern"));
    let octets = encode(&manifest).unwrap();
    let set = data_set(&octets);
    let scheme = set.item(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE).unwrap();
    assert_eq!(scheme.uid(tags::CODING_SCHEME_UID).as_deref(), Some("2.999.44"));
    assert_eq!(decode(&octets).unwrap().manifests[0].procedures, manifest.procedures);
}

#[test]
fn what_cannot_be_written_is_refused_by_name() {
    let mut large = manifest(ManifestFlavour::Mado);
    let one = large.series[0].instances[0].clone();
    large.series[0].instances = vec![one; 50_001];
    assert_eq!(encode(&large), Err(EncodeError::TooMany { listed: 50_005, most: 50_000 }));
    let mut empty = manifest(ManifestFlavour::Mcwg);
    empty.series.clear();
    assert_eq!(encode(&empty), Err(EncodeError::Empty));
    let mut timeless = manifest(ManifestFlavour::Mcwg);
    timeless.content_time = "noon".to_owned();
    assert_eq!(encode(&timeless), Err(EncodeError::ContentTime));
}

#[test]
fn hostile_text_stays_within_its_value() {
    let mut manifest = manifest(ManifestFlavour::Mcwg);
    manifest.study_description = Some("a\\b\r\nc\0d".to_owned());
    manifest.series[0].modality = Some("CT\\MR".to_owned());
    let set = data_set(&encode(&manifest).unwrap());
    assert_eq!(set.texts(tags::STUDY_DESCRIPTION), ["a/b  c d"]);
    let element = set.element(tags::STUDY_DESCRIPTION).unwrap();
    assert!(element.vr == VR::LO && matches!(&element.value, Value::Octets(octets) if octets.len() % 2 == 0));
}
