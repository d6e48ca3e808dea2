//! Associations onto what is registered: replace, transform, append, folders. Source: spec/xds.md 12; field case B-038.

use crate::bench::{Bench, SECOND, wait};
use crate::samples::*;
use actors::{Fault, Registry};
use model::AssociationType::{Apnd, HasMember, Rplc, Signs, Xfrm, XfrmRplc};
use model::AvailabilityStatus::{Approved, Deprecated};
use model::*;
use store::{Select, StoreExt};

const RELATIONSHIPS: [AssociationType; 6] = [Rplc, Apnd, Xfrm, XfrmRplc, Signs, AssociationType::IsSnapshotOf];

fn unresolved(id: &ObjectId, role: &'static str) -> Fault {
    Fault::UnresolvedReference { id: id.to_string(), role }
}

/// Puts registered documents into a folder of the same message or of the registry.
fn put_into(folder: &ObjectId, document: &ObjectId, unique_id: &str) -> Submission {
    Submission {
        set: set(unique_id),
        entries: Vec::new(),
        folders: Vec::new(),
        associations: vec![
            association("content", HasMember, folder, document),
            association("member", HasMember, &id("set"), &id("content")),
        ],
    }
}

/// A set that only refers to something registered.
fn refer_to(target: &ObjectId, unique_id: &str) -> Submission {
    let mut member = original("member", "x");
    member.target = target.clone();
    member.submission_set_status = Some(SubmissionSetStatus::Reference);
    Submission { set: set(unique_id), entries: Vec::new(), folders: Vec::new(), associations: vec![member] }
}

#[test]
fn b_038_a_target_that_nobody_knows_is_refused() {
    let bench = Bench::with_patients();
    bench.accept(submission("2.25.1"));
    for kind in RELATIONSHIPS {
        // (a) an unknown entryUUID, (b) a uniqueId instead of the entryUUID.
        for target in [uuid(99), id("2.25.1")] {
            let faults = bench.refuse(related("2.25.2", kind, &target));
            assert_eq!(faults, [unresolved(&target, "targetObject")], "{kind:?}");
        }
    }
}

#[test]
fn b_038_a_document_of_another_patient_is_not_replaced() {
    let bench = Bench::with_patients();
    let theirs = bench.accept(of_patient(submission("2.25.1"), "P0002")).id("doc");
    for kind in RELATIONSHIPS {
        let faults = bench.refuse(related("2.25.2", kind, &theirs));
        let expected = Fault::PatientIdDoesNotMatch {
            object: theirs.to_string(),
            expected: patient_id("P0001"),
            came: patient_id("P0002"),
        };
        assert_eq!(faults, [expected], "{kind:?}");
    }
    assert_eq!(bench.status(&theirs), Approved);
}

#[test]
fn b_038_a_deprecated_document_takes_no_new_association() {
    let bench = Bench::with_patients();
    let old = bench.accept(submission("2.25.1")).id("doc");
    bench.accept(related("2.25.2", Rplc, &old));
    for kind in RELATIONSHIPS {
        assert_eq!(bench.refuse(related("2.25.3", kind, &old)), [Fault::DeprecatedTarget(old.clone())], "{kind:?}");
    }
    assert_eq!(bench.refuse(refer_to(&old, "2.25.4")), [Fault::DeprecatedTarget(old.clone())]);
    let folder = bench.accept(in_folder("2.25.5")).id("folder");
    assert_eq!(bench.refuse(put_into(&folder, &old, "2.25.6")), [Fault::DeprecatedTarget(old)]);
}

#[test]
fn only_documents_are_related_to_documents() {
    let bench = Bench::with_patients();
    let known = bench.accept(in_folder("2.25.1"));
    for target in ["folder", "set", "member"].map(|n| known.id(n)) {
        for kind in RELATIONSHIPS {
            let faults = bench.refuse(related("2.25.2", kind, &target));
            assert_eq!(faults, [unresolved(&target, "targetObject")], "{kind:?}");
        }
        assert_eq!(bench.refuse(refer_to(&target, "2.25.3")), [unresolved(&target, "targetObject")]);
    }
    let folder = bench.read(|tx| tx.folders(Select::Ids(&[known.id("folder")]))).remove(0);
    assert_eq!(folder.availability_status, Approved);
}

#[test]
fn only_folders_hold_documents_and_only_documents_are_held() {
    let bench = Bench::with_patients();
    let known = bench.accept(in_folder("2.25.1"));
    let folder = known.id("folder");
    let document = bench.accept(submission("2.25.8")).id("doc");
    for source in ["doc", "set", "member"].map(|n| known.id(n)) {
        let faults = bench.refuse(put_into(&source, &document, "2.25.2"));
        assert_eq!(faults, [unresolved(&source, "sourceObject")]);
    }
    for target in ["folder", "set", "member"].map(|n| known.id(n)) {
        let faults = bench.refuse(put_into(&folder, &target, "2.25.2"));
        assert!(faults.contains(&unresolved(&target, "targetObject")), "{faults:?}");
    }
    assert_eq!(
        bench.refuse(put_into(&uuid(98), &uuid(99), "2.25.2")),
        [unresolved(&uuid(98), "sourceObject"), unresolved(&uuid(99), "targetObject")]
    );
}

