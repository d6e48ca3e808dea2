//! Instance Availability Notification: which instances of a study are where. PS3.4 Annex R; spec/dicom.md 22.5.

use dicom_core::VR;

use super::element_error::{self, ElementError, cut};
use super::query::Availability;
use super::references::SopReference;
use crate::dataset::DataSet;
use crate::tags;
use crate::text::CharacterSet;

/// The data set of an N-CREATE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityNotification {
    /// (0020,000D).
    pub study: String,
    /// (0008,1111): procedure steps that the instances are of.
    pub procedure_steps: Vec<SopReference>,
    /// (0008,1115).
    pub series: Vec<AvailableSeries>,
}

/// One item of (0008,1115).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableSeries {
    /// (0020,000E).
    pub series: String,
    /// (0008,1199).
    pub instances: Vec<AvailableInstance>,
}

/// One item of (0008,1199). `Unavailable` says that it has been removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableInstance {
    /// (0008,1150) and (0008,1155).
    pub reference: SopReference,
    /// (0008,0056).
    pub availability: Availability,
    /// (0008,0054).
    pub retrieve_ae_title: Option<String>,
    /// (0040,E011).
    pub retrieve_location: Option<String>,
}

impl AvailabilityNotification {
    /// Reads the data set.
    ///
    /// Errors: a study, series or instance without a valid UID, no series, or an availability that is no defined term:
    /// what is not understood must not look like a removal, nor hide one.
    pub fn decode(octets: &[u8], transfer_syntax: &str) -> Result<Self, ElementError> {
        let set = element_error::read(octets, transfer_syntax, CharacterSet::default())?;
        let series: Result<Vec<_>, _> =
            set.items(tags::REFERENCED_SERIES_SEQUENCE).iter().map(AvailableSeries::read).collect();
        let series = series?;
        if series.is_empty() {
            return Err(ElementError::Missing { element: tags::REFERENCED_SERIES_SEQUENCE });
        }
        Ok(Self {
            study: element_error::required_uid(&set, tags::STUDY_INSTANCE_UID)?,
            procedure_steps: SopReference::read_all(&set, tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE)?,
            series,
        })
    }

    /// The data set.
    pub fn data_set(&self) -> DataSet {
        let mut set = DataSet::new();
        let steps = SopReference::write_all(&self.procedure_steps);
        set.put_items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, steps);
        set.put_items(tags::REFERENCED_SERIES_SEQUENCE, self.series.iter().map(AvailableSeries::write).collect());
        set.put_octets(tags::STUDY_INSTANCE_UID, VR::UI, self.study.as_str());
        set
    }
}

impl AvailableSeries {
    fn read(item: &DataSet) -> Result<Self, ElementError> {
        let instances: Result<Vec<_>, _> =
            item.items(tags::REFERENCED_SOP_SEQUENCE).iter().map(AvailableInstance::read).collect();
        Ok(Self { series: element_error::required_uid(item, tags::SERIES_INSTANCE_UID)?, instances: instances? })
    }

    fn write(&self) -> DataSet {
        let mut item = DataSet::new();
        let instances = self.instances.iter().map(AvailableInstance::write).collect();
        item.put_items(tags::REFERENCED_SOP_SEQUENCE, instances);
        item.put_octets(tags::SERIES_INSTANCE_UID, VR::UI, self.series.as_str());
        item
    }
}

impl AvailableInstance {
    fn read(item: &DataSet) -> Result<Self, ElementError> {
        let element = tags::INSTANCE_AVAILABILITY;
        let term = item.text(element).ok_or(ElementError::Missing { element })?;
        let availability = Availability::from_term(&term).ok_or_else(|| ElementError::Term {
            element,
            value: cut(&term),
            expected: "ONLINE, NEARLINE, OFFLINE or UNAVAILABLE",
        })?;
        Ok(Self {
            reference: SopReference::read(item)?,
            availability,
            retrieve_ae_title: item.text(tags::RETRIEVE_AE_TITLE),
            retrieve_location: element_error::optional_uid(item, tags::RETRIEVE_LOCATION_UID)?,
        })
    }

    fn write(&self) -> DataSet {
        let mut item = self.reference.write();
        item.put_text(tags::INSTANCE_AVAILABILITY, self.availability.as_str());
        // Type 1, and without a value where nothing can be retrieved.
        item.put_octets(tags::RETRIEVE_AE_TITLE, VR::AE, self.retrieve_ae_title.as_deref().unwrap_or(""));
        if let Some(location) = &self.retrieve_location {
            item.put_octets(tags::RETRIEVE_LOCATION_UID, VR::UI, location.as_str());
        }
        item
    }
}
