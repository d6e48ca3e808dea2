//! The image library of a MADO manifest: what is written where, and what of it is missed. spec/mcwg.md 4.2 to 4.6.

use dicom::kos::{Severity, check, decode, encode};
use dicom::{DataSet, Tag, part10, tags};
use model::{Code, Manifest, ManifestFlavour, schemes};

use super::encode::data_set;
use super::make::{self, CT, instance, manifest, new_manifest, source};

const CONTENT: Tag = tags::CONTENT_SEQUENCE;

/// The items of a container under a concept.
fn concept<'a>(set: &'a DataSet, code: &str) -> Vec<&'a DataSet> {
    let name = |item: &&DataSet| item.item(tags::CONCEPT_NAME_CODE_SEQUENCE).and_then(|n| n.text(tags::CODE_VALUE));
    set.items(CONTENT).iter().filter(|item| name(item).as_deref() == Some(code)).collect()
}

fn text(set: &DataSet, code: &str) -> Option<String> {
    concept(set, code).first()?.text(tags::TEXT_VALUE)
}

fn codes(set: &DataSet, code: &str) -> Vec<String> {
    let value = |item: &&DataSet| item.item(tags::CONCEPT_CODE_SEQUENCE).and_then(|c| c.text(tags::CODE_VALUE));
    concept(set, code).iter().filter_map(value).collect()
}

