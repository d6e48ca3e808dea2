//! Fetching one document: its entry, its bytes, and the proof that they belong together. Used by `retrieve`, `images`,
//! `manifest show` and `publish --replaces`.

use super::connection::{Parties, Via, circumstances};
use super::stop::Stop;
use actors::{DocumentRequest, RetrievedDocument};
use aws_lc_rs::digest;
use futures_util::StreamExt;
use model::{AvailabilityStatus, DocumentEntry, DocumentQuery, DocumentType, Oid, Sha1Hash, UniqueId};
use std::io::Write;

/// The entry of a document, current before replaced.
///
/// Errors: nobody has it, or nobody who could have it answered.
pub async fn entry(parties: &Parties, via: Option<Via>, unique_id: &UniqueId) -> Result<DocumentEntry, Stop> {
    let query = DocumentQuery {
        unique_ids: vec![unique_id.clone()],
        document_types: vec![DocumentType::Stable, DocumentType::OnDemand],
        ..DocumentQuery::default()
    };
    let mut found = parties.registry_via(via)?.find(&query, &circumstances()).await?;
    found.items.sort_by_key(|e| e.availability_status != AvailabilityStatus::Approved);
    super::query::tell_silent(&found.silent);
    found.items.into_iter().next().ok_or_else(|| {
        let who = if found.silent.is_empty() { "the registry" } else { "nobody who answered" };
        Stop::failed(match found.silent.is_empty() {
            true => format!("{who} knows no document {unique_id}; `manifold query` lists what there is"),
            false => format!("{who} knows the document {unique_id}"),
        })
    })
}

/// Hash and size of what passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    pub sha1: Sha1Hash,
    pub size_octets: u64,
}

impl Passed {
    /// What the metadata says otherwise; empty when everything fits.
    pub fn differences(&self, entry: &DocumentEntry) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(size) = entry.size_octets.filter(|size| *size != self.size_octets) {
            out.push(format!("the registry says {size} octets, {} came", self.size_octets));
        }
        if let Some(hash) = entry.hash.as_ref().filter(|hash| **hash != self.sha1) {
            out.push(format!("the registry says SHA-1 {hash}, what came has {}", self.sha1));
        }
        out
    }
}

/// Writes a document's bytes to `out` as they come.
pub async fn copy(
    parties: &Parties,
    via: Option<Via>,
    entry: &DocumentEntry,
    out: &mut dyn Write,
    progress: &dyn Fn(u64),
) -> Result<Passed, Stop> {
    let mut document = open(parties, via, entry).await?;
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    let mut size_octets = 0;
    while let Some(piece) = document.body.next().await {
        let piece = piece?;
        sha1.update(&piece);
        size_octets += piece.len() as u64;
        out.write_all(&piece).map_err(|e| Stop::failed(format!("cannot write the document: {e}")))?;
        progress(size_octets);
    }
    let mut bytes = [0; 20];
    bytes.copy_from_slice(sha1.finish().as_ref());
    Ok(Passed { sha1: Sha1Hash::from_bytes(bytes), size_octets })
}

/// A document in memory, proven to be what the registry describes.
///
/// Errors: more than `most` octets; other bytes than the metadata says.
pub async fn bytes(parties: &Parties, via: Option<Via>, entry: &DocumentEntry, most: u64) -> Result<Vec<u8>, Stop> {
    let mut out = Bounded { bytes: Vec::new(), most };
    let passed = copy(parties, via, entry, &mut out, &|_| {}).await?;
    match passed.differences(entry).as_slice() {
        [] => Ok(out.bytes),
        differences => Err(Stop::failed(format!(
            "document {} is not what the registry describes and was not used: {}",
            entry.unique_id,
            differences.join("; ")
        ))),
    }
}

struct Bounded {
    bytes: Vec<u8>,
    most: u64,
}

impl Write for Bounded {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        if (self.bytes.len() + octets.len()) as u64 > self.most {
            return Err(std::io::Error::other(format!("it has more than {} octets", self.most)));
        }
        self.bytes.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn open(parties: &Parties, via: Option<Via>, entry: &DocumentEntry) -> Result<RetrievedDocument, Stop> {
    let repository_unique_id = match (&entry.repository_unique_id, parties.via(via)) {
        (Some(id), _) => id.clone(),
        // MHD does not carry it, and does not need it.
        (None, Via::Mhd) => Oid::parse("0.0").map_err(Stop::failed)?,
        (None, Via::Xds) => {
            return Err(Stop::failed(format!("the registry does not say in which repository {} is", entry.unique_id)));
        }
    };
    let request = DocumentRequest {
        home_community_id: entry.home_community_id.clone(),
        repository_unique_id,
        unique_id: entry.unique_id.clone(),
    };
    let mut retrieved = parties.repositories_via(via)?.retrieve(&[request], &circumstances()).await?;
    match (retrieved.documents.pop(), retrieved.faults.first()) {
        (Some(document), _) => Ok(document),
        (None, Some(fault)) => Err(fault.clone().into()),
        (None, None) => Err(Stop::failed(format!("the repository answered without document {}", entry.unique_id))),
    }
}
