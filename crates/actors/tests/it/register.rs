//! What a registry refuses of a message and of its objects. Source: spec/xds.md 13 and 14, field case B-024.

use crate::bench::{Bench, policy, wait};
use crate::samples::*;
use actors::{Fault, Registry};
use model::*;
use store::{Select, StoreExt};

fn invalid(fault: &Fault) -> &str {
    match fault {
        Fault::InvalidMetadata(invalid) => &invalid.field,
        other => panic!("not about metadata: {other:?}"),
    }
}

/// Changes a good submission; expects the registry to refuse this one field of it and to keep nothing.
fn check_field(change: impl FnOnce(&mut Submission), field: &str) {
    let bench = Bench::with_patients();
    let mut submission = in_folder("2.25.1");
    change(&mut submission);
    let faults = bench.refuse(submission);
    assert_eq!(faults.iter().map(invalid).collect::<Vec<_>>(), [field]);
}

#[test]
fn everything_accepted_is_approved_and_named() {
    let bench = Bench::with_patients();
    let accepted = bench.accept(in_folder("2.25.1"));
    let counts = bench.counts();
    assert_eq!((counts.entries, counts.submission_sets, counts.folders, counts.associations), (1, 1, 1, 4));
    let entry = bench.entry(&accepted.id("doc"));
    assert!(entry.id.is_uuid());
    assert_eq!(entry.availability_status, AvailabilityStatus::Approved);
    assert_eq!((entry.logical_id, entry.version), (Some(entry.id.clone()), Some(1)));
    assert_eq!(entry.submission_time, Some(dtm("20250314091730")), "that of the submission set");
    let folder = bench.read(|tx| tx.folders(Select::Ids(&[accepted.id("folder")]))).remove(0);
    assert_eq!((folder.logical_id, folder.version), (Some(folder.id.clone()), Some(1)));
    assert_eq!(folder.last_update_time, Some(dtm("20250314120000")));
    let set = bench.read(|tx| tx.submission_sets(Select::Ids(&[accepted.id("set")]))).remove(0);
    assert_eq!(set.availability_status, AvailabilityStatus::Approved);
}

#[test]
fn symbolic_ids_are_replaced_everywhere_and_uuids_are_kept() {
    let bench = Bench::with_patients();
    let mut submission = in_folder("2.25.1");
    submission.entries[0].id = uuid(1);
    submission.associations[0].target = uuid(1);
    submission.associations[2].target = uuid(1);
    let accepted = bench.accept(submission);
    assert_eq!(accepted.id(uuid(1).as_str()), uuid(1));
    let all = bench.read(|tx| tx.associations_of(&[accepted.id("set"), accepted.id("folder")]));
    assert_eq!(all.len(), 4);
    for association in &all {
        assert!([&association.id, &association.source, &association.target].into_iter().all(ObjectId::is_uuid));
        assert_eq!(association.availability_status, AvailabilityStatus::Approved);
    }
    let ends = |n: &str| {
        let found = all.iter().find(|a| a.id == accepted.id(n)).unwrap();
        (found.source.clone(), found.target.clone())
    };
    assert_eq!(ends("member"), (accepted.id("set"), uuid(1)));
    assert_eq!(ends("content"), (accepted.id("folder"), uuid(1)));
    assert_eq!(ends("member-3"), (accepted.id("set"), accepted.id("content")));
}

#[test]
fn a_submitted_status_and_time_count_for_nothing() {
    let bench = Bench::with_patients();
    let mut submission = in_folder("2.25.1");
    submission.entries[0].availability_status = AvailabilityStatus::Deprecated;
    submission.folders[0].last_update_time = Some(dtm("19990101000000"));
    let accepted = bench.accept(submission);
    assert_eq!(bench.status(&accepted.id("doc")), AvailabilityStatus::Approved);
    let folder = bench.read(|tx| tx.folders(Select::Ids(&[accepted.id("folder")]))).remove(0);
    assert_eq!(folder.last_update_time, Some(dtm("20250314120000")));
}

