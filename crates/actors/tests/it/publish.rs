//! An imaging source from received instances to the one current manifest of a study, with peers that fail.
//! Source: RAD TF-2 4.68; spec/dicom.md 6.

use crate::bench::{Bench, SECOND, wait};
use crate::fakes::{Act, FakeIdentity, FakeMaker, FakeRegistry, FakeRepository, LISTED_SLOT, silence};
use crate::samples::*;
use actors::*;
use model::AvailabilityStatus::{Approved, Deprecated};
use model::*;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use store::{Job, JobState, NewJob, Publication, Sha256, StoreExt, StoredInstance, StudyState};

pub const QUIET: i64 = 10 * SECOND;
pub const MAX_DELAY: i64 = 60 * SECOND;
const STUDY: &str = "2.25.77";
const NORTH: &str = "North^^^^^^^^^2.999.3.1";

/// A hospital that publishes and a centre that registers; they share the clock and the calls.
pub struct Network {
    pub here: Bench,
    pub centre: Bench,
    pub maker: Arc<FakeMaker>,
    pub identity: Arc<FakeIdentity>,
    pub registry: Arc<FakeRegistry>,
    pub repository: Arc<FakeRepository>,
    pub source: ImagingDocumentSource,
}

impl Network {
    pub fn new() -> Self {
        let centre = Bench::new();
        centre.know("P0001");
        Network::between(Bench::new(), centre, UnknownPatientAtSource::Feed)
    }

    /// With stores in memory, for tests of many steps.
    pub fn in_memory() -> Self {
        Network::between(Bench::in_memory(), Bench::in_memory(), UnknownPatientAtSource::Feed)
    }

    pub fn between(here: Bench, centre: Bench, unknown_patient: UnknownPatientAtSource) -> Self {
        let (identity, registry) = (FakeIdentity::over(&centre), FakeRegistry::over(&centre));
        let (repository, maker) = (FakeRepository::over(&centre), FakeMaker::new(NORTH));
        let policy = SourcePolicy {
            quiet_micros: Arc::new(AtomicI64::new(QUIET)),
            max_delay_micros: MAX_DELAY,
            unknown_patient,
            patient_domain: oid(DOMAIN),
            reconcile_micros: 0,
            source_id: oid("2.999.20.1"),
            content_type_code: code("IMG", "2.999.30.4"),
            parallel: 4,
        };
        let source = ImagingDocumentSource {
            store: here.store.clone(),
            maker: maker.clone(),
            identity: Some(identity.clone()),
            cross_reference: Some(identity.clone()),
            registry: registry.clone(),
            administrator: registry.clone(),
            repository: repository.clone(),
            policy,
            journal: Arc::new(Journal::new(here.store.clone(), here.cx.now_unix_micros())),
            reconciliation: Reconciliation::default(),
        };
        Network { here, centre, maker, identity, registry, repository, source }
    }

    /// Stores an instance's row, as the archive does.
    pub fn receive(&self, study_uid: &str, instance: &str) {
        let row = StoredInstance {
            study: study(study_uid),
            series: SeriesInstanceUid::parse(&format!("{study_uid}.1")).unwrap(),
            instance: SopInstanceUid::parse(instance).unwrap(),
            sop_class: SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
            transfer_syntax: TransferSyntaxUid::parse("1.2.840.10008.1.2.1").unwrap(),
            file: format!("{instance}.dcm"),
            size_octets: 1,
            sha256: Sha256::of(instance.as_bytes()),
            header: Vec::new(),
            patient_id: "P0001".into(),
            patient_issuer: DOMAIN.into(),
            received_at: self.here.cx.now_unix_micros(),
            calling_ae: "CT1".into(),
            held: None,
        };
        self.here.store.write_blocking(move |tx| tx.add_instance(&row)).unwrap();
    }

    /// Takes an instance out of publication, or lets it in again.
    pub fn hold(&self, study_uid: &str, instance: &str, reason: Option<&'static str>) {
        let (study, instance) = (study(study_uid), SopInstanceUid::parse(instance).unwrap());
        self.here.store.write_blocking(move |tx| tx.hold_instance(&study, &instance, reason)).unwrap();
    }

