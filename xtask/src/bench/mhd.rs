//! ITI-67 by patient on one node and on a HAPI FHIR JPA server that holds the same DocumentReferences: searches a second of
//! eight clients, in turns, with and without `status`; and how many Bundles of ITI-65 a second are durable.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::http::Kept;
use super::record::{Row, short};
use super::reference::HapiJpa;
use super::register::{Node, per_second};
use super::registry::{Door, Order, PER_PATIENT, in_process, serve};
use super::{Ground, median};

const CLIENTS: u64 = 8;
const RUNS: u64 = 3;
/// Patients in one transaction of HAPI's; more at once are no faster.
const PATIENTS_AT_ONCE: u64 = 10;
/// Connections that fill HAPI, one a core of a small machine.
const LOADERS: u64 = 2;
/// What is asked for beside the patient. Every document is current, so both find the same; the first is what MHD wants
/// of a consumer, the second is what HAPI's database plans better.
const CRITERIA: [(&str, &str); 2] = [("&status=current", "ITI-67"), ("", "the same without status=current")];

pub fn run(ground: &Ground) -> Result<Vec<Row>> {
    let entries: u64 = ground.load(20_000, 500);
    let (run_for, warm_up) = (Duration::from_secs(ground.load(10, 1)), Duration::from_secs(ground.load(60, 2)));
    let patients = entries / PER_PATIENT;
    let data = ground.inside("registry")?;
    // Fills the folder; its own measurement is not wanted.
    in_process(ground, &data, entries, 10, 1)?;
    let node = serve(ground, &data, entries)?;
    let hapi = HapiJpa::start(ground)?;
    let loading = Instant::now();
    load(node.port, hapi.port, patients)?;
    let loading = loading.elapsed().as_secs_f64();

    let shown = |rate: f64| format!("{rate:.0} searches/s");
    let mut rows = Vec::new();
    for (criteria, what) in CRITERIA {
        let mut rates: [Vec<f64>; 2] = Default::default();
        for run in 0..=RUNS {
            for (rates, port) in rates.iter_mut().zip([node.port, hapi.port]) {
                // The first run is for warming up: Java compiles what runs often.
                let length = if run == 0 { warm_up } else { run_for };
                let rate = searches_per_second(port, patients, criteria, length, run)?;
                if run > 0 {
                    rates.push(rate);
                }
            }
        }
        let [ours, theirs] = rates.map(|rates| median(&rates));
        let what = format!("{what} to HAPI FHIR JPA");
        rows.push(Row::at_least(&what, shown(ours), shown(theirs), ours / theirs, 20.0));
    }
    let load = format!(
        "{entries} DocumentReferences, {PER_PATIENT} a patient, {CLIENTS} clients, median of {RUNS} runs of {} s in turns",
        run_for.as_secs()
    );
    let bundles = Node::start(ground)?.provide_bundles(ground.load(10_000, 400))?;
    rows.push(per_second("ITI-65, durable, one document of 20 KB each, 16 clients", bundles, 200.0));
    rows.push(Row::fact("resident memory of the HAPI server", format!("{} MiB", short(hapi.running.resident_mib()?))));
    rows.push(Row::fact("filling the HAPI server", format!("{loading:.0} s")));
    rows.push(Row::fact("load", load));
    Ok(rows)
}

