//! What a node offers at its FHIR door, by its configuration: the CapabilityStatement and the OpenAPI document are made of it.

use crate::config::NodeConfig;
use fhir::capability::{Capability, Operation, ResourceCapability};
use model::Dtm;

/// Requirement statements of MHD.
const RECIPIENT: &str = "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentRecipient.Comprehensive";
const SIMPLIFIED: &str = "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentRecipient.Simplified";
const GENERATE: &str = "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentRecipient.Generate";
const RESPONDER: &str = "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentResponder";
const CROSS_REFERENCE_MANAGER: &str = "https://profiles.ihe.net/ITI/PIXm/CapabilityStatement/IHE.PIXm.Manager";
const DEMOGRAPHICS_SUPPLIER: &str =
    "https://profiles.ihe.net/ITI/PDQm/CapabilityStatement/IHE.PDQm.PatientDemographicsSupplier";
const DEMOGRAPHICS_MATCH: &str =
    "https://profiles.ihe.net/ITI/PDQm/CapabilityStatement/IHE.PDQm.PatientDemographicsSupplierMatch";

/// What the node's actors say of themselves, beside the resources.
#[derive(Default)]
pub struct Claims {
    /// Canonicals of the guides' requirement statements.
    pub instantiates: Vec<&'static str>,
    pub system_interactions: Vec<&'static str>,
    pub patch_formats: Vec<&'static str>,
    pub resources: Vec<ResourceCapability>,
}

impl Claims {
    /// Adds a resource type; what two actors say of the same type becomes one entry.
    pub fn resource(&mut self, more: ResourceCapability) {
        let Some(known) = self.resources.iter_mut().find(|r| r.resource == more.resource) else {
            self.resources.push(more);
            return;
        };
        let add = |to: &mut Vec<&'static str>, from: Vec<&'static str>| {
            for one in from {
                if !to.contains(&one) {
                    to.push(one);
                }
            }
        };
        known.conditional_create |= more.conditional_create;
        known.conditional_update |= more.conditional_update;
        known.conditional_delete = known.conditional_delete.or(more.conditional_delete);
        add(&mut known.interactions, more.interactions);
        add(&mut known.supported_profiles, more.supported_profiles);
        add(&mut known.search_includes, more.search_includes);
        known.search_parameters.extend(more.search_parameters);
        if known.result_parameters.is_empty() {
            known.result_parameters = more.result_parameters;
        }
        known.operations.extend(more.operations);
    }
}

/// What the FHIR actors of a configuration offer; without resources and interactions there is no FHIR door.
pub fn claims(config: &NodeConfig) -> Claims {
    let actors = &config.actors;
    let mut claims = Claims::default();
    if actors.mhd_document_recipient.is_some() {
        claims.resource(published_document_reference());
        claims.system_interactions.push("transaction");
        claims.patch_formats.push(fhir::MEDIA_TYPE);
        claims.instantiates.extend([RECIPIENT, SIMPLIFIED, GENERATE]);
    }
    if actors.mhd_document_responder.is_some() {
        claims.resource(document_reference());
        claims.resource(list());
        claims.resource(binary());
        claims.instantiates.push(RESPONDER);
    }
    if actors.patient_identity_manager.is_some() {
        claims.resource(patient());
        claims.instantiates.extend([CROSS_REFERENCE_MANAGER, DEMOGRAPHICS_SUPPLIER, DEMOGRAPHICS_MATCH]);
    }
    claims
}

pub fn statement(fhir_base: &str, claims: Claims, cors: bool, now_unix_micros: i64) -> Vec<u8> {
    let now = Dtm::from_unix_seconds(now_unix_micros.div_euclid(1_000_000));
    let date = fhir::datetime::encode(&now);
    fhir::capability::encode(&Capability {
        base_url: fhir_base,
        software: "manifold",
        version: env!("CARGO_PKG_VERSION"),
        description: "Imaging reports and manifests of a document sharing community (MHD)",
        date: &date,
        instantiates: claims.instantiates,
        system_interactions: claims.system_interactions,
        resources: claims.resources,
        cors,
        security_services: Vec::new(),
        patch_formats: claims.patch_formats,
    })
}

/// ITI-105 and ITI-106.
fn published_document_reference() -> ResourceCapability {
    ResourceCapability {
        resource: "DocumentReference",
        supported_profiles: vec![fhir::document_reference::SIMPLIFIED_PUBLISH],
        interactions: vec!["create"],
        conditional_create: true,
        operations: vec![Operation {
            name: "generate-metadata",
            definition: "https://profiles.ihe.net/ITI/MHD/OperationDefinition/generate-metadata",
            query: &[],
            answer: "Parameters",
        }],
        ..ResourceCapability::default()
    }
}

/// ITI-67.
fn document_reference() -> ResourceCapability {
    ResourceCapability {
        search_includes: fhir::search::INCLUDES.to_vec(),
        resource: "DocumentReference",
        supported_profiles: vec![fhir::document_reference::MINIMAL, fhir::document_reference::COMPREHENSIVE],
        interactions: vec!["read", "search-type"],
        search_parameters: fhir::search::PARAMETERS.to_vec(),
        result_parameters: fhir::search::RESULT_PARAMETERS,
        ..ResourceCapability::default()
    }
}

/// ITI-66.
fn list() -> ResourceCapability {
    ResourceCapability {
        resource: "List",
        supported_profiles: vec![
            fhir::list::MINIMAL_SUBMISSION_SET,
            fhir::list::COMPREHENSIVE_SUBMISSION_SET,
            fhir::list::MINIMAL_FOLDER,
            fhir::list::COMPREHENSIVE_FOLDER,
        ],
        interactions: vec!["read", "search-type"],
        search_parameters: fhir::search::lists::PARAMETERS.to_vec(),
        result_parameters: fhir::search::lists::RESULT_PARAMETERS,
        ..ResourceCapability::default()
    }
}

/// ITI-68, as a resource around the octets.
fn binary() -> ResourceCapability {
    ResourceCapability { resource: "Binary", interactions: vec!["read"], ..ResourceCapability::default() }
}

/// ITI-78, ITI-83, ITI-104 and ITI-119.
fn patient() -> ResourceCapability {
    ResourceCapability {
        resource: "Patient",
        supported_profiles: vec![fhir::patient::PROFILE, fhir::patient::PDQM_PROFILE],
        interactions: vec!["read", "search-type", "create", "update", "delete"],
        conditional_create: true,
        conditional_update: true,
        conditional_delete: Some("single"),
        search_parameters: fhir::patient_search::PARAMETERS.to_vec(),
        result_parameters: fhir::patient_search::RESULT_PARAMETERS,
        operations: vec![
            Operation {
                name: "ihe-pix",
                definition: "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix",
                query: fhir::parameters::PIX_PARAMETERS,
                answer: "Parameters",
            },
            Operation {
                name: "match",
                definition: "https://profiles.ihe.net/ITI/PDQm/OperationDefinition/PDQmMatch",
                query: &[],
                answer: "Bundle",
            },
        ],
        ..ResourceCapability::default()
    }
}
