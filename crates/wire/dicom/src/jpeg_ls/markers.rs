//! Marker segments of a JPEG-LS stream. ITU-T T.87 Annex C, T.81 B.1 and B.2.

use super::colour::ColourTransform;
use super::error::{JpegLsError, Problem};
use super::parameters::Presets;
use super::scan::{Interleave, MOST_COMPONENTS};

pub(super) const SOI: u8 = 0xD8;
pub(super) const EOI: u8 = 0xD9;
pub(super) const SOS: u8 = 0xDA;
pub(super) const DNL: u8 = 0xDC;
pub(super) const DRI: u8 = 0xDD;
pub(super) const SOF55: u8 = 0xF7;
pub(super) const LSE: u8 = 0xF8;
pub(super) const APP8: u8 = 0xE8;
const RST0: u8 = 0xD0;

/// A place in the stream.
pub(super) struct Stream<'a> {
    octets: &'a [u8],
    at: usize,
    /// Where the marker read last begins.
    begin: usize,
}

/// The frame header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) precision: u32,
    /// 0 if a DNL segment says it.
    pub(super) rows: u32,
    pub(super) columns: u32,
    /// Identifiers.
    pub(super) components: Vec<u8>,
}

/// A scan header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScanHeader {
    /// Indices of its components in the frame header.
    pub(super) components: Vec<usize>,
    pub(super) near: u32,
    pub(super) interleave: Interleave,
}

impl<'a> Stream<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0, begin: 0 }
    }

    /// An error at the marker read last.
    pub(super) fn error(&self, segment: &'static str, problem: Problem) -> JpegLsError {
        JpegLsError { segment, offset: self.begin, problem }
    }

    /// Octets that are left.
    pub(super) fn left(&self) -> usize {
        self.octets.len() - self.at
    }

    /// The next marker; any number of FF may stand before its code.
    pub(super) fn marker(&mut self) -> Result<u8, JpegLsError> {
        self.begin = self.at;
        let mut fill = 0;
        loop {
            match self.octets.get(self.at) {
                None => return Err(self.error("stream", Problem::Truncated("before the EOI marker".into()))),
                Some(0xFF) => fill += 1,
                Some(0) => return Err(self.error("stream", Problem::Misplaced("expected a marker, got 00"))),
                Some(code) if fill > 0 => {
                    self.at += 1;
                    return Ok(*code);
                }
                Some(_) => return Err(self.error("stream", Problem::Misplaced("expected a marker, got data"))),
            }
            self.at += 1;
        }
    }

    /// The body of the segment whose marker was read last.
    pub(super) fn body(&mut self, segment: &'static str) -> Result<&'a [u8], JpegLsError> {
        let rest = &self.octets[self.at..];
        let truncated = || self.error(segment, Problem::Truncated("within the segment".into()));
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk().ok_or_else(truncated)?));
        let body = rest.get(2..length.max(2)).ok_or_else(truncated)?;
        self.at += length.max(2);
        Ok(body)
    }

    /// Entropy-coded data up to the next marker, which stands where FF is followed by an octet from 80.
    pub(super) fn entropy_coded(&mut self) -> &'a [u8] {
        let rest = &self.octets[self.at..];
        let mut end = 0;
        loop {
            match rest[end..].iter().position(|octet| *octet == 0xFF) {
                None => end = rest.len(),
                Some(found) => {
                    end += found;
                    if rest.get(end + 1).is_some_and(|octet| *octet < 0x80) {
                        end += 2;
                        continue;
                    }
                }
            }
            self.at += end;
            return &rest[..end];
        }
    }

    /// The restart marker that is due; they are numbered modulo 8.
    pub(super) fn restart(&mut self, number: u32) -> Result<(), JpegLsError> {
        let (expected, found) = (u32::from(RST0) + number % 8, u32::from(self.marker()?));
        if found != expected {
            return Err(self.error("RST", Problem::Differs { what: "as restart marker", expected, found }));
        }
        Ok(())
    }
}

/// Source: T.87 C.2.2, T.81 B.2.2.
pub(super) fn frame_header(body: &[u8]) -> Result<FrameHeader, Problem> {
    let [precision, r1, r0, c1, c0, count, components @ ..] = body else { return Err(too_short()) };
    if !(2..=16).contains(precision) {
        return Err(Problem::Range { what: "precision", least: 2, most: 16, found: u32::from(*precision) });
    }
    if components.len() != usize::from(*count) * 3 {
        return Err(wrong_length(usize::from(*count) * 3, components.len()));
    }
    if components.chunks_exact(3).any(|component| component[1] != 0x11) {
        return Err(Problem::Unsupported("subsampling of components".into()));
    }
    Ok(FrameHeader {
        precision: u32::from(*precision),
        rows: u32::from(u16::from_be_bytes([*r1, *r0])),
        columns: u32::from(u16::from_be_bytes([*c1, *c0])),
        components: components.chunks_exact(3).map(|component| component[0]).collect(),
    })
}

