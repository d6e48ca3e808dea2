//! A node in front of a PACS that speaks DIMSE only, publishing at the centre of a demo network: dcmtk's dcmqrscp, Orthanc,
//! and PACS that behave badly. Source: spec/dicom.md section 22; spec/mcwg.md section 6.

mod nasty;
mod proxied;
mod servers;
mod surveyed;
mod triggers;

use crate::network::{Files, Served};
use crate::weather::client::Client;
use std::sync::atomic::{AtomicU16, Ordering};

/// The centre alone, and the folder in which nodes beside it are written.
pub struct Centre {
    pub files: Files,
    pub client: Client,
    _central: Served,
    taken: AtomicU16,
}

/// A node in front of a PACS.
pub struct Behind {
    pub node: Served,
    pub client: Client,
}

/// What the configuration of such a node says of its PACS.
pub struct Wanted<'a> {
    pub name: &'a str,
    /// `host:port`.
    pub address: &'a str,
    pub ae_title: &'a str,
    /// Where the PACS sends what is asked for; absent: C-GET.
    pub move_to: Option<(&'a str, u16)>,
    /// Further lines of `[actors.pacs_proxy]`.
    pub more: &'a str,
}

impl Centre {
    pub fn start() -> Centre {
        let files = Files::write(&["--empty"]);
        let central = files.serve("central", &[]);
        let client = Client::to(&central);
        Centre { files, client, _central: central, taken: AtomicU16::new(30) }
    }

    /// A port of this network that nobody else has.
    pub fn port(&self) -> u16 {
        self.files.port_base + self.taken.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes the node's file and runs it; a second time it goes on where it was.
    pub fn serve(&self, wanted: &Wanted<'_>) -> Behind {
        let Wanted { name, address, ae_title, move_to, more } = wanted;
        let (http, mllp, base) = (self.port(), self.port(), self.files.port_base);
        let (listen, retrieve) = match move_to {
            Some((title, port)) => (
                format!("dicom = {{ address = \"127.0.0.1:{port}\", ae_title = \"{title}\" }}"),
                format!("move_destination = \"{title}\""),
            ),
            None => (String::new(), "retrieve = \"c-get\"".to_owned()),
        };
        let mllp = if more.contains("oru") { format!("mllp = \"127.0.0.1:{mllp}\"") } else { String::new() };
        let text = format!(
            r#"
[node]
name = "{name}"
home_community_id = "urn:oid:2.999.1"
public_url = "http://127.0.0.1:{http}"
data = "data/{name}"
[listen]
http = "127.0.0.1:{http}"
{listen}
{mllp}
[peers.central]
kind = "manifold"
url = "http://127.0.0.1:{base}"
[peers.pacs]
kind = "pacs"
address = "{address}"
ae_title = "{ae_title}"
[affinity_domain]
patient_domain = "2.999.7"
[actors.imaging_document_source]
from = "pacs_proxy"
publish_to = "central"
retrieve_location_uid = "2.25.303"
also_called = ["1.3.6.1.4.1000"]
quiet_time_ms = 100
[[actors.imaging_document_source.sources]]
ae_title = "*"
institution = "North Hospital^^^^^&2.999.1.2&ISO^^^^1"
patient_id_issuer = "2.999.7"
accession_issuer = "2.999.1.2.3"
[actors.pacs_proxy]
peer = "pacs"
{retrieve}
{more}
"#
        );
        std::fs::write(self.files.path(name), text).expect("the node's file can be written");
        let node = self.files.serve(name, &[]);
        let client = Client::to(&node);
        Behind { node, client }
    }

    /// Runs a node again that has ended.
    pub fn again(&self, name: &str) -> Behind {
        let node = self.files.serve(name, &[]);
        let client = Client::to(&node);
        Behind { node, client }
    }

    /// The patient's current manifest of a study lists so many instances; waits for it.
    pub fn await_instances(&self, patient: &str, study: &str, count: usize) -> Vec<String> {
        crate::weather::client::until(&format!("a manifest of {count} instances"), || {
            let listed = self.listed(patient, study)?;
            (listed.len() == count).then_some(listed)
        })
    }

    /// The current manifest of a study.
    pub fn document(&self, patient: &str, study: &str) -> Option<Vec<u8>> {
        let entry = self.client.current_manifests(patient, study).expect("an answer").pop()?;
        let repository = entry.repository_unique_id.clone().expect("a repository");
        Some(self.client.retrieve(&repository, &entry.unique_id).expect("the manifest"))
    }

    /// SOP Instance UIDs of the current manifest of a study.
    pub fn listed(&self, patient: &str, study: &str) -> Option<Vec<String>> {
        let document = self.document(patient, study)?;
        let manifest = dicom::kos::decode(&document).expect("a manifest").manifests.remove(0);
        let mut uids: Vec<String> = manifest.instances().map(|(_, one)| one.sop_instance.to_string()).collect();
        uids.sort();
        Some(uids)
    }
}

impl Behind {
    /// What `/health/status` says of the PACS.
    pub fn pacs(&self) -> serde_json::Value {
        self.client.status()["pacs"].clone()
    }

    /// One sample of `/metrics`.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.client.get("/metrics").expect("the node answers");
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")))?.to_owned();
        line.split(' ').nth(1)?.parse().ok()
    }
}
