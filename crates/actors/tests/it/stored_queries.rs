//! Which objects each stored query finds. Source: ITI TF-2 3.18.4.1.2.3.7, 3.51; spec/xds.md 16.2, 16.3.

use crate::bench::{Accepted, Bench, policy, wait};
use crate::samples::*;
use actors::{Fault, Registry, RegistryPolicy};
use model::AvailabilityStatus::{Approved, Deprecated};
use model::*;
use std::collections::BTreeSet;

/// What is registered: a document in a folder, one appended to it, one that replaces the appendix, and one of P0002.
struct Scene {
    bench: Bench,
    first: Accepted,
    appendix: Accepted,
    replacement: Accepted,
    theirs: Accepted,
}

impl Scene {
    fn new() -> Self {
        let bench = Bench::with_patients();
        let first = bench.accept(in_folder("2.25.1"));
        let appendix = bench.accept(related("2.25.2", AssociationType::Apnd, &first.id("doc")));
        let replacement = bench.accept(related("2.25.3", AssociationType::Rplc, &appendix.id("doc")));
        let theirs = bench.accept(of_patient(submission("2.25.4"), "P0002"));
        Scene { bench, first, appendix, replacement, theirs }
    }

    fn ask(&self, stored: StoredQuery) -> RegistryObjects {
        self.ask_for(stored.into())
    }

    fn ask_for(&self, query: RegistryQuery) -> RegistryObjects {
        let answered = wait(self.bench.registry().query(&query, &self.bench.cx)).unwrap();
        assert!(answered.silent.is_empty());
        answered.objects
    }

    fn docs(&self) -> [ObjectId; 4] {
        [&self.first, &self.appendix, &self.replacement, &self.theirs].map(|accepted| accepted.id("doc"))
    }
}

fn ids<T>(objects: &[T], id: impl Fn(&T) -> &ObjectId) -> BTreeSet<ObjectId> {
    let found: BTreeSet<ObjectId> = objects.iter().map(|o| id(o).clone()).collect();
    assert_eq!(found.len(), objects.len(), "every object once");
    found
}

fn entries(objects: &RegistryObjects) -> BTreeSet<ObjectId> {
    ids(&objects.entries, |e| &e.id)
}

fn links(objects: &RegistryObjects) -> BTreeSet<ObjectId> {
    ids(&objects.associations, |a| &a.id)
}

fn of<const N: usize>(ids: [ObjectId; N]) -> BTreeSet<ObjectId> {
    ids.into()
}

fn shape(objects: &RegistryObjects) -> [usize; 4] {
    let RegistryObjects { entries, submission_sets, folders, associations } = objects;
    [entries.len(), submission_sets.len(), folders.len(), associations.len()]
}

fn by_id(id: ObjectId) -> ObjectNames {
    ObjectNames::Ids(vec![id])
}

#[test]
fn submission_sets_are_found_by_patient_time_source_author_and_type() {
    let scene = Scene::new();
    let all = SubmissionSetQuery {
        patient_id: patient_id("P0001"),
        source_ids: Vec::new(),
        submission_time: DtmRange::default(),
        author_person: Vec::new(),
        content_type_codes: Vec::new(),
        statuses: vec![Approved],
    };
    let found = |query: SubmissionSetQuery| scene.ask(StoredQuery::FindSubmissionSets(query)).submission_sets.len();
    assert_eq!(found(all.clone()), 3);
    assert_eq!(found(SubmissionSetQuery { patient_id: patient_id("P0002"), ..all.clone() }), 1);
    assert_eq!(found(SubmissionSetQuery { patient_id: patient_id("P0003"), ..all.clone() }), 0);
    assert_eq!(found(SubmissionSetQuery { source_ids: vec![oid("2.999.20.1")], ..all.clone() }), 3);
    assert_eq!(found(SubmissionSetQuery { source_ids: vec![oid("2.999.20.2")], ..all.clone() }), 0);
    let time = |from, to| DtmRange { from: Some(from), to: Some(to) };
    for (range, count) in
        [(time(20_250_314_091_730, 20_250_314_091_731), 3), (time(20_250_314_091_731, 20_260_101_000_000), 0)]
    {
        assert_eq!(found(SubmissionSetQuery { submission_time: range, ..all.clone() }), count, "{range:?}");
    }
    assert_eq!(
        found(SubmissionSetQuery { content_type_codes: vec![CodeTerm::of("IMG", "2.999.30.4")], ..all.clone() }),
        3
    );
    assert_eq!(
        found(SubmissionSetQuery { content_type_codes: vec![CodeTerm::of("IMG", "2.999.30.5")], ..all.clone() }),
        0
    );
    assert_eq!(found(SubmissionSetQuery { author_person: vec!["%".into()], ..all.clone() }), 0, "nobody wrote them");
    assert_eq!(found(SubmissionSetQuery { statuses: vec![Deprecated], ..all }), 0);
}

