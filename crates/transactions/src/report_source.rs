//! Report source: a report wrapped as CDA, its metadata, and the submission that carries both. The shared identifiers
//! (study, accession, order) are its only link to the images. Source: ITI TF-3 5.2 (XDS-SD); spec/mcwg.md 3.4 and 3.6.

use actors::{Cx, DocumentContent, ProvidedDocument, Refusal, Registered, Repository};
use hl7v3::cda::{self, EntryDefaults, Wrapping};
use model::{
    Association, AssociationType, AvailabilityStatus, Code, DocumentEntry, ObjectId, Oid, Report, StudyInstanceUid,
    Submission, SubmissionSet, SubmissionSetStatus, Text, UniqueId,
};

/// A report on its way out.
pub struct Outgoing<'a> {
    pub report: &'a Report,
    /// Modality and region per study, as on the manifests.
    pub study_codes: Vec<(StudyInstanceUid, Vec<Code>)>,
    /// Entries that this version replaces.
    pub replaces: Vec<ObjectId>,
    /// OID of the source system.
    pub source_id: Oid,
}

/// Wraps a report and provides it. Shape: the entry as submitted, and what the repository answered.
///
/// Errors: the repository's.
pub async fn publish(
    outgoing: Outgoing<'_>,
    repository: &dyn Repository,
    cx: &Cx,
) -> Result<(DocumentEntry, Registered), Refusal> {
    let mut defaults = EntryDefaults::new(cx.identifiers.entry_uuid());
    for (_, codes) in &outgoing.study_codes {
        for code in codes {
            if !defaults.event_code_list.iter().any(|c| c.means(code)) {
                defaults.event_code_list.push(code.clone());
            }
        }
    }
    let entry = cda::document_entry(outgoing.report, &defaults);
    let wrapping = Wrapping { study_codes: outgoing.study_codes, ..Wrapping::default() };
    let document = cda::encode_with(outgoing.report, &wrapping);
    let submission = submission(entry.clone(), &outgoing.replaces, outgoing.source_id, cx);
    let content = DocumentContent::Memory(document.into());
    let documents = vec![ProvidedDocument { entry_id: entry.id.clone(), content }];
    let registered = repository.provide(submission, documents, cx).await?;
    Ok((entry, registered))
}

/// A submission of one document, with the entries it replaces.
pub fn submission(entry: DocumentEntry, replaces: &[ObjectId], source_id: Oid, cx: &Cx) -> Submission {
    let approved = AvailabilityStatus::Approved;
    let association = |kind, source: &ObjectId, target: &ObjectId| Association {
        id: cx.identifiers.entry_uuid(),
        kind,
        source: source.clone(),
        target: target.clone(),
        availability_status: approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: Vec::new(),
    };
    let unique_id = cx.identifiers.uid();
    let set = SubmissionSet {
        id: cx.identifiers.entry_uuid(),
        availability_status: approved,
        home_community_id: None,
        title: entry.title.clone(),
        comments: Text::default(),
        authors: entry.authors.clone(),
        content_type_code: entry.type_code.clone(),
        patient_id: entry.patient_id.clone(),
        source_id,
        unique_id: UniqueId::parse(&unique_id).unwrap_or_else(|_| entry.unique_id.clone()),
        submission_time: cx.now(),
        intended_recipients: Vec::new(),
        extra: Vec::new(),
    };
    let mut member = association(AssociationType::HasMember, &set.id, &entry.id);
    member.submission_set_status = Some(SubmissionSetStatus::Original);
    let mut associations = vec![member];
    associations.extend(replaces.iter().map(|target| association(AssociationType::Rplc, &entry.id, target)));
    Submission { set, entries: vec![entry], folders: Vec::new(), associations }
}
