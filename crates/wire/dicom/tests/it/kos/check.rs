//! The mutants of spec/dicom.md section 11: each defect is found, and named at its place.

use dicom::kos::{Severity, check, encode};
use dicom::{DataSet, Tag, part10, tags};
use model::ManifestFlavour;

use super::encode::data_set;
use super::make::manifest;
use crate::make::code;

const EVIDENCE: Tag = tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE;
const SERIES: Tag = tags::REFERENCED_SERIES_SEQUENCE;
const CONTENT: Tag = tags::CONTENT_SEQUENCE;

fn check_finds(severity: Severity, place: &str, rule: &str, mutate: impl FnOnce(&mut DataSet)) {
    let mut set = data_set(&encode(&manifest(ManifestFlavour::Mcwg)).unwrap());
    mutate(&mut set);
    let findings = check(&part10::encode(&set));
    let found = findings.iter().any(|f| f.severity == severity && f.place.contains(place) && f.rule.contains(rule));
    assert!(found, "no {severity} `{place} {rule}` in {findings:#?}");
}

fn change_items(set: &mut DataSet, tag: Tag, change: impl FnOnce(&mut Vec<DataSet>)) {
    let mut items = set.items(tag).to_vec();
    change(&mut items);
    set.put_items(tag, items);
}

fn change_first_series(set: &mut DataSet, change: impl FnOnce(&mut DataSet)) {
    change_items(set, EVIDENCE, |studies| change_items(&mut studies[0], SERIES, |series| change(&mut series[0])));
}

#[test]
fn our_own_manifests_have_no_fault() {
    for flavour in [ManifestFlavour::Mcwg, ManifestFlavour::Xdsi, ManifestFlavour::Mado] {
        assert_eq!(check(&encode(&manifest(flavour)).unwrap()), []);
    }
}

#[test]
fn defects_of_the_listing() {
    let error = Severity::Error;
    check_finds(error, "CurrentRequestedProcedureEvidenceSequence", "must be there", |set| drop(set.remove(EVIDENCE)));
    check_finds(error, "ReferencedSOPInstanceUID", "must be listed in the evidence", |set| {
        change_items(set, EVIDENCE, |studies| change_items(&mut studies[0], SERIES, |series| drop(series.remove(0))));
    });
    check_finds(error, "ReferencedSOPInstanceUID", "must list every instance", |set| {
        change_items(set, CONTENT, |items| drop(items.remove(0)));
    });
    check_finds(Severity::Warning, "ReferencedSOPInstanceUID", "listed once in the content tree", |set| {
        change_items(set, CONTENT, |items| items.push(items[0].clone()));
    });
    check_finds(error, "ReferencedSOPInstanceUID", "must be listed once", |set| {
        change_first_series(set, |series| {
            change_items(series, tags::REFERENCED_SOP_SEQUENCE, |sops| sops.push(sops[0].clone()));
        });
    });
    check_finds(error, "ValueType", "must be COMPOSITE for class", |set| {
        change_items(set, CONTENT, |items| items[4].put_text(tags::VALUE_TYPE, "IMAGE"));
    });
    check_finds(error, "ContentSequence", "must have a value", |set| set.put_items(CONTENT, Vec::new()));
}

#[test]
fn defects_of_the_document() {
    let error = Severity::Error;
    check_finds(error, "Modality", "must be KO", |set| set.put_text(tags::MODALITY, "CT"));
    check_finds(error, "ReferencedPerformedProcedureStepSequence", "must be there", |set| {
        set.remove(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE);
    });
    check_finds(error, "AccessionNumber", "must be there", |set| drop(set.remove(tags::ACCESSION_NUMBER)));
    check_finds(error, "SpecificCharacterSet", "must be there when text is not ASCII", |set| {
        set.remove(tags::SPECIFIC_CHARACTER_SET);
    });
    check_finds(error, "SpecificCharacterSet", "must be a defined term", |set| {
        set.put_text(tags::SPECIFIC_CHARACTER_SET, "UTF-8");
    });
    check_finds(error, "ContentTemplateSequence", "2010", |set| drop(set.remove(tags::CONTENT_TEMPLATE_SEQUENCE)));
    check_finds(error, "the object", "expected the title of a manifest", |set| {
        set.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![code("4711", "DCM", "x")]);
    });
    check_finds(error, "SeriesInstanceUID", "must differ from the series", |set| {
        set.put_text(tags::SERIES_INSTANCE_UID, "2.25.7000.1");
    });
    check_finds(Severity::Warning, "StudyInstanceUID", "must be the study of the evidence", |set| {
        set.put_text(tags::STUDY_INSTANCE_UID, "2.25.7001");
    });
    check_finds(Severity::Warning, "SeriesNumber", "no listed series has", |set| {
        set.put_text(tags::SERIES_NUMBER, "1")
    });
}

#[test]
fn defects_of_values() {
    let error = Severity::Error;
    check_finds(error, "RetrieveLocationUID", "must name the place", |set| {
        change_first_series(set, |series| drop(series.remove(tags::RETRIEVE_LOCATION_UID)));
    });
    check_finds(error, "RetrieveURL", "must be an absolute", |set| {
        change_first_series(set, |series| series.put_text(tags::RETRIEVE_URL, "dicomweb/studies"));
    });
    check_finds(Severity::Warning, "IssuerOfPatientIDQualifiersSequence", "must give the issuer", |set| {
        set.remove(tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE);
    });
    check_finds(error, "StudyTime", "must be a time", |set| set.put_text(tags::STUDY_TIME, "20250603"));
    check_finds(error, "StudyID", "at most 16 characters", |set| set.put_text(tags::STUDY_ID, "12345678901234567"));
    check_finds(error, "SOPInstanceUID", "no leading zero", |set| {
        set.put_text(tags::SOP_INSTANCE_UID, "2.25.7000.0900.1");
    });
    check_finds(error, "StudyInstanceUID", "must be written with VR UI", |set| {
        set.put_octets(tags::STUDY_INSTANCE_UID, dicom::VR::SH, "2.25.7000");
    });
}

#[test]
fn a_rule_broken_many_times_is_one_finding() {
    let mut set = data_set(&encode(&manifest(ManifestFlavour::Mcwg)).unwrap());
    change_items(&mut set, CONTENT, |items| items.iter_mut().for_each(|item| item.put_text(tags::VALUE_TYPE, "TEXT")));
    let findings = check(&part10::encode(&set));
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].count, 6);
    assert!(findings[0].to_string().ends_with("got `TEXT` (and 5 more)"));
}
