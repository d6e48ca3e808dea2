//! OperationOutcome.

use crate::fixture;
use fhir::operation_outcome::{Issue, OperationOutcome, Severity, decode, encode};

#[test]
fn an_outcome_is_read_with_all_its_parts() {
    let outcome = decode(&fixture("made/outcome-duplicate.json")).unwrap();
    let issue = Issue::error("duplicate")
        .details("XDSNonIdenticalHash")
        .diagnostics("uniqueId already registered with another hash")
        .expression("Bundle.entry[1].resource");
    assert_eq!(outcome, OperationOutcome::of(issue));
    assert!(outcome.is_error());
}

#[test]
fn an_outcome_comes_back_unchanged() {
    let outcome = OperationOutcome {
        issues: vec![
            Issue::warning("incomplete").diagnostics("community urn:oid:2.999.3 did not answer"),
            Issue::new(Severity::Information, "informational").details("a"),
        ],
    };
    assert!(!outcome.is_error());
    assert_eq!(decode(&encode(&outcome)).unwrap(), outcome);
}

#[test]
fn an_outcome_without_issues_is_still_valid() {
    let text = String::from_utf8(encode(&OperationOutcome::default())).unwrap();
    assert_eq!(
        text,
        r#"{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]}"#
    );
}

#[test]
fn coded_details_and_old_locations_are_read() {
    let text = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-found",
        "details":{"coding":[{"code":"XDSUnknownPatientId"}]},"location":["/f:Patient"]}]}"#;
    let issue = Issue::error("not-found").details("XDSUnknownPatientId").expression("/f:Patient");
    assert_eq!(decode(text).unwrap(), OperationOutcome::of(issue));
    let success = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"success","code":"success"}]}"#;
    assert!(!decode(success).unwrap().is_error());
    assert!(decode(br#"{"resourceType":"Patient"}"#).is_err());
}
