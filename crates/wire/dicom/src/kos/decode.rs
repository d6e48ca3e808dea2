//! Bytes to manifests: every flavour and generation, and the deviations of each. spec/dicom.md section 10, spec/mcwg.md
//! sections 4, 5 and 7. The evidence sequence is the truth about what is listed; where the image library describes
//! something differently, the library wins and the difference is reported.

use std::collections::{HashMap, HashSet};

use model::{
    Code, KeyObjectNote, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, PersonName, RetrieveLocationUid,
    SeriesInstanceUid, SignificantImage, SopClassUid, SopInstanceUid, StudyInstanceUid,
};

use super::build::KeyObjects;
use super::coding::CodeReader;
use super::encode::read_institution;
use super::finding::{Finding, Findings};
use super::library::{self, Tree};
use super::titles::{self, TitleKind};
use super::{DISPLAY_URI, open};
use crate::sop_classes::KEY_OBJECT_SELECTION;
use crate::values::{is_date, is_time};
use crate::{DataSet, Tag, tags};

pub(super) const EVIDENCE: Tag = tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE;
const SERIES: Tag = tags::REFERENCED_SERIES_SEQUENCE;
const SOPS: Tag = tags::REFERENCED_SOP_SEQUENCE;

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not DICOM, or broken.
    #[error(transparent)]
    Dicom(#[from] crate::DecodeError),
    /// Longer than [`open::MOST_OCTETS`].
    #[error("a key object selection has at most {} octets, this one has {octets}", open::MOST_OCTETS)]
    TooLong {
        /// Octets given.
        octets: usize,
    },
    /// Another SOP class.
    #[error("expected SOP class {KEY_OBJECT_SELECTION}, got `{sop_class}`")]
    NotAKeyObjectSelection {
        /// (0008,0016).
        sop_class: String,
    },
    /// A key object note, a rejection note or the inventory of one acquisition.
    #[error("expected the title of a manifest (113030 or 131560), got {} `{}`", title.code, title.label())]
    NotAManifest {
        /// (0040,A043); empty when there is none.
        title: Code,
    },
    /// (0040,A375) is missing, empty, or nothing in it is usable: the series of the references are unknown.
    #[error("(0040,A375) CurrentRequestedProcedureEvidenceSequence lists no usable instance")]
    NoEvidence,
    /// The object has no usable identity.
    #[error("{0} is missing or no UID")]
    Uid(&'static str),
}

/// Which titles make a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Titles {
    /// Those of manifests; everything else is refused.
    Manifests,
    /// Any: the object was registered with the format code of a manifest, so the title is reported only.
    Any,
}

/// What was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Decoded {
    /// (0040,A043).
    pub title: Code,
    /// One manifest for each study of the evidence, at least one; all have the same SOP instance.
    pub manifests: Vec<Manifest>,
    /// What was not as it should be.
    pub deviations: Vec<Finding>,
}

impl std::fmt::Debug for Decoded {
    // A manifest names its patient.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let studies: Vec<&str> = self.manifests.iter().map(|manifest| manifest.study.as_str()).collect();
        write!(f, "Decoded({} of {studies:?}, {:?})", self.title.code, self.deviations)
    }
}

/// Reads a manifest.
///
/// Shape: see [`Decoded`]; series without instances and instances without usable UIDs are left out and reported.
/// Errors: see [`DecodeError`]; a key object note is [`DecodeError::NotAManifest`].
/// Source: spec/dicom.md section 10.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    decode_titled(bytes, Titles::Manifests)
}

/// [`decode`] with a choice of titles.
pub fn decode_titled(bytes: &[u8], titles: Titles) -> Result<Decoded, DecodeError> {
    let mut findings = Findings::default();
    let root = open::open(bytes, &mut findings)?;
    let read = read(&root, titles, &mut findings)?;
    Ok(Decoded { title: read.title, manifests: read.manifests, deviations: findings.into_vec() })
}

/// Reads what a key object note or rejection note says.
///
/// Errors: not DICOM, or another SOP class. A manifest is read as well; look at the title.
pub fn decode_note(bytes: &[u8]) -> Result<KeyObjects, DecodeError> {
    let root = open::open(bytes, &mut Findings::default())?;
    let references =
        root.items(EVIDENCE).iter().flat_map(|study| study.items(SERIES)).flat_map(|series| series.items(SOPS));
    let uids = references.filter_map(|item| SopInstanceUid::parse(&item.uid(tags::REFERENCED_SOP_INSTANCE_UID)?).ok());
    Ok(KeyObjects {
        title: title(&root, &CodeReader::of(&root)),
        description: library::note_description(&root),
        references: uids.collect(),
    })
}

