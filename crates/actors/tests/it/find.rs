//! Queries on a registry. Source: spec/xds.md 16.3; ITI TF-2 3.18.4.1.2.3.7.1.

use crate::bench::{Bench, policy, wait};
use crate::samples::*;
use actors::{Fault, Found, Refusal, Registry, RegistryPolicy};
use model::*;
use store::StoreExt;

fn find(bench: &Bench, query: DocumentQuery) -> Result<Found<DocumentEntry>, Refusal> {
    wait(bench.registry().find(&query, &bench.cx))
}

fn unique_ids(found: &Found<DocumentEntry>) -> Vec<&str> {
    found.items.iter().map(|e| e.unique_id.as_str()).collect()
}

fn of_p1() -> DocumentQuery {
    DocumentQuery::of_patient(patient_id("P0001"))
}

#[test]
fn b_033_modality_and_region_in_all_combinations() {
    let bench = Bench::with_patients();
    for (n, (modality, region)) in
        [("CT", "67734004"), ("CT", "63337009"), ("MR", "67734004"), ("MR", "63337009")].into_iter().enumerate()
    {
        let mut document = submission(&format!("2.25.{n}"));
        document.entries[0].event_code_list = vec![code(modality, schemes::DCM), code(region, schemes::SNOMED_CT)];
        bench.accept(document);
    }
    let (ct, mr) = (CodeTerm::of("CT", schemes::DCM), CodeTerm::of("MR", schemes::DCM));
    let thorax = CodeTerm::of("67734004", schemes::SNOMED_CT);
    let cases: [(Vec<Vec<CodeTerm>>, &[&str]); 4] = [
        (vec![vec![ct.clone(), mr.clone()]], &["2.25.3", "2.25.2", "2.25.1", "2.25.0"]),
        (vec![vec![ct.clone()], vec![mr.clone()]], &[]),
        (vec![vec![ct, mr.clone()], vec![thorax.clone()]], &["2.25.2", "2.25.0"]),
        (vec![vec![mr, thorax]], &["2.25.3", "2.25.2", "2.25.0"]),
    ];
    for (event_code_list, expected) in cases {
        let found = find(&bench, DocumentQuery { event_code_list, ..of_p1() }).unwrap();
        assert_eq!(unique_ids(&found), expected);
        assert_eq!(found.total, Some(expected.len() as u64));
        assert!(found.is_complete() && found.next.is_none());
    }
}

#[test]
fn deprecated_documents_show_only_by_status() {
    let bench = Bench::with_patients();
    let old = bench.accept(submission("2.25.1")).id("doc");
    bench.accept(related("2.25.2", AssociationType::Rplc, &old));
    let by = |statuses: &[AvailabilityStatus]| DocumentQuery { statuses: statuses.to_vec(), ..of_p1() };
    use AvailabilityStatus::{Approved, Deprecated};
    for (statuses, expected) in [
        (&[Approved][..], &["2.25.2"][..]),
        (&[Deprecated], &["2.25.1"]),
        (&[Approved, Deprecated], &["2.25.2", "2.25.1"]),
        (&[], &["2.25.2", "2.25.1"]),
    ] {
        assert_eq!(unique_ids(&find(&bench, by(statuses)).unwrap()), expected, "{statuses:?}");
    }
    // By its own id it is given whatever its status.
    let by_id = DocumentQuery { entry_ids: vec![old], ..DocumentQuery::default() };
    assert_eq!(unique_ids(&find(&bench, by_id).unwrap()), ["2.25.1"]);
}

#[test]
fn one_patients_documents_are_no_others() {
    let bench = Bench::with_patients();
    bench.accept(submission("2.25.1"));
    bench.accept(of_patient(submission("2.25.2"), "P0002"));
    assert_eq!(unique_ids(&find(&bench, of_p1()).unwrap()), ["2.25.1"]);
    let stranger = DocumentQuery::of_patient(patient_id("P0009"));
    assert_eq!(unique_ids(&find(&bench, stranger).unwrap()), Vec::<&str>::new());
    let foreign = DocumentQuery::of_patient(PatientId::new("P0001", oid("2.999.8")));
    assert_eq!(unique_ids(&find(&bench, foreign).unwrap()), Vec::<&str>::new());
}

