//! The CapabilityStatement of a node, from what its routers serve.

use fhir::capability::{Capability, Operation, ResourceCapability};
use model::Dtm;

/// Requirement statements of MHD.
pub const RECIPIENT: &str =
    "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentRecipient.Comprehensive";
pub const SIMPLIFIED: &str =
    "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentRecipient.Simplified";
pub const GENERATE: &str = "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentRecipient.Generate";
pub const RESPONDER: &str = "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentResponder";

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
        known.operations.extend(more.operations);
    }
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
pub fn published_document_reference() -> ResourceCapability {
    ResourceCapability {
        resource: "DocumentReference",
        supported_profiles: vec![fhir::document_reference::SIMPLIFIED_PUBLISH],
        interactions: vec!["create"],
        conditional_create: true,
        operations: vec![Operation {
            name: "generate-metadata",
            definition: "https://profiles.ihe.net/ITI/MHD/OperationDefinition/generate-metadata",
        }],
        ..ResourceCapability::default()
    }
}

/// ITI-67 and ITI-68.
pub fn document_reference() -> ResourceCapability {
    ResourceCapability {
        resource: "DocumentReference",
        supported_profiles: vec![fhir::document_reference::MINIMAL, fhir::document_reference::COMPREHENSIVE],
        interactions: vec!["read", "search-type"],
        search_parameters: fhir::search::PARAMETERS.to_vec(),
        ..ResourceCapability::default()
    }
}

/// ITI-66.
pub fn list() -> ResourceCapability {
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
        ..ResourceCapability::default()
    }
}

/// ITI-78, ITI-83, ITI-104 and ITI-119.
pub fn patient() -> ResourceCapability {
    ResourceCapability {
        resource: "Patient",
        supported_profiles: vec![fhir::patient::PROFILE, fhir::patient::PDQM_PROFILE],
        interactions: vec!["read", "search-type", "create", "update", "delete"],
        conditional_create: true,
        conditional_update: true,
        conditional_delete: Some("single"),
        search_parameters: fhir::patient_search::PARAMETERS.to_vec(),
        operations: vec![
            Operation {
                name: "ihe-pix",
                definition: "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix",
            },
            Operation { name: "match", definition: "https://profiles.ihe.net/ITI/PDQm/OperationDefinition/PDQmMatch" },
        ],
        ..ResourceCapability::default()
    }
}
