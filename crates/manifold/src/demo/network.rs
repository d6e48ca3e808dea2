//! The demo's network as configuration files, on loopback: architecture A is one centre and two hospitals, architecture C
//! one centre that keeps the images of two hospitals. The same text is run in one process by `demo` and written out by
//! `demo --write-config`. Source: design section 4.

use std::path::{Path, PathBuf};
use synth::{Hospital, StudyPlan};

/// Which network it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Central registry, images at the hospitals.
    DistributedPacs,
    /// Central registry and central archive; the hospitals only send and report.
    CentralArchive,
}

impl Architecture {
    /// As the recommendation letters it.
    pub fn letter(self) -> char {
        match self {
            Architecture::DistributedPacs => 'a',
            Architecture::CentralArchive => 'c',
        }
    }
}

/// Ports and folders of one network.
#[derive(Clone, Debug)]
pub struct Layout {
    pub architecture: Architecture,
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
const HOSPITALS: [Hospital; 2] = [Hospital::North, Hospital::South];

/// OID of a hospital; its accession and order numbers have domains below it.
pub fn oid(hospital: Hospital) -> &'static str {
    match hospital {
        Hospital::North => "2.999.1.2",
        Hospital::South => "2.999.1.4",
    }
}

/// Domain of the patient numbers that a hospital gives by itself.
pub fn own_numbers(hospital: Hospital) -> String {
    format!("{}.1", oid(hospital))
}

/// As HL7 v2 has it.
pub fn xon(hospital: Hospital) -> String {
    format!("{}^^^^^&{}&ISO^^^^1", hospital.institution(), oid(hospital))
}

