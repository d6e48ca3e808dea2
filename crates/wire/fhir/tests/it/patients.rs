//! Patient: ITI-104 and its condition.

use crate::{dtm, fixture, oid};
use fhir::patient::*;
use model::{Patient, PatientId, PersonName, Sex};

pub fn someone() -> Patient {
    Patient {
        id: PatientId::new("P0001", oid("2.999.7")),
        other_ids: vec![PatientId::new("L-17", oid("2.999.1.2"))],
        name: PersonName {
            family: "Muster".into(),
            given: "Anna".into(),
            middle: "Maria".into(),
            prefix: "Dr.".into(),
            suffix: "jun.".into(),
        },
        birth_date: Some(dtm("19610412")),
        sex: Some(Sex::Female),
        details: Default::default(),
    }
}

#[test]
fn a_patient_comes_back_unchanged() {
    for date in ["1961", "196104", "19610412"] {
        let patient = Patient { birth_date: Some(dtm(date)), ..someone() };
        let feed = decode(&encode(&patient), None).unwrap();
        assert_eq!(feed.patient, patient);
        assert_eq!((feed.active, feed.replaced_by.is_some()), (true, false));
    }
}

#[test]
fn a_merge_names_the_survivor() {
    let feed = decode(&fixture("spec/patient-merged.json"), None).unwrap();
    let domain = oid("1.3.6.1.4.1.21367.13.20.1000");
    assert_eq!(feed.patient.id, PatientId::new("IHERED-m94", domain.clone()));
    assert!(!feed.active);
    assert_eq!(feed.replaced_by, Some(PatientId::new("IHERED-994", domain)));

    let survivor = PatientId::new("P0002", oid("2.999.7"));
    let feed = decode(&encode_merge(&someone(), &survivor), None).unwrap();
    assert_eq!((feed.active, feed.replaced_by), (false, Some(survivor)));
}

#[test]
fn the_identifier_of_the_preferred_domain_leads() {
    let feed = decode(&encode(&someone()), Some(&oid("2.999.1.2"))).unwrap();
    assert_eq!(feed.patient.id, PatientId::new("L-17", oid("2.999.1.2")));
    assert_eq!(feed.patient.other_ids, [PatientId::new("P0001", oid("2.999.7"))]);
    assert!(decode(&encode(&someone()), Some(&oid("2.999.99"))).is_err());
}

#[test]
fn the_official_name_is_taken_and_rules_are_named() {
    let mut value: serde_json::Value = serde_json::from_slice(&fixture("spec/patient-many-names.json")).unwrap();
    let missing = decode(&serde_json::to_vec(&value).unwrap(), None).unwrap_err();
    assert_eq!(missing.path, "Patient.identifier");
    value["identifier"] = serde_json::json!([{"system": "urn:oid:2.999.7", "value": "P9"}]);
    let feed = decode(&serde_json::to_vec(&value).unwrap(), None).unwrap();
    assert_eq!(feed.patient.name.to_hl7(), "Schmidt^John^Jacob Jingleheimer");
    for (element, wrong, path) in [
        ("birthDate", serde_json::json!("31.12.1960"), "Patient.birthDate"),
        ("birthDate", serde_json::json!("1960-12-31T10:00:00Z"), "Patient.birthDate"),
        ("gender", serde_json::json!("M"), "Patient.gender"),
        ("name", serde_json::json!([]), "Patient.name"),
        ("link", serde_json::json!([{"type": "replaced-by", "other": {}}]), "Patient.link.other"),
    ] {
        let mut value = value.clone();
        value[element] = wrong;
        assert_eq!(decode(&serde_json::to_vec(&value).unwrap(), None).unwrap_err().path, path);
    }
    assert!(decode(b"{\"resourceType\":\"List\"}", None).is_err());
    assert!(decode(b"not json", None).is_err());
}

#[test]
fn the_published_feed_examples_are_read() {
    let Some(dir) = crate::shared_data("fhir/pixm-3.1.0/example") else { return };
    let mut read = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("Patient-Patient-") {
            continue;
        }
        let feed = decode(&std::fs::read(&path).unwrap(), None).unwrap_or_else(|e| panic!("{name}: {e}"));
        let again = decode(&encode(&feed.patient), None).unwrap();
        assert_eq!(again.patient, feed.patient, "{name}");
        read += 1;
    }
    assert!(read >= 6);
}

#[test]
fn a_condition_is_one_identifier() {
    let id = PatientId::new("P|1,2", oid("2.999.7"));
    assert_eq!(decode_condition(&encode_condition(&id)).unwrap(), id);
    assert_eq!(
        decode_condition("identifier=urn:oid:2.999.7|P0001&_format=json").unwrap(),
        PatientId::new("P0001", oid("2.999.7"))
    );
    for wrong in [
        "",
        "identifier=P0001",
        "identifier=|P0001",
        "identifier=urn:oid:2.999.7|",
        "identifier=http://x|1",
        "identifier=urn:oid:2.999.7|1&identifier=urn:oid:2.999.7|2",
        "identifier=urn:oid:2.999.7|1&name=x",
        "identifier=urn%253Aoid%253A2.999.7%257CP0001",
    ] {
        assert!(decode_condition(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn resource_ids_of_patients_can_be_reversed() {
    for id in ["P0001", "a.b-c/d", "ä 1"] {
        let id = PatientId::new(id, oid("2.999.7"));
        let text = resource_id(&id).unwrap();
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'), "{text}");
        assert_eq!(id_of_resource_id(&text), Some(id.clone()));
        assert_eq!(id_of_reference(&format!("https://x.example/fhir/Patient/{text}/_history/1")), Some(id));
    }
    assert_eq!(resource_id(&PatientId::new("x".repeat(64), oid("2.999.7"))), None);
    for wrong in ["", "P0001", "2.999.7-", "2.999.7-.zz", "2.999.7-.f", "2.999.7-.ff"] {
        assert_eq!(id_of_resource_id(wrong), None, "{wrong}");
    }
}

#[test]
fn addresses_numbers_and_the_mothers_name_read_back() {
    use model::{Address, PatientDetails, Telecom, TelecomSystem, TelecomUse};
    let telecom = |system, usage, value: &str| Telecom { system, usage, value: value.to_owned() };
    let details = PatientDetails {
        addresses: vec![Address {
            lines: vec!["Hauptstraße 1".into(), "c/o Zorn".into()],
            city: "Bern".into(),
            state: "BE".into(),
            postal_code: "3000".into(),
            country: "CH".into(),
        }],
        telecoms: vec![
            telecom(TelecomSystem::Phone, Some(TelecomUse::Mobile), "+41 79 555 01 02"),
            telecom(TelecomSystem::Fax, Some(TelecomUse::Work), "031 555"),
            telecom(TelecomSystem::Email, Some(TelecomUse::Home), "a@example.org"),
            telecom(TelecomSystem::Url, None, "https://example.org/a"),
        ],
        mothers_maiden_name: "Ünal".into(),
    };
    let patient = Patient { details, ..someone() };
    assert!(decode(&encode(&patient), None).unwrap().patient == patient);
    let shown = to_resource_in(&patient, Some(&[oid("2.999.1.2")]));
    assert_eq!(shown.identifier.len(), 1);
    assert_eq!(shown.identifier[0].value.as_deref(), Some("L-17"));
}
