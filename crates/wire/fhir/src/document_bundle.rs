//! A FHIR document to the DocumentEntry it is registered with: its Composition, and the identifiers of the study and the
//! order that its other resources name. Source: spec/fhir.md sections 7 (ITI-106), 17, 18; http://hl7.org/fhir/R4/documents.html.

use crate::bundle::{MAX_ENTRIES, Pool};
use crate::datatypes::{CodeableConcept, Coding, Identifier, Period, Reference, Str, elements};
use crate::document_reference::{no_code, single};
use crate::error::DecodeError;
use crate::identifier::{to_patient_id, to_reference_id, to_unique_id};
use crate::participant::{Participants, read_source_patient};
use crate::patient;
use crate::resource::Resource;
use crate::systems::{code_of, code_of_concept, text_of};
use crate::{datetime, json};
use model::{
    AssociationType, AvailabilityStatus, Code, DocumentEntry, DocumentType, Dtm, ObjectId, Oid, PatientId, ReferenceId,
    SourcePatientInfo, Text, UniqueId, schemes,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a document says of itself.
pub struct DocumentBundle {
    /// `id` is as given; hash and size are the repository's; codes that the Composition lacks are empty.
    pub entry: DocumentEntry,
    /// `Composition.relatesTo`, by the identifiers of the other documents.
    pub relates_to: Vec<(AssociationType, UniqueId)>,
}

#[derive(Deserialize)]
struct WireBundle<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
    #[serde(default)]
    r#type: Str<'a>,
    #[serde(default)]
    language: Option<Str<'a>>,
    #[serde(default)]
    identifier: Option<Identifier<'a>>,
    #[serde(default, borrow)]
    entry: Vec<WireEntry<'a>>,
}

#[derive(Deserialize)]
struct WireEntry<'a> {
    #[serde(rename = "fullUrl", default)]
    full_url: Option<Str<'a>>,
    #[serde(default, borrow)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "resourceType", default)]
    resource_type: Str<'a>,
}

elements! {
    Composition<'a> {
        language: Option<Str<'a>>,
        contained: Vec<Resource<'a>>,
        status: Option<Str<'a>>,
        r#type: Option<CodeableConcept<'a>>,
        category: Vec<CodeableConcept<'a>>,
        subject: Option<Reference<'a>>,
        date: Option<Str<'a>>,
        author: Vec<Reference<'a>>,
        title: Option<Str<'a>>,
        confidentiality: Option<Str<'a>>,
        attester: Vec<Attester<'a>>,
        relates_to: Vec<Related<'a>>,
        event: Vec<Event<'a>>,
    }
    Attester<'a> { mode: Option<Str<'a>>, party: Option<Reference<'a>>, }
    Related<'a> { code: Option<Str<'a>>, target_identifier: Option<Identifier<'a>>, }
    Event<'a> { code: Vec<CodeableConcept<'a>>, period: Option<Period<'a>>, detail: Vec<Reference<'a>>, }
    /// An ImagingStudy, a DiagnosticReport or a ServiceRequest.
    Linked<'a> {
        identifier: Vec<Identifier<'a>>,
        based_on: Vec<Reference<'a>>,
        imaging_study: Vec<Reference<'a>>,
        /// Of an ImagingStudy.
        modality: Vec<Coding<'a>>,
        started: Option<Str<'a>>,
    }
}

const COMPOSITION: &str = "Bundle.entry[0].resource";