#[test]
fn a_document_of_this_message_is_replaced_by_none() {
    let bench = Bench::with_patients();
    for kind in RELATIONSHIPS {
        let mut two = related("2.25.1", kind, &id("doc-2"));
        two.entries.push(entry("doc-2", "2.25.2"));
        two.associations.push(original("member-2", "doc-2"));
        if matches!(kind, Xfrm | Signs) {
            two.set.unique_id = unique(if kind == Xfrm { "2.25.7.1" } else { "2.25.8.1" });
            bench.accept(two);
        } else {
            let faults = bench.refuse(two);
            assert!(
                matches!(&faults[..], [Fault::UnresolvedReference { id, .. }] if id == "doc-2"),
                "{kind:?} {faults:?}"
            );
        }
    }
}

#[test]
fn a_document_is_replaced_once() {
    let bench = Bench::with_patients();
    let old = bench.accept(submission("2.25.1")).id("doc");
    let mut twice = related("2.25.2", Rplc, &old);
    twice.entries.push(entry("doc-2", "2.25.3"));
    twice.associations.push(original("member-2", "doc-2"));
    twice.associations.push(association("relation-2", XfrmRplc, &id("doc-2"), &old));
    assert_eq!(bench.refuse(twice), [Fault::DeprecatedTarget(old.clone())]);
    assert_eq!(bench.status(&old), Approved);
}

#[test]
fn of_two_replacements_at_the_same_time_one_is_refused() {
    let bench = Bench::with_patients();
    let old = bench.accept(submission("2.25.1")).id("doc");
    let registry = bench.registry();
    let outcomes = wait(futures_util::future::join_all((2..10).map(|n| {
        let (registry, cx) = (registry.clone(), bench.cx.clone());
        let submission = related(&format!("2.25.{n}"), Rplc, &old);
        async move { registry.register(submission, &cx).await }
    })));
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    for refusal in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(refusal.faults(), [Fault::DeprecatedTarget(old.clone())]);
    }
    assert_eq!(bench.counts().entries, 2);
}

#[test]
fn a_replacement_deprecates_its_target_with_all_that_was_derived_from_it() {
    for kind in [Rplc, XfrmRplc] {
        let bench = Bench::with_patients();
        let old = bench.accept(submission("2.25.1")).id("doc");
        let transform = bench.accept(related("2.25.2", Xfrm, &old)).id("doc");
        let append = bench.accept(related("2.25.3", Apnd, &old)).id("doc");
        let signature = bench.accept(related("2.25.4", Signs, &old)).id("doc");
        let addendum = bench.accept(related("2.25.5", Apnd, &append)).id("doc");
        let bystander = bench.accept(submission("2.25.6")).id("doc");
        for untouched in [&old, &transform, &append, &signature, &addendum, &bystander] {
            assert_eq!(bench.status(untouched), Approved);
        }
        let new = bench.accept(related("2.25.7", kind, &old)).id("doc");
        for gone in [&old, &transform, &append, &addendum] {
            assert_eq!(bench.status(gone), Deprecated, "{kind:?}");
        }
        for kept in [&new, &signature, &bystander] {
            assert_eq!(bench.status(kept), Approved, "{kind:?}");
        }
        // The chain goes on from the newest.
        let newer = bench.accept(related("2.25.8", Rplc, &new)).id("doc");
        assert_eq!((bench.status(&new), bench.status(&newer)), (Deprecated, Approved));
    }
}

#[test]
fn a_replacement_follows_into_the_folders_of_what_it_replaces() {
    let bench = Bench::with_patients();
    let first = bench.accept(in_folder("2.25.1"));
    let (old, folder) = (first.id("doc"), first.id("folder"));
    bench.clock.advance(60 * SECOND);
    let replacement = bench.accept(related("2.25.2", Rplc, &old));
    let new = replacement.id("doc");
    let members = bench.read(|tx| tx.folders_containing(&new));
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].0.id, folder);
    assert_eq!(members[0].0.last_update_time, Some(dtm("20250314120100")));
    let membership = &members[0].1;
    let links = bench.read(|tx| tx.associations_of(std::slice::from_ref(&membership.id)));
    assert!(
        links.iter().any(|a| a.kind == HasMember && a.source == replacement.id("set") && a.target == membership.id)
    );
    // The old membership stays.
    assert_eq!(bench.read(|tx| tx.folders_containing(&old)).len(), 1);
    // And a document that is in no folder brings nothing along.
    let loose = bench.accept(submission("2.25.3")).id("doc");
    let before = bench.counts().associations;
    bench.accept(related("2.25.4", Rplc, &loose));
    assert_eq!(bench.counts().associations, before + 2);
}

