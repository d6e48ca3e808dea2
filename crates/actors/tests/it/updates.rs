//! Metadata update and removal: versions, statuses, associations, and what may not go. Source: spec/xds.md 19.

use crate::bench::{Accepted, Bench, SECOND, wait};
use crate::samples::*;
use actors::{DocumentRequest, Fault, Refusal, RegisterAt, Registered, Registry, Repository, UpdateKind, UpdateRule};
use model::AssociationType::{Apnd, HasMember, SubmitAssociation, UpdateAvailabilityStatus};
use model::AvailabilityStatus::{Approved, Deprecated};
use model::*;
use store::{Select, StoreExt};

fn slot(name: &str, value: &str) -> ExtraSlot {
    ExtraSlot { name: name.into(), values: vec![value.into()] }
}

fn marked(mut association: Association, marks: &[(&str, &str)]) -> Association {
    association.extra.extend(marks.iter().map(|(name, value)| slot(name, value)));
    association
}

/// A new version of a registered entry: what was registered, changed, and the version it follows.
fn new_version(
    bench: &Bench,
    of: &ObjectId,
    previous: &str,
    set_id: &str,
    change: fn(&mut DocumentEntry),
) -> Submission {
    let mut entry = bench.entry(of);
    entry.id = id("doc");
    entry.submission_time = None;
    change(&mut entry);
    Submission {
        set: SubmissionSet { patient_id: entry.patient_id.clone(), ..set(set_id) },
        entries: vec![entry],
        folders: Vec::new(),
        associations: vec![marked(original("member", "doc"), &[("PreviousVersion", previous)])],
    }
}

fn retitled(bench: &Bench, of: &ObjectId, previous: &str, set_id: &str) -> Submission {
    new_version(bench, of, previous, set_id, |entry| entry.title = Text::plain("CT Thorax, second reading"))
}

fn new_folder(bench: &Bench, of: &ObjectId, previous: &str, set_id: &str) -> Submission {
    let mut folder = bench.read(|tx| tx.folders(Select::Ids(std::slice::from_ref(of)))).remove(0);
    folder.id = id("folder");
    folder.title = Text::plain("Oncology follow-up");
    let member = association("member", HasMember, &id("set"), &id("folder"));
    Submission {
        set: set(set_id),
        entries: Vec::new(),
        folders: vec![folder],
        associations: vec![marked(member, &[("PreviousVersion", previous)])],
    }
}

fn change_status(target: &ObjectId, from: AvailabilityStatus, to: AvailabilityStatus, set_id: &str) -> Submission {
    let change = association("change", UpdateAvailabilityStatus, &id("set"), target);
    let change = marked(change, &[("OriginalStatus", from.urn()), ("NewStatus", to.urn())]);
    Submission { set: set(set_id), entries: Vec::new(), folders: Vec::new(), associations: vec![change] }
}

fn submit(kind: AssociationType, source: &ObjectId, target: &ObjectId, set_id: &str) -> Submission {
    let associations = vec![
        association("submit", SubmitAssociation, &id("set"), &id("link")),
        association("link", kind, source, target),
    ];
    Submission { set: set(set_id), entries: Vec::new(), folders: Vec::new(), associations }
}

fn update(bench: &Bench, submission: Submission, kind: UpdateKind) -> Result<Accepted, Refusal> {
    let before = bench.counts();
    let updated = wait(bench.registry().update(submission, kind, &bench.cx));
    if updated.is_err() {
        assert_eq!(bench.counts(), before, "something of a refused update was kept");
    }
    updated.map(|Registered { ids, .. }| Accepted { ids })
}

fn accept(bench: &Bench, submission: Submission) -> Accepted {
    update(bench, submission, UpdateKind::Full).unwrap()
}