#[test]
fn a_patient_that_no_feed_named_is_unknown() {
    let bench = Bench::with_patients();
    let faults = bench.refuse(of_patient(submission("2.25.1"), "P0009"));
    assert_eq!(faults, [Fault::UnknownPatient(patient_id("P0009"))]);
    let mut foreign = submission("2.25.1");
    let other = PatientId::new("P0001", oid("2.999.8"));
    foreign.set.patient_id = other.clone();
    foreign.entries[0].patient_id = other.clone();
    assert_eq!(bench.refuse(foreign), [Fault::UnknownPatient(other)]);
}

#[test]
fn a_policy_may_accept_unknown_patients_of_its_own_domain() {
    let bench = Bench::new();
    let lenient = bench.registry_with(actors::RegistryPolicy { accept_unknown_patients: true, ..policy() });
    wait(lenient.register(submission("2.25.1"), &bench.cx)).unwrap();
    let mut foreign = submission("2.25.2");
    let other = PatientId::new("P0001", oid("2.999.8"));
    foreign.set.patient_id = other.clone();
    foreign.entries[0].patient_id = other.clone();
    let refusal = wait(lenient.register(foreign, &bench.cx)).unwrap_err();
    assert_eq!(refusal.faults(), [Fault::UnknownPatient(other)]);
}

#[test]
fn a_patient_that_was_merged_away_takes_no_document() {
    let bench = Bench::with_patients();
    bench.store.write_blocking(|tx| tx.merge_patients(&patient_id("P0002"), &patient_id("P0001"))).unwrap();
    assert_eq!(bench.refuse(submission("2.25.1")), [Fault::UnknownPatient(patient_id("P0001"))]);
    bench.accept(of_patient(submission("2.25.2"), "P0002"));
}

#[test]
fn all_objects_belong_to_one_patient() {
    let bench = Bench::with_patients();
    let mut mixed = in_folder("2.25.1");
    mixed.entries[0].patient_id = patient_id("P0002");
    mixed.folders[0].patient_id = patient_id("P0002");
    let mismatch = |object: &str| Fault::PatientIdDoesNotMatch {
        object: object.into(),
        expected: patient_id("P0001"),
        came: patient_id("P0002"),
    };
    assert_eq!(bench.refuse(mixed), [mismatch("doc"), mismatch("folder")]);
}

#[test]
fn unique_ids_of_sets_and_folders_are_new() {
    let bench = Bench::with_patients();
    bench.accept(in_folder("2.25.1"));
    let duplicate =
        |kind: &'static str, unique_id: &str| Fault::DuplicateUniqueId { kind, unique_id: unique_id.into() };
    let mut again = in_folder("2.25.9");
    again.set.unique_id = unique("2.25.1.1");
    again.folders[0].unique_id = unique("2.25.1.2");
    assert_eq!(bench.refuse(again), [duplicate("SubmissionSet", "2.25.1.1"), duplicate("Folder", "2.25.1.2")]);
    // Against all uniqueIds of the registry, whatever carries them.
    let mut crossed = in_folder("2.25.9");
    crossed.set.unique_id = unique("2.25.1.2");
    crossed.folders[0].unique_id = unique("2.25.1");
    crossed.entries[0].unique_id = unique("2.25.1.1");
    let expected =
        [duplicate("SubmissionSet", "2.25.1.2"), duplicate("Folder", "2.25.1"), duplicate("DocumentEntry", "2.25.1.1")];
    assert_eq!(bench.refuse(crossed), expected);
}

