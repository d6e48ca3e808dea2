//! The rules of registering: what a submission gets wrong by itself, what contradicts the registry, and what becomes of it
//! when it is accepted. Source: ITI TF-2 3.42.4.1.3, TF-3 4.2.2; spec/xds.md sections 12-14.

use crate::{Cx, Fault, RegistryPolicy};
use model::{
    Association, AssociationType, AvailabilityStatus, DocumentEntry, DocumentType, Invalid, ObjectId, PatientId,
    Submission, SubmissionSetStatus,
};
use std::collections::{HashMap, HashSet};
use store::{ObjectKind, PatientState, WriteTx};

/// What the message alone gets wrong, when its entries are to be of type `expected`.
pub(crate) fn message_faults(submission: &Submission, expected: DocumentType) -> Vec<Fault> {
    let mut faults: Vec<Fault> = submission.validate().into_iter().map(Fault::InvalidMetadata).collect();
    for id in submission.duplicate_unique_ids() {
        faults.push(Fault::DuplicateUniqueIdInMessage(id.to_owned()));
    }
    for entry in &submission.entries {
        faults.extend(entry_faults(entry, expected));
        if entry.logical_id.as_ref().is_some_and(|lid| *lid != entry.id) {
            let invalid = Invalid::new("DocumentEntry.logicalID", "is assigned by the registry", "");
            faults.push(Fault::InvalidMetadata(invalid.on(entry.id.as_str())));
        }
    }
    for association in &submission.associations {
        if matches!(association.kind, AssociationType::UpdateAvailabilityStatus | AssociationType::SubmitAssociation) {
            let (id, rule) = (association.id.as_str(), "is a metadata update, which comes by ITI-57");
            let invalid = Invalid::new("Association.associationType", rule, id);
            faults.push(Fault::InvalidMetadata(invalid.on(id)));
        }
    }
    faults
}

/// What one entry gets wrong as a registry receives it, beyond [`DocumentEntry::validate`].
pub(crate) fn entry_faults(entry: &DocumentEntry, expected: DocumentType) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut wrong = |field: &str, rule: &str, value: &str| {
        let invalid = Invalid::new(format!("DocumentEntry.{field}"), rule.to_owned(), value);
        faults.push(Fault::InvalidMetadata(invalid.on(entry.id.as_str())));
    };
    if entry.document_type != expected {
        let rule = match expected {
            DocumentType::Stable => "must be the stable document type; on-demand entries come by ITI-61",
            DocumentType::OnDemand => "must be the on-demand document type; stable entries come by ITI-42",
        };
        wrong("objectType", rule, "");
    }
    if entry.repository_unique_id.is_none() {
        wrong("repositoryUniqueId", "is required from a repository", "");
    }
    for (field, missing) in [("hash", entry.hash.is_none()), ("size", entry.size_octets.is_none())] {
        match expected {
            DocumentType::Stable if missing => wrong(field, "is required from a repository", ""),
            DocumentType::OnDemand if !missing => wrong(field, "is not allowed in an on-demand entry", ""),
            DocumentType::Stable | DocumentType::OnDemand => {}
        }
    }
    // a report is a CDA, FHIR or PDF document; an SR belongs to its study and is found through the manifest.
    if entry.class_code.code == "REPORTS" && entry.mime_type == "application/dicom" {
        let rule = "must not be REPORTS for a DICOM object: an SR is part of its study and is listed in the manifest";
        wrong("classCode", rule, "REPORTS");
    }
    faults
}

