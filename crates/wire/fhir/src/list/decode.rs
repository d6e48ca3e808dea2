//! List to SubmissionSet or Folder. Source: spec/fhir.md sections 0 (identifier ladder), 4, 5.2.

use super::{AUTHOR_ORG, DESIGNATION_TYPE, INTENDED_RECIPIENT, List, OF_PERSON, SOURCE_ID};
use crate::document_reference::{home_community_id, patient_of};
use crate::error::DecodeError;
use crate::identifier::{ENTRY_UUID, UNIQUE_ID, fold_uid, mhd_kind, object_id, to_unique_id};
use crate::participant::Participants;
use crate::resource::{Resolve, Resource};
use crate::systems::{code_of_concept, text_of};
use crate::{datetime, json};
use model::{Author, AvailabilityStatus, Code, Folder, ObjectId, Oid, PatientId, SubmissionSet, Text, UniqueId};
use std::fmt;

/// What the resource itself may leave open.
#[derive(Clone, Copy, Default)]
pub struct ListContext<'c> {
    /// The patient when `subject` is absent (Minimal) or cannot be followed.
    pub patient: Option<&'c PatientId>,
    /// The uniqueId when no identifier gives one: MHD leaves it to the recipient.
    pub unique_id: Option<&'c UniqueId>,
    /// Follows references that leave the resource: other entries of the same Bundle.
    pub resolve: Option<Resolve<'c>>,
}

/// Which of the two a List is.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    SubmissionSet(Box<SubmissionSet>),
    Folder(Box<Folder>),
}

/// A List and what else it said. Debug shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedList {
    /// `id` is the entryUUID of an identifier, else the resource id as UUID, else the symbolic id `list`.
    pub kind: Kind,
    /// False when no identifier gives the entryUUID.
    pub has_entry_uuid: bool,
    /// `entry.item` references as written, in order.
    pub members: Vec<String>,
    /// What was left out because it has no place; no patient data.
    pub warnings: Vec<String>,
}

impl fmt::Debug for ReceivedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::SubmissionSet(set) => ("SubmissionSet", &set.id),
            Kind::Folder(folder) => ("Folder", &folder.id),
        };
        f.debug_struct("ReceivedList").field("kind", &kind).field("warnings", &self.warnings).finish_non_exhaustive()
    }
}

/// Reads one List.
///
/// Shape: an absent designationType becomes an empty code or an empty list, which `validate` names; Minimal metadata is
/// legal here and the receiver decides.
/// Errors: not a List; modifierExtension or implicitRules; a code other than submissionset and folder; no uniqueId,
/// sourceId or date where they must be; a status that is none; a patient that cannot be told; more than 10,000 members.
/// Source: MHD 3:5.4.1.
pub fn decode(bytes: &[u8], cx: &ListContext<'_>) -> Result<ReceivedList, DecodeError> {
    match json::decode::<Resource<'_>>(bytes, "List")? {
        Resource::List(list) => from_resource(&list, cx),
        _ => Err(DecodeError::structure("List", "must be a resource of that type")),
    }
}

/// What `List.code` says; `None` for neither.
pub(crate) fn is_folder(list: &List<'_>) -> Option<bool> {
    list.code.iter().flat_map(|c| &c.coding).find_map(|c| match c.code.as_deref() {
        Some("submissionset") => Some(false),
        Some("folder") => Some(true),
        _ => None,
    })
}

/// The entryUUID that an identifier gives: by type, by use, or the only `urn:uuid:` beside the uniqueId.
/// Errors: an identifier that says it is the entryUUID and is no UUID.
fn entry_uuid(list: &List<'_>) -> Result<Option<ObjectId>, DecodeError> {
    let uuid = |value: &str| value.get(..9).is_some_and(|p| p.eq_ignore_ascii_case("urn:uuid:"));
    let said = list.identifier.iter().find(|i| mhd_kind(i) == Some(ENTRY_UUID));
    let unsaid = || list.identifier.iter().find(|i| mhd_kind(i).is_none() && i.value.as_deref().is_some_and(uuid));
    let Some(value) = said.or_else(unsaid).and_then(|i| i.value.as_deref()) else { return Ok(None) };
    let id = ObjectId::parse(value.trim()).ok().filter(ObjectId::is_uuid);
    let rule = "must be urn:uuid: and a UUID where it is the entryUUID";
    id.map(Some).ok_or_else(|| DecodeError::value("List.identifier", rule, value))
}