    pub fn turn(&self) -> i64 {
        wait(self.source.turn(&self.here.cx))
    }

    pub fn pass(&self, micros: i64) {
        self.here.clock.advance(micros);
    }

    /// Lets the quiet time pass and publishes.
    pub fn settle(&self) {
        self.pass(QUIET);
        self.turn();
    }

    /// Turns again after the longest pause between attempts.
    pub fn again(&self) {
        self.pass(31 * SECOND);
        self.turn();
    }

    pub fn state(&self, uid: &str) -> StudyState {
        let uid = study(uid);
        self.here.read(|tx| tx.study(&uid)).unwrap()
    }

    pub fn jobs(&self, state: JobState) -> Vec<Job> {
        self.here.read(|tx| tx.jobs(Some(state), 1000))
    }

    /// Every manifest of a study at the centre, newest first.
    pub fn manifests(&self, uid: &str) -> Vec<DocumentEntry> {
        let reference_ids = vec![vec![ReferenceTerm::Exact(ReferenceId::study(&study(uid)))]];
        let query = DocumentQuery { reference_ids, ..DocumentQuery::default() };
        self.centre.read(|tx| tx.find(&query)).entries
    }

    /// What the current manifest of a study lists. There is at most one.
    pub fn current(&self, uid: &str) -> Option<Vec<String>> {
        let mut current = self.manifests(uid).into_iter().filter(|e| e.availability_status == Approved);
        let listed = current.next().map(|entry| {
            let slot = entry.extra.into_iter().find(|slot| slot.name == LISTED_SLOT).unwrap();
            slot.values
        });
        assert_eq!(current.count(), 0, "more than one current manifest of {uid}");
        listed
    }

    /// What the archive gives out of a study.
    pub fn served(&self, uid: &str) -> Vec<String> {
        let listed = self.here.read(|tx| tx.state("manifest-instances", uid)).unwrap_or_default();
        String::from_utf8(listed).unwrap().lines().map(str::to_owned).collect()
    }

    /// The node stops where it stands, and starts again over the same store.
    pub fn restart(&mut self) {
        let now = self.here.cx.now_unix_micros();
        self.here.store.write_blocking(move |tx| tx.release_leases(now)).unwrap();
        self.source = ImagingDocumentSource {
            store: self.here.store.clone(),
            maker: self.maker.clone(),
            identity: Some(self.identity.clone()),
            cross_reference: Some(self.identity.clone()),
            registry: self.registry.clone(),
            administrator: self.registry.clone(),
            repository: self.repository.clone(),
            policy: self.source.policy.clone(),
            journal: Arc::new(Journal::new(self.here.store.clone(), now)),
            reconciliation: Reconciliation::default(),
        };
    }

    /// Runs a turn until a peer hangs, and stops the node there; or to its end, when nothing hangs.
    pub fn turn_until_hung(&mut self) {
        let turned = wait(async {
            tokio::select! {
                _ = self.source.turn(&self.here.cx) => true,
                () = self.repository.on_provide.hung.notified() => false,
                () = self.registry.on_find.hung.notified() => false,
                () = self.registry.on_update.hung.notified() => false,
            }
        });
        if !turned {
            self.restart();
        }
    }

    fn replay(&self) {
        let now = self.here.cx.now_unix_micros();
        self.here.store.write_blocking(move |tx| tx.replay(None, now)).unwrap();
    }

    pub fn release(&self, uid: &str) {
        let uid = study(uid);
        self.here.store.write_blocking(move |tx| tx.hold_study(&uid, None)).unwrap();
    }

    /// uniqueIds of the manifests that were sent, in order.
    fn sent(&self) -> Vec<String> {
        self.repository.sent.lock().unwrap().iter().map(|s| s.entries[0].unique_id.to_string()).collect()
    }
}

/// One instance received, one turn short of being published.
fn network_with_one() -> Network {
    let network = Network::new();
    network.receive(STUDY, "2.25.1");
    network
}

fn refusal() -> Fault {
    Fault::InvalidMetadata(Invalid::new("DocumentEntry.typeCode", "must be a code of this value set", "x"))
}

