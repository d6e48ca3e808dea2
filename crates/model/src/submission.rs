//! Submission: everything that one ITI-41, ITI-42 or ITI-65 brings, and the rules inside the message.
//! Source: ITI TF-2 3.42.4.1.3, TF-3 4.2.2; spec/xds.md sections 12 and 14. What needs the registry's content to be
//! decided (patients, replaced documents, duplicates) is decided in `actors`.

use crate::{
    Association, AssociationType, DocumentEntry, Folder, Invalid, ObjectId, SubmissionSet, SubmissionSetStatus,
};
use std::collections::HashSet;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    pub set: SubmissionSet,
    pub entries: Vec<DocumentEntry>,
    pub folders: Vec<Folder>,
    pub associations: Vec<Association>,
}

impl Submission {
    /// Every rule that the message alone can break: all findings, empty when there are none.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = self.set.validate();
        for entry in &self.entries {
            found.extend(entry.validate());
        }
        for folder in &self.folders {
            found.extend(folder.validate());
        }
        self.check_ids(&mut found);
        self.check_members(&mut found);
        found
    }

    /// uniqueIds that occur more than once in this message.
    pub fn duplicate_unique_ids(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let ids = std::iter::once(self.set.unique_id.as_str())
            .chain(self.entries.iter().map(|e| e.unique_id.as_str()))
            .chain(self.folders.iter().map(|f| f.unique_id.as_str()));
        ids.filter(|id| !seen.insert(*id)).collect()
    }

    pub fn entry(&self, id: &ObjectId) -> Option<&DocumentEntry> {
        self.entries.iter().find(|e| &e.id == id)
    }

    pub fn contains(&self, id: &ObjectId) -> bool {
        self.set.id == *id
            || self.entries.iter().any(|e| e.id == *id)
            || self.folders.iter().any(|f| f.id == *id)
            || self.associations.iter().any(|a| a.id == *id)
    }

    fn check_ids(&self, found: &mut Vec<Invalid>) {
        let mut seen = HashSet::new();
        let ids = std::iter::once(&self.set.id)
            .chain(self.entries.iter().map(|e| &e.id))
            .chain(self.folders.iter().map(|f| &f.id))
            .chain(self.associations.iter().map(|a| &a.id));
        for id in ids {
            if !seen.insert(id) {
                found.push(Invalid::new("id", "must be unique in the submission", id.as_str()).on(id.as_str()));
            }
        }
    }

    fn check_members(&self, found: &mut Vec<Invalid>) {
        let is_entry = |id: &ObjectId| self.entries.iter().any(|e| &e.id == id);
        let is_folder = |id: &ObjectId| self.folders.iter().any(|f| &f.id == id);
        let has_member = |source: &ObjectId, target: &ObjectId| {
            self.associations
                .iter()
                .any(|a| a.kind == AssociationType::HasMember && a.source == *source && a.target == *target)
        };
        let wrong = |a: &Association, field: &str, rule: &str, value: &str| {
            Invalid::new(format!("Association.{field}"), rule.to_owned(), value).on(a.id.as_str())
        };
        for a in &self.associations {
            if a.source == a.target {
                found.push(wrong(a, "targetObject", "must differ from sourceObject", a.target.as_str()));
            }
            if a.kind == AssociationType::HasMember && a.source == self.set.id {
                let to_document = is_entry(&a.target) || (!is_folder(&a.target) && !self.is_association(&a.target));
                match (to_document, a.submission_set_status) {
                    (true, None) => found.push(wrong(
                        a,
                        "SubmissionSetStatus",
                        "must be Original or Reference on a HasMember from the submission set to a document",
                        "",
                    )),
                    (true, Some(SubmissionSetStatus::Original)) if !is_entry(&a.target) => found.push(wrong(
                        a,
                        "SubmissionSetStatus",
                        "is Original but the document is not in this submission",
                        a.target.as_str(),
                    )),
                    (true, Some(SubmissionSetStatus::Reference)) if is_entry(&a.target) => found.push(wrong(
                        a,
                        "SubmissionSetStatus",
                        "is Reference but the document is in this submission",
                        a.target.as_str(),
                    )),
                    _ => {}
                }
            }
            let from_folder = a.kind == AssociationType::HasMember && a.source != self.set.id;
            if from_folder && (is_entry(&a.source) || self.is_association(&a.source)) {
                found.push(wrong(a, "sourceObject", "must be the submission set or a folder", a.source.as_str()));
            }
            if from_folder && (a.target == self.set.id || is_folder(&a.target) || self.is_association(&a.target)) {
                found.push(wrong(
                    a,
                    "targetObject",
                    "must be a document: a folder holds nothing else",
                    a.target.as_str(),
                ));
            }
            let of_set = a.kind == AssociationType::HasMember && a.source == self.set.id;
            if of_set && self.is_association(&a.target) && !self.is_folder_membership(&a.target) {
                found.push(wrong(
                    a,
                    "targetObject",
                    "must be a document, a folder, or an association from a folder to a document",
                    a.target.as_str(),
                ));
            }
            if from_folder && !has_member(&self.set.id, &a.id) {
                found.push(wrong(
                    a,
                    "sourceObject",
                    "links a folder to a document but the submission set has no HasMember to this association",
                    a.source.as_str(),
                ));
            }
            if a.kind.is_relationship() && !is_entry(&a.source) {
                found.push(wrong(a, "sourceObject", "must be a document of this submission", a.source.as_str()));
            }
        }
        for entry in &self.entries {
            if !has_member(&self.set.id, &entry.id) {
                let rule = "must be linked to the submission set by a HasMember";
                found.push(Invalid::new("DocumentEntry", rule, entry.id.as_str()).on(entry.id.as_str()));
            }
        }
        for folder in &self.folders {
            if !has_member(&self.set.id, &folder.id) {
                let rule = "must be linked to the submission set by a HasMember";
                found.push(Invalid::new("Folder", rule, folder.id.as_str()).on(folder.id.as_str()));
            }
        }
        if !self.associations.iter().any(|a| a.source == self.set.id) {
            let rule = "must be the source of at least one association";
            found.push(Invalid::new("SubmissionSet", rule, self.set.id.as_str()).on(self.set.id.as_str()));
        }
    }

    /// True for a HasMember of this message whose source is not the submission set.
    fn is_folder_membership(&self, id: &ObjectId) -> bool {
        self.associations.iter().any(|a| a.id == *id && a.kind == AssociationType::HasMember && a.source != self.set.id)
    }

    fn is_association(&self, id: &ObjectId) -> bool {
        self.associations.iter().any(|a| &a.id == id)
    }
}
