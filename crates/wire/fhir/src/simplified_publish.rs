//! Simplified Publish (ITI-105): one DocumentReference with the octets of its document inside.
//! Source: spec/fhir.md sections 4 (column Simplified), 7; MHD 4.2.3, 2:3.105.

use crate::Resource;
use crate::document_reference::{self, Content, DecodeContext, DocumentReference, RelatesToTarget};
use crate::error::DecodeError;
use crate::json;
use crate::provide_bundle::base64;
use model::{AvailabilityStatus, DocumentEntry};

/// What a source sent. Debug is left out: it is a document.
pub struct SimplifiedPublish {
    /// Its id says nothing: the recipient gives the entryUUID. Codes that are absent are empty.
    pub entry: DocumentEntry,
    pub octets: Vec<u8>,
    pub relates_to: Vec<RelatesToTarget>,
    /// What was read although it is spelled wrongly, or left out because it has no place; no patient data.
    pub warnings: Vec<String>,
}

const ATTACHMENT: &str = "DocumentReference.content[0].attachment";
const DATA: &str = "DocumentReference.content[0].attachment.data";

/// Reads a DocumentReference of the Simplified profile whose document has at most `most_octets`.
///
/// Shape: hash and size are as written; who stores the octets compares them.
/// Errors: those of [`document_reference::decode`]; an attachment with a url, or without data; data that is too long (told
/// before it is decoded) or no base64; an entryUUID; a status other than current; several contents or categories.
/// Source: MHD 2:3.105.4.1.2.
pub fn decode(bytes: &[u8], most_octets: usize) -> Result<SimplifiedPublish, DecodeError> {
    let mut resource = document_reference(bytes)?;
    let Some(attachment) = resource.content.first_mut().and_then(|content| content.attachment.as_mut()) else {
        return Err(DecodeError::required(DATA, "is required: it is the document"));
    };
    if attachment.url.is_some() {
        let rule = "must be absent: the document comes in attachment.data, or with ITI-65";
        return Err(DecodeError::not_supported(ATTACHMENT, rule, "url"));
    }
    let Some(data) = attachment.data.take() else {
        return Err(DecodeError::required(DATA, "is required: it is the document"));
    };
    let mut published = read(&resource)?;
    published.octets = octets(DATA, &data, most_octets)?;
    Ok(published)
}

/// Reads the DocumentReference of a document that came beside it, whose `contentType` it need not repeat.
///
/// Errors: those of [`decode`], but that data must be absent too; another contentType.
pub(crate) fn decode_beside(
    bytes: &[u8],
    content_type: &str,
    document: Vec<u8>,
) -> Result<SimplifiedPublish, DecodeError> {
    let mut resource = document_reference(bytes)?;
    if resource.content.is_empty() {
        resource.content.push(Content::default());
    }
    let attachment = resource.content[0].attachment.get_or_insert_default();
    if attachment.url.is_some() || attachment.data.is_some() {
        let rule = "must have neither url nor data: the document comes beside it";
        return Err(DecodeError::not_supported(ATTACHMENT, rule, ""));
    }
    let said = attachment.content_type.get_or_insert_with(|| content_type.to_owned().into());
    if !said.eq_ignore_ascii_case(content_type) {
        let rule = format!("must be that of the document, {content_type}");
        return Err(DecodeError::value(format!("{ATTACHMENT}.contentType"), rule, said));
    }
    Ok(SimplifiedPublish { octets: document, ..read(&resource)? })
}

fn document_reference(bytes: &[u8]) -> Result<DocumentReference<'_>, DecodeError> {
    let Resource::DocumentReference(resource) = json::decode::<Resource<'_>>(bytes, "DocumentReference")? else {
        return Err(DecodeError::structure("DocumentReference", "must be a resource of that type"));
    };
    for (element, count) in [("content", resource.content.len()), ("category", resource.category.len())] {
        if count > 1 {
            let rule = format!("must be there once, is there {count} times");
            return Err(DecodeError::value(format!("DocumentReference.{element}"), rule, ""));
        }
    }
    Ok(*resource)
}

/// Everything but the octets.
fn read(resource: &DocumentReference<'_>) -> Result<SimplifiedPublish, DecodeError> {
    document_reference::refuse_unfinished(resource, "DocumentReference")?;
    let received = document_reference::from_resource(resource, &DecodeContext::default())?;
    if received.has_entry_uuid {
        let rule = "must not hold an entryUUID: the recipient gives it";
        return Err(DecodeError::value("DocumentReference.identifier", rule, ""));
    }
    if received.entry.availability_status != AvailabilityStatus::Approved {
        let rule = "must be current: a new document is";
        return Err(DecodeError::value("DocumentReference.status", rule, "superseded"));
    }
    let mut warnings = received.warnings;
    if received.entry.authors.is_empty() && !resource.author.is_empty() {
        warnings.push("author: no reference could be followed, so there is none".to_owned());
    }
    Ok(SimplifiedPublish { entry: received.entry, octets: Vec::new(), relates_to: received.relates_to, warnings })
}

/// The octets behind base64. Errors: more than `most`, told before anything is decoded; no base64.
pub(crate) fn octets(path: &str, data: &str, most: usize) -> Result<Vec<u8>, DecodeError> {
    let coded = data.bytes().filter(|octet| !octet.is_ascii_whitespace() && *octet != b'=').count();
    if coded / 4 * 3 + coded % 4 * 3 / 4 > most {
        return Err(DecodeError::too_long(
            path,
            format!("must be at most {most} octets; ITI-41 takes larger documents"),
        ));
    }
    base64(data).ok_or_else(|| DecodeError::value(path, "must be base64", ""))
}
