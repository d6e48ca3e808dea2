//! Instances of a study to a manifest: grouping and order, requests, regions, key object notes, rejected instances.
//! spec/dicom.md sections 4, 6, 7 and 9; spec/mcwg.md 4.1, 4.4, 4.6.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use model::{
    Code, Dtm, KeyObjectNote, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, Oid, Order, PatientId,
    PersonName, RegionMap, RetrieveLocationUid, SeriesInstanceUid, Sex, SignificantImage, SopClassUid, SopInstanceUid,
    StudyInstanceUid, Xon, schemes,
};

use super::encode::series_url;
use super::titles::TitleKind;
use crate::values::{is_date, is_offset, is_time};

/// What a manifest needs to know of one instance. Text is decoded, without padding; absent and empty are the same.
#[derive(Clone, PartialEq, Eq)]
pub struct StudyInstance {
    /// (0020,000D).
    pub study: StudyInstanceUid,
    /// (0020,000E).
    pub series: SeriesInstanceUid,
    /// (0008,0016).
    pub sop_class: SopClassUid,
    /// (0008,0018).
    pub sop_instance: SopInstanceUid,
    /// (0008,0060).
    pub modality: Option<String>,
    /// (0020,0011).
    pub series_number: Option<String>,
    /// (0008,103E).
    pub series_description: Option<String>,
    /// (0008,0021); `first_date` stands in where it is absent.
    pub series_date: Option<String>,
    /// (0008,0031).
    pub series_time: Option<String>,
    /// Acquisition, else content date and time of the instance: what is left when a series or study has no date.
    pub first_date: Option<String>,
    /// The time that goes with `first_date`.
    pub first_time: Option<String>,
    /// (0020,0013).
    pub instance_number: Option<String>,
    /// (0028,0008); one frame and none are the same.
    pub number_of_frames: Option<u32>,
    /// (0008,0020).
    pub study_date: Option<String>,
    /// (0008,0030).
    pub study_time: Option<String>,
    /// (0008,1030).
    pub study_description: Option<String>,
    /// (0020,0010).
    pub study_id: Option<String>,
    /// (0008,0090) as written.
    pub referring_physician: Option<String>,
    /// (0008,0050) and (0008,0051) with the placer's number at the same level, and one for each item of (0040,0275).
    pub orders: Vec<Order>,
    /// (0008,1032).
    pub procedures: Vec<Code>,
    /// (0032,1064) here and in (0040,0275); used when nothing was performed under a code.
    pub requested_procedures: Vec<Code>,
    /// (0008,2218).
    pub anatomic_regions: Vec<Code>,
    /// (0018,0015).
    pub body_part: Option<String>,
    /// (0020,0060), else (0020,0062): `R`, `L`, `B` or `U`.
    pub laterality: Option<String>,
    /// (0010,0020).
    pub patient_id: Option<String>,
    /// (0010,0024).
    pub patient_issuer: Option<Oid>,
    /// (0010,1002) items whose issuer is an OID.
    pub other_patient_ids: Vec<PatientId>,
    /// (0010,0010).
    pub patient_name: PersonName,
    /// (0010,0030).
    pub birth_date: Option<String>,
    /// (0010,0040).
    pub sex: Option<Sex>,
    /// (0008,0201).
    pub timezone: Option<String>,
    /// What a key object selection says; `None` for every other class.
    pub key_objects: Option<KeyObjects>,
}

/// A key object selection as the builder and the archive see it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyObjects {
    /// (0040,A043).
    pub title: Code,
    /// (113012, DCM, "Key Object Description").
    pub description: Option<String>,
    /// Every instance of (0040,A375).
    pub references: Vec<SopInstanceUid>,
}

/// What the deployment says about the source of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Flavour to write.
    pub flavour: ManifestFlavour,
    /// Who publishes, (0008,0080).
    pub institution: Option<Xon>,
    /// Issuer of patient ids that come without.
    pub patient_issuer: Option<Oid>,
    /// Issuer of accession numbers that come without.
    pub accession_issuer: Option<Oid>,
    /// Issuer of placer order numbers that come without.
    pub placer_issuer: Option<Oid>,
    /// WADO-RS base URL, without `/studies`.
    pub retrieve_base_url: Option<String>,
    /// (0040,E011).
    pub retrieve_location_uid: RetrieveLocationUid,
    /// (0008,0054); outside the source it means nothing.
    pub retrieve_ae_title: Option<String>,
    /// Body parts and procedures to coarse regions.
    pub regions: RegionMap,
    /// (0008,0201) for studies whose instances do not say: the offset that held at the study's date.
    pub timezone: String,
    /// (0008,0070), who made this program: `manifold`.
    pub manufacturer: String,
}

