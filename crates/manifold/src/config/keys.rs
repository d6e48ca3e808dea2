//! The keys of a node's file, with their defaults. Names and meaning are a contract with every operator.

use super::pacs_proxy::{PacsProxy, Trigger};
use model::{HomeCommunityId, Oid, RetrieveLocationUid, Xon};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One node.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    pub node: Node,
    pub listen: Listen,
    #[serde(default)]
    pub peers: BTreeMap<String, Peer>,
    #[serde(default)]
    pub affinity_domain: AffinityDomain,
    #[serde(default)]
    pub actors: Actors,
    #[serde(default)]
    pub limits: Limits,
    /// Folder of the file; relative paths start there.
    #[serde(skip)]
    pub base: PathBuf,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    pub name: String,
    /// The community this node belongs to.
    pub home_community_id: Option<String>,
    /// What peers are told; never guessed from a request.
    pub public_url: String,
    /// Embedded store: SQLite and files.
    pub data: PathBuf,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// SOAP, FHIR, DICOMweb and pages: one port.
    pub http: SocketAddr,
    pub dicom: Option<ListenDicom>,
    /// HL7 v2 messages, told apart by MSH-9.
    pub mllp: Option<SocketAddr>,
    pub tls: Option<ListenTls>,
    /// A public address without TLS is refused unless this is true.
    #[serde(default)]
    pub insecure: bool,
    /// The operator's console at /console; absent: where only loopback, or a client with a certificate, reaches the port.
    pub console: Option<bool>,
    /// Pages of these origins may use FHIR from a browser (CORS).
    #[serde(default)]
    pub cors_origins: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenDicom {
    pub address: SocketAddr,
    pub ae_title: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenTls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Makes the handshake mutual.
    pub client_ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerKind {
    /// Speaks the paths of manifold under one `url`.
    Manifold,
    Xds,
    Mhd,
    Pacs,
    Ris,
}

/// A remote party, declared once and referred to by name. With `kind = "manifold"` every service has its usual path
/// under `url`; other kinds name each service's address.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    pub kind: PeerKind,
    pub url: Option<String>,
    pub registry: Option<String>,
    pub repository: Option<String>,
    pub imaging: Option<String>,
    pub fhir: Option<String>,
    pub wado: Option<String>,
    pub xca: Option<String>,
    pub xcpd: Option<String>,
    pub viewer: Option<String>,
    /// Where the peer takes answers that it does not wait for (wsa:ReplyTo), or what such addresses begin with.
    pub reply_to: Option<String>,
    pub home_community_id: Option<String>,
    pub repository_unique_id: Option<String>,
    pub retrieve_location_uid: Option<String>,
    /// With `kind = "pacs"`: `host:port`.
    pub address: Option<String>,
    pub ae_title: Option<String>,
    pub tls: Option<PeerTls>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PeerTls {
    pub ca: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

impl Peer {
    fn service(&self, given: &Option<String>, path: &str) -> Option<String> {
        given.clone().or_else(|| {
            let url = self.url.as_ref().filter(|_| self.kind == PeerKind::Manifold)?;
            Some(format!("{}{path}", url.trim_end_matches('/')))
        })
    }

    pub fn registry_url(&self) -> Option<String> {
        self.service(&self.registry, "/xds/registry")
    }

    pub fn repository_url(&self) -> Option<String> {
        self.service(&self.repository, "/xds/repository")
    }

    pub fn fhir_url(&self) -> Option<String> {
        self.service(&self.fhir, "/fhir")
    }

    pub fn wado_url(&self) -> Option<String> {
        self.service(&self.wado, "/dicomweb")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPatientAtRegistration {
    Refuse,
    Accept,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AffinityDomain {
    /// OID of the national or regional patient id.
    pub patient_domain: Option<String>,
    /// How HL7 v2 senders name that domain when they leave out its OID (CX-4.1).
    pub patient_namespace: Option<String>,
    /// Known patients at start: id,name,birth_date,sex.
    pub patients: Option<PathBuf>,
    pub unknown_patient: UnknownPatientAtRegistration,
    /// Value sets; absent means the built-in ones.
    pub codes: Option<PathBuf>,
    /// Body part and procedure code to coarse region; absent means the built-in map.
    pub regions: Option<PathBuf>,
}

impl Default for AffinityDomain {
    fn default() -> Self {
        AffinityDomain {
            patient_domain: None,
            patient_namespace: None,
            patients: None,
            unknown_patient: UnknownPatientAtRegistration::Refuse,
            codes: None,
            regions: None,
        }
    }
}

/// The IHE actors this node plays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actors {
    pub document_registry: Option<DocumentRegistry>,
    pub document_repository: Option<DocumentRepository>,
    pub patient_identity_manager: Option<Empty>,
    pub mhd_document_recipient: Option<DocumentRecipient>,
    pub mhd_document_responder: Option<Empty>,
    pub imaging_archive: Option<Empty>,
    pub imaging_document_source: Option<ImagingDocumentSource>,
    pub pacs_proxy: Option<PacsProxy>,
    pub report_source: Option<ReportSource>,
    pub portal: Option<Portal>,
}

/// An actor without options of its own.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Where documents of the FHIR door go, and what completes them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRecipient {
    /// `self` or a peer with a repository and a registry.
    #[serde(default = "self_name")]
    pub publish_to: String,
    /// SubmissionSet.sourceId of what comes by ITI-105 and ITI-106; absent: derived from the node's name.
    #[serde(default)]
    pub source_id: Option<String>,
    /// Takes `replaces` by ITI-105 and ITI-106 too.
    #[serde(default)]
    pub simplified_replace: bool,
    /// Completes Minimal metadata.
    #[serde(default)]
    pub metadata: RecipientMetadata,
}

/// Codes that a Minimal DocumentReference may leave out, each `code^display^scheme`; absent means that the code is
/// unknown, the language undetermined, the confidentiality normal.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecipientMetadata {
    pub class_code: Option<String>,
    pub type_code: Option<String>,
    pub format_code: Option<String>,
    pub healthcare_facility_type_code: Option<String>,
    pub practice_setting_code: Option<String>,
    pub confidentiality_code: Option<String>,
    pub language_code: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DocumentRegistry {
    /// Answers queries over all patients (ITI-51 without a patient id), which read every entry there is.
    pub population_queries: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRepository {
    pub unique_id: String,
    /// `self` or a peer.
    #[serde(default = "self_name")]
    pub register_at: String,
}

fn self_name() -> String {
    "self".to_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum InstancesFrom {
    #[serde(rename = "imaging_archive")]
    ImagingArchive,
    #[serde(rename = "pacs_proxy")]
    PacsProxy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PublishBy {
    Rad68,
    Iti41,
    /// The peer's FHIR door, for the documents, the questions and the patients.
    Iti65,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    Mcwg,
    Xdsi,
    Mado,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPatientAtSource {
    /// Send ITI-44 first.
    Feed,
    /// The study waits in `status` with its reason.
    Hold,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImagingDocumentSource {
    #[serde(default = "from_archive")]
    pub from: InstancesFrom,
    /// `self` or a peer with a repository.
    pub publish_to: String,
    #[serde(default = "by_rad68")]
    pub publish_by: PublishBy,
    #[serde(default = "mcwg")]
    pub flavour: Flavour,
    pub retrieve_location_uid: String,
    /// Other RepositoryUniqueIds that peers write into RAD-69 requests to this source.
    #[serde(default)]
    pub also_called: Vec<String>,
    /// A study is complete when nothing came for this long.
    #[serde(default = "quiet_time")]
    pub quiet_time_ms: u64,
    /// But it is published at the latest after this long.
    #[serde(default = "max_delay")]
    pub max_delay_ms: u64,
    /// Time between two published studies that are compared with the registry and the archive; 0 for never.
    #[serde(default = "reconcile")]
    pub reconcile_ms: u64,
    #[serde(default = "feed")]
    pub unknown_patient: UnknownPatientAtSource,
    /// OID of this source system (SubmissionSet.sourceId); absent means the retrieve location's OID.
    pub source_id: Option<String>,
    #[serde(default)]
    pub metadata: MetadataDefaults,
    #[serde(default)]
    pub sources: Vec<CallingAe>,
    /// What WADO-RS offers beside instances; an empty list offers nothing.
    #[serde(default = "every_resource")]
    pub dicomweb_resources: Vec<String>,
}

/// The optional resources of WADO-RS.
pub const DICOMWEB_RESOURCES: [&str; 5] = ["metadata", "bulkdata", "frames", "rendered", "thumbnail"];

fn every_resource() -> Vec<String> {
    DICOMWEB_RESOURCES.map(str::to_owned).to_vec()
}

fn reconcile() -> u64 {
    1_000
}

fn from_archive() -> InstancesFrom {
    InstancesFrom::ImagingArchive
}
/// Scheme, host and port as a browser writes them (RFC 6454 6.2): anything else would never match.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
        };
        !host.is_empty() && host.bytes().all(allowed)
    })
}

fn by_rad68() -> PublishBy {
    PublishBy::Rad68
}
fn mcwg() -> Flavour {
    Flavour::Mcwg
}
fn quiet_time() -> u64 {
    900_000
}
fn max_delay() -> u64 {
    3_600_000
}
fn feed() -> UnknownPatientAtSource {
    UnknownPatientAtSource::Feed
}

/// Codes a study does not carry itself, each `code^display^scheme`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetadataDefaults {
    pub type_code: String,
    pub healthcare_facility_type_code: String,
    pub practice_setting_code: String,
    pub confidentiality_code: String,
    pub language_code: String,
}

impl Default for MetadataDefaults {
    fn default() -> Self {
        MetadataDefaults {
            type_code: "18748-4^Diagnostic imaging study^2.16.840.1.113883.6.1".into(),
            healthcare_facility_type_code: "22232009^Hospital^2.16.840.1.113883.6.96".into(),
            practice_setting_code: "394914008^Radiology^2.16.840.1.113883.6.96".into(),
            confidentiality_code: "N^normal^2.16.840.1.113883.5.25".into(),
            language_code: "en".into(),
        }
    }
}

/// What a calling AE title means.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CallingAe {
    /// `*` for every AE title that has no line of its own.
    pub ae_title: String,
    /// XON: `Name^^^^^&OID&ISO^^^^id`.
    pub institution: String,
    pub patient_id_issuer: String,
    pub accession_issuer: Option<String>,
    pub placer_issuer: Option<String>,
    /// Offset from UTC of times without (0008,0201), `+0100`.
    pub timezone: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSource {
    pub publish_to: String,
    #[serde(default = "by_iti41")]
    pub publish_by: PublishBy,
    #[serde(default = "cda_pdf")]
    pub outputs: Vec<ReportOutput>,
    /// XON of the reporting institution.
    pub institution: Option<String>,
}

fn by_iti41() -> PublishBy {
    PublishBy::Iti41
}
fn cda_pdf() -> Vec<ReportOutput> {
    vec![ReportOutput::CdaPdf]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportOutput {
    CdaPdf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    Xds,
    Mhd,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Portal {
    /// `self` or a peer.
    #[serde(default = "self_name")]
    pub reads: String,
    #[serde(default = "via_mhd")]
    pub via: Via,
}

fn via_mhd() -> Via {
    Via::Mhd
}

/// Every inbound bound.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub http_connections: usize,
    pub dicom_associations: usize,
    pub mllp_connections: usize,
    /// Largest HL7 v2 message, and largest SOAP or FHIR message without its attachments.
    pub message_octets: u64,
    /// Largest document.
    pub document_octets: u64,
    /// Largest DICOM instance.
    pub instance_octets: u64,
    /// Most objects in one query answer.
    pub query_results: usize,
    /// Space for stored documents and instances; 0 means what the disk has.
    pub stored_octets: u64,
    pub idle_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            http_connections: 1024,
            dicom_associations: 64,
            mllp_connections: 64,
            message_octets: 16 << 20,
            document_octets: 4 << 30,
            instance_octets: 8 << 30,
            query_results: 10_000,
            stored_octets: 0,
            idle_ms: 60_000,
        }
    }
}

pub(super) type Broken = (String, String);

impl NodeConfig {
    /// Whether the MLLP port answers patient feeds.
    pub fn takes_iti8(&self) -> bool {
        self.actors.patient_identity_manager.is_some() || self.actors.document_registry.is_some()
    }

    /// Whether anything answers at the DICOM port.
    pub fn takes_dicom(&self) -> bool {
        let proxy = self.actors.pacs_proxy.as_ref();
        self.actors.imaging_archive.is_some() || proxy.is_some_and(PacsProxy::needs_dicom)
    }

    /// Whether there is a console: what the file says, else where no stranger reaches the port.
    pub fn shows_console(&self) -> bool {
        let mutual = self.listen.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        self.listen.console.unwrap_or(self.listen.http.ip().is_loopback() || mutual)
    }

    /// Whether the MLLP port takes reports as a reason to look at a study.
    pub fn takes_oru(&self) -> bool {
        self.actors.pacs_proxy.as_ref().is_some_and(|proxy| proxy.triggers.contains(&Trigger::Oru))
    }

    /// Rules between keys: identifiers are well-formed, names refer to something.
    pub(super) fn validate(&self) -> Result<(), Broken> {
        let broken = |key: &str, rule: &str| Err((key.to_owned(), rule.to_owned()));
        let oid = |key: String, text: &str| {
            Oid::parse(text).map(|_| ()).map_err(|_| (key, format!("must be an OID without prefix; got `{text}`")))
        };
        if self.node.name.is_empty()
            || !self.node.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            return broken("node.name", "must be letters, digits, - and _");
        }
        if let Some(home) = &self.node.home_community_id
            && HomeCommunityId::parse(home).is_err()
        {
            return broken("node.home_community_id", "must be urn:oid: followed by an OID");
        }
        if !(self.node.public_url.starts_with("http://") || self.node.public_url.starts_with("https://")) {
            return broken("node.public_url", "must start with http:// or https://");
        }
        let addresses = [("listen.http", Some(self.listen.http)), ("listen.mllp", self.listen.mllp)];
        let is_open = |address: &Option<SocketAddr>| address.is_some_and(|a| !a.ip().is_loopback());
        if let Some((key, _)) = addresses.iter().find(|(_, address)| is_open(address))
            && self.listen.tls.is_none()
            && !self.listen.insecure
        {
            return broken(
                key,
                "is reachable from other machines but there is no [listen.tls]; add it, or write insecure = true under [listen] in so many words",
            );
        }
        if !self.listen.cors_origins.iter().all(|origin| is_origin(origin)) {
            return broken(
                "listen.cors_origins",
                "must be origins such as https://viewer.example, without a path or *",
            );
        }
        if let Some(dicom) = &self.listen.dicom
            && (dicom.ae_title.is_empty() || dicom.ae_title.len() > 16)
        {
            return broken("listen.dicom.ae_title", "must have 1 to 16 characters");
        }
        if self.listen.mllp.is_some() && !self.takes_iti8() && !self.takes_oru() {
            return broken(
                "listen.mllp",
                "needs a patient_identity_manager or a document_registry, which take ITI-8, or a pacs_proxy with the trigger `oru`",
            );
        }
        if let Some(domain) = &self.affinity_domain.patient_domain {
            oid("affinity_domain.patient_domain".into(), domain)?;
        }
        for (name, peer) in &self.peers {
            if peer.kind == PeerKind::Manifold && peer.url.is_none() {
                return broken(&format!("peers.{name}.url"), "is required when kind = \"manifold\"");
            }
            if let Some(id) = &peer.repository_unique_id {
                oid(format!("peers.{name}.repository_unique_id"), id)?;
            }
        }
        let peer = |key: &str, name: &str| {
            if name == "self" || self.peers.contains_key(name) {
                return Ok(());
            }
            let nearest = self.peers.keys().min_by_key(|k| super::distance(k, name));
            let hint = nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            Err((key.to_owned(), format!("names `{name}`, which is neither `self` nor a peer{hint}")))
        };
        let actors = &self.actors;
        if let Some(repository) = &actors.document_repository {
            oid("actors.document_repository.unique_id".into(), &repository.unique_id)?;
            peer("actors.document_repository.register_at", &repository.register_at)?;
            if repository.register_at == "self" && actors.document_registry.is_none() {
                return broken(
                    "actors.document_repository.register_at",
                    "is `self` but this node is no document_registry",
                );
            }
        }
        if (actors.document_registry.is_some() || actors.patient_identity_manager.is_some())
            && self.affinity_domain.patient_domain.is_none()
        {
            return broken(
                "affinity_domain.patient_domain",
                "is required for a document_registry and a patient_identity_manager",
            );
        }
        if let Some(proxy) = &actors.pacs_proxy {
            proxy.validate(self)?;
        }
        if let Some(source) = &actors.imaging_document_source {
            peer("actors.imaging_document_source.publish_to", &source.publish_to)?;
            match source.from {
                InstancesFrom::ImagingArchive if actors.pacs_proxy.is_some() => {
                    return broken(
                        "actors.imaging_document_source.from",
                        "must be \"pacs_proxy\" beside [actors.pacs_proxy], which excludes an imaging_archive",
                    );
                }
                InstancesFrom::ImagingArchive if actors.imaging_archive.is_none() => {
                    return broken(
                        "actors.imaging_document_source.from",
                        "is imaging_archive, which this node does not play",
                    );
                }
                InstancesFrom::PacsProxy if actors.pacs_proxy.is_none() => {
                    return broken(
                        "actors.imaging_document_source.from",
                        "is pacs_proxy, which this node does not play",
                    );
                }
                InstancesFrom::ImagingArchive | InstancesFrom::PacsProxy => {}
            }
            if RetrieveLocationUid::parse(&source.retrieve_location_uid).is_err() {
                return broken("actors.imaging_document_source.retrieve_location_uid", "must be a UID");
            }
            for id in &source.also_called {
                oid("actors.imaging_document_source.also_called".to_owned(), id)?;
            }
            if let Some(unknown) =
                source.dicomweb_resources.iter().find(|name| !DICOMWEB_RESOURCES.contains(&name.as_str()))
            {
                return Err((
                    "actors.imaging_document_source.dicomweb_resources".to_owned(),
                    format!("`{unknown}` is none of {}", DICOMWEB_RESOURCES.join(", ")),
                ));
            }
            for ae in &source.sources {
                let key = |k: &str| format!("actors.imaging_document_source.sources[{}].{k}", ae.ae_title);
                Xon::parse(&ae.institution).map_err(|e| (key("institution"), format!("is no XON: {e}")))?;
                oid(key("patient_id_issuer"), &ae.patient_id_issuer)?;
                if let Some(issuer) = &ae.accession_issuer {
                    oid(key("accession_issuer"), issuer)?;
                }
                if let Some(issuer) = &ae.placer_issuer {
                    oid(key("placer_issuer"), issuer)?;
                }
            }
            for (key, text) in [
                ("type_code", &source.metadata.type_code),
                ("healthcare_facility_type_code", &source.metadata.healthcare_facility_type_code),
                ("practice_setting_code", &source.metadata.practice_setting_code),
                ("confidentiality_code", &source.metadata.confidentiality_code),
            ] {
                super::lists::code(text)
                    .map_err(|rule| (format!("actors.imaging_document_source.metadata.{key}"), rule))?;
            }
        }
        if actors.imaging_archive.is_some() && self.listen.dicom.is_none() {
            return broken("listen.dicom", "is required for an imaging_archive");
        }
        if let Some(source) = &actors.report_source {
            peer("actors.report_source.publish_to", &source.publish_to)?;
        }
        if let Some(portal) = &actors.portal {
            peer("actors.portal.reads", &portal.reads)?;
        }
        if let Some(recipient) = &actors.mhd_document_recipient {
            peer("actors.mhd_document_recipient.publish_to", &recipient.publish_to)?;
            if recipient.publish_to == "self" && actors.document_repository.is_none() {
                return broken(
                    "actors.mhd_document_recipient.publish_to",
                    "is `self` but this node is no document_repository",
                );
            }
            if let Some(id) = &recipient.source_id {
                oid("actors.mhd_document_recipient.source_id".to_owned(), id)?;
            }
            let metadata = &recipient.metadata;
            for (key, text) in [
                ("class_code", &metadata.class_code),
                ("type_code", &metadata.type_code),
                ("format_code", &metadata.format_code),
                ("healthcare_facility_type_code", &metadata.healthcare_facility_type_code),
                ("practice_setting_code", &metadata.practice_setting_code),
                ("confidentiality_code", &metadata.confidentiality_code),
            ] {
                let read = text.as_deref().map(super::lists::code).transpose();
                read.map_err(|rule| (format!("actors.mhd_document_recipient.metadata.{key}"), rule))?;
            }
        }
        let by_iti65 = [
            ("imaging_document_source", actors.imaging_document_source.as_ref().map(|s| (s.publish_by, &s.publish_to))),
            ("report_source", actors.report_source.as_ref().map(|s| (s.publish_by, &s.publish_to))),
        ];
        for (actor, options) in by_iti65 {
            if options.is_some_and(|(by, to)| by == PublishBy::Iti65 && to == "self") {
                let rule = "is iti65, which publishes to a peer; what this node keeps itself needs no transaction";
                return broken(&format!("actors.{actor}.publish_by"), rule);
            }
        }
        Ok(())
    }
}
