//! Bad weather: nodes that die, peers that are gone, objects and messages that no sane system sends, full disks. What was
//! acknowledged stays, what is refused says why, and nobody else notices. Source: design sections 4, 5, 6 and 9.

mod audit;
mod central_archive;
mod centre_down;
pub mod client;
mod demo;
pub mod documents;
mod error_codes;
mod field_cases;
mod four_ways;
mod full_disk;
mod growth;
mod hostile_dicom;
mod hostile_http;
mod kill;
mod large;
mod main_path;
mod mhd;
mod mhd_generate;
mod mhd_simple;
pub mod modality;
pub mod objects;
mod pitfalls;
mod refusals;
mod separate_processes;
mod soap_manners;
mod two_doors;
mod wire;

use crate::network::Network;
use client::Client;
use modality::Modality;
use std::sync::OnceLock;

/// A demo network without documents that these tests share; each uses studies and documents of its own.
fn calm() -> &'static Network {
    static CALM: OnceLock<Network> = OnceLock::new();
    CALM.get_or_init(|| Network::demo(&["--empty", "--quiet-time-ms", "200"]))
}

fn node(network: &Network, name: &str) -> Client {
    Client::of(&network.http(name))
}

fn modality(network: &Network, name: &str) -> Modality {
    Modality::connect(&network.endpoint(name, "DIMSE"), &network.endpoint(name, "DIMSE-AET")).expect("an association")
}

/// The largest size a process had in memory so far, octets; absent where the system does not say.
fn memory_peak_octets(process_id: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
