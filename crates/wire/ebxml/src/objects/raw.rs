//! rim:RegistryObject as XML has it: slots, names, classifications and identifiers, in whatever order they came.
//! Source: spec/xds.md section 7.
//!
//! Leniency: the schema fixes the order of children, and many peers write another; any order is read.

use std::borrow::Cow;

use model::{Invalid, LocalizedString, Text};
use xml::Element;

use crate::findings::Findings;
use crate::names::{ns, same_uuid};

pub(crate) struct Slot<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: Vec<Cow<'a, str>>,
    pub(crate) used: bool,
}

pub(crate) struct Classification<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) node: &'a str,
    /// The code.
    pub(crate) node_representation: &'a str,
    pub(crate) slots: Vec<Slot<'a>>,
    pub(crate) name: Text,
    pub(crate) used: bool,
}

pub(crate) struct ExternalIdentifier<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) value: &'a str,
    pub(crate) used: bool,
}

/// Characters of an id in a finding; an id that is longer is refused anyway.
const LONGEST_LABEL: usize = 256;

/// Slots of one object or classification; every new name is compared with all before it.
const MOST_SLOTS: usize = 500;

/// One object; `kind` names it in findings.
pub(crate) struct RawObject<'a> {
    pub(crate) element: Element<'a>,
    pub(crate) kind: &'static str,
    /// As written; empty when absent.
    pub(crate) id: &'a str,
    pub(crate) slots: Vec<Slot<'a>>,
    pub(crate) name: Text,
    pub(crate) description: Text,
    pub(crate) version_name: Option<&'a str>,
    pub(crate) classifications: Vec<Classification<'a>>,
    pub(crate) identifiers: Vec<ExternalIdentifier<'a>>,
}

impl<'a> RawObject<'a> {
    /// Reads everything inside `element`. `outside` are classifications of this object that stand beside it.
    pub(crate) fn read(
        element: Element<'a>,
        kind: &'static str,
        outside: &[Element<'a>],
        findings: &mut Findings,
    ) -> RawObject<'a> {
        let mut object = RawObject {
            element,
            kind,
            id: element.attr("id").unwrap_or_default().trim(),
            slots: Vec::new(),
            name: Text::default(),
            description: Text::default(),
            version_name: None,
            classifications: Vec::new(),
            identifiers: Vec::new(),
        };
        let label = object.label();
        for child in element.children().filter(|c| c.namespace() == Some(ns::RIM)) {
            // What is refused for so many reasons already is not read to its end.
            if findings.full() {
                break;
            }
            match child.name() {
                "Slot" => read_slot(child, &mut object.slots, kind, label, findings),
                "Name" => object.name = text(child),
                "Description" => object.description = text(child),
                "VersionInfo" => object.version_name = child.attr("versionName"),
                "Classification" => {
                    object.check_link(child, "classifiedObject", findings);
                    object.push_classification(child, findings);
                }
                "ExternalIdentifier" => {
                    object.check_link(child, "registryObject", findings);
                    // Leniency: Name ("XDSDocumentEntry.patientId") is required by IHE and says nothing that the
                    // scheme does not; it is neither asked for nor compared.
                    object.identifiers.push(ExternalIdentifier {
                        scheme: child.attr("identificationScheme").unwrap_or_default().trim(),
                        value: child.attr("value").unwrap_or_default().trim(),
                        used: false,
                    });
                }
                // ContentVersionInfo, RegistryObjectList and what else ebRIM allows means nothing to XDS.
                _ => {}
            }
        }
        for classification in outside {
            object.push_classification(*classification, findings);
        }
        object
    }

    /// The id, for findings; cut, because every finding copies it.
    pub(crate) fn label(&self) -> &'a str {
        match self.id.char_indices().nth(LONGEST_LABEL) {
            Some((end, _)) => &self.id[..end],
            None if self.id.is_empty() => "object without id",
            None => self.id,
        }
    }

    /// True when the object bears this mark.
    pub(crate) fn has_node(&self, node: &str) -> bool {
        self.classifications.iter().any(|c| same_uuid(c.node, node))
    }

    fn push_classification(&mut self, element: Element<'a>, findings: &mut Findings) {
        let mut slots = Vec::new();
        let label = self.label();
        let mut name = Text::default();
        for child in element.children().filter(|c| c.namespace() == Some(ns::RIM)) {
            match child.name() {
                "Slot" => read_slot(child, &mut slots, self.kind, label, findings),
                "Name" => name = text(child),
                _ => {}
            }
        }
        self.classifications.push(Classification {
            scheme: element.attr("classificationScheme").unwrap_or_default().trim(),
            node: element.attr("classificationNode").unwrap_or_default().trim(),
            node_representation: element.attr("nodeRepresentation").unwrap_or_default().trim(),
            slots,
            name,
            used: false,
        });
    }

    fn check_link(&self, child: Element<'a>, attribute: &str, findings: &mut Findings) {
        let target = child.attr(attribute).unwrap_or_default().trim();
        if !same_id(target, self.id) {
            let field = format!("{}.{}.{attribute}", self.kind, child.name());
            let rule = "must be the id of the object it stands in";
            findings.refuse(Invalid::new(field, rule, target).on(self.label()));
        }
    }
}

/// Ids are compared as text, and without regard to case when they are UUIDs.
pub(crate) fn same_id(a: &str, b: &str) -> bool {
    a == b || (a.get(..9).is_some_and(|p| p.eq_ignore_ascii_case("urn:uuid:")) && a.eq_ignore_ascii_case(b))
}

fn read_slot<'a>(element: Element<'a>, slots: &mut Vec<Slot<'a>>, kind: &str, label: &str, findings: &mut Findings) {
    let name = element.attr("name").unwrap_or_default();
    if slots.len() >= MOST_SLOTS {
        findings.refuse(Invalid::new(kind, format!("must have at most {MOST_SLOTS} slots"), name).on(label));
        return;
    }
    if slots.iter().any(|s| s.name == name) {
        findings.refuse(Invalid::new(format!("{kind}.{name}"), "must not have its slot twice", name).on(label));
        return;
    }
    slots.push(Slot { name, values: values(element), used: false });
}

/// The values of a slot as they stand, white space included.
pub(crate) fn values<'a>(slot: Element<'a>) -> Vec<Cow<'a, str>> {
    slot.children_named(ns::RIM, "ValueList")
        .flat_map(|list| list.children_named(ns::RIM, "Value"))
        .map(|v| v.text())
        .collect()
}

/// Value text without outer white space: senders pretty-print (section 7).
pub(crate) fn trimmed(value: Cow<'_, str>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// rim:InternationalString. Leniency: a LocalizedString without text counts as absent, like an empty `<rim:Name/>`.
fn text(element: Element) -> Text {
    let strings = element.children_named(ns::RIM, "LocalizedString").filter_map(|string| {
        let value = string.attr("value").filter(|v| !v.is_empty())?;
        Some(LocalizedString {
            value: value.to_owned(),
            lang: string.attr_ns(ns::XML, "lang").map(str::to_owned),
            charset: string.attr("charset").map(str::to_owned),
        })
    });
    Text(strings.collect())
}
