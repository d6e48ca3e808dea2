//! Entries of referenceIdList, and how they are matched. Source: ITI TF-3 Table 4.2.3.1.7-2; spec/mcwg.md 3.2.

use crate::samples::oid;
use model::{DocumentQuery, Hd, ReferenceId, ReferenceTerm, StudyInstanceUid, reference_types};
use proptest::prelude::*;

fn reference(text: &str) -> ReferenceId {
    ReferenceId::parse(text).unwrap()
}

fn exact(text: &str) -> ReferenceTerm {
    ReferenceTerm::Exact(reference(text))
}

fn any_reference() -> impl Strategy<Value = ReferenceId> {
    let text = || "[A-Za-z0-9 ^&~|\\\\:.é-]{1,12}";
    let authority = proptest::option::of((proptest::option::of(text()), any::<bool>()));
    let home = proptest::option::of("[a-z0-9&:.]{1,9}");
    (text(), authority, text(), home).prop_map(|(id, authority, kind, home)| {
        let authority = authority.map(|(namespace, numbered)| Hd {
            oid: (numbered || namespace.is_none()).then(|| oid("2.999.8")),
            namespace,
        });
        ReferenceId { id, authority, kind, home }
    })
}

proptest! {
    #[test]
    fn a_reference_prints_and_reads_back(reference in any_reference()) {
        prop_assert_eq!(ReferenceId::parse(&reference.to_string()).unwrap(), reference);
    }

    #[test]
    fn a_reference_matches_itself_exactly_and_by_parts(reference in any_reference()) {
        prop_assert!(ReferenceTerm::Exact(reference.clone()).matches(&reference));
        let by_id = ReferenceTerm::Parts { id: Some(reference.id.clone()), authority: None, kind: None };
        prop_assert!(by_id.matches(&reference));
    }

    #[test]
    fn different_ids_or_types_never_match(a in any_reference(), b in any_reference()) {
        if ReferenceTerm::Exact(a.clone()).matches(&b) {
            prop_assert_eq!(a.id, b.id);
            prop_assert_eq!(a.kind, b.kind);
        }
    }

    #[test]
    fn reading_anything_never_panics(text in "[\\^&~|\\\\A-Z0-9.]{0,40}") {
        if let Ok(reference) = ReferenceId::parse(&text) {
            prop_assert_eq!(ReferenceId::parse(&reference.to_string()).unwrap(), reference);
        }
    }
}

#[test]
fn a_reference_has_an_id_and_a_type() {
    for text in [
        "",
        "^^^&2.999.8&ISO^urn:x",
        "A1",
        "A1^^^&2.999.8&ISO",
        "A1^x^^^urn:x",
        "A1^^x^^urn:x",
        "A1^^^&2.999.8&X^urn:x",
    ] {
        assert_eq!(ReferenceId::parse(text).unwrap_err().field, "referenceIdList", "{text}");
    }
    let home = reference("A1^^^&2.999.8&ISO^urn:x^&2.999.1&ISO");
    assert_eq!(home.home.as_deref(), Some("&2.999.1&ISO"));
}

#[test]
fn a_study_is_found_with_or_without_the_authority_that_peers_write() {
    let bare = ReferenceId::study(&StudyInstanceUid::parse("2.25.77").unwrap());
    let dressed = format!("2.25.77^^^&2.999.1&ISO^{}", reference_types::STUDY_INSTANCE_UID);
    assert!(exact(&bare.to_string()).matches(&reference(&dressed)));
    assert!(exact(&dressed).matches(&bare));
    assert!(!exact(&dressed).matches(&reference("2.25.77^^^^urn:ihe:iti:xds:2013:uniqueId")));
}

#[test]
fn an_accession_number_of_another_issuer_is_another_one() {
    let ours = ReferenceId::accession("A1", Some(oid("2.999.8")));
    assert!(
        ReferenceTerm::Exact(ours.clone()).matches(&reference("A1^^^RIS&2.999.8&ISO^urn:ihe:iti:xds:2013:accession"))
    );
    for other in [
        "A1^^^&2.999.9&ISO^urn:ihe:iti:xds:2013:accession",
        "A1^^^&2.999.8&ISO^urn:ihe:iti:xds:2013:order",
        "A1^^^^urn:ihe:iti:xds:2013:accession",
        "a1^^^&2.999.8&ISO^urn:ihe:iti:xds:2013:accession",
    ] {
        assert!(!ReferenceTerm::Exact(ours.clone()).matches(&reference(other)), "{other}");
    }
}

#[test]
fn parts_of_a_reference_are_matched_each_for_itself() {
    let kept = reference("A1^^^&2.999.8&ISO^urn:ihe:iti:xds:2013:accession");
    let bare = reference("A1^^^^urn:ihe:iti:xds:2013:accession");
    let parts = |id: Option<&str>, authority: Option<&str>, kind: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        ReferenceTerm::Parts { id: own(id), authority: own(authority), kind: own(kind) }
    };
    assert!(parts(Some("A1"), Some("2.999.8"), None).matches(&kept));
    assert!(!parts(Some("A1"), Some("2.999.9"), None).matches(&kept));
    assert!(!parts(Some("A1"), Some(""), None).matches(&kept));
    assert!(parts(Some("A1"), Some(""), None).matches(&bare));
    assert!(parts(None, Some("2.999.8"), Some(reference_types::ACCESSION)).matches(&kept));
    assert!(!parts(None, None, Some(reference_types::ORDER)).matches(&kept));
    assert!(ReferenceTerm::Like("A_^^^%accession".into()).matches(&kept));
    assert!(!ReferenceTerm::Like("A_^^^%order".into()).matches(&kept));
}

#[test]
fn only_a_whole_reference_or_an_id_leads_to_an_index() {
    let anchored = |terms: Vec<ReferenceTerm>| {
        DocumentQuery { reference_ids: vec![terms], ..DocumentQuery::default() }.is_anchored()
    };
    let by_kind = ReferenceTerm::Parts { id: None, authority: None, kind: Some(reference_types::ORDER.into()) };
    assert!(anchored(vec![exact("A1^^^^urn:x")]));
    assert!(!anchored(vec![]));
    assert!(!anchored(vec![by_kind.clone()]));
    assert!(!anchored(vec![exact("A1^^^^urn:x"), by_kind]));
    assert!(!anchored(vec![ReferenceTerm::Like("A%".into())]));
    assert!(!DocumentQuery::default().approved().is_anchored());
}
