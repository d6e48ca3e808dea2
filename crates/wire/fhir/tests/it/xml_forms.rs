//! JSON and XML are two forms of the same resource. Source: http://hl7.org/fhir/R4/xml.html, json.html.

use crate::{fixture, shared_data};
use fhir::DecodeErrorKind;
use fhir::xml::{to_json, to_xml};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn xml(json: &str) -> String {
    String::from_utf8(to_xml(json.as_bytes()).unwrap()).unwrap()
}

fn json(xml: &str) -> String {
    String::from_utf8(to_json(xml.as_bytes()).unwrap()).unwrap()
}

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

#[test]
fn a_resource_with_everything_has_these_two_forms() {
    let as_json = concat!(
        r#"{"resourceType":"Patient","id":"p1","meta":{"lastUpdated":"2026-02-24T15:23:10Z"},"#,
        r#""text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A &amp; B</p></div>"},"#,
        r#""contained":[{"resourceType":"Organization","id":"o","name":"Köln \"Nord\""}],"#,
        r#""extension":[{"id":"e1","url":"http://example.org/e","valueDecimal":1.00}],"#,
        r#""active":true,"_active":{"id":"a1"},"#,
        r#""name":[{"family":"Muster","given":[null,"Anna","B"],"_given":[{"extension":[{"url":"http://example.org/n","valueCode":"x"}]},null,{"id":"g3"}]}],"#,
        r#""_birthDate":{"extension":[{"url":"http://example.org/u","valueCode":"unknown"}]},"#,
        r#""multipleBirthInteger":2}"#
    );
    let as_xml = [
        HEAD,
        r#"<Patient xmlns="http://hl7.org/fhir"><id value="p1"/><meta><lastUpdated value="2026-02-24T15:23:10Z"/></meta>"#,
        r#"<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>A &amp; B</p></div></text>"#,
        r#"<contained><Organization><id value="o"/><name value="Köln &quot;Nord&quot;"/></Organization></contained>"#,
        r#"<extension id="e1" url="http://example.org/e"><valueDecimal value="1.00"/></extension>"#,
        r#"<active value="true" id="a1"/>"#,
        r#"<name><family value="Muster"/><given><extension url="http://example.org/n"><valueCode value="x"/></extension>"#,
        r#"</given><given value="Anna"/><given value="B" id="g3"/></name>"#,
        r#"<birthDate><extension url="http://example.org/u"><valueCode value="unknown"/></extension></birthDate>"#,
        r#"<multipleBirthInteger value="2"/></Patient>"#,
    ];
    assert_eq!(xml(as_json), as_xml.concat());
    assert_eq!(json(&as_xml.concat()), as_json);
}

#[test]
fn elements_may_come_in_any_order_and_leave_in_that_of_the_specification() {
    let mixed = r#"{"name":[{"family":"M"}],"_active":{"id":"a"},"id":"p","resourceType":"Patient","active":false}"#;
    let sorted = r#"{"resourceType":"Patient","id":"p","active":false,"_active":{"id":"a"},"name":[{"family":"M"}]}"#;
    assert_eq!(json(&xml(mixed)), sorted);
    let names = r#"<p:Patient xmlns:p="http://hl7.org/fhir"><p:name><p:given value="A"/><p:family value="M"/><p:given value="B"/>
        </p:name><!-- a remark --><p:id value="p"/><?pi?><p:name><p:family value="N"/></p:name></p:Patient>"#;
    let sorted = r#"{"resourceType":"Patient","id":"p","name":[{"family":"M","given":["A","B"]},{"family":"N"}]}"#;
    assert_eq!(json(names), sorted);
}

