//! From a peer's section to clients of the waist.

use crate::config::{NodeConfig, Peer};
use actors::{Identity, Imaging, Registry, Repository};
use anyhow::{Context, anyhow};
use model::Oid;
use net::{ClientTls, HttpClient, HttpClientOptions};
use std::sync::Arc;
use transactions::edge::soap_client::SoapPeer;
use transactions::{iti41_provide_and_register_document_set, iti42_register_document_set, iti44_patient_identity_feed_v3, rad107_wado_rs};

/// Peers by name, each with the HTTP client that its trust asks for.
pub struct Peers<'a> {
    pub config: &'a NodeConfig,
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
        HttpClient::new(&HttpClientOptions { tls, idle, ..HttpClientOptions::default() })
            .with_context(|| format!("peers.{name}.tls"))
    }

    fn soap(&self, name: &str, url: Option<String>, service: &str) -> anyhow::Result<SoapPeer> {
        Ok(SoapPeer {
            name: name.to_owned(),
            url: url.ok_or_else(|| anyhow!("peers.{name} has no address for its {service}"))?,
            http: self.http(name)?,
            message_octets: usize::try_from(self.config.limits.message_octets).unwrap_or(usize::MAX),
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
        Ok(Arc::new(iti44_patient_identity_feed_v3::Client::new(peer)))
    }

    pub fn imaging(&self, name: &str) -> anyhow::Result<Arc<dyn Imaging>> {
        let base_url = self.peer(name)?.wado_url().ok_or_else(|| anyhow!("peers.{name} has no address for WADO-RS"))?;
        Ok(Arc::new(rad107_wado_rs::Client::new(name, &base_url, self.http(name)?)))
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
