//! x:ProvideAndRegisterDocumentSetRequest: the body of ITI-41 and RAD-68. Source: spec/xds.md section 15.

use model::{Invalid, ObjectId, Submission};
use xml::{Element, XmlWriter};

use crate::content::Content;
use crate::error::named;
use crate::findings::Decoded;
use crate::names::ns;
use crate::submission::{decode_submission, encode_submission};

/// One document of the message and the entry it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvidedDocument<'a> {
    /// id of the DocumentEntry.
    pub id: ObjectId,
    pub content: Content<'a>,
}

/// Metadata and documents, as they came: nothing is copied out of the XML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provide<'a> {
    pub submission: Submission,
    pub documents: Vec<ProvidedDocument<'a>>,
}

impl<'a> Provide<'a> {
    /// Entries without a document (XDSMissingDocument).
    pub fn entries_without_document(&self) -> Vec<&ObjectId> {
        let known: std::collections::HashSet<_> = self.documents.iter().map(|d| &d.id).collect();
        self.submission.entries.iter().map(|e| &e.id).filter(|id| !known.contains(id)).collect()
    }

    /// Documents without an entry (XDSMissingDocumentMetadata).
    pub fn documents_without_entry(&self) -> Vec<&ObjectId> {
        let known: std::collections::HashSet<_> = self.submission.entries.iter().map(|e| &e.id).collect();
        self.documents.iter().map(|d| &d.id).filter(|id| !known.contains(id)).collect()
    }

    /// The document of an entry.
    pub fn document(&self, id: &ObjectId) -> Option<&ProvidedDocument<'a>> {
        self.documents.iter().find(|d| &d.id == id)
    }
}

/// Reads metadata and documents.
///
/// Errors: all findings of [`decode_submission`]; a Document without id, or two with the same; content that is neither
/// an xop:Include with `cid:` nor text. Whether entries and documents fit is asked of [`Provide`], because IHE has
/// codes of its own for it.
/// Source: ITI TF-2 3.41.4.1.2.
pub fn decode_provide<'a>(request: &Element<'a>) -> Result<Decoded<Provide<'a>>, Vec<Invalid>> {
    const NAME: &str = "ProvideAndRegisterDocumentSetRequest";
    if !request.is(ns::XDS, NAME) {
        return Err(vec![Invalid::new(NAME, format!("must be {NAME} of {}", ns::XDS), named(request))]);
    }
    let Some(metadata) = request.child(ns::LCM, "SubmitObjectsRequest") else {
        let found = request.children().next().map(|e| named(&e)).unwrap_or_default();
        return Err(vec![Invalid::new(NAME, "must hold lcm:SubmitObjectsRequest", found)]);
    };
    let mut refused = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut documents = Vec::new();
    for element in request.children_named(ns::XDS, "Document") {
        let written = element.attr("id").unwrap_or_default().trim();
        let id = match ObjectId::parse(written) {
            Ok(id) => id,
            Err(invalid) => {
                refused.push(invalid.within("Document"));
                continue;
            }
        };
        if !seen.insert(id.clone()) {
            refused.push(Invalid::new("Document.id", "must not occur twice", written).on(id.as_str()));
            continue;
        }
        match Content::read(element, "Document") {
            Ok(content) => documents.push(ProvidedDocument { id, content }),
            Err(invalid) => refused.push(invalid.on(id.as_str())),
        }
    }
    match decode_submission(&metadata) {
        Ok(Decoded { value: submission, not_kept }) if refused.is_empty() => {
            Ok(Decoded { value: Provide { submission, documents }, not_kept })
        }
        Ok(_) => Err(refused),
        Err(mut findings) => {
            findings.extend(refused);
            Err(findings)
        }
    }
}

/// Writes x:ProvideAndRegisterDocumentSetRequest with its own namespace declarations.
pub fn encode_provide(submission: &Submission, documents: &[ProvidedDocument], xml: &mut XmlWriter) {
    xml.start("x:ProvideAndRegisterDocumentSetRequest").ns("x", ns::XDS);
    encode_submission(submission, xml);
    for document in documents {
        xml.start("x:Document").attr("id", document.id.as_str());
        document.content.write(xml);
        xml.end();
    }
    xml.end();
}
