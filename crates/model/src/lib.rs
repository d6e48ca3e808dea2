//! The words of the domain, in no wire format: what IHE ITI TF-3 (metadata), RAD TF-3 (manifests) and the MCWG
//! recommendation call things, and the rules a value has to meet. Nothing here knows XML, JSON, SQL or a socket.
//!
//! Start with [`DocumentEntry`], [`Submission`], [`DocumentQuery`], [`Manifest`] and [`Patient`].

mod association;
mod author;
mod code;
mod document_entry;
mod dtm;
mod folder;
mod folding;
mod hl7;
mod identifiers;
mod invalid;
mod manifest;
mod patient;
mod patient_details;
mod patient_query;
mod query;
mod reference_id;
mod region;
mod report;
mod stored_query;
mod submission;
mod submission_set;
mod text;
mod value_sets;

pub use association::{Association, AssociationType, SubmissionSetStatus};
pub use author::Author;
pub use code::{Code, schemes};
pub use document_entry::{AvailabilityStatus, DocumentEntry, DocumentType, ExtraSlot, Sha1Hash};
pub use dtm::{Dtm, Precision};
pub use folder::Folder;
pub use folding::{fold, starts};
pub use hl7::{Hd, PatientId, Xcn, Xon, Xtn, escape, split_escaped, unescape};
pub use identifiers::{
    HomeCommunityId, ObjectId, Oid, RetrieveLocationUid, SeriesInstanceUid, SopClassUid, SopInstanceUid,
    StudyInstanceUid, TransferSyntaxUid, Uid, UniqueId,
};
pub use invalid::Invalid;
pub use manifest::{
    KeyObjectNote, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, Order, SignificantImage,
};
pub use patient::{Patient, PersonName, Sex, SourcePatientInfo};
pub use patient_details::{Address, PatientDetails, Telecom, TelecomSystem, TelecomUse};
pub use patient_query::{AllOf, BirthDateTerm, PatientIdTerm, PatientQuery, TelecomTerm, TextMode, TextTerm};
pub use query::{CodeTerm, DocumentQuery, DtmRange, Page, PeriodMatch, ReferenceTerm, like_matches};
pub use reference_id::{ReferenceId, reference_types};
pub use region::{RegionMap, RegionRule};
pub use report::{Report, ReportContent, ReportStudy};
pub use stored_query::{FolderQuery, ObjectNames, RegistryObjects, RegistryQuery, StoredQuery, SubmissionSetQuery};
pub use submission::Submission;
pub use submission_set::SubmissionSet;
pub use text::{LocalizedString, Text};
pub use value_sets::{Check, CodedAttribute, Findings, ValueList, ValueSets};
