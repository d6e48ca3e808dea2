//! Everything that makes a proxy look at a study before the next poll, and what is not accepted.

use super::servers::{self, send, send_to};
use super::{Centre, Wanted};
use crate::weather::client::until;
use dicom::dimse::instance_availability::{AvailabilityNotification, AvailableInstance, AvailableSeries};
use dicom::dimse::procedure_step::{ProcedureStep, StepStatus};
use dicom::dimse::query::Availability;
use dicom::dimse::{ProposedContext, RequestorConfig, SopReference};
use dicom::header::Code;
use dicom::sop_classes::{INSTANCE_AVAILABILITY, MPPS};
use dicom::{DataSet, tags};
use net::DimseClient;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use synth::{Instance, PATIENTS, StudyPlan};

/// Two small studies for each way.
fn studies(count: usize) -> Vec<(StudyPlan, Vec<Instance>)> {
    let make = |seed: usize| {
        let study = synth::study_of(2, 16, 16, 9000 + seed as u64);
        let mut all = Vec::new();
        study
            .write(|one| {
                all.push(one);
                Ok(())
            })
            .expect("a study");
        (study.plan().clone(), all)
    };
    (0..count).map(make).collect()
}

fn notifier(address: &str, calling: &str, called: &str, class: &str) -> Result<DimseClient, net::NetError> {
    let config = RequestorConfig::new(calling, called, vec![ProposedContext::service(class)]);
    DimseClient::connect(address, config, Duration::from_secs(5))
}

fn notification(plan: &StudyPlan, objects: &[Instance], availability: Availability) -> DataSet {
    let instances = objects.iter().map(|one| AvailableInstance {
        reference: SopReference { sop_class: one.sop_class.to_owned(), sop_instance: one.uid.clone() },
        availability,
        retrieve_ae_title: None,
        retrieve_location: None,
    });
    let series = AvailableSeries { series: plan.series[0].uid.clone(), instances: instances.collect() };
    AvailabilityNotification { study: plan.study_uid.clone(), procedure_steps: Vec::new(), series: vec![series] }
        .data_set()
}

/// The N-CREATE of a modality that begins.
fn step(plan: &StudyPlan) -> DataSet {
    let mut set = ProcedureStep { status: Some(StepStatus::InProgress), ..ProcedureStep::default() }.update();
    let mut scheduled = DataSet::new();
    scheduled.put_text(tags::STUDY_INSTANCE_UID, &plan.study_uid);
    scheduled.put_text(tags::ACCESSION_NUMBER, &plan.accession);
    set.put_items(tags::SCHEDULED_STEP_ATTRIBUTES_SEQUENCE, vec![scheduled]);
    set
}

