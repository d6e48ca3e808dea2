//! HL7 v3 data types to and from the model: II, TS, CE, PN, ON. Source: CDA R2 datatypes-base.xsd, spec/reports.md 11.
//!
//! Writers never write an empty attribute (field case B-056): what has no value becomes a null flavour or nothing.

use crate::NAMESPACE;
use model::{Code, Dtm, Oid, PatientId, PersonName, Sex, UniqueId, Xcn, Xon, escape, schemes};
use std::borrow::Cow;
use std::fmt;
use xml::{Element, XmlWriter};

/// II: an identifier by root (OID or UUID) and extension, either of which may be missing. Debug hides the extension,
/// because it may be a patient's.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct InstanceId {
    pub root: Option<String>,
    pub extension: Option<String>,
}

impl InstanceId {
    /// An identifier that is a root alone.
    pub fn root(root: impl Into<String>) -> Self {
        InstanceId { root: Some(root.into()), extension: None }
    }

    pub fn new(root: impl Into<String>, extension: impl Into<String>) -> Self {
        InstanceId { root: Some(root.into()), extension: Some(extension.into()) }
    }

    /// A patient's or another domain's identifier; `None` unless there are an extension and an OID as root.
    pub fn patient_id(&self) -> Option<PatientId> {
        let domain = Oid::parse(self.root.as_deref()?).ok()?;
        Some(PatientId::new(self.extension.as_deref()?, domain))
    }

    /// As the uniqueId of a document: `root`, or `root^extension`. Source: ITI TF-3 4.2.3.2.26, PCC mapping of CDA.
    pub fn unique_id(&self) -> Option<UniqueId> {
        let text = match (&self.root, &self.extension) {
            (Some(root), Some(extension)) => format!("{root}^{extension}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => return None,
        };
        UniqueId::parse(&text).ok()
    }

    /// The reverse of [`InstanceId::unique_id`]; `urn:oid:` and `urn:uuid:` in front of a root are taken off.
    pub fn of_unique_id(id: &UniqueId) -> Self {
        let (root, extension) = match id.as_str().split_once('^') {
            Some((root, extension)) => (root, some(extension)),
            None => (id.as_str(), None),
        };
        let bare = root.strip_prefix("urn:oid:").or_else(|| root.strip_prefix("urn:uuid:")).unwrap_or(root);
        if is_root(bare) {
            return InstanceId { root: Some(bare.to_owned()), extension };
        }
        // An opaque identifier (FHIR allows any URI) has no place in @root.
        InstanceId { root: None, extension: Some(id.as_str().to_owned()) }
    }

    pub(crate) fn read(element: Element<'_>) -> Self {
        let value = |name| element.attr(name).map(str::trim).and_then(some);
        InstanceId { root: value("root"), extension: value("extension") }
    }

    /// An identifier without a usable root keeps its extension beside the null flavour: readers can still show it.
    pub(crate) fn write(&self, xml: &mut XmlWriter, name: &str) {
        xml.start(name);
        self.attributes(xml);
        xml.end();
    }

    pub(crate) fn attributes(&self, xml: &mut XmlWriter) {
        match self.root.as_deref().filter(|root| is_root(root)) {
            Some(root) => xml.attr("root", root),
            None => xml.attr("nullFlavor", "UNK"),
        };
        if let Some(extension) = self.extension.as_deref().map(clean).filter(|e| !e.is_empty()) {
            xml.attr("extension", &extension);
        }
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.extension.as_ref().map_or("", |_| "^***");
        write!(f, "InstanceId({}{hidden})", self.root.as_deref().unwrap_or("?"))
    }
}

/// What the `uid` simple type of the schema allows: an OID or a UUID; the reserved names of HL7 are left out.
pub(crate) fn is_root(text: &str) -> bool {
    let oid = || {
        let mut arcs = text.split('.');
        matches!(arcs.next(), Some("0" | "1" | "2"))
            && arcs.all(|a| a == "0" || (!a.is_empty() && !a.starts_with('0') && a.bytes().all(|b| b.is_ascii_digit())))
    };
    let uuid = || {
        text.len() == 36
            && text.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_hexdigit(),
            })
    };
    oid() || uuid()
}

