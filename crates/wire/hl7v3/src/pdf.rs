//! A structural look at a foreign PDF before it is wrapped or shown: is it one, which version, is it locked, does it hold
//! anything active. It flags and never rewrites: rewriting breaks hashes and signatures. Source: spec/crates.md 4.21,
//! spec/reports.md pitfalls R14 and R29, ISO 32000-1 7.5.
//!
//! The look is one pass over the bytes. What lies inside compressed object streams stays unseen, so an empty
//! `active_content` is no proof; pages are served so that nothing in them can run anyway.

/// What a PDF looks like from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdfFacts {
    /// As in the header, such as `1.7`.
    pub version: String,
    /// Page objects seen, or the largest `/Count` of a page tree; 0 when both are inside compressed streams.
    pub pages_estimate: usize,
    pub encrypted: bool,
    /// Each once, in the order of the enum.
    pub active_content: Vec<ActiveContent>,
    /// Octets before the header; readers bear with up to 1024.
    pub leading_octets: usize,
}

/// Features that do something when a document is opened, or that carry something along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActiveContent {
    JavaScript,
    OpenAction,
    AdditionalActions,
    Launch,
    EmbeddedFile,
    RichMedia,
    SubmitForm,
    Xfa,
}

/// The bytes are no PDF, or no whole one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PDF: {reason}")]
pub struct NotPdf {
    pub reason: String,
}

/// How far from either end the fixed parts of a file may stand (ISO 32000-1 appendix H.3, notes 13 and 18).
const SLACK: usize = 1024;
/// More page objects than any report has: counting stops here.
const MOST_PAGES: usize = 100_000;

/// Looks at a PDF.
///
/// Errors: [`NotPdf`] with what came instead: empty, another format by its first octets, cut off, without a trailer.
pub fn check(bytes: &[u8]) -> Result<PdfFacts, NotPdf> {
    let Some(leading_octets) = find(&bytes[..bytes.len().min(SLACK + 8)], b"%PDF-") else {
        return Err(NotPdf { reason: format!("expected %PDF- at the start, got {}", kind(bytes)) });
    };
    let version = version(&bytes[leading_octets + 5..])
        .ok_or_else(|| NotPdf { reason: "expected a version such as 1.7 after %PDF-, got something else".into() })?;
    let tail = &bytes[bytes.len() - bytes.len().min(SLACK)..];
    if find(tail, b"%%EOF").is_none() {
        let reason = format!("expected %%EOF at the end, got none in the last {} octets: it is cut off", tail.len());
        return Err(NotPdf { reason });
    }
    if find(tail, b"startxref").is_none() {
        return Err(NotPdf { reason: "expected startxref before %%EOF, got none".into() });
    }
    let names = Names::scan(bytes);
    // A cross-reference stream replaces the trailer from version 1.5 on; its dictionary says /Type /XRef.
    if !names.xref_stream && find(bytes, b"trailer").is_none() {
        return Err(NotPdf { reason: "expected a trailer or a cross-reference stream, got neither".into() });
    }
    Ok(PdfFacts {
        version,
        pages_estimate: names.pages.max(names.count),
        encrypted: names.encrypted,
        active_content: names.active(),
        leading_octets,
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (first, rest) = wanted.split_first()?;
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|b| b == first) {
        if bytes[from + at + 1..].starts_with(rest) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

fn version(after: &[u8]) -> Option<String> {
    let text: String =
        after.iter().take(4).map(|&b| char::from(b)).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let (major, minor) = text.split_once('.')?;
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    (digits(major) && digits(minor)).then_some(text)
}

/// What bytes are that are no PDF, from their first octets.
fn kind(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    match bytes {
        [] => "nothing",
        [0xFF, 0xD8, 0xFF, ..] => "a JPEG image",
        [0x89, b'P', b'N', b'G', ..] => "a PNG image",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF image",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive or office document",
        [0xD0, 0xCF, 0x11, 0xE0, ..] => "an old office document",
        [0x1F, 0x8B, ..] => "gzip",
        _ if bytes.get(128..132) == Some(b"DICM") => "a DICOM file",
        _ if text.is_empty() => "white space",
        _ if text.starts_with(b"{\\rtf") => "an RTF text",
        _ if text.starts_with(b"<") || bytes.starts_with(b"\xEF\xBB\xBF<") => "XML or HTML",
        // %PDF- in base64.
        _ if text.starts_with(b"JVBERi0") => "base64 text of a PDF: it must be decoded first",
        _ => "something else",
    }
}

#[derive(Default)]
struct Names {
    pages: usize,
    count: usize,
    encrypted: bool,
    xref_stream: bool,
    seen: [bool; 8],
}

impl Names {
    /// Reads every `/Name` outside of streams, resolving `#xx`, which is how a name hides from a plain search.
    fn scan(bytes: &[u8]) -> Names {
        let mut names = Names::default();
        let mut previous = Vec::new();
        // Where no stream ends any more; searched once, or a file of nothing but `stream` would cost its square.
        let mut unended = false;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'/' => {
                    let (name, end) = name(bytes, at + 1);
                    names.take(&previous, &name, &bytes[end..]);
                    previous = name;
                    at = end;
                }
                b's' if !unended && is_stream(bytes, at) => {
                    at += b"stream".len();
                    previous.clear();
                    // Without an end the rest is not skipped: a lone keyword must not hide what follows.
                    match find(&bytes[at..], b"endstream") {
                        Some(length) => at += length + b"endstream".len(),
                        None => unended = true,
                    }
                }
                _ => at += 1,
            }
        }
        names
    }

    fn take(&mut self, previous: &[u8], name: &[u8], after: &[u8]) {
        let mut saw = |what: ActiveContent| self.seen[what as usize] = true;
        match name {
            b"JavaScript" | b"JS" => saw(ActiveContent::JavaScript),
            b"OpenAction" => saw(ActiveContent::OpenAction),
            b"AA" => saw(ActiveContent::AdditionalActions),
            b"Launch" => saw(ActiveContent::Launch),
            b"EmbeddedFile" | b"EmbeddedFiles" => saw(ActiveContent::EmbeddedFile),
            b"RichMedia" => saw(ActiveContent::RichMedia),
            b"SubmitForm" => saw(ActiveContent::SubmitForm),
            b"XFA" => saw(ActiveContent::Xfa),
            b"Encrypt" => self.encrypted = true,
            b"XRef" if previous == b"Type" => self.xref_stream = true,
            b"Page" if previous == b"Type" => self.pages = (self.pages + 1).min(MOST_PAGES),
            b"Count" => {
                let digits: String = after
                    .iter()
                    .skip_while(|b| b.is_ascii_whitespace())
                    .take(7)
                    .take_while(|b| b.is_ascii_digit())
                    .map(|&b| char::from(b))
                    .collect();
                // Outlines have counts too; the estimate is an estimate, and bounded.
                self.count = self.count.max(digits.parse().unwrap_or(0)).min(MOST_PAGES);
            }
            _ => {}
        }
    }

    fn active(&self) -> Vec<ActiveContent> {
        use ActiveContent::*;
        [JavaScript, OpenAction, AdditionalActions, Launch, EmbeddedFile, RichMedia, SubmitForm, Xfa]
            .into_iter()
            .filter(|what| self.seen[*what as usize])
            .collect()
    }
}

/// The name that begins at `from`, at most 64 octets of it, and where it ends.
fn name(bytes: &[u8], from: usize) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_whitespace()
            || matches!(byte, 0 | b'/' | b'<' | b'>' | b'[' | b']' | b'(' | b')' | b'{' | b'}' | b'%')
        {
            break;
        }
        let hex = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16));
        let (value, length) = match (byte, hex(at + 1), hex(at + 2)) {
            (b'#', Some(high), Some(low)) => ((high * 16 + low) as u8, 3),
            _ => (byte, 1),
        };
        if out.len() < 64 {
            out.push(value);
        }
        at += length;
    }
    (out, at)
}

