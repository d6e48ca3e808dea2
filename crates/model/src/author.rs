//! The author of a document or submission. Source: ITI TF-3 4.2.3.2.1.

use crate::{Invalid, Xcn, Xon, Xtn};

/// A person or device with its organisations. Roles and specialties are codes (`code^^^&OID&ISO`) or free text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Author {
    pub person: Option<Xcn>,
    pub institutions: Vec<Xon>,
    pub roles: Vec<String>,
    pub specialties: Vec<String>,
    pub telecommunications: Vec<Xtn>,
}

impl Author {
    /// Errors: none of person, institution and telecommunication is there.
    pub fn validate(&self, field: &str) -> Result<(), Invalid> {
        if self.person.is_none() && self.institutions.is_empty() && self.telecommunications.is_empty() {
            return Err(Invalid::new(field, "must have a person, an institution or a telecommunication address", ""));
        }
        Ok(())
    }
}