pub(crate) fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Text without the characters that XML 1.0 cannot carry (v2 messages have them, pitfall R15), and trimmed.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let illegal = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    let text = text.trim();
    if text.contains(illegal) {
        return Cow::Owned(text.replace(illegal, "").trim().to_owned());
    }
    Cow::Borrowed(text)
}

/// An attribute if there is a value for it.
pub(crate) fn attr(xml: &mut XmlWriter, name: &str, value: &str) {
    let value = clean(value);
    if !value.is_empty() {
        xml.attr(name, &value);
    }
}

/// An element with text, if there is any.
pub(crate) fn leaf(xml: &mut XmlWriter, name: &str, value: &str) {
    let value = clean(value);
    if !value.is_empty() {
        xml.leaf(name, &value);
    }
}

/// TS of a UTC time; the offset is written from the hour on, where it begins to matter.
pub(crate) fn time_text(time: &Dtm) -> String {
    let offset = if time.as_str().len() > 8 { "+0000" } else { "" };
    format!("{time}{offset}")
}

pub(crate) fn write_time(xml: &mut XmlWriter, name: &str, time: Option<&Dtm>) {
    xml.start(name);
    match time {
        Some(time) => xml.attr("value", &time_text(time)),
        None => xml.attr("nullFlavor", "UNK"),
    };
    xml.end();
}

/// A birth date: the day, whatever precision the source had beyond it.
pub(crate) fn write_birth_time(xml: &mut XmlWriter, date: Option<&Dtm>) {
    let day = date.and_then(|d| Dtm::parse(&d.as_str().chars().take(8).collect::<String>()).ok());
    write_time(xml, "birthTime", day.as_ref());
}

/// TS as UTC; fractions of a second are dropped. `None` when it is no time.
///
/// Leniency: a time of day without an offset is taken as UTC. The writer's zone is unknown here, and a wrong hour is
/// less harm than no time at all.
pub(crate) fn read_time(text: &str) -> Option<Dtm> {
    let text = text.trim();
    let (stamp, offset) = match text.find(['+', '-', 'Z']) {
        Some(at) => (&text[..at], &text[at..]),
        None => (text, ""),
    };
    let stamp = stamp.split('.').next().unwrap_or(stamp);
    let local = Dtm::parse(stamp).ok()?;
    let Some(seconds) = offset_seconds(offset) else { return Some(local) };
    if stamp.len() <= 8 || seconds == 0 {
        return Some(local);
    }
    let utc = Dtm::from_unix_seconds(local.unix_seconds() - seconds);
    // An offset of half an hour turns a full hour into minutes.
    let digits = if stamp.len() == 10 && seconds % 3600 != 0 { 12 } else { stamp.len() };
    Dtm::parse(utc.as_str().get(..digits)?).ok()
}

fn offset_seconds(text: &str) -> Option<i64> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return Some(0),
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i64>().ok()?, 0),
        4 => (digits[..2].parse::<i64>().ok()?, digits[2..].parse::<i64>().ok()?),
        _ => return None,
    };
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// `value` of an optional TS child.
pub(crate) fn child_time(parent: Element<'_>, name: &str) -> Option<Dtm> {
    parent.child(NAMESPACE, name).and_then(|e| e.attr("value")).and_then(read_time)
}

/// Schemes that sources write by name rather than by OID.
fn scheme_oid(scheme: &str) -> Option<Cow<'_, str>> {
    let bare = scheme.strip_prefix("urn:oid:").unwrap_or(scheme);
    if Oid::parse(bare).is_ok() {
        return Some(Cow::Borrowed(bare));
    }
    Some(Cow::Borrowed(match scheme {
        "DCM" => schemes::DCM,
        "SCT" | "SNM3" | "SRT" | "http://snomed.info/sct" => schemes::SNOMED_CT,
        "LN" | "http://loinc.org" => schemes::LOINC,
        _ => return None,
    }))
}

