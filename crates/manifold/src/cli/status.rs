//! `manifold status` and `manifold replay`: what waits at a node, what is stuck and why, and trying it again.

use super::connection::{Connection, Parties};
use super::output::{self, Format};
use super::stop::Stop;
use clap::Args;
use net::HttpClient;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write;

/// Largest answer that is read, octets.
const MOST_OCTETS: usize = 16 << 20;

/// Which node is asked.
#[derive(Args, Debug)]
pub struct Whom {
    /// Address of the node, such as http://127.0.0.1:18010
    #[arg(value_name = "URL", conflicts_with_all = ["endpoints", "node"])]
    pub url: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

/// Shows what a node has published, what waits, what is held or failed and why
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold status --endpoints demo.json --node north\n  manifold status http://127.0.0.1:18010"
)]
pub struct Status {
    #[command(flatten)]
    pub whom: Whom,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Tries failed jobs of a node again
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold replay 17 --endpoints demo.json --node north\n  manifold replay --all --endpoints demo.json --node north"
)]
pub struct Replay {
    /// Number of the job, as `manifold status` shows it
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub id: Option<i64>,
    /// Every failed job, and every held study
    #[arg(long, conflicts_with = "id")]
    pub all: bool,
    /// Address of the node, instead of --endpoints and --node
    #[arg(long, value_name = "URL", conflicts_with_all = ["endpoints", "node"])]
    pub url: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

/// What a node says of itself. Keys that this version does not know are left out of the table.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    node: String,
    studies: Studies,
    jobs: Vec<Job>,
    held_instances: Vec<Held>,
    counts: serde_json::Map<String, Value>,
    peers: Vec<Peer>,
    pacs: Option<Pacs>,
}

/// The PACS behind a node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pacs {
    name: String,
    manifests_out_of_sync: u64,
    polled_at: Value,
    fault: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Studies {
    published: u64,
    /// A number, or a list of studies.
    waiting: Value,
    held: Vec<Held>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Held {
    study: String,
    instance: Option<String>,
    reason: Option<String>,
    since: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Job {
    id: i64,
    kind: String,
    key: String,
    state: String,
    attempts: u64,
    next_at: Value,
    error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Peer {
    name: String,
    url: String,
    state: Option<String>,
    last_error: Option<String>,
    since: Value,
}

pub async fn run(options: Status) -> Result<(), Stop> {
    let (base, http) = base(options.whom.url.as_deref(), &options.whom.connection)?;
    let url = format!("{base}/health/status");
    let body = exchange(&http, &url, http.get(&url)).await?;
    let value: Value = serde_json::from_slice(&body).map_err(|e| not_a_node(&url, e))?;
    if options.format == Format::Json {
        return output::print_json(&value);
    }
    let report: Report = serde_json::from_value(value).map_err(|e| not_a_node(&url, e))?;
    output::print(&report.text())
}

pub async fn replay(options: Replay) -> Result<(), Stop> {
    let (base, http) = base(options.url.as_deref(), &options.connection)?;
    let url = format!("{base}/health/replay");
    let wanted = match options.id {
        Some(id) => json!({ "id": id }),
        None => json!({ "all": true }),
    };
    let body = exchange(&http, &url, http.post(&url).json(&wanted)).await?;
    let value: Value = serde_json::from_slice(&body).map_err(|e| not_a_node(&url, e))?;
    match (value["replayed"].as_u64().unwrap_or(0), options.id) {
        (0, Some(id)) => Err(Stop::failed(format!("{base} has no failed job {id}; `manifold status` lists them"))),
        (0, None) => output::print("nothing was stuck\n"),
        (count, _) => {
            output::print(&format!("{count} to be tried again; `manifold status` shows what becomes of it\n"))
        }
    }
}

/// The node's base address, from its own URL or from an endpoint of it.
pub(super) fn base(url: Option<&str>, connection: &Connection) -> Result<(String, HttpClient), Stop> {
    let parties = Parties::open(connection)?;
    if let Some(url) = url {
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(Stop::usage(format!("`{url}` must start with http:// or https://")));
        }
        return Ok((url.trim_end_matches('/').to_owned(), parties.http));
    }
    let ready = parties.party("ready", "URL")?.url;
    match ready.strip_suffix("/health/ready") {
        Some(base) => Ok((base.to_owned(), parties.http)),
        None => Err(Stop::failed(format!("the address `{ready}` of `ready` does not end in /health/ready"))),
    }
}

pub(super) async fn exchange(http: &HttpClient, url: &str, request: reqwest::RequestBuilder) -> Result<Vec<u8>, Stop> {
    let mut response = http.send(request).await?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| http.explain(url, &e))? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_OCTETS {
            return Err(Stop::failed(format!("{url} sent more than {MOST_OCTETS} octets")));
        }
    }
    if status.is_success() {
        return Ok(body);
    }
    let words: String = String::from_utf8_lossy(&body).trim().chars().take(300).collect();
    Err(Stop::failed(format!("{url} answered HTTP {}: {}", status.as_u16(), output::visible(&words))))
}

