//! From a configuration to the actors of a node and the routes they answer at.

use super::pacs_proxy::Proxy;
use super::peers::{self, Peers};
use super::status::{ObservedPacs, Status};
use super::{Opened, capability, console, openapi};
use crate::config::{self, NodeConfig};
use actors::spool::Spool;
use actors::{
    DocumentRegistry, DocumentRepository, Identity, Imaging, ImagingArchive, ImagingDocumentSource, PatientIdentity,
    Reconciliation, RegisterAt, Registry, RegistryPolicy, Repository, RepositoryDirectory, SourcePolicy, UpdateKind,
};
use anyhow::{Context, anyhow};
use axum::Router;
use model::{HomeCommunityId, ManifestFlavour, Oid, RetrieveLocationUid, Xon, schemes};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;
use store::StoreExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use transactions::edge::Edge;
use transactions::edge::fhir_place::FhirPlace;
use transactions::edge::fhir_server::Base;
use transactions::edge::mllp_server::MllpTransaction;
use transactions::edge::page_token::PageKey;
use transactions::edge::soap_replies::AsyncReplies;
use transactions::edge::soap_server::{SoapEndpoint, SoapTransaction};
use transactions::{
    archive_delete, iti8_patient_identity_feed, iti18_registry_stored_query, iti41_provide_and_register_document_set,
    iti42_register_document_set, iti43_retrieve_document_set, iti44_patient_identity_feed_v3,
    iti57_update_document_set, iti61_register_on_demand_document_entry, iti62_remove_metadata,
    iti65_provide_document_bundle,
    iti66_find_document_lists::{self, Lists},
    iti67_find_document_references, iti68_retrieve_document, iti78_mobile_patient_demographics_query,
    iti83_mobile_patient_identifier_cross_reference_query, iti86_remove_documents, iti104_patient_identity_feed_fhir,
    iti105_simplified_publish, iti106_generate_metadata, iti119_patient_demographics_match, manifest_maker, portal,
    rad69_retrieve_imaging_document_set, rad107_wado_rs, stow_rs,
};

/// Actors as they come into being, each from what was there before.
pub(super) struct Wiring<'a> {
    config: &'a NodeConfig,
    opened: &'a Opened,
    peers: Peers<'a>,
    pub(super) router: Router,
    /// What the MLLP port answers.
    pub(super) hl7v2: Vec<Arc<dyn MllpTransaction>>,
    own_registry: Option<DocumentRegistry>,
    pub(super) own_identity: Option<Arc<dyn Identity>>,
    own_repository: Option<Arc<DocumentRepository>>,
    /// The registry that documents of this node end up in.
    pub(super) registry: Option<Arc<dyn Registry>>,
    pub(super) archive: Option<ImagingArchive>,
    pub(super) proxy: Option<Proxy>,
    /// The instances of the archive or of the proxy.
    images: Option<Arc<dyn Imaging>>,
    source: Option<ImagingDocumentSource>,
    regions: model::RegionMap,
    pub(super) quiet_micros: Arc<AtomicI64>,
}

impl<'a> Wiring<'a> {
    pub(super) fn new(config: &'a NodeConfig, opened: &'a Opened) -> anyhow::Result<Self> {
        let regions = config.affinity_domain.regions.as_ref().map(|p| config.resolve(p));
        let regions = config::read_regions(regions.as_deref())?;
        let peers = config
            .peers
            .iter()
            .map(|(name, peer)| (name.clone(), peer.url.clone().or(peer.address.clone()).unwrap_or_default()))
            .collect();
        let options = config.actors.pacs_proxy.as_ref();
        let proxy = options.map(|options| Proxy::new(options, config, opened)).transpose()?;
        let status = Status {
            node: config.node.name.clone(),
            store: opened.store.clone(),
            clock: opened.edge.clock.clone(),
            peers,
            metrics: opened.metrics.clone(),
            journal: opened.journal.clone(),
            pacs: proxy
                .as_ref()
                .zip(options)
                .map(|(proxy, options)| ObservedPacs { name: options.peer.clone(), observer: proxy.observer.clone() }),
        };
        let quiet_micros = Arc::new(AtomicI64::new(quiet_micros(config)));
        let console = console::router(config, opened, &status, &quiet_micros);
        Ok(Wiring {
            config,
            opened,
            peers: Peers { config, journal: opened.journal.clone(), clock: opened.edge.clock.clone() },
            router: status.router().merge(console),
            hl7v2: Vec::new(),
            own_registry: None,
            own_identity: None,
            own_repository: None,
            registry: None,
            archive: None,
            proxy,
            images: None,
            source: None,
            regions,
            quiet_micros,
        })
    }