/// The identity of the object to be made; the caller has clock and random numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewManifest {
    /// A fresh UID: changed content never keeps the old one.
    pub sop_instance: SopInstanceUid,
    /// A series that no listed instance is in; may stay the same for every manifest of a study.
    pub series_instance: SeriesInstanceUid,
    /// Now, UTC.
    pub created: Dtm,
}

/// Why there is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// No instance, or all of them rejected: withdraw what was published (P12).
    #[error(
        "nothing to list: {instances} instances came, {rejected} are rejected, the others are manifests or notes of rejection"
    )]
    NothingToList {
        /// Instances given.
        instances: usize,
        /// Of them rejected.
        rejected: usize,
    },
    /// Instances of another study.
    #[error("expected instances of study {0}, got one of study {1}")]
    AnotherStudy(StudyInstanceUid, StudyInstanceUid),
    /// The new series UID is the UID of a series in the study (P33).
    #[error("the manifest needs a series of its own, {0} is one of the study's")]
    SeriesInUse(SeriesInstanceUid),
    /// The new instance UID is the UID of an instance in the study.
    #[error("the manifest needs an instance UID of its own, {0} is one of the study's")]
    InstanceInUse(SopInstanceUid),
}

/// Makes the manifest of one study from what is known of its instances.
///
/// Shape: series by number and UID, instances by number and UID, so that the order of arrival does not matter. Rejected
/// instances, rejection notes and other manifests are left out. Study attributes come from the first acquired instance
/// that has them.
/// Errors: see [`BuildError`].
/// Source: spec/dicom.md sections 6 and 7.
pub fn build(instances: &[StudyInstance], source: &Source, new: &NewManifest) -> Result<Manifest, BuildError> {
    let listed = listed(instances)?;
    let Some(first) = listed.first() else {
        let rejected = rejected(instances).len();
        return Err(BuildError::NothingToList { instances: instances.len(), rejected });
    };
    if let Some(taken) = instances.iter().find(|i| i.series == new.series_instance) {
        return Err(BuildError::SeriesInUse(taken.series.clone()));
    }
    if let Some(taken) = instances.iter().find(|i| i.sop_instance == new.sop_instance) {
        return Err(BuildError::InstanceInUse(taken.sop_instance.clone()));
    }
    let study = first.study.clone();
    // Notes and reports are written on other systems, often without the modality's attributes: they are asked last.
    let mut facts = listed.clone();
    facts.sort_by_key(|instance| instance.key_objects.is_some() || !acquired(instance));
    let fact = |of: fn(&StudyInstance) -> Option<&str>| first_text(&facts, of);

    let timezone = facts.iter().find_map(|i| i.timezone.as_deref().filter(|t| is_offset(t)));
    let timezone = timezone.unwrap_or(&source.timezone).to_owned();
    let (content_date, content_time) = local(&new.created, &timezone);
    let identified = facts.iter().find(|i| filled(i.patient_id.as_deref()).is_some());
    let id_text = identified.and_then(|i| filled(i.patient_id.as_deref())).unwrap_or("").to_owned();
    let issuer = identified.and_then(|i| i.patient_issuer.clone()).or_else(|| source.patient_issuer.clone());
    let patient_id = issuer.filter(|_| !id_text.is_empty()).map(|issuer| PatientId::new(id_text.clone(), issuer));
    let (study_date, study_time) = study_start(&facts);
    let procedures = procedures(&facts);
    let regions = source.regions.regions(
        facts.iter().flat_map(|i| &i.anatomic_regions),
        facts.iter().filter_map(|i| filled(i.body_part.as_deref())),
        &procedures,
    );
    Ok(Manifest {
        flavour: source.flavour,
        sop_instance: new.sop_instance.clone(),
        series_instance: new.series_instance.clone(),
        own_study: study.clone(),
        patient_id_text: if patient_id.is_some() { String::new() } else { id_text },
        other_patient_ids: other_ids(&facts, patient_id.as_ref()),
        patient_id,
        patient_name: facts.iter().map(|i| &i.patient_name).find(|n| !n.is_empty()).cloned().unwrap_or_default(),
        birth_date: fact(|i| i.birth_date.as_deref().filter(|date| is_date(date))),
        sex: facts.iter().find_map(|i| i.sex),
        study_date,
        study_time,
        study_description: fact(|i| i.study_description.as_deref()),
        study_id: fact(|i| i.study_id.as_deref()),
        referring_physician: fact(|i| i.referring_physician.as_deref()),
        orders: orders(&facts, source),
        procedures,
        regions,
        manufacturer: source.manufacturer.clone(),
        institution: source.institution.clone(),
        content_date,
        content_time,
        timezone: Some(timezone),
        display_uri: None,
        series: series(&listed, source, &study),
        study,
    })
}

