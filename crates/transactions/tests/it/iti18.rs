//! ITI-18 as a consumer asks it.

use actors::{Fault, Registry};
use model::{DocumentQuery, Oid, PatientId, PeriodMatch};
use transactions::edge::soap_client::SoapPeer;
use transactions::iti42_register_document_set::Client;

#[tokio::test(flavor = "multi_thread")]
async fn a_criterion_that_a_stored_query_cannot_express_is_refused_and_not_answered_with_nothing() {
    let peer = SoapPeer {
        name: "central".into(),
        // Nobody listens here: the refusal comes before anything is sent.
        url: "http://127.0.0.1:9/xds/registry".into(),
        http: testkit::http_client(),
        message_octets: 1 << 20,
    };
    let patient = PatientId::new("P0001", Oid::parse("2.999.7").unwrap());
    let query = DocumentQuery {
        submission_time: vec![PeriodMatch { start_at_least: Some(20_250_101_000_000), ..PeriodMatch::default() }],
        ..DocumentQuery::of_patient(patient)
    };
    let refusal = Client { peer }.find(&query, &testkit::cx()).await.unwrap_err();
    assert!(matches!(refusal.first(), Fault::Unsupported(_)), "{refusal}");
}