#[test]
fn folders_are_found_by_patient_code_and_time() {
    let scene = Scene::new();
    let all = FolderQuery { patient_id: Some(patient_id("P0001")), statuses: vec![Approved], ..FolderQuery::default() };
    let found = |query: FolderQuery| scene.ask(StoredQuery::FindFolders(query)).folders.len();
    assert_eq!(found(all.clone()), 1);
    assert_eq!(found(FolderQuery { patient_id: Some(patient_id("P0002")), ..all.clone() }), 0);
    let epi = || CodeTerm::of("EPI", "2.999.30.5");
    assert_eq!(found(FolderQuery { codes: vec![vec![epi(), CodeTerm::of("x", "y")]], ..all.clone() }), 1);
    assert_eq!(found(FolderQuery { codes: vec![vec![epi()], vec![CodeTerm::of("x", "y")]], ..all.clone() }), 0);
    // The bench's clock stands at 2025-03-14T12:00:00Z.
    let noon = 20_250_314_120_000;
    for (from, to, count) in [(noon, noon + 1, 1), (0, noon, 0), (noon + 1, u64::MAX, 0)] {
        let last_update_time = DtmRange { from: Some(from), to: Some(to) };
        assert_eq!(found(FolderQuery { last_update_time, ..all.clone() }), count, "{from} {to}");
    }
}

#[test]
fn all_of_a_patient_is_everything_with_the_status_asked_for() {
    let scene = Scene::new();
    let all = |documents: DocumentQuery| StoredQuery::GetAll {
        patient_id: patient_id("P0001"),
        documents,
        submission_set_statuses: vec![Approved],
        folder_statuses: vec![Approved],
    };
    let both = DocumentQuery { statuses: vec![Approved, Deprecated], ..DocumentQuery::default() };
    // Four memberships of the first submission, two links each of the others.
    assert_eq!(shape(&scene.ask(all(both.clone()))), [3, 3, 1, 8]);
    let approved = DocumentQuery { statuses: vec![Approved], ..DocumentQuery::default() };
    let found = scene.ask(all(approved));
    assert_eq!(entries(&found), of([scene.first.id("doc"), scene.replacement.id("doc")]));
    let pdf = vec![CodeTerm::of("urn:ihe:iti:xds-sd:pdf:2008", schemes::IHE_FORMAT)];
    assert_eq!(scene.ask(all(DocumentQuery { format_codes: pdf, ..both })).entries, []);
}

#[test]
fn documents_are_got_by_any_of_their_names_whatever_their_status() {
    let scene = Scene::new();
    let [first, appendix, ..] = scene.docs();
    let got = |names| entries(&scene.ask(StoredQuery::GetDocuments(names)));
    assert_eq!(got(ObjectNames::Ids(vec![appendix.clone(), uuid(99), appendix.clone()])), of([appendix.clone()]));
    assert_eq!(got(ObjectNames::UniqueIds(vec![unique("2.25.1"), unique("2.25.77")])), of([first.clone()]));
    assert_eq!(got(ObjectNames::LogicalIds(vec![first.clone()])), of([first]));
    let folder = scene.first.id("folder");
    for names in
        [by_id(folder.clone()), ObjectNames::UniqueIds(vec![unique("2.25.1.2")]), ObjectNames::LogicalIds(vec![folder])]
    {
        assert_eq!(shape(&scene.ask(StoredQuery::GetFolders(names))), [0, 0, 1, 0]);
    }
    // A document's name is no folder's.
    assert!(scene.ask(StoredQuery::GetFolders(by_id(appendix))).is_empty());
}