#[test]
fn a_study_is_published_when_it_has_been_quiet() {
    let network = network_with_one();
    network.turn();
    network.pass(QUIET - 1);
    network.turn();
    assert_eq!((network.current(STUDY), network.repository.times()), (None, 0));
    network.pass(1);
    network.turn();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    assert_eq!(network.served(STUDY), ["2.25.1"]);
    let state = network.state(STUDY);
    assert!(!state.is_dirty());
    let manifest = network.manifests(STUDY).remove(0);
    let publication = state.publication.unwrap();
    assert_eq!((publication.manifest, publication.entry), (manifest.unique_id, Some(manifest.id)));
    network.again();
    network.again();
    assert_eq!(network.repository.times(), 1);
}

#[test]
fn every_instance_restarts_the_quiet_time() {
    let network = network_with_one();
    for n in 2..6 {
        network.pass(QUIET - 1);
        network.turn();
        network.receive(STUDY, &format!("2.25.{n}"));
    }
    assert_eq!(network.current(STUDY), None);
    network.settle();
    assert_eq!(network.current(STUDY).unwrap().len(), 5);
    assert_eq!(network.repository.times(), 1);
}

#[test]
fn a_study_that_is_never_quiet_is_published_at_the_latest_after_the_longest_delay() {
    let network = network_with_one();
    let mut n = 1;
    while network.repository.times() == 0 {
        n += 1;
        assert!(n < 20, "never published");
        network.pass(QUIET / 2);
        network.receive(STUDY, &format!("2.25.{n}"));
        network.turn();
    }
    assert_eq!(n, 13); // 12 pauses of half a quiet time are the longest delay.
    assert_eq!(network.current(STUDY).unwrap().len(), 13);
    // The wait starts anew.
    network.pass(QUIET / 2);
    network.receive(STUDY, "2.25.100");
    network.turn();
    assert_eq!(network.repository.times(), 1);
    network.settle();
    assert_eq!(network.current(STUDY).unwrap().len(), 14);
}

#[test]
fn a_growing_study_replaces_its_manifest() {
    let network = network_with_one();
    network.settle();
    network.receive(STUDY, "2.25.2");
    network.settle();
    network.receive(STUDY, "2.25.3");
    network.settle();
    let manifests = network.manifests(STUDY);
    let statuses: Vec<AvailabilityStatus> = manifests.iter().map(|e| e.availability_status).collect();
    assert_eq!(statuses, [Approved, Deprecated, Deprecated]);
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1", "2.25.2", "2.25.3"]);
    let links = network.centre.read(|tx| tx.associations_of(&[manifests[0].id.clone()]));
    let replaced: Vec<&ObjectId> =
        links.iter().filter(|a| a.kind == AssociationType::Rplc).map(|a| &a.target).collect();
    assert_eq!(replaced, [&manifests[1].id]);
}

#[test]
fn unchanged_content_is_not_published_again() {
    let network = network_with_one();
    network.settle();
    let now = network.here.cx.now_unix_micros();
    network.here.store.write_blocking(move |tx| tx.touch_study(&study(STUDY), now)).unwrap();
    assert!(network.state(STUDY).is_dirty());
    network.settle();
    assert!(!network.state(STUDY).is_dirty());
    assert_eq!((network.repository.times(), network.manifests(STUDY).len()), (1, 1));
}

#[test]
fn an_instance_that_is_taken_back_leaves_the_manifest() {
    let network = network_with_one();
    network.receive(STUDY, "2.25.2");
    network.settle();
    network.hold(STUDY, "2.25.1", Some("rejected for quality"));
    network.settle();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.2"]);
    assert_eq!(network.served(STUDY), ["2.25.2"]);
}

#[test]
fn a_crash_after_sending_sends_nothing_twice() {
    let mut network = network_with_one();
    network.repository.on_provide.plan([Act::HangAfter]);
    network.pass(QUIET);
    network.turn_until_hung();
    assert!(network.state(STUDY).publication.is_none());
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    network.turn();
    assert_eq!(network.repository.times(), 1);
    let publication = network.state(STUDY).publication.unwrap();
    assert_eq!(publication.entry, Some(network.manifests(STUDY).remove(0).id));
    assert_eq!(network.served(STUDY), ["2.25.1"]);
    assert_eq!(network.jobs(JobState::Done).len(), 1);
}

