//! Power cuts: nodes are killed at random moments while modalities send, hospitals publish and reports arrive. What was
//! acknowledged is there afterwards, nothing is there twice, and no study ever has two current manifests.
//!
//! MANIFOLD_KILLS sets how many kills (100), MANIFOLD_SEED repeats a run's choices (not its timing).

use super::client::{Client, sentences, until};
use super::modality::Modality;
use super::{documents, objects};
use crate::network::{Files, Served, tail};
use actors::{Fault, Refusal};
use model::{AvailabilityStatus, DocumentEntry, Oid, Submission, UniqueId};
use objects::Object;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const NODES: [&str; 3] = ["central", "north", "south"];
/// The unique ids of the two repositories.
const CENTRE: &str = "2.999.1.1";
const SOUTH: &str = "2.999.1.3";
const MODALITIES: u64 = 3;
/// Studies that one modality works on at the same time, and how large they become.
const AT_ONCE: usize = 4;
const SLICES: u32 = 20;

/// What the world outside knows: every object that was ever sent, and which of them were acknowledged.
#[derive(Default)]
struct Ledger {
    studies: BTreeMap<String, Sent>,
    /// Acknowledged reports, by the repository that took them.
    reports: Vec<(&'static str, UniqueId, Vec<u8>)>,
}

/// A study as its modality knows it.
#[derive(Default)]
struct Sent {
    patient: String,
    /// By SOP Instance UID; true once acknowledged.
    objects: HashMap<String, (Object, bool)>,
}

struct World {
    ledger: Mutex<Ledger>,
    stop: AtomicBool,
    /// Where modalities send.
    dicom: String,
    central: Client,
    north: Client,
    /// Has a repository of its own, which registers at the centre.
    south: Client,
}

impl World {
    fn over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no holder panics")
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_twice_when_nodes_are_killed() {
    let kills = number("MANIFOLD_KILLS").unwrap_or(100);
    let drawn = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| u64::from(t.subsec_nanos()));
    let seed = number("MANIFOLD_SEED").unwrap_or(drawn);
    eprintln!("{kills} kills, MANIFOLD_SEED={seed}");
    let files = Files::write(&["--quiet-time-ms", "50"]);
    let mut nodes = NODES.map(|name| Some(files.serve(name, environment(name))));
    let [central, north, south] = nodes.each_ref().map(|node| node.as_ref().expect("just started"));
    let world = Arc::new(World {
        ledger: Mutex::default(),
        stop: AtomicBool::new(false),
        dicom: north.endpoint("DIMSE"),
        central: Client::to(central),
        north: Client::to(north),
        south: Client::to(south),
    });
    let mut random = Random(seed);
    let begun = Instant::now();
    let mut workers = Vec::new();
    for number in 0..MODALITIES {
        let (world, random) = (world.clone(), random.child());
        workers.push(spawn(move || send_studies(&world, number, random)));
    }
    for repository in [CENTRE, SOUTH] {
        let (world, random) = (world.clone(), random.child());
        workers.push(spawn(move || publish_reports(&world, repository, random)));
    }
    let (watcher, drawn) = (world.clone(), random.child());
    workers.push(spawn(move || watch_manifests(&watcher, drawn)));