    fn home(&self) -> anyhow::Result<Option<HomeCommunityId>> {
        Ok(self.config.node.home_community_id.as_deref().map(HomeCommunityId::parse).transpose()?)
    }

    fn patient_domain(&self) -> anyhow::Result<Oid> {
        let domain = self.config.affinity_domain.patient_domain.as_deref();
        Ok(Oid::parse(domain.ok_or_else(|| anyhow!("affinity_domain.patient_domain is missing"))?)?)
    }

    /// SOAP transactions at one path.
    fn soap(
        &self,
        edge: Edge,
        transactions: Vec<Arc<dyn SoapTransaction>>,
        spool: Option<Arc<dyn Spool>>,
        path: &str,
    ) -> anyhow::Result<Router> {
        let address = format!("{}{path}", self.config.node.public_url.trim_end_matches('/'));
        let replies = AsyncReplies(Arc::new(self.peers.reply_addresses()?));
        Ok(SoapEndpoint { edge, transactions, spool, address, replies }.router(path))
    }

    fn merge(&mut self, router: Router) {
        self.router = std::mem::take(&mut self.router).merge(router);
    }

    /// Document Registry and Patient Identity Manager: one path.
    pub(super) fn registry(&mut self) -> anyhow::Result<()> {
        let actors = &self.config.actors;
        let edge = self.opened.edge.clone();
        let mut transactions: Vec<Arc<dyn SoapTransaction>> = Vec::new();
        if let Some(registry) = &actors.document_registry {
            let codes = self.config.affinity_domain.codes.as_ref().map(|p| self.config.resolve(p));
            let policy = RegistryPolicy {
                patient_domain: self.patient_domain()?,
                accept_unknown_patients: self.config.affinity_domain.unknown_patient
                    == config::UnknownPatientAtRegistration::Accept,
                value_sets: config::read_codes(codes.as_deref())?,
                query_limit: self.config.limits.query_results,
                population_queries: registry.population_queries,
            };
            let registry = DocumentRegistry::new(self.opened.store.clone(), policy);
            let shared: Arc<dyn Registry> = Arc::new(registry.clone());
            self.own_registry = Some(registry);
            self.registry = Some(shared.clone());
            transactions.extend(iti18_registry_stored_query::Server::both(&shared, self.home()?.as_ref(), &edge));
            let registry = || shared.clone();
            transactions.extend::<[Arc<dyn SoapTransaction>; 5]>([
                Arc::new(iti42_register_document_set::Server { registry: registry(), edge: edge.clone() }),
                Arc::new(iti61_register_on_demand_document_entry::Server { registry: registry(), edge: edge.clone() }),
                Arc::new(iti57_update_document_set::Server {
                    kind: UpdateKind::Full,
                    registry: registry(),
                    edge: edge.clone(),
                }),
                Arc::new(iti57_update_document_set::Server {
                    kind: UpdateKind::Restricted,
                    registry: registry(),
                    edge: edge.clone(),
                }),
                Arc::new(iti62_remove_metadata::Server { registry: registry(), edge: edge.clone() }),
            ]);
        }
        if actors.patient_identity_manager.is_some() || actors.document_registry.is_some() {
            let domain = self.patient_domain()?;
            let identity: Arc<dyn Identity> = Arc::new(PatientIdentity::new(self.opened.store.clone(), domain.clone()));
            self.own_identity = Some(identity.clone());
            self.known_patients(&domain)?;
            self.hl7v2.push(Arc::new(iti8_patient_identity_feed::Server {
                identity: identity.clone(),
                domain: domain.clone(),
                namespace: self.config.affinity_domain.patient_namespace.clone(),
                edge: edge.clone(),
            }));
            if actors.patient_identity_manager.is_some() {
                let device = peers::device(&self.config.node.name)?;
                transactions.extend(iti44_patient_identity_feed_v3::Server::all(
                    identity,
                    domain,
                    device,
                    edge.clone(),
                ));
            }
        }
        if !transactions.is_empty() {
            let router = self.soap(edge, transactions, None, "/xds/registry")?;
            self.merge(router);
        }
        Ok(())
    }

