//! pynetdicom as a PACS with the habits of spec/dicom.md 22.3 and worse: what it does and what comes of it.

use super::peers::{self, Pacs};
use super::study::{self, Receiver};
use super::{Keeping, go_on};
use dicom::dimse::commitment::{
    COMMITMENT_INSTANCE, CommitmentFailure, CommitmentOutcome, CommitmentRequest, REQUEST_COMMITMENT,
};
use dicom::dimse::instance_availability::{AvailabilityNotification, AvailableInstance, AvailableSeries};
use dicom::dimse::procedure_step::{ProcedureStep, StepStatus};
use dicom::dimse::query::{Availability, Deviation, Found, Query, Quirks, Retrieve, StudyCriteria, StudyMatch};
use dicom::dimse::{
    ElementError, ExtendedNegotiation, FindOutcome, ProposedContext, RequestorConfig, RetrieveOutcome, RetrieveResult,
    SopReference, StatusKind,
};
use dicom::sop_classes::{INSTANCE_AVAILABILITY, MPPS, STORAGE_COMMITMENT, STUDY_ROOT_FIND};
use dicom::text::CharacterSet;
use dicom::transfer_syntaxes::EXPLICIT_LE;
use dicom::{DataSet, tags};
use net::{DimseClient, NetError};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

type Answers = Vec<Result<Found<StudyMatch>, ElementError>>;

fn start() -> Option<(Receiver, Pacs)> {
    let receiver = Receiver::start();
    let pacs = peers::nasty_pacs(receiver.port)?;
    Some((receiver, pacs))
}

fn asking(quirks: &Quirks) -> Query<StudyMatch> {
    Query::studies(&StudyCriteria::default(), quirks).unwrap()
}

