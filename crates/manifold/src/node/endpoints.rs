//! What a node answers, by transaction id: its part of the endpoints file. A key is there if and only if the node
//! answers it.

use crate::config::NodeConfig;
use serde_json::{Map, Value, json};

pub fn endpoints(config: &NodeConfig) -> Value {
    let base = config.node.public_url.trim_end_matches('/');
    let actors = &config.actors;
    let mut names = Vec::new();
    let mut map = Map::new();
    let mut add = |keys: &[&str], url: String| {
        for key in keys {
            map.insert((*key).to_owned(), Value::String(url.clone()));
        }
    };
    if actors.document_registry.is_some() {
        names.push("document_registry");
        add(&["ITI-18", "ITI-42", "ITI-57", "ITI-61", "ITI-62", "ITI-92"], format!("{base}/xds/registry"));
    }
    if actors.document_repository.is_some() {
        names.push("document_repository");
        add(&["ITI-41", "ITI-43", "ITI-86", "RAD-68"], format!("{base}/xds/repository"));
    }
    if actors.patient_identity_manager.is_some() {
        names.push("patient_identity_manager");
        add(&["ITI-44"], format!("{base}/xds/registry"));
        add(&["ITI-78", "ITI-83", "ITI-104", "ITI-119"], format!("{base}/fhir"));
    }
    if let Some(mllp) = &config.listen.mllp {
        if config.takes_iti8() {
            add(&["ITI-8"], mllp.to_string());
        }
        if config.takes_oru() {
            add(&["MLLP"], mllp.to_string());
        }
    }
    if actors.mhd_document_responder.is_some() {
        names.push("mhd_document_responder");
        add(&["ITI-66", "ITI-67", "ITI-68"], format!("{base}/fhir"));
    }
    if actors.mhd_document_recipient.is_some() {
        names.push("mhd_document_recipient");
        add(&["ITI-65", "ITI-105", "ITI-106"], format!("{base}/fhir"));
    }
    if actors.imaging_archive.is_some() {
        names.push("imaging_archive");
        add(&["STOW-RS"], format!("{base}/dicomweb"));
    }
    if actors.pacs_proxy.is_some() {
        names.push("pacs_proxy");
    }
    if let Some(dicom) = config.listen.dicom.as_ref().filter(|_| config.takes_dicom()) {
        add(&["DIMSE"], dicom.address.to_string());
        add(&["DIMSE-AET"], dicom.ae_title.clone());
    }
    if actors.imaging_document_source.is_some() {
        names.push("imaging_document_source");
        add(&["RAD-107"], format!("{base}/dicomweb"));
        add(&["RAD-69"], format!("{base}/xds/imaging"));
    }
    if actors.report_source.is_some() {
        names.push("report_source");
    }
    if actors.portal.is_some() {
        names.push("portal");
        add(&["portal"], format!("{base}/portal"));
    }
    if config.shows_console() {
        add(&["console"], format!("{base}/console"));
    }
    add(&["ready"], format!("{base}/health/ready"));
    add(&["metrics"], format!("{base}/metrics"));
    json!({
        "name": config.node.name,
        "home_community_id": config.node.home_community_id,
        "repository_unique_id": actors.document_repository.as_ref().map(|r| &r.unique_id),
        "actors": names,
        "endpoints": map,
    })
}
