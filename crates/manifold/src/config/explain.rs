//! `config check`: a node's file in words: what it plays, where it listens, whom it knows, what is missing.

use super::{Images, NodeConfig, PacsProxy};
use std::fmt::Write;

/// Several lines for a person; the last ones start with `note:` and name what is probably missing.
pub fn explain(config: &NodeConfig) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("node {} keeps its data in {}", config.node.name, config.node.data.display()));
    let tls = match &config.listen.tls {
        Some(tls) if tls.client_ca.is_some() => "with mutual TLS",
        Some(_) => "with TLS",
        None => "without TLS",
    };
    line(format!("listens for HTTP on {} {tls}; peers are told {}", config.listen.http, config.node.public_url));
    match &config.listen.dicom {
        Some(dicom) if config.takes_dicom() => {
            line(format!("listens for DICOM on {} as {}", dicom.address, dicom.ae_title));
        }
        Some(_) => line("note: listen.dicom is not used: no actor of this node takes anything by DICOM".into()),
        None => {}
    }
    if let Some(mllp) = &config.listen.mllp {
        let messages = [("ITI-8", config.takes_iti8()), ("ORU^R01", config.takes_oru())];
        let messages: Vec<&str> = messages.into_iter().filter(|(_, taken)| *taken).map(|(name, _)| name).collect();
        line(format!("listens for HL7 v2 over MLLP on {mllp} {tls}: {}", messages.join(", ")));
    }
    if !config.listen.cors_origins.is_empty() {
        line(format!("lets pages of {} use FHIR from a browser", config.listen.cors_origins.join(", ")));
    }
    let actors = &config.actors;
    if actors.document_registry.is_some() {
        line("plays Document Registry: ITI-18, 42, 51, 57, 61, 62, 92 at /xds/registry".into());
    }
    if let Some(repository) = &actors.document_repository {
        line(format!(
            "plays Document Repository {}: ITI-41, RAD-68, ITI-43, ITI-86 at /xds/repository; registers at {}",
            repository.unique_id, repository.register_at
        ));
    }
    if actors.patient_identity_manager.is_some() {
        line("plays Patient Identity Manager: ITI-44 at /xds/registry, ITI-104, 78, 83 and 119 at /fhir".into());
    }
    if actors.mhd_document_responder.is_some() {
        line("plays MHD Document Responder: ITI-66, ITI-67, ITI-68 at /fhir".into());
    }
    if let Some(recipient) = &actors.mhd_document_recipient {
        line(format!(
            "plays MHD Document Recipient: ITI-65, ITI-105, ITI-106 at /fhir; publishes to {}{}",
            recipient.publish_to,
            if recipient.simplified_replace { "; ITI-105 and ITI-106 may replace" } else { "" }
        ));
    }
    if actors.imaging_archive.is_some() {
        line("plays imaging archive: C-STORE".into());
    }
    if let Some(proxy) = &actors.pacs_proxy {
        for text in pacs_proxy(proxy, config) {
            line(text);
        }
    }
    if let Some(source) = &actors.imaging_document_source {
        line(format!(
            "plays Imaging Document Source: RAD-107 at /dicomweb, RAD-69 at /xds/imaging; publishes manifests to {} when a study was quiet for {} ms",
            source.publish_to, source.quiet_time_ms
        ));
        for ae in &source.sources {
            line(format!(
                "  objects from {} belong to {}",
                ae.ae_title,
                ae.institution.split('^').next().unwrap_or("")
            ));
        }
        if source.sources.is_empty() {
            line("note: actors.imaging_document_source has no [[sources]]: objects without an issuer of the patient ID are held".into());
        }
    }
    if let Some(source) = &actors.report_source {
        line(format!("plays report source: publishes to {}", source.publish_to));
    }
    if let Some(portal) = &actors.portal {
        line(format!("shows the portal at /portal, reading from {}", portal.reads));
    }
    line(match config.shows_console() {
        true if config.listen.http.ip().is_loopback() => "shows the operator's console at /console".into(),
        true => format!("shows the operator's console at /console to whoever reaches {}", config.listen.http),
        false => "shows no console: /console needs loopback, mutual TLS, or console = true under [listen]".into(),
    });
    for (name, peer) in &config.peers {
        let at = peer.url.as_deref().or(peer.address.as_deref()).unwrap_or("addresses of its own");
        line(format!("knows {name} at {at}"));
    }
    if actors.document_registry.is_some()
        && actors.patient_identity_manager.is_none()
        && config.affinity_domain.patients.is_none()
    {
        line("note: nobody tells this registry about patients: play patient_identity_manager, name affinity_domain.patients, or set unknown_patient = \"accept\"".into());
    }
    if actors.imaging_archive.is_some() && actors.imaging_document_source.is_none() {
        line("note: objects are stored but never published: actors.imaging_document_source is missing".into());
    }
    if actors.pacs_proxy.is_some() && actors.imaging_document_source.is_none() {
        line("note: the PACS is observed but nothing is published: actors.imaging_document_source is missing".into());
    }
    out
}

fn pacs_proxy(proxy: &PacsProxy, config: &NodeConfig) -> Vec<String> {
    let pacs = proxy.pacs(config);
    let title = pacs.and_then(|pacs| pacs.ae_title.as_deref()).unwrap_or("");
    let images = match proxy.images() {
        Images::MoveTo(destination) => format!("C-MOVE to {destination}"),
        Images::Get => "C-GET".to_owned(),
    };
    let mut out = vec![format!(
        "plays PACS proxy of {} ({title}): asks for the studies of {} days every {} ms; images come by {images}",
        proxy.peer, proxy.window_days, proxy.poll_ms
    )];
    let confirm = proxy.confirm_missing;
    out.push(format!(
        "  what {} questions at least {} ms apart do not list is gone",
        confirm.queries, confirm.apart_ms
    ));
    if !proxy.triggers.is_empty() {
        let triggers: Vec<&str> = proxy.triggers.iter().map(|trigger| trigger.name()).collect();
        out.push(format!("  looks at a study at once on: {}", triggers.join(", ")));
    }
    if !proxy.quirks.is_empty() {
        out.push(format!("  bears with: {}", proxy.quirks.join("; ")));
    }
    let sources = config.actors.imaging_document_source.iter().flat_map(|source| &source.sources);
    if sources.clone().next().is_some() && !sources.clone().any(|ae| ae.ae_title == title || ae.ae_title == "*") {
        out.push(format!(
            "note: actors.imaging_document_source.sources has no line for {title}, the AE title of the PACS: its studies are held"
        ));
    }
    out
}
