//! Manifest to FHIR: the document Bundle. Source: spec/mcwg.md 4.8; http://hl7.org/fhir/R4/documents.html.

use super::resources::{
    AboutAddress, Composition, Endpoint, Event, ImagingStudy, Instance, ManifestExtension, RelatesTo, Section, Series,
    SeriesModality, Written, WrittenBundle, WrittenEntry,
};
use super::{
    CONNECTION_TYPE, LOCATION_UID, MADO_CONNECTION_TYPE, NO_ADDRESS, NOTE_TITLE, NUMBER_OF_FRAMES, PAYLOAD_TYPE,
    PROFILE, REGION, narrative, people, time,
};
use crate::datatypes::{CodeableConcept, Coding, Identifier, Meta, Reference, Str};
use crate::identifier::DICOM_UID;
use crate::systems::{DCM, LOINC, RFC_3986, coding, concept, present};
use crate::{json, participant};
use model::{Manifest, ManifestInstance, ManifestSeries};
use std::collections::{HashMap, HashSet};

/// Why a manifest has no FHIR form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A document needs a time.
    #[error("a FHIR document needs the date and time at which the manifest was made, this one has none that is legal")]
    ContentTime,
    /// A study without a series is no manifest.
    #[error("a manifest must list at least one instance, this one lists none")]
    Empty,
}

/// Writes a manifest as FHIR, compact JSON.
///
/// Shape: the Bundle's identifier is the OID `2.25.` and `number`, which must be the number of a UUID and another for every
/// other manifest: two documents never share a uniqueId (spec/fhir.md pitfall 42). The KOS is named in
/// `Composition.relatesTo`. The same manifest and number give the same octets.
/// Errors: see [`EncodeError`].
/// Source: spec/mcwg.md 4.8.
pub fn encode(manifest: &Manifest, number: u128) -> Result<Vec<u8>, EncodeError> {
    if manifest.instance_count() == 0 {
        return Err(EncodeError::Empty);
    }
    let (date, clock) = (Some(manifest.content_date.as_str()), Some(manifest.content_time.as_str()));
    let created = time::date_time(date, clock, manifest.timezone.as_deref());
    let created = created.filter(|text| text.contains('T')).ok_or(EncodeError::ContentTime)?;
    let encoder = Encoder::of(manifest, number, created);
    let bundle = WrittenBundle {
        resource_type: "Bundle",
        meta: Meta { profile: vec![PROFILE.into()], ..Meta::default() },
        identifier: encoder.identifier(),
        r#type: "document",
        timestamp: encoder.created.clone(),
        entry: encoder.entries(),
    };
    Ok(json::encode_with(&bundle, 8192 + manifest.instance_count() * 192))
}

/// Place of each resource in the Bundle, from which its fullUrl follows.
const COMPOSITION: usize = 0;
const STUDY: usize = 1;
const PATIENT: usize = 2;
const DEVICE: usize = 3;
const ORGANIZATION: usize = 4;
const VIEWER: usize = 5;
const FIRST_OTHER: usize = 6;

/// Where a series is: location UID and WADO-RS base.
type Place<'a> = (Option<&'a str>, Option<&'a str>);

struct Encoder<'a> {
    manifest: &'a Manifest,
    number: u128,
    created: String,
    series: Vec<&'a ManifestSeries>,
    modalities: Vec<&'a str>,
    /// Each once, and where.
    places: Vec<Place<'a>>,
    place_of: HashMap<Place<'a>, usize>,
}

fn place(series: &ManifestSeries) -> Place<'_> {
    (series.retrieve_location_uid.as_ref().map(|uid| uid.as_str()), series.wado_base().filter(|base| !base.is_empty()))
}

/// FHIR has unsigned integers where DICOM has IS.
fn unsigned(text: Option<&str>) -> Option<u32> {
    text?.trim().parse().ok().filter(|number| *number <= i32::MAX as u32)
}

impl<'a> Encoder<'a> {
    fn of(manifest: &'a Manifest, number: u128, created: String) -> Self {
        let series: Vec<&ManifestSeries> = manifest.series.iter().filter(|s| !s.instances.is_empty()).collect();
        let (mut places, mut modalities) = (Vec::new(), Vec::new());
        let mut place_of = HashMap::new();
        let mut known = HashSet::new();
        for one in &series {
            place_of.entry(place(one)).or_insert_with(|| {
                places.push(place(one));
                places.len() - 1
            });
            if let Some(modality) = one.modality.as_deref().map(str::trim).filter(|m| !m.is_empty())
                && known.insert(modality)
            {
                modalities.push(modality);
            }
        }
        Encoder { manifest, number, created, series, modalities, places, place_of }
    }