/// The same from a wire struct, as a Bundle holds it.
pub fn from_resource(list: &List<'_>, cx: &ListContext<'_>) -> Result<ReceivedList, DecodeError> {
    for (element, there) in
        [("modifierExtension", !list.modifier_extension.is_empty()), ("implicitRules", list.implicit_rules.is_some())]
    {
        if there {
            let rule = "must be absent: its meaning is unknown here";
            return Err(DecodeError::not_supported(format!("List.{element}"), rule, ""));
        }
    }
    const MOST: usize = 10_000;
    const MOST_PEOPLE: usize = 256;
    let people = list.contained.len() + list.extension.len();
    for (element, count, most) in [
        ("entry", list.entry.len(), MOST),
        ("contained", people, MOST_PEOPLE),
        ("identifier", list.identifier.len(), MOST_PEOPLE),
        ("note", list.note.len(), MOST_PEOPLE),
    ] {
        if count > most {
            let rule = format!("must have at most {most} entries, has {count}");
            return Err(DecodeError::not_supported(format!("List.{element}"), rule, ""));
        }
    }
    let is_folder = is_folder(list)
        .ok_or_else(|| DecodeError::value("List.code", "must be submissionset or folder of MHDlistTypes", ""))?;
    let mut warnings = Vec::new();
    let participants = Participants { contained: &list.contained, resolve: cx.resolve };
    let availability_status = match list.status.as_deref() {
        Some("current") => AvailabilityStatus::Approved,
        // The guide's table names the second for folders (spec/fhir.md 5.2).
        Some("retired" | "superseded") => AvailabilityStatus::Deprecated,
        None => return Err(DecodeError::required("List.status", "is required")),
        Some(other) => return Err(DecodeError::value("List.status", "must be current or retired", other)),
    };
    let entry_uuid = entry_uuid(list)?;
    let has_entry_uuid = entry_uuid.is_some();
    let id = entry_uuid.or_else(|| list.id.as_deref().and_then(object_id));
    let id = match id {
        Some(id) => id,
        None => ObjectId::parse("list").map_err(|e| DecodeError::value("List.id", e.rule, ""))?,
    };
    let unique_id = unique_id(list, cx)?;
    let patient_id = patient_of("List.subject", list.subject.as_ref(), &participants, cx.patient)?;
    let home_community_id = home_community_id(&list.extension, &mut warnings);
    let title = text_of(list.title.as_deref());
    let comments = comments(list);
    let date = list.date.as_deref();
    let time = |text: &str| datetime::decode(text).map_err(|rule| DecodeError::value("List.date", rule, text));
    let members = members(list)?;
    let kind = if is_folder {
        Kind::Folder(Box::new(Folder {
            id,
            logical_id: None,
            version: None,
            availability_status,
            home_community_id,
            title,
            comments,
            code_list: designations(list).collect(),
            patient_id,
            unique_id,
            last_update_time: date.map(time).transpose()?,
            extra: Vec::new(),
        }))
    } else {
        let date = date.ok_or_else(|| DecodeError::required("List.date", "is required: it is the submissionTime"))?;
        Kind::SubmissionSet(Box::new(SubmissionSet {
            id,
            availability_status,
            home_community_id,
            title,
            comments,
            authors: author(list, &participants).into_iter().collect(),
            content_type_code: designations(list).next().unwrap_or_else(no_code),
            patient_id,
            source_id: source_id(list)?,
            unique_id,
            submission_time: time(date)?,
            intended_recipients: recipients(list, &participants),
            extra: Vec::new(),
        }))
    };
    Ok(ReceivedList { kind, has_entry_uuid, members, warnings })
}

pub(crate) fn no_code() -> Code {
    Code { code: String::new(), scheme: String::new(), display: Text::default() }
}

