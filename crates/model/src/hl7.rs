//! HL7 v2 data types as XDS metadata uses them: CX, HD, XCN, XON, XTN, with the fixed separators `^ & ~ | \`.
//! Source: ITI TF-3 Table 4.2.3.1.7-2.

use crate::{Invalid, Oid};
use std::fmt;

/// Replaces separators by HL7 escape sequences.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\E\\"),
            '|' => out.push_str("\\F\\"),
            '^' => out.push_str("\\S\\"),
            '~' => out.push_str("\\R\\"),
            '&' => out.push_str("\\T\\"),
            c => out.push(c),
        }
    }
    out
}

/// Resolves the five separator escapes; anything else that looks like an escape stays as it is.
pub fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let replaced = [("\\E\\", '\\'), ("\\F\\", '|'), ("\\S\\", '^'), ("\\R\\", '~'), ("\\T\\", '&')]
            .into_iter()
            .find(|(sequence, _)| tail.starts_with(sequence));
        match replaced {
            Some((sequence, c)) => {
                out.push(c);
                rest = &tail[sequence.len()..];
            }
            None => {
                out.push('\\');
                rest = &tail[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Components of `text` at `separator`, still escaped.
pub fn split_escaped(text: &str, separator: char) -> Vec<&str> {
    text.split(separator).collect()
}

/// HD restricted to an ISO OID: `&OID&ISO`, optionally with a namespace in front.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hd {
    pub namespace: Option<String>,
    pub oid: Option<Oid>,
}

impl Hd {
    pub fn of(oid: Oid) -> Self {
        Hd { namespace: None, oid: Some(oid) }
    }

    /// Errors: an OID whose type is not ISO, or that is none.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let parts = split_escaped(text, '&');
        let namespace = parts.first().filter(|n| !n.is_empty()).map(|n| unescape(n));
        let oid = match parts.get(1).filter(|o| !o.is_empty()) {
            Some(oid) => {
                if parts.get(2) != Some(&"ISO") {
                    return Err(Invalid::new("", "must end the assigning authority with &ISO", text));
                }
                Some(Oid::parse(oid)?)
            }
            None => None,
        };
        Ok(Hd { namespace, oid })
    }
}

impl fmt::Display for Hd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            f.write_str(&escape(namespace))?;
        }
        match &self.oid {
            Some(oid) => write!(f, "&{oid}&ISO"),
            None => Ok(()),
        }
    }
}

/// CX: a patient identifier and the OID of the domain that assigned it. Debug hides the identifier.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatientId {
    pub id: String,
    pub domain: Oid,
}

impl PatientId {
    pub fn new(id: impl Into<String>, domain: Oid) -> Self {
        PatientId { id: id.into(), domain }
    }

    /// Reads `ID^^^&OID&ISO`; surplus empty components are ignored.
    /// Errors: empty id, a second or third component, a namespace, no OID, or anything after the fourth component.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = |rule: &str| Invalid::new("", rule.to_owned(), text);
        let parts = split_escaped(text, '^');
        if parts[0].is_empty() {
            return Err(wrong("must start with an identifier, in the form ID^^^&OID&ISO"));
        }
        if parts.iter().enumerate().any(|(i, p)| i != 0 && i != 3 && !p.is_empty()) {
            return Err(wrong("may have only components 1 and 4, in the form ID^^^&OID&ISO"));
        }
        let hd = parts.get(3).ok_or_else(|| wrong("must name the assigning authority as ^^^&OID&ISO"))?;
        let hd = Hd::parse(hd).map_err(|e| wrong(&e.rule))?;
        match hd {
            Hd { namespace: None, oid: Some(domain) } => Ok(PatientId { id: unescape(parts[0]), domain }),
            Hd { oid: None, .. } => Err(wrong("must name the assigning authority by an OID, as ^^^&OID&ISO")),
            _ => Err(wrong("must leave the namespace of the assigning authority empty, as ^^^&OID&ISO")),
        }
    }
}

impl fmt::Display for PatientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}^^^&{}&ISO", escape(&self.id), self.domain)
    }
}

impl fmt::Debug for PatientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatientId(***^^^&{}&ISO)", self.domain)
    }
}

/// XCN: a person (or a device in the name components), with an identifier or a name. Kept as text, read by component.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Xcn(String);

impl Xcn {
    /// Errors: neither identifier nor family name; identifier without an ISO authority when one is given wrongly.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let parts = split_escaped(text, '^');
        let has = |i: usize| parts.get(i).is_some_and(|p| !p.is_empty());
        if !has(0) && !has(1) {
            return Err(Invalid::new("", "must have an identifier (XCN.1) or a family name (XCN.2)", text));
        }
        if let Some(authority) = parts.get(8).filter(|a| !a.is_empty()) {
            Hd::parse(authority).map_err(|e| Invalid::new("XCN.9", e.rule, authority))?;
        }
        Ok(Xcn(text.to_owned()))
    }

    pub fn from_name(family: &str, given: &str) -> Self {
        Xcn(format!("^{}^{}", escape(family), escape(given)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Component `n`, counted from 1, unescaped; empty when absent.
    pub fn component(&self, n: usize) -> String {
        n.checked_sub(1).and_then(|i| self.0.split('^').nth(i)).map(unescape).unwrap_or_default()
    }
}

impl fmt::Debug for Xcn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Xcn(***)")
    }
}

/// XON: an organisation. `Name^^^^^&AuthorityOID&ISO^^^^Id`, or `Name^^^^^^^^^OID`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xon(String);

impl Xon {
    /// Errors: no name; an identifier that is no OID without an ISO authority in component 6.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let parts = split_escaped(text, '^');
        if parts[0].is_empty() {
            return Err(Invalid::new("", "must have an organisation name (XON.1)", text));
        }
        let authority = parts.get(5).copied().unwrap_or("");
        if !authority.is_empty() {
            Hd::parse(authority).map_err(|e| Invalid::new("XON.6", e.rule, authority))?;
        }
        if let Some(id) = parts.get(9).filter(|id| !id.is_empty())
            && authority.is_empty()
            && Oid::parse(id).is_err()
        {
            return Err(Invalid::new("XON.10", "must be an OID, or XON.6 must name its authority as &OID&ISO", id));
        }
        Ok(Xon(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn name(&self) -> String {
        self.component(1)
    }

    /// Component `n`, counted from 1, unescaped; empty when absent.
    pub fn component(&self, n: usize) -> String {
        n.checked_sub(1).and_then(|i| self.0.split('^').nth(i)).map(unescape).unwrap_or_default()
    }

    /// Identifier and the OID of its authority; an identifier that is itself an OID has no authority.
    pub fn identifier(&self) -> Option<(String, Option<Oid>)> {
        let id = self.component(10);
        if id.is_empty() {
            return None;
        }
        let authority = self.0.split('^').nth(5).and_then(|a| Hd::parse(a).ok()).and_then(|hd| hd.oid);
        Some((id, authority))
    }
}

/// XTN: a telephone number or e-mail address, kept as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xtn(String);

impl Xtn {
    /// Errors: an empty value.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Err(Invalid::new("", "must not be empty", text));
        }
        Ok(Xtn(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
