//! Metadata update: new versions of entries and folders, changes of status, associations between what is registered.
//! Source: ITI TF-2 3.57.4.1.3, 3.92.4.1.3 (trial implementation); spec/xds.md 19.1, 19.2. Where the text leaves a choice,
//! the published test plans decide: an unknown logicalID is a version that does not exist.

use crate::registration::{deprecate, derived_id, entry_faults, submission_set_faults, touch_folders};
use crate::{Fault, RegistryPolicy, UpdateKind, UpdateRule};
use model::{
    Association, AssociationType, AvailabilityStatus, DocumentEntry, Dtm, Folder, Invalid, ObjectId, PatientId,
    Submission, SubmissionSetStatus,
};
use std::collections::{HashMap, HashSet};
use store::{ObjectKind, Select, StoreError, WriteTx};

/// What an update that breaks no rule does.
#[derive(Default)]
pub(crate) struct UpdatePlan {
    versions: Vec<NewVersion>,
    statuses: Vec<(ObjectId, AvailabilityStatus)>,
}

/// An entry or folder of the message takes the place of a registered one.
struct NewVersion {
    id: ObjectId,
    previous: ObjectId,
    logical_id: ObjectId,
    version: u32,
    status: AvailabilityStatus,
    /// Associations of the previous version are copied.
    propagate: bool,
}

impl UpdatePlan {
    /// The same with the ids that the registry gave.
    pub(crate) fn renamed(mut self, ids: &HashMap<ObjectId, ObjectId>) -> Self {
        for version in &mut self.versions {
            if let Some(id) = ids.get(&version.id) {
                version.id = id.clone();
            }
        }
        for (target, _) in &mut self.statuses {
            if let Some(id) = ids.get(target) {
                *target = id.clone();
            }
        }
        self
    }

    fn of(&self, id: &ObjectId) -> Option<&NewVersion> {
        self.versions.iter().find(|v| v.id == *id)
    }
}

/// What entries and folders have in common here.
struct Versioned<'a> {
    id: &'a ObjectId,
    logical_id: Option<&'a ObjectId>,
    version: Option<u32>,
    status: AvailabilityStatus,
    patient_id: &'a PatientId,
}

impl<'a> Versioned<'a> {
    fn entry(entry: &'a DocumentEntry) -> Self {
        let (id, logical_id) = (&entry.id, entry.logical_id.as_ref());
        let (version, status) = (entry.version, entry.availability_status);
        Versioned { id, logical_id, version, status, patient_id: &entry.patient_id }
    }

    fn folder(folder: &'a Folder) -> Self {
        let (id, logical_id) = (&folder.id, folder.logical_id.as_ref());
        let (version, status) = (folder.version, folder.availability_status);
        Versioned { id, logical_id, version, status, patient_id: &folder.patient_id }
    }
}

/// Finds everything that is wrong with an update, and what it does when nothing is.
pub(crate) fn update_faults(
    tx: &dyn WriteTx,
    submission: &Submission,
    kind: UpdateKind,
    policy: &RegistryPolicy,
    faults: &mut Vec<Fault>,
) -> Result<UpdatePlan, StoreError> {
    let invalid = submission.set.validate().into_iter();
    let invalid = invalid.chain(submission.entries.iter().flat_map(DocumentEntry::validate));
    let invalid = invalid.chain(submission.folders.iter().flat_map(Folder::validate));
    faults.extend(invalid.map(Fault::InvalidMetadata));
    faults.extend(
        submission.duplicate_unique_ids().into_iter().map(|id| Fault::DuplicateUniqueIdInMessage(id.to_owned())),
    );
    for entry in &submission.entries {
        faults.extend(entry_faults(entry, entry.document_type));
    }
    faults.extend(repeated_ids(submission));
    faults.extend(submission_set_faults(tx, submission, policy)?);
    let mut check = Check { tx, submission, kind, faults, plan: UpdatePlan::default() };
    check.operations()?;
    check.submitted_associations()?;
    Ok(check.plan)
}