fn unique_id(list: &List<'_>, cx: &ListContext<'_>) -> Result<UniqueId, DecodeError> {
    const PATH: &str = "List.identifier";
    let is_uuid =
        |value: Option<&str>| value.is_some_and(|v| v.get(..9).is_some_and(|p| p.eq_ignore_ascii_case("urn:uuid:")));
    let said = list.identifier.iter().find(|i| mhd_kind(i) == Some(UNIQUE_ID));
    let unsaid = || list.identifier.iter().find(|i| mhd_kind(i).is_none() && !is_uuid(i.value.as_deref()));
    match said.or_else(unsaid) {
        Some(identifier) => to_unique_id(identifier.system.as_deref(), identifier.value.as_deref())
            .ok_or_else(|| DecodeError::required(PATH, "must have a value where it is the uniqueId")),
        None => cx
            .unique_id
            .cloned()
            .ok_or_else(|| DecodeError::required(PATH, "must give the uniqueId: urn:oid: and an OID")),
    }
}

fn members(list: &List<'_>) -> Result<Vec<String>, DecodeError> {
    let member = |(i, entry): (usize, &super::ListEntry<'_>)| {
        let item = entry.item.as_ref();
        let written = item.and_then(|r| r.reference.as_deref()).map(str::to_owned);
        let logical = || item.and_then(|r| r.identifier.as_deref()).and_then(|i| i.value.as_deref()).map(str::to_owned);
        let path = || format!("List.entry[{i}].item");
        written.or_else(logical).ok_or_else(|| DecodeError::required(path(), "must have a reference"))
    };
    list.entry.iter().enumerate().map(member).collect()
}

fn comments(list: &List<'_>) -> Text {
    let notes: Vec<&str> = list.note.iter().filter_map(|n| n.text.as_deref()).collect();
    text_of(Some(notes.join("\n").as_str()))
}

fn designations<'l>(list: &'l List<'_>) -> impl Iterator<Item = Code> + 'l {
    let ours = list.extension.iter().filter(|e| e.url.as_deref() == Some(DESIGNATION_TYPE));
    ours.filter_map(|e| e.value_codeable_concept.as_ref()).filter_map(code_of_concept)
}

// With and without system and prefix, also as valueUri or valueOid (pitfall 32).
fn source_id(list: &List<'_>) -> Result<Oid, DecodeError> {
    const PATH: &str = "List.extension(ihe-sourceId)";
    let extension = list.extension.iter().find(|e| e.url.as_deref() == Some(SOURCE_ID));
    let extension = extension.ok_or_else(|| DecodeError::required(PATH, "is required: it is the sourceId"))?;
    let identifier = extension.value_identifier.as_ref().and_then(|i| i.value.as_deref());
    let others = [extension.value_uri.as_deref(), extension.value_oid.as_deref(), extension.value_string.as_deref()];
    let text = identifier.or_else(|| others.into_iter().flatten().next()).unwrap_or("").trim();
    Oid::parse(fold_uid(text)).map_err(|_| DecodeError::value(PATH, "must be urn:oid: and an OID", text))
}

fn author(list: &List<'_>, participants: &Participants<'_, '_>) -> Option<Author> {
    let source = list.source.as_ref()?;
    let organization = source.extension.iter().find(|e| e.url.as_deref() == Some(AUTHOR_ORG));
    match organization.and_then(|e| e.value_reference.as_ref()) {
        Some(reference) => participants.author(reference),
        None => participants.author(source),
    }
}

// XON|XCN|XTN, as the slot has it. What `encode` wrote as person and organisation is one recipient again.
fn recipients(list: &List<'_>, participants: &Participants<'_, '_>) -> Vec<String> {
    let ours = list.extension.iter().filter(|e| e.url.as_deref() == Some(INTENDED_RECIPIENT));
    let mut authors: Vec<(&str, Author)> = Vec::new();
    for reference in ours.filter_map(|e| e.value_reference.as_ref()) {
        let Some(author) = participants.author(reference) else { continue };
        let name = reference.reference.as_deref().unwrap_or("");
        match (name.strip_suffix(OF_PERSON), authors.last_mut()) {
            (Some(person), Some((last, of))) if person == *last => of.institutions = author.institutions,
            _ => authors.push((name, author)),
        }
    }
    let text = |(_, author): (&str, Author)| {
        let organization = author.institutions.first().map_or("", |xon| xon.as_str());
        let person = author.person.as_ref().map_or("", |xcn| xcn.as_str());
        let telecommunication = author.telecommunications.first().map_or("", |xtn| xtn.as_str());
        format!("{organization}|{person}|{telecommunication}").trim_end_matches('|').to_owned()
    };
    authors.into_iter().map(text).filter(|text| !text.is_empty()).collect()
}
