//! Data sets of storage commitment, instance availability and performed procedure steps. spec/dicom.md 22.5.

use super::make::{code, element};
use dicom::dimse::commitment::{
    ALL_COMMITTED, CommitmentFailure, CommitmentOutcome, CommitmentRequest, FAILURES_EXIST,
};
use dicom::dimse::instance_availability::{AvailabilityNotification, AvailableInstance, AvailableSeries};
use dicom::dimse::procedure_step::{PerformedSeries, ProcedureStep, ScheduledStep, StepStatus};
use dicom::dimse::query::Availability;
use dicom::dimse::{ElementError, SopReference};
use dicom::header::Code;
use dicom::transfer_syntaxes::{EXPLICIT_LE, IMPLICIT_LE};
use dicom::{DataSet, tags};

fn reference(number: u32) -> SopReference {
    SopReference { sop_class: "1.2.840.10008.5.1.4.1.1.2".into(), sop_instance: format!("2.25.{number}") }
}

/// Both transfer syntaxes give the same value back.
fn both<T: PartialEq + std::fmt::Debug>(set: &DataSet, value: &T, decode: fn(&[u8], &str) -> Result<T, ElementError>) {
    assert_eq!(&decode(&set.encode_explicit_le(), EXPLICIT_LE).unwrap(), value);
    assert_eq!(&decode(&set.encode_implicit_le(), IMPLICIT_LE).unwrap(), value);
}

#[test]
fn a_commitment_request_reads_back_and_names_what_it_lacks() {
    let request = CommitmentRequest { transaction: "2.25.7".into(), instances: vec![reference(1), reference(2)] };
    both(&request.data_set(), &request, CommitmentRequest::decode);
    let twice = CommitmentRequest { instances: vec![reference(1), reference(1)], ..request.clone() };
    let read = CommitmentRequest::decode(&twice.data_set().encode_explicit_le(), EXPLICIT_LE).unwrap();
    assert_eq!(read.instances, [reference(1)]);
    let lacking = |change: fn(&mut DataSet)| {
        let mut set = request.data_set();
        change(&mut set);
        CommitmentRequest::decode(&set.encode_explicit_le(), EXPLICIT_LE).unwrap_err().to_string()
    };
    assert_eq!(lacking(|set| drop(set.remove(tags::TRANSACTION_UID))), "(0008,1195) is missing or empty");
    assert_eq!(lacking(|set| set.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![])), "(0008,1199) is missing or empty");
    let error = lacking(|set| {
        let mut item = DataSet::new();
        item.put_text(tags::REFERENCED_SOP_CLASS_UID, "1.2");
        item.put_text(tags::REFERENCED_SOP_INSTANCE_UID, "CT1");
        set.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![item]);
    });
    assert!(error.starts_with("(0008,1155) \"CT1\": "), "{error}");
}

#[test]
fn a_commitment_outcome_has_its_event_type_and_its_reasons() {
    let mut outcome = CommitmentOutcome {
        transaction: "2.25.7".into(),
        retrieve_ae_title: Some("ARCHIVE".into()),
        committed: vec![reference(1)],
        failed: Vec::new(),
    };
    assert_eq!(outcome.event_type(), ALL_COMMITTED);
    assert!(!outcome.data_set().contains(tags::FAILED_SOP_SEQUENCE));
    both(&outcome.data_set(), &outcome, CommitmentOutcome::decode);
    for (at, code) in [0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213, 0x0999].into_iter().enumerate() {
        let reason = CommitmentFailure::from_code(code);
        assert_eq!((reason.code(), matches!(reason, CommitmentFailure::Other(_))), (code, code == 0x0999));
        outcome.failed.push((reference(10 + at as u32), reason));
    }
    outcome.committed.clear();
    assert_eq!(outcome.event_type(), FAILURES_EXIST);
    assert!(!outcome.data_set().contains(tags::REFERENCED_SOP_SEQUENCE));
    both(&outcome.data_set(), &outcome, CommitmentOutcome::decode);
    assert!(CommitmentOutcome::decode(&[], EXPLICIT_LE).is_err());
}

#[test]
fn the_octets_of_a_commitment_outcome_are_those_of_the_standard() {
    let item = [
        element(tags::REFERENCED_SOP_CLASS_UID, "UI", 4, b"1.2\0"),
        element(tags::REFERENCED_SOP_INSTANCE_UID, "UI", 6, b"2.25.1"),
        element(tags::FAILURE_REASON, "US", 2, &[0x12, 0x01]),
    ]
    .concat();
    let item = [&[0xFE, 0xFF, 0x00, 0xE0][..], &(item.len() as u32).to_le_bytes(), &item].concat();
    let expected = [
        element(tags::TRANSACTION_UID, "UI", 6, b"2.25.7"),
        element(tags::FAILED_SOP_SEQUENCE, "SQ", item.len() as u32, &item),
    ]
    .concat();
    let failed = SopReference { sop_class: "1.2".into(), sop_instance: "2.25.1".into() };
    let outcome = CommitmentOutcome {
        transaction: "2.25.7".into(),
        retrieve_ae_title: None,
        committed: Vec::new(),
        failed: vec![(failed, CommitmentFailure::NoSuchInstance)],
    };
    let octets = outcome.data_set().encode_explicit_le();
    // Tag order puts the reason (0008,1197) behind the references.
    assert_eq!(octets, expected);
    assert_eq!(CommitmentOutcome::decode(&expected, EXPLICIT_LE).unwrap(), outcome);
}

