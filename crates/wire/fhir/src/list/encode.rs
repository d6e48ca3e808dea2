//! SubmissionSet and Folder to List. Source: spec/fhir.md sections 4, 5.2.

use super::{
    AUTHOR_ORG, COMPREHENSIVE_FOLDER, COMPREHENSIVE_SUBMISSION_SET, DESIGNATION_TYPE, INTENDED_RECIPIENT, LIST_TYPES,
    List, ListEntry, MINIMAL_FOLDER, MINIMAL_SUBMISSION_SET, OF_PERSON, SOURCE_ID,
};
use crate::datatypes::{Annotation, CodeableConcept, Coding, Extension, Identifier, Meta, Reference, Str};
use crate::document_reference::HOME_COMMUNITY_ID;
use crate::identifier::{ENTRY_UUID, UNIQUE_ID, mhd_identifier, of_patient_id, of_unique_id, resource_id};
use crate::participant::write_author;
use crate::resource::Resource;
use crate::systems::{RFC_3986, concept, present};
use crate::{datetime, json};
use model::{
    Author, AvailabilityStatus, Code, Folder, HomeCommunityId, PatientId, SubmissionSet, UniqueId, Xcn, Xon, Xtn,
};

/// What the object itself does not know.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListEncodeContext<'a> {
    /// References of the members in order: `DocumentReference/<id>`, `List/<id>`, or fullUrls in a submission.
    pub members: &'a [String],
    /// The community of objects that name none.
    pub home_community_id: Option<&'a HomeCommunityId>,
    /// A resolvable Patient reference, beside the identifier that is always written.
    pub patient_reference: Option<&'a str>,
}

/// A submission set as compact JSON. `meta.profile` is Comprehensive when the contentTypeCode is there.
pub fn encode_submission_set(set: &SubmissionSet, cx: &ListEncodeContext<'_>) -> Vec<u8> {
    let people = People {
        author: set.authors.first().map(of_one_institution),
        recipients: set.intended_recipients.iter().zip(1..).flat_map(|(text, n)| recipient(text, n)).collect(),
    };
    json::encode(&Resource::List(Box::new(submission_set(set, &people, cx))))
}

/// A folder as compact JSON. `meta.profile` is Comprehensive when title and codeList are there.
pub fn encode_folder(one: &Folder, cx: &ListEncodeContext<'_>) -> Vec<u8> {
    json::encode(&Resource::List(Box::new(folder(one, cx))))
}

/// The people of a submission set as far as a List can name them.
struct People {
    author: Option<Author>,
    /// With the id of the contained resource.
    recipients: Vec<(String, Author)>,
}

fn submission_set<'a>(set: &'a SubmissionSet, people: &'a People, cx: &ListEncodeContext<'a>) -> List<'a> {
    let mut contained = Vec::new();
    let mut extension = vec![Extension {
        url: Some(SOURCE_ID.into()),
        value_identifier: Some(Identifier {
            system: Some(RFC_3986.into()),
            value: Some(format!("urn:oid:{}", set.source_id).into()),
            ..Identifier::default()
        }),
        ..Extension::default()
    }];
    extension.extend(designation(&set.content_type_code));
    for (id, recipient) in &people.recipients {
        let mut references = Vec::new();
        write_author(recipient, id, &mut contained, &mut references);
        for reference in references {
            let (url, value_reference) = (Some(INTENDED_RECIPIENT.into()), Some(reference));
            extension.push(Extension { url, value_reference, ..Extension::default() });
        }
    }
    extension.extend(home(set.home_community_id.as_ref().or(cx.home_community_id)));
    let source = people.author.as_ref().and_then(|author| {
        let mut references = Vec::new();
        write_author(author, "author", &mut contained, &mut references);
        let reference = references.pop()?;
        // An organisation may not be the source itself.
        if !matches!(contained.last(), Some(Resource::Organization(o)) if o.id.as_deref() == Some("author")) {
            return Some(reference);
        }
        let (url, value_reference) = (Some(AUTHOR_ORG.into()), Some(reference));
        let inner = Extension { url, value_reference, ..Extension::default() };
        Some(Reference { extension: vec![inner], ..Reference::default() })
    });
    let comprehensive = !set.content_type_code.code.is_empty();
    let profile = if comprehensive { COMPREHENSIVE_SUBMISSION_SET } else { MINIMAL_SUBMISSION_SET };
    List {
        id: Some(resource_id(&set.id).into()),
        meta: Some(Meta { profile: vec![profile.into()], ..Meta::default() }),
        contained,
        extension,
        identifier: identifiers(&set.id, &set.unique_id),
        status: Some(status(set.availability_status).into()),
        mode: Some("working".into()),
        title: set.title.value().and_then(present),
        code: Some(list_code("submissionset")),
        subject: Some(subject(&set.patient_id, cx)),
        date: Some(datetime::encode_instant(&set.submission_time).into()),
        source,
        note: note(set.comments.value()),
        entry: entries(cx.members),
        ..List::default()
    }
}

