//! Messages in ER7, split when asked: segments are found once, everything below is a view of the text. Field n is
//! counted as the standard counts, MSH-1 being the separator itself. Source: spec/reports.md section 3; HL7 v2.5.1 2.5.

use crate::charset::{self, Charset, CharsetFlaw};
use crate::escape::unescape;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Most segments of one message.
const MOST_SEGMENTS: usize = 100_000;

/// Why octets are no message. Nothing of a patient is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("a message begins with MSH, a field separator and encoding characters; this one does not")]
    NoHeader,
    #[error("{0}")]
    Delimiters(&'static str),
    #[error("segment {number} must begin with a name of three capital letters or digits and a field separator")]
    Segment { number: usize },
    #[error("a message may have {MOST_SEGMENTS} segments; this one has more")]
    TooManySegments,
    #[error("UTF-16 and UTF-32 cannot be read over MLLP; send UNICODE UTF-8")]
    Wide,
}

/// What separates the parts, from MSH-1 and MSH-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    pub field: char,
    pub component: char,
    pub repetition: char,
    /// Absent when MSH-2 is shorter.
    pub escape: Option<char>,
    pub subcomponent: Option<char>,
}

impl Default for Delimiters {
    fn default() -> Self {
        Delimiters { field: '|', component: '^', repetition: '~', escape: Some('\\'), subcomponent: Some('&') }
    }
}

/// A message. `Debug` says which segments there are, never what is in them.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    text: String,
    segments: Vec<Range<usize>>,
    delimiters: Delimiters,
    charset: Charset,
    flaw: Option<CharsetFlaw>,
}

impl Message {
    /// Reads a message without its frame.
    ///
    /// Leniency: segments may end in CR, LF or CRLF (the standard has CR), the last one in nothing; empty lines are
    /// skipped. A wrong or missing character set is bridged and told by [`Message::charset_flaw`].
    /// Errors: no MSH, ambiguous delimiters, a line that is no segment.
    pub fn decode(octets: &[u8]) -> Result<Message, DecodeError> {
        if octets.starts_with(&[0xFE, 0xFF]) || octets.starts_with(&[0xFF, 0xFE]) || octets.starts_with(&[0, b'M']) {
            return Err(DecodeError::Wide);
        }
        if octets.starts_with(b"M\0") {
            return Err(DecodeError::Wide);
        }
        // Leniency: a byte order mark says nothing in UTF-8; blank lines before MSH are framing of careless senders.
        let octets = octets.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(octets);
        let octets = octets.trim_ascii_start();
        if !octets.starts_with(b"MSH") {
            return Err(DecodeError::NoHeader);
        }
        let (text, charset, flaw) = charset::read(octets, stated_charset(octets));
        let delimiters = delimiters(&text)?;
        let mut segments = Vec::new();
        let mut at = 0;
        for line in text.split(['\r', '\n']) {
            let range = at..at + line.len();
            at = range.end + 1;
            if line.trim().is_empty() {
                continue;
            }
            if segments.len() == MOST_SEGMENTS {
                return Err(DecodeError::TooManySegments);
            }
            let number = segments.len() + 1;
            let name = line.as_bytes().get(..3).unwrap_or_default();
            let named = name.len() == 3 && name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            let after = line.get(3..).and_then(|rest| rest.chars().next());
            if !named || after.is_some_and(|c| c != delimiters.field) {
                return Err(DecodeError::Segment { number });
            }
            segments.push(range);
        }
        Ok(Message { text, segments, delimiters, charset, flaw })
    }

    pub fn delimiters(&self) -> &Delimiters {
        &self.delimiters
    }

    /// The set the message was read in.
    pub fn charset(&self) -> Charset {
        self.charset
    }

    /// Why that is not what MSH-18 says. `None` for messages in pure ASCII.
    pub fn charset_flaw(&self) -> Option<&CharsetFlaw> {
        self.flaw.as_ref()
    }

    /// All segments in order, MSH first.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.segments.iter().map(|range| Segment { text: &self.text[range.clone()], message: self })
    }

    /// The segments of one name, such as `PID`.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Segment<'a>> {
        self.segments().filter(move |segment| segment.name() == name)
    }

    /// The first segment of a name.
    pub fn segment(&self, name: &str) -> Option<Segment<'_>> {
        self.segments().find(|segment| segment.name() == name)
    }

    /// A field of the first segment of a name; empty when there is no such segment.
    pub fn field(&self, segment: &str, n: usize) -> Field<'_> {
        self.segment(segment).map_or(Field { text: "", message: self }, |segment| segment.field(n))
    }

    /// MSH as texts.
    pub fn header(&self) -> Header {
        let text = |n: usize| self.field("MSH", n).text();
        let part = |n: usize, c: usize| self.field("MSH", n).component(c).text().into_owned();
        Header {
            sending_application: part(3, 1),
            sending_facility: part(4, 1),
            code: part(9, 1),
            trigger: part(9, 2),
            control_id: text(10).into_owned(),
            processing_id: part(11, 1),
            version: part(12, 1),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.segments().take(50).map(|segment| segment.name()).collect();
        write!(f, "Message({})", names.join(" "))
    }
}

/// What MSH says of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// MSH-3 and MSH-4, first component each.
    pub sending_application: String,
    pub sending_facility: String,
    /// MSH-9.1, `ADT`.
    pub code: String,
    /// MSH-9.2, `A04`.
    pub trigger: String,
    /// MSH-10.
    pub control_id: String,
    /// MSH-11.1: `P`, `T` or `D`.
    pub processing_id: String,
    /// MSH-12.1, `2.3.1`.
    pub version: String,
}

