//! The DocumentEntry of a manifest. spec/dicom.md section 9.

use dicom::kos::{EntryDefaults, decode, document_entry, encode, modality_name};
use model::{Code, DocumentEntry, Manifest, ManifestFlavour, ObjectId, PatientId, schemes};

use super::make::{manifest, oid};

fn defaults() -> EntryDefaults {
    EntryDefaults {
        id: ObjectId::parse("Document01").unwrap(),
        patient_id: PatientId::new("NAT-1", oid("2.999.7")),
        source_patient_domain: Some(oid("2.999.70")),
        class_code: Code::new("IMAGES", schemes::IHE_CLASS, "Images"),
        type_code: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
        procedure_as_type_code: false,
        healthcare_facility_type_code: Code::new("22232009", schemes::SNOMED_CT, "Hospital"),
        practice_setting_code: Code::new("394914008", schemes::SNOMED_CT, "Radiology"),
        confidentiality_codes: vec![Code::new("N", schemes::CONFIDENTIALITY, "normal")],
        language_code: "de-AT".to_owned(),
        institution: None,
        authors: Vec::new(),
    }
}

fn entry(manifest: &Manifest) -> DocumentEntry {
    document_entry(manifest, &defaults())
}

#[test]
fn the_entry_says_what_the_manifest_knows() {
    let entry = entry(&manifest(ManifestFlavour::Mcwg));
    assert_eq!(entry.validate(), []);
    assert!(entry.is_kos());
    assert_eq!(entry.mime_type, "application/dicom");
    assert_eq!(entry.unique_id.as_str(), "2.25.7000.900.1");
    assert_eq!(entry.title.value(), Some("CT Thorax"));
    assert_eq!(entry.creation_time.as_ref().unwrap().as_str(), "20250603081530");
    assert_eq!(entry.service_start_time.as_ref().unwrap().as_str(), "20250603071500");
    let codes: Vec<(&str, &str)> = entry.event_code_list.iter().map(|c| (c.code.as_str(), c.label())).collect();
    let expected = [
        ("CT", "Computed Tomography"),
        ("US", "Ultrasound"),
        ("ECG", "Electrocardiography"),
        ("67734004", "Upper trunk"),
        ("169069000", "CT of chest"),
    ];
    assert_eq!(codes, expected);
    let references: Vec<String> = entry.reference_id_list.iter().map(ToString::to_string).collect();
    let expected = [
        "2.25.7000^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
        "ACC-2025-0042^^^&2.25.9.2&ISO^urn:ihe:iti:xds:2013:accession",
        "PLC-77^^^&2.25.9.3&ISO^urn:ihe:iti:xds:2013:order",
    ];
    assert_eq!(references, expected);
    assert_eq!(entry.patient_id.id, "NAT-1");
    assert_eq!(entry.source_patient_id.as_ref().unwrap().to_string(), "P0001^^^&2.25.9.1&ISO");
    let info = &entry.source_patient_info.0;
    assert_eq!(info[..], ["PID-3|P0001^^^&2.25.9.1&ISO", "PID-5|Exämple^Pat", "PID-7|19700101", "PID-8|F"]);
    assert_eq!(entry.authors[0].institutions[0].name(), "Example Hospital");
    assert_eq!(entry.type_code.code, "18748-4");
}

#[test]
fn the_entry_of_a_read_mcwg_manifest_lacks_only_the_regions() {
    let manifest = manifest(ManifestFlavour::Mcwg);
    let read = decode(&encode(&manifest).unwrap()).unwrap().manifests.remove(0);
    let mut expected = entry(&manifest);
    expected.event_code_list.retain(|code| code.code != "67734004");
    assert_eq!(entry(&read), expected);
}

#[test]
fn xdsi_can_have_the_procedure_as_type_code() {
    let mut with = defaults();
    with.procedure_as_type_code = true;
    let mut manifest = manifest(ManifestFlavour::Xdsi);
    assert_eq!(document_entry(&manifest, &with).type_code.code, "169069000");
    manifest.procedures.clear();
    assert_eq!(document_entry(&manifest, &with).type_code.code, "18748-4");
}

#[test]
fn what_the_manifest_lacks_comes_from_the_defaults_or_stays_out() {
    let mut bare = manifest(ManifestFlavour::Mcwg);
    bare.patient_id = None;
    bare.patient_id_text = "LOCAL-7".to_owned();
    bare.study_description = None;
    bare.institution = None;
    bare.study_time = None;
    bare.series.retain(|series| series.modality.as_deref() == Some("SR"));
    let entry = entry(&bare);
    assert_eq!(entry.validate(), []);
    assert_eq!(entry.source_patient_id.as_ref().unwrap().domain.as_str(), "2.999.70");
    assert_eq!(entry.title.value(), Some("CT of chest"));
    assert_eq!(entry.authors[0].person.as_ref().unwrap().component(2), "manifold");
    assert_eq!(entry.service_start_time.as_ref().unwrap().as_str(), "20250603");
    // Nothing was acquired: the report's modality is better than none.
    assert_eq!(entry.event_code_list[0].label(), modality_name("SR").unwrap());
}
