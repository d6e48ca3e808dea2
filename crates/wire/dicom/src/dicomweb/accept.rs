//! `Accept` for `application/dicom`: from the header to the transfer syntax of each object. PS3.18 8.7; dicom.md 15.

use super::path::Target;
use crate::transfer_syntaxes::{EXPLICIT_LE, transfer_syntax};
use crate::uid;

/// One object by itself, or a multipart of one or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Representation {
    /// `multipart/related; type="application/dicom"`.
    Multipart,
    /// `application/dicom`; only for a single instance.
    SinglePart,
}

/// What a range says about transfer syntaxes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// Nothing: Explicit VR Little Endian is expected.
    Default,
    /// `*`: as stored.
    Any,
    /// One UID.
    Uid(String),
}

/// One thing the client takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acceptable {
    /// How.
    pub representation: Representation,
    /// In which transfer syntax.
    pub syntax: Syntax,
}

/// Everything of use that the client takes, best first; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The alternatives.
    pub alternatives: Vec<Acceptable>,
}

/// Why nothing can be sent. The reason is fit for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAcceptable {
    /// 400: the request contradicts itself.
    #[error("{0}")]
    BadRequest(String),
    /// 406: nothing we have is acceptable.
    #[error("{0}")]
    NotAcceptable(String),
}

impl NotAcceptable {
    /// The HTTP status. Source: PS3.18 8.7.5.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::NotAcceptable(_) => 406,
        }
    }
}

/// Whether a stored object can become Explicit VR Little Endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExplicitLe {
    /// Yes.
    Yes,
    /// No: its pixels cannot be decoded here.
    No,
    /// Its pixels would not fit an element of that syntax.
    TooLong,
}

/// What to send of a stored object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivered {
    /// The stored bytes.
    AsStored,
    /// The object in Explicit VR Little Endian.
    ExplicitLe,
}

/// How to send a stored object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// Alone or in a multipart.
    pub representation: Representation,
    /// In which form.
    pub delivered: Delivered,
}

const MOST_RANGES: usize = 64;

impl Acceptance {
    /// Reads what the client takes of `target`.
    ///
    /// `query` is the percent-decoded `accept` query parameter, which overrides the header. A request without both is
    /// taken as `*/*` (Deviation: PS3.18 8.7.5 says 406; B-003 (f) shows clients that send none).
    ///
    /// Errors: 400 for media types of different categories or a wildcard in the query parameter, else 406.
    pub fn negotiate(header: Option<&str>, query: Option<&str>, target: &Target) -> Result<Self, NotAcceptable> {
        let text = match (query, header) {
            (Some(query), _) => query,
            (None, Some(header)) if !header.trim().is_empty() => header,
            (None, _) => "*/*",
        };
        let ranges: Vec<MediaRange> = split(text, ',').into_iter().take(MOST_RANGES).filter_map(read_range).collect();
        if query.is_some() && ranges.iter().any(|range| range.essence.ends_with("/*")) {
            return Err(NotAcceptable::BadRequest("accept parameter: wildcards are not allowed in it".into()));
        }
        let dicom = ranges.iter().any(|range| category(&range.essence) == Some(Category::Dicom));
        let rendered = ranges.iter().any(|range| category(&range.essence) == Some(Category::Rendered));
        if dicom && rendered {
            return Err(NotAcceptable::BadRequest("accept: DICOM and rendered media types must not be mixed".into()));
        }
        let mut found: Vec<(u16, Acceptable)> = Vec::new();
        for range in ranges.iter().filter(|range| range.quality > 0) {
            let Some(representation) = range.representation(target) else { continue };
            for syntax in &range.syntaxes {
                found.push((range.quality, Acceptable { representation, syntax: syntax.clone() }));
            }
        }
        if found.is_empty() {
            return Err(NotAcceptable::NotAcceptable(format!(
                "accept: expected multipart/related; type=\"application/dicom\"{}, got nothing of it",
                if target.instance.is_some() { " or application/dicom" } else { "" }
            )));
        }
        // Stable: ranges of equal quality stay in the client's order.
        found.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
        Ok(Self { alternatives: found.into_iter().map(|(_, acceptable)| acceptable).collect() })
    }