/// UIDs that a rejection note among the instances refers to. Source: spec/dicom.md section 7.
pub fn rejected(instances: &[StudyInstance]) -> HashSet<SopInstanceUid> {
    let notes = instances.iter().filter_map(|i| i.key_objects.as_ref());
    let rejections = notes.filter(|note| TitleKind::of(&note.title) == TitleKind::Rejection);
    let uids: HashSet<&SopInstanceUid> = rejections.flat_map(|note| &note.references).collect();
    instances.iter().map(|i| &i.sop_instance).filter(|uid| uids.contains(uid)).cloned().collect()
}

/// The instances a manifest lists, in order, each once.
fn listed(instances: &[StudyInstance]) -> Result<Vec<&StudyInstance>, BuildError> {
    let rejected = rejected(instances);
    let mut seen = HashSet::new();
    let mut listed = Vec::with_capacity(instances.len());
    for instance in instances {
        if let Some(first) = instances.first().filter(|first| first.study != instance.study) {
            return Err(BuildError::AnotherStudy(first.study.clone(), instance.study.clone()));
        }
        let kind = instance.key_objects.as_ref().map(|note| TitleKind::of(&note.title));
        let is_content = matches!(kind, None | Some(TitleKind::KeyObjects));
        if is_content && !rejected.contains(&instance.sop_instance) && seen.insert(&instance.sop_instance) {
            listed.push(instance);
        }
    }
    listed.sort_by(|a, b| {
        by_number(a.series_number.as_deref(), b.series_number.as_deref())
            .then_with(|| a.series.cmp(&b.series))
            .then_with(|| by_number(a.instance_number.as_deref(), b.instance_number.as_deref()))
            .then_with(|| a.sop_instance.cmp(&b.sop_instance))
    });
    Ok(listed)
}

