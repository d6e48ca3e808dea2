//! ITI-8 Patient Identity Feed: ADT messages to and from patients. Sources: spec/xds.md section 20, spec/reports.md
//! section 9; ITI TF-2 3.8.

use crate::ack::condition::{self, Condition};
use crate::{Charset, Component, Field, Header, Location, Message, Segment, Writer};
use model::{Address, Dtm, Oid, Patient, PatientDetails, PatientId, PersonName, Sex, Telecom, TelecomUse};
use std::fmt;

/// Most identifiers of one patient.
const MOST_IDENTIFIERS: usize = 256;
/// Most addresses, and most numbers of each of PID-13 and PID-14.
const MOST_REPETITIONS: usize = 32;

/// What a message tells of its patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A01, A04, A05, A28: here is a patient.
    Add,
    /// A08, A31: these are the right demographics.
    Revise,
    /// A40: one patient was two.
    Merge,
}

impl Event {
    /// By MSH-9.2.
    pub fn of_trigger(trigger: &str) -> Option<Event> {
        match trigger {
            "A01" | "A04" | "A05" | "A28" => Some(Event::Add),
            "A08" | "A31" => Some(Event::Revise),
            "A40" => Some(Event::Merge),
            _ => None,
        }
    }
}

/// An identifier as CX has it: the authority by name, by OID, or both. Debug hides the number.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    pub id: String,
    /// CX-4.1.
    pub namespace: String,
    /// CX-4.2 when CX-4.3 is ISO.
    pub oid: Option<Oid>,
}

impl Identifier {
    /// The identifier with the OID of its authority. A namespace alone is what `domain_of` says it is; where both are
    /// given, the OID counts.
    pub fn resolve(&self, domain_of: &dyn Fn(&str) -> Option<Oid>) -> Option<PatientId> {
        let domain = match &self.oid {
            Some(oid) => oid.clone(),
            None => domain_of(&self.namespace)?,
        };
        Some(PatientId::new(self.id.clone(), domain))
    }

    /// The authority in words, for messages to the sender.
    pub fn authority(&self) -> String {
        match &self.oid {
            Some(oid) => oid.to_string(),
            None if self.namespace.is_empty() => "no authority".to_owned(),
            None => self.namespace.clone(),
        }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier(*** of {})", self.authority())
    }
}

/// A message of the feed as it came. Debug hides demographics.
#[derive(Clone, PartialEq, Eq)]
pub struct AdtFeed {
    pub event: Event,
    /// PID-3; at least one.
    pub identifiers: Vec<Identifier>,
    pub name: PersonName,
    pub birth_date: Option<Dtm>,
    pub sex: Option<Sex>,
    /// PID-6, 11, 13 and 14.
    pub details: PatientDetails,
    /// MRG-1 of a merge: at least one there, none otherwise.
    pub subsumed: Vec<Identifier>,
}

impl fmt::Debug for AdtFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (event, identifiers, subsumed) = (&self.event, &self.identifiers, &self.subsumed);
        write!(f, "AdtFeed({event:?}, {identifiers:?}, subsumed {subsumed:?})")
    }
}

/// What is wrong with a message of the feed, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location} {rule}")]
pub struct AdtError {
    pub location: Location,
    pub condition: Condition,
    pub rule: String,
}

impl AdtError {
    fn new(location: Location, condition: Condition, rule: impl Into<String>) -> Self {
        AdtError { location, condition, rule: rule.into() }
    }
}

