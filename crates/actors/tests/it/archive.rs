//! The imaging archive: what it keeps, what it holds, and that only what is listed goes out.
//! Source: PS3.4 B, RAD TF-2 4.107; field case B-007.

use crate::bench::{Bench, wait, whole};
use crate::samples::{oid, study};
use actors::*;
use bytes::Bytes;
use futures_util::StreamExt;
use model::*;
use std::path::Path;
use std::sync::Arc;
use store::{FileOptions, InstanceFiles, InstanceSelect, StoreExt, StoredInstance};

pub const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";
const JPEG: &str = "1.2.840.10008.1.2.4.50";

/// Takes whatever is stored, or makes Explicit VR Little Endian of it by turning the octets round.
pub struct Turning;

impl InstanceDelivery for Turning {
    fn decide(&self, stored: &StoredInstance, wanted: &[WantedSyntax]) -> Result<Delivered, Fault> {
        for syntax in wanted {
            match syntax {
                WantedSyntax::AsStored => return Ok(Delivered::AsStored),
                WantedSyntax::Uid(uid) if *uid == stored.transfer_syntax => return Ok(Delivered::AsStored),
                WantedSyntax::Uid(uid) if uid.as_str() == EXPLICIT_LE => return Ok(Delivered::ExplicitLe),
                WantedSyntax::Default => return Ok(Delivered::ExplicitLe),
                WantedSyntax::Uid(_) => {}
            }
        }
        Err(Fault::NotAcceptable(format!("stored in {}", stored.transfer_syntax)))
    }

    fn explicit_le(&self, file: &Path, sink: &mut dyn FnMut(Bytes) -> Result<(), Fault>) -> Result<(), Fault> {
        let octets = std::fs::read(file).map_err(|_| Fault::Internal { log_id: "turning".into() })?;
        octets.iter().rev().try_for_each(|octet| sink(Bytes::copy_from_slice(&[*octet])))
    }
}

struct Archive {
    bench: Bench,
    archive: ImagingArchive,
}

impl Archive {
    fn new() -> Self {
        Archive::with_files(FileOptions::default())
    }

    fn with_files(options: FileOptions) -> Self {
        let bench = Bench::new();
        let files = Arc::new(InstanceFiles::open(&bench.folder.path().join("instances"), options).unwrap());
        let archive = ImagingArchive::new(bench.store.clone(), files, Arc::new(Turning));
        Archive { bench, archive }
    }

    fn accept(&self, received: ReceivedInstance, octets: &[u8]) -> Result<Accepted, Fault> {
        let mut writer = self.archive.receive(&self.bench.cx)?;
        writer.write(octets).map_err(|e| Fault::OutOfResources(e.to_string()))?;
        self.archive.accept(writer, received, &self.bench.cx)
    }

    /// Says which instances of a study its current manifest lists, as the imaging source does.
    fn list(&self, study: &str, instances: &[&str]) {
        let (study, lines) = (study.to_owned(), instances.join("\n"));
        self.bench
            .store
            .write_blocking(move |tx| tx.put_state("manifest-instances", &study, Some(lines.as_bytes())))
            .unwrap();
    }

    fn fetch(&self, request: &ImageRequest) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let images = wait(self.archive.fetch(request, &self.bench.cx)).map_err(|r| r.first().clone())?;
        let served: Vec<_> = wait(images.instances.collect::<Vec<_>>());
        served.into_iter().map(|one| one.and_then(|one| Ok((one.sop_instance.to_string(), whole(one.body)?)))).collect()
    }

    fn stored(&self, study: &StudyInstanceUid) -> Vec<StoredInstance> {
        self.bench.read(|tx| tx.instances(InstanceSelect::Study(study)))
    }

    fn files(&self) -> usize {
        fn below(folder: &Path) -> usize {
            let items = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
            items.map(|i| if i.file_type().unwrap().is_dir() { below(&i.path()) } else { 1 }).sum()
        }
        below(&self.bench.folder.path().join("instances"))
    }
}

fn received(study_uid: &str, series: &str, instance: &str) -> ReceivedInstance {
    ReceivedInstance {
        study: Some(study(study_uid)),
        series: Some(SeriesInstanceUid::parse(series).unwrap()),
        instance: SopInstanceUid::parse(instance).unwrap(),
        sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
        transfer_syntax: TransferSyntaxUid::parse(JPEG).unwrap(),
        patient_id: "P0001".into(),
        accession: "ACC-7".into(),
        patient_issuer: oid("2.999.7").to_string(),
        calling_ae: "CT1".into(),
        header: vec![1],
    }
}

