//! What an operator sees of studies on their way, and what becomes of it when somebody tries again.

use crate::bench::{Bench, NOON, SECOND, wait};
use crate::fakes::Act;
use crate::pacs_proxy::{FakePacs, observer};
use crate::publish::{Network, QUIET};
use crate::samples::*;
use actors::*;
use model::*;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use store::{StageCounts, StoreError, StoreExt};

const STUDY: &str = "2.25.77";

impl Network {
    fn operations(&self) -> Operations {
        Operations {
            store: self.here.store.clone(),
            journal: self.source.journal.clone(),
            quiet_micros: Some(Arc::new(AtomicI64::new(QUIET))),
            pacs: None,
        }
    }

    fn progress(&self, uid: &str) -> Progress {
        wait(self.operations().study(&study(uid), &self.here.cx)).unwrap().expect("a study").flow.progress
    }

    fn overview(&self) -> FlowOverview {
        wait(self.operations().overview(10, Vec::new(), 50, &self.here.cx)).unwrap()
    }

    fn list(&self, text: &str, stage: Option<StudyStage>) -> Vec<String> {
        let query = FlowQuery { text: text.into(), stage, before: None, limit: 10 };
        let page = wait(self.operations().studies(query, &self.here.cx)).unwrap();
        page.studies.iter().map(|flow| flow.study.to_string()).collect()
    }

    fn retry(&self, uid: &str) -> Result<Retried, RetryRefusal> {
        wait(self.operations().retry(&study(uid), "192.0.2.7", &self.here.cx))
    }

    fn kinds(&self) -> Vec<FlowEventKind> {
        self.overview().events.iter().map(|event| event.kind).collect()
    }
}

fn silence() -> Fault {
    Fault::PeerUnavailable { peer: "centre".into(), reason: "connection refused".into() }
}

fn refusal() -> Fault {
    let (code, context) = ("XDSRegistryMetadataError".into(), "classCode must be of the value set".into());
    Fault::Remote { peer: "centre".into(), code, context, location: None, transient: false }
}

#[test]
fn a_study_waits_is_published_is_replaced_and_every_step_is_told() {
    let network = Network::new();
    network.receive(STUDY, "2.25.1");
    assert_eq!(network.progress(STUDY), Progress::Waiting { due_at: Some(NOON + QUIET) });
    assert_eq!(network.overview().stages, StageCounts { waiting: 1, stuck: 0, settled: 0 });
    network.settle();
    let manifest = network.manifests(STUDY).remove(0).unique_id;
    assert_eq!(network.progress(STUDY), Progress::Published { at: NOON + QUIET, manifest });
    network.receive(STUDY, "2.25.2");
    network.settle();
    assert_eq!(network.kinds(), [FlowEventKind::Replaced, FlowEventKind::Published]);
    let overview = network.overview();
    assert_eq!(overview.stages, StageCounts { waiting: 0, stuck: 0, settled: 1 });
    assert_eq!(overview.throughput.published[MINUTES - 1], 2);
    let manifests = network.manifests(STUDY);
    assert_eq!(overview.events[0].words.as_deref(), Some(manifests[0].unique_id.as_str()));
    let uid = study(STUDY);
    let at = network.here.cx.now_unix_micros();
    let gone = vec![SopInstanceUid::parse("2.25.1").unwrap(), SopInstanceUid::parse("2.25.2").unwrap()];
    network.here.store.write_blocking(move |tx| tx.remove_instances(&uid, &gone, at)).unwrap();
    network.settle();
    assert_eq!(network.kinds()[0], FlowEventKind::Withdrawn);
    assert!(matches!(network.progress(STUDY), Progress::Withdrawn { .. }));
}

