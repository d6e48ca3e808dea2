//! SubmissionSet as rim:RegistryPackage. Source: spec/xds.md 10.2.

use model::{Dtm, Oid, SubmissionSet};

use super::document_entry::limited;
use super::raw::RawObject;
use super::reader::Reader;
use super::writer::ObjectWriter;
use crate::findings::Findings;
use crate::names::{SUBMISSION_SET_NODE, object_type, set as scheme};

/// `None` when something is missing that a submission set cannot be without; the findings say what.
pub(crate) fn read_submission_set(object: RawObject, findings: &mut Findings) -> Option<SubmissionSet> {
    let mut r = Reader::new(object, findings);
    if limited(&mut r) {
        return None;
    }
    r.use_nodes(&[SUBMISSION_SET_NODE]);
    let id = r.id();
    let submission_time = r.required("submissionTime", Dtm::parse);
    let intended_recipients = r.values("intendedRecipient").into_iter().map(|v| v.into_owned()).collect();
    let authors = r.authors(scheme::AUTHOR);
    let content_type_code = r.code(scheme::CONTENT_TYPE_CODE, "contentTypeCode");
    let patient_id = r.patient_id(scheme::PATIENT_ID);
    let source_id = r.identified(scheme::SOURCE_ID, "sourceId", Oid::parse);
    let unique_id = r.unique_id(scheme::UNIQUE_ID);
    let home_community_id = r.home();
    // The model keeps no logical id of a set; this only refuses an update.
    r.logical_id();
    let availability_status = r.availability_status();
    let extra = r.extra();
    Some(SubmissionSet {
        id: id?,
        availability_status,
        home_community_id,
        title: r.object.name,
        comments: r.object.description,
        authors,
        content_type_code: content_type_code?,
        patient_id: patient_id?,
        source_id: source_id?,
        unique_id: unique_id?,
        submission_time: submission_time?,
        intended_recipients,
        extra,
    })
}

pub(crate) fn write_submission_set(w: &mut ObjectWriter, set: &SubmissionSet) {
    let id = &set.id;
    w.start(
        "rim:RegistryPackage",
        id,
        // A set has one version only, so its logical id is its id; toolkits expect to see it (section 27 row 19).
        id.is_uuid().then_some(id),
        set.home_community_id.as_ref(),
        object_type::REGISTRY_PACKAGE,
        set.availability_status,
    );
    w.slot("submissionTime", set.submission_time.as_str());
    w.slot_of("intendedRecipient", set.intended_recipients.iter().map(String::as_str));
    w.extra(&set.extra);
    w.name(&set.title);
    w.description(&set.comments);
    w.node(id, SUBMISSION_SET_NODE);
    w.authors(id, scheme::AUTHOR, &set.authors);
    w.code(id, scheme::CONTENT_TYPE_CODE, &set.content_type_code);
    w.identifier(id, scheme::UNIQUE_ID, "XDSSubmissionSet.uniqueId", set.unique_id.as_str());
    w.identifier(id, scheme::SOURCE_ID, "XDSSubmissionSet.sourceId", set.source_id.as_str());
    w.identifier(id, scheme::PATIENT_ID, "XDSSubmissionSet.patientId", &set.patient_id.to_string());
    w.xml.end();
}
