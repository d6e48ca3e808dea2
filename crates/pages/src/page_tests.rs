//! Whole pages from model values: what is on them, in which order, and that they are well-formed.

use crate::testing::{
    apnd, ct_report, ct_study, deprecated, dtm, entry_id, frame, patient, reader, regions, rplc, well_formed,
};
use crate::{
    Body, ErrorPage, Filter, Frame, Header, PatientsPage, Problem, ReportPage, Silent, StudyPage, Template,
    TimelineInput, TimelinePage,
};
use model::{
    Association, Code, DocumentEntry, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, PersonName,
    SeriesInstanceUid, SopClassUid, SopInstanceUid, SourcePatientInfo, StudyInstanceUid, Text, schemes,
};
use std::collections::HashMap;

fn timeline_with(
    entries: &[DocumentEntry],
    associations: &[Association],
    filter: &Filter,
    silent: Vec<Silent>,
) -> TimelinePage {
    let (patient, regions) = (patient(), regions());
    let input = TimelineInput {
        patient: &patient,
        entries,
        associations,
        regions: &regions,
        filter,
        silent,
        image_counts: HashMap::new(),
        truncated: None,
    };
    TimelinePage::of(&input, frame(), &reader())
}

fn timeline(entries: &[DocumentEntry], associations: &[Association], filter: &Filter) -> TimelinePage {
    timeline_with(entries, associations, filter, Vec::new())
}

