//! x:RetrieveDocumentSetRequest and x:RetrieveDocumentSetResponse: the bodies of ITI-43 and ITI-39, and the answer of
//! RAD-69. Source: spec/xds.md section 17.

use std::borrow::Cow;

use model::{HomeCommunityId, Invalid, Oid, UniqueId};
use xml::{Element, XmlWriter};

use crate::content::Content;
use crate::error::{DecodeError, expect};
use crate::findings::{home_community_id, placed};
use crate::names::ns;
use crate::registry_response::{
    RegistryError, RegistryResponse, ResponseStatus, decode_registry_response, encode_registry_response, reconciled,
};

/// One document that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DocumentRequest {
    pub home_community_id: Option<HomeCommunityId>,
    pub repository_unique_id: Oid,
    pub document_unique_id: UniqueId,
}

/// One document that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrievedDocument<'a> {
    pub home_community_id: Option<HomeCommunityId>,
    pub repository_unique_id: Oid,
    pub document_unique_id: UniqueId,
    /// Of an on-demand document that is kept.
    pub new_repository_unique_id: Option<Oid>,
    /// Of an on-demand document.
    pub new_document_unique_id: Option<UniqueId>,
    pub mime_type: String,
    pub content: Content<'a>,
}

/// Documents, and an error for each that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrieveResponse<'a> {
    pub status: ResponseStatus,
    pub errors: Vec<RegistryError>,
    pub documents: Vec<RetrievedDocument<'a>>,
    /// Only of a decoded answer: documents that could not be read. Never encoded.
    pub unreadable: Vec<Invalid>,
}

impl<'a> RetrieveResponse<'a> {
    /// All found: Success; some: PartialSuccess; none: Failure.
    pub fn of(documents: Vec<RetrievedDocument<'a>>, errors: Vec<RegistryError>) -> Self {
        RetrieveResponse {
            status: ResponseStatus::of(&errors, !documents.is_empty()),
            errors,
            documents,
            unreadable: Vec::new(),
        }
    }
}

/// Writes x:RetrieveDocumentSetRequest with its own namespace declaration.
pub fn encode_retrieve_request(requests: &[DocumentRequest], xml: &mut XmlWriter) {
    xml.start("x:RetrieveDocumentSetRequest").ns("x", ns::XDS);
    for request in requests {
        xml.start("x:DocumentRequest");
        encode_address(
            request.home_community_id.as_ref(),
            request.repository_unique_id.as_str(),
            request.document_unique_id.as_str(),
            xml,
        );
        xml.end();
    }
    xml.end();
}

pub(crate) fn encode_address(home: Option<&HomeCommunityId>, repository: &str, document: &str, xml: &mut XmlWriter) {
    if let Some(home) = home {
        xml.leaf("x:HomeCommunityId", &home.to_string());
    }
    xml.leaf("x:RepositoryUniqueId", repository);
    xml.leaf("x:DocumentUniqueId", document);
}

/// Reads x:RetrieveDocumentSetRequest: at least one document.
///
/// Leniency: the children of a DocumentRequest are read in any order.
/// Errors: all findings; `object` of a finding is the DocumentUniqueId, which IHE wants as location.
pub fn decode_retrieve_request(request: &Element) -> Result<Vec<DocumentRequest>, Vec<Invalid>> {
    let one = |error: DecodeError| match error {
        DecodeError::Invalid(invalid) => vec![invalid],
        DecodeError::Element { expected, got } => vec![Invalid::new(expected, "must be the request", got)],
    };
    expect(request, ns::XDS, "x:RetrieveDocumentSetRequest").map_err(one)?;
    read_requests(request, "RetrieveDocumentSetRequest")
}

/// The DocumentRequests in `request`, which findings call `name`.
pub(crate) fn read_requests(request: &Element, name: &str) -> Result<Vec<DocumentRequest>, Vec<Invalid>> {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for element in request.children_named(ns::XDS, "DocumentRequest") {
        let before = refused.len();
        let address = decode_address(element, &mut refused);
        if let (Some(address), true) = (address, refused.len() == before) {
            found.push(address);
        }
    }
    if found.is_empty() && refused.is_empty() {
        refused.push(Invalid::new(name, "must hold at least one DocumentRequest", ""));
    }
    if refused.is_empty() { Ok(found) } else { Err(refused) }
}

/// The text of a child, trimmed. Leniency: an empty element counts as absent.
fn child_text<'a>(element: Element<'a>, name: &str) -> Option<Cow<'a, str>> {
    element.child(ns::XDS, name).map(|child| child.trimmed()).filter(|text| !text.is_empty())
}

