//! Identifiers as they are sent, answers as they come. PS3.4 Annex C; spec/dicom.md 22.3.

use super::make::{code, element, issuer};
use dicom::dimse::ElementError;
use dicom::dimse::query::{
    Availability, BadKey, DateRange, Deviation, Found, InstanceCriteria, InstanceMatch, Level, PatientCriterion, Query,
    Quirks, RequestCharacterSet, Retrieve, ReturnKeys, SeriesCriteria, SeriesInstanceUid, SeriesMatch, SopInstanceUid,
    StudyCriteria, StudyInstanceUid, StudyMatch, TimeRange,
};
use dicom::header::Issuer;
use dicom::text::CharacterSet;
use dicom::transfer_syntaxes::{EXPLICIT_LE, Encoding, IMPLICIT_LE};
use dicom::{DataSet, Tag, VR, tags};
use proptest::prelude::*;

fn study(uid: &str) -> StudyInstanceUid {
    StudyInstanceUid::parse(uid).unwrap()
}

fn series(uid: &str) -> SeriesInstanceUid {
    SeriesInstanceUid::parse(uid).unwrap()
}

fn sent(octets: &[u8], explicit: bool) -> DataSet {
    let encoding = if explicit { Encoding::EXPLICIT_LE } else { Encoding::IMPLICIT_LE };
    dicom::dataset::decode(octets, encoding).unwrap()
}

fn studies(criteria: &StudyCriteria) -> Result<DataSet, BadKey> {
    Query::studies(criteria, &Quirks::default()).map(|query| sent(&query.encode(EXPLICIT_LE), true))
}

fn asking() -> Query<StudyMatch> {
    Query::studies(&StudyCriteria::default(), &Quirks::default()).unwrap()
}

