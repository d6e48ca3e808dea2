//! Packing a message as MTOM or plain (xds.md 4: the exact forms).

use mime::{Boundary, ContentType};

use crate::reader::Packaging;

/// The pieces of one MTOM message, in the order root, parts, close. All names come from the random bytes passed in.
///
/// The caller sends `root`, then for each attachment `part` and its octets, then `close`: nothing is copied or collected.
#[derive(Debug, Clone)]
pub struct MtomWriter {
    boundary: Boundary,
    unique: String,
}

impl MtomWriter {
    /// A message named by sixteen random bytes, fresh ones for each.
    pub fn new(random: [u8; 16]) -> MtomWriter {
        let unique = random.iter().map(|byte| format!("{byte:02x}")).collect();
        MtomWriter { boundary: Boundary::from_random(random), unique }
    }

    /// The HTTP `Content-Type`.
    pub fn content_type(&self, action: &str) -> String {
        ContentType::new("multipart/related")
            .with("boundary", self.boundary.as_str())
            .with("type", "application/xop+xml")
            .with("start", &format!("<{}>", self.content_id(0)))
            .with("start-info", "application/soap+xml")
            .with("action", action)
            .to_string()
    }

    /// The Content-ID, without angle brackets, of attachment `number` from 1; for [`include`](crate::include).
    pub fn content_id(&self, number: usize) -> String {
        format!("{number}.{}@manifold", self.unique)
    }

    /// The first part: the envelope.
    pub fn root(&self, envelope: &[u8]) -> Vec<u8> {
        let content_id = format!("<{}>", self.content_id(0));
        let mut out = self.boundary.first_part(&[
            ("Content-Type", "application/xop+xml; charset=UTF-8; type=\"application/soap+xml\""),
            ("Content-Transfer-Encoding", "binary"),
            ("Content-ID", &content_id),
        ]);
        out.extend_from_slice(envelope);
        out
    }

    /// What stands before the octets of attachment `number`.
    pub fn part(&self, number: usize, content_type: &str) -> Vec<u8> {
        let content_id = format!("<{}>", self.content_id(number));
        self.boundary.next_part(&[
            ("Content-Type", content_type),
            ("Content-Transfer-Encoding", "binary"),
            ("Content-ID", &content_id),
        ])
    }

    /// What stands after the last part.
    pub fn close(&self) -> Vec<u8> {
        self.boundary.close()
    }
}

/// A whole message without attachments, ready for HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The HTTP `Content-Type`.
    pub content_type: String,
    /// The HTTP body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({:?}, {} octets)", self.content_type, self.body.len())
    }
}

/// Packs an envelope alone, in the packaging of the request it answers.
pub fn package(packaging: Packaging, action: &str, random: [u8; 16], envelope: Vec<u8>) -> Message {
    match packaging {
        Packaging::Plain => Message { content_type: plain_content_type(action), body: envelope },
        Packaging::Mtom => {
            let writer = MtomWriter::new(random);
            let mut body = writer.root(&envelope);
            body.extend(writer.close());
            Message { content_type: writer.content_type(action), body }
        }
    }
}

/// The `Content-Type` of a plain message.
pub fn plain_content_type(action: &str) -> String {
    ContentType::new("application/soap+xml").with("charset", "UTF-8").with("action", action).to_string()
}