/// One segment.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    text: &'a str,
    message: &'a Message,
}

impl<'a> Segment<'a> {
    /// Three letters.
    pub fn name(&self) -> &'a str {
        self.text.get(..3).unwrap_or_default()
    }

    /// Field `n`, counted from 1; empty when the segment ends before.
    pub fn field(&self, n: usize) -> Field<'a> {
        let separator = self.message.delimiters.field;
        // MSH-1 is the separator itself, so that everything behind it counts one less.
        let at = match (self.name(), n) {
            (_, 0) => None,
            ("MSH", 1) => {
                let text = self.text.get(3..3 + separator.len_utf8()).unwrap_or_default();
                return Field { text, message: self.message };
            }
            ("MSH", n) => Some(n - 1),
            (_, n) => Some(n),
        };
        let text = at.and_then(|at| self.text.split(separator).nth(at)).unwrap_or_default();
        Field { text, message: self.message }
    }
}

/// One field, of which every repetition is a view too.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    text: &'a str,
    message: &'a Message,
}

impl<'a> Field<'a> {
    /// As it stands in the message, escaped.
    pub fn raw(&self) -> &'a str {
        self.text
    }

    /// No statement at all.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// `""`: delete the value.
    pub fn is_null(&self) -> bool {
        self.text == "\"\""
    }

    /// The whole field unescaped, whatever separators are in it; for fields of a single component.
    pub fn text(&self) -> Cow<'a, str> {
        unescape(self.text, &self.message.delimiters, self.message.charset)
    }

    /// Each repetition as a field; one for an empty field.
    pub fn repetitions(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let message = self.message;
        self.text.split(message.delimiters.repetition).map(move |text| Field { text, message })
    }

    /// Component `n` of the first repetition, counted from 1; empty when absent.
    pub fn component(&self, n: usize) -> Component<'a> {
        let first = self.text.split(self.message.delimiters.repetition).next().unwrap_or_default();
        let text = n.checked_sub(1).and_then(|at| first.split(self.message.delimiters.component).nth(at));
        Component { text: text.unwrap_or_default(), message: self.message }
    }
}

/// One component.
#[derive(Clone, Copy)]
pub struct Component<'a> {
    text: &'a str,
    message: &'a Message,
}

impl<'a> Component<'a> {
    /// As it stands in the message, escaped.
    pub fn raw(&self) -> &'a str {
        self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Unescaped; of several subcomponents the first. A value to be deleted (`""`) is empty.
    pub fn text(&self) -> Cow<'a, str> {
        self.subcomponent(1)
    }

    /// Subcomponent `n`, counted from 1, unescaped; empty when absent.
    pub fn subcomponent(&self, n: usize) -> Cow<'a, str> {
        let at = n.checked_sub(1);
        let text = match self.message.delimiters.subcomponent {
            Some(separator) => at.and_then(|at| self.text.split(separator).nth(at)),
            None => at.filter(|at| *at == 0).map(|_| self.text),
        };
        match text.unwrap_or_default() {
            "\"\"" => Cow::Borrowed(""),
            text => unescape(text, &self.message.delimiters, self.message.charset),
        }
    }
}

/// MSH-18 of a message not yet decoded. The names in it are ASCII, and so are delimiters.
fn stated_charset(octets: &[u8]) -> Result<Option<Charset>, String> {
    let end = octets.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(octets.len());
    let header = &octets[..end];
    let (Some(field), repetition) = (header.get(3).copied(), header.get(5).copied().unwrap_or(b'~')) else {
        return Ok(None);
    };
    let value = header.split(|b| *b == field).nth(17).unwrap_or_default();
    let value = String::from_utf8_lossy(value);
    Charset::of_field(value.split(char::from(repetition)))
}

fn delimiters(text: &str) -> Result<Delimiters, DecodeError> {
    let header = text.split(['\r', '\n']).next().unwrap_or_default();
    let mut chars = header.chars().skip(3);
    let field = chars.next().ok_or(DecodeError::NoHeader)?;
    let rest: Vec<char> = chars.take_while(|c| *c != field).take(6).collect();
    let (Some(component), Some(repetition)) = (rest.first().copied(), rest.get(1).copied()) else {
        return Err(DecodeError::Delimiters("MSH-2 must name at least a component and a repetition separator"));
    };
    let (escape, subcomponent) = (rest.get(2).copied(), rest.get(3).copied());
    let all: Vec<char> =
        [Some(field), Some(component), Some(repetition), escape, subcomponent].into_iter().flatten().collect();
    if all.iter().any(|c| c.is_alphanumeric() || c.is_whitespace() || c.is_control() || *c == '"') {
        return Err(DecodeError::Delimiters("MSH-1 and MSH-2 must be signs, no letters, digits, spaces or quotes"));
    }
    if (1..all.len()).any(|n| all[..n].contains(&all[n])) {
        return Err(DecodeError::Delimiters("MSH-1 and MSH-2 must be signs that all differ"));
    }
    // A fifth sign is the truncation character of version 2.7.
    if rest.len() > 5 {
        return Err(DecodeError::Delimiters("MSH-2 must have at most five signs"));
    }
    Ok(Delimiters { field, component, repetition, escape, subcomponent })
}
