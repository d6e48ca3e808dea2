//! However a body is cut into pieces, the same parts come out; and what is written is read.

use mime::{Boundary, Limits};
use proptest::prelude::*;

use crate::multipart::read;

/// Content rich in what delimiters are made of.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"--".to_vec()),
        Just(b"-".to_vec()),
        Just(b"b".to_vec()),
        Just(b"\r\n--b".to_vec()),
        Just(b"\n--bo".to_vec()),
        Just(b"\r\n--bou ".to_vec()),
        Just(b"A: b\r\n\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_body_reads_alike_in_any_pieces(
        body in content(),
        tail in prop::sample::select(vec!["", "\r\n--bou--\r\n", "\n--bou"]),
        boundary in prop::sample::select(vec!["b", "bo", "bou", "-", "--"]),
        pieces in prop::collection::vec(1..9usize, 1..6),
    ) {
        let mut whole = format!("--{boundary}\r\n\r\n").into_bytes();
        whole.extend(&body);
        whole.extend(tail.bytes());
        let at_once = read(boundary, &whole, &[usize::MAX], Limits::default());
        prop_assert_eq!(read(boundary, &whole, &pieces, Limits::default()), at_once);
    }

    #[test]
    fn written_parts_read_as_themselves(
        contents in prop::collection::vec(content(), 0..5),
        pieces in prop::collection::vec(1..40usize, 1..6),
        random in any::<[u8; 16]>(),
    ) {
        let boundary = Boundary::from_random(random);
        let mut body = Vec::new();
        for (number, content) in contents.iter().enumerate() {
            let id = format!("<{number}@x>");
            let headers = [("Content-ID", id.as_str()), ("Content-Type", "a/b")];
            body.extend(if number == 0 { boundary.first_part(&headers) } else { boundary.next_part(&headers) });
            body.extend(content);
        }
        body.extend(boundary.close());
        let parts = read(boundary.as_str(), &body, &pieces, Limits::default()).unwrap();
        prop_assert_eq!(parts.len(), contents.len());
        for (number, ((headers, content), expected)) in parts.iter().zip(&contents).enumerate() {
            prop_assert_eq!(content, expected);
            prop_assert_eq!(&headers[0], &("Content-ID".to_owned(), format!("<{number}@x>")));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = read("b", &body, &[3], Limits::default());
    }

    #[test]
    fn any_content_type_is_read_or_refused_and_writes_as_itself(value in "[a-z/;=\" \\\\<>:\r\nä]{0,40}") {
        if let Ok(read) = mime::ContentType::parse(&value) {
            let again = mime::ContentType::parse(&read.to_string()).unwrap();
            prop_assert_eq!(again, read);
        }
    }
}