/// Source: T.87 C.2.3.
pub(super) fn scan_header(body: &[u8], frame: &FrameHeader) -> Result<ScanHeader, Problem> {
    let [count, rest @ ..] = body else { return Err(too_short()) };
    let listed = usize::from(*count) * 2;
    let (Some(listed), Some([near, interleave, point])) = (rest.get(..listed), rest.get(listed..)) else {
        return Err(wrong_length(listed + 3, rest.len()));
    };
    let most = frame.components.len().min(MOST_COMPONENTS) as u32;
    if !(1..=most).contains(&u32::from(*count)) {
        return Err(Problem::Range { what: "number of components", least: 1, most, found: u32::from(*count) });
    }
    let mut components = Vec::new();
    for component in listed.chunks_exact(2) {
        let found = frame.components.iter().position(|id| *id == component[0]);
        let Some(index) = found.filter(|index| !components.contains(index)) else {
            return Err(Problem::Misplaced("a component is listed twice or unknown to the frame header"));
        };
        if component[1] != 0 {
            return Err(Problem::Unsupported("a mapping table".into()));
        }
        components.push(index);
    }
    if *point != 0 {
        return Err(Problem::Unsupported(format!("a point transform ({point})")));
    }
    let interleave = match (interleave, components.len()) {
        // One component has no interleaving, whatever the header says of it.
        (0..=2, 1) | (1, _) => Interleave::Line,
        (2, _) => Interleave::Sample,
        (0, count) => {
            return Err(Problem::Differs { what: "component without interleaving", expected: 1, found: count as u32 });
        }
        (found, _) => {
            return Err(Problem::Range { what: "interleave mode", least: 0, most: 2, found: u32::from(*found) });
        }
    };
    Ok(ScanHeader { components, near: u32::from(*near), interleave })
}

/// Coding parameters of an LSE segment. Source: T.87 C.2.4.
pub(super) fn presets(body: &[u8]) -> Result<Presets, Problem> {
    match body {
        [1, rest @ ..] => {
            let words: Vec<u32> =
                rest.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).collect();
            let ([maximum, t1, t2, t3, reset], 10) = (&words[..], rest.len()) else {
                return Err(wrong_length(10, rest.len()));
            };
            Ok(Presets { maximum: *maximum, thresholds: [*t1, *t2, *t3], reset: *reset })
        }
        [2 | 3, ..] => Err(Problem::Unsupported("a mapping table".into())),
        [4, ..] => Err(Problem::Unsupported("a size beyond 65535".into())),
        [kind, ..] => Err(Problem::Unsupported(format!("LSE type {kind}"))),
        [] => Err(too_short()),
    }
}

/// Lines between restart markers, in two to four octets; 0 for none. Source: T.87 C.2.5.
pub(super) fn restart_interval(body: &[u8]) -> Result<u32, Problem> {
    if !(2..=4).contains(&body.len()) {
        return Err(wrong_length(2, body.len()));
    }
    Ok(body.iter().fold(0, |value, octet| value << 8 | u32::from(*octet)))
}

/// Rows, if the frame header left them open. Source: T.87 C.2.6.
pub(super) fn number_of_lines(body: &[u8]) -> Result<u32, Problem> {
    if !(2..=4).contains(&body.len()) {
        return Err(wrong_length(2, body.len()));
    }
    Ok(body.iter().fold(0, |value, octet| value << 8 | u32::from(*octet)))
}

/// The colour transform of an APP8 segment, if it names one; SPIFF headers and others are passed over.
pub(super) fn colour_transform(body: &[u8]) -> Result<Option<ColourTransform>, Problem> {
    match body.strip_prefix(b"mrfx") {
        None | Some([0, ..]) => Ok(None),
        Some([1, ..]) => Ok(Some(ColourTransform::Hp1)),
        Some([2, ..]) => Ok(Some(ColourTransform::Hp2)),
        Some([3, ..]) => Ok(Some(ColourTransform::Hp3)),
        Some([other, ..]) => Err(Problem::Unsupported(format!("colour transform {other}"))),
        Some([]) => Err(too_short()),
    }
}

fn too_short() -> Problem {
    Problem::Truncated("within the segment".into())
}

fn wrong_length(expected: usize, found: usize) -> Problem {
    Problem::Differs { what: "octets", expected: expected as u32, found: found as u32 }
}
