//! An archive and an imaging source on a store in memory, which publish to a registry in memory that can be made to fail.

use crate::{FixedClock, MemoryRegistry, MemoryRepository, entry, patient, patient_id};
use actors::{
    Accepted, Cx, DraftManifest, ImagingArchive, ImagingDocumentSource, Journal, ManifestIdentity, ManifestMaker,
    NotPublishable, Operations, ReceivedInstance, Reconciliation, SourcePolicy, UnknownPatientAtSource,
};
use model::{
    Code, DocumentEntry, Oid, ReferenceId, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid,
    TransferSyntaxUid, UniqueId,
};
use std::path::Path;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use store::{FileOptions, InstanceFiles, MetadataStore, Sha256, SqliteStore, StoredInstance, StudyState};

/// Quiet time, microseconds.
const QUIET: i64 = 1_000_000;

/// A hospital's node without its wire.
pub struct Hospital {
    pub registry: Arc<MemoryRegistry>,
    /// Why no manifest can be made at the moment.
    pub not_publishable: Arc<Mutex<Option<String>>>,
    pub journal: Arc<Journal>,
    store: Arc<dyn MetadataStore>,
    archive: ImagingArchive,
    source: ImagingDocumentSource,
    clock: Arc<FixedClock>,
    cx: Cx,
}

impl Hospital {
    /// `folder` keeps the instances.
    pub fn new(folder: &Path, clock: Arc<FixedClock>) -> Self {
        let store: Arc<dyn MetadataStore> = Arc::new(SqliteStore::in_memory().expect("a store in memory"));
        let files = InstanceFiles::open(folder, FileOptions::default()).expect("a folder for instances");
        let cx = Cx { clock: clock.clone(), ..crate::cx() };
        let journal = Arc::new(Journal::new(store.clone(), cx.now_unix_micros()));
        let registry = Arc::new(MemoryRegistry::default());
        let not_publishable = Arc::new(Mutex::new(None));
        let archive =
            ImagingArchive::new(store.clone(), Arc::new(files), Arc::new(NoDelivery)).counting(journal.clone());
        let policy = SourcePolicy {
            quiet_micros: Arc::new(AtomicI64::new(QUIET)),
            max_delay_micros: 60 * QUIET,
            unknown_patient: UnknownPatientAtSource::Hold,
            source_id: Oid::parse("2.999.20.1").expect("an OID"),
            content_type_code: Code::new("IMG", "2.999.30.4", "Imaging"),
            patient_domain: crate::domain(),
            reconcile_micros: 0,
            parallel: 4,
        };
        let source = ImagingDocumentSource {
            store: store.clone(),
            maker: Arc::new(Maker(not_publishable.clone())),
            identity: None,
            cross_reference: None,
            registry: registry.clone(),
            administrator: registry.clone(),
            repository: Arc::new(MemoryRepository::default()),
            policy,
            reconciliation: Reconciliation::default(),
            journal: journal.clone(),
        };
        Hospital { registry, not_publishable, journal, store, archive, source, clock, cx }
    }

    /// One object of P0001 from CT1 arrives. Blocks.
    pub fn receive(&self, study: &str, accession: &str) {
        let mut writer = self.archive.receive(&self.cx).expect("a file");
        writer.write(study.as_bytes()).expect("a written file");
        let received = ReceivedInstance {
            study: Some(StudyInstanceUid::parse(study).expect("a UID")),
            series: Some(SeriesInstanceUid::parse(&format!("{study}.1")).expect("a UID")),
            instance: SopInstanceUid::parse(&format!("{study}.1.1")).expect("a UID"),
            sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").expect("a UID"),
            transfer_syntax: TransferSyntaxUid::parse("1.2.840.10008.1.2.1").expect("a UID"),
            patient_id: "P0001".into(),
            patient_issuer: "2.999.7".into(),
            accession: accession.into(),
            calling_ae: "CT1".into(),
            header: Vec::new(),
        };
        let accepted = self.archive.accept(writer, received, &self.cx).expect("a stored instance");
        assert_eq!(accepted, Accepted::Stored);
    }

    /// Time passes, and what is due is published, or tried.
    pub async fn publish(&self) {
        self.clock.advance_micros(31 * QUIET);
        self.source.turn(&self.cx).await;
    }

    /// What is asked for now is done.
    pub async fn turn(&self) {
        self.source.turn(&self.cx).await;
    }

    pub fn operations(&self) -> Operations {
        Operations {
            store: self.store.clone(),
            journal: self.journal.clone(),
            quiet_micros: Some(self.source.policy.quiet_micros.clone()),
            pacs: None,
        }
    }
}

struct NoDelivery;

impl actors::InstanceDelivery for NoDelivery {
    fn decide(&self, _: &StoredInstance, _: &[actors::WantedSyntax]) -> Result<actors::Delivered, actors::Fault> {
        Ok(actors::Delivered::AsStored)
    }

    fn explicit_le(
        &self,
        _: &Path,
        _: &mut dyn FnMut(bytes::Bytes) -> Result<(), actors::Fault>,
    ) -> Result<(), actors::Fault> {
        Err(actors::Fault::Unsupported("another syntax than the stored one".into()))
    }
}

/// Makes documents that say which instances they list.
struct Maker(Arc<Mutex<Option<String>>>);

impl ManifestMaker for Maker {
    fn draft(
        &self,
        study: &StudyState,
        instances: &[StoredInstance],
        identity: &ManifestIdentity,
    ) -> Result<DraftManifest, NotPublishable> {
        if let Some(reason) = self.0.lock().expect("no panic").clone() {
            return Err(NotPublishable::Held(reason));
        }
        let instances: Vec<SopInstanceUid> = instances.iter().map(|instance| instance.instance.clone()).collect();
        let text = instances.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let entry = DocumentEntry {
            id: identity.entry.clone(),
            unique_id: UniqueId::from(&identity.sop_instance),
            patient_id: patient_id(&study.patient_id),
            hash: None,
            reference_id_list: vec![ReferenceId::study(&study.study)],
            ..entry(1)
        };
        let content = Sha256::of(text.as_bytes());
        let patient = patient(&study.patient_id, "Doe", "Jane");
        Ok(DraftManifest { document: text.into(), entry, patient, content, instances })
    }
}
