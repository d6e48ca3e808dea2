//! Writing one file durably: temporary file, fsync, rename, fsync of the folder. Syncs of the same folder that are asked
//! for at the same time share one system call.

use super::FileOptions;
use crate::StoreError;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A folder tree with a place for unfinished files, and what it may hold.
pub(super) struct Area {
    root: PathBuf,
    unfinished: PathBuf,
    options: FileOptions,
    used: AtomicU64,
    next: AtomicU64,
    folders: Mutex<HashMap<PathBuf, Arc<FolderSync>>>,
}

/// Callers number themselves; the one that syncs does so for all that came before it began.
#[derive(Default)]
struct FolderSync {
    asked: AtomicU64,
    /// The highest number that a finished sync covers.
    done: Mutex<u64>,
}

impl Area {
    pub(super) fn open(root: &Path, options: FileOptions) -> Result<Arc<Self>, StoreError> {
        let unfinished = root.join("unfinished");
        fs::create_dir_all(&unfinished).map_err(StoreError::io("creating the data folder"))?;
        sync_folder(root)?;
        if let Some(parent) = root.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        let area = Area {
            root: root.to_owned(),
            unfinished,
            options,
            used: AtomicU64::new(0),
            next: AtomicU64::new(0),
            folders: Mutex::default(),
        };
        if options.max_octets.is_some() {
            let mut used = 0;
            area.walk(&mut |_, size| {
                used += size;
                Ok(())
            })?;
            area.used.store(used, Ordering::Relaxed);
        }
        Ok(Arc::new(area))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn create(self: &Arc<Self>) -> Result<Unfinished, StoreError> {
        // Another process may have left a file of this name; then the next number is tried.
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let path = self.unfinished.join(format!("{}-{number}", std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => {
                    return Ok(Unfinished { area: self.clone(), path, file: Some(file), size_octets: 0 });
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(StoreError::io("creating a file")(e)),
            }
        }
    }

    fn reserve(&self, octets: u64) -> Result<(), StoreError> {
        let Some(max) = self.options.max_octets else { return Ok(()) };
        let grow = |used: u64| used.checked_add(octets).filter(|used| *used <= max);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow) {
            Ok(_) => Ok(()),
            Err(_) => Err(StoreError::Full("the configured limit for files is reached")),
        }
    }

    fn release(&self, octets: u64) {
        if self.options.max_octets.is_some() {
            let shrink = |used: u64| Some(used.saturating_sub(octets));
            let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, shrink);
        }
    }

    /// Removes a finished file; absent already is no error.
    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        let size = fs::metadata(&path).map_or(0, |m| m.len());
        match fs::remove_file(&path) {
            Ok(()) => {
                self.release(size);
                Ok(())
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(StoreError::io("removing a file")(e)),
        }
    }

    /// Every file below the root, unfinished ones included: name relative to the root, with `/`, and size.
    pub(super) fn walk(&self, see: &mut dyn FnMut(&str, u64) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let failed = StoreError::io("reading the data folder");
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(self.root.join(&folder)).map_err(&failed)? {
                let item = item.map_err(&failed)?;
                // Names that are no text are not ours.
                let Ok(name) = item.file_name().into_string() else { continue };
                let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let kind = item.file_type().map_err(&failed)?;
                if kind.is_dir() {
                    folders.push(name);
                } else if kind.is_file() {
                    match item.metadata() {
                        Ok(metadata) => see(&name, metadata.len())?,
                        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                        Err(e) => return Err(failed(e)),
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn is_unfinished(name: &str) -> bool {
        name.starts_with("unfinished/")
    }

    /// Creates the folder of `name` when it is missing, durably.
    fn prepare_folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let folder = self.path(name).parent().unwrap_or(&self.root).to_owned();
        if folder.is_dir() {
            return Ok(folder);
        }
        fs::create_dir_all(&folder).map_err(StoreError::io("creating a folder"))?;
        // Each new level is an entry of the level above.
        let mut level = folder.as_path();
        while level != self.root
            && let Some(above) = level.parent()
        {
            self.sync(above)?;
            level = above;
        }
        Ok(folder)
    }

    fn sync(&self, folder: &Path) -> Result<(), StoreError> {
        let gate = {
            let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            if folders.len() > 1024 {
                folders.retain(|_, gate| Arc::strong_count(gate) > 1);
            }
            folders.entry(folder.to_owned()).or_default().clone()
        };
        let mine = gate.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut done = gate.done.lock().unwrap_or_else(PoisonError::into_inner);
        if *done >= mine {
            return Ok(());
        }
        // All that have a number by now changed the folder before this sync begins.
        let covers = gate.asked.load(Ordering::SeqCst);
        sync_folder(folder)?;
        *done = covers;
        Ok(())
    }
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let failed = StoreError::io("syncing a folder");
    File::open(folder).map_err(&failed)?.sync_all().map_err(&failed)
}

/// A file being written. Dropped unfinished, it is removed.
pub(super) struct Unfinished {
    area: Arc<Area>,
    path: PathBuf,
    file: Option<File>,
    size_octets: u64,
}

impl Unfinished {
    pub(super) fn read_back(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(StoreError::io("reading a file back"))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else { return Err(StoreError::Refused("the file is finished")) };
        self.area.reserve(bytes.len() as u64)?;
        self.size_octets += bytes.len() as u64;
        file.write_all(bytes).map_err(StoreError::io("writing a file"))
    }

    /// Makes the content durable under `name`. A file that has the name is replaced, so names are made of contents.
    pub(super) fn finish(mut self, name: &str) -> Result<(), StoreError> {
        let Some(file) = self.file.take() else { return Err(StoreError::Refused("the file is finished")) };
        // The length is data too: sync_data writes what is needed to read the file back.
        file.sync_data().map_err(StoreError::io("syncing a file"))?;
        drop(file);
        let folder = self.area.prepare_folder(name)?;
        let place = self.area.path(name);
        let replaced = fs::metadata(&place).map_or(0, |m| m.len());
        fs::rename(&self.path, &place).map_err(StoreError::io("renaming a file"))?;
        self.area.release(replaced);
        // From here on the file is not unfinished, whatever happens to the folder.
        self.path = PathBuf::new();
        self.area.sync(&folder)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            self.file = None;
            // What cannot be removed now is removed by the next sweep.
            let _ = fs::remove_file(&self.path);
            self.area.release(self.size_octets);
        }
    }
}
