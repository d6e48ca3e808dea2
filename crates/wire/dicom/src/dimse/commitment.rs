//! Storage Commitment Push Model: the request and its outcome. PS3.4 Annex J; spec/dicom.md 22.5.

use std::collections::HashSet;

use dicom_core::VR;

use super::element_error::{self, ElementError};
use super::references::SopReference;
use crate::dataset::DataSet;
use crate::tags;
use crate::text::CharacterSet;

/// The well-known instance that every message of the service is about.
pub const COMMITMENT_INSTANCE: &str = "1.2.840.10008.1.20.1.1";
/// (0000,1008) of the request.
pub const REQUEST_COMMITMENT: u16 = 1;
/// (0000,1002) of an outcome without failures.
pub const ALL_COMMITTED: u16 = 1;
/// (0000,1002) of an outcome with failures.
pub const FAILURES_EXIST: u16 = 2;

/// The data set of an N-ACTION: who stored these wants to delete them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentRequest {
    /// (0008,1195).
    pub transaction: String,
    /// (0008,1199), not empty.
    pub instances: Vec<SopReference>,
}

/// Why an instance is not committed, (0008,1197). Source: PS3.3 C.14.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommitmentFailure {
    /// 0110.
    ProcessingFailure,
    /// 0112.
    NoSuchInstance,
    /// 0119.
    ClassInstanceConflict,
    /// 0122.
    ClassNotSupported,
    /// 0131.
    DuplicateTransaction,
    /// 0213.
    ResourceLimitation,
    /// A number that the standard does not name, or none at all (0).
    Other(u16),
}

impl CommitmentFailure {
    /// The number.
    pub fn code(self) -> u16 {
        match self {
            Self::ProcessingFailure => 0x0110,
            Self::NoSuchInstance => 0x0112,
            Self::ClassInstanceConflict => 0x0119,
            Self::ClassNotSupported => 0x0122,
            Self::DuplicateTransaction => 0x0131,
            Self::ResourceLimitation => 0x0213,
            Self::Other(code) => code,
        }
    }

    /// Reads the number.
    pub fn from_code(code: u16) -> Self {
        match code {
            0x0110 => Self::ProcessingFailure,
            0x0112 => Self::NoSuchInstance,
            0x0119 => Self::ClassInstanceConflict,
            0x0122 => Self::ClassNotSupported,
            0x0131 => Self::DuplicateTransaction,
            0x0213 => Self::ResourceLimitation,
            other => Self::Other(other),
        }
    }
}

/// The data set of an N-EVENT-REPORT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentOutcome {
    /// (0008,1195).
    pub transaction: String,
    /// (0008,0054): where committed instances can be retrieved.
    pub retrieve_ae_title: Option<String>,
    /// (0008,1199).
    pub committed: Vec<SopReference>,
    /// (0008,1198).
    pub failed: Vec<(SopReference, CommitmentFailure)>,
}

impl CommitmentRequest {
    /// Reads the data set. An instance that is named twice is kept once.
    ///
    /// Errors: no transaction UID, no instance, or a UID that is none.
    pub fn decode(octets: &[u8], transfer_syntax: &str) -> Result<Self, ElementError> {
        let set = element_error::read(octets, transfer_syntax, CharacterSet::default())?;
        let transaction = element_error::required_uid(&set, tags::TRANSACTION_UID)?;
        let mut instances = SopReference::read_all(&set, tags::REFERENCED_SOP_SEQUENCE)?;
        if instances.is_empty() {
            return Err(ElementError::Missing { element: tags::REFERENCED_SOP_SEQUENCE });
        }
        let mut seen = HashSet::new();
        instances.retain(|one| seen.insert(one.clone()));
        Ok(Self { transaction, instances })
    }

    /// The data set.
    pub fn data_set(&self) -> DataSet {
        let mut set = DataSet::new();
        set.put_octets(tags::TRANSACTION_UID, VR::UI, self.transaction.as_str());
        set.put_items(tags::REFERENCED_SOP_SEQUENCE, SopReference::write_all(&self.instances));
        set
    }
}

impl CommitmentOutcome {
    /// (0000,1002) that goes with it.
    pub fn event_type(&self) -> u16 {
        if self.failed.is_empty() { ALL_COMMITTED } else { FAILURES_EXIST }
    }

    /// Reads the data set; what it lists decides, whatever the event type says.
    ///
    /// Errors: no transaction UID, or a UID that is none.
    pub fn decode(octets: &[u8], transfer_syntax: &str) -> Result<Self, ElementError> {
        let set = element_error::read(octets, transfer_syntax, CharacterSet::default())?;
        let mut failed = Vec::new();
        for item in set.items(tags::FAILED_SOP_SEQUENCE) {
            let reason = item.u16(tags::FAILURE_REASON).unwrap_or(0);
            failed.push((SopReference::read(item)?, CommitmentFailure::from_code(reason)));
        }
        Ok(Self {
            transaction: element_error::required_uid(&set, tags::TRANSACTION_UID)?,
            retrieve_ae_title: set.text(tags::RETRIEVE_AE_TITLE),
            committed: SopReference::read_all(&set, tags::REFERENCED_SOP_SEQUENCE)?,
            failed,
        })
    }

    /// The data set. A sequence without items is left out (P28).
    pub fn data_set(&self) -> DataSet {
        let mut set = DataSet::new();
        if let Some(title) = &self.retrieve_ae_title {
            set.put_octets(tags::RETRIEVE_AE_TITLE, VR::AE, title.as_str());
        }
        set.put_octets(tags::TRANSACTION_UID, VR::UI, self.transaction.as_str());
        if !self.failed.is_empty() {
            let items = self.failed.iter().map(|(reference, reason)| {
                let mut item = reference.write();
                item.put_u16(tags::FAILURE_REASON, reason.code());
                item
            });
            set.put_items(tags::FAILED_SOP_SEQUENCE, items.collect());
        }
        if !self.committed.is_empty() {
            set.put_items(tags::REFERENCED_SOP_SEQUENCE, SopReference::write_all(&self.committed));
        }
        set
    }
}
