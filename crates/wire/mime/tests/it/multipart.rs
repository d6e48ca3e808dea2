//! Multipart bodies as they occur, as they may not, and as we write them.

use bytes::Bytes;
use mime::{Boundary, Event, Limits, MimeError, MultipartReader};

/// What a body consists of: headers and content of each part.
pub type Parts = Vec<(Vec<(String, String)>, Vec<u8>)>;

/// Reads a body in pieces of the given sizes, the last size for the rest.
pub fn read(boundary: &str, body: &[u8], pieces: &[usize], limits: Limits) -> Result<Parts, MimeError> {
    let mut reader = MultipartReader::new(boundary, limits)?;
    let mut rest = Bytes::copy_from_slice(body);
    let mut sizes = pieces.iter().copied().cycle();
    let mut parts = Parts::new();
    loop {
        match reader.next_event()? {
            None if rest.is_empty() => {
                reader.finish();
                if let Some(event) = reader.next_event()? {
                    match event {
                        Event::End => return Ok(parts),
                        Event::PartEnd => {}
                        Event::PartData(data) => parts.last_mut().unwrap().1.extend_from_slice(&data),
                        Event::PartStart { .. } => panic!("a part out of nothing"),
                    }
                }
            }
            None => {
                let size = sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len());
                reader.feed(rest.split_to(size));
            }
            Some(Event::PartStart { headers }) => {
                let lines = headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                parts.push((lines, Vec::new()));
            }
            Some(Event::PartData(data)) => {
                assert!(!data.is_empty());
                parts.last_mut().unwrap().1.extend_from_slice(&data);
            }
            Some(Event::PartEnd) => {}
            Some(Event::End) => return Ok(parts),
        }
    }
}

fn contents(body: &str) -> Result<Vec<String>, MimeError> {
    let whole = read("b", body.as_bytes(), &[usize::MAX], Limits::default());
    for size in [1, 2, 3, 7] {
        assert_eq!(read("b", body.as_bytes(), &[size], Limits::default()), whole, "in pieces of {size}");
    }
    Ok(whole?.into_iter().map(|(_, content)| String::from_utf8(content).unwrap()).collect())
}

#[test]
fn the_line_end_before_a_delimiter_belongs_to_it() {
    assert_eq!(contents("--b\r\n\r\none\r\n\r\n--b\r\n\r\n\r\ntwo\r\n--b--\r\n").unwrap(), ["one\r\n", "\r\ntwo"]);
    assert_eq!(contents("--b\n\none\n\n--b\n\n\ntwo\r\n\n--b--").unwrap(), ["one\n", "\ntwo\r\n"]);
}

#[test]
fn preamble_and_epilogue_are_ignored() {
    let body = "\r\nThis is MIME.\r\n--bx\r\n --b\r\n--b\r\n\r\none\r\n--b--\r\nbye\r\n--b\r\n\r\nnot a part\r\n--b--";
    assert_eq!(contents(body).unwrap(), ["one"]);
    assert_eq!(contents("--b--").unwrap(), [""; 0]);
    assert_eq!(contents("x\r\n--b--\r\n").unwrap(), [""; 0]);
}

#[test]
fn what_only_looks_like_a_delimiter_is_content() {
    let content = "--c\r\n--\r\n--bb\r\n-b\r\n b--b\r\n--b-x\r\n\r--b\r\r\n--b\rx";
    assert_eq!(contents(&format!("--b\r\n\r\n{content}\r\n--b--")).unwrap(), [content]);
}

#[test]
fn parts_may_be_empty_or_without_headers() {
    assert_eq!(contents("--b\r\n\r\n--b\r\n\r\n\r\n--b\r\nA: b\r\n\r\n--b--").unwrap(), ["", "", ""]);
    let parts = read("b", b"--b\r\n\r\nx\r\n--b--", &[9], Limits::default()).unwrap();
    assert_eq!(parts, [(vec![], b"x".to_vec())]);
}

#[test]
fn headers_fold_and_trim_and_compare_without_case() {
    let mut reader = MultipartReader::new("b", Limits::default()).unwrap();
    reader.feed("--b \t\r\ncontent-TYPE : text/xml;\r\n  charset=\"x\"\r\nContent-Id:<1@x> \r\nX:\r\n\r\n".into());
    let Some(Event::PartStart { headers }) = reader.next_event().unwrap() else { panic!("no part") };
    assert_eq!(headers.get("Content-Type"), Some("text/xml; charset=\"x\""));
    assert_eq!(headers.content_type().unwrap().unwrap().param("charset"), Some("x"));
    assert_eq!(headers.content_id(), Some("1@x"));
    assert_eq!(headers.get("x"), Some(""));
    assert_eq!(headers.transfer_encoding(), "binary");
    assert_eq!(reader.next_event(), Ok(None));
}