fn request(study_uid: &str, series: Option<&str>, instance: Option<&str>) -> ImageRequest {
    ImageRequest {
        study: study(study_uid),
        series: series.map(|uid| SeriesInstanceUid::parse(uid).unwrap()),
        instance: instance.map(|uid| SopInstanceUid::parse(uid).unwrap()),
        syntaxes: vec![WantedSyntax::AsStored],
    }
}

#[test]
fn the_same_octets_may_come_again_and_others_may_not() {
    let archive = Archive::new();
    let one = || received("2.25.1", "2.25.11", "2.25.111");
    assert_eq!(archive.accept(one(), b"first"), Ok(Accepted::Stored));
    assert_eq!(archive.accept(one(), b"first"), Ok(Accepted::AlreadyThere));
    assert_eq!(archive.accept(one(), b"other"), Err(Fault::InstanceConflict("2.25.111".into())));
    assert_eq!(archive.accept(one(), b"first"), Ok(Accepted::AlreadyThere));
    assert_eq!((archive.files(), archive.stored(&study("2.25.1")).len()), (1, 1));
    let state = archive.bench.read(|tx| tx.study(&study("2.25.1"))).unwrap();
    assert_eq!((state.instances, state.revision), (1, 1));
    archive.list("2.25.1", &["2.25.111"]);
    let octets = archive.fetch(&request("2.25.1", None, None)).unwrap();
    assert_eq!(octets, [("2.25.111".to_owned(), b"first".to_vec())]);
}

#[test]
fn what_cannot_be_published_is_kept_and_held_with_a_reason() {
    let archive = Archive::new();
    for (n, (change, reason)) in [
        ((|r| r.study = None) as fn(&mut ReceivedInstance), "Study Instance UID"),
        (|r| r.series = None, "Series Instance UID"),
        (|r| r.patient_id.clear(), "Patient ID"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut broken = received("2.25.1", "2.25.11", &format!("2.25.111.{n}"));
        change(&mut broken);
        match archive.accept(broken, b"octets").unwrap() {
            Accepted::Held(held) => assert!(held.contains(reason), "{held}"),
            other => panic!("{reason}: {other:?}"),
        }
    }
    let held = archive.bench.read(|tx| tx.held_instances(10));
    assert_eq!(held.len(), 3);
    // An object without a study has one of its own, always the same.
    let mut again = received("2.25.1", "2.25.11", "2.25.111.0");
    again.study = None;
    assert_eq!(archive.accept(again, b"octets"), Ok(Accepted::AlreadyThere));
    // Held instances do not go out, even if somebody lists them.
    archive.list("2.25.1", &["2.25.111.1", "2.25.111.2"]);
    assert!(matches!(archive.fetch(&request("2.25.1", None, None)), Err(Fault::ImagesNotFound(_))));
}

#[test]
fn a_held_study_is_looked_at_again_when_something_comes() {
    let archive = Archive::new();
    archive.accept(received("2.25.1", "2.25.11", "2.25.111"), b"one").unwrap();
    let held = || archive.bench.read(|tx| tx.study(&study("2.25.1"))).unwrap().held;
    let hold = || archive.bench.store.write_blocking(|tx| tx.hold_study(&study("2.25.1"), Some("a reason"))).unwrap();
    hold();
    assert_eq!(archive.accept(received("2.25.1", "2.25.11", "2.25.111"), b"one"), Ok(Accepted::AlreadyThere));
    assert!(held().is_some());
    archive.accept(received("2.25.1", "2.25.11", "2.25.112"), b"two").unwrap();
    assert_eq!(held(), None);
}

#[test]
fn only_what_is_listed_goes_out() {
    let archive = Archive::new();
    for (series, instance) in [("2.25.11", "2.25.111"), ("2.25.11", "2.25.112"), ("2.25.12", "2.25.121")] {
        archive.accept(received("2.25.1", series, instance), instance.as_bytes()).unwrap();
    }
    let fetched = |series: Option<&str>, instance: Option<&str>| {
        let found = archive.fetch(&request("2.25.1", series, instance));
        found.map(|all| all.into_iter().map(|(uid, _)| uid).collect::<Vec<_>>())
    };
    let nothing = |what: &str| Err(Fault::ImagesNotFound(what.to_owned()));
    assert_eq!(fetched(None, None), nothing("study 2.25.1"));
    archive.list("2.25.1", &["2.25.111", "2.25.121", "2.25.999"]);
    assert_eq!(fetched(None, None).unwrap(), ["2.25.111", "2.25.121"]);
    assert_eq!(fetched(Some("2.25.11"), None).unwrap(), ["2.25.111"]);
    assert_eq!(fetched(Some("2.25.11"), Some("2.25.111")).unwrap(), ["2.25.111"]);
    assert_eq!(fetched(None, Some("2.25.121")).unwrap(), ["2.25.121"]);
    assert_eq!(fetched(Some("2.25.11"), Some("2.25.112")), nothing("instance 2.25.112 of study 2.25.1"));
    assert_eq!(fetched(Some("2.25.12"), Some("2.25.111")), nothing("instance 2.25.111 of study 2.25.1"));
    assert_eq!(fetched(None, Some("2.25.999")), nothing("instance 2.25.999 of study 2.25.1"));
    assert_eq!(fetched(Some("2.25.13"), None), nothing("series 2.25.13 of study 2.25.1"));
    assert_eq!(archive.fetch(&request("2.25.2", None, None)), nothing("study 2.25.2").map(|_: Vec<String>| vec![]));
    archive.list("2.25.1", &[]);
    assert_eq!(fetched(None, None), nothing("study 2.25.1"));
}

#[test]
fn instances_are_picked_by_name_each_with_its_own_outcome_and_in_the_order_asked() {
    let archive = Archive::new();
    for (series, instance) in [("2.25.11", "2.25.111"), ("2.25.11", "2.25.112"), ("2.25.12", "2.25.121")] {
        archive.accept(received("2.25.1", series, instance), instance.as_bytes()).unwrap();
    }
    archive.accept(received("2.25.2", "2.25.21", "2.25.211"), b"other").unwrap();
    archive.list("2.25.1", &["2.25.111", "2.25.121"]);
    archive.list("2.25.2", &["2.25.211"]);
    let wanted = [
        ("2.25.1", "2.25.12", "2.25.121", true),
        ("2.25.1", "2.25.11", "2.25.112", false), // not listed
        ("2.25.2", "2.25.21", "2.25.211", true),
        ("2.25.1", "2.25.12", "2.25.111", false), // in another series
        ("2.25.2", "2.25.11", "2.25.111", false), // in another study
        ("2.25.1", "2.25.11", "2.25.111", true),
        ("2.25.3", "2.25.11", "2.25.111", false),
        ("2.25.1", "2.25.12", "2.25.121", true), // asked for twice
    ];
    let addresses = wanted.map(|(of, series, instance, _)| InstanceAddress {
        study: study(of),
        series: SeriesInstanceUid::parse(series).unwrap(),
        instance: SopInstanceUid::parse(instance).unwrap(),
    });
    let syntaxes = ["1.2.840.10008.1.2", JPEG].map(|uid| WantedSyntax::Uid(TransferSyntaxUid::parse(uid).unwrap()));
    let picked = wait(archive.archive.pick(&addresses, &syntaxes, &archive.bench.cx)).unwrap();
    assert_eq!(picked.outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), wanted.map(|w| w.3));
    let came: Vec<_> = wait(picked.instances.collect::<Vec<_>>());
    let came: Vec<_> = came.into_iter().map(|one| one.unwrap().sop_instance.to_string()).collect();
    assert_eq!(came, ["2.25.121", "2.25.211", "2.25.111", "2.25.121"]);
}

