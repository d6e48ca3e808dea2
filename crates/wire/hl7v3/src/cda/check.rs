//! What is irregular about a foreign document, for the sender to mend. Nothing here refuses it: a registry stores it as it
//! is. Source: field case B-056, spec/reports.md 11, POCD_MT000040.xsd for what is required.

use super::decode::parse;
use crate::datatypes::is_root;
use crate::{DecodeError, NAMESPACE};

/// One finding. Its text names places and rules, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Irregularity {
    /// From 1.
    pub line: usize,
    pub path: String,
    pub rule: String,
}

impl std::fmt::Display for Irregularity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, {}: {}", self.line, self.path, self.rule)
    }
}

/// More than this says nothing new.
const MOST: usize = 100;

/// Looks for empty attributes, roots that are no identifiers, and required header elements that are absent; at most 100.
/// This is no schema validation.
///
/// Errors: no XML, or no CDA.
pub fn check(bytes: &[u8]) -> Result<Vec<Irregularity>, DecodeError> {
    let document = parse(bytes)?;
    let root = document.root();
    let at = |element: xml::Element<'_>, rule: String| Irregularity {
        line: element.position().0,
        path: element.path(),
        rule,
    };
    let mut found = Vec::new();
    for name in [
        "typeId",
        "id",
        "code",
        "effectiveTime",
        "confidentialityCode",
        "recordTarget",
        "author",
        "custodian",
        "component",
    ] {
        if root.child(NAMESPACE, name).is_none() {
            found.push(at(root, format!("must have {name}")));
        }
    }
    for element in root.descendants() {
        for attribute in element.attributes() {
            if found.len() >= MOST {
                return Ok(found);
            }
            let name: String = attribute.name.chars().take(40).collect();
            if attribute.value.is_empty() {
                found.push(at(element, format!("@{name} must not be empty")));
            } else if name == "root" && element.namespace() == Some(NAMESPACE) && !is_root(attribute.value) {
                found.push(at(element, "@root must be an OID or a UUID".into()));
            }
        }
    }
    Ok(found)
}
