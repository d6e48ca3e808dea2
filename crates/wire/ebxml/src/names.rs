//! Every namespace, URN and UUID that ebRIM/ebRS 3.0 and XDS.b write, once. Source: spec/xds.md sections 2, 8, 10, 16.2.

/// Namespaces (section 2).
pub mod ns {
    pub const RIM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0";
    pub const RS: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0";
    pub const LCM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0";
    pub const QUERY: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0";
    pub const XDS: &str = "urn:ihe:iti:xds-b:2007";
    pub const RMD: &str = "urn:ihe:iti:rmd:2017";
    pub const XDS_I: &str = "urn:ihe:rad:xdsi-b:2009";
    pub const XOP: &str = "http://www.w3.org/2004/08/xop/include";
    pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
}

/// ExtrinsicObject/@objectType.
pub(crate) const STABLE_ENTRY: &str = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1";
pub(crate) const ON_DEMAND_ENTRY: &str = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248";

/// Classification/@classificationNode: what a RegistryPackage is, and the mark of limited metadata.
pub(crate) const SUBMISSION_SET_NODE: &str = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd";
pub(crate) const FOLDER_NODE: &str = "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2";
pub(crate) const LIMITED_METADATA_NODES: [&str; 3] = [
    "urn:uuid:ab9b591b-83ab-4d03-8f5d-f93b1fb92e85",
    "urn:uuid:5003a9db-8d8d-49e6-bf0c-990e34ac7707",
    "urn:uuid:2c144a76-29a9-4b7c-af54-b25409fe7d03",
];

/// Classification/@classificationScheme of a DocumentEntry.
pub(crate) mod entry {
    pub(crate) const AUTHOR: &str = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d";
    pub(crate) const CLASS_CODE: &str = "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a";
    pub(crate) const CONFIDENTIALITY_CODE: &str = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f";
    pub(crate) const EVENT_CODE_LIST: &str = "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4";
    pub(crate) const FORMAT_CODE: &str = "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d";
    pub(crate) const HEALTHCARE_FACILITY_TYPE_CODE: &str = "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1";
    pub(crate) const PRACTICE_SETTING_CODE: &str = "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead";
    pub(crate) const TYPE_CODE: &str = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983";
    pub(crate) const PATIENT_ID: &str = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427";
    pub(crate) const UNIQUE_ID: &str = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab";
    pub(crate) const REFERENCE_ID_LIST: &str = "urn:ihe:iti:xds:2013:referenceIdList";
}

/// Schemes of a SubmissionSet.
pub(crate) mod set {
    pub(crate) const AUTHOR: &str = "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d";
    pub(crate) const CONTENT_TYPE_CODE: &str = "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500";
    pub(crate) const PATIENT_ID: &str = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446";
    pub(crate) const SOURCE_ID: &str = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832";
    pub(crate) const UNIQUE_ID: &str = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8";
}

/// Schemes of a Folder.
pub(crate) mod folder {
    pub(crate) const CODE_LIST: &str = "urn:uuid:1ba97051-7806-41a8-a48b-8fce7af683c5";
    pub(crate) const PATIENT_ID: &str = "urn:uuid:f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a";
    pub(crate) const UNIQUE_ID: &str = "urn:uuid:75df8f67-9973-4fbe-a900-df66cefecc5a";
}

/// Scheme of an Association's documentation code.
pub(crate) const DOCUMENTATION: &str = "urn:uuid:abd807a3-4432-4053-87b4-fd82c643d1f3";

/// @objectType of everything but ExtrinsicObject.
pub(crate) mod object_type {
    pub(crate) const CLASSIFICATION: &str = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Classification";
    pub(crate) const EXTERNAL_IDENTIFIER: &str =
        "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:ExternalIdentifier";
    pub(crate) const ASSOCIATION: &str = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Association";
    pub(crate) const REGISTRY_PACKAGE: &str =
        "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:RegistryPackage";
}

pub(crate) mod status {
    use model::AvailabilityStatus;

