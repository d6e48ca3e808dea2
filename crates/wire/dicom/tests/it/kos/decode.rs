//! Reading what others write: several studies, other studies, missing parts, other encodings.

use dicom::kos::{DecodeError, Titles, check, decode, decode_titled, encode};
use dicom::transfer_syntaxes::{DEFLATED_LE, IMPLICIT_LE};
use dicom::{DataSet, Tag, VR, part10, tags};
use model::{ManifestFlavour, StudyInstanceUid};

use super::encode::data_set;
use super::make::{KO, as_written, manifest};
use crate::make::code;

const EVIDENCE: Tag = tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE;

fn written() -> DataSet {
    data_set(&encode(&manifest(ManifestFlavour::Mcwg)).unwrap())
}

fn deviations(set: &DataSet) -> Vec<String> {
    decode(&part10::encode(set)).unwrap().deviations.iter().map(ToString::to_string).collect()
}

#[test]
fn other_encodings_and_missing_frames_read_the_same() {
    let set = written();
    let expected = as_written(&manifest(ManifestFlavour::Mcwg));
    let implicit = part10::encode_as(&set, IMPLICIT_LE);
    let mut deflated = part10::file_meta(KO, "2.25.7000.900.1", DEFLATED_LE, None);
    let mut deflater = flate2::Compress::new(flate2::Compression::default(), false);
    let mut body = Vec::with_capacity(1 << 20);
    deflater.compress_vec(&set.encode_explicit_le(), &mut body, flate2::FlushCompress::Finish).unwrap();
    deflated.extend_from_slice(&body);
    let explicit = encode(&manifest(ManifestFlavour::Mcwg)).unwrap();
    let without_preamble = explicit[132..].to_vec();
    let bare = [set.encode_explicit_le(), set.encode_implicit_le()];
    for octets in [implicit, deflated, explicit, without_preamble].into_iter().chain(bare) {
        assert_eq!(decode(&octets).unwrap().manifests, std::slice::from_ref(&expected));
    }
}

#[test]
fn a_manifest_in_a_study_of_its_own_is_about_the_study_of_its_evidence() {
    // B-024
    let mut manifest = manifest(ManifestFlavour::Mcwg);
    manifest.own_study = StudyInstanceUid::parse("2.25.7999").unwrap();
    let decoded = decode(&encode(&manifest).unwrap()).unwrap();
    assert_eq!(decoded.manifests[0].study.as_str(), "2.25.7000");
    assert_eq!(decoded.manifests[0].own_study.as_str(), "2.25.7999");
    assert!(decoded.deviations.iter().any(|d| d.rule.contains("study of the evidence") && d.value == "2.25.7999"));
}

#[test]
fn evidence_in_many_items_of_one_study_is_one_manifest() {
    let mut set = written();
    let (first, tags) = (set.items(EVIDENCE)[0].clone(), (tags::REFERENCED_SERIES_SEQUENCE, tags::SERIES_INSTANCE_UID));
    let mut items = vec![first.clone()];
    for n in 0..20_000 {
        let mut series = first.items(tags.0)[0].clone();
        series.put_text(tags.1, &format!("2.25.7000.{n}.1"));
        let mut sop = series.items(tags::REFERENCED_SOP_SEQUENCE)[0].clone();
        sop.put_text(tags::REFERENCED_SOP_INSTANCE_UID, &format!("2.25.7000.{n}.2"));
        series.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![sop]);
        let mut item = first.clone();
        item.put_items(tags.0, vec![series]);
        items.push(item);
    }
    set.put_items(EVIDENCE, items);
    // Work that grows with the square of the items would hold this test for a minute.
    let decoded = decode(&part10::encode(&set)).unwrap();
    assert_eq!(decoded.manifests.len(), 1);
    assert!(decoded.manifests[0].series.len() > 20_000);
}

#[test]
fn several_studies_are_several_manifests() {
    let mut set = written();
    let mut second = set.items(EVIDENCE)[0].clone();
    second.put_text(tags::STUDY_INSTANCE_UID, "2.25.8000");
    let first = set.items(EVIDENCE)[0].clone();
    set.put_items(EVIDENCE, vec![first, second]);
    let octets = part10::encode(&set);
    let decoded = decode(&octets).unwrap();
    let studies: Vec<&str> = decoded.manifests.iter().map(|m| m.study.as_str()).collect();
    assert_eq!(studies, ["2.25.7000", "2.25.8000"]);
    assert_eq!(decoded.manifests[0].orders.len(), 1);
    assert!(decoded.manifests[1].orders.is_empty());
    assert!(check(&octets).iter().any(|f| f.place.contains("IdenticalDocumentsSequence")));
}

#[test]
fn without_evidence_there_is_no_manifest() {
    let mut set = written();
    set.remove(EVIDENCE);
    assert!(matches!(decode(&part10::encode(&set)), Err(DecodeError::NoEvidence)));
    set.put_items(EVIDENCE, vec![DataSet::new()]);
    assert!(matches!(decode(&part10::encode(&set)), Err(DecodeError::NoEvidence)));
}