/// The rules that an update breaks, in the order found; other faults as their texts.
fn broken(bench: &Bench, submission: Submission, kind: UpdateKind) -> Vec<Result<UpdateRule, String>> {
    let refusal = update(bench, submission, kind).map(|a| a.ids).unwrap_err();
    let rule = |fault: &Fault| match fault {
        Fault::Update { rule, .. } => Ok(*rule),
        other => Err(other.to_string()),
    };
    refusal.faults().iter().map(rule).collect()
}

fn refuse(bench: &Bench, submission: Submission) -> Vec<Result<UpdateRule, String>> {
    broken(bench, submission, UpdateKind::Full)
}

fn links_of(bench: &Bench, id: &ObjectId) -> Vec<Association> {
    bench.read(|tx| tx.associations_of(std::slice::from_ref(id)))
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_and_keeps_its_relations() {
    let bench = Bench::with_patients();
    let first = bench.accept(in_folder("2.25.1"));
    let appendix = bench.accept(related("2.25.2", Apnd, &first.id("doc")));
    bench.clock.advance(60 * SECOND);
    let old = first.id("doc");
    let new = accept(&bench, retitled(&bench, &old, "1", "2.25.9")).id("doc");
    assert_eq!((bench.status(&old), bench.status(&new)), (Deprecated, Approved));
    let entry = bench.entry(&new);
    assert_eq!((entry.logical_id.as_ref(), entry.version), (Some(&old), Some(2)));
    assert_eq!(entry.title.value(), Some("CT Thorax, second reading"));
    let versions = bench.read(|tx| tx.entries(Select::LogicalId(&old)));
    assert_eq!(versions.iter().map(|e| e.version).collect::<Vec<_>>(), [Some(2), Some(1)]);
    let links = links_of(&bench, &new);
    let kinds = |kind: AssociationType, source: &ObjectId| {
        links.iter().filter(|a| a.kind == kind && a.source == *source).count()
    };
    assert_eq!(kinds(Apnd, &appendix.id("doc")), 1, "{links:?}");
    assert_eq!(kinds(HasMember, &first.id("folder")), 1, "{links:?}");
    assert_eq!(links.len(), 3, "and the new submission set's own");
    assert_eq!(links_of(&bench, &old).len(), 3, "what was said of the old version stays");
    let folder = bench.read(|tx| tx.folders(Select::Ids(&[first.id("folder")]))).remove(0);
    assert_eq!(folder.last_update_time, Some(dtm("20250314120100")));
    // The third version follows the second.
    let third = accept(&bench, retitled(&bench, &new, "2", "2.25.10")).id("doc");
    assert_eq!(bench.entry(&third).version, Some(3));
    assert_eq!(links_of(&bench, &third).len(), 3);
    // A query finds the current version alone.
    let found =
        wait(bench.registry().find(&DocumentQuery::of_patient(patient_id("P0001")).approved(), &bench.cx)).unwrap();
    assert_eq!(found.items.iter().filter(|e| e.unique_id == unique("2.25.1")).count(), 1);
}

#[test]
fn without_propagation_nothing_goes_over() {
    let bench = Bench::with_patients();
    let first = bench.accept(in_folder("2.25.1"));
    let mut alone = retitled(&bench, &first.id("doc"), "1", "2.25.9");
    alone.associations[0].extra.push(slot("AssociationPropagation", "no"));
    let new = accept(&bench, alone).id("doc");
    assert_eq!(links_of(&bench, &new).len(), 1);
}

#[test]
fn b_037_metadata_that_nobody_knows_survives_an_update() {
    let bench = Bench::with_patients();
    let mut with_extra = submission("2.25.1");
    let extra = vec![slot("urn:example:2019:deletionStatus", "kept")];
    with_extra.entries[0].extra = extra.clone();
    let old = bench.accept(with_extra).id("doc");
    let new = accept(&bench, retitled(&bench, &old, "1", "2.25.9")).id("doc");
    assert_eq!(bench.entry(&new).extra, extra);
    assert_eq!(bench.entry(&old).extra, extra);
}

#[test]
fn what_a_submission_brings_can_be_deprecated_by_it() {
    let bench = Bench::with_patients();
    let (first, second) = (bench.accept(submission("2.25.1")).id("doc"), bench.accept(submission("2.25.2")).id("doc"));
    let both = |from| {
        let mut submission = submit(Apnd, &second, &first, "2.25.9");
        submission.associations.extend(change_status(&id("link"), from, Deprecated, "2.25.9").associations);
        submission
    };
    assert_eq!(refuse(&bench, both(Deprecated)), [Ok(UpdateRule::Other)], "it is Approved before it is anything else");
    let link = accept(&bench, both(Approved)).id("link");
    let links = bench.read(|tx| tx.associations(std::slice::from_ref(&link)));
    assert_eq!(links[0].availability_status, Deprecated);
}

#[test]
fn a_folder_has_versions_too() {
    let bench = Bench::with_patients();
    let first = bench.accept(in_folder("2.25.1"));
    let old = first.id("folder");
    assert_eq!(refuse(&bench, new_folder(&bench, &old, "2", "2.25.8")), [Ok(UpdateRule::Version)]);
    let new = accept(&bench, new_folder(&bench, &old, "1", "2.25.9")).id("folder");
    let folders = bench.read(|tx| tx.folders(Select::LogicalId(&old)));
    let seen: Vec<_> = folders.iter().map(|f| (f.id.clone(), f.version, f.availability_status)).collect();
    assert_eq!(seen, [(new.clone(), Some(2), Approved), (old.clone(), Some(1), Deprecated)]);
    let held = |folder: &ObjectId| {
        let links = links_of(&bench, folder);
        links.iter().filter(|a| a.source == *folder && a.target == first.id("doc")).count()
    };
    assert_eq!((held(&new), held(&old)), (1, 1));
    let ask = |former_versions| {
        let stored = StoredQuery::GetFolders(ObjectNames::UniqueIds(vec![unique("2.25.1.2")]));
        let query = RegistryQuery { former_versions, ..stored.into() };
        let found = wait(bench.registry().query(&query, &bench.cx)).unwrap().objects.folders;
        found.into_iter().map(|f| f.id).collect::<Vec<_>>()
    };
    assert_eq!(ask(false), std::slice::from_ref(&new), "whoever knows no versions gets the current one");
    assert_eq!(ask(true).len(), 2);
    let other = new_folder(&bench, &new, "2", "2.25.10");
    assert_eq!(broken(&bench, other, UpdateKind::Restricted), [Ok(UpdateRule::ObjectKind)]);
}

#[test]
fn every_broken_rule_of_an_update_has_its_name() {
    let bench = Bench::with_patients();
    let old = bench.accept(submission("2.25.1")).id("doc");
    let good = || retitled(&bench, &old, "1", "2.25.9");
    let changed = |change: fn(&mut Submission)| {
        let mut submission = good();
        change(&mut submission);
        submission
    };
    use UpdateRule::*;
    for (what, submission, rule) in [
        ("no lid", changed(|s| s.entries[0].logical_id = None), Other),
        ("an unknown lid", changed(|s| s.entries[0].logical_id = Some(uuid(99))), Version),
        ("no PreviousVersion", changed(|s| s.associations[0].extra.clear()), Version),
        ("another version", retitled(&bench, &old, "2", "2.25.9"), Version),
        ("a version that is no number", retitled(&bench, &old, "one", "2.25.9"), Version),
        ("another uniqueId", changed(|s| s.entries[0].unique_id = unique("2.25.77")), Other),
        ("no SubmissionSetStatus", changed(|s| s.associations[0].submission_set_status = None), Operation),
        (
            "marks of another operation",
            changed(|s| s.associations[0].extra.push(slot("OriginalStatus", Approved.urn()))),
            Operation,
        ),
        (
            "a propagation that is none",
            changed(|s| s.associations[0].extra.push(slot("AssociationPropagation", "maybe"))),
            Operation,
        ),
    ] {
        assert_eq!(refuse(&bench, submission), [Ok(rule)], "{what}");
    }
    let unlinked = changed(|s| s.associations.clear());
    assert_eq!(refuse(&bench, unlinked), [Ok(Operation), Ok(Operation)]);
    // Nothing to do, and a set that is a member of itself.
    let mut nothing = good();
    (nothing.entries, nothing.associations) = (Vec::new(), vec![association("x", HasMember, &id("set"), &id("set"))]);
    assert_eq!(refuse(&bench, nothing), [Ok(Operation)]);
    // Two updates of one document.
    let mut twice = good();
    twice.entries.push(DocumentEntry { id: id("doc-2"), ..twice.entries[0].clone() });
    twice.associations.push(marked(original("member-2", "doc-2"), &[("PreviousVersion", "1")]));
    let faults = refuse(&bench, twice);
    assert!(faults.contains(&Ok(Operation)), "{faults:?}");
    assert!(faults.iter().any(|f| f.as_ref().is_err_and(|e| e.contains("occurs more than once"))), "{faults:?}");
    // Metadata rules hold as for a registration.
    let refusal = update(&bench, changed(|s| s.entries[0].mime_type = "pdf".into()), UpdateKind::Full);
    assert!(
        matches!(refusal.map(|a| a.ids).unwrap_err().first(), Fault::InvalidMetadata(i) if i.field == "DocumentEntry.mimeType")
    );
    accept(&bench, good());
}

#[test]
fn a_document_moves_to_another_patient_only_when_nothing_holds_it() {
    let bench = Bench::with_patients();
    let free = bench.accept(submission("2.25.1")).id("doc");
    let held = bench.accept(in_folder("2.25.2")).id("doc");
    let to_other =
        |of: &ObjectId, set_id: &str| new_version(&bench, of, "1", set_id, |e| e.patient_id = patient_id("P0002"));
    assert_eq!(refuse(&bench, to_other(&held, "2.25.8")), [Ok(UpdateRule::Patient)]);
    assert_eq!(broken(&bench, to_other(&free, "2.25.8"), UpdateKind::Restricted), [Ok(UpdateRule::Patient)]);
    let new = accept(&bench, to_other(&free, "2.25.9")).id("doc");
    assert_eq!(bench.entry(&new).patient_id, patient_id("P0002"));
    let of_logical = StoredQuery::GetDocuments(ObjectNames::LogicalIds(vec![free]));
    let found = wait(bench.registry().query(&of_logical.into(), &bench.cx)).unwrap().objects;
    assert!(found.entries.len() == 2 && found.span_patients());
}

#[test]
fn a_restricted_update_changes_some_attributes_only() {
    let bench = Bench::with_patients();
    let old = bench.accept(submission("2.25.1")).id("doc");
    let restricted = |change: fn(&mut DocumentEntry)| {
        broken(&bench, new_version(&bench, &old, "1", "2.25.9", change), UpdateKind::Restricted)
    };
    use UpdateRule::*;
    assert_eq!(restricted(|e| e.repository_unique_id = Some(oid("2.999.77"))), [Ok(Unmodifiable)]);
    assert_eq!(restricted(|e| e.source_patient_id = Some(patient_id("M7"))), [Ok(Unmodifiable)]);
    assert_eq!(
        restricted(|e| e.document_availability = Some("urn:ihe:iti:2010:DocumentAvailability:Offline".into())),
        [Ok(Unmodifiable)]
    );
    assert_eq!(restricted(|e| e.unique_id = unique("2.25.77")), [Ok(Identifier)]);
    let mut alone = retitled(&bench, &old, "1", "2.25.9");
    alone.associations[0].extra.push(slot("AssociationPropagation", "no"));
    assert_eq!(broken(&bench, alone, UpdateKind::Restricted), [Ok(Annotation)]);
    let status = change_status(&old, Approved, Deprecated, "2.25.9");
    assert_eq!(broken(&bench, status.clone(), UpdateKind::Restricted), [Ok(Request)]);
    // A deprecated document is updated as what it is; a full update would bring it back.
    accept(&bench, status);
    assert_eq!(refuse(&bench, retitled(&bench, &old, "1", "2.25.10")), [Ok(Other)]);
    // Named by its uniqueId alone.
    let mut unnamed = retitled(&bench, &old, "1", "2.25.10");
    unnamed.entries[0].logical_id = None;
    let new = update(&bench, unnamed, UpdateKind::Restricted).unwrap().id("doc");
    assert_eq!((bench.status(&new), bench.entry(&new).version), (Deprecated, Some(2)));
}

#[test]
fn a_status_changes_by_saying_what_it_was() {
    let bench = Bench::with_patients();
    let first = bench.accept(in_folder("2.25.1"));
    for name in ["doc", "folder", "content"] {
        let target = first.id(name);
        let set_id = |n: u8| format!("2.25.5{n}.{}", name.len());
        let wrong = refuse(&bench, change_status(&target, Deprecated, Approved, &set_id(1)));
        assert_eq!(wrong, [Ok(UpdateRule::Operation)], "{name}");
        accept(&bench, change_status(&target, Approved, Deprecated, &set_id(2)));
        accept(&bench, change_status(&target, Deprecated, Approved, &set_id(3)));
    }
    assert_eq!(
        refuse(&bench, change_status(&first.id("set"), Approved, Deprecated, "2.25.9")),
        [Ok(UpdateRule::Operation)]
    );
    let unknown = refuse(&bench, change_status(&uuid(99), Approved, Deprecated, "2.25.9"));
    assert!(matches!(&unknown[..], [Err(text)] if text.contains("neither in this submission nor in the registry")));
    let mut unmarked = change_status(&first.id("doc"), Approved, Deprecated, "2.25.9");
    unmarked.associations[0].extra.pop();
    assert_eq!(refuse(&bench, unmarked), [Ok(UpdateRule::Operation)]);
    let same = change_status(&first.id("doc"), Approved, Approved, "2.25.9");
    assert_eq!(refuse(&bench, same), [Ok(UpdateRule::Operation)]);
    for name in ["PreviousVersion", "AssociationPropagation"] {
        let mut versioned = change_status(&first.id("doc"), Approved, Deprecated, "2.25.9");
        versioned.associations[0].extra.push(slot(name, "1"));
        assert_eq!(refuse(&bench, versioned), [Ok(UpdateRule::Operation)], "{name}");
    }
    let old = first.id("doc");
    accept(&bench, retitled(&bench, &old, "1", "2.25.11"));
    assert_eq!(refuse(&bench, change_status(&old, Deprecated, Approved, "2.25.12")), [Ok(UpdateRule::Other)]);
}

#[test]
fn associations_are_submitted_between_what_is_registered() {
    let bench = Bench::with_patients();
    let first = bench.accept(in_folder("2.25.1"));
    let second = bench.accept(submission("2.25.2")).id("doc");
    let theirs = bench.accept(of_patient(submission("2.25.3"), "P0002")).id("doc");
    let (doc, folder) = (first.id("doc"), first.id("folder"));
    bench.clock.advance(60 * SECOND);
    accept(&bench, submit(HasMember, &folder, &second, "2.25.9"));
    let touched = bench.read(|tx| tx.folders(Select::Ids(std::slice::from_ref(&folder)))).remove(0);
    assert_eq!(touched.last_update_time, Some(dtm("20250314120100")));
    assert_eq!(refuse(&bench, submit(HasMember, &folder, &second, "2.25.10")), [Ok(UpdateRule::Other)], "twice");
    assert_eq!(refuse(&bench, submit(Apnd, &theirs, &doc, "2.25.10")), [Ok(UpdateRule::Patient)]);
    assert_eq!(refuse(&bench, submit(HasMember, &folder, &theirs, "2.25.10")), [Ok(UpdateRule::Patient)]);
    assert_eq!(refuse(&bench, submit(SubmitAssociation, &second, &doc, "2.25.10")), [Ok(UpdateRule::Operation)]);
    let unknown = refuse(&bench, submit(Apnd, &uuid(98), &doc, "2.25.10"));
    assert!(matches!(&unknown[..], [Err(text)] if text.starts_with("sourceObject")), "{unknown:?}");
    let mut unsubmitted = submit(Apnd, &second, &doc, "2.25.10");
    unsubmitted.associations[0].target = id("nothing");
    assert_eq!(refuse(&bench, unsubmitted), [Ok(UpdateRule::Operation), Ok(UpdateRule::Operation)]);
    // A replacement submitted by hand deprecates as every other.
    accept(&bench, submit(AssociationType::Rplc, &second, &doc, "2.25.11"));
    assert_eq!(bench.status(&doc), Deprecated);
    let late = refuse(&bench, submit(Apnd, &second, &doc, "2.25.12"));
    assert!(matches!(&late[..], [Err(text)] if text.contains("is deprecated")), "{late:?}");
}

#[test]
fn an_update_that_copies_associations_takes_none_by_hand() {
    let bench = Bench::with_patients();
    let first = bench.accept(submission("2.25.1")).id("doc");
    let second = bench.accept(submission("2.25.2")).id("doc");
    let mut both = retitled(&bench, &first, "1", "2.25.9");
    both.associations.extend(submit(Apnd, &second, &id("doc"), "2.25.9").associations);
    assert_eq!(refuse(&bench, both.clone()), [Ok(UpdateRule::Operation)]);
    both.associations[0].extra.push(slot("AssociationPropagation", "no"));
    let new = accept(&bench, both).id("doc");
    assert_eq!(links_of(&bench, &new).len(), 2);
}

#[test]
fn metadata_is_removed_whole_or_not_at_all() {
    let bench = Bench::with_patients();
    let kept = bench.accept(submission("2.25.1"));
    let gone = bench.accept(in_folder("2.25.2"));
    let before = bench.counts();
    let remove = |names: &[&str]| {
        let ids: Vec<ObjectId> = names.iter().map(|n| gone.id(n)).collect();
        wait(bench.registry().remove(&ids, &bench.cx)).map_err(|refusal| refusal.faults().to_vec())
    };
    let unknown = wait(bench.registry().remove(&[uuid(99), id("symbolic")], &bench.cx)).unwrap_err();
    assert_eq!(unknown.faults().len(), 2);
    assert!(unknown.faults().iter().all(|f| matches!(f, Fault::UnresolvedReference { .. })));
    let faults = remove(&["doc"]).unwrap_err();
    let by = |name: &str| Fault::ReferencesExist { id: gone.id("doc"), by: gone.id(name) };
    assert_eq!(faults, [by("member"), by("content")]);
    let faults = remove(&["doc", "member", "content", "member-3", "folder", "member-2"]).unwrap_err();
    assert!(matches!(&faults[..], [Fault::Unreferenced { id, .. }] if *id == gone.id("set")), "{faults:?}");
    let faults = remove(&["member"]).unwrap_err();
    assert!(matches!(&faults[..], [Fault::Unreferenced { id, .. }] if *id == gone.id("doc")), "{faults:?}");
    assert_eq!(bench.counts(), before, "a refused removal removes nothing");
    remove(&["doc", "member", "content", "member-3", "folder", "member-2", "set"]).unwrap();
    let counts = bench.counts();
    assert_eq!((counts.entries, counts.submission_sets, counts.folders, counts.associations), (1, 1, 0, 1));
    assert_eq!(bench.status(&kept.id("doc")), Approved);
    // What is gone may come again.
    bench.accept(in_folder("2.25.2"));
}

#[test]
fn documents_are_removed_with_their_files_and_the_missing_are_named() {
    let bench = Bench::with_patients();
    let repository = bench.repository(RegisterAt::Local(bench.registry()));
    for (unique_id, bytes) in [("2.25.1", large(1)), ("2.25.2", large(2)), ("2.25.3", b"small".to_vec())] {
        let provided = vec![document("doc", &bytes)];
        wait(repository.provide(unhashed(submission(unique_id)), provided, &bench.cx)).unwrap();
    }
    let ask = |repository: &str, document: &str| DocumentRequest {
        home_community_id: None,
        repository_unique_id: oid(repository),
        unique_id: unique(document),
    };
    let asked =
        [ask(REPOSITORY, "2.25.1"), ask(REPOSITORY, "2.25.3"), ask(REPOSITORY, "2.25.9"), ask("2.999.77", "2.25.2")];
    let files = bench.blob_files();
    let faults = wait(repository.remove(&asked, &bench.cx)).unwrap();
    assert!(
        matches!(&faults[..], [Fault::UnknownRepository { .. }, Fault::DocumentNotFound(id)] if *id == unique("2.25.9"))
    );
    assert_eq!(bench.blob_files(), files - 1);
    let left = wait(repository.retrieve(&asked[..2], &bench.cx)).unwrap();
    assert!(left.documents.is_empty() && left.faults.len() == 2);
    let other = wait(repository.retrieve(&[ask(REPOSITORY, "2.25.2")], &bench.cx)).unwrap();
    assert_eq!(other.documents.len(), 1);
    assert_eq!(bench.counts().entries, 3, "the metadata stays: it is another transaction's");
}

#[test]
fn on_demand_entries_come_by_their_own_transaction_and_have_snapshots() {
    let bench = Bench::with_patients();
    let mut on_demand = submission("2.25.1");
    let entry = &mut on_demand.entries[0];
    (entry.document_type, entry.creation_time, entry.hash, entry.size_octets) =
        (DocumentType::OnDemand, None, None, None);
    let register = |submission: Submission| wait(bench.registry().register_on_demand(submission, &bench.cx));
    assert!(register(submission("2.25.5")).is_err(), "a stable entry");
    assert!(!bench.refuse(on_demand.clone()).is_empty(), "ITI-42 takes none");
    let mut hashed = on_demand.clone();
    hashed.entries[0].size_octets = Some(5);
    let refusal = register(hashed).unwrap_err();
    assert!(matches!(refusal.first(), Fault::InvalidMetadata(i) if i.field == "DocumentEntry.size"), "{refusal}");
    let ids = register(on_demand).unwrap().ids;
    let on_demand = Accepted { ids }.id("doc");
    bench.accept(related("2.25.2", AssociationType::IsSnapshotOf, &on_demand));
    let stable = bench.accept(submission("2.25.3")).id("doc");
    let faults = bench.refuse(related("2.25.4", AssociationType::IsSnapshotOf, &stable));
    assert!(matches!(&faults[..], [Fault::InvalidMetadata(i)] if i.field == "Association.targetObject"), "{faults:?}");
    let query = DocumentQuery::of_patient(patient_id("P0001")).approved();
    let count = |query: &DocumentQuery| wait(bench.registry().find(query, &bench.cx)).unwrap().items.len();
    assert_eq!(count(&query), 2, "on-demand entries show only when they are asked for");
    let both = vec![DocumentType::Stable, DocumentType::OnDemand];
    assert_eq!(count(&DocumentQuery { document_types: both, ..query }), 3);
    // The job of a status page counts them as every other.
    let known = bench.store.read_blocking(|tx| tx.counts()).unwrap();
    assert_eq!(known.entries, 3);
}