/// MSA-1 and the whole acknowledgement of a message.
fn mllp(address: &str, segments: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("the node listens");
    let head = "MSH|^~\\&|RIS|NORTH|PROXY|NORTH|20260101||ORU^R01^ORU_R01|1|P|2.5.1\rPID|||P0001\r";
    write!(stream, "\x0b{head}{segments}\x1c\r").expect("a message");
    let mut answer = Vec::new();
    let mut octet = [0];
    while !answer.ends_with(b"\x1c\r") {
        stream.read_exact(&mut octet).expect("an acknowledgement");
        answer.push(octet[0]);
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let code = text.split("MSA|").nth(1).expect("an MSA").split('|').next().unwrap_or_default().to_owned();
    (code, text)
}

#[test]
fn every_trigger_has_a_study_published_long_before_the_next_poll() {
    let centre = Centre::start();
    let port = centre.port();
    let Some(pacs) = servers::orthanc(port) else { return };
    let wanted = |triggers: &'static str| Wanted {
        name: "triggered",
        address: "",
        ae_title: "ORTHANC",
        move_to: Some(("PROXY", port)),
        more: triggers,
    };
    let more = "poll_ms = 3600000\nreconcile_ms = 0\ntriggers = [\"cstore\", \"ian\", \"mpps\", \"oru\", \"http\"]\nnotifiers = [\"MODALITY\"]\nconfirm_missing = { queries = 2, apart_ms = 300 }";
    let proxy = centre.serve(&Wanted { address: &pacs.address, ..wanted(more) });
    until("the first poll", || proxy.pacs()["polled_at"].as_i64());
    let dimse = proxy.node.endpoint("DIMSE");
    let all = studies(7);
    let patient = PATIENTS[0].id;
    let published = |plan: &StudyPlan, count: usize| {
        centre.await_instances(patient, &plan.study_uid, count);
    };
    for (_, objects) in &all {
        send(&pacs, objects);
    }

    // HTTP, by UID and by accession number.
    let post = |path: &str| proxy.client.post_json(path, &serde_json::Value::Null);
    let (plan, _) = &all[0];
    assert_eq!(post(&format!("/pacs_proxy/studies/{}", plan.study_uid)), (202, format!("{}\n", plan.study_uid)));
    published(plan, 2);
    let (plan, _) = &all[1];
    assert_eq!(
        post(&format!("/pacs_proxy/studies?accession={}", plan.accession)),
        (202, format!("{}\n", plan.study_uid))
    );
    published(plan, 2);
    for (path, status) in
        [("/pacs_proxy/studies/1.2.x", 400), ("/pacs_proxy/studies", 400), ("/pacs_proxy/studies?accession=NONE", 404)]
    {
        assert_eq!(post(path).0, status, "{path}");
    }

    // An object that nobody asked for; it is not kept.
    let (plan, of_plan) = &all[2];
    send_to(&dimse, "ORTHANC", "PROXY", &of_plan[..1]);
    published(plan, 2);

    // Availability.
    let (plan, of_plan) = &all[3];
    let mut client = notifier(&dimse, "ORTHANC", "PROXY", INSTANCE_AVAILABILITY).expect("an association");
    let answer =
        client.n_create(INSTANCE_AVAILABILITY, "2.25.3001", &notification(plan, of_plan, Availability::Online));
    assert_eq!(answer.expect("an answer").command.status(), Some(0));
    published(plan, 2);
    // What is no longer available is looked for, not believed; what is gone goes.
    let image = &of_plan[0].uid;
    let said = notification(plan, &of_plan[..1], Availability::Unavailable);
    let answer = client.n_create(INSTANCE_AVAILABILITY, "2.25.3002", &said).expect("an answer");
    assert_eq!(answer.command.status(), Some(0));
    pacs.delete("Instance", image);
    client.n_create(INSTANCE_AVAILABILITY, "2.25.3003", &said).expect("an answer");
    published(plan, 1);
    let empty = client.n_create(INSTANCE_AVAILABILITY, "2.25.3004", &DataSet::new()).expect("an answer");
    assert_eq!(empty.command.status(), Some(0xc000));

    // A modality ends its work.
    let (plan, _) = &all[4];
    let mut client = notifier(&dimse, "MODALITY", "PROXY", MPPS).expect("an association");
    let ended = |status| ProcedureStep { status: Some(status), ..ProcedureStep::default() };
    assert_eq!(client.n_create(MPPS, "2.25.4001", &step(plan)).expect("an answer").command.status(), Some(0));
    assert_eq!(client.n_create(MPPS, "2.25.4001", &step(plan)).expect("an answer").command.status(), Some(0x0111));
    let completed = ended(StepStatus::Completed).update();
    assert_eq!(client.n_set(MPPS, "2.25.4001", &completed).expect("an answer").command.status(), Some(0));
    assert_eq!(client.n_set(MPPS, "2.25.4009", &completed).expect("an answer").command.status(), Some(0x0112));
    published(plan, 2);

    // The wrong worklist entry: nothing is published until somebody answers for it.
    let (plan, _) = &all[5];
    client.n_create(MPPS, "2.25.4002", &step(plan)).expect("an answer");
    let code = Code { value: "110514".into(), scheme: "DCM".into(), meaning: "Wrong worklist entry".into() };
    let wrong = ProcedureStep { discontinuation: vec![code], ..ended(StepStatus::Discontinued) }.update();
    assert_eq!(client.n_set(MPPS, "2.25.4002", &wrong).expect("an answer").command.status(), Some(0));
    let (code, _) =
        mllp(&proxy.node.endpoint("MLLP"), &format!("OBR|1\rZDS|{}^RIS^Application^DICOM\r", plan.study_uid));
    assert_eq!(code, "AA");
    until("the study is held", || {
        let status = proxy.client.status();
        let held =
            status["studies"]["held"].as_array()?.iter().find(|one| one["study"] == plan.study_uid.as_str())?.clone();
        held["reason"].as_str().is_some_and(|reason| reason.contains("110514")).then_some(())
    });
    assert_eq!(centre.listed(patient, &plan.study_uid), None);
    assert_eq!(post(&format!("/pacs_proxy/studies/{}", plan.study_uid)).0, 202);
    published(plan, 2);

    // A report.
    let (plan, _) = &all[6];
    let mllp = |segments: &str| mllp(&proxy.node.endpoint("MLLP"), segments);
    assert_eq!(mllp("OBR|1|PL|NONE\r").0, "AE", "the PACS knows no such accession number");
    assert_eq!(mllp("OBR|1\r").0, "AE");
    assert_eq!(mllp("OBR|1\rOBX|1|HD|113014^DICOM Study^DCM||1.2.x\r").0, "AE");
    assert_eq!(mllp(&format!("OBR|1|PL|{}\r", plan.accession)).0, "AA");
    published(plan, 2);

    // Who may do what.
    let stranger = notifier(&dimse, "STRANGER", "PROXY", MPPS).map(|_| ());
    assert!(stranger.is_err_and(|error| error.to_string().contains("calling")), "a stranger is refused");
    let one = &all[0].1[0];
    let contexts = ProposedContext::to_store([(one.sop_class, one.transfer_syntax)]).expect("one fits");
    let config = RequestorConfig::new("MODALITY", "PROXY", contexts);
    let mut client = DimseClient::connect(&dimse, config, Duration::from_secs(5)).expect("an association");
    let context = client.context_for(one.sop_class, one.transfer_syntax).expect("a context");
    let answer = client.store(context, one.sop_class, &one.uid, &mut servers::data_set(&one.bytes));
    assert_eq!(answer.expect("an answer").status(), Some(0x0124), "a notifier may not store");
}

