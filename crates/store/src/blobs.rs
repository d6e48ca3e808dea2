//! Documents' bytes, named by their content. Immutable: the same bytes have the same name, and no name changes bytes.

use crate::StoreError;
use aws_lc_rs::digest;
use model::Sha1Hash;
use std::fmt;
use std::fs::File;
use std::io;

/// SHA-256 over octets: the name of a blob. Displays as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        Sha256::from_digest(digest::digest(&digest::SHA256, bytes))
    }

    /// `None` unless it is 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |b: u8| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        };
        let mut out = [0; 32];
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        for (byte, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Sha256(out))
    }

    pub(crate) fn from_digest(digest: digest::Digest) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest.as_ref());
        Sha256(out)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// A finished blob. Units: size in octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRef {
    pub sha256: Sha256,
    pub sha1: Sha1Hash,
    pub size_octets: u64,
}

/// Computes both hashes that XDS and the store need while bytes pass.
pub(crate) struct Digests {
    sha256: digest::Context,
    sha1: digest::Context,
    size_octets: u64,
}

impl Digests {
    pub(crate) fn new() -> Self {
        Digests {
            sha256: digest::Context::new(&digest::SHA256),
            // XDS demands SHA-1 (ITI TF-3 4.2.3.2.10); it identifies, it protects nothing.
            sha1: digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            size_octets: 0,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sha1.update(bytes);
        self.size_octets += bytes.len() as u64;
    }

    pub(crate) fn finish(self) -> BlobRef {
        let mut sha1 = [0; 20];
        sha1.copy_from_slice(self.sha1.finish().as_ref());
        BlobRef {
            sha256: Sha256::from_digest(self.sha256.finish()),
            sha1: Sha1Hash::from_bytes(sha1),
            size_octets: self.size_octets,
        }
    }
}

/// Hashes and size of bytes in memory.
pub fn digest_of(bytes: &[u8]) -> BlobRef {
    let mut digests = Digests::new();
    digests.update(bytes);
    digests.finish()
}

/// A blob being written. Dropped without [`BlobWriter::finish`], it leaves nothing behind.
pub trait BlobWriter: Send {
    /// Errors: `Full`, `Io`; after an error the writer can only be dropped.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError>;
    /// Makes the blob durable under its name; when it answers, a crash cannot take it away.
    fn finish(self: Box<Self>) -> Result<BlobRef, StoreError>;
}

/// An open blob. Reads at any place, from any thread, without moving a position.
pub trait BlobReader: Send + Sync {
    fn size_octets(&self) -> u64;
    /// Fills `buffer` from `offset` as far as the blob goes. Shape: octets read; fewer only at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// The file itself, where the blob is one: for streaming with the system's own means.
    fn file(&self) -> Option<&File>;
}

/// What a sweep took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Unfinished writes of an earlier run.
    pub unfinished: u64,
    /// Finished, but nothing refers to them.
    pub orphans: u64,
    pub octets: u64,
}

/// Where blobs live. All methods block; async callers use a blocking thread.
///
/// After a crash: every finished blob is there whole; of others at most an unfinished file remains, which
/// [`BlobStore::sweep`] removes.
pub trait BlobStore: Send + Sync {
    fn create(&self) -> Result<Box<dyn BlobWriter>, StoreError>;
    /// `None` when there is no such blob.
    fn open(&self, blob: &Sha256) -> Result<Option<Box<dyn BlobReader>>, StoreError>;
    fn contains(&self, blob: &Sha256) -> Result<bool, StoreError>;
    /// Removes a blob that nothing refers to any more. Absent already is no error. The same bytes must not be on their
    /// way in at this moment: their row is not there yet. When that cannot be excluded, leave it to the next sweep.
    fn remove(&self, blob: &Sha256) -> Result<(), StoreError>;
    /// Removes what a crash left: unfinished writes, and blobs to which nothing refers. Only at start, before anybody
    /// writes: a blob whose reference is not committed yet looks like an orphan.
    fn sweep(&self, is_referenced: &mut dyn FnMut(&Sha256) -> Result<bool, StoreError>) -> Result<Swept, StoreError>;

    /// Stores bytes that are in memory.
    fn put(&self, bytes: &[u8]) -> Result<BlobRef, StoreError> {
        let mut writer = self.create()?;
        writer.write(bytes)?;
        writer.finish()
    }
}