fn number(set: &DataSet, code: &str) -> (Option<String>, Option<String>) {
    let found = concept(set, code);
    let Some(measured) = found.first().and_then(|item| item.item(tags::MEASURED_VALUE_SEQUENCE)) else {
        return (None, None);
    };
    let unit = measured.item(tags::MEASUREMENT_UNITS_CODE_SEQUENCE).and_then(|unit| unit.text(tags::CODE_VALUE));
    (measured.text(tags::NUMERIC_VALUE), unit)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn the_library_describes_study_series_and_instances_as_tid_1600_says() {
    let mut manifest = manifest(ManifestFlavour::Mado);
    manifest.series[0].region = Some(Code::new("51185008", schemes::SNOMED_CT, "Chest"));
    manifest.series[0].laterality = Some(Code::new("7771000", schemes::SNOMED_CT, "Left"));
    let set = data_set(&encode(&manifest).unwrap());
    let title = set.item(tags::CONCEPT_NAME_CODE_SEQUENCE).unwrap();
    assert_eq!(title.text(tags::CODE_VALUE).as_deref(), Some("131560"));
    assert_eq!(codes(&set, "121023"), ["169069000"]);
    let flat = set.items(CONTENT).iter().filter(|item| item.contains(tags::REFERENCED_SOP_SEQUENCE));
    assert_eq!(flat.count(), manifest.instance_count());
    let library = concept(&set, "111028")[0];
    assert_eq!(library.text(tags::CONTINUITY_OF_CONTENT).as_deref(), Some("SEPARATE"));
    assert_eq!(codes(library, "121139"), ["CT", "US", "ECG", "SR", "KO"]);
    assert_eq!(codes(library, "123014"), ["67734004"]);
    assert_eq!(number(library, "131565"), (some("5"), some("{series}")));
    let groups = concept(library, "126200");
    assert_eq!(groups.len(), 5);
    let ct = groups[0];
    assert_eq!(codes(ct, "121139"), ["CT"]);
    assert_eq!(concept(ct, "112002")[0].uid(tags::UID).as_deref(), Some("2.25.7000.1"));
    assert_eq!(text(ct, "113607").as_deref(), Some("1"));
    assert_eq!(text(ct, "131563").as_deref(), Some("Serie 1 für CT"));
    assert_eq!(concept(ct, "131561")[0].text(tags::DATE).as_deref(), Some("20250603"));
    assert_eq!(concept(ct, "131562")[0].text(tags::TIME).as_deref(), Some("091530.25"));
    assert_eq!((codes(ct, "123014"), codes(ct, "111027")), (vec!["51185008".to_owned()], vec!["7771000".to_owned()]));
    assert_eq!(number(ct, "131564"), (some("2"), some("{instances}")));
    let entry = |group: &DataSet, at: usize| {
        let entries: Vec<&DataSet> =
            group.items(CONTENT).iter().filter(|item| item.contains(tags::REFERENCED_SOP_SEQUENCE)).collect();
        entries[at].clone()
    };
    assert_eq!(text(&entry(ct, 1), "113609").as_deref(), Some("2"));
    assert_eq!(number(&entry(groups[1], 0), "121140"), (some("30"), some("{frames}")));
    let note = entry(groups[4], 0);
    assert_eq!(codes(&note, "121144"), ["113000"]);
    assert_eq!(text(&note, "113012").as_deref(), Some("Rundherd, 8 mm"));
    // A region without a code is a text.
    assert_eq!(text(groups[1], "123014").as_deref(), Some("CHEST"));
}

#[test]
fn a_mado_manifest_has_the_base_url_one_accession_number_and_the_extensions_as_well() {
    let mut manifest = manifest(ManifestFlavour::Mado);
    manifest.display_uri = Some("https://view.example.org/?study=2.25.7000".to_owned());
    let set = data_set(&encode(&manifest).unwrap());
    assert_eq!(set.text(tags::ACCESSION_NUMBER).as_deref(), Some("ACC-2025-0042"));
    assert_eq!(set.items(tags::OTHER_PATIENT_I_DS_SEQUENCE).len(), 1);
    let study = set.item(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE).unwrap();
    assert_eq!(study.text(Tag(0x0040, 0xE012)), manifest.display_uri);
    let series = study.item(tags::REFERENCED_SERIES_SEQUENCE).unwrap();
    assert_eq!(series.text(tags::RETRIEVE_URL).as_deref(), Some("https://img.example.org/dicomweb"));
    assert_eq!(series.uid(tags::RETRIEVE_LOCATION_UID).as_deref(), Some("2.25.9.9"));
    assert_eq!(series.text(tags::MODALITY).as_deref(), Some("CT"));
    assert!(series.items(tags::REFERENCED_SOP_SEQUENCE)[1].contains(tags::RELATED_SERIES_SEQUENCE));
}

#[test]
fn region_and_side_of_a_series_come_from_its_instances() {
    let made = |change: fn(&mut dicom::kos::StudyInstance)| {
        let mut instances = [instance(CT, "CT", 1, 1), instance(CT, "CT", 1, 2)];
        instances[0].laterality = Some("L".to_owned());
        instances[1].laterality = Some("L".to_owned());
        change(&mut instances[1]);
        dicom::kos::build(&instances, &source(ManifestFlavour::Mado), &new_manifest()).unwrap().series.remove(0)
    };
    let series = made(|_| {});
    assert_eq!(series.laterality, Some(Code::new("7771000", schemes::SNOMED_CT, "Left")));
    assert_eq!(series.region, Some(Code::new("", "", "CHEST")));
    assert_eq!(made(|one| one.laterality = Some("R".to_owned())).laterality, None);
    assert_eq!(made(|one| one.laterality = None).laterality, None);
    let mut coded = instance(CT, "CT", 1, 1);
    coded.anatomic_regions = vec![Code::new("80891009", schemes::SNOMED_CT, "Heart")];
    let built = dicom::kos::build(&[coded], &source(ManifestFlavour::Mado), &new_manifest()).unwrap();
    assert_eq!(built.series[0].region.as_ref().unwrap().code, "80891009");
}

#[test]
fn a_text_that_stands_for_a_code_is_not_written_as_one() {
    let mut manifest = manifest(ManifestFlavour::Mado);
    let text = Code::new("", "", "Head CT");
    manifest.procedures.insert(0, text.clone());
    manifest.regions.push(text.clone());
    manifest.series[0].laterality = Some(text);
    let octets = encode(&manifest).unwrap();
    assert_eq!(check(&octets), []);
    assert_eq!(decode(&octets).unwrap().manifests[0].procedures.len(), 1);
}

fn check_misses(place: &str, rule: &str, change: impl FnOnce(&mut Manifest)) {
    let mut manifest = manifest(ManifestFlavour::Mado);
    change(&mut manifest);
    let findings = check(&encode(&manifest).unwrap());
    let found = findings.iter().any(|f| f.place.contains(place) && f.rule.contains(rule));
    assert!(found, "no `{place} {rule}` in {findings:#?}");
}

#[test]
fn what_a_library_must_say_and_does_not_is_named_by_its_concept() {
    check_misses("111028.123014", "at least one target region", |m| m.regions.clear());
    check_misses("111028.121139", "must give the modalities", |m| m.series.iter_mut().for_each(|s| s.modality = None));
    check_misses("111028.126200.121139", "modality of the series", |m| m.series[0].modality = None);
    check_misses("ReferencedRequestSequence", "at least one request", |m| m.orders.clear());
    check_misses("StudyTime", "must have a value", |m| m.study_time = None);
}

#[test]
fn a_library_that_contradicts_the_evidence_is_an_error() {
    let octets = encode(&manifest(ManifestFlavour::Mado)).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<DataSet>)| {
        let mut set = data_set(&octets);
        let mut items = set.items(CONTENT).to_vec();
        let library = items.last_mut().unwrap();
        let mut content = library.items(CONTENT).to_vec();
        change(&mut content);
        library.put_items(CONTENT, content);
        set.put_items(CONTENT, items);
        check(&part10::encode(&set))
    };
    assert_eq!(changed(&|_| {}), []);
    let fewer = changed(&|content| drop(content.pop()));
    let missing = |f: &dicom::kos::Finding| f.place.ends_with("126200") && f.rule == "must be there for each series";
    assert!(fewer.iter().any(|f| f.severity == Severity::Error && missing(f)), "{fewer:#?}");
    let textual = changed(&|content| {
        let count = content.iter_mut().find(|item| item.contains(tags::MEASURED_VALUE_SEQUENCE)).unwrap();
        count.remove(tags::MEASURED_VALUE_SEQUENCE);
        count.put_text(tags::VALUE_TYPE, "TEXT");
        count.put_octets(tags::TEXT_VALUE, dicom::VR::UT, "4");
    });
    let rules: Vec<&str> = textual.iter().filter(|f| f.place.ends_with("111028.131565")).map(|f| &*f.rule).collect();
    assert_eq!(rules, ["must count the 5 series of the evidence", "must have value type NUM"]);
}

#[test]
fn the_library_wins_over_the_evidence_and_the_difference_is_told() {
    let mut set = data_set(&encode(&make::manifest(ManifestFlavour::Mado)).unwrap());
    let evidence = tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE;
    let mut study = set.items(evidence)[0].clone();
    let mut series = study.items(tags::REFERENCED_SERIES_SEQUENCE).to_vec();
    series[0].put_text(tags::SERIES_DESCRIPTION, "Something else");
    study.put_items(tags::REFERENCED_SERIES_SEQUENCE, series);
    set.put_items(evidence, vec![study]);
    let decoded = decode(&part10::encode(&set)).unwrap();
    assert_eq!(decoded.manifests[0].series[0].description.as_deref(), Some("Serie 1 für CT"));
    assert_eq!(decoded.deviations.len(), 1);
    assert!(decoded.deviations[0].rule.contains("the same as the image library"));
}
