//! Submissions that break a rule: the code, the element, the rule and the value are named, and nothing of it is stored.

use super::client::{Client, check_refused};
use super::{calm, documents, modality, node, objects};
use crate::network::MANIFOLD;
use dicom::scan::{Keep, Options, scan_slice};
use dicom::{DataSet, part10, tags};
use model::{Code, Oid, Sha1Hash, Submission, UniqueId, schemes};
use serde_json::Value;
use std::process::Command;

/// What a refused submission must not change.
fn stored(client: &Client) -> Value {
    let counts = client.counts();
    let mut kept = serde_json::Map::new();
    for key in ["entries", "submission_sets", "folders", "associations", "documents"] {
        kept.insert(key.to_owned(), counts[key].clone());
    }
    Value::Object(kept)
}

/// Tests of this program run at the same time and publish; only one's own uniqueIds can be looked for.
fn check_absent(centre: &Client, submission: &Submission) {
    let unique_id = &submission.entries[0].unique_id;
    assert!(centre.with_unique_id(unique_id).expect("an answer").is_empty(), "{unique_id} was registered");
    let id = documents::entry_id(submission).clone();
    assert!(centre.associations(&[id, submission.set.id.clone()]).is_empty(), "associations were registered");
    let repository = Oid::parse("2.999.1.1").unwrap();
    assert!(centre.retrieve(&repository, unique_id).is_err(), "{unique_id} was stored");
}

pub fn registered_by_hand(mut submission: Submission) -> Submission {
    let entry = &mut submission.entries[0];
    entry.repository_unique_id = Some(Oid::parse("2.999.1.99").unwrap());
    entry.hash = Some(Sha1Hash::parse("da39a3ee5e6b4b0d3255bfef95601890afd80709").unwrap());
    entry.size_octets = Some(0);
    submission
}

/// The same fault by ITI-41 and by ITI-42.
fn check(change: impl Fn(&mut Submission), code: &str, words: &[&str]) {
    let centre = node(calm(), "central");
    let mut submission = documents::report("P0008", &documents::fresh_unique_id());
    change(&mut submission);
    check_refused(centre.provide(submission.clone(), b"<report/>"), code, words);
    check_absent(&centre, &submission);
    let mut submission = registered_by_hand(documents::report("P0008", &documents::fresh_unique_id()));
    change(&mut submission);
    check_refused(centre.register(submission.clone()), code, words);
    check_absent(&centre, &submission);
}

#[test]
fn a_code_outside_the_value_set_is_named_with_its_list() {
    for (attribute, change) in [
        ("classCode", (|s| s.entries[0].class_code = wrong()) as fn(&mut Submission)),
        ("formatCode", |s| s.entries[0].format_code = wrong()),
        ("confidentialityCode", |s| s.entries[0].confidentiality_codes = vec![wrong()]),
    ] {
        check(change, "XDSRegistryMetadataError", &[attribute, "value set", "WRONG"]);
    }
}

fn wrong() -> Code {
    Code::new("WRONG", schemes::IHE_CLASS, "No such code")
}

#[test]
fn a_code_of_a_list_that_only_warns_is_taken() {
    let centre = node(calm(), "central");
    let mut submission = documents::report("P0008", &documents::fresh_unique_id());
    submission.entries[0].practice_setting_code = wrong();
    centre.provide(submission.clone(), b"<report/>").expect("a warning is no refusal");
    assert_eq!(centre.with_unique_id(&submission.entries[0].unique_id).expect("an answer").len(), 1);
}

#[test]
fn a_patient_that_no_feed_named_is_refused() {
    let change = |submission: &mut Submission| {
        let nobody = super::client::patient("P9999");
        submission.set.patient_id = nobody.clone();
        submission.entries[0].patient_id = nobody;
    };
    check(change, "XDSUnknownPatientId", &[]);
}

#[test]
fn a_document_of_another_patient_than_its_submission_is_refused() {
    let change = |submission: &mut Submission| submission.entries[0].patient_id = super::client::patient("P0009");
    check(change, "XDSPatientIdDoesNotMatch", &[]);
}

#[test]
fn all_broken_rules_are_named_at_once() {
    let change = |submission: &mut Submission| {
        submission.entries[0].source_patient_id = None;
        submission.entries[0].class_code = wrong();
        submission.entries[0].format_code = wrong();
    };
    for words in ["sourcePatientId", "classCode", "formatCode"] {
        check(change, "XDSRegistryMetadataError", &[words]);
    }
}

#[test]
fn a_known_unique_id_with_other_octets_is_refused_and_the_first_stay() {
    let centre = node(calm(), "central");
    let repository = Oid::parse("2.999.1.1").unwrap();
    let unique_id = UniqueId::parse(&documents::fresh_unique_id()).unwrap();
    let first = documents::report("P0010", unique_id.as_str());
    centre.provide(first, b"<first/>").expect("the first is taken");
    let second = documents::report("P0010", unique_id.as_str());
    check_refused(centre.provide(second, b"<other/>"), "XDSNonIdenticalHash", &[unique_id.as_str()]);
    let third = documents::report("P0010", unique_id.as_str());
    check_refused(centre.provide(third, b"<longer, and other/>"), "XDSNonIdenticalHash", &[unique_id.as_str()]);
    let by_hand = registered_by_hand(documents::report("P0010", unique_id.as_str()));
    check_refused(centre.register(by_hand), "XDSNonIdenticalHash", &[unique_id.as_str()]);
    assert_eq!(centre.with_unique_id(&unique_id).expect("an answer").len(), 1);
    assert_eq!(centre.retrieve(&repository, &unique_id).expect("the document"), b"<first/>");
}