    pub(crate) const APPROVED: &str = AvailabilityStatus::Approved.urn();
    pub(crate) const DEPRECATED: &str = AvailabilityStatus::Deprecated.urn();
    pub(crate) const SUCCESS: &str = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success";
    pub(crate) const FAILURE: &str = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure";
    pub(crate) const PARTIAL_SUCCESS: &str = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess";
    pub(crate) const OASIS_PARTIAL_SUCCESS: &str = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:PartialSuccess";
    pub(crate) const ERROR: &str = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error";
    pub(crate) const WARNING: &str = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Warning";
}

/// Stored query ids (section 16.2).
pub(crate) mod query {
    pub(crate) const FIND_DOCUMENTS: &str = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d";
    pub(crate) const FIND_DOCUMENTS_BY_REFERENCE_ID: &str = "urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492";
    pub(crate) const FIND_SUBMISSION_SETS: &str = "urn:uuid:f26abbcb-ac74-4422-8a30-edb644bbc1a9";
    pub(crate) const FIND_FOLDERS: &str = "urn:uuid:958f3006-baad-4929-a4de-ff1114824431";
    pub(crate) const GET_ALL: &str = "urn:uuid:10b545ea-725c-446d-9b95-8aeb444eddf3";
    pub(crate) const GET_DOCUMENTS: &str = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4";
    pub(crate) const GET_FOLDERS: &str = "urn:uuid:5737b14c-8a1a-4539-b659-e03a34a5e1e4";
    pub(crate) const GET_ASSOCIATIONS: &str = "urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155";
    pub(crate) const GET_DOCUMENTS_AND_ASSOCIATIONS: &str = "urn:uuid:bab9529a-4a10-40b3-a01f-f68a615d247a";
    pub(crate) const GET_SUBMISSION_SETS: &str = "urn:uuid:51224314-5390-4169-9b91-b1980040715a";
    pub(crate) const GET_SUBMISSION_SET_AND_CONTENTS: &str = "urn:uuid:e8e3cb2c-e39c-46b9-99e4-c12f57260b83";
    pub(crate) const GET_FOLDER_AND_CONTENTS: &str = "urn:uuid:b909a503-523d-4517-8acf-8e5834dfc4c7";
    pub(crate) const GET_FOLDERS_FOR_DOCUMENT: &str = "urn:uuid:10cae35a-c7f9-4cf5-b61e-fc3278ffb578";
    pub(crate) const GET_RELATED_DOCUMENTS: &str = "urn:uuid:d90e5407-b356-4d91-a89f-873917b4b0e6";
    pub(crate) const FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS: &str = "urn:uuid:3d1bdb10-39a2-11de-89c2-2f44d94eaa9f";
    pub(crate) const FIND_FOLDERS_FOR_MULTIPLE_PATIENTS: &str = "urn:uuid:50d3f5ac-39a2-11de-a1ca-b366239e58df";
    pub(crate) const FIND_DOCUMENTS_BY_REFERENCE_ID_FOR_MULTIPLE_PATIENTS: &str =
        "urn:uuid:1191642d-86c4-42d8-b784-f95445f9f0d5";
    /// Queries that somebody defines and this version does not answer: a change proposal, and a vendor's own.
    pub(crate) const NOT_ANSWERED: [(&str, &str); 2] = [
        ("urn:uuid:4308b1df-36de-4bef-8e2e-ba91f593c435", "FindDocumentsExclude"),
        ("urn:uuid:ab474085-82b5-402d-8115-3f37cb1e2405", "FindDocumentsByTitle"),
    ];
}

/// True when two URNs are the same. Leniency: the scheme `urn` may be written in any case, as IHE's own sample does
/// (`Urn:oasis`); everything behind it is compared exactly (section 8).
pub(crate) fn same_urn(written: &str, urn: &str) -> bool {
    match (written.get(..4), urn.get(..4)) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b) && written[4..] == urn[4..],
        _ => written == urn,
    }
}

/// True when a text names this `urn:uuid:`; UUIDs are compared without regard to case (section 9).
pub(crate) fn same_uuid(written: &str, uuid: &str) -> bool {
    written.eq_ignore_ascii_case(uuid)
}
