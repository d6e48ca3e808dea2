//! Replays the test plans of the NIST XDS toolkit against a node, without the toolkit: reads the kit's folders, makes the
//! messages its plans describe, sends them, and compares the answers. Source: spec xds.md section 28, way 2.
//!
//! Nothing here uses our own SOAP, MIME or ebXML code, so that a mistake in it cannot hide itself.

mod check;
mod expected;
mod kit;
mod log;
mod metadata;
mod runner;
mod step;
mod tree;
mod verdict;
mod wire;
mod xpath;

pub use kit::{Kit, Test};
pub use runner::{PATIENT_DOMAIN, Ran, Runner};
pub use verdict::{List, Verdicts, group};
pub use wire::{HttpPeer, Peer, Reply};