/// Asks for all studies and stops after `most` answers.
fn find(pacs: &Pacs, called: &str, quirks: &Quirks, most: usize) -> (Answers, Result<FindOutcome, NetError>) {
    let mut client = study::call(pacs, called, study::find_and_move());
    client.set_cancel_grace(Duration::from_secs(1));
    let mut answers = Vec::new();
    let outcome = client.find(&asking(quirks), &mut |answer| {
        answers.push(answer);
        if answers.len() >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (answers, outcome)
}

fn find_all(pacs: &Pacs, called: &str) -> (Answers, Result<FindOutcome, NetError>) {
    find(pacs, called, &Quirks::default(), usize::MAX)
}

fn whole() -> Retrieve {
    Retrieve::studies(&[study::study()]).unwrap()
}

fn move_all(pacs: &Pacs, called: &str) -> Result<RetrieveOutcome, NetError> {
    study::call(pacs, called, study::find_and_move()).move_to(&whole(), "MANIFOLD", &mut go_on)
}

#[test]
fn text_without_a_character_set_and_odd_values_are_read_and_told() {
    let Some((_receiver, pacs)) = start() else { return };
    let (answers, outcome) = find_all(&pacs, "LATIN1");
    assert!(outcome.unwrap().is_complete());
    let Found { value, deviations } = answers[0].as_ref().unwrap();
    assert_eq!(value.patient.name.as_deref(), Some("Müller^Änne"));
    assert_eq!(value.patient.id.as_deref(), Some("P-41"));
    assert_eq!((value.date.as_deref(), value.time.as_deref()), (Some("20250603"), Some("101530")));
    assert_eq!(value.modalities, ["CT", "SR"]);
    assert_eq!(value.number_of_instances, None);
    for deviation in [
        Deviation::CharacterSetMissing { read_as: "ISO_IR 100" },
        Deviation::DateSpelling(tags::STUDY_DATE),
        Deviation::TimeSpelling(tags::STUDY_TIME),
        Deviation::ModalitiesJoined,
        Deviation::TrailingNul(tags::PATIENT_ID),
        Deviation::KeyNotAsked(tags::PATIENT_COMMENTS),
        Deviation::CountZero(tags::NUMBER_OF_STUDY_RELATED_INSTANCES),
        Deviation::KeyMissing(tags::ACCESSION_NUMBER),
    ] {
        assert!(deviations.contains(&deviation), "{deviation} is not among {deviations:?}");
    }
    let quirks = Quirks { default_character_set: CharacterSet::from_value(b"ISO_IR 144"), ..Quirks::default() };
    let (answers, _) = find(&pacs, "CYRILLIC", &quirks, usize::MAX);
    let Found { value, deviations } = answers[0].as_ref().unwrap();
    assert_eq!(value.patient.name.as_deref(), Some("Люксембург"));
    assert!(deviations.contains(&Deviation::CharacterSetMissing { read_as: "ISO_IR 144" }), "{deviations:?}");
}

#[test]
fn an_answer_that_cannot_be_used_does_not_end_the_query() {
    let Some((_receiver, pacs)) = start() else { return };
    let (answers, outcome) = find_all(&pacs, "BROKEN");
    assert_eq!(outcome.unwrap().answers, 5);
    let texts: Vec<String> = answers
        .iter()
        .map(|answer| match answer {
            Ok(found) => found.value.study.to_string(),
            Err(error) => error.to_string(),
        })
        .collect();
    assert_eq!(texts[0], "2.25.1");
    assert_eq!(texts[1], "(0020,000D) is missing or empty");
    assert!(texts[2].starts_with("(0020,000D) \"1.2.abc.\": a UID has only digits and full stops"), "{}", texts[2]);
    assert!(texts[3].starts_with("data set cannot be read: (0020,000D)"), "{}", texts[3]);
    assert_eq!(texts[4], "2.25.2");
}

#[test]
fn statuses_of_a_query_are_outcomes_in_words() {
    let Some((_receiver, pacs)) = start() else { return };
    let (answers, outcome) = find_all(&pacs, "OPTIONAL");
    let outcome = outcome.unwrap();
    assert!(answers.len() == 1 && outcome.is_complete() && outcome.keys_not_supported, "{outcome}");
    let (answers, outcome) = find_all(&pacs, "RESOURCES");
    let outcome = outcome.unwrap();
    assert_eq!((answers.len(), outcome.status.status, outcome.is_complete()), (1, 0xA700, false));
    assert!(outcome.to_string().contains("ask for less at a time"), "{outcome}");
    let (answers, outcome) = find_all(&pacs, "IDENTIFIER");
    let outcome = outcome.unwrap();
    assert!(answers.is_empty() && outcome.status.kind == StatusKind::Failure);
    assert_eq!(outcome.offending, [tags::MODALITIES_IN_STUDY]);
    assert_eq!(outcome.comment.as_deref(), Some("no such key"));
}

#[test]
fn a_cancelled_query_ends_whether_the_pacs_obeys_or_not() {
    let Some((_receiver, pacs)) = start() else { return };
    let (answers, outcome) = find(&pacs, "OBEDIENT", &Quirks::default(), 3);
    let outcome = outcome.unwrap();
    assert_eq!((answers.len(), outcome.cancelled, outcome.status.status), (3, true, 0xFE00), "{outcome}");
    let begun = Instant::now();
    let (answers, outcome) = find(&pacs, "DEAF", &Quirks::default(), 3);
    let error = outcome.unwrap_err().to_string();
    assert_eq!(answers.len(), 3);
    assert!(error.contains("the peer went on for 1 s"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn an_abort_and_silence_are_errors_with_the_step() {
    let Some((_receiver, pacs)) = start() else { return };
    let (answers, outcome) = find_all(&pacs, "ABORT");
    let error = outcome.unwrap_err().to_string();
    assert_eq!(answers.len(), 1);
    for part in ["dicom://ABORT@127.0.0.1:", "C-FIND at STUDY level: ", "abort"] {
        assert!(error.contains(part), "{error}");
    }
    // The association's own time, then a deadline.
    for (idle, deadline, reason) in [(1_000, None, "silent for 1000 ms"), (60_000, Some(1), "the deadline has passed")]
    {
        let mut config = RequestorConfig::new("MANIFOLD", "SILENT", study::find_and_move());
        config.idle_timeout_ms = idle;
        let mut client = DimseClient::connect(&pacs.address, config, Duration::from_secs(5)).unwrap();
        client.set_deadline(deadline.map(|seconds| Instant::now() + Duration::from_secs(seconds)));
        let error =
            client.find(&asking(&Quirks::default()), &mut |_| ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("SILENT@"), "{error}");
        // Nothing more is sent on it.
        assert!(client.echo().is_err());
    }
}

#[test]
fn what_a_move_comes_to_is_told_in_words() {
    let Some((receiver, pacs)) = start() else { return };
    let outcome = move_all(&pacs, "GOOD").unwrap();
    assert_eq!(outcome.result, RetrieveResult::Complete, "{outcome}");
    assert_eq!(receiver.received.lock().unwrap().objects.len(), 3);
    for (called, result, words) in [
        ("EMPTY", RetrieveResult::NothingMoved, "nothing moved: status 0000"),
        ("UNKNOWN", RetrieveResult::Refused, "the peer must be told our AE title"),
        ("RESOURCES", RetrieveResult::Refused, "cannot perform sub-operations"),
    ] {
        let outcome = move_all(&pacs, called).unwrap();
        assert_eq!(outcome.result, result, "{called}: {outcome}");
        assert!(outcome.to_string().contains(words), "{called}: {outcome}");
    }
    let error = move_all(&pacs, "ABORT").unwrap_err().to_string();
    assert!(error.contains("C-MOVE at STUDY level to MANIFOLD: ") && error.contains("abort"), "{error}");
    // No pending response and no object for longer than we wait: another thread gives up.
    let mut client = study::call(&pacs, "SILENT", study::find_and_move());
    client.set_cancel_grace(Duration::from_millis(300));
    let flag = client.cancel_flag();
    let giving_up = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        flag.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let begun = Instant::now();
    let error = client.move_to(&whole(), "MANIFOLD", &mut go_on).unwrap_err().to_string();
    assert!(error.contains("cancelled") && begun.elapsed() < Duration::from_secs(3), "{error}");
    giving_up.join().unwrap();
}

#[test]
fn what_a_get_comes_to_is_told_in_words() {
    let Some((_receiver, pacs)) = start() else { return };
    let get = |called: &str, answer: u16, stop_after: usize| {
        let mut client = study::call(&pacs, called, ProposedContext::to_get([study::CT], &[EXPLICIT_LE]).unwrap());
        assert!(client.association().is_provider_of(study::CT), "the role was not agreed to");
        let mut sink = Keeping::answering(answer);
        let mut told = 0;
        let outcome = client.get(&whole(), &mut sink, &mut |_| {
            told += 1;
            if told >= stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (sink, outcome)
    };
    let (sink, outcome) = get("GOOD", 0, usize::MAX);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.result, sink.objects.len()), (RetrieveResult::Complete, 3), "{outcome}");
    // We warn: the objects are kept, and the PACS says so in its own final status.
    let (sink, outcome) = get("GOOD", 0xB000, usize::MAX);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.status.status, outcome.sub_operations.warning), (0xB000, Some(3)), "{outcome}");
    assert_eq!((outcome.result, sink.objects.len()), (RetrieveResult::Complete, 3), "{outcome}");
    // We refuse: all of them are named as failed.
    let (_, outcome) = get("GOOD", 0xA700, usize::MAX);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.failed_instances, ["2.25.4110.1", "2.25.4110.2", "2.25.4110.3"], "{outcome}");
    assert_eq!(outcome.sub_operations.failed, Some(3));
    assert_eq!(outcome.result, RetrieveResult::PartlyFailed, "{outcome}");
    let (sink, outcome) = get("EMPTY", 0, usize::MAX);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.result, sink.objects.len()), (RetrieveResult::NothingMoved, 0), "{outcome}");
    let (sink, outcome) = get("GOOD", 0, 1);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.result, RetrieveResult::Cancelled, "{outcome}");
    assert!(sink.objects.len() < 3);
    let (sink, outcome) = get("ABORT", 0, usize::MAX);
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("C-GET at STUDY level: ") && sink.objects.len() == 1, "{error}");
}

