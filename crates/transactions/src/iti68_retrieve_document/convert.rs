//! A manifest in the form it is not stored in, made when it is asked for. Source: spec/fhir.md sections 10 and 17.

use super::representation::Representation;
use crate::edge::fhir_server::Refused;
use crate::manifest_forms::{Unconvertible, fhir_of_kos, kos_of_fhir, within_limit};
use actors::{ByteStream, Refusal};
use bytes::{Bytes, BytesMut};
use fhir::operation_outcome::Issue;
use futures_util::StreamExt;
use http::StatusCode;
use tokio::sync::Semaphore;

/// So many manifests are converted at once; the others wait with their octets.
static CONVERSIONS: Semaphore = Semaphore::const_new(4);

/// The other form of a manifest whose stored octets come in `body`.
///
/// Errors: it cannot be read, has no other form or is too long: 406 that says why; the document breaks off.
pub(super) async fn converted(
    to: Representation,
    mut body: ByteStream,
    size_octets: Option<u64>,
) -> Result<Bytes, Refused> {
    let refuse = |reason: Unconvertible| {
        let wanted = to.generated().map_or("", |(media_type, _)| media_type);
        let text = format!("this document cannot be given as {wanted}: {reason}; without Accept it comes as it is");
        Refused::new(StatusCode::NOT_ACCEPTABLE, Issue::error("not-supported").diagnostics(text))
    };
    within_limit(size_octets.unwrap_or(0)).map_err(refuse)?;
    let mut stored = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(Refusal::from)?;
        within_limit((stored.len() + piece.len()) as u64).map_err(refuse)?;
        stored.extend_from_slice(&piece);
    }
    // The semaphore lives as long as the process and is never closed.
    let _permit = CONVERSIONS.acquire().await;
    let made = tokio::task::spawn_blocking(move || match to {
        Representation::Kos => kos_of_fhir(&stored),
        _ => fhir_of_kos(&stored),
    });
    match made.await {
        Ok(made) => made.map(Bytes::from).map_err(refuse),
        Err(error) => {
            tracing::error!(%error, "a manifest could not be converted");
            let issue = Issue::error("exception").diagnostics("the manifest could not be converted");
            Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, issue))
        }
    }
}
