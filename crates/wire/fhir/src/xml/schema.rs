//! The table of types: which elements each has, in which order, of which types, repeating or not. Read once at start.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Written by `schema/derive.py`; its first lines say from what, and how a line reads.
const TABLE: &str = include_str!("../../schema/r4.txt");

pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read(TABLE));

/// Where a type is in the table.
pub(super) type TypeId = usize;

pub(super) struct Schema {
    types: Vec<Type>,
    ids: HashMap<&'static str, TypeId>,
    /// The type `Element`: what a primitive has beside its value.
    pub element: TypeId,
}

pub(super) struct Type {
    pub name: &'static str,
    pub kind: Kind,
    /// In the order of the specification, those of the base first.
    pub elements: Vec<Element>,
    /// By name in the instance (`valueCode`): which element, and which of its types.
    by_name: HashMap<Box<str>, Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    /// integer, positiveInt, unsignedInt.
    Whole,
    Decimal,
    /// Every other primitive.
    Text,
    Xhtml,
    Complex,
    /// A resource that can be sent.
    Resource,
    /// `Resource` and `DomainResource`: any of them stands here.
    AnyResource,
}

#[derive(Clone)]
pub(super) struct Element {
    pub repeats: bool,
    /// An attribute in XML.
    pub attribute: bool,
    /// Name in the instance and type; several for a choice.
    pub choices: Vec<(Box<str>, TypeId)>,
}

/// Element number and number of its choice.
pub(super) type Place = (usize, usize);

impl Schema {
    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id]
    }

    /// A resource that can be sent.
    pub(super) fn resource(&self, name: &str) -> Option<&Type> {
        let found = self.get(*self.ids.get(name)?);
        (found.kind == Kind::Resource).then_some(found)
    }

    /// Names of the resources that can be sent.
    #[cfg(test)]
    pub(super) fn resources(&self) -> Vec<&'static str> {
        self.types.iter().filter(|ty| ty.kind == Kind::Resource).map(|ty| ty.name).collect()
    }

    fn read(table: &'static str) -> Schema {
        let mut any = "";
        let mut rows: Vec<Row> = Vec::new();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix("* ") {
                Some(types) => any = types,
                None => rows.push(Row::read(line)),
            }
        }
        let ids: HashMap<&'static str, TypeId> = rows.iter().enumerate().map(|(id, row)| (row.name, id)).collect();
        let types = (0..rows.len()).map(|id| {
            let mut elements = Vec::new();
            collect(&rows, &ids, any, id, &mut elements);
            let mut by_name = HashMap::new();
            for (number, element) in elements.iter().enumerate() {
                for (choice, (name, _)) in element.choices.iter().enumerate() {
                    by_name.insert(name.clone(), (number, choice));
                }
            }
            Type { name: rows[id].name, kind: rows[id].kind, elements, by_name }
        });
        Schema { types: types.collect(), element: ids["Element"], ids }
    }
}

impl Type {
    /// The element that has this name in an instance.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        self.by_name.get(name).copied()
    }
}

impl Kind {
    pub(super) fn is_primitive(self) -> bool {
        matches!(self, Kind::Boolean | Kind::Whole | Kind::Decimal | Kind::Text | Kind::Xhtml)
    }
}

/// One line. The table is ours and a test reads it: an unreadable line is a mistake in the program.
struct Row {
    name: &'static str,
    kind: Kind,
    base: Option<&'static str>,
    elements: &'static str,
}

impl Row {
    fn read(line: &'static str) -> Row {
        let (letter, rest) = line.split_once(' ').expect("the table has a kind and a name in each line");
        let (head, elements) = rest.split_once(':').unwrap_or((rest, ""));
        let (name, base) = head.split_once(" < ").map_or((head, None), |(name, base)| (name, Some(base)));
        let kind = match (letter, name) {
            ("p", "boolean") => Kind::Boolean,
            ("p", "integer" | "positiveInt" | "unsignedInt") => Kind::Whole,
            ("p", "decimal") => Kind::Decimal,
            ("p", "xhtml") => Kind::Xhtml,
            ("p", _) => Kind::Text,
            ("r", "Resource" | "DomainResource") => Kind::AnyResource,
            ("r" | "d", _) => Kind::Resource,
            _ => Kind::Complex,
        };
        let base = match letter {
            "d" => Some("DomainResource"),
            "b" => Some("BackboneElement"),
            "e" => Some("Element"),
            _ => base,
        };
        Row { name, kind, base, elements }
    }
}

/// Appends the elements of a type, those of its base first.
fn collect(rows: &[Row], ids: &HashMap<&'static str, TypeId>, any: &'static str, id: TypeId, out: &mut Vec<Element>) {
    let row = &rows[id];
    if let Some(base) = row.base {
        collect(rows, ids, any, ids[base], out);
    }
    for text in row.elements.split(';').map(str::trim).filter(|text| !text.is_empty()) {
        let (name, types) = text.split_once(' ').expect("the table has a name and types for each element");
        let (attribute, name) = name.strip_prefix('@').map_or((false, name), |name| (true, name));
        let (repeats, name) = name.strip_suffix('*').map_or((false, name), |name| (true, name));
        let choices = match name.strip_suffix("[x]") {
            Some(stem) => {
                let types = if types == "*" { any } else { types };
                types.split(',').map(|one| (choice_name(stem, one), ids[one])).collect()
            }
            None if types == "." => vec![(name.into(), ids[format!("{}.{name}", row.name).as_str()])],
            None => vec![(name.into(), ids[types])],
        };
        out.push(Element { repeats, attribute, choices });
    }
}

/// `value` of type `code` is `valueCode`.
fn choice_name(stem: &str, of: &str) -> Box<str> {
    let (first, rest) = of.split_at(1);
    format!("{stem}{}{rest}", first.to_ascii_uppercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_resource_of_r4_with_its_elements_in_order() {
        assert_eq!(SCHEMA.resources().len(), 146);
        let names = |of: &str| -> Vec<&str> {
            SCHEMA.resource(of).unwrap().elements.iter().map(|e| e.choices[0].0.as_ref()).collect()
        };
        assert_eq!(
            names("Binary"),
            ["id", "meta", "implicitRules", "language", "contentType", "securityContext", "data"]
        );
        assert_eq!(
            names("Patient")[..12],
            [
                "id",
                "meta",
                "implicitRules",
                "language",
                "text",
                "contained",
                "extension",
                "modifierExtension",
                "identifier",
                "active",
                "name",
                "telecom"
            ]
        );
        let extension = SCHEMA.get(SCHEMA.ids["Extension"]);
        let (number, _) = extension.place("valueCodeableConcept").unwrap();
        assert_eq!(extension.elements[number].choices.len(), 50);
        assert!(extension.elements[extension.place("url").unwrap().0].attribute);
        assert!(SCHEMA.resource("DomainResource").is_none() && SCHEMA.resource("HumanName").is_none());
    }
}