#[test]
fn a_silent_registry_makes_a_study_stuck_with_its_reason_and_when_it_began() {
    let network = Network::new();
    network.receive(STUDY, "2.25.1");
    network.repository.on_provide.plan([Act::Refuse(silence()), Act::Refuse(silence()), Act::Refuse(silence())]);
    network.settle();
    network.again();
    network.again();
    let Progress::Retrying { obstacle, attempts, next_at } = network.progress(STUDY) else { panic!() };
    assert_eq!((obstacle.kind, obstacle.party.as_deref()), (ObstacleKind::Silent, Some("centre")));
    assert_eq!(obstacle.words, "connection refused");
    assert_eq!((obstacle.since, obstacle.at), (NOON + QUIET, NOON + QUIET + 62 * SECOND));
    assert_eq!(attempts, 3);
    assert!(next_at > network.here.cx.now_unix_micros());
    let overview = network.overview();
    assert_eq!((overview.stages.stuck, overview.stuck.len()), (1, 1));
    // The same reason again and again is told once.
    assert_eq!(network.kinds(), [FlowEventKind::Delayed]);
    assert_eq!(overview.throughput.failed.iter().sum::<u32>(), 3);
    // Nobody has to wait for the next attempt.
    assert_eq!(network.retry(STUDY), Ok(Retried::Now));
    network.turn();
    assert!(matches!(network.progress(STUDY), Progress::Published { .. }));
    let record = wait(network.operations().study(&study(STUDY), &network.here.cx)).unwrap().unwrap();
    let kinds: Vec<FlowEventKind> = record.history.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [FlowEventKind::Published, FlowEventKind::Retried, FlowEventKind::Delayed]);
    assert_eq!(record.history[1].who.as_deref(), Some("192.0.2.7"));
    // A reader who has the row before him keeps it.
    let also = vec![study(STUDY), study("2.25.404")];
    let overview = wait(network.operations().overview(10, also, 0, &network.here.cx)).unwrap();
    assert_eq!((overview.stages.stuck, overview.stuck.len(), overview.events.len()), (0, 1, 0));
}

#[test]
fn a_registration_that_was_given_up_waits_for_somebody_and_a_new_reason_is_told() {
    let network = Network::new();
    network.receive(STUDY, "2.25.1");
    network.repository.on_provide.plan([Act::Refuse(silence())]);
    network.repository.on_provide.plan([Act::Refuse(refusal()), Act::Refuse(refusal()), Act::Refuse(refusal())]);
    network.settle();
    for _ in 0..3 {
        network.again();
    }
    let Progress::Failed { obstacle, .. } = network.progress(STUDY) else { panic!() };
    assert_eq!((obstacle.kind, obstacle.code.as_deref()), (ObstacleKind::Refused, Some("XDSRegistryMetadataError")));
    assert_eq!((obstacle.words.as_str(), obstacle.since), ("classCode must be of the value set", NOON + QUIET));
    assert_eq!(network.kinds(), [FlowEventKind::Failed, FlowEventKind::Delayed, FlowEventKind::Delayed]);
    network.repository.on_provide.clear();
    assert_eq!(wait(network.operations().retry_all("", &network.here.cx)).unwrap(), [study(STUDY)]);
    network.turn();
    assert!(matches!(network.progress(STUDY), Progress::Published { .. }));
    assert!(wait(network.operations().retry_all("", &network.here.cx)).unwrap().is_empty());
}

#[test]
fn a_held_study_says_why_and_is_looked_at_again_when_somebody_asks() {
    let network = Network::between(Bench::new(), Bench::new(), UnknownPatientAtSource::Hold);
    network.receive(STUDY, "2.25.1");
    network.settle();
    let Progress::Held { obstacle } = network.progress(STUDY) else { panic!() };
    assert!(obstacle.words.contains("does not know this patient"), "{}", obstacle.words);
    assert_eq!(network.retry(STUDY), Ok(Retried::Now));
    network.turn();
    // Nothing has changed: it is held again, since when it was, and the event is not told twice.
    let Progress::Held { obstacle: again } = network.progress(STUDY) else { panic!() };
    assert_eq!((again.since, &again.words), (obstacle.since, &obstacle.words));
    assert_eq!(network.kinds(), [FlowEventKind::Retried, FlowEventKind::Held]);
    network.centre.know("P0001");
    assert_eq!(network.retry(STUDY), Ok(Retried::Now));
    network.turn();
    assert!(matches!(network.progress(STUDY), Progress::Published { .. }), "{:?}", network.progress(STUDY));
}

