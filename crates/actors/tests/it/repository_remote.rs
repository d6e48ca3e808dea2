//! A repository that registers at a peer: documents are staged until the registry has spoken. Source: spec/xds.md 15.

use crate::bench::{Bench, wait, whole};
use crate::fakes::{Act, FakeRegistry, silence};
use crate::samples::*;
use actors::*;
use model::Submission;
use std::sync::Arc;

/// A hospital's repository and the centre's registry; they share nothing but the calls.
struct Network {
    here: Bench,
    centre: Bench,
    registry: Arc<FakeRegistry>,
    repository: DocumentRepository,
}

impl Network {
    fn new() -> Self {
        let (here, centre) = (Bench::new(), Bench::with_patients());
        let registry = FakeRegistry::over(&centre);
        let repository = here.repository(RegisterAt::Peer(registry.clone()));
        Network { here, centre, registry, repository }
    }

    fn provide(&self, submission: Submission, bytes: &[u8]) -> Result<Registered, Refusal> {
        wait(self.repository.provide(submission, vec![document("doc", bytes)], &self.here.cx))
    }

    fn retrieve(&self, unique_id: &str) -> Option<Vec<u8>> {
        let unique_id = unique(unique_id);
        let request = DocumentRequest { home_community_id: None, repository_unique_id: oid(REPOSITORY), unique_id };
        let mut retrieved = wait(self.repository.retrieve(&[request], &self.here.cx)).unwrap();
        retrieved.documents.pop().map(|document| whole(document.body).unwrap())
    }

    fn staged(&self) -> usize {
        self.here.read(|tx| tx.staged_documents(i64::MAX, 100)).len()
    }

    fn recover(&self) -> usize {
        wait(self.repository.recover(i64::MAX, &self.here.cx)).unwrap()
    }

    /// Documents and files here, entries at the centre.
    fn kept(&self) -> (u64, usize, u64) {
        (self.here.counts().documents, self.here.blob_files(), self.centre.counts().entries)
    }
}

/// A small document and one that is a file.
fn both_sizes() -> [Vec<u8>; 2] {
    [b"KOS".to_vec(), large(1)]
}

fn submission_of(unique_id: &str) -> Submission {
    unhashed(submission(unique_id))
}

#[test]
fn a_registered_document_is_given_out() {
    for bytes in both_sizes() {
        let network = Network::new();
        network.provide(submission_of("2.25.1"), &bytes).unwrap();
        assert!(network.retrieve("2.25.1").unwrap() == bytes);
        assert_eq!((network.staged(), network.recover()), (0, 0));
    }
}

#[test]
fn a_refused_document_is_removed() {
    for bytes in both_sizes() {
        let network = Network::new();
        let refusal = network.provide(of_patient(submission_of("2.25.1"), "P0009"), &bytes).err().unwrap();
        assert_eq!(refusal.faults(), [Fault::UnknownPatient(patient_id("P0009"))]);
        assert_eq!(network.kept(), (0, 0, 0));
        assert!(network.retrieve("2.25.1").is_none());
    }
}

#[test]
fn a_document_that_nobody_spoke_about_is_staged_and_not_given_out() {
    for bytes in both_sizes() {
        let network = Network::new();
        network.registry.on_register.plan([Act::LoseRequest]);
        let refusal = network.provide(submission_of("2.25.1"), &bytes).err().unwrap();
        assert_eq!(refusal.faults(), [silence()]);
        assert!(refusal.is_transient());
        assert_eq!(network.staged(), 1);
        assert!(network.retrieve("2.25.1").is_none());
        // The registry never got it: it goes.
        assert_eq!(network.recover(), 0);
        assert_eq!(network.kept(), (0, 0, 0));
    }
}

#[test]
fn a_document_whose_answer_got_lost_is_given_out_because_the_registry_shows_it() {
    for bytes in both_sizes() {
        let network = Network::new();
        network.registry.on_register.plan([Act::LoseAnswer]);
        assert!(network.provide(submission_of("2.25.1"), &bytes).is_err());
        assert!(network.retrieve("2.25.1").unwrap() == bytes);
        // Not on hearsay: while the registry is silent, it stays where it is.
        network.registry.on_find.plan([Act::LoseRequest]);
        assert!(network.retrieve("2.25.1").is_none());
        assert_eq!((network.staged(), network.recover(), network.staged()), (1, 0, 0));
        // From now on nobody needs to be asked.
        network.registry.on_find.plan([Act::LoseRequest]);
        assert!(network.retrieve("2.25.1").unwrap() == bytes);
    }
}

#[test]
fn recovery_waits_for_a_registry_that_does_not_answer() {
    let network = Network::new();
    network.registry.on_register.plan([Act::LoseAnswer]);
    assert!(network.provide(submission_of("2.25.1"), &large(1)).is_err());
    for act in [Act::LoseRequest, Act::Refuse(Fault::Busy), Act::Partly] {
        network.registry.on_find.plan([act.clone()]);
        assert_eq!((network.recover(), network.staged()), (1, 1), "{act:?}");
    }
    assert_eq!(network.recover(), 0);
    assert!(network.retrieve("2.25.1").is_some());
}