    /// A UUID of the resource at a place of the Bundle: the manifest's own with another end.
    fn url(&self, at: usize) -> String {
        const END: u128 = (1 << 48) - 1;
        let hex = format!("{:032x}", (self.number & !END) | (at as u128 + 1));
        format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    fn reference(&self, at: usize, kind: &'static str) -> Reference<'a> {
        Reference { r#type: Some(kind.into()), ..Reference::to(self.url(at)) }
    }

    fn endpoint_of(&self, series: &ManifestSeries) -> Reference<'a> {
        let at = self.place_of.get(&place(series)).copied().unwrap_or(0);
        self.reference(FIRST_OTHER + at, "Endpoint")
    }

    fn request_at(&self, index: usize) -> usize {
        FIRST_OTHER + self.places.len() + index
    }

    fn identifier(&self) -> Identifier<'a> {
        Identifier {
            system: Some(RFC_3986.into()),
            value: Some(format!("urn:oid:2.25.{}", self.number).into()),
            ..Identifier::default()
        }
    }

    fn entries(&self) -> Vec<WrittenEntry<'a>> {
        let m = self.manifest;
        let organization = m.institution.as_ref().map(|xon| {
            let organization = participant::organization(xon, "organization".to_owned(), Vec::new());
            (ORGANIZATION, Written::Organization(organization))
        });
        let owner = organization.is_some().then(|| self.reference(ORGANIZATION, "Organization"));
        let mut out = vec![
            (COMPOSITION, Written::Composition(Box::new(self.composition()))),
            (STUDY, Written::ImagingStudy(Box::new(self.study()))),
            (PATIENT, Written::Patient(Box::new(people::patient(m)))),
            (DEVICE, Written::Device(people::device(m, owner))),
        ];
        out.extend(organization);
        out.extend(self.viewer().map(|viewer| (VIEWER, Written::Endpoint(viewer))));
        for (index, place) in self.places.iter().enumerate() {
            out.push((FIRST_OTHER + index, Written::Endpoint(wado_endpoint(index, *place))));
        }
        for (index, order) in m.orders.iter().enumerate() {
            let request = people::request(order, format!("request-{}", index + 1), self.reference(PATIENT, "Patient"));
            out.push((self.request_at(index), Written::ServiceRequest(request)));
        }
        out.into_iter().map(|(at, resource)| WrittenEntry { full_url: self.url(at), resource }).collect()
    }

    fn composition(&self) -> Composition<'a> {
        let m = self.manifest;
        let organization = m.institution.as_ref().map(|_| self.reference(ORGANIZATION, "Organization"));
        let section = self.series.iter().map(|series| {
            let (title, text) = narrative::series(series, m.timezone.as_deref());
            Section { title: Some(title.into()), text: Some(text), entry: vec![self.endpoint_of(series)] }
        });
        let kos = Identifier {
            system: Some(RFC_3986.into()),
            value: Some(format!("urn:oid:{}", m.sop_instance).into()),
            ..Identifier::default()
        };
        Composition {
            id: Some("composition".into()),
            text: Some(narrative::study(m, &self.modalities, &self.created)),
            identifier: Some(self.identifier()),
            status: Some("final".into()),
            r#type: Some(coded(LOINC, "18748-4", "Diagnostic imaging Study")),
            category: vec![coded(
                "http://hl7.eu/fhir/eu-health-data-api/CodeSystem/eehrxf-document-priority-category-cs",
                "Medical-Imaging",
                "Medical-Imaging",
            )],
            subject: Some(self.reference(PATIENT, "Patient")),
            date: Some(self.created.clone().into()),
            author: std::iter::once(self.reference(DEVICE, "Device")).chain(organization).collect(),
            title: Some(text(m.study_description.as_deref()).unwrap_or_else(|| "Imaging study manifest".into())),
            relates_to: vec![RelatesTo { code: Some("transforms".into()), target_identifier: Some(kos) }],
            event: vec![Event { detail: vec![self.reference(STUDY, "ImagingStudy")] }],
            section: section.collect(),
        }
    }

    fn study(&self) -> ImagingStudy<'a> {
        let m = self.manifest;
        let region =
            |code| ManifestExtension { value_codeable_concept: Some(concept(code)), ..ManifestExtension::of(REGION) };
        let uid = Identifier {
            r#type: Some(coded(DCM, "110180", "Study Instance UID")),
            system: Some(DICOM_UID.into()),
            value: Some(format!("urn:oid:{}", m.study).into()),
            ..Identifier::default()
        };
        let based_on = m.orders.iter().enumerate().map(|(index, order)| Reference {
            identifier: people::accession(order).map(Box::new),
            ..self.reference(self.request_at(index), "ServiceRequest")
        });
        let zone = m.timezone.as_deref();
        ImagingStudy {
            id: Some("study".into()),
            extension: m.regions.iter().map(region).collect(),
            identifier: vec![uid],
            status: Some("available".into()),
            modality: self.modalities.iter().map(|modality| dcm(modality)).collect(),
            subject: Some(self.reference(PATIENT, "Patient")),
            started: time::date_time(m.study_date.as_deref(), m.study_time.as_deref(), zone).map(Str::from),
            based_on: based_on.collect(),
            endpoint: self.viewer().map(|_| self.reference(VIEWER, "Endpoint")).into_iter().collect(),
            number_of_series: u32::try_from(self.series.len()).ok(),
            number_of_instances: u32::try_from(m.instance_count()).ok(),
            procedure_code: m.procedures.iter().map(concept).collect(),
            description: text(m.study_description.as_deref()),
            series: self.series.iter().map(|series| self.series(series)).collect(),
        }
    }

    fn series(&self, series: &'a ManifestSeries) -> Series<'a> {
        let modality = match text(series.modality.as_deref()) {
            Some(code) => SeriesModality { system: Some(DCM.into()), code: Some(code), ..SeriesModality::default() },
            // The element is required and must not be guessed.
            None => SeriesModality { extension: vec![ManifestExtension::absent()], ..SeriesModality::default() },
        };
        let zone = self.manifest.timezone.as_deref();
        Series {
            uid: Some(series.uid.as_str().into()),
            number: unsigned(series.number.as_deref()),
            modality: Some(modality),
            description: text(series.description.as_deref()),
            number_of_instances: u32::try_from(series.instances.len()).ok(),
            endpoint: vec![self.endpoint_of(series)],
            body_site: series.region.as_ref().map(coding),
            laterality: series.laterality.as_ref().map(coding),
            started: time::date_time(series.date.as_deref(), series.time.as_deref(), zone).map(Str::from),
            instance: series.instances.iter().map(instance).collect(),
        }
    }

    fn viewer(&self) -> Option<Endpoint<'a>> {
        let connection =
            Coding { system: Some(MADO_CONNECTION_TYPE.into()), code: Some("web-viewer".into()), ..Coding::default() };
        Some(Endpoint {
            id: Some("viewer".into()),
            status: Some("active".into()),
            connection_type: Some(connection),
            name: Some("Web viewer".into()),
            payload_type: vec![coded(PAYLOAD_TYPE, "none", "None")],
            payload_mime_type: vec!["text/html".into()],
            address: Some(text(self.manifest.display_uri.as_deref())?),
            ..Endpoint::default()
        })
    }
}

