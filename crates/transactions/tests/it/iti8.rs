//! ITI-8 on both sides, over real sockets. Spec/xds.md section 20.

use crate::border::{Audited, edge};
use actors::{Fault, Identity, PatientNews};
use hl7v2::{Ack, AckCode, Answer};
use model::{Patient, PatientId};
use net::{MllpClient, MllpLimits, MllpServer, listen_mllp};
use std::sync::Arc;
use std::time::Duration;
use testkit::{MemoryIdentity, cx, domain, patient, patient_id};
use transactions::edge::audit::{Facts, Outcome};
use transactions::edge::mllp_server::MllpEndpoint;
use transactions::iti8_patient_identity_feed::{Client, Server};

struct Started {
    server: MllpServer,
    identity: Arc<MemoryIdentity>,
    audited: Arc<Audited>,
}

fn start() -> Started {
    let identity = Arc::new(MemoryIdentity::new(domain()));
    let (edge, audited, _) = edge();
    let namespace = Some("REGION".to_owned());
    let server = Server { identity: identity.clone(), domain: domain(), namespace, edge: edge.clone() };
    let endpoint = MllpEndpoint { edge, transactions: vec![Arc::new(server)] };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listen_mllp(listener, None, Arc::new(endpoint), MllpLimits::default()).unwrap();
    Started { server, identity, audited }
}

impl Started {
    fn mllp(&self) -> MllpClient {
        let address = self.server.address().to_string();
        MllpClient::new(&address, None, Duration::from_secs(60), 1 << 20).unwrap()
    }

    fn client(&self) -> Client {
        Client { name: "central".to_owned(), mllp: self.mllp(), facility: "north".to_owned() }
    }

    async fn send(&self, message: impl AsRef<[u8]>) -> Answer {
        Ack::decode(&self.mllp().exchange(message.as_ref()).await.unwrap()).unwrap()
    }

    fn patients(&self) -> Vec<Patient> {
        self.identity.patients.lock().unwrap().clone()
    }

    fn records(&self) -> Vec<(&'static str, Outcome, Facts)> {
        std::mem::take(&mut *self.audited.0.lock().unwrap())
    }
}

/// A message; `more` is what stands behind EVN.
fn message(event: &str, more: &str) -> String {
    format!(
        "MSH|^~\\&|PAS|HOSP|REG|AD|20250314101500||{event}|M1|P|2.3.1||||||UNICODE UTF-8\rEVN||20250314101500\r{more}\r"
    )
}

#[tokio::test]
async fn a_patient_is_added_once_revised_and_merged() {
    let started = start();
    let client = started.client();
    let anna = patient("P1", "Muster", "Zoë");
    client.feed(&anna, PatientNews::Added, &cx()).await.unwrap();
    let records = started.records();
    assert!(matches!(&records[..], [("ITI-8", Outcome::Success, facts)] if facts.patient == Some(patient_id("P1"))));
    client.feed(&patient("P1", "Alt", "Anna"), PatientNews::Added, &cx()).await.unwrap();
    assert_eq!(started.patients(), [anna]);
    let revised = patient("P1", "Neu", "Anna");
    client.feed(&revised, PatientNews::Revised, &cx()).await.unwrap();
    assert_eq!(started.patients(), std::slice::from_ref(&revised));
    client.feed(&patient("P2", "Muster", "A"), PatientNews::Added, &cx()).await.unwrap();
    started.records();
    client.merge(&revised, &patient_id("P2"), &cx()).await.unwrap();
    assert_eq!(started.patients(), [revised]);
    // The survivor is updated, the subsumed one deleted: two records.
    let about: Vec<_> = started.records().into_iter().map(|(id, _, facts)| (id, facts.patient)).collect();
    assert_eq!(about, [("ITI-8", Some(patient_id("P1"))), ("ITI-8", Some(patient_id("P2")))]);
    let refused = client.merge(&patient("P1", "Neu", "Anna"), &patient_id("P2"), &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::Remote { code, transient: false, .. } if code == "AE"), "{refused:?}");
    assert!(refused.to_string().contains("MRG-1 was merged into another patient before"), "{refused}");
    *started.identity.fault.lock().unwrap() = Some(Fault::Busy);
    let refused = client.feed(&patient("P3", "a", "b"), PatientNews::Added, &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::Remote { code, transient: true, .. } if code == "AR"), "{refused:?}");
}

