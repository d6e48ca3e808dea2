//! Bytes in local files. Every file is written beside its place, synced, renamed, and its folder synced: after a crash a
//! name either has its whole content or does not exist.

mod blobs;
mod durable;
mod instances;

pub use blobs::FileBlobs;
pub use instances::{InstanceFile, InstanceFiles, InstanceWriter};

/// How file storage is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    /// Finished and unfinished files together may take so many octets; absent: as many as the disk has.
    pub max_octets: Option<u64>,
}
