//! FHIR to manifest: our own form, the public samples' and the profiles'. Source: spec/fhir.md section 17 and pitfalls 41 and
//! 42, spec/mcwg.md 4.8.
//!
//! Strict in what is listed (study, series and instance UIDs), lenient in the rest: what cannot be read is left out and
//! reported.

use super::deviations::Deviations;
use super::resources::{
    Composition, CreatorDevice, Endpoint, ImagingStudy, Instance, ManifestExtension, Series, ServiceRequest,
};
use super::time::{self, Local};
use super::{LOCATION_UID, NO_ADDRESS, NOTE_TITLE, NOTE_TITLE_OTHER, NUMBER_OF_FRAMES, REGION, people};
use crate::datatypes::{Coding, Identifier, Reference, Str};
use crate::identifier::{DICOM_UID, fold_uid, to_unique_id};
use crate::resource::{Organization, PatientResource};
use crate::systems::{DCM, code_of, code_of_concept};
use crate::{DecodeError, json, participant};
use model::{
    Code, KeyObjectNote, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, Order, RetrieveLocationUid,
    SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, UniqueId, Xon,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

/// The largest number of entries read from one Bundle.
pub const MAX_ENTRIES: usize = 20_000;

/// What was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Of flavour `Mado`.
    pub manifest: Manifest,
    /// The document's own uniqueId.
    pub unique_id: UniqueId,
    /// The KOS that it was made from, when it says so.
    pub kos: Option<SopInstanceUid>,
    /// What was not as it should be, each rule once.
    pub deviations: Vec<DecodeError>,
    /// Series and instances that could not be read and are not listed.
    pub left_out: usize,
}

impl std::fmt::Debug for Decoded {
    // A manifest names its patient.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoded({} of {}, {:?})", self.unique_id, self.manifest.study, self.deviations)
    }
}

#[derive(Deserialize)]
struct ReadBundle<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
    #[serde(default)]
    r#type: Str<'a>,
    #[serde(default)]
    identifier: Option<Identifier<'a>>,
    #[serde(default)]
    timestamp: Option<Str<'a>>,
    #[serde(default, borrow)]
    entry: Vec<ReadEntry<'a>>,
}

#[derive(Deserialize)]
struct ReadEntry<'a> {
    #[serde(rename = "fullUrl", default)]
    full_url: Option<Str<'a>>,
    #[serde(default, borrow)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
}

