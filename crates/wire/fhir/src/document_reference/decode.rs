//! DocumentReference to DocumentEntry. Source: spec/fhir.md sections 0 (identifier ladder), 3 (hash), 5.1, 17.

use super::{BODY_SITE, Context, DocumentReference, HOME_COMMUNITY_ID, MODALITY};
use crate::datatypes::{CodeableConcept, Extension, Reference};
use crate::error::DecodeError;
use crate::identifier::{ENTRY_UUID, UNIQUE_ID, mhd_kind, object_id, to_patient_id, to_reference_id, to_unique_id};
use crate::participant::{self, Participants};
use crate::resource::{Resolve, Resource};
use crate::systems::{RFC_3986, code_of, code_of_concept, text_of};
use crate::{datetime, json, patient};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{
    AssociationType, AvailabilityStatus, Code, DocumentEntry, DocumentType, ExtraSlot, HomeCommunityId, ObjectId,
    PatientId, ReferenceId, Sha1Hash, Text, UniqueId, reference_types,
};
use std::fmt;

/// What the resource itself may leave open.
#[derive(Clone, Copy, Default)]
pub struct DecodeContext<'c> {
    /// `fullUrl` of the Bundle entry: the entryUUID when the resource names none and this is a `urn:uuid:`.
    pub full_url: Option<&'c str>,
    /// The patient when `subject` cannot be resolved otherwise: the one that was asked for, or the submission set's.
    pub patient: Option<&'c PatientId>,
    /// Follows references that leave the resource (`Patient/1`, `urn:uuid:...`): other entries of the same Bundle.
    pub resolve: Option<Resolve<'c>>,
}

/// Who the document is about, as written.
#[derive(Clone, PartialEq, Eq)]
pub enum Subject {
    Absent,
    Identifier(PatientId),
    /// A reference that no identifier accompanies.
    Reference(String),
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Absent => "Absent",
            Subject::Identifier(_) => "Identifier(***)",
            Subject::Reference(_) => "Reference(***)",
        })
    }
}

/// A relation to another document; `target` as written (`DocumentReference/...`, absolute, or `urn:uuid:...`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatesToTarget {
    pub kind: AssociationType,
    pub target: String,
}

impl RelatesToTarget {
    /// The entryUUID of the target, when its resource id is a UUID.
    pub fn entry_id(&self) -> Option<ObjectId> {
        if self.target.starts_with("urn:uuid:") {
            return ObjectId::parse(&self.target).ok();
        }
        let rest = self.target.split("DocumentReference/").last()?;
        object_id(rest.split('/').next()?)
    }
}

/// An entry and what else its DocumentReference said. Debug shows neither document nor entry.
#[derive(Clone)]
pub struct Received {
    /// `id` is the entryUUID, else a `urn:uuid:` fullUrl, else the resource id as symbolic id. `availability_status` is
    /// as written. `document_type` is Stable: FHIR does not tell.
    pub entry: DocumentEntry,
    pub resource_id: Option<String>,
    /// False when no identifier gives the entryUUID.
    pub has_entry_uuid: bool,
    pub subject: Subject,
    /// `content.attachment.url`, absolute or relative, as written.
    pub url: Option<String>,
    /// `content.attachment.data`, still base64 (ITI-105).
    pub data: Option<String>,
    pub relates_to: Vec<RelatesToTarget>,
    /// What was read although it is spelled wrongly, or left out because it has no place; no patient data.
    pub warnings: Vec<String>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("id", &self.entry.id).field("warnings", &self.warnings).finish_non_exhaustive()
    }
}

/// Reads one DocumentReference.
///
/// Shape: codes that are absent become empty codes, which `DocumentEntry::validate` names; Minimal metadata is legal
/// here and the receiver decides.
/// Errors: not a DocumentReference; modifierExtension or implicitRules; no uniqueId; a status other than current and
/// superseded; a patient that cannot be told; a time, hash or entryUUID that is none.
/// Source: MHD 3:5.4.1.
pub fn decode(bytes: &[u8], cx: &DecodeContext<'_>) -> Result<Received, DecodeError> {
    match json::decode::<Resource<'_>>(bytes, "DocumentReference")? {
        Resource::DocumentReference(resource) => from_resource(&resource, cx),
        _ => Err(DecodeError::structure("DocumentReference", "must be a resource of that type")),
    }
}