#[tokio::test]
async fn every_event_of_the_feed_is_taken() {
    let started = start();
    for (n, event) in ["A01", "A04", "A05", "A28", "A08", "A31"].into_iter().enumerate() {
        let pid = format!("PID|||P{n}^^^&2.999.7&ISO||Muster^Anna||1970|F\rPV1||N");
        let answer = started.send(message(&format!("ADT^{event}"), &pid)).await;
        assert_eq!((answer.code, answer.control_id.as_str()), (AckCode::Accept, "M1"), "{event}: {answer:?}");
        assert_eq!(started.audited.one(), ("ITI-8", true));
    }
    assert_eq!(started.patients().len(), 6);
    let merge = "PID|||P1^^^REGION||Doe^Jane\rMRG|P2^^^&2.999.7&ISO~9^^^&2.999.8&ISO";
    assert_eq!(started.send(message("ADT^A40^ADT_A39", merge)).await.code, AckCode::Accept);
    assert_eq!(started.patients().len(), 5);
}

#[tokio::test]
async fn what_is_refused_is_named_by_place_rule_and_value() {
    let started = start();
    for id in ["P1", "P2"] {
        started.client().feed(&patient(id, "Muster", "Anna"), PatientNews::Added, &cx()).await.unwrap();
    }
    let before = started.patients();
    started.records();
    let ours = "P1^^^&2.999.7&ISO";
    let pid = |id: &str| format!("PID|||{id}||Doe^Jane");
    let merge = |id: &str, subsumed: &str| format!("{}\rMRG|{subsumed}", pid(id));
    let foreign = "must have an identifier of 2.999.7, the domain of this registry; got";
    for (event, more, expected) in [
        ("ADT^A04", pid("P3^^^&2.999.8&ISO"), format!("PID-3 {foreign} 2.999.8")),
        ("ADT^A04", pid("P3^^^ELSE"), format!("PID-3 {foreign} ELSE")),
        ("ADT^A08", pid("P3"), format!("PID-3 {foreign} no authority")),
        ("ADT^A08", pid(""), "PID-3 must have an identifier of the patient".into()),
        ("ADT^A04", "PV1||N".into(), "PID is missing".into()),
        ("ADT^A04", format!("{}||19991399", pid(ours)), "PID-7 must be a date".into()),
        ("ADT^A40", merge(ours, "P2^^^&2.999.8&ISO"), format!("MRG-1 {foreign} 2.999.8")),
        ("ADT^A40", merge("P1^^^&2.999.8&ISO", "P2^^^&2.999.7&ISO"), format!("PID-3 {foreign} 2.999.8")),
        ("ADT^A40", merge(ours, ours), "MRG-1 must be known and differ".into()),
        ("ADT^A40", merge(ours, "P9^^^&2.999.7&ISO"), "MRG-1 must be known".into()),
        (
            "ADT^A40",
            merge(ours, "P2^^^&2.999.7&ISO~P3^^^&2.999.7&ISO"),
            "MRG-1 must have one identifier of 2.999.7 in a merge; got 2".into(),
        ),
        ("ADT^A40", pid(ours), "MRG is missing".into()),
        ("ADT^A40", format!("{}\r{}", merge(ours, "P2"), merge(ours, "P3")), "PID may be there once".into()),
    ] {
        let answer = started.send(message(event, &more)).await;
        assert_eq!((answer.code, answer.control_id.as_str()), (AckCode::Error, "M1"), "{more}: {answer:?}");
        assert!(answer.texts[0].starts_with(&expected), "{more}: {answer:?}");
        assert!(answer.texts[0].contains("(reference "), "{answer:?}");
        let records = started.records();
        let expected = if answer.texts[0].starts_with("MRG-1 must be known") { 2 } else { 1 };
        assert_eq!(records.len(), expected, "{more}");
        assert!(records.iter().all(|r| matches!(r.1, Outcome::MinorFailure(_))));
        assert_eq!(started.patients(), before, "{more}");
    }
}