#[test]
fn other_objects_are_refused_by_what_they_are() {
    let mut set = written();
    set.put_text(tags::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2");
    assert!(matches!(decode(&part10::encode(&set)), Err(DecodeError::NotAKeyObjectSelection { .. })));
    for title in ["113000", "113001", "113034"] {
        let mut set = written();
        set.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![code(title, "DCM", "x")]);
        let octets = part10::encode(&set);
        assert!(matches!(decode(&octets), Err(DecodeError::NotAManifest { .. })), "{title}");
        assert_eq!(decode_titled(&octets, Titles::Any).unwrap().manifests.len(), 1);
    }
    for title in ["113031", "113032", "113033"] {
        let mut set = written();
        set.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![code(title, "DCM", "x")]);
        assert!(decode(&part10::encode(&set)).is_ok(), "{title}");
    }
    assert!(matches!(decode(b"PK\x03\x04 no DICOM at all"), Err(DecodeError::Dicom(_))));
    assert!(matches!(decode(b""), Err(DecodeError::Dicom(_))));
}

#[test]
fn accession_number_of_the_general_study_joins_the_requests() {
    let mut set = written();
    set.put_text(tags::ACCESSION_NUMBER, "ACC-OTHER");
    let decoded = decode(&part10::encode(&set)).unwrap();
    let numbers: Vec<&str> = decoded.manifests[0].orders.iter().map(|o| o.accession_number.as_str()).collect();
    assert_eq!(numbers, ["ACC-2025-0042", "ACC-OTHER"]);
    set.put_text(tags::ACCESSION_NUMBER, "ACC-2025-0042");
    assert_eq!(decode(&part10::encode(&set)).unwrap().manifests[0].orders.len(), 1);
}

#[test]
fn the_misprinted_issuer_group_is_read() {
    let mut set = written();
    let mut issuer = DataSet::new();
    issuer.put_octets(Tag(0x0010, 0x0032), VR::UT, "2.999.77");
    set.put_items(tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, vec![issuer]);
    let decoded = decode(&part10::encode(&set)).unwrap();
    assert_eq!(decoded.manifests[0].patient_id.as_ref().unwrap().domain.as_str(), "2.999.77");
}

#[test]
fn a_study_level_url_serves_series_that_have_none() {
    let mut set = written();
    let mut study = set.items(EVIDENCE)[0].clone();
    let mut series = study.items(tags::REFERENCED_SERIES_SEQUENCE).to_vec();
    series.iter_mut().for_each(|one| drop(one.remove(tags::RETRIEVE_URL)));
    study.put_items(tags::REFERENCED_SERIES_SEQUENCE, series);
    set.put_items(EVIDENCE, vec![study]);
    set.put_text(tags::RETRIEVE_URL, "https://img.example.org/rs/studies/2.25.7000");
    let decoded = decode(&part10::encode(&set)).unwrap();
    assert_eq!(decoded.manifests[0].series[0].wado_base(), Some("https://img.example.org/rs"));
}

#[test]
fn series_without_instances_are_dropped_and_said() {
    let mut set = written();
    let mut study = set.items(EVIDENCE)[0].clone();
    let mut series = study.items(tags::REFERENCED_SERIES_SEQUENCE).to_vec();
    series[0].put_items(tags::REFERENCED_SOP_SEQUENCE, Vec::new());
    study.put_items(tags::REFERENCED_SERIES_SEQUENCE, series);
    set.put_items(EVIDENCE, vec![study]);
    assert_eq!(decode(&part10::encode(&set)).unwrap().manifests[0].series.len(), 4);
    assert!(deviations(&set).iter().any(|d| d.contains("must list at least one instance; got `2.25.7000.1`")));
}

#[test]
fn a_well_written_manifest_has_no_deviation() {
    assert_eq!(deviations(&written()), Vec::<String>::new());
}

#[test]
fn dates_of_old_writers_are_read_and_nonsense_is_not() {
    let mut set = written();
    set.put_text(tags::STUDY_DATE, "2025.06.03");
    set.put_text(tags::STUDY_TIME, "09:15:00");
    let read = decode(&part10::encode(&set)).unwrap().manifests.remove(0);
    assert_eq!((read.study_date.as_deref(), read.study_time.as_deref()), (Some("20250603"), Some("091500")));
    set.put_text(tags::STUDY_DATE, "20251399");
    let read = decode(&part10::encode(&set)).unwrap().manifests.remove(0);
    assert_eq!(read.study_date, None);
}

#[test]
fn a_sequence_bomb_is_refused() {
    let mut bomb = part10::file_meta(KO, "2.25.1", dicom::transfer_syntaxes::EXPLICIT_LE, None);
    for _ in 0..10_000 {
        bomb.extend_from_slice(b"\x40\x00\x30\xA7SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF");
    }
    assert!(matches!(decode(&bomb), Err(DecodeError::Dicom(_))));
}
