//! A coded value: code, coding scheme, display name. Source: ITI TF-3 4.2.3.1.2.

use crate::{Invalid, Text};

/// Compared by `code` and `scheme` through [`Code::means`]; a display name never decides anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    pub code: String,
    pub scheme: String,
    pub display: Text,
}

impl Code {
    pub fn new(code: impl Into<String>, scheme: impl Into<String>, display: impl Into<String>) -> Self {
        Code { code: code.into(), scheme: scheme.into(), display: Text::plain(display) }
    }

    pub fn means(&self, other: &Code) -> bool {
        self.code == other.code && self.scheme == other.scheme
    }

    /// The display name, or the code where there is none.
    pub fn label(&self) -> &str {
        self.display.value().unwrap_or(&self.code)
    }

    /// Errors: empty code or scheme.
    pub fn validate(&self, field: &str) -> Result<(), Invalid> {
        if self.code.is_empty() {
            return Err(Invalid::new(field, "must have a code", &self.code));
        }
        if self.scheme.is_empty() {
            return Err(Invalid::new(field, "must have a coding scheme", &self.code));
        }
        Ok(())
    }
}

/// Coding schemes by their OIDs.
pub mod schemes {
    /// DICOM Controlled Terminology (DCM).
    pub const DCM: &str = "1.2.840.10008.2.16.4";
    /// DICOM UID registry: format codes that are SOP classes.
    pub const DICOM_UID_REGISTRY: &str = "1.2.840.10008.2.6.1";
    pub const SNOMED_CT: &str = "2.16.840.1.113883.6.96";
    pub const LOINC: &str = "2.16.840.1.113883.6.1";
    /// IHE document classes: IMAGES, REPORTS and others.
    pub const IHE_CLASS: &str = "1.3.6.1.4.1.19376.1.2.6.1";
    /// IHE format codes.
    pub const IHE_FORMAT: &str = "1.3.6.1.4.1.19376.1.2.3";
    /// HL7 v3 Confidentiality.
    pub const CONFIDENTIALITY: &str = "2.16.840.1.113883.5.25";
}