    /// Patients that the configuration names are known from the start; what a feed said later stays.
    fn known_patients(&self, domain: &Oid) -> anyhow::Result<()> {
        let Some(file) = &self.config.affinity_domain.patients else { return Ok(()) };
        let patients = config::read_patients(&self.config.resolve(file), domain)?;
        let written: Result<(), store::StoreError> = self.opened.store.write_blocking(move |tx| {
            for patient in &patients {
                if tx.patient(&patient.id)?.is_none() {
                    tx.put_patient(patient)?;
                }
            }
            Ok(())
        });
        written.context("recording the known patients")
    }

    pub(super) fn repository(&mut self) -> anyhow::Result<()> {
        let Some(options) = &self.config.actors.document_repository else { return Ok(()) };
        let register_at = match (options.register_at.as_str(), &self.own_registry) {
            ("self", Some(registry)) => RegisterAt::Local(registry.clone()),
            ("self", None) => {
                return Err(anyhow!("actors.document_repository.register_at is self, without a registry"));
            }
            (peer, _) => {
                let registry = self.peers.registry(peer)?;
                self.registry.get_or_insert_with(|| registry.clone());
                RegisterAt::Peer(registry)
            }
        };
        let (store, blobs) = (self.opened.store.clone(), self.opened.blobs.clone());
        let repository =
            Arc::new(DocumentRepository::new(Oid::parse(&options.unique_id)?, store, blobs.clone(), register_at));
        self.own_repository = Some(repository.clone());
        let edge = self.opened.edge.clone();
        let transactions: Vec<Arc<dyn SoapTransaction>> = vec![
            Arc::new(iti41_provide_and_register_document_set::Server {
                repository: repository.clone(),
                checks: self.document_checks(),
                edge: edge.clone(),
            }),
            Arc::new(iti43_retrieve_document_set::Server { repository: repository.clone(), edge: edge.clone() }),
            Arc::new(iti86_remove_documents::Server { repository: repository.clone(), edge: edge.clone() }),
        ];
        let router = self.soap(edge, transactions, Some(repository), "/xds/repository")?;
        self.merge(router);
        Ok(())
    }

    /// What is looked at before a document is stored, whichever door it comes through.
    fn document_checks(&self) -> Vec<Arc<dyn iti41_provide_and_register_document_set::DocumentCheck>> {
        let blobs = self.opened.blobs.clone();
        vec![Arc::new(transactions::manifest_check::ManifestCheck { blobs })]
    }

    fn dicomweb_base(&self) -> String {
        format!("{}/dicomweb", self.config.node.public_url.trim_end_matches('/'))
    }