/// CD or CE, left open for translations. A code that XML Schema calls no code (white space in it) becomes its text.
pub(crate) fn start_code(xml: &mut XmlWriter, name: &str, code: Option<&Code>) {
    xml.start(name);
    let Some(code) = code else {
        xml.attr("nullFlavor", "UNK");
        return;
    };
    let value = clean(&code.code);
    let text = code.display.value().unwrap_or("");
    if value.is_empty() || value.contains(char::is_whitespace) {
        xml.attr("nullFlavor", "OTH");
        leaf(xml, "originalText", if text.is_empty() { &value } else { text });
        return;
    }
    xml.attr("code", &value);
    match scheme_oid(&code.scheme) {
        Some(oid) => {
            xml.attr("codeSystem", &oid);
        }
        None => attr(xml, "codeSystemName", &code.scheme),
    }
    attr(xml, "displayName", text);
}

pub(crate) fn write_code(xml: &mut XmlWriter, name: &str, code: &Code) {
    start_code(xml, name, Some(code));
    xml.end();
}

/// A code with whatever scheme it names; `None` without a code.
pub(crate) fn read_code(element: Element<'_>) -> Option<Code> {
    let value = |name| element.attr(name).map(str::trim).filter(|v| !v.is_empty());
    let code = value("code")?;
    let scheme = value("codeSystem").or(value("codeSystemName")).unwrap_or("");
    let text = element.child(NAMESPACE, "originalText").map(|e| e.trimmed());
    let display = value("displayName").or(text.as_deref().filter(|t| !t.is_empty()));
    let mut out = Code::new(code, scheme, "");
    out.display = display.map(model::Text::plain).unwrap_or_default();
    Some(out)
}

/// AdministrativeGender has M, F and UN; unknown is a null flavour.
pub(crate) fn write_sex(xml: &mut XmlWriter, sex: Option<Sex>) {
    xml.start("administrativeGenderCode");
    let code = match sex {
        Some(Sex::Male) => Some("M"),
        Some(Sex::Female) => Some("F"),
        Some(Sex::Other) => Some("UN"),
        Some(Sex::Unknown) | None => None,
    };
    match code {
        Some(code) => xml.attr("code", code).attr("codeSystem", "2.16.840.1.113883.5.1"),
        None => xml.attr("nullFlavor", "UNK"),
    };
    xml.end();
}

pub(crate) fn read_sex(parent: Element<'_>) -> Option<Sex> {
    let element = parent.child(NAMESPACE, "administrativeGenderCode")?;
    match element.attr("code").map(str::trim) {
        Some("UN") => Some(Sex::Other),
        Some(code) => Sex::from_code(code),
        None => None,
    }
}

pub(crate) fn write_name(xml: &mut XmlWriter, name: &PersonName) {
    xml.start("name");
    if [&name.prefix, &name.given, &name.middle, &name.family, &name.suffix].iter().all(|p| clean(p).is_empty()) {
        xml.attr("nullFlavor", "UNK");
    }
    leaf(xml, "prefix", &name.prefix);
    leaf(xml, "given", &name.given);
    leaf(xml, "given", &name.middle);
    leaf(xml, "family", &name.family);
    leaf(xml, "suffix", &name.suffix);
    xml.end();
}

/// The name to show: the legal one when several are given, else the first. Text without parts is a family name.
pub(crate) fn read_name(parent: Element<'_>) -> PersonName {
    let names = || parent.children_named(NAMESPACE, "name").filter(|n| n.attr("nullFlavor").is_none());
    let legal = |n: &Element<'_>| n.attr("use").is_some_and(|u| u.split_whitespace().any(|u| u == "L"));
    let Some(name) = names().find(legal).or_else(|| names().next()) else { return PersonName::default() };
    let parts = |part: &'static str| -> Vec<String> {
        name.children_named(NAMESPACE, part).map(|e| e.trimmed().into_owned()).filter(|t| !t.is_empty()).collect()
    };
    let mut given = parts("given").into_iter();
    let read = PersonName {
        family: parts("family").join(" "),
        given: given.next().unwrap_or_default(),
        middle: given.collect::<Vec<_>>().join(" "),
        prefix: parts("prefix").join(" "),
        suffix: parts("suffix").join(" "),
    };
    if read == PersonName::default() {
        return PersonName { family: name.trimmed().into_owned(), ..read };
    }
    read
}

