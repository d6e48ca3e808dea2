//! From a peer's section to clients of the waist.

use crate::config::{NodeConfig, Peer};
use actors::{Clock, Fault, Identity, Imaging, Journal, Registry, Repository};
use anyhow::{Context, anyhow};
use fhir::provide_bundle::ProvideOptions;
use model::{ManifestSeries, Oid};
use net::{ClientTls, HttpClient, HttpClientOptions, Listener};
use std::sync::Arc;
use transactions::edge::fhir_client::FhirPeer;
use transactions::edge::soap_client::SoapPeer;
use transactions::edge::soap_replies::ReplyAddress;
use transactions::portal::ImagingDirectory;
use transactions::{
    iti41_provide_and_register_document_set, iti42_register_document_set, iti44_patient_identity_feed_v3,
    iti65_provide_document_bundle, iti67_find_document_references, iti68_retrieve_document,
    iti104_patient_identity_feed_fhir, rad107_wado_rs,
};

/// Peers by name, each with the HTTP client that its trust asks for.
pub struct Peers<'a> {
    pub config: &'a NodeConfig,
    /// Is told which peers answer.
    pub journal: Arc<Journal>,
    pub clock: Arc<dyn Clock>,
}

impl Peers<'_> {
    fn peer(&self, name: &str) -> anyhow::Result<&Peer> {
        self.config.peers.get(name).ok_or_else(|| anyhow!("there is no peer `{name}`"))
    }

    pub fn http(&self, name: &str) -> anyhow::Result<HttpClient> {
        let tls = self.peer(name)?.tls.clone().unwrap_or_default();
        let resolve = |path: Option<std::path::PathBuf>| path.map(|p| self.config.resolve(&p));
        let tls = ClientTls { ca: resolve(tls.ca), certificate: resolve(tls.certificate), key: resolve(tls.key) };
        let idle = std::time::Duration::from_millis(self.config.limits.idle_ms);
        let listener = Some(listener(name, &self.journal, &self.clock));
        HttpClient::new(&HttpClientOptions { tls, idle, listener, ..HttpClientOptions::default() })
            .with_context(|| format!("peers.{name}.tls"))
    }

    fn soap(&self, name: &str, url: Option<String>, service: &str) -> anyhow::Result<SoapPeer> {
        Ok(SoapPeer {
            name: name.to_owned(),
            url: url.ok_or_else(|| anyhow!("peers.{name} has no address for its {service}"))?,
            http: self.http(name)?,
            message_octets: self.message_octets(),
        })
    }

    pub fn registry(&self, name: &str) -> anyhow::Result<Arc<dyn Registry>> {
        let peer = self.soap(name, self.peer(name)?.registry_url(), "registry")?;
        Ok(Arc::new(iti42_register_document_set::Client { peer }))
    }

    pub fn repository(&self, name: &str) -> anyhow::Result<Arc<dyn Repository>> {
        let peer = self.soap(name, self.peer(name)?.repository_url(), "repository")?;
        Ok(Arc::new(iti41_provide_and_register_document_set::Client { peer, memory_octets: 256 << 20 }))
    }

    pub fn identity(&self, name: &str) -> anyhow::Result<Arc<dyn Identity>> {
        let peer = self.soap(name, self.peer(name)?.registry_url(), "patient identity feed")?;
        let (sender, receiver) = (device(&self.config.node.name)?, device(name)?);
        Ok(Arc::new(iti44_patient_identity_feed_v3::Client { peer, sender, receiver }))
    }

    pub fn imaging(&self, name: &str) -> anyhow::Result<Arc<dyn Imaging>> {
        let base_url = self.peer(name)?.wado_url().ok_or_else(|| anyhow!("peers.{name} has no address for WADO-RS"))?;
        Ok(Arc::new(rad107_wado_rs::Client { name: name.to_owned(), base: base_url, http: self.http(name)? }))
    }

    /// The peer's registry by its FHIR door.
    pub fn mhd_registry(&self, name: &str) -> anyhow::Result<Arc<dyn Registry>> {
        let (peer, most_entries) = (self.fhir(name)?, self.config.limits.query_results);
        Ok(Arc::new(iti67_find_document_references::Client { peer, most_entries }))
    }

    /// The peer's documents by its FHIR door.
    pub fn mhd_repository(&self, name: &str) -> anyhow::Result<Arc<dyn Repository>> {
        let address_from_unique_id = self.peer(name)?.kind == crate::config::PeerKind::Manifold;
        Ok(Arc::new(iti68_retrieve_document::Client { peer: self.fhir(name)?, address_from_unique_id }))
    }

    /// The peer's recipient: documents go in by ITI-65 and come out by ITI-68.
    pub fn mhd_recipient(&self, name: &str) -> anyhow::Result<Arc<dyn Repository>> {
        let ours = self.peer(name)?.kind == crate::config::PeerKind::Manifold;
        let retrieve = iti68_retrieve_document::Client { peer: self.fhir(name)?, address_from_unique_id: ours };
        let options = ProvideOptions { patch: true, extra_slots: ours };
        Ok(Arc::new(iti65_provide_document_bundle::Client { peer: self.fhir(name)?, retrieve, options }))
    }

    /// The peer's patients by its FHIR door.
    pub fn fhir_identity(&self, name: &str) -> anyhow::Result<Arc<dyn Identity>> {
        Ok(Arc::new(iti104_patient_identity_feed_fhir::Client { peer: self.fhir(name)? }))
    }

    fn fhir(&self, name: &str) -> anyhow::Result<FhirPeer> {
        let base = self.peer(name)?.fhir_url().ok_or_else(|| anyhow!("peers.{name} has no address for FHIR"))?;
        Ok(FhirPeer { name: name.to_owned(), base, http: self.http(name)?, message_octets: self.message_octets() })
    }

    fn message_octets(&self) -> usize {
        usize::try_from(self.config.limits.message_octets).unwrap_or(usize::MAX)
    }

    /// Every place that images may be fetched from: peers with a WADO-RS address.
    pub fn image_places(&self) -> anyhow::Result<Vec<ImagePlace>> {
        let mut places = Vec::new();
        for (name, peer) in &self.config.peers {
            if let Some(base_url) = peer.wado_url() {
                let location = peer.retrieve_location_uid.clone();
                places.push(ImagePlace { base_url, location, imaging: self.imaging(name)? });
            }
        }
        Ok(places)
    }

    /// Addresses that answers may be posted to.
    pub fn reply_addresses(&self) -> anyhow::Result<Vec<ReplyAddress>> {
        let mut all = Vec::new();
        for (name, peer) in &self.config.peers {
            if let Some(url) = &peer.reply_to {
                all.push(ReplyAddress { name: name.clone(), url: url.clone(), http: self.http(name)? });
            }
        }
        Ok(all)
    }

    /// Repositories of peers, by their unique ids.
    pub fn repositories(&self) -> anyhow::Result<Vec<(Oid, Arc<dyn Repository>)>> {
        let mut all = Vec::new();
        for (name, peer) in &self.config.peers {
            if let Some(id) = &peer.repository_unique_id {
                all.push((Oid::parse(id)?, self.repository(name)?));
            }
        }
        Ok(all)
    }
}

