//! Faults as HTTP status and OperationOutcome, and back.

use actors::{Fault, Refusal};
use http::StatusCode;
use model::{Invalid, Oid};
use transactions::edge::operation_outcome::{diagnostics, outcome, refusal, status};

#[test]
fn each_fault_has_the_status_of_the_digest() {
    let id = || testkit::unique_id("2.25.1");
    let repository = || Oid::parse("2.999.1").unwrap();
    for (fault, expected) in [
        (Fault::UnknownPatient(testkit::patient_id("P1")), 422),
        (Fault::InvalidQuery(Invalid::new("x", "must be y", "z")), 400),
        (Fault::DocumentNotFound(id()), 404),
        (Fault::UnknownRepository { repository: repository(), unique_id: id() }, 502),
        (Fault::NonIdenticalHash(id()), 409),
        (Fault::TooManyResults { limit: 1 }, 413),
        (Fault::NotAcceptable("no".into()), 406),
        (Fault::Denied("no".into()), 403),
        (Fault::Busy, 503),
        (Fault::PeerUnavailable { peer: "south".into(), reason: "silent".into() }, 503),
        (Fault::OutOfResources("full".into()), 507),
        (Fault::Internal { log_id: "x".into() }, 500),
    ] {
        assert_eq!(status(&fault).as_u16(), expected, "{fault:?}");
    }
}

#[test]
fn no_patient_is_named_in_diagnostics() {
    let secret = testkit::patient_id("SECRET");
    for fault in [
        Fault::UnknownPatient(secret.clone()),
        Fault::PatientIdDoesNotMatch { object: "e".into(), expected: secret.clone(), came: secret },
        Fault::InvalidMetadata(Invalid::new("DocumentEntry.patientId", "must be x", "SECRET")),
        Fault::InvalidMetadata(Invalid::new("sourcePatientInfo", "must be x", "SECRET")),
    ] {
        assert!(!diagnostics(&fault).contains("SECRET"), "{fault:?}");
    }
}

#[test]
fn a_refusal_reads_back_as_what_it_was() {
    let patient = testkit::patient_id("P1");
    let (status, written) = outcome(&Refusal::from(Fault::UnknownPatient(patient.clone())));
    let body = fhir::operation_outcome::encode(&written);
    let back = refusal("central", status, &body, Some(&patient));
    assert_eq!(back.first(), &Fault::UnknownPatient(patient));
    let (status, written) = outcome(&Refusal::from(Fault::Busy));
    let back = refusal("central", status, &fhir::operation_outcome::encode(&written), None);
    assert!(back.is_transient());
    assert!(back.to_string().contains("central"), "{back}");
    let back = refusal("central", StatusCode::BAD_REQUEST, b"<html>", None);
    assert!(!back.is_transient());
}