#[test]
fn what_is_not_stuck_and_what_is_not_there_is_not_tried_again() {
    let network = Network::new();
    assert_eq!(network.retry("2.25.404"), Err(RetryRefusal::UnknownStudy));
    network.receive(STUDY, "2.25.1");
    assert!(
        matches!(network.retry(STUDY), Err(RetryRefusal::NotStuck(progress)) if progress.stage() == StudyStage::Waiting)
    );
    network.settle();
    assert!(
        matches!(network.retry(STUDY), Err(RetryRefusal::NotStuck(progress)) if progress.stage() == StudyStage::Settled)
    );
    assert!(!network.kinds().contains(&FlowEventKind::Retried));
}

#[test]
fn studies_are_found_by_each_of_their_names_and_stages() {
    let network = Network::new();
    for n in 1..=3 {
        network.receive(&format!("2.25.{n}"), &format!("2.25.{n}.1"));
    }
    network.repository.on_provide.plan([Act::Refuse(silence())]);
    network.settle();
    assert_eq!(network.list("", None), ["2.25.3", "2.25.2", "2.25.1"]);
    assert_eq!(network.list("2.25.2", None), ["2.25.2"]);
    assert_eq!(network.list("P0001", None).len(), 3);
    assert_eq!(network.list("P0001", Some(StudyStage::Settled)).len(), 2);
    assert_eq!(network.list("CT1", Some(StudyStage::Stuck)).len(), 1);
    assert!(network.list("CT", None).is_empty());
    assert!(network.list("2.25", None).is_empty());
    let query = FlowQuery { limit: 2, ..FlowQuery::default() };
    let first = wait(network.operations().studies(query.clone(), &network.here.cx)).unwrap();
    assert_eq!((first.studies.len(), first.more), (2, true));
    let before = Some(first.studies[1].study.clone());
    let second = wait(network.operations().studies(FlowQuery { before, ..query }, &network.here.cx)).unwrap();
    assert_eq!((second.studies.len(), second.more), (1, false));
}

#[test]
fn peers_are_what_calls_found_them_to_be_and_their_changes_are_told() {
    let network = Network::new();
    let journal = network.source.journal.clone();
    assert_eq!(journal.peer("centre", "http://c").state, PeerState::NotCalled);
    journal.heard("centre", Ok(()), NOON);
    journal.heard("centre", Err("cannot reach http://c/fhir?patient=P0001: connection refused".into()), NOON + 1);
    journal.heard("centre", Err("cannot reach http://c/fhir: connection refused".into()), NOON + 2);
    let report = journal.peer("centre", "http://c");
    assert_eq!((report.state, report.last_success), (PeerState::Silent { since: NOON + 1 }, Some(NOON)));
    journal.heard("centre", Ok(()), NOON + 3);
    // Jobs are applied in their order: behind this one, both are.
    network.here.store.write_blocking(|_| Ok::<_, StoreError>(())).unwrap();
    let events = network.overview().events;
    let kinds: Vec<FlowEventKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [FlowEventKind::PeerBack, FlowEventKind::PeerLost]);
    assert_eq!(events[1].words.as_deref(), Some("cannot reach http://c/fhir: connection refused"));
}

