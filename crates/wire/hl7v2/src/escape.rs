//! Escape sequences of HL7 v2 text, after splitting. Source: spec/reports.md section 3; HL7 v2.5.1 2.7.

use crate::{Charset, Delimiters};
use std::borrow::Cow;

/// Most characters that one formatting command (`\.sp99999\`) may make.
const MOST_REPEATS: usize = 100;

/// Resolves every sequence that is known; others stay as they are. Line commands become a line feed, layout and
/// highlighting go. Neighbouring `\X..\` are one run of octets in the message's character set.
pub(crate) fn unescape<'a>(text: &'a str, delimiters: &Delimiters, charset: Charset) -> Cow<'a, str> {
    let Some(mark) = delimiters.escape.filter(|mark| text.contains(*mark)) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        let (before, tail) = (&rest[..at], &rest[at + mark.len_utf8()..]);
        if !before.is_empty() {
            flush(&mut octets, charset, &mut out);
            out.push_str(before);
        }
        let Some(end) = tail.find(mark) else {
            flush(&mut octets, charset, &mut out);
            out.push(mark);
            rest = tail;
            continue;
        };
        let sequence = &tail[..end];
        if let Some(raw) = sequence.strip_prefix('X').and_then(hexadecimal) {
            octets.extend(raw);
        } else {
            flush(&mut octets, charset, &mut out);
            if !resolve(sequence, delimiters, &mut out) {
                // Not a sequence: the mark is text, and what looked like its end may begin another.
                out.push(mark);
                rest = tail;
                continue;
            }
        }
        rest = &tail[end + mark.len_utf8()..];
    }
    flush(&mut octets, charset, &mut out);
    out.push_str(rest);
    Cow::Owned(out)
}

fn flush(octets: &mut Vec<u8>, charset: Charset, out: &mut String) {
    if octets.is_empty() {
        return;
    }
    // Escaped octets that are no text of the set are rare and local; the rest of the field is worth more.
    match charset.decode(octets) {
        Some(text) => out.push_str(&text),
        None => out.push_str(&String::from_utf8_lossy(octets)),
    }
    octets.clear();
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |octet: u8| (octet as char).to_digit(16);
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()).collect()
}

/// False when the sequence is none.
fn resolve(sequence: &str, delimiters: &Delimiters, out: &mut String) -> bool {
    let one = match sequence {
        "F" => Some(delimiters.field),
        "S" => Some(delimiters.component),
        "R" => Some(delimiters.repetition),
        "T" => delimiters.subcomponent,
        "E" => delimiters.escape,
        "P" => Some('#'),
        ".br" | ".ce" => Some('\n'),
        "H" | "N" | ".fi" | ".nf" => return true,
        _ => None,
    };
    if let Some(c) = one {
        out.push(c);
        return true;
    }
    let ascii = sequence.bytes().all(|b| b.is_ascii_alphanumeric());
    // Shifts to other character sets and local sequences carry no text.
    let is_shift = ascii && matches!(sequence.bytes().next(), Some(b'C' | b'M')) && matches!(sequence.len(), 5 | 7);
    let is_local = ascii && sequence.starts_with('Z') && sequence.len() > 1;
    if is_shift || is_local {
        return true;
    }
    let Some(command) = sequence.strip_prefix('.') else { return false };
    let (Some(name), Some(count)) = (command.get(..2), command.get(2..)) else { return false };
    let count = count.trim_start_matches(['+', '-', ' ']);
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let count = if count.is_empty() { 1 } else { count.parse().unwrap_or(MOST_REPEATS).min(MOST_REPEATS) };
    match name {
        "sp" => out.extend(std::iter::repeat_n('\n', count)),
        "sk" => out.extend(std::iter::repeat_n(' ', count)),
        "in" | "ti" => {}
        _ => return false,
    }
    true
}

/// Text as part of a message with the usual delimiters. Line feeds become `\.br\`; no other control character stays, so
/// that text can end neither a segment nor a frame.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '|' => out.push_str("\\F\\"),
            '^' => out.push_str("\\S\\"),
            '~' => out.push_str("\\R\\"),
            '&' => out.push_str("\\T\\"),
            '\\' => out.push_str("\\E\\"),
            '\n' => out.push_str("\\.br\\"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\X{:02X}\\", c as u32)),
            c => out.push(c),
        }
    }
}
