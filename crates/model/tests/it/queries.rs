//! What a query means on one entry: AND between criteria, OR inside one. Source: spec/xds.md 16; field case B-033.

use crate::samples::{code, dtm, entry, patient, unique};
use model::*;

fn of(modality: &str, region: &str) -> DocumentEntry {
    DocumentEntry {
        event_code_list: vec![code(modality, schemes::DCM), code(region, schemes::SNOMED_CT)],
        ..entry("d")
    }
}

fn dcm(code: &str) -> CodeTerm {
    CodeTerm::of(code, schemes::DCM)
}

fn sct(code: &str) -> CodeTerm {
    CodeTerm::of(code, schemes::SNOMED_CT)
}

fn query() -> DocumentQuery {
    DocumentQuery::of_patient(patient("P0001"))
}

fn check(name: &str, query: DocumentQuery, matches: bool) {
    assert_eq!(query.matches(&entry("d")), matches, "{name}");
}

#[test]
fn b_033_values_of_one_slot_are_alternatives_and_slots_add_up() {
    let documents = [of("CT", "67734004"), of("CT", "63337009"), of("MR", "67734004"), of("MR", "63337009")];
    let thorax = || sct("67734004");
    type Slots = Vec<Vec<CodeTerm>>;
    let cases: [(&str, Slots, [bool; 4]); 8] = [
        ("nothing asked", vec![], [true; 4]),
        ("an empty slot", vec![vec![]], [true; 4]),
        ("CT", vec![vec![dcm("CT")]], [true, true, false, false]),
        ("CT or MR", vec![vec![dcm("CT"), dcm("MR")]], [true; 4]),
        ("CT and MR", vec![vec![dcm("CT")], vec![dcm("MR")]], [false; 4]),
        ("CT and thorax", vec![vec![dcm("CT")], vec![thorax()]], [true, false, false, false]),
        ("CT or thorax", vec![vec![dcm("CT"), thorax()]], [true, true, true, false]),
        ("(CT or MR) and thorax", vec![vec![dcm("CT"), dcm("MR")], vec![thorax()]], [true, false, true, false]),
    ];
    for (name, event_code_list, expected) in cases {
        let query = DocumentQuery { event_code_list, ..query() };
        assert_eq!([0, 1, 2, 3].map(|n| query.matches(&documents[n])), expected, "{name}");
    }
}

#[test]
fn a_code_is_code_and_scheme_and_never_its_display_name() {
    let mut renamed = of("CT", "67734004");
    renamed.event_code_list[0].display = Text::plain("something else");
    let ask = |term: CodeTerm| DocumentQuery { event_code_list: vec![vec![term]], ..query() }.matches(&renamed);
    assert!(ask(dcm("CT")));
    assert!(!ask(CodeTerm::of("CT", "2.999.1")));
    assert!(!ask(dcm("ct")));
    assert!(ask(CodeTerm { code: Some("CT".into()), scheme: None }));
    assert!(ask(CodeTerm { code: None, scheme: Some(schemes::DCM.into()) }));
    assert!(!ask(CodeTerm { code: Some("CT".into()), scheme: Some(String::new()) }));
}

