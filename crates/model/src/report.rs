//! Report: an imaging report and what it says about its studies and requests, in no format.
//! Source: spec/mcwg.md 3.6, spec/reports.md section 11.

use crate::{Code, Dtm, Order, Patient, StudyInstanceUid, UniqueId, Xcn, Xon};

/// The displayable body.
#[derive(Clone, PartialEq, Eq)]
pub enum ReportContent {
    Pdf(Vec<u8>),
    Text(String),
}

impl std::fmt::Debug for ReportContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReportContent::Pdf(bytes) => write!(f, "Pdf({} octets)", bytes.len()),
            ReportContent::Text(text) => write!(f, "Text({} octets)", text.len()),
        }
    }
}

/// One study the report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportStudy {
    pub study: StudyInstanceUid,
    pub procedure: Option<Code>,
    pub start: Option<Dtm>,
    pub stop: Option<Dtm>,
}

/// A report with the identifiers that link it to manifests and orders; it never says where images are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub unique_id: UniqueId,
    /// Stays the same over all versions.
    pub set_id: UniqueId,
    pub version: u32,
    /// uniqueId of the version this one replaces.
    pub replaces: Option<UniqueId>,
    pub patient: Patient,
    pub title: String,
    /// LOINC document type.
    pub kind: Code,
    pub confidentiality: Code,
    pub language: String,
    /// When the report was made.
    pub effective_time: Dtm,
    pub author: Option<Xcn>,
    pub institution: Xon,
    pub legal_authenticator: Option<Xcn>,
    pub studies: Vec<ReportStudy>,
    pub orders: Vec<Order>,
    pub content: ReportContent,
}