#[test]
fn a_crash_before_sending_sends_what_was_decided() {
    for crash in [Act::HangBefore, Act::LoseRequest] {
        let mut network = network_with_one();
        network.repository.on_provide.plan([crash]);
        network.pass(QUIET);
        network.turn_until_hung();
        assert_eq!(network.current(STUDY), None);
        network.again();
        let sent = network.sent();
        assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
        let sets: Vec<_> =
            network.repository.sent.lock().unwrap().iter().map(|s| (s.set.clone(), s.entries.clone())).collect();
        assert_eq!(sets[0], sets[1]);
        assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    }
}

#[test]
fn a_crash_without_a_clean_start_is_over_when_the_lease_is() {
    let mut network = network_with_one();
    network.repository.on_provide.plan([Act::HangBefore]);
    network.pass(QUIET);
    wait(async {
        tokio::select! {
            _ = network.source.turn(&network.here.cx) => panic!("the turn ended"),
            () = network.repository.on_provide.hung.notified() => {}
        }
    });
    network.again();
    assert_eq!(network.current(STUDY), None);
    network.pass(600 * SECOND);
    network.turn();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    network.restart();
    network.again();
    assert_eq!(network.repository.times(), 2);
}

#[test]
fn instances_that_come_during_an_attempt_are_in_the_next_manifest() {
    let mut network = network_with_one();
    network.repository.on_provide.plan([Act::HangAfter]);
    network.pass(QUIET);
    network.turn_until_hung();
    network.receive(STUDY, "2.25.2");
    network.settle();
    // The attempt is settled first, as what it was.
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    assert!(network.state(STUDY).is_dirty());
    network.settle();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1", "2.25.2"]);
    assert_eq!(network.manifests(STUDY).len(), 2);
}

#[test]
fn a_silent_peer_is_asked_again_with_the_same_identifiers() {
    let network = network_with_one();
    network.repository.on_provide.plan([Act::LoseRequest, Act::LoseRequest, Act::LoseRequest, Act::LoseRequest]);
    network.settle();
    assert_eq!(network.jobs(JobState::Queued).len(), 1);
    for _ in 0..6 {
        network.again();
    }
    let sent = network.sent();
    assert_eq!(sent.len(), 5);
    assert!(sent.iter().all(|uid| *uid == sent[0]));
    assert_eq!(network.manifests(STUDY).len(), 1);
}

#[test]
fn a_lost_answer_is_found_out_and_not_sent_twice() {
    let network = network_with_one();
    network.repository.on_provide.plan([Act::LoseAnswer]);
    network.settle();
    assert!(network.state(STUDY).publication.is_none());
    network.again();
    assert!(network.state(STUDY).publication.is_some());
    assert_eq!((network.repository.times(), network.manifests(STUDY).len()), (1, 1));
}

#[test]
fn a_request_that_arrives_late_changes_nothing() {
    let network = network_with_one();
    network.repository.on_provide.plan([Act::Late]);
    network.settle();
    network.again();
    assert_eq!(network.manifests(STUDY).len(), 1);
    wait(network.repository.arrive(&network.here.cx));
    assert_eq!(network.manifests(STUDY).len(), 1);
    assert_eq!(network.repository.times(), 2);
}

#[test]
fn an_attempt_that_arrived_is_corrected_when_its_instances_went_away() {
    let network = network_with_one();
    network.receive(STUDY, "2.25.2");
    network.repository.on_provide.plan([Act::LoseAnswer]);
    network.settle();
    network.hold(STUDY, "2.25.1", Some("rejected for quality"));
    network.again();
    assert_eq!(network.served(STUDY), ["2.25.2"]);
    network.settle();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.2"]);
    assert_eq!(network.manifests(STUDY).len(), 2);
}

