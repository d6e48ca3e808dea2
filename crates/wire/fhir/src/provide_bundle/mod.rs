//! Provide Document Bundle (ITI-65): a transaction Bundle of one submission, read and written, and its answer.
//! Source: spec/fhir.md sections 2, 6; MHD 4.2.3 and 4.2.4, 2:3.65.
//!
//! The entry slicing of the profile is closed: List, DocumentReference, Parameters (PATCH), Binary, Bundle of type
//! document and Patient; anything else is refused.

mod assemble;
mod decode;
mod encode;
mod response;

pub(crate) use decode::base64;
pub use decode::{ProvideContext, decode};
pub use encode::{DocumentToProvide, ProvideOptions, encode};
pub use response::{Outcome, encode_response};

use std::sync::Arc;

use model::{Association, AssociationType, AvailabilityStatus, Folder, ObjectId, PatientId, Submission, UniqueId};

/// Canonicals of the Bundle profiles.
pub const MINIMAL: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.ProvideBundle";
pub const COMPREHENSIVE: &str =
    "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Comprehensive.ProvideBundle";

/// What a Bundle brings. Every id in `submission` is an entryUUID, given or fresh, except those of objects that are
/// not in the Bundle and are no UUID: the registry says that it does not know them.
pub struct ProvidedBundle {
    pub submission: Submission,
    pub documents: Vec<BundleDocument>,
    /// Folders of the registry that get documents of this Bundle.
    pub folder_updates: Vec<FolderUpdate>,
    /// One for each entry of the Bundle, in its order.
    pub entries: Vec<BundleEntry>,
}

/// The octets of one document.
pub struct BundleDocument {
    pub entry_id: ObjectId,
    pub octets: Arc<Vec<u8>>,
}

/// A folder that is there already, as the Bundle wants it.
pub struct FolderUpdate {
    /// Position in `entries`.
    pub entry: usize,
    pub folder: Folder,
    /// All members that the Bundle lists, the old ones too.
    pub members: Vec<ObjectId>,
}

/// What became of one entry of the Bundle.
#[derive(Clone, PartialEq, Eq)]
pub struct BundleEntry {
    pub kind: EntryKind,
    /// What the sender should know; no patient data.
    pub warnings: Vec<String>,
}

/// What an entry of the Bundle is, with the id it has or gets.
#[derive(Clone, PartialEq, Eq)]
pub enum EntryKind {
    SubmissionSet(ObjectId),
    Document(ObjectId),
    Folder {
        id: ObjectId,
        is_new: bool,
    },
    /// The document that becomes superseded.
    Patch(ObjectId),
    /// Octets of a document: a Binary or a Bundle of type document.
    Content(UniqueId),
    /// A patient who must be known already.
    Patient(PatientId),
}

impl ProvidedBundle {
    /// Puts a document into a folder: the HasMember, and the submission set's HasMember to it.
    pub fn add_to_folder(&mut self, folder: &ObjectId, document: &ObjectId, fresh_id: &dyn Fn() -> ObjectId) {
        let member = has_member(fresh_id(), folder.clone(), document.clone());
        let link = has_member(fresh_id(), self.submission.set.id.clone(), member.id.clone());
        self.submission.associations.extend([member, link]);
    }
}

fn has_member(id: ObjectId, source: ObjectId, target: ObjectId) -> Association {
    association(id, AssociationType::HasMember, source, target)
}

fn association(id: ObjectId, kind: AssociationType, source: ObjectId, target: ObjectId) -> Association {
    Association {
        id,
        kind,
        source,
        target,
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: None,
        documentation: None,
        extra: Vec::new(),
    }
}