/// The keyword `stream`, not the end of `endstream`, with its line break.
fn is_stream(bytes: &[u8], at: usize) -> bool {
    bytes[at..].starts_with(b"stream")
        && !bytes[..at].ends_with(b"end")
        && matches!(bytes.get(at + 6), Some(b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdf(objects: &str) -> Vec<u8> {
        format!("%PDF-1.7\n{objects}\ntrailer\n<</Size 1>>\nstartxref\n9\n%%EOF\n").into_bytes()
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], expected: &str) {
        let reason = check(bytes).unwrap_err().reason;
        assert!(reason.contains(expected), "{reason}");
    }

    #[test]
    fn a_plain_file_is_told_by_version_and_pages() {
        let facts = check(&pdf("<</Type/Pages/Count 3>> <</Type /Page>><</Type/Page /X 1>>")).unwrap();
        assert_eq!((facts.version.as_str(), facts.pages_estimate, facts.encrypted), ("1.7", 3, false));
        assert_eq!(facts.active_content, []);
    }

    #[test]
    fn active_content_and_encryption_are_flagged_even_with_escaped_names() {
        let facts = check(&pdf("<</OpenAction<</S/J#61vaScript/JS(x)>>/AA 1 0 R /Encrypt 2 0 R>>")).unwrap();
        assert!(facts.encrypted);
        assert_eq!(
            facts.active_content,
            [ActiveContent::JavaScript, ActiveContent::OpenAction, ActiveContent::AdditionalActions]
        );
    }

    #[test]
    fn what_a_stream_contains_is_no_name() {
        let facts = check(&pdf("<<>>stream\r\n/JavaScript /Encrypt\nendstream")).unwrap();
        assert_eq!((facts.encrypted, facts.active_content), (false, vec![]));
        assert!(check(&pdf("stream\n/Encrypt")).unwrap().encrypted, "no end of stream: nothing is hidden");
    }

    #[test]
    fn what_is_no_pdf_is_named() {
        check_refused(b"", "nothing");
        check_refused(b"\xFF\xD8\xFF\xE0", "a JPEG image");
        check_refused(b"  <html>", "XML or HTML");
        check_refused(b"JVBERi0xLjQK", "base64");
        check_refused(b"%PDF-x", "a version");
        check_refused(b"%PDF-1.4\n1 0 obj", "cut off");
        check_refused(b"%PDF-1.4\n%%EOF", "startxref");
        check_refused(b"%PDF-1.4\nstartxref\n0\n%%EOF", "a trailer");
    }
}
