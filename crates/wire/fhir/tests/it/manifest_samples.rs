//! The public FHIR manifests: read, with each deviation. Source: spec/mcwg.md section 7.

use crate::manifests::read;
use crate::shared_data;
use model::schemes;

/// Reads one of the two bundles of IHE/RAD.MADO.
fn sample(study: &str) -> Option<fhir::manifest::Decoded> {
    let name = format!("mado/ihe-mado/mado-1.2.250.1.59.40211.22756022.2.1.{study}-bundle.json");
    Some(read(&std::fs::read(shared_data(&name)?).unwrap()))
}

#[test]
fn the_public_fhir_manifests_are_read_and_each_deviation_is_told() {
    for study in ["101", "102"] {
        let Some(decoded) = sample(study) else { return };
        let found: Vec<String> = decoded.deviations.iter().map(ToString::to_string).collect();
        let expected = [
            "Bundle.entry.fullUrl must be an absolute URL, urn:uuid: or urn:oid:",
            "Bundle.identifier must be an OID; got `http://example.org/fhir/document-ids|mado-bundle-",
            "Patient.identifier must have a system that is urn:oid: and an OID; got `http://example.org/fhir/mrn-ids`",
            "ServiceRequest.identifier of an accession or order number must have a system that is urn:oid: and an OID; \
             got `http://example.org/fhir/ris-ids`",
            "Endpoint.extension must give the Retrieve Location UID as an OID; got `ACME`",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} is not {expected}");
        }
    }
}

#[test]
fn the_public_fhir_manifests_say_what_their_kos_twins_say() {
    let Some(a) = sample("101") else { return };
    let counts: Vec<usize> = a.manifest.series.iter().map(|series| series.instances.len()).collect();
    assert_eq!(counts, [50, 36]);
    let Some(b) = sample("102") else { return };
    let manifest = b.manifest;
    assert_eq!(manifest.study.as_str(), "1.2.250.1.59.40211.22756022.2.1.102");
    assert_eq!((manifest.timezone.as_deref(), manifest.study_time.as_deref()), (Some("+0200"), Some("083117")));
    assert_eq!(manifest.content_time, "170057.834");
    assert_eq!(manifest.orders[0].accession_number, "8529258169397744");
    assert_eq!((manifest.patient_id_text.as_str(), manifest.sex), ("UV59569735", Some(model::Sex::Male)));
    assert_eq!(manifest.manufacturer, "Philips IP&S");
    assert_eq!(manifest.institution.as_ref().unwrap().name(), "Example Hospital");
    let regions: Vec<&str> = manifest.regions.iter().map(|region| region.code.as_str()).collect();
    assert_eq!(regions, ["774007", "38266002"]);
    assert_eq!(manifest.regions[0].scheme, schemes::SNOMED_CT);
    assert_eq!(manifest.procedures[0].label(), "Head CT");
    let (ct, note) = (&manifest.series[0], &manifest.series[1].instances[0]);
    assert_eq!((ct.modality.as_deref(), ct.description.as_deref()), (Some("CT"), Some("Series B1")));
    assert_eq!((ct.instances.len(), ct.wado_base()), (20, Some("http://example.com/wado")));
    assert_eq!(ct.region.as_ref().unwrap().code, "69536005");
    let note = note.key_object_note.as_ref().unwrap();
    assert_eq!(
        (note.title.code.as_str(), note.description.as_deref()),
        ("113000", Some("Significant DICOM Instances"))
    );
}
