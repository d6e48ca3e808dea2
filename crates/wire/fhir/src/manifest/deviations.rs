//! What a FHIR manifest does otherwise than its profile: path, rule and value. Source: spec/mcwg.md 4.8.

use crate::DecodeError;

/// Collects deviations; a rule that is broken again at the same place is not told again, so that a hostile document cannot
/// make many.
#[derive(Default)]
pub(super) struct Deviations(Vec<DecodeError>);

impl Deviations {
    pub(super) fn tell(&mut self, path: &str, rule: &str, value: &str) {
        if !self.0.iter().any(|known| known.path == path && known.rule == rule) {
            self.0.push(DecodeError::value(path, rule, value));
        }
    }

    pub(super) fn into_vec(self) -> Vec<DecodeError> {
        self.0
    }
}
