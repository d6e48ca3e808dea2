//! Generate Metadata (ITI-106): the Parameters of the operation `$generate-metadata`, in and out.
//! Source: spec/fhir.md section 7; MHD 4.2.3, 2:3.106, OperationDefinition/generate-metadata and
//! IHE.MHD.GenerateMetadata.Parameters.In, which closes the list of parameters: nothing but the document can come along.

use crate::datatypes::{Reference, Str};
use crate::error::DecodeError;
use crate::json;
use crate::simplified_publish::octets;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The document to publish. Debug is left out: it is a document.
pub enum Document {
    /// `content_type` as written.
    Binary { content_type: String, octets: Vec<u8> },
    /// A Bundle of type document, as its text came.
    Bundle(Vec<u8>),
}

#[derive(Deserialize)]
struct WireParameters<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
    #[serde(default, borrow)]
    parameter: Vec<WireParameter<'a>>,
}

#[derive(Deserialize)]
struct WireParameter<'a> {
    #[serde(default)]
    name: Str<'a>,
    #[serde(default, borrow)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireResource<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
    /// Of a Bundle.
    #[serde(default)]
    r#type: Option<Str<'a>>,
    /// Of a Binary.
    #[serde(rename = "contentType", default)]
    content_type: Option<String>,
    #[serde(default, borrow)]
    data: Option<Cow<'a, str>>,
}

const RESOURCE: &str = "Parameters.parameter[0].resource";

/// Reads the input, whose Binary may have at most `most_octets`.
///
/// Errors: not exactly one parameter, named document; a resource other than a Binary or a Bundle of type document; a Binary
/// without content or type, too long, or no base64.
/// Source: MHD 2:3.106.4.1.2.
pub fn decode(bytes: &[u8], most_octets: usize) -> Result<Document, DecodeError> {
    if bytes.len() > json::MAX_OCTETS {
        let rule = format!("must have at most {} octets, has {}", json::MAX_OCTETS, bytes.len());
        return Err(DecodeError::structure("Parameters", rule));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let received: WireParameters<'_> = serde_json::from_slice(bytes).map_err(|e| json::wrong("Parameters", &e))?;
    if received.resource_type != "Parameters" {
        return Err(DecodeError::structure("Parameters", "must be a resource of that type"));
    }
    let [parameter] = received.parameter.as_slice() else {
        let rule = "must be exactly one, the document: this operation takes no metadata beside it";
        return Err(DecodeError::value("Parameters.parameter", rule, &received.parameter.len().to_string()));
    };
    if parameter.name != "document" {
        return Err(DecodeError::value("Parameters.parameter[0].name", "must be document", &parameter.name));
    }
    let raw = parameter.resource.ok_or_else(|| DecodeError::required(RESOURCE, "is required: a Binary or a Bundle"))?;
    let resource: WireResource<'_> = serde_json::from_str(raw.get()).map_err(|e| json::wrong(RESOURCE, &e))?;
    match &*resource.resource_type {
        "Bundle" if resource.r#type.as_deref() == Some("document") => Ok(Document::Bundle(raw.get().into())),
        "Bundle" => {
            let rule = "must be document: a Bundle of another type says nothing of itself";
            Err(DecodeError::value(format!("{RESOURCE}.type"), rule, resource.r#type.as_deref().unwrap_or("")))
        }
        "Binary" => {
            let content_type = resource.content_type.filter(|text| !text.trim().is_empty());
            let content_type =
                content_type.ok_or_else(|| DecodeError::required(format!("{RESOURCE}.contentType"), "is required"))?;
            let path = format!("{RESOURCE}.data");
            let data = resource.data.ok_or_else(|| DecodeError::required(&path, "is required: it is the document"))?;
            Ok(Document::Binary { content_type, octets: octets(&path, &data, most_octets)? })
        }
        other => Err(DecodeError::value(RESOURCE, "must be a Binary or a Bundle", other)),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    resource_type: &'static str,
    parameter: [AnswerParameter<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnswerParameter<'a> {
    name: &'static str,
    value_reference: Reference<'a>,
}

/// The answer: where the DocumentReference is, `DocumentReference/<id>`. Compact JSON.
///
/// Shape: the OperationDefinition names the one output DocumentReference, with type Reference. FHIR gives a resource bare
/// only when the parameter is called `return`, so it is a Parameters with a valueReference, not with a resource.
pub fn encode(reference: &str) -> Vec<u8> {
    let value_reference = Reference::to(reference);
    let parameter = [AnswerParameter { name: "DocumentReference", value_reference }];
    json::encode(&Answer { resource_type: "Parameters", parameter })
}