impl AdtFeed {
    /// Reads a message whose MSH-9 is ADT with one of our events.
    ///
    /// Errors: another event; no PID or PID-3; a birth date that is none; a merge without MRG-1 or of several pairs.
    pub fn decode(message: &Message) -> Result<AdtFeed, AdtError> {
        let trigger = message.header().trigger;
        let event = Event::of_trigger(&trigger).ok_or_else(|| {
            let rule = "must be A01, A04, A05, A08, A28, A31 or A40";
            AdtError::new(Location::field("MSH", 9).component(1, 2), condition::UNSUPPORTED_EVENT, rule)
        })?;
        let missing = |segment, field, rule: &str| {
            AdtError::new(Location::field(segment, field), condition::REQUIRED_FIELD_MISSING, rule)
        };
        let pid = message.segment("PID").ok_or_else(|| missing("PID", 0, "is missing"))?;
        if let Some(name) = ["PID", "MRG"].into_iter().find(|name| message.named(name).nth(1).is_some()) {
            let location = Location { sequence: 2, ..Location::field(name, 0) };
            let rule = "may be there once in a message of this feed";
            return Err(AdtError::new(location, condition::SEGMENT_SEQUENCE, rule));
        }
        let identifiers = identifiers(pid.field(3));
        if identifiers.is_empty() {
            return Err(missing("PID", 3, "must have an identifier of the patient"));
        }
        let subsumed = match (event, message.segment("MRG")) {
            (Event::Merge, Some(mrg)) => self::identifiers(mrg.field(1)),
            (Event::Merge, None) => return Err(missing("MRG", 0, "is missing; it names who is subsumed")),
            _ => Vec::new(),
        };
        if event == Event::Merge && subsumed.is_empty() {
            return Err(missing("MRG", 1, "must have the identifier that is subsumed"));
        }
        Ok(AdtFeed {
            event,
            identifiers,
            name: name(pid.field(5)),
            birth_date: birth_date(pid.field(7))?,
            // Table 0001 has A and N besides, and sites have their own; nothing depends on them.
            sex: Sex::from_code(&pid.field(8).component(1).text()),
            details: details(pid),
            subsumed,
        })
    }

    /// The patient under its identifier in `domain`, with the other ones that have an OID; `None` when PID-3 has none
    /// of that domain.
    pub fn patient(&self, domain: &Oid, domain_of: &dyn Fn(&str) -> Option<Oid>) -> Option<Patient> {
        let mut ids: Vec<PatientId> = Vec::new();
        for id in self.identifiers.iter().filter_map(|identifier| identifier.resolve(domain_of)) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let at = ids.iter().position(|id| id.domain == *domain)?;
        let id = ids.remove(at);
        let (name, birth_date, details) = (self.name.clone(), self.birth_date.clone(), self.details.clone());
        Some(Patient { id, other_ids: ids, name, birth_date, sex: self.sex, details })
    }
}

fn identifiers(field: Field<'_>) -> Vec<Identifier> {
    let mut found: Vec<Identifier> = Vec::new();
    for cx in field.repetitions().take(MOST_IDENTIFIERS) {
        let id = cx.component(1).text().trim().to_owned();
        let authority = cx.component(4);
        let is_iso = authority.subcomponent(3).trim().eq_ignore_ascii_case("ISO");
        let oid = Oid::parse(authority.subcomponent(2).trim()).ok().filter(|_| is_iso);
        let identifier = Identifier { id, namespace: authority.subcomponent(1).trim().to_owned(), oid };
        if !identifier.id.is_empty() && !found.contains(&identifier) {
            found.push(identifier);
        }
    }
    found
}

/// The first name of type L, or the first. The family name may be split further; its first part is the whole surname.
fn name(field: Field<'_>) -> PersonName {
    let legal = field.repetitions().find(|xpn| xpn.component(7).text() == "L");
    let Some(xpn) = legal.or_else(|| field.repetitions().next()) else { return PersonName::default() };
    let part = |component: Component<'_>| component.text().trim().to_owned();
    PersonName {
        family: part(xpn.component(1)),
        given: part(xpn.component(2)),
        middle: part(xpn.component(3)),
        suffix: part(xpn.component(4)),
        prefix: part(xpn.component(5)),
    }
}

/// PID-6, 11, 13, 14. Whether a number is at home or at work says its field where the number itself does not.
fn details(pid: Segment<'_>) -> PatientDetails {
    let part = |component: Component<'_>| component.text().trim().to_owned();
    let addresses = pid.field(11).repetitions().take(MOST_REPETITIONS).map(|xad| {
        // The street may be split further: its first part is street and number together.
        Address::from_components(|n| part(xad.component(n)))
    });
    let telecoms = [(13, "PRN"), (14, "WPN")].into_iter().flat_map(|(field, usual)| {
        pid.field(field).repetitions().take(MOST_REPETITIONS).filter_map(move |xtn| {
            Telecom::from_components(|n| match part(xtn.component(n)) {
                empty if n == 2 && empty.is_empty() => usual.to_owned(),
                text => text,
            })
        })
    });
    PatientDetails {
        addresses: addresses.filter(|address| !address.is_empty()).collect(),
        telecoms: telecoms.collect(),
        mothers_maiden_name: name(pid.field(6)).family,
    }
}