#[test]
fn an_availability_notification_reads_back_and_is_strict_about_removal() {
    let instance = |number, availability| AvailableInstance {
        reference: reference(number),
        availability,
        retrieve_ae_title: Some("PACS".into()),
        retrieve_location: (number == 1).then(|| "2.999.8".into()),
    };
    let instances = vec![instance(1, Availability::Online), instance(2, Availability::Unavailable)];
    let notification = AvailabilityNotification {
        study: "2.25.100".into(),
        procedure_steps: vec![reference(50)],
        series: vec![AvailableSeries { series: "2.25.101".into(), instances }],
    };
    both(&notification.data_set(), &notification, AvailabilityNotification::decode);
    let none = AvailabilityNotification { series: Vec::new(), ..notification.clone() };
    let error = AvailabilityNotification::decode(&none.data_set().encode_explicit_le(), EXPLICIT_LE).unwrap_err();
    assert_eq!(error.to_string(), "(0008,1115) is missing or empty");
    let mut item = DataSet::new();
    item.put_text(tags::REFERENCED_SOP_CLASS_UID, "1.2");
    item.put_text(tags::REFERENCED_SOP_INSTANCE_UID, "2.25.1");
    item.put_text(tags::INSTANCE_AVAILABILITY, "GONE");
    let mut series = DataSet::new();
    series.put_text(tags::SERIES_INSTANCE_UID, "2.25.101");
    series.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![item]);
    let mut set = notification.data_set();
    set.put_items(tags::REFERENCED_SERIES_SEQUENCE, vec![series]);
    let error = AvailabilityNotification::decode(&set.encode_explicit_le(), EXPLICIT_LE).unwrap_err();
    assert!(error.to_string().starts_with("(0008,0056) \"GONE\": expected ONLINE"), "{error}");
}

#[test]
fn a_procedure_step_reads_back_from_both_messages() {
    let step = ProcedureStep {
        status: Some(StepStatus::Completed),
        scheduled: vec![
            ScheduledStep { study: Some("2.25.100".into()), accession_number: None },
            ScheduledStep { study: Some("2.25.200".into()), accession_number: Some("ACC-2".into()) },
        ],
        modality: Some("CT".into()),
        discontinuation: Vec::new(),
        series: vec![PerformedSeries {
            series: "2.25.101".into(),
            retrieve_ae_title: Some("CT1".into()),
            images: vec![reference(1), reference(2)],
            others: vec![reference(3)],
        }],
    };
    both(&step.create(), &step, ProcedureStep::decode);
    assert!(!format!("{step:?}").contains("ACC-2"));
    // An N-SET says neither schedule nor modality.
    let update = ProcedureStep { scheduled: Vec::new(), modality: None, ..step };
    both(&update.update(), &update, ProcedureStep::decode);
    let begun = ProcedureStep { status: Some(StepStatus::InProgress), series: Vec::new(), ..update };
    assert!(begun.create().contains(tags::PERFORMED_SERIES_SEQUENCE));
}

#[test]
fn a_wrong_worklist_entry_is_told_from_other_discontinuations() {
    let wrong =
        Code { value: "110514".into(), scheme: "DCM".into(), meaning: "Incorrect worklist entry selected".into() };
    let step = |status, code: &Code| ProcedureStep {
        status: Some(status),
        discontinuation: vec![code.clone()],
        ..ProcedureStep::default()
    };
    assert!(step(StepStatus::Discontinued, &wrong).is_wrong_worklist_entry());
    assert!(!step(StepStatus::Completed, &wrong).is_wrong_worklist_entry());
    let other = Code { value: "110513".into(), ..wrong.clone() };
    assert!(!step(StepStatus::Discontinued, &other).is_wrong_worklist_entry());
    let value = step(StepStatus::Discontinued, &wrong);
    both(&value.update(), &value, ProcedureStep::decode);
    let mut set = DataSet::new();
    set.put_text(tags::PERFORMED_PROCEDURE_STEP_STATUS, "DONE");
    let error = ProcedureStep::decode(&set.encode_explicit_le(), EXPLICIT_LE).unwrap_err();
    assert!(error.to_string().starts_with("(0040,0252) \"DONE\": expected IN PROGRESS"), "{error}");
    let mut set = DataSet::new();
    set.put_items(tags::PERFORMED_SERIES_SEQUENCE, vec![code("1", "2", "3")]);
    let error = ProcedureStep::decode(&set.encode_explicit_le(), EXPLICIT_LE).unwrap_err();
    assert_eq!(error.to_string(), "(0020,000E) is missing or empty");
}