#[test]
fn an_attempt_of_which_nothing_is_left_makes_way_for_the_next() {
    for arrived in [Act::LoseRequest, Act::LoseAnswer] {
        let network = network_with_one();
        network.repository.on_provide.plan([arrived]);
        network.settle();
        network.hold(STUDY, "2.25.1", Some("rejected for quality"));
        network.receive(STUDY, "2.25.2");
        network.again();
        network.again();
        assert_eq!(network.current(STUDY).unwrap(), ["2.25.2"]);
        assert_eq!(network.served(STUDY), ["2.25.2"]);
        assert!(!network.state(STUDY).is_dirty());
    }
}

#[test]
fn a_refusal_for_good_is_given_up_after_three_attempts_and_can_be_replayed() {
    let network = network_with_one();
    network.repository.on_provide.plan([refusal(), refusal(), refusal()].map(Act::Refuse));
    network.settle();
    network.again();
    assert_eq!(network.jobs(JobState::Failed).len(), 0);
    network.again();
    let failed = network.jobs(JobState::Failed);
    assert_eq!((failed.len(), failed[0].attempts), (1, 3));
    assert!(failed[0].last_error.as_ref().unwrap().contains("typeCode"));
    for _ in 0..3 {
        network.again();
    }
    assert_eq!(network.repository.times(), 3);
    network.replay();
    network.turn();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    assert_eq!(network.jobs(JobState::Failed).len(), 0);
    let sent = network.sent();
    assert!(sent.iter().all(|uid| *uid == sent[0]));
}

#[test]
fn a_given_up_study_is_tried_again_when_it_grows() {
    let network = network_with_one();
    network.repository.on_provide.plan([refusal(), refusal(), refusal()].map(Act::Refuse));
    network.settle();
    network.again();
    network.again();
    assert_eq!(network.jobs(JobState::Failed).len(), 1);
    network.receive(STUDY, "2.25.2");
    network.settle();
    network.settle();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1", "2.25.2"]);
}

#[test]
fn a_given_up_study_needs_no_haste() {
    let network = network_with_one();
    network.repository.on_provide.plan([refusal(), refusal(), refusal()].map(Act::Refuse));
    network.settle();
    network.again();
    network.again();
    network.pass(31 * SECOND);
    assert_eq!(network.turn(), SECOND / 4);
    // And one that will be due is waited for, at most as long.
    network.receive("2.25.78", "2.25.2");
    network.pass(QUIET - SECOND / 2);
    assert!(network.turn() <= SECOND / 4);
}

#[test]
fn given_up_studies_do_not_hold_up_the_others() {
    let network = Network::in_memory();
    network.centre.know("P0001");
    let now = network.here.cx.now_unix_micros();
    for n in 0..150 {
        network.receive(&format!("2.25.9.{n}"), &format!("2.25.10.{n}"));
    }
    let given_up = network.here.store.write_blocking(move |tx| {
        for n in 0..150 {
            let (kind, key) = ("publish-manifest".to_owned(), format!("2.25.9.{n}"));
            tx.enqueue(&NewJob { kind, key, payload: b"1".to_vec(), not_before: now, created_at: now })?;
        }
        for job in tx.claim(&[], now, now + 1, 1000)? {
            tx.attempt_failed(job.id, "refused", None, now)?;
        }
        Ok::<_, store::StoreError>(())
    });
    given_up.unwrap();
    assert_eq!(network.jobs(JobState::Failed).len(), 150);
    network.receive(STUDY, "2.25.1");
    network.settle();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    assert_eq!(network.jobs(JobState::Failed).len(), 150);
}

#[test]
fn an_unknown_patient_is_fed_first() {
    let network = Network::between(Bench::new(), Bench::new(), UnknownPatientAtSource::Feed);
    network.receive(STUDY, "2.25.1");
    network.identity.on_feed.plan([Act::LoseRequest, Act::LoseAnswer]);
    network.settle();
    network.again();
    assert_eq!(network.repository.times(), 0);
    network.again();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    let known = network.centre.read(|tx| tx.patient(&patient_id("P0001")));
    assert_eq!(known, Some(patient("P0001", "Doe", "Jane")));
}