#[test]
fn commitment_is_requested_by_an_action() {
    let Some((_receiver, pacs)) = start() else { return };
    let reference = |number: u8| SopReference { sop_class: study::CT.into(), sop_instance: format!("2.25.{number}") };
    let request = CommitmentRequest { transaction: "2.25.77".into(), instances: vec![reference(1), reference(2)] };
    let act = |called: &str, data_set: &DataSet| {
        let mut client = study::call(&pacs, called, vec![ProposedContext::service(STORAGE_COMMITMENT)]);
        client.n_action(STORAGE_COMMITMENT, COMMITMENT_INSTANCE, REQUEST_COMMITMENT, data_set).unwrap().status
    };
    assert_eq!(act("GOOD", &request.data_set()).kind, StatusKind::Success);
    let refused = act("DUPLICATE", &request.data_set());
    assert_eq!(refused.to_string(), "status 0131, the transaction UID is in use already");
    let other = CommitmentRequest { transaction: "2.25.78".into(), ..request };
    assert_eq!(act("GOOD", &other.data_set()).status, 0x0115);
}

#[test]
fn notifications_and_the_outcome_of_a_commitment_are_sent() {
    let Some((_receiver, pacs)) = start() else { return };
    let reference = SopReference { sop_class: study::CT.into(), sop_instance: "2.25.1".into() };
    let services = [INSTANCE_AVAILABILITY, MPPS].map(ProposedContext::service).to_vec();
    let mut client = study::call(&pacs, "GOOD", services);
    let notification = AvailabilityNotification {
        study: study::STUDY.into(),
        procedure_steps: Vec::new(),
        series: vec![AvailableSeries {
            series: study::CT_SERIES.into(),
            instances: vec![AvailableInstance {
                reference: reference.clone(),
                availability: Availability::Unavailable,
                retrieve_ae_title: None,
                retrieve_location: None,
            }],
        }],
    };
    let answer = client.n_create(INSTANCE_AVAILABILITY, "2.25.88", &notification.data_set()).unwrap();
    assert_eq!(answer.status.kind, StatusKind::Success, "{}", answer.status);
    let mut step =
        ProcedureStep { status: Some(StepStatus::InProgress), modality: Some("CT".into()), ..ProcedureStep::default() };
    let answer = client.n_create(MPPS, "2.25.88", &step.create()).unwrap();
    assert_eq!(answer.status.kind, StatusKind::Success, "{}", answer.status);
    // What was refused is told in words.
    let answer = client.n_set(MPPS, "2.25.88", &step.update()).unwrap();
    assert_eq!(answer.status.to_string(), "status 0106, an attribute has an invalid value");
    step.status = Some(StepStatus::Completed);
    let answer = client.n_set(MPPS, "2.25.88", &step.update()).unwrap();
    assert_eq!(answer.status.kind, StatusKind::Success, "{}", answer.status);
    client.release().unwrap();

    let mut client = study::call(&pacs, "GOOD", vec![ProposedContext::provider(STORAGE_COMMITMENT)]);
    assert!(client.association().is_provider_of(STORAGE_COMMITMENT));
    let outcome = CommitmentOutcome {
        transaction: "2.25.77".into(),
        retrieve_ae_title: None,
        committed: Vec::new(),
        failed: vec![(reference, CommitmentFailure::NoSuchInstance)],
    };
    let event = outcome.event_type();
    let answer = client.n_event_report(STORAGE_COMMITMENT, COMMITMENT_INSTANCE, event, &outcome.data_set()).unwrap();
    assert_eq!(answer.status.kind, StatusKind::Success, "{}", answer.status);
}

#[test]
fn relational_queries_are_agreed_on_where_the_peer_knows_them() {
    let Some((_receiver, pacs)) = start() else { return };
    let mut config = RequestorConfig::new("MANIFOLD", "GOOD", study::find_and_move());
    config.extended = vec![ExtendedNegotiation::find(true, true)];
    let client = DimseClient::connect(&pacs.address, config.clone(), Duration::from_secs(5)).unwrap();
    assert_eq!(client.association().extended(STUDY_ROOT_FIND), Some(&[1, 0, 0][..]));
    client.release().unwrap();
    let receiver = Receiver::start();
    let Some(pacs) = peers::orthanc(receiver.port) else { return };
    let client = DimseClient::connect(&pacs.address, config, Duration::from_secs(5)).unwrap();
    assert_eq!(client.association().extended(STUDY_ROOT_FIND), None);
}
