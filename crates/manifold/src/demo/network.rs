//! The demo's network as configuration files: architecture A, one centre and two hospitals on loopback. The same text is
//! run in one process by `demo` and written out by `demo --write-config`.

use std::path::{Path, PathBuf};

/// Ports and folders of one network.
#[derive(Clone, Debug)]
pub struct Layout {
    pub port_base: u16,
    /// Holds the nodes' data and the shared lists.
    pub data: PathBuf,
    pub quiet_time_ms: u64,
}

/// One node's file.
pub struct NodeFile {
    pub name: &'static str,
    pub toml: String,
}

pub const PATIENT_DOMAIN: &str = "2.999.7";
/// Nodes in the order in which they start.
pub const NODES: [&str; 3] = ["central", "north", "south"];

impl Layout {
    pub fn http_port(&self, node: &str) -> u16 {
        self.port_base + offset(node)
    }

    pub fn dicom_port(&self, node: &str) -> u16 {
        self.port_base + offset(node) + 1
    }

    pub fn mllp_port(&self, node: &str) -> u16 {
        self.port_base + offset(node) + 2
    }

    pub fn url(&self, node: &str) -> String {
        format!("http://127.0.0.1:{}", self.http_port(node))
    }

    pub fn codes(&self) -> PathBuf {
        self.data.join("codes.toml")
    }

    /// Every port the network listens on, with the node it belongs to.
    pub fn ports(&self) -> Vec<(&'static str, u16)> {
        let mut ports = Vec::new();
        for node in NODES {
            ports.push((node, self.http_port(node)));
            ports.push(match node {
                "central" => (node, self.mllp_port(node)),
                _ => (node, self.dicom_port(node)),
            });
        }
        ports
    }

    /// The three files; `lists` is where codes.toml, regions.toml and patients.csv lie.
    pub fn files(&self, lists: &Path) -> Vec<NodeFile> {
        vec![
            NodeFile { name: "central", toml: self.central(lists) },
            NodeFile { name: "north", toml: self.hospital("north", lists) },
            NodeFile { name: "south", toml: self.hospital("south", lists) },
        ]
    }

    fn head(&self, node: &str) -> String {
        format!(
            "# {node} of the demo network (architecture A). Loopback only, no authentication.\n\
             [node]\nname = {node:?}\nhome_community_id = \"urn:oid:2.999.1\"\npublic_url = {:?}\ndata = {:?}\n\n\
             [listen]\nhttp = \"127.0.0.1:{}\"\n",
            self.url(node),
            self.data.join(node).display().to_string(),
            self.http_port(node),
        )
    }

    fn domain(lists: &Path) -> String {
        let file = |name: &str| lists.join(name).display().to_string();
        format!(
            "\n[affinity_domain]\npatient_domain = {PATIENT_DOMAIN:?}\ncodes = {:?}\nregions = {:?}\n",
            file("codes.toml"),
            file("regions.toml"),
        )
    }

    fn central(&self, lists: &Path) -> String {
        format!(
            "{}mllp = \"127.0.0.1:{}\"\n\n[peers.north]\nkind = \"manifold\"\nurl = {:?}\nretrieve_location_uid = \"2.25.301\"\n\n\
             [peers.south]\nkind = \"manifold\"\nurl = {:?}\nrepository_unique_id = \"2.999.1.3\"\nretrieve_location_uid = \"2.25.302\"\n\
             {}patients = {:?}\nunknown_patient = \"refuse\"\n\n\
             [actors.document_registry]\n[actors.document_repository]\nunique_id = \"2.999.1.1\"\n\
             [actors.patient_identity_manager]\n[actors.mhd_document_recipient]\n[actors.mhd_document_responder]\n[actors.portal]\nreads = \"self\"\n",
            self.head("central"),
            self.mllp_port("central"),
            self.url("north"),
            self.url("south"),
            Self::domain(lists),
            lists.join("patients.csv").display().to_string(),
        )
    }

    fn hospital(&self, node: &str, lists: &Path) -> String {
        let (title, institution, institution_oid, location, modalities) = match node {
            "north" => ("NORTH", "North Hospital", "2.999.1.2", "2.25.301", NORTH_MODALITIES),
            _ => ("SOUTH", "South Hospital", "2.999.1.4", "2.25.302", SOUTH_MODALITIES),
        };
        let own_repository = node == "south";
        let mut text = self.head(node);
        text.push_str(&format!(
            "dicom = {{ address = \"127.0.0.1:{}\", ae_title = {title:?} }}\n\n[peers.central]\nkind = \"manifold\"\nurl = {:?}\n",
            self.dicom_port(node),
            self.url("central"),
        ));
        text.push_str(&Self::domain(lists));
        if own_repository {
            text.push_str("\n[actors.document_repository]\nunique_id = \"2.999.1.3\"\nregister_at = \"central\"\n");
        }
        let publish_to = if own_repository { "self" } else { "central" };
        let xon = format!("{institution}^^^^^&{institution_oid}&ISO^^^^1");
        text.push_str(&format!(
            "\n[actors.imaging_archive]\n[actors.imaging_document_source]\npublish_to = {publish_to:?}\n\
             retrieve_location_uid = {location:?}\nalso_called = [\"1.3.6.1.4.1000\"]\nsource_id = \"{institution_oid}.9\"\nquiet_time_ms = {}\nunknown_patient = \"feed\"\n",
            self.quiet_time_ms,
        ));
        for ae in modalities.iter().chain(&["*"]) {
            text.push_str(&format!(
                "\n[[actors.imaging_document_source.sources]]\nae_title = {ae:?}\ninstitution = {xon:?}\n\
                 patient_id_issuer = {PATIENT_DOMAIN:?}\naccession_issuer = \"{institution_oid}.3\"\nplacer_issuer = \"{institution_oid}.4\"\n",
            ));
        }
        text.push_str(&format!("\n[actors.report_source]\npublish_to = {publish_to:?}\ninstitution = {xon:?}\n"));
        text
    }
}

const NORTH_MODALITIES: &[&str] = &["CT1", "MR1"];
const SOUTH_MODALITIES: &[&str] = &["CT2", "MR2"];

fn offset(node: &str) -> u16 {
    match node {
        "central" => 0,
        "north" => 10,
        _ => 20,
    }
}

/// `patients.csv` of the invented patients.
pub fn patients_csv() -> String {
    let mut text = String::from("id,name,birth_date,sex\n");
    for patient in &synth::PATIENTS {
        text.push_str(&format!("{},{},{},{}\n", patient.id, patient.name, patient.birth_date_iso(), patient.sex));
    }
    text
}

/// Writes the lists that the files refer to; files that are there stay as their owner edited them.
pub fn write_lists(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in [
        ("codes.toml", crate::config::default_codes_toml().to_owned()),
        ("regions.toml", crate::config::default_regions_toml().to_owned()),
        ("patients.csv", patients_csv()),
    ] {
        let file = folder.join(name);
        if !file.exists() {
            std::fs::write(file, text)?;
        }
    }
    Ok(())
}