#[test]
fn feeding_overwrites_no_demographics() {
    let network = Network::between(Bench::new(), Bench::new(), UnknownPatientAtSource::Feed);
    let better = patient("P0001", "Doe-Smith", "Jane");
    network.centre.store.write_blocking(move |tx| tx.put_patient(&better)).unwrap();
    network.receive(STUDY, "2.25.1");
    network.settle();
    assert!(network.current(STUDY).is_some());
    let known = network.centre.read(|tx| tx.patient(&patient_id("P0001"))).unwrap();
    assert_eq!(known.name.family, "Doe-Smith");
}

#[test]
fn a_patient_may_have_to_be_known_before() {
    let network = Network::between(Bench::new(), Bench::new(), UnknownPatientAtSource::Hold);
    network.receive(STUDY, "2.25.1");
    network.settle();
    let held = network.state(STUDY).held.unwrap();
    assert!(held.contains("does not know this patient"), "{held}");
    assert!(!held.contains("P0001"));
    network.again();
    assert_eq!(network.repository.times(), 1);
    assert_eq!(network.centre.counts().entries, 0);
    network.centre.know("P0001");
    network.release(STUDY);
    network.turn();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    assert_eq!(network.state(STUDY).held, None);
}

#[test]
fn a_study_under_an_id_of_its_hospital_is_published_for_the_patient_who_has_that_id() {
    let network = network_with_one();
    let local = "1001@2.999.71";
    *network.maker.patient.lock().unwrap() = Some(local.into());
    network.settle();
    let held = network.state(STUDY).held.unwrap();
    assert!(held.contains("2.999.71") && held.contains("ITI-8") && !held.contains("1001"), "{held}");
    assert_eq!(network.centre.counts().entries, 0);
    // The same number of another domain is somebody else's.
    let with = |id: &str, domain: &str| {
        let other_ids = vec![PatientId::new("1001", oid(domain))];
        Patient { other_ids, ..patient(id, "Doe", "Jane") }
    };
    for fed in [with("P0007", "2.999.72"), with("P0008", "2.999.71")] {
        wait(network.identity.feed(&fed, PatientNews::Added, &network.here.cx)).unwrap();
    }
    network.release(STUDY);
    network.turn();
    assert_eq!(network.served(STUDY), ["2.25.1"]);
    assert_eq!(network.manifests(STUDY)[0].patient_id, patient_id("P0008"));
}

#[test]
fn a_study_of_a_merged_patient_grows_under_the_survivor() {
    let network = network_with_one();
    network.settle();
    network.centre.know("P0002");
    wait(network.identity.merge(&patient("P0002", "Doe", "Jane"), &patient_id("P0001"), &network.here.cx)).unwrap();
    network.receive(STUDY, "2.25.2");
    network.settle();
    let manifests = network.manifests(STUDY);
    assert_eq!(manifests.iter().filter(|m| m.availability_status == Approved).count(), 1);
    assert_eq!((&manifests[0].patient_id, network.served(STUDY).len()), (&patient_id("P0002"), 2));
}

#[test]
fn a_study_that_cannot_be_described_is_held_with_the_reason() {
    let network = network_with_one();
    *network.maker.trouble.lock().unwrap() =
        Some(NotPublishable::Held("nothing says who issues its patient ids".into()));
    network.settle();
    assert_eq!(network.state(STUDY).held.as_deref(), Some("nothing says who issues its patient ids"));
    network.again();
    assert_eq!((network.repository.times(), network.jobs(JobState::Failed).len()), (0, 0));
    *network.maker.trouble.lock().unwrap() = None;
    network.release(STUDY);
    network.turn();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
}

#[test]
fn a_study_with_nothing_to_list_is_held() {
    let network = network_with_one();
    network.hold(STUDY, "2.25.1", Some("no Patient ID"));
    network.settle();
    assert!(network.state(STUDY).held.unwrap().starts_with("no instance of this study"));
}

