//! What the writer writes the reader reads.

use proptest::prelude::*;
use xml::{Document, Element, Limits, XmlWriter};

#[derive(Debug, Clone, PartialEq)]
struct Tree {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    before: String,
    children: Vec<Tree>,
}

fn tree() -> impl Strategy<Value = Tree> {
    let name = prop::sample::select(vec!["a", "p:b", "q:Slot-1", "long.name_2"]);
    let leaf = (name.clone(), any::<String>(), any::<Option<String>>()).prop_map(|(name, before, value)| Tree {
        name,
        attributes: value.into_iter().map(|value| ("x", value)).collect(),
        before,
        children: Vec::new(),
    });
    leaf.prop_recursive(4, 40, 5, move |inner| {
        (name.clone(), any::<String>(), any::<String>(), prop::collection::vec(inner, 0..5)).prop_map(
            |(name, value, before, children)| Tree { name, attributes: vec![("q:y", value)], before, children },
        )
    })
}

fn write(w: &mut XmlWriter, tree: &Tree) {
    w.start(tree.name);
    if w.depth() == 1 {
        w.ns("p", "urn:p").ns("q", "urn:q");
    }
    for (name, value) in &tree.attributes {
        w.attr(name, value);
    }
    w.text(&tree.before);
    for child in &tree.children {
        write(w, child);
    }
    w.end();
}

fn carried(text: &str) -> String {
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..);
    text.chars().map(|c| if legal(c) { c } else { '\u{FFFD}' }).collect()
}

fn same(element: Element<'_>, tree: &Tree) -> Result<(), TestCaseError> {
    let (prefix, name) = tree.name.split_once(':').unwrap_or(("", tree.name));
    prop_assert_eq!(element.name(), name);
    prop_assert_eq!(
        element.namespace().unwrap_or_default(),
        if prefix.is_empty() { "".into() } else { format!("urn:{prefix}") }
    );
    for (name, value) in &tree.attributes {
        let found = match name.split_once(':') {
            Some((_, name)) => element.attr_ns("urn:q", name),
            None => element.attr(name),
        };
        prop_assert_eq!(found.map(str::to_owned), Some(carried(value)));
    }
    prop_assert_eq!(element.own_text(), carried(&tree.before));
    prop_assert_eq!(element.children().count(), tree.children.len());
    for (child, expected) in element.children().zip(&tree.children) {
        same(child, expected)?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_written_tree_reads_as_itself(tree in tree()) {
        let mut w = XmlWriter::new();
        write(&mut w, &tree);
        let bytes = w.finish();
        let document = Document::parse(&bytes, Limits::default()).unwrap();
        same(document.root(), &tree)?;
        for element in document.root().descendants() {
            let alone = element.to_xml();
            let alone = Document::parse(alone.as_bytes(), Limits::default()).unwrap();
            prop_assert_eq!(alone.root().text(), element.text());
            prop_assert_eq!(alone.root().namespace(), element.namespace());
            prop_assert_eq!(alone.root().descendants().count(), element.descendants().count());
        }
    }
}