    pub(super) fn imaging(&mut self) -> anyhow::Result<()> {
        if let Some(proxy) = &self.proxy {
            self.images = Some(proxy.imaging.clone());
            self.hl7v2.extend(proxy.mllp(self.opened));
            let router = proxy.router(self.opened);
            self.merge(router);
        } else if self.config.actors.imaging_archive.is_some() {
            let archive = ImagingArchive::new(
                self.opened.store.clone(),
                self.opened.files.clone(),
                Arc::new(transactions::instance_delivery::Delivery),
            )
            .counting(self.opened.journal.clone());
            self.archive = Some(archive.clone());
            self.images = Some(Arc::new(archive.clone()));
            let edge = self.opened.edge.clone();
            self.merge(archive_delete::Server { archive: archive.clone(), edge: edge.clone() }.router());
            let stow = stow_rs::Server {
                receiver: Arc::new(archive),
                dicomweb_base: self.dicomweb_base(),
                instance_octets: self.config.limits.instance_octets,
                edge,
            };
            self.merge(stow.router());
        }
        let Some(imaging) = self.images.clone() else { return Ok(()) };
        let Some(options) = &self.config.actors.imaging_document_source else { return Ok(()) };
        let dicomweb_base = self.dicomweb_base();
        let edge = self.opened.edge.clone();
        let resources = options.dicomweb_resources.clone();
        let stores = self.archive.is_some();
        let imaging_of = imaging.clone();
        let wado = rad107_wado_rs::Server { imaging: imaging_of, dicomweb_base, resources, stores, edge: edge.clone() };
        self.merge(wado.router());
        // A manifest names its source by the Retrieve Location UID; some consumers take the SubmissionSet's sourceId.
        let names =
            std::iter::once(&options.retrieve_location_uid).chain(&options.source_id).chain(&options.also_called);
        let rad69: Arc<dyn SoapTransaction> = Arc::new(rad69_retrieve_imaging_document_set::Server {
            imaging,
            repository_unique_ids: names.map(|id| Oid::parse(id)).collect::<Result<_, _>>()?,
            edge: edge.clone(),
        });
        let router = self.soap(edge, vec![rad69], None, "/xds/imaging")?;
        self.merge(router);
        let mut administrator = None;
        let cross_reference =
            match (&self.own_identity, options.publish_to.as_str(), &self.config.actors.document_repository) {
                (Some(own), ..) => Some(own.clone()),
                (None, "self", Some(repository)) => self.peers.fhir_identity(&repository.register_at).ok(),
                (None, peer, _) => self.peers.fhir_identity(peer).ok(),
            };
        let (registry, repository, identity) = match (options.publish_to.as_str(), &self.own_repository) {
            ("self", Some(own)) => {
                let registry =
                    self.registry.clone().ok_or_else(|| anyhow!("publish_to is self, without a registry"))?;
                let identity = match (&self.own_identity, &self.config.actors.document_repository) {
                    (Some(own), _) => Some(own.clone()),
                    (None, Some(repository)) if repository.register_at != "self" => {
                        Some(self.peers.identity(&repository.register_at)?)
                    }
                    _ => None,
                };
                let own: Arc<dyn Repository> = own.clone();
                (registry, own, identity)
            }
            ("self", None) => {
                return Err(anyhow!(
                    "actors.imaging_document_source.publish_to is self, without a document_repository"
                ));
            }
            (peer, _) if options.publish_by == config::PublishBy::Iti65 => {
                // MHD has no words for a withdrawal; a peer that has both doors takes it at the other one.
                administrator = self.peers.registry(peer).ok();
                (self.peers.mhd_registry(peer)?, self.peers.mhd_recipient(peer)?, Some(self.peers.fhir_identity(peer)?))
            }
            (peer, _) => (self.peers.registry(peer)?, self.peers.repository(peer)?, Some(self.peers.identity(peer)?)),
        };
        let source_id = options.source_id.as_deref().unwrap_or(&options.retrieve_location_uid);
        let content_type_code = config::checked_code(&options.metadata.type_code);
        let policy = SourcePolicy {
            quiet_micros: self.quiet_micros.clone(),
            max_delay_micros: micros(options.max_delay_ms),
            unknown_patient: match options.unknown_patient {
                config::UnknownPatientAtSource::Feed => actors::UnknownPatientAtSource::Feed,
                config::UnknownPatientAtSource::Hold => actors::UnknownPatientAtSource::Hold,
            },
            patient_domain: self.patient_domain()?,
            reconcile_micros: micros(options.reconcile_ms),
            source_id: Oid::parse(source_id)?,
            content_type_code,
            parallel: 4,
        };
        let maker = self.maker(options)?;
        let store = self.opened.store.clone();
        let maker = Arc::new(maker);
        let administrator = administrator.unwrap_or_else(|| registry.clone());
        let journal = self.opened.journal.clone();
        self.source = Some(ImagingDocumentSource {
            store,
            maker,
            identity,
            cross_reference,
            registry,
            administrator,
            repository,
            policy,
            journal,
            reconciliation: Reconciliation::default(),
        });
        Ok(())
    }