#[test]
fn a_manifest_of_which_nothing_is_left_is_withdrawn_and_comes_back_with_the_images() {
    let network = network_with_one();
    network.settle();
    network.hold(STUDY, "2.25.1", Some("rejected for quality"));
    network.settle();
    assert_eq!((network.current(STUDY), network.state(STUDY).held), (None, None));
    assert!(!network.state(STUDY).is_dirty() && network.served(STUDY).is_empty());
    assert_eq!(network.manifests(STUDY).len(), 1, "it stays, deprecated");
    network.hold(STUDY, "2.25.1", None);
    network.settle();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    let (new, old) = (&network.manifests(STUDY)[0], &network.manifests(STUDY)[1]);
    assert_eq!((new.availability_status, old.availability_status), (Approved, Deprecated));
    assert_eq!(network.served(STUDY), ["2.25.1"]);
}

#[test]
fn a_withdrawal_survives_silence_and_crashes() {
    for (act, partly) in [
        (Act::LoseRequest, false),
        (Act::LoseAnswer, false),
        (Act::HangAfter, false),
        (Act::HangBefore, false),
        (Act::Partly, true),
    ] {
        let mut network = network_with_one();
        network.settle();
        network.hold(STUDY, "2.25.1", Some("rejected for quality"));
        let script = if partly { &network.registry.on_find } else { &network.registry.on_update };
        script.plan([act]);
        network.pass(QUIET);
        network.turn_until_hung();
        network.again();
        assert_eq!((network.current(STUDY), network.served(STUDY)), (None, Vec::<String>::new()));
        assert!(!network.state(STUDY).is_dirty());
        assert!(network.jobs(JobState::Failed).is_empty() && network.jobs(JobState::Queued).is_empty());
    }
}

#[test]
fn where_nothing_can_be_withdrawn_the_study_is_held_and_says_what_to_do() {
    let network = network_with_one();
    network.settle();
    network.registry.on_update.plan([Act::Refuse(Fault::Unsupported("updating metadata".into()))]);
    network.hold(STUDY, "2.25.1", Some("rejected for quality"));
    network.settle();
    let reason = network.state(STUDY).held.unwrap();
    assert!(reason.starts_with("every instance that the published manifest lists"), "{reason}");
    assert!(reason.contains(&network.manifests(STUDY)[0].id.to_string()), "{reason}");
}

#[test]
fn another_institutions_manifest_is_not_withdrawn() {
    let network = network_with_one();
    network.settle();
    let other = FakeMaker::new("South^^^^^^^^^2.999.3.2");
    let mut south = Network::between(Bench::new(), Bench::new(), UnknownPatientAtSource::Feed);
    (south.source.maker, south.source.registry) = (other, network.registry.clone());
    south.source.repository = network.repository.clone();
    south.receive(STUDY, "2.25.9");
    south.settle();
    network.hold(STUDY, "2.25.1", Some("rejected for quality"));
    network.settle();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.9"]);
}

#[test]
fn a_study_of_another_patient_after_all_is_published_anew_and_taken_back_there() {
    let network = network_with_one();
    network.settle();
    network.centre.know("P0002");
    *network.maker.patient.lock().unwrap() = Some("P0002".into());
    network.receive(STUDY, "2.25.2");
    // The answer is lost after the new manifest arrived: the old one is taken back on the second attempt.
    network.repository.on_provide.plan([Act::LoseAnswer]);
    network.settle();
    network.again();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1", "2.25.2"]);
    let manifests = network.manifests(STUDY);
    let of = |n: usize| (manifests[n].patient_id.id.as_str(), manifests[n].availability_status);
    assert_eq!((of(0), of(1)), (("P0002", Approved), ("P0001", Deprecated)));
}

#[test]
fn who_is_silent_may_have_the_manifest() {
    // While settling an attempt, and while looking for what is to be replaced.
    let network = network_with_one();
    network.registry.on_find.plan([Act::Partly]);
    network.settle();
    assert_eq!(network.repository.times(), 0);
    network.again();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1"]);
    network.receive(STUDY, "2.25.2");
    network.repository.on_provide.plan([Act::LoseAnswer]);
    network.settle();
    for silent in [Act::Partly, Act::LoseRequest] {
        network.registry.on_find.plan([silent]);
        network.again();
        assert_eq!(network.repository.times(), 2);
    }
    network.again();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1", "2.25.2"]);
    assert_eq!((network.repository.times(), network.manifests(STUDY).len()), (2, 2));
}