    for kill in 0..kills {
        if workers.iter().any(JoinHandle::is_finished) {
            break;
        }
        // The first half is north's; in the second all die, sometimes together.
        let dying: &[usize] = match if kill < kills / 2 { 0 } else { random.below(6) } {
            0 | 1 => &[1],
            2 | 3 => &[0],
            4 => &[2],
            _ => &[0, 1, 2],
        };
        sleep(Duration::from_micros(match random.below(8) {
            0 => random.below(5_000),
            1 => random.below(600_000),
            _ => random.below(200_000),
        }));
        for at in dying {
            nodes[*at].take().expect("it runs").kill();
        }
        for at in dying {
            nodes[*at] = Some(start(&files, NODES[*at], &mut random));
        }
    }
    eprintln!("the last node was killed after {:.1} s", begun.elapsed().as_secs_f64());
    world.stop.store(true, Ordering::Relaxed);
    for worker in workers {
        if let Err(panic) = worker.join() {
            for node in NODES {
                let history = files.history(node);
                let errors: Vec<_> = history.lines().filter(|line| line.contains("\"ERROR\"")).collect();
                eprintln!("--- errors of {node}\n{}", tail(&errors.join("\n"), 30));
            }
            std::panic::resume_unwind(panic);
        }
    }
    // Whether a report that nobody acknowledged is registered is settled when its repository starts.
    nodes[2].take().expect("it runs").kill();
    nodes[2] = Some(files.serve("south", environment("south")));
    drain(&world);
    eprintln!("all is published after {:.1} s", begun.elapsed().as_secs_f64());
    check_everything(&world);
}

/// Studies that never rest are published all the same.
fn environment(node: &str) -> &'static [(&'static str, &'static str)] {
    match node {
        "north" => &[("MANIFOLD__ACTORS__IMAGING_DOCUMENT_SOURCE__MAX_DELAY_MS", "1000")],
        _ => &[],
    }
}

/// Starts a node; now and then it dies once more while it starts.
fn start(files: &Files, name: &str, random: &mut Random) -> Served {
    if random.below(6) == 0 {
        let starting = files.start(name, environment(name));
        sleep(Duration::from_micros(random.below(150_000)));
        starting.kill();
    }
    files.serve(name, environment(name))
}

/// A modality: repeats what was not acknowledged, and now and then gives up on it.
fn send_studies(world: &World, number: u64, mut random: Random) {
    let mut modality = None;
    let mut made = 0;
    let mut open: Vec<(String, u32)> = Vec::new();
    while !world.over() {
        if open.len() < AT_ONCE {
            open.push((format!("kill-{number}-{made}"), 0));
            made += 1;
        }
        let at = usize::try_from(random.below(open.len() as u64)).expect("an index");
        let (key, slices) = &mut open[at];
        *slices += 1;
        let patient = patient_of(key);
        let object = objects::member(key, Some(&patient), *slices);
        if *slices == SLICES {
            open.swap_remove(at);
        }
        {
            let mut ledger = world.ledger();
            let study = ledger.studies.entry(object.study.clone()).or_default();
            study.patient = patient;
            study.objects.insert(object.uid.clone(), (object.clone(), false));
        }
        let gives_up = random.below(5) == 0;
        while !world.over() {
            if send(world, &mut modality, &object) {
                let mut ledger = world.ledger();
                let study = ledger.studies.get_mut(&object.study).expect("entered above");
                study.objects.get_mut(&object.uid).expect("entered above").1 = true;
                break;
            }
            if gives_up {
                break;
            }
        }
        sleep(Duration::from_micros(random.below(12_000)));
    }
}

/// One patient per study.
fn patient_of(key: &str) -> String {
    format!("P{:04}", 1 + key.bytes().map(u32::from).sum::<u32>() % 12)
}

/// True when the object was acknowledged. Any answer but success is a failure of the node, not of the weather.
fn send(world: &World, modality: &mut Option<Modality>, object: &Object) -> bool {
    if modality.is_none() {
        *modality = Modality::connect(&world.dicom, "NORTH").ok();
    }
    let Some(open) = modality else {
        sleep(Duration::from_millis(5));
        return false;
    };
    match open.send(object) {
        Ok(response) => {
            let comment = response.error_comment().unwrap_or_default();
            assert_eq!(response.status(), Some(0), "C-STORE of {}: {comment}", object.uid);
            true
        }
        Err(_) => {
            *modality = None;
            false
        }
    }
}

