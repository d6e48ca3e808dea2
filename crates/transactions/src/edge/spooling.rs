//! Attachments on their way in: in memory while small, in the blob store beyond, and gone again with the request that
//! brought them unless they became documents.

use actors::spool::{self, BlobWriter, INLINE_LIMIT_OCTETS, Sha256, Spool};
use actors::{DocumentContent, Fault};
use bytes::{Bytes, BytesMut};
use std::sync::Arc;

/// What a request left in the spool. Released with the request however it ends, also when the caller goes away.
pub(super) struct Spooled {
    spool: Option<Arc<dyn Spool>>,
    blobs: Vec<Sha256>,
}

impl Spooled {
    pub(super) fn new(spool: Option<Arc<dyn Spool>>) -> Self {
        Spooled { spool, blobs: Vec::new() }
    }

    /// One more is there.
    pub(super) fn keep(&mut self, content: &DocumentContent) {
        if let DocumentContent::Blob(blob) = content {
            self.blobs.push(blob.sha256);
        }
    }

    pub(super) async fn release(&mut self) {
        if let Some(spool) = &self.spool {
            spool.release(std::mem::take(&mut self.blobs)).await;
        }
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if let (Some(spool), false) = (self.spool.take(), self.blobs.is_empty()) {
            let blobs = std::mem::take(&mut self.blobs);
            tokio::spawn(async move { spool.release(blobs).await });
        }
    }
}

/// An attachment on its way in.
pub(super) enum Spooling {
    Memory(BytesMut),
    Blob {
        writer: Box<dyn BlobWriter>,
        octets: u64,
    },
    /// There is no room; what still comes is only counted.
    NotKept {
        fault: Fault,
        octets: u64,
    },
}

impl Spooling {
    pub(super) async fn write(
        &mut self,
        bytes: Bytes,
        spool: Option<&Arc<dyn Spool>>,
        limit: u64,
    ) -> Result<(), soap::Fault> {
        if let Spooling::Memory(buffer) = self {
            if buffer.len() + bytes.len() <= INLINE_LIMIT_OCTETS {
                buffer.extend_from_slice(&bytes);
                return Ok(());
            }
            let Some(spool) = spool else {
                return Err(soap::Fault::sender("this transaction takes no attachments of this size"));
            };
            let (spool, first) = (spool.clone(), std::mem::take(buffer));
            let octets = first.len() as u64;
            let begun = tokio::task::spawn_blocking(move || {
                let mut writer = spool.create()?;
                writer.write(&first)?;
                Ok(writer)
            });
            *self = match begun.await.map_err(|_| soap::Fault::receiver("spooling failed"))? {
                Ok(writer) => Spooling::Blob { writer, octets },
                Err(error) => Spooling::NotKept { fault: no_room(error)?, octets },
            };
        }
        let (Spooling::Blob { octets, .. } | Spooling::NotKept { octets, .. }) = self else { return Ok(()) };
        *octets += bytes.len() as u64;
        let octets = *octets;
        if octets > limit {
            return Err(soap::Fault::sender(format!("an attachment may have at most {limit} octets")));
        }
        // Writes go to the page cache; the blocking thread is needed for the file's creation and its fsync.
        if let Spooling::Blob { writer, .. } = self
            && let Err(error) = writer.write(&bytes)
        {
            *self = Spooling::NotKept { fault: no_room(error)?, octets };
        }
        Ok(())
    }

    pub(super) async fn finish(self) -> Result<Result<DocumentContent, Fault>, soap::Fault> {
        match self {
            Spooling::Memory(buffer) => Ok(Ok(DocumentContent::Memory(buffer.freeze()))),
            Spooling::NotKept { fault, .. } => Ok(Err(fault)),
            Spooling::Blob { writer, .. } => {
                let finished = tokio::task::spawn_blocking(move || writer.finish()).await;
                match finished.map_err(|_| soap::Fault::receiver("spooling failed"))? {
                    Ok(blob) => Ok(Ok(DocumentContent::Blob(blob))),
                    Err(error) => Ok(Err(no_room(error)?)),
                }
            }
        }
    }
}

/// A full disk is for the transaction to say; anything else is this node's own failure.
fn no_room(error: spool::StoreError) -> Result<Fault, soap::Fault> {
    tracing::error!(%error, "cannot keep an attachment");
    match error {
        spool::StoreError::Full(what) => Ok(Fault::OutOfResources(format!("no room left: {what}"))),
        _ => Err(soap::Fault::receiver("an attachment cannot be kept; nothing of this request was kept")),
    }
}
