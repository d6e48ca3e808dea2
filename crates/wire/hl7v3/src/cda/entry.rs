//! How a CDA report is registered: its DocumentEntry. Source: spec/mcwg.md 3.1 and 3.2, spec/reports.md 14.

use super::decode::{CdaDocument, Content};
use super::{FORMAT_PDF, FORMAT_STRUCTURED, FORMAT_TEXT, IMAGING_ADDENDUM, IMAGING_REPORT, XDS_SD};
use model::{
    Author, AvailabilityStatus, Code, DocumentEntry, DocumentType, Dtm, Invalid, ObjectId, Order, PatientId,
    ReferenceId, Report, ReportContent, SourcePatientInfo, StudyInstanceUid, Text, UniqueId, schemes,
};

/// What the document itself does not say, or may leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryDefaults {
    /// entryUUID or symbolic id.
    pub id: ObjectId,
    pub class_code: Code,
    /// Absent: what the document's body and templates call for.
    pub format_code: Option<Code>,
    pub healthcare_facility_type_code: Code,
    pub practice_setting_code: Code,
    /// Modality and region, the same codes as on the manifest.
    pub event_code_list: Vec<Code>,
    /// Absent: the first identifier of the patient in another domain, else the patient's own.
    pub source_patient_id: Option<PatientId>,
    /// For foreign documents that leave them out.
    pub type_code: Code,
    pub confidentiality: Code,
    pub language: String,
}

impl EntryDefaults {
    /// A final radiology report of a hospital, as LOINC 18748-4, confidentiality normal, in English.
    pub fn new(id: ObjectId) -> Self {
        EntryDefaults {
            id,
            class_code: Code::new("REPORTS", schemes::IHE_CLASS, "Reports"),
            format_code: None,
            healthcare_facility_type_code: Code::new("22232009", schemes::SNOMED_CT, "Hospital"),
            practice_setting_code: Code::new("394914008", schemes::SNOMED_CT, "Radiology"),
            event_code_list: Vec::new(),
            source_patient_id: None,
            type_code: Code::new("18748-4", schemes::LOINC, "Diagnostic imaging study"),
            confidentiality: Code::new("N", schemes::CONFIDENTIALITY, "normal"),
            language: "en".into(),
        }
    }
}

/// The entry under which [`encode`](super::encode)'s document is registered; hash and size are the repository's.
pub fn document_entry(report: &Report, defaults: &EntryDefaults) -> DocumentEntry {
    let format = match report.content {
        ReportContent::Pdf(_) => format_code(FORMAT_PDF, "PDF in CDA"),
        ReportContent::Text(_) => format_code(FORMAT_TEXT, "Text in CDA"),
    };
    let patient = &report.patient;
    let ids: Vec<_> = std::iter::once(&patient.id).chain(&patient.other_ids).cloned().collect();
    let author =
        Author { person: report.author.clone(), institutions: vec![report.institution.clone()], ..Author::default() };
    let mut events = defaults.event_code_list.clone();
    for procedure in report.studies.iter().filter_map(|s| s.procedure.as_ref()) {
        add_code(&mut events, procedure);
    }
    DocumentEntry {
        title: title(Some(&report.title)),
        authors: vec![author],
        type_code: report.kind.clone(),
        confidentiality_codes: vec![report.confidentiality.clone()],
        event_code_list: events,
        creation_time: Some(report.effective_time.clone()),
        language_code: report.language.clone(),
        legal_authenticator: report.legal_authenticator.clone(),
        service_start_time: earliest(report.studies.iter().filter_map(|s| s.start.as_ref())),
        service_stop_time: latest(report.studies.iter().filter_map(|s| s.stop.as_ref())),
        source_patient_id: Some(source_id(defaults, patient.other_ids.first(), &patient.id)),
        source_patient_info: SourcePatientInfo::of(&ids, &patient.name, patient.birth_date.as_ref(), patient.sex),
        reference_id_list: references(report.studies.iter().map(|s| &s.study), &report.orders),
        ..blank(defaults, format, report.unique_id.clone(), patient.id.clone())
    }
}

