//! What a run of a section leaves for later steps: assigned ids, reports, and the messages as XML for XPath.

use super::metadata::Assigned;
use super::tree::{Tree, escape};
use std::fmt::Write;

/// The log of a section.
#[derive(Clone, Debug, Default)]
pub struct SectionLog {
    pub steps: Vec<StepLog>,
}

/// The log of a step with a transaction.
#[derive(Clone, Debug, Default)]
pub struct StepLog {
    pub id: String,
    /// `RegisterTransaction` and so on.
    pub transaction: String,
    pub patient_ids: Assigned,
    pub unique_ids: Assigned,
    pub uuids: Assigned,
    /// Name and value, explicit ones first.
    pub reports: Vec<(String, String)>,
    pub request: Option<Tree>,
    pub result: Option<Tree>,
}

impl SectionLog {
    pub fn step(&self, id: &str) -> Option<&StepLog> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// As the kit's log.xml.
    pub fn to_xml(&self) -> String {
        let steps: String = self.steps.iter().map(StepLog::to_xml).collect();
        format!("<TestResults>{steps}</TestResults>")
    }
}

impl StepLog {
    /// What was assigned to `id` in a part of the log that `UseId/@section` names.
    pub fn assigned(&self, section: &str, id: &str) -> Option<&str> {
        let assigned = match section {
            "AssignedPatientId" => &self.patient_ids,
            "AssignedUids" => &self.unique_ids,
            "AssignedUuids" => &self.uuids,
            _ => return None,
        };
        assigned.iter().rev().find(|(symbol, _)| symbol == id).map(|(_, value)| value.as_str())
    }

    pub fn report(&self, name: &str) -> Option<&str> {
        self.reports.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn to_xml(&self) -> String {
        let mut out = format!("<TestStep id=\"{}\">", escape(&self.id));
        if !self.transaction.is_empty() {
            let _ = write!(out, "<{} step=\"{}\">", self.transaction, escape(&self.id));
            for (name, tree) in [("InputMetadata", &self.request), ("Result", &self.result)] {
                if let Some(tree) = tree {
                    let _ = write!(out, "<{name}>{}</{name}>", tree.to_xml());
                }
            }
            let _ = write!(out, "</{}>", self.transaction);
        }
        out.push_str("</TestStep>");
        out
    }
}
