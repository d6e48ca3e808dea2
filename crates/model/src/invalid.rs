//! What a value did wrong: the field, the rule it broke and the value that came.

use std::fmt;

/// One broken rule. Shape: `field` is spelled as in the metadata tables (`DocumentEntry.sourcePatientId`), `rule` is a
/// sentence without a full stop, `value` is what came, cut to 80 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Invalid {
    pub field: String,
    pub rule: String,
    pub value: String,
    /// Id of the object (entryUUID or symbolic id) that carries the field, when known.
    pub object: Option<String>,
}

impl Invalid {
    pub fn new(field: impl Into<String>, rule: impl Into<String>, value: impl AsRef<str>) -> Self {
        let value: String = value.as_ref().chars().take(80).collect();
        Invalid { field: field.into(), rule: rule.into(), value, object: None }
    }

    pub fn on(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// The same finding under a longer field name: `name` becomes `prefix.name`.
    pub fn within(mut self, prefix: &str) -> Self {
        self.field = if self.field.is_empty() { prefix.to_owned() } else { format!("{prefix}.{}", self.field) };
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        write!(f, "{} {}; got `{}`", self.field, self.rule, self.value)
    }
}

// The value may be a patient's; logs print Debug, so it stays out of it.
impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid({} {})", self.field, self.rule)
    }
}

impl std::error::Error for Invalid {}