#[test]
fn associations_come_with_documents_that_they_touch() {
    let scene = Scene::new();
    let [first, appendix, ..] = scene.docs();
    let found = scene.ask(StoredQuery::GetDocumentsAndAssociations(by_id(first.clone())));
    assert_eq!(entries(&found), of([first.clone()]));
    let touching = of([scene.first.id("member"), scene.first.id("content"), scene.appendix.id("relation")]);
    assert_eq!(links(&found), touching);
    assert_eq!(links(&scene.ask(StoredQuery::GetAssociations { ids: vec![first] })), touching);
    let found = scene.ask(StoredQuery::GetAssociations { ids: vec![appendix] });
    let expected = of([scene.appendix.id("member"), scene.appendix.id("relation"), scene.replacement.id("relation")]);
    assert_eq!(links(&found), expected);
}

#[test]
fn only_approved_associations_count_unless_others_are_asked_for() {
    let scene = Scene::new();
    let relation = scene.appendix.id("relation");
    let id = relation.clone();
    use store::StoreExt;
    scene.bench.store.write_blocking(move |tx| tx.set_status(&id, Deprecated)).unwrap();
    let query = |association_statuses| RegistryQuery {
        stored: StoredQuery::GetAssociations { ids: vec![scene.first.id("doc")] },
        association_statuses,
        former_versions: false,
    };
    assert!(!links(&scene.ask_for(query(Vec::new()))).contains(&relation));
    assert_eq!(links(&scene.ask_for(query(vec![Deprecated]))), of([relation.clone()]));
    assert_eq!(scene.ask_for(query(vec![Approved, Deprecated])).associations.len(), 3);
    let related = StoredQuery::GetRelatedDocuments {
        document: by_id(scene.first.id("doc")),
        association_types: vec![AssociationType::Apnd],
        documents: DocumentQuery::default(),
    };
    assert!(scene.ask(related).is_empty(), "a relation that does not count relates nothing");
}

#[test]
fn submission_sets_are_got_by_what_they_brought() {
    let scene = Scene::new();
    for (asked, link) in [("doc", "member"), ("folder", "member-2"), ("content", "member-3")] {
        let found = scene.ask(StoredQuery::GetSubmissionSets { ids: vec![scene.first.id(asked)] });
        assert_eq!(ids(&found.submission_sets, |s| &s.id), of([scene.first.id("set")]), "{asked}");
        assert_eq!(links(&found), of([scene.first.id(link)]), "{asked}");
    }
    assert!(scene.ask(StoredQuery::GetSubmissionSets { ids: vec![scene.first.id("set"), uuid(99)] }).is_empty());
}

#[test]
fn contents_of_a_submission_set_are_what_passes_the_filters() {
    let scene = Scene::new();
    let contents =
        |submission_set, documents| scene.ask(StoredQuery::GetSubmissionSetAndContents { submission_set, documents });
    let set = scene.first.id("set");
    let all = contents(by_id(set.clone()), DocumentQuery::default());
    assert_eq!(shape(&all), [1, 1, 1, 4]);
    assert_eq!(contents(ObjectNames::UniqueIds(vec![unique("2.25.1.1")]), DocumentQuery::default()), all);
    let pdf = vec![CodeTerm::of("urn:ihe:iti:xds-sd:pdf:2008", schemes::IHE_FORMAT)];
    let none = contents(by_id(set), DocumentQuery { format_codes: pdf, ..DocumentQuery::default() });
    // Without the document its membership in the folder is out as well, and the links to both.
    assert_eq!((shape(&none), links(&none)), ([0, 1, 1, 1], of([scene.first.id("member-2")])));
    let deprecated = contents(by_id(scene.appendix.id("set")), DocumentQuery::default());
    assert_eq!(shape(&deprecated), [1, 1, 0, 1], "whatever the status; a relation is no content");
    assert!(contents(by_id(uuid(99)), DocumentQuery::default()).is_empty());
}

