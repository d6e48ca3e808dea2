//! With whom a command talks: `--endpoints FILE --node NAME`, or addresses of their own; and from there to clients of the
//! waist. Source: design.md section 2.

use super::endpoints::Endpoints;
use super::stop::Stop;
use crate::node::{RandomIdentifiers, SystemClock};
use actors::{Cx, Registry, Repository, RepositoryDirectory};
use clap::{Args, ValueEnum};
use fhir::provide_bundle::ProvideOptions;
use model::{Oid, PatientId};
use net::{ClientTls, HttpClient, HttpClientOptions};
use std::path::PathBuf;
use std::sync::Arc;
use transactions::edge::fhir_client::FhirPeer;
use transactions::edge::soap_client::SoapPeer;
use transactions::{
    iti41_provide_and_register_document_set as iti41, iti42_register_document_set as iti42,
    iti65_provide_document_bundle as iti65, iti67_find_document_references as iti67, iti68_retrieve_document as iti68,
};

/// Largest SOAP or FHIR answer without documents, octets.
const MESSAGE_OCTETS: usize = 64 << 20;
/// Most entries of an answer that comes in pages.
const MOST_ENTRIES: usize = 100_000;
/// Most octets of documents kept in memory when several are retrieved at once.
const MEMORY_OCTETS: u64 = 256 << 20;

/// Which protocol reads or publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// ITI-18 and ITI-43; ITI-41.
    Xds,
    /// ITI-67 and ITI-68; ITI-65.
    Mhd,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Where to")]
pub struct Connection {
    /// Endpoints file that `manifold demo --endpoints` or `manifold serve --endpoints` wrote
    #[arg(long, value_name = "FILE")]
    pub endpoints: Option<PathBuf>,
    /// Node of the endpoints file to prefer; without it `central`, else the first that answers
    #[arg(long, value_name = "NAME", requires = "endpoints")]
    pub node: Option<String>,
    /// Address of ITI-18, instead of the endpoints file's
    #[arg(long, value_name = "URL")]
    pub registry: Option<String>,
    /// Address of ITI-41 and ITI-43, instead of the endpoints file's
    #[arg(long, value_name = "URL")]
    pub repository: Option<String>,
    /// FHIR base of ITI-67, ITI-68 and ITI-104, instead of the endpoints file's
    #[arg(long, value_name = "URL")]
    pub fhir: Option<String>,
    /// Domain of a bare patient id, when the endpoints file does not say
    #[arg(long, value_name = "OID")]
    pub domain: Option<String>,
    #[command(flatten)]
    pub trust: Trust,
}

/// How peers are trusted over TLS, and how we show ourselves.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "TLS")]
pub struct Trust {
    /// Certificates (PEM) of the only authority to trust
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Own certificate (PEM) to show
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// Private key (PEM) of the certificate
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
}

impl Trust {
    /// Errors: a file that cannot be read or holds something else.
    pub fn client(&self) -> Result<HttpClient, Stop> {
        let tls = ClientTls { ca: self.ca.clone(), certificate: self.certificate.clone(), key: self.key.clone() };
        Ok(HttpClient::new(&HttpClientOptions { tls, ..HttpClientOptions::default() })?)
    }
}

/// A party with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Node name, or the address where there is none.
    pub name: String,
    pub url: String,
}

/// The parties of one command.
pub struct Parties {
    pub connection: Connection,
    pub endpoints: Option<Endpoints>,
    pub http: HttpClient,
}

impl Parties {
    /// Errors: an endpoints file or certificate that cannot be read, a node that is not in the file.
    pub fn open(connection: &Connection) -> Result<Self, Stop> {
        let endpoints = connection.endpoints.as_deref().map(Endpoints::read).transpose()?;
        if let (Some(endpoints), Some(node)) = (&endpoints, &connection.node) {
            endpoints.node(node)?;
        }
        let http = connection.trust.client()?;
        Ok(Parties { connection: connection.clone(), endpoints, http })
    }

    /// Who answers `key`, if anybody does: an explicit address before the endpoints file.
    pub fn try_party(&self, key: &str) -> Option<Party> {
        let explicit = match key {
            "ITI-18" => &self.connection.registry,
            "ITI-41" | "ITI-43" => &self.connection.repository,
            "ITI-65" | "ITI-67" | "ITI-68" | "ITI-78" | "ITI-104" => &self.connection.fhir,
            _ => &None,
        };
        if let Some(url) = explicit {
            return Some(Party { name: url.clone(), url: url.clone() });
        }
        let (node, url) = self.endpoints.as_ref()?.answering(key, self.connection.node.as_deref())?;
        Some(Party { name: node.name.clone(), url: url.to_owned() })
    }