pub(super) struct Read {
    pub(super) title: Code,
    pub(super) manifests: Vec<Manifest>,
    pub(super) tree: Tree,
}

fn title(root: &DataSet, codes: &CodeReader) -> Code {
    codes.first(root, tags::CONCEPT_NAME_CODE_SEQUENCE).unwrap_or_else(|| Code::new("", "", ""))
}

pub(super) fn read(root: &DataSet, titles: Titles, findings: &mut Findings) -> Result<Read, DecodeError> {
    let codes = CodeReader::of(root);
    let title = title(root, &codes);
    let kind = TitleKind::of(&title);
    if !kind.is_manifest() {
        if titles == Titles::Manifests {
            return Err(DecodeError::NotAManifest { title });
        }
        findings.error(&[tags::CONCEPT_NAME_CODE_SEQUENCE], "must be the title of a manifest", &title.code);
    }
    let tree = library::read(root, &codes, findings);
    let mut reader = Reader { root, codes, findings, described: false };
    let studies = reader.studies()?;
    let flavour = match kind {
        TitleKind::DescribedManifest => ManifestFlavour::Mado,
        _ if reader.described => ManifestFlavour::Mcwg,
        _ => ManifestFlavour::Xdsi,
    };
    let mut manifests = Vec::with_capacity(studies.len());
    for study in studies {
        manifests.push(reader.manifest(flavour, study, &tree)?);
    }
    Ok(Read { title, manifests, tree })
}

/// One study of the evidence.
struct Study {
    uid: StudyInstanceUid,
    display_uri: Option<String>,
    retrieve_url: Option<String>,
    series: Vec<ManifestSeries>,
}

pub(super) struct Reader<'a> {
    pub(super) root: &'a DataSet,
    pub(super) codes: CodeReader,
    pub(super) findings: &'a mut Findings,
    /// True once an attribute of the MCWG extension was seen in the evidence.
    described: bool,
}