#[tokio::test]
async fn messages_that_are_not_of_the_feed_are_rejected_in_a_sentence() {
    let started = start();
    let ours = "ADT^A01, ADT^A04, ADT^A05, ADT^A08, ADT^A28, ADT^A31, ADT^A40";
    for (event, expected) in [
        ("ORU^R01^ORU_R01", format!("MSH-9.1 must be a message that is served here: {ours}; got ORU^R01 (")),
        ("ADT^A03", format!("MSH-9.2 must be a message that is served here: {ours}; got ADT^A03 (")),
        ("ADT", format!("MSH-9.2 must be a message that is served here: {ours}; got ADT^ (")),
        ("", "MSH-9 must name the type of the message (".to_owned()),
    ] {
        let answer = started.send(message(event, "PID|||P1^^^&2.999.7&ISO")).await;
        assert_eq!((answer.code, answer.control_id.as_str()), (AckCode::Reject, "M1"), "{event}");
        assert!(answer.texts[0].starts_with(&expected), "{answer:?}");
    }
    let answer = started.send("GET / HTTP/1.1").await;
    assert_eq!((answer.code, answer.control_id.as_str()), (AckCode::Reject, ""));
    assert!(answer.texts[0].starts_with("a message begins with MSH"), "{answer:?}");
    let answer = started.send(message("ADT^A04", "PID|||P1^^^&2.999.7&ISO").replace("|M1|", "||")).await;
    assert_eq!(answer.code, AckCode::Error);
    assert!(answer.texts[0].starts_with("MSH-10 must have an id"), "{answer:?}");
    assert!(started.patients().is_empty() && started.records().is_empty());
}

#[tokio::test]
async fn names_are_read_in_the_set_that_msh_18_names_and_a_wrong_name_is_refused() {
    let started = start();
    let text = message("ADT^A04", "PID|||P1^^^&2.999.7&ISO||M\u{fc}ller^Zo\u{eb}");
    let latin = |set: &str| -> Vec<u8> { text.replace("UNICODE UTF-8", set).chars().map(|c| c as u8).collect() };
    for (set, expected) in [
        ("UNICODE UTF-8", "MSH-18 must name the character set of the message; got UNICODE UTF-8"),
        ("KLINGON", "MSH-18 must name the character set of the message as HL7 table 0211 does; got KLINGON"),
    ] {
        let answer = started.send(latin(set)).await;
        assert_eq!(answer.code, AckCode::Error);
        assert!(answer.texts[0].starts_with(expected), "{answer:?}");
    }
    assert!(started.patients().is_empty());
    for set in ["8859/1", ""] {
        assert_eq!(started.send(latin(set)).await.code, AckCode::Accept, "{set}");
        let name = started.patients().pop().unwrap().name;
        assert!(name.family == "M\u{fc}ller" && name.given == "Zo\u{eb}", "{set}");
    }
}

#[tokio::test]
async fn reading_is_not_what_this_feed_does_and_silence_is_a_fault_of_the_peer() {
    let started = start();
    let client = started.client();
    assert!(matches!(client.find(&patient_id("P1"), &cx()).await.err().unwrap().first(), Fault::Unsupported(_)));
    assert!(matches!(client.search("", 1, &cx()).await.err().unwrap().first(), Fault::Unsupported(_)));
    started.server.stop().await;
    let refused = client.merge(&patient("P1", "a", "b"), &PatientId::new("P2", domain()), &cx()).await.err().unwrap();
    assert!(matches!(refused.first(), Fault::PeerUnavailable { .. }), "{refused:?}");
    assert!(refused.is_transient());
}