/// The same from a wire struct, as a Bundle holds it.
pub fn from_resource(resource: &DocumentReference<'_>, cx: &DecodeContext<'_>) -> Result<Received, DecodeError> {
    if !resource.modifier_extension.is_empty() {
        let path = "DocumentReference.modifierExtension";
        return Err(DecodeError::not_supported(path, "must be absent: its meaning is unknown here", ""));
    }
    if let Some(rules) = &resource.implicit_rules {
        let path = "DocumentReference.implicitRules";
        return Err(DecodeError::not_supported(path, "must be absent: its meaning is unknown here", rules));
    }
    check_counts(resource)?;
    let mut warnings = Vec::new();
    let participants = Participants { contained: &resource.contained, resolve: cx.resolve };
    let availability_status = match resource.status.as_deref() {
        Some("current") => AvailabilityStatus::Approved,
        Some("superseded") => AvailabilityStatus::Deprecated,
        None => return Err(DecodeError::required("DocumentReference.status", "is required")),
        Some(other) => {
            return Err(DecodeError::value("DocumentReference.status", "must be current or superseded", other));
        }
    };
    let unique_id = unique_id(resource)?;
    let given = given_entry_uuid(resource)?;
    let has_entry_uuid = given.is_some();
    let id = given.map_or_else(|| stand_in_id(resource, cx), Ok)?;
    let (subject, patient_id) = subject(resource, &participants, cx)?;
    let content = resource.content.first();
    if resource.content.len() > 1 {
        warnings.push("content: only the first of several was read".to_owned());
    }
    let attachment = content.and_then(|c| c.attachment.as_ref());
    let hash = match attachment.and_then(|a| a.hash.as_deref()) {
        Some(text) => Some(hash(text, &mut warnings)?),
        None => None,
    };
    let empty = Context::default();
    let context = resource.context.as_ref().unwrap_or(&empty);
    let (source_patient_id, source_patient_info) = match &context.source_patient_info {
        Some(reference) => {
            let found = participants.with(reference, |r| match r {
                Resource::Patient(patient) => Some(participant::read_source_patient(patient)),
                _ => None,
            });
            found.unwrap_or_else(|| (reference.identifier.as_deref().and_then(to_patient_id), Default::default()))
        }
        None => Default::default(),
    };
    let relates_to = relates_to(resource, &mut warnings);
    let reference_id_list = reference_ids(context, &mut warnings);
    let period = context.period.as_ref();
    let time = |text: Option<&str>, path: &str| {
        text.map(|t| datetime::decode(t).map_err(|rule| DecodeError::value(path, rule, t))).transpose()
    };
    let entry = DocumentEntry {
        id,
        logical_id: None,
        version: None,
        availability_status,
        document_type: DocumentType::Stable,
        mime_type: mime_type(attachment.and_then(|a| a.content_type.as_deref()), &mut warnings)?,
        home_community_id: home_community_id(&resource.extension, &mut warnings),
        title: text_of(attachment.and_then(|a| a.title.as_deref())),
        comments: text_of(resource.description.as_deref()),
        authors: participants.authors(&resource.author),
        class_code: single(resource.category.first()),
        type_code: single(resource.r#type.as_ref()),
        format_code: content.and_then(|c| c.format.as_ref()).map_or_else(no_code, code_of),
        healthcare_facility_type_code: single(context.facility_type.as_ref()),
        practice_setting_code: single(context.practice_setting.as_ref()),
        confidentiality_codes: resource.security_label.iter().flat_map(all_codes).collect(),
        event_code_list: events(resource, context),
        patient_id,
        unique_id,
        creation_time: time(
            attachment.and_then(|a| a.creation.as_deref()),
            "DocumentReference.content[0].attachment.creation",
        )?,
        hash,
        size_octets: attachment.and_then(|a| a.size),
        language_code: attachment.and_then(|a| a.language.as_deref()).unwrap_or("").to_owned(),
        legal_authenticator: resource.authenticator.as_ref().and_then(|r| participants.authenticator(r)),
        repository_unique_id: None,
        service_start_time: time(period.and_then(|p| p.start.as_deref()), "DocumentReference.context.period.start")?,
        service_stop_time: time(period.and_then(|p| p.end.as_deref()), "DocumentReference.context.period.end")?,
        source_patient_id,
        source_patient_info,
        uri: None,
        reference_id_list,
        document_availability: None,
        submission_time: time(resource.date.as_deref(), "DocumentReference.date")?,
        extra: extra_slots(resource),
    };
    Ok(Received {
        entry,
        resource_id: resource.id.as_deref().map(str::to_owned),
        has_entry_uuid,
        subject,
        url: attachment.and_then(|a| a.url.as_deref()).map(str::to_owned),
        data: attachment.and_then(|a| a.data.as_deref()).map(str::to_owned),
        relates_to,
        warnings,
    })
}

// Lists are compared with each other; without a bound a large body would take hours.
fn check_counts(resource: &DocumentReference<'_>) -> Result<(), DecodeError> {
    const MAX: usize = 1000;
    const MAX_PARTICIPANTS: usize = 256;
    let context = resource.context.as_ref();
    for (element, count, max) in [
        ("contained", resource.contained.len(), MAX_PARTICIPANTS),
        ("author", resource.author.len(), MAX_PARTICIPANTS),
        ("extension", resource.extension.len(), MAX),
        ("identifier", resource.identifier.len(), MAX),
        ("relatesTo", resource.relates_to.len(), MAX),
        ("securityLabel", resource.security_label.len(), MAX),
        ("context.event", context.map_or(0, |c| c.event.len()), MAX),
        ("context.related", context.map_or(0, |c| c.related.len()), MAX),
        ("context.encounter", context.map_or(0, |c| c.encounter.len()), MAX),
    ] {
        if count > max {
            let rule = format!("must have at most {max} entries, has {count}");
            return Err(DecodeError::not_supported(format!("DocumentReference.{element}"), rule, ""));
        }
    }
    Ok(())
}

pub(crate) fn no_code() -> Code {
    Code { code: String::new(), scheme: String::new(), display: Text::default() }
}

pub(crate) fn single(concept: Option<&CodeableConcept<'_>>) -> Code {
    concept.and_then(code_of_concept).unwrap_or_else(no_code)
}

// Confidentiality codes are one CodeableConcept each, but some peers merge them (pitfall 28): every coding counts.
fn all_codes(concept: &CodeableConcept<'_>) -> Vec<Code> {
    let codes: Vec<Code> = concept.coding.iter().map(code_of).filter(|c| !c.code.is_empty()).collect();
    if codes.is_empty() { code_of_concept(concept).into_iter().collect() } else { codes }
}

fn events(resource: &DocumentReference<'_>, context: &Context<'_>) -> Vec<Code> {
    let mut out: Vec<Code> = context.event.iter().filter_map(code_of_concept).collect();
    // MADO sources write modality and region only as extensions.
    for extension in &resource.extension {
        let concept = match extension.url.as_deref() {
            Some(MODALITY) => extension.value_codeable_concept.as_ref(),
            Some(BODY_SITE) => {
                let inner = extension.extension.iter().find(|e| e.url.as_deref() == Some("concept"));
                inner.and_then(|e| e.value_codeable_concept.as_ref())
            }
            _ => None,
        };
        if let Some(code) = concept.and_then(code_of_concept)
            && !out.iter().any(|c| c.means(&code))
        {
            out.push(code);
        }
    }
    out
}

fn unique_id(resource: &DocumentReference<'_>) -> Result<UniqueId, DecodeError> {
    let master = resource.master_identifier.as_ref();
    // R5 and MADO readers know no masterIdentifier: the identifier that says it is the uniqueId stands in.
    let identifier = master.or_else(|| resource.identifier.iter().find(|i| mhd_kind(i) == Some(UNIQUE_ID)));
    let path = "DocumentReference.masterIdentifier";
    let identifier = identifier.ok_or_else(|| DecodeError::required(path, "is required: it is the uniqueId"))?;
    to_unique_id(identifier.system.as_deref(), identifier.value.as_deref())
        .ok_or_else(|| DecodeError::required(path, "must have a value of 1 to 256 printable characters"))
}

// By type, by use, by the only urn:uuid: there is (spec/fhir.md section 0).
fn given_entry_uuid(resource: &DocumentReference<'_>) -> Result<Option<ObjectId>, DecodeError> {
    let is_uuid = |value: &str| value.get(..9).is_some_and(|p| p.eq_ignore_ascii_case("urn:uuid:"));
    let value = |i: &crate::datatypes::Identifier<'_>| i.value.as_deref().map(str::trim).unwrap_or("").to_owned();
    let said = resource.identifier.iter().filter(|i| mhd_kind(i) == Some(ENTRY_UUID)).map(value);
    let mut said: Vec<String> = said.filter(|v| is_uuid(v)).collect();
    if said.is_empty() {
        let master = resource.master_identifier.as_ref().map(value);
        let unsaid = resource.identifier.iter().filter(|i| mhd_kind(i).is_none());
        let mut uuids: Vec<String> = unsaid.map(value).filter(|v| is_uuid(v) && Some(v) != master.as_ref()).collect();
        uuids.dedup();
        if uuids.len() == 1 {
            said = uuids;
        }
    }
    let Some(value) = said.first() else { return Ok(None) };
    let rule = "must be urn:uuid: and a UUID where it is the entryUUID";
    let id = ObjectId::parse(value).map_err(|_| DecodeError::value("DocumentReference.identifier", rule, value))?;
    Ok(Some(id))
}

/// The id of an entry whose entryUUID no identifier gives.
fn stand_in_id(resource: &DocumentReference<'_>, cx: &DecodeContext<'_>) -> Result<ObjectId, DecodeError> {
    let is_uuid = |value: &str| value.get(..9).is_some_and(|p| p.eq_ignore_ascii_case("urn:uuid:"));
    let from_id = || resource.id.as_deref().and_then(object_id);
    let from_url = || cx.full_url.filter(|url| is_uuid(url)).and_then(|url| ObjectId::parse(url).ok());
    let symbolic = || ObjectId::parse(resource.id.as_deref()?).ok();
    let named = from_url().or_else(from_id).or_else(symbolic).or_else(|| ObjectId::parse(cx.full_url?).ok());
    // ITI-105 sends neither id nor fullUrl: the receiver gives the entryUUID.
    named
        .map_or_else(|| ObjectId::parse("document"), Ok)
        .map_err(|e| DecodeError::value("DocumentReference.id", e.rule, ""))
}

fn subject(
    resource: &DocumentReference<'_>,
    participants: &Participants<'_, '_>,
    cx: &DecodeContext<'_>,
) -> Result<(Subject, PatientId), DecodeError> {
    let patient = patient_of("DocumentReference.subject", resource.subject.as_ref(), participants, cx.patient)?;
    let subject = match &resource.subject {
        None => Subject::Absent,
        Some(r) if r.identifier.as_deref().and_then(to_patient_id).is_some() => Subject::Identifier(patient.clone()),
        Some(r) => r.reference.as_deref().map_or(Subject::Absent, |text| Subject::Reference(text.to_owned())),
    };
    Ok((subject, patient))
}

/// The patient of a `subject`: its identifier, else that of the Patient it leads to, else what our own resource id says,
/// else `stand_in`.
///
/// Errors: none of them; an identifier and a reference that are two patients of one domain; a Patient with two identifiers
/// of the domain that would be taken.
pub(crate) fn patient_of(
    path: &str,
    subject: Option<&Reference<'_>>,
    participants: &Participants<'_, '_>,
    stand_in: Option<&PatientId>,
) -> Result<PatientId, DecodeError> {
    let otherwise = |rule: &str| stand_in.cloned().ok_or_else(|| DecodeError::required(path, rule));
    let Some(reference) = subject else { return otherwise("is required") };
    let found = participants.with(reference, |r| match r {
        Resource::Patient(patient) => Some(patient::present_ids(patient)),
        _ => None,
    });
    let written = reference.reference.as_deref().unwrap_or("");
    let referred = found.unwrap_or_else(|| patient::id_of_reference(written).into_iter().collect());
    if let Some(id) = patient::agreed(path, reference.identifier.as_deref().and_then(to_patient_id), &referred)? {
        return Ok(id);
    }
    otherwise(if written.is_empty() {
        "must have a reference, or an identifier whose system is urn:oid: and an OID"
    } else {
        "must be a reference to a Patient known here"
    })
}

fn mime_type(text: Option<&str>, warnings: &mut Vec<String>) -> Result<String, DecodeError> {
    let path = "DocumentReference.content[0].attachment.contentType";
    let text = text.map(str::trim).filter(|t| !t.is_empty());
    let text = text.ok_or_else(|| DecodeError::required(path, "is required"))?;
    // XDS mimeType has no parameters; FHIR's may.
    match text.split_once(';') {
        Some((bare, _)) => {
            warnings.push("attachment.contentType: parameters were cut off".to_owned());
            Ok(bare.trim_end().to_owned())
        }
        None => Ok(text.to_owned()),
    }
}

/// SHA-1 in any of the encodings found in the field, told apart by length.
fn hash(text: &str, warnings: &mut Vec<String>) -> Result<Sha1Hash, DecodeError> {
    const PATH: &str = "DocumentReference.content[0].attachment.hash";
    let wrong = |rule: &str| DecodeError::value(PATH, rule, text);
    let text = text.trim();
    if text.len() == 40
        && let Ok(hash) = Sha1Hash::parse(text)
    {
        warnings.push("attachment.hash: is hexadecimal, should be base64 of the 20 octets".to_owned());
        return Ok(hash);
    }
    let bytes = STANDARD.decode(text).map_err(|_| wrong("must be base64 of a SHA-1"))?;
    if let Ok(bytes) = <[u8; 20]>::try_from(bytes.as_slice()) {
        return Ok(Sha1Hash::from_bytes(bytes));
    }
    if bytes.len() == 32 {
        return Err(wrong("must be base64 of a SHA-1 of 20 octets, this has 32 as a SHA-256 does"));
    }
    let hex = std::str::from_utf8(&bytes).ok().and_then(|hex| Sha1Hash::parse(hex).ok());
    let hash = hex.ok_or_else(|| wrong("must be base64 of a SHA-1 of 20 octets"))?;
    warnings.push("attachment.hash: is base64 of hexadecimal text, should be base64 of the 20 octets".to_owned());
    Ok(hash)
}

pub(crate) fn home_community_id(extensions: &[Extension<'_>], warnings: &mut Vec<String>) -> Option<HomeCommunityId> {
    let extension = extensions.iter().find(|e| e.url.as_deref() == Some(HOME_COMMUNITY_ID))?;
    let text = extension.value_oid.as_deref().or(extension.value_uri.as_deref())?.trim();
    let home = HomeCommunityId::parse(text).or_else(|_| HomeCommunityId::parse(&format!("urn:oid:{text}")));
    if home.is_err() {
        warnings.push("ihe-HomeCommunityId: is no OID and was left out".to_owned());
    }
    home.ok()
}

fn relates_to(resource: &DocumentReference<'_>, warnings: &mut Vec<String>) -> Vec<RelatesToTarget> {
    let mut out: Vec<RelatesToTarget> = Vec::new();
    for relation in &resource.relates_to {
        let kind = match relation.code.as_deref() {
            Some("replaces") => AssociationType::Rplc,
            Some("transforms") => AssociationType::Xfrm,
            Some("appends") => AssociationType::Apnd,
            Some("signs") => AssociationType::Signs,
            _ => {
                warnings.push("relatesTo: a code other than replaces, transforms, appends, signs was left out".into());
                continue;
            }
        };
        let target = relation.target.as_ref();
        let written = target.and_then(|t| t.reference.as_deref()).map(str::to_owned);
        // A logical reference to an entryUUID says the same.
        let logical =
            || target.and_then(|t| t.identifier.as_deref()).and_then(|i| i.value.as_deref()).map(str::to_owned);
        let Some(target) = written.or_else(logical) else {
            warnings.push("relatesTo: one without a target was left out".to_owned());
            continue;
        };
        // We write XFRM_RPLC as both codes: read the pair as the one association it was.
        let twin = out.iter_mut().find(|r| r.target == target);
        match (twin, kind) {
            (Some(first), AssociationType::Xfrm) if first.kind == AssociationType::Rplc => {
                first.kind = AssociationType::XfrmRplc;
            }
            _ => out.push(RelatesToTarget { kind, target }),
        }
    }
    out
}

fn reference_ids(context: &Context<'_>, warnings: &mut Vec<String>) -> Vec<ReferenceId> {
    let mut out = Vec::with_capacity(context.related.len() + context.encounter.len());
    let mut add = |references: &[Reference<'_>], fallback: &str, element: &str| {
        for reference in references {
            let identifier = reference.identifier.as_deref();
            match identifier.and_then(|i| to_reference_id(i, fallback)) {
                Some(id) => out.push(id),
                None => warnings.push(format!("context.{element}: a reference without identifier was left out")),
            }
        }
    };
    add(&context.related, reference_types::UNIQUE_ID, "related");
    add(&context.encounter, reference_types::ENCOUNTER, "encounter");
    out
}

fn extra_slots(resource: &DocumentReference<'_>) -> Vec<ExtraSlot> {
    let mut out: Vec<ExtraSlot> = Vec::new();
    for extension in &resource.extension {
        let (Some(url), Some(value)) = (extension.url.as_deref(), extension.value_string.as_deref()) else { continue };
        // Only what `extra_slots` of the encoder writes; a slot name of XDS is a URN.
        if !url.starts_with("urn:") || url == RFC_3986 {
            continue;
        }
        match out.iter_mut().find(|slot| slot.name == url) {
            Some(slot) => slot.values.push(value.to_owned()),
            None => out.push(ExtraSlot { name: url.to_owned(), values: vec![value.to_owned()] }),
        }
    }
    out
}
