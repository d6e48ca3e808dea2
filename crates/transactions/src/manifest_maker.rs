//! From the headers of stored instances, or from what a PACS says of its own, to a manifest and its metadata: the DICOM
//! side of `actors::ImagingDocumentSource`. Source: RAD TF-2 4.68.4.1.2; spec/dicom.md sections 2-9, spec/mcwg.md 3.2 and 4.

use crate::pacs_proxy;
use actors::{
    DraftManifest, InstanceFiles, ManifestIdentity, ManifestMaker, NotPublishable, PacsRecords, Sha256, StoredInstance,
    StudyState,
};
use dicom::kos::{self, BuildError, EntryDefaults, NewManifest, Source, StudyInstance};
use model::{Code, Dtm, ManifestFlavour, Oid, Patient, PatientId, RegionMap, RetrieveLocationUid, SopInstanceUid, Xon};
use std::sync::Arc;

/// What a calling AE title means.
#[derive(Clone, Debug)]
pub struct CallingSource {
    /// `*` for every AE title without a line of its own.
    pub ae_title: String,
    pub institution: Xon,
    pub patient_issuer: Oid,
    pub accession_issuer: Option<Oid>,
    pub placer_issuer: Option<Oid>,
    /// `+0100`, for instances without (0008,0201).
    pub timezone: Option<String>,
}

/// Codes that a study does not carry itself.
#[derive(Clone, Debug)]
pub struct MetadataDefaults {
    pub class_code: Code,
    pub type_code: Code,
    pub healthcare_facility_type_code: Code,
    pub practice_setting_code: Code,
    pub confidentiality_code: Code,
    pub language_code: String,
}

/// Where it stands what the instances of a study say of themselves.
pub enum Headers {
    /// In the files of the archive.
    Files(Arc<InstanceFiles>),
    /// In what was kept of the answers of a PACS; `timezone` stands in where they do not say.
    Pacs { records: PacsRecords, timezone: Option<String> },
}

/// Makes manifests of the studies of an archive or a PACS.
pub struct Maker {
    pub headers: Headers,
    pub flavour: ManifestFlavour,
    pub sources: Vec<CallingSource>,
    /// Domain of the patient ids under which documents are registered.
    pub patient_domain: Oid,
    pub retrieve_base_url: String,
    pub retrieve_location_uid: RetrieveLocationUid,
    pub regions: RegionMap,
    pub defaults: MetadataDefaults,
}

impl Maker {
    fn source(&self, ae_title: &str) -> Option<&CallingSource> {
        let named = self.sources.iter().find(|s| s.ae_title == ae_title);
        named.or_else(|| self.sources.iter().find(|s| s.ae_title == "*"))
    }
}

impl Headers {
    fn read(&self, study: &StudyState, instances: &[StoredInstance]) -> Result<Vec<StudyInstance>, NotPublishable> {
        match self {
            Headers::Files(files) => of_files(files, instances),
            Headers::Pacs { records, timezone } => of_pacs(records, timezone.as_deref(), study, instances),
        }
    }
}

fn of_pacs(
    records: &PacsRecords,
    timezone: Option<&str>,
    study: &StudyState,
    instances: &[StoredInstance],
) -> Result<Vec<StudyInstance>, NotPublishable> {
    let unknown =
        || NotPublishable::Held("the PACS has to be looked at again before this study is published".to_owned());
    let header = records.study_header(&study.study).map_err(|e| NotPublishable::Held(e.to_string()))?;
    let header = header.map_err(NotPublishable::Held)?;
    let rows = instances.iter().map(|row| (&row.series, &row.instance, &row.sop_class, row.header.as_slice()));
    pacs_proxy::study_instances(&study.study, &header.ok_or_else(unknown)?, rows, timezone).ok_or_else(unknown)
}

fn of_files(files: &InstanceFiles, instances: &[StoredInstance]) -> Result<Vec<StudyInstance>, NotPublishable> {
    let mut out = Vec::with_capacity(instances.len());
    for stored in instances {
        let unreadable = |reason: String| {
            NotPublishable::Held(format!("stored instance {} cannot be read: {reason}", stored.instance))
        };
        let path = files.path(&stored.file).map_err(|e| unreadable(e.to_string()))?;
        let mut file = std::fs::File::open(path).map_err(|e| unreadable(e.kind().to_string()))?;
        let header = dicom::Header::read(&mut file).map_err(|e| unreadable(e.to_string()))?;
        let mut instance = StudyInstance::from_header(&header).map_err(|e| unreadable(e.to_string()))?;
        if let Some(key_objects) = &mut instance.key_objects {
            // The note's description stands in its content tree, which the header does not hold.
            let note = std::io::Seek::rewind(&mut file)
                .and_then(|()| {
                    let mut octets = Vec::new();
                    std::io::Read::read_to_end(
                        &mut std::io::Read::take(&mut file, kos::MOST_OCTETS as u64),
                        &mut octets,
                    )?;
                    Ok(octets)
                })
                .ok()
                .and_then(|octets| kos::decode_note(&octets).ok());
            key_objects.description = note.and_then(|n| n.description);
        }
        out.push(instance);
    }
    Ok(out)
}

