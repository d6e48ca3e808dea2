//! Reading a message as a stream, MTOM or plain: the envelope collected, the attachments passed on (xds.md 4; B-046, B-048).

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use mime::{ContentType, Event, MultipartReader, TransferDecoder};

use crate::envelope::{Envelope, transport_action};
use crate::error::DecodeError;
use crate::header::{Kept, wanted};
use crate::xop::{Href, bare};

/// How a message is packed; the answer is packed as the request was (xds.md 3, rule 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packaging {
    /// `application/soap+xml`.
    Plain,
    /// `multipart/related; type="application/xop+xml"`.
    Mtom,
}

/// Bounds on one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the envelope; in plain messages documents lie inside it as base64.
    pub envelope_octets: usize,
    /// Bounds on the XML inside; its own size limit does not count here.
    pub xml: xml::Limits,
    /// Bounds on the packaging.
    pub mime: mime::Limits,
}

impl Default for Limits {
    /// 16 MiB for the envelope, the defaults of `xml` and `mime` for the rest.
    fn default() -> Limits {
        Limits { envelope_octets: 16 << 20, xml: xml::Limits::default(), mime: mime::Limits::default() }
    }
}

/// What a message consists of. Parts may come before the envelope: a caller spools them and looks at the envelope later.
pub enum MessageEvent {
    /// The envelope is complete, includes in its header resolved. Comes exactly once.
    Envelope(Box<Envelope>),
    /// An attachment begins.
    PartStart {
        /// Its Content-ID without angle brackets.
        content_id: Option<String>,
        /// Its Content-Type as written; the metadata's mimeType rules.
        content_type: Option<String>,
    },
    /// The next piece of the attachment, transfer encoding undone; never empty.
    PartData(Bytes),
    /// The attachment is complete.
    PartEnd,
    /// The message is complete.
    End,
}

/// Shows the size of content, not the content.
impl fmt::Debug for MessageEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageEvent::Envelope(envelope) => envelope.fmt(f),
            MessageEvent::PartStart { content_id, content_type } => {
                write!(f, "PartStart({content_id:?}, {content_type:?})")
            }
            MessageEvent::PartData(octets) => write!(f, "PartData({} octets)", octets.len()),
            MessageEvent::PartEnd => f.write_str("PartEnd"),
            MessageEvent::End => f.write_str("End"),
        }
    }
}

/// Splits an HTTP body into the envelope and attachments.
pub struct MessageReader {
    packaging: Packaging,
    limits: Limits,
    content_type: ContentType,
    source: Source,
    /// The root's Content-ID by `start`; the first part is the root if there is none.
    start: Option<String>,
    root: Vec<u8>,
    root_type: Option<ContentType>,
    stage: Stage,
    seen: Vec<String>,
    current: Option<Current>,
    kept: Kept,
    ready: VecDeque<MessageEvent>,
    failed: bool,
}

enum Source {
    Plain { finished: bool },
    Mtom(Box<MultipartReader>),
}

enum Stage {
    /// The root part has not ended.
    Awaited,
    /// It has, but parts that its header includes have not come yet.
    Unresolved {
        envelope: Box<Envelope>,
        wanted: Vec<Href>,
    },
    /// The caller has it.
    Given,
    Ended,
}

struct Current {
    is_root: bool,
    content_id: Option<String>,
    decoder: TransferDecoder,
}

/// Shows where it is, not what it holds.
impl fmt::Debug for MessageReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Awaited => "envelope awaited",
            Stage::Unresolved { .. } => "header unresolved",
            Stage::Given => "envelope given",
            Stage::Ended => "ended",
        };
        let mut shown = f.debug_struct("MessageReader");
        shown.field("packaging", &self.packaging).field("stage", &stage).finish_non_exhaustive()
    }
}

/// Content-IDs remembered for the error message.
const REMEMBERED: usize = 8;