    fn maker(&self, options: &config::ImagingDocumentSource) -> anyhow::Result<manifest_maker::Maker> {
        let optional = |text: &Option<String>| text.as_deref().map(Oid::parse).transpose();
        let mut sources = Vec::new();
        for ae in &options.sources {
            sources.push(manifest_maker::CallingSource {
                ae_title: ae.ae_title.clone(),
                institution: Xon::parse(&ae.institution)?,
                patient_issuer: Oid::parse(&ae.patient_id_issuer)?,
                accession_issuer: optional(&ae.accession_issuer)?,
                placer_issuer: optional(&ae.placer_issuer)?,
                timezone: ae.timezone.clone(),
            });
        }
        let metadata = &options.metadata;
        Ok(manifest_maker::Maker {
            headers: match &self.proxy {
                Some(proxy) => proxy.headers(self.opened),
                None => manifest_maker::Headers::Files(self.opened.files.clone()),
            },
            flavour: match options.flavour {
                config::Flavour::Mcwg => ManifestFlavour::Mcwg,
                config::Flavour::Xdsi => ManifestFlavour::Xdsi,
                config::Flavour::Mado => ManifestFlavour::Mado,
            },
            sources,
            patient_domain: self.patient_domain()?,
            retrieve_base_url: self.dicomweb_base(),
            retrieve_location_uid: RetrieveLocationUid::parse(&options.retrieve_location_uid)?,
            regions: self.regions.clone(),
            defaults: manifest_maker::MetadataDefaults {
                class_code: model::Code::new("IMAGES", schemes::IHE_CLASS, "Images"),
                type_code: config::checked_code(&metadata.type_code),
                healthcare_facility_type_code: config::checked_code(&metadata.healthcare_facility_type_code),
                practice_setting_code: config::checked_code(&metadata.practice_setting_code),
                confidentiality_code: config::checked_code(&metadata.confidentiality_code),
                language_code: metadata.language_code.clone(),
            },
        })
    }