#[test]
fn contents_of_a_folder_and_folders_of_a_document() {
    let scene = Scene::new();
    let contents =
        |documents| scene.ask(StoredQuery::GetFolderAndContents { folder: by_id(scene.first.id("folder")), documents });
    let all = contents(DocumentQuery::default());
    assert_eq!((entries(&all), links(&all)), (of([scene.first.id("doc")]), of([scene.first.id("content")])));
    let on_demand = DocumentQuery { document_types: vec![DocumentType::OnDemand], ..DocumentQuery::default() };
    assert_eq!(shape(&contents(on_demand)), [0, 0, 1, 0]);
    for names in [by_id(scene.first.id("doc")), ObjectNames::UniqueIds(vec![unique("2.25.1")])] {
        assert_eq!(shape(&scene.ask(StoredQuery::GetFoldersForDocument(names))), [0, 0, 1, 0]);
    }
    assert!(scene.ask(StoredQuery::GetFoldersForDocument(by_id(scene.appendix.id("doc")))).is_empty());
}

#[test]
fn related_documents_are_one_hop_away() {
    let scene = Scene::new();
    let [first, appendix, replacement, _] = scene.docs();
    let related = |document: &ObjectId, association_types: &[AssociationType]| {
        scene.ask(StoredQuery::GetRelatedDocuments {
            document: by_id(document.clone()),
            association_types: association_types.to_vec(),
            documents: DocumentQuery::default(),
        })
    };
    let found = related(&appendix, &[AssociationType::Apnd]);
    assert_eq!((entries(&found), found.associations.len()), (of([first.clone(), appendix.clone()]), 1));
    let found = related(&appendix, &AssociationType::ALL);
    assert_eq!((entries(&found), found.associations.len()), (of([first.clone(), appendix, replacement.clone()]), 2));
    assert_eq!(related(&replacement, &AssociationType::ALL).entries.len(), 2, "the first document is two hops away");
    assert!(related(&first, &[AssociationType::Rplc]).is_empty());
    assert!(related(&first, &[AssociationType::HasMember]).is_empty(), "a membership relates no documents");
}

#[test]
fn several_patients_are_asked_about_at_once_and_everybody_only_where_that_is_allowed() {
    let scene = Scene::new();
    let images = DocumentQuery {
        statuses: vec![Approved],
        class_codes: vec![CodeTerm::of("IMAGES", schemes::IHE_CLASS)],
        ..DocumentQuery::default()
    };
    let ask = |patients: &[&str]| StoredQuery::FindDocumentsForMultiplePatients {
        patient_ids: patients.iter().map(|id| patient_id(id)).collect(),
        documents: images.clone(),
    };
    assert_eq!(scene.ask(ask(&["P0001"])).entries.len(), 2);
    assert_eq!(scene.ask(ask(&["P0001", "P0002", "P0001", "P0003"])).entries.len(), 3);
    let folders = |patients: &[&str]| StoredQuery::FindFoldersForMultiplePatients {
        patient_ids: patients.iter().map(|id| patient_id(id)).collect(),
        folders: FolderQuery { codes: vec![vec![CodeTerm::of("EPI", "2.999.30.5")]], ..FolderQuery::default() },
    };
    assert_eq!(scene.ask(folders(&["P0002", "P0001"])).folders.len(), 1);
    for (query, parameter) in [(ask(&[]), "$XDSDocumentEntryPatientId"), (folders(&[]), "$XDSFolderPatientId")] {
        let refusal = wait(scene.bench.registry().query(&query.clone().into(), &scene.bench.cx)).unwrap_err();
        assert!(matches!(refusal.first(), Fault::MissingParameter { parameter: p, .. } if p == parameter), "{refusal}");
        let open = scene.bench.registry_with(RegistryPolicy { population_queries: true, ..policy() });
        let found = wait(open.query(&query.into(), &scene.bench.cx)).unwrap().objects;
        assert_eq!(
            (found.entries.len(), found.folders.len()),
            if parameter.contains("Entry") { (3, 0) } else { (0, 1) }
        );
    }
}

#[test]
fn too_much_is_refused_with_the_limit() {
    let scene = Scene::new();
    let narrow = scene.bench.registry_with(RegistryPolicy { query_limit: 2, ..policy() });
    let all = StoredQuery::GetAll {
        patient_id: patient_id("P0001"),
        documents: DocumentQuery { statuses: vec![Approved], ..DocumentQuery::default() },
        submission_set_statuses: vec![Approved],
        folder_statuses: vec![Approved],
    };
    let refusal = wait(narrow.query(&all.into(), &scene.bench.cx)).unwrap_err();
    assert_eq!(*refusal.first(), Fault::TooManyResults { limit: 2 });
}
