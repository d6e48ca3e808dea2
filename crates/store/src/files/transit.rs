//! Instances in transit through a proxy: files that nobody was promised. They are not synced, take at most so much disk,
//! go when the last reader lets go of them, and none survives a start.

use super::blobs::open_reader;
use crate::{BlobReader, StoreError};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Files in transit below one folder. All methods block.
pub struct TransitFiles(Arc<Area>);

struct Area {
    folder: PathBuf,
    max_octets: u64,
    used: Mutex<u64>,
    freed: Condvar,
    next: AtomicU64,
}

impl TransitFiles {
    /// Opens the folder and empties it. Units: octets of all files together.
    ///
    /// Errors: `Io`.
    pub fn open(folder: &Path, max_octets: u64) -> Result<Self, StoreError> {
        let failed = StoreError::io("emptying the transit folder");
        fs::create_dir_all(folder).map_err(&failed)?;
        for item in fs::read_dir(folder).map_err(&failed)? {
            let item = item.map_err(&failed)?;
            if item.file_type().map_err(&failed)?.is_file() {
                fs::remove_file(item.path()).map_err(&failed)?;
            }
        }
        Ok(TransitFiles(Arc::new(Area {
            folder: folder.to_owned(),
            max_octets,
            used: Mutex::new(0),
            freed: Condvar::new(),
            next: AtomicU64::new(0),
        })))
    }

    /// Begins a file.
    pub fn create(&self) -> Result<TransitWriter, StoreError> {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let path = self.0.folder.join(format!("{number}.dcm"));
        let failed = StoreError::io("creating a file in transit");
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(failed)?;
        Ok(TransitWriter { file, kept: Kept { area: self.0.clone(), path, octets: 0 } })
    }

    /// What all files take now.
    pub fn used_octets(&self) -> u64 {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn max_octets(&self) -> u64 {
        self.0.max_octets
    }
}

/// A file and its share of the space; both go with it.
struct Kept {
    area: Arc<Area>,
    path: PathBuf,
    octets: u64,
}

impl Kept {
    /// Takes space, waiting for others to let go of theirs. Errors: `Full` after `patience`.
    fn grow(&mut self, octets: u64, patience: Duration) -> Result<(), StoreError> {
        let until = Instant::now() + patience;
        let mut used = self.area.used.lock().unwrap_or_else(PoisonError::into_inner);
        while used.saturating_add(octets) > self.area.max_octets {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.octets + octets > self.area.max_octets {
                return Err(StoreError::Full("the limit for instances in transit is reached"));
            }
            (used, _) = self.area.freed.wait_timeout(used, left).unwrap_or_else(PoisonError::into_inner);
        }
        *used += octets;
        self.octets += octets;
        Ok(())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // A file that cannot be removed is removed at the next start.
        let _ = fs::remove_file(&self.path);
        let mut used = self.area.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(self.octets);
        self.area.freed.notify_all();
    }
}

/// A file being written. Dropped without [`TransitWriter::finish`], it leaves nothing behind.
pub struct TransitWriter {
    file: File,
    kept: Kept,
}

impl TransitWriter {
    /// Waits up to `patience` for space. Errors: `Full`, `Io`.
    pub fn write(&mut self, octets: &[u8], patience: Duration) -> Result<(), StoreError> {
        self.kept.grow(octets.len() as u64, patience)?;
        self.file.write_all(octets).map_err(StoreError::io("writing a file in transit"))
    }

    /// What was written so far, from its beginning.
    pub fn read_back(&self) -> Result<File, StoreError> {
        File::open(&self.kept.path).map_err(StoreError::io("reading a file in transit"))
    }

    /// What was written so far.
    pub fn size_octets(&self) -> u64 {
        self.kept.octets
    }

    pub fn finish(self) -> TransitFile {
        TransitFile(self.kept)
    }
}

/// A whole file; it is there as long as this value.
pub struct TransitFile(Kept);

impl TransitFile {
    pub fn size_octets(&self) -> u64 {
        self.0.octets
    }

    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Errors: `Io`; `Missing` when somebody else removed it.
    pub fn open(&self) -> Result<Box<dyn BlobReader>, StoreError> {
        open_reader(&self.0.path)?.ok_or(StoreError::Missing { what: "a file in transit" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    fn files(max_octets: u64) -> (tempfile::TempDir, TransitFiles) {
        let folder = tempfile::tempdir().unwrap();
        let files = TransitFiles::open(folder.path(), max_octets).unwrap();
        (folder, files)
    }

    fn written(files: &TransitFiles, octets: &[u8]) -> Result<TransitFile, StoreError> {
        let mut writer = files.create()?;
        writer.write(octets, PATIENCE)?;
        Ok(writer.finish())
    }

    #[test]
    fn a_file_is_there_as_long_as_somebody_holds_it() {
        let (folder, files) = files(10);
        let file = written(&files, b"0123").unwrap();
        let mut octets = [0; 4];
        assert_eq!(file.open().unwrap().read_at(0, &mut octets).unwrap(), 4);
        assert_eq!((&octets, file.size_octets(), files.used_octets()), (b"0123", 4, 4));
        drop(file);
        assert_eq!((files.used_octets(), fs::read_dir(folder.path()).unwrap().count()), (0, 0));
    }

    #[test]
    fn what_is_too_much_waits_for_space_and_then_fails() {
        let (_folder, files) = files(10);
        let first = written(&files, b"01234567").unwrap();
        assert_eq!(
            written(&files, b"012").err(),
            Some(StoreError::Full("the limit for instances in transit is reached"))
        );
        assert_eq!(files.used_octets(), 8, "a failed file gives its space back");
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let mut writer = files.create().unwrap();
                writer.write(b"012", Duration::from_secs(20)).map(|()| writer.finish().size_octets())
            });
            std::thread::sleep(PATIENCE);
            drop(first);
            waiting.join().unwrap()
        });
        assert_eq!(waiting, Ok(3));
        // One that can never fit does not wait.
        let begun = Instant::now();
        let mut writer = files.create().unwrap();
        assert!(writer.write(&[0; 11], Duration::from_secs(20)).is_err());
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn nothing_survives_a_start() {
        let (folder, files) = files(10);
        std::mem::forget(written(&files, b"0123").unwrap());
        drop(files);
        let files = TransitFiles::open(folder.path(), 10).unwrap();
        assert_eq!((files.used_octets(), fs::read_dir(folder.path()).unwrap().count()), (0, 0));
    }
}
