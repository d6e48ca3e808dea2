//! ITI-8. Spec/xds.md section 20.

use crate::support::*;
use hl7v2::adt::{self, AdtFeed, Envelope, Event};
use hl7v2::{Message, condition};
use model::PatientId;

fn read(octets: &[u8]) -> AdtFeed {
    AdtFeed::decode(&Message::decode(octets).unwrap()).unwrap()
}

#[test]
fn a_hospitals_patient_is_read_under_its_identifier_in_the_domain() {
    let feed = read(&fixture("made/adt-a04.hl7"));
    assert_eq!(feed.event, Event::Add);
    let read = feed.patient(&oid("2.999.7"), &nowhere).unwrap();
    let city = read.details.addresses.first().map(|a| a.city.clone());
    assert!(model::Patient { details: Default::default(), ..read.clone() } == patient(), "{city:?}");
    assert!(feed.patient(&oid("2.999.9"), &nowhere).is_none());
    let other = |name: &str| (name == "OTHER").then(|| oid("2.999.9"));
    let found = feed.patient(&oid("2.999.9"), &other).unwrap();
    assert!(found.id == PatientId::new("1", oid("2.999.9")) && found.other_ids.len() == 2);
    let debug = format!("{feed:?}");
    assert!(debug.contains("2.999.8") && !debug.contains("0042") && !debug.contains("ller"), "{debug}");
}

#[test]
fn names_in_latin_1_arrive_right_and_years_are_birth_dates() {
    let feed = read(&fixture("made/adt-a08-latin1.hl7"));
    assert_eq!(feed.event, Event::Revise);
    assert!(feed.name.family == "M\u{fc}ller" && feed.name.given == "Zo\u{eb}");
    assert_eq!(feed.birth_date, Some(dtm("1961")));
}

#[test]
fn a_merge_names_both() {
    let feed = read(&fixture("made/adt-a40.hl7"));
    assert_eq!(feed.event, Event::Merge);
    let ids = [&feed.identifiers, &feed.subsumed].map(|ids| ids[0].resolve(&nowhere).unwrap());
    assert!(ids == ["P-0042", "P-0099"].map(|id| PatientId::new(id, oid("2.999.7"))));
}

