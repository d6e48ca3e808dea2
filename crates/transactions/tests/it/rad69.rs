//! RAD-69 on both sides.

use crate::border::{Audited, edge, raw};
use actors::{Fault, Imaging, InstanceAddress, WantedSyntax};
use futures_util::StreamExt;
use model::{Oid, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use testkit::{FakeImaging, FakeInstance, Served, cx, http_client, serve};
use transactions::edge::soap_client::SoapPeer;
use transactions::edge::soap_replies::AsyncReplies;
use transactions::edge::soap_server::{SoapEndpoint, SoapTransaction};
use transactions::rad69_retrieve_imaging_document_set::{Client, Server};

const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
const PATH: &str = "/xds/imaging";

fn start(imaging: FakeImaging) -> (Served, Arc<FakeImaging>, Arc<Audited>) {
    let imaging = Arc::new(imaging);
    let (edge, audited, _) = edge();
    let repository_unique_ids = vec![Oid::parse("2.999.301").unwrap()];
    let server = Server { imaging: imaging.clone(), repository_unique_ids, edge: edge.clone() };
    let served = serve(|base| {
        let transactions: Vec<Arc<dyn SoapTransaction>> = vec![Arc::new(server)];
        let (address, replies) = (format!("{base}{PATH}"), AsyncReplies::default());
        SoapEndpoint { edge, transactions, spool: None, address, replies }.router(PATH)
    });
    (served, imaging, audited)
}

fn client(served: &Served, repository: &str) -> Client {
    let url = format!("http://{}{PATH}", served.address);
    let peer = SoapPeer { name: "north".into(), url, http: http_client(), message_octets: 16 << 20 };
    Client { peer, repository_unique_id: Oid::parse(repository).unwrap(), home_community_id: None }
}

fn address(study: &str, series: &str, instance: &str) -> InstanceAddress {
    InstanceAddress {
        study: StudyInstanceUid::parse(study).unwrap(),
        series: SeriesInstanceUid::parse(series).unwrap(),
        instance: SopInstanceUid::parse(instance).unwrap(),
    }
}

fn three() -> FakeImaging {
    FakeImaging::of([
        FakeInstance::new("2.25.1", "2.25.11", "2.25.111", EXPLICIT, 300_000),
        FakeInstance::new("2.25.1", "2.25.12", "2.25.121", JPEG_LOSSLESS, 5_000),
        FakeInstance::new("2.25.2", "2.25.21", "2.25.211", EXPLICIT, 7),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_of_two_studies_come_in_the_order_they_were_asked_for() {
    let (served, imaging, audited) = start(three());
    let wanted = [
        address("2.25.2", "2.25.21", "2.25.211"),
        address("2.25.1", "2.25.12", "2.25.121"),
        address("2.25.1", "2.25.11", "2.25.111"),
    ];
    let picked = client(&served, "2.999.301").pick(&wanted, &[WantedSyntax::AsStored], &cx()).await.unwrap();
    assert!(picked.outcomes.iter().all(Result::is_ok));
    let mut instances = picked.instances;
    let mut came = Vec::new();
    while let Some(next) = instances.next().await {
        let mut next = next.unwrap();
        let mut octets = Vec::new();
        while let Some(piece) = next.body.next().await {
            octets.extend_from_slice(&piece.unwrap());
        }
        let stored =
            imaging.instances.lock().unwrap().iter().find(|i| i.instance == next.sop_instance).cloned().unwrap();
        assert!(stored.octets == octets && stored.transfer_syntax == next.transfer_syntax);
        came.push((next.series.unwrap().to_string(), next.sop_instance.to_string()));
    }
    let expected = wanted.map(|a| (a.series.to_string(), a.instance.to_string()));
    assert_eq!(came, expected);
    assert_eq!(audited.one(), ("RAD-69", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_instance_that_cannot_be_had_has_its_own_reason_and_the_others_come() {
    let (served, _, audited) = start(three());
    let wanted = [
        address("2.25.1", "2.25.11", "2.25.111"),
        address("2.25.1", "2.25.12", "2.25.121"),
        address("2.25.1", "2.25.12", "2.25.111"),
        address("2.25.2", "2.25.11", "2.25.111"),
    ];
    let explicit = [WantedSyntax::Uid(TransferSyntaxUid::parse(EXPLICIT).unwrap())];
    let picked = client(&served, "2.999.301").pick(&wanted[..2], &explicit, &cx()).await.unwrap();
    assert!(matches!(&picked.outcomes[..], [Ok(()), Err(Fault::NotAcceptable(_))]), "{:?}", picked.outcomes);
    assert_eq!(picked.instances.filter(|i| std::future::ready(i.is_ok())).count().await, 1);
    assert_eq!(audited.one(), ("RAD-69", false));
    let picked = client(&served, "2.999.301").pick(&wanted[2..], &explicit, &cx()).await.unwrap();
    assert!(picked.outcomes.iter().all(|o| matches!(o, Err(Fault::ImagesNotFound(_)))), "{:?}", picked.outcomes);
    assert_eq!(picked.instances.count().await, 0);
    audited.one();
    let picked = client(&served, "2.999.302").pick(&wanted[..1], &explicit, &cx()).await.unwrap();
    let unknown = |o: &Result<(), Fault>| matches!(o, Err(Fault::Remote { code, location: Some(at), .. }) if code == "XDSUnknownRepositoryId" && at == "2.25.111");
    assert!(picked.outcomes.iter().all(unknown), "{:?}", picked.outcomes);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_read_no_faster_than_its_reader_takes_it() {
    let big = |n: u32| FakeInstance::new("2.25.1", "2.25.11", &format!("2.25.1{n}"), EXPLICIT, 8 << 20);
    let (served, imaging, _) = start(FakeImaging::of((0..16).map(big)));
    let wanted: Vec<_> = (0..16).map(|n| address("2.25.1", "2.25.11", &format!("2.25.1{n}"))).collect();
    let picked = client(&served, "2.999.301").pick(&wanted, &[WantedSyntax::AsStored], &cx()).await.unwrap();
    let mut instances = picked.instances;
    let first = instances.next().await.unwrap().unwrap();
    let all = 16 * (8 << 20) / (64 * 1024);
    assert!(imaging.pieces.load(Ordering::SeqCst) < all / 2, "the source was read ahead of its reader");
    drop(first);
    assert_eq!(instances.count().await, 15);
}

/// Posts the body of a request in a plain envelope; shape: status and answer.
async fn post(served: &Served, body: &str) -> (u16, String) {
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
         <s:Header><a:Action>urn:ihe:rad:2009:RetrieveImagingDocumentSet</a:Action><a:MessageID>urn:uuid:0f6f1c0e-3f2a-4e0b-9a55-000000000001</a:MessageID>\
         </s:Header><s:Body>{body}</s:Body></s:Envelope>"
    );
    // `raw` ends what it sends with two line breaks.
    let length = format!("Content-Length: {}", envelope.len() + 4);
    let head = format!("POST {PATH}");
    let answer = raw(served.address, &head, &["Content-Type: application/soap+xml", &length, "", &envelope]).await;
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_empty_uids_or_syntaxes_fails_and_the_element_is_named() {
    let (served, imaging, audited) = start(three());
    let request = |study: &str, series: &str, document: &str, syntax: &str| {
        format!(
            "<r:RetrieveImagingDocumentSetRequest xmlns:r=\"urn:ihe:rad:xdsi-b:2009\" xmlns:x=\"urn:ihe:iti:xds-b:2007\">\
             <r:StudyRequest studyInstanceUID=\"{study}\"><r:SeriesRequest seriesInstanceUID=\"{series}\"><x:DocumentRequest>\
             <x:RepositoryUniqueId>2.999.301</x:RepositoryUniqueId><x:DocumentUniqueId>{document}</x:DocumentUniqueId>\
             </x:DocumentRequest></r:SeriesRequest></r:StudyRequest><r:TransferSyntaxUIDList>{syntax}</r:TransferSyntaxUIDList>\
             </r:RetrieveImagingDocumentSetRequest>"
        )
    };
    let syntax = "<r:TransferSyntaxUID>1.2.840.10008.1.2.1</r:TransferSyntaxUID>";
    for (body, named) in [
        (request("", "2.25.11", "2.25.111", syntax), "StudyRequest/@studyInstanceUID is required"),
        (request("2.25.1", " ", "2.25.111", syntax), "SeriesRequest/@seriesInstanceUID is required"),
        (request("2.25.1", "2.25.11", "", syntax), "DocumentRequest.DocumentUniqueId is required"),
        (request("2.25.1", "2.25.11", "2.25.111", ""), "TransferSyntaxUIDList.TransferSyntaxUID is required"),
        (request("2.25.1", "2.25.11", "2.25.111", "<r:TransferSyntaxUID/>"), "TransferSyntaxUID is required"),
    ] {
        let (status, answer) = post(&served, &body).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("ResponseStatusType:Failure") && answer.contains("XDSRepositoryError"), "{answer}");
        assert!(answer.contains(named), "{named}: {answer}");
        assert_eq!(audited.one(), ("RAD-69", false));
    }
    let (_, answer) = post(&served, &request("2.25.1", "2.25.11", "2.25.999", syntax)).await;
    assert!(answer.contains("XDSDocumentUniqueIdError") && answer.contains("location=\"2.25.999\""), "{answer}");
    assert!(answer.contains(">urn:ihe:iti:2007:RetrieveDocumentSetResponse<"), "{answer}");
    assert!(!answer.contains("HomeCommunityId"), "{answer}");
    assert_eq!(imaging.asked.lock().unwrap().len(), 1);
}
