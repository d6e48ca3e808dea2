//! Generate Metadata (ITI-106): the Parameters of the operation `$generate-metadata`, in and out.
//! Source: spec/fhir.md section 7; MHD 4.2.3, 2:3.106, OperationDefinition/generate-metadata and
//! IHE.MHD.GenerateMetadata.Parameters.In, which closes the list of parameters. A document that says nothing of itself, such
//! as a PDF, could never come so; here it may, with a parameter more of our own, `metadata`.

use crate::datatypes::{Reference, Str};
use crate::error::DecodeError;
use crate::json;
use crate::simplified_publish::{SimplifiedPublish, decode_beside, octets};
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

/// What came.
pub enum Input {
    /// Its metadata are in it.
    Document(Document),
    /// A document that says nothing of itself, and its metadata.
    Described(Box<SimplifiedPublish>),
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

/// Reads the input, whose Binary may have at most `most_octets`.
///
/// Shape: one parameter `document`, and after it or before it `metadata`, a DocumentReference as ITI-105 takes it but without
/// data, for a Binary that is neither CDA nor FHIR nor DICOM.
/// Errors: no document, or another parameter; a resource other than a Binary or a Bundle of type document; a Binary without
/// content or type, too long, or no base64; metadata beside a document that has its own, or that ITI-105 would refuse.
/// Source: MHD 2:3.106.4.1.2; `metadata` is ours.
pub fn decode(bytes: &[u8], most_octets: usize) -> Result<Input, DecodeError> {
    if bytes.len() > json::MAX_OCTETS {
        let rule = format!("must have at most {} octets, has {}", json::MAX_OCTETS, bytes.len());
        return Err(DecodeError::structure("Parameters", rule));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let received: WireParameters<'_> = serde_json::from_slice(bytes).map_err(|e| json::wrong("Parameters", &e))?;
    if received.resource_type != "Parameters" {
        return Err(DecodeError::structure("Parameters", "must be a resource of that type"));
    }
    let (mut document, mut metadata) = (None, None);
    for (i, parameter) in received.parameter.iter().enumerate() {
        let taken = match &*parameter.name {
            "document" => document.replace((i, parameter)),
            "metadata" => metadata.replace((i, parameter)),
            other => {
                let path = format!("Parameters.parameter[{i}].name");
                return Err(DecodeError::value(path, "must be document, or metadata beside it", other));
            }
        };
        if taken.is_some() {
            let path = format!("Parameters.parameter[{i}].name");
            return Err(DecodeError::value(path, "must be there once", &parameter.name));
        }
    }
    let document = document.ok_or_else(|| DecodeError::required("Parameters.parameter", "must hold document"))?;
    let document = read_document(document.1, &format!("Parameters.parameter[{}].resource", document.0), most_octets)?;
    let Some((i, metadata)) = metadata else { return Ok(Input::Document(document)) };
    let describes_itself = |what: &str| {
        let rule = "must be absent beside a document that has its metadata inside";
        DecodeError::value(format!("Parameters.parameter[{i}]"), rule, what)
    };
    let Document::Binary { content_type, octets } = document else { return Err(describes_itself("Bundle")) };
    if is_self_describing(&content_type) {
        return Err(describes_itself(&content_type));
    }
    let path = format!("Parameters.parameter[{i}].resource");
    let raw = metadata.resource.ok_or_else(|| DecodeError::required(path, "is required: a DocumentReference"))?;
    decode_beside(raw.get().as_bytes(), &content_type, octets).map(Box::new).map(Input::Described)
}

/// Whether documents of this type say what they are: CDA, FHIR, DICOM. Parameters of the type do not matter.
pub fn is_self_describing(content_type: &str) -> bool {
    const TYPES: [&str; 8] = [
        "text/xml",
        "application/xml",
        "application/hl7-cda+xml",
        "application/cda+xml",
        "application/fhir+json",
        "application/json+fhir",
        "application/fhir+xml",
        "application/dicom",
    ];
    let bare = content_type.split(';').next().unwrap_or("").trim();
    TYPES.iter().any(|known| bare.eq_ignore_ascii_case(known))
}

fn read_document(parameter: &WireParameter<'_>, path: &str, most_octets: usize) -> Result<Document, DecodeError> {
    let raw = parameter.resource.ok_or_else(|| DecodeError::required(path, "is required: a Binary or a Bundle"))?;
    let resource: WireResource<'_> = serde_json::from_str(raw.get()).map_err(|e| json::wrong(path, &e))?;
    match &*resource.resource_type {
        "Bundle" if resource.r#type.as_deref() == Some("document") => Ok(Document::Bundle(raw.get().into())),
        "Bundle" => {
            let rule = "must be document: a Bundle of another type says nothing of itself";
            Err(DecodeError::value(format!("{path}.type"), rule, resource.r#type.as_deref().unwrap_or("")))
        }
        "Binary" => {
            let content_type = resource.content_type.filter(|text| !text.trim().is_empty());
            let content_type =
                content_type.ok_or_else(|| DecodeError::required(format!("{path}.contentType"), "is required"))?;
            let data_path = format!("{path}.data");
            let data =
                resource.data.ok_or_else(|| DecodeError::required(&data_path, "is required: it is the document"))?;
            Ok(Document::Binary { content_type, octets: octets(&data_path, &data, most_octets)? })
        }
        other => Err(DecodeError::value(path, "must be a Binary or a Bundle", other)),
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
