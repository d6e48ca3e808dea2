//! What a decoder found on its way: reasons to refuse, and what it left out. All of them, not the first.

use model::{HomeCommunityId, Invalid};

/// A decoded value, and what of the message it does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<T> {
    pub value: T,
    /// Metadata that was legal, unknown and not kept; a registry warns of it (XDSExtraMetadataNotSaved).
    pub not_kept: Vec<Invalid>,
}

/// Whose words are read: a submission is judged, an answer is used as far as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Submission,
    /// A submission of ITI-57 or ITI-92: logical ids and the marks of an update are part of it.
    Update,
    Answer,
}

/// Nobody reads more; a hostile message could make millions.
const MOST_FINDINGS: usize = 1000;

#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) reading: Reading,
    pub(crate) refused: Vec<Invalid>,
    pub(crate) not_kept: Vec<Invalid>,
}

impl Findings {
    pub(crate) fn new(reading: Reading) -> Self {
        Findings { reading, refused: Vec::new(), not_kept: Vec::new() }
    }

    pub(crate) fn refuse(&mut self, invalid: Invalid) {
        if !self.full() {
            self.refused.push(invalid);
        }
    }

    pub(crate) fn leave_out(&mut self, invalid: Invalid) {
        if self.not_kept.len() < MOST_FINDINGS {
            self.not_kept.push(invalid);
        }
    }

    /// More findings would help nobody.
    pub(crate) fn full(&self) -> bool {
        self.refused.len() >= MOST_FINDINGS
    }
}

/// A finding of a model type under the field it was read from: `XON.6` stays visible below it, `uniqueId` does not
/// repeat itself.
pub(crate) fn placed(mut invalid: Invalid, field: &str) -> Invalid {
    if invalid.field.contains('.') {
        return invalid.within(field);
    }
    invalid.field = field.to_owned();
    invalid
}

/// Reads a homeCommunityId. Leniency: openxds writes the bare OID, without `urn:oid:`; it can mean nothing else.
///
/// Errors: no OID in either form.
pub(crate) fn home_community_id(text: &str) -> Result<HomeCommunityId, Invalid> {
    HomeCommunityId::parse(text)
        .or_else(|invalid| HomeCommunityId::parse(&format!("urn:oid:{text}")).map_err(|_| invalid))
}