/// To the day; a time behind it says when somebody was born, which nobody asks.
fn birth_date(field: Field<'_>) -> Result<Option<Dtm>, AdtError> {
    let text = field.component(1).text();
    let digits: String = text.trim().chars().take(8).collect();
    if digits.is_empty() {
        return Ok(None);
    }
    Dtm::parse(&digits).map(Some).map_err(|_| {
        AdtError::new(Location::field("PID", 7), condition::DATA_TYPE, "must be a date of the form YYYY[MM[DD]]")
    })
}

/// Who sends to whom, when, under which id.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    pub sending_application: &'a str,
    pub sending_facility: &'a str,
    pub receiving_application: &'a str,
    pub receiving_facility: &'a str,
    /// At most 20 characters in version 2.3.1.
    pub control_id: &'a str,
    pub now: &'a Dtm,
}

/// A patient as A04 (new) or A08 (revised), in version 2.3.1 and UTF-8.
pub fn encode_patient(patient: &Patient, event: Event, envelope: &Envelope<'_>) -> Vec<u8> {
    let trigger = if event == Event::Revise { "A08" } else { "A04" };
    let mut w = begin(trigger, "ADT_A01", envelope);
    pid(&mut w, patient);
    // PV1 is required and says nothing about a person: patient class "not applicable".
    w.segment("PV1").skip(1).field("N");
    w.finish(Charset::UTF_8)
}

/// A40: `subsumed` is `survivor`.
pub fn encode_merge(survivor: &Patient, subsumed: &PatientId, envelope: &Envelope<'_>) -> Vec<u8> {
    let mut w = begin("A40", "ADT_A39", envelope);
    pid(&mut w, survivor);
    w.segment("MRG").nested(&[&subsumed.id, "", ""], &["", subsumed.domain.as_str(), "ISO"]);
    w.finish(Charset::UTF_8)
}

fn begin(trigger: &str, structure: &str, envelope: &Envelope<'_>) -> Writer {
    let mut w = Writer::new();
    w.field(envelope.sending_application).field(envelope.sending_facility);
    w.field(envelope.receiving_application).field(envelope.receiving_facility);
    let now = format!("{}+0000", envelope.now.as_str());
    w.field(&now).skip(1).components(&["ADT", trigger, structure]);
    w.field(envelope.control_id).field("P").field("2.3.1").skip(5).field(Charset::UTF_8.name());
    w.segment("EVN").skip(1).field(&now);
    w
}

fn pid(w: &mut Writer, patient: &Patient) {
    w.segment("PID").skip(2);
    w.nested(&[&patient.id.id, "", ""], &["", patient.id.domain.as_str(), "ISO"]);
    for other in &patient.other_ids {
        w.repeat_nested(&[&other.id, "", ""], &["", other.domain.as_str(), "ISO"]);
    }
    let name = &patient.name;
    w.skip(1).components(&[&name.family, &name.given, &name.middle, &name.suffix, &name.prefix, "", "L"]);
    let birth: String = patient.birth_date.iter().flat_map(|date| date.as_str().chars().take(8)).collect();
    let details = &patient.details;
    w.field(&details.mothers_maiden_name).field(&birth).field(patient.sex.map_or("", Sex::code)).skip(2);
    w.repeated(details.addresses.iter().map(Address::to_components));
    w.skip(1);
    let at_work = |telecom: &&Telecom| telecom.usage == Some(TelecomUse::Work);
    w.repeated(details.telecoms.iter().filter(|t| !at_work(t)).map(Telecom::to_components));
    w.repeated(details.telecoms.iter().filter(at_work).map(Telecom::to_components));
}

/// MSH-3 and MSH-4 as audit records name a sender: `application|facility`.
pub fn sender(header: &Header) -> String {
    format!("{}|{}", header.sending_application, header.sending_facility)
}
