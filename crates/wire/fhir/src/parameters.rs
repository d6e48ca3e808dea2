//! Parameters resources of the operations on Patient: `$ihe-pix` in and out, `$match` in.
//! Source: PIXm 2:3.83, PDQm 2:3.119; spec/fhir.md sections 13, 14.

use crate::capability::SearchParameter;
use crate::datatypes::{Identifier, Reference, Str};
use crate::error::DecodeError;
use crate::json;
use crate::patient::{self, Described};
use crate::resource::{PatientResource, Resource};
use crate::search::{Parameters, SearchError};
use serde::{Deserialize, Serialize};

/// Most parameters of one resource.
const MOST: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Received<'a> {
    resource_type: Str<'a>,
    parameter: Vec<ReceivedParameter<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ReceivedParameter<'a> {
    name: Str<'a>,
    value_string: Option<Str<'a>>,
    value_uri: Option<Str<'a>>,
    value_identifier: Option<Identifier<'a>>,
    value_boolean: Option<bool>,
    value_integer: Option<u32>,
    resource: Option<Resource<'a>>,
}

impl ReceivedParameter<'_> {
    fn text(&self) -> Option<&str> {
        self.value_string.as_deref().or(self.value_uri.as_deref()).map(str::trim).filter(|text| !text.is_empty())
    }
}

fn received<'a>(bytes: &[u8]) -> Result<Received<'a>, DecodeError> {
    let received: Received<'_> = json::decode(bytes, "Parameters")?;
    if received.resource_type != "Parameters" {
        return Err(DecodeError::structure("Parameters", "must be a resource of that type"));
    }
    if received.parameter.len() > MOST {
        return Err(DecodeError::not_supported("Parameters.parameter", "must be at most 256", ""));
    }
    Ok(received)
}

/// The question of `$ihe-pix`. Debug hides the number.
#[derive(Clone, PartialEq, Eq)]
pub struct PixQuestion {
    /// System and value of the source identifier; either may be empty.
    pub source: (String, String),
    pub targets: Vec<String>,
    pub format: Option<String>,
}

impl std::fmt::Debug for PixQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PixQuestion({} ***, {:?})", self.source.0, self.targets)
    }
}

fn token(text: &str) -> (String, String) {
    let (system, value) = text.split_once('|').unwrap_or(("", text));
    (system.trim().to_owned(), crate::search::unescape(value.trim()))
}

/// The parameters [`pix_of_query`] takes.
pub const PIX_PARAMETERS: &[SearchParameter] = &[
    SearchParameter {
        name: "sourceIdentifier",
        kind: "token",
        definition: None,
        documentation: Some("Required: system|value."),
    },
    SearchParameter {
        name: "targetSystem",
        kind: "uri",
        definition: None,
        documentation: Some("Only identifiers of these domains; without it all."),
    },
];

/// Reads it from a query string. Errors: no source identifier, or several; a parameter that the operation has not.
pub fn pix_of_query(query: &str) -> Result<PixQuestion, SearchError> {
    let parameters = Parameters::decode(query)?;
    let mut question = PixQuestion { source: Default::default(), targets: Vec::new(), format: None };
    let mut sources = 0;
    for (name, value) in parameters.iter().filter(|(_, value)| !value.trim().is_empty()) {
        match name {
            "sourceIdentifier" => {
                sources += 1;
                question.source = token(value);
            }
            "targetSystem" => question.targets.extend(value.split(',').map(|system| system.trim().to_owned())),
            "_format" => question.format = Some(value.to_owned()),
            "_pretty" => {}
            _ => return Err(SearchError::not_supported(name, "is not a parameter of this operation", "")),
        }
    }
    match sources {
        1 => Ok(question),
        0 => Err(SearchError::missing("sourceIdentifier", "is required, as system|value")),
        _ => Err(SearchError::value("sourceIdentifier", "must be given once", "")),
    }
}

