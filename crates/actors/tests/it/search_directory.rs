//! Many repositories behind one. Source: spec/xds.md 17.

use crate::bench::{Bench, wait, whole};
use crate::fakes::FakeRegistry;
use crate::samples::*;
use actors::*;
use std::sync::Arc;

#[test]
fn the_repository_unique_id_decides_who_is_asked() {
    let (north, south) = (Bench::with_patients(), Bench::with_patients());
    let repository = |bench: &Bench, id: &str| {
        let at = RegisterAt::Local(bench.registry());
        Arc::new(DocumentRepository::new(oid(id), bench.store.clone(), bench.blobs.clone(), at))
    };
    let (at_north, at_south) = (repository(&north, "2.999.1.1"), repository(&south, "2.999.1.2"));
    wait(at_north.provide(unhashed(submission("2.25.1")), vec![document("doc", b"north")], &north.cx)).unwrap();
    wait(at_south.provide(unhashed(submission("2.25.1")), vec![document("doc", b"south")], &south.cx)).unwrap();
    let directory =
        RepositoryDirectory::default().with(oid("2.999.1.1"), at_north.clone()).with(oid("2.999.1.2"), at_south);
    let request = |repository: &str, unique_id: &str| DocumentRequest {
        home_community_id: None,
        repository_unique_id: oid(repository),
        unique_id: unique(unique_id),
    };
    let requests = [
        request("2.999.1.2", "2.25.1"),
        request("2.999.1.3", "2.25.1"),
        request("2.999.1.1", "2.25.1"),
        request("2.999.1.1", "2.25.9"),
    ];
    let retrieved = wait(directory.retrieve(&requests, &north.cx)).unwrap();
    let mut bodies: Vec<(String, Vec<u8>)> = Vec::new();
    for document in retrieved.documents {
        bodies.push((document.request.repository_unique_id.to_string(), whole(document.body).unwrap()));
    }
    bodies.sort();
    assert_eq!(bodies, [("2.999.1.1".into(), b"north".to_vec()), ("2.999.1.2".into(), b"south".to_vec())]);
    let unknown = Fault::UnknownRepository { repository: oid("2.999.1.3"), unique_id: unique("2.25.1") };
    assert_eq!(retrieved.faults, [Fault::DocumentNotFound(unique("2.25.9")), unknown]);
    assert!(wait(directory.provide(submission("2.25.2"), vec![], &north.cx)).is_err());
    // The registry of one of them may be far away; the fake only shows that the directory does not care.
    let remote = RegisterAt::Peer(FakeRegistry::over(&north));
    let far = DocumentRepository::new(oid("2.999.1.4"), south.store.clone(), south.blobs.clone(), remote);
    assert_eq!(far.unique_id(), &oid("2.999.1.4"));
}
