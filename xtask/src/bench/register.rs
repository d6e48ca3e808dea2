//! Registration over the wire: how many ITI-42 a second are durable, beside how often this disk syncs; what becomes of
//! queries by patient while the registry grows to a million entries, with the curve as a picture; and what documents of a
//! gigabyte cost a repository in memory, on their way in and out.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::process::{Running, free_port};
use super::record::{Row, short};
use super::store::syncs_per_second;
use super::{Ground, http, network};
use crate::command;

const PER_PATIENT: u64 = 10;
const CLIENTS: u64 = 16;
const READERS: u64 = 8;
const REPOSITORY: &str = "2.999.1.1";
const PICTURE: &str = "docs/registry-curve.svg";

/// One point of the curve.
struct Point {
    entries: u64,
    /// Entries a second while it grew to here.
    loaded: f64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

pub fn run(ground: &Ground) -> Result<Vec<Row>> {
    let node = Node::start(ground)?;
    let syncs = || syncs_per_second(&ground.folder, Duration::from_secs(3));
    let before = syncs()?;
    let (some, few) = (ground.load(20_000, 500), ground.load(5_000, 200));
    // Warm, and not counted; patients beyond those of the curve.
    let beyond = 1_000_000;
    node.register(few, CLIENTS, beyond)?;
    let many_clients = node.register(some, CLIENTS, beyond + 100_000)?;
    let one_client = node.register(few, 1, beyond + 200_000)?;
    let after = syncs()?;
    let rate = before.max(after);
    let mut rows = vec![
        per_second("ITI-42, one entry each, 16 clients", many_clients, 500.0),
        Row::at_least(
            "ITI-42, one client, to the syncs of this disk",
            format!("{one_client:.0}/s"),
            format!("{rate:.0} syncs/s"),
            one_client / rate,
            0.7,
        ),
        Row::fact("4 KiB written and fdatasync, same folder", format!("{before:.0}/s before, {after:.0}/s after")),
    ];
    let mut curve = Vec::new();
    let mut entries = 0;
    for size in ground.load(vec![1_000, 10_000, 100_000, 1_000_000], vec![200, 1_000]) {
        let loaded = node.register(size - entries, CLIENTS, entries / PER_PATIENT)?;
        entries = size;
        curve.push(node.ask(entries, loaded, ground.load(20_000, 200))?);
    }
    let last = curve.last().context("a curve has points")?;
    rows.push(per_second(
        &format!("loading to {entries} entries, every one validated, indexed and durable"),
        last.loaded,
        2000.0,
    ));
    rows.push(per_second(&format!("ITI-18 by patient, {entries} entries, {READERS} clients"), last.per_second, 1000.0));
    rows.push(Row::under(&format!("the same, p99, {entries} entries"), last.p99_ms, "ms", 20.0));
    for point in &curve {
        let Point { entries, loaded, per_second, p50_ms, p99_ms } = point;
        let (p50, p99) = (short(*p50_ms), short(*p99_ms));
        let text = format!("{p50} / {p99} ms at {per_second:.0} answers/s; loaded at {loaded:.0} entries/s");
        rows.push(Row::fact(&format!("ITI-18 p50 / p99, {entries} entries, {READERS} clients"), text));
    }
    if !ground.small {
        let file = ground.root.join(PICTURE);
        fs::write(&file, picture(&curve)).with_context(|| format!("writing {}", file.display()))?;
        rows.push(Row::fact(
            "the curve",
            format!("![p50 and p99 of ITI-18 over the size of the registry]({})", &PICTURE[5..]),
        ));
    }
    rows.extend(node.large(ground.load(1 << 30, 16 << 20))?);
    Ok(rows)
}

pub(super) fn per_second(what: &str, rate: f64, least: f64) -> Row {
    let target = super::record::Target { text: format!("at least {least}/s"), met: rate >= least };
    let shown = format!("{rate:.0}/s");
    Row { what: what.to_owned(), manifold: shown.clone(), reference: None, figure: shown, target: Some(target) }
}

pub(super) struct Node<'g> {
    ground: &'g Ground,
    base: String,
    port: u16,
    running: Running,
}

impl<'g> Node<'g> {
    /// A central node that accepts whatever patient comes.
    pub(super) fn start(ground: &'g Ground) -> Result<Self> {
        let port = free_port()?;
        let base = format!("http://127.0.0.1:{port}");
        let data = ground.inside("data")?;
        let text = format!(
            "[node]\nname = \"central\"\nhome_community_id = \"urn:oid:2.999.1\"\npublic_url = {base:?}\ndata = {:?}\n\
             [listen]\nhttp = \"127.0.0.1:{port}\"\n[affinity_domain]\npatient_domain = \"2.999.7\"\nunknown_patient = \"accept\"\n\
             [actors.document_registry]\n[actors.document_repository]\nunique_id = {REPOSITORY:?}\n\
             [actors.mhd_document_recipient]\n[actors.mhd_document_responder]\n",
            data.display().to_string()
        );
        let file = ground.folder.join("central.toml");
        fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        let running = network::serve(&ground.program, "central", &ground.folder, &file, port)?;
        Ok(Node { ground, base, port, running })
    }