impl MessageReader {
    /// A reader for a body with this HTTP `Content-Type`.
    ///
    /// Lenient: `text/xml` and `application/xml` are read as plain envelopes, so that SOAP 1.1 gets its VersionMismatch
    /// instead of a dropped connection; `start-info` and `type` are not insisted upon.
    /// Errors: a content type that no SOAP message has; a multipart without boundary.
    pub fn new(content_type: &str, limits: Limits) -> Result<MessageReader, DecodeError> {
        let content_type = ContentType::parse(content_type)?;
        let (packaging, source) = match content_type.essence() {
            "multipart/related" => {
                let reader = MultipartReader::new(content_type.boundary()?, limits.mime)?;
                (Packaging::Mtom, Source::Mtom(Box::new(reader)))
            }
            "application/soap+xml" | "text/xml" | "application/xml" => {
                (Packaging::Plain, Source::Plain { finished: false })
            }
            other => return Err(DecodeError::ContentType(other.chars().take(60).collect())),
        };
        let start = content_type.param("start").map(bare).filter(|start| !start.is_empty()).map(str::to_owned);
        Ok(MessageReader {
            packaging,
            limits,
            content_type,
            source,
            start,
            root: Vec::new(),
            root_type: None,
            stage: Stage::Awaited,
            seen: Vec::new(),
            current: None,
            kept: Kept::default(),
            ready: VecDeque::new(),
            failed: false,
        })
    }

    /// Reads a whole message that is in memory: the envelope and its parts.
    pub fn read_all(
        content_type: &str,
        body: Bytes,
        limits: Limits,
    ) -> Result<(Envelope, crate::Parts<Bytes>), DecodeError> {
        let mut reader = MessageReader::new(content_type, limits)?;
        reader.feed(body)?;
        reader.finish();
        let mut envelope = None;
        let mut parts = crate::Parts::new();
        let mut part: Option<(String, Vec<u8>)> = None;
        while let Some(event) = reader.next_event()? {
            match event {
                MessageEvent::Envelope(found) => envelope = Some(*found),
                MessageEvent::PartStart { content_id, .. } => part = Some((content_id.unwrap_or_default(), Vec::new())),
                MessageEvent::PartData(bytes) => {
                    if let Some((_, octets)) = &mut part {
                        octets.extend_from_slice(&bytes);
                    }
                }
                MessageEvent::PartEnd => {
                    if let Some((content_id, octets)) = part.take() {
                        parts.insert(&content_id, Bytes::from(octets));
                    }
                }
                MessageEvent::End => break,
            }
        }
        match envelope {
            Some(envelope) => Ok((envelope, parts)),
            None => Err(reader.no_root()),
        }
    }

    /// How the message is packed.
    pub fn packaging(&self) -> Packaging {
        self.packaging
    }

    /// The action that the transport names, for a look before the envelope is there.
    pub fn transport_action(&self) -> Option<String> {
        transport_action(&self.content_type)
    }

    /// Adds the next bytes of the body. Draw all events before feeding more, or memory grows.
    ///
    /// Errors: a plain envelope past its limit.
    pub fn feed(&mut self, bytes: Bytes) -> Result<(), DecodeError> {
        match &mut self.source {
            Source::Mtom(reader) => reader.feed(bytes),
            Source::Plain { .. } => self.collect(&bytes)?,
        }
        Ok(())
    }

    /// Says that the body is complete as far as the transport knows.
    pub fn finish(&mut self) {
        match &mut self.source {
            Source::Mtom(reader) => reader.finish(),
            Source::Plain { finished } => *finished = true,
        }
    }

    /// The next event; `None` when more bytes are needed, and for ever after `End`.
    ///
    /// Errors: see [`DecodeError`]; [`DecodeError::fault`] is what to answer. No events follow one.
    pub fn next_event(&mut self) -> Result<Option<MessageEvent>, DecodeError> {
        if self.failed {
            return Ok(None);
        }
        let event = self.advance();
        self.failed = event.is_err();
        event
    }

