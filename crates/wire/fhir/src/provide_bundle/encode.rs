//! A submission to the Bundle of ITI-65. Source: spec/fhir.md section 6, pitfall 10.

use super::{COMPREHENSIVE, MINIMAL};
use crate::document_reference::{self, EncodeContext, Relations};
use crate::identifier::resource_id;
use crate::json;
use crate::list::{ListEncodeContext, encode_folder, encode_submission_set};
use crate::resource::Resource;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Association, AssociationType, ObjectId, Submission};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The octets of one document of the submission.
pub struct DocumentToProvide<'a> {
    pub entry_id: &'a ObjectId,
    pub octets: &'a [u8],
}

/// What a recipient takes.
#[derive(Clone, Copy, Debug)]
pub struct ProvideOptions {
    /// A PATCH for each document that is replaced, as the guide has it. Some recipients (IPF) refuse such entries.
    pub patch: bool,
    /// Write slots this system does not know as extensions; between nodes of ours only.
    pub extra_slots: bool,
}

#[derive(Serialize)]
struct WireBundle<'a> {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    meta: WireMeta,
    r#type: &'static str,
    entry: Vec<WireEntry<'a>>,
}

#[derive(Serialize)]
struct WireMeta {
    profile: [&'static str; 1],
}

#[derive(Serialize)]
struct WireEntry<'a> {
    #[serde(rename = "fullUrl")]
    full_url: String,
    resource: WireResource<'a>,
    request: WireRequest,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireResource<'a> {
    Text(Box<RawValue>),
    Typed(Box<Resource<'a>>),
    Binary(WireBinary<'a>),
    Value(serde_json::Value),
}

#[derive(Serialize)]
struct WireBinary<'a> {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    #[serde(rename = "contentType")]
    content_type: &'a str,
    data: String,
}

#[derive(Serialize)]
struct WireRequest {
    method: &'static str,
    url: String,
}

/// A submission as Bundle of type transaction, compact JSON.
///
/// Shape: the submission set, then each document with its Binary and PATCH, then new folders. An entryUUID travels as
/// fullUrl and identifier; a symbolic id only as fullUrl. Documents of the recipient are named `DocumentReference/<id>`.
/// Left out: memberships of folders that the recipient has already, for which FHIR wants the whole folder.
pub fn encode(submission: &Submission, documents: &[DocumentToProvide<'_>], options: ProvideOptions) -> Vec<u8> {
    let mut urls: HashMap<&str, String> = HashMap::new();
    let ids = std::iter::once(&submission.set.id)
        .chain(submission.entries.iter().map(|e| &e.id))
        .chain(submission.folders.iter().map(|f| &f.id));
    for id in ids {
        let number = urls.len() + 1;
        urls.insert(id.as_str(), if id.is_uuid() { id.to_string() } else { placeholder(0x8000, number) });
    }
    let reference = |id: &ObjectId| match urls.get(id.as_str()) {
        Some(url) => url.clone(),
        None => format!("DocumentReference/{}", resource_id(id)),
    };
    let members = |of: &ObjectId| -> Vec<String> {
        let links = submission.associations.iter().filter(|a| a.kind == AssociationType::HasMember && a.source == *of);
        let links = links.filter(|a| !submission.associations.iter().any(|other| other.id == a.target));
        links.map(|a| reference(&a.target)).collect()
    };
    // The encoder writes targets as they are: so they become references first.
    let relations: Vec<Association> = submission
        .associations
        .iter()
        .filter(|a| a.kind.is_relationship())
        .filter_map(|a| Some(Association { target: ObjectId::parse(&reference(&a.target)).ok()?, ..a.clone() }))
        .collect();
    let relations = Relations::of(&relations);
    let contents: Vec<String> = (0..documents.len()).map(|n| placeholder(0x9000, n + 1)).collect();
    let post = |url: &str| WireRequest { method: "POST", url: url.to_owned() };
    let raw = |octets: Vec<u8>| String::from_utf8(octets).ok().and_then(|text| RawValue::from_string(text).ok());
    let set_members = members(&submission.set.id);
    let cx = ListEncodeContext { members: &set_members, ..ListEncodeContext::default() };
    let mut entry: Vec<WireEntry<'_>> = Vec::new();
    if let Some(text) = raw(encode_submission_set(&submission.set, &cx)) {
        let full_url = reference(&submission.set.id);
        entry.push(WireEntry { full_url, resource: WireResource::Text(text), request: post("List") });
    }
    let contexts: Vec<EncodeContext<'_>> = submission
        .entries
        .iter()
        .map(|one| {
            let at = documents.iter().position(|d| *d.entry_id == one.id);
            let url = at.and_then(|at| contents.get(at)).map_or("", String::as_str);
            let relations = Some(&relations);
            EncodeContext { relations, extra_slots: options.extra_slots, ..EncodeContext::submission(url) }
        })
        .collect();
    let mut comprehensive = !submission.set.content_type_code.code.is_empty();
    for (one, cx) in submission.entries.iter().zip(&contexts) {
        let resource = document_reference::to_resource(one, cx);
        comprehensive &= document_reference::is_comprehensive(&resource);
        let resource = WireResource::Typed(Box::new(Resource::DocumentReference(Box::new(resource))));
        entry.push(WireEntry { full_url: reference(&one.id), resource, request: post("DocumentReference") });
    }
    for (document, full_url) in documents.iter().zip(&contents) {
        let Some(one) = submission.entry(document.entry_id) else { continue };
        let data = STANDARD.encode(document.octets);
        let binary = WireBinary { resource_type: "Binary", content_type: &one.mime_type, data };
        let (full_url, resource) = (full_url.clone(), WireResource::Binary(binary));
        entry.push(WireEntry { full_url, resource, request: post("Binary") });
    }
    for one in &submission.folders {
        let members = members(&one.id);
        let cx = ListEncodeContext { members: &members, ..ListEncodeContext::default() };
        if let Some(text) = raw(encode_folder(one, &cx)) {
            let full_url = reference(&one.id);
            entry.push(WireEntry { full_url, resource: WireResource::Text(text), request: post("List") });
        }
    }
    let replaced = submission.associations.iter().filter(|a| options.patch && a.kind.replaces());
    for (n, association) in replaced.filter(|a| !urls.contains_key(a.target.as_str())).enumerate() {
        let url = format!("DocumentReference/{}", resource_id(&association.target));
        let request = WireRequest { method: "PATCH", url };
        let (full_url, resource) = (placeholder(0xa000, n + 1), WireResource::Value(superseding()));
        entry.push(WireEntry { full_url, resource, request });
    }
    let profile = [if comprehensive { COMPREHENSIVE } else { MINIMAL }];
    let meta = WireMeta { profile };
    let documents: usize = documents.iter().map(|d| d.octets.len().div_ceil(3) * 4).sum();
    let bundle = WireBundle { resource_type: "Bundle", meta, r#type: "transaction", entry };
    json::encode_with(&bundle, documents + 8192 * (submission.entries.len() + 1))
}

fn placeholder(kind: u16, number: usize) -> String {
    format!("urn:uuid:00000000-0000-4000-{kind:04x}-{number:012x}")
}

/// `IHE.MHD.Patch.Parameters`.
fn superseding() -> serde_json::Value {
    serde_json::json!({
        "resourceType": "Parameters",
        "meta": {"profile": ["https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Patch.Parameters"]},
        "parameter": [{
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "replace"},
                {"name": "path", "valueString": "DocumentReference.status"},
                {"name": "value", "valueCode": "superseded"}
            ]
        }]
    })
}