    /// Who answers RAD-69 for what is at this WADO-RS base: the node of the endpoints file that has both.
    pub fn rad69_beside(&self, wado_base: &str) -> Option<Party> {
        let mut nodes = self.endpoints.iter().flat_map(|e| &e.nodes);
        let node = nodes.find(|n| n.get("RAD-107").is_some_and(|base| base.trim_end_matches('/') == wado_base))?;
        Some(Party { name: node.name.clone(), url: node.get("RAD-69")?.to_owned() })
    }

    /// [`Parties::try_party`], or a sentence about what to give.
    pub fn party(&self, key: &str, option: &str) -> Result<Party, Stop> {
        self.try_party(key).ok_or_else(|| match &self.endpoints {
            Some(endpoints) => Stop::failed(format!(
                "no node of {} answers {key}; name its address by {option}",
                endpoints.file.display()
            )),
            None => Stop::usage(format!("nothing says who answers {key}: give --endpoints FILE or {option}")),
        })
    }

    pub fn soap(&self, party: Party) -> SoapPeer {
        SoapPeer { name: party.name, url: party.url, http: self.http.clone(), message_octets: MESSAGE_OCTETS }
    }

    pub fn fhir(&self, party: Party) -> FhirPeer {
        let base = party.url.trim_end_matches('/').to_owned();
        FhirPeer { name: party.name, base, http: self.http.clone(), message_octets: MESSAGE_OCTETS }
    }

    /// The registry over ITI-18 or ITI-67.
    pub fn registry_via(&self, via: Option<Via>) -> Result<Arc<dyn Registry>, Stop> {
        match self.via(via) {
            Via::Xds => self.registry(),
            Via::Mhd => {
                let peer = self.fhir(self.party("ITI-67", "--fhir URL")?);
                Ok(Arc::new(iti67::Client { peer, most_entries: MOST_ENTRIES }))
            }
        }
    }

    /// Documents over ITI-43 or ITI-68.
    pub fn repositories_via(&self, via: Option<Via>) -> Result<Arc<dyn Repository>, Stop> {
        match self.via(via) {
            Via::Xds => self.repositories(),
            Via::Mhd => {
                let peer = self.fhir(self.party("ITI-68", "--fhir URL")?);
                // Nodes of an endpoints file are ours, and ours have one address per document.
                let address_from_unique_id = self.connection.fhir.is_none();
                Ok(Arc::new(iti68::Client { peer, address_from_unique_id }))
            }
        }
    }

    /// The registry over ITI-18.
    pub fn registry(&self) -> Result<Arc<dyn Registry>, Stop> {
        let peer = self.soap(self.party("ITI-18", "--registry URL")?);
        Ok(Arc::new(iti42::Client { peer }))
    }

    /// Every repository that is known, over ITI-43: the one of `--repository`, or those of the endpoints file.
    pub fn repositories(&self) -> Result<Arc<dyn Repository>, Stop> {
        if self.connection.repository.is_some() {
            let peer = self.soap(self.party("ITI-43", "--repository URL")?);
            return Ok(Arc::new(iti41::Client { peer, memory_octets: MEMORY_OCTETS }));
        }
        let mut directory = RepositoryDirectory::default();
        let mut known = 0;
        for node in self.endpoints.iter().flat_map(|e| &e.nodes) {
            let (Some(id), Some(url)) = (&node.repository_unique_id, node.get("ITI-43")) else { continue };
            let id = Oid::parse(id).map_err(|e| Stop::failed(format!("repository_unique_id of {}: {e}", node.name)))?;
            let peer = self.soap(Party { name: node.name.clone(), url: url.to_owned() });
            directory = directory.with(id, Arc::new(iti41::Client { peer, memory_octets: MEMORY_OCTETS }));
            known += 1;
        }
        if known == 0 {
            self.party("ITI-43", "--repository URL")?;
            return Err(Stop::failed("no node of the endpoints file has both ITI-43 and a repository_unique_id"));
        }
        Ok(Arc::new(directory))
    }