fn filter(parameters: &[(&str, &str)]) -> Filter {
    Filter::of(|name| parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
}

fn mr_study() -> DocumentEntry {
    let mut study = ct_study("m", "2.25.2", "A2");
    study.title = Text::plain("MR head");
    study.event_code_list = vec![
        Code::new("MR", schemes::DCM, "Magnetic Resonance"),
        Code::new("774007", schemes::SNOMED_CT, "Head and neck"),
    ];
    study.service_start_time = Some(dtm("20251130161640"));
    study
}

fn page(template: &impl Template) -> String {
    let html = template.render().unwrap();
    well_formed(html.strip_prefix("<!DOCTYPE html>").unwrap());
    assert!(html.len() < 60 * 1024);
    html
}

#[test]
fn a_timeline_says_in_words_what_was_done_when_and_where() {
    let entries = [ct_study("s", "2.25.1", "A1"), mr_study(), ct_report("r", "2.25.1", "A1")];
    let made = timeline(&entries, &[], &Filter::default());
    assert_eq!(made.years.iter().map(|y| y.year.as_str()).collect::<Vec<_>>(), ["2026", "2025"]);
    let line = &made.years[0].lines[0];
    assert_eq!(
        (line.title.as_str(), line.date.as_str(), line.short_date.as_str(), line.place.as_str()),
        ("CT of the chest", "12 March 2026", "12 Mar", "North Hospital")
    );
    assert_eq!((line.badges[0].label.as_str(), line.regions.as_str()), ("CT", "Chest"));
    assert_eq!(line.reports[0].line, "12 March 2026, Dr. Märta LINDQVIST");
    assert!(line.study.is_some());
    assert!(made.years[1].lines[0].reports.is_empty());
    assert_eq!(made.summary, "2 examinations");
    let html = page(&made);
    assert!(html.contains("All sources have answered") && html.contains("No report"));
    assert!(html.contains("/portal/patient/P0001/report/00000000-"));
}

#[test]
fn filters_show_part_of_the_lines_and_say_so() {
    let entries = [ct_study("s", "2.25.1", "A1"), mr_study(), ct_report("r", "2.25.1", "A1")];
    let titles = |parameters: &[(&str, &str)]| -> Vec<String> {
        let made = timeline(&entries, &[], &filter(parameters));
        page(&made);
        made.years.into_iter().flat_map(|year| year.lines).map(|line| line.title).collect()
    };
    assert_eq!(titles(&[("modality", "MR")]), ["MR head"]);
    assert_eq!(titles(&[("region", "67734004")]), ["CT of the chest"]);
    assert_eq!(titles(&[("from", "2026-01-01")]), ["CT of the chest"]);
    assert_eq!(titles(&[("to", "2025")]), ["MR head"]);
    assert_eq!(titles(&[("from", "2026-03-12"), ("to", "2026-03-12")]), ["CT of the chest"]);
    assert_eq!(titles(&[("modality", "US")]), Vec::<String>::new());
    let made = timeline(&entries, &[], &filter(&[("modality", "US")]));
    assert_eq!(made.summary, "0 of 2 examinations");
    assert!(made.modalities.iter().any(|choice| choice.value == "US" && choice.selected));
    let html = page(&made);
    assert!(html.contains("No examination matches this filter"));
    let made = timeline(&entries, &[], &filter(&[("from", "tomorrow<")]));
    assert_eq!((made.bad_date.as_str(), made.shown), ("tomorrow<", 2));
    assert!(page(&made).contains("is not a date"));
}

#[test]
fn a_line_tells_of_its_versions_and_of_another_name_inside() {
    let mut current = ct_study("new", "2.25.1", "A1");
    current.creation_time = Some(dtm("20260313080000"));
    let known = patient();
    let name = PersonName::from_dicom("MARTIN^Anne");
    current.source_patient_info =
        SourcePatientInfo::of(std::slice::from_ref(&known.id), &name, known.birth_date.as_ref(), known.sex);
    let entries = [deprecated(ct_study("old", "2.25.1", "A1")), current];
    let made = timeline(&entries, &[rplc("new", "old")], &Filter::default());
    let line = &made.years[0].lines[0];
    assert_eq!(line.replaced, "Replaced once, last on 13 March 2026");
    assert_eq!(line.versions.len(), 1);
    assert_eq!(line.differences[0].in_document, "MARTIN, Anne");
    let html = page(&made);
    assert!(html.contains("MARTIN, Anne") && html.contains("DURAND, Anne"));
}

#[test]
fn what_was_withdrawn_offers_no_images_and_keeps_its_report() {
    let entries = [deprecated(ct_study("s", "2.25.1", "A1")), deprecated(ct_report("r", "2.25.1", "A1"))];
    let made = timeline(&entries, &[], &Filter::default());
    let line = &made.years[0].lines[0];
    assert!(line.withdrawn && line.study.is_none() && line.reports[0].withdrawn);
    assert!(page(&made).contains("Withdrawn by its source"));
}

#[test]
fn silence_is_named_and_never_shown_as_absence() {
    let west = Silent { name: "Region <West>".into(), reason: "Reason: no answer within 8 s.".into() };
    let made = timeline_with(&[], &[], &Filter::default(), vec![west.clone()]);
    let html = page(&made);
    assert!(html.contains("Region &#60;West&#62; has not answered"), "{html}");
    assert!(html.contains("This does not mean that there is nothing") && !html.contains("All sources have answered"));
    let made = timeline_with(&[mr_study()], &[], &Filter::default(), vec![west]);
    assert!(page(&made).contains("No report found so far"));
}

#[test]
fn an_empty_timeline_teaches_how_the_first_study_gets_there() {
    let html = page(&timeline(&[], &[], &Filter::default()));
    assert!(html.contains("No examination has been shared yet") && html.contains("manifold publish"));
}

#[test]
fn hostile_metadata_stays_text() {
    let evil = "\"><script>alert(1)</script>";
    let mut study = ct_study("s", "2.25.1", "A1");
    study.title = Text::plain(evil);
    study.type_code = Code::new(evil, evil, evil);
    study.event_code_list.push(Code::new(evil, schemes::DCM, evil));
    study.reference_id_list[1].id = evil.into();
    let html = page(&timeline(&[study], &[], &Filter::default()));
    assert!(!html.contains("<script>alert"), "{html}");
}

fn report_page(entries: &[DocumentEntry], associations: &[Association], id: &str, body: Body) -> Option<ReportPage> {
    let (patient, regions, filter) = (patient(), regions(), Filter::default());
    let input = TimelineInput {
        patient: &patient,
        entries,
        associations,
        regions: &regions,
        filter: &filter,
        silent: Vec::new(),
        image_counts: HashMap::new(),
        truncated: None,
    };
    ReportPage::of(&input, &entry_id(id), &Header::default(), body, frame(), &reader())
}

#[test]
fn a_report_leads_to_its_images_and_to_its_newer_version() {
    let mut addendum = ct_report("add", "2.25.1", "A1");
    addendum.title = Text::plain("Addendum to CT of the chest");
    let entries = [
        ct_study("s", "2.25.1", "A1"),
        deprecated(ct_report("old", "2.25.1", "A1")),
        ct_report("new", "2.25.1", "A1"),
        addendum,
    ];
    let relations = [rplc("new", "old"), apnd("add", "new")];
    let made = report_page(&entries, &relations, "old", Body::Pdf).unwrap();
    assert!(made.withdrawn && made.newer.is_some());
    assert!(page(&made).contains("This version has been replaced"));
    let made = report_page(&entries, &relations, "new", Body::Text("a < b\n\nc".into())).unwrap();
    assert_eq!((made.studies.len(), made.others.len()), (1, 1));
    assert!(made.newer.is_none() && !made.withdrawn);
    let html = page(&made);
    assert!(html.contains("a &#60; b") && html.contains("Signed by") && html.contains("/study/"));
    let problem = Problem {
        what: "w".into(),
        who: "x".into(),
        advice: "y".into(),
        reference: "0123456789abcdef".into(),
        again: true,
    };
    for body in [Body::File { media_type: "x/y".into() }, Body::Narrative("<p>n</p>".into()), Body::Missing(problem)] {
        page(&report_page(&entries, &relations, "new", body).unwrap());
    }
    assert!(report_page(&entries, &relations, "s", Body::Pdf).is_none(), "a manifest is no report");
    assert!(report_page(&entries, &relations, "absent", Body::Pdf).is_none());
}

fn manifest() -> Manifest {
    let series = |uid: &str, modality: &str, instances: u32| ManifestSeries {
        uid: SeriesInstanceUid::parse(uid).unwrap(),
        modality: Some(modality.into()),
        description: (modality == "CT").then(|| "Chest axial".into()),
        number: Some("2".into()),
        date: None,
        time: None,
        region: None,
        laterality: None,
        retrieve_location_uid: None,
        retrieve_url: Some("https://north.example/dicomweb/studies/2.25.1/series/2.25.10".into()),
        retrieve_ae_title: None,
        instances: (0..instances)
            .map(|n| ManifestInstance {
                sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
                sop_instance: SopInstanceUid::parse(&format!("{uid}.{n}")).unwrap(),
                instance_number: None,
                number_of_frames: None,
                significant: Vec::new(),
                key_object_note: None,
            })
            .collect(),
    };
    let known = patient();
    Manifest {
        flavour: ManifestFlavour::Mcwg,
        sop_instance: SopInstanceUid::parse("2.25.77").unwrap(),
        series_instance: SeriesInstanceUid::parse("2.25.78").unwrap(),
        study: StudyInstanceUid::parse("2.25.1").unwrap(),
        own_study: StudyInstanceUid::parse("2.25.1").unwrap(),
        patient_id: Some(known.id),
        patient_id_text: String::new(),
        other_patient_ids: Vec::new(),
        patient_name: PersonName::from_dicom("MARTIN^Anne"),
        birth_date: Some("19610412".into()),
        sex: known.sex,
        study_date: Some("20260312".into()),
        study_time: Some("101503".into()),
        study_description: Some("CT chest".into()),
        study_id: None,
        referring_physician: None,
        orders: Vec::new(),
        procedures: Vec::new(),
        regions: Vec::new(),
        manufacturer: "m".into(),
        institution: None,
        content_date: "20260312".into(),
        content_time: "103000".into(),
        timezone: Some("+0100".into()),
        display_uri: None,
        series: vec![series("2.25.10", "CT", 3), series("2.25.11", "SR", 1)],
    }
}

#[test]
fn a_study_shows_its_series_and_what_its_objects_say_of_the_patient() {
    let entries = [ct_study("s", "2.25.1", "A1"), ct_report("r", "2.25.1", "A1")];
    let (patient, regions, filter) = (patient(), regions(), Filter::default());
    let input = TimelineInput {
        patient: &patient,
        entries: &entries,
        associations: &[],
        regions: &regions,
        filter: &filter,
        silent: Vec::new(),
        image_counts: HashMap::new(),
        truncated: None,
    };
    let made = StudyPage::of(&input, &entry_id("s"), &manifest(), frame(), &reader()).unwrap();
    assert_eq!((made.images.as_str(), made.date.as_str()), ("3 images", "12 March 2026, 10:15"));
    assert_eq!(made.series[0].title, "Chest axial");
    assert!(
        made.series[0].thumbnail.as_ref().unwrap().ends_with("/series/2.25.10/instance/2.25.10.1/frame/1?width=160")
    );
    assert_eq!(
        (made.series[1].title.as_str(), made.series[1].count.as_str()),
        ("Structured report, series 2", "no picture")
    );
    assert!(made.series[1].thumbnail.is_none());
    assert_eq!(made.differences[0].in_document, "MARTIN, Anne");
    let html = page(&made);
    assert!(html.contains("Not for primary diagnosis") && html.contains("Read report"));
}

#[test]
fn the_search_lists_patients_and_teaches_when_there_are_none() {
    let listed = [patient()];
    let frame = || Frame { patient: String::new(), ..frame() };
    let made = PatientsPage::of("dur", &listed, |patient| patient.id.id.clone(), false, Vec::new(), frame(), &reader());
    let html = page(&made);
    assert!(html.contains("DURAND, Anne") && html.contains("href=\"/portal/patient/P0001\""));
    let empty =
        |text: &str| page(&PatientsPage::of(text, &[], |_| String::new(), false, Vec::new(), frame(), &reader()));
    assert!(empty("").contains("patients.csv"));
    assert!(empty("<x>").contains("No patient is called “&#60;x&#62;”"));
}

#[test]
fn an_error_says_what_who_what_next_and_a_reference() {
    let problem = Problem {
        what: "South has not answered".into(),
        who: "It keeps the images.".into(),
        advice: "Try again.".into(),
        reference: "0123456789abcdef".into(),
        again: true,
    };
    let html = page(&ErrorPage::of(problem, "/portal/patient/P0001/study/x", frame()));
    for words in
        ["South has not answered", "It keeps the images.", "Try again", "0123456789abcdef", "/portal/patient/P0001"]
    {
        assert!(html.contains(words), "{words}");
    }
}
