//! The CapabilityStatement of a node, from what its routers serve.

use fhir::capability::{Capability, ResourceCapability, SearchParameter};
use model::Dtm;

pub fn statement(fhir_base: &str, resources: Vec<ResourceCapability>, now_unix_micros: i64) -> Vec<u8> {
    let now = Dtm::from_unix_seconds(now_unix_micros.div_euclid(1_000_000));
    let date = fhir::datetime::encode(&now);
    fhir::capability::encode(&Capability {
        base_url: fhir_base,
        software: "manifold",
        version: env!("CARGO_PKG_VERSION"),
        description: "Imaging reports and manifests of a document sharing community (MHD)",
        date: &date,
        instantiates: Vec::new(),
        system_interactions: Vec::new(),
        resources,
        cors: false,
        security_services: Vec::new(),
        patch_formats: Vec::new(),
    })
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

/// ITI-104.
pub fn patient() -> ResourceCapability {
    let parameter = |name, kind| SearchParameter { name, kind, definition: None, documentation: None };
    ResourceCapability {
        resource: "Patient",
        interactions: vec!["read", "search-type", "create", "update"],
        conditional_update: true,
        search_parameters: vec![parameter("identifier", "token"), parameter("name", "string")],
        ..ResourceCapability::default()
    }
}