/// Reads a Bundle of type document. `domain` is the one whose patient identifiers are registered; absent: any.
///
/// Errors: every finding: no Bundle of type document; no identifier, which is the uniqueId; no Composition at its start; a
/// subject without an identifier of `domain`; a time that is none.
pub fn decode(bytes: &[u8], id: ObjectId, domain: Option<&Oid>) -> Result<DocumentBundle, Vec<DecodeError>> {
    let bundle = read(bytes).map_err(|finding| vec![finding])?;
    let composition = composition(&bundle).map_err(|finding| vec![finding])?;
    let pool = Pool::new(bundle.entry.iter().map(|entry| (entry.full_url.as_deref(), entry.resource)));
    let resolve = |reference: &str| pool.resolve(reference);
    let participants = Participants { contained: &composition.contained, resolve: Some(&resolve) };
    let mut findings = Vec::new();
    if let Some(status) = composition.status.as_deref()
        && !matches!(status, "final" | "amended" | "corrected")
    {
        let rule = "must be final, amended or corrected: a document is registered as one that is valid";
        findings.push(DecodeError::value(format!("{COMPOSITION}.status"), rule, status));
    }
    let unique_id = unique_id(&bundle).map_err(|finding| findings.push(finding)).ok();
    let subject = subject(&composition, &participants, domain).map_err(|finding| findings.push(finding)).ok();
    let linked = linked(&bundle);
    let mut time = |text: Option<&str>, path: String| match text.map(datetime::decode) {
        Some(Ok(time)) => Some(time),
        Some(Err(rule)) => {
            findings.push(DecodeError::value(path, rule, text.unwrap_or("")));
            None
        }
        None => None,
    };
    let creation_time = time(composition.date.as_deref(), format!("{COMPOSITION}.date"));
    let (mut starts, mut stops): (Vec<Dtm>, Vec<Dtm>) = Default::default();
    for (i, period) in composition.event.iter().enumerate().filter_map(|(i, event)| Some((i, event.period.as_ref()?))) {
        starts.extend(time(period.start.as_deref(), format!("{COMPOSITION}.event[{i}].period.start")));
        stops.extend(time(period.end.as_deref(), format!("{COMPOSITION}.event[{i}].period.end")));
    }
    if starts.is_empty() {
        starts.extend(linked.iter().filter_map(|one| datetime::decode(one.started.as_deref()?).ok()));
    }
    let (Some(unique_id), Some((patient_id, (source_patient_id, source_patient_info))), true) =
        (unique_id, subject, findings.is_empty())
    else {
        return Err(findings);
    };
    let language = composition.language.as_deref().or(bundle.language.as_deref()).unwrap_or("");
    let confidentiality = composition.confidentiality.as_deref().map(str::trim).filter(|code| !code.is_empty());
    let legal = composition.attester.iter().find(|attester| attester.mode.as_deref() == Some("legal"));
    let entry = DocumentEntry {
        id,
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: crate::MEDIA_TYPE.to_owned(),
        home_community_id: None,
        title: title(&composition),
        comments: Text::default(),
        authors: participants.authors(&composition.author),
        class_code: single(composition.category.first()),
        type_code: single(composition.r#type.as_ref()),
        format_code: no_code(),
        healthcare_facility_type_code: no_code(),
        practice_setting_code: no_code(),
        confidentiality_codes: confidentiality
            .map(|code| Code::new(code, schemes::CONFIDENTIALITY, confidentiality_name(code)))
            .into_iter()
            .collect(),
        event_code_list: events(&composition, &linked),
        patient_id,
        unique_id,
        creation_time,
        hash: None,
        size_octets: None,
        language_code: language.trim().to_owned(),
        legal_authenticator: legal.and_then(|l| l.party.as_ref()).and_then(|party| participants.authenticator(party)),
        repository_unique_id: None,
        service_start_time: starts.into_iter().min_by_key(Dtm::start),
        service_stop_time: stops.into_iter().max_by_key(Dtm::end),
        source_patient_id,
        source_patient_info,
        uri: None,
        reference_id_list: references(&composition, &linked),
        document_availability: None,
        submission_time: None,
        extra: Vec::new(),
    };
    Ok(DocumentBundle { entry, relates_to: relations(&composition) })
}

fn read(bytes: &[u8]) -> Result<WireBundle<'_>, DecodeError> {
    if bytes.len() > json::MAX_OCTETS {
        let rule = format!("must have at most {} octets, has {}", json::MAX_OCTETS, bytes.len());
        return Err(DecodeError::structure("Bundle", rule));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bundle: WireBundle<'_> = serde_json::from_slice(bytes).map_err(|e| json::wrong("Bundle", &e))?;
    if bundle.resource_type != "Bundle" {
        return Err(DecodeError::structure("Bundle", "must be a resource of that type"));
    }
    if bundle.r#type != "document" {
        return Err(DecodeError::value("Bundle.type", "must be document", &bundle.r#type));
    }
    if bundle.entry.len() > MAX_ENTRIES {
        let rule = format!("must have at most {MAX_ENTRIES} entries, has {}", bundle.entry.len());
        return Err(DecodeError::structure("Bundle.entry", rule));
    }
    Ok(bundle)
}

fn composition<'a>(bundle: &WireBundle<'a>) -> Result<Composition<'a>, DecodeError> {
    const MOST: usize = 256;
    let wrong = |e: &serde_json::Error| json::wrong(COMPOSITION, e);
    let raw = bundle.entry.first().and_then(|entry| entry.resource);
    let raw = raw.ok_or_else(|| DecodeError::required(COMPOSITION, "is required: a Composition"))?;
    let head: Head<'_> = serde_json::from_str(raw.get()).map_err(|e| wrong(&e))?;
    if head.resource_type != "Composition" {
        return Err(DecodeError::value(COMPOSITION, "must be a Composition", &head.resource_type));
    }
    let composition: Composition<'_> = serde_json::from_str(raw.get()).map_err(|e| wrong(&e))?;
    // Lists are compared with each other.
    for (element, count) in [
        ("author", composition.author.len()),
        ("contained", composition.contained.len()),
        ("event", composition.event.iter().map(|event| event.code.len() + event.detail.len()).sum()),
        ("relatesTo", composition.relates_to.len()),
    ] {
        if count > MOST {
            let rule = format!("must have at most {MOST} entries, has {count}");
            return Err(DecodeError::not_supported(format!("{COMPOSITION}.{element}"), rule, ""));
        }
    }
    Ok(composition)
}

fn unique_id(bundle: &WireBundle<'_>) -> Result<UniqueId, DecodeError> {
    let path = "Bundle.identifier";
    let rule = "is required, with a system and a value: it is the uniqueId of the document";
    let identifier = bundle.identifier.as_ref().ok_or_else(|| DecodeError::required(path, rule))?;
    to_unique_id(identifier.system.as_deref(), identifier.value.as_deref())
        .ok_or_else(|| DecodeError::required(path, rule))
}

