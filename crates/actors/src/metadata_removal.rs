//! Removal of metadata: what may go, and what must not be left behind. Source: ITI TF-2 3.62.4.1.3 (trial
//! implementation); spec/xds.md 19.3.

use crate::Fault;
use model::{Association, AssociationType, ObjectId};
use std::collections::HashSet;
use store::{ObjectKind, StoreError, WriteTx};

/// Removes the objects; when the shape is not empty nothing may be kept of it.
pub(crate) fn remove_objects(tx: &mut dyn WriteTx, ids: &[ObjectId]) -> Result<Vec<Fault>, StoreError> {
    let removed: HashSet<&ObjectId> = ids.iter().collect();
    let mut faults = Vec::new();
    let mut kinds = Vec::new();
    for id in ids {
        match if id.is_uuid() { tx.object_kind(id)? } else { None } {
            Some(kind) => kinds.push((id, kind)),
            None => faults.push(Fault::UnresolvedReference { id: id.to_string(), role: "ObjectRef.id" }),
        }
    }
    let touching = tx.associations_of(ids)?;
    for association in touching.iter().filter(|a| !removed.contains(&a.id)) {
        for end in [&association.source, &association.target] {
            if removed.contains(end) {
                faults.push(Fault::ReferencesExist { id: end.clone(), by: association.id.clone() });
            }
        }
    }
    if !faults.is_empty() {
        return Ok(faults);
    }
    // What stays and loses an association.
    let mut bereaved: Vec<(ObjectId, Association)> = Vec::new();
    for (id, kind) in &kinds {
        if *kind == ObjectKind::Association {
            for association in tx.associations(std::slice::from_ref(*id))? {
                let ends = [association.source.clone(), association.target.clone()];
                bereaved.extend(
                    ends.into_iter().filter(|end| !removed.contains(end)).map(|end| (end, association.clone())),
                );
            }
        }
    }
    for (id, _) in &kinds {
        tx.remove_object(id)?;
    }
    for (end, lost) in bereaved {
        if let Some(reason) = deficiency(tx, &end, &lost)? {
            let fault = Fault::Unreferenced { id: end, reason };
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    Ok(faults)
}

/// What an object lacks now that this association is gone.
fn deficiency(tx: &dyn WriteTx, id: &ObjectId, lost: &Association) -> Result<Option<&'static str>, StoreError> {
    let left = tx.associations_of(std::slice::from_ref(id))?;
    let is_member_of_set = || -> Result<bool, StoreError> {
        for association in &left {
            if association.kind == AssociationType::HasMember
                && association.target == *id
                && tx.object_kind(&association.source)? == Some(ObjectKind::SubmissionSet)
            {
                return Ok(true);
            }
        }
        Ok(false)
    };
    Ok(match tx.object_kind(id)? {
        Some(ObjectKind::SubmissionSet) if !left.iter().any(|a| a.source == *id) => {
            Some("as a submission set without any content")
        }
        Some(ObjectKind::DocumentEntry | ObjectKind::Folder) if lost.target == *id && !is_member_of_set()? => {
            Some("without the submission set that brought it")
        }
        // A folder's membership is linked to the submission set that made it.
        Some(ObjectKind::Association) if lost.target == *id && !is_member_of_set()? => {
            Some("without its link to a submission set")
        }
        _ => None,
    })
}
