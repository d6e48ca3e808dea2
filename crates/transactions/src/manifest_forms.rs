//! The two forms of a manifest: a DICOM KOS as FHIR manifest and a FHIR manifest as KOS, each generated from the other.
//! Source: spec/fhir.md section 17, spec/mcwg.md 4.8 ("KOS <-> FHIR map").

use actors::Sha256;
use dicom::kos;
use model::{SeriesInstanceUid, SopInstanceUid, UniqueId};

/// Longest manifest that is given in its other form: about 30,000 instances of a KOS. Reading one takes several times its
/// length of memory.
pub const MOST_OCTETS: u64 = 16 << 20;

/// Why a document has no other form.
#[derive(Debug, thiserror::Error)]
pub enum Unconvertible {
    #[error("it has {octets} octets; a manifest is converted up to {MOST_OCTETS}")]
    TooLong { octets: u64 },
    #[error("it is no manifest: {0}")]
    NotAKos(#[from] kos::DecodeError),
    #[error("it lists {0} studies, a FHIR manifest has one")]
    SeveralStudies(usize),
    #[error("it is no FHIR manifest: {0}")]
    NotAFhirManifest(#[from] fhir::DecodeError),
    #[error("{0}")]
    NoFhirForm(#[from] fhir::manifest::EncodeError),
    #[error("{0} of its series and instances cannot be read, and would be lost")]
    Lossy(usize),
    #[error("{0}")]
    NoKosForm(#[from] kos::EncodeError),
}

/// The FHIR manifest of a KOS.
///
/// Shape: a uniqueId of its own, derived from that of the KOS, which it names; the same KOS gives the same octets.
/// Errors: see [`Unconvertible`]; a key image note is no manifest of a study.
pub fn fhir_of_kos(octets: &[u8]) -> Result<Vec<u8>, Unconvertible> {
    within_limit(octets.len() as u64)?;
    let manifests = kos::decode(octets)?.manifests;
    match manifests.as_slice() {
        [manifest] => Ok(fhir::manifest::encode(manifest, derived("FHIR manifest", manifest.sop_instance.as_str()))?),
        several => Err(Unconvertible::SeveralStudies(several.len())),
    }
}

/// The KOS of a FHIR manifest, flavour `Mado`.
///
/// Shape: instance and series UIDs are derived from the uniqueId of the FHIR manifest, even when that was made from a KOS: one
/// UID stands for one sequence of octets. The same FHIR manifest gives the same octets.
/// Errors: see [`Unconvertible`].
pub fn kos_of_fhir(octets: &[u8]) -> Result<Vec<u8>, Unconvertible> {
    within_limit(octets.len() as u64)?;
    let decoded = fhir::manifest::decode(octets, &kos_name)?;
    match decoded.left_out {
        0 => Ok(kos::encode(&decoded.manifest)?),
        lost => Err(Unconvertible::Lossy(lost)),
    }
}

/// Errors: too long.
pub fn within_limit(octets: u64) -> Result<(), Unconvertible> {
    if octets > MOST_OCTETS { Err(Unconvertible::TooLong { octets }) } else { Ok(()) }
}

/// Instance and series UID of the KOS made from a FHIR manifest.
pub fn kos_name(fhir: &UniqueId) -> (SopInstanceUid, SeriesInstanceUid) {
    let uid = |what: &str| format!("2.25.{}", derived(what, fhir.as_str()));
    (
        SopInstanceUid::parse(&uid("KOS")).expect("a UID made from a number is well-formed"),
        SeriesInstanceUid::parse(&uid("KOS series")).expect("a UID made from a number is well-formed"),
    )
}

/// The number of a UUID of version 8, made from what it names and whose it is. Source: RFC 9562 5.8.
fn derived(what: &str, of: &str) -> u128 {
    let digest = Sha256::of(format!("{what} of {of}").as_bytes());
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest.0[..16]);
    octets[6] = octets[6] & 0x0F | 0x80;
    octets[8] = octets[8] & 0x3F | 0x80;
    u128::from_be_bytes(octets)
}