pub(crate) fn decode_address(element: Element, refused: &mut Vec<Invalid>) -> Option<DocumentRequest> {
    let document = child_text(element, "DocumentUniqueId");
    let object = document.as_deref().unwrap_or_default().to_owned();
    let mut note = |invalid: Invalid, name: &str| {
        let invalid = placed(invalid, &format!("{}.{name}", element.name()));
        refused.push(if object.is_empty() { invalid } else { invalid.on(object.as_str()) });
    };
    let required = |name: &str| Invalid::new(name, "is required", "");
    let home = match child_text(element, "HomeCommunityId").map(|text| home_community_id(&text)) {
        Some(Err(invalid)) => {
            note(invalid, "HomeCommunityId");
            None
        }
        other => other.and_then(Result::ok),
    };
    let repository = child_text(element, "RepositoryUniqueId")
        .ok_or_else(|| required("RepositoryUniqueId"))
        .and_then(|text| Oid::parse(&text))
        .map_err(|invalid| note(invalid, "RepositoryUniqueId"));
    let document = document
        .ok_or_else(|| required("DocumentUniqueId"))
        .and_then(|text| UniqueId::parse(&text))
        .map_err(|invalid| note(invalid, "DocumentUniqueId"));
    Some(DocumentRequest {
        home_community_id: home,
        repository_unique_id: repository.ok()?,
        document_unique_id: document.ok()?,
    })
}

/// Writes x:RetrieveDocumentSetResponse with its own namespace declarations.
pub fn encode_retrieve_response(response: &RetrieveResponse, xml: &mut XmlWriter) {
    xml.start("x:RetrieveDocumentSetResponse").ns("x", ns::XDS);
    let head = RegistryResponse { status: response.status, errors: response.errors.clone() };
    encode_registry_response(&head, xml);
    for document in &response.documents {
        xml.start("x:DocumentResponse");
        encode_address(
            document.home_community_id.as_ref(),
            document.repository_unique_id.as_str(),
            document.document_unique_id.as_str(),
            xml,
        );
        xml.leaf_opt("x:NewRepositoryUniqueId", document.new_repository_unique_id.as_ref().map(Oid::as_str));
        xml.leaf_opt("x:NewDocumentUniqueId", document.new_document_unique_id.as_ref().map(UniqueId::as_str));
        xml.leaf("x:mimeType", &document.mime_type);
        xml.start("x:Document");
        document.content.write(xml);
        xml.end().end();
    }
    xml.end();
}

/// Reads x:RetrieveDocumentSetResponse.
///
/// Leniency: a missing mimeType is read as application/octet-stream; a status that contradicts the content is corrected
/// as in [`decode_registry_response`]; a broken document does not take the others with it, `unreadable` says what was
/// lost.
/// Errors: another element, no rs:RegistryResponse, no status or an unknown one.
pub fn decode_retrieve_response<'a>(element: &Element<'a>) -> Result<RetrieveResponse<'a>, DecodeError> {
    expect(element, ns::XDS, "x:RetrieveDocumentSetResponse")?;
    let head = element
        .child(ns::RS, "RegistryResponse")
        .ok_or_else(|| Invalid::new("RetrieveDocumentSetResponse", "must begin with rs:RegistryResponse", ""))?;
    let written = ResponseStatus::read(&head)?;
    let RegistryResponse { errors, .. } = decode_registry_response(&head)?;
    let mut documents = Vec::new();
    let mut unreadable = Vec::new();
    for response in element.children_named(ns::XDS, "DocumentResponse") {
        match decode_document(response) {
            Ok(document) => documents.push(document),
            Err(invalid) => unreadable.push(invalid),
        }
    }
    let status = reconciled(written, &errors, !documents.is_empty());
    Ok(RetrieveResponse { status, errors, documents, unreadable })
}

fn decode_document(element: Element<'_>) -> Result<RetrievedDocument<'_>, Invalid> {
    let mut refused = Vec::new();
    let address = decode_address(element, &mut refused);
    if let Some(first) = refused.into_iter().next() {
        return Err(first);
    }
    let Some(address) = address else {
        return Err(Invalid::new("DocumentResponse", "must name a repository and a document", ""));
    };
    let new_repository = child_text(element, "NewRepositoryUniqueId").map(|text| Oid::parse(&text)).transpose();
    let new_document = child_text(element, "NewDocumentUniqueId").map(|text| UniqueId::parse(&text)).transpose();
    let content = element
        .child(ns::XDS, "Document")
        .ok_or_else(|| Invalid::new("DocumentResponse.Document", "is required", ""))?;
    Ok(RetrievedDocument {
        home_community_id: address.home_community_id,
        repository_unique_id: address.repository_unique_id,
        document_unique_id: address.document_unique_id,
        new_repository_unique_id: new_repository
            .map_err(|invalid| placed(invalid, "DocumentResponse.NewRepositoryUniqueId"))?,
        new_document_unique_id: new_document
            .map_err(|invalid| placed(invalid, "DocumentResponse.NewDocumentUniqueId"))?,
        mime_type: child_text(element, "mimeType").map_or("application/octet-stream".to_owned(), Cow::into_owned),
        content: Content::read(content, "DocumentResponse.Document")?,
    })
}
