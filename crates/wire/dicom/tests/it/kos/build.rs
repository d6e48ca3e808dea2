//! From instances to a manifest: order, notes, rejections, requests, regions, times.

use dicom::kos::{BuildError, build, content_fingerprint, rejected};
use model::{Manifest, ManifestFlavour, Order, SeriesInstanceUid, StudyInstanceUid};

use super::make::{CT, SR, instance, instance_uid, manifest, new_manifest, note, oid, source, study};

fn built(instances: &[dicom::kos::StudyInstance]) -> Manifest {
    build(instances, &source(ManifestFlavour::Mcwg), &new_manifest()).unwrap()
}

#[test]
fn series_and_instances_stand_by_number_whatever_order_they_came_in() {
    let mut instances = study();
    let expected = built(&instances);
    instances.reverse();
    assert_eq!(built(&instances), expected);
    let uids: Vec<&str> = expected.instances().map(|(_, one)| one.sop_instance.as_str()).collect();
    assert_eq!(uids[..3], ["2.25.7000.1.1", "2.25.7000.1.2", "2.25.7000.2.1"]);
    let mut numberless = instance(CT, "CT", 1, 3);
    numberless.series_number = None;
    numberless.instance_number = None;
    instances.push(numberless);
    let manifest = built(&instances);
    assert_eq!(manifest.series.len(), expected.series.len());
    assert_eq!(manifest.series[0].instances.len(), 3);
}

#[test]
fn a_key_object_note_flags_what_it_refers_to_and_describes_itself() {
    let manifest = manifest(ManifestFlavour::Mcwg);
    let flagged = &manifest.series[0].instances[1];
    assert_eq!(flagged.significant[0].note.as_str(), "2.25.7000.5.1");
    assert_eq!(flagged.significant[0].title.code, "113000");
    assert!(manifest.series[0].instances[0].significant.is_empty());
    let kin = manifest.series[4].instances[0].key_object_note.as_ref().unwrap();
    assert_eq!(kin.description.as_deref(), Some("Rundherd, 8 mm"));
}

#[test]
fn rejected_instances_their_notes_and_other_manifests_are_not_listed() {
    for title in ["113001", "113037", "113038", "113039"] {
        let mut instances = study();
        instances.push(note((title, "Rejected"), None, 6, &["2.25.7000.1.1"]));
        instances.push(note(("113030", "Manifest"), None, 7, &["2.25.7000.1.2"]));
        let manifest = built(&instances);
        assert!(!manifest.lists(&instance_uid("2.25.7000.1.1")), "{title}");
        assert!(!manifest.lists(&instance_uid("2.25.7000.6.1")), "{title}");
        assert!(!manifest.lists(&instance_uid("2.25.7000.7.1")), "{title}");
        assert_eq!(manifest.instance_count(), 5);
        assert_eq!(rejected(&instances).len(), 1);
    }
}

#[test]
fn a_study_of_which_nothing_is_left_has_no_manifest() {
    let instances = [instance(CT, "CT", 1, 1), note(("113001", "Rejected"), None, 6, &["2.25.7000.1.1"])];
    let error = build(&instances, &source(ManifestFlavour::Mcwg), &new_manifest()).unwrap_err();
    assert_eq!(error, BuildError::NothingToList { instances: 2, rejected: 1 });
    let error = build(&[], &source(ManifestFlavour::Mcwg), &new_manifest()).unwrap_err();
    assert_eq!(error, BuildError::NothingToList { instances: 0, rejected: 0 });
}

#[test]
fn uids_that_are_taken_and_other_studies_are_refused() {
    let mut new = new_manifest();
    new.series_instance = SeriesInstanceUid::parse("2.25.7000.1").unwrap();
    let error = build(&study(), &source(ManifestFlavour::Mcwg), &new).unwrap_err();
    assert!(matches!(error, BuildError::SeriesInUse(_)));
    let mut other = instance(CT, "CT", 1, 9);
    other.study = StudyInstanceUid::parse("2.25.7001").unwrap();
    let error = build(&[instance(CT, "CT", 1, 1), other], &source(ManifestFlavour::Mcwg), &new_manifest()).unwrap_err();
    assert!(matches!(error, BuildError::AnotherStudy(_, _)));
}

#[test]
fn requests_are_united_with_the_issuers_of_the_source() {
    let mut first = instance(CT, "CT", 1, 1);
    let mut second = instance(CT, "CT", 1, 2);
    let order = |accession: &str, placer: &str| Order {
        accession_number: accession.to_owned(),
        placer_order_number: placer.to_owned(),
        ..Order::default()
    };
    first.orders = vec![order("A1", ""), order("A2", "P2")];
    second.orders = vec![order("A1", "P1"), order(" A2", "P2 "), order("", "P1"), order("", "")];
    let manifest = built(&[first, second]);
    let pairs: Vec<(&str, &str)> =
        manifest.orders.iter().map(|o| (o.accession_number.as_str(), o.placer_order_number.as_str())).collect();
    assert_eq!(pairs, [("A1", "P1"), ("A2", "P2")]);
    assert!(manifest.orders.iter().all(|o| o.accession_issuer == Some(oid("2.25.9.2"))));
    assert!(manifest.orders.iter().all(|o| o.placer_issuer == Some(oid("2.25.9.3"))));
}

#[test]
fn regions_come_from_the_map_and_are_not_invented() {
    assert_eq!(manifest(ManifestFlavour::Mcwg).regions[0].code, "67734004");
    let mut unknown = instance(CT, "CT", 1, 1);
    unknown.body_part = Some("TOE".to_owned());
    assert!(built(&[unknown]).regions.is_empty());
}

