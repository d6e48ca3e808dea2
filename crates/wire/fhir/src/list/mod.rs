//! List: a SubmissionSet or a Folder in FHIR. Source: spec/fhir.md sections 4, 5.2; MHD 4.2.3 and 4.2.4, 3:5.4.
//!
//! Lost on the way, because FHIR has no place for it: every author of a submission set but the first, and of that one
//! all institutions but the first; slots this system does not know; version and logicalID of a folder.

mod decode;
mod encode;

pub(crate) use decode::is_folder;
pub use decode::{Kind, ListContext, ReceivedList, decode, from_resource};
pub use encode::{ListEncodeContext, encode_folder, encode_submission_set};

use crate::datatypes::{Annotation, CodeableConcept, Extension, Identifier, Meta, Reference, Str, elements};
use crate::resource::Resource;

/// Canonicals of the List profiles.
pub const MINIMAL_SUBMISSION_SET: &str =
    "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.SubmissionSet";
pub const COMPREHENSIVE_SUBMISSION_SET: &str =
    "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Comprehensive.SubmissionSet";
pub const MINIMAL_FOLDER: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.Folder";
pub const COMPREHENSIVE_FOLDER: &str =
    "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Comprehensive.Folder";
/// The system of `List.code`.
pub const LIST_TYPES: &str = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes";

const SOURCE_ID: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-sourceId";
const DESIGNATION_TYPE: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-designationType";
const INTENDED_RECIPIENT: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-intendedRecipient";
/// Ends the id of a contained recipient that is the organisation of the person before it.
const OF_PERSON: &str = "-organization";
const AUTHOR_ORG: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-authorOrg";

elements! {
    List<'a> {
        id: Option<Str<'a>>,
        meta: Option<Meta<'a>>,
        implicit_rules: Option<Str<'a>>,
        contained: Vec<Resource<'a>>,
        extension: Vec<Extension<'a>>,
        modifier_extension: Vec<Extension<'a>>,
        identifier: Vec<Identifier<'a>>,
        status: Option<Str<'a>>,
        mode: Option<Str<'a>>,
        title: Option<Str<'a>>,
        code: Option<CodeableConcept<'a>>,
        subject: Option<Reference<'a>>,
        date: Option<Str<'a>>,
        source: Option<Reference<'a>>,
        note: Vec<Annotation<'a>>,
        entry: Vec<ListEntry<'a>>,
    }
    ListEntry<'a> { item: Option<Reference<'a>>, }
}