    /// Where documents are published: ITI-41, or ITI-65 for `mhd`, of the preferred node, else of the node it publishes to.
    pub fn publish_to(&self, via: Option<Via>) -> Result<(Party, Arc<dyn Repository>), Stop> {
        if via == Some(Via::Mhd)
            || (via.is_none() && self.try_party("ITI-41").is_none() && self.try_party("ITI-65").is_some())
        {
            let party = self.party("ITI-65", "--fhir URL")?;
            let address_from_unique_id = self.connection.fhir.is_none();
            let retrieve = iti68::Client { peer: self.fhir(party.clone()), address_from_unique_id };
            let options = ProvideOptions { patch: true, extra_slots: address_from_unique_id };
            return Ok((party.clone(), Arc::new(iti65::Client { peer: self.fhir(party), retrieve, options })));
        }
        let party = self.party("ITI-41", "--repository URL")?;
        let client = iti41::Client { peer: self.soap(party.clone()), memory_octets: MEMORY_OCTETS };
        Ok((party, Arc::new(client)))
    }

    /// Which protocol to read by: what was asked for, else XDS where somebody answers it.
    pub fn via(&self, asked: Option<Via>) -> Via {
        asked.unwrap_or(match (self.try_party("ITI-18"), self.try_party("ITI-67")) {
            (None, Some(_)) => Via::Mhd,
            _ => Via::Xds,
        })
    }

    /// The domain of bare patient ids, when anything says it.
    pub fn domain(&self) -> Result<Option<Oid>, Stop> {
        let from_file = self.endpoints.as_ref().and_then(|e| e.patient_domain.as_ref());
        let text = self.connection.domain.as_ref().or(from_file);
        text.map(|text| Oid::parse(text).map_err(|e| Stop::usage(format!("the patient domain {e}")))).transpose()
    }

    /// `P0001`, `2.999.7|P0001` or `P0001^^^&2.999.7&ISO`.
    pub fn patient_id(&self, text: &str) -> Result<PatientId, Stop> {
        read_patient_id(text, self.domain()?.as_ref())
    }
}

fn read_patient_id(text: &str, domain: Option<&Oid>) -> Result<PatientId, Stop> {
    let text = text.trim();
    if text.contains('^') {
        return PatientId::parse(text).map_err(|e| Stop::usage(format!("--patient {}; got `{text}`", e.rule)));
    }
    if let Some((domain, id)) = text.split_once('|') {
        let domain = domain.strip_prefix("urn:oid:").unwrap_or(domain);
        let domain = Oid::parse(domain).map_err(|e| Stop::usage(format!("the domain of --patient {e}")))?;
        return non_empty(id).map(|id| PatientId::new(id, domain));
    }
    let id = non_empty(text)?;
    match domain {
        Some(domain) => Ok(PatientId::new(id, domain.clone())),
        None => Err(Stop::usage(format!(
            "nothing says which domain the patient id {id} belongs to: give --domain OID or write {id}^^^&OID&ISO"
        ))),
    }
}

fn non_empty(id: &str) -> Result<&str, Stop> {
    if id.is_empty() { Err(Stop::usage("--patient is empty")) } else { Ok(id) }
}

/// The circumstances of a command.
pub fn circumstances() -> Cx {
    Cx::local("manifold", Arc::new(SystemClock), Arc::new(RandomIdentifiers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(text: &str) -> Oid {
        Oid::parse(text).unwrap()
    }

    #[test]
    fn a_patient_id_is_read_in_every_form_people_write() {
        let expected = PatientId::new("P0001", oid("2.999.7"));
        let domain = oid("2.999.7");
        for text in ["P0001", "2.999.7|P0001", "urn:oid:2.999.7|P0001", "P0001^^^&2.999.7&ISO", " P0001 "] {
            assert_eq!(read_patient_id(text, Some(&domain)).unwrap(), expected, "{text}");
        }
        assert_eq!(read_patient_id("2.999.8|P0001", Some(&domain)).unwrap().domain, oid("2.999.8"));
    }

    #[test]
    fn a_patient_id_without_domain_is_asked_for_one() {
        let stop = read_patient_id("P0001", None).unwrap_err();
        assert!(matches!(&stop, Stop::Usage(text) if text.contains("--domain OID")), "{stop:?}");
        for text in ["", "2.999.7|", "x|P0001", "^^^&2.999.7&ISO", "P0001^^^NAME"] {
            assert!(matches!(read_patient_id(text, Some(&oid("2.999.7"))), Err(Stop::Usage(_))), "{text}");
        }
    }

    #[test]
    fn an_explicit_address_wins_over_the_endpoints_file() {
        let connection = Connection { registry: Some("http://r.example/".into()), ..Connection::default() };
        let parties = Parties::open(&connection).unwrap();
        assert_eq!(parties.party("ITI-18", "--registry URL").unwrap().url, "http://r.example/");
        let stop = parties.party("ITI-43", "--repository URL").unwrap_err();
        assert_eq!(
            stop,
            Stop::Usage("nothing says who answers ITI-43: give --endpoints FILE or --repository URL".into())
        );
    }
}
