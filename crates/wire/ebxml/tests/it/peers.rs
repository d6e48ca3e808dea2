//! Messages of other systems, as they sent them. The same data as in ../shared, kept here so that it is always checked.

use ebxml::*;
use model::{AvailabilityStatus, DocumentQuery, DtmRange, StoredQuery};

use crate::support::{find, fixture, parse, sentences};

/// 3.4.5 is no OID, though the NIST toolkit writes it as one.
fn mended(name: &str) -> String {
    fixture(&format!("peer/{name}")).replace("&amp;3.4.5&amp;", "&amp;1.3.4.5&amp;")
}

fn query(name: &str) -> Result<QueryRequest, QueryError> {
    decode_query(&find(&parse(fixture(&format!("peer/{name}")).as_bytes()), "AdhocQueryRequest"))
}

#[test]
fn a_nist_submission_of_two_documents_is_read_in_any_order_of_children() {
    for name in ["nist_pnr.xml", "nist_pnr_element_order.xml"] {
        let document = parse(mended(name).as_bytes());
        let provide = decode_provide(&find(&document, "ProvideAndRegisterDocumentSetRequest"));
        let provide = provide.unwrap_or_else(|findings| panic!("{name}: {}", sentences(&findings))).value;
        assert_eq!(provide.submission.entries.len(), 2, "{name}");
        let entry = &provide.submission.entries[0];
        assert_eq!(entry.authors.len(), 2);
        assert_eq!(entry.authors[0].institutions[1].name(), "Parma Community");
        assert_eq!(entry.title.value(), Some("Physical"));
        assert_eq!(entry.source_patient_info.0.len(), 5);
        assert!(entry.hash.is_none() && entry.size_octets.is_none(), "the repository adds them");
    }
}

#[test]
fn nist_submissions_that_must_fail_do() {
    for (name, expected) in [
        ("nist_pnr_limited.xml", "SubmissionSet.limitedMetadata must not be declared"),
        (
            "nist_pnr_bad_uplink.xml",
            "Document01: DocumentEntry.Classification.classifiedObject must be the id of the object it stands in; got `Document011`",
        ),
    ] {
        let document = parse(mended(name).as_bytes());
        let found = sentences(&decode_provide(&document.root()).unwrap_err());
        assert!(found.contains(expected), "{name}: {found}");
    }
}

#[test]
fn an_empty_query_in_ipfs_removal_asks_for_nothing_and_any_other_is_refused() {
    let text = fixture("peer/ipf_iti62_empty_query.xml");
    assert_eq!(decode_remove_objects(&parse(text.as_bytes()).root()).map(|ids| ids.len()), Ok(1));
    for query in
        ["<AdhocQuery id=\"urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d\"/>", "<AdhocQuery><Slot/></AdhocQuery>"]
    {
        let asking = text.replace("<AdhocQuery/>", query);
        let found = sentences(&decode_remove_objects(&parse(asking.as_bytes()).root()).unwrap_err());
        assert!(found.contains("RemoveObjectsRequest.AdhocQuery must be absent"), "{found}");
    }
}

#[test]
fn nist_and_openxds_queries_read_as_meant() {
    let nist = query("nist_sq_req.xml").unwrap();
    assert!(matches!(nist.query.stored, StoredQuery::FindDocuments(_)));
    let openxds = query("openxds_find_documents.xml").unwrap();
    let patient = model::PatientId::parse("1100099^^^&1.3.6.1.4.1.21367.2010.1.2.300&ISO").unwrap();
    let expected = DocumentQuery {
        creation_time: DtmRange { from: Some(20091115000000), to: Some(20091215143054) },
        ..DocumentQuery::of_patient(patient).approved()
    };
    assert_eq!(openxds.query.stored, StoredQuery::FindDocuments(expected));
}

#[test]
fn queries_that_must_fail_do() {
    for (name, expected) in [
        ("nist_sq_req_bad_code.xml", "$XDSDocumentEntryClassCode must be a code and its scheme"),
        ("nist_sq_req_bad_pid_format.xml", "$XDSDocumentEntryPatientId must have its values in single quotes"),
        ("nist_sq_req_bad_stat_format1.xml", "$XDSDocumentEntryStatus must have its values in single quotes"),
        ("nist_sq_req_bad_stat_format2.xml", "$XDSDocumentEntryStatus must have its values in single quotes"),
        ("nist_sq_req_missing_stat.xml", "$XDSDocumentEntryStatus is required"),
        ("ipf_iti18_injection.xml", "$XDSDocumentEntryPatientId must close its single quote"),
    ] {
        let error = query(name).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_nist_answer_is_read() {
    let response = decode_query_response(&parse(mended("nist_sq_resp_lc.xml").as_bytes()).root()).unwrap();
    assert_eq!(response.entries.len(), 2, "{}", sentences(&response.unreadable));
    let entry = &response.entries[0];
    assert_eq!(entry.availability_status, AvailabilityStatus::Approved);
    assert_eq!(entry.logical_id.as_ref(), Some(&entry.id));
    assert_eq!(entry.version, None, "1.1 is ebRIM's default, not a version");
    assert_eq!(entry.home_community_id, None, "home=\"\"");
    assert_eq!(entry.title.0[0].lang.as_deref(), Some("en-us"));
    assert!(response.unreadable.is_empty(), "{}", sentences(&response.unreadable));
    let no_status = parse(fixture("peer/nist_sq_resp_nostat_objectref.xml").as_bytes());
    assert!(decode_query_response(&no_status.root()).unwrap_err().to_string().contains("AdhocQueryResponse.status"));
}

#[test]
fn openxds_writes_the_home_without_its_prefix() {
    let document = parse(fixture("peer/openxds_retrieve_request.xml").as_bytes());
    let requests = decode_retrieve_request(&document.root()).unwrap();
    assert_eq!(requests[0].home_community_id.as_ref().unwrap().to_string(), "urn:oid:1.3.6.1.4.1.21367.2010.1.2.2045");
}
