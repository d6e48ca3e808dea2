//! DocumentEntry to DocumentReference. Source: spec/fhir.md sections 4, 5.1, 5.3, 17.

use super::{
    BODY_SITE, COMPREHENSIVE, Content, Context, DocumentReference, HOME_COMMUNITY_ID, MINIMAL, MODALITY, RelatesTo,
    is_region,
};
use crate::datatypes::{Attachment, Extension, Meta, Period, Reference, Str};
use crate::identifier::{
    ENTRY_UUID, UNIQUE_ID, mhd_identifier, of_patient_id, of_reference_id, of_unique_id, resource_id,
};
use crate::resource::Resource;
use crate::systems::{RFC_3986, coding, concept, present};
use crate::{datetime, json, participant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{
    Association, AssociationType, AvailabilityStatus, Code, DocumentEntry, HomeCommunityId, PatientId, UniqueId,
    reference_types, schemes,
};
use std::collections::HashMap;

/// Where the reader of a DocumentReference finds the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentUrl<'a> {
    /// At this node: `[fhir base]/document/{uniqueId}`.
    Document { fhir_base: &'a str },
    /// Exactly this text: a Binary of the same Bundle (`urn:uuid:...`), a gateway's own address.
    Exactly(&'a str),
}

/// Associations by their source, to fill `relatesTo`.
#[derive(Debug, Default)]
pub struct Relations<'a> {
    by_source: HashMap<&'a str, Vec<&'a Association>>,
}

impl<'a> Relations<'a> {
    /// Those that link two documents; others are left out. On a server, a target that is an entryUUID is written as
    /// `DocumentReference/<uuid>`; in a submission it is written as it is, so there a document that the recipient
    /// already has is named by a symbolic target of the form `DocumentReference/<its id>`.
    pub fn of(associations: impl IntoIterator<Item = &'a Association>) -> Self {
        let mut by_source: HashMap<&str, Vec<&Association>> = HashMap::new();
        for association in associations.into_iter().filter(|a| a.kind.is_relationship()) {
            by_source.entry(association.source.as_str()).or_default().push(association);
        }
        Relations { by_source }
    }
}

/// What the entry itself does not know.
#[derive(Clone, Copy, Debug)]
pub struct EncodeContext<'a> {
    pub attachment_url: AttachmentUrl<'a>,
    /// The community of entries that name none.
    pub home_community_id: Option<&'a HomeCommunityId>,
    /// Where Patients can be read: a reference to the Patient there, beside the identifier that is always written.
    pub patient_base: Option<&'a str>,
    pub relations: Option<&'a Relations<'a>>,
    /// Write modality and body site also as the extensions of MADO.
    pub imaging_extensions: bool,
    /// Write slots this system does not know as string extensions; between nodes of ours only (spec/fhir.md 5.1 keeps
    /// them out of FHIR).
    pub extra_slots: bool,
}

impl<'a> EncodeContext<'a> {
    /// For a server at `fhir_base`.
    pub fn server(fhir_base: &'a str) -> Self {
        EncodeContext {
            attachment_url: AttachmentUrl::Document { fhir_base },
            home_community_id: None,
            patient_base: None,
            relations: None,
            imaging_extensions: true,
            extra_slots: false,
        }
    }

    /// For a submission whose document is at `url`, usually the fullUrl of a Binary.
    pub fn submission(url: &'a str) -> Self {
        EncodeContext { attachment_url: AttachmentUrl::Exactly(url), ..EncodeContext::server("") }
    }
}

/// The one address of a document: `[fhir base]/document/{uniqueId}`, percent-encoded. Source: design section 3.
pub fn document_url(fhir_base: &str, unique_id: &UniqueId) -> String {
    let mut url = String::with_capacity(fhir_base.len() + unique_id.as_str().len() + 10);
    url.push_str(fhir_base.strip_suffix('/').unwrap_or(fhir_base));
    url.push_str("/document/");
    crate::search::percent_encode_into(unique_id.as_str(), &mut url);
    url
}

/// What [`document_url`] made of a uniqueId; none for any other address.
pub(crate) fn unique_id_of_url(url: &str, fhir_base: &str) -> Option<UniqueId> {
    let name = url.strip_prefix(fhir_base.strip_suffix('/').unwrap_or(fhir_base))?.strip_prefix("/document/")?;
    let id = UniqueId::parse(&crate::search::percent_decode(name)?).ok()?;
    (document_url(fhir_base, &id) == url).then_some(id)
}

/// One entry as DocumentReference, compact JSON.
pub fn encode(entry: &DocumentEntry, cx: &EncodeContext<'_>) -> Vec<u8> {
    json::encode(&Resource::DocumentReference(Box::new(to_resource(entry, cx))))
}

