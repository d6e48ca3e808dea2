//! A person's addresses, telecom values and mother's maiden name in PRPA messages: TEL, AD and the personal relationship
//! MTH. Source: HL7 V3 NE2008 PRPA_MT201301UV02, datatypes-base; ITI TF-2 3.47.4.1.2 (mother's maiden name).

use crate::NAMESPACE;
use crate::datatypes::{clean, leaf, read_name};
use model::{Address, PatientDetails, Telecom, TelecomSystem, TelecomUse};
use xml::{Element, XmlWriter};

/// Code system of roles, which has the mother.
const ROLE_CODES: &str = "2.16.840.1.113883.5.111";
/// Most addresses and most telecom values of one person.
const MOST: usize = 32;

/// `telecom` elements, which come before the gender.
pub(crate) fn write_telecoms(xml: &mut XmlWriter, details: &PatientDetails) {
    for telecom in &details.telecoms {
        let scheme = match telecom.system {
            TelecomSystem::Phone => "tel:",
            TelecomSystem::Fax => "fax:",
            TelecomSystem::Email => "mailto:",
            TelecomSystem::Url => "",
        };
        // A URL has no blanks; RFC 3966 lets a hyphen part a number.
        let value = clean(&telecom.value).replace(char::is_whitespace, "-");
        if value.is_empty() {
            continue;
        }
        xml.start("telecom");
        if let Some(usage) = telecom.usage {
            xml.attr("use", use_code(usage));
        }
        xml.attr("value", &format!("{scheme}{value}")).end();
    }
}

fn use_code(usage: TelecomUse) -> &'static str {
    match usage {
        TelecomUse::Home => "HP",
        TelecomUse::Work => "WP",
        TelecomUse::Mobile => "MC",
    }
}

/// `addr` elements, which come after the birth time.
pub(crate) fn write_addresses(xml: &mut XmlWriter, details: &PatientDetails) {
    for address in details.addresses.iter().filter(|address| !address.is_empty()) {
        xml.start("addr");
        for line in &address.lines {
            leaf(xml, "streetAddressLine", line);
        }
        leaf(xml, "city", &address.city);
        leaf(xml, "state", &address.state);
        leaf(xml, "postalCode", &address.postal_code);
        leaf(xml, "country", &address.country);
        xml.end();
    }
}

/// The relationship to the mother, which comes after the other ids.
pub(crate) fn write_mother(xml: &mut XmlWriter, details: &PatientDetails) {
    if clean(&details.mothers_maiden_name).is_empty() {
        return;
    }
    xml.start("personalRelationship").attr("classCode", "PRS");
    xml.start("code").attr("code", "MTH").attr("codeSystem", ROLE_CODES).end();
    xml.start("relationshipHolder1").attr("classCode", "PSN").attr("determinerCode", "INSTANCE");
    xml.start("name");
    leaf(xml, "family", &details.mothers_maiden_name);
    xml.end().end().end();
}

/// What a person element says of these.
pub(crate) fn read(person: Element<'_>) -> PatientDetails {
    let given = |name: &'static str| {
        person.children_named(NAMESPACE, name).filter(|e| e.attr("nullFlavor").is_none()).take(MOST)
    };
    let mother = person.children_named(NAMESPACE, "personalRelationship").find(|relationship| {
        relationship.child(NAMESPACE, "code").and_then(|code| code.attr("code")).map(str::trim) == Some("MTH")
    });
    let mother = mother.and_then(|m| m.child(NAMESPACE, "relationshipHolder1")).map(read_name).unwrap_or_default();
    PatientDetails {
        addresses: given("addr").map(address).filter(|address| !address.is_empty()).collect(),
        telecoms: given("telecom").filter_map(telecom).collect(),
        mothers_maiden_name: if mother.family.is_empty() { mother.given } else { mother.family },
    }
}

fn address(element: Element<'_>) -> Address {
    let parts = |name: &'static str| -> Vec<String> {
        let texts = element.children_named(NAMESPACE, name).map(|e| e.trimmed().into_owned());
        texts.filter(|text| !text.is_empty()).take(MOST).collect()
    };
    let part = |name| parts(name).into_iter().next().unwrap_or_default();
    let mut lines = parts("streetAddressLine");
    if lines.is_empty() {
        let street = [parts("streetName"), parts("houseNumber")].concat().join(" ");
        lines.extend((!street.is_empty()).then_some(street));
    }
    Address {
        lines,
        city: part("city"),
        state: part("state"),
        postal_code: part("postalCode"),
        country: part("country"),
    }
}

fn telecom(element: Element<'_>) -> Option<Telecom> {
    let text = element.attr("value")?.trim();
    let (system, value) = match text.split_once(':') {
        Some(("tel", number)) => (TelecomSystem::Phone, number),
        Some(("fax", number)) => (TelecomSystem::Fax, number),
        Some(("mailto", address)) => (TelecomSystem::Email, address),
        Some(_) => (TelecomSystem::Url, text),
        // Leniency: sources write the number alone.
        None if text.contains('@') => (TelecomSystem::Email, text),
        None => (TelecomSystem::Phone, text),
    };
    let usage = element.attr("use").into_iter().flat_map(str::split_whitespace).find_map(|code| match code {
        "MC" => Some(TelecomUse::Mobile),
        "WP" | "DIR" | "PUB" => Some(TelecomUse::Work),
        "H" | "HP" | "HV" => Some(TelecomUse::Home),
        _ => None,
    });
    (!value.is_empty()).then(|| Telecom { system, usage, value: value.to_owned() })
}