#[test]
fn recovery_leaves_alone_what_was_staged_after_its_time() {
    let network = Network::new();
    network.registry.on_register.plan([Act::LoseRequest]);
    assert!(network.provide(submission_of("2.25.1"), b"KOS").is_err());
    let before = network.here.cx.now_unix_micros();
    assert_eq!(wait(network.repository.recover(before, &network.here.cx)).unwrap(), 0);
    assert_eq!(network.staged(), 1);
    wait(network.repository.recover(before + 1, &network.here.cx)).unwrap();
    assert_eq!(network.staged(), 0);
}

#[test]
fn a_document_that_comes_again_belongs_to_the_later_request() {
    for bytes in both_sizes() {
        let network = Network::new();
        network.registry.on_register.plan([Act::LoseRequest]);
        assert!(network.provide(submission_of("2.25.1"), &bytes).is_err());
        network.here.clock.advance(1_000);
        let again = network.here.cx.now_unix_micros();
        network.registry.on_register.plan([Act::LoseRequest]);
        assert!(network.provide(submission_of("2.25.1"), &bytes).is_err());
        // Settling the first attempt would take the second one's document away while it registers.
        assert_eq!(wait(network.repository.recover(again, &network.here.cx)).unwrap(), 0);
        assert_eq!(network.staged(), 1);
        network.provide(submission_of("2.25.1"), &bytes).unwrap();
        assert!(network.retrieve("2.25.1").unwrap() == bytes);
    }
}

#[test]
fn another_repositorys_document_of_the_same_name_is_not_ours() {
    let network = Network::new();
    let mut elsewhere = submission("2.25.1");
    elsewhere.entries[0].repository_unique_id = Some(oid("2.999.66"));
    network.centre.accept(elsewhere);
    network.registry.on_register.plan([Act::LoseRequest]);
    assert!(network.provide(submission_of("2.25.1"), b"KOS").is_err());
    assert_eq!(network.recover(), 0);
    assert_eq!(network.here.counts().documents, 0);
}

#[test]
fn the_source_tries_again_after_silence() {
    for (lost, bytes) in
        [(Act::LoseRequest, b"KOS".to_vec()), (Act::LoseRequest, large(1)), (Act::LoseAnswer, large(1))]
    {
        let network = Network::new();
        network.registry.on_register.plan([lost.clone()]);
        assert!(network.provide(submission_of("2.25.1"), &bytes).is_err());
        let again = network.provide(submission_of("2.25.1"), &bytes);
        match lost {
            Act::LoseRequest => assert!(again.is_ok()),
            // Its submission set is there already; the staged document is not taken away for that.
            _ => assert!(matches!(again.err().unwrap().faults(), [Fault::DuplicateUniqueId { .. }])),
        }
        assert_eq!(network.recover(), 0);
        assert!(network.retrieve("2.25.1").unwrap() == bytes);
        assert_eq!(network.centre.counts().entries, 1);
    }
}

#[test]
fn a_refused_second_submission_leaves_the_first_document_alone() {
    for bytes in both_sizes() {
        let network = Network::new();
        network.provide(submission_of("2.25.1"), &bytes).unwrap();
        let mut again = of_patient(submission_of("2.25.1"), "P0009");
        again.set.unique_id = unique("2.25.9");
        assert!(network.provide(again, &bytes).is_err());
        let mut other = submission_of("2.25.1");
        other.set.unique_id = unique("2.25.9");
        let refusal = network.provide(other, &large(7)).err().unwrap();
        assert_eq!(refusal.faults(), [Fault::NonIdenticalHash(unique("2.25.1"))]);
        assert!(network.retrieve("2.25.1").unwrap() == bytes);
        let files = usize::from(bytes.len() > 64 * 1024);
        assert_eq!(network.kept(), (1, files, 1));
    }
}

#[test]
fn a_node_that_stops_while_it_registers_recovers() {
    for (act, expected) in [(Act::HangBefore, false), (Act::HangAfter, true)] {
        let network = Network::new();
        network.registry.on_register.plan([act]);
        wait(async {
            let documents = vec![document("doc", &large(1))];
            let providing = network.repository.provide(submission_of("2.25.1"), documents, &network.here.cx);
            tokio::select! {
                _ = providing => panic!("a registry that hangs has answered"),
                () = network.registry.on_register.hung.notified() => {}
            }
        });
        assert_eq!(network.staged(), 1);
        assert_eq!(network.recover(), 0);
        assert_eq!(network.retrieve("2.25.1").is_some(), expected);
        assert_eq!(network.here.blob_files(), usize::from(expected));
    }
}

#[test]
fn a_full_disk_registers_nothing() {
    let centre = Bench::with_patients();
    let here = Bench::with_files(store::FileOptions { max_octets: Some(50_000) });
    let repository = here.repository(RegisterAt::Peer(FakeRegistry::over(&centre)));
    let outcome = wait(repository.provide(submission_of("2.25.1"), vec![document("doc", &large(1))], &here.cx));
    assert!(matches!(outcome.err().unwrap().faults(), [Fault::OutOfResources(_)]));
    assert_eq!((here.counts().documents, here.blob_files(), centre.counts().entries), (0, 0, 0));
}