/// One entry as wire struct; it borrows the entry, so that a page of a thousand costs no copies.
///
/// Shape: `meta.profile` is Comprehensive when every element that profile demands is there, else Minimal. Size is left
/// out above 2^31-1, which R4 cannot say.
/// Source: MHD 3:5.4.1.
pub fn to_resource<'a>(entry: &'a DocumentEntry, cx: &EncodeContext<'a>) -> DocumentReference<'a> {
    let mut contained = Vec::new();
    let mut author = Vec::with_capacity(entry.authors.len());
    for (i, one) in entry.authors.iter().enumerate() {
        participant::write_author(one, &format!("author{}", i + 1), &mut contained, &mut author);
    }
    let authenticator = entry.legal_authenticator.as_ref().map(|xcn| {
        let id = "authenticator".to_owned();
        contained.push(Resource::Practitioner(participant::practitioner(Some(xcn), id, Vec::new())));
        Reference::to("#authenticator")
    });
    let source =
        participant::source_patient(entry.source_patient_id.as_ref(), &entry.source_patient_info, "source-patient");
    let source_patient_info = source.map(|patient| {
        contained.push(Resource::Patient(patient));
        Reference::to("#source-patient")
    });

    let (system, value) = of_unique_id(&entry.unique_id);
    let unique_id = mhd_identifier(UNIQUE_ID, system, value);
    let mut identifier = vec![unique_id.clone()];
    if entry.id.is_uuid() {
        identifier.push(mhd_identifier(ENTRY_UUID, RFC_3986.into(), entry.id.as_str().into()));
    }
    let related = |encounters: bool| -> Vec<Reference<'a>> {
        let ids = entry.reference_id_list.iter();
        ids.filter(|r| (r.kind == reference_types::ENCOUNTER) == encounters)
            .map(|r| Reference { identifier: Some(Box::new(of_reference_id(r))), ..Reference::default() })
            .collect()
    };
    let start = entry.service_start_time.as_ref().map(|t| datetime::encode(t).into());
    let end = entry.service_stop_time.as_ref().map(|t| datetime::encode(t).into());
    let period = (start.is_some() || end.is_some()).then_some(Period { start, end });

    let mut resource = DocumentReference {
        id: Some(resource_id(&entry.id).into()),
        meta: None,
        implicit_rules: None,
        contained,
        extension: extensions(entry, cx),
        modifier_extension: Vec::new(),
        master_identifier: Some(unique_id),
        identifier,
        status: Some(status(entry.availability_status).into()),
        doc_status: None,
        r#type: single(&entry.type_code),
        category: single(&entry.class_code).into_iter().collect(),
        subject: Some(Reference {
            reference: cx.patient_base.and_then(|base| patient_url(base, &entry.patient_id)).map(Str::from),
            r#type: Some("Patient".into()),
            identifier: Some(Box::new(of_patient_id(&entry.patient_id))),
            ..Reference::default()
        }),
        date: entry.submission_time.as_ref().map(|t| datetime::encode_instant(t).into()),
        author,
        authenticator,
        relates_to: relates_to(entry, cx),
        description: entry.comments.value().and_then(present),
        security_label: entry.confidentiality_codes.iter().filter_map(single).collect(),
        content: vec![Content { attachment: Some(attachment(entry, cx)), format: format(&entry.format_code) }],
        context: Some(Context {
            encounter: related(true),
            event: entry.event_code_list.iter().filter_map(single).collect(),
            period,
            facility_type: single(&entry.healthcare_facility_type_code),
            practice_setting: single(&entry.practice_setting_code),
            source_patient_info,
            related: related(false),
        }),
    };
    if resource.context.as_ref() == Some(&Context::default()) {
        resource.context = None;
    }
    let profile = if is_comprehensive(&resource) { COMPREHENSIVE } else { MINIMAL };
    resource.meta = Some(Meta {
        version_id: entry.version.map(|v| v.to_string().into()),
        profile: vec![profile.into()],
        ..Meta::default()
    });
    resource
}

/// Absolute, as fullUrl is; none for an id that is too long for FHIR.
fn patient_url(fhir_base: &str, id: &PatientId) -> Option<String> {
    let id = crate::patient::resource_id(id)?;
    Some(format!("{}/Patient/{id}", fhir_base.strip_suffix('/').unwrap_or(fhir_base)))
}

/// FHIR `status` of an entry.
pub(crate) fn status(status: AvailabilityStatus) -> &'static str {
    match status {
        AvailabilityStatus::Approved => "current",
        AvailabilityStatus::Deprecated => "superseded",
    }
}

fn single(code: &Code) -> Option<crate::datatypes::CodeableConcept<'_>> {
    let concept = concept(code);
    (concept != crate::datatypes::CodeableConcept::default() && (concept.text.is_some() || !code.code.is_empty()))
        .then_some(concept)
}

