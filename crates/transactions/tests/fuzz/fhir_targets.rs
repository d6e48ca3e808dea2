//! The targets behind the FHIR paths: search strings, and resources and Bundles in JSON and in XML.

use crate::{alone, peak};
use fhir::bundle::{Links, decode_searchset, searchset};
use fhir::document_reference::{DecodeContext, EncodeContext};
use fhir::list::{ListContext, ListEncodeContext};
use fhir::metadata_defaults::MetadataDefaults;
use fhir::patient_search::PatientSearchOptions;
use fhir::provide_bundle::{DocumentToProvide, ProvideContext, ProvideOptions};
use fhir::search::{Handling, SearchOptions};
use model::{
    Association, AssociationType, Author, AvailabilityStatus, ObjectId, SeriesInstanceUid, SopInstanceUid, Submission,
    SubmissionSet, SubmissionSetStatus, Text, UniqueId, Xcn,
};
use std::path::Path;
use testkit::fuzz::{Corpus, Runs};
use testkit::{domain, entry, patient, patient_id};

/// In `check`; `deep` has many more.
const RUNS: u64 = 20_000;

/// What a mutant of at most 64 KiB may make a decoder allocate: the tree of its XML, the JSON that becomes of it, and the
/// resources of the densest JSON there is.
const MOST_OCTETS: usize = 24 << 20;

const WORDS: &[&str] = &[
    "{}",
    "[]",
    "null",
    "true",
    "1e400",
    "-0",
    "\"\\ud800\"",
    "\"resourceType\":\"Bundle\"",
    "\"resourceType\":\"Patient\",",
    "\"contained\":[",
    "\"extension\":[{\"url\":\"x\",\"valueString\":\"",
    "\"reference\":\"#",
    "\"reference\":\"urn:uuid:",
    "urn:uuid:00000000-0000-4000-8000-000000000001",
    "urn:oid:2.999.7",
    "urn:dicom:uid",
    "\"valueReference\":{",
    "\"request\":{\"method\":\"PUT\",\"url\":\"List/",
    "\"fullUrl\":",
    "\"type\":\"document\"",
    "T24:00:00Z",
    "2026-02-30",
    "2026-01-01T00:00:00+14:00",
    "%25253A",
    "%7C",
    "%",
    "&",
    "=",
    "|",
    "\\|",
    ",",
    "ge",
    ":exact",
    ":identifier",
    "_sort=-",
    "_count=99999999999999999999",
    "patient.identifier=",
    "<div xmlns=\"http://www.w3.org/1999/xhtml\">",
    "<contained>",
    "<extension url=\"",
    " value=\"",
    "<!DOCTYPE x>",
    "&amp;",
    "</Bundle>",
    "\u{feff}",
    "\u{202e}",
];

fn within_bounds(what: &str, work: impl FnOnce()) {
    let ((), octets) = peak(work);
    assert!(octets <= MOST_OCTETS, "{what} allocated {octets} octets for a message of at most 64 KiB");
}

/// A submission with a relation, a folderless set and two documents, as every source sends it.
fn submission() -> Submission {
    let uuid = |n: u8| ObjectId::from_uuid_bytes([n; 16]);
    let (mut first, second) = (entry(1), entry(2));
    first.authors = vec![Author { person: Xcn::parse("1^Curie^Irène^^^^^^&2.999.2&ISO").ok(), ..Author::default() }];
    let set = SubmissionSet {
        id: uuid(1),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        title: Text::plain("CT"),
        comments: Text::default(),
        authors: first.authors.clone(),
        content_type_code: first.type_code.clone(),
        patient_id: patient_id("P1"),
        source_id: domain(),
        unique_id: UniqueId::parse("2.25.77").expect("a uniqueId"),
        submission_time: first.creation_time.clone().expect("a time"),
        intended_recipients: vec!["North^^^^^^^^^2.999.5|2^Bohr".to_owned()],
        extra: Vec::new(),
    };
    let link = |n: u8, kind, source: &ObjectId, target: &ObjectId, status| Association {
        id: uuid(n),
        kind,
        source: source.clone(),
        target: target.clone(),
        availability_status: AvailabilityStatus::Approved,
        home_community_id: None,
        submission_set_status: status,
        documentation: None,
        extra: Vec::new(),
    };
    let original = Some(SubmissionSetStatus::Original);
    let associations = vec![
        link(2, AssociationType::HasMember, &set.id, &first.id, original),
        link(3, AssociationType::HasMember, &set.id, &second.id, original),
        link(4, AssociationType::Rplc, &first.id, &uuid(9), None),
        link(5, AssociationType::Xfrm, &second.id, &first.id, None),
    ];
    Submission { set, entries: vec![first, second], folders: Vec::new(), associations }
}

/// Resources and Bundles of every transaction, ours and the guides'.
fn bodies() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for folder in ["made", "spec"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/fhir/fixtures").join(folder);
        for file in std::fs::read_dir(folder).expect("the fixtures of fhir") {
            let path = file.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "json") {
                all.push(std::fs::read(path).expect("a fixture"));
            }
        }
    }
    let submission = submission();
    let documents: Vec<_> =
        submission.entries.iter().map(|e| DocumentToProvide { entry_id: &e.id, octets: b"octets" }).collect();
    let options = ProvideOptions { patch: true, extra_slots: true };
    all.push(fhir::provide_bundle::encode(&submission, &documents, options));
    let cx = EncodeContext::server("http://x/fhir");
    all.push(searchset(&submission.entries, &[], "http://x/fhir", &cx, 2, &Links::default(), &[]));
    all.push(fhir::list::encode_submission_set(&submission.set, &ListEncodeContext::default()));
    all.push(fhir::patient::encode(&patient("P1", "Müller", "Zoë")));
    all.sort();
    all
}