fn repeated_ids(submission: &Submission) -> Vec<Fault> {
    let mut seen = HashSet::new();
    let ids = std::iter::once(&submission.set.id)
        .chain(submission.entries.iter().map(|e| &e.id))
        .chain(submission.folders.iter().map(|f| &f.id))
        .chain(submission.associations.iter().map(|a| &a.id));
    ids.filter(|id| !seen.insert(*id))
        .map(|id| {
            Fault::InvalidMetadata(Invalid::new("id", "must be unique in the submission", id.as_str()).on(id.as_str()))
        })
        .collect()
}

struct Check<'a> {
    tx: &'a dyn WriteTx,
    submission: &'a Submission,
    kind: UpdateKind,
    faults: &'a mut Vec<Fault>,
    plan: UpdatePlan,
}

impl Check<'_> {
    fn wrong(&mut self, rule: UpdateRule, object: &ObjectId, reason: impl Into<String>) {
        self.faults.push(Fault::Update { rule, object: object.to_string(), reason: reason.into() });
    }

    /// The submission set says by its associations what is to be done.
    fn operations(&mut self) -> Result<(), StoreError> {
        let submission = self.submission;
        let mut operations = 0;
        for association in submission.associations.iter().filter(|a| a.source == submission.set.id) {
            operations += 1;
            match association.kind {
                AssociationType::HasMember => self.new_version(association)?,
                AssociationType::UpdateAvailabilityStatus => self.status(association)?,
                // Checked with what it submits.
                AssociationType::SubmitAssociation => {}
                AssociationType::Rplc
                | AssociationType::Apnd
                | AssociationType::Xfrm
                | AssociationType::XfrmRplc
                | AssociationType::Signs
                | AssociationType::IsSnapshotOf => {
                    let reason = format!(
                        "associationType {:?} is no operation of an update: it links the submission set to something as if to a document",
                        association.kind
                    );
                    self.wrong(UpdateRule::Operation, &association.id, reason);
                }
            }
            if self.kind == UpdateKind::Restricted && association.kind != AssociationType::HasMember {
                let reason = format!(
                    "associationType {:?} is more than a restricted update may do, which is to change attributes of documents",
                    association.kind
                );
                self.wrong(UpdateRule::Request, &association.id, reason);
            }
        }
        if operations == 0 {
            self.wrong(
                UpdateRule::Operation,
                &submission.set.id,
                "asks for no update: it is the sourceObject of no association",
            );
        }
        let objects = submission.entries.iter().map(|e| &e.id).chain(submission.folders.iter().map(|f| &f.id));
        for id in objects {
            let linked = |a: &Association| {
                a.kind == AssociationType::HasMember && a.source == submission.set.id && a.target == *id
            };
            if !submission.associations.iter().any(linked) {
                let reason = "has no HasMember from the submission set, which would say what it is a new version of";
                self.wrong(UpdateRule::Operation, id, reason);
            }
        }
        Ok(())
    }

    fn new_version(&mut self, link: &Association) -> Result<(), StoreError> {
        let submission = self.submission;
        if let Some(entry) = submission.entries.iter().find(|e| e.id == link.target) {
            if link.submission_set_status != Some(SubmissionSetStatus::Original) {
                let came = link.submission_set_status.map_or(String::new(), |status| format!("{status:?}"));
                let reason = format!("must have SubmissionSetStatus Original on the HasMember to it; got `{came}`");
                self.wrong(UpdateRule::Operation, &entry.id, reason);
            }
            let versions = self.entry_versions(entry)?;
            let Some(current) = versions.iter().max_by_key(|e| e.version) else {
                return self.no_current_version(&Versioned::entry(entry));
            };
            self.compare_entries(entry, current);
            return self.succeeds(link, &Versioned::entry(entry), &Versioned::entry(current));
        }
        if let Some(folder) = submission.folders.iter().find(|f| f.id == link.target) {
            if self.kind == UpdateKind::Restricted {
                self.wrong(
                    UpdateRule::ObjectKind,
                    &folder.id,
                    "is a folder: a restricted update changes documents only",
                );
                return Ok(());
            }
            let versions = match &folder.logical_id {
                Some(id) => self.tx.folders(Select::LogicalId(id))?,
                None => Vec::new(),
            };
            let Some(current) = versions.iter().max_by_key(|f| f.version) else {
                return self.no_current_version(&Versioned::folder(folder));
            };
            if folder.unique_id != current.unique_id {
                self.wrong(UpdateRule::Other, &folder.id, "must keep the uniqueId of the folder it is a version of");
            }
            return self.succeeds(link, &Versioned::folder(folder), &Versioned::folder(current));
        }
        let reason =
            "names neither a document entry nor a folder of this submission, so there is nothing to update with";
        self.wrong(UpdateRule::Operation, &link.id, reason);
        Ok(())
    }

    /// All versions of what the entry updates. In a restricted update the entry may be named by its uniqueId alone.
    fn entry_versions(&self, entry: &DocumentEntry) -> Result<Vec<DocumentEntry>, StoreError> {
        match (&entry.logical_id, self.kind) {
            (Some(id), _) => self.tx.entries(Select::LogicalId(id)),
            (None, UpdateKind::Full) => Ok(Vec::new()),
            (None, UpdateKind::Restricted) => {
                let mut named = self.tx.entries_with_unique_id(&entry.unique_id)?;
                named.retain(|e| e.repository_unique_id == entry.repository_unique_id);
                Ok(named)
            }
        }
    }

    fn no_current_version(&mut self, new: &Versioned) -> Result<(), StoreError> {
        let (rule, reason) = match (new.logical_id, self.kind) {
            (Some(lid), _) => (UpdateRule::Version, format!("its lid {lid} is the logicalID of nothing registered")),
            (None, UpdateKind::Full) => {
                (UpdateRule::Other, "must have the logicalID of what it is a version of as its lid".to_owned())
            }
            (None, UpdateKind::Restricted) => {
                (UpdateRule::Version, "is an update of a document that is not registered".to_owned())
            }
        };
        self.wrong(rule, new.id, reason);
        Ok(())
    }

    /// Attributes that a new version has in common with the one before.
    fn compare_entries(&mut self, new: &DocumentEntry, current: &DocumentEntry) {
        let full = self.kind == UpdateKind::Full;
        if new.unique_id != current.unique_id {
            let rule = if full { UpdateRule::Other } else { UpdateRule::Identifier };
            let reason = format!(
                "must keep the uniqueId {} of the document it is a version of; got `{}`",
                current.unique_id, new.unique_id
            );
            self.wrong(rule, &new.id, reason);
        }
        if new.document_type != current.document_type {
            let rule = if full { UpdateRule::Other } else { UpdateRule::Unmodifiable };
            let reason = format!(
                "must keep the objectType of the document it is a version of, {:?}; got {:?}",
                current.document_type, new.document_type
            );
            self.wrong(rule, &new.id, reason);
        }
        if full {
            return;
        }
        let repository = new.repository_unique_id.as_ref().map(ToString::to_string);
        let source_patient = new.source_patient_id.as_ref().map(ToString::to_string);
        for (attribute, same, came) in [
            ("repositoryUniqueId", new.repository_unique_id == current.repository_unique_id, repository),
            ("sourcePatientId", new.source_patient_id == current.source_patient_id, source_patient),
            ("documentAvailability", new.availability() == current.availability(), new.document_availability.clone()),
        ] {
            if !same {
                let came = came.unwrap_or_default();
                let reason = format!("must keep its {attribute}: a restricted update cannot change it; got `{came}`");
                self.wrong(UpdateRule::Unmodifiable, &new.id, reason);
            }
        }
        if new.patient_id != current.patient_id {
            let reason = format!(
                "must keep its patientId: a restricted update cannot move a document to another patient; got `{}`",
                new.patient_id
            );
            self.wrong(UpdateRule::Patient, &new.id, reason);
        }
    }

    fn succeeds(&mut self, link: &Association, new: &Versioned, current: &Versioned) -> Result<(), StoreError> {
        let logical_id = current.logical_id.unwrap_or(current.id).clone();
        if new.logical_id == Some(new.id) {
            self.wrong(UpdateRule::Other, new.id, format!("must have an id of its own; got its lid {}", new.id));
        }
        for name in ["OriginalStatus", "NewStatus"] {
            if link.annotation(name).is_some() {
                let reason = format!("must not have the slot {name} on its HasMember: a new version is Approved");
                self.wrong(UpdateRule::Operation, new.id, reason);
            }
        }
        // A restricted update leaves the status as it is; a full one makes it Approved, which is no way to bring back
        // what was deprecated.
        if self.kind == UpdateKind::Full && current.status == AvailabilityStatus::Deprecated {
            let reason =
                format!("is an update of {logical_id}, which is deprecated: change its status to Approved first");
            self.wrong(UpdateRule::Other, new.id, reason);
        }
        let version = current.version.unwrap_or(1);
        let came = link.annotation("PreviousVersion").unwrap_or_default();
        if came != [version.to_string()] {
            let shown = came.join(", ");
            let reason =
                format!("PreviousVersion must be {version}, the current version of {logical_id}; got `{shown}`");
            self.wrong(UpdateRule::Version, new.id, reason);
        }
        let propagate = match link.annotation("AssociationPropagation") {
            None => true,
            Some([yes]) if yes == "yes" => true,
            Some([no]) if no == "no" => false,
            Some(other) => {
                let reason = format!("AssociationPropagation must be yes or no; got `{}`", other.join(", "));
                self.wrong(UpdateRule::Operation, new.id, reason);
                true
            }
        };
        if self.kind == UpdateKind::Restricted && !propagate {
            let reason = "AssociationPropagation must not be no in a restricted update";
            self.wrong(UpdateRule::Annotation, new.id, reason);
        }
        let patient = &self.submission.set.patient_id;
        if new.patient_id != patient {
            self.faults.push(Fault::PatientIdDoesNotMatch {
                object: new.id.to_string(),
                expected: patient.clone(),
                came: new.patient_id.clone(),
            });
        }
        if new.patient_id != current.patient_id && propagate && self.is_tied(current.id)? {
            let reason = format!(
                "must keep its patientId while folders or other documents tie it to the former patient; got `{}`",
                new.patient_id
            );
            self.wrong(UpdateRule::Patient, new.id, reason);
        }
        if self.plan.versions.iter().any(|v| v.logical_id == logical_id) {
            let reason = format!("is the second update of {logical_id} in one submission");
            self.wrong(UpdateRule::Operation, new.id, reason);
        }
        let (id, previous) = (new.id.clone(), current.id.clone());
        let (version, status) = (version + 1, current.status);
        self.plan.versions.push(NewVersion { id, previous, logical_id, version, status, propagate });
        Ok(())
    }

    /// True when an association that a new version would take over has something else at its other end.
    fn is_tied(&self, id: &ObjectId) -> Result<bool, StoreError> {
        let associations = self.tx.associations_of(std::slice::from_ref(id))?;
        for association in associations {
            if is_taken_over(self.tx, &association)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn status(&mut self, association: &Association) -> Result<(), StoreError> {
        let target = &association.target;
        let read = |name: &str| match association.annotation(name) {
            Some([urn]) => AvailabilityStatus::of_urn(urn),
            _ => None,
        };
        let (Some(original), Some(new)) = (read("OriginalStatus"), read("NewStatus")) else {
            let reason = "must have one OriginalStatus and one NewStatus, each the URN of Approved or of Deprecated";
            self.wrong(UpdateRule::Operation, &association.id, reason);
            return Ok(());
        };
        for name in ["PreviousVersion", "AssociationPropagation"] {
            if association.annotation(name).is_some() {
                let reason = format!("must not have the slot {name}: a change of status makes no version");
                self.wrong(UpdateRule::Operation, &association.id, reason);
            }
        }
        let ids = std::slice::from_ref(target);
        let kind = if target.is_uuid() { self.tx.object_kind(target)? } else { None };
        let (current, is_latest) = match kind {
            None if *target == self.submission.set.id => {
                self.wrong(UpdateRule::Operation, target, "is the submission set, whose status never changes");
                return Ok(());
            }
            // What this submission brings is Approved first (NIST 20004, 20005).
            None if self.submission.contains(target) => (AvailabilityStatus::Approved, true),
            None => {
                let id = target.to_string();
                self.faults.push(Fault::UnresolvedReference { id, role: "targetObject" });
                return Ok(());
            }
            Some(ObjectKind::SubmissionSet) => {
                self.wrong(UpdateRule::Operation, target, "is a submission set, whose status never changes");
                return Ok(());
            }
            Some(ObjectKind::DocumentEntry) => {
                let Some(entry) = self.tx.entry(target)? else { return Ok(()) };
                let versions = self.tx.entries(Select::LogicalId(entry.logical_id.as_ref().unwrap_or(target)))?;
                let latest = versions.iter().max_by_key(|e| e.version).is_none_or(|e| e.id == *target);
                (entry.availability_status, latest)
            }
            Some(ObjectKind::Folder) => {
                let Some(folder) = self.tx.folders(Select::Ids(ids))?.pop() else { return Ok(()) };
                let versions = self.tx.folders(Select::LogicalId(folder.logical_id.as_ref().unwrap_or(target)))?;
                let latest = versions.iter().max_by_key(|f| f.version).is_none_or(|f| f.id == *target);
                (folder.availability_status, latest)
            }
            Some(ObjectKind::Association) => {
                let Some(found) = self.tx.associations(ids)?.pop() else { return Ok(()) };
                (found.availability_status, true)
            }
        };
        if !is_latest {
            self.wrong(UpdateRule::Other, target, "is not the latest version, whose status alone can be changed");
        }
        if current != original {
            let reason = format!("OriginalStatus must be its present status, {current:?}; got {original:?}");
            // Of what is new, the published plans want the general rule (NIST 20003).
            let rule = if kind.is_none() { UpdateRule::Other } else { UpdateRule::Operation };
            self.wrong(rule, target, reason);
        } else if original == new {
            let reason = format!("must get a NewStatus other than its OriginalStatus; got {new:?} as both");
            self.wrong(UpdateRule::Operation, target, reason);
        }
        self.plan.statuses.push((target.clone(), new));
        Ok(())
    }

    /// Associations that do not begin at the submission set are there to be submitted.
    fn submitted_associations(&mut self) -> Result<(), StoreError> {
        let submission = self.submission;
        let submits = |a: &&Association| a.kind == AssociationType::SubmitAssociation && a.source == submission.set.id;
        for submit in submission.associations.iter().filter(submits) {
            let given = |a: &&Association| a.id == submit.target && a.source != submission.set.id;
            if !submission.associations.iter().any(|a| given(&a)) {
                let reason = format!(
                    "targetObject must be an association of this message between registered objects; got `{}`",
                    submit.target
                );
                self.wrong(UpdateRule::Operation, &submit.id, reason);
            }
        }
        for association in submission.associations.iter().filter(|a| a.source != submission.set.id) {
            if !submission.associations.iter().filter(submits).any(|s| s.target == association.id) {
                let reason = "is submitted by no SubmitAssociation of the submission set";
                self.wrong(UpdateRule::Operation, &association.id, reason);
            }
            self.submitted(association)?;
        }
        Ok(())
    }

    fn submitted(&mut self, association: &Association) -> Result<(), StoreError> {
        let from_folder = association.kind == AssociationType::HasMember;
        if !from_folder && !association.kind.is_relationship() {
            let reason = format!(
                "associationType must be a relationship of documents, or a folder's HasMember to a document; got {:?}",
                association.kind
            );
            self.wrong(UpdateRule::Operation, &association.id, reason);
            return Ok(());
        }
        let mut patients = Vec::new();
        for (id, role, folder) in
            [(&association.source, "sourceObject", from_folder), (&association.target, "targetObject", false)]
        {
            let found = self.end(id, folder)?;
            let Some((patient, status)) = found else {
                self.faults.push(Fault::UnresolvedReference { id: id.to_string(), role });
                continue;
            };
            if status == AvailabilityStatus::Deprecated {
                self.faults.push(Fault::DeprecatedTarget(id.clone()));
            }
            patients.push(patient);
            let taken_over = |v: &NewVersion| v.propagate && (v.id == *id || v.previous == *id || v.logical_id == *id);
            if self.plan.versions.iter().any(taken_over) {
                let reason = format!("ties {id} by hand, whose associations this submission also propagates");
                self.wrong(UpdateRule::Operation, &association.id, reason);
            }
        }
        if let [source, target] = patients.as_slice()
            && source != target
        {
            let reason = format!(
                "sourceObject {} and targetObject {} must be of one patient, and are of two patients",
                association.source, association.target
            );
            self.wrong(UpdateRule::Patient, &association.id, reason);
        }
        let same = |a: &Association| {
            a.kind == association.kind && a.source == association.source && a.target == association.target
        };
        let existing = self.tx.associations_of(std::slice::from_ref(&association.source))?;
        if let Some(existing) = existing.iter().find(|a| same(a)) {
            let reason = format!("is registered already, as {}", existing.id);
            self.wrong(UpdateRule::Other, &association.id, reason);
        }
        Ok(())
    }

    /// Patient and status of a folder or entry, registered or of this message.
    fn end(&self, id: &ObjectId, folder: bool) -> Result<Option<(PatientId, AvailabilityStatus)>, StoreError> {
        let approved = AvailabilityStatus::Approved;
        if folder {
            if let Some(new) = self.submission.folders.iter().find(|f| f.id == *id) {
                return Ok(Some((new.patient_id.clone(), approved)));
            }
            let found = if id.is_uuid() { self.tx.folders(Select::Ids(std::slice::from_ref(id)))? } else { Vec::new() };
            return Ok(found.into_iter().next().map(|f| (f.patient_id, f.availability_status)));
        }
        if let Some(new) = self.submission.entry(id) {
            return Ok(Some((new.patient_id.clone(), approved)));
        }
        let found = if id.is_uuid() { self.tx.entry(id)? } else { None };
        Ok(found.map(|e| (e.patient_id, e.availability_status)))
    }
}

/// Relationships and memberships in folders go over to a new version; what a submission set says of the old one stays.
fn is_taken_over(tx: &dyn WriteTx, association: &Association) -> Result<bool, StoreError> {
    let kind = association.kind == AssociationType::HasMember || association.kind.is_relationship();
    if !kind || association.availability_status != AvailabilityStatus::Approved {
        return Ok(false);
    }
    Ok(tx.object_kind(&association.source)? != Some(ObjectKind::SubmissionSet))
}

/// Carries out an update in which nothing is wrong.
pub(crate) fn apply_update(
    tx: &mut dyn WriteTx,
    mut submission: Submission,
    plan: UpdatePlan,
    now: &Dtm,
) -> Result<(), StoreError> {
    let approved = AvailabilityStatus::Approved;
    submission.set.availability_status = approved;
    tx.put_submission_set(&submission.set)?;
    for entry in &mut submission.entries {
        let Some(version) = plan.of(&entry.id) else { continue };
        tx.set_status(&version.previous, AvailabilityStatus::Deprecated)?;
        entry.availability_status = version.status;
        entry.logical_id = Some(version.logical_id.clone());
        entry.version = Some(version.version);
        entry.submission_time = Some(submission.set.submission_time.clone());
        tx.put_entry(entry)?;
    }
    for folder in &mut submission.folders {
        let Some(version) = plan.of(&folder.id) else { continue };
        tx.set_status(&version.previous, AvailabilityStatus::Deprecated)?;
        folder.availability_status = version.status;
        folder.logical_id = Some(version.logical_id.clone());
        folder.version = Some(version.version);
        folder.last_update_time = Some(now.clone());
        tx.put_folder(folder)?;
    }
    for version in plan.versions.iter().filter(|v| v.propagate) {
        propagate(tx, version, now)?;
    }
    for association in &mut submission.associations {
        association.availability_status = approved;
        tx.put_association(association)?;
    }
    for association in submission.associations.iter().filter(|a| a.kind.replaces()) {
        deprecate(tx, &association.target)?;
    }
    touch_folders(tx, &submission, now)?;
    for (id, status) in &plan.statuses {
        tx.set_status(id, *status)?;
    }
    Ok(())
}

/// Copies the associations of the previous version, with the new version in its place. The submission set gets no
/// HasMember to the copies: only a move between patients asks for that (NIST 20000d).
fn propagate(tx: &mut dyn WriteTx, version: &NewVersion, now: &Dtm) -> Result<(), StoreError> {
    for association in tx.associations_of(std::slice::from_ref(&version.previous))? {
        if !is_taken_over(tx, &association)? {
            continue;
        }
        let end = |id: &ObjectId| if *id == version.previous { version.id.clone() } else { id.clone() };
        let copy = Association {
            id: derived_id(&association.id, &version.id, 3),
            source: end(&association.source),
            target: end(&association.target),
            ..association.clone()
        };
        tx.put_association(&copy)?;
        if association.kind == AssociationType::HasMember {
            for mut folder in tx.folders(Select::Ids(std::slice::from_ref(&copy.source)))? {
                folder.last_update_time = Some(now.clone());
                tx.update_folder(&folder)?;
            }
        }
    }
    Ok(())
}
