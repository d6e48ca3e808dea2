//! What goes over the wire on the main path, seen between all nodes: no QIDO-RS, no WADO-RS metadata, no WADO-URI. A viewer
//! starts from the manifest alone. Source.

use super::client::{Client, patient, until};
use super::modality::Modality;
use super::{documents, mhd, objects};
use crate::network::{Files, MANIFOLD};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Stands before a node, hands everything on as it is and keeps the request lines.
struct Recorder {
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    fn before(port: u16) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = lines.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || {
                    let Ok(node) = TcpStream::connect(("127.0.0.1", port)) else { return };
                    let (from, to) = (client.try_clone().expect("a socket"), node.try_clone().expect("a socket"));
                    std::thread::spawn(move || pass(node, client, |_| {}));
                    let mut line = Vec::new();
                    pass(from, to, move |octets| keep(octets, &mut line, &kept));
                });
            }
        });
        Recorder { url, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("the lines").clone()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut seen: impl FnMut(&[u8])) {
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut piece).unwrap_or(0);
        seen(&piece[..count]);
        if count == 0 || to.write_all(&piece[..count]).is_err() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
    }
}

/// Every line that reads as the begin of a request, wherever it stands.
fn keep(octets: &[u8], line: &mut Vec<u8>, kept: &Mutex<Vec<String>>) {
    for octet in octets {
        if *octet != b'\n' {
            if line.len() < 4096 {
                line.push(*octet);
            }
            continue;
        }
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        if text.ends_with(" HTTP/1.1") || text.ends_with(" HTTP/1.0") {
            kept.lock().expect("the lines").push(text);
        }
        line.clear();
    }
}

/// Why a request does not belong on the main path.
fn forbidden(line: &str) -> Option<&'static str> {
    let mut words = line.split(' ');
    let (method, address) = (words.next()?, words.next()?);
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let path = path.trim_end_matches('/');
    if query.to_ascii_lowercase().contains("requesttype=wado") || path.ends_with("/wado") {
        return Some("WADO-URI");
    }
    if !path.contains("/dicomweb") && !path.contains("/studies") {
        return None;
    }
    if path.ends_with("/metadata") {
        return Some("WADO-RS metadata");
    }
    let searches = ["/studies", "/series", "/instances"].iter().any(|end| path.ends_with(end));
    (method == "GET" && searches).then_some("QIDO-RS")
}

#[test]
fn neither_qido_nor_metadata_nor_wado_uri_is_sent_between_nodes() {
    let files = Files::write(&["--quiet-time-ms", "300"]);
    let to_central = Recorder::before(files.port_base);
    let to_north = Recorder::before(files.port_base + 10);
    let to_south = Recorder::before(files.port_base + 20);
    let north = ("MANIFOLD__PEERS__NORTH__URL", to_north.url.as_str());
    let south = ("MANIFOLD__PEERS__SOUTH__URL", to_south.url.as_str());
    let centre = ("MANIFOLD__PEERS__CENTRAL__URL", to_central.url.as_str());
    fn own(recorder: &Recorder) -> (&'static str, &str) {
        ("MANIFOLD__NODE__PUBLIC_URL", &recorder.url)
    }
    let central = files.serve("central", &[north, south, own(&to_central)]);
    let hospitals = [
        (files.serve("north", &[centre, own(&to_north)]), "NORTH", &to_central),
        (files.serve("south", &[centre, own(&to_south)]), "SOUTH", &to_south),
    ];
    let portal = Client::to(&central);
    for (hospital, title, repository) in &hospitals {
        let study = objects::study(&format!("main path {title}"), Some("P0006"), 3);
        let mut sender = Modality::connect(&hospital.endpoint("DIMSE"), title).expect("an association");
        sender.store_all(&study[..2]);
        let first = portal.await_manifest("P0006", &study[0].study);
        sender.store_all(&study[2..]);
        sender.release();
        let grown = until("the manifest of the grown study", || {
            let current = portal.current_manifests("P0006", &study[0].study).expect("an answer");
            current.into_iter().find(|manifest| manifest.id != first.id)
        });
        let report = documents::report("P0006", &documents::fresh_unique_id());
        Client::of(&to_central.url).provide(report, mhd::OCTETS).expect("a report");

        // What a reader does: the timeline, the study, and every image of it.
        let page = |path: &str| {
            let (status, text) = portal.get(path).expect("an answer");
            assert_eq!(status, 200, "{path}: {text}");
            text
        };
        page("/portal/patient/P0006");
        let entry = grown.id.as_str().trim_start_matches("urn:uuid:");
        let shown = page(&format!("/portal/patient/P0006/study/{entry}"));
        page(&format!("/portal/patient/P0006/study/{entry}/images"));
        for object in &study {
            let series = synth::uid(&format!("weather/series/main path {title}"));
            let frame = format!("/portal/patient/P0006/study/{entry}/series/{series}/instance/{}/frame/1", object.uid);
            page(&frame);
            page(&format!("{frame}/geometry"));
        }
        assert!(shown.contains("viewer"), "{shown}");
        // And at the command line, by WADO-RS.
        let folder = files.folder().join(title);
        let output = Command::new(MANIFOLD)
            .args(["images", "--registry", &format!("{}/xds/registry", to_central.url)])
            .args(["--repository", &format!("{}/xds/repository", repository.url)])
            .args(["--patient", &patient("P0006").to_string(), "--study", &study[0].study, "-o"])
            .arg(&folder)
            .output()
            .expect("manifold runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let sent: Vec<String> = [&to_central, &to_north, &to_south].iter().flat_map(|one| one.lines()).collect();
    for wanted in ["POST /xds/registry", "POST /xds/repository", "GET /dicomweb/studies/"] {
        assert!(sent.iter().any(|line| line.starts_with(wanted)), "no {wanted} in {sent:#?}");
    }
    for recorder in [&to_north, &to_south] {
        assert!(recorder.lines().iter().any(|line| line.contains("/dicomweb/studies/")), "{:#?}", recorder.lines());
    }
    let wrong: Vec<_> = sent.iter().filter_map(|line| Some((forbidden(line)?, line))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_does_not_belong_on_the_main_path_is_recognised() {
    for (line, what) in [
        ("GET /dicomweb/studies?PatientID=P0001 HTTP/1.1", Some("QIDO-RS")),
        ("GET /dicomweb/studies/2.25.1/series HTTP/1.1", Some("QIDO-RS")),
        ("GET /dicomweb/studies/2.25.1/series/2.25.2/instances/?limit=1 HTTP/1.1", Some("QIDO-RS")),
        ("GET /dicomweb/studies/2.25.1/metadata HTTP/1.1", Some("WADO-RS metadata")),
        ("GET /wado?requestType=WADO&studyUID=2.25.1 HTTP/1.1", Some("WADO-URI")),
        ("GET /dicomweb/studies/2.25.1/series/2.25.2 HTTP/1.1", None),
        ("POST /dicomweb/studies HTTP/1.1", None),
        ("POST /xds/registry HTTP/1.1", None),
    ] {
        assert_eq!(forbidden(line), what, "{line}");
    }
}
