//! What documents of others say of themselves (ITI-106). Samples are read where they lie beside the workspace.

use dicom::kos;
use fhir::DecodeErrorKind;
use fhir::generate_metadata::{self, Document, Input};
use fhir::metadata_defaults::MetadataDefaults;
use model::{Code, DocumentEntry, ObjectId, Oid, ReferenceId, schemes};
use std::path::PathBuf;
use transactions::document_metadata::{Described, describe};

/// A file of `../shared/data`, or a note that it is missing.
fn sample(name: &str) -> Option<Vec<u8>> {
    let mut at = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while at.pop() {
        if at.join("Cargo.lock").exists()
            && let Ok(octets) = std::fs::read(at.join("../shared/data").join(name))
        {
            return Some(octets);
        }
    }
    eprintln!("skipped: ../shared/data/{name} not present");
    None
}

fn defaults() -> MetadataDefaults {
    MetadataDefaults {
        practice_setting_code: Code::new("394914008", schemes::SNOMED_CT, "Radiology"),
        ..MetadataDefaults::default()
    }
}

fn described(document: Document, domain: Option<&str>) -> Result<Described, Vec<fhir::DecodeError>> {
    let domain = domain.map(|text| Oid::parse(text).unwrap());
    describe(document, ObjectId::parse("document").unwrap(), domain.as_ref(), &defaults())
}

fn entry(document: Document, domain: Option<&str>) -> DocumentEntry {
    described(document, domain).unwrap_or_else(|findings| panic!("{findings:?}")).entry
}

fn binary(content_type: &str, octets: Vec<u8>) -> Document {
    Document::Binary { content_type: content_type.to_owned(), octets }
}

fn alone(request: &[u8]) -> Document {
    match generate_metadata::decode(request, 1 << 20) {
        Ok(Input::Document(document)) => document,
        Ok(Input::Described(_)) => panic!("it came with metadata"),
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn the_sample_request_is_a_cda_with_study_and_patient() {
    let Some(request) = sample("fhir/derived/generate-metadata-request.json") else { return };
    let document = alone(&request);
    let entry = entry(document, Some("2.999.1.1"));
    assert_eq!((entry.unique_id.as_str(), entry.patient_id.id.as_str()), ("2.999.9.1.20260301.1", "N-0001"));
    assert_eq!((entry.type_code.code.as_str(), entry.title.value()), ("85430-7", Some("CT chest report")));
    assert_eq!(entry.format_code.code, "urn:ihe:iti:xds-sd:pdf:2008");
    assert_eq!(entry.practice_setting_code, defaults().practice_setting_code, "what no CDA has is the recipient's");
    let study = model::StudyInstanceUid::parse("1.2.250.1.59.40211.22756022.2.1.102").unwrap();
    assert!(entry.reference_id_list.contains(&ReferenceId::study(&study)), "{:?}", entry.reference_id_list);
    // The same document is of nobody that another domain knows.
    let document = alone(&request);
    let findings = described(document, Some("2.999.7")).err().unwrap_or_default();
    let found: Vec<_> = findings.iter().map(|f| (f.kind, f.path.as_str())).collect();
    assert_eq!(found, [(DecodeErrorKind::Required, "ClinicalDocument.recordTarget.patientRole.id")]);
}

#[test]
fn a_fhir_document_in_a_binary_is_kept_in_the_form_it_came_in() {
    let Some(json) = sample("fhir/derived/report-fhir-document.json") else { return };
    let xml = fhir::xml::to_xml(&json).expect("XML");
    for (content_type, octets) in [("application/fhir+json", json), ("application/fhir+xml", xml)] {
        let came = described(binary(content_type, octets.clone()), Some("2.999.1.1"));
        let came = came.unwrap_or_else(|findings| panic!("{content_type}: {findings:?}"));
        assert_eq!((came.entry.mime_type.as_str(), came.octets == octets), (content_type, true));
        assert_eq!(came.entry.unique_id.as_str(), "urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001");
    }
}

#[test]
fn sample_manifests_name_all_their_studies() {
    for name in ["dicom/kos-xdsi-ct-sr.dcm", "dicom/ihe-mado-kos-a.dcm", "dicom/ihe-mado-kos-b.dcm"] {
        let Some(octets) = sample(name) else { continue };
        let manifests = kos::decode(&octets).unwrap_or_else(|e| panic!("{name}: {e}")).manifests;
        let entry = match described(binary("application/dicom", octets), None) {
            Ok(described) => described.entry,
            // A manifest whose patient has no issuer cannot be registered by itself.
            Err(findings) => {
                assert!(manifests.iter().all(|m| m.patient_id.is_none()), "{name}: {findings:?}");
                assert_eq!(findings[0].kind, DecodeErrorKind::Required, "{name}");
                continue;
            }
        };
        assert!(entry.is_kos(), "{name}");
        assert_eq!(entry.unique_id.as_str(), manifests[0].sop_instance.as_str(), "{name}");
        for manifest in &manifests {
            assert!(entry.reference_id_list.contains(&ReferenceId::study(&manifest.study)), "{name}");
        }
    }
}

#[test]
fn a_kind_that_says_nothing_of_itself_is_told_where_to_go() {
    for (content_type, kind) in [
        ("application/pdf", DecodeErrorKind::Required),
        ("Application/PDF; version=1.4", DecodeErrorKind::Required),
        ("text/plain", DecodeErrorKind::NotSupported),
        ("image/jpeg", DecodeErrorKind::NotSupported),
    ] {
        let findings = described(binary(content_type, b"%PDF-1.4".to_vec()), None).err().unwrap_or_default();
        assert!(findings[0].kind == kind && findings[0].rule.contains("ITI-105"), "{content_type}: {findings:?}");
    }
}
