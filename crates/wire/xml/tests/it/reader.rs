//! Reading: encodings, names, text, places, and elements as documents of their own.

use xml::{Document, Limits};

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes(), Limits::default()).unwrap()
}

#[test]
fn names_come_with_their_namespace_whatever_the_prefix() {
    for text in [
        r#"<a:x xmlns:a="urn:n"><a:y a:z="1" z="2"/></a:x>"#,
        r#"<x xmlns="urn:n"><y xmlns:q="urn:n" q:z="1" z="2"/></x>"#,
    ] {
        let document = parse(text);
        let y = document.root().child("urn:n", "y").unwrap();
        assert!(document.root().is("urn:n", "x"));
        assert_eq!((y.namespace(), y.name()), (Some("urn:n"), "y"));
        assert_eq!(y.attr("z"), Some("2"));
        assert_eq!(y.attr_ns("urn:n", "z"), Some("1"));
        assert_eq!(y.attr("other"), None);
    }
    let document = parse(r#"<x xmlns="urn:n"><y xmlns=""/></x>"#);
    let y = document.root().children().next().unwrap();
    assert_eq!(y.namespace(), None);
    assert!(y.is("", "y"));
}

#[test]
fn text_is_joined_across_comments_cdata_and_children() {
    let document = parse("<a> x<!-- no --> &amp; <b>y</b><![CDATA[<z>]]>&#65;\r\n</a>");
    let a = document.root();
    assert_eq!(a.text(), " x & y<z>A\n");
    assert_eq!(a.own_text(), " x & <z>A\n");
    assert_eq!(a.trimmed(), "x & y<z>A");
    assert!(!a.is_blank());
    assert!(parse("<a> \n <!-- c --> </a>").root().is_blank());
    assert!(!parse("<a><b/></a>").root().is_blank());
}

#[test]
fn one_piece_of_text_is_borrowed() {
    let document = parse("<a>plain</a>");
    assert!(matches!(document.root().text(), std::borrow::Cow::Borrowed("plain")));
}

#[test]
fn white_space_in_attributes_is_normalised_and_references_are_kept() {
    let document = parse("<a v=\" x\ny&#10;z&quot;&lt;\"/>");
    assert_eq!(document.root().attr("v"), Some(" x y\nz\"<"));
    let document = parse("<a xmlns:p='urn:p' v='&#9;\r\n' xmlns:q='urn:q' p:w=\"'\t&amp;\" q:x = '1'/>");
    let values: Vec<&str> = document.root().attributes().map(|attribute| attribute.value).collect();
    assert_eq!(values, ["\t ", "' &", "1"]);
}

#[test]
fn paths_number_siblings_of_the_same_name_only() {
    let document = parse("<a><b/><c><d/></c><b><e/></b></a>");
    let paths: Vec<String> = document.root().descendants().map(|element| element.path()).collect();
    assert_eq!(paths, ["a", "a/b[1]", "a/c", "a/c/d", "a/b[2]", "a/b[2]/e"]);
}

#[test]
fn positions_and_sources_point_into_the_document() {
    let document = parse("<a>\n  <b x='1'>t</b>\n  <c/>\n</a>");
    let [b, c] = [0, 1].map(|at| document.root().children().nth(at).unwrap());
    assert_eq!((b.position(), b.source()), ((2, 3), "<b x='1'>t</b>"));
    assert_eq!((c.position(), c.source()), ((3, 3), "<c/>"));
    assert_eq!(&document.source()[c.range()], "<c/>");
}

#[test]
fn an_element_is_a_document_of_its_own_with_the_prefixes_from_outside() {
    let document = parse(
        r#"<s:a xmlns:s="urn:s" xmlns="urn:d" xmlns:p="urn:&lt;p&gt;"><s:b xmlns:p="urn:inner"><c p:x="s:y">t &amp; u</c></s:b><d xmlns=""><e/></d></s:a>"#,
    );
    let b = document.root().child("urn:s", "b").unwrap();
    let again = parse(&b.to_xml());
    assert!(again.root().is("urn:s", "b"));
    let c = again.root().child("urn:d", "c").unwrap();
    assert_eq!(c.attr_ns("urn:inner", "x"), Some("s:y"));
    assert_eq!(c.text(), "t & u");
    assert_eq!(c.qname("s:y"), Some((Some("urn:s"), "y")));
    let e = document.root().children().nth(1).unwrap().children().next().unwrap();
    let again = parse(&e.to_xml());
    assert!(again.root().is("", "e"));
    assert_eq!(again.root().namespace_of("p"), Some("urn:<p>"));
}

#[test]
fn qualified_names_in_content_resolve_where_they_stand() {
    let document = parse(r#"<a xmlns:p="urn:1"><b xmlns:p="urn:2" xmlns="urn:d"/></a>"#);
    let a = document.root();
    let b = a.children().next().unwrap();
    assert_eq!(a.qname(" p:x "), Some((Some("urn:1"), "x")));
    assert_eq!(b.qname("p:x"), Some((Some("urn:2"), "x")));
    assert_eq!(b.qname("x"), Some((Some("urn:d"), "x")));
    assert_eq!(a.qname("x"), Some((None, "x")));
    assert_eq!(a.qname("q:x"), None);
    assert_eq!(a.qname(""), None);
    assert_eq!(a.qname("p:x:y"), None);
}

#[test]
fn every_encoding_we_promise_reads_alike() {
    let text = "<a b=\"ä\">ö \u{20AC}</a>";
    let utf16 = |units: fn(u16) -> [u8; 2], mark: &[u8]| -> Vec<u8> {
        mark.iter().copied().chain(text.encode_utf16().flat_map(units)).collect()
    };
    let declared = "<?xml version=\"1.0\" encoding='ISO-8859-1'?><a b=\"\u{E4}\">\u{F6} \u{80}</a>";
    let latin: Vec<u8> = declared.chars().map(|c| c as u8).collect();
    for bytes in [
        text.as_bytes().to_vec(),
        [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        utf16(u16::to_le_bytes, b"\xFF\xFE"),
        utf16(u16::to_be_bytes, b"\xFE\xFF"),
        utf16(u16::to_le_bytes, b""),
        utf16(u16::to_be_bytes, b""),
        latin,
        // A .NET string writer: says what it was in memory, sends UTF-8.
        format!("<?xml version=\"1.0\" encoding=\"utf-16\"?>{text}").into_bytes(),
    ] {
        let document = Document::parse(&bytes, Limits::default()).unwrap();
        assert_eq!(document.root().attr("b"), Some("ä"));
        assert_eq!(document.root().text(), "ö \u{20AC}");
    }
}

#[test]
fn the_charset_of_the_transport_wins_over_the_declaration() {
    let bytes = b"<?xml version=\"1.0\" encoding=\"utf-8\"?><a>\xE4</a>";
    let document = Document::parse_as(bytes, Some("iso-8859-1"), Limits::default()).unwrap();
    assert_eq!(document.root().text(), "ä");
    assert!(Document::parse(bytes, Limits::default()).is_err());
    let unknown = Document::parse_as(b"<a/>", Some("x-who-knows"), Limits::default());
    assert!(unknown.is_ok());
}

#[test]
fn debug_shows_no_content() {
    let document = parse("<a><b>SECRET</b></a>");
    let shown = format!("{document:?} {:?}", document.root().children().next().unwrap());
    assert!(!shown.contains("SECRET"), "{shown}");
}
