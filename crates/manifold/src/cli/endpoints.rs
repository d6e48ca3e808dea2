//! The endpoints file: which node answers which transaction where. Written by `demo` and `serve`, read by every command
//! that talks to nodes. Source: design.md section 4.

use super::stop::Stop;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// More than any network of nodes needs.
const MOST_OCTETS: u64 = 4 << 20;

/// The file. Keys that this version does not know are left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Endpoints {
    pub architecture: Option<String>,
    pub quiet_time_ms: Option<u64>,
    /// OID of the domain of bare patient ids.
    pub patient_domain: Option<String>,
    pub nodes: Vec<NodeEndpoints>,
    /// Where it was read from, for messages.
    #[serde(skip)]
    pub file: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeEndpoints {
    pub name: String,
    pub home_community_id: Option<String>,
    pub repository_unique_id: Option<String>,
    /// Transaction id (`ITI-18`) or service (`DIMSE`) to its address.
    pub endpoints: BTreeMap<String, String>,
}

impl NodeEndpoints {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.endpoints.get(key).map(String::as_str)
    }
}

impl Endpoints {
    /// Errors: no such file, too long, not of this form.
    pub fn read(path: &Path) -> Result<Self, Stop> {
        let shown = path.display();
        let length = std::fs::metadata(path).map_err(|e| {
            Stop::failed(format!("cannot read the endpoints file {shown}: {e}; `manifold demo --endpoints` writes one"))
        })?;
        if length.len() > MOST_OCTETS {
            return Err(Stop::failed(format!("{shown} has more than {MOST_OCTETS} octets: it is no endpoints file")));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|e| Stop::failed(format!("cannot read the endpoints file {shown}: {e}")))?;
        Self::parse(&text, path)
    }

    /// [`Endpoints::read`] from text.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Stop> {
        let wrong = |reason: String| Stop::failed(format!("{} is no endpoints file: {reason}", file.display()));
        let mut value: serde_json::Value = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        // `serve --endpoints` may write its one node without the frame around it.
        if value.get("nodes").is_none() && value.get("endpoints").is_some() {
            value = serde_json::json!({ "nodes": [value] });
        }
        let mut endpoints: Endpoints = serde_json::from_value(value).map_err(|e| wrong(e.to_string()))?;
        endpoints.file = file.to_owned();
        if endpoints.nodes.is_empty() {
            return Err(wrong("it names no node".into()));
        }
        Ok(endpoints)
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Result<&NodeEndpoints, Stop> {
        self.nodes.iter().find(|node| node.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
            Stop::usage(format!("{} has no node `{name}`; it has {}", self.file.display(), names.join(", ")))
        })
    }

    /// Who answers `key`: the preferred node, else `central`, else the first that does.
    pub fn answering(&self, key: &str, preferred: Option<&str>) -> Option<(&NodeEndpoints, &str)> {
        let named = |name: &str| self.nodes.iter().find(|node| node.name == name);
        let candidates = preferred.and_then(named).into_iter().chain(named("central")).chain(&self.nodes);
        candidates.filter_map(|node| Some((node, node.get(key)?))).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const SAMPLE: &str = r#"{"architecture":"a","secure":false,"pid":1,"quiet_time_ms":2000,
        "patient_domain":"2.999.7","codes":"codes.toml","patients":[{"id":"P0001","name":"DURAND^Anne"}],
        "nodes":[
          {"name":"north","actors":["imaging_archive"],"endpoints":{"DIMSE":"127.0.0.1:18011","DIMSE-AET":"NORTH"}},
          {"name":"central","home_community_id":"urn:oid:2.999.1","repository_unique_id":"2.999.1.1",
           "actors":["document_registry"],"endpoints":{"ITI-18":"http://127.0.0.1:18000/xds/registry",
           "ITI-41":"http://127.0.0.1:18000/xds/repository"}},
          {"name":"south","repository_unique_id":"2.999.1.3","endpoints":{"ITI-41":"http://127.0.0.1:18020/xds/repository"}}]}"#;

    fn sample() -> Endpoints {
        Endpoints::parse(SAMPLE, Path::new("e.json")).unwrap()
    }

    #[test]
    fn the_named_node_answers_before_central_and_central_before_others() {
        let endpoints = sample();
        let answering = |key, node| endpoints.answering(key, node).map(|(node, _)| node.name.clone());
        assert_eq!(answering("ITI-41", Some("south")).as_deref(), Some("south"));
        assert_eq!(answering("ITI-41", Some("north")).as_deref(), Some("central"));
        assert_eq!(answering("ITI-41", None).as_deref(), Some("central"));
        assert_eq!(answering("DIMSE", None).as_deref(), Some("north"));
        assert_eq!(answering("RAD-107", None), None);
        assert_eq!(endpoints.quiet_time_ms, Some(2000));
    }

    #[test]
    fn a_node_writes_what_the_schema_says() {
        let config = r#"[node]
            name = "n"
            public_url = "http://127.0.0.1:1"
            data = "d"
            [listen]
            http = "127.0.0.1:1"
            [affinity_domain]
            patient_domain = "2.999.7"
            [actors.document_registry]
            [actors.document_repository]
            unique_id = "2.999.1""#;
        let config = crate::config::parse(config, [], "n.toml").unwrap();
        let node = crate::node::endpoints(&config);
        let file = serde_json::json!({ "architecture": null, "secure": false, "pid": 1, "quiet_time_ms": null,
            "patient_domain": null, "codes": null, "patients": [], "nodes": [node] });
        crate::cli::schemas::check_schema("endpoints", &file);
        assert!(Endpoints::parse(&file.to_string(), Path::new("e")).unwrap().nodes[0].get("ITI-41").is_some());
    }

    #[test]
    fn an_unknown_node_is_named_with_those_that_are_there() {
        let stop = sample().node("west").unwrap_err();
        assert_eq!(stop, Stop::Usage("e.json has no node `west`; it has north, central, south".into()));
    }

    #[test]
    fn the_file_of_a_single_node_is_read_as_well() {
        let text = r#"{"name":"x","endpoints":{"ready":"http://127.0.0.1:1/health/ready"}}"#;
        let endpoints = Endpoints::parse(text, Path::new("e")).unwrap();
        assert_eq!(endpoints.nodes[0].get("ready"), Some("http://127.0.0.1:1/health/ready"));
    }

    #[test]
    fn what_is_no_endpoints_file_says_why() {
        for text in ["", "[]", "{}", r#"{"nodes":[]}"#, r#"{"nodes":[{"endpoints":{"ITI-18":7}}]}"#] {
            let stop = Endpoints::parse(text, Path::new("e.json")).unwrap_err();
            assert!(stop.message().unwrap().starts_with("e.json is no endpoints file"), "{stop:?}");
        }
    }
}