#[test]
fn every_criterion_restricts() {
    let term = |code: &Code| CodeTerm::of(code.code.clone(), code.scheme.clone());
    let other = || CodeTerm::of("other", "2.999.30.9");
    let known = entry("d");
    check("patient", query(), true);
    check("another patient", DocumentQuery::of_patient(patient("P0002")), false);
    check("entryUUID", DocumentQuery { entry_ids: vec![known.id.clone()], ..query() }, true);
    check("another entryUUID", DocumentQuery { entry_ids: vec![ObjectId::parse("e").unwrap()], ..query() }, false);
    check("uniqueId", DocumentQuery { unique_ids: vec![unique("2.25.1"), unique("2.25.2")], ..query() }, true);
    check("another uniqueId", DocumentQuery { unique_ids: vec![unique("2.25.2")], ..query() }, false);
    check("status", query().approved(), true);
    let deprecated = vec![AvailabilityStatus::Deprecated];
    check("another status", DocumentQuery { statuses: deprecated, ..query() }, false);
    for (name, ok, wrong) in [
        (
            "classCode",
            DocumentQuery { class_codes: vec![other(), term(&known.class_code)], ..query() },
            DocumentQuery { class_codes: vec![other()], ..query() },
        ),
        (
            "typeCode",
            DocumentQuery { type_codes: vec![term(&known.type_code)], ..query() },
            DocumentQuery { type_codes: vec![other()], ..query() },
        ),
        (
            "formatCode",
            DocumentQuery { format_codes: vec![term(&known.format_code)], ..query() },
            DocumentQuery { format_codes: vec![other()], ..query() },
        ),
        (
            "practiceSettingCode",
            DocumentQuery { practice_setting_codes: vec![term(&known.practice_setting_code)], ..query() },
            DocumentQuery { practice_setting_codes: vec![other()], ..query() },
        ),
        (
            "healthcareFacilityTypeCode",
            DocumentQuery {
                healthcare_facility_type_codes: vec![term(&known.healthcare_facility_type_code)],
                ..query()
            },
            DocumentQuery { healthcare_facility_type_codes: vec![other()], ..query() },
        ),
        (
            "confidentialityCode",
            DocumentQuery {
                confidentiality_codes: vec![vec![other(), term(&known.confidentiality_codes[0])]],
                ..query()
            },
            DocumentQuery {
                confidentiality_codes: vec![vec![term(&known.confidentiality_codes[0])], vec![other()]],
                ..query()
            },
        ),
    ] {
        check(name, ok, true);
        check(name, wrong, false);
    }
    let study = |uid: &str| ReferenceTerm::Exact(ReferenceId::study(&StudyInstanceUid::parse(uid).unwrap()));
    let references = |reference_ids| DocumentQuery { reference_ids, ..query() };
    check("either study", references(vec![vec![study("2.25.78"), study("2.25.77")]]), true);
    check("both studies", references(vec![vec![study("2.25.78")], vec![study("2.25.77")]]), false);
}

#[test]
fn times_are_half_open_and_an_absent_time_does_not_restrict() {
    let start = |from: Option<&str>, to: Option<&str>| DtmRange {
        from: from.map(|t| dtm(t).start()),
        to: to.map(|t| dtm(t).start()),
    };
    let by_start = |range| DocumentQuery { service_start_time: range, ..query() };
    check("from its own minute", by_start(start(Some("202503140830"), None)), true);
    check("from a second later", by_start(start(Some("20250314083001"), None)), false);
    check("to its own minute", by_start(start(None, Some("202503140830"))), false);
    check("to a second later", by_start(start(None, Some("20250314083001"))), true);
    check("the whole year", by_start(start(Some("2025"), Some("2026"))), true);
    check("stop", DocumentQuery { service_stop_time: start(Some("202503140901"), None), ..query() }, false);
    check("creation", DocumentQuery { creation_time: start(Some("20250315"), None), ..query() }, false);
    let timeless = DocumentEntry { service_start_time: None, service_stop_time: None, ..entry("d") };
    assert!(by_start(start(Some("2030"), None)).matches(&timeless));
    let on_demand = DocumentEntry { document_type: DocumentType::OnDemand, creation_time: None, ..entry("d") };
    let ask = DocumentQuery {
        creation_time: start(Some("2030"), None),
        document_types: vec![DocumentType::OnDemand],
        ..query()
    };
    assert!(ask.matches(&on_demand));
}

#[test]
fn all_periods_must_be_met() {
    let after = PeriodMatch { start_at_least: Some(20250101000000), ..PeriodMatch::default() };
    let before = PeriodMatch { stop_at_most: Some(20250201000000), ..PeriodMatch::default() };
    check("one", DocumentQuery { periods: vec![after], ..query() }, true);
    check("both", DocumentQuery { periods: vec![after, before], ..query() }, false);
}

