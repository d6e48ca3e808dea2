//! Where a patient lives and how it is reached, and its mother's maiden name: what a search for patients may ask for
//! beside name, birth date and sex. Source: PDQm 2:3.78.4.1.2; HL7 v2 PID-6, 11, 13, 14 (XAD, XTN).

use crate::{Xtn, escape, split_escaped, unescape};
use std::fmt;

/// Demographics beyond [`crate::Patient`]'s own; empty where no feed gave any. Debug hides all of it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct PatientDetails {
    pub addresses: Vec<Address>,
    pub telecoms: Vec<Telecom>,
    /// Family name, or all that is known.
    pub mothers_maiden_name: String,
}

impl PatientDetails {
    pub fn is_empty(&self) -> bool {
        *self == PatientDetails::default()
    }
}

impl fmt::Debug for PatientDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientDetails(***)")
    }
}

/// A postal address; parts that are not known are empty. Debug hides it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Address {
    /// Street and number, in the order of the envelope.
    pub lines: Vec<String>,
    pub city: String,
    pub state: String,
    pub postal_code: String,
    pub country: String,
}

impl Address {
    pub fn is_empty(&self) -> bool {
        *self == Address::default()
    }

    /// From the components of an XAD: street, other designation, city, state, postal code, country.
    pub fn from_components(part: impl Fn(usize) -> String) -> Self {
        let mut lines = vec![part(1), part(2)];
        lines.retain(|line| !line.is_empty());
        Address { lines, city: part(3), state: part(4), postal_code: part(5), country: part(6) }
    }

    /// The components of an XAD; lines after the first go to the second component.
    pub fn to_components(&self) -> [String; 6] {
        let (first, others) = self
            .lines
            .split_first()
            .map_or((String::new(), String::new()), |(first, others)| (first.clone(), others.join(", ")));
        [first, others, self.city.clone(), self.state.clone(), self.postal_code.clone(), self.country.clone()]
    }

    /// Every part, for searches that do not care which.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        let rest = [&self.city, &self.state, &self.postal_code, &self.country];
        self.lines.iter().chain(rest).map(String::as_str).filter(|part| !part.is_empty())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(***)")
    }
}

/// What a telecom value is for. Source: http://hl7.org/fhir/R4/valueset-contact-point-system.html, HL7 table 0202.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TelecomSystem {
    Phone,
    Fax,
    Email,
    Url,
}

/// Where it reaches the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TelecomUse {
    Home,
    Work,
    Mobile,
}

/// A telephone number or an address on the net. Debug hides the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Telecom {
    pub system: TelecomSystem,
    pub usage: Option<TelecomUse>,
    pub value: String,
}

impl Telecom {
    /// From the components of an XTN, whichever of them the number is in; `None` when there is none.
    pub fn from_components(part: impl Fn(usize) -> String) -> Option<Self> {
        let (kind, fourth) = (part(3), part(4));
        let (system, value) = if kind.eq_ignore_ascii_case("Internet") || fourth.contains('@') {
            let system = if fourth.contains("://") { TelecomSystem::Url } else { TelecomSystem::Email };
            (system, if fourth.is_empty() { part(1) } else { fourth })
        } else {
            let dialled: Vec<String> = [5, 6, 7].map(&part).into_iter().filter(|p| !p.is_empty()).collect();
            let candidates = [part(12), part(1), dialled.join(" "), fourth];
            let system = if kind.eq_ignore_ascii_case("FX") { TelecomSystem::Fax } else { TelecomSystem::Phone };
            (system, candidates.into_iter().find(|v| !v.is_empty()).unwrap_or_default())
        };
        let usage = match (part(2).as_str(), kind.as_str()) {
            (_, "CP") => Some(TelecomUse::Mobile),
            ("WPN", _) => Some(TelecomUse::Work),
            ("PRN", _) => Some(TelecomUse::Home),
            _ => None,
        };
        (!value.is_empty()).then_some(Telecom { system, usage, value })
    }

    /// The twelve components of an XTN, the number in the last, an address on the net in the fourth.
    pub fn to_components(&self) -> [String; 12] {
        let mut parts: [String; 12] = Default::default();
        let usage = match self.usage {
            Some(TelecomUse::Work) => "WPN",
            Some(TelecomUse::Home | TelecomUse::Mobile) => "PRN",
            None => "",
        };
        let (kind, at) = match (self.system, self.usage) {
            (TelecomSystem::Email | TelecomSystem::Url, _) => ("Internet", 3),
            (TelecomSystem::Fax, _) => ("FX", 11),
            (TelecomSystem::Phone, Some(TelecomUse::Mobile)) => ("CP", 11),
            (TelecomSystem::Phone, _) => ("PH", 11),
        };
        parts[1] = usage.to_owned();
        parts[2] = kind.to_owned();
        parts[at].clone_from(&self.value);
        parts
    }

    pub fn from_xtn(xtn: &Xtn) -> Option<Self> {
        let parts = split_escaped(xtn.as_str(), '^');
        Telecom::from_components(|n| parts.get(n - 1).map(|p| unescape(p)).unwrap_or_default())
    }

    pub fn to_xtn(&self) -> Option<Xtn> {
        let text = self.to_components().map(|part| escape(&part)).join("^");
        Xtn::parse(text.trim_end_matches('^')).ok()
    }

    /// How searches compare: digits alone of a number, without case otherwise.
    pub fn match_key(system: TelecomSystem, value: &str) -> String {
        match system {
            TelecomSystem::Phone | TelecomSystem::Fax => {
                let digits: String = value.chars().filter(char::is_ascii_digit).collect();
                if digits.is_empty() { crate::fold(value) } else { digits }
            }
            TelecomSystem::Email | TelecomSystem::Url => crate::fold(value),
        }
    }
}

impl fmt::Debug for Telecom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Telecom({:?} {:?})", self.system, self.usage)
    }
}
