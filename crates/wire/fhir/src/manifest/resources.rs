//! The resources of a manifest Bundle, reduced to the elements of the map. Source: FHIR 4.0.1; spec/mcwg.md 4.8.

use crate::datatypes::{CodeableConcept, Coding, Identifier, Meta, Reference, Str, elements};
use crate::resource::{DeviceName, Organization, PatientResource};
use serde::Serialize;

elements! {
    /// An extension with the value types that manifests have.
    ManifestExtension<'a> {
        url: Option<Str<'a>>,
        value_code: Option<Str<'a>>,
        value_codeable_concept: Option<CodeableConcept<'a>>,
        value_integer: Option<i64>,
        value_oid: Option<Str<'a>>,
        value_string: Option<Str<'a>>,
    }
    Narrative<'a> { status: Option<Str<'a>>, div: Option<Str<'a>>, }
    Composition<'a> {
        id: Option<Str<'a>>,
        text: Option<Narrative<'a>>,
        identifier: Option<Identifier<'a>>,
        status: Option<Str<'a>>,
        r#type: Option<CodeableConcept<'a>>,
        category: Vec<CodeableConcept<'a>>,
        subject: Option<Reference<'a>>,
        date: Option<Str<'a>>,
        author: Vec<Reference<'a>>,
        title: Option<Str<'a>>,
        relates_to: Vec<RelatesTo<'a>>,
        event: Vec<Event<'a>>,
        section: Vec<Section<'a>>,
    }
    RelatesTo<'a> { code: Option<Str<'a>>, target_identifier: Option<Identifier<'a>>, }
    Event<'a> { detail: Vec<Reference<'a>>, }
    Section<'a> { title: Option<Str<'a>>, text: Option<Narrative<'a>>, entry: Vec<Reference<'a>>, }
    ImagingStudy<'a> {
        id: Option<Str<'a>>,
        extension: Vec<ManifestExtension<'a>>,
        identifier: Vec<Identifier<'a>>,
        status: Option<Str<'a>>,
        modality: Vec<Coding<'a>>,
        subject: Option<Reference<'a>>,
        started: Option<Str<'a>>,
        based_on: Vec<Reference<'a>>,
        endpoint: Vec<Reference<'a>>,
        number_of_series: Option<u32>,
        number_of_instances: Option<u32>,
        procedure_code: Vec<CodeableConcept<'a>>,
        description: Option<Str<'a>>,
        series: Vec<Series<'a>>,
    }
    Series<'a> {
        uid: Option<Str<'a>>,
        number: Option<u32>,
        modality: Option<SeriesModality<'a>>,
        description: Option<Str<'a>>,
        number_of_instances: Option<u32>,
        endpoint: Vec<Reference<'a>>,
        body_site: Option<Coding<'a>>,
        laterality: Option<Coding<'a>>,
        started: Option<Str<'a>>,
        instance: Vec<Instance<'a>>,
    }
    /// A Coding that is required and may be unknown.
    SeriesModality<'a> { extension: Vec<ManifestExtension<'a>>, system: Option<Str<'a>>, code: Option<Str<'a>>, }
    Instance<'a> {
        extension: Vec<ManifestExtension<'a>>,
        uid: Option<Str<'a>>,
        sop_class: Option<Coding<'a>>,
        number: Option<u32>,
        title: Option<Str<'a>>,
    }
    Endpoint<'a> {
        id: Option<Str<'a>>,
        extension: Vec<ManifestExtension<'a>>,
        status: Option<Str<'a>>,
        connection_type: Option<Coding<'a>>,
        name: Option<Str<'a>>,
        payload_type: Vec<CodeableConcept<'a>>,
        payload_mime_type: Vec<Str<'a>>,
        address: Option<Str<'a>>,
        /// What is said about `address`.
        #[serde(rename = "_address")] about_address: Option<AboutAddress<'a>>,
    }
    AboutAddress<'a> { extension: Vec<ManifestExtension<'a>>, }
    CreatorDevice<'a> {
        id: Option<Str<'a>>,
        manufacturer: Option<Str<'a>>,
        device_name: Vec<DeviceName<'a>>,
        r#type: Option<CodeableConcept<'a>>,
        owner: Option<Reference<'a>>,
    }
    ServiceRequest<'a> {
        id: Option<Str<'a>>,
        identifier: Vec<Identifier<'a>>,
        status: Option<Str<'a>>,
        intent: Option<Str<'a>>,
        subject: Option<Reference<'a>>,
    }
}

impl<'a> ManifestExtension<'a> {
    pub(super) fn of(url: &'static str) -> Self {
        ManifestExtension { url: Some(url.into()), ..ManifestExtension::default() }
    }

    pub(super) fn absent() -> Self {
        ManifestExtension { value_code: Some("unknown".into()), ..ManifestExtension::of(super::DATA_ABSENT) }
    }
}

/// A resource that is written.
#[derive(Serialize)]
#[serde(tag = "resourceType")]
pub(super) enum Written<'a> {
    Composition(Box<Composition<'a>>),
    ImagingStudy(Box<ImagingStudy<'a>>),
    Patient(Box<PatientResource<'a>>),
    Device(CreatorDevice<'a>),
    Organization(Organization<'a>),
    Endpoint(Endpoint<'a>),
    ServiceRequest(ServiceRequest<'a>),
}

#[derive(Serialize)]
pub(super) struct WrittenEntry<'a> {
    #[serde(rename = "fullUrl")]
    pub(super) full_url: String,
    pub(super) resource: Written<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WrittenBundle<'a> {
    pub(super) resource_type: &'static str,
    pub(super) meta: Meta<'a>,
    pub(super) identifier: Identifier<'a>,
    pub(super) r#type: &'static str,
    pub(super) timestamp: String,
    pub(super) entry: Vec<WrittenEntry<'a>>,
}
