//! Bytes in local files. Every file that somebody was promised is written beside its place, synced, renamed, and its folder
//! synced: after a crash a name either has its whole content or does not exist. Files in transit are promised to nobody.

mod blobs;
mod durable;
mod instances;
mod transit;

pub use blobs::FileBlobs;
pub use instances::{InstanceFile, InstanceFiles, InstanceWriter};
pub use transit::{TransitFile, TransitFiles, TransitWriter};

/// How file storage is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// Finished and unfinished files together may take so many octets; absent: as many as the disk has.
    pub max_octets: Option<u64>,
}
