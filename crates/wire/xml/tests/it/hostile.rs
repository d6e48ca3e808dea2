//! What is refused, with the place; nothing panics and nothing takes long.

use proptest::prelude::*;
use xml::{Document, Limits};

fn refused(text: &str, limits: Limits) -> xml::XmlError {
    Document::parse(text.as_bytes(), limits).map(|_| ()).unwrap_err()
}

#[test]
fn errors_name_line_column_and_what() {
    for (text, line, column) in [
        ("<a>\n <b></c>\n</a>", 2, 9),
        ("<a>\n<b>", 2, 4),
        ("", 1, 1),
        ("text", 1, 1),
        ("<a/><b/>", 1, 5),
        ("<a>&nope;</a>", 1, 10),
        ("<a p:b='1'/>", 1, 11),
        ("<a b='1' b='2'/>", 1, 15),
        ("<a>\u{1}</a>", 1, 4),
        ("<a xmlns:b=''/>", 1, 1),
    ] {
        let error = refused(text, Limits::default());
        assert_eq!(error.line, line, "{text:?}: {error}");
        assert!(error.column.abs_diff(column) <= 3, "{text:?}: {error}");
        assert!(!error.what.is_empty());
        assert!(!error.what.starts_with(char::is_uppercase), "{error}");
    }
}

#[test]
fn a_dtd_is_refused_wherever_it_stands() {
    for text in [
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<?xml version='1.0'?>\n<!-- c --><!DOCTYPE a SYSTEM 'http://x.invalid/'><a/>",
        "<a><!DOCTYPE b></a>",
        "<a><!ENTITY b 'c'></a>",
    ] {
        assert!(refused(text, Limits::default()).what.contains("DTD"), "{text}");
    }
}

#[test]
fn errors_do_not_repeat_content() {
    for text in ["<a>&#SECRET;</a>", "<a>&#xSECRET;</a>", "<a b='&#SECRET;'/>"] {
        assert!(!refused(text, Limits::default()).to_string().contains("SECRET"), "{text}");
    }
}

#[test]
fn depth_is_limited_on_both_sides_of_the_limit() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(Document::parse(nested(64).as_bytes(), Limits::default()).is_ok());
    assert!(refused(&nested(65), Limits::default()).what.contains("64"));
    assert!(refused(&"<a>".repeat(1_000_000), Limits::default()).what.contains("64"));
}

#[test]
fn size_nodes_attributes_and_namespaces_are_limited() {
    let limits = Limits { size_octets: 100, ..Limits::default() };
    assert!(refused(&format!("<a>{}</a>", "x".repeat(100)), limits).what.contains("100 octets"));
    let limits = Limits { nodes: 10, ..Limits::default() };
    assert!(refused(&format!("<a>{}</a>", "<b/>".repeat(10)), limits).what.contains("10 nodes"));
    assert!(refused(&format!("<a>{}</a>", "<!---->".repeat(10)), limits).what.contains("10 nodes"));
    let attributes: String = (0..300).map(|number| format!(" a{number}='1'")).collect();
    assert!(refused(&format!("<a{attributes}/>"), Limits::default()).what.contains("128 attributes"));
    let declarations: String = (0..100).map(|number| format!(" xmlns:a{number}='u'")).collect();
    let nested = format!("<a{declarations}><a{declarations}><a{declarations}/></a></a>");
    assert!(refused(&nested, Limits::default()).what.contains("256 namespaces"));
    let siblings = format!("<a><b{declarations}/><b{declarations}></b><b{declarations}/><b{declarations}/></a>");
    assert!(Document::parse(siblings.as_bytes(), Limits::default()).is_ok());
    let long = format!("<a xmlns='{}'/>", "u".repeat(3000));
    assert!(refused(&long, Limits::default()).what.contains("2048"));
}

#[test]
fn unknown_encodings_and_broken_bytes_are_refused() {
    for bytes in [
        &b"<?xml version='1.0' encoding='EBCDIC-CP-US'?><a/>"[..],
        b"<a>\xFF</a>",
        b"\xFF\xFE<",
        b"\xFF\xFE\x00\xD8<\0",
        b"<?xml version='1.0' encoding='us-ascii'?><a>\xC3\xA4</a>",
        b"<a>\0</a>",
    ] {
        assert!(Document::parse(bytes, Limits::default()).is_err());
    }
}

#[test]
fn a_million_small_elements_are_read_without_recursion() {
    let text = format!("<a>{}</a>", "<b>x</b>".repeat(300_000));
    let document = Document::parse(text.as_bytes(), Limits::default()).unwrap();
    assert_eq!(document.root().children_named("", "b").count(), 300_000);
    assert_eq!(document.root().text().len(), 300_000);
}

const SAMPLE: &str = r#"<?xml version="1.0"?><s:E xmlns:s="urn:s" a='1'><!-- c --><s:B x="&lt;">t &amp;<![CDATA[ c ]]></s:B><?p i?><q/></s:E>"#;

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::parse(&bytes, Limits::default());
    }

    #[test]
    fn any_damage_is_read_or_refused(at in 0..SAMPLE.len(), length in 0..12usize, insert in "[<>&'\"/!?a:=\\[\\]x \u{0}-]{0,4}") {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, insert.bytes());
        if let Ok(document) = Document::parse(&bytes, Limits::default()) {
            for element in document.root().descendants() {
                prop_assert!(element.source().starts_with('<'));
                let again = element.to_xml();
                let again = Document::parse(again.as_bytes(), Limits::default()).unwrap();
                prop_assert_eq!(again.root().text(), element.text());
            }
        }
    }
}