/// Takes every patient's documents from the node and puts them into HAPI.
fn load(from: u16, to: u16, patients: u64) -> Result<()> {
    thread::scope(|scope| {
        let loaders: Vec<_> = (0..LOADERS)
            .map(|loader| {
                scope.spawn(move || -> Result<()> {
                    let (mut node, mut hapi) = (Kept::open(from)?, Kept::open(to)?);
                    for first in (0..patients).step_by(usize::try_from(PATIENTS_AT_ONCE)?) {
                        if first / PATIENTS_AT_ONCE % LOADERS == loader {
                            let some = first..patients.min(first + PATIENTS_AT_ONCE);
                            hapi.exchange(&transaction(&mut node, from, to, some)?).context("filling HAPI")?;
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        for loader in loaders {
            match loader.join() {
                Ok(done) => done?,
                Err(_) => bail!("a loader panicked"),
            }
        }
        Ok(())
    })
}

/// A request that puts some patients and their documents, as the node answers them. To each document one thing is added,
/// a literal reference to the patient beside the logical one: HAPI follows no other when `patient.identifier` is asked for.
fn transaction(node: &mut Kept, from: u16, to: u16, patients: std::ops::Range<u64>) -> Result<Vec<u8>> {
    let put = |resource: Value| {
        let url = format!("{}/{}", text(&resource["resourceType"]), text(&resource["id"]));
        json!({"request": {"method": "PUT", "url": url}, "resource": resource})
    };
    let mut entries = Vec::new();
    for patient in patients {
        let request = format!(
            "GET /fhir/Patient?identifier=urn:oid:2.999.7%7CB{patient:07} HTTP/1.1\r\nHost: 127.0.0.1:{from}\r\n\
             Accept: application/fhir+json\r\n\r\n"
        );
        let found: Value = serde_json::from_slice(node.exchange(request.as_bytes())?).context("a Patient")?;
        let resource = found["entry"][0]["resource"].clone();
        let reference = format!("Patient/{}", text(&resource["id"]));
        entries.push(put(resource));
        let answer = node.exchange(&search(from, patient, ""))?;
        Door::Iti67.check(answer)?;
        let found: Value = serde_json::from_slice(answer).context("a searchset")?;
        for entry in found["entry"].as_array().into_iter().flatten() {
            let mut resource = entry["resource"].clone();
            resource["subject"]["reference"] = json!(reference);
            entries.push(put(resource));
        }
    }
    let body = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}).to_string();
    let head = format!(
        "POST /fhir HTTP/1.1\r\nHost: 127.0.0.1:{to}\r\nContent-Type: application/fhir+json\r\n\
         Accept: application/fhir+json\r\nPrefer: return=minimal\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Ok([head.into_bytes(), body.into_bytes()].concat())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn search(port: u16, patient: u64, criteria: &str) -> Vec<u8> {
    format!(
        "GET /fhir/DocumentReference?patient.identifier=urn:oid:2.999.7%7CB{patient:07}{criteria} HTTP/1.1\r\n\
         Host: 127.0.0.1:{port}\r\nAccept: application/fhir+json\r\n\r\n"
    )
    .into_bytes()
}

/// Searches that all clients together had answered, each with every document of its patient.
fn searches_per_second(port: u16, patients: u64, criteria: &str, run_for: Duration, run: u64) -> Result<f64> {
    let started = Instant::now();
    let counts = thread::scope(|scope| {
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|client| {
                scope.spawn(move || -> Result<u64> {
                    let mut connection = Kept::open(port)?;
                    let mut order = Order(0x9E37_79B9_7F4A_7C15 ^ (client << 8 | run));
                    let mut count = 0;
                    while started.elapsed() < run_for {
                        let request = search(port, order.below(patients), criteria);
                        Door::Iti67.check(connection.exchange(&request)?)?;
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        let counts = clients.into_iter().map(|client| client.join().unwrap_or_else(|_| bail!("a client panicked")));
        counts.collect::<Result<Vec<u64>>>()
    })?;
    Ok(counts.iter().sum::<u64>() as f64 / started.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_without_all_documents_is_not_put_into_the_reference() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            while stream.read(&mut request).unwrap() > 0 {
                let body = r#"{"entry":[{"resource":{"resourceType":"Patient","id":"x"}}]}"#;
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let error = transaction(&mut Kept::open(port).unwrap(), port, port, 0..1).unwrap_err().to_string();
        assert!(error.contains("10 documents were expected, 0 came"), "{error}");
    }
}
