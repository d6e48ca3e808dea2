//! References to instances, as every notification has them: class, instance, and where they are.
//! PS3.3 Table 10-11 (SOP Instance Reference Macro), C.12.1.1.9.

use dicom_core::{Tag, VR};

use super::element_error::{self, ElementError};
use crate::dataset::DataSet;
use crate::tags;

/// One instance by class and UID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SopReference {
    /// (0008,1150).
    pub sop_class: String,
    /// (0008,1155).
    pub sop_instance: String,
}

impl SopReference {
    pub(super) fn read(item: &DataSet) -> Result<Self, ElementError> {
        Ok(Self {
            sop_class: element_error::required_uid(item, tags::REFERENCED_SOP_CLASS_UID)?,
            sop_instance: element_error::required_uid(item, tags::REFERENCED_SOP_INSTANCE_UID)?,
        })
    }

    pub(super) fn read_all(set: &DataSet, sequence: Tag) -> Result<Vec<Self>, ElementError> {
        set.items(sequence).iter().map(Self::read).collect()
    }

    pub(super) fn write(&self) -> DataSet {
        let mut item = DataSet::new();
        item.put_octets(tags::REFERENCED_SOP_CLASS_UID, VR::UI, self.sop_class.as_str());
        item.put_octets(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, self.sop_instance.as_str());
        item
    }

    pub(super) fn write_all(references: &[Self]) -> Vec<DataSet> {
        references.iter().map(Self::write).collect()
    }
}
