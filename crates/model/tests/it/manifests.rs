//! What every manifest must meet, and what is read from it. Source: spec/dicom.md 2-10, spec/mcwg.md 4.5.

use crate::samples::{fields, manifest};
use model::*;

fn check(change: impl FnOnce(&mut Manifest), expected: &[&str]) {
    let mut manifest = manifest();
    change(&mut manifest);
    assert_eq!(fields(&manifest.validate()), expected);
}

#[test]
fn each_broken_rule_names_its_field() {
    check(|_| {}, &[]);
    check(|m| m.series.clear(), &["CurrentRequestedProcedureEvidenceSequence"]);
    check(|m| m.series[0].instances.clear(), &["ReferencedSOPSequence"]);
    check(|m| m.series_instance = m.series[0].uid.clone(), &["SeriesInstanceUID"]);
    check(|m| m.sop_instance = m.series[0].instances[1].sop_instance.clone(), &["ReferencedSOPInstanceUID"]);
    check(
        |m| {
            let again = m.series[0].instances[0].clone();
            m.series[0].instances.push(again);
        },
        &["ReferencedSOPInstanceUID"],
    );
    check(
        |m| {
            let again = m.series[0].clone();
            m.series.push(again);
        },
        &["SeriesInstanceUID", "ReferencedSOPInstanceUID", "ReferencedSOPInstanceUID"],
    );
}

#[test]
fn the_base_of_a_series_is_what_stands_before_studies() {
    let mut series = manifest().series.remove(0);
    for (url, base) in [
        ("https://a.example/dicomweb/studies/2.25.1/series/2.25.2", "https://a.example/dicomweb"),
        ("https://a.example/studies/2.25.1", "https://a.example"),
        ("https://a.example/studies/archive/studies/2.25.1", "https://a.example/studies/archive"),
        ("https://a.example/dicomweb", "https://a.example/dicomweb"),
        ("https://a.example/dicomweb/", "https://a.example/dicomweb"),
        ("https://a.example/dicomweb///", "https://a.example/dicomweb"),
    ] {
        series.retrieve_url = Some(url.into());
        assert_eq!(series.wado_base(), Some(base), "{url}");
    }
    series.retrieve_url = None;
    assert_eq!(series.wado_base(), None);
}

#[test]
fn the_start_of_a_study_is_told_in_utc_as_precisely_as_it_is_known() {
    for (date, time, timezone, expected) in [
        (Some("20250314"), Some("093000"), Some("+0100"), Some("20250314083000")),
        (Some("20250314"), Some("093000.123"), None, Some("20250314093000")),
        (Some("20250314"), Some("0030"), Some("+0100"), Some("202503132330")),
        (Some("20241231"), Some("2330"), Some("-0100"), Some("202501010030")),
        (Some("20250314"), Some("09"), Some("+0530"), Some("2025031403")),
        (Some("20250314"), None, Some("+0100"), Some("20250314")),
        (Some("20250314"), Some(""), Some("+0100"), Some("20250314")),
        (Some("2025.03.14"), Some("093000"), None, Some("20250314093000")),
        // Films are older than the epoch of computers.
        (Some("19650704"), Some("120000"), Some("+0100"), Some("19650704110000")),
        // A leap second, which DTM does not have.
        (Some("20161231"), Some("235960"), None, Some("20161231235959")),
        // A date is known though the time or the offset is nonsense.
        (Some("20250314"), Some("9999"), None, Some("20250314")),
        (Some("20250314"), Some("093000"), Some("CET"), Some("20250314")),
        (Some("20251314"), Some("093000"), None, None),
        (Some("202503"), None, None, None),
        (None, Some("093000"), None, None),
    ] {
        let mut manifest = manifest();
        manifest.study_date = date.map(str::to_owned);
        manifest.study_time = time.map(str::to_owned);
        manifest.timezone = timezone.map(str::to_owned);
        let start = manifest.study_start();
        assert_eq!(start.as_ref().map(Dtm::as_str), expected, "{date:?} {time:?} {timezone:?}");
    }
    assert_eq!(manifest().content_time_utc().unwrap().as_str(), "20250314090000");
}

#[test]
fn modalities_are_those_that_acquired_something() {
    let of = |modalities: &[&str]| {
        let mut manifest = manifest();
        let series = manifest.series.remove(0);
        manifest.series = modalities
            .iter()
            .map(|m| ManifestSeries { modality: (*m != "-").then(|| (*m).to_owned()), ..series.clone() })
            .collect();
        manifest.acquisition_modalities().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(&["CT", "SR", "PT", "CT", "KO"]), ["CT", "PT"]);
    assert_eq!(of(&["SR", "KO"]), ["SR", "KO"]);
    assert_eq!(of(&["-", "", "MG"]), ["MG"]);
    assert_eq!(of(&[]), Vec::<String>::new());
}

#[test]
fn a_manifest_lists_what_its_series_hold() {
    let manifest = manifest();
    assert_eq!(manifest.instance_count(), 2);
    assert!(manifest.lists(&SopInstanceUid::parse("2.25.77.1.2").unwrap()));
    assert!(!manifest.lists(&SopInstanceUid::parse("2.25.77.1.3").unwrap()));
    assert_eq!(manifest.instances().filter(|(s, _)| s.uid.as_str() == "2.25.77.1").count(), 2);
}
