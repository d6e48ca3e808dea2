//! MIME for every codec: `Content-Type`, part headers, and multipart as a stream; nothing that knows a standard on top.
//!
//! Implements RFC 2045 and 2046 as used by RFC 2387 multipart/related; see spec `xds.md` 4 and `crates.md` 4.8. No sockets,
//! no randomness: bytes are fed in and events come out, boundaries are made from random bytes passed in.
//!
//! Reading:
//! ```
//! use mime::{ContentType, Event, Limits, MultipartReader};
//! let content_type = ContentType::parse(r#"multipart/related; type="text/plain"; boundary=b"#)?;
//! let mut reader = MultipartReader::new(content_type.boundary()?, Limits::default())?;
//! reader.feed("--b\r\nContent-ID: <1@x>\r\n\r\nhel".into());
//! reader.feed("lo\r\n--b--\r\n".into());
//! reader.finish(); // the transport said that the body is complete
//! let mut body = Vec::new();
//! while let Some(event) = reader.next_event()? {
//!     match event {
//!         Event::PartStart { headers } => assert_eq!(headers.content_id(), Some("1@x")),
//!         Event::PartData(bytes) => body.extend_from_slice(&bytes),
//!         Event::PartEnd => {}
//!         Event::End => break,
//!     }
//! }
//! assert_eq!(body, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Writing:
//! ```
//! let boundary = mime::Boundary::from_random([7; 16]);
//! let mut body = boundary.first_part(&[("Content-Type", "text/plain")]);
//! body.extend_from_slice(b"hello");
//! body.extend(boundary.next_part(&[("Content-ID", "<2@x>")]));
//! body.extend(boundary.close());
//! ```
#![forbid(unsafe_code)]

mod boundary;
mod content_type;
mod headers;
mod multipart;
mod transfer;

pub use boundary::Boundary;
pub use content_type::ContentType;
pub use headers::Headers;
pub use multipart::{Event, Limits, MultipartReader};
pub use transfer::TransferDecoder;

/// Why bytes are not the MIME we accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MimeError {
    /// A `Content-Type` value that cannot be read.
    #[error("expected a content type like type/subtype; name=\"value\", got {0}")]
    ContentType(String),
    /// A multipart without a usable boundary parameter.
    #[error("expected a boundary of 1 to 70 characters, got {0}")]
    Boundary(String),
    /// A part header that cannot be read.
    #[error("part {part}: expected a header line like name: value, got {what}")]
    Header {
        /// Which part, from 1.
        part: usize,
        /// What stood there instead; never a value.
        what: &'static str,
    },
    /// More of something than the limits allow.
    #[error("part {part}: expected at most {limit} {what}, got more")]
    TooMuch {
        /// Which part, from 1; 0 before the first.
        part: usize,
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The body ended before its closing delimiter.
    #[error("part {part}: expected the closing delimiter, got the end of the body")]
    Truncated {
        /// Which part, from 1; 0 if there was none.
        part: usize,
    },
    /// A transfer encoding that is none of 7bit, 8bit, binary, base64, quoted-printable.
    #[error("expected transfer encoding binary, base64 or quoted-printable, got {0}")]
    TransferEncoding(String),
    /// Content that does not follow its transfer encoding.
    #[error("expected {encoding} content, got {what}")]
    Encoded {
        /// Which encoding.
        encoding: &'static str,
        /// What came.
        what: &'static str,
    },
}

/// At most sixty printable characters of something a peer wrote, for an error message.
fn shortened(text: &str) -> String {
    format!("{:?}", text.chars().take(60).collect::<String>())
}