    fn advance(&mut self) -> Result<Option<MessageEvent>, DecodeError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let event = match &mut self.source {
                Source::Plain { finished } => {
                    if !*finished || matches!(self.stage, Stage::Ended) {
                        return Ok(None);
                    }
                    self.root_ended()?;
                    self.ended()?;
                    continue;
                }
                Source::Mtom(reader) => match reader.next_event()? {
                    Some(event) => event,
                    None => return Ok(None),
                },
            };
            match event {
                Event::PartStart { headers } => self.part_started(&headers)?,
                Event::PartData(bytes) => self.part_data(bytes)?,
                Event::PartEnd => self.part_ended()?,
                Event::End => self.ended()?,
            }
        }
    }

    fn part_started(&mut self, headers: &mime::Headers) -> Result<(), DecodeError> {
        let content_id = headers.content_id().map(str::to_owned);
        let is_root = matches!(self.stage, Stage::Awaited)
            && match (&self.start, &content_id) {
                (None, _) => self.seen.is_empty() && self.root_type.is_none(),
                (Some(start), Some(content_id)) => start == content_id,
                (Some(_), None) => false,
            };
        if self.seen.len() < REMEMBERED {
            self.seen.push(content_id.clone().unwrap_or_default());
        }
        let decoder = TransferDecoder::new(headers.transfer_encoding())?;
        if is_root {
            self.root_type = headers.content_type().transpose()?;
        } else {
            let content_type = headers.get("Content-Type").map(str::to_owned);
            match &self.stage {
                Stage::Awaited => self.kept.start(None, content_id.as_deref()),
                Stage::Unresolved { wanted, .. } => self.kept.start(Some(wanted), content_id.as_deref()),
                Stage::Given | Stage::Ended => {}
            }
            self.ready.push_back(MessageEvent::PartStart { content_id: content_id.clone(), content_type });
        }
        self.current = Some(Current { is_root, content_id, decoder });
        Ok(())
    }

    fn part_data(&mut self, bytes: Bytes) -> Result<(), DecodeError> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let is_root = current.is_root;
        let bytes = current.decoder.feed(bytes)?;
        self.content(is_root, bytes)
    }

    fn content(&mut self, is_root: bool, bytes: Bytes) -> Result<(), DecodeError> {
        if is_root {
            return self.collect(&bytes);
        }
        if !bytes.is_empty() {
            self.kept.data(&bytes);
            self.ready.push_back(MessageEvent::PartData(bytes));
        }
        Ok(())
    }

    fn part_ended(&mut self) -> Result<(), DecodeError> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let rest = current.decoder.finish()?;
        self.content(current.is_root, rest)?;
        if current.is_root {
            return self.root_ended();
        }
        self.kept.end(current.content_id);
        self.ready.push_back(MessageEvent::PartEnd);
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Unresolved { envelope, wanted } => self.resolve(envelope, wanted, false),
            other => {
                self.stage = other;
                Ok(())
            }
        }
    }

    fn collect(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let limit = self.limits.envelope_octets;
        if bytes.len() > limit.saturating_sub(self.root.len()) {
            return Err(DecodeError::TooLarge { limit });
        }
        self.root.extend_from_slice(bytes);
        Ok(())
    }

    fn root_ended(&mut self) -> Result<(), DecodeError> {
        let root = std::mem::take(&mut self.root);
        let limits = xml::Limits { size_octets: self.limits.envelope_octets, ..self.limits.xml };
        let content_type = match self.packaging {
            Packaging::Plain => Some(&self.content_type),
            Packaging::Mtom => self.root_type.as_ref(),
        };
        let mut envelope = Envelope::decode(&root, content_type, limits)?;
        envelope.set_transport_action(transport_action(&self.content_type));
        let wanted = wanted(&envelope)?;
        self.kept.narrow(&wanted);
        self.resolve(Box::new(envelope), wanted, self.packaging == Packaging::Plain)
    }

    /// Gives the envelope to the caller once everything that its header includes is there; `last` if nothing more comes.
    fn resolve(&mut self, envelope: Box<Envelope>, wanted: Vec<Href>, last: bool) -> Result<(), DecodeError> {
        if !last && !self.kept.has_all(&wanted) {
            self.stage = Stage::Unresolved { envelope, wanted };
            return Ok(());
        }
        let envelope = match wanted.is_empty() {
            true => envelope,
            false => Box::new(self.kept.resolve(*envelope, &self.limits.xml)?),
        };
        self.kept = Kept::default();
        self.stage = Stage::Given;
        self.ready.push_back(MessageEvent::Envelope(envelope));
        Ok(())
    }

    fn ended(&mut self) -> Result<(), DecodeError> {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Awaited => return Err(self.no_root()),
            Stage::Unresolved { envelope, wanted } => {
                self.resolve(envelope, wanted, true)?;
                self.stage = Stage::Ended;
                self.ready.push_back(MessageEvent::End);
            }
            Stage::Given => self.ready.push_back(MessageEvent::End),
            Stage::Ended => {}
        }
        Ok(())
    }

    fn no_root(&self) -> DecodeError {
        let found = match self.seen.is_empty() {
            true => "no part".to_owned(),
            false => self
                .seen
                .iter()
                .map(|id| format!("<{}>", id.chars().take(80).collect::<String>()))
                .collect::<Vec<_>>()
                .join(", "),
        };
        DecodeError::NoRoot { start: self.start.clone().unwrap_or_default(), found }
    }
}
