//! ITI-44 and its acknowledgement.

use crate::support::*;
use hl7v3::InstanceId;
use hl7v3::prpa::{self, AckCode, AckDetail, DetailKind, PatientFeed, Transmission, Trigger};
use model::*;

const SCHEMAS: &str = "xds/ipf-hl7v3/schema/HL7V3/NE2008/multicacheschemas";

fn transmission() -> Transmission {
    Transmission {
        id: InstanceId::new("2.999.40.1", "MSG-1"),
        creation_time: dtm("20250314091500"),
        sender: oid("2.999.40.2"),
        receiver: oid("2.999.40.3"),
    }
}

#[track_caller]
fn check_valid(name: &str, bytes: &[u8]) {
    if let Some(schema) = shared(&format!("{SCHEMAS}/{name}.xsd")) {
        check_schema(&schema, bytes);
    }
}

fn decode(bytes: &[u8]) -> PatientFeed {
    prpa::decode(&parse(bytes).root()).unwrap()
}

fn sample(path: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(shared(&format!("xds/{path}"))?).unwrap())
}

#[test]
fn messages_of_every_trigger_are_valid_and_read_back() {
    let patient = report().patient;
    let subsumed = PatientId::new("P0099", oid("2.999.7"));
    for (trigger, bytes) in [
        (Trigger::Add, prpa::encode_add(&patient, &transmission())),
        (Trigger::Revise, prpa::encode_revise(&patient, &transmission())),
        (Trigger::Merge, prpa::encode_merge(&patient, &subsumed, &transmission())),
    ] {
        check_valid(trigger.interaction(), &bytes);
        check_golden(&format!("{}.xml", trigger.interaction()), &bytes);
        let feed = decode(&bytes);
        assert_eq!(feed.trigger, trigger);
        assert_eq!(feed.message_id, transmission().id);
        assert_eq!(feed.creation_time, Some(transmission().creation_time));
        assert_eq!((feed.sender.as_deref(), feed.receiver.as_deref()), (Some("2.999.40.2"), Some("2.999.40.3")));
        assert!(feed.patient(&patient.id.domain).is_some_and(|p| p == patient));
        assert!(feed.patient(&oid("2.999.1.2")).is_some_and(|p| p.id.id == "LOCAL-1" && p.other_ids.len() == 1));
        assert!(feed.patient(&oid("2.999.8")).is_none());
        let expected = if trigger == Trigger::Merge { vec![subsumed.clone()] } else { vec![] };
        assert_eq!(feed.subsumed, expected);
    }
}

#[test]
fn a_patient_with_only_an_identifier_makes_a_valid_message() {
    let id = PatientId::new("P1", oid("2.999.7"));
    let patient = Patient {
        id,
        other_ids: vec![],
        name: PersonName::default(),
        birth_date: None,
        sex: None,
        details: Default::default(),
    };
    let bytes = prpa::encode_add(&patient, &transmission());
    check_valid("PRPA_IN201301UV02", &bytes);
    assert!(decode(&bytes).patient(&oid("2.999.7")).is_some_and(|p| p == patient));
}

#[test]
fn messages_of_others_are_read() {
    for (file, trigger, id, others, name) in [
        ("examples/iti44-add-body.xml", Trigger::Add, "P-0042^^^&2.999.1.1&ISO", 0, "Doe^Jane"),
        ("examples/iti44-merge-body.xml", Trigger::Merge, "P-0042^^^&2.999.1.1&ISO", 0, "Doe^Jane"),
        (
            "samples/ipf/iti44/PIX_FEED_REG_Maximal_Request.xml",
            Trigger::Add,
            "PIX10515W3^^^&1.3.6.1.4.1.21367.2005.1.1&ISO",
            2,
            "WASHINGTON^MARY^ROSE^II^Dr.",
        ),
        (
            "samples/ipf/iti44/A08_Response.xml",
            Trigger::Revise,
            "306567^^^&2.16.840.1.113883.3.37.4.1.1.2.1.1&ISO",
            0,
            "BEST^XML^2",
        ),
        (
            "samples/ipf/iti44/PIX_FEED_MERGE_Maximal_Request.xml",
            Trigger::Merge,
            "120-01^^^&1.2.3.4.5.1000&ISO",
            0,
            "Unknown",
        ),
    ] {
        let Some(bytes) = sample(file) else { return };
        let feed = decode(&bytes);
        assert_eq!(feed.trigger, trigger, "{file}");
        assert_eq!(feed.patient_ids[0].to_string(), id, "{file}");
        assert_eq!(feed.other_ids.len(), others, "{file}");
        assert_eq!(feed.name.to_hl7(), name, "{file}");
        assert_eq!(feed.subsumed.len(), usize::from(trigger == Trigger::Merge), "{file}");
    }
    let Some(bytes) = sample("samples/ipf/iti44/PIX_FEED_REG_Maximal_Request.xml") else { return };
    assert_eq!(decode(&bytes).patient_ids.len(), 2, "an id without an OID is left out");
}

