//! Instances that are being looked at, as files in a folder of their own: fetched once however many ask, the longest unused
//! go first, and the folder never holds more than its limit.

use super::problems::{Kind, Trouble};
use actors::{Cx, Fault, ImageRequest, Imaging, WantedSyntax};
use futures_util::StreamExt;
use model::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt;
use tokio::sync::OnceCell;

/// Entries without a file, and files, that are remembered.
const MOST_ENTRIES: usize = 8192;

/// Source and instance.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct InstanceKey {
    /// Base address or Retrieve Location UID: two sources may hold different bytes under one UID.
    pub source: String,
    pub study: StudyInstanceUid,
    pub series: SeriesInstanceUid,
    pub instance: SopInstanceUid,
}

/// One instance on disk; it goes when the last user has done with it.
pub(super) struct InstanceFile {
    path: PathBuf,
    size_octets: u64,
}

impl InstanceFile {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for InstanceFile {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

struct Entry {
    cell: Arc<OnceCell<Arc<InstanceFile>>>,
    used: u64,
}

pub(super) struct InstanceCache {
    folder: PathBuf,
    limit_octets: u64,
    entries: Mutex<HashMap<InstanceKey, Entry>>,
    /// Counts uses and names files.
    counter: AtomicU64,
    ready: OnceCell<()>,
}

impl InstanceCache {
    pub fn new(folder: PathBuf, limit_octets: u64) -> Self {
        InstanceCache {
            folder,
            limit_octets,
            entries: Mutex::default(),
            counter: AtomicU64::new(1),
            ready: OnceCell::new(),
        }
    }

    /// The file of an instance, fetched if it is not there.
    pub async fn file(&self, key: InstanceKey, source: &dyn Imaging, cx: &Cx) -> Result<Arc<InstanceFile>, Trouble> {
        let used = self.counter.fetch_add(1, Ordering::Relaxed);
        let cell = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = entries.entry(key.clone()).or_insert_with(|| Entry { cell: Arc::default(), used });
            entry.used = used;
            entry.cell.clone()
        };
        // Whoever comes first fetches; a failure is not remembered, and a caller who leaves hands over to the next.
        let file = cell.get_or_try_init(|| self.fetch(&key, source, cx)).await.cloned();
        self.evict(&key);
        file
    }

    async fn fetch(&self, key: &InstanceKey, source: &dyn Imaging, cx: &Cx) -> Result<Arc<InstanceFile>, Trouble> {
        self.ready.get_or_try_init(|| self.empty_folder()).await?;
        let request = ImageRequest {
            study: key.study.clone(),
            series: Some(key.series.clone()),
            instance: Some(key.instance.clone()),
            syntaxes: vec![WantedSyntax::AsStored],
        };
        let mut images = source.fetch(&request, cx).await?;
        let mut served = match images.instances.next().await {
            Some(served) => served?,
            None => return Err(Fault::ImagesNotFound(format!("instance {}", key.instance)).into()),
        };
        if served.sop_instance != key.instance {
            let what = format!("instance {} was asked for, {} came", key.instance, served.sop_instance);
            return Err(Trouble::of(Kind::NotShown, what));
        }
        let limit = self.limit_octets;
        let too_large = || Trouble::of(Kind::NotShown, format!("it has more than {} MB", limit >> 20));
        if served.size_octets.is_some_and(|size| size > limit) {
            return Err(too_large());
        }
        let name = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut file = InstanceFile { path: self.folder.join(format!("{name}.dcm")), size_octets: 0 };
        let mut writer = tokio::fs::File::create(&file.path).await.map_err(|e| self.broken(&e, cx))?;
        while let Some(piece) = served.body.next().await {
            let piece = piece?;
            file.size_octets += piece.len() as u64;
            if file.size_octets > limit {
                return Err(too_large());
            }
            writer.write_all(&piece).await.map_err(|e| self.broken(&e, cx))?;
        }
        writer.flush().await.map_err(|e| self.broken(&e, cx))?;
        Ok(Arc::new(file))
    }

    /// What an earlier run left is nobody's.
    async fn empty_folder(&self) -> Result<(), Trouble> {
        let folder = self.folder.clone();
        let made = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "dcm") {
                    std::fs::remove_file(path)?;
                }
            }
            std::io::Result::Ok(())
        });
        match made.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "the portal's folder for images cannot be used");
                Err(Trouble::of(Kind::Internal, ""))
            }
            Err(_) => Err(Trouble::of(Kind::Internal, "")),
        }
    }

    fn broken(&self, error: &std::io::Error, cx: &Cx) -> Trouble {
        tracing::error!(request_id = cx.request_id, %error, "an instance cannot be written to the portal's folder");
        Trouble::of(Kind::Busy, "")
    }

    /// Removes the longest unused until the rest fits; the one just asked for stays.
    fn evict(&self, keep: &InstanceKey) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.get(keep).is_some_and(|entry| entry.cell.get().is_none() && Arc::strong_count(&entry.cell) <= 2) {
            // It failed and nobody else waits for it.
            entries.remove(keep);
        }
        let size = |entry: &Entry| entry.cell.get().map_or(0, |file| file.size_octets);
        let mut total: u64 = entries.values().map(size).sum();
        while total > self.limit_octets || entries.len() > MOST_ENTRIES {
            let oldest = entries.iter().filter(|(key, entry)| *key != keep && entry.cell.get().is_some());
            let Some(oldest) = oldest.min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone()) else { break };
            if let Some(gone) = entries.remove(&oldest) {
                total -= size(&gone);
            }
        }
    }
}