#[test]
fn a_time_of_submission_is_compared_in_its_own_precision_and_never_met_when_absent() {
    // Conditions on the day 2025-03-14, as `date` gives them.
    let (first, last) = (Some(20250314000000), Some(20250314235959));
    let (before, after) = (Some(20250313235959), Some(20250315000000));
    let open = PeriodMatch::default();
    let times = [
        "20250313235959",
        "20250314000000",
        "20250314235959",
        "20250315000000",
        "20250313",
        "20250314",
        "20250315",
        "202503",
    ];
    for (prefix, condition, expected) in [
        ("eq", PeriodMatch { start_at_least: first, stop_at_most: last, ..open }, "-XX--X--"),
        ("ne", PeriodMatch { start_at_least: first, stop_at_most: last, negate: true, ..open }, "X--XX-XX"),
        ("gt", PeriodMatch { stop_at_least: after, ..open }, "---X--XX"),
        ("lt", PeriodMatch { start_at_most: before, ..open }, "X---X--X"),
        ("ge", PeriodMatch { stop_at_least: first, ..open }, "-XXX-XXX"),
        ("le", PeriodMatch { start_at_most: last, ..open }, "XXX-XX-X"),
        ("sa", PeriodMatch { start_at_least: after, ..open }, "---X--X-"),
        ("eb", PeriodMatch { stop_at_most: before, ..open }, "X---X---"),
        ("ap", PeriodMatch { start_at_most: last, stop_at_least: first, ..open }, "-XX--X-X"),
    ] {
        let query = DocumentQuery { submission_time: vec![condition], ..query() };
        for (time, expected) in times.iter().zip(expected.chars()) {
            let submitted = DocumentEntry { submission_time: Some(dtm(time)), ..entry("d") };
            assert_eq!(query.matches(&submitted), expected == 'X', "{prefix} 2025-03-14 against {time}");
        }
        assert!(!query.matches(&DocumentEntry { submission_time: None, ..entry("d") }), "{prefix}, no time");
    }
    let since = PeriodMatch { stop_at_least: first, ..open };
    let until = PeriodMatch { start_at_most: before, ..open };
    let submitted = DocumentEntry { submission_time: Some(dtm("20250314")), ..entry("d") };
    assert!(!DocumentQuery { submission_time: vec![since, until], ..query() }.matches(&submitted));
    assert!(DocumentQuery { submission_time: vec![since, since], ..query() }.matches(&submitted));
}

#[test]
fn on_demand_entries_show_only_when_asked_for() {
    let on_demand = DocumentEntry { document_type: DocumentType::OnDemand, ..entry("d") };
    assert!(!query().matches(&on_demand));
    assert!(DocumentQuery { document_types: vec![DocumentType::OnDemand], ..query() }.matches(&on_demand));
    check("stable", DocumentQuery { document_types: vec![DocumentType::OnDemand], ..query() }, false);
    // GetDocuments names the object itself.
    let by_id = DocumentQuery { entry_ids: vec![on_demand.id.clone()], ..DocumentQuery::default() };
    assert!(by_id.matches(&on_demand));
    let by_unique_id = DocumentQuery { unique_ids: vec![on_demand.unique_id.clone()], ..DocumentQuery::default() };
    assert!(by_unique_id.matches(&on_demand));
}

#[test]
fn authors_are_matched_by_pattern_or_by_the_start_of_their_names() {
    let words = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let by = |patterns: &[&str]| DocumentQuery { author_person: words(patterns), ..query() };
    check("pattern", by(&["%Moe%", "%^Roe^%"]), true);
    check("pattern of the whole value", by(&["Roe"]), false);
    let named = |family: &[&str], given: &[&str]| DocumentQuery {
        author_family: words(family),
        author_given: words(given),
        ..query()
    };
    check("family", named(&["ro"], &[]), true);
    check("family of another", named(&["oe"], &[]), false);
    check("both", named(&["roe"], &["RICH"]), true);
    check("given of another", named(&["roe"], &["jane"]), false);
    let anonymous = DocumentEntry { authors: Vec::new(), ..entry("d") };
    assert!(!named(&["r"], &[]).matches(&anonymous));
}

#[test]
fn an_entry_names_its_studies_and_says_whether_it_is_a_manifest() {
    let mut manifest = entry("d");
    manifest.reference_id_list.push(ReferenceId::accession("A1", None));
    assert_eq!(manifest.study_instance_uids().collect::<Vec<_>>(), ["2.25.77"]);
    assert_eq!(manifest.references(reference_types::ACCESSION).collect::<Vec<_>>(), ["A1"]);
    assert!(manifest.is_kos());
    manifest.format_code = code("urn:ihe:rad:PDF", schemes::IHE_FORMAT);
    assert!(!manifest.is_kos());
}