/// Reads a FHIR manifest. `name` gives the KOS and series UIDs that the manifest is to have, from the document's uniqueId: a
/// FHIR manifest has neither.
///
/// Shape: see [`Decoded`]; times are local to the offset of `Bundle.timestamp`.
/// Errors: not a Bundle; without identifier, time or ImagingStudy; a study that was entered in error; a study UID that is
/// none; nothing usable listed; a subject that leads to no Patient of the Bundle, or to two.
pub fn decode(
    bytes: &[u8],
    name: &dyn Fn(&UniqueId) -> (SopInstanceUid, SeriesInstanceUid),
) -> Result<Decoded, DecodeError> {
    if bytes.len() > json::MAX_OCTETS {
        let rule = format!("must have at most {} octets, has {}", json::MAX_OCTETS, bytes.len());
        return Err(DecodeError::structure("Bundle", rule));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bundle: ReadBundle<'_> = serde_json::from_slice(bytes).map_err(|e| json::wrong("Bundle", &e))?;
    if bundle.resource_type != "Bundle" {
        return Err(DecodeError::structure("Bundle", "must be a resource of that type"));
    }
    if bundle.entry.len() > MAX_ENTRIES {
        let rule = format!("must have at most {MAX_ENTRIES} entries, has {}", bundle.entry.len());
        return Err(DecodeError::structure("Bundle.entry", rule));
    }
    let mut reader = Reader::of(&bundle)?;
    if bundle.r#type != "document" {
        // Earlier drafts of the profile were collections.
        reader.tell("Bundle.type", "must be document", &bundle.r#type);
    }
    reader.read(&bundle, name)
}

/// The resources of a Bundle by type.
struct Reader<'b> {
    composition: Option<Composition<'b>>,
    study: ImagingStudy<'b>,
    patients: Vec<(usize, PatientResource<'b>)>,
    devices: Vec<(usize, CreatorDevice<'b>)>,
    organizations: Vec<(usize, Organization<'b>)>,
    endpoints: HashMap<usize, Endpoint<'b>>,
    requests: Vec<(usize, ServiceRequest<'b>)>,
    /// Entry by fullUrl, by its last two steps and by `Type/id`.
    places: HashMap<String, usize>,
    deviations: Deviations,
    left_out: usize,
}

impl<'b> Reader<'b> {
    fn of(bundle: &ReadBundle<'b>) -> Result<Self, DecodeError> {
        let mut reader = Reader {
            composition: None,
            study: ImagingStudy::default(),
            patients: Vec::new(),
            devices: Vec::new(),
            organizations: Vec::new(),
            endpoints: HashMap::new(),
            requests: Vec::new(),
            places: HashMap::new(),
            deviations: Deviations::default(),
            left_out: 0,
        };
        let mut studies: Vec<ImagingStudy<'b>> = Vec::new();
        for (at, entry) in bundle.entry.iter().enumerate() {
            let Some(raw) = entry.resource.map(RawValue::get) else { continue };
            let kind: Kind<'_> = serde_json::from_str(raw).map_err(|e| json::wrong("Bundle.entry.resource", &e))?;
            let id = match &*kind.resource_type {
                "Composition" => {
                    if at != 0 {
                        reader.tell("Composition", "must be the first entry", "");
                    }
                    reader.composition = Some(one(raw, "Composition")?);
                    None
                }
                "ImagingStudy" => {
                    studies.push(one(raw, "ImagingStudy")?);
                    None
                }
                "Patient" => reader.keep(at, one(raw, "Patient")?, |r| &mut r.patients, |p| p.id.clone()),
                "Device" => reader.keep(at, one(raw, "Device")?, |r| &mut r.devices, |d| d.id.clone()),
                "Organization" => {
                    reader.keep(at, one(raw, "Organization")?, |r| &mut r.organizations, |o| o.id.clone())
                }
                "ServiceRequest" => reader.keep(at, one(raw, "ServiceRequest")?, |r| &mut r.requests, |s| s.id.clone()),
                "Endpoint" => {
                    let endpoint: Endpoint<'b> = one(raw, "Endpoint")?;
                    let id = endpoint.id.clone();
                    reader.endpoints.insert(at, endpoint);
                    id
                }
                _ => None,
            };
            reader.place(at, entry.full_url.as_deref(), &kind.resource_type, id.as_deref());
        }
        if studies.len() > 1 {
            let rule = format!("must be there once, is there {} times", studies.len());
            return Err(DecodeError::not_supported("ImagingStudy", rule, ""));
        }
        reader.study = studies.pop().ok_or_else(|| DecodeError::required("ImagingStudy", "must be an entry"))?;
        Ok(reader)
    }

    fn keep<T>(
        &mut self,
        at: usize,
        resource: T,
        of: fn(&mut Self) -> &mut Vec<(usize, T)>,
        id: fn(&T) -> Option<Str<'b>>,
    ) -> Option<Str<'b>> {
        let id = id(&resource);
        of(self).push((at, resource));
        id
    }

    fn place(&mut self, at: usize, full_url: Option<&str>, kind: &str, id: Option<&str>) {
        match full_url {
            Some(url) => {
                // The public samples write `urn:Composition/id`, which is neither a URL nor a URN.
                if url.starts_with("urn:") && !url.starts_with("urn:uuid:") && !url.starts_with("urn:oid:") {
                    self.tell("Bundle.entry.fullUrl", "must be an absolute URL, urn:uuid: or urn:oid:", "");
                }
                self.places.entry(url.to_owned()).or_insert(at);
                if let Some((slash, _)) = url.rmatch_indices('/').nth(1) {
                    self.places.entry(url[slash + 1..].to_owned()).or_insert(at);
                }
            }
            None => self.tell("Bundle.entry.fullUrl", "must be there", ""),
        }
        if let Some(id) = id {
            self.places.entry(format!("{kind}/{id}")).or_insert(at);
        }
    }

    fn tell(&mut self, path: &str, rule: &str, value: &str) {
        self.deviations.tell(path, rule, value);
    }

    fn entry_of(&self, reference: &Reference<'_>) -> Option<usize> {
        self.places.get(reference.reference.as_deref()?).copied()
    }

    fn read(
        mut self,
        bundle: &ReadBundle<'b>,
        name: &dyn Fn(&UniqueId) -> (SopInstanceUid, SeriesInstanceUid),
    ) -> Result<Decoded, DecodeError> {
        let study = std::mem::take(&mut self.study);
        let composition = self.composition.take();
        if composition.is_none() {
            self.tell("Composition", "must be the first entry", "");
        }
        let composition = composition.unwrap_or_default();
        let identifier = bundle.identifier.as_ref().or(composition.identifier.as_ref());
        let unique_id = identifier.and_then(|id| to_unique_id(id.system.as_deref(), id.value.as_deref()));
        let unique_id = unique_id.ok_or_else(|| DecodeError::required("Bundle.identifier", "must be there"))?;
        if model::Oid::parse(unique_id.as_str()).is_err() {
            self.tell("Bundle.identifier", "must be an OID", unique_id.as_str());
        }
        let created = bundle.timestamp.as_deref().or(composition.date.as_deref());
        let created = created.and_then(time::read).filter(|local| local.time.is_some());
        let created = created.ok_or_else(|| DecodeError::required("Bundle.timestamp", "must be a date and time"))?;
        let timezone = created.offset.clone();
        let zone = timezone.as_deref();
        let uid = self.study_uid(&study)?;
        let (study_date, study_time) = self.start(study.started.as_deref(), "ImagingStudy.started", zone);
        if let Some(status @ ("entered-in-error" | "cancelled")) = study.status.as_deref() {
            return Err(DecodeError::value("ImagingStudy.status", "must be that of a study that exists", status));
        }
        let patient = self.subject(&study, &composition)?;
        let patient = match patient.and_then(|at| self.patients.iter().find(|(place, _)| *place == at)) {
            Some((_, patient)) => people::read_patient(patient, &mut self.deviations),
            None => people::ReadPatient::default(),
        };
        let orders = self.orders(&study);
        let (manufacturer, institution) = self.creator(&composition);
        let display_uri = study.endpoint.iter().find_map(|r| self.viewer(r));
        let series = self.series(&study, zone)?;
        let kos = composition.relates_to.iter().filter(|r| r.code.as_deref() == Some("transforms"));
        let kos = kos.filter_map(|r| r.target_identifier.as_ref()?.value.as_deref());
        let kos = kos.filter_map(|value| SopInstanceUid::parse(fold_uid(value.trim())).ok()).next();
        let (sop_instance, series_instance) = name(&unique_id);
        let procedures = study.procedure_code.iter().filter_map(code_of_concept).collect();
        let regions = study.extension.iter().filter(|e| e.url.as_deref() == Some(REGION));
        let regions = regions.filter_map(|e| code_of_concept(e.value_codeable_concept.as_ref()?)).collect();
        let manifest = Manifest {
            flavour: ManifestFlavour::Mado,
            sop_instance,
            series_instance,
            own_study: uid.clone(),
            study: uid,
            patient_id: patient.id,
            patient_id_text: patient.id_text,
            other_patient_ids: patient.other_ids,
            patient_name: patient.name,
            birth_date: patient.birth_date,
            sex: patient.sex,
            study_date,
            study_time,
            study_description: text(&study.description),
            study_id: None,
            referring_physician: None,
            orders,
            procedures,
            regions,
            manufacturer,
            institution,
            content_date: created.date,
            content_time: created.time.unwrap_or_default(),
            timezone,
            display_uri,
            series,
        };
        let (deviations, left_out) = (self.deviations.into_vec(), self.left_out);
        Ok(Decoded { manifest, unique_id, kos, deviations, left_out })
    }

    /// The entry of the patient: whom study and Composition lead to; the only Patient there is when neither says.
    fn subject(
        &mut self,
        study: &ImagingStudy<'_>,
        composition: &Composition<'_>,
    ) -> Result<Option<usize>, DecodeError> {
        let mut found: Option<usize> = None;
        let subjects = [("ImagingStudy.subject", &study.subject), ("Composition.subject", &composition.subject)];
        for (path, subject) in subjects {
            let Some(reference) = subject else { continue };
            let at = self.entry_of(reference).filter(|at| self.patients.iter().any(|(place, _)| place == at));
            let Some(at) = at else {
                // A subject without an address, by its identifier alone, leaves it to the Patient that is there.
                if reference.reference.is_some() {
                    return Err(DecodeError::value(path, "must lead to a Patient of the Bundle", ""));
                }
                continue;
            };
            if found.is_some_and(|before| before != at) {
                return Err(DecodeError::value(path, "must be the patient of the ImagingStudy", ""));
            }
            found = Some(at);
        }
        match (found, self.patients.as_slice()) {
            (Some(at), _) => Ok(Some(at)),
            (None, []) => {
                self.tell("Patient", "must be an entry", "");
                Ok(None)
            }
            (None, [(only, _)]) => {
                let only = *only;
                self.tell("ImagingStudy.subject", "must be a reference to the Patient", "");
                Ok(Some(only))
            }
            (None, _) => {
                Err(DecodeError::required("ImagingStudy.subject", "must say which of the Patients it is about"))
            }
        }
    }

    fn study_uid(&mut self, study: &ImagingStudy<'_>) -> Result<StudyInstanceUid, DecodeError> {
        const PATH: &str = "ImagingStudy.identifier";
        let typed = |id: &&Identifier<'_>| {
            let codings = id.r#type.iter().flat_map(|kind| &kind.coding);
            codings.filter(|c| c.system.as_deref() == Some(DCM)).any(|c| c.code.as_deref() == Some("110180"))
        };
        let found = study.identifier.iter().find(typed);
        if found.is_none() {
            self.tell(PATH, "must have the type DCM#110180", "");
        }
        let found = found.or_else(|| study.identifier.iter().find(|id| id.system.as_deref() == Some(DICOM_UID)));
        let value = found.and_then(|id| id.value.as_deref()).unwrap_or("").trim();
        StudyInstanceUid::parse(fold_uid(value))
            .map_err(|_| DecodeError::value(PATH, "must have a Study Instance UID", value))
    }

    /// Date and time at the manifest's offset.
    fn start(&mut self, text: Option<&str>, path: &str, zone: Option<&str>) -> (Option<String>, Option<String>) {
        let Some(text) = text else { return (None, None) };
        match time::read(text) {
            Some(local) => {
                let Local { date, time, .. } = local.at(zone);
                (Some(date), time)
            }
            None => {
                self.tell(path, "must be a day, or a time with its offset", text);
                (None, None)
            }
        }
    }

    /// The requests that the study is based on; all there are when it names none.
    fn orders(&mut self, study: &ImagingStudy<'_>) -> Vec<Order> {
        let mut found: Vec<Order> = Vec::new();
        let mut seen: HashSet<Order> = HashSet::new();
        let mut deviations = std::mem::take(&mut self.deviations);
        let requests = std::mem::take(&mut self.requests);
        let by_place: HashMap<usize, &ServiceRequest<'_>> = requests.iter().map(|(at, one)| (*at, one)).collect();
        let mut add = |identifiers: &[Identifier<'_>], deviations: &mut Deviations| {
            if let Some(order) = people::read_order(identifiers, deviations)
                && seen.insert(order.clone())
            {
                found.push(order);
            }
        };
        for reference in &study.based_on {
            match self.entry_of(reference).and_then(|at| by_place.get(&at)) {
                Some(request) => add(&request.identifier, &mut deviations),
                None => add(reference.identifier.as_deref().map_or(&[][..], std::slice::from_ref), &mut deviations),
            }
        }
        if study.based_on.is_empty() {
            requests.iter().for_each(|(_, request)| add(&request.identifier, &mut deviations));
        }
        self.deviations = deviations;
        found
    }

    /// Manufacturer and organisation of the authors.
    fn creator(&mut self, composition: &Composition<'_>) -> (String, Option<Xon>) {
        let authors: HashSet<usize> = composition.author.iter().filter_map(|author| self.entry_of(author)).collect();
        let device = self.devices.iter().find(|(at, _)| authors.contains(at)).or(self.devices.first());
        let manufacturer = device.and_then(|(_, device)| text(&device.manufacturer)).unwrap_or_default();
        let organization =
            self.organizations.iter().find(|(at, _)| authors.contains(at)).or(self.organizations.first());
        let institution = organization.and_then(|(_, one)| participant::xon(one.name.as_deref(), &one.identifier));
        if device.is_none() {
            self.tell("Composition.author", "must be a Device", "");
        }
        if institution.is_none() {
            self.tell("Composition.author", "must be an Organization with a name", "");
        }
        (manufacturer, institution)
    }

    fn viewer(&self, reference: &Reference<'_>) -> Option<String> {
        let endpoint = self.endpoints.get(&self.entry_of(reference)?)?;
        let kind = endpoint.connection_type.as_ref().and_then(|c| c.code.as_deref());
        let shown = endpoint.payload_mime_type.iter().any(|kind| kind == "text/html");
        (kind == Some("web-viewer") || (shown && kind != Some("dicom-wado-rs"))).then(|| text(&endpoint.address))?
    }

    fn series(&mut self, study: &ImagingStudy<'_>, zone: Option<&str>) -> Result<Vec<ManifestSeries>, DecodeError> {
        let listed = study.number_of_series.map(|number| number as usize);
        if listed != Some(study.series.len()) {
            let came = listed.map(|number| number.to_string()).unwrap_or_default();
            self.tell("ImagingStudy.numberOfSeries", "must count the series", &came);
        }
        let mut out: Vec<ManifestSeries> = Vec::new();
        let (mut series_seen, mut instances_seen) = (HashSet::new(), HashSet::new());
        for one in &study.series {
            let uid = one.uid.as_deref().unwrap_or("").trim();
            let Ok(uid) = SeriesInstanceUid::parse(fold_uid(uid)) else {
                self.tell("ImagingStudy.series.uid", "must be a UID", uid);
                self.left_out += 1;
                continue;
            };
            if !series_seen.insert(uid.clone()) {
                self.tell("ImagingStudy.series.uid", "must be there once", uid.as_str());
                self.left_out += 1;
                continue;
            }
            let instances = self.instances(one, &mut instances_seen);
            if instances.is_empty() {
                self.tell("ImagingStudy.series.instance", "must list at least one instance", uid.as_str());
                continue;
            }
            let (date, time) = self.start(one.started.as_deref(), "ImagingStudy.series.started", zone);
            let (retrieve_location_uid, retrieve_url) = self.place_of(one);
            out.push(ManifestSeries {
                modality: self.modality(one),
                description: text(&one.description),
                number: one.number.map(|number| number.to_string()),
                date,
                time,
                region: one.body_site.as_ref().and_then(code),
                laterality: one.laterality.as_ref().and_then(code),
                retrieve_location_uid,
                retrieve_url,
                retrieve_ae_title: None,
                instances,
                uid,
            });
        }
        if out.is_empty() {
            return Err(DecodeError::required("ImagingStudy.series", "must list at least one usable instance"));
        }
        Ok(out)
    }

    fn modality(&mut self, series: &Series<'_>) -> Option<String> {
        let modality = series.modality.as_ref();
        let code = modality.and_then(|modality| text(&modality.code));
        let system = modality.and_then(|modality| modality.system.as_deref());
        if code.is_none() || system != Some(DCM) {
            self.tell("ImagingStudy.series.modality", "must be a code of DCM", system.unwrap_or(""));
        }
        code
    }

    fn instances(&mut self, series: &Series<'_>, seen: &mut HashSet<String>) -> Vec<ManifestInstance> {
        let mut out = Vec::with_capacity(series.instance.len());
        for one in &series.instance {
            let Some(instance) = self.instance(one) else {
                self.left_out += 1;
                continue;
            };
            if seen.insert(instance.sop_instance.as_str().to_owned()) {
                out.push(instance);
            } else {
                let uid = instance.sop_instance.as_str();
                self.tell("ImagingStudy.series.instance.uid", "must be there once", uid);
            }
        }
        if series.number_of_instances.map(|number| number as usize) != Some(series.instance.len()) {
            let came = series.number_of_instances.map(|number| number.to_string()).unwrap_or_default();
            self.tell("ImagingStudy.series.numberOfInstances", "must count the instances", &came);
        }
        out
    }

    fn instance(&mut self, instance: &Instance<'_>) -> Option<ManifestInstance> {
        let uid = instance.uid.as_deref().unwrap_or("").trim();
        let Ok(sop_instance) = SopInstanceUid::parse(fold_uid(uid)) else {
            self.tell("ImagingStudy.series.instance.uid", "must be a UID", uid);
            return None;
        };
        let class = instance.sop_class.as_ref().and_then(|class| class.code.as_deref()).unwrap_or("").trim();
        let Ok(sop_class) = SopClassUid::parse(fold_uid(class)) else {
            self.tell("ImagingStudy.series.instance.sopClass", "must be a UID", class);
            return None;
        };
        let extension = |urls: &[&str]| {
            let found = instance.extension.iter().find(|e| urls.contains(&e.url.as_deref().unwrap_or("")));
            found.cloned().unwrap_or_default()
        };
        let frames = extension(&[NUMBER_OF_FRAMES]).value_integer;
        let number_of_frames = frames.and_then(|frames| u32::try_from(frames).ok()).filter(|frames| *frames > 0);
        if frames.is_some() && number_of_frames.is_none() {
            let path = "ImagingStudy.series.instance.extension";
            self.tell(path, "must be a positive number of frames", &frames.unwrap_or(0).to_string());
        }
        let title = extension(&[NOTE_TITLE, NOTE_TITLE_OTHER]).value_codeable_concept;
        let title = title.as_ref().and_then(code_of_concept);
        let description = text(&instance.title);
        Some(ManifestInstance {
            sop_class,
            sop_instance,
            instance_number: instance.number.map(|number| number.to_string()),
            number_of_frames,
            significant: Vec::new(),
            key_object_note: title.map(|title| KeyObjectNote { title, description }),
        })
    }

    /// Location UID and base URL of the first WADO-RS endpoint.
    fn place_of(&mut self, series: &Series<'_>) -> (Option<RetrieveLocationUid>, Option<String>) {
        let wado = |endpoint: &&Endpoint<'_>| {
            endpoint.connection_type.as_ref().and_then(|kind| kind.code.as_deref()) == Some("dicom-wado-rs")
        };
        let known = series.endpoint.iter().filter_map(|r| self.endpoints.get(&self.entry_of(r)?)).find(wado);
        let Some(endpoint) = known else {
            let path = "ImagingStudy.series.endpoint";
            self.tell(path, "must be an entry with connection type dicom-wado-rs", "");
            return (None, None);
        };
        let stands_in = endpoint.about_address.as_ref().is_some_and(|about| !about.extension.is_empty());
        let address = text(&endpoint.address).filter(|address| !stands_in && address != NO_ADDRESS);
        let told = |e: &&ManifestExtension<'_>| e.url.as_deref() == Some(LOCATION_UID);
        let told = endpoint.extension.iter().find(told);
        let told = told.and_then(|e| text(&e.value_string).or_else(|| text(&e.value_oid))).unwrap_or_default();
        // Seen: `oid:` before the digits.
        let bare = told.strip_prefix("oid:").unwrap_or(fold_uid(&told));
        let location = RetrieveLocationUid::parse(bare).ok();
        if location.is_none() {
            self.tell("Endpoint.extension", "must give the Retrieve Location UID as an OID", &told);
        }
        (location, address)
    }
}

/// One resource of an entry.
fn one<'b, T: Deserialize<'b>>(raw: &'b str, path: &str) -> Result<T, DecodeError> {
    serde_json::from_str(raw).map_err(|e| json::wrong(path, &e))
}

fn text(text: &Option<Str<'_>>) -> Option<String> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A Coding with something in it.
fn code(coding: &Coding<'_>) -> Option<Code> {
    let code = code_of(coding);
    (!code.label().is_empty()).then_some(code)
}
