//! CX, HD, XCN, XON and the escape sequences. Source: ITI TF-3 Table 4.2.3.1.7-2; spec/xds.md 9.

use crate::samples::oid;
use model::{Hd, Oid, PatientId, PersonName, Xcn, Xon, Xtn, escape, unescape};
use proptest::prelude::*;

/// Text full of separators and of things that look like escapes.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("^".to_owned()),
        Just("&".to_owned()),
        Just("~".to_owned()),
        Just("|".to_owned()),
        Just("\\".to_owned()),
        Just("\\T\\".to_owned()),
        Just("\\E\\".to_owned()),
        Just("E\\".to_owned()),
        Just("\\X41\\".to_owned()),
        Just("ISO".to_owned()),
        Just("é胸 '".to_owned()),
        "[A-Za-z0-9]{1,4}".prop_map(|s| s),
    ];
    proptest::collection::vec(pieces, 0..8).prop_map(|parts| parts.concat())
}

fn any_oid() -> impl Strategy<Value = Oid> {
    proptest::collection::vec(0..100_000_u32, 1..6).prop_map(|arcs| {
        let arcs: Vec<String> = arcs.iter().map(u32::to_string).collect();
        oid(&format!("2.999.{}", arcs.join(".")))
    })
}

proptest! {
    #[test]
    fn escaped_text_has_no_separator_and_comes_back(text in nasty()) {
        let escaped = escape(&text);
        prop_assert!(!escaped.contains(['^', '&', '~', '|']));
        prop_assert_eq!(unescape(&escaped), text);
    }

    #[test]
    fn unescaping_anything_never_panics(text in "\\PC{0,40}") {
        let _ = unescape(&text);
    }

    #[test]
    fn a_patient_id_prints_and_reads_back(id in nasty(), domain in any_oid()) {
        prop_assume!(!id.is_empty());
        let patient = PatientId::new(id, domain);
        prop_assert_eq!(PatientId::parse(&patient.to_string()).unwrap(), patient);
    }

    #[test]
    fn an_authority_prints_and_reads_back(namespace in proptest::option::of(nasty()), oid in proptest::option::of(any_oid())) {
        let hd = Hd { namespace: namespace.filter(|n| !n.is_empty()), oid };
        prop_assert_eq!(Hd::parse(&hd.to_string()).unwrap(), hd);
    }

    #[test]
    fn a_persons_text_is_kept_and_its_components_are_read(family in nasty(), given in nasty()) {
        prop_assume!(!family.is_empty());
        let person = Xcn::from_name(&family, &given);
        prop_assert_eq!(person.component(2), family);
        prop_assert_eq!(person.component(3), given);
        prop_assert_eq!(person.component(1), "");
        prop_assert_eq!(person.component(0), "");
        prop_assert_eq!(person.component(99), "");
        prop_assert_eq!(Xcn::parse(person.as_str()).unwrap(), person);
    }

    #[test]
    fn an_organisations_text_is_kept_and_its_components_are_read(name in nasty(), authority in any_oid(), number in nasty()) {
        prop_assume!(!name.is_empty() && !number.is_empty());
        let text = format!("{}^^^^^&{authority}&ISO^^^^{}", escape(&name), escape(&number));
        let place = Xon::parse(&text).unwrap();
        prop_assert_eq!(place.as_str(), text);
        prop_assert_eq!(place.name(), name);
        prop_assert_eq!(place.identifier(), Some((number, Some(authority))));
    }

    #[test]
    fn names_survive_both_orders(parts in proptest::array::uniform5("[A-Za-zéü' ]{0,8}")) {
        let [family, given, middle, prefix, suffix] = parts.map(|p| p.trim().to_owned());
        let name = PersonName { family, given, middle, prefix, suffix };
        prop_assert_eq!(PersonName::from_dicom(&name.to_dicom()), name.clone());
        prop_assert_eq!(PersonName::from_hl7(&name.to_hl7()), name);
    }

    #[test]
    fn names_with_separators_survive_hl7(family in nasty(), given in nasty()) {
        let name = PersonName { family, given, ..PersonName::default() };
        prop_assert_eq!(PersonName::from_hl7(&name.to_hl7()), name);
    }

    #[test]
    fn reading_anything_never_panics(text in "[\\^&~|\\\\A-Z0-9.]{0,40}") {
        let _ = (PatientId::parse(&text), Hd::parse(&text), Xcn::parse(&text).map(|x| x.component(9)));
        let _ = (Xon::parse(&text).map(|x| x.identifier()), PersonName::from_hl7(&text).display());
    }
}

