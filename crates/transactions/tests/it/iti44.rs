//! ITI-44 on both sides. Spec/xds.md section 20.

use crate::border::{Audited, edge};
use actors::{Fault, Identity, PatientNews, spool};
use model::{Oid, Patient};
use std::sync::Arc;
use testkit::{MemoryIdentity, Served, cx, domain, http_client, patient, serve};
use transactions::edge::audit::Outcome;
use transactions::edge::soap_client::SoapPeer;
use transactions::edge::soap_replies::AsyncReplies;
use transactions::edge::soap_server::SoapEndpoint;
use transactions::iti44_patient_identity_feed_v3::{Client, MERGED, Server};

struct Started {
    served: Served,
    identity: Arc<MemoryIdentity>,
    audited: Arc<Audited>,
}

fn start() -> Started {
    let identity = Arc::new(MemoryIdentity::new(domain()));
    let (edge, audited, _) = edge();
    let transactions = Server::all(identity.clone(), domain(), Oid::parse("2.999.1.9").unwrap(), edge.clone());
    let spool: Option<Arc<dyn spool::Spool>> = None;
    let served = serve(|base| {
        let (address, replies) = (format!("{base}/xds/registry"), AsyncReplies::default());
        SoapEndpoint { edge, transactions, spool, address, replies }.router("/xds/registry")
    });
    Started { served, identity, audited }
}

fn peer(started: &Started) -> SoapPeer {
    SoapPeer {
        name: "central".to_owned(),
        url: format!("{}/xds/registry", started.served.url),
        http: http_client(),
        message_octets: 1 << 20,
    }
}

fn client(started: &Started) -> Client {
    Client { peer: peer(started), sender: Oid::parse("2.999.1.8").unwrap(), receiver: Oid::parse("2.999.1.9").unwrap() }
}

#[tokio::test]
async fn a_patient_is_added_once_and_then_revised() {
    let started = start();
    let client = client(&started);
    let anna = patient("P1", "Muster", "Anna");
    client.feed(&anna, PatientNews::Added, &cx()).await.unwrap();
    assert_eq!(started.audited.one(), ("ITI-44", true));
    client.feed(&patient("P1", "Alt", "Anna"), PatientNews::Added, &cx()).await.unwrap();
    assert_eq!(*started.identity.patients.lock().unwrap(), [anna]);
    let revised = patient("P1", "Neu", "Anna");
    client.feed(&revised, PatientNews::Revised, &cx()).await.unwrap();
    assert_eq!(*started.identity.patients.lock().unwrap(), [revised]);
}

#[tokio::test]
async fn a_patient_of_another_domain_is_refused_for_good_and_a_busy_node_for_now() {
    let started = start();
    let client = client(&started);
    let mut stranger = patient("P1", "Muster", "Anna");
    stranger.id.domain = Oid::parse("2.999.8").unwrap();
    let refused = client.feed(&stranger, PatientNews::Added, &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::Remote { code, transient: false, .. } if code == "CE"), "{refused:?}");
    assert!(refused.to_string().contains("2.999.7"), "{refused}");
    assert_eq!(started.audited.one(), ("ITI-44", false));
    *started.identity.fault.lock().unwrap() = Some(Fault::Busy);
    let refused = client.feed(&patient("P1", "Muster", "Anna"), PatientNews::Added, &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::Remote { code, transient: true, .. } if code == "CR"), "{refused:?}");
}

#[tokio::test]
async fn an_identifier_in_the_domain_is_found_among_others() {
    let started = start();
    let ours = patient("P1", "Muster", "Anna");
    let mut sent = ours.clone();
    sent.id.domain = Oid::parse("2.999.8").unwrap();
    sent.other_ids = vec![ours.id.clone()];
    client(&started).feed(&sent, PatientNews::Added, &cx()).await.unwrap();
    let known: Vec<Patient> = started.identity.patients.lock().unwrap().clone();
    assert_eq!(known[0].id, ours.id);
    assert_eq!(known[0].other_ids, [sent.id]);
}

