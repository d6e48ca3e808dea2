//! Folder: documents that belong together. Source: ITI TF-3 4.2.3.4.

use crate::{
    AvailabilityStatus, Code, Dtm, ExtraSlot, HomeCommunityId, Invalid, ObjectId, Oid, PatientId, Text, UniqueId,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub id: ObjectId,
    pub logical_id: Option<ObjectId>,
    pub version: Option<u32>,
    pub availability_status: AvailabilityStatus,
    pub home_community_id: Option<HomeCommunityId>,
    pub title: Text,
    pub comments: Text,
    pub code_list: Vec<Code>,
    pub patient_id: PatientId,
    pub unique_id: UniqueId,
    /// To the second; set by the registry, a submitted value is ignored.
    pub last_update_time: Option<Dtm>,
    pub extra: Vec<ExtraSlot>,
}

impl Folder {
    /// The rules of one folder as a registry receives it: all findings.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.title.is_empty() {
            found.push(Invalid::new("title", "is required", ""));
        }
        if self.code_list.is_empty() {
            found.push(Invalid::new("codeList", "must be given at least once", ""));
        }
        for code in &self.code_list {
            if let Err(e) = code.validate("codeList") {
                found.push(e);
            }
        }
        if Oid::parse(self.unique_id.as_str()).is_err() {
            found.push(Invalid::new("uniqueId", "must be an OID", self.unique_id.as_str()));
        }
        found.into_iter().map(|e| e.within("Folder").on(self.id.as_str())).collect()
    }
}
