//! Association: how two objects relate. Source: ITI TF-3 4.2.2.

use crate::{AvailabilityStatus, Code, ExtraSlot, HomeCommunityId, ObjectId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AssociationType {
    HasMember,
    /// Replace.
    Rplc,
    /// Append.
    Apnd,
    /// Transform.
    Xfrm,
    /// Transform and replace.
    XfrmRplc,
    Signs,
    IsSnapshotOf,
    UpdateAvailabilityStatus,
    SubmitAssociation,
}

impl AssociationType {
    pub const ALL: [AssociationType; 9] = [
        AssociationType::HasMember,
        AssociationType::Rplc,
        AssociationType::Apnd,
        AssociationType::Xfrm,
        AssociationType::XfrmRplc,
        AssociationType::Signs,
        AssociationType::IsSnapshotOf,
        AssociationType::UpdateAvailabilityStatus,
        AssociationType::SubmitAssociation,
    ];

    /// True when accepting it deprecates the target.
    pub fn replaces(self) -> bool {
        matches!(self, AssociationType::Rplc | AssociationType::XfrmRplc)
    }

    /// True for the types that link two documents.
    pub fn is_relationship(self) -> bool {
        matches!(
            self,
            AssociationType::Rplc
                | AssociationType::Apnd
                | AssociationType::Xfrm
                | AssociationType::XfrmRplc
                | AssociationType::Signs
                | AssociationType::IsSnapshotOf
        )
    }
}

/// Whether a HasMember brings the document (`Original`) or points at one that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubmissionSetStatus {
    Original,
    Reference,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    pub id: ObjectId,
    pub kind: AssociationType,
    pub source: ObjectId,
    pub target: ObjectId,
    pub availability_status: AvailabilityStatus,
    pub home_community_id: Option<HomeCommunityId>,
    /// Only and always on a submission set's HasMember to a document.
    pub submission_set_status: Option<SubmissionSetStatus>,
    pub documentation: Option<Code>,
    /// Slots by other names; those of [`Association::ANNOTATIONS`] are here too.
    pub extra: Vec<ExtraSlot>,
}

impl Association {
    /// Slots that only a metadata update carries. Source: spec/xds.md 10.4, 19.1.
    pub const ANNOTATIONS: [&str; 4] = ["PreviousVersion", "AssociationPropagation", "OriginalStatus", "NewStatus"];

    /// The values of one of them; absent when the slot is.
    pub fn annotation(&self, name: &str) -> Option<&[String]> {
        self.extra.iter().find(|slot| slot.name == name).map(|slot| slot.values.as_slice())
    }
}
