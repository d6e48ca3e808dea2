//! DocumentEntry: what a registry knows about one document. Source: ITI TF-3 4.2.3.2, optionality Table 4.3.1-3.

use crate::{
    Author, Code, Dtm, HomeCommunityId, Invalid, ObjectId, Oid, PatientId, ReferenceId, SourcePatientInfo, Text,
    UniqueId, Xcn, reference_types,
};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AvailabilityStatus {
    Approved,
    Deprecated,
}

impl AvailabilityStatus {
    /// As every message writes it. Source: spec/xds.md section 8.
    pub const fn urn(self) -> &'static str {
        match self {
            AvailabilityStatus::Approved => "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved",
            AvailabilityStatus::Deprecated => "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated",
        }
    }

    pub fn of_urn(urn: &str) -> Option<Self> {
        [AvailabilityStatus::Approved, AvailabilityStatus::Deprecated].into_iter().find(|status| status.urn() == urn)
    }
}

/// objectType: a stored document, or one that is assembled when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentType {
    Stable,
    OnDemand,
}

/// SHA-1 over the document's octets, as XDS requires it; 40 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sha1Hash(String);

impl Sha1Hash {
    /// Errors: not 40 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Sha1Hash(text.to_ascii_lowercase()));
        }
        Err(Invalid::new("hash", "must be a SHA-1 of 40 hexadecimal digits", text))
    }

    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Sha1Hash(bytes.iter().map(|b| format!("{b:02x}")).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn to_bytes(&self) -> [u8; 20] {
        let mut out = [0; 20];
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&self.0[2 * i..2 * i + 2], 16).unwrap_or(0);
        }
        out
    }
}

impl fmt::Display for Sha1Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A slot this system does not know: kept and given back unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExtraSlot {
    pub name: String,
    pub values: Vec<String>,
}

/// One document's metadata. In a submission `id` may be symbolic and the registry's fields are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentEntry {
    pub id: ObjectId,
    pub logical_id: Option<ObjectId>,
    pub version: Option<u32>,
    pub availability_status: AvailabilityStatus,
    pub document_type: DocumentType,
    pub mime_type: String,
    pub home_community_id: Option<HomeCommunityId>,
    pub title: Text,
    pub comments: Text,
    pub authors: Vec<Author>,
    pub class_code: Code,
    pub type_code: Code,
    pub format_code: Code,
    pub healthcare_facility_type_code: Code,
    pub practice_setting_code: Code,
    pub confidentiality_codes: Vec<Code>,
    pub event_code_list: Vec<Code>,
    pub patient_id: PatientId,
    pub unique_id: UniqueId,
    pub creation_time: Option<Dtm>,
    pub hash: Option<Sha1Hash>,
    pub size_octets: Option<u64>,
    pub language_code: String,
    pub legal_authenticator: Option<Xcn>,
    pub repository_unique_id: Option<Oid>,
    pub service_start_time: Option<Dtm>,
    pub service_stop_time: Option<Dtm>,
    pub source_patient_id: Option<PatientId>,
    pub source_patient_info: SourcePatientInfo,
    pub uri: Option<String>,
    pub reference_id_list: Vec<ReferenceId>,
    /// documentAvailability URN as it came; absent means online.
    pub document_availability: Option<String>,
    /// When it was submitted: submissionTime of the submission set that brought it. Set by the registry; absent in a
    /// submission. FHIR DocumentReference.date; ebRIM has no slot for it. Source: spec/fhir.md 5.1, row `(none) | date`.
    pub submission_time: Option<Dtm>,
    pub extra: Vec<ExtraSlot>,
}

impl DocumentEntry {
    /// documentAvailability, which is Online when the entry does not say. Source: spec/xds.md section 8.
    pub fn availability(&self) -> &str {
        self.document_availability.as_deref().unwrap_or("urn:ihe:iti:2010:DocumentAvailability:Online")
    }

    /// The rules of one entry as a registry receives it (column DR of Table 4.3.1-3): all findings, not the first.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        let mut check = |result: Result<(), Invalid>| {
            if let Err(invalid) = result {
                found.push(invalid.within("DocumentEntry").on(self.id.as_str()));
            }
        };
        for (field, code) in [
            ("classCode", &self.class_code),
            ("typeCode", &self.type_code),
            ("formatCode", &self.format_code),
            ("healthcareFacilityTypeCode", &self.healthcare_facility_type_code),
            ("practiceSettingCode", &self.practice_setting_code),
        ] {
            check(code.validate(field));
        }
        if self.confidentiality_codes.is_empty() {
            check(Err(Invalid::new("confidentialityCode", "must be given at least once", "")));
        }
        for code in &self.confidentiality_codes {
            check(code.validate("confidentialityCode"));
        }
        for code in &self.event_code_list {
            check(code.validate("eventCodeList"));
        }
        for author in &self.authors {
            check(author.validate("author"));
        }
        check(mime_type(&self.mime_type));
        check(language(&self.language_code));
        if self.title.value().is_some_and(|t| t.chars().count() > 128) {
            check(Err(Invalid::new("title", "must have at most 128 characters", self.title.value().unwrap_or(""))));
        }
        if self.source_patient_id.is_none() {
            check(Err(Invalid::new("sourcePatientId", "is required", "")));
        }
        match self.document_type {
            DocumentType::Stable if self.creation_time.is_none() => {
                check(Err(Invalid::new("creationTime", "is required", "")));
            }
            DocumentType::OnDemand if self.creation_time.is_some() => {
                check(Err(Invalid::new("creationTime", "is not allowed in an on-demand entry", "")));
            }
            _ => {}
        }
        if let (Some(start), Some(stop)) = (&self.service_start_time, &self.service_stop_time)
            && start.start() > stop.end()
        {
            check(Err(Invalid::new("serviceStopTime", "must not be before serviceStartTime", stop.as_str())));
        }
        for finding in self.source_patient_info.validate() {
            check(Err(finding));
        }
        found
    }

    /// The study UIDs this document is about.
    pub fn study_instance_uids(&self) -> impl Iterator<Item = &str> {
        self.references(reference_types::STUDY_INSTANCE_UID)
    }

    /// Ids in referenceIdList of one type.
    pub fn references<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.reference_id_list.iter().filter(move |r| r.kind == kind).map(|r| r.id.as_str())
    }

    /// True for a DICOM KOS document, by formatCode.
    pub fn is_kos(&self) -> bool {
        self.format_code.code == Self::KOS_SOP_CLASS
    }

    /// True for a FHIR imaging study manifest (MADO), by formatCode.
    pub fn is_fhir_manifest(&self) -> bool {
        self.format_code.code == Self::FHIR_MANIFEST
    }

    /// formatCode of a FHIR imaging study manifest. Source: spec/fhir.md section 17.
    pub const FHIR_MANIFEST: &'static str = "urn:ihe:rad:MADO:fhir-manifest:2026";

    /// Key Object Selection Document Storage, which is also the formatCode of a manifest.
    pub const KOS_SOP_CLASS: &'static str = "1.2.840.10008.5.1.4.1.1.88.59";
}

fn mime_type(text: &str) -> Result<(), Invalid> {
    let token = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    match text.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) => Ok(()),
        _ => Err(Invalid::new("mimeType", "must be type/subtype as in RFC 2046, without parameters", text)),
    }
}

fn language(text: &str) -> Result<(), Invalid> {
    let part = |p: &str| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
    if text.split('-').all(part) && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) {
        return Ok(());
    }
    Err(Invalid::new("languageCode", "must be a language tag as in RFC 5646, such as en or fr-CH", text))
}
