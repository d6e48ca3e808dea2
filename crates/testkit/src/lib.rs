//! For tests only: a fixed clock, counted identifiers, invented entries and objects, fakes that obey the contracts of
//! the four traits in `actors`, and a server on loopback. Nothing here is used by a running node.

mod circumstances;
pub mod fuzz;
mod hospital;
mod identity;
mod imaging;
mod invented;
mod loopback;
pub mod nist;
mod registry;
mod repository;

pub use circumstances::{CountedIdentifiers, FixedClock, NOW_UNIX_MICROS, cx};
pub use hospital::Hospital;
pub use identity::MemoryIdentity;
pub use imaging::{FakeImaging, FakeInstance};
pub use invented::{dicom_file, domain, entry, entry_of, patient, patient_id, unique_id};
pub use loopback::{Served, http_client, listener, serve};
pub use registry::MemoryRegistry;
pub use repository::MemoryRepository;