/// A place where instances can be fetched.
pub struct ImagePlace {
    pub base_url: String,
    /// Retrieve Location UID.
    pub location: Option<String>,
    pub imaging: Arc<dyn Imaging>,
}

/// The allow-list: a manifest names places, and only these are called.
pub struct ImagePlaces(pub Vec<ImagePlace>);

impl ImagingDirectory for ImagePlaces {
    fn source(&self, series: &ManifestSeries) -> Result<Arc<dyn Imaging>, Fault> {
        let location = series.retrieve_location_uid.as_ref().map(|uid| uid.as_str());
        let by_location = self.0.iter().find(|p| location.is_some() && p.location.as_deref() == location);
        let by_url = || self.0.iter().find(|p| series.wado_base() == Some(p.base_url.trim_end_matches('/')));
        by_location.or_else(by_url).map(|place| place.imaging.clone()).ok_or_else(|| {
            let named = series.wado_base().or(location).unwrap_or("no place at all");
            Fault::Denied(format!("the manifest says that images are at {named}, which is none of this node's peers"))
        })
    }
}

/// Tells the node's journal whether a peer answers.
pub(super) fn listener(peer: &str, journal: &Arc<Journal>, clock: &Arc<dyn Clock>) -> Listener {
    let (peer, journal, clock) = (peer.to_owned(), journal.clone(), clock.clone());
    Listener::new(move |outcome| journal.heard(&peer, outcome, clock.now_unix_micros()))
}

/// A device OID for a node that the configuration gives none: the same name always has the same.
pub fn device(name: &str) -> anyhow::Result<Oid> {
    let digest = store::Sha256::of(format!("device {name}").as_bytes());
    let mut number = [0; 16];
    number.copy_from_slice(&digest.0[..16]);
    Ok(Oid::parse(&format!("2.25.{}", u128::from_be_bytes(number)))?)
}