#[test]
fn a_patient_id_has_an_id_and_an_oid_and_nothing_else() {
    for text in ["P1^^^&2.999.7&ISO", "P1^^^&2.999.7&ISO^^", "a b^^^&2.999.7&ISO", "\\S\\^^^&2.999.7&ISO"] {
        assert!(PatientId::parse(text).is_ok(), "{text}");
    }
    for text in [
        "",
        "P1",
        "^^^&2.999.7&ISO",
        "P1^^^&2.999.7",
        "P1^^^&2.999.7&UUID",
        "P1^^^&2.999.7&iso",
        "P1^^^HOSP",
        "P1^^^HOSP&2.999.7&ISO",
        "P1^X^^&2.999.7&ISO",
        "P1^^X^&2.999.7&ISO",
        "P1^^^&2.999.7&ISO^PI",
        "P1^^^&urn:oid:2.999.7&ISO",
        "P1^^^&2.999.07&ISO",
        "P1^^^",
        "P1^^^&&ISO",
    ] {
        assert!(PatientId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_person_needs_an_identifier_or_a_family_name() {
    for text in ["^Roe^Richard^^^Dr", "12^^^^^^^^&2.999.4&ISO", "12", "^Roe", "^Acme^Scanner 3000"] {
        assert!(Xcn::parse(text).is_ok(), "{text}");
    }
    for (text, field) in [("", ""), ("^^Richard", ""), ("12^Roe^^^^^^^&2.999.4&UUID", "XCN.9")] {
        assert_eq!(Xcn::parse(text).unwrap_err().field, field, "{text}");
    }
}

#[test]
fn an_organisation_needs_a_name_and_an_identifier_that_means_something() {
    for text in ["Praxis", "North^^^^^&2.999.1.2&ISO^^^^1", "South^^^^^^^^^2.999.3.1"] {
        assert!(Xon::parse(text).is_ok(), "{text}");
    }
    for (text, field) in
        [("", ""), ("^^^^^^^^^2.999.3.1", ""), ("North^^^^^^^^^1", "XON.10"), ("North^^^^^&2.999.1.2&X^^^^1", "XON.6")]
    {
        assert_eq!(Xon::parse(text).unwrap_err().field, field, "{text}");
    }
    assert_eq!(Xon::parse("South^^^^^^^^^2.999.3.1").unwrap().identifier(), Some(("2.999.3.1".into(), None)));
    assert_eq!(Xon::parse("Praxis").unwrap().identifier(), None);
}

#[test]
fn a_telecommunication_address_is_any_text_but_none() {
    assert_eq!(Xtn::parse("^NET^Internet^a@example.org").unwrap().as_str(), "^NET^Internet^a@example.org");
    assert!(Xtn::parse(" ").is_err());
}

#[test]
fn a_name_is_shown_family_first() {
    let show = |pn: &str| PersonName::from_dicom(pn).display();
    assert_eq!(show("Doe^Jane^Mary^Dr^Jr"), "DOE, Dr Jane Mary Jr");
    assert_eq!(show("Doe"), "DOE");
    assert_eq!(show("^Jane"), "Jane");
    assert_eq!(show(""), "");
    assert_eq!(show("Yamada^Tarou=山田^太郎=やまだ^たろう"), "YAMADA, Tarou");
    assert_eq!(PersonName::from_hl7("van Dyke&van&Dyke^Jan").family, "van Dyke");
}