fn not_a_node(url: &str, error: serde_json::Error) -> Stop {
    Stop::failed(format!("{url} answered something that no manifold node says: {error}"))
}

impl Report {
    fn text(&self) -> String {
        let mut out = String::new();
        let waiting = match &self.studies.waiting {
            Value::Array(list) => list.len() as u64,
            value => value.as_u64().unwrap_or(0),
        };
        let _ = writeln!(
            out,
            "node {}: {} studies published, {waiting} waiting, {} held; {} instances held; {} jobs under way, {} failed",
            output::visible(&self.node),
            self.studies.published,
            self.studies.held.len(),
            self.held_instances.len(),
            self.jobs.iter().filter(|j| j.state != "failed").count(),
            self.jobs.iter().filter(|j| j.state == "failed").count(),
        );
        let counts: Vec<String> = self
            .counts
            .iter()
            .filter(|(_, n)| n.as_u64() != Some(0))
            .map(|(name, n)| format!("{n} {}", name.replace('_', " ")))
            .collect();
        if !counts.is_empty() {
            let _ = writeln!(out, "holds {}", counts.join(", "));
        }
        if let Some(pacs) = &self.pacs {
            let polled = match since(&pacs.polled_at) {
                never if never.is_empty() => "not polled yet".to_owned(),
                at => format!("polled {at}"),
            };
            let name = output::visible(&pacs.name);
            let _ = writeln!(out, "PACS {name}: {polled}, {} manifests out of sync", pacs.manifests_out_of_sync);
            if let Some(fault) = &pacs.fault {
                let _ = writeln!(out, "PACS {name}: {}", output::visible(fault));
            }
        }
        if !self.studies.held.is_empty() {
            out.push_str("\nheld studies\n");
            let rows = self.studies.held.iter().map(|h| [h.study.clone(), since(&h.since), h.reason()]);
            out.push_str(&output::table(["study", "since", "reason"], rows));
        }
        if !self.held_instances.is_empty() {
            out.push_str("\nheld instances\n");
            let rows = self
                .held_instances
                .iter()
                .map(|h| [h.instance.clone().unwrap_or_default(), h.study.clone(), h.reason()]);
            out.push_str(&output::table(["instance", "study", "reason"], rows));
        }
        if !self.jobs.is_empty() {
            out.push_str("\njobs\n");
            let rows = self.jobs.iter().map(|j| {
                let next = if j.state == "failed" { "manifold replay".to_owned() } else { since(&j.next_at) };
                let error = j.error.clone().unwrap_or_default();
                [j.id.to_string(), j.kind.clone(), j.key.clone(), j.state.clone(), j.attempts.to_string(), next, error]
            });
            out.push_str(&output::table(["id", "kind", "about", "state", "attempts", "next", "error"], rows));
        }
        if !self.peers.is_empty() {
            out.push_str("\npeers\n");
            let rows = self.peers.iter().map(|p| {
                let state = p.state.clone().unwrap_or_else(|| "not known".into());
                [p.name.clone(), p.url.clone(), state, since(&p.since), p.last_error.clone().unwrap_or_default()]
            });
            out.push_str(&output::table(["peer", "address", "state", "since", "last error"], rows));
        }
        out
    }
}

impl Held {
    fn reason(&self) -> String {
        self.reason.clone().unwrap_or_default()
    }
}

/// Seconds since 1970 or a text, readable.
fn since(value: &Value) -> String {
    match value {
        Value::Number(n) => {
            let time = model::Dtm::from_unix_seconds(n.as_i64().unwrap_or(0));
            format!("{} UTC", super::wording::readable_time(&time))
        }
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stuck_is_shown_with_its_reason() {
        let report: Report = serde_json::from_value(json!({
            "node": "north",
            "studies": {"published": 3, "waiting": [{"study": "2.25.9"}],
                        "held": [{"study": "2.25.1", "reason": "no issuer", "since": 1773306903}]},
            "jobs": [{"id": 7, "kind": "publish", "key": "2.25.2", "state": "failed", "attempts": 3, "next_at": 0,
                      "error": "central did not answer"}],
            "held_instances": [{"study": "2.25.1", "instance": "2.25.1.1", "reason": "other content"}],
            "counts": {"instances": 12}, "peers": [{"name": "central", "url": "http://c"}], "unknown": 1,
            "pacs": {"name": "pacs1", "manifests_out_of_sync": 2, "polled_at": 1773306903, "fault": "pacs1 is silent"}
        }))
        .unwrap();
        let text = report.text();
        for expected in [
            "node north: 3 studies published, 1 waiting, 1 held; 1 instances held; 0 jobs under way, 1 failed",
            "holds 12 instances",
            "no issuer",
            "2026-03-12 09:15 UTC",
            "central did not answer",
            "manifold replay",
            "other content",
            "PACS pacs1: polled 2026-03-12 09:15 UTC, 2 manifests out of sync",
            "PACS pacs1: pacs1 is silent",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn an_empty_report_is_one_line() {
        let report: Report = serde_json::from_value(json!({"node": "x"})).unwrap();
        assert_eq!(report.text().lines().count(), 1);
    }
}