/// Numbers in their order, then what has none.
fn by_number(a: Option<&str>, b: Option<&str>) -> Ordering {
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<i64>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

fn series(listed: &[&StudyInstance], source: &Source, study: &StudyInstanceUid) -> Vec<ManifestSeries> {
    let flags = flags(listed);
    let mut sides: Vec<Option<&str>> = Vec::new();
    let mut out: Vec<ManifestSeries> = Vec::new();
    // Instances of one series may disagree about its number and so stand apart in the order.
    let mut places: HashMap<&SeriesInstanceUid, usize> = HashMap::new();
    for &instance in listed {
        let at = *places.entry(&instance.series).or_insert_with(|| {
            out.push(empty_series(instance, source, study));
            sides.push(filled(instance.laterality.as_deref()));
            out.len() - 1
        });
        if filled(instance.laterality.as_deref()) != sides[at] {
            sides[at] = None;
        }
        let series = &mut out[at];
        fill(&mut series.modality, instance.modality.as_deref());
        fill(&mut series.description, instance.series_description.as_deref());
        fill(&mut series.number, instance.series_number.as_deref());
        if series.date.is_none() {
            (series.date, series.time) = series_start(instance);
        }
        if series.region.is_none() {
            series.region = region(instance);
        }
        series.instances.push(ManifestInstance {
            sop_class: instance.sop_class.clone(),
            sop_instance: instance.sop_instance.clone(),
            instance_number: filled(instance.instance_number.as_deref()).map(str::to_owned),
            number_of_frames: instance.number_of_frames.filter(|frames| *frames > 1),
            significant: flags.get(&instance.sop_instance).cloned().unwrap_or_default(),
            key_object_note: instance
                .key_objects
                .as_ref()
                .map(|note| KeyObjectNote { title: note.title.clone(), description: note.description.clone() }),
        });
    }
    for (series, side) in out.iter_mut().zip(sides) {
        series.laterality = side.and_then(laterality);
    }
    out
}

/// The finest region an instance names. Source: spec/mcwg.md 4.3 (TID 1602: CODE, or TEXT where there is no code).
fn region(instance: &StudyInstance) -> Option<Code> {
    let coded = instance.anatomic_regions.iter().find(|code| !code.code.is_empty()).cloned();
    coded.or_else(|| filled(instance.body_part.as_deref()).map(|part| Code::new("", "", part)))
}

/// The side that all instances of a series have. Source: PS3.16 CID 244.
fn laterality(term: &str) -> Option<Code> {
    let (code, meaning) = match term {
        "R" => ("24028007", "Right"),
        "L" => ("7771000", "Left"),
        "B" => ("51440002", "Right and left"),
        "U" => ("66459002", "Unilateral"),
        _ => return None,
    };
    Some(Code::new(code, schemes::SNOMED_CT, meaning))
}

fn empty_series(instance: &StudyInstance, source: &Source, study: &StudyInstanceUid) -> ManifestSeries {
    let retrieve_url = source.retrieve_base_url.as_deref().map(|base| match source.flavour {
        ManifestFlavour::Mcwg => series_url(base, study.as_str(), instance.series.as_str()),
        ManifestFlavour::Xdsi | ManifestFlavour::Mado => base.trim_end_matches('/').to_owned(),
    });
    ManifestSeries {
        uid: instance.series.clone(),
        modality: None,
        description: None,
        number: None,
        date: None,
        time: None,
        region: None,
        laterality: None,
        retrieve_location_uid: Some(source.retrieve_location_uid.clone()),
        retrieve_url,
        retrieve_ae_title: filled(source.retrieve_ae_title.as_deref()).map(str::to_owned),
        instances: Vec::new(),
    }
}

/// Which notes flag which instance.
fn flags(listed: &[&StudyInstance]) -> HashMap<SopInstanceUid, Vec<SignificantImage>> {
    let mut flags: HashMap<SopInstanceUid, Vec<SignificantImage>> = HashMap::new();
    for instance in listed {
        let Some(note) = &instance.key_objects else { continue };
        let flag = SignificantImage {
            note_series: instance.series.clone(),
            note: instance.sop_instance.clone(),
            title: note.title.clone(),
        };
        for reference in &note.references {
            let flags = flags.entry(reference.clone()).or_default();
            if !flags.contains(&flag) {
                flags.push(flag.clone());
            }
        }
    }
    for flags in flags.values_mut() {
        flags.sort_by(|a, b| (&a.note_series, &a.note).cmp(&(&b.note_series, &b.note)));
    }
    flags
}

/// Every request once. A number without an issuer has the one that another instance gives it, else the source's. A number
/// known with its partner in one instance and alone in another is one request. Source: spec/mcwg.md 3.4, 4.4.
fn orders(facts: &[&StudyInstance], source: &Source) -> Vec<Order> {
    let stated: Vec<Order> = facts.iter().flat_map(|i| &i.orders).map(trimmed).collect();
    let mut accession_issuers: HashMap<&str, &Oid> = HashMap::new();
    let mut placer_issuers: HashMap<&str, &Oid> = HashMap::new();
    for order in &stated {
        for (issuers, number, issuer) in [
            (&mut accession_issuers, &order.accession_number, &order.accession_issuer),
            (&mut placer_issuers, &order.placer_order_number, &order.placer_issuer),
        ] {
            if let Some(issuer) = issuer {
                issuers.entry(number).or_insert(issuer);
            }
        }
    }
    let issuer = |own: &Option<Oid>, others: &HashMap<&str, &Oid>, default: &Option<Oid>, number: &str| {
        let other = || others.get(number).copied().or(default.as_ref());
        own.as_ref().or_else(other).filter(|_| !number.is_empty()).cloned()
    };
    let mut all: Vec<Order> = Vec::new();
    let mut seen: HashSet<Order> = HashSet::new();
    for order in &stated {
        let (accession, placer) = (&order.accession_number, &order.placer_order_number);
        let order = Order {
            accession_issuer: issuer(&order.accession_issuer, &accession_issuers, &source.accession_issuer, accession),
            placer_issuer: issuer(&order.placer_issuer, &placer_issuers, &source.placer_issuer, placer),
            ..order.clone()
        };
        let empty = order.accession_number.is_empty() && order.placer_order_number.is_empty();
        if !empty && seen.insert(order.clone()) {
            all.push(order);
        }
    }
    let mut orders: Vec<Order> =
        all.iter().filter(|order| !all.iter().any(|other| part_of(order, other))).cloned().collect();
    orders.sort_by(|a, b| {
        let key = |o: &Order| (o.accession_number.clone(), o.accession_issuer.clone(), o.placer_order_number.clone());
        key(a).cmp(&key(b))
    });
    orders
}

fn trimmed(order: &Order) -> Order {
    Order {
        accession_number: order.accession_number.trim().to_owned(),
        placer_order_number: order.placer_order_number.trim().to_owned(),
        ..order.clone()
    }
}

/// True if `other` says the same and more.
fn part_of(order: &Order, other: &Order) -> bool {
    let accession =
        order.accession_number == other.accession_number && order.accession_issuer == other.accession_issuer;
    let placer = order.placer_order_number == other.placer_order_number && order.placer_issuer == other.placer_issuer;
    (accession && order.placer_order_number.is_empty() && !other.placer_order_number.is_empty())
        || (placer && order.accession_number.is_empty() && !other.accession_number.is_empty())
}

fn procedures(facts: &[&StudyInstance]) -> Vec<Code> {
    let mut out: Vec<Code> = Vec::new();
    for list in [|i: &StudyInstance| i.procedures.clone(), |i: &StudyInstance| i.requested_procedures.clone()] {
        for code in facts.iter().flat_map(|i| list(i)) {
            if !code.code.is_empty() && !out.iter().any(|other| other.means(&code)) {
                out.push(code);
            }
        }
        if !out.is_empty() {
            break;
        }
    }
    out
}

fn other_ids(facts: &[&StudyInstance], main: Option<&PatientId>) -> Vec<PatientId> {
    let mut out: Vec<PatientId> = Vec::new();
    for id in facts.iter().flat_map(|i| &i.other_patient_ids) {
        if Some(id) != main && !out.contains(id) {
            out.push(id.clone());
        }
    }
    out
}

/// Study date and time; the earliest series or instance where the study does not say. Source: spec/mcwg.md 4.2.
fn study_start(facts: &[&StudyInstance]) -> (Option<String>, Option<String>) {
    let stated = facts.iter().find_map(|i| i.study_date.as_deref().filter(|date| is_date(date)));
    match stated {
        Some(date) => {
            let same_day = facts.iter().filter(|i| i.study_date.as_deref() == Some(date));
            let time = same_day.filter_map(|i| i.study_time.as_deref()).find(|time| is_time(time));
            (Some(date.to_owned()), time.map(str::to_owned))
        }
        None => facts
            .iter()
            .filter(|i| acquired(i))
            .map(|i| series_start(i))
            .filter(|(date, _)| date.is_some())
            .min()
            .unwrap_or_default(),
    }
}

fn series_start(instance: &StudyInstance) -> (Option<String>, Option<String>) {
    for (date, time) in [(&instance.series_date, &instance.series_time), (&instance.first_date, &instance.first_time)] {
        if let Some(date) = date.as_deref().filter(|date| is_date(date)) {
            return (Some(date.to_owned()), time.clone().filter(|time| is_time(time)));
        }
    }
    (None, None)
}

fn acquired(instance: &StudyInstance) -> bool {
    !matches!(instance.modality.as_deref(), Some("KO" | "PR" | "SR" | "DOC" | "SEG" | "REG"))
}

/// A UTC time as date and time at an offset.
fn local(created: &Dtm, offset: &str) -> (String, String) {
    let number = |range| offset.get(range).and_then(|text: &str| text.parse::<i64>().ok()).unwrap_or(0);
    let seconds = number(1..3) * 3600 + number(3..5) * 60;
    let seconds = if offset.starts_with('-') { -seconds } else { seconds };
    let local = Dtm::from_unix_seconds(created.unix_seconds() + seconds);
    let (date, time) = local.as_str().split_at(8);
    (date.to_owned(), time.to_owned())
}

fn first_text(facts: &[&StudyInstance], of: fn(&StudyInstance) -> Option<&str>) -> Option<String> {
    facts.iter().find_map(|instance| filled(of(instance))).map(str::to_owned)
}

fn fill(into: &mut Option<String>, text: Option<&str>) {
    if into.is_none() {
        *into = filled(text).map(str::to_owned);
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

impl std::fmt::Debug for StudyInstance {
    // Demographics and numbers stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StudyInstance({} of {}, {})", self.sop_instance, self.series, self.sop_class)
    }
}

impl std::fmt::Debug for KeyObjects {
    // The description is a physician's free text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyObjects({}, {} references)", self.title.code, self.references.len())
    }
}