impl Layout {
    /// Nodes in the order in which they start.
    pub fn nodes(&self) -> &'static [&'static str] {
        match self.architecture {
            Architecture::DistributedPacs => &["central", "north", "south"],
            Architecture::CentralArchive => &["central"],
        }
    }

    /// What is seeded.
    pub fn plans(&self) -> Vec<StudyPlan> {
        let mut plans = synth::seed_studies();
        if self.architecture == Architecture::CentralArchive {
            plans.extend(synth::studies_under_own_numbers());
        }
        plans
    }

    /// The node that keeps the images of a hospital.
    pub fn archive(&self, hospital: Hospital) -> &'static str {
        match self.architecture {
            Architecture::DistributedPacs => hospital.as_str(),
            Architecture::CentralArchive => "central",
        }
    }

    /// The node to which a hospital's reports go.
    pub fn repository(&self, hospital: Hospital) -> &'static str {
        match (self.architecture, hospital) {
            (Architecture::DistributedPacs, Hospital::South) => "south",
            _ => "central",
        }
    }

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
        for node in self.nodes() {
            ports.push((*node, self.http_port(node)));
            if *node == "central" {
                ports.push((*node, self.mllp_port(node)));
            }
            if HOSPITALS.into_iter().any(|hospital| self.archive(hospital) == *node) {
                ports.push((*node, self.dicom_port(node)));
            }
        }
        ports
    }

    /// One file per node; `lists` is where codes.toml, regions.toml and patients.csv lie.
    pub fn files(&self, lists: &Path) -> Vec<NodeFile> {
        match self.architecture {
            Architecture::DistributedPacs => vec![
                NodeFile { name: "central", toml: self.central(lists) },
                NodeFile { name: "north", toml: self.hospital(Hospital::North, lists) },
                NodeFile { name: "south", toml: self.hospital(Hospital::South, lists) },
            ],
            Architecture::CentralArchive => vec![NodeFile { name: "central", toml: self.central_archive(lists) }],
        }
    }

    fn head(&self, node: &str) -> String {
        format!(
            "# {node} of the demo network (architecture {}). Loopback only, no authentication.\n\
             [node]\nname = {node:?}\nhome_community_id = \"urn:oid:2.999.1\"\npublic_url = {:?}\ndata = {:?}\n\n\
             [listen]\nhttp = \"127.0.0.1:{}\"\n",
            self.architecture.letter().to_ascii_uppercase(),
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

    fn mllp(&self) -> String {
        format!("mllp = \"127.0.0.1:{}\"\n", self.mllp_port("central"))
    }

    fn dicom(&self, node: &str) -> String {
        let (port, title) = (self.dicom_port(node), node.to_uppercase());
        format!("dicom = {{ address = \"127.0.0.1:{port}\", ae_title = {title:?} }}\n")
    }

    /// What the centre plays in both architectures.
    fn centre(lists: &Path) -> String {
        format!(
            "{}patients = {:?}\nunknown_patient = \"refuse\"\n\n\
             [actors.document_registry]\n[actors.document_repository]\nunique_id = \"2.999.1.1\"\n\
             [actors.patient_identity_manager]\n[actors.mhd_document_recipient]\n[actors.mhd_document_responder]\n[actors.portal]\nreads = \"self\"\n",
            Self::domain(lists),
            lists.join("patients.csv").display().to_string(),
        )
    }

    fn central(&self, lists: &Path) -> String {
        format!(
            "{}{}\n[peers.north]\nkind = \"manifold\"\nurl = {:?}\nretrieve_location_uid = \"2.25.301\"\n\n\
             [peers.south]\nkind = \"manifold\"\nurl = {:?}\nrepository_unique_id = \"2.999.1.3\"\nretrieve_location_uid = \"2.25.302\"\n{}",
            self.head("central"),
            self.mllp(),
            self.url("north"),
            self.url("south"),
            Self::centre(lists),
        )
    }

    fn hospital(&self, hospital: Hospital, lists: &Path) -> String {
        let node = hospital.as_str();
        let (location, modalities) = match hospital {
            Hospital::North => ("2.25.301", NORTH_MODALITIES),
            Hospital::South => ("2.25.302", SOUTH_MODALITIES),
        };
        let own_repository = self.repository(hospital) == node;
        let mut text = self.head(node);
        text.push_str(&self.dicom(node));
        text.push_str(&format!("\n[peers.central]\nkind = \"manifold\"\nurl = {:?}\n", self.url("central")));
        text.push_str(&Self::domain(lists));
        if own_repository {
            text.push_str("\n[actors.document_repository]\nunique_id = \"2.999.1.3\"\nregister_at = \"central\"\n");
        }
        let publish_to = if own_repository { "self" } else { "central" };
        text.push_str(&self.archive_and_source(publish_to, location, &format!("{}.9", oid(hospital))));
        for ae in modalities.iter().chain(&["*"]) {
            text.push_str(&calling(ae, hospital, PATIENT_DOMAIN));
        }
        let institution = xon(hospital);
        text.push_str(&format!(
            "\n[actors.report_source]\npublish_to = {publish_to:?}\ninstitution = {institution:?}\n"
        ));
        text
    }

    /// The centre of architecture C: whose a study is follows from who sends it.
    fn central_archive(&self, lists: &Path) -> String {
        let mut text = format!("{}{}{}", self.head("central"), self.mllp(), self.dicom("central"));
        text.push_str(&Self::centre(lists));
        text.push_str(&self.archive_and_source("self", "2.25.300", "2.999.1.9"));
        let mut known = Vec::new();
        for plan in self.plans() {
            if !known.contains(&plan.calling_ae) {
                known.push(plan.calling_ae);
                let own = own_numbers(plan.hospital);
                let issuer = if plan.id_in_objects.is_some() { &own } else { PATIENT_DOMAIN };
                text.push_str(&calling(plan.calling_ae, plan.hospital, issuer));
            }
        }
        text.push_str(&format!(
            "\n[[actors.imaging_document_source.sources]]\nae_title = \"*\"\ninstitution = \"Central Archive^^^^^&2.999.1&ISO^^^^1\"\n\
             patient_id_issuer = {PATIENT_DOMAIN:?}\n",
        ));
        text
    }

    fn archive_and_source(&self, publish_to: &str, location: &str, source_id: &str) -> String {
        format!(
            "\n[actors.imaging_archive]\n[actors.imaging_document_source]\npublish_to = {publish_to:?}\n\
             retrieve_location_uid = {location:?}\nalso_called = [\"1.3.6.1.4.1000\"]\nsource_id = {source_id:?}\nquiet_time_ms = {}\nunknown_patient = \"feed\"\n",
            self.quiet_time_ms,
        )
    }
}

/// What a calling AE title means.
fn calling(ae_title: &str, hospital: Hospital, patient_id_issuer: &str) -> String {
    let (institution, oid) = (xon(hospital), oid(hospital));
    format!(
        "\n[[actors.imaging_document_source.sources]]\nae_title = {ae_title:?}\ninstitution = {institution:?}\n\
         patient_id_issuer = {patient_id_issuer:?}\naccession_issuer = \"{oid}.3\"\nplacer_issuer = \"{oid}.4\"\n",
    )
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