#[test]
fn refused_submissions_leave_every_count_as_it_was() {
    // A network of its own, so that nobody else publishes.
    let files = crate::network::Files::write(&[]);
    let central = files.serve("central", &[]);
    let centre = Client::to(&central);
    let before = stored(&centre);
    let mut submission = documents::report("P0008", &documents::fresh_unique_id());
    submission.entries[0].class_code = wrong();
    for document in [b"<report/>".to_vec(), vec![b'x'; 300_000]] {
        check_refused(centre.provide(submission.clone(), &document), "XDSRegistryMetadataError", &["classCode"]);
    }
    // A message that is refused before anybody looks at its documents: whole attachments, another action, no metadata.
    let manifest = documents::manifest("P0008", &documents::fresh_unique_id(), &objects::study_uid("none"));
    check_refused(centre.provide(manifest, &vec![b'x'; 300_000]), "InvalidDocumentContent", &["is no manifest"]);
    for action in ["urn:nobody:serves:this", "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"] {
        let answer = super::hostile_http::ask_with_attachment(&centre, "/xds/repository", action, 300_000);
        assert!(answer.contains("Fault"), "{answer}");
    }
    assert_eq!(stored(&centre), before);
    let files_left = walk(&files.folder().join("data/central/documents"));
    assert!(files_left.is_empty(), "refused documents left files: {files_left:?}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(walk(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused_with_a_sentence() {
    let (network, study) = (calm(), objects::study("contradiction", Some("P0011"), 2));
    let centre = node(network, "central");
    modality(network, "north").store_all(&study);
    let entry = centre.await_manifest("P0011", &study[0].study);
    let repository = entry.repository_unique_id.clone().expect("a repository");
    let octets = centre.retrieve(&repository, &entry.unique_id).expect("the manifest");

    let unique_id = documents::fresh_unique_id();
    let mut manifest = everything(&octets);
    manifest.put_text(tags::SOP_INSTANCE_UID, &unique_id);
    let submission = || documents::manifest("P0011", &unique_id, &study[0].study);
    let mut broken = manifest.clone();
    forget_last_instance(&mut broken);
    let submitted = submission();
    let outcome = centre.provide(submitted.clone(), &part10::encode(&broken));
    check_refused(outcome, "InvalidDocumentContent", &["contradicts itself", "evidence"]);
    check_absent(&centre, &submitted);

    let other = documents::manifest("P0011", &documents::fresh_unique_id(), &study[0].study);
    let outcome = centre.provide(other.clone(), &part10::encode(&manifest));
    check_refused(outcome, "InvalidDocumentContent", &["uniqueId"]);
    check_absent(&centre, &other);
    let outcome = centre.provide(other.clone(), b"no DICOM at all");
    check_refused(outcome, "InvalidDocumentContent", &["is no manifest"]);

    // The same without the contradiction is taken: it is the contradiction that was refused.
    centre.provide(submission(), &part10::encode(&manifest)).expect("a sound manifest is taken");
}

fn everything(octets: &[u8]) -> DataSet {
    let options = Options { keep: Keep::Everything, ..Options::default() };
    scan_slice(octets, &options).expect("a manifest").data_set
}

/// Takes one instance out of the evidence and leaves it in the tree.
fn forget_last_instance(manifest: &mut DataSet) {
    let evidence = tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE;
    let mut studies = manifest.items(evidence).to_vec();
    let mut series = studies[0].items(tags::REFERENCED_SERIES_SEQUENCE).to_vec();
    let mut instances = series[0].items(tags::REFERENCED_SOP_SEQUENCE).to_vec();
    instances.pop().expect("an instance");
    series[0].put_items(tags::REFERENCED_SOP_SEQUENCE, instances);
    studies[0].put_items(tags::REFERENCED_SERIES_SEQUENCE, series);
    manifest.put_items(evidence, studies);
}

#[test]
fn a_pdf_that_is_none_is_not_published() {
    let network = calm();
    let file = network.folder().join("no.pdf");
    std::fs::write(&file, b"this only says that it is a PDF").unwrap();
    let centre = node(network, "central");
    let mut command = Command::new(MANIFOLD);
    command.args(["publish", "--node", "north", "--patient", "P0012", "--title", "None", "--report"]).arg(&file);
    let output = command.arg("--endpoints").arg(network.endpoints_file()).output().expect("manifold runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no.pdf") && said.contains("PDF"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let patient = super::client::patient("P0012");
    let found = centre.find(&model::DocumentQuery::of_patient(patient)).expect("an answer");
    assert!(!found.iter().any(|e| e.title.value() == Some("None")), "it was published");
}
