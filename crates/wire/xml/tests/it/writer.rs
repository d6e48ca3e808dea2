//! Writing: escapes, characters that XML cannot carry, structure.

use xml::XmlWriter;

fn text(value: &str) -> String {
    let mut w = XmlWriter::new();
    w.leaf("a", value);
    String::from_utf8(w.finish()).unwrap()
}

fn attribute(value: &str) -> String {
    let mut w = XmlWriter::new();
    w.start("a").attr("b", value);
    String::from_utf8(w.finish()).unwrap()
}

#[test]
fn text_and_attributes_are_escaped_once() {
    assert_eq!(text("a<b>&c\"'\t\n\rd"), "<a>a&lt;b&gt;&amp;c\"'\t\n&#13;d</a>");
    assert_eq!(attribute("a<b>&c\"'\t\n\rd"), "<a b=\"a&lt;b&gt;&amp;c&quot;'&#9;&#10;&#13;d\"/>");
    assert_eq!(text("P1^^^&2.999.7&ISO"), "<a>P1^^^&amp;2.999.7&amp;ISO</a>");
}

#[test]
fn what_xml_cannot_carry_becomes_the_replacement_character() {
    assert_eq!(
        text("\0\u{1}\u{B}\u{1F}x\u{FFFE}\u{FFFF}"),
        format!("<a>{}x{}</a>", "\u{FFFD}".repeat(4), "\u{FFFD}".repeat(2))
    );
    // Their neighbours in the encoding are good characters.
    assert_eq!(text("\u{FFFD}\u{FF00}\u{F000}\u{7F}\u{85}"), "<a>\u{FFFD}\u{FF00}\u{F000}\u{7F}\u{85}</a>");
}

#[test]
fn elements_nest_close_and_collapse() {
    let mut w = XmlWriter::new();
    w.declaration().start("p:a").ns("p", "urn:p").ns("", "urn:d");
    w.start("b").attr_opt("x", None).attr_opt("y", Some("1")).end();
    w.leaf("c", "").leaf_opt("d", None).leaf_opt("e", Some("f"));
    w.start("g").raw(b"<h/>").raw(b"").end();
    w.start("i").raw(b"").end();
    assert_eq!(w.depth(), 1);
    w.end().end();
    assert_eq!(
        String::from_utf8(w.finish()).unwrap(),
        r#"<?xml version="1.0" encoding="UTF-8"?><p:a xmlns:p="urn:p" xmlns="urn:d"><b y="1"/><c></c><e>f</e><g><h/></g><i/></p:a>"#
    );
}

#[test]
fn a_document_can_be_taken_in_pieces() {
    let mut w = XmlWriter::new();
    w.start("a").start("b").text("1");
    let mut whole = w.take();
    assert!(w.is_empty());
    w.end().start("c");
    whole.extend(w.take());
    w.attr("d", "2");
    assert_eq!(w.len(), 6);
    whole.extend(w.finish());
    assert_eq!(String::from_utf8(whole).unwrap(), r#"<a><b>1</b><c d="2"/></a>"#);
}
