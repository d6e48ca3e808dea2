//! Writing a report as XDS-SD with the imaging header. Element order is that of POCD_MT000040.xsd.
//! Source: spec/reports.md 11 (table and notes), spec/mcwg.md 3.6, ITI TF-3 5.2.

use super::{DICOM_NAMESPACE, XDS_SD};
use crate::NAMESPACE;
use crate::datatypes::{
    InstanceId, clean, leaf, organisation_id, person_id, person_name, start_code, write_birth_time, write_code,
    write_name, write_sex, write_time,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Code, Invalid, Oid, Order, Patient, Report, ReportContent, ReportStudy, StudyInstanceUid, Xcn, Xon};
use xml::XmlWriter;

/// What the wrapping system says of itself; a report does not know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapping {
    /// OID of the wrapping device; absent, the institution's identifier stands in.
    pub device: Option<Oid>,
    pub model_name: String,
    pub software_name: String,
    /// Country of patient and organisations where nothing better is known; ISO 3166.
    pub country: Option<String>,
    /// The person or system user who made the wrapping happen; absent, the author.
    pub data_enterer: Option<Xcn>,
    /// Template ids of a national profile, besides XDS-SD.
    pub template_ids: Vec<Oid>,
    /// Modality and region per study, written as translations of the service event's code.
    pub study_codes: Vec<(StudyInstanceUid, Vec<Code>)>,
}

impl Default for Wrapping {
    fn default() -> Self {
        Wrapping {
            device: None,
            model_name: "manifold report source".into(),
            software_name: "manifold".into(),
            country: None,
            data_enterer: None,
            template_ids: Vec::new(),
            study_codes: Vec::new(),
        }
    }
}

/// Writes a report as a CDA document in UTF-8. The bytes of a PDF come out of it again exactly as they went in.
///
/// Shape: valid against CDA.xsd once the elements of `urn:dicom-org:ps3-20` are taken out, and nothing else. A study UID
/// that the schema refuses (leading zeros) is left out of the header: see [`findings`].
/// Source: ITI TF-3 5.2 (XDS-SD), PS3.20 8.2.3 and 8.2.4.
pub fn encode(report: &Report) -> Vec<u8> {
    encode_with(report, &Wrapping::default())
}

/// [`encode`], naming the wrapping system.
pub fn encode_with(report: &Report, wrapping: &Wrapping) -> Vec<u8> {
    let mut xml = XmlWriter::with_capacity(8192 + content_octets(report) / 3 * 4);
    xml.declaration();
    xml.start("ClinicalDocument").ns("", NAMESPACE).ns("ps3-20", DICOM_NAMESPACE);
    Encoder { xml: &mut xml, report, wrapping }.document();
    xml.finish()
}

/// What the document cannot say as well as it should, for the log of the report source.
pub fn findings(report: &Report) -> Vec<Invalid> {
    let mut found = Vec::new();
    for study in &report.studies {
        if !study.study.uid().is_strict() {
            let rule = "has leading zeros, so the document cannot name this study; only its metadata does";
            found.push(Invalid::new("serviceEvent.id", rule, study.study.as_str()));
        }
    }
    if report.patient.name.is_empty() {
        found.push(Invalid::new("recordTarget.name", "is required by XDS-SD", ""));
    }
    if report.author.is_none() {
        found.push(Invalid::new("author", "should name the person who wrote the report", ""));
    }
    for order in &report.orders {
        if !order.placer_order_number.is_empty() && order.placer_issuer.is_none() {
            found.push(Invalid::new("order.id", "should have an issuer", &order.placer_order_number));
        }
        if !order.accession_number.is_empty() && order.accession_issuer.is_none() {
            found.push(Invalid::new("order.accessionNumber", "should have an issuer", &order.accession_number));
        }
    }
    found
}

fn content_octets(report: &Report) -> usize {
    match &report.content {
        ReportContent::Pdf(bytes) => bytes.len(),
        ReportContent::Text(text) => text.len(),
    }
}

struct Encoder<'a> {
    xml: &'a mut XmlWriter,
    report: &'a Report,
    wrapping: &'a Wrapping,
}