type Demographics = (Option<PatientId>, SourcePatientInfo);

/// The patient under whose identifier the document is registered, and what the document says of them.
fn subject(
    composition: &Composition<'_>,
    participants: &Participants<'_, '_>,
    domain: Option<&Oid>,
) -> Result<(PatientId, Demographics), DecodeError> {
    let path = format!("{COMPOSITION}.subject");
    let Some(subject) = &composition.subject else { return Err(DecodeError::required(path, "is required")) };
    let named = subject.identifier.as_deref().and_then(to_patient_id);
    let found = participants.with(subject, |resource| match resource {
        Resource::Patient(patient) => Some((patient::present_ids(patient), read_source_patient(patient))),
        _ => None,
    });
    let (ids, demographics) = found.unwrap_or_default();
    let all = || named.iter().chain(&ids);
    let ours = |id: &&PatientId| domain.is_none_or(|domain| id.domain == *domain);
    let of_domain: Vec<PatientId> = ids.iter().filter(ours).cloned().collect();
    let id = patient::agreed(&path, named.clone().filter(|id| ours(&id)), &of_domain)?;
    let rule = "must lead to a Patient with an identifier of the affinity domain";
    let id = id.ok_or_else(|| DecodeError::required(path, rule))?;
    let local = all().find(|other| **other != id).or(demographics.0.as_ref()).cloned();
    Ok((id, (local, demographics.1)))
}

/// The resources that tell study and order; one that cannot be read tells nothing.
fn linked<'a>(bundle: &WireBundle<'a>) -> Vec<Linked<'a>> {
    const MOST: usize = 256;
    let is_linked = |raw: &&RawValue| {
        let head = serde_json::from_str::<Head<'_>>(raw.get());
        head.is_ok_and(|h| matches!(&*h.resource_type, "ImagingStudy" | "DiagnosticReport" | "ServiceRequest"))
    };
    let found = bundle.entry.iter().filter_map(|entry| entry.resource).filter(is_linked);
    found.filter_map(|raw| serde_json::from_str(raw.get()).ok()).take(MOST).collect()
}

/// Study, accession and order numbers: those whose type or system says that they are.
fn references(composition: &Composition<'_>, linked: &[Linked<'_>]) -> Vec<ReferenceId> {
    const MOST: usize = 256;
    let of = |references: &'_ [Reference<'_>]| -> Vec<ReferenceId> {
        references.iter().filter_map(|r| to_reference_id(r.identifier.as_deref()?, "")).collect()
    };
    let mut found: Vec<ReferenceId> = composition.event.iter().flat_map(|event| of(&event.detail)).collect();
    for one in linked {
        found.extend(one.identifier.iter().filter_map(|identifier| to_reference_id(identifier, "")));
        found.extend(of(&one.based_on));
        found.extend(of(&one.imaging_study));
    }
    let mut out: Vec<ReferenceId> = Vec::new();
    for id in found.into_iter().filter(|id| !id.kind.is_empty()).take(MOST) {
        if !out.contains(&id) {
            out.push(id);
        }
    }
    out
}

/// Event codes and modalities, each once and with a name.
fn events(composition: &Composition<'_>, linked: &[Linked<'_>]) -> Vec<Code> {
    let mut out: Vec<Code> = Vec::new();
    let named = composition.event.iter().flat_map(|event| event.code.iter().filter_map(code_of_concept));
    let modalities = linked.iter().flat_map(|one| one.modality.iter().take(64).map(code_of));
    for mut code in named.chain(modalities) {
        if code.code.is_empty() || code.scheme.is_empty() || out.iter().any(|known| known.means(&code)) {
            continue;
        }
        if code.display.is_empty() {
            code.display = text_of(Some(&code.code));
        }
        out.push(code);
    }
    out
}

fn confidentiality_name(code: &str) -> &str {
    match code {
        "U" => "unrestricted",
        "L" => "low",
        "M" => "moderate",
        "N" => "normal",
        "R" => "restricted",
        "V" => "very restricted",
        other => other,
    }
}

/// At most 128 characters, as a registry insists (ITI TF-3 4.2.3.2.25).
fn title(composition: &Composition<'_>) -> Text {
    let text: Option<String> = composition.title.as_deref().map(|title| title.trim().chars().take(128).collect());
    text_of(text.as_deref())
}

/// A relation to a Composition by reference is one to a resource, which is no document of a registry.
fn relations(composition: &Composition<'_>) -> Vec<(AssociationType, UniqueId)> {
    let relations = composition.relates_to.iter().filter_map(|related| {
        let kind = match related.code.as_deref()? {
            "replaces" => AssociationType::Rplc,
            "transforms" => AssociationType::Xfrm,
            "appends" => AssociationType::Apnd,
            "signs" => AssociationType::Signs,
            _ => return None,
        };
        let target = related.target_identifier.as_ref()?;
        Some((kind, to_unique_id(target.system.as_deref(), target.value.as_deref())?))
    });
    relations.collect()
}
