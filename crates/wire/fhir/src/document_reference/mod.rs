//! DocumentReference: one DocumentEntry in FHIR. Source: spec/fhir.md sections 0, 3, 4, 5.1, 5.3, 17; MHD 4.2.3, 4.2.4.
//!
//! [`encode`] writes the union of 4.2.3 and 4.2.4, which is valid in both. [`decode`] reads every spelling.
//! Lost on the way, because FHIR has no place for it: logicalID, version, repositoryUniqueId, URI, documentAvailability,
//! objectType, the language of texts, PID fields other than 3, 5, 7, 8, 11, and the hour or minute precision of a time.

mod decode;
mod encode;

pub use decode::{DecodeContext, Received, RelatesToTarget, Subject, decode, from_resource};
pub(crate) use decode::{home_community_id, no_code, patient_of, single};
pub use encode::{AttachmentUrl, EncodeContext, Relations, document_url, encode, to_resource};
pub(crate) use encode::{is_comprehensive, relation_codes, status, unique_id_of_url};

use crate::datatypes::{
    Attachment, CodeableConcept, Coding, Extension, Identifier, Meta, Period, Reference, Str, elements,
};
use crate::error::DecodeError;
use crate::resource::Resource;

/// Canonicals of the DocumentReference profiles.
pub const MINIMAL: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.DocumentReference";
pub const COMPREHENSIVE: &str =
    "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Comprehensive.DocumentReference";
pub const SIMPLIFIED_PUBLISH: &str =
    "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.SimplifiedPublish.DocumentReference";

pub(crate) const HOME_COMMUNITY_ID: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-HomeCommunityId";
/// Back-ports from FHIR R5 that MADO uses.
const MODALITY: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.modality";
const BODY_SITE: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.bodySite";

elements! {
    DocumentReference<'a> {
        id: Option<Str<'a>>,
        meta: Option<Meta<'a>>,
        implicit_rules: Option<Str<'a>>,
        contained: Vec<Resource<'a>>,
        extension: Vec<Extension<'a>>,
        modifier_extension: Vec<Extension<'a>>,
        master_identifier: Option<Identifier<'a>>,
        identifier: Vec<Identifier<'a>>,
        status: Option<Str<'a>>,
        /// Never written: XDS has no place for it.
        doc_status: Option<Str<'a>>,
        r#type: Option<CodeableConcept<'a>>,
        category: Vec<CodeableConcept<'a>>,
        subject: Option<Reference<'a>>,
        date: Option<Str<'a>>,
        author: Vec<Reference<'a>>,
        authenticator: Option<Reference<'a>>,
        relates_to: Vec<RelatesTo<'a>>,
        description: Option<Str<'a>>,
        security_label: Vec<CodeableConcept<'a>>,
        content: Vec<Content<'a>>,
        context: Option<Context<'a>>,
    }
    RelatesTo<'a> { code: Option<Str<'a>>, target: Option<Reference<'a>>, }
    Content<'a> { attachment: Option<Attachment<'a>>, format: Option<Coding<'a>>, }
    Context<'a> {
        encounter: Vec<Reference<'a>>,
        event: Vec<CodeableConcept<'a>>,
        period: Option<Period<'a>>,
        facility_type: Option<CodeableConcept<'a>>,
        practice_setting: Option<CodeableConcept<'a>>,
        source_patient_info: Option<Reference<'a>>,
        related: Vec<Reference<'a>>,
    }
}

/// Refuses a document that says it is not to be shared: its state would be lost, and it would stand there as any other.
/// Source: spec/fhir.md 4 (docStatus).
pub(crate) fn refuse_unfinished(resource: &DocumentReference<'_>, path: &str) -> Result<(), DecodeError> {
    match resource.doc_status.as_deref() {
        Some(status @ ("preliminary" | "entered-in-error")) => {
            let rule = "must be absent, final or amended: a document is registered without it, as one that is valid";
            Err(DecodeError::value(format!("{path}.docStatus"), rule, status))
        }
        _ => Ok(()),
    }
}

/// The coarse regions of the IHE value set 1.3.6.1.4.1.19376.1.1.86.1, which tell a region from a procedure.
fn is_region(code: &model::Code) -> bool {
    const REGIONS: [&str; 10] = [
        "63337009",
        "67734004",
        "53120007",
        "61685007",
        "38266002",
        "774007",
        "1141981001",
        "113257007",
        "80891009",
        "76752008",
    ];
    code.scheme == model::schemes::SNOMED_CT && REGIONS.contains(&code.code.as_str())
}