impl Encoder<'_> {
    fn document(&mut self) {
        let report = self.report;
        self.xml.start("typeId").attr("root", "2.16.840.1.113883.1.3").attr("extension", "POCD_HD000040").end();
        self.template(XDS_SD);
        for template in &self.wrapping.template_ids {
            self.template(template.as_str());
        }
        InstanceId::of_unique_id(&report.unique_id).write(self.xml, "id");
        write_code(self.xml, "code", &report.kind);
        leaf(self.xml, "title", &report.title);
        self.time("effectiveTime");
        write_code(self.xml, "confidentialityCode", &report.confidentiality);
        let language = clean(&report.language);
        if !language.is_empty() && !language.contains(char::is_whitespace) {
            self.xml.start("languageCode").attr("code", &language).end();
        }
        InstanceId::of_unique_id(&report.set_id).write(self.xml, "setId");
        self.xml.start("versionNumber").attr("value", &report.version.to_string()).end();
        self.record_target(&report.patient);
        if let Some(author) = &report.author {
            self.author(author);
        }
        self.scanner();
        self.data_enterer();
        self.custodian();
        if let Some(person) = &report.legal_authenticator {
            self.legal_authenticator(person);
        }
        for order in &report.orders {
            self.order(order);
        }
        for study in &report.studies {
            self.study(study);
        }
        if report.studies.is_empty() {
            self.unknown_study();
        }
        self.replaced();
        self.body();
    }

    fn template(&mut self, root: &str) {
        self.xml.start("templateId").attr("root", root).end();
    }

    /// XDS-SD has the times of document, scanner and data enterer agree; a report knows only the one.
    fn time(&mut self, name: &str) {
        write_time(self.xml, name, Some(&self.report.effective_time));
    }

    fn address(&mut self) {
        self.xml.start("addr").start("country");
        match self.wrapping.country.as_deref().map(clean).filter(|c| !c.is_empty()) {
            Some(country) => self.xml.text(&country),
            None => self.xml.attr("nullFlavor", "UNK"),
        };
        self.xml.end().end();
    }

    fn record_target(&mut self, patient: &Patient) {
        self.xml.start("recordTarget").start("patientRole");
        for id in std::iter::once(&patient.id).chain(&patient.other_ids) {
            InstanceId::new(id.domain.as_str(), &id.id).write(self.xml, "id");
        }
        self.address();
        self.xml.start("patient");
        write_name(self.xml, &patient.name);
        write_sex(self.xml, patient.sex);
        write_birth_time(self.xml, patient.birth_date.as_ref());
        self.xml.end().end().end();
    }

    fn author(&mut self, person: &Xcn) {
        self.xml.start("author");
        self.template("1.3.6.1.4.1.19376.1.2.20.1");
        self.time("time");
        self.xml.start("assignedAuthor");
        person_id(person).write(self.xml, "id");
        self.person(person);
        self.organisation("representedOrganization", &self.report.institution, false);
        self.xml.end().end();
    }

    fn scanner(&mut self) {
        self.xml.start("author");
        self.template("1.3.6.1.4.1.19376.1.2.20.2");
        self.time("time");
        self.xml.start("assignedAuthor");
        self.device_id();
        self.xml.start("assignedAuthoringDevice");
        // A PDF counts as captured; text was typed at a workstation. Source: ITI TF-3 5.2.3.4, DICOM CID 30.
        let (code, display) = match self.report.content {
            ReportContent::Pdf(_) => ("CAPTURE", "Image Capture"),
            ReportContent::Text(_) => ("WSD", "Workstation"),
        };
        write_code(self.xml, "code", &Code::new(code, model::schemes::DCM, display));
        leaf(self.xml, "manufacturerModelName", &self.wrapping.model_name);
        leaf(self.xml, "softwareName", &self.wrapping.software_name);
        self.xml.end();
        self.organisation("representedOrganization", &self.report.institution, true);
        self.xml.end().end();
    }

    fn device_id(&mut self) {
        match &self.wrapping.device {
            Some(device) => InstanceId::root(device.as_str()),
            None => organisation_id(&self.report.institution),
        }
        .write(self.xml, "id");
    }

    fn data_enterer(&mut self) {
        self.xml.start("dataEnterer");
        self.template("1.3.6.1.4.1.19376.1.2.20.3");
        self.time("time");
        self.xml.start("assignedEntity");
        match self.wrapping.data_enterer.as_ref().or(self.report.author.as_ref()) {
            Some(person) => {
                person_id(person).write(self.xml, "id");
                self.person(person);
            }
            None => self.device_id(),
        }
        self.xml.end().end();
    }

    fn custodian(&mut self) {
        self.xml.start("custodian").start("assignedCustodian");
        self.organisation("representedCustodianOrganization", &self.report.institution, true);
        self.xml.end().end();
    }

    fn legal_authenticator(&mut self, person: &Xcn) {
        self.xml.start("legalAuthenticator");
        self.time("time");
        self.xml.start("signatureCode").attr("code", "S").end();
        self.xml.start("assignedEntity");
        person_id(person).write(self.xml, "id");
        self.person(person);
        self.organisation("representedOrganization", &self.report.institution, false);
        self.xml.end().end();
    }

    fn person(&mut self, person: &Xcn) {
        self.xml.start("assignedPerson");
        write_name(self.xml, &person_name(person));
        self.xml.end();
    }

    fn organisation(&mut self, element: &str, organisation: &Xon, addressed: bool) {
        self.xml.start(element);
        organisation_id(organisation).write(self.xml, "id");
        leaf(self.xml, "name", &organisation.name());
        if addressed {
            self.address();
        }
        self.xml.end();
    }

    fn order(&mut self, order: &Order) {
        self.xml.start("inFulfillmentOf").start("order");
        issued(&order.placer_order_number, order.placer_issuer.as_ref()).write(self.xml, "id");
        let accession = clean(&order.accession_number);
        if !accession.is_empty() {
            self.xml.start("ps3-20:accessionNumber");
            if let Some(issuer) = &order.accession_issuer {
                self.xml.attr("root", issuer.as_str());
            }
            self.xml.attr("extension", &accession).end();
        }
        self.xml.end().end();
    }

    fn study(&mut self, study: &ReportStudy) {
        self.xml.start("documentationOf").start("serviceEvent").attr("classCode", "ACT");
        if study.study.uid().is_strict() {
            InstanceId::root(study.study.as_str()).write(self.xml, "id");
        }
        let codes = self.wrapping.study_codes.iter().find(|(uid, _)| *uid == study.study);
        let translations = codes.map_or(&[][..], |(_, codes)| codes);
        if study.procedure.is_some() || !translations.is_empty() {
            start_code(self.xml, "code", study.procedure.as_ref());
            for code in translations {
                write_code(self.xml, "translation", code);
            }
            self.xml.end();
        }
        self.xml.start("effectiveTime");
        write_time(self.xml, "low", study.start.as_ref());
        if let Some(stop) = &study.stop {
            write_time(self.xml, "high", Some(stop));
        }
        self.xml.end();
        self.xml.start("performer").attr("typeCode", "PRF").start("assignedEntity");
        InstanceId::default().write(self.xml, "id");
        self.organisation("representedOrganization", &self.report.institution, false);
        self.xml.end().end().end().end();
    }

    /// XDS-SD requires a service event with its time even where no study is known.
    fn unknown_study(&mut self) {
        self.xml.start("documentationOf").start("serviceEvent").attr("classCode", "ACT").start("effectiveTime");
        write_time(self.xml, "low", None);
        write_time(self.xml, "high", None);
        self.xml.end().end().end();
    }

    fn replaced(&mut self) {
        let Some(replaces) = &self.report.replaces else { return };
        self.xml.start("relatedDocument").attr("typeCode", "RPLC").start("parentDocument");
        InstanceId::of_unique_id(replaces).write(self.xml, "id");
        InstanceId::of_unique_id(&self.report.set_id).write(self.xml, "setId");
        if let Some(version) = self.report.version.checked_sub(1).filter(|v| *v > 0) {
            self.xml.start("versionNumber").attr("value", &version.to_string()).end();
        }
        self.xml.end().end();
    }

    fn body(&mut self) {
        self.xml.start("component").start("nonXMLBody").start("text");
        let bytes = match &self.report.content {
            ReportContent::Pdf(bytes) => {
                self.xml.attr("mediaType", "application/pdf");
                bytes.as_slice()
            }
            ReportContent::Text(text) => {
                // The schema takes charset away from this element; UTF-8 is what readers assume.
                self.xml.attr("mediaType", "text/plain");
                text.as_bytes()
            }
        };
        self.xml.attr("representation", "B64");
        self.xml.raw(STANDARD.encode(bytes).as_bytes());
        self.xml.end().end().end();
    }
}

fn issued(number: &str, issuer: Option<&Oid>) -> InstanceId {
    let number = clean(number);
    InstanceId {
        root: issuer.filter(|_| !number.is_empty()).map(|oid| oid.as_str().to_owned()),
        extension: (!number.is_empty()).then(|| number.into_owned()),
    }
}