#[test]
fn what_is_no_trigger_here_is_not_accepted() {
    let centre = Centre::start();
    let port = centre.port();
    let Some(pacs) = servers::orthanc(port) else { return };
    let move_to = Some(("PROXY", port));
    let more = "poll_ms = 3600000\nreconcile_ms = 0";
    let proxy = centre.serve(&Wanted { name: "plain", address: &pacs.address, ae_title: "ORTHANC", move_to, more });
    until("the first poll", || proxy.pacs()["polled_at"].as_i64());
    let (plan, of_plan) = studies(1).remove(0);
    send(&pacs, &of_plan);
    let (status, _) =
        proxy.client.post_json(&format!("/pacs_proxy/studies/{}", plan.study_uid), &serde_json::Value::Null);
    assert_eq!(status, 404);
    let dimse = proxy.node.endpoint("DIMSE");
    for class in [MPPS, INSTANCE_AVAILABILITY] {
        let accepted =
            notifier(&dimse, "ORTHANC", "PROXY", class).map(|client| client.context_for(class, "1.2.840.10008.1.2.1"));
        assert!(!matches!(accepted, Ok(Some(_))), "{class}");
    }
    send_to(&dimse, "ORTHANC", "PROXY", &of_plan[..1]);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(centre.listed(PATIENTS[plan.patient].id, &plan.study_uid), None);
}