/// The same from a Parameters resource; the source may be a string `system|value` or an Identifier.
pub fn decode_pix(bytes: &[u8]) -> Result<PixQuestion, DecodeError> {
    let received = received(bytes)?;
    let named = |name: &'static str| received.parameter.iter().filter(move |p| p.name == name);
    let mut sources = named("sourceIdentifier").filter_map(|p| match &p.value_identifier {
        Some(id) => Some((id.system.as_deref()?.to_owned(), id.value.as_deref()?.to_owned())),
        None => p.text().map(token),
    });
    let place = "Parameters.parameter.where(name='sourceIdentifier')";
    match (sources.next(), sources.next()) {
        (Some(source), None) => Ok(PixQuestion {
            source,
            targets: named("targetSystem").filter_map(|p| p.text().map(str::to_owned)).collect(),
            format: named("_format").find_map(|p| p.text().map(str::to_owned)),
        }),
        (None, _) => Err(DecodeError::required(place, "is required, as system|value")),
        (Some(_), Some(_)) => Err(DecodeError::value(place, "must be given once", "")),
    }
}

/// One part of the answer of `$ihe-pix`.
#[derive(Clone, PartialEq, Eq)]
pub enum PixTarget {
    Identifier {
        system: String,
        value: String,
    },
    /// Address of a Patient, relative to the base.
    Patient(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    resource_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameter: Vec<WrittenParameter<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenParameter<'a> {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_identifier: Option<Identifier<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_reference: Option<Reference<'a>>,
}

/// The answer of `$ihe-pix`, compact JSON; without targets it has no parameter.
pub fn encode_pix(targets: &[PixTarget]) -> Vec<u8> {
    let parameter = targets.iter().map(|target| match target {
        PixTarget::Identifier { system, value } => WrittenParameter {
            name: "targetIdentifier",
            value_identifier: Some(Identifier {
                system: Some(system.as_str().into()),
                value: Some(value.as_str().into()),
                ..Identifier::default()
            }),
            value_reference: None,
        },
        PixTarget::Patient(reference) => WrittenParameter {
            name: "targetId",
            value_identifier: None,
            value_reference: Some(Reference::to(reference.as_str())),
        },
    });
    json::encode(&Written { resource_type: "Parameters", parameter: parameter.collect() })
}

/// The question of `$match`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MatchQuestion {
    pub described: Described,
    pub only_certain: bool,
    pub count: Option<usize>,
}

/// Reads Parameters with a Patient, or a bare Patient.
///
/// Errors: neither; a Patient that breaks the rules of its elements.
pub fn decode_match(bytes: &[u8]) -> Result<MatchQuestion, DecodeError> {
    let described = |patient: &PatientResource<'_>| patient::described(patient);
    if let Resource::Patient(patient) = json::decode::<Resource<'_>>(bytes, "Parameters")? {
        return Ok(MatchQuestion { described: described(&patient)?, ..MatchQuestion::default() });
    }
    let received = received(bytes)?;
    let mut question = MatchQuestion::default();
    let mut found = false;
    for parameter in &received.parameter {
        match (&*parameter.name, &parameter.resource) {
            ("resource", Some(Resource::Patient(patient))) if !found => {
                question.described = described(patient)?;
                found = true;
            }
            ("resource", Some(_)) => {
                let place = "Parameters.parameter.where(name='resource')";
                return Err(DecodeError::value(place, "must be one Patient", ""));
            }
            ("onlyCertainMatches", _) => {
                let rule = "must be a valueBoolean";
                let place = "Parameters.parameter.where(name='onlyCertainMatches')";
                question.only_certain = parameter.value_boolean.ok_or_else(|| DecodeError::value(place, rule, ""))?;
            }
            ("count", _) => {
                let rule = "must be a valueInteger";
                let place = "Parameters.parameter.where(name='count')";
                let count = parameter.value_integer.ok_or_else(|| DecodeError::value(place, rule, ""))?;
                question.count = Some(count as usize);
            }
            _ => {}
        }
    }
    if !found {
        let rule = "is required: one Patient with what is known of the person";
        return Err(DecodeError::required("Parameters.parameter.where(name='resource').resource", rule));
    }
    Ok(question)
}
