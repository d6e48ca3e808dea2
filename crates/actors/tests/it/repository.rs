//! A repository whose registry shares its store: bytes and metadata together or not at all.
//! Source: spec/xds.md 13, 15, 17.

use crate::bench::{Bench, wait, whole};
use crate::samples::*;
use actors::*;
use model::*;
use store::{BlobStore, FileOptions, StoreExt, digest_of};

fn local(bench: &Bench) -> DocumentRepository {
    bench.repository(RegisterAt::Local(bench.registry()))
}

fn provide(bench: &Bench, submission: Submission, documents: Vec<ProvidedDocument>) -> Result<Registered, Refusal> {
    wait(local(bench).provide(submission, documents, &bench.cx))
}

/// Provides, and expects it to be refused without a trace.
fn refuse(bench: &Bench, submission: Submission, documents: Vec<ProvidedDocument>) -> Vec<Fault> {
    let before = (bench.counts(), bench.blob_files());
    let refusal = provide(bench, submission, documents).err().unwrap();
    assert_eq!((bench.counts(), bench.blob_files()), before, "something of a refused submission was kept");
    refusal.faults().to_vec()
}

fn request(unique_id: &str) -> DocumentRequest {
    DocumentRequest { home_community_id: None, repository_unique_id: oid(REPOSITORY), unique_id: unique(unique_id) }
}

fn retrieve(bench: &Bench, unique_id: &str) -> Result<Vec<u8>, Fault> {
    let mut retrieved = wait(local(bench).retrieve(&[request(unique_id)], &bench.cx)).unwrap();
    match retrieved.documents.pop() {
        Some(document) => whole(document.body),
        None => Err(retrieved.faults.remove(0)),
    }
}

fn submission_of(unique_id: &str) -> Submission {
    unhashed(submission(unique_id))
}

#[test]
fn what_was_provided_is_retrieved_to_the_octet() {
    let bench = Bench::with_patients();
    for (n, bytes) in [Vec::new(), b"KOS".to_vec(), vec![1; 64 * 1024], vec![2; 64 * 1024 + 1], vec![3; 3_000_000]]
        .into_iter()
        .enumerate()
    {
        let name = format!("2.25.{n}");
        let registered = provide(&bench, submission_of(&name), vec![document("doc", &bytes)]).unwrap();
        let entry = bench.read(|tx| tx.entries_with_unique_id(&unique(&name))).remove(0);
        assert!(registered.ids.contains(&(id("doc"), entry.id.clone())));
        assert_eq!(entry.hash, Some(digest_of(&bytes).sha1));
        assert_eq!(entry.size_octets, Some(bytes.len() as u64));
        assert_eq!(entry.repository_unique_id, Some(oid(REPOSITORY)));
        let mut retrieved = wait(local(&bench).retrieve(&[request(&name)], &bench.cx)).unwrap();
        let document = retrieved.documents.remove(0);
        assert_eq!(
            (document.mime_type.as_str(), document.size_octets),
            ("application/dicom", Some(bytes.len() as u64))
        );
        assert!(whole(document.body).unwrap() == bytes);
    }
    assert_eq!(bench.blob_files(), 2);
}