#[test]
fn a_merged_patients_documents_are_the_survivors() {
    let bench = Bench::with_patients();
    bench.accept(submission("2.25.1"));
    bench.accept(of_patient(submission("2.25.2"), "P0002"));
    bench.store.write_blocking(|tx| tx.merge_patients(&patient_id("P0002"), &patient_id("P0001"))).unwrap();
    assert!(find(&bench, of_p1()).unwrap().items.is_empty());
    let found = find(&bench, DocumentQuery::of_patient(patient_id("P0002"))).unwrap();
    assert_eq!(unique_ids(&found), ["2.25.2", "2.25.1"]);
    assert!(found.items.iter().all(|e| e.patient_id == patient_id("P0002")));
    // What the source called its patient stays.
    let sources =
        |id: &str| found.items.iter().find(|e| e.unique_id.as_str() == id).and_then(|e| e.source_patient_id.clone());
    assert_eq!(
        (sources("2.25.1"), sources("2.25.2")),
        (
            submission("2.25.1").entries[0].source_patient_id.clone(),
            of_patient(submission("2.25.2"), "P0002").entries[0].source_patient_id.clone()
        )
    );
    // And a document of the subsumed patient can be replaced under the surviving one.
    let old = found.items[1].id.clone();
    bench.accept(of_patient(related("2.25.3", AssociationType::Rplc, &old), "P0002"));
    assert_eq!(bench.status(&old), AvailabilityStatus::Deprecated);
}

#[test]
fn a_query_starts_from_something() {
    let bench = Bench::with_patients();
    let everything = DocumentQuery::default().approved();
    let refusal = find(&bench, everything).unwrap_err();
    assert!(matches!(refusal.first(), Fault::InvalidQuery(invalid) if invalid.field == "query"));
}

#[test]
fn pages_stay_as_they_are_while_documents_come_and_go() {
    let bench = Bench::with_patients();
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(bench.accept(submission(&format!("2.25.{n}"))).id("doc"));
    }
    let page =
        |after: Option<String>| find(&bench, DocumentQuery { page: Some(Page { size: 4, after }), ..of_p1() }).unwrap();
    let first = page(None);
    assert_eq!(unique_ids(&first), ["2.25.9", "2.25.8", "2.25.7", "2.25.6"]);
    bench.accept(submission("2.25.100"));
    bench.accept(related("2.25.101", AssociationType::Rplc, &ids[4]));
    let second = page(first.next.clone());
    assert_eq!(unique_ids(&second), ["2.25.5", "2.25.4", "2.25.3", "2.25.2"]);
    let last = page(second.next.clone());
    assert_eq!(unique_ids(&last), ["2.25.1", "2.25.0"]);
    assert_eq!(last.next, None);
    let number = find(&bench, DocumentQuery { page: Some(Page { size: 0, after: None }), ..of_p1() }).unwrap();
    assert_eq!((number.total, number.items.len()), (Some(12), 0));
}

#[test]
fn a_position_that_no_page_gave_is_refused() {
    let bench = Bench::with_patients();
    let page = Some(Page { size: 4, after: Some("'; DROP TABLE entry".into()) });
    let refusal = find(&bench, DocumentQuery { page, ..of_p1() }).unwrap_err();
    assert!(matches!(refusal.first(), Fault::InvalidQuery(invalid) if invalid.field == "page"));
}

#[test]
fn too_many_results_are_refused_unless_they_come_in_pages() {
    let bench = Bench::with_patients();
    for n in 0..5 {
        bench.accept(submission(&format!("2.25.{n}")));
    }
    let narrow = bench.registry_with(RegistryPolicy { query_limit: 3, ..policy() });
    let refusal = wait(narrow.find(&of_p1(), &bench.cx)).unwrap_err();
    assert_eq!(refusal.faults(), [Fault::TooManyResults { limit: 3 }]);
    let paged = DocumentQuery { page: Some(Page { size: 50, after: None }), ..of_p1() };
    let found = wait(narrow.find(&paged, &bench.cx)).unwrap();
    assert_eq!((found.items.len(), found.next.is_some()), (3, true));
    let rest = DocumentQuery { page: Some(Page { size: 50, after: found.next }), ..of_p1() };
    assert_eq!(wait(narrow.find(&rest, &bench.cx)).unwrap().items.len(), 2);
}