/// What contradicts the registry's content: patients, uniqueIds, references.
pub(crate) fn registry_faults(
    tx: &dyn WriteTx,
    submission: &Submission,
    policy: &RegistryPolicy,
) -> Result<Vec<Fault>, store::StoreError> {
    let mut faults = submission_set_faults(tx, submission, policy)?;
    let patient = &submission.set.patient_id;
    let same_patient = |object: &ObjectId, came: &PatientId| {
        (came != patient).then(|| Fault::PatientIdDoesNotMatch {
            object: object.to_string(),
            expected: patient.clone(),
            came: came.clone(),
        })
    };
    faults.extend(submission.entries.iter().filter_map(|e| same_patient(&e.id, &e.patient_id)));
    faults.extend(submission.folders.iter().filter_map(|f| same_patient(&f.id, &f.patient_id)));
    for folder in &submission.folders {
        if !tx.unique_id_uses(&folder.unique_id)?.is_empty() {
            faults.push(Fault::DuplicateUniqueId { kind: "Folder", unique_id: folder.unique_id.to_string() });
        }
    }
    for entry in &submission.entries {
        let uses = tx.unique_id_uses(&entry.unique_id)?;
        if uses.iter().any(|kind| *kind != ObjectKind::DocumentEntry) {
            faults.push(Fault::DuplicateUniqueId { kind: "DocumentEntry", unique_id: entry.unique_id.to_string() });
        } else if let Some(first) = tx.entries_with_unique_id(&entry.unique_id)?.first() {
            if first.hash != entry.hash {
                faults.push(Fault::NonIdenticalHash(entry.unique_id.clone()));
            } else if first.size_octets != entry.size_octets {
                faults.push(Fault::NonIdenticalSize(entry.unique_id.clone()));
            }
        }
    }
    association_faults(tx, submission, &mut faults)?;
    Ok(faults)
}

/// What every kind of submission has to meet: its patient is known, its set and all its ids are new.
pub(crate) fn submission_set_faults(
    tx: &dyn WriteTx,
    submission: &Submission,
    policy: &RegistryPolicy,
) -> Result<Vec<Fault>, store::StoreError> {
    let mut faults = Vec::new();
    let patient = &submission.set.patient_id;
    let known = match tx.patient_state(patient)? {
        PatientState::Active => true,
        PatientState::Unknown => policy.accept_unknown_patients,
        PatientState::MergedInto(_) => false,
    };
    if patient.domain != policy.patient_domain || !known {
        faults.push(Fault::UnknownPatient(patient.clone()));
    }
    if !tx.unique_id_uses(&submission.set.unique_id)?.is_empty() {
        let unique_id = submission.set.unique_id.to_string();
        faults.push(Fault::DuplicateUniqueId { kind: "SubmissionSet", unique_id });
    }
    for id in object_ids(submission).filter(|id| id.is_uuid()) {
        if tx.object_kind(id)?.is_some() {
            let rule = "is already registered";
            faults.push(Fault::InvalidMetadata(Invalid::new("entryUUID", rule, id.as_str()).on(id.as_str())));
        }
    }
    Ok(faults)
}

fn object_ids(submission: &Submission) -> impl Iterator<Item = &ObjectId> {
    std::iter::once(&submission.set.id)
        .chain(submission.entries.iter().map(|e| &e.id))
        .chain(submission.folders.iter().map(|f| &f.id))
        .chain(submission.associations.iter().map(|a| &a.id))
}