fn format(code: &Code) -> Option<crate::datatypes::Coding<'_>> {
    (!code.code.is_empty()).then(|| coding(code))
}

fn attachment<'a>(entry: &'a DocumentEntry, cx: &EncodeContext<'a>) -> Attachment<'a> {
    const UNSIGNED_INT_MAX: u64 = (1 << 31) - 1;
    Attachment {
        content_type: present(&entry.mime_type),
        language: present(&entry.language_code),
        data: None,
        url: Some(match cx.attachment_url {
            AttachmentUrl::Document { fhir_base } => document_url(fhir_base, &entry.unique_id).into(),
            AttachmentUrl::Exactly(url) => url.into(),
        }),
        size: entry.size_octets.filter(|size| *size <= UNSIGNED_INT_MAX),
        hash: entry.hash.as_ref().map(|h| STANDARD.encode(h.to_bytes()).into()),
        title: entry.title.value().and_then(present),
        creation: entry.creation_time.as_ref().map(|t| datetime::encode(t).into()),
    }
}

fn extensions<'a>(entry: &'a DocumentEntry, cx: &EncodeContext<'a>) -> Vec<Extension<'a>> {
    let mut out = Vec::new();
    if let Some(home) = entry.home_community_id.as_ref().or(cx.home_community_id) {
        let value_oid = Some(home.to_string().into());
        out.push(Extension { url: Some(HOME_COMMUNITY_ID.into()), value_oid, ..Extension::default() });
    }
    if cx.imaging_extensions {
        for code in entry.event_code_list.iter().filter(|c| c.scheme == schemes::DCM) {
            let value_codeable_concept = Some(concept(code));
            out.push(Extension { url: Some(MODALITY.into()), value_codeable_concept, ..Extension::default() });
        }
        for code in entry.event_code_list.iter().filter(|c| is_region(c)) {
            let value_codeable_concept = Some(concept(code));
            let inner = Extension { url: Some("concept".into()), value_codeable_concept, ..Extension::default() };
            out.push(Extension { extension: vec![inner], url: Some(BODY_SITE.into()), ..Extension::default() });
        }
    }
    if cx.extra_slots {
        for slot in entry.extra.iter().filter(|slot| slot.name.starts_with("urn:")) {
            for value in slot.values.iter().filter(|v| !v.is_empty()) {
                let (url, value_string) = (Some(slot.name.as_str().into()), Some(value.as_str().into()));
                out.push(Extension { url, value_string, ..Extension::default() });
            }
        }
    }
    out
}

/// `relatesTo.code` of an association between documents; two for one that does two things, none for the others.
/// Source: spec/fhir.md 5.3.
pub(crate) fn relation_codes(kind: AssociationType) -> &'static [&'static str] {
    match kind {
        AssociationType::Rplc => &["replaces"],
        AssociationType::Apnd => &["appends"],
        AssociationType::Xfrm | AssociationType::IsSnapshotOf => &["transforms"],
        AssociationType::XfrmRplc => &["replaces", "transforms"],
        AssociationType::Signs => &["signs"],
        AssociationType::HasMember | AssociationType::UpdateAvailabilityStatus | AssociationType::SubmitAssociation => {
            &[]
        }
    }
}

// The source of an association is the new document, as in ebRIM. Source: spec/fhir.md 5.3.
fn relates_to<'a>(entry: &DocumentEntry, cx: &EncodeContext<'a>) -> Vec<RelatesTo<'a>> {
    let Some(found) = cx.relations.and_then(|r| r.by_source.get(entry.id.as_str())) else { return Vec::new() };
    let mut out = Vec::with_capacity(found.len());
    for association in found {
        let target = if association.target.is_uuid() && matches!(cx.attachment_url, AttachmentUrl::Document { .. }) {
            Str::Owned(format!("DocumentReference/{}", resource_id(&association.target)))
        } else {
            association.target.as_str().into()
        };
        for code in relation_codes(association.kind) {
            out.push(RelatesTo { code: Some((*code).into()), target: Some(Reference::to(target.clone())) });
        }
    }
    out
}

/// The entry's own codes and times as the Comprehensive profile demands them.
pub(crate) fn is_comprehensive(resource: &DocumentReference<'_>) -> bool {
    let Some(context) = &resource.context else { return false };
    let content = resource.content.first();
    let attachment = content.and_then(|c| c.attachment.as_ref());
    resource.r#type.is_some()
        && resource.category.len() == 1
        && !resource.security_label.is_empty()
        && attachment.is_some_and(|a| a.language.is_some() && a.creation.is_some() && a.content_type.is_some())
        && content.is_some_and(|c| c.format.is_some())
        && context.facility_type.is_some()
        && context.practice_setting.is_some()
        && context.source_patient_info.is_some()
}