/// A reporting system: the same submission again and again until it is acknowledged.
fn publish_reports(world: &World, repository: &'static str, mut random: Random) {
    let client = if repository == SOUTH { &world.south } else { &world.central };
    while !world.over() {
        let unique_id = documents::fresh_unique_id();
        let submission = documents::report(&format!("P{:04}", 1 + random.below(12)), &unique_id);
        let mut document = format!("<report id=\"{unique_id}\"/>").into_bytes();
        if random.below(3) == 0 {
            document.resize(100_000, b' ');
        }
        let mut before = false;
        while !world.over() {
            match provide(client, &submission, &document, before) {
                true => {
                    let unique_id = UniqueId::parse(&unique_id).expect("a uniqueId");
                    world.ledger().reports.push((repository, unique_id, document));
                    break;
                }
                false => before = true,
            }
        }
        sleep(Duration::from_micros(random.below(30_000)));
    }
}

/// True when the report is acknowledged. `before`: an earlier attempt may have arrived without our hearing of it.
fn provide(client: &Client, submission: &Submission, document: &[u8], before: bool) -> bool {
    match client.provide(submission.clone(), document) {
        Ok(_) => true,
        Err(refusal) if is_silence(&refusal) => {
            sleep(Duration::from_millis(10));
            false
        }
        Err(refusal) => {
            let known = sentences(&refusal).iter().any(|s| s.contains("already registered"));
            assert!(before && known, "a report was refused: {:?}", sentences(&refusal));
            true
        }
    }
}

fn is_silence(refusal: &Refusal) -> bool {
    refusal.faults().iter().all(|fault| match fault {
        Fault::PeerUnavailable { .. } => true,
        // Busy: bytes of an attempt that was cut off are being tidied away at this moment.
        Fault::Remote { code, .. } => matches!(code.as_str(), "XDSRegistryNotAvailable" | "XDSRepositoryBusy"),
        _ => false,
    })
}

/// A consumer that looks all the time: never two current manifests of one study.
fn watch_manifests(world: &World, mut random: Random) {
    while !world.over() {
        let studies: Vec<(String, String)> =
            world.ledger().studies.iter().map(|(study, sent)| (sent.patient.clone(), study.clone())).collect();
        if studies.is_empty() {
            sleep(Duration::from_millis(5));
            continue;
        }
        let (patient, study) = &studies[usize::try_from(random.below(studies.len() as u64)).expect("an index")];
        match world.central.manifests(patient, study) {
            Ok(manifests) => {
                let current = manifests.iter().filter(|e| e.availability_status == AvailabilityStatus::Approved);
                let current: Vec<_> = current.map(|e| e.unique_id.as_str()).collect();
                let expected = usize::from(!manifests.is_empty());
                assert_eq!(current.len(), expected, "current manifests of study {study}: {current:?}");
            }
            Err(refusal) if is_silence(&refusal) => sleep(Duration::from_millis(10)),
            Err(refusal) => panic!("a query failed: {:?}", sentences(&refusal)),
        }
    }
}

/// Waits until the north has nothing left to publish and the south has settled what it holds.
fn drain(world: &World) {
    until("an empty outbox", || {
        let status = world.north.status();
        let failed: Vec<_> = status["jobs"].as_array()?.iter().filter(|j| j["state"] == "failed").cloned().collect();
        assert!(failed.is_empty(), "jobs were given up: {failed:#?}");
        let idle = status["jobs"].as_array()?.is_empty() && status["studies"]["waiting"].as_array()?.is_empty();
        idle.then_some(())
    });
    let of = |client: &Client, key: &str| client.counts()[key].as_u64().expect("a number");
    until("as many documents as entries", || {
        let documents = of(&world.central, "documents") + of(&world.south, "documents");
        (documents == of(&world.central, "entries")).then_some(())
    });
}