pub(crate) fn association_faults(
    tx: &dyn WriteTx,
    submission: &Submission,
    faults: &mut Vec<Fault>,
) -> Result<(), store::StoreError> {
    let patient = &submission.set.patient_id;
    let mut replaced = HashSet::new();
    for association in &submission.associations {
        let of_set = association.kind == AssociationType::HasMember && association.source == submission.set.id;
        // What an end has to be when it is not in this message: documents are related, folders hold documents, and only
        // documents may be referred to. Anything else registered under the id is as wrong as nothing.
        let source = if association.kind == AssociationType::HasMember {
            (ObjectKind::Folder, "sourceObject")
        } else {
            (ObjectKind::DocumentEntry, "sourceObject")
        };
        let target = (ObjectKind::DocumentEntry, "targetObject");
        for ((kind, role), id) in [(source, &association.source), (target, &association.target)] {
            if !submission.contains(id) && (!id.is_uuid() || tx.object_kind(id)? != Some(kind)) {
                faults.push(Fault::UnresolvedReference { id: id.to_string(), role });
            }
        }
        if association.kind.is_relationship() {
            if submission.entry(&association.target).is_some() {
                // Only transforms and signatures may point at a document of the same message (spec/xds.md 12).
                if !matches!(association.kind, AssociationType::Xfrm | AssociationType::Signs) {
                    let id = association.target.to_string();
                    faults.push(Fault::UnresolvedReference { id, role: "targetObject in the registry" });
                }
                continue;
            }
            let Some(target) = registered_entry(tx, &association.target)? else { continue };
            // The second replacement in one message comes too late as well.
            let too_late = target.availability_status == AvailabilityStatus::Deprecated
                || (association.kind.replaces() && !replaced.insert(target.id.clone()));
            let can_be_snapshot = association.kind != AssociationType::IsSnapshotOf
                || target.document_type == DocumentType::OnDemand
                || submission.entry(&association.source).is_none();
            if too_late {
                faults.push(Fault::DeprecatedTarget(target.id.clone()));
            } else if target.patient_id == *patient && !can_be_snapshot {
                let rule = "must be an on-demand document: a snapshot is made of nothing else";
                let invalid = Invalid::new("Association.targetObject", rule, target.id.as_str());
                faults.push(Fault::InvalidMetadata(invalid.on(association.id.as_str())));
            }
            if target.patient_id != *patient {
                faults.push(Fault::PatientIdDoesNotMatch {
                    object: target.id.to_string(),
                    expected: patient.clone(),
                    came: target.patient_id,
                });
            }
        } else if association.kind == AssociationType::HasMember && !of_set {
            // A folder takes only approved documents of its own patient.
            let mut ends = Vec::new();
            if let Some(entry) = registered_entry(tx, &association.target)? {
                ends.push((entry.id, entry.patient_id, entry.availability_status));
            }
            if association.source.is_uuid() && !submission.contains(&association.source) {
                let folders = tx.folders(store::Select::Ids(std::slice::from_ref(&association.source)))?;
                ends.extend(folders.into_iter().map(|f| (f.id, f.patient_id, f.availability_status)));
            }
            for (id, came, status) in ends {
                if status == AvailabilityStatus::Deprecated {
                    faults.push(Fault::DeprecatedTarget(id.clone()));
                }
                if came != *patient {
                    let object = id.to_string();
                    faults.push(Fault::PatientIdDoesNotMatch { object, expected: patient.clone(), came });
                }
            }
        } else if association.submission_set_status == Some(SubmissionSetStatus::Reference)
            && let Some(entry) = registered_entry(tx, &association.target)?
            && entry.availability_status == AvailabilityStatus::Deprecated
        {
            faults.push(Fault::DeprecatedTarget(entry.id));
        }
    }
    Ok(())
}

pub(crate) fn registered_entry(tx: &dyn WriteTx, id: &ObjectId) -> Result<Option<DocumentEntry>, store::StoreError> {
    if id.is_uuid() { tx.entry(id) } else { Ok(None) }
}

/// A fresh entryUUID for every symbolic id; UUIDs keep theirs.
pub(crate) fn fresh_ids(submission: &Submission, cx: &Cx) -> HashMap<ObjectId, ObjectId> {
    object_ids(submission)
        .map(|id| (id.clone(), if id.is_uuid() { id.clone() } else { cx.identifiers.entry_uuid() }))
        .collect()
}

pub(crate) fn rename(mut submission: Submission, ids: &HashMap<ObjectId, ObjectId>) -> Submission {
    let real = |id: &ObjectId| ids.get(id).unwrap_or(id).clone();
    submission.set.id = real(&submission.set.id);
    for entry in &mut submission.entries {
        entry.id = real(&entry.id);
    }
    for folder in &mut submission.folders {
        folder.id = real(&folder.id);
    }
    for association in &mut submission.associations {
        association.id = real(&association.id);
        association.source = real(&association.source);
        association.target = real(&association.target);
    }
    submission
}