#[test]
fn a_namespace_alone_is_what_the_caller_says_and_an_oid_counts_more() {
    let message = String::from_utf8(fixture("made/adt-a40.hl7")).unwrap();
    let domain_of = |name: &str| (name == "REG").then(|| oid("2.999.7"));
    for (authority, expected) in [
        ("REG", Some("2.999.7")),
        ("REG&2.999.8&ISO", Some("2.999.8")),
        ("REG&host.example&DNS", Some("2.999.7")),
        ("&2.999.8&iso", Some("2.999.8")),
        ("&2.999.8", None),
        ("ELSE", None),
        ("", None),
    ] {
        let feed = read(message.replace("&2.999.7&ISO", authority).as_bytes());
        let found = feed.identifiers[0].resolve(&domain_of).map(|id| id.domain.to_string());
        assert_eq!(found.as_deref(), expected, "{authority}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_by_place_and_rule() {
    let (a04, a40) = ("made/adt-a04.hl7", "made/adt-a40.hl7");
    for (name, from, to, expected) in [
        (a04, "ADT^A04", "ADT^A03", "MSH-9.2 must be A01, A04, A05, A08, A28, A31 or A40"),
        (a04, "PID|", "ZID|", "PID is missing"),
        (
            a04,
            "77^^^LAB&2.999.8&ISO^PI~P-0042^^^REG&2.999.7&ISO^NI~1^^^OTHER",
            "\"\"",
            "PID-3 must have an identifier of the patient",
        ),
        (a04, "19610412101500", "1961-04-12", "PID-7 must be a date of the form YYYY[MM[DD]]"),
        (a04, "ZZZ|local", "PID|||2", "PID may be there once in a message of this feed"),
        (a40, "MRG|", "ZRG|", "MRG is missing; it names who is subsumed"),
        (a40, "P-0099", "", "MRG-1 must have the identifier that is subsumed"),
        (a40, "MRG|", "MRG|X\rMRG|", "MRG may be there once in a message of this feed"),
    ] {
        let text = String::from_utf8(fixture(name)).unwrap().replace(from, to);
        let error = AdtFeed::decode(&Message::decode(text.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.condition == condition::UNSUPPORTED_EVENT, expected.starts_with("MSH"));
    }
}

#[test]
fn what_is_written_is_read() {
    let now = dtm("20250605080000");
    let envelope = Envelope {
        sending_application: "manifold",
        sending_facility: "north|1",
        receiving_application: "",
        receiving_facility: "central",
        control_id: "42",
        now: &now,
    };
    for event in [Event::Add, Event::Revise] {
        let octets = adt::encode_patient(&patient(), event, &envelope);
        let message = Message::decode(&octets).unwrap();
        assert_eq!(adt::sender(&message.header()), "manifold|north|1");
        let feed = AdtFeed::decode(&message).unwrap();
        assert_eq!(feed.event, event);
        assert!(feed.patient(&oid("2.999.7"), &nowhere) == Some(patient()));
    }
    let subsumed = PatientId::new("P^1", oid("2.999.7"));
    let feed = read(&adt::encode_merge(&patient(), &subsumed, &envelope));
    assert_eq!(feed.event, Event::Merge);
    assert!(feed.patient(&oid("2.999.7"), &nowhere) == Some(patient()));
    assert!(feed.subsumed.iter().map(|id| id.resolve(&nowhere)).eq([Some(subsumed)]));
}

#[test]
fn the_samples_of_a_hospital_are_read() {
    let (Some(update), Some(merge)) = (shared("adt-a08-update.hl7"), shared("adt-a40-merge.hl7")) else { return };
    let domain = oid("2.25.7301.9.1");
    let known = read(&update).patient(&domain, &nowhere).unwrap();
    assert!(known.id.id == "PID-000123" && known.name.family == "Ex\u{e4}mple-Neu" && known.other_ids.len() == 1);
    let merge = read(&merge);
    assert!(merge.patient(&domain, &nowhere).unwrap().id == known.id);
    assert!(merge.subsumed[0].id == "PID-000999");
}

#[test]
fn addresses_numbers_and_the_mothers_name_travel_in_pid() {
    use model::{Address, PatientDetails, Telecom, TelecomSystem, TelecomUse};
    let telecom = |system, usage, value: &str| Telecom { system, usage: Some(usage), value: value.to_owned() };
    let address = Address {
        lines: vec!["Hauptstraße 1".into(), "c/o Zorn & Söhne".into()],
        city: "Bern".into(),
        state: "BE".into(),
        postal_code: "3000".into(),
        country: "CHE".into(),
    };
    let details = PatientDetails {
        addresses: vec![address.clone(), Address { city: "Genève".into(), ..Address::default() }],
        telecoms: vec![
            telecom(TelecomSystem::Phone, TelecomUse::Home, "+41 31 555 01 02"),
            telecom(TelecomSystem::Phone, TelecomUse::Mobile, "+41 79 555 01 02"),
            telecom(TelecomSystem::Email, TelecomUse::Home, "a.muster@example.org"),
            telecom(TelecomSystem::Fax, TelecomUse::Work, "031^555"),
        ],
        mothers_maiden_name: "Ünal".into(),
    };
    let sent = model::Patient { details, ..patient() };
    let now = dtm("20250604065500");
    let envelope = Envelope {
        sending_application: "a",
        sending_facility: "b",
        receiving_application: "c",
        receiving_facility: "d",
        control_id: "1",
        now: &now,
    };
    let bytes = adt::encode_patient(&sent, Event::Add, &envelope);
    let read = AdtFeed::decode(&Message::decode(&bytes).unwrap()).unwrap();
    assert!(read.patient(&oid("2.999.7"), &nowhere) == Some(sent));
    // As hospitals of version 2.3 write them.
    let text = "PID|||1^^^&2.999.7&ISO||Muster^Anna|Meier^Ursula|19610412|F|||Hauptstr. 1&Hauptstr.^^Bern^^3000||\
                031 555 01 02~^PRN^CP^^^^^^^^^079 555 01 02|031 555 99 99";
    let message = format!("MSH|^~\\&|A|B|C|D|2025||ADT^A04|1|P|2.3||||||UNICODE UTF-8\r{text}\r");
    let read = AdtFeed::decode(&Message::decode(message.as_bytes()).unwrap()).unwrap().details;
    assert_eq!((read.mothers_maiden_name.as_str(), read.addresses[0].city.as_str()), ("Meier", "Bern"));
    assert!(read.addresses[0].lines[0].starts_with("Hauptstr. 1"));
    let uses: Vec<_> = read.telecoms.iter().map(|t| t.usage).collect();
    assert_eq!(uses, [Some(TelecomUse::Home), Some(TelecomUse::Mobile), Some(TelecomUse::Work)]);
}
