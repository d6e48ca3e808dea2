//! Binary content in the body: references and base64 in every spelling, and what is refused.

use soap::{Binary, DecodeError, Parts, binary};
use xml::{Document, Limits};

fn read(content: &str) -> Result<Binary, DecodeError> {
    let text = format!("<d xmlns:xop='http://www.w3.org/2004/08/xop/include'>{content}</d>");
    binary(Document::parse(text.as_bytes(), Limits::default()).unwrap().root())
}

fn href(content: &str) -> soap::Href {
    match read(content).unwrap() {
        Binary::Part(href) => href,
        Binary::Inline(_) => panic!("inline"),
    }
}

#[test]
fn inline_base64_may_be_broken_anywhere() {
    for text in
        ["aGVsbG8=", " aGVs\r\n\tbG8= ", "a G V s b G 8 =", "aGVsbG8", "aGVs<!-- c -->bG8=", "<![CDATA[aGVsbG8=]]>"]
    {
        assert_eq!(read(text), Ok(Binary::Inline(b"hello".to_vec())), "{text:?}");
    }
    assert_eq!(read(""), Ok(Binary::Inline(Vec::new())));
}

#[test]
fn references_match_as_written_or_decoded() {
    for (written, content_id) in [
        ("cid:1@x", "<1@x>"),
        ("CID:1@x", "1@x"),
        ("cid:&lt;1@x&gt;", "<1@x>"),
        ("cid:urn%3Aihe@x", "urn:ihe@x"),
        ("cid:urn%3Aihe@x", "urn%3Aihe@x"),
        ("cid:urn:ihe@x", "urn%3Aihe@x"),
        (" cid:%C3%A4 ", "ä"),
        ("cid:100%", "100%"),
        ("cid:http://tempuri.org/1/2", "<http://tempuri.org/1/2>"),
    ] {
        let href = href(&format!("<xop:Include href='{written}'/>"));
        assert!(href.is(content_id), "{written} {content_id}");
        let mut parts = Parts::new();
        parts.insert("other", 0);
        parts.insert(content_id, 1);
        assert_eq!(parts.get(&href), Some(&1), "{written} {content_id}");
        assert_eq!(parts.take(&href), Some(1));
        assert_eq!((parts.take(&href), parts.len()), (None, 1));
    }
    let mut parts = Parts::new();
    parts.insert("a%41", "decoded later");
    parts.insert("aA", "as written");
    assert_eq!(parts.get(&href("<xop:Include href='cid:aA'/>")), Some(&"as written"));
    assert_eq!(parts.get(&href("<xop:Include href='cid:b'/>")), None);
}

#[test]
fn an_include_is_the_only_content() {
    assert!(read("\n <xop:Include href='cid:1'/> \n").is_ok());
    for content in [
        "x<xop:Include href='cid:1'/>",
        "<xop:Include href='cid:1'/><xop:Include href='cid:2'/>",
        "<xop:Include/>",
        "<xop:Include href=''/>",
        "<xop:Include href='cid:'/>",
        "<xop:Include href='http://169.254.169.254/'/>",
        "<xop:Include href='file:///etc/passwd'/>",
        "<xop:Include href='ä:'/>",
        "<Include href='cid:1'/>",
        "<other/>",
        "not base64!",
        "a",
    ] {
        let error = read(content).unwrap_err();
        assert!(matches!(&error, DecodeError::Binary { path, .. } if path == "d"), "{content}: {error}");
    }
}

#[test]
fn what_we_include_is_found_again() {
    for content_id in ["1.0a@manifold", "urn:uuid:x@y", "a b<c>\"&%41ä"] {
        let mut w = xml::XmlWriter::new();
        w.start("d");
        soap::include(&mut w, content_id);
        let document = Document::parse(&w.finish(), Limits::default()).unwrap();
        let Binary::Part(href) = binary(document.root()).unwrap() else { panic!("inline") };
        assert_eq!(href.decoded(), content_id);
    }
}

#[test]
fn debug_shows_no_content() {
    assert_eq!(format!("{:?}", read("aGVsbG8=").unwrap()), "Inline(5 octets)");
}
