//! ITI-67 query strings: truth tables, by matching real entries.

use crate::{dtm, entry, oid, patient};
use fhir::search::*;
use model::*;

const P: &str = "patient.identifier=urn:oid:2.999.7|P0001";

fn search(query: &str) -> Result<DocumentSearch, SearchError> {
    decode(query, &SearchOptions { patient_domain: Some(oid("2.999.7")), ..SearchOptions::default() })
}

fn matches(query: &str, entry: &DocumentEntry) -> bool {
    let found = search(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    found.queries.iter().any(|q| q.matches(entry))
}

#[track_caller]
fn check(query: &str, entry: &DocumentEntry, expected: bool) {
    assert_eq!(matches(&format!("{P}&{query}"), entry), expected, "{query}");
}

#[track_caller]
fn refuse(query: &str, parameter: &str) {
    let error = search(query).err().unwrap_or_else(|| panic!("{query} was accepted"));
    assert_eq!(error.parameter, parameter, "{error}");
    assert!(error.outcome().is_error());
}

fn imaging() -> DocumentEntry {
    DocumentEntry {
        event_code_list: vec![Code::new("CT", schemes::DCM, ""), Code::new("51185008", schemes::SNOMED_CT, "")],
        confidentiality_codes: vec![Code::new("N", schemes::CONFIDENTIALITY, ""), Code::new("R", "2.999.4", "")],
        reference_id_list: vec![
            ReferenceId::parse("2.25.99^^^&2.999.9&ISO^urn:ihe:iti:xds:2016:studyInstanceUID").unwrap(),
            ReferenceId::accession("A1", Some(oid("2.999.5"))),
        ],
        authors: vec![Author { person: Some(Xcn::from_name("Curie", "Irène")), ..Author::default() }],
        ..entry()
    }
}

// B-053.
#[test]
fn patient_identifiers_follow_the_truth_table_of_tokens() {
    let ours = entry();
    let theirs = DocumentEntry { patient_id: PatientId::new("P0001", oid("2.999.8")), ..entry() };
    for (query, one, other) in [
        ("patient.identifier=urn:oid:2.999.7|P0001", true, false),
        ("patient.identifier=urn:oid:2.999.8|P0001", false, true),
        ("patient.identifier=urn%3Aoid%3A2.999.7%7CP0001", true, false),
        ("patient:identifier=urn:oid:2.999.7|P0001", true, false),
        ("patient=urn:oid:2.999.7|P0001", true, false),
        // Without a system only the affinity domain's patient.
        ("patient.identifier=P0001", true, false),
        // An empty system: nobody has it.
        ("patient.identifier=|P0001", false, false),
        // A system that is no OID or another one never widens.
        ("patient.identifier=http://x.example|P0001", false, false),
        ("patient.identifier=urn:oid:2.999.99|P0001", false, false),
        ("patient.identifier=urn:oid:2.999.7|P0001&patient.identifier=urn:oid:2.999.8|P0001", false, false),
        ("patient=Patient/2.999.7-P0001", true, false),
        ("patient=2.999.7-P0001", true, false),
    ] {
        assert_eq!((matches(query, &ours), matches(query, &theirs)), (one, other), "{query}");
    }
    refuse("patient.identifier=urn:oid:2.999.7|", "patient.identifier");
    refuse("patient.identifier=urn:oid:2.999.7|P1,urn:oid:2.999.7|P2", "patient.identifier");
    refuse("patient.identifier=|", "patient.identifier");
    assert!(decode("patient.identifier=P0001", &SearchOptions::default()).is_err());
}

#[test]
fn codes_follow_the_truth_table_of_tokens() {
    let e = entry();
    for (query, expected) in [
        ("type=http://loinc.org|18748-4", true),
        ("type=urn:oid:2.16.840.1.113883.6.1|18748-4", true),
        ("type=18748-4", true),
        ("type=|18748-4", false),
        ("type=http://loinc.org|", true),
        ("type=http://snomed.info/sct|", false),
        ("type=http://snomed.info/sct|18748-4", false),
        ("type=http://loinc.org|other", false),
        ("type=other,http://loinc.org|18748-4", true),
        ("type=18748-4&type=http://loinc.org|", true),
        ("type=18748-4&type=other", false),
        ("type=", true),
        ("category=IMAGES", true),
        ("category=urn:oid:1.3.6.1.4.1.19376.1.2.6.1|IMAGES", true),
        ("category=REPORTS", false),
        ("format=http://dicom.nema.org/resources/ontology/DCMUID|1.2.840.10008.5.1.4.1.1.88.59", true),
        ("format=1.2.840.10008.5.1.4.1.1.88.59", true),
        ("format=http://dicom.nema.org/resources/CodeSystem/DICOM_UIDs|1.2.840.10008.5.1.4.1.1.88.59", true),
        ("setting=http://snomed.info/sct|394914008", true),
        ("setting=394914009", false),
        ("facility=79491001", true),
        ("facility=http://loinc.org|79491001", false),
    ] {
        check(query, &e, expected);
    }
    refuse(&format!("{P}&type=a|b|c"), "type");
    refuse(&format!("{P}&type:not=a"), "type:not");
    refuse(&format!("{P}&type:text=a"), "type:text");
}

#[test]
fn several_valued_codes_are_and_of_or() {
    let e = imaging();
    let dcm = "http://dicom.nema.org/resources/ontology/DCM";
    for (query, expected) in [
        (format!("event={dcm}|CT&event=http://snomed.info/sct|51185008"), true),
        (format!("event={dcm}|CT&event={dcm}|MR"), false),
        (format!("event={dcm}|CT,{dcm}|MR"), true),
        (format!("event={dcm}|MR,{dcm}|US"), false),
        ("event=CT".into(), true),
        ("event=|CT".into(), false),
        ("modality=CT".into(), true),
        ("modality=MR&event=CT".into(), false),
        ("anatomical-region=51185008".into(), true),
        ("bodysite=http://snomed.info/sct|51185008,http://snomed.info/sct|774007".into(), true),
        ("bodysite=774007".into(), false),
        ("security-label=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|N".into(), true),
        ("security-label=N&security-label=R".into(), true),
        ("security-label=N&security-label=V".into(), false),
    ] {
        check(&query, &e, expected);
    }
}

#[test]
fn commas_and_bars_can_be_escaped() {
    let e = DocumentEntry { type_code: Code::new("a,b|c\\", "2.999.1", ""), ..entry() };
    check(r"type=a\,b\|c\\", &e, true);
    check(r"type=urn:oid:2.999.1|a\,b\|c\\", &e, true);
    check("type=x,a%5C%2Cb%5C%7Cc%5C%5C", &e, true);
    check("type=a,b", &e, false);
}

#[test]
fn status_is_a_code_without_system() {
    let old = DocumentEntry { availability_status: AvailabilityStatus::Deprecated, ..entry() };
    for (query, new, deprecated) in [
        ("status=current", true, false),
        ("status=superseded", false, true),
        ("status=current,superseded", true, true),
        ("status=current&status=superseded", false, false),
        ("status=entered-in-error", false, false),
        ("status=http://hl7.org/fhir/document-reference-status|current", true, false),
        ("", true, true),
    ] {
        check(query, &entry(), new);
        check(query, &old, deprecated);
    }
}

#[test]
fn identifiers_are_looked_for_in_both_places() {
    let e = entry();
    let uuid = "urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001";
    let by_uuid = DocumentEntry { unique_id: UniqueId::parse(uuid).unwrap(), ..entry() };
    let cda = DocumentEntry { unique_id: UniqueId::parse("2.999.1^doc-1").unwrap(), ..entry() };
    for (query, document, expected) in [
        ("identifier=urn:ietf:rfc:3986|urn:oid:2.25.17", &e, true),
        ("identifier=urn:oid:2.25.17", &e, true),
        ("identifier=2.25.17", &e, true),
        ("identifier=urn:dicom:uid|2.25.17", &e, true),
        ("identifier=|urn:oid:2.25.17", &e, false),
        ("identifier=urn:oid:2.25|17", &e, false),
        ("identifier=urn:oid:2.25.18,urn:oid:2.25.17", &e, true),
        ("identifier=urn:ietf:rfc:3986|urn:uuid:0C287D32-01e3-4d87-9953-9fcc9404eb21", &e, true),
        ("identifier=urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001", &by_uuid, true),
        ("identifier=urn:uuid:0b1f6f40-3a3d-4b7c-9d7e-5a1f1d1c0001", &e, false),
        ("identifier=urn:oid:2.999.1|doc-1", &cda, true),
        ("identifier=urn:oid:2.999.2|doc-1", &cda, false),
        ("identifier=urn:oid:2.25.17&identifier=urn:uuid:0c287d32-01e3-4d87-9953-9fcc9404eb21", &e, false),
        ("identifier=urn:oid:2.25.17&status=superseded", &e, false),
        ("_id=0c287d32-01e3-4d87-9953-9fcc9404eb21", &e, true),
        ("_id=0c287d32-01e3-4d87-9953-9fcc9404eb22", &e, false),
        ("_id=not-a-uuid", &e, false),
        ("_id=0c287d32-01e3-4d87-9953-9fcc9404eb21&identifier=urn:oid:2.25.17", &e, true),
    ] {
        check(query, document, expected);
    }
    // Each of them is an anchor of its own.
    assert!(matches("identifier=urn:oid:2.25.17", &e));
    assert!(matches("_id=0c287d32-01e3-4d87-9953-9fcc9404eb21", &e));
    refuse("identifier=urn:ietf:rfc:3986|", "identifier");
    assert_eq!(search(&format!("{P}&identifier={uuid}")).unwrap().queries.len(), 2);
}

#[test]
fn references_are_found_in_every_spelling() {
    let e = imaging();
    for (query, expected) in [
        ("study-instance-uid=2.25.99", true),
        ("study-instance-uid=urn:oid:2.25.99", true),
        ("study-instance-uid=urn:dicom:uid|2.25.99", true),
        ("study-instance-uid=urn:dicom:uid|urn:oid:2.25.99", true),
        ("study-instance-uid=|2.25.99", false),
        ("study-instance-uid=2.25.98", false),
        ("study-instance-uid=2.25.98,2.25.99", true),
        ("related:identifier=urn:dicom:uid|2.25.99", true),
        ("related:identifier=urn:dicom:uid|urn:oid:2.25.99", true),
        ("related:identifier=urn:oid:2.25.99", true),
        ("related:identifier=urn:oid:2.999.5|A1", true),
        ("related:identifier=urn:oid:2.999.6|A1", false),
        ("related:identifier=A1", true),
        ("related:identifier=|A1", false),
        ("related:identifier=urn:oid:2.999.5|", true),
        ("related=urn:oid:2.999.5|A1", true),
        ("accession-number=urn:oid:2.999.5|A1", true),
        ("accession-number=A1", true),
        ("accession-number=urn:oid:2.999.6|A1", false),
        ("accession-number=http://ris.example|A1", false),
        ("accession-number=2.25.99", false),
        ("accession-number=A1&study-instance-uid=2.25.99", true),
        ("accession-number=A2&study-instance-uid=2.25.99", false),
    ] {
        check(query, &e, expected);
    }
    assert!(matches("study-instance-uid=2.25.99", &e), "a study is an anchor");
    refuse("study-instance-uid=abc", "study-instance-uid");
    refuse("related:identifier=urn:oid:2.999.5|", "patient.identifier");
    let reference = search(&format!("{P}&related=ImagingStudy/1")).unwrap();
    assert_eq!(reference.ignored[0].parameter, "related");
}

#[test]
fn authors_are_found_by_the_start_of_a_name() {
    let e = imaging();
    for (query, expected) in [
        ("author.family=Cur&author.given=ir", true),
        ("author.family=urie", false),
        ("author.family=Meitner,Curie", true),
        ("author.given=Ir%C3%A8ne", true),
        ("author.given=IRENE", true),
    ] {
        check(query, &e, expected);
    }
    refuse(&format!("{P}&author.family:exact=Curie"), "author.family:exact");
    refuse(&format!("{P}&author.family=A&author.family=B"), "author.family");
}

#[test]
fn media_types_and_languages_are_found_whatever_their_case() {
    let e = DocumentEntry { mime_type: "application/pdf".into(), language_code: "fr-CH".into(), ..entry() };
    for (query, expected) in [
        ("contenttype=application/PDF", true),
        ("contenttype=text/xml,application/pdf", true),
        ("contenttype=urn:ietf:bcp:13|application/pdf", true),
        ("contenttype=text/xml", false),
        ("contenttype=application/pdf&contenttype=text/xml", false),
        ("language=fr-ch&contenttype=application/pdf", true),
        ("language=fr", false),
    ] {
        check(query, &e, expected);
    }
}

#[test]
fn creation_takes_every_prefix_at_every_precision() {
    let at = |time: &str| DocumentEntry { creation_time: Some(dtm(time)), ..entry() };
    // before, first second, inside, last second, after January 2026
    let times = ["20251231235959", "20260101000000", "20260115120000", "20260131235959", "20260201000000"];
    for (prefix, expected) in [
        ("", [false, true, true, true, false]),
        ("eq", [false, true, true, true, false]),
        ("ap", [false, true, true, true, false]),
        ("ge", [false, true, true, true, true]),
        ("gt", [false, false, false, false, true]),
        ("sa", [false, false, false, false, true]),
        ("le", [true, true, true, true, false]),
        ("lt", [true, false, false, false, false]),
        ("eb", [true, false, false, false, false]),
    ] {
        for (time, expected) in times.iter().zip(expected) {
            check(&format!("creation={prefix}2026-01"), &at(time), expected);
        }
    }
    check("creation=ge2026-01-01&creation=lt2026-02-01", &at("20260131235959"), true);
    check("creation=ge2026-01-01&creation=lt2026-02-01", &at("20260201000000"), false);
    check("creation=ge2026-02-01&creation=lt2026-01-01", &at("20260115"), false);
    check("creation=2026-01-15T13:00:00%2B01:00", &at("20260115120000"), true);
    check("creation=2026-01-15T13:00:00+01:00", &at("20260115120000"), true);
    check("creation=2026-01-15T12:00", &at("20260115120000"), true);
    for wrong in ["creation=2026-13", "creation=xx2026", "creation=", "creation=ne2026", "creation=2026,2025"] {
        let answer = search(&format!("{P}&{wrong}"));
        assert_eq!(answer.is_err(), wrong != "creation=", "{wrong}");
    }
}

#[test]
fn period_takes_every_prefix_against_an_interval() {
    // The services: before, across the start, within, across the end, after, around, and one of which only the start is
    // known, as of every imaging study.
    let services = [
        ("20251201", Some("20251210")),
        ("20251220", Some("20260110")),
        ("20260105", Some("20260120")),
        ("20260120", Some("20260210")),
        ("20260205", Some("20260210")),
        ("20251220", Some("20260210")),
        ("20260110", None),
    ];
    for (prefix, expected) in [
        ("", [false, false, true, false, false, false, true]),
        ("eq", [false, false, true, false, false, false, true]),
        ("ne", [true, true, false, true, true, true, false]),
        ("gt", [false, false, false, true, true, true, false]),
        ("lt", [true, true, false, false, false, true, false]),
        ("ge", [false, true, true, true, true, true, true]),
        ("le", [true, true, true, true, false, true, true]),
        ("sa", [false, false, false, false, true, false, false]),
        ("eb", [true, false, false, false, false, false, false]),
        ("ap", [false, true, true, true, false, true, true]),
    ] {
        for ((start, stop), expected) in services.iter().zip(expected) {
            let e = DocumentEntry { service_start_time: Some(dtm(start)), service_stop_time: stop.map(dtm), ..entry() };
            assert_eq!(
                matches(&format!("{P}&period={prefix}2026-01"), &e),
                expected,
                "{prefix}2026-01 against {start}..{stop:?}"
            );
        }
    }
    let e = |start: &str, stop: &str| DocumentEntry {
        service_start_time: Some(dtm(start)),
        service_stop_time: Some(dtm(stop)),
        ..entry()
    };
    // The normal pair is overlap, not containment.
    check("period=ge2026-01-01&period=lt2026-02-01", &e("20251220", "20260110"), true);
    check("period=ge2026-01-01&period=lt2026-02-01", &e("20260201", "20260202"), false);
    // A study is over on the day it was made, not running since.
    let study = DocumentEntry { service_stop_time: None, ..e("20251215093000", "20251215093000") };
    check("period=ge2026-01-01", &study, false);
    check("period=ge2025-12-15&period=lt2025-12-16", &study, true);
    check("period=eq2026-01-05T10:00", &e("202601051000", "202601051000"), true);
    refuse(&format!("{P}&period=2026-01,2026-02"), "period");
    refuse(&format!("{P}&period=january"), "period");
}

#[test]
fn date_takes_every_prefix_against_the_time_of_submission() {
    let times = ["20251231235959", "20260101000000", "20260131235959", "20260201000000", "20260115", "2026"];
    for (prefix, expected) in [
        ("", [false, true, true, false, true, false]),
        ("eq", [false, true, true, false, true, false]),
        ("ne", [true, false, false, true, false, true]),
        ("gt", [false, false, false, true, false, true]),
        ("lt", [true, false, false, false, false, false]),
        ("ge", [false, true, true, true, true, true]),
        ("le", [true, true, true, false, true, true]),
        ("sa", [false, false, false, true, false, false]),
        ("eb", [true, false, false, false, false, false]),
        ("ap", [false, true, true, false, true, true]),
    ] {
        for name in ["date", "_lastUpdated", "_lastupdated"] {
            for (time, expected) in times.iter().zip(expected) {
                let e = DocumentEntry { submission_time: Some(dtm(time)), ..entry() };
                assert_eq!(
                    matches(&format!("{P}&{name}={prefix}2026-01"), &e),
                    expected,
                    "{name}={prefix}2026-01 against {time}"
                );
            }
            check(&format!("{name}={prefix}2026-01"), &DocumentEntry { submission_time: None, ..entry() }, false);
        }
    }
    let e = |time| DocumentEntry { submission_time: Some(dtm(time)), ..entry() };
    check("date=ge2026-01-01&date=lt2026-02-01", &e("20260131235959"), true);
    check("date=ge2026-01-01&date=lt2026-02-01", &e("20260201000000"), false);
    check("date=ge2026-01-15T13:00:00%2B01:00", &e("20260115120000"), true);
    check("date=gt2026-01-15T13:00:00%2B01:00", &e("20260115120000"), false);
    let s = search(&format!("{P}&date=ge2026-01-01&date=lt2026-02-01")).unwrap();
    assert!(s.ignored.is_empty());
    assert!(s.self_query().ends_with("&date=ge2026-01-01&date=lt2026-02-01"), "{}", s.self_query());
    refuse(&format!("{P}&date=2026-01,2026-02"), "date");
    refuse(&format!("{P}&date:missing=true"), "date:missing");
}

#[test]
fn pages_counts_and_sorting_are_understood() {
    let s =
        search(&format!("{P}&_count=20&_sort=-date,creation&_total=accurate&_format=application/fhir+json")).unwrap();
    assert_eq!((s.page_size(), s.count_only, s.total), (20, false, Some(Total::Accurate)));
    assert_eq!(s.sort[0], Sort { key: SortKey::Date, descending: true });
    assert_eq!(s.sort[1], Sort { key: SortKey::Creation, descending: false });
    assert_eq!(s.format.as_deref(), Some("application/fhir+json"));
    assert!(s.ignored.is_empty());
    assert_eq!(search(&format!("{P}&_count=100000")).unwrap().page_size(), 1000);
    assert!(search(&format!("{P}&_count=100000")).unwrap().self_query().ends_with("_count=1000"));
    assert_eq!(search(P).unwrap().page_size(), 100);
    for count in ["_count=0", "_summary=count"] {
        let s = search(&format!("{P}&{count}")).unwrap();
        assert!(s.count_only && s.page_size() == 0, "{count}");
    }
    refuse(&format!("{P}&_count=-1"), "_count");
    refuse(&format!("{P}&_total=many"), "_total");
    let next = search("_page=b3BhcXVl").unwrap();
    assert_eq!(next.queries[0].page.as_ref().unwrap().after.as_deref(), Some("b3BhcXVl"));
    let both = search(P).unwrap();
    assert_eq!(both.query().unwrap().document_types, [DocumentType::Stable, DocumentType::OnDemand]);
}

#[test]
fn what_is_not_understood_is_left_out_or_refused() {
    for parameter in ["foo=bar", "_include=DocumentReference:patient", "custodian=x", "_sort=title"] {
        let query = format!("{P}&{parameter}");
        let lenient = search(&query).unwrap();
        let name = parameter.split('=').next().unwrap();
        assert_eq!(lenient.ignored[0].parameter, name);
        assert!(!lenient.self_query().contains(&format!("{name}=")));
        let strict = SearchOptions { handling: Handling::Strict, ..SearchOptions::default() };
        assert_eq!(decode(&query, &strict).unwrap_err().parameter, name);
    }
    assert_eq!(Handling::from_prefer("return=minimal, handling=strict"), Handling::Strict);
    assert_eq!(Handling::from_prefer("handling=lenient"), Handling::Lenient);
    refuse(&format!("{P}&date=tomorrow"), "date");
    refuse("status=current", "patient.identifier");
    refuse("", "patient.identifier");
    refuse(&format!("{P}&targetCommunityIdList=2.999"), "targetCommunityIdList");
    let s = search(&format!("{P}&targetCommunityIdList=urn:oid:2.999.3,urn:oid:2.999.4")).unwrap();
    assert_eq!(s.target_communities.len(), 2);
}

#[test]
fn references_to_other_patients_are_left_to_the_caller() {
    for (query, expected) in [
        ("patient=Patient/pat-1", "Patient/pat-1"),
        ("patient=pat-1", "Patient/pat-1"),
        ("patient=https://pmir.example.org/fhir/Patient/77", "https://pmir.example.org/fhir/Patient/77"),
        // An absolute address may be another server's, even when the id looks like ours.
        ("patient=https://x.example/fhir/Patient/2.999.7-P0001", "https://x.example/fhir/Patient/2.999.7-P0001"),
    ] {
        let s = search(query).unwrap();
        assert_eq!(s.patient_reference.as_deref(), Some(expected));
        assert_eq!(s.query().unwrap().patient_id, None);
    }
    refuse("patient=a,b", "patient");
}

#[test]
fn own_absolute_references_are_recognised() {
    let options = SearchOptions { fhir_base: Some("https://x.example/fhir/".into()), ..SearchOptions::default() };
    let s = decode("patient=https://x.example/fhir/Patient/2.999.7-P0001", &options).unwrap();
    assert_eq!(s.query().unwrap().patient_id, Some(patient()));
    let s = decode("patient=https://x.example/fhirs/Patient/2.999.7-P0001", &options).unwrap();
    assert!(s.patient_reference.is_some());
}

#[test]
fn every_parameter_in_the_table_is_understood() {
    for parameter in PARAMETERS {
        let value = match (parameter.kind, parameter.name) {
            ("date", _) => "ge2026-01-01",
            (_, "study-instance-uid") => "2.25.9",
            (_, "patient" | "patient.identifier" | "subject" | "subject.identifier") => "urn:oid:2.999.7|P0001",
            (_, "targetCommunityIdList") => "urn:oid:2.999.1",
            (_, "related") => "urn:oid:2.999.5|A1",
            ("composite", _) => "x$replaces",
            _ => "x",
        };
        let s = search(&format!("{P}&{}={value}", parameter.name)).unwrap();
        assert!(s.ignored.is_empty(), "{}", parameter.name);
    }
}

#[test]
fn repeated_long_lists_are_refused() {
    let codes = (0..400).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let systems = (0..400).map(|i| format!("s{i}|")).collect::<Vec<_>>().join(",");
    refuse(&format!("{P}&type={codes}&type={systems}"), "type");
}

#[test]
fn encodings_are_undone_once() {
    refuse("patient.identifier=urn%253Aoid%253A2.999.7%257CP0001", "patient.identifier");
    refuse("patient.identifier=%ZZ", "patient.identifier");
    refuse("patient.identifier=%FF", "patient.identifier");
    refuse("patient.identifier=%00", "patient.identifier");
    refuse(&format!("{P}&{}", "a=b&".repeat(300)), "(all)");
    refuse(&"x".repeat(70_000), "(all)");
    refuse(&format!("{P}&type={}", "a,".repeat(600)), "type");
    // URL and body of a POST are joined; an empty body changes nothing.
    assert!(matches(&format!("?{P}&&"), &entry()));
    let error = search("patient.identifier=http%3A%2F%2Fx%257C").unwrap_err();
    assert!(!format!("{error:?}").contains("http"));
}

#[test]
fn the_table_of_cases_gives_the_slots_it_says() {
    let Some(path) = crate::shared_data("fhir/derived/search-cases.tsv") else { return };
    let domain = oid("2.999.1.1");
    let options = SearchOptions { patient_domain: Some(domain.clone()), ..SearchOptions::default() };
    let n1 = PatientId::new("N-0001", domain);
    for line in std::fs::read_to_string(path).unwrap().lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let Some(query) = columns[1].strip_prefix("DocumentReference?") else { continue };
        let answer = decode(query, &options);
        match columns[0] {
            "s16" | "s21" => assert!(answer.is_err(), "{line}"),
            "s17" => assert!(answer.unwrap().queries.is_empty(), "{line}"),
            "s22" | "s23" => assert!(answer.unwrap().patient_reference.is_some(), "{line}"),
            case => {
                let search = answer.unwrap_or_else(|e| panic!("{line}: {e}"));
                let q = &search.queries[0];
                assert_eq!(q.patient_id.as_ref(), Some(&n1), "{line}");
                assert_eq!(q.statuses.contains(&AvailabilityStatus::Deprecated), case == "s02", "{line}");
                match case {
                    "s03" => assert_eq!(q.type_codes, [CodeTerm::of("18748-4", "2.16.840.1.113883.6.1")]),
                    "s04" => assert_eq!(q.event_code_list.len(), 2),
                    "s05" => assert_eq!(q.event_code_list[0].len(), 2),
                    "s06" | "s07" => {
                        assert_eq!(q.creation_time, DtmRange { from: Some(20260101000000), to: Some(20260201000000) })
                    }
                    "s08" => assert_eq!(q.periods.len(), 2),
                    "s09" | "s10" => assert_eq!(q.reference_ids.len(), 1),
                    "s11" => assert_eq!((q.author_family.len(), q.author_given.len()), (1, 1)),
                    "s12" => {
                        assert_eq!(q.format_codes, [CodeTerm::of("urn:ihe:iti:xds-sd:pdf:2008", schemes::IHE_FORMAT)])
                    }
                    "s13" => assert_eq!(q.confidentiality_codes, [[CodeTerm::of("N", schemes::CONFIDENTIALITY)]]),
                    "s14" => assert_eq!(q.unique_ids[0].as_str(), "1.2.3"),
                    "s15" => assert_eq!((search.queries.len(), q.entry_ids.len()), (2, 1)),
                    "s18" => assert_eq!(search.ignored.len(), 1),
                    "s19" => assert_eq!(q.type_codes, [CodeTerm { code: Some("18748-4".into()), scheme: None }]),
                    "s20" => assert_eq!(q.type_codes, [CodeTerm::of("18748-4", "")]),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn a_query_written_and_read_means_the_same() {
    let range = |from, to| DtmRange { from: Some(from), to: Some(to) };
    let base = DocumentQuery::of_patient(patient()).approved();
    let all = DocumentQuery {
        class_codes: vec![CodeTerm::of("IMAGES", schemes::IHE_CLASS)],
        type_codes: vec![CodeTerm::of("18748-4", schemes::LOINC), CodeTerm { code: Some("x,|y".into()), scheme: None }],
        format_codes: vec![CodeTerm { code: None, scheme: Some(schemes::DICOM_UID_REGISTRY.into()) }],
        practice_setting_codes: vec![CodeTerm::of("394914008", schemes::SNOMED_CT)],
        healthcare_facility_type_codes: vec![CodeTerm::of("79491001", schemes::SNOMED_CT)],
        event_code_list: vec![vec![CodeTerm::of("CT", schemes::DCM)], vec![CodeTerm::of("774007", schemes::SNOMED_CT)]],
        confidentiality_codes: vec![vec![CodeTerm::of("N", schemes::CONFIDENTIALITY)]],
        creation_time: range(20260101000000, 20260201000000),
        periods: vec![
            PeriodMatch { stop_at_least: Some(20260101000000), ..PeriodMatch::default() },
            PeriodMatch { start_at_most: Some(20260131235959), ..PeriodMatch::default() },
            PeriodMatch { start_at_least: Some(20260101000000), ..PeriodMatch::default() },
            PeriodMatch { stop_at_most: Some(20260131235959), ..PeriodMatch::default() },
        ],
        submission_time: vec![
            PeriodMatch { stop_at_least: Some(20260201120000), ..PeriodMatch::default() },
            PeriodMatch { start_at_most: Some(20260203115959), ..PeriodMatch::default() },
        ],
        mime_types: vec!["application/pdf".into(), "text/xml".into()],
        language_codes: vec!["en".into()],
        author_family: vec!["Curie".into(), "O,Neil".into()],
        author_given: vec!["Irène".into()],
        unique_ids: vec![UniqueId::parse("2.25.17").unwrap(), UniqueId::parse("2.999.1^a|b").unwrap()],
        reference_ids: vec![vec![ReferenceTerm::Exact(ReferenceId::study(
            &StudyInstanceUid::parse("2.25.9").unwrap(),
        ))]],
        page: Some(Page { size: 20, after: None }),
        document_types: vec![DocumentType::Stable, DocumentType::OnDemand],
        ..base.clone()
    };
    let written = encode(&all);
    assert!(written.exact, "{}", written.query);
    let read = search(&written.query).unwrap_or_else(|e| panic!("{}: {e}", written.query));
    assert_eq!(read.queries, [all]);
    assert!(read.ignored.is_empty());

    for inexact in [
        DocumentQuery { author_person: vec!["%Curie%".into()], ..base.clone() },
        DocumentQuery { service_start_time: range(20260101000000, 20260201000000), ..base.clone() },
        DocumentQuery { periods: vec![PeriodMatch { negate: true, ..PeriodMatch::default() }], ..base.clone() },
        DocumentQuery { submission_time: vec![PeriodMatch { negate: true, ..PeriodMatch::default() }], ..base.clone() },
        DocumentQuery { reference_ids: vec![vec![ReferenceTerm::Like("A%".into())]], ..base.clone() },
        DocumentQuery {
            reference_ids: vec![vec![ReferenceTerm::Exact(ReferenceId::accession("A1", Some(oid("2.999.5"))))]],
            ..base
        },
    ] {
        let written = encode(&inexact);
        assert!(!written.exact, "{}", written.query);
        assert!(search(&written.query).is_ok(), "{}", written.query);
    }
}
