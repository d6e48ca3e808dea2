//! The parts of a multipart answer, written with their length known beforehand and read as a stream. PS3.18 8.7; RFC 2387.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use mime::{Boundary, ContentType, Event, Limits, MimeError, MultipartReader};

/// What our own clients ask for: as stored, and for servers that do not know `*` the default (P3).
pub const CLIENT_ACCEPT: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*, multipart/related; type=\"application/dicom\"; q=0.5";

/// What stands in the head of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The transfer syntax of the bytes that follow, from their file meta group (P7).
    pub transfer_syntax: &'a str,
    /// Octets of the object, if known.
    pub content_length: Option<u64>,
    /// The public URL of the instance.
    pub content_location: Option<&'a str>,
}

/// Writes the frame of a multipart answer; the objects themselves go between.
#[derive(Debug)]
pub struct PartWriter {
    boundary: Boundary,
    kind: String,
    begun: bool,
}

impl PartWriter {
    /// A writer with a boundary of 16 random octets.
    pub fn new(random: [u8; 16]) -> Self {
        Self::of_type(random, "application/dicom")
    }

    /// The same for parts of another media type.
    pub fn of_type(random: [u8; 16], kind: &str) -> Self {
        Self { boundary: Boundary::from_random(random), kind: kind.to_owned(), begun: false }
    }

    /// The `Content-Type` of the answer.
    pub fn content_type(&self) -> String {
        format!("multipart/related; type=\"{}\"; boundary=\"{}\"", self.kind, self.boundary.as_str())
    }

    /// The octets before the next object.
    pub fn head(&mut self, part: &Part<'_>) -> Vec<u8> {
        let label = format!("application/dicom; transfer-syntax={}", part.transfer_syntax);
        let length = part.content_length.map(|length| length.to_string());
        let mut headers = vec![("Content-Type", label.as_str())];
        if let Some(length) = &length {
            headers.push(("Content-Length", length));
        }
        if let Some(location) = part.content_location {
            headers.push(("Content-Location", location));
        }
        if std::mem::replace(&mut self.begun, true) {
            self.boundary.next_part(&headers)
        } else {
            self.boundary.first_part(&headers)
        }
    }

    /// What stands before a part of any media type.
    pub fn typed_head(&mut self, content_type: &str, content_length: u64) -> Vec<u8> {
        let length = content_length.to_string();
        let headers = [("Content-Type", content_type), ("Content-Length", length.as_str())];
        let begun = std::mem::replace(&mut self.begun, true);
        if begun { self.boundary.next_part(&headers) } else { self.boundary.first_part(&headers) }
    }

    /// The octets after the last object.
    pub fn close(&self) -> Vec<u8> {
        self.boundary.close()
    }

    /// Every head in order, the close delimiter, and the `Content-Length` of the answer if every part says its own.
    pub fn plan(&mut self, parts: &[Part<'_>]) -> (Vec<Vec<u8>>, Vec<u8>, Option<u64>) {
        let heads: Vec<Vec<u8>> = parts.iter().map(|part| self.head(part)).collect();
        let close = self.close();
        let frame = heads.iter().map(|head| head.len() as u64).sum::<u64>() + close.len() as u64;
        let total = parts.iter().try_fold(frame, |total, part| total.checked_add(part.content_length?));
        (heads, close, total)
    }
}

/// What a client reads. `Debug` shows how long data is, not what it is.
#[derive(Clone, PartialEq, Eq)]
pub enum PartEvent {
    /// An object begins. The file meta group inside it has the last word on the transfer syntax.
    Start {
        /// What the part's `Content-Type` says.
        transfer_syntax: Option<String>,
        /// `Content-Location`.
        content_location: Option<String>,
    },
    /// The next octets of it.
    Data(Bytes),
    /// The object is complete.
    End,
    /// The answer is complete. Without it, it was cut off.
    Complete,
}

impl fmt::Debug for PartEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { transfer_syntax, .. } => f.debug_tuple("Start").field(transfer_syntax).finish(),
            Self::Data(octets) => f.debug_tuple("Data").field(&octets.len()).finish(),
            Self::End => f.write_str("End"),
            Self::Complete => f.write_str("Complete"),
        }
    }
}

enum Form {
    Multipart(Box<MultipartReader>),
    Single { events: VecDeque<PartEvent>, octets: u64 },
}

/// Reads the body of an answer, multipart or a single object, as a stream.
pub struct PartReader(Form);

impl PartReader {
    /// A reader for a body of the given `Content-Type`.
    ///
    /// Errors: a type that is neither `multipart/related` nor `application/dicom`, or one without boundary.
    pub fn new(content_type: &str) -> Result<Self, MimeError> {
        let content_type = ContentType::parse(content_type)?;
        if content_type.is_multipart() {
            let limits = Limits { parts: 1 << 20, ..Limits::default() };
            let reader = MultipartReader::new(content_type.boundary()?, limits)?;
            return Ok(Self(Form::Multipart(Box::new(reader))));
        }
        if content_type.is("application/dicom") {
            let transfer_syntax = content_type.param("transfer-syntax").map(str::to_owned);
            let start = PartEvent::Start { transfer_syntax, content_location: None };
            return Ok(Self(Form::Single { events: [start].into(), octets: 0 }));
        }
        Err(MimeError::ContentType(format!(
            "{}, where multipart/related or application/dicom was asked for",
            content_type.essence()
        )))
    }

    /// Adds the next octets of the body; draw all events before adding more.
    pub fn feed(&mut self, octets: Bytes) {
        match &mut self.0 {
            Form::Multipart(reader) => reader.feed(octets),
            Form::Single { events, octets: count } => {
                if !octets.is_empty() {
                    *count += octets.len() as u64;
                    events.push_back(PartEvent::Data(octets));
                }
            }
        }
    }

    /// Says that the transport ended in good order.
    pub fn finish(&mut self) {
        match &mut self.0 {
            Form::Multipart(reader) => reader.finish(),
            Form::Single { events, octets } => {
                if *octets > 0 {
                    events.extend([PartEvent::End, PartEvent::Complete]);
                }
            }
        }
    }

    /// The next event; `None` if more octets are needed.
    ///
    /// Errors: a broken part head, a limit, or `Truncated` after `finish`.
    pub fn next_event(&mut self) -> Result<Option<PartEvent>, MimeError> {
        match &mut self.0 {
            Form::Multipart(reader) => Ok(reader.next_event()?.map(|event| match event {
                Event::PartStart { headers } => PartEvent::Start {
                    transfer_syntax: headers
                        .content_type()
                        .and_then(Result::ok)
                        .and_then(|kind| kind.param("transfer-syntax").map(str::to_owned)),
                    content_location: headers.get("Content-Location").map(str::to_owned),
                },
                Event::PartData(octets) => PartEvent::Data(octets),
                Event::PartEnd => PartEvent::End,
                Event::End => PartEvent::Complete,
            })),
            Form::Single { events, .. } => Ok(events.pop_front()),
        }
    }
}
