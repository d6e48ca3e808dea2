//! [`BlobStore`] in local files: `ab/abcdef...`, two digits of the SHA-256 and all of it.

use super::FileOptions;
use super::durable::{Area, Unfinished};
use crate::blobs::Digests;
use crate::{BlobReader, BlobRef, BlobStore, BlobWriter, Sha256, StoreError, Swept};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Blobs below one folder.
pub struct FileBlobs(Arc<Area>);

impl FileBlobs {
    /// Opens the folder, creating it when it is missing. Errors: `Io`.
    pub fn open(folder: &Path, options: FileOptions) -> Result<Self, StoreError> {
        Ok(FileBlobs(Area::open(folder, options)?))
    }
}

fn name_of(blob: &Sha256) -> String {
    let hex = blob.to_string();
    format!("{}/{hex}", &hex[..2])
}

struct Writer {
    file: Unfinished,
    digests: Digests,
}

impl BlobWriter for Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write(bytes)?;
        self.digests.update(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<BlobRef, StoreError> {
        let blob = self.digests.finish();
        // The same bytes may be there already; replacing them by themselves is as good as keeping them.
        self.file.finish(&name_of(&blob.sha256))?;
        Ok(blob)
    }
}

struct Reader {
    file: File,
    size_octets: u64,
}

impl BlobReader for Reader {
    fn size_octets(&self) -> u64 {
        self.size_octets
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(filled)
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

pub(super) fn open_reader(path: &Path) -> Result<Option<Box<dyn BlobReader>>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("opening a file")(e)),
    };
    let size_octets = file.metadata().map_err(StoreError::io("opening a file"))?.len();
    Ok(Some(Box::new(Reader { file, size_octets })))
}

impl BlobStore for FileBlobs {
    fn create(&self) -> Result<Box<dyn BlobWriter>, StoreError> {
        Ok(Box::new(Writer { file: self.0.create()?, digests: Digests::new() }))
    }

    fn open(&self, blob: &Sha256) -> Result<Option<Box<dyn BlobReader>>, StoreError> {
        open_reader(&self.0.path(&name_of(blob)))
    }

    fn contains(&self, blob: &Sha256) -> Result<bool, StoreError> {
        self.0.path(&name_of(blob)).try_exists().map_err(StoreError::io("looking for a file"))
    }

    fn remove(&self, blob: &Sha256) -> Result<(), StoreError> {
        self.0.remove(&name_of(blob))
    }

    fn sweep(&self, is_referenced: &mut dyn FnMut(&Sha256) -> Result<bool, StoreError>) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let area = self.0.clone();
        self.0.walk(&mut |name, size| {
            if Area::is_unfinished(name) {
                swept.unfinished += 1;
            } else if let Some(blob) = name.rsplit('/').next().and_then(Sha256::parse) {
                if is_referenced(&blob)? {
                    return Ok(());
                }
                swept.orphans += 1;
            } else {
                // Not ours: nobody asked us to delete it.
                return Ok(());
            }
            swept.octets += size;
            area.remove(name)
        })?;
        Ok(swept)
    }
}