impl Reader<'_> {
    /// The evidence, one entry per study, each series and instance once.
    fn studies(&mut self) -> Result<Vec<Study>, DecodeError> {
        let mut studies: Vec<Study> = Vec::new();
        // Of each study its place, and the places of its series: an item names a study, and there may be many items.
        let mut known: HashMap<String, (usize, HashMap<String, usize>)> = HashMap::new();
        let mut seen: HashSet<(String, String)> = HashSet::new();
        for item in self.root.items(EVIDENCE) {
            let text = item.uid(tags::STUDY_INSTANCE_UID).unwrap_or_default();
            let Ok(uid) = StudyInstanceUid::parse(&text) else {
                self.findings.error(&[EVIDENCE, tags::STUDY_INSTANCE_UID], "must be a UID", text);
                continue;
            };
            let (at, places) = known.entry(uid.as_str().to_owned()).or_insert_with(|| {
                studies.push(Study { uid: uid.clone(), display_uri: None, retrieve_url: None, series: Vec::new() });
                (studies.len() - 1, HashMap::new())
            });
            let at = *at;
            let mut series = std::mem::take(&mut studies[at].series);
            for one in item.items(SERIES) {
                self.series(one, uid.as_str(), &mut series, places, &mut seen);
            }
            let study = &mut studies[at];
            study.series = series;
            study.display_uri = study.display_uri.take().or_else(|| self.display_uri(item, &[EVIDENCE]));
            study.retrieve_url = study.retrieve_url.take().or_else(|| item.text(tags::RETRIEVE_URL));
        }
        for study in &mut studies {
            for series in study.series.iter().filter(|series| series.instances.is_empty()) {
                self.findings.error(&[EVIDENCE, SERIES, SOPS], "must list at least one instance", series.uid.as_str());
            }
            study.series.retain(|series| !series.instances.is_empty());
            name_notes(&mut study.series);
        }
        studies.retain(|study| !study.series.is_empty());
        if studies.len() > 1 {
            let rule = "must be one study: a manifest describes exactly one";
            self.findings.error(&[EVIDENCE], rule, format!("{} studies", studies.len()));
        }
        if studies.is_empty() { Err(DecodeError::NoEvidence) } else { Ok(studies) }
    }

    fn series(
        &mut self,
        item: &DataSet,
        study: &str,
        all: &mut Vec<ManifestSeries>,
        places: &mut HashMap<String, usize>,
        seen: &mut HashSet<(String, String)>,
    ) {
        let path = |tag| [EVIDENCE, SERIES, tag];
        let text = item.uid(tags::SERIES_INSTANCE_UID).unwrap_or_default();
        let Ok(uid) = SeriesInstanceUid::parse(&text) else {
            self.findings.error(&path(tags::SERIES_INSTANCE_UID), "must be a UID", text);
            return;
        };
        let location = item.uid(tags::RETRIEVE_LOCATION_UID);
        let retrieve_location_uid = match location.as_deref().map(RetrieveLocationUid::parse) {
            Some(Ok(uid)) => Some(uid),
            Some(Err(_)) => {
                self.findings.error(&path(tags::RETRIEVE_LOCATION_UID), "must be an OID", location.unwrap_or_default());
                None
            }
            None => {
                self.findings.error(&path(tags::RETRIEVE_LOCATION_UID), "must name the place to fetch from", "");
                None
            }
        };
        let extension =
            [tags::MODALITY, tags::SERIES_DESCRIPTION, tags::SERIES_NUMBER, tags::SERIES_DATE, tags::SERIES_TIME];
        let retrieve_url = item.text(tags::RETRIEVE_URL).map(|url| url.trim().to_owned());
        self.described |= extension.iter().any(|tag| item.contains(*tag))
            || retrieve_url.as_deref().is_some_and(|url| url.contains("/studies/") && url.contains("/series/"));
        let series = ManifestSeries {
            modality: item.text(tags::MODALITY),
            description: item.text(tags::SERIES_DESCRIPTION),
            number: item.text(tags::SERIES_NUMBER),
            date: self.date(item, &path(tags::SERIES_DATE), tags::SERIES_DATE),
            time: self.time(item, &path(tags::SERIES_TIME), tags::SERIES_TIME),
            region: None,
            laterality: None,
            retrieve_location_uid,
            retrieve_url,
            retrieve_ae_title: item.text(tags::RETRIEVE_AE_TITLE),
            instances: Vec::new(),
            uid,
        };
        let at = *places.entry(series.uid.as_str().to_owned()).or_insert_with(|| {
            all.push(series);
            all.len() - 1
        });
        for one in item.items(SOPS) {
            if let Some(instance) = self.instance(one) {
                let key = (study.to_owned(), instance.sop_instance.as_str().to_owned());
                if seen.insert(key) {
                    all[at].instances.push(instance);
                } else {
                    let uid = instance.sop_instance.as_str();
                    let place = [EVIDENCE, SERIES, SOPS, tags::REFERENCED_SOP_INSTANCE_UID];
                    self.findings.error(&place, "must be listed once", uid);
                }
            }
        }
    }

    fn instance(&mut self, item: &DataSet) -> Option<ManifestInstance> {
        let path = |tag| [EVIDENCE, SERIES, SOPS, tag];
        let text = item.uid(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default();
        let Ok(sop_instance) = SopInstanceUid::parse(&text) else {
            self.findings.error(&path(tags::REFERENCED_SOP_INSTANCE_UID), "must be a UID", text);
            return None;
        };
        let text = item.uid(tags::REFERENCED_SOP_CLASS_UID).unwrap_or_default();
        let Ok(sop_class) = SopClassUid::parse(&text) else {
            self.findings.error(&path(tags::REFERENCED_SOP_CLASS_UID), "must be a UID", text);
            return None;
        };
        let frames = item.integer(tags::NUMBER_OF_FRAMES);
        let number_of_frames = frames.and_then(|frames| u32::try_from(frames).ok()).filter(|frames| *frames > 0);
        if item.contains(tags::NUMBER_OF_FRAMES) && number_of_frames.is_none() {
            self.findings.warning(&path(tags::NUMBER_OF_FRAMES), "must be a positive number", "");
        }
        self.described |= item.contains(tags::INSTANCE_NUMBER) || item.contains(tags::NUMBER_OF_FRAMES);
        let note = item.contains(tags::CONTENT_SEQUENCE).then(|| KeyObjectNote {
            title: titles::of_interest(),
            description: item.item(tags::CONTENT_SEQUENCE).and_then(|content| content.text(tags::TEXT_VALUE)),
        });
        Some(ManifestInstance {
            significant: self.significant(item),
            key_object_note: note.filter(|_| sop_class.as_str() == KEY_OBJECT_SELECTION),
            instance_number: item.text(tags::INSTANCE_NUMBER),
            number_of_frames,
            sop_class,
            sop_instance,
        })
    }

    /// Source: spec/mcwg.md 4.6.
    fn significant(&mut self, item: &DataSet) -> Vec<SignificantImage> {
        let mut flags = Vec::new();
        for series in item.items(tags::RELATED_SERIES_SEQUENCE) {
            let series_uid = SeriesInstanceUid::parse(&series.uid(tags::SERIES_INSTANCE_UID).unwrap_or_default());
            for note in series.items(SOPS) {
                let uid = SopInstanceUid::parse(&note.uid(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default());
                let purpose = tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE;
                let title = self.codes.first(note, purpose).filter(|title| !title.code.is_empty());
                match (&series_uid, uid) {
                    (Ok(note_series), Ok(note)) => flags.push(SignificantImage {
                        note_series: note_series.clone(),
                        note,
                        title: title.unwrap_or_else(titles::of_interest),
                    }),
                    _ => {
                        let place = [EVIDENCE, SERIES, SOPS, tags::RELATED_SERIES_SEQUENCE];
                        self.findings.warning(&place, "must name series and instance of a key object note", "");
                    }
                }
            }
        }
        flags
    }

    fn manifest(&mut self, flavour: ManifestFlavour, study: Study, tree: &Tree) -> Result<Manifest, DecodeError> {
        let root = self.root;
        let sop_instance = root.uid(tags::SOP_INSTANCE_UID).unwrap_or_default();
        let sop_instance =
            SopInstanceUid::parse(&sop_instance).map_err(|_| DecodeError::Uid("(0008,0018) SOPInstanceUID"))?;
        let own_series = root.uid(tags::SERIES_INSTANCE_UID).unwrap_or_default();
        let series_instance =
            SeriesInstanceUid::parse(&own_series).map_err(|_| DecodeError::Uid("(0020,000E) SeriesInstanceUID"))?;
        let own_study = root.uid(tags::STUDY_INSTANCE_UID).unwrap_or_default();
        let own_study = match StudyInstanceUid::parse(&own_study) {
            Ok(uid) => uid,
            Err(_) => {
                self.findings.error(&[tags::STUDY_INSTANCE_UID], "must be a UID", own_study);
                study.uid.clone()
            }
        };
        if own_study != study.uid {
            // B-024: some sources put the manifest into a study of its own.
            let rule = format!("must be the study of the evidence, {}", study.uid);
            self.findings.warning(&[tags::STUDY_INSTANCE_UID], rule, own_study.as_str());
        }
        let (patient_id, patient_id_text) = self.patient_id();
        let fallback_url = study.retrieve_url.or_else(|| root.text(tags::RETRIEVE_URL));
        let mut series = study.series;
        for one in &mut series {
            if one.retrieve_url.is_none() {
                one.retrieve_url = fallback_url.clone();
            }
            if one.uid == series_instance {
                // P33
                let rule = "of the manifest must differ from the series it lists";
                self.findings.error(&[tags::SERIES_INSTANCE_UID], rule, one.uid.as_str());
            }
        }
        self.describe(&mut series, tree);
        let (content_date, content_time) = self.content_time();
        Ok(Manifest {
            flavour,
            sop_instance,
            series_instance,
            own_study,
            other_patient_ids: self.other_ids(patient_id.as_ref()),
            patient_id,
            patient_id_text,
            patient_name: PersonName::from_dicom(&root.text(tags::PATIENT_NAME).unwrap_or_default()),
            birth_date: self.date(root, &[tags::PATIENT_BIRTH_DATE], tags::PATIENT_BIRTH_DATE),
            sex: self.sex(),
            study_date: self.date(root, &[tags::STUDY_DATE], tags::STUDY_DATE),
            study_time: self.time(root, &[tags::STUDY_TIME], tags::STUDY_TIME),
            study_description: root.text(tags::STUDY_DESCRIPTION),
            study_id: root.text(tags::STUDY_ID),
            referring_physician: root.text(tags::REFERRING_PHYSICIAN_NAME),
            orders: self.orders(&study.uid),
            procedures: self.procedures(tree),
            regions: tree.regions.iter().filter(|code| !code.code.is_empty()).cloned().collect(),
            manufacturer: root.text(tags::MANUFACTURER).unwrap_or_default(),
            institution: root.text(tags::INSTITUTION_NAME).and_then(|text| read_institution(&text)),
            content_date,
            content_time,
            timezone: self.timezone(),
            display_uri: study.display_uri.or_else(|| self.display_uri(root, &[])),
            series,
            study: study.uid,
        })
    }

    /// Puts what the image library says into the series.
    fn describe(&mut self, series: &mut [ManifestSeries], tree: &Tree) {
        if tree.groups.is_empty() {
            return;
        }
        let mut places: HashMap<String, (usize, usize)> = HashMap::new();
        let mut uids: HashMap<String, usize> = HashMap::with_capacity(series.len());
        for (at, one) in series.iter().enumerate() {
            uids.insert(one.uid.as_str().to_owned(), at);
            for (within, instance) in one.instances.iter().enumerate() {
                places.insert(instance.sop_instance.as_str().to_owned(), (at, within));
            }
        }
        for group in &tree.groups {
            let by_uid = group.uid.as_deref().and_then(|uid| uids.get(uid).copied());
            let by_entry = || group.entries.iter().find_map(|e| places.get(&e.sop_instance)).map(|place| place.0);
            if let Some(one) = by_uid.or_else(by_entry).and_then(|at| series.get_mut(at)) {
                self.wins(&mut one.modality, &group.modality, tags::MODALITY);
                self.wins(&mut one.description, &group.description, tags::SERIES_DESCRIPTION);
                self.wins(&mut one.number, &group.number, tags::SERIES_NUMBER);
                self.wins(&mut one.date, &group.date.clone().filter(|date| is_date(date)), tags::SERIES_DATE);
                self.wins(&mut one.time, &group.time.clone().filter(|time| is_time(time)), tags::SERIES_TIME);
                one.region = group.region.clone();
                one.laterality = group.laterality.clone();
            }
            for entry in &group.entries {
                let Some((at, within)) = places.get(&entry.sop_instance) else { continue };
                let instance = &mut series[*at].instances[*within];
                let said = &entry.description;
                self.wins(&mut instance.instance_number, &said.number, tags::INSTANCE_NUMBER);
                if said.frames.is_some_and(|frames| frames > 0) {
                    instance.number_of_frames = said.frames;
                }
                if let Some(title) = &said.note_title {
                    instance.key_object_note =
                        Some(KeyObjectNote { title: title.clone(), description: said.note_text.clone() });
                }
            }
        }
    }

    /// (0040,E012), or its private predecessor (000D,xx01) of `IHE_MADO_PRIVATE`. Source: spec/mcwg.md 4.7.
    fn display_uri(&mut self, set: &DataSet, above: &[Tag]) -> Option<String> {
        let mut blocks = (0x10..=0xFF_u16)
            .filter(|block| set.text(Tag(0x000D, *block)).as_deref() == Some("IHE_MADO_PRIVATE"))
            .map(|block| Tag(0x000D, block << 8 | 1));
        let uri = set.text(DISPLAY_URI).or_else(|| {
            let (tag, uri) = blocks.find_map(|tag| Some((tag, set.text(tag)?)))?;
            self.findings.warning(&[above, &[tag]].concat(), "must stand in (0040,E012) Display URI", "");
            Some(uri)
        });
        uri.map(|uri| uri.trim().to_owned()).filter(|uri| !uri.is_empty())
    }

    /// The library wins; a different value in the evidence is reported.
    fn wins(&mut self, own: &mut Option<String>, tree: &Option<String>, tag: Tag) {
        let Some(said) = tree.as_ref().filter(|text| !text.is_empty()) else { return };
        if own.as_ref().is_some_and(|own| own != said) {
            self.findings.warning(&[EVIDENCE, SERIES, tag], "must say the same as the image library", "");
        }
        *own = Some(said.clone());
    }
}

/// Gives notes their title from the instances they flag; a flagging note that has no Content Sequence is one as well.
fn name_notes(series: &mut [ManifestSeries]) {
    let mut titles: HashMap<SopInstanceUid, Code> = HashMap::new();
    for flag in series.iter().flat_map(|one| &one.instances).flat_map(|instance| &instance.significant) {
        titles.entry(flag.note.clone()).or_insert_with(|| flag.title.clone());
    }
    for instance in series.iter_mut().flat_map(|one| &mut one.instances) {
        if let Some(title) = titles.get(&instance.sop_instance) {
            let description = instance.key_object_note.take().and_then(|note| note.description);
            instance.key_object_note = Some(KeyObjectNote { title: title.clone(), description });
        }
    }
}