fn wado_endpoint<'a>(index: usize, (location, base): Place<'a>) -> Endpoint<'a> {
    let location =
        location.map(|uid| ManifestExtension { value_string: Some(uid.into()), ..ManifestExtension::of(LOCATION_UID) });
    let connection =
        Coding { system: Some(CONNECTION_TYPE.into()), code: Some("dicom-wado-rs".into()), ..Coding::default() };
    Endpoint {
        id: Some(format!("endpoint-{}", index + 1).into()),
        extension: location.into_iter().collect(),
        status: Some("active".into()),
        connection_type: Some(connection),
        name: Some("WADO endpoint".into()),
        payload_type: vec![CodeableConcept { coding: Vec::new(), text: Some("DICOM WADO-RS".into()) }],
        payload_mime_type: vec!["application/dicom".into()],
        address: Some(base.unwrap_or(NO_ADDRESS).into()),
        about_address: base.is_none().then(|| AboutAddress { extension: vec![ManifestExtension::absent()] }),
    }
}

fn instance(instance: &ManifestInstance) -> Instance<'_> {
    let mut extension = Vec::new();
    if let Some(frames) = instance.number_of_frames {
        let frames = Some(i64::from(frames));
        extension.push(ManifestExtension { value_integer: frames, ..ManifestExtension::of(NUMBER_OF_FRAMES) });
    }
    let note = instance.key_object_note.as_ref();
    if let Some(note) = note {
        let title = Some(concept(&note.title));
        extension.push(ManifestExtension { value_codeable_concept: title, ..ManifestExtension::of(NOTE_TITLE) });
    }
    let class = format!("urn:oid:{}", instance.sop_class);
    Instance {
        extension,
        uid: Some(instance.sop_instance.as_str().into()),
        sop_class: Some(Coding { system: Some(RFC_3986.into()), code: Some(class.into()), display: None }),
        number: unsigned(instance.instance_number.as_deref()),
        title: note.and_then(|note| text(note.description.as_deref())),
    }
}

fn text(text: Option<&str>) -> Option<Str<'_>> {
    present(text?.trim())
}

fn dcm<'a>(code: &'a str) -> Coding<'a> {
    Coding { system: Some(DCM.into()), code: Some(code.into()), display: None }
}

fn coded<'a>(system: &'static str, code: &'static str, display: &'static str) -> CodeableConcept<'a> {
    let coding = Coding { system: Some(system.into()), code: Some(code.into()), display: Some(display.into()) };
    CodeableConcept { coding: vec![coding], text: None }
}
