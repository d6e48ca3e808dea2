//! Manifests that others published, flaws included: each is read, and the flaws are named. spec/mcwg.md section 7.

use std::path::PathBuf;

use dicom::kos::{DecodeError, Decoded, check, decode, decode_note};
use model::{ManifestFlavour, schemes};

/// A file of `../shared/data`, or a note that it is missing.
pub fn sample(name: &str) -> Option<Vec<u8>> {
    let mut at = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while at.pop() {
        if at.join("Cargo.lock").exists() {
            let found = at.join("../shared/data").join(name);
            if found.exists() {
                return Some(std::fs::read(found).unwrap());
            }
            break;
        }
    }
    eprintln!("skipped: ../shared/data/{name} not present");
    None
}

/// The KOS inside one of the FHIR Binary samples.
pub fn binary(name: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8(sample(name)?).unwrap();
    let data = text.split("\"data\"").nth(1).unwrap();
    let data = data.split('"').nth(1).unwrap();
    Some(from_base64(data))
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
    let mut out = Vec::new();
    for four in digits.chunks(4) {
        let bits = four.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - four.len()));
        out.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    out
}

fn has(decoded: &Decoded, place: &str, rule: &str) {
    let found = decoded.deviations.iter().any(|d| d.place.contains(place) && d.rule.contains(rule));
    assert!(found, "no `{place} {rule}` in {:#?}", decoded.deviations);
}

#[test]
fn the_austrian_manifest_is_plain_and_sits_in_the_series_it_lists() {
    let Some(octets) = sample("mado/hl7eu-kos/1.2.826.0.1.3680043.2.1043.693076.0.66982.83.3.1.dcm") else { return };
    let decoded = decode(&octets).unwrap();
    let manifest = &decoded.manifests[0];
    assert_eq!(manifest.flavour, ManifestFlavour::Xdsi);
    assert_eq!(manifest.instance_count(), 2);
    assert_eq!(manifest.study_time.as_deref(), Some("0821"));
    assert_eq!(manifest.series[0].retrieve_ae_title.as_deref(), Some("STIGLBAUER"));
    assert!(manifest.series[0].retrieve_location_uid.is_some());
    assert_eq!(manifest.orders[0].accession_number, "12024052208301");
    assert_eq!(manifest.patient_id, None);
    assert_eq!(manifest.patient_id_text, "1174149");
    has(&decoded, "SeriesInstanceUID", "must differ");
    has(&decoded, "IssuerOfPatientIDQualifiersSequence", "must give the issuer");
}

#[test]
fn a_key_image_note_is_no_manifest_but_reads_as_a_note() {
    let Some(octets) = sample("mado/hl7eu-kos/GK17285-KOS.dcm") else { return };
    match decode(&octets) {
        Err(DecodeError::NotAManifest { title }) => assert_eq!(title.code, "113000"),
        other => panic!("{other:?}"),
    }
    let note = decode_note(&octets).unwrap();
    assert_eq!(note.title.code, "113000");
    assert_eq!(note.description.as_deref(), Some("Automatic created"));
    assert_eq!(note.references.len(), 1);
    let findings = check(&octets);
    assert!(findings.iter().any(|f| f.rule.contains("113000")), "{findings:#?}");
}

#[test]
fn the_french_manifest_in_implicit_vr_gives_order_and_series_url() {
    let Some(octets) = sample("mado/drimbox/kos.dcm") else { return };
    let decoded = decode(&octets).unwrap();
    let manifest = &decoded.manifests[0];
    assert_eq!(manifest.flavour, ManifestFlavour::Mcwg);
    assert_eq!(manifest.orders.len(), 1);
    assert_eq!(manifest.orders[0].accession_number, "0901160050");
    assert_eq!(manifest.orders[0].placer_order_number, "1298989898");
    assert_eq!(manifest.orders[0].placer_issuer.as_ref().unwrap().as_str(), "1.2.3.4.5.6");
    assert_eq!(manifest.series[0].wado_base(), Some("http://localhost:8080/dcm4chee-arc/aets/AS_RECEIVED/rs"));
    assert_eq!(manifest.study_description.as_deref(), Some("Tête^Dental (Adulte)"));
    assert_eq!(manifest.institution.as_ref().unwrap().name(), "dPJ");
    assert_eq!(manifest.patient_id.as_ref().unwrap().domain.as_str(), "1.2.250.1.213.1.4.10");
    has(&decoded, "TransferSyntaxUID", "Explicit VR Little Endian");
    has(&decoded, "RetrieveLocationUID", "must name the place");
    let findings = check(&octets);
    for missing in
        ["ContentTemplateSequence", "ReferencedPerformedProcedureStepSequence", "AccessionNumber", "(0008,0031)"]
    {
        assert!(findings.iter().any(|f| f.place.contains(missing)), "{missing} not in {findings:#?}");
    }
}