#[test]
fn a_message_that_cannot_be_used_says_why() {
    let refused = |xml: &str| prpa::decode(&parse(xml.as_bytes()).root()).unwrap_err().to_string();
    assert_eq!(
        refused("<PRPA_IN201305UV02 xmlns='urn:hl7-org:v3'/>"),
        "expected PRPA_IN201301UV02, PRPA_IN201302UV02 or PRPA_IN201304UV02, got PRPA_IN201305UV02"
    );
    assert!(refused("<PRPA_IN201301UV02/>").starts_with("expected PRPA_"), "no namespace");
    assert_eq!(
        refused("<PRPA_IN201301UV02 xmlns='urn:hl7-org:v3'/>"),
        "expected controlActProcess at PRPA_IN201301UV02, got none"
    );
    let text = String::from_utf8(prpa::encode_add(&report().patient, &transmission())).unwrap();
    let nobody = text.replace("<id root=\"2.999.7\" extension=\"P0001\"/>", "<id nullFlavor=\"UNK\"/>");
    assert!(refused(&nobody).starts_with("expected an id with an OID as root and an extension at "));
    let merge = text.replace("IN201301", "IN201304");
    assert!(refused(&merge).starts_with("expected replacementOf"));
}

#[test]
fn acknowledgements_are_valid_and_read_back() {
    let target = InstanceId::new("2.999.40.1", "MSG-1");
    let details = vec![
        AckDetail { kind: DetailKind::Error, code: Some("204".into()), text: "unknown <key> identifier".into() },
        AckDetail { kind: DetailKind::Warning, code: None, text: "x".into() },
    ];
    let own = Transmission { id: InstanceId::new("2.999.40.4", "ACK-1"), ..transmission() };
    for code in AckCode::ALL {
        let details = if code.accepted() { &[][..] } else { &details[..] };
        let bytes = prpa::encode_ack(&own, code, &target, details);
        check_valid("MCCI_IN000002UV01", &bytes);
        let ack = prpa::decode_ack(&parse(&bytes).root()).unwrap();
        assert_eq!((ack.code, &ack.target, &ack.message_id), (code, &target, &own.id));
        assert_eq!(ack.details, details);
    }
    check_golden("MCCI_IN000002UV01.xml", &prpa::encode_ack(&own, AckCode::AcceptError, &target, &details));
    let Some(bytes) = sample("samples/ipf/iti44/Ack.xml") else { return };
    let ack = prpa::decode_ack(&parse(&bytes).root()).unwrap();
    assert_eq!(ack.code, AckCode::AcceptAccept);
    assert_eq!(ack.target, InstanceId::root("22a0f9e0-4454-11dc-a6be-3603d6866807"));
}

#[test]
fn debug_shows_no_patient() {
    let bytes = prpa::encode_add(&report().patient, &transmission());
    let shown = format!("{:?}", decode(&bytes));
    assert!(!shown.contains("P0001") && !shown.contains("Exämple"), "{shown}");
}

#[test]
fn addresses_numbers_and_the_mothers_name_are_valid_and_read_back() {
    use model::{Address, PatientDetails, Telecom, TelecomSystem, TelecomUse};
    let telecom = |system, usage, value: &str| Telecom { system, usage, value: value.to_owned() };
    let details = PatientDetails {
        addresses: vec![Address {
            lines: vec!["Hauptstraße 1".into(), "c/o Zorn & Söhne".into()],
            city: "Bern".into(),
            state: "BE".into(),
            postal_code: "3000".into(),
            country: "CH".into(),
        }],
        telecoms: vec![
            telecom(TelecomSystem::Phone, Some(TelecomUse::Mobile), "+41-79-555-01-02"),
            telecom(TelecomSystem::Fax, Some(TelecomUse::Work), "+41315550102"),
            telecom(TelecomSystem::Email, Some(TelecomUse::Home), "a.muster@example.org"),
            telecom(TelecomSystem::Url, None, "https://example.org/a"),
        ],
        mothers_maiden_name: "Ünal".into(),
    };
    let patient = Patient { details, ..report().patient };
    let bytes = prpa::encode_revise(&patient, &transmission());
    check_valid("PRPA_IN201302UV02", &bytes);
    assert!(decode(&bytes).patient(&patient.id.domain).is_some_and(|p| p == patient));
}
