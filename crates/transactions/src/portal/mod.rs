//! The portal: choose a patient, one timeline of reports and studies, open the report, see the images. It reads through
//! the four traits alone and cannot tell where they lead. Source: ui.md; pages are the `pages` crate's.

mod answers;
mod cases;
mod documents;
mod instances;
mod pictures;
mod problems;
mod reports;
mod studies;
mod timelines;

use crate::edge::{Edge, pages::Asked};
use crate::{Access, Binding, Transaction};
use actors::{Fault, Identity, Imaging, Registry, Repository};
use axum::Router;
use axum::routing::get;
use http::request::Parts;
use model::{ManifestSeries, Oid, RegionMap};
use pages::{Frame, TimeZone};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A patient's list was shown. Audited as the query it is.
pub static VIEW_TIMELINE: Transaction = Transaction {
    id: "ITI-67",
    name: "Show a patient's timeline in the portal",
    section: "ui.md",
    binding: Binding::Http { method: "GET", path: "/portal/patient/{patient}" },
    access: Access::Query,
};

/// A report was opened. Audited as the retrieve it is.
pub static OPEN_REPORT: Transaction = Transaction {
    id: "ITI-68",
    name: "Open a report in the portal",
    section: "ui.md",
    binding: Binding::Http { method: "GET", path: "/portal/patient/{patient}/report/{entry}" },
    access: Access::Retrieve,
};

/// A study's images were opened: one record for the study, not one for each image.
pub static OPEN_IMAGES: Transaction = Transaction {
    id: "RAD-106",
    name: "Open a study's images in the portal",
    section: "ui.md",
    binding: Binding::Http { method: "GET", path: "/portal/patient/{patient}/study/{entry}" },
    access: Access::Retrieve,
};

/// Where the instances of a series come from.
pub trait ImagingDirectory: Send + Sync {
    /// The source that a manifest names for this series, by its Retrieve Location UID or its URL.
    ///
    /// Errors: `Denied` or `Unsupported` for a place that this node does not know: a manifest must not make it call anybody.
    fn source(&self, series: &ManifestSeries) -> Result<Arc<dyn Imaging>, Fault>;
}

impl<F> ImagingDirectory for F
where
    F: Fn(&ManifestSeries) -> Result<Arc<dyn Imaging>, Fault> + Send + Sync,
{
    fn source(&self, series: &ManifestSeries) -> Result<Arc<dyn Imaging>, Fault> {
        self(series)
    }
}

/// What the portal needs.
#[derive(Clone)]
pub struct Portal {
    pub identity: Arc<dyn Identity>,
    pub registry: Arc<dyn Registry>,
    pub repository: Arc<dyn Repository>,
    pub imaging: Arc<dyn ImagingDirectory>,
    pub regions: RegionMap,
    pub edge: Edge,
    /// Domain of the patient numbers that addresses hold without saying so.
    pub patient_domain: Oid,
    /// Zone in which times are shown.
    pub time_zone: TimeZone,
    /// Shown beside the portal's name.
    pub node: String,
    /// Folder of its own for instances that are being looked at; emptied at start.
    pub cache_folder: PathBuf,
    /// Most octets of them; also the largest instance that can be shown.
    pub cache_octets: u64,
}

/// Default of [`Portal::cache_octets`].
pub const CACHE_OCTETS: u64 = 256 << 20;

const BASE: &str = "/portal";

/// All pages of the portal, under `/portal`.
///
/// Shape: GET and HEAD; pages need no script except the viewer. Patient pages are never stored by browsers.
pub fn router(portal: Portal) -> Router {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let here = Arc::new(Here {
        instances: instances::InstanceCache::new(portal.cache_folder.clone(), portal.cache_octets),
        documents: documents::DocumentCache::default(),
        opened: studies::Opened::default(),
        rendering: Arc::new(Semaphore::new(threads)),
        portal,
    });
    Router::new()
        .route("/portal", get(timelines::patients))
        .route("/portal/", get(timelines::patients))
        .route("/portal/patient/{patient}", get(timelines::timeline))
        .route("/portal/patient/{patient}/report/{entry}", get(reports::report))
        .route("/portal/patient/{patient}/report/{entry}/document", get(reports::document))
        .route("/portal/patient/{patient}/study/{entry}", get(studies::study))
        .route("/portal/patient/{patient}/study/{entry}/images", get(studies::images))
        .route("/portal/patient/{patient}/study/{entry}/count", get(studies::count))
        .route(
            "/portal/patient/{patient}/study/{entry}/series/{series}/instance/{instance}/frame/{frame}",
            get(pictures::picture),
        )
        .route(
            "/portal/patient/{patient}/study/{entry}/series/{series}/instance/{instance}/frame/{frame}/geometry",
            get(pictures::geometry),
        )
        .route("/portal/assets/{name}", get(crate::edge::pages::asset))
        .route("/portal/{*rest}", get(timelines::nothing_here))
        .with_state(here)
}

/// The running portal.
struct Here {
    portal: Portal,
    instances: instances::InstanceCache,
    documents: documents::DocumentCache,
    opened: studies::Opened,
    rendering: Arc<Semaphore>,
}

impl Here {
    fn asked(&self, parts: &Parts) -> Asked {
        Asked::of(parts, &self.portal.edge, &self.portal.time_zone)
    }

    fn frame(&self, asked: &Asked, patient: &str) -> Frame {
        Frame {
            texts: asked.texts,
            base: BASE.to_owned(),
            patient: patient.to_owned(),
            node: self.portal.node.clone(),
            here: asked.here.clone(),
        }
    }
}
