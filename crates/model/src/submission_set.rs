//! SubmissionSet: one act of submitting. Source: ITI TF-3 4.2.3.3.

use crate::{
    Author, AvailabilityStatus, Code, Dtm, ExtraSlot, HomeCommunityId, Invalid, ObjectId, Oid, PatientId, Text,
    UniqueId,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionSet {
    pub id: ObjectId,
    pub availability_status: AvailabilityStatus,
    pub home_community_id: Option<HomeCommunityId>,
    pub title: Text,
    pub comments: Text,
    pub authors: Vec<Author>,
    pub content_type_code: Code,
    pub patient_id: PatientId,
    pub source_id: Oid,
    pub unique_id: UniqueId,
    pub submission_time: Dtm,
    /// `XON|XCN|XTN`, as it came.
    pub intended_recipients: Vec<String>,
    pub extra: Vec<ExtraSlot>,
}

impl SubmissionSet {
    /// The rules of one submission set as a registry receives it: all findings.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        if let Err(e) = self.content_type_code.validate("contentTypeCode") {
            found.push(e);
        }
        // ITI TF-3 Table 4.2.3.3-1 makes this uniqueId an OID; a document's is free.
        if Oid::parse(self.unique_id.as_str()).is_err() {
            found.push(Invalid::new("uniqueId", "must be an OID", self.unique_id.as_str()));
        }
        if self.title.value().is_some_and(|t| t.chars().count() > 256) {
            found.push(Invalid::new("title", "must have at most 256 characters", self.title.value().unwrap_or("")));
        }
        for author in &self.authors {
            if let Err(e) = author.validate("author") {
                found.push(e);
            }
        }
        for recipient in &self.intended_recipients {
            let mut fields = recipient.split('|');
            if fields.by_ref().take(2).all(str::is_empty) {
                found.push(Invalid::new("intendedRecipient", "must name an organisation or a person", recipient));
            }
        }
        found.into_iter().map(|e| e.within("SubmissionSet").on(self.id.as_str())).collect()
    }
}
