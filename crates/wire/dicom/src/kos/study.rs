//! What the outermost level of a manifest says of patient, study, requests and times, and what is wrong with it.
//! spec/dicom.md sections 2 and 4, spec/mcwg.md 4.2 and 4.4.

use model::{Code, Oid, Order, PatientId, Sex, StudyInstanceUid};

use super::decode::{EVIDENCE, Reader};
use super::library::Tree;
use crate::values::{is_date, is_offset, is_time};
use crate::{DataSet, Tag, tags};

const REQUESTS: Tag = tags::REFERENCED_REQUEST_SEQUENCE;

impl Reader<'_> {
    pub(super) fn patient_id(&mut self) -> (Option<PatientId>, String) {
        let id = self.root.text(tags::PATIENT_ID).unwrap_or_default();
        let issuer = self.issuer(self.root, tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE);
        match issuer {
            Some(issuer) if !id.is_empty() => (Some(PatientId::new(id, issuer)), String::new()),
            _ => {
                let rule = "must give the issuer of the patient id as an OID";
                self.findings.warning(&[tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE], rule, "");
                (None, id)
            }
        }
    }

    pub(super) fn other_ids(&mut self, main: Option<&PatientId>) -> Vec<PatientId> {
        let mut out = Vec::new();
        for item in self.root.items(tags::OTHER_PATIENT_I_DS_SEQUENCE) {
            let id = item.text(tags::PATIENT_ID).unwrap_or_default();
            match self.issuer(item, tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE) {
                Some(issuer) if !id.is_empty() => {
                    let id = PatientId::new(id, issuer);
                    if Some(&id) != main && !out.contains(&id) {
                        out.push(id);
                    }
                }
                _ => {
                    let path = [tags::OTHER_PATIENT_I_DS_SEQUENCE, tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE];
                    self.findings.warning(&path, "must give the issuer of the patient id as an OID", "");
                }
            }
        }
        out
    }

    pub(super) fn sex(&mut self) -> Option<Sex> {
        let text = self.root.text(tags::PATIENT_SEX)?;
        let sex = Sex::from_code(&text);
        if !matches!(sex, Some(Sex::Male | Sex::Female | Sex::Other)) {
            self.findings.warning(&[tags::PATIENT_SEX], "must be M, F, O or empty", "");
        }
        sex
    }

    /// The OID of an issuer sequence, in the group the MADO text misprints as well.
    pub(super) fn issuer(&mut self, set: &DataSet, sequence: Tag) -> Option<Oid> {
        let item = set.item(sequence)?;
        let misprinted = || item.text(Tag(0x0010, 0x0032));
        let text = item.text(tags::UNIVERSAL_ENTITY_ID).or_else(misprinted)?;
        let oid = Oid::parse(text.trim()).ok();
        if oid.is_none() {
            self.findings.warning(&[sequence, tags::UNIVERSAL_ENTITY_ID], "must be an OID", text);
        }
        oid
    }

    /// Union of (0040,A370) and (0008,0050). Source: spec/mcwg.md 4.4.
    pub(super) fn orders(&mut self, study: &StudyInstanceUid) -> Vec<Order> {
        let root = self.root;
        let mut orders: Vec<Order> = Vec::new();
        for item in root.items(REQUESTS) {
            if let Some(uid) = item.uid(tags::STUDY_INSTANCE_UID)
                && uid != study.as_str()
            {
                let several = root.items(EVIDENCE).len() > 1;
                if several {
                    continue;
                }
                let rule = format!("must be the study of the evidence, {study}");
                self.findings.warning(&[REQUESTS, tags::STUDY_INSTANCE_UID], rule, uid);
            }
            let order = Order {
                accession_number: item.text(tags::ACCESSION_NUMBER).unwrap_or_default(),
                accession_issuer: self.issuer(item, tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE),
                placer_order_number: item.text(tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST).unwrap_or_default(),
                placer_issuer: self.issuer(item, tags::ORDER_PLACER_IDENTIFIER_SEQUENCE),
            };
            let empty = order.accession_number.is_empty() && order.placer_order_number.is_empty();
            if !empty && !orders.contains(&order) {
                orders.push(order);
            }
        }
        if let Some(number) = root.text(tags::ACCESSION_NUMBER) {
            let issuer = self.issuer(root, tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE);
            let mut known = false;
            for order in orders.iter_mut().filter(|order| order.accession_number == number) {
                known = true;
                if order.accession_issuer.is_none() {
                    order.accession_issuer = issuer.clone();
                }
            }
            if !known {
                let order = Order { accession_number: number, accession_issuer: issuer, ..Order::default() };
                orders.push(order);
            }
        }
        for order in &orders {
            if !order.accession_number.is_empty() && order.accession_issuer.is_none() {
                let path = [REQUESTS, tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE];
                self.findings.warning(&path, "must give the issuer of the accession number as an OID", "");
            }
        }
        orders
    }

    /// (0008,1032) and the tree; the requested procedures when neither has any.
    pub(super) fn procedures(&mut self, tree: &Tree) -> Vec<Code> {
        let performed = self.root.items(tags::PROCEDURE_CODE_SEQUENCE).iter().map(|item| self.codes.code(item));
        let mut found: Vec<Code> = performed.chain(tree.procedures.iter().cloned()).collect();
        if found.is_empty() {
            let requests = self.root.items(REQUESTS).iter();
            let requested = requests.flat_map(|item| item.items(tags::REQUESTED_PROCEDURE_CODE_SEQUENCE));
            found = requested.map(|item| self.codes.code(item)).collect();
        }
        let mut out: Vec<Code> = Vec::new();
        for code in found {
            if code.code.is_empty() {
                let rule = "must have a code value";
                self.findings.warning(&[tags::PROCEDURE_CODE_SEQUENCE, tags::CODE_VALUE], rule, code.label());
            } else if !out.iter().any(|other| other.means(&code)) {
                out.push(code);
            }
        }
        out
    }

    pub(super) fn content_time(&mut self) -> (String, String) {
        let root = self.root;
        let content = (
            self.date(root, &[tags::CONTENT_DATE], tags::CONTENT_DATE),
            self.time(root, &[tags::CONTENT_TIME], tags::CONTENT_TIME),
        );
        if let (Some(date), Some(time)) = content {
            return (date, time);
        }
        self.findings.error(&[tags::CONTENT_DATE], "must be there with a date and a time", "");
        let created = (root.text(tags::INSTANCE_CREATION_DATE), root.text(tags::INSTANCE_CREATION_TIME));
        (
            created.0.filter(|date| is_date(date)).unwrap_or_default(),
            created.1.filter(|time| is_time(time)).unwrap_or_default(),
        )
    }

    pub(super) fn timezone(&mut self) -> Option<String> {
        let text = self.root.text(tags::TIMEZONE_OFFSET_FROM_UTC);
        match text {
            Some(text) if is_offset(&text) => Some(text),
            Some(text) => {
                self.findings.warning(&[tags::TIMEZONE_OFFSET_FROM_UTC], "must be an offset such as +0100", text);
                None
            }
            None => {
                self.findings.warning(&[tags::TIMEZONE_OFFSET_FROM_UTC], "must give the offset of all times", "");
                None
            }
        }
    }

    /// A date; separators of old writers are taken out, anything else that is no date is left out.
    pub(super) fn date(&mut self, set: &DataSet, path: &[Tag], tag: Tag) -> Option<String> {
        let text = set.text(tag)?;
        if is_date(&text) {
            return Some(text);
        }
        self.findings.warning(path, "must be a date YYYYMMDD", "");
        let digits: String = text.chars().filter(|c| !matches!(c, '.' | '-' | '/')).collect();
        is_date(&digits).then_some(digits)
    }

    pub(super) fn time(&mut self, set: &DataSet, path: &[Tag], tag: Tag) -> Option<String> {
        let text = set.text(tag)?;
        if is_time(&text) {
            return Some(text);
        }
        self.findings.warning(path, "must be a time HHMMSS", &text);
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        is_time(&digits).then_some(digits)
    }
}