#[test]
fn b_007_one_series_uid_in_two_studies() {
    let archive = Archive::new();
    // The same Series and even SOP Instance UID in two patients' studies, a copy-and-anonymise accident.
    archive.accept(received("2.25.1", "2.25.11", "2.25.111"), b"patient A").unwrap();
    archive.accept(received("2.25.2", "2.25.11", "2.25.111"), b"patient B").unwrap();
    archive.accept(received("2.25.2", "2.25.11", "2.25.112"), b"patient B too").unwrap();
    archive.list("2.25.1", &["2.25.111"]);
    let of = |study: &str| archive.fetch(&request(study, Some("2.25.11"), None));
    assert_eq!(of("2.25.1").unwrap(), [("2.25.111".to_owned(), b"patient A".to_vec())]);
    // A's manifest opens nothing of B's study.
    assert!(matches!(of("2.25.2"), Err(Fault::ImagesNotFound(_))));
    archive.list("2.25.2", &["2.25.111", "2.25.112"]);
    let b: Vec<Vec<u8>> = of("2.25.2").unwrap().into_iter().map(|(_, octets)| octets).collect();
    assert_eq!(b, [b"patient B".to_vec(), b"patient B too".to_vec()]);
    assert_eq!(of("2.25.1").unwrap().len(), 1);
}