#[test]
fn a_study_that_the_pacs_does_not_let_be_read_is_stuck_and_looked_at_again() {
    let (network, pacs) = (Network::new(), Arc::new(FakePacs::default()));
    let observer = Arc::new(observer(&network.here, &pacs, 0));
    let operations = Operations { pacs: Some(observer.clone()), ..network.operations() };
    let cx = &network.here.cx;
    let overview = || wait(operations.overview(10, Vec::new(), 50, cx)).unwrap();
    pacs.put(STUDY, &[("2.25.1", "")]);
    let refused = Fault::PeerUnavailable { peer: "pacs1".into(), reason: "C-FIND at SERIES level: 0xA900".into() };
    *pacs.unreadable.lock().unwrap() = Some(refused);
    wait(observer.turn(cx));
    let seen = overview();
    assert_eq!((seen.stages, seen.stuck.len()), (StageCounts { stuck: 1, ..StageCounts::default() }, 1));
    let flow = &seen.stuck[0];
    assert_eq!((flow.study.as_str(), flow.calling_ae.as_str(), flow.instances), (STUDY, "PACS1", 0));
    let Progress::Retrying { obstacle, next_at, .. } = &flow.progress else { panic!("{flow:?}") };
    assert_eq!((obstacle.party.as_deref(), obstacle.since), (Some("pacs1"), NOON));
    assert_eq!(obstacle.words, "C-FIND at SERIES level: 0xA900");
    assert!(*next_at > NOON);
    let stuck = FlowQuery { stage: Some(StudyStage::Stuck), limit: 10, ..FlowQuery::default() };
    assert_eq!(wait(operations.studies(stuck, cx)).unwrap().studies, seen.stuck);
    assert!(wait(operations.study(&study(STUDY), cx)).unwrap().is_some());
    // It is readable again, and nobody waits for the next look.
    *pacs.unreadable.lock().unwrap() = None;
    assert_eq!(wait(operations.retry(&study(STUDY), "", cx)), Ok(Retried::Now));
    wait(observer.turn(cx));
    assert_eq!(overview().stages, StageCounts { waiting: 1, ..StageCounts::default() });
    let query = FlowQuery { text: "ACC-7".into(), limit: 10, ..FlowQuery::default() };
    assert_eq!(wait(operations.studies(query, cx)).unwrap().studies[0].study, study(STUDY));
    network.settle();
    // One that is published and cannot be read any more is stuck, too.
    pacs.put(STUDY, &[("2.25.1", ""), ("2.25.2", "")]);
    pacs.says(STUDY, "CT again");
    *pacs.unreadable.lock().unwrap() = Some(Fault::Busy);
    network.pass(60 * SECOND);
    wait(observer.turn(cx));
    let seen = overview();
    assert_eq!((seen.stages, seen.stuck.len()), (StageCounts { stuck: 1, ..StageCounts::default() }, 1));
    assert_eq!(seen.stuck[0].instances, 1);
    assert_eq!(wait(operations.retry_all("", cx)).unwrap(), [study(STUDY)]);
}

#[test]
fn a_manifest_that_somebody_deprecated_at_the_registry_is_told_and_published_anew_by_a_retry() {
    let mut network = Network::new();
    network.source.policy.reconcile_micros = SECOND;
    network.receive(STUDY, "2.25.1");
    network.settle();
    let id = network.manifests(STUDY)[0].id.clone();
    network.centre.store.write_blocking(move |tx| tx.set_status(&id, AvailabilityStatus::Deprecated)).unwrap();
    for _ in 0..3 {
        network.pass(SECOND);
        network.turn();
    }
    let Progress::Held { obstacle } = network.progress(STUDY) else { panic!("{:?}", network.progress(STUDY)) };
    assert!(obstacle.words.contains("deprecated at the registry"), "{}", obstacle.words);
    assert_eq!(network.kinds()[0], FlowEventKind::Held);
    assert_eq!(network.overview().stages, StageCounts { waiting: 0, stuck: 1, settled: 0 });
    assert_eq!(network.retry(STUDY), Ok(Retried::Now));
    network.turn();
    assert!(matches!(network.progress(STUDY), Progress::Published { .. }));
    assert_eq!((network.manifests(STUDY).len(), network.current(STUDY).is_some()), (2, true));
}