#[test]
fn a_study_query_matches_and_asks_for_the_keys_of_its_level_alone() {
    let criteria = StudyCriteria {
        studies: vec![study("2.25.1"), study("2.25.2")],
        patient: Some(PatientCriterion {
            id: "P-1".into(),
            issuer: Issuer {
                namespace: Some("NORTH".into()),
                universal_id: Some("2.999.7".into()),
                universal_id_type: None,
            },
        }),
        accession_number: Some("ACC-1".into()),
        date: Some(DateRange::new(Some("20250601"), Some("20250603")).unwrap()),
        time: Some(TimeRange::new(Some("1000"), None).unwrap()),
        modality_in_study: Some("CT".into()),
    };
    let query = Query::studies(&criteria, &Quirks::default()).unwrap();
    for (syntax, explicit) in [(EXPLICIT_LE, true), (IMPLICIT_LE, false)] {
        let set = sent(&query.encode(syntax), explicit);
        for (tag, value) in [
            (tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192"),
            (tags::QUERY_RETRIEVE_LEVEL, "STUDY"),
            (tags::PATIENT_ID, "P-1"),
            (tags::ISSUER_OF_PATIENT_ID, "NORTH"),
            (tags::ACCESSION_NUMBER, "ACC-1"),
            (tags::STUDY_DATE, "20250601-20250603"),
            (tags::STUDY_TIME, "1000-"),
            (tags::MODALITIES_IN_STUDY, "CT"),
        ] {
            assert_eq!(set.text(tag).as_deref(), Some(value), "{tag:?}");
        }
        assert_eq!(set.texts(tags::STUDY_INSTANCE_UID), ["2.25.1", "2.25.2"]);
        let qualifiers = set.item(tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE).unwrap();
        assert_eq!(qualifiers.text(tags::UNIVERSAL_ENTITY_ID).as_deref(), Some("2.999.7"));
        assert_eq!(qualifiers.text(tags::UNIVERSAL_ENTITY_ID_TYPE).as_deref(), Some("ISO"));
        // P27: nothing of series or images, whatever the criteria.
        for tag in [tags::MODALITY, tags::SERIES_INSTANCE_UID, tags::SERIES_NUMBER, tags::SOP_INSTANCE_UID] {
            assert!(!set.contains(tag), "{tag:?}");
        }
        assert!(set.contains(tags::NUMBER_OF_STUDY_RELATED_INSTANCES));
    }
    assert_eq!(asking().level(), Level::Study);
}

#[test]
fn the_octets_of_a_small_query_are_those_of_the_standard() {
    let every: Vec<Tag> = ReturnKeys::all().of(Level::Image).collect();
    let quirks = Quirks {
        return_keys: ReturnKeys::all().without(&every),
        request_character_set: RequestCharacterSet::Latin1,
        ..Quirks::default()
    };
    let criteria = InstanceCriteria::of(study("2.25.1"), series("2.25.22"));
    let query = Query::instances(&criteria, &quirks).unwrap();
    let expected = [
        element(Tag(0x0008, 0x0005), "CS", 10, b"ISO_IR 100"),
        element(Tag(0x0008, 0x0018), "UI", 0, b""),
        element(Tag(0x0008, 0x0052), "CS", 6, b"IMAGE "),
        element(Tag(0x0020, 0x000D), "UI", 6, b"2.25.1"),
        element(Tag(0x0020, 0x000E), "UI", 8, b"2.25.22\0"),
    ];
    assert_eq!(query.encode(EXPLICIT_LE), expected.concat());
}

#[test]
fn keys_that_a_pacs_cannot_stand_are_left_out() {
    let keys = ReturnKeys::all().without(&[tags::RETRIEVE_LOCATION_UID, tags::PROCEDURE_CODE_SEQUENCE]);
    let quirks = Quirks { return_keys: keys, ..Quirks::default() };
    let query = Query::studies(&StudyCriteria::default(), &quirks).unwrap();
    let set = sent(&query.encode(IMPLICIT_LE), false);
    assert!(!set.contains(tags::RETRIEVE_LOCATION_UID) && !set.contains(tags::PROCEDURE_CODE_SEQUENCE));
    assert!(set.contains(tags::STUDY_DESCRIPTION) && set.contains(tags::STUDY_INSTANCE_UID));
    // What is not asked for is not missing.
    let answer = query.decode(&answer(&[(tags::STUDY_INSTANCE_UID, "2.25.1")]), EXPLICIT_LE).unwrap();
    assert!(!answer.deviations.contains(&Deviation::KeyMissing(tags::RETRIEVE_LOCATION_UID)));
}

#[test]
fn a_request_in_latin_1_has_its_octets_and_refuses_what_it_cannot_express() {
    let quirks = Quirks { request_character_set: RequestCharacterSet::Latin1, ..Quirks::default() };
    let of = |id: &str| StudyCriteria {
        patient: Some(PatientCriterion { id: id.into(), issuer: Issuer::default() }),
        ..StudyCriteria::default()
    };
    let query = Query::studies(&of("Ä1"), &quirks).unwrap();
    assert_eq!(sent(&query.encode(EXPLICIT_LE), true).octets(tags::PATIENT_ID), Some(&b"\xC41"[..]));
    let error = Query::studies(&of("Ż1"), &quirks).unwrap_err();
    assert_eq!(error.element, tags::PATIENT_ID);
    assert!(error.to_string().contains("ISO_IR 100") && !error.to_string().contains('Ż'), "{error}");
}

#[test]
fn a_value_that_would_match_something_else_is_refused() {
    let of = |id: &str| {
        let patient = Some(PatientCriterion { id: id.into(), issuer: Issuer::default() });
        studies(&StudyCriteria { patient, ..StudyCriteria::default() })
    };
    for (id, rule) in [
        ("", "would match everything"),
        ("  ", "would match everything"),
        ("P*", "wildcards"),
        ("P?1", "wildcards"),
        ("P\\Q", "backslashes"),
        ("P\n", "(0010,0020)"),
        (&"9".repeat(65), "longer than its VR"),
    ] {
        match of(id) {
            Err(error) => assert!(error.to_string().contains(rule), "{id:?}: {error}"),
            Ok(set) => assert_eq!((rule, set.text(tags::PATIENT_ID).as_deref()), ("(0010,0020)", Some("P"))),
        }
    }
    let accession_number = Some("A".repeat(17));
    let error = studies(&StudyCriteria { accession_number, ..StudyCriteria::default() }).unwrap_err();
    assert_eq!(error.element, tags::ACCESSION_NUMBER);
    let many: Vec<_> = (0..8000).map(|n| study(&format!("2.25.{n}"))).collect();
    let error = studies(&StudyCriteria { studies: many, ..StudyCriteria::default() }).unwrap_err();
    assert!(error.to_string().contains("in parts"), "{error}");
}

#[test]
fn ranges_have_days_and_times_in_order() {
    assert!(DateRange::new(None, None).is_err());
    assert!(DateRange::new(Some("20250230"), None).is_err());
    assert!(DateRange::new(Some("20250603"), Some("20250601")).is_err());
    assert!(TimeRange::new(Some("2500"), None).is_err());
    for (first, last, text) in [
        (Some("20250603"), Some("20250603"), "20250603"),
        (None, Some("20250603"), "-20250603"),
        (Some("20250603"), None, "20250603-"),
    ] {
        let date = Some(DateRange::new(first, last).unwrap());
        let set = studies(&StudyCriteria { date, ..StudyCriteria::default() }).unwrap();
        assert_eq!(set.text(tags::STUDY_DATE).as_deref(), Some(text));
    }
}

#[test]
fn retrieval_names_unique_keys_alone() {
    let (one, two) = (study("2.25.1"), series("2.25.2"));
    let instances = [SopInstanceUid::parse("2.25.3").unwrap(), SopInstanceUid::parse("2.25.4").unwrap()];
    let set = sent(&Retrieve::instances(&one, &two, &instances).unwrap().encode(IMPLICIT_LE), false);
    let tags_of = |set: &DataSet| set.elements().iter().map(|element| element.tag).collect::<Vec<_>>();
    let unique =
        [tags::SOP_INSTANCE_UID, tags::QUERY_RETRIEVE_LEVEL, tags::STUDY_INSTANCE_UID, tags::SERIES_INSTANCE_UID];
    assert_eq!(tags_of(&set), unique);
    assert_eq!(set.texts(tags::SOP_INSTANCE_UID), ["2.25.3", "2.25.4"]);
    let set = sent(&Retrieve::series(&one, &[two]).unwrap().encode(EXPLICIT_LE), true);
    assert_eq!(set.text(tags::QUERY_RETRIEVE_LEVEL).as_deref(), Some("SERIES"));
    assert!(Retrieve::studies(&[]).is_err());
}

/// An answer at STUDY level with these values, in Explicit VR Little Endian.
fn answer(values: &[(Tag, &str)]) -> Vec<u8> {
    let mut set = DataSet::new();
    set.put_text(tags::QUERY_RETRIEVE_LEVEL, "STUDY");
    for (tag, value) in values {
        set.put_octets(*tag, dicom_vr(*tag), *value);
    }
    set.encode_explicit_le()
}

fn dicom_vr(tag: Tag) -> VR {
    let mut set = DataSet::new();
    set.put_empty(tag);
    set.elements()[0].vr
}

fn read(octets: &[u8]) -> Found<StudyMatch> {
    asking().decode(octets, EXPLICIT_LE).unwrap()
}

#[test]
fn a_complete_answer_of_each_level_is_read_without_deviation() {
    let mut set = sent(&asking().encode(EXPLICIT_LE), true);
    for (tag, value) in [
        (tags::STUDY_INSTANCE_UID, "2.25.1"),
        (tags::STUDY_DATE, "20250603"),
        (tags::STUDY_TIME, "101530.25"),
        (tags::ACCESSION_NUMBER, "ACC-1"),
        (tags::RETRIEVE_AE_TITLE, "PACS"),
        (tags::INSTANCE_AVAILABILITY, "NEARLINE"),
        (tags::TIMEZONE_OFFSET_FROM_UTC, "+0200"),
        (tags::STUDY_DESCRIPTION, "CT Schädel"),
        (tags::PATIENT_NAME, "Müller^Änne"),
        (tags::PATIENT_ID, "P-1"),
        (tags::ISSUER_OF_PATIENT_ID, "NORTH"),
        (tags::PATIENT_BIRTH_DATE, "19610213"),
        (tags::PATIENT_SEX, "F"),
        (tags::NUMBER_OF_STUDY_RELATED_SERIES, "3"),
        (tags::NUMBER_OF_STUDY_RELATED_INSTANCES, "1204 "),
        (tags::RETRIEVE_LOCATION_UID, "2.999.8"),
    ] {
        set.put_text(tag, value);
    }
    set.put_texts(tags::MODALITIES_IN_STUDY, &["CT", "SR"]);
    set.put_items(tags::PROCEDURE_CODE_SEQUENCE, vec![code("169069000", "SCT", "CT of chest")]);
    set.put_items(tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, vec![issuer("2.999.9")]);
    set.put_items(tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, vec![issuer("2.999.7")]);
    for (octets, syntax) in [(set.encode_explicit_le(), EXPLICIT_LE), (set.encode_implicit_le(), IMPLICIT_LE)] {
        let Found { value, deviations } = asking().decode(&octets, syntax).unwrap();
        assert_eq!(deviations, []);
        assert_eq!(value.study, study("2.25.1"));
        assert_eq!(value.patient.issuer.oid(), Some("2.999.7"));
        assert_eq!(value.patient.issuer.namespace.as_deref(), Some("NORTH"));
        assert_eq!(value.patient.birth_date.as_deref(), Some("19610213"));
        assert_eq!(value.patient.sex.as_deref(), Some("F"));
        assert_eq!(value.accession_issuer.oid(), Some("2.999.9"));
        assert_eq!(value.procedure_codes[0].value, "169069000");
        assert_eq!(value.modalities, ["CT", "SR"]);
        assert_eq!((value.number_of_series, value.number_of_instances), (Some(3), Some(1204)));
        assert_eq!(value.location.availability, Some(Availability::Nearline));
        assert_eq!(value.location.retrieve_ae_titles, ["PACS"]);
        assert_eq!(value.location.retrieve_location.as_ref().map(|uid| uid.as_str()), Some("2.999.8"));
        assert_eq!((value.time.as_deref(), value.timezone.as_deref()), (Some("101530.25"), Some("+0200")));
        let shown = format!("{value:?}");
        for patients in ["Müller", "P-1", "1961", "ACC-1", "Schädel"] {
            assert!(!shown.contains(patients), "{shown}");
        }
    }

    let query = Query::series(&SeriesCriteria::of(study("2.25.1")), &Quirks::default()).unwrap();
    let mut set = sent(&query.encode(EXPLICIT_LE), true);
    set.put_text(tags::SERIES_INSTANCE_UID, "2.25.2");
    set.put_text(tags::MODALITY, "MR");
    set.put_text(tags::SERIES_NUMBER, "-3");
    set.put_text(tags::SERIES_DESCRIPTION, "T1");
    set.put_text(tags::BODY_PART_EXAMINED, "HEAD");
    set.put_text(tags::NUMBER_OF_SERIES_RELATED_INSTANCES, "12");
    let mut request = DataSet::new();
    request.put_text(tags::REQUESTED_PROCEDURE_ID, "RP-1");
    set.put_items(tags::REQUEST_ATTRIBUTES_SEQUENCE, vec![request]);
    let Found { value, deviations }: Found<SeriesMatch> = query.decode(&set.encode_explicit_le(), EXPLICIT_LE).unwrap();
    assert_eq!(deviations, []);
    assert_eq!((value.study.as_str(), value.series.as_str()), ("2.25.1", "2.25.2"));
    assert_eq!((value.modality.as_deref(), value.number, value.number_of_instances), (Some("MR"), Some(-3), Some(12)));
    assert_eq!(value.requests[0].requested_procedure_id.as_deref(), Some("RP-1"));

    let criteria = InstanceCriteria::of(study("2.25.1"), series("2.25.2"));
    let query = Query::instances(&criteria, &Quirks::default()).unwrap();
    let mut set = sent(&query.encode(IMPLICIT_LE), false);
    set.put_text(tags::SOP_INSTANCE_UID, "2.25.3");
    set.put_text(tags::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.88.59");
    set.put_text(tags::INSTANCE_NUMBER, "7");
    set.put_text(tags::NUMBER_OF_FRAMES, "60");
    set.put_u16(tags::ROWS, 512);
    set.put_u16(tags::COLUMNS, 256);
    set.put_text(tags::VERIFICATION_FLAG, "VERIFIED");
    set.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![code("113030", "DCM", "Manifest")]);
    let Found { value, deviations }: Found<InstanceMatch> =
        query.decode(&set.encode_implicit_le(), IMPLICIT_LE).unwrap();
    assert_eq!(deviations, []);
    assert_eq!(value.sop_class.as_ref().map(|uid| uid.as_str()), Some("1.2.840.10008.5.1.4.1.1.88.59"));
    assert_eq!((value.number, value.number_of_frames), (Some(7), Some(60)));
    assert_eq!((value.rows, value.columns), (Some(512), Some(256)));
    assert_eq!(value.title.as_ref().map(|title| title.value.as_str()), Some("113030"));
}

/// The deviations of one value, without what the rest of the answer leaves out.
fn deviations(tag: Tag, value: &[u8]) -> (StudyMatch, Vec<Deviation>) {
    let mut set = DataSet::new();
    set.put_text(tags::QUERY_RETRIEVE_LEVEL, "STUDY");
    set.put_text(tags::STUDY_INSTANCE_UID, "2.25.1");
    set.put_octets(tag, dicom_vr(tag), value);
    let Found { value, mut deviations } = read(&set.encode_explicit_le());
    deviations.retain(|deviation| !matches!(deviation, Deviation::KeyMissing(_)));
    (value, deviations)
}

#[test]
fn each_leniency_is_a_deviation_beside_the_value() {
    for (tag, value, expected) in [
        (tags::STUDY_DATE, &b"2025.06.03"[..], Deviation::DateSpelling(tags::STUDY_DATE)),
        (tags::STUDY_DATE, b"2025-06-03", Deviation::DateSpelling(tags::STUDY_DATE)),
        (tags::PATIENT_BIRTH_DATE, b"1961/02/13", Deviation::DateSpelling(tags::PATIENT_BIRTH_DATE)),
        (tags::STUDY_DATE, b"20251399", Deviation::DateUnreadable(tags::STUDY_DATE)),
        (tags::STUDY_TIME, b"10:15:30", Deviation::TimeSpelling(tags::STUDY_TIME)),
        (tags::STUDY_TIME, b"noon", Deviation::TimeUnreadable(tags::STUDY_TIME)),
        (tags::STUDY_ID, b"41\0\0", Deviation::TrailingNul(tags::STUDY_ID)),
        (tags::TIMEZONE_OFFSET_FROM_UTC, b"CEST", Deviation::TimezoneUnreadable),
        (tags::NUMBER_OF_STUDY_RELATED_SERIES, b"0 ", Deviation::CountZero(tags::NUMBER_OF_STUDY_RELATED_SERIES)),
        (
            tags::NUMBER_OF_STUDY_RELATED_SERIES,
            b"-1",
            Deviation::NumberUnreadable(tags::NUMBER_OF_STUDY_RELATED_SERIES),
        ),
        (
            tags::NUMBER_OF_STUDY_RELATED_SERIES,
            b"many",
            Deviation::NumberUnreadable(tags::NUMBER_OF_STUDY_RELATED_SERIES),
        ),
        (tags::MODALITIES_IN_STUDY, b"CT/SR ", Deviation::ModalitiesJoined),
        (tags::INSTANCE_AVAILABILITY, b"TAPE", Deviation::AvailabilityUnknown),
        (tags::RETRIEVE_LOCATION_UID, b"here", Deviation::UidUnreadable(tags::RETRIEVE_LOCATION_UID)),
        (tags::RETRIEVE_LOCATION_UID, b"2.999.1 ", Deviation::UidPadding(tags::RETRIEVE_LOCATION_UID)),
        (tags::RETRIEVE_LOCATION_UID, b"2.999.01", Deviation::UidLeadingZero(tags::RETRIEVE_LOCATION_UID)),
        (tags::SOP_CLASSES_IN_STUDY, b"1.2\\CT", Deviation::UidUnreadable(tags::SOP_CLASSES_IN_STUDY)),
        (tags::PATIENT_COMMENTS, b"hello ", Deviation::KeyNotAsked(tags::PATIENT_COMMENTS)),
        (tags::QUERY_RETRIEVE_LEVEL, b"PATIENT ", Deviation::LevelOther),
        (tags::QUERY_RETRIEVE_LEVEL, b"", Deviation::LevelMissing),
        (tags::STUDY_DESCRIPTION, b"Sch\xE4del", Deviation::CharacterSetMissing { read_as: "ISO_IR 100" }),
        (tags::STUDY_DESCRIPTION, "Schädel ".as_bytes(), Deviation::CharacterSetMissing { read_as: "ISO_IR 192" }),
        (tags::PATIENT_NAME, b"A=\x1B$B;3ED\x1B(B", Deviation::EscapesUndeclared),
    ] {
        let (_, found) = deviations(tag, value);
        assert_eq!(found, [expected], "{tag:?} {value:?}");
        assert!(expected.to_string().starts_with('('), "{expected}");
        assert!(!expected.to_string().contains("Sch"), "{expected}");
    }
    // What was made of them.
    assert_eq!(deviations(tags::STUDY_DATE, b"2025.06.03").0.date.as_deref(), Some("20250603"));
    assert_eq!(deviations(tags::STUDY_DATE, b"20251399").0.date, None);
    assert_eq!(deviations(tags::STUDY_TIME, b"10:15:30").0.time.as_deref(), Some("101530"));
    assert_eq!(deviations(tags::NUMBER_OF_STUDY_RELATED_SERIES, b"0 ").0.number_of_series, None);
    assert_eq!(deviations(tags::MODALITIES_IN_STUDY, b"CT/SR ").0.modalities, ["CT", "SR"]);
    assert_eq!(deviations(tags::SOP_CLASSES_IN_STUDY, b"1.2\\CT").0.sop_classes, ["1.2"]);
    assert_eq!(deviations(tags::STUDY_ID, b"41\0\0").0.id.as_deref(), Some("41"));
    assert_eq!(deviations(tags::PATIENT_NAME, b"A=\x1B$B;3ED\x1B(B").0.patient.name.as_deref(), Some("A=山田"));
}

#[test]
fn the_character_set_declared_misspelt_wrong_or_known_beforehand_is_told() {
    for (declared, value, text, expected) in [
        ("ISO_IR 100", &b"M\xFCller"[..], "Müller", None),
        ("ISO_IR 192", b"M\xFCller", "Müller", Some(Deviation::CharacterSetWrong { read_as: "ISO_IR 100" })),
        ("ISO_IR 100", "Müller ".as_bytes(), "Müller", Some(Deviation::CharacterSetWrong { read_as: "ISO_IR 192" })),
        ("ISO IR 100", b"M\xFCller", "Müller", Some(Deviation::CharacterSetMisspelt { read_as: "ISO_IR 100" })),
        ("\\ISO 2022 IR 87", b"A=\x1B$B;3ED\x1B(B", "A=山田", None),
        // Empty is as good as absent: what was known beforehand holds.
        ("", b"\xBB\xEE\xDA\xE1", "Люкс", Some(Deviation::CharacterSetMissing { read_as: "ISO_IR 144" })),
    ] {
        let quirks = Quirks { default_character_set: CharacterSet::from_value(b"ISO_IR 144"), ..Quirks::default() };
        let query = Query::studies(&StudyCriteria::default(), &quirks).unwrap();
        let mut set = sent(&query.encode(EXPLICIT_LE), true);
        set.put_octets(tags::SPECIFIC_CHARACTER_SET, VR::CS, declared);
        set.put_text(tags::STUDY_INSTANCE_UID, "2.25.1");
        set.put_octets(tags::PATIENT_NAME, VR::PN, value);
        let found = query.decode(&set.encode_explicit_le(), EXPLICIT_LE).unwrap();
        assert_eq!(found.value.patient.name.as_deref(), Some(text), "{declared:?}");
        assert_eq!(found.deviations, expected.into_iter().collect::<Vec<_>>(), "{declared:?}");
    }
}

#[test]
fn a_missing_key_is_told_once_and_an_empty_one_is_fine() {
    let found = read(&answer(&[(tags::STUDY_INSTANCE_UID, "2.25.1"), (tags::STUDY_DATE, "")]));
    let missing = |tag| found.deviations.iter().filter(|one| **one == Deviation::KeyMissing(tag)).count();
    assert_eq!((missing(tags::STUDY_DATE), missing(tags::STUDY_TIME)), (0, 1));
    assert_eq!((found.value.date, found.value.time), (None, None));
    assert_eq!(missing(tags::SPECIFIC_CHARACTER_SET), 0);
}

#[test]
fn an_answer_without_its_unique_key_or_of_another_study_is_an_error() {
    let error = asking().decode(&answer(&[(tags::PATIENT_ID, "P-1")]), EXPLICIT_LE).unwrap_err();
    assert_eq!(error.to_string(), "(0020,000D) is missing or empty");
    let error = asking().decode(&answer(&[(tags::STUDY_INSTANCE_UID, "2.25.x")]), EXPLICIT_LE).unwrap_err();
    assert!(matches!(error, ElementError::Uid { element: tags::STUDY_INSTANCE_UID, .. }), "{error}");
    let long = "1".repeat(500);
    let error = asking().decode(&answer(&[(tags::STUDY_INSTANCE_UID, &long)]), EXPLICIT_LE).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");

    let query = Query::series(&SeriesCriteria::of(study("2.25.1")), &Quirks::default()).unwrap();
    let of = |values: &[(Tag, &str)]| query.decode(&answer(values), EXPLICIT_LE);
    let error = of(&[(tags::STUDY_INSTANCE_UID, "2.25.9"), (tags::SERIES_INSTANCE_UID, "2.25.2")]).unwrap_err();
    assert_eq!(error.to_string(), "(0020,000D) 2.25.9: expected 2.25.1, which was asked for");
    // Left out, the study is the one asked for.
    let found = of(&[(tags::SERIES_INSTANCE_UID, "2.25.02")]).unwrap();
    assert_eq!(found.value.study, study("2.25.1"));
    assert!(found.deviations.contains(&Deviation::KeyMissing(tags::STUDY_INSTANCE_UID)));
    assert!(found.deviations.contains(&Deviation::UidLeadingZero(tags::SERIES_INSTANCE_UID)));
}

#[test]
fn hostile_answers_are_refused_with_the_place() {
    let mut nested = Vec::new();
    for _ in 0..40 {
        nested.extend(element(tags::PROCEDURE_CODE_SEQUENCE, "SQ", u32::MAX, b""));
        nested.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
    let error = asking().decode(&nested, EXPLICIT_LE).unwrap_err().to_string();
    assert!(error.contains("nested deeper than 16"), "{error}");
    let beyond = element(tags::STUDY_INSTANCE_UID, "UI", 60_000, b"2.25.1");
    let error = asking().decode(&beyond, EXPLICIT_LE).unwrap_err().to_string();
    assert!(error.contains("(0020,000D)") && error.contains("60000"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_answers_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..300), explicit: bool) {
        let syntax = if explicit { EXPLICIT_LE } else { IMPLICIT_LE };
        if let Ok(found) = asking().decode(&octets, syntax) {
            prop_assert!(!found.value.study.as_str().is_empty());
        }
    }
}