    fn bench(&self, what: &str, service: &str, arguments: &[String]) -> Result<Value> {
        let mut bench = Command::new(&self.ground.program);
        bench.args(["bench", what, "--format", "json", "--domain", "2.999.7"]);
        let path = if service == "fhir" { "/fhir".to_owned() } else { format!("/xds/{service}") };
        bench.arg(format!("--{service}")).arg(format!("{}{path}", self.base)).args(arguments);
        serde_json::from_str(&command::output(&mut bench)?).context("bench printed no JSON")
    }

    /// Entries a second.
    fn register(&self, entries: u64, clients: u64, first_patient: u64) -> Result<f64> {
        let numbers = [
            ("--register", entries),
            ("--clients", clients),
            ("--per-patient", PER_PATIENT),
            ("--first-patient", first_patient),
        ];
        let arguments: Vec<String> = numbers.iter().flat_map(|(name, n)| [(*name).to_owned(), n.to_string()]).collect();
        let printed = self.bench("load", "registry", &arguments)?;
        printed["facts"]["entries_per_second"].as_f64().context("no rate")
    }

    /// Bundles of one document a second.
    pub(super) fn provide_bundles(&self, bundles: u64) -> Result<f64> {
        let (bundles, clients) = (bundles.to_string(), CLIENTS.to_string());
        let arguments = ["--via", "mhd", "--patient", "BUNDLES", "--reports", &bundles, "--clients", &clients];
        let arguments = [&arguments[..], &["--octets", "20480"]].concat();
        let printed = self.bench("publish", "fhir", &arguments.into_iter().map(str::to_owned).collect::<Vec<_>>())?;
        printed["facts"]["reports_per_second"].as_f64().context("no rate")
    }

    fn ask(&self, entries: u64, loaded: f64, requests: u64) -> Result<Point> {
        let numbers = [("--requests", requests), ("--clients", READERS), ("--invented", entries / PER_PATIENT)];
        let arguments: Vec<String> = numbers.iter().flat_map(|(name, n)| [(*name).to_owned(), n.to_string()]).collect();
        let printed = self.bench("load", "registry", &arguments)?;
        let facts = &printed["facts"];
        anyhow::ensure!(
            facts["documents"].as_u64() == Some(requests * PER_PATIENT),
            "{requests} answers of {PER_PATIENT} documents were expected: {facts}"
        );
        let sample = |key: &str| printed["samples"]["query"][key].as_f64().map(|us| us / 1e3).context("no sample");
        let per_second = facts["requests_per_second"].as_f64().context("no rate")?;
        Ok(Point { entries, loaded, per_second, p50_ms: sample("p50_us")?, p99_ms: sample("p99_us")? })
    }

    /// What large documents add to the memory of the node: when it takes them, and when it gives all of them in one answer.
    fn large(&self, octets: u64) -> Result<[Row; 2]> {
        const DOCUMENTS: usize = 4;
        let before = self.running.resident_mib()?;
        self.running.forget_peak()?;
        let (documents, octets_each) = (DOCUMENTS.to_string(), octets.to_string());
        let arguments = ["--patient", "LARGE", "--reports", &documents, "--clients", "1", "--octets", &octets_each];
        self.bench("publish", "repository", &arguments.map(str::to_owned))?;
        let taken = self.grown(before)?;
        let search = "/fhir/DocumentReference?patient.identifier=urn:oid:2.999.7%7CLARGE&status=current";
        let found = http::json(self.port, search)?;
        let ids: Vec<&str> = found["entry"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry["resource"]["masterIdentifier"]["value"].as_str()?.strip_prefix("urn:oid:"))
            .collect();
        anyhow::ensure!(ids.len() == DOCUMENTS, "{DOCUMENTS} documents were expected: {found}");
        let before = self.running.resident_mib()?;
        self.running.forget_peak()?;
        let (path, action) = ("/xds/repository", "urn:ihe:iti:2007:RetrieveDocumentSet");
        let request = http::envelope(self.port, path, action, 0, &retrieve(&ids));
        let fetched = http::post(self.port, path, &http::soap_type(action), &request)?;
        let sent = DOCUMENTS as u64 * octets;
        anyhow::ensure!(fetched.octets > sent, "{sent} octets were expected, {} came", fetched.octets);
        let given = self.grown(before)?;
        let size = octets >> 20;
        Ok([
            Row::under(&format!("growth of resident memory, ITI-41 of {size} MiB"), taken, "MiB", 64.0),
            Row::under(&format!("the same, ITI-43 of {DOCUMENTS} x {size} MiB in one answer"), given, "MiB", 64.0),
        ])
    }