#[test]
fn instances_go_out_in_a_form_that_the_caller_takes() {
    let archive = Archive::new();
    archive.accept(received("2.25.1", "2.25.11", "2.25.111"), b"abc").unwrap();
    archive.list("2.25.1", &["2.25.111"]);
    let wanted = |syntaxes: Vec<WantedSyntax>| ImageRequest { syntaxes, ..request("2.25.1", None, None) };
    let uid = |text: &str| WantedSyntax::Uid(TransferSyntaxUid::parse(text).unwrap());
    for (syntaxes, octets) in [
        (vec![WantedSyntax::AsStored], b"abc"),
        (vec![uid(JPEG)], b"abc"),
        (vec![uid("1.2.840.10008.1.2.4.90"), uid(EXPLICIT_LE)], b"cba"),
        (vec![WantedSyntax::Default], b"cba"),
    ] {
        assert_eq!(archive.fetch(&wanted(syntaxes)).unwrap()[0].1, octets);
    }
    let refused = archive.fetch(&wanted(vec![uid("1.2.840.10008.1.2.4.90")]));
    assert_eq!(refused, Err(Fault::NotAcceptable(format!("stored in {JPEG}"))));
}

#[test]
fn the_plan_is_known_when_stored_octets_go_out() {
    let archive = Archive::new();
    archive.accept(received("2.25.1", "2.25.11", "2.25.111"), b"abc").unwrap();
    archive.list("2.25.1", &["2.25.111"]);
    let images = wait(archive.archive.fetch(&request("2.25.1", None, None), &archive.bench.cx)).unwrap();
    let plan = images.plan.unwrap();
    assert_eq!((plan.len(), plan[0].size_octets, plan[0].transfer_syntax.as_str()), (1, 3, JPEG));
    let turned = ImageRequest { syntaxes: vec![WantedSyntax::Default], ..request("2.25.1", None, None) };
    assert!(wait(archive.archive.fetch(&turned, &archive.bench.cx)).unwrap().plan.is_none());
}

#[test]
fn a_lost_file_is_a_fault_in_the_stream() {
    let archive = Archive::new();
    for instance in ["2.25.111", "2.25.112"] {
        archive.accept(received("2.25.1", "2.25.11", instance), instance.as_bytes()).unwrap();
    }
    archive.list("2.25.1", &["2.25.111", "2.25.112"]);
    let first = archive.stored(&study("2.25.1")).remove(0);
    std::fs::remove_file(archive.archive.path(&first).unwrap()).unwrap();
    let images = wait(archive.archive.fetch(&request("2.25.1", None, None), &archive.bench.cx)).unwrap();
    let served: Vec<_> = wait(images.instances.collect::<Vec<_>>());
    assert!(matches!(&served[0], Err(Fault::Internal { .. })));
    assert!(served[1].is_ok());
}

#[test]
fn a_full_disk_keeps_nothing_of_an_instance() {
    let archive = Archive::with_files(FileOptions { max_octets: Some(150) });
    archive.accept(received("2.25.1", "2.25.11", "2.25.111"), &[1; 100]).unwrap();
    let refused = archive.accept(received("2.25.1", "2.25.11", "2.25.112"), &[2; 100]);
    assert!(matches!(refused, Err(Fault::OutOfResources(_))));
    assert_eq!((archive.files(), archive.stored(&study("2.25.1")).len()), (1, 1));
    archive.accept(received("2.25.1", "2.25.11", "2.25.113"), &[3; 50]).unwrap();
}

#[test]
fn a_study_is_found_by_the_accession_number_of_its_first_instance() {
    let archive = Archive::new();
    archive.accept(received("2.25.1", "2.25.1.1", "2.25.1.1.1"), b"a").unwrap();
    let later = ReceivedInstance { accession: "ACC-8".into(), ..received("2.25.1", "2.25.1.1", "2.25.1.1.2") };
    archive.accept(later, b"b").unwrap();
    let without = ReceivedInstance { accession: String::new(), ..received("2.25.2", "2.25.2.1", "2.25.2.1.1") };
    archive.accept(without, b"c").unwrap();
    let (store, cx) = (archive.bench.store.clone(), &archive.bench.cx);
    let journal = Arc::new(Journal::new(store.clone(), 0));
    let operations = Operations { store, journal, quiet_micros: None, pacs: None };
    let find = |text: &str| {
        let query = FlowQuery { text: text.into(), limit: 10, ..FlowQuery::default() };
        wait(operations.studies(query, cx)).unwrap().studies
    };
    let found = find("ACC-7");
    assert_eq!((found.len(), found[0].study.as_str(), found[0].accession.as_deref()), (1, "2.25.1", Some("ACC-7")));
    assert!(find("ACC-8").is_empty() && find("ACC").is_empty());
    assert_eq!(find("2.25.2")[0].accession, None);
}