impl ManifestMaker for Maker {
    fn draft(
        &self,
        study: &StudyState,
        instances: &[StoredInstance],
        identity: &ManifestIdentity,
    ) -> Result<DraftManifest, NotPublishable> {
        if instances.is_empty() {
            return Err(NotPublishable::NothingToList);
        }
        let Some(source) = self.source(&study.calling_ae) else {
            return Err(NotPublishable::Held(format!(
                "nothing says who issues the patient ids of AE title {}; add it to [[actors.imaging_document_source.sources]]",
                study.calling_ae
            )));
        };
        let headers = self.headers.read(study, instances)?;
        let build = Source {
            flavour: self.flavour,
            institution: Some(source.institution.clone()),
            patient_issuer: Some(source.patient_issuer.clone()),
            accession_issuer: source.accession_issuer.clone(),
            placer_issuer: source.placer_issuer.clone(),
            retrieve_base_url: Some(self.retrieve_base_url.clone()),
            retrieve_location_uid: self.retrieve_location_uid.clone(),
            retrieve_ae_title: None,
            regions: self.regions.clone(),
            timezone: source.timezone.clone().unwrap_or_else(|| "+0000".to_owned()),
            manufacturer: "manifold".to_owned(),
        };
        let new = NewManifest {
            sop_instance: identity.sop_instance.clone(),
            series_instance: identity.series_instance.clone(),
            created: identity.created.clone(),
        };
        let mut manifest = kos::build(&headers, &build, &new).map_err(|error| match error {
            BuildError::NothingToList { .. } => NotPublishable::NothingToList,
            other => NotPublishable::Held(other.to_string()),
        })?;
        if manifest.study_start().is_none() {
            // Study Date is type 1 in a manifest; without any date in the study the day it arrived is all we know.
            let arrived = Dtm::from_unix_seconds(study.first_received_at / 1_000_000);
            manifest.study_date = Some(arrived.as_str()[..8].to_owned());
        }
        let patient_id = self.patient_id(&manifest)?;
        let defaults = EntryDefaults {
            id: identity.entry.clone(),
            patient_id: patient_id.clone(),
            source_patient_domain: Some(source.patient_issuer.clone()),
            class_code: self.defaults.class_code.clone(),
            type_code: self.defaults.type_code.clone(),
            procedure_as_type_code: false,
            healthcare_facility_type_code: self.defaults.healthcare_facility_type_code.clone(),
            practice_setting_code: self.defaults.practice_setting_code.clone(),
            confidentiality_codes: vec![self.defaults.confidentiality_code.clone()],
            language_code: self.defaults.language_code.clone(),
            institution: Some(source.institution.clone()),
            authors: Vec::new(),
        };
        let entry = kos::document_entry(&manifest, &defaults);
        let document = kos::encode(&manifest).map_err(|e| NotPublishable::Held(e.to_string()))?;
        let fingerprint = kos::content_fingerprint(&manifest);
        let patient = Patient {
            id: patient_id,
            other_ids: Vec::new(),
            name: manifest.patient_name.clone(),
            birth_date: manifest.birth_date.as_deref().and_then(|d| Dtm::parse(d).ok()),
            sex: manifest.sex,
            details: Default::default(),
        };
        Ok(DraftManifest {
            document: document.into(),
            entry,
            patient,
            content: Sha256::of(&fingerprint.to_be_bytes()),
            instances: manifest.instances().map(|(_, i)| i.sop_instance.clone()).collect(),
        })
    }

    fn lost(&self, instances: &[StoredInstance]) -> Vec<SopInstanceUid> {
        let Headers::Files(files) = &self.headers else { return Vec::new() };
        let gone = |row: &&StoredInstance| {
            let kept = files.path(&row.file).ok().map(std::fs::metadata);
            // What cannot be looked at just now is not gone.
            matches!(kept, Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound)
        };
        instances.iter().filter(gone).map(|row| row.instance.clone()).collect()
    }
}

impl Maker {
    /// The id of the affinity domain if the study has one, else the one it has.
    fn patient_id(&self, manifest: &model::Manifest) -> Result<PatientId, NotPublishable> {
        let mut ids = manifest.patient_id.iter().chain(&manifest.other_patient_ids);
        let found = ids.clone().find(|id| id.domain == self.patient_domain).or_else(|| ids.next());
        found.cloned().ok_or_else(|| {
            NotPublishable::Held(format!(
                "the study has no patient id, documents are registered under ids of {}; send it in (0010,0020) or (0010,1002)",
                self.patient_domain
            ))
        })
    }
}