#[test]
fn white_space_in_a_value_survives_and_what_xml_cannot_carry_is_replaced() {
    let text = r#"{"resourceType":"Basic","id":" a\tb\nc\rd "}"#;
    assert_eq!(json(&xml(text)), text);
    let control = xml(r#"{"resourceType":"Basic","id":"a\u0001b"}"#);
    assert!(control.contains("value=\"a\u{FFFD}b\""), "{control}");
}

#[test]
fn a_narrative_is_given_back_byte_for_byte_and_stands_alone() {
    let div = "<div xmlns='http://www.w3.org/1999/xhtml' class=\"x\">\n <b>1</b> &lt; 2<!-- c --></div>";
    let source = format!(
        r#"<Basic xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
            xsi:schemaLocation="http://hl7.org/fhir fhir.xsd"><text><status value="generated"/>{div}</text></Basic>"#
    );
    assert_eq!(value(json(&source).as_bytes())["text"]["div"], *div);
    assert!(xml(&json(&source)).contains(div));
    let prefixed = r#"<Basic xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text><h:div><h:p>a</h:p></h:div></text></Basic>"#;
    let inside = value(json(prefixed).as_bytes())["text"]["div"].as_str().unwrap().to_owned();
    assert!(inside.contains(r#"xmlns:h="http://www.w3.org/1999/xhtml""#), "{inside}");
    let again = xml(&json(prefixed));
    assert_eq!(value(json(&again).as_bytes())["text"]["div"], *inside);
    // Peers forget the namespace; the meaning is clear.
    let bare = xml(r#"{"resourceType":"Basic","text":{"status":"empty","div":"<div>a</div>"}}"#);
    assert!(bare.contains(r#"<div xmlns="http://www.w3.org/1999/xhtml">a</div>"#), "{bare}");
}

#[track_caller]
fn refused(result: Result<Vec<u8>, fhir::DecodeError>, path: &str, rule: &str) {
    let error = result.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Structure);
    assert_eq!(error.path, path, "{error}");
    assert!(error.rule.contains(rule), "{error}");
}

#[test]
fn json_that_is_no_fhir_is_refused_with_its_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("", "Resource", "ends before"),
        ("[]", "Resource", "must be a JSON object"),
        ("{}", "Resource", "resourceType"),
        (r#"{"resourceType":"Patient"} x"#, "Resource", "well-formed JSON"),
        (r#"{"resourceType":"Pacient"}"#, "Pacient", "resource type of FHIR R4"),
        (r#"{"resourceType":"DomainResource"}"#, "DomainResource", "resource type"),
        (r#"{"resourceType":"Patient","resourceType":"Patient"}"#, "Resource", "one resourceType"),
        (r#"{"resourceType":"Patient","nam":[]}"#, "Patient.nam", "is not an element of Patient"),
        (r#"{"resourceType":"Patient","name":{}}"#, "Patient.name", "must be an array"),
        (r#"{"resourceType":"Patient","name":[]}"#, "Patient.name", "not empty"),
        (r#"{"resourceType":"Patient","name":[{"family":"A"},{}]}"#, "Patient.name[1]", "must not be empty"),
        (r#"{"resourceType":"Patient","name":[null]}"#, "Patient.name[0]", "must be a JSON object"),
        (r#"{"resourceType":"Patient","name":[{"family":["A"]}]}"#, "Patient.name[0].family", "must be a text"),
        (
            r#"{"resourceType":"Patient","name":[{"given":["A",null]}]}"#,
            "Patient.name[0].given[1]",
            "value or an extension",
        ),
        (r#"{"resourceType":"Patient","id":""}"#, "Patient.id", "not empty"),
        (r#"{"resourceType":"Patient","id":null}"#, "Patient.id", "value or an extension"),
        (r#"{"resourceType":"Patient","active":"true"}"#, "Patient.active", "true or false"),
        (r#"{"resourceType":"Patient","active":true,"active":true}"#, "Patient.active", "must appear once"),
        (r#"{"resourceType":"Patient","multipleBirthInteger":1.0}"#, "Patient.multipleBirthInteger", "whole number"),
        (
            r#"{"resourceType":"Patient","multipleBirthInteger":1,"multipleBirthBoolean":true}"#,
            "Patient.multipleBirthInteger",
            "of one type",
        ),
        (r#"{"resourceType":"Patient","_active":{"value":true}}"#, "Patient.active.value", "not an element of Element"),
        (r#"{"resourceType":"Patient","_name":[{"id":"x"}]}"#, "Patient._name", "not an element"),
        (r#"{"resourceType":"Patient","extension":[{"url":7}]}"#, "Patient.extension[0].url", "must be a text"),
        (r#"{"resourceType":"Patient","text":{"div":"<p/>"}}"#, "Patient.text.div", "must be a div"),
        (r#"{"resourceType":"Patient","text":{"div":"<div>&nbsp;</div>"}}"#, "Patient.text.div", "well-formed XHTML"),
        (r#"{"resourceType":"Patient","text":{"div":"<!DOCTYPE d><div/>"}}"#, "Patient.text.div", "well-formed XHTML"),
        (
            r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"List","entry":[{"item":{"ref":"x"}}]}}]}"#,
            "Bundle.entry[0].resource.entry[0].item.ref",
            "not an element of Reference",
        ),
    ];
    for (json, path, rule) in cases {
        refused(to_xml(json.as_bytes()), path, rule);
    }
}

#[test]
fn xml_that_is_no_fhir_is_refused_with_its_place() {
    let patient = |inside: &str| format!(r#"<Patient xmlns="http://hl7.org/fhir">{inside}</Patient>"#);
    let cases: &[(String, &str, &str)] = &[
        (String::new(), "Resource", "well-formed XML"),
        ("<Patient/>".into(), "Patient", "in the namespace http://hl7.org/fhir"),
        (r#"<Patient xmlns="urn:hl7-org:v3"/>"#.into(), "Patient", "in the namespace"),
        (r#"<Pacient xmlns="http://hl7.org/fhir"/>"#.into(), "Pacient", "resource type of FHIR R4"),
        (r#"<!DOCTYPE Patient><Patient xmlns="http://hl7.org/fhir"/>"#.into(), "Resource", "DTD"),
        (patient(r#"<id value="&nbsp;"/>"#), "Resource", "well-formed XML"),
        (patient("text"), "Patient", "must not hold text"),
        (patient("<nam/>"), "Patient.nam", "is not an element of Patient"),
        (patient("<name/>"), "Patient.name[0]", "must have a value or other content"),
        (patient("<name>Anna</name>"), "Patient.name[0]", "must not hold text"),
        (patient(r#"<name value="Anna"/>"#), "Patient.name[0].value", "is not an attribute of HumanName"),
        (patient("<active/>"), "Patient.active", "must have a value or an extension"),
        (patient("<active>true</active>"), "Patient.active", "must have a value"),
        (patient(r#"<active value="true">x</active>"#), "Patient.active", "must not hold text"),
        (patient(r#"<active value="1"/>"#), "Patient.active", "true or false"),
        (patient(r#"<active value="true" x="1"/>"#), "Patient.active.x", "is not an attribute"),
        (patient(r#"<active value="true"/><active value="true"/>"#), "Patient.active", "must appear once"),
        (patient(r#"<active value="true"><id value="a"/></active>"#), "Patient.active.id", "is not an element"),
        (patient(r#"<id value=""/>"#), "Patient.id", "must not be empty"),
        (patient(r#"<multipleBirthInteger value="01"/>"#), "Patient.multipleBirthInteger", "whole number"),
        (
            patient(r#"<multipleBirthInteger value="1"/><multipleBirthBoolean value="true"/>"#),
            "Patient.multipleBirthInteger",
            "of one type",
        ),
        (patient(r#"<extension><url value="x"/></extension>"#), "Patient.extension[0].url", "is not an element"),
        (patient("<contained/>"), "Patient.contained[0]", "must hold one resource"),
        (patient("<contained><Basic/><Basic/></contained>"), "Patient.contained[0]", "must hold one resource"),
        (patient(r#"<contained id="a"><Basic/></contained>"#), "Patient.contained[0].id", "not an attribute"),
        (patient("<text><div/></text>"), "Patient.text.div", "http://www.w3.org/1999/xhtml"),
        (patient(r#"<x:id xmlns:x="urn:x" value="a"/>"#), "Patient.id", "in the namespace"),
        (
            patient(
                r#"<name><given value="A"/><given value="B"><extension url="u"><valueDecimal value="x"/></extension></given></name>"#,
            ),
            "Patient.name[0].given[1].extension[0].valueDecimal",
            "must be a number",
        ),
    ];
    for (xml, path, rule) in cases {
        refused(to_json(xml.as_bytes()), path, rule);
    }
}

#[test]
fn a_hostile_body_is_refused_soon() {
    let deep = |open: &str, close: &str, times: usize| format!("{}{}", open.repeat(times), close.repeat(times));
    let patient = |inside: String| format!(r#"<Patient xmlns="http://hl7.org/fhir">{inside}</Patient>"#).into_bytes();
    let declarations: String = (0..12).map(|n| format!(r#" xmlns:n{n}="urn:{}""#, "x".repeat(2000))).collect();
    let many = r#"<extension url="u"/>"#.repeat(600_000);
    let narratives = r#"<contained><Basic><text><h:div/></text></Basic></contained>"#.repeat(20_000);
    let wide = format!(
        r#"<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"{declarations}>{narratives}</Patient>"#
    );
    let started = Instant::now();
    for xml in [
        patient(deep(r#"<extension url="u">"#, "</extension>", 100_000)),
        patient(deep(r#"<extension url="u">"#, "</extension>", 120)),
        patient(many),
        wide.into_bytes(),
        patient("<a>".repeat(1_000_000)),
    ] {
        assert!(to_json(&xml).is_err());
    }
    for json in [
        "[".repeat(1_000_000),
        format!("[{}0]", "0,".repeat(2_000_000)),
        format!(r#"{{"resourceType":"Patient"{}}}"#, r#","active":true"#.repeat(400_000)),
        format!(r#"{{"resourceType":"Patient","extension":{}"#, r#"[{"extension":"#.repeat(60)),
        format!(r#"{{"resourceType":"Patient","id":"{}"#, "x".repeat(20 << 20)),
    ] {
        assert!(to_xml(json.as_bytes()).is_err());
    }
    let limit = if cfg!(debug_assertions) { 60 } else { 5 };
    assert!(started.elapsed() < Duration::from_secs(limit), "{:?}", started.elapsed());
}

/// Files below a folder with this ending, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// JSON to XML and back gives the same JSON.
#[track_caller]
pub fn round_trip(name: &str, bytes: &[u8]) {
    let there = to_xml(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let back = to_json(&there).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(value(&back), value(bytes), "{name}");
    assert_eq!(to_xml(&back).unwrap(), there, "{name}");
}

#[test]
fn what_we_write_goes_to_xml_and_back() {
    for name in [
        "spec/documentreference-comprehensive.json",
        "spec/patient-many-names.json",
        "spec/patient-merged.json",
        "made/outcome-duplicate.json",
        "made/searchset-page1.json",
    ] {
        round_trip(name, &fixture(name));
    }
    let entry = crate::entry();
    let cx = fhir::document_reference::EncodeContext::server("https://example.org/fhir");
    round_trip("entry", &fhir::document_reference::encode(&entry, &cx));
    let links =
        fhir::bundle::Links { self_url: "https://example.org/fhir/DocumentReference?_id=1", ..Default::default() };
    round_trip("page", &fhir::bundle::searchset([&entry], &[], "https://example.org/fhir", &cx, 1, &links, &[]));
}

#[test]
fn metadata_that_are_blank_do_not_keep_an_answer_from_being_xml() {
    let blank = model::Code::new("", "", "");
    let entry = model::DocumentEntry {
        title: model::Text::plain(""),
        comments: model::Text::plain("\u{1}"),
        class_code: blank.clone(),
        type_code: model::Code::new("x", "", ""),
        format_code: blank.clone(),
        healthcare_facility_type_code: blank.clone(),
        practice_setting_code: blank.clone(),
        confidentiality_codes: vec![blank.clone()],
        event_code_list: vec![blank],
        language_code: String::new(),
        mime_type: String::new(),
        source_patient_info: model::SourcePatientInfo(vec!["PID-5|^".into(), "PID-11|".into(), String::new()]),
        authors: vec![model::Author::default()],
        ..crate::entry()
    };
    let cx = fhir::document_reference::EncodeContext::server("https://example.org/fhir");
    let json = fhir::document_reference::encode(&entry, &cx);
    to_xml(&json).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&json)));
    let mut nobody = crate::patients::someone();
    (nobody.name, nobody.birth_date, nobody.sex) = (model::PersonName::default(), None, None);
    nobody.other_ids.clear();
    let json = fhir::patient::encode(&nobody);
    to_xml(&json).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&json)));
}

#[test]
fn published_examples_go_to_xml_and_back() {
    let Some(folder) = shared_data("fhir") else { return };
    let mut converted = 0;
    for file in files(&folder, "json") {
        let bytes = std::fs::read(&file).unwrap();
        let Ok(json) = serde_json::from_slice::<Value>(&bytes) else { continue };
        if json.get("resourceType").is_none() {
            continue;
        }
        round_trip(&file.display().to_string(), &bytes);
        converted += 1;
    }
    for file in files(&folder, "xml") {
        let bytes = std::fs::read(&file).unwrap();
        if !String::from_utf8_lossy(&bytes).contains(r#"xmlns="http://hl7.org/fhir""#) {
            continue;
        }
        let json = to_json(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        round_trip(&file.display().to_string(), &json);
        converted += 1;
    }
    assert!(converted > 300, "{converted}");
}

#[test]
fn json_is_a_resource_of_r4_and_nothing_else() {
    use fhir::xml::check_json;
    for (json, path) in [
        (r#"{"resourceType":"Patient","foo":1}"#, "Patient.foo"),
        (r#"{"resourceType":"Patient","name":[{"family":"M","nick":"x"}]}"#, "Patient.name[0].nick"),
        (r#"{"resourceType":"Patient","maritalStatus":5}"#, "Patient.maritalStatus"),
        (r#"{"resourceType":"Person4"}"#, "Person4"),
    ] {
        let error = check_json(json.as_bytes()).expect_err(json);
        assert_eq!(error.path, path, "{error}");
    }
    // What some libraries write where nothing is.
    let sloppy = r#"{"resourceType":"Patient","active":null,"photo":[],"maritalStatus":{},"gender":"",
        "name":[{"given":["Eva",null],"_given":[null,{"extension":[{"url":"http://x.example","valueString":"y"}]}]}]}"#;
    check_json(sloppy.as_bytes()).unwrap();
}