/// Everything accepted becomes Approved; replaced documents become Deprecated, with what was derived from them.
pub(crate) fn apply(
    tx: &mut dyn WriteTx,
    mut submission: Submission,
    now: &model::Dtm,
) -> Result<(), store::StoreError> {
    submission.set.availability_status = AvailabilityStatus::Approved;
    tx.put_submission_set(&submission.set)?;
    for entry in &mut submission.entries {
        entry.availability_status = AvailabilityStatus::Approved;
        entry.logical_id = Some(entry.id.clone());
        entry.version = Some(1);
        entry.submission_time = Some(submission.set.submission_time.clone());
        tx.put_entry(entry)?;
    }
    for folder in &mut submission.folders {
        folder.availability_status = AvailabilityStatus::Approved;
        folder.logical_id = Some(folder.id.clone());
        folder.version = Some(1);
        folder.last_update_time = Some(now.clone());
        tx.put_folder(folder)?;
    }
    for association in &mut submission.associations {
        association.availability_status = AvailabilityStatus::Approved;
        tx.put_association(association)?;
    }
    for association in submission.associations.iter().filter(|a| a.kind.replaces()) {
        deprecate(tx, &association.target)?;
        follow_into_folders(tx, association, &submission, now)?;
    }
    touch_folders(tx, &submission, now)
}

/// Deprecates a document and, through appends and transforms onto it, what depends on it.
pub(crate) fn deprecate(tx: &mut dyn WriteTx, target: &ObjectId) -> Result<(), store::StoreError> {
    let mut queue = vec![target.clone()];
    let mut seen = HashSet::new();
    while let Some(id) = queue.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        tx.set_status(&id, AvailabilityStatus::Deprecated)?;
        for association in tx.associations_of(std::slice::from_ref(&id))? {
            let onto = association.target == id
                && matches!(association.kind, AssociationType::Apnd | AssociationType::Xfrm)
                && tx.entry(&association.source)?.is_some();
            if onto {
                queue.push(association.source);
            }
        }
    }
    Ok(())
}

/// The replacement joins every approved folder that holds the original (spec/xds.md 12 rule 4).
pub(crate) fn follow_into_folders(
    tx: &mut dyn WriteTx,
    replacement: &Association,
    submission: &Submission,
    now: &model::Dtm,
) -> Result<(), store::StoreError> {
    for (mut folder, membership) in tx.folders_containing(&replacement.target)? {
        let approved = AvailabilityStatus::Approved;
        let put_there = submission
            .associations
            .iter()
            .any(|a| a.kind == AssociationType::HasMember && a.source == folder.id && a.target == replacement.source);
        if put_there || folder.availability_status != approved || membership.availability_status != approved {
            continue;
        }
        let member = Association {
            id: derived_id(&replacement.id, &folder.id, 1),
            kind: AssociationType::HasMember,
            source: folder.id.clone(),
            target: replacement.source.clone(),
            availability_status: approved,
            home_community_id: None,
            submission_set_status: None,
            documentation: None,
            extra: Vec::new(),
        };
        let link = Association {
            id: derived_id(&replacement.id, &folder.id, 2),
            source: submission.set.id.clone(),
            target: member.id.clone(),
            ..member.clone()
        };
        tx.put_association(&member)?;
        tx.put_association(&link)?;
        folder.last_update_time = Some(now.clone());
        tx.update_folder(&folder)?;
    }
    Ok(())
}

/// A UUID made from two others: registration draws no random numbers inside its transaction.
pub(crate) fn derived_id(a: &ObjectId, b: &ObjectId, salt: u8) -> ObjectId {
    let digest = store::Sha256::of(format!("{a} {b} {salt}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.0[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    ObjectId::from_uuid_bytes(bytes)
}

/// A registered folder that got a member is newer now.
pub(crate) fn touch_folders(
    tx: &mut dyn WriteTx,
    submission: &Submission,
    now: &model::Dtm,
) -> Result<(), store::StoreError> {
    let is_new = |id: &ObjectId| submission.folders.iter().any(|f| f.id == *id);
    for association in &submission.associations {
        if association.kind != AssociationType::HasMember
            || association.source == submission.set.id
            || is_new(&association.source)
        {
            continue;
        }
        for mut folder in tx.folders(store::Select::Ids(std::slice::from_ref(&association.source)))? {
            folder.last_update_time = Some(now.clone());
            tx.update_folder(&folder)?;
        }
    }
    Ok(())
}
