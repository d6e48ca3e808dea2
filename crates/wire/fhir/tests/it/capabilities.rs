//! CapabilityStatement.

use fhir::capability::*;

#[test]
fn a_statement_says_what_the_caller_lists() {
    let bytes = encode(&Capability {
        base_url: "https://central.example/fhir",
        software: "manifold",
        version: "0.1.0",
        date: "2026-11-01",
        instantiates: vec!["https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentResponder"],
        resources: vec![ResourceCapability {
            resource: "DocumentReference",
            interactions: vec!["read", "search-type"],
            search_parameters: vec![SearchParameter {
                name: "creation",
                kind: "date",
                definition: Some("https://profiles.ihe.net/ITI/MHD/SearchParameter/DocumentReference-Creation"),
                documentation: None,
            }],
            ..ResourceCapability::default()
        }],
        cors: true,
        ..Capability::default()
    });
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    crate::profiles::assert_well_formed(&value, "CapabilityStatement");
    assert_eq!(value["fhirVersion"], "4.0.1");
    assert_eq!(value["kind"], "instance");
    assert_eq!(value["implementation"]["url"], "https://central.example/fhir");
    assert_eq!(value["rest"][0]["mode"], "server");
    assert_eq!(value["rest"][0]["resource"][0]["interaction"][1]["code"], "search-type");
    assert_eq!(value["rest"][0]["resource"][0]["searchParam"][0]["type"], "date");
    assert_eq!(value["rest"][0]["resource"][0].get("conditionalUpdate"), None);
}
