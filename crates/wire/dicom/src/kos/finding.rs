//! What a key object selection does otherwise than its specification: place, rule and the value that came.
//! spec/dicom.md sections 10 and 11.

use std::collections::HashMap;
use std::fmt;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_dictionary_std::StandardDataDictionary;

use crate::error::TagText;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Readers cope, or only some profile is broken.
    Warning,
    /// A requirement of DICOM or of the profile is broken; some reader will fail or show something wrong.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One broken rule. `Debug` leaves the value out.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Tags from the outermost sequence to the attribute, and its keyword: `(0040,A375).(0020,000D) StudyInstanceUID`; in
    /// the content tree the codes of the concepts: `(0040,A730) ContentSequence 111028.126200.131564`.
    pub place: String,
    /// What was expected.
    pub rule: String,
    /// What came the first time, cut to 80 characters; empty when nothing came or when it may identify a patient.
    pub value: String,
    /// How often the rule is broken at this place.
    pub count: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.severity, self.place, self.rule)?;
        if !self.value.is_empty() {
            write!(f, "; got `{}`", self.value)?;
        }
        if self.count > 1 {
            write!(f, " (and {} more)", self.count - 1)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {} ({})", self.severity, self.place, self.rule, self.count)
    }
}

/// Collects findings; the same rule broken at the same place is counted, so that a hostile object cannot make many.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
    known: HashMap<(String, String), usize>,
}

impl Findings {
    pub(super) fn error(&mut self, path: &[Tag], rule: impl Into<String>, value: impl AsRef<str>) {
        self.add(Severity::Error, place(path), rule.into(), value.as_ref());
    }

    pub(super) fn warning(&mut self, path: &[Tag], rule: impl Into<String>, value: impl AsRef<str>) {
        self.add(Severity::Warning, place(path), rule.into(), value.as_ref());
    }

    /// A warning about content whose place has concepts in it.
    pub(super) fn tree(&mut self, place: &str, rule: impl Into<String>, value: impl AsRef<str>) {
        self.add(Severity::Warning, place.to_owned(), rule.into(), value.as_ref());
    }

    /// A finding about the file rather than an attribute.
    pub(super) fn add_file(&mut self, rule: &str) {
        self.add(Severity::Error, "the file".to_owned(), rule.to_owned(), "");
    }

    pub(super) fn add(&mut self, severity: Severity, place: String, rule: String, value: &str) {
        let key = (place, rule);
        if let Some(at) = self.known.get(&key) {
            self.found[*at].count += 1;
            return;
        }
        self.known.insert(key.clone(), self.found.len());
        let value = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect();
        self.found.push(Finding { severity, place: key.0, rule: key.1, value, count: 1 });
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}

/// The path in words.
pub(super) fn place(path: &[Tag]) -> String {
    let tags: Vec<String> = path.iter().map(|tag| TagText(*tag).to_string()).collect();
    let keyword = path.last().and_then(|tag| StandardDataDictionary.by_tag(*tag)).map(|entry| entry.alias());
    match keyword {
        Some(keyword) => format!("{} {keyword}", tags.join(".")),
        None => tags.join("."),
    }
}
