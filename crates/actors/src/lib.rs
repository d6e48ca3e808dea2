//! What IHE actors do, in no protocol: the four traits that everything meets at, the rules of a registry, a repository,
//! an identity manager and an imaging source, and the faults the domain refuses with. No codec, no socket.
//!
//! The traits are [`Registry`], [`Repository`], [`Imaging`] and [`Identity`]. A node's own store, a remote peer and a
//! whole federation implement them alike. Source: spec ITI TF-1 (actors), RAD TF-1.

mod cx;
mod document_registry;
mod fault;
mod partial;
mod patient_identity;
mod store_faults;
mod waist;

pub use cx::{Caller, Clock, Cx, Identifiers, short_id};
pub use document_registry::{DocumentRegistry, RegistryPolicy};
pub use fault::{Fault, Refusal};
pub use partial::{Found, SilentParty};
pub use patient_identity::PatientIdentity;
pub use waist::{
    BoxFuture, ByteStream, DocumentContent, DocumentRequest, Identity, ImageRequest, Imaging, InstanceStream,
    ProvidedDocument, Registered, Registry, Repository, Retrieved, RetrievedDocument, ServedInstance,
};
