//! ebRIM and ebRS 3.0 as XDS.b uses them, to and from the model: submissions, stored queries, retrievals and their
//! answers. Bodies only: envelopes are `soap`'s, MIME parts `mime`'s, registry rules `actors`'.
//!
//! | transaction | request | answer |
//! |---|---|---|
//! | ITI-42, 61 | [`decode_submission`], [`encode_submission`] | [`decode_registry_response`], [`encode_registry_response`] |
//! | ITI-57, 92 | [`decode_update`], [`encode_submission`] | the same |
//! | ITI-62, 86 | [`decode_remove_objects`], [`decode_remove_documents`] and their encoders | the same |
//! | ITI-41, RAD-68 | [`decode_provide`], [`encode_provide`] | the same |
//! | ITI-18 | [`decode_query`], [`encode_query`] | [`decode_query_response`], [`encode_query_response`], [`QueryResponseWriter`] |
//! | ITI-43 | [`decode_retrieve_request`], [`encode_retrieve_request`] | [`decode_retrieve_response`], [`encode_retrieve_response`] |
//! | RAD-69 | [`decode_retrieve_imaging_request`], [`encode_retrieve_imaging_request`] | the same |
//!
//! ```
//! use ebxml::{QueryResponse, RegistryError, decode_query, encode_query_response};
//! let body = br#"<q:AdhocQueryRequest xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"/>"#;
//! let document = xml::Document::parse(body, xml::Limits::default())?;
//! let error = decode_query(&document.root()).unwrap_err();
//! assert_eq!(error.to_string(), "ResponseOption.returnType must be LeafClass or ObjectRef; got ``");
//! let mut answer = xml::XmlWriter::new();
//! let failure = QueryResponse::failure(vec![RegistryError::error("XDSRegistryError", error.to_string())]);
//! encode_query_response(&failure, &mut answer);
//! # Ok::<(), xml::XmlError>(())
//! ```
//!
//! Decoders are strict in meaning and lenient in spelling; every leniency has a comment that begins with that word.
//! Encoders write what `validate/all.xsd` accepts, each element with its own namespace declarations, so that it can
//! stand inside any envelope.
//!
//! Source: spec/xds.md sections 2, 7-18, 21, 22, 24, 25, 27.
#![forbid(unsafe_code)]

mod content;
mod error;
mod findings;
mod names;
mod objects;
mod provide;
mod query_response;
mod registry_response;
mod removal;
mod retrieve;
mod retrieve_imaging;
mod stored_query;
mod submission;

pub use content::Content;
pub use error::DecodeError;
pub use findings::Decoded;
pub use names::ns;
pub use provide::{Provide, ProvidedDocument, decode_provide, encode_provide};
pub use query_response::{ObjectRef, QueryResponse, QueryResponseWriter, decode_query_response, encode_query_response};
pub use registry_response::{
    RegistryError, RegistryResponse, ResponseStatus, Severity, decode_registry_response, encode_registry_response,
};
pub use removal::{decode_remove_documents, decode_remove_objects, encode_remove_documents, encode_remove_objects};
pub use retrieve::{
    DocumentRequest, RetrieveResponse, RetrievedDocument, decode_retrieve_request, decode_retrieve_response,
    encode_retrieve_request, encode_retrieve_response,
};
pub use retrieve_imaging::{
    ImagingDocumentRequest, RetrieveImagingRequest, decode_retrieve_imaging_request, encode_retrieve_imaging_request,
};
pub use stored_query::{QueryError, QueryRequest, ReturnType, decode_query, encode_query, query_for_documents};
pub use submission::{decode_submission, decode_update, encode_submission, encode_update};
