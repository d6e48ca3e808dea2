//! `xop:Include` inside the header: some stacks move every base64 text out, also the security token (field case B-048).
//!
//! Signatures are checked over the header as it was before, so the includes are put back as base64 before anybody sees
//! the envelope; a header is never half resolved.

use xml::{Document, Element};

use crate::envelope::Envelope;
use crate::error::DecodeError;
use crate::names::{SOAP, XOP};
use crate::xop::{Binary, Href, binary, encode_base64};

/// Parts small enough to belong into a header, kept until the header is known and resolved.
#[derive(Default)]
pub(crate) struct Kept {
    parts: Vec<(String, Vec<u8>)>,
    octets: usize,
    current: Option<Vec<u8>>,
}

/// A certificate, a signature or a token is far smaller than this.
const PART_OCTETS: usize = 256 << 10;
/// All of them together.
const TOTAL_OCTETS: usize = 1 << 20;
/// How many parts are kept while the header is not known yet.
const PARTS: usize = 256;
/// How many includes a header may have.
const INCLUDES: usize = 64;

impl Kept {
    /// A part begins; `wanted` are the parts that the header includes, `None` while that is not known.
    pub(crate) fn start(&mut self, wanted: Option<&[Href]>, content_id: Option<&str>) {
        let keep = content_id.is_some_and(|content_id| match wanted {
            None => self.parts.len() < PARTS,
            Some(hrefs) => hrefs.iter().any(|href| href.is(content_id) && self.find(href).is_none()),
        });
        self.current = keep.then(Vec::new);
    }

    pub(crate) fn data(&mut self, bytes: &[u8]) {
        if let Some(octets) = &mut self.current {
            let length = octets.len() + bytes.len();
            if length > PART_OCTETS || self.octets + length > TOTAL_OCTETS {
                self.current = None;
            } else {
                octets.extend_from_slice(bytes);
            }
        }
    }

    pub(crate) fn end(&mut self, content_id: Option<String>) {
        if let (Some(content_id), Some(octets)) = (content_id, self.current.take()) {
            self.octets += octets.len();
            self.parts.push((content_id, octets));
        }
    }

    /// Lets go of everything but `wanted`.
    pub(crate) fn narrow(&mut self, wanted: &[Href]) {
        self.parts.retain(|(content_id, _)| wanted.iter().any(|href| href.is(content_id)));
        self.octets = self.parts.iter().map(|(_, octets)| octets.len()).sum();
    }

    pub(crate) fn has_all(&self, wanted: &[Href]) -> bool {
        wanted.iter().all(|href| self.find(href).is_some())
    }

    fn find(&self, href: &Href) -> Option<&[u8]> {
        let raw = self.parts.iter().find(|(content_id, _)| content_id == href.as_str());
        let found = raw.or_else(|| self.parts.iter().find(|(content_id, _)| href.is(content_id)));
        found.map(|(_, octets)| octets.as_slice())
    }

    /// The envelope with every include in its header replaced by base64.
    ///
    /// Errors: an include whose part is not here.
    pub(crate) fn resolve(&self, envelope: Envelope, limits: &xml::Limits) -> Result<Envelope, DecodeError> {
        let mut replacements = Vec::new();
        for include in includes(&envelope) {
            let href = reference(include)?;
            let octets = self.find(&href).ok_or_else(|| {
                let name: String = href.as_str().chars().take(120).collect();
                let what = format!(
                    "expected the part <{name}> that the header includes, but it did not come or is larger than {PART_OCTETS} octets"
                );
                DecodeError::Binary { path: include.path(), what }
            })?;
            replacements.push((include.range(), encode_base64(octets)));
        }
        let (document, transport_action) = envelope.into_parts();
        let source = document.source();
        let added: usize = replacements.iter().map(|(_, text)| text.len()).sum();
        let mut resolved = String::with_capacity(source.len() + added);
        let mut copied = 0;
        for (range, text) in replacements {
            resolved.push_str(&source[copied..range.start]);
            resolved.push_str(&text);
            copied = range.end;
        }
        resolved.push_str(&source[copied..]);
        let limits = xml::Limits { size_octets: resolved.len(), ..*limits };
        Envelope::from_document(Document::parse_text(resolved, limits)?, transport_action)
    }
}

/// The parts that the header includes, checked to be well-formed references.
pub(crate) fn wanted(envelope: &Envelope) -> Result<Vec<Href>, DecodeError> {
    let hrefs: Vec<Href> = includes(envelope).take(INCLUDES + 1).map(reference).collect::<Result<_, _>>()?;
    if hrefs.len() > INCLUDES {
        let what = format!("expected at most {INCLUDES} xop:Include, got more");
        return Err(DecodeError::Binary { path: "Envelope/Header".into(), what });
    }
    Ok(hrefs)
}

fn includes(envelope: &Envelope) -> impl Iterator<Item = Element<'_>> {
    let header = envelope.document().root().child(SOAP, "Header");
    header.into_iter().flat_map(|header| header.descendants()).filter(|element| element.is(XOP, "Include"))
}

fn reference(include: Element<'_>) -> Result<Href, DecodeError> {
    // An include is inside the header, so it has a parent.
    match binary(include.parent().unwrap_or(include))? {
        Binary::Part(href) => Ok(href),
        Binary::Inline(_) => {
            Err(DecodeError::Binary { path: include.path(), what: "expected xop:Include alone, got more".into() })
        }
    }
}