#[test]
fn an_empty_document_has_the_hash_of_nothing() {
    let bench = Bench::with_patients();
    provide(&bench, submission_of("2.25.1"), vec![document("doc", b"")]).unwrap();
    let entry = bench.read(|tx| tx.entries_with_unique_id(&unique("2.25.1"))).remove(0);
    assert_eq!(entry.hash.unwrap().as_str(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

#[test]
fn a_repository_names_itself_whatever_the_source_says() {
    let bench = Bench::with_patients();
    let mut foreign = submission_of("2.25.1");
    foreign.entries[0].repository_unique_id = Some(oid("2.999.66"));
    provide(&bench, foreign, vec![document("doc", b"KOS")]).unwrap();
    assert!(retrieve(&bench, "2.25.1").is_ok());
}

#[test]
fn a_hash_or_size_that_is_not_the_documents_is_refused() {
    let bench = Bench::with_patients();
    for bytes in [b"KOS".to_vec(), large(1)] {
        let mut wrong = submission_of("2.25.1");
        wrong.entries[0].hash = Some(Sha1Hash::from_bytes([1; 20]));
        wrong.entries[0].size_octets = Some(1);
        let faults = refuse(&bench, wrong, vec![document("doc", &bytes)]);
        let fields: Vec<&str> = faults
            .iter()
            .map(|fault| match fault {
                Fault::InvalidDocument(invalid) => invalid.field.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(fields, ["DocumentEntry.hash", "DocumentEntry.size"]);
        let mut right = submission_of("2.25.1");
        right.entries[0].hash = Some(digest_of(&bytes).sha1);
        right.entries[0].size_octets = Some(bytes.len() as u64);
        right.entries[0].unique_id = unique(&format!("2.25.1.{}", bytes.len()));
        right.set.unique_id = unique(&format!("2.25.2.{}", bytes.len()));
        provide(&bench, right, vec![document("doc", &bytes)]).unwrap();
    }
}

#[test]
fn every_entry_has_its_document_and_every_document_its_entry() {
    let bench = Bench::with_patients();
    let missing = refuse(&bench, submission_of("2.25.1"), Vec::new());
    assert_eq!(missing, [Fault::MissingDocument("doc".into())]);
    let both = refuse(&bench, submission_of("2.25.1"), vec![document("other", &large(1))]);
    assert_eq!(both, [Fault::MissingDocumentMetadata("other".into()), Fault::MissingDocument("doc".into())]);
    let twice = vec![document("doc", &large(1)), document("doc", &large(2))];
    assert_eq!(refuse(&bench, submission_of("2.25.1"), twice), [Fault::MissingDocumentMetadata("doc".into())]);
}

#[test]
fn a_spooled_document_without_metadata_leaves_no_file() {
    let bench = Bench::with_patients();
    let before = bench.blob_files();
    let spooled = |object: &str, seed: u8| ProvidedDocument {
        entry_id: id(object),
        content: DocumentContent::Blob(bench.blobs.put(&large(seed)).unwrap()),
    };
    let documents = vec![spooled("other", 1), spooled("doc", 2)];
    let refusal = provide(&bench, submission_of("2.25.1"), documents).err().unwrap();
    assert_eq!(refusal.faults(), [Fault::MissingDocumentMetadata("other".into())]);
    assert_eq!((bench.blob_files(), bench.counts().documents), (before, 0));
    let documents = vec![spooled("doc", 2)];
    provide(&bench, submission_of("2.25.1"), documents).unwrap();
    assert!(retrieve(&bench, "2.25.1").unwrap() == large(2));
}

#[test]
fn the_registrys_refusal_removes_the_documents() {
    let bench = Bench::with_patients();
    for bytes in [b"KOS".to_vec(), large(1)] {
        let faults = refuse(&bench, of_patient(submission_of("2.25.1"), "P0009"), vec![document("doc", &bytes)]);
        assert_eq!(faults, [Fault::UnknownPatient(patient_id("P0009"))]);
        assert_eq!(retrieve(&bench, "2.25.1"), Err(Fault::DocumentNotFound(unique("2.25.1"))));
    }
}

#[test]
fn the_same_bytes_may_come_again_and_others_may_not() {
    let bench = Bench::with_patients();
    for (n, bytes) in [b"KOS".to_vec(), large(1)].into_iter().enumerate() {
        let name = format!("2.25.{n}");
        let again = |set: &str| {
            let mut again = submission_of(&name);
            again.set.unique_id = unique(set);
            again
        };
        provide(&bench, again(&format!("2.25.9.{n}")), vec![document("doc", &bytes)]).unwrap();
        provide(&bench, again(&format!("2.25.8.{n}")), vec![document("doc", &bytes)]).unwrap();
        assert_eq!(bench.read(|tx| tx.entries_with_unique_id(&unique(&name))).len(), 2);
        for other in [b"others".to_vec(), large(2), vec![9; bytes.len()]] {
            let faults = refuse(&bench, again(&format!("2.25.7.{n}")), vec![document("doc", &other)]);
            assert_eq!(faults, [Fault::NonIdenticalHash(unique(&name))]);
        }
        assert!(retrieve(&bench, &name).unwrap() == bytes);
    }
    assert_eq!(bench.counts().documents, 2);
}

#[test]
fn the_same_bytes_under_two_names_are_one_file_and_stay_while_one_needs_them() {
    let bench = Bench::with_patients();
    provide(&bench, submission_of("2.25.1"), vec![document("doc", &large(1))]).unwrap();
    let faults = refuse(&bench, of_patient(submission_of("2.25.2"), "P0009"), vec![document("doc", &large(1))]);
    assert_eq!(faults.len(), 1);
    provide(&bench, submission_of("2.25.3"), vec![document("doc", &large(1))]).unwrap();
    assert_eq!(bench.blob_files(), 1);
    assert!(retrieve(&bench, "2.25.1").unwrap() == large(1));
}

#[test]
fn a_file_that_is_gone_before_it_is_recorded_is_asked_for_again() {
    let bench = Bench::with_patients();
    // Another submission with the same bytes was refused and tidied away in between.
    let content = DocumentContent::Blob(digest_of(&large(1)));
    let faults = refuse(&bench, submission_of("2.25.1"), vec![ProvidedDocument { entry_id: id("doc"), content }]);
    assert_eq!(faults, [Fault::Busy]);
    assert!(faults[0].is_transient());
    provide(&bench, submission_of("2.25.1"), vec![document("doc", &large(1))]).unwrap();
}

#[test]
fn a_small_document_that_comes_again_as_a_file_leaves_none() {
    let bench = Bench::with_patients();
    provide(&bench, submission_of("2.25.1"), vec![document("doc", b"KOS")]).unwrap();
    let mut again = submission_of("2.25.1");
    again.set.unique_id = unique("2.25.9");
    let content = DocumentContent::Blob(bench.blobs.put(b"KOS").unwrap());
    provide(&bench, again, vec![ProvidedDocument { entry_id: id("doc"), content }]).unwrap();
    assert_eq!(bench.blob_files(), 0);
    assert_eq!(retrieve(&bench, "2.25.1").unwrap(), b"KOS");
}

#[test]
fn two_contents_under_one_name_in_one_message_are_refused() {
    let bench = Bench::with_patients();
    let mut two = submission_of("2.25.1");
    two.entries.push(
        unhashed(Submission { entries: vec![entry("doc-2", "2.25.1")], ..submission("2.25.1") }).entries.remove(0),
    );
    two.associations.push(original("member-2", "doc-2"));
    let documents = || vec![document("doc", &large(1)), document("doc-2", &large(2))];
    assert_eq!(refuse(&bench, two.clone(), documents()), [Fault::DuplicateUniqueIdInMessage("2.25.1".into())]);
    let same = vec![document("doc", &large(1)), document("doc-2", &large(1))];
    assert_eq!(refuse(&bench, two, same), [Fault::DuplicateUniqueIdInMessage("2.25.1".into())]);
}

#[test]
fn reasons_of_repository_and_registry_are_told_together() {
    let bench = Bench::with_patients();
    provide(&bench, submission_of("2.25.1"), vec![document("doc", b"first")]).unwrap();
    let mut bad = of_patient(submission_of("2.25.1"), "P0009");
    bad.entries[0].language_code = "?".into();
    bad.set.unique_id = unique("2.25.9");
    let faults = refuse(&bench, bad, vec![document("doc", b"second")]);
    assert_eq!(faults.len(), 3, "{faults:?}");
    for expected in [Fault::NonIdenticalHash(unique("2.25.1")), Fault::UnknownPatient(patient_id("P0009"))] {
        assert!(faults.contains(&expected), "{faults:?}");
    }
}

#[test]
fn many_submissions_at_once_are_each_whole() {
    let bench = Bench::with_patients();
    let repository = local(&bench);
    // The same bytes in all of them, half of them refused: nobody's file may go with another's refusal.
    let cx = bench.cx.clone();
    let outcomes = wait(async move {
        let provided = (0..20).map(|n| {
            let (repository, cx) = (repository.clone(), cx.clone());
            let whose = if n % 2 == 0 { "P0001" } else { "P0009" };
            let submission = of_patient(submission_of(&format!("2.25.{n}")), whose);
            tokio::spawn(async move { repository.provide(submission, vec![document("doc", &large(1))], &cx).await })
        });
        futures_util::future::join_all(provided).await
    });
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let name = format!("2.25.{n}");
        match outcome.unwrap() {
            Ok(_) => assert!(retrieve(&bench, &name).unwrap() == large(1)),
            Err(refusal) => {
                let told = if n % 2 == 0 { Fault::Busy } else { Fault::UnknownPatient(patient_id("P0009")) };
                // A file that is being tidied away is said to be busy, never lost in silence.
                assert!(refusal.faults() == [told] || refusal.faults() == [Fault::Busy], "{refusal:?}");
                assert_eq!(retrieve(&bench, &name), Err(Fault::DocumentNotFound(unique(&name))));
            }
        }
    }
}

#[test]
fn a_retrieve_gives_what_there_is_and_says_what_there_is_not() {
    let bench = Bench::with_patients();
    provide(&bench, submission_of("2.25.1"), vec![document("doc", b"one")]).unwrap();
    provide(&bench, submission_of("2.25.2"), vec![document("doc", &large(2))]).unwrap();
    let elsewhere = DocumentRequest { repository_unique_id: oid("2.999.66"), ..request("2.25.1") };
    let requests = [request("2.25.9"), request("2.25.1"), elsewhere, request("2.25.2")];
    let retrieved = wait(local(&bench).retrieve(&requests, &bench.cx)).unwrap();
    let found: Vec<&DocumentRequest> = retrieved.documents.iter().map(|d| &d.request).collect();
    assert_eq!(found, [&requests[1], &requests[3]]);
    let unknown = Fault::UnknownRepository { repository: oid("2.999.66"), unique_id: unique("2.25.1") };
    assert_eq!(retrieved.faults, [Fault::DocumentNotFound(unique("2.25.9")), unknown]);
    assert!(wait(local(&bench).retrieve(&[], &bench.cx)).unwrap().documents.is_empty());
}

#[test]
fn a_lost_file_is_our_fault_and_stays_one_documents() {
    let bench = Bench::with_patients();
    provide(&bench, submission_of("2.25.1"), vec![document("doc", &large(1))]).unwrap();
    bench.blobs.remove(&digest_of(&large(1)).sha256).unwrap();
    assert_eq!(retrieve(&bench, "2.25.1"), Err(Fault::DocumentNotFound(unique("2.25.1"))));
}

#[test]
fn a_full_disk_keeps_nothing_and_says_so() {
    let bench = Bench::with_files(FileOptions { max_octets: Some(250_000) });
    bench.know("P0001");
    provide(&bench, submission_of("2.25.1"), vec![document("doc", &large(1))]).unwrap();
    let mut two = submission_of("2.25.2");
    let second = unhashed(Submission { entries: vec![entry("doc-2", "2.25.3")], ..submission("2.25.3") });
    two.entries.extend(second.entries);
    two.associations.push(original("member-2", "doc-2"));
    let faults = refuse(&bench, two, vec![document("doc", &large(2)), document("doc-2", &large(3))]);
    assert!(matches!(&faults[..], [Fault::OutOfResources(_)]), "{faults:?}");
    assert!(faults[0].is_transient());
    // What was there is there, and what fits is taken.
    assert!(retrieve(&bench, "2.25.1").unwrap() == large(1));
    provide(&bench, submission_of("2.25.4"), vec![document("doc", &large(4))]).unwrap();
}

#[test]
fn a_document_on_the_senders_disk_is_provided_like_any_other() {
    let bench = Bench::with_patients();
    let file = bench.folder.path().join("report.pdf");
    std::fs::write(&file, large(5)).unwrap();
    let from_file = |path| vec![ProvidedDocument { entry_id: id("doc"), content: DocumentContent::File(path) }];
    provide(&bench, submission_of("2.25.1"), from_file(file)).unwrap();
    assert!(retrieve(&bench, "2.25.1").unwrap() == large(5));
    let faults = refuse(&bench, submission_of("2.25.2"), from_file(bench.folder.path().join("nothing")));
    assert!(matches!(&faults[..], [Fault::OutOfResources(_)]));
}

#[test]
fn recovery_has_nothing_to_do_where_one_commit_does_all() {
    let bench = Bench::with_patients();
    provide(&bench, submission_of("2.25.1"), vec![document("doc", b"KOS")]).unwrap();
    assert_eq!(wait(local(&bench).recover(i64::MAX, &bench.cx)).unwrap(), 0);
    assert!(retrieve(&bench, "2.25.1").is_ok());
    bench.store.read_blocking(|tx| tx.staged_documents(i64::MAX, 10)).map(|s| assert!(s.is_empty())).unwrap();
}