    /// FHIR and the portal: what reads through the waist.
    pub(super) fn readers(&mut self) -> anyhow::Result<()> {
        let actors = &self.config.actors;
        let edge = self.opened.edge.clone();
        let fhir_base = format!("{}/fhir", self.config.node.public_url.trim_end_matches('/'));
        let patients = self.own_identity.clone().filter(|_| actors.patient_identity_manager.is_some());
        let place = FhirPlace { base: fhir_base.clone(), home: self.home()?, patients: patients.is_some() };
        if let Some(options) = &actors.mhd_document_recipient {
            let publication = match options.publish_to.as_str() {
                "self" => {
                    let missing = || anyhow!("actors.mhd_document_recipient.publish_to is self, without a repository");
                    iti65_provide_document_bundle::Publication {
                        repository: self.own_repository.clone().ok_or_else(missing)?,
                        registry: self.registry.clone().ok_or_else(missing)?,
                        checks: self.document_checks(),
                    }
                }
                peer => iti65_provide_document_bundle::Publication {
                    repository: self.peers.repository(peer)?,
                    registry: self.peers.registry(peer)?,
                    checks: self.document_checks(),
                },
            };
            let defaults = Arc::new(config::recipient_defaults(&options.metadata));
            let server = iti65_provide_document_bundle::Server {
                publication: publication.clone(),
                defaults: defaults.clone(),
                lists: Lists { registry: publication.registry.clone(), place: place.clone() },
                edge: edge.clone(),
            };
            self.merge(server.router());
            let documents = iti105_simplified_publish::SingleDocuments {
                publication,
                defaults,
                source_id: match &options.source_id {
                    Some(id) => Oid::parse(id)?,
                    None => peers::device(&self.config.node.name)?,
                },
                replaces: options.simplified_replace,
                place: place.clone(),
            };
            let patient_domain = self.config.affinity_domain.patient_domain.as_deref().map(Oid::parse).transpose()?;
            let simplified = iti105_simplified_publish::Server { documents: documents.clone(), edge: edge.clone() };
            self.merge(simplified.router());
            self.merge(iti106_generate_metadata::Server { documents, patient_domain, edge: edge.clone() }.router());
        }
        if actors.mhd_document_responder.is_some() {
            let registry =
                self.registry.clone().ok_or_else(|| anyhow!("actors.mhd_document_responder needs a registry"))?;
            let repository = Arc::new(self.repositories()?);
            let patient_domain = self.config.affinity_domain.patient_domain.as_deref().map(Oid::parse).transpose()?;
            let find = iti67_find_document_references::Server {
                registry: registry.clone(),
                place: place.clone(),
                patient_domain,
                identity: patients.clone(),
                regions: Arc::new(self.regions.clone()),
                page_key: PageKey::fresh(&*edge.identifiers),
                default_count: 100,
                max_count: 1000,
                edge: edge.clone(),
            };
            let lists = iti66_find_document_lists::Server {
                lists: Lists { registry: registry.clone(), place },
                patient_domain: find.patient_domain.clone(),
                identity: patients.clone(),
                page_key: find.page_key.clone(),
                default_count: find.default_count,
                max_count: find.max_count,
                edge: edge.clone(),
            };
            self.merge(find.router());
            self.merge(lists.router());
            self.merge(iti68_retrieve_document::Server { registry, repository, edge: edge.clone() }.router());
        }
        if let Some(identity) = patients {
            let domain = self.patient_domain()?;
            let fhir_base = fhir_base.clone();
            let feed = iti104_patient_identity_feed_fhir::Server {
                identity: identity.clone(),
                domain,
                fhir_base: fhir_base.clone(),
                edge: edge.clone(),
            };
            let query = iti78_mobile_patient_demographics_query::Server {
                identity: identity.clone(),
                fhir_base: fhir_base.clone(),
                page_key: PageKey::fresh(&*edge.identifiers),
                default_count: 100,
                max_count: 1000,
                edge: edge.clone(),
            };
            let cross_reference = iti83_mobile_patient_identifier_cross_reference_query::Server {
                identity: identity.clone(),
                fhir_base: fhir_base.clone(),
                edge: edge.clone(),
            };
            let matches = iti119_patient_demographics_match::Server { identity, fhir_base, edge: edge.clone() };
            self.merge(feed.router());
            self.merge(query.router());
            self.merge(cross_reference.router());
            self.merge(matches.router());
        }
        self.portal()?;
        let claims = capability::claims(self.config);
        if !claims.resources.is_empty() || !claims.system_interactions.is_empty() {
            let cors = !edge.cors_origins.is_empty();
            let openapi = openapi::octets(self.config).into();
            let metadata = capability::statement(&fhir_base, claims, cors, edge.clock.now_unix_micros()).into();
            self.merge(Base { metadata, openapi, edge }.router());
        }
        Ok(())
    }

