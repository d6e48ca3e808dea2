//! What the MHD profiles demand of what we write, as structure assertions. Source: spec/fhir.md section 4, 16.

use serde_json::Value;
use std::collections::HashSet;

/// FHIR's own rules for JSON: no null, no empty string, array or object.
pub fn assert_well_formed(value: &Value, path: &str) {
    match value {
        Value::Null => panic!("{path} is null"),
        Value::String(text) => assert!(!text.trim().is_empty(), "{path} is an empty string"),
        Value::Array(list) => {
            assert!(!list.is_empty(), "{path} is an empty array");
            list.iter().enumerate().for_each(|(i, v)| assert_well_formed(v, &format!("{path}[{i}]")));
        }
        Value::Object(map) => {
            assert!(!map.is_empty(), "{path} is an empty object");
            map.iter().for_each(|(k, v)| assert_well_formed(v, &format!("{path}.{k}")));
        }
        Value::Bool(_) | Value::Number(_) => {}
    }
}

fn references<'v>(value: &'v Value, out: &mut HashSet<&'v str>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| references(v, out)),
        Value::Object(map) => {
            if let Some(reference) = map.get("reference").and_then(Value::as_str) {
                out.insert(reference);
            }
            map.values().for_each(|v| references(v, out));
        }
        _ => {}
    }
}

/// MHD 4.2.3 and 4.2.4 alike: the declared profile's cardinalities and identifier slices, dom-3, ref-1.
pub fn assert_document_reference(r: &Value) {
    assert_well_formed(r, "DocumentReference");
    assert_eq!(r["resourceType"], "DocumentReference");
    let profiles = r["meta"]["profile"].as_array().unwrap();
    assert_eq!(profiles.len(), 1);
    for forbidden in ["modifierExtension", "docStatus", "implicitRules"] {
        assert!(r.get(forbidden).is_none(), "{forbidden}");
    }
    let master = &r["masterIdentifier"];
    assert_eq!((&master["use"], &master["type"]["coding"][0]["code"]), (&"usual".into(), &"uniqueId".into()));
    assert!(master["system"].is_string() && master["value"].is_string());
    for identifier in r["identifier"].as_array().unwrap() {
        match identifier["use"].as_str() {
            Some("official") => {
                assert_eq!(identifier["system"], "urn:ietf:rfc:3986");
                assert!(identifier["value"].as_str().unwrap().starts_with("urn:uuid:"));
                assert_eq!(identifier["type"]["coding"][0]["code"], "entryUUID");
            }
            Some("usual") => assert_eq!(identifier, master),
            other => panic!("identifier.use {other:?}"),
        }
    }
    assert!(["current", "superseded"].contains(&r["status"].as_str().unwrap()));
    let content = r["content"].as_array().unwrap();
    assert_eq!(content.len(), 1);
    let attachment = &content[0]["attachment"];
    assert!(attachment["contentType"].is_string() && attachment["url"].is_string());
    assert!(attachment.get("data").is_none());
    assert!(r["category"].as_array().is_none_or(|c| c.len() == 1));

    let contained: HashSet<String> =
        r["contained"].as_array().into_iter().flatten().map(|c| format!("#{}", c["id"].as_str().unwrap())).collect();
    assert_eq!(contained.len(), r["contained"].as_array().map_or(0, Vec::len), "ids of contained resources are unique");
    let mut used = HashSet::new();
    references(r, &mut used);
    for id in &contained {
        assert!(used.contains(id.as_str()), "dom-3: {id} is contained and not referenced");
    }
    for reference in used.iter().filter(|r| r.starts_with('#')) {
        assert!(contained.contains(*reference), "ref-1: {reference} is referenced and not contained");
    }

    if profiles[0].as_str().unwrap().contains("IHE.MHD.Comprehensive") {
        assert_eq!(r["category"].as_array().unwrap().len(), 1);
        assert!(r["type"].is_object() && r["subject"].is_object() && r["content"][0]["format"].is_object());
        assert!(!r["securityLabel"].as_array().unwrap().is_empty());
        assert!(attachment["language"].is_string() && attachment["creation"].is_string());
        let context = &r["context"];
        assert!(context["facilityType"].is_object() && context["practiceSetting"].is_object());
        assert!(context["sourcePatientInfo"]["reference"].as_str().unwrap().starts_with('#'));
        for author in r["author"].as_array().into_iter().flatten().chain(r.get("authenticator")) {
            assert!(author["reference"].as_str().unwrap().starts_with('#'), "participants are contained");
        }
    } else {
        assert!(profiles[0].as_str().unwrap().ends_with("IHE.MHD.Minimal.DocumentReference"));
    }
}