fn check_everything(world: &World) {
    let ledger = world.ledger();
    let (centre, hospital) = (&world.central, &world.north);
    let repository = Oid::parse(CENTRE).expect("an OID");
    let status = hospital.status();
    assert_eq!(status["studies"]["held"], serde_json::json!([]), "studies are held");
    assert_eq!(status["held_instances"], serde_json::json!([]), "instances are held");
    let (mut instances, mut acknowledged, mut manifests) = (0, 0, 0);
    for (study, sent) in &ledger.studies {
        let must: HashSet<&str> =
            sent.objects.iter().filter(|(_, (_, sure))| *sure).map(|(uid, _)| uid.as_str()).collect();
        acknowledged += must.len();
        let entries = centre.manifests(&sent.patient, study).expect("an answer");
        manifests += entries.len();
        let unique_ids: HashSet<&str> = entries.iter().map(|e| e.unique_id.as_str()).collect();
        assert_eq!(unique_ids.len(), entries.len(), "a manifest of study {study} was registered twice");
        let current: Vec<_> =
            entries.iter().filter(|e| e.availability_status == AvailabilityStatus::Approved).collect();
        if must.is_empty() && current.is_empty() {
            continue;
        }
        assert_eq!(current.len(), 1, "current manifests of study {study}");
        let ids: Vec<_> = entries.iter().map(|e| e.id.clone()).collect();
        assert_eq!(centre.replacements(&ids).len(), entries.len() - 1, "replacements of study {study}");

        let mut versions = HashSet::new();
        for entry in &entries {
            let listed = listed_by(centre, &repository, entry);
            assert!(versions.insert(listed), "two manifests of study {study} say the same: {}", entry.unique_id);
        }
        let listed = listed_by(centre, &repository, current[0]);
        for uid in &must {
            assert!(listed.iter().any(|l| l == uid), "acknowledged instance {uid} of study {study} is not listed");
        }
        let mut images = hospital.images(study).expect("images");
        images.sort();
        assert_eq!(images.iter().map(|(uid, _)| uid.clone()).collect::<Vec<_>>(), listed, "images of study {study}");
        for (uid, file) in &images {
            let (object, _) = sent.objects.get(uid).unwrap_or_else(|| panic!("instance {uid} was never sent"));
            assert!(file.ends_with(&object.data_set), "instance {uid} has other octets than were sent");
        }
        instances += listed.len();
    }
    assert_eq!(status["counts"]["instances"], instances, "instances that no current manifest lists");
    for (repository, unique_id, document) in &ledger.reports {
        let holder = if *repository == SOUTH { &world.south } else { centre };
        let repository = Oid::parse(repository).expect("an OID");
        let entries = centre.with_unique_id(unique_id).expect("an answer");
        assert_eq!(entries.len(), 1, "report {unique_id}");
        assert_eq!(entries[0].repository_unique_id.as_ref(), Some(&repository), "report {unique_id}");
        let octets = holder.retrieve(&repository, unique_id).expect("an acknowledged report");
        assert!(octets == *document, "report {unique_id} has other octets than were sent");
    }
    eprintln!(
        "{} studies, {instances} instances ({acknowledged} acknowledged), {manifests} manifests, {} reports",
        ledger.studies.len(),
        ledger.reports.len()
    );
    assert!(acknowledged > 0 && !ledger.reports.is_empty(), "the weather was too bad to prove anything");
}

/// SOP Instance UIDs that a manifest lists, sorted.
fn listed_by(centre: &Client, repository: &Oid, entry: &DocumentEntry) -> Vec<String> {
    let octets = centre.retrieve(repository, &entry.unique_id).expect("a registered manifest");
    let decoded = dicom::kos::decode(&octets).expect("a manifest");
    let instances = decoded.manifests[0].instances();
    let mut listed: Vec<String> = instances.map(|(_, i)| i.sop_instance.as_str().to_owned()).collect();
    listed.sort();
    listed
}

fn spawn(work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(work)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// xorshift64*: the choices of a run follow from its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        let mut state = self.0.max(1);
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.0 = state;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn child(&mut self) -> Random {
        Random(self.next())
    }
}
