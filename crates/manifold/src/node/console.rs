//! What the console of this node is made of. It is there where nobody but the node's own people can reach it, or where the
//! file says so. Source: design section 10.

use super::Opened;
use super::status::Status;
use crate::config::NodeConfig;
use actors::Operations;
use axum::Router;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use transactions::console::{self, Console, FirstStudy};

/// The console, or nothing where the file does not want one.
pub(super) fn router(config: &NodeConfig, opened: &Opened, status: &Status, quiet: &Arc<AtomicI64>) -> Router {
    if !config.shows_console() {
        return Router::new();
    }
    let source = config.actors.imaging_document_source.as_ref();
    let operations = Operations {
        store: opened.store.clone(),
        journal: opened.journal.clone(),
        quiet_micros: source.map(|_| quiet.clone()),
        pacs: status.pacs.as_ref().map(|pacs| pacs.observer.clone()),
    };
    console::router(Console {
        operations,
        edge: opened.edge.clone(),
        peers: status.peers.clone(),
        pacs: status.pacs.as_ref().map(|pacs| pacs.name.clone()),
        time_zone: jiff::tz::TimeZone::system(),
        node: config.node.name.clone(),
        first_study: first_study(config),
    })
}

/// What brings the first study to this node.
fn first_study(config: &NodeConfig) -> FirstStudy {
    let actors = &config.actors;
    match (&config.listen.dicom, &actors.imaging_document_source) {
        (_, None) => FirstStudy::NoSource,
        (Some(dicom), Some(_)) if actors.imaging_archive.is_some() => FirstStudy::Send(format!(
            "storescu -aec {} {} {} image.dcm",
            dicom.ae_title,
            dicom.address.ip(),
            dicom.address.port()
        )),
        _ => FirstStudy::Observe,
    }
}
