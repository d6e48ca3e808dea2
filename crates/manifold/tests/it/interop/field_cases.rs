//! Failures of other systems, each a test under its number in the list of field cases.

use super::peers::{self, Peer};
use crate::network::folder;

fn check(case: &str, others: &[Peer]) {
    if peers::present(&[Peer::Python]) && peers::present(others) {
        let folder = folder();
        peers::python("field_cases.py", &[&case, &super::scratch().endpoints_file(), &folder.path()]);
    }
}

#[test]
fn b_001_a_compressed_slice_is_decoded_unless_any_syntax_is_accepted() {
    check("b_001", &[Peer::Program("dcmcjpeg")]);
}

#[test]
fn b_003_every_spelling_of_accept_is_understood() {
    check("b_003", &[]);
}

#[test]
fn b_005_every_part_has_its_own_headers_and_the_last_an_end() {
    check("b_005", &[]);
}

#[test]
fn b_007_one_series_uid_in_two_studies_stays_apart() {
    check("b_007", &[]);
}

#[test]
fn b_010_garbage_in_a_uid_segment_is_refused_in_few_words() {
    check("b_010", &[]);
}

#[test]
fn b_012_a_a_uid_padded_with_a_blank_is_found_by_the_uid() {
    check("b_012_a", &[]);
}

#[test]
fn b_012_b_a_uid_with_a_leading_zero_is_kept_literally() {
    check("b_012_b", &[Peer::Program("storescu")]);
}

#[test]
fn b_012_c_a_padded_implementation_class_uid_does_not_hinder_an_association() {
    check("b_012_c", &[]);
}

#[test]
fn b_024_a_manifest_in_a_study_of_its_own_is_found_by_the_study_it_lists() {
    check("b_024", &[]);
}

#[test]
fn b_046_a_document_inline_in_plain_soap_is_stored() {
    check("b_046", &[]);
}

#[test]
fn b_048_binary_in_the_security_header_does_not_hinder_a_submission() {
    check("b_048", &[]);
}