#[test]
fn contents_are_slices_of_what_was_fed() {
    let mut reader = MultipartReader::new("b", Limits::default()).unwrap();
    let body = Bytes::from_static(b"--b\r\n\r\n0123456789");
    reader.feed(body.clone());
    reader.next_event().unwrap();
    let Some(Event::PartData(data)) = reader.next_event().unwrap() else { panic!("no data") };
    assert_eq!(data.as_ptr(), body[7..].as_ptr());
}

#[test]
fn a_body_that_ends_early_is_an_error() {
    for body in [
        "",
        "x",
        "--",
        "--b",
        "--b\r\n",
        "--b\r\nA: b",
        "--b\r\n\r\n",
        "--b\r\n\r\nx",
        "--b\r\n\r\nx\r\n--",
        "--b\r\n\r\nx\r\n--a--",
    ] {
        assert!(matches!(contents(body), Err(MimeError::Truncated { .. })), "{body:?}: {:?}", contents(body));
    }
}

#[test]
fn a_last_delimiter_without_its_dashes_closes_a_complete_body() {
    // The sample of ITI TF-2 Appendix V ends like this.
    for end in ["\r\n--b", "\r\n--b\r\n", "\n--b", "\r\n--b-", "\r\n--b  "] {
        assert_eq!(contents(&format!("--b\r\n\r\none{end}")).unwrap(), ["one"], "{end:?}");
    }
}

#[test]
fn malformed_headers_are_errors_that_name_the_part() {
    for head in ["no colon", ": x", " folded: first", "a b: c", "a: \u{1}", "--b"] {
        let error = contents(&format!("--b\r\n\r\none\r\n--b\r\n{head}\r\n\r\n\r\n--b--")).unwrap_err();
        assert!(matches!(error, MimeError::Header { part: 2, .. }), "{head:?}: {error}");
    }
}

#[test]
fn limits_hold_to_the_octet() {
    let body = b"pre\r\n--b\r\nA: b\r\n\r\n12345\r\n--b\r\n\r\n--b--";
    let fits = Limits { parts: 2, header_octets: 8, preamble_octets: 3, part_octets: 5 };
    assert!(read("b", body, &[4], fits).is_ok());
    for limits in [
        Limits { parts: 1, ..fits },
        Limits { header_octets: 7, ..fits },
        Limits { preamble_octets: 2, ..fits },
        Limits { part_octets: 4, ..fits },
    ] {
        for pieces in [1, 4, 100] {
            let refused = read("b", body, &[pieces], limits);
            assert!(matches!(refused, Err(MimeError::TooMuch { .. })), "{limits:?} {pieces}: {refused:?}");
        }
    }
}

#[test]
fn nothing_comes_after_an_error_or_the_end() {
    let mut reader = MultipartReader::new("b", Limits::default()).unwrap();
    reader.feed("--b\r\nbad\r\n\r\nx".into());
    assert!(reader.next_event().is_err());
    reader.feed("\r\n--b--".into());
    assert_eq!(reader.next_event(), Ok(None));
    let mut reader = MultipartReader::new("b", Limits::default()).unwrap();
    reader.feed("--b--\r\n--b\r\n\r\nx".into());
    assert_eq!(reader.next_event(), Ok(Some(Event::End)));
    reader.finish();
    assert_eq!(reader.next_event(), Ok(None));
}

#[test]
fn writing_gives_the_exact_bytes() {
    let boundary = Boundary::new("B").unwrap();
    let mut body = boundary.first_part(&[("Content-Type", "text/plain"), ("Content-ID", "<1@x>")]);
    body.extend_from_slice(b"one");
    body.extend(boundary.next_part(&[("X", "a\r\nEvil: 1")]));
    body.extend(boundary.close());
    let expected =
        "--B\r\nContent-Type: text/plain\r\nContent-ID: <1@x>\r\n\r\none\r\n--B\r\nX: aEvil: 1\r\n\r\n\r\n--B--\r\n";
    assert_eq!(String::from_utf8(body).unwrap(), expected);
    let random = Boundary::from_random([0xAB; 16]);
    assert_eq!(random.as_str(), format!("MIMEBoundary_{}", "ab".repeat(16)));
    assert!(Boundary::new("").is_err());
}