    /// Decides how an object stored in `stored` is sent.
    ///
    /// Implicit VR Little Endian and Explicit VR Big Endian are only sent to a client that takes anything.
    ///
    /// Errors: 406 with what is stored and what was asked.
    pub fn deliver(&self, stored: &str, explicit_le: ExplicitLe) -> Result<Delivery, NotAcceptable> {
        let known = transfer_syntax(stored);
        let sendable = known.is_none_or(|syntax| syntax.is_allowed_on_dicomweb());
        let converted = (explicit_le == ExplicitLe::Yes).then_some(Delivered::ExplicitLe);
        let as_stored = sendable.then_some(Delivered::AsStored);
        for Acceptable { representation, syntax } in &self.alternatives {
            let delivered = match syntax {
                Syntax::Uid(wanted) if wanted == stored => as_stored,
                Syntax::Uid(wanted) if wanted == EXPLICIT_LE => converted,
                Syntax::Uid(_) => None,
                // Deviation: PS3.18 8.7.3.5 keeps Implicit VR and Big Endian off the wire. A client that says `*` asks for
                // the object as it was acquired (R-29, B-001), and byte equality is what lets it verify a copy.
                Syntax::Any => Some(Delivered::AsStored),
                Syntax::Default if stored == EXPLICIT_LE => as_stored,
                // What cannot be decoded is refused even where PS3.18 would let a lossy original pass: no client gets a
                // transfer syntax that it did not ask for (B-001). Only what does not fit the encoding at all passes.
                Syntax::Default => converted.or_else(|| as_stored.filter(|_| explicit_le == ExplicitLe::TooLong)),
            };
            if let Some(delivered) = delivered {
                return Ok(Delivery { representation: *representation, delivered });
            }
        }
        let asked: Vec<&str> = self
            .alternatives
            .iter()
            .map(|alternative| match &alternative.syntax {
                Syntax::Default => EXPLICIT_LE,
                Syntax::Any => "*",
                Syntax::Uid(uid) => uid,
            })
            .collect();
        Err(NotAcceptable::NotAcceptable(format!(
            "accept: stored as {stored}, which cannot be sent as transfer-syntax {}",
            asked.join(" or ")
        )))
    }

    /// The representation of a resource of which every object is sent by the same rule: that of the best alternative.
    pub fn representation(&self) -> Representation {
        self.alternatives.first().map_or(Representation::Multipart, |best| best.representation)
    }
}

/// One range of an `Accept` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRange {
    /// Type and subtype, lower case.
    pub essence: String,
    /// The `type` parameter of a multipart, lower case.
    pub kind: Option<String>,
    /// At least one.
    pub syntaxes: Vec<Syntax>,
    /// Thousandths, more than 0.
    pub quality: u16,
}

/// What a client takes, best first; ranges of equal quality stay in its order. Malformed ones are left out, and so is what
/// it does not want at all. Nothing said is `*/*`.
pub fn media_ranges(header: Option<&str>, query: Option<&str>) -> Vec<MediaRange> {
    let text = query.or(header.filter(|header| !header.trim().is_empty())).unwrap_or("*/*");
    let mut ranges: Vec<MediaRange> = split(text, ',').into_iter().take(MOST_RANGES).filter_map(read_range).collect();
    ranges.retain(|range| range.quality > 0);
    ranges.sort_by_key(|range| std::cmp::Reverse(range.quality));
    ranges
}

impl MediaRange {
    fn representation(&self, target: &Target) -> Option<Representation> {
        let single = target.instance.is_some();
        match self.essence.as_str() {
            "*/*" | "multipart/*" => Some(Representation::Multipart),
            "multipart/related" => match self.kind.as_deref() {
                None | Some("application/dicom" | "*/*" | "application/*") => Some(Representation::Multipart),
                Some(_) => None,
            },
            "application/dicom" | "application/*" if single => Some(Representation::SinglePart),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Category {
    Dicom,
    Rendered,
}

fn category(essence: &str) -> Option<Category> {
    match essence {
        "multipart/related"
        | "application/dicom"
        | "application/dicom+json"
        | "application/dicom+xml"
        | "application/octet-stream" => Some(Category::Dicom),
        "application/pdf" | "text/html" | "text/plain" | "text/xml" | "text/rtf" => Some(Category::Rendered),
        other if other.starts_with("image/") || other.starts_with("video/") => Some(Category::Rendered),
        _ => None,
    }
}

/// Reads one range; `None` if it is malformed, since such ranges are skipped (PS3.18 8.7.5).
fn read_range(text: &str) -> Option<MediaRange> {
    let mut pieces = split(text, ';').into_iter();
    let essence = bare(pieces.next()?).to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/')?;
    if kind.is_empty() || subtype.is_empty() {
        return None;
    }
    let mut range = MediaRange { essence, kind: None, syntaxes: Vec::new(), quality: 1000 };
    for piece in pieces {
        let Some((name, value)) = piece.split_once('=') else { continue };
        let value = bare(value);
        match name.trim().to_ascii_lowercase().as_str() {
            "type" => range.kind = Some(value.to_ascii_lowercase()),
            "transfer-syntax" if value == "*" => range.syntaxes.push(Syntax::Any),
            "transfer-syntax" => {
                uid::check(&value).ok()?;
                range.syntaxes.push(Syntax::Uid(value));
            }
            "q" => range.quality = quality(&value)?,
            _ => {}
        }
    }
    if range.syntaxes.is_empty() {
        range.syntaxes.push(Syntax::Default);
    }
    Some(range)
}

/// A q-value in thousandths.
fn quality(text: &str) -> Option<u16> {
    let number: f32 = text.parse().ok()?;
    (0.0..=1.0).contains(&number).then(|| (number * 1000.0).round() as u16)
}

/// A value without spaces and quotes: peers double them or send them percent-encoded (P1).
fn bare(text: &str) -> String {
    text.replace("%22", "\"").trim().trim_matches('"').trim().to_owned()
}

/// Splits outside quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut quoted = false;
    let mut pieces = Vec::new();
    let mut start = 0;
    for (position, c) in text.char_indices() {
        if c == '"' {
            quoted = !quoted;
        } else if c == at && !quoted {
            pieces.push(&text[start..position]);
            start = position + c.len_utf8();
        }
    }
    pieces.push(&text[start..]);
    pieces
}