#[test]
fn the_trial_mado_manifests_are_described_by_siblings_of_their_entries() {
    let Some(octets) = sample("mado/ihe-mado/MADO_KOS_A.dcm") else { return };
    let a = decode(&octets).unwrap();
    assert_eq!(a.manifests[0].flavour, ManifestFlavour::Mado);
    let counts: Vec<usize> = a.manifests[0].series.iter().map(|series| series.instances.len()).collect();
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (2, 86));
    has(&a, "ContentSequence", "must stand in its library entry");
    let Some(octets) = sample("mado/ihe-mado/MADO_KOS_B.dcm") else { return };
    let decoded = decode(&octets).unwrap();
    let manifest = &decoded.manifests[0];
    assert_eq!(manifest.orders.len(), 2);
    assert_eq!(manifest.regions[0].code, "63337009");
    assert_eq!(manifest.regions[0].scheme, schemes::SNOMED_CT);
    assert_eq!(manifest.timezone.as_deref(), Some("+0100"));
    assert!(manifest.display_uri.as_deref().unwrap().starts_with("https://dicomviewer/IHEInvokeImageDisplay"));
    let ct = &manifest.series[0];
    assert_eq!(ct.modality.as_deref(), Some("CT"));
    assert_eq!(ct.description.as_deref(), Some("Series B1"));
    assert_eq!(ct.number.as_deref(), Some("1"));
    assert_eq!((ct.date.as_deref(), ct.time.as_deref()), (Some("20231018"), Some("164758.337000")));
    assert_eq!(ct.wado_base(), Some("https://dicomserver.com/AET/rs"));
    let numbers: Vec<_> = ct.instances.iter().filter_map(|instance| instance.instance_number.as_deref()).collect();
    assert_eq!(numbers.len(), 20);
    assert!(numbers.contains(&"14"));
    let note = manifest.series[1].instances[0].key_object_note.as_ref().unwrap();
    assert_eq!(note.title.code, "113000");
}

#[test]
fn the_ballot_generation_inside_fhir_binaries_is_read_in_spite_of_its_flaws() {
    let Some(octets) = binary("mado/ihe-mado/mado-kos-1.2.250.1.59.40211.22756022.2.1.102-binary.json") else { return };
    let decoded = decode(&octets).unwrap();
    let manifest = &decoded.manifests[0];
    assert_eq!(manifest.flavour, ManifestFlavour::Mado);
    assert_eq!(manifest.instance_count(), 21);
    assert_eq!(manifest.regions[0].code, "774007");
    let ct = manifest.series.iter().find(|series| series.modality.as_deref() == Some("CT")).unwrap();
    assert_eq!(ct.description.as_deref(), Some("Series B1"));
    assert_eq!(ct.retrieve_location_uid, None);
    has(&decoded, "RetrieveLocationUID", "must be an OID");
    has(&decoded, "ContentSequence", "must not repeat the root");
    has(&decoded, "CodeValue", "must have a code value");
    let findings = check(&octets);
    assert!(findings.iter().any(|f| f.rule.contains("must be written with VR UI") && f.value == "SH"), "{findings:#?}");
}

#[test]
fn the_nist_manifests_are_read_and_repeated_references_are_dropped() {
    let Some(octets) = sample("dicom/nist-ids-dept001-a-kos.dcm") else { return };
    let decoded = decode(&octets).unwrap();
    assert_eq!(decoded.manifests[0].instance_count(), 1);
    assert_eq!(decoded.manifests[0].study_start().unwrap().as_str(), "20150201");
    let Some(octets) = sample("dicom/nist-ids-1002-kos.dcm") else { return };
    let decoded = decode(&octets).unwrap();
    let manifest = &decoded.manifests[0];
    let mut uids: Vec<_> = manifest.instances().map(|(_, instance)| instance.sop_instance.as_str()).collect();
    let count = uids.len();
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), count);
}

#[test]
fn our_own_samples_pass_the_check_but_for_what_they_were_made_with() {
    for name in ["dicom/kos-xdsi-ct-sr.dcm", "dicom/kos-xdsi-grown-replacement.dcm"] {
        let Some(octets) = sample(name) else { return };
        let findings = check(&octets);
        let errors: Vec<_> = findings.iter().filter(|f| f.severity == dicom::kos::Severity::Error).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        let manifest = &decode(&octets).unwrap().manifests[0];
        assert_eq!(manifest.procedures[0].code, "169069000");
        assert_eq!(manifest.orders[0].placer_order_number, "PLC-77");
    }
    let Some(octets) = sample("dicom/kos-iocm-rejected-quality.dcm") else { return };
    assert!(matches!(decode(&octets), Err(DecodeError::NotAManifest { title }) if title.code == "113001"));
    assert_eq!(decode_note(&octets).unwrap().references[0].as_str(), "2.25.7301.1.1.3");
}
