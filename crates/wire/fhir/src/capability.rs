//! CapabilityStatement, built from what the caller's table of transactions says it answers.
//! Source: spec/fhir.md section 2 (CapabilityStatement minimum).

use crate::datatypes::{CodeableConcept, Coding, Str};
use crate::{FHIR_VERSION, MEDIA_TYPE, json, xml};
use serde::Serialize;

/// What a search parameter of ours is: name, FHIR type (`token`, `date`, ...), canonical of its definition where it has
/// one, and a sentence where our reading needs saying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchParameter {
    pub name: &'static str,
    pub kind: &'static str,
    pub definition: Option<&'static str>,
    pub documentation: Option<&'static str>,
}

/// An operation: name without `$`, canonical of its definition, the parameters of its GET (none: it is only posted), and
/// the type that it answers. Posted are Parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub name: &'static str,
    pub definition: &'static str,
    pub query: &'static [SearchParameter],
    pub answer: &'static str,
}

/// One resource type that is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceCapability {
    pub resource: &'static str,
    pub supported_profiles: Vec<&'static str>,
    /// `read`, `search-type`, `create`, `update`, `delete`, `patch`.
    pub interactions: Vec<&'static str>,
    pub conditional_create: bool,
    pub conditional_update: bool,
    /// `single` or `multiple`.
    pub conditional_delete: Option<&'static str>,
    pub search_includes: Vec<&'static str>,
    pub search_parameters: Vec<SearchParameter>,
    /// Parameters of a search that are no criteria, such as `_count`. The statement has no place for them.
    pub result_parameters: &'static [&'static str],
    pub operations: Vec<Operation>,
}

/// Everything a CapabilityStatement says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capability<'a> {
    /// Public address of the FHIR base.
    pub base_url: &'a str,
    pub software: &'a str,
    pub version: &'a str,
    pub description: &'a str,
    /// FHIR dateTime of the build or start.
    pub date: &'a str,
    /// Canonicals of the guides' requirement statements.
    pub instantiates: Vec<&'static str>,
    /// System level: `transaction`, `search-system`.
    pub system_interactions: Vec<&'static str>,
    pub resources: Vec<ResourceCapability>,
    pub cors: bool,
    /// Codes of restful-security-service: `SMART-on-FHIR`, `OAuth`, `Certificates`.
    pub security_services: Vec<&'static str>,
    /// Media types of PATCH bodies; empty when PATCH is not answered.
    pub patch_formats: Vec<&'static str>,
}

/// The statement as compact JSON.
pub fn encode(capability: &Capability<'_>) -> Vec<u8> {
    json::encode(&wire(capability))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    resource_type: &'static str,
    status: &'static str,
    date: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instantiates: Vec<&'a str>,
    software: Software<'a>,
    implementation: Implementation<'a>,
    fhir_version: &'static str,
    format: [&'static str; 4],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    patch_format: Vec<&'a str>,
    rest: [Rest<'a>; 1],
}

#[derive(Serialize)]
struct Software<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct Implementation<'a> {
    description: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Rest<'a> {
    mode: &'static str,
    security: Security<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource: Vec<WireResource<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interaction: Vec<Interaction<'a>>,
}

#[derive(Serialize)]
struct Security<'a> {
    cors: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    service: Vec<CodeableConcept<'a>>,
}

#[derive(Serialize)]
struct Interaction<'a> {
    code: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireResource<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    supported_profile: &'a [&'static str],
    interaction: Vec<Interaction<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditional_create: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditional_update: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditional_delete: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    search_include: &'a [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    search_param: Vec<WireParameter<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operation: Vec<WireOperation<'a>>,
}

#[derive(Serialize)]
struct WireParameter<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<&'a str>,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation: Option<&'a str>,
}

#[derive(Serialize)]
struct WireOperation<'a> {
    name: &'a str,
    definition: &'a str,
}

fn wire<'a>(capability: &'a Capability<'a>) -> Statement<'a> {
    let interactions = |codes: &'a [&'static str]| codes.iter().map(|code| Interaction { code }).collect();
    let resource = capability.resources.iter().map(|r| WireResource {
        r#type: r.resource,
        supported_profile: &r.supported_profiles,
        interaction: interactions(&r.interactions),
        conditional_create: r.conditional_create.then_some(true),
        conditional_update: r.conditional_update.then_some(true),
        conditional_delete: r.conditional_delete,
        search_include: &r.search_includes,
        search_param: r
            .search_parameters
            .iter()
            .map(|p| WireParameter {
                name: p.name,
                definition: p.definition,
                r#type: p.kind,
                documentation: p.documentation,
            })
            .collect(),
        operation: r.operations.iter().map(|o| WireOperation { name: o.name, definition: o.definition }).collect(),
    });
    let service = capability.security_services.iter().map(|code| CodeableConcept {
        coding: vec![Coding {
            system: Some("http://terminology.hl7.org/CodeSystem/restful-security-service".into()),
            code: Some(Str::from(*code)),
            display: None,
        }],
        text: None,
    });
    let non_empty = |text: &'a str| (!text.is_empty()).then_some(text);
    Statement {
        resource_type: "CapabilityStatement",
        status: "active",
        date: capability.date,
        description: non_empty(capability.description),
        kind: "instance",
        instantiates: capability.instantiates.clone(),
        software: Software { name: capability.software, version: non_empty(capability.version) },
        implementation: Implementation { description: capability.software, url: capability.base_url },
        fhir_version: FHIR_VERSION,
        format: [MEDIA_TYPE, xml::MEDIA_TYPE, "json", "xml"],
        patch_format: capability.patch_formats.clone(),
        rest: [Rest {
            mode: "server",
            security: Security { cors: capability.cors, service: service.collect() },
            resource: resource.collect(),
            interaction: interactions(&capability.system_interactions),
        }],
    }
}
