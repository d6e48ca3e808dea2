//! `$ihe-pix`, `$match` and the search strings of ITI-78.

use crate::oid;
use fhir::parameters::*;
use fhir::patient_search::{PatientSearchOptions, decode};
use fhir::search::Handling;

const LENIENT: PatientSearchOptions =
    PatientSearchOptions { handling: Handling::Lenient, default_count: 10, max_count: 100 };

#[test]
fn the_published_requests_are_read() {
    let Some(dir) = crate::shared_data("fhir/pixm-3.1.0/example") else { return };
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let question = decode_pix(&read("Parameters-pixm-request-mohralice-red-to-blue.json")).unwrap();
    assert!(question.source == ("urn:oid:1.3.6.1.4.1.21367.13.20.1000".to_owned(), "IHERED-994".to_owned()));
    assert_eq!(question.targets.len(), 2);
    assert_eq!(question.format.as_deref(), Some("application/fhir+xml"));
    assert!(decode_pix(&read("Parameters-pixm-request-mohralice-red-all.json")).unwrap().targets.is_empty());
    let Some(dir) = crate::shared_data("fhir/pdqm-3.2.0/example") else { return };
    let read = |name: &str| decode_match(&std::fs::read(dir.join(name)).unwrap()).unwrap();
    let bare = read("Patient-ex-match-input-patient.json");
    assert!(bare.described.name.family == "Schmidt" && bare.described.details.addresses[0].state == "WI");
    assert!(bare.described.ids.is_empty(), "the system of its identifier is no OID");
    let same = read("Parameters-ex-match-input-patient-only.json");
    assert!(same.described == bare.described && !same.only_certain && same.count.is_none());
    assert_eq!(read("Parameters-ex-match-input-count.json").count, Some(1));
    assert!(read("Parameters-ex-match-input-onlyCertainMatches.json").only_certain);
    // What a search answers there has identifiers of a URL, which no domain of ours is.
    let found = std::fs::read(dir.join("Bundle-ex-QueryPatientResourceResponseMessage.json")).unwrap();
    let page = fhir::bundle::decode_searchset(&found, None).unwrap();
    assert!(page.patients.iter().all(|p| p.as_ref().is_err_and(|e| e.path == "Patient.identifier")));
}

#[test]
fn a_question_names_one_source() {
    let question = pix_of_query("sourceIdentifier=urn:oid:2.999.7%7CP%5C%7C1&targetSystem=a,b&targetSystem=c").unwrap();
    assert!(question.source == ("urn:oid:2.999.7".to_owned(), "P|1".to_owned()));
    assert_eq!(question.targets, ["a", "b", "c"]);
    assert!(!format!("{question:?}").contains("P|1"));
    for wrong in ["", "targetSystem=a", "sourceIdentifier=a&sourceIdentifier=b", "sourceIdentifier=a&colour=b"] {
        assert!(pix_of_query(wrong).is_err(), "{wrong}");
    }
    for wrong in ["{", "[]", "{\"resourceType\":\"Bundle\"}", "{\"resourceType\":\"Parameters\"}"] {
        assert!(decode_pix(wrong.as_bytes()).is_err() && decode_match(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert_eq!(encode_pix(&[]), br#"{"resourceType":"Parameters"}"#);
}

#[test]
fn a_list_of_systems_chooses_domains_and_one_with_values_does_not() {
    let read = |query: &str| decode(query, &LENIENT).unwrap();
    assert_eq!(read("identifier=urn:oid:2.999.7|,2.999.8|").domains, Some(vec![oid("2.999.7"), oid("2.999.8")]));
    assert_eq!(read("identifier=urn:oid:2.999.7|,urn:oid:2.999.8|1").domains, None);
    assert!(read("identifier=http://x|").unknown_domain);
    assert!(read("identifier=|1").nobody && read("active=false").nobody && !read("family=").nobody);
    let search = read("family=M%C3%BCll&_count=1000&colour=red");
    assert_eq!(search.self_query(), "family=M%C3%BCll&_count=100");
    assert_eq!((search.page_size(), search.ignored.len()), (100, 1));
    let strict = PatientSearchOptions { handling: Handling::Strict, ..LENIENT };
    assert!(decode("colour=red", &strict).is_err());
    let error = decode("birthdate=12.4.1961", &LENIENT).unwrap_err();
    assert!(!error.to_string().contains("1961"), "{error}");
}