/// Everything that reads a body; what is understood is written again.
fn decode_all(json: &[u8]) {
    let patient = patient_id("P1");
    let fresh_id = || ObjectId::from_uuid_bytes([5; 16]);
    let derive = |_: &[u8]| UniqueId::parse("2.25.1").expect("a uniqueId");
    let defaults = MetadataDefaults::default();
    let context = ProvideContext { fresh_id: &fresh_id, derive_unique_id: &derive, defaults: &defaults };
    if let Ok(provided) = fhir::provide_bundle::decode(json, &context) {
        let _ = provided.submission.validate();
        let options = ProvideOptions { patch: true, extra_slots: true };
        let _ = fhir::provide_bundle::encode(&provided.submission, &[], options);
    }
    let _ = decode_searchset(json, Some(&patient));
    let cx = DecodeContext { patient: Some(&patient), ..DecodeContext::default() };
    if let Ok(received) = fhir::document_reference::decode(json, &cx) {
        let _ = received.entry.validate();
        let _ = fhir::document_reference::encode(&received.entry, &EncodeContext::server("http://x/fhir"));
    }
    let _ = fhir::list::decode(json, &ListContext { patient: Some(&patient), ..ListContext::default() });
    if let Ok(feed) = fhir::patient::decode(json, Some(&domain())) {
        let _ = fhir::patient::encode(&feed.patient);
    }
    let _ = fhir::operation_outcome::decode(json);
    let name = |_: &UniqueId| {
        let series = SeriesInstanceUid::parse("2.25.2").expect("a UID");
        (SopInstanceUid::parse("2.25.1").expect("a UID"), series)
    };
    let _ = fhir::manifest::decode(json, &name);
}

#[test]
fn search_strings() {
    let _turn = alone();
    let queries = [
        "patient.identifier=urn:oid:2.999.7%7CP1&status=current&type=http://loinc.org|18748-4,|x&_count=10&_sort=-date",
        "patient=Patient/1&creation=ge2026-01&creation=lt2026-02&period=2026&date=ap2026-01-01T10:00:00Z",
        "identifier=urn:ietf:rfc:3986|urn:uuid:00000000-0000-4000-8000-000000000001&event=CT&event=MR&format=a\\,b",
        "related:identifier=urn:dicom:uid|1.2&study-instance-uid=2.25.1&accession-number=urn:oid:2.999|7&modality=CT",
        "author.family=Müller&author.given=Zo&security-label=N&setting=x|&facility=y&targetCommunityIdList=urn:oid:2.999.1",
        "patient.identifier=P1&code=folder&sourceId=urn:oid:2.999.7&designationType=x|y&source.family=a&_id=1",
        "family:exact=Muster&given=a&birthdate=ge1980&identifier=urn:oid:2.999.7|,urn:oid:2.999.8|&telecom=phone|1",
        "address-city:contains=Z%C3%BCrich&gender=male&active=true&mothersMaidenName=x&_page=abc&_format=xml",
    ];
    let corpus = Corpus::new(queries.iter().map(|q| q.as_bytes().to_vec()).collect(), WORDS);
    Runs::of_environment(RUNS).each(&corpus, |input, random| {
        let text = String::from_utf8_lossy(input).into_owned();
        let handling = *random.choose(&[Handling::Lenient, Handling::Strict]);
        within_bounds("a search", || {
            let options = SearchOptions { handling, patient_domain: Some(domain()), ..SearchOptions::default() };
            if let Ok(search) = fhir::search::decode(&text, &options) {
                // What was understood is understood again: next links hold it.
                let again = fhir::search::decode(&search.self_query(), &options);
                assert!(again.is_ok(), "{:?} of a query that was understood", again.err());
            }
            if let Ok(search) = fhir::search::lists::decode(&text, &options) {
                assert!(fhir::search::lists::decode(&search.understood.query(), &options).is_ok());
            }
            let options = PatientSearchOptions { handling, default_count: 10, max_count: 100 };
            if let Ok(search) = fhir::patient_search::decode(&text, &options) {
                assert!(fhir::patient_search::decode(&search.self_query(), &options).is_ok());
            }
        });
    });
}

#[test]
fn json_bundles() {
    let _turn = alone();
    let corpus = Corpus::new(bodies(), WORDS);
    Runs::of_environment(RUNS).each(&corpus, |input, _| {
        within_bounds("JSON", || {
            decode_all(input);
            let _ = fhir::xml::to_xml(input);
        });
    });
}

#[test]
fn xml_bundles() {
    let _turn = alone();
    let bodies = bodies().iter().map(|json| fhir::xml::to_xml(json).unwrap_or_else(|e| panic!("{e}"))).collect();
    let corpus = Corpus::new(bodies, WORDS);
    Runs::of_environment(RUNS).each(&corpus, |input, _| {
        within_bounds("XML", || {
            if let Ok(json) = fhir::xml::to_json(input) {
                decode_all(&json);
            }
        });
    });
}
