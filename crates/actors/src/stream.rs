//! Bytes from the store as streams: a blocking thread reads ahead, a short queue holds it back.

use crate::{ByteStream, Fault};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use std::sync::{Arc, Mutex, PoisonError};
use store::BlobReader;
use tokio::sync::mpsc;

/// One read. Smaller ones cost more than they save (spec/crates.md 4.1: 8 KiB is ten times slower).
const CHUNK_OCTETS: usize = 256 * 1024;
/// Chunks read ahead: with [`CHUNK_OCTETS`], 1 MiB per transfer.
const AHEAD: usize = 4;

/// A stream of one piece.
pub fn once(bytes: Bytes) -> ByteStream {
    Box::pin(stream::once(async move { Ok(bytes) }))
}

/// A stream that is opened when its first piece is asked for: an answer of a thousand documents holds one file and one
/// reader at a time.
pub fn when_read(open: impl FnOnce() -> Result<ByteStream, Fault> + Send + 'static) -> ByteStream {
    Box::pin(stream::once(async move { open() }).try_flatten())
}

/// A blob from its first octet to its last.
pub fn blob_stream(blob: Arc<dyn BlobReader>, log_id: String) -> ByteStream {
    let size = blob.size_octets();
    let mut offset = 0;
    read_ahead(move || {
        let want = CHUNK_OCTETS.min((size - offset) as usize);
        if want == 0 {
            return Ok(None);
        }
        let mut chunk = Chunk::take(want);
        match blob.read_at(offset, chunk.octets_mut()) {
            Ok(read) if read == want => {
                offset += read as u64;
                Ok(Some(Bytes::from_owner(chunk)))
            }
            outcome => {
                tracing::error!(log_id, ?outcome, offset, "a stored file is shorter than it was or cannot be read");
                Err(Fault::Internal { log_id: log_id.clone() })
            }
        }
    })
}

/// Buffers that were sent and wait to be filled again. Each transfer reads on threads of its own; without this every one
/// of them would keep an allocator heap the size of its chunks.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
/// Most spare buffers: 8 MiB.
const MOST_SPARE: usize = 32;

/// A buffer on loan from [`SPARE`]; it goes back when the last slice of it is gone.
struct Chunk {
    buffer: Vec<u8>,
    octets: usize,
}

impl Chunk {
    fn take(octets: usize) -> Self {
        // Nothing can panic while the lock is held, so a poisoned lock still guards a whole list.
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Chunk { buffer: spare.unwrap_or_else(|| vec![0; CHUNK_OCTETS]), octets }
    }

    fn octets_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.octets]
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.octets]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MOST_SPARE {
            spare.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// Calls `next` on a blocking thread until it says `None` or fails; the receiver going away ends it.
pub fn read_ahead(mut next: impl FnMut() -> Result<Option<Bytes>, Fault> + Send + 'static) -> ByteStream {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        loop {
            let item = match next() {
                Ok(None) => break,
                Ok(Some(bytes)) => Ok(bytes),
                Err(fault) => Err(fault),
            };
            let last = item.is_err();
            if sender.blocking_send(item).is_err() || last {
                break;
            }
        }
    });
    Box::pin(stream::unfold(receiver, |mut receiver| async move {
        let item = receiver.recv().await?;
        Some((item, receiver))
    }))
}
