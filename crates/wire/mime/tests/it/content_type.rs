//! Content types as peers write them.

use mime::{ContentType, MimeError};

fn parse(value: &str) -> ContentType {
    ContentType::parse(value).unwrap()
}

#[test]
fn parameters_come_in_any_order_case_and_quoting() {
    for value in [
        r#"multipart/related; boundary="B"; type="application/xop+xml"; start="<r@x>"; start-info="application/soap+xml"; action="urn:a""#,
        r#"Multipart/Related;ACTION=urn:a;Start=<r@x>;type=application/xop+xml;start-info=application/soap+xml;Boundary=B"#,
        "multipart/related;\r\n\tboundary = \"B\" ;; type=\"application/xop+xml\"\r\n ;start=\"<r@x>\"; start-info=\"application/soap+xml\";action=\"urn:a\";",
    ] {
        let read = parse(value);
        assert_eq!(read.essence(), "multipart/related");
        assert!(read.is("Multipart/Related") && read.is_multipart());
        assert_eq!(read.boundary(), Ok("B"));
        assert_eq!(read.param("TYPE"), Some("application/xop+xml"));
        assert_eq!(read.param("start"), Some("<r@x>"));
        assert_eq!(read.param("start-info"), Some("application/soap+xml"));
        assert_eq!(read.param("action"), Some("urn:a"));
        assert_eq!(read.param("charset"), None);
    }
}

#[test]
fn quotes_inside_quotes_and_specials_survive() {
    let read = parse(
        r#"multipart/related; start-info="application/soap+xml; action=\"urn:x\""; boundary="uuid:898b3ded+id=5""#,
    );
    assert_eq!(read.param("start-info"), Some(r#"application/soap+xml; action="urn:x""#));
    assert_eq!(read.boundary(), Ok("uuid:898b3ded+id=5"));
    assert_eq!(parse("multipart/related; boundary=uuid:898b3ded+id=5").boundary(), Ok("uuid:898b3ded+id=5"));
    assert_eq!(parse("multipart/related; boundary=----=_Part_1").boundary(), Ok("----=_Part_1"));
}

#[test]
fn nonsense_is_refused() {
    for value in [
        "",
        "text",
        "/",
        "a/",
        "/b",
        "a b/c",
        "a/b; c",
        "a/b; =c",
        "a/b; c=\"d",
        "a/b; c=\"d\\",
        "a/b; x y=1",
        "a/b; c=1; c=2",
    ] {
        assert!(matches!(ContentType::parse(value), Err(MimeError::ContentType(_))), "{value:?}");
    }
    assert!(ContentType::parse(&format!("a/b{}", "; c=1".repeat(33))).is_err());
    assert_eq!(parse("a/b; c=1; c=1").param("c"), Some("1"));
}

#[test]
fn a_boundary_is_checked() {
    for value in ["a/b", "a/b; boundary=\"\"", "a/b; boundary=\"x \"", "a/b; boundary=\"\u{7}\""] {
        assert!(matches!(parse(value).boundary(), Err(MimeError::Boundary(_))), "{value:?}");
    }
    assert!(parse(&format!("a/b; boundary={}", "x".repeat(71))).boundary().is_err());
    assert!(parse(&format!("a/b; boundary={}", "x".repeat(70))).boundary().is_ok());
}

#[test]
fn it_is_written_as_the_specification_prints_it() {
    let written = ContentType::new("multipart/related")
        .with("boundary", "MIMEBoundary_7f3a")
        .with("type", "application/xop+xml")
        .with("start", "<root@src.example>")
        .with("start-info", "application/soap+xml")
        .with("action", "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b")
        .to_string();
    assert_eq!(
        written,
        "multipart/related; boundary=\"MIMEBoundary_7f3a\"; type=\"application/xop+xml\"; start=\"<root@src.example>\"; \
         start-info=\"application/soap+xml\"; action=\"urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b\""
    );
    let plain = ContentType::new("application/soap+xml").with("charset", "UTF-8").to_string();
    assert_eq!(plain, "application/soap+xml; charset=UTF-8");
    let hostile = ContentType::new("a/b").with("action", "x\"\\\r\nEvil: 1").to_string();
    assert_eq!(hostile, "a/b; action=\"x\\\"\\\\Evil: 1\"");
    assert_eq!(parse(&hostile).param("action"), Some("x\"\\Evil: 1"));
}
