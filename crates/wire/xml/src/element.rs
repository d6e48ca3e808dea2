//! Reading elements: names, attributes, children, text, where they stand, and their XML again.

use std::borrow::Cow;

use crate::document::{Document, Kind, NONE, Node, Start};
use crate::writer;

/// One element of a [`Document`]; as cheap to copy as a reference.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    document: &'a Document,
    id: u32,
}

/// Two are equal when they are the same place of the same document.
impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.id == other.id
    }
}

impl Eq for Element<'_> {}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Element({})", self.path())
    }
}

/// One attribute, namespace declarations excluded.
#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    /// Namespace of a prefixed name.
    pub namespace: Option<&'a str>,
    /// Local name.
    pub name: &'a str,
    /// Value with references resolved.
    pub value: &'a str,
}

impl<'a> Element<'a> {
    pub(crate) fn new(document: &'a Document, id: u32) -> Element<'a> {
        Element { document, id }
    }

    /// The start tag. Elements are only ever made for element nodes.
    fn start(&self) -> Option<&'a Start> {
        match self.document.nodes.get(self.id as usize)?.kind {
            Kind::Element(start) => self.document.starts.get(start as usize),
            Kind::Text(_) => None,
        }
    }

    /// The namespace; `None` when the element is in none.
    pub fn namespace(&self) -> Option<&'a str> {
        self.document.name_of(self.start()?.namespace)
    }

    /// The local name.
    pub fn name(&self) -> &'a str {
        self.start().and_then(|start| self.document.name_of(start.name)).unwrap_or_default()
    }

    /// Whether it has this namespace (`""` for none) and local name.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace().unwrap_or_default() == namespace
    }

    /// The attributes in document order.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let document = self.document;
        let (from, to) = self.start().map_or((0, 0), |start| start.attributes);
        document.attributes[from as usize..to as usize].iter().map(move |attribute| Attribute {
            namespace: document.name_of(attribute.namespace),
            name: document.name_of(attribute.name).unwrap_or_default(),
            value: document.text_of(attribute.value),
        })
    }

    /// The value of an attribute without namespace, untrimmed.
    pub fn attr(&self, name: &str) -> Option<&'a str> {
        self.attributes()
            .find(|attribute| attribute.name == name && attribute.namespace.is_none())
            .map(|found| found.value)
    }

    /// The value of an attribute in a namespace, untrimmed.
    pub fn attr_ns(&self, namespace: &str, name: &str) -> Option<&'a str> {
        self.attributes()
            .find(|attribute| attribute.name == name && attribute.namespace == Some(namespace))
            .map(|found| found.value)
    }

    /// The child elements in document order.
    pub fn children(&self) -> Children<'a> {
        let end = self.document.nodes.get(self.id as usize).map_or(0, |node| node.end);
        Children { document: self.document, next: self.id + 1, end }
    }

    /// The child elements of one name.
    pub fn children_named<'n>(
        &self,
        namespace: &'n str,
        name: &'n str,
    ) -> impl Iterator<Item = Element<'a>> + use<'a, 'n> {
        self.children().filter(move |child| child.is(namespace, name))
    }

    /// The first child element of one name.
    pub fn child(&self, namespace: &str, name: &str) -> Option<Element<'a>> {
        self.children().find(|child| child.is(namespace, name))
    }

    /// The element around this one.
    pub fn parent(&self) -> Option<Element<'a>> {
        let parent = self.document.nodes.get(self.id as usize)?.parent;
        (parent != NONE).then_some(Element { document: self.document, id: parent })
    }

    /// This element and all elements in it, in document order.
    pub fn descendants(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let document = self.document;
        let end = document.nodes.get(self.id as usize).map_or(self.id, |node| node.end);
        (self.id..end)
            .filter(move |&id| matches!(document.nodes[id as usize].kind, Kind::Element(_)))
            .map(move |id| Element { document, id })
    }

    /// All text in the element and its descendants, untrimmed, comments left out.
    ///
    /// Borrowed when it is one piece, which it nearly always is.
    pub fn text(&self) -> Cow<'a, str> {
        self.joined(|_| 0)
    }

    /// The text directly in the element, untrimmed, that of its child elements left out.
    pub fn own_text(&self) -> Cow<'a, str> {
        // Steps over child elements: asking every element of a deep document stays linear.
        self.joined(|node| node.end)
    }

    /// `next` says where to go on after a child element.
    fn joined(&self, next: impl Fn(&Node) -> u32) -> Cow<'a, str> {
        let document = self.document;
        let Some(node) = document.nodes.get(self.id as usize) else { return Cow::Borrowed("") };
        let mut text = Cow::Borrowed("");
        let mut at = self.id + 1;
        while at < node.end {
            let Some(inner) = document.nodes.get(at as usize) else { break };
            if let Kind::Text(span) = inner.kind {
                let piece = document.text_of(span);
                if text.is_empty() {
                    text = Cow::Borrowed(piece);
                } else {
                    text.to_mut().push_str(piece);
                }
                at += 1;
            } else {
                at = next(inner).max(at + 1);
            }
        }
        text
    }

    /// [`text`](Self::text) without white space at both ends.
    pub fn trimmed(&self) -> Cow<'a, str> {
        match self.text() {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(is_space)),
            Cow::Owned(text) => Cow::Owned(text.trim_matches(is_space).to_owned()),
        }
    }

    /// Whether there is neither a child element nor text other than white space.
    pub fn is_blank(&self) -> bool {
        self.children().next().is_none() && self.text().chars().all(is_space)
    }

    /// Where it stands, for error messages: local names from the root, numbered where siblings share a name.
    pub fn path(&self) -> String {
        let mut steps = Vec::new();
        let mut element = *self;
        loop {
            let parent = element.parent();
            steps.push(match parent {
                Some(parent) => {
                    let twins = || parent.children().filter(|child| child.name() == element.name());
                    match twins().nth(1) {
                        Some(_) => {
                            let number = twins().take_while(|twin| twin.id < element.id).count() + 1;
                            format!("{}[{number}]", element.name())
                        }
                        None => element.name().to_owned(),
                    }
                }
                None => element.name().to_owned(),
            });
            match parent {
                Some(parent) => element = parent,
                None => break,
            }
        }
        steps.reverse();
        steps.join("/")
    }

    /// Line and byte column, from 1, of its start tag.
    pub fn position(&self) -> (usize, usize) {
        self.document.position(self.start().map_or(0, |start| start.source.0))
    }

    /// Its octet range in [`Document::source`].
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start().map_or(0..0, |start| start.source.0 as usize..start.source.1 as usize)
    }

    /// Exactly what stood in the document; prefixes may be declared further out.
    pub fn source(&self) -> &'a str {
        &self.document.source[self.range()]
    }

    /// The namespace that a prefix (`""` for the default) means here.
    pub fn namespace_of(&self, prefix: &str) -> Option<&'a str> {
        if prefix == "xml" {
            return Some("http://www.w3.org/XML/1998/namespace");
        }
        let mut element = Some(*self);
        while let Some(here) = element {
            for (declared, namespace) in here.declarations() {
                if declared == prefix {
                    return namespace;
                }
            }
            element = here.parent();
        }
        None
    }

    /// Reads a qualified name that stands in content (`xsi:type`, a fault code): namespace and local name.
    ///
    /// `None` when the prefix is not declared or there is no name.
    pub fn qname<'t>(&self, text: &'t str) -> Option<(Option<&'a str>, &'t str)> {
        let text = text.trim_matches(is_space);
        let (prefix, name) = text.split_once(':').unwrap_or(("", text));
        if name.is_empty() || name.contains([':', ' ']) {
            return None;
        }
        let namespace = self.namespace_of(prefix);
        (prefix.is_empty() || namespace.is_some()).then_some((namespace, name))
    }

    fn declarations(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        let document = self.document;
        let (from, to) = self.start().map_or((0, 0), |start| start.declarations);
        document.declarations[from as usize..to as usize].iter().map(move |declaration| {
            (document.name_of(declaration.prefix).unwrap_or_default(), document.name_of(declaration.namespace))
        })
    }

    /// The element as a document of its own: its source, with the namespaces declared further out added to its tag.
    pub fn to_xml(&self) -> String {
        let source = self.source();
        let name_end = source.find(|c: char| is_space(c) || c == '/' || c == '>').unwrap_or(source.len());
        let mut inherited: Vec<(&str, Option<&str>)> = Vec::new();
        let own: Vec<&str> = self.declarations().map(|(prefix, _)| prefix).collect();
        let mut element = self.parent();
        while let Some(here) = element {
            for (prefix, namespace) in here.declarations() {
                if !own.contains(&prefix) && !inherited.iter().any(|(known, _)| *known == prefix) {
                    inherited.push((prefix, namespace));
                }
            }
            element = here.parent();
        }
        let mut out = Vec::with_capacity(source.len() + 64 * inherited.len());
        out.extend_from_slice(&source.as_bytes()[..name_end]);
        for (prefix, namespace) in inherited {
            let Some(namespace) = namespace else { continue };
            out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(b"=\"");
            writer::escape_attribute(&mut out, namespace);
            out.push(b'"');
        }
        out.extend_from_slice(&source.as_bytes()[name_end..]);
        // Only whole strings were put together, so this never replaces anything.
        String::from_utf8(out).unwrap_or_default()
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Child elements of an [`Element`].
#[derive(Clone)]
pub struct Children<'a> {
    document: &'a Document,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        while self.next < self.end {
            let id = self.next;
            let node = self.document.nodes.get(id as usize)?;
            self.next = node.end;
            if matches!(node.kind, Kind::Element(_)) {
                return Some(Element { document: self.document, id });
            }
        }
        None
    }
}