#[test]
fn a_document_may_come_again_with_the_same_content_only() {
    let bench = Bench::with_patients();
    bench.accept(submission("2.25.1"));
    let again = |change: &dyn Fn(&mut DocumentEntry)| {
        let mut again = submission("2.25.1");
        again.set.unique_id = unique("2.25.8");
        change(&mut again.entries[0]);
        again
    };
    let other_hash = again(&|e| e.hash = Some(Sha1Hash::from_bytes([8; 20])));
    assert_eq!(bench.refuse(other_hash), [Fault::NonIdenticalHash(unique("2.25.1"))]);
    let other_size = again(&|e| e.size_octets = Some(1));
    assert_eq!(bench.refuse(other_size), [Fault::NonIdenticalSize(unique("2.25.1"))]);
    bench.accept(again(&|_| {}));
    let found = bench.read(|tx| tx.entries_with_unique_id(&unique("2.25.1")));
    assert_eq!(found.len(), 2);
}

#[test]
fn unique_ids_do_not_repeat_in_one_message() {
    let bench = Bench::with_patients();
    let mut twice = submission("2.25.1");
    twice.entries.push(entry("doc-2", "2.25.1"));
    twice.associations.push(original("member-2", "doc-2"));
    assert_eq!(bench.refuse(twice), [Fault::DuplicateUniqueIdInMessage("2.25.1".into())]);
}

#[test]
fn an_entry_uuid_names_one_object_for_ever() {
    let bench = Bench::with_patients();
    let known = bench.accept(in_folder("2.25.1"));
    for taken in ["doc", "set", "folder", "member"] {
        let mut again = submission("2.25.9");
        again.entries[0].id = known.id(taken);
        again.associations[0].target = known.id(taken);
        let faults = bench.refuse(again);
        assert_eq!(faults.iter().map(invalid).collect::<Vec<_>>(), ["entryUUID"], "{taken}");
    }
    let mut again = submission("2.25.9");
    again.associations[0].id = known.id("doc");
    assert_eq!(invalid(&bench.refuse(again)[0]), "entryUUID");
}

#[test]
fn what_a_repository_must_say_is_required() {
    check_field(|s| s.entries[0].hash = None, "DocumentEntry.hash");
    check_field(|s| s.entries[0].size_octets = None, "DocumentEntry.size");
    check_field(|s| s.entries[0].repository_unique_id = None, "DocumentEntry.repositoryUniqueId");
    check_field(|s| s.entries[0].logical_id = Some(uuid(5)), "DocumentEntry.logicalID");
    check_field(
        |s| {
            s.entries[0].document_type = DocumentType::OnDemand;
            s.entries[0].creation_time = None;
        },
        "DocumentEntry.objectType",
    );
    check_field(|s| s.entries[0].class_code.code = "REPORTS".into(), "DocumentEntry.classCode");
    check_field(|s| s.set.unique_id = unique("no OID"), "SubmissionSet.uniqueId");
    check_field(|s| s.folders[0].code_list.clear(), "Folder.codeList");
    check_field(|s| drop(s.associations.remove(3)), "Association.sourceObject");
    check_field(|s| s.associations[0].submission_set_status = None, "Association.SubmissionSetStatus");
}

#[test]
fn metadata_updates_come_by_another_transaction() {
    for kind in [AssociationType::UpdateAvailabilityStatus, AssociationType::SubmitAssociation] {
        let bench = Bench::with_patients();
        let known = bench.accept(submission("2.25.1")).id("doc");
        let mut update = submission("2.25.2");
        update.associations.push(association("update", kind, &id("doc"), &known));
        let faults = bench.refuse(update);
        assert_eq!(faults.iter().map(invalid).collect::<Vec<_>>(), ["Association.associationType"]);
    }
}

#[test]
fn codes_outside_a_value_set_are_refused_or_warned_about() {
    let bench = Bench::with_patients();
    let list = |attribute, check| ValueList { attribute, check, codes: vec![code("other", "2.999.1")] };
    let lists = vec![list(CodedAttribute::ClassCode, Check::Refuse), list(CodedAttribute::TypeCode, Check::Warn)];
    let strict = bench.registry_with(actors::RegistryPolicy { value_sets: ValueSets { lists }, ..policy() });
    let refusal = wait(strict.register(submission("2.25.1"), &bench.cx)).unwrap_err();
    assert_eq!(refusal.faults().iter().map(invalid).collect::<Vec<_>>(), ["DocumentEntry.classCode"]);
    assert_eq!(bench.counts().entries, 0);
    let mut good = submission("2.25.1");
    good.entries[0].class_code = code("other", "2.999.1");
    let registered = wait(strict.register(good, &bench.cx)).unwrap();
    assert_eq!(registered.warnings.iter().map(|w| w.field.as_str()).collect::<Vec<_>>(), ["DocumentEntry.typeCode"]);
    assert_eq!(bench.counts().entries, 1);
}