#[test]
fn what_somebody_else_replaced_meanwhile_is_looked_for_again() {
    let network = network_with_one();
    network.settle();
    let first = network.manifests(STUDY).remove(0);
    network.receive(STUDY, "2.25.2");
    network.repository.on_provide.plan([Act::Refuse(Fault::DeprecatedTarget(first.id.clone()))]);
    network.settle();
    // Somebody with our institution's name replaced it by hand.
    let mut by_hand = related("2.25.500", AssociationType::Rplc, &first.id);
    by_hand.entries[0].authors = first.authors.clone();
    by_hand.entries[0].reference_id_list = first.reference_id_list.clone();
    by_hand.entries[0].extra = first.extra.clone();
    network.centre.accept(by_hand);
    network.again();
    assert_eq!(network.current(STUDY).unwrap(), ["2.25.1", "2.25.2"]);
    assert_eq!(network.manifests(STUDY).len(), 3);
}

#[test]
fn another_institutions_manifest_and_a_report_of_the_study_stay() {
    let network = network_with_one();
    let mut theirs = submission("2.25.600");
    theirs.entries[0].authors =
        vec![Author { institutions: vec![Xon::parse("South^^^^^^^^^2.999.3.2").unwrap()], ..Author::default() }];
    let theirs = network.centre.accept(theirs).id("doc");
    let mut report = submission("2.25.601");
    report.entries[0].authors = vec![Author { institutions: vec![Xon::parse(NORTH).unwrap()], ..Author::default() }];
    report.entries[0].format_code = code("urn:ihe:iti:xds-sd:pdf:2008", schemes::IHE_FORMAT);
    let report = network.centre.accept(report).id("doc");
    network.settle();
    network.receive(STUDY, "2.25.2");
    network.settle();
    assert_eq!((network.centre.status(&theirs), network.centre.status(&report)), (Approved, Approved));
    let ours = network.manifests(STUDY).into_iter().filter(|e| e.extra.iter().any(|s| s.name == LISTED_SLOT));
    assert_eq!(ours.map(|e| e.availability_status).collect::<Vec<_>>(), [Approved, Deprecated]);
}

#[test]
fn many_studies_are_published_side_by_side() {
    let network = Network::new();
    for n in 0..10 {
        network.receive(&format!("2.25.9.{n}"), &format!("2.25.10.{n}"));
    }
    network.pass(QUIET);
    let mut turns = 0;
    while network.turn() == 0 {
        turns += 1;
    }
    assert_eq!(turns, 2); // four, four, two
    for n in 0..10 {
        assert_eq!(network.current(&format!("2.25.9.{n}")).unwrap(), [format!("2.25.10.{n}")]);
    }
}

#[test]
fn one_studys_trouble_is_not_anothers() {
    let network = network_with_one();
    network.receive("2.25.78", "2.25.2");
    network.repository.on_provide.plan([Act::Refuse(silence())]);
    network.settle();
    let published = [STUDY, "2.25.78"].into_iter().filter(|uid| network.current(uid).is_some()).count();
    assert_eq!(published, 1);
    network.again();
    assert!(network.current(STUDY).is_some() && network.current("2.25.78").is_some());
}

#[test]
fn a_study_that_vanished_ends_its_job() {
    let network = network_with_one();
    network.repository.on_provide.plan([Act::LoseRequest]);
    network.settle();
    network.here.store.write_blocking(|tx| tx.remove_study(&study(STUDY))).unwrap();
    network.again();
    assert_eq!((network.jobs(JobState::Queued).len(), network.jobs(JobState::Done).len()), (0, 1));
}

#[test]
fn what_was_published_before_is_known_after_a_restart() {
    let mut network = network_with_one();
    network.settle();
    network.restart();
    network.again();
    let Publication { manifest, .. } = network.state(STUDY).publication.unwrap();
    assert_eq!(manifest, network.manifests(STUDY).remove(0).unique_id);
    assert_eq!(network.repository.times(), 1);
}