    /// MiB above `before`, at the peak.
    fn grown(&self, before: f64) -> Result<f64> {
        Ok((self.running.peak_mib()? - before).max(0.0))
    }
}

/// Retrieve Document Set as ITI TF-2 3.43 writes it.
fn retrieve(ids: &[&str]) -> String {
    let wanted: String = ids
        .iter()
        .map(|id| {
            format!(
                "<x:DocumentRequest><x:RepositoryUniqueId>{REPOSITORY}</x:RepositoryUniqueId>\
                 <x:DocumentUniqueId>{id}</x:DocumentUniqueId></x:DocumentRequest>"
            )
        })
        .collect();
    format!("<x:RetrieveDocumentSetRequest xmlns:x=\"urn:ihe:iti:xds-b:2007\">{wanted}</x:RetrieveDocumentSetRequest>")
}

/// Both quantiles over the number of entries, each axis with a decade in a step.
fn picture(curve: &[Point]) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 360.0;
    const LEFT: f64 = 64.0;
    const BOTTOM: f64 = 44.0;
    let decades = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v.log10()), h.max(v.log10())));
        (low.floor(), high.ceil().max(low.floor() + 1.0))
    };
    let (x_low, x_high) = decades(&mut curve.iter().map(|p| p.entries as f64));
    let (y_low, y_high) = decades(&mut curve.iter().flat_map(|p| [p.p50_ms, p.p99_ms]));
    let x = |entries: f64| LEFT + (entries.log10() - x_low) / (x_high - x_low) * (WIDTH - LEFT - 24.0);
    let y = |ms: f64| (HEIGHT - BOTTOM) - (ms.log10() - y_low) / (y_high - y_low) * (HEIGHT - BOTTOM - 28.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>ITI-18 by patient, {READERS} clients: milliseconds over entries in the registry</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for decade in x_low as i32..=x_high as i32 {
        let at = x(10_f64.powi(decade));
        svg += &format!(
            "<path d=\"M{at:.1} 28V{}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">10<tspan dy=\"-5\" font-size=\"9\">{decade}</tspan></text>\n",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 18.0
        );
    }
    for decade in y_low as i32..=y_high as i32 {
        let at = y(10_f64.powi(decade));
        let shown = if decade >= 0 {
            format!("{}", 10_i64.pow(decade as u32))
        } else {
            format!("{:.*}", -decade as usize, 10_f64.powi(decade))
        };
        svg += &format!(
            "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{shown} ms</text>\n",
            WIDTH - 24.0,
            LEFT - 6.0,
            at + 4.0
        );
    }
    for (name, color, value) in [
        ("p50", "#1f6f8b", (|p| p.p50_ms) as fn(&Point) -> f64),
        ("p99", "#b3541e", (|p| p.p99_ms) as fn(&Point) -> f64),
    ] {
        let points: Vec<String> =
            curve.iter().map(|p| format!("{:.1},{:.1}", x(p.entries as f64), y(value(p)))).collect();
        svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>\n",
            points.join(" ")
        );
        for point in curve {
            let (cx, cy) = (x(point.entries as f64), y(value(point)));
            svg += &format!("<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.5\" fill=\"{color}\"/>");
        }
        if let Some(last) = curve.last() {
            let (at, up) = (x(last.entries as f64), y(value(last)) - 8.0);
            svg += &format!(
                "<text x=\"{at:.1}\" y=\"{up:.1}\" text-anchor=\"end\" fill=\"{color}\">{name} {} ms</text>\n",
                short(value(last))
            );
        }
    }
    svg += &format!(
        "<text x=\"{:.0}\" y=\"{}\" text-anchor=\"middle\">entries in the registry</text>\n</svg>\n",
        (LEFT + WIDTH) / 2.0,
        HEIGHT - 8.0
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_every_point_inside_its_frame() {
        let point = |entries, p50_ms, p99_ms| Point { entries, loaded: 0.0, per_second: 0.0, p50_ms, p99_ms };
        let svg = picture(&[point(1000, 0.4, 0.9), point(1_000_000, 0.7, 12.0)]);
        assert_eq!(svg.matches("<circle").count(), 4);
        for circle in svg.split("<circle cx=\"").skip(1) {
            let number = |text: &str| text.split('"').next().unwrap().parse::<f64>().unwrap();
            let (x, y) = (number(circle), number(circle.split("cy=\"").nth(1).unwrap()));
            assert!((64.0..=616.1).contains(&x) && (27.9..=316.1).contains(&y), "{x} {y}");
        }
        assert!(svg.contains("0.1 ms") && svg.contains("100 ms"), "{svg}");
    }
}
