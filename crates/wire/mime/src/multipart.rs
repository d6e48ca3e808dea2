//! Reading multipart as a stream (RFC 2046 5.1): bytes in, events out, contents as slices of what was fed.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use crate::content_type::check_boundary;
use crate::{Headers, MimeError};

/// Bounds on one multipart body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Number of parts.
    pub parts: usize,
    /// Header octets of one part; also padding after a delimiter.
    pub header_octets: usize,
    /// Octets before the first delimiter.
    pub preamble_octets: usize,
    /// Content octets of one part, before transfer decoding.
    pub part_octets: u64,
}

impl Default for Limits {
    /// 65,536 parts (one per image of a large study), 16 KiB headers, 64 KiB preamble, parts as long as the transport lets.
    fn default() -> Limits {
        Limits { parts: 65_536, header_octets: 16 << 10, preamble_octets: 64 << 10, part_octets: u64::MAX }
    }
}

/// What a multipart body consists of, in order: any number of parts, then `End`.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// A part begins.
    PartStart {
        /// Its header lines; there may be none.
        headers: Headers,
    },
    /// The next piece of its content, not decoded; never empty.
    PartData(Bytes),
    /// The part is complete.
    PartEnd,
    /// The closing delimiter has come; what follows it is ignored.
    End,
}

/// Shows the size of content, not the content.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::PartStart { headers } => f.debug_struct("PartStart").field("headers", headers).finish(),
            Event::PartData(octets) => write!(f, "PartData({} octets)", octets.len()),
            Event::PartEnd => f.write_str("PartEnd"),
            Event::End => f.write_str("End"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first delimiter, or in the content of a part.
    Content {
        in_part: bool,
        line_start: bool,
    },
    /// After `--boundary`, before the end of that line.
    Delimiter,
    /// In the header lines.
    Headers,
    Done,
    /// An error was reported; nothing more comes.
    Failed,
}

/// Splits a multipart body into events.
///
/// Lenient, as xds.md 4 lists: text before the first and after the last delimiter; line ends of LF alone; parts without
/// headers; white space after a delimiter; a last delimiter without its closing `--`, once the transport has said that
/// the body is complete and nothing follows it (the sample in ITI TF-2 Appendix V is like that).
pub struct MultipartReader {
    /// LF, two dashes and the boundary; the CR before it is looked at separately.
    needle: Vec<u8>,
    finder: memmem::Finder<'static>,
    limits: Limits,
    waiting: VecDeque<Bytes>,
    buffer: Bytes,
    /// Header lines of the part that begins.
    headers: Vec<u8>,
    /// Where the current one begins.
    line: usize,
    finished: bool,
    state: State,
    part: usize,
    /// Octets of the preamble, of the part's content or of the padding after a delimiter seen so far.
    octets: u64,
    /// An event that comes right after the one just given.
    owed: Option<Event>,
}

/// Shows where it is, not what it holds.
impl fmt::Debug for MultipartReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("MultipartReader");
        shown
            .field("state", &self.state)
            .field("part", &self.part)
            .field("octets", &self.octets)
            .finish_non_exhaustive()
    }
}

impl MultipartReader {
    /// A reader for one body.
    ///
    /// Errors: a boundary that is empty, too long or has control characters.
    pub fn new(boundary: &str, limits: Limits) -> Result<MultipartReader, MimeError> {
        check_boundary(boundary)?;
        let needle = [b"\n--", boundary.as_bytes()].concat();
        Ok(MultipartReader {
            finder: memmem::Finder::new(&needle).into_owned(),
            needle,
            limits,
            waiting: VecDeque::new(),
            buffer: Bytes::new(),
            headers: Vec::new(),
            line: 0,
            finished: false,
            state: State::Content { in_part: false, line_start: true },
            part: 0,
            octets: 0,
            owed: None,
        })
    }

    /// Adds the next bytes of the body. Draw all events before feeding more, or memory grows.
    pub fn feed(&mut self, bytes: Bytes) {
        if !bytes.is_empty() && !matches!(self.state, State::Done | State::Failed) {
            self.waiting.push_back(bytes);
        }
    }

    /// Says that the body is complete as far as the transport knows.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The next event; `None` when more bytes are needed, and for ever after `End`.
    ///
    /// Errors: malformed headers, a limit, or `Truncated` once [`finish`](Self::finish) was called. No events follow one.
    pub fn next_event(&mut self) -> Result<Option<Event>, MimeError> {
        let event = self.advance();
        if event.is_err() {
            self.state = State::Failed;
            self.waiting.clear();
            self.buffer.clear();
        }
        event
    }

