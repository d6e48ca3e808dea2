//! DICOM instances as stored files: `ab/<hash of the study>/<SOP Instance UID>-<hash of the content>.dcm`. Names are
//! made of checked UIDs and digests only, so no peer can lead out of the folder.

use super::FileOptions;
use super::blobs::open_reader;
use super::durable::{Area, Unfinished};
use crate::{BlobReader, Sha256, StoreError, Swept};
use aws_lc_rs::digest;
use model::{SopInstanceUid, StudyInstanceUid};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Instance files below one folder. All methods block; async callers use a blocking thread.
///
/// After a crash: every finished instance is there whole. One whose row was not committed is an orphan; its sender was
/// never told that it is stored, and [`InstanceFiles::sweep`] removes it.
pub struct InstanceFiles(Arc<Area>);

/// A finished instance file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceFile {
    /// Relative to the folder: what [`crate::StoredInstance::file`] holds.
    pub name: String,
    pub sha256: Sha256,
    pub size_octets: u64,
}

/// An instance being received. Dropped without [`InstanceWriter::finish`], it leaves nothing behind.
pub struct InstanceWriter {
    file: Unfinished,
    sha256: digest::Context,
    size_octets: u64,
}

impl InstanceFiles {
    /// Opens the folder, creating it when it is missing. Errors: `Io`.
    pub fn open(folder: &Path, options: FileOptions) -> Result<Self, StoreError> {
        Ok(InstanceFiles(Area::open(folder, options)?))
    }

    /// Begins a file; its identity is given at the end, when the header has been read.
    pub fn create(&self) -> Result<InstanceWriter, StoreError> {
        let sha256 = digest::Context::new(&digest::SHA256);
        Ok(InstanceWriter { file: self.0.create()?, sha256, size_octets: 0 })
    }

    /// `None` when there is no such file. Errors: `Refused` for a name that no writer of ours gave.
    pub fn open_file(&self, name: &str) -> Result<Option<Box<dyn BlobReader>>, StoreError> {
        open_reader(&self.path(name)?)
    }

    /// Where a file is, for readers that need a path. Errors: `Refused` for a name that no writer of ours gave.
    pub fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let mut parts = 0;
        let ours = name.split('/').all(|part| {
            parts += 1;
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        });
        if !ours || parts != 3 {
            return Err(StoreError::Refused("the name is not that of an instance file"));
        }
        Ok(self.0.path(name))
    }

    /// Removes a file whose row is gone. Absent already is no error.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.path(name)?;
        self.0.remove(name)
    }

    /// Removes what a crash left: unfinished files and files without a row. Only at start, before anything is received.
    pub fn sweep(&self, is_referenced: &mut dyn FnMut(&str) -> Result<bool, StoreError>) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let area = self.0.clone();
        self.0.walk(&mut |name, size| {
            if Area::is_unfinished(name) {
                swept.unfinished += 1;
            } else if !name.ends_with(".dcm") || is_referenced(name)? {
                return Ok(());
            } else {
                swept.orphans += 1;
            }
            swept.octets += size;
            area.remove(name)
        })?;
        Ok(swept)
    }
}

impl InstanceWriter {
    /// Errors: `Full`, `Io`; after an error the writer can only be dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write(bytes)?;
        self.sha256.update(bytes);
        self.size_octets += bytes.len() as u64;
        Ok(())
    }

    /// What was written so far, for a look before [`InstanceWriter::finish`]. Errors: `Io`.
    pub fn read_back(&self) -> Result<std::fs::File, StoreError> {
        self.file.read_back()
    }

    /// Makes the file durable. Other bytes under the same identity get another name, so that they never replace the
    /// first; whether they are accepted is decided by [`crate::ArchiveWrite::add_instance`]. On its `Conflict` the
    /// caller removes this file.
    pub fn finish(self, study: &StudyInstanceUid, instance: &SopInstanceUid) -> Result<InstanceFile, StoreError> {
        let sha256 = Sha256::from_digest(self.sha256.finish());
        let study = Sha256::of(study.as_str().as_bytes()).to_string();
        let content = sha256.to_string();
        let name = format!("{}/{}/{}-{}.dcm", &study[..2], &study[..24], instance.as_str(), &content[..32]);
        self.file.finish(&name)?;
        Ok(InstanceFile { name, sha256, size_octets: self.size_octets })
    }
}