#[tokio::test]
async fn a_merge_leaves_the_survivor_and_is_two_records() {
    let started = start();
    let client = client(&started);
    let (survivor, subsumed) = (patient("P1", "Muster", "Anna"), patient("P2", "Muster", "Anna"));
    for one in [&survivor, &subsumed] {
        client.feed(one, PatientNews::Added, &cx()).await.unwrap();
        started.audited.one();
    }
    client.merge(&survivor, &subsumed.id, &cx()).await.unwrap();
    assert_eq!(*started.identity.patients.lock().unwrap(), std::slice::from_ref(&survivor));
    let records = std::mem::take(&mut *started.audited.0.lock().unwrap());
    let about: Vec<_> = records.into_iter().map(|(id, outcome, facts)| (id, outcome, facts.patient)).collect();
    let done = |id: &model::PatientId| ("ITI-44", Outcome::Success, Some(id.clone()));
    assert_eq!(about, [done(&survivor.id), done(&subsumed.id)]);
    // The same again, oneself, a circle, somebody else's patient: refused for good, with nothing changed.
    let stranger = model::PatientId::new("P2", Oid::parse("2.999.8").unwrap());
    for (survivor, gone) in
        [(&survivor, &subsumed.id), (&survivor, &survivor.id), (&subsumed, &survivor.id), (&survivor, &stranger)]
    {
        let refused = client.merge(survivor, gone, &cx()).await.err().unwrap();
        assert!(matches!(refused.first(), Fault::Remote { code, transient: false, .. } if code == "CE"), "{refused:?}");
        assert!(refused.to_string().contains("patientId"), "{refused}");
    }
    assert_eq!(*started.identity.patients.lock().unwrap(), [survivor]);
}

#[tokio::test]
async fn a_merge_of_several_pairs_is_refused() {
    let started = start();
    let (survivor, subsumed) = (patient("P1", "Muster", "Anna"), patient("P2", "Muster", "Anna"));
    client(&started).feed(&subsumed, PatientNews::Added, &cx()).await.unwrap();
    started.audited.one();
    let transmission = hl7v3::prpa::Transmission {
        id: hl7v3::InstanceId::root("2.25.42"),
        creation_time: cx().now(),
        sender: Oid::parse("2.999.1.8").unwrap(),
        receiver: Oid::parse("2.999.1.9").unwrap(),
    };
    let message = String::from_utf8(hl7v3::prpa::encode_merge(&survivor, &subsumed.id, &transmission)).unwrap();
    let start = message.find("<replacementOf").unwrap();
    let end = message.find("</replacementOf>").unwrap() + "</replacementOf>".len();
    let second = message[start..end].replace("P2", "P3");
    let message = [&message[..end], &second, &message[end..]].concat();
    let body = |w: &mut xml::XmlWriter, _: &soap::MtomWriter| {
        w.raw(message.as_bytes());
    };
    let answer = peer(&started).exchange(&MERGED, body, Vec::new(), 0, &cx()).await.unwrap();
    let element = answer.envelope.body_named(hl7v3::NAMESPACE, hl7v3::prpa::ACKNOWLEDGEMENT).unwrap();
    let ack = hl7v3::prpa::decode_ack(&element).unwrap();
    assert_eq!(ack.code, hl7v3::prpa::AckCode::AcceptError);
    assert_eq!(ack.target, hl7v3::InstanceId::root("2.25.42"));
    assert!(
        ack.details[0].text.starts_with("replacementOf/priorRegistration must name one identifier; got 2"),
        "{ack:?}"
    );
    assert_eq!(*started.identity.patients.lock().unwrap(), [subsumed]);
    assert_eq!(started.audited.one(), ("ITI-44", false));
}

#[tokio::test]
async fn reading_is_not_what_this_transaction_does() {
    let started = start();
    let client = client(&started);
    let refused = client.find(&patient("P1", "a", "b").id, &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::Unsupported(_)));
    let refused = client.search("", 1, &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::Unsupported(_)));
}