/// The identifier of an XCN: its authority is known only when it is an OID.
pub(crate) fn person_id(person: &Xcn) -> InstanceId {
    let authority = person.as_str().split('^').nth(8).and_then(|a| model::Hd::parse(a).ok()).and_then(|hd| hd.oid);
    InstanceId { root: authority.map(|oid| oid.as_str().to_owned()), extension: some(&person.component(1)) }
}

pub(crate) fn person_name(person: &Xcn) -> PersonName {
    let family = person.as_str().split('^').nth(1).and_then(|f| f.split('&').next()).unwrap_or("");
    PersonName {
        family: model::unescape(family),
        given: person.component(3),
        middle: person.component(4),
        suffix: person.component(5),
        prefix: person.component(6),
    }
}

/// XCN from the ids and the name of an assigned person; `None` when neither says anything.
pub(crate) fn read_person(assigned: Element<'_>, person: Element<'_>) -> Option<Xcn> {
    let name = read_name(person);
    let id = assigned.children_named(NAMESPACE, "id").map(InstanceId::read).find(|id| id.extension.is_some());
    let id = id.unwrap_or_default();
    let root = id.root.as_deref().and_then(|root| Oid::parse(root).ok());
    let authority = root.map(|oid| format!("&{oid}&ISO")).unwrap_or_default();
    let fields =
        [id.extension.as_deref().unwrap_or(""), &name.family, &name.given, &name.middle, &name.suffix, &name.prefix]
            .map(escape)
            .join("^");
    let text = format!("{fields}^^^{authority}");
    Xcn::parse(text.trim_end_matches('^')).ok()
}

/// The identifier of an organisation.
pub(crate) fn organisation_id(organisation: &Xon) -> InstanceId {
    match organisation.identifier() {
        Some((id, Some(authority))) => InstanceId::new(authority.as_str(), id),
        Some((id, None)) => InstanceId::root(id),
        None => InstanceId::default(),
    }
}

/// XON from an organisation with a name; identifiers that are no OID are left out.
pub(crate) fn read_organisation(organisation: Element<'_>) -> Option<Xon> {
    let name = organisation.children_named(NAMESPACE, "name").map(|n| n.trimmed()).find(|n| !n.is_empty())?;
    let id = organisation
        .children_named(NAMESPACE, "id")
        .map(InstanceId::read)
        .find_map(|id| Some((Oid::parse(id.root.as_deref()?).ok()?, id.extension)));
    let text = match id {
        Some((root, Some(extension))) => format!("{}^^^^^&{root}&ISO^^^^{}", escape(&name), escape(&extension)),
        Some((root, None)) => format!("{}^^^^^^^^^{root}", escape(&name)),
        None => escape(&name),
    };
    Xon::parse(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_time(text: &str, expected: Option<&str>) {
        assert_eq!(read_time(text).as_ref().map(Dtm::as_str), expected, "{text}");
    }

    #[test]
    fn a_time_with_an_offset_reads_as_utc_in_its_own_precision() {
        check_time("20250603112500+0200", Some("20250603092500"));
        check_time("20250603112500.123-0530", Some("20250603165500"));
        check_time("20250101003000+0100", Some("20241231233000"));
        check_time("2025060311+0530", Some("202506030530"));
        check_time("2025060311+02", Some("2025060309"));
        check_time("20250603", Some("20250603"));
        check_time("20250603+0200", Some("20250603"));
        check_time("20250603112500", Some("20250603112500"));
        check_time("20250603112500+99", Some("20250603112500"));
        check_time("20251303", None);
        check_time("yesterday", None);
        check_time("", None);
    }

    #[test]
    fn a_unique_id_survives_as_root_and_extension() {
        for text in ["2.25.1", "2.25.1^A 1", "urn:x:any thing", "22a0f9e0-4454-11dc-a6be-3603d6866807"] {
            let id = UniqueId::parse(text).unwrap();
            assert_eq!(InstanceId::of_unique_id(&id).unique_id(), Some(id));
        }
        let urn = UniqueId::parse("urn:oid:2.25.1").unwrap();
        assert_eq!(InstanceId::of_unique_id(&urn), InstanceId::root("2.25.1"));
        assert_eq!(format!("{:?}", InstanceId::new("2.999", "P0001")), "InstanceId(2.999^***)");
    }
}