#[test]
fn all_errors_are_told_not_only_the_first() {
    let bench = Bench::with_patients();
    bench.accept(submission("2.25.1"));
    let mut bad = related("2.25.1", AssociationType::Rplc, &uuid(99));
    bad.entries[0].hash = Some(Sha1Hash::from_bytes([8; 20]));
    bad.entries[0].mime_type = "pdf".into();
    bad.set.patient_id = patient_id("P0009");
    let faults = bench.refuse(bad);
    assert_eq!(invalid(&faults[0]), "DocumentEntry.mimeType");
    assert_eq!(faults[1], Fault::UnknownPatient(patient_id("P0009")));
    assert!(matches!(&faults[2], Fault::DuplicateUniqueId { kind: "SubmissionSet", .. }));
    assert!(matches!(&faults[3], Fault::PatientIdDoesNotMatch { object, .. } if object == "doc"));
    assert_eq!(faults[4], Fault::NonIdenticalHash(unique("2.25.1")));
    assert_eq!(faults[5], Fault::UnresolvedReference { id: uuid(99).to_string(), role: "targetObject" });
    assert_eq!(faults.len(), 6);
}

#[test]
fn a_set_may_bring_no_document_at_all() {
    let bench = Bench::with_patients();
    let mut only_folder = in_folder("2.25.1");
    only_folder.entries.clear();
    only_folder.associations.retain(|a| a.id == id("member-2"));
    bench.accept(only_folder);
    assert_eq!(bench.counts().folders, 1);
}

#[test]
fn b_024_a_manifest_is_found_by_the_study_it_references() {
    let bench = Bench::with_patients();
    let found = |uid: &str| {
        let query = DocumentQuery {
            reference_ids: vec![vec![ReferenceTerm::Exact(ReferenceId::study(&study(uid)))]],
            ..DocumentQuery::of_patient(patient_id("P0001")).approved()
        };
        wait(bench.registry().find(&query, &bench.cx)).unwrap().items.len()
    };
    // The KOS object lives in study 2.25.5; its evidence, and so its metadata, names study 2.25.6.
    let mut manifest = submission("2.25.5.1");
    manifest.entries[0].reference_id_list = vec![ReferenceId::study(&study("2.25.6"))];
    bench.accept(manifest);
    assert_eq!((found("2.25.6"), found("2.25.5")), (1, 0));
}

#[test]
fn extra_metadata_is_kept_and_given_back() {
    let bench = Bench::with_patients();
    let slot = ExtraSlot { name: "urn:example:2019:deletionStatus".into(), values: vec!["no".into()] };
    let mut extra = in_folder("2.25.1");
    extra.entries[0].extra = vec![slot.clone()];
    extra.set.extra = vec![slot.clone()];
    extra.entries[0].source_patient_info =
        SourcePatientInfo(vec!["PID-3|A^^^&2.999.1&ISO~B^^^&2.999.2&ISO".into(), "PID-7|19700102093000".into()]);
    let info = extra.entries[0].source_patient_info.clone();
    let accepted = bench.accept(extra);
    let entry = bench.entry(&accepted.id("doc"));
    assert_eq!((entry.extra, entry.source_patient_info), (vec![slot.clone()], info));
    let set = bench.read(|tx| tx.submission_sets(Select::Ids(&[accepted.id("set")]))).remove(0);
    assert_eq!(set.extra, [slot]);
}
