//! Mutated messages for every decoder behind the SOAP, FHIR and DICOMweb paths and on DICOM associations, and for pixel decoders of
//! ours: no panic, no hang, no memory beyond the message's own bound.
//! `MANIFOLD_FUZZ_RUNS` and `MANIFOLD_FUZZ_SEED` choose how many and which (xtask `deep` runs ten million).
//!
//! A binary of its own, because it counts what is allocated; its tests take turns for the same reason.

mod bombs;
mod dimse_targets;
mod fhir_targets;
mod pixel_targets;
mod targets;
mod web_targets;

use peak_alloc::PeakAlloc;
use std::sync::{Mutex, MutexGuard};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Octets that `work` had allocated at its height, beyond what was there before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let result = work();
    (result, ALLOCATED.peak_usage().saturating_sub(before))
}
