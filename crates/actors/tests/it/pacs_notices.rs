//! What others say of studies of a PACS: kept before it is acknowledged, followed by a look, or by none.
//! Source: spec/dicom.md sections 22.5, 22.6.

use crate::bench::SECOND;
use crate::pacs_proxy::{A, B, Proxy};
use crate::samples::study;
use actors::*;

fn records(proxy: &Proxy) -> PacsRecords {
    PacsRecords { store: proxy.network.here.store.clone() }
}

#[test]
fn what_was_asked_for_is_looked_at_after_a_restart_and_the_study_itself_too() {
    let mut proxy = Proxy::new();
    proxy.observe();
    proxy.pacs.put_of(A, "20240101", &[("2.25.1", "")]);
    proxy.observer.ask(&study(A), &proxy.network.here.cx).unwrap();
    proxy.restart();
    proxy.observe();
    assert_eq!(proxy.instances(A), ["2.25.1"]);
    // It was answered: the next start asks for nothing.
    proxy.restart();
    proxy.observe();
    proxy.pacs.asked();
    proxy.observe();
    assert_eq!(proxy.pacs.asked(), (0, 0));
    proxy.publish();
    // No poll asks for a study of that date; who asks sees what is said of it now.
    proxy.pacs.says(A, "MR");
    proxy.observer.ask(&study(A), &proxy.network.here.cx).unwrap();
    proxy.observe();
    assert!(proxy.network.state(A).is_dirty());
}

#[test]
fn a_procedure_step_ends_with_a_look_at_its_studies() {
    let proxy = Proxy::new();
    let cx = &proxy.network.here.cx;
    proxy.observe();
    proxy.pacs.put_of(A, "20240101", &[("2.25.1", "")]);
    proxy.pacs.put_of(B, "20240101", &[("2.25.2", "")]);
    assert!(proxy.observer.step_begins("2.25.900", &[study(A), study(B)], cx).unwrap());
    assert!(!proxy.observer.step_begins("2.25.900", &[study(A)], cx).unwrap(), "it has begun already");
    proxy.observe();
    assert!(proxy.instances(A).is_empty(), "nothing is complete yet");
    let ended = proxy.observer.step_ends("2.25.900", StepEnd::Completed, cx).unwrap();
    assert_eq!(ended, Some(vec![study(A), study(B)]));
    proxy.observe();
    assert_eq!((proxy.instances(A).len(), proxy.instances(B).len()), (1, 1));
    assert_eq!(proxy.observer.step_ends("2.25.900", StepEnd::Completed, cx).unwrap(), None, "it has ended");
}

#[test]
fn a_step_that_nobody_ends_is_forgotten() {
    let proxy = Proxy::new();
    let cx = &proxy.network.here.cx;
    proxy.observer.step_begins("2.25.900", &[study(A)], cx).unwrap();
    proxy.network.pass(31 * 86_400 * SECOND);
    proxy.observer.step_begins("2.25.901", &[study(B)], cx).unwrap();
    assert_eq!(proxy.observer.step_ends("2.25.900", StepEnd::Completed, cx).unwrap(), None);
    assert_eq!(proxy.observer.step_ends("2.25.901", StepEnd::Completed, cx).unwrap(), Some(vec![study(B)]));
}

#[test]
fn the_wrong_worklist_entry_suspends_a_study_until_the_pacs_or_somebody_says_otherwise() {
    let proxy = Proxy::new();
    let cx = &proxy.network.here.cx;
    let suspend = |step: &str| {
        proxy.observer.step_begins(step, &[study(A)], cx).unwrap();
        proxy.observer.step_ends(step, StepEnd::WrongWorklistEntry, cx).unwrap();
    };
    let is_suspended =
        || records(&proxy).study_header(&study(A)).unwrap().is_err_and(|reason| reason.contains("110514"));
    // Before the images are there.
    suspend("2.25.900");
    proxy.pacs.put(A, &[("2.25.1", "")]);
    proxy.observe();
    assert!(is_suspended());
    proxy.observer.resume(&study(A), cx).unwrap();
    assert!(!is_suspended());
    proxy.publish();
    assert!(!proxy.network.state(A).is_dirty());
    // After they were published: what stands is seen to be wrong, and the PACS's correction mends it.
    suspend("2.25.901");
    assert!(is_suspended() && proxy.network.state(A).is_dirty());
    proxy.pacs.says(A, "of another patient");
    proxy.poll();
    assert!(!is_suspended());
}