    /// The portal reads through the same waist as every consumer: this node's actors, or a peer's by the door it names.
    fn portal(&mut self) -> anyhow::Result<()> {
        let Some(options) = &self.config.actors.portal else { return Ok(()) };
        let missing = |what: &str| anyhow!("actors.portal.reads is self, but this node plays no {what}");
        let (registry, repository, identity): (Arc<dyn Registry>, Arc<dyn Repository>, Arc<dyn Identity>) =
            match (options.reads.as_str(), options.via) {
                ("self", _) => (
                    self.registry.clone().ok_or_else(|| missing("document_registry"))?,
                    Arc::new(self.repositories()?),
                    self.own_identity.clone().ok_or_else(|| missing("patient_identity_manager"))?,
                ),
                (peer, config::Via::Mhd) => {
                    (self.peers.mhd_registry(peer)?, self.peers.mhd_repository(peer)?, self.peers.fhir_identity(peer)?)
                }
                (peer, config::Via::Xds) => {
                    (self.peers.registry(peer)?, Arc::new(self.repositories()?), self.peers.fhir_identity(peer)?)
                }
            };
        let mut places = self.peers.image_places()?;
        if let (Some(images), Some(source)) = (&self.images, &self.config.actors.imaging_document_source) {
            places.push(peers::ImagePlace {
                base_url: format!("{}/dicomweb", self.config.node.public_url.trim_end_matches('/')),
                location: Some(source.retrieve_location_uid.clone()),
                imaging: images.clone(),
            });
        }
        let portal = portal::Portal {
            identity,
            registry,
            repository,
            imaging: Arc::new(peers::ImagePlaces(places)),
            regions: self.regions.clone(),
            edge: self.opened.edge.clone(),
            patient_domain: self.patient_domain()?,
            time_zone: jiff::tz::TimeZone::system(),
            node: self.config.node.name.clone(),
            cache_folder: self.config.resolve(&self.config.node.data).join("portal-cache"),
            cache_octets: portal::CACHE_OCTETS,
        };
        self.merge(portal::router(portal));
        Ok(())
    }

    /// This node's repository and those of its peers, by repositoryUniqueId.
    fn repositories(&self) -> anyhow::Result<RepositoryDirectory> {
        let mut directory = RepositoryDirectory::default();
        if let Some(own) = &self.own_repository {
            directory = directory.with(own.unique_id().clone(), own.clone());
        }
        for (id, repository) in self.peers.repositories()? {
            directory = directory.with(id, repository);
        }
        Ok(directory)
    }

    pub(super) fn start_tasks(&mut self, stopped: watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let mut tasks = Vec::new();
        if let Some(proxy) = &self.proxy {
            tasks.push(proxy.observe(self.opened.cx("pacs_proxy"), stopped.clone()));
        }
        if let Some(source) = self.source.take() {
            let cx = self.opened.cx("imaging_document_source");
            let mut stopped = stopped.clone();
            tasks.push(tokio::spawn(async move {
                while !*stopped.borrow() {
                    let wait = source.turn(&cx).await;
                    let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = stopped.changed() => break,
                    }
                }
            }));
        }
        if let Some(repository) = self.own_repository.clone() {
            let cx = self.opened.cx("document_repository");
            let mut stopped = stopped;
            let started = cx.now_unix_micros();
            tasks.push(tokio::spawn(async move {
                // Documents whose registration is undecided: of an earlier run, or older than any request may take.
                while !*stopped.borrow() {
                    let before = started.max(cx.now_unix_micros() - micros(600_000));
                    let left = repository.recover(before, &cx).await.unwrap_or_else(|refusal| {
                        tracing::error!(%refusal, "cannot settle staged documents");
                        1
                    });
                    let wait = Duration::from_secs(if left > 0 { 5 } else { 60 });
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = stopped.changed() => break,
                    }
                }
            }));
        }
        tasks
    }
}

pub(super) fn quiet_micros(config: &NodeConfig) -> i64 {
    config.actors.imaging_document_source.as_ref().map_or(0, |source| micros(source.quiet_time_ms))
}

pub(super) fn micros(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}