    fn advance(&mut self) -> Result<Option<Event>, MimeError> {
        if let Some(event) = self.owed.take() {
            return Ok(Some(event));
        }
        loop {
            if self.buffer.is_empty() {
                self.more();
            }
            let event = match self.state {
                State::Content { in_part, line_start } => self.content(in_part, line_start)?,
                State::Delimiter => self.delimiter()?,
                State::Headers => self.header_lines()?,
                State::Done | State::Failed => return Ok(None),
            };
            match event {
                Step::Event(event) => return Ok(Some(event)),
                Step::Again => {}
                Step::NeedMore => {
                    if self.more() {
                        continue;
                    }
                    if !self.finished {
                        return Ok(None);
                    }
                    return self.end_of_input();
                }
            }
        }
    }

    /// Joins the next waiting bytes to the buffer, which holds nothing or a short undecided tail.
    fn more(&mut self) -> bool {
        let Some(next) = self.waiting.pop_front() else { return false };
        if self.buffer.is_empty() {
            self.buffer = next;
        } else {
            let mut joined = BytesMut::with_capacity(self.buffer.len() + next.len());
            joined.extend_from_slice(&self.buffer);
            joined.extend_from_slice(&next);
            self.buffer = joined.freeze();
        }
        true
    }

    fn end_of_input(&mut self) -> Result<Option<Event>, MimeError> {
        match self.state {
            // `--boundary` or `--boundary--` was the last thing in a body that the transport calls complete.
            State::Delimiter
                if self.part > 0 && self.buffer.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'-')) =>
            {
                self.state = State::Done;
                Ok(Some(Event::End))
            }
            State::Headers if self.part > 0 && self.headers.is_empty() && self.buffer.is_empty() => {
                self.state = State::Done;
                Ok(Some(Event::End))
            }
            _ => Err(MimeError::Truncated { part: self.part }),
        }
    }

    /// Looks for the next delimiter; everything before it is content.
    fn content(&mut self, in_part: bool, line_start: bool) -> Result<Step, MimeError> {
        // A delimiter may stand right at the start of the body or right after the headers, without a line end of its own.
        let dashes = &self.needle[1..];
        if line_start {
            if self.buffer.starts_with(dashes) {
                let after = dashes.len();
                match self.is_delimiter(after) {
                    Some(true) => return Ok(self.reached(in_part, 0, after)),
                    Some(false) => {}
                    None => return Ok(Step::NeedMore),
                }
            } else if dashes.starts_with(&self.buffer) && !(self.finished && self.waiting.is_empty()) {
                return Ok(Step::NeedMore);
            }
            if self.buffer.is_empty() {
                return Ok(Step::NeedMore);
            }
            self.state = State::Content { in_part, line_start: false };
        }
        let mut from = 0;
        let held = loop {
            match self.finder.find(&self.buffer[from..]) {
                Some(found) => {
                    let line_end = from + found;
                    let after = line_end + self.needle.len();
                    let content_end = self.before_line_end(line_end);
                    match self.is_delimiter(after) {
                        Some(true) => {
                            self.count(in_part, content_end)?;
                            return Ok(self.reached(in_part, content_end, after));
                        }
                        Some(false) => from = line_end + 1,
                        None => break content_end,
                    }
                }
                None => break self.undecided(from),
            }
        };
        if held == 0 {
            return Ok(Step::NeedMore);
        }
        self.count(in_part, held)?;
        let content = self.buffer.split_to(held);
        Ok(if in_part { Step::Event(Event::PartData(content)) } else { Step::Again })
    }

    /// Whether what follows `--boundary` makes it a delimiter: two dashes, padding, or a line end. `None`: not known yet.
    ///
    /// More letters mean that another, longer boundary begins like ours: then it is content.
    fn is_delimiter(&self, after: usize) -> Option<bool> {
        match self.buffer[after..] {
            [b'-', b'-', ..] | [b' ' | b'\t' | b'\n', ..] | [b'\r', b'\n', ..] => Some(true),
            [] | [b'-'] | [b'\r'] => {
                let last = self.finished && self.waiting.is_empty();
                last.then_some(true)
            }
            _ => Some(false),
        }
    }

    /// A delimiter was found: `content_end` octets of content stand before it, the rest of its line begins at `after`.
    fn reached(&mut self, in_part: bool, content_end: usize, after: usize) -> Step {
        let mut rest = std::mem::take(&mut self.buffer);
        let content = rest.split_to(content_end);
        let _delimiter = rest.split_to(after - content_end);
        self.buffer = rest;
        self.state = State::Delimiter;
        self.octets = 0;
        if !in_part {
            return Step::Again;
        }
        if content.is_empty() {
            return Step::Event(Event::PartEnd);
        }
        self.owed = Some(Event::PartEnd);
        Step::Event(Event::PartData(content))
    }

    /// Where the content ends whose line end has its LF at `line_feed`.
    fn before_line_end(&self, line_feed: usize) -> usize {
        match line_feed.checked_sub(1) {
            Some(before) if self.buffer[before] == b'\r' => before,
            _ => line_feed,
        }
    }

    /// Where the tail begins that could still turn into a delimiter, looking no further back than `from`.
    fn undecided(&self, from: usize) -> usize {
        let buffer = &self.buffer[..];
        let earliest = from.max(buffer.len().saturating_sub(self.needle.len() - 1));
        for start in memchr::memchr_iter(b'\n', &buffer[earliest..]).map(|at| earliest + at) {
            if self.needle.starts_with(&buffer[start..]) {
                return self.before_line_end(start);
            }
        }
        match buffer.last() {
            Some(b'\r') => buffer.len() - 1,
            _ => buffer.len(),
        }
    }

    fn count(&mut self, in_part: bool, octets: usize) -> Result<(), MimeError> {
        let (limit, what) = match in_part {
            true => (self.limits.part_octets, "octets of content"),
            false => (self.limits.preamble_octets as u64, "octets before the first part"),
        };
        self.octets = self.octets.saturating_add(octets as u64);
        if self.octets > limit {
            return Err(MimeError::TooMuch { part: self.part, what, limit });
        }
        Ok(())
    }

    /// The rest of a delimiter line: two dashes, or padding and a line end.
    fn delimiter(&mut self) -> Result<Step, MimeError> {
        if self.octets == 0 && self.buffer.starts_with(b"--") {
            self.state = State::Done;
            self.buffer.clear();
            self.waiting.clear();
            return Ok(Step::Event(Event::End));
        }
        let padding = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.octets = self.octets.saturating_add(padding as u64);
        self.check_header_octets(usize::try_from(self.octets).unwrap_or(usize::MAX))?;
        let _padding = self.buffer.split_to(padding);
        let line_end = match self.buffer[..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            [] | [b'\r'] => return Ok(Step::NeedMore),
            [b'-'] if self.octets == 0 => return Ok(Step::NeedMore),
            _ => return Err(MimeError::Header { part: self.part, what: "text after a boundary" }),
        };
        if self.part >= self.limits.parts {
            return Err(MimeError::TooMuch { part: self.part, what: "parts", limit: self.limits.parts as u64 });
        }
        let _line_end = self.buffer.split_to(line_end);
        self.headers.clear();
        self.line = 0;
        self.state = State::Headers;
        Ok(Step::Again)
    }

    /// Header lines up to and with the empty line.
    fn header_lines(&mut self) -> Result<Step, MimeError> {
        loop {
            let line_end = memchr::memchr(b'\n', &self.buffer);
            let piece = self.buffer.split_to(line_end.map_or(self.buffer.len(), |at| at + 1));
            self.check_header_octets(self.headers.len() + piece.len())?;
            self.headers.extend_from_slice(&piece);
            if line_end.is_none() {
                return Ok(Step::NeedMore);
            }
            let line = &self.headers[self.line..];
            if matches!(line, b"\n" | b"\r\n") {
                self.part += 1;
                let headers = Headers::parse(&self.headers, self.part)?;
                self.octets = 0;
                self.state = State::Content { in_part: true, line_start: true };
                return Ok(Step::Event(Event::PartStart { headers }));
            }
            if line.starts_with(&self.needle[1..]) {
                return Err(MimeError::Header { part: self.part + 1, what: "the next boundary" });
            }
            self.line = self.headers.len();
        }
    }

    fn check_header_octets(&self, octets: usize) -> Result<(), MimeError> {
        if octets > self.limits.header_octets {
            let limit = self.limits.header_octets as u64;
            return Err(MimeError::TooMuch { part: self.part + 1, what: "octets of header", limit });
        }
        Ok(())
    }
}

enum Step {
    Event(Event),
    Again,
    NeedMore,
}