#[test]
fn a_replacement_that_is_put_into_the_folder_by_hand_is_there_once() {
    let bench = Bench::with_patients();
    let first = bench.accept(in_folder("2.25.1"));
    let mut by_hand = related("2.25.2", Rplc, &first.id("doc"));
    by_hand.associations.push(association("content", HasMember, &first.id("folder"), &id("doc")));
    by_hand.associations.push(association("member-2", HasMember, &id("set"), &id("content")));
    let new = bench.accept(by_hand).id("doc");
    assert_eq!(bench.read(|tx| tx.folders_containing(&new)).len(), 1);
}

#[test]
fn a_deprecated_folder_is_not_followed_into() {
    let bench = Bench::with_patients();
    let first = bench.accept(in_folder("2.25.1"));
    let folder = first.id("folder");
    bench.store.write_blocking(move |tx| tx.set_status(&folder, Deprecated)).unwrap();
    let new = bench.accept(related("2.25.2", Rplc, &first.id("doc"))).id("doc");
    assert_eq!(bench.read(|tx| tx.folders_containing(&new)), []);
}

#[test]
fn a_registered_document_joins_a_registered_folder() {
    let bench = Bench::with_patients();
    let folder = bench.accept(in_folder("2.25.1")).id("folder");
    let loose = bench.accept(submission("2.25.2")).id("doc");
    bench.clock.advance(60 * SECOND);
    bench.accept(put_into(&folder, &loose, "2.25.3"));
    let members = bench.read(|tx| tx.folders_containing(&loose));
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].0.last_update_time, Some(dtm("20250314120100")));
}

#[test]
fn a_folder_holds_documents_of_its_own_patient() {
    let bench = Bench::with_patients();
    let folder = bench.accept(in_folder("2.25.1")).id("folder");
    let theirs = bench.accept(of_patient(submission("2.25.2"), "P0002")).id("doc");
    let mismatch = |object: &ObjectId, expected: &str, came: &str| Fault::PatientIdDoesNotMatch {
        object: object.to_string(),
        expected: patient_id(expected),
        came: patient_id(came),
    };
    let faults = bench.refuse(put_into(&folder, &theirs, "2.25.3"));
    assert_eq!(faults, [mismatch(&theirs, "P0001", "P0002")]);
    let faults = bench.refuse(of_patient(put_into(&folder, &theirs, "2.25.3"), "P0002"));
    assert_eq!(faults, [mismatch(&folder, "P0002", "P0001")]);
    // A new document, too.
    let mut new = of_patient(submission("2.25.4"), "P0002");
    new.associations.push(association("content", HasMember, &folder, &id("doc")));
    new.associations.push(association("member-2", HasMember, &id("set"), &id("content")));
    assert_eq!(bench.refuse(new), [mismatch(&folder, "P0002", "P0001")]);
}

#[test]
fn a_reference_may_be_to_a_document_of_another_patient() {
    let bench = Bench::with_patients();
    let theirs = bench.accept(of_patient(submission("2.25.1"), "P0002")).id("doc");
    bench.accept(refer_to(&theirs, "2.25.2"));
    assert_eq!(bench.refuse(refer_to(&uuid(99), "2.25.3")), [unresolved(&uuid(99), "targetObject")]);
}

#[test]
fn a_source_outside_the_message_relates_nothing() {
    let bench = Bench::with_patients();
    let (one, two) = (bench.accept(submission("2.25.1")).id("doc"), bench.accept(submission("2.25.2")).id("doc"));
    for kind in RELATIONSHIPS {
        let mut from_outside = submission("2.25.3");
        from_outside.associations.push(association("relation", kind, &one, &two));
        let faults = bench.refuse(from_outside);
        assert!(
            matches!(&faults[..], [Fault::InvalidMetadata(i)] if i.field == "Association.sourceObject"),
            "{kind:?} {faults:?}"
        );
    }
    let mut from_nowhere = submission("2.25.3");
    from_nowhere.associations.push(association("relation", Rplc, &uuid(99), &one));
    assert!(bench.refuse(from_nowhere).contains(&unresolved(&uuid(99), "sourceObject")));
    assert_eq!(bench.status(&one), Approved);
}

#[test]
fn associations_of_an_object_are_given_in_both_directions() {
    let bench = Bench::with_patients();
    let old = bench.accept(submission("2.25.1")).id("doc");
    let new = bench.accept(related("2.25.2", Rplc, &old));
    let asked = |id: &ObjectId| {
        let found = wait(bench.registry().associations(std::slice::from_ref(id), &bench.cx)).unwrap();
        assert!(found.is_complete());
        let mut kinds: Vec<AssociationType> = found.items.into_iter().map(|a| a.kind).collect();
        kinds.sort_by_key(|k| format!("{k:?}"));
        kinds
    };
    assert_eq!(asked(&old), [HasMember, Rplc]);
    assert_eq!(asked(&new.id("doc")), [HasMember, Rplc]);
    assert_eq!(asked(&uuid(99)), []);
}