#[test]
fn the_offset_of_the_instances_wins_and_content_time_is_local_to_it() {
    let mut instances = study();
    let manifest = built(&instances);
    assert_eq!((manifest.content_date.as_str(), manifest.content_time.as_str()), ("20250603", "101530"));
    assert_eq!(manifest.timezone.as_deref(), Some("+0200"));
    assert_eq!(manifest.content_time_utc().unwrap().as_str(), "20250603081530");
    instances[0].timezone = Some("-0930".to_owned());
    let manifest = built(&instances);
    assert_eq!((manifest.content_date.as_str(), manifest.content_time.as_str()), ("20250602", "224530"));
    assert_eq!(manifest.study_start().unwrap().as_str(), "20250603184500");
}

#[test]
fn a_study_without_a_date_begins_with_its_first_series() {
    let mut one = instance(CT, "CT", 1, 1);
    let mut report = instance(SR, "SR", 2, 1);
    for each in [&mut one, &mut report] {
        (each.study_date, each.study_time) = (None, None);
    }
    (one.series_date, one.series_time) = (None, None);
    (one.first_date, one.first_time) = (Some("20250602".to_owned()), Some("235900".to_owned()));
    report.series_date = Some("20250601".to_owned());
    let manifest = built(&[one, report]);
    assert_eq!(manifest.study_date.as_deref(), Some("20250602"));
    assert_eq!(manifest.study_time.as_deref(), Some("235900"));
    assert_eq!(manifest.series[0].date.as_deref(), Some("20250602"));
}

#[test]
fn one_frame_is_not_a_multi_frame_instance_and_a_repeated_instance_is_listed_once() {
    let mut single = instance(CT, "CT", 1, 1);
    single.number_of_frames = Some(1);
    let manifest = built(&[single.clone(), single]);
    assert_eq!(manifest.instance_count(), 1);
    assert_eq!(manifest.series[0].instances[0].number_of_frames, None);
    assert!(manifest.validate().is_empty());
}

#[test]
fn an_id_without_any_issuer_stays_text() {
    let mut source = source(ManifestFlavour::Mcwg);
    source.patient_issuer = None;
    let mut one = instance(CT, "CT", 1, 1);
    one.patient_issuer = None;
    let manifest = build(&[one], &source, &new_manifest()).unwrap();
    assert_eq!((manifest.patient_id, manifest.patient_id_text.as_str()), (None, "P0001"));
}

#[test]
fn the_fingerprint_ignores_identity_and_order_and_sees_every_change() {
    let manifest = manifest(ManifestFlavour::Mcwg);
    let mut same = manifest.clone();
    same.sop_instance = instance_uid("2.25.7000.900.2");
    same.series_instance = SeriesInstanceUid::parse("2.25.7000.901").unwrap();
    same.content_time = "235959".to_owned();
    same.series.reverse();
    same.series[4].instances.reverse();
    assert_eq!(content_fingerprint(&same), content_fingerprint(&manifest));
    let changes: [fn(&mut Manifest); 7] = [
        |m| m.series[0].instances.truncate(1),
        |m| m.orders[0].accession_number.push('X'),
        |m| m.series[1].description = None,
        |m| m.study_description = Some(String::new()),
        |m| m.flavour = ManifestFlavour::Xdsi,
        |m| m.series[0].instances[1].significant.clear(),
        |m| m.patient_name.family.push('x'),
    ];
    for change in changes {
        let mut changed = manifest.clone();
        change(&mut changed);
        assert_ne!(content_fingerprint(&changed), content_fingerprint(&manifest));
    }
    let mut changed = manifest.clone();
    changed.series[0].region = None;
    assert_eq!(content_fingerprint(&changed), content_fingerprint(&manifest), "this flavour does not write it");
    let (mut manifest, mut changed) = (manifest, changed);
    (manifest.flavour, changed.flavour) = (ManifestFlavour::Mado, ManifestFlavour::Mado);
    assert_ne!(content_fingerprint(&changed), content_fingerprint(&manifest));
}

#[test]
fn a_header_becomes_an_instance_with_schemes_and_issuers_as_oids() {
    let header = dicom::Header::from_slice(&dicom::part10::encode(&crate::make::ct())).unwrap();
    let one = dicom::kos::StudyInstance::from_header(&header).unwrap();
    assert_eq!(one.sop_instance.as_str(), "2.25.1.3");
    assert_eq!(one.procedures[0].scheme, model::schemes::SNOMED_CT);
    assert_eq!(one.patient_issuer, Some(oid("2.999.7")));
    let manifest = built(&[one]);
    assert_eq!(manifest.orders.len(), 1);
    assert_eq!(manifest.orders[0].accession_issuer, Some(oid("2.999.1.2.3")));
    assert_eq!(manifest.orders[0].placer_order_number, "PLC-1");
    assert_eq!(manifest.series[0].number.as_deref(), Some("3"));
    assert_eq!(manifest.patient_name.family, "Müller");
}

#[test]
fn a_stored_note_flags_through_its_header() {
    let set = crate::kos::encode::data_set(&dicom::kos::encode(&manifest(ManifestFlavour::Mcwg)).unwrap());
    let mut note = set.clone();
    note.put_items(dicom::tags::CONCEPT_NAME_CODE_SEQUENCE, vec![crate::make::code("113000", "DCM", "Of Interest")]);
    let header = dicom::Header::from_slice(&dicom::part10::encode(&note)).unwrap();
    let one = dicom::kos::StudyInstance::from_header(&header).unwrap();
    let key_objects = one.key_objects.unwrap();
    assert_eq!(key_objects.title.scheme, model::schemes::DCM);
    assert_eq!(key_objects.references.len(), 6);
}
