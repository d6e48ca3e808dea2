//! Queries by patient on the embedded registry, small and large: `Registry::find` beside bare SQL in one process, and
//! ITI-18 and ITI-67 over HTTP with one client on one connection.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::http::{self, Kept};
use super::process::{Running, free_port};
use super::record::{Row, short};
use super::{Ground, median, network, quantile};
use crate::command;

const STORED_QUERY: &str = "urn:ihe:iti:2007:RegistryStoredQuery";
pub(super) const PER_PATIENT: u64 = 10;
const RUNS: usize = 3;
/// Requests to one node before the other's turn: both live through the same minute.
const AT_ONCE: u64 = 500;

/// The two ways to ask over HTTP.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Door {
    Iti18,
    Iti67,
}

pub(super) struct Node {
    entries: u64,
    pub port: u16,
    connection: Kept,
    _running: Running,
}

pub fn run(ground: &Ground) -> Result<Vec<Row>> {
    let sizes: [u64; 2] = [ground.load(10_000, 1000), ground.load(1_000_000, 20_000)];
    let requests: u64 = ground.load(20_000, 1000);
    let mut rows = Vec::new();
    let mut nodes = Vec::new();
    for entries in sizes {
        let data = ground.inside(&format!("registry-{entries}"))?;
        let found = in_process(ground, &data, entries, requests, 1)?;
        let shown = |key: &str| format!("{:.0} answers/s", number(&found, key));
        let what = format!("find to bare SQL, {entries} entries");
        let (find, sql) = (shown("find_per_second"), shown("sql_per_second"));
        rows.push(Row::at_least(&what, find, sql, number(&found, "ratio"), 0.3));
        let found = in_process(ground, &data, entries, requests, cores())?;
        let (find, sql) = (number(&found, "find_per_second"), number(&found, "sql_per_second"));
        let what = format!("the same with {} callers at once", cores());
        rows.push(Row::fact(&what, format!("{:.2} ({find:.0} to {sql:.0} answers/s)", number(&found, "ratio"))));
        nodes.push(serve(ground, &data, entries)?);
    }
    for (door, name) in [(Door::Iti18, "ITI-18"), (Door::Iti67, "ITI-67")] {
        let mut runs: Vec<Vec<Vec<f64>>> = Vec::new();
        // The first run warms everything up and does not count.
        for run in 0..=RUNS as u64 {
            let count = if run == 0 { requests / 10 } else { requests };
            let times = over_http(&mut nodes, door, count, run)?;
            if run > 0 {
                runs.push(times);
            }
        }
        let over_runs =
            |node: usize, share: f64| median(&runs.iter().map(|run| quantile(&run[node], share)).collect::<Vec<_>>());
        for (at, node) in nodes.iter().enumerate() {
            let what = format!("{name} over HTTP, p50, {} entries", node.entries);
            rows.push(Row::under(&what, over_runs(at, 0.5), "ms", 3.0));
        }
        let (small, large) = (over_runs(0, 0.99), over_runs(1, 0.99));
        let what = format!("{name} over HTTP, p99 of {} to {} entries", sizes[1], sizes[0]);
        let shown = |ms: f64| format!("{} ms", short(ms));
        rows.push(Row::ratio_under(&what, shown(large), shown(small), large / small, 1.5));
    }
    let load = format!("{PER_PATIENT} entries a patient, {requests} requests, median of {RUNS} runs");
    rows.push(Row::fact("load", load));
    Ok(rows)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get())
}

/// `manifold bench query` in that folder, which it fills when it is empty; its facts.
pub(super) fn in_process(ground: &Ground, data: &Path, entries: u64, requests: u64, clients: usize) -> Result<Value> {
    let numbers = [entries, PER_PATIENT, requests, RUNS as u64, clients as u64].map(|number| number.to_string());
    let names = ["--entries", "--documents", "--queries", "--runs", "--clients"];
    let mut bench = Command::new(&ground.program);
    bench.args(["bench", "query", "--format", "json", "--data"]).arg(data);
    names.iter().zip(&numbers).for_each(|(name, number)| {
        bench.arg(name).arg(number);
    });
    let printed: Value = serde_json::from_str(&command::output(&mut bench)?).context("bench query printed no JSON")?;
    Ok(printed["facts"].clone())
}

fn number(facts: &Value, key: &str) -> f64 {
    facts[key].as_f64().unwrap_or(0.0)
}

