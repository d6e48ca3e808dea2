//! A small XML tree that can be changed, for the messages of test plans and for reading answers without our ebXML codec.
//! Text between child elements is dropped: none of the messages has mixed content.

use std::fmt::Write;
use xml::{Document, Limits};

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// An element with everything in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub namespace: String,
    pub name: String,
    pub attributes: Vec<Attribute>,
    pub children: Vec<Tree>,
    /// Empty when there are children.
    pub text: String,
}

/// One attribute; `namespace` is empty for nearly all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub namespace: String,
    pub name: String,
    pub value: String,
}

impl Tree {
    /// An element without content.
    pub fn new(namespace: &str, name: &str) -> Tree {
        Tree { namespace: namespace.to_owned(), name: name.to_owned(), ..Tree::default() }
    }

    /// Reads a document. Errors: what our XML reader refuses.
    pub fn parse(octets: &[u8]) -> Result<Tree, String> {
        let document = Document::parse(octets, Limits::default()).map_err(|error| error.to_string())?;
        Ok(copy(document.root()))
    }

    /// The value of an attribute without namespace.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == name && a.namespace.is_empty()).map(|a| a.value.as_str())
    }

    /// Sets an attribute without namespace.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.attributes.iter_mut().find(|a| a.name == name && a.namespace.is_empty()) {
            Some(attribute) => value.clone_into(&mut attribute.value),
            None => self.attributes.push(Attribute {
                namespace: String::new(),
                name: name.to_owned(),
                value: value.to_owned(),
            }),
        }
    }

    /// The first child of a local name, in whatever namespace.
    pub fn child(&self, name: &str) -> Option<&Tree> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of a local name.
    pub fn children_named<'t>(&'t self, name: &'t str) -> impl Iterator<Item = &'t Tree> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// This element and all in it of a local name, in document order.
    pub fn all(&self, name: &str) -> Vec<&Tree> {
        let mut found = Vec::new();
        self.visit(&mut |tree| {
            if tree.name == name {
                found.push(tree);
            }
        });
        found
    }

    /// The text without white space around it.
    pub fn trimmed(&self) -> &str {
        self.text.trim()
    }

    /// The values of a `Slot` among the children.
    pub fn slot(&self, name: &str) -> Vec<&str> {
        let slots = self.children_named("Slot").filter(|slot| slot.attr("name") == Some(name));
        slots.flat_map(|slot| slot.all("Value")).map(Tree::trimmed).collect()
    }

    /// The value of the `ExternalIdentifier` of a scheme among the children.
    pub fn identifier(&self, scheme: &str) -> Option<&str> {
        self.children_named("ExternalIdentifier")
            .find(|identifier| identifier.attr("identificationScheme") == Some(scheme))
            .and_then(|identifier| identifier.attr("value"))
    }

    fn visit<'t>(&'t self, see: &mut dyn FnMut(&'t Tree)) {
        see(self);
        self.children.iter().for_each(|child| child.visit(see));
    }

    /// Visits this element and all in it, to change them.
    pub fn visit_mut(&mut self, change: &mut dyn FnMut(&mut Tree)) {
        change(self);
        self.children.iter_mut().for_each(|child| child.visit_mut(change));
    }

    /// Whether a text stands in an attribute or text.
    pub fn contains(&self, text: &str) -> bool {
        let mut found = false;
        self.visit(&mut |tree| {
            found |= tree.text.contains(text) || tree.attributes.iter().any(|a| a.value.contains(text))
        });
        found
    }

    /// Replaces a text wherever it stands in attributes and text.
    pub fn replace(&mut self, from: &str, to: &str) {
        if from.is_empty() {
            return;
        }
        self.visit_mut(&mut |tree| {
            if tree.text.contains(from) {
                tree.text = tree.text.replace(from, to);
            }
            for attribute in &mut tree.attributes {
                if attribute.value.contains(from) {
                    attribute.value = attribute.value.replace(from, to);
                }
            }
        });
    }

    /// As text, without an XML declaration; every namespace is a default namespace.
    pub fn to_xml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, "");
        out
    }

    fn write(&self, out: &mut String, outer: &str) {
        let _ = write!(out, "<{}", self.name);
        if self.namespace != outer {
            let _ = write!(out, " xmlns=\"{}\"", escape(&self.namespace));
        }
        for (number, attribute) in self.attributes.iter().enumerate() {
            let (name, value) = (&attribute.name, escape(&attribute.value));
            let _ = match attribute.namespace.as_str() {
                "" => write!(out, " {name}=\"{value}\""),
                XML => write!(out, " xml:{name}=\"{value}\""),
                other => write!(out, " xmlns:n{number}=\"{}\" n{number}:{name}=\"{value}\"", escape(other)),
            };
        }
        if self.children.is_empty() && self.text.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        out.push_str(&escape(&self.text));
        self.children.iter().for_each(|child| child.write(out, &self.namespace));
        let _ = write!(out, "</{}>", self.name);
    }
}

/// The five characters that XML reserves.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}

fn copy(element: xml::Element<'_>) -> Tree {
    let attributes = element.attributes().map(|attribute| Attribute {
        namespace: attribute.namespace.unwrap_or_default().to_owned(),
        name: attribute.name.to_owned(),
        value: attribute.value.to_owned(),
    });
    let children: Vec<Tree> = element.children().map(copy).collect();
    Tree {
        namespace: element.namespace().unwrap_or_default().to_owned(),
        name: element.name().to_owned(),
        attributes: attributes.collect(),
        text: if children.is_empty() { element.own_text().into_owned() } else { String::new() },
        children,
    }
}