fn folder<'a>(folder: &'a Folder, cx: &ListEncodeContext<'a>) -> List<'a> {
    let mut extension: Vec<Extension<'a>> = folder.code_list.iter().filter_map(designation).collect();
    let comprehensive = !extension.is_empty() && !folder.title.is_empty();
    extension.extend(home(folder.home_community_id.as_ref().or(cx.home_community_id)));
    let profile = if comprehensive { COMPREHENSIVE_FOLDER } else { MINIMAL_FOLDER };
    let version_id = folder.version.map(|v| v.to_string().into());
    List {
        id: Some(resource_id(&folder.id).into()),
        meta: Some(Meta { version_id, profile: vec![profile.into()], ..Meta::default() }),
        extension,
        identifier: identifiers(&folder.id, &folder.unique_id),
        status: Some(status(folder.availability_status).into()),
        mode: Some("working".into()),
        title: folder.title.value().and_then(present),
        code: Some(list_code("folder")),
        subject: Some(subject(&folder.patient_id, cx)),
        date: folder.last_update_time.as_ref().map(|t| datetime::encode_instant(t).into()),
        note: note(folder.comments.value()),
        entry: entries(cx.members),
        ..List::default()
    }
}

// `superseded`, as the guide's table has it, is no code of List.status (spec/fhir.md 5.2).
fn status(status: AvailabilityStatus) -> &'static str {
    match status {
        AvailabilityStatus::Approved => "current",
        AvailabilityStatus::Deprecated => "retired",
    }
}

fn identifiers<'a>(id: &'a model::ObjectId, unique_id: &'a UniqueId) -> Vec<Identifier<'a>> {
    let (system, value) = of_unique_id(unique_id);
    let mut out = vec![mhd_identifier(UNIQUE_ID, system, value)];
    if id.is_uuid() {
        out.push(mhd_identifier(ENTRY_UUID, RFC_3986.into(), id.as_str().into()));
    }
    out
}

fn list_code(code: &'static str) -> CodeableConcept<'static> {
    let coding = vec![Coding { system: Some(LIST_TYPES.into()), code: Some(code.into()), display: None }];
    CodeableConcept { coding, text: None }
}

fn subject<'a>(patient: &'a PatientId, cx: &ListEncodeContext<'a>) -> Reference<'a> {
    Reference {
        reference: cx.patient_reference.map(Str::from),
        r#type: Some("Patient".into()),
        identifier: Some(Box::new(of_patient_id(patient))),
        ..Reference::default()
    }
}

fn note(text: Option<&str>) -> Vec<Annotation<'_>> {
    text.and_then(present).map(|text| Annotation { text: Some(text) }).into_iter().collect()
}

fn entries(members: &[String]) -> Vec<ListEntry<'_>> {
    members.iter().map(|member| ListEntry { item: Some(Reference::to(member.as_str())) }).collect()
}

fn designation(code: &Code) -> Option<Extension<'_>> {
    let value_codeable_concept = Some(concept(code)).filter(|c| *c != CodeableConcept::default())?;
    let url = Some(DESIGNATION_TYPE.into());
    Some(Extension { url, value_codeable_concept: Some(value_codeable_concept), ..Extension::default() })
}

fn home(home: Option<&HomeCommunityId>) -> Option<Extension<'static>> {
    let value_oid = Some(home?.to_string().into());
    Some(Extension { url: Some(HOME_COMMUNITY_ID.into()), value_oid, ..Extension::default() })
}

// `XON|XCN|XTN`. A recipient may be no PractitionerRole: where there are both, the organisation follows its person under an
// id that says so.
fn recipient(text: &str, number: usize) -> Vec<(String, Author)> {
    let mut parts = text.split('|');
    let mut next = || parts.next().unwrap_or("");
    let institutions: Vec<Xon> = Xon::parse(next()).ok().into_iter().collect();
    let person = Xcn::parse(next()).ok();
    let telecommunications = Xtn::parse(next()).ok().into_iter().collect();
    let id = format!("recipient{number}");
    if person.is_none() || institutions.is_empty() {
        return vec![(id, Author { person, institutions, telecommunications, ..Author::default() })];
    }
    let organization = (format!("{id}{OF_PERSON}"), Author { institutions, ..Author::default() });
    vec![(id, Author { person, telecommunications, ..Author::default() }), organization]
}

/// One author as one reference can name it: with its first institution alone.
fn of_one_institution(author: &Author) -> Author {
    Author { institutions: author.institutions.iter().take(1).cloned().collect(), ..author.clone() }
}