/// A central node on the store that is there.
pub(super) fn serve(ground: &Ground, data: &Path, entries: u64) -> Result<Node> {
    let port = free_port()?;
    let text = format!(
        "[node]\nname = \"central\"\nhome_community_id = \"urn:oid:2.999.1\"\npublic_url = \"http://127.0.0.1:{port}\"\n\
         data = {:?}\n[listen]\nhttp = \"127.0.0.1:{port}\"\n[affinity_domain]\npatient_domain = \"2.999.7\"\n\
         [actors.document_registry]\n[actors.document_repository]\nunique_id = \"2.999.1.1\"\n\
         [actors.patient_identity_manager]\n[actors.mhd_document_responder]\n",
        data.display().to_string()
    );
    let file = ground.folder.join(format!("central-{entries}.toml"));
    fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    let running = network::serve(&ground.program, &format!("central-{entries}"), &ground.folder, &file, port)?;
    Ok(Node { entries, port, connection: Kept::open(port)?, _running: running })
}

/// Milliseconds of every request, per node.
fn over_http(nodes: &mut [Node], door: Door, requests: u64, run: u64) -> Result<Vec<Vec<f64>>> {
    let mut times = vec![Vec::new(); nodes.len()];
    let mut order = Order(0x9E37_79B9_7F4A_7C15 ^ (run + 1) ^ if door == Door::Iti18 { 0 } else { 1 << 40 });
    let mut done = 0;
    while done < requests {
        let count = AT_ONCE.min(requests - done);
        for (node, times) in nodes.iter_mut().zip(&mut times) {
            for _ in 0..count {
                let patient = order.below(node.entries / PER_PATIENT);
                let request = door.request(node.port, patient);
                let asked = Instant::now();
                let answer = node.connection.exchange(&request)?;
                times.push(asked.elapsed().as_secs_f64() * 1e3);
                door.check(answer)?;
            }
        }
        done += count;
    }
    Ok(times)
}

impl Door {
    fn request(self, port: u16, patient: u64) -> Vec<u8> {
        match self {
            Self::Iti18 => {
                let body = find_documents(port, patient);
                let (content_type, length) = (http::soap_type(STORED_QUERY), body.len());
                format!(
                    "POST /xds/registry HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\n\
                     Content-Length: {length}\r\n\r\n{body}"
                )
            }
            Self::Iti67 => format!(
                "GET /fhir/DocumentReference?patient.identifier=urn:oid:2.999.7%7CB{patient:07}&status=current HTTP/1.1\r\n\
                 Host: 127.0.0.1:{port}\r\nAccept: application/fhir+json\r\n\r\n"
            ),
        }
        .into_bytes()
    }

    /// Every answer has every document of its patient.
    pub fn check(self, answer: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(answer).context("an answer that is not UTF-8")?;
        let sign = match self {
            Self::Iti18 => "<rim:ExtrinsicObject ",
            Self::Iti67 => "\"resourceType\":\"DocumentReference\"",
        };
        let found = text.matches(sign).count() as u64;
        if found != PER_PATIENT {
            bail!(
                "{PER_PATIENT} documents were expected, {found} came: {}",
                text.chars().take(400).collect::<String>()
            );
        }
        Ok(())
    }
}

/// FindDocuments of one patient as ITI TF-2 3.18 writes it.
fn find_documents(port: u16, patient: u64) -> String {
    let query = format!(
        "<q:AdhocQueryRequest xmlns:q=\"urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0\" \
         xmlns:rim=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\">\
         <q:ResponseOption returnType=\"LeafClass\" returnComposedObjects=\"true\"/>\
         <rim:AdhocQuery id=\"urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d\">\
         <rim:Slot name=\"$XDSDocumentEntryPatientId\"><rim:ValueList>\
         <rim:Value>'B{patient:07}^^^&amp;2.999.7&amp;ISO'</rim:Value></rim:ValueList></rim:Slot>\
         <rim:Slot name=\"$XDSDocumentEntryStatus\"><rim:ValueList>\
         <rim:Value>('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')</rim:Value></rim:ValueList></rim:Slot>\
         </rim:AdhocQuery></q:AdhocQueryRequest>"
    );
    http::envelope(port, "/xds/registry", STORED_QUERY, patient, &query)
}

/// Patients in an order that looks random and is the same in every run of the program.
pub(super) struct Order(pub u64);

impl Order {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_fewer_documents_than_the_patient_has_is_an_error() {
        let ten = "<rim:ExtrinsicObject id=\"x\"/>".repeat(10);
        Door::Iti18.check(ten.as_bytes()).unwrap();
        assert!(Door::Iti18.check(b"<x/>").unwrap_err().to_string().contains("10 documents were expected, 0 came"));
        let request = String::from_utf8(Door::Iti18.request(1, 7)).unwrap();
        assert!(request.contains("'B0000007^^^&amp;2.999.7&amp;ISO'"), "{request}");
    }

    #[test]
    fn patients_are_visited_in_no_order_and_none_is_beyond_the_last() {
        let mut order = Order(1);
        let visited: Vec<u64> = (0..100).map(|_| order.below(10)).collect();
        assert!(visited.iter().all(|patient| *patient < 10) && !visited.is_sorted());
    }
}
