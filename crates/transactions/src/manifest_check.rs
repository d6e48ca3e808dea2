//! A look into a manifest before a repository takes it: it must be a KOS, be the document its metadata names, and not
//! contradict itself. What public samples merely do otherwise is accepted. Source: spec/dicom.md sections 3 and 10.

use crate::iti41_provide_and_register_document_set::DocumentCheck;
use actors::spool::BlobStore;
use actors::{DocumentContent, Fault};
use dicom::kos::{self, Severity, Titles};
use model::DocumentEntry;
use std::sync::Arc;

pub struct ManifestCheck {
    /// Where larger documents lie.
    pub blobs: Arc<dyn BlobStore>,
}

impl DocumentCheck for ManifestCheck {
    fn concerns(&self, entry: &DocumentEntry) -> bool {
        entry.is_kos() && entry.mime_type == "application/dicom"
    }

    fn check(&self, entry: &DocumentEntry, content: &DocumentContent) -> Result<(), Fault> {
        let refuse = |reason: String| Fault::InvalidContent { unique_id: entry.unique_id.to_string(), reason };
        let bytes = self.read(content).map_err(refuse)?;
        let decoded = kos::decode_titled(&bytes, Titles::Any).map_err(|e| refuse(format!("is no manifest: {e}")))?;
        for manifest in &decoded.manifests {
            if manifest.sop_instance.as_str() != entry.unique_id.as_str() {
                return Err(refuse(format!(
                    "is the object {}, which must be the uniqueId of its DocumentEntry",
                    manifest.sop_instance
                )));
            }
        }
        let contradiction = kos::check(&bytes).into_iter().find(|f| {
            f.severity == Severity::Error && f.rule.contains("the evidence") && f.place.contains("(0040,A730)")
        });
        match contradiction {
            Some(finding) => Err(refuse(format!("contradicts itself: {finding}"))),
            None => Ok(()),
        }
    }
}

impl ManifestCheck {
    fn read(&self, content: &DocumentContent) -> Result<Vec<u8>, String> {
        match content {
            DocumentContent::Memory(bytes) => Ok(bytes.to_vec()),
            DocumentContent::File(path) => std::fs::read(path).map_err(|e| e.kind().to_string()),
            DocumentContent::Blob(blob) if blob.size_octets > kos::MOST_OCTETS as u64 => {
                Err(format!("has {} octets; a manifest has at most {}", blob.size_octets, kos::MOST_OCTETS))
            }
            DocumentContent::Blob(blob) => {
                let reader = self.blobs.open(&blob.sha256).map_err(|e| e.to_string())?.ok_or("is gone")?;
                let mut bytes = vec![0; usize::try_from(blob.size_octets).unwrap_or(0)];
                reader.read_at(0, &mut bytes).map_err(|e| e.kind().to_string())?;
                Ok(bytes)
            }
        }
    }
}
