//! Transfer encodings, whole and in pieces.

use bytes::Bytes;
use mime::{MimeError, TransferDecoder};

fn decode(encoding: &str, text: &str) -> Result<Vec<u8>, MimeError> {
    let run = |size: usize| {
        let mut decoder = TransferDecoder::new(encoding)?;
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            out.extend_from_slice(&decoder.feed(Bytes::copy_from_slice(piece))?);
        }
        out.extend_from_slice(&decoder.finish()?);
        Ok(out)
    };
    let whole = run(1000);
    for size in 1..5 {
        assert_eq!(run(size), whole, "in pieces of {size}");
    }
    whole
}

#[test]
fn binary_kinds_pass_uncopied() {
    for encoding in ["binary", "8bit", " 7BIT ", ""] {
        let mut decoder = TransferDecoder::new(encoding).unwrap();
        let bytes = Bytes::from_static(b"\0=AB\r\n");
        assert_eq!(decoder.feed(bytes.clone()).unwrap().as_ptr(), bytes.as_ptr());
        assert!(decoder.finish().unwrap().is_empty());
    }
    assert!(matches!(TransferDecoder::new("x-uuencode"), Err(MimeError::TransferEncoding(_))));
}

#[test]
fn base64_ignores_white_space_and_missing_padding() {
    for (text, expected) in [
        ("", ""),
        ("aGVsbG8=", "hello"),
        ("aGVs\r\n bG8=\r\n", "hello"),
        ("aGVsbG8", "hello"),
        ("aGVsbA==", "hell"),
        ("aGVsbA", "hell"),
        ("aGVs", "hel"),
    ] {
        assert_eq!(decode("Base64", text).unwrap(), expected.as_bytes(), "{text:?}");
    }
    for text in ["a", "aGVsb", "aGV$", "aGVsbA=", "aGVs=", "aG==Vs", "aGVsbG8=="] {
        assert!(matches!(decode("base64", text), Err(MimeError::Encoded { encoding: "base64", .. })), "{text:?}");
    }
}

#[test]
fn quoted_printable_undoes_escapes_and_soft_breaks() {
    for (text, expected) in [
        ("a=3Db=\r\nc=\nd", "a=bcd"),
        ("a =20\r\nb  \t\r\nc", "a  \r\nb\r\nc"),
        ("=C3=a4=", "ä"),
        ("a b\tc", "a b\tc"),
        ("a= \r\nb", "ab"),
    ] {
        assert_eq!(decode("quoted-printable", text).unwrap(), expected.as_bytes(), "{text:?}");
    }
    for text in ["=XY", "=4", "=\rx"] {
        assert!(decode("quoted-printable", text).is_err(), "{text:?}");
    }
}