impl CdaDocument {
    /// The entry of a foreign document about `patient`, whose identifier the caller has resolved. The document's own
    /// demographics become sourcePatientInfo as they are.
    ///
    /// Errors: no usable ClinicalDocument/id, which is the uniqueId.
    pub fn document_entry(&self, patient: &PatientId, defaults: &EntryDefaults) -> Result<DocumentEntry, Invalid> {
        let Some(unique_id) = self.unique_id.clone() else {
            return Err(Invalid::new("ClinicalDocument.id", "is required: it is the uniqueId of the document", ""));
        };
        let claims = |template: &str| self.template_ids.iter().any(|t| t == template);
        let format = match &self.content {
            Content::Structured(_) if claims(IMAGING_REPORT) || claims(IMAGING_ADDENDUM) => {
                format_code(FORMAT_STRUCTURED, "Imaging report with structured headings")
            }
            Content::NonXml { media_type, .. } if claims(XDS_SD) || media_type == "application/pdf" => {
                match media_type.starts_with("text/") {
                    true => format_code(FORMAT_TEXT, "Text in CDA"),
                    false => format_code(FORMAT_PDF, "PDF in CDA"),
                }
            }
            _ => format_code("urn:ihe:iti:xds:2017:mimeTypeSufficient", "mimeType sufficient"),
        };
        let mut events = defaults.event_code_list.clone();
        for study in &self.studies {
            study.procedure.iter().chain(&study.translations).for_each(|code| add_code(&mut events, code));
        }
        let local = self.patient_ids.iter().find(|id| *id != patient);
        Ok(DocumentEntry {
            title: title(self.title.as_deref()),
            authors: self.authors.clone(),
            type_code: self.kind.clone().unwrap_or_else(|| defaults.type_code.clone()),
            confidentiality_codes: vec![
                self.confidentiality.clone().unwrap_or_else(|| defaults.confidentiality.clone()),
            ],
            event_code_list: events,
            creation_time: self.effective_time.clone(),
            language_code: self.language.clone().unwrap_or_else(|| defaults.language.clone()),
            legal_authenticator: self.legal_authenticator.clone(),
            service_start_time: earliest(self.studies.iter().filter_map(|s| s.start.as_ref())),
            service_stop_time: latest(self.studies.iter().filter_map(|s| s.stop.as_ref())),
            source_patient_id: Some(source_id(defaults, local, patient)),
            source_patient_info: self.source_patient_info(),
            reference_id_list: references(self.studies.iter().filter_map(|s| s.study.as_ref()), &self.orders),
            ..blank(defaults, format, unique_id, patient.clone())
        })
    }

    /// Demographics as the document has them.
    pub fn source_patient_info(&self) -> SourcePatientInfo {
        SourcePatientInfo::of(&self.patient_ids, &self.patient_name, self.birth_date.as_ref(), self.sex)
    }
}

/// Everything that is the same for every CDA report.
fn blank(defaults: &EntryDefaults, format: Code, unique_id: UniqueId, patient_id: PatientId) -> DocumentEntry {
    DocumentEntry {
        id: defaults.id.clone(),
        logical_id: None,
        version: None,
        availability_status: AvailabilityStatus::Approved,
        document_type: DocumentType::Stable,
        mime_type: "text/xml".into(),
        home_community_id: None,
        title: Text::default(),
        comments: Text::default(),
        authors: Vec::new(),
        class_code: defaults.class_code.clone(),
        type_code: defaults.type_code.clone(),
        format_code: defaults.format_code.clone().unwrap_or(format),
        healthcare_facility_type_code: defaults.healthcare_facility_type_code.clone(),
        practice_setting_code: defaults.practice_setting_code.clone(),
        confidentiality_codes: Vec::new(),
        event_code_list: Vec::new(),
        patient_id,
        unique_id,
        creation_time: None,
        hash: None,
        size_octets: None,
        language_code: defaults.language.clone(),
        legal_authenticator: None,
        repository_unique_id: None,
        service_start_time: None,
        service_stop_time: None,
        source_patient_id: None,
        source_patient_info: SourcePatientInfo::default(),
        uri: None,
        reference_id_list: Vec::new(),
        document_availability: None,
        submission_time: None,
        extra: Vec::new(),
    }
}

fn format_code(code: &str, display: &str) -> Code {
    Code::new(code, schemes::IHE_FORMAT, display)
}

/// At most 128 characters, as a registry insists (ITI TF-3 4.2.3.2.25).
fn title(text: Option<&str>) -> Text {
    match text.map(str::trim).filter(|t| !t.is_empty()) {
        Some(text) => Text::plain(text.chars().take(128).collect::<String>()),
        None => Text::default(),
    }
}

fn add_code(codes: &mut Vec<Code>, code: &Code) {
    // A code without a scheme means nothing to a registry.
    if !code.scheme.is_empty() && !codes.iter().any(|known| known.means(code)) {
        codes.push(code.clone());
    }
}

fn source_id(defaults: &EntryDefaults, local: Option<&PatientId>, patient: &PatientId) -> PatientId {
    defaults.source_patient_id.as_ref().or(local).unwrap_or(patient).clone()
}

fn earliest<'a>(times: impl Iterator<Item = &'a Dtm>) -> Option<Dtm> {
    times.min_by_key(|t| t.start()).cloned()
}

fn latest<'a>(times: impl Iterator<Item = &'a Dtm>) -> Option<Dtm> {
    times.max_by_key(|t| t.end()).cloned()
}

/// Study UIDs, accession numbers and placer order numbers, each once, in this order.
fn references<'a>(studies: impl Iterator<Item = &'a StudyInstanceUid>, orders: &[Order]) -> Vec<ReferenceId> {
    let accessions = orders
        .iter()
        .filter(|o| !o.accession_number.is_empty())
        .map(|o| ReferenceId::accession(o.accession_number.as_str(), o.accession_issuer.clone()));
    let placed = orders
        .iter()
        .filter(|o| !o.placer_order_number.is_empty())
        .map(|o| ReferenceId::order(o.placer_order_number.as_str(), o.placer_issuer.clone()));
    let mut list: Vec<ReferenceId> = Vec::new();
    for reference in studies.map(ReferenceId::study).chain(accessions).chain(placed) {
        if !list.contains(&reference) {
            list.push(reference);
        }
    }
    list
}
