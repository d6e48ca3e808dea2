//! Coded values of audit messages and the constants among them. Source: DICOM PS3.16 CID 400 to 405, IHE ITI TF-2 3.20.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A code with the name of its system and its meaning in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Coded {
    pub code: Cow<'static, str>,
    pub system: Cow<'static, str>,
    pub display: Cow<'static, str>,
}

impl Coded {
    /// A code known when the program is written.
    pub const fn of(code: &'static str, system: &'static str, display: &'static str) -> Coded {
        Coded { code: Cow::Borrowed(code), system: Cow::Borrowed(system), display: Cow::Borrowed(display) }
    }

    /// A code that came from outside, such as a purpose of use.
    pub fn new(code: impl Into<String>, system: impl Into<String>, display: impl Into<String>) -> Coded {
        Coded { code: Cow::Owned(code.into()), system: Cow::Owned(system.into()), display: Cow::Owned(display.into()) }
    }
}

/// The codes used in the table and by the builders.
pub mod codes {
    use super::Coded;

    const DCM: &str = "DCM";
    const RFC_3881: &str = "RFC-3881";
    /// System of transaction ids in event types.
    pub const IHE_TRANSACTIONS: &str = "IHE Transactions";
    /// System of transaction ids in event types of RESTful transactions (BALP).
    pub const IHE_EVENT_TYPES: &str = "urn:ihe:event-type-code";
    /// System of RESTful interactions.
    pub const INTERACTIONS: &str = "http://hl7.org/fhir/restful-interaction";

    pub const APPLICATION_ACTIVITY: Coded = Coded::of("110100", DCM, "Application Activity");
    pub const AUDIT_LOG_USED: Coded = Coded::of("110101", DCM, "Audit Log Used");
    pub const INSTANCES_ACCESSED: Coded = Coded::of("110103", DCM, "DICOM Instances Accessed");
    pub const INSTANCES_TRANSFERRED: Coded = Coded::of("110104", DCM, "DICOM Instances Transferred");
    pub const STUDY_DELETED: Coded = Coded::of("110105", DCM, "DICOM Study Deleted");
    pub const EXPORT: Coded = Coded::of("110106", DCM, "Export");
    pub const IMPORT: Coded = Coded::of("110107", DCM, "Import");
    pub const PROCEDURE_RECORD: Coded = Coded::of("110111", DCM, "Procedure Record");
    pub const PATIENT_RECORD: Coded = Coded::of("110110", DCM, "Patient Record");
    pub const QUERY: Coded = Coded::of("110112", DCM, "Query");
    pub const SECURITY_ALERT: Coded = Coded::of("110113", DCM, "Security Alert");
    pub const REST: Coded =
        Coded::of("rest", "http://terminology.hl7.org/CodeSystem/audit-event-type", "RESTful Operation");

    pub const APPLICATION_START: Coded = Coded::of("110120", DCM, "Application Start");
    pub const APPLICATION_STOP: Coded = Coded::of("110121", DCM, "Application Stop");

    pub const APPLICATION: Coded = Coded::of("110150", DCM, "Application");
    pub const APPLICATION_LAUNCHER: Coded = Coded::of("110151", DCM, "Application Launcher");
    pub const DESTINATION: Coded = Coded::of("110152", DCM, "Destination Role ID");
    pub const SOURCE: Coded = Coded::of("110153", DCM, "Source Role ID");

    pub const STUDY_INSTANCE_UID: Coded = Coded::of("110180", DCM, "Study Instance UID");
    pub const PATIENT_NUMBER: Coded = Coded::of("2", RFC_3881, "Patient Number");
    pub const REPORT_NUMBER: Coded = Coded::of("9", RFC_3881, "Report Number");
    pub const URI: Coded = Coded::of("12", RFC_3881, "URI");
    pub const SUBMISSION_SET: Coded = Coded::of(
        "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd",
        "IHE XDS Metadata",
        "submission set classificationNode",
    );
}
